/* Scans: the rows of LMDB and of the overlay merged in the order of their keys; the overlay's row wins. */
#include <string.h>

#include "base/error.h"
#include "store/store_internal.h"

/* One scan: both sources, each with its next row if it has one. */
struct scan {
	struct store *s;
	enum store_table t;
	bool reverse;
	const uint8_t *prefix;
	size_t prefix_n;
	MDB_cursor *cur;	/* NULL if LMDB is not asked */
	bool db;		/* k, v hold LMDB's next row */
	bool ov;		/* it holds the overlay's */
	MDB_val k;
	MDB_val v;
	struct overlay_cursor oc;
	struct item it;
};

/* Where a scan starts: how to seek key; key_n 0 with SEEK_FIRST or SEEK_LAST. */
struct start {
	enum seek how;
	uint8_t key[STORE_KEY_MAX + 1];
	size_t key_n;
};

/* The first key behind all keys with the prefix; false if there is none. */
static bool prefix_end(const uint8_t *prefix, size_t n, uint8_t *ret, size_t *ret_n)
{
	while (n > 0 && prefix[n - 1] == 0xff)
		n--;
	if (n == 0)
		return false;
	memcpy(ret, prefix, n);
	ret[n - 1]++;
	*ret_n = n;
	return true;
}

static void start_at(struct start *st, enum seek how, const uint8_t *key, size_t n)
{
	st->how = how;
	st->key_n = n;
	if (n > 0)
		memcpy(st->key, key, n);
	else
		st->how = SEEK_FIRST;	/* every key lies at or above the empty one */
}

/* Work out the start of prefix and from; false if no key can match. */
static bool start_make(struct start *st, const struct scan *sc, const uint8_t *from, size_t from_n)
{
	uint8_t end[STORE_KEY_MAX];
	size_t end_n = 0;
	bool bounded;

	/* No key is longer, so the cut one stands directly before whatever from stands before. */
	bool cut = from_n > STORE_KEY_MAX;

	if (cut)
		from_n = STORE_KEY_MAX;
	if (!sc->reverse) {
		if (key_cmp(from, from_n, sc->prefix, sc->prefix_n) > 0)
			start_at(st, cut ? SEEK_GT : SEEK_GE, from, from_n);
		else
			start_at(st, SEEK_GE, sc->prefix, sc->prefix_n);
		return true;
	}
	bounded = prefix_end(sc->prefix, sc->prefix_n, end, &end_n);
	if (from != NULL && (!bounded || key_cmp(from, from_n, end, end_n) < 0)) {
		if (from_n == 0)
			return false;
		start_at(st, SEEK_LE, from, from_n);
	} else if (bounded) {
		start_at(st, SEEK_LT, end, end_n);
	} else {
		st->how = SEEK_LAST;
		st->key_n = 0;
	}
	return true;
}

/* ---- LMDB's side ---------------------------------------------------------------------------------------------- */

static int db_get(struct scan *sc, MDB_cursor_op op)
{
	int rc = mdb_cursor_get(sc->cur, &sc->k, &sc->v, op);

	sc->db = rc == 0;
	return rc == 0 || rc == MDB_NOTFOUND ? 0 : CV_ERR_IO;
}

static int db_seek(struct scan *sc, struct start *st)
{
	int c, r;

	if (st->how == SEEK_FIRST || st->how == SEEK_LAST)
		return db_get(sc, st->how == SEEK_FIRST ? MDB_FIRST : MDB_LAST);
	sc->k = (MDB_val){ st->key_n, st->key };
	r = db_get(sc, MDB_SET_RANGE);
	if (r != 0)
		return r;
	/* Now at the first key that is not below. */
	if (!sc->db)
		return st->how == SEEK_LE || st->how == SEEK_LT ? db_get(sc, MDB_LAST) : 0;
	c = key_cmp(sc->k.mv_data, sc->k.mv_size, st->key, st->key_n);
	if (st->how == SEEK_GT && c == 0)
		return db_get(sc, MDB_NEXT);
	if (st->how == SEEK_LT || (st->how == SEEK_LE && c != 0))
		return db_get(sc, MDB_PREV);
	return 0;
}

/* Take the table's cursor; a scan inside a callback of another one on the same table gets its own. */
static int cursor_take(struct scan *sc)
{
	struct tables *t = &sc->s->t;
	MDB_cursor **c = &t->cursor[sc->t];
	int rc;

	if (t->cursor_busy[sc->t])
		return mdb_cursor_open(t->read, t->dbi[sc->t], &sc->cur);
	if (*c == NULL)
		rc = mdb_cursor_open(t->read, t->dbi[sc->t], c);
	else
		rc = mdb_cursor_renew(t->read, *c);
	if (rc == 0) {
		sc->cur = *c;
		t->cursor_busy[sc->t] = true;
	}
	return rc;
}

static void cursor_give(struct scan *sc)
{
	struct tables *t = &sc->s->t;

	if (sc->cur == NULL)
		return;
	if (sc->cur == t->cursor[sc->t])
		t->cursor_busy[sc->t] = false;
	else
		mdb_cursor_close(sc->cur);
}

/* ---- both ----------------------------------------------------------------------------------------------------- */

static int db_step(struct scan *sc)
{
	return db_get(sc, sc->reverse ? MDB_PREV : MDB_NEXT);
}

static void ov_step(struct scan *sc)
{
	overlay_step(&sc->s->ov, &sc->oc);
	sc->ov = overlay_item(&sc->s->ov, &sc->oc, &sc->it);
}

static bool in_prefix(const struct scan *sc, const uint8_t *key, size_t n)
{
	return n >= sc->prefix_n && (sc->prefix_n == 0 || memcmp(key, sc->prefix, sc->prefix_n) == 0);
}

/* Take the next row of the two; *ret_more is false at the end, *ret_val NULL for a deleted key. */
static int step(struct scan *sc, bool *ret_more, MDB_val *ret_key, MDB_val *ret_val)
{
	int c = sc->db ? -1 : 1;	/* below 0: LMDB's comes first; 0: both have the key */

	*ret_more = false;
	if (!sc->db && !sc->ov)
		return 0;
	if (sc->db && sc->ov) {
		c = key_cmp(sc->k.mv_data, sc->k.mv_size, sc->it.key, sc->it.key_n);
		c = sc->reverse ? -c : c;
	}
	if (c < 0) {
		*ret_key = sc->k;
		*ret_val = sc->v;
	} else {
		memcpy(&ret_key->mv_data, &sc->it.key, sizeof(sc->it.key));
		ret_key->mv_size = sc->it.key_n;
		memcpy(&ret_val->mv_data, &sc->it.val, sizeof(sc->it.val));
		ret_val->mv_size = sc->it.val_n;
	}
	*ret_more = in_prefix(sc, ret_key->mv_data, ret_key->mv_size);
	/* LMDB's bytes stay where they are for the whole snapshot, so both may move on before the callback. */
	if (c >= 0)
		ov_step(sc);
	return c <= 0 && *ret_more ? db_step(sc) : 0;
}

static int run(struct scan *sc, size_t limit, store_scan_cb cb, void *cookie)
{
	MDB_val k, v;
	size_t n = 0;
	bool more;
	int r;

	while ((r = step(sc, &more, &k, &v)) == 0 && more) {
		if (v.mv_data == NULL)
			continue;
		r = cb(cookie, k.mv_data, k.mv_size, v.mv_data, v.mv_size);
		if (r != 0 || ++n == limit)
			break;
	}
	return r;
}

int store_scan(struct store *s, enum store_table t, const void *prefix, size_t prefix_n, const void *from, size_t from_n,
    bool reverse, size_t limit, store_scan_cb cb, void *cookie)
{
	struct scan sc = { .s = s, .t = t, .reverse = reverse, .prefix = prefix, .prefix_n = prefix_n };
	struct start st;
	int r;

	if (prefix_n > STORE_KEY_MAX || !start_make(&st, &sc, from, from_n))
		return 0;
	r = tables_read(&s->t);
	if (r != 0)
		return r;
	overlay_seek(&s->ov, (uint8_t)t, st.how, st.key, st.key_n, &sc.oc);
	sc.ov = overlay_item(&s->ov, &sc.oc, &sc.it);
	r = cursor_take(&sc) == 0 ? db_seek(&sc, &st) : CV_ERR_IO;
	if (r == 0)
		r = run(&sc, limit, cb, cookie);
	cursor_give(&sc);
	return r;
}
