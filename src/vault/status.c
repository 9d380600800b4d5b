/* What operators see: status lines and metrics. Identifiers and counts only. */
#include <stdio.h>

#include "base/clock.h"
#include "base/text.h"
#include "vault/inventory.h"
#include "vault/rewrap.h"
#include "vault/witness.h"

static const char *health_name(enum wire_health h)
{
	static const char *const names[] = { "sealed", "ready", "starting", "storage-full", "audit-unavailable" };

	return names[h];
}

void vault_status(struct vault *v, struct buf *ret)
{
	uint32_t missed;
	char id[33];
	bool unlocked;

	hex_encode(v->id, 16, id);
	buf_printf(ret, "state %s\nvault %s\norigin %s\nversion %s\n", health_name(vault_health(v)), id, v->origin, CV_VERSION);
	buf_printf(ret, "kind %s\nlocked-bytes %zu\n", v->demo ? "demo" : v->production ? "production" : "standard",
	    crypto_locked_bytes(&unlocked));
	if (v->pending)
		buf_printf(ret, "genesis pending\n");
	buf_printf(ret, "unlocked-secrets %s\n", unlocked ? "yes" : "no");
	if (v->state != VAULT_READY)
		return;
	buf_printf(ret, "records %llu\nlog-size %llu\n", (unsigned long long)v->durable_records,
	    (unsigned long long)store_durable_leaves(v->store));
	if ((missed = audit_missed_days(v->audit, clock_wall_ms())) > AUDIT_RUNNING_DAYS)
		buf_printf(ret, "days-to-confirm %u\n", missed);
	if (!vault_healthy(v))
		return;		/* what memory holds may be that of a turn that failed */
	buf_printf(ret, "sessions %u\npolicy %s %u\nepoch %u\n", session_count(v->keys), policy_name(v->policy),
	    policy_version(v->policy), keys_fs_epoch(v->keys));
	witness_status(v, ret);
}

static void gauge(struct buf *b, const char *name, const char *help, unsigned long long value)
{
	buf_printf(b, "# HELP childvault_%s %s\n# TYPE childvault_%s gauge\nchildvault_%s %llu\n", name, help, name, name, value);
}

/* The inventory in numbers by kind. */
struct keys_seen {
	uint64_t now_ms;
	bool aged[KEY_KINDS];
	uint64_t age_days[KEY_KINDS];	/* of the oldest whose age is known */
	unsigned overdue[KEY_KINDS], count[KEY_KINDS];
	uint32_t signing_left;
};

static int see_key(void *cookie, const struct key_entry *e)
{
	struct keys_seen *x = cookie;
	uint64_t days = x->now_ms > e->made_ms ? (x->now_ms - e->made_ms) / (24u * 3600 * 1000) : 0;

	x->count[e->kind]++;
	x->overdue[e->kind] += e->overdue;
	if (e->made_ms != 0 && (!x->aged[e->kind] || days > x->age_days[e->kind])) {
		x->aged[e->kind] = true;
		x->age_days[e->kind] = days;
	}
	if (e->kind == KEY_SIGNING)
		x->signing_left = e->uses_left;
	return 0;
}

static void key_metrics(struct vault *v, struct buf *ret)
{
	struct keys_seen x = { .now_ms = clock_wall_ms() };

	if (inventory_walk(v, x.now_ms, false, see_key, &x) != 0)
		return;		/* what cannot be read is not told as if it were fine */
	buf_printf(ret, "# HELP childvault_key_age_days Age of the oldest key by kind.\n# TYPE childvault_key_age_days gauge\n");
	for (unsigned i = 1; i < KEY_KINDS; i++)
		if (x.aged[i])
			buf_printf(ret, "childvault_key_age_days{kind=\"%s\"} %llu\n", key_kind_name((enum key_kind)i),
			    (unsigned long long)x.age_days[i]);
	buf_printf(ret, "# HELP childvault_keys_overdue Keys to be renewed by kind.\n# TYPE childvault_keys_overdue gauge\n");
	for (unsigned i = 1; i < KEY_KINDS; i++)
		buf_printf(ret, "childvault_keys_overdue{kind=\"%s\"} %u\n", key_kind_name((enum key_kind)i), x.overdue[i]);
	gauge(ret, "signing_epochs_left", "Days for which the log has a signing key left.", x.signing_left);
	gauge(ret, "class_epochs_old", "Class epochs that are not the newest, with records under them perhaps.", x.count[KEY_CLASS_OLD]);
}

void vault_metrics(struct vault *v, struct buf *ret)
{
	bool unlocked;
	uint64_t size = 0;
	uint8_t root[32];

	gauge(ret, "sealed", "1 while the vault is sealed.", v->state != VAULT_READY);
	gauge(ret, "healthy", "1 while nothing failed for good.", vault_health(v) == WIRE_READY || vault_health(v) == WIRE_SEALED);
	gauge(ret, "locked_bytes", "Bytes of secrets in locked memory.", crypto_locked_bytes(&unlocked));
	gauge(ret, "unlocked_secrets", "1 if some secret's pages could not be locked.", unlocked);
	buf_printf(ret, "# HELP childvault_answers_total Answers by problem kind.\n# TYPE childvault_answers_total counter\n");
	for (unsigned i = 0; i < PROBLEM_COUNT; i++)
		if (v->counts[i] != 0)
			buf_printf(ret, "childvault_answers_total{kind=\"%s\"} %llu\n", i == 0 ? "done" : problem_kind(i),
			    (unsigned long long)v->counts[i]);
	if (v->state != VAULT_READY)
		return;
	(void)audit_signed(v->audit, &size, root);
	gauge(ret, "records", "Records made so far.", v->durable_records);
	gauge(ret, "log_size", "Durable leaves.", store_durable_leaves(v->store));
	gauge(ret, "log_signed_size", "Leaves under the newest checkpoint.", size);
	if (!vault_healthy(v))
		return;		/* what memory holds may be that of a turn that failed */
	gauge(ret, "sessions", "Live sessions.", session_count(v->keys));
	key_metrics(v, ret);
	rewrap_metrics(v, ret);
	witness_metrics(v, ret);
}
