/* Rekeys of a vault with managers and custodians, without the calls of those who take part. */
#ifndef CV_TEST_VAULT_REKEY_H
#define CV_TEST_VAULT_REKEY_H

#include "keys/change.h"
#include "keys/custody.h"
#include "test_vault_gov.h"

/* ---- custodians and administrators, without their calls --------------------------------------------------------------------- */

static inline void rekey_give(struct fixture *f, struct custody *c, unsigned who)
{
	static const size_t row_n = 7 + DIR_WRAP;
	uint8_t sealed[8 * DIR_WRAP], share[32], ctx[CONTEXT_BYTES];
	const struct test_person *p = &f->person[who];
	unsigned n = 0;
	struct buf b;

	buf_init(&b, 1u << 16);
	assert_int_equal(custody_rows(c, f->v->store, p->g.principal.id, &b), 0);
	for (size_t at = 0; at < b.n; at += row_n, n++) {
		const uint8_t *row = b.p + at;
		struct context x = { .kind = CONTEXT_SHARE, .vault = f->v->id, .entity = p->g.principal.id, .epoch = be32_get(row + 2),
			.field = be16_get(row), .version = row[6], .length = 32 };

		context_encode(&x, ctx);
		assert_int_equal(crypto_pkopen(p->box_sk, ctx, row + 7, DIR_WRAP, share), 0);
		x.kind = CONTEXT_CEREMONY;
		x.entity = custody_request(c);
		x.writer = p->g.principal.id;
		context_encode(&x, ctx);
		assert_int_equal(crypto_pkseal(custody_public(c), ctx, share, 32, sealed + n * DIR_WRAP), 0);
	}
	assert_int_equal(custody_give(f->v->keys, f->v->store, c, p->g.principal.id, sealed, n * DIR_WRAP), 0);
	buf_free(&b);
}

static inline struct custody *ceremony(struct fixture *f, const uint8_t request[16], const struct custody_role *roles, unsigned n)
{
	struct custody *c;

	assert_int_equal(custody_new(f->v->store, request, roles, n, 0, &c), 0);
	rekey_give(f, c, P_CUSTODIAN_1);
	rekey_give(f, c, P_CUSTODIAN_2);
	return c;
}

static inline int rekey_put(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	return vault_put_hashed(cookie, STORE_DIR, key, key_n, val, val_n);
}

static inline int rekey_del(void *cookie, const uint8_t *key, size_t key_n)
{
	return vault_del_hashed(cookie, STORE_DIR, key, key_n);
}

/* New epochs as `what` says, in a turn of their own. */
static inline void rekey(struct fixture *f, const struct change_rekey *what)
{
	uint8_t message[48] = "cv1.change", signature[2][64], id[16];
	struct custody_role roles[CUSTODY_ROLES];
	struct change_signature who[2];
	struct change_draft d;
	struct dir_change change;
	struct vault *v = f->v;
	struct custody *c;
	unsigned n = 0;
	struct rd rd;

	assert_int_equal(change_draft_rekey(v->keys, what, clock_wall_ms(), &d), 0);
	assert_int_equal(dir_change_decode(d.op.change, d.op.change_n, &change), 0);
	memcpy(message + 16, change.digest, 32);
	for (unsigned i = 0; i < 2; i++) {
		crypto_sign(f->person[P_ADMIN_A + i].sign_sk, message, sizeof(message), signature[i]);
		memcpy(who[i].principal, f->person[P_ADMIN_A + i].g.principal.id, 16);
		who[i].signature = signature[i];
	}
	for (rd = rd_over(d.op.item[ITEM_ROLES].p, d.op.item[ITEM_ROLES].n); rd_left(&rd) > 0; n++) {
		roles[n].role = rd_u16(&rd);
		roles[n].epoch = rd_u32(&rd);
	}
	crypto_random(id, 16);
	c = ceremony(f, id, roles, n);
	assert_int_equal(vault_turn_begin(v), 0);
	assert_int_equal(change_rows(v->keys, v->store, &d.op, who, 2, c, rekey_put, rekey_del, v), 0);
	v->counters.next_change = change.sequence + 1;
	v->counters_dirty = true;
	assert_int_equal(vault_system_leaf(v, LEAF_MERGE, (const uint8_t *)"\3\0\0\0", 5, true, clock_wall_ms()), 0);
	store_commit(v->store);
	v->gov->directory_changed = true;
	assert_int_equal(vault_turn_end(v), 0);
	custody_free(c);
	change_draft_free(&d);
}

/* Everybody's roles and all classes get another epoch. */
static inline void rekey_everybody(struct fixture *f)
{
	static const uint16_t everybody[] = { ROLE_WORKER, ROLE_CLERK, ROLE_MANAGER };

	rekey(f, &(struct change_rekey){ .roles = everybody, .role_count = 3, .classes = true });
}

#endif
