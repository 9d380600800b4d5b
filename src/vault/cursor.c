/* Where a list goes on: sealed under K_cursor, so that a caller neither reads nor makes one. FORMAT.md section 3, kind 24. */
#include <string.h>

#include "base/text.h"
#include "format/wire_gov.h"
#include "vault/vault_internal.h"

bool cursor_take(struct vault *v, const struct wire_text *t, uint8_t *ret, size_t n)
{
	uint8_t sealed[WIRE_CURSOR_MAX];
	bool good = false;
	size_t got;

	buf_reset(&v->scratch);
	if (b64_decode(B64_URL, t->p, t->n, sealed, sizeof(sealed), &got) == 0 &&
	    keys_cursor_open(v->keys, sealed, got, &v->scratch) == 0 && v->scratch.n == n) {
		memcpy(ret, v->scratch.p, n);
		good = true;
	}
	buf_reset(&v->scratch);
	return good;
}

int cursor_put(struct vault *v, const uint8_t *plain, size_t n, struct buf *out)
{
	char text[WIRE_CURSOR_MAX + 1];
	int r;

	buf_reset(&v->scratch);
	if ((r = keys_cursor_seal(v->keys, plain, n, &v->scratch)) == 0 && b64_size(B64_URL, v->scratch.n) > sizeof(text))
		r = CV_ERR_LIMIT;
	if (r == 0) {
		b64_encode(B64_URL, v->scratch.p, v->scratch.n, text);
		wire_text16_put(out, text, strlen(text));
	}
	buf_reset(&v->scratch);
	return r;
}
