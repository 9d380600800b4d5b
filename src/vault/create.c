/* CREATE: a new record, its rows, its place in the shred tree. */
#include <string.h>

#include "base/bytes.h"
#include "format/gov.h"
#include "vault/gov.h"
#include "vault/write.h"

/* The remembered answer of an Idempotency-Key. */
struct idem {
	uint8_t id[16];			/* object id of the governance row */
	uint8_t digest[16];		/* of the body that made it */
	uint8_t record[16];
	uint8_t etag[16];
	uint64_t expires_ms;
	bool found;
};

static int idem_decode(const struct buf *plain, struct idem *ret)
{
	struct gov_items items;
	struct gov_item item;
	unsigned count = 0;

	if (gov_items_open(plain->p, plain->n, &items) != 0)
		return CV_ERR_FORMAT;
	while (gov_items_next(&items, &item)) {
		if (item.tag != ++count || item.n != (item.tag == 3 ? 8 : 16))
			return CV_ERR_FORMAT;
		switch (item.tag) {
		case 1: memcpy(ret->digest, item.p, 16); break;
		case 2: memcpy(ret->record, item.p, 16); break;
		case 3: ret->expires_ms = be64_get(item.p); break;
		case 4: memcpy(ret->etag, item.p, 16); break;
		default: return CV_ERR_FORMAT;
		}
	}
	return count == 4 ? 0 : CV_ERR_FORMAT;
}

/* Look the key up; x->found only if it is there and not expired. 0 or an error. */
static int idem_find(struct vault *v, struct vault_call *c, const struct wire_text *key, struct idem *x)
{
	struct gov_prefix prefix;
	struct store_value val;
	uint8_t k[GOV_KEY];
	int r;

	x->found = false;
	keys_idem_id(v->keys, c->principal->id, key->p, key->n, x->id);
	gov_key(GOV_IDEMPOTENCY, x->id, k);
	if ((r = store_get(v->store, STORE_GOV, k, sizeof(k), &val)) != 0)
		return r == CV_ERR_NOTFOUND ? 0 : r;
	buf_reset(&v->scratch);
	if (gov_prefix_decode(val.p, val.n, &prefix) != 0 || prefix.type != GOV_IDEMPOTENCY)
		return CV_ERR_FORMAT;
	if ((r = keys_gov_open(v->keys, GOV_IDEMPOTENCY, x->id, UINT32_MAX, val.p + GOV_PREFIX, val.n - GOV_PREFIX, &v->scratch)) == 0)
		r = idem_decode(&v->scratch, x);
	buf_reset(&v->scratch);
	x->found = r == 0 && x->expires_ms > c->now_ms;
	return r;
}

static int idem_put(struct vault *v, struct vault_call *c, struct idem *x)
{
	/* The due day lets the sweep find rows to forget without opening them. */
	struct gov_prefix prefix = { .epoch = keys_epoch(v->keys), .type = GOV_IDEMPOTENCY, .due_day = (uint32_t)(c->today + 1 + 2) };
	uint8_t k[GOV_KEY], expires[8];
	size_t at;
	int r;

	be64_put(expires, c->now_ms + VAULT_IDEM_MS);
	buf_reset(&v->scratch);
	at = gov_items_begin(&v->scratch);
	gov_item_put(&v->scratch, 1, x->digest, 16);
	gov_item_put(&v->scratch, 2, x->record, 16);
	gov_item_put(&v->scratch, 3, expires, 8);
	gov_item_put(&v->scratch, 4, x->etag, 16);
	gov_items_end(&v->scratch, at, 4);
	buf_reset(&v->seal);
	gov_prefix_put(&v->seal, &prefix);
	if (!buf_ok(&v->scratch) || !buf_ok(&v->seal))
		r = CV_ERR_NOMEM;
	else
		r = keys_gov_seal(v->keys, GOV_IDEMPOTENCY, x->id, UINT32_MAX, v->scratch.p, v->scratch.n, &v->seal);
	if (r == 0) {
		gov_key(GOV_IDEMPOTENCY, x->id, k);
		r = vault_put_hashed(v, STORE_GOV, k, sizeof(k), v->seal.p, v->seal.n);
	}
	buf_reset(&v->scratch);
	buf_reset(&v->seal);
	return r;
}

/* A record of no rows yet, with the next serial and shred slot. */
static int new_record(struct vault *v, struct vault_call *c, struct record *rec)
{
	uint8_t serial[6];
	int r;

	vault_save(v);
	memset(rec, 0, sizeof(*rec));
	rec->serial = v->counters.next_serial;
	rec->head.shred_slot = v->counters.next_slot;
	/* A shard is made ready half a shard ahead, so that making a record writes no shred file. */
	if ((rec->head.shred_slot & 511) == 0 && (r = shred_prepare(v->keys, rec->head.shred_slot)) != 0)
		return r;
	if ((r = shred_load(v->keys, rec->head.shred_slot)) != 0)
		return r;
	crypto_random(rec->head.record, 16);
	crypto_random(rec->head.log_key, 32);
	crypto_random(rec->head.nonce, ROW_NONCE);
	rec->creating = true;
	buf_reset(&v->change);
	rec->head.state = STATE_DRAFT;
	rec->head.created_ms = rec->head.updated_ms = c->now_ms;
	v->counters.next_serial++;
	v->counters.next_slot++;
	v->counters_dirty = true;
	buf_reset(&v->keys_row);
	wraps_begin(&v->keys_row);
	if (!buf_ok(&v->keys_row))
		return CV_ERR_NOMEM;	/* a row of nothing is below every limit */
	rec->keys_changed = true;
	be48_put(serial, rec->serial);
	return store_put(v->store, STORE_MAP, rec->head.record, 16, serial, sizeof(serial));
}

static unsigned create_checked(struct vault *v, struct vault_call *c, struct write_set *w, const struct wire_create *m,
    struct idem *idem)
{
	struct record rec;
	uint8_t etag[16];
	bool aside = false;
	int r;

	if ((r = store_room(v->store, write_room(w))) == 0 && (r = new_record(v, c, &rec)) == 0 &&
	    (r = write_targets(v, c, w, &rec)) == 0 && (r = record_put_head(v, &rec)) == 0)
		r = gov_intake(v, c, &rec, &aside);
	if (r == 0) {
		record_etag(v, c, &rec.head, etag);
		call_child(c, &rec);
		if (m->key.n > 0) {
			memcpy(idem->record, rec.head.record, 16);
			memcpy(idem->etag, etag, 16);
			r = idem_put(v, c, idem);
		}
	}
	wipe(rec.head.log_key, sizeof(rec.head.log_key));
	if (r != 0)
		return c->problem != 0 ? c->problem : call_failed(c, r == CV_ERR_NOTFOUND ? CV_ERR_AUTH : r);
	c->kind = LEAF_CREATE;
	wire_create_answer_put(c->out, rec.head.record, etag, false, aside);
	return 0;
}

/* The same answer as before; its leaf is about the child that it names. */
static unsigned replay(struct vault *v, struct vault_call *c, const struct idem *idem)
{
	struct record rec;
	int r = record_load(v, idem->record, false, &rec);

	if (r != 0)
		return call_failed(c, r);
	call_child(c, &rec);
	wipe(rec.head.log_key, sizeof(rec.head.log_key));
	c->kind = LEAF_CREATE;
	wire_create_answer_put(c->out, idem->record, idem->etag, true, gov_is_aside(v, idem->record));
	return 0;
}

unsigned vault_create_record(struct vault *v, struct vault_call *c, const struct wire_create *m)
{
	struct idem idem;
	struct write_set *w;
	unsigned problem;
	int r;

	if ((problem = call_purpose(v, c, false)) != 0)
		return problem;
	w = write_begin();
	problem = write_accept(v, c, w, m->fields, m->as_of_day, true);
	if (problem == 0 && m->key.n > 0) {
		uint8_t digest[16];

		/* The fields alone: purpose and request id differ when a client tries again. */
		keys_request_digest(v->keys, m->fields.rd.p, rd_left(&m->fields.rd), digest);
		if ((r = idem_find(v, c, &m->key, &idem)) != 0) {
			problem = call_failed(c, r);
		} else if (idem.found && crypto_equal(digest, idem.digest, 16)) {
			problem = replay(v, c, &idem);
			write_end(w);
			return problem;
		} else if (idem.found) {
			problem = call_refuse(c, PROBLEM_IDEMPOTENCY_MISMATCH, "this key came with another body before");
		}
		memcpy(idem.digest, digest, 16);
	}
	if (problem == 0)
		problem = create_checked(v, c, w, m, &idem);
	write_end(w);
	return problem;
}
