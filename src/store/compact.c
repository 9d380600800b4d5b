/*
 * Compaction. The order makes each moment a store that opens: the copy is whole, compared and synced before it takes the place of the old
 * tables; of the journal, what the next start looks at first becomes zeros in one small write, and only then the rest.
 */
#include "store/compact.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "store/store_internal.h"

#define PATH_SIZE 4096
#define CHUNK (1u << 20)
#define SECTOR 512u		/* bytes that a disk changes at once or not at all, whatever it loses */

/* One run. */
struct compact {
	char tables[PATH_SIZE];		/* the folder store/ */
	char data[PATH_SIZE];		/* its file */
	char fresh[PATH_SIZE];		/* the copy, until it takes the file's place */
	struct tables t;
	struct journal j;
	struct applied last;
	uint32_t mark_file;		/* where the clean-stop mark stands */
	uint64_t mark_offset;
	uint8_t *chunk;			/* CHUNK bytes */
	struct store_compact_report rep;
};

static int error_of(int e)
{
	return e == ENOSPC || e == EDQUOT ? CV_ERR_FULL : CV_ERR_IO;
}

static int path_put(char ret[PATH_SIZE], const char *dir, const char *name)
{
	int n = snprintf(ret, PATH_SIZE, "%s/%s", dir, name);

	return n > 0 && n < PATH_SIZE ? 0 : CV_ERR_LIMIT;
}

static int sync_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	if (fd < 0)
		return CV_ERR_IO;
	r = fsync(fd) == 0 ? 0 : CV_ERR_IO;
	(void)close(fd);	/* only read */
	return r;
}

/* ---- is it clean --------------------------------------------------------------------------------------------------------------- */

/* The block of sequence seq at a place, *ret NULL if it is not there; *ret_junk: something else is. */
static int look(struct compact *c, uint32_t file, uint64_t off, uint64_t seq, struct block **ret, bool *ret_junk)
{
	enum found found;
	uint64_t junk;
	int r;

	*ret = NULL;
	if ((r = journal_look(&c->j, file, off, seq, &found, ret, &junk)) == 0 && found == FOUND_JUNK)
		*ret_junk = true;
	return r;
}

/* The two places at which a block behind one that ends at off of file can begin. */
static int look_behind(struct compact *c, uint32_t file, uint64_t off, uint64_t seq, struct block **ret, bool *ret_junk)
{
	int r = look(c, file, off, seq, ret, ret_junk);

	return r != 0 || *ret != NULL ? r : look(c, (file + 1) % c->j.files, JOURNAL_START, seq, ret, ret_junk);
}

/*
 * The last applied block is there, a clean-stop mark is the last of all, and nobody has started behind it: then every row is in the
 * tables, and the next start reads these two blocks and the places behind them alone.
 */
static int find_mark(struct compact *c)
{
	const struct applied *a = &c->last;
	struct block *b = NULL, *next = NULL;
	bool junk = false;
	int r;

	if (a->seq == 0)
		return CV_ERR_STATE;
	if (a->file >= c->j.files || a->offset < JOURNAL_START || a->offset % 8 != 0 || a->offset > c->j.file_bytes)
		return CV_ERR_REPLAY;
	if ((r = look(c, a->file, a->offset, a->seq, &b, &junk)) == 0 && b == NULL)
		r = CV_ERR_REPLAY;
	if (r == 0 && (b->n != a->n || memcmp(b->p + b->n - BLOCK_TAIL, a->mac, STORE_MAC) != 0))
		r = CV_ERR_REPLAY;
	if (r == 0 && (r = look_behind(c, b->file, b->offset + b->n, a->seq + 1, &next, &junk)) == 0 && next != NULL) {
		block_free(b);
		b = next;
		next = NULL;
		r = look_behind(c, b->file, b->offset + b->n, a->seq + 2, &next, &junk);
	}
	if (r == 0 && (junk || next != NULL || block_check(b) != 0 || (b->flags & BLOCK_CLEAN) == 0 || a->opened > b->seq))
		r = CV_ERR_STATE;
	if (r == 0) {
		c->mark_file = b->file;
		c->mark_offset = b->offset;
	}
	block_free(next);
	block_free(b);
	return r;
}

/* ---- tables -------------------------------------------------------------------------------------------------------------------- */

/* Whether the copy has as many rows in each table. */
static int same_rows(MDB_txn *copy, struct tables *t)
{
	static const char *const names[STORE_TABLES] = { NULL, "meta", "dir", "gov", "rec", "hist", "map", "idx" };

	if (tables_read(t) != 0)
		return CV_ERR_IO;
	for (int i = STORE_META; i < STORE_TABLES; i++) {
		MDB_stat here, there;
		MDB_dbi dbi;

		if (mdb_dbi_open(copy, names[i], 0, &dbi) != 0 || mdb_stat(copy, dbi, &there) != 0 ||
		    mdb_stat(t->read, t->dbi[i], &here) != 0 || here.ms_entries != there.ms_entries)
			return CV_ERR_IO;
	}
	return 0;
}

static int verify_copy(struct compact *c)
{
	MDB_env *env = NULL;
	MDB_txn *txn = NULL;
	MDB_envinfo info;
	int rc, r;

	if ((rc = mdb_env_info(c->t.env, &info)) != 0 || (rc = mdb_env_create(&env)) != 0 || (rc = mdb_env_set_maxdbs(env, 8)) != 0 ||
	    (rc = mdb_env_set_mapsize(env, info.me_mapsize)) != 0 ||
	    (rc = mdb_env_open(env, c->fresh, MDB_NOSUBDIR | MDB_RDONLY | MDB_NOLOCK | MDB_NOTLS, 0600)) != 0 ||
	    (rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn)) != 0)
		r = tables_error(rc);
	else
		r = same_rows(txn, &c->t);
	if (txn != NULL)
		mdb_txn_abort(txn);
	if (env != NULL)
		mdb_env_close(env);
	return r;
}

/* A copy without free pages, synced, of the same owner and mode. */
static int write_copy(struct compact *c)
{
	struct stat st;
	int fd = -1, rc, r = CV_ERR_IO;

	/* What an earlier run left behind when it was killed. */
	if (unlink(c->fresh) != 0 && errno != ENOENT)
		return CV_ERR_IO;
	if (stat(c->data, &st) != 0 || (fd = open(c->fresh, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)) < 0)
		return error_of(errno);
	if ((rc = mdb_env_copyfd2(c->t.env, fd, MDB_CP_COMPACT)) != 0)
		r = rc == EIO && tables_disk_full(&c->t) ? CV_ERR_FULL : tables_error(rc);
	else if (fchown(fd, st.st_uid, st.st_gid) != 0 || fchmod(fd, st.st_mode & 0777) != 0 || fsync(fd) != 0)
		r = error_of(errno);
	else
		r = 0;
	if (close(fd) != 0 && r == 0)
		r = CV_ERR_IO;
	if (r == 0)
		r = verify_copy(c);
	return r;
}

/* Zeros over the first n bytes of a file that nobody needs any more. */
static int clear_file(struct compact *c, int fd, uint64_t n)
{
	memset(c->chunk, 0, CHUNK);
	for (uint64_t off = 0; off < n;) {
		size_t k = n - off < CHUNK ? (size_t)(n - off) : CHUNK;
		ssize_t done = pwrite(fd, c->chunk, k, (off_t)off);

		if (done < 0 && errno != EINTR)
			return CV_ERR_IO;
		off += done > 0 ? (uint64_t)done : 0;
	}
	return fsync(fd) == 0 ? 0 : CV_ERR_IO;
}

static int replace_tables(struct compact *c)
{
	struct stat st, fresh;
	int old = -1, r;

	/* Another name of the same file is somebody's copy, which the zeros would take too. */
	if (stat(c->data, &st) != 0)
		return CV_ERR_IO;
	if (st.st_nlink != 1)
		return CV_ERR_EXISTS;
	if ((r = write_copy(c)) != 0)
		goto out;
	tables_close(&c->t);
	if ((old = open(c->data, O_WRONLY | O_CLOEXEC | O_NOFOLLOW)) < 0 || fstat(old, &st) != 0 || stat(c->fresh, &fresh) != 0 ||
	    rename(c->fresh, c->data) != 0)
		r = CV_ERR_IO;
	if (r == 0 && (r = sync_folder(c->tables)) == 0) {
		c->rep.before = (uint64_t)st.st_size;
		c->rep.after = (uint64_t)fresh.st_size;
		r = clear_file(c, old, c->rep.before);	/* it has no name any more: its blocks are the next file's */
	}
out:
	if (r != 0)
		(void)unlink(c->fresh);	/* the error that matters is r */
	if (old >= 0)
		(void)close(old);	/* synced */
	return r;
}

/* ---- journal ------------------------------------------------------------------------------------------------------------------- */

/* Zeros over [from, to) of a file, as far as it is not zero. */
static int clear_part(struct compact *c, int fd, uint64_t from, uint64_t to)
{
	while (from < to) {
		size_t n = to - from < CHUNK ? (size_t)(to - from) : CHUNK, used = 0;
		ssize_t k = pread(fd, c->chunk, n, (off_t)from);

		if (k <= 0)
			return CV_ERR_IO;
		n = (size_t)k;
		for (size_t i = 0; i < n; i++)
			used += c->chunk[i] != 0;
		if (used > 0) {
			memset(c->chunk, 0, n);
			if (pwrite(fd, c->chunk, n, (off_t)from) != (ssize_t)n)
				return CV_ERR_IO;
		}
		c->rep.cleared += used;
		from += n;
	}
	return fdatasync(fd) == 0 ? 0 : CV_ERR_IO;
}

/* Everything in [from, to) but the blocks that stay. */
static int clear_around(struct compact *c, uint32_t file, uint64_t from, uint64_t to)
{
	const struct { uint32_t file; uint64_t at, n; } keep[] = { { c->last.file, c->last.offset, c->last.n },
		{ c->mark_file, c->mark_offset, BLOCK_MIN } };
	int fd = c->j.f[file].fd, r = 0;

	/* In their order in the file; they may be one block. */
	for (unsigned i = 0; r == 0 && i < 2; i++) {
		uint64_t end = keep[i].at + keep[i].n;

		if (keep[i].file != file || keep[i].at >= to || end <= from)
			continue;
		if (keep[i].at > from)
			r = clear_part(c, fd, from, keep[i].at);
		from = end;
	}
	return r == 0 && from < to ? clear_part(c, fd, from, to) : r;
}

static int clear_journal(struct compact *c)
{
	int r = 0;

	/*
	 * What stands at the start of a file is looked at by the next start, as the place of the next block: an older block may stand
	 * there, or zeros, but no part of a block. So the first sector goes first, at once.
	 */
	for (uint32_t i = 0; r == 0 && i < c->j.files; i++)
		r = clear_around(c, i, JOURNAL_START, JOURNAL_START + SECTOR);
	for (uint32_t i = 0; r == 0 && i < c->j.files; i++)
		r = clear_around(c, i, JOURNAL_START + SECTOR, c->j.file_bytes);
	return r;
}

/* ---- all of it ----------------------------------------------------------------------------------------------------------------- */

/* The folder's two parts, and the lock that a daemon holds. */
static int open_all(struct compact *c, const char *dir)
{
	char journal[PATH_SIZE];
	int fd, r;

	if ((r = path_put(c->tables, dir, "store")) != 0 || (r = path_put(c->data, dir, "store/data.mdb")) != 0 ||
	    (r = path_put(c->fresh, dir, "store/" STORE_COPY)) != 0 || (r = path_put(journal, dir, "journal")) != 0)
		return r;
	if ((fd = open(journal, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 || access(c->data, F_OK) != 0) {
		r = errno == ENOENT || errno == ENOTDIR ? CV_ERR_NOTFOUND : CV_ERR_IO;
		goto out;
	}
	if ((r = journal_open(&c->j, fd)) == 0 && (r = tables_open(&c->t, dir, 0)) == 0)
		r = tables_applied(&c->t, &c->last);
out:
	if (fd >= 0)
		(void)close(fd);	/* only read */
	return r;
}

int store_compact(const char *dir, struct store_compact_report *ret)
{
	struct compact *c = calloc(1, sizeof(*c));
	int r = CV_ERR_NOMEM;

	if (c == NULL)
		return r;
	c->j.lock_fd = -1;
	for (uint32_t i = 0; i < JOURNAL_FILES_MAX; i++)
		c->j.f[i].fd = -1;
	if ((c->chunk = malloc(CHUNK)) == NULL || (r = open_all(c, dir)) != 0 || (r = find_mark(c)) != 0 || (r = replace_tables(c)) != 0 ||
	    (r = clear_journal(c)) != 0)
		goto out;
	*ret = c->rep;
out:
	tables_close(&c->t);
	journal_close(&c->j);
	free(c->chunk);
	free(c);
	return r;
}
