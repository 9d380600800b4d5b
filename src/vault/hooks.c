#include "vault/hooks.h"

#include <string.h>

#include "base/clock.h"
#include "vault/gov.h"
#include "vault/vault_internal.h"

static void hook_mac(void *cookie, const uint8_t prev[STORE_MAC], const uint8_t *block, size_t n, uint8_t ret[STORE_MAC])
{
	struct vault *v = cookie;

	keys_journal_mac(v->keys, prev, block, n, ret);
}

static int hook_apply(void *cookie, uint64_t first, const struct store_leaf *leaves, size_t n, const uint8_t **ret_note,
    size_t *ret_note_n)
{
	struct vault *v = cookie;

	return audit_apply_leaves(v->audit, first, leaves, n, ret_note, ret_note_n);
}

static void hook_actor_tag(void *cookie, const uint8_t principal[16], uint64_t index, uint8_t ret[16])
{
	struct vault *v = cookie;

	keys_actor_tag(v->keys, principal, index, ret);
}

static void hook_log_sign(void *cookie, const void *p, size_t n, uint8_t ret[64])
{
	struct vault *v = cookie;

	keys_log_sign(v->keys, p, n, ret);
}

static void hook_fs_sign(void *cookie, const void *p, size_t n, uint8_t ret[64])
{
	struct vault *v = cookie;

	keys_fs_sign(v->keys, p, n, ret);
}

static uint32_t hook_fs_epoch(void *cookie)
{
	struct vault *v = cookie;

	return keys_fs_epoch(v->keys);
}

static int hook_fs_next(void *cookie, uint64_t size, const uint8_t root[32])
{
	struct vault *v = cookie;

	return shred_next_epoch(v->keys, size, root);
}

struct auditor_list {
	struct vault *v;
	uint32_t month;
	struct audit_auditor *ret;
	unsigned n, max;
};

static void add_auditor(void *cookie, const struct principal *p)
{
	struct auditor_list *x = cookie;

	if (x->n == x->max)
		return;
	memcpy(x->ret[x->n].id, p->id, 16);
	x->ret[x->n].month = x->month;
	if (!gov_month_key(x->v, p->id, x->month, x->ret[x->n].box_pk)) {
		x->ret[x->n].month = 0;
		memcpy(x->ret[x->n].box_pk, p->box_pk, 32);
	}
	x->n++;
}

/*
 * Without an enabled auditor the log is sealed to those who are suspended: they get no session now, and read what was done meanwhile once
 * they are restored. Sealed to nobody, it would be blind for ever, and one administrator could bring that about.
 */
static void add_suspended(struct vault *v, struct auditor_list *x)
{
	const struct principal *p;

	for (size_t i = 0; (p = directory_principal_at(v->keys, i)) != NULL; i++)
		if (p->kind == PRINCIPAL_AUDITOR && p->suspended)
			add_auditor(x, p);
}

static unsigned hook_auditors(void *cookie, uint64_t now_ms, struct audit_auditor *ret, unsigned max)
{
	struct vault *v = cookie;
	struct auditor_list x = { v, clock_month(now_ms), ret, 0, max };

	directory_auditors(v->keys, now_ms, add_auditor, &x);
	if (x.n == 0)
		add_suspended(v, &x);
	return x.n;
}

struct store_hooks vault_store_hooks(struct vault *v)
{
	struct store_hooks h = { v, hook_mac, hook_apply };

	return h;
}

struct audit_hooks vault_audit_hooks(struct vault *v)
{
	struct audit_hooks h = { v, hook_actor_tag, hook_log_sign, hook_fs_sign, hook_fs_epoch, hook_fs_next, hook_auditors };

	return h;
}
