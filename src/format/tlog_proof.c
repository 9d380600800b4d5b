#include "format/tlog_proof.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"

#define FIRST "c2sp.org/tlog-proof@v1"
#define DIGITS_MAX 20u

/* The bytes of a file that are not read yet. */
struct rest {
	const char *p;
	size_t n;
};

/* The next line, without its newline. */
static int next(struct rest *rest, const char **ret, size_t *ret_n)
{
	const char *nl = rest->n > 0 ? memchr(rest->p, '\n', rest->n) : NULL;

	if (nl == NULL)
		return CV_ERR_FORMAT;
	*ret = rest->p;
	*ret_n = (size_t)(nl - rest->p);
	rest->n -= *ret_n + 1;
	rest->p = nl + 1;
	return 0;
}

static bool begins(const char *p, size_t n, const char *word)
{
	return n >= strlen(word) && memcmp(p, word, strlen(word)) == 0;
}

/* Whether n characters are the one spelling of some bytes in base64. */
static int base64_check(const char *p, size_t n)
{
	uint8_t *raw;
	size_t raw_n;
	int r;

	if (n > b64_size(B64_STD, TLOG_PROOF_EXTRA_MAX))
		return CV_ERR_FORMAT;
	if ((raw = malloc(TLOG_PROOF_EXTRA_MAX)) == NULL)
		return CV_ERR_NOMEM;
	r = b64_decode(B64_STD, p, n, raw, TLOG_PROOF_EXTRA_MAX, &raw_n);
	free(raw);
	return r != 0 ? CV_ERR_FORMAT : 0;
}

static int index_decode(const char *p, size_t n, uint64_t *ret)
{
	uint64_t v = 0;

	if (!begins(p, n, "index "))
		return CV_ERR_FORMAT;
	p += strlen("index ");
	n -= strlen("index ");
	if (n == 0 || n > DIGITS_MAX || (n > 1 && p[0] == '0'))
		return CV_ERR_FORMAT;
	for (size_t i = 0; i < n; i++) {
		unsigned digit = (unsigned)(p[i] - '0');

		if (digit > 9 || v > (UINT64_MAX - digit) / 10)
			return CV_ERR_FORMAT;
		v = v * 10 + digit;
	}
	*ret = v;
	return 0;
}

/* The hashes, and the blank line behind them. */
static int hashes_decode(struct rest *rest, struct tlog_proof *x)
{
	const char *p;
	size_t n, raw_n;
	int r;

	for (;;) {
		if ((r = next(rest, &p, &n)) != 0)
			return r;
		if (n == 0)
			return 0;
		if (x->n == TLOG_PROOF_HASHES || b64_decode(B64_STD, p, n, x->hash[x->n], 32, &raw_n) != 0 || raw_n != 32)
			return CV_ERR_FORMAT;
		x->n++;
	}
}

int tlog_proof_decode(const char *p, size_t n, struct tlog_proof *ret)
{
	struct rest rest = { p, n };
	struct tlog_proof x = { 0 };
	const char *line;
	size_t line_n;
	int r;

	if (n > TLOG_PROOF_MAX || (r = next(&rest, &line, &line_n)) != 0 || line_n != strlen(FIRST) || memcmp(line, FIRST, line_n) != 0)
		return CV_ERR_FORMAT;
	if ((r = next(&rest, &line, &line_n)) != 0)
		return r;
	if (begins(line, line_n, "extra ")) {
		x.extra = line + strlen("extra ");
		x.extra_n = line_n - strlen("extra ");
		if ((r = base64_check(x.extra, x.extra_n)) != 0 || (r = next(&rest, &line, &line_n)) != 0)
			return r;
	}
	if ((r = index_decode(line, line_n, &x.index)) != 0 || (r = hashes_decode(&rest, &x)) != 0)
		return r;
	if (rest.n == 0 || rest.n > NOTE_MAX)
		return CV_ERR_FORMAT;
	x.checkpoint = rest.p;
	x.checkpoint_n = rest.n;
	*ret = x;
	return 0;
}

/* Append "extra " and the bytes in base64. */
static int extra_encode(const void *extra, size_t n, struct buf *ret)
{
	uint8_t *room;

	if (n > TLOG_PROOF_EXTRA_MAX)
		return CV_ERR_ARG;
	buf_text(ret, "extra ");
	room = buf_add(ret, b64_size(B64_STD, n));
	if (room == NULL)
		return CV_ERR_NOMEM;
	b64_encode(B64_STD, extra, n, (char *)room);
	ret->p[ret->n - 1] = '\n';	/* in place of the NUL */
	return 0;
}

int tlog_proof_encode(const void *extra, size_t extra_n, uint64_t index, const uint8_t (*hash)[32], unsigned n,
    const void *checkpoint, size_t checkpoint_n, struct buf *ret)
{
	char b64[48];
	int r;

	buf_text(ret, FIRST "\n");
	if (extra != NULL && (r = extra_encode(extra, extra_n, ret)) != 0)
		return r;
	buf_printf(ret, "index %llu\n", (unsigned long long)index);
	for (unsigned i = 0; i < n; i++) {
		b64_encode(B64_STD, hash[i], 32, b64);
		buf_printf(ret, "%s\n", b64);
	}
	buf_u8(ret, '\n');
	buf_put(ret, checkpoint, checkpoint_n);
	return buf_ok(ret) ? 0 : CV_ERR_NOMEM;
}
