/* The directory as it is handed out for others to verify, docs/FORMAT.md section 12. Layout alone. Pure. */
#ifndef CV_FORMAT_DIRECTORY_DOC_H
#define CV_FORMAT_DIRECTORY_DOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct buf;

#define DIRECTORY_PROOF_MAX 64u		/* hashes: as many as a log's tree can ask for */

/* The document; pointers into its bytes. */
struct directory_doc {
	const uint8_t *leaf;		/* leaf 0 */
	uint16_t leaf_n;
	const uint8_t *checkpoint;	/* signed note */
	uint16_t checkpoint_n;
	const uint8_t *proof;		/* proofs * 32 bytes: leaf 0 is in that tree */
	uint8_t proofs;
	uint32_t sets;			/* in the order of their numbers */
	const uint8_t *set_list;
	size_t set_list_n;
	uint32_t facts;			/* in the order of their keys */
	const uint8_t *fact_list;
	size_t fact_list_n;
};
/* 0 or CV_ERR_FORMAT; the lists are then whole. What they hold is not judged. */
int directory_doc_decode(const uint8_t *p, size_t n, struct directory_doc *ret);

/* Cursors at the first change set and the first fact, and the next one; false behind the last. */
static inline struct rd directory_doc_sets(const struct directory_doc *d) { return rd_over(d->set_list, d->set_list_n); }
static inline struct rd directory_doc_facts(const struct directory_doc *d) { return rd_over(d->fact_list, d->fact_list_n); }
/* *ret takes the change set's row, *ret_n its length. */
bool directory_doc_set(struct rd *r, const uint8_t **ret, uint32_t *ret_n);
struct directory_doc_fact {
	const uint8_t *key, *fact;
	uint32_t change_set;		/* that names it */
	uint16_t fact_n;
	uint8_t key_n;
};
bool directory_doc_fact(struct rd *r, struct directory_doc_fact *ret);

/* Append the document up to its change sets; u32 sets and they follow, then u32 facts and they. */
void directory_doc_head(const uint8_t *leaf, uint16_t leaf_n, const uint8_t *checkpoint, uint16_t checkpoint_n, const uint8_t (*proof)[32],
    uint8_t proofs, struct buf *ret);
void directory_doc_set_encode(const uint8_t *row, uint32_t n, struct buf *ret);
void directory_doc_fact_encode(const struct directory_doc_fact *f, struct buf *ret);

#endif
