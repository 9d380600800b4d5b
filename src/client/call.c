/* Any call of the interface, for the tools: governance objects, the work list, jobs. */
#include <string.h>

#include "base/error.h"
#include "client/client.h"
#include "client/client_internal.h"

#define BODY_MAX (2u << 20)	/* more than the daemon takes, so that it is the daemon who refuses */

int client_call(struct childvault *cv, const char *method, const char *target, const struct childvault_with *with, const char *json)
{
	struct buf body;
	int r;

	client_begin(cv, method, target, true, with);
	if (json == NULL)
		return client_finish(cv, NULL, NULL, strcmp(method, "GET") == 0);
	buf_init(&body, BODY_MAX);
	buf_text(&body, json);
	r = buf_ok(&body) ? client_finish(cv, "application/json", &body, false) : client_fail_local(cv, CV_ERR_ARG);
	buf_free(&body);
	return r;
}

void client_query(struct buf *target, const char *name, const char *value)
{
	if (value == NULL || value[0] == 0)
		return;
	buf_u8(target, memchr(target->p, '?', target->n) == NULL ? '?' : '&');
	buf_text(target, name);
	buf_u8(target, '=');
	client_http_encode(target, value);
}
