/* The directory as it is handed out, FORMAT.md section 12: its layout, and its change sets and facts as a client takes them. */
#include "crypto/crypto.h"
#include "format/directory.h"
#include "format/directory_doc.h"
#include "fuzz.h"
#include "keys/chain.h"

static void again(const struct directory_doc *d, const uint8_t *p, size_t n)
{
	uint8_t proof[DIRECTORY_PROOF_MAX][32];
	struct directory_doc_fact fact;
	const uint8_t *set;
	uint32_t set_n, sets = 0, facts = 0;
	struct buf b;
	struct rd r;

	buf_init(&b, 1 << 20);
	memcpy(proof, d->proof, d->proofs * (size_t)32);
	directory_doc_head(d->leaf, d->leaf_n, d->checkpoint, d->checkpoint_n, (const uint8_t (*)[32])proof, d->proofs, &b);
	buf_u32(&b, d->sets);
	for (r = directory_doc_sets(d); directory_doc_set(&r, &set, &set_n); sets++)
		directory_doc_set_encode(set, set_n, &b);
	buf_u32(&b, d->facts);
	for (r = directory_doc_facts(d); directory_doc_fact(&r, &fact); facts++)
		directory_doc_fact_encode(&fact, &b);
	MUST(sets == d->sets && facts == d->facts);
	must_be(&b, p, n);
	buf_free(&b);
}

/* Whatever the rows are, nobody has signed them. */
static void verify(const struct directory_doc *d)
{
	static const struct genesis_admin admins[2] = { { .id = { 1 } }, { .id = { 2 } } };
	static const uint8_t vault[16] = { 3 };
	struct dir_key key = { .type = DIR_CHANGE };
	struct rd sets = directory_doc_sets(d), facts = directory_doc_facts(d);
	struct directory_doc_fact fact;
	uint8_t bytes[DIR_KEY_MAX];
	struct chain *c;
	const uint8_t *set;
	uint32_t n;

	if (chain_new(vault, admins, 2, &c) != 0)
		return;
	while (directory_doc_set(&sets, &set, &n)) {
		key.sequence++;
		if (chain_change(c, bytes, dir_key_encode(&key, bytes), set, n) != 0)
			break;
	}
	while (directory_doc_fact(&facts, &fact))
		if (chain_fact(c, fact.key, fact.key_n, fact.change_set, fact.fact, fact.fact_n) != 0)
			break;
	MUST(chain_end(c) != 0);
	chain_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool started;
	struct directory_doc d;

	if (!started)
		MUST(crypto_start() == 0);
	started = true;
	if (directory_doc_decode(data, size, &d) == 0) {
		again(&d, data, size);
		verify(&d);
	}
	return 0;
}
