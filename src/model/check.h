/*
 * Rules that hold between the values of one write, after each was accepted by itself (field_accept). The engine knows no
 * field name: whose value a field holds is its `about`, what it holds its validator.
 */
#ifndef CV_MODEL_CHECK_H
#define CV_MODEL_CHECK_H

#include <stddef.h>

#include "model/model.h"

/* One accepted value with its field, of the stored type. Null is allowed and says nothing. */
struct check_item {
	const struct policy_field *field;
	struct value value;
};
/* What does not fit. */
struct check_note {
	size_t at;		/* index of the item */
	const char *text;	/* static English words of what is expected there; NULL: everything fits */
};
/*
 * Compare the n items of one write with each other. For the values about one person, and for the members of one group:
 *
 * - v5, date of birth: positions 7 to 14 of the identity number (v3);
 * - v11, disability certificate: begins with the identity number;
 * - v12, type or level of disability, told apart by their lists (a level's has no code above 4): the certificate's last
 *   two digits before its suffix;
 * - v4, sex: the parity of the identity number's digit 17. A mismatch is a warning, since the number may be the older one.
 *
 * In every group, also in lists, a date named `from` is not after a date named `to`; the same among the fields about one
 * person, should two be named so. What is not in the write is not compared: a correction names both values.
 *
 * 0: nothing stands in the way, *ret is the first warning or has text NULL. CV_ERR_INVALID: *ret is the first item at
 * fault. Pure; the items must have been accepted, lists and groups are walked only if value_check passes them.
 */
int accept_check_set(const struct check_item *items, size_t n, struct check_note *ret);

#endif
