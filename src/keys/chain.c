/*
 * Verifying change sets, signatures and facts. A signer is judged by the sets before the one that is signed, so rows come first and
 * signatures last.
 */
#include "keys/chain.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/crypto.h"
#include "format/directory.h"
#include "keys/directory.h"
#include "keys/vec.h"

/* A verified link. */
struct change_set {
	uint64_t time_ms;
	uint8_t digest[32];
	uint8_t *facts;			/* count * 32, sorted */
	uint16_t count;
	uint8_t signatures;
	uint8_t list[DIR_SIGNERS_MAX][16 + SIGN_BYTES];
};

struct chain {
	uint8_t vault[16];
	struct genesis_admin admin[GENESIS_ADMINS_MAX];
	unsigned admins;
	struct vec sets;		/* struct change_set: number i has sequence i + 1 */
	struct vec principals;		/* struct chain_principal, ascending ids */
	uint8_t key[DIR_KEY_MAX];	/* of the fact before; none if key_n is 0 */
	size_t key_n;
	size_t newest_facts;		/* facts that name the newest set */
};

int chain_new(const uint8_t vault[16], const struct genesis_admin *admins, unsigned n, struct chain **ret)
{
	struct chain *c = calloc(1, sizeof(*c));

	assert(n <= GENESIS_ADMINS_MAX);
	if (c == NULL)
		return CV_ERR_NOMEM;
	memcpy(c->vault, vault, 16);
	if (n > 0)
		memcpy(c->admin, admins, n * sizeof(*admins));
	c->admins = n;
	*ret = c;
	return 0;
}

void chain_free(struct chain *c)
{
	struct change_set *sets;

	if (c == NULL)
		return;
	sets = c->sets.p;
	for (size_t i = 0; i < c->sets.n; i++)
		free(sets[i].facts);
	vec_free(&c->sets);
	vec_free(&c->principals);
	free(c);
}

/* ---- change sets ---------------------------------------------------------------------------------------------------- */

static const struct change_set *set_at(const struct chain *c, size_t sequence)
{
	assert(sequence >= 1 && sequence <= c->sets.n);
	return (const struct change_set *)c->sets.p + (sequence - 1);
}

static int digest_cmp(const void *a, const void *b)
{
	return memcmp(a, b, 32);
}

/* Whether the sorted facts hold one twice: a set that names a fact twice could hide that another is missing. */
static bool facts_repeat(const struct change_set *set)
{
	for (size_t i = 1; i < set->count; i++) {
		if (memcmp(set->facts + (i - 1) * 32, set->facts + i * 32, 32) == 0)
			return true;
	}
	return false;
}

/* Keep what stands in a set's row. */
static int set_add(struct chain *c, const struct dir_change *x)
{
	struct change_set *set = vec_add(&c->sets, sizeof(*set));

	if (set == NULL || (set->facts = malloc((size_t)x->count * 32 + 1)) == NULL)
		return CV_ERR_NOMEM;
	set->time_ms = x->time_ms;
	memcpy(set->digest, x->digest, 32);
	memcpy(set->facts, x->digests, (size_t)x->count * 32);
	set->count = x->count;
	set->signatures = x->signatures;
	memcpy(set->list, x->list, (size_t)x->signatures * sizeof(set->list[0]));
	qsort(set->facts, set->count, 32, digest_cmp);
	return facts_repeat(set) ? CV_ERR_AUTH : 0;
}

int chain_change(struct chain *c, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	static const uint8_t none[32];
	const uint8_t *previous = c->sets.n > 0 ? set_at(c, c->sets.n)->digest : none;
	struct dir_change x;
	struct dir_key dk;
	uint8_t digest[32];

	if (dir_key_decode(key, key_n, &dk) != 0 || dk.type != DIR_CHANGE || dir_change_decode(val, val_n, &x) != 0)
		return CV_ERR_FORMAT;
	crypto_hash("cv1.change", NULL, 0, &(struct part){ val, x.covered }, 1, digest, sizeof(digest));
	/* The chain: no number is left out, each set names the one before, and its digest is over what stands there. */
	if (x.sequence != dk.sequence || x.sequence != c->sets.n + 1 || memcmp(x.previous, previous, 32) != 0 ||
	    memcmp(x.digest, digest, 32) != 0)
		return CV_ERR_AUTH;
	return set_add(c, &x);
}

/* ---- facts ------------------------------------------------------------------------------------------------------------ */

void chain_fact_digest(const uint8_t vault[16], const uint8_t *key, size_t key_n, const uint8_t *fact, size_t fact_n, uint8_t ret[32])
{
	uint8_t key_length = (uint8_t)key_n, fact_length[2];
	const struct part parts[] = {
		{ vault, 16 }, { &key_length, 1 }, { key, key_n }, { fact_length, 2 }, { fact, fact_n },
	};

	be16_put(fact_length, (uint16_t)fact_n);
	crypto_hash("cv1.fact", NULL, 0, parts, 5, ret, 32);
}

static int principal_add(struct chain *c, const uint8_t id[16], uint32_t change_set, const uint8_t *fact, size_t fact_n)
{
	struct chain_principal *p;
	struct dir_principal x;

	if (dir_principal_decode(fact, fact_n, &x) != 0)
		return CV_ERR_FORMAT;
	if ((p = vec_add(&c->principals, sizeof(*p))) == NULL)
		return CV_ERR_NOMEM;
	memcpy(p->id, id, 16);
	p->kind = x.kind;
	p->admin_area = x.admin_area;
	memcpy(p->box_pk, x.box_pk, 32);
	memcpy(p->sign_pk, x.sign_pk, 32);
	memcpy(p->person, x.person, 16);
	p->not_before_ms = x.not_before_ms;
	p->not_after_ms = x.not_after_ms;
	p->change_set = change_set;
	return 0;
}

/* Whether the key is above the fact before: one that came twice could hide that another is missing. */
static bool key_ascends(struct chain *c, const uint8_t *key, size_t key_n)
{
	size_t n = key_n < c->key_n ? key_n : c->key_n;
	int order = memcmp(c->key, key, n);

	if (c->key_n > 0 && (order > 0 || (order == 0 && c->key_n >= key_n)))
		return false;
	memcpy(c->key, key, key_n);
	c->key_n = key_n;
	return true;
}

int chain_fact(struct chain *c, const uint8_t *key, size_t key_n, uint32_t change_set, const uint8_t *fact, size_t fact_n)
{
	const struct change_set *set;
	struct dir_key dk;
	uint8_t digest[32];

	if (dir_key_decode(key, key_n, &dk) != 0 || dk.type == DIR_CHANGE || fact_n > UINT16_MAX || !key_ascends(c, key, key_n))
		return CV_ERR_FORMAT;
	if (change_set == 0 || change_set > c->sets.n)
		return CV_ERR_AUTH;
	set = set_at(c, change_set);
	chain_fact_digest(c->vault, key, key_n, fact, fact_n, digest);
	if (bsearch(digest, set->facts, set->count, 32, digest_cmp) == NULL)
		return CV_ERR_AUTH;
	c->newest_facts += change_set == c->sets.n;
	return dk.type == DIR_PRINCIPAL ? principal_add(c, dk.principal, change_set, fact, fact_n) : 0;
}

/* ---- signatures ------------------------------------------------------------------------------------------------------- */

void chain_signed(const uint8_t digest[32], uint8_t ret[CHAIN_SIGNED])
{
	static const uint8_t label[16] = "cv1.change";

	memcpy(ret, label, 16);
	memcpy(ret + 16, digest, 32);
}

/* A signer's key and person as of the sets before this one; false if they were no administrator then. */
static bool signer_find(const struct chain *c, size_t sequence, const uint8_t id[16], const uint8_t **ret_pk, const uint8_t **ret_person)
{
	const struct chain_principal *p = chain_principal(c, id);

	/* A row of this set or a later one does not tell what held before; leaf 0 does for the first administrators. */
	if (p != NULL && p->change_set < sequence) {
		if (p->kind != PRINCIPAL_ADMINISTRATOR ||
		    !directory_in_dates(p->not_before_ms, p->not_after_ms, set_at(c, sequence)->time_ms))
			return false;
		*ret_pk = p->sign_pk;
		*ret_person = p->person;
		return true;
	}
	for (unsigned i = 0; i < c->admins; i++) {
		if (memcmp(c->admin[i].id, id, 16) == 0) {
			*ret_pk = c->admin[i].sign_pk;
			*ret_person = c->admin[i].person;
			return true;
		}
	}
	return false;
}

/* Whether signature number i of a set was verified with this very key when before passed. */
static bool was_verified(const struct chain *before, size_t sequence, const struct change_set *set, unsigned i, const uint8_t pk[32])
{
	const uint8_t *old_pk, *person;
	const struct change_set *old;

	if (before == NULL || sequence > before->sets.n)
		return false;
	old = set_at(before, sequence);
	return memcmp(old->digest, set->digest, 32) == 0 && i < old->signatures &&
	    memcmp(old->list[i], set->list[i], sizeof(set->list[i])) == 0 &&
	    signer_find(before, sequence, set->list[i], &old_pk, &person) && memcmp(old_pk, pk, 32) == 0;
}

/* Every signature of the set fits, and two are of different natural persons, hence of different principals. */
static int check_signatures(const struct chain *c, size_t sequence, const struct chain *before)
{
	const struct change_set *set = set_at(c, sequence);
	uint8_t message[CHAIN_SIGNED];
	const uint8_t *first = NULL;
	bool two = false;

	chain_signed(set->digest, message);
	for (unsigned i = 0; i < set->signatures; i++) {
		const uint8_t *id = set->list[i], *pk, *person;

		if (!signer_find(c, sequence, id, &pk, &person))
			return CV_ERR_AUTH;
		if (!was_verified(before, sequence, set, i, pk) && crypto_verify(pk, message, sizeof(message), id + 16) != 0)
			return CV_ERR_AUTH;
		if (first == NULL)
			first = person;
		two = two || memcmp(first, person, 16) != 0;
	}
	return two ? 0 : CV_ERR_AUTH;
}

int chain_end(const struct chain *c)
{
	return chain_end_behind(c, NULL);
}

int chain_end_behind(const struct chain *c, const struct chain *before)
{
	int r = 0;

	if (c->sets.n == 0)
		return CV_ERR_FORMAT;
	for (size_t i = 1; r == 0 && i <= c->sets.n; i++)
		r = check_signatures(c, i, before);
	/* Nothing of the newest set can have been replaced yet, so all of it must be there. */
	if (r == 0 && c->newest_facts != set_at(c, c->sets.n)->count)
		r = CV_ERR_AUTH;
	return r;
}

/* ---- what it says ------------------------------------------------------------------------------------------------------ */

uint32_t chain_sets(const struct chain *c)
{
	return (uint32_t)c->sets.n;
}

const uint8_t *chain_digest(const struct chain *c, uint32_t sequence)
{
	return set_at(c, sequence)->digest;
}

uint64_t chain_time_ms(const struct chain *c, uint32_t sequence)
{
	return set_at(c, sequence)->time_ms;
}

const struct chain_principal *chain_principal_at(const struct chain *c, size_t i)
{
	return i < c->principals.n ? (const struct chain_principal *)c->principals.p + i : NULL;
}

static int principal_cmp(const void *id, const void *p)
{
	return memcmp(id, ((const struct chain_principal *)p)->id, 16);
}

const struct chain_principal *chain_principal(const struct chain *c, const uint8_t id[16])
{
	return c->principals.n > 0 ? bsearch(id, c->principals.p, c->principals.n, sizeof(struct chain_principal), principal_cmp) : NULL;
}
