/* What stands in entries of the log, in the language of people. Names in English without their hyphens serve where a word is missing. */
#include <stdio.h>
#include <string.h>

#include "audit_gather.h"
#include "base/bytes.h"
#include "format/leaf.h"
#include "format/message.h"

struct word {
	unsigned number;
	const char *en, *zh;
};

static const char *look_up(const struct word *words, size_t n, unsigned number, const char *without)
{
	for (size_t i = 0; i < n; i++)
		if (words[i].number == number)
			return tr(words[i].en, words[i].zh);
	return without;
}
#define LOOK_UP(words, number, without) look_up(words, sizeof words / sizeof words[0], number, without)

const char *word_kind(unsigned kind)
{
	static const struct word words[] = { { LEAF_GENESIS, "vault made", "建库" }, { LEAF_SESSION, "session opened", "登录" },
		{ LEAF_SESSION_END, "session ended", "会话结束" }, { LEAF_READ, "read", "查阅" }, { LEAF_REVEAL, "read in the clear", "明文查阅" },
		{ LEAF_HISTORY, "history read", "查阅历史" }, { LEAF_CREATE, "file made", "新建档案" }, { LEAF_PATCH, "file changed", "修改档案" },
		{ LEAF_LIST, "work list read", "查看工作清单" }, { LEAF_REFUSED, "refused", "拒绝" }, { LEAF_AUDIT_READ, "log read", "查阅日志" },
		{ LEAF_GRANT, "grant approved", "批准授权" }, { LEAF_REVOKE, "approval revoked", "撤销批准" }, { LEAF_REQUEST, "request made",
		"提出申请" },
		{ LEAF_DECISION, "request decided", "审批申请" }, { LEAF_ASSIGNMENT, "assignment made", "分派" },
		{ LEAF_DELEGATION, "delegation made", "委托" }, { LEAF_JOB, "job", "任务" }, { LEAF_GOVERNANCE, "approvals looked at",
		"查看审批事项" },
		{ LEAF_RESULT, "signed act carried out", "执行已签署事项" }, { LEAF_POLICY, "policy changed", "规则变更" },
		{ LEAF_KEYS, "unseal slots", "解封槽" }, { LEAF_START, "start or stop", "启停" }, { LEAF_EPOCH, "day closed", "日终封存" },
		{ LEAF_SEGMENT, "key segment", "密钥段" }, { LEAF_MERGE, "upkeep", "维护" }, { LEAF_SUSPENDED, "member suspended", "停用成员" },
		{ LEAF_RESTORED, "member restored", "恢复成员" }, { LEAF_LOGIN_FAILURES, "failed logins", "登录失败" },
		{ LEAF_EXPORT, "export", "导出" }, { LEAF_RECEIPT, "list of accesses made", "开具查阅清单" },
		{ LEAF_FS_RENEW, "daily keys", "日志日钥" }, { LEAF_REVIEW, "month signed off", "月度审查签署" },
		{ LEAF_SEARCH, "search", "查找" }, { LEAF_COSIGNED, "log cosigned", "日志副署" }, { LEAF_MONTH_KEYS, "month keys", "月密钥" } };

	return LOOK_UP(words, kind, leaf_kind_name(kind));
}

const char *word_group(enum act_group g)
{
	static const struct word words[] = { { ACT_READ, "read in the default view", "查阅（默认视图）" }, { ACT_CLEAR, "read in the clear",
	    "明文查阅" },
		{ ACT_CHANGE, "made or changed", "新建或修改" }, { ACT_LISTED, "work lists", "工作清单" }, { ACT_REFUSED, "refused", "拒绝" },
		{ ACT_OTHER, "other", "其他" } };

	return LOOK_UP(words, g, "");
}

const char *word_group_short(enum act_group g)
{
	static const struct word words[] = { { ACT_READ, "read", "查阅" }, { ACT_CLEAR, "clear", "明文" }, { ACT_CHANGE, "changed", "修改" },
		{ ACT_LISTED, "lists", "清单" }, { ACT_REFUSED, "refused", "拒绝" }, { ACT_OTHER, "other", "其他" } };

	return LOOK_UP(words, g, "");
}

const char *word_outcome(unsigned outcome)
{
	static const struct word words[] = { { 0, "done", "完成" },
		{ OUTCOME_REASON + 1, "purpose forbidden by law", "法律禁止的目的" }, { OUTCOME_REASON + 2, "no such purpose", "没有该目的" },
		{ OUTCOME_REASON + 3, "purpose not of the role", "角色不得用于该目的" }, { OUTCOME_REASON + 4, "case number missing", "缺少个案编号" },
		{ OUTCOME_REASON + 5, "reason missing", "缺少理由" }, { OUTCOME_REASON + 6, "field not for this purpose", "字段不用于该目的" },
		{ OUTCOME_REASON + 7, "another department's field", "字段属于其他部门" }, { OUTCOME_REASON + 8, "no right on the class",
		"对该类别无权限" },
		{ OUTCOME_REASON + 9, "field excepted from the right", "权限不含该字段" }, { OUTCOME_REASON + 10, "no right to the clear text",
		"不得查看明文" },
		{ OUTCOME_REASON + 11, "file of another area", "档案不在本辖区" }, { OUTCOME_REASON + 12, "no assignment or grant", "没有分派或授权" },
		{ OUTCOME_REASON + 13, "approval for another purpose", "批准用于其他目的" }, { OUTCOME_REASON + 14, "class above the assignment",
		"类别高于分派级别" },
		{ OUTCOME_REASON + 15, "grant for other fields", "授权不含该字段" }, { OUTCOME_REASON + 16, "approval expired", "批准已过期" },
		{ OUTCOME_REASON + 17, "reads of the grant used up", "授权次数已用完" }, { OUTCOME_REASON + 18, "grant for a former key",
		"授权所用密钥已更换" },
		{ OUTCOME_REASON + 19, "budget used up", "查阅额度已用完" }, { OUTCOME_REASON + 20, "no key for the class", "没有该类别的密钥" },
		{ OUTCOME_REASON + 21, "may not approve", "无权审批" }, { OUTCOME_REASON + 22, "would approve for themselves", "自我审批" },
		{ OUTCOME_REASON + 23, "would approve mutually", "相互审批" }, { OUTCOME_REASON + 24, "delegation expired", "委托已过期" },
		{ OUTCOME_REASON + 25, "outside the delegation", "超出委托范围" }, { OUTCOME_REASON + 26, "grantee unknown or unfit",
		"被授权人不符合条件" },
		{ OUTCOME_REASON + 27, "decided before", "已有决定" }, { OUTCOME_REASON + 28, "signed for another vault", "签署的是其他档案库" },
		{ OUTCOME_REASON + 29, "operation expired", "操作已过期" }, { OUTCOME_REASON + 30, "log differs", "日志不一致" },
		{ OUTCOME_REASON + 31, "another change came first", "已有其他变更" }, { OUTCOME_REASON + 32, "signature does not fit", "签名不符" },
		{ OUTCOME_REASON + 33, "separation of duties", "违反职责分离" }, { OUTCOME_REASON + 34, "share does not fit", "份额不符" },
		{ PROBLEM_INTEGRITY, "stored data do not open", "存储的数据无法核实" }, { PROBLEM_NOT_FOUND, "no such file", "没有该档案" },
		{ PROBLEM_NOT_PERMITTED, "not permitted", "不允许" }, { PROBLEM_UNAUTHENTICATED, "no session", "未登录" },
		{ PROBLEM_PRECONDITION_FAILED, "changed meanwhile", "期间已被修改" }, { PROBLEM_VALIDATION, "values not valid", "数据不合格" },
		{ PROBLEM_CONFLICT, "conflict", "冲突" }, { PROBLEM_RATE_LIMITED, "too many", "过于频繁" },
		{ OUTCOME_REASON + 35, "guardian's standing in doubt", "监护人资格存疑" }, { OUTCOME_REASON + 37, "another file has this value",
		"其他档案已有此值" },
		{ OUTCOME_REASON + 36, "not cosigned lately", "日志未经见证人及时副署" }, { PROBLEM_BAD_REQUEST, "request not valid", "请求有误" },
		{ PROBLEM_PURPOSE_REQUIRED, "purpose missing", "未说明目的" }, { PROBLEM_BAD_CURSOR, "page mark not valid", "翻页标记无效" },
		{ PROBLEM_INVALID_UTF8, "text not UTF-8", "文本编码有误" }, { PROBLEM_UNKNOWN_FIELD, "no such field", "没有该字段" },
		{ PROBLEM_METHOD_NOT_ALLOWED, "no such call", "没有该调用" } };

	return LOOK_UP(words, outcome, outcome_name(outcome));
}

const char *word_operation(unsigned operation)
{
	static const struct word words[] = { { 1, "member added", "新增成员" }, { 2, "roles given", "授予角色" }, { 3, "keys of roles renewed",
	    "更换角色密钥" },
		{ 4, "classes given to a role", "向角色授予类别" }, { 5, "re-wrap begun", "开始重新包裹" }, { 6, "member removed", "移除成员" },
		{ 7, "member restored", "恢复成员" }, { 8, "policy put in force", "规则生效" }, { 9, "new split allowed", "允许重新拆分" } };

	return LOOK_UP(words, operation, tr("operation", "操作"));
}

/* ---- one entry in a sentence --------------------------------------------------------------------------------------------- */

static void note_start(const struct tally_note *x, char *ret, size_t n)
{
	static const struct word words[] = { { 1, "the daemon started", "服务启动" }, { 2, "the daemon stopped", "服务正常停止" },
		{ 3, "the vault was sealed", "档案库被封存" } };
	const uint8_t *p = x->clear;
	uint64_t cut = x->clear_n >= 17 ? be64_get(p + 9) : 0;
	size_t at = (size_t)snprintf(ret, n, "%s", x->clear_n > 0 ? LOOK_UP(words, p[0], "") : "");

	if (cut > 0 && at < n)
		snprintf(ret + at, n - at, tr("; %llu bytes of an unfinished block were cut", "；切除未写完的块 %llu 字节"), (unsigned long long)cut);
}

static void note_result(const struct tally_note *x, char *ret, size_t n)
{
	if (x->clear_n >= 3 && x->clear[0] == 2)
		snprintf(ret, n, tr("%s, signed by two administrators", "%s，由两名管理员签署"), word_operation(be16_get(x->clear + 1)));
	else
		snprintf(ret, n, "%s", tr("the vault was signed for by its administrators", "管理员签署建库内容"));
}

static void note_slot(const struct tally_note *x, char *ret, size_t n)
{
	const uint8_t *p = x->clear;

	if (x->clear_n >= 4 && p[0] == 1)
		snprintf(ret, n, tr("share %u of slot %u was shown: %s", "出示解封槽份额（第 %u 份，槽 %u）：%s"), p[2], p[1],
		    p[3] == 0 ? tr("it fits", "相符") : tr("it does not fit", "不符"));
	else if (x->clear_n >= 4 && p[0] == 2)
		snprintf(ret, n, tr("slot %u has a new split: %u of %u", "解封槽 %u 重新拆分：%u/%u"), p[1], p[2], p[3]);
	else
		snprintf(ret, n, "%s", tr("a new split was begun", "开始重新拆分"));
}

void word_note(const struct gathered *g, const struct tally_note *x, char *ret, size_t n)
{
	char who[GATHER_NAME];

	ret[0] = 0;
	switch (x->act.kind) {
	case LEAF_START: note_start(x, ret, n); break;
	case LEAF_RESULT: note_result(x, ret, n); break;
	case LEAF_KEYS: note_slot(x, ret, n); break;
	case LEAF_FS_RENEW:
		snprintf(ret, n, "%s", x->clear_n > 0 && x->clear[0] == 1 ? tr("further daily keys for the log", "续设日志日钥") :
		    tr("an operator confirmed the date", "操作员确认日期"));
		break;
	case LEAF_POLICY:
		if (x->clear_n >= 4)
			snprintf(ret, n, tr("policy version %u came into force", "规则第 %u 版生效"), be32_get(x->clear));
		break;
	case LEAF_SUSPENDED:
	case LEAF_RESTORED:
		snprintf(ret, n, tr("%s: %s", "%s：%s"), word_kind(x->act.kind), gather_person(g, x->act.about, who));
		break;
	case LEAF_LOGIN_FAILURES:
		snprintf(ret, n, tr("%u failed logins", "登录失败 %u 次"), x->act.count);
		break;
	default:
		snprintf(ret, n, "%s%s%s", word_kind(x->act.kind), x->act.outcome != 0 ? tr(": ", "：") : "",
		    x->act.outcome != 0 ? word_outcome(x->act.outcome) : "");
	}
}
