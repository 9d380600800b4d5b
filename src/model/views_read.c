/*
 * Views at read time. A stored view was made by the operator of its day: until it is made anew, and for ever in history, it may be a copy
 * or another mask. What today's operator would not have made is suppressed, so that a policy that shows less does so at once.
 */
#include "model/model_internal.h"

#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "format/value.h"
#include "model/validate.h"

#define FAR_FUTURE INT32_MAX	/* names and stages have no day */
#define STARS 4u		/* of a number's tail or middle */
#define STARS_ID 11u

/* ---- what an operator could have made ---------------------------------------------------------------------------- */

static bool all_of(const char *s, size_t n, char from, char to)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] < from || s[i] > to)
			return false;
	return true;
}

static bool digits(const char *s, size_t n)
{
	return all_of(s, n, '0', '9');
}

static bool stars(const char *s, size_t n)
{
	return all_of(s, n, '*', '*');
}

/* A surname of one or two characters and two stars. */
static bool is_masked_name(const char *s, size_t n)
{
	return n > 2 && stars(s + n - 2, 2) && utf8_count(s, n - 2) <= 2 && validate_text(VALID_V1_NAME, s, n - 2, FAR_FUTURE);
}

/* 330106***********X, and tail more stars. */
static bool is_masked_id(const char *s, size_t n, size_t tail)
{
	return n == 18 + tail && digits(s, 6) && stars(s + 6, STARS_ID) && (digits(s + 17, 1) || s[17] == 'X') && stars(s + 18, tail);
}

/* 138****5678, 010****45, 0371****45. */
static bool is_masked_phone(const char *s, size_t n)
{
	size_t head = n > STARS && s[3] != '*' ? 4 : 3;

	return n > head + STARS && digits(s, head) && stars(s + head, STARS) && n - head - STARS <= 4 &&
	    digits(s + head + STARS, n - head - STARS);
}

static bool is_tail(const char *s, size_t n)
{
	return n > STARS && n <= 2 * STARS && stars(s, STARS) && memchr(s + STARS, '*', n - STARS) == NULL;
}

/* A division code of so many digits, or an address that ends where it would be cut. */
static bool is_place(const char *s, size_t n, bool village)
{
	if (digits(s, n))
		return n == (village ? 12u : 9u);
	return (village ? address_village(s, n) : address_township(s, n)) == n;
}

static bool is_quarter(const char *s, size_t n)
{
	return n == 6 && digits(s, 4) && s[4] == 'Q' && s[5] >= '1' && s[5] <= '4';
}

/* A band of an older ladder, in yuan, is none. */
static bool is_money_band(const char *s, size_t n)
{
	static const char *const bands[] = { "0", "<0.5x", "0.5x-1x", "1x-2x", ">=2x" };

	for (size_t i = 0; i < sizeof(bands) / sizeof(bands[0]); i++)
		if (strlen(bands[i]) == n && memcmp(bands[i], s, n) == 0)
			return true;
	return false;
}

/* Whether op could have made the text. Groups are of values that are no texts themselves: their type told. */
static bool text_fits(enum view_op op, const char *s, size_t n)
{
	switch (op) {
	case VIEW_M1_NAME:
		return is_masked_name(s, n);
	case VIEW_M1O_CALL_NAME:
		return view_is_call_name(s, n);
	case VIEW_M2_ID:
		return n > 0 && s[0] == 'G' ? is_masked_id(s + 1, n - 1, 0) : is_masked_id(s, n, 0);
	case VIEW_M3_PHONE:
		return is_masked_phone(s, n);
	case VIEW_M4_TOWNSHIP:
	case VIEW_M4V_VILLAGE:
		return is_place(s, n, op == VIEW_M4V_VILLAGE);
	case VIEW_M5_YEAR:
		return n == 4 && digits(s, n);
	case VIEW_M5B_BIRTH_QUARTER:
	case VIEW_M13_QUARTER:
		return is_quarter(s, n);
	case VIEW_M6_ACCOUNT:
	case VIEW_M11_TAIL:
		return is_tail(s, n);
	case VIEW_M7_DISABILITY:
		return is_masked_id(s, n, 2);
	case VIEW_M10_STAGE:
		return validate_text(VALID_V13_STAGE, s, n, FAR_FUTURE);
	case VIEW_COUNTY:
		return n == 6 && digits(s, n);
	case VIEW_COUNT:
		return digits(s, n);
	case VIEW_M9_MONEY_BAND:
		return is_money_band(s, n);
	case VIEW_GENERAL:
		return true;
	default:
		return false;
	}
}

/* A contact's names and phones have stars; beside them stand codes alone. */
static bool contact_fits(const struct value *v)
{
	bool starred = false, han = false;
	struct value_walk w;
	struct value_item m;
	uint32_t cp;

	if (value_check(v->type, v->p, v->n) != 0)
		return false;
	w = value_walk(v->type, v->p, v->n);
	while (value_next(&w, &m)) {
		const char *s = (const char *)m.p;

		if (m.type != VALUE_TEXT || validate_text(VALID_V9_PHONE, s, m.n, FAR_FUTURE))
			return false;
		if (memchr(s, '*', m.n) != NULL)
			starred = true;
		else
			han = han || (utf8_next(s, m.n, &cp) != 0 && is_han(cp));
	}
	return starred || !han;
}

static bool op_fits(enum view_op op, const struct value *v)
{
	switch (op) {
	case VIEW_PLAIN:
		return true;
	case VIEW_PRESENT:
		return v->type == VALUE_BOOL;
	case VIEW_CONTACT:
		return v->type == VALUE_GROUP && contact_fits(v);
	default:
		return v->type == VALUE_TEXT && text_fits(op, (const char *)v->p, v->n);
	}
}

/* ---- birth quarters ------------------------------------------------------------------------------------------------ */

/* Full years on the day today of somebody born on the last day of a quarter: nobody is shown older than they are. */
static int years_since_quarter(const char *s, int32_t today)
{
	int year = (s[0] - '0') * 1000 + (s[1] - '0') * 100 + (s[2] - '0') * 10 + (s[3] - '0'), now_year;
	unsigned month = (unsigned)(s[5] - '0') * 3, day = month == 3 || month == 12 ? 31 : 30, now_month, now_day;

	clock_date(today, &now_year, &now_month, &now_day);
	return now_year - year - (now_month < month || (now_month == month && now_day < day) ? 1 : 0);
}

static void show_band(const struct value *quarter, int32_t today, struct buf *scratch, struct value *ret)
{
	/* 14 is where the law changes, so a band ends there. */
	static const struct {
		int below;
		const char *band;
	} bands[] = {
	    {3, "0-2"}, {6, "3-5"}, {12, "6-11"}, {14, "12-13"}, {16, "14-15"}, {18, "16-17"}, {INT32_MAX, "18+"}};
	int years = years_since_quarter((const char *)quarter->p, today);
	size_t i = 0;

	while (years >= bands[i].below)
		i++;
	view_hand_out(VALUE_TEXT, bands[i].band, strlen(bands[i].band), scratch, ret);
}

void view_present(enum view_op op, const struct value *stored, int32_t today, struct buf *scratch, struct value *ret)
{
	if (stored->type == VALUE_NULL || stored->type == VALUE_SUPPRESSED)
		*ret = *stored;
	else if (!op_fits(op, stored))
		view_suppress(ret);
	else if (op == VIEW_M5B_BIRTH_QUARTER)
		show_band(stored, today, scratch, ret);
	else
		*ret = *stored;
}
