/* Making a vault. FORMAT.md sections 5, 6, 9 and 10; DESIGN section 5 "Genesis". */
#include "vault/genesis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/text.h"
#include "format/gov.h"
#include "vault/hooks.h"
#include "vault/vault_internal.h"

#define DAY_MS (24u * 3600 * 1000)
#define GENESIS_SIGNED 1
#define STANDING_DAYS (20u * 366)
#define STANDING_LEVEL 4u

/* What one making needs from step to step. */
struct making {
	const struct vault_genesis *g;
	struct vault *v;
	uint64_t now_ms;
	struct buf epochs, body;
	uint8_t epoch_root[32], log_pk[32], leaf_hash[32];
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

/*
 * Administrators of different persons, slots that unsealing finds, nobody in a role that the policy does not have, and no role
 * of it among the numbers of personal ones.
 */
static int check(const struct vault_genesis *g, const struct policy *p)
{
	if (g->signer_count < 2 || g->signer_count > ADMINS_MAX || g->slot_count == 0 || !standing_fits(g))
		return CV_ERR_ARG;
	for (unsigned i = 0; i < g->slot_count; i++) {
		if (g->slots[i].number >= SLOT_COUNT)
			return CV_ERR_ARG;
		for (unsigned j = 0; j < i; j++)
			if (g->slots[j].number == g->slots[i].number)
				return CV_ERR_ARG;
	}
	for (unsigned i = 0; i < g->signer_count; i++) {
		const struct genesis_person *a = signer_person(g, i);

		if (a == NULL || a->principal.kind != PRINCIPAL_ADMINISTRATOR)
			return CV_ERR_ARG;
		for (unsigned j = 0; j < i; j++)
			if (memcmp(signer_person(g, j)->principal.person, a->principal.person, 16) == 0)
				return CV_ERR_ARG;
	}
	for (unsigned i = 0; i < policy_roles(p); i++)
		if (role_is_personal(policy_role(p, i)->id))
			return CV_ERR_ARG;
	for (unsigned i = 0; i < g->people_count; i++)
		for (unsigned j = 0; j < g->people[i].role_count; j++)
			if (policy_role_by_id(p, g->people[i].roles[j]) == NULL)
				return CV_ERR_ARG;
	return 0;
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

static int put_directory_row(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	return vault_put_hashed(cookie, STORE_DIR, key, key_n, val, val_n);
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
	return directory_genesis(m->v->keys, &d, m->g->signers, m->g->signer_count, put_directory_row, m->v, digest);
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

/* The clear body of leaf 0, FORMAT.md section 9. */
static int genesis_body(struct making *m)
{
	struct vault *v = m->v;
	size_t n = strlen(v->origin);

	buf_reset(&m->body);
	buf_u8(&m->body, v->demo ? 1 : 0);
	buf_put(&m->body, v->id, 16);
	buf_u48(&m->body, m->now_ms);
	buf_put(&m->body, m->log_pk, 32);
	buf_put(&m->body, m->epoch_root, 32);
	buf_u32(&m->body, EPOCHS);
	buf_u32(&m->body, (uint32_t)(m->now_ms / DAY_MS));
	buf_put(&m->body, v->policy_digest, 32);
	buf_u8(&m->body, (uint8_t)m->g->signer_count);
	for (unsigned i = 0; i < m->g->signer_count; i++) {
		const struct principal *a = &signer_person(m->g, i)->principal;

		buf_put(&m->body, a->id, 16);
		buf_put(&m->body, a->sign_pk, 32);
		buf_put(&m->body, a->person, 16);
	}
	buf_u8(&m->body, (uint8_t)n);
	buf_put(&m->body, v->origin, n);
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
	    (r = vault_meta_put(v, "policy", m->g->policy, m->g->policy_n)) != 0 || (r = vault_put_state(v)) != 0 ||
	    (r = genesis_body(m)) != 0)
		return r;
	if ((r = vault_system_leaf(v, LEAF_GENESIS, m->body.p, m->body.n, true, m->now_ms)) != 0)
		return r;
	store_commit(v->store);
	r = store_turn_end(v->store);
	audit_turn_end(v->audit, r);
	return r != 0 ? r : store_flush(v->store);
}

/* The row that makes the folder a vault. */
static int put_vault_row(struct making *m)
{
	struct vault *v = m->v;
	size_t n = strlen(v->origin);

	buf_reset(&m->body);
	buf_u8(&m->body, 1);
	buf_u8(&m->body, 1);
	buf_u8(&m->body, v->demo ? 1 : 0);
	buf_put(&m->body, v->id, 16);
	buf_u48(&m->body, m->now_ms);
	buf_put(&m->body, m->leaf_hash, 32);
	buf_u8(&m->body, (uint8_t)n);
	buf_put(&m->body, v->origin, n);
	return buf_ok(&m->body) ? put_meta_clear(v, "vault", &m->body) : CV_ERR_NOMEM;
}

/* Signatures of the administrators over leaf 0. */
static int signed_body(struct making *m)
{
	uint8_t message[16 + 32] = "cv1.genesis", sig[64];

	memcpy(message + 16, m->leaf_hash, 32);
	buf_reset(&m->body);
	buf_u8(&m->body, GENESIS_SIGNED);
	buf_put(&m->body, m->leaf_hash, 32);
	buf_u8(&m->body, (uint8_t)m->g->signer_count);
	for (unsigned i = 0; i < m->g->signer_count; i++) {
		m->g->signers[i].sign(m->g->signers[i].cookie, message, sizeof(message), sig);
		buf_put(&m->body, m->g->signers[i].id, 16);
		buf_put(&m->body, sig, sizeof(sig));
	}
	return buf_ok(&m->body) ? 0 : CV_ERR_NOMEM;
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
	crypto_sha256((struct part[]){ { &zero, 1 }, { m->body.p, m->body.n } }, 2, m->leaf_hash);
	if ((r = audit_turn_begin(v->audit, v->store, m->now_ms)) != 0 || (r = store_turn_begin(v->store)) != 0 ||
	    (r = put_vault_row(m)) != 0 || (r = signed_body(m)) != 0 ||
	    (r = vault_system_leaf(v, LEAF_RESULT, m->body.p, m->body.n, false, m->now_ms)) != 0)
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
	free(m);
	return r;
}
