/* Blind indexes: what each record's head and the table idx hold of them. docs/FORMAT.md 4.7. Core's thread. */
#ifndef CV_VAULT_INDEX_H
#define CV_VAULT_INDEX_H

#include "vault/vault_internal.h"

#define INDEX_KEY 28u		/* index id, epoch, token, serial */
#define INDEX_FOUND_MAX 256u	/* postings under one token that a search looks at */

/* The META row `indexes` of a new vault: each index of its policy answers from the start. After v->policy. 0 or an error. */
int index_genesis(struct vault *v);
/* Load it. 0, CV_ERR_FORMAT, or why it does not open. */
int index_load(struct vault *v);
/* The state of an index, or NULL: it has none yet, a job has to make it. */
struct index_state *index_state_of(struct vault *v, uint16_t id);
/* Put the META row again, after a change of a state. 0 or an error. */
int index_store(struct vault *v);
/*
 * Another policy is in force: an index that it has no more answers to no later one that has it again, until a job has made it; nothing
 * that is written meanwhile is posted. After jobs_save. 0 or an error.
 */
int index_follow(struct vault *v);
/*
 * The class's row (or, with drop, a hand-in) of rec holds x from now on: put the postings that follow, take away those that do not (a
 * hand-in takes none away), and bring rec->head up to date. A unique value that stands in another record is noted in v->twin. 0 or an
 * error.
 */
int index_note(struct vault *v, struct record *rec, uint16_t class_id, const struct content *x, bool drop);
/* Take away the postings of rec under epochs that are neither answered from nor being made. 0 or an error. */
int index_clean(struct vault *v, struct record *rec);
/*
 * The records under a token: serials, ascending, at most INDEX_FOUND_MAX. A posting that does not open is left out, and the operator is
 * told. 0 or the store's error.
 */
struct index_found {
	unsigned n;
	uint64_t serial[INDEX_FOUND_MAX];
	uint8_t record[INDEX_FOUND_MAX][16];
};
int index_find(struct vault *v, const struct policy_index *x, uint32_t epoch, const uint8_t token[16], struct index_found *ret);

#endif
