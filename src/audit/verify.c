/*
 * Offline verification: what is signed, and the order of the whole. The leaves themselves are verify_stream.c's.
 *
 * 1. verifier key; checkpoint and its two signatures; the daily keys; seals and the known checkpoint, each signed
 * 2. all leaves in order against tiles and all signed roots; leaf 0 ties log key and daily keys to the log
 * 3. what only the whole can say: that each past day has its seal, and that the checkpoint's day is that of its last leaf
 */
#include "audit/verify.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/audit_internal.h"
#include "base/bytes.h"
#include "base/error.h"
#include "format/genesis.h"
#include "store/files.h"

#define NONE CHILDVAULT_AUDIT_NONE
#define EPOCHS_FILE_MAX (1u << 20)
#define EPOCH_DIGITS 6u
#define KNOWN "known checkpoint"

void found(struct verify *v, enum childvault_audit_kind kind, bool fault, const char *file, uint64_t leaf, uint64_t last_leaf,
    uint64_t epoch, uint64_t position)
{
	const struct childvault_audit_finding f = { .kind = kind, .fault = fault, .file = file, .leaf = leaf, .last_leaf = last_leaf,
		.epoch = epoch, .position = position };

	if (fault)
		v->sum->faults++;
	else
		v->sum->notes++;
	if (v->o->found != NULL)
		v->o->found(v->o->cookie, &f);
}

void found_file(struct verify *v, enum childvault_audit_kind kind, const char *file)
{
	found(v, kind, true, file, NONE, NONE, NONE, NONE);
}

/* ---- the verifier key ------------------------------------------------------------------------------------------------- */

/* Read one key file. 0, CV_ERR_NOTFOUND, CV_ERR_FORMAT, CV_ERR_IO. */
static int key_read(int dirfd, const char *path, struct vkey *ret)
{
	uint8_t id[4];
	struct buf b;
	int r;

	buf_init(&b, NOTE_MAX);
	r = files_read(dirfd, path, &b);
	if (r == 0)
		r = vkey_decode((const char *)b.p, b.n, NOTE_ED25519, ret);
	buf_free(&b);
	if (r != 0)
		return r == CV_ERR_LIMIT ? CV_ERR_FORMAT : r;
	note_key_id(ret->name, ret->pk, id);
	return memcmp(id, ret->key_id, sizeof(id)) == 0 ? 0 : CV_ERR_FORMAT;
}

int outside_read(const char *path, struct buf *ret)
{
	char part[4096];
	size_t k;
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return CV_ERR_NOTFOUND;
	while ((k = fread(part, 1, sizeof(part), f)) > 0)
		buf_put(ret, part, k);
	k = (size_t)ferror(f);
	(void)fclose(f);	/* only read */
	if (k != 0)
		return CV_ERR_IO;
	return buf_ok(ret) ? 0 : CV_ERR_FORMAT;
}

static int keys_load(struct verify *v)
{
	uint8_t id[4];
	struct vkey own;
	struct buf b, line;
	int r, r_own;

	buf_init(&b, NOTE_MAX);
	buf_init(&line, NOTE_MAX);
	r = r_own = key_read(v->dirfd, "log.vkey", &own);
	if (v->o->vkey_file == NULL) {
		v->key = own;
		if (r == CV_ERR_FORMAT)
			found_file(v, CHILDVAULT_AUDIT_FORMAT_BAD, "log.vkey");
	} else if ((r = outside_read(v->o->vkey_file, &b)) == 0 && (r = vkey_decode((const char *)b.p, b.n, NOTE_ED25519, &v->key)) == 0) {
		note_key_id(v->key.name, v->key.pk, id);
		if (memcmp(id, v->key.key_id, sizeof(id)) != 0)
			r = CV_ERR_FORMAT;
		else if (r_own != CV_ERR_NOTFOUND && (r_own != 0 || memcmp(&own, &v->key, sizeof(own)) != 0))
			found_file(v, CHILDVAULT_AUDIT_VKEY_DIFFERS, "log.vkey");
	}
	if (r == 0) {
		vkey_encode(&v->key, &line);
		(void)snprintf(v->sum->vkey, sizeof(v->sum->vkey), "%.*s", line.n > 0 ? (int)line.n - 1 : 0, (const char *)line.p);
		(void)snprintf(v->sum->origin, sizeof(v->sum->origin), "%s", v->key.name);
	}
	buf_free(&b);
	buf_free(&line);
	return r;
}

/* The daily public keys; without them no epoch's signature can be checked, which is found there. */
static void epochs_load(struct verify *v)
{
	struct buf b;
	int r;

	buf_init(&b, EPOCHS_FILE_MAX);
	r = files_read(v->dirfd, "epochs", &b);
	if (r == CV_ERR_IO)
		v->error = r;
	if (r == 0 && b.n >= 32 && (v->epochs = malloc(b.n)) != NULL) {
		memcpy(v->epochs, b.p, b.n);
		v->epoch_n = (uint32_t)(b.n / 32);
		v->epochs_torn = b.n % 32 != 0;
	} else {
		found_file(v, CHILDVAULT_AUDIT_EPOCHS_CHANGED, "epochs");
	}
	buf_free(&b);
	if (v->epoch_n > 0 && (v->seal_there = calloc(v->epoch_n, 1)) == NULL)
		v->error = CV_ERR_NOMEM;
}

/* ---- signatures --------------------------------------------------------------------------------------------------------- */

/* The epoch in a key name ORIGIN/fs/NNNN, or UINT64_MAX: not such a name. There is one spelling. */
static uint64_t epoch_of_name(const struct verify *v, const struct note_sig *s)
{
	char want[EPOCH_NAME_MAX];
	size_t base = strlen(v->key.name) + 4;
	uint64_t e = 0;

	if (s->name_n < base + 4 || s->name_n > base + EPOCH_DIGITS)
		return UINT64_MAX;
	for (size_t i = base; i < s->name_n; i++) {
		if (s->name[i] < '0' || s->name[i] > '9')
			return UINT64_MAX;
		e = e * 10 + (uint64_t)(s->name[i] - '0');
	}
	(void)snprintf(want, sizeof(want), "%s/fs/%04u", v->key.name, (unsigned)e);
	return strlen(want) == s->name_n && memcmp(want, s->name, s->name_n) == 0 ? e : UINT64_MAX;
}

/* The log's own signature. */
static bool stable_ok(struct verify *v, const struct note *note, const char *file)
{
	bool any = false, ok = true;

	for (unsigned i = 0; i < note->sigs; i++) {
		const struct note_sig *s = &note->sig[i];

		if (s->name_n != strlen(v->key.name) || memcmp(s->name, v->key.name, s->name_n) != 0 || s->sig_n != 64 ||
		    memcmp(s->key_id, v->key.key_id, sizeof(s->key_id)) != 0)
			continue;
		any = true;
		ok = ok && crypto_verify(v->key.pk, note->text, note->text_n, s->sig) == 0;
	}
	if (!any)
		found_file(v, CHILDVAULT_AUDIT_SIGNATURE_MISSING, file);
	else if (!ok)
		found_file(v, CHILDVAULT_AUDIT_SIGNATURE_BAD, file);
	return any && ok;
}

/*
 * The signature of one epoch's key. want is the epoch it has to be of, or NONE. A second one, or one of a day that the list
 * does not have, is a wrong key: an old entry under a newer key is what this log exists to show.
 */
static bool epoch_ok(struct verify *v, const struct note *note, const char *file, uint64_t want, uint32_t *ret_epoch)
{
	const struct note_sig *the = NULL;
	char name[EPOCH_NAME_MAX];
	uint64_t epoch = NONE, e;
	uint8_t id[4];

	for (unsigned i = 0; i < note->sigs; i++) {
		if ((e = epoch_of_name(v, &note->sig[i])) == UINT64_MAX)
			continue;
		if (the != NULL || e >= v->epoch_n || (want != NONE && e != want)) {
			found(v, CHILDVAULT_AUDIT_EPOCH_KEY_WRONG, true, file, NONE, NONE, e, NONE);
			return false;
		}
		the = &note->sig[i];
		epoch = e;
	}
	if (the == NULL) {
		found_file(v, CHILDVAULT_AUDIT_SIGNATURE_MISSING, file);
		return false;
	}
	(void)snprintf(name, sizeof(name), "%s/fs/%04u", v->key.name, (unsigned)epoch);
	note_key_id(name, v->epochs + epoch * 32, id);
	if (memcmp(id, the->key_id, sizeof(id)) != 0 || the->sig_n != 64 ||
	    crypto_verify(v->epochs + epoch * 32, note->text, note->text_n, the->sig) != 0) {
		found_file(v, CHILDVAULT_AUDIT_SIGNATURE_BAD, file);
		return false;
	}
	*ret_epoch = (uint32_t)epoch;
	return true;
}

bool verify_signed(struct verify *v, const struct buf *b, const char *file, uint64_t want, struct checkpoint *ret, bool *ret_parsed,
    uint32_t *ret_epoch)
{
	struct note note;
	bool stable, epoch;

	*ret_parsed = note_decode((const char *)b->p, b->n, &note) == 0 && checkpoint_decode(&note, ret) == 0;
	if (!*ret_parsed) {
		found_file(v, CHILDVAULT_AUDIT_FORMAT_BAD, file);
		return false;
	}
	if (ret->origin_n != strlen(v->key.name) || memcmp(ret->origin, v->key.name, ret->origin_n) != 0) {
		found_file(v, CHILDVAULT_AUDIT_ORIGIN_WRONG, file);
		return false;
	}
	stable = stable_ok(v, &note, file);
	epoch = epoch_ok(v, &note, file, want, ret_epoch);
	return stable && epoch;
}

/* ---- the checkpoint ------------------------------------------------------------------------------------------------------- */

static bool there(const struct verify *v, unsigned level, uint64_t n, unsigned width)
{
	char path[TILE_PATH_MAX];

	(void)tile_path(level, n, width, path);
	return faccessat(v->dirfd, path, F_OK, 0) == 0;
}

/*
 * Without a good checkpoint there is no size to trust. What it says is used to look at the files if they agree; else all full
 * bundles are looked at.
 */
static void size_guess(struct verify *v, bool parsed, uint64_t said)
{
	uint64_t n = said / TILE_WIDTH;
	unsigned width = (unsigned)(said % TILE_WIDTH);

	if (parsed && said > 0 && (width > 0 ? there(v, TILE_ENTRIES, n, width) : there(v, TILE_ENTRIES, n - 1, 0))) {
		v->size = said;
		v->exact = true;
		return;
	}
	while (there(v, TILE_ENTRIES, v->size / TILE_WIDTH, 0))
		v->size += TILE_WIDTH;
}

static void checkpoint_read(struct verify *v)
{
	struct checkpoint c = { 0 };
	bool parsed = false;
	struct buf b;
	int r;

	buf_init(&b, NOTE_MAX);
	r = files_read(v->dirfd, "checkpoint", &b);
	if (r == CV_ERR_NOTFOUND)
		found_file(v, CHILDVAULT_AUDIT_CHECKPOINT_MISSING, "checkpoint");
	else if (r != 0)
		found_file(v, CHILDVAULT_AUDIT_FORMAT_BAD, "checkpoint");
	else if (verify_signed(v, &b, "checkpoint", NONE, &c, &parsed, &v->epoch_sig)) {
		v->has_checkpoint = v->has_epoch_sig = v->exact = true;
		v->size = c.size;
		memcpy(v->root, c.root, sizeof(c.root));
	}
	if (!v->has_checkpoint)
		size_guess(v, parsed, c.size);
	v->sum->size = v->size;
	buf_free(&b);
}

/* ---- seals and the known checkpoint ----------------------------------------------------------------------------------------- */

void verify_mark(struct verify *v, const struct mark *m)
{
	struct mark *all;

	if (m->size > v->size) {
		/* Whoever holds an old, good checkpoint can cut the log back to it; what was signed later tells. */
		if (v->has_checkpoint)
			found(v, CHILDVAULT_AUDIT_LOG_TRUNCATED, true, m->file, v->size, m->size - 1, NONE, NONE);
		return;
	}
	if ((all = realloc(v->mark, (v->marks + 1) * sizeof(*all))) == NULL) {
		v->error = CV_ERR_NOMEM;
		return;
	}
	v->mark = all;
	v->mark[v->marks++] = *m;
}

static void mark_checkpoint(struct verify *v, const struct checkpoint *c, bool seal, uint32_t epoch, const char *file)
{
	struct mark m = { .size = c->size, .seal = seal, .outside = !seal, .epoch = epoch };

	memcpy(m.root, c->root, sizeof(m.root));
	(void)snprintf(m.file, sizeof(m.file), "%s", file);
	verify_mark(v, &m);
}

static int seal_name(void *cookie, const char *name)
{
	struct verify *v = cookie;
	char again[24];
	uint64_t e = 0;

	for (const char *p = name; *p != '\0'; p++) {
		if (*p < '0' || *p > '9' || p - name > 9)
			return 0;	/* something else; it is not looked at */
		e = e * 10 + (uint64_t)(*p - '0');
	}
	(void)snprintf(again, sizeof(again), "%06u", (unsigned)e);
	if (strcmp(again, name) == 0 && e < v->epoch_n)
		v->seal_there[e] = 1;
	return 0;
}

static void seals_read(struct verify *v)
{
	struct checkpoint c;
	uint64_t before = 0;
	uint32_t epoch;
	char path[24];
	bool parsed;
	struct buf b;

	if (v->epoch_n == 0 || faccessat(v->dirfd, "seals", F_OK, 0) != 0)
		return;
	if (files_list(v->dirfd, "seals", seal_name, v) != 0)
		v->error = CV_ERR_IO;
	buf_init(&b, NOTE_MAX);
	for (uint32_t e = 0; e < v->epoch_n; e++) {
		if (!v->seal_there[e])
			continue;
		(void)snprintf(path, sizeof(path), "seals/%06u", e);
		buf_reset(&b);
		if (files_read(v->dirfd, path, &b) != 0)
			found_file(v, CHILDVAULT_AUDIT_FORMAT_BAD, path);
		else if (!verify_signed(v, &b, path, e, &c, &parsed, &epoch))
			continue;
		else if (c.size <= before)
			found(v, CHILDVAULT_AUDIT_SEAL_ORDER, true, path, NONE, NONE, e, NONE);
		else {
			before = c.size;
			mark_checkpoint(v, &c, true, e, path);
		}
	}
	buf_free(&b);
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = ((const struct mark *)a)->size, y = ((const struct mark *)b)->size;

	return x < y ? -1 : x > y;
}

/* A checkpoint that the caller kept. Its own signature must be good, else it proves nothing. */
static int known_read(struct verify *v)
{
	struct checkpoint c;
	struct note note;
	bool ok = false;
	struct buf b;
	int r;

	if (v->o->known_file == NULL)
		return 0;
	buf_init(&b, NOTE_MAX);
	r = outside_read(v->o->known_file, &b);
	if (r == 0 && ((r = note_decode((const char *)b.p, b.n, &note)) == 0) && (r = checkpoint_decode(&note, &c)) == 0) {
		for (unsigned i = 0; !ok && i < note.sigs; i++)
			ok = note.sig[i].sig_n == 64 && memcmp(note.sig[i].key_id, v->key.key_id, 4) == 0 &&
			    crypto_verify(v->key.pk, note.text, note.text_n, note.sig[i].sig) == 0;
		if (!ok)
			r = CV_ERR_FORMAT;
		else if (c.size > 0)
			mark_checkpoint(v, &c, false, 0, KNOWN);
	}
	buf_free(&b);
	return r;
}

/* ---- leaf 0 --------------------------------------------------------------------------------------------------------------- */

/* What leaf 0 commits to, against key and list of daily keys. */
static void genesis_compare(struct verify *v, const uint8_t *log_pk, const uint8_t *epoch_root, uint32_t epochs, const char *origin,
    size_t origin_n)
{
	if (memcmp(log_pk, v->key.pk, 32) != 0 || origin_n != strlen(v->key.name) || memcmp(origin, v->key.name, origin_n) != 0)
		found(v, CHILDVAULT_AUDIT_LOG_KEY_WRONG, true, "", 0, NONE, NONE, NONE);
	epochs_genesis(v, epoch_root, epochs);
}

void verify_genesis(struct verify *v, const struct leaf *l, const uint8_t hash[32])
{
	struct childvault_audit_summary *sum = v->sum;
	struct rd r = rd_over(l->body_a, l->body_a_n);
	const uint8_t *log_pk, *epoch_root, *vault, *policy, *origin;
	uint32_t epochs, first_day;
	unsigned flags, admins, origin_n;
	uint64_t created;

	flags = rd_u8(&r);
	vault = rd_take(&r, 16);
	created = rd_u48(&r);
	log_pk = rd_take(&r, 32);
	epoch_root = rd_take(&r, 32);
	epochs = rd_u32(&r);
	first_day = rd_u32(&r);
	policy = rd_take(&r, 32);
	admins = rd_u8(&r);
	for (unsigned i = 0; i < admins; i++) {
		rd_copy(&r, v->admin_id[i], 16);
		rd_copy(&r, v->admin_pk[i], 32);
		rd_copy(&r, v->admin_person[i], 16);
	}
	origin_n = rd_u8(&r);
	origin = rd_take(&r, origin_n);
	if (!rd_done(&r) || l->index != 0 || l->kind != LEAF_GENESIS || (l->flags & LEAF_CLEAR) == 0 ||
	    (flags != 0 && flags != GENESIS_DEMO && flags != GENESIS_PRODUCTION)) {
		found(v, CHILDVAULT_AUDIT_GENESIS_BAD, true, "", l->index, NONE, NONE, NONE);
		return;
	}
	memcpy(v->genesis_hash, hash, 32);
	sum->genesis = 1;
	sum->demo = flags == GENESIS_DEMO;
	sum->production = flags == GENESIS_PRODUCTION;
	memcpy(sum->vault, vault, 16);
	sum->created_ms = created;
	sum->first_day = first_day;
	memcpy(sum->policy, policy, 32);
	sum->administrators = admins;
	genesis_compare(v, log_pk, epoch_root, epochs, (const char *)origin, origin_n);
}

/* The administrator's place among those of leaf 0, or -1. */
static int admin_find(const struct verify *v, const uint8_t id[16])
{
	for (unsigned i = 0; i < v->sum->administrators; i++)
		if (memcmp(v->admin_id[i], id, 16) == 0)
			return (int)i;
	return -1;
}

/* Those who have signed, and the persons that they are. */
static void genesis_count(struct verify *v)
{
	const uint8_t *seen = v->admin_signed;

	v->sum->genesis_signatures = v->sum->genesis_persons = 0;
	for (unsigned i = 0; i < v->sum->administrators; i++) {
		unsigned j = 0;

		while (j < i && (!seen[j] || memcmp(v->admin_person[i], v->admin_person[j], 16) != 0))
			j++;
		v->sum->genesis_signatures += seen[i];
		v->sum->genesis_persons += seen[i] && j == i;
	}
}

void verify_genesis_result(struct verify *v, const struct leaf *l)
{
	uint8_t text[16 + 32] = "cv1.genesis";
	struct rd r = rd_over(l->body_a, l->body_a_n);
	unsigned what = rd_u8(&r), n;
	const uint8_t *hash = rd_take(&r, 32), *id, *sig;
	int admin;

	if (what != 1 || !v->sum->genesis || (l->flags & LEAF_CLEAR) == 0)
		return;
	n = rd_u8(&r);
	memcpy(text + 16, v->genesis_hash, 32);
	for (unsigned i = 0; i < n && rd_ok(&r); i++) {
		id = rd_take(&r, 16);
		sig = rd_take(&r, 64);
		if (sig == NULL)
			break;
		admin = admin_find(v, id);
		if (admin < 0 || memcmp(hash, v->genesis_hash, 32) != 0 ||
		    crypto_verify(v->admin_pk[admin], text, sizeof(text), sig) != 0)
			found(v, CHILDVAULT_AUDIT_GENESIS_SIGNATURE_BAD, true, "", l->index, NONE, NONE, NONE);
		else
			v->admin_signed[admin] = 1;
	}
	genesis_count(v);
	if (!rd_done(&r))
		found(v, CHILDVAULT_AUDIT_FORMAT_BAD, true, "", l->index, NONE, NONE, NONE);
}

/* ---- the whole -------------------------------------------------------------------------------------------------------------- */

/* What is known only after all leaves. */
static void conclude(struct verify *v)
{
	policy_conclude(v);
	if (v->size == 0)
		return;
	if (v->sum->genesis && v->sum->genesis_persons < 2)
		found(v, CHILDVAULT_AUDIT_GENESIS_UNSIGNED, false, "", 0, NONE, NONE, NONE);
	epochs_conclude(v);
}

static int verify_all(struct verify *v)
{
	int r;

	if ((r = keys_load(v)) != 0)
		return r;
	epochs_load(v);
	checkpoint_read(v);
	seals_read(v);
	if ((r = known_read(v)) != 0 || (r = policy_read(v)) != 0)
		return r;
	if (v->marks > 0)
		qsort(v->mark, v->marks, sizeof(*v->mark), by_size);
	verify_tags_begin(v);
	verify_stream(v);
	verify_documents(v);
	conclude(v);
	return v->error;
}

int childvault_audit_verify(const struct childvault_audit_options *o, struct childvault_audit_summary *ret_summary)
{
	struct childvault_audit_summary sum = { 0 };
	struct verify *v = NULL;
	int dirfd = -1, r;

	if (crypto_start() != 0)
		return CV_ERR_CRYPTO;
	if ((dirfd = open(o->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return CV_ERR_NOTFOUND;
	r = CV_ERR_NOMEM;
	if ((v = calloc(1, sizeof(*v))) == NULL)
		goto out;
	v->o = o;
	v->sum = &sum;
	v->dirfd = dirfd;
	buf_init(&v->policy_text, TLOG_POLICY_MAX);
	r = verify_all(v);
	*ret_summary = sum;
	if (r == 0 || (r == CV_ERR_FORMAT && sum.faults > 0))
		r = sum.faults > 0;	/* a verifier key that was changed is a finding too */
out:
	if (v != NULL) {
		free(v->epochs);
		free(v->seal_there);
		free(v->mark);
		free(v->policy);
		buf_free(&v->policy_text);
		free(v);
	}
	(void)close(dirfd);	/* only read */
	return r;
}
