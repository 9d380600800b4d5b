/* What rewrap.c and rewrap_keys.c share, and tests that put secrets together by hand. */
#ifndef CV_KEYS_REWRAP_INTERNAL_H
#define CV_KEYS_REWRAP_INTERNAL_H

#include "keys/keys_internal.h"
#include "keys/rewrap.h"

/* Room for n classes (copied) and epochs secrets. NULL: memory could not be had or locked. */
struct rewrap_keys *rewrap_keys_new(const struct rewrap_class *classes, unsigned n, unsigned epochs);
/*
 * The place of the next secret: the caller writes the secret key of (class_key, epoch) there and calls rewrap_keys_added. Epochs come in
 * ascending order of class key and epoch; there is room for each.
 */
uint8_t *rewrap_keys_place(struct rewrap_keys *x, uint32_t class_key, uint32_t epoch);
void rewrap_keys_added(struct rewrap_keys *x);
/* The class of that key among n in ascending order, or NULL. */
const struct rewrap_class *rewrap_class_find(const struct rewrap_class *class, unsigned n, uint32_t class_key);
/* rewrap_row with the nonce (24 bytes) of its first group given, if it is not NULL: for known answers in tests only. */
int rewrap_row_with(const struct keys *k, const struct rewrap_keys *x, struct rewrap_agreed *a, const uint8_t record[16],
    const uint8_t *row, size_t n, const uint8_t *nonce, struct buf *ret, unsigned *ret_made) __attribute__((warn_unused_result));

#endif
