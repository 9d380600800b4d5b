#include "format/tlog_policy.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"

#define ITEMS_MAX (3u + TLOG_MEMBERS_MAX)	/* items of a line: "group", name, k, members */
#define NO_MEMBER UINT32_MAX

/* What the decoding knows besides the policy. */
struct reading {
	struct tlog_policy *p;
	bool used[TLOG_MEMBERS_MAX];	/* it is a member of a group already */
	bool has_quorum;
	struct tlog_name item[ITEMS_MAX];
	unsigned items;
};

static bool is(const struct tlog_name *a, const char *word)
{
	return a->n == strlen(word) && memcmp(a->p, word, a->n) == 0;
}

static bool same(const struct tlog_name *a, const struct tlog_name *b)
{
	return a->n == b->n && memcmp(a->p, b->p, a->n) == 0;
}

/* The member of this name, or NO_MEMBER. */
static unsigned find(const struct tlog_policy *p, const struct tlog_name *name)
{
	for (unsigned i = 0; i < p->witnesses; i++)
		if (same(&p->witness[i].name, name))
			return i;
	for (unsigned i = 0; i < p->groups; i++)
		if (same(&p->group[i].name, name))
			return TLOG_WITNESSES_MAX + i;
	return NO_MEMBER;
}

/* Whether a witness or group may be given this name. */
static bool name_free(const struct tlog_policy *p, const struct tlog_name *name)
{
	return !is(name, "none") && find(p, name) == NO_MEMBER;
}

/* log VKEY [URL] */
static bool log_line(struct reading *r)
{
	struct tlog_policy *p = r->p;
	struct vkey *k = &p->log[p->logs];

	if (r->items < 2 || r->items > 3 || p->logs == TLOG_LOGS_MAX)
		return false;
	if (vkey_decode(r->item[1].p, r->item[1].n, NOTE_ED25519, k) != 0)
		return false;
	for (unsigned i = 0; i < p->logs; i++)
		if (memcmp(p->log[i].pk, k->pk, sizeof(k->pk)) == 0)
			return false;
	p->logs++;
	return true;
}

/* witness NAME VKEY [URL] */
static bool witness_line(struct reading *r)
{
	struct tlog_policy *p = r->p;
	struct tlog_witness *w = &p->witness[p->witnesses];

	if (r->items < 3 || r->items > 4 || p->witnesses == TLOG_WITNESSES_MAX || !name_free(p, &r->item[1]))
		return false;
	if (vkey_decode(r->item[2].p, r->item[2].n, NOTE_COSIGNATURE, &w->key) != 0)
		return false;
	for (unsigned i = 0; i < p->witnesses; i++)
		if (memcmp(p->witness[i].key.pk, w->key.pk, sizeof(w->key.pk)) == 0)
			return false;
	w->name = r->item[1];
	p->witnesses++;
	return true;
}

/* How many of n members are asked for; 0: not 1 to n. */
static unsigned threshold(const struct tlog_name *item, unsigned n)
{
	unsigned k = 0;

	if (is(item, "any"))
		return 1;
	if (is(item, "all"))
		return n;
	for (size_t i = 0; i < item->n; i++) {
		if (item->p[i] < '0' || item->p[i] > '9' || (i == 0 && item->p[i] == '0'))
			return 0;
		k = k * 10 + (unsigned)(item->p[i] - '0');
		if (k > n)
			return 0;
	}
	return k;
}

/* group NAME K MEMBER… A member belongs to one group only, so that no witness counts twice. */
static bool group_line(struct reading *r)
{
	struct tlog_policy *p = r->p;
	struct tlog_group *g = &p->group[p->groups];

	if (r->items < 4 || p->groups == TLOG_GROUPS_MAX || !name_free(p, &r->item[1]))
		return false;
	g->name = r->item[1];
	g->n = r->items - 3;
	g->k = threshold(&r->item[2], g->n);
	if (g->k == 0)
		return false;
	for (unsigned i = 0; i < g->n; i++) {
		unsigned m = find(p, &r->item[3 + i]);

		if (m == NO_MEMBER || r->used[m])
			return false;
		r->used[m] = true;
		g->member[i] = (uint8_t)m;
	}
	p->groups++;
	return true;
}

/* quorum NAME */
static bool quorum_line(struct reading *r)
{
	unsigned m;

	if (r->items != 2 || r->has_quorum)
		return false;
	m = is(&r->item[1], "none") ? TLOG_MEMBERS_MAX : find(r->p, &r->item[1]);
	if (m == NO_MEMBER)
		return false;
	r->p->quorum = m;
	r->has_quorum = true;
	return true;
}

/* Part a line of n bytes into its items. False: an octet that may not stand there, or too many. */
static bool split(struct reading *r, const char *p, size_t n)
{
	bool inside = false;

	r->items = 0;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		if ((c < 0x20 && c != '\t') || c == 0x7F)
			return false;
		if (c == ' ' || c == '\t') {
			inside = false;
			continue;
		}
		if (!inside) {
			if (r->items == ITEMS_MAX)
				return false;
			r->item[r->items++] = (struct tlog_name){ p + i, 0 };
			inside = true;
		}
		r->item[r->items - 1].n++;
	}
	return true;
}

/* A comment may be of any length and holds no items. */
static bool comment(const char *p, size_t n, bool *ret_ok)
{
	size_t i = 0;

	while (i < n && (p[i] == ' ' || p[i] == '\t'))
		i++;
	if (i == n || p[i] != '#')
		return false;
	*ret_ok = true;
	for (; i < n; i++)
		*ret_ok = *ret_ok && ((unsigned char)p[i] >= 0x20 || p[i] == '\t') && p[i] != 0x7F;
	return true;
}

static bool line(struct reading *r, const char *p, size_t n)
{
	bool ok;

	if (comment(p, n, &ok))
		return ok;
	if (!split(r, p, n))
		return false;
	if (r->items == 0)
		return true;
	if (is(&r->item[0], "log"))
		return log_line(r);
	if (is(&r->item[0], "witness"))
		return witness_line(r);
	if (is(&r->item[0], "group"))
		return group_line(r);
	return is(&r->item[0], "quorum") && quorum_line(r);
}

int tlog_policy_decode(const char *p, size_t n, struct tlog_policy *ret, unsigned *ret_line)
{
	const char *end = p + n, *nl;
	struct reading r = { .p = ret };
	unsigned at = 1;

	memset(ret, 0, sizeof(*ret));
	for (; p < end; p = nl + 1, at++) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (nl == NULL || n > TLOG_POLICY_MAX || !line(&r, p, (size_t)(nl - p)))
			break;
	}
	if (p == end && r.has_quorum)
		return 0;
	*ret_line = at;
	return CV_ERR_FORMAT;
}

/* The time since which a member vouches; groups' members stand before them, so their times are known. */
static uint64_t group_time(const struct tlog_group *g, const uint64_t member_s[TLOG_MEMBERS_MAX])
{
	uint64_t best = 0;

	/* The k-th latest: the latest time that at least k members reach. */
	for (unsigned i = 0; i < g->n; i++) {
		uint64_t t = member_s[g->member[i]];
		unsigned reach = 0;

		for (unsigned j = 0; j < g->n; j++)
			reach += member_s[g->member[j]] >= t;
		if (reach >= g->k && t > best)
			best = t;
	}
	return best;
}

uint64_t tlog_policy_time(const struct tlog_policy *p, const uint64_t time_s[TLOG_WITNESSES_MAX])
{
	uint64_t member_s[TLOG_MEMBERS_MAX] = { 0 };

	if (p->quorum == TLOG_MEMBERS_MAX)
		return TLOG_NONE;
	memcpy(member_s, time_s, p->witnesses * sizeof(time_s[0]));
	for (unsigned i = 0; i < p->groups; i++)
		member_s[TLOG_WITNESSES_MAX + i] = group_time(&p->group[i], member_s);
	return member_s[p->quorum];
}

void tlog_policy_encode(const struct vkey *log, const struct vkey *witness, unsigned n, unsigned k, struct buf *ret)
{
	if (log != NULL) {
		buf_text(ret, "log ");
		vkey_encode(log, ret);
	}
	for (unsigned i = 0; i < n; i++) {
		buf_printf(ret, "witness %s ", witness[i].name);
		vkey_encode(&witness[i], ret);
	}
	if (k == 0) {
		buf_text(ret, "quorum none\n");
		return;
	}
	buf_printf(ret, "group witnesses %u", k);
	for (unsigned i = 0; i < n; i++)
		buf_printf(ret, " %s", witness[i].name);
	buf_text(ret, "\nquorum witnesses\n");
}
