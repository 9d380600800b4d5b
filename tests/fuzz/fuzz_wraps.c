/* Keys rows, FORMAT.md 4.2. */
#include "format/wraps.h"
#include "fuzz.h"

#define FOUND_MAX 16

struct seen {
	const uint8_t *p;
	size_t n;
	unsigned count;
};

static int see(void *cookie, const struct wrap *w)
{
	struct seen *s = cookie;
	struct wrap found;
	int r;

	MUST((w->epk != NULL) == (w->type == WRAP_TYPE_PUBLIC));
	MUST((w->nonce != NULL) == (w->type == WRAP_TYPE_CLASS) && (w->ciphertext != NULL) == (w->type == WRAP_TYPE_CLASS));
	MUST((w->salt == NULL) == (w->type == WRAP_TYPE_CLASS) && w->group >= s->p);
	if (w->type == WRAP_TYPE_CLASS)
		MUST(w->nonce > w->group && w->ciphertext >= w->nonce + 24 && w->ciphertext + 48 <= s->p + s->n);
	else
		MUST(w->salt > w->group && w->salt + WRAP_SALT <= s->p + s->n && w->birth_epoch == w->wrapping_epoch);
	if (s->count++ < FOUND_MAX) {
		/* FORMAT only if the row names this place twice, or breaks a rule behind this wrap. */
		r = wraps_find(s->p, s->n, w->class_key, w->generation, w->drop_version, &found);
		MUST(r == CV_ERR_FORMAT || (r == 0 && found.ciphertext == w->ciphertext && found.salt == w->salt));
	}
	return 0;
}

static bool odd(void *cookie, const struct wrap *w)
{
	(void)w;
	return ++*(unsigned *)cookie % 2 == 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen s = { data, size, 0 }, kept = { 0 };
	unsigned n = 0;
	struct buf b;

	if (wraps_each(data, size, see, &s) != 0)
		return 0;
	MUST(s.count <= WRAPS_MAX);
	buf_init(&b, 1 << 20);
	wraps_begin(&b);
	MUST(wraps_copy(&b, 0, data, size, odd, &n) == 0);
	kept.p = b.p;
	kept.n = b.n;
	MUST(n == s.count && wraps_each(b.p, b.n, see, &kept) == 0 && kept.count == s.count / 2);
	buf_reset(&b);
	wraps_begin(&b);
	MUST(wraps_copy(&b, 0, data, size, NULL, NULL) == 0);
	must_be(&b, data, size);
	return 0;
}
