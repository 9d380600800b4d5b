/*
 * The column of subject tags, log/tags: a fixed entry a leaf, which answers "which leaves are about this child" without reading
 * leaves. It says nothing that the leaves do not say and is rebuilt from them where it is missing.
 */
#include <assert.h>
#include <string.h>

#include "audit/audit_internal.h"
#include "base/bytes.h"
#include "base/error.h"
#include "store/files.h"

#define EPOCH_AT 18u		/* in a leaf's header, FORMAT.md section 9 */
#define SUBJECT_AT 58u
#define REBUILD_BYTES (1u << 20)	/* written at a time */
#define READ_ENTRIES 8192u	/* read at a time */

void tags_entry(const uint8_t *leaf, size_t n, uint8_t ret[TAGS_ENTRY])
{
	memset(ret, 0, TAGS_ENTRY);
	if (n < LEAF_HEADER)
		return;
	memcpy(ret, leaf + EPOCH_AT, 4);
	memcpy(ret + 4, leaf + SUBJECT_AT, 16);
}

/* ---- rebuilding --------------------------------------------------------------------------------------------------------- */

/* Append the entries of bundle n's leaves from number from to number to (not included). */
static int add_bundle(struct audit *a, uint64_t n, unsigned from, unsigned to, struct buf *bundle, struct buf *ret)
{
	const struct edge *e = &a->appender.next;
	uint32_t at[TILE_WIDTH + 1];
	char path[TILE_PATH_MAX];
	const struct buf *b = &e->tail;
	uint8_t entry[TAGS_ENTRY];
	int r;

	if (n < e->frontier.size / TILE_WIDTH) {
		buf_reset(bundle);
		(void)tile_path(TILE_ENTRIES, n, 0, path);
		if ((r = files_read(a->dirfd, path, bundle)) != 0)
			return r == CV_ERR_NOTFOUND || r == CV_ERR_LIMIT ? CV_ERR_FORMAT : r;
		b = bundle;
	}
	if (bundle_split(b->p, b->n, to, at) != to)
		return CV_ERR_FORMAT;
	for (unsigned i = from; i < to; i++) {
		tags_entry(b->p + at[i] + 2, at[i + 1] - at[i] - 2u, entry);
		buf_put(ret, entry, sizeof(entry));
	}
	return buf_ok(ret) ? 0 : CV_ERR_NOMEM;
}

/* Entries of the leaves from have to size, a piece at a time. */
static int rebuild(struct audit *a, uint64_t have, uint64_t size)
{
	struct buf bundle, out;
	int r = 0;

	buf_init(&bundle, BUNDLE_MAX);
	buf_init(&out, REBUILD_BYTES + TILE_WIDTH * TAGS_ENTRY);
	for (uint64_t at = have; r == 0 && at < size;) {
		const uint64_t n = at / TILE_WIDTH;
		const unsigned to = size - n * TILE_WIDTH < TILE_WIDTH ? (unsigned)(size - n * TILE_WIDTH) : TILE_WIDTH;

		r = add_bundle(a, n, (unsigned)(at % TILE_WIDTH), to, &bundle, &out);
		at = n * TILE_WIDTH + to;
		if (r == 0 && (out.n >= REBUILD_BYTES || at == size)) {
			r = files_append(a->dirfd, TAGS_FILE, at * TAGS_ENTRY - out.n, out.p, out.n);
			buf_reset(&out);
		}
	}
	buf_free(&bundle);
	buf_free(&out);
	return r;
}

int tags_resume(struct audit *a)
{
	const uint64_t size = a->appender.next.frontier.size;
	uint64_t bytes = 0;
	int r;

	if ((r = files_size(a->dirfd, TAGS_FILE, &bytes)) != 0 && r != CV_ERR_NOTFOUND)
		return r;
	/* What is longer holds leaves that the note does not know of: they come again, at their place. */
	return bytes / TAGS_ENTRY >= size ? 0 : rebuild(a, bytes / TAGS_ENTRY, size);
}

/* ---- searching ---------------------------------------------------------------------------------------------------------- */

uint64_t audit_leaves(struct audit *a)
{
	uint64_t n;

	(void)pthread_mutex_lock(&a->appender.lock);	/* a default mutex used rightly does not fail */
	n = a->appender.shown.frontier.size;
	(void)pthread_mutex_unlock(&a->appender.lock);
	return n;
}

static int read_entries(struct audit *a, uint64_t at, void *p, size_t n)
{
	/* Those of applied leaves have to be there. */
	return files_read_at(a->dirfd, TAGS_FILE, at * TAGS_ENTRY, p, n * TAGS_ENTRY) == 0 ? 0 : CV_ERR_IO;
}

void audit_day_key(const uint8_t log_key[32], uint32_t epoch, uint8_t ret[16])
{
	uint8_t n[4];

	be32_put(n, epoch);
	crypto_hash_block("cv1.day", log_key, n, sizeof(n), ret, 16);
}

int audit_find_subject(struct audit *a, const uint8_t log_key[32], uint64_t *inout_at, uint64_t end, uint64_t *ret, unsigned max,
    unsigned *ret_n)
{
	uint8_t piece[READ_ENTRIES * TAGS_ENTRY], day_key[16], index[8], tag[16];
	const uint64_t stop = end - *inout_at > AUDIT_FIND_STEP ? *inout_at + AUDIT_FIND_STEP : end;
	uint64_t at = *inout_at;
	uint32_t epoch = 0;
	bool made = false;
	unsigned found = 0;
	int r = 0;

	assert(*inout_at <= end);
	while (at < stop && found < max) {
		const size_t n = stop - at < READ_ENTRIES ? (size_t)(stop - at) : READ_ENTRIES;

		if ((r = read_entries(a, at, piece, n)) != 0)
			goto out;
		for (size_t i = 0; i < n && found < max; i++, at++) {
			const uint8_t *entry = piece + i * TAGS_ENTRY;

			if (!made || be32_get(entry) != epoch) {
				epoch = be32_get(entry);
				audit_day_key(log_key, epoch, day_key);
				made = true;
			}
			be64_put(index, at);
			crypto_siphash128(day_key, index, sizeof(index), tag);
			if (memcmp(tag, entry + 4, sizeof(tag)) == 0)
				ret[found++] = at;
		}
	}
	*inout_at = at;
	*ret_n = found;
out:
	wipe(day_key, sizeof(day_key));
	return r;
}

/* The first leaf of an epoch or a later one; epochs never go back. */
static int first_of(struct audit *a, uint64_t epoch, uint64_t size, uint64_t *ret)
{
	uint8_t entry[TAGS_ENTRY];
	uint64_t low = 0, high = size, middle;
	int r;

	while (low < high) {
		middle = low + (high - low) / 2;
		if ((r = read_entries(a, middle, entry, 1)) != 0)
			return r;
		if (be32_get(entry) < epoch)
			low = middle + 1;
		else
			high = middle;
	}
	*ret = low;
	return 0;
}

int audit_find_days(struct audit *a, uint64_t from_ms, uint64_t to_ms, uint64_t *ret_from, uint64_t *ret_end)
{
	const uint64_t size = audit_leaves(a), day = a->o.first_day;
	uint64_t from, end;
	int r;

	/* A turn that began before midnight writes into its day; a clock that was set back writes into a day that is open already. */
	if ((r = first_of(a, from_ms / DAY_MS > day ? from_ms / DAY_MS - day - 1 : 0, size, &from)) != 0 ||
	    (r = first_of(a, to_ms / DAY_MS >= day ? to_ms / DAY_MS - day + 2 : 0, size, &end)) != 0)
		return r;
	*ret_from = from;
	*ret_end = end > from ? end : from;
	return 0;
}
