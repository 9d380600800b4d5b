/* Why a role may do something with a field, or may not, and by which lines of the profile. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "format/message.h"
#include "profile/profile_internal.h"

struct answer {
	const struct profile *p;
	const struct profile_question *q;
	const struct policy_role *role;
	const struct policy_field *field;
	int purpose;		/* position, or -1 */
	const char *path;
	bool chinese;
	struct buf *ret;
};

/* A line of the profile and what stands there; nothing follows the place if it is the file as a whole. */
static void line_at(struct answer *a, const struct node *n, const char *en, const char *zh, ...)
    __attribute__((format(printf, 3, 5)));
static void line_at(struct answer *a, const struct node *n, const char *en, const char *zh, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, zh);
	(void)vsnprintf(text, sizeof(text), a->chinese ? zh : en, ap);	/* names are at most 63 bytes, a list of rights is short */
	va_end(ap);
	buf_printf(a->ret, "  %s:%u: %s\n", a->path, n->line, text);
}

static const struct node *role_place(const struct answer *a, const char *key, const char *at)
{
	return find_place(marked(&a->p->c, PART_ROLE, a->role->id), key, at);
}

static const struct node *field_place(const struct answer *a, const char *key, const char *at)
{
	return find_place(marked(&a->p->c, PART_FIELD, a->field->id), key, at);
}

static const char *class_name(const struct answer *a, uint16_t id)
{
	return policy_class(a->p->policy, (unsigned)policy_class_position(a->p->policy, id))->name;
}

static const struct policy_purpose *purpose_of(const struct answer *a)
{
	return policy_purpose(a->p->policy, (unsigned)a->purpose);
}

/* ---- the lines -------------------------------------------------------------------------------------------------- */

#define RIGHTS_ROOM 64u	/* all names of rights and what stands between them */

static void rights_words(uint8_t rights, char ret[RIGHTS_ROOM])
{
	static const char *const names[] = { "read", "reveal", "write", "write_only", "grant" };

	ret[0] = '\0';
	for (unsigned i = 0; i < 5; i++)
		if ((rights >> i & 1) != 0)
			(void)snprintf(ret + strlen(ret), RIGHTS_ROOM - strlen(ret), "%s%s", ret[0] != '\0' ? ", " : "", names[i]);
}

/* The role's right on a class: its line, or where it would stand. */
static void say_right(struct answer *a, uint16_t class)
{
	uint8_t rights = a->role->rights[policy_class_position(a->p->policy, class)];
	char words[RIGHTS_ROOM];

	rights_words(rights, words);
	if (rights != 0)
		line_at(a, role_place(a, "rights", class_name(a, class)), "role %s has %s on class %s", "角色 %s 有 %s：类别 %s",
		    a->role->name, words, class_name(a, class));
	else
		line_at(a, role_place(a, "rights", ""), "role %s has nothing on class %s; it would stand here",
		    "角色 %s 对类别 %s 无权；如有应写在这里", a->role->name, class_name(a, class));
}

/* The field's own list of purposes, or that of its class. */
static void say_field_purposes(struct answer *a, bool has)
{
	const struct node *own = field_place(a, "purposes", has ? a->q->purpose : "");
	const struct node *object = marked(&a->p->c, PART_FIELD, a->field->id);
	const struct node *class = marked(&a->p->c, PART_CLASS, a->field->class);

	if (own == object)
		own = find_place(class, "purposes", has ? a->q->purpose : "");
	if (has)
		line_at(a, own, "field %s is for %s", "字段 %s 可用于 %s", a->field->name, a->q->purpose);
	else
		line_at(a, own, "field %s is not for %s; it would stand here", "字段 %s 不用于 %s；如有应写在这里", a->field->name,
		    a->q->purpose);
}

static void say_role_purposes(struct answer *a, bool has)
{
	if (has)
		line_at(a, role_place(a, "purposes", a->q->purpose), "role %s acts for %s", "角色 %s 可为 %s 行事", a->role->name,
		    a->q->purpose);
	else
		line_at(a, role_place(a, "purposes", ""), "role %s does not act for %s; it would stand here",
		    "角色 %s 不能为 %s 行事；如有应写在这里", a->role->name, a->q->purpose);
}

static void say_field(struct answer *a, uint16_t class)
{
	for (unsigned i = 0; i < a->field->views; i++)
		if (a->field->view[i].class == class) {
			line_at(a, field_place(a, "views", class_name(a, class)), "field %s shows %s in class %s",
			    "字段 %s 以 %s 展示于类别 %s", a->field->name, view_op_name((unsigned)a->field->view[i].op),
			    class_name(a, class));
			return;
		}
	line_at(a, marked(&a->p->c, PART_FIELD, a->field->id), "field %s stands in class %s", "字段 %s 属于类别 %s", a->field->name,
	    class_name(a, class));
}

static void say_owner(struct answer *a)
{
	const struct policy_field *f = a->field;
	int at = policy_department_position(a->p->policy, a->role->department);
	const char *department = policy_department_name(a->p->policy, a->role->department);

	if (f->owner == a->role->department)
		line_at(a, field_place(a, "owner", ""), "department %s is the source of the field", "%s 是该字段的数源部门", department);
	else if ((f->delegates >> at & 1) != 0)
		line_at(a, field_place(a, "delegates", department), "department %s writes it in the owner's name", "%s 受托填写该字段",
		    department);
	else if ((f->collects >> at & 1) != 0)
		line_at(a, field_place(a, "collects", department), "department %s hands it in when the file is opened",
		    "%s 在建档时采集该字段", department);
	else
		line_at(a, field_place(a, "owner", ""), "the source of the field is %s, not %s", "该字段的数源部门是 %s，不是 %s",
		    policy_department_name(a->p->policy, f->owner), department);
}

/* ---- what is asked besides -------------------------------------------------------------------------------------- */

static void say_approval(struct answer *a, uint16_t class)
{
	const struct policy_class *c =
	    policy_class(a->p->policy, (unsigned)policy_class_position(a->p->policy, class));
	const struct node *n = role_place(a, "approval", "");

	if (class_is_view(class))
		line_at(a, n, "asked besides: an assignment or a grant that covers the record", "另须：指派或授权涵盖该档案");
	else if (c->level >= 5)
		line_at(a, n, "asked besides: a grant for the record, as the class has level 5", "另须：对该档案的单独授权（类别为 5 级）");
	else
		line_at(a, n, "asked besides: an assignment of level %u or above, or a grant, that covers the record",
		    "另须：%u 级以上的指派或授权涵盖该档案", c->level < 3 ? 3u : c->level);
}

/* Who reads what it writes is assigned to the record, whatever the assignment's level; a grant is for reading alone. */
static void say_assigned(struct answer *a)
{
	line_at(a, role_place(a, "approval", ""), "asked besides: an assignment that covers the record", "另须：指派涵盖该档案");
}

/* class answers a read or takes a write; hands_in: of a write, one that does not read. */
static void say_besides(struct answer *a, uint16_t class, bool hands_in)
{
	const struct policy_role *role = a->role;

	if (purpose_of(a)->needs_case)
		line_at(a, find_place(marked(&a->p->c, PART_PURPOSE, purpose_of(a)->id), "needs_case", ""),
		    "asked besides: the number of a case", "另须：个案编号");
	if (a->q->clear && !a->q->write)
		buf_text(a->ret, a->chinese ? "  另须：说明理由\n" : "  asked besides: a reason\n");
	if (role->area && !(a->q->write && a->q->creating))
		line_at(a, role_place(a, "area", ""), "asked besides: the record lies in the member's area", "另须：档案在本人辖区内");
	if (role->approval && !a->q->write)
		say_approval(a, class);
	if (role->approval && a->q->write && !a->q->creating && !hands_in)
		say_assigned(a);
	if (role->bulk_records != 0 && !a->q->write)
		line_at(a, role_place(a, "bulk", ""), "asked besides: at most %u different records in %u hours",
		    "另须：%u 份档案以内（每 %u 小时）", role->bulk_records, role->bulk_hours);
}

/* ---- yes and no ------------------------------------------------------------------------------------------------- */

static const char *reason_zh(enum decision_reason r)
{
	static const char *const texts[] = { "允许", "法律禁止此目的", "规则中没有此目的", "该角色不能为此目的行事", "须注明个案编号",
		"查看明文须说明理由", "该字段不用于此目的", "数源部门是另一部门", "该角色对此类别没有所需权限", "权限不及于此字段",
		"该角色可读此字段，但不能查看明文" };

	return (size_t)r < sizeof(texts) / sizeof(texts[0]) ? texts[r] : decision_text(r);
}

static void say_no(struct answer *a, enum decision_reason r)
{
	if (a->chinese)
		buf_printf(a->ret, "否：%d %s：%s\n", (int)r, outcome_name(OUTCOME_REASON + (unsigned)r), reason_zh(r));
	else
		buf_printf(a->ret, "no: %d %s: %s\n", (int)r, outcome_name(OUTCOME_REASON + (unsigned)r), decision_text(r));
}

/* The classes through which a read was looked for. */
static void say_ways(struct answer *a)
{
	say_field(a, a->field->class);
	if (a->q->write || a->q->clear || a->field->views == 0) {
		say_right(a, a->field->class);
		return;
	}
	for (unsigned i = 0; i < a->field->views; i++) {
		say_field(a, a->field->view[i].class);
		say_right(a, a->field->view[i].class);
	}
}

static void say_excepted(struct answer *a)
{
	for (unsigned i = 0; i < a->role->excepts; i++)
		if (a->role->except[i].field == a->field->id)
			line_at(a, find_place(role_place(a, "rights", class_name(a, a->role->except[i].class)), "except", a->field->name),
			    "the right of role %s on class %s does not extend to %s", "角色 %s 对类别 %s 的权限不含 %s", a->role->name,
			    class_name(a, a->role->except[i].class), a->field->name);
}

static void explain_no(struct answer *a, enum decision_reason r)
{
	say_no(a, r);
	switch (r) {
	case DECIDE_PROHIBITED:
		break;	/* no line could allow it */
	case DECIDE_PURPOSE_UNKNOWN:
		line_at(a, find_place(a->p->root, "purposes", ""), "the purposes stand here", "目的列在这里");
		break;
	case DECIDE_NO_PURPOSE_ROLE:
		say_role_purposes(a, false);
		break;
	case DECIDE_NO_PURPOSE_FIELD:
		say_field_purposes(a, false);
		break;
	case DECIDE_NOT_OWNER:
		say_owner(a);
		break;
	case DECIDE_EXCEPTED:
		say_excepted(a);
		break;
	default:
		if (a->q->write && a->field->predicate.rule != PREDICATE_NONE)
			line_at(a, field_place(a, "predicate", ""), "a job computes %s, nobody writes it", "%s 由作业计算，任何人不能填写",
			    a->field->name);
		else
			say_ways(a);
		break;
	}
}

static void explain_read(struct answer *a, const struct policy_subject *who, bool *ret_yes)
{
	struct read_decision d = policy_decide_read(a->p->policy, who, a->field, a->q->clear);
	enum view_op op = VIEW_PLAIN;

	*ret_yes = d.reason == DECIDE_YES;
	if (d.reason != DECIDE_YES) {
		explain_no(a, d.reason);
		if (d.hidden)
			buf_text(a->ret, a->chinese ? "  该类别隐匿：拒绝与无值的应答相同\n" :
			    "  the class is hidden: the answer is that of a record without the value\n");
		return;
	}
	for (unsigned i = 0; i < a->field->views; i++)
		if (a->field->view[i].class == d.class)
			op = a->field->view[i].op;
	if (a->chinese)
		buf_printf(a->ret, "是：角色 %s 为 %s 读 %s，%s，经类别 %s\n", a->role->name, a->q->purpose, a->field->name,
		    op == VIEW_PLAIN ? "明文" : view_op_name((unsigned)op), class_name(a, d.class));
	else
		buf_printf(a->ret, "yes: role %s reads %s for %s %s%s, through class %s\n", a->role->name, a->field->name,
		    a->q->purpose, op == VIEW_PLAIN ? "in plain" : "masked by ", op == VIEW_PLAIN ? "" : view_op_name((unsigned)op),
		    class_name(a, d.class));
	say_right(a, d.class);
	say_field(a, d.class);
	say_role_purposes(a, true);
	say_field_purposes(a, true);
	say_besides(a, d.class, false);
}

static void explain_write(struct answer *a, const struct policy_subject *who, bool *ret_yes)
{
	struct write_decision d = policy_decide_write(a->p->policy, who, a->field, a->q->creating);

	*ret_yes = d.reason == DECIDE_YES;
	if (d.reason != DECIDE_YES) {
		explain_no(a, d.reason);
		return;
	}
	if (a->chinese)
		buf_printf(a->ret, "是：角色 %s 为 %s %s %s\n", a->role->name, a->q->purpose, d.write_only ? "提交（不可读）" : "填写",
		    a->field->name);
	else
		buf_printf(a->ret, "yes: role %s %s %s for %s\n", a->role->name,
		    d.write_only ? "hands in, without reading it," : "writes", a->field->name, a->q->purpose);
	say_right(a, a->field->class);
	say_field(a, a->field->class);
	say_owner(a);
	say_role_purposes(a, true);
	say_field_purposes(a, true);
	say_besides(a, a->field->class, d.write_only);
}

int profile_explain(const struct profile *p, const struct profile_question *q, const char *path, bool chinese, struct buf *ret,
    bool *ret_yes, const char **ret_unknown)
{
	struct answer a = { .p = p, .q = q, .path = path, .chinese = chinese, .ret = ret };
	struct policy_subject who;
	bool answer = false;

	a.role = policy_role_named(p->policy, q->role, strlen(q->role));
	a.field = policy_field_named(p->policy, q->field, strlen(q->field));
	if (a.role == NULL || a.field == NULL) {
		*ret_unknown = a.role == NULL ? q->role : q->field;
		return CV_ERR_NOTFOUND;
	}
	a.purpose = policy_purpose_named(p->policy, q->purpose, strlen(q->purpose));
	who = (struct policy_subject){ &a.role->id, 1, a.purpose };
	if (policy_purpose_prohibited(q->purpose, strlen(q->purpose)))
		explain_no(&a, DECIDE_PROHIBITED);
	else if (a.purpose < 0)
		explain_no(&a, DECIDE_PURPOSE_UNKNOWN);
	else if (q->write)
		explain_write(&a, &who, &answer);
	else
		explain_read(&a, &who, &answer);
	if (!buf_ok(ret))
		return CV_ERR_NOMEM;
	*ret_yes = answer;
	return 0;
}
