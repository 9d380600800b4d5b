/*
 * Bodies in lines: the first byte says in what pieces, the rest is the body. Every byte is taken once, numbers rise by one for each line,
 * and what is found does not depend on the pieces.
 */
#include <string.h>

#include "front/lines.h"
#include "fuzz.h"

#define LINE_MAX_BYTES 48u

/* What was found of the body: a number, a kind and the line's bytes for each line. */
static void found_of(const uint8_t *p, size_t n, size_t piece, struct buf *ret)
{
	struct line_reader r = { .next = 1 };
	struct buf held;
	enum line_found found;
	struct line l;
	uint64_t last = 0;
	size_t at = 0, taken = 0;

	buf_init(&held, 1u << 20);
	do {
		size_t some = piece == 0 || piece > n - at ? n - at : piece;

		buf_put(&held, p + at, some);
		at += some;
		do {
			l.used = 0;
			found = line_next(&r, held.p, held.n, at == n, LINE_MAX_BYTES, &l);
			MUST(l.used <= held.n);
			if (found != LINE_MORE) {
				MUST(l.number == last + 1 && l.n <= held.n);
				last = l.number;
				buf_u64(ret, l.number);
				buf_u8(ret, (uint8_t)found);
			}
			if (found == LINE_HERE) {
				MUST(l.n > 0 && l.n <= LINE_MAX_BYTES && memchr(held.p, '\n', l.n) == NULL);
				buf_put(ret, held.p, l.n);
			}
			taken += l.used;
			if (l.used > 0)
				memmove(held.p, held.p + l.used, held.n - l.used);
			buf_cut(&held, held.n - l.used);
			MUST(held.n <= LINE_MAX_BYTES + 64 + 1 || at == n || piece == 0);
		} while (found != LINE_MORE || l.used > 0);
	} while (at < n);
	MUST(taken == n && held.n == 0);
	buf_free(&held);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole, pieces;

	if (size == 0 || size > 1u << 16)
		return 0;
	buf_init(&whole, 4u << 20);
	buf_init(&pieces, 4u << 20);
	found_of(data + 1, size - 1, 0, &whole);
	found_of(data + 1, size - 1, data[0] % 64 + 1u, &pieces);
	MUST(buf_ok(&whole) && buf_ok(&pieces) && whole.n == pieces.n);
	MUST(whole.n == 0 || memcmp(whole.p, pieces.p, whole.n) == 0);
	buf_free(&whole);
	buf_free(&pieces);
	return 0;
}
