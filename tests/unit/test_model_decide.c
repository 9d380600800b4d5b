/* model: every decision on small random policies, against the rules told once more and in another way. */
#include "test_model.h"

#include <stdlib.h>

/* ---- random policies -------------------------------------------------------------------------------------------- */

enum { DEPARTMENTS = 3, PURPOSES = 3, CLASSES = 5, FIELDS = 5, ROLES = 4, POLICIES = 400 };

struct world {
	struct policy_department department[DEPARTMENTS];
	struct policy_purpose purpose[PURPOSES];
	struct policy_class class[CLASSES];	/* two with views (0, 1), one hidden (2), views 3 and 4 of 0 */
	struct policy_field field[FIELDS];
	struct policy_role role[ROLES];
	struct policy_except except[ROLES][FIELDS * 3];
	struct policy_source s;
};

static uint64_t seed;

static unsigned draw(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

static void make_fields(struct world *w)
{
	static const char *const names[FIELDS] = { "a", "b", "c", "d", "e" };
	static const uint16_t classes[FIELDS] = { 0x10, 0x10, 0x10, 0x20, 0x30 };
	struct policy_field *f;

	for (unsigned i = 0; i < FIELDS; i++) {
		f = &w->field[i];
		fixture_field(f, (uint16_t)(i + 1), names[i], classes[i],
		    (struct policy_shape){ .type = VALUE_DATE, .max_length = 10 });
		f->owner = (uint16_t)(draw(DEPARTMENTS) + 1);
		f->purposes = draw(7) + 1;
		f->delegates = draw(8) & ~(1u << (f->owner - 1));
		f->collects = draw(8) & ~(1u << (f->owner - 1)) & ~f->delegates;
		if (f->class != 0x10)
			continue;
		f->views = draw(3);
		f->view[0] = (struct policy_view){ 0x4010, draw(2) ? VIEW_PLAIN : VIEW_M5_YEAR };
		f->view[1] = (struct policy_view){ 0x4011, VIEW_PLAIN };
		if (f->views == 1 && draw(2))
			f->view[0].class = 0x4011;
	}
}

/* Some right that the rules allow; a writer of the class with views gets these too. */
static void make_rights(struct policy_role *role)
{
	static const uint8_t rights[] = { 0, 0, RIGHT_READ, RIGHT_REVEAL, RIGHT_READ | RIGHT_REVEAL, RIGHT_READ | RIGHT_WRITE,
		RIGHT_REVEAL | RIGHT_WRITE, RIGHT_WRITE_ONLY, RIGHT_GRANT, RIGHT_GRANT | RIGHT_READ | RIGHT_WRITE };

	for (unsigned i = 0; i < 3; i++)
		role->rights[i] = rights[draw(sizeof(rights))];
	for (unsigned i = 3; i < CLASSES; i++)
		role->rights[i] = draw(2) || (role->rights[0] & RIGHT_WRITE) != 0 ? RIGHT_READ : 0;
}

/* Limits only where the rules let them stand. */
static void make_limits(struct policy_role *role)
{
	bool reads = false;

	for (unsigned i = 0; i < CLASSES; i++)
		reads |= (role->rights[i] & (RIGHT_READ | RIGHT_REVEAL)) != 0;
	role->approval = reads && draw(2);
	role->bulk_records = role->bulk_hours = reads && draw(2) ? 20 : 0;
	role->area = reads && draw(2);
}

static bool holds_field(const struct policy_field *f, uint16_t class)
{
	for (unsigned i = 0; i < f->views; i++)
		if (f->view[i].class == class)
			return true;
	return f->class == class;
}

static void make_roles(struct world *w)
{
	static const char *const names[ROLES] = { "k", "l", "m", "n" };
	struct policy_role *role;

	for (unsigned i = 0; i < ROLES; i++) {
		role = &w->role[i];
		fixture_role(role, (uint16_t)(i * 2 + 2), names[i], 1, draw(7) + 1);
		role->department = (uint16_t)(draw(DEPARTMENTS) + 1);
		role->acts = (uint8_t)draw(16);
		make_rights(role);
		make_limits(role);
		role->except = w->except[i];
		for (unsigned c = 0; c < CLASSES; c++)
			for (unsigned j = 0; j < FIELDS; j++)
				if (role->rights[c] != 0 && holds_field(&w->field[j], w->class[c].id) && draw(5) == 0)
					w->except[i][role->excepts++] =
					    (struct policy_except){ w->class[c].id, w->field[j].id };
	}
}

static void make_world(struct world *w)
{
	static const uint16_t ids[CLASSES] = { 0x10, 0x20, 0x30, 0x4010, 0x4011 };
	static const char *const names[CLASSES] = { "p", "q", "r", "p.x", "p.y" }, *const words[] = { "x", "y", "z" };

	memset(w, 0, sizeof(*w));
	for (unsigned i = 0; i < DEPARTMENTS; i++)
		w->department[i] = (struct policy_department){ (uint16_t)(i + 1), words[i], LABEL };
	for (unsigned i = 0; i < PURPOSES; i++)
		w->purpose[i] = (struct policy_purpose){ (uint16_t)(i + 3), words[i], LABEL, false };
	for (unsigned i = 0; i < CLASSES; i++)
		w->class[i] = (struct policy_class){ .id = ids[i], .name = names[i], .label = LABEL, .legal = "", .level = 3,
			.hidden = ids[i] == 0x30 };
	make_fields(w);
	make_roles(w);
	w->field[FIELDS - 2].shape =
	    (struct policy_shape){ .type = VALUE_CODE, .max_length = 12, .validator = VALID_V8_DIVISION };
	w->field[FIELDS - 2].is_area = true;
	w->s = (struct policy_source){ "w", 1, DEPARTMENTS, PURPOSES, CLASSES, FIELDS, 0, ROLES, w->department, w->purpose,
		w->class, w->field, NULL, w->role, { 0 } };
}

/* ---- the rules, told once more ---------------------------------------------------------------------------------- */

/*
 * The policy as a flat list of permissions: role R may do a thing (one right bit) with field F, for purpose P, through
 * class C. Whatever is not in the list is denied; barred ones are there only to name the reason.
 */
struct line {
	uint16_t role, class, department;
	unsigned field;
	int purpose;
	uint8_t right;
	bool barred;	/* by an exception */
};

struct lines {
	struct line line[ROLES * CLASSES * FIELDS * PURPOSES * 5];
	size_t n;
};

static bool barred(const struct policy_role *role, uint16_t class, uint16_t field)
{
	bool b = false;

	for (unsigned i = 0; i < role->excepts; i++)
		b |= role->except[i].class == class && role->except[i].field == field;
	return b;
}

static void write_lines(const struct world *w, struct lines *all)
{
	all->n = 0;
	for (unsigned r = 0; r < ROLES; r++)
		for (unsigned c = 0; c < CLASSES; c++)
			for (unsigned f = 0; f < FIELDS; f++)
				for (int p = 0; p < PURPOSES; p++)
					for (unsigned bit = 0; bit < 5; bit++) {
						if (!(w->role[r].rights[c] >> bit & 1) || !holds_field(&w->field[f], w->class[c].id) ||
						    !(w->role[r].purposes >> p & 1) || !(w->field[f].purposes >> p & 1))
							continue;
						all->line[all->n++] = (struct line){ w->role[r].id, w->class[c].id,
							w->role[r].department, f, p, (uint8_t)(1u << bit),
							barred(&w->role[r], w->class[c].id, w->field[f].id) };
					}
}

static bool is_of(const struct policy_subject *who, uint16_t role)
{
	bool of = false;

	for (unsigned i = 0; i < who->role_count; i++)
		of |= who->roles[i] == role;
	return of;
}

enum found { NOTHING, BARRED, OPEN };

/* What the list says of a field through a class; role 0 stands for any of the subject's. */
static enum found look(const struct lines *all, const struct policy_subject *who, uint16_t role, unsigned field,
    uint16_t class, uint8_t right)
{
	enum found found = NOTHING;
	const struct line *l;

	for (size_t i = 0; i < all->n; i++) {
		l = &all->line[i];
		if (l->field != field || l->class != class || l->right != right || l->purpose != who->purpose ||
		    !is_of(who, l->role) || (role != 0 && role != l->role))
			continue;
		if (!l->barred)
			return OPEN;
		found = BARRED;
	}
	return found;
}

/* No other role that may do the same is asked less: approval weighs most, then area, then budget. */
static void check_least(const struct world *w, const struct lines *all, const struct policy_subject *who, uint16_t role,
    unsigned field, uint16_t class, uint8_t right, const bool may[ROLES])
{
	const struct policy_role *got = NULL, *other;

	for (unsigned r = 0; r < ROLES; r++)
		if (w->role[r].id == role)
			got = &w->role[r];
	assert_non_null(got);
	for (unsigned r = 0; r < ROLES; r++) {
		other = &w->role[r];
		if (!may[r] || look(all, who, other->id, field, class, right) != OPEN)
			continue;
		assert_true(got->approval <= other->approval);
		if (got->approval == other->approval)
			assert_true(got->area <= other->area);
		if (got->approval == other->approval && got->area == other->area)
			assert_true(got->bulk_records <= other->bulk_records);
	}
}

/* Purposes alone: the reason, or DECIDE_YES. */
static enum decision_reason purposes_say(const struct world *w, const struct policy_subject *who, unsigned field)
{
	bool acts = false;

	for (unsigned r = 0; r < ROLES; r++)
		acts |= is_of(who, w->role[r].id) && who->purpose >= 0 && (w->role[r].purposes >> who->purpose & 1);
	if (!acts)
		return DECIDE_NO_PURPOSE_ROLE;
	return w->field[field].purposes >> who->purpose & 1 ? DECIDE_YES : DECIDE_NO_PURPOSE_FIELD;
}

static const bool any_role[ROLES] = { true, true, true, true };

/* The classes through which a read may come, the least first. */
static unsigned ways(const struct policy_field *f, bool clear, uint16_t *ret)
{
	unsigned n = 0;

	if (clear || f->views == 0) {
		ret[n++] = f->class;
		return n;
	}
	for (; n < f->views; n++)
		ret[n] = f->view[n].class;
	return n;
}

static void check_read(const struct world *w, const struct lines *all, const struct policy *p,
    const struct policy_subject *who, unsigned field, bool clear)
{
	const struct policy_field *f = &w->field[field];
	struct read_decision d = policy_decide_read(p, who, policy_field(p, field), clear);
	enum found any = NOTHING, found, seen = NOTHING;
	uint16_t way[POLICY_VIEWS + 1], class = 0;
	unsigned n = ways(f, clear, way);

	assert_int_equal(d.hidden, f->class == 0x30);
	if (purposes_say(w, who, field) != DECIDE_YES) {
		assert_int_equal(d.reason, purposes_say(w, who, field));
		assert_int_equal(d.role, 0);
		return;
	}
	for (unsigned i = 0; i < n && class == 0; i++) {
		found = look(all, who, 0, field, way[i], clear ? RIGHT_REVEAL : RIGHT_READ);
		any = found > any ? found : any;
		class = found == OPEN ? way[i] : 0;
	}
	for (unsigned i = 0; i <= f->views; i++) {
		found = look(all, who, 0, field, i < f->views ? f->view[i].class : f->class, RIGHT_READ);
		seen = found > seen ? found : seen;
	}
	if (class != 0) {
		assert_int_equal(d.reason, DECIDE_YES);
		assert_int_equal(d.class, class);
		assert_int_equal(look(all, who, d.role, field, class, clear ? RIGHT_REVEAL : RIGHT_READ), OPEN);
		check_least(w, all, who, d.role, field, class, clear ? RIGHT_REVEAL : RIGHT_READ, any_role);
		assert_int_equal(d.masked, class != f->class && f->view[f->view[0].class == class ? 0 : 1].op != VIEW_PLAIN);
		return;
	}
	assert_int_equal(d.role, 0);
	assert_int_equal(d.class, f->class);
	assert_false(d.masked);
	assert_int_equal(
	    d.reason, any == BARRED ? DECIDE_EXCEPTED : clear && seen == OPEN ? DECIDE_NO_REVEAL : DECIDE_NO_RIGHT);
}

static bool department_may(const struct policy_field *f, uint16_t department, bool creating)
{
	if (department == f->owner || (f->delegates >> (department - 1) & 1))
		return true;
	return creating && (f->collects >> (department - 1) & 1);
}

static void check_write(const struct world *w, const struct lines *all, const struct policy *p,
    const struct policy_subject *who, unsigned field, bool creating)
{
	const struct policy_field *f = &w->field[field];
	struct write_decision d = policy_decide_write(p, who, policy_field(p, field), creating);
	enum decision_reason want = purposes_say(w, who, field);
	bool open = false, drop = false, bar = false, owner = false, may[ROLES];
	const struct line *l;

	for (unsigned r = 0; r < ROLES; r++)
		owner |= is_of(who, w->role[r].id) && who->purpose >= 0 && (w->role[r].purposes >> who->purpose & 1) &&
		    department_may(f, w->role[r].department, creating);
	for (size_t i = 0; i < all->n; i++) {
		l = &all->line[i];
		if (l->field != field || l->class != f->class || l->purpose != who->purpose || !is_of(who, l->role) ||
		    !department_may(f, l->department, creating) || (l->right & (RIGHT_WRITE | RIGHT_WRITE_ONLY)) == 0)
			continue;
		bar |= l->barred;
		open |= !l->barred && l->right == RIGHT_WRITE;
		drop |= !l->barred && l->right == RIGHT_WRITE_ONLY;
	}
	if (want == DECIDE_YES && !open && !drop)
		want = !owner ? DECIDE_NOT_OWNER : bar ? DECIDE_EXCEPTED : DECIDE_NO_RIGHT;
	assert_int_equal(d.reason, want);
	if (want != DECIDE_YES) {
		assert_int_equal(d.role, 0);
		return;
	}
	assert_int_equal(d.write_only, !open);
	assert_int_equal(look(all, who, d.role, field, f->class, open ? RIGHT_WRITE : RIGHT_WRITE_ONLY), OPEN);
	for (unsigned r = 0; r < ROLES; r++)
		may[r] = department_may(f, w->role[r].department, creating);
	check_least(w, all, who, d.role, field, f->class, open ? RIGHT_WRITE : RIGHT_WRITE_ONLY, may);
}

/* Reading and writing aside: who approves a grant, who has an act. */
static void check_rest(
    const struct world *w, const struct lines *all, const struct policy *p, const struct policy_subject *who)
{
	uint16_t got;
	bool has;

	for (unsigned i = 0; i < FIELDS; i++) {
		got = policy_decide_grant(p, who, policy_field(p, i));
		/* The field's own purposes are asked when the grant is read; here the role's alone. */
		if (purposes_say(w, who, i) == DECIDE_YES)
			assert_int_equal(got != 0, look(all, who, 0, i, w->field[i].class, RIGHT_GRANT) == OPEN);
		assert_true(got == 0 || is_of(who, got));
	}
	for (uint8_t act = ACT_ASSIGN; act <= ACT_RECEIPT; act = (uint8_t)(act << 1)) {
		has = false;
		for (unsigned r = 0; r < ROLES; r++)
			has |= is_of(who, w->role[r].id) && (w->role[r].acts & act) != 0 &&
			    (who->purpose < 0 || (w->role[r].purposes >> who->purpose & 1));
		got = policy_decide_act(p, who, act);
		assert_int_equal(got != 0, has);
		assert_true(got == 0 || is_of(who, got));
	}
}

/* ---- tests ------------------------------------------------------------------------------------------------------ */

static struct policy *decode_world(const struct world *w)
{
	struct policy_fault fault;
	struct policy *p = NULL;
	struct buf doc;
	int r;

	buf_init(&doc, POLICY_DOCUMENT_MAX);
	assert_int_equal(policy_encode(&w->s, &doc), 0);
	if ((r = policy_decode_explain(doc.p, doc.n, &p, &fault)) != 0)
		fail_msg("world refused: %d %s", r, r == CV_ERR_INVALID ? fault.text : "");
	buf_free(&doc);
	return p;
}

/* Every set of roles, in an order that is drawn, for every purpose and none, every field, both views, both writes. */
static void what_no_line_allows_is_denied_and_what_one_allows_is_not(void **state)
{
	static struct lines all;
	struct policy_subject who;
	uint16_t roles[ROLES + 1];
	struct world w;
	struct policy *p;

	(void)state;
	seed = 20261124;
	for (unsigned round = 0; round < POLICIES; round++) {
		make_world(&w);
		p = decode_world(&w);
		write_lines(&w, &all);
		for (unsigned set = 0; set < 1u << ROLES; set++) {
			who = (struct policy_subject){ roles, 0, -1 };
			if (draw(4) == 0)
				roles[who.role_count++] = 99;	/* a role that the policy does not know */
			for (unsigned r = 0; r < ROLES; r++)
				if (set >> r & 1)
					roles[who.role_count++] = w.role[set % 3 == 0 ? ROLES - 1 - r : r].id;
			for (who.purpose = -1; who.purpose < PURPOSES; who.purpose++) {
				for (unsigned f = 0; f < FIELDS * 4; f++) {
					check_read(&w, &all, p, &who, f / 4, f % 2 == 1);
					check_write(&w, &all, p, &who, f / 4, f % 2 == 1);
				}
				check_rest(&w, &all, p, &who);
			}
		}
		policy_free(p);
	}
}

/* All areas of at most three digits out of two, member's and record's. */
static void areas_fit_if_one_begins_with_the_other(void **state)
{
	char a[4], b[4];
	size_t n, m;
	bool want;

	(void)state;
	for (unsigned i = 0; i < 15; i++)
		for (unsigned j = 0; j < 15; j++) {
			n = m = 0;
			for (unsigned v = i + 1; v > 1; v /= 2)
				a[n++] = (char)('0' + v % 2);
			for (unsigned v = j + 1; v > 1; v /= 2)
				b[m++] = (char)('0' + v % 2);
			a[n] = b[m] = '\0';
			want = strstr(a, b) == a || strstr(b, a) == b;
			assert_int_equal(policy_area_fits(a, n, b, m), want);
		}
	assert_true(policy_area_fits("330106001", 9, "3301", 4));
	assert_false(policy_area_fits("330106001", 9, "330106002", 9));
}

static void nobody_writes_a_predicate(void **state)
{
	static const uint16_t doctor = ROLE_DOCTOR;
	static const char *const codes[] = { "1" };
	const struct policy_member members[] = { { "as_of", LABEL, { .type = VALUE_DATE, .max_length = 10 } },
		{ "value", LABEL, { .type = VALUE_BOOL, .max_length = 1 } },
		{ "version", LABEL, { .type = VALUE_INTEGER, .max_length = 8 } } };
	struct policy_subject who = { &doctor, 1, PURPOSE_TREAT };
	struct policy *p = NULL;
	struct fixture x;
	struct buf doc;

	(void)state;
	fixture_init(&x);
	x.role[0].acts = ACT_JOB;
	x.field[FIELD_NOTE].shape =
	    (struct policy_shape){ .type = VALUE_GROUP, .max_length = 128, .member_count = 3, .members = members };
	x.field[FIELD_NOTE].predicate = (struct policy_predicate){
		.rule = PREDICATE_ALL_IN, .inputs = 1, .input = { 4 }, .code_count = 1, .codes = codes };
	fixture_encode(&x, &doc);
	assert_int_equal(policy_decode(doc.p, doc.n, &p), 0);
	assert_int_equal(policy_decide_write(p, &who, policy_field(p, FIELD_NOTE), true).reason, DECIDE_NO_RIGHT);
	assert_int_equal(policy_decide_read(p, &who, policy_field(p, FIELD_NOTE), false).reason, DECIDE_YES);
	assert_int_equal(policy_decide_write(p, &who, policy_field(p, FIELD_VISITS), true).reason, DECIDE_YES);
	policy_free(p);
	buf_free(&doc);
}

static void purposes_that_the_law_forbids_are_known(void **state)
{
	(void)state;
	assert_true(policy_purpose_prohibited("fundraising", 11));
	assert_true(policy_purpose_prohibited("live_commerce", 13));
	assert_true(policy_purpose_prohibited("publicity_traffic", 17));
	assert_false(policy_purpose_prohibited("fundraisin", 10));
	assert_false(policy_purpose_prohibited("visit", 5));
	assert_false(policy_purpose_prohibited("", 0));
}

static void reasons_have_words(void **state)
{
	(void)state;
	for (int i = DECIDE_YES; i < DECIDE_REASONS; i++)
		assert_true(strlen(decision_text((enum decision_reason)i)) > 3);
	assert_string_equal(decision_text(DECIDE_REASONS), "unknown reason");
	assert_string_equal(decision_text(DECIDE_ALREADY_DECIDED), "this was decided before");
	assert_string_equal(decision_text(DECIDE_NO_REVEAL), "no active role may reveal the field's class");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_no_line_allows_is_denied_and_what_one_allows_is_not),
		cmocka_unit_test(areas_fit_if_one_begins_with_the_other),
		cmocka_unit_test(nobody_writes_a_predicate),
		cmocka_unit_test(purposes_that_the_law_forbids_are_known),
		cmocka_unit_test(reasons_have_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
