/*
 * The supervisor: keyless, it forks core and the fronts and watches them. A dead front is replaced and its pair's end handed
 * to core; if core dies everything starts again, sealed. DESIGN section 13 ruling 22.
 */
#ifndef CV_DAEMON_SUPERVISOR_H
#define CV_DAEMON_SUPERVISOR_H

#include <stdbool.h>

struct supervisor_options {
	const char *dir;
	const char *api_path, *admin_path;
	unsigned fronts;	/* 1 to CORE_FRONTS */
	bool production;	/* core opens a production vault only */
	bool demo;		/* fronts show explanations; core decides by itself */
};
/* Run until stopped. Returns the process's exit code: 0 stopped, 1 could not start or kept failing. */
int supervisor_run(const struct supervisor_options *o);

#endif
