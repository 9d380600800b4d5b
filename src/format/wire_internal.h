/* What wire.c and wire_answer.c share. */
#ifndef CV_FORMAT_WIRE_INTERNAL_H
#define CV_FORMAT_WIRE_INTERNAL_H

#include "format/wire.h"

/* Read one element of a list; ret is where its struct goes, or NULL to check it only. 0 or CV_ERR_FORMAT. */
typedef int wire_element(struct rd *r, void *ret);

/* Read a u16 count and walk that many elements, so that later walks cannot fail. 0 or CV_ERR_FORMAT. */
int wire_list_get(struct rd *r, wire_element *element, struct wire_list *ret);
/* Read the next element into *ret (not NULL); false at the end. */
bool wire_list_next(struct wire_list *l, wire_element *element, void *ret);
/* n bytes at p, or n zeros for NULL. */
void wire_bytes_put(struct buf *b, const uint8_t *p, size_t n);
/* u8 1 and n bytes at p, or u8 0 and n zeros. */
void wire_optional_put(struct buf *b, bool there, const uint8_t *p, size_t n);
/* Its reader; bytes that are not zero without the 1 are refused, as a second spelling. 0 or CV_ERR_FORMAT. */
int wire_optional_get(struct rd *r, size_t n, bool *ret_there, const uint8_t **ret);

#endif
