/* childvault shares: shares of the key that unseals, on paper, in drills and in new splits. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "cli.h"
#include "crypto/crypto.h"
#include "format/message.h"
#include "qr.h"
#include "shares.h"
#include "signing.h"

#define ANY 0xFFu
#define HOLDERS 16u
#define NAME_MAX_BYTES 63u

/* ---- print ------------------------------------------------------------------------------------------------------------------ */

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n > m && strcmp(s + n - m, end) == 0;
}

/* The code, to a new file that its owner alone may read, or to standard output. */
static int put_qr(const struct qr *q, const char *file)
{
	struct buf out;
	int code = 0;

	buf_init(&out, 1 << 20);
	if (file != NULL && ends_with(file, ".png"))
		qr_png(q, &out);
	else if (file != NULL)
		qr_svg(q, &out);
	else
		qr_blocks(q, isatty(STDOUT_FILENO), &out);
	if (!buf_ok(&out))
		code = cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	else if (file != NULL)
		code = cli_write_file(file, out.p, out.n, 0600, false);
	else if (fwrite(out.p, 1, out.n, stdout) != out.n)
		code = EXIT_FAILED;
	buf_free(&out);
	return code;
}

static void print_lines(const uint8_t share[SHARE_BYTES], const char *holder)
{
	char line[SHARE_LINE];
	struct share s;

	if (share_decode(share, &s) != 0)
		return;
	printf(tr("Share %u of %u: any %u of them unseal the vault whose id begins with %02x%02x%02x%02x.\n",
	    "第 %u 份，共 %u 份：其中任意 %u 份可解封编号以 %02x%02x%02x%02x 开头的档案库。\n"), s.index, s.n, s.k, s.vault[0], s.vault[1], s.vault[2],
	    s.vault[3]);
	if (holder[0] != '\0') {
		fputs(tr("Held by ", "持有人："), stdout);
		table_text(holder);
		putchar('\n');
	}
	putchar('\n');
	for (unsigned i = 0; i < SHARE_LINES; i++) {
		share_line(share, i, line);
		printf("    (%u) %s\n", i + 1, line);
	}
	fputs(tr("\n0 is the digit zero and 1 the digit one: there is no letter O, I, L or U.\n\n",
	    "\n0 是数字零，1 是数字一：其中没有字母 O、I、L、U。\n\n"), stdout);
	wipe(line, sizeof line);
	wipe(&s, sizeof s);
}

static int shares_print(int argc, char **argv)
{
	static const struct cli_help help = { "shares print --share FILE|- [--qr OUT.png|OUT.svg]",
		"Prints a share as five lines that can be written down, read out and typed in again, and as a QR code.",
		"将密钥份额印成五行可抄写、口述、再键入的文字，并附二维码。" };
	const char *file = NULL, *out = NULL;
	const struct cli_option options[] = { { "share", OPTION_TEXT, &file, "FILE", "the share; - reads what is typed", "密钥份额；- 表示手工键入" },
		{ "qr", OPTION_TEXT, &out, "OUT", "write the QR code to this new file, by its ending", "将二维码写入此新文件（按扩展名）" } };
	uint8_t share[SHARE_BYTES];
	char text[SHARE_QR], holder[64];
	struct cli_args a;
	struct qr q;
	int code;

	if (!cli_parse(argc, argv, &help, options, 2, 0, 0, &a))
		return a.exit;
	if (file == NULL)
		return cli_usage("shares print", "which share?", "哪一份？");
	if (out != NULL && !ends_with(out, ".png") && !ends_with(out, ".svg"))
		return cli_usage("shares print", "--qr takes a name that ends with .png or .svg", "--qr 的文件名应以 .png 或 .svg 结尾");
	if ((code = share_read(file, share, holder)) != 0)
		goto out;
	share_qr_text(share, text);
	if (qr_make(text, &q) != 0) {
		code = cli_fail(EXIT_FAILED, "out of memory", "内存不足");
		goto out;
	}
	print_lines(share, holder);
	code = put_qr(&q, out);
out:
	wipe(share, sizeof share);
	wipe(text, sizeof text);
	wipe(&q, sizeof q);
	return code;
}

/* ---- single shares to core ------------------------------------------------------------------------------------------------------ */

static void say_drill(const struct admin_share *s, const char *name)
{
	printf(s->done ? tr("%s is good; the log says so\n", "%s有效，已记入日志\n") : tr("%s is good\n", "%s有效\n"), name);
}

static void say_confirm(const struct admin_share *s, const char *name)
{
	printf(tr("%s is confirmed: %d of %u\n", "%s已确认：%d/%u\n"), name, __builtin_popcount(s->in), s->n);
	if (s->done)
		fputs(tr("The new split is in force. Destroy the old shares.\n", "新的拆分已生效，请销毁旧份额。\n"), stdout);
}

static void say_allow(const struct admin_share *s, const char *name)
{
	printf(s->done ? tr("%s is good: a new split may be made within 15 minutes\n", "%s有效：15 分钟内可重新拆分\n") :
	    tr("%s is good: %d of %u are in\n", "%s有效：已有 %d 份，共需 %u 份\n"), name, __builtin_popcount(s->in), s->k);
}

/* One share to core, and what core says of it. */
static int one_share(int argc, char **argv, const struct cli_help *help, enum admin_operation operation,
    void (*say)(const struct admin_share *s, const char *name))
{
	const char *vault = NULL, *file = NULL;
	const struct cli_option options[] = { { "vault", OPTION_TEXT, &vault, "DIR", "the vault's folder", "档案库目录" },
		{ "share", OPTION_TEXT, &file, "FILE", "the share; - reads what is typed", "密钥份额；- 表示手工键入" } };
	char path[OPERATOR_PATH], holder[64], name[128];
	uint8_t share[SHARE_BYTES];
	struct admin_answer answer;
	struct admin_share s;
	struct cli_args a;
	struct buf body;
	int code;

	if (!cli_parse(argc, argv, help, options, 2, 0, 0, &a))
		return a.exit;
	if (file == NULL)
		return cli_usage(argv[0], "which share?", "哪一份？");
	buf_init(&body, ADMIN_BODY_MAX);
	if ((code = cli_admin_path(vault, path, sizeof path)) != 0 || (code = share_read(file, share, holder)) != 0 ||
	    (code = operator_call(path, operation, 0, share, sizeof share, &answer, &body)) != 0)
		goto out;
	if ((code = share_verdict(&answer, &body, &s)) == 0)
		say(&s, share_name(&s, name));
out:
	wipe(share, sizeof share);
	buf_free(&body);
	return code;
}

static int shares_drill(int argc, char **argv)
{
	static const struct cli_help help = { "shares drill --share FILE|- [--vault DIR]",
		"A holder shows that their share is whole and fits. It does not unseal, and nothing of it is kept; while the vault is "
		"open, the log says it.",
		"持有人验证其份额完好可用。不解封，不留存；档案库处于解封状态时记入日志。" };

	return one_share(argc, argv, &help, ADMIN_DRILL, say_drill);
}

static int shares_confirm(int argc, char **argv)
{
	static const struct cli_help help = { "shares confirm --share FILE|- [--vault DIR]",
		"A holder shows that they have their share of a new split. When all have, the new split takes the place of the old one.",
		"持有人确认已收到新份额。全部确认后，新的拆分取代旧的。" };

	return one_share(argc, argv, &help, ADMIN_CONFIRM, say_confirm);
}

static int shares_allow(int argc, char **argv)
{
	static const struct cli_help help = { "shares allow --share FILE|- [--vault DIR]",
		"Holders of present shares allow a new split of an open vault: as many as would unseal it, one after the other.",
		"现有份额的持有人逐一同意对已解封的档案库重新拆分密钥，人数与解封所需相同。" };

	return one_share(argc, argv, &help, ADMIN_ALLOW, say_allow);
}

/* ---- a new split ------------------------------------------------------------------------------------------------------------------ */

struct rekey_args {
	const char *command, *vault, *holders, *to;
	uint64_t k, slot;
	bool by_shares;
	struct operator_source from;
	char name[HOLDERS][NAME_MAX_BYTES + 1];
	uint8_t n;
};

/* Cut "a,b,c" into names. */
static int take_names(struct rekey_args *x)
{
	const char *p = x->holders;

	for (;; p++) {
		size_t n = strcspn(p, ",");

		if (x->n == HOLDERS || n > NAME_MAX_BYTES)
			return cli_usage(x->command, "at most 16 holders, with names of at most 63 bytes", "持有人至多 16 名，姓名至多 63 字节");
		memcpy(x->name[x->n], p, n);
		x->name[x->n++][n] = '\0';
		p += n;
		if (*p == '\0')
			return 0;
	}
}

/* What was asked for and what two administrators allowed is the same: how many unseal, of whom. */
static int check_split(struct rekey_args *x)
{
	int code;

	if (x->holders == NULL || x->k == 0)
		return cli_usage(x->command, "--threshold and --holders are needed", "须给出 --threshold 和 --holders");
	if ((code = take_names(x)) != 0)
		return code;
	if (x->k < 2 || x->k > x->n)
		return cli_usage(x->command, "--threshold is at least 2 and at most the number of holders",
		    "--threshold 至少为 2，至多为持有人数");
	return 0;
}

static int check_rekey(struct rekey_args *x)
{
	int code;

	if ((code = check_split(x)) != 0)
		return code;
	if (x->to == NULL)
		return cli_usage(x->command, "--to is needed", "须给出 --to");
	if (x->slot != UINT64_MAX && x->slot > 3)
		return cli_usage(x->command, "there are slots 0 to 3", "解封槽为 0 至 3");
	return 0;
}

static int write_shares(const struct rekey_args *x, const struct buf *answer)
{
	const uint8_t *p = answer->p + 2;
	char path[OPERATOR_PATH];
	struct buf text;
	int code = 0;

	if (answer->n != 2 + (size_t)x->n * SHARE_BYTES || answer->p[1] != x->n)
		return cli_fail(EXIT_FAILED, "admin.sock answered something else", "admin.sock 的应答不符合协议");
	buf_init(&text, 4096);
	for (unsigned i = 0; code == 0 && i < x->n; i++) {
		buf_reset(&text);
		share_text(p + i * SHARE_BYTES, x->name[i], &text);
		if (snprintf(path, sizeof path, "%s/share-%u.txt", x->to, i + 1) >= (int)sizeof path)
			code = cli_fail(EXIT_USAGE, "the path is too long: %s", "路径过长：%s", x->to);
		else if ((code = cli_write_file(path, text.p, text.n, 0600, false)) == 0)
			printf("%s\t%s\n", path, x->name[i]);
	}
	buf_free(&text);
	return code;
}

static int ask_rekey(const struct rekey_args *x, const char *path)
{
	struct buf body, answer;
	struct admin_answer a;
	uint8_t slot = ANY, kek[32] = { 0 };
	int code = 0;

	buf_init(&body, 4096);
	buf_init(&answer, ADMIN_BODY_MAX);
	if (!x->by_shares && (code = operator_kek(path, &x->from, &slot, kek)) != 0)
		goto out;
	buf_u8(&body, slot);
	buf_put(&body, kek, sizeof kek);
	buf_u8(&body, (uint8_t)x->k);
	buf_u8(&body, x->n);
	for (unsigned i = 0; i < x->n; i++) {
		buf_u8(&body, (uint8_t)strlen(x->name[i]));
		buf_text(&body, x->name[i]);
	}
	if ((code = operator_call(path, ADMIN_REKEY, x->slot == UINT64_MAX ? ANY : (uint8_t)x->slot, body.p, body.n, &a, &answer)) != 0)
		goto out;
	if (a.result == PROBLEM_UNAUTHENTICATED && x->by_shares)
		code = cli_fail(EXIT_DENIED,
		    "not enough holders have allowed it in the last 15 minutes: childvault shares allow --share FILE",
		    "最近 15 分钟内同意的持有人不足：请执行 childvault shares allow --share 文件");
	else if (a.result == PROBLEM_APPROVAL_REQUIRED)
		code = cli_fail(EXIT_DENIED, "two administrators have not allowed this split (this threshold, these holders, in this "
		    "order), or it was made already: childvault shares propose",
		    "两名管理员尚未批准此次拆分（门限、持有人及其顺序须一致），或已使用过：请先执行 childvault shares propose");
	else if (a.result == PROBLEM_CONFLICT)
		code = cli_fail(EXIT_FAILED, "no slot is free for it", "没有可用的解封槽");
	else if (a.result != 0)
		code = operator_refused(&a);
	else if ((code = write_shares(x, &answer)) == 0)
		fprintf(stderr, tr("Each holder now confirms: childvault shares confirm --share FILE. Until all %u have, within 24 "
		    "hours, the old shares unseal.\n",
		    "请各持有人执行 childvault shares confirm --share 文件 予以确认。在 24 小时内 %u 人全部确认之前，旧份额仍用于解封。\n"), x->n);
out:
	wipe(kek, sizeof kek);
	buf_free(&body);
	buf_free(&answer);
	return code;
}

static int shares_propose(int argc, char **argv)
{
	static const struct cli_help help = { "shares propose --threshold K --holders A,B,C --key KEY [--reason TEXT]",
		"Proposes that the key that unseals be split anew among the holders named, and signs it. Another administrator signs\n"
		"(request sign); then shares rekey makes this split, once, within 24 hours of the proposal.",
		"提请在所列持有人之间重新拆分解封密钥并签名；再由另一名管理员签名（request sign）。此后可执行一次 shares rekey\n"
		"（自提请起 24 小时内）。" };
	struct rekey_args x = { .command = "shares propose", .slot = UINT64_MAX };
	const char *key = NULL, *reason = NULL;
	uint64_t fd = UINT64_MAX;
	const struct cli_option options[] = { { "threshold", OPTION_NUMBER, &x.k, "K", "how many unseal", "解封所需份数" },
		{ "holders", OPTION_TEXT, &x.holders, "A,B,C", "who gets a share: names that the sealed vault shows", "份额持有人（封存时也会显示）" },
		{ "key", OPTION_TEXT, &key, "KEY", "the administrator's key file", "管理员的密钥文件" },
		{ "reason", OPTION_TEXT, &reason, "TEXT", "why: it stands in the log", "理由（记入日志）" },
		{ "passphrase-fd", OPTION_NUMBER, &fd, "N", "read the passphrase from descriptor N", "从描述符 N 读口令" } };
	struct cli_list names = { .n = 1 };
	static struct signing s;
	struct cli_args a;
	json_t *body;
	int code;

	if (!cli_parse(argc, argv, &help, options, sizeof options / sizeof options[0], 0, 0, &a))
		return a.exit;
	if ((code = check_split(&x)) != 0)
		return code;
	names.item[0] = x.holders;
	body = signing_body("split");
	if (body == NULL || json_object_set_new(body, "threshold", json_integer((json_int_t)x.k)) != 0 ||
	    !signing_set_list(body, "holders", &names) || !signing_set(body, "reason", reason)) {
		json_decref(body);
		return cli_usage(x.command, "an option is not UTF-8", "某选项不是 UTF-8");
	}
	return signing_run(&s, x.command, key, fd, body);
}

static int shares_rekey(int argc, char **argv)
{
	static const struct cli_help help = { "shares rekey --threshold K --holders A,B,C --to DIR [--by-shares] [options]",
		"Splits the key that unseals anew, among the holders named, and writes a file for each. Two administrators have allowed\n"
		"this split (shares propose); and it takes the operator's passphrase, or before it `shares allow` by as many holders as\n"
		"unseal. The old shares stay in force until every holder has confirmed.",
		"在所列持有人之间重新拆分解封密钥，每人一个文件。此次拆分须已由两名管理员批准（shares propose），并输入操作员口令，或先由足够的\n"
		"持有人执行 shares allow。全部确认之前旧份额有效。" };
	struct rekey_args x = { .command = "shares rekey", .slot = UINT64_MAX,
		.from = { .slot = UINT64_MAX, .passphrase_fd = UINT64_MAX } };
	const struct cli_option options[] = { { "vault", OPTION_TEXT, &x.vault, "DIR", "the vault's folder", "档案库目录" },
		{ "threshold", OPTION_NUMBER, &x.k, "K", "how many unseal", "解封所需份数" },
		{ "holders", OPTION_TEXT, &x.holders, "A,B,C", "who gets a share: names that the sealed vault shows", "份额持有人（封存时也会显示）" },
		{ "to", OPTION_TEXT, &x.to, "DIR", "the folder for the files, made if it is not there", "份额文件的目录" },
		{ "by-shares", OPTION_FLAG, &x.by_shares, NULL, "holders have allowed it", "已由持有人同意" },
		{ "slot", OPTION_NUMBER, &x.slot, "N", "the slot to fill (default: the quorum's, else a free one)", "写入的解封槽" },
		{ "passphrase-fd", OPTION_NUMBER, &x.from.passphrase_fd, "N", "read the passphrase from descriptor N", "从描述符 N 读口令" } };
	char path[OPERATOR_PATH];
	struct cli_args a;
	int code;

	if (!cli_parse(argc, argv, &help, options, sizeof options / sizeof options[0], 0, 0, &a))
		return a.exit;
	if ((code = check_rekey(&x)) != 0)
		return code;
	if (mkdir(x.to, 0700) != 0 && errno != EEXIST)
		return cli_fail(EXIT_FAILED, "%s: %s", "%s：%s", x.to, strerror(errno));
	if ((code = cli_admin_path(x.vault, path, sizeof path)) != 0)
		return code;
	return ask_rekey(&x, path);
}

int cmd_shares(int argc, char **argv)
{
	static const struct cli_sub subs[] = {
		{ "print", shares_print, "print a share as text and QR code", "将份额印成文字和二维码" },
		{ "drill", shares_drill, "prove a share without unsealing", "验证份额，不解封" },
		{ "propose", shares_propose, "propose a new split, which two administrators sign", "提请重新拆分（两名管理员签名）" },
		{ "rekey", shares_rekey, "split the key anew", "重新拆分密钥" },
		{ "confirm", shares_confirm, "confirm a share of a new split", "确认新份额" },
		{ "allow", shares_allow, "allow a new split by present shares", "以现有份额同意重新拆分" },
	};

	return cli_group(argc, argv, subs, sizeof subs / sizeof subs[0]);
}
