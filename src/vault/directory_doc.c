/*
 * DIRECTORY: leaf 0, change sets and facts. Wraps and the sealed texts of persons stay here: no signature covers them,
 * and nobody needs them to verify.
 */
#include "vault/directory_doc.h"

#include "crypto/merkle.h"
#include "format/directory.h"
#include "format/directory_doc.h"
#include "vault/gov_internal.h"

_Static_assert(MERKLE_PROOF_MAX <= DIRECTORY_PROOF_MAX, "a proof fits");

/* Administrators, custodians and auditors sign, give or judge by it; who assigns sees whom there is. */
static bool may_read(const struct vault *v, const struct vault_call *c)
{
	return c->principal->kind >= PRINCIPAL_ADMINISTRATOR || policy_decide_act(v->policy, &c->subject, ACT_ASSIGN) != 0;
}

/* Rows of one scan on their way into the answer. */
struct rows_put {
	struct buf *out;
	uint32_t count;
};

static int put_set(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	struct rows_put *x = cookie;

	(void)key;
	(void)key_n;
	directory_doc_set_encode(val, (uint32_t)val_n, x->out);
	x->count++;
	return buf_ok(x->out) ? 0 : CV_ERR_LIMIT;
}

static int put_fact(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	struct rows_put *x = cookie;
	struct directory_doc_fact f = { .key = key, .key_n = (uint8_t)key_n };
	struct dir_value v;

	if (key_n > 0 && key[0] == DIR_CHANGE)
		return 0;
	if (key_n > DIR_KEY_MAX || dir_value_decode(val, val_n, &v) != 0)
		return CV_ERR_FORMAT;
	f.change_set = v.change_set;
	f.fact = v.fact;
	f.fact_n = v.fact_n;
	directory_doc_fact_encode(&f, x->out);
	x->count++;
	return buf_ok(x->out) ? 0 : CV_ERR_LIMIT;
}

/* Append the rows with their number before them. */
static int put_rows(struct vault *v, struct buf *out, const uint8_t *prefix, size_t n,
    int (*put)(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n))
{
	struct rows_put x = { out, 0 };
	size_t at = out->n;
	int r;

	buf_u32(out, 0);
	r = store_scan(v->store, STORE_DIR, prefix, n, NULL, 0, false, 0, put, &x);
	if (r == 0 && buf_ok(out))
		be32_put(out->p + at, x.count);
	return r;
}

/* Append all that stands before the change sets. */
static int put_head(struct vault *v, struct buf *out)
{
	uint8_t proof[MERKLE_PROOF_MAX][32];
	size_t leaf_n;
	unsigned n;
	int r;

	buf_reset(&v->scratch);
	if ((r = audit_read_leaf(v->audit, 0, &v->scratch)) != 0)
		goto out;
	leaf_n = v->scratch.n;
	if ((r = audit_read_inclusion(v->audit, 0, &v->scratch, proof, &n)) != 0)
		goto out;
	if (leaf_n > UINT16_MAX || v->scratch.n - leaf_n > UINT16_MAX) {
		r = CV_ERR_LIMIT;
		goto out;
	}
	directory_doc_head(v->scratch.p, (uint16_t)leaf_n, v->scratch.p + leaf_n, (uint16_t)(v->scratch.n - leaf_n),
	    (const uint8_t (*)[32])proof, (uint8_t)n, out);
out:
	buf_reset(&v->scratch);
	return r;
}

unsigned vault_directory(struct vault *v, struct vault_call *c)
{
	static const uint8_t sets[] = { DIR_CHANGE };
	unsigned problem;
	int r;

	if ((problem = gov_begin(v, c)) != 0)
		return problem;
	if (!may_read(v, c))
		return call_refuse(c, PROBLEM_NOT_PERMITTED, "only administrators, custodians, auditors and who assigns read it");
	if ((r = put_head(v, c->out)) == 0 && (r = put_rows(v, c->out, sets, sizeof(sets), put_set)) == 0)
		r = put_rows(v, c->out, NULL, 0, put_fact);
	if (r != 0)
		return call_failed(c, r == CV_ERR_NOTFOUND ? CV_ERR_IO : r);
	c->kind = LEAF_GOVERNANCE;
	return 0;
}
