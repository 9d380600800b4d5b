/*
 * A policy with an area, approvals, a hidden class, folds and a predicate, for the tests of what is refused and of what values carry. The
 * people are those of test_vault.h: a worker reads in their area under an assignment, the clerk is the officer who assigns, approves and
 * reads what is hidden, the school reads one field of health.
 */
#ifndef CV_TEST_VAULT_RULES_H
#define CV_TEST_VAULT_RULES_H

#include "base/clock.h"
#include "format/value.h"
#include "test_vault.h"
#include "vault/gov.h"

enum { CLASS_SECRET = 0x90, CLASS_FLOW = 0xC0, CLASS_STATS = 0xE0 };
enum { RULE_NAME = 1, RULE_CITY, RULE_NOTE, RULE_DIET, RULE_KINDS, RULE_PLUS, RULE_CASE, RULE_AREA, RULE_AREA_FROM, RULE_STATE, RULE_POOR,
	RULE_FIELDS = 11 };

#define FIELD(number, of, text, owned, ...) { .id = number, .class = of, .name = text, .label = LABEL, .about = "", .fold_code = "", \
	.fold_as = "", .owner = owned, __VA_ARGS__ }
#define TYPED(t, n, v) .type = t, .max_length = n, .validator = v, .shape = { .type = t, .max_length = n, .validator = v }
#define CODED(list, count, longest) .type = VALUE_CODE, .max_length = longest, \
	.shape = { .type = VALUE_CODE, .max_length = longest, .codes = list, .code_count = count }
#define LISTED(of) .type = VALUE_LIST, .max_length = 200, .shape = { .type = VALUE_LIST, .max_length = 200, .item = &of }
#define ROLE(number, text, of, what, ...) { .id = number, .name = text, .label = LABEL, .department = of, .kind = what, __VA_ARGS__ }

/* What the next policy says; whether reads ask where values come from. */
static bool rules_school_reads_all;
static uint16_t rules_school_budget;
static uint16_t rules_plus_owner = 1;	/* 3: the officer's, whom worker and intake hand nothing in for */
static bool rules_told = true;
static bool rules_receipts;	/* the state is a guardian's standing too; worker and officer list accesses */

static inline void rules_policy(struct buf *ret)
{
	static const struct policy_department departments[] = { { 1, "MZ", LABEL }, { 2, "JY", LABEL },
		{ 3, "GA", { "公安", "Public security" } } };
	static const struct policy_purpose purposes[] = { { 1, "intake", LABEL, false }, { 2, "visit", LABEL, false },
		{ 3, "judicial", LABEL, true } };
	static const struct policy_class classes[] = { { CLASS_ID, "identity", LABEL, "", 3, false },
		{ CLASS_HEALTH, "health", LABEL, "", 4, false }, { CLASS_SECRET, "secret", LABEL, "a law", 5, true },
		{ CLASS_FLOW, "workflow", LABEL, "", 2, false }, { CLASS_STATS, "stats", LABEL, "", 2, false },
		{ CLASS_ID_MASKED, "identity.masked", LABEL, "", 3, false } };
	static const struct policy_code states[] = { { "active", LABEL, "" }, { "draft", LABEL, "" }, { "exited", LABEL, "" } };
	static const struct policy_code kinds[] = { { "HIV", LABEL, "" }, { "ORPHAN", LABEL, "" }, { "OTHER", LABEL, "" } };
	static const struct policy_code plus[] = { { "HIV", LABEL, "" }, { "TB", LABEL, "" } };
	static const struct policy_shape kind = { .type = VALUE_CODE, .max_length = 6, .codes = kinds, .code_count = 3 };
	static const struct policy_shape more = { .type = VALUE_CODE, .max_length = 3, .codes = plus, .code_count = 2 };
	static const char *const orphan[] = { "ORPHAN" };
	static const struct policy_member poor[] = { { "as_of", LABEL, { .type = VALUE_DATE, .max_length = 10 } },
		{ "value", LABEL, { .type = VALUE_BOOL, .max_length = 1 } },
		{ "version", LABEL, { .type = VALUE_INTEGER, .max_length = 8 } } };
	struct policy_field fields[] = {
		FIELD(RULE_NAME, CLASS_ID, "name", 1, TYPED(VALUE_TEXT, 200, VALID_V1_NAME), .purposes = 7, .cadence_months = 12,
		    .views = 1, .view = { { CLASS_ID_MASKED, VIEW_M1_NAME } }),
		FIELD(RULE_CITY, CLASS_ID, "city", 1, TYPED(VALUE_TEXT, 200, VALID_NONE), .purposes = 3, .collects = 2),
		FIELD(RULE_NOTE, CLASS_HEALTH, "note", 1, TYPED(VALUE_TEXT, 200, VALID_NONE), .purposes = 7),
		FIELD(RULE_DIET, CLASS_HEALTH, "diet", 2, TYPED(VALUE_TEXT, 200, VALID_NONE), .purposes = 3, .cadence_months = 3,
		    .delegates = 1),
		FIELD(RULE_KINDS, CLASS_ID, "kinds", 1, LISTED(kind), .purposes = 7),
		FIELD(RULE_PLUS, CLASS_SECRET, "plus", rules_plus_owner, LISTED(more), .purposes = 7),
		FIELD(RULE_CASE, CLASS_SECRET, "case", 3, TYPED(VALUE_TEXT, 200, VALID_NONE), .purposes = 6),
		FIELD(RULE_AREA, CLASS_FLOW, "area", 1, TYPED(VALUE_CODE, 12, VALID_V8_DIVISION), .purposes = 7, .is_area = true),
		FIELD(RULE_AREA_FROM, CLASS_FLOW, "area_from", 1, TYPED(VALUE_DATE, 10, VALID_NONE), .purposes = 7, .is_area_from = true),
		FIELD(RULE_STATE, CLASS_FLOW, "state", 1, CODED(states, 3, 6), .purposes = 7, .is_state = true),
		FIELD(RULE_POOR, CLASS_STATS, "poor", 1, .type = VALUE_GROUP, .max_length = 128, .purposes = 7,
		    .shape = { .type = VALUE_GROUP, .max_length = 128, .members = poor, .member_count = 3 },
		    .predicate = { .rule = PREDICATE_ANY_IN, .inputs = 1, .input = { RULE_KINDS }, .codes = orphan, .code_count = 1 }),
	};
	static const struct policy_except excepts[] = { { CLASS_HEALTH, RULE_NOTE } };
	struct policy_role roles[] = {
		ROLE(ROLE_WORKER, "worker", 1, PRINCIPAL_PERSON, .purposes = 7, .area = true, .approval = true, .acts = ACT_JOB,
		    .rights = { RIGHT_READ | RIGHT_REVEAL | RIGHT_WRITE, RIGHT_READ | RIGHT_WRITE, 0, RIGHT_READ | RIGHT_WRITE,
			RIGHT_READ | RIGHT_WRITE, RIGHT_READ }),
		ROLE(ROLE_CLERK, "officer", 3, PRINCIPAL_PERSON, .purposes = 6, .acts = ACT_ASSIGN | ACT_EXPORT,
		    .rights = { RIGHT_GRANT, RIGHT_GRANT, RIGHT_READ | RIGHT_REVEAL | RIGHT_WRITE, 0, 0, RIGHT_READ }),
		ROLE(ROLE_INTAKE, "intake", 1, PRINCIPAL_APP, .purposes = 1,
		    .rights = { RIGHT_WRITE_ONLY, RIGHT_WRITE_ONLY, RIGHT_WRITE_ONLY, RIGHT_WRITE_ONLY, 0, 0 }),
		ROLE(ROLE_AUDITOR, "auditor", 1, PRINCIPAL_AUDITOR, .audit = true, .purposes = 0),
		ROLE(ROLE_SCHOOL, "school", 2, PRINCIPAL_PERSON, .purposes = 2, .rights = { 0, RIGHT_READ | RIGHT_WRITE, 0, 0, 0, 0 },
		    .excepts = 1, .except = excepts),
	};
	const struct policy_source s = { .name = "rules", .version = 1, .departments = 3, .purposes = 3, .classes = 6,
		.fields = RULE_FIELDS, .roles = 5,
		.department = departments, .purpose = purposes, .class = classes, .field = fields, .role = roles };
	struct policy_fault fault = { 0 };
	struct policy *p;

	fields[RULE_STATE - 1].is_standing = rules_receipts;
	for (unsigned i = 0; rules_receipts && i < 2; i++)
		roles[i].acts |= ACT_RECEIPT;
	if (rules_school_reads_all)
		roles[4].rights[0] = RIGHT_READ;
	roles[4].bulk_records = rules_school_budget;
	roles[4].bulk_hours = rules_school_budget != 0 ? 24 : 0;
	fields[RULE_KINDS - 1].fold_code = "HIV";
	fields[RULE_KINDS - 1].fold_as = "OTHER";
	fields[RULE_KINDS - 1].fold_into = RULE_PLUS;
	buf_init(ret, POLICY_DOCUMENT_MAX);
	assert_int_equal(policy_encode(&s, ret), 0);
	if (policy_decode_explain(ret->p, ret->n, &p, &fault) != 0)
		fail_msg("policy: part %d, id %u: %s %s", (int)fault.part, fault.id, fault.text, fault.other);
	policy_free(p);
}

static inline int rules_setup(void **state)
{
	fixture_make_policy = rules_policy;
	fixture_area[P_WORKER] = "430422";
	return fixture_setup(state);
}

/* Sessions with the personal role beside the ordinary one, as clients open them. */
static inline void rules_login(struct fixture *f, unsigned who, uint8_t ret[32])
{
	static const uint8_t zeros[32];
	struct test_person *p = &f->person[who];
	struct wire_envelope env = { .request_id = f->request_id };
	struct wire_hello hello = { f->request_id, p->g.principal.id, zeros };
	uint16_t role[2] = { p->role, 0 }, own = p->role;
	uint8_t copy[2048], sealed[2][112], proof[16 + 16 + 32 + 1 + 2 * 118] = "cv1.proof", sig[64];
	struct wire_hello_answer h;
	struct wire_activate act = { .request_id = f->request_id, .n = 2 };
	struct wire_activate_answer a;
	size_t n;

	assert_int_equal(one_turn(f, &env, false, run_hello, &hello), 0);
	n = f->out.n - 10;
	assert_true(n <= sizeof(copy));
	memcpy(copy, f->out.p + 10, n);
	assert_int_equal(wire_hello_answer_decode(copy, n, &h), 0);
	for (unsigned i = 0; i < WIRE_ROLES_MAX; i++)
		if (role_is_personal(h.wrap[i].role)) {
			p->role = h.wrap[i].role;
			if (seal_role(f, p, &h, sealed[1]))
				role[1] = h.wrap[i].role;
		}
	p->role = own;
	assert_int_not_equal(role[1], 0);
	assert_true(seal_role(f, p, &h, sealed[0]));
	memcpy(proof + 16, h.session, 16);
	memcpy(proof + 32, h.ephemeral, 32);
	proof[64] = 2;
	for (unsigned i = 0; i < 2; i++) {
		be16_put(proof + 65 + 118 * i, role[i]);
		be32_put(proof + 67 + 118 * i, 1);
		memcpy(proof + 71 + 118 * i, sealed[i], 112);
		act.role[i] = (struct wire_role_key){ role[i], 1, sealed[i] };
	}
	crypto_sign(p->sign_sk, proof, sizeof(proof), sig);
	act.session = h.session;
	act.signature = sig;
	assert_int_equal(one_turn(f, &env, false, run_activate, &act), 0);
	assert_int_equal(wire_activate_answer_decode(f->out.p + 10, f->out.n - 10, &a), 0);
	memcpy(ret, a.token, 32);
}

struct rules_tokens {
	uint8_t of[PEOPLE][32];
};
static inline void rules_login_all(struct fixture *f, struct rules_tokens *t)
{
	static const unsigned who[] = { P_WORKER, P_CLERK, P_INTAKE, P_SCHOOL };

	for (size_t i = 0; i < sizeof(who) / sizeof(who[0]); i++)
		rules_login(f, who[i], t->of[who[i]]);
}

static inline struct wire_envelope rules_envelope(struct fixture *f, const uint8_t token[32], const char *purpose, bool clear)
{
	struct wire_envelope e = envelope(f, token, purpose, clear ? "because" : "");

	e.case_text = wire_text("K-1", 3);
	return e;
}

/* Put names separated by commas. */
static inline struct wire_list rules_names(struct buf *b, const char *names)
{
	struct wire_list l;
	struct rd rd;
	size_t at, count = 0;

	buf_init(b, 4096);
	at = wire_count_begin(b);
	for (const char *p = names; *p != '\0'; count++) {
		size_t n = strcspn(p, ",");

		wire_text8_put(b, p, n);
		p += n + (p[n] == ',');
	}
	wire_count_end(b, at, count);
	rd = rd_over(b->p, b->n);
	assert_int_equal(wire_names_get(&rd, &l), 0);
	return l;
}

/* Read fields, for an export (NULL: none); the answer stands in f->out. Returns the problem. */
static const uint8_t *rules_for_export;
static inline unsigned rules_read(struct fixture *f, const uint8_t token[32], const char *purpose, const uint8_t record[16],
    const char *names, bool clear)
{
	struct wire_envelope env = rules_envelope(f, token, purpose, clear);
	struct wire_read m = { .record = record, .view = clear ? WIRE_VIEW_CLEAR : WIRE_VIEW_DEFAULT, .provenance = rules_told,
		.export = rules_for_export };
	struct buf b;
	unsigned problem;

	m.names = rules_names(&b, names);
	problem = one_turn(f, &env, true, run_read, &m);
	buf_free(&b);
	return problem;
}

static inline unsigned rules_history(struct fixture *f, const uint8_t token[32], const char *purpose, const uint8_t record[16],
    const char *names, bool clear)
{
	struct wire_envelope env = rules_envelope(f, token, purpose, clear);
	struct wire_history m = { .record = record, .view = clear ? WIRE_VIEW_CLEAR : WIRE_VIEW_DEFAULT };
	struct buf b;
	unsigned problem;

	m.names = rules_names(&b, names);
	problem = one_turn(f, &env, true, run_history, &m);
	buf_free(&b);
	return problem;
}

static inline struct wire_read_answer rules_answer(const struct fixture *f)
{
	struct wire_read_answer a;

	assert_int_equal(wire_read_answer_decode(f->out.p + 10, f->out.n - 10, &a), 0);
	return a;
}

/* The detail of the log's leaf at index, opened with the child's key where it is about one; the leaf's kind. */
static inline uint8_t rules_leaf(struct fixture *f, uint64_t index, const uint8_t record[16], struct leaf_detail *ret)
{
	struct record rec;
	struct leaf l;
	struct buf b;
	uint8_t kind;

	assert_int_equal(vault_checkpoint_now(f->v), 0);
	buf_init(&b, 65536);
	assert_int_equal(audit_read_leaf(f->v->audit, index, &b), 0);
	assert_int_equal(leaf_decode(b.p, b.n, &l), 0);
	assert_int_equal(record_load(f->v, record, false, &rec), 0);
	assert_int_equal(audit_open_detail(&l, rec.head.log_key, ret), 0);
	kind = l.kind;
	buf_free(&b);
	return kind;
}

static inline uint64_t rules_leaf_index(const struct fixture *f)
{
	return be64_get(f->out.p + 2);
}

/* ---- values -------------------------------------------------------------------------------------------------------------- */

/* A request's fields: begin, add, end. */
struct rules_fields {
	struct buf b;
	size_t at, count;
};
static inline void rules_begin(struct rules_fields *x)
{
	buf_init(&x->b, 65536);
	x->at = wire_count_begin(&x->b);
	x->count = 0;
}
static inline void rules_text(struct rules_fields *x, const char *name, const char *value)
{
	wire_field_put(&x->b, name, strlen(name), value != NULL ? VALUE_TEXT : VALUE_NULL, value, value != NULL ? strlen(value) : 0);
	x->count++;
}
static inline void rules_number(struct rules_fields *x, const char *name, int64_t value)
{
	uint8_t p[8];

	be64_put(p, (uint64_t)value);
	wire_field_put(&x->b, name, strlen(name), VALUE_INTEGER, p, 8);
	x->count++;
}
/* A list of texts separated by commas. */
static inline void rules_texts(struct rules_fields *x, const char *name, const char *values)
{
	struct buf b;
	size_t at, count = 0;

	buf_init(&b, 65536);
	at = value_begin(&b);
	for (const char *p = values; *p != '\0'; count++) {
		size_t n = strcspn(p, ",");

		value_item_put(&b, VALUE_TEXT, p, n);
		p += n + (p[n] == ',');
	}
	value_end(&b, at, count);
	wire_field_put(&x->b, name, strlen(name), VALUE_LIST, b.p, b.n);
	x->count++;
	buf_free(&b);
}
static inline struct wire_list rules_end(struct rules_fields *x)
{
	wire_count_end(&x->b, x->at, x->count);
	return fields_of(&x->b);
}

static inline unsigned rules_create(struct fixture *f, const uint8_t token[32], const char *purpose, struct rules_fields *x,
    uint32_t as_of_day, uint8_t ret_record[16])
{
	struct wire_envelope env = rules_envelope(f, token, purpose, false);
	struct wire_create m = { .key = wire_text("", 0), .as_of_day = as_of_day, .fields = rules_end(x) };
	struct wire_create_answer a;
	unsigned problem = one_turn(f, &env, true, run_create, &m);

	if (problem == 0) {
		assert_int_equal(wire_create_answer_decode(f->out.p + 10, f->out.n - 10, &a), 0);
		memcpy(ret_record, a.record, 16);
	}
	buf_free(&x->b);
	return problem;
}

/* The version that the caller sees, where they see any. */
static inline unsigned rules_patch(struct fixture *f, const uint8_t token[32], const char *purpose, const uint8_t record[16],
    const uint8_t *etag, struct rules_fields *x, uint32_t as_of_day)
{
	struct wire_envelope env = rules_envelope(f, token, purpose, false);
	struct wire_patch m = { .record = record, .has_etag = etag != NULL, .etag = etag, .as_of_day = as_of_day, .fields = rules_end(x) };
	unsigned problem = one_turn(f, &env, true, run_patch, &m);

	buf_free(&x->b);
	return problem;
}

/* ---- governance ------------------------------------------------------------------------------------------------------------ */

static inline unsigned run_gov_create(struct vault *v, struct vault_call *c, void *m) { return vault_gov_create(v, c, m); }
static inline unsigned run_gov_act(struct vault *v, struct vault_call *c, void *m) { return vault_gov_act(v, c, m); }

static inline void rules_hex(const uint8_t id[16], char ret[33])
{
	for (unsigned i = 0; i < 16; i++)
		snprintf(ret + 2 * i, 3, "%02x", id[i]);
}

static inline void rules_until(char ret[16], int days)
{
	unsigned m, d;
	int y;

	clock_date((int32_t)(clock_wall_ms() / 86400000u) + days, &y, &m, &d);
	snprintf(ret, 16, "%04d-%02u-%02u", y % 10000, m % 100, d % 100);
}

static inline void rules_make(struct fixture *f, const uint8_t token[32], const char *collection, struct rules_fields *x,
    uint8_t ret_id[16])
{
	struct wire_envelope env = rules_envelope(f, token, "visit", true);
	struct wire_gov_create m = { .collection = wire_text(collection, strlen(collection)), .fields = rules_end(x) };

	if (one_turn(f, &env, true, run_gov_create, &m) != 0)
		fail_msg("%s: %.*s", collection, (int)f->out.p[10], (const char *)f->out.p + 11);
	memcpy(ret_id, f->out.p + 10, 16);
	buf_free(&x->b);
}

/* The officer assigns the worker to a record. */
static inline void rules_assign(struct fixture *f, const uint8_t officer[32], const uint8_t record[16], const char *purposes, int64_t level)
{
	struct rules_fields x;
	char id[33], until[16];
	uint8_t made[16];

	rules_hex(record, id);
	rules_until(until, 30);
	rules_begin(&x);
	rules_number(&x, "level", level);
	rules_text(&x, "principal", "worker");
	rules_texts(&x, "purposes", purposes);
	rules_texts(&x, "records", id);
	rules_text(&x, "until", until);
	rules_make(f, officer, "assignments", &x, made);
}

/* The officer approves a request. */
static inline void rules_approve(struct fixture *f, const uint8_t officer[32], const uint8_t id[16])
{
	struct wire_envelope env = rules_envelope(f, officer, "visit", true);
	struct wire_gov_act act = { .collection = wire_text("requests", 8), .id = id, .action = wire_text("approve", 7) };
	struct rules_fields x;

	rules_begin(&x);
	act.fields = rules_end(&x);
	if (one_turn(f, &env, true, run_gov_act, &act) != 0)
		fail_msg("approve: %.*s", (int)f->out.p[10], (const char *)f->out.p + 11);
	buf_free(&x.b);
}

/* Somebody asks for a grant of fields, and the officer approves it. */
static inline void rules_grant(struct fixture *f, const uint8_t asker[32], const uint8_t officer[32], const uint8_t record[16],
    const char *fields, int64_t reads, uint8_t ret_id[16])
{
	struct rules_fields x;
	char id[33], until[16];

	rules_hex(record, id);
	rules_until(until, 30);
	rules_begin(&x);
	rules_texts(&x, "fields", fields);
	rules_text(&x, "kind", "grant");
	rules_text(&x, "purpose", "visit");
	rules_number(&x, "reads", reads);
	rules_text(&x, "reason", "because");
	rules_text(&x, "record", id);
	rules_text(&x, "until", until);
	rules_make(f, asker, "requests", &x, ret_id);
	rules_approve(f, officer, ret_id);
}

/* Somebody asks for an export of fields of so many records, and the officer approves it. */
static inline void rules_export(struct fixture *f, const uint8_t asker[32], const uint8_t officer[32], const char *fields, int64_t records,
    uint8_t ret_id[16])
{
	struct rules_fields x;
	char until[16];

	rules_until(until, 30);
	rules_begin(&x);
	rules_texts(&x, "fields", fields);
	rules_text(&x, "kind", "export");
	rules_text(&x, "purpose", "visit");
	rules_text(&x, "reason", "because");
	rules_number(&x, "records", records);
	rules_text(&x, "until", until);
	rules_make(f, asker, "requests", &x, ret_id);
	rules_approve(f, officer, ret_id);
}

#endif
