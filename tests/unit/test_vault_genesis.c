/*
 * What genesis gives the people of a vault: standing approvals of a demo, and a personal role for everybody. And a vault of people with
 * keys of their own: pending until two of its administrators, different persons, have signed.
 */
#include "test_vault.h"

#include <sys/syscall.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "format/gov.h"
#include "vault/genesis_request.h"
#include "vault/separation.h"

#define DAY_MS (24u * 3600 * 1000)

/* The process's clock, moved by a test. */
static int64_t wall_shift_ms;

int clock_gettime(clockid_t id, struct timespec *ret)
{
	int r = (int)syscall(SYS_clock_gettime, id, ret);

	ret->tv_sec += id == CLOCK_REALTIME ? wall_shift_ms / 1000 : 0;
	return r;
}

struct making {
	struct vault_genesis g;
	struct genesis_person people[PEOPLE];
	struct genesis_signer signers[2];
	struct vault_genesis_slot slot;
	uint8_t standing[2][16];
};

/* The fixture's people once more, the worker and the clerk with standing approvals. */
static struct making *making_of(struct fixture *f, const char *dir)
{
	struct making *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	for (unsigned i = 0; i < PEOPLE; i++)
		m->people[i] = f->person[i].g;
	for (unsigned i = 0; i < 2; i++) {
		memcpy(m->signers[i].id, m->people[i].principal.id, 16);
		m->signers[i].sign = sign_cb;
		m->signers[i].cookie = &f->person[i];
	}
	m->slot = (struct vault_genesis_slot){ .number = 2, .info = { .type = SLOT_DEMO } };
	memcpy(m->standing[0], m->people[P_WORKER].principal.id, 16);
	memcpy(m->standing[1], m->people[P_CLERK].principal.id, 16);
	m->g = (struct vault_genesis){ .dir = dir, .demo = true, .policy = f->policy.p, .policy_n = f->policy.n,
		.people = m->people, .people_count = P_MANAGER, .signers = m->signers, .signer_count = 2, .slots = &m->slot,
		.slot_count = 1, .standing = (const uint8_t (*)[16])m->standing, .standing_count = 2,
		.journal_file_bytes = 256u << 10, .journal_files = 2 };
	return m;
}

static void folder_gone(const char *dir)
{
	char cmd[96];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	assert_int_equal(system(cmd), 0);
}

struct seen {
	struct vault *v;
	const struct making *m;
	unsigned n[2];
};

/* Each row is the assignment of one of the two. */
static int see_row(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	static const uint8_t purposes[] = { 0, 1, 0, 2, 0, 3 }, zeros[16];
	struct seen *x = cookie;
	struct gov_prefix prefix;
	struct gov_object o = { .level = 0 };
	struct buf plain;
	uint32_t today = (uint32_t)(clock_wall_ms() / DAY_MS);

	assert_int_equal(key_n, GOV_KEY);
	assert_int_equal(gov_prefix_decode(val, val_n, &prefix), 0);
	assert_int_equal(prefix.type, GOV_ASSIGNMENT);
	assert_int_equal(prefix.state, GOV_ACTIVE);
	assert_true(prefix.serial == 0 && prefix.epoch == 1 && prefix.due_day > today + 3653);
	buf_init(&plain, 65536);
	assert_int_equal(keys_gov_open(x->v->keys, GOV_ASSIGNMENT, key + 2, UINT32_MAX, val + GOV_PREFIX, val_n - GOV_PREFIX, &plain), 0);
	assert_int_equal(gov_object_decode(&prefix, plain.p, plain.n, &o), 0);
	assert_int_equal(o.level, 4);
	assert_int_equal(o.flags, GOV_ANY_RECORD | GOV_DEMO);
	assert_memory_equal(o.by, zeros, 16);
	assert_int_equal(o.records.n, 0);
	assert_int_equal(o.purposes.n, sizeof(purposes));
	assert_memory_equal(o.purposes.p, purposes, sizeof(purposes));
	for (unsigned i = 0; i < 2; i++)
		x->n[i] += memcmp(o.principal, x->m->standing[i], 16) == 0;
	buf_free(&plain);
	return 0;
}

static void standing_approvals_are_assignments_to_any_record(void **state)
{
	struct fixture *f = *state;
	char dir[] = "/tmp/cv-genesis-XXXXXX";
	struct making *m = making_of(f, dir);
	struct seen x = { .m = m };

	assert_non_null(mkdtemp(dir));
	assert_int_equal(vault_genesis(&m->g), 0);
	assert_int_equal(vault_open(dir, &x.v), 0);
	assert_int_equal(vault_unseal(x.v, 2, m->slot.kek), 0);
	assert_int_equal(store_scan(x.v->store, STORE_GOV, NULL, 0, NULL, 0, false, 0, see_row, &x), 0);
	assert_true(x.n[0] == 1 && x.n[1] == 1);
	vault_close(x.v);
	folder_gone(dir);
	free(m);
}

static void no_demo(struct making *m) { m->g.demo = false; }
static void unknown(struct making *m) { m->standing[1][0] ^= 1; }
static void login_twice(struct making *m) { m->people[P_CLERK].login = m->people[P_WORKER].login; }
static void no_area(struct making *m) { m->people[P_CLERK].area = "here"; }

static void standing_approvals_of_others_and_unfit_people_are_refused(void **state)
{
	static void (*const spoil[])(struct making *m) = { no_demo, unknown, login_twice, no_area };
	struct fixture *f = *state;
	struct vault *v;

	for (unsigned i = 0; i < sizeof(spoil) / sizeof(spoil[0]); i++) {
		char dir[] = "/tmp/cv-genesis-XXXXXX";
		struct making *m = making_of(f, dir);

		assert_non_null(mkdtemp(dir));
		spoil[i](m);
		assert_int_equal(vault_genesis(&m->g), CV_ERR_ARG);
		assert_int_equal(vault_open(dir, &v), CV_ERR_NOTFOUND);
		folder_gone(dir);
		free(m);
	}
}

static void personal_role_opens_a_session_and_no_record(void **state)
{
	struct fixture *f = *state;
	struct wire_activate_answer a;
	uint8_t token[32], record[16], etag[16];

	/* An administrator has no other role. */
	assert_int_equal(login(f, P_ADMIN_A, token), 0);
	assert_int_equal(wire_activate_answer_decode(f->out.p + 10, f->out.n - 10, &a), 0);
	assert_true(a.n == 1 && a.role[0].n == 0);
	assert_int_equal(create(f, token, "intake", "", record, etag, "name", "王小明", NULL), PROBLEM_NOT_PERMITTED);
	assert_int_equal(login(f, P_WORKER, token), 0);
	assert_int_equal(wire_activate_answer_decode(f->out.p + 10, f->out.n - 10, &a), 0);
	assert_true(a.n == 2 && a.role[0].n + a.role[1].n == strlen("worker"));
}

/* ---- pending ------------------------------------------------------------------------------------------------------------- */

/* Three administrators, the third of them the first one's person once more; two custodians, an auditor, a worker and a clerk. */
enum { O_ADMIN_A, O_ADMIN_B, O_ADMIN_C, O_CUSTODIAN_A, O_CUSTODIAN_B, O_AUDITOR, O_WORKER, O_CLERK, OFFICE };
struct office {
	struct fixture f;		/* its policy, folder, keys and calls */
	struct test_person p[OFFICE];
	struct genesis_person people[OFFICE];
	struct genesis_signer signers[3];
	struct vault_genesis_slot slot;
	struct vault_genesis g;
	struct buf request;
	struct genesis_reading r;
	bool read;
};

/* When the worker was vetted: a month before the tests began, so that it holds for the year. */
static uint64_t vetted_ms(void)
{
	static uint64_t ms;

	if (ms == 0)
		ms = clock_wall_ms() - 30 * 86400000u;
	return ms;
}

static struct office *office_new(void)
{
	static const struct {
		enum principal_kind kind;
		uint8_t area;
		uint16_t role;
		const char *login;
	} who[OFFICE] = { { PRINCIPAL_ADMINISTRATOR, 1, 0, "admin-a" }, { PRINCIPAL_ADMINISTRATOR, 2, 0, "admin-b" },
		{ PRINCIPAL_ADMINISTRATOR, 3, 0, "admin-c" }, { PRINCIPAL_CUSTODIAN, 0, 0, "custodian-a" },
		{ PRINCIPAL_CUSTODIAN, 0, 0, "custodian-b" }, { PRINCIPAL_AUDITOR, 0, ROLE_AUDITOR, "auditor" },
		{ PRINCIPAL_PERSON, 0, ROLE_WORKER, "worker" }, { PRINCIPAL_PERSON, 0, ROLE_CLERK, "clerk" } };
	struct office *o = calloc(1, sizeof(*o));

	assert_non_null(o);
	crypto_allow_unlocked(true);
	assert_int_equal(crypto_start(), 0);
	log_init("test", LOG_LEVEL_ERROR);
	strcpy(o->f.dir, "/tmp/cv-office-XXXXXX");
	assert_non_null(mkdtemp(o->f.dir));
	fixture_policy(&o->f.policy);
	buf_init(&o->f.out, 16u << 20);
	buf_init(&o->request, GENESIS_REQUEST_MAX);
	crypto_random(o->f.vault_id, 16);
	crypto_random(o->f.kek, 32);
	for (unsigned i = 0; i < OFFICE; i++) {
		fixture_person(&o->p[i], who[i].kind, who[i].area, who[i].role, who[i].login);
		o->people[i] = o->p[i].g;
	}
	for (unsigned i = 0; i < 3; i++)
		memcpy(o->signers[i].id, o->people[i].principal.id, 16);
	memcpy(o->people[O_ADMIN_C].principal.person, o->people[O_ADMIN_A].principal.person, 16);
	o->people[O_WORKER].vetted_ms = vetted_ms();
	/* login() finds the worker and the clerk where the fixture has them. */
	o->f.person[P_WORKER] = o->p[O_WORKER];
	o->f.person[P_CLERK] = o->p[O_CLERK];
	o->slot = (struct vault_genesis_slot){ .number = 2, .info = { .type = SLOT_PASSPHRASE, .argon_kib = 65536, .argon_passes = 3 } };
	memcpy(o->slot.kek, o->f.kek, 32);
	o->g = (struct vault_genesis){ .dir = o->f.dir, .pending = true, .policy = o->f.policy.p, .policy_n = o->f.policy.n,
		.people = o->people, .people_count = OFFICE, .signers = o->signers, .signer_count = 3, .slots = &o->slot, .slot_count = 1,
		.journal_file_bytes = 9u << 20, .journal_files = 2 };
	memcpy(o->g.vault_id, o->f.vault_id, 16);
	return o;
}

static void office_free(struct office *o)
{
	vault_close(o->f.v);
	if (o->read)
		genesis_reading_free(&o->r);
	buf_free(&o->request);
	buf_free(&o->f.out);
	buf_free(&o->f.policy);
	folder_gone(o->f.dir);
	free(o);
}

static char *path_in(struct office *o, const char *name, char ret[128])
{
	snprintf(ret, 128, "%s/%s", o->f.dir, name);
	return ret;
}

static bool file_there(struct office *o, const char *name)
{
	char path[128];

	return access(path_in(o, name, path), F_OK) == 0;
}

static void write_file(struct office *o, const char *name, const struct buf *b)
{
	char path[128];
	FILE *f = fopen(path_in(o, name, path), "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(b->p, 1, b->n, f), b->n);
	assert_int_equal(fclose(f), 0);
}

/* Make the vault and read its request. */
static void office_make(struct office *o)
{
	char path[128];
	FILE *f;
	size_t n;

	assert_int_equal(vault_genesis(&o->g), 0);
	f = fopen(path_in(o, GENESIS_REQUEST_FILE, path), "rb");
	assert_non_null(f);
	n = fread(buf_add(&o->request, 1u << 20), 1, 1u << 20, f);
	assert_int_equal(fclose(f), 0);
	buf_cut(&o->request, n);
	assert_int_equal(genesis_reading_new(o->request.p, o->request.n, &o->r), 0);
	o->read = true;
	assert_int_equal(vault_open(o->f.dir, &o->f.v), 0);
}

static void sign_of(struct office *o, unsigned who, struct genesis_signature *ret)
{
	assert_int_equal(genesis_sign(&o->r.signing, o->p[who].g.principal.id, o->p[who].g.principal.sign_pk, sign_cb, &o->p[who], ret), 0);
}

/* Put a signature where the vault looks for that of `who`. */
static void put_signature(struct office *o, unsigned who, const struct genesis_signature *s)
{
	char name[64] = GENESIS_SIGNATURE_FILE;
	struct buf text;

	hex_encode(o->p[who].g.principal.id, 16, name + strlen(name));
	buf_init(&text, GENESIS_SIGNATURE_TEXT_MAX);
	genesis_signature_encode(s, &text);
	write_file(o, name, &text);
	buf_free(&text);
}

static void sign(struct office *o, unsigned who)
{
	struct genesis_signature s;

	sign_of(o, who, &s);
	put_signature(o, who, &s);
}

/* It does not unseal, says why, and nothing that a session could begin with answers. */
static void stays_pending(struct office *o)
{
	assert_int_equal(vault_unseal(o->f.v, 2, o->f.kek), CV_ERR_DENIED);
	assert_int_equal(vault_state(o->f.v), VAULT_SEALED);
	assert_int_equal(vault_health(o->f.v), WIRE_SEALED);
	assert_int_equal(vault_turn_begin(o->f.v), CV_ERR_STATE);
	assert_true(file_there(o, GENESIS_REQUEST_FILE));
}

static void works(struct office *o)
{
	uint8_t token[32], record[16], etag[16];
	char text[256];

	assert_int_equal(login(&o->f, P_WORKER, token), 0);
	assert_int_equal(create(&o->f, token, "intake", "", record, etag, "name", "王小明", "city", "某县", NULL), 0);
	assert_int_equal(read_field(&o->f, token, "intake", record, "city", false, text), 0);
	assert_string_equal(text, "某县");
	assert_int_equal(login(&o->f, P_CLERK, token), 0);
	assert_int_equal(read_field(&o->f, token, "intake", record, "name", false, text), 0);
	assert_string_equal(text, "~王**");
}

static void vault_is_pending_until_two_persons_signed(void **state)
{
	struct office *o = office_new();

	(void)state;
	office_make(o);
	stays_pending(o);
	sign(o, O_ADMIN_A);
	stays_pending(o);
	sign(o, O_ADMIN_C);	/* another key of the same person */
	stays_pending(o);
	sign(o, O_ADMIN_B);
	assert_int_equal(vault_unseal(o->f.v, 2, o->f.kek), 0);
	assert_false(file_there(o, GENESIS_REQUEST_FILE));
	works(o);
	/* It is no more pending after a new start, with nothing beside the store to say so. */
	vault_close(o->f.v);
	assert_int_equal(vault_open(o->f.dir, &o->f.v), 0);
	assert_int_equal(vault_unseal(o->f.v, 2, o->f.kek), 0);
	works(o);
	office_free(o);
}

static void signatures_of_others_and_changed_ones_do_not_count(void **state)
{
	struct office *o = office_new(), *other = office_new();
	struct genesis_signature s, t;

	(void)state;
	/* The other vault has the same people with the same keys. */
	memcpy(other->p, o->p, sizeof(o->p));
	for (unsigned i = 0; i < OFFICE; i++)
		other->people[i] = o->people[i];
	memcpy(other->signers, o->signers, sizeof(o->signers));
	office_make(o);
	office_make(other);
	sign(o, O_ADMIN_A);
	sign_of(other, O_ADMIN_B, &s);
	put_signature(o, O_ADMIN_B, &s);
	stays_pending(o);
	memcpy(s.vault, o->f.vault_id, 16);
	put_signature(o, O_ADMIN_B, &s);
	stays_pending(o);
	sign_of(o, O_ADMIN_B, &s);
	for (unsigned bit = 0; bit < 2; bit++) {
		t = s;
		(bit == 0 ? t.leaf : t.change)[17] ^= 4;	/* one of the two alone */
		put_signature(o, O_ADMIN_B, &t);
		stays_pending(o);
	}
	/* The first administrator's under the second one's name, and as if it were theirs. */
	sign_of(o, O_ADMIN_A, &t);
	put_signature(o, O_ADMIN_B, &t);
	stays_pending(o);
	memcpy(t.principal, o->p[O_ADMIN_B].g.principal.id, 16);
	put_signature(o, O_ADMIN_B, &t);
	stays_pending(o);
	/* Somebody who is no administrator, signing with their own key: nobody looks for that file, and it does not count. */
	memcpy(t.principal, o->p[O_WORKER].g.principal.id, 16);
	assert_int_equal(genesis_signature_check(&o->r.signing, &t), CV_ERR_NOTFOUND);
	assert_int_equal(genesis_sign(&o->r.signing, o->p[O_WORKER].g.principal.id, o->p[O_WORKER].g.principal.sign_pk, sign_cb,
	    &o->p[O_WORKER], &t), CV_ERR_NOTFOUND);
	/* A key that is not the one in leaf 0. */
	assert_int_equal(genesis_sign(&o->r.signing, o->p[O_ADMIN_B].g.principal.id, o->p[O_WORKER].g.principal.sign_pk, sign_cb,
	    &o->p[O_WORKER], &t), CV_ERR_NOTFOUND);
	put_signature(o, O_ADMIN_B, &s);
	assert_int_equal(vault_unseal(o->f.v, 2, o->f.kek), 0);
	office_free(o);
	office_free(other);
}

/* Days may pass before the signatures come. Trying to unseal meanwhile writes nothing; then the days are closed, and it works. */
static void days_may_pass_before_it_is_signed(void **state)
{
	struct office *o = office_new();
	struct leaf l;
	struct buf b;

	(void)state;
	buf_init(&b, STORE_LEAF_MAX);
	office_make(o);
	sign(o, O_ADMIN_B);
	wall_shift_ms = 2 * DAY_MS;
	stays_pending(o);
	wall_shift_ms = 3 * DAY_MS;
	stays_pending(o);
	sign(o, O_ADMIN_C);
	assert_int_equal(vault_unseal(o->f.v, 2, o->f.kek), 0);
	assert_int_equal(keys_fs_epoch(o->f.v->keys), 3);
	/* Three days, the signatures, the start. */
	assert_int_equal(store_durable_leaves(o->f.v->store), 1 + 3 + 1 + 1);
	for (unsigned i = 1; i <= 4; i++) {
		buf_reset(&b);
		assert_int_equal(audit_read_leaf(o->f.v->audit, i, &b), 0);
		assert_int_equal(leaf_decode(b.p, b.n, &l), 0);
		assert_int_equal(l.kind, i < 4 ? LEAF_EPOCH : LEAF_RESULT);
	}
	works(o);
	vault_close(o->f.v);
	assert_int_equal(vault_open(o->f.dir, &o->f.v), 0);
	assert_int_equal(vault_unseal(o->f.v, 2, o->f.kek), 0);
	wall_shift_ms = 0;
	buf_free(&b);
	office_free(o);
}

static void wrong_key_does_not_open_a_signed_vault(void **state)
{
	struct office *o = office_new();
	uint8_t kek[32] = { 1 };

	(void)state;
	office_make(o);
	sign(o, O_ADMIN_A);
	sign(o, O_ADMIN_B);
	assert_int_equal(vault_unseal(o->f.v, 2, kek), CV_ERR_AUTH);
	assert_true(file_there(o, GENESIS_REQUEST_FILE));
	assert_int_equal(vault_unseal(o->f.v, 2, o->f.kek), 0);
	office_free(o);
}

/* The leaf says who signed and names the state; the change set has the same signatures. */
static void signatures_stand_in_log_and_directory(void **state)
{
	struct office *o = office_new();
	struct dir_key key = { .type = DIR_CHANGE, .sequence = 1 };
	struct genesis_signature a, b;
	uint8_t k[DIR_KEY_MAX];
	struct store_value val;
	struct dir_change c;
	struct buf bytes;
	struct leaf l;
	struct rd rd;

	(void)state;
	office_make(o);
	sign_of(o, O_ADMIN_A, &a);
	sign_of(o, O_ADMIN_B, &b);
	sign(o, O_ADMIN_A);
	sign(o, O_ADMIN_B);
	assert_int_equal(vault_unseal(o->f.v, 2, o->f.kek), 0);
	buf_init(&bytes, STORE_LEAF_MAX);
	assert_int_equal(audit_read_leaf(o->f.v->audit, 1, &bytes), 0);
	assert_int_equal(leaf_decode(bytes.p, bytes.n, &l), 0);
	assert_int_equal(l.kind, LEAF_RESULT);
	assert_non_null(l.state_hash);
	rd = rd_over(l.body_a, l.body_a_n);
	assert_int_equal(rd_u8(&rd), 1);
	assert_memory_equal(rd_take(&rd, 32), o->r.signing.leaf_hash, 32);
	assert_int_equal(rd_u8(&rd), 2);
	assert_memory_equal(rd_take(&rd, 16), a.principal, 16);
	assert_memory_equal(rd_take(&rd, 64), a.leaf, 64);
	assert_memory_equal(rd_take(&rd, 16), b.principal, 16);
	assert_memory_equal(rd_take(&rd, 64), b.leaf, 64);
	assert_true(rd_done(&rd));
	assert_int_equal(store_get(o->f.v->store, STORE_DIR, k, dir_key_encode(&key, k), &val), 0);
	assert_int_equal(dir_change_decode(val.p, val.n, &c), 0);
	assert_int_equal(c.signatures, 2);
	assert_memory_equal(c.list, a.principal, 16);
	assert_memory_equal(c.list + 16, a.change, 64);
	buf_free(&bytes);
	office_free(o);
}

/* A row that says something else than leaf 0 refuses the vault, signed or not. */
static void flags_of_the_row_are_those_of_leaf_0(void **state)
{
	struct office *o = office_new();
	struct buf row;

	(void)state;
	office_make(o);
	sign(o, O_ADMIN_A);
	sign(o, O_ADMIN_B);
	assert_int_equal(vault_unseal(o->f.v, 2, o->f.kek), 0);
	buf_init(&row, 4096);
	assert_int_equal(vault_turn_begin(o->f.v), 0);
	assert_int_equal(genesis_vault_row(o->f.v, GENESIS_PRODUCTION, &row), 0);
	store_commit(o->f.v->store);
	assert_int_equal(vault_turn_end(o->f.v), 0);
	buf_free(&row);
	vault_close(o->f.v);
	assert_int_equal(vault_open(o->f.dir, &o->f.v), 0);
	assert_true(vault_is_production(o->f.v));
	assert_int_equal(vault_unseal(o->f.v, 2, o->f.kek), CV_ERR_REPLAY);
	office_free(o);
}

/* Taking the pending flag away with an editor gives no vault: there is nobody's signature in the directory. */
static void flag_alone_makes_no_vault(void **state)
{
	struct office *o = office_new();

	(void)state;
	office_make(o);
	o->f.v->pending = false;
	assert_int_equal(vault_unseal(o->f.v, 2, o->f.kek), CV_ERR_AUTH);
	office_free(o);
}

/* ---- the request ------------------------------------------------------------------------------------------------------- */

static void request_tells_the_people(void **state)
{
	struct office *o = office_new();
	unsigned seen = 0;

	(void)state;
	o->people[O_WORKER].name = "孙丁";
	o->people[O_WORKER].area = "119901";
	office_make(o);
	assert_int_equal(o->r.members, OFFICE);
	assert_memory_equal(o->r.signing.body.vault, o->f.vault_id, 16);
	assert_int_equal(o->r.signing.body.admins, 3);
	for (unsigned i = 0; i < o->r.members; i++) {
		const struct genesis_member *m = &o->r.member[i];
		unsigned who = 0;

		while (who < OFFICE && memcmp(o->people[who].principal.id, m->principal.id, 16) != 0)
			who++;
		assert_true(who < OFFICE);
		assert_string_equal(m->principal.login, o->people[who].login);
		assert_int_equal(m->principal.kind, o->people[who].principal.kind);
		assert_int_equal(m->principal.admin_area, o->people[who].principal.admin_area);
		assert_int_equal(m->role_count, o->people[who].role_count);
		if (who != O_WORKER)
			continue;
		assert_int_equal(m->roles[0], ROLE_WORKER);
		assert_string_equal(m->principal.area, "119901");
		assert_int_equal(m->texts.text[DIR_PERSON_NAME].n, strlen("孙丁"));
		assert_int_equal(m->texts.vetting_ms, vetted_ms());
		seen++;
	}
	assert_int_equal(seen, 1);
	assert_int_equal(strlen(o->r.code), 9);
	office_free(o);
}

/* What is signed cannot be changed, what is only told cannot be changed without another code. */
static void changed_request_is_refused_or_has_another_code(void **state)
{
	struct office *o = office_new();
	struct genesis_reading r;
	unsigned refused = 0, told = 0;

	(void)state;
	office_make(o);
	for (size_t i = 0; i < o->request.n; i += 7) {
		o->request.p[i] ^= 1;
		if (genesis_reading_new(o->request.p, o->request.n, &r) != 0) {
			refused++;
		} else {
			assert_memory_not_equal(r.code_digest, o->r.code_digest, 32);
			/* The people's texts, which come last, or what leaf 0 has beside its body: then no signature of this vault fits. */
			assert_true(i > o->request.n - OFFICE * 128u || memcmp(r.signing.leaf_hash, o->r.signing.leaf_hash, 32) != 0);
			told++;
			genesis_reading_free(&r);
		}
		o->request.p[i] ^= 1;
	}
	assert_true(refused > 100 && told > 0);
	for (size_t n = 0; n < o->request.n; n += 13)
		assert_int_equal(genesis_reading_new(o->request.p, n, &r), CV_ERR_FORMAT);
	office_free(o);
}

/* ---- what is refused ------------------------------------------------------------------------------------------------------ */

static void one_admin(struct office *o) { o->g.signer_count = 1; }
static void one_person(struct office *o) { o->g.signer_count = 2; o->signers[1] = o->signers[2]; }
static void stranger_signs(struct office *o) { o->signers[1].id[3] ^= 1; }
static void worker_signs(struct office *o) { memcpy(o->signers[1].id, o->people[O_WORKER].principal.id, 16); }
static void no_slot(struct office *o) { o->g.slot_count = 0; }
static void demo_slot(struct office *o) { o->slot.info.type = SLOT_DEMO; }
static void slot_out_of_range(struct office *o) { o->slot.number = SLOT_COUNT; }
static void demo_pending(struct office *o) { o->g.demo = true; }
static void production_at_once(struct office *o) { o->g.production = true; o->g.pending = false; }
static void same_box_key(struct office *o)
{
	memcpy(o->people[O_CLERK].principal.box_pk, o->people[O_WORKER].principal.box_pk, 32);
}
static void same_sign_key(struct office *o)
{
	memcpy(o->people[O_ADMIN_B].principal.sign_pk, o->people[O_ADMIN_A].principal.sign_pk, 32);
}
static void same_id(struct office *o) { memcpy(o->people[O_CLERK].principal.id, o->people[O_WORKER].principal.id, 16); }
static void same_login(struct office *o) { o->people[O_CLERK].login = o->people[O_WORKER].login; }
static void unknown_role(struct office *o) { o->p[O_CLERK].role = 99; o->people[O_CLERK].roles = &o->p[O_CLERK].role; }
static void admin_in_a_persons_role(struct office *o)
{
	o->people[O_ADMIN_B].roles = o->people[O_WORKER].roles;
	o->people[O_ADMIN_B].role_count = 1;
}
static void standing_approval(struct office *o)
{
	static uint8_t who[1][16];

	memcpy(who[0], o->people[O_WORKER].principal.id, 16);
	o->g.standing = (const uint8_t (*)[16])who;
	o->g.standing_count = 1;
}

static void genesis_that_does_not_fit_is_refused(void **state)
{
	static const struct {
		const char *what;
		void (*spoil)(struct office *o);
	} cases[] = {
		{ "one administrator", one_admin }, { "two keys of one person", one_person },
		{ "an administrator without a key", stranger_signs }, { "a worker among the signers", worker_signs },
		{ "no slot", no_slot }, { "a demo file's slot", demo_slot }, { "slot 4", slot_out_of_range },
		{ "a pending demo", demo_pending }, { "production without signatures", production_at_once },
		{ "one X25519 key twice", same_box_key }, { "one Ed25519 key twice", same_sign_key }, { "one id twice", same_id },
		{ "one login twice", same_login }, { "a role that is not there", unknown_role },
		{ "an administrator in a person's role", admin_in_a_persons_role }, { "a standing approval", standing_approval },
	};
	struct vault *v;

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct office *o = office_new();

		cases[i].spoil(o);
		if (vault_genesis(&o->g) != CV_ERR_ARG)
			fail_msg("%s", cases[i].what);
		assert_int_equal(vault_open(o->f.dir, &v), CV_ERR_NOTFOUND);
		assert_false(file_there(o, GENESIS_REQUEST_FILE));
		office_free(o);
	}
}

/* ---- production ---------------------------------------------------------------------------------------------------------- */

static void person_of(struct office *o, unsigned who, unsigned whose)
{
	memcpy(o->people[who].principal.person, o->people[whose].principal.person, 16);
}

static void fits(struct office *o) { (void)o; }
static void admin_twice(struct office *o) { person_of(o, O_ADMIN_C, O_ADMIN_A); }
static void no_area_given(struct office *o) { o->people[O_ADMIN_B].principal.admin_area = 0; }
static void admins_are_custodians(struct office *o) { person_of(o, O_CUSTODIAN_A, O_ADMIN_A); }
static void auditor_is_custodian(struct office *o) { person_of(o, O_CUSTODIAN_B, O_AUDITOR); }
static void custodian_twice(struct office *o) { o->g.people_count = OFFICE; person_of(o, O_CUSTODIAN_B, O_CUSTODIAN_A); }
static void custodian_reads(struct office *o) { person_of(o, O_WORKER, O_CUSTODIAN_A); }
static void admin_reads(struct office *o) { person_of(o, O_CLERK, O_ADMIN_B); }
static void auditor_reads(struct office *o) { person_of(o, O_CLERK, O_AUDITOR); }
static void one_custodian(struct office *o) { o->people[O_CUSTODIAN_B].principal.kind = PRINCIPAL_APP; }
static void no_auditor(struct office *o)
{
	o->people[O_AUDITOR].principal.kind = PRINCIPAL_APP;
	o->people[O_AUDITOR].role_count = 0;
}
static void one_admin_only(struct office *o)
{
	o->people[O_ADMIN_B].principal.kind = o->people[O_ADMIN_C].principal.kind = PRINCIPAL_APP;
}
static void auditor_is_audit_admin(struct office *o) { person_of(o, O_AUDITOR, O_ADMIN_C); }
static void auditor_is_security_admin(struct office *o) { person_of(o, O_AUDITOR, O_ADMIN_B); }
static void clerk_works_twice(struct office *o) { person_of(o, O_CLERK, O_WORKER); }

static void production_keeps_the_offices_apart(void **state)
{
	static const struct {
		void (*spoil)(struct office *o);
		unsigned rule;
	} cases[] = {
		{ fits, 0 }, { auditor_is_audit_admin, 0 }, { clerk_works_twice, 0 }, { admin_twice, SEPARATION_TWO_AREAS },
		{ no_area_given, SEPARATION_NO_AREA }, { admins_are_custodians, SEPARATION_CUSTODIAN_ELSE },
		{ auditor_is_custodian, SEPARATION_CUSTODIAN_ELSE }, { custodian_twice, SEPARATION_CUSTODIANS },
		{ one_custodian, SEPARATION_CUSTODIANS }, { custodian_reads, SEPARATION_CUSTODIAN_READS },
		{ admin_reads, SEPARATION_ADMINISTRATOR_READS }, { auditor_reads, SEPARATION_AUDITOR_READS },
		{ auditor_is_security_admin, SEPARATION_AUDITOR_ELSE }, { no_auditor, SEPARATION_AUDITORS },
		{ one_admin_only, SEPARATION_ADMINISTRATORS },
	};
	struct separation_member m[OFFICE];
	struct separation fault;
	struct policy *p;

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct office *o = office_new();
		int made;

		crypto_random(o->people[O_ADMIN_C].principal.person, 16);	/* three persons here */
		o->g.production = true;
		cases[i].spoil(o);
		for (unsigned j = 0; j < OFFICE; j++)
			m[j] = (struct separation_member){ &o->people[j].principal, o->people[j].roles, o->people[j].role_count, false };
		assert_int_equal(policy_decode(o->f.policy.p, o->f.policy.n, &p), 0);
		fault.rule = 0;
		assert_int_equal(separation_check(p, m, OFFICE, true, &fault), cases[i].rule == 0);
		assert_int_equal(fault.rule, cases[i].rule);
		/* The same people may have a vault that is no production vault, unless too few can sign. */
		assert_true(separation_check(p, m, OFFICE, false, &fault));
		policy_free(p);
		made = vault_genesis(&o->g);
		assert_int_equal(made, cases[i].rule == 0 ? 0 : CV_ERR_ARG);
		office_free(o);
	}
}

static void production_vault_works_and_says_so(void **state)
{
	struct office *o = office_new();
	struct separation fault;

	(void)state;
	crypto_random(o->people[O_ADMIN_C].principal.person, 16);
	o->g.production = true;
	office_make(o);
	assert_int_equal(o->r.signing.body.flags, GENESIS_PRODUCTION);
	assert_int_equal(genesis_reading_check(&o->r, &fault), 0);
	sign(o, O_ADMIN_B);
	sign(o, O_ADMIN_C);
	assert_int_equal(vault_unseal(o->f.v, 2, o->f.kek), 0);
	assert_true(vault_is_production(o->f.v));
	assert_false(vault_is_demo(o->f.v));
	works(o);
	office_free(o);
}

/* Whoever once had the root key could leave a slot for a key in a file behind: a production vault does not take it. */
static void production_vault_opens_by_no_file(void **state)
{
	struct office *o = office_new();
	struct slot_info info = { .type = SLOT_DEMO };
	uint8_t key[16] = "slot.3";
	struct buf row;

	(void)state;
	crypto_random(o->people[O_ADMIN_C].principal.person, 16);
	o->g.production = true;
	office_make(o);
	sign(o, O_ADMIN_A);
	sign(o, O_ADMIN_B);
	assert_int_equal(vault_unseal(o->f.v, 2, o->f.kek), 0);
	buf_init(&row, 4096);
	assert_int_equal(keys_slot_encode(o->f.v->keys, 3, &info, o->f.kek, &row), 0);
	assert_int_equal(vault_turn_begin(o->f.v), 0);
	assert_int_equal(store_put(o->f.v->store, STORE_META, key, sizeof(key), row.p, row.n), 0);
	store_commit(o->f.v->store);
	assert_int_equal(vault_turn_end(o->f.v), 0);
	assert_int_equal(vault_seal(o->f.v), 0);
	assert_int_equal(vault_unseal(o->f.v, 3, o->f.kek), CV_ERR_NOTFOUND);
	assert_int_equal(vault_unseal(o->f.v, 2, o->f.kek), 0);
	buf_free(&row);
	office_free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(standing_approvals_are_assignments_to_any_record, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(standing_approvals_of_others_and_unfit_people_are_refused, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(personal_role_opens_a_session_and_no_record, fixture_setup, fixture_teardown),
		cmocka_unit_test(vault_is_pending_until_two_persons_signed),
		cmocka_unit_test(signatures_of_others_and_changed_ones_do_not_count),
		cmocka_unit_test(days_may_pass_before_it_is_signed),
		cmocka_unit_test(wrong_key_does_not_open_a_signed_vault),
		cmocka_unit_test(signatures_stand_in_log_and_directory),
		cmocka_unit_test(flags_of_the_row_are_those_of_leaf_0),
		cmocka_unit_test(flag_alone_makes_no_vault),
		cmocka_unit_test(request_tells_the_people),
		cmocka_unit_test(changed_request_is_refused_or_has_another_code),
		cmocka_unit_test(genesis_that_does_not_fit_is_refused),
		cmocka_unit_test(production_keeps_the_offices_apart),
		cmocka_unit_test(production_vault_works_and_says_so),
		cmocka_unit_test(production_vault_opens_by_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
