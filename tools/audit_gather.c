/* A log folder verified, opened and counted. */
#include "audit_gather.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"

#define MANY_CHILDREN 30u
#define MANY_REFUSALS 5u

void gather_options(struct gather_ask *ask, struct cli_option *ret)
{
	const struct cli_option options[GATHER_OPTIONS] = {
		{ "key", OPTION_TEXT, &ask->key, "FILE", "the auditor's key file (CHILDVAULT_KEY)", "审计员密钥文件（CHILDVAULT_KEY）" },
		{ "passphrase-fd", OPTION_NUMBER, &ask->passphrase_fd, "N", "read its passphrase from descriptor N", "从描述符 N 读口令" },
		{ "vkey", OPTION_TEXT, &ask->vkey, "FILE", "the verifier key that you kept", "自己保存的验证公钥" },
		{ "known", OPTION_TEXT, &ask->known, "FILE", "a checkpoint kept from earlier", "以前保存的检查点" },
		{ "policy", OPTION_TEXT, &ask->policy, "FILE", "a tlog-policy file: witnesses that you trust", "tlog-policy 文件：所信任的见证人" },
		{ "zone", OPTION_TEXT, &ask->zone, "+HH:MM", "clock of the place; +08:00 by default", "当地时区，默认 +08:00" },
		{ "hours", OPTION_TEXT, &ask->hours, "A-B", "ordinary hours, Monday to Friday; 08:00-18:00 by default",
		    "工作时间（周一至周五），默认 08:00-18:00" },
		{ "many", OPTION_NUMBER, &ask->many, "N", "children of one person in a day above which it is many; 30 by default",
		    "一人一天查阅超过 N 名儿童即为大量，默认 30" },
		{ "emergency", OPTION_TEXT, &ask->emergency, "PURPOSE", "the purpose for emergencies; `emergency` by default",
		    "紧急情况所用的目的，默认 emergency" } };

	*ask = (struct gather_ask){ .key = getenv("CHILDVAULT_KEY"), .zone = "+08:00", .hours = "08:00-18:00", .emergency = "emergency",
		.many = MANY_CHILDREN, .refusals = MANY_REFUSALS, .passphrase_fd = UINT64_MAX };
	memcpy(ret, options, sizeof options);
}

/* ---- what was asked ---------------------------------------------------------------------------------------------------- */

static bool two_digits(const char *s, unsigned *ret)
{
	if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9')
		return false;
	*ret = (unsigned)(s[0] - '0') * 10 + (unsigned)(s[1] - '0');
	return true;
}

/* "HH:MM" as minutes, at most 24:00. */
static bool clock_minutes(const char *s, unsigned *ret)
{
	unsigned h, m;

	if (strnlen(s, 5) < 5 || !two_digits(s, &h) || s[2] != ':' || !two_digits(s + 3, &m) || m > 59 || h * 60 + m > 24 * 60)
		return false;
	*ret = h * 60 + m;
	return true;
}

bool gather_date(const char *s, int32_t *ret)
{
	static const uint8_t lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	unsigned century, year, month, day, last;

	if (strlen(s) != 10 || !two_digits(s, &century) || !two_digits(s + 2, &year) || s[4] != '-' || !two_digits(s + 5, &month) ||
	    s[7] != '-' || !two_digits(s + 8, &day) || month < 1 || month > 12)
		return false;
	year += century * 100;
	last = lengths[month - 1] + (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 1u : 0u);
	if (year < 1970 || day < 1 || day > last)
		return false;
	*ret = clock_days((int)year, month, day);
	return true;
}

static int take_rules(const struct gather_ask *ask, struct tally_rules *ret)
{
	unsigned zone;

	if ((ask->zone[0] != '+' && ask->zone[0] != '-') || !clock_minutes(ask->zone + 1,
	    &zone) || strlen(ask->zone) != 6 || zone > 14 * 60)
		return cli_fail(EXIT_USAGE, "--zone is like +08:00", "--zone 形如 +08:00");
	if (strlen(ask->hours) != 11 || ask->hours[5] != '-' || !clock_minutes(ask->hours, &ret->from_minute) ||
	    !clock_minutes(ask->hours + 6, &ret->to_minute) || ret->from_minute >= ret->to_minute)
		return cli_fail(EXIT_USAGE, "--hours are like 08:00-18:00", "--hours 形如 08:00-18:00");
	if (ask->many == 0 || ask->many > 1000000 || ask->refusals == 0 || ask->refusals > 1000000)
		return cli_fail(EXIT_USAGE, "a number that is to be many is 1 to 1000000", "数量应为 1 至 1000000");
	ret->zone_minutes = ask->zone[0] == '-' ? -(int)zone : (int)zone;
	ret->many_children = (unsigned)ask->many;
	ret->many_refusals = (unsigned)ask->refusals;
	return 0;
}

/* ---- the folder ------------------------------------------------------------------------------------------------------------ */

static void on_finding(void *cookie, const struct childvault_audit_finding *f)
{
	struct gathered *g = cookie;
	struct gather_finding *x;

	g->all_findings++;
	if (g->findings == GATHER_FINDINGS)
		return;
	x = &g->finding[g->findings++];
	snprintf(x->name, sizeof x->name, "%s", childvault_audit_name(f->kind));
	childvault_audit_describe(f, tr("en", "zh"), x->text, sizeof x->text);
	x->fault = f->fault != 0;
}

static int verify(const struct gather_ask *ask, struct gathered *g)
{
	const struct childvault_audit_options o = { .dir = ask->dir, .vkey_file = ask->vkey, .known_file = ask->known,
		.policy_file = ask->policy, .found = on_finding,
		.cookie = g };

	g->verdict = childvault_audit_verify(&o, &g->summary);
	return g->verdict >= 0 ? 0 : cli_fail(EXIT_FAILED, "%s cannot be verified: no log folder, no verifier key, or not readable",
	    "无法核对 %s：不是日志目录、没有公钥或不可读", ask->dir);
}

static void learn(struct gathered *g, struct gather_names *names, uint16_t id, const char *code, const struct policy_label *label)
{
	struct gather_name *x = NULL;

	for (size_t i = 0; i < names->n && x == NULL; i++)
		if (names->item[i].id == id)
			x = &names->item[i];
	if (x == NULL) {
		if (names->n == names->room) {
			struct gather_name *more = realloc(names->item, (names->room + 64) * sizeof *more);

			if (more == NULL) {
				g->tally.poor = true;
				return;
			}
			names->item = more;
			names->room += 64;
		}
		x = &names->item[names->n++];
	}
	*x = (struct gather_name){ id, code, *label };
}

/* Another policy rules from here on: its names take the place of those of the same ids. */
static void learn_policy(struct gathered *g, const struct policy *p, const char *emergency)
{
	int at = policy_purpose_named(p, emergency, strlen(emergency));

	g->tally.rules.emergency = at >= 0 ? policy_purpose(p, (unsigned)at)->id : 0;
	for (unsigned i = 0; i < policy_roles(p); i++) {
		const struct policy_role *r = policy_role(p, i);

		learn(g, &g->roles, r->id, r->name, &r->label);
	}
	for (unsigned i = 0; i < policy_purposes(p); i++) {
		const struct policy_purpose *u = policy_purpose(p, i);

		learn(g, &g->purposes, u->id, u->name, &u->label);
	}
	for (unsigned i = 0; i < policy_departments(p); i++) {
		const struct policy_department *d = policy_department(p, i);

		learn(g, &g->departments, d->id, d->name, &d->label);
	}
}

static struct act act_of(const struct trail_entry *e)
{
	struct act a = { .index = e->leaf.index, .time_ms = e->leaf.time_ms, .epoch = e->leaf.epoch, .kind = e->leaf.kind,
		.known = e->opened };

	if (!e->opened)
		return a;
	memcpy(a.principal, e->actor.principal, 16);
	a.role = e->actor.role;
	a.department = e->actor.department;
	a.purpose = e->actor.purpose;
	a.outcome = e->actor.outcome;
	a.fields = e->actor.fields;
	a.view = e->actor.view;
	memcpy(a.child, e->actor.child, 8);
	if (e->has_detail) {
		a.count = e->detail.count;
		memcpy(a.about, e->detail.approval, 16);
	}
	return a;
}

/*
 * Entries are of the day that their epoch says, also where the clock went back, or where what closes a day was written on the next; so
 * the walk begins a day early.
 */
static int count_all(const struct gather_ask *ask, struct gathered *g)
{
	const struct policy *policy = NULL;
	struct trail_entry e;
	int r = trail_between(g->trail, g->first_day > 1 ? (uint64_t)(g->first_day - 1) * DAY_MS : 0, UINT64_MAX);

	while (r == 0 && (r = trail_next(g->trail, &e)) == 1) {
		bool clear = (e.leaf.flags & LEAF_CLEAR) != 0;
		int64_t day = (int64_t)trail_genesis(g->trail)->first_day + e.leaf.epoch;
		struct act a = act_of(&e);

		r = 0;
		if (day > g->last_day)
			break;
		if (day < g->first_day)
			continue;
		g->nameless += e.policy == NULL && a.role != 0;
		if (e.policy != NULL && e.policy != policy)
			learn_policy(g, policy = e.policy, ask->emergency);
		if (g->each != NULL)
			g->each(g->cookie, &e, &a);
		tally_add(&g->tally, &a, clear ? e.leaf.body_a : NULL, clear ? e.leaf.body_a_n : 0);
	}
	g->cut = r < 0 && g->verdict != 0 && r != CV_ERR_NOMEM;
	if (g->cut)
		r = 0;
	if (r == 0 && g->tally.poor)
		r = CV_ERR_NOMEM;
	return r == 0 ? 0 : cli_fail(EXIT_FAILED, "%s: %s", "%s：%s", ask->dir, cv_strerror(r));
}

int gather_may_write(const struct gather_ask *ask, const char *out)
{
	const char *read[] = { ask->key, ask->vkey, ask->known, ask->policy };
	char months[PATH_MAX];
	bool same = ask->key != NULL && trail_months_path(ask->key, months) && cli_same_file(out, months);

	for (size_t i = 0; i < sizeof read / sizeof read[0]; i++)
		same = same || cli_same_file(out, read[i]);
	return same ? cli_fail(EXIT_USAGE, "%s is the key or another file that is read: it is not overwritten",
	    "%s 是密钥或所读取的文件，不予覆盖", out) : 0;
}

int gather(const struct gather_ask *ask, struct gathered *g)
{
	struct tally_rules rules = { 0 };
	int code, r;

	if (ask->key == NULL || ask->key[0] == 0)
		return cli_fail(EXIT_USAGE, "whose key? --key FILE of an auditor", "请用 --key 指定审计员密钥文件");
	if ((code = take_rules(ask, &rules)) != 0)
		return code;
	if (!tally_begin(&g->tally, &rules))
		return cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	if ((code = verify(ask, g)) != 0 || (code = trail_key(ask->key, ask->passphrase_fd, &g->key)) != 0)
		return code;
	if ((r = trail_open(ask->dir, &g->key, &g->trail)) != 0)
		return cli_fail(EXIT_FAILED, "%s does not open with this key: %s", "无法用此密钥打开 %s：%s", ask->dir, cv_strerror(r));
	return count_all(ask, g);
}

void gather_free(struct gathered *g)
{
	client_key_clear(&g->key);
	tally_free(&g->tally);
	trail_close(g->trail);
	g->trail = NULL;
	free(g->roles.item);
	free(g->purposes.item);
	free(g->departments.item);
	g->roles = g->purposes = g->departments = (struct gather_names){ NULL, 0, 0 };
}

/* ---- names --------------------------------------------------------------------------------------------------------------- */

void gather_day(const struct gathered *g, uint32_t epoch, char ret[16])
{
	unsigned month, day;
	int year;

	clock_date((int32_t)(trail_genesis(g->trail)->first_day + epoch), &year, &month, &day);
	snprintf(ret, 16, "%04u-%02u-%02u", (unsigned)year % 10000, month % 100, day % 100);
}

void gather_zone(const struct tally_rules *r, char ret[GATHER_ZONE])
{
	unsigned minutes = (unsigned)abs(r->zone_minutes);

	snprintf(ret, GATHER_ZONE, "%c%02u:%02u", r->zone_minutes < 0 ? '-' : '+', minutes / 60 % 100, minutes % 60);
}

void gather_hours(const struct tally_rules *r, char ret[GATHER_ZONE])
{
	snprintf(ret, GATHER_ZONE, "%02u:%02u-%02u:%02u", r->from_minute / 60 % 100, r->from_minute % 60, r->to_minute / 60 % 100,
	    r->to_minute % 60);
}

void gather_time(const struct gathered *g, uint64_t ms, char ret[24])
{
	int64_t local = (int64_t)ms + (int64_t)g->tally.rules.zone_minutes * 60 * 1000;
	char text[25];

	clock_rfc3339(local > 0 ? (uint64_t)local : 0, text);
	text[10] = ' ';
	snprintf(ret, 24, "%.16s", text);
}

static const struct gather_name *name_of(const struct gather_names *names, uint16_t id)
{
	for (size_t i = 0; i < names->n; i++)
		if (names->item[i].id == id)
			return &names->item[i];
	return NULL;
}

const char *gather_name(const struct gather_names *names, uint16_t id, char *ret)
{
	const struct gather_name *x = name_of(names, id);

	if (id == 0)
		snprintf(ret, GATHER_NAME, "%s", tr("(none)", "（无）"));
	else if (x == NULL)
		snprintf(ret, GATHER_NAME, "%u", id);
	else
		snprintf(ret, GATHER_NAME, "%s", tr(x->label.en, x->label.zh));
	return ret;
}

const char *gather_code(const struct gather_names *names, uint16_t id)
{
	const struct gather_name *x = name_of(names, id);

	return x != NULL ? x->code : "";
}

/* A person's department is a text of its own; where it is a code of the policy, that one's label says more. */
static const char *department_words(const struct gathered *g, const char *department)
{
	for (size_t i = 0; i < g->departments.n; i++)
		if (strcmp(g->departments.item[i].code, department) == 0)
			return tr(g->departments.item[i].label.en, g->departments.item[i].label.zh);
	return department;
}

const char *gather_person(const struct gathered *g, const uint8_t principal[16], char *ret)
{
	static const uint8_t nobody[16];
	const struct client_person *p = trail_person(g->trail, principal);
	char hex[33];

	if (memcmp(principal, nobody, 16) == 0) {
		snprintf(ret, GATHER_NAME, "%s", tr("(nobody known)", "（身份不明）"));
	} else if (p == NULL) {
		hex_encode(principal, 16, hex);
		snprintf(ret, GATHER_NAME, "%s", hex);
	} else {
		snprintf(ret, GATHER_NAME, "%.150s%s%.150s", p->name[0] != 0 ? p->name : p->login, p->department[0] != 0 ? tr(", ",
		    "，") : "",
		    department_words(g, p->department));
	}
	return ret;
}
