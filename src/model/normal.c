/* What of a value its index token is made of: docs/FORMAT.md 4.7. */
#include <string.h>
#include <utf8proc.h>

#include "base/error.h"
#include "model/model.h"

#define SEPARATOR 0x1F		/* between a name and a date; no value holds it */

/* Letters and digits, in capitals: how people part or write a number does not make it another one. */
static size_t normal_number(const struct value *v, uint8_t *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < v->n; i++) {
		uint8_t b = v->p[i];

		if ((b >= '0' && b <= '9') || (b >= 'A' && b <= 'Z'))
			ret[n++] = b;
		else if (b >= 'a' && b <= 'z')
			ret[n++] = (uint8_t)(b - 'a' + 'A');
	}
	return n;
}

static bool is_letter_or_digit(utf8proc_int32_t cp)
{
	switch (utf8proc_category(cp)) {
	case UTF8PROC_CATEGORY_LU:
	case UTF8PROC_CATEGORY_LL:
	case UTF8PROC_CATEGORY_LT:
	case UTF8PROC_CATEGORY_LM:
	case UTF8PROC_CATEGORY_LO:
	case UTF8PROC_CATEGORY_ND:
	case UTF8PROC_CATEGORY_NL:
		return true;
	default:
		return false;
	}
}

/* Compatibility forms, case, accents, blanks and dots aside, a name is its letters. 0 bytes if none is left, or it is no UTF-8. */
static size_t normal_name(const struct value *v, uint8_t *ret)
{
	utf8proc_int32_t cp[(INDEX_NORMAL_MAX - INDEX_NORMAL_DATE) / 4 - 1];
	utf8proc_ssize_t count = utf8proc_decompose(v->p, (utf8proc_ssize_t)v->n, cp, (utf8proc_ssize_t)(sizeof(cp) / sizeof(cp[0])),
	    UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE | UTF8PROC_STRIPMARK);
	size_t n = 0;

	if (count < 0 || count > (utf8proc_ssize_t)(sizeof(cp) / sizeof(cp[0])))
		return 0;
	for (utf8proc_ssize_t i = 0; i < count; i++)
		if (is_letter_or_digit(cp[i]))
			n += (size_t)utf8proc_encode_char(cp[i], ret + n);
	return n;
}

int index_normal(const struct policy_index *x, const struct value *values, uint8_t ret[INDEX_NORMAL_MAX], size_t *ret_n)
{
	size_t n;

	for (unsigned i = 0; i < x->fields; i++)
		if (values[i].type != VALUE_TEXT && values[i].type != VALUE_DATE)
			return CV_ERR_NOTFOUND;
	if (x->form == INDEX_EXACT) {
		if (values[0].n > INDEX_NORMAL_MAX || (n = normal_number(&values[0], ret)) == 0)
			return CV_ERR_NOTFOUND;
	} else {
		if ((n = normal_name(&values[0], ret)) == 0 || values[1].n > INDEX_NORMAL_DATE)
			return CV_ERR_NOTFOUND;
		ret[n++] = SEPARATOR;
		memcpy(ret + n, values[1].p, values[1].n);
		n += values[1].n;
	}
	*ret_n = n;
	return 0;
}
