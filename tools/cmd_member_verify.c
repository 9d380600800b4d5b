/* childvault member verify: the signed directory from leaf 0 on, held against itself here. docs/FORMAT.md section 12. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "chain.h"
#include "client/key.h"
#include "keys/chain.h"
#include "keys/directory.h"
#include "pages.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])

static const char *duty_of(const struct chain_principal *p)
{
	static const char *const duties[] = { "", "system", "security", "audit" };

	return duties[p->admin_area % COUNT(duties)];
}

/* What the daemon says of a principal and no fact does: it is shown, and nothing rests on it. */
struct told {
	char login[64], state[16];
};

/* Empty for those who may not see members. */
static struct told told_of(struct childvault *cv, const struct chain_principal *p)
{
	struct told t = { "", "" };
	char id[33];
	json_t *j;

	hex_encode(p->id, 16, id);
	if (childvault_object(cv, "members", id) != CHILDVAULT_OK)
		return t;
	j = cli_body(cv);
	snprintf(t.login, sizeof t.login, "%s", json_text(j, "login"));
	snprintf(t.state, sizeof t.state, "%s", json_text(j, "state"));
	json_decref(j);
	return t;
}

static void row2(struct table *t, const char *what, const char *value)
{
	table_row(t, (const char *const[]){ what, value });
}

static int print_vault(const struct directory_checked *d)
{
	struct table *t = table_new(2, (const char *const[]){ tr("what", "项目"), tr("value", "内容") });
	char code[DIRECTORY_CODE], id[33], made[25], number[24];

	if (t == NULL)
		return cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	directory_code(d->leaf_hash, code);
	hex_encode(d->genesis.vault, 16, id);
	clock_rfc3339(d->genesis.created_ms, made);
	row2(t, "vault", id);
	row2(t, "vault-code", code);
	row2(t, "made", made);
	snprintf(number, sizeof number, "%u", chain_sets(d->chain));
	row2(t, "change-sets", number);
	clock_rfc3339(chain_time_ms(d->chain, chain_sets(d->chain)), made);
	row2(t, "newest", made);
	snprintf(number, sizeof number, "%llu", (unsigned long long)d->log_size);
	row2(t, "log-size", number);
	return table_print(t);
}

static int print_administrators(struct childvault *cv, const struct chain *c)
{
	struct table *t = table_new(5, (const char *const[]){ tr("administrator", "管理员"), tr("duty", "职责"), tr("key code", "密钥校验码"),
	    tr("since change", "始于变更"), tr("state", "状态") });
	char code[CLIENT_KEY_CODE], set[12];
	const struct chain_principal *p;
	struct told told;

	if (t == NULL)
		return cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	for (size_t i = 0; (p = chain_principal_at(c, i)) != NULL; i++) {
		if (p->kind != PRINCIPAL_ADMINISTRATOR)
			continue;
		told = told_of(cv, p);
		client_key_code(p->id, p->box_pk, p->sign_pk, code);
		snprintf(set, sizeof set, "%u", p->change_set);
		table_row(t, (const char *const[]){ told.login, duty_of(p), code, set, told.state });
	}
	return table_print(t);
}

static json_t *administrators_json(struct childvault *cv, const struct chain *c)
{
	char id[33], code[CLIENT_KEY_CODE];
	const struct chain_principal *p;
	json_t *list = json_array();
	struct told told;

	for (size_t i = 0; list != NULL && (p = chain_principal_at(c, i)) != NULL; i++) {
		if (p->kind != PRINCIPAL_ADMINISTRATOR)
			continue;
		told = told_of(cv, p);
		hex_encode(p->id, 16, id);
		client_key_code(p->id, p->box_pk, p->sign_pk, code);
		if (json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:s,s:i,s:s}", "principal", id, "login", told.login, "duty",
		    duty_of(p), "key_code", code, "change_set", (int)p->change_set, "state", told.state)) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static int print_json(struct childvault *cv, const struct directory_checked *d)
{
	json_t *list = administrators_json(cv, d->chain), *j = NULL;
	char code[DIRECTORY_CODE], id[33];
	char *text = NULL;

	directory_code(d->leaf_hash, code);
	hex_encode(d->genesis.vault, 16, id);
	if (list != NULL)
		j = json_pack("{s:s,s:s,s:I,s:I,s:o}", "vault", id, "vault_code", code, "change_sets", (json_int_t)chain_sets(d->chain),
		    "log_size", (json_int_t)d->log_size, "administrators", list);
	if (j == NULL || (text = json_dumps(j, JSON_COMPACT)) == NULL) {
		json_decref(j);
		return cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	}
	printf("%s\n", text);
	json_text_free(text);
	json_decref(j);
	return 0;
}

int member_verify(int argc, char **argv)
{
	static const struct cli_help help = { "member verify --key KEY",
		"Fetches the signed directory and verifies it on this machine, from the vault's first leaf on: every change was signed\n"
		"by two administrators of different persons, and nothing stands there that nobody signed. Prints the vault's code and\n"
		"each administrator's key code, to be compared by telephone. KEY.vault, written beside the key file, remembers the vault.",
		"取得经签名的目录并在本机从创世记录起核对：每次变更均由两名不同自然人的管理员签名，且不含无人签署的内容。\n"
		"显示库校验码和各管理员的密钥校验码，供电话核对。密钥文件旁的 KEY.vault 记住所属的库。" };
	const char *key_path = NULL;
	uint64_t fd = UINT64_MAX;
	const struct cli_option options[] = {
		{ "key", OPTION_TEXT, &key_path, "KEY", "your key file", "自己的密钥文件" },
		{ "passphrase-fd", OPTION_NUMBER, &fd, "N", "read the passphrase from descriptor N", "从描述符 N 读口令" },
	};
	struct directory_checked d = { .chain = NULL };
	struct client_key key = { .principal = { 0 } };
	struct childvault *cv = NULL;
	struct cli_args a;
	int code;

	if (!cli_parse(argc, argv, &help, options, COUNT(options), 0, 0, &a))
		return a.exit;
	if (key_path == NULL)
		return cli_usage("member verify", "--key KEY is missing", "缺少 --key 密钥文件");
	if ((code = cli_open(&cv)) != 0 || (code = cli_login_key(cv, key_path, NULL, fd, &key)) != 0 ||
	    (code = cli_check_chain(cv, &(struct chain_wish){ .key_path = key_path, .key = &key }, &d)) != 0)
		goto out;
	if (cli.json)
		code = print_json(cv, &d);
	else if ((code = print_vault(&d)) == 0)
		code = print_administrators(cv, d.chain);
out:
	chain_free(d.chain);
	client_key_clear(&key);
	cli_close(cv, true);
	return code;
}
