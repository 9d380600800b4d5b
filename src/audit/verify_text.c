/* Names and sentences of findings, in English and Chinese. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "childvault_audit.h"

struct words {
	const char *name;
	const char *en;
	const char *zh;
};

/* %F stands for the file, %L for the leaf or range of leaves, %E for the epoch, %P for the position. */
static const struct words words[CHILDVAULT_AUDIT_KINDS] = {
	[CHILDVAULT_AUDIT_FORMAT_BAD] = { "format-bad", "%F%L: these bytes do not follow the format", "%F%L：字节不符合格式" },
	[CHILDVAULT_AUDIT_VKEY_DIFFERS] = { "vkey-differs", "log.vkey in the folder is not the key that you trust",
		"文件夹中的 log.vkey 不是您所信任的公钥" },
	[CHILDVAULT_AUDIT_CHECKPOINT_MISSING] = { "checkpoint-missing", "there is no checkpoint: nothing here is signed",
		"没有检查点：这里的内容均未签名" },
	[CHILDVAULT_AUDIT_ORIGIN_WRONG] = { "origin-wrong", "%F was signed for another log", "%F 是为另一日志签名的" },
	[CHILDVAULT_AUDIT_SIGNATURE_MISSING] = { "signature-missing", "%F lacks a signature that it must have", "%F 缺少必需的签名" },
	[CHILDVAULT_AUDIT_SIGNATURE_BAD] = { "signature-bad",
		"%F: a signature does not fit: the text was changed, or another key signed it",
		"%F：签名不符：内容被改动，或由其他密钥签名" },
	[CHILDVAULT_AUDIT_EPOCH_KEY_WRONG] = { "epoch-key-wrong", "%F was signed by the key of day %E, which is not the day of its leaves",
		"%F 由第 %E 日的密钥签名，与其记录所属日期不符" },
	[CHILDVAULT_AUDIT_EPOCHS_CHANGED] = { "epochs-changed", "the list of daily keys is not the one that leaf 0 commits to",
		"每日公钥清单与第 0 条记录所承诺的不符" },
	[CHILDVAULT_AUDIT_GENESIS_BAD] = { "genesis-bad", "%F%L: the log does not begin as a vault's log does", "%F%L：日志的开头不是档案库应有的开头" },
	[CHILDVAULT_AUDIT_LOG_KEY_WRONG] = { "log-key-wrong",
		"leaf 0 names another log key or origin than the verifier key: somebody re-signed this log",
		"第 0 条记录所载的日志密钥或来源与验证公钥不同：此日志被他人重新签名" },
	[CHILDVAULT_AUDIT_GENESIS_SIGNATURE_BAD] = { "genesis-signature-bad", "%L: an administrator's signature of leaf 0 does not fit",
		"%L：管理员对第 0 条记录的签名不符" },
	[CHILDVAULT_AUDIT_GENESIS_UNSIGNED] = { "genesis-unsigned", "fewer than two different administrators have signed leaf 0",
		"对第 0 条记录签名的管理员不足两人" },
	[CHILDVAULT_AUDIT_BUNDLE_MISSING] = { "bundle-missing", "%F%L: these entries are missing", "%F%L：缺少这些记录" },
	[CHILDVAULT_AUDIT_LEAF_CHANGED] = { "leaf-changed", "%L was changed (%F)", "%L被改动（%F）" },
	[CHILDVAULT_AUDIT_INDEX_WRONG] = { "index-wrong", "%L says that it stands elsewhere (%F)", "%L自述的序号与位置不符（%F）" },
	[CHILDVAULT_AUDIT_EPOCH_ORDER] = { "epoch-order", "%L: day %E begins out of order, or without the end of the day before",
		"%L：第 %E 日次序不对，或前一日未封存" },
	[CHILDVAULT_AUDIT_SEGMENT_UNKNOWN] = { "segment-unknown", "%L is sealed under a key that no entry gave to the auditors",
		"%L所用的密钥没有任何记录交给审计员" },
	[CHILDVAULT_AUDIT_TIME_BACKWARDS] = { "time-backwards", "%L: the clock went back", "%L：时钟倒退" },
	[CHILDVAULT_AUDIT_TILE_MISSING] = { "tile-missing", "%F is missing", "缺少 %F" },
	[CHILDVAULT_AUDIT_TILE_CHANGED] = { "tile-changed", "%F was changed at hash %P", "%F 的第 %P 个散列被改动" },
	[CHILDVAULT_AUDIT_ROOT_MISMATCH] = { "root-mismatch",
		"%F: the root of these entries is not the signed one; the difference lies in %L",
		"%F：记录的根散列与签名的不同；差异在%L之中" },
	[CHILDVAULT_AUDIT_SEAL_MISSING] = { "seal-missing", "day %E was closed, but %F is missing", "第 %E 日已封存，但缺少 %F" },
	[CHILDVAULT_AUDIT_SEAL_ORDER] = { "seal-order", "%F does not follow the seal before it, or does not end with the closing of day %E",
		"%F 与前一封存不衔接，或未以第 %E 日的封存记录结尾" },
	[CHILDVAULT_AUDIT_LOG_TRUNCATED] = { "log-truncated", "the log was cut: %L was signed (%F) and is not here",
		"日志被截断：%L曾经签名（%F），此处却没有" },
	[CHILDVAULT_AUDIT_TAIL_TORN] = { "tail-torn", "%F is torn at %L", "%F 在%L处断裂" },
	[CHILDVAULT_AUDIT_SIZE_AHEAD] = { "size-ahead", "%L: written after the checkpoint, not yet signed", "%L：写于检查点之后，尚未签名" },
	[CHILDVAULT_AUDIT_EPOCH_SKIPPED] = { "epoch-skipped",
		"%L: days from %E on were closed together, and no operator has confirmed it", "%L：自第 %E 日起数日被一并封存，且未经操作员确认" },
	[CHILDVAULT_AUDIT_EPOCHS_AHEAD] = { "epochs-ahead", "the list has daily keys from day %E on that no leaf commits to yet",
		"清单中自第 %E 日起的公钥尚无记录作出承诺" },
	[CHILDVAULT_AUDIT_LOG_FORKED] = { "log-forked",
		"%F: this log has signed another history as well: it differs from this one within %L",
		"%F：此日志还签署过另一份历史，与本份在%L之中不同" },
	[CHILDVAULT_AUDIT_POLICY_STRANGER] = { "policy-stranger", "%F: the policy file does not name this log and its key",
		"%F：策略文件中没有此日志及其公钥" },
	[CHILDVAULT_AUDIT_COSIGNATURE_BAD] = { "cosignature-bad", "%F: a cosignature by a witness of the policy does not fit",
		"%F：策略所列见证方的副署不符" },
	[CHILDVAULT_AUDIT_QUORUM_MISSING] = { "quorum-missing", "%F: fewer witnesses have cosigned this log than the policy asks for",
		"%F：副署此日志的见证方少于策略所要求的数目" },
	[CHILDVAULT_AUDIT_TAGS_CHANGED] = { "tags-changed", "%F says something else about %L than the entries themselves",
		"%F 关于%L的内容与记录本身不符" },
	[CHILDVAULT_AUDIT_DOCUMENT_CHANGED] = { "document-changed", "%F is not the policy document that its name stands for",
		"%F 不是其名称所指的规则文档" },
};

const char *childvault_audit_name(enum childvault_audit_kind kind)
{
	return (unsigned)kind < CHILDVAULT_AUDIT_KINDS ? words[kind].name : "unknown";
}

/* Append formatted text to the n bytes at ret, of which *at are used; what does not fit is cut. */
static void put(char *ret, size_t n, size_t *at, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
static void put(char *ret, size_t n, size_t *at, const char *fmt, ...)
{
	va_list ap;
	int k;

	if (*at + 1 >= n)
		return;
	va_start(ap, fmt);
	k = vsnprintf(ret + *at, n - *at, fmt, ap);
	va_end(ap);
	if (k > 0)
		*at = (size_t)k < n - *at ? *at + (size_t)k : n - 1;
}

static void put_leaf(const struct childvault_audit_finding *f, int zh, char *ret, size_t n, size_t *at)
{
	if (f->leaf == CHILDVAULT_AUDIT_NONE)
		return;
	if (f->last_leaf != CHILDVAULT_AUDIT_NONE && f->last_leaf != f->leaf)
		put(ret, n, at, zh ? "第 %llu 至 %llu 条记录" : "leaves %llu to %llu", (unsigned long long)f->leaf,
		    (unsigned long long)f->last_leaf);
	else
		put(ret, n, at, zh ? "第 %llu 条记录" : "leaf %llu", (unsigned long long)f->leaf);
}

void childvault_audit_describe(const struct childvault_audit_finding *f, const char *lang, char *ret, size_t n)
{
	int zh = lang != NULL && strncmp(lang, "zh", 2) == 0;
	const char *s = (unsigned)f->kind < CHILDVAULT_AUDIT_KINDS ? (zh ? words[f->kind].zh : words[f->kind].en) : "?";
	size_t at = 0;

	if (n == 0)
		return;
	ret[0] = '\0';
	for (; *s != '\0'; s++) {
		if (*s != '%') {
			put(ret, n, &at, "%c", *s);
			continue;
		}
		switch (*++s) {
		case 'F':
			put(ret, n, &at, "%s", f->file);
			if (s[1] == '%' && f->file[0] != '\0' && f->leaf != CHILDVAULT_AUDIT_NONE)
				put(ret, n, &at, ", ");
			break;
		case 'L':
			put_leaf(f, zh, ret, n, &at);
			break;
		case 'E':
			put(ret, n, &at, "%lld", f->epoch == CHILDVAULT_AUDIT_NONE ? -1ll : (long long)f->epoch);
			break;
		default:
			put(ret, n, &at, "%lld", f->position == CHILDVAULT_AUDIT_NONE ? -1ll : (long long)f->position);
		}
	}
}
