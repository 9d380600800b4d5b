/*
 * Re-wrapping: the wraps of a keys row that are under old epochs of some classes become wraps under their newest ones. docs/FORMAT.md
 * 4.2 and 5.2. Neither data keys nor heads, rows and what they hold change.
 *
 * The secrets of a re-wrap stand in locked memory from rewrap_keys_new to rewrap_keys_free. They are read only once they are complete, and
 * rewrap_row and rewrap_old change nothing but what they return: any thread may call them as long as the keys and the vault's keyring stay.
 */
#ifndef CV_KEYS_REWRAP_H
#define CV_KEYS_REWRAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct custody;
struct keys;
struct rewrap_agreed;
struct rewrap_keys;

#define REWRAP_CLASSES_MAX 256u	/* classes of one re-wrap */
#define REWRAP_EPOCHS_MAX 4096u	/* epochs of all of them */

/* A class and the epoch that its wraps are to have. */
struct rewrap_class {
	uint32_t class_key, newest;
};
/*
 * The secrets of every epoch of n classes (1 to REWRAP_CLASSES_MAX, ascending by class key, each named with its newest epoch), by the
 * roles whose shares the ceremony has. 0; CV_ERR_ARG (order, number); CV_ERR_CONFLICT: a class has a newer epoch than the one named;
 * CV_ERR_NOTFOUND: no such class or epoch, or no role of the ceremony leads there; CV_ERR_AUTH: a secret is not the class's;
 * CV_ERR_LIMIT; CV_ERR_NOMEM (memory could not be locked).
 */
int rewrap_keys_open(struct keys *k, const struct custody *c, const struct rewrap_class *classes, unsigned n, struct rewrap_keys **ret);
/*
 * The classes that have an epoch older than their newest one, ascending, each with its newest, as far as there is room; how many.
 * *ret_epochs is how many old epochs there are in all.
 */
unsigned rewrap_classes_old(const struct keys *k, struct rewrap_class ret[REWRAP_CLASSES_MAX], unsigned *ret_epochs);
/* Wipe and free; NULL is allowed. */
void rewrap_keys_free(struct rewrap_keys *x);

/*
 * What was last agreed with each class epoch: the type 3 wraps of one turn, in many records, share an ephemeral key, and agreeing takes ten
 * times as long as all else. In locked memory, for one thread. NULL: memory could not be had or locked. Wipe and free; NULL is allowed.
 */
struct rewrap_agreed *rewrap_agreed_new(const struct rewrap_keys *x);
void rewrap_agreed_free(struct rewrap_agreed *a);

/*
 * Append to ret what the keys row of n bytes of a record (16 bytes) becomes: each wrap of the classes under an older epoch than the
 * newest, of either type, for a row or a drop, of whatever generation, is made anew as type 2 under the newest epoch, in fresh groups
 * behind the others; its generation, birth epoch and drop's version stay. The other wraps are copied byte for byte. a may be NULL.
 * *ret_made is how many were made: with 0 nothing is appended. 0; CV_ERR_FORMAT (also: two wraps for one data key); CV_ERR_NOKEY: a wrap
 * is under an epoch that the directory did not have; CV_ERR_AUTH, CV_ERR_CRYPTO: one does not open; CV_ERR_NOMEM. After a failure ret is
 * as it was.
 */
int rewrap_row(const struct keys *k, const struct rewrap_keys *x, struct rewrap_agreed *a, const uint8_t record[16], const uint8_t *row,
    size_t n, struct buf *ret, unsigned *ret_made) __attribute__((warn_unused_result));
/* How many wraps of a keys row rewrap_row would make anew for these classes (ascending). 0 or CV_ERR_FORMAT. */
int rewrap_old(const struct rewrap_class *classes, unsigned class_count, const uint8_t *row, size_t n, unsigned *ret_old)
    __attribute__((warn_unused_result));

#endif
