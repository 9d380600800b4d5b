/*
 * Receipts: who accessed one child's file, as its people take it home, docs/FORMAT.md section 14. A file is pages of text, each with a
 * signed note over it. Pure: the lines alone; audit/receipt.h judges what they claim.
 */
#ifndef CV_FORMAT_RECEIPT_H
#define CV_FORMAT_RECEIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/leaf.h"
#include "format/note.h"

#define RECEIPT_MAX (64u << 20)		/* bytes of a file */
#define RECEIPT_FIRST "childvault-receipt-1"
#define RECEIPT_SUFFIX "/receipt"	/* behind the origin: the first line of what is signed, which no checkpoint begins with */
#define RECEIPT_NOTE_MAX 1024u		/* bytes of the signed note of a page */

enum receipt_reader { RECEIPT_CHILD = 1, RECEIPT_GUARDIAN = 2, RECEIPT_AUDITOR = 3 };
enum receipt_part { RECEIPT_ROLE = 1, RECEIPT_DEPARTMENT = 2, RECEIPT_PURPOSE = 3, RECEIPT_CLASS = 4 };
enum receipt_kind { RECEIPT_PAGE, RECEIPT_WORD, RECEIPT_DAY, RECEIPT_ACCESS, RECEIPT_SIGNATURE };
/* "child", "guardian", "auditor"; "" for another number. Static text. */
const char *receipt_reader_name(unsigned reader);
/* The reader of a name of n bytes, 0 if there is none. */
uint8_t receipt_reader_named(const char *name, size_t n);

/*
 * Whether the child's people are not told of a leaf of this kind and detail: it is about fields of hidden classes alone, or a refusal that
 * names no field, of an approval or a list, such as that of a guardian in doubt: docs/POLICY.md section 6.
 */
bool receipt_kept(uint8_t kind, const struct leaf_detail *d);

/* Bytes of the file. */
struct receipt_text {
	const char *p;
	size_t n;
};
/* What a page says of itself: it lists what leaves from on and below end say of the record, if their time is in the period. */
struct receipt_page {
	struct receipt_text origin;
	uint8_t vault[16], record[16];
	uint8_t reader;			/* enum receipt_reader */
	uint64_t made_ms;
	uint64_t from_ms, to_ms;	/* period: from the first on, before the second; 0 and UINT64_MAX: all */
	uint64_t from, end;
	bool more;			/* another page follows */
	struct receipt_text checkpoint;	/* in base64: a signed note of a tree that holds these leaves */
};
/* The name of an id, and what people call it. */
struct receipt_word {
	uint8_t part;			/* enum receipt_part */
	uint16_t id;
	struct receipt_text name, zh, en;
};
struct receipt_day {
	uint32_t epoch;
	uint8_t key[16];
};
/* One access, and what proves it: the leaf's bytes, the key of its first box (of both, if rest is given), its proof file. */
struct receipt_access {
	uint64_t index, time_ms;
	uint8_t kind;
	struct leaf_detail told;	/* the first part alone is written */
	struct receipt_text leaf, proof;	/* in base64 */
	uint8_t key[32], rest_hash[32];
	bool has_rest;
	uint8_t rest[32];
};
/* The end of a page. */
struct receipt_signature {
	struct receipt_text page;	/* what the digest is of: the page's lines */
	struct receipt_text note;	/* the signed note */
	uint8_t digest[32];		/* as the note says */
};
struct receipt_item {
	enum receipt_kind kind;
	union {
		struct receipt_page page;
		struct receipt_word word;
		struct receipt_day day;
		struct receipt_access access;
		struct receipt_signature signature;
	};
};

/* ---- writing: each appends its lines --------------------------------------------------------------------------------- */

/* checkpoint is given as the n bytes of the note; that of *p is not looked at. */
void receipt_page_put(const struct receipt_page *p, const void *checkpoint, size_t n, struct buf *ret);
/* zh and en hold no control characters; an empty one becomes "-". */
void receipt_word_put(const struct receipt_word *w, struct buf *ret);
void receipt_day_put(const struct receipt_day *d, struct buf *ret);
/* leaf and proof are given as bytes; those of *a are not looked at. */
void receipt_access_put(const struct receipt_access *a, const void *leaf, size_t leaf_n, const void *proof, size_t proof_n,
    struct buf *ret);
/* What is signed under a page: the note's text, up to and with the newline before the blank line. */
void receipt_note_put(const char *origin, const uint8_t digest[32], struct buf *ret);

/* ---- reading ------------------------------------------------------------------------------------------------------------ */

/* Where a file is being read. */
struct receipt_reading {
	const char *p, *end;		/* what is left */
	const char *page;		/* where the page begins */
	enum receipt_kind last;
	uint64_t index;			/* of the last access */
	bool any, more;			/* an access was read in this page; the page says that another follows */
	bool begun;
	unsigned line;			/* of the next one, from 1 */
};
void receipt_read(struct receipt_reading *r, const char *p, size_t n);
/*
 * The next item: page, words, days, accesses (ascending), signature, then the next page if the one before says so. 1 with *ret; 0 at
 * the end; CV_ERR_FORMAT: anything else, in any other spelling, at r->line.
 */
int receipt_next(struct receipt_reading *r, struct receipt_item *ret);

#endif
