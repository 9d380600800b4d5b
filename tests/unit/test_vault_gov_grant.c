/* Grants: a record's data keys for one person. POLICY.md checks 15 to 18, 20 and 22 to 27. */
#include <limits.h>

#include "test_vault_gov.h"
#include "vault/list.h"

static void grant_opens_what_no_role_opens_so_often(void **state)
{
	struct fixture *f = *state;
	uint8_t record[16], other[16], id[16];
	struct cast who;
	char text[256], shown[128];

	cast(f, &who);
	new_child(f, &who, EAST, record);
	new_child(f, &who, EAST, other);
	refused(f, read_field(f, who.school, "visit", record, "note", true, text), PROBLEM_NOT_PERMITTED, DECIDE_NO_RIGHT);
	assert_int_equal(ask_grant(f, who.school, record, "note", 2, id), 0);
	assert_int_equal(f->v->call.kind, LEAF_REQUEST);
	assert_memory_equal(f->v->call.detail.record, record, 16);
	refused(f, read_field(f, who.school, "visit", record, "note", true, text), PROBLEM_NOT_PERMITTED, DECIDE_NO_RIGHT);
	assert_int_equal(gov_do(f, who.manager, "requests", id, "approve"), 0);
	assert_int_equal(f->v->call.kind, LEAF_GRANT);
	assert_memory_equal(f->v->call.detail.record, record, 16);
	assert_memory_equal(f->v->call.detail.approval, id, 16);
	assert_int_equal(read_field(f, who.school, "visit", record, "note", true, text), 0);
	assert_string_equal(text, "过敏");
	assert_memory_equal(f->v->call.detail.approval, id, 16);
	refused(f, read_field(f, who.school, "visit", record, "city", true, text), PROBLEM_APPROVAL_REQUIRED, DECIDE_APPROVAL_FIELD);
	refused(f, read_field(f, who.school, "visit", other, "note", true, text), PROBLEM_NOT_PERMITTED, DECIDE_NO_RIGHT);
	restart(f);
	cast(f, &who);
	assert_int_equal(gov_show(f, who.school, "grants", id, "reads_left", shown), 0);
	assert_string_equal(shown, "1");
	assert_int_equal(read_field(f, who.school, "visit", record, "note", false, text), 0);
	assert_string_equal(text, "过敏");
	refused(f, read_field(f, who.school, "visit", record, "note", true, text), PROBLEM_APPROVAL_REQUIRED, DECIDE_APPROVAL_USED_UP);
	f->v->gov->next_sweep_ms = 0;
	vault_tick(f->v);
	assert_int_equal(gov_find(f->v, GOV_GRANT, id)->held->o.keys.n, 0);
	restart(f);
	cast(f, &who);
	refused(f, read_field(f, who.school, "visit", record, "note", true, text), PROBLEM_APPROVAL_REQUIRED, DECIDE_APPROVAL_USED_UP);
	assert_int_equal(gov_show(f, who.school, "grants", id, "state", shown), 0);
	assert_string_equal(shown, "used");
}

static void grant_ends_and_is_revoked(void **state)
{
	struct fixture *f = *state;
	uint8_t record[16], id[16];
	struct cast who;
	char text[256];

	cast(f, &who);
	new_child(f, &who, EAST, record);
	assert_int_equal(ask_grant(f, who.school, record, "note city", 0, id), 0);
	assert_int_equal(gov_do(f, who.manager, "requests", id, "approve"), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(read_field(f, who.school, "visit", record, "city", true, text), 0);
	gov_change(f, GOV_GRANT, id, end_yesterday);
	refused(f, read_field(f, who.school, "visit", record, "note", true, text), PROBLEM_APPROVAL_REQUIRED, DECIDE_APPROVAL_EXPIRED);
	assert_int_equal(ask_grant(f, who.school, record, "note", 0, id), 0);
	assert_int_equal(gov_do(f, who.manager, "requests", id, "approve"), 0);
	assert_int_equal(read_field(f, who.school, "visit", record, "note", true, text), 0);
	assert_int_equal(gov_do(f, who.worker, "grants", id, "revoke"), PROBLEM_NOT_PERMITTED);
	assert_int_equal(gov_do(f, who.deputy, "grants", id, "revoke"), 0);
	assert_int_equal(gov_find(f->v, GOV_GRANT, id)->held->o.keys.n, 0);
	assert_int_not_equal(read_field(f, who.school, "visit", record, "note", true, text), 0);
	assert_int_equal(f->v->call.kind, LEAF_REFUSED);
}

static void only_another_entitled_person_approves(void **state)
{
	struct fixture *f = *state;
	uint8_t record[16], id[16], twin[32];
	struct cast who;
	struct body x;

	cast(f, &who);
	assert_int_equal(login(f, P_TWIN, twin), 0);
	new_child(f, &who, EAST, record);
	assert_int_equal(ask_grant(f, who.school, record, "note", 0, id), 0);
	refused(f, gov_do(f, who.school, "requests", id, "approve"), PROBLEM_NOT_PERMITTED, DECIDE_SELF_APPROVAL);
	/* Reading a class is not granting it. */
	refused(f, gov_do(f, who.worker, "requests", id, "approve"), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	refused(f, gov_do(f, who.worker, "requests", id, "reject"), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	assert_int_equal(gov_do(f, who.manager, "requests", id, "approve"), 0);
	refused(f, gov_do(f, who.deputy, "requests", id, "approve"), PROBLEM_CONFLICT, DECIDE_ALREADY_DECIDED);
	/* Two principals of one human. */
	assert_int_equal(ask_grant(f, twin, record, "note", 0, id), 0);
	refused(f, gov_do(f, who.manager, "requests", id, "approve"), PROBLEM_NOT_PERMITTED, DECIDE_SELF_APPROVAL);
	/* Who asks for somebody else approves it as little. */
	body_begin(&x);
	body_text(&x, "kind", "grant");
	body_text(&x, "principal", "school");
	body_id(&x, "record", record);
	body_texts(&x, "fields", "note");
	body_text(&x, "purpose", "visit");
	body_text(&x, "reason", "for the school");
	body_day(&x, "until", 7);
	assert_int_equal(gov_post(f, who.manager, "requests", &x, id), 0);
	refused(f, gov_do(f, who.manager, "requests", id, "approve"), PROBLEM_NOT_PERMITTED, DECIDE_SELF_APPROVAL);
	assert_int_equal(gov_do(f, who.deputy, "requests", id, "approve"), 0);
}

static void approvals_in_a_circle_are_refused(void **state)
{
	struct fixture *f = *state;
	uint8_t record[16], other[16], third[1][16], id[16];
	struct cast who;

	cast(f, &who);
	new_child(f, &who, EAST, record);
	new_child(f, &who, EAST, other);
	new_child(f, &who, EAST, third[0]);
	assert_int_equal(ask_grant(f, who.deputy, record, "note", 0, id), 0);
	assert_int_equal(gov_do(f, who.manager, "requests", id, "approve"), 0);
	assert_int_equal(ask_grant(f, who.manager, record, "note", 0, id), 0);
	refused(f, gov_do(f, who.deputy, "requests", id, "approve"), PROBLEM_NOT_PERMITTED, DECIDE_MUTUAL_APPROVAL);
	/* Nor by the hand of a delegate. */
	assert_int_equal(delegate(f, who.deputy, "worker", "visit", "", NULL), 0);
	refused(f, gov_do(f, who.worker, "requests", id, "approve"), PROBLEM_NOT_PERMITTED, DECIDE_MUTUAL_APPROVAL);
	assert_int_equal(ask_grant(f, who.manager, other, "note", 0, id), 0);
	assert_int_equal(gov_do(f, who.deputy, "requests", id, "approve"), 0);
	/* What a delegate gave, who delegated gave. */
	assert_int_equal(delegate(f, who.manager, "clerk", "visit", "", NULL), 0);
	assert_int_equal(assign(f, who.clerk, "deputy", third, 1, "visit", 0, NULL), 0);
	assert_int_equal(ask_grant(f, who.manager, third[0], "note", 0, id), 0);
	refused(f, gov_do(f, who.deputy, "requests", id, "approve"), PROBLEM_NOT_PERMITTED, DECIDE_MUTUAL_APPROVAL);
}

/* Nobody fills the room of another's requests by asking in their name. */
static void requests_wait_by_who_asks(void **state)
{
	struct fixture *f = *state;
	uint8_t record[16], id[16];
	struct cast who;
	struct body x;

	cast(f, &who);
	new_child(f, &who, EAST, record);
	for (unsigned i = 0; i <= 100; i++) {
		body_begin(&x);
		body_text(&x, "kind", "grant");
		body_text(&x, "principal", "clerk");
		body_id(&x, "record", record);
		body_texts(&x, "fields", "note");
		body_text(&x, "purpose", "visit");
		body_text(&x, "reason", "for another");
		body_day(&x, "until", 7);
		assert_int_equal(gov_post(f, who.school, "requests", &x, id), i < 100 ? 0 : PROBLEM_RATE_LIMITED);
	}
	assert_int_equal(ask_grant(f, who.clerk, record, "note", 0, id), 0);
}

/* What is withdrawn stays as history: nobody fills the vault with it. */
static void requests_of_a_day_have_an_end(void **state)
{
	struct fixture *f = *state;
	uint8_t record[16], id[16];
	struct cast who;

	cast(f, &who);
	new_child(f, &who, EAST, record);
	for (unsigned i = 0; i < 500; i++) {
		assert_int_equal(ask_grant(f, who.clerk, record, "note", 0, id), 0);
		assert_int_equal(gov_do(f, who.clerk, "requests", id, "withdraw"), 0);
	}
	assert_int_equal(ask_grant(f, who.clerk, record, "note", 0, id), PROBLEM_RATE_LIMITED);
	assert_int_equal(ask_grant(f, who.school, record, "note", 0, id), 0);
}

static void delegate_does_not_approve_what_the_delegator_asked(void **state)
{
	struct fixture *f = *state;
	uint8_t record[16], id[16];
	struct cast who;
	struct body x;

	cast(f, &who);
	new_child(f, &who, EAST, record);
	assert_int_equal(delegate(f, who.manager, "worker", "visit", "", NULL), 0);
	body_begin(&x);
	body_text(&x, "kind", "grant");
	body_text(&x, "principal", "school");
	body_id(&x, "record", record);
	body_texts(&x, "fields", "note");
	body_text(&x, "purpose", "visit");
	body_text(&x, "reason", "for the school");
	body_day(&x, "until", 7);
	assert_int_equal(gov_post(f, who.manager, "requests", &x, id), 0);
	refused(f, gov_do(f, who.worker, "requests", id, "approve"), PROBLEM_NOT_PERMITTED, DECIDE_SELF_APPROVAL);
	assert_int_equal(gov_do(f, who.deputy, "requests", id, "approve"), 0);
}

static void delegate_without_the_key_grants_nothing(void **state)
{
	struct fixture *f = *state;
	uint8_t record[16], id[16];
	struct cast who;
	char text[256], shown[128];

	cast(f, &who);
	new_child(f, &who, EAST, record);
	assert_int_equal(delegate(f, who.manager, "worker", "visit", "", NULL), 0);
	assert_int_equal(delegate(f, who.manager, "clerk", "visit", "", NULL), 0);
	assert_int_equal(ask_grant(f, who.school, record, "note", 0, id), 0);
	assert_int_equal(gov_do(f, who.worker, "requests", id, "approve"), 0);
	assert_int_equal(gov_show(f, who.school, "grants", id, "by", shown), 0);
	assert_string_equal(shown, "worker");
	assert_int_equal(gov_show(f, who.school, "grants", id, "delegation", shown), 0);
	assert_int_equal(strlen(shown), 32);
	assert_int_equal(read_field(f, who.school, "visit", record, "note", true, text), 0);
	/* The grant opened the school this class of this record: that is no key to give away. */
	assert_int_equal(delegate(f, who.manager, "school", "visit", "", NULL), 0);
	assert_int_equal(ask_grant(f, who.clerk, record, "city", 0, id), 0);
	refused(f, gov_do(f, who.school, "requests", id, "approve"), PROBLEM_NOT_PERMITTED, DECIDE_NO_KEY);
	assert_null(gov_find(f->v, GOV_GRANT, id));
}

/* What was handed in and waits in drops is merged by the approver's keys; what comes later stays shut. */
static void approval_merges_what_was_handed_in(void **state)
{
	struct fixture *f = *state;
	uint8_t record[16], etag[16], id[16];
	struct record rec;
	struct cast who;
	char text[256];

	cast(f, &who);
	assert_int_equal(create(f, who.intake, "intake", "", record, etag, "name", "张小明", "place", EAST, NULL), 0);
	assert_int_equal(patch(f, who.intake, "intake", record, NULL, etag, "note", "过敏", NULL), 0);
	assert_int_equal(patch(f, who.intake, "intake", record, NULL, etag, "note", "花生过敏", NULL), 0);
	assert_int_equal(ask_grant(f, who.school, record, "note", 0, id), 0);
	assert_int_equal(gov_do(f, who.manager, "requests", id, "approve"), 0);
	assert_int_equal(record_load(f->v, record, false, &rec), 0);
	assert_int_equal(head_class_find(&rec.head, (uint32_t)CLASS_HEALTH << 16)->drops, 0);
	assert_int_equal(read_field(f, who.school, "visit", record, "note", true, text), 0);
	assert_string_equal(text, "花生过敏");
	assert_int_equal(patch(f, who.intake, "intake", record, NULL, etag, "note", "牛奶过敏", NULL), 0);
	(void)read_field(f, who.school, "visit", record, "note", true, text);
	assert_string_not_equal(text, "牛奶过敏");
}

/* A grant for a class that the record does not have gives no key for what comes later. */
static void grant_of_nothing_opens_nothing_later(void **state)
{
	struct fixture *f = *state;
	uint8_t record[16], etag[16], id[16];
	struct cast who;
	char text[256];

	cast(f, &who);
	assert_int_equal(create(f, who.worker, "visit", "", record, etag, "name", "张小明", "place", EAST, NULL), 0);
	assert_int_equal(ask_grant(f, who.school, record, "note", 0, id), 0);
	assert_int_equal(gov_do(f, who.manager, "requests", id, "approve"), 0);
	assert_int_equal(read_field(f, who.school, "visit", record, "note", true, text), 0);
	assert_string_equal(text, "");
	assert_int_equal(patch(f, who.worker, "visit", record, etag, etag, "note", "过敏", NULL), 0);
	refused(f, read_field(f, who.school, "visit", record, "note", true, text), PROBLEM_APPROVAL_REQUIRED, DECIDE_GENERATION_GONE);
}

static void older_key(struct gov_object *o)
{
	static uint8_t keys[GOV_SEALED_KEY];

	memcpy(keys, o->keys.p, sizeof(keys));
	be32_put(keys + 4, be32_get(keys + 4) + 1);
	o->keys.p = keys;
}

static void foreign_key(struct gov_object *o)
{
	static uint8_t keys[GOV_SEALED_KEY];

	memcpy(keys, o->keys.p, sizeof(keys));
	keys[GOV_SEALED_KEY - 1] ^= 1;
	o->keys.p = keys;
}

static void grant_after_its_generation_is_dead(void **state)
{
	struct fixture *f = *state;
	uint8_t record[16], id[16];
	struct cast who;
	char text[256], shown[128];

	cast(f, &who);
	new_child(f, &who, EAST, record);
	assert_int_equal(ask_grant(f, who.school, record, "note", 0, id), 0);
	assert_int_equal(gov_do(f, who.manager, "requests", id, "approve"), 0);
	assert_int_equal(read_field(f, who.school, "visit", record, "note", true, text), 0);
	gov_change(f, GOV_GRANT, id, older_key);
	refused(f, read_field(f, who.school, "visit", record, "note", true, text), PROBLEM_APPROVAL_REQUIRED, DECIDE_GENERATION_GONE);
	assert_int_equal(gov_show(f, who.school, "grants", id, "state", shown), 0);
	assert_string_equal(shown, "dead");
}

/* A sealed key that somebody changed who has the vault's keys is found at its use. */
static void forged_key_does_not_open(void **state)
{
	struct fixture *f = *state;
	uint8_t record[16], id[16];
	struct cast who;
	char text[256];

	cast(f, &who);
	new_child(f, &who, EAST, record);
	assert_int_equal(ask_grant(f, who.school, record, "note", 1, id), 0);
	assert_int_equal(gov_do(f, who.manager, "requests", id, "approve"), 0);
	gov_change(f, GOV_GRANT, id, foreign_key);
	assert_int_equal(read_field(f, who.school, "visit", record, "note", true, text), PROBLEM_INTEGRITY);
	assert_string_equal(text, "");
}

/* A row that somebody changed without them, its clear bytes too: the vault does not unseal. */
/* A changed keys row gives another data key: the approver learns of it, not the grantee. */
static void key_that_opens_no_row_is_not_granted(void **state)
{
	struct fixture *f = *state;
	uint8_t record[16], id[16], key[REC_KEY_MAX];
	struct store_value val;
	struct record rec;
	struct cast who;
	struct buf b;
	size_t n;

	cast(f, &who);
	new_child(f, &who, EAST, record);
	assert_int_equal(ask_grant(f, who.school, record, "note", 0, id), 0);
	assert_int_equal(record_load(f->v, record, false, &rec), 0);
	n = rec_key(rec.serial, REC_KEYS, 0, 0, key);
	buf_init(&b, 65536);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(vault_turn_begin(f->v), 0);
		assert_int_equal(store_get(f->v->store, STORE_REC, key, n, &val), 0);
		buf_reset(&b);
		buf_put(&b, val.p, val.n);
		/* The last byte of every salt: three varints and the class before each, one group of derived keys. */
		for (size_t at = 5; at + 21 <= b.n; at += 21)
			b.p[at + 20] ^= 1;
		assert_int_equal(store_put(f->v->store, STORE_REC, key, n, b.p, b.n), 0);
		store_commit(f->v->store);
		assert_int_equal(vault_turn_end(f->v), 0);
		assert_int_equal(gov_do(f, who.manager, "requests", id, "approve"), i == 0 ? PROBLEM_INTEGRITY : 0);
	}
	buf_free(&b);
}

static void unseal_with_row(struct fixture *f, const uint8_t key[GOV_KEY], const uint8_t *row, size_t n, int expected)
{
	assert_int_equal(vault_turn_begin(f->v), 0);
	assert_int_equal(store_put(f->v->store, STORE_GOV, key, GOV_KEY, row, n), 0);
	store_commit(f->v->store);
	assert_int_equal(vault_turn_end(f->v), 0);
	assert_int_equal(vault_seal(f->v), 0);
	log_init("test", 0);
	assert_int_equal(vault_unseal(f->v, 3, f->kek), expected);
	log_init("test", LOG_LEVEL_ERROR);
}

static void forged_row_does_not_load(void **state)
{
	static const struct { size_t at; uint8_t flip; int expected; } changes[] = {
		{ 8, GOV_ACTIVE ^ GOV_USED, CV_ERR_FORMAT }, { 13, 1, CV_ERR_FORMAT }, { 19, 3, CV_ERR_AUTH },
		{ GOV_PREFIX + 30, 1, CV_ERR_AUTH }, { 300, 0x80, CV_ERR_AUTH } };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		uint8_t record[2][16], id[16], key[GOV_KEY], row[8192];
		struct store_value val;
		struct cast who;
		void *again;
		size_t n;

		cast(f, &who);
		new_child(f, &who, EAST, record[0]);
		new_child(f, &who, EAST, record[1]);
		assert_int_equal(ask_grant(f, who.school, record[0], "note", 1, id), 0);
		assert_int_equal(gov_do(f, who.manager, "requests", id, "approve"), 0);
		gov_key(GOV_GRANT, id, key);
		assert_int_equal(store_get(f->v->store, STORE_GOV, key, sizeof(key), &val), 0);
		n = val.n;
		assert_true(n <= sizeof(row) && changes[i].at < n);
		memcpy(row, val.p, n);
		row[changes[i].at] ^= changes[i].flip;
		unseal_with_row(f, key, row, n, changes[i].expected);
		again = f;
		assert_int_equal(fixture_teardown(&again), 0);
		assert_int_equal(gov_setup(&again), 0);
		*state = f = again;
	}
}

/* What was revoked, used or expired stays so: an older row opens, but it is not the one that the state knows. */
static void older_row_put_back_refuses_to_unseal(void **state)
{
	struct fixture *f = *state;
	uint8_t record[16], id[16], key[GOV_KEY], row[8192];
	struct store_value val;
	struct cast who;
	size_t n;

	cast(f, &who);
	new_child(f, &who, EAST, record);
	assert_int_equal(ask_grant(f, who.school, record, "note", 1, id), 0);
	assert_int_equal(gov_do(f, who.manager, "requests", id, "approve"), 0);
	gov_key(GOV_GRANT, id, key);
	assert_int_equal(store_get(f->v->store, STORE_GOV, key, sizeof(key), &val), 0);
	assert_true((n = val.n) <= sizeof(row));
	memcpy(row, val.p, n);
	assert_int_equal(gov_do(f, who.manager, "grants", id, "revoke"), 0);
	unseal_with_row(f, key, row, n, CV_ERR_REPLAY);
}

static void export_counts_its_own_records(void **state)
{
	struct fixture *f = *state;
	uint8_t records[3][16], id[16];
	enum decision_reason why = DECIDE_YES;
	struct vault_call *c;
	struct cast who;
	struct body x;
	char shown[128];

	cast(f, &who);
	for (unsigned i = 0; i < 3; i++)
		new_child(f, &who, i < 2 ? EAST : WEST, records[i]);
	body_begin(&x);
	body_text(&x, "kind", "export");
	body_number(&x, "records", 2);
	body_texts(&x, "fields", "name");
	body_text(&x, "purpose", "visit");
	body_text(&x, "area", EAST);
	body_text(&x, "state", "draft");
	body_text(&x, "reason", "yearly report");
	body_day(&x, "until", 3);
	assert_int_equal(gov_post(f, who.clerk, "requests", &x, id), 0);
	assert_int_equal(gov_show(f, who.clerk, "requests", id, "mark", shown), 0);
	assert_string_equal(shown, "");
	assert_int_equal(gov_do(f, who.manager, "requests", id, "approve"), 0);
	assert_int_equal(gov_show(f, who.clerk, "requests", id, "mark", shown), 0);
	assert_int_equal(strlen(shown), 16);
	/* As a reader of the clerk's would ask. */
	c = &f->v->call;
	c->principal = directory_principal(f->v->keys, f->person[P_CLERK].g.principal.id);
	c->subject.purpose = 1;
	for (unsigned i = 0; i < 3; i++) {
		struct record rec;

		assert_int_equal(record_load(f->v, records[i], false, &rec), 0);
		why = gov_export(f->v, c, id, &rec, policy_field_by_id(f->v->policy, FIELD_NAME));
		assert_int_equal(why, i < 2 ? DECIDE_YES : DECIDE_OUT_OF_AREA);
		assert_int_equal(gov_export(f->v, c, id, &rec, policy_field_by_id(f->v->policy, FIELD_NOTE)), DECIDE_APPROVAL_FIELD);
	}
	assert_int_equal(vault_turn_begin(f->v), 0);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(gov_budget(f->v, c, NULL, 10 + i % 3, id, &why), 0);
		assert_int_equal(why, i == 2 ? DECIDE_BUDGET : DECIDE_YES);
	}
	c->subject.purpose = 0;
	assert_int_equal(gov_budget(f->v, c, NULL, 10, id, &why), 0);
	assert_int_equal(why, DECIDE_APPROVAL_PURPOSE);
	store_rollback(f->v->store);
	gov_rollback(f->v);
	vault_undo(f->v, &f->v->turn_saved);
	f->v->state_dirty = false;
	assert_int_equal(vault_turn_end(f->v), 0);
}

static unsigned run_list(struct vault *v, struct vault_call *c, void *m) { return vault_list(v, c, m); }

/* Ask for an export of names of some area and have it approved. */
static void new_export(struct fixture *f, const struct cast *who, const uint8_t token[32], const char *area, uint8_t ret[16])
{
	struct body x;

	body_begin(&x);
	body_text(&x, "kind", "export");
	body_number(&x, "records", 5);
	body_texts(&x, "fields", "name");
	body_text(&x, "purpose", "visit");
	body_text(&x, "area", area);
	body_text(&x, "reason", "yearly report");
	body_day(&x, "until", 3);
	assert_int_equal(gov_post(f, token, "requests", &x, ret), 0);
	assert_int_equal(gov_do(f, who->manager, "requests", ret, "approve"), 0);
}

/* How many records a list for the export has; UINT_MAX: refused for why. */
static unsigned listed_for(struct fixture *f, const uint8_t token[32], const uint8_t export[16], enum decision_reason why)
{
	struct wire_envelope env = envelope(f, token, "visit", "");
	struct wire_text none = wire_text("", 0);
	struct wire_records m = { .area = none, .due = none, .state = none, .cursor = none, .export = export,
		.limit = WIRE_LIST_MAX };
	struct wire_records_answer a;
	struct wire_listed w;
	unsigned n = 0;

	if (gov_turn(f, &env, run_list, &m) != 0) {
		assert_int_equal(f->v->call.rule, why);
		return UINT_MAX;
	}
	assert_int_equal(wire_records_answer_decode(f->out.p + 10, f->out.n - 10, &a), 0);
	while (wire_listed_next(&a.records, &w))
		n++;
	return n;
}

static void export_lists_what_it_takes_in_and_nothing_else(void **state)
{
	static const uint8_t zeros[16];
	struct fixture *f = *state;
	uint8_t record[16], east[16], all[16];
	struct cast who;

	cast(f, &who);
	while (list_filling(f->v))
		list_fill(f->v, UINT64_MAX);
	for (unsigned i = 0; i < 3; i++)
		new_child(f, &who, i < 2 ? EAST : WEST, record);
	new_export(f, &who, who.worker, EAST, east);
	new_export(f, &who, who.clerk, "", all);
	/* The clerk is assigned to nothing: the export stands for that, not for the area. */
	assert_int_equal(listed_for(f, who.clerk, zeros, DECIDE_YES), 0);
	assert_int_equal(listed_for(f, who.clerk, all, DECIDE_YES), 2);
	assert_int_equal(listed_for(f, who.worker, zeros, DECIDE_YES), 3);
	assert_int_equal(listed_for(f, who.worker, east, DECIDE_YES), 2);
	assert_int_equal(listed_for(f, who.worker, all, DECIDE_NO_APPROVAL), UINT_MAX);
	assert_int_equal(listed_for(f, who.worker, record, DECIDE_NO_APPROVAL), UINT_MAX);
}

/* Each record of such a page is counted, which looks through and may write a row of what the export has shown. */
static void a_page_for_an_export_ends_at_a_hundred(void **state)
{
	struct fixture *f = *state;
	uint8_t record[16], id[16];
	struct cast who;
	struct body x;

	cast(f, &who);
	while (list_filling(f->v))
		list_fill(f->v, UINT64_MAX);
	for (unsigned i = 0; i < 103; i++)
		new_child(f, &who, EAST, record);
	body_begin(&x);
	body_text(&x, "kind", "export");
	body_number(&x, "records", 1000);
	body_texts(&x, "fields", "name");
	body_text(&x, "purpose", "visit");
	body_text(&x, "reason", "yearly report");
	body_day(&x, "until", 3);
	assert_int_equal(gov_post(f, who.worker, "requests", &x, id), 0);
	assert_int_equal(gov_do(f, who.manager, "requests", id, "approve"), 0);
	assert_int_equal(listed_for(f, who.worker, id, DECIDE_YES), 100);
}

static int sealed_setup(void **state)
{
	int r;

	gov_health_sealed = true;
	r = gov_setup(state);
	gov_health_sealed = false;
	return r;
}

/* An assignment does not open it, an export does not hold it, a grant does. */
static void level_five_needs_a_grant(void **state)
{
	struct fixture *f = *state;
	uint8_t records[1][16], id[16];
	struct cast who;
	struct body x;
	char text[256];

	cast(f, &who);
	new_child(f, &who, EAST, records[0]);
	assert_int_equal(assign(f, who.manager, "clerk", records, 1, "visit", 4, NULL), 0);
	refused(f, read_field(f, who.clerk, "visit", records[0], "note", false, text), PROBLEM_APPROVAL_REQUIRED, DECIDE_APPROVAL_LEVEL);
	body_begin(&x);
	body_text(&x, "kind", "export");
	body_number(&x, "records", 2);
	body_texts(&x, "fields", "name note");
	body_text(&x, "purpose", "visit");
	body_text(&x, "reason", "yearly report");
	body_day(&x, "until", 3);
	assert_int_equal(gov_post(f, who.clerk, "requests", &x, id), PROBLEM_VALIDATION);
	assert_int_equal(ask_grant(f, who.clerk, records[0], "note", 0, id), 0);
	assert_int_equal(gov_do(f, who.manager, "requests", id, "approve"), 0);
	assert_int_equal(read_field(f, who.clerk, "visit", records[0], "note", false, text), 0);
	assert_string_equal(text, "过敏");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, gov_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		T(grant_opens_what_no_role_opens_so_often), T(grant_ends_and_is_revoked), T(only_another_entitled_person_approves),
		T(approvals_in_a_circle_are_refused), T(requests_wait_by_who_asks), T(requests_of_a_day_have_an_end),
		T(delegate_does_not_approve_what_the_delegator_asked),
		T(delegate_without_the_key_grants_nothing), T(approval_merges_what_was_handed_in),
		cmocka_unit_test_setup_teardown(level_five_needs_a_grant, sealed_setup, fixture_teardown),
		T(grant_of_nothing_opens_nothing_later), T(grant_after_its_generation_is_dead), T(forged_key_does_not_open),
		T(key_that_opens_no_row_is_not_granted),
		T(forged_row_does_not_load), T(older_row_put_back_refuses_to_unseal), T(export_counts_its_own_records),
		    T(export_lists_what_it_takes_in_and_nothing_else), T(a_page_for_an_export_ends_at_a_hundred),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
