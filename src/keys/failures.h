/*
 * Failed openings of sessions, counted for each peer uid and principal id, known or not: FAILURES_MAX within FAILURES_WINDOW_S
 * close the id for that uid for as long. docs/PROTOCOL.md section 4 step 4. Private to keys and its tests.
 *
 * Counted for the id alone, anybody who can reach the socket could shut out its owner, for ids are no secrets. Ids share
 * counters by a keyed hash and none is ever evicted, so a flood of other ids resets no count. There are so many counters
 * that core cannot answer enough hellos in a window to close many others by it; memory is taken only as they are used.
 */
#ifndef CV_KEYS_FAILURES_H
#define CV_KEYS_FAILURES_H

#include <stdbool.h>
#include <stdint.h>

#define FAILURES_MAX 10u
#define FAILURES_WINDOW_S (10u * 60)

struct failures;

/* Free it with failures_free. 0 or CV_ERR_NOMEM. */
int failures_new(struct failures **ret);
void failures_free(struct failures *f);
/* Whether the id is closed for uid at now_s, seconds of the monotonic clock, which never go back from one call to the next. */
bool failures_limited(struct failures *f, uint32_t uid, const uint8_t id[16], uint32_t now_s);
/* Count one at now_s of an id that is not closed for uid. */
void failures_add(struct failures *f, uint32_t uid, const uint8_t id[16], uint32_t now_s);
/* Take back one that was counted at at_s, if it has not aged away. */
void failures_refund(struct failures *f, uint32_t uid, const uint8_t id[16], uint32_t at_s, uint32_t now_s);

#endif
