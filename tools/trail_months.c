/* Month keys that stand beside a key file. docs/FORMAT.md section 12. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "client/months.h"
#include "trail.h"

#define READ_ROOM (1u << 17)	/* what is longer is no such file */

bool trail_months_path(const char *key_path, char *ret)
{
	const char *elsewhere = getenv("CHILDVAULT_MONTHS");

	if (elsewhere != NULL && elsewhere[0] != 0)
		return snprintf(ret, PATH_MAX, "%s", elsewhere) < PATH_MAX;
	return snprintf(ret, PATH_MAX, "%s.months", key_path) < PATH_MAX;
}

int trail_months(const char *key_path, struct client_key *key, uint8_t *ret_vault)
{
	char path[PATH_MAX];
	uint8_t vault[16] = { 0 };
	struct buf b;
	int code = 0;

	if (!trail_months_path(key_path, path))
		return cli_fail(EXIT_FAILED, "the path is too long: %s", "路径过长：%s", key_path);
	buf_init(&b, READ_ROOM);
	if (access(path, F_OK) == 0 && (code = cli_read_file(path, &b)) == 0 &&
	    client_months_open(key, (const char *)b.p, b.n, vault) != 0)
		code = cli_fail(EXIT_FAILED, "%s does not hold the month keys of this key file", "%s 不是与此密钥文件配套的月度密钥", path);
	if (code == 0 && ret_vault != NULL)
		memcpy(ret_vault, vault, 16);
	buf_free(&b);
	return code;
}
