#include "audit/witness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit_internal.h"
#include "audit/folder.h"
#include "audit/trust.h"
#include "base/bytes.h"
#include "base/error.h"
#include "format/genesis.h"
#include "store/files.h"

#define EPOCHS_FILE_MAX (1u << 20)
#define RENEW_KEYS 1u		/* first byte of the body of a leaf of kind 20 that commits to further daily keys */

static const struct {
	const char *name, *en, *zh;
} faults[WITNESS_FAULTS] = {
	[WITNESS_NO_FAULT] = { "ok", "nothing is wrong", "无异常" },
	[WITNESS_CHECKPOINT_MISSING] = { "checkpoint-missing", "there is no checkpoint: nothing here is signed", "没有检查点：此处没有任何签名" },
	[WITNESS_FORMAT_BAD] = { "format-bad", "this is no checkpoint", "这不是检查点" },
	[WITNESS_LOG_UNKNOWN] = { "log-unknown", "this witness does not know a log of this name: introduce it once, with --vkey and the "
	    "key that was kept since the vault was made", "此见证人不认识这份日志：须用建库时保存的公钥（--vkey）介绍一次" },
	[WITNESS_LOG_KEY_WRONG] = { "log-key-wrong", "a log of this name is known, by another key", "同名日志的公钥与已知的不同" },
	[WITNESS_SIGNATURE_MISSING] = { "signature-missing", "the checkpoint lacks the signature of the log's key or of a daily key",
	    "检查点缺少日志密钥或日钥的签名" },
	[WITNESS_SIGNATURE_BAD] = { "signature-bad", "a signature of the checkpoint does not fit", "检查点的签名不符" },
	[WITNESS_GENESIS_BAD] = { "genesis-bad", "the log does not begin with a vault's first entry, or that is not in the signed tree",
	    "日志不以档案库的创世记录开始，或该记录不在所签的树中" },
	[WITNESS_EPOCHS_CHANGED] = { "epochs-changed", "the list of daily keys is not the one that the log has committed to",
	    "日钥列表与日志所承诺的不同" },
	[WITNESS_EPOCH_KEY_WRONG] = { "epoch-key-wrong", "signed by the key of an unknown day, or of an earlier one than before",
	    "签名的日钥属于未知的日子，或早于上次" },
	[WITNESS_LOG_TRUNCATED] = { "log-truncated", "the log is shorter than what was cosigned before: entries are gone",
	    "日志短于以前见证过的：有记录消失" },
	[WITNESS_LOG_FORKED] = { "log-forked", "a log of this very length was cosigned before, and it was another one: there are two",
	    "以前见证过同样长度的日志，但内容不同：存在两份日志" },
	[WITNESS_INCONSISTENT] = { "log-inconsistent", "what was cosigned before is not the beginning of this log: it was rewritten",
	    "以前见证过的不是这份日志的开头：日志被改写" },
	[WITNESS_TILE_MISSING] = { "tile-missing", "hash tiles that the proof needs are not in this folder", "文件夹中缺少证明所需的散列块" },
	[WITNESS_BUNDLE_MISSING] = { "bundle-missing", "entries that are needed are not in this folder", "文件夹中缺少所需的记录" },
	[WITNESS_CLOCK_BACK] = { "clock-back", "this machine's clock stands before the last cosignature", "本机时钟早于上次见证的时间" },
};

const char *witness_fault_name(enum witness_fault f)
{
	return (unsigned)f < WITNESS_FAULTS ? faults[f].name : "unknown";
}

const char *witness_fault_text(enum witness_fault f, bool chinese)
{
	if ((unsigned)f >= WITNESS_FAULTS)
		return "";
	return chinese ? faults[f].zh : faults[f].en;
}

/* One checkpoint that is judged. */
struct check {
	struct note note;
	struct checkpoint c;
	struct folder folder;
	struct witness_log log;		/* what will be remembered */
	bool is_new;			/* nothing is remembered of it yet */
	uint8_t *epochs;		/* daily public keys */
	uint32_t epoch_n;
	enum witness_fault fault;
};

static int fault(struct check *k, enum witness_fault f)
{
	k->fault = f;
	return CV_ERR_AUTH;
}

/* What a folder that cannot be read to the end means. */
static int missing(struct check *k, int r, enum witness_fault f)
{
	return r == CV_ERR_NOTFOUND || r == CV_ERR_FORMAT || r == CV_ERR_LIMIT ? fault(k, f) : r;
}

/* ---- which log ---------------------------------------------------------------------------------------------------------- */

static bool named(const struct vkey *key, const struct checkpoint *c)
{
	return strlen(key->name) == c->origin_n && memcmp(key->name, c->origin, c->origin_n) == 0;
}

/* The log of the checkpoint's origin: remembered, or the one that is introduced. */
static int log_find(struct check *k, const struct witness_state *s, const struct vkey *introduced)
{
	for (unsigned i = 0; i < s->logs; i++) {
		if (!named(&s->log[i].key, &k->c))
			continue;
		k->log = s->log[i];
		if (introduced != NULL && named(introduced, &k->c) && memcmp(introduced->pk, k->log.key.pk, 32) != 0)
			return fault(k, WITNESS_LOG_KEY_WRONG);
		return 0;
	}
	if (introduced == NULL || !named(introduced, &k->c))
		return fault(k, WITNESS_LOG_UNKNOWN);
	if (s->logs == WITNESS_LOGS_MAX)
		return CV_ERR_LIMIT;
	k->log.key = *introduced;
	k->is_new = true;
	return 0;
}

static int log_signature(struct check *k)
{
	int r = trust_log_signature(&k->note, &k->log.key);

	if (r == 0)
		return 0;
	return fault(k, r == CV_ERR_NOTFOUND ? WITNESS_SIGNATURE_MISSING : WITNESS_SIGNATURE_BAD);
}

/* ---- the tree ------------------------------------------------------------------------------------------------------------ */

/* That what was cosigned is the beginning of this tree. */
static int grown(struct check *k)
{
	uint8_t proof[MERKLE_PROOF_MAX][32];
	unsigned n;
	int r;

	if (k->c.size < k->log.size)
		return fault(k, WITNESS_LOG_TRUNCATED);
	if (k->c.size == k->log.size)
		return memcmp(k->c.root, k->log.root, 32) == 0 ? 0 : fault(k, WITNESS_LOG_FORKED);
	if (k->log.size == 0)
		return 0;
	if ((r = merkle_consistency(k->log.size, k->c.size, folder_hash, &k->folder, proof, &n)) != 0)
		return missing(k, r, WITNESS_TILE_MISSING);
	r = merkle_verify_consistency(k->log.size, k->c.size, k->log.root, k->c.root, (const uint8_t (*)[32])proof, n);
	return r == 0 ? 0 : fault(k, WITNESS_INCONSISTENT);
}

/* That the bytes are leaf index of the signed tree. */
static int included(struct check *k, uint64_t index, const uint8_t *p, size_t n, enum witness_fault otherwise)
{
	uint8_t proof[MERKLE_PROOF_MAX][32], hash[32];
	unsigned proof_n;
	int r;

	if ((r = merkle_inclusion(index, k->c.size, folder_hash, &k->folder, proof, &proof_n)) != 0)
		return missing(k, r, WITNESS_TILE_MISSING);
	merkle_leaf(p, n, hash);
	r = merkle_verify_inclusion(index, k->c.size, hash, (const uint8_t (*)[32])proof, proof_n, k->c.root);
	return r == 0 ? 0 : fault(k, otherwise);
}

/* ---- daily keys ---------------------------------------------------------------------------------------------------------- */

/* Leaf 0 of a log that is met for the first time: it names the log's key and commits to the first daily keys. */
static int genesis(struct check *k)
{
	struct genesis_body b;
	const uint8_t *p;
	struct leaf l;
	size_t n;
	int r;

	if ((r = folder_leaf(&k->folder, 0, &p, &n)) != 0)
		return missing(k, r, WITNESS_BUNDLE_MISSING);
	if ((r = included(k, 0, p, n, WITNESS_GENESIS_BAD)) != 0)
		return r;
	if (leaf_decode(p, n, &l) != 0 || l.index != 0 || l.kind != LEAF_GENESIS || genesis_body_decode(l.body_a, l.body_a_n, &b) != 0)
		return fault(k, WITNESS_GENESIS_BAD);
	if (memcmp(b.log_pk, k->log.key.pk, 32) != 0 || strcmp(b.origin, k->log.key.name) != 0)
		return fault(k, WITNESS_LOG_KEY_WRONG);
	k->log.ranges = 1;
	k->log.range[0] = (struct witness_range){ .count = b.epochs };
	memcpy(k->log.range[0].root, b.epoch_root, 32);
	return 0;
}

/* How many daily keys the log has committed to. */
static uint32_t known_epochs(const struct check *k)
{
	const struct witness_range *last = &k->log.range[k->log.ranges - 1];

	return last->first + last->count;
}

/* One leaf of kind 20, in the signed tree, that goes on where the known ranges end. */
static int renewal(struct check *k, const struct leaf *l)
{
	struct rd r = rd_over(l->body_a, l->body_a_n);
	unsigned what = rd_u8(&r);
	struct witness_range g = { 0 };

	g.first = rd_u32(&r);
	g.count = rd_u32(&r);
	rd_copy(&r, g.root, 32);
	if (what != RENEW_KEYS || !rd_done(&r) || g.first != known_epochs(k) || g.count == 0 || g.first + g.count < g.first)
		return 0;	/* another matter of this kind */
	if (k->log.ranges == WITNESS_RANGES_MAX)
		return CV_ERR_LIMIT;
	k->log.range[k->log.ranges++] = g;
	return 0;
}

/* Look for further ranges among the leaves that are new since the last cosignature. */
static int renewals(struct check *k)
{
	const uint8_t *p;
	struct leaf l;
	size_t n;
	int r;

	for (uint64_t i = k->log.size; i < k->c.size; i++) {
		if ((r = folder_leaf(&k->folder, i, &p, &n)) != 0)
			return missing(k, r, WITNESS_BUNDLE_MISSING);
		if (n < 2 || p[1] != LEAF_FS_RENEW || leaf_decode(p, n, &l) != 0)
			continue;
		if ((r = included(k, i, p, n, WITNESS_INCONSISTENT)) != 0 || (r = renewal(k, &l)) != 0)
			return r;
	}
	return 0;
}

/* Read the file epochs: it has to hold all that was committed to, range by range. */
static int epochs_load(struct check *k)
{
	uint8_t root[32];
	struct buf b;
	int r;

	buf_init(&b, EPOCHS_FILE_MAX);
	if ((r = files_read(k->folder.dirfd, "epochs", &b)) != 0) {
		r = missing(k, r, WITNESS_EPOCHS_CHANGED);
		goto out;
	}
	for (unsigned i = 0; r == 0 && i < k->log.ranges; i++) {
		const struct witness_range *g = &k->log.range[i];

		if (b.n / 32 < (size_t)g->first + g->count) {
			r = fault(k, WITNESS_EPOCHS_CHANGED);
			break;
		}
		merkle_root_over(b.p + (size_t)g->first * 32, g->count, 32, root);
		if (memcmp(root, g->root, 32) != 0)
			r = fault(k, WITNESS_EPOCHS_CHANGED);
	}
	if (r == 0 && (k->epochs = malloc(b.n + 1)) == NULL)
		r = CV_ERR_NOMEM;
	if (r == 0) {
		memcpy(k->epochs, b.p, b.n);
		k->epoch_n = known_epochs(k);
	}
out:
	buf_free(&b);
	return r;
}

/* The day in a key name ORIGIN/fs/NNNN, in its one spelling; UINT32_MAX: it is no such name. */
static uint32_t epoch_of(const struct check *k, const struct note_sig *s)
{
	const size_t base = strlen(k->log.key.name) + 4;
	char want[EPOCH_NAME_MAX];
	uint32_t e = 0;

	if (s->name_n < base + 4 || s->name_n > base + 8)
		return UINT32_MAX;
	for (size_t i = base; i < s->name_n; i++) {
		if (s->name[i] < '0' || s->name[i] > '9')
			return UINT32_MAX;
		e = e * 10 + (uint32_t)(s->name[i] - '0');
	}
	(void)snprintf(want, sizeof(want), "%s/fs/%04u", k->log.key.name, e);
	return strlen(want) == s->name_n && memcmp(want, s->name, s->name_n) == 0 ? e : UINT32_MAX;
}

/* The one daily signature: of a day that is known, and not of one before that of the last cosignature. */
static int epoch_signature(struct check *k)
{
	const struct note_sig *the = NULL;
	uint32_t epoch = 0, e;
	struct vkey key = { .type = NOTE_ED25519 };
	char name[EPOCH_NAME_MAX];
	uint8_t id[4];

	for (unsigned i = 0; i < k->note.sigs; i++) {
		if ((e = epoch_of(k, &k->note.sig[i])) == UINT32_MAX)
			continue;
		if (the != NULL || e >= k->epoch_n || e < k->log.epoch)
			return fault(k, WITNESS_EPOCH_KEY_WRONG);
		the = &k->note.sig[i];
		epoch = e;
	}
	if (the == NULL)
		return fault(k, WITNESS_SIGNATURE_MISSING);
	memcpy(key.pk, k->epochs + (size_t)epoch * 32, 32);
	(void)snprintf(name, sizeof(name), "%s/fs/%04u", k->log.key.name, epoch);
	note_key_id(name, key.pk, id);
	if (the->sig_n != SIGN_BYTES || memcmp(id, the->key_id, 4) != 0 ||
	    crypto_verify(key.pk, k->note.text, k->note.text_n, the->sig) != 0)
		return fault(k, WITNESS_SIGNATURE_BAD);
	k->log.epoch = epoch;
	return 0;
}

/* ---- all of it ----------------------------------------------------------------------------------------------------------- */

static int judge(struct check *k, const struct witness_state *s, const struct vkey *introduced, uint64_t now_s)
{
	int r;

	if ((r = log_find(k, s, introduced)) != 0 || (r = log_signature(k)) != 0)
		return r;
	if (k->c.size == 0)
		return fault(k, WITNESS_GENESIS_BAD);
	k->folder.size = k->c.size;
	if ((r = grown(k)) != 0)
		return r;
	if ((k->is_new && (r = genesis(k)) != 0) || (r = renewals(k)) != 0 || (r = epochs_load(k)) != 0)
		return r;
	if ((r = epoch_signature(k)) != 0)
		return r;
	if (now_s < k->log.time_s)
		return fault(k, WITNESS_CLOCK_BACK);
	k->log.size = k->c.size;
	memcpy(k->log.root, k->c.root, 32);
	k->log.time_s = now_s;
	return 0;
}

/* Put what will be remembered in its place. */
static const struct witness_log *store(struct witness_state *s, const struct witness_log *l)
{
	for (unsigned i = 0; i < s->logs; i++)
		if (strcmp(s->log[i].key.name, l->key.name) == 0) {
			s->log[i] = *l;
			return &s->log[i];
		}
	s->log[s->logs] = *l;
	return &s->log[s->logs++];
}

int witness_check(int dirfd, const char *note, size_t n, const struct vkey *introduced, uint64_t now_s, struct witness_state *state,
    const struct witness_log **ret_log, enum witness_fault *ret_fault)
{
	struct check *k = calloc(1, sizeof(*k));
	int r;

	if (k == NULL)
		return CV_ERR_NOMEM;
	folder_init(&k->folder, dirfd, 0);
	if (note_decode(note, n, &k->note) != 0 || checkpoint_decode(&k->note, &k->c) != 0)
		r = fault(k, WITNESS_FORMAT_BAD);
	else
		r = judge(k, state, introduced, now_s);
	if (r == 0)
		*ret_log = store(state, &k->log);
	else if (r == CV_ERR_AUTH)
		*ret_fault = k->fault;
	folder_clear(&k->folder);
	free(k->epochs);
	free(k);
	return r;
}
