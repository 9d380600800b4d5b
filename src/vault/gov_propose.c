/* An administrator asks for an operation: its document, which others will sign. POLICY.md section 5, "Operations"; FORMAT.md 5.5. */
#include "vault/gov_propose.h"

#include <string.h>

#include "base/text.h"
#include "format/value.h"
#include "model/validate.h"
#include "vault/gov_ops.h"
#include "vault/operation.h"

#define WAITING_MAX 20u		/* requests for operations that one administrator has waiting */
#define DAYS_WAITING 1		/* it waits until the end of the day after */
#define HOLDER_MAX 63u

/* ---- members of the directory, a policy, a split ------------------------------------------------------------------------------ */

const struct principal *gov_propose_whom(struct vault *v, struct vault_call *c, const struct gov_input *in)
{
	const struct wire_value *x = &in->value[MEMBER_PRINCIPAL];
	const struct principal *p = directory_principal_named(v->keys, (const char *)x->p, x->n);

	if (p == NULL) {
		gov_input_fault(c, MEMBER_PRINCIPAL);
		c->rule = DECIDE_GRANTEE_UNKNOWN;
	} else if (ids_equal(p->person, c->principal->person)) {
		(void)call_decline(c, DECIDE_SELF_APPROVAL, "%s", "");
	}
	return c->problem == 0 ? p : NULL;
}

unsigned gov_propose_account(struct vault *v, struct vault_call *c, const struct gov_input *in, struct gov_proposal *x)
{
	const struct principal *p = gov_propose_whom(v, c, in);

	if (p == NULL)
		return c->problem;
	x->operation = x->d->o.kind == GOV_KIND_REMOVE ? OPERATION_REMOVE : OPERATION_RESTORE;
	memcpy(x->d->o.principal, p->id, 16);
	buf_put(&x->item[ITEM_PRINCIPALS], p->id, 16);
	return 0;
}

unsigned gov_propose_policy(struct vault *v, struct vault_call *c, const struct gov_input *in, struct gov_proposal *x)
{
	const struct wire_value *text = &in->value[MEMBER_DOCUMENT];
	struct buf *b = &x->item[ITEM_POLICY];
	struct policy *new = NULL;
	const char *fault;
	uint8_t *to;
	size_t n;

	x->operation = OPERATION_POLICY;
	if (text->n > 4 * (POLICY_DOCUMENT_MAX / 3 + 1) || (to = buf_add(b, text->n / 4 * 3)) == NULL ||
	    b64_decode(B64_STD, (const char *)text->p, text->n, to, b->n, &n) != 0 || n == 0) {
		gov_input_fault(c, MEMBER_DOCUMENT);
		return c->problem;
	}
	buf_cut(b, n);
	if ((fault = gov_policy_fault(v, b->p, b->n, &new)) != NULL)
		call_field_error(c, wire_text("document", 8), PROBLEM_VALIDATION, fault);
	policy_free(new);
	return c->problem;
}

unsigned gov_propose_split(struct vault *v, struct vault_call *c, const struct gov_input *in, struct gov_proposal *x)
{
	struct value_walk w = value_walk(VALUE_LIST, in->value[MEMBER_HOLDERS].p, in->value[MEMBER_HOLDERS].n);
	int64_t k = value_integer(in->value[MEMBER_THRESHOLD].p);
	struct buf *b = &x->item[ITEM_SPLIT];
	struct value_item item;
	uint8_t n = 0;
	bool good = true;

	(void)v;
	x->operation = OPERATION_SPLIT;
	buf_u8(b, GOV_SPLIT_ANY);
	buf_u8(b, (uint8_t)k);
	buf_u8(b, 0);
	while (value_next(&w, &item)) {
		good = good && n < DIR_SHARES_MAX && item.type == VALUE_TEXT && item.n >= 1 && item.n <= HOLDER_MAX &&
		    text_clean_line((const char *)item.p, item.n);
		if (!good)
			break;
		wire_text8_put(b, (const char *)item.p, item.n);
		n++;
	}
	if (!good || n < 2)
		gov_input_fault(c, MEMBER_HOLDERS);
	else if (k < 2 || k > n)
		gov_input_fault(c, MEMBER_THRESHOLD);
	else if (buf_ok(b))
		b->p[2] = n;
	return c->problem;
}

/* ---- the document ------------------------------------------------------------------------------------------------------------- */

unsigned gov_propose_failed(struct vault_call *c, int r, enum gov_member m)
{
	switch (r) {
	case CV_ERR_NOTFOUND:
	case CV_ERR_EXISTS:
	case CV_ERR_ARG:
		gov_input_fault(c, m);
		return c->problem;
	case CV_ERR_STATE:
		return gov_operation_conflict(c, "as many custodians who may act as the role's key takes");
	case CV_ERR_LIMIT:
		return gov_operation_conflict(c, "less at once: the document would be too long");
	default:
		return call_failed(c, r);
	}
}

/* What one kind must and may have, besides kind, and who drafts it. */
static const struct {
	uint64_t must, may;
	gov_drafter *draft;
} drafters[GOV_KINDS] = {
	[GOV_KIND_MEMBERS] = { MEMBER(MEMBER_PUBLIC), MEMBER(MEMBER_ROLES) | MEMBER(MEMBER_NAME) | MEMBER(MEMBER_DEPARTMENT) |
	    MEMBER(MEMBER_POST) | MEMBER(MEMBER_AREA) | MEMBER(MEMBER_VETTED) | MEMBER(MEMBER_PERSON) | MEMBER(MEMBER_AS) |
	    MEMBER(MEMBER_DUTY) | MEMBER(MEMBER_ENDS) | MEMBER(MEMBER_REASON), gov_propose_member },
	[GOV_KIND_ROLES] = { MEMBER(MEMBER_PRINCIPAL) | MEMBER(MEMBER_ROLES), MEMBER(MEMBER_REASON), gov_propose_roles },
	[GOV_KIND_REKEY] = { 0, MEMBER(MEMBER_PRINCIPAL) | MEMBER(MEMBER_ROLE_SET) | MEMBER(MEMBER_WITHOUT) | MEMBER(MEMBER_REMOVED) |
	    MEMBER(MEMBER_NEW_CLASSES) | MEMBER(MEMBER_REASON), gov_propose_rekey },
	[GOV_KIND_CLASSES] = { MEMBER(MEMBER_ROLE_SET) | MEMBER(MEMBER_CLASSES), MEMBER(MEMBER_REASON), gov_propose_classes },
	[GOV_KIND_REWRAP] = { 0, MEMBER(MEMBER_CLASSES) | MEMBER(MEMBER_REASON), gov_propose_rewrap },
	[GOV_KIND_REMOVE] = { MEMBER(MEMBER_PRINCIPAL) | MEMBER(MEMBER_REASON), 0, gov_propose_account },
	[GOV_KIND_RESTORE] = { MEMBER(MEMBER_PRINCIPAL) | MEMBER(MEMBER_REASON), 0, gov_propose_account },
	[GOV_KIND_POLICY] = { MEMBER(MEMBER_DOCUMENT), MEMBER(MEMBER_REASON), gov_propose_policy },
	[GOV_KIND_SPLIT] = { MEMBER(MEMBER_THRESHOLD) | MEMBER(MEMBER_HOLDERS), MEMBER(MEMBER_REASON), gov_propose_split },
};

static void proposal_init(struct gov_draft *d, struct gov_proposal *x)
{
	memset(x, 0, sizeof(*x));
	buf_init(&x->draft.bytes, OPERATION_DOCUMENT_MAX);
	for (unsigned i = 0; i < ITEM_TAGS; i++)
		buf_init(&x->item[i], OPERATION_DOCUMENT_MAX);
	x->d = d;
}

static void proposal_free(struct gov_proposal *x)
{
	change_draft_free(&x->draft);
	for (unsigned i = 0; i < ITEM_TAGS; i++)
		buf_free(&x->item[i]);
}

/* The document that will be signed, into the object in the making. */
static int make_document(struct vault *v, const struct vault_call *c, struct gov_proposal *x)
{
	struct operation_head h = { .operation = (uint16_t)x->operation, .not_before_ms = c->now_ms,
		.expires_ms = c->now_ms + OPERATION_MS };
	struct gov_draft *d = x->d;
	struct buf arguments;
	int r = 0;

	for (unsigned i = 0; i < ITEM_TAGS; i++) {
		if (!buf_ok(&x->item[i]))
			return CV_ERR_NOMEM;
		if (x->item[i].n > 0)
			x->draft.op.item[i] = (struct operation_item){ x->item[i].p, (uint32_t)x->item[i].n };
	}
	buf_init(&arguments, OPERATION_DOCUMENT_MAX - OPERATION_HEAD);
	operation_arguments_encode(&x->draft.op, &arguments);
	memcpy(h.vault, v->id, 16);
	crypto_random(h.nonce, 16);
	if (!audit_signed(v->audit, &h.log_size, h.log_root))
		r = CV_ERR_IO;
	else if (!buf_ok(&arguments))
		r = arguments.poor ? CV_ERR_NOMEM : CV_ERR_LIMIT;
	if (r == 0) {
		operation_arguments_digest(arguments.p, arguments.n, h.arguments);
		operation_head_encode(&h, &d->document);
		buf_put(&d->document, arguments.p, arguments.n);
		r = buf_ok(&d->document) ? 0 : CV_ERR_NOMEM;
	}
	if (r == 0)
		d->o.document = (struct gov_bytes){ d->document.p, d->document.n };
	buf_free(&arguments);
	return r;
}

static unsigned waiting_of(struct vault *v, const struct vault_call *c)
{
	struct operation_reading r;
	unsigned n = 0;

	for (size_t i = 0; i < v->gov->n; i++) {
		const struct gov_object *o = &v->gov->all[i]->held->o;

		n += o->prefix.type == GOV_REQUEST && gov_kind_signed(o->kind) && ids_equal(o->by, c->principal->id) &&
		    gov_state_on(o, c->today) == GOV_PENDING && gov_operation_read(o, &r) == 0 && !gov_operation_superseded(v, &r);
	}
	return n;
}

/* What was drafted is read as those will read it who sign, and could be done now. */
static unsigned store_request(struct vault *v, struct vault_call *c, struct gov_proposal *x)
{
	struct gov_object *o = &x->d->o;
	struct operation_reading r;
	unsigned problem;
	int e;

	if ((e = make_document(v, c, x)) != 0)
		return gov_propose_failed(c, e, MEMBER_KIND);
	if (gov_operation_read(o, &r) != 0)
		return call_failed(c, CV_ERR_STATE);
	if ((problem = gov_operation_check(v, c, &r)) != 0)
		return problem;
	if (gov_operation_concerns(v, &r, c->principal->person))
		return call_decline(c, DECIDE_SELF_APPROVAL, "%s", "");
	if (waiting_of(v, c) >= WAITING_MAX)
		return call_refuse(c, PROBLEM_RATE_LIMITED, "%u requests for operations wait that the caller made", WAITING_MAX);
	memcpy(o->digest, r.digest, 32);
	o->prefix.due_day = (uint32_t)c->today + DAYS_WAITING + 1;
	if ((e = gov_store(v, NULL, o)) != 0)
		return call_failed(c, e);
	gov_detail(v, c, LEAF_REQUEST, o, &o->text);
	gov_answer(v, c, o, true);
	return 0;
}

unsigned gov_propose(struct vault *v, struct vault_call *c, enum gov_kind kind, struct wire_list fields)
{
	struct gov_proposal x;
	struct gov_input in, reason = { .value = { { 0 } } };
	struct gov_draft *d;
	unsigned problem;

	if (c->principal->kind != PRINCIPAL_ADMINISTRATOR)
		return call_decline(c, DECIDE_NOT_APPROVER, "%s", "");
	if ((problem = gov_input_take(c, fields, MEMBER(MEMBER_KIND) | drafters[kind].must, drafters[kind].may, &in)) != 0)
		return problem;
	d = gov_draft_begin(c, GOV_REQUEST, GOV_PENDING);
	d->o.kind = (uint8_t)kind;
	proposal_init(d, &x);
	reason.value[MEMBER_REASON] = in.value[MEMBER_REASON];
	(void)gov_draft_fill(v, c, &reason, 0, d);	/* a fault stands in the call, beside the others */
	problem = drafters[kind].draft(v, c, &in, &x);
	if (problem == 0 && (problem = c->problem) == 0)
		problem = store_request(v, c, &x);
	proposal_free(&x);
	gov_draft_end(d);
	return problem;
}
