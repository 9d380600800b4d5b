/*
 * profile: nobody pieces an identity number together. policy_check counts digits; here a role's views of random people are made
 * with the view operators themselves, and every number that would give the same views is looked for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "model/source.h"
#include "profile/profile.h"

#define CHILD_WELFARE "profiles/child-welfare.yaml"
#define TODAY clock_days(2026, 11, 25)
#define LEAST 40u		/* FORMAT.md 11.2, rule 6 */
#define PEOPLE 10
#define SEEN_MAX 64

/* One view that a role can open. */
struct seen {
	const struct policy_field *field;
	enum view_op op;
};
struct role_view {
	struct seen seen[SEEN_MAX];
	unsigned n;
	bool number;		/* a number stands in clear: there is nothing to rebuild */
	bool masked;		/* and some of one is shown */
};

static uint32_t seed = 20261125;

static uint32_t any(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

/* A person as far as the number goes. Division, type and level are known to everybody here. */
struct person {
	int32_t day;
	unsigned sequence;
};

static void number_of(const struct person *who, char ret[19])
{
	static const unsigned weight[17] = { 7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2 };
	unsigned month, day, sum = 0;
	int year;

	clock_date(who->day, &year, &month, &day);
	(void)snprintf(ret, 19, "410122%04u%02u%02u%03u", (unsigned)year % 10000, month % 100, day % 100, who->sequence % 1000);
	for (size_t i = 0; i < 17; i++)
		sum += (unsigned)(ret[i] - '0') * weight[i];
	ret[17] = "10X98765432"[sum % 11];
	ret[18] = '\0';
}

/* What a field tells of who; false: nothing that depends on the number. */
static bool value_of(const struct policy_field *f, const struct person *who, char ret[24])
{
	char id[19];

	number_of(who, id);
	switch (f->validator) {
	case VALID_V3_ID_NO:
		(void)snprintf(ret, 24, "%s", id);
		return true;
	case VALID_V11_DISABILITY_CERT:
		(void)snprintf(ret, 24, "%s42", id);
		return true;
	case VALID_V14_STUDENT_NO:
		(void)snprintf(ret, 24, "G%s", id);
		return true;
	case VALID_V5_BIRTH_DATE:
		(void)snprintf(ret, 24, "%.4s-%.2s-%.2s", id + 6, id + 10, id + 12);
		return true;
	case VALID_V4_SEX:
		(void)snprintf(ret, 24, "%u", who->sequence % 2 != 0 ? 1u : 2u);
		return true;
	default:
		return false;
	}
}

/* What the view shows of who, on TODAY. */
static void look(const struct seen *s, const struct person *who, struct buf *scratch, struct value *ret)
{
	char text[24] = "";
	struct value v = { s->field->type, (const uint8_t *)text, 0 }, stored;

	assert_true(value_of(s->field, who, text));
	v.n = strlen(text);
	buf_reset(scratch);
	view_project(s->op, &s->field->shape, &v, scratch, &stored);
	if (stored.p == v.p)	/* a copy: text goes with this function */
		buf_put(scratch, stored.p, stored.n), stored.p = scratch->p;
	*ret = stored;
	if (s->op == VIEW_M5B_BIRTH_QUARTER) {
		assert_int_equal(buf_reserve(scratch, 32), 0);
		view_present(s->op, &stored, TODAY, scratch, ret);
	}
}

static bool same_view(const struct seen *s, const struct person *a, const struct person *b)
{
	struct buf x, y;
	struct value v, w;
	bool same;

	buf_init(&x, 256);
	buf_init(&y, 256);
	look(s, a, &x, &v);
	look(s, b, &y, &w);
	same = v.type == w.type && v.n == w.n && (v.n == 0 || memcmp(v.p, w.p, v.n) == 0);
	buf_free(&x);
	buf_free(&y);
	return same;
}

static bool fits(const struct role_view *r, const struct person *who, const struct person *other, bool birth_only)
{
	for (unsigned i = 0; i < r->n; i++)
		if ((r->seen[i].field->validator == VALID_V5_BIRTH_DATE || !birth_only) && !same_view(&r->seen[i], who, other))
			return false;
	return true;
}

/* Numbers of people born in the days first to last who look like who; counting ends at most. */
static unsigned candidates(const struct role_view *r, const struct person *who, int32_t first, int32_t last, unsigned most)
{
	unsigned n = 0;

	for (int32_t day = first; day <= last && n < most; day++) {
		struct person other = { day, 0 };

		if (!fits(r, who, &other, true))
			continue;
		for (other.sequence = 0; other.sequence < 1000 && n < most; other.sequence++)
			if (fits(r, who, &other, false))
				n++;
	}
	return n;
}

static void see(struct role_view *r, const struct policy_field *f, enum view_op op)
{
	const struct person nobody = { 0, 0 };
	bool number = f->validator == VALID_V3_ID_NO || f->validator == VALID_V11_DISABILITY_CERT || f->validator == VALID_V14_STUDENT_NO;
	char text[24];

	if (!value_of(f, &nobody, text))
		return;
	assert_true(r->n < SEEN_MAX);
	r->seen[r->n++] = (struct seen){ f, op };
	r->number = r->number || (number && op == VIEW_PLAIN);
	r->masked = r->masked || (number && op != VIEW_PRESENT);
}

static struct role_view role_view_of(const struct policy *p, const struct policy_role *role, const char *about)
{
	struct role_view r = { .n = 0 };

	for (unsigned i = 0; i < policy_fields(p); i++) {
		const struct policy_field *f = policy_field(p, i);

		if (strcmp(f->about, about) != 0)
			continue;
		if (rights_hold_key(role->rights[policy_class_position(p, f->class)]))
			see(&r, f, VIEW_PLAIN);
		for (unsigned j = 0; j < f->views; j++)
			if (rights_hold_key(role->rights[policy_class_position(p, f->view[j].class)]))
				see(&r, f, f->view[j].op);
	}
	return r;
}

static struct policy *compile(void)
{
	struct profile_error error = { 0, 0, "" };
	struct policy *p = NULL;
	struct buf doc;

	buf_init(&doc, POLICY_DOCUMENT_MAX);
	if (profile_compile(CHILD_WELFARE, &doc, &error) != 0)
		fail_msg("%s:%u:%u: %s", CHILD_WELFARE, error.line, error.column, error.text);
	assert_int_equal(policy_decode(doc.p, doc.n, &p), 0);
	buf_free(&doc);
	return p;
}

/* Each role, with all its classes at once, over everybody a file speaks of. */
static void no_role_rebuilds_a_number(void **state)
{
	struct policy *p = compile();
	unsigned checked = 0, n;

	(void)state;
	for (unsigned i = 0; i < policy_roles(p); i++)
		for (unsigned j = 0; j < policy_fields(p); j++) {
			const struct policy_field *f = policy_field(p, j);
			struct role_view r;

			if (f->validator != VALID_V3_ID_NO)
				continue;
			r = role_view_of(p, policy_role(p, i), f->about);
			if (r.number || !r.masked)
				continue;
			checked++;
			for (int k = 0; k < PEOPLE; k++) {
				struct person who = { TODAY - 1 - (int32_t)any(6569), any(1000) };

				n = candidates(&r, &who, TODAY - 6570, TODAY, LEAST);
				if (n < LEAST)
					fail_msg("role %s: %u numbers of %s look alike", policy_role(p, i)->name, n, f->name);
			}
		}
	assert_in_range(checked, 3, 1000);
	policy_free(p);
}

/* The search finds what there is to find: masks that do rebuild a number, and the narrowest that may stand together. */
static void the_search_tells_masks_apart(void **state)
{
	static const struct policy_field number = { .name = "number", .type = VALUE_TEXT, .validator = VALID_V3_ID_NO },
		born = { .name = "born", .type = VALUE_DATE, .validator = VALID_V5_BIRTH_DATE },
		sex = { .name = "sex", .type = VALUE_CODE, .validator = VALID_V4_SEX };
	struct role_view tail = { .n = 0 }, head = { .n = 0 };
	unsigned n;

	(void)state;
	see(&tail, &number, VIEW_M2_ID);
	see(&tail, &number, VIEW_M11_TAIL);
	see(&tail, &born, VIEW_M5_YEAR);
	see(&head, &number, VIEW_M2_ID);
	see(&head, &born, VIEW_PLAIN);
	see(&head, &sex, VIEW_PLAIN);
	for (int k = 0; k < 5; k++) {
		struct person who = { clock_days(2016, 1, 1) + (int32_t)any(365), any(1000) };

		n = candidates(&tail, &who, clock_days(2015, 12, 1), clock_days(2017, 1, 31), 1000);
		assert_in_range(n, 20, LEAST - 1);
		n = candidates(&head, &who, TODAY - 6570, TODAY, 1000);
		assert_in_range(n, LEAST, 50);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_role_rebuilds_a_number),
		cmocka_unit_test(the_search_tells_masks_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
