#include "keys/vec.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

/* Wipe and free the places; the counts stay. */
static void drop(struct vec *v)
{
	if (v->p != NULL)
		wipe(v->p, v->cap * v->size);
	free(v->p);
}

void vec_free(struct vec *v)
{
	drop(v);
	memset(v, 0, sizeof(*v));
}

void *vec_add(struct vec *v, size_t size)
{
	void *more;

	if (v->n == v->cap) {
		size_t cap = v->cap != 0 ? v->cap * 2 : 16;

		if ((more = malloc(cap * size)) == NULL)
			return NULL;
		if (v->n > 0)
			memcpy(more, v->p, v->n * size);
		drop(v);
		v->p = more;
		v->cap = cap;
		v->size = size;
	}
	more = (uint8_t *)v->p + v->n++ * size;
	memset(more, 0, size);
	return more;
}
