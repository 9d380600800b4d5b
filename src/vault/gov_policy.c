/* One policy document for another. POLICY.md section 5, "Policy". */
#include <stdlib.h>
#include <string.h>

#include "vault/gov_internal.h"
#include "vault/index.h"
#include "vault/jobs_internal.h"
#include "vault/operation.h"

/* What the directory gives already: custodians hand out class keys before a policy uses them. */
static bool has_class(const void *cookie, uint16_t class_id)
{
	const struct vault *v = cookie;
	uint32_t epoch;
	uint8_t pk[32];

	return directory_class(v->keys, (uint32_t)class_id << 16, &epoch, pk) == 0;
}

static bool role_holds(const void *cookie, uint16_t role, uint16_t class_id)
{
	const struct vault *v = cookie;

	return directory_role_holds(v->keys, role, (uint32_t)class_id << 16);
}

const char *gov_policy_fault(struct vault *v, const uint8_t *p, size_t n, struct policy **ret)
{
	const struct policy_keys keys = { has_class, role_holds, v };
	struct policy_fault fault;
	struct policy *new;

	if (policy_decode(p, n, &new) != 0)
		return "a policy document that passes every rule";
	if (policy_hindrances(v->policy, new, &keys, &fault, 1) == 0) {
		*ret = new;
		return NULL;
	}
	policy_free(new);
	return fault.text;
}

/* ---- the change ------------------------------------------------------------------------------------------------------- */

static void in_force(struct vault *v, struct policy *p, struct buf *document, const uint8_t digest[32])
{
	v->policy = p;
	v->policy_doc = *document;
	memcpy(v->policy_digest, digest, 32);
	audit_policy(v->audit, digest);
}

/* Leaf 22: what is in force from here on, and who signed it. */
static int policy_leaf(struct vault *v, struct vault_call *c, const struct gov_object *o)
{
	const uint8_t *first = o->signatures.p + 64, *second = first + OPERATION_SIGNATURE;	/* the halves that cover the document */
	uint8_t body[4 + 32 + 1 + 2 * (16 + 64)];

	be32_put(body, policy_version(v->policy));
	memcpy(body + 4, v->policy_digest, 32);
	body[36] = 2;
	memcpy(body + 37, o->by, 16);
	memcpy(body + 53, first, 64);
	memcpy(body + 117, o->decided_by, 16);
	memcpy(body + 133, second, 64);
	return vault_system_leaf(v, LEAF_POLICY, body, sizeof(body), false, c->now_ms);
}

int gov_policy_apply(struct vault *v, struct vault_call *c, const struct gov_object *o, const struct operation_reading *reading,
    struct policy *new)
{
	struct gov *g = v->gov;
	struct gov_policy_undo *undo;
	struct buf document;
	int r;

	if ((undo = realloc(g->policies, (g->policy_undos + 1) * sizeof(*undo))) == NULL) {
		policy_free(new);
		return CV_ERR_NOMEM;
	}
	g->policies = undo;
	buf_init(&document, POLICY_DOCUMENT_MAX);
	buf_put(&document, reading->policy, reading->policy_n);
	if (!buf_ok(&document))
		r = CV_ERR_NOMEM;
	else if ((r = audit_policy_keep(v->audit, reading->policy_digest, document.p, document.n)) == 0)
		r = vault_meta_put(v, "policy", document.p, document.n);
	if (r != 0) {
		buf_free(&document);
		policy_free(new);
		return r;
	}
	undo += g->policy_undos++;
	*undo = (struct gov_policy_undo){ .policy = v->policy, .document = v->policy_doc };
	memcpy(undo->digest, v->policy_digest, 32);
	in_force(v, new, &document, reading->policy_digest);
	jobs_save(v);
	return (r = index_follow(v)) != 0 ? r : policy_leaf(v, c, o);
}

void gov_policy_commit(struct vault *v)
{
	for (size_t i = 0; i < v->gov->policy_undos; i++)
		v->gov->policies[i].committed = true;
}

void gov_policy_rollback(struct vault *v, bool all)
{
	struct gov *g = v->gov;

	while (g->policy_undos > 0 && (all || !g->policies[g->policy_undos - 1].committed)) {
		struct gov_policy_undo *undo = &g->policies[--g->policy_undos];

		policy_free(v->policy);
		buf_free(&v->policy_doc);
		in_force(v, undo->policy, &undo->document, undo->digest);
	}
}

void gov_policy_done(struct vault *v)
{
	struct gov *g = v->gov;

	while (g->policy_undos > 0) {
		struct gov_policy_undo *undo = &g->policies[--g->policy_undos];

		policy_free(undo->policy);
		buf_free(&undo->document);
	}
}

unsigned vault_policy_document(struct vault *v, struct vault_call *c)
{
	unsigned problem;

	if ((problem = gov_begin(v, c)) != 0)
		return problem;
	c->kind = LEAF_GOVERNANCE;
	buf_put(c->out, v->policy_doc.p, v->policy_doc.n);
	return 0;
}
