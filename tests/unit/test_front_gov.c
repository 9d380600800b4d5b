/* Routes of the work list, governance objects and the policy: front knows no kind of object, members go through as they are. */
#include <jansson.h>

#include "format/value.h"
#include "format/wire_gov.h"
#include "front/json_out.h"
#include "front/openapi.h"
#include "test_front.h"

#define HTTP11 " HTTP/1.1\r\n" HOST
#define PLAIN HTTP11 BEARER "\r\n"

static const uint8_t id[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

static void text_is(const struct wire_text *t, const char *expected)
{
	assert_int_equal(t->n, strlen(expected));
	assert_memory_equal(t->p, expected, t->n);
}

static struct taken asks(const char *text, uint8_t type)
{
	struct taken t;

	(void)take(&t, text, strlen(text), 0);
	assert_true(t.done);
	if (t.x.fault.problem != PROBLEM_NONE)
		fail_msg("problem %u: %s", t.x.fault.problem, text);
	assert_true(t.asks);
	assert_int_equal(t.type, type);
	return t;
}

static struct taken asks_body(const char *line, const char *body, uint8_t type)
{
	static char text[8192];

	snprintf(text, sizeof(text), "%s" HTTP11 BEARER JSON_TYPE "Content-Length: %zu\r\n\r\n%s", line, strlen(body), body);
	return asks(text, type);
}

static int problem_of(const char *line, const char *body)
{
	static char text[8192];

	snprintf(text, sizeof(text), "%s" HTTP11 BEARER JSON_TYPE "Content-Length: %zu\r\n\r\n%s", line, strlen(body), body);
	return problem_in(text);
}

static struct wire_field field(struct wire_list *l, const char *name, uint8_t type)
{
	struct wire_field f;

	assert_true(wire_fields_next(l, &f));
	text_is(&f.name, name);
	assert_int_equal(f.value.type, type);
	return f;
}

/* ---- requests ------------------------------------------------------------------------------------------------------ */

static void members_of_a_body_are_the_fields_of_the_message(void **state)
{
	struct taken t = asks_body("POST /v1/requests", "{\"kind\":\"grant\",\"fields\":[\"a\",\"b\"],\"reads\":3,\"urgent\":true}",
	    MSG_GOV_CREATE);
	static const uint8_t list[] = { 0, 2, 3, 0, 0, 0, 1, 'a', 3, 0, 0, 0, 1, 'b' };
	struct wire_gov_create m;
	struct wire_field f;

	(void)state;
	assert_int_equal(wire_gov_create_decode(t.body.p, t.body.n, &m), 0);
	assert_true(m.envelope.has_token);
	text_is(&m.collection, "requests");
	assert_int_equal(m.fields.count, 4);
	f = field(&m.fields, "kind", VALUE_TEXT);
	assert_memory_equal(f.value.p, "grant", 5);
	f = field(&m.fields, "fields", VALUE_LIST);
	assert_int_equal(f.value.n, sizeof(list));
	assert_memory_equal(f.value.p, list, sizeof(list));
	f = field(&m.fields, "reads", VALUE_INTEGER);
	assert_int_equal(value_integer(f.value.p), 3);
	(void)field(&m.fields, "urgent", VALUE_BOOL);
	taken_free(&t);
}

static void objects_are_read_listed_and_acted_on_by_path(void **state)
{
	static const char *const collections[] = { "assignments", "requests", "grants", "delegations", "jobs" };
	struct wire_gov_get get;
	struct wire_gov_list list;
	struct wire_gov_act act;
	struct taken t;
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(collections) / sizeof(collections[0]); i++) {
		snprintf(text, sizeof(text), "GET /v1/%s/" HEX_ID PLAIN, collections[i]);
		t = asks(text, MSG_GOV_GET);
		assert_int_equal(wire_gov_get_decode(t.body.p, t.body.n, &get), 0);
		text_is(&get.collection, collections[i]);
		assert_memory_equal(get.id, id, 16);
		taken_free(&t);
		snprintf(text, sizeof(text), "GET /v1/%s" PLAIN, collections[i]);
		t = asks(text, MSG_GOV_LIST);
		assert_int_equal(wire_gov_list_decode(t.body.p, t.body.n, &list), 0);
		text_is(&list.collection, collections[i]);
		assert_int_equal(list.limit, 100);
		assert_int_equal(list.cursor.n, 0);
		assert_int_equal(list.fields.count, 0);
		taken_free(&t);
		snprintf(text, sizeof(text), "POST /v1/%s/" HEX_ID ":revoke" PLAIN, collections[i]);
		t = asks(text, MSG_GOV_ACT);
		assert_int_equal(wire_gov_act_decode(t.body.p, t.body.n, &act), 0);
		text_is(&act.collection, collections[i]);
		text_is(&act.action, "revoke");
		assert_memory_equal(act.id, id, 16);
		assert_int_equal(act.fields.count, 0);
		taken_free(&t);
	}
}

static void action_takes_a_body_or_none(void **state)
{
	struct taken t = asks_body("POST /v1/requests/" HEX_ID ":reject", "{\"reason\":\"\xe4\xb8\x8d\"}", MSG_GOV_ACT);
	struct wire_gov_act m;
	struct wire_field f;

	(void)state;
	assert_int_equal(wire_gov_act_decode(t.body.p, t.body.n, &m), 0);
	f = field(&m.fields, "reason", VALUE_TEXT);
	assert_int_equal(f.value.n, 3);
	taken_free(&t);
	assert_int_equal(problem_of("POST /v1/requests/" HEX_ID ":reject", "[]"), PROBLEM_BAD_REQUEST);
	assert_int_equal(problem_of("POST /v1/requests/" HEX_ID ":reject", "{\"reason\":1.5}"), PROBLEM_WRONG_TYPE);
	/* An empty body where one is wanted is no object. */
	assert_int_equal(problem_of("POST /v1/requests", ""), PROBLEM_MALFORMED_JSON);
	assert_int_equal(problem_in("POST /v1/requests" PLAIN), PROBLEM_UNSUPPORTED_MEDIA_TYPE);
	assert_int_equal(problem_in("POST /v1/requests/" HEX_ID ":reject" HTTP11 BEARER "Content-Type: text/plain\r\n\r\n"),
	    PROBLEM_UNSUPPORTED_MEDIA_TYPE);
}

static void filters_travel_as_texts_by_name(void **state)
{
	struct taken t = asks("GET /v1/requests?waiting=me&state=pending&principal=li%20si&record=" HEX_ID "&limit=7&cursor=abc" PLAIN,
	    MSG_GOV_LIST);
	struct wire_gov_list m;
	struct wire_field f;

	(void)state;
	assert_int_equal(wire_gov_list_decode(t.body.p, t.body.n, &m), 0);
	assert_int_equal(m.limit, 7);
	text_is(&m.cursor, "abc");
	assert_int_equal(m.fields.count, 4);
	f = field(&m.fields, "state", VALUE_TEXT);
	assert_memory_equal(f.value.p, "pending", 7);
	f = field(&m.fields, "principal", VALUE_TEXT);
	assert_memory_equal(f.value.p, "li si", 5);
	f = field(&m.fields, "record", VALUE_TEXT);
	assert_memory_equal(f.value.p, HEX_ID, 32);
	f = field(&m.fields, "waiting", VALUE_TEXT);
	assert_memory_equal(f.value.p, "me", 2);
	taken_free(&t);
}

static void work_list_is_asked_by_area_due_and_state(void **state)
{
	struct taken t = asks("GET /v1/records?area=110101&due=2026Q4&state=active&cursor=c" HTTP11 BEARER "CV-Purpose: visit\r\n\r\n",
	    MSG_LIST);
	struct wire_records m;

	(void)state;
	assert_int_equal(wire_records_decode(t.body.p, t.body.n, &m), 0);
	text_is(&m.envelope.purpose, "visit");
	text_is(&m.area, "110101");
	text_is(&m.due, "2026Q4");
	text_is(&m.state, "active");
	text_is(&m.cursor, "c");
	assert_int_equal(m.limit, 100);
	taken_free(&t);
}

static void queries_and_paths_of_objects_are_closed(void **state)
{
	static const struct {
		const char *line;
		int problem;
	} cases[] = {
		{ "GET /v1/records?principal=a", PROBLEM_BAD_REQUEST }, { "GET /v1/requests?area=11", PROBLEM_BAD_REQUEST },
		{ "GET /v1/requests?waiting=you", PROBLEM_BAD_REQUEST }, { "GET /v1/requests?state=", PROBLEM_BAD_REQUEST },
		{ "GET /v1/requests?state=a&state=b", PROBLEM_BAD_REQUEST }, { "GET /v1/requests?limit=1001", PROBLEM_BAD_REQUEST },
		{ "GET /v1/requests?limit=0", PROBLEM_BAD_REQUEST }, { "GET /v1/requests?cursor=", PROBLEM_BAD_REQUEST },
		{ "GET /v1/request", PROBLEM_NOT_FOUND }, { "GET /v1/requestss", PROBLEM_NOT_FOUND }, { "GET /v1/consents",
		    PROBLEM_NOT_FOUND },
		{ "GET /v1/requests/", PROBLEM_NOT_FOUND }, { "GET /v1/requests/0001", PROBLEM_NOT_FOUND },
		{ "GET /v1/requests/" HEX_ID "/x", PROBLEM_NOT_FOUND }, { "POST /v1/requests/" HEX_ID ":", PROBLEM_NOT_FOUND },
		{ "POST /v1/requests/" HEX_ID ":Approve", PROBLEM_NOT_FOUND }, { "POST /v1/requests/" HEX_ID ":re-do", PROBLEM_NOT_FOUND },
		{ "POST /v1/requests/" HEX_ID ":abcdefghijklmnopqrstuvwxyzabcdefg", PROBLEM_NOT_FOUND },
		{ "GET /v1/requests/" HEX_ID ":approve", PROBLEM_METHOD_NOT_ALLOWED }, { "PUT /v1/requests", PROBLEM_METHOD_NOT_ALLOWED },
		{ "DELETE /v1/grants/" HEX_ID, PROBLEM_METHOD_NOT_ALLOWED }, { "PUT /v1/records:import", PROBLEM_METHOD_NOT_ALLOWED },
		{ "GET /v1/sys/policy?x=1", PROBLEM_BAD_REQUEST }, { "POST /v1/grants", PROBLEM_METHOD_NOT_ALLOWED },
		{ "GET /v1/sys/directory?x=1", PROBLEM_BAD_REQUEST }, { "POST /v1/sys/directory", PROBLEM_METHOD_NOT_ALLOWED },
		{ "POST /v1/keys", PROBLEM_METHOD_NOT_ALLOWED }, { "GET /v1/keys/", PROBLEM_NOT_FOUND },
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), "%s" PLAIN, cases[i].line);
		if (problem_in(text) != cases[i].problem)
			fail_msg("%s: %d", cases[i].line, problem_in(text));
	}
}

static void long_text_of_an_object_is_taken_whole(void **state)
{
	size_t n = 200000, head;
	char *text = malloc(n + 1024);
	struct taken t;
	struct wire_gov_create m;
	struct wire_field f;

	(void)state;
	assert_non_null(text);
	head = (size_t)snprintf(text, 1024, "POST /v1/requests" HTTP11 BEARER JSON_TYPE "Content-Length: %zu\r\n\r\n{\"document\":\"",
	    n + 15);
	memset(text + head, 'A', n);
	memcpy(text + head + n, "\"}", 3);
	memset(&t, 0, sizeof(t));
	(void)arena_start();
	buf_init(&t.in, 4u << 20);
	buf_init(&t.body, MESSAGE_TO_CORE_MAX);
	http_init(&t.http, 1u << 20);
	buf_put(&t.in, text, head + n + 2);
	http_execute(&t.http, &t.in);
	exchange_begin(&t.x, &t.http, &t.in);
	assert_true(exchange_message(&t.x, &t.http, &t.in, &t.body, &t.type));
	assert_int_equal(t.type, MSG_GOV_CREATE);
	assert_int_equal(wire_gov_create_decode(t.body.p, t.body.n, &m), 0);
	f = field(&m.fields, "document", VALUE_TEXT);
	assert_int_equal(f.value.n, n);
	taken_free(&t);
	free(text);
}

/* ---- answers ------------------------------------------------------------------------------------------------------- */

struct rig {
	struct taken t;
	struct reply r;
	struct front_limits limits;
	struct buf answer;
	json_t *json;
};

static void begin(struct rig *g, struct taken t)
{
	const struct front_options o = { .demo = true, .version = "1" };

	memset(g, 0, sizeof(*g));
	g->t = t;
	assert_int_equal(reply_init(&g->r, &o, &g->limits), 0);
	buf_init(&g->answer, 1u << 20);
	wire_answer_head(&g->answer, 0, 77);
}

static void finish(struct rig *g, int status)
{
	assert_true(buf_ok(&g->answer));
	assert_int_equal(reply_answer(&g->r, &g->t.x, g->answer.p, g->answer.n), 0);
	assert_int_equal(g->r.status, status);
	g->json = json_loadb((const char *)g->r.body.p, g->r.body.n, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(g->json);
}

/* Each cut of the answer is core's fault, and never a half answer. */
static void end(struct rig *g)
{
	for (size_t n = WIRE_ANSWER_HEAD; n < g->answer.n; n++) {
		reply_reset(&g->r);
		assert_int_equal(reply_answer(&g->r, &g->t.x, g->answer.p, n), CV_ERR_FORMAT);
	}
	json_decref(g->json);
	taken_free(&g->t);
	reply_free(&g->r);
	buf_free(&g->answer);
}

static void put_object(struct buf *b)
{
	static const uint8_t list[] = { 0, 1, 3, 0, 0, 0, 1, 'a' };
	uint8_t three[8] = { 0, 0, 0, 0, 0, 0, 0, 3 };
	size_t at;

	wire_gov_object_head(b, id);
	at = wire_count_begin(b);
	wire_field_put(b, "state", 5, VALUE_TEXT, "pending", 7);
	wire_field_put(b, "fields", 6, VALUE_LIST, list, sizeof(list));
	wire_field_put(b, "reads", 5, VALUE_INTEGER, three, sizeof(three));
	wire_count_end(b, at, 3);
}

static void object_is(json_t *o)
{
	assert_int_equal(json_object_size(o), 4);
	assert_string_equal(json_string_value(json_object_get(o, "id")), HEX_ID);
	assert_string_equal(json_string_value(json_object_get(o, "state")), "pending");
	assert_string_equal(json_string_value(json_array_get(json_object_get(o, "fields"), 0)), "a");
	assert_int_equal(json_integer_value(json_object_get(o, "reads")), 3);
}

static void object_answers_with_its_fields_beside_its_id(void **state)
{
	struct rig g;
	const char line[] = "Location: /v1/requests/" HEX_ID "\r\n";

	(void)state;
	begin(&g, asks_body("POST /v1/requests", "{}", MSG_GOV_CREATE));
	put_object(&g.answer);
	finish(&g, 201);
	object_is(g.json);
	assert_non_null(memmem(g.r.head.p, g.r.head.n, line, sizeof(line) - 1));
	end(&g);
	begin(&g, asks("POST /v1/requests/" HEX_ID ":approve" PLAIN, MSG_GOV_ACT));
	put_object(&g.answer);
	finish(&g, 200);
	object_is(g.json);
	end(&g);
	begin(&g, asks("GET /v1/requests/" HEX_ID PLAIN, MSG_GOV_GET));
	put_object(&g.answer);
	finish(&g, 200);
	object_is(g.json);
	end(&g);
}

static void list_answers_under_the_collections_name(void **state)
{
	struct rig g;
	size_t at;

	(void)state;
	begin(&g, asks("GET /v1/delegations" PLAIN, MSG_GOV_LIST));
	at = wire_count_begin(&g.answer);
	put_object(&g.answer);
	put_object(&g.answer);
	wire_count_end(&g.answer, at, 2);
	wire_text16_put(&g.answer, "next", 4);
	finish(&g, 200);
	assert_int_equal(json_array_size(json_object_get(g.json, "delegations")), 2);
	object_is(json_array_get(json_object_get(g.json, "delegations"), 1));
	assert_string_equal(json_string_value(json_object_get(g.json, "cursor")), "next");
	end(&g);
}

static void work_list_answers_null_for_what_head_has_not(void **state)
{
	const struct wire_listed r = { id, { "2026Q4", 6 }, { "", 0 }, { "1101", 4 } };
	struct rig g;
	size_t at;
	json_t *first;

	(void)state;
	begin(&g, asks("GET /v1/records" PLAIN, MSG_LIST));
	at = wire_count_begin(&g.answer);
	wire_listed_put(&g.answer, &r);
	wire_count_end(&g.answer, at, 1);
	wire_text16_put(&g.answer, "", 0);
	finish(&g, 200);
	first = json_array_get(json_object_get(g.json, "records"), 0);
	assert_string_equal(json_string_value(json_object_get(first, "id")), HEX_ID);
	assert_string_equal(json_string_value(json_object_get(first, "due")), "2026Q4");
	assert_true(json_is_null(json_object_get(first, "state")));
	assert_string_equal(json_string_value(json_object_get(first, "area")), "1101");
	assert_true(json_is_null(json_object_get(g.json, "cursor")));
	end(&g);
}

static void fault_of_a_member_points_at_the_member(void **state)
{
	const struct wire_field_error e = { { "until", 5 }, { "validation", 10 }, { "a day", 5 } };
	const struct wire_problem m = { .retry_after_s = 0 };
	struct rig g;
	size_t at;

	(void)state;
	begin(&g, asks_body("POST /v1/delegations", "{\"until\":\"x\"}", MSG_GOV_CREATE));
	buf_reset(&g.answer);
	wire_answer_head(&g.answer, PROBLEM_VALIDATION, 77);
	wire_problem_put(&g.answer, &m);
	at = wire_count_begin(&g.answer);
	wire_error_put(&g.answer, &e);
	wire_count_end(&g.answer, at, 1);
	finish(&g, 422);
	assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(g.json, "errors"), 0), "pointer")), "#/until");
	end(&g);
}

static void answers_bytes(const char *line, uint8_t message)
{
	struct rig g;

	begin(&g, asks(line, message));
	buf_put(&g.answer, "\0\1\2", 3);
	assert_int_equal(reply_answer(&g.r, &g.t.x, g.answer.p, g.answer.n), 0);
	assert_int_equal(g.r.status, 200);
	assert_int_equal(g.r.body.n, 3);
	assert_memory_equal(g.r.body.p, "\0\1\2", 3);
	taken_free(&g.t);
	reply_free(&g.r);
	buf_free(&g.answer);
}

static void policy_and_directory_answer_their_bytes(void **state)
{
	(void)state;
	answers_bytes("GET /v1/sys/policy" PLAIN, MSG_POLICY);
	answers_bytes("GET /v1/sys/directory" PLAIN, MSG_DIRECTORY);
}

/* The path with what stands in for each of its parameters. */
static size_t filled(const char *path, char *ret, size_t size)
{
	size_t n = 0;

	while (*path != '\0' && n + 40 < size) {
		if (*path != '{') {
			ret[n++] = *path++;
			continue;
		}
		n += (size_t)snprintf(ret + n, size - n, "%s", strncmp(path, "{level}", 7) == 0 ? "0" : strncmp(path, "{n}", 3) == 0 ?
		    "000" : HEX_ID);
		path = strchr(path, '}') + 1;
	}
	return n;
}

static void every_operation_of_the_document_has_its_route(void **state)
{
	static const struct {
		const char *name;
		uint8_t method;
	} methods[] = { { "get", METHOD_GET }, { "post", METHOD_POST }, { "put", METHOD_PUT }, { "patch", METHOD_PATCH }, { "delete",
	    METHOD_DELETE } };
	json_t *j = json_loadb((const char *)openapi_json, (size_t)(openapi_json_end - openapi_json), JSON_REJECT_DUPLICATES, NULL), *item;
	const char *path;
	char text[256];

	(void)state;
	assert_non_null(j);
	json_object_foreach(json_object_get(j, "paths"), path, item) {
		size_t n = filled(path, text, sizeof(text));
		uint8_t described = 0;
		struct exchange x;

		for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
			described |= json_object_get(item, methods[i].name) != NULL ? methods[i].method : 0;
		memset(&x, 0, sizeof(x));
		route_find(&x, 0, text, n, 0);
		if (x.allow != described)
			fail_msg("%s: methods %x, described %x", path, x.allow, described);
	}
	json_decref(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_of_a_body_are_the_fields_of_the_message),
		cmocka_unit_test(objects_are_read_listed_and_acted_on_by_path),
		cmocka_unit_test(action_takes_a_body_or_none),
		cmocka_unit_test(filters_travel_as_texts_by_name),
		cmocka_unit_test(work_list_is_asked_by_area_due_and_state),
		cmocka_unit_test(queries_and_paths_of_objects_are_closed),
		cmocka_unit_test(long_text_of_an_object_is_taken_whole),
		cmocka_unit_test(object_answers_with_its_fields_beside_its_id),
		cmocka_unit_test(list_answers_under_the_collections_name),
		cmocka_unit_test(work_list_answers_null_for_what_head_has_not),
		cmocka_unit_test(fault_of_a_member_points_at_the_member),
		cmocka_unit_test(policy_and_directory_answer_their_bytes),
		cmocka_unit_test(every_operation_of_the_document_has_its_route),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
