/* A start after a crash, held against what clients had been told. */
#include "crash.h"

#include "childvault_audit.h"
#include "crash_record.h"
#include "crypto/merkle.h"
#include "unit/test_vault_gov.h"
#include "vault/list.h"
#include "vault/rewrap_internal.h"

#define OFTEN 12u	/* records that are changed are looked at each time, and of the others a few */

/* ---- what was told ------------------------------------------------------------------------------------------------ */

static bool was_told(const struct fact *x, uint64_t n) { return x->told <= n; }
static bool may_stand(const struct fact *x, uint64_t n) { return x->begin <= n; }

/* How many facts of a kind were told, and how many more may stand. */
static unsigned told(enum fact_what what, uint64_t n, unsigned *ret_more)
{
	unsigned count = 0;

	*ret_more = 0;
	for (unsigned i = 0; i < story->facts; i++)
		if (story->fact[i].what == what) {
			count += was_told(&story->fact[i], n);
			*ret_more += may_stand(&story->fact[i], n) && !was_told(&story->fact[i], n);
		}
	return count;
}

/* The greatest value of a kind that was told, and that may stand. */
static unsigned newest(enum fact_what what, uint64_t n, unsigned first, unsigned *ret_most)
{
	unsigned value = first;

	*ret_most = first;
	for (unsigned i = 0; i < story->facts; i++) {
		const struct fact *x = &story->fact[i];

		if (x->what == what && may_stand(x, n))
			*ret_most = x->value > *ret_most ? x->value : *ret_most;
		if (x->what == what && was_told(x, n))
			value = x->value > value ? x->value : value;
	}
	return value;
}

/* ---- records ------------------------------------------------------------------------------------------------------ */

/* One record as its worker reads it: both fields of the newest change that was told, or of the one that was under way. */
static void record_is_whole(struct fixture *f, const uint8_t token[32], unsigned record, uint64_t n)
{
	const struct fact *stands = NULL, *perhaps = NULL;
	char name[256], city[256];
	unsigned problem;

	for (unsigned i = 0; i < story->facts; i++) {
		const struct fact *x = &story->fact[i];

		if ((x->what != FACT_MAKE && x->what != FACT_CHANGE) || x->record != record)
			continue;
		stands = was_told(x, n) ? x : stands;
		perhaps = may_stand(x, n) && !was_told(x, n) ? x : perhaps;
	}
	if (stands == NULL && perhaps == NULL)
		return;
	problem = read_field(f, token, "visit", story->record[record], "name", true, name);
	if (problem == PROBLEM_NOT_FOUND && stands == NULL)
		return;
	if (problem != 0 || read_field(f, token, "visit", story->record[record], "city", true, city) != 0) {
		finding("record %u does not read: %s", record, f->v->call.explanation);
		return;
	}
	if (strcmp(name, city) != 0)
		finding("record %u: half a change, %s and %s", record, name, city);
	if ((stands == NULL || strcmp(name, crash_value[stands->value]) != 0) &&
	    (perhaps == NULL || strcmp(name, crash_value[perhaps->value]) != 0))
		finding("record %u: %s is there, %s was told", record, name, stands != NULL ? crash_value[stands->value] : "nothing");
}

static void records_are_whole(struct fixture *f, const uint8_t token[32], uint64_t n)
{
	unsigned more, made = told(FACT_MAKE, n, &more);
	uint64_t there = f->v->counters.next_serial - 1 - story->records_before;

	if (there < made || there > made + more)
		finding("%u records were made, %u perhaps, %llu are there", made, more, (unsigned long long)there);
	for (unsigned i = 0; i < story->records && story->finding[0] == '\0'; i++)
		if (i < OFTEN || i % 53 == n % 53 || i + 2 >= made)
			record_is_whole(f, token, i, n);
}

/* ---- state -------------------------------------------------------------------------------------------------------- */

struct sum {
	struct vault *v;
	enum store_table table;
	struct lthash found;
	unsigned old;		/* wraps under an old epoch */
};

static int sum_wrap(void *cookie, const struct wrap *w)
{
	struct sum *x = cookie;
	uint32_t epoch;
	uint8_t pk[32];

	if (directory_class(x->v->keys, w->class_key, &epoch, pk) != 0)
		finding("a wrap of no class");
	else
		x->old += w->wrapping_epoch < epoch;
	return 0;
}

static int sum_row(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	struct sum *x = cookie;

	if (x->table != STORE_REC || key[6] == REC_HEAD || key[6] == REC_KEYS)
		keys_state_add(x->v->keys, &x->found, (uint8_t)x->table, key, key_n, val, val_n);
	if (x->table == STORE_REC && key[6] == REC_KEYS)
		return wraps_each(val, val_n, sum_wrap, x);
	return 0;
}

/* The state hash is that of the rows that are there; returns how many wraps are under old epochs. */
static unsigned state_is_of_the_rows(struct fixture *f)
{
	static const enum store_table tables[] = { STORE_DIR, STORE_GOV, STORE_REC };
	struct sum x = { .v = f->v };

	for (unsigned i = 0; i < 3; i++) {
		x.table = tables[i];
		if (store_scan(f->v->store, x.table, "", 0, NULL, 0, false, 0, sum_row, &x) != 0)
			finding("table %d does not scan", (int)x.table);
	}
	if (memcmp(&x.found, &f->v->lthash, sizeof(x.found)) != 0)
		finding("the state hash is not that of the rows");
	return x.old;
}

/* ---- approvals, members, keys ------------------------------------------------------------------------------------- */

static void approvals_stand(struct fixture *f, const uint8_t manager[32], uint64_t n)
{
	char cursor[WIRE_CURSOR_MAX + 1] = "", text[256];
	unsigned more, there = 0, given = told(FACT_ASSIGN, n, &more);
	uint8_t school[32];

	if (gov_count(f, manager, "assignments", "", 100, cursor, &there) != 0 || there < given + story->assigned_before ||
	    there > given + more + story->assigned_before)
		finding("%u assignments were made, %u perhaps, %u are there", given, more, there - story->assigned_before);
	given = told(FACT_GRANT, n, &more);
	if (given + more == 0 || login(f, P_SCHOOL, school) != 0)
		return;
	if (read_field(f, school, "visit", story->record[5], "city", true, text) == 0) {
		if (strcmp(text, crash_value[5]) != 0)
			finding("under the grant %s is read", text);
	} else if (given > 0) {
		finding("the grant was told, and does not open: %s", f->v->call.explanation);
	}
}

static void members_stand(struct fixture *f, uint64_t n)
{
	unsigned more_out, more_back, out = told(FACT_SUSPEND, n, &more_out), back = told(FACT_RESTORE, n, &more_back);
	bool suspended = directory_principal(f->v->keys, f->person[P_CLERK].g.principal.id)->suspended;

	if (suspended != (out > back) && more_out + more_back == 0)
		finding("the clerk is %ssuspended", suspended ? "" : "not ");
}

static void keys_stand(struct fixture *f, uint64_t n, unsigned old_wraps)
{
	static struct rewrap_class old[REWRAP_CLASSES_MAX];
	unsigned most, least = newest(FACT_REKEY, n, story->epoch_before, &most), epochs = 0;
	uint32_t epoch;
	uint8_t pk[32];

	if (directory_class(f->v->keys, (uint32_t)CLASS_ID << 16, &epoch, pk) != 0 || epoch < least || epoch > most)
		finding("epoch %u of a class was told, %u is there", least, epoch);
	(void)rewrap_classes_old(f->v->keys, old, &epochs);
	if (epochs == 0 && old_wraps > 0)
		finding("%u wraps are under epochs that are gone", old_wraps);
	if (told(FACT_REWRAPPED, n, &most) > 0 && epochs + old_wraps > 0)
		finding("re-wrapped, but %u wraps and %u epochs are old", old_wraps, epochs);
	least = newest(FACT_EPOCH, n, 0, &most);
	if (keys_fs_epoch(f->v->keys) < least)
		finding("signing epoch %u was told, %u is there", least, keys_fs_epoch(f->v->keys));
}

/* ---- the log ------------------------------------------------------------------------------------------------------ */

static const char *moment;
static void found(void *cookie, const struct childvault_audit_finding *a)
{
	(void)cookie;
	if (a->fault)
		finding("%s the log: %s, file %s, leaf %lld", moment, childvault_audit_name(a->kind), a->file, (long long)a->leaf);
}

void check_log(const struct fixture *f, const char *when)
{
	char dir[160];
	struct childvault_audit_options o = { .dir = dir, .threads = 1, .found = found };
	struct childvault_audit_summary summary;
	int r;

	moment = when;
	snprintf(dir, sizeof(dir), "%s/log", f->dir);
	if ((r = childvault_audit_verify(&o, &summary)) != 0)
		finding("%s: the log does not verify: %d", when, r);
}

/* Leaves that were told are there, byte for byte; those of this start come behind. */
static void leaves_stand(struct fixture *f, uint64_t n)
{
	uint64_t least = 0, i;
	uint8_t hash[32];
	struct buf b;

	for (unsigned k = 0; k < story->facts; k++)
		if (was_told(&story->fact[k], n) && story->fact[k].leaves > least)
			least = story->fact[k].leaves;
	if (store_flush(f->v->store) != 0)
		finding("blocks are not applied");
	buf_init(&b, 1u << 20);
	for (i = 0; i < story->leaves; i++) {
		buf_reset(&b);
		if (audit_read_leaf(f->v->audit, i, &b) != 0)
			break;
		merkle_leaf(b.p, b.n, hash);
		if (memcmp(hash, story->leaf[i], 32) != 0)
			break;
	}
	buf_free(&b);
	if (i < least)
		finding("%llu leaves were told, %llu are there", (unsigned long long)least, (unsigned long long)i);
}

static void signed_stands(struct fixture *f, uint64_t n)
{
	unsigned most, least = newest(FACT_SIGNED, n, 0, &most);
	uint64_t size = 0;
	uint8_t root[32];

	if (!audit_signed(f->v->audit, &size, root) || size < least)
		finding("%u leaves were signed, the checkpoint covers %llu", least, (unsigned long long)size);
}

/* ---- the vault after the crash ------------------------------------------------------------------------------------ */

static bool begin(struct fixture *f, const char *which)
{
	int r;

	if ((r = vault_open(f->dir, &f->v)) != 0)
		finding("%s: open: %s", which, cv_strerror(r));
	else if ((r = vault_unseal(f->v, 3, f->kek)) != 0)
		finding("%s: %s", which, cv_strerror(r));
	return r == 0;
}

static void end(struct fixture *f, const char *which)
{
	int r;

	if (f->v != NULL && vault_state(f->v) == VAULT_READY && (r = vault_seal(f->v)) != 0)
		finding("%s: stop: %s", which, cv_strerror(r));
	vault_close(f->v);
	f->v = NULL;
}

/* It works on: what is new stands beside what was there. */
static void works_on(struct fixture *f, const uint8_t token[32])
{
	uint8_t record[16], etag[16];
	char text[256];

	if (create(f, token, "visit", "", record, etag, "name", crash_value[1], "city", crash_value[2], "place", EAST, NULL) != 0 ||
	    patch(f, token, "visit", record, etag, etag, "city", crash_value[3], NULL) != 0 ||
	    read_field(f, token, "visit", record, "city", true, text) != 0 || strcmp(text, crash_value[3]) != 0)
		finding("no work after the restart: %s", f->v->call.explanation);
}

static void first_start(struct fixture *f, uint64_t n)
{
	uint8_t worker[32], manager[32];

	if (!begin(f, "start"))
		return;
	keys_stand(f, n, state_is_of_the_rows(f));
	members_stand(f, n);
	signed_stands(f, n);
	leaves_stand(f, n);
	if (login(f, P_WORKER, worker) != 0 || login(f, P_MANAGER, manager) != 0) {
		finding("no session");
		return;
	}
	records_are_whole(f, worker, n);
	approvals_stand(f, manager, n);
	works_on(f, worker);
	(void)state_is_of_the_rows(f);
	if (vault_checkpoint_now(f->v) != 0)
		finding("no checkpoint");
}

void check_state(struct fixture *f, uint64_t n, bool cut)
{
	uint8_t worker[32];

	if (!cut)
		check_log(f, "before the start");
	first_start(f, n);
	end(f, "first");
	if (story->finding[0] != '\0')
		return;
	check_log(f, "after the start");
	if (begin(f, "second start")) {
		if (login(f, P_WORKER, worker) != 0)
			finding("second start: no session");
		else
			record_is_whole(f, worker, 0, n);
	}
	end(f, "second");
	check_log(f, "after the second start");
}
