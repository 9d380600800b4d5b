/*
 * Masks must not complete each other. An identity number is 6 digits of a division, 8 of a birth date, 3 of a
 * sequence (odd for men) and a check character that cuts what is left by 11. For each role and each person a file
 * speaks of, this counts the numbers that fit all the role's keys can open, purposes aside: keys last, and two
 * answers to one person add up.
 */
#include "model/model_internal.h"

#include <string.h>

/*
 * First 6 and last 1 with birth date and sex leaves 500 / 11 = 45, which is the least the law's practice wants shown
 * to a township worker. First 6 and last 4 with the year leaves 365 / 11 = 33, and that is refused.
 */
#define CANDIDATES_MIN 40

enum birth { BIRTH_UNKNOWN, BIRTH_YEAR, BIRTH_QUARTER, BIRTH_DAY };

struct known {
	bool number;		/* the number stands in clear: nothing is masked */
	bool masked;		/* some digits of it come from a mask */
	uint32_t digits;	/* bit i: digit i, 1 to 18 */
	enum birth birth;
	bool sex;
	const struct policy_field *field;	/* that holds the masked number */
	uint16_t class;		/* through which it shows */
};

#define DIGITS(from, to) (((2u << (to)) - 1) & ~((1u << (from)) - 1))

static void learn_number(struct known *k, const struct policy_field *f, enum view_op op, uint16_t class)
{
	uint32_t seen = 0;

	if (op == VIEW_PLAIN)
		k->number = true;
	if (op == VIEW_M2_ID || op == VIEW_M7_DISABILITY)
		seen = DIGITS(1, 6) | DIGITS(18, 18);
	if (op == VIEW_M11_TAIL)	/* a disability certificate ends with two digits of its own */
		seen = f->validator == VALID_V11_DISABILITY_CERT ? DIGITS(17, 18) : DIGITS(15, 18);
	if (seen != 0) {
		k->digits |= seen;
		k->masked = true;
		k->field = f;
		k->class = class;
	}
}

static void learn_birth(struct known *k, enum view_op op)
{
	enum birth b = BIRTH_UNKNOWN;

	if (op == VIEW_PLAIN)
		b = BIRTH_DAY;
	if (op == VIEW_M5_YEAR)
		b = BIRTH_YEAR;
	if (op == VIEW_M5B_BIRTH_QUARTER || op == VIEW_M13_QUARTER)
		b = BIRTH_QUARTER;
	if (b > k->birth)
		k->birth = b;
}

/* Identity numbers, and numbers made of one. */
static bool is_number(enum validator v)
{
	return v == VALID_V3_ID_NO || v == VALID_V11_DISABILITY_CERT || v == VALID_V14_STUDENT_NO;
}

/* What a value of a validator, seen through op, tells about the number, unless it is the number itself. */
static void learn_part(struct known *k, enum validator validator, enum view_op op)
{
	if (validator == VALID_V5_BIRTH_DATE)
		learn_birth(k, op);
	if (validator == VALID_V4_SEX)
		k->sex = k->sex || op == VIEW_PLAIN;
	if (validator == VALID_V8_DIVISION && op != VIEW_PRESENT)
		k->digits |= DIGITS(1, 6);
}

/* Whether a text is an address: it has a view that cuts addresses. */
static bool is_address(const struct policy_field *f)
{
	for (unsigned i = 0; i < f->views; i++)
		if (f->view[i].op == VIEW_M4_TOWNSHIP || f->view[i].op == VIEW_M4V_VILLAGE)
			return true;
	return f->notice == VIEW_M4_TOWNSHIP || f->notice == VIEW_M4V_VILLAGE;
}

/* What a holder of op of field f knows, through a class; VIEW_PLAIN stands for the field itself too. */
static void learn(struct known *k, const struct policy_field *f, enum view_op op, uint16_t class)
{
	if (is_number(f->validator))
		learn_number(k, f, op, class);
	else
		learn_part(k, f->validator, op);
	/* An address in words tells the division as its code does. */
	if (is_address(f) && op != VIEW_PRESENT)
		k->digits |= DIGITS(1, 6);
	/* A group speaks of the same person: birth date, sex or division may stand in it. */
	for (unsigned i = 0; i < f->shape.member_count && op == VIEW_PLAIN; i++)
		learn_part(k, f->shape.members[i].shape.validator, op);
}

static uint64_t candidates(const struct known *k)
{
	static const uint32_t births[] = { 6570, 365, 91, 1 };	/* 18 years, a year, a quarter, a day */
	uint64_t n = births[k->birth];

	for (unsigned i = 1; i <= 17; i++) {
		if (i >= 7 && i <= 14)
			continue;
		if ((k->digits & DIGITS(i, i)) == 0)
			n *= i == 17 && k->sex ? 5 : 10;
	}
	return (k->digits & DIGITS(18, 18)) != 0 ? n / 11 : n;
}

static bool holds(const struct policy *p, const struct policy_role *role, uint16_t class)
{
	int at = policy_class_position(p, class);

	return at >= 0 && rights_hold_key(role->rights[at]);
}

/* Whether what is known leaves too few numbers. A number that stands in clear is not masked. */
static bool rebuilds(const struct known *k)
{
	return !k->number && k->masked && candidates(k) < CANDIDATES_MIN;
}

static struct known what_role_knows(const struct policy *p, const struct policy_role *role, const char *about)
{
	struct known k = { 0 };
	const struct policy_field *f;

	for (unsigned i = 0; i < p->s.fields; i++) {
		f = &p->s.field[i];
		if (strcmp(f->about, about) != 0)
			continue;
		if (holds(p, role, f->class))
			learn(&k, f, VIEW_PLAIN, f->class);
		for (unsigned j = 0; j < f->views; j++)
			if (holds(p, role, f->view[j].class))
				learn(&k, f, f->view[j].op, f->view[j].class);
	}
	return k;
}

/* A public notice is read by everybody: what all fields show in it adds up like the keys of a role. */
static struct known what_notices_tell(const struct policy *p, const char *about)
{
	struct known k = { 0 };

	for (unsigned i = 0; i < p->s.fields; i++)
		if (strcmp(p->s.field[i].about, about) == 0 && p->s.field[i].notice != 0)
			learn(&k, &p->s.field[i], p->s.field[i].notice, 0);
	return k;
}

static int check_notices(const struct policy *p, const struct policy_field *f, struct policy_fault *ret)
{
	struct known k = what_notices_tell(p, f->about);

	if (!rebuilds(&k))
		return 0;
	(void)policy_fault_set(ret, PART_FIELD, k.field->id, "what notices show rebuilds an identity number", k.field->name);
	return policy_fault_place(ret, "notice", "");
}

static int check_role(
    const struct policy *p, const struct policy_role *role, const struct policy_field *f, struct policy_fault *ret)
{
	struct known k = what_role_knows(p, role, f->about);

	if (!rebuilds(&k))
		return 0;
	(void)policy_fault_set(
	    ret, PART_ROLE, role->id, "the role's views together rebuild an identity number", k.field->name);
	return policy_fault_place(ret, "rights", policy_class_of(&p->s, k.class)->name);
}

/* Whether a number of the same person stands before field j: then what is known of it was counted. */
static bool is_counted(const struct policy *p, unsigned j)
{
	for (unsigned i = 0; i < j; i++)
		if (is_number(p->s.field[i].validator) && strcmp(p->s.field[i].about, p->s.field[j].about) == 0)
			return true;
	return false;
}

int policy_check_masks(const struct policy *p, struct policy_fault *ret)
{
	const struct policy_field *f;
	int r;

	for (unsigned j = 0; j < p->s.fields; j++) {
		f = &p->s.field[j];
		if (f->notice == VIEW_PLAIN && is_number(f->validator)) {
			(void)policy_fault_set(ret, PART_FIELD, f->id, "a notice shows no identity number in clear", "");
			return policy_fault_place(ret, "notice", "");
		}
		if (!is_number(f->validator) || is_counted(p, j))
			continue;
		if ((r = check_notices(p, f, ret)) != 0)
			return r;
		for (unsigned i = 0; i < p->s.roles; i++)
			if ((r = check_role(p, &p->s.role[i], f, ret)) != 0)
				return r;
	}
	return 0;
}
