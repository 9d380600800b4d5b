/*
 * Sentences that the library, the profile compiler and the daemon make in English, in Chinese. A '%' stands for what is
 * different each time and is taken over; what stands last is looked up itself. A sentence that is missing here is shown as
 * it came: better English than nothing.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

#define HOLES 3u

struct sentence {
	const char *en, *zh;
};

static const struct sentence sentences[] = {
	/* the library's */
	{ "this key opens no session here: unknown or suspended principal, or wrong passphrase", "此密钥在本库不能登录：人员不存在、已停用或口令错误" },
	{ "this key does not open a role that was asked for", "此密钥打不开所请求的角色" },
	{ "this is not a key file", "不是密钥文件" },
	{ "this key file wants its passphrase", "此密钥文件需要口令" },
	{ "the key file's parameters are outside the allowed range", "密钥文件的参数超出允许范围" },
	{ "out of memory", "内存不足" },
	{ "an argument is outside its range", "参数超出范围" },
	{ "the daemon's answer does not follow the protocol", "服务的应答不符合协议" },
	{ "the vault cannot be reached at %: %", "无法连接 % 处的档案库：%" },
	{ "the vault's log is not what it was: it went back, was forked, or is another one than the log of % entries seen before",
	    "档案库的日志与以前不同：它倒退了、被分叉了，或不是以前见过的那份 % 条的日志" },
	/* of cosignatures */
	{ "the policy names no witnesses", "规则未指明见证人" },
	{ "administrators and auditors bring cosignatures", "只有管理员和审计员可交回见证签名" },
	{ "this is no signed checkpoint", "这不是经签名的检查点" },
	{ "no witness of the policy has cosigned it, or it is another log's", "规则所列见证人均未签署，或属于另一份日志" },
	{ "a signature does not verify", "签名核验不通过" },
	{ "the witness's clock is ahead of this one", "见证人的时钟超前" },
	{ "% within % minutes: too few witnesses have cosigned the log lately", "%：最近 % 分钟内为日志作见证的见证人不足" },
	/* why the daemon refused: demo vaults say so */
	{ "no such record", "没有该档案" },
	{ "the store has no room", "存储空间不足" },
	{ "a stored row does not open where it stands", "存储的数据在其位置上打不开" },
	{ "the session holds no key for this class", "会话没有该类别的密钥" },
	{ "every data request names its purpose in CV-Purpose", "每次访问数据都须说明目的" },
	{ "the policy knows no such purpose", "规则中没有该目的" },
	{ "the purpose % wants a case number in CV-Case", "目的 % 须注明个案编号" },
	{ "view=clear wants a reason in CV-Reason", "查看明文须说明理由" },
	{ "only an auditor's role reads the log", "只有审计员角色可读日志" },
	{ "field % of class %: %", "类别 % 的字段 %：%" },
	{ "field %: %", "字段 %：%" },
	{ "no active role may act for this purpose", "所用角色均不得用于该目的" },
	{ "the field is not for this purpose", "该字段不用于该目的" },
	{ "no active role has the right on the field's class", "所用角色对该字段所属类别均无权限" },
	{ "no active role may reveal the field's class", "所用角色均不得查看该类别的明文" },
	{ "too many attempts", "尝试过于频繁" },
	{ "the work list is being made", "工作清单正在建立" },
	{ "area= is a division code of at most 12 digits", "area= 应为至多 12 位的区划代码" },
	{ "due= is overdue or a quarter such as 2026Q4", "due= 应为 overdue 或季度，如 2026Q4" },
	{ "state= is no state of a record", "state= 不是档案状态" },
	{ "limit= is 1 to %", "limit= 应为 1 至 %" },
	{ "the cursor is of another caller, question or vault", "翻页位置属于其他用户、其他查询或其他档案库" },
	{ "the cursor is of another caller, list or vault", "翻页位置属于其他用户、其他列表或其他档案库" },
	{ "no active role reads anything for this purpose: %", "所用角色不得为该目的读取任何内容：%" },
	{ "no active role may start jobs: %", "所用角色均不得启动任务：%" },
	{ "the policy has no field to compute", "规则中没有需要计算的字段" },
	{ "% jobs wait: resume or cancel one", "已有 % 个任务等待：请继续或取消其中之一" },
	{ "no such job", "没有该任务" },
	{ "no such member", "没有该成员" },
	{ "keys are listed, not read one by one", "密钥只能列出，不能逐个读取" },
	{ "keys are made by operations on the directory", "密钥由对目录的操作产生" },
	{ "only administrators, custodians and auditors see the inventory of keys", "密钥清单只供管理员、保管员和审计员查看" },
	{ "only administrators, custodians, auditors and who assigns read it", "只供管理员、保管员、审计员和有指派权的人员读取" },
	{ "members are shown to administrators, auditors and who assigns", "成员信息只供管理员、审计员和有指派权的人员查看" },
	{ "two administrators of different persons must be left, or nobody could restore anybody", "须至少保留两名不同自然人的管理员，否则无人能恢复成员" },
	{ "two administrators restore a member: a request of kind restore, and its approval", "恢复成员须两名管理员：先提交 restore 申请，再批准" },
	{ "the member is not suspended", "该成员未被停用" },
	{ "accounts are the security administrator's: %", "成员账号由安全管理员管理：%" },
	{ "the operation is another vault's", "该操作属于其他库" },
	{ "the operation's time is over, or has not begun", "该操作已过期或尚未生效" },
	{ "the log is not the one on which the operation was made", "当前日志与提请时的日志不符" },
	{ "another change of the directory came first", "名录已先有其他变更，请重新提请" },
	{ "the signature is not the caller's of this operation", "签名与本人或本操作不符" },
	{ "the rules of separation do not allow these people", "不符合岗位分离规则" },
	{ "a share does not open or does not fit its commitments", "份额无法打开或与承诺不符" },
	{ "another custodian's: these are in", "须由另一名保管员交出：这些份额已收到" },
	{ "first the signature of who asked", "须先由提请人签名" },
	{ "an administrator who signed first and may still act", "首签管理员须仍可履职" },
	{ "first the signatures of two administrators", "须先由两名管理员签名" },
	{ "two administrators who signed and may still act", "已签名的两名管理员须仍可履职" },
	{ "a ceremony that was opened, at most a quarter of an hour ago", "仪式须已开启且未超过一刻钟" },
	{ "this custodian has no share: %", "该保管员不持有份额：%" },
	{ "custodians hold the shares: %", "份额由保管员持有：%" },
	{ "who asked signs first: %", "由提请人首先签名：%" },
	{ "one person's shares count once: %", "同一自然人的份额只计一次：%" },
	{ "1 to 7 different roles of the policy, for this kind of principal, with custody shares", "1 至 7 个不同角色，适用于此类主体，且有保管份额" },
	{ "text of a public file that proves itself and whose keys, id and name are nobody's here", "可自证的公开文件，其密钥、编号、名称在库中均无人使用" },
	{ "login name of somebody who is the same natural person", "同一自然人在库中的登录名" },
	{ "one line of at most 255 bytes", "单行文本，至多 255 字节" },
	{ "date YYYY-MM-DD, today or at most a year before", "日期 YYYY-MM-DD，不晚于今日，且在一年之内" },
	{ "date YYYY-MM-DD, today or later", "日期 YYYY-MM-DD，不早于今日" },
	{ "base64 of one sealed share of each role, 112 bytes each", "每个角色一份加密份额的 base64，各 112 字节" },
	{ "the administrator who asked may not act any more", "提出申请的管理员已不能履职" },
	{ "the job is over", "任务已结束" },
	{ "jobs are listed by state, principal or waiting=me", "任务可按状态、人员或 waiting=me 筛选" },
	{ "the session was not opened", "会话未能打开" },
	{ "write-only roles name no version in If-Match", "只写角色不指明版本" },
	{ "If-Match is required of those who can read", "有读权限者须指明所读版本" },
	{ "the record has changed since that version", "该版本之后档案已有修改" },
	{ "no field is given", "未给出字段" },
	/* why the policy refuses, docs/POLICY.md section 1 */
	{ "the law forbids this purpose", "法律禁止此目的" },
	{ "the purpose wants a case number in CV-Case", "该目的须注明个案编号" },
	{ "another department is the source of the field", "该字段的数源部门是另一部门" },
	{ "the role's right does not extend to this field", "权限不及于此字段" },
	{ "the record lies in another area", "该档案在另一辖区" },
	{ "no assignment or grant covers the record", "没有指派或授权涵盖该档案" },
	{ "the assignment or grant is for other purposes", "指派或授权的目的不同" },
	{ "the class is above the assignment's level: a grant is needed", "该类别高于指派的级别，须单独授权" },
	{ "the grant is for other fields", "授权所列字段不同" },
	{ "the assignment or grant has ended", "指派或授权已到期" },
	{ "the grant's reads are used", "授权次数已用完" },
	{ "the grant is for a data key that is not in use any more", "授权对应的数据密钥已不再使用" },
	{ "the records of this window are used up", "本时段的档案份数已用完" },
	{ "the session holds no key for the class", "会话没有该类别的密钥" },
	{ "no active role and no delegation may approve this", "所用角色和委托均不能批准此事" },
	{ "grantee and approver are one person", "申请人与批准人为同一人" },
	{ "the grantee granted the approver access to the same record", "批准人在同一档案中曾由申请人授权" },
	{ "the delegation has ended", "委托已到期" },
	{ "the delegation does not cover this purpose or area", "委托不含此目的或辖区" },
	{ "the person is unknown, suspended or without a role for this", "该人不存在、已停用或没有所需角色" },
	{ "this was decided before", "此事先前已决定" },
	/* profiles: their form */
	{ "% is not a name", "% 不是合格的名称" },
	{ "a value is missing", "缺少值" },
	{ "% is missing", "缺少 %" },
	{ "key % stands twice, first in line %", "键 % 重复，首见于第 % 行" },
	{ "unknown key %", "未知的键 %" },
	{ "a list is expected", "此处应为列表" },
	{ "a map is expected", "此处应为映射" },
	{ "one value is expected", "此处应为单个值" },
	{ "at most % entries are possible", "最多 % 项" },
	{ "the text is longer than % bytes", "文字超过 % 字节" },
	{ "the text holds a control character or more than one line", "文字含有控制字符或不止一行" },
	{ "a number from % to % is expected", "应为 % 至 % 的数" },
	{ "an amount from % to % fen is expected", "应为 % 至 % 分的金额" },
	{ "only a field of integers has a standard", "只有整数字段可有标准（standard）" },
	{ "true or false is expected", "应为 true 或 false" },
	{ "the id is taken by line %", "该编号已用于第 % 行" },
	{ "there is no purpose %", "没有目的 %" },
	{ "there is no index %", "没有索引 %" },
	{ "an index is exact or bucket", "索引类型为 exact 或 bucket" },
	{ "only an exact index can be unique", "只有 exact 索引可以是唯一的" },
	{ "who searches reads what is searched: %", "可检索者须可读取被检索的类别：%" },
	{ "programs start jobs and are told of duplicates, persons assign and approve", "程序只能启动任务和获知重复，分派和审批由人员进行" },
	{ "the standing comes from a code whose list has active, and others", "资格字段的代码表须含 active 及其他代码" },
	{ "another field says it already: %", "已有其他字段：%" },
	{ "purpose % stands twice", "目的 % 重复" },
	{ "there is no class %", "没有类别 %" },
	{ "there is no department %", "没有部门 %" },
	{ "there is no list of codes %", "没有代码表 %" },
	{ "there is no type %", "没有类型 %" },
	{ "there is no validator %", "没有校验规则 %" },
	{ "there is no view %", "没有视图 %" },
	{ "there is no kind %", "没有种类 %" },
	{ "there is no right %", "没有权限 %" },
	{ "right % stands twice", "权限 % 重复" },
	{ "code % stands twice", "代码 % 重复" },
	{ "member % stands twice", "成员 % 重复" },
	{ "no right is no entry", "无权限者不列" },
	{ "no act is no entry", "无职能者不列" },
	{ "no field is no entry", "无字段者不列" },
	{ "no department is no entry", "无部门者不列" },
	{ "there is no field %", "没有字段 %" },
	{ "there is no rule %", "没有判断规则 %" },
	{ "there is no approval %", "没有审批方式 %" },
	{ "there is no act %", "没有职能 %" },
	{ "field % stands twice", "字段 % 重复" },
	{ "department % stands twice", "部门 % 重复" },
	{ "act % stands twice", "职能 % 重复" },
	{ "a predicate is of some field", "判断须有所依据的字段" },
	{ "a predicate's value has a fixed shape", "判断字段的值有固定形式" },
	{ "a list of codes is not empty", "代码表不得为空" },
	{ "the rule of this field fixes its length to % bytes", "该字段的校验规则规定长度为 % 字节" },
	{ "a code needs codes or a validator", "代码类型须有代码表或校验规则" },
	{ "a group has members", "组须有成员" },
	{ "a list stands in no other list or group", "列表不得置于列表或组中" },
	{ "a group stands in no other group", "组不得置于组中" },
	{ "a view is one entry, its view class and what it shows", "视图为一项：视图类别和展示方式" },
	{ "a field has one owner", "字段只有一个主管部门" },
	{ "at most % classes are possible", "最多 % 个类别" },
	{ "the policy document would be longer than % bytes", "规则文档将超过 % 字节" },
	{ "a profile has at most % bytes", "规则文件最多 % 字节" },
	{ "not YAML", "不是 YAML" },
	{ "the profile is empty", "规则文件为空" },
	{ "a profile is one document", "规则文件只含一个文档" },
	{ "the profile has too many entries", "规则文件的项过多" },
	{ "too many entries", "项过多" },
	{ "the profile is nested too deeply", "规则文件嵌套过深" },
	{ "a text holds a NUL character", "文字含有 NUL 字符" },
	{ "anchors are not allowed", "不允许锚点" },
	{ "aliases are not allowed", "不允许别名" },
	{ "tags are not allowed", "不允许标签" },
	{ "merge keys are not allowed", "不允许合并键" },
	{ "directives are not allowed", "不允许指令" },
	{ "a key is a plain word", "键须为不带引号的单词" },
	/* profiles: their rules, docs/FORMAT.md 11.2 */
	{ "there is no department", "没有部门" },
	{ "this name is taken", "该名称已被使用" },
	{ "this is no verifier key of a witness", "这不是见证人的验证公钥" },
	{ "the verifier key was not copied as it is: name, hash and key do not fit together", "验证公钥抄写有误：名称、散列与公钥不相符" },
	{ "this cannot be a witness's name", "见证人不能用此名称" },
	{ "this key is another witness's too", "此公钥也是另一见证人的" },
	{ "without witnesses the section is left out", "没有见证人则不写此段" },
	{ "a quorum is at least one witness and at most all of them", "法定人数至少一名、至多为全部见证人" },
	{ "this purpose is prohibited by law", "法律禁止该目的" },
	{ "this view class has no source class", "该视图类别没有来源类别" },
	{ "a view class is named after its source class", "视图类别须以来源类别命名" },
	{ "a view class is hidden exactly if its source class is", "视图类别与来源类别须同为隐藏或同为公开" },
	{ "a level is 1 to 5", "级别为 1 至 5" },
	{ "a class of level 5 needs its legal reason", "5 级类别须写明法律依据" },
	{ "source classes are multiples of 16 below 0x4000", "来源类别编号为 0x4000 以下的 16 的倍数" },
	{ "the name of a source class has no dot", "来源类别的名称不含点" },
	{ "this validator does not judge values of this type", "该校验规则不适用于该类型" },
	{ "only codes have a list of codes", "只有代码类型有代码表" },
	{ "a code needs a list of codes or a validator", "代码类型须有代码表或校验规则" },
	{ "the longest value has a length that does not fit", "最大长度不合适" },
	{ "the validator refuses a code of the list", "校验规则不接受代码表中的一个代码" },
	{ "a view stands in a view class of the field's class", "视图须属于字段所在类别的视图类别" },
	{ "a view class holds one view of a field", "一个视图类别只含字段的一个视图" },
	{ "this view cannot be computed from such a field", "该字段不能生成这种视图" },
	{ "this view compares with the field's standard, and there is none", "这种视图须与字段的标准（standard）比较，但未填标准" },
	{ "a standard is 1 to 10000000000000 fen", "标准为 1 至 10000000000000 分" },
	{ "the area comes from a field with validator v8", "区划须取自校验规则为 v8 的字段" },
	{ "the due quarter comes from a date", "到期季度须取自日期字段" },
	{ "another field gives the area already", "已有字段给出区划" },
	{ "another field gives the due quarter already", "已有字段给出到期季度" },
	{ "field ids are 1 to 0x3FFF", "字段编号为 1 至 0x3FFF" },
	{ "a field stands in a source class", "字段须属于来源类别" },
	{ "a field of a hidden class is in no notice", "隐匿类别的字段不得公示" },
	{ "a field of a hidden class is in no statistics", "隐匿类别的字段不得统计" },
	{ "a notice shows no identity number in clear", "公示不得出现完整的身份证号" },
	{ "what notices show rebuilds an identity number", "公示内容合起来可还原身份证号" },
	{ "the state comes from a code whose list holds states only", "状态须取自代码表只含状态名的字段" },
	{ "the work list takes nothing from a hidden class", "工作清单不得取自隐匿类别" },
	{ "another field gives the state already", "已有字段给出状态" },
	{ "another field says from when the area counts", "已有字段给出区划生效日" },
	{ "the day from which an area counts is a date", "区划生效日须为日期字段" },
	{ "no field of the same class gives the area", "同类别中没有给出区划的字段" },
	{ "the owner is no delegate of itself", "数源部门不必委托自己" },
	{ "who writes the field at any time does not collect it", "随时可填写的部门不列为采集部门" },
	{ "only a list of codes folds one of them", "只有代码列表可折叠其中的代码" },
	{ "a code is folded into another one", "代码须折叠为另一代码" },
	{ "the field's list has no such code", "该字段的代码表中没有此代码" },
	{ "the field that takes the code does not exist", "接收该代码的字段不存在" },
	{ "the field that takes the code stands in a hidden class of its own", "接收该代码的字段须属于另一隐匿类别" },
	{ "the field that takes the code is a list with that code", "接收该代码的字段须为含此代码的列表" },
	{ "a predicate's value is a group of as_of, value and version", "判断字段的值是 as_of、value、version 的组" },
	{ "an input does not exist", "所依据的字段不存在" },
	{ "a predicate is no input of another", "判断字段不得作为另一判断的依据" },
	{ "all inputs of a predicate stand in one class", "判断所依据的字段须属于同一类别" },
	{ "what a hidden class holds is told in hidden classes only", "隐匿类别的内容只能在隐匿类别中体现" },
	{ "a predicate is computed, nobody hands it in", "判断由系统计算，任何部门不得提交" },
	{ "all_in and any_in name codes, any_present names none", "all_in 和 any_in 须列代码，any_present 不列" },
	{ "no input can hold this code", "所依据的字段不可能为此代码" },
	{ "an input that is compared holds codes", "用于比较的字段须为代码" },
	{ "no role with the act job opens the inputs and writes the predicate", "没有具 job 职能的角色能读取依据并写入判断" },
	{ "a role that reads says whether it needs approval: assignment or none", "可读取的角色须写明审批方式：assignment 或 none" },
	{ "the owner is no department", "主管部门不存在" },
	{ "a field needs a purpose", "字段须有目的" },
	{ "a role that writes a class reads all its view classes", "能写某类别的角色须能读其全部视图类别" },
	{ "a view class can only be read", "视图类别只能读" },
	{ "write_only stands alone", "write_only 不与其他权限并列" },
	{ "who writes without read or reveal has write_only", "只写不读者的权限为 write_only" },
	{ "a role's id is 1 to 0x7FFF: those above are personal roles", "角色编号为 1 至 0x7FFF，其上为个人角色" },
	{ "the department does not exist", "部门不存在" },
	{ "the kind does not exist", "种类不存在" },
	{ "administrators, custodians and auditors hold no class", "管理员、保管员和审计员不得持有类别" },
	{ "the audit log is read by auditors", "审计日志由审计员阅读" },
	{ "the right to grant is for source classes", "批准授权的权限只用于来源类别" },
	{ "grants are approved by persons", "授权只能由人员批准" },
	{ "an exception is of a right and a field that exist", "例外须针对已有的权限和字段" },
	{ "an exception names a field that the class does not hold", "例外所列字段不在该类别中" },
	{ "an area bounds a role that holds a class", "辖区限制须用于有类别权限的角色" },
	{ "no field gives the area of a record", "没有字段给出档案的区划" },
	{ "approval is asked of a role that reads", "审批须用于可读取的角色" },
	{ "a budget has records and hours", "限额须有份数和小时数" },
	{ "a budget bounds a role that reads", "限额须用于可读取的角色" },
	{ "administrators, custodians and auditors have no acts", "管理员、保管员和审计员没有职能" },
	{ "programs start jobs, persons assign and approve", "程序只能启动作业，指派和批准须由人员进行" },
	{ "a role with acts needs a purpose", "有职能的角色须有目的" },
	{ "a role with rights needs a purpose", "有权限的角色须有目的" },
	{ "the role's views together rebuild an identity number", "该角色的视图合起来可还原身份证号" },
};
#define SENTENCES (sizeof sentences / sizeof sentences[0])

struct hole {
	const char *p;
	size_t n;
};

/* Whether text is the pattern's; what its holes hold goes to ret. The last hole reaches to the end, each other as far as it must. */
static bool fits(const char *pattern, const char *text, struct hole ret[HOLES])
{
	const char *end;
	unsigned n = 0;

	for (;;) {
		size_t plain = strcspn(pattern, "%");

		if (strncmp(pattern, text, plain) != 0)
			return false;
		pattern += plain;
		text += plain;
		if (*pattern == 0)
			return *text == 0;
		pattern++;
		plain = strcspn(pattern, "%");
		if (plain == 0) {
			end = text + strlen(text);
		} else if (pattern[plain] == 0) {	/* what follows ends the text */
			size_t rest = strlen(text);

			end = rest >= plain ? text + rest - plain : text;
		} else {
			end = text;
			while (*end != 0 && strncmp(end, pattern, plain) != 0)
				end++;
		}
		if (n == HOLES)
			return false;
		ret[n++] = (struct hole){ text, (size_t)(end - text) };
		text = end;
	}
}

static void put(char *ret, size_t room, const char *p, size_t n)
{
	size_t at = strlen(ret);

	(void)snprintf(ret + at, room - at, "%.*s", (int)n, p);	/* cut if it does not fit */
}

static void in_chinese(const char *text, char *ret, size_t room);

/* The order of holes in Chinese: "field % of class %" names the class first. */
static void fill(const struct sentence *s, const struct hole hole[HOLES], char *ret, size_t room)
{
	bool swapped = strncmp(s->en, "field % of class", 16) == 0;
	char inner[512];
	unsigned n = 0;

	for (const char *p = s->zh; *p != 0; p++) {
		size_t plain = strcspn(p, "%");

		put(ret, room, p, plain);
		p += plain;
		if (*p == 0)
			return;
		if (p[1] == 0) {
			snprintf(inner, sizeof inner, "%.*s", (int)hole[n].n, hole[n].p);
			in_chinese(inner, ret, room);
			return;
		}
		put(ret, room, hole[swapped && n < 2 ? 1 - n : n].p, hole[swapped && n < 2 ? 1 - n : n].n);
		n++;
	}
}

static bool look_up(const char *text, char *ret, size_t room)
{
	struct hole hole[HOLES];

	for (size_t i = 0; i < SENTENCES; i++)
		if (fits(sentences[i].en, text, hole)) {
			fill(&sentences[i], hole, ret, room);
			return true;
		}
	return false;
}

/* Append text in Chinese to ret. */
static void in_chinese(const char *text, char *ret, size_t room)
{
	const char *colon = strstr(text, ": ");
	char first[512];

	if (look_up(text, ret, room))
		return;
	if (colon != NULL && (size_t)(colon - text) < sizeof first) {	/* a rule, and the name that broke it */
		snprintf(first, sizeof first, "%.*s", (int)(colon - text), text);
		if (look_up(first, ret, room)) {
			put(ret, room, "：", strlen("："));
			put(ret, room, colon + 2, strlen(colon + 2));
			return;
		}
	}
	put(ret, room, text, strlen(text));
}

const char *in_words(const char *text, char *ret, size_t room)
{
	if (!cli.chinese)
		return text;
	ret[0] = 0;
	in_chinese(text, ret, room);
	return ret;
}
