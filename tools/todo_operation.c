/* Operations in todo: what each will do, in one sentence, and which step is next. */
#include "todo.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "pages.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])

void todo_add(char to[TODO_TEXT], const char *fmt, ...)
{
	size_t n = strlen(to);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(to + n, TODO_TEXT - n, fmt, ap);
	va_end(ap);
}

/* ---- what it does ------------------------------------------------------------------------------------------------------ */

static void add_names(char to[TODO_TEXT], const json_t *j, const char *member)
{
	const json_t *names = json_object_get(j, member);

	for (size_t i = 0; i < json_array_size(names); i++) {
		const char *name = json_string_value(json_array_get(names, i));

		todo_add(to, "%s%s", i > 0 ? tr(", ", "、") : "", name != NULL ? name : "?");
	}
}

static size_t count(const json_t *j, const char *member)
{
	return json_array_size(json_object_get(j, member));
}

static void tell_member(const json_t *j, char to[TODO_TEXT])
{
	if (count(j, "roles") == 0) {
		todo_add(to, tr("%s joins as administrator, custodian or auditor, without a role",
		    "%s 加入（管理员、保管员或审计员，无角色）"), json_text(j, "login"));
		return;
	}
	todo_add(to, tr("%s becomes a member, as ", "%s 成为成员，角色："), json_text(j, "login"));
	add_names(to, j, "roles");
}

static void tell_roles(const json_t *j, char to[TODO_TEXT])
{
	todo_add(to, tr("%s gets further roles: ", "%s 增加角色："), json_text(j, "principal"));
	add_names(to, j, "roles");
}

static void tell_rekey(const json_t *j, char to[TODO_TEXT])
{
	todo_add(to, "%s", count(j, "classes") > 0 ? tr("new keys for roles and their classes: ", "角色及其类别更换密钥：") :
	    tr("role keys are made and shared anew: ", "角色密钥更换并重新分存："));
	add_names(to, j, "roles");
	if (count(j, "without") == 0)
		return;
	todo_add(to, "%s", json_is_true(json_object_get(j, "removed")) ? tr("; removed for good: ", "；永久移除：") :
	    tr("; without ", "；排除："));
	add_names(to, j, "without");
}

static void tell_classes(const json_t *j, char to[TODO_TEXT])
{
	add_names(to, j, "roles");
	todo_add(to, "%s", tr(" gets the keys of classes: ", " 获得类别密钥："));
	add_names(to, j, "classes");
}

static void tell_rewrap(const json_t *j, char to[TODO_TEXT])
{
	todo_add(to, "%s", tr("data keys are wrapped anew and the old keys destroyed, of classes: ", "重新包裹数据密钥并销毁旧密钥，类别："));
	add_names(to, j, "classes");
}

static void tell_remove(const json_t *j, char to[TODO_TEXT])
{
	todo_add(to, tr("%s is removed for good", "永久移除 %s"), json_text(j, "principal"));
}

static void tell_restore(const json_t *j, char to[TODO_TEXT])
{
	todo_add(to, tr("%s, who is suspended, works again", "恢复已停用的 %s"), json_text(j, "principal"));
}

static void tell_policy(const json_t *j, char to[TODO_TEXT])
{
	todo_add(to, tr("version %llu of the policy comes into force", "启用规则第 %llu 版"), json_number(j, "policy_version"));
}

static void tell_split(const json_t *j, char to[TODO_TEXT])
{
	todo_add(to, tr("the key that unseals is split anew, any %llu of: ", "解封密钥重新拆分，任意 %llu 名可解封："),
	    json_number(j, "threshold"));
	add_names(to, j, "holders");
}

static const struct {
	const char *kind;
	void (*tell)(const json_t *j, char to[TODO_TEXT]);
} kinds[] = { { "members", tell_member }, { "roles", tell_roles }, { "rekey", tell_rekey }, { "classes", tell_classes },
	{ "rewrap", tell_rewrap }, { "remove", tell_remove }, { "restore", tell_restore }, { "policy", tell_policy },
	{ "split", tell_split } };

bool todo_is_operation(const json_t *request)
{
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (strcmp(json_text(request, "kind"), kinds[i].kind) == 0)
			return true;
	return false;
}

void todo_tell_operation(const json_t *request, char to[TODO_TEXT])
{
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (strcmp(json_text(request, "kind"), kinds[i].kind) == 0)
			kinds[i].tell(request, to);
	todo_add(to, tr(", proposed by %s, code %s, until %s", "（由 %s 提请，校验码 %s，至 %s）"), json_text(request, "by"),
	    json_text(request, "code"), json_text(request, "expires_at"));
}

/* ---- what comes next --------------------------------------------------------------------------------------------------- */

static void tell_mine(const json_t *j, const char *step, char to[TODO_TEXT])
{
	const char *id = json_text(j, "id"), *command = strcmp(json_text(j, "kind"), "policy") == 0 ? "policy" : "request";

	if (strcmp(step, "custodians") == 0)
		todo_add(to, tr("you give your shares: childvault custody give %s --key KEY",
		    "由您交出份额：childvault custody give %s --key 密钥文件"), id);
	else if (strcmp(step, "first-signature") == 0)
		todo_add(to, tr("you were cut off before signing: childvault request withdraw %s, and propose it anew",
		    "您在签名前中断：childvault request withdraw %s，然后重新提请"), id);
	else
		todo_add(to, tr("you sign as second administrator: childvault %s sign %s --key KEY --code CODE (which %s reads out)",
		    "由您作为第二名管理员签名：childvault %s sign %s --key 密钥文件 --code 校验码（由 %s 读出）"), command, id,
		    json_text(j, "by"));
}

void todo_tell_step(const json_t *request, bool mine, char to[TODO_TEXT])
{
	const char *step = json_text(request, "waits_for");

	if (strcmp(step, "superseded") == 0)
		todo_add(to, "%s", tr("another change came first: it has to be proposed anew", "已有其他变更在先：须重新提请"));
	else if (mine)
		tell_mine(request, step, to);
	else if (strcmp(step, "first-signature") == 0)
		todo_add(to, tr("%s, who proposed it, signs first", "待提请人 %s 首先签名"), json_text(request, "by"));
	else if (strcmp(step, "custodians") != 0)
		todo_add(to, "%s", tr("another administrator signs", "待另一名管理员签名"));
	else if (count(request, "given") > 0)
		todo_add(to, tr("custodians give their shares: %zu of %llu have", "待保管员交出份额：已有 %zu 名，共须 %llu 名"),
		    count(request, "given"), json_number(request, "needed"));
	else
		todo_add(to, "%s", tr("two custodians give their shares", "待两名保管员交出份额"));
}
