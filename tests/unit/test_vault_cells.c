/*
 * Every cell of the shipped profile on a real vault: role, field and purpose, where the record lies, and what approval its reader has.
 * What must come of a cell is worked out here a second time, from docs/POLICY.md sections 1 to 3 and the profile's own data; no decision
 * of the code is asked. The walk reads all fields in one request, which keeps each field's own reason, and, where the leaves are looked
 * at, one.
 */
#include "test_vault_cells.h"

/* ---- what must be ---------------------------------------------------------------------------------------------------------------- */

/* One question: who reads what, for what, when. */
struct question {
	const struct cell_person *who;
	unsigned purpose, area, standing;	/* the last two say which record */
	bool clear;
	int32_t later;				/* days after the approvals were made */
};
struct must {
	enum decision_reason why;		/* DECIDE_YES: the field is answered, if it has a value */
	uint16_t class, role;			/* that answer and allow; role 0: a grant alone does */
	enum view_op op;			/* 0: the value itself */
	const struct cell_approval *by;		/* NULL: none is needed */
};

static const struct policy_class *class_of(const struct cells *x, uint16_t id)
{
	return policy_class(x->policy, (unsigned)policy_class_position(x->policy, id));
}

static bool has_right(const struct cells *x, const struct policy_role *role, uint16_t class, uint8_t right)
{
	return (role->rights[policy_class_position(x->policy, class)] & right) != 0;
}

static bool excepted(const struct policy_role *role, uint16_t class, const struct policy_field *f)
{
	for (unsigned i = 0; i < role->excepts; i++)
		if (role->except[i].class == class && role->except[i].field == f->id)
			return true;
	return false;
}

/* Code 8 or 9 of a class, or yes. */
static enum decision_reason by_right(const struct cells *x, const struct policy_role *role, uint16_t class, const struct policy_field *f,
    uint8_t right)
{
	return !has_right(x, role, class, right) ? DECIDE_NO_RIGHT : excepted(role, class, f) ? DECIDE_EXCEPTED : DECIDE_YES;
}

/* The least view that the role reads; a field without views is read as it is. */
static enum decision_reason by_default(const struct cells *x, const struct policy_role *role, const struct policy_field *f, struct must *m)
{
	enum decision_reason why = DECIDE_NO_RIGHT;

	if (f->views == 0)
		return by_right(x, role, m->class, f, RIGHT_READ);
	for (unsigned i = 0; i < f->views; i++)
		switch (by_right(x, role, f->view[i].class, f, RIGHT_READ)) {
		case DECIDE_YES:
			m->class = f->view[i].class;
			m->op = f->view[i].op;
			return DECIDE_YES;
		case DECIDE_EXCEPTED:
			why = DECIDE_EXCEPTED;
			break;
		default:
			break;
		}
	return why;
}

static enum decision_reason by_policy(const struct cells *x, const struct question *q, const struct policy_field *f, struct must *m)
{
	const struct policy_role *role = q->who->role;
	enum decision_reason why;
	struct must any = { .class = f->class };

	if ((f->purposes >> q->purpose & 1) == 0)
		return DECIDE_NO_PURPOSE_FIELD;
	if (!q->clear)
		return by_default(x, role, f, m);
	if ((why = by_right(x, role, f->class, f, RIGHT_REVEAL)) != DECIDE_NO_RIGHT)
		return why;
	if (by_default(x, role, f, &any) == DECIDE_YES || by_right(x, role, f->class, f, RIGHT_READ) == DECIDE_YES)
		return DECIDE_NO_REVEAL;
	return DECIDE_NO_RIGHT;
}

/* Codes 13 to 16 of one approval. */
static enum decision_reason what_lacks(const struct cells *x, const struct question *q, unsigned field, uint16_t class,
    const struct cell_approval *a)
{
	if ((a->purposes >> q->purpose & 1) == 0)
		return DECIDE_APPROVAL_PURPOSE;
	if (!a->grant && !class_is_view(class) && class_of(x, class)->level > a->level)
		return DECIDE_APPROVAL_LEVEL;
	if (a->grant && !a->field[field])
		return DECIDE_APPROVAL_FIELD;
	return q->later > CELL_DAYS ? DECIDE_APPROVAL_EXPIRED : DECIDE_YES;
}

/* A live approval, or what the one that came furthest lacks. Without a right of the role only grants count. */
static enum decision_reason by_approval(const struct cells *x, const struct question *q, unsigned field, uint16_t class, bool right,
    struct must *m)
{
	enum decision_reason furthest = DECIDE_NO_APPROVAL, why;

	for (const struct cell_approval *a = q->who->approvals[q->area][q->standing]; a != NULL; a = a->next) {
		if (!right && !a->grant)
			continue;
		if ((why = what_lacks(x, q, field, class, a)) == DECIDE_YES) {
			m->by = a;
			return DECIDE_YES;
		}
		if (why > furthest)
			furthest = why;
	}
	return furthest;
}

static bool lies_in_area(const struct question *q)
{
	const char *own = q->who->area, *place = cell_areas[q->area];
	size_t n = strlen(own) < strlen(place) ? strlen(own) : strlen(place);

	return !q->who->role->area || strncmp(own, place, n) == 0;
}

/* What no role allows a grant may: it opens the value itself. */
static void by_grant(const struct cells *x, const struct question *q, unsigned field, struct must *m)
{
	switch (by_approval(x, q, field, m->class, false, m)) {
	case DECIDE_YES:
		m->role = 0;
		m->op = 0;
		m->why = lies_in_area(q) ? DECIDE_YES : DECIDE_OUT_OF_AREA;
		break;
	case DECIDE_APPROVAL_FIELD:
		m->why = DECIDE_APPROVAL_FIELD;
		break;
	case DECIDE_APPROVAL_EXPIRED:
		m->why = DECIDE_APPROVAL_EXPIRED;
		break;
	default:
		break;	/* there is no such grant: what policy says stands */
	}
}

static struct must what_must_be(const struct cells *x, const struct question *q, unsigned field)
{
	const struct policy_field *f = policy_field(x->policy, field);
	struct must m = { .class = f->class, .role = q->who->role->id };

	m.why = by_policy(x, q, f, &m);
	if (m.why == DECIDE_NO_RIGHT || m.why == DECIDE_EXCEPTED || m.why == DECIDE_NO_REVEAL)
		by_grant(x, q, field, &m);
	else if (m.why == DECIDE_YES && !lies_in_area(q))
		m.why = DECIDE_OUT_OF_AREA;
	else if (m.why == DECIDE_YES && q->who->role->approval)
		m.why = by_approval(x, q, field, m.class, true, &m);
	return m;
}

/* The answers of the table in section 1, as far as reads meet them. */
static unsigned problem_of(enum decision_reason why)
{
	return why >= DECIDE_NO_APPROVAL && why <= DECIDE_GENERATION_GONE ? PROBLEM_APPROVAL_REQUIRED :
	    why == DECIDE_NOT_OWNER ? PROBLEM_NOT_OWNER : PROBLEM_NOT_PERMITTED;
}

static bool has_value(const struct cells *x, const struct question *q, unsigned field)
{
	const struct policy_field *f = policy_field(x->policy, field);

	return f->is_area ? q->area != WITHOUT_AREA : cells_writes(x, f, q->standing);
}

/* What is shown of it. scratch holds it. */
static struct value shown(const struct cells *x, const struct question *q, unsigned field, const struct must *m, struct buf scratch[2])
{
	const struct policy_field *f = policy_field(x->policy, field);
	const char *area = cell_areas[q->area];
	struct value v = { x->value[field].type, x->value[field].p, x->value[field].n }, view;

	if (f->is_area)
		v = (struct value){ VALUE_CODE, (const uint8_t *)area, strlen(area) };
	if (m->op == 0 || m->op == VIEW_PLAIN)
		return v;
	buf_reset(&scratch[0]);
	buf_reset(&scratch[1]);
	view_project(m->op, &f->shape, &v, &scratch[0], &view);
	view_present(m->op, &view, x->f.v->call.today, &scratch[1], &v);
	return v;
}

/* What the log must hold at index. */
struct must_log {
	uint64_t index;
	struct question q;
	unsigned first;				/* field, to say where */
	uint8_t kind, bitmap[LEAF_FIELDS_MAX / 8];
	uint16_t outcome, role;			/* role 0: not looked at */
	const struct cell_approval *by;
	uint32_t count;
	bool child;				/* the record was looked at: its key opens the leaf */
};

/* ---- the walk --------------------------------------------------------------------------------------------------------------------- */

struct walk {
	struct cells *x;
	struct question q;
	unsigned n, field[POLICY_FIELDS];	/* the fields asked for, by position */
	struct must must[POLICY_FIELDS];	/* of each of them */
	struct buf names, scratch[2];
	unsigned long asked, step;		/* every so many of the questions are put */
	unsigned long of_reason[DECIDE_REASONS], masked, copied;	/* what was met */
	uint8_t log_key[AREAS][STANDINGS][32];
	bool any;				/* of the last request: something is answered or absent */
	enum decision_reason refused, hidden;	/* why it, or what is hidden beside its answer, is refused */
	size_t leaves, leaves_max;
	struct must_log *leaf;
};

static int32_t days_later;
static unsigned read_later(struct vault *v, struct vault_call *c, void *m)
{
	c->today += days_later;
	return vault_read_record(v, c, m);
}
static unsigned history_later(struct vault *v, struct vault_call *c, void *m)
{
	c->today += days_later;
	return vault_history(v, c, m);
}

/* Where the programs of tests are wrapped, as by valgrind, it is memory that is looked at, and some of the cells do. */
static void walk_begin(struct walk *w, struct cells *x)
{
	const char *wrap = getenv("UNIT_WRAP");

	memset(w, 0, sizeof(*w));
	w->x = x;
	w->step = wrap != NULL && wrap[0] != '\0' ? 101 : 1;
	buf_init(&w->names, 65536);
	buf_init(&w->scratch[0], 65536);
	buf_init(&w->scratch[1], 65536);
	cells_turns_begin(x);
}

static bool walk_skips(struct walk *w)
{
	return w->asked++ % w->step != 0;
}

static void walk_end(struct walk *w)
{
	cells_turns_end(w->x);
	free(w->leaf);
	buf_free(&w->names);
	buf_free(&w->scratch[0]);
	buf_free(&w->scratch[1]);
}

static const char *cell_name(const struct walk *w, unsigned field)
{
	static const char *const standings[STANDINGS] = { "nothing", "level 3", "level 4", "first purpose", "last purpose", "grant of all",
		"grant of the first", "grant of the last" };
	static const char *const areas[AREAS] = { "in the area", "out of the area", "without area" };
	static char name[256];

	snprintf(name, sizeof(name), "%s, %s, for %s%s, %s, %s, day %d", w->q.who->role->name, policy_field(w->x->policy, field)->name,
	    policy_purpose(w->x->policy, w->q.purpose)->name, w->q.clear ? ", clear" : "", areas[w->q.area], standings[w->q.standing],
	    (int)w->q.later);
	return name;
}

/* Ask for the fields first to first + n - 1. */
static void walk_fields(struct walk *w, unsigned first, unsigned n)
{
	size_t at;

	buf_reset(&w->names);
	at = wire_count_begin(&w->names);
	w->n = n;
	for (unsigned i = 0; i < n; i++) {
		const char *name = policy_field(w->x->policy, first + i)->name;

		w->field[i] = first + i;
		wire_text8_put(&w->names, name, strlen(name));
	}
	wire_count_end(&w->names, at, n);
}

static struct wire_list walk_names(const struct walk *w)
{
	struct rd rd = rd_over(w->names.p, w->names.n);
	struct wire_list l;

	assert_int_equal(wire_names_get(&rd, &l), 0);
	return l;
}

static unsigned walk_call(struct walk *w, test_run run, void *m)
{
	struct wire_envelope env = rules_envelope(&w->x->f, w->q.who->token, policy_purpose(w->x->policy, w->q.purpose)->name, w->q.clear);
	unsigned problem;

	days_later = w->q.later;
	problem = one_turn(&w->x->f, &env, true, run, m);
	assert_int_not_equal(problem, LATER);
	for (unsigned i = 0; i < w->n; i++)
		w->must[i] = what_must_be(w->x, &w->q, w->field[i]);
	return problem;
}

static bool acts(const struct question *q)
{
	return (q->who->role->purposes >> q->purpose & 1) != 0;
}

static bool is_hidden(const struct walk *w, unsigned i)
{
	return class_of(w->x, policy_field(w->x->policy, w->field[i])->class)->hidden;
}

/* The request as a whole: refused for the last field that may be told of, unless something is left. */
static void check_problem(struct walk *w, unsigned problem, uint8_t kind)
{
	const struct vault_call *c = &w->x->f.v->call;
	enum decision_reason told = DECIDE_YES;

	w->any = false;
	w->hidden = DECIDE_YES;
	for (unsigned i = 0; i < w->n; i++)
		if (w->must[i].why == DECIDE_YES)
			w->any = true;
		else if (is_hidden(w, i))
			w->hidden = w->must[i].why;
		else
			told = w->must[i].why;
	w->refused = w->any ? DECIDE_YES : told != DECIDE_YES ? told : w->hidden;
	if (problem != (!w->any && told != DECIDE_YES ? problem_of(told) : 0))
		fail_msg("%s: problem %u", cell_name(w, w->field[0]), problem);
	if (c->rule != w->refused || c->kind != (w->any ? kind : LEAF_REFUSED))
		fail_msg("%s: leaf %u of reason %u, not %u", cell_name(w, w->field[0]), c->kind, (unsigned)c->rule, (unsigned)w->refused);
}

/* Each field's own reason, or what opened it. */
static void check_field(struct walk *w, unsigned i)
{
	static const uint8_t zeros[16];
	const struct wanted *got = &w->x->f.v->wanted[i];
	const struct must *m = &w->must[i];
	bool refused = m->why != DECIDE_YES, value = has_value(w->x, &w->q, w->field[i]);

	w->of_reason[m->why]++;
	if (got->field->id != policy_field(w->x->policy, w->field[i])->id)
		fail_msg("%s is not what was asked for", got->field->name);
	if ((got->status == WANTED_REFUSED) != refused || (refused && got->decision.reason != m->why))
		fail_msg("%s: %s for %u, not %u", cell_name(w, w->field[i]), got->status == WANTED_REFUSED ? "refused" : "answered",
		    (unsigned)got->decision.reason, (unsigned)m->why);
	if (refused)
		return;
	if (got->decision.class != m->class || (m->role != 0 && got->decision.role != m->role) ||
	    got->granted != (m->by != NULL && m->by->grant))
		fail_msg("%s: through class %x, role %u", cell_name(w, w->field[i]), got->decision.class, got->decision.role);
	if (memcmp(got->approval, m->by != NULL ? m->by->id : zeros, 16) != 0)
		fail_msg("%s: by another approval", cell_name(w, w->field[i]));
	if (got->status != (value ? WANTED_ANSWERED : WANTED_ABSENT))
		fail_msg("%s: %s", cell_name(w, w->field[i]), value ? "no value" : "a value from nowhere");
}

/* The place in the request of a name of the answer. */
static unsigned asked_at(const struct walk *w, struct wire_text name)
{
	const struct policy_field *f = policy_field_named(w->x->policy, name.p, name.n);
	unsigned at;

	assert_non_null(f);
	at = (unsigned)policy_field_position(w->x->policy, f);
	if (at < w->field[0] || at >= w->field[0] + w->n)
		fail_msg("%s: the answer names %s", cell_name(w, w->field[0]), f->name);
	return at - w->field[0];
}

static void mark(const struct walk *w, struct wire_list names, bool *ret)
{
	struct wire_text name;

	memset(ret, 0, POLICY_FIELDS * sizeof(*ret));
	while (wire_names_next(&names, &name))
		ret[asked_at(w, name)] = true;
}

/* One value of an answer: of a field that may be seen, as the view shows it. */
static unsigned check_value(struct walk *w, const struct wire_field *got)
{
	unsigned i = asked_at(w, got->name);
	struct value v = shown(w->x, &w->q, w->field[i], &w->must[i], w->scratch);

	if (w->must[i].why != DECIDE_YES)
		fail_msg("%s: the answer has a value", cell_name(w, w->field[i]));
	if (got->value.n != v.n || (v.n > 0 && memcmp(got->value.p, v.p, v.n) != 0) || got->value.type != v.type)
		fail_msg("%s: another value is shown, of type %u", cell_name(w, w->field[i]), got->value.type);
	return i;
}

static void check_omitted(const struct walk *w, struct wire_list names)
{
	bool omitted[POLICY_FIELDS];

	mark(w, names, omitted);
	for (unsigned i = 0; i < w->n; i++)
		if (omitted[i] != (w->must[i].why != DECIDE_YES || (is_hidden(w, i) && w->x->f.v->wanted[i].status == WANTED_ABSENT)))
			fail_msg("%s: %s", cell_name(w, w->field[i]), omitted[i] ? "omitted" : "not omitted");
}

static void check_answer(struct walk *w)
{
	struct wire_read_answer a = rules_answer(&w->x->f);
	bool redacted[POLICY_FIELDS], seen[POLICY_FIELDS] = { false };
	struct wire_field got;

	while (wire_fields_next(&a.fields, &got)) {
		unsigned i = check_value(w, &got);

		if (seen[i])
			fail_msg("%s: answered twice", cell_name(w, w->field[i]));
		seen[i] = true;
	}
	mark(w, a.redacted, redacted);
	check_omitted(w, a.omitted);
	for (unsigned i = 0; i < w->n; i++) {
		bool value = w->must[i].why == DECIDE_YES && has_value(w->x, &w->q, w->field[i]);

		if (seen[i] != value)
			fail_msg("%s: %s", cell_name(w, w->field[i]), value ? "not answered" : "answered");
		if (redacted[i] != (value && w->must[i].op != 0 && w->must[i].op != VIEW_PLAIN))
			fail_msg("%s: %s", cell_name(w, w->field[i]), redacted[i] ? "redacted" : "not redacted");
		w->masked += redacted[i];
		w->copied += value && !redacted[i];
	}
}

static struct must_log *log_entry(struct walk *w, uint64_t index, uint8_t kind, enum decision_reason why)
{
	struct must_log *l;

	if (w->leaves == w->leaves_max) {
		w->leaves_max = w->leaves_max * 2 + 1024;
		w->leaf = realloc(w->leaf, w->leaves_max * sizeof(*w->leaf));
		assert_non_null(w->leaf);
	}
	l = &w->leaf[w->leaves++];
	*l = (struct must_log){ .index = index, .q = w->q, .first = w->field[0], .kind = kind, .child = w->x->f.v->call.has_child,
		.outcome = (uint16_t)(why != DECIDE_YES ? OUTCOME_REASON + (unsigned)why : 0) };
	return l;
}

static void log_field(struct must_log *l, unsigned field)
{
	l->bitmap[field / 8] |= (uint8_t)(1u << field % 8);
}

/* The leaf of the request, and before it that of what is hidden beside its answer. */
static void keep_leaf(struct walk *w)
{
	uint64_t index = rules_leaf_index(&w->x->f);
	bool apart = w->any && w->hidden != DECIDE_YES;
	struct must_log *l = apart ? log_entry(w, index - 1, LEAF_REFUSED, w->hidden) : NULL;

	for (unsigned i = 0; apart && i < w->n; i++)
		if (w->must[i].why != DECIDE_YES && is_hidden(w, i))
			log_field(l, w->field[i]);
	l = log_entry(w, index, !w->any ? LEAF_REFUSED : w->q.clear ? LEAF_REVEAL : LEAF_READ, w->refused);
	for (unsigned i = 0; acts(&w->q) && i < w->n; i++) {
		const struct must *m = &w->must[i];

		if (!apart || m->why == DECIDE_YES || !is_hidden(w, i))
			log_field(l, w->field[i]);
		if (m->why != DECIDE_YES)
			continue;
		l->role = l->role != 0 ? l->role : m->role;
		l->by = l->by != NULL ? l->by : m->by;
		l->count += has_value(w->x, &w->q, w->field[i]);
	}
}

static const uint8_t *walk_record(const struct walk *w)
{
	return w->x->record[w->q.area][w->q.standing];
}

/* Whoever does not act for the purpose learns nothing, whatever else holds. */
static bool check_purpose(struct walk *w, unsigned problem)
{
	const struct vault_call *c = &w->x->f.v->call;

	if (acts(&w->q))
		return true;
	w->of_reason[DECIDE_NO_PURPOSE_ROLE] += w->n;
	w->any = false;
	w->refused = DECIDE_NO_PURPOSE_ROLE;
	if (problem != PROBLEM_NOT_PERMITTED || c->rule != DECIDE_NO_PURPOSE_ROLE || c->kind != LEAF_REFUSED)
		fail_msg("%s: problem %u, reason %u", cell_name(w, w->field[0]), problem, (unsigned)c->rule);
	return false;
}

static void check_read(struct walk *w)
{
	struct wire_read m = { .record = walk_record(w), .view = w->q.clear ? WIRE_VIEW_CLEAR : WIRE_VIEW_DEFAULT, .names = walk_names(w) };
	unsigned problem = walk_call(w, read_later, &m);

	if (check_purpose(w, problem)) {
		check_problem(w, problem, w->q.clear ? LEAF_REVEAL : LEAF_READ);
		for (unsigned i = 0; i < w->n; i++)
			check_field(w, i);
		if (problem == 0)
			check_answer(w);
	}
	keep_leaf(w);
	cells_turn(w->x);
}

/* What is refused is refused in history, too, and nothing of it stands in any version. */
static void check_history(struct walk *w)
{
	struct wire_history m = { .record = walk_record(w), .view = w->q.clear ? WIRE_VIEW_CLEAR : WIRE_VIEW_DEFAULT,
		.names = walk_names(w) };
	unsigned problem = walk_call(w, history_later, &m);
	struct wire_history_answer h;
	struct wire_version version;
	struct wire_field got;
	int shows = 0;

	if (check_purpose(w, problem)) {
		check_problem(w, problem, LEAF_HISTORY);
		for (unsigned i = 0; i < w->n; i++)
			check_field(w, i);
	}
	if (problem == 0) {
		assert_int_equal(wire_history_answer_decode(w->x->f.out.p + 10, w->x->f.out.n - 10, &h), 0);
		while (wire_versions_next(&h.versions, &version))
			while (wire_fields_next(&version.fields, &got))
				shows += check_value(w, &got) < w->n;
		check_omitted(w, h.omitted);
		for (unsigned i = 0; i < w->n; i++)
			shows -= w->must[i].why == DECIDE_YES && has_value(w->x, &w->q, w->field[i]);
		if (shows != 0)
			fail_msg("%s: %d values too many", cell_name(w, w->field[0]), shows);
	}
	cells_turn(w->x);
}

/* Call check for each member, purpose, record, view and day: the approvals live, and over. */
static void walk_all(struct walk *w, void (*check)(struct walk *w))
{
	for (unsigned role = 0; role < w->x->roles; role++)
		for (w->q.purpose = 0; w->q.purpose < w->x->purposes; w->q.purpose++)
			for (unsigned i = 0; i < AREAS * STANDINGS * 4; i++) {
				w->q.who = &w->x->member[role];
				w->q.area = i / 4 / STANDINGS;
				w->q.standing = i / 4 % STANDINGS;
				w->q.clear = (i & 1) != 0;
				w->q.later = (i & 2) != 0 ? CELL_DAYS + 1 : 0;
				if (!walk_skips(w))
					check(w);
			}
}

/* What stands in the log of what was kept. */
static void load_log_keys(struct walk *w)
{
	struct record rec;

	for (unsigned area = 0; area < AREAS; area++)
		for (unsigned standing = 0; standing < STANDINGS; standing++) {
			assert_int_equal(record_load(w->x->f.v, w->x->record[area][standing], false, &rec), 0);
			memcpy(w->log_key[area][standing], rec.head.log_key, 32);
		}
}

static void check_detail(struct walk *w, const struct must_log *l, const struct leaf_detail *d)
{
	static const uint8_t zeros[sizeof(d->bitmap)];

	if (d->outcome != l->outcome)
		fail_msg("%s: outcome %u in the log", cell_name(w, l->first), d->outcome);
	if (d->bitmap_n > sizeof(l->bitmap) || memcmp(d->bitmap, l->bitmap, d->bitmap_n) != 0 ||
	    memcmp(l->bitmap + d->bitmap_n, zeros, sizeof(l->bitmap) - d->bitmap_n) != 0)
		fail_msg("%s: other fields in the log", cell_name(w, l->first));
	if (d->view != (l->q.clear ? 2 : 1) || d->purpose != policy_purpose(w->x->policy, l->q.purpose)->id || d->count != l->count)
		fail_msg("%s: view, purpose or count in the log", cell_name(w, l->first));
	if (l->outcome == 0 && ((l->role != 0 && d->role != l->role) || memcmp(d->approval, l->by != NULL ? l->by->id : zeros, 16) != 0))
		fail_msg("%s: role or approval in the log", cell_name(w, l->first));
	assert_memory_equal(d->record, w->x->record[l->q.area][l->q.standing], 16);
}

/* The leaf at index, or before it if that one begins a segment. */
static void read_leaf(const struct walk *w, uint64_t index, struct buf *b, struct leaf *ret)
{
	do {
		buf_reset(b);
		assert_int_equal(audit_read_leaf(w->x->f.v->audit, index--, b), 0);
		assert_int_equal(leaf_decode(b->p, b->n, ret), 0);
	} while (ret->kind == LEAF_SEGMENT);
}

static void check_leaves(struct walk *w)
{
	struct leaf_detail d;
	struct leaf leaf;
	struct buf b;

	cells_turns_end(w->x);
	assert_int_equal(vault_checkpoint_now(w->x->f.v), 0);
	load_log_keys(w);
	buf_init(&b, 65536);
	for (size_t i = 0; i < w->leaves; i++) {
		const struct must_log *l = &w->leaf[i];

		w->q = l->q;
		read_leaf(w, l->index, &b, &leaf);
		if (leaf.kind != l->kind || ((leaf.flags & LEAF_CHILD) != 0) != l->child)
			fail_msg("%s: a leaf of kind %u, not %u", cell_name(w, l->first), leaf.kind, l->kind);
		if (!l->child)
			continue;	/* its detail is for auditors */
		assert_int_equal(audit_open_detail(&leaf, w->log_key[l->q.area][l->q.standing], &d), 0);
		check_detail(w, l, &d);
	}
	buf_free(&b);
	cells_turns_begin(w->x);
}

static void every_cell_is_read_as_the_page_says(void **state)
{
	static const enum decision_reason met[] = { DECIDE_YES, DECIDE_NO_PURPOSE_ROLE, DECIDE_NO_PURPOSE_FIELD, DECIDE_NO_RIGHT,
		DECIDE_EXCEPTED, DECIDE_NO_REVEAL, DECIDE_OUT_OF_AREA, DECIDE_NO_APPROVAL, DECIDE_APPROVAL_PURPOSE, DECIDE_APPROVAL_LEVEL,
		DECIDE_APPROVAL_FIELD, DECIDE_APPROVAL_EXPIRED };
	struct walk w;

	walk_begin(&w, *state);
	walk_fields(&w, 0, w.x->fields);
	walk_all(&w, check_read);
	assert_int_equal(w.asked, w.x->roles * w.x->purposes * AREAS * STANDINGS * 4);
	for (size_t i = 0; w.step == 1 && i < sizeof(met) / sizeof(met[0]); i++)
		if (w.of_reason[met[i]] < 100)
			fail_msg("%lu cells of reason %u", w.of_reason[met[i]], (unsigned)met[i]);
	assert_true(w.step > 1 || (w.masked > 1000 && w.copied > 1000));
	check_leaves(&w);
	walk_end(&w);
}

static void every_cell_has_the_history_that_the_page_says(void **state)
{
	struct walk w;

	walk_begin(&w, *state);
	walk_fields(&w, 0, w.x->fields);
	walk_all(&w, check_history);
	walk_end(&w);
}

/* ---- one field at a time, and its leaf ----------------------------------------------------------------------------------------------- */

/* Each field alone: with an assignment, with grants, near and far, and with nothing; once for a purpose that the role does not act for. */
static void each_field_alone_has_its_leaf(void **state)
{
	static const struct { unsigned area, standing; } places[] = { { IN_AREA, LEVEL_4 }, { OUT_OF_AREA, LEVEL_4 }, { IN_AREA, NOTHING },
		{ IN_AREA, LEVEL_3 }, { IN_AREA, GRANT_OF_ALL }, { OUT_OF_AREA, GRANT_OF_ALL } };
	struct walk w;

	walk_begin(&w, *state);
	for (unsigned role = 0; role < w.x->roles; role++)
		for (w.q.purpose = 0; w.q.purpose < w.x->purposes; w.q.purpose++)
			for (unsigned field = 0; field < w.x->fields; field++)
				for (unsigned i = 0; i < 2 * sizeof(places) / sizeof(places[0]); i++) {
					w.q.who = &w.x->member[role];
					w.q.area = places[i / 2].area;
					w.q.standing = places[i / 2].standing;
					w.q.clear = (i & 1) != 0;
					if ((i > 1 && !acts(&w.q)) || walk_skips(&w))
						continue;
					walk_fields(&w, field, 1);
					check_read(&w);
				}
	check_leaves(&w);
	walk_end(&w);
}

/* ---- writes -------------------------------------------------------------------------------------------------------------------------- */

/* Checks 6 to 9 of a write. *ret_drops: the role writes without reading. */
static enum decision_reason write_by_policy(const struct cells *x, const struct question *q, const struct policy_field *f, bool creating,
    bool *ret_drops)
{
	const struct policy_role *role = q->who->role;
	bool writes = f->owner == role->department;

	for (unsigned i = 0; i < policy_departments(x->policy); i++)
		if (policy_department(x->policy, i)->id == role->department)
			writes = writes || (f->delegates >> i & 1) != 0 || (creating && (f->collects >> i & 1) != 0);
	if ((f->purposes >> q->purpose & 1) == 0)
		return DECIDE_NO_PURPOSE_FIELD;
	if (f->predicate.rule != PREDICATE_NONE)
		return DECIDE_NO_RIGHT;	/* jobs compute it */
	if (!writes)
		return DECIDE_NOT_OWNER;
	*ret_drops = !has_right(x, role, f->class, RIGHT_WRITE);
	return by_right(x, role, f->class, f, RIGHT_WRITE | RIGHT_WRITE_ONLY);
}

/* Checks 11 and 12: who writes with read wants an assignment for the purpose, whatever its level. A grant is none. */
static enum decision_reason write_by_record(const struct question *q, bool drops)
{
	if (!lies_in_area(q))
		return DECIDE_OUT_OF_AREA;
	if (!q->who->role->approval || drops)
		return DECIDE_YES;
	for (const struct cell_approval *a = q->who->approvals[q->area][q->standing]; a != NULL; a = a->next)
		if (!a->grant && (a->purposes >> q->purpose & 1) != 0 && q->later <= CELL_DAYS)
			return DECIDE_YES;
	return DECIDE_NO_APPROVAL;
}

static unsigned patch_later(struct vault *v, struct vault_call *c, void *m)
{
	c->today += days_later;
	return vault_patch_record(v, c, m);
}

/* Write the walk's one field, of a wrong type or a value that fits; what is admitted fails at its version, so that nothing changes. */
static unsigned write_field(struct walk *w, bool creating, bool fits)
{
	static const uint8_t no_etag[16] = { 1 }, zero[8];
	const struct policy_field *f = policy_field(w->x->policy, w->field[0]);
	struct wire_patch patch = { .record = walk_record(w), .has_etag = true, .etag = no_etag };
	struct wire_create create = { .key = wire_text("", 0) };
	bool number = f->type == VALUE_BOOL || f->type == VALUE_GROUP;
	struct rules_fields fields;
	struct cell_value value;
	unsigned problem;

	rules_begin(&fields);
	if (fits)
		cells_put_field(f, &fields, &value);
	else
		wire_field_put(&fields.b, f->name, strlen(f->name), number ? VALUE_INTEGER : VALUE_BOOL, zero, number ? 8 : 1);
	fields.count = 1;
	patch.fields = create.fields = rules_end(&fields);
	problem = creating ? walk_call(w, run_create, &create) : walk_call(w, patch_later, &patch);
	buf_free(&fields.b);
	cells_turn(w->x);
	return problem;
}

static void check_write(struct walk *w, unsigned problem, enum decision_reason why)
{
	const struct vault_call *c = &w->x->f.v->call;

	if (!acts(&w->q))
		why = DECIDE_NO_PURPOSE_ROLE;
	w->of_reason[why]++;
	if (c->rule != why || c->kind != LEAF_REFUSED || (why != DECIDE_YES && problem != problem_of(why)))
		fail_msg("%s: written with problem %u, reason %u, not %u", cell_name(w, w->field[0]), problem, (unsigned)c->rule,
		    (unsigned)why);
}

/* What policy allows is told from what it refuses by a value that fits no field; then the record is asked. */
static void check_writes(struct walk *w)
{
	const struct policy_field *f = policy_field(w->x->policy, w->field[0]);
	enum decision_reason patching, creating;
	bool drops = false;
	unsigned problem;

	w->q.area = IN_AREA;
	w->q.standing = NOTHING;
	w->q.later = 0;
	creating = write_by_policy(w->x, &w->q, f, true, &drops);
	problem = write_field(w, true, false);
	check_write(w, problem, creating);
	patching = write_by_policy(w->x, &w->q, f, false, &drops);
	problem = write_field(w, false, false);
	check_write(w, problem, patching);
	if (patching != DECIDE_YES || !acts(&w->q))
		return;
	assert_int_equal(w->x->f.v->call.errors, 1);
	for (unsigned i = 0; i < AREAS * STANDINGS * 2; i++) {
		w->q.area = i / 2 / STANDINGS;
		w->q.standing = i / 2 % STANDINGS;
		w->q.later = (i & 1) != 0 ? CELL_DAYS + 1 : 0;
		problem = write_field(w, false, true);
		check_write(w, problem, write_by_record(&w->q, drops));
		if (w->x->f.v->call.rule == DECIDE_YES)
			assert_int_equal(problem, drops ? PROBLEM_BAD_REQUEST : PROBLEM_PRECONDITION_FAILED);
	}
}

static void every_cell_is_written_as_the_page_says(void **state)
{
	static const enum decision_reason met[] = { DECIDE_YES, DECIDE_NO_PURPOSE_ROLE, DECIDE_NO_PURPOSE_FIELD, DECIDE_NOT_OWNER,
		DECIDE_NO_RIGHT, DECIDE_EXCEPTED, DECIDE_OUT_OF_AREA, DECIDE_NO_APPROVAL };
	struct walk w;

	walk_begin(&w, *state);
	for (unsigned role = 0; role < w.x->roles; role++)
		for (w.q.purpose = 0; w.q.purpose < w.x->purposes; w.q.purpose++)
			for (unsigned field = 0; field < w.x->fields; field++) {
				w.q.who = &w.x->member[role];
				walk_fields(&w, field, 1);
				if (!walk_skips(&w))
					check_writes(&w);
			}
	for (size_t i = 0; w.step == 1 && i < sizeof(met) / sizeof(met[0]); i++)
		if (w.of_reason[met[i]] == 0)
			fail_msg("no cell of reason %u", (unsigned)met[i]);
	walk_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cell_is_read_as_the_page_says),
		cmocka_unit_test(every_cell_has_the_history_that_the_page_says),
		cmocka_unit_test(each_field_alone_has_its_leaf),
		cmocka_unit_test(every_cell_is_written_as_the_page_says),
	};

	return cmocka_run_group_tests_name("cells", tests, cells_setup, cells_teardown);
}
