/*
 * View operators: total functions from a stored value to what may be shown of it. Each first makes sure that it
 * understands the whole value; anything else is suppressed, so that a value nobody foresaw never shows.
 */
#include "model/model_internal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "format/value.h"
#include "model/validate.h"

#define FAR_FUTURE INT32_MAX	/* a view judges the form of a stored value, not when it came */
#define OUT_MAX 256
#define STARS_NUMBER "***********"	/* 11 */

/* A result under construction. A write that does not fit suppresses it. */
struct out {
	char s[OUT_MAX];
	size_t n;
	bool bad;
};

static void put(struct out *o, const char *s, size_t n)
{
	if (n > sizeof(o->s) - o->n) {
		o->bad = true;
		return;
	}
	memcpy(o->s + o->n, s, n);
	o->n += n;
}

static void put_text(struct out *o, const char *s)
{
	put(o, s, strlen(s));
}

/* ---- m1 names -------------------------------------------------------------------------------------------------- */

/*
 * Compound surnames in use. Those that hardly anybody bears, but that begin with a common surname, are left out: with
 * them the first character of a given name would show.
 */
static const char *const compound[] = {
	"欧阳", "太史", "端木", "上官", "司马", "东方", "独孤", "南宫", "万俟", "闻人", "夏侯", "诸葛", "尉迟", "公羊", "赫连", "澹台",
	"皇甫", "宗政", "濮阳", "公冶", "太叔", "申屠", "公孙", "慕容", "仲孙", "钟离", "长孙", "宇文", "司徒", "鲜于", "司空", "闾丘",
	"子车", "亓官", "司寇", "巫马", "公西", "颛孙", "壤驷", "公良", "漆雕", "乐正", "宰父", "谷梁", "拓跋", "夹谷", "轩辕", "令狐",
	"百里", "呼延", "东郭", "南门", "羊舌", "微生", "公户", "公玉", "公仪", "公仲", "公上", "公门", "公山", "公坚",
	"公伯", "西门", "公祖", "第五", "公乘", "公皙", "即墨", "达奚",
	"褚师", "纳兰", "完颜", "叶赫", "耶律", "歐陽", "諸葛", "尉遲", "東方", "鍾離", "長孫", "鮮于"
};

/* Bytes of the surname's characters: two if it is compound and a given name follows. */
static size_t surname_bytes(const char *s, size_t n)
{
	uint32_t cp;
	size_t first = utf8_next(s, n, &cp), len;

	for (size_t i = 0; i < sizeof(compound) / sizeof(compound[0]); i++) {
		len = strlen(compound[i]);
		if (n > len && memcmp(s, compound[i], len) == 0)
			return len;
	}
	return first;
}

static void m1_name(const char *s, size_t n, struct out *o)
{
	uint32_t cp;

	if (!validate_text(VALID_V1_NAME, s, n, FAR_FUTURE)) {
		o->bad = true;
		return;
	}
	/* A name in the manner A·B has no surname before the dot. */
	put(o, s, memmem(s, n, "·", 2) != NULL ? utf8_next(s, n, &cp) : surname_bytes(s, n));
	put_text(o, "**");
}

bool view_is_call_name(const char *s, size_t n)
{
	return validate_text(VALID_V1_NAME, s, n, FAR_FUTURE) && utf8_count(s, n) <= 8 && memmem(s, n, "·", 2) == NULL;
}

static void m1o_call_name(const char *s, size_t n, struct out *o)
{
	o->bad = !view_is_call_name(s, n);
	put(o, s, n);
}

/* ---- numbers --------------------------------------------------------------------------------------------------- */

static bool id_form(const char *s)
{
	for (size_t i = 0; i < 17; i++)
		if (s[i] < '0' || s[i] > '9')
			return false;
	return (s[17] >= '0' && s[17] <= '9') || s[17] == 'X';
}

static void put_id(const char *s, struct out *o)
{
	put(o, s, 6);
	put_text(o, STARS_NUMBER);
	put(o, s + 17, 1);
}

/* Also the student number G and identity number. */
static void m2_id(const char *s, size_t n, struct out *o)
{
	size_t prefix = n == 19 && s[0] == 'G' ? 1 : 0;

	if (n != 18 + prefix || !id_form(s + prefix)) {
		o->bad = true;
		return;
	}
	put(o, s, prefix);
	put_id(s + prefix, o);
}

static void m3_phone(const char *s, size_t n, struct out *o)
{
	if (!validate_text(VALID_V9_PHONE, s, n, FAR_FUTURE)) {
		o->bad = true;
		return;
	}
	if (s[0] == '1') {
		put(o, s, 3);
		put_text(o, "****");
		put(o, s + 7, 4);
		return;
	}
	put(o, s, s[1] == '1' || s[1] == '2' ? 3 : 4);
	put_text(o, "****");
	put(o, s + n - 2, 2);
}

static void m6_account(const char *s, size_t n, struct out *o)
{
	for (size_t i = 0; i < n; i++)
		o->bad = o->bad || s[i] < '0' || s[i] > '9';
	if (o->bad || n < 12) {
		o->bad = true;
		return;
	}
	put_text(o, "****");
	put(o, s + n - 4, 4);
}

/* Type and level of the disability are the certificate's last digits: they stay hidden. */
static void m7_disability(const char *s, size_t n, struct out *o)
{
	if (!validate_text(VALID_V11_DISABILITY_CERT, s, n, FAR_FUTURE)) {
		o->bad = true;
		return;
	}
	put_id(s, o);
	put_text(o, "**");
}

static void m11_tail(const char *s, size_t n, struct out *o)
{
	size_t tail = n < 8 ? 2 : 4;
	char c;

	for (size_t i = 0; i < n; i++) {
		c = s[i];
		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-'))
			o->bad = true;
	}
	/* Below 5 characters the tail would be half of it or more. */
	if (o->bad || n < 5) {
		o->bad = true;
		return;
	}
	put_text(o, "****");
	put(o, s + n - tail, tail);
}

/* ---- places ---------------------------------------------------------------------------------------------------- */

/* A division code cut to its first digits; one that is coarser than that is filled up with zeros. */
static void put_division(const char *s, size_t n, size_t digits, struct out *o)
{
	if (!validate_text(VALID_V8_DIVISION, s, n, FAR_FUTURE)) {
		o->bad = true;
		return;
	}
	put(o, s, n < digits ? n : digits);
	put(o, "000000", n < digits ? digits - n : 0);
}

static void m4_place(uint8_t type, const char *s, size_t n, bool village, struct out *o)
{
	size_t shown;

	if (type == VALUE_CODE) {
		put_division(s, n, village ? 12 : 9, o);
		return;
	}
	shown = village ? address_village(s, n) : address_township(s, n);
	if (shown == 0 || shown > (village ? 192 : 128))
		o->bad = true;
	else
		put(o, s, shown);
}

/* ---- lists and codes --------------------------------------------------------------------------------------------- */

static void list_count(const uint8_t *p, size_t n, struct out *o)
{
	char digits[8];

	if (value_check(VALUE_LIST, p, n) != 0) {
		o->bad = true;
		return;
	}
	(void)snprintf(digits, sizeof(digits), "%u", (unsigned)value_walk(VALUE_LIST, p, n).left);
	put_text(o, digits);
}

/* A code of an older list has no group any more, and a code may have none at all. */
static void code_general(const struct policy_shape *shape, const char *s, size_t n, struct out *o)
{
	for (unsigned i = 0; i < shape->code_count; i++) {
		const struct policy_code *c = &shape->codes[i];

		if (strlen(c->code) == n && memcmp(c->code, s, n) == 0) {
			o->bad = c->general == NULL || c->general[0] == '\0';
			if (!o->bad)
				put_text(o, c->general);
			return;
		}
	}
	o->bad = true;
}

/* ---- dates, money, stages -------------------------------------------------------------------------------------- */

static void m5_year(const char *s, size_t n, struct out *o)
{
	int32_t day;

	if (!date_parse(s, n, &day))
		o->bad = true;
	else
		put(o, s, 4);
}

static void m13_quarter(const char *s, size_t n, struct out *o)
{
	int32_t day;
	char quarter;

	if (!date_parse(s, n, &day)) {
		o->bad = true;
		return;
	}
	quarter = (char)('1' + ((s[5] - '0') * 10 + (s[6] - '0') - 1) / 3);
	put(o, s, 4);
	put_text(o, "Q");
	put(o, &quarter, 1);
}

/* Each band holds its lower edge: half the standard is 0.5x-1x, the standard 1x-2x, its double >=2x. */
static void m9_money(const struct policy_shape *shape, const uint8_t *p, size_t n, struct out *o)
{
	uint64_t standard = shape->standard, v = 0;

	for (size_t i = 0; i < n && i < 8; i++)
		v = v << 8 | p[i];
	/* Negative as an i64, or the largest, which no amount is; below them no double wraps. */
	if (n != 8 || v >= INT64_MAX || standard == 0 || standard > POLICY_STANDARD_MAX)
		o->bad = true;
	else if (v == 0)
		put_text(o, "0");
	else if (2 * v < standard)
		put_text(o, "<0.5x");
	else if (v < standard)
		put_text(o, "0.5x-1x");
	else
		put_text(o, v < 2 * standard ? "1x-2x" : ">=2x");
}

/* The stage that the name of a school tells; a name that tells none or several is suppressed. */
static void m10_stage(const char *s, size_t n, struct out *o)
{
	static const struct {
		const char *mark, *stage;
	} marks[] = {
		{ "幼儿园", "学前" }, { "小学", "小学" }, { "初级中学", "初中" }, { "初中", "初中" }, { "高级中学", "高中" },
		{ "高中", "高中" }, { "职业高中", "中职" }, { "职业高级中学", "中职" }, { "中等职业", "中职" }, { "中等专业", "中职" },
		{ "中专", "中职" }, { "职教中心", "中职" }, { "学前", "学前" }, { "中职", "中职" }, { "大专", "大专" },
		{ "高等专科", "大专" }, { "本科", "本科" }, { "硕士", "硕士" }
	};
	const char *stage = NULL;
	bool vocational = memmem(s, n, "职业", strlen("职业")) != NULL;

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		if (memmem(s, n, marks[i].mark, strlen(marks[i].mark)) == NULL)
			continue;
		if (vocational && strcmp(marks[i].stage, "高中") == 0)
			continue;	/* 职业高中 is 中职 */
		if (stage != NULL && strcmp(stage, marks[i].stage) != 0) {
			o->bad = true;
			return;
		}
		stage = marks[i].stage;
	}
	if (stage == NULL)
		o->bad = true;
	else
		put_text(o, stage);
}

/* ---- the table ------------------------------------------------------------------------------------------------- */

#define BIT(type) (1u << (type))
#define TEXTUAL (BIT(VALUE_TEXT) | BIT(VALUE_CODE))
#define ANY_VALIDATOR (~0u)
#define VALIDATOR(v) (1u << (v))

static const struct op_rule {
	const char *name;
	unsigned types;		/* BIT(VALUE_*) of the field */
	unsigned validators;	/* VALIDATOR() of the field */
	uint16_t padded;	/* one length for all results */
} ops[VIEW_OPS] = {
	[VIEW_M1_NAME] = { "m1", BIT(VALUE_TEXT), VALIDATOR(VALID_V1_NAME), 16 },
	[VIEW_M1O_CALL_NAME] = { "m1o", BIT(VALUE_TEXT), VALIDATOR(VALID_NONE), 32 },
	[VIEW_M2_ID] = { "m2", TEXTUAL, VALIDATOR(VALID_V3_ID_NO) | VALIDATOR(VALID_V14_STUDENT_NO), 24 },
	[VIEW_M3_PHONE] = { "m3", TEXTUAL, VALIDATOR(VALID_V9_PHONE), 16 },
	[VIEW_M4_TOWNSHIP] = { "m4", TEXTUAL, VALIDATOR(VALID_NONE) | VALIDATOR(VALID_V8_DIVISION), 128 },
	[VIEW_M4V_VILLAGE] = { "m4v", TEXTUAL, VALIDATOR(VALID_NONE) | VALIDATOR(VALID_V8_DIVISION), 192 },
	[VIEW_M5_YEAR] = { "m5", BIT(VALUE_DATE), ANY_VALIDATOR, 8 },
	[VIEW_M5B_BIRTH_QUARTER] = { "m5b", BIT(VALUE_DATE), ANY_VALIDATOR, 8 },
	[VIEW_M6_ACCOUNT] = { "m6", TEXTUAL, VALIDATOR(VALID_V15_ACCOUNT), 8 },
	[VIEW_M7_DISABILITY] = { "m7", TEXTUAL, VALIDATOR(VALID_V11_DISABILITY_CERT), 24 },
	[VIEW_M9_MONEY_BAND] = { "m9", BIT(VALUE_INTEGER), ANY_VALIDATOR, 16 },
	[VIEW_M10_STAGE] = { "m10", TEXTUAL, VALIDATOR(VALID_NONE) | VALIDATOR(VALID_V13_STAGE), 8 },
	[VIEW_M11_TAIL] = { "m11", TEXTUAL, ANY_VALIDATOR & ~VALIDATOR(VALID_V1_NAME), 8 },
	[VIEW_M13_QUARTER] = { "m13", BIT(VALUE_DATE), ANY_VALIDATOR, 8 },
	[VIEW_PRESENT] = { "present", ~0u, ANY_VALIDATOR, 8 },
	[VIEW_PLAIN] = { "plain", ~0u, ANY_VALIDATOR, 0 },
	[VIEW_COUNTY] = { "county", TEXTUAL, VALIDATOR(VALID_V8_DIVISION), 8 },
	[VIEW_COUNT] = { "count", BIT(VALUE_LIST), ANY_VALIDATOR, 8 },
	[VIEW_GENERAL] = { "general", BIT(VALUE_CODE), ANY_VALIDATOR, POLICY_CODE_MAX },
	[VIEW_CONTACT] = { "contact", BIT(VALUE_GROUP), ANY_VALIDATOR, 128 }
};

const char *view_op_name(unsigned op)
{
	return op < VIEW_OPS ? ops[op].name : NULL;
}

/* What a contact shows of one member; VIEW_OPS: nothing. Codes that are numbers of their own are no part of a contact. */
static enum view_op contact_op(const struct policy_shape *member)
{
	if (member->type == VALUE_TEXT && member->validator == VALID_V1_NAME)
		return VIEW_M1_NAME;
	if (member->type == VALUE_TEXT && member->validator == VALID_V9_PHONE)
		return VIEW_M3_PHONE;
	if (member->type == VALUE_CODE && (member->validator == VALID_V10_RELATION ||
	    (member->validator == VALID_NONE && member->code_count > 0)))
		return VIEW_PLAIN;
	return VIEW_OPS;
}

static bool contact_fits(const struct policy_shape *s)
{
	for (unsigned i = 0; i < s->member_count; i++)
		if (contact_op(&s->members[i].shape) < VIEW_OPS)
			return true;
	return false;
}

static bool general_fits(const struct policy_shape *s)
{
	for (unsigned i = 0; i < s->code_count; i++)
		if (s->codes[i].general != NULL && s->codes[i].general[0] != '\0')
			return true;
	return false;
}

bool view_op_fits(enum view_op op, const struct policy_shape *s)
{
	const struct op_rule *rule = &ops[op];

	if ((rule->types & BIT(s->type)) == 0 || (rule->validators & VALIDATOR(s->validator)) == 0)
		return false;
	/* A division in words is an address; a code is a division only if its validator says so. */
	if (op == VIEW_M4_TOWNSHIP || op == VIEW_M4V_VILLAGE)
		return (s->type == VALUE_CODE) == (s->validator == VALID_V8_DIVISION);
	/* A view that would never show anything is a mistake. */
	if (op == VIEW_CONTACT)
		return contact_fits(s);
	if (op == VIEW_M9_MONEY_BAND)
		return s->standard > 0;
	return op != VIEW_GENERAL || general_fits(s);
}

static void project(
    enum view_op op, const struct policy_shape *shape, uint8_t type, const char *s, size_t n, struct out *o)
{
	switch (op) {
	case VIEW_M1_NAME:
		m1_name(s, n, o);
		break;
	case VIEW_M1O_CALL_NAME:
		m1o_call_name(s, n, o);
		break;
	case VIEW_M2_ID:
		m2_id(s, n, o);
		break;
	case VIEW_M3_PHONE:
		m3_phone(s, n, o);
		break;
	case VIEW_M4_TOWNSHIP:
	case VIEW_M4V_VILLAGE:
		m4_place(type, s, n, op == VIEW_M4V_VILLAGE, o);
		break;
	case VIEW_M5_YEAR:
		m5_year(s, n, o);
		break;
	case VIEW_M5B_BIRTH_QUARTER:
	case VIEW_M13_QUARTER:
		m13_quarter(s, n, o);
		break;
	case VIEW_M6_ACCOUNT:
		m6_account(s, n, o);
		break;
	case VIEW_M7_DISABILITY:
		m7_disability(s, n, o);
		break;
	case VIEW_M9_MONEY_BAND:
		m9_money(shape, (const uint8_t *)s, n, o);
		break;
	case VIEW_M10_STAGE:
		m10_stage(s, n, o);
		break;
	case VIEW_M11_TAIL:
		m11_tail(s, n, o);
		break;
	case VIEW_COUNTY:
		put_division(s, n, 6, o);
		break;
	case VIEW_COUNT:
		list_count((const uint8_t *)s, n, o);
		break;
	case VIEW_GENERAL:
		code_general(shape, s, n, o);
		break;
	default:
		o->bad = true;
	}
}

void view_suppress(struct value *ret)
{
	ret->type = VALUE_SUPPRESSED;
	ret->p = (const uint8_t *)"";
	ret->n = 0;
}

void view_hand_out(uint8_t type, const void *s, size_t n, struct buf *scratch, struct value *ret)
{
	uint8_t *p = buf_add(scratch, n);

	if (p == NULL) {
		view_suppress(ret);
		return;
	}
	memcpy(p, s, n);
	ret->type = type;
	ret->p = p;
	ret->n = n;
}

/* A code as it came with a write of today's list; any other may be a text that once stood in its place. */
static bool plain_code(const struct policy_shape *s, const struct value_item *m)
{
	if (m->type != VALUE_TEXT && m->type != VALUE_CODE)
		return false;
	return validate_text(s->validator, (const char *)m->p, m->n, FAR_FUTURE) &&
	    (s->code_count == 0 || code_in_list(s, (const char *)m->p, m->n));
}

/* Append what a contact shows of member m to group. false: it cannot be masked. */
static bool contact_member(const struct policy_shape *s, const struct value_item *m, struct buf *group, size_t *count)
{
	enum view_op op = contact_op(s);
	struct out o = { .n = 0 };
	bool ok = true;

	if (op == VIEW_OPS)
		return true;
	if (op == VIEW_PLAIN) {
		if ((ok = plain_code(s, m)))
			put(&o, (const char *)m->p, m->n);
	} else if ((ok = m->type == VALUE_TEXT)) {
		project(op, s, VALUE_TEXT, (const char *)m->p, m->n, &o);
	}
	if ((ok = ok && !o.bad)) {
		value_member_put(group, m->name, m->name_n, VALUE_TEXT, o.s, o.n);
		(*count)++;
	}
	wipe(&o, sizeof(o));
	return ok;
}

/* As a whole or not at all: half a contact would be taken for one that has no other half. */
static bool contact(const struct policy_shape *shape, const struct value *v, struct buf *group)
{
	size_t at = value_begin(group), count = 0;
	struct value_item m;
	struct value_walk w;
	unsigned i;

	if (value_check(v->type, v->p, v->n) != 0)
		return false;
	w = value_walk(v->type, v->p, v->n);
	while (value_next(&w, &m)) {
		for (i = 0; i < shape->member_count; i++)
			if (strlen(shape->members[i].name) == m.name_n && memcmp(shape->members[i].name, m.name, m.name_n) == 0)
				break;
		if (i < shape->member_count && !contact_member(&shape->members[i].shape, &m, group, &count))
			return false;
	}
	value_end(group, at, count);
	return count > 0 && buf_ok(group);
}

static void hand_out_contact(const struct policy_shape *shape, const struct value *v, struct buf *scratch, struct value *ret)
{
	struct buf group;

	buf_init(&group, ops[VIEW_CONTACT].padded);
	if (contact(shape, v, &group))
		view_hand_out(VALUE_GROUP, group.p, group.n, scratch, ret);
	else
		view_suppress(ret);
	buf_free(&group);
}

void view_project(
    enum view_op op, const struct policy_shape *shape, const struct value *v, struct buf *scratch, struct value *ret)
{
	bool typed = view_op_name(op) != NULL && v->type < 16 && (ops[op].types & BIT(v->type)) != 0;
	struct out o = { .n = 0 };

	if (v->type == VALUE_SUPPRESSED) {
		view_suppress(ret);
		return;
	}
	if (v->type == VALUE_NULL || (typed && op == VIEW_PLAIN)) {
		*ret = *v;
		return;
	}
	if (typed && op == VIEW_PRESENT && value_empty(v->type, v->p, v->n)) {
		*ret = (struct value){ .type = VALUE_NULL };
		return;
	}
	if (typed && op == VIEW_PRESENT) {
		view_hand_out(VALUE_BOOL, "\1", 1, scratch, ret);
		return;
	}
	if (typed && op == VIEW_CONTACT) {
		hand_out_contact(shape, v, scratch, ret);
		return;
	}
	if (typed)
		project(op, shape, v->type, (const char *)v->p, v->n, &o);
	if (!typed || o.bad || o.n > ops[op].padded)
		view_suppress(ret);
	else
		view_hand_out(VALUE_TEXT, o.s, o.n, scratch, ret);
	wipe(&o, sizeof(o));
}

uint16_t view_padded(const struct policy_field *f, enum view_op op, size_t n)
{
	return op == VIEW_PLAIN ? field_padded(f, n) : ops[op].padded;
}
