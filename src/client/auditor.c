#include "client/auditor.h"

#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "client/months.h"
#include "format/context.h"

#define BODY_MAX 2048u	/* sealed bytes; the longest case and reason make about half of it */

int auditor_segment_open(const struct client_key *key, const uint8_t vault[16], const uint8_t id[16], uint32_t month,
    const uint8_t *sealed, struct auditor_segment *ret)
{
	const struct context c = { .kind = CONTEXT_SEGMENT, .vault = vault, .entity = id, .epoch = month, .writer = key->principal,
		.length = CRYPTO_KEY };
	uint8_t ctx[CONTEXT_BYTES], first[CRYPTO_KEY], sk[CRYPTO_KEY];
	int r = 0;

	if (month != 0)
		r = client_months_secret(&key->months, month, sk);
	else if (key->lent)
		r = CV_ERR_NOKEY;
	else
		memcpy(sk, key->box_sk, sizeof sk);
	context_encode(&c, ctx);
	if (r == 0 && (r = crypto_pkopen(sk, ctx, sealed, AUDITOR_SEALED_KEY, first)) == 0) {
		memcpy(ret->id, id, 16);
		memcpy(ret->first, first, sizeof first);
		memcpy(ret->now, first, sizeof first);
		ret->turn = 0;
	}
	wipe(sk, sizeof sk);
	wipe(first, sizeof first);
	return r;
}

const uint8_t *auditor_segment_key(struct auditor_segment *s, uint32_t turn)
{
	uint8_t next[CRYPTO_KEY];

	if (turn < s->turn) {
		memcpy(s->now, s->first, sizeof s->now);
		s->turn = 0;
	}
	for (; s->turn < turn; s->turn++) {
		crypto_hash("cv1.seg.next", s->now, CRYPTO_KEY, NULL, 0, next, sizeof next);
		memcpy(s->now, next, sizeof next);
		wipe(next, sizeof next);
	}
	return s->now;
}

int auditor_body_open(const uint8_t turn_key[CRYPTO_KEY], const struct leaf *l, struct leaf_actor *ret, bool *ret_has_detail,
    struct leaf_detail *ret_detail)
{
	static const uint8_t nonce[12];
	uint8_t place[28], key[CRYPTO_KEY], plain[BODY_MAX];
	int has = 0, r;

	if ((l->flags & LEAF_CLEAR) != 0 || l->body_a_n <= CRYPTO_TAG || l->body_a_n > BODY_MAX)
		return CV_ERR_FORMAT;
	memcpy(place, l->segment, 16);
	be32_put(place + 16, l->turn);
	be64_put(place + 20, l->index);
	crypto_hash_block("cv1.leaf.a", turn_key, place, sizeof place, key, sizeof key);
	r = crypto_cell_open(key, nonce, l->header, l->header_n, l->body_a, l->body_a_n, plain);
	if (r == 0)
		r = leaf_actor_decode(plain, (size_t)l->body_a_n - CRYPTO_TAG, ret, &has, ret_detail);
	if (r == 0)
		*ret_has_detail = has != 0;
	wipe(key, sizeof key);
	wipe(plain, l->body_a_n);
	return r;
}

static void take_text8(struct rd *in, char ret[256])
{
	uint8_t n = rd_u8(in);

	memset(ret, 0, 256);
	rd_copy(in, ret, n);
}

/* Five texts and the vetting time, FORMAT.md 5.2. */
static int parse_person(const uint8_t *p, size_t n, struct client_person *ret)
{
	struct rd in = rd_over(p, n);

	take_text8(&in, ret->login);
	take_text8(&in, ret->name);
	take_text8(&in, ret->department);
	take_text8(&in, ret->post);
	take_text8(&in, ret->area);
	ret->vetted_ms = rd_u48(&in);
	return rd_done(&in) ? 0 : CV_ERR_FORMAT;
}

int auditor_person_open(const struct client_key *key, const uint8_t vault[16], const uint8_t principal[16], const uint8_t *sealed,
    size_t n, struct client_person *ret)
{
	struct context c = { .kind = CONTEXT_PERSON_AUDITOR, .vault = vault, .entity = principal, .field = 2, .writer = key->principal };
	uint8_t ctx[CONTEXT_BYTES], plain[AUDITOR_PERSON_MAX];
	struct client_person person;
	int r;

	if (n < PKSEAL_OVERHEAD || n > AUDITOR_PERSON_MAX)
		return CV_ERR_FORMAT;
	c.length = n - PKSEAL_OVERHEAD;
	context_encode(&c, ctx);
	if ((r = crypto_pkopen(key->box_sk, ctx, sealed, n, plain)) == 0 && (r = parse_person(plain, n - PKSEAL_OVERHEAD, &person)) == 0) {
		memcpy(person.principal, principal, 16);
		*ret = person;
	}
	wipe(plain, sizeof plain);
	wipe(&person, sizeof person);
	return r;
}
