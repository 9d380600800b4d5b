/* State hash, counters and sealed META values: what every change passes through. FORMAT.md 5.4 and 8. */
#include <string.h>

#include "base/bytes.h"
#include "format/gov.h"
#include "vault/vault_internal.h"

#define STATE_BYTES (LTHASH_BYTES + 8 + 32)	/* lanes, elements, digest of the tables' own hash */

static void save_to(const struct vault *v, struct vault_saved *to)
{
	if (to->valid)
		return;
	to->state = v->lthash;
	to->elements = v->elements;
	to->counters = v->counters;
	to->has_tables = false;
	to->valid = true;
}

/* The tables' own hash is about to change, which few requests do. */
static void save_tables(const struct vault *v, struct vault_saved *to)
{
	if (to->has_tables)
		return;
	to->tables = v->tables;
	to->has_tables = true;
}

void vault_save(struct vault *v)
{
	save_to(v, &v->turn_saved);
	save_to(v, &v->call_saved);
}

void vault_undo(struct vault *v, struct vault_saved *from)
{
	if (!from->valid)
		return;
	v->lthash = from->state;
	if (from->has_tables) {
		v->tables = from->tables;
		v->has_tables_digest = false;
	}
	v->elements = from->elements;
	v->counters = from->counters;
	from->valid = false;
}

/*
 * Directory and governance are read whole at every start, so their hash can be held against them there. Idempotency rows are many, live
 * for a day and are opened one by one.
 */
static bool in_tables(enum store_table t, const uint8_t *key, size_t key_n)
{
	return t == STORE_DIR || (t == STORE_GOV && key_n > 2 && be16_get(key) != GOV_IDEMPOTENCY);
}

/* Take the stored row, if there is one, out of the state hash, which is about to change. */
static int unhash(struct vault *v, enum store_table t, const void *key, size_t key_n)
{
	struct store_value old;
	int r = store_get(v->store, t, key, key_n, &old);

	if (in_tables(t, key, key_n)) {
		save_tables(v, &v->turn_saved);
		save_tables(v, &v->call_saved);
	}
	if (r == CV_ERR_NOTFOUND)
		return 0;
	if (r != 0)
		return r;
	keys_state_remove(v->keys, &v->lthash, (uint8_t)t, key, key_n, old.p, old.n);
	if (in_tables(t, key, key_n)) {
		keys_state_remove(v->keys, &v->tables, (uint8_t)t, key, key_n, old.p, old.n);
		v->tables_dirty = true;
		v->has_tables_digest = false;
	}
	v->elements--;
	return 0;
}

int vault_put_hashed(struct vault *v, enum store_table t, const void *key, size_t key_n, const void *val, size_t val_n)
{
	int r;

	vault_save(v);
	if ((r = unhash(v, t, key, key_n)) != 0 || (r = store_put(v->store, t, key, key_n, val, val_n)) != 0)
		return r;
	keys_state_add(v->keys, &v->lthash, (uint8_t)t, key, key_n, val, val_n);
	if (in_tables(t, key, key_n)) {
		keys_state_add(v->keys, &v->tables, (uint8_t)t, key, key_n, val, val_n);
		v->tables_dirty = true;
		v->has_tables_digest = false;
	}
	v->elements++;
	v->state_dirty = true;
	return 0;
}

int vault_del_hashed(struct vault *v, enum store_table t, const void *key, size_t key_n)
{
	int r;

	vault_save(v);
	if ((r = unhash(v, t, key, key_n)) != 0)
		return r;
	v->state_dirty = true;
	return store_del(v->store, t, key, key_n);
}

void vault_join_hash(struct vault *v, const struct lthash *change)
{
	vault_save(v);
	lthash_join(&v->lthash, change);
	v->state_dirty = true;
}

static void meta_key(const char *name, uint8_t ret[16])
{
	memset(ret, 0, 16);
	memcpy(ret, name, strlen(name));
}

int vault_meta_get(struct vault *v, const char *name, struct buf *ret)
{
	struct store_value row;
	uint8_t key[16];
	int r;

	meta_key(name, key);
	if ((r = store_get(v->store, STORE_META, key, sizeof(key), &row)) != 0)
		return r;
	buf_reset(ret);
	return keys_meta_open(v->keys, name, row.p, row.n, ret);
}

int vault_meta_put(struct vault *v, const char *name, const void *p, size_t n)
{
	uint8_t key[16];
	int r;

	meta_key(name, key);
	buf_reset(&v->seal);
	if ((r = keys_meta_seal(v->keys, name, p, n, &v->seal)) == 0)
		r = store_put(v->store, STORE_META, key, sizeof(key), v->seal.p, v->seal.n);
	buf_reset(&v->seal);
	return r;
}

/*
 * The newest leaf that names a state names the one in the store: a state row put back from an earlier day is found, and with it
 * whatever else was put back to fit it. Leaves name it at least every STATE_EVERY leaves.
 */
int vault_check_state(struct vault *v)
{
	uint64_t end = store_applied_leaves(v->store);
	uint8_t digest[32];
	struct leaf l;
	int r = 0;

	lthash_digest(&v->lthash, digest);
	for (uint64_t back = 1; back <= end && back <= STATE_REACH; back++) {
		buf_reset(&v->scratch);
		if ((r = audit_read_leaf(v->audit, end - back, &v->scratch)) != 0 ||
		    (r = leaf_decode(v->scratch.p, v->scratch.n, &l)) != 0)
			break;
		if (l.state_hash != NULL) {
			r = memcmp(l.state_hash, digest, sizeof(digest)) == 0 ? 0 : CV_ERR_REPLAY;
			v->state_leaf = end - back;
			break;
		}
	}
	buf_reset(&v->scratch);
	return r == CV_ERR_NOTFOUND ? CV_ERR_IO : r;
}

static int see_serial(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	uint64_t *last = cookie;

	(void)val;
	(void)val_n;
	if (key_n < 6)
		return CV_ERR_FORMAT;
	*last = be48_get(key);
	return 0;
}

int vault_check_counters(struct vault *v)
{
	uint8_t key[REC_KEY_MAX], id[16];
	struct store_value val;
	struct head head = { .record = { 0 } };
	uint32_t epoch, slot;
	uint64_t last = 0;
	int r;

	if ((r = store_scan(v->store, STORE_REC, "", 0, NULL, 0, true, 1, see_serial, &last)) != 0)
		return r;
	if (last >= v->counters.next_serial)
		return CV_ERR_REPLAY;
	/* Slots rise with serials. A head that does not open says nothing; whoever reads that record learns of it. */
	if (last == 0 || store_get(v->store, STORE_REC, key, rec_key(last, REC_HEAD, 0, 0, key), &val) != 0 ||
	    head_prefix_decode(val.p, val.n, &epoch, &slot, id) != 0 || slot < v->counters.next_slot)
		return 0;
	if (shred_load(v->keys, slot) == 0 && record_head_open(v->keys, val.p, val.n, NULL, &head) == 0)
		r = CV_ERR_REPLAY;
	wipe(&head, sizeof(head));
	return r;
}

static int put_counters(struct vault *v)
{
	uint8_t plain[16];

	be64_put(plain, v->counters.next_serial);
	be32_put(plain + 8, v->counters.next_slot);
	be32_put(plain + 12, v->counters.next_change);
	return vault_meta_put(v, "counters", plain, sizeof(plain));
}

/* The digest of the tables' hash, which most turns leave as it was. */
static const uint8_t *tables_digest(struct vault *v)
{
	if (!v->has_tables_digest)
		lthash_digest(&v->tables, v->tables_digest);
	v->has_tables_digest = true;
	return v->tables_digest;
}

int vault_put_state(struct vault *v)
{
	uint8_t plain[STATE_BYTES];
	int r = 0;

	if (v->tables_dirty) {
		lthash_encode(&v->tables, plain);
		r = vault_meta_put(v, "tables", plain, LTHASH_BYTES);
		v->state_dirty = true;	/* it names the other */
	}
	if (r == 0 && v->state_dirty) {
		lthash_encode(&v->lthash, plain);
		be64_put(plain + LTHASH_BYTES, v->elements);
		memcpy(plain + LTHASH_BYTES + 8, tables_digest(v), 32);
		r = vault_meta_put(v, "state", plain, sizeof(plain));
	}
	if (r == 0 && v->counters_dirty)
		r = put_counters(v);
	if (r == 0)
		v->state_dirty = v->tables_dirty = v->counters_dirty = false;
	return r;
}

/* A META value of exactly n bytes. */
static int get_sized(struct vault *v, const char *name, size_t n, struct buf *ret)
{
	int r = vault_meta_get(v, name, ret);

	return r == 0 && ret->n != n ? CV_ERR_FORMAT : r;
}

int vault_load_state(struct vault *v)
{
	uint8_t named[32];
	struct buf b;
	struct rd rd;
	int r;

	buf_init(&b, 1 << 16);
	if ((r = get_sized(v, "state", STATE_BYTES, &b)) != 0)
		goto out;
	lthash_decode(&v->lthash, b.p);
	v->elements = be64_get(b.p + LTHASH_BYTES);
	memcpy(named, b.p + LTHASH_BYTES + 8, sizeof(named));
	if ((r = get_sized(v, "tables", LTHASH_BYTES, &b)) != 0)
		goto out;
	lthash_decode(&v->tables, b.p);
	v->has_tables_digest = false;
	if (memcmp(tables_digest(v), named, sizeof(named)) != 0) {
		r = CV_ERR_REPLAY;
		goto out;
	}
	if ((r = vault_meta_get(v, "counters", &b)) != 0)
		goto out;
	rd = rd_over(b.p, b.n);
	v->counters.next_serial = rd_u64(&rd);
	v->counters.next_slot = rd_u32(&rd);
	v->counters.next_change = rd_u32(&rd);
	if (!rd_done(&rd) || v->counters.next_serial == 0)
		r = CV_ERR_FORMAT;
out:
	buf_free(&b);
	return r;
}

/* One table's rows into a hash of their own. */
struct tables_scan {
	struct vault *v;
	enum store_table table;
	struct lthash found;
};

static int add_found(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	struct tables_scan *x = cookie;

	if (in_tables(x->table, key, key_n))
		keys_state_add(x->v->keys, &x->found, (uint8_t)x->table, key, key_n, val, val_n);
	return 0;
}

int vault_check_tables(struct vault *v)
{
	struct tables_scan x = { .v = v, .table = STORE_DIR };
	/* Those of type 1 are stepped over: after an import there is one for each record, and a start shall not take longer. */
	const uint8_t below[2] = { 0, GOV_IDEMPOTENCY - 1 }, above[2] = { 0, GOV_IDEMPOTENCY + 1 };
	uint8_t found[32], named[32];
	int r;

	if ((r = store_scan(v->store, STORE_DIR, "", 0, NULL, 0, false, 0, add_found, &x)) != 0)
		return r;
	x.table = STORE_GOV;
	if ((r = store_scan(v->store, STORE_GOV, below, sizeof(below), NULL, 0, false, 0, add_found, &x)) != 0 ||
	    (r = store_scan(v->store, STORE_GOV, "", 0, above, sizeof(above), false, 0, add_found, &x)) != 0)
		return r;
	lthash_digest(&x.found, found);
	lthash_digest(&v->tables, named);
	return memcmp(found, named, sizeof(found)) == 0 ? 0 : CV_ERR_REPLAY;
}
