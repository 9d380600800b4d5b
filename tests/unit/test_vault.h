/* A whole vault on a temporary folder with a policy of a few fields, and clients that speak messages to it. */
#ifndef CV_TEST_VAULT_H
#define CV_TEST_VAULT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/log.h"
#include "crypto/crypto.h"
#include "format/context.h"
#include "model/source.h"
#include "vault/genesis.h"
#include "vault/vault_internal.h"

enum { ROLE_WORKER = 1, ROLE_CLERK = 2, ROLE_INTAKE = 3, ROLE_AUDITOR = 4, ROLE_SCHOOL = 5, ROLE_MANAGER = 6 };
enum { CLASS_ID = 0x10, CLASS_HEALTH = 0x50, CLASS_ID_MASKED = 0x4010 };
enum { FIELD_NAME = 1, FIELD_CITY = 2, FIELD_NOTE = 3 };
/*
 * From the manager on they are there where the policy has managers; the twin is a clerk who is the manager's natural person. Custodians
 * come where fixture_custodians says so, and another administrator with them; the last two custodians are one person.
 */
enum { P_ADMIN_A, P_ADMIN_B, P_AUDITOR, P_WORKER, P_CLERK, P_INTAKE, P_SCHOOL, P_MANAGER, P_DEPUTY, P_TWIN, P_ADMIN_A2, P_CUSTODIAN_1,
	P_CUSTODIAN_2, P_CUSTODIAN_3, P_CUSTODIAN_4, PEOPLE };

struct test_person {
	uint8_t box_sk[32], seed[32], sign_sk[64];
	uint16_t role;
	struct genesis_person g;
};
struct fixture {
	char dir[64];
	uint8_t kek[32], vault_id[16];
	struct buf policy;
	struct test_person person[PEOPLE];
	unsigned people;		/* that the vault has */
	struct vault *v;
	uint8_t request_id[16];
	struct buf out;
};

static inline void sign_cb(void *cookie, const void *p, size_t n, uint8_t ret[64])
{
	struct test_person *person = cookie;

	crypto_sign(person->sign_sk, p, n, ret);
}

#define LABEL { "标签", "label" }
#define SHAPE_TEXT { .type = VALUE_TEXT, .max_length = 200 }

static inline void fixture_policy(struct buf *ret)
{
	static const struct policy_department departments[] = { { 1, "MZ", LABEL }, { 2, "JY", LABEL } };
	static const struct policy_purpose purposes[] = { { 1, "intake", LABEL, false }, { 2, "visit", LABEL, false },
		{ 3, "judicial", LABEL, true } };
	static const struct policy_class classes[] = { { CLASS_ID, "identity", LABEL, "", 3, false },
		{ CLASS_HEALTH, "health", LABEL, "", 4, false }, { CLASS_ID_MASKED, "identity.masked", LABEL, "", 3, false } };
	static const struct policy_field fields[] = {
		{ .id = FIELD_NAME, .class = CLASS_ID, .name = "name", .label = LABEL, .about = "", .fold_code = "", .fold_as = "",
		    .owner = 1, .type = VALUE_TEXT,
		    .max_length = 200, .validator = VALID_V1_NAME, .purposes = 7, .views = 1,
		    .shape = { .type = VALUE_TEXT, .max_length = 200, .validator = VALID_V1_NAME },
		    .view = { { CLASS_ID_MASKED, VIEW_M1_NAME } } },
		{ .id = FIELD_CITY, .class = CLASS_ID, .name = "city", .label = LABEL, .about = "", .fold_code = "", .fold_as = "",
		    .owner = 1, .type = VALUE_TEXT,
		    .max_length = 200, .shape = SHAPE_TEXT, .purposes = 3 },
		{ .id = FIELD_NOTE, .class = CLASS_HEALTH, .name = "note", .label = LABEL, .about = "", .fold_code = "", .fold_as = "",
		    .owner = 1, .type = VALUE_TEXT,
		    .max_length = 200, .shape = SHAPE_TEXT, .purposes = 7 },
	};
	static const struct policy_role roles[] = {
		{ .id = ROLE_WORKER, .name = "worker", .label = LABEL, .department = 1, .kind = PRINCIPAL_PERSON, .purposes = 7,
		    .rights = { RIGHT_READ | RIGHT_REVEAL | RIGHT_WRITE, RIGHT_READ | RIGHT_WRITE, RIGHT_READ } },
		{ .id = ROLE_CLERK, .name = "clerk", .label = LABEL, .department = 1, .kind = PRINCIPAL_PERSON, .purposes = 3,
		    .rights = { 0, 0, RIGHT_READ } },
		{ .id = ROLE_INTAKE, .name = "intake", .label = LABEL, .department = 1, .kind = PRINCIPAL_APP, .purposes = 1,
		    .rights = { RIGHT_WRITE_ONLY, RIGHT_WRITE_ONLY, 0 } },
		{ .id = ROLE_AUDITOR, .name = "auditor", .label = LABEL, .department = 1, .kind = PRINCIPAL_AUDITOR, .audit = true,
		    .purposes = 0 },
		{ .id = ROLE_SCHOOL, .name = "school", .label = LABEL, .department = 2, .kind = PRINCIPAL_PERSON, .purposes = 2,
		    .rights = { 0, RIGHT_READ, 0 } },
	};
	const struct policy_source s = { .name = "test", .version = 1, .departments = 2, .purposes = 3, .classes = 3, .fields = 3,
		.roles = 5, .department = departments, .purpose = purposes, .class = classes, .field = fields, .role = roles };
	struct policy_fault fault = { 0 };
	struct policy *p;

	buf_init(ret, POLICY_DOCUMENT_MAX);
	assert_int_equal(policy_encode(&s, ret), 0);
	if (policy_decode_explain(ret->p, ret->n, &p, &fault) != 0)
		fail_msg("policy: part %d, id %u: %s %s", (int)fault.part, fault.id, fault.text, fault.other);
	policy_free(p);
}

/* What the next fixture is made of, where a test wants another policy or people with areas. */
static void (*fixture_make_policy)(struct buf *ret) = fixture_policy;
static const char *fixture_area[PEOPLE];
static bool fixture_custodians;
/* Changes people before they are made; NULL: they are as below. */
static void (*fixture_change)(struct test_person person[PEOPLE]);

static inline void fixture_person(struct test_person *p, enum principal_kind kind, uint8_t area, uint16_t role, const char *login)
{
	crypto_random(p->box_sk, 32);
	crypto_random(p->seed, 32);
	crypto_random(p->g.principal.id, 16);
	crypto_random(p->g.principal.person, 16);
	crypto_box_public(p->box_sk, p->g.principal.box_pk);
	crypto_sign_pair(p->seed, p->g.principal.sign_pk, p->sign_sk);
	p->g.principal.kind = kind;
	p->g.principal.admin_area = area;
	p->g.principal.uid = UID_ANY;
	p->g.login = p->g.name = p->g.department = p->g.post = login;
	p->g.area = "";
	p->role = role;
	p->g.roles = &p->role;
	p->g.role_count = role != 0;
}

/* How many of the people a vault of this policy has. */
static inline unsigned fixture_people(const struct buf *document)
{
	struct policy *p;
	bool managers;

	assert_int_equal(policy_decode(document->p, document->n, &p), 0);
	managers = policy_role_by_id(p, ROLE_MANAGER) != NULL;
	policy_free(p);
	return !managers ? P_MANAGER : fixture_custodians ? PEOPLE : P_ADMIN_A2;
}

static inline void fixture_open(struct fixture *f)
{
	assert_int_equal(vault_open(f->dir, &f->v), 0);
	assert_int_equal(vault_unseal(f->v, 3, f->kek), 0);
}

/* Size of each of the two journal files of the next fixture. */
static uint64_t fixture_journal_bytes = 9u << 20;

/* Make the vault of f's people and policy in f->dir. What vault_genesis answers. */
static inline int fixture_genesis(struct fixture *f)
{
	struct vault_genesis_slot slot = { .number = 3, .info = { .type = SLOT_DEMO } };
	struct genesis_person people[PEOPLE];
	struct genesis_signer signers[2];
	struct vault_genesis g = { .dir = f->dir, .demo = true, .people = people, .signers = signers, .signer_count = 2,
		.policy = f->policy.p, .policy_n = f->policy.n, .slots = &slot, .slot_count = 1,
		.journal_file_bytes = fixture_journal_bytes, .journal_files = 2 };

	g.people_count = f->people;
	for (unsigned i = 0; i < PEOPLE; i++)
		people[i] = f->person[i].g;
	for (unsigned i = 0; i < 2; i++) {
		memcpy(signers[i].id, people[i].principal.id, 16);
		signers[i].sign = sign_cb;
		signers[i].cookie = &f->person[i];
	}
	memcpy(slot.kek, f->kek, 32);
	memcpy(g.vault_id, f->vault_id, 16);
	return vault_genesis(&g);
}

static inline int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	crypto_allow_unlocked(true);
	assert_int_equal(crypto_start(), 0);
	log_init("test", LOG_LEVEL_ERROR);
	strcpy(f->dir, "/tmp/cv-vault-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	fixture_make_policy(&f->policy);
	fixture_person(&f->person[P_ADMIN_A], PRINCIPAL_ADMINISTRATOR, 1, 0, "admin-a");
	fixture_person(&f->person[P_ADMIN_B], PRINCIPAL_ADMINISTRATOR, 2, 0, "admin-b");
	fixture_person(&f->person[P_AUDITOR], PRINCIPAL_AUDITOR, 0, ROLE_AUDITOR, "auditor");
	fixture_person(&f->person[P_WORKER], PRINCIPAL_PERSON, 0, ROLE_WORKER, "worker");
	fixture_person(&f->person[P_CLERK], PRINCIPAL_PERSON, 0, ROLE_CLERK, "clerk");
	fixture_person(&f->person[P_INTAKE], PRINCIPAL_APP, 0, ROLE_INTAKE, "intake");
	fixture_person(&f->person[P_SCHOOL], PRINCIPAL_PERSON, 0, ROLE_SCHOOL, "school");
	fixture_person(&f->person[P_MANAGER], PRINCIPAL_PERSON, 0, ROLE_MANAGER, "manager");
	fixture_person(&f->person[P_DEPUTY], PRINCIPAL_PERSON, 0, ROLE_MANAGER, "deputy");
	fixture_person(&f->person[P_TWIN], PRINCIPAL_PERSON, 0, ROLE_CLERK, "twin");
	memcpy(f->person[P_TWIN].g.principal.person, f->person[P_MANAGER].g.principal.person, 16);
	if (fixture_change != NULL)
		fixture_change(f->person);
	fixture_person(&f->person[P_ADMIN_A2], PRINCIPAL_ADMINISTRATOR, 3, 0, "admin-a2");	/* a second key of one person */
	memcpy(f->person[P_ADMIN_A2].g.principal.person, f->person[P_ADMIN_A].g.principal.person, 16);
	fixture_person(&f->person[P_CUSTODIAN_1], PRINCIPAL_CUSTODIAN, 0, 0, "custodian-1");
	fixture_person(&f->person[P_CUSTODIAN_2], PRINCIPAL_CUSTODIAN, 0, 0, "custodian-2");
	fixture_person(&f->person[P_CUSTODIAN_3], PRINCIPAL_CUSTODIAN, 0, 0, "custodian-3");
	fixture_person(&f->person[P_CUSTODIAN_4], PRINCIPAL_CUSTODIAN, 0, 0, "custodian-4");
	memcpy(f->person[P_CUSTODIAN_4].g.principal.person, f->person[P_CUSTODIAN_3].g.principal.person, 16);
	for (unsigned i = 0; i < PEOPLE; i++)
		if (fixture_area[i] != NULL)
			f->person[i].g.area = fixture_area[i];
	f->people = fixture_people(&f->policy);
	crypto_random(f->kek, 32);
	crypto_random(f->vault_id, 16);
	assert_int_equal(fixture_genesis(f), 0);
	buf_init(&f->out, 16u << 20);
	fixture_open(f);
	*state = f;
	return 0;
}

static inline int fixture_teardown(void **state)
{
	struct fixture *f = *state;
	char cmd[128];

	vault_close(f->v);
	buf_free(&f->out);
	buf_free(&f->policy);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", f->dir);
	assert_int_equal(system(cmd), 0);
	free(f);
	return 0;
}

/* run gets the call; the answer stands in f->out. */
typedef unsigned (*test_run)(struct vault *v, struct vault_call *c, void *m);

/* One request of an open turn. Returns its problem, or LATER. */
#define LATER 1000u
static inline unsigned one_call(struct fixture *f, const struct wire_envelope *env, bool session, test_run run, void *m)
{
	static const struct vault_caller who = { 1000, 4242 };
	struct vault_call *c;
	struct rd rd;
	uint16_t problem;
	uint64_t leaf;

	buf_reset(&f->out);
	c = vault_call_begin(f->v, &who, env, (const uint8_t *)"body", 4, session, &f->out);
	if (vault_call_problem(c) == 0)
		(void)run(f->v, c, m);
	if (!vault_call_end(f->v, c))
		return LATER;
	rd = rd_over(f->out.p, f->out.n);
	assert_int_equal(wire_answer_get(&rd, &problem, &leaf), 0);
	return problem;
}

/*
 * One turn of one request; returns the problem. Where a test expects the turn to fail it says how in fixture_turn_end, and the
 * answer in f->out is the one that nobody gets. With fixture_turn_open the turn is the test's own.
 */
static int fixture_turn_end;
static bool fixture_turn_open;
/* What makes a turn of a request instead, where turns may fail in ways that no test foresees. */
static unsigned (*fixture_turn)(struct fixture *f, const struct wire_envelope *env, bool session, test_run run, void *m);
static inline unsigned one_turn(struct fixture *f, const struct wire_envelope *env, bool session, test_run run, void *m)
{
	unsigned problem;

	if (fixture_turn != NULL)
		return fixture_turn(f, env, session, run, m);
	if (!fixture_turn_open)
		assert_int_equal(vault_turn_begin(f->v), 0);
	problem = one_call(f, env, session, run, m);
	if (!fixture_turn_open)
		assert_int_equal(vault_turn_end(f->v), fixture_turn_end);
	return problem;
}

static inline unsigned run_hello(struct vault *v, struct vault_call *c, void *m) { return vault_hello(v, c, m); }
static inline unsigned run_activate(struct vault *v, struct vault_call *c, void *m) { return vault_activate(v, c, m); }
static inline unsigned run_create(struct vault *v, struct vault_call *c, void *m) { return vault_create_record(v, c, m); }
static inline unsigned run_read(struct vault *v, struct vault_call *c, void *m) { return vault_read_record(v, c, m); }
static inline unsigned run_patch(struct vault *v, struct vault_call *c, void *m) { return vault_patch_record(v, c, m); }
static inline unsigned run_history(struct vault *v, struct vault_call *c, void *m) { return vault_history(v, c, m); }

/* Seal the key of wrap i to the session, if it is one that opens for the person: the others are decoys. */
static inline bool seal_wrap(struct fixture *f, struct test_person *p, const struct wire_hello_answer *h, unsigned i, uint8_t ret[112])
{
	struct context at = { .kind = CONTEXT_KEY_WRAP, .vault = f->vault_id, .entity = p->g.principal.id,
		.epoch = h->wrap[i].epoch, .field = h->wrap[i].role, .version = 1, .length = 32 };
	struct context to = { .kind = CONTEXT_SESSION, .vault = f->vault_id, .entity = h->session, .epoch = h->wrap[i].epoch,
		.field = h->wrap[i].role, .writer = p->g.principal.id, .length = 32 };
	uint8_t ctx[CONTEXT_BYTES], sk[32];

	context_encode(&at, ctx);
	if (crypto_pkopen(p->box_sk, ctx, h->wrap[i].wrap, 112, sk) != 0)
		return false;
	context_encode(&to, ctx);
	assert_int_equal(crypto_pkseal(h->ephemeral, ctx, sk, 32, ret), 0);
	return true;
}

/* Seal the first wrap that opens as the person's role to the session; false if none does. */
static inline bool seal_role(struct fixture *f, struct test_person *p, const struct wire_hello_answer *h, uint8_t ret[112])
{
	for (unsigned i = 0; i < WIRE_ROLES_MAX; i++)
		if (h->wrap[i].role == p->role && seal_wrap(f, p, h, i, ret))
			return true;
	return false;
}

/* Open a session with every role that the person has, the personal one too; the token goes to ret. Returns the problem of the last step. */
static inline unsigned login(struct fixture *f, unsigned who, uint8_t ret[32])
{
	static const uint8_t zeros[32];
	struct test_person *p = &f->person[who];
	struct wire_envelope env = { .request_id = f->request_id };
	struct wire_hello hello = { f->request_id, p->g.principal.id, zeros };
	struct wire_hello_answer h;
	struct wire_activate act;
	struct wire_activate_answer a;
	uint8_t copy[2048], sealed[WIRE_ROLES_MAX][112], proof[16 + 16 + 32 + 1 + WIRE_ROLES_MAX * 118] = "cv1.proof", sig[64];
	size_t n;
	unsigned problem;

	problem = one_turn(f, &env, false, run_hello, &hello);
	if (fixture_turn != NULL && problem != 0)
		return problem;
	assert_int_equal(problem, 0);
	n = f->out.n - 10;
	assert_true(n <= sizeof(copy));
	memcpy(copy, f->out.p + 10, n);
	assert_int_equal(wire_hello_answer_decode(copy, n, &h), 0);
	memset(&act, 0, sizeof(act));
	for (unsigned i = 0; i < WIRE_ROLES_MAX; i++)
		if (seal_wrap(f, p, &h, i, sealed[act.n])) {
			act.role[act.n] = (struct wire_role_key){ h.wrap[i].role, h.wrap[i].epoch, sealed[act.n] };
			act.n++;
		}
	assert_true(act.n > 0);
	memcpy(proof + 16, h.session, 16);
	memcpy(proof + 32, h.ephemeral, 32);
	proof[64] = (uint8_t)act.n;
	for (unsigned i = 0; i < act.n; i++) {
		be16_put(proof + 65 + i * 118, act.role[i].role);
		be32_put(proof + 67 + i * 118, act.role[i].epoch);
		memcpy(proof + 71 + i * 118, act.role[i].sealed, 112);
	}
	crypto_sign(p->sign_sk, proof, 65 + act.n * 118, sig);
	act.request_id = f->request_id;
	act.session = h.session;
	act.signature = sig;
	problem = one_turn(f, &env, false, run_activate, &act);
	if (problem == 0) {
		assert_int_equal(wire_activate_answer_decode(f->out.p + 10, f->out.n - 10, &a), 0);
		memcpy(ret, a.token, 32);
	}
	return problem;
}

static inline struct wire_envelope envelope(struct fixture *f, const uint8_t token[32], const char *purpose, const char *reason)
{
	struct wire_envelope e = { .has_token = true, .token = token, .request_id = f->request_id,
		.purpose = wire_text(purpose, strlen(purpose)), .case_text = wire_text("", 0),
		.reason = wire_text(reason, strlen(reason)) };

	return e;
}

/* Fields given as name, value pairs up to NULL; a NULL value is a null. */
static inline void put_fields(struct buf *b, va_list ap)
{
	size_t at = wire_count_begin(b), count = 0;
	const char *name, *value;

	while ((name = va_arg(ap, const char *)) != NULL) {
		value = va_arg(ap, const char *);
		wire_field_put(b, name, strlen(name), value != NULL ? VALUE_TEXT : VALUE_NULL, value, value != NULL ? strlen(value) : 0);
		count++;
	}
	wire_count_end(b, at, count);
}

static inline struct wire_list fields_of(const struct buf *b)
{
	struct rd rd = rd_over(b->p, b->n);
	struct wire_list l;

	assert_int_equal(wire_fields_get(&rd, &l), 0);
	return l;
}

static inline unsigned create(struct fixture *f, const uint8_t token[32], const char *purpose, const char *key, uint8_t ret_record[16],
    uint8_t ret_etag[16], ...)
{
	struct wire_envelope env = envelope(f, token, purpose, "");
	struct wire_create m = { .key = wire_text(key, strlen(key)) };
	struct wire_create_answer a;
	struct buf b;
	va_list ap;
	unsigned problem;

	buf_init(&b, 65536);
	va_start(ap, ret_etag);
	put_fields(&b, ap);
	va_end(ap);
	m.fields = fields_of(&b);
	problem = one_turn(f, &env, true, run_create, &m);
	if (problem == 0) {
		assert_int_equal(wire_create_answer_decode(f->out.p + 10, f->out.n - 10, &a), 0);
		memcpy(ret_record, a.record, 16);
		memcpy(ret_etag, a.etag, 16);
	}
	buf_free(&b);
	return problem;
}

static inline unsigned patch(struct fixture *f, const uint8_t token[32], const char *purpose, const uint8_t record[16], const uint8_t *etag,
    uint8_t ret_etag[16], ...)
{
	struct wire_envelope env = envelope(f, token, purpose, "");
	struct wire_patch m = { .record = record, .has_etag = etag != NULL, .etag = etag };
	struct buf b;
	va_list ap;
	unsigned problem;

	buf_init(&b, 65536);
	va_start(ap, ret_etag);
	put_fields(&b, ap);
	va_end(ap);
	m.fields = fields_of(&b);
	problem = one_turn(f, &env, true, run_patch, &m);
	if (problem == 0)
		memcpy(ret_etag, f->out.p + 10, 16);
	buf_free(&b);
	return problem;
}

/* Read one field; its text goes to ret, "" if absent, "(omitted)", "(masked)" prefix "~". */
static inline unsigned read_field(struct fixture *f, const uint8_t token[32], const char *purpose, const uint8_t record[16],
    const char *field, bool clear, char ret[256])
{
	struct wire_envelope env = envelope(f, token, purpose, clear ? "because" : "");
	struct wire_read m = { .record = record, .view = clear ? WIRE_VIEW_CLEAR : WIRE_VIEW_DEFAULT };
	struct wire_read_answer a;
	struct wire_field w;
	struct buf b;
	struct rd rd;
	size_t at;
	unsigned problem;

	buf_init(&b, 4096);
	at = wire_count_begin(&b);
	wire_text8_put(&b, field, strlen(field));
	wire_count_end(&b, at, 1);
	rd = rd_over(b.p, b.n);
	assert_int_equal(wire_names_get(&rd, &m.names), 0);
	problem = one_turn(f, &env, true, run_read, &m);
	ret[0] = '\0';
	if (problem == 0) {
		assert_int_equal(wire_read_answer_decode(f->out.p + 10, f->out.n - 10, &a), 0);
		if (wire_fields_next(&a.fields, &w))
			snprintf(ret, 256, "%s%.*s", a.redacted.count > 0 ? "~" : "", (int)w.value.n, (const char *)w.value.p);
		else if (a.omitted.count > 0)
			strcpy(ret, "(omitted)");
	}
	buf_free(&b);
	return problem;
}

#endif
