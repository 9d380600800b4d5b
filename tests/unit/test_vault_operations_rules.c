/* What operations must not make of a vault, and what becomes of people and keys. POLICY.md section 5, "Operations". */
#include "test_vault_operations.h"
#include "vault/members.h"

/* ---- carrying one through --------------------------------------------------------------------------------------------------- */

static void body_of(struct body *x, const char *kind)
{
	body_begin(x);
	body_text(x, "kind", kind);
	body_text(x, "reason", "as agreed");
}

static unsigned ask(struct fixture *f, const uint8_t token[32], struct body *x, uint8_t ret[16])
{
	return gov_post(f, token, "requests", x, ret);
}

static unsigned ask_about(struct fixture *f, const uint8_t token[32], const char *kind, const char *who, uint8_t ret[16])
{
	struct body x;

	body_of(&x, kind);
	body_text(&x, "principal", who);
	return ask(f, token, &x, ret);
}

static void sign_both(struct fixture *f, const struct parts *x, const uint8_t id[16])
{
	assert_int_equal(sign_as(f, x->a, id, "sign"), 0);
	assert_int_equal(sign_as(f, x->b, id, "approve"), 0);
}

static void give_two(struct fixture *f, const struct parts *x, const uint8_t id[16])
{
	assert_int_equal(give(f, x->c1, P_CUSTODIAN_1, id, false), 0);
	assert_int_equal(give(f, x->c2, P_CUSTODIAN_2, id, false), 0);
	assert_int_equal(object_of(f, id)->prefix.state, GOV_APPROVED);
}

/* A asks, A and B sign, two custodians give if shares are wanted. */
static void carry_out(struct fixture *f, const struct parts *x, struct body *body)
{
	uint8_t id[16];

	assert_int_equal(ask(f, x->a, body, id), 0);
	sign_both(f, x, id);
	if (object_of(f, id)->prefix.state == GOV_PENDING)
		give_two(f, x, id);
	assert_int_equal(object_of(f, id)->prefix.state, GOV_APPROVED);
}

static unsigned suspend(struct fixture *f, const uint8_t token[32], unsigned who)
{
	struct body x;

	body_begin(&x);
	body_text(&x, "reason", "key lost");
	return gov_act_with(f, token, "members", f->person[who].g.principal.id, "suspend", &x);
}

static const struct principal *member(struct fixture *f, unsigned who)
{
	return directory_principal(f->v->keys, f->person[who].g.principal.id);
}

static void rekey_body(struct body *x, const char *roles, const char *without)
{
	body_of(x, "rekey");
	body_texts(x, "roles", roles);
	if (without != NULL)
		body_texts(x, "without", without);
}

static void put_bool(struct body *x, const char *name, bool yes)
{
	uint8_t v = yes;

	body_put(x, name, VALUE_BOOL, &v, 1);
}

/* ---- who is left ------------------------------------------------------------------------------------------------------------- */

static void two_administrators_and_enough_custodians_are_left(void **state)
{
	struct fixture *f = *state;
	uint8_t id[16];
	struct parts x;

	parts(f, &x);
	assert_int_equal(ask_about(f, x.a, "remove", "admin-b", id), PROBLEM_CONFLICT);
	/* Of four custodians two are one person; two persons' shares make a role's key. */
	assert_int_equal(suspend(f, x.b, P_CUSTODIAN_1), 0);
	assert_int_equal(suspend(f, x.b, P_CUSTODIAN_2), PROBLEM_CONFLICT);
	assert_int_equal(ask_about(f, x.a, "remove", "custodian-2", id), PROBLEM_CONFLICT);
	assert_int_equal(suspend(f, x.b, P_CUSTODIAN_4), 0);
	assert_int_equal(suspend(f, x.b, P_CUSTODIAN_3), PROBLEM_CONFLICT);
	assert_false(member(f, P_CUSTODIAN_2)->suspended || member(f, P_CUSTODIAN_3)->suspended);
	/* A removal that was asked before is refused when too few would be left by now. */
	assert_int_equal(ask_restore(f, x.a, "custodian-1", id), 0);
	assert_int_equal(sign_as(f, x.b, id, "approve"), 0);
	assert_int_equal(ask_about(f, x.a, "remove", "custodian-2", id), 0);
	assert_int_equal(sign_as(f, x.a, id, "sign"), 0);
	assert_int_equal(suspend(f, x.b, P_CUSTODIAN_1), 0);
	assert_int_equal(sign_as(f, x.b, id, "approve"), PROBLEM_CONFLICT);
	assert_false(member(f, P_CUSTODIAN_2)->removed);
}

static void who_was_removed_does_not_come_back(void **state)
{
	struct fixture *f = *state;
	uint8_t id[16], school[32], early[16];
	struct test_person again;
	struct parts x;
	struct body body;
	char shown[128];

	parts(f, &x);
	assert_int_equal(login(f, P_SCHOOL, school), 0);
	assert_int_equal(suspend(f, x.b, P_SCHOOL), 0);
	assert_int_equal(ask_restore(f, x.a, "school", early), 0);
	body_of(&body, "remove");
	body_text(&body, "principal", "school");
	carry_out(f, &x, &body);
	assert_int_equal(f->v->call.kind, LEAF_SUSPENDED);
	assert_memory_equal(f->v->call.detail.approval, f->person[P_SCHOOL].g.principal.id, 16);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(member(f, P_SCHOOL)->removed);
		assert_false(directory_enabled(member(f, P_SCHOOL), clock_wall_ms()));
		assert_int_equal(gov_show(f, x.a, "members", f->person[P_SCHOOL].g.principal.id, "state", shown), 0);
		assert_string_equal(shown, "removed");
		assert_int_equal(sign_as(f, x.b, early, "approve"), PROBLEM_CONFLICT);
		assert_int_equal(ask_restore(f, x.a, "school", id), PROBLEM_CONFLICT);
		refused(f, suspend(f, x.b, P_SCHOOL), PROBLEM_CONFLICT, DECIDE_ALREADY_DECIDED);
		refused(f, ask_about(f, x.a, "remove", "school", id), PROBLEM_CONFLICT, DECIDE_ALREADY_DECIDED);
		restart(f);
		parts(f, &x);
	}
	/* Neither their name nor their keys join again. */
	newcomer(&again, "school");
	assert_int_equal(propose_as(f, x.a, &again, "worker", NULL, NULL, id), PROBLEM_VALIDATION);
	newcomer(&again, "other");
	memcpy(again.g.principal.box_pk, f->person[P_SCHOOL].g.principal.box_pk, 32);
	assert_int_equal(propose_as(f, x.a, &again, "worker", NULL, NULL, id), PROBLEM_VALIDATION);
}

/* A rekey as its body: roles, who is left out, removed, with or without the classes' keys. */
static unsigned ask_rekey(struct fixture *f, const uint8_t token[32], const char *roles, const char *without, bool removed, bool classes)
{
	struct body x;
	uint8_t id[16];

	body_of(&x, "rekey");
	body_texts(&x, "roles", roles);
	if (without != NULL)
		body_texts(&x, "without", without);
	if (removed)
		put_bool(&x, "removed", true);
	put_bool(&x, "classes", classes);
	return gov_post(f, token, "requests", &x, id);
}

static void nobody_who_is_out_keeps_the_keys_of_classes(void **state)
{
	struct fixture *f = *state;
	struct parts x;

	parts(f, &x);
	assert_int_equal(ask_rekey(f, x.a, "clerk", "clerk", true, false), PROBLEM_VALIDATION);
	assert_int_equal(ask_rekey(f, x.a, "clerk", "clerk", false, false), PROBLEM_VALIDATION);
	/* Who is removed by a rekey of another role would keep their own. */
	assert_int_equal(ask_rekey(f, x.a, "school", "clerk", true, true), PROBLEM_CONFLICT);
	assert_int_equal(ask_rekey(f, x.a, "clerk", NULL, false, false), 0);
	assert_int_equal(suspend(f, x.b, P_CLERK), 0);
	assert_int_equal(ask_rekey(f, x.a, "clerk", NULL, false, false), PROBLEM_CONFLICT);
	assert_int_equal(ask_rekey(f, x.a, "school", NULL, false, false), 0);
	assert_int_equal(ask_rekey(f, x.a, "clerk", NULL, false, true), 0);
	/* A role that opens no class leaves nobody with one. */
	assert_int_equal(suspend(f, x.b, P_INTAKE), 0);
	assert_int_equal(ask_rekey(f, x.a, "intake", NULL, false, false), 0);
}

static void who_opens_classes_is_removed_with_a_rekey(void **state)
{
	struct fixture *f = *state;
	uint8_t id[16], clerk[32], record[16];
	struct parts x;
	struct cast who;
	struct body body;
	char text[256];
	uint8_t pk[32];
	uint32_t epoch;

	parts(f, &x);
	cast(f, &who);
	new_child(f, &who, EAST, record);
	assert_int_equal(login(f, P_CLERK, clerk), 0);
	assert_int_equal(ask_about(f, x.a, "remove", "clerk", id), PROBLEM_CONFLICT);
	body_of(&body, "rekey");
	body_text(&body, "principal", "clerk");
	put_bool(&body, "removed", true);
	carry_out(f, &x, &body);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(member(f, P_CLERK)->removed);
		assert_false(member(f, P_TWIN)->removed);
		assert_int_equal(directory_role_newest(f->v->keys, ROLE_CLERK), 2);
		assert_false(directory_has_role(f->v->keys, f->person[P_CLERK].g.principal.id, ROLE_CLERK, clock_wall_ms()));
		assert_true(directory_has_role(f->v->keys, f->person[P_TWIN].g.principal.id, ROLE_CLERK, clock_wall_ms()));
		assert_int_equal(directory_class(f->v->keys, (uint32_t)CLASS_ID << 16, &epoch, pk), 0);
		assert_int_equal(epoch, 2);
		assert_int_equal(read_field(f, clerk, "visit", record, "name", false, text), PROBLEM_UNAUTHENTICATED);
		restart(f);
	}
}

/* ---- who is concerned ---------------------------------------------------------------------------------------------------------- */

static void nobody_has_a_part_in_what_is_about_them(void **state)
{
	struct fixture *f = *state;
	uint8_t id[16];
	struct parts x;
	struct body body;

	parts(f, &x);
	/* The second key of the asker's own person. */
	refused(f, ask_about(f, x.a, "remove", "admin-a2", id), PROBLEM_NOT_PERMITTED, DECIDE_SELF_APPROVAL);
	rekey_body(&body, "clerk", "admin-a2");
	refused(f, ask(f, x.a, &body, id), PROBLEM_NOT_PERMITTED, DECIDE_SELF_APPROVAL);
	rekey_body(&body, "clerk", "admin-b");
	assert_int_equal(ask(f, x.a, &body, id), 0);
	assert_int_equal(sign_as(f, x.a, id, "sign"), 0);
	refused(f, sign_as(f, x.b, id, "approve"), PROBLEM_NOT_PERMITTED, DECIDE_SELF_APPROVAL);
	refused(f, gov_do(f, x.b, "requests", id, "reject"), PROBLEM_NOT_PERMITTED, DECIDE_SELF_APPROVAL);
	refused(f, gov_do(f, x.b, "requests", id, "withdraw"), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	/* A custodian who is left out brings no share; another key of that person neither. */
	rekey_body(&body, "clerk", "custodian-3");
	assert_int_equal(ask(f, x.a, &body, id), 0);
	sign_both(f, &x, id);
	refused(f, gov_do(f, x.c3, "requests", id, "open"), PROBLEM_NOT_PERMITTED, DECIDE_SELF_APPROVAL);
	refused(f, gov_do(f, x.c4, "requests", id, "open"), PROBLEM_NOT_PERMITTED, DECIDE_SELF_APPROVAL);
	give_two(f, &x, id);
	/* Their shares are of the old split, which is gone. */
	rekey_body(&body, "clerk", NULL);
	assert_int_equal(ask(f, x.a, &body, id), 0);
	sign_both(f, &x, id);
	refused(f, gov_do(f, x.c3, "requests", id, "open"), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
}

/* Accounts that are there are the security administrator's: here A and A2 are the others. */
static void another_administrator_makes(struct test_person person[PEOPLE])
{
	person[P_SCHOOL].g.principal.kind = PRINCIPAL_ADMINISTRATOR;
	person[P_SCHOOL].g.principal.admin_area = 3;
	person[P_SCHOOL].g.role_count = 0;
}
static int third_setup(void **state)
{
	int r;

	fixture_change = another_administrator_makes;
	r = operations_setup(state);
	fixture_change = NULL;
	return r;
}

static void one_of_two_looks_after_accounts(void **state)
{
	static const char *const about[] = { "remove", "restore", "roles" };
	struct fixture *f = *state;
	uint8_t id[16], third[32];
	struct parts x;
	struct body body;

	parts(f, &x);
	assert_int_equal(login(f, P_SCHOOL, third), 0);
	assert_int_equal(suspend(f, x.b, P_CLERK), 0);
	for (unsigned i = 0; i < 3; i++) {
		body_of(&body, about[i]);
		body_text(&body, "principal", i == 0 ? "custodian-4" : i == 1 ? "clerk" : "worker");
		if (i == 2)
			body_texts(&body, "roles", "manager");
		assert_int_equal(ask(f, x.a, &body, id), 0);
		assert_int_equal(sign_as(f, x.a, id, "sign"), 0);
		refused(f, sign_as(f, third, id, "approve"), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
		assert_int_equal(sign_as(f, x.b, id, "approve"), 0);
	}
	/* Keys are everybody's business. */
	rekey_body(&body, "manager", NULL);
	assert_int_equal(ask(f, x.a, &body, id), 0);
	assert_int_equal(sign_as(f, x.a, id, "sign"), 0);
	assert_int_equal(sign_as(f, third, id, "approve"), 0);
}

/* ---- who joins ------------------------------------------------------------------------------------------------------------------ */

static unsigned segments(struct fixture *f)
{
	struct buf b;
	struct leaf l;
	unsigned n = 0;

	assert_int_equal(vault_checkpoint_now(f->v), 0);
	buf_init(&b, 65536);
	for (uint64_t i = store_next_leaf(f->v->store); n == 0 && i-- > 0;) {
		buf_reset(&b);
		assert_int_equal(audit_read_leaf(f->v->audit, i, &b), 0);
		assert_int_equal(leaf_decode(b.p, b.n, &l), 0);
		if (l.kind == LEAF_SEGMENT)
			n = l.body_a[0];
	}
	buf_free(&b);
	return n;
}

static void count_person(void *cookie, const uint8_t principal[16], const uint8_t *sealed, size_t n)
{
	(void)principal;
	(void)sealed;
	*(unsigned *)cookie += n > 0;
}

static void body_joins(struct body *x, const struct test_person *p, const char *as, const char *duty, const char *roles)
{
	body_member(x, p);
	body_text(x, "as", as);
	if (duty != NULL)
		body_text(x, "duty", duty);
	if (roles != NULL)
		body_texts(x, "roles", roles);
}

static void administrators_custodians_and_auditors_join(void **state)
{
	struct fixture *f = *state;
	uint8_t third[32], auditor[32], id[16];
	unsigned sealed = 0, people = PEOPLE + 2;
	struct test_person admin, audits, keeps;
	struct parts x;
	struct body body;

	parts(f, &x);
	newcomer(&admin, "admin-c");
	newcomer(&audits, "auditor-2");
	newcomer(&keeps, "custodian-5");
	/* A duty belongs to an administrator and to nobody else. */
	body_joins(&body, &admin, "administrator", NULL, NULL);
	assert_int_equal(ask(f, x.a, &body, id), PROBLEM_VALIDATION);
	body_joins(&body, &keeps, "custodian", "audit", NULL);
	assert_int_equal(ask(f, x.a, &body, id), PROBLEM_VALIDATION);
	body_joins(&body, &keeps, "custodian", NULL, "worker");
	assert_int_equal(ask(f, x.a, &body, id), PROBLEM_VALIDATION);
	body_joins(&body, &keeps, "person", NULL, NULL);
	assert_int_equal(ask(f, x.a, &body, id), PROBLEM_VALIDATION);

	body_joins(&body, &admin, "administrator", "audit", NULL);
	carry_out(f, &x, &body);	/* no shares: it has no ordinary role */
	assert_int_equal(segments(f), 1);
	body_joins(&body, &audits, "auditor", NULL, "auditor");
	carry_out(f, &x, &body);
	assert_int_equal(gov_do(f, x.a, "requests", f->request_id, "withdraw"), PROBLEM_NOT_FOUND);
	assert_int_equal(segments(f), 2);
	directory_people(f->v->keys, f->v->store, audits.g.principal.id, count_person, &sealed);
	assert_int_equal(sealed, people);
	/* The new administrator signs with B what A did not ask. */
	f->person[P_TWIN] = admin;
	assert_int_equal(login(f, P_TWIN, third), 0);
	body_joins(&body, &keeps, "custodian", NULL, NULL);
	assert_int_equal(ask(f, third, &body, id), 0);
	assert_int_equal(sign_as(f, third, id, "sign"), 0);
	assert_int_equal(sign_as(f, x.b, id, "approve"), 0);
	restart(f);
	f->person[P_TWIN] = audits;
	f->person[P_TWIN].role = ROLE_AUDITOR;
	assert_int_equal(login(f, P_TWIN, auditor), 0);
	assert_int_equal(directory_principal_named(f->v->keys, "custodian-5", 11)->kind, PRINCIPAL_CUSTODIAN);
	assert_int_equal(directory_principal_named(f->v->keys, "admin-c", 7)->admin_area, 3);
}

/* Custody goes over: the newcomer gets shares, classes keep their epochs, and then the old one may go. */
static void a_custodian_hands_over(void **state)
{
	struct fixture *f = *state;
	uint8_t id[16], token[32], pk[32], record[16], worker[32];
	struct test_person keeps;
	struct parts x;
	struct cast who;
	struct body body;
	uint32_t epoch;
	char text[256];

	parts(f, &x);
	cast(f, &who);
	new_child(f, &who, EAST, record);
	assert_int_equal(suspend(f, x.b, P_CUSTODIAN_3), 0);
	newcomer(&keeps, "custodian-5");
	body_joins(&body, &keeps, "custodian", NULL, NULL);
	carry_out(f, &x, &body);
	assert_int_equal(suspend(f, x.b, P_CUSTODIAN_4), 0);
	assert_int_equal(ask_about(f, x.a, "remove", "custodian-2", id), PROBLEM_CONFLICT);	/* the new one has no share yet */
	rekey_body(&body, "worker clerk intake auditor school manager", NULL);
	put_bool(&body, "classes", false);
	carry_out(f, &x, &body);
	assert_int_equal(directory_class(f->v->keys, (uint32_t)CLASS_ID << 16, &epoch, pk), 0);
	assert_int_equal(epoch, 1);
	assert_int_equal(login(f, P_WORKER, worker), 0);
	assert_int_equal(read_field(f, worker, "visit", record, "name", false, text), 0);
	assert_int_equal(ask_about(f, x.a, "remove", "custodian-2", id), 0);
	sign_both(f, &x, id);
	assert_true(member(f, P_CUSTODIAN_2)->removed);
	/* The two who are left bring keys. */
	f->person[P_TWIN] = keeps;
	assert_int_equal(login(f, P_TWIN, token), 0);
	rekey_body(&body, "worker", NULL);
	assert_int_equal(ask(f, x.a, &body, id), 0);
	sign_both(f, &x, id);
	assert_int_equal(give(f, token, P_TWIN, id, false), 0);
	assert_int_equal(give(f, x.c1, P_CUSTODIAN_1, id, false), 0);
	assert_int_equal(directory_role_newest(f->v->keys, ROLE_WORKER), 3);
}

/* ---- classes and the policy -------------------------------------------------------------------------------------------------------- */

static unsigned ask_policy(struct fixture *f, const uint8_t token[32], uint8_t ret[16])
{
	struct buf doc;
	struct body x;
	unsigned problem;
	char *text;

	gov_policy_version++;
	gov_policy(&doc);
	assert_non_null(text = malloc(b64_size(B64_STD, doc.n)));
	b64_encode(B64_STD, doc.p, doc.n, text);
	body_of(&x, "policy");
	body_text(&x, "document", text);
	problem = ask(f, token, &x, ret);
	free(text);
	buf_free(&doc);
	return problem;
}

static void a_policy_uses_what_custodians_gave(void **state)
{
	struct fixture *f = *state;
	uint8_t id[16], record[16], school[32];
	struct parts x;
	struct cast who;
	struct body body;
	char text[256];

	parts(f, &x);
	cast(f, &who);
	new_child(f, &who, EAST, record);
	gov_school_rights = RIGHT_READ;
	assert_int_equal(ask_policy(f, x.a, id), PROBLEM_VALIDATION);
	assert_string_equal(f->v->call.error[0].expected, "the role gains a class key, which custodians hand out");
	body_of(&body, "classes");
	body_texts(&body, "roles", "school");
	body_texts(&body, "classes", "health");
	carry_out(f, &x, &body);
	assert_int_equal(ask_policy(f, x.a, id), 0);
	sign_both(f, &x, id);
	assert_int_equal(login(f, P_SCHOOL, school), 0);
	assert_int_equal(read_field(f, school, "visit", record, "city", false, text), 0);
	assert_string_equal(text, "某市");
	/* A role has it once. */
	body_of(&body, "classes");
	body_texts(&body, "roles", "school");
	body_texts(&body, "classes", "health");
	assert_int_equal(ask(f, x.a, &body, id), PROBLEM_VALIDATION);
}

static void a_policy_has_a_class_that_was_made(void **state)
{
	static const char *const roles[] = { "worker", "clerk" };
	struct fixture *f = *state;
	uint8_t id[16];
	struct parts x;
	struct body body;

	parts(f, &x);
	gov_new_class = true;
	assert_int_equal(ask_policy(f, x.a, id), PROBLEM_VALIDATION);
	assert_string_equal(f->v->call.error[0].expected, "a new class needs a key, which custodians make");
	for (unsigned i = 0; i < 2; i++) {
		body_of(&body, "classes");
		body_texts(&body, "roles", roles[i]);
		body_texts(&body, "classes", "0x0060");
		carry_out(f, &x, &body);
	}
	assert_true(directory_role_holds(f->v->keys, ROLE_WORKER, 0x600000));
	assert_int_equal(ask_policy(f, x.a, id), 0);
	sign_both(f, &x, id);
	assert_true(policy_class_position(f->v->policy, 0x60) >= 0);
	restart(f);
	assert_true(policy_class_position(f->v->policy, 0x60) >= 0);
}

/* Whoever was removed may have kept the key of a role that opened nothing then. */
static void a_class_goes_to_no_role_whose_key_somebody_took_along(void **state)
{
	struct fixture *f = *state;
	uint8_t id[16];
	struct parts x;
	struct body body;

	parts(f, &x);
	body_of(&body, "remove");
	body_text(&body, "principal", "school");
	carry_out(f, &x, &body);
	body_of(&body, "classes");
	body_texts(&body, "roles", "school");
	body_texts(&body, "classes", "health");
	assert_int_equal(ask(f, x.a, &body, id), PROBLEM_CONFLICT);
	rekey_body(&body, "school", NULL);
	carry_out(f, &x, &body);
	body_of(&body, "classes");
	body_texts(&body, "roles", "school");
	body_texts(&body, "classes", "health");
	carry_out(f, &x, &body);
	assert_true(directory_role_holds(f->v->keys, ROLE_SCHOOL, (uint32_t)CLASS_HEALTH << 16));
}

/* ---- what changes in between -------------------- */

static void who_was_suspended_since_gets_no_key(void **state)
{
	struct fixture *f = *state;
	uint8_t id[16];
	struct parts x;
	struct body body;

	parts(f, &x);
	rekey_body(&body, "clerk", NULL);
	assert_int_equal(ask(f, x.a, &body, id), 0);
	sign_both(f, &x, id);
	assert_int_equal(suspend(f, x.b, P_CLERK), 0);
	refused(f, gov_do(f, x.c1, "requests", id, "open"), PROBLEM_CONFLICT, DECIDE_CHANGE_ORDER);
	rekey_body(&body, "clerk", NULL);
	carry_out(f, &x, &body);
	assert_false(directory_has_role(f->v->keys, f->person[P_CLERK].g.principal.id, ROLE_CLERK, clock_wall_ms()));
}

/* Who logged in before a rekey logs in again; so does who held a class by another role, but nobody else. */
static void sessions_end_that_are_behind(void **state)
{
	struct fixture *f = *state;
	uint8_t record[16], etag[16];
	struct parts x;
	struct cast who;
	struct body body;
	char text[256];
	unsigned before;

	parts(f, &x);
	cast(f, &who);
	new_child(f, &who, EAST, record);
	rekey_body(&body, "worker", NULL);
	put_bool(&body, "classes", false);
	carry_out(f, &x, &body);
	before = session_count(f->v->keys);
	assert_int_equal(read_field(f, who.worker, "visit", record, "name", false, text), PROBLEM_UNAUTHENTICATED);
	assert_int_equal(session_count(f->v->keys), before - 2);	/* x.worker too */
	assert_int_not_equal(read_field(f, who.clerk, "visit", record, "name", false, text), PROBLEM_UNAUTHENTICATED);
	assert_int_equal(login(f, P_WORKER, who.worker), 0);
	assert_int_equal(read_field(f, who.worker, "visit", record, "name", false, text), 0);
	/* New epochs of the classes, which clerk and intake hold as well. */
	rekey_body(&body, "worker", NULL);
	carry_out(f, &x, &body);
	assert_int_equal(read_field(f, who.clerk, "visit", record, "name", false, text), PROBLEM_UNAUTHENTICATED);
	assert_int_not_equal(create(f, who.school, "visit", "", record, etag, "name", "x", NULL), PROBLEM_UNAUTHENTICATED);
	assert_int_equal(login(f, P_WORKER, who.worker), 0);
	assert_int_equal(read_field(f, who.worker, "visit", record, "name", false, text), 0);
	assert_string_equal(text, "~张**");
}

static void what_comes_behind_a_change_waits_for_the_next_turn(void **state)
{
	struct fixture *f = *state;
	uint8_t id[16];
	struct parts x;
	struct body body;
	char shown[128];

	parts(f, &x);
	rekey_body(&body, "clerk", NULL);
	assert_int_equal(ask(f, x.a, &body, id), 0);
	sign_both(f, &x, id);
	assert_int_equal(give(f, x.c1, P_CUSTODIAN_1, id, false), 0);
	/* A change that its own request takes back closes nothing. */
	give_room = 100;
	assert_int_equal(vault_turn_begin(f->v), 0);
	fixture_turn_open = true;
	assert_int_equal(give(f, x.c2, P_CUSTODIAN_2, id, false), PROBLEM_PAYLOAD_TOO_LARGE);
	give_room = 0;
	assert_int_equal(gov_show(f, x.a, "requests", id, "state", shown), 0);
	assert_string_equal(shown, "pending");
	assert_false(vault_turn_closed(f->v));
	assert_int_equal(give(f, x.c2, P_CUSTODIAN_2, id, false), 0);
	assert_true(vault_turn_closed(f->v));
	fixture_turn_open = false;
	assert_int_equal(vault_turn_end(f->v), 0);
	assert_false(vault_turn_closed(f->v));
	assert_int_equal(directory_role_newest(f->v->keys, ROLE_CLERK), 2);
}

/* ---- what waits for whom -------------------- */

static unsigned waiting(struct fixture *f, const uint8_t token[32])
{
	char cursor[WIRE_CURSOR_MAX + 1] = "";
	unsigned n;

	assert_int_equal(gov_count(f, token, "requests", "waiting=me", 100, cursor, &n), 0);
	return n;
}

static void everybody_sees_what_waits_for_them(void **state)
{
	struct fixture *f = *state;
	uint8_t id[16];
	struct parts x;
	struct body body;
	char shown[128];

	parts(f, &x);
	rekey_body(&body, "clerk", NULL);
	assert_int_equal(ask(f, x.a, &body, id), 0);
	assert_true(waiting(f, x.a) == 1 && waiting(f, x.a2) == 0 && waiting(f, x.b) == 0 && waiting(f, x.c1) == 0);
	assert_int_equal(sign_as(f, x.a, id, "sign"), 0);
	assert_true(waiting(f, x.a) == 0 && waiting(f, x.a2) == 0 && waiting(f, x.b) == 1 && waiting(f, x.c1) == 0);
	assert_int_equal(gov_show(f, x.b, "requests", id, "waits_for", shown), 0);
	assert_string_equal(shown, "second-signature");
	assert_int_equal(sign_as(f, x.b, id, "approve"), 0);
	assert_true(waiting(f, x.a) == 0 && waiting(f, x.b) == 0 && waiting(f, x.c1) == 1 && waiting(f, x.c3) == 1);
	assert_int_equal(give(f, x.c3, P_CUSTODIAN_3, id, false), 0);
	assert_true(waiting(f, x.c1) == 1 && waiting(f, x.c3) == 0 && waiting(f, x.c4) == 0);
	assert_int_equal(gov_show(f, x.worker, "requests", id, "kind", shown), PROBLEM_NOT_FOUND);
	assert_int_equal(give(f, x.c1, P_CUSTODIAN_1, id, false), 0);
	assert_int_equal(waiting(f, x.c2), 0);
}

/* ---- in production -------------------- */

/* As if everybody were another person and the vault no demo. */
static void produce(struct fixture *f)
{
	static const unsigned own[] = { P_ADMIN_A2, P_CUSTODIAN_4 };

	for (unsigned i = 0; i < 2; i++) {
		struct principal *p = (struct principal *)(uintptr_t)member(f, own[i]);

		crypto_random(p->person, 16);
	}
	f->v->production = true;
}

static void in_production_custodians_hold_no_role_that_reads(void **state)
{
	struct fixture *f = *state;
	uint8_t id[16];
	struct test_person p;
	struct parts x;
	struct body body;

	parts(f, &x);
	produce(f);
	newcomer(&p, "new");
	refused(f, propose_as(f, x.a, &p, "worker", "person", "custodian-1", id), PROBLEM_VALIDATION, DECIDE_SEPARATION);
	refused(f, propose_as(f, x.a, &p, "worker", "person", "auditor", id), PROBLEM_VALIDATION, DECIDE_SEPARATION);
	refused(f, propose_as(f, x.a, &p, "worker", "person", "admin-b", id), PROBLEM_VALIDATION, DECIDE_SEPARATION);
	assert_int_equal(propose_as(f, x.a, &p, "school", "person", "custodian-1", id), 0);
	/* Whoever reads the log gets no class, nor does a role whose members would. */
	body_of(&body, "classes");
	body_texts(&body, "roles", "auditor");
	body_texts(&body, "classes", "health");
	refused(f, ask(f, x.a, &body, id), PROBLEM_VALIDATION, DECIDE_SEPARATION);
	memcpy(((struct principal *)(uintptr_t)member(f, P_SCHOOL))->person, member(f, P_CUSTODIAN_2)->person, 16);
	body_of(&body, "classes");
	body_texts(&body, "roles", "school");
	body_texts(&body, "classes", "health");
	refused(f, ask(f, x.a, &body, id), PROBLEM_VALIDATION, DECIDE_SEPARATION);
	crypto_random(((struct principal *)(uintptr_t)member(f, P_SCHOOL))->person, 16);
	body_of(&body, "classes");
	body_texts(&body, "roles", "school");
	body_texts(&body, "classes", "health");
	assert_int_equal(ask(f, x.a, &body, id), 0);
	/* Nor does one who reads become a custodian. */
	body_joins(&body, &p, "custodian", NULL, NULL);
	body_text(&body, "person", "worker");
	refused(f, ask(f, x.a, &body, id), PROBLEM_VALIDATION, DECIDE_SEPARATION);
	/* The only one who reads the log stays. */
	assert_int_equal(ask_about(f, x.a, "remove", "auditor", id), PROBLEM_VALIDATION);
	assert_reason(f, DECIDE_SEPARATION);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, operations_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		T(two_administrators_and_enough_custodians_are_left), T(who_was_removed_does_not_come_back),
		T(who_opens_classes_is_removed_with_a_rekey), T(nobody_who_is_out_keeps_the_keys_of_classes),
		T(nobody_has_a_part_in_what_is_about_them),
		cmocka_unit_test_setup_teardown(one_of_two_looks_after_accounts, third_setup, fixture_teardown),
		T(administrators_custodians_and_auditors_join), T(a_custodian_hands_over), T(a_policy_uses_what_custodians_gave),
		T(a_policy_has_a_class_that_was_made), T(a_class_goes_to_no_role_whose_key_somebody_took_along),
		T(who_was_suspended_since_gets_no_key), T(sessions_end_that_are_behind),
		T(what_comes_behind_a_change_waits_for_the_next_turn),
		T(everybody_sees_what_waits_for_them), T(in_production_custodians_hold_no_role_that_reads),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
