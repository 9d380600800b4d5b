/* Members of the JSON bodies of docs/POLICY.md section 5, each with the type and range that it has. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "format/value.h"
#include "vault/gov_internal.h"

static const struct {
	const char *name;
	uint8_t type;
	const char *expected;		/* what a missing or wrong one should be */
} members[MEMBERS] = {
	[MEMBER_KIND] = { "kind", VALUE_TEXT,
	    "grant, bulk, export, members, roles, rekey, classes, rewrap, remove, restore, policy or split" },
	[MEMBER_PRINCIPAL] = { "principal", VALUE_TEXT, "login name of a person who may act, with a role for the purposes" },
	[MEMBER_RECORD] = { "record", VALUE_TEXT, "id of a record" },
	[MEMBER_RECORDS] = { "records", VALUE_LIST, "1 to 512 different ids of records" },
	[MEMBER_COUNT] = { "records", VALUE_INTEGER, "1 to 1000000" },
	[MEMBER_PURPOSES] = { "purposes", VALUE_LIST, "different purposes of the policy, at least one" },
	[MEMBER_PURPOSE] = { "purpose", VALUE_TEXT, "purpose of the policy" },
	[MEMBER_FIELDS] = { "fields", VALUE_LIST, "different fields of the policy, at least one" },
	[MEMBER_UNTIL] = { "until", VALUE_TEXT,
	    "date YYYY-MM-DD, today or later, at most 90 days ahead (an assignment's or delegation's 400)" },
	[MEMBER_LEVEL] = { "level", VALUE_INTEGER, "3 or 4" },
	[MEMBER_NOTE] = { "note", VALUE_TEXT, "text of at most 512 bytes" },
	[MEMBER_REASON] = { "reason", VALUE_TEXT, "text of 1 to 512 bytes" },
	[MEMBER_READS] = { "reads", VALUE_INTEGER, "0 (no limit) to 1000000" },
	[MEMBER_AREA] = { "area", VALUE_TEXT, "division code of at most 12 digits" },
	[MEMBER_STATE] = { "state", VALUE_TEXT, "state of a record" },
	[MEMBER_DOCUMENT] = { "document", VALUE_TEXT, "base64 of a compiled policy" },
	[MEMBER_SIGNATURE] = { "signature", VALUE_TEXT, "base64 of the caller's signature, 128 bytes" },
	[MEMBER_PUBLIC] = { "public", VALUE_TEXT,
	    "text of a public file that proves itself and whose keys, id and name are nobody's here" },
	[MEMBER_ROLES] = { "roles", VALUE_LIST,
	    "different roles of the policy, at most 7, for this kind of principal, with custody shares" },
	[MEMBER_NAME] = { "name", VALUE_TEXT, "one line of at most 255 bytes" },
	[MEMBER_DEPARTMENT] = { "department", VALUE_TEXT, "one line of at most 255 bytes" },
	[MEMBER_POST] = { "post", VALUE_TEXT, "one line of at most 255 bytes" },
	[MEMBER_VETTED] = { "vetted", VALUE_TEXT, "date YYYY-MM-DD, today or at most a year before" },
	[MEMBER_PERSON] = { "person", VALUE_TEXT, "login name of somebody who is the same natural person" },
	[MEMBER_AS] = { "as", VALUE_TEXT, "person, app, administrator, custodian or auditor" },
	[MEMBER_ENDS] = { "ends", VALUE_TEXT, "date YYYY-MM-DD, today or later" },
	[MEMBER_SHARES] = { "shares", VALUE_TEXT, "base64 of one sealed share of each role, 112 bytes each" },
	[MEMBER_DUTY] = { "duty", VALUE_TEXT, "system, security or audit, of an administrator and of nobody else" },
	[MEMBER_ROLE_SET] = { "roles", VALUE_LIST, "different roles of the policy, with custody shares" },
	[MEMBER_WITHOUT] = { "without", VALUE_LIST, "different login names of members" },
	[MEMBER_REMOVED] = { "removed", VALUE_BOOL, "true only where somebody is left out" },
	[MEMBER_NEW_CLASSES] = { "classes", VALUE_BOOL, "true or false" },
	[MEMBER_CLASSES] = { "classes", VALUE_LIST,
	    "different classes of the policy, or new ones as 0xNNNN, with keys that custodians hold" },
	[MEMBER_THRESHOLD] = { "threshold", VALUE_INTEGER, "2 to the number of holders" },
	[MEMBER_HOLDERS] = { "holders", VALUE_LIST, "2 to 16 lines of at most 63 bytes" },
	[MEMBER_MONTH] = { "month", VALUE_TEXT, "month YYYY-MM that is over, of this vault" },
	[MEMBER_SIZE] = { "size", VALUE_INTEGER, "size of the checkpoint that closed the month's last day" },
	[MEMBER_ROOT] = { "root", VALUE_TEXT, "base64 of its root, 32 bytes" },
	[MEMBER_DIGEST] = { "digest", VALUE_TEXT, "base64 of the digest of the month's items, 32 bytes" },
	[MEMBER_RESULTS] = { "results", VALUE_LIST,
	    "at most 4096 different items as ITEM:fine, ITEM:explained or ITEM:followed, ITEM of 16 hexadecimal digits" },
	[MEMBER_FROM] = { "from", VALUE_TEXT, "month YYYY-MM, this one or a coming one" },
	[MEMBER_MONTH_KEYS] = { "keys", VALUE_LIST, "base64 of 1 to 60 X25519 public keys, of from and the months behind it" },
	[MEMBER_MADE] = { "made", VALUE_INTEGER, "when it was signed, ms since 1970: later than your list before" },
	[MEMBER_SIGNED] = { "signature", VALUE_TEXT, "base64 of the auditor's signature of the list, 64 bytes" },
};
#define COUNT_MAX 1000000

static void fault(struct vault_call *c, enum gov_member m, unsigned problem)
{
	call_field_error(c, wire_text(members[m].name, strlen(members[m].name)), problem, members[m].expected);
}

static bool is_named(const struct wire_text *t, const char *name)
{
	return strlen(name) == t->n && memcmp(name, t->p, t->n) == 0;
}

/* The member of a set with this name: `records` is a list for some and a number for others. */
static enum gov_member find_member(const struct wire_text *name, uint64_t set)
{
	unsigned m = 0;

	while (m < MEMBERS && ((set & MEMBER(m)) == 0 || !is_named(name, members[m].name)))
		m++;
	return (enum gov_member)m;
}

static bool has_type(const struct wire_value *x, uint8_t type)
{
	return x->type == type && value_check(x->type, x->p, x->n) == 0;
}

unsigned gov_input_take(struct vault_call *c, struct wire_list fields, uint64_t must, uint64_t may, struct gov_input *ret)
{
	uint64_t came = 0;
	struct wire_field f;

	memset(ret, 0, sizeof(*ret));
	while (wire_fields_next(&fields, &f)) {
		enum gov_member m = find_member(&f.name, must | may);

		if (m == MEMBERS)
			call_field_error(c, f.name, PROBLEM_UNKNOWN_MEMBER, "a member that this object has");
		else if ((came & MEMBER(m)) != 0)
			fault(c, m, PROBLEM_DUPLICATE_MEMBER);
		else if (has_type(&f.value, members[m].type))
			ret->value[m] = f.value;
		else if (f.value.type != VALUE_NULL || (must & MEMBER(m)) != 0)	/* a null that may stand is as if it had not come */
			fault(c, m, PROBLEM_WRONG_TYPE);
		/* A member that came and was faulty is not told to be missing, too. */
		if (m != MEMBERS)
			came |= MEMBER(m);
	}
	for (unsigned m = 0; m < MEMBERS; m++)
		if ((must & ~came & MEMBER(m)) != 0)
			fault(c, (enum gov_member)m, PROBLEM_VALIDATION);
	return c->problem;
}

enum gov_kind gov_input_kind(struct vault_call *c, struct wire_list fields)
{
	struct wire_field f;

	while (wire_fields_next(&fields, &f)) {
		struct wire_text text = { (const char *)f.value.p, f.value.n };

		if (!is_named(&f.name, "kind"))
			continue;
		for (unsigned i = 1; f.value.type == VALUE_TEXT && i < GOV_KINDS; i++)
			if (is_named(&text, gov_kind_name(i)))
				return (enum gov_kind)i;
		fault(c, MEMBER_KIND, f.value.type == VALUE_TEXT ? PROBLEM_VALIDATION : PROBLEM_WRONG_TYPE);
		return 0;
	}
	fault(c, MEMBER_KIND, PROBLEM_VALIDATION);
	return 0;
}

/* ---- a draft ---------------------------------------------------------------------------------------------------------- */

struct gov_draft *gov_draft_begin(const struct vault_call *c, enum gov_type type, enum gov_state state)
{
	static struct gov_draft d;

	memset(&d.o, 0, sizeof(d.o));
	d.error = 0;
	buf_init(&d.document, GOV_DOCUMENT_MAX + 3);
	buf_init(&d.keys, GOV_KEYS_MAX * GOV_SEALED_KEY);
	d.o.prefix.type = (uint16_t)type;
	d.o.prefix.state = (uint8_t)state;
	crypto_random(d.o.id, 16);
	memcpy(d.o.by, c->principal->id, 16);
	memcpy(d.o.principal, c->principal->id, 16);
	d.o.created_ms = c->now_ms;
	return &d;
}

void gov_draft_end(struct gov_draft *d)
{
	buf_free(&d->document);
	buf_free(&d->keys);
	wipe(&d->o, sizeof(d->o));
	wipe(d->records, sizeof(d->records));
	wipe(d->fields, sizeof(d->fields));
}

static int compare2(const void *a, const void *b) { return memcmp(a, b, 2); }
static int compare4(const void *a, const void *b) { return memcmp(a, b, 4); }
static int compare16(const void *a, const void *b) { return memcmp(a, b, 16); }

bool gov_input_sort(uint8_t *p, size_t n, size_t unit)
{
	qsort(p, n, unit, unit == 2 ? compare2 : unit == 4 ? compare4 : compare16);
	for (size_t i = 1; i < n; i++)
		if (memcmp(p + (i - 1) * unit, p + i * unit, unit) == 0)
			return false;
	return true;
}

/* A purpose of the policy, or one that no policy can have: then the call is declined. */
static bool take_purpose(struct vault *v, struct vault_call *c, const uint8_t *p, size_t n, uint8_t ret[2])
{
	int at = policy_purpose_named(v->policy, (const char *)p, n);

	if (policy_purpose_prohibited((const char *)p, n))
		c->rule = DECIDE_PROHIBITED;
	if (at < 0)
		return false;
	be16_put(ret, policy_purpose(v->policy, (unsigned)at)->id);
	return true;
}

static bool take_field(struct vault *v, const uint8_t *p, size_t n, uint8_t ret[2])
{
	const struct policy_field *f = policy_field_named(v->policy, (const char *)p, n);

	if (f == NULL)
		return false;
	be16_put(ret, f->id);
	return true;
}

/* The id of a record that exists, and its serial; false with d->error: nobody knows. */
static bool take_record(struct vault *v, const uint8_t *p, size_t n, struct gov_draft *d, uint8_t ret[16], uint64_t *ret_serial)
{
	struct store_value val;
	int r;

	if (n != 32 || hex_decode((const char *)p, n, ret, 16) != 0)
		return false;
	if ((r = store_get(v->store, STORE_MAP, ret, 16, &val)) != 0) {
		d->error = r != CV_ERR_NOTFOUND ? r : d->error;
		return false;
	}
	*ret_serial = be48_get(val.p);
	return true;
}

/* A list of texts, each made into unit bytes of an ascending set. */
static bool take_set(struct vault *v, struct vault_call *c, enum gov_member m, const struct wire_value *x, size_t max, uint8_t *to,
    struct gov_draft *d, struct gov_bytes *ret)
{
	size_t unit = m == MEMBER_RECORDS ? 16 : 2, n = 0;
	struct value_walk w = value_walk(VALUE_LIST, x->p, x->n);
	struct value_item item;
	uint64_t serial;
	bool good = true;

	while (good && value_next(&w, &item)) {
		good = item.type == VALUE_TEXT && n < max;
		if (good && m == MEMBER_RECORDS)
			good = take_record(v, item.p, item.n, d, to + n * unit, &serial);
		else if (good && m == MEMBER_PURPOSES)
			good = take_purpose(v, c, item.p, item.n, to + n * unit);
		else if (good)
			good = take_field(v, item.p, item.n, to + n * unit);
		n++;
	}
	*ret = (struct gov_bytes){ to, n * unit };
	return good && n > 0 && gov_input_sort(to, n, unit);
}

static bool leap_year(unsigned y)
{
	return y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
}

bool gov_input_date(const struct wire_value *x, int32_t *ret)
{
	static const uint8_t lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	unsigned part[3] = { 0, 0, 0 }, at = 0;

	if (x->n != 10 || value_check(VALUE_DATE, x->p, x->n) != 0)
		return false;
	for (size_t i = 0; i < x->n; i++)
		if (x->p[i] == '-')
			at++;
		else
			part[at] = part[at] * 10 + (unsigned)(x->p[i] - '0');
	if (part[1] < 1 || part[1] > 12 || part[2] < 1)
		return false;
	if (part[2] > lengths[part[1] - 1] + (part[1] == 2 && leap_year(part[0]) ? 1u : 0u))
		return false;
	*ret = clock_days((int)part[0], part[1], part[2]);
	return true;
}

static bool take_day(const struct vault_call *c, const struct wire_value *x, int32_t days, uint32_t *ret)
{
	int32_t day;

	if (!gov_input_date(x, &day) || day < c->today || day > c->today + days)
		return false;
	*ret = (uint32_t)day + 1;
	return true;
}

static bool take_number(const struct wire_value *x, int64_t least, int64_t most, uint32_t *ret)
{
	int64_t n = value_integer(x->p);

	if (n < least || n > most)
		return false;
	*ret = (uint32_t)n;
	return true;
}

static bool take_text(const struct wire_value *x, size_t least, size_t most, struct gov_bytes *ret)
{
	size_t blanks = 0;

	while (blanks < x->n && x->p[blanks] <= ' ')
		blanks++;
	if (x->n - blanks < least || x->n > most)
		return false;
	*ret = (struct gov_bytes){ x->p, x->n };
	return true;
}

static bool take_area(const struct wire_value *x, struct gov_bytes *ret)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->p[i] < '0' || x->p[i] > '9')
			return false;
	*ret = (struct gov_bytes){ x->p, x->n };
	return x->n <= AREA_MAX;
}

static bool take_state(const struct wire_value *x, struct gov_bytes *ret)
{
	*ret = (struct gov_bytes){ x->p, x->n };
	return head_state_named((const char *)x->p, x->n) != 0;
}

void gov_input_fault(struct vault_call *c, enum gov_member m)
{
	fault(c, m, PROBLEM_VALIDATION);
}

bool gov_input_bytes(struct vault_call *c, enum gov_member m, const struct wire_value *x, uint8_t *ret, size_t n)
{
	size_t got;

	if (b64_decode(B64_STD, (const char *)x->p, x->n, ret, n, &got) == 0 && got == n)
		return true;
	fault(c, m, PROBLEM_VALIDATION);
	return false;
}

static bool take_principal(struct vault *v, const struct wire_value *x, uint8_t ret[16])
{
	const struct principal *p = directory_principal_named(v->keys, (const char *)x->p, x->n);

	if (p != NULL)
		memcpy(ret, p->id, 16);
	return p != NULL;
}

/* One member into the draft; false: out of its range. */
static bool take(struct vault *v, struct vault_call *c, enum gov_member m, const struct wire_value *x, int32_t days,
    struct gov_draft *d)
{
	uint32_t level;

	switch (m) {
	case MEMBER_PRINCIPAL:
		return take_principal(v, x, d->o.principal);
	case MEMBER_RECORD:
		return take_record(v, x->p, x->n, d, d->o.record, &d->o.prefix.serial);
	case MEMBER_RECORDS:
		return take_set(v, c, m, x, GOV_RECORDS_MAX, d->records, d, &d->o.records);
	case MEMBER_PURPOSES:
		return take_set(v, c, m, x, GOV_PURPOSES_MAX, d->purposes, d, &d->o.purposes);
	case MEMBER_FIELDS:
		return take_set(v, c, m, x, GOV_FIELDS_MAX, d->fields, d, &d->o.fields);
	case MEMBER_PURPOSE:
		d->o.purposes = (struct gov_bytes){ d->purposes, 2 };
		return take_purpose(v, c, x->p, x->n, d->purposes);
	case MEMBER_COUNT:
		return take_number(x, 1, COUNT_MAX, &d->o.count);
	case MEMBER_READS:
		return take_number(x, 0, COUNT_MAX, &d->o.count);
	case MEMBER_UNTIL:
		return take_day(c, x, days, &d->o.prefix.due_day);
	case MEMBER_LEVEL:
		if (!take_number(x, 3, 4, &level))
			return false;
		d->o.level = (uint8_t)level;
		return true;
	case MEMBER_NOTE:
		return take_text(x, 0, GOV_TEXT_MAX, &d->o.text);
	case MEMBER_REASON:
		return take_text(x, 1, GOV_TEXT_MAX, &d->o.text);
	case MEMBER_AREA:
		return take_area(x, &d->o.area);
	case MEMBER_STATE:
		return take_state(x, &d->o.status);
	default:
		return true;
	}
}

unsigned gov_draft_fill(struct vault *v, struct vault_call *c, const struct gov_input *in, int32_t days, struct gov_draft *d)
{
	bool unknown = false;

	for (unsigned m = 0; m < MEMBERS; m++) {
		if (in->value[m].p == NULL || take(v, c, (enum gov_member)m, &in->value[m], days, d))
			continue;
		/* A disk that does not read is not a record that is not there. */
		if (d->error != 0)
			return call_failed(c, d->error);
		fault(c, (enum gov_member)m, PROBLEM_VALIDATION);
		unknown = unknown || m == MEMBER_PRINCIPAL;
	}
	if (c->rule == DECIDE_PROHIBITED)
		return call_decline(c, DECIDE_PROHIBITED, "%s", "");
	if (unknown)
		c->rule = DECIDE_GRANTEE_UNKNOWN;
	return c->problem;
}
