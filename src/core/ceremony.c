/*
 * What several people do one after the other at admin.sock: unsealing by shares, proving shares, a new split of a quorum slot.
 * docs/PROTOCOL.md section 3. What is under way outlives connections and ends with sealing, time and core.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/log.h"
#include "core/core_internal.h"
#include "crypto/crypto.h"
#include "keys/quorum.h"

#define ANY 0xFFu
#define ALLOWED_MS QUORUM_MS
#define SPLIT_MS (24u * 3600 * 1000)	/* in which a new split's holders must all have confirmed */
#define SPLIT_MIN 2u			/* a quorum of one is no quorum */

/* A split that becomes a slot's once each of its shares has been shown. Nothing of it is secret: the row is sealed. */
struct split {
	bool open;
	unsigned slot;
	struct slot_info info;
	struct buf row;
	uint16_t confirmed;		/* bit i: share i + 1 */
	uint64_t since_ms;
};
struct ceremony {
	struct quorum *quorum[SLOT_COUNT];	/* shares that are in: to unseal a sealed vault, to allow a new split of an unsealed one */
	bool allowed;			/* a slot's quorum allowed one new split */
	uint64_t allowed_ms;
	struct split split;
};

/* 0 or CV_ERR_NOMEM. */
static int begin(struct core *c)
{
	struct ceremony *x;

	if (c->ceremony != NULL)
		return 0;
	if ((x = calloc(1, sizeof(*x))) == NULL)
		return CV_ERR_NOMEM;
	buf_init(&x->split.row, 4096);
	c->ceremony = x;
	for (unsigned i = 0; i < SLOT_COUNT; i++)
		if (quorum_new(&x->quorum[i]) != 0) {
			ceremony_free(c);
			return CV_ERR_NOMEM;
		}
	return 0;
}

void ceremony_free(struct core *c)
{
	if (c->ceremony == NULL)
		return;
	for (unsigned i = 0; i < SLOT_COUNT; i++)
		quorum_free(c->ceremony->quorum[i]);
	buf_free(&c->ceremony->split.row);
	free(c->ceremony);
	c->ceremony = NULL;
}

static void split_end(struct split *s)
{
	s->open = false;
	s->confirmed = 0;
	buf_reset(&s->row);
}

void ceremony_reset(struct core *c)
{
	struct ceremony *x = c->ceremony;

	if (x == NULL)
		return;
	for (unsigned i = 0; i < SLOT_COUNT; i++)
		quorum_wipe(x->quorum[i]);
	x->allowed = false;
	split_end(&x->split);
}

void ceremony_sweep(struct core *c, uint64_t now_ms)
{
	struct ceremony *x = c->ceremony;

	if (x == NULL)
		return;
	for (unsigned i = 0; i < SLOT_COUNT; i++)
		if (quorum_sweep(x->quorum[i], now_ms))
			log_warn("slot %u: no further share came, those that were in are forgotten", i);
	if (x->allowed && now_ms - x->allowed_ms >= ALLOWED_MS)
		x->allowed = false;
	if (x->split.open && now_ms - x->split.since_ms >= SPLIT_MS) {
		log_warn("slot %u: the new split was not confirmed in time and is forgotten, the slot is as it was", x->split.slot);
		split_end(&x->split);
	}
}

static unsigned count(uint16_t bits)
{
	unsigned n = 0;

	for (; bits != 0; bits &= (uint16_t)(bits - 1))
		n++;
	return n;
}

static void status_line(struct buf *out, const char *name, unsigned slot, uint16_t in, unsigned of)
{
	buf_printf(out, "%s.%u %u of %u:", name, slot, count(in), of);
	for (unsigned i = 0; i < SHARE_MAX; i++)
		if ((in >> i & 1) != 0)
			buf_printf(out, " %u", i + 1);
	buf_printf(out, "\n");
}

void ceremony_status(const struct core *c, struct buf *out)
{
	const struct ceremony *x = c->ceremony;
	struct slot_info info;

	for (unsigned i = 0; x != NULL && i < SLOT_COUNT; i++)
		if (quorum_in(x->quorum[i]) != 0 && vault_slot(c->vault, i, &info) == 0)
			status_line(out, "shares-in", i, quorum_in(x->quorum[i]), info.k);
	if (x != NULL && x->split.open)
		status_line(out, "shares-confirmed", x->split.slot, x->split.confirmed, x->split.info.n);
}

/* ---- single shares -------------------------------------------------------------------------------------------------------- */

/* The answer to each operation on a share; in: which are in or confirmed. */
static void answer(struct buf *out, enum share_verdict verdict, const struct share *s, const struct slot_info *info, uint16_t in, bool done)
{
	/* A share of another split has another holder, whatever its number. */
	const char *holder = verdict <= SHARE_BAD && s->index <= info->n ? info->holder[s->index - 1] : "";

	buf_u8(out, (uint8_t)verdict);
	buf_u8(out, s->slot);
	buf_u8(out, s->index);
	buf_u8(out, info->k);
	buf_u8(out, info->n);
	buf_u16(out, in);
	buf_u8(out, done);
	buf_u8(out, (uint8_t)strlen(holder));
	buf_text(out, holder);
}

static unsigned verdict_problem(enum share_verdict v)
{
	return v == SHARE_GOOD || v == SHARE_AGAIN ? PROBLEM_NONE : PROBLEM_UNAUTHENTICATED;
}

static void tell(const char *what, enum share_verdict v, const struct share *s)
{
	static const char *const words[] = { "good", "in already", "bad", "of another vault", "of another split" };

	if (verdict_problem(v) != PROBLEM_NONE)
		log_warn("%s: share %u of slot %u is %s", what, s->index, s->slot, words[v]);
	else
		log_info("%s: share %u of slot %u is %s", what, s->index, s->slot, words[v]);
}

/* The parameters of the quorum slot that the share says it belongs to. A problem number. */
static unsigned slot_of(struct core *c, const struct share *s, struct slot_info *ret)
{
	int r = vault_slot(c->vault, s->slot, ret);

	return r != 0 ? admin_problem(r) : ret->type == SLOT_QUORUM ? PROBLEM_NONE : PROBLEM_NOT_FOUND;
}

/* Enough are in: unseal, or allow one new split. */
static unsigned use_quorum(struct core *c, enum share_operation op, unsigned slot, uint64_t now_ms, bool *ret_done)
{
	struct ceremony *x = c->ceremony;
	uint8_t kek[32];
	int r = 0;

	if (!quorum_kek(x->quorum[slot], kek))
		return PROBLEM_NONE;
	r = op == SHARE_UNSEAL ? vault_unseal(c->vault, slot, kek) : vault_slot_matches(c->vault, slot, kek);
	wipe(kek, sizeof(kek));
	if (r != 0)
		return admin_problem(r);	/* they stay in: whatever it was may pass, and a share that comes again tries again */
	*ret_done = true;
	if (op == SHARE_UNSEAL) {
		ceremony_reset(c);
	} else {
		quorum_wipe(x->quorum[slot]);
		x->allowed = true;
		x->allowed_ms = now_ms;
	}
	return PROBLEM_NONE;
}

static unsigned enter(struct core *c, enum share_operation op, const struct share *s, uint64_t now_ms, struct buf *out)
{
	enum share_verdict verdict;
	struct slot_info info;
	uint16_t in;
	bool done = false;
	unsigned problem;

	if ((vault_state(c->vault) == VAULT_SEALED) != (op == SHARE_UNSEAL))
		return op == SHARE_UNSEAL ? PROBLEM_CONFLICT : PROBLEM_SEALED;
	if ((problem = slot_of(c, s, &info)) != PROBLEM_NONE)
		return problem;
	if (begin(c) != 0 || quorum_enter(c->ceremony->quorum[s->slot], vault_id(c->vault), &info, s, now_ms, &verdict) != 0)
		return PROBLEM_INTERNAL;
	tell(op == SHARE_UNSEAL ? "unseal" : "new split", verdict, s);
	in = quorum_in(c->ceremony->quorum[s->slot]);
	problem = verdict_problem(verdict);
	if (problem == PROBLEM_NONE)
		problem = use_quorum(c, op, s->slot, now_ms, &done);
	answer(out, verdict, s, &info, in, done);
	return problem;
}

/* A share alone, against the slot. Nothing is kept of it. */
static unsigned drill(struct core *c, const struct share *s, struct buf *out)
{
	enum share_verdict verdict;
	struct slot_info info;
	unsigned problem;
	bool logged = false;
	int r;

	if ((problem = slot_of(c, s, &info)) != PROBLEM_NONE)
		return problem;
	verdict = quorum_check(vault_id(c->vault), &info, s);
	tell("drill", verdict, s);
	if (vault_state(c->vault) == VAULT_READY) {
		if ((r = vault_share_shown(c->vault, s->slot, s->index, verdict == SHARE_GOOD)) != 0)
			return admin_problem(r);
		logged = true;
	}
	answer(out, verdict, s, &info, 0, logged);
	return verdict_problem(verdict);
}

/* A share of the split that waits for its holders. With the last one it takes the slot. */
static unsigned confirm(struct core *c, const struct share *s, struct buf *out)
{
	struct split *x = c->ceremony != NULL ? &c->ceremony->split : NULL;
	enum share_verdict verdict;
	uint16_t bit = (uint16_t)(1u << (s->index - 1));
	bool done;
	int r = 0;

	if (vault_state(c->vault) != VAULT_READY)
		return PROBLEM_SEALED;
	if (x == NULL || !x->open || x->slot != s->slot)
		return PROBLEM_NOT_FOUND;
	verdict = quorum_check(vault_id(c->vault), &x->info, s);
	if (verdict == SHARE_GOOD && (x->confirmed & bit) != 0)
		verdict = SHARE_AGAIN;
	tell("confirm", verdict, s);
	if (verdict == SHARE_GOOD)
		x->confirmed |= bit;
	done = verdict_problem(verdict) == PROBLEM_NONE && count(x->confirmed) == x->info.n;
	if (done && (r = vault_slot_put(c->vault, x->slot, &x->info, x->row.p, x->row.n)) != 0)
		done = false;
	answer(out, verdict, s, &x->info, x->confirmed, done);
	if (done) {
		log_info("slot %u has its new split, %u of %u", x->slot, x->info.k, x->info.n);
		split_end(x);
	}
	return r != 0 ? admin_problem(r) : verdict_problem(verdict);
}

unsigned ceremony_share(struct core *c, enum share_operation op, const uint8_t *p, size_t n, uint64_t now_ms, struct buf *out)
{
	unsigned problem = PROBLEM_BAD_REQUEST;
	struct share s;

	if (n != SHARE_BYTES || share_decode(p, &s) != 0)
		return problem;
	switch (op) {
	case SHARE_UNSEAL:
	case SHARE_ALLOW:
		problem = enter(c, op, &s, now_ms, out);
		break;
	case SHARE_DRILL:
		problem = drill(c, &s, out);
		break;
	case SHARE_CONFIRM:
		problem = confirm(c, &s, out);
		break;
	}
	wipe(&s, sizeof(s));
	return problem;
}

/* ---- a new split ------------------------------------------------------------------------------------------------------------ */

struct rekey {
	uint8_t auth_slot;		/* ANY: a quorum allowed it */
	const uint8_t *kek;		/* 32 */
	struct slot_info info;
};

static bool rekey_decode(const uint8_t *p, size_t n, struct rekey *ret)
{
	struct rd r = rd_over(p, n);
	const uint8_t *name;

	memset(ret, 0, sizeof(*ret));
	ret->auth_slot = rd_u8(&r);
	ret->kek = rd_take(&r, 32);
	ret->info.type = SLOT_QUORUM;
	ret->info.k = rd_u8(&r);
	ret->info.n = rd_u8(&r);
	if (!rd_ok(&r) || ret->info.k < SPLIT_MIN || ret->info.k > ret->info.n || ret->info.n > SHARE_MAX)
		return false;
	for (unsigned i = 0; i < ret->info.n; i++) {
		uint8_t length = rd_u8(&r);

		if ((name = rd_take(&r, length)) == NULL || length >= sizeof(ret->info.holder[0]) || memchr(name, 0, length) != NULL)
			return false;
		memcpy(ret->info.holder[i], name, length);
	}
	return rd_done(&r);
}

/*
 * An open vault is not enough: whoever asks shows again that they may unseal, and then takes up what two administrators allowed. What a
 * quorum allowed is used up with it.
 */
static int may_rekey(struct core *c, const struct rekey *q, unsigned slot, uint64_t now_ms)
{
	struct ceremony *x = c->ceremony;
	int r;

	if (q->auth_slot != ANY)
		r = vault_slot_matches(c->vault, q->auth_slot, q->kek);
	else
		r = x->allowed && now_ms - x->allowed_ms < ALLOWED_MS ? 0 : CV_ERR_AUTH;
	if (r == 0 && (r = vault_split_use(c->vault, slot, &q->info)) == 0 && q->auth_slot == ANY)
		x->allowed = false;
	return r;
}

/* The slot that was named, or the quorum's, or the first free one. CV_ERR_STATE: it is neither a quorum's nor free. */
static int choose_slot(struct core *c, uint8_t wanted, unsigned *ret)
{
	unsigned free_slot = SLOT_COUNT;
	struct slot_info info;

	for (unsigned i = 0; i < SLOT_COUNT; i++) {
		int r = vault_slot(c->vault, i, &info);

		if (wanted != ANY && wanted != i)
			continue;
		if (r == 0 && info.type == SLOT_QUORUM) {
			*ret = i;
			return 0;
		}
		if (r == CV_ERR_NOTFOUND && free_slot == SLOT_COUNT)
			free_slot = i;
	}
	if (free_slot == SLOT_COUNT)
		return CV_ERR_STATE;
	*ret = free_slot;
	return 0;
}

unsigned ceremony_rekey(struct core *c, uint8_t slot, const uint8_t *p, size_t n, uint64_t now_ms, struct buf *out)
{
	uint8_t kek[32], shares[SHARE_MAX * SHARE_BYTES];
	struct rekey q;
	struct split *x;
	unsigned number = 0;
	int r;

	if (!rekey_decode(p, n, &q))
		return PROBLEM_BAD_REQUEST;
	if (vault_state(c->vault) != VAULT_READY)
		return PROBLEM_SEALED;
	if ((r = begin(c)) != 0 || (r = choose_slot(c, slot, &number)) != 0 || (r = may_rekey(c, &q, number, now_ms)) != 0) {
		log_warn("new split: refused: %s", cv_strerror(r));
		return admin_problem(r);
	}
	x = &c->ceremony->split;
	split_end(x);	/* another one that waited is given up */
	if ((r = quorum_split(vault_id(c->vault), number, &q.info, kek, shares)) == 0 &&
	    (r = vault_slot_make(c->vault, number, &q.info, kek, &x->row)) == 0) {
		x->open = true;
		x->slot = number;
		x->info = q.info;
		x->since_ms = now_ms;
		buf_u8(out, (uint8_t)number);
		buf_u8(out, q.info.n);
		buf_put(out, shares, (size_t)q.info.n * SHARE_BYTES);
		log_info("slot %u: a new split, %u of %u, waits for its holders", number, q.info.k, q.info.n);
	}
	wipe(kek, sizeof(kek));
	wipe(shares, sizeof(shares));
	return r == CV_ERR_ARG ? PROBLEM_BAD_REQUEST : admin_problem(r);
}
