/*
 * Memory for one JSON document, taken in a row and wiped whole: jansson's allocator hooks lead here, so that no value of a
 * body stays behind in freed heap. One arena a process, for one document at a time.
 */
#ifndef CV_FRONT_ARENA_H
#define CV_FRONT_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#define ARENA_MAX (64u << 20)	/* memory of one document; one that needs more, such as 300,000 empty objects, is refused */

/* Get the first block and set jansson's hooks. 0 or CV_ERR_NOMEM. Again after the first time: nothing, 0. */
int arena_start(void);
/* Release everything; jansson must not be used afterwards until arena_start. */
void arena_stop(void);
/* n bytes aligned for any type, or NULL: no memory, or ARENA_MAX. Valid until arena_wipe. */
void *arena_get(size_t n);
/* Give p back if it was the newest allocation (a growing text gives its memory back so); else a no-op until arena_wipe. */
void arena_put(void *p);
/* Wipe and take back all memory; blocks beyond the first are freed. */
void arena_wipe(void);
/* Whether an allocation failed since the last arena_wipe. */
bool arena_failed(void);

#endif
