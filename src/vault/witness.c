/* PROOF, COSIGN, COSIGNED, and the acts that ask for a fresh word of witnesses. */
#include "vault/witness.h"

#include <string.h>

#include "audit/cosigned.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "crypto/merkle.h"
#include "format/note.h"
#include "format/tlog_proof.h"

static struct vkey named_key(const char *name, uint8_t type, const uint8_t pk[32])
{
	struct vkey k = { .type = type };

	memcpy(k.name, name, strnlen(name, NOTE_NAME_MAX));
	memcpy(k.pk, pk, 32);
	crypto_note_key_id(k.name, k.type, k.pk, k.key_id);
	return k;
}

static struct vkey log_key(const struct vault *v)
{
	uint8_t pk[32];

	keys_log_public(v->keys, pk);
	return named_key(v->origin, NOTE_ED25519, pk);
}

/* Let what is kept be judged by the policy in force, if it is not yet: another one may have come, or been taken back. */
static int follow_policy(struct vault *v)
{
	const struct policy_witnesses *w = policy_witnesses(v->policy);
	struct vkey keys[POLICY_WITNESSES], log;
	unsigned bad;
	int r;

	if (v->cosigned == NULL && (r = cosigned_new(&v->cosigned)) != 0)
		return r;
	if (v->has_cosigned_of && memcmp(v->cosigned_of, v->policy_digest, 32) == 0)
		return 0;
	log = log_key(v);
	for (unsigned i = 0; i < w->n; i++)
		keys[i] = named_key(w->witness[i].name, NOTE_COSIGNATURE, w->witness[i].pk);
	v->has_cosigned_of = false;
	if ((r = cosigned_policy(v->cosigned, v->audit, &log, keys, w->n, w->quorum, &bad)) != 0)
		return r;
	if (bad > 0)
		log_warn("%u cosigned checkpoints in the log's folder are not of this log, or not by its witnesses", bad);
	memcpy(v->cosigned_of, v->policy_digest, 32);
	v->has_cosigned_of = true;
	return 0;
}

int witness_load(struct vault *v)
{
	return follow_policy(v);
}

void witness_unload(struct vault *v)
{
	cosigned_free(v->cosigned);
	v->cosigned = NULL;
	v->has_cosigned_of = false;
}

/* Age of a quorum's word in seconds; UINT64_MAX: there never was one. */
static uint64_t quorum_age_s(const struct vault *v, uint64_t now_ms)
{
	uint64_t since = cosigned_quorum_s(v->cosigned), now_s = now_ms / 1000;

	if (since == 0)
		return UINT64_MAX;
	return since < now_s ? now_s - since : 0;
}

unsigned call_witnessed(struct vault *v, struct vault_call *c, enum witnessed_act act)
{
	const uint32_t minutes = policy_witnesses(v->policy)->minutes[act];
	int r;

	if (minutes == 0)
		return 0;
	if ((r = follow_policy(v)) != 0)
		return call_failed(c, r);
	if (quorum_age_s(v, c->now_ms) <= (uint64_t)minutes * 60)
		return 0;
	return call_decline(c, DECIDE_NOT_WITNESSED, "%s within %u minutes", witnessed_act_name(act), minutes);
}

/* ---- what is brought ---------------------------------------------------------------------------------------------------- */

/* Who brings a cosignature: an administrator or an auditor. What it says is checked whoever it is. */
static unsigned need_bringer(struct vault_call *c)
{
	if (c->principal->kind == PRINCIPAL_ADMINISTRATOR || c->principal->kind == PRINCIPAL_AUDITOR)
		return 0;
	return call_refuse(c, PROBLEM_NOT_PERMITTED, "administrators and auditors bring cosignatures");
}

static unsigned not_taken(struct vault_call *c, int r)
{
	switch (r) {
	case CV_ERR_FORMAT:
		return call_refuse(c, PROBLEM_VALIDATION, "this is no signed checkpoint");
	case CV_ERR_NOTFOUND:
		return call_refuse(c, PROBLEM_VALIDATION, "no witness of the policy has cosigned it, or it is another log's");
	case CV_ERR_AUTH:
		return call_refuse(c, PROBLEM_VALIDATION, "a signature does not verify");
	case CV_ERR_STATE:
		return call_refuse(c, PROBLEM_VALIDATION, "the witness's clock is ahead of this one");
	case CV_ERR_REPLAY:
		/* Signed with this log's key, cosigned, and not of its history: somebody keeps two logs, or this one went back. */
		log_error("a cosigned checkpoint is signed by this log's key and is not of its history: the log was forked or rolled back");
		return call_decline(c, DECIDE_LOG_DIFFERS, "%s", "");
	default:
		return call_failed(c, r);
	}
}

unsigned vault_cosign(struct vault *v, struct vault_call *c, const struct wire_cosign *m)
{
	struct wire_cosign_answer a = { 0 };
	unsigned problem, witnesses;
	int r;

	if ((problem = need_bringer(c)) != 0)
		return problem;
	if ((r = follow_policy(v)) != 0)
		return call_failed(c, r);
	if (!cosigned_wanted(v->cosigned))
		return call_refuse(c, PROBLEM_CONFLICT, "the policy names no witnesses");
	if ((r = cosigned_add(v->cosigned, v->audit, m->note, m->n, c->now_ms / 1000, &a.size, &witnesses)) != 0)
		return not_taken(c, r);
	a.witnesses = (uint8_t)witnesses;
	a.quorum_s = cosigned_quorum_s(v->cosigned);
	wire_cosign_answer_put(c->out, &a);
	c->kind = LEAF_COSIGNED;
	c->detail.count = witnesses;
	return 0;
}

unsigned vault_cosigned(struct vault *v, struct vault_call *c)
{
	int r;

	c->no_leaf = true;	/* size, root and signatures: nothing about anybody */
	if ((r = follow_policy(v)) == 0)
		r = cosigned_read(v->cosigned, c->out);
	if (r == CV_ERR_NOTFOUND)
		return call_refuse(c, PROBLEM_NOT_FOUND, "no witness has cosigned the log");
	return r == 0 ? 0 : call_failed(c, r);
}

/* ---- proofs ---------------------------------------------------------------------------------------------------------------- */

static void put_hashes(struct buf *out, const uint8_t (*hash)[32], unsigned n)
{
	char b64[48];

	for (unsigned i = 0; i < n; i++) {
		b64_encode(B64_STD, hash[i], 32, b64);
		buf_text(out, b64);
		buf_u8(out, '\n');
	}
}

/* The newest tree, or an earlier one; the checkpoint is the newest in any case. */
static int prove_trees(struct vault *v, uint64_t from, uint64_t to, struct buf *out)
{
	uint8_t hash[MERKLE_PROOF_MAX][32], root[32];
	uint64_t newest;
	unsigned n = 0;
	int r = 0;

	if (!audit_signed(v->audit, &newest, root) || from > newest || (to != 0 && (to < from || to > newest)))
		return CV_ERR_NOTFOUND;
	if (from > 0)
		r = audit_read_consistency(v->audit, from, to != 0 ? to : newest, hash, &n);
	if (r != 0)
		return r;
	buf_printf(out, "old %llu\n", (unsigned long long)from);
	if (to != 0)
		buf_printf(out, "new %llu\n", (unsigned long long)to);
	put_hashes(out, (const uint8_t (*)[32])hash, n);
	buf_u8(out, '\n');
	return audit_read_checkpoint(v->audit, out);
}

int witness_prove(struct vault *v, uint64_t index, struct buf *ret_note, uint8_t ret[][32], unsigned *ret_n)
{
	uint64_t size;
	uint8_t root[32];
	int r;

	if ((r = follow_policy(v)) != 0)
		return r;
	size = cosigned_size(v->cosigned);
	if (index < size)
		r = cosigned_read(v->cosigned, ret_note);
	else if (audit_signed(v->audit, &size, root))
		r = audit_read_checkpoint(v->audit, ret_note);
	else
		r = CV_ERR_NOTFOUND;
	return r != 0 ? r : audit_read_inclusion_in(v->audit, index, size, ret, ret_n);
}

static int prove_leaf(struct vault *v, uint64_t index, struct buf *out)
{
	uint8_t hash[MERKLE_PROOF_MAX][32];
	struct buf note;
	unsigned n;
	int r;

	buf_init(&note, NOTE_MAX);
	if ((r = witness_prove(v, index, &note, hash, &n)) == 0)
		r = tlog_proof_encode(NULL, 0, index, (const uint8_t (*)[32])hash, n, note.p, note.n, out);
	buf_free(&note);
	return r;
}

unsigned vault_proof(struct vault *v, struct vault_call *c, const struct wire_proof *m)
{
	int r;

	c->no_leaf = true;	/* hashes tell nothing */
	r = m->of == WIRE_PROOF_LEAF ? prove_leaf(v, m->from, c->out) : prove_trees(v, m->from, m->to, c->out);
	if (r == CV_ERR_NOTFOUND)
		return call_refuse(c, PROBLEM_NOT_FOUND, "no checkpoint covers that yet");
	return r == 0 ? 0 : call_failed(c, r);
}

unsigned vault_vkey(struct vault *v, struct vault_call *c)
{
	const struct vkey k = log_key(v);

	c->no_leaf = true;	/* it is public */
	vkey_encode(&k, c->out);
	return 0;
}

/* ---- for operators ---------------------------------------------------------------------------------------------------------- */

void witness_status(struct vault *v, struct buf *ret)
{
	const struct policy_witnesses *w = policy_witnesses(v->policy);
	uint64_t age;

	if (w->n == 0 || follow_policy(v) != 0)
		return;
	age = quorum_age_s(v, clock_wall_ms());
	buf_printf(ret, "witnesses %u of %u\ncosigned-size %llu\n", w->quorum, w->n, (unsigned long long)cosigned_size(v->cosigned));
	if (age == UINT64_MAX)
		buf_text(ret, "cosigned-age never\n");
	else
		buf_printf(ret, "cosigned-age %llu\n", (unsigned long long)age);
}

void witness_metrics(struct vault *v, struct buf *ret)
{
	uint64_t age;

	if (policy_witnesses(v->policy)->n == 0 || follow_policy(v) != 0)
		return;
	buf_printf(ret, "# HELP childvault_cosigned_size Leaves under the newest checkpoint that witnesses have cosigned.\n"
	    "# TYPE childvault_cosigned_size gauge\nchildvault_cosigned_size %llu\n", (unsigned long long)cosigned_size(v->cosigned));
	if ((age = quorum_age_s(v, clock_wall_ms())) != UINT64_MAX)
		buf_printf(ret, "# HELP childvault_cosigned_age_seconds Since when a quorum of witnesses vouches for the log.\n"
		    "# TYPE childvault_cosigned_age_seconds gauge\nchildvault_cosigned_age_seconds %llu\n", (unsigned long long)age);
}
