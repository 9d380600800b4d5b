/*
 * The tables in LMDB: one environment with default durability, one read transaction for core's thread, which is reset
 * between turns so that it pins no old pages.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/bytes.h"
#include "base/error.h"
#include "store/store_internal.h"

#define ROW_N 72u
#define ROW_FORMAT 1u
#define PATH_SIZE 4096
#define MAP_DEFAULT ((uint64_t)64 << 30)
#define MAP_LEAST ((uint64_t)1 << 30)
#define DISK_FULL (16u << 20)	/* free bytes below which a cut write means a full disk: a batch may write as much */

static const char row_key[] = "journal";
static const char *const names[STORE_TABLES] = { NULL, "meta", "dir", "gov", "rec", "hist", "map", "idx" };

int tables_error(int rc)
{
	switch (rc) {
	case 0:
		return 0;
	case MDB_NOTFOUND:
		return CV_ERR_NOTFOUND;
	case MDB_MAP_FULL:
	case MDB_TXN_FULL:
	case ENOSPC:
	case EDQUOT:
		return CV_ERR_FULL;
	case ENOMEM:
		return CV_ERR_NOMEM;
	case MDB_VERSION_MISMATCH:
	case MDB_INVALID:
		return CV_ERR_FORMAT;
	default:
		return CV_ERR_IO;
	}
}

/* Whether the file has all the pages that its meta page counts: of a file cut short LMDB would read until a SIGBUS. */
static bool file_whole(MDB_env *env)
{
	MDB_envinfo info;
	MDB_stat page;
	struct stat st;
	int fd;

	return mdb_env_info(env, &info) == 0 && mdb_env_stat(env, &page) == 0 && mdb_env_get_fd(env, &fd) == 0 &&
	    fstat(fd, &st) == 0 && (uint64_t)st.st_size / page.ms_psize > info.me_last_pgno;
}

bool tables_disk_full(const struct tables *t)
{
	struct statvfs st;
	int fd;

	return mdb_env_get_fd(t->env, &fd) == 0 && fstatvfs(fd, &st) == 0 && (uint64_t)st.f_bavail * st.f_frsize < DISK_FULL;
}

/*
 * An environment with a map of the size asked for. Where the address space is limited the default of 64 GiB may not be had: then
 * the largest of a few smaller ones that the file still fits.
 */
static int env_map(const char *path, uint64_t map_bytes, MDB_env **ret_env)
{
	uint64_t size = map_bytes != 0 ? map_bytes : MAP_DEFAULT;
	int rc;

	for (;; size /= 4) {
		if ((rc = mdb_env_create(ret_env)) != 0)
			return rc;
		if ((rc = mdb_env_set_maxdbs(*ret_env, 8)) == 0 && (rc = mdb_env_set_mapsize(*ret_env, size)) == 0)
			rc = mdb_env_open(*ret_env, path, MDB_NOTLS, 0600);
		if (rc == 0 || map_bytes != 0 || size / 4 < MAP_LEAST || (rc != ENOMEM && rc != EINVAL))
			return rc;
		mdb_env_close(*ret_env);
		*ret_env = NULL;
	}
}

/* Open the environment and all tables. The caller closes *ret_env also on failure. */
static int env_open(const char *dir, uint64_t map_bytes, unsigned int dbi_flags, MDB_env **ret_env,
    MDB_dbi dbi[STORE_TABLES])
{
	char path[PATH_SIZE];
	MDB_txn *txn = NULL;
	int dead, rc, n;

	n = snprintf(path, sizeof(path), "%s/store", dir);
	if (n < 0 || (size_t)n >= sizeof(path))
		return ENAMETOOLONG;
	if ((rc = env_map(path, map_bytes, ret_env)) != 0)
		return rc;
	if (!file_whole(*ret_env))
		return MDB_INVALID;
	/* A reader that was killed would pin old pages for ever. */
	(void)mdb_reader_check(*ret_env, &dead);
	if ((rc = mdb_txn_begin(*ret_env, NULL, dbi_flags != 0 ? 0 : MDB_RDONLY, &txn)) != 0)
		return rc;
	for (int i = STORE_META; i < STORE_TABLES; i++) {
		if ((rc = mdb_dbi_open(txn, names[i], dbi_flags, &dbi[i])) != 0) {
			mdb_txn_abort(txn);
			return rc;
		}
	}
	return mdb_txn_commit(txn);
}

int tables_create(const char *dir, uint64_t map_bytes)
{
	struct applied none = { .offset = JOURNAL_START };
	struct tables t = { .env = NULL };
	int r;

	r = tables_error(env_open(dir, map_bytes, MDB_CREATE, &t.env, t.dbi));
	if (r == 0)
		r = tables_save_applied(&t, &none);
	if (t.env != NULL)
		mdb_env_close(t.env);
	return r == 0 || r == CV_ERR_FULL ? r : CV_ERR_IO;
}

int tables_open(struct tables *t, const char *dir, uint64_t map_bytes)
{
	int r;

	memset(t, 0, sizeof(*t));
	r = tables_error(env_open(dir, map_bytes, 0, &t->env, t->dbi));
	/* A table that is missing means that store_create did not end, or that somebody was here. */
	if (r == CV_ERR_NOTFOUND)
		return CV_ERR_FORMAT;
	if (r != 0)
		return r;
	r = tables_error(mdb_txn_begin(t->env, NULL, MDB_RDONLY, &t->read));
	if (r == 0)
		mdb_txn_reset(t->read);
	return r;
}

void tables_close(struct tables *t)
{
	if (t->env == NULL)
		return;
	for (int i = STORE_META; i < STORE_TABLES; i++) {
		if (t->cursor[i] != NULL)
			mdb_cursor_close(t->cursor[i]);
	}
	if (t->read != NULL)
		mdb_txn_abort(t->read);
	mdb_env_close(t->env);
	t->env = NULL;
}

int tables_read(struct tables *t)
{
	if (t->live)
		return 0;
	if (mdb_txn_renew(t->read) != 0)
		return CV_ERR_IO;
	t->live = true;
	return 0;
}

void tables_rest(struct tables *t)
{
	if (t->live)
		mdb_txn_reset(t->read);
	t->live = false;
}

int tables_get(struct tables *t, enum store_table table, const void *key, size_t n, struct store_value *ret)
{
	MDB_val k = { .mv_size = n }, v;
	int r;

	/* LMDB does not write through the key of a read. */
	memcpy(&k.mv_data, &key, sizeof(key));
	r = tables_read(t);
	if (r == 0)
		r = tables_error(mdb_get(t->read, t->dbi[table], &k, &v));
	if (r == 0) {
		ret->p = v.mv_data;
		ret->n = v.mv_size;
	}
	return r == 0 || r == CV_ERR_NOTFOUND ? r : CV_ERR_IO;
}

int tables_applied(struct tables *t, struct applied *ret)
{
	struct store_value v;
	struct rd r;
	int e;

	e = tables_get(t, STORE_META, row_key, sizeof(row_key) - 1, &v);
	if (e == 0) {
		r = rd_over(v.p, v.n);
		if (rd_u8(&r) != ROW_FORMAT || rd_u8(&r) != 0)
			e = CV_ERR_FORMAT;
		ret->file = rd_u16(&r);
		ret->n = rd_u32(&r);
		ret->offset = rd_u64(&r);
		ret->seq = rd_u64(&r);
		ret->leaves = rd_u64(&r);
		ret->opened = rd_u64(&r);
		rd_copy(&r, ret->mac, STORE_MAC);
		rd_copy(&r, ret->prev, STORE_MAC);
		if (!rd_done(&r))
			e = CV_ERR_FORMAT;
	}
	tables_rest(t);
	return e == CV_ERR_NOTFOUND ? CV_ERR_FORMAT : e;
}

int tables_put_applied(struct tables *t, MDB_txn *txn, const struct applied *a)
{
	uint8_t row[ROW_N] = { ROW_FORMAT };
	char name[sizeof(row_key)];
	MDB_val k = { sizeof(row_key) - 1, name }, v = { sizeof(row), row };

	memcpy(name, row_key, sizeof(row_key));
	be16_put(row + 2, (uint16_t)a->file);
	be32_put(row + 4, a->n);
	be64_put(row + 8, a->offset);
	be64_put(row + 16, a->seq);
	be64_put(row + 24, a->leaves);
	be64_put(row + 32, a->opened);
	memcpy(row + 40, a->mac, STORE_MAC);
	memcpy(row + 56, a->prev, STORE_MAC);
	return mdb_put(txn, t->dbi[STORE_META], &k, &v, 0);
}

int tables_save_applied(struct tables *t, const struct applied *a)
{
	MDB_txn *txn = NULL;
	int rc = mdb_txn_begin(t->env, NULL, 0, &txn);

	if (rc == 0 && (rc = tables_put_applied(t, txn, a)) != 0)
		mdb_txn_abort(txn);
	else if (rc == 0)
		rc = mdb_txn_commit(txn);
	rc = tables_error(rc);
	return rc == 0 || rc == CV_ERR_FULL ? rc : CV_ERR_IO;
}
