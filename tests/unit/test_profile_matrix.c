/*
 * profile child-welfare: what each reader is shown of each field, cell by cell, against the audience matrix of the domain; and that
 * nothing else is shown, that masks are kept by keys, and that nobody rebuilds an identity number.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "profile/profile.h"
#include "model/model.h"
#include "support/synth.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- the matrix ------------------------------------------------------------------------------------------------- */

/*
 * Readers: county case worker, township worker, village worker, another department, school, organisation, the subject's copy, a
 * public notice, statistics. Cells are written as the domain writes them: P plain, m1 to m11 and band masked, Y a predicate, G
 * generalised, - nothing; words are conditions, see below. The file's number is the record's id; religion, biometric templates
 * and sealed records are not collected. An allowance's notice shows the amount, not its kind or standard.
 */
enum reader { CW, TW, VL, DP, SC, OR, SU, NO, ST, READERS };
static const char *const reader_names[READERS] = { "CW", "TW", "VL", "DP", "SC", "OR", "SU", "NO", "ST" };

static const struct row {
	const char *field, *owner, *cell[READERS];
} rows[] = {
	{ "name", "GA", { "P", "P", "P", "P", "P", "m1o", "P", "-", "-" } },
	{ "former_name", "GA", { "P", "-", "-", "-", "-", "-", "P", "-", "-" } },
	{ "id_type", "GA", { "P", "P", "-", "P", "-", "-", "P", "-", "-" } },
	{ "id_no", "GA", { "P", "m2", "-", "m2/match", "-", "-", "P", "-", "-" } },
	{ "id_status", "GA", { "P", "P", "P", "G", "-", "-", "P", "-", "G" } },
	{ "sex", "GA", { "P", "P", "P", "P", "P", "G", "P", "-", "G" } },
	{ "birth_date", "GA", { "P", "P", "m5", "P", "m5", "m5b", "P", "-", "m5b" } },
	{ "ethnicity", "GA", { "P", "-", "-", "-", "-", "-", "P", "-", "G" } },
	{ "nationality", "GA", { "P", "-", "-", "-", "-", "-", "P", "-", "-" } },
	{ "birth_cert_no", "WJ", { "m11", "-", "-", "-", "-", "-", "P", "-", "-" } },
	{ "hukou_type", "GA", { "P", "P", "-", "-", "-", "-", "P", "-", "G" } },
	{ "hukou_no", "GA", { "P", "P", "-", "-", "-", "-", "P", "-", "-" } },
	{ "photo_ref", "GA", { "P", "-", "-", "-", "-", "-", "P", "-", "-" } },
	{ "dna_match", "GA", { "P", "-", "-", "-", "-", "-", "-", "-", "-" } },
	{ "hukou_division", "GA", { "P", "P", "P", "G", "-", "-", "P", "-", "G" } },
	{ "live_division", "XZ", { "P", "P", "P", "G", "G", "G", "P", "m4v", "G" } },
	{ "address", "XZ", { "P", "P", "P", "m4", "m4", "-", "P", "-", "-" } },
	{ "protected_address", "MZ", { "P", "-", "-", "-", "-", "-", "child only", "-", "-" } },
	{ "phone", "XZ", { "P", "P", "P", "m3", "m3", "-", "P", "-", "-" } },
	{ "emergency_contact", "XZ", { "P", "P", "P", "m1+m3", "P", "via worker", "P", "-", "-" } },
	{ "residence_permit", "GA", { "m11", "Y", "-", "Y", "Y", "-", "P", "-", "G" } },
	{ "guardian_name", "XZ", { "P", "P", "P", "m1", "P", "-", "P", "m1", "-" } },
	{ "guardian_id_no", "GA", { "P", "m2", "-", "match", "-", "-", "own only", "-", "-" } },
	{ "guardian_relation", "XZ", { "P", "P", "P", "P", "P", "-", "P", "-", "G" } },
	{ "guardian_phone", "XZ", { "P", "P", "P", "m3", "P", "-", "P", "-", "-" } },
	{ "guardian_status", "FY", { "P", "Y", "Y", "-", "-", "-", "-", "-", "G" } },
	{ "guardian_type", "MZ", { "P", "P", "P", "G", "Y", "-", "P", "-", "G" } },
	{ "care_entrusted_to", "XZ", { "P", "P", "P", "m1+m3", "P", "-", "P", "-", "-" } },
	{ "father_status", "GA", { "P", "Y", "-", "-", "-", "-", "P", "-", "G" } },
	{ "mother_status", "GA", { "P", "Y", "-", "-", "-", "-", "P", "-", "G" } },
	{ "father_name", "GA", { "P", "m1", "-", "-", "-", "-", "P", "-", "-" } },
	{ "mother_name", "GA", { "P", "m1", "-", "-", "-", "-", "P", "-", "-" } },
	{ "father_id_no", "GA", { "P", "m2", "-", "-", "-", "-", "P", "-", "-" } },
	{ "mother_id_no", "GA", { "P", "m2", "-", "-", "-", "-", "P", "-", "-" } },
	{ "household_members", "XZ", { "P", "P", "P", "-", "-", "-", "P", "count", "G" } },
	{ "siblings", "MZ", { "P", "P", "-", "-", "-", "-", "relation only", "-", "-" } },
	{ "foster_family", "JG", { "P", "-", "-", "-", "-", "-", "-", "-", "G" } },
	{ "adoption_link", "MZ", { "named", "-", "-", "-", "-", "-", "-", "-", "G" } },
	{ "disability_cert_no", "CL", { "m7", "-", "-", "match", "-", "-", "P", "-", "-" } },
	{ "disability_type", "CL", { "P", "P", "Y", "Y", "care note", "-", "P", "-", "G" } },
	{ "disability_level", "CL", { "P", "P", "Y", "Y", "-", "-", "P", "-", "G" } },
	{ "serious_illness", "WJ", { "P", "Y", "-", "Y", "-", "-", "P", "-", "G" } },
	{ "health_summary", "WJ", { "P", "-", "-", "-", "by grant", "-", "P", "-", "-" } },
	{ "rehab_plan", "CL", { "P", "Y", "Y", "Y", "Y", "by grant", "P", "-", "G" } },
	{ "rehab_aid", "CL", { "P", "Y", "Y", "Y", "Y", "by grant", "P", "-", "G" } },
	{ "vaccination", "WJ", { "P", "Y", "Y", "Y", "Y", "-", "P", "-", "G" } },
	{ "insurance_status", "YB", { "P", "P", "Y", "Y", "-", "-", "P", "-", "G" } },
	{ "autism_screen", "WJ", { "P", "-", "-", "-", "by grant", "-", "P", "-", "G" } },
	{ "hiv_status", "WJ", { "named", "-", "-", "-", "-", "-", "guardian, in person", "-", "-" } },
	{ "infectious_other", "WJ", { "named", "-", "-", "-", "-", "-", "P", "-", "-" } },
	{ "mental_status", "WJ", { "named", "-", "-", "-", "named counsellor", "-", "P with doctor's view D", "-", "G (no small cells)" } },
	{ "school_name", "JY", { "P", "P", "P", "-", "P", "-", "P", "-", "G" } },
	{ "education_stage", "JY", { "P", "P", "P", "P", "P", "G", "P", "-", "G" } },
	{ "student_no", "JY", { "m2", "-", "-", "match", "P", "-", "P", "-", "-" } },
	{ "attendance", "JY", { "P", "P", "P", "Y", "P", "-", "P", "-", "G" } },
	{ "edu_aid", "JY", { "P", "P", "Y", "Y", "flag", "-", "P", "-", "G" } },
	{ "special_edu", "JY", { "P", "Y", "-", "-", "P", "-", "P", "-", "G" } },
	{ "study_after_18", "JY", { "P", "P", "Y", "-", "-", "-", "P", "-", "G" } },
	{ "mental_plan", "JY", { "named", "-", "-", "-", "named", "-", "P", "-", "-" } },
	{ "category_set", "MZ", { "P", "P (HIV→other)", "Y", "Y", "Y", "-", "P", "-", "G" } },
	{ "hardship_level", "MZ", { "P", "P", "-", "-", "-", "-", "P", "-", "G" } },
	{ "household_income", "MZ", { "P", "band", "-", "-", "-", "-", "own family", "-", "band" } },
	{ "household_assets", "MZ", { "P", "band", "-", "-", "-", "-", "own family", "-", "band" } },
	{ "allowance_type", "MZ", { "P", "P", "P", "CZ: P", "-", "-", "P", "-", "G" } },
	{ "allowance_amount", "MZ", { "P", "P", "P", "CZ: P", "-", "-", "P", "amount", "G" } },
	{ "allowance_standard", "MZ", { "P", "P", "P", "CZ: P", "-", "-", "P", "-", "G" } },
	{ "dibao_no", "MZ", { "m11", "m11", "-", "match", "-", "-", "P", "-", "-" } },
	{ "tekun_no", "MZ", { "m11", "m11", "-", "match", "-", "-", "P", "-", "-" } },
	{ "temp_aid", "MZ", { "P", "P", "Y", "-", "-", "-", "P", "per scheme", "G" } },
	{ "medical_aid", "YB", { "P", "Y", "-", "Y", "-", "-", "P", "-", "G" } },
	{ "housing_aid", "ZJ", { "P", "Y", "Y", "Y", "-", "-", "P", "-", "G" } },
	{ "bank_account", "MZ", { "m6", "-", "-", "CZ: P", "-", "-", "m6", "-", "-" } },
	{ "payment_log", "CZ", { "P", "P", "Y", "CZ: P", "-", "-", "P", "-", "G" } },
	{ "donation_link", "MZ", { "P", "P", "Y", "-", "-", "need text only", "P", "-", "G" } },
	{ "mandatory_report", "GA", { "named", "own", "own", "case organs", "own", "own", "-", "-", "G" } },
	{ "reporter_name", "GA", { "handler", "-", "-", "-", "-", "-", "-", "-", "-" } },
	{ "reporter_phone", "GA", { "handler", "-", "-", "-", "-", "-", "-", "-", "-" } },
	{ "abuse_case", "GA", { "named", "-", "-", "case organs", "-", "-", "by MZ decision", "-", "G" } },
	{ "protection_order", "FY", { "named", "Y", "Y", "GA: P", "Y safety", "-", "P", "-", "-" } },
	{ "guardianship_judgment", "FY", { "P", "effect", "-", "effect", "effect", "-", "P", "-", "G" } },
	{ "temp_guardianship", "MZ", { "P", "P", "Y", "Y", "Y", "-", "P", "-", "G" } },
	{ "legal_aid", "SF", { "named", "-", "-", "-", "-", "-", "P", "-", "G" } },
	{ "bad_conduct", "GA", { "-", "-", "-", "-", "-", "-", "law", "-", "-" } },
	{ "search_notice", "JG", { "P", "P", "P", "P", "-", "-", "-", "law", "-" } },
	{ "visit_date", "CJ", { "P", "P", "own", "-", "-", "own", "P", "-", "G" } },
	{ "visitor", "CJ", { "P", "P", "own", "-", "-", "own", "P", "-", "G" } },
	{ "visit_kind", "CJ", { "P", "P", "own", "-", "-", "own", "P", "-", "G" } },
	{ "visit_note", "CJ", { "P", "P", "own", "-", "-", "own", "by review", "-", "-" } },
	{ "risk_level", "MZ", { "P", "P", "Y", "Y", "Y", "-", "explain", "-", "G" } },
	{ "guardianship_assessment", "MZ", { "P", "Y", "-", "-", "-", "-", "by review", "-", "-" } },
	{ "care_plan", "MZ", { "P", "P", "own part", "own part", "own part", "own part", "P", "-", "-" } },
	{ "application", "XZ", { "P", "P", "Y", "-", "-", "-", "P", "-", "G" } },
	{ "verify_opinion", "XZ", { "P", "P", "result", "result", "-", "-", "P", "result", "G" } },
	{ "county_decision", "MZ", { "P", "P", "result", "result", "-", "-", "P", "result", "G" } },
	{ "notice_record", "XZ", { "P", "P", "P", "-", "-", "-", "P", "self", "-" } },
	{ "exit_record", "MZ", { "P", "P", "result", "result", "-", "-", "P", "-", "G" } },
	{ "next_due", "MZ", { "P", "P", "P", "-", "-", "-", "P", "-", "G" } },
	{ "consent_basis", "MZ", { "P", "P", "-", "-", "-", "-", "P", "-", "G" } },
	{ "consent_record", "MZ", { "P", "P", "-", "-", "-", "-", "P", "-", "G" } },
	{ "notice_receipt", "MZ", { "P", "P", "-", "-", "-", "-", "P", "-", "G" } },
	{ "rights_request", "MZ", { "P", "P", "-", "-", "-", "-", "P", "-", "G" } },
	{ "provision_ledger", "MZ", { "P", "-", "-", "own", "-", "-", "P", "-", "G" } },
};

/*
 * Cells that are answered by another field, or by this one in another way than the cell's word says by itself. Where another field
 * answers, the row's own shows nothing.
 */
static const struct answer {
	const char *row;
	enum reader reader;
	const char *field, *cell;
} answers[] = {
	{ "name", OR, "call_name", "m1o" },	/* what the organisation calls the child */
	{ "residence_permit", TW, "residence_permit_held", "Y" },
	{ "residence_permit", DP, "residence_permit_held", "Y" },
	{ "residence_permit", SC, "residence_permit_held", "Y" },
	{ "residence_permit", ST, "residence_permit_held", "G" },
	{ "father_status", TW, "meets_dfu", "Y" },
	{ "mother_status", TW, "meets_dfu", "Y" },
	{ "siblings", SU, "sibling_relations", "P" },
	{ "rehab_plan", SC, "has_rehab", "Y" },	/* a school has no key of health, aid, notes or measures */
	{ "rehab_aid", SC, "has_rehab", "Y" },
	{ "vaccination", SC, "is_vaccinated", "Y" },
	{ "edu_aid", SC, "has_edu_aid", "Y" },
	{ "category_set", SC, "in_difficulty", "Y" },
	{ "risk_level", SC, "at_risk", "Y" },
	{ "temp_guardianship", SC, "in_public_care", "Y" },
	{ "guardianship_judgment", TW, "guardianship_effect", "P" },
	{ "guardianship_judgment", DP, "guardianship_effect", "P" },
	{ "guardianship_judgment", SC, "guardian_changed", "Y" },
	{ "donation_link", OR, "donation_need", "P" },
	{ "verify_opinion", VL, "verify_result", "P" },
	{ "verify_opinion", DP, "verify_result", "P" },
	{ "verify_opinion", NO, "verify_result", "P" },
	{ "county_decision", VL, "decision_result", "P" },
	{ "county_decision", DP, "decision_result", "P" },
	{ "county_decision", NO, "decision_result", "P" },
	{ "exit_record", VL, "exit_record", "Y" },	/* that the file ended; its ground may be a prison term */
	{ "exit_record", DP, "exit_record", "Y" },
	{ "visit_date", VL, "visit_date", "P" },	/* the village owns the visits */
	{ "visit_kind", VL, "visit_kind", "P" },
	{ "visitor", VL, "visitor", "P" },
};

/* Conditions: what such a cell needs besides a role. Without it nothing is shown; a grant or an act of people meets it. */
static const char *const conditions[] = {
	"named", "named counsellor", "handler", "case organs",			/* a grant to one person */
	"by grant", "care note", "Y safety", "via worker",			/* a grant, or the worker tells */
	"own", "own part",							/* what one wrote oneself: handed in, without a key */
	"match",								/* a question to the owner, not a read */
	"own only", "own family", "child only", "guardian, in person", "P with doctor's view D", "by review", "by MZ decision", "explain",
	"law",									/* decided for each copy */
	"per scheme", "self",							/* decided for each notice */
};

/*
 * Cells that do not hold. What a hidden class holds leaves the vault in no table: a count would tell of it, and one rule for all of
 * such classes can be checked. These numbers come from the organs that own them.
 */
static const char *const not_counted[] = { "adoption_link", "mental_status", "mandatory_report", "abuse_case", "legal_aid" };

/* Fields that the matrix does not name: parts of a row, or what the vault needs itself. */
static const char *const additions[] = {
	"dna_match_date", "live_since", "address_protected", "father_status_dates", "mother_status_dates", "father_restraint",
	"mother_restraint", "vaccination_date", "study_proof_date", "school_code", "category_plus", "risk_assessor", "exit_ground",
	"file_state", "decision_date"
};

/* Which roles stand for a reader. The named officers copy for the subject what only they hold: hidden classes. */
static const char *const reader_roles[READERS] = {
	"caseworker", "township-worker", "village-worker", NULL, "school", "organisation", "subject-officer", NULL, NULL
};
static const char *const departments[] = {
	"health-office", "police", "finance", "education-bureau", "insurance-office", "disabled-federation", "justice-office", "court",
	"procuratorate", "womens-federation", "youth-league", "job-office", "housing-office", "institution"
};
static const char *const named_officers[] = { "health-named", "protection-officer" };

/* ---- the profile ------------------------------------------------------------------------------------------------ */

static struct policy *policy;

static int load(void **state)
{
	struct profile_error error = { 0, 0, "" };
	struct buf doc;
	int r;

	(void)state;
	buf_init(&doc, POLICY_DOCUMENT_MAX);
	if ((r = profile_compile("profiles/child-welfare.yaml", &doc, &error)) != 0)
		fprintf(stderr, "%u:%u: %s\n", error.line, error.column, error.text);
	else
		r = policy_decode(doc.p, doc.n, &policy);
	buf_free(&doc);
	return r;
}

static int unload(void **state)
{
	(void)state;
	policy_free(policy);
	return 0;
}

static const struct policy_field *field(const char *name)
{
	const struct policy_field *f = policy_field_named(policy, name, strlen(name));

	if (f == NULL)
		fail_msg("there is no field %s", name);
	return f;
}

static const struct policy_role *role(const char *name)
{
	const struct policy_role *r = policy_role_named(policy, name, strlen(name));

	if (r == NULL)
		fail_msg("there is no role %s", name);
	return r;
}

static const struct policy_class *class_of(uint16_t id)
{
	return policy_class(policy, (unsigned)policy_class_position(policy, id));
}

static uint8_t rights_on(const struct policy_role *r, uint16_t class)
{
	return r->rights[policy_class_position(policy, class)];
}

static bool is_among(const char *name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	return false;
}

/* ---- what is shown ---------------------------------------------------------------------------------------------- */

/* More is shown from left to right. */
enum shown { DENIED, PREDICATE, GENERAL, MASKED, PLAIN };
static const char *const shown_names[] = { "nothing", "a predicate", "a generalised value", "a masked value", "the value" };

struct cell {
	enum shown shown;
	enum view_op op;	/* MASKED: how */
};

static bool says_yes_or_no(const struct policy_shape *s)
{
	for (unsigned i = 0; i < s->code_count; i++)
		if (strcmp(s->codes[i].general, "yes") != 0 && strcmp(s->codes[i].general, "no") != 0)
			return false;
	return s->code_count > 0;
}

static struct cell shown_by(const struct policy_field *f, enum view_op op)
{
	bool answer = f->type == VALUE_BOOL || f->predicate.rule != PREDICATE_NONE;

	switch (op) {
	case VIEW_PLAIN:
		return (struct cell){ answer ? PREDICATE : PLAIN, 0 };
	case VIEW_PRESENT:	/* that there is an answer, or a code that may say no, is no answer */
		return answer || says_yes_or_no(&f->shape) ? (struct cell){ MASKED, op } : (struct cell){ PREDICATE, 0 };
	case VIEW_GENERAL:
		return (struct cell){ says_yes_or_no(&f->shape) ? PREDICATE : GENERAL, 0 };
	case VIEW_COUNTY:
		return (struct cell){ GENERAL, 0 };
	default:
		return (struct cell){ MASKED, op };
	}
}

static enum view_op op_in(const struct policy_field *f, uint16_t class)
{
	for (unsigned i = 0; i < f->views; i++)
		if (f->view[i].class == class)
			return f->view[i].op;
	assert_int_equal(class, f->class);
	return VIEW_PLAIN;
}

/* The most that a role is shown of a field for one purpose, or, -1, for any. */
static struct cell most_shown(const struct policy_role *r, const struct policy_field *f, int only)
{
	struct cell best = { DENIED, 0 }, c;
	struct policy_subject who = { &r->id, 1, 0 };
	struct read_decision d;

	for (who.purpose = 0; who.purpose < (int)policy_purposes(policy); who.purpose++)
		for (int clear = 0; clear < 2; clear++) {
			d = policy_decide_read(policy, &who, f, clear != 0);
			if (d.reason != DECIDE_YES || (only >= 0 && who.purpose != only))
				continue;
			c = shown_by(f, op_in(f, d.class));
			if (c.shown > best.shown)
				best = c;
		}
	return best;
}

/* Whether the role's department is the field's source or writes in its name: then it sees its own. */
static bool is_own(const struct policy_role *r, const struct policy_field *f)
{
	int at = policy_department_position(policy, r->department);

	return r->department == f->owner || (f->delegates >> at & 1) != 0;
}

static struct cell most_of_departments(const struct policy_field *f)
{
	struct cell best = { DENIED, 0 }, c;

	for (size_t i = 0; i < COUNT(departments); i++) {
		if (is_own(role(departments[i]), f))
			continue;
		c = most_shown(role(departments[i]), f, -1);
		if (c.shown > best.shown)
			best = c;
	}
	return best;
}

static struct cell most_of_subject(const struct policy_field *f)
{
	int purpose = policy_purpose_named(policy, "subject_right", strlen("subject_right"));
	struct cell best = most_shown(role("subject-officer"), f, purpose), c;

	for (size_t i = 0; class_of(f->class)->hidden && i < COUNT(named_officers); i++) {
		c = most_shown(role(named_officers[i]), f, purpose);
		if (c.shown > best.shown)
			best = c;
	}
	return best;
}

static struct cell published(const struct policy_field *f, enum view_op op)
{
	if (op == 0)
		return (struct cell){ DENIED, 0 };
	/* A list that folds its most sensitive code away is generalised already. */
	if (op == VIEW_PLAIN && f->fold_code[0] != '\0')
		return (struct cell){ GENERAL, 0 };
	return shown_by(f, op);
}

static struct cell shown_to(enum reader reader, const struct policy_field *f)
{
	switch (reader) {
	case DP:
		return most_of_departments(f);
	case SU:
		return most_of_subject(f);
	case NO:
		return published(f, f->notice);
	case ST:
		return published(f, f->statistics);
	default:
		return most_shown(role(reader_roles[reader]), f, -1);
	}
}

/* ---- cells ------------------------------------------------------------------------------------------------------ */

static struct cell cell_of(const char *text)
{
	static const struct {
		const char *text;
		struct cell cell;
	} words[] = {
		{ "-", { DENIED, 0 } }, { "P", { PLAIN, 0 } }, { "P (HIV→other)", { PLAIN, 0 } }, { "G", { GENERAL, 0 } },
		{ "G (no small cells)", { GENERAL, 0 } }, { "Y", { PREDICATE, 0 } }, { "m1", { MASKED, VIEW_M1_NAME } },
		{ "m1o", { MASKED, VIEW_M1O_CALL_NAME } }, { "m2", { MASKED, VIEW_M2_ID } }, { "m2/match", { MASKED, VIEW_M2_ID } },
		{ "m3", { MASKED, VIEW_M3_PHONE } }, { "m1+m3", { MASKED, VIEW_CONTACT } }, { "m4", { MASKED, VIEW_M4_TOWNSHIP } },
		{ "m4v", { MASKED, VIEW_M4V_VILLAGE } }, { "m5", { MASKED, VIEW_M5_YEAR } },
		{ "m5b", { MASKED, VIEW_M5B_BIRTH_QUARTER } }, { "m6", { MASKED, VIEW_M6_ACCOUNT } },
		{ "m7", { MASKED, VIEW_M7_DISABILITY } }, { "m11", { MASKED, VIEW_M11_TAIL } }, { "band", { MASKED, VIEW_M9_MONEY_BAND } },
		{ "count", { MASKED, VIEW_COUNT } }, { "amount", { PLAIN, 0 } }
	};

	for (size_t i = 0; i < COUNT(words); i++)
		if (strcmp(words[i].text, text) == 0)
			return words[i].cell;
	if (!is_among(text, conditions, COUNT(conditions)))
		fail_msg("no cell says \"%s\"", text);
	return (struct cell){ DENIED, 0 };
}

static bool fits(enum reader reader, struct cell found, struct cell wanted)
{
	/* Tables count by groups: quarters, bands, stages, how many, whether. */
	if (reader == ST && wanted.shown == GENERAL)
		return found.shown != DENIED && found.shown != PLAIN;
	return found.shown == wanted.shown && found.op == wanted.op;
}

/* "CZ: P": this department's role alone is shown the value. */
static const char *department_alone(const char *cell)
{
	return strcmp(cell, "CZ: P") == 0 ? "finance" : strcmp(cell, "GA: P") == 0 ? "police" : NULL;
}

static void check_alone(const struct row *row, const char *alone)
{
	const struct policy_field *f = field(row->field);

	assert_int_equal(most_shown(role(alone), f, -1).shown, PLAIN);
	for (size_t i = 0; i < COUNT(departments); i++)
		if (strcmp(departments[i], alone) != 0 && most_shown(role(departments[i]), f, -1).shown != DENIED)
			fail_msg("%s is shown %s", departments[i], row->field);
}

static const struct answer *answer_to(const struct row *row, enum reader reader)
{
	for (size_t i = 0; i < COUNT(answers); i++)
		if (answers[i].reader == reader && strcmp(answers[i].row, row->field) == 0)
			return &answers[i];
	return NULL;
}

static unsigned check_cell(const struct row *row, enum reader reader)
{
	const struct answer *a = answer_to(row, reader);
	const char *name = a != NULL ? a->field : row->field, *text = a != NULL ? a->cell : row->cell[reader];
	struct cell found, wanted;

	if (reader == DP && department_alone(text) != NULL) {
		check_alone(row, department_alone(text));
		return 0;
	}
	found = shown_to(reader, field(name));
	wanted = reader == ST && is_among(row->field, not_counted, COUNT(not_counted)) ? cell_of("-") : cell_of(text);
	if (strcmp(name, row->field) != 0 && shown_to(reader, field(row->field)).shown != DENIED) {
		print_error("%s is shown %s beside %s\n", reader_names[reader], row->field, name);
		return 1;
	}
	if (fits(reader, found, wanted))
		return 0;
	print_error("%s of %s: %s (%u) instead of %s (%u), \"%s\"\n", reader_names[reader], name, shown_names[found.shown],
	    (unsigned)found.op, shown_names[wanted.shown], (unsigned)wanted.op, text);
	return 1;
}

/* ---- tests ------------------------------------------------------------------------------------------------------ */

static void every_cell_of_the_matrix_holds(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		for (enum reader r = CW; r < READERS; r++)
			wrong += check_cell(&rows[i], r);
	assert_int_equal(wrong, 0);
}

/* What answers for a row shows nobody more than the row's cell allows. */
static void check_answer(const struct row *row, const struct policy_field *f)
{
	const struct answer *a;
	const char *cell;

	for (enum reader r = CW; r <= SU; r++) {
		cell = (a = answer_to(row, r)) != NULL ? a->cell : row->cell[r];
		if (department_alone(cell) == NULL && shown_to(r, f).shown > cell_of(cell).shown)
			fail_msg("%s is shown %s, which answers for %s", reader_names[r], f->name, row->field);
	}
}

static void an_answer_shows_no_more_than_its_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(answers); i++)
		for (size_t j = 0; j < COUNT(rows); j++)
			if (strcmp(rows[j].field, answers[i].row) == 0)
				check_answer(&rows[j], field(answers[i].field));
}

static void every_row_has_its_owner(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (strcmp(policy_department_name(policy, field(rows[i].field)->owner), rows[i].owner) != 0)
			fail_msg("%s belongs to %s", rows[i].field, policy_department_name(policy, field(rows[i].field)->owner));
}

static bool has_row(const char *name)
{
	for (size_t i = 0; i < COUNT(rows); i++)
		if (strcmp(rows[i].field, name) == 0)
			return true;
	for (size_t i = 0; i < COUNT(answers); i++)
		if (strcmp(answers[i].field, name) == 0)
			return true;
	return is_among(name, additions, COUNT(additions));
}

static void no_field_stands_outside_the_matrix(void **state)
{
	(void)state;
	for (unsigned i = 0; i < policy_fields(policy); i++)
		if (!has_row(policy_field(policy, i)->name))
			fail_msg("%s has no row", policy_field(policy, i)->name);
}

/* The exceptions are exceptions: each is counted in the matrix, and stands in a hidden class. */
static void only_hidden_classes_are_not_counted(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(not_counted); i++) {
		assert_true(class_of(field(not_counted[i])->class)->hidden);
		for (size_t j = 0; j < COUNT(rows); j++)
			if (strcmp(rows[j].field, not_counted[i]) == 0)
				assert_int_equal(cell_of(rows[j].cell[ST]).shown, GENERAL);
	}
}

/*
 * Masks are kept by keys: who is shown less than the value holds no key that would open more. Of the fields that other departments
 * own in the class health, the health office is kept by exceptions.
 */
static void check_keys(const char *name, const struct policy_field *f)
{
	const struct policy_role *r = role(name);
	struct cell c = most_shown(r, f, -1);

	if (c.shown == DENIED || c.shown == PLAIN || (strcmp(name, "health-office") == 0 && class_source(f->class) == 0x50))
		return;
	if (rights_hold_key(rights_on(r, f->class)) && shown_by(f, VIEW_PLAIN).shown > c.shown)
		fail_msg("%s is shown a part of %s and holds the key of it all", name, f->name);
	for (unsigned i = 0; i < f->views; i++)
		if (rights_hold_key(rights_on(r, f->view[i].class)) && shown_by(f, f->view[i].op).shown > c.shown)
			fail_msg("%s is shown a part of %s and holds the key of %s", name, f->name, class_of(f->view[i].class)->name);
}

static void masks_are_kept_by_keys(void **state)
{
	(void)state;
	for (unsigned i = 0; i < policy_fields(policy); i++) {
		for (enum reader r = CW; r < READERS; r++)
			if (reader_roles[r] != NULL)
				check_keys(reader_roles[r], policy_field(policy, i));
		for (size_t j = 0; j < COUNT(departments); j++)
			check_keys(departments[j], policy_field(policy, i));
	}
}

static void the_school_has_no_key_of_what_is_not_its_own(void **state)
{
	static const uint16_t closed[] = { 0x20, 0x50, 0x60, 0x80, 0x90, 0xA0, 0xB0, 0xC0, 0xD0, 0xF0, 0x110 };
	const struct policy_role *r = role("school");

	(void)state;
	for (unsigned i = 0; i < policy_classes(policy); i++)
		for (size_t j = 0; j < COUNT(closed); j++)
			if (class_source(policy_class(policy, i)->id) == closed[j] && rights_hold_key(r->rights[i]))
				fail_msg("the school holds the key of %s", policy_class(policy, i)->name);
	assert_false(rights_hold_key(rights_on(r, 0x40)));
	assert_int_equal(most_shown(r, field("father_status"), -1).shown, DENIED);
}

/* ---- what no line allows ---------------------------------------------------------------------------------------- */

static bool excepts(const struct policy_role *r, uint16_t class, uint16_t id)
{
	for (unsigned i = 0; i < r->excepts; i++)
		if (r->except[i].class == class && r->except[i].field == id)
			return true;
	return false;
}

/* Whether some line gives the role the right on the class and takes the field not away. */
static bool line_gives(const struct policy_role *r, uint16_t class, const struct policy_field *f, uint8_t rights)
{
	return (rights_on(r, class) & rights) != 0 && !excepts(r, class, f->id);
}

static bool line_reads(const struct policy_role *r, const struct policy_field *f)
{
	for (unsigned i = 0; i < f->views; i++)
		if (line_gives(r, f->view[i].class, f, RIGHT_READ))
			return true;
	return f->views == 0 && line_gives(r, f->class, f, RIGHT_READ);
}

static bool line_writes(const struct policy_role *r, const struct policy_field *f, bool creating)
{
	int at = policy_department_position(policy, r->department);

	return f->predicate.rule == PREDICATE_NONE && line_gives(r, f->class, f, RIGHT_WRITE | RIGHT_WRITE_ONLY) &&
	    (is_own(r, f) || (creating && (f->collects >> at & 1) != 0));
}

static void check_decisions(const struct policy_role *r, const struct policy_field *f, int purpose, unsigned allowed[2])
{
	struct policy_subject who = { &r->id, 1, purpose };
	bool acts = (r->purposes >> purpose & 1) != 0, serves = (f->purposes >> purpose & 1) != 0;
	const bool wanted[] = { acts && serves && line_reads(r, f), acts && serves && line_gives(r, f->class, f, RIGHT_REVEAL),
		acts && serves && line_writes(r, f, false), acts && serves && line_writes(r, f, true),
		acts && line_gives(r, f->class, f, RIGHT_GRANT) };
	const bool found[] = { policy_decide_read(policy, &who, f, false).reason == DECIDE_YES,
		policy_decide_read(policy, &who, f, true).reason == DECIDE_YES,
		policy_decide_write(policy, &who, f, false).reason == DECIDE_YES,
		policy_decide_write(policy, &who, f, true).reason == DECIDE_YES, policy_decide_grant(policy, &who, f) != 0 };

	for (size_t i = 0; i < COUNT(wanted); i++) {
		if (found[i] != wanted[i])
			fail_msg("%s, %s, %s: decision %zu", r->name, f->name, policy_purpose(policy, (unsigned)purpose)->name, i);
		allowed[found[i]]++;
	}
}

static void what_no_line_allows_is_denied(void **state)
{
	unsigned allowed[2] = { 0, 0 };

	(void)state;
	for (unsigned i = 0; i < policy_roles(policy); i++)
		for (unsigned j = 0; j < policy_fields(policy); j++)
			for (unsigned k = 0; k < policy_purposes(policy); k++)
				check_decisions(policy_role(policy, i), policy_field(policy, j), (int)k, allowed);
	assert_true(allowed[1] > 1000);
	assert_true(allowed[0] > allowed[1]);
}

/* ---- purposes --------------------------------------------------------------------------------------------------- */

/* The most that a purpose is for, where that is less than a role's work: fields by name, or all of a source class. */
static const struct use {
	const char *purpose, *classes[4], *fields[8];
} uses[] = {
	{ "pay", { "payment" }, { "allowance_type", "allowance_amount", "allowance_standard", "decision_result", "exit_record" } },
	{ "missing_child", { "identity", "biometric", "contact" }, { "search_notice" } },
	{ "statistics", { NULL }, { NULL } },
	{ "audit", { NULL }, { NULL } },
	{ "inspection", { NULL }, { NULL } },
};

static bool is_named(const char *name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n && list[i] != NULL; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	return false;
}

static void a_purpose_opens_what_it_is_for(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(uses); i++) {
		int purpose = policy_purpose_named(policy, uses[i].purpose, strlen(uses[i].purpose));

		assert_true(purpose >= 0);
		for (unsigned j = 0; j < policy_fields(policy); j++) {
			const struct policy_field *f = policy_field(policy, j);
			bool wanted = is_named(f->name, uses[i].fields, COUNT(uses[i].fields)) ||
			    is_named(class_of(f->class)->name, uses[i].classes, COUNT(uses[i].classes));

			if (!wanted && (f->purposes >> purpose & 1) != 0)
				fail_msg("%s is for %s", f->name, uses[i].purpose);
		}
	}
}

/*
 * What has level 5, is biometric or a measure of guardianship stands in no default view itself: to see it is to reveal it, with a
 * reason.
 */
static void the_gravest_is_revealed_and_never_just_read(void **state)
{
	static const char *const grave[] = { "biometric", "custody" };
	unsigned revealed = 0;

	(void)state;
	for (unsigned i = 0; i < policy_roles(policy); i++)
		for (unsigned j = 0; j < policy_fields(policy); j++) {
			const struct policy_role *r = policy_role(policy, i);
			const struct policy_field *f = policy_field(policy, j);

			if (class_of(f->class)->level < 5 && !is_among(class_of(f->class)->name, grave, COUNT(grave)))
				continue;
			for (int purpose = 0; purpose < (int)policy_purposes(policy); purpose++) {
				struct policy_subject who = { &r->id, 1, purpose };
				struct read_decision d = policy_decide_read(policy, &who, f, false);

				if (d.reason == DECIDE_YES && d.class == f->class)
					fail_msg("%s reads %s without a reason", r->name, f->name);
				revealed += policy_decide_read(policy, &who, f, true).reason == DECIDE_YES;
			}
		}
	assert_true(revealed > 20);
}

/* Payment needs neither why a child is paid for nor what else it gets; guidance and activities need no identity. */
static void some_departments_see_less_than_others(void **state)
{
	static const struct {
		const char *role, *fields[8];
	} all[] = {
		{ "finance", { "allowance_type", "allowance_amount", "allowance_standard", "decision_result", "exit_record", "bank_account",
		    "payment_log" } },
		{ "womens-federation", { "live_division" } },
		{ "youth-league", { "live_division" } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(all); i++)
		for (unsigned j = 0; j < policy_fields(policy); j++) {
			const struct policy_field *f = policy_field(policy, j);
			bool wanted = is_named(f->name, all[i].fields, COUNT(all[i].fields));

			if ((most_shown(role(all[i].role), f, -1).shown != DENIED) != wanted)
				fail_msg("%s, %s", all[i].role, f->name);
		}
}

/* ---- identity numbers ------------------------------------------------------------------------------------------- */

/* What one role learns of one person's number over all purposes and views. */
struct known {
	bool number, masked, division, sex, tail;
	unsigned days;	/* of birth that are left */
};

static void learn(struct known *k, const struct policy_field *f, enum view_op op)
{
	bool number = f->validator == VALID_V3_ID_NO || f->validator == VALID_V11_DISABILITY_CERT || f->validator == VALID_V14_STUDENT_NO;
	unsigned days = 6570;

	k->number = k->number || (number && op == VIEW_PLAIN);
	k->masked = k->masked || (number && op != VIEW_PRESENT);
	k->division = k->division || (number && op != VIEW_PRESENT) || (f->validator == VALID_V8_DIVISION && op != VIEW_PRESENT);
	k->tail = k->tail || (number && op == VIEW_M2_ID) || (number && op == VIEW_M7_DISABILITY);
	k->sex = k->sex || (f->validator == VALID_V4_SEX && op != VIEW_PRESENT);
	if (f->validator == VALID_V5_BIRTH_DATE)
		days = op == VIEW_PLAIN ? 1 : op == VIEW_M5_YEAR ? 365 : op == VIEW_PRESENT ? 6570 : 91;
	k->days = days < k->days ? days : k->days;
	/* No mask shows more than the first six digits and the check character. */
	assert_false(number && op == VIEW_M11_TAIL);
}

static unsigned candidates(const struct known *k)
{
	unsigned n = k->days * (k->sex ? 500 : 1000) * (k->division ? 1 : 3000);

	return k->tail ? n / 11 : n;
}

static void learn_all(struct known *k, const struct policy_role *r, const struct policy_field *f)
{
	struct policy_subject who = { &r->id, 1, 0 };
	struct read_decision d;

	for (; who.purpose < (int)policy_purposes(policy); who.purpose++)
		for (int clear = 0; clear < 2; clear++)
			if ((d = policy_decide_read(policy, &who, f, clear != 0)).reason == DECIDE_YES)
				learn(k, f, op_in(f, d.class));
}

static const char *const people[] = { "", "guardian", "father", "mother" };

static struct known all_of(const struct policy_role *r, const char *about)
{
	struct known k = { .days = 6570 };

	for (unsigned n = 0; n < policy_fields(policy); n++)
		if (strcmp(policy_field(policy, n)->about, about) == 0)
			learn_all(&k, r, policy_field(policy, n));
	return k;
}

/* What one who holds both roles learns. */
static struct known both(const struct known *a, const struct known *b)
{
	return (struct known){ a->number || b->number, a->masked || b->masked, a->division || b->division, a->sex || b->sex,
		a->tail || b->tail, a->days < b->days ? a->days : b->days };
}

/* Neither with one role nor with two, whichever these are. */
static void nobody_rebuilds_an_identity_number(void **state)
{
	static struct known known[POLICY_ROLES];
	unsigned masked = 0;

	(void)state;
	for (size_t j = 0; j < COUNT(people); j++) {
		for (unsigned i = 0; i < policy_roles(policy); i++)
			known[i] = all_of(policy_role(policy, i), people[j]);
		for (unsigned i = 0; i < policy_roles(policy); i++)
			for (unsigned n = 0; n <= i; n++) {
				struct known k = both(&known[i], &known[n]);

				if (k.masked && !k.number && candidates(&k) < 40)
					fail_msg("%s, %s: %u numbers are left of %s", policy_role(policy, i)->name, policy_role(policy,
					    n)->name,
					    candidates(&k), people[j]);
				masked += k.masked && !k.number;
			}
	}
	assert_true(masked > 100);
}

/* ---- daily work ------------------------------------------------------------------------------------------------- */

static void a_file_is_opened_whole_and_read_by_its_worker(void **state)
{
	int purpose = policy_purpose_named(policy, "intake", strlen("intake"));
	struct policy_subject intake = { &role("intake")->id, 1, purpose }, worker = { &role("caseworker")->id, 1, purpose };
	const char *const *names = synth_names();

	(void)state;
	for (unsigned i = 0; i < SYNTH_FIELDS; i++) {
		assert_int_equal(policy_decide_write(policy, &intake, field(names[i]), true).reason, DECIDE_YES);
		assert_int_equal(policy_decide_write(policy, &worker, field(names[i]), true).reason, DECIDE_YES);
		assert_int_equal(policy_decide_read(policy, &worker, field(names[i]), false).reason, DECIDE_YES);
		if (strcmp(names[i], "bank_account") != 0)
			assert_int_equal(policy_decide_read(policy, &worker, field(names[i]), true).reason, DECIDE_YES);
	}
}

/* Whether somebody of the department may write the field, for some purpose, at any time. */
static bool department_writes(uint16_t department, const struct policy_field *f)
{
	struct policy_subject who = { NULL, 1, 0 };

	for (unsigned i = 0; i < policy_roles(policy); i++) {
		who.roles = &policy_role(policy, i)->id;
		for (who.purpose = 0; who.purpose < (int)policy_purposes(policy); who.purpose++)
			if (policy_role(policy, i)->department == department &&
			    policy_decide_write(policy, &who, f, false).reason == DECIDE_YES)
				return true;
	}
	return false;
}

static void each_source_can_write_what_it_owns(void **state)
{
	const struct policy_field *f;

	(void)state;
	for (unsigned i = 0; i < policy_fields(policy); i++) {
		f = policy_field(policy, i);
		if (f->predicate.rule == PREDICATE_NONE && !department_writes(f->owner, f))
			fail_msg("nobody of %s writes %s", policy_department_name(policy, f->owner), f->name);
	}
}

static void who_must_report_hands_in_and_reads_nothing(void **state)
{
	static const char *const reporters[] = { "caseworker", "township-worker", "village-worker", "school", "organisation", "institution",
		"health-office" };
	int purpose = policy_purpose_named(policy, "emergency", strlen("emergency"));

	(void)state;
	for (size_t i = 0; i < COUNT(reporters); i++) {
		struct policy_subject who = { &role(reporters[i])->id, 1, purpose };
		struct write_decision d = policy_decide_write(policy, &who, field("mandatory_report"), false);

		assert_int_equal(d.reason, DECIDE_YES);
		assert_true(d.write_only);
		assert_int_equal(most_shown(role(reporters[i]), field("mandatory_report"), -1).shown, DENIED);
	}
}

static void what_was_collected_is_changed_by_its_owner_alone(void **state)
{
	static const char *const collected[] = { "disability_level", "disability_cert_no", "health_summary", "school_name",
		"insurance_status", "birth_cert_no", "housing_aid" };
	int purpose = policy_purpose_named(policy, "update", strlen("update"));
	struct policy_subject worker = { &role("caseworker")->id, 1, purpose };

	(void)state;
	for (size_t i = 0; i < COUNT(collected); i++) {
		assert_int_equal(policy_decide_write(policy, &worker, field(collected[i]), true).reason, DECIDE_YES);
		assert_int_equal(policy_decide_write(policy, &worker, field(collected[i]), false).reason, DECIDE_NOT_OWNER);
	}
	assert_int_equal(policy_decide_write(policy, &worker, field("address"), false).reason, DECIDE_YES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cell_of_the_matrix_holds),
		cmocka_unit_test(an_answer_shows_no_more_than_its_row),
		cmocka_unit_test(every_row_has_its_owner),
		cmocka_unit_test(no_field_stands_outside_the_matrix),
		cmocka_unit_test(only_hidden_classes_are_not_counted),
		cmocka_unit_test(masks_are_kept_by_keys),
		cmocka_unit_test(the_school_has_no_key_of_what_is_not_its_own),
		cmocka_unit_test(what_no_line_allows_is_denied),
		cmocka_unit_test(a_purpose_opens_what_it_is_for),
		cmocka_unit_test(the_gravest_is_revealed_and_never_just_read),
		cmocka_unit_test(some_departments_see_less_than_others),
		cmocka_unit_test(nobody_rebuilds_an_identity_number),
		cmocka_unit_test(a_file_is_opened_whole_and_read_by_its_worker),
		cmocka_unit_test(each_source_can_write_what_it_owns),
		cmocka_unit_test(who_must_report_hands_in_and_reads_nothing),
		cmocka_unit_test(what_was_collected_is_changed_by_its_owner_alone),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
