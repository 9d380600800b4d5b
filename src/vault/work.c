/* What goes on between turns in slices: filling the work list, then jobs. */
#include "base/clock.h"
#include "vault/jobs.h"
#include "vault/list.h"
#include "vault/rewrap.h"
#include "vault/vault_internal.h"

bool vault_busy(const struct vault *v)
{
	return v->state == VAULT_READY && vault_healthy(v) && (list_filling(v) || jobs_running(v));
}

bool vault_works(const struct vault *v)
{
	return v->state == VAULT_READY && rewrap_under_way(v);
}

void vault_work(struct vault *v, unsigned slice_us)
{
	uint64_t until_us = clock_mono_us() + slice_us;

	if (!vault_busy(v))
		return;
	if (list_filling(v))
		list_fill(v, until_us);
	else
		jobs_slice(v, until_us);
}
