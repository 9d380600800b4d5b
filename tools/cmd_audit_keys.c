/*
 * childvault audit keys: an auditor's keys of months. Published, the segments of a month are sealed to that month's key; forgotten, nobody
 * opens the month with this auditor's files any more; lent, somebody else opens it and nothing besides. docs/FORMAT.md section 12.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "client/client.h"
#include "client/months.h"
#include "pages.h"
#include "trail.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])
#define KEY_TEXT 45u

/* The auditor's key, opened, with its month keys. */
struct auditor {
	const char *path;
	struct client_key key;
	uint8_t vault[16];		/* of the month keys; zeros: there are none yet */
	struct childvault *cv;		/* NULL: the key was opened without the vault */
};

static int open_auditor(const char *path, uint64_t fd, bool online, struct auditor *ret)
{
	int code;

	ret->path = path;
	if (!online && (cli.socket == NULL || cli.socket[0] == 0)) {
		if ((code = trail_key(path, fd, &ret->key)) != 0)
			return code;
	} else if ((code = cli_open(&ret->cv)) != 0 || (code = cli_login_key(ret->cv, path, NULL, fd, &ret->key)) != 0) {
		return code;
	}
	if (ret->key.lent)
		return cli_fail(EXIT_FAILED, "%s holds lent months: it is its auditor who keeps their keys", "%s 只有借来的月份，密钥由其审计员保管", path);
	return trail_months(path, &ret->key, ret->vault);
}

static void close_auditor(struct auditor *a)
{
	client_key_clear(&a->key);
	cli_close(a->cv, true);
}

static int no_months(const struct auditor *a)
{
	return cli_fail(EXIT_FAILED, "%s has no month keys yet: childvault audit keys --months N",
	    "%s 尚无月度密钥：请用 childvault audit keys --months N", a->path);
}

/* Put the month keys where they lie, over what stands there; durable when it returns. */
static int save(const struct auditor *a)
{
	char path[PATH_MAX];
	struct buf b;
	int code = EXIT_FAILED;

	buf_init(&b, MONTHS_FILE_MAX);
	if (!trail_months_path(a->path, path) || client_months_save(&a->key, a->vault, &b) != 0)
		code = cli_fail(EXIT_FAILED, "the month keys cannot be kept", "无法保存月度密钥");
	else
		code = cli_write_file(path, b.p, b.n, 0600, true);
	buf_free(&b);
	return code;
}

/* ---- publishing ------------------------------------------------------------------------------------------------------- */

static json_t *list_of(const struct auditor *a, uint32_t first, unsigned n)
{
	uint8_t keys[32 * MONTHS_MAX], signature[SIGN_BYTES];
	char text[MONTHS_TEXT], key[KEY_TEXT], signed_text[2 * SIGN_BYTES];
	const uint64_t now_ms = clock_wall_ms();
	json_t *list = json_array();

	if (client_months_publish(&a->key, a->vault, now_ms, first, n, keys, signature) != 0) {
		json_decref(list);
		return NULL;
	}
	for (unsigned i = 0; i < n; i++) {
		b64_encode(B64_STD, keys + (size_t)32 * i, 32, key);
		json_array_append_new(list, json_string(key));
	}
	months_text(first, text);
	b64_encode(B64_STD, signature, sizeof signature, signed_text);
	return json_pack("{s:s,s:o,s:I,s:s}", "from", text, "keys", list, "made", (json_int_t)now_ms, "signature", signed_text);
}

static int send_list(struct auditor *a, uint32_t first, unsigned n)
{
	json_t *body = list_of(a, first, n), *j = NULL;
	char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
	int code, r;

	if (text == NULL)
		code = cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	else if ((r = childvault_make(a->cv, NULL, "monthkeys", text)) != CHILDVAULT_OK)
		code = cli_answer_fail(a->cv, r);
	else if (cli.json)
		code = cli_print_body(a->cv);
	else {
		j = cli_body(a->cv);
		printf(tr("published: %s to %s\n", "已公布：%s 至 %s\n"), json_text(j, "from"), json_text(j, "to"));
		code = EXIT_DONE;
	}
	json_decref(j);
	json_text_free(text);
	json_decref(body);
	return code;
}

/* The secrets are on disk before the vault seals anything to them. */
static int publish(struct auditor *a, unsigned n)
{
	static const uint8_t none[16];
	const uint8_t *vault = client_vault(a->cv);
	uint32_t first = clock_month(clock_wall_ms()), last;
	char path[PATH_MAX];
	int code;

	if (memcmp(a->vault, none, 16) == 0) {
		memcpy(a->vault, vault, 16);
		client_months_begin(&a->key.months, first);
		if (!cli.json && trail_months_path(a->path, path))
			(void)cli_fail(0, "%s is made: keep it with the key file; nothing else opens what is sealed in these months",
			    "已建立 %s：请与密钥文件一同保管；这些月份的内容只有它能打开", path);
	} else if (memcmp(a->vault, vault, 16) != 0) {
		return cli_fail(EXIT_FAILED, "the month keys beside %s are for another vault", "%s 旁的月度密钥属于另一档案库", a->path);
	}
	if (a->key.months.first > first)
		first = a->key.months.first;
	last = first;
	for (unsigned i = 1; i < n; i++)
		last = clock_month_next(last);
	if (last > a->key.months.last)
		a->key.months.last = last;
	return (code = save(a)) != 0 ? code : send_list(a, first, n);
}

/* ---- forgetting and lending -------------------------------------------------------------------------------------------- */

static int forget(struct auditor *a, const char *text)
{
	uint32_t month;
	int code;

	if (months_parse(text, strlen(text), &month) != 0 || month >= clock_month(clock_wall_ms()))
		return cli_usage("audit keys", "--forget is a month that is over, such as 2026-11", "--forget 为已结束的月份，如 2026-11");
	if (a->key.months.first == 0)
		return no_months(a);
	if (!client_months_forget(&a->key.months, month)) {
		if (!cli.json)
			printf(tr("%s was forgotten already\n", "%s 的密钥此前已销毁\n"), text);
		return EXIT_DONE;
	}
	if ((code = save(a)) == 0 && !cli.json)
		printf(tr("forgotten: months up to %s; copies of the file from before still hold them\n",
		    "已销毁：%s 及以前；此前的文件副本仍可打开\n"), text);
	return code;
}

static int by_month(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int lend(const struct auditor *a, const struct cli_list *texts, const char *to)
{
	uint32_t month[MONTHS_MAX];
	struct buf b;
	int code, r;

	if (texts->n > MONTHS_MAX)
		return cli_usage("audit keys", "at most %u months", "至多 %u 个月", MONTHS_MAX);
	for (size_t i = 0; i < texts->n; i++)
		if (months_parse(texts->item[i], strlen(texts->item[i]), &month[i]) != 0)
			return cli_usage("audit keys", "--lend is a month such as 2026-11", "--lend 为月份，如 2026-11");
	qsort(month, texts->n, sizeof month[0], by_month);
	if (a->key.months.first == 0)
		return no_months(a);
	buf_init(&b, MONTHS_LENT_MAX);
	if ((r = client_months_lend(&a->key, a->vault, month, texts->n, &b)) == 0)
		code = cli_write_file(to, b.p, b.n, 0600, false);
	else if (r == CV_ERR_NOKEY)
		code = cli_fail(EXIT_FAILED, "one of these months is forgotten", "其中有月份的密钥已销毁");
	else
		code = cli_usage("audit keys", "different months are needed", "月份不得重复");
	buf_free(&b);
	return code;
}

/* ---- listing ---------------------------------------------------------------------------------------------------------------- */

static void add_row(void *cookie, const json_t *j)
{
	char months[24], made[25];
	const char *cells[] = { json_text(j, "principal"), json_text(j, "from"), json_text(j, "to"), months, made };

	snprintf(months, sizeof months, "%llu", json_number(j, "months"));
	clock_rfc3339(json_number(j, "made"), made);
	if (cookie != NULL)
		table_row(cookie, cells);
}

/* What the vault was given by whom, and what this key file holds. */
static int list(struct auditor *a)
{
	const char *names[] = { tr("auditor", "审计员"), tr("from", "起"), tr("to", "至"), tr("months", "月数"), tr("published", "公布时间") };
	struct pages p = { .collection = "monthkeys", .all = true, .row = add_row };
	char first[MONTHS_TEXT], last[MONTHS_TEXT];
	int code;

	p.cookie = table_new(COUNT(names), names);
	if ((code = pages_print(a->cv, &p, p.cookie)) != 0 || cli.json)
		return code;
	if (a->key.months.first == 0)
		return cli_fail(0, "%s holds no month keys", "%s 不含月度密钥", a->path);
	months_text(a->key.months.first, first);
	months_text(a->key.months.last, last);
	return cli_fail(0, "%s opens months from %s on; published up to %s", "%s 可打开 %s 起的月份；已公布至 %s", a->path, first, last);
}

/* ---- the command ---------------------------------------------------------------------------------------------------------------- */

int audit_keys(int argc, char **argv)
{
	static const struct cli_help help = { "audit keys (--months N | --forget MONTH | --lend MONTH... --out FILE | --list) [--key FILE]",
		"An auditor's keys of months, which KEY.months beside the key file holds. --months publishes those of this month and the\n"
		"N-1 behind it: what is sealed to the auditor in a month then opens with that month's key alone. --forget destroys the\n"
		"keys of months up to one that is over. --lend writes a key file for childvault-audit that opens the months named, and\n"
		"nothing else; it has no passphrase.",
		"审计员的月度密钥，存放在密钥文件旁的 KEY.months 中。--months 公布本月及其后 N-1 个月的公钥：此后每月的内容只能用该月密钥打开。\n"
		"--forget 销毁某个已结束月份及以前的密钥。--lend 写出只能打开所列月份的密钥文件，供 childvault-audit 使用，不带口令。" };
	const char *key_path = getenv("CHILDVAULT_KEY"), *forgotten = NULL, *to = NULL;
	struct cli_list lent = { .n = 0 };
	uint64_t months = 0, fd = UINT64_MAX;
	bool listed = false;
	const struct cli_option options[] = { { "key", OPTION_TEXT, &key_path, "FILE", "the auditor's key file", "审计员密钥文件" },
		{ "months", OPTION_NUMBER, &months, "N", "publish keys of so many months, at most 60", "公布的月数，至多 60" },
		{ "forget", OPTION_TEXT, &forgotten, "MONTH", "destroy keys up to this month", "销毁至该月的密钥" },
		{ "lend", OPTION_LIST, &lent, "MONTH", "a month that FILE opens", "可打开的月份" },
		{ "out", OPTION_TEXT, &to, "FILE", "a file that does not exist yet", "尚不存在的文件" },
		{ "list", OPTION_FLAG, &listed, NULL, "what is published and held", "列出已公布和持有的" },
		{ "passphrase-fd", OPTION_NUMBER, &fd, "N", "read the passphrase from descriptor N", "从描述符 N 读口令" } };
	struct auditor x = { .path = NULL };
	struct cli_args a;
	int code;

	if (!cli_parse(argc, argv, &help, options, COUNT(options), 0, 0, &a))
		return a.exit;
	if (key_path == NULL || (months != 0) + (forgotten != NULL) + (lent.n != 0) + listed != 1 || (lent.n != 0) != (to != NULL) ||
	    months > MONTHS_MAX)
		return cli_usage("audit keys", "--key FILE and one of --months 1 to 60, --forget, --lend with --out, --list are needed",
		    "须给出 --key，以及 --months（1 至 60）、--forget、--lend 与 --out、--list 之一");
	if ((code = open_auditor(key_path, fd, months != 0 || listed, &x)) != 0)
		goto out;
	if (months != 0)
		code = publish(&x, (unsigned)months);
	else if (forgotten != NULL)
		code = forget(&x, forgotten);
	else
		code = listed ? list(&x) : lend(&x, &lent, to);
out:
	close_auditor(&x);
	return code;
}
