#include "audit_against.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "crypto/crypto.h"
#include "keys/quorum.h"
#include "shares.h"

#define FILE_MAX (1u << 17)
#define PATH_ROOM 4096

/* ---- words ----------------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name, *en, *zh;
} words[COPY_FAULTS] = {
	[COPY_UNREADABLE] = { "copy-unreadable", "%s: does not open, or contradicts itself", "%s：打不开或自相矛盾" },
	[COPY_BEHIND] = { "copy-behind",
		"%s: the copy is older than the log: it ends before the log's checkpoint",
		"%s：副本旧于日志：在日志检查点之前就已结束" },
	[COPY_FORKED] = { "copy-forked", "%s: the copy's log is another history than this log", "%s：副本的日志与本日志是两份不同的历史" },
	[COPY_STORE_BACK] = { "store-rolled-back", "%s: the store is of another time than its log: the newest entry names another state",
	    "%s：存储与日志不属同一时刻：最新记录载明的状态不同" },
	[COPY_SHRED_BACK] = { "shred-rolled-back", "%s: the shred tree is older than the log: what was erased since may be back",
	    "%s：销毁密钥树旧于日志：其后抹除的内容可能重现" },
	[COPY_LOG_BACK] = { "log-rolled-back", "%s: the log ends in an earlier day than the vault's keys know", "%s：日志的末日早于密钥所知的日期" },
	[COPY_STATE] = { "state-mismatch",
		"%s: the rows do not add up to the state that the store names: some are of another time, missing or made up",
	    "%s：各行合计与存储载明的状态不符：有的行属于别的时刻、缺失或系伪造" },
	[COPY_RECORD] = { "record-unreadable", "%s: its head or keys row does not open", "%s：记录头或密钥行打不开" },
	[COPY_MAP] = { "id-moved", "%s: its id leads elsewhere", "%s：其编号指向别处" },
	[COPY_ROW_CHANGED] = { "row-changed", "%s: this is not the row that the head names: changed, or put back from before",
	    "%s：与记录头所载的行不符：被改动，或为旧行重放" },
	[COPY_ROW_MISSING] = { "row-missing", "%s: a row that the head names is missing", "%s：缺少记录头所载的行" },
	[COPY_ROW_SURPLUS] = { "row-surplus", "%s: a row that the head does not name", "%s：有记录头未载的行" },
	[COPY_HISTORY] = { "history-changed", "%s: what was changed since is not what the head counts", "%s：其后的各次修改与记录头所计不符" },
};

const char *against_name(enum copy_fault fault)
{
	return words[fault].name;
}

void against_describe(const struct copy_finding *f, char *ret, size_t n)
{
	(void)snprintf(ret, n, tr(words[f->fault].en, words[f->fault].zh), f->text);
}

/* ---- the secret --------------------------------------------------------------------------------------------------------------- */

static int no_slot(void)
{
	return cli_fail(EXIT_DENIED, "no unseal slot of the copy opens with that", "副本没有可用此方式打开的解封槽");
}

/* The first slot of a type. */
static bool slot_of_type(struct vault *v, enum slot_type type, unsigned *ret_number, struct slot_info *ret)
{
	for (*ret_number = 0; *ret_number < SLOT_COUNT; ++*ret_number)
		if (vault_slot(v, *ret_number, ret) == 0 && ret->type == type)
			return true;
	return false;
}

static int demo_kek(const char *copy, uint8_t ret[32])
{
	char path[PATH_ROOM];
	struct buf b;
	int code;

	if (snprintf(path, sizeof path, "%s/keys/root.key", copy) >= (int)sizeof path)
		return cli_fail(EXIT_FAILED, "the path is too long: %s", "路径过长：%s", copy);
	buf_init(&b, FILE_MAX);
	if ((code = cli_read_file(path, &b)) == 0 && b.n == 32)
		memcpy(ret, b.p, 32);
	else if (code == 0)
		code = cli_fail(EXIT_FAILED, "%s is not a root key", "%s 不是根密钥", path);
	buf_free(&b);
	return code;
}

static int passphrase_kek(const struct slot_info *slot, uint64_t fd, uint8_t ret[32])
{
	struct argon argon = { .mem_kib = slot->argon_kib, .passes = slot->argon_passes };
	struct buf pass;
	int code;

	memcpy(argon.salt, slot->salt, sizeof argon.salt);
	buf_init(&pass, FILE_MAX);
	if ((code = cli_passphrase(fd, tr("Operator's passphrase:", "操作员口令："), false, &pass)) == 0 &&
	    crypto_passphrase(&argon, (const char *)pass.p, pass.n, ret) != 0)
		code = cli_fail(EXIT_FAILED, "the passphrase's key cannot be derived", "无法由口令派生密钥");
	buf_free(&pass);
	return code;
}

/* One share more; *ret_number is the slot that it opens. */
static int enter(struct vault *v, struct quorum *q, const char *file, unsigned *ret_number)
{
	uint8_t bytes[SHARE_BYTES];
	char holder[64];
	struct slot_info slot;
	enum share_verdict verdict = SHARE_BAD;
	struct share s = { 0 };
	int code;

	if ((code = share_read(file, bytes, holder)) != 0)
		goto out;
	if (share_decode(bytes, &s) == 0 && vault_slot(v, s.slot, &slot) == 0 && slot.type == SLOT_QUORUM &&
	    quorum_enter(q, vault_id(v), &slot, &s, clock_mono_ms(), &verdict) != 0)
		code = cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	else if (verdict != SHARE_GOOD && verdict != SHARE_AGAIN)
		code = cli_fail(EXIT_DENIED, "%s: this share does not fit the copy's slot", "%s：此份额与副本的解封槽不符", file);
	*ret_number = s.slot;
out:
	wipe(bytes, sizeof bytes);
	wipe(&s, sizeof s);
	return code;
}

static int shares_kek(struct vault *v, const struct cli_list *shares, unsigned *ret_number, uint8_t ret[32])
{
	struct quorum *q = NULL;
	int code = 0;

	if (quorum_new(&q) != 0)
		return cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	for (size_t i = 0; code == 0 && i < shares->n; i++)
		code = enter(v, q, shares->item[i], ret_number);
	if (code == 0 && !quorum_kek(q, ret))
		code = cli_fail(EXIT_DENIED, "these are not enough shares", "份额不足");
	quorum_free(q);
	return code;
}

static int kek(struct vault *v, const struct against *o, unsigned *ret_number, uint8_t ret[32])
{
	struct slot_info slot;

	if (o->shares.n > 0)
		return shares_kek(v, &o->shares, ret_number, ret);
	if (slot_of_type(v, SLOT_DEMO, ret_number, &slot))
		return demo_kek(o->copy, ret);
	return slot_of_type(v, SLOT_PASSPHRASE, ret_number, &slot) ? passphrase_kek(&slot, o->passphrase_fd, ret) : no_slot();
}

/* ---- the check ------------------------------------------------------------------------------------------------------------------ */

static int open_failed(const char *copy, int r)
{
	if (r == CV_ERR_BUSY || r == CV_ERR_STATE)
		return cli_fail(EXIT_FAILED, "%s is in use: --against wants a copy of the folder, never the one that a daemon works on",
		    "%s 正在使用：--against 须用文件夹的副本，不可用运行中的目录", copy);
	return cli_fail(EXIT_FAILED, "%s is no copy of a vault's folder: %s", "%s 不是档案库文件夹的副本：%s", copy, cv_strerror(r));
}

int against_check(const struct against *o, struct copy_report *ret_report)
{
	struct vault *v = NULL;
	uint8_t key[32] = { 0 };
	unsigned number = 0;
	int code, r;

	if ((r = vault_open(o->copy, &v)) != 0)
		return open_failed(o->copy, r);
	if ((code = kek(v, o, &number, key)) != 0)
		goto out;
	r = vault_copy_check(v, number, key, &o->check, ret_report);
	if (r == CV_ERR_AUTH || r == CV_ERR_NOTFOUND)
		code = no_slot();
	else if (r != 0)
		code = cli_fail(EXIT_FAILED, "%s: %s", "%s：%s", o->copy, cv_strerror(r));
out:
	wipe(key, sizeof key);
	(void)vault_close(v);	/* sealed: nothing is written */
	return code;
}
