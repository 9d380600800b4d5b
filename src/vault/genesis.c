/* Making a vault. FORMAT.md sections 5, 6, 9, 10 and 12; DESIGN section 5 "Genesis". */
#include "vault/genesis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/text.h"
#include "format/directory.h"
#include "format/gov.h"
#include "store/files.h"
#include "vault/hooks.h"
#include "vault/separation.h"
#include "vault/index.h"
#include "vault/vault_internal.h"

#define DAY_MS (24u * 3600 * 1000)
#define STANDING_DAYS (20u * 366)
#define STANDING_LEVEL 4u

/* What one making needs from step to step. */
struct making {
	const struct vault_genesis *g;
	struct vault *v;
	uint64_t now_ms;
	struct buf epochs, body;
	struct buf facts, change;	/* of a vault that stays pending: what is to be signed */
	uint16_t fact_count;
	uint8_t epoch_root[32], log_pk[32];
	struct genesis_role roles[POLICY_ROLES];
	uint32_t role_classes[POLICY_ROLES][POLICY_CLASSES];
	uint32_t classes[POLICY_CLASSES];
};

static const struct genesis_person *signer_person(const struct vault_genesis *g, unsigned i)
{
	for (unsigned j = 0; j < g->people_count; j++)
		if (memcmp(g->people[j].principal.id, g->signers[i].id, 16) == 0)
			return &g->people[j];
	return NULL;
}

static bool standing_fits(const struct vault_genesis *g)
{
	if (g->standing_count > 0 && !g->demo)
		return false;
	for (unsigned i = 0; i < g->standing_count; i++) {
		unsigned j = 0;

		while (j < g->people_count && memcmp(g->people[j].principal.id, g->standing[i], 16) != 0)
			j++;
		if (j == g->people_count)
			return false;
	}
	return true;
}

/* Two administrators of different persons; those who sign at once are all different ones. */
static bool signers_fit(const struct vault_genesis *g)
{
	bool two = false;

	if (g->signer_count < 2 || g->signer_count > GENESIS_ADMINS_MAX)
		return false;
	for (unsigned i = 0; i < g->signer_count; i++) {
		const struct genesis_person *a = signer_person(g, i);

		if (a == NULL || a->principal.kind != PRINCIPAL_ADMINISTRATOR)
			return false;
		for (unsigned j = 0; j < i; j++) {
			bool same = memcmp(signer_person(g, j)->principal.person, a->principal.person, 16) == 0;

			if (same && !g->pending)
				return false;
			two = two || !same;
		}
	}
	return two;
}

/* Slots that unsealing finds; a key that lies in the folder opens demo vaults alone. */
static bool slots_fit(const struct vault_genesis *g)
{
	for (unsigned i = 0; i < g->slot_count; i++) {
		if (g->slots[i].number >= SLOT_COUNT || (g->slots[i].info.type == SLOT_DEMO && !g->demo))
			return false;
		for (unsigned j = 0; j < i; j++)
			if (g->slots[j].number == g->slots[i].number)
				return false;
	}
	return g->slot_count > 0;
}

/* Nobody in a role that the policy does not have, and no role of it among the numbers of personal ones. */
static bool roles_fit(const struct vault_genesis *g, const struct policy *p)
{
	for (unsigned i = 0; i < policy_roles(p); i++)
		if (role_is_personal(policy_role(p, i)->id))
			return false;
	for (unsigned i = 0; i < g->people_count; i++)
		for (unsigned j = 0; j < g->people[i].role_count; j++)
			if (policy_role_by_id(p, g->people[i].roles[j]) == NULL)
				return false;
	return true;
}

static int check(const struct vault_genesis *g, const struct policy *p)
{
	struct separation_member *members = NULL;
	struct separation fault;
	int r;

	if (!signers_fit(g) || !slots_fit(g) || !standing_fits(g) || !roles_fit(g, p) || (g->demo && (g->production || g->pending)) ||
	    (g->production && !g->pending))
		return CV_ERR_ARG;
	if ((members = calloc((size_t)g->people_count + 1, sizeof(*members))) == NULL)
		return CV_ERR_NOMEM;
	for (unsigned i = 0; i < g->people_count; i++) {
		const struct genesis_person *x = &g->people[i];

		members[i] = (struct separation_member){ .principal = &x->principal, .roles = x->roles, .role_count = x->role_count };
	}
	r = separation_check(p, members, g->people_count, g->production, &fault) ? 0 : CV_ERR_ARG;
	free(members);
	return r;
}

static int open_writers(struct making *m)
{
	struct vault *v = m->v;
	struct store_options so = { .dir = v->dir, .journal_files = m->g->journal_files,
		.journal_file_bytes = m->g->journal_file_bytes, .hooks = vault_store_hooks(v) };
	struct store_replay_report report;
	struct audit_options ao = { .dir = v->dir };
	int r;

	memcpy(ao.vault_id, v->id, 16);
	memcpy(ao.origin, v->origin, sizeof(ao.origin));
	memcpy(ao.log_pk, m->log_pk, 32);
	ao.first_day = (uint32_t)(m->now_ms / DAY_MS);
	ao.hooks = vault_audit_hooks(v);
	if ((r = audit_create(&ao, m->epochs.p, m->epochs.n)) != 0 || (r = audit_open(&ao, &v->audit)) != 0 ||
	    (r = store_create(&so)) != 0 || (r = store_open(&so, &v->store)) != 0 || (r = audit_resume(v->audit, NULL, 0)) != 0)
		return r;
	return store_replay(v->store, &report);
}

static int put_meta_clear(struct vault *v, const char *name, const struct buf *b)
{
	uint8_t key[16] = { 0 };

	memcpy(key, name, strlen(name));
	return store_put(v->store, STORE_META, key, sizeof(key), b->p, b->n);
}

static int put_keyring_and_slots(struct making *m)
{
	char name[16];
	int r;

	buf_reset(&m->body);
	if ((r = keys_keyring_encode(m->v->keys, &m->body)) != 0 || (r = put_meta_clear(m->v, "keyring", &m->body)) != 0)
		return r;
	for (unsigned i = 0; i < m->g->slot_count; i++) {
		const struct vault_genesis_slot *s = &m->g->slots[i];

		buf_reset(&m->body);
		snprintf(name, sizeof(name), "slot.%u", s->number);
		if ((r = keys_slot_encode(m->v->keys, s->number, &s->info, s->kek, &m->body)) != 0 ||
		    (r = put_meta_clear(m->v, name, &m->body)) != 0)
			return r;
	}
	return 0;
}

/* Store a row; its fact, or the change set, joins what is to be signed. */
static int put_directory_row(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	struct making *m = cookie;
	struct dir_value v;

	if (key[0] == DIR_CHANGE)
		buf_put(&m->change, val, val_n);
	else if (dir_value_decode(val, val_n, &v) == 0) {
		genesis_fact_encode(&(struct genesis_fact){ key, v.fact, (uint8_t)key_n, v.fact_n }, &m->facts);
		m->fact_count++;
	}
	if (!buf_ok(&m->change) || !buf_ok(&m->facts))
		return CV_ERR_NOMEM;
	return vault_put_hashed(m->v, STORE_DIR, key, key_n, val, val_n);
}

/* Each role gets the class keys of the classes it reads, writes with read, or grants. */
static int put_directory(struct making *m)
{
	const struct policy *p = m->v->policy;
	struct genesis_directory d = { .people = m->g->people, .people_count = m->g->people_count, .roles = m->roles,
		.role_count = policy_roles(p), .class_keys = m->classes, .class_count = policy_classes(p), .now_ms = m->now_ms };
	unsigned custodians = 0;
	uint8_t digest[32];

	for (unsigned i = 0; i < m->g->people_count; i++)
		custodians += m->g->people[i].principal.kind == PRINCIPAL_CUSTODIAN;
	for (unsigned i = 0; i < policy_classes(p); i++)
		m->classes[i] = (uint32_t)policy_class(p, i)->id << 16;
	for (unsigned i = 0; i < policy_roles(p); i++) {
		const struct policy_role *role = policy_role(p, i);
		struct genesis_role *g = &m->roles[i];

		g->role = role->id;
		g->class_keys = m->role_classes[i];
		g->share_k = custodians >= 2 ? 2 : 0;
		for (unsigned j = 0; j < policy_classes(p); j++)
			if (rights_hold_key(role->rights[j]))
				m->role_classes[i][g->class_count++] = m->classes[j];
	}
	return directory_genesis(m->v->keys, &d, m->g->signers, m->g->pending ? 0 : m->g->signer_count, put_directory_row, m, digest);
}

/* One person's standing approval, FORMAT.md 5.1 type 2. Nobody made it: the maker stays zero. */
static int put_standing(struct making *m, const uint8_t principal[16])
{
	struct vault *v = m->v;
	uint8_t purposes[POLICY_PURPOSES * 2], key[GOV_KEY];
	struct gov_object o = {
		.prefix = { .epoch = keys_epoch(v->keys), .type = GOV_ASSIGNMENT, .state = GOV_ACTIVE,
		    .due_day = (uint32_t)(m->now_ms / DAY_MS) + 1 + STANDING_DAYS },
		.created_ms = m->now_ms, .level = STANDING_LEVEL, .flags = GOV_ANY_RECORD | GOV_DEMO,
		.purposes = { purposes, (size_t)policy_purposes(v->policy) * 2 },
	};
	struct buf plain;
	int r;

	for (unsigned i = 0; i < policy_purposes(v->policy); i++)
		be16_put(purposes + 2 * i, policy_purpose(v->policy, i)->id);
	crypto_random(o.id, sizeof(o.id));
	memcpy(o.principal, principal, 16);
	gov_key(GOV_ASSIGNMENT, o.id, key);
	buf_init(&plain, 65536);
	buf_reset(&m->body);
	gov_prefix_put(&m->body, &o.prefix);
	if ((r = gov_object_encode(&o, &plain)) == 0 &&
	    (r = keys_gov_seal(v->keys, GOV_ASSIGNMENT, o.id, UINT32_MAX, plain.p, plain.n, &m->body)) == 0)
		r = vault_put_hashed(v, STORE_GOV, key, sizeof(key), m->body.p, m->body.n);
	buf_free(&plain);
	return r;
}

static int put_all_standing(struct making *m)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < m->g->standing_count; i++)
		r = put_standing(m, m->g->standing[i]);
	return r;
}

static uint8_t flags_of(const struct vault_genesis *g)
{
	return g->demo ? GENESIS_DEMO : g->production ? GENESIS_PRODUCTION : 0;
}

/* The clear body of leaf 0, FORMAT.md section 9. */
static int leaf0_body(struct making *m)
{
	struct vault *v = m->v;
	struct genesis_body b = { .flags = flags_of(m->g), .created_ms = m->now_ms, .epochs = EPOCHS,
		.first_day = (uint32_t)(m->now_ms / DAY_MS), .admins = (uint8_t)m->g->signer_count };

	memcpy(b.vault, v->id, 16);
	memcpy(b.log_pk, m->log_pk, 32);
	memcpy(b.epoch_root, m->epoch_root, 32);
	memcpy(b.policy, v->policy_digest, 32);
	memcpy(b.origin, v->origin, sizeof(b.origin));
	for (unsigned i = 0; i < b.admins; i++) {
		const struct principal *a = &signer_person(m->g, i)->principal;

		memcpy(b.admin[i].id, a->id, 16);
		memcpy(b.admin[i].sign_pk, a->sign_pk, 32);
		memcpy(b.admin[i].person, a->person, 16);
	}
	buf_reset(&m->body);
	genesis_body_encode(&b, &m->body);
	return buf_ok(&m->body) ? 0 : CV_ERR_NOMEM;
}

/* First turn: everything but the vault row, and leaf 0. */
static int first_turn(struct making *m)
{
	struct vault *v = m->v;
	int r;

	v->counters = (struct counters){ .next_serial = 1, .next_slot = 0, .next_change = 2 };
	v->state_dirty = v->counters_dirty = true;
	if ((r = audit_turn_begin(v->audit, v->store, m->now_ms)) != 0 || (r = store_turn_begin(v->store)) != 0 ||
	    (r = put_keyring_and_slots(m)) != 0 || (r = put_directory(m)) != 0 || (r = put_all_standing(m)) != 0 ||
	    (r = vault_meta_put(v, "policy", m->g->policy, m->g->policy_n)) != 0 || (r = index_genesis(v)) != 0 ||
	    (r = vault_put_state(v)) != 0 || (r = leaf0_body(m)) != 0)
		return r;
	if ((r = vault_system_leaf(v, LEAF_GENESIS, m->body.p, m->body.n, true, m->now_ms)) != 0)
		return r;
	store_commit(v->store);
	r = store_turn_end(v->store);
	audit_turn_end(v->audit, r);
	return r != 0 ? r : store_flush(v->store);
}

int genesis_vault_row(struct vault *v, uint8_t flags, struct buf *scratch)
{
	size_t n = strlen(v->origin);

	buf_reset(scratch);
	buf_u8(scratch, 1);
	buf_u8(scratch, 1);
	buf_u8(scratch, flags);
	buf_put(scratch, v->id, 16);
	buf_u48(scratch, v->created_ms);
	buf_put(scratch, v->genesis_hash, 32);
	buf_u8(scratch, (uint8_t)n);
	buf_put(scratch, v->origin, n);
	return buf_ok(scratch) ? put_meta_clear(v, "vault", scratch) : CV_ERR_NOMEM;
}

int genesis_signed_leaf(struct vault *v, const struct genesis_signature *list, unsigned n, bool names_state, uint64_t now_ms,
    struct buf *scratch)
{
	buf_reset(scratch);
	buf_u8(scratch, RESULT_GENESIS);
	buf_put(scratch, v->genesis_hash, 32);
	buf_u8(scratch, (uint8_t)n);
	for (unsigned i = 0; i < n; i++) {
		buf_put(scratch, list[i].principal, 16);
		buf_put(scratch, list[i].leaf, 64);
	}
	if (!buf_ok(scratch))
		return CV_ERR_NOMEM;
	return vault_system_leaf(v, LEAF_RESULT, scratch->p, scratch->n, names_state, now_ms);
}

/* What administrators will sign, for them to read: a file of its own, there before the folder is a vault. */
static int put_request(struct making *m, const struct buf *leaf)
{
	struct buf out, person;
	int r;

	buf_init(&out, GENESIS_REQUEST_MAX);
	buf_init(&person, 4096);
	genesis_request_head(leaf->p, (uint16_t)leaf->n, m->change.p, (uint32_t)m->change.n, m->g->policy, (uint32_t)m->g->policy_n, &out);
	buf_u16(&out, m->fact_count);
	buf_put(&out, m->facts.p, m->facts.n);
	buf_u16(&out, (uint16_t)m->g->people_count);
	for (unsigned i = 0; i < m->g->people_count; i++) {
		const struct genesis_person *x = &m->g->people[i];
		const char *const texts[DIR_PERSON_TEXTS] = { x->login, x->name, x->department, x->post, x->area };

		buf_reset(&person);
		if ((r = dir_person_encode(texts, x->vetted_ms, &person)) != 0)
			goto out;
		genesis_texts_encode(&(struct genesis_texts){ x->principal.id, person.p, (uint16_t)person.n }, &out);
	}
	r = buf_ok(&out) ? files_create(m->v->dirfd, GENESIS_REQUEST_FILE, out.p, out.n) : CV_ERR_LIMIT;
out:
	buf_free(&out);
	buf_free(&person);
	return r;
}

/* Signatures of the administrators over leaf 0, of those who sign at once. */
static int put_signed_leaf(struct making *m)
{
	uint8_t message[16 + 32] = "cv1.genesis";
	struct genesis_signature list[GENESIS_ADMINS_MAX];

	memcpy(message + 16, m->v->genesis_hash, 32);
	for (unsigned i = 0; i < m->g->signer_count; i++) {
		m->g->signers[i].sign(m->g->signers[i].cookie, message, sizeof(message), list[i].leaf);
		memcpy(list[i].principal, m->g->signers[i].id, 16);
	}
	return genesis_signed_leaf(m->v, list, m->g->signer_count, false, m->now_ms, &m->body);
}

/* Second turn: leaf 0 is known by its hash now. Only with it the folder is a vault, so a torn making leaves none. */
static int second_turn(struct making *m)
{
	static const uint8_t zero;
	struct vault *v = m->v;
	int r;

	buf_reset(&m->body);
	if ((r = audit_read_leaf(v->audit, 0, &m->body)) != 0)
		return r;
	crypto_sha256((struct part[]){ { &zero, 1 }, { m->body.p, m->body.n } }, 2, v->genesis_hash);
	if (m->g->pending && (r = put_request(m, &m->body)) != 0)
		return r;
	if ((r = audit_turn_begin(v->audit, v->store, m->now_ms)) != 0 || (r = store_turn_begin(v->store)) != 0 ||
	    (r = genesis_vault_row(v, (uint8_t)(flags_of(m->g) | (m->g->pending ? GENESIS_PENDING : 0u)), &m->body)) != 0 ||
	    (!m->g->pending && (r = put_signed_leaf(m)) != 0))
		return r;
	store_commit(v->store);
	r = store_turn_end(v->store);
	audit_turn_end(v->audit, r);
	if (r != 0 || (r = store_flush(v->store)) != 0)
		return r;
	return audit_checkpoint(v->audit, v->store);
}

static int make(struct making *m)
{
	struct vault *v = m->v;
	struct part doc = { m->g->policy, m->g->policy_n };
	char half[17];
	int r;

	memcpy(v->id, m->g->vault_id, 16);
	v->demo = m->g->demo;
	v->created_ms = m->now_ms;
	hex_encode(v->id, 8, half);
	if (m->g->origin != NULL)
		snprintf(v->origin, sizeof(v->origin), "%s", m->g->origin);
	else
		snprintf(v->origin, sizeof(v->origin), "childvault.local/%s", half);
	crypto_hash("cv1.policy", NULL, 0, &doc, 1, v->policy_digest, 32);
	if ((r = policy_decode(m->g->policy, m->g->policy_n, &v->policy)) != 0 || (r = check(m->g, v->policy)) != 0 ||
	    (r = keys_generate(v->keys, v->id)) != 0 || (r = shred_create(v->keys, v->dirfd, &m->epochs)) != 0)
		return r;
	keys_log_public(v->keys, m->log_pk);
	audit_epoch_root(m->epochs.p, m->epochs.n, m->epoch_root);
	if ((r = open_writers(m)) != 0)
		return r;
	if ((r = audit_policy_keep(v->audit, v->policy_digest, m->g->policy, m->g->policy_n)) != 0)
		return r;
	audit_policy(v->audit, v->policy_digest);
	if ((r = first_turn(m)) == 0)
		r = second_turn(m);
	return r;
}

int vault_genesis(const struct vault_genesis *g)
{
	struct making *m = calloc(1, sizeof(*m));
	int r, e;

	if (m == NULL)
		return CV_ERR_NOMEM;
	m->g = g;
	m->now_ms = clock_wall_ms();
	buf_init(&m->epochs, EPOCHS * 32);
	buf_init(&m->body, STORE_VALUE_MAX);
	buf_init(&m->facts, GENESIS_REQUEST_MAX);
	buf_init(&m->change, STORE_VALUE_MAX);
	if ((r = vault_alloc(g->dir, &m->v)) == 0) {
		r = make(m);
		e = store_close(m->v->store, r == 0);
		m->v->store = NULL;
		if (r == 0)
			r = e;
		vault_close(m->v);
	}
	buf_free(&m->epochs);
	buf_free(&m->body);
	buf_free(&m->facts);
	buf_free(&m->change);
	free(m);
	return r;
}
