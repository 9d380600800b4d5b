/* childvault-audit receipt: a list of accesses, verified offline and printed for the people it is about. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "audit_receipt.h"
#include "base/error.h"
#include "cli.h"

struct command {
	const char *path, *policy_path, *vkey_path, *log_path, *keys_path, *html_path;
	struct tlog_policy *trust;
	struct buf policy;		/* the policy's text */
	struct receipt_file file, full;
};

/* ---- whom to trust --------------------------------------------------------------------------------------------------------- */

static int read_trust(struct command *x)
{
	struct vkey key;
	unsigned line;
	int code, r;

	if (x->policy_path != NULL) {
		if ((code = cli_read_file(x->policy_path, &x->policy)) != 0)
			return code;
		if ((r = trust_policy((const char *)x->policy.p, x->policy.n, x->trust, &line)) != 0)
			return cli_fail(EXIT_FAILED, "%s: no tlog-policy file (line %u)", "%s：不是 tlog-policy 策略文件（第 %u 行）",
			    x->policy_path, line);
		return 0;
	}
	if ((code = cli_read_file(x->vkey_path, &x->policy)) != 0)
		return code;
	if (vkey_decode((const char *)x->policy.p, x->policy.n, NOTE_ED25519, &key) != 0 || !trust_key_ok(&key))
		return cli_fail(EXIT_FAILED, "%s: no verifier key of a log", "%s：不是日志的验证公钥", x->vkey_path);
	receipt_trust_key(&key, x->trust);
	return 0;
}

/* ---- the file ---------------------------------------------------------------------------------------------------------------- */

/* Room for one more of size bytes behind the n at *list, which has room for a power of two. */
static void *one_more(void *list, size_t n, size_t size)
{
	void *p = (n & (n - 1)) == 0 ? realloc(list, (n == 0 ? 1 : 2 * n) * size) : list;

	return p;
}
#define KEEP(f, list, count, value) do { \
	void *p = one_more((f)->list, (f)->count, sizeof *(f)->list); \
	if (p == NULL) \
		(f)->poor = true; \
	else \
		(f)->list = p, (f)->list[(f)->count++] = (value); \
} while (0)

static bool has_word(const struct receipt_file *f, const struct receipt_word *w)
{
	for (size_t i = 0; i < f->words; i++)
		if (f->word[i].part == w->part && f->word[i].id == w->id)
			return true;
	return false;
}

static void keep(void *cookie, const struct receipt_item *item)
{
	struct receipt_file *f = cookie;

	if (item->kind == RECEIPT_PAGE)
		KEEP(f, page, pages, item->page);
	else if (item->kind == RECEIPT_WORD && !has_word(f, &item->word))
		KEEP(f, word, words, item->word);
	else if (item->kind == RECEIPT_DAY)
		KEEP(f, day, days, item->day);
	else if (item->kind == RECEIPT_ACCESS)
		KEEP(f, access, accesses, item->access);
}

static void clear(struct receipt_file *f)
{
	buf_free(&f->text);
	free(f->page);
	free(f->word);
	free(f->day);
	free(f->access);
}

static const char *fault_text(enum receipt_fault fault)
{
	switch (fault) {
	case RECEIPT_FORMAT: return tr("it is no receipt, or a line was changed", "不是查阅清单，或有行被改动");
	case RECEIPT_LOG_UNKNOWN: return tr("it is of a log that you do not trust", "出自您不信任的日志");
	case RECEIPT_UNSIGNED: return tr("the log's key has not signed this text", "日志密钥没有签署此文本");
	case RECEIPT_PAGES: return tr("a page is missing, or of another receipt", "缺页，或混入其他清单的页");
	case RECEIPT_LEAF: return tr("the log's entry does not say what the line says", "日志条目与该行不符");
	case RECEIPT_NOT_CHILDS: return tr("the log's entry is not about this child", "日志条目与该儿童无关");
	case RECEIPT_DETAIL: return tr("the log's entry opens to something else than the line says", "解开的日志条目与该行不符");
	case RECEIPT_PROOF: return tr("the entry is not shown to stand in the signed log", "未能证明条目在已签名的日志中");
	case RECEIPT_COSIGNATURES: return tr("too few witnesses have cosigned the log, by your policy file", "见证签名不足，不符合您的策略文件");
	default: return "";
	}
}

static int say_fault(const char *path, const struct receipt_result *r)
{
	char where[64] = "";

	if (r->index != UINT64_MAX)
		snprintf(where, sizeof where, tr(", entry %llu", "，第 %llu 条记录"), (unsigned long long)r->index);
	if (cli.json)
		printf("{\"ok\":false,\"fault\":\"%s\",\"line\":%u}\n", receipt_fault_name(r->fault), r->line);
	return cli_fail(EXIT_VERIFY, "%s: %s: %s (line %u%s)", "%s：%s：%s（第 %u 行%s）", path, receipt_fault_name(r->fault),
	    fault_text(r->fault), r->line, where);
}

static int read_file(struct command *x, const char *path, struct receipt_file *f)
{
	int code, r;

	buf_init(&f->text, RECEIPT_MAX + (1u << 20));
	if ((code = cli_read_file(path, &f->text)) != 0)
		return code;
	r = receipt_verify((const char *)f->text.p, f->text.n, x->trust, keep, f, &f->result);
	if (r == CV_ERR_AUTH)
		return say_fault(path, &f->result);
	if (r != 0 || f->poor)
		return cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	return 0;
}

/* ---- the command ----------------------------------------------------------------------------------------------------------------- */

static int read_full(struct command *x)
{
	int code;

	if (x->keys_path == NULL)
		return 0;
	if ((code = read_file(x, x->keys_path, &x->full)) != 0)
		return code;
	if (x->full.page[0].reader != RECEIPT_AUDITOR || memcmp(x->full.page[0].record, x->file.page[0].record, 16) != 0)
		return cli_fail(EXIT_FAILED, "%s: no auditor's list of this record", "%s：不是此档案的审计员清单", x->keys_path);
	return 0;
}

static int show(struct command *x)
{
	struct receipt_log log = { .n = 0 };
	const struct receipt_log *held = x->log_path != NULL ? &log : NULL;
	int code = 0;

	if (x->log_path != NULL &&
	    (code = receipt_hold_against(&x->file, x->keys_path != NULL ? &x->full : NULL, x->log_path, &log)) != 0)
		return code;
	if (x->html_path != NULL)
		code = receipt_show_html(&x->file, held, x->html_path);
	if (code == 0 && (x->html_path == NULL || cli.json))
		code = cli.json ? receipt_show_json(&x->file, held) : receipt_show_text(&x->file, held);
	if (code == 0 && log.differs)
		code = cli_fail(EXIT_VERIFY, "log-differs: the copy of the log has another entry %llu", "log-differs：日志副本的第 %llu 条记录不同",
		    (unsigned long long)log.differs_at);
	else if (code == 0 && log.n > log.allowed)
		code = cli_fail(EXIT_VERIFY, "unlisted: %zu entries about this child are not in the list", "unlisted：有 %zu 条关于该儿童的记录不在清单中",
		    log.n - log.allowed);
	free(log.unlisted);
	return code;
}

static int run(struct command *x)
{
	int code;

	if ((x->trust = calloc(1, sizeof *x->trust)) == NULL)
		return cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	if ((code = read_trust(x)) != 0 || (code = read_file(x, x->path, &x->file)) != 0 || (code = read_full(x)) != 0)
		return code;
	return show(x);
}

int audit_receipt_verify(int argc, char **argv)
{
	static const struct cli_help help = { "receipt FILE --policy FILE | --vkey FILE [--log DIR [--keys FILE]] [--html OUT]",
		"Verifies a list of who accessed a child's file, from the file itself and the key of the log that you trust, and prints\n"
		"it. With a copy of the log also that nothing about the child is missing in it.",
		"用清单文件本身和您信任的日志公钥，核验某儿童档案的查阅清单并打印。若有日志副本，还核对清单是否齐全。" };
	struct command x = { .path = NULL };
	bool text = false;
	const struct cli_option options[] = {
		{ "policy", OPTION_TEXT, &x.policy_path, "FILE", "a tlog-policy file: the logs and witnesses that you trust",
		    "tlog-policy 策略文件：所信任的日志与见证方" },
		{ "vkey", OPTION_TEXT, &x.vkey_path, "FILE", "the log's verifier key alone", "仅日志的验证公钥" },
		{ "log", OPTION_TEXT, &x.log_path, "DIR", "a copy of the log: is the list complete?", "日志副本：核对清单是否齐全" },
		{ "keys", OPTION_TEXT, &x.keys_path, "FILE", "an auditor's list of the same record: what may be left out",
		    "审计员取得的同一档案清单：哪些可以不列" },
		{ "html", OPTION_TEXT, &x.html_path, "OUT", "write a page to print", "输出可打印的网页" },
		{ "text", OPTION_FLAG, &text, NULL, "lines of text, as without --html", "文本行（默认）" } };
	struct cli_args a;
	int code;

	if (!cli_parse(argc, argv, &help, options, sizeof options / sizeof options[0], 1, 1, &a))
		return a.exit;
	if ((x.policy_path == NULL) == (x.vkey_path == NULL))
		return cli_usage("receipt", "--policy FILE or --vkey FILE says whom you trust", "请用 --policy 或 --vkey 指定所信任的日志");
	if ((text && x.html_path != NULL) || (x.keys_path != NULL && x.log_path == NULL))
		return cli_usage("receipt", "--keys goes with --log, --text not with --html", "--keys 须与 --log 同用，--text 不与 --html 同用");
	x.path = a.argv[0];
	if (x.html_path != NULL && (cli_same_file(x.html_path, x.path) || cli_same_file(x.html_path, x.policy_path) ||
	    cli_same_file(x.html_path, x.vkey_path) || cli_same_file(x.html_path, x.keys_path)))
		return cli_usage("receipt", "--html would overwrite a file that is read", "--html 会覆盖所读取的文件");
	buf_init(&x.policy, 1u << 20);
	code = run(&x);
	clear(&x.file);
	clear(&x.full);
	buf_free(&x.policy);
	free(x.trust);
	return code;
}
