/* Import and export: many messages of one request, with front as a process. */
#include "format/wire_gov.h"
#include "test_front_rig.h"

#define IMPORT "POST /v1/records:import HTTP/1.1\r\n" HOST BEARER "Content-Type: application/x-ndjson\r\n"
#define CHUNKED IMPORT "Transfer-Encoding: chunked\r\n\r\n"
#define LINE "{\"fields\":{\"a\":1}}\n"
#define WINDOW 128

static void say_chunk(int fd, const char *text)
{
	char head[32];

	snprintf(head, sizeof(head), "%zx\r\n", strlen(text));
	say(fd, head);
	say(fd, text);
	say(fd, "\r\n");
}

static void core_creates(struct rig *g, const struct message *m, uint8_t first)
{
	uint8_t id[16] = { first };
	struct buf b;

	buf_init(&b, 256);
	wire_answer_head(&b, 0, 5);
	wire_create_answer_put(&b, id, id, false, false);
	core_send(g, MSG_ANSWER, m->connection, m->request, b.p, b.n, -1);
	buf_free(&b);
}

/* Read up to the answer's last chunk, or the end; whether the last chunk came. Chunk framing stays in the text. */
static bool hear_all(struct rig *g, int fd)
{
	g->text_n = 0;
	while (g->text_n < sizeof(g->text) - 1 && read_until(g, fd, g->text_n + 1)) {
		g->text[g->text_n] = '\0';
		if (g->text_n > 7 && strcmp(g->text + g->text_n - 7, "\r\n0\r\n\r\n") == 0)
			return true;
	}
	return false;
}

static void key_is(const struct rig *g, const char *key)
{
	struct wire_create m;

	assert_int_equal(wire_create_decode(g->body.p, g->body.n, &m), 0);
	assert_true(m.envelope.has_token);
	assert_int_equal(m.key.n, strlen(key));
	assert_memory_equal(m.key.p, key, m.key.n);
}

static void lines_are_asked_at_once_and_answered_in_order(void **state)
{
	static struct rig g;
	struct message m[3];
	int fd;

	(void)state;
	rig_start(&g, (struct front_limits){ 0 });
	fd = client(&g);
	say(fd, "POST /v1/records:import?from=9 HTTP/1.1\r\n" HOST BEARER "Content-Type: application/x-ndjson\r\nIdempotency-Key: k\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n");
	say_chunk(fd, LINE "{\"fields\":");
	m[0] = core_takes(&g, MSG_CREATE);
	key_is(&g, "k:9");
	core_quiet(&g);
	say_chunk(fd, "{\"a\":\"x\"}}\r\n\n" "{\"fields\":{}}");
	m[1] = core_takes(&g, MSG_CREATE);
	key_is(&g, "k:10");
	core_quiet(&g);
	say(fd, "0\r\n\r\n");
	m[2] = core_takes(&g, MSG_CREATE);
	key_is(&g, "k:12");
	assert_int_equal(hear(&g, fd), 200);
	assert_true(holds(&g, "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n"));
	core_creates(&g, &m[2], 3);
	core_creates(&g, &m[1], 2);
	assert_false(wait_for(fd, 50));
	core_creates(&g, &m[0], 1);
	assert_true(hear_all(&g, fd));
	assert_true(holds(&g, "{\"line\":9,\"status\":201,\"id\":\"01000000000000000000000000000000\"}\n"
	    "{\"line\":10,\"status\":201,\"id\":\"02000000000000000000000000000000\"}\n"
	    "{\"line\":12,\"status\":201,\"id\":\"03000000000000000000000000000000\"}\n"));
	/* The connection is as after any other request. */
	say(fd, VERSION_REQUEST);
	assert_int_equal(hear(&g, fd), 200);
	close(fd);
	rig_end(&g);
}

static void broken_line_is_named_and_nothing_else_is_lost(void **state)
{
	static struct rig g;
	static char text[6000];
	const char *head = IMPORT;
	struct message m;
	struct wire_refused refused;
	int fd;

	(void)state;
	rig_start(&g, (struct front_limits){ .body_bytes = 1000 });
	fd = client(&g);
	memset(text, 'x', 3000);
	memcpy(text, LINE, sizeof(LINE) - 1);
	memcpy(text + 2000, "\n" LINE "{\"fields\":{\"a\":\n" LINE, sizeof("\n" LINE "{\"fields\":{\"a\":\n" LINE));
	say(fd, head);
	snprintf(g.text, sizeof(g.text), "Content-Length: %zu\r\n\r\n", strlen(text));
	say(fd, g.text);
	say(fd, text);
	for (unsigned i = 1; i <= 5; i++) {
		bool broken = i == 2 || i == 4;

		m = core_takes(&g, broken ? MSG_REFUSED : MSG_CREATE);
		if (!broken) {
			core_creates(&g, &m, (uint8_t)i);
			continue;
		}
		assert_int_equal(wire_refused_decode(g.body.p, g.body.n, &refused), 0);
		assert_int_equal(refused.problem, i == 2 ? PROBLEM_PAYLOAD_TOO_LARGE : PROBLEM_MALFORMED_JSON);
		core_refuses(&g, &m, refused.problem);
	}
	assert_true(hear_all(&g, fd));
	assert_true(holds(&g, "{\"line\":1,\"status\":201,"));
	assert_true(holds(&g, "{\"line\":2,\"status\":413,\"kind\":\"payload-too-large\"}\n"));
	assert_true(holds(&g, "{\"line\":3,\"status\":201,"));
	assert_true(holds(&g, "{\"line\":4,\"status\":400,\"kind\":\"malformed-json\"}\n"));
	assert_true(holds(&g, "{\"line\":5,\"status\":201,"));
	close(fd);
	rig_end(&g);
}

static void at_most_a_window_is_at_core(void **state)
{
	static struct rig g;
	static struct message m[3 * WINDOW];
	static char text[3 * WINDOW * (sizeof(LINE) - 1) + 1];
	int fd;

	(void)state;
	rig_start(&g, (struct front_limits){ 0 });
	fd = client(&g);
	for (unsigned i = 0; i < 3 * WINDOW; i++)
		memcpy(text + i * (sizeof(LINE) - 1), LINE, sizeof(LINE));
	say(fd, CHUNKED);
	say_chunk(fd, text);
	say(fd, "0\r\n\r\n" VERSION_REQUEST);
	for (unsigned i = 0; i < WINDOW; i++)
		m[i] = core_takes(&g, MSG_CREATE);
	core_quiet(&g);
	for (unsigned i = WINDOW; i < 3 * WINDOW; i++) {
		core_creates(&g, &m[i - WINDOW], 1);
		m[i] = core_takes(&g, MSG_CREATE);
	}
	for (unsigned i = 2 * WINDOW; i < 3 * WINDOW; i++)
		core_creates(&g, &m[i], 1);
	assert_true(hear_all(&g, fd));
	assert_true(holds(&g, "{\"line\":384,\"status\":201,"));
	/* What was pipelined behind it is answered next. */
	assert_int_equal(hear(&g, fd), 200);
	assert_true(holds(&g, "\"version\":\"test\""));
	close(fd);
	rig_end(&g);
}

static void import_without_session_is_not_read(void **state)
{
	static struct rig g;
	int fd;

	(void)state;
	rig_start(&g, (struct front_limits){ 0 });
	fd = client(&g);
	say(fd, "POST /v1/records:import HTTP/1.1\r\n" HOST "Content-Type: application/x-ndjson\r\nContent-Length: 900000000\r\n\r\n" LINE);
	assert_int_equal(hear(&g, fd), 401);
	assert_true(holds(&g, "Connection: close"));
	core_takes(&g, MSG_CLOSED);
	close(fd);
	fd = client(&g);
	say(fd, IMPORT "Content-Length: 2000000000\r\n\r\n");
	core_takes(&g, MSG_REFUSED);
	close(fd);
	rig_end(&g);
}

static void client_that_leaves_harms_nobody(void **state)
{
	static struct rig g;
	struct message m, first;
	int fd;

	(void)state;
	rig_start(&g, (struct front_limits){ 0 });
	fd = client(&g);
	say(fd, CHUNKED);
	say_chunk(fd, LINE LINE "{\"fie");
	first = core_takes(&g, MSG_CREATE);
	(void)core_takes(&g, MSG_CREATE);
	close(fd);
	core_takes(&g, MSG_CLOSED);
	core_creates(&g, &first, 1);
	fd = client(&g);
	say(fd, READ_REQUEST);
	m = core_takes(&g, MSG_READ);
	core_reads(&g, &m, 3);
	assert_int_equal(hear(&g, fd), 200);
	close(fd);
	rig_end(&g);
}

static void client_that_reads_nothing_is_dropped(void **state)
{
	static struct rig g;
	static char text[8192];
	struct message m = { .type = MSG_CREATE };
	unsigned lines = 0;
	size_t at = 0, n = 0;
	int fd;

	(void)state;
	rig_start(&g, (struct front_limits){ .write_ms = 200 });
	fd = client(&g);
	for (; n + sizeof(LINE) < sizeof(text) - 1; n += sizeof(LINE) - 1)
		memcpy(text + n, LINE, sizeof(LINE));
	say(fd, IMPORT "Content-Length: 1000000000\r\n\r\n");
	/* Lines without end: some time the answers of 85 bytes fill what front and kernel hold, and nothing more is taken. */
	while (m.type == MSG_CREATE && lines < 1000000) {
		ssize_t sent = send(fd, text + at, n - at, MSG_NOSIGNAL | MSG_DONTWAIT);

		at = sent > 0 ? (at + (size_t)sent) % n : at;
		while (m.type == MSG_CREATE && core_waits(&g, sent > 0 ? 0 : 1000)) {
			m = core_take(&g);
			if (m.type == MSG_CREATE) {
				core_creates(&g, &m, 1);
				lines++;
			}
			sent = 1;
		}
	}
	assert_int_equal(m.type, MSG_CLOSED);
	assert_true(lines > 10000);
	close(fd);
	rig_end(&g);
}

static void end_of_front_ends_the_answer_before_its_end(void **state)
{
	static struct rig g;
	struct message m;
	int fd;

	(void)state;
	rig_start(&g, (struct front_limits){ 0 });
	fd = client(&g);
	say(fd, CHUNKED);
	say_chunk(fd, LINE LINE);
	m = core_takes(&g, MSG_CREATE);
	core_creates(&g, &m, 1);
	m = core_takes(&g, MSG_CREATE);
	core_send(&g, MSG_STOP, 0, 0, NULL, 0, -1);
	say_chunk(fd, LINE);
	core_quiet(&g);
	core_creates(&g, &m, 2);
	assert_false(hear_all(&g, fd));
	assert_true(holds(&g, "{\"line\":2,\"status\":201,"));
	assert_false(holds(&g, "\"line\":3"));
	close(fd);
	assert_int_equal(rig_wait(&g), 0);
}

static void broken_chunk_ends_the_import_with_a_line(void **state)
{
	static struct rig g;
	struct message m;
	int fd;

	(void)state;
	rig_start(&g, (struct front_limits){ 0 });
	fd = client(&g);
	say(fd, CHUNKED);
	say_chunk(fd, LINE);
	m = core_takes(&g, MSG_CREATE);
	say(fd, "zz\r\n");
	core_creates(&g, &m, 1);
	assert_true(hear_all(&g, fd));
	assert_true(holds(&g, "{\"line\":1,\"status\":201,"));
	assert_true(holds(&g, "{\"line\":2,\"status\":400,\"kind\":\"bad-request\"}\n"));
	core_takes(&g, MSG_CLOSED);
	close(fd);
	rig_end(&g);
}

/* ---- exports ------------------------------------------------------------------------------------------------------ */

#define EXPORT "POST /v1/records:export HTTP/1.1\r\n" HOST BEARER JSON_TYPE "CV-Purpose: visit\r\nCV-Reason: why\r\n"

static void say_export(int fd, const char *body)
{
	char head[512];

	snprintf(head, sizeof(head), EXPORT "Content-Length: %zu\r\n\r\n", strlen(body));
	say(fd, head);
	say(fd, body);
}

static void core_shows_request(struct rig *g, const struct message *m)
{
	static const uint8_t id[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	struct buf b;
	size_t at;

	buf_init(&b, 1024);
	wire_answer_head(&b, 0, 5);
	wire_gov_object_head(&b, id);
	at = wire_count_begin(&b);
	wire_field_put(&b, "state", 5, VALUE_TEXT, "approved", 8);
	wire_field_put(&b, "mark", 4, VALUE_TEXT, "m-1", 3);
	wire_count_end(&b, at, 2);
	core_send(g, MSG_ANSWER, m->connection, m->request, b.p, b.n, -1);
	buf_free(&b);
}

/* A page of n records whose ids begin with first, first + 1, ... */
static void core_lists(struct rig *g, const struct message *m, uint8_t first, unsigned n, const char *cursor)
{
	struct buf b;
	size_t at;

	buf_init(&b, 1u << 16);
	wire_answer_head(&b, 0, 5);
	at = wire_count_begin(&b);
	for (unsigned i = 0; i < n; i++) {
		uint8_t id[16] = { (uint8_t)(first + i) };
		const struct wire_listed r = { id, { "", 0 }, { "", 0 }, { "", 0 } };

		wire_listed_put(&b, &r);
	}
	wire_count_end(&b, at, n);
	wire_text16_put(&b, cursor, strlen(cursor));
	core_send(g, MSG_ANSWER, m->connection, m->request, b.p, b.n, -1);
	buf_free(&b);
}

static void export_reads_page_by_page_under_the_request(void **state)
{
	static struct rig g;
	static struct message m[20];
	struct wire_gov_get get;
	struct wire_records list;
	struct wire_read read;
	int fd;

	(void)state;
	rig_start(&g, (struct front_limits){ 0 });
	fd = client(&g);
	say_export(fd, "{\"request\":\"" HEX_ID "\",\"fields\":[\"a\",\"b\"],\"view\":\"clear\",\"area\":\"1101\"}");
	m[0] = core_takes(&g, MSG_GOV_GET);
	assert_int_equal(wire_gov_get_decode(g.body.p, g.body.n, &get), 0);
	assert_int_equal(get.id[15], 15);
	core_shows_request(&g, &m[0]);
	m[0] = core_takes(&g, MSG_LIST);
	assert_int_equal(wire_records_decode(g.body.p, g.body.n, &list), 0);
	assert_memory_equal(list.area.p, "1101", 4);
	assert_memory_equal(list.envelope.purpose.p, "visit", 5);
	assert_memory_equal(list.envelope.reason.p, "why", 3);
	assert_true(list.envelope.has_token && list.cursor.n == 0);
	assert_int_equal(list.export[15], 15);
	core_lists(&g, &m[0], 1, 20, "next");
	/* No more than its window is at core; the page is done before the next is asked for. */
	for (unsigned i = 0; i < 16; i++)
		m[i] = core_takes(&g, MSG_READ);
	core_quiet(&g);
	assert_int_equal(wire_read_decode(g.body.p, g.body.n, &read), 0);
	assert_int_equal(read.record[0], 16);
	assert_int_equal(read.view, WIRE_VIEW_CLEAR);
	assert_int_equal(read.export[15], 15);
	assert_int_equal(read.names.count, 2);
	core_refuses(&g, &m[1], PROBLEM_NOT_FOUND);
	core_reads(&g, &m[0], 3);
	for (unsigned i = 2; i < 16; i++)
		core_reads(&g, &m[i], 3);
	for (unsigned i = 16; i < 20; i++) {
		m[i] = core_takes(&g, MSG_READ);
		core_reads(&g, &m[i], 3);
	}
	m[0] = core_takes(&g, MSG_LIST);
	assert_int_equal(wire_records_decode(g.body.p, g.body.n, &list), 0);
	assert_memory_equal(list.cursor.p, "next", 4);
	core_lists(&g, &m[0], 100, 0, "");
	assert_true(hear_all(&g, fd));
	assert_true(holds(&g, "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n"));
	assert_true(holds(&g, "{\"export\":\"" HEX_ID "\",\"mark\":\"m-1\"}\n"));
	assert_true(holds(&g, "\"fields\":{\"a\":\"xxx\"}"));
	assert_true(holds(&g, "}}\n{\"status\":404,\"kind\":\"not-found\"}\n{\"id\":"));
	say(fd, VERSION_REQUEST);
	assert_int_equal(hear(&g, fd), 200);
	close(fd);
	rig_end(&g);
}

/* Long records, a whole window of them, for a client that reads late: they wait where they are, and none is lost. */
static void export_of_long_records_waits_for_its_reader(void **state)
{
	enum { RECORDS = 20, LONG = 4150000 };
	static struct rig g;
	static struct message m[RECORDS];
	static char part[1 << 16];
	char tail[6] = "";
	size_t heard = 0;
	int fd;

	(void)state;
	rig_start(&g, (struct front_limits){ 0 });
	fd = client(&g);
	say_export(fd, "{\"request\":\"" HEX_ID "\",\"fields\":[\"a\"]}");
	m[0] = core_takes(&g, MSG_GOV_GET);
	core_shows_request(&g, &m[0]);
	m[0] = core_takes(&g, MSG_LIST);
	core_lists(&g, &m[0], 1, RECORDS, "");
	for (unsigned i = 0; i < 16; i++)
		m[i] = core_takes(&g, MSG_READ);
	core_reads(&g, &m[0], LONG);
	m[16] = core_takes(&g, MSG_READ);	/* what waits is below the mark: one more than the window is asked for */
	for (unsigned i = 1; i <= 16; i++)
		core_reads(&g, &m[i], LONG);
	while (strcmp(tail, "0\r\n\r\n") != 0) {
		ssize_t n = 0;

		if (core_waits(&g, 0)) {
			struct message more = core_takes(&g, MSG_READ);

			core_reads(&g, &more, LONG);
		}
		if (wait_for(fd, 1000) && (n = recv(fd, part, sizeof(part), 0)) <= 0)
			break;
		heard += (size_t)n;
		if (n >= 5)
			memcpy(tail, part + n - 5, 5);
	}
	assert_string_equal(tail, "0\r\n\r\n");
	assert_true(heard > (size_t)RECORDS * LONG);
	close(fd);
	rig_end(&g);
}

static void export_ends_where_all_would_be_refused(void **state)
{
	static struct rig g;
	struct message m, list;
	int fd;

	(void)state;
	rig_start(&g, (struct front_limits){ 0 });
	fd = client(&g);
	/* Pipelined behind it: a request that is answered after the export. */
	say(fd, EXPORT "Content-Length: 58\r\n\r\n{\"request\":\"" HEX_ID "\",\"fields\":[]}" VERSION_REQUEST);
	m = core_takes(&g, MSG_REFUSED);
	core_refuses(&g, &m, PROBLEM_FIELDS_REQUIRED);
	assert_int_equal(hear(&g, fd), 400);
	assert_int_equal(hear(&g, fd), 200);
	say_export(fd, "{\"request\":\"" HEX_ID "\",\"fields\":[\"a\"]}");
	m = core_takes(&g, MSG_GOV_GET);
	core_refuses(&g, &m, PROBLEM_NOT_FOUND);
	assert_int_equal(hear(&g, fd), 404);
	say_export(fd, "{\"request\":\"" HEX_ID "\",\"fields\":[\"a\"]}");
	m = core_takes(&g, MSG_GOV_GET);
	core_shows_request(&g, &m);
	m = core_takes(&g, MSG_LIST);
	core_lists(&g, &m, 1, 1, "next");
	m = core_takes(&g, MSG_READ);
	/* The next page is already asked for when the read is refused for good. */
	list = core_takes(&g, MSG_LIST);
	core_refuses(&g, &m, PROBLEM_BUDGET_EXCEEDED);
	core_lists(&g, &list, 2, 1, "");
	assert_true(hear_all(&g, fd));
	assert_true(holds(&g, "\"status\":429,\"kind\":\"budget-exceeded\"}\n"));
	say_export(fd, "{\"request\":\"" HEX_ID "\",\"fields\":[\"a\"]}");
	m = core_takes(&g, MSG_GOV_GET);
	core_shows_request(&g, &m);
	m = core_takes(&g, MSG_LIST);
	core_refuses(&g, &m, PROBLEM_APPROVAL_REQUIRED);
	assert_true(hear_all(&g, fd));
	assert_true(holds(&g, "{\"status\":403,\"kind\":\"approval-required\"}\n"));
	/* A client that leaves in the middle. */
	say_export(fd, "{\"request\":\"" HEX_ID "\",\"fields\":[\"a\"]}");
	m = core_takes(&g, MSG_GOV_GET);
	core_shows_request(&g, &m);
	m = core_takes(&g, MSG_LIST);
	close(fd);
	core_takes(&g, MSG_CLOSED);
	core_lists(&g, &m, 1, 1, "next");
	fd = client(&g);
	say(fd, VERSION_REQUEST);
	assert_int_equal(hear(&g, fd), 200);
	/* And one that leaves before it begins. */
	say_export(fd, "{\"request\":\"" HEX_ID "\",\"fields\":[\"a\"]}");
	core_takes(&g, MSG_GOV_GET);
	close(fd);
	core_takes(&g, MSG_CLOSED);
	rig_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_asked_at_once_and_answered_in_order),
		cmocka_unit_test(broken_line_is_named_and_nothing_else_is_lost),
		cmocka_unit_test(at_most_a_window_is_at_core),
		cmocka_unit_test(import_without_session_is_not_read),
		cmocka_unit_test(client_that_leaves_harms_nobody),
		cmocka_unit_test(client_that_reads_nothing_is_dropped),
		cmocka_unit_test(end_of_front_ends_the_answer_before_its_end),
		cmocka_unit_test(broken_chunk_ends_the_import_with_a_line),
		cmocka_unit_test(export_reads_page_by_page_under_the_request),
		cmocka_unit_test(export_of_long_records_waits_for_its_reader),
		cmocka_unit_test(export_ends_where_all_would_be_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
