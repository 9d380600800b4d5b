/* LIST: the rows of the work list that a caller may know of. docs/PROTOCOL.md, docs/POLICY.md sections 2 to 4. */
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "vault/gov.h"
#include "vault/list_internal.h"

#define LOOKED_MAX (1u << 19)	/* rows that one call looks at; it then answers what it found and a cursor */
#define COUNTED_MAX 100u	/* records of a page that a budget counts: each may rewrite a row of the window */
#define LIMIT_DEFAULT 100u
#define FILL_PER_S 100000u	/* heads a second, for Retry-After alone */
#define CURSOR_PLAIN (1 + 16 + 16 + 8)

/* A role that reads something for the purpose, and what it may see of a row: the list tells nobody more than reads would. */
struct lister {
	const struct policy_role *role;
	uint8_t digits;			/* of the place */
	bool due, state;
};

struct query {
	uint64_t area, area_mask;	/* the digits that a place must begin with */
	unsigned due_max;		/* 0: any */
	uint8_t state;			/* 0: any */
	uint32_t day;			/* today, FORMAT.md 4.3 */
	const uint8_t *export;		/* the export that the list is for, or NULL */
	uint8_t digest[16];		/* of filters and purpose: a cursor is good for the same question only */
	unsigned area_digits;		/* how many the filter has */
	unsigned roles;
	struct lister role[SESSION_ROLES];	/* in the session's order */
};

static unsigned quarter_today(int32_t today)
{
	unsigned month, day;
	int year;

	clock_date(today, &year, &month, &day);
	return (unsigned)year * 4 + (month - 1) / 3;
}

static unsigned bad_filter(struct vault_call *c, const char *what)
{
	return call_refuse(c, PROBLEM_BAD_REQUEST, "%s", what);
}

static unsigned take_area(struct vault_call *c, const struct wire_text *t, struct query *q)
{
	if (t->n > 12)
		return bad_filter(c, "area= is a division code of at most 12 digits");
	for (size_t i = 0; i < t->n; i++)
		if (t->p[i] < '0' || t->p[i] > '9')
			return bad_filter(c, "area= is a division code of at most 12 digits");
	q->area_digits = (unsigned)t->n;
	q->area_mask = t->n == 0 ? 0 : LIST_AREA_ALL << (LIST_AREA_BITS - 4 * t->n) & LIST_AREA_ALL;
	q->area = list_pack_area(t->p, t->n) & q->area_mask;
	return 0;
}

static unsigned take_due(struct vault_call *c, const struct wire_text *t, struct query *q)
{
	unsigned year = 0;

	if (t->n == 0)
		return 0;
	if (t->n == 7 && memcmp(t->p, "overdue", 7) == 0) {
		q->due_max = list_pack_due((uint16_t)(quarter_today(c->today) - 1));
		return 0;
	}
	if (t->n != 6 || t->p[4] != 'Q' || t->p[5] < '1' || t->p[5] > '4')
		return bad_filter(c, "due= is overdue or a quarter such as 2026Q4");
	for (unsigned i = 0; i < 4; i++) {
		if (t->p[i] < '0' || t->p[i] > '9')
			return bad_filter(c, "due= is overdue or a quarter such as 2026Q4");
		year = year * 10 + (unsigned)(t->p[i] - '0');
	}
	q->due_max = list_pack_due((uint16_t)(year * 4 + (unsigned)(t->p[5] - '1')));
	if (q->due_max == 0)
		return bad_filter(c, "due= is overdue or a quarter such as 2026Q4");
	return 0;
}

static unsigned take_filters(struct vault *v, struct vault_call *c, const struct wire_records *m, struct query *q)
{
	struct buf b;
	unsigned problem;

	q->day = (uint32_t)c->today + 1;
	if ((problem = take_area(c, &m->area, q)) != 0 || (problem = take_due(c, &m->due, q)) != 0)
		return problem;
	if (m->state.n > 0 && ((q->state = head_state_named(m->state.p, m->state.n)) == 0 || q->state == STATE_ERASING))
		return bad_filter(c, "state= is no state of a record");
	buf_init(&b, 1024);
	wire_text8_put(&b, m->area.p, m->area.n);
	wire_text8_put(&b, m->due.p, m->due.n);
	wire_text8_put(&b, m->state.p, m->state.n);
	wire_text8_put(&b, c->env.purpose.p, c->env.purpose.n);
	if (buf_ok(&b))
		keys_request_digest(v->keys, b.p, b.n, q->digest);
	problem = buf_ok(&b) ? 0 : call_failed(c, CV_ERR_NOMEM);
	buf_free(&b);
	return problem;
}

/* What a decision shows: of views the operator, else the value itself. */
static enum view_op shown_by(const struct policy_field *f, const struct read_decision *d)
{
	for (unsigned i = 0; d->masked && i < f->views; i++)
		if (f->view[i].class == d->class)
			return f->view[i].op;
	return VIEW_PLAIN;
}

static uint8_t digits_shown(enum view_op op)
{
	switch (op) {
	case VIEW_PLAIN:
	case VIEW_M4V_VILLAGE:
		return 12;
	case VIEW_M4_TOWNSHIP:
		return 9;
	case VIEW_COUNTY:
		return 6;
	default:
		return 0;
	}
}

static void learn(struct lister *l, const struct policy_field *f, enum view_op op)
{
	if (f->is_area && digits_shown(op) > l->digits)
		l->digits = digits_shown(op);
	if (f->is_due && (op == VIEW_PLAIN || op == VIEW_M13_QUARTER))
		l->due = true;
	if (f->is_state && op == VIEW_PLAIN)
		l->state = true;
}

/* What the role sees of a row, as it reads the fields that rows come from, revealed ones too. False: it reads no field at all. */
static bool look_up(struct vault *v, const struct policy_role *role, int purpose, struct lister *ret)
{
	const struct policy_subject who = { &role->id, 1, purpose };
	bool reads = false;

	*ret = (struct lister){ .role = role };
	/* Who assigns files has to choose them by their place. */
	if ((role->acts & ACT_ASSIGN) != 0)
		ret->digits = AREA_MAX;
	for (unsigned i = 0; i < policy_fields(v->policy); i++) {
		const struct policy_field *f = policy_field(v->policy, i);

		if (reads && !f->is_area && !f->is_due && !f->is_state)
			continue;
		for (unsigned clear = 0; clear < 2; clear++) {
			struct read_decision d = policy_decide_read(v->policy, &who, f, clear != 0);

			if (d.reason != DECIDE_YES)
				continue;
			reads = true;
			learn(ret, f, shown_by(f, &d));
		}
	}
	return reads;
}

/* The roles that read something for the purpose, and see what is filtered by; their leaf names the first. */
static unsigned find_roles(struct vault *v, struct vault_call *c, struct query *q)
{
	bool reads = false;

	for (unsigned i = 0; i < c->subject.role_count && q->roles < SESSION_ROLES; i++) {
		const struct policy_role *role = policy_role_by_id(v->policy, c->subject.roles[i]);
		struct lister *l = &q->role[q->roles];

		if (role == NULL || !look_up(v, role, c->subject.purpose, l))
			continue;
		reads = true;
		q->roles += q->area_digits <= l->digits && (q->due_max == 0 || l->due) && (q->state == 0 || l->state);
	}
	if (q->roles == 0)
		return call_decline(c, DECIDE_NO_RIGHT, "%s", reads ? "no active role sees what the list is to be chosen by" :
		    "no active role reads anything for this purpose");
	c->detail.role = q->role[0].role->id;
	c->detail.department = q->role[0].role->department;
	return 0;
}

/* Whether the query asks for the record; rights are not looked at. */
static bool row_asked(const struct query *q, const struct list_row *r)
{
	unsigned state = list_state(r), due = list_due(r);

	if (state == 0 || state == STATE_ERASING || (q->state != 0 && state != q->state))
		return false;
	if (q->due_max != 0 && (due == 0 || due > q->due_max))
		return false;
	return (list_area(r, q->day) & q->area_mask) == q->area;
}

/*
 * The first role that may see that the record is there: in its member's area, and covered if it reads under assignments. An export stands
 * for the assignment, and takes in what its request named.
 */
static const struct lister *row_role(struct vault *v, const struct vault_call *c, const struct query *q, const struct list_row *r)
{
	const char *mine = c->principal->area;
	bool looked = false, assigned = false;
	char area[12];
	size_t n = list_unpack_area(list_area(r, q->day), area);

	if (q->export != NULL && !gov_export_takes(v, q->export, area, n, head_state_name(list_state(r))))
		return NULL;
	for (unsigned i = 0; i < q->roles; i++) {
		const struct policy_role *role = q->role[i].role;

		if (role->area && !policy_area_fits(mine, strlen(mine), area, n))
			continue;
		if (!role->approval || q->export != NULL)
			return &q->role[i];
		if (!looked)
			assigned = gov_assigned(v, c, r->record);
		looked = true;
		if (assigned)
			return &q->role[i];
	}
	return NULL;
}

static void put_row(struct vault_call *c, const struct query *q, const struct lister *l, const struct list_row *r)
{
	unsigned due = l->due ? list_due(r) : 0;
	const char *state = l->state ? head_state_name(list_state(r)) : "";
	struct wire_listed w = { .record = r->record, .state = wire_text(state, strlen(state)) };
	char area[12], quarter[8];
	size_t n = list_unpack_area(list_area(r, q->day), area);

	w.area = wire_text(area, n < l->digits ? n : l->digits);
	if (due != 0) {
		due += LIST_DUE_BASE - 1;
		for (unsigned i = 0, year = due / 4; i < 4; i++, year /= 10)
			quarter[3 - i] = (char)('0' + year % 10);
		quarter[4] = 'Q';
		quarter[5] = (char)('1' + due % 4);
		w.due = wire_text(quarter, 6);
	}
	wire_listed_put(c->out, &w);
}

/* Who may go on behind which serial of which question. */
static void cursor_plain(const struct vault_call *c, const struct query *q, uint64_t serial, uint8_t ret[CURSOR_PLAIN])
{
	ret[0] = 'L';
	memcpy(ret + 1, c->principal->id, 16);
	memcpy(ret + 17, q->digest, 16);
	be64_put(ret + 33, serial);
}

/* The serial to begin with: behind the cursor's, if it is this caller's for this question. */
static unsigned take_cursor(struct vault *v, struct vault_call *c, const struct query *q, const struct wire_text *t, uint64_t *ret)
{
	uint8_t given[CURSOR_PLAIN], plain[CURSOR_PLAIN];
	uint64_t serial = 0;
	bool good;

	if (t->n > 0) {
		if ((good = cursor_take(v, t, given, sizeof(given)))) {
			serial = be64_get(given + 33);
			cursor_plain(c, q, serial, plain);
		}
		if (!good || memcmp(plain, given, sizeof(plain)) != 0)
			return call_refuse(c, PROBLEM_BAD_CURSOR, "the cursor is of another caller, question or vault");
	}
	*ret = serial + 1;
	return 0;
}

static int put_cursor(struct vault *v, struct vault_call *c, const struct query *q, uint64_t serial)
{
	uint8_t plain[CURSOR_PLAIN];

	cursor_plain(c, q, serial, plain);
	return cursor_put(v, plain, sizeof(plain), c->out);
}

/* What a scan of the table found. */
struct found {
	uint64_t last;		/* serial of the last row that was listed or passed over */
	bool more;
	enum decision_reason why;	/* it stopped because the budget was used up, or the export does not cover it; else yes */
	unsigned n;
};

/* What is listed for an export counts in it, as if read: the reads that follow are then free. */
static int scan(struct vault *v, struct vault_call *c, const struct query *q, uint64_t from, unsigned limit, struct found *f)
{
	const struct list *l = v->list;
	unsigned looked = 0, counted = 0;
	int r = 0;

	f->last = from - 1;
	for (uint64_t serial = from; serial <= l->last; serial++) {
		const struct list_row *row = list_row(l, serial);
		enum decision_reason why = DECIDE_YES;
		const struct lister *by;

		if (f->n == limit || looked++ == LOOKED_MAX) {
			f->more = true;
			break;
		}
		if (row != NULL && row_asked(q, row) && (by = row_role(v, c, q, row)) != NULL) {
			if ((q->export != NULL || by->role->bulk_records > 0) && counted++ == COUNTED_MAX) {
				f->more = true;
				break;
			}
			if ((r = gov_budget(v, c, by->role, serial, q->export, &why)) != 0)
				break;
			if (why != DECIDE_YES) {
				f->why = why;
				f->more = true;
				break;
			}
			put_row(c, q, by, row);
			f->n++;
		}
		f->last = serial;
	}
	return r;
}

unsigned vault_list(struct vault *v, struct vault_call *c, const struct wire_records *m)
{
	struct query q = { .roles = 0 };
	struct found f = { .n = 0, .why = DECIDE_YES };
	static const uint8_t zeros[16];
	unsigned limit = m->limit == 0 ? LIMIT_DEFAULT : m->limit, problem;
	enum decision_reason why;
	uint64_t from = 1;
	size_t at;
	int r;

	if ((problem = call_purpose(v, c, false)) != 0 || (problem = take_filters(v, c, m, &q)) != 0 ||
	    (problem = find_roles(v, c, &q)) != 0 || (problem = take_cursor(v, c, &q, &m->cursor, &from)) != 0)
		return problem;
	if (m->export != NULL && memcmp(m->export, zeros, sizeof(zeros)) != 0) {
		q.export = m->export;
		memcpy(c->detail.approval, m->export, sizeof(c->detail.approval));
		if ((why = gov_export(v, c, m->export, NULL, NULL)) != DECIDE_YES)
			return call_decline(c, why, "%s", "");
	}
	if (limit > WIRE_LIST_MAX)
		return call_refuse(c, PROBLEM_BAD_REQUEST, "limit= is 1 to %u", WIRE_LIST_MAX);
	if (list_filling(v)) {
		c->retry_after_s = 1 + (uint32_t)((v->list->fill_end - v->list->fill) / FILL_PER_S);
		return call_refuse(c, PROBLEM_INDEX_REBUILDING, "the work list is being made");
	}
	at = wire_count_begin(c->out);
	if ((r = scan(v, c, &q, from, limit, &f)) != 0)
		return call_failed(c, r);
	if (f.why != DECIDE_YES && f.n == 0)
		return call_decline(c, f.why, "%s", "");
	c->retry_after_s = 0;	/* the budget's, of a list that ended at it */
	wire_count_end(c->out, at, f.n);
	if (!f.more)
		wire_text16_put(c->out, "", 0);
	else if ((r = put_cursor(v, c, &q, f.last)) != 0)
		return call_failed(c, r);
	c->kind = LEAF_LIST;
	c->detail.count = f.n;
	return 0;
}
