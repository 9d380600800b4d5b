/* format: the canonical context, FORMAT.md section 3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "format/context.h"
#include "record_samples.h"

static uint8_t vault[16], record[16], writer[16];

static struct context full(void)
{
	run(vault, 0x01, 16);
	run(record, 0x11, 16);
	run(writer, 0x21, 16);
	return (struct context){
		.kind = CONTEXT_SESSION, .vault = vault, .entity = record, .class_key = 0x01020304, .epoch = 0x05060708,
		.generation = 0x090a0b0c, .field = 0x0d0e0f10, .version = 0x1112131415161718, .writer = writer,
		.length = 0x191a1b1c1d1e1f20,
	};
}

static void context_gives_the_known_answer(void **state)
{
	uint8_t want[SAMPLE_MAX], out[CONTEXT_BYTES];
	struct context c = full();

	(void)state;
	assert_int_equal(sample("context", want), CONTEXT_BYTES);
	context_encode(&c, out);
	assert_memory_equal(out, want, CONTEXT_BYTES);
}

static void what_is_not_given_is_zero(void **state)
{
	uint8_t out[CONTEXT_BYTES], zero[CONTEXT_BYTES] = { 0 };
	struct context c = { .kind = CONTEXT_TOP, .vault = vault };

	(void)state;
	run(vault, 0x01, 16);
	memset(out, 0xff, sizeof(out));
	context_encode(&c, out);
	assert_memory_equal(out, "CVX1\x0a\x01\x00\x01", 8);
	assert_memory_equal(out + 8, vault, 16);
	assert_memory_equal(out + 24, zero, CONTEXT_BYTES - 24);
}

/* Each member reaches bytes of its own: two contexts that differ anywhere differ in their encoding. */
static void every_member_changes_the_context(void **state)
{
	static const uint8_t other[16] = { 0xee };
	uint8_t was[CONTEXT_BYTES], is[CONTEXT_BYTES];
	struct context c[10];

	(void)state;
	for (size_t i = 0; i < 10; i++)
		c[i] = full();
	c[0].kind = CONTEXT_SHARE;
	c[1].vault = other;
	c[2].entity = other;
	c[3].class_key++;
	c[4].epoch++;
	c[5].generation++;
	c[6].field++;
	c[7].version++;
	c[8].writer = other;
	c[9].length++;
	for (size_t i = 0; i < 10; i++) {
		struct context before = full();

		context_encode(&before, was);
		context_encode(&c[i], is);
		assert_memory_not_equal(is, was, CONTEXT_BYTES);
		for (size_t j = 0; j < i; j++) {
			context_encode(&c[j], was);
			assert_memory_not_equal(is, was, CONTEXT_BYTES);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(context_gives_the_known_answer),
		cmocka_unit_test(what_is_not_given_is_zero),
		cmocka_unit_test(every_member_changes_the_context),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
