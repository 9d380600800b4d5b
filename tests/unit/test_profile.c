/* profile: strict YAML to the policy document. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "model/source.h"
#include "profile/profile.h"

#define CHILD_WELFARE "profiles/child-welfare.yaml"
#define PATIENTS "tests/profiles/patients.yaml"
#define WHOLE "tests/profiles/whole.yaml"

static struct policy *compile(const char *path, struct buf *ret_doc)
{
	struct profile_error error = { 0, 0, "" };
	struct policy *p = NULL;

	buf_init(ret_doc, POLICY_DOCUMENT_MAX);
	if (profile_compile(path, ret_doc, &error) != 0)
		fail_msg("%s:%u:%u: %s", path, error.line, error.column, error.text);
	assert_int_equal(policy_decode(ret_doc->p, ret_doc->n, &p), 0);
	return p;
}

/* ---- bad profiles ---------------------------------------------------------------------------------------------- */

static const struct bad {
	const char *name;
	unsigned line, column;
	const char *text;
} bads[] = {
	{ "anchor", 4, 26, "anchors are not allowed" },
	{ "alias", 5, 26, "aliases are not allowed" },
	{ "tag", 4, 10, "tags are not allowed" },
	{ "merge-key", 5, 6, "merge keys are not allowed" },
	{ "two-documents", 26, 1, "a profile is one document" },
	{ "directive", 1, 1, "directives are not allowed" },
	{ "duplicate-key", 30, 5, "key name stands twice, first in line 28" },
	{ "quoted-key", 1, 1, "a key is a plain word" },
	{ "not-yaml", 34, 11, "did not find expected ',' or ']'" },
	{ "empty", 2, 1, "the profile is empty" },
	{ "list-root", 1, 1, "a map is expected" },
	{ "unknown-key", 31, 5, "unknown key colour" },
	{ "unknown-root-key", 3, 1, "unknown key flavour" },
	{ "missing-key", 5, 5, "name is missing" },
	{ "missing-section", 1, 1, "roles is missing" },
	{ "empty-value", 5, 22, "a value is missing" },
	{ "null-value", 5, 22, "a value is missing" },
	{ "control", 7, 31, "the text holds a control character or more than one line" },
	{ "bad-name", 7, 13, "Use! is not a name" },
	{ "bad-number", 2, 1, "a number from 1 to 99999999 is expected" },
	{ "quoted-number", 2, 1, "a number from 1 to 99999999 is expected" },
	{ "bad-bool", 7, 40, "true or false is expected" },
	{ "id-twice", 5, 5, "the id is taken by line 4" },
	{ "name-twice", 5, 5, "this name is taken: A" },
	{ "field-id-twice", 25, 5, "the id is taken by line 24" },
	{ "field-name-twice", 25, 5, "this name is taken: name" },
	{ "class-id", 17, 5, "source classes are multiples of 16 below 0x4000" },
	{ "level", 17, 30, "a number from 1 to 5 is expected" },
	{ "no-legal-reason", 17, 5, "a class of level 5 needs its legal reason" },
	{ "no-purpose", 22, 5, "a field needs a purpose" },
	{ "unknown-purpose", 14, 16, "there is no purpose abuse" },
	{ "fundraising", 14, 16, "there is no purpose use" },
	{ "prohibited", 8, 5, "this purpose is prohibited by law: live_commerce" },
	{ "unknown-owner", 25, 39, "there is no department C" },
	{ "two-owners", 25, 39, "a field has one owner" },
	{ "unknown-class", 25, 24, "there is no class persons" },
	{ "field-in-view", 25, 24, "a field stands in a source class: person.masked" },
	{ "unknown-type", 25, 49, "there is no type cod" },
	{ "unknown-validator", 24, 63, "there is no validator v18" },
	{ "wrong-validator", 25, 5, "the validator refuses a code of the list" },
	{ "unknown-codes", 25, 61, "there is no list of codes sexes" },
	{ "code-twice", 21, 7, "code 1 stands twice" },
	{ "no-codes", 25, 5, "a code needs codes or a validator" },
	{ "no-max", 23, 5, "max is missing" },
	{ "fixed-max", 24, 78, "the rule of this field fixes its length to 18 bytes" },
	{ "unknown-view", 24, 106, "there is no view m99" },
	{ "unknown-view-class", 24, 106, "there is no class person.plain" },
	{ "wrong-view", 24, 106, "this view cannot be computed from such a field: m3" },
	{ "free-text-mask", 24, 101, "this view cannot be computed from such a field: m2" },
	{ "two-in-view", 24, 105, "at most 1 entries are possible" },
	{ "unknown-kind", 30, 5, "there is no kind human" },
	{ "unknown-right", 36, 22, "there is no right erase" },
	{ "right-no-list", 36, 7, "a list is expected" },
	{ "unknown-right-class", 36, 7, "there is no class persons" },
	{ "writer-without-views", 36, 7, "a role that writes a class reads all its view classes: person.masked" },
	{ "mixed-write", 36, 7, "write_only stands alone: person" },
	{ "blind-write", 36, 7, "who writes without read or reveal has write_only: person" },
	{ "write-view", 37, 7, "a view class can only be read: person.masked" },
	{ "auditor-reads", 35, 5, "administrators, custodians and auditors hold no class" },
	{ "person-audits", 31, 5, "the audit log is read by auditors" },
	{ "masks-complete", 37, 7, "the role's views together rebuild an identity number: id_no" },
	{ "acts-app", 46, 52, "programs start jobs and are told of duplicates, persons assign and approve" },
	{ "acts-auditor", 47, 91, "administrators, custodians and auditors have no acts" },
	{ "acts-no-purpose", 48, 71, "a role with acts needs a purpose" },
	{ "acts-twice", 41, 17, "act job stands twice" },
	{ "acts-unknown", 41, 17, "there is no act approve" },
	{ "approval-auditor", 47, 91, "approval is asked of a role that reads" },
	{ "approval-nothing", 46, 52, "approval is asked of a role that reads" },
	{ "approval-word", 39, 5, "there is no approval maybe" },
	{ "area-from-no-date", 18, 117, "the day from which an area counts is a date" },
	{ "area-from-other-class", 26, 81, "no field of the same class gives the area" },
	{ "area-no-division", 18, 117, "the area comes from a field with validator v8" },
	{ "area-no-field", 38, 5, "no field gives the area of a record" },
	{ "area-nothing", 47, 91, "an area bounds a role that holds a class" },
	{ "area-twice", 25, 77, "another field gives the area already: place" },
	{ "bulk-no-hours", 40, 5, "hours is missing" },
	{ "bulk-nothing", 46, 52, "a budget bounds a role that reads" },
	{ "bulk-number", 40, 5, "a map is expected" },
	{ "bulk-zero", 40, 12, "a number from 1 to 65535 is expected" },
	{ "delegate-collects", 18, 144, "who writes the field at any time does not collect it: B" },
	{ "delegate-twice", 18, 132, "department B stands twice" },
	{ "due-no-date", 18, 117, "the due quarter comes from a date" },
	{ "except-empty", 45, 37, "no field is no entry" },
	{ "except-key", 45, 54, "unknown key also" },
	{ "except-no-rights", 45, 7, "rights is missing" },
	{ "except-other-class", 45, 7, "an exception names a field that the class does not hold: born" },
	{ "except-twice", 45, 53, "field place stands twice" },
	{ "except-unknown", 45, 53, "there is no field plaza" },
	{ "fold-no-code", 23, 122, "the field's list has no such code: Z" },
	{ "fold-no-key", 23, 114, "as is missing" },
	{ "fold-no-list", 25, 93, "only a list of codes folds one of them" },
	{ "fold-no-other", 23, 131, "the field's list has no such code: none" },
	{ "fold-open-class", 23, 142, "the field that takes the code stands in a hidden class of its own: hidden_kinds" },
	{ "fold-other-codes", 23, 142, "the field that takes the code is a list with that code: hidden_kinds" },
	{ "fold-own-class", 23, 144, "the field that takes the code stands in a hidden class of its own: hidden_kinds" },
	{ "fold-same", 23, 122, "a code is folded into another one: X" },
	{ "fold-unknown-field", 23, 142, "there is no field secret_kinds" },
	{ "grant-app", 46, 96, "grants are approved by persons: help" },
	{ "grant-view", 44, 7, "the right to grant is for source classes: person.masked" },
	{ "grant-write-only", 43, 7, "write_only stands alone: person" },
	{ "group-completes", 43, 7, "the role's views together rebuild an identity number: id_no" },
	{ "no-delegate", 18, 117, "no department is no entry" },
	{ "notice-hidden", 24, 130, "a field of a hidden class is in no notice" },
	{ "notice-misfit", 18, 117, "this view cannot be computed from such a field: m3" },
	{ "notice-number", 19, 120, "a notice shows no identity number in clear" },
	{ "notice-unknown", 18, 117, "there is no view all" },
	{ "notices-complete", 19, 120, "what notices show rebuilds an identity number: id_no" },
	{ "owner-collects", 18, 128, "who writes the field at any time does not collect it: A" },
	{ "owner-delegates", 18, 132, "the owner is no delegate of itself: A" },
	{ "predicate-code-twice", 27, 113, "code X stands twice" },
	{ "predicate-code", 27, 113, "no input can hold this code: Z" },
	{ "predicate-collected", 27, 5, "a predicate is computed, nobody hands it in" },
	{ "predicate-field-twice", 27, 101, "field kind stands twice" },
	{ "predicate-hidden", 27, 95, "what a hidden class holds is told in hidden classes only: hidden_kinds" },
	{ "predicate-no-codes", 27, 64, "all_in and any_in name codes, any_present names none" },
	{ "predicate-no-job", 27, 64, "no role with the act job opens the inputs and writes the predicate" },
	{ "predicate-of-itself", 27, 95, "a predicate is no input of another: yes" },
	{ "predicate-of-nothing", 27, 90, "a predicate is of some field" },
	{ "predicate-present-codes", 27, 64, "all_in and any_in name codes, any_present names none" },
	{ "predicate-rule", 27, 76, "there is no rule most_in" },
	{ "predicate-text", 27, 101, "an input that is compared holds codes: name" },
	{ "predicate-two-classes", 27, 95, "all inputs of a predicate stand in one class: kind" },
	{ "predicate-type", 27, 64, "a predicate's value has a fixed shape" },
	{ "predicate-unknown-field", 27, 101, "there is no field kid" },
	{ "role-id", 48, 6, "a role's id is 1 to 0x7FFF: those above are personal roles" },
	{ "state-erasing", 22, 94, "the state comes from a code whose list holds states only" },
	{ "state-hidden", 22, 5, "the work list takes nothing from a hidden class" },
	{ "standing-no-active", 25, 93, "the standing comes from a code whose list has active, and others" },
	{ "standing-twice", 25, 94, "another field says it already: state" },
	{ "state-no-states", 25, 93, "the state comes from a code whose list holds states only" },
	{ "state-twice", 25, 94, "another field gives the state already: state" },
	{ "statistics-hidden", 24, 130, "a field of a hidden class is in no statistics" },
	{ "statistics-misfit", 18, 117, "this view cannot be computed from such a field: m5b" },
	{ "standard-missing", 20, 91, "this view compares with the field's standard, and there is none: m9" },
	{ "standard-text", 20, 94, "only a field of integers has a standard" },
	{ "standard-zero", 20, 82, "an amount from 1 to 10000000000000 fen is expected" },
	{ "standard-huge", 20, 82, "an amount from 1 to 10000000000000 fen is expected" },
	{ "standard-quoted", 20, 82, "an amount from 1 to 10000000000000 fen is expected" },
	{ "standard-item", 20, 85, "unknown key standard" },
	{ "unknown-delegate", 18, 129, "there is no department C" },
	{ "no-approval", 31, 5, "a role that reads says whether it needs approval: assignment or none" },
	{ "too-deep", 5, 35, "the profile is nested too deeply" },
	{ "index-form", 31, 65, "an index is exact or bucket" },
	{ "index-field", 31, 57, "there is no field number" },
	{ "index-planned", 32, 5, "planned is missing" },
	{ "index-planned-small", 32, 80, "a number from 1000 to 100000000 is expected" },
	{ "index-exact-planned", 31, 78, "unknown key planned" },
	{ "index-three", 32, 48, "at most 2 entries are possible" },
	{ "index-bucket-unique", 32, 5, "only an exact index can be unique" },
	{ "index-id", 32, 5, "the id is taken by line 31" },
	{ "search-unknown", 45, 14, "there is no index by_shoe" },
	{ "search-reads-not", 52, 97, "who searches reads what is searched: person" },
	{ "witness-key", 57, 7, "this is no verifier key of a witness" },
	{ "witness-mistyped", 57, 7, "the verifier key was not copied as it is: name, hash and key do not fit together" },
	{ "witness-name", 54, 1, "this cannot be a witness's name: none" },
	{ "witness-same-name", 54, 1, "this name is taken: audit.example.gov/w1" },
	{ "witness-twice", 54, 1, "this key is another witness's too: other.example.gov/w1" },
	{ "witness-quorum", 54, 1, "a quorum is at least one witness and at most all of them" },
	{ "witness-none", 56, 3, "without witnesses the section is left out" },
	{ "witness-act", 58, 11, "unknown key read" },
	{ "witness-minutes", 58, 11, "a number from 5 to 525600 is expected" },
	{ "bad-utf8", 5, 26, "invalid leading UTF-8 octet" }
};

static void bad_profiles_are_refused_where_they_are_bad(void **state)
{
	struct profile_error error;
	char path[128];
	struct buf doc;
	int r;

	(void)state;
	buf_init(&doc, POLICY_DOCUMENT_MAX);
	for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
		(void)snprintf(path, sizeof(path), "tests/profiles/bad/%s.yaml", bads[i].name);
		memset(&error, 0, sizeof(error));
		r = profile_compile(path, &doc, &error);
		if (r != CV_ERR_INVALID || error.line != bads[i].line || error.column != bads[i].column ||
		    strcmp(error.text, bads[i].text) != 0)
			fail_msg("%s: %d at %u:%u: %s", path, r, error.line, error.column, error.text);
		assert_int_equal(doc.n, 0);
	}
	buf_free(&doc);
}

/* A bad profile that no row expects would prove nothing. */
static void every_bad_profile_is_expected(void **state)
{
	DIR *folder = opendir("tests/profiles/bad");
	const struct dirent *e;
	size_t files = 0;
	bool found;

	(void)state;
	assert_non_null(folder);
	while ((e = readdir(folder)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		found = false;
		for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++)
			found = found || (strncmp(e->d_name, bads[i].name, strlen(bads[i].name)) == 0 &&
			    strcmp(e->d_name + strlen(bads[i].name), ".yaml") == 0);
		if (!found)
			fail_msg("nothing is expected of %s", e->d_name);
		files++;
	}
	assert_int_equal(files, sizeof(bads) / sizeof(bads[0]));
	(void)closedir(folder);
}

static void files_that_cannot_be_read_say_why(void **state)
{
	struct profile_error error = { 9, 9, "" };
	struct buf doc;

	(void)state;
	buf_init(&doc, 100);
	assert_int_equal(profile_compile("tests/profiles/no-such.yaml", &doc, &error), CV_ERR_IO);
	assert_string_equal(error.text, "No such file or directory");
	assert_int_equal(error.line, 0);
	assert_int_equal(profile_compile("tests/profiles", &doc, &error), CV_ERR_IO);
	buf_free(&doc);
}

static void limits_are_told(void **state)
{
	struct profile_error error;
	struct buf doc;
	char *big;

	(void)state;
	buf_init(&doc, POLICY_DOCUMENT_MAX);
	big = malloc(PROFILE_MAX + 1);
	assert_non_null(big);
	memset(big, '#', PROFILE_MAX + 1);
	assert_int_equal(profile_compile_text(big, PROFILE_MAX + 1, &doc, &error), CV_ERR_LIMIT);
	memset(big, '\n', PROFILE_MAX);
	assert_int_equal(profile_compile_text(big, PROFILE_MAX, &doc, &error), CV_ERR_INVALID);
	for (size_t i = 0; i + 2 < PROFILE_MAX; i += 2)
		memcpy(big + i, "- ", 2);
	assert_int_equal(profile_compile_text(big, PROFILE_MAX, &doc, &error), CV_ERR_INVALID);
	memset(big, '[', PROFILE_MAX);
	assert_int_equal(profile_compile_text(big, PROFILE_MAX, &doc, &error), CV_ERR_INVALID);
	assert_string_equal(error.text, "the profile is nested too deeply");
	free(big);
	assert_int_equal(doc.n, 0);
	buf_free(&doc);
}

/* ---- good profiles --------------------------------------------------------------------------------------------- */

static char *read_whole(const char *path, size_t *ret_n)
{
	FILE *f = fopen(path, "rb");
	char *s = malloc(PROFILE_MAX);

	assert_non_null(f);
	assert_non_null(s);
	*ret_n = fread(s, 1, PROFILE_MAX, f);
	(void)fclose(f);
	return s;
}

/* Every cut and many single changed bytes: refused or compiled, but never a crash, a leak or an empty message. */
static void damaged_profiles_are_handled(void **state)
{
	struct profile_error error;
	struct buf doc;
	size_t n, step = 3;
	char *s, was;
	int r;

	(void)state;
	s = read_whole(PATIENTS, &n);
	buf_init(&doc, POLICY_DOCUMENT_MAX);
	for (size_t i = 0; i < n; i += step) {
		memset(&error, 0, sizeof(error));
		buf_reset(&doc);
		r = profile_compile_text(s, i, &doc, &error);
		assert_true(r == 0 || (error.text[0] != '\0' && doc.n == 0));
		was = s[i];
		s[i] = "x:{[-\"\n"[i % 7];
		memset(&error, 0, sizeof(error));
		buf_reset(&doc);
		r = profile_compile_text(s, n, &doc, &error);
		assert_true(r == 0 || (error.text[0] != '\0' && doc.n == 0));
		s[i] = was;
	}
	free(s);
	buf_free(&doc);
}

static void equal_profiles_give_equal_bytes(void **state)
{
	static const char one[] = "profile: p\nversion: 1\n"
	    "departments: [{id: 1, name: A, zh: 甲, en: A}, {id: 2, name: B, zh: 乙, en: B}]\n"
	    "purposes: [{id: 1, name: use, zh: 用, en: Use}, {id: 2, name: see, zh: 看, en: See}]\n"
	    "classes: [{id: 16, name: c, level: 1, zh: 类, en: C, purposes: [use]}, {id: 32, name: d, level: 1, zh: 类, en: D}]\n"
	    "code_lists: {l: [{code: a, zh: 甲, en: a}, {code: b, zh: 乙, en: b}]}\n"
	    "fields: [{id: 1, name: f, class: c, owner: A, type: code, codes: l, zh: 字, en: F},\n"
	    "  {id: 2, name: g, class: d, owner: B, type: text, max: 9, zh: 字, en: G, purposes: [see, use]}]\n"
	    "roles: [{id: 1, name: r, department: A, kind: person, approval: none, zh: 角, en: R, purposes: [use],\n"
	    "  rights: {c: [read], d: [read]}}]\n";
	static const char two[] = "# the same, told otherwise\n---\n"
	    "roles:\n- rights:\n    d: [read]\n    c:\n    - read\n  purposes: [use]\n  kind: person\n  approval: none\n"
	    "  zh: '角'\n  en: \"R\"\n"
	    "  department: A\n  name: r\n  id: 0x1\n"
	    "fields:\n- {zh: 字, en: G, id: 2, name: g, class: d, owner: B, type: text, max: 9, purposes: [use, see], area: false}\n"
	    "- {zh: 字, en: F, id: 1, name: f, class: c, owner: A, type: code, codes: l, max: 1}\n"
	    "code_lists: {l: [{code: b, zh: 乙, en: b}, {code: a, zh: 甲, en: a}]}\n"
	    "classes: [{id: 0x20, name: d, level: 1, zh: 类, en: D}, {id: 0x10, name: c, level: 1, zh: 类, en: C, purposes: [use]}]\n"
	    "purposes: [{id: 2, name: see, zh: 看, en: See}, {id: 1, name: use, zh: 用, en: Use, needs_case: false}]\n"
	    "departments: [{id: 2, name: B, zh: 乙, en: B}, {id: 1, name: A, zh: 甲, en: A}]\n"
	    "version: 1\nprofile: p\n";
	struct profile_error error;
	struct buf a, b;

	(void)state;
	buf_init(&a, 10000);
	buf_init(&b, 10000);
	assert_int_equal(profile_compile_text(one, sizeof(one) - 1, &a, &error), 0);
	assert_int_equal(profile_compile_text(two, sizeof(two) - 1, &b, &error), 0);
	assert_int_equal(a.n, b.n);
	assert_memory_equal(a.p, b.p, a.n);
	buf_free(&a);
	buf_free(&b);
}

static void patients_compile_too(void **state)
{
	const struct policy_field *f;
	struct policy *p;
	struct buf doc;

	(void)state;
	p = compile(PATIENTS, &doc);
	assert_string_equal(policy_name(p), "patients");
	assert_int_equal(policy_fields(p), 8);
	f = policy_field_named(p, "patient", 7);
	assert_int_equal(f->view[0].class, 0x4100);
	assert_int_equal(f->view[0].op, VIEW_M1_NAME);
	assert_int_equal(f->purposes, 3);
	assert_string_equal(policy_department_name(p, f->owner), "DESK");
	assert_int_equal(policy_field_named(p, "blood_group", 11)->max_length, 2);
	f = policy_field_named(p, "due_amount", 10);
	assert_int_equal(f->shape.standard, 100000);
	assert_int_equal(f->statistics, VIEW_M9_MONEY_BAND);
	assert_int_equal(policy_field_named(p, "patient", 7)->shape.standard, 0);
	policy_free(p);
	buf_free(&doc);
}

/* Each key of the language arrives in the document. */
static void fields_keep_what_the_profile_says(void **state)
{
	const struct policy_predicate *predicate;
	const struct policy_field *f;
	struct policy *p;
	struct buf doc;

	(void)state;
	p = compile(WHOLE, &doc);
	assert_true(policy_field_by_id(p, 4)->is_area);
	assert_false(policy_field_by_id(p, 4)->is_area_from);
	assert_true(policy_field_by_id(p, 9)->is_area_from);
	assert_true(policy_field_by_id(p, 5)->is_state);
	assert_true(policy_field_by_id(p, 5)->is_standing);
	assert_false(policy_field_by_id(p, 8)->is_standing);
	f = policy_field_by_id(p, 6);
	assert_string_equal(f->fold_code, "X");
	assert_string_equal(f->fold_as, "other");
	assert_int_equal(f->fold_into, 7);
	assert_string_equal(f->shape.item->codes[0].general, "");
	assert_string_equal(policy_field_by_id(p, 8)->shape.codes[1].general, "letters");
	predicate = &policy_field_by_id(p, 10)->predicate;
	assert_int_equal(predicate->rule, PREDICATE_ALL_IN);
	assert_int_equal(predicate->inputs, 1);
	assert_int_equal(predicate->input[0], 8);
	assert_int_equal(predicate->code_count, 1);
	assert_string_equal(predicate->codes[0], "X");
	assert_int_equal(policy_field_by_id(p, 10)->type, VALUE_GROUP);
	f = policy_field_by_id(p, 12);
	assert_int_equal(f->delegates, 2);
	assert_int_equal(f->collects, 4);
	assert_int_equal(f->notice, VIEW_M1_NAME);
	assert_int_equal(f->statistics, VIEW_PRESENT);
	policy_free(p);
	buf_free(&doc);
}

static void roles_keep_what_the_profile_says(void **state)
{
	const struct policy_role *role;
	struct policy *p;
	struct buf doc;

	(void)state;
	p = compile(WHOLE, &doc);
	role = policy_role_by_id(p, 1);
	assert_true(role->area);
	assert_true(role->approval);
	assert_int_equal(role->acts, ACT_JOB | ACT_RECEIPT | ACT_DEDUPE);
	assert_int_equal(role->searches, 3);
	assert_int_equal(role->bulk_records, 20);
	assert_int_equal(role->bulk_hours, 1);
	assert_int_equal(role->rights[policy_class_position(p, 0x10)], RIGHT_READ | RIGHT_GRANT);
	assert_int_equal(role->excepts, 1);
	assert_int_equal(role->except[0].class, 0x20);
	assert_int_equal(role->except[0].field, 4);
	role = policy_role_by_id(p, 4);
	assert_int_equal(role->acts, ACT_ASSIGN | ACT_BULK | ACT_EXPORT);
	assert_false(role->area || role->approval);
	assert_int_equal(role->bulk_records, 0);
	policy_free(p);
	buf_free(&doc);
}

/* FORMAT.md section 11.1, spelled out for what the smallest policy lacks. */
static void known_parts_have_known_bytes(void **state)
{
	/* Field kinds (6): flags, cadence, retention, purposes, delegates, collects, views, notice, statistics, fold, predicate. */
	static const uint8_t fold[] = { 0, 0x20, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 1, 'X', 5, 'o', 't', 'h', 'e', 'r', 0, 7, 0, 6 };
	/* Field yes (10): the predicate all_in of field 8 with code X, then the shape's type. */
	static const uint8_t predicate[] = { 0, 0, 0, 1, 1, 0, 8, 0, 1, 1, 'X', 7, 0, 128, 0, 0, 0, 3, 5, 'a', 's', '_', 'o', 'f' };
	/* Field carer (12): about, class, owner, flags ... delegates B, collects D, no views, notice m1, statistics present. */
	static const uint8_t uses[] = { 5, 'c', 'a', 'r', 'e', 'r', 0, 0x20, 0, 1, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2,
		0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 15, 0, 0, 3 };
	/* A code's label and general. */
	static const uint8_t general[] = { 1, 'Y', 3, 0xE4, 0xB9, 0x99, 1, 'Y', 7, 'l', 'e', 't', 't', 'e', 'r', 's' };
	/*
	 * Role clerk: department, kind, flags area and approval, acts job, receipt and dedupe, searches by both indexes, budget, purposes,
	 * rights, exceptions; the next role's id.
	 */
	static const uint8_t clerk[] = { 5, 'C', 'l', 'e', 'r', 'k', 0, 1, 1, 6, 56, 3, 0, 20, 0, 1, 0, 0, 0, 0, 0,
		0, 0, 1, 0, 3, 0, 0x10, 17, 0, 0x20, 5,
		0x40, 0x10, 1, 0, 1, 0, 0x20, 0, 4, 0, 2 };
	static const struct {
		const uint8_t *p;
		size_t n;
	} parts[] = { { fold, sizeof(fold) }, { predicate, sizeof(predicate) }, { uses, sizeof(uses) }, { general, sizeof(general) },
		{ clerk, sizeof(clerk) } };
	struct buf doc;

	(void)state;
	policy_free(compile(WHOLE, &doc));
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (memmem(doc.p, doc.n, parts[i].p, parts[i].n) == NULL)
			fail_msg("part %zu has other bytes", i);
	buf_free(&doc);
}

/* One meaning has one encoding: what decodes with a bit turned encodes to the same bytes. */
static void turned_bits_are_refused_or_canonical(void **state)
{
	struct buf doc, again;
	unsigned accepted = 0;
	struct policy *p;

	(void)state;
	policy_free(compile(WHOLE, &doc));
	buf_init(&again, POLICY_DOCUMENT_MAX);
	for (size_t bit = 0; bit < doc.n * 8; bit++) {
		doc.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		p = NULL;
		if (policy_decode(doc.p, doc.n, &p) == 0) {
			accepted++;
			buf_reset(&again);
			assert_int_equal(policy_encode(policy_source_of(p), &again), 0);
			assert_int_equal(again.n, doc.n);
			assert_memory_equal(again.p, doc.p, doc.n);
			policy_free(p);
		}
		doc.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_in_range(accepted, 1, doc.n * 8 / 2);
	buf_free(&again);
	buf_free(&doc);
}

/* ---- child-welfare --------------------------------------------------------------------------------------------- */

struct expectation {
	const char *role, *purpose, *field;
	bool clear;
	const char *class;	/* that answers; NULL: refused */
};

static const struct expectation reads[] = {
	{ "caseworker", "visit", "name", false, "identity.masked" },
	{ "caseworker", "visit", "name", true, "identity" },
	{ "caseworker", "visit", "id_no", false, "identity.masked" },
	{ "caseworker", "visit", "phone", false, "contact.masked" },
	{ "caseworker", "visit", "address", true, "contact" },
	{ "caseworker", "pay", "bank_account", false, "payment.masked" },
	{ "caseworker", "pay", "bank_account", true, NULL },
	{ "caseworker", "guardianship", "abuse_case", true, NULL },
	{ "caseworker", "update", "hiv_status", true, NULL },
	{ "caseworker", "statistics", "name", false, NULL },
	{ "township-worker", "visit", "name", false, "identity.basic" },
	{ "township-worker", "visit", "id_no", false, "identity.basic" },
	{ "township-worker", "visit", "id_no", true, NULL },
	{ "township-worker", "visit", "birth_date", false, "identity.basic" },
	{ "township-worker", "visit", "guardian_name", false, "guardianship.contact" },
	{ "township-worker", "visit", "father_status", false, NULL },
	{ "township-worker", "update", "household_income", false, "assistance.masked" },
	{ "village-worker", "visit", "name", false, "identity.named" },
	{ "village-worker", "visit", "birth_date", false, "identity.named" },
	{ "village-worker", "visit", "id_no", false, NULL },
	{ "village-worker", "visit", "visit_note", false, NULL },
	{ "village-worker", "visit", "visit_date", false, "notes.summary" },
	{ "school", "edu_aid", "name", false, "identity.named" },
	{ "school", "edu_aid", "birth_date", false, "identity.named" },
	{ "school", "edu_aid", "id_no", false, NULL },
	{ "school", "edu_aid", "category_set", false, NULL },
	{ "school", "update", "health_summary", false, NULL },
	{ "school", "edu_aid", "father_status", false, NULL },
	{ "school", "edu_aid", "student_no", false, "numbers.school" },
	{ "school", "edu_aid", "student_no", true, NULL },
	{ "intake", "intake", "name", false, NULL },
	{ "intake", "intake", "name", true, NULL },
	{ "manager", "decide", "name", false, "identity.masked" },
	{ "manager", "decide", "name", true, NULL },
	{ "health-office", "medical_aid", "disability_cert_no", true, NULL },
	{ "health-office", "medical_aid", "health_summary", true, "health" },
	{ "health-office", "medical_aid", "hiv_status", true, NULL },
	{ "health-named", "medical_aid", "hiv_status", true, "health_plus" },
	{ "finance", "pay", "bank_account", true, "payment" },
	{ "auditor", "audit", "name", false, NULL }
};

static void child_welfare_gives_each_reader_their_view(void **state)
{
	const struct policy_role *role;
	const struct policy_field *f;
	struct policy_subject who;
	struct read_decision d;
	struct policy *p;
	const char *got;
	struct buf doc;

	(void)state;
	p = compile(CHILD_WELFARE, &doc);
	for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++) {
		role = policy_role_named(p, reads[i].role, strlen(reads[i].role));
		f = policy_field_named(p, reads[i].field, strlen(reads[i].field));
		assert_non_null(role);
		assert_non_null(f);
		who = (struct policy_subject){
		    &role->id, 1, policy_purpose_named(p, reads[i].purpose, strlen(reads[i].purpose))};
		assert_true(who.purpose >= 0);
		d = policy_decide_read(p, &who, f, reads[i].clear);
		got = d.reason == DECIDE_YES ? policy_class(p, (unsigned)policy_class_position(p, d.class))->name
					     : "nothing";
		if (strcmp(got, reads[i].class != NULL ? reads[i].class : "nothing") != 0)
			fail_msg("%s reads %s for %s from %s", reads[i].role, reads[i].field, reads[i].purpose, got);
	}
	policy_free(p);
	buf_free(&doc);
}

static void child_welfare_is_large_enough(void **state)
{
	unsigned sources = 0, used = 0;
	struct policy *p;
	struct buf doc;
	bool has_field;

	(void)state;
	p = compile(CHILD_WELFARE, &doc);
	assert_true(policy_fields(p) >= 40);
	assert_true(policy_roles(p) >= 8);
	for (unsigned i = 0; i < policy_classes(p); i++) {
		if (class_is_view(policy_class(p, i)->id))
			continue;
		sources++;
		has_field = false;
		for (unsigned j = 0; j < policy_fields(p); j++)
			has_field = has_field || policy_field(p, j)->class == policy_class(p, i)->id;
		used += has_field ? 1 : 0;
	}
	assert_int_equal(sources, 17);
	assert_true(used >= 9);
	policy_free(p);
	buf_free(&doc);
}

/* Ids that stand in stored bytes: changing one here would orphan every vault. */
static void child_welfare_keeps_its_ids(void **state)
{
	static const struct {
		const char *name;
		uint16_t id;
	} fields[] = {{"name", 0x101}, {"id_no", 0x104}, {"birth_date", 0x107}, {"phone", 0x301}, {"address", 0x302},
	    {"live_division", 0x304}, {"guardian_name", 0x401}, {"disability_cert_no", 0x501}, {"school_name", 0x701},
	    {"category_set", 0x801}, {"visit_note", 0xB03}, {"next_due", 0xC04}, {"bank_account", 0xF01}},
	  roles[] = {{"caseworker", 1}, {"township-worker", 2}, {"village-worker", 3}, {"school", 4}, {"intake", 5},
	      {"manager", 6}, {"health-office", 7}, {"auditor", 8}},
	  classes[] = {{"identity", 0x10}, {"biometric", 0x20}, {"contact", 0x30}, {"guardianship", 0x40},
	      {"health", 0x50}, {"health_plus", 0x60}, {"education", 0x70}, {"assistance", 0x80}, {"protection", 0x90},
	      {"sealed", 0xA0}, {"notes", 0xB0}, {"workflow", 0xC0}, {"rights", 0xD0}, {"stats", 0xE0},
	      {"payment", 0xF0}, {"numbers", 0x100}, {"custody", 0x110}, {"identity.masked", 0x4010},
	      {"identity.named", 0x4011}, {"identity.basic", 0x4012}};
	struct policy *p;
	struct buf doc;
	int at;

	(void)state;
	p = compile(CHILD_WELFARE, &doc);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		assert_int_equal(policy_field_named(p, fields[i].name, strlen(fields[i].name))->id, fields[i].id);
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		assert_int_equal(policy_role_named(p, roles[i].name, strlen(roles[i].name))->id, roles[i].id);
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		at = policy_class_position(p, classes[i].id);
		assert_true(at >= 0);
		assert_string_equal(policy_class(p, (unsigned)at)->name, classes[i].name);
	}
	policy_free(p);
	buf_free(&doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_profiles_are_refused_where_they_are_bad),
		cmocka_unit_test(every_bad_profile_is_expected),
		cmocka_unit_test(files_that_cannot_be_read_say_why),
		cmocka_unit_test(limits_are_told),
		cmocka_unit_test(damaged_profiles_are_handled),
		cmocka_unit_test(equal_profiles_give_equal_bytes),
		cmocka_unit_test(patients_compile_too),
		cmocka_unit_test(fields_keep_what_the_profile_says),
		cmocka_unit_test(roles_keep_what_the_profile_says),
		cmocka_unit_test(known_parts_have_known_bytes),
		cmocka_unit_test(turned_bits_are_refused_or_canonical),
		cmocka_unit_test(child_welfare_gives_each_reader_their_view),
		cmocka_unit_test(child_welfare_is_large_enough),
		cmocka_unit_test(child_welfare_keeps_its_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
