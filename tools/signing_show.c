/* An operation in words, for whoever signs it or gives a share for it. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/text.h"
#include "client/client.h"
#include "pages.h"
#include "signing.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])
#define TEXT_MAX 8192u

static void row2(struct table *t, const char *what, const char *value)
{
	table_row(t, (const char *const[]){ what, value });
}

static void row_number(struct table *t, const char *what, unsigned long long n)
{
	char text[24];

	snprintf(text, sizeof text, "%llu", n);
	row2(t, what, text);
}

static void row_text(struct table *t, const char *what, const struct dir_text *x)
{
	char text[256];

	snprintf(text, sizeof text, "%.*s", (int)x->n, x->p);
	row2(t, what, text);
}

/* A time; a day for days, the last one where ms is the end of it. */
static void row_time(struct table *t, const char *what, uint64_t ms, bool day)
{
	char text[25] = "";

	if (ms != 0)
		clock_rfc3339(ms, text);
	if (day)
		text[10] = 0;
	row2(t, what, text);
}

/* Text of limited room that grows at its end; what does not fit is cut. */
static void add(char to[TEXT_MAX], const char *item)
{
	size_t n = strlen(to);

	snprintf(to + n, TEXT_MAX - n, "%s%s", n > 0 ? ", " : "", item);
}

static const char *name_at(const struct signing *s, const char *list, size_t i)
{
	const char *name = json_string_value(json_array_get(json_object_get(s->request, list), i));

	return name != NULL ? name : "?";
}

/* The roles as numbers are what is signed; the daemon gives their names. */
static void row_roles(struct table *t, const struct signing *s)
{
	const struct operation_reading *r = &s->reading;
	char text[TEXT_MAX] = "", item[256];

	if (r->op.head.operation == OPERATION_CLASSES) {
		snprintf(text, sizeof text, "%s (%u)", name_at(s, "roles", 0), r->receiver.role);
		row2(t, "role", text);
		return;
	}
	for (unsigned i = 0; i < r->role_count; i++) {
		snprintf(item, sizeof item, "%s (%u)", name_at(s, "roles", i), r->roles[i].role);
		add(text, item);
	}
	row2(t, "roles", text);
}

static void row_classes(struct table *t, const struct signing *s)
{
	char text[TEXT_MAX] = "", item[256];

	for (unsigned i = 0; i < s->reading.class_count; i++) {
		snprintf(item, sizeof item, "%s (0x%04x)", name_at(s, "classes", i), operation_class_at(&s->reading, i).class_key >> 16);
		add(text, item);
	}
	row2(t, "classes", text);
}

/* Who is left out: as many names as there are ids in the document, or the ids. */
static void row_without(struct table *t, const struct signing *s)
{
	bool named = json_array_size(json_object_get(s->request, "without")) == s->reading.principal_count;
	char text[TEXT_MAX] = "", hex[33];

	for (unsigned i = 0; i < s->reading.principal_count; i++) {
		hex_encode(s->reading.principals[i], 16, hex);
		add(text, named ? name_at(s, "without", i) : hex);
	}
	row2(t, s->reading.flags & OPERATION_REMOVED ? "removed" : "without", text);
}

/* ---- kinds of operations ----------------------------------------------------------------------------------------------- */

static void show_member(struct table *t, const struct signing *s)
{
	static const char *const kinds[] = { "", "person", "app", "job", "administrator", "custodian", "auditor" };
	static const char *const duties[] = { "", "system", "security", "audit" };
	const struct operation_reading *r = &s->reading;
	char code[CLIENT_KEY_CODE];

	row2(t, "as", kinds[r->principal.kind % COUNT(kinds)]);
	if (r->principal.kind == PRINCIPAL_ADMINISTRATOR)
		row2(t, "duty", duties[r->principal.admin_area % COUNT(duties)]);
	row_text(t, "login", &r->texts.text[DIR_PERSON_LOGIN]);
	row_text(t, "name", &r->texts.text[DIR_PERSON_NAME]);
	row_text(t, "department", &r->texts.text[DIR_PERSON_DEPARTMENT]);
	row_text(t, "post", &r->texts.text[DIR_PERSON_POST]);
	row_text(t, "area", &r->texts.text[DIR_PERSON_AREA]);
	row_roles(t, s);
	row_time(t, "vetted", r->texts.vetting_ms, true);
	row_time(t, "ends", r->principal.not_after_ms != 0 ? r->principal.not_after_ms - 1 : 0, true);
	client_key_code(r->principal.id, r->principal.box_pk, r->principal.sign_pk, code);
	row2(t, "key-code", code);
}

static void show_rekey(struct table *t, const struct signing *s)
{
	row_roles(t, s);
	row_without(t, s);
	row_number(t, "memberships", s->reading.members);
	row_number(t, "shares", s->reading.shares);
	row_classes(t, s);
}

static void show_policy(struct table *t, const struct signing *s)
{
	char hex[65];

	hex_encode(s->reading.policy_digest, 32, hex);
	row_number(t, "version", s->reading.policy_version);
	row2(t, "policy", hex);
}

static void show_split(struct table *t, const struct signing *s)
{
	const struct operation_split *x = &s->reading.split;
	char text[TEXT_MAX] = "", item[256];

	for (unsigned i = 0; i < x->n; i++) {
		snprintf(item, sizeof item, "%.*s", (int)x->holder[i].n, x->holder[i].p);
		add(text, item);
	}
	row_number(t, "threshold", x->k);
	row2(t, "holders", text);
}

static void show_about(struct table *t, const struct signing *s)
{
	switch (s->reading.op.head.operation) {
	case OPERATION_ADD_MEMBER:
		show_member(t, s);
		break;
	case OPERATION_REKEY:
		show_rekey(t, s);
		break;
	case OPERATION_ROLES:
		row2(t, "login", json_text(s->request, "principal"));
		row_roles(t, s);
		break;
	case OPERATION_CLASSES:
	case OPERATION_REWRAP:
		row_roles(t, s);
		row_classes(t, s);
		break;
	case OPERATION_POLICY:
		show_policy(t, s);
		break;
	case OPERATION_SPLIT:
		show_split(t, s);
		break;
	default:
		row2(t, "login", json_text(s->request, "principal"));
	}
}

int signing_print(const struct signing *s)
{
	static const char *const names[][3] = { { "", "", "" }, { "add-member", "a member joins", "新增成员" },
		{ "give-roles", "a member gets roles", "成员增加角色" }, { "rekey", "roles get new keys", "角色更换密钥" },
		{ "give-classes", "a role gets classes", "角色增加类别" }, { "rewrap", "old data keys are wrapped anew", "旧数据密钥重新包裹" },
		{ "remove", "a member is removed for good", "永久移除成员" }, { "restore", "a member is restored", "恢复成员" },
		{ "policy", "another policy comes into force", "启用新规则" }, { "split", "a new split of the key that unseals", "重新拆分解封密钥" } };
	const struct operation_reading *r = &s->reading;
	const char *const *name = names[r->op.head.operation < COUNT(names) ? r->op.head.operation : 0];
	struct table *t = table_new(2, (const char *const[]){ tr("what", "项目"), tr("value", "内容") });

	if (t == NULL)
		return cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	row2(t, "operation", name[0]);
	row2(t, "it does", tr(name[1], name[2]));
	show_about(t, s);
	if (json_text(s->request, "reason")[0] != 0)
		row2(t, "reason", json_text(s->request, "reason"));
	if (r->op.change_n != 0)
		row_number(t, "change", r->change.sequence);
	row_time(t, "sign-until", r->op.head.expires_ms, false);
	row2(t, "code", r->code);
	return table_print(t);
}
