/* keys: sealed heads and digests, FORMAT.md 4.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "format/hist.h"
#include "record_fakes.h"

static struct head back;

/* A sealed sample head of a record under a slot in a buffer of its own. */
static void sealed(struct keys *k, uint8_t first, uint32_t slot, struct buf *ret)
{
	struct head h;

	sample_head(&h);
	run(h.record, first, 16);
	h.shred_slot = slot;
	buf_init(ret, 8192);
	assert_int_equal(record_head_seal(k, &h, ret), 0);
}

static void head_gives_the_known_answer(void **state)
{
	uint8_t want[SAMPLE_MAX], nonce[24];
	size_t n = sample("head_stored", want);
	struct head h;
	struct buf b;

	(void)state;
	run(nonce, 0x71, 24);
	sample_head(&h);
	buf_init(&b, 8192);
	assert_int_equal(record_head_seal_with(&vault, &h, nonce, &b), 0);
	assert_int_equal(b.n, n);
	assert_memory_equal(b.p, want, n);
	buf_free(&b);
	memset(&back, 0, sizeof(back));
	assert_int_equal(record_head_open(&vault, want, n, record, &back), 0);
	assert_memory_equal(&back, &h, sizeof(h));
	assert_int_equal(record_head_open(&vault, want, n, NULL, &back), 0);
}

static void every_bit_of_a_head_counts(void **state)
{
	uint8_t p[SAMPLE_MAX];
	size_t n = sample("head_stored", p);

	(void)state;
	for (size_t bit = 0; bit < n * 8; bit++) {
		p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		if (record_head_open(&vault, p, n, NULL, &back) == 0)
			fail_msg("bit %zu", bit);
		p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
	assert_int_equal(record_head_open(&vault, p, n, record, &back), 0);
}

static void every_cut_of_a_head_is_refused(void **state)
{
	uint8_t p[SAMPLE_MAX] = { 0 };
	size_t n = sample("head_stored", p);

	(void)state;
	for (size_t i = 0; i < n; i++)
		assert_int_not_equal(record_head_open(&vault, p, i, record, &back), 0);
	for (size_t more = 1; more <= 256; more++)
		assert_int_not_equal(record_head_open(&vault, p, n + more, record, &back), 0);
}

static void a_head_opens_in_its_place_alone(void **state)
{
	struct buf a, b;

	(void)state;
	sealed(&vault, 0x11, SLOT, &a);
	sealed(&vault, 0x12, SLOT + 1, &b);
	assert_int_equal(record_head_open(&vault, a.p, a.n, record, &back), 0);
	assert_int_equal(record_head_open(&vault, a.p, a.n, other_record, &back), CV_ERR_REPLAY);
	assert_int_equal(record_head_open(&other_vault, a.p, a.n, record, &back), CV_ERR_AUTH);
	/* The sealed part of one record behind the clear part of the other. */
	assert_int_equal(a.n, b.n);
	memcpy(a.p + HEAD_PREFIX, b.p + HEAD_PREFIX, a.n - HEAD_PREFIX);
	assert_int_equal(record_head_open(&vault, a.p, a.n, record, &back), CV_ERR_AUTH);
	buf_free(&a);
	/* The same record under another shred slot. */
	sealed(&vault, 0x12, SLOT, &a);
	memcpy(a.p + HEAD_PREFIX, b.p + HEAD_PREFIX, a.n - HEAD_PREFIX);
	assert_int_equal(record_head_open(&vault, a.p, a.n, other_record, &back), CV_ERR_AUTH);
	buf_free(&a);
	buf_free(&b);
}

static void without_its_shred_key_a_head_stays_shut(void **state)
{
	uint8_t p[SAMPLE_MAX];
	size_t n = sample("head_stored", p);
	struct head h;
	struct buf b;

	(void)state;
	assert_int_equal(record_head_open(&vault, p, n, record, &back), 0);	/* its key is in the turn now */
	shred_gone = true;
	assert_int_equal(record_head_open(&vault, p, n, record, &back), CV_ERR_NOTFOUND);
	sample_head(&h);
	buf_init(&b, 8192);
	assert_int_equal(record_head_seal(&vault, &h, &b), CV_ERR_NOTFOUND);
	assert_int_equal(b.n, 0);
	shred_gone = false;
	buf_free(&b);
}

static void heads_are_never_sealed_twice_alike(void **state)
{
	struct buf a, b;

	(void)state;
	sealed(&vault, 0x11, SLOT, &a);
	sealed(&vault, 0x11, SLOT, &b);
	assert_int_equal(a.n, b.n);
	assert_memory_equal(a.p, b.p, HEAD_PREFIX);
	assert_memory_not_equal(a.p + HEAD_PREFIX, b.p + HEAD_PREFIX, 24);
	assert_memory_not_equal(a.p + 50, b.p + 50, 32);
	buf_free(&a);
	buf_free(&b);
}

static void what_cannot_be_sealed_leaves_the_buffer_as_it_was(void **state)
{
	struct head h;
	struct buf b;

	(void)state;
	sample_head(&h);
	buf_init(&b, 300);
	buf_u8(&b, 7);
	assert_int_equal(record_head_seal(&vault, &h, &b), CV_ERR_NOMEM);
	assert_int_equal(b.n, 1);
	h.state = 99;
	buf_reset(&b);
	assert_int_equal(record_head_seal(&vault, &h, &b), CV_ERR_ARG);
	h.classes = HEAD_CLASSES + 1;
	assert_int_equal(record_head_seal(&vault, &h, &b), CV_ERR_LIMIT);
	assert_int_equal(b.n, 0);
	buf_free(&b);
}

/* Records in alternation, with turns ending between them or not: the kept key is never another record's. */
static void the_kept_head_key_follows_the_slot(void **state)
{
	struct buf of[2];

	(void)state;
	sealed(&vault, 0x11, SLOT, &of[0]);
	sealed(&vault, 0x12, SLOT + 1, &of[1]);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(record_head_open(&vault, of[i & 1].p, of[i & 1].n, i & 1 ? other_record : record, &back), 0);
		assert_int_equal(back.shred_slot, i & 1 ? SLOT + 1 : SLOT);
		if (i >= 4)
			record_turn_end(&vault);
	}
	buf_free(&of[0]);
	buf_free(&of[1]);
}

static void a_turns_end_leaves_no_head_key(void **state)
{
	static const uint8_t zeros[sizeof(struct turn)];
	uint8_t p[SAMPLE_MAX];
	size_t n = sample("head_stored", p);
	struct turn *t;

	(void)state;
	assert_int_equal(record_head_open(&vault, p, n, record, &back), 0);
	t = record_turn(&vault);
	assert_non_null(t);
	assert_true(t->has_head == 1 && t->head_slot == SLOT);
	record_turn_end(&vault);
	assert_memory_equal(t, zeros, sizeof(*t));
	record_turn_end(&vault);
	record_turn_end(&other_vault);
}

static void digests_give_the_known_answers(void **state)
{
	uint8_t p[SAMPLE_MAX], key[SAMPLE_MAX], want[SAMPLE_MAX], out[16];
	static const uint8_t zeros[16];
	size_t n = sample("row_stored", p);
	struct buf b;

	(void)state;
	buf_init(&b, SAMPLE_MAX);
	buf_u32(&b, IDENTITY);
	buf_u32(&b, 3);
	buf_put(&b, "row", 3);
	buf_u32(&b, HEALTH);
	buf_u32(&b, (uint32_t)n);
	buf_put(&b, p, n);
	record_digest_rows(&vault, SLOT, b.p, b.n, out);
	sample("digest_rows", want);
	assert_memory_equal(out, want, 16);
	buf_free(&b);
	n = sample("drop_stored", p);
	record_digest_drop(&vault, SLOT, zeros, DROP_VERSION, p, n, out);
	sample("digest_drop", want);
	assert_memory_equal(out, want, 16);
	record_digest_drop(&vault, SLOT, want, DROP_VERSION + 1, "drop", 4, out);
	sample("digest_drop_2", want);
	assert_memory_equal(out, want, 16);
	assert_int_equal(sample("hist_key", key), HIST_KEY);
	n = sample("hist_value", p);
	record_digest_hist(&vault, SLOT, zeros, key, HIST_KEY, p, n, out);
	sample("digest_hist", want);
	assert_memory_equal(out, want, 16);
	hist_key(0x010203040506, 7, key);
	record_digest_hist(&vault, SLOT, want, key, HIST_KEY, "next", 4, out);
	sample("digest_hist_2", want);
	assert_memory_equal(out, want, 16);
}

static void digests_depend_on_the_child(void **state)
{
	uint8_t a[16], b[16];

	(void)state;
	record_digest_rows(&vault, SLOT, "row", 3, a);
	record_digest_rows(&vault, SLOT + 1, "row", 3, b);
	assert_memory_not_equal(a, b, 16);
	record_digest_rows(&vault, SLOT, "ro", 2, b);
	assert_memory_not_equal(a, b, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(head_gives_the_known_answer),
		cmocka_unit_test(every_bit_of_a_head_counts),
		cmocka_unit_test(every_cut_of_a_head_is_refused),
		cmocka_unit_test(a_head_opens_in_its_place_alone),
		cmocka_unit_test(without_its_shred_key_a_head_stays_shut),
		cmocka_unit_test(heads_are_never_sealed_twice_alike),
		cmocka_unit_test(what_cannot_be_sealed_leaves_the_buffer_as_it_was),
		cmocka_unit_test(the_kept_head_key_follows_the_slot),
		cmocka_unit_test(a_turns_end_leaves_no_head_key),
		cmocka_unit_test(digests_give_the_known_answers),
		cmocka_unit_test(digests_depend_on_the_child),
	};
	return cmocka_run_group_tests(tests, fakes_setup, fakes_teardown);
}
