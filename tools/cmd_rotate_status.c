/* childvault rotate --status: the inventory of keys, what is overdue first. docs/POLICY.md section 5, "Keys". */
#include <stdio.h>
#include <string.h>

#include "pages.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])
#define NAME_ROOM 256u

/* The rows of all pages, kept until those that are overdue were printed. */
struct inventory {
	json_t *rows;
	bool poor;		/* memory was wanting */
	unsigned overdue;
};

static bool is_overdue(const json_t *item)
{
	return json_is_true(json_object_get(item, "overdue"));
}

static void take_row(void *cookie, const json_t *item)
{
	struct inventory *x = cookie;

	x->overdue += is_overdue(item);
	if (json_array_append_new(x->rows, json_deep_copy(item)) != 0)
		x->poor = true;
}

/* The key's name begins with what it is, in English. */
static void name_of(const json_t *item, char ret[NAME_ROOM])
{
	static const struct {
		const char *en, *zh;
	} words[] = { { "root key", "根密钥" }, { "unseal shares of slot", "解封份额，槽位" }, { "unseal slot", "解封槽位" }, { "keyring", "密钥环" },
		{ "log key", "日志密钥" }, { "daily log keys", "日志日钥" }, { "role", "角色" }, { "custody of role", "角色密钥托管" }, { "class", "类别" },
		{ "personal roles", "个人角色" }, { "month keys of", "月度密钥，审计员" } };
	const char *key = json_text(item, "key");

	snprintf(ret, NAME_ROOM, "%s", key);
	for (size_t i = 0; cli.chinese && i < COUNT(words); i++) {
		size_t n = strlen(words[i].en);

		if (strncmp(key, words[i].en, n) == 0 && (key[n] == 0 || key[n] == ' '))
			snprintf(ret, NAME_ROOM, "%s%s", words[i].zh, key + n);
	}
}

/* What is to be done, in words; a reason that is not known here is shown as it came. */
static const char *why_words(const char *why)
{
	static const struct {
		const char *why, *en, *zh;
	} words[] = {
		{ "", "", "" },
		{ "year-old", "a year old: rekey", "已满一年：换新" },
		{ "suspended-member", "a suspended member has it: rekey without them", "停用成员持有：换新并排除该成员" },
		{ "too-few-custodians", "too few custodians are left: reshare", "保管员不足：重新拆分" },
		{ "share-of-one-who-left", "a custodian left: reshare", "保管员离任：重新拆分" },
		{ "custodian-without-share", "a custodian has no share: reshare", "有保管员无份额：重新拆分" },
		{ "not-rewrapped", "old, records may be under it: rewrap", "旧代次，可能仍有档案使用：重新封装" },
		{ "running-out", "running out", "即将用尽" },
	};

	for (size_t i = 0; i < COUNT(words); i++)
		if (strcmp(words[i].why, why) == 0)
			return tr(words[i].en, words[i].zh);
	return why;
}

/* A number that is there; else nothing. */
static const char *number(const json_t *item, const char *name, char ret[24])
{
	ret[0] = 0;
	if (json_object_get(item, name) != NULL)
		snprintf(ret, 24, "%llu", json_number(item, name));
	return ret;
}

/* Who has it: how many, of whom so many are needed together. */
static void holders_of(const json_t *item, char ret[64])
{
	char holders[24], needed[24];

	number(item, "holders", holders);
	number(item, "needed", needed);
	snprintf(ret, 64, needed[0] != 0 ? tr("%s, %s needed", "%s 人，须 %s 人") : "%s", holders, needed);
}

static void add_row(struct table *t, const json_t *item)
{
	char name[NAME_ROOM], epoch[24], days[24], left[24], holders[64], due[40];

	name_of(item, name);
	holders_of(item, holders);
	number(item, "uses_left", left);
	snprintf(due, sizeof due, "%s", json_text(item, "due"));
	table_row(t, (const char *const[]){ is_overdue(item) ? tr("overdue", "逾期") : "", name, number(item, "epoch", epoch),
	    json_text(item, "made"), number(item, "days", days), due, left, holders, why_words(json_text(item, "why")) });
}

static int print_rows(const struct inventory *x)
{
	struct table *t = table_new(9, (const char *const[]){ tr("state", "状态"), tr("key", "密钥"), tr("epoch", "代次"), tr("made", "生成日"),
	    tr("days", "天数"), tr("due", "应换日"), tr("left", "剩余"), tr("holders", "持有"), tr("to do", "处理") });

	if (t == NULL)
		return cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	for (int late = 1; late >= 0; late--)
		for (size_t i = 0; i < json_array_size(x->rows); i++)
			if (is_overdue(json_array_get(x->rows, i)) == late)
				add_row(t, json_array_get(x->rows, i));
	return table_print(t);
}

static int print_inventory(struct childvault *cv, bool check)
{
	struct inventory x = { json_array(), false, 0 };
	struct pages p = { .collection = "keys", .all = true, .row = take_row, .cookie = &x };
	bool more = false;
	int code, r;

	p.page = cli.json ? pages_body : NULL;
	if (x.rows == NULL)
		code = cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	else if ((r = pages_get(cv, &p, &more)) != CHILDVAULT_OK)
		code = cli_answer_fail(cv, r);
	else if (x.poor)
		code = cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	else
		code = cli.json ? EXIT_DONE : print_rows(&x);
	if (code == EXIT_DONE && check && x.overdue > 0)
		code = cli_fail(EXIT_FAILED, "%u keys are overdue", "%u 项密钥逾期", x.overdue);
	json_decref(x.rows);
	return code;
}

int rotate_status(int argc, char **argv)
{
	static const struct cli_help help = { "rotate --status [--check] [--key KEY]",
		"Lists every key of the vault with its epoch, its age and what is to be done about it, what is overdue first: a role or a\n"
		"class after a year, a role of a suspended member after a day, custody as soon as it does not fit the custodians.\n"
		"For administrators, custodians and auditors.",
		"列出库中全部密钥的代次、天数和应办事项，逾期者在前：角色与类别满一年，停用成员的角色满一天，托管与保管员不符即逾期。\n"
		"供管理员、保管员和审计员使用。" };
	const char *key = NULL;
	uint64_t fd = UINT64_MAX;
	bool check = false, status = true, own = true;
	const struct cli_option options[] = {
		{ "status", OPTION_FLAG, &status, NULL, "this list", "显示本清单" },
		{ "check", OPTION_FLAG, &check, NULL, "exit 1 if something is overdue", "有逾期者时以 1 退出" },
		{ "key", OPTION_TEXT, &key, "KEY", "your key file, instead of a session", "自己的密钥文件（代替会话）" },
		{ "passphrase-fd", OPTION_NUMBER, &fd, "N", "read the passphrase from descriptor N", "从描述符 N 读口令" },
	};
	struct childvault *cv = NULL;
	struct cli_args a;
	int code;

	if (!cli_parse(argc, argv, &help, options, COUNT(options), 0, 0, &a))
		return a.exit;
	if (key == NULL)
		code = cli_session(&cv, &own);
	else if ((code = cli_open(&cv)) == 0)
		code = cli_login(cv, key, NULL, fd);
	if (code == 0)
		code = print_inventory(cv, check);
	cli_close(cv, own);
	return code;
}
