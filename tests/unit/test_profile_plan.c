/* profile: what a changed policy changes, line by line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/error.h"
#include "model/source.h"
#include "profile/plan.h"
#include "profile/profile.h"

#define PATIENTS "tests/profiles/patients.yaml"
#define CHILD_WELFARE "profiles/child-welfare.yaml"
#define WHOLE "tests/profiles/whole.yaml"
#define ROOM (256u * 1024)

struct swap {
	const char *from, *to;
};

/* The profile with swaps made, each of which must be found once or more; the first place is meant. */
static struct policy *compile(const char *path, const struct swap *swaps, size_t n)
{
	struct profile_error error = { 0, 0, "" };
	struct policy *p = NULL;
	struct buf yaml, next, doc;
	FILE *f = fopen(path, "rb");
	const char *at;

	buf_init(&yaml, ROOM);
	buf_init(&next, ROOM);
	buf_init(&doc, POLICY_DOCUMENT_MAX);
	assert_non_null(f);
	yaml.n = 0;
	for (int c; (c = fgetc(f)) != EOF;)
		buf_u8(&yaml, (uint8_t)c);
	(void)fclose(f);
	buf_u8(&yaml, 0);
	for (size_t i = 0; i < n; i++) {
		if ((at = strstr((const char *)yaml.p, swaps[i].from)) == NULL)
			fail_msg("%s is not in %s", swaps[i].from, path);
		buf_reset(&next);
		buf_put(&next, yaml.p, (size_t)(at - (const char *)yaml.p));
		buf_text(&next, swaps[i].to);
		buf_put(&next, at + strlen(swaps[i].from), strlen(at + strlen(swaps[i].from)) + 1);
		buf_reset(&yaml);
		buf_put(&yaml, next.p, next.n);
	}
	if (profile_compile_text((const char *)yaml.p, yaml.n - 1, &doc, &error) != 0)
		fail_msg("%s:%u:%u: %s", path, error.line, error.column, error.text);
	assert_int_equal(policy_decode(doc.p, doc.n, &p), 0);
	buf_free(&yaml);
	buf_free(&next);
	buf_free(&doc);
	return p;
}

static unsigned plan(const char *path, const struct swap *swaps, size_t n, bool chinese, const char *want)
{
	struct policy *old = compile(path, NULL, 0), *new = compile(path, swaps, n);
	unsigned asks = 0;
	struct buf text;

	buf_init(&text, ROOM);
	assert_int_equal(plan_policy(old, new, chinese, &text, &asks), 0);
	buf_u8(&text, 0);
	assert_string_equal((const char *)text.p, want);
	buf_free(&text);
	policy_free(old);
	policy_free(new);
	return asks;
}

#define PLAN(path, swaps, chinese, want) plan(path, swaps, sizeof(swaps) / sizeof((swaps)[0]), chinese, want)

static void the_same_policy_changes_nothing(void **state)
{
	static const struct swap newer[] = { { "version: 7", "version: 8" } };

	(void)state;
	assert_int_equal(plan(PATIENTS, NULL, 0, false, ""), 0);
	assert_int_equal(PLAN(PATIENTS, newer, false, ""), 0);
}

static const struct swap gains[] = {
	{ "version: 7", "version: 8" },
	/* The clerk acts for treatment too: what the class person.short shows of treatment's fields comes with it. */
	{ "purposes: [billing]\n    rights", "purposes: [billing, treatment]\n    rights" },
	/* The desk may not reveal bills any more. */
	{ "bill: [read, reveal, write]", "bill: [read, write]" },
	/* The mobile is shown in plain in the short view. */
	{ "views: [{short: m3}]", "views: [{short: plain}]" },
	/* The amount is also for treatment, which nobody has who opens bills but the clerk. */
	{ "validator: v17, zh: 应付", "validator: v17, purposes: [billing, treatment], zh: 应付" }
};

static void each_cell_that_changes_is_named(void **state)
{
	(void)state;
	assert_int_equal(PLAN(PATIENTS, gains, false,
	    "~ field mobile: other views\n"
	    "role doctor Doctor\n"
	    "  ~ mobile for treatment: reads masked by m3; reads in plain with a reason -> reads in plain; "
	    "reads in plain with a reason\n"
	    "role clerk Clerk\n"
	    "  + patient for treatment: reads masked by m1\n"
	    "  + mobile for treatment: reads in plain\n"
	    "  ~ mobile for billing: reads masked by m3 -> reads in plain\n"
	    "  + born_on for treatment: reads masked by m5b\n"
	    "  + due_amount for treatment: reads in plain; writes\n"
	    "  ~ due_amount, payer for billing: reads in plain; reads in plain with a reason; writes -> reads in plain; writes\n"
	    "! views must be made anew (childvault reproject): mobile\n"), PLAN_CHANGES | PLAN_REPROJECT);
}

static void the_same_is_told_in_chinese(void **state)
{
	(void)state;
	assert_int_equal(PLAN(PATIENTS, gains, true,
	    "~ 字段 mobile：展示方式有变\n"
	    "角色 doctor 医生\n"
	    "  ~ mobile 用于 treatment：经 m3 处理后可读；说明理由可查看明文 → 可读明文；说明理由可查看明文\n"
	    "角色 clerk 收费员\n"
	    "  + patient 用于 treatment：经 m1 处理后可读\n"
	    "  + mobile 用于 treatment：可读明文\n"
	    "  ~ mobile 用于 billing：经 m3 处理后可读 → 可读明文\n"
	    "  + born_on 用于 treatment：经 m5b 处理后可读\n"
	    "  + due_amount 用于 treatment：可读明文；可写\n"
	    "  ~ due_amount、payer 用于 billing：可读明文；说明理由可查看明文；可写 → 可读明文；可写\n"
	    "! 须重算脱敏视图（childvault reproject）：mobile\n"), PLAN_CHANGES | PLAN_REPROJECT);
}

static void new_and_gone_parts_are_named(void **state)
{
	static const struct swap swaps[] = {
		{ "version: 7", "version: 9" },
		{ "classes:\n", "  - {id: 3, name: research, zh: 研究, en: Research}\nclasses:\n" },
		{ "  - {id: 5, name: diagnosis, class: record, owner: WARD, type: text, max: 2000, zh: 诊断, en: Diagnosis}\n", "" },
		{ "  - {id: 7, name: due_amount", "  - {id: 9, name: ward_note, class: record, owner: WARD, type: text, max: 100, "
		    "zh: 记录, en: Note, purposes: [treatment, research]}\n  - {id: 7, name: due_amount" },
		{ "level: 4, zh: 病历", "level: 3, zh: 病历" },
		{ "  - {id: 3, name: kiosk, department: DESK, kind: app, zh: 自助机, en: Kiosk, purposes: [treatment], rights: {person: "
		    "[write_only]}}",
		    "  - {id: 4, name: reader, department: WARD, kind: person, zh: 读者, en: Reader, purposes: [research], acts: "
		    "[assign]}" }
	};

	(void)state;
	assert_int_equal(PLAN(PATIENTS, swaps, false,
	    "+ purpose research Research\n"
	    "~ class record: level 4 -> 3\n"
	    "+ field ward_note Note, class record, owner WARD\n"
	    "- field diagnosis Diagnosis\n"
	    "+ role reader Reader, department WARD\n"
	    "+ role reader: makes assignments\n"
	    "- role kiosk Kiosk\n"
	    "role doctor Doctor\n"
	    "  + ward_note for treatment: reads in plain; reads in plain with a reason; writes\n"
	    "  - diagnosis for treatment: reads in plain; reads in plain with a reason; writes\n"
	    "role kiosk Kiosk\n"
	    "  - patient, mobile, born_on for treatment: hands in\n"), PLAN_CHANGES);
}

static void limits_and_owners_are_named(void **state)
{
	static const struct swap swaps[] = {
		{ "version: 1", "version: 2" },
		{ "delegates: [B], collects: [D], notice: m1, statistics: present", "delegates: [D], notice: present, cadence: 3" },
		{ "    area: true\n    approval: assignment\n    bulk: {records: 20, hours: 1}\n",
		    "    area: false\n    approval: none\n" },
		{ "help: {rights: [read, write], except: [place]}", "help: [read, write]" },
		{ "codes: [X]}", "codes: [X, Y]}" },
		{ "acts: [assign, approve_bulk, approve_export]", "acts: [assign]" }
	};

	(void)state;
	assert_int_equal(PLAN(WHOLE, swaps, false,
	    "~ field yes: another predicate\n"
	    "~ field carer: other departments write in the owner's name\n"
	    "~ field carer: other departments hand it in when a file is opened\n"
	    "~ field carer: notices show m1 -> present\n"
	    "~ field carer: statistics count by present -> nothing\n"
	    "~ field carer: to be confirmed after 0 -> 3 months (0: never)\n"
	    "~ role clerk: only records of the member's area: yes -> no\n"
	    "~ role clerk: reads need an assignment or a grant: yes -> no\n"
	    "~ role clerk: at most 20 records in 1 hours -> 0 in 0 (0: no limit)\n"
	    "- role boss: approves bulk requests\n"
	    "- role boss: approves exports\n"
	    "role clerk Clerk\n"
	    "  + place for use: reads in plain; writes\n"
	    "! predicates must be computed (a job of kind predicates): yes\n"), PLAN_CHANGES | PLAN_PREDICATES);
}

static void witnesses_that_come_and_go_are_named(void **state)
{
	static const struct swap swaps[] = {
		{ "version: 1", "version: 2" },
		{ "  quorum: 2", "  quorum: 1" },
		{ "    - court.example.gov/w1+", "    # court.example.gov/w1+" },
		{ "fresh: {grant: 60, policy: 1440, erase: 525600}", "fresh: {grant: 120, keys: 60}" }
	};

	(void)state;
	assert_int_equal(PLAN(WHOLE, swaps, false,
	    "- witness court.example.gov/w1\n"
	    "~ witnesses: 2 of 2 -> 1 of 1\n"
	    "~ grant: cosigned within minutes: 60 -> 120 (0: not asked for)\n"
	    "~ policy: cosigned within minutes: 1440 -> 0 (0: not asked for)\n"
	    "~ keys: cosigned within minutes: 0 -> 60 (0: not asked for)\n"
	    "~ erase: cosigned within minutes: 525600 -> 0 (0: not asked for)\n"), PLAN_CHANGES);
}

static void keys_that_move_want_a_ceremony(void **state)
{
	static const struct swap swaps[] = {
		{ "version: 7", "version: 8" },
		{ "  - {id: 0x120, name: bill", "  - {id: 0x130, name: extra, level: 2, zh: 附, en: Extra}\n  - {id: 0x120, name: bill" },
		{ "      bill: [read, reveal, write]\n",
		    "      bill: [read, reveal, write]\n      record: [grant]\n      extra: [read]\n" },
		{ "      person: [read, reveal]\n", "" }
	};

	(void)state;
	assert_int_equal(PLAN(PATIENTS, swaps, false,
	    "+ class extra Extra, level 2\n"
	    "- role doctor: the key of class person; core refuses at once, the key itself goes when the role is rekeyed\n"
	    "role doctor Doctor\n"
	    "  ~ patient for treatment: reads masked by m1; reads in plain with a reason -> reads masked by m1\n"
	    "  ~ mobile for treatment: reads masked by m3; reads in plain with a reason -> reads masked by m3\n"
	    "  ~ born_on for treatment: reads masked by m5b; reads in plain with a reason -> reads masked by m5b\n"
	    "! a ceremony of two custodians is needed: a new class needs a key, which custodians make (extra)\n"
	    "! a ceremony of two custodians is needed: the role gains a class key, which custodians hand out (clerk, record)\n"),
	    PLAN_CHANGES | PLAN_CEREMONY);
}

static void what_two_signatures_cannot_do_is_named(void **state)
{
	static const struct swap swaps[] = {
		{ "profile: patients", "profile: others" },
		{ "{id: 6, name: allergies, class: record, owner: WARD, type: list, zh: 过敏, en: Allergies, items: {type: text, max: 100}}",
		    "{id: 6, name: allergies, class: record, owner: WARD, type: text, max: 4096, zh: 过敏, en: Allergies}" },
		{ "level: 4, zh: 病历", "level: 4, hidden: true, zh: 病历" }
	};

	(void)state;
	assert_int_equal(PLAN(PATIENTS, swaps, false,
	    "~ class record: hidden: no -> yes\n"
	    "~ field allergies: other values are accepted\n"
	    "! two signatures cannot apply this: this is another profile's policy (patients)\n"
	    "! two signatures cannot apply this: the version is not above the one in force\n"
	    "! two signatures cannot apply this: a class does not become hidden or open (record)\n"
	    "! two signatures cannot apply this: stored values do not change their type (allergies)\n"),
	    PLAN_CHANGES | PLAN_CEREMONY);
}

/* Bands are stored; what only tables count by is computed when they are made. */
static void a_changed_standard_wants_its_views_anew(void **state)
{
	static const struct swap bill[] = { { "version: 7", "version: 8" }, { "standard: 100000", "standard: 10000000000000" } };
	static const struct swap county[] = { { "standard: 1200000", "standard: 1250000" } };

	(void)state;
	assert_int_equal(PLAN(PATIENTS, bill, false, "~ field due_amount: its standard is 100000 -> 10000000000000 fen (0: none)\n"),
	    PLAN_CHANGES);
	assert_int_equal(PLAN(CHILD_WELFARE, county, false,
	    "~ field household_income: its standard is 1200000 -> 1250000 fen (0: none)\n"
	    "! views must be made anew (childvault reproject): household_income\n"
	    "! two signatures cannot apply this: the version is not above the one in force\n"),
	    PLAN_CHANGES | PLAN_REPROJECT | PLAN_CEREMONY);
	assert_int_equal(PLAN(CHILD_WELFARE, county, true,
	    "~ 字段 household_income：当地标准 1200000 → 1250000 分（0：无）\n"
	    "! 须重算脱敏视图（childvault reproject）：household_income\n"
	    "! 两人签署不能生效：版本号未高于现行版本\n"),
	    PLAN_CHANGES | PLAN_REPROJECT | PLAN_CEREMONY);
}

static void a_full_buffer_is_told(void **state)
{
	struct policy *old = compile(PATIENTS, NULL, 0), *new = compile(PATIENTS, gains, 5);
	unsigned asks = 77;
	struct buf text;

	(void)state;
	buf_init(&text, 100);
	assert_int_equal(plan_policy(old, new, false, &text, &asks), CV_ERR_NOMEM);
	assert_int_equal(asks, 77);
	buf_free(&text);
	policy_free(old);
	policy_free(new);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_policy_changes_nothing),
		cmocka_unit_test(each_cell_that_changes_is_named),
		cmocka_unit_test(the_same_is_told_in_chinese),
		cmocka_unit_test(new_and_gone_parts_are_named),
		cmocka_unit_test(limits_and_owners_are_named),
		cmocka_unit_test(witnesses_that_come_and_go_are_named),
		cmocka_unit_test(keys_that_move_want_a_ceremony),
		cmocka_unit_test(what_two_signatures_cannot_do_is_named),
		cmocka_unit_test(a_changed_standard_wants_its_views_anew),
		cmocka_unit_test(a_full_buffer_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
