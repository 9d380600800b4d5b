/* The whole process: front runs in a child, the test is both core and the clients. */
#include "test_front_rig.h"

static void request_is_asked_and_answered(void **state)
{
	static struct rig g;
	struct message m;
	int fd;

	(void)state;
	rig_start(&g, (struct front_limits){ 0 });
	fd = client(&g);
	say(fd, READ_REQUEST);
	m = core_takes(&g, MSG_READ);
	assert_int_equal(m.connection, 1);
	assert_int_equal(m.request, 1);
	core_reads(&g, &m, 3);
	assert_int_equal(hear(&g, fd), 200);
	assert_true(holds(&g, "\"fields\":{\"a\":\"xxx\"}"));
	assert_true(holds(&g, "CV-Audit-Index: 5\r\n"));
	assert_false(holds(&g, "Connection: close"));
	say(fd, READ_REQUEST);
	m = core_takes(&g, MSG_READ);
	assert_int_equal(m.request, 2);
	core_refuses(&g, &m, PROBLEM_NOT_FOUND);
	assert_int_equal(hear(&g, fd), 404);
	assert_true(holds(&g, "\"kind\":\"not-found\""));
	close(fd);
	core_takes(&g, MSG_CLOSED);
	rig_end(&g);
}

static void request_ids_are_uuids_of_now_and_differ(void **state)
{
	static struct rig g;
	char last[37] = "", uuid[37];
	int fd;

	(void)state;
	rig_start(&g, (struct front_limits){ 0 });
	fd = client(&g);
	for (int i = 0; i < 50; i++) {
		uint8_t ms[6];
		char hex[13];
		uint64_t then;

		say(fd, VERSION_REQUEST);
		assert_int_equal(hear(&g, fd), 200);
		memcpy(uuid, strstr(g.text, "Request-Id: ") + 12, 36);
		uuid[36] = '\0';
		assert_int_equal(uuid[14], '7');
		assert_non_null(strchr("89ab", uuid[19]));
		memcpy(hex, uuid, 8);
		memcpy(hex + 8, uuid + 9, 4);
		assert_int_equal(hex_decode(hex, 12, ms, 6), 0);
		then = be48_get(ms);
		assert_true(then <= clock_wall_ms() && then + 60000 > clock_wall_ms());
		assert_string_not_equal(uuid, last);
		memcpy(last, uuid, sizeof(last));
	}
	close(fd);
	rig_end(&g);
}

/* Seconds of the day in the last answer's Date header. */
static uint64_t date_heard(const struct rig *g)
{
	const char *date = strstr(g->text, "\r\nDate: ");
	unsigned hour, minute, second;

	assert_non_null(date);
	assert_int_equal(sscanf(date + 8 + 17, "%2u:%2u:%2u GMT", &hour, &minute, &second), 3);
	return hour * 3600 + minute * 60 + second;
}

static void first_answer_after_idleness_tells_the_time_of_now(void **state)
{
	static struct rig g;
	uint64_t then_s, asked_s;
	int pair[2];

	(void)state;
	rig_start(&g, (struct front_limits){ 0 });
	pair[0] = client(&g);
	say(pair[0], VERSION_REQUEST);
	assert_int_equal(hear(&g, pair[0]), 200);
	close(pair[0]);
	core_takes(&g, MSG_CLOSED);
	then_s = clock_wall_ms() / 1000;
	while ((asked_s = clock_wall_ms() / 1000) == then_s)
		assert_int_equal(usleep(10000), 0);
	/* The request waits before the connection comes: the round that front wakes to answers it. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	say(pair[0], VERSION_REQUEST);
	core_send(&g, MSG_OPEN, ++g.opened, 0, NULL, 0, pair[1]);
	close(pair[1]);
	assert_int_equal(hear(&g, pair[0]), 200);
	assert_in_range((date_heard(&g) + 86400 - asked_s % 86400) % 86400, 0, clock_wall_ms() / 1000 - asked_s);
	close(pair[0]);
	rig_end(&g);
}

/* Read the head of an answer that has no body. */
static int hear_head(struct rig *g, int fd)
{
	g->text_n = 0;
	do {
		assert_true(read_until(g, fd, g->text_n + 1));
		g->text[g->text_n] = '\0';
	} while (strstr(g->text, "\r\n\r\n") == NULL);
	return atoi(g->text + 9);
}

static void head_is_answered_without_a_body(void **state)
{
	static struct rig g;
	struct message m;
	int fd;

	(void)state;
	rig_start(&g, (struct front_limits){ 0 });
	fd = client(&g);
	/* Whatever refuses it, and whoever: the next answer begins where the head ends. */
	say(fd, "HEAD /v1/sys/health HTTP/1.1\r\n" HOST "\r\n" "HEAD / HTTP/1.1\r\n" HOST "\r\n"
	    "HEAD /v1/records/" HEX_ID " HTTP/1.1\r\n" HOST BEARER "\r\n" VERSION_REQUEST);
	m = core_takes(&g, MSG_REFUSED);
	core_refuses(&g, &m, PROBLEM_METHOD_NOT_ALLOWED);
	assert_int_equal(hear_head(&g, fd), 405);
	assert_true(holds(&g, "Allow: GET\r\n"));
	assert_int_equal(hear_head(&g, fd), 404);
	assert_int_equal(hear_head(&g, fd), 405);
	assert_int_equal(hear(&g, fd), 200);
	say(fd, "HEAD / HTTP/1.1\r\n\r\n");	/* no Host */
	assert_int_equal(hear_head(&g, fd), 400);
	assert_int_equal(hear(&g, fd), 0);
	close(fd);
	rig_end(&g);
}

static void pipelined_requests_are_asked_one_by_one(void **state)
{
	static struct rig g;
	struct message m;
	int fd;

	(void)state;
	rig_start(&g, (struct front_limits){ 0 });
	fd = client(&g);
	say(fd, READ_REQUEST VERSION_REQUEST READ_REQUEST "GET /v1/nothing HTTP/1.1\r\n" HOST "\r\n");
	m = core_takes(&g, MSG_READ);
	core_quiet(&g);
	assert_false(wait_for(fd, 0));
	core_reads(&g, &m, 1);
	assert_int_equal(hear(&g, fd), 200);
	assert_true(holds(&g, "\"a\":\"x\""));
	assert_int_equal(hear(&g, fd), 200);
	assert_true(holds(&g, "childvault"));
	m = core_takes(&g, MSG_READ);
	assert_int_equal(m.request, 2);
	core_reads(&g, &m, 2);
	assert_int_equal(hear(&g, fd), 200);
	assert_true(holds(&g, "\"a\":\"xx\""));
	assert_int_equal(hear(&g, fd), 404);
	close(fd);
	rig_end(&g);
}

static void connections_do_not_wait_for_each_other(void **state)
{
	static struct rig g;
	struct message m[40];
	int fd[40];

	(void)state;
	rig_start(&g, (struct front_limits){ 0 });
	for (int i = 0; i < 40; i++) {
		fd[i] = client(&g);
		say(fd[i], READ_REQUEST);
	}
	for (int i = 0; i < 40; i++)
		m[i] = core_takes(&g, MSG_READ);
	for (int i = 39; i >= 0; i--)
		core_reads(&g, &m[i], (size_t)m[i].connection);
	for (int i = 0; i < 40; i++) {
		char want[64] = "\"a\":\"";

		assert_int_equal(hear(&g, fd[i]), 200);
		memset(want + 5, 'x', (size_t)i + 1);
		strcpy(want + 5 + i + 1, "\"");
		assert_true(holds(&g, want));
		close(fd[i]);
	}
	rig_end(&g);
}

/* Cut at each byte, the request arrives at core the same. */
static void slow_pieces_make_one_request(void **state)
{
	static const char text[] = "POST /v1/records HTTP/1.1\r\n" HOST BEARER JSON_TYPE
	    "Transfer-Encoding: chunked\r\n\r\n3\r\n{\"f\r\nb\r\nields\":{}} \r\n0\r\n\r\n";
	static struct rig g;
	struct buf first;
	struct message m;
	int fd;

	(void)state;
	buf_init(&first, 4096);
	rig_start(&g, (struct front_limits){ 0 });
	for (size_t cut = 0; cut < sizeof(text) - 1; cut++) {
		fd = client(&g);
		say_bytes(fd, text, cut);
		usleep(cut > 0 ? 500 : 0);
		say_bytes(fd, text + cut, sizeof(text) - 1 - cut);
		m = core_takes(&g, MSG_CREATE);
		memset(g.body.p + 33, 0, 16);	/* the request id */
		if (cut == 0)
			buf_put(&first, g.body.p, g.body.n);
		assert_int_equal(g.body.n, first.n);
		assert_memory_equal(g.body.p, first.p, first.n);
		core_refuses(&g, &m, PROBLEM_SEALED);
		assert_int_equal(hear(&g, fd), 503);
		close(fd);
		core_takes(&g, MSG_CLOSED);
	}
	buf_free(&first);
	rig_end(&g);
}

static void large_bodies_travel_in_parts_both_ways(void **state)
{
	static struct rig g;
	struct wire_create c;
	struct message m;
	struct buf b;
	int fd;

	(void)state;
	buf_init(&b, 2u << 20);
	buf_text(&b, "{\"fields\":{");
	for (int i = 0; i < 16; i++) {
		buf_printf(&b, "%s\"f%d\":\"", i == 0 ? "" : ",", i);
		for (int k = 0; k < 60000; k++)
			buf_u8(&b, (uint8_t)('a' + i));
		buf_u8(&b, '"');
	}
	buf_text(&b, "}}");
	rig_start(&g, (struct front_limits){ 0 });
	fd = client(&g);
	snprintf(g.text, sizeof(g.text), "POST /v1/records HTTP/1.1\r\n" HOST BEARER JSON_TYPE "Content-Length: %zu\r\n\r\n", b.n);
	say(fd, g.text);
	say_bytes(fd, b.p, b.n);
	m = core_takes(&g, MSG_CREATE);
	assert_int_equal(wire_create_decode(g.body.p, g.body.n, &c), 0);
	assert_int_equal(c.fields.count, 16);
	core_refuses(&g, &m, PROBLEM_VALIDATION);
	assert_int_equal(hear(&g, fd), 422);
	say(fd, READ_REQUEST);
	m = core_takes(&g, MSG_READ);
	buf_reset(&b);
	wire_answer_head(&b, 0, 5);
	buf_zero(&b, 32);
	buf_u8(&b, WIRE_VIEW_CLEAR);
	buf_u16(&b, 10);
	for (int i = 0; i < 10; i++) {
		char name = (char)('0' + i);

		memset(g.text, 'a' + i, 10000);
		wire_field_put(&b, &name, 1, VALUE_TEXT, g.text, 10000);
	}
	buf_zero(&b, 8);
	core_send(&g, MSG_ANSWER, m.connection, m.request, b.p, b.n, -1);
	assert_int_equal(hear(&g, fd), 200);
	assert_true(g.text_n > 100000);
	assert_true(holds(&g, "jjjj\"},\"meta\""));
	close(fd);
	buf_free(&b);
	rig_end(&g);
}

/* A client that does not read: the answer waits, then leaves whole; a client that never reads is closed. */
static void unread_answers_wait_and_end(void **state)
{
	static struct rig g;
	struct message m;
	int fd;

	(void)state;
	rig_start(&g, (struct front_limits){ .write_ms = 200 });
	fd = client(&g);
	for (int i = 0; i < 2; i++) {
		say(fd, READ_REQUEST);
		m = core_takes(&g, MSG_READ);
		core_reads(&g, &m, FIELD_MAX);
		assert_int_equal(hear(&g, fd), 200);
		assert_true(g.text_n > FIELD_MAX);
	}
	for (int i = 0; i < 8; i++)
		say(fd, READ_REQUEST);
	for (int i = 0; i < 8; i++) {
		m = core_take(&g);
		if (m.type == MSG_CLOSED)
			break;
		assert_int_equal(m.type, MSG_READ);
		core_reads(&g, &m, FIELD_MAX);
	}
	if (m.type != MSG_CLOSED)
		core_takes(&g, MSG_CLOSED);
	close(fd);
	rig_end(&g);
}

static void expectation_is_met_only_for_bodies_that_are_wanted(void **state)
{
#define EXPECT_HEAD HOST BEARER JSON_TYPE "Expect: 100-continue\r\nContent-Length: 13\r\n\r\n"
	static struct rig g;
	struct message m;
	int fd;

	(void)state;
	rig_start(&g, (struct front_limits){ 0 });
	fd = client(&g);
	say(fd, "POST /v1/records HTTP/1.1\r\n" EXPECT_HEAD);
	g.text_n = 0;
	assert_true(read_until(&g, fd, 25));
	assert_memory_equal(g.text, "HTTP/1.1 100 Continue\r\n\r\n", 25);
	say(fd, "{\"fields\":{}}");
	m = core_takes(&g, MSG_CREATE);
	core_refuses(&g, &m, PROBLEM_SEALED);
	assert_int_equal(hear(&g, fd), 503);
	say(fd, "POST /v1/nothing HTTP/1.1\r\n" EXPECT_HEAD);
	m = core_takes(&g, MSG_REFUSED);
	core_refuses(&g, &m, PROBLEM_NOT_FOUND);
	assert_int_equal(hear(&g, fd), 404);
	assert_true(holds(&g, "Connection: close\r\n"));
	assert_int_equal(hear(&g, fd), 0);
	close(fd);
	core_takes(&g, MSG_CLOSED);
	rig_end(&g);
#undef EXPECT_HEAD
}

static void slow_clients_are_told_and_closed(void **state)
{
	static struct rig g;
	struct message m;
	int idle, head, body, token;

	(void)state;
	rig_start(&g, (struct front_limits){ .header_ms = 100, .body_ms = 100, .idle_ms = 100, .linger_ms = 50 });
	idle = client(&g);
	head = client(&g);
	say(head, "GET /v1/sys/version HTTP/1.1\r\nHos");
	body = client(&g);
	say(body, "POST /v1/records HTTP/1.1\r\n" HOST JSON_TYPE "Content-Length: 5\r\n\r\n{");
	token = client(&g);
	say(token, "POST /v1/records HTTP/1.1\r\n" HOST BEARER JSON_TYPE "Content-Length: 5\r\n\r\n{");
	assert_int_equal(hear(&g, idle), 0);
	assert_int_equal(hear(&g, head), 408);
	assert_true(holds(&g, "Connection: close\r\n"));
	assert_int_equal(hear(&g, head), 0);
	assert_int_equal(hear(&g, body), 408);
	do
		m = core_take(&g);
	while (m.type == MSG_CLOSED);
	assert_int_equal(m.type, MSG_REFUSED);
	core_refuses(&g, &m, PROBLEM_REQUEST_TIMEOUT);
	assert_int_equal(hear(&g, token), 408);
	close(idle);
	close(head);
	close(body);
	close(token);
	rig_end(&g);
}

static void broken_framing_ends_the_connection(void **state)
{
	static struct rig g;
	int fd;

	(void)state;
	rig_start(&g, (struct front_limits){ .linger_ms = 50 });
	fd = client(&g);
	say(fd, "POST /v1/records HTTP/1.1\r\n" HOST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc" VERSION_REQUEST);
	assert_int_equal(hear(&g, fd), 400);
	assert_true(holds(&g, "Connection: close\r\n"));
	assert_int_equal(hear(&g, fd), 0);
	close(fd);
	core_takes(&g, MSG_CLOSED);
	rig_end(&g);
}

/* The body of a refused request is read past; the connection lives on. */
static void refused_body_is_skipped(void **state)
{
	static struct rig g;
	int fd;

	(void)state;
	rig_start(&g, (struct front_limits){ 0 });
	fd = client(&g);
	say(fd, "POST /v1/nothing HTTP/1.1\r\n" HOST "Content-Length: 100000\r\n\r\n");
	memset(g.text, 'G', 100000);
	say_bytes(fd, g.text, 100000);
	assert_int_equal(hear(&g, fd), 404);
	assert_false(holds(&g, "Connection: close"));
	say(fd, VERSION_REQUEST);
	assert_int_equal(hear(&g, fd), 200);
	close(fd);
	rig_end(&g);
}

static void declared_excess_is_refused_at_once(void **state)
{
	static struct rig g;
	int fd;

	(void)state;
	rig_start(&g, (struct front_limits){ .linger_ms = 50 });
	fd = client(&g);
	say(fd, "POST /v1/records HTTP/1.1\r\n" HOST JSON_TYPE "Content-Length: 1048577\r\n\r\n");
	assert_int_equal(hear(&g, fd), 413);
	assert_int_equal(hear(&g, fd), 0);
	close(fd);
	rig_end(&g);
}

static void answer_for_a_client_that_left_is_dropped(void **state)
{
	static struct rig g;
	struct message m;
	int fd;

	(void)state;
	rig_start(&g, (struct front_limits){ 0 });
	fd = client(&g);
	say(fd, READ_REQUEST);
	m = core_takes(&g, MSG_READ);
	close(fd);
	assert_int_equal(core_takes(&g, MSG_CLOSED).connection, 1);
	core_reads(&g, &m, 70000);	/* in parts, too */
	fd = client(&g);
	say(fd, VERSION_REQUEST);
	assert_int_equal(hear(&g, fd), 200);
	close(fd);
	rig_end(&g);
}

/* A client that has said its last word still gets its answer. */
static void half_closed_client_is_answered(void **state)
{
	static struct rig g;
	struct message m;
	int fd;

	(void)state;
	rig_start(&g, (struct front_limits){ 0 });
	fd = client(&g);
	say(fd, READ_REQUEST);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	m = core_takes(&g, MSG_READ);
	core_quiet(&g);
	core_reads(&g, &m, 1);
	assert_int_equal(hear(&g, fd), 200);
	assert_int_equal(hear(&g, fd), 0);
	close(fd);
	core_takes(&g, MSG_CLOSED);
	rig_end(&g);
}

static void http_1_0_is_answered_once(void **state)
{
	static struct rig g;
	int fd;

	(void)state;
	rig_start(&g, (struct front_limits){ .linger_ms = 50 });
	fd = client(&g);
	say(fd, "GET /v1/sys/version HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" VERSION_REQUEST);
	assert_int_equal(hear(&g, fd), 200);
	assert_true(holds(&g, "Connection: close\r\n"));
	assert_int_equal(hear(&g, fd), 0);
	close(fd);
	rig_end(&g);
}

static void connections_beyond_the_limit_are_closed(void **state)
{
	static struct rig g;
	int fd[3];

	(void)state;
	rig_start(&g, (struct front_limits){ .connections = 2 });
	for (int i = 0; i < 3; i++)
		fd[i] = client(&g);
	assert_int_equal(core_takes(&g, MSG_CLOSED).connection, 3);
	assert_int_equal(hear(&g, fd[2]), 0);
	close(fd[0]);
	assert_int_equal(core_takes(&g, MSG_CLOSED).connection, 1);
	close(fd[2]);
	fd[2] = client(&g);
	say(fd[2], VERSION_REQUEST);
	assert_int_equal(hear(&g, fd[2]), 200);
	close(fd[1]);
	close(fd[2]);
	rig_end(&g);
}

/* Core takes nothing: front stops reading, and goes on when core does. */
static void connections_without_a_descriptor_are_closed_and_the_others_served(void **state)
{
	static struct rig g;
	int fd[64], closed = 0;

	(void)state;
	rig_start_with(&g, (struct front_limits){ 0 }, 32);
	for (unsigned i = 0; i < 64; i++)
		fd[i] = client(&g);
	say(fd[0], VERSION_REQUEST);
	assert_int_equal(hear(&g, fd[0]), 200);
	assert_int_equal(hear(&g, fd[63]), 0);
	while (core_waits(&g, 100)) {
		assert_true(core_takes(&g, MSG_CLOSED).connection > 16);
		closed++;
	}
	assert_in_range(closed, 32, 48);
	/* What one gives back another can have. */
	close(fd[1]);
	assert_int_equal(core_takes(&g, MSG_CLOSED).connection, 2);
	close(fd[63]);
	fd[63] = client(&g);
	say(fd[63], VERSION_REQUEST);
	assert_int_equal(hear(&g, fd[63]), 200);
	for (unsigned i = 0; i < 64; i++)
		if (i != 1)
			close(fd[i]);
	rig_end(&g);
}

static void full_channel_holds_clients_back(void **state)
{
	static struct rig g;
	struct buf b;
	int fd[64];
	unsigned answered = 0;

	(void)state;
	buf_init(&b, 1u << 20);
	buf_text(&b, "{\"fields\":{\"a\":\"");
	for (int k = 0; k < 50000; k++)
		buf_u8(&b, 'y');
	buf_text(&b, "\"}}");
	rig_start(&g, (struct front_limits){ 0 });
	snprintf(g.text, sizeof(g.text), "POST /v1/records HTTP/1.1\r\n" HOST BEARER JSON_TYPE "Content-Length: %zu\r\n\r\n", b.n);
	for (int i = 0; i < 64; i++) {
		fd[i] = client(&g);
		say(fd[i], g.text);
		say_bytes(fd[i], b.p, b.n);
	}
	usleep(50000);
	for (int i = 0; i < 64; i++) {
		struct message m = core_takes(&g, MSG_CREATE);

		core_refuses(&g, &m, PROBLEM_SEALED);
	}
	for (int i = 0; i < 64; i++) {
		answered += hear(&g, fd[i]) == 503 && holds(&g, "\"sealed\"");
		close(fd[i]);
	}
	assert_int_equal(answered, 64);
	buf_free(&b);
	rig_end(&g);
}

static void stop_finishes_what_was_taken(void **state)
{
	static struct rig g;
	struct message m;
	int busy, idle, late;

	(void)state;
	rig_start(&g, (struct front_limits){ .linger_ms = 50 });
	busy = client(&g);
	idle = client(&g);
	say(busy, READ_REQUEST READ_REQUEST);
	m = core_takes(&g, MSG_READ);
	core_send(&g, MSG_STOP, 0, 0, NULL, 0, -1);
	assert_int_equal(core_takes(&g, MSG_CLOSED).connection, 2);
	assert_int_equal(hear(&g, idle), 0);
	late = client(&g);
	assert_int_equal(hear(&g, late), 0);
	assert_int_equal(core_takes(&g, MSG_CLOSED).connection, 3);
	core_reads(&g, &m, 1);
	assert_int_equal(hear(&g, busy), 200);
	assert_true(holds(&g, "Connection: close\r\n"));
	assert_int_equal(hear(&g, busy), 0);
	close(busy);
	assert_int_equal(rig_wait(&g), 0);
	close(idle);
	close(late);
}

static void stop_without_clients_ends_at_once(void **state)
{
	static struct rig g;

	(void)state;
	rig_start(&g, (struct front_limits){ 0 });
	core_send(&g, MSG_STOP, 0, 0, NULL, 0, -1);
	assert_int_equal(rig_wait(&g), 0);
}

/* What core decided together comes together. */
static void packed_answers_reach_their_clients(void **state)
{
	static struct rig g;
	static uint8_t packet[MESSAGE_MAX];
	struct message m;
	int fd[MESSAGE_PACKED];
	size_t n = 0;

	(void)state;
	rig_start(&g, (struct front_limits){ 0 });
	for (unsigned i = 0; i < MESSAGE_PACKED; i++) {
		fd[i] = client(&g);
		say(fd[i], VERSION_REQUEST);
		assert_int_equal(hear(&g, fd[i]), 200);
		say(fd[i], READ_REQUEST);
	}
	for (unsigned i = 0; i < MESSAGE_PACKED; i++) {
		struct buf b;

		m = core_takes(&g, MSG_READ);
		buf_init(&b, 100);
		wire_refusal_put(&b, i % 2 == 0 ? PROBLEM_NOT_FOUND : PROBLEM_NOT_PERMITTED, MESSAGE_NO_LEAF, NULL, 0);
		m.type = MSG_ANSWER;
		m.body_n = (uint32_t)b.n;
		message_encode(&m, packet + n);
		memcpy(packet + n + MESSAGE_HEADER, b.p, b.n);
		n += MESSAGE_HEADER + b.n;
		buf_free(&b);
	}
	assert_int_equal(send(g.core, packet, n, 0), (ssize_t)n);
	for (unsigned i = 0, found = 0; i < MESSAGE_PACKED; i++) {
		int status = hear(&g, fd[i]);

		assert_true(status == 404 || status == 403);
		found += status == 404;
		assert_true(i + 1 < MESSAGE_PACKED || found == MESSAGE_PACKED / 2);
		close(fd[i]);
	}
	rig_end(&g);
}

/* What PROTOCOL.md does not know ends front. */
static void broken_core_ends_front(void **state)
{
	static struct rig g;
	uint8_t too_many[(MESSAGE_PACKED + 1) * MESSAGE_HEADER];
	struct message m;
	int fd, null;

	(void)state;
	for (unsigned i = 0; i <= MESSAGE_PACKED; i++)
		message_encode(&(struct message){ .type = MSG_STOP }, too_many + i * MESSAGE_HEADER);
	for (int i = 0; i < 7; i++) {
		rig_start(&g, (struct front_limits){ 0 });
		fd = client(&g);
		say(fd, READ_REQUEST);
		m = core_takes(&g, MSG_READ);
		null = dup(fd);
		if (i == 0)
			core_send(&g, 9, 1, 1, NULL, 0, -1);
		else if (i == 1)
			core_send(&g, MSG_ANSWER, 1, m.request + 1, "\0\0\0\0\0\0\0\0\0\0", 10, -1);
		else if (i == 2)
			core_send(&g, MSG_ANSWER, 1, m.request, "\0\0\0\0\0\0\0\0\0\0x", 11, -1);
		else if (i == 3)
			assert_int_equal(send(g.core, "x", 1, 0), 1);
		else if (i == 4)
			core_send(&g, MSG_OPEN, 7, 0, NULL, 0, -1);
		else if (i == 5)
			assert_int_equal(send(g.core, too_many, sizeof(too_many), 0), (ssize_t)sizeof(too_many));
		else
			core_send(&g, MSG_OPEN, 1, 0, NULL, 0, null);
		assert_int_equal(rig_wait(&g), 3);
		close(null);
		close(fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_is_asked_and_answered),
		cmocka_unit_test(request_ids_are_uuids_of_now_and_differ),
		cmocka_unit_test(first_answer_after_idleness_tells_the_time_of_now),
		cmocka_unit_test(head_is_answered_without_a_body),
		cmocka_unit_test(pipelined_requests_are_asked_one_by_one),
		cmocka_unit_test(connections_do_not_wait_for_each_other),
		cmocka_unit_test(slow_pieces_make_one_request),
		cmocka_unit_test(large_bodies_travel_in_parts_both_ways),
		cmocka_unit_test(unread_answers_wait_and_end),
		cmocka_unit_test(expectation_is_met_only_for_bodies_that_are_wanted),
		cmocka_unit_test(slow_clients_are_told_and_closed),
		cmocka_unit_test(broken_framing_ends_the_connection),
		cmocka_unit_test(refused_body_is_skipped),
		cmocka_unit_test(declared_excess_is_refused_at_once),
		cmocka_unit_test(answer_for_a_client_that_left_is_dropped),
		cmocka_unit_test(half_closed_client_is_answered),
		cmocka_unit_test(http_1_0_is_answered_once),
		cmocka_unit_test(connections_beyond_the_limit_are_closed),
		cmocka_unit_test(connections_without_a_descriptor_are_closed_and_the_others_served),
		cmocka_unit_test(full_channel_holds_clients_back),
		cmocka_unit_test(stop_finishes_what_was_taken),
		cmocka_unit_test(stop_without_clients_ends_at_once),
		cmocka_unit_test(packed_answers_reach_their_clients),
		cmocka_unit_test(broken_core_ends_front),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
