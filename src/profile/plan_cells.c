/* What one role has of one field for one purpose, compared and in words. */
#include <string.h>

#include "base/buf.h"
#include "model/source.h"
#include "profile/plan_internal.h"

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
		buf_printf(ret, chinese ? "经 %s 处理后可读" : "reads it masked by %s", view_op_name((unsigned)c->op));
		between = semicolon;
	}
	PART(c->read != 0 && (c->op == 0 || c->op == VIEW_PLAIN), "reads it in plain", "可读明文")
	PART(c->clear, "reads it in plain with a reason", "说明理由可查看明文")
	PART(c->write == RIGHT_WRITE, "writes it", "可写")
	PART(c->write == RIGHT_WRITE_ONLY, "hands it in", "只可提交")
	PART(c->create != c->write && c->create == RIGHT_WRITE, "writes it when the file is opened", "建档时可写")
	PART(c->create != c->write && c->create == RIGHT_WRITE_ONLY, "hands it in when the file is opened", "建档时可提交")
	PART(c->grant, "approves grants of it", "可批准其授权")
	PART(is_empty(c), "nothing", "无")
#undef PART
}

/* ---- all cells of a role ---------------------------------------------------------------------------------------- */

/* A change of cells that are alike: one line. */
struct change {
	struct plan_cell was, is;
	bool purpose[PLAN_PURPOSES];	/* by place in the plan */
	const char *field;
};

struct comparison {
	struct plan *p;
	const struct policy_role *was, *is;	/* one of them may be NULL */
	bool begun;		/* the role's heading was written */
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

static void say_heading(struct comparison *x)
{
	const struct policy_role *role = x->is != NULL ? x->is : x->was;

	if (!x->begun)
		buf_printf(x->p->ret, "%s %s %s\n", x->p->chinese ? "角色" : "role", role->name,
		    x->p->chinese ? role->label.zh : role->label.en);
	x->begun = true;
}

static void say_change(struct comparison *x, const struct change *c)
{
	bool chinese = x->p->chinese, gains = is_empty(&c->was), loses = is_empty(&c->is);
	const char *comma = "";

	say_heading(x);
	buf_printf(x->p->ret, "  %s %s %s ", gains ? "+" : loses ? "-" : "~", c->field, chinese ? "用于" : "for");
	for (unsigned i = 0; i < x->p->purposes; i++)
		if (c->purpose[i]) {
			buf_printf(x->p->ret, "%s%s", comma, x->p->purpose[i]->name);
			comma = chinese ? "、" : ", ";
		}
	buf_text(x->p->ret, chinese ? "：" : ": ");
	if (!gains)
		plan_cell_words(&c->was, chinese, x->p->ret);
	if (!gains && !loses)
		buf_text(x->p->ret, chinese ? " → " : " -> ");
	if (!loses)
		plan_cell_words(&c->is, chinese, x->p->ret);
	buf_text(x->p->ret, "\n");
	x->p->asks |= PLAN_CHANGES;
}

/* The changes of one field, for all purposes: those that are alike become one. */
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
			change[n++] = (struct change){ before, after, { false }, is != NULL ? is->name : was->name };
		change[at].purpose[i] = true;
	}
	for (at = 0; at < n; at++)
		say_change(x, &change[at]);
}

void plan_cells(struct plan *p, const struct policy_role *was, const struct policy_role *is)
{
	struct comparison x = { p, was, is, false };
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
}
