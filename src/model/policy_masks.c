/*
 * Masks must not complete each other. An identity number is 6 digits of a division, 8 of a birth date, 3 of a
 * sequence (odd for men) and a check character that cuts what is left by 11. For each role and each person a file
 * speaks of, this counts the numbers that fit all the role's keys can open, purposes aside: keys last, and two
 * answers to one person add up.
 */
#include "model/model_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

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
	const char *field;	/* a field that holds the number */
};

#define DIGITS(from, to) (((2u << (to)) - 1) & ~((1u << (from)) - 1))

static void learn_number(struct known *k, const struct policy_field *f, enum view_op op)
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
		k->field = f->name;
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

/* What a holder of op of field f knows; VIEW_PLAIN stands for the field itself too. */
static void learn(struct known *k, const struct policy_field *f, enum view_op op)
{
	switch (f->validator) {
	case VALID_V3_ID_NO:
	case VALID_V11_DISABILITY_CERT:
	case VALID_V14_STUDENT_NO:
		learn_number(k, f, op);
		break;
	case VALID_V5_BIRTH_DATE:
		learn_birth(k, op);
		break;
	case VALID_V4_SEX:
		k->sex = k->sex || op == VIEW_PLAIN;
		break;
	case VALID_V8_DIVISION:
		if (op != VIEW_PRESENT)
			k->digits |= DIGITS(1, 6);
		break;
	default:
		break;
	}
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

static struct known what_role_knows(const struct policy *p, const struct policy_role *role, const char *about)
{
	struct known k = { 0 };
	const struct policy_field *f;

	for (unsigned i = 0; i < p->s.fields; i++) {
		f = &p->s.field[i];
		if (strcmp(f->about, about) != 0)
			continue;
		if (holds(p, role, f->class))
			learn(&k, f, VIEW_PLAIN);
		for (unsigned j = 0; j < f->views; j++)
			if (holds(p, role, f->view[j].class))
				learn(&k, f, f->view[j].op);
	}
	return k;
}

int policy_check_masks(const struct policy *p, struct policy_fault *ret)
{
	struct known k;

	for (unsigned i = 0; i < p->s.roles; i++)
		for (unsigned j = 0; j < p->s.fields; j++) {
			if (p->s.field[j].validator != VALID_V3_ID_NO)
				continue;
			k = what_role_knows(p, &p->s.role[i], p->s.field[j].about);
			if (k.number || !k.masked || candidates(&k) >= CANDIDATES_MIN)
				continue;
			memset(ret, 0, sizeof(*ret));
			ret->part = PART_ROLE;
			ret->id = p->s.role[i].id;
			ret->text = "the role's views together rebuild an identity number";
			(void)snprintf(ret->other, sizeof(ret->other), "%s", k.field);
			return CV_ERR_INVALID;
		}
	return 0;
}
