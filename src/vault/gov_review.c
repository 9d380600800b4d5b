/*
 * Reviews: an auditor signs off what stood out in a month of the log. docs/POLICY.md section 5. Which items there are is worked out
 * offline, from the log and the auditor's key; core sees their digest and results, and holds to it that they were made by the checkpoint
 * that closed the month, so that nobody chose a better moment, or the sample that is derived from its root.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "format/genesis.h"
#include "format/value.h"
#include "vault/gov_ops.h"
#include "vault/gov_show.h"

#define MONTHS_OF_YEAR 12u

/* "2026-11" as 202611. */
static bool take_month(const struct wire_value *x, uint32_t *ret)
{
	uint32_t n = 0;

	if (x->n != 7 || x->p[4] != '-')
		return false;
	for (size_t i = 0; i < 7; i++) {
		if (i == 4)
			continue;
		if (x->p[i] < '0' || x->p[i] > '9')
			return false;
		n = n * 10 + (uint32_t)(x->p[i] - '0');
	}
	*ret = n;
	return n % 100 >= 1 && n % 100 <= MONTHS_OF_YEAR && n / 100 >= 1970;
}

static uint32_t next_month(uint32_t month) { return month % 100 == MONTHS_OF_YEAR ? month + 89 : month + 1; }

/* The first day of a month, as days since 1970-01-01. */
static int32_t first_day(uint32_t month) { return clock_days((int)(month / 100), month % 100, 1); }

static uint32_t month_of(int32_t day)
{
	unsigned month, d;
	int year;

	clock_date(day, &year, &month, &d);
	return (uint32_t)year * 100 + month;
}

/* The day of the log's epoch 0. 0 or why leaf 0 cannot be read. */
static int log_begin(struct vault *v, int32_t *ret)
{
	struct genesis_body body;
	struct leaf l;
	int r;

	buf_reset(&v->scratch);
	if ((r = audit_read_leaf(v->audit, 0, &v->scratch)) != 0 || (r = leaf_decode(v->scratch.p, v->scratch.n, &l)) != 0 ||
	    (r = genesis_body_decode(l.body_a, l.body_a_n, &body)) != 0)
		return r;
	*ret = (int32_t)body.first_day;
	return 0;
}

/*
 * Whether the tree of this size, which is the log's, ends with the leaf that closed the month's last day: its epoch, or the last one before
 * days that were skipped. 0 or an error.
 */
static int closes_month(struct vault *v, const struct gov_object *o, bool *ret)
{
	int32_t last = first_day(next_month(o->month)) - 1, begin;
	uint8_t root[32];
	struct leaf l;
	int r;

	*ret = false;
	if (o->log_size == 0 || (r = audit_root_at(v->audit, o->log_size, root)) == CV_ERR_NOTFOUND)
		return 0;
	if (r != 0 || (r = log_begin(v, &begin)) != 0)
		return r;
	buf_reset(&v->scratch);
	if ((r = audit_read_leaf(v->audit, o->log_size - 1, &v->scratch)) != 0 || (r = leaf_decode(v->scratch.p, v->scratch.n, &l)) != 0)
		return r;
	*ret = memcmp(root, o->log_root, 32) == 0 && l.kind == LEAF_EPOCH && l.body_a_n >= 8 &&
	    (int64_t)begin + be32_get(l.body_a) <= last && (int64_t)begin + be32_get(l.body_a + 4) > last;
	return 0;
}

/* ---- making one -------------------------------------------------------------------------------------------------------- */

/* "HEX16:fine" as an item's eight bytes and its result. */
static bool take_result(const struct value_item *item, uint8_t ret[GOV_RESULT])
{
	if (item->type != VALUE_TEXT || item->n < 18 || item->p[16] != ':' || hex_decode((const char *)item->p, 16, ret, 8) != 0)
		return false;
	for (unsigned i = 1; i < GOV_RESULTS; i++)
		if (strlen(gov_result_name(i)) == item->n - 17 && memcmp(gov_result_name(i), item->p + 17, item->n - 17) == 0) {
			ret[8] = (uint8_t)i;
			return true;
		}
	return false;
}

static int by_item(const void *a, const void *b) { return memcmp(a, b, GOV_RESULT - 1); }

/* The list of results, ascending, to d->document. */
static bool take_results(const struct wire_value *x, struct gov_draft *d)
{
	struct value_walk w = value_walk(VALUE_LIST, x->p, x->n);
	struct value_item item;
	size_t n = 0;
	uint8_t *p;

	for (; value_next(&w, &item); n++)
		if (n == GOV_RESULTS_MAX || (p = buf_add(&d->document, GOV_RESULT)) == NULL || !take_result(&item, p))
			return false;
	if (n > 0)
		qsort(d->document.p, n, GOV_RESULT, by_item);
	for (size_t i = 1; i < n; i++)
		if (by_item(d->document.p + (i - 1) * GOV_RESULT, d->document.p + i * GOV_RESULT) == 0)
			return false;
	d->o.results = (struct gov_bytes){ d->document.p, d->document.n };
	return true;
}

static unsigned fill(struct vault *v, struct vault_call *c, const struct gov_input *in, struct gov_draft *d)
{
	struct gov_object *o = &d->o;
	int64_t size = value_integer(in->value[MEMBER_SIZE].p);
	bool good;
	int r;

	if (size <= 0)
		gov_input_fault(c, MEMBER_SIZE);
	else
		o->log_size = (uint64_t)size;
	(void)gov_input_bytes(c, MEMBER_ROOT, &in->value[MEMBER_ROOT], o->log_root, 32);	/* says so itself */
	(void)gov_input_bytes(c, MEMBER_DIGEST, &in->value[MEMBER_DIGEST], o->digest, 32);
	if (!take_results(&in->value[MEMBER_RESULTS], d))
		gov_input_fault(c, MEMBER_RESULTS);
	if (!take_month(&in->value[MEMBER_MONTH], &o->month) || first_day(next_month(o->month)) > c->today)
		gov_input_fault(c, MEMBER_MONTH);
	if (c->problem != 0)
		return c->problem;
	if ((r = closes_month(v, o, &good)) != 0)
		return call_failed(c, r);
	if (!good)
		gov_input_fault(c, MEMBER_SIZE);
	return c->problem;
}

/* Whether the month was signed off, by this auditor or (NULL) by any. */
static bool signed_off(struct vault *v, uint32_t month, const uint8_t *by)
{
	const struct gov *g = v->gov;

	for (size_t i = 0; i < g->n; i++) {
		const struct gov_object *o = &g->all[i]->held->o;

		if (o->prefix.type == GOV_REVIEW && o->month == month && (by == NULL || ids_equal(o->by, by)))
			return true;
	}
	return false;
}

static unsigned keep(struct vault *v, struct vault_call *c, const struct gov_object *o)
{
	int r;

	if (signed_off(v, o->month, c->principal->id))
		return call_decline(c, DECIDE_ALREADY_DECIDED, "%s", "");
	if ((r = gov_store(v, NULL, o)) != 0)
		return call_failed(c, r);
	gov_detail(v, c, LEAF_REVIEW, o, &o->text);
	c->detail.count = (uint32_t)(o->results.n / GOV_RESULT);
	gov_answer(v, c, o, true);
	return 0;
}

unsigned gov_review(struct vault *v, struct vault_call *c, struct wire_list fields)
{
	const uint64_t must = MEMBER(MEMBER_MONTH) | MEMBER(MEMBER_SIZE) | MEMBER(MEMBER_ROOT) | MEMBER(MEMBER_DIGEST) |
	    MEMBER(MEMBER_RESULTS);
	struct gov_draft *d;
	struct gov_input in;
	unsigned problem;

	if (c->principal->kind != PRINCIPAL_AUDITOR)
		return call_decline(c, DECIDE_NOT_APPROVER, "%s", "");
	if ((problem = gov_input_take(c, fields, must, MEMBER(MEMBER_NOTE), &in)) != 0)
		return problem;
	d = gov_draft_begin(c, GOV_REVIEW, GOV_APPROVED);
	d->o.prefix.due_day = UINT32_MAX;	/* it holds for good */
	if ((problem = fill(v, c, &in, d)) == 0 && (problem = gov_draft_fill(v, c, &in, 0, d)) == 0)
		problem = keep(v, c, &d->o);
	gov_draft_end(d);
	return problem;
}

/* ---- what waits ---------------------------------------------------------------------------------------------------------- */

/* A month that waits has no object yet: its id is zeros. */
static void put_month(struct vault *v, uint32_t month, struct buf *out)
{
	static const uint8_t none[16];
	struct gov_showing x = { v, out, 0 };
	size_t at;

	wire_gov_object_head(out, none);
	at = wire_count_begin(out);
	gov_show_text(&x, "state", gov_state_name(GOV_PENDING));
	gov_show_month(&x, month);
	wire_count_end(out, at, x.count);
}

unsigned gov_review_waiting(struct vault *v, struct vault_call *c, uint16_t limit)
{
	size_t at = wire_count_begin(c->out), count = 0;
	int32_t begin;
	int r;

	if ((r = log_begin(v, &begin)) != 0)
		return call_failed(c, r);
	for (uint32_t m = month_of(begin); count < limit && c->principal->kind == PRINCIPAL_AUDITOR && first_day(next_month(m)) <= c->today;
	    m = next_month(m)) {
		if (signed_off(v, m, NULL))
			continue;
		put_month(v, m, c->out);
		count++;
	}
	wire_count_end(c->out, at, count);
	wire_text16_put(c->out, "", 0);
	c->kind = LEAF_GOVERNANCE;
	c->detail.count = (uint32_t)count;
	return 0;
}
