/* childvault status, unseal, seal: the operator's commands, over admin.sock. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "cli.h"
#include "client/admin.h"
#include "crypto/crypto.h"
#include "format/message.h"
#include "format/wire.h"

#define SLOTS 4u
#define SLOT_PASSPHRASE 2u
#define SLOT_DEMO 0xFEu
#define PATH_ROOM 4096

/* One call, with its failures said. body may be NULL. 0 or exit code; *ret_result is the problem number. */
static int call(const char *path, enum admin_operation operation, uint8_t slot, const uint8_t *body, size_t n,
    struct admin_answer *ret, struct buf *ret_body)
{
	int r = admin_call(path, operation, slot, body, n, ret, ret_body);

	if (r == CV_ERR_SYSTEM)
		return cli_fail(EXIT_SEALED, "the vault cannot be reached at %s: %s", "无法连接 %s：%s", path, strerror(errno));
	if (r == CV_ERR_ARG)
		return cli_fail(EXIT_USAGE, "the path of admin.sock is too long: %s", "admin.sock 的路径过长：%s", path);
	return r == 0 ? 0 : cli_fail(EXIT_FAILED, "admin.sock answered something else", "admin.sock 的应答不符合协议");
}

/* A call whose refusal is a failure as well. */
static int must(const char *path, enum admin_operation operation, uint8_t slot, const uint8_t *body, size_t n, struct buf *ret_body)
{
	struct admin_answer a;
	int code = call(path, operation, slot, body, n, &a, ret_body);

	if (code != 0 || a.result == 0)
		return code;
	if (a.result == PROBLEM_CONFLICT && a.state != WIRE_AUDIT_UNAVAILABLE) {
		/* The state that was asked for is there: no failure. */
		fputs(a.state == WIRE_SEALED ? tr("already sealed\n", "已处于封存状态\n") : tr("already unsealed\n", "已处于解封状态\n"), stderr);
		return EXIT_DONE;
	}
	return cli_fail(a.result == PROBLEM_SEALED ? EXIT_SEALED : EXIT_FAILED, "%s (%s)", "%s（%s）", problem_title(a.result),
	    problem_kind(a.result));
}

/* ---- status ------------------------------------------------------------------------------------------------------------ */

static int print_status(char *text)
{
	const char *names[] = { tr("what", "项目"), tr("value", "值") };
	struct table *t = table_new(2, names);
	char *line, *rest = text;

	while (t != NULL && (line = strsep(&rest, "\n")) != NULL) {
		char *value = strchr(line, ' ');
		const char *cells[] = { line, value != NULL ? value + 1 : "" };

		if (value != NULL)
			*value = 0;
		if (line[0] != 0)
			table_row(t, cells);
	}
	return table_print(t);
}

int cmd_status(int argc, char **argv)
{
	static const struct cli_help help = { "status [--vault DIR]", "Tells the state of the vault; works while it is sealed.",
		"显示档案库状态，封存时也可用。" };
	const char *vault = NULL;
	const struct cli_option options[] = { { "vault", OPTION_TEXT, &vault, "DIR", "the vault's folder", "档案库目录" } };
	char path[PATH_ROOM];
	struct cli_args a;
	struct buf text;
	int code;

	if (!cli_parse(argc, argv, &help, options, 1, 0, 0, &a))
		return a.exit;
	buf_init(&text, ADMIN_BODY_MAX + 1);
	if ((code = cli_admin_path(vault, path, sizeof path)) == 0 && (code = must(path, ADMIN_STATUS, 0, NULL, 0, &text)) == 0) {
		buf_u8(&text, 0);
		code = print_status((char *)text.p);
	}
	buf_free(&text);
	return code;
}

/* ---- unseal ------------------------------------------------------------------------------------------------------------ */

/* Parameters of a slot; *ret_there false if it is empty. */
static int ask_slot(const char *path, uint8_t number, struct admin_slot *ret, bool *ret_there)
{
	struct admin_answer a;
	struct buf body;
	int code;

	buf_init(&body, ADMIN_BODY_MAX);
	if ((code = call(path, ADMIN_SLOT, number, NULL, 0, &a, &body)) == 0) {
		*ret_there = a.result == 0;
		if (a.result == 0 && admin_slot_decode(body.p, body.n, ret) != 0)
			code = cli_fail(EXIT_FAILED, "admin.sock answered something else", "admin.sock 的应答不符合协议");
	}
	buf_free(&body);
	return code;
}

/* The first slot this program can use: a demo vault's own key, else a passphrase. */
static int choose_slot(const char *path, uint64_t wanted, uint8_t *ret_number, struct admin_slot *ret)
{
	struct admin_slot s;
	bool there = false, found = false;
	int code;

	for (uint8_t i = 0; i < SLOTS; i++) {
		if (wanted != UINT64_MAX && wanted != i)
			continue;
		if ((code = ask_slot(path, i, &s, &there)) != 0)
			return code;
		if (!there || (s.type != SLOT_DEMO && (found || s.type != SLOT_PASSPHRASE)))
			continue;
		*ret_number = i;
		*ret = s;
		found = true;
		if (s.type == SLOT_DEMO)
			break;
	}
	return found ? 0 : cli_fail(EXIT_FAILED, "no slot opens with a passphrase or a demo vault's root.key",
	    "没有可用口令或演示密钥打开的解封槽");
}

/* The vault's folder is where admin.sock stands. */
static int demo_kek(const char *path, uint8_t ret[32])
{
	char file[PATH_ROOM + 32];
	struct buf bytes;
	int code;

	snprintf(file, sizeof file, "%.*s/keys/root.key", (int)(strrchr(path, '/') - path), path);
	buf_init(&bytes, 1 << 17);
	if ((code = cli_read_file(file, &bytes)) == 0) {
		if (bytes.n == 32)
			memcpy(ret, bytes.p, 32);
		else
			code = cli_fail(EXIT_FAILED, "%s is not a root key", "%s 不是根密钥", file);
	}
	buf_free(&bytes);
	return code;
}

static int passphrase_kek(const struct admin_slot *s, uint64_t fd, uint8_t ret[32])
{
	struct argon argon = { .mem_kib = s->argon_kib, .passes = s->argon_passes };
	struct buf pass;
	int code;

	memcpy(argon.salt, s->salt, sizeof argon.salt);
	buf_init(&pass, 2048);
	if ((code = cli_passphrase(fd, tr("Operator's passphrase:", "操作员口令："), false, &pass)) == 0 &&
	    crypto_passphrase(&argon, (const char *)pass.p, pass.n, ret) != 0)
		code = cli_fail(EXIT_FAILED, "the passphrase's key cannot be derived", "无法由口令派生密钥");
	buf_free(&pass);
	return code;
}

int cmd_unseal(int argc, char **argv)
{
	static const struct cli_help help = { "unseal [--vault DIR] [--slot N] [--passphrase-fd N]",
		"Gives the daemon its root key: a demo vault's from keys/root.key, else by the operator's passphrase.",
		"向服务提供根密钥：演示库取自 keys/root.key，否则输入操作员口令。" };
	const char *vault = NULL;
	uint64_t wanted = UINT64_MAX, fd = UINT64_MAX;
	const struct cli_option options[] = { { "vault", OPTION_TEXT, &vault, "DIR", "the vault's folder", "档案库目录" },
		{ "slot", OPTION_NUMBER, &wanted, "N", "unseal slot 0 to 3", "解封槽 0 至 3" },
		{ "passphrase-fd", OPTION_NUMBER, &fd, "N", "read the passphrase from descriptor N", "从描述符 N 读口令" } };
	char path[PATH_ROOM];
	struct admin_slot slot = { 0 };
	uint8_t number = 0, kek[32] = { 0 };
	struct cli_args a;
	struct buf body;
	int code;

	if (!cli_parse(argc, argv, &help, options, 3, 0, 0, &a))
		return a.exit;
	buf_init(&body, ADMIN_BODY_MAX);
	if ((code = cli_admin_path(vault, path, sizeof path)) != 0 || (code = choose_slot(path, wanted, &number, &slot)) != 0)
		goto out;
	code = slot.type == SLOT_DEMO ? demo_kek(path, kek) : passphrase_kek(&slot, fd, kek);
	if (code == 0)
		code = must(path, ADMIN_UNSEAL, number, kek, sizeof kek, &body);
out:
	wipe(kek, sizeof kek);
	buf_free(&body);
	return code;
}

int cmd_seal(int argc, char **argv)
{
	static const struct cli_help help = { "seal [--vault DIR]", "Takes the root key away: all sessions end at once.",
		"收回根密钥：所有会话立即结束。" };
	const char *vault = NULL;
	const struct cli_option options[] = { { "vault", OPTION_TEXT, &vault, "DIR", "the vault's folder", "档案库目录" } };
	char path[PATH_ROOM];
	struct cli_args a;
	struct buf body;
	int code;

	if (!cli_parse(argc, argv, &help, options, 1, 0, 0, &a))
		return a.exit;
	buf_init(&body, ADMIN_BODY_MAX);
	if ((code = cli_admin_path(vault, path, sizeof path)) == 0)
		code = must(path, ADMIN_SEAL, 0, NULL, 0, &body);
	buf_free(&body);
	return code;
}
