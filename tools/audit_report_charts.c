/* The report's charts: how much, by whom, for what. Each is drawn from the same numbers as the table beside it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit_report.h"
#include "format/message.h"

#define SHOWN 20u		/* people, days of people and such that are listed */
#define BUCKETS_DAYS 62u	/* more days than this are shown by the week */
#define BUCKETS_WEEKS 1000u	/* more than this by four weeks */
#define ROLES_SHOWN 100u

#define DRAWN 4u		/* groups that charts of accesses show */
static const enum act_group drawn[DRAWN] = { ACT_READ, ACT_CLEAR, ACT_CHANGE, ACT_REFUSED };

static void group_names(const char *ret[ACT_GROUPS])
{
	for (unsigned i = 0; i < DRAWN; i++)
		ret[i] = word_group_short(drawn[i]);
	ret[DRAWN] = word_group_short(ACT_LISTED);
	ret[DRAWN + 1] = word_group_short(ACT_OTHER);
}

/* A section that has nothing to show says so. */
static bool nothing(struct page *p, const struct grid *g)
{
	if (g->rows > 0)
		return false;
	page_element(p, "p class=\"dim\"", tr("None in this period.", "本期间没有。"));
	return true;
}

/* ---- by day and role --------------------------------------------------------------------------------------------------- */

static size_t bucket_days(const struct tally *t)
{
	return t->day_count <= BUCKETS_DAYS ? 1 : t->day_count <= BUCKETS_WEEKS ? 7 : 28;
}

static const char *bucket_head(size_t step)
{
	return step == 1 ? tr("day", "日期") : step == 7 ? tr("week from", "起始日（按周）") : tr("four weeks from", "起始日（按四周）");
}

static void by_day(struct page *p, const struct gathered *g)
{
	const struct tally *t = &g->tally;
	size_t step = bucket_days(t);
	const char *names[ACT_GROUPS];
	struct grid grid;
	char day[16];

	group_names(names);
	grid_begin(&grid, tr("Accesses by day", "每日访问量"), bucket_head(step), DRAWN + 2, DRAWN, names);
	for (size_t i = 0; i < t->day_count; i += step) {
		uint64_t v[DRAWN + 2] = { 0 };

		for (size_t k = i; k < i + step && k < t->day_count; k++) {
			for (unsigned c = 0; c < DRAWN; c++)
				v[c] += t->days[k].n[drawn[c]];
			v[DRAWN] += t->days[k].n[ACT_LISTED];
			v[DRAWN + 1] += t->days[k].n[ACT_OTHER];
		}
		gather_day(g, t->days[i].epoch, day);
		grid_row(&grid, day, v);
	}
	if (!nothing(p, &grid))
		page_columns(p, &grid);
	grid_free(&grid);
}

struct sum {
	uint16_t id, other;
	uint64_t v[DRAWN], all;
};
struct sums {
	struct sum item[POLICY_ROLES + OUTCOME_COUNT];
	size_t n;
};

/* The sum of an id, which a full table gives to its last one. */
static struct sum *sum_of(struct sums *s, uint16_t id)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->item[i].id == id)
			return &s->item[i];
	if (s->n == sizeof s->item / sizeof s->item[0])
		return &s->item[s->n - 1];
	s->item[s->n] = (struct sum){ .id = id };
	return &s->item[s->n++];
}

static int by_size(const void *a, const void *b)
{
	const struct sum *x = a, *y = b;

	if (x->all != y->all)
		return x->all < y->all ? 1 : -1;
	return (x->id > y->id) - (x->id < y->id);
}

/* Sum the cells of accesses and refusals by what of says, the largest first. */
static void sum_cells(const struct tally *t, uint16_t (*of)(const struct tally_cell *), struct sums *s)
{
	memset(s, 0, sizeof *s);
	for (size_t i = 0; i < t->cell_count; i++) {
		const struct tally_cell *c = &t->cells[i];
		const struct act a = { .kind = c->kind, .view = c->view };
		enum act_group g = act_group(&a);
		struct sum *x;

		if (g == ACT_OTHER || g == ACT_LISTED)
			continue;
		x = sum_of(s, of(c));
		x->other = c->department;
		x->all += c->count;
		for (unsigned k = 0; k < DRAWN; k++)
			x->v[k] += drawn[k] == g ? c->count : 0;
	}
	qsort(s->item, s->n, sizeof s->item[0], by_size);
}

static uint16_t role_of(const struct tally_cell *c) { return c->role; }
static uint16_t purpose_of(const struct tally_cell *c) { return c->purpose; }

static void role_label(const struct gathered *g, const struct sum *x, char *ret, size_t n)
{
	char role[GATHER_NAME], department[GATHER_NAME];

	gather_name(&g->roles, x->id, role);
	if (x->id == 0 || x->other == 0)
		snprintf(ret, n, "%s", role);
	else
		snprintf(ret, n, tr("%s (%s)", "%s（%s）"), role, gather_name(&g->departments, x->other, department));
}

static void by_role(struct page *p, const struct gathered *g, const struct sums *s)
{
	const char *names[ACT_GROUPS];
	struct grid grid;
	char label[2 * GATHER_NAME + 8];

	group_names(names);
	grid_begin(&grid, tr("Accesses by role", "按角色的访问量"), tr("role", "角色"), DRAWN, DRAWN, names);
	for (size_t i = 0; i < s->n; i++) {
		role_label(g, &s->item[i], label, sizeof label);
		grid_row(&grid, label, s->item[i].v);
	}
	if (!nothing(p, &grid))
		page_bars(p, &grid);
	grid_free(&grid);
}

/* Place of a role among the first n sums; n: it is not there. */
static size_t place_of(const struct sums *s, size_t n, uint16_t role)
{
	size_t at = 0;

	while (at < n && s->item[at].id != role)
		at++;
	return at;
}

/* Answered accesses by day and role at once. */
static void by_day_and_role(struct page *p, const struct gathered *g, const struct sums *s)
{
	const struct tally *t = &g->tally;
	size_t step = bucket_days(t), roles = s->n < ROLES_SHOWN ? s->n : ROLES_SHOWN, buckets = (t->day_count + step - 1) / step;
	uint64_t *v = calloc(buckets * roles + 1, sizeof *v);
	char (*labels)[GATHER_NAME] = malloc((roles + 1) * sizeof *labels);
	const char *names[GRID_COLUMNS];
	struct grid grid = { .poor = true };
	char day[16];

	if (v == NULL || labels == NULL || roles == 0)
		goto out;
	for (size_t i = 0; i < roles; i++)
		names[i] = gather_name(&g->roles, s->item[i].id, labels[i]);
	for (size_t i = 0; i < t->role_day_count; i++) {
		size_t at = place_of(s, roles, t->role_days[i].role);

		if (at < roles)
			v[t->role_days[i].day / step * roles + at] += t->role_days[i].accesses;
	}
	grid_begin(&grid, tr("Answered accesses by day and role", "按日期和角色的访问量（已答复）"), bucket_head(step), (unsigned)roles,
	    (unsigned)roles, names);
	for (size_t i = 0; i < buckets; i++) {
		gather_day(g, t->days[i * step].epoch, day);
		grid_row(&grid, day, v + i * roles);
	}
	page_strips(p, &grid);
out:
	grid_free(&grid);
	free(labels);
	free(v);
}

void report_volume(struct page *p, const struct gathered *g)
{
	struct sums *s = malloc(sizeof *s);

	page_section(p, "volume", tr("Volume by day and role", "访问量"));
	by_day(p, g);
	if (s != NULL) {
		sum_cells(&g->tally, role_of, s);
		by_role(p, g, s);
		by_day_and_role(p, g, s);
	} else {
		p->b.bad = true;
	}
	page_section_end(p);
	free(s);
}

/* ---- purposes, refusals ---------------------------------------------------------------------------------------------------- */

void report_purposes(struct page *p, const struct gathered *g)
{
	struct sums *s = malloc(sizeof *s);
	const char *names[ACT_GROUPS];
	struct grid grid;
	char label[GATHER_NAME];

	page_section(p, "purposes", tr("Purposes", "访问目的"));
	group_names(names);
	grid_begin(&grid, tr("Accesses by purpose", "按目的的访问量"), tr("purpose", "目的"), DRAWN, DRAWN, names);
	if (s != NULL) {
		sum_cells(&g->tally, purpose_of, s);
		for (size_t i = 0; i < s->n; i++)
			grid_row(&grid, gather_name(&g->purposes, s->item[i].id, label), s->item[i].v);
		if (!nothing(p, &grid))
			page_bars(p, &grid);
	} else {
		p->b.bad = true;
	}
	grid_free(&grid);
	page_section_end(p);
	free(s);
}

void report_refusals(struct page *p, const struct gathered *g)
{
	const char *const names[] = { tr("refusals", "次数") };
	struct sums *s = calloc(1, sizeof *s);
	struct grid grid;

	page_section(p, "refusals", tr("Refusals by reason", "拒绝原因"));
	grid_begin(&grid, tr("Refusals by reason", "拒绝原因"), tr("reason", "原因"), 1, 1, names);
	for (size_t i = 0; s != NULL && i < g->tally.cell_count; i++) {
		const struct tally_cell *c = &g->tally.cells[i];
		const struct act a = { .kind = c->kind, .view = c->view };

		if (act_group(&a) == ACT_REFUSED)
			sum_of(s, c->outcome)->all += c->count;
	}
	if (s != NULL) {
		qsort(s->item, s->n, sizeof s->item[0], by_size);
		for (size_t i = 0; i < s->n; i++)
			grid_row(&grid, word_outcome(s->item[i].id), &s->item[i].all);
		if (!nothing(p, &grid))
			page_bars(p, &grid);
	} else {
		p->b.bad = true;
	}
	grid_free(&grid);
	page_section_end(p);
	free(s);
}

/* ---- days of people ---------------------------------------------------------------------------------------------------------- */

/* Person-days by what of says, most first; no more than SHOWN. */
struct ranked {
	const struct person_day *item[SHOWN];
	size_t n, all;
};

static void rank(const struct tally *t, uint32_t (*of)(const struct person_day *), uint32_t above, struct ranked *ret)
{
	memset(ret, 0, sizeof *ret);
	for (size_t i = 0; i < t->person_day_count; i++) {
		const struct person_day *d = &t->person_days[i];
		size_t at;

		if (of(d) <= above)
			continue;
		ret->all++;
		for (at = ret->n < SHOWN ? ret->n : SHOWN; at > 0 && of(ret->item[at - 1]) < of(d); at--)
			if (at < SHOWN)
				ret->item[at] = ret->item[at - 1];
		if (at == SHOWN)
			continue;
		ret->item[at] = d;
		ret->n += ret->n < SHOWN;
	}
}

static void ranked_grid(struct grid *grid, const struct gathered *g, const struct ranked *r, uint32_t (*of)(const struct person_day *))
{
	for (size_t i = 0; i < r->n; i++) {
		const struct person_day *d = r->item[i];
		uint64_t v[4] = { of(d), d->n[ACT_READ], d->n[ACT_CLEAR], d->n[ACT_CHANGE] };
		char who[GATHER_NAME], day[16], label[GATHER_NAME + 32];

		gather_day(g, d->epoch, day);
		snprintf(label, sizeof label, "%s  %s", day, gather_person(g, g->tally.people[d->person].id, who));
		grid_row(grid, label, v);
	}
}

static void say_rest(struct page *p, const struct ranked *r)
{
	char text[128];

	if (r->all <= r->n)
		return;
	snprintf(text, sizeof text, tr("The largest %zu of %zu.", "列出 %2$zu 项中最多的 %1$zu 项。"), r->n, r->all);
	page_element(p, "p class=\"dim\"", text);
}

static void ranked_chart(struct page *p, const struct gathered *g, const char *caption, const char *what, uint32_t above,
    uint32_t (*of)(const struct person_day *))
{
	const char *const names[] = { what, word_group_short(ACT_READ), word_group_short(ACT_CLEAR), word_group_short(ACT_CHANGE) };
	struct ranked r;
	struct grid grid;

	rank(&g->tally, of, above, &r);
	grid_begin(&grid, caption, tr("day and person", "日期与人员"), 4, 1, names);
	ranked_grid(&grid, g, &r, of);
	if (!nothing(p, &grid))
		page_bars(p, &grid);
	say_rest(p, &r);
	grid_free(&grid);
}

static uint32_t emergencies(const struct person_day *d) { return d->emergency; }
static uint32_t lates(const struct person_day *d) { return d->late; }
static uint32_t children(const struct person_day *d) { return d->children; }

static void revocations(struct page *p, const struct gathered *g)
{
	const char *const names[] = { tr("time", "时间"), tr("entry", "序号"), tr("by", "撤销人") };
	char who[GATHER_NAME], when[24], index[24];
	unsigned n = 0;

	for (size_t i = 0; i < g->tally.note_count; i++) {
		const struct act *a = &g->tally.notes[i].act;

		if (a->kind != LEAF_REVOKE || a->outcome != 0)
			continue;
		if (n++ == 0)
			page_table_begin(p, tr("Approvals revoked afterwards", "事后撤销的批准"), 3, names);
		gather_time(g, a->time_ms, when);
		page_row(p);
		page_cell(p, when, false);
		snprintf(index, sizeof index, "%llu", (unsigned long long)a->index);
		page_cell(p, index, false);
		page_cell(p, gather_person(g, a->principal, who), false);
	}
	if (n > 0)
		page_table_end(p);
	else
		page_element(p, "p class=\"dim\"", tr("No approval was revoked.", "没有撤销的批准。"));
}

void report_emergency(struct page *p, const struct gathered *g)
{
	page_section(p, "emergency", tr("Breaking the glass", "紧急访问"));
	page_element(p, "p", tr("Accesses whose purpose is the emergency, and approvals that were taken back.", "以紧急救助为目的的访问，以及事后撤销的批准。"));
	ranked_chart(p, g, tr("Accesses in an emergency", "紧急访问"), tr("in an emergency", "紧急访问"), 0, emergencies);
	revocations(p, g);
	page_section_end(p);
}

void report_hours(struct page *p, const struct gathered *g)
{
	const char *const names[] = { tr("Monday to Friday", "周一至周五"), tr("Saturday, Sunday", "周六、周日") };
	const struct tally_rules *r = &g->tally.rules;
	char text[256], zone[GATHER_ZONE], hours[GATHER_ZONE];
	struct grid grid;

	page_section(p, "hours", tr("Out of hours", "非工作时间"));
	gather_zone(r, zone);
	gather_hours(r, hours);
	snprintf(text, sizeof text, tr("Ordinary hours are Monday to Friday, %s, at %s of UTC. Public holidays are not known here.",
	    "工作时间为周一至周五 %s（UTC%s）。不考虑法定节假日。"), hours, zone);
	page_element(p, "p", text);
	grid_begin(&grid, tr("Answered accesses by hour of the day", "按时刻的访问量（已答复）"), tr("hour", "时刻"), 2, 2, names);
	for (unsigned h = 0; h < 24; h++) {
		uint64_t v[2] = { g->tally.hours[h] - g->tally.hours_free[h], g->tally.hours_free[h] };

		snprintf(text, sizeof text, "%02u:00", h);
		grid_row(&grid, text, v);
	}
	page_columns(p, &grid);
	grid_free(&grid);
	ranked_chart(p, g, tr("Accesses out of hours, by day and person", "非工作时间的访问（按日期与人员）"), tr("out of hours", "非工作时间"), 0,
	    lates);
	page_section_end(p);
}

/* ---- people --------------------------------------------------------------------------------------------------------------- */

static uint64_t accesses(const struct person_sum *s) { return s->n[ACT_READ] + s->n[ACT_CLEAR] + s->n[ACT_CHANGE]; }

static int by_accesses(const void *a, const void *b)
{
	const struct person_sum *x = *(const struct person_sum *const *)a, *y = *(const struct person_sum *const *)b;

	if (accesses(x) != accesses(y))
		return accesses(x) < accesses(y) ? 1 : -1;
	return memcmp(x->id, y->id, 16);
}

void report_readers(struct page *p, const struct gathered *g)
{
	const char *const names[] = { word_group_short(ACT_READ), word_group_short(ACT_CLEAR), word_group_short(ACT_CHANGE),
	    word_group_short(ACT_REFUSED),
		tr("children a day, summed", "儿童·日合计"), tr("most children in a day", "单日最多儿童"), tr("days", "天数") };
	const struct tally *t = &g->tally;
	const struct person_sum **all = malloc((t->people_count + 1) * sizeof(const struct person_sum *));
	struct grid grid;
	char who[GATHER_NAME];

	page_section(p, "readers", tr("Top readers", "查阅最多者"));
	grid_begin(&grid, tr("People with the most answered accesses", "访问最多的人员"), tr("person", "人员"), 7, 3, names);
	for (size_t i = 0; all != NULL && i < t->people_count; i++)
		all[i] = &t->people[i];
	if (all != NULL)
		qsort(all, t->people_count, sizeof(const struct person_sum *), by_accesses);
	for (size_t i = 0; all != NULL && i < t->people_count && i < SHOWN && accesses(all[i]) > 0; i++) {
		const struct person_sum *s = all[i];
		uint64_t v[7] = { s->n[ACT_READ], s->n[ACT_CLEAR], s->n[ACT_CHANGE], s->n[ACT_REFUSED], s->children, s->most_children,
		    s->days };

		grid_row(&grid, gather_person(g, s->id, who), v);
	}
	p->b.bad = p->b.bad || all == NULL;
	if (!nothing(p, &grid))
		page_bars(p, &grid);
	grid_free(&grid);
	free(all);
	page_section_end(p);
}

void report_bulk(struct page *p, const struct gathered *g)
{
	char text[256];

	page_section(p, "bulk", tr("Many children in one day", "单日大量查阅"));
	snprintf(text, sizeof text, tr("Days on which one person had answered accesses to more than %u different children.",
	    "一人一天访问超过 %u 名不同儿童的情形。"), g->tally.rules.many_children);
	page_element(p, "p", text);
	ranked_chart(p, g, tr("Different children, by day and person", "不同儿童数（按日期与人员）"), tr("children", "儿童"),
	    g->tally.rules.many_children, children);
	page_section_end(p);
}
