/* Entries of the log in a table for people. */
#include "events_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli.h"
#include "format/message.h"
#include "model/model.h"

#define FIELDS_ROOM 8192
#define SHORT_FIELDS 32u
#define LOGIN_ROOM 258u	/* a login name and what parts it from the reason */

enum { CELL_TIME, CELL_INDEX, CELL_KIND, CELL_PERSON, CELL_DEPARTMENT, CELL_ROLE, CELL_PURPOSE, CELL_FIELDS, CELL_OUTCOME, CELL_RECORD,
	CELL_REASON, CELL_CASE, CELL_COUNT, CELLS };

/* What one line of the table shows; every text lives as long as the events, the policy and this struct. */
struct line {
	char time[25], index[24], principal[33], record[33], fields[FIELDS_ROOM];
	char reason[LOGIN_ROOM + LEAF_REASON_MAX + 1], case_text[LEAF_CASE_MAX + 1];
	char count[24];
	const char *cells[CELLS];
};

/* A word of a table's cells: people's on a terminal, always the same in a pipe. */
static const char *word(const char *en, const char *zh) { return isatty(STDOUT_FILENO) ? tr(en, zh) : en; }

static const char *purpose_name(const struct policy *p, uint16_t id)
{
	for (unsigned i = 0; i < policy_purposes(p); i++)
		if (policy_purpose(p, i)->id == id)
			return policy_purpose(p, i)->name;
	return "";
}

/* Names of the ids that body A's detail holds, as the policy document of the answer gives them. */
static void name_ids(const struct policy *p, const struct leaf_detail *d, struct line *l)
{
	static const uint8_t zeros[16];
	const struct policy_role *role = policy_role_by_id(p, d->role);
	size_t at = 0;

	l->fields[0] = 0;	/* names instead of their number */
	l->cells[CELL_ROLE] = role != NULL ? role->name : "";
	l->cells[CELL_PURPOSE] = purpose_name(p, d->purpose);
	for (unsigned i = 0; i < policy_fields(p) && i < d->bitmap_n * 8u; i++) {
		const char *name = policy_field(p, i)->name;

		if ((d->bitmap[i / 8] >> (i % 8) & 1) != 0 && at + strlen(name) + 2 < sizeof l->fields)
			at += (size_t)snprintf(l->fields + at, sizeof l->fields - at, "%s%s", at != 0 ? "," : "", name);
	}
	if (memcmp(d->record, zeros, 16) != 0)
		hex_encode(d->record, 16, l->record);
	snprintf(l->reason, sizeof l->reason, "%.*s", (int)d->reason_n, d->reason);
	snprintf(l->case_text, sizeof l->case_text, "%.*s", (int)d->case_n, d->case_text);
}

/* How many: failed logins, versions, entries that were read. */
static void name_count(uint64_t n, struct line *l)
{
	if (n != 0)
		snprintf(l->count, sizeof l->count, "%llu", (unsigned long long)n);
}

/* What body A says of every act, by the policy document of the answer. */
static void name_act(const struct policy *p, const struct leaf_actor *a, struct line *l)
{
	const struct policy_role *role = policy_role_by_id(p, a->role);

	l->cells[CELL_ROLE] = role != NULL ? role->name : "";
	l->cells[CELL_PURPOSE] = purpose_name(p, a->purpose);
	if (a->fields != 0)
		snprintf(l->fields, sizeof l->fields, "(%u)", a->fields);
}

static void name_person(const struct client_events *e, const struct leaf_actor *a, struct line *l)
{
	static const uint8_t zeros[16];
	const struct client_person *p = client_events_person(e, a->principal);

	hex_encode(a->principal, 16, l->principal);
	if (p != NULL) {
		l->cells[CELL_PERSON] = p->name[0] != 0 ? p->name : p->login;
		l->cells[CELL_DEPARTMENT] = p->department;
	} else if (memcmp(a->principal, zeros, 16) != 0) {
		l->cells[CELL_PERSON] = l->principal;
	}
	l->cells[CELL_OUTCOME] = a->outcome == PROBLEM_NONE ? word("done", "完成") : outcome_name(a->outcome);
}

/* Who was suspended or restored stands before the reason: FORMAT.md section 9 kinds 35 and 36. */
static void name_member(const struct client_events *e, const struct leaf_detail *d, struct line *l)
{
	const struct client_person *p = client_events_person(e, d->approval);

	if (p != NULL)
		snprintf(l->reason, sizeof l->reason, "%s: %.*s", p->login, (int)d->reason_n, d->reason);
}

/* What a leaf about unseal slots says in the clear, FORMAT.md section 9 kind 34. */
static void name_slot(const struct leaf *leaf, struct line *l)
{
	const uint8_t *p = leaf->body_a;

	if (leaf->body_a_n == 4 && p[0] == 1) {
		snprintf(l->reason, sizeof l->reason, word("share %u of slot %u was shown", "出示解封槽 %2$u 的第 %1$u 份份额"), p[2], p[1]);
		l->cells[CELL_OUTCOME] = p[3] == 0 ? word("done", "完成") : outcome_name(PROBLEM_UNAUTHENTICATED);
	} else if (leaf->body_a_n == 8 && p[0] == 2) {
		snprintf(l->reason, sizeof l->reason, word("slot %u has a new split: %u of %u", "解封槽 %u 重新拆分：%u/%u"), p[1], p[2], p[3]);
		l->cells[CELL_OUTCOME] = word("done", "完成");
	}
}

/* On a terminal a long list of fields would push everything behind it away: its beginning and its length stand for it. */
static void shorten_fields(struct line *l)
{
	const char *all = l->cells[CELL_FIELDS];
	unsigned count = 1;
	char cut[SHORT_FIELDS + 1];

	if (!isatty(STDOUT_FILENO) || strlen(all) <= SHORT_FIELDS)
		return;
	for (const char *p = all; *p != 0; p++)
		count += *p == ',';
	snprintf(cut, sizeof cut, "%.*s", (int)SHORT_FIELDS, all);
	if (strrchr(cut, ',') != NULL)
		*strrchr(cut, ',') = 0;
	snprintf(l->fields, sizeof l->fields, "%s... (%u)", cut, count);
	l->cells[CELL_FIELDS] = l->fields;
}

static void add_line(struct table *t, const struct client_events *e, const struct policy *p, const struct client_event *v)
{
	struct line l = { .cells = { [CELL_PERSON] = v->opened || (v->leaf.flags & LEAF_CLEAR) != 0 ? word("(vault)", "（系统）") :
	    word("(sealed)", "（未解开）") } };

	clock_rfc3339(v->leaf.time_ms, l.time);
	snprintf(l.index, sizeof l.index, "%llu", (unsigned long long)v->leaf.index);
	l.cells[CELL_TIME] = l.time;
	l.cells[CELL_INDEX] = l.index;
	l.cells[CELL_KIND] = leaf_kind_name(v->leaf.kind);
	l.cells[CELL_FIELDS] = l.fields;
	l.cells[CELL_RECORD] = l.record;
	if (v->opened)
		name_person(e, &v->actor, &l);
	if (v->opened && p != NULL)
		name_act(p, &v->actor, &l);
	l.cells[CELL_REASON] = l.reason;
	l.cells[CELL_CASE] = l.case_text;
	l.cells[CELL_COUNT] = l.count;
	if (v->leaf.kind == LEAF_KEYS)
		name_slot(&v->leaf, &l);
	if (v->has_ids && p != NULL)
		name_ids(p, &v->ids, &l);
	if (v->has_ids && (v->leaf.kind == LEAF_SUSPENDED || v->leaf.kind == LEAF_RESTORED))
		name_member(e, &v->ids, &l);
	if (v->has_ids)
		name_count(v->ids.count, &l);
	if (v->has_detail) {
		l.cells[CELL_ROLE] = v->detail.role;
		l.cells[CELL_PURPOSE] = v->detail.purpose;
		l.cells[CELL_FIELDS] = v->detail.fields;
		l.cells[CELL_RECORD] = v->detail.record;
		l.cells[CELL_REASON] = v->detail.reason;
		l.cells[CELL_CASE] = v->detail.case_text;
		name_count(v->detail.count, &l);
		if (!v->opened)
			l.cells[CELL_OUTCOME] = v->detail.outcome;
	}
	shorten_fields(&l);
	table_row(t, l.cells);
	wipe(&l, sizeof l);
}

struct events_table {
	struct table *table;
	struct policy *policy;
	uint8_t *document;	/* of policy, to know it again */
	size_t document_n;
	uint64_t sealed;	/* entries that did not open */
};

struct events_table *events_table_new(void)
{
	const char *names[CELLS] = { tr("time", "时间"), tr("index", "序号"), tr("kind", "类型"), tr("person", "人员"),
		tr("department", "部门"), tr("role", "角色"), tr("purpose", "目的"), tr("fields", "字段"), tr("outcome", "结果"),
		tr("record", "档案"), tr("reason", "理由"), tr("case", "个案"), tr("count", "数量") };
	struct events_table *t = calloc(1, sizeof *t);

	if (t != NULL && (t->table = table_new(CELLS, names)) == NULL) {
		free(t);
		t = NULL;
	}
	return t;
}

/* The policy that came with these entries; the same as before, mostly. */
static void take_policy(struct events_table *t, const struct client_events *e)
{
	size_t n;
	const uint8_t *document = client_events_policy(e, &n);

	if (document == NULL || (n == t->document_n && memcmp(document, t->document, n) == 0))
		return;
	policy_free(t->policy);
	free(t->document);
	t->policy = NULL;
	t->document_n = 0;
	if ((t->document = malloc(n)) != NULL) {
		memcpy(t->document, document, n);
		t->document_n = n;
	}
	if (policy_decode(document, n, &t->policy) != 0)
		(void)cli_fail(EXIT_FAILED, "the policy document is not of this version: names are missing",
		    "规则文档版本不符，缺少名称");
}

void events_table_add(struct events_table *t, const struct client_events *e, const char *purpose)
{
	take_policy(t, e);
	for (unsigned i = 0; i < client_events_count(e); i++) {
		const struct client_event *v = client_events_at(e, i);

		t->sealed += !v->opened && (v->leaf.flags & LEAF_CLEAR) == 0;
		if (purpose == NULL || (v->opened && t->policy != NULL && strcmp(purpose, purpose_name(t->policy, v->actor.purpose)) == 0))
			add_line(t->table, e, t->policy, v);
	}
}

int events_table_end(struct events_table *t, bool print)
{
	int code = 0;

	if (t == NULL)
		return cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	if (print)
		code = table_print(t->table);
	else
		table_drop(t->table);
	if (print && code == 0 && t->policy != NULL && t->sealed > 0)
		(void)cli_fail(0, "%llu entries stay closed: they are sealed to other auditors, or to keys of months that this key "
		    "does not hold", "有 %llu 条记录无法打开：密封给其他审计员，或密封给此密钥已不持有的月度密钥", (unsigned long long)t->sealed);
	policy_free(t->policy);
	free(t->document);
	free(t);
	return code;
}
