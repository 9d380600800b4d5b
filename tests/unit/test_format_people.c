/* The file people of an auditor's export: what is written is read, everything else is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/error.h"
#include "format/people.h"

static const uint8_t vault[16] = { 1 }, auditor[16] = { 2 }, sealed[200] = { 3 };

static void write_people(struct buf *b, unsigned n)
{
	uint8_t principal[16] = { 0 };

	people_head_put(vault, auditor, n, b);
	for (unsigned i = 0; i < n; i++) {
		principal[0] = (uint8_t)(i * 3);
		people_item_put(&(struct people_item){ principal, sealed, (uint16_t)(i * 10) }, b);
	}
	assert_true(buf_ok(b));
}

/* 0 and the number of people, or the first error. */
static int read_all(const uint8_t *p, size_t n, unsigned *ret)
{
	struct people_item item;
	struct people x;
	int r;

	if ((r = people_read(p, n, &x)) != 0)
		return r;
	for (*ret = 0; (r = people_next(&x, &item)) == 1; ++*ret)
		;
	return r;
}

static void people_come_back(void **state)
{
	struct people_item item;
	struct people x;
	struct buf b;

	(void)state;
	buf_init(&b, 1u << 16);
	write_people(&b, 20);
	assert_int_equal(people_read(b.p, b.n, &x), 0);
	assert_memory_equal(x.vault, vault, 16);
	assert_memory_equal(x.auditor, auditor, 16);
	assert_int_equal(x.n, 20);
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(people_next(&x, &item), 1);
		assert_int_equal(item.principal[0], i * 3);
		assert_int_equal(item.sealed_n, i * 10);
		assert_memory_equal(item.sealed, sealed, item.sealed_n);
	}
	assert_int_equal(people_next(&x, &item), 0);
	buf_reset(&b);
	write_people(&b, 0);
	assert_int_equal(people_read(b.p, b.n, &x), 0);
	assert_int_equal(people_next(&x, &item), 0);
	buf_free(&b);
}

static void every_cut_and_every_byte_more_is_refused(void **state)
{
	struct buf b;
	unsigned n;

	(void)state;
	buf_init(&b, 1u << 16);
	write_people(&b, 4);
	for (size_t i = 0; i < b.n; i++)
		assert_int_equal(read_all(b.p, i, &n), CV_ERR_FORMAT);
	buf_u8(&b, 0);
	assert_int_equal(read_all(b.p, b.n, &n), CV_ERR_FORMAT);
	buf_free(&b);
}

static void another_head_count_order_or_length_is_refused(void **state)
{
	const struct {
		size_t at;
		uint8_t value;
	} cases[] = { { 0, 'c' }, { 4, 2 }, { 5, 2 }, { 38, 1 }, { 41, 3 }, { 41, 5 } };
	struct buf b;
	unsigned n;

	(void)state;
	buf_init(&b, 1u << 16);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_reset(&b);
		write_people(&b, 4);
		b.p[cases[i].at] = cases[i].value;
		assert_int_equal(read_all(b.p, b.n, &n), CV_ERR_FORMAT);
	}
	buf_reset(&b);
	people_head_put(vault, auditor, 2, &b);
	people_item_put(&(struct people_item){ auditor, sealed, 8 }, &b);
	people_item_put(&(struct people_item){ vault, sealed, 8 }, &b);
	assert_int_equal(read_all(b.p, b.n, &n), CV_ERR_FORMAT);	/* descending */
	buf_reset(&b);
	people_head_put(vault, auditor, 2, &b);
	people_item_put(&(struct people_item){ auditor, sealed, 8 }, &b);
	people_item_put(&(struct people_item){ auditor, sealed, 8 }, &b);
	assert_int_equal(read_all(b.p, b.n, &n), CV_ERR_FORMAT);	/* twice */
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(people_come_back),
		cmocka_unit_test(every_cut_and_every_byte_more_is_refused),
		cmocka_unit_test(another_head_count_order_or_length_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
