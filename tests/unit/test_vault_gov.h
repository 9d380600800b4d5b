/* A vault with managers, areas, approvals and a budget of three records an hour, and calls about governance objects. */
#ifndef CV_TEST_VAULT_GOV_H
#define CV_TEST_VAULT_GOV_H

#include "base/clock.h"
#include "base/text.h"
#include "format/value.h"
#include "test_vault.h"
#include "vault/gov_internal.h"

#define BUDGET 3
#define EAST "110101001"
#define WEST "110101002"
enum { FIELD_PLACE = 4 };

static uint32_t gov_policy_version = 1;
static uint8_t gov_school_rights;	/* on health, in a changed policy */
static bool gov_new_class;
static bool gov_health_sealed;		/* health is of level 5 */
static bool gov_manager_area;		/* managers decide in their own area only */

static inline void gov_policy(struct buf *ret)
{
	static const struct policy_department departments[] = { { 1, "MZ", LABEL }, { 2, "JY", LABEL } };
	static const struct policy_purpose purposes[] = { { 1, "intake", LABEL, false }, { 2, "visit", LABEL, false },
		{ 3, "judicial", LABEL, false } };
	static const struct policy_class classes[] = { { CLASS_ID, "identity", LABEL, "", 3, false },
		{ CLASS_HEALTH, "health", LABEL, "", 4, false }, { 0x60, "more", LABEL, "", 3, false },
		{ CLASS_ID_MASKED, "identity.masked", LABEL, "", 3, false } };
	struct policy_class without[] = { { CLASS_ID, "identity", LABEL, "", 3, false },
		{ CLASS_HEALTH, "health", LABEL, "", 4, false }, { CLASS_ID_MASKED, "identity.masked", LABEL, "", 3, false } };
	static const struct policy_field fields[] = {
		{ .id = FIELD_NAME, .class = CLASS_ID, .name = "name", .label = LABEL, .about = "", .fold_code = "", .fold_as = "",
		    .owner = 1, .type = VALUE_TEXT, .max_length = 200, .validator = VALID_V1_NAME, .purposes = 7, .views = 1,
		    .shape = { .type = VALUE_TEXT, .max_length = 200, .validator = VALID_V1_NAME },
		    .view = { { CLASS_ID_MASKED, VIEW_M1_NAME } } },
		{ .id = FIELD_CITY, .class = CLASS_HEALTH, .name = "city", .label = LABEL, .about = "", .fold_code = "", .fold_as = "",
		    .owner = 1, .type = VALUE_TEXT, .max_length = 200, .shape = SHAPE_TEXT, .purposes = 7 },
		{ .id = FIELD_NOTE, .class = CLASS_HEALTH, .name = "note", .label = LABEL, .about = "", .fold_code = "", .fold_as = "",
		    .owner = 1, .type = VALUE_TEXT, .max_length = 200, .shape = SHAPE_TEXT, .purposes = 7 },
		{ .id = FIELD_PLACE, .class = CLASS_ID, .name = "place", .label = LABEL, .about = "", .fold_code = "", .fold_as = "",
		    .owner = 1, .type = VALUE_CODE, .max_length = 12, .padded = 12, .validator = VALID_V8_DIVISION, .is_area = true,
		    .shape = { .type = VALUE_CODE, .max_length = 12, .validator = VALID_V8_DIVISION }, .purposes = 7 },
	};
	struct policy_role roles[] = {
		{ .id = ROLE_WORKER, .name = "worker", .label = LABEL, .department = 1, .kind = PRINCIPAL_PERSON, .purposes = 7,
		    .rights = { RIGHT_READ | RIGHT_REVEAL | RIGHT_WRITE, RIGHT_READ | RIGHT_REVEAL | RIGHT_WRITE, RIGHT_READ } },
		{ .id = ROLE_CLERK, .name = "clerk", .label = LABEL, .department = 1, .kind = PRINCIPAL_PERSON, .purposes = 3, .area = true,
		    .approval = true, .bulk_records = BUDGET, .bulk_hours = 1, .rights = { RIGHT_READ, RIGHT_READ, RIGHT_READ } },
		{ .id = ROLE_INTAKE, .name = "intake", .label = LABEL, .department = 1, .kind = PRINCIPAL_APP, .purposes = 1,
		    .rights = { RIGHT_WRITE_ONLY, RIGHT_WRITE_ONLY, 0 } },
		{ .id = ROLE_AUDITOR, .name = "auditor", .label = LABEL, .department = 1, .kind = PRINCIPAL_AUDITOR, .audit = true },
		{ .id = ROLE_SCHOOL, .name = "school", .label = LABEL, .department = 2, .kind = PRINCIPAL_PERSON, .purposes = 2 },
		{ .id = ROLE_MANAGER, .name = "manager", .label = LABEL, .department = 1, .kind = PRINCIPAL_PERSON, .purposes = 7,
		    .acts = ACT_ASSIGN | ACT_BULK | ACT_EXPORT, .rights = { RIGHT_GRANT, RIGHT_GRANT, 0 } },
	};
	struct policy_source s = { .name = "test", .version = gov_policy_version, .departments = 2, .purposes = 3,
		.classes = gov_new_class ? 4 : 3, .fields = 4, .roles = 6, .department = departments, .purpose = purposes,
		.class = gov_new_class ? classes : without, .field = fields, .role = roles };
	struct policy_fault fault = { 0 };
	struct policy *p;

	roles[4].rights[1] = gov_school_rights;
	roles[5].area = gov_manager_area;
	if (gov_health_sealed) {
		without[1].level = 5;
		without[1].legal = "法";
	}
	if (gov_new_class)
		for (unsigned i = 0; i < 6; i++) {
			roles[i].rights[3] = roles[i].rights[2];
			roles[i].rights[2] = 0;
		}
	buf_init(ret, POLICY_DOCUMENT_MAX);
	assert_int_equal(policy_encode(&s, ret), 0);
	if (policy_decode_explain(ret->p, ret->n, &p, &fault) != 0)
		fail_msg("policy: part %d, id %u: %s %s", (int)fault.part, fault.id, fault.text, fault.other);
	policy_free(p);
}

static inline int gov_setup(void **state)
{
	fixture_make_policy = gov_policy;
	gov_policy_version = 1;
	gov_school_rights = 0;
	gov_new_class = false;
	fixture_area[P_CLERK] = EAST;
	return fixture_setup(state);
}

/* Tokens of everybody who takes part. */
struct cast {
	uint8_t worker[32], clerk[32], school[32], manager[32], deputy[32], intake[32];
};
static inline void cast(struct fixture *f, struct cast *ret)
{
	assert_int_equal(login(f, P_WORKER, ret->worker), 0);
	assert_int_equal(login(f, P_CLERK, ret->clerk), 0);
	assert_int_equal(login(f, P_SCHOOL, ret->school), 0);
	assert_int_equal(login(f, P_MANAGER, ret->manager), 0);
	assert_int_equal(login(f, P_DEPUTY, ret->deputy), 0);
	assert_int_equal(login(f, P_INTAKE, ret->intake), 0);
}

static inline void new_child(struct fixture *f, const struct cast *who, const char *place, uint8_t ret[16])
{
	uint8_t etag[16];

	assert_int_equal(create(f, who->worker, "visit", "", ret, etag, "name", "张小明", "place", place, "city", "某市", "note", "过敏",
	    NULL), 0);
}

/* ---- bodies ------------------------------------------------------------------------------------------------------- */

struct body {
	struct buf b, list;
	size_t at, count;
};
static inline void body_begin(struct body *x)
{
	buf_init(&x->b, 1u << 20);
	buf_init(&x->list, 1u << 20);
	x->at = wire_count_begin(&x->b);
	x->count = 0;
}
static inline void body_put(struct body *x, const char *name, uint8_t type, const void *p, size_t n)
{
	wire_field_put(&x->b, name, strlen(name), type, p, n);
	x->count++;
}
static inline void body_text(struct body *x, const char *name, const char *text) { body_put(x, name, VALUE_TEXT, text, strlen(text)); }
static inline void body_number(struct body *x, const char *name, int64_t n)
{
	uint8_t p[8];

	be64_put(p, (uint64_t)n);
	body_put(x, name, VALUE_INTEGER, p, 8);
}
/* A list of texts with a blank between two. */
static inline void body_texts(struct body *x, const char *name, const char *texts)
{
	size_t at, count = 0;

	buf_reset(&x->list);
	at = value_begin(&x->list);
	for (const char *p = texts; *p != '\0'; count++) {
		size_t n = strcspn(p, " ");

		value_item_put(&x->list, VALUE_TEXT, p, n);
		p += n + (p[n] == ' ');
	}
	value_end(&x->list, at, count);
	body_put(x, name, VALUE_LIST, x->list.p, x->list.n);
}
static inline void body_ids(struct body *x, const char *name, uint8_t (*ids)[16], size_t n)
{
	size_t at;
	char hex[33];

	buf_reset(&x->list);
	at = value_begin(&x->list);
	for (size_t i = 0; i < n; i++) {
		hex_encode(ids[i], 16, hex);
		value_item_put(&x->list, VALUE_TEXT, hex, 32);
	}
	value_end(&x->list, at, n);
	body_put(x, name, VALUE_LIST, x->list.p, x->list.n);
}
static inline void body_id(struct body *x, const char *name, const uint8_t id[16])
{
	char hex[33];

	hex_encode(id, 16, hex);
	body_text(x, name, hex);
}
static inline void body_day(struct body *x, const char *name, int days)
{
	char text[32];
	unsigned month, day;
	int year;

	clock_date((int32_t)(clock_wall_ms() / 86400000u) + days, &year, &month, &day);
	snprintf(text, sizeof(text), "%04d-%02u-%02u", year, month, day);
	body_text(x, name, text);
}

/* ---- calls -------------------------------------------------------------------------------------------------------- */

static inline unsigned run_gov_create(struct vault *v, struct vault_call *c, void *m) { return vault_gov_create(v, c, m); }
static inline unsigned run_gov_get(struct vault *v, struct vault_call *c, void *m) { return vault_gov_get(v, c, m); }
static inline unsigned run_gov_list(struct vault *v, struct vault_call *c, void *m) { return vault_gov_list(v, c, m); }
static inline unsigned run_gov_act(struct vault *v, struct vault_call *c, void *m) { return vault_gov_act(v, c, m); }

/* One call of a turn of its own: besides leaf 22, key segments and merges it has one leaf. */
static inline unsigned gov_turn(struct fixture *f, const struct wire_envelope *env, test_run run, void *m)
{
	unsigned problem = one_turn(f, env, true, run, m);
	struct rd rd = rd_over(f->out.p, f->out.n);
	uint16_t answered;
	uint64_t leaf;

	if (fixture_turn != NULL)
		return problem;
	assert_int_equal(wire_answer_get(&rd, &answered, &leaf), 0);
	assert_int_not_equal(leaf, MESSAGE_NO_LEAF);
	assert_int_equal(f->v->call.kind, problem != 0 ? LEAF_REFUSED : f->v->call.kind);
	return problem;
}

/* The body is freed; the id of a made object goes to ret, which may be NULL. */
static inline unsigned gov_post(struct fixture *f, const uint8_t token[32], const char *collection, struct body *x, uint8_t ret[16])
{
	struct wire_envelope env = envelope(f, token, "", "");
	struct wire_gov_create m = { .collection = wire_text(collection, strlen(collection)) };
	struct wire_gov_object o;
	unsigned problem;

	wire_count_end(&x->b, x->at, x->count);
	m.fields = fields_of(&x->b);
	problem = gov_turn(f, &env, run_gov_create, &m);
	if (problem == 0) {
		assert_int_equal(wire_gov_object_decode(f->out.p + 10, f->out.n - 10, &o), 0);
		if (ret != NULL)
			memcpy(ret, o.id, 16);
	}
	buf_free(&x->b);
	buf_free(&x->list);
	return problem;
}

static inline unsigned gov_act_with(struct fixture *f, const uint8_t token[32], const char *collection, const uint8_t id[16],
    const char *action, struct body *x)
{
	struct wire_envelope env = envelope(f, token, "", "");
	struct wire_gov_act m = { .collection = wire_text(collection, strlen(collection)), .id = id,
		.action = wire_text(action, strlen(action)) };
	unsigned problem;

	wire_count_end(&x->b, x->at, x->count);
	m.fields = fields_of(&x->b);
	problem = gov_turn(f, &env, run_gov_act, &m);
	buf_free(&x->b);
	buf_free(&x->list);
	return problem;
}

static inline unsigned gov_do(struct fixture *f, const uint8_t token[32], const char *collection, const uint8_t id[16], const char *action)
{
	struct body x;

	body_begin(&x);
	return gov_act_with(f, token, collection, id, action, &x);
}

/* A text member of an object, "" if it is not there; numbers as digits. */
static inline void member_of(struct wire_list fields, const char *name, char ret[128])
{
	struct wire_field w;

	ret[0] = '\0';
	while (wire_fields_next(&fields, &w))
		if (w.name.n == strlen(name) && memcmp(w.name.p, name, w.name.n) == 0) {
			if (w.value.type == VALUE_INTEGER)
				snprintf(ret, 128, "%lld", (long long)value_integer(w.value.p));
			else
				snprintf(ret, 128, "%.*s", (int)w.value.n, (const char *)w.value.p);
		}
}

static inline unsigned gov_show(struct fixture *f, const uint8_t token[32], const char *collection, const uint8_t id[16], const char *name,
    char ret[128])
{
	struct wire_envelope env = envelope(f, token, "", "");
	struct wire_gov_get m = { .collection = wire_text(collection, strlen(collection)), .id = id };
	struct wire_gov_object o;
	unsigned problem = gov_turn(f, &env, run_gov_get, &m);

	if (problem == 0) {
		assert_int_equal(wire_gov_object_decode(f->out.p + 10, f->out.n - 10, &o), 0);
		assert_memory_equal(o.id, id, 16);
		member_of(o.fields, name, ret);
	}
	return problem;
}

/* How many objects a list shows; filter is "" or name=value. The cursor stands in cursor before and after. */
static inline unsigned gov_count(struct fixture *f, const uint8_t token[32], const char *collection, const char *filter, uint16_t limit,
    char cursor[WIRE_CURSOR_MAX + 1], unsigned *ret)
{
	struct wire_envelope env = envelope(f, token, "", "");
	struct wire_gov_list m = { .collection = wire_text(collection, strlen(collection)), .limit = limit,
		.cursor = wire_text(cursor, strlen(cursor)) };
	struct wire_gov_objects a;
	struct body x;
	char name[32] = "";
	unsigned problem;

	body_begin(&x);
	if (filter[0] != '\0') {
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(filter, "="), filter);
		body_text(&x, name, strchr(filter, '=') + 1);
	}
	wire_count_end(&x.b, x.at, x.count);
	m.fields = fields_of(&x.b);
	if ((problem = gov_turn(f, &env, run_gov_list, &m)) == 0) {
		assert_int_equal(wire_gov_objects_decode(f->out.p + 10, f->out.n - 10, &a), 0);
		*ret = a.objects.count;
		snprintf(cursor, WIRE_CURSOR_MAX + 1, "%.*s", (int)a.cursor.n, a.cursor.p);
	}
	buf_free(&x.b);
	buf_free(&x.list);
	return problem;
}

/* The last call was refused for this reason, and its leaf says so. */
static inline void assert_reason(struct fixture *f, enum decision_reason why)
{
	assert_int_equal(f->v->call.rule, why);
	assert_int_equal(f->v->call.kind, LEAF_REFUSED);
	assert_int_equal(f->v->call.detail.outcome, OUTCOME_REASON + (unsigned)why);
}
#define refused(f, call, expected, why)				\
	do {							\
		assert_int_equal(call, expected);		\
		assert_reason(f, why);				\
	} while (0)

static inline unsigned assign(struct fixture *f, const uint8_t token[32], const char *principal, uint8_t (*records)[16], size_t n,
    const char *purposes, int level, uint8_t ret[16])
{
	struct body x;

	body_begin(&x);
	body_text(&x, "principal", principal);
	body_ids(&x, "records", records, n);
	body_texts(&x, "purposes", purposes);
	body_day(&x, "until", 30);
	if (level != 0)
		body_number(&x, "level", level);
	return gov_post(f, token, "assignments", &x, ret);
}

static inline unsigned ask_grant(struct fixture *f, const uint8_t token[32], const uint8_t record[16], const char *fields, int reads,
    uint8_t ret[16])
{
	struct body x;

	body_begin(&x);
	body_text(&x, "kind", "grant");
	body_id(&x, "record", record);
	body_texts(&x, "fields", fields);
	body_text(&x, "purpose", "visit");
	body_text(&x, "reason", "school nurse");
	body_day(&x, "until", 7);
	body_number(&x, "reads", reads);
	return gov_post(f, token, "requests", &x, ret);
}

static inline unsigned delegate(struct fixture *f, const uint8_t token[32], const char *principal, const char *purposes, const char *area,
    uint8_t ret[16])
{
	struct body x;

	body_begin(&x);
	body_text(&x, "principal", principal);
	body_texts(&x, "purposes", purposes);
	body_text(&x, "area", area);
	body_day(&x, "until", 5);
	return gov_post(f, token, "delegations", &x, ret);
}

/* Change an object behind the calls' backs, as its row would be if time had passed. */
static inline void gov_change(struct fixture *f, uint16_t type, const uint8_t id[16], void (*change)(struct gov_object *o))
{
	uint8_t body[5] = { 3 };
	struct gov_object o;

	assert_int_equal(vault_turn_begin(f->v), 0);
	o = gov_find(f->v, type, id)->held->o;
	change(&o);
	assert_int_equal(gov_store(f->v, gov_find(f->v, type, id), &o), 0);
	assert_int_equal(vault_system_leaf(f->v, LEAF_MERGE, body, 5, true, clock_wall_ms()), 0);
	store_commit(f->v->store);
	gov_commit(f->v);
	assert_int_equal(vault_turn_end(f->v), 0);
}
static inline void end_yesterday(struct gov_object *o) { o->prefix.due_day = (uint32_t)(clock_wall_ms() / 86400000u); }

static inline void restart(struct fixture *f)
{
	vault_close(f->v);
	fixture_open(f);
}

#endif
