/*
 * The first unsealing of a vault that was pending: signatures beside the store are held against leaf 0 and change set 1, and if two
 * different persons signed, one turn puts them into directory and log and takes the pending flag away. FORMAT.md 5.2, 9, 12.
 *
 * Until then core knows no principal: there is no directory that anybody signed, so there is nothing that a session could stand on.
 */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "format/directory.h"
#include "store/files.h"
#include "vault/genesis_request.h"
#include "vault/vault_internal.h"

#define CHANGE_SET 1u

/* The signatures that fit. */
struct finishing {
	struct genesis_signing signing;
	struct buf change;		/* the unsigned row of change set 1 */
	uint8_t key[DIR_KEY_MAX];
	size_t key_n;
	unsigned n;
	struct genesis_signature list[GENESIS_ADMINS_MAX];
};

static void signature_path(const uint8_t id[16], char ret[64])
{
	char hex[33];

	hex_encode(id, 16, hex);
	snprintf(ret, 64, "%s%s", GENESIS_SIGNATURE_FILE, hex);
}

/* Change set 1 as genesis left it. */
static int read_change(struct vault *v, struct finishing *x)
{
	struct dir_key key = { .type = DIR_CHANGE, .sequence = CHANGE_SET };
	struct store_value val;
	struct dir_change c;
	int r;

	x->key_n = dir_key_encode(&key, x->key);
	if ((r = store_get(v->store, STORE_DIR, x->key, x->key_n, &val)) != 0)
		return r == CV_ERR_NOTFOUND ? CV_ERR_FORMAT : r;
	if ((r = dir_change_decode(val.p, val.n, &c)) != 0)
		return r;
	if (c.signatures != 0)
		return CV_ERR_FORMAT;
	crypto_hash("cv1.change", NULL, 0, &(struct part){ val.p, c.covered }, 1, x->signing.digest, 32);
	buf_put(&x->change, val.p, c.covered);
	return buf_ok(&x->change) ? 0 : CV_ERR_NOMEM;
}

/* One administrator's file, if it is there. What does not fit is said, and counts for nothing. */
static int take_signature(struct vault *v, struct finishing *x, const uint8_t id[16])
{
	struct genesis_signature *s = &x->list[x->n];
	struct buf text;
	char path[64];
	int r;

	signature_path(id, path);
	buf_init(&text, GENESIS_SIGNATURE_TEXT_MAX);
	r = files_read(v->dirfd, path, &text);
	if (r == CV_ERR_NOTFOUND) {
		r = 0;
		goto out;
	}
	if (r == 0)
		r = genesis_signature_decode((const char *)text.p, text.n, s);
	if (r == 0)
		r = memcmp(s->principal, id, 16) == 0 ? genesis_signature_check(&x->signing, s) : CV_ERR_NOTFOUND;
	if (r == 0)
		x->n++;
	else if (r != CV_ERR_IO)
		log_error("%s does not count: %s", path, r == CV_ERR_CONFLICT ? "it is another vault's" : cv_strerror(r));
	r = r == CV_ERR_IO ? r : 0;
out:
	buf_free(&text);
	return r;
}

static int collect(struct vault *v, struct finishing *x)
{
	const struct genesis_body *b = &x->signing.body;
	unsigned persons;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < b->admins; i++)
		r = take_signature(v, x, b->admin[i].id);
	if (r != 0)
		return r;
	persons = genesis_persons(&x->signing, x->list, x->n);
	if (persons >= 2)
		return 0;
	log_error("the vault is pending: two administrators who are different persons must have signed, and %u did", persons);
	return CV_ERR_DENIED;
}

static int put_signed_change(struct vault *v, struct finishing *x)
{
	buf_put(&x->change, x->signing.digest, 32);
	buf_u8(&x->change, (uint8_t)x->n);
	for (unsigned i = 0; i < x->n; i++) {
		buf_put(&x->change, x->list[i].principal, 16);
		buf_put(&x->change, x->list[i].change, 64);
	}
	if (!buf_ok(&x->change))
		return CV_ERR_NOMEM;
	return vault_put_hashed(v, STORE_DIR, x->key, x->key_n, x->change.p, x->change.n);
}

/* Row, change set and leaf are one block: a crash leaves a pending vault or one that works. */
static int finish_turn(struct vault *v, struct finishing *x, uint64_t now_ms)
{
	int r;

	if ((r = audit_turn_begin(v->audit, v->store, now_ms)) != 0 || (r = store_turn_begin(v->store)) != 0)
		return r;
	v->state_dirty = true;
	if ((r = put_signed_change(v, x)) != 0 || (r = genesis_vault_row(v, x->signing.body.flags, &v->scratch)) != 0 ||
	    (r = vault_put_state(v)) != 0 ||
	    (r = genesis_signed_leaf(v, x->list, x->n, true, now_ms, &v->scratch)) != 0) {
		store_rollback(v->store);
		return r;
	}
	store_commit(v->store);
	r = store_turn_end(v->store);
	audit_turn_end(v->audit, r);
	return r != 0 ? r : store_flush(v->store);
}

int genesis_finish(struct vault *v, const uint8_t *leaf, size_t n)
{
	struct finishing x = { .n = 0 };
	uint64_t now_ms = clock_wall_ms();
	int r;

	buf_init(&x.change, STORE_VALUE_MAX);
	if ((r = genesis_leaf_read(leaf, n, &x.signing)) == 0 && (r = read_change(v, &x)) == 0 && (r = collect(v, &x)) == 0 &&
	    (r = epochs_start(v)) == 0 && (r = finish_turn(v, &x, now_ms)) == 0) {
		v->pending = false;
		log_info("the vault's genesis is signed by %u administrators", x.n);
	}
	buf_reset(&v->scratch);
	buf_free(&x.change);
	return r;
}

void genesis_tidy(struct vault *v, const struct genesis_body *b)
{
	char path[64];

	/* Staff's names stand in it in clear. What cannot be removed is no reason not to start: the next start tries again. */
	if (files_remove(v->dirfd, GENESIS_REQUEST_FILE) != 0)
		log_warn("%s could not be removed", GENESIS_REQUEST_FILE);
	for (unsigned i = 0; i < b->admins; i++) {
		signature_path(b->admin[i].id, path);
		(void)files_remove(v->dirfd, path);	/* nothing secret, and nothing reads it again */
	}
}
