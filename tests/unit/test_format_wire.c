/* Message bodies: what is put is got, and nothing shorter, longer or spelled twice is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/error.h"
#include "format/row.h"
#include "format/wire.h"

static const uint8_t sixteen[16] = { 0xa0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
static const uint8_t thirty_two[32] = { 0xb0, 1 };
static const uint8_t sealed[WIRE_SEALED_KEY] = { 0xc0, 1 };
static const uint8_t signature[64] = { 0xd0, 1 };

static struct wire_envelope envelope(bool token)
{
	struct wire_envelope e = { token, token ? thirty_two : NULL, sixteen, { "aid", 3 }, { "c\xe6\xa1\x88", 4 }, { "why", 3 } };

	return e;
}

static void envelope_is(const struct wire_envelope *e, bool token)
{
	static const uint8_t zeros[32];

	assert_int_equal(e->has_token, token);
	assert_memory_equal(e->token, token ? thirty_two : zeros, 32);
	assert_memory_equal(e->request_id, sixteen, 16);
	assert_int_equal(e->purpose.n, 3);
	assert_memory_equal(e->purpose.p, "aid", 3);
	assert_int_equal(e->case_text.n, 4);
	assert_int_equal(e->reason.n, 3);
	assert_memory_equal(e->reason.p, "why", 3);
}

/* Every shorter and one longer body is refused. */
#define CUTS_ARE_REFUSED(decode, b, ret) \
	do { \
		for (size_t n_ = 0; n_ < (b).n; n_++) \
			assert_int_equal(decode((b).p, n_, ret), CV_ERR_FORMAT); \
		buf_u8(&(b), 0); \
		assert_int_equal(decode((b).p, (b).n, ret), CV_ERR_FORMAT); \
	} while (0)

static void envelope_has_the_documented_bytes(void **state)
{
	struct wire_envelope e = envelope(true), got;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	wire_envelope_put(&b, &e);
	assert_int_equal(b.n, 1 + 32 + 16 + 1 + 3 + 1 + 4 + 2 + 3);
	assert_int_equal(b.p[0], 1);
	assert_memory_equal(b.p + 1, thirty_two, 32);
	assert_memory_equal(b.p + 33, sixteen, 16);
	assert_memory_equal(b.p + 49, "\3aid\4c\xe6\xa1\x88\0\3why", 14);
	assert_int_equal(wire_envelope_decode(b.p, b.n, &got), 0);
	envelope_is(&got, true);
	CUTS_ARE_REFUSED(wire_envelope_decode, b, &got);
	buf_reset(&b);
	e = envelope(false);
	wire_envelope_put(&b, &e);
	assert_int_equal(wire_envelope_decode(b.p, b.n, &got), 0);
	envelope_is(&got, false);
	b.p[5] = 1;	/* a token that is not said to be there */
	assert_int_equal(wire_envelope_decode(b.p, b.n, &got), CV_ERR_FORMAT);
	b.p[5] = 0;
	b.p[0] = 2;
	assert_int_equal(wire_envelope_decode(b.p, b.n, &got), CV_ERR_FORMAT);
	b.p[0] = 0;
	b.p[50] = 0xff;	/* not UTF-8 */
	assert_int_equal(wire_envelope_decode(b.p, b.n, &got), CV_ERR_FORMAT);
	buf_free(&b);
}

static void texts_too_long_for_their_length_make_the_buffer_bad(void **state)
{
	static char text[70000];
	struct buf b;

	(void)state;
	memset(text, 'x', sizeof(text));
	buf_init(&b, 1u << 20);
	wire_text8_put(&b, text, 255);
	assert_true(buf_ok(&b));
	wire_text8_put(&b, text, 256);
	assert_false(buf_ok(&b));
	buf_reset(&b);
	wire_text16_put(&b, text, 65535);
	assert_true(buf_ok(&b));
	wire_text16_put(&b, text, 65536);
	assert_false(buf_ok(&b));
	buf_reset(&b);
	wire_count_end(&b, wire_count_begin(&b), 65535);
	assert_true(buf_ok(&b));
	wire_count_end(&b, wire_count_begin(&b), 65536);
	assert_false(buf_ok(&b));
	buf_free(&b);
}

static void session_requests_come_back(void **state)
{
	struct wire_hello h = { sixteen, sixteen, thirty_two }, h2;
	struct wire_activate a = { .request_id = sixteen, .session = sixteen, .n = 8, .signature = signature }, a2;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	wire_hello_put(&b, &h);
	assert_int_equal(b.n, 64);
	assert_int_equal(wire_hello_decode(b.p, b.n, &h2), 0);
	assert_memory_equal(h2.question, thirty_two, 32);
	CUTS_ARE_REFUSED(wire_hello_decode, b, &h2);
	buf_reset(&b);
	for (unsigned i = 0; i < 8; i++)
		a.role[i] = (struct wire_role_key){ (uint16_t)(i + 1), 0xfffffff0u + i, sealed };
	wire_activate_put(&b, &a);
	assert_int_equal(b.n, 33 + 8 * 118 + 64);
	assert_int_equal(wire_activate_decode(b.p, b.n, &a2), 0);
	assert_int_equal(a2.n, 8);
	assert_int_equal(a2.role[7].role, 8);
	assert_true(a2.role[7].epoch == 0xfffffff7u);
	assert_memory_equal(a2.role[7].sealed, sealed, sizeof(sealed));
	assert_ptr_equal(a2.entries, b.p + 33);
	assert_int_equal(wire_activate_entries(a2.n), 8 * 118);
	assert_memory_equal(a2.signature, signature, 64);
	b.p[32] = 0;
	assert_int_equal(wire_activate_decode(b.p, b.n, &a2), CV_ERR_FORMAT);
	b.p[32] = 9;
	assert_int_equal(wire_activate_decode(b.p, b.n, &a2), CV_ERR_FORMAT);
	b.p[32] = 8;
	CUTS_ARE_REFUSED(wire_activate_decode, b, &a2);
	buf_free(&b);
}

static void refused_names_a_problem(void **state)
{
	struct wire_refused m = { envelope(true), PROBLEM_NOT_FOUND }, got;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	wire_refused_put(&b, &m);
	assert_int_equal(wire_refused_decode(b.p, b.n, &got), 0);
	envelope_is(&got.envelope, true);
	assert_int_equal(got.problem, PROBLEM_NOT_FOUND);
	b.p[b.n - 1] = 0;
	assert_int_equal(wire_refused_decode(b.p, b.n, &got), CV_ERR_FORMAT);
	b.p[b.n - 1] = PROBLEM_COUNT;
	assert_int_equal(wire_refused_decode(b.p, b.n, &got), CV_ERR_FORMAT);
	b.p[b.n - 1] = 1;
	CUTS_ARE_REFUSED(wire_refused_decode, b, &got);
	buf_free(&b);
}

static void put_fields(struct buf *b)
{
	size_t at = wire_count_begin(b);

	wire_field_put(b, "one", 3, VALUE_TEXT, "x", 1);
	wire_field_put(b, "two", 3, VALUE_NULL, NULL, 0);
	wire_count_end(b, at, 2);
}

static void fields_are(struct wire_list l)
{
	struct wire_field f;

	assert_int_equal(l.count, 2);
	assert_true(wire_fields_next(&l, &f));
	assert_memory_equal(f.name.p, "one", 3);
	assert_int_equal(f.value.type, VALUE_TEXT);
	assert_int_equal(f.value.n, 1);
	assert_int_equal(f.value.p[0], 'x');
	assert_true(wire_fields_next(&l, &f));
	assert_memory_equal(f.name.p, "two", 3);
	assert_int_equal(f.value.type, VALUE_NULL);
	assert_int_equal(f.value.n, 0);
	assert_false(wire_fields_next(&l, &f));
	assert_false(wire_fields_next(&l, &f));
}

static void put_names(struct buf *b)
{
	size_t at = wire_count_begin(b);

	wire_text8_put(b, "n", 1);
	wire_text8_put(b, "", 0);
	wire_count_end(b, at, 2);
}

static void names_are(struct wire_list l)
{
	struct wire_text t;

	assert_int_equal(l.count, 2);
	assert_true(wire_names_next(&l, &t));
	assert_int_equal(t.n, 1);
	assert_true(wire_names_next(&l, &t));
	assert_int_equal(t.n, 0);
	assert_false(wire_names_next(&l, &t));
}

/* Bytes that put_names appends. */
static size_t names_n(void)
{
	struct buf b;
	size_t n;

	buf_init(&b, 64);
	put_names(&b);
	n = b.n;
	buf_free(&b);
	return n;
}

static void record_requests_come_back(void **state)
{
	struct wire_create c = { .envelope = envelope(true), .key = { "key", 3 }, .as_of_day = 20500 }, c2;
	struct wire_read r = { .envelope = envelope(false), .record = sixteen, .view = WIRE_VIEW_CLEAR, .provenance = true,
		.export = thirty_two }, r2;
	struct wire_patch p = { .envelope = envelope(true), .record = sixteen, .has_etag = true, .etag = sixteen, .as_of_day = 1 }, p2;
	struct wire_history h = { .envelope = envelope(true), .record = sixteen, .limit = 300 }, h2;
	struct buf b, again;

	(void)state;
	buf_init(&b, 4096);
	buf_init(&again, 4096);
	wire_create_head(&b, &c);
	put_fields(&b);
	assert_int_equal(wire_create_decode(b.p, b.n, &c2), 0);
	fields_are(c2.fields);
	assert_memory_equal(c2.key.p, "key", 3);
	assert_int_equal(c2.as_of_day, 20500);
	wire_create_put(&again, &c2);	/* a decoded list is put as it stood */
	assert_int_equal(again.n, b.n);
	assert_memory_equal(again.p, b.p, b.n);
	CUTS_ARE_REFUSED(wire_create_decode, b, &c2);
	buf_reset(&b);
	wire_read_head(&b, &r);
	put_names(&b);
	assert_int_equal(wire_read_decode(b.p, b.n, &r2), 0);
	envelope_is(&r2.envelope, false);
	assert_int_equal(r2.view, WIRE_VIEW_CLEAR);
	names_are(r2.names);
	assert_true(r2.provenance);
	assert_memory_equal(r2.export, thirty_two, 16);
	CUTS_ARE_REFUSED(wire_read_decode, b, &r2);
	buf_reset(&b);
	wire_read_head(&b, &r);
	put_names(&b);
	b.p[b.n - names_n() - 16 - 1] = 2;	/* no such flag */
	assert_int_equal(wire_read_decode(b.p, b.n, &r2), CV_ERR_FORMAT);
	buf_reset(&b);
	r.export = NULL;
	wire_read_head(&b, &r);
	put_names(&b);
	assert_int_equal(wire_read_decode(b.p, b.n, &r2), 0);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(r2.export[i], 0);
	buf_reset(&b);
	r.view = WIRE_VIEW_MASKED;	/* only answers say so */
	wire_read_head(&b, &r);
	put_names(&b);
	assert_int_equal(wire_read_decode(b.p, b.n, &r2), CV_ERR_FORMAT);
	buf_reset(&b);
	wire_patch_head(&b, &p);
	put_fields(&b);
	assert_int_equal(wire_patch_decode(b.p, b.n, &p2), 0);
	assert_true(p2.has_etag);
	assert_memory_equal(p2.etag, sixteen, 16);
	assert_int_equal(p2.as_of_day, 1);
	fields_are(p2.fields);
	CUTS_ARE_REFUSED(wire_patch_decode, b, &p2);
	buf_reset(&b);
	wire_history_head(&b, &h);
	put_names(&b);
	assert_int_equal(wire_history_decode(b.p, b.n, &h2), 0);
	assert_int_equal(h2.limit, 300);
	names_are(h2.names);
	CUTS_ARE_REFUSED(wire_history_decode, b, &h2);
	buf_free(&b);
	buf_free(&again);
}

static void idempotency_keys_above_64_bytes_are_refused(void **state)
{
	static const char key[65] = "0123456789012345678901234567890123456789012345678901234567890123";
	struct wire_create c = { .envelope = envelope(true), .key = { key, 64 } }, got;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	wire_create_head(&b, &c);
	put_fields(&b);
	assert_int_equal(wire_create_decode(b.p, b.n, &got), 0);
	buf_reset(&b);
	c.key.n = 65;
	wire_create_head(&b, &c);
	put_fields(&b);
	assert_int_equal(wire_create_decode(b.p, b.n, &got), CV_ERR_FORMAT);
	buf_free(&b);
}

static void audit_requests_come_back(void **state)
{
	struct wire_events e = { .envelope = envelope(true), .first = UINT64_MAX, .limit = 1000, .keys = true,
		.principal = wire_text("zhang", 5), .record = wire_text("00", 2), .kind = wire_text("reveal", 6),
		.purpose = wire_text("care", 4),
		.since_ms = 7, .until_ms = UINT64_MAX, .cursor = wire_text("AAAA", 4) }, e2;
	struct wire_tile t = { envelope(false), WIRE_TILE_ENTRIES, 1234567, 255 }, t2;
	struct wire_accesses x = { .envelope = envelope(true), .record = (const uint8_t *)"0123456789abcdef", .reader = 2, .cosigned = true,
		.from_ms = 5, .to_ms = UINT64_MAX, .limit = 7, .cursor = wire_text("AAAA", 4) }, x2;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	wire_events_put(&b, &e);
	assert_int_equal(wire_events_decode(b.p, b.n, &e2), 0);
	assert_true(e2.first == UINT64_MAX);
	assert_int_equal(e2.limit, 1000);
	assert_true(e2.keys);
	assert_true(e2.record.n == 2 && e2.kind.n == 6 && e2.purpose.n == 4 && e2.cursor.n == 4 &&
	    e2.since_ms == 7 && e2.until_ms == UINT64_MAX);
	b.p[b.n - 44] = 2;	/* with keys: the byte before the texts */
	assert_int_equal(wire_events_decode(b.p, b.n, &e2), CV_ERR_FORMAT);
	b.p[b.n - 44] = 0;
	assert_int_equal(wire_events_decode(b.p, b.n, &e2), 0);
	assert_false(e2.keys);
	CUTS_ARE_REFUSED(wire_events_decode, b, &e2);
	buf_reset(&b);
	e.limit = 1001;
	wire_events_put(&b, &e);
	assert_int_equal(wire_events_decode(b.p, b.n, &e2), CV_ERR_FORMAT);
	buf_reset(&b);
	wire_accesses_put(&b, &x);
	assert_int_equal(wire_accesses_decode(b.p, b.n, &x2), 0);
	assert_true(x2.reader == 2 && x2.cosigned && x2.from_ms == 5 && x2.to_ms == UINT64_MAX && x2.limit == 7 && x2.cursor.n == 4);
	assert_memory_equal(x2.record, x.record, 16);
	CUTS_ARE_REFUSED(wire_accesses_decode, b, &x2);
	b.p[b.n - 26] = 3;	/* the reader */
	assert_int_equal(wire_accesses_decode(b.p, b.n, &x2), CV_ERR_FORMAT);
	b.p[b.n - 26] = 1;
	b.p[b.n - 25] = 2;	/* neither cosigned nor not */
	assert_int_equal(wire_accesses_decode(b.p, b.n, &x2), CV_ERR_FORMAT);
	buf_reset(&b);
	x.to_ms = 5;		/* a period that ends before it begins */
	wire_accesses_put(&b, &x);
	assert_int_equal(wire_accesses_decode(b.p, b.n, &x2), CV_ERR_FORMAT);
	buf_reset(&b);
	wire_tile_put(&b, &t);
	assert_int_equal(wire_tile_decode(b.p, b.n, &t2), 0);
	assert_int_equal(t2.level, 255);
	assert_int_equal(t2.n, 1234567);
	assert_int_equal(t2.width, 255);
	CUTS_ARE_REFUSED(wire_tile_decode, b, &t2);
	buf_reset(&b);
	t.width = 256;
	wire_tile_put(&b, &t);
	assert_int_equal(wire_tile_decode(b.p, b.n, &t2), CV_ERR_FORMAT);
	buf_free(&b);
}

static void proofs_and_cosignatures_come_back(void **state)
{
	struct wire_proof p = { envelope(true), WIRE_PROOF_TREES, 7, UINT64_MAX }, p2;
	struct wire_cosign c = { envelope(true), (const uint8_t *)"note", 4 }, c2;
	struct wire_cosign_answer a = { UINT64_MAX, 3, 1795000000 }, a2;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	wire_proof_put(&b, &p);
	assert_int_equal(wire_proof_decode(b.p, b.n, &p2), 0);
	assert_true(p2.of == WIRE_PROOF_TREES && p2.from == 7 && p2.to == UINT64_MAX);
	CUTS_ARE_REFUSED(wire_proof_decode, b, &p2);
	b.p[b.n - 17] = WIRE_PROOF_LEAF;	/* a leaf is of no two trees */
	assert_int_equal(wire_proof_decode(b.p, b.n, &p2), CV_ERR_FORMAT);
	b.p[b.n - 17] = 0;
	assert_int_equal(wire_proof_decode(b.p, b.n, &p2), CV_ERR_FORMAT);
	buf_reset(&b);
	wire_cosign_put(&b, &c);
	assert_int_equal(wire_cosign_decode(b.p, b.n, &c2), 0);
	assert_true(c2.n == 4 && memcmp(c2.note, "note", 4) == 0);
	CUTS_ARE_REFUSED(wire_cosign_decode, b, &c2);
	buf_reset(&b);
	wire_cosign_answer_put(&b, &a);
	assert_int_equal(wire_cosign_answer_decode(b.p, b.n, &a2), 0);
	assert_true(a2.size == UINT64_MAX && a2.witnesses == 3 && a2.quorum_s == 1795000000);
	CUTS_ARE_REFUSED(wire_cosign_answer_decode, b, &a2);
	buf_free(&b);
}

static void problems_come_back_with_their_errors(void **state)
{
	struct wire_problem m = { .explanation = { "rule", 4 }, .retry_after_s = 7, .has_etag = true, .etag = sixteen }, got;
	struct wire_field_error e = { { "f", 1 }, { "validation", 10 }, { "", 0 } };
	struct buf b;
	struct rd r;
	uint16_t problem;
	uint64_t leaf;
	size_t at;

	(void)state;
	buf_init(&b, 4096);
	wire_answer_head(&b, PROBLEM_VALIDATION, 99);
	wire_problem_put(&b, &m);
	at = wire_count_begin(&b);
	wire_error_put(&b, &e);
	wire_count_end(&b, at, 1);
	r = rd_over(b.p, b.n);
	assert_int_equal(wire_answer_get(&r, &problem, &leaf), 0);
	assert_int_equal(problem, PROBLEM_VALIDATION);
	assert_int_equal(leaf, 99);
	assert_int_equal(b.n - rd_left(&r), WIRE_ANSWER_HEAD);
	assert_int_equal(wire_problem_decode(r.p, rd_left(&r), &got), 0);
	assert_int_equal(got.retry_after_s, 7);
	assert_memory_equal(got.etag, sixteen, 16);
	assert_true(wire_errors_next(&got.errors, &e));
	assert_memory_equal(e.problem.p, "validation", 10);
	assert_false(wire_errors_next(&got.errors, &e));
	for (size_t n = 0; n < rd_left(&r); n++)
		assert_int_equal(wire_problem_decode(r.p, n, &got), CV_ERR_FORMAT);
	b.p[1] = PROBLEM_COUNT;
	r = rd_over(b.p, b.n);
	assert_int_equal(wire_answer_get(&r, &problem, &leaf), CV_ERR_FORMAT);
	buf_free(&b);
}

static void long_explanations_are_cut_between_characters(void **state)
{
	char text[400];
	struct wire_problem got;
	struct buf b;

	(void)state;
	memset(text, 'a', 254);
	strcpy(text + 254, "\xe4\xbd\xa0\xe4\xbd\xa0");
	buf_init(&b, 4096);
	wire_refusal_put(&b, PROBLEM_NOT_PERMITTED, MESSAGE_NO_LEAF, text, 0);
	assert_int_equal(wire_problem_decode(b.p + 10, b.n - 10, &got), 0);
	assert_int_equal(got.explanation.n, 254);
	assert_false(got.has_etag);
	buf_reset(&b);
	wire_refusal_put(&b, PROBLEM_NOT_PERMITTED, MESSAGE_NO_LEAF, NULL, 3);
	assert_int_equal(wire_problem_decode(b.p + 10, b.n - 10, &got), 0);
	assert_int_equal(got.explanation.n, 0);
	assert_int_equal(got.retry_after_s, 3);
	buf_free(&b);
}

static void session_answers_come_back(void **state)
{
	struct wire_hello_answer h = { sixteen, thirty_two, thirty_two, sixteen, 12, thirty_two, { { 0, 0, NULL } } }, h2;
	struct wire_activate_answer a = { thirty_two, 0xffffffffffff, 2, { { "one", 3 }, { "", 0 } } }, a2;
	struct buf b;

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		h.wrap[i] = (struct wire_wrap){ (uint16_t)i, i, sealed };
	buf_init(&b, 4096);
	wire_hello_answer_put(&b, &h);
	assert_int_equal(b.n, 16 + 32 + 32 + 16 + 8 + 32 + 1 + 8 * 118);
	assert_int_equal(wire_hello_answer_decode(b.p, b.n, &h2), 0);
	assert_int_equal(h2.log_size, 12);
	assert_int_equal(h2.wrap[7].role, 7);
	assert_memory_equal(h2.wrap[7].wrap, sealed, sizeof(sealed));
	CUTS_ARE_REFUSED(wire_hello_answer_decode, b, &h2);
	buf_reset(&b);
	wire_activate_answer_put(&b, &a);
	assert_int_equal(wire_activate_answer_decode(b.p, b.n, &a2), 0);
	assert_true(a2.expires_ms == 0xffffffffffff);
	assert_int_equal(a2.n, 2);
	assert_memory_equal(a2.role[0].p, "one", 3);
	CUTS_ARE_REFUSED(wire_activate_answer_decode, b, &a2);
	buf_free(&b);
}

static void record_answers_come_back(void **state)
{
	struct wire_create_answer c;
	struct wire_read_answer r;
	struct wire_history_answer h;
	struct wire_provenance p = { { "name", 4 }, { "MZ", 2 }, 1000, 7, 0, true, { "zhao", 4 } };
	struct wire_version v = { 3, { "health", 6 }, WIRE_WHAT_DROP, 1000, { "school", 6 }, { 0, { 0 } } };
	const uint8_t *etag;
	struct buf b;
	size_t at;

	(void)state;
	buf_init(&b, 4096);
	wire_create_answer_put(&b, sixteen, sixteen, true, false);
	assert_int_equal(wire_create_answer_decode(b.p, b.n, &c), 0);
	assert_true(c.replayed && !c.aside);
	b.p[32] = 2;
	assert_int_equal(wire_create_answer_decode(b.p, b.n, &c), 0);
	assert_true(!c.replayed && c.aside);
	b.p[32] = 4;
	assert_int_equal(wire_create_answer_decode(b.p, b.n, &c), CV_ERR_FORMAT);
	b.p[32] = 0;
	CUTS_ARE_REFUSED(wire_create_answer_decode, b, &c);
	assert_int_equal(wire_patch_answer_decode(b.p, 16, &etag), 0);
	assert_int_equal(wire_patch_answer_decode(b.p, 15, &etag), CV_ERR_FORMAT);
	buf_reset(&b);
	wire_record_put(&b, sixteen, sixteen, WIRE_VIEW_MASKED);
	put_fields(&b);
	put_names(&b);
	put_names(&b);
	put_names(&b);
	at = wire_count_begin(&b);
	wire_provenance_put(&b, &p);
	wire_count_end(&b, at, 1);
	assert_int_equal(wire_read_answer_decode(b.p, b.n, &r), 0);
	fields_are(r.fields);
	names_are(r.redacted);
	names_are(r.omitted);
	names_are(r.stale);
	assert_true(wire_provenance_next(&r.provenance, &p));
	assert_memory_equal(p.field.p, "name", 4);
	assert_memory_equal(p.source.p, "MZ", 2);
	assert_int_equal(p.written_ms, 1000);
	assert_int_equal(p.as_of_day, 7);
	assert_int_equal(p.due_day, 0);
	assert_true(p.verified);
	assert_memory_equal(p.verifier.p, "zhao", 4);
	assert_false(wire_provenance_next(&r.provenance, &p));
	b.p[b.n - 6] = 2;
	assert_int_equal(wire_read_answer_decode(b.p, b.n, &r), CV_ERR_FORMAT);
	b.p[b.n - 6] = 0;
	b.p[32] = WIRE_VIEW_DEFAULT;	/* an answer has one of two views */
	assert_int_equal(wire_read_answer_decode(b.p, b.n, &r), CV_ERR_FORMAT);
	b.p[32] = WIRE_VIEW_CLEAR;
	CUTS_ARE_REFUSED(wire_read_answer_decode, b, &r);
	buf_reset(&b);
	wire_record_put(&b, sixteen, sixteen, WIRE_VIEW_CLEAR);
	at = wire_count_begin(&b);
	for (int i = 0; i < 3; i++) {
		wire_version_put(&b, &v);
		put_fields(&b);
	}
	wire_count_end(&b, at, 3);
	put_names(&b);
	put_names(&b);
	buf_u8(&b, 1);
	assert_int_equal(wire_history_answer_decode(b.p, b.n, &h), 0);
	assert_int_equal(h.versions.count, 3);
	assert_true(h.more);
	while (wire_versions_next(&h.versions, &v)) {
		assert_int_equal(v.version, 3);
		assert_int_equal(v.what, WIRE_WHAT_DROP);
		assert_int_equal(v.written_ms, 1000);
		fields_are(v.fields);
	}
	CUTS_ARE_REFUSED(wire_history_answer_decode, b, &h);
	buf_free(&b);
}

static void audit_answers_come_back(void **state)
{
	struct wire_event e = { .index = 7, .leaf = thirty_two, .leaf_n = 32, .has_detail = true,
		.detail = { .record = sixteen, .view = 1, .role = { "r", 1 }, .outcome = OUTCOME_REASON + 12, .approval = thirty_two,
		.count = 9 } };
	struct wire_segment s = { sixteen, 202611, sealed };
	struct wire_person p = { sixteen, thirty_two, 32 };
	struct wire_events_answer a;
	uint8_t health;
	struct buf b;
	size_t at;

	(void)state;
	buf_init(&b, 4096);
	for (int keys = 0; keys < 2; keys++) {
		buf_reset(&b);
		wire_events_answer_head(&b, 100, 8);
		wire_text16_put(&b, "AAAA", 4);
		at = wire_count_begin(&b);
		e.has_detail = true;
		wire_event_put(&b, &e);
		e.has_detail = false;
		wire_event_put(&b, &e);
		wire_count_end(&b, at, 2);
		buf_u8(&b, (uint8_t)keys);
		if (keys) {
			at = wire_count_begin(&b);
			wire_segment_put(&b, &s);
			wire_count_end(&b, at, 1);
			at = wire_count_begin(&b);
			wire_person_put(&b, &p);
			wire_count_end(&b, at, 1);
			wire_policy_put(&b, sealed, 5);
		}
		assert_int_equal(wire_events_answer_decode(b.p, b.n, &a), 0);
		assert_int_equal(a.size, 100);
		assert_int_equal(a.next, 8);
		assert_int_equal(a.cursor.n, 4);
		assert_int_equal(a.has_keys, keys);
		assert_true(wire_events_next(&a.events, &e));
		assert_true(e.has_detail);
		assert_int_equal(e.detail.outcome, OUTCOME_REASON + 12);
		assert_memory_equal(e.detail.approval, thirty_two, 16);
		assert_int_equal(e.detail.count, 9);
		assert_int_equal(e.leaf_n, 32);
		assert_true(wire_events_next(&a.events, &e));
		assert_false(e.has_detail);
		assert_false(wire_events_next(&a.events, &e));
		e = (struct wire_event){ .index = 7, .leaf = thirty_two, .leaf_n = 32,
			.detail = { .record = sixteen, .view = 1, .role = { "r", 1 }, .outcome = OUTCOME_REASON + 12,
			    .approval = thirty_two, .count = 9 } };
		CUTS_ARE_REFUSED(wire_events_answer_decode, b, &a);
	}
	assert_int_equal(a.policy_n, 5);
	assert_int_equal(wire_health_answer_decode("\4", 1, &health), 0);
	assert_int_equal(health, WIRE_AUDIT_UNAVAILABLE);
	assert_int_equal(wire_health_answer_decode("\5", 1, &health), CV_ERR_FORMAT);
	assert_int_equal(wire_health_answer_decode("", 0, &health), CV_ERR_FORMAT);
	assert_int_equal(wire_health_answer_decode("\0\0", 2, &health), CV_ERR_FORMAT);
	buf_free(&b);
}

/* A count larger than the elements, and lengths that reach past the end or wrap around. */
static void counts_and_lengths_that_lie_are_refused(void **state)
{
	static const uint8_t many[] = { 0xff, 0xff, 1, 'a' };
	static const uint8_t huge[] = { 0, 1, 1, 'a', 3, 0xff, 0xff, 0xff, 0xff, 'x' };
	struct rd r = rd_over(many, sizeof(many));
	struct wire_list l;

	(void)state;
	assert_int_equal(wire_names_get(&r, &l), CV_ERR_FORMAT);
	r = rd_over(huge, sizeof(huge));
	assert_int_equal(wire_fields_get(&r, &l), CV_ERR_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(envelope_has_the_documented_bytes),
		cmocka_unit_test(texts_too_long_for_their_length_make_the_buffer_bad),
		cmocka_unit_test(session_requests_come_back),
		cmocka_unit_test(refused_names_a_problem),
		cmocka_unit_test(record_requests_come_back),
		cmocka_unit_test(idempotency_keys_above_64_bytes_are_refused),
		cmocka_unit_test(audit_requests_come_back),
		cmocka_unit_test(proofs_and_cosignatures_come_back),
		cmocka_unit_test(problems_come_back_with_their_errors),
		cmocka_unit_test(long_explanations_are_cut_between_characters),
		cmocka_unit_test(session_answers_come_back),
		cmocka_unit_test(record_answers_come_back),
		cmocka_unit_test(audit_answers_come_back),
		cmocka_unit_test(counts_and_lengths_that_lie_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
