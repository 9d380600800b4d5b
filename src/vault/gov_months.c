/*
 * Month keys: an auditor publishes, for this month and coming ones, the key that each month's segments are sealed to in place of their own
 * key. Whoever has finished with a month destroys its secret, and a key file that is stolen later does not open that month. docs/FORMAT.md
 * section 9, docs/POLICY.md section 5. An auditor has one list; a newer one replaces it.
 */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "format/context.h"
#include "format/months.h"
#include "format/value.h"
#include "vault/gov_ops.h"

#define DAY_MS (24u * 3600 * 1000)

/* ---- what others ask ----------------------------------------------------------------------------------------------------- */

static const struct gov_object *list_of(struct vault *v, const uint8_t auditor[16])
{
	uint32_t at = 0;
	struct gov_entry *e = v->gov != NULL ? gov_next_of(v, GOV_MONTHS, auditor, &at) : NULL;

	return e != NULL ? &e->held->o : NULL;
}

bool gov_month_key(struct vault *v, const uint8_t auditor[16], uint32_t month, uint8_t ret[32])
{
	const struct gov_object *o = list_of(v, auditor);
	uint32_t i;

	if (o == NULL || month < o->month || (i = months_between(o->month, month)) >= o->month_keys.n / 32)
		return false;
	memcpy(ret, o->month_keys.p + (size_t)32 * i, 32);
	return true;
}

bool gov_month_span(struct vault *v, const uint8_t auditor[16], uint64_t *ret_made_ms, uint32_t *ret_last)
{
	const struct gov_object *o = list_of(v, auditor);

	if (o == NULL)
		return false;
	*ret_made_ms = o->created_ms;
	*ret_last = o->month;
	for (size_t i = 1; i < o->month_keys.n / 32; i++)
		*ret_last = clock_month_next(*ret_last);
	return true;
}

/* Whether the auditor whom the list names has signed it. */
static bool is_signed(struct vault *v, const struct gov_object *o)
{
	const struct principal *p = directory_principal(v->keys, o->principal);
	struct months_list list = { .made_ms = o->created_ms, .first = o->month, .n = o->month_keys.n / 32, .keys = o->month_keys.p };
	struct buf b;
	bool good;

	memcpy(list.vault, v->id, 16);
	memcpy(list.auditor, o->principal, 16);
	buf_init(&b, MONTHS_SIGNED_MAX);
	good = p != NULL && months_signed(&list, &b) == 0 && crypto_verify(p->sign_pk, b.p, b.n, o->signatures.p) == 0;
	buf_free(&b);
	return good;
}

int gov_months_check(struct vault *v)
{
	for (size_t i = 0; i < v->gov->n; i++) {
		const struct gov_object *o = &v->gov->all[i]->held->o;

		if (o->prefix.type == GOV_MONTHS && !is_signed(v, o)) {
			log_error("month keys that their auditor has not signed");
			return CV_ERR_AUTH;
		}
	}
	return 0;
}

/* ---- a new list ---------------------------------------------------------------------------------------------------------- */

/* A key that nothing can be sealed to would leave its auditor blind. */
static bool seals(const uint8_t pk[32])
{
	uint8_t ctx[CONTEXT_BYTES] = { 0 }, sealed[1 + PKSEAL_OVERHEAD];

	return crypto_pkseal(pk, ctx, (const uint8_t *)"", 1, sealed) == 0;
}

/* The list of public keys, to d->document. */
static bool take_keys(const struct wire_value *x, struct gov_draft *d)
{
	struct value_walk w = value_walk(VALUE_LIST, x->p, x->n);
	struct value_item item;
	size_t n = 0, got;
	uint8_t *p;

	for (; value_next(&w, &item); n++)
		if (n == GOV_MONTHS_MAX || item.type != VALUE_TEXT || (p = buf_add(&d->document, 32)) == NULL ||
		    b64_decode(B64_STD, (const char *)item.p, item.n, p, 32, &got) != 0 || got != 32 || !seals(p))
			return false;
	d->o.month_keys = (struct gov_bytes){ d->document.p, d->document.n };
	return n > 0;
}

/* A month that is over needs no key any more. */
static bool take_first(const struct vault_call *c, const struct wire_value *x, uint32_t *ret)
{
	const uint32_t now = clock_month(c->now_ms);

	return months_parse((const char *)x->p, x->n, ret) == 0 && *ret >= now && months_between(now, *ret) < GOV_MONTHS_MAX;
}

/* When it was signed: later than the list before, so that nobody brings an old one back, and no later than tomorrow. */
static bool take_made(const struct vault_call *c, const struct wire_value *x, const struct gov_object *before, uint64_t *ret)
{
	int64_t ms = value_integer(x->p);

	if (ms <= 0 || (uint64_t)ms > c->now_ms + DAY_MS || (before != NULL && (uint64_t)ms <= before->created_ms))
		return false;
	*ret = (uint64_t)ms;
	return true;
}

static unsigned fill(struct vault *v, struct vault_call *c, const struct gov_input *in, uint8_t signature[64], struct gov_draft *d)
{
	struct gov_object *o = &d->o;

	if (!take_first(c, &in->value[MEMBER_FROM], &o->month))
		gov_input_fault(c, MEMBER_FROM);
	if (!take_keys(&in->value[MEMBER_MONTH_KEYS], d))
		gov_input_fault(c, MEMBER_MONTH_KEYS);
	if (!take_made(c, &in->value[MEMBER_MADE], list_of(v, c->principal->id), &o->created_ms))
		gov_input_fault(c, MEMBER_MADE);
	if (!gov_input_bytes(c, MEMBER_SIGNED, &in->value[MEMBER_SIGNED], signature, 64) || c->problem != 0)
		return c->problem;
	o->signatures = (struct gov_bytes){ signature, 64 };
	if (!is_signed(v, o))
		gov_input_fault(c, MEMBER_SIGNED);
	return c->problem;
}

static unsigned keep(struct vault *v, struct vault_call *c, struct gov_object *o)
{
	uint32_t at = 0;
	struct gov_entry *e = gov_next_of(v, GOV_MONTHS, o->principal, &at);
	int r;

	if (e != NULL)
		memcpy(o->id, e->held->o.id, 16);
	if ((r = gov_store(v, e, o)) != 0)
		return call_failed(c, r);
	v->gov->auditors_changed = true;	/* the present month's key may be among them */
	gov_detail(v, c, LEAF_MONTH_KEYS, o, NULL);
	c->detail.count = (uint32_t)(o->month_keys.n / 32);
	gov_answer(v, c, o, true);
	return 0;
}

unsigned gov_months(struct vault *v, struct vault_call *c, struct wire_list fields)
{
	const uint64_t must = MEMBER(MEMBER_FROM) | MEMBER(MEMBER_MONTH_KEYS) | MEMBER(MEMBER_MADE) | MEMBER(MEMBER_SIGNED);
	uint8_t signature[64];
	struct gov_draft *d;
	struct gov_input in;
	unsigned problem;

	if (c->principal->kind != PRINCIPAL_AUDITOR)
		return call_decline(c, DECIDE_NOT_APPROVER, "%s", "");
	if ((problem = gov_input_take(c, fields, must, 0, &in)) != 0)
		return problem;
	d = gov_draft_begin(c, GOV_MONTHS, GOV_ACTIVE);
	d->o.prefix.due_day = UINT32_MAX;	/* it stands until another one does */
	if ((problem = fill(v, c, &in, signature, d)) == 0)
		problem = keep(v, c, &d->o);
	gov_draft_end(d);
	return problem;
}
