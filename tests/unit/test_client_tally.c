/* tools: what is counted of entries of the log, and what of a month is an item. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "audit_tally.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "format/leaf.h"
#include "format/message.h"

#define MONDAY 20787u		/* 2026-11-30 */
#define HOUR(day, h) (((uint64_t)(day) * 24 + (h)) * HOUR_MS)

static const struct tally_rules rules = { .zone_minutes = 480, .from_minute = 480, .to_minute = 1080, .many_children = 3,
    .many_refusals = 2,
	.emergency = 12 };

static struct act access_of(uint64_t index, uint32_t epoch, uint64_t ms, uint8_t who, uint64_t child)
{
	struct act a = { .index = index, .time_ms = ms, .epoch = epoch, .kind = LEAF_READ, .known = true, .role = 3, .department = 1,
		.purpose = 4, .fields = 2, .view = 1 };

	memset(a.principal, who, 16);
	be64_put(a.child, child);
	return a;
}

static void add(struct tally *t, struct act a) { tally_add(t, &a, NULL, 0); }

static void hours_are_those_of_the_place(void **state)
{
	struct tally_rules west = rules;

	(void)state;
	assert_true(tally_in_hours(&rules, HOUR(MONDAY, 0)));		/* 08:00 there */
	assert_true(tally_in_hours(&rules, HOUR(MONDAY, 10) - 1));
	assert_false(tally_in_hours(&rules, HOUR(MONDAY, 10)));		/* 18:00 */
	assert_false(tally_in_hours(&rules, HOUR(MONDAY, 0) - 1));
	assert_true(tally_in_hours(&rules, HOUR(MONDAY + 4, 5)));	/* Friday */
	assert_false(tally_in_hours(&rules, HOUR(MONDAY + 5, 5)));
	assert_false(tally_in_hours(&rules, HOUR(MONDAY + 6, 5)));
	west.zone_minutes = -480;
	assert_false(tally_in_hours(&west, HOUR(MONDAY, 15)));
	assert_true(tally_in_hours(&west, HOUR(MONDAY, 16)));
	assert_false(tally_in_hours(&west, HOUR(MONDAY, 3)));		/* Sunday evening there */
	assert_true(tally_in_hours(&west, HOUR(4, 20)));		/* the first Monday of all */
}

static void children_count_once_a_day_and_person(void **state)
{
	struct tally t;

	(void)state;
	assert_true(tally_begin(&t, &rules));
	for (uint64_t i = 0; i < 10; i++)
		add(&t, access_of(i, 0, HOUR(MONDAY, 1), 1, 1 + i % 5));
	for (uint64_t i = 10; i < 14; i++)
		add(&t, access_of(i, 0, HOUR(MONDAY, 1), 2, 1 + i % 2));
	add(&t, access_of(14, 1, HOUR(MONDAY + 1, 1), 1, 1));
	add(&t, access_of(15, 1, HOUR(MONDAY + 1, 1), 1, 0));	/* about no child */
	assert_int_equal(t.person_day_count, 3);
	assert_int_equal(t.person_days[0].children, 5);
	assert_int_equal(t.person_days[1].children, 2);
	assert_int_equal(t.person_days[2].children, 1);
	assert_int_equal(t.people[0].children, 6);
	assert_int_equal(t.people[0].most_children, 5);
	assert_int_equal(t.people[0].days, 2);
	assert_int_equal(t.days[0].n[ACT_READ], 14);
	assert_int_equal(t.group[ACT_READ], 16);
	assert_false(t.poor);
	tally_free(&t);
}

static void each_kind_is_of_one_group(void **state)
{
	static const struct {
		uint8_t kind, view;
		enum act_group group;
	} known[] = { { LEAF_READ, 1, ACT_READ }, { LEAF_READ, 2, ACT_CLEAR }, { LEAF_REVEAL, 0, ACT_CLEAR }, { LEAF_HISTORY, 1, ACT_READ },
		{ LEAF_HISTORY, 2, ACT_CLEAR }, { LEAF_CREATE, 0, ACT_CHANGE }, { LEAF_PATCH, 0, ACT_CHANGE }, { LEAF_LIST, 0, ACT_LISTED },
		{ LEAF_REFUSED, 2, ACT_REFUSED }, { LEAF_AUDIT_READ, 0, ACT_OTHER }, { LEAF_SEGMENT, 0, ACT_OTHER }, { 200, 0,
		ACT_OTHER } };

	(void)state;
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		struct act a = { .kind = known[i].kind, .view = known[i].view };

		assert_int_equal(act_group(&a), known[i].group);
	}
}

static void refusals_emergencies_and_hours_are_told_by_day(void **state)
{
	struct tally t;
	struct act a;

	(void)state;
	assert_true(tally_begin(&t, &rules));
	for (uint64_t i = 0; i < 4; i++) {
		a = access_of(i, 0, HOUR(MONDAY, 2), 7, 9);
		a.kind = LEAF_REFUSED;
		a.outcome = i < 3 ? OUTCOME_REASON + 11 : PROBLEM_INTEGRITY;
		add(&t, a);
	}
	a = access_of(4, 0, HOUR(MONDAY, 12), 7, 9);	/* 20:00 */
	a.purpose = 12;
	a.kind = LEAF_REVEAL;
	add(&t, a);
	a.index = 5;
	add(&t, a);
	assert_int_equal(t.person_day_count, 1);
	assert_int_equal(t.person_days[0].elsewhere, 3);
	assert_int_equal(t.person_days[0].first_elsewhere, 0);
	assert_int_equal(t.person_days[0].last_elsewhere, 2);
	assert_int_equal(t.person_days[0].n[ACT_REFUSED], 4);
	assert_int_equal(t.person_days[0].last_refused, 3);
	assert_int_equal(t.person_days[0].late, 2);
	assert_int_equal(t.person_days[0].late_clear, 2);
	assert_int_equal(t.person_days[0].emergency, 2);
	assert_int_equal(t.person_days[0].first_emergency, 4);
	assert_int_equal(t.integrity, 1);
	assert_int_equal(t.hours[20], 2);
	assert_int_equal(t.late, 2);
	assert_int_equal(t.note_count, 1);	/* damaged data */
	tally_free(&t);
}

static void quiet_days_stand_between_others(void **state)
{
	struct tally t;

	(void)state;
	assert_true(tally_begin(&t, &rules));
	add(&t, access_of(0, 5, HOUR(MONDAY, 1), 1, 1));
	add(&t, access_of(1, 9, HOUR(MONDAY + 4, 1), 1, 1));
	assert_int_equal(t.day_count, 5);
	assert_int_equal(t.days[4].epoch, 9);
	assert_int_equal(t.days[2].n[ACT_READ], 0);
	tally_free(&t);
}

/* Entries of others' segments, and clear ones, are counted by kind and day alone. */
static void what_is_not_opened_has_no_person(void **state)
{
	static const uint8_t start[] = { 1, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 9, 0 };
	struct act a = access_of(0, 0, HOUR(MONDAY, 1), 1, 1);
	struct tally t;

	(void)state;
	assert_true(tally_begin(&t, &rules));
	a.known = false;
	add(&t, a);
	a.kind = LEAF_START;
	tally_add(&t, &a, start, sizeof start);
	assert_int_equal(t.sealed, 1);
	assert_int_equal(t.people_count, 0);
	assert_int_equal(t.group[ACT_READ], 1);
	assert_int_equal(t.cut_starts, 1);
	assert_int_equal(t.cut_bytes, 9);
	assert_int_equal(t.note_count, 1);
	tally_free(&t);
}

/* Against a count that keeps everything: many people, days and children, in the order of a log. */
static void counts_agree_with_a_plain_count(void **state)
{
	enum { PEOPLE = 37, DAYS = 20, CHILDREN = 300 };
	static uint8_t met[PEOPLE][CHILDREN];
	uint64_t seed = 1, index = 0, children[PEOPLE] = { 0 };
	struct tally t;

	(void)state;
	assert_true(tally_begin(&t, &rules));
	for (uint32_t day = 0; day < DAYS; day++) {
		memset(met, 0, sizeof met);
		for (unsigned i = 0; i < 3000; i++) {
			unsigned who, child;

			seed = seed * 6364136223846793005u + 1442695040888963407u;
			who = (unsigned)(seed >> 33) % PEOPLE;
			child = (unsigned)(seed >> 40) % CHILDREN;
			children[who] += met[who][child] == 0;
			met[who][child] = 1;
			add(&t, access_of(index++, day, HOUR(MONDAY + day, 1), (uint8_t)(who + 1), ((uint64_t)child + 1) << 20 | day));
		}
	}
	assert_int_equal(t.people_count, PEOPLE);
	assert_int_equal(t.day_count, DAYS);
	for (unsigned who = 0; who < PEOPLE; who++) {
		uint8_t id[16];

		memset(id, (int)who + 1, 16);
		assert_non_null(tally_person(&t, id));
		assert_int_equal(tally_person(&t, id)->children, children[who]);
	}
	tally_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hours_are_those_of_the_place),
		cmocka_unit_test(children_count_once_a_day_and_person),
		cmocka_unit_test(each_kind_is_of_one_group),
		cmocka_unit_test(refusals_emergencies_and_hours_are_told_by_day),
		cmocka_unit_test(quiet_days_stand_between_others),
		cmocka_unit_test(what_is_not_opened_has_no_person),
		cmocka_unit_test(counts_agree_with_a_plain_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
