/* What changes when a policy takes another one's place: its parts, and what must be done besides. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "format/row.h"
#include "model/source.h"
#include "model/validate.h"
#include "profile/plan_internal.h"

#define HINDRANCES_MAX 512u

void plan_say(struct plan *p, const char *en, const char *zh, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, zh);
	(void)vsnprintf(line, sizeof(line), p->chinese ? zh : en, ap);	/* names are at most 63 bytes, labels 255 */
	va_end(ap);
	buf_text(p->ret, line);
	buf_text(p->ret, "\n");
	p->asks |= PLAN_CHANGES;
}

#define say plan_say

static const char *words(const struct plan *p, const struct policy_label *l)
{
	return p->chinese ? l->zh : l->en;
}

static const char *yes(const struct plan *p, bool b)
{
	return p->chinese ? (b ? "是" : "否") : (b ? "yes" : "no");
}

/* ---- purposes, classes ------------------------------------------------------------------------------------------ */

static const struct policy_purpose *purpose_by_id(const struct policy *p, uint16_t id)
{
	for (unsigned i = 0; i < policy_purposes(p); i++)
		if (policy_purpose(p, i)->id == id)
			return policy_purpose(p, i);
	return NULL;
}

static void plan_purposes(struct plan *p)
{
	const struct policy_purpose *is, *was;

	for (unsigned i = 0; i < policy_purposes(p->new); i++) {
		is = policy_purpose(p->new, i);
		p->purpose[p->purposes++] = is;
		if ((was = purpose_by_id(p->old, is->id)) == NULL)
			say(p, "+ purpose %s %s", "+ 目的 %s %s", is->name, words(p, &is->label));
		else if (strcmp(was->name, is->name) != 0)
			say(p, "~ purpose %s is called %s now", "~ 目的 %s 改名为 %s", was->name, is->name);
		if (was != NULL && was->needs_case != is->needs_case)
			say(p, "~ purpose %s: a case number is needed: %s -> %s", "~ 目的 %s：须注明个案：%s → %s", is->name,
			    yes(p, was->needs_case), yes(p, is->needs_case));
	}
	for (unsigned i = 0; i < policy_purposes(p->old); i++) {
		was = policy_purpose(p->old, i);
		if (purpose_by_id(p->new, was->id) != NULL)
			continue;
		p->purpose[p->purposes++] = was;
		say(p, "- purpose %s %s", "- 目的 %s %s", was->name, words(p, &was->label));
	}
}

static const struct policy_class *class_by_id(const struct policy *p, uint16_t id)
{
	int at = policy_class_position(p, id);

	return at < 0 ? NULL : policy_class(p, (unsigned)at);
}

static void plan_classes(struct plan *p)
{
	const struct policy_class *is, *was;

	for (unsigned i = 0; i < policy_classes(p->new); i++) {
		is = policy_class(p->new, i);
		if ((was = class_by_id(p->old, is->id)) == NULL) {
			say(p, "+ class %s %s, level %u", "+ 类别 %s %s，%u 级", is->name, words(p, &is->label), is->level);
			continue;
		}
		if (strcmp(was->name, is->name) != 0)
			say(p, "~ class %s is called %s now", "~ 类别 %s 改名为 %s", was->name, is->name);
		if (was->level != is->level)
			say(p, "~ class %s: level %u -> %u", "~ 类别 %s：%u 级 → %u 级", is->name, was->level, is->level);
		if (was->hidden != is->hidden)
			say(p, "~ class %s: hidden: %s -> %s", "~ 类别 %s：隐匿：%s → %s", is->name, yes(p, was->hidden),
			    yes(p, is->hidden));
		if (strcmp(was->legal, is->legal) != 0)
			say(p, "~ class %s: another legal reason", "~ 类别 %s：法律依据有变", is->name);
	}
	for (unsigned i = 0; i < policy_classes(p->old); i++) {
		was = policy_class(p->old, i);
		if (class_by_id(p->new, was->id) == NULL)
			say(p, "- class %s %s", "- 类别 %s %s", was->name, words(p, &was->label));
	}
}

/* ---- fields ----------------------------------------------------------------------------------------------------- */

static bool same_codes(const struct policy_shape *a, const struct policy_shape *b)
{
	if (a->code_count != b->code_count)
		return false;
	for (unsigned i = 0; i < a->code_count; i++)
		if (strcmp(a->codes[i].code, b->codes[i].code) != 0 || strcmp(a->codes[i].general, b->codes[i].general) != 0)
			return false;
	return true;
}

/* What values may be, labels aside. */
static bool same_shape(const struct policy_shape *a, const struct policy_shape *b)
{
	if (a->type != b->type || a->max_length != b->max_length || a->validator != b->validator || !same_codes(a, b) ||
	    (a->item == NULL) != (b->item == NULL) || a->member_count != b->member_count)
		return false;
	for (unsigned i = 0; i < a->member_count; i++)
		if (strcmp(a->members[i].name, b->members[i].name) != 0 || !same_shape(&a->members[i].shape, &b->members[i].shape))
			return false;
	return a->item == NULL || same_shape(a->item, b->item);
}

/* What is the same in both policies may stand at different bits: compare by id. */
static bool same_departments(const struct plan *p, uint64_t was, uint64_t is)
{
	uint16_t id;
	int at;

	for (unsigned i = 0; i < policy_departments(p->old); i++) {
		id = policy_department(p->old, i)->id;
		at = policy_department_position(p->new, id);
		if ((was >> i & 1) != (at < 0 ? 0 : is >> at & 1))
			return false;
	}
	for (unsigned i = 0; i < policy_departments(p->new); i++)
		if ((is >> i & 1) != 0 && policy_department_position(p->old, policy_department(p->new, i)->id) < 0)
			return false;
	return true;
}

static bool same_views(const struct policy_field *a, const struct policy_field *b)
{
	if (a->views != b->views)
		return false;
	for (unsigned i = 0; i < a->views; i++)
		if (a->view[i].class != b->view[i].class || a->view[i].op != b->view[i].op)
			return false;
	return true;
}

static bool same_predicate(const struct policy_predicate *a, const struct policy_predicate *b)
{
	if (a->rule != b->rule || a->inputs != b->inputs || a->code_count != b->code_count ||
	    memcmp(a->input, b->input, a->inputs * sizeof(a->input[0])) != 0)
		return false;
	for (unsigned i = 0; i < a->code_count; i++)
		if (strcmp(a->codes[i], b->codes[i]) != 0)
			return false;
	return true;
}

static const char *op_or_none(const struct plan *p, enum view_op op)
{
	return op == 0 ? (p->chinese ? "不显示" : "nothing") : view_op_name((unsigned)op);
}

/* Who writes, what is shown outside, what the head takes. */
static void plan_field_uses(struct plan *p, const struct policy_field *was, const struct policy_field *is)
{
	if (was->owner != is->owner)
		say(p, "~ field %s: owner %s -> %s", "~ 字段 %s：数源部门 %s → %s", is->name,
		    policy_department_name(p->old, was->owner), policy_department_name(p->new, is->owner));
	if (!same_departments(p, was->delegates, is->delegates))
		say(p, "~ field %s: other departments write in the owner's name", "~ 字段 %s：受托填写的部门有变", is->name);
	if (!same_departments(p, was->collects, is->collects))
		say(p, "~ field %s: other departments hand it in when a file is opened", "~ 字段 %s：建档时采集的部门有变", is->name);
	if (was->notice != is->notice)
		say(p, "~ field %s: notices show %s -> %s", "~ 字段 %s：公示显示 %s → %s", is->name, op_or_none(p, was->notice),
		    op_or_none(p, is->notice));
	if (was->statistics != is->statistics)
		say(p, "~ field %s: statistics count by %s -> %s", "~ 字段 %s：统计依据 %s → %s", is->name,
		    op_or_none(p, was->statistics), op_or_none(p, is->statistics));
	if (was->shape.standard != is->shape.standard)
		say(p, "~ field %s: its standard is %" PRIu64 " -> %" PRIu64 " fen (0: none)",
		    "~ 字段 %s：当地标准 %" PRIu64 " → %" PRIu64 " 分（0：无）", is->name, was->shape.standard, is->shape.standard);
	if (was->is_area != is->is_area || was->is_due != is->is_due || was->is_state != is->is_state ||
	    was->is_area_from != is->is_area_from)
		say(p, "~ field %s: what the work list takes from it changes", "~ 字段 %s：工作清单对它的取用有变", is->name);
	if (was->is_standing != is->is_standing)
		say(p, is->is_standing ? "~ field %s: decides whether a guardian gets a receipt" :
		    "~ field %s: no longer decides whether a guardian gets a receipt",
		    is->is_standing ? "~ 字段 %s：决定监护人可否取得查阅清单" : "~ 字段 %s：不再决定监护人可否取得查阅清单", is->name);
	if (was->cadence_months != is->cadence_months)
		say(p, "~ field %s: to be confirmed after %u -> %u months (0: never)", "~ 字段 %s：核实周期 %u → %u 个月（0：不限）",
		    is->name, was->cadence_months, is->cadence_months);
	if (was->retention_months != is->retention_months)
		say(p, "~ field %s: kept for %u -> %u months (0: not fixed, 65535: for ever)",
		    "~ 字段 %s：保存 %u → %u 个月（0：未定，65535：永久）", is->name, was->retention_months, is->retention_months);
}

static void plan_field(struct plan *p, const struct policy_field *was, const struct policy_field *is)
{
	if (strcmp(was->name, is->name) != 0)
		say(p, "~ field %s is called %s now", "~ 字段 %s 改名为 %s", was->name, is->name);
	if (was->class != is->class)
		say(p, "~ field %s: class %s -> %s", "~ 字段 %s：类别 %s → %s", is->name, class_by_id(p->old, was->class)->name,
		    class_by_id(p->new, is->class)->name);
	if (strcmp(was->about, is->about) != 0)
		say(p, "~ field %s: about '%s' -> '%s'", "~ 字段 %s：所述之人“%s” → “%s”", is->name, was->about, is->about);
	if (!same_shape(&was->shape, &is->shape))
		say(p, "~ field %s: other values are accepted", "~ 字段 %s：可填的值有变", is->name);
	if (!same_views(was, is))
		say(p, "~ field %s: other views", "~ 字段 %s：展示方式有变", is->name);
	if (strcmp(was->fold_code, is->fold_code) != 0 || strcmp(was->fold_as, is->fold_as) != 0 ||
	    was->fold_into != is->fold_into)
		say(p, "~ field %s: another code is folded", "~ 字段 %s：折叠的代码有变", is->name);
	if (!same_predicate(&was->predicate, &is->predicate))
		say(p, "~ field %s: another predicate", "~ 字段 %s：判断规则有变", is->name);
	plan_field_uses(p, was, is);
}

static void plan_fields(struct plan *p)
{
	const struct policy_field *is, *was;

	for (unsigned i = 0; i < policy_fields(p->new); i++) {
		is = policy_field(p->new, i);
		if ((was = policy_field_by_id(p->old, is->id)) != NULL)
			plan_field(p, was, is);
		else
			say(p, "+ field %s %s, class %s, owner %s", "+ 字段 %s %s，类别 %s，数源部门 %s", is->name,
			    words(p, &is->label), class_by_id(p->new, is->class)->name,
			    policy_department_name(p->new, is->owner));
	}
	for (unsigned i = 0; i < policy_fields(p->old); i++) {
		was = policy_field(p->old, i);
		if (policy_field_by_id(p->new, was->id) == NULL)
			say(p, "- field %s %s", "- 字段 %s %s", was->name, words(p, &was->label));
	}
}

/* ---- roles ------------------------------------------------------------------------------------------------------ */

static void plan_acts(struct plan *p, const struct policy_role *was, const struct policy_role *is)
{
	static const struct {
		uint8_t act;
		const char *en, *zh;
	} acts[] = { { ACT_ASSIGN, "makes assignments", "指派人员" }, { ACT_BULK, "approves bulk requests", "批准批量查阅" },
		{ ACT_EXPORT, "approves exports", "批准导出" }, { ACT_JOB, "starts jobs", "启动作业" },
		{ ACT_RECEIPT, "lists who accessed a file", "开具查阅清单" }, { ACT_DEDUPE, "is told of duplicates", "获知重复建档" } };
	uint8_t before = was != NULL ? was->acts : 0, after = is->acts;

	for (unsigned i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		if (((before ^ after) & acts[i].act) != 0)
			say(p, "%s role %s: %s", "%s 角色 %s：%s", (after & acts[i].act) != 0 ? "+" : "-", is->name,
			    p->chinese ? acts[i].zh : acts[i].en);
}

static void plan_limits(struct plan *p, const struct policy_role *was, const struct policy_role *is)
{
	if (was->area != is->area)
		say(p, "~ role %s: only records of the member's area: %s -> %s", "~ 角色 %s：只限本辖区档案：%s → %s", is->name,
		    yes(p, was->area), yes(p, is->area));
	if (was->approval != is->approval)
		say(p, "~ role %s: reads need an assignment or a grant: %s -> %s", "~ 角色 %s：查阅须经指派或授权：%s → %s", is->name,
		    yes(p, was->approval), yes(p, is->approval));
	if (was->bulk_records != is->bulk_records || was->bulk_hours != is->bulk_hours)
		say(p, "~ role %s: at most %u records in %u hours -> %u in %u (0: no limit)",
		    "~ 角色 %s：至多 %u 份档案每 %u 小时 → %u 份每 %u 小时（0：不限）", is->name, was->bulk_records, was->bulk_hours,
		    is->bulk_records, is->bulk_hours);
	if (was->audit != is->audit)
		say(p, "~ role %s: reads the audit log: %s -> %s", "~ 角色 %s：可读审计日志：%s → %s", is->name, yes(p, was->audit),
		    yes(p, is->audit));
}

/* Keys last: what a role's keys open is what its members could read if core failed. */
static void plan_lost_keys(struct plan *p, const struct policy_role *was, const struct policy_role *is)
{
	int at;

	for (unsigned i = 0; i < policy_classes(p->old); i++) {
		if (!rights_hold_key(was->rights[i]))
			continue;
		at = is == NULL ? -1 : policy_class_position(p->new, policy_class(p->old, i)->id);
		if (at < 0 || !rights_hold_key(is->rights[at]))
			say(p, "- role %s: the key of class %s; core refuses at once, the key itself goes when the role is rekeyed",
			    "- 角色 %s：类别 %s 的密钥；系统即时拒绝，密钥待该角色换钥时收回", was->name, policy_class(p->old, i)->name);
	}
}

static void plan_role(struct plan *p, const struct policy_role *was, const struct policy_role *is)
{
	if (strcmp(was->name, is->name) != 0)
		say(p, "~ role %s is called %s now", "~ 角色 %s 改名为 %s", was->name, is->name);
	if (was->department != is->department)
		say(p, "~ role %s: department %s -> %s", "~ 角色 %s：部门 %s → %s", is->name,
		    policy_department_name(p->old, was->department), policy_department_name(p->new, is->department));
	if (was->kind != is->kind)
		say(p, "~ role %s: for members of another kind", "~ 角色 %s：成员类型有变", is->name);
	plan_limits(p, was, is);
	plan_acts(p, was, is);
	plan_searches(p, was, is);
	plan_lost_keys(p, was, is);
}

static void plan_new_role(struct plan *p, const struct policy_role *is)
{
	const struct policy_role none = { .name = is->name };

	say(p, "+ role %s %s, department %s", "+ 角色 %s %s，部门 %s", is->name, words(p, &is->label),
	    policy_department_name(p->new, is->department));
	plan_limits(p, &none, is);
	plan_acts(p, NULL, is);
	plan_searches(p, NULL, is);
}

static void plan_roles(struct plan *p)
{
	const struct policy_role *is, *was;

	for (unsigned i = 0; i < policy_roles(p->new); i++) {
		is = policy_role(p->new, i);
		if ((was = policy_role_by_id(p->old, is->id)) != NULL)
			plan_role(p, was, is);
		else
			plan_new_role(p, is);
	}
	for (unsigned i = 0; i < policy_roles(p->old); i++) {
		was = policy_role(p->old, i);
		if (policy_role_by_id(p->new, was->id) != NULL)
			continue;
		say(p, "- role %s %s", "- 角色 %s %s", was->name, words(p, &was->label));
		plan_lost_keys(p, was, NULL);
	}
	for (unsigned i = 0; i < policy_roles(p->new); i++) {
		is = policy_role(p->new, i);
		plan_cells(p, policy_role_by_id(p->old, is->id), is);
	}
	for (unsigned i = 0; i < policy_roles(p->old); i++) {
		was = policy_role(p->old, i);
		if (policy_role_by_id(p->new, was->id) == NULL)
			plan_cells(p, was, NULL);
	}
}

/* ---- what must be done ------------------------------------------------------------------------------------------ */

static bool has_view(const struct policy_field *f, enum view_op op)
{
	for (unsigned i = 0; i < f->views; i++)
		if (f->view[i].op == op)
			return true;
	return false;
}

static bool needs_views(const struct policy_field *was, const struct policy_field *is)
{
	if (was == NULL)
		return false;
	return !same_views(was, is) || (has_view(is, VIEW_GENERAL) && !same_codes(&was->shape, &is->shape)) ||
	    (has_view(is, VIEW_M9_MONEY_BAND) && was->shape.standard != is->shape.standard);
}

static bool needs_computing(const struct policy_field *was, const struct policy_field *is)
{
	return is->predicate.rule != PREDICATE_NONE && (was == NULL || !same_predicate(&was->predicate, &is->predicate));
}

/* One line with all fields that something must be done for. */
static void plan_work(struct plan *p, bool (*needs)(const struct policy_field *was, const struct policy_field *is), unsigned asks,
    const char *what)
{
	const struct policy_field *is;
	const char *between = p->chinese ? "：" : ": ";

	for (unsigned i = 0; i < policy_fields(p->new); i++) {
		is = policy_field(p->new, i);
		if (!needs(policy_field_by_id(p->old, is->id), is))
			continue;
		if ((p->asks & asks) == 0)
			buf_printf(p->ret, "! %s", what);
		buf_printf(p->ret, "%s%s", between, is->name);
		between = p->chinese ? "、" : ", ";
		p->asks |= asks | PLAN_CHANGES;
	}
	if ((p->asks & asks) != 0)
		buf_text(p->ret, "\n");
}

static const char *hindrance_zh(const struct policy_fault *f)
{
	static const struct {
		const char *en, *zh;
	} table[] = {
		{ "this is another profile's policy", "这是另一套规则" },
		{ "the version is not above the one in force", "版本号未高于现行版本" },
		{ "a new class needs a key, which custodians make", "新类别须由保管人生成密钥" },
		{ "a class that records may hold is gone", "档案可能使用的类别被删除" },
		{ "a class does not become hidden or open", "类别的隐匿属性不能改变" },
		{ "stored values do not move to another class", "已存的值不能移到另一类别" },
		{ "stored values do not change their type", "已存的值不能改变类型" },
		{ "an index keeps its fields, form and length: another one takes its place", "索引的字段、形式和长度不能改变：应另建索引" },
		{ "the role gains a class key, which custodians hand out", "角色新得类别密钥，须由保管人分发" }
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].en, f->text) == 0)
			return table[i].zh;
	return f->text;
}

static void plan_hindrances(struct plan *p)
{
	static const char *const en[] = { "two signatures cannot apply this", "a ceremony of two custodians is needed" };
	static const char *const zh[] = { "两人签署不能生效", "须两名保管人共同办理" };
	struct policy_fault fault[HINDRANCES_MAX];
	unsigned n = policy_hindrances(p->old, p->new, NULL, fault, HINDRANCES_MAX);
	const char *role;
	bool keys;

	for (unsigned i = 0; i < n && i < HINDRANCES_MAX; i++) {
		keys = fault[i].part == PART_ROLE || (fault[i].part == PART_CLASS && class_by_id(p->old, fault[i].id) == NULL);
		role = fault[i].part == PART_ROLE ? policy_role_by_id(p->new, fault[i].id)->name : "";
		say(p, "! %s: %s%s%s%s%s%s", "! %s：%s%s%s%s%s%s", (p->chinese ? zh : en)[keys ? 1 : 0],
		    p->chinese ? hindrance_zh(&fault[i]) : fault[i].text, fault[i].other[0] != '\0' ? " (" : "", role,
		    role[0] != '\0' ? ", " : "", fault[i].other, fault[i].other[0] != '\0' ? ")" : "");
		p->asks |= PLAN_CEREMONY;
	}
	if (n > HINDRANCES_MAX)
		say(p, "! and %u more", "! 另有 %u 项", n - HINDRANCES_MAX);
}

/* ---- witnesses -------------------------------------------------------------------------------------------------- */

static bool has_witness(const struct policy_witnesses *w, const struct policy_witness *one)
{
	for (unsigned i = 0; i < w->n; i++)
		if (strcmp(w->witness[i].name, one->name) == 0 && memcmp(w->witness[i].pk, one->pk, 32) == 0)
			return true;
	return false;
}

static void plan_witnesses(struct plan *p)
{
	const struct policy_witnesses *was = policy_witnesses(p->old), *is = policy_witnesses(p->new);

	for (unsigned i = 0; i < is->n; i++)
		if (!has_witness(was, &is->witness[i]))
			say(p, "+ witness %s", "+ 见证人 %s", is->witness[i].name);
	for (unsigned i = 0; i < was->n; i++)
		if (!has_witness(is, &was->witness[i]))
			say(p, "- witness %s", "- 见证人 %s", was->witness[i].name);
	if (was->quorum != is->quorum || was->n != is->n)
		say(p, "~ witnesses: %u of %u -> %u of %u", "~ 见证人：%2$u 名中 %1$u 名 → %4$u 名中 %3$u 名", was->quorum, was->n, is->quorum,
		    is->n);
	for (unsigned i = 0; i < WITNESSED_ACTS; i++)
		if (was->minutes[i] != is->minutes[i])
			say(p, "~ %s: cosigned within minutes: %u -> %u (0: not asked for)", "~ %s：须在若干分钟内经见证：%u → %u（0：不要求）",
			    witnessed_act_name((enum witnessed_act)i), was->minutes[i], is->minutes[i]);
}

int plan_policy(const struct policy *old, const struct policy *new, bool chinese, struct buf *ret, unsigned *ret_asks)
{
	struct plan p = { .old = old, .new = new, .chinese = chinese, .ret = ret };

	plan_purposes(&p);
	plan_classes(&p);
	plan_fields(&p);
	plan_indexes(&p);
	plan_roles(&p);
	plan_witnesses(&p);
	plan_work(&p, needs_views, PLAN_REPROJECT,
	    chinese ? "须重算脱敏视图（childvault reproject）" : "views must be made anew (childvault reproject)");
	plan_work(&p, needs_computing, PLAN_PREDICATES,
	    chinese ? "须计算判断字段（predicates 作业）" : "predicates must be computed (a job of kind predicates)");
	/* The same document again asks for nothing, though its version is not higher. */
	if (p.asks != 0 || policy_version(old) != policy_version(new) || strcmp(policy_name(old), policy_name(new)) != 0)
		plan_hindrances(&p);
	if (p.failed || !buf_ok(ret))
		return CV_ERR_NOMEM;
	*ret_asks = p.asks;
	return 0;
}
