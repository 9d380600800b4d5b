#include "front/arena.h"

#include <stdint.h>
#include <stdlib.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/error.h"

#define FIRST (256u << 10)	/* holds what a usual body needs */
#define ALIGN 16u

struct block {
	struct block *older;
	size_t n, cap;
	_Alignas(ALIGN) uint8_t p[];
};

static struct {
	struct block *newest;
	size_t total;		/* caps of all blocks */
	uint8_t *last;		/* the newest allocation, or NULL */
	bool failed;
} arena;

static struct block *block_new(size_t cap)
{
	struct block *b = malloc(sizeof(*b) + cap);

	if (b == NULL)
		return NULL;
	*b = (struct block){ .older = arena.newest, .cap = cap };
	arena.newest = b;
	arena.total += cap;
	return b;
}

int arena_start(void)
{
	if (arena.newest == NULL && block_new(FIRST) == NULL)
		return CV_ERR_NOMEM;
	json_set_alloc_funcs(arena_get, arena_put);
	return 0;
}

void arena_stop(void)
{
	if (arena.newest == NULL)
		return;
	arena_wipe();
	free(arena.newest);
	arena.newest = NULL;
	arena.total = 0;
}

/* A block for an allocation of n bytes that the newest one has no room for: twice as large as all before, within bounds. */
static struct block *grow(size_t n)
{
	size_t cap = arena.total;

	if (n > ARENA_MAX - arena.total)
		return NULL;
	if (cap > ARENA_MAX - arena.total)
		cap = ARENA_MAX - arena.total;
	return block_new(cap < n ? n : cap);
}

void *arena_get(size_t n)
{
	struct block *b = arena.newest;

	if (n > ARENA_MAX)
		goto fail;
	n = (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (n > b->cap - b->n && (b = grow(n)) == NULL)
		goto fail;
	arena.last = b->p + b->n;
	b->n += n;
	return arena.last;
fail:
	arena.failed = true;
	return NULL;
}

void arena_put(void *p)
{
	struct block *b = arena.newest;

	if (p == NULL || p != arena.last)
		return;
	wipe(p, (size_t)(b->p + b->n - (uint8_t *)p));
	b->n = (size_t)((uint8_t *)p - b->p);
	arena.last = NULL;
}

void arena_wipe(void)
{
	struct block *b;

	while ((b = arena.newest)->older != NULL) {
		arena.newest = b->older;
		arena.total -= b->cap;
		wipe(b->p, b->n);
		free(b);
	}
	wipe(b->p, b->n);
	b->n = 0;
	arena.last = NULL;
	arena.failed = false;
}

bool arena_failed(void)
{
	return arena.failed;
}
