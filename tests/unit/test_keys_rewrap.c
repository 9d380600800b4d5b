/* keys: keys rows under old epochs become rows under the newest ones, FORMAT.md 4.2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "keys/rewrap_internal.h"
#include "record_fakes.h"

#define NEW_SK 0xB0	/* first byte of the class secret that the known answer is under */

/* The secrets of the fake classes, or of one (0: all), up to its newest epoch; wrong: HEALTH's old epoch is another key. */
static struct rewrap_keys *secrets_of(uint32_t one, bool wrong)
{
	struct rewrap_class class[HELD];
	struct rewrap_keys *x;
	unsigned n = 0;

	for (unsigned i = 0; i < fakes; i++) {
		if (one != 0 && fake[i].class_key != one)
			continue;
		if (n == 0 || class[n - 1].class_key != fake[i].class_key)
			class[n++].class_key = fake[i].class_key;
		class[n - 1].newest = fake[i].epoch;
	}
	assert_non_null(x = rewrap_keys_new(class, n, fakes));
	for (unsigned i = 0; i < fakes; i++) {
		if (one != 0 && fake[i].class_key != one)
			continue;
		memcpy(rewrap_keys_place(x, fake[i].class_key, fake[i].epoch), fake[i].sk, 32);
		if (wrong && fake[i].class_key == HEALTH && fake[i].epoch == EPOCH)
			rewrap_keys_place(x, fake[i].class_key, fake[i].epoch)[5] ^= 1;
		rewrap_keys_added(x);
	}
	return x;
}

static struct rewrap_keys *secrets(bool wrong)
{
	return secrets_of(0, wrong);
}

/* IDENTITY 1 to 3, HEALTH 1 to EPOCH + 1, NOTES 2, in the order of their keys. */
static int setup(void **state)
{
	if (fakes_setup(state) != 0)
		return -1;
	fakes = 0;
	fake_add(IDENTITY, 1, 0x70);
	fake_add(IDENTITY, 2, 0x71);
	fake_add(IDENTITY, 3, 0x72);
	for (uint32_t epoch = 1; epoch < EPOCH; epoch++)
		fake_add(HEALTH, epoch, (uint8_t)epoch);
	fake_add(HEALTH, EPOCH, 0xA0);
	fake_add(HEALTH, EPOCH + 1, NEW_SK);
	fake_add(NOTES, 2, 0x78);
	for (unsigned i = 0; i < fakes; i++)
		reader.holds[i] = true;
	return 0;
}

static void a_row_gives_the_known_answer(void **state)
{
	struct rewrap_keys *x = secrets_of(HEALTH, false);
	uint8_t row[SAMPLE_MAX], want[SAMPLE_MAX], nonce[24];
	size_t n = sample("keys_stored", row), want_n = sample("keys_rewrapped", want);
	struct buf b;
	unsigned made;

	(void)state;
	run(nonce, 0x95, 24);
	buf_init(&b, 8192);
	buf_u8(&b, 7);
	assert_int_equal(rewrap_row_with(&vault, x, NULL, record, row, n, nonce, &b, &made), 0);
	assert_int_equal(made, 3);
	assert_int_equal(b.n, 1 + want_n);
	assert_memory_equal(b.p + 1, want, want_n);
	/* Nothing is old in it any more. */
	buf_reset(&b);
	assert_int_equal(rewrap_row(&vault, x, NULL, record, want, want_n, &b, &made), 0);
	assert_int_equal(made, 0);
	assert_int_equal(b.n, 0);
	buf_free(&b);
	rewrap_keys_free(x);
}

/* Offsets in keys_stored. */
#define WRAPPED (3u + 2 + 21 + 22)	/* the group of type 2 */
#define BIRTH_AT (WRAPPED + 26 + 3)	/* birth alone does not reach the wrap: the row is bound to it */

/*
 * What is wrapped and does not open; what is derived opens always, to another data key if it was changed, which opens no row: so a changed
 * bit is refused, or takes its entry out of the old epochs, or gives other data keys than the known answer has.
 */
static void what_does_not_open_is_not_made_anew(void **state)
{
	struct rewrap_keys *x = secrets_of(HEALTH, false), *wrong = secrets_of(HEALTH, true), *few;
	const struct rewrap_class health = { HEALTH, EPOCH + 1 };
	uint8_t row[SAMPLE_MAX], want[SAMPLE_MAX], nonce[24];
	size_t n = sample("keys_stored", row), want_n = sample("keys_rewrapped", want);
	unsigned made = 99;
	struct buf b;

	(void)state;
	buf_init(&b, 8192);
	buf_u8(&b, 7);
	assert_int_equal(rewrap_row(&vault, wrong, NULL, record, row, n, &b, &made), CV_ERR_AUTH);
	assert_int_equal(rewrap_row(&vault, x, NULL, other_record, row, n, &b, &made), CV_ERR_AUTH);
	assert_int_equal(rewrap_row(&other_vault, x, NULL, record, row, n, &b, &made), CV_ERR_AUTH);
	assert_non_null(few = rewrap_keys_new(&health, 1, 1));
	run(rewrap_keys_place(few, HEALTH, EPOCH + 1), NEW_SK, 32);
	rewrap_keys_added(few);
	assert_int_equal(rewrap_row(&vault, few, NULL, record, row, n, &b, &made), CV_ERR_NOKEY);
	for (size_t cut = 0; cut < n; cut++)
		assert_int_equal(rewrap_row(&vault, x, NULL, record, row, cut, &b, &made), CV_ERR_FORMAT);
	run(nonce, 0x95, 24);
	for (size_t bit = 0; bit < n * 8; bit++) {
		struct buf back;
		int r;

		row[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		buf_init(&back, 8192);
		r = rewrap_row_with(&vault, x, NULL, record, row, n, nonce, &back, &made);
		if (r == 0 && back.n == want_n && memcmp(back.p, want, want_n) == 0)
			fail_msg("bit %zu of byte %zu", bit % 8, bit / 8);
		if (r == 0 && bit / 8 >= WRAPPED && bit / 8 < WRAPPED + 26 + 54 && bit / 8 != BIRTH_AT && made == 3)
			fail_msg("bit %zu of byte %zu of a wrap", bit % 8, bit / 8);
		buf_free(&back);
		row[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
	assert_int_equal(b.n, 1);
	buf_free(&b);
	buf_init(&b, 100);
	assert_int_equal(rewrap_row(&vault, x, NULL, record, row, n, &b, &made), CV_ERR_NOMEM);
	assert_int_equal(b.n, 0);
	buf_free(&b);
	rewrap_keys_free(few);
	rewrap_keys_free(wrong);
	rewrap_keys_free(x);
}

static void two_wraps_for_one_data_key_are_refused(void **state)
{
	struct rewrap_keys *x = secrets(false);
	struct datakey a, c;
	const struct wrap_request one = { HEALTH, 1, 1, 0, &a }, other = { HEALTH, 1, 1, 0, &c };
	unsigned made, held = fakes;
	struct buf b, out;

	(void)state;
	crypto_random(&a, sizeof(a));
	crypto_random(&c, sizeof(c));
	buf_init(&b, 8192);
	buf_init(&out, 8192);
	wraps_begin(&b);
	reader.holds[held - 2] = false;		/* HEALTH's newest */
	assert_int_equal(record_wrap2(&vault, &reader, record, &one, 1, &b), 0);
	wraps_group_added(&b, 0);
	assert_int_equal(record_wrap2(&vault, &reader, record, &other, 1, &b), 0);
	wraps_group_added(&b, 0);
	reader.holds[held - 2] = true;
	assert_int_equal(rewrap_row(&vault, x, NULL, record, b.p, b.n, &out, &made), CV_ERR_FORMAT);
	assert_int_equal(out.n, 0);
	buf_free(&b);
	buf_free(&out);
	rewrap_keys_free(x);
}

/* ---- rows of any shape ---------------------------------------------------------------------------------------------------- */

#define ROWS 300u
#define WRAPS 700u

/* What a row is made of. */
struct made {
	uint32_t class_key, generation, drop_version, birth, epoch;
	struct datakey dk;
};
static struct made all[WRAPS];

static unsigned below(unsigned n)
{
	uint32_t x;

	crypto_random(&x, sizeof(x));
	return x % n;
}

static uint8_t turn_esk[32] = { 7 };

/* A group of 1 to most entries in one epoch of some classes, by hand: of any type. */
static unsigned add_group(struct buf *b, unsigned at, unsigned most, uint32_t *generation)
{
	unsigned n = 1 + below(most), type = 1 + below(3);
	uint8_t nonce[24], esk[32], epk[32], ss[32], salt[WRAP_SALT];

	crypto_random(nonce, 24);
	if (below(3) == 0)
		crypto_random(turn_esk, 32);	/* else it is of the turn before */
	memcpy(esk, turn_esk, 32);
	crypto_box_public(esk, epk);
	wraps_group(b, (uint8_t)type, n, nonce, epk);
	for (unsigned i = 0; i < n; i++) {
		const struct fake_class *f = &fake[below(fakes)];
		const struct class_keys keys = { f->sk, f->kek, f->pk };
		struct made *m = &all[at + i];
		bool drop = below(5) == 0;
		struct wrap w = { .type = (uint8_t)type, .nonce = nonce, .epk = epk, .salt = salt, .class_key = f->class_key,
			.generation = drop ? 0 : ++*generation, .birth_epoch = type == 2 ? 1 + below(f->epoch) : f->epoch,
			.wrapping_epoch = f->epoch, .drop_version = drop ? ++*generation : 0 };

		*m = (struct made){ w.class_key, w.generation, w.drop_version, w.birth_epoch, w.wrapping_epoch, { { 0 } } };
		crypto_random(salt, sizeof(salt));
		crypto_random(&m->dk, sizeof(m->dk));
		if (type == 2) {
			record_wrap_put(&vault, f->kek, record, &w, m->dk.opaque, b);
			continue;
		}
		/* As its maker derives it: the other side of the agreement. */
		assert_int_equal(crypto_agree(esk, f->pk, ss), 0);
		assert_int_equal(record_wrap_open(&vault, &keys, ss, record, &w, m->dk.opaque), 0);
		wraps_put(b, &w);
	}
	wraps_group_added(b, 0);
	return n;
}

static uint32_t newest_of(uint32_t class_key)
{
	return session_class_epoch(&reader, class_key);
}

/* How many entries of a row are not among those of another, byte for byte with what their group has; and that they are as they must be. */
struct compared {
	const uint8_t *before;
	size_t before_n;
	unsigned kept, fresh, n;
};

static int compare(void *cookie, const struct wrap *w)
{
	struct compared *x = cookie;
	struct wrap old;

	assert_int_equal(wraps_find(x->before, x->before_n, w->class_key, w->generation, w->drop_version, &old), 0);
	assert_int_equal(w->birth_epoch, old.birth_epoch);
	if (old.wrapping_epoch == newest_of(w->class_key)) {
		assert_int_equal(w->type, old.type);
		if (w->type == WRAP_TYPE_CLASS) {
			assert_memory_equal(w->nonce, old.nonce, 24);
			assert_memory_equal(w->ciphertext, old.ciphertext, 48);
		} else {
			assert_memory_equal(w->salt, old.salt, WRAP_SALT);
		}
		if (w->type == WRAP_TYPE_PUBLIC)
			assert_memory_equal(w->epk, old.epk, 32);
		x->kept++;
	} else {
		assert_int_equal(w->type, WRAP_TYPE_CLASS);
		if (old.type == WRAP_TYPE_CLASS)
			assert_memory_not_equal(w->nonce, old.nonce, 24);
		x->fresh++;
	}
	assert_int_equal(w->wrapping_epoch, newest_of(w->class_key));
	x->n++;
	return 0;
}

static void every_data_key_opens_as_before_and_nothing_is_old(void **state)
{
	struct rewrap_keys *x = secrets(false);
	struct rewrap_agreed *a = rewrap_agreed_new(x);
	const struct rewrap_class class[] = { { IDENTITY, 3 }, { HEALTH, EPOCH + 1 }, { NOTES, 2 } };
	struct buf b, out;

	(void)state;
	buf_init(&b, 1 << 18);
	buf_init(&out, 1 << 18);
	for (unsigned k = 0; k < ROWS; k++) {
		unsigned n = 0, old = 0, counted, made, groups = 1 + below(k % 50 == 0 ? 3 : 6), most = k % 50 == 0 ? 200 : 9;
		uint32_t generation = 0;
		struct compared c;

		buf_reset(&b);
		buf_reset(&out);
		wraps_begin(&b);
		for (unsigned i = 0; i < groups; i++)
			n += add_group(&b, n, most, &generation);
		for (unsigned i = 0; i < n; i++)
			old += all[i].epoch < newest_of(all[i].class_key);
		assert_true(buf_ok(&b));
		assert_int_equal(rewrap_old(class, 3, b.p, b.n, &counted), 0);
		assert_int_equal(counted, old);
		assert_int_equal(rewrap_row(&vault, x, k % 2 == 0 ? NULL : a, record, b.p, b.n, &out, &made), 0);
		assert_int_equal(made, old);
		if (old == 0)
			continue;
		assert_int_equal(rewrap_old(class, 3, out.p, out.n, &counted), 0);
		assert_int_equal(counted, 0);
		c = (struct compared){ .before = b.p, .before_n = b.n };
		assert_int_equal(wraps_each(out.p, out.n, compare, &c), 0);
		assert_int_equal(c.n, n);
		assert_int_equal(c.fresh, old);
		for (unsigned i = 0; i < n; i++) {
			struct datakey dk;
			struct wrap w;

			assert_int_equal(wraps_find(out.p, out.n, all[i].class_key, all[i].generation, all[i].drop_version, &w), 0);
			assert_int_equal(record_unwrap(&vault, &reader, record, &w, &dk), 0);
			assert_memory_equal(&dk, &all[i].dk, 32);
		}
	}
	buf_free(&b);
	buf_free(&out);
	rewrap_agreed_free(a);
	rewrap_keys_free(x);
}

/* Nothing of a re-wrapped class's old entries is left by which who has its old key could make a data key again: neither salt nor N. */
static bool holds_bytes(const struct buf *b, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i + n <= b->n; i++)
		if (memcmp(b->p + i, p, n) == 0)
			return true;
	return false;
}

static void no_salt_of_an_old_entry_is_left(void **state)
{
	struct rewrap_keys *x = secrets(false);
	struct buf b, out;
	unsigned made;

	(void)state;
	buf_init(&b, 1 << 16);
	buf_init(&out, 1 << 16);
	for (unsigned k = 0; k < 20; k++) {
		uint32_t generation = 0;
		unsigned n = 0;

		buf_reset(&b);
		buf_reset(&out);
		wraps_begin(&b);
		for (unsigned i = 0; i < 4; i++)
			n += add_group(&b, n, 9, &generation);
		assert_int_equal(rewrap_row(&vault, x, NULL, record, b.p, b.n, &out, &made), 0);
		for (unsigned i = 0; made > 0 && i < n; i++) {
			struct wrap w;

			assert_int_equal(wraps_find(b.p, b.n, all[i].class_key, all[i].generation, all[i].drop_version, &w), 0);
			if (w.type != WRAP_TYPE_CLASS)
				assert_int_equal(holds_bytes(&out, w.salt, WRAP_SALT), all[i].epoch == newest_of(all[i].class_key));
		}
	}
	buf_free(&b);
	buf_free(&out);
	rewrap_keys_free(x);
}

/* Whoever can write a row knows what is agreed with a public key of low order. */
static void an_ephemeral_key_of_low_order_is_refused(void **state)
{
	static const uint8_t zeros[32];
	struct rewrap_keys *x = secrets(false);
	struct rewrap_agreed *a = rewrap_agreed_new(x);
	uint8_t row[SAMPLE_MAX], salt[WRAP_SALT] = { 1 };
	size_t n = sample("keys_stored", row);
	struct wrap w = { .type = 3, .salt = salt, .epk = zeros, .class_key = HEALTH, .generation = 1, .birth_epoch = EPOCH };
	struct buf b, out;
	unsigned made;

	(void)state;
	buf_init(&b, 8192);
	buf_init(&out, 8192);
	wraps_begin(&b);
	wraps_group(&b, 3, 1, NULL, zeros);
	wraps_put(&b, &w);
	wraps_group_added(&b, 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(rewrap_row(&vault, x, a, record, b.p, b.n, &out, &made), CV_ERR_CRYPTO);
		/* Before anything was agreed with its class, and after. */
		assert_int_equal(rewrap_row(&vault, x, a, record, row, n, &out, &made), 0);
		buf_reset(&out);
	}
	buf_free(&b);
	buf_free(&out);
	rewrap_agreed_free(a);
	rewrap_keys_free(x);
}

static void more_wraps_than_a_group_takes_become_several_groups(void **state)
{
	struct rewrap_keys *x = secrets(false);
	const struct fake_class *old = &fake[0];
	uint8_t nonce[24];
	struct datakey dk;
	struct wrap w;
	struct buf b, out;
	unsigned made;

	(void)state;
	buf_init(&b, 1 << 18);
	buf_init(&out, 1 << 18);
	wraps_begin(&b);
	crypto_random(nonce, 24);
	crypto_random(&dk, sizeof(dk));
	for (unsigned i = 0; i < 600; i++) {
		if (i % 200 == 0) {
			crypto_random(nonce, 24);
			wraps_group(&b, 2, 200, nonce, NULL);
			wraps_group_added(&b, 0);
		}
		w = (struct wrap){ .type = 2, .nonce = nonce, .class_key = old->class_key, .generation = i + 1, .birth_epoch = 1,
			.wrapping_epoch = 1 };
		record_wrap_put(&vault, old->kek, record, &w, dk.opaque, &b);
	}
	assert_int_equal(rewrap_row(&vault, x, NULL, record, b.p, b.n, &out, &made), 0);
	assert_int_equal(made, 600);
	assert_int_equal(out.p[2], 3);
	assert_int_equal(out.p[4], 255);
	/* Generations of 128 and more take two bytes. */
	assert_int_equal(out.n, 3 + 3 * 26 + 600 * 54 + (600 - 127));
	assert_memory_not_equal(out.p + 5, out.p + 5 + 26 + 255 * 54 + (255 - 127), 24);
	buf_free(&b);
	buf_free(&out);
	rewrap_keys_free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_gives_the_known_answer),
		cmocka_unit_test(what_does_not_open_is_not_made_anew),
		cmocka_unit_test(two_wraps_for_one_data_key_are_refused),
		cmocka_unit_test(every_data_key_opens_as_before_and_nothing_is_old),
		cmocka_unit_test(no_salt_of_an_old_entry_is_left),
		cmocka_unit_test(an_ephemeral_key_of_low_order_is_refused),
		cmocka_unit_test(more_wraps_than_a_group_takes_become_several_groups),
	};

	return cmocka_run_group_tests(tests, setup, fakes_teardown);
}
