/* What operators see: status lines and metrics. Identifiers and counts only. */
#include <stdio.h>

#include "base/text.h"
#include "vault/vault_internal.h"

static const char *health_name(enum wire_health h)
{
	static const char *const names[] = { "sealed", "ready", "starting", "storage-full", "audit-unavailable" };

	return names[h];
}

void vault_status(struct vault *v, struct buf *ret)
{
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
	buf_printf(ret, "records %llu\nlog-size %llu\n", (unsigned long long)(v->counters.next_serial - 1),
	    (unsigned long long)store_durable_leaves(v->store));
	buf_printf(ret, "sessions %u\npolicy %s %u\nepoch %u\n", session_count(v->keys), policy_name(v->policy),
	    policy_version(v->policy), keys_fs_epoch(v->keys));
}

static void gauge(struct buf *b, const char *name, const char *help, unsigned long long value)
{
	buf_printf(b, "# HELP childvault_%s %s\n# TYPE childvault_%s gauge\nchildvault_%s %llu\n", name, help, name, name, value);
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
	gauge(ret, "records", "Records made so far.", v->counters.next_serial - 1);
	gauge(ret, "log_size", "Durable leaves.", store_durable_leaves(v->store));
	gauge(ret, "log_signed_size", "Leaves under the newest checkpoint.", size);
	gauge(ret, "sessions", "Live sessions.", session_count(v->keys));
}
