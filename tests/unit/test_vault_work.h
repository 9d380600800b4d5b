/* A policy with a work list, jobs, areas, assignments and a budget, for the tests of these. The people are those of test_vault.h. */
#ifndef CV_TEST_VAULT_WORK_H
#define CV_TEST_VAULT_WORK_H

#include "base/clock.h"
#include "test_vault.h"

enum { CLASS_FLOW = 0xC0, CLASS_STATS = 0xE0 };
enum { WORK_NAME = 1, WORK_HOME, WORK_DUE, WORK_STATE, WORK_LEVEL, WORK_CARE, WORK_NEEDS_CARE, WORK_IS_MILD, WORK_IS_JUDGED };

/* What the next document says. */
static enum view_op work_name_op = VIEW_M1_NAME;
static uint32_t work_version = 1;
static bool work_due = true;	/* the due quarter comes from a field */
static bool work_standing;	/* the state says a guardian's standing too */
static bool work_neighbours;	/* two predicates among their inputs */
static bool work_reads_stats;	/* the worker reads what is computed, and the clerk writes it */

#define FIELD(number, of, text, ...) { .id = number, .class = of, .name = text, .label = LABEL, .about = "", .fold_code = "", \
	.fold_as = "", .owner = 1, .purposes = 7, __VA_ARGS__ }
#define TYPED(t, n, v) .type = t, .max_length = n, .validator = v, .shape = { .type = t, .max_length = n, .validator = v }
#define CODED(list, count, longest) .type = VALUE_CODE, .max_length = longest, \
	.shape = { .type = VALUE_CODE, .max_length = longest, .codes = list, .code_count = count }
/* A worker does everything and starts jobs, a clerk reads in their area, a school under an assignment with a budget of three. */
#define ROLE(number, text, of, what, ...) { .id = number, .name = text, .label = LABEL, .department = of, .kind = what, __VA_ARGS__ }
#define RIGHTS_ALL (RIGHT_READ | RIGHT_REVEAL | RIGHT_WRITE)

static inline void work_policy(struct buf *ret)
{
	static const struct policy_department departments[] = { { 1, "MZ", LABEL }, { 2, "JY", LABEL } };
	static const struct policy_purpose purposes[] = { { 1, "intake", LABEL, false }, { 2, "visit", LABEL, false },
		{ 3, "judicial", LABEL, true } };
	static const struct policy_class classes[] = { { CLASS_ID, "identity", LABEL, "", 3, false },
		{ CLASS_HEALTH, "health", LABEL, "", 4, false }, { CLASS_FLOW, "workflow", LABEL, "", 2, false },
		{ CLASS_STATS, "stats", LABEL, "", 2, false }, { CLASS_ID_MASKED, "identity.masked", LABEL, "", 3, false } };
	static const struct policy_code states[] = { { "active", LABEL, "" }, { "draft", LABEL, "" }, { "exited", LABEL, "" } };
	static const struct policy_code levels[] = { { "mild", LABEL, "" }, { "severe", LABEL, "" } };
	static const struct policy_shape level = { .type = VALUE_CODE, .max_length = 6, .codes = levels, .code_count = 2 };
	static const char *const severe[] = { "severe" }, *const mild[] = { "mild" };
	static const struct policy_member needs[] = { { "as_of", LABEL, { .type = VALUE_DATE, .max_length = 10 } },
		{ "value", LABEL, { .type = VALUE_BOOL, .max_length = 1 } },
		{ "version", LABEL, { .type = VALUE_INTEGER, .max_length = 8 } } };
	const struct policy_field fields[] = {
		FIELD(WORK_NAME, CLASS_ID, "name", TYPED(VALUE_TEXT, 200, VALID_V1_NAME), .views = work_name_op != 0,
		    .view = { { CLASS_ID_MASKED, work_name_op } }),
		FIELD(WORK_HOME, CLASS_ID, "home", TYPED(VALUE_CODE, 12, VALID_V8_DIVISION), .is_area = true),
		FIELD(WORK_DUE, CLASS_FLOW, "due", TYPED(VALUE_DATE, 10, VALID_NONE), .is_due = work_due),
		FIELD(WORK_STATE, CLASS_FLOW, "state", CODED(states, 3, 6), .is_state = true, .is_standing = work_standing),
		FIELD(WORK_LEVEL, CLASS_HEALTH, "level", CODED(levels, 2, 6)),
		FIELD(WORK_CARE, CLASS_HEALTH, "care", .type = VALUE_LIST, .max_length = 200,
		    .shape = { .type = VALUE_LIST, .max_length = 200, .item = &level }),
		FIELD(WORK_NEEDS_CARE, CLASS_STATS, "needs_care", .type = VALUE_GROUP, .max_length = 128,
		    .shape = { .type = VALUE_GROUP, .max_length = 128, .members = needs, .member_count = 3 },
		    .predicate = { .rule = PREDICATE_ANY_IN, .inputs = 2, .input = { WORK_LEVEL, WORK_CARE },
		        .codes = severe, .code_count = 1 }),
		FIELD(WORK_IS_MILD, CLASS_HEALTH, "is_mild", .type = VALUE_GROUP, .max_length = 128,
		    .shape = { .type = VALUE_GROUP, .max_length = 128, .members = needs, .member_count = 3 },
		    .predicate = { .rule = PREDICATE_ALL_IN, .inputs = 1, .input = { WORK_LEVEL }, .codes = mild, .code_count = 1 }),
		FIELD(WORK_IS_JUDGED, CLASS_HEALTH, "is_judged", .type = VALUE_GROUP, .max_length = 128,
		    .shape = { .type = VALUE_GROUP, .max_length = 128, .members = needs, .member_count = 3 },
		    .predicate = { .rule = PREDICATE_ANY_PRESENT, .inputs = 2, .input = { WORK_LEVEL, WORK_CARE } }),
	};
	const struct policy_role roles[] = {
		ROLE(ROLE_WORKER, "worker", 1, PRINCIPAL_PERSON, .purposes = 7, .acts = ACT_JOB | ACT_ASSIGN,
		    .rights = { RIGHTS_ALL, RIGHTS_ALL, RIGHTS_ALL, work_reads_stats ? RIGHT_READ : RIGHTS_ALL, RIGHT_READ }),
		ROLE(ROLE_CLERK, "clerk", 1, PRINCIPAL_PERSON, .purposes = 3, .area = true, .acts = ACT_JOB,
		    .rights = { 0, work_reads_stats ? RIGHT_READ : 0, RIGHT_READ, work_reads_stats ? RIGHTS_ALL : RIGHT_READ, RIGHT_READ }),
		ROLE(ROLE_INTAKE, "intake", 1, PRINCIPAL_APP, .purposes = 1,
		    .rights = { RIGHT_WRITE_ONLY, RIGHT_WRITE_ONLY, RIGHT_WRITE_ONLY }),
		ROLE(ROLE_AUDITOR, "auditor", 1, PRINCIPAL_AUDITOR, .audit = true, .purposes = 0),
		ROLE(ROLE_SCHOOL, "school", 2, PRINCIPAL_PERSON, .purposes = 2, .approval = true, .bulk_records = 3, .bulk_hours = 24,
		    .rights = { 0, 0, RIGHT_READ }),
	};
	const struct policy_source s = { .name = "work", .version = work_version, .departments = 2, .purposes = 3, .classes = 5,
		.fields = work_neighbours ? 9 : 7, .roles = 5, .department = departments, .purpose = purposes, .class = classes,
		.field = fields, .role = roles };
	struct policy_fault fault = { 0 };
	struct policy *p;

	buf_init(ret, POLICY_DOCUMENT_MAX);
	assert_int_equal(policy_encode(&s, ret), 0);
	if (policy_decode_explain(ret->p, ret->n, &p, &fault) != 0)
		fail_msg("policy: part %d, id %u: %s %s", (int)fault.part, fault.id, fault.text, fault.other);
	policy_free(p);
}

static inline int work_setup(void **state)
{
	work_name_op = VIEW_M1_NAME;
	work_version = 1;
	work_due = true;
	work_standing = false;
	work_neighbours = work_reads_stats = false;
	fixture_turn_end = 0;
	fixture_turn_open = false;
	fixture_make_policy = work_policy;
	fixture_area[P_CLERK] = "520102";
	return fixture_setup(state);
}

/* Slices until nothing waits. */
static inline void work_on(struct fixture *f)
{
	for (unsigned i = 0; vault_busy(f->v) && i < 100000; i++)
		vault_work(f->v, 1000000);
	assert_false(vault_busy(f->v));
}

/* Put another document into force, as an approved request does. */
static inline void work_policy_changes(struct fixture *f)
{
	struct vault *v = f->v;
	struct policy *p;
	struct buf doc;
	struct part part;

	work_version++;
	work_policy(&doc);
	assert_int_equal(policy_decode(doc.p, doc.n, &p), 0);
	assert_int_equal(vault_turn_begin(v), 0);
	assert_int_equal(vault_meta_put(v, "policy", doc.p, doc.n), 0);
	assert_int_equal(vault_system_leaf(v, LEAF_POLICY, (const uint8_t *)"policy", 6, true, clock_wall_ms()), 0);
	store_commit(v->store);
	assert_int_equal(vault_turn_end(v), 0);
	policy_free(v->policy);
	v->policy = p;
	part = (struct part){ doc.p, doc.n };
	crypto_hash("cv1.policy", NULL, 0, &part, 1, v->policy_digest, 32);
	audit_policy(v->audit, v->policy_digest);
	buf_free(&doc);
}

/* What a crash now would leave: a copy of the folder, opened in place of the vault. The vault itself is gone without a word. */
static inline void work_crash(struct fixture *f)
{
	char cmd[256], copy[80];

	snprintf(copy, sizeof(copy), "%s-copy", f->dir);
	snprintf(cmd, sizeof(cmd), "cp -r %s %s", f->dir, copy);
	assert_int_equal(system(cmd), 0);
	vault_close(f->v);
	snprintf(cmd, sizeof(cmd), "rm -rf %s && mv %s %s", f->dir, copy, f->dir);
	assert_int_equal(system(cmd), 0);
	fixture_open(f);
}

static inline unsigned work_create(struct fixture *f, const uint8_t token[32], uint8_t ret_record[16], const char *name,
    const char *home, const char *due)
{
	uint8_t etag[16];

	return create(f, token, "intake", "", ret_record, etag, "name", name, home != NULL ? "home" : NULL, home, "due", due, NULL);
}

#endif
