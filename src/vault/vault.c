/* Opening, unsealing, sealing. FORMAT.md 5.4; DESIGN sections 6, 7 and 13. */
#include "vault/vault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/files.h"
#include "vault/genesis_request.h"
#include "vault/gov.h"
#include "vault/hooks.h"
#include "vault/jobs.h"
#include "vault/list.h"
#include "vault/members.h"
#include "vault/index.h"
#include "vault/vault_internal.h"
#include "vault/witness.h"

#define DAY_MS (24u * 3600 * 1000)
#define START_UNSEALED 1
#define START_CLEAN_STOP 2
#define START_SEALED 3
#define CONTENT_MAX (24u << 20)	/* a row and 64 drops of ROW_MAX each, and the values of a request, none in another's place */

static void bufs_init(struct vault *v)
{
	buf_init(&v->policy_doc, POLICY_DOCUMENT_MAX);
	buf_init(&v->content.bytes, CONTENT_MAX);
	buf_init(&v->view_content.bytes, CONTENT_MAX);
	buf_init(&v->scratch, 4u << 20);
	buf_init(&v->seal, 1u << 20);
	buf_init(&v->row_out, 1u << 20);
	buf_init(&v->keys_row, 1u << 20);
	buf_init(&v->old_keys, 1u << 20);
	buf_init(&v->change, CONTENT_MAX);
}

static void bufs_free(struct vault *v)
{
	buf_free(&v->policy_doc);
	buf_free(&v->content.bytes);
	buf_free(&v->view_content.bytes);
	buf_free(&v->scratch);
	buf_free(&v->seal);
	buf_free(&v->row_out);
	buf_free(&v->keys_row);
	buf_free(&v->old_keys);
	buf_free(&v->change);
}

static int meta_clear(struct vault *v, const char *name, struct store_value *ret)
{
	uint8_t key[16] = { 0 };

	memcpy(key, name, strlen(name));
	return store_get(v->store, STORE_META, key, sizeof(key), ret);
}

/* The META row `vault`. */
static int read_vault_row(struct vault *v)
{
	struct store_value val;
	struct rd rd;
	uint8_t flags, n;
	int r;

	if ((r = meta_clear(v, "vault", &val)) != 0)
		return r;
	rd = rd_over(val.p, val.n);
	if (rd_u8(&rd) != 1 || rd_u8(&rd) != 1)
		return CV_ERR_FORMAT;
	flags = rd_u8(&rd);
	rd_copy(&rd, v->id, 16);
	v->created_ms = rd_u48(&rd);
	rd_copy(&rd, v->genesis_hash, 32);
	n = rd_u8(&rd);
	memset(v->origin, 0, sizeof(v->origin));
	rd_copy(&rd, v->origin, n);
	if (!rd_done(&rd) || (flags & ~(GENESIS_DEMO | GENESIS_PENDING | GENESIS_PRODUCTION)) != 0 ||
	    ((flags & GENESIS_DEMO) != 0 && flags != GENESIS_DEMO))
		return CV_ERR_FORMAT;
	v->demo = (flags & GENESIS_DEMO) != 0;
	v->pending = (flags & GENESIS_PENDING) != 0;
	v->production = (flags & GENESIS_PRODUCTION) != 0;
	return 0;
}

static int open_store(struct vault *v)
{
	struct store_options o = { .dir = v->dir, .hooks = vault_store_hooks(v) };

	return store_open(&o, &v->store);
}

int vault_alloc(const char *dir, struct vault **ret_vault)
{
	struct vault *v = calloc(1, sizeof(*v));
	int r = CV_ERR_NOMEM;

	if (v == NULL)
		return CV_ERR_NOMEM;
	v->dirfd = -1;
	bufs_init(v);
	if ((v->dir = strdup(dir)) == NULL || (r = keys_new(&v->keys)) != 0)
		goto fail;
	if ((v->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
		r = errno == ENOENT || errno == ENOTDIR ? CV_ERR_NOTFOUND : CV_ERR_IO;
		goto fail;
	}
	*ret_vault = v;
	return 0;
fail:
	vault_close(v);
	return r;
}

int vault_open(const char *dir, struct vault **ret_vault)
{
	struct vault *v;
	int r;

	if ((r = vault_alloc(dir, &v)) != 0)
		return r;
	if ((r = open_store(v)) != 0 || (r = read_vault_row(v)) != 0) {
		vault_close(v);
		return r;
	}
	*ret_vault = v;
	return 0;
}

int vault_slot(struct vault *v, unsigned number, struct slot_info *ret)
{
	struct store_value val;
	char name[16];
	int r;

	if (number >= SLOT_COUNT || v->store == NULL)
		return CV_ERR_NOTFOUND;
	snprintf(name, sizeof(name), "slot.%u", number);
	if ((r = meta_clear(v, name, &val)) != 0)
		return r;
	return keys_slot_decode(val.p, val.n, ret);
}

/* Open the keyring with the slot's KEK. */
static int open_keyring(struct vault *v, unsigned number, const uint8_t kek[32])
{
	struct store_value slot, ring;
	struct buf slot_copy;
	char name[16];
	int r;

	if (number >= SLOT_COUNT)
		return CV_ERR_NOTFOUND;
	snprintf(name, sizeof(name), "slot.%u", number);
	buf_init(&slot_copy, 65536);
	if ((r = meta_clear(v, name, &slot)) != 0)
		goto out;
	buf_put(&slot_copy, slot.p, slot.n);
	if (!buf_ok(&slot_copy))
		r = CV_ERR_NOMEM;
	else if ((r = meta_clear(v, "keyring", &ring)) == 0)
		r = keys_unseal(v->keys, v->id, number, slot_copy.p, slot_copy.n, kek, ring.p, ring.n);
out:
	buf_free(&slot_copy);
	return r;
}

/* Leaf 0, whose hash the vault row names, gives the first administrators and the log's first day; leaf keeps its bytes. */
static int read_genesis(struct vault *v, struct buf *leaf, struct genesis_signing *ret)
{
	const uint8_t flags = (uint8_t)((v->demo ? GENESIS_DEMO : 0u) | (v->production ? GENESIS_PRODUCTION : 0u));
	int r;

	if ((r = audit_read_leaf(v->audit, 0, leaf)) != 0 || (r = genesis_leaf_read(leaf->p, leaf->n, ret)) != 0)
		return r;
	if (memcmp(ret->leaf_hash, v->genesis_hash, 32) != 0 || memcmp(ret->body.vault, v->id, 16) != 0 || ret->body.flags != flags)
		return CV_ERR_REPLAY;
	return 0;
}

static int load_policy(struct vault *v)
{
	struct part part;
	int r;

	if ((r = vault_meta_get(v, "policy", &v->policy_doc)) != 0)
		return r;
	part.p = v->policy_doc.p;
	part.n = v->policy_doc.n;
	crypto_hash("cv1.policy", NULL, 0, &part, 1, v->policy_digest, 32);
	if ((r = policy_decode(v->policy_doc.p, v->policy_doc.n, &v->policy)) != 0)
		return r;
	if ((r = audit_policy_keep(v->audit, v->policy_digest, v->policy_doc.p, v->policy_doc.n)) != 0)
		return r;
	audit_policy(v->audit, v->policy_digest);
	return 0;
}

static int start_leaf(struct vault *v, uint8_t what, const struct store_replay_report *report)
{
	uint8_t body[1 + 8 + 8 + 1 + 32];
	size_t n = strlen(CV_VERSION);
	int r;

	if ((r = vault_turn_begin(v)) != 0)
		return r;
	body[0] = what;
	be64_put(body + 1, report != NULL ? report->blocks : 0);
	be64_put(body + 9, report != NULL ? report->cut_bytes : 0);
	body[17] = (uint8_t)n;
	memcpy(body + 18, CV_VERSION, n);
	/* It names the state, so that the next start finds a leaf to hold it against. */
	if ((r = vault_system_leaf(v, LEAF_START, body, 18 + n, true, clock_wall_ms())) != 0) {
		store_rollback(v->store);
		return r;
	}
	store_commit(v->store);
	return vault_turn_end(v);
}

/* What the steps of a start hand on. */
struct starting {
	struct store_replay_report report;
	struct genesis_signing genesis;
	struct buf leaf0;
	uint8_t log_pk[32];
	uint32_t first_day;
};

static int start_log(struct vault *v, struct starting *x)
{
	struct store_value note = { NULL, 0 };
	struct audit_options ao = { .dir = v->dir };
	int r;

	memcpy(ao.vault_id, v->id, 16);
	memcpy(ao.origin, v->origin, sizeof(ao.origin));
	ao.hooks = vault_audit_hooks(v);
	keys_log_public(v->keys, x->log_pk);
	memcpy(ao.log_pk, x->log_pk, 32);
	x->first_day = (uint32_t)(v->created_ms / DAY_MS);
	ao.first_day = x->first_day;
	if ((r = audit_open(&ao, &v->audit)) != 0)
		return r;
	/* The store's own rows stand under their bare names, FORMAT.md section 1. */
	if ((r = store_get(v->store, STORE_META, "log", 3, &note)) != 0 && r != CV_ERR_NOTFOUND)
		return r;
	return audit_resume(v->audit, note.p, note.n);
}

static int start_journal(struct vault *v, struct starting *x)
{
	int r = store_replay(v->store, &x->report);

	return r != 0 ? r : store_flush(v->store);
}

static int start_state(struct vault *v, struct starting *x)
{
	(void)x;
	return vault_load_state(v);
}

static int start_policy(struct vault *v, struct starting *x)
{
	int r;

	(void)x;
	if ((r = load_policy(v)) == 0)
		r = index_load(v);
	return r;
}

/* What witnesses have cosigned, as the policy in force and the log itself judge it. */
static int start_witnesses(struct vault *v, struct starting *x)
{
	(void)x;
	return witness_load(v);
}

static int start_genesis(struct vault *v, struct starting *x)
{
	int r = read_genesis(v, &x->leaf0, &x->genesis);

	if (r == 0 && (memcmp(x->genesis.body.log_pk, x->log_pk, 32) != 0 || x->genesis.body.first_day != x->first_day))
		r = CV_ERR_REPLAY;
	return r;
}

/* A pending vault becomes one that works, or does not start. */
static int start_signatures(struct vault *v, struct starting *x)
{
	return v->pending ? genesis_finish(v, x->leaf0.p, x->leaf0.n) : 0;
}

static int start_newest_state(struct vault *v, struct starting *x)
{
	(void)x;
	return vault_check_state(v);
}

static int start_shred(struct vault *v, struct starting *x)
{
	int r = shred_open(v->keys, v->dirfd);

	(void)x;
	return r != 0 ? r : epochs_load(v);
}

static int start_shards(struct vault *v, struct starting *x)
{
	(void)x;
	return shred_load_all(v->keys, v->counters.next_slot);
}

static int start_spare_shards(struct vault *v, struct starting *x)
{
	(void)x;
	return shred_prepare(v->keys, v->counters.next_slot);
}

static int start_counters(struct vault *v, struct starting *x)
{
	(void)x;
	return vault_check_counters(v);
}

static int start_list(struct vault *v, struct starting *x)
{
	(void)x;
	return list_load(v);
}

static int start_governance(struct vault *v, struct starting *x)
{
	(void)x;
	return gov_load(v);
}

static int start_jobs(struct vault *v, struct starting *x)
{
	(void)x;
	return jobs_load(v);
}

static int start_directory(struct vault *v, struct starting *x)
{
	int r;

	v->admins = x->genesis.body.admins;
	memcpy(v->admin, x->genesis.body.admin, sizeof(v->admin));
	r = directory_load(v->keys, v->store, v->admin, v->admins);
	return r != 0 ? r : members_load(v);
}

static int start_tables(struct vault *v, struct starting *x)
{
	(void)x;
	return vault_check_tables(v);
}

static int start_epochs(struct vault *v, struct starting *x)
{
	int r;

	(void)x;
	v->state = VAULT_READY;
	/* Which leaves are signed is known to the store from here on: else the first block could not go on into the next journal file. */
	if ((r = vault_checkpoint_now(v)) != 0)
		return r;
	return epochs_start(v);
}

static int start_first_leaf(struct vault *v, struct starting *x)
{
	int r = start_leaf(v, START_UNSEALED, &x->report);

	return r != 0 ? r : vault_checkpoint_now(v);
}

/* Everything between an open keyring and a ready vault, in order. Each step names what it looks at. */
enum step_use {
	STEP_LIVE,		/* of a vault that will work alone */
	STEP_CHECKS,		/* what else can be looked at does not need it */
	STEP_NEEDED
};
static const struct {
	const char *part;
	int (*run)(struct vault *v, struct starting *x);
	enum step_use use;
} steps[] = {
	{ "log/ (tail, tiles, checkpoint)", start_log, STEP_NEEDED },
	{ "journal/", start_journal, STEP_NEEDED },
	{ "store/, rows state and counters", start_state, STEP_NEEDED },
	{ "store/, row policy", start_policy, STEP_CHECKS },
	{ "leaf 0", start_genesis, STEP_CHECKS },
	{ START_NEWEST_STATE, start_newest_state, STEP_CHECKS },
	{ "shred/ (slots, top)", start_shred, STEP_NEEDED },
	{ "shred/ (shards)", start_shards, STEP_CHECKS },
	{ "shred/ (spare shards)", start_spare_shards, STEP_LIVE },
	{ START_COUNTERS, start_counters, STEP_CHECKS },
	{ "the administrators' signatures of the genesis", start_signatures, STEP_LIVE },
	{ "the work list", start_list, STEP_LIVE },
	{ "store/, directory", start_directory, STEP_CHECKS },
	{ "store/, governance", start_governance, STEP_CHECKS },
	{ "store/, jobs", start_jobs, STEP_LIVE },
	{ START_TABLES, start_tables, STEP_CHECKS },
	{ "log/ (cosigned)", start_witnesses, STEP_LIVE },
	{ "epochs of the log", start_epochs, STEP_LIVE },
	{ "the first leaf", start_first_leaf, STEP_LIVE },
};

int vault_start_copy(struct vault *v, unsigned number, const uint8_t kek[32], void (*failed)(void *cookie, const char *part, int r),
    void *cookie, bool *ret_whole)
{
	struct starting x;
	int r;

	if ((r = open_keyring(v, number, kek)) != 0)
		return r;
	memset(&x, 0, sizeof(x));
	buf_init(&x.leaf0, STORE_LEAF_MAX);
	*ret_whole = true;
	for (size_t i = 0; *ret_whole && i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (steps[i].use == STEP_LIVE || (r = steps[i].run(v, &x)) == 0)
			continue;
		failed(cookie, steps[i].part, r);
		*ret_whole = steps[i].use != STEP_NEEDED;
	}
	buf_free(&x.leaf0);
	return 0;
}

static int start(struct vault *v)
{
	struct starting x;
	int r = 0;

	memset(&x, 0, sizeof(x));
	buf_init(&x.leaf0, STORE_LEAF_MAX);
	for (size_t i = 0; r == 0 && i < sizeof(steps) / sizeof(steps[0]); i++)
		if ((r = steps[i].run(v, &x)) != 0)
			log_error("unsealing failed at %s: %s", steps[i].part, cv_strerror(r));
	if (r == 0 && x.report.cut_bytes > 0)
		log_warn("the journal's torn last block of %llu bytes was cut", (unsigned long long)x.report.cut_bytes);
	if (r == 0 && !v->demo)
		genesis_tidy(v, &x.genesis.body);
	buf_free(&x.leaf0);
	return r;
}

/* Back to sealed, from whatever start reached: the store is opened anew without a replay. */
static int stop(struct vault *v, bool clean)
{
	int r = store_close(v->store, clean);

	v->store = NULL;
	gov_unload(v);
	list_unload(v);
	jobs_unload(v);
	witness_unload(v);
	audit_close(v->audit);
	v->audit = NULL;
	policy_free(v->policy);
	v->policy = NULL;
	keys_seal(v->keys);
	wipe(&v->lthash, sizeof(v->lthash));
	wipe(&v->tables, sizeof(v->tables));
	v->has_tables_digest = false;
	wipe(&v->turn_saved, sizeof(v->turn_saved));
	wipe(&v->call_saved, sizeof(v->call_saved));
	memset(v->recent, 0, sizeof(v->recent));
	memset(v->idem_cursor, 0, sizeof(v->idem_cursor));
	v->merges = v->opened = 0;
	v->state_dirty = v->tables_dirty = v->counters_dirty = v->full = v->refused_full = v->log_stuck = v->told_failed = false;
	v->directory_due = false;
	v->state = VAULT_SEALED;
	if (open_store(v) != 0)
		v->state = VAULT_FAILED;
	return r;
}

int vault_unseal(struct vault *v, unsigned number, const uint8_t kek[32])
{
	struct slot_info info;
	int r;

	if (v->state != VAULT_SEALED)
		return CV_ERR_STATE;
	if (v->production && vault_slot(v, number, &info) == 0 && info.type == SLOT_DEMO) {
		log_error("slot %u opens with a file in the folder: not in a production vault", number);
		return CV_ERR_NOTFOUND;
	}
	if ((r = open_keyring(v, number, kek)) != 0) {
		log_error("slot %u does not open: %s", number, r == CV_ERR_NOTFOUND ? "row slot or keyring is not there" : cv_strerror(r));
		keys_seal(v->keys);
		return r;
	}
	if ((r = start(v)) != 0) {
		v->state = VAULT_SEALED;
		(void)stop(v, false);
		return r;
	}
	log_info("unsealed; %llu records", (unsigned long long)(v->counters.next_serial - 1));
	return 0;
}

int vault_unseal_demo(struct vault *v)
{
	struct slot_info info;
	struct buf key;
	unsigned n = 0;
	int r;

	if (!v->demo)
		return CV_ERR_STATE;
	while (n < SLOT_COUNT && (vault_slot(v, n, &info) != 0 || info.type != SLOT_DEMO))
		n++;
	if (n == SLOT_COUNT) {
		log_error("a demo vault without its slot");
		return CV_ERR_NOTFOUND;
	}
	buf_init(&key, 64);
	r = files_read(v->dirfd, "keys/root.key", &key);
	if (r == 0 && key.n != 32)
		r = CV_ERR_FORMAT;
	if (r != 0)
		log_error("keys/root.key: %s", cv_strerror(r));
	else
		r = vault_unseal(v, n, key.p);
	buf_free(&key);
	return r;
}

static int seal(struct vault *v, uint8_t what)
{
	bool healthy;
	int r, e;

	if (v->state != VAULT_READY)
		return CV_ERR_STATE;
	healthy = vault_healthy(v);
	r = healthy ? start_leaf(v, what, NULL) : CV_ERR_IO;
	if (r == 0)
		r = vault_checkpoint_now(v);
	e = stop(v, r == 0);
	if (r != 0 || e != 0)
		log_error("sealed without a clean stop: %s", cv_strerror(r != 0 ? r : e));
	return r != 0 ? r : e;
}

int vault_seal(struct vault *v)
{
	return seal(v, START_SEALED);
}

int vault_close(struct vault *v)
{
	int r = 0;

	if (v == NULL)
		return 0;
	if (v->state == VAULT_READY)
		r = seal(v, START_CLEAN_STOP);
	(void)store_close(v->store, false);	/* sealed or broken: nothing is written */
	witness_unload(v);
	audit_close(v->audit);
	policy_free(v->policy);
	keys_free(v->keys);
	bufs_free(v);
	if (v->dirfd >= 0)
		close(v->dirfd);
	free(v->dir);
	free(v);
	return r;
}

enum vault_state vault_state(const struct vault *v)
{
	return v->state;
}

bool vault_is_demo(const struct vault *v)
{
	return v->demo;
}

bool vault_is_production(const struct vault *v)
{
	return v->production;
}

bool vault_healthy(const struct vault *v)
{
	return store_healthy(v->store) && audit_healthy(v->audit);
}

enum wire_health vault_health(struct vault *v)
{
	if (v->state == VAULT_FAILED || (v->state == VAULT_READY && (v->log_stuck || v->directory_due || !vault_healthy(v))))
		return WIRE_AUDIT_UNAVAILABLE;
	if (v->state == VAULT_SEALED)
		return WIRE_SEALED;
	return v->full ? WIRE_STORAGE_FULL : WIRE_READY;
}
