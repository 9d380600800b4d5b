/* An array that grows, for what keys holds of the directory in memory. Old places are wiped: principals have names and areas. */
#ifndef CV_KEYS_VEC_H
#define CV_KEYS_VEC_H

#include <stddef.h>

/* Zeros are an empty one. Items are of one size and move when one is added. */
struct vec {
	void *p;
	size_t n, cap, size;
};

/* One more zeroed item of size bytes at the end of v, or NULL: out of memory. Valid until the next call. */
void *vec_add(struct vec *v, size_t size);
/* Wipe and free what v points to, and make it empty. */
void vec_free(struct vec *v);

#endif
