/* Rows of the DIR table, FORMAT.md 5.2. The first byte tells as what the rest is taken. */
#include "format/directory.h"
#include "fuzz.h"

static void key(const uint8_t *p, size_t n)
{
	uint8_t again[DIR_KEY_MAX];
	struct dir_key k;

	if (dir_key_decode(p, n, &k) == 0)
		MUST(dir_key_encode(&k, again) == n && memcmp(again, p, n) == 0);
}

static void value(const uint8_t *p, size_t n, struct buf *b)
{
	struct dir_value v;

	if (dir_value_decode(p, n, &v) != 0)
		return;
	dir_value_encode(v.change_set, v.fact, v.fact_n, b);
	buf_put(b, v.rest, v.rest_n);
	must_be(b, p, n);
}

static void principal(const uint8_t *p, size_t n, struct buf *b)
{
	struct dir_principal x;

	if (dir_principal_decode(p, n, &x) != 0)
		return;
	dir_principal_encode(&x, b);
	must_be(b, p, n);
}

static void public_key(const uint8_t *p, size_t n, struct buf *b)
{
	struct dir_public x;

	if (dir_role_decode(p, n, &x) == 0) {
		dir_role_encode(&x, b);
		must_be(b, p, n);
	} else if (dir_class_decode(p, n, &x) == 0) {
		dir_class_encode(&x, b);
		must_be(b, p, n);
	}
}

static void small_facts(const uint8_t *p, size_t n, struct buf *b)
{
	uint64_t from, to;
	uint16_t rights;
	uint8_t index;

	if (dir_member_decode(p, n, &from, &to) == 0)
		dir_member_encode(from, to, b);
	else if (dir_grant_decode(p, n, &rights) == 0)
		dir_grant_encode(rights, b);
	else if (dir_custody_decode(p, n, &index) == 0)
		dir_custody_encode(index, b);
	else
		return;
	must_be(b, p, n);
}

static void person_rest(const uint8_t *p, size_t n, struct buf *b)
{
	struct dir_person_rest x;
	const uint8_t *copy;
	uint16_t copy_n;

	if (dir_person_rest_decode(p, n, &x) != 0)
		return;
	if (x.list_n >= 16 && dir_person_copy(&x, x.list, &copy, &copy_n) == 0)
		MUST(copy >= x.list && copy + copy_n <= x.list + x.list_n);
	dir_person_rest_encode(x.mark, x.sealed, x.sealed_n, x.copies, b);
	buf_put(b, x.list, x.list_n);
	must_be(b, p, n);
}

/* Plaintext of a sealed text; whatever decodes has one spelling. */
static void person(const uint8_t *p, size_t n, struct buf *b)
{
	char text[DIR_PERSON_TEXTS][256];
	const char *texts[DIR_PERSON_TEXTS];
	struct dir_person x;

	if (dir_person_decode(p, n, &x) != 0)
		return;
	for (unsigned i = 0; i < DIR_PERSON_TEXTS; i++) {
		memcpy(text[i], x.text[i].p, x.text[i].n);
		text[i][x.text[i].n] = 0;
		texts[i] = text[i];
	}
	MUST(dir_person_encode(texts, x.vetting_ms, b) == 0);
	must_be(b, p, n);
}

static void link_rest(const uint8_t *p, size_t n, struct buf *b)
{
	const uint8_t *at;
	uint16_t at_n;

	if (dir_link_decode(p, n, &at, &at_n) != 0)
		return;
	dir_link_encode(at, at_n, b);
	must_be(b, p, n);
}

static void change(const uint8_t *p, size_t n, struct buf *b)
{
	struct dir_change x;

	if (dir_change_decode(p, n, &x) != 0)
		return;
	dir_change_encode(x.sequence, x.time_ms, x.previous, x.digests, x.count, b);
	MUST(b->n == x.covered);
	buf_put(b, x.digest, 32);
	buf_u8(b, x.signatures);
	buf_put(b, x.list, x.signatures * (size_t)(16 + 64));
	must_be(b, p, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf b;

	if (size == 0)
		return 0;
	buf_init(&b, 1 << 20);
	switch (data[0] % 9) {
	case 0: key(data + 1, size - 1); break;
	case 1: value(data + 1, size - 1, &b); break;
	case 2: principal(data + 1, size - 1, &b); break;
	case 3: public_key(data + 1, size - 1, &b); break;
	case 4: small_facts(data + 1, size - 1, &b); break;
	case 5: person_rest(data + 1, size - 1, &b); break;
	case 6: link_rest(data + 1, size - 1, &b); break;
	case 7: change(data + 1, size - 1, &b); break;
	case 8: person(data + 1, size - 1, &b); break;
	}
	buf_free(&b);
	return 0;
}
