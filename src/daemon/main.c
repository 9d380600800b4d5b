/* childvaultd: options, then the supervisor. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "core/core.h"
#include "daemon/sandbox.h"
#include "daemon/supervisor.h"

#define USAGE \
	"usage: childvaultd --vault DIR [--socket PATH] [--admin-socket PATH] [--fronts N] [--production]\n" \
	"\n" \
	"  --vault DIR           the vault's folder, made by `childvault init`\n" \
	"  --socket PATH         where applications connect (default DIR/api.sock)\n" \
	"  --admin-socket PATH   where operators connect (default DIR/admin.sock)\n" \
	"  --fronts N            front processes, 1 to 16 (default: one for two cores of the machine, at most 4)\n" \
	"  --production          serve a vault that was made with `childvault init --production`, and no other\n" \
	"  --version, --help\n"

/* Core has the most to do, and a front that has more to do at a time wakes up less often: on two cores one costs less than two. */
static unsigned default_fronts(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN) / 2;

	return n < 1 ? 1 : n > 4 ? 4 : (unsigned)n;
}

static char *path_in(const char *dir, const char *name)
{
	char *path = NULL;

	return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

static int usage_error(const char *what)
{
	fprintf(stderr, "childvaultd: %s\n%s", what, USAGE);
	return 2;
}

/* Demo vaults keep their root key in the folder; they alone may run with keys that could not be locked. */
static bool is_demo(const char *dir)
{
	char *path = path_in(dir, "keys/root.key");
	struct stat st;
	bool yes = path != NULL && stat(path, &st) == 0;

	free(path);
	return yes;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "vault", required_argument, NULL, 'v' }, { "socket", required_argument, NULL, 's' },
		{ "admin-socket", required_argument, NULL, 'a' }, { "fronts", required_argument, NULL, 'f' },
		{ "production", no_argument, NULL, 'p' },
		{ "version", no_argument, NULL, 'V' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
	};
	struct supervisor_options o = { .fronts = default_fronts() };
	unsigned long fronts;
	char *end;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'v': o.dir = optarg; break;
		case 's': o.api_path = optarg; break;
		case 'a': o.admin_path = optarg; break;
		case 'f':
			fronts = strtoul(optarg, &end, 10);
			if (*end != '\0' || fronts < 1 || fronts > CORE_FRONTS)
				return usage_error("--fronts takes a number from 1 to 16");
			o.fronts = (unsigned)fronts;
			break;
		case 'p': o.production = true; break;
		case 'V': puts("childvaultd " CV_VERSION); return 0;
		case 'h': fputs(USAGE, stdout); return 0;
		default: return usage_error("unknown option");
		}
	}
	if (o.dir == NULL || optind != argc)
		return usage_error(o.dir == NULL ? "--vault is missing" : "too many arguments");
	log_init("supervisor", LOG_LEVEL_INFO);
	if (sandbox_common() != 0)
		return 1;
	if (o.api_path == NULL)
		o.api_path = path_in(o.dir, "api.sock");
	if (o.admin_path == NULL)
		o.admin_path = path_in(o.dir, "admin.sock");
	if (o.api_path == NULL || o.admin_path == NULL)
		return 1;
	o.demo = !o.production && is_demo(o.dir);
	return supervisor_run(&o);
}
