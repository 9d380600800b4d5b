/* Length hiding. */
#include "crypto/crypto.h"

#include <assert.h>

/*
 * Above this, Padme: at most 12 % more, and the lengths of any size range fall into few groups. Below, it would show
 * short lengths almost exactly.
 */
#define POWERS_TO 1024

static unsigned log2_floor(size_t n)
{
	unsigned e = 0;

	while (n >>= 1)
		e++;
	return e;
}

/* Round n up to a number whose low bits beyond the first log2(log2(n)) + 2 are zero. n >= 2. */
static size_t padme(size_t n)
{
	unsigned e = log2_floor(n);
	size_t low = ((size_t)1 << (e - (log2_floor(e) + 1))) - 1;

	assert(n <= SIZE_MAX / 2);
	return (n + low) & ~low;
}

/* The rule above 64 bytes. */
static size_t pad_long(size_t n)
{
	size_t p = 128;

	if (n > POWERS_TO)
		return padme(n);
	while (p < n)
		p *= 2;
	return p;
}

size_t pad_text(size_t n)
{
	if (n > 64)
		return pad_long(n);
	return n == 0 ? 16 : (n + 15) & ~(size_t)15;
}

size_t pad_seal(size_t n)
{
	return n > 64 ? pad_long(n) : 64;
}
