/* Verifying a directory that a daemon handed out. A daemon that lies has its keyring's keys and none of the administrators'. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/crypto.h"
#include "crypto/merkle.h"
#include "format/directory.h"
#include "format/directory_doc.h"
#include "format/leaf.h"
#include "format/note.h"
#include "keys/chain.h"
#include "vault/directory_doc.h"

void directory_code(const uint8_t leaf_hash[32], char ret[DIRECTORY_CODE])
{
	for (unsigned i = 0; i < 6; i++)
		(void)snprintf(ret + i * 5, 6, i < 5 ? "%04u " : "%04u", be32_get(leaf_hash + i * 4) % 10000);
}

static int check_genesis(const struct directory_doc *d, struct directory_checked *x)
{
	struct leaf l;

	if (leaf_decode(d->leaf, d->leaf_n, &l) != 0 || l.kind != LEAF_GENESIS || l.index != 0 || (l.flags & LEAF_CLEAR) == 0 ||
	    genesis_body_decode(l.body_a, l.body_a_n, &x->genesis) != 0)
		return CV_ERR_FORMAT;
	merkle_leaf(d->leaf, d->leaf_n, x->leaf_hash);
	return 0;
}

/* Whether one of the note's signatures is the log key's under the log's name. */
static bool signed_by_log(const struct note *note, const struct genesis_body *g)
{
	for (unsigned i = 0; i < note->sigs; i++) {
		const struct note_sig *s = &note->sig[i];

		if (s->sig_n == SIGN_BYTES && s->name_n == strlen(g->origin) && memcmp(s->name, g->origin, s->name_n) == 0 &&
		    crypto_verify(g->log_pk, note->text, note->text_n, s->sig) == 0)
			return true;
	}
	return false;
}

static int check_log(const struct directory_doc *d, struct directory_checked *x)
{
	uint8_t proof[DIRECTORY_PROOF_MAX][32];
	struct checkpoint c;
	struct note note;

	if (note_decode((const char *)d->checkpoint, d->checkpoint_n, &note) != 0 || checkpoint_decode(&note, &c) != 0)
		return CV_ERR_FORMAT;
	if (c.origin_n != strlen(x->genesis.origin) || memcmp(c.origin, x->genesis.origin, c.origin_n) != 0 ||
	    !signed_by_log(&note, &x->genesis))
		return CV_ERR_AUTH;
	memcpy(proof, d->proof, (size_t)d->proofs * 32);
	x->log_size = c.size;
	memcpy(x->log_root, c.root, 32);
	return merkle_verify_inclusion(0, c.size, x->leaf_hash, (const uint8_t (*)[32])proof, d->proofs, c.root);
}

static int check_sets(const struct directory_doc *d, struct chain *chain)
{
	struct dir_key key = { .type = DIR_CHANGE };
	struct rd r = directory_doc_sets(d);
	uint8_t bytes[DIR_KEY_MAX];
	const uint8_t *row;
	uint32_t n;
	int e = 0;

	while (e == 0 && directory_doc_set(&r, &row, &n)) {
		key.sequence++;
		e = chain_change(chain, bytes, dir_key_encode(&key, bytes), row, n);
	}
	return e;
}

static int check_facts(const struct directory_doc *d, struct chain *chain)
{
	struct rd r = directory_doc_facts(d);
	struct directory_doc_fact f;
	int e = 0;

	while (e == 0 && directory_doc_fact(&r, &f))
		e = chain_fact(chain, f.key, f.key_n, f.change_set, f.fact, f.fact_n);
	return e;
}

int directory_doc_check(const uint8_t *p, size_t n, struct directory_checked *ret, enum directory_part *ret_part)
{
	struct directory_checked x = { .chain = NULL };
	enum directory_part part = DIRECTORY_FORM;
	struct directory_doc d;
	int r;

	if ((r = directory_doc_decode(p, n, &d)) != 0)
		goto out;
	part = DIRECTORY_GENESIS;
	if ((r = check_genesis(&d, &x)) != 0)
		goto out;
	part = DIRECTORY_LOG;
	if ((r = check_log(&d, &x)) != 0 || (r = chain_new(x.genesis.vault, x.genesis.admin, x.genesis.admins, &x.chain)) != 0)
		goto out;
	part = DIRECTORY_SETS;
	if ((r = check_sets(&d, x.chain)) != 0)
		goto out;
	part = DIRECTORY_FACTS;
	if ((r = check_facts(&d, x.chain)) != 0)
		goto out;
	part = DIRECTORY_SIGNATURES;
	r = chain_end(x.chain);
out:
	if (r != 0) {
		chain_free(x.chain);
		*ret_part = part;
		return r;
	}
	*ret = x;
	return 0;
}
