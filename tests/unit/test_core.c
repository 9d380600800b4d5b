/* Messages of fronts that keep to PROTOCOL.md and of fronts that do not. */
#include <signal.h>
#include <sys/resource.h>

#include "test_core.h"
#include "test_vault_operations.h"

/* What core does to a front that sent this; the other front and its connection go on. */
struct fault {
	const char *what;
	void (*send)(struct rig *r, int fd, uint64_t mine, uint64_t foreign);
};

static void foreign_connection(struct rig *r, int fd, uint64_t mine, uint64_t foreign)
{
	(void)r;
	(void)mine;
	send_message(fd, MSG_HEALTH, 0, foreign, 1, NULL, 0);
}
static void unknown_connection(struct rig *r, int fd, uint64_t mine, uint64_t foreign)
{
	(void)r;
	(void)foreign;
	send_message(fd, MSG_HEALTH, 0, mine + CONNECTIONS, 1, NULL, 0);
}
static void no_connection(struct rig *r, int fd, uint64_t mine, uint64_t foreign)
{
	(void)r;
	(void)mine;
	(void)foreign;
	send_message(fd, MSG_HEALTH, 0, 0, 1, NULL, 0);
}
static void unknown_type(struct rig *r, int fd, uint64_t mine, uint64_t foreign)
{
	(void)r;
	(void)foreign;
	send_message(fd, 200, 0, mine, 1, NULL, 0);
}
static void unknown_flag(struct rig *r, int fd, uint64_t mine, uint64_t foreign)
{
	(void)r;
	(void)foreign;
	send_message(fd, MSG_HEALTH, 2, mine, 1, NULL, 0);
}
static void wrong_version(struct rig *r, int fd, uint64_t mine, uint64_t foreign)
{
	uint8_t bytes[MESSAGE_HEADER];
	struct message m = { MSG_HEALTH, 0, 0, mine, 1 };

	(void)r;
	(void)foreign;
	message_encode(&m, bytes);
	bytes[0] = 2;
	send_bytes(fd, bytes, sizeof(bytes));
}
/* Append a message to a packet. */
static size_t packed(uint8_t *p, size_t at, uint8_t type, uint64_t connection, uint64_t request, const void *body, size_t n)
{
	message_encode(&(struct message){ type, 0, (uint32_t)n, connection, request }, p + at);
	if (n > 0)
		memcpy(p + at + MESSAGE_HEADER, body, n);
	return at + MESSAGE_HEADER + n;
}
static void rest_of_a_packet(struct rig *r, int fd, uint64_t mine, uint64_t foreign)
{
	uint8_t bytes[2 * MESSAGE_HEADER];

	(void)r;
	(void)foreign;
	(void)packed(bytes, packed(bytes, 0, MSG_HEALTH, mine, 1, NULL, 0), MSG_HEALTH, mine, 2, NULL, 0);
	send_bytes(fd, bytes, sizeof(bytes) - 1);
}
static void packet_of_too_many(struct rig *r, int fd, uint64_t mine, uint64_t foreign)
{
	uint8_t bytes[(MESSAGE_PACKED + 1) * MESSAGE_HEADER];
	size_t n = 0;

	(void)r;
	(void)foreign;
	while (n < sizeof(bytes))
		n = packed(bytes, n, MSG_HEALTH, mine, 1 + n, NULL, 0);
	send_bytes(fd, bytes, n);
}
static void length_too_small(struct rig *r, int fd, uint64_t mine, uint64_t foreign)
{
	uint8_t bytes[MESSAGE_HEADER + 4] = { 0 };
	struct message m = { MSG_HEALTH, 0, 3, mine, 1 };

	(void)r;
	(void)foreign;
	message_encode(&m, bytes);
	send_bytes(fd, bytes, sizeof(bytes));
}
static void short_header(struct rig *r, int fd, uint64_t mine, uint64_t foreign)
{
	(void)r;
	(void)mine;
	(void)foreign;
	send_bytes(fd, "\1\60", 2);
}
static void empty_message(struct rig *r, int fd, uint64_t mine, uint64_t foreign)
{
	(void)r;
	(void)foreign;
	assert_int_equal(send(fd, "", 0, MSG_NOSIGNAL), 0);
	send_message(fd, MSG_HEALTH, 0, mine, 1, NULL, 0);
}
static void cut_message(struct rig *r, int fd, uint64_t mine, uint64_t foreign)
{
	static uint8_t bytes[MESSAGE_MAX + 10];
	struct message m = { MSG_CREATE, MESSAGE_MORE, MESSAGE_BODY_MAX, mine, 1 };

	(void)r;
	(void)foreign;
	message_encode(&m, bytes);
	send_bytes(fd, bytes, sizeof(bytes));
}
static void health_with_a_body(struct rig *r, int fd, uint64_t mine, uint64_t foreign)
{
	(void)r;
	(void)foreign;
	send_message(fd, MSG_HEALTH, 0, mine, 1, "x", 1);
}
static void trailing_byte(struct rig *r, int fd, uint64_t mine, uint64_t foreign)
{
	struct buf b;

	(void)foreign;
	create_body(r, "一", &b);
	buf_u8(&b, 0);
	send_message(fd, MSG_CREATE, 0, mine, 1, b.p, b.n);
	buf_free(&b);
}
static void missing_byte(struct rig *r, int fd, uint64_t mine, uint64_t foreign)
{
	struct buf b;

	(void)foreign;
	create_body(r, "一", &b);
	send_message(fd, MSG_CREATE, 0, mine, 1, b.p, b.n - 1);
	buf_free(&b);
}
static void closed_twice(struct rig *r, int fd, uint64_t mine, uint64_t foreign)
{
	(void)r;
	(void)foreign;
	send_message(fd, MSG_CLOSED, 0, mine, 0, NULL, 0);
	send_message(fd, MSG_CLOSED, 0, mine, 0, NULL, 0);
}
static void closed_of_another(struct rig *r, int fd, uint64_t mine, uint64_t foreign)
{
	(void)r;
	(void)mine;
	send_message(fd, MSG_CLOSED, 0, foreign, 0, NULL, 0);
}
static void closed_with_a_body(struct rig *r, int fd, uint64_t mine, uint64_t foreign)
{
	(void)r;
	(void)foreign;
	send_message(fd, MSG_CLOSED, 0, mine, 0, "x", 1);
}
static void closed_as_a_request(struct rig *r, int fd, uint64_t mine, uint64_t foreign)
{
	(void)r;
	(void)foreign;
	send_message(fd, MSG_CLOSED, 0, mine, 1, NULL, 0);
}
static void chunks_of_two_types(struct rig *r, int fd, uint64_t mine, uint64_t foreign)
{
	(void)r;
	(void)foreign;
	send_message(fd, MSG_CREATE, MESSAGE_MORE, mine, 1, "x", 1);
	send_message(fd, MSG_PATCH, 0, mine, 1, "x", 1);
}
static void too_many_bodies(struct rig *r, int fd, uint64_t mine, uint64_t foreign)
{
	(void)foreign;
	for (uint64_t i = 1; i <= PARTIALS + 1; i++) {
		send_message(fd, MSG_CREATE, MESSAGE_MORE, mine, i, "x", 1);
		if (i == PARTIALS) {
			round_once(r);
			assert_true(r->c->front[0].fd >= 0);
			assert_int_equal(r->c->front[0].partials, PARTIALS);
		}
	}
}
static void too_long_a_body(struct rig *r, int fd, uint64_t mine, uint64_t foreign)
{
	static const uint8_t chunk[MESSAGE_BODY_MAX];

	(void)foreign;
	for (unsigned n = 0; n + MESSAGE_BODY_MAX <= MESSAGE_TO_CORE_MAX; n += MESSAGE_BODY_MAX) {
		send_message(fd, MSG_CREATE, MESSAGE_MORE, mine, 1, chunk, sizeof(chunk));
		round_once(r);
		assert_true(r->c->front[0].fd >= 0);
	}
	send_message(fd, MSG_CREATE, 0, mine, 1, chunk, sizeof(chunk));
}
static void its_end(struct rig *r, int fd, uint64_t mine, uint64_t foreign)
{
	(void)r;
	(void)mine;
	(void)foreign;
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
}

static void a_front_that_breaks_the_protocol_is_dropped_alone(void **state)
{
	static const struct fault faults[] = {
#define FAULT(name) { #name, name }
		FAULT(foreign_connection), FAULT(unknown_connection), FAULT(no_connection), FAULT(unknown_type), FAULT(unknown_flag),
		FAULT(wrong_version), FAULT(rest_of_a_packet), FAULT(packet_of_too_many),
		FAULT(length_too_small), FAULT(short_header), FAULT(empty_message), FAULT(cut_message),
		FAULT(health_with_a_body), FAULT(trailing_byte), FAULT(missing_byte), FAULT(closed_twice), FAULT(closed_of_another),
		FAULT(closed_with_a_body), FAULT(closed_as_a_request), FAULT(chunks_of_two_types), FAULT(too_many_bodies),
		FAULT(too_long_a_body), FAULT(its_end),
	};
	struct rig *r = *state;

	log_init("test", 0);
	for (unsigned i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		int bad = front_new(r), good = front_new(r);
		uint64_t mine = connection_new(r, 0), foreign = connection_new(r, 1);
		uint64_t records = r->f->v->counters.next_serial;

		faults[i].send(r, bad, mine, foreign);
		send_message(good, MSG_HEALTH, 0, foreign, 1, NULL, 0);
		round_once(r);
		round_once(r);
		if (r->c->front[0].fd >= 0 || r->c->front[1].fd < 0 || answer_of(bad, NULL, NULL) != -2)
			fail_msg("%s", faults[i].what);
		assert_null(connections_find(r->c, mine));
		assert_non_null(connections_find(r->c, foreign));
		assert_int_equal(answer_of(good, NULL, NULL), 0);
		assert_int_equal(r->c->front[0].partials, 0);
		assert_int_equal(r->c->connections, 1);
		assert_int_equal(r->f->v->counters.next_serial, records);
		fronts_drop(r->c, 1, "the test goes on");
		close(bad);
		close(good);
	}
}

static void bodies_in_chunks_may_interleave(void **state)
{
	enum { BODIES = 20, CHUNK = 7 };
	struct rig *r = *state;
	int fd = front_new(r);
	uint64_t connection[BODIES];
	struct buf body[BODIES];
	char note[64];
	size_t at = 0;
	bool more = true;

	for (unsigned i = 0; i < BODIES; i++) {
		connection[i] = connection_new(r, 0);
		snprintf(note, sizeof(note), "number %u", i);
		create_body(r, note, &body[i]);
	}
	for (; more; at += CHUNK) {
		more = false;
		for (unsigned i = 0; i < BODIES; i++) {
			size_t n = body[i].n <= at ? 0 : body[i].n - at < CHUNK ? body[i].n - at : CHUNK;
			bool last = at + n >= body[i].n;

			if (n > 0)
				send_message(fd, MSG_CREATE, last ? 0 : (uint16_t)MESSAGE_MORE, connection[i], 100 + i, body[i].p + at, n);
			more = more || !last;
		}
		round_once(r);
	}
	for (unsigned i = 0; i < BODIES; i++) {
		struct wire_create_answer a;
		struct message m = { 0 };
		struct buf b;
		char text[256];

		buf_init(&b, 4096);
		assert_int_equal(answer_of(fd, &m, &b), 0);
		assert_int_equal(m.connection, connection[m.request - 100]);
		assert_int_equal(wire_create_answer_decode(b.p + 10, b.n - 10, &a), 0);
		snprintf(note, sizeof(note), "number %u", (unsigned)(m.request - 100));
		assert_int_equal(read_field(r->f, r->worker, "visit", a.record, "note", false, text), 0);
		assert_string_equal(text, note);
		buf_free(&b);
		buf_free(&body[i]);
	}
	assert_int_equal(answer_of(fd, NULL, NULL), -1);
	assert_int_equal(r->c->front[0].partials, 0);
	close(fd);
}

/* More than a turn's requests in packets as full as they may be: each is decided once, and the answers are packed as well. */
static void packed_messages_are_taken_one_by_one(void **state)
{
	enum { PACKETS = RECEIVE / MESSAGE_PACKED + 2, REQUESTED = PACKETS * MESSAGE_PACKED };
	static uint8_t bytes[MESSAGE_MAX];
	struct rig *r = *state;
	int fd = front_new(r);
	uint64_t x = connection_new(r, 0), seq = r->f->v->counters.next_serial;
	struct message m;
	struct buf b;

	create_body(r, "one of many", &b);
	for (unsigned i = 0; i < REQUESTED;) {
		size_t n = 0;

		for (unsigned k = 0; k < MESSAGE_PACKED; k++, i++)
			n = packed(bytes, n, MSG_CREATE, x, 1 + i, b.p, b.n);
		send_bytes(fd, bytes, n);
	}
	round_once(r);
	assert_int_equal(r->f->v->counters.next_serial, seq + REQUESTED);
	for (unsigned i = 0; i < REQUESTED; i++) {
		assert_int_equal(answer_of(fd, &m, NULL), 0);
		assert_int_equal(m.request, 1 + i);
		/* The first answer of a packet has the others behind it. */
		assert_true(i > 0 || packets[fd].n > 2 * packets[fd].at);
	}
	assert_int_equal(answer_of(fd, NULL, NULL), -1);
	buf_free(&b);
	close(fd);
}

/* A request's number again before it is answered: the body that core looks at must stay where it is. */
static void a_whole_body_takes_no_further_chunk(void **state)
{
	static const uint8_t chunk[MESSAGE_BODY_MAX];
	struct rig *r = *state;
	int fd = front_new(r);
	uint64_t x = connection_new(r, 0);
	struct buf b;

	create_body(r, "一", &b);
	send_message(fd, MSG_CREATE, MESSAGE_MORE, x, 1, b.p, 40);
	send_message(fd, MSG_CREATE, 0, x, 1, b.p + 40, b.n - 40);
	send_message(fd, MSG_CREATE, MESSAGE_MORE, x, 1, chunk, sizeof(chunk));
	send_message(fd, MSG_CREATE, MESSAGE_MORE, x, 1, chunk, sizeof(chunk));
	round_once(r);
	assert_int_equal(answer_of(fd, NULL, NULL), 0);
	assert_int_equal(r->c->front[0].partials, 1);
	/* What was begun goes with its connection. */
	send_message(fd, MSG_CLOSED, 0, x, 0, NULL, 0);
	round_once(r);
	assert_int_equal(r->c->front[0].partials, 0);
	assert_int_equal(r->c->connections, 0);
	assert_true(r->c->front[0].fd >= 0);
	buf_free(&b);
	close(fd);
}

static void messages_that_were_taken_are_wiped(void **state)
{
	struct rig *r = *state;
	int fd = front_new(r), other = front_new(r);
	uint64_t x = connection_new(r, 0), y = connection_new(r, 1);
	struct buf b;

	log_init("test", 0);
	create_body(r, "a note nobody should find", &b);
	/* Also those behind a fault, which no request was made of. */
	send_message(fd, 200, 0, x, 1, NULL, 0);
	for (unsigned i = 0; i < 3; i++)
		send_message(fd, MSG_CREATE, 0, x, 2 + i, b.p, b.n);
	send_message(other, MSG_HEALTH, 0, y, 1, NULL, 0);
	send_message(other, MSG_CREATE, 0, y, 2, b.p, b.n);
	round_once(r);
	assert_null(memmem(r->c->receive, (size_t)RECEIVE * MESSAGE_MAX, "nobody should", 13));
	assert_int_equal(answer_of(other, NULL, NULL), 0);
	assert_int_equal(answer_of(other, NULL, NULL), 0);
	buf_free(&b);
	close(fd);
	close(other);
}

/* ---- answers ---------------------------------------------------------------------------------------------------------- */

static void a_front_that_does_not_drain_is_dropped(void **state)
{
	struct rig *r = *state;
	int fd = front_new(r);
	uint64_t x = connection_new(r, 0), request = 0;

	log_init("test", 0);
	while (r->c->front[0].fd >= 0 && request < 1000000) {
		for (unsigned i = 0; i < RECEIVE; i++)
			send_message(fd, MSG_METRICS, 0, x, ++request, NULL, 0);
		round_once(r);
		assert_true(r->c->front[0].fd < 0 || r->c->front[0].queue.n <= FRONT_QUEUE_MAX);
	}
	assert_true(r->c->front[0].fd < 0);
	assert_int_equal(r->c->connections, 0);
	close(fd);
}

static void a_slow_front_gets_every_answer_in_its_order(void **state)
{
	struct rig *r = *state;
	int fd = front_new(r);
	uint64_t x = connection_new(r, 0), request = 0, seen = 0, bytes = 0;
	struct message m;
	struct buf b;

	buf_init(&b, 1u << 20);
	/* Twice what the queue may hold passes through it, and it is never empty. */
	while (bytes < 2 * (uint64_t)FRONT_QUEUE_MAX) {
		for (unsigned i = 0; i < RECEIVE; i++)
			send_message(fd, MSG_METRICS, 0, x, ++request, NULL, 0);
		round_once(r);
		while (request - seen > 2000) {
			buf_reset(&b);
			assert_int_equal(answer_of(fd, &m, &b), 0);
			assert_int_equal(m.request, ++seen);
			bytes += b.n;
			if (!r->c->front[0].writable)
				fronts_flush(r->c, 0);
		}
		assert_true(r->c->front[0].fd >= 0);
	}
	while (seen < request) {
		if (!r->c->front[0].writable)
			fronts_flush(r->c, 0);
		assert_int_equal(answer_of(fd, &m, NULL), 0);
		assert_int_equal(m.request, ++seen);
	}
	assert_true(r->c->front[0].writable);
	assert_int_equal(r->c->front[0].queue.n, 0);
	buf_free(&b);
	close(fd);
}

static void every_front_has_its_turn(void **state)
{
	struct rig *r = *state;
	int loud = front_new(r), quiet = front_new(r);
	uint64_t x = connection_new(r, 0), y = connection_new(r, 1);

	for (unsigned i = 0; i < 3 * RECEIVE; i++)
		send_message(loud, MSG_HEALTH, 0, x, 1 + i, NULL, 0);
	send_message(quiet, MSG_HEALTH, 0, y, 1, NULL, 0);
	round_once(r);
	round_once(r);
	assert_int_equal(answer_of(quiet, NULL, NULL), 0);
	close(loud);
	close(quiet);
}

static void what_writes_nothing_is_answered_at_once(void **state)
{
	struct rig *r = *state;
	int fd = front_new(r);
	uint64_t connection = connection_new(r, 0);

	for (unsigned n = 1; n <= 3; n++) {
		for (unsigned i = 0; i < n; i++)
			send_message(fd, MSG_HEALTH, 0, connection, i + 1, NULL, 0);
		round_once(r);
		for (unsigned i = 0; i < n; i++)
			assert_int_equal(answer_of(fd, NULL, NULL), 0);
		assert_int_equal(answer_of(fd, NULL, NULL), -1);
	}
	close(fd);
}

static void stop_reaches_every_front(void **state)
{
	struct rig *r = *state;
	int fd[3];

	for (unsigned i = 0; i < 3; i++)
		fd[i] = front_new(r);
	fronts_stop(r->c);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(answer_of(fd[i], NULL, NULL), 1000 + MSG_STOP);
		close(fd[i]);
	}
}

static void an_answer_of_many_messages_comes_whole(void **state)
{
	struct rig *r = *state;
	int fd = front_new(r);
	uint64_t x = connection_new(r, 0);
	struct message m = { .type = MSG_ANSWER, .connection = x, .request = 5 };
	struct buf body, got;

	buf_init(&body, 16u << 20);
	buf_init(&got, 16u << 20);
	for (unsigned i = 0; i < 3u * MESSAGE_BODY_MAX / 4 + 5; i++)
		buf_u32(&body, i << 8);
	fronts_send(r->c, 0, &m, body.p, body.n);
	fronts_push(r->c);
	assert_int_equal(answer_of(fd, &m, &got), 0);
	assert_int_equal(m.request, 5);
	assert_int_equal(got.n, body.n);
	assert_memory_equal(got.p, body.p, body.n);
	buf_free(&body);
	buf_free(&got);
	close(fd);
}

/* ---- the vault's states ------------------------------------------------------------------------------------------------ */

static void a_sealed_vault_answers_only_how_it_is(void **state)
{
	struct rig *r = *state;
	int fd = front_new(r);
	uint64_t x = connection_new(r, 0);
	struct wire_problem p;
	struct message m;
	struct buf b;

	assert_int_equal(vault_seal(r->f->v), 0);
	create_body(r, "一", &b);
	send_message(fd, MSG_CREATE, 0, x, 1, b.p, b.n);
	send_message(fd, MSG_HEALTH, 0, x, 2, NULL, 0);
	round_once(r);
	buf_reset(&b);
	assert_int_equal(answer_of(fd, &m, &b), PROBLEM_SEALED);
	assert_true(be64_get(b.p + 2) == MESSAGE_NO_LEAF);
	assert_int_equal(wire_problem_decode(b.p + 10, b.n - 10, &p), 0);
	assert_true(p.retry_after_s > 0);
	buf_reset(&b);
	assert_int_equal(answer_of(fd, &m, &b), 0);
	assert_int_equal(b.p[10], WIRE_SEALED);
	assert_int_equal(r->f->v->counts[PROBLEM_SEALED], 1);
	assert_int_equal(vault_unseal(r->f->v, 3, r->f->kek), 0);
	buf_free(&b);
	close(fd);
}

static int small_setup(void **state)
{
	int r;

	fixture_journal_bytes = 128u << 10;
	r = rig_setup(state);
	fixture_journal_bytes = 9u << 20;
	return r;
}

static void a_failed_turn_tells_nothing(void **state)
{
	struct rig *r = *state;
	int fd = front_new(r);
	uint64_t x = connection_new(r, 0), request = 0, answered = 0;
	struct wire_read read = { .envelope = envelope(r->f, r->worker, "visit", ""), .record = r->f->request_id };
	uint64_t leaves = 0;
	struct message m;
	struct buf body, b;
	int problem;

	log_init("test", 0);
	/* Nobody signs: leaves fill the ring until a turn does not fit. */
	r->f->v->next_room_ms = UINT64_MAX;
	buf_init(&body, 4096);
	buf_init(&b, 4096);
	wire_read_head(&body, &read);
	buf_u16(&body, 1);
	wire_text8_put(&body, "note", 4);
	do {
		leaves = store_durable_leaves(r->f->v->store);
		for (unsigned i = 0; i < 10; i++)
			send_message(fd, MSG_READ, 0, x, ++request, body.p, body.n);
		send_message(fd, MSG_HEALTH, 0, x, ++request, NULL, 0);
		round_once(r);
		for (unsigned i = 0; i < 11; i++) {
			buf_reset(&b);
			problem = answer_of(fd, &m, &b);
			assert_int_equal(m.request, ++answered);
			if (i == 10) {
				assert_int_equal(problem, 0);	/* health needs no leaf */
			} else if (store_durable_leaves(r->f->v->store) > leaves) {
				assert_int_equal(problem, PROBLEM_NOT_FOUND);
				assert_in_range(be64_get(b.p + 2), leaves, store_durable_leaves(r->f->v->store) - 1);
			} else {
				assert_int_equal(problem, PROBLEM_STORAGE_FULL);
				assert_true(be64_get(b.p + 2) == MESSAGE_NO_LEAF);
			}
		}
	} while (store_durable_leaves(r->f->v->store) > leaves && request < 20000);
	assert_int_equal(store_durable_leaves(r->f->v->store), leaves);
	buf_free(&body);
	buf_free(&b);
	close(fd);
}

/* Neither it nor what comes later tells anything but that, and health says so. */
static void a_turn_that_the_disk_refuses_is_the_last(void **state)
{
	struct rig *r = *state;
	int fd = front_new(r);
	uint64_t x = connection_new(r, 0), records = r->f->v->counts[0], leaves = store_durable_leaves(r->f->v->store);
	struct rlimit was, none;
	struct message m;
	struct buf b, out;

	log_init("test", 0);
	buf_init(&out, 4096);
	create_body(r, "一", &b);
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	none = was;
	none.rlim_cur = 1024;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	for (unsigned i = 1; i <= 4; i++)
		send_message(fd, MSG_CREATE, 0, x, i, b.p, b.n);
	round_once(r);
	for (unsigned i = 5; i <= 8; i++)
		send_message(fd, MSG_CREATE, 0, x, i, b.p, b.n);
	round_once(r);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	send_message(fd, MSG_CREATE, 0, x, 9, b.p, b.n);
	round_once(r);
	for (unsigned i = 1; i <= 9; i++) {
		buf_reset(&out);
		assert_int_equal(answer_of(fd, &m, &out), PROBLEM_AUDIT_UNAVAILABLE);
		assert_int_equal(m.request, i);
		assert_true(be64_get(out.p + 2) == MESSAGE_NO_LEAF);
	}
	assert_int_equal(answer_of(fd, NULL, NULL), -1);
	assert_int_equal(r->f->v->counts[0], records);
	assert_int_equal(r->f->v->counts[PROBLEM_AUDIT_UNAVAILABLE], 9);
	assert_int_equal(store_durable_leaves(r->f->v->store), leaves);
	assert_int_equal(vault_health(r->f->v), WIRE_AUDIT_UNAVAILABLE);
	buf_free(&out);
	buf_free(&b);
	close(fd);
}

static void what_does_not_fit_one_turn_goes_on_in_the_next(void **state)
{
	struct rig *r = *state;
	int fd = front_new(r);
	uint64_t x = connection_new(r, 0), seq;
	struct message m;
	struct buf b;

	/* The journal takes some twenty of them a turn. */
	assert_int_equal(vault_checkpoint_now(r->f->v), 0);
	seq = r->f->v->counters.next_serial;
	create_body(r, "一", &b);
	for (unsigned k = 1; k <= 4; k++) {
		for (unsigned i = 0; i < RECEIVE; i++)
			send_message(fd, MSG_CREATE, 0, x, 1 + i, b.p, b.n);
		round_once(r);
		for (unsigned i = 0; i < RECEIVE; i++) {
			assert_int_equal(answer_of(fd, &m, NULL), 0);
			assert_int_equal(m.request, 1 + i);
		}
		assert_int_equal(r->f->v->counters.next_serial, seq + k * RECEIVE);
	}
	assert_int_equal(r->f->v->counts[PROBLEM_STORAGE_FULL], 0);
	buf_free(&b);
	close(fd);
}

static void only_an_auditor_makes_core_apply_and_sign(void **state)
{
	static const uint8_t nobody[32] = { 9 };
	struct rig *r = *state;
	int fd = front_new(r);
	uint64_t x = connection_new(r, 0);
	uint8_t auditor[32], root[32];
	const uint8_t *tokens[] = { nobody, r->worker, auditor };
	static const int problems[] = { PROBLEM_UNAUTHENTICATED, PROBLEM_NOT_PERMITTED, 0 };
	uint64_t before = 0, after = 0;

	assert_int_equal(login(r->f, P_AUDITOR, auditor), 0);
	for (unsigned i = 0; i < 3; i++) {
		struct wire_envelope env = envelope(r->f, tokens[i], "", "");
		struct buf b;

		buf_init(&b, 4096);
		wire_envelope_put(&b, &env);
		(void)audit_signed(r->f->v->audit, &before, root);
		send_message(fd, MSG_CHECKPOINT, 0, x, 1 + i, b.p, b.n);
		round_once(r);
		assert_int_equal(answer_of(fd, NULL, NULL), problems[i]);
		(void)audit_signed(r->f->v->audit, &after, root);
		if (i < 2)
			assert_int_equal(before, after);
		else
			assert_true(after > before);
		buf_free(&b);
	}
	close(fd);
}

/* The second signature of a request that needs no shares. */
static void approve_body(struct rig *r, const uint8_t token[32], const uint8_t id[16], struct buf *ret)
{
	struct wire_gov_act m = { .envelope = envelope(r->f, token, "", ""), .collection = wire_text("requests", 8), .id = id,
		.action = wire_text("approve", 7) };
	uint8_t signature[OPERATION_SIGNATURE];
	struct operation_reading reading;
	char text[200];
	size_t at;

	reading_of(r->f, id, &reading);
	operation_sign(&reading, r->f->person[owner_of(r->f, token)].sign_sk, signature);
	b64_encode(B64_STD, signature, sizeof(signature), text);
	buf_init(ret, MESSAGE_TO_CORE_MAX);
	wire_gov_act_head(ret, &m);
	at = wire_count_begin(ret);
	wire_field_put(ret, "signature", 9, VALUE_TEXT, text, strlen(text));
	wire_count_end(ret, at, 1);
}

/* An administrator joins; a call that comes with it is answered, too, by the directory that has them. */
static void a_change_of_the_directory_ends_its_turn(void **state)
{
	struct rig *r = *state;
	uint8_t a[32], b[32], id[16];
	struct test_person admin;
	struct buf change, write;
	struct body x;
	int fd = front_new(r);
	uint64_t mine = connection_new(r, 0);

	assert_int_equal(login(r->f, P_ADMIN_A, a), 0);
	assert_int_equal(login(r->f, P_ADMIN_B, b), 0);
	newcomer(&admin, "admin-c");
	body_member(&x, &admin);
	body_text(&x, "as", "administrator");
	body_text(&x, "duty", "audit");
	assert_int_equal(gov_post(r->f, a, "requests", &x, id), 0);
	assert_int_equal(sign_as(r->f, a, id, "sign"), 0);
	approve_body(r, b, id, &change);
	create_body(r, "一", &write);
	send_message(fd, MSG_GOV_ACT, 0, mine, 1, change.p, change.n);
	send_message(fd, MSG_HEALTH, 0, mine, 2, NULL, 0);
	send_message(fd, MSG_CREATE, 0, mine, 3, write.p, write.n);
	send_message(fd, MSG_CREATE, 0, mine, 4, write.p, write.n);
	round_once(r);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(answer_of(fd, NULL, NULL), 0);
	assert_int_equal(r->f->v->turn_calls, 2);	/* of the second turn */
	assert_non_null(directory_principal(r->f->v->keys, admin.g.principal.id));
	buf_free(&change);
	buf_free(&write);
	close(fd);
}

#define ON(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON(a_front_that_breaks_the_protocol_is_dropped_alone),
		ON(packed_messages_are_taken_one_by_one),
		ON(bodies_in_chunks_may_interleave),
		ON(a_whole_body_takes_no_further_chunk),
		ON(messages_that_were_taken_are_wiped),
		ON(a_front_that_does_not_drain_is_dropped),
		ON(a_slow_front_gets_every_answer_in_its_order),
		ON(every_front_has_its_turn),
		ON(what_writes_nothing_is_answered_at_once),
		ON(stop_reaches_every_front),
		ON(an_answer_of_many_messages_comes_whole),
		ON(a_sealed_vault_answers_only_how_it_is),
		cmocka_unit_test_setup_teardown(a_failed_turn_tells_nothing, small_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(a_turn_that_the_disk_refuses_is_the_last, small_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(what_does_not_fit_one_turn_goes_on_in_the_next, small_setup, rig_teardown),
		ON(only_an_auditor_makes_core_apply_and_sign),
		ON(a_change_of_the_directory_ends_its_turn),
	};

	return cmocka_run_group_tests_name("core", tests, NULL, NULL);
}
