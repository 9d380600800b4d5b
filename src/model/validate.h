/*
 * Validators v1 to v17 on single values, and the text rules behind them. Pure and total: any bytes in, yes or no out.
 */
#ifndef CV_MODEL_VALIDATE_H
#define CV_MODEL_VALIDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/model.h"

#define NAME_CHARACTERS 50	/* v1: code points of a name */

/*
 * Whether the n bytes at s are one value of validator v: text, code or date. today (days since 1970-01-01) bounds
 * dates. VALID_NONE accepts what text_clean accepts.
 */
bool validate_text(enum validator v, const char *s, size_t n, int32_t today);
/* Whether integer i passes v: v17 wants amounts, 0 to 10^13 fen; VALID_NONE takes any; other validators take none. */
bool validate_integer(enum validator v, int64_t i);
/* Longest value of v in bytes; 0 if v does not fix it (VALID_NONE, v1, v17). */
uint16_t validator_length(enum validator v);
/* Whether v can judge values of a type (VALUE_*). VALID_NONE judges every type. */
bool validator_fits(enum validator v, uint8_t type);
/* What v expects, in fixed English words such as "identity number with its check character". */
const char *validator_expects(enum validator v);
/* "v1" to "v17", and "none". */
const char *validator_name(enum validator v);

/*
 * Not empty, well-formed UTF-8, no control characters but tab and newline, no bidirectional controls, no byte order
 * mark.
 */
bool text_clean(const char *s, size_t n);
/* As text_clean, and on one line. */
bool text_clean_line(const char *s, size_t n);
/* A real Gregorian date YYYY-MM-DD from 1900 to 9999. *ret_days is days since 1970-01-01. */
bool date_parse(const char *s, size_t n, int32_t *ret_days);
/* Code points of Han writing, without radicals and strokes. */
bool is_han(uint32_t cp);
/* Latin letters with or without diacritics. */
bool is_latin(uint32_t cp);

#endif
