/*
 * What an auditor takes along to read a copy of the log elsewhere: the people behind its principals, sealed to them (the file
 * people of an export), and their own key in a file that opens without the vault.
 */
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"
#include "cli.h"
#include "client/auditor.h"
#include "client/client.h"
#include "format/people.h"
#include "trail.h"

#define KEY_TEXT_MAX 1024u

/* ---- people --------------------------------------------------------------------------------------------------------------- */

struct sealed_person {
	uint8_t principal[16];
	uint8_t sealed[AUDITOR_PERSON_MAX];
	size_t n;
};

static int by_principal(const void *a, const void *b)
{
	return memcmp(((const struct sealed_person *)a)->principal, ((const struct sealed_person *)b)->principal, 16);
}

static int take_person(const json_t *v, struct sealed_person *ret)
{
	const json_t *principal = json_object_get(v, "principal"), *sealed = json_object_get(v, "sealed");

	if (!json_is_string(principal) || !json_is_string(sealed) ||
	    hex_decode(json_string_value(principal), json_string_length(principal), ret->principal, 16) != 0)
		return CV_ERR_FORMAT;
	return b64_decode(B64_STD, json_string_value(sealed), json_string_length(sealed), ret->sealed, sizeof ret->sealed, &ret->n);
}

/* FORMAT.md section 10, from the list of people in an answer of EVENTS. */
static int people_encode(const json_t *list, const uint8_t vault[16], const uint8_t auditor[16], struct buf *ret)
{
	const size_t n = json_array_size(list);
	struct sealed_person *p = calloc(n + 1, sizeof *p);
	int r = p != NULL ? 0 : CV_ERR_NOMEM;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = take_person(json_array_get(list, i), &p[i]);
	if (r == 0) {
		qsort(p, n, sizeof *p, by_principal);
		people_head_put(vault, auditor, (uint32_t)n, ret);
		for (size_t i = 0; i < n; i++)
			people_item_put(&(struct people_item){ p[i].principal, p[i].sealed, (uint16_t)p[i].n }, ret);
		r = buf_ok(ret) ? 0 : CV_ERR_NOMEM;
	}
	free(p);
	return r;
}

int audit_people(const char *key_path, uint64_t passphrase_fd, struct buf *ret)
{
	struct client_key key = { 0 };
	struct childvault *cv = NULL;
	json_t *answer = NULL;
	const char *body;
	bool own = false;
	size_t n;
	int code, r;

	if ((code = cli_open(&cv)) != 0 || (code = cli_login_key(cv, key_path, NULL, passphrase_fd, &key)) != 0)
		goto out;
	own = true;
	if ((r = childvault_events(cv, 0, 1, 1)) != CHILDVAULT_OK) {
		code = cli_answer_fail(cv, r);
		goto out;
	}
	body = childvault_body(cv, &n);
	answer = json_loadb(body, n, JSON_REJECT_DUPLICATES, NULL);
	if ((r = people_encode(json_object_get(answer, "people"), client_vault(cv), key.principal, ret)) != 0)
		code = cli_fail(EXIT_FAILED, "the daemon's list of people cannot be used: %s", "无法使用服务给出的人员名单：%s", cv_strerror(r));
out:
	json_decref(answer);
	client_key_clear(&key);
	cli_close(cv, own);
	return code;
}

/* ---- the key -------------------------------------------------------------------------------------------------------------- */

/* The key under a passphrase alone, which is asked for twice. */
static int seal_alone(const struct client_key *key, uint64_t fd, struct buf *ret)
{
	struct client_pass derived = { 0 };
	struct client_key unbound = *key;
	struct buf pass;
	int code;

	memset(unbound.vault, 0, sizeof unbound.vault);
	buf_init(&pass, 2048);
	if ((code = cli_passphrase(fd, tr("Passphrase of the new file:", "新文件的口令："), true, &pass)) == 0 &&
	    (client_pass_new((const char *)pass.p, pass.n, &derived) != 0 || client_key_save_sealed(&unbound, &derived, NULL, ret) != 0))
		code = cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	wipe(&derived, sizeof derived);
	client_key_clear(&unbound);
	buf_free(&pass);
	return code;
}

/* Month keys are not copied along: there would be one more place where a month has to be forgotten. */
static void say_months(const char *key_path)
{
	char path[PATH_MAX];

	if (trail_months_path(key_path, path) && access(path, F_OK) == 0)
		(void)cli_fail(0, "keys of months stay in %s: take it along and name it in CHILDVAULT_MONTHS",
		    "月度密钥仍在 %s：请一并带走，并用 CHILDVAULT_MONTHS 指明", path);
}

int audit_key(int argc, char **argv)
{
	static const struct cli_help help = { "audit key --key FILE --to OUT [--passphrase-fd N] [--new-passphrase-fd N]",
		"Writes an auditor's key to a new file that opens with its passphrase alone, for childvault-audit on a machine\n"
		"without the vault: FILE asks its vault for help, so that a stolen file is of no use elsewhere; OUT is as safe as\n"
		"its passphrase is long.",
		"把审计员的密钥写入只凭口令即可打开的新文件，供没有档案库的机器上的 childvault-audit 使用：原文件须由档案库协助才能打开；\n"
		"新文件的安全全靠口令。" };
	const char *key_path = getenv("CHILDVAULT_KEY"), *to = NULL;
	uint64_t fd = UINT64_MAX, new_fd = UINT64_MAX;
	const struct cli_option options[] = { { "key", OPTION_TEXT, &key_path, "FILE", "the auditor's key file", "审计员密钥文件" },
		{ "to", OPTION_TEXT, &to, "OUT", "a file that does not exist yet", "尚不存在的文件" },
		{ "passphrase-fd", OPTION_NUMBER, &fd, "N", "read FILE's passphrase from descriptor N", "从描述符 N 读原口令" },
		{ "new-passphrase-fd", OPTION_NUMBER, &new_fd, "N", "read OUT's passphrase from descriptor N", "从描述符 N 读新口令" } };
	struct client_key key = { 0 };
	struct childvault *cv = NULL;
	struct buf text;
	struct cli_args a;
	bool own = false;
	int code;

	if (!cli_parse(argc, argv, &help, options, sizeof options / sizeof options[0], 0, 0, &a))
		return a.exit;
	if (key_path == NULL || to == NULL)
		return cli_usage("audit key", "--key FILE and --to OUT are needed", "须给出 --key 和 --to");
	buf_init(&text, KEY_TEXT_MAX);
	if ((code = cli_open(&cv)) == 0 && (code = cli_login_key(cv, key_path, NULL, fd, &key)) == 0) {
		own = true;
		if ((code = seal_alone(&key, new_fd, &text)) == 0)
			code = cli_write_file(to, text.p, text.n, 0600, false);
		if (code == 0)
			say_months(key_path);
	}
	buf_free(&text);
	client_key_clear(&key);
	cli_close(cv, own);
	return code;
}
