/*
 * The overlay's old half into LMDB, on the apply thread.
 *
 * All of it in one transaction would hold a page in memory for every row that lies apart, and end with a sync that turns wait behind.
 * So rows of records go first, in transactions of a bounded size, each of which leaves LMDB ahead of what its row "journal" says. That is
 * no state of its own: until the last transaction every key that was written is in the overlay too, or in the journal that a start
 * replays, and both win over LMDB. What is read before a replay, while the vault is sealed, is written in the last one, with the row: all
 * or nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "store/store_internal.h"

#define ROW_BYTES 16u		/* what a row costs a page beside key and value */
#define PIECE_ROWS 512u		/* rows of one transaction: those that are changed stand in a page each, at worst */

struct row {
	uint64_t head;		/* table and 7 bytes of the key: most compares end here */
	const struct node *nd;
};

/* The table that takes rows. */
struct into {
	MDB_cursor *c;			/* NULL: none yet */
	uint8_t table;
	bool append;			/* keys lie behind all that it had: appending leaves full pages behind, half the file */
	bool grows;			/* new serials go to the end of rec and hist */
	uint8_t last[STORE_KEY_MAX];	/* its last key before the first row; last_n 0 if it was empty */
	size_t last_n;
};

static int row_order(const void *pa, const void *pb)
{
	const struct row *a = pa, *b = pb;
	struct item x, y;

	if (a->head != b->head)
		return a->head < b->head ? -1 : 1;
	for (unsigned i = 0; i < NODE_HELD; i++) {
		if (a->nd->held[i] != b->nd->held[i])
			return a->nd->held[i] < b->nd->held[i] ? -1 : 1;
	}
	node_item(a->nd, &x);
	node_item(b->nd, &y);
	return key_cmp(x.key, x.key_n, y.key, y.key_n);
}

/* List the rows of h. 0 or CV_ERR_NOMEM. */
static int list(struct rows *r, const struct half *h)
{
	size_t n = h->used - 1;

	if (n > r->cap) {
		free(r->row);
		r->cap = 0;
		if ((r->row = malloc((n + n / 4) * sizeof(*r->row))) == NULL)
			return CV_ERR_NOMEM;
		r->cap = n + n / 4;
	}
	for (size_t i = 0; i < n; i++) {
		const struct node *nd = &h->nodes[i + 1];

		r->row[i] = (struct row){ (uint64_t)nd->table << 56 | nd->held[0] >> 8, nd };
	}
	if (n > 1)
		qsort(r->row, n, sizeof(*r->row), row_order);
	return 0;
}

void rows_free(struct rows *r)
{
	free(r->row);
	r->row = NULL;
	r->cap = 0;
}

/* ---- one transaction; all of these give LMDB's code ----------------------------------------------------------- */

static void into_close(struct into *t)
{
	if (t->c != NULL)
		mdb_cursor_close(t->c);
	t->c = NULL;
}

static int into_open(struct into *t, const struct tables *tables, MDB_txn *txn, uint8_t table)
{
	MDB_val k, v;
	int rc;

	into_close(t);
	t->table = table;
	t->append = false;
	t->grows = table == STORE_REC || table == STORE_HIST;
	t->last_n = 0;
	if ((rc = mdb_cursor_open(txn, tables->dbi[table], &t->c)) != 0 || !t->grows)
		return rc;
	/* Asked for once: a cursor that stays near the last put finds the next one's page without going down the tree. */
	if ((rc = mdb_cursor_get(t->c, &k, &v, MDB_LAST)) == 0 && k.mv_size <= sizeof(t->last)) {
		memcpy(t->last, k.mv_data, k.mv_size);
		t->last_n = k.mv_size;
	}
	return rc == MDB_NOTFOUND ? 0 : rc;
}

static int put_one(struct into *t, const struct item *p)
{
	MDB_val k = { .mv_size = p->key_n }, v = { .mv_size = p->val_n };
	int rc;

	memcpy(&k.mv_data, &p->key, sizeof(p->key));
	memcpy(&v.mv_data, &p->val, sizeof(p->val));
	if (p->op == ITEM_DEL) {
		rc = mdb_cursor_get(t->c, &k, &v, MDB_SET);
		if (rc == 0)
			rc = mdb_cursor_del(t->c, 0);
		return rc == MDB_NOTFOUND ? 0 : rc;
	}
	/* Keys come in order: once one lies behind the table's last, so do all that follow. */
	t->append = t->append || (t->grows && key_cmp(p->key, p->key_n, t->last, t->last_n) > 0);
	return mdb_cursor_put(t->c, &k, &v, t->append ? MDB_APPEND : 0);
}

static int put_all(const struct tables *tables, MDB_txn *txn, const struct row *row, size_t n)
{
	struct into t = { .c = NULL };
	struct item it;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++) {
		node_item(row[i].nd, &it);
		if (t.c == NULL || it.table != t.table)
			rc = into_open(&t, tables, txn, it.table);
		if (rc == 0)
			rc = put_one(&t, &it);
	}
	into_close(&t);
	return rc;
}

static int put_note(const struct tables *t, MDB_txn *txn, const struct buf *note)
{
	static char key[] = "log";
	MDB_val k = { sizeof(key) - 1, key }, v = { note->n, note->p };

	return note->n > 0 ? mdb_put(txn, t->dbi[STORE_META], &k, &v, 0) : 0;
}

/* What goes into one transaction: rows of records, and in the last one whatever else there is. */
struct piece {
	const struct row *row;
	size_t n;
	const struct row *other;
	size_t other_n;
	const struct buf *note;
	const struct applied *applied;	/* NULL: not the last */
};

static int transact(struct tables *t, const struct piece *p)
{
	MDB_txn *txn = NULL;
	int rc;

	if ((rc = mdb_txn_begin(t->env, NULL, 0, &txn)) != 0)
		return rc;
	rc = put_all(t, txn, p->row, p->n);
	if (rc == 0 && p->applied != NULL && (rc = put_all(t, txn, p->other, p->other_n)) == 0 && (rc = put_note(t, txn, p->note)) == 0)
		rc = tables_put_applied(t, txn, p->applied);
	if (rc == 0)
		return mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return rc;
}

/* ---- all of them ---------------------------------------------------------------------------------------------- */

/* How many of n rows make the next piece. */
static size_t piece_end(const struct row *row, size_t n, size_t piece_bytes)
{
	size_t bytes = 0, i = 0;

	for (; i < n && i < PIECE_ROWS && bytes < piece_bytes; i++)
		bytes += ROW_BYTES + row[i].nd->key_n + row[i].nd->val_n;
	return i;
}

/* LMDB's code. */
static int write_pieces(const struct rows *r, size_t n, size_t piece_bytes, struct tables *t, const struct buf *note,
    const struct applied *applied)
{
	struct piece p = { .row = r->row, .other = r->row, .note = note };
	int rc = 0;

	/* Tables 1 to 3 are what a sealed vault reads. */
	while (p.other_n < n && p.row->nd->table < STORE_REC) {
		p.row++;
		p.other_n++;
	}
	for (size_t left = n - p.other_n; rc == 0 && p.applied == NULL; left -= p.n, p.row += p.n) {
		p.n = piece_end(p.row, left, piece_bytes);
		if (p.n == left)
			p.applied = applied;
		if ((rc = transact(t, &p)) != 0)
			break;
	}
	return rc;
}

int rows_write(struct rows *r, struct tables *t, const struct half *h, size_t piece_bytes, const struct buf *note,
    const struct applied *row)
{
	int rc;

	if (list(r, h) != 0)
		return CV_ERR_NOMEM;
	rc = write_pieces(r, h->used - 1, piece_bytes, t, note, row);
	/* LMDB takes a write that was cut short, as a filling disk cuts it, for a failing one. */
	if (rc == EIO && tables_disk_full(t))
		rc = ENOSPC;
	return tables_error(rc);
}
