/*
 * The journal's ring of files (docs/FORMAT.md section 7).
 *
 * Files keep their size and are full of real bytes from the start, so that the sync of a turn moves no file system
 * metadata: that alone halves its time against a growing or merely allocated file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/error.h"
#include "store/store_internal.h"

#define FILE_FORMAT 1u
#define NAME_SIZE 16
#define HEAD_N 32u		/* bytes of the file header that mean something; its checksum is the last four */
#define CHUNK (1u << 20)	/* bytes read or zeroed at a time */

static void file_name(uint32_t i, char ret[NAME_SIZE])
{
	(void)snprintf(ret, NAME_SIZE, "%04u.j", (unsigned)i % 10000u);
}

static int write_all(int fd, const uint8_t *p, size_t n, uint64_t off)
{
	while (n > 0) {
		ssize_t k = pwrite(fd, p, n, (off_t)off);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return errno == ENOSPC || errno == EDQUOT ? CV_ERR_FULL : CV_ERR_IO;
		p += k;
		n -= (size_t)k;
		off += (uint64_t)k;
	}
	return 0;
}

static int read_all(int fd, uint8_t *p, size_t n, uint64_t off)
{
	while (n > 0) {
		ssize_t k = pread(fd, p, n, (off_t)off);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return CV_ERR_IO;
		p += k;
		n -= (size_t)k;
		off += (uint64_t)k;
	}
	return 0;
}

/* A failed write into a file that has all its bytes is never "full": whatever it was, the turn is in doubt. */
static int write_sync(int fd, const uint8_t *p, size_t n, uint64_t off)
{
	if (write_all(fd, p, n, off) != 0 || fdatasync(fd) != 0)
		return CV_ERR_IO;
	return 0;
}

/* ---- create and open ------------------------------------------------------------------------------------------ */

static void header_write(uint8_t p[HEAD_N], uint32_t i, uint32_t files, uint64_t file_bytes)
{
	memset(p, 0, HEAD_N);
	memcpy(p, "CVJN", 4);
	p[4] = FILE_FORMAT;
	be32_put(p + 8, i);
	be32_put(p + 12, files);
	be64_put(p + 16, file_bytes);
	be32_put(p + 28, crc32c(p, 28));
}

static int file_create(int dirfd, uint32_t i, uint32_t files, uint64_t file_bytes, uint8_t *zeros)
{
	uint8_t head[HEAD_N];
	char name[NAME_SIZE];
	int fd, r = 0;

	file_name(i, name);
	fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return errno == EEXIST ? CV_ERR_EXISTS : errno == ENOSPC ? CV_ERR_FULL : CV_ERR_IO;
	for (uint64_t off = 0; r == 0 && off < file_bytes;) {
		size_t n = file_bytes - off < CHUNK ? (size_t)(file_bytes - off) : CHUNK;

		r = write_all(fd, zeros, n, off);
		off += n;
	}
	header_write(head, i, files, file_bytes);
	if (r == 0)
		r = write_all(fd, head, HEAD_N, 0);
	if (r == 0 && fsync(fd) != 0)
		r = errno == ENOSPC || errno == EDQUOT ? CV_ERR_FULL : CV_ERR_IO;
	(void)close(fd);	/* synced: close has nothing left to report */
	return r;
}

int journal_create(int dirfd, uint32_t files, uint64_t file_bytes)
{
	uint8_t *zeros = calloc(1, CHUNK);
	int r = zeros == NULL ? CV_ERR_IO : 0;

	for (uint32_t i = 0; r == 0 && i < files; i++)
		r = file_create(dirfd, i, files, file_bytes, zeros);
	if (r == 0 && fsync(dirfd) != 0)
		r = CV_ERR_IO;
	free(zeros);
	return r;
}

/* Open file i. The first one tells how many there are and how long; the others have to agree. */
static int file_open(struct journal *j, int dirfd, uint32_t i)
{
	uint8_t head[HEAD_N], want[HEAD_N];
	char name[NAME_SIZE];
	struct stat st;
	int r;

	file_name(i, name);
	j->f[i].fd = openat(dirfd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (j->f[i].fd < 0 || fstat(j->f[i].fd, &st) != 0)
		return CV_ERR_IO;
	r = read_all(j->f[i].fd, head, HEAD_N, 0);
	if (r != 0)
		return r;
	if (i == 0) {
		j->files = be32_get(head + 12);
		j->file_bytes = be64_get(head + 16);
	}
	header_write(want, i, j->files, j->file_bytes);
	if (memcmp(head, want, HEAD_N) != 0 || j->files < 2 || j->files > JOURNAL_FILES_MAX ||
	    j->file_bytes < JOURNAL_FILE_MIN || j->file_bytes > JOURNAL_FILE_MAX ||
	    (uint64_t)st.st_size != j->file_bytes)
		return CV_ERR_FORMAT;
	return 0;
}

int journal_open(struct journal *j, int dirfd)
{
	int r = 0;

	memset(j, 0, sizeof(*j));
	j->cut_file = -1;
	for (uint32_t i = 0; i < JOURNAL_FILES_MAX; i++)
		j->f[i].fd = -1;
	j->lock_fd = openat(dirfd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (j->lock_fd < 0)
		return CV_ERR_IO;
	if (flock(j->lock_fd, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? CV_ERR_BUSY : CV_ERR_IO;
	j->files = 1;
	for (uint32_t i = 0; r == 0 && i < j->files; i++)
		r = file_open(j, dirfd, i);
	if (r != 0)
		return r;
	j->off = JOURNAL_START;
	j->block_max = (size_t)(j->file_bytes - JOURNAL_START) & ~(size_t)7;
	if (j->block_max > STORE_BLOCK_MAX)
		j->block_max = STORE_BLOCK_MAX;
	j->reserve = j->block_max / 8;
	return 0;
}

int journal_map(struct journal *j, int dirfd)
{
	for (uint32_t i = 0; i < j->files; i++) {
		char name[NAME_SIZE];
		void *p;
		int fd;

		file_name(i, name);
		/* For reading alone, so that the kernel need not look for changes made through the map. */
		if ((fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)) < 0)
			return CV_ERR_IO;
		p = mmap(NULL, (size_t)j->file_bytes, PROT_READ, MAP_SHARED, fd, 0);
		(void)close(fd);	/* only read */
		if (p == MAP_FAILED)
			return CV_ERR_NOMEM;
		j->f[i].map = p;
	}
	return 0;
}

const uint8_t *journal_at(const struct journal *j, const struct block *b)
{
	return j->f[b->file].map + b->offset;
}

void journal_close(struct journal *j)
{
	for (uint32_t i = 0; i < JOURNAL_FILES_MAX; i++) {
		if (j->f[i].map != NULL)
			(void)munmap(j->f[i].map, (size_t)j->file_bytes);	/* whole, as it was mapped: cannot fail */
		j->f[i].map = NULL;
		if (j->f[i].fd >= 0)
			(void)close(j->f[i].fd);	/* every write was synced */
		j->f[i].fd = -1;
	}
	if (j->lock_fd >= 0)
		(void)close(j->lock_fd);		/* releases the lock */
	j->lock_fd = -1;
}

/* ---- write ---------------------------------------------------------------------------------------------------- */

bool journal_next_waits(const struct journal *j, uint64_t applied_seq)
{
	const struct journal_file *next = &j->f[(j->file + 1) % j->files];

	/*
	 * Below, not at: the file with the last applied block stays, since replay begins by finding that block. It
	 * becomes free as soon as a block behind it is applied.
	 */
	return next->last_seq > 0 && next->last_seq >= applied_seq;
}

enum spot journal_place(const struct journal *j, size_t n, uint64_t applied_seq, uint64_t checkpointed)
{
	const struct journal_file *next = &j->f[(j->file + 1) % j->files];

	if (j->off + n <= j->file_bytes)
		return PLACE_HERE;
	if (journal_next_waits(j, applied_seq))
		return PLACE_UNAPPLIED;
	if (next->leaves_end > checkpointed)
		return PLACE_UNSIGNED;
	return PLACE_NEXT;
}

/*
 * A cut block at the start of a file would be found, and reported, at every start until a block replaces it. So it is
 * cleared, but only once a block is durable that was written after the report, or at a clean stop.
 */
static int cut_clear(struct journal *j)
{
	static const uint8_t zeros[BLOCK_MIN];
	int i = j->cut_file;

	j->cut_file = -1;
	if (i < 0 || ((uint32_t)i == j->file && j->off > JOURNAL_START))
		return 0;	/* none, or a block stands there now */
	return write_sync(j->f[i].fd, zeros, sizeof(zeros), JOURNAL_START);
}

void journal_claim(struct journal *j, struct block *b)
{
	struct journal_file *f;

	if (j->off + b->n > j->file_bytes) {
		j->file = (j->file + 1) % j->files;
		j->off = JOURNAL_START;
	}
	f = &j->f[j->file];
	b->file = j->file;
	b->offset = j->off;
	f->last_seq = b->seq;
	f->leaves_end = b->first_leaf + b->leaves;
	j->off += b->n;
}

int journal_write(const struct journal *j, const struct block *b)
{
	uint64_t left = j->file_bytes - b->offset;
	size_t n = b->n + (size_t)BLOCK_MIN;

	return write_sync(j->f[b->file].fd, b->p, n > left ? (size_t)left : n, b->offset);
}

int journal_written(struct journal *j)
{
	return j->cut_file < 0 ? 0 : cut_clear(j);
}

int journal_zero_ahead(struct journal *j)
{
	static const uint8_t zeros[2 * BLOCK_MIN];
	uint32_t file = j->file;
	uint64_t off = j->off, left;

	/* A cut block that is still there would stand behind the mark. */
	if (cut_clear(j) != 0)
		return CV_ERR_IO;
	if (off + BLOCK_MIN > j->file_bytes) {
		file = (file + 1) % j->files;
		off = JOURNAL_START;
	}
	left = j->file_bytes - off;
	return write_sync(j->f[file].fd, zeros, left < sizeof(zeros) ? (size_t)left : sizeof(zeros), off);
}

int journal_rewrite(struct journal *j, const struct block *b)
{
	uint8_t *p = malloc(b->n);
	int r = CV_ERR_NOMEM;

	if (p == NULL)
		return r;
	/* Not from the map of the place itself. */
	memcpy(p, b->p, b->n);
	r = write_sync(j->f[b->file].fd, p, b->n, b->offset);
	free(p);
	return r;
}

/* ---- look ----------------------------------------------------------------------------------------------------- */

static bool all_zero(const uint8_t *p, size_t n)
{
	uint8_t acc = 0;

	for (size_t i = 0; i < n; i++)
		acc |= p[i];
	return acc == 0;
}

/* Read the block of n bytes at off, if its checksum is right; *ret is NULL otherwise. */
static int block_load(struct journal *j, uint32_t file, uint64_t off, uint32_t n, struct block **ret)
{
	struct block *b = calloc(1, sizeof(*b));
	int r = CV_ERR_NOMEM;

	if (b == NULL || (b->own = malloc(n)) == NULL)
		goto out;
	b->p = b->own;
	b->n = n;
	b->file = file;
	b->offset = off;
	r = read_all(j->f[file].fd, b->own, n, off);
	if (r != 0)
		goto out;
	*ret = NULL;
	if (block_sum_ok(b->p, n)) {
		*ret = b;
		b = NULL;	/* transferred */
	}
out:
	block_free(b);
	return r;
}

int journal_look(struct journal *j, uint32_t file, uint64_t off, uint64_t seq, enum found *ret_found,
    struct block **ret_block, uint64_t *ret_junk)
{
	uint8_t head[BLOCK_MIN];
	struct block *b = NULL;
	uint64_t at = 0;
	uint32_t n = 0;
	int r;

	*ret_found = FOUND_NOTHING;
	if (off + BLOCK_MIN > j->file_bytes)
		return 0;
	r = read_all(j->f[file].fd, head, sizeof(head), off);
	if (r != 0 || all_zero(head, sizeof(head)))
		return r;
	if (block_head(head, sizeof(head), j->file_bytes - off, &n, &at)) {
		r = block_load(j, file, off, n, &b);
		if (r != 0)
			return r;
	}
	if (b != NULL && at == seq) {
		*ret_found = FOUND_BLOCK;
		*ret_block = b;
		return 0;
	}
	if (b == NULL || at > seq) {
		*ret_found = FOUND_JUNK;
		*ret_junk = at == seq && n > 0 ? n : BLOCK_MIN;
	}
	block_free(b);
	return 0;
}

/* The same for one file; chunk has CHUNK + BLOCK_MIN bytes. */
static int search_file(struct journal *j, uint32_t file, uint64_t seq, uint8_t *chunk, bool *ret_found)
{
	for (uint64_t off = JOURNAL_START; off + BLOCK_MIN <= j->file_bytes; off += CHUNK) {
		uint64_t left = j->file_bytes - off;
		size_t n = left < CHUNK + BLOCK_MIN ? (size_t)left : CHUNK + BLOCK_MIN;
		int r = read_all(j->f[file].fd, chunk, n, off);

		if (r != 0)
			return r;
		for (size_t i = 0; i < CHUNK && i + BLOCK_MIN <= n; i += 8) {
			struct block *b = NULL;
			uint64_t at;
			uint32_t len;

			if (!block_head(chunk + i, n - i, left - i, &len, &at) || at < seq)
				continue;
			r = block_load(j, file, off + i, len, &b);
			if (r != 0)
				return r;
			*ret_found = b != NULL;
			block_free(b);
			if (*ret_found)
				return 0;
		}
	}
	return 0;
}

int journal_search(struct journal *j, uint64_t seq, bool *ret_found)
{
	uint8_t *chunk = malloc(CHUNK + BLOCK_MIN);
	int r = chunk == NULL ? CV_ERR_NOMEM : 0;

	*ret_found = false;
	for (uint32_t i = 0; r == 0 && !*ret_found && i < j->files; i++)
		r = search_file(j, i, seq, chunk, ret_found);
	free(chunk);
	return r;
}
