/* The keys row of a record: groups of entries that tell how its data keys are had, docs/FORMAT.md 4.2. Pure. */
#ifndef CV_FORMAT_WRAPS_H
#define CV_FORMAT_WRAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

#define WRAPS_MAX 4096		/* entries of one record */
#define WRAP_TYPE_DERIVED 1	/* the data key is derived from the class KEK */
#define WRAP_TYPE_CLASS 2	/* it is wrapped under the class KEK */
#define WRAP_TYPE_PUBLIC 3	/* it is derived from an agreement with the class public key */
#define WRAP_SALT 16u

/* One entry. wrapping_epoch is birth_epoch but for WRAP_TYPE_CLASS. */
struct wrap {
	uint8_t type;
	const uint8_t *group;		/* where its group begins */
	const uint8_t *nonce;		/* N of its group, 24 bytes, for WRAP_TYPE_CLASS, else NULL */
	const uint8_t *epk;		/* of its group, 32 bytes, for WRAP_TYPE_PUBLIC, else NULL */
	const uint8_t *salt;		/* its own, WRAP_SALT bytes, NULL for WRAP_TYPE_CLASS */
	uint32_t class_key, generation, birth_epoch, wrapping_epoch, drop_version;
	const uint8_t *ciphertext;	/* 48 bytes for WRAP_TYPE_CLASS, else NULL */
};
/*
 * Check a whole keys row and find the entry of (class_key, generation, drop_version); generation is 0 for drops. 0,
 * CV_ERR_NOTFOUND, CV_ERR_FORMAT. Pointers into p.
 */
int wraps_find(const uint8_t *p, size_t n, uint32_t class_key, uint32_t generation, uint32_t drop_version, struct wrap *ret);
/* Call cb for each entry, in stored order, until it answers non-zero. 0, that answer, or CV_ERR_FORMAT. */
int wraps_each(const uint8_t *p, size_t n, int (*cb)(void *cookie, const struct wrap *w), void *cookie);
/* Begin an empty keys row in ret (appends its three bytes). Groups are appended by the record functions of keys. */
void wraps_begin(struct buf *ret);
/*
 * Append to ret (begun by wraps_begin, starting at offset start) the groups of old, byte for byte, without the entries that
 * drop says true to (NULL: all of them). 0, CV_ERR_FORMAT, CV_ERR_NOMEM (also for a row of more than WRAPS_MAX entries).
 */
int wraps_copy(struct buf *ret, size_t start, const uint8_t *old, size_t n, bool (*drop)(void *cookie, const struct wrap *w),
    void *cookie);
/*
 * Count one more group, the last one, in the row that starts at offset start of ret; what stands behind the count may move. A row of more
 * than WRAPS_MAX entries makes ret bad.
 */
void wraps_group_added(struct buf *ret, size_t start);
/* Append a group's head: type, number of entries (1 to 255), N if WRAP_TYPE_CLASS, epk if WRAP_TYPE_PUBLIC; wraps_put adds them. */
void wraps_group(struct buf *ret, uint8_t type, unsigned count, const uint8_t *nonce, const uint8_t *epk);
void wraps_put(struct buf *ret, const struct wrap *w);

#endif
