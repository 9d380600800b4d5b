/*
 * Text: UTF-8 checks on code points, hexadecimal, and base64 in both alphabets.
 *
 * Decoders are strict: no second spelling of a value is accepted (no padding variants, no white space, no overlong
 * UTF-8, no surrogates). hex and base64 decode without data-dependent branches on the digits, since they carry keys.
 * Pure functions; any thread.
 */
#ifndef CV_BASE_TEXT_H
#define CV_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether the n bytes at s are well-formed UTF-8 (RFC 3629: no overlong form, no surrogate, at most U+10FFFF). */
bool utf8_valid(const char *s, size_t n);
/*
 * Decode one code point at s (n >= 1 bytes left). Returns the bytes it takes, 1 to 4, with the code point in *ret;
 * 0 if the bytes are not well-formed, *ret untouched.
 */
size_t utf8_next(const char *s, size_t n, uint32_t *ret);
/* Append code point cp to out (room for 4 bytes); returns the bytes written, 0 if cp is not a scalar value. */
size_t utf8_put(char *out, uint32_t cp);
/* Number of code points in well-formed UTF-8. */
size_t utf8_count(const char *s, size_t n);

/* Write 2 * n lower-case digits and a NUL to ret (room 2 * n + 1). */
void hex_encode(const void *p, size_t n, char *ret);
/* Decode exactly 2 * n digits (lower case only) into ret. 0 or CV_ERR_FORMAT, ret then undefined. */
int hex_decode(const char *s, size_t len, void *ret, size_t n);

enum b64_kind { B64_STD, B64_URL };	/* RFC 4648 section 4 with padding; section 5 without padding */
/* Bytes that b64_encode writes for n input bytes, with the NUL. */
size_t b64_size(enum b64_kind kind, size_t n);
/* Encode; ret has room for b64_size(kind, n). */
void b64_encode(enum b64_kind kind, const void *p, size_t n, char *ret);
/*
 * Decode len characters to ret (room max bytes); *ret_n is the byte count. 0, CV_ERR_FORMAT (bad digit, padding, or
 * non-zero spare bits), CV_ERR_LIMIT (more than max bytes).
 */
int b64_decode(enum b64_kind kind, const char *s, size_t len, void *ret, size_t max, size_t *ret_n);

#endif
