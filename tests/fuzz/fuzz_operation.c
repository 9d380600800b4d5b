/*
 * The document of an operation: FORMAT.md 5.5. Digests that no input would fit by chance are made to fit in a copy, so that what an
 * operation's facts and items say is read, too.
 */
#include "base/bytes.h"
#include "crypto/crypto.h"
#include "format/operation.h"
#include "fuzz.h"
#include "keys/chain.h"
#include "vault/operation.h"

/* Put the digests of the facts, and of the change set over them, where they belong. */
static void make_facts_fit(const struct operation *o, uint8_t *copy, const uint8_t *data)
{
	struct rd facts = operation_facts(o);
	struct operation_fact f;
	struct dir_change c;
	uint8_t *change = copy + (o->change - data);

	if (dir_change_decode(o->change, o->change_n, &c) != 0 || c.count != o->facts)
		return;
	for (size_t i = 0; operation_next(&facts, &f); i++)
		chain_fact_digest(o->head.vault, f.key, f.key_n, f.fact, f.fact_n, copy + (c.digests - data) + i * 32);
	crypto_hash("cv1.change", NULL, 0, &(struct part){ change, c.covered }, 1, copy + (c.digest - data), 32);
}

/* What is read leads into the document, and both halves of a signature are of it. */
static void read_all(const uint8_t *p, size_t n)
{
	struct operation_reading r;
	uint8_t signature[OPERATION_SIGNATURE], pk[SIGN_PUBLIC], sk[SIGN_SECRET];

	if (operation_read(p, n, &r) != 0)
		return;
	for (unsigned i = 0; i < r.class_count; i++)
		MUST(operation_class_at(&r, i).epoch > 0);
	for (unsigned i = 0; i < r.principal_count; i++)
		MUST(operation_names(&r, r.principals[i]));
	for (unsigned i = 0; i < r.split.n; i++)
		MUST((const uint8_t *)r.split.holder[i].p + r.split.holder[i].n <= p + n);
	crypto_sign_pair(r.digest, pk, sk);
	operation_sign(&r, sk, signature);
	MUST(operation_signed(&r, pk, signature));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct operation o;
	uint8_t *copy;
	struct buf b;

	if (operation_decode(data, size, &o) != 0)
		return 0;
	buf_init(&b, OPERATION_DOCUMENT_MAX);
	operation_head_encode(&o.head, &b);
	operation_arguments_encode(&o, &b);
	must_be(&b, data, size);
	copy = malloc(size);
	MUST(copy != NULL && crypto_start() == 0);
	memcpy(copy, data, size);
	if (o.change_n != 0)
		make_facts_fit(&o, copy, data);
	operation_arguments_digest(copy + OPERATION_HEAD, size - OPERATION_HEAD, copy + OPERATION_HEAD - 32);
	read_all(copy, size);
	free(copy);
	return 0;
}
