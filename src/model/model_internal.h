/* Shared by the files of model only. */
#ifndef CV_MODEL_MODEL_INTERNAL_H
#define CV_MODEL_MODEL_INTERNAL_H

#include "model/model.h"
#include "model/source.h"

#define HASH_SLOTS 1024u	/* a power of two, at least twice POLICY_FIELDS */

/* A block of memory that dies with the policy. */
struct policy_chunk {
	struct policy_chunk *next;
};

struct policy {
	struct policy_source s;		/* the tree; texts point into doc, arrays into chunks */
	uint8_t *doc;			/* the document, its length prefixes turned into terminators */
	struct policy_chunk *chunks;
	uint16_t field_slot[HASH_SLOTS];	/* open addressing on names: position + 1, 0 free */
	/* By id: position + 1, 0 unknown. A request asks dozens of times, of few ids: the pages of all others are never touched. */
	uint8_t class_slot[UINT16_MAX + 1], role_slot[UINT16_MAX + 1];
};

/* n * size zeroed bytes that live as long as p; NULL without memory. n may be 0. */
void *policy_alloc(struct policy *p, size_t n, size_t size);
/* Fill the hash of field names. false: a name stands twice, *ret_position is the later one's. */
bool policy_index_fields(struct policy *p, unsigned *ret_position);
/* Position of id among n elements of size bytes that begin with a u16 id and ascend by it; -1 if unknown. */
int policy_find_id(const void *array, unsigned n, size_t size, uint16_t id);
/* The rules of FORMAT.md 11.2. 0, or CV_ERR_INVALID with *ret filled. */
int policy_check(struct policy *p, struct policy_fault *ret);
/* The rules of one field, of the role at a position, and what is wrong with a shape (static text, or NULL). */
int policy_check_field(const struct policy_source *s, const struct policy_field *f, struct policy_fault *ret);
int policy_check_role(const struct policy_source *s, unsigned position, struct policy_fault *ret);
const char *policy_shape_fault(const struct policy_shape *s);
/* Fill *ret: the object, and, with the second, the key of it (static) and the entry there. Both return CV_ERR_INVALID. */
int policy_fault_set(
    struct policy_fault *ret, enum policy_part part, uint16_t id, const char *text, const char *other);
int policy_fault_place(struct policy_fault *ret, const char *key, const char *at);
const struct policy_class *policy_class_of(const struct policy_source *s, uint16_t id);
/* Rule 11.2.12: no role may piece an identity number together. 0, or CV_ERR_INVALID with *ret filled. */
int policy_check_masks(const struct policy *p, struct policy_fault *ret);
/* Whether code is in a list that ascends by bytes. */
bool code_in_list(const struct policy_shape *s, const char *code, size_t n);
/* m4 and m4v on an address in words: bytes of text that may be shown, 0 if it is not understood. */
size_t address_township(const char *s, size_t n);
size_t address_village(const char *s, size_t n);

/* m1o: a call name is agreed on to be said aloud: it is short and has no middle dot, which only full names have. */
bool view_is_call_name(const char *s, size_t n);
/* What a view does not show; and n bytes of a view's value, by way of scratch, suppressed if that fails. */
void view_suppress(struct value *ret);
void view_hand_out(uint8_t type, const void *s, size_t n, struct buf *scratch, struct value *ret);

#endif
