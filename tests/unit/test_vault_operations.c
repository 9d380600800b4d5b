/*
 * Every operation that two administrators sign, tried by everybody who may not, with every signature that is none, on every document that
 * is not this one: refused, nothing changed, in the log. Then once as it should be, which carries it out once.
 */
#include "format/keyring.h"
#include "test_vault_operations.h"
#include "vault/jobs_internal.h"
#include "vault/members.h"
#include "vault/rewrap.h"

/* One operation on its way. */
struct trial {
	struct fixture *f;
	const struct operation_kind *kind;
	struct parts x;
	uint8_t id[16];			/* asked for by A */
	uint8_t other[16];		/* of the same body */
	uint8_t before[32];		/* what the directory, the policy and the slots were */
	uint64_t leaf;			/* where the log stood */
	unsigned refusals;
};
struct operation_kind {
	const char *name;
	enum operation_number operation;
	bool custodians, changes;		/* they take part; it is a change set */
	void (*prepare)(struct trial *t);	/* may be NULL */
	void (*body)(struct trial *t, struct body *x);
	bool (*done)(struct trial *t);		/* carried out; asked after a restart too */
};

/* ---- the nine ---------------------------------------------------------------------------------------------------------------- */

static void body_of(struct body *x, const char *kind)
{
	body_begin(x);
	body_text(x, "kind", kind);
	body_text(x, "reason", "as agreed");
}

static bool has_role(struct trial *t, const uint8_t id[16], uint16_t role)
{
	return directory_has_role(t->f->v->keys, id, role, clock_wall_ms());
}

static const uint8_t *id_of(struct trial *t, unsigned who)
{
	return t->f->person[who].g.principal.id;
}

static void prepare_new(struct trial *t) { newcomer(&t->x.new, "new"); }
static void body_members(struct trial *t, struct body *x)
{
	body_member(x, &t->x.new);
	body_texts(x, "roles", "worker");
}
static bool done_members(struct trial *t)
{
	return directory_principal(t->f->v->keys, t->x.new.g.principal.id) != NULL && has_role(t, t->x.new.g.principal.id, ROLE_WORKER);
}

static void body_roles(struct trial *t, struct body *x)
{
	(void)t;
	body_of(x, "roles");
	body_text(x, "principal", "clerk");
	body_texts(x, "roles", "school");
}
static bool done_roles(struct trial *t) { return has_role(t, id_of(t, P_CLERK), ROLE_SCHOOL); }

static void body_rekey(struct trial *t, struct body *x)
{
	(void)t;
	body_of(x, "rekey");
	body_texts(x, "roles", "clerk");
	body_texts(x, "without", "twin");
}
static bool done_rekey(struct trial *t)
{
	uint32_t epoch = 0;
	uint8_t pk[32];

	return directory_role_newest(t->f->v->keys, ROLE_CLERK) == 2 && has_role(t, id_of(t, P_CLERK), ROLE_CLERK) &&
	    !has_role(t, id_of(t, P_TWIN), ROLE_CLERK) &&
	    directory_class(t->f->v->keys, (uint32_t)CLASS_HEALTH << 16, &epoch, pk) == 0 && epoch == 2;
}

static void body_classes(struct trial *t, struct body *x)
{
	(void)t;
	body_of(x, "classes");
	body_texts(x, "roles", "school");
	body_texts(x, "classes", "health 0x0077");
}
static bool done_classes(struct trial *t)
{
	return directory_role_holds(t->f->v->keys, ROLE_SCHOOL, (uint32_t)CLASS_HEALTH << 16) &&
	    directory_role_holds(t->f->v->keys, ROLE_SCHOOL, 0x770000);
}

/* A class has an older epoch once a role that holds it was rekeyed. */
static void prepare_rewrap(struct trial *t)
{
	struct body x;
	uint8_t id[16];

	body_rekey(t, &x);
	assert_int_equal(gov_post(t->f, t->x.a, "requests", &x, id), 0);
	assert_int_equal(sign_as(t->f, t->x.a, id, "sign"), 0);
	assert_int_equal(sign_as(t->f, t->x.b, id, "approve"), 0);
	assert_int_equal(give(t->f, t->x.c1, P_CUSTODIAN_1, id, false), 0);
	assert_int_equal(give(t->f, t->x.c2, P_CUSTODIAN_2, id, false), 0);
	assert_true(done_rekey(t));
	parts(t->f, &t->x);	/* sessions that the rekey left behind have ended */
}
static void body_rewrap(struct trial *t, struct body *x)
{
	(void)t;
	body_of(x, "rewrap");
}
/* Its job is there: with its keys, or once they are lost waiting for them. */
static bool done_rewrap(struct trial *t)
{
	const struct job_table *jobs = &t->f->v->jobs->now;

	return jobs->n == 1 && jobs->job[0].kind == JOB_REWRAP && memcmp(jobs->job[0].id, t->id, 16) == 0;
}

static void body_remove(struct trial *t, struct body *x)
{
	(void)t;
	body_of(x, "remove");
	body_text(x, "principal", "school");
}
static bool done_remove(struct trial *t) { return directory_principal(t->f->v->keys, id_of(t, P_SCHOOL))->removed; }

static void prepare_restore(struct trial *t)
{
	struct body x;

	body_begin(&x);
	body_text(&x, "reason", "key lost");
	assert_int_equal(gov_act_with(t->f, t->x.b, "members", id_of(t, P_CLERK), "suspend", &x), 0);
}
static void body_restore(struct trial *t, struct body *x)
{
	(void)t;
	body_of(x, "restore");
	body_text(x, "principal", "clerk");
}
static bool done_restore(struct trial *t) { return !directory_principal(t->f->v->keys, id_of(t, P_CLERK))->suspended; }

static void body_policy(struct trial *t, struct body *x)
{
	struct buf doc;
	char *text;

	(void)t;
	gov_policy_version = 2;
	gov_policy(&doc);
	assert_non_null(text = malloc(b64_size(B64_STD, doc.n)));
	b64_encode(B64_STD, doc.p, doc.n, text);
	body_of(x, "policy");
	body_text(x, "document", text);
	free(text);
	buf_free(&doc);
}
static bool done_policy(struct trial *t) { return policy_version(t->f->v->policy) == 2; }

static void body_split(struct trial *t, struct body *x)
{
	(void)t;
	body_of(x, "split");
	body_number(x, "threshold", 2);
	body_texts(x, "holders", "one two three");
}
static bool done_split(struct trial *t) { return object_of(t->f, t->id)->prefix.state == GOV_APPROVED; }

static const struct operation_kind kinds[] = {
	{ "members", OPERATION_ADD_MEMBER, true, true, prepare_new, body_members, done_members },
	{ "roles", OPERATION_ROLES, true, true, NULL, body_roles, done_roles },
	{ "rekey", OPERATION_REKEY, true, true, NULL, body_rekey, done_rekey },
	{ "classes", OPERATION_CLASSES, true, true, NULL, body_classes, done_classes },
	{ "rewrap", OPERATION_REWRAP, true, false, prepare_rewrap, body_rewrap, done_rewrap },
	{ "remove", OPERATION_REMOVE, false, false, NULL, body_remove, done_remove },
	{ "restore", OPERATION_RESTORE, false, false, prepare_restore, body_restore, done_restore },
	{ "policy", OPERATION_POLICY, false, false, NULL, body_policy, done_policy },
	{ "split", OPERATION_SPLIT, false, false, NULL, body_split, done_split },
};

static unsigned propose(struct trial *t, const uint8_t token[32], uint8_t ret[16])
{
	struct body x;

	t->kind->body(t, &x);
	return gov_post(t->f, token, "requests", &x, ret);
}

/* ---- nothing changes ---------------------------------------------------------------------------------------------------------- */

static int hash_row(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	const struct part parts[] = { { cookie, 32 }, { key, key_n }, { val, val_n } };

	crypto_hash("cv1.request", NULL, 0, parts, 3, cookie, 32);
	return 0;
}

/* Directory, policy and unseal slots, row by row. */
static void hash_vault(struct trial *t, uint8_t ret[32])
{
	struct store_value row;
	uint8_t key[META_NAME];

	memset(ret, 0, 32);
	assert_int_equal(store_scan(t->f->v->store, STORE_DIR, "", 0, NULL, 0, false, 0, hash_row, ret), 0);
	meta_key("slot.3", key);
	assert_int_equal(store_get(t->f->v->store, STORE_META, key, sizeof(key), &row), 0);
	hash_row(ret, key, sizeof(key), row.p, row.n);
	hash_row(ret, t->f->v->policy_digest, 32, t->f->v->policy_doc.p, t->f->v->policy_doc.n);
}

static void assert_unchanged(struct trial *t)
{
	uint8_t now[32];

	hash_vault(t, now);
	assert_memory_equal(now, t->before, 32);
}

/* A call that must be refused for one reason: its leaf is counted, and nothing has changed. */
#define refuse(t, call, problem, why)			\
	do {						\
		refused((t)->f, call, problem, why);	\
		(t)->refusals++;			\
		assert_unchanged(t);			\
	} while (0)

/* Leaves of refusals since the trial began. */
static unsigned refusals_in_the_log(struct trial *t)
{
	struct buf b;
	struct leaf l;
	unsigned n = 0;

	assert_int_equal(vault_checkpoint_now(t->f->v), 0);
	buf_init(&b, 65536);
	for (uint64_t i = t->leaf; i < store_next_leaf(t->f->v->store); i++) {
		buf_reset(&b);
		assert_int_equal(audit_read_leaf(t->f->v->audit, i, &b), 0);
		assert_int_equal(leaf_decode(b.p, b.n, &l), 0);
		n += l.kind == LEAF_REFUSED;
	}
	buf_free(&b);
	return n;
}

/* ---- who may not -------------------------------------------------------------------------------------------------------------- */

static void others_do_not_ask(struct trial *t)
{
	refuse(t, propose(t, t->x.auditor, NULL), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	refuse(t, propose(t, t->x.c1, NULL), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	refuse(t, propose(t, t->x.worker, NULL), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
}

/* Nobody but the asker signs first, and nobody second before that. */
static void first_signature_is_the_askers(struct trial *t)
{
	uint8_t signature[OPERATION_SIGNATURE];
	struct operation_reading r;

	refuse(t, sign_with(t->f, t->x.b, P_ADMIN_B, t->id, "sign"), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	refuse(t, sign_with(t->f, t->x.a2, P_ADMIN_A2, t->id, "sign"), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	refuse(t, sign_with(t->f, t->x.auditor, P_AUDITOR, t->id, "sign"), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	refuse(t, sign_with(t->f, t->x.c1, P_CUSTODIAN_1, t->id, "sign"), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	refuse(t, sign_with(t->f, t->x.worker, P_WORKER, t->id, "sign"), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	/* Second before first: a conflict, without a reason of its own. */
	assert_int_equal(sign_with(t->f, t->x.b, P_ADMIN_B, t->id, "approve"), PROBLEM_CONFLICT);
	t->refusals++;
	assert_unchanged(t);
	/* Forged. */
	refuse(t, sign_with(t->f, t->x.a, P_ADMIN_B, t->id, "sign"), PROBLEM_VALIDATION, DECIDE_SIGNATURE);
	reading_of(t->f, t->id, &r);
	operation_sign(&r, t->f->person[P_ADMIN_A].sign_sk, signature);
	signature[17] ^= 1;
	refuse(t, send_signature(t->f, t->x.a, t->id, "sign", signature), PROBLEM_VALIDATION, DECIDE_SIGNATURE);
}

static void others_do_not_sign_second(struct trial *t)
{
	/* The administrator alone, and with another key of the same person. */
	refuse(t, sign_with(t->f, t->x.a, P_ADMIN_A, t->id, "approve"), PROBLEM_NOT_PERMITTED, DECIDE_SELF_APPROVAL);
	refuse(t, sign_with(t->f, t->x.a2, P_ADMIN_A2, t->id, "approve"), PROBLEM_NOT_PERMITTED, DECIDE_SELF_APPROVAL);
	refuse(t, sign_with(t->f, t->x.a, P_ADMIN_B, t->id, "approve"), PROBLEM_NOT_PERMITTED, DECIDE_SELF_APPROVAL);
	refuse(t, sign_with(t->f, t->x.a, P_ADMIN_A, t->id, "sign"), PROBLEM_CONFLICT, DECIDE_ALREADY_DECIDED);
	refuse(t, sign_with(t->f, t->x.auditor, P_AUDITOR, t->id, "approve"), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	refuse(t, sign_with(t->f, t->x.auditor, P_ADMIN_B, t->id, "approve"), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	refuse(t, sign_with(t->f, t->x.c1, P_CUSTODIAN_1, t->id, "approve"), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	refuse(t, sign_with(t->f, t->x.worker, P_WORKER, t->id, "approve"), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	/* Shares before signatures. */
	assert_int_equal(gov_do(t->f, t->x.c1, "requests", t->id, "open"),
	    t->kind->custodians ? PROBLEM_CONFLICT : PROBLEM_NOT_PERMITTED);
	t->refusals++;
	assert_unchanged(t);
}

/* ---- signatures that are none --------------------------------------------------------------------------------------------------- */

static void send_bad(struct trial *t, const uint8_t signature[OPERATION_SIGNATURE])
{
	refuse(t, send_signature(t->f, t->x.b, t->id, "approve", signature), PROBLEM_VALIDATION, DECIDE_SIGNATURE);
}

static void signatures_are_of_this_request(struct trial *t)
{
	const uint8_t *sk = t->f->person[P_ADMIN_B].sign_sk;
	uint8_t good[OPERATION_SIGNATURE], bad[OPERATION_SIGNATURE], document[OPERATION_DOCUMENT_MAX];
	struct operation_reading r;
	size_t n;

	reading_of(t->f, t->id, &r);
	operation_sign(&r, sk, good);
	/* Forged: another's key, the asker's own again, a changed bit anywhere. */
	operation_sign(&r, t->f->person[P_WORKER].sign_sk, bad);
	send_bad(t, bad);
	send_bad(t, object_of(t->f, t->id)->signatures.p);
	for (unsigned at = 0; at < OPERATION_SIGNATURE; at += 31) {
		memcpy(bad, good, sizeof(bad));
		bad[at] ^= 1;
		send_bad(t, bad);
	}
	/* Reordered: its halves. */
	memcpy(bad, good + 64, 64);
	memcpy(bad + 64, good, 64);
	send_bad(t, bad);
	/* Replayed: of the same body, asked a moment before. */
	reading_of(t->f, t->other, &r);
	operation_sign(&r, sk, bad);
	send_bad(t, bad);
	/* Of another vault's document that is the same but for the id. */
	n = object_of(t->f, t->id)->document.n;
	memcpy(document, object_of(t->f, t->id)->document.p, n);
	document[8] ^= 1;
	reading_of(t->f, t->id, &r);
	crypto_hash("cv1.operation", NULL, 0, &(struct part){ document, OPERATION_HEAD }, 1, r.digest, 32);
	operation_sign(&r, sk, bad);
	send_bad(t, bad);
}

/* ---- documents that are not this one --------------------------------------------------------------------------------------------- */

/* Put another document into the request, as if its row had been made anew by who has all keys of the vault. */
static void put_document(struct trial *t, const uint8_t *p, size_t n)
{
	uint8_t body[5] = { 3 };
	struct gov_object o;

	assert_int_equal(vault_turn_begin(t->f->v), 0);
	o = *object_of(t->f, t->id);
	o.document = (struct gov_bytes){ p, n };
	assert_int_equal(gov_store(t->f->v, gov_find(t->f->v, GOV_REQUEST, t->id), &o), 0);
	assert_int_equal(vault_system_leaf(t->f->v, LEAF_MERGE, body, 5, true, clock_wall_ms()), 0);
	store_commit(t->f->v->store);
	gov_commit(t->f->v);
	assert_int_equal(vault_turn_end(t->f->v), 0);
}

static void change_vault(uint8_t *head) { head[8] ^= 1; }
static void change_nonce(uint8_t *head) { head[24] ^= 1; }
static void change_root(uint8_t *head) { head[48] ^= 1; }
static void change_size(uint8_t *head) { be64_put(head + 40, be64_get(head + 40) + 1); }
static void change_size_far(uint8_t *head) { be64_put(head + 40, be64_get(head + 40) + 1000000); }
static void end_before_now(uint8_t *head)
{
	be48_put(head + 80, clock_wall_ms() - 25u * 3600 * 1000);
	be48_put(head + 86, clock_wall_ms() - 3600u * 1000);
}
static void begin_after_now(uint8_t *head)
{
	be48_put(head + 80, clock_wall_ms() + 3600u * 1000);
	be48_put(head + 86, clock_wall_ms() + 2u * 3600 * 1000);
}

static void documents_are_of_this_vault_and_time(struct trial *t)
{
	static const struct {
		void (*change)(uint8_t *head);
		enum decision_reason why;
	} changes[] = { { change_vault, DECIDE_OTHER_VAULT }, { change_root, DECIDE_LOG_DIFFERS }, { change_size, DECIDE_LOG_DIFFERS },
		{ change_size_far, DECIDE_LOG_DIFFERS }, { end_before_now, DECIDE_OPERATION_EXPIRED },
		{ begin_after_now, DECIDE_OPERATION_EXPIRED }, { change_nonce, DECIDE_SIGNATURE } };
	uint8_t was[OPERATION_DOCUMENT_MAX], is[OPERATION_DOCUMENT_MAX], signature[OPERATION_SIGNATURE];
	struct operation_reading r;
	size_t n = object_of(t->f, t->id)->document.n;

	memcpy(was, object_of(t->f, t->id)->document.p, n);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		enum decision_reason why = changes[i].why;

		memcpy(is, was, n);
		changes[i].change(is);
		put_document(t, is, n);
		/* Facts are of one vault too: a set of another one's does not read. */
		if (operation_read(is, n, &r) != 0) {
			assert_int_equal(why, DECIDE_OTHER_VAULT);
			memset(signature, 0, sizeof(signature));
			why = DECIDE_ALREADY_DECIDED;
		} else {
			operation_sign(&r, t->f->person[P_ADMIN_B].sign_sk, signature);
		}
		/* Not the one that its asker signed, whatever else it is. */
		refuse(t, send_signature(t->f, t->x.b, t->id, "approve", signature),
		    why == DECIDE_SIGNATURE ? PROBLEM_VALIDATION : PROBLEM_CONFLICT, why);
	}
	put_document(t, was, n);
}

/* Whose time is over as an object is not signed any more, whatever its document says. */
static void requests_expire(struct trial *t)
{
	gov_change(t->f, GOV_REQUEST, t->other, end_yesterday);
	refuse(t, sign_with(t->f, t->x.a, P_ADMIN_A, t->other, "sign"), PROBLEM_CONFLICT, DECIDE_ALREADY_DECIDED);
	refuse(t, sign_with(t->f, t->x.b, P_ADMIN_B, t->other, "approve"), PROBLEM_CONFLICT, DECIDE_ALREADY_DECIDED);
}

/* ---- shares ------------------------------------------------------------------------------------------------------------------------ */

static void one_custodian_does_not_give_for_two(struct trial *t)
{
	refuse(t, gov_do(t->f, t->x.a, "requests", t->id, "open"), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	refuse(t, gov_do(t->f, t->x.b, "requests", t->id, "open"), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	refuse(t, gov_do(t->f, t->x.auditor, "requests", t->id, "open"), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	refuse(t, gov_do(t->f, t->x.worker, "requests", t->id, "open"), PROBLEM_NOT_PERMITTED, DECIDE_NOT_APPROVER);
	refuse(t, give(t->f, t->x.c2, P_CUSTODIAN_2, t->id, true), PROBLEM_VALIDATION, DECIDE_SHARE);
	refuse(t, give_as(t->f, t->x.c2, P_CUSTODIAN_2, t->id, t->other, false), PROBLEM_VALIDATION, DECIDE_SHARE);
	assert_int_equal(give(t->f, t->x.c3, P_CUSTODIAN_3, t->id, false), 0);
	refuse(t, give(t->f, t->x.c3, P_CUSTODIAN_3, t->id, false), PROBLEM_CONFLICT, DECIDE_ALREADY_DECIDED);
	refuse(t, give(t->f, t->x.c4, P_CUSTODIAN_4, t->id, false), PROBLEM_NOT_PERMITTED, DECIDE_SELF_APPROVAL);
	refuse(t, sign_with(t->f, t->x.b, P_ADMIN_B, t->id, "approve"), PROBLEM_NOT_PERMITTED, DECIDE_SELF_APPROVAL);
}

/* ---- the whole ---------------------------------------------------------------------------------------------------------------------- */

/* The last step, in a turn that fails and then in one that stands: carried out once. */
static unsigned last_step(struct trial *t)
{
	return t->kind->custodians ? give(t->f, t->x.c1, P_CUSTODIAN_1, t->id, false) : sign_as(t->f, t->x.b, t->id, "approve");
}

static void assert_done_once(struct trial *t)
{
	uint32_t change = t->f->v->counters.next_change;

	assert_int_equal(vault_turn_begin(t->f->v), 0);
	fixture_turn_open = true;
	assert_int_equal(last_step(t), 0);
	fixture_turn_open = false;
	vault_turn_abort(t->f->v, CV_ERR_FULL);
	assert_unchanged(t);
	assert_int_equal(object_of(t->f, t->id)->prefix.state, GOV_PENDING);
	assert_int_equal(t->f->v->counters.next_change, change);
	assert_int_equal(last_step(t), 0);
	assert_true(t->kind->done(t));
	assert_int_equal(t->f->v->counters.next_change, change + t->kind->changes);
	hash_vault(t, t->before);
	restart(t->f);
	assert_true(t->kind->done(t));
	parts(t->f, &t->x);
	refuse(t, gov_do(t->f, t->x.b, "requests", t->id, "approve"), PROBLEM_CONFLICT, DECIDE_ALREADY_DECIDED);
	/* What lost its keys with the restart takes them again, and no more than that. */
	if (t->kind->operation == OPERATION_REWRAP) {
		assert_true(rewrap_waits(t->f->v, t->id));
		assert_int_equal(give(t->f, t->x.c2, P_CUSTODIAN_2, t->id, false), 0);
		assert_int_equal(give(t->f, t->x.c3, P_CUSTODIAN_3, t->id, false), 0);
		assert_false(rewrap_waits(t->f->v, t->id));
		assert_true(t->kind->done(t));
	}
	refuse(t, gov_do(t->f, t->x.c2, "requests", t->id, "open"), PROBLEM_CONFLICT, DECIDE_ALREADY_DECIDED);
	refuse(t, gov_do(t->f, t->x.a, "requests", t->id, "withdraw"), PROBLEM_CONFLICT, DECIDE_ALREADY_DECIDED);
}

static void try_operation(void **state, enum operation_number operation)
{
	struct trial t = { .f = *state };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].operation == operation)
			t.kind = &kinds[i];
	assert_non_null(t.kind);
	parts(t.f, &t.x);
	if (t.kind->prepare != NULL)
		t.kind->prepare(&t);
	assert_int_equal(vault_checkpoint_now(t.f->v), 0);
	t.leaf = store_next_leaf(t.f->v->store);
	hash_vault(&t, t.before);
	others_do_not_ask(&t);
	assert_int_equal(propose(&t, t.x.a, t.id), 0);
	assert_int_equal(propose(&t, t.x.a, t.other), 0);
	first_signature_is_the_askers(&t);
	assert_int_equal(sign_as(t.f, t.x.a, t.id, "sign"), 0);
	others_do_not_sign_second(&t);
	signatures_are_of_this_request(&t);
	documents_are_of_this_vault_and_time(&t);
	requests_expire(&t);
	if (t.kind->custodians) {
		assert_int_equal(sign_as(t.f, t.x.b, t.id, "approve"), 0);
		one_custodian_does_not_give_for_two(&t);
	}
	assert_false(t.kind->done(&t));
	assert_int_equal(refusals_in_the_log(&t), t.refusals);
	assert_done_once(&t);
}

static void a_member_joins(void **state) { try_operation(state, OPERATION_ADD_MEMBER); }
static void a_member_gets_roles(void **state) { try_operation(state, OPERATION_ROLES); }
static void roles_are_rekeyed(void **state) { try_operation(state, OPERATION_REKEY); }
static void a_role_gets_classes(void **state) { try_operation(state, OPERATION_CLASSES); }
static void classes_are_re_wrapped(void **state) { try_operation(state, OPERATION_REWRAP); }
static void a_member_is_removed(void **state) { try_operation(state, OPERATION_REMOVE); }
static void a_member_is_restored(void **state) { try_operation(state, OPERATION_RESTORE); }
static void a_policy_comes_into_force(void **state) { try_operation(state, OPERATION_POLICY); }
static void a_split_is_allowed(void **state) { try_operation(state, OPERATION_SPLIT); }

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, operations_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		T(a_member_joins), T(a_member_gets_roles), T(roles_are_rekeyed), T(a_role_gets_classes), T(classes_are_re_wrapped),
		T(a_member_is_removed),
		T(a_member_is_restored), T(a_policy_comes_into_force), T(a_split_is_allowed),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
