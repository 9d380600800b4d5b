/*
 * What the fuzz targets share. A target is one file fuzz_NAME.c with LLVMFuzzerTestOneInput; it is linked with libFuzzer, or
 * with standalone.c to replay inputs where there is none. What decodes must also hold what the decoder's header promises: each
 * target encodes it again and compares, so that no second spelling is accepted.
 */
#ifndef CV_FUZZ_H
#define CV_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise that input broke. */
#define MUST(x)					\
	do {					\
		if (!(x))			\
			abort();		\
	} while (0)

/* The encoding in b is the n bytes at p; b is freed. */
static inline void must_be(struct buf *b, const void *p, size_t n)
{
	MUST(buf_ok(b) && b->n == n && (n == 0 || memcmp(b->p, p, n) == 0));
	buf_free(b);
}

#endif
