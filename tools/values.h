/* Values of a file on their way to the vault: cells to JSON by the profile's types, and the profile's own checks, without the vault. */
#ifndef CV_TOOLS_VALUES_H
#define CV_TOOLS_VALUES_H

#include <jansson.h>

#include "cli.h"
#include "model/model.h"

/*
 * The value that a cell holds for field f, or NULL if it is none of its type, with *ret_expected (static). Lists: items joined by ';', or
 * JSON; groups: JSON; true, yes, 1 and 是 are true, false, no, 0 and 否 are not. Everything else is text, which the check judges.
 */
json_t *values_of_cell(const struct policy_field *f, const char *cell, const char **ret_expected);

/* Told of each fault: the field's name, its kind as the API calls it, what is expected (or NULL). Never a value. */
typedef void values_fault(void *cookie, const char *field, const char *kind, const char *expected);
/*
 * Check the fields of one new record as the vault does: names, types, validators. today is days since 1970-01-01; scratch is overwritten.
 * Returns the number of faults told.
 */
unsigned values_check(const struct policy *p, json_t *fields, int32_t today, struct buf *scratch, values_fault *fault, void *cookie);

#endif
