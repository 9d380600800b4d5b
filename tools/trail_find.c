/* Leaves about one child: the column of subject tags searched with the child's day keys. */
#include <string.h>

#include "audit/body.h"
#include "base/bytes.h"
#include "base/error.h"
#include "store/files.h"
#include "trail_internal.h"

#define ENTRY 20u		/* u32 epoch, 16 subject tag */
#define READ_ENTRIES 16384u	/* at a time */

/* The key of an epoch, or NULL; most entries are of the same one as the entry before. */
static const struct trail_day *day_of(const struct trail_day *day, size_t n, uint32_t epoch)
{
	for (size_t i = 0; i < n; i++)
		if (day[i].epoch == epoch)
			return &day[i];
	return NULL;
}

static int look_through(const uint8_t *p, size_t count, uint64_t first, const struct trail_day *day, size_t days,
    int (*found)(void *cookie, uint64_t index), void *cookie)
{
	const struct trail_day *today = NULL;
	uint32_t epoch = 0;
	uint8_t tag[16];
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++, p += ENTRY) {
		if (i == 0 || be32_get(p) != epoch) {
			epoch = be32_get(p);
			today = day_of(day, days, epoch);
		}
		if (today == NULL)
			continue;
		body_tag(today->key, first + i, tag);
		if (memcmp(tag, p + 4, sizeof tag) == 0)
			r = found(cookie, first + i);
	}
	return r;
}

int trail_find(struct trail *t, const struct trail_day *day, size_t n, int (*found)(void *cookie, uint64_t index), void *cookie)
{
	struct buf piece;
	uint8_t *p;
	int r = 0;

	buf_init(&piece, READ_ENTRIES * ENTRY);
	p = buf_add(&piece, READ_ENTRIES * ENTRY);
	if (p == NULL)
		r = CV_ERR_NOMEM;
	for (uint64_t at = 0; r == 0 && at < t->size; at += READ_ENTRIES) {
		const size_t count = t->size - at < READ_ENTRIES ? (size_t)(t->size - at) : READ_ENTRIES;

		if ((r = files_read_at(t->dirfd, "tags", at * ENTRY, p, count * ENTRY)) == 0)
			r = look_through(p, count, at, day, n, found, cookie);
	}
	buf_free(&piece);
	return r;
}
