/* What one role has of one field for one purpose, compared and in words. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "model/source.h"
#include "profile/plan_internal.h"

#define FIELDS_ROOM (2u * POLICY_FIELDS * (POLICY_NAME_MAX + 4))	/* names of the fields of both policies */

/* ---- one cell --------------------------------------------------------------------------------------------------- */

static uint8_t write_kind(const struct policy *p, const struct policy_subject *who, const struct policy_field *f, bool creating)
{
	struct write_decision d = policy_decide_write(p, who, f, creating);

	if (d.reason != DECIDE_YES)
		return 0;
	return d.write_only ? RIGHT_WRITE_ONLY : RIGHT_WRITE;
}

struct plan_cell plan_cell_of(
    const struct policy *p, const struct policy_role *role, const struct policy_field *f, int purpose)
{
	struct policy_subject who = { &role->id, 1, purpose };
	struct plan_cell c = { .read = 0 };
	struct read_decision d;

	if ((d = policy_decide_read(p, &who, f, false)).reason == DECIDE_YES) {
		c.read = d.class;
		for (unsigned i = 0; i < f->views; i++)
			if (f->view[i].class == d.class)
				c.op = f->view[i].op;
	}
	c.clear = policy_decide_read(p, &who, f, true).reason == DECIDE_YES;
	c.write = write_kind(p, &who, f, false);
	c.create = write_kind(p, &who, f, true);
	/* A grant is of use only for a purpose that the field has. */
	c.grant = (f->purposes >> purpose & 1) != 0 && policy_decide_grant(p, &who, f) != 0;
	return c;
}

static bool same_cell(const struct plan_cell *a, const struct plan_cell *b)
{
	/* Through which class an equal view comes is no change for the reader; keys that move have their own lines. */
	return (a->read == 0) == (b->read == 0) && a->op == b->op && a->clear == b->clear && a->write == b->write &&
	    a->create == b->create && a->grant == b->grant;
}

static bool is_empty(const struct plan_cell *c)
{
	const struct plan_cell none = { .read = 0 };

	return same_cell(c, &none);
}

void plan_cell_words(const struct plan_cell *c, bool chinese, struct buf *ret)
{
	const char *between = "", *semicolon = chinese ? "；" : "; ";

#define PART(when, en, zh) \
	if (when) { \
		buf_text(ret, between); \
		buf_text(ret, chinese ? zh : en); \
		between = semicolon; \
	}
	if (c->read != 0 && c->op != 0 && c->op != VIEW_PLAIN) {
		buf_printf(ret, chinese ? "经 %s 处理后可读" : "reads masked by %s", view_op_name((unsigned)c->op));
		between = semicolon;
	}
	PART(c->read != 0 && (c->op == 0 || c->op == VIEW_PLAIN), "reads in plain", "可读明文")
	PART(c->clear, "reads in plain with a reason", "说明理由可查看明文")
	PART(c->write == RIGHT_WRITE, "writes", "可写")
	PART(c->write == RIGHT_WRITE_ONLY, "hands in", "只可提交")
	PART(c->create != c->write && c->create == RIGHT_WRITE, "writes when the file is opened", "建档时可写")
	PART(c->create != c->write && c->create == RIGHT_WRITE_ONLY, "hands in when the file is opened", "建档时可提交")
	PART(c->grant, "approves grants", "可批准授权")
	PART(is_empty(c), "nothing", "无")
#undef PART
}

/* ---- all cells of a role ---------------------------------------------------------------------------------------- */

/* Cells that change alike: one line. */
struct change {
	struct plan_cell was, is;
	bool purpose[PLAN_PURPOSES];	/* by place in the plan */
	struct buf fields;		/* their names, joined */
};

struct comparison {
	struct plan *p;
	const struct policy_role *was, *is;	/* one of them may be NULL */
	struct change *change;
	size_t changes;
};

static struct plan_cell cell_or_none(
    const struct policy *p, const struct policy_role *role, const struct policy_field *f, const struct policy_purpose *purpose)
{
	struct plan_cell none = { .read = 0 };

	if (role == NULL || f == NULL)
		return none;
	for (unsigned i = 0; i < policy_purposes(p); i++)
		if (policy_purpose(p, i)->id == purpose->id)
			return plan_cell_of(p, role, f, (int)i);
	return none;
}

static bool same_change(const struct change *a, const struct change *b)
{
	return same_cell(&a->was, &b->was) && same_cell(&a->is, &b->is) &&
	    memcmp(a->purpose, b->purpose, sizeof(a->purpose)) == 0;
}

/* Put a field's change to those that are alike, or behind them all. */
static void add_change(struct comparison *x, const struct change *c, const char *field)
{
	struct change *at = x->change, *more;

	while (at < x->change + x->changes && !same_change(at, c))
		at++;
	if (at == x->change + x->changes) {
		if ((more = realloc(x->change, (x->changes + 1) * sizeof(*more))) == NULL) {
			x->p->failed = true;
			return;
		}
		x->change = more;
		at = &more[x->changes++];
		*at = *c;
		buf_init(&at->fields, FIELDS_ROOM);
	} else {
		buf_text(&at->fields, x->p->chinese ? "、" : ", ");
	}
	buf_text(&at->fields, field);
	x->p->failed = x->p->failed || !buf_ok(&at->fields);
}

static void say_change(struct plan *p, const struct change *c)
{
	bool chinese = p->chinese, gains = is_empty(&c->was), loses = is_empty(&c->is);
	const char *comma = "";

	buf_printf(p->ret, "  %s ", gains ? "+" : loses ? "-" : "~");
	buf_put(p->ret, c->fields.p, c->fields.n);
	buf_text(p->ret, chinese ? " 用于 " : " for ");
	for (unsigned i = 0; i < p->purposes; i++)
		if (c->purpose[i]) {
			buf_printf(p->ret, "%s%s", comma, p->purpose[i]->name);
			comma = chinese ? "、" : ", ";
		}
	buf_text(p->ret, chinese ? "：" : ": ");
	if (!gains)
		plan_cell_words(&c->was, chinese, p->ret);
	if (!gains && !loses)
		buf_text(p->ret, chinese ? " → " : " -> ");
	if (!loses)
		plan_cell_words(&c->is, chinese, p->ret);
	buf_text(p->ret, "\n");
	p->asks |= PLAN_CHANGES;
}

/* The changes of one field, for all purposes. */
static void compare_field(struct comparison *x, const struct policy_field *was, const struct policy_field *is)
{
	struct change change[PLAN_PURPOSES];
	struct plan_cell before, after;
	unsigned n = 0, at;

	for (unsigned i = 0; i < x->p->purposes; i++) {
		before = cell_or_none(x->p->old, x->was, was, x->p->purpose[i]);
		after = cell_or_none(x->p->new, x->is, is, x->p->purpose[i]);
		if (same_cell(&before, &after))
			continue;
		for (at = 0; at < n; at++)
			if (same_cell(&change[at].was, &before) && same_cell(&change[at].is, &after))
				break;
		if (at == n)
			change[n++] = (struct change){ .was = before, .is = after };
		change[at].purpose[i] = true;
	}
	for (at = 0; at < n; at++)
		add_change(x, &change[at], is != NULL ? is->name : was->name);
}

static void say_changes(struct comparison *x)
{
	const struct policy_role *role = x->is != NULL ? x->is : x->was;

	if (x->changes > 0)
		buf_printf(x->p->ret, "%s %s %s\n", x->p->chinese ? "角色" : "role", role->name,
		    x->p->chinese ? role->label.zh : role->label.en);
	for (size_t i = 0; i < x->changes; i++) {
		say_change(x->p, &x->change[i]);
		buf_free(&x->change[i].fields);
	}
	free(x->change);
}

void plan_cells(struct plan *p, const struct policy_role *was, const struct policy_role *is)
{
	struct comparison x = { p, was, is, NULL, 0 };
	const struct policy_field *f;

	for (unsigned i = 0; i < policy_fields(p->new); i++) {
		f = policy_field(p->new, i);
		compare_field(&x, policy_field_by_id(p->old, f->id), f);
	}
	for (unsigned i = 0; i < policy_fields(p->old); i++) {
		f = policy_field(p->old, i);
		if (policy_field_by_id(p->new, f->id) == NULL)
			compare_field(&x, f, NULL);
	}
	say_changes(&x);
}
