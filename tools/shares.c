#include "shares.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cli.h"
#include "format/message.h"

#define TEXT_MAX (1u << 17)	/* the file reader takes 64 KiB at a time */
#define HOLDER "# holder: "
#define PER_LINE (SHARE_SYMBOLS / SHARE_LINES)

/* ---- files -------------------------------------------------------------------------------------------------------------- */

/* Whether what a person typed may be taken: they type line by line and hear of a slip at once, or paste the whole. */
static bool line_taken(const char *line, size_t before)
{
	size_t n = strlen(line), symbols = share_symbols(line, n);

	if (symbols == 0 || symbols >= SHARE_SYMBOLS || share_line_fits(line, n, (unsigned)(before / PER_LINE)))
		return true;
	fputs(tr("This line has a mistake. Once more:\n", "这一行有误，请重新输入：\n"), stderr);
	return false;
}

/* What is typed, until it is whole. */
static int read_typed(struct buf *ret)
{
	bool person = isatty(STDIN_FILENO);
	size_t symbols = 0;
	char line[512];

	if (person)
		fputs(tr("The five lines of the share:\n", "请输入密钥份额的五行文字：\n"), stderr);
	while (symbols < SHARE_SYMBOLS && fgets(line, sizeof line, stdin) != NULL) {
		if (person && !line_taken(line, symbols))
			continue;
		buf_text(ret, line);
		symbols = share_symbols((const char *)ret->p, ret->n);
	}
	wipe(line, sizeof line);
	return buf_ok(ret) ? 0 : cli_fail(EXIT_FAILED, "that is no share", "这不是密钥份额");
}

/* The remark that names the holder, as far as a terminal can show it. */
static void find_holder(const struct buf *text, char ret[64])
{
	const char *p = (const char *)text->p, *end = p + text->n;
	size_t head = sizeof(HOLDER) - 1, n = 0;

	ret[0] = '\0';
	while (p < end && ((size_t)(end - p) < head || memcmp(p, HOLDER, head) != 0)) {
		const char *next = memchr(p, '\n', (size_t)(end - p));

		p = next != NULL ? next + 1 : end;
	}
	if (p >= end)
		return;
	for (p += head; p + n < end && n < 63 && p[n] != '\n' && (unsigned char)p[n] >= 0x20; n++)
		ret[n] = p[n];
	ret[n] = '\0';
}

static int not_a_share(int r, unsigned line, size_t symbols)
{
	if (r == CV_ERR_FORMAT)
		return cli_fail(EXIT_FAILED, "line %u of the share has a mistake", "密钥份额第 %u 行有误", line);
	if (r == CV_ERR_LIMIT)
		return cli_fail(EXIT_FAILED, "a share has %u characters, this has %zu", "密钥份额应有 %u 个字符，此处有 %zu 个", SHARE_SYMBOLS, symbols);
	return cli_fail(EXIT_FAILED, "that is no share: its checksum does not fit", "这不是密钥份额：校验和不符");
}

int share_read(const char *path, uint8_t ret[SHARE_BYTES], char ret_holder[64])
{
	struct buf text;
	unsigned line = 0;
	int code, r;

	buf_init(&text, TEXT_MAX);
	if ((code = strcmp(path, "-") == 0 ? read_typed(&text) : cli_read_file(path, &text)) != 0)
		goto out;
	if ((r = share_from_text((const char *)text.p, text.n, ret, &line)) != 0)
		code = not_a_share(r, line, share_symbols((const char *)text.p, text.n));
	else
		find_holder(&text, ret_holder);
out:
	buf_free(&text);
	return code;
}

void share_text(const uint8_t p[SHARE_BYTES], const char *holder, struct buf *ret)
{
	char line[SHARE_LINE];
	struct share s;

	buf_text(ret, SHARE_FILE_HEAD "\n");
	if (share_decode(p, &s) == 0)
		buf_printf(ret, "# share %u of %u: any %u of them unseal the vault whose id begins with %02x%02x%02x%02x\n", s.index,
		    s.n, s.k, s.vault[0], s.vault[1], s.vault[2], s.vault[3]);
	if (holder != NULL && holder[0] != '\0') {
		buf_text(ret, HOLDER);
		buf_text(ret, holder);
		buf_u8(ret, '\n');
	}
	for (unsigned i = 0; i < SHARE_LINES; i++) {
		share_line(p, i, line);
		buf_printf(ret, "(%u) ", i + 1);
		buf_text(ret, line);
		buf_u8(ret, '\n');
	}
	wipe(line, sizeof line);
	wipe(&s, sizeof s);
}

/* ---- what core says ------------------------------------------------------------------------------------------------------- */

int operator_call(const char *path, enum admin_operation operation, uint8_t slot, const uint8_t *body, size_t n,
    struct admin_answer *ret, struct buf *ret_body)
{
	int r = admin_call(path, operation, slot, body, n, ret, ret_body);

	if (r == CV_ERR_SYSTEM)
		return cli_fail(EXIT_SEALED, "the vault cannot be reached at %s: %s", "无法连接 %s：%s", path, strerror(errno));
	if (r == CV_ERR_ARG)
		return cli_fail(EXIT_USAGE, "the path of admin.sock is too long: %s", "admin.sock 的路径过长：%s", path);
	return r == 0 ? 0 : cli_fail(EXIT_FAILED, "admin.sock answered something else", "admin.sock 的应答不符合协议");
}

int operator_refused(const struct admin_answer *a)
{
	if (a->result == PROBLEM_APPROVAL_REQUIRED)
		return cli_fail(EXIT_SEALED, "the vault is pending: two different administrators sign it first (childvault genesis --help)",
		    "档案库处于待定状态：须先由两名为不同自然人的管理员签署（见 childvault genesis --help）");
	if (a->result == PROBLEM_UNAUTHENTICATED)
		return cli_fail(EXIT_DENIED, "this passphrase or key does not open the vault", "此口令或密钥打不开档案库");
	return cli_fail(a->result == PROBLEM_SEALED ? EXIT_SEALED : EXIT_FAILED, "%s (%s)", "%s（%s）", problem_title(a->result),
	    problem_kind(a->result));
}

const char *share_name(const struct admin_share *s, char ret[128])
{
	if (s->holder[0] == '\0')
		snprintf(ret, 128, tr("share %u", "第 %u 份"), s->index);
	else
		snprintf(ret, 128, tr("share %u (%s)", "第 %u 份（%s）"), s->index, s->holder);
	return ret;
}

int share_verdict(const struct admin_answer *a, const struct buf *body, struct admin_share *ret)
{
	char name[128];

	if (a->result == PROBLEM_NOT_FOUND)
		return cli_fail(EXIT_FAILED, "no quorum's slot waits for this share here", "此处没有等待该份额的解封槽");
	if (body->n == 0)
		return operator_refused(a);
	if (admin_share_decode(body->p, body->n, ret) != 0)
		return cli_fail(EXIT_FAILED, "admin.sock answered something else", "admin.sock 的应答不符合协议");
	switch (ret->verdict) {
	case ADMIN_BAD:
		return cli_fail(EXIT_DENIED, "%s does not fit: it was changed. Those that are in stay in", "%s不符，已被改动；已输入的份额不受影响",
		    share_name(ret, name));
	case ADMIN_OTHER_VAULT:
		return cli_fail(EXIT_DENIED, "this share (number %u) is of another vault", "此份额（编号 %u）属于另一档案库", ret->index);
	case ADMIN_OTHER_SPLIT:
		return cli_fail(EXIT_DENIED,
		    "this share (number %u) is of another split of the key: an older one, or one that is not in force",
		    "此份额（编号 %u）属于另一次拆分：已作废或尚未生效", ret->index);
	default:
		return a->result == 0 ? 0 : operator_refused(a);
	}
}
