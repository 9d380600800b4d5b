#include "keys/quorum.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "crypto/crypto.h"

#define SCALAR 32u

/*
 * Invariants: 1. shares is NULL exactly if in is 0. 2. Bit i of in is set if scalar i stands at shares->bytes + SCALAR * i. 3. All of
 * them passed quorum_check against the split whose tag is split and threshold k.
 */
struct quorum {
	struct secret *shares;
	uint16_t in;
	unsigned k;
	uint8_t split[SHARE_TAG];
	uint64_t since_ms;	/* when the last one came */
};

/* H_256(cv1.unseal, scalar). */
static void kek_of(const uint8_t scalar[SCALAR], uint8_t ret[32])
{
	crypto_hash("cv1.unseal", scalar, SCALAR, NULL, 0, ret, 32);
}

void quorum_tag(const uint8_t vault_id[16], unsigned slot, const struct slot_info *info, uint8_t ret[SHARE_TAG])
{
	const uint8_t numbers[3] = { (uint8_t)slot, info->k, info->n };
	const struct part parts[] = { { vault_id, 16 }, { numbers, sizeof(numbers) }, { info->commits, (size_t)info->k * 32 } };
	uint8_t tag[16];

	crypto_hash("cv1.share", NULL, 0, parts, 3, tag, sizeof(tag));
	memcpy(ret, tag, SHARE_TAG);
}

int quorum_split(const uint8_t vault_id[16], unsigned slot, struct slot_info *info, uint8_t ret_kek[32], uint8_t *ret_shares)
{
	uint8_t secret[SCALAR], scalars[SHARE_MAX * SCALAR];
	struct share s;
	int r = CV_ERR_ARG;

	if (slot >= SLOT_COUNT)
		goto out;
	shares_random_secret(secret);
	if ((r = shares_split(secret, info->k, info->n, scalars, info->commits)) != 0)
		goto out;
	info->type = SLOT_QUORUM;
	s = (struct share){ .slot = (uint8_t)slot, .k = info->k, .n = info->n };
	memcpy(s.vault, vault_id, SHARE_TAG);
	quorum_tag(vault_id, slot, info, s.split);
	for (unsigned i = 0; i < info->n; i++) {
		s.index = (uint8_t)(i + 1);
		memcpy(s.scalar, scalars + SCALAR * i, SCALAR);
		share_encode(&s, ret_shares + SHARE_BYTES * i);
	}
	kek_of(secret, ret_kek);
out:
	wipe(secret, sizeof(secret));
	wipe(scalars, sizeof(scalars));
	wipe(&s, sizeof(s));
	return r;
}

enum share_verdict quorum_check(const uint8_t vault_id[16], const struct slot_info *info, const struct share *s)
{
	uint8_t tag[SHARE_TAG];

	if (memcmp(s->vault, vault_id, SHARE_TAG) != 0)
		return SHARE_OTHER_VAULT;
	quorum_tag(vault_id, s->slot, info, tag);
	if (memcmp(s->split, tag, SHARE_TAG) != 0)
		return SHARE_OTHER_SPLIT;
	if (s->k != info->k || s->n != info->n || s->index > info->n || shares_check(s->scalar, s->index, info->commits, info->k) != 0)
		return SHARE_BAD;
	return SHARE_GOOD;
}

/* ---- collecting --------------------------------------------------------------------------------------------------------- */

int quorum_new(struct quorum **ret)
{
	struct quorum *q = calloc(1, sizeof(*q));

	if (q == NULL)
		return CV_ERR_NOMEM;
	*ret = q;
	return 0;
}

void quorum_free(struct quorum *q)
{
	if (q == NULL)
		return;
	quorum_wipe(q);
	free(q);
}

void quorum_wipe(struct quorum *q)
{
	secret_free(q->shares);
	*q = (struct quorum){ .shares = NULL };
}

int quorum_enter(struct quorum *q, const uint8_t vault_id[16], const struct slot_info *info, const struct share *s, uint64_t now_ms,
    enum share_verdict *ret)
{
	enum share_verdict verdict = quorum_check(vault_id, info, s);
	uint16_t bit = (uint16_t)(1u << (s->index - 1));

	if (verdict != SHARE_GOOD)
		goto out;
	if (memcmp(q->split, s->split, SHARE_TAG) != 0)
		quorum_wipe(q);
	if ((q->in & bit) != 0) {
		verdict = SHARE_AGAIN;
		goto out;
	}
	if (q->shares == NULL && (q->shares = secret_new(SHARE_MAX * SCALAR)) == NULL)
		return CV_ERR_NOMEM;
	memcpy(q->shares->bytes + SCALAR * (s->index - 1u), s->scalar, SCALAR);
	memcpy(q->split, s->split, SHARE_TAG);
	q->in |= bit;
	q->k = info->k;
	q->since_ms = now_ms;
out:
	*ret = verdict;
	return 0;
}

uint16_t quorum_in(const struct quorum *q)
{
	return q->in;
}

bool quorum_kek(const struct quorum *q, uint8_t ret[32])
{
	uint8_t shares[SHARE_MAX * SCALAR], secret[SCALAR];
	unsigned indices[SHARE_MAX], n = 0;
	bool enough = false;

	for (unsigned i = 0; i < SHARE_MAX && n < q->k; i++) {
		if ((q->in >> i & 1) == 0)
			continue;
		memcpy(shares + SCALAR * n, q->shares->bytes + SCALAR * i, SCALAR);
		indices[n++] = i + 1;
	}
	if (n > 0 && n == q->k && shares_combine(shares, indices, n, secret) == 0) {
		kek_of(secret, ret);
		enough = true;
	}
	wipe(shares, sizeof(shares));
	wipe(secret, sizeof(secret));
	return enough;
}

bool quorum_sweep(struct quorum *q, uint64_t now_ms)
{
	if (q->in == 0 || now_ms - q->since_ms < QUORUM_MS)
		return false;
	quorum_wipe(q);
	return true;
}
