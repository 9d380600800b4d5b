/*
 * Members who stay away, or whose vetting is long past, are let in no more. FORMAT.md 5.1, type 14; POLICY.md section 5, "Members".
 *
 * The day of a member's last session stands in a row of its own, written at most once a day; from it follows when the member lapses,
 * which the directory in memory asks of everybody who acts. A row that is taken away or put back makes somebody lapse earlier.
 */
#include "vault/members.h"

#include <string.h>

#include "base/log.h"
#include "format/gov.h"

#define DAY_MS (24u * 3600 * 1000)
#define IDLE_DAYS 90u
#define VETTED_DAYS 366u
#define ROOM 1024u		/* bytes of a turn that a row takes at most */

enum { TAG_SESSION = 1, TAG_RESTORED = 2, TAG_SUSPENDED = 3, DAY = 4, TIME = 8 };

/* What a row says; zero where it says nothing. */
struct days {
	uint32_t last, restored;	/* days from 1 */
	uint64_t suspended_ms;
};

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/*
 * From when on p is refused; 0: never. Only those who have keys to data lapse: administrators, custodians and auditors have no reason to
 * come every season, and without them nobody could be restored. A demo vault waits for whoever tries it.
 */
static uint64_t lapses_ms(const struct vault *v, const struct principal *p)
{
	/* A stored day is counted from 1: its number of days is the end of it. */
	uint64_t seen = later((uint64_t)p->last_day * DAY_MS, (uint64_t)p->restored_day * DAY_MS), idle, vetted;

	if (v->demo || p->kind > PRINCIPAL_JOB)
		return 0;
	idle = later(seen, later(v->created_ms, p->not_before_ms)) + IDLE_DAYS * (uint64_t)DAY_MS;
	vetted = later(p->vetted_ms, (uint64_t)p->restored_day * DAY_MS) + VETTED_DAYS * (uint64_t)DAY_MS;
	return p->vetted_ms != 0 && vetted < idle ? vetted : idle;
}

static void set_days(struct vault *v, const uint8_t id[16], uint32_t last_day, uint32_t restored_day)
{
	const struct principal *p;

	directory_days(v->keys, id, last_day, restored_day);
	if ((p = directory_principal(v->keys, id)) != NULL)
		directory_lapse(v->keys, id, lapses_ms(v, p));
}

/* ---- rows -------------------------------------------------------------------------------------------------------------- */

static int take_item(const struct gov_item *item, struct days *d)
{
	if (item->tag == TAG_SUSPENDED && item->n == TIME)
		d->suspended_ms = be64_get(item->p);
	else if (item->tag == TAG_SESSION && item->n == DAY)
		d->last = be32_get(item->p);
	else if (item->tag == TAG_RESTORED && item->n == DAY)
		d->restored = be32_get(item->p);
	else
		return CV_ERR_FORMAT;
	return 0;
}

static int open_row(struct vault *v, const uint8_t id[16], const uint8_t *val, size_t val_n, struct days *ret)
{
	struct gov_prefix prefix;
	struct gov_items items;
	struct gov_item item;
	struct days d = { 0, 0, 0 };
	int r;

	if ((r = gov_prefix_decode(val, val_n, &prefix)) != 0 || prefix.type != GOV_DAYS)
		return CV_ERR_FORMAT;
	buf_reset(&v->scratch);
	if ((r = keys_gov_open(v->keys, GOV_DAYS, id, UINT32_MAX, val + GOV_PREFIX, val_n - GOV_PREFIX, &v->scratch)) == 0)
		r = gov_items_open(v->scratch.p, v->scratch.n, &items);
	while (r == 0 && gov_items_next(&items, &item))
		r = take_item(&item, &d);
	buf_reset(&v->scratch);
	if (r != 0)
		return r;
	*ret = d;
	return 0;
}

/* Append one item of n bytes, unless its number is zero. */
static void put_item(struct buf *b, unsigned *count, uint16_t tag, uint64_t number, size_t n)
{
	uint8_t p[TIME];

	if (number == 0)
		return;
	be64_put(p, number);
	gov_item_put(b, tag, p + sizeof(p) - n, n);
	(*count)++;
}

static int put_row(struct vault *v, const uint8_t id[16], const struct days *d)
{
	const struct gov_prefix prefix = { .epoch = keys_epoch(v->keys), .type = GOV_DAYS, .state = GOV_ACTIVE };
	uint8_t key[GOV_KEY];
	unsigned count = 0;
	size_t at;
	int r = CV_ERR_NOMEM;

	buf_reset(&v->scratch);
	at = gov_items_begin(&v->scratch);
	put_item(&v->scratch, &count, TAG_SESSION, d->last, DAY);
	put_item(&v->scratch, &count, TAG_RESTORED, d->restored, DAY);
	put_item(&v->scratch, &count, TAG_SUSPENDED, d->suspended_ms, TIME);
	gov_items_end(&v->scratch, at, count);
	buf_reset(&v->seal);
	gov_prefix_put(&v->seal, &prefix);
	gov_key(GOV_DAYS, id, key);
	if (buf_ok(&v->scratch) && buf_ok(&v->seal))
		r = keys_gov_seal(v->keys, GOV_DAYS, id, UINT32_MAX, v->scratch.p, v->scratch.n, &v->seal);
	if (r == 0)
		r = vault_put_hashed(v, STORE_GOV, key, sizeof(key), v->seal.p, v->seal.n);
	buf_reset(&v->scratch);
	buf_reset(&v->seal);
	return r;
}

static int load_row(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	struct vault *v = cookie;
	struct days d;
	int r;

	if (key_n != GOV_KEY)
		return CV_ERR_FORMAT;
	if ((r = open_row(v, key + 2, val, val_n, &d)) == 0)
		set_days(v, key + 2, d.last, d.restored);
	return r;
}

int members_load(struct vault *v)
{
	const struct principal *p;
	uint8_t prefix[2];
	int r;

	for (size_t i = 0; (p = directory_principal_at(v->keys, i)) != NULL; i++)
		set_days(v, p->id, 0, 0);
	be16_put(prefix, GOV_DAYS);
	if ((r = store_scan(v->store, STORE_GOV, prefix, sizeof(prefix), NULL, 0, false, 0, load_row, v)) != 0)
		log_error("a row of a member's days: %s", cv_strerror(r));
	return r;
}

/* What the row says now; nothing if it is not there or cannot be read. */
static struct days read_row(struct vault *v, const uint8_t id[16])
{
	struct days d = { 0, 0, 0 };
	struct store_value val;
	uint8_t key[GOV_KEY];

	gov_key(GOV_DAYS, id, key);
	if (store_get(v->store, STORE_GOV, key, sizeof(key), &val) == 0)
		(void)open_row(v, id, val.p, val.n, &d);	/* without it the member lapses earlier */
	return d;
}

void members_reread_days(struct vault *v, const uint8_t id[16])
{
	const struct days d = read_row(v, id);

	set_days(v, id, d.last, d.restored);
}

uint64_t members_suspended_ms(struct vault *v, const uint8_t id[16])
{
	return read_row(v, id).suspended_ms;
}

/* ---- days pass ------------------------------------------------------------------------------------------------------------ */

/* One more member whom the turn changes; false: no more can be. */
static bool mark(struct vault *v, const uint8_t id[16])
{
	if (v->marks_n == VAULT_MARKS)
		return false;
	memcpy(v->mark[v->marks_n++], id, 16);
	return true;
}

int members_seen(struct vault *v, struct vault_call *c)
{
	const struct principal *p = c->principal;
	uint32_t today = (uint32_t)c->today + 1;
	int r;

	/* Nobody is kept out because this day cannot be written: the next session writes it. Room is left for suspending. */
	if (p->last_day >= today || v->marks_n >= VAULT_MARKS / 2 || store_room(v->store, ROOM) != 0 || !mark(v, p->id))
		return 0;
	if ((r = put_row(v, p->id, &(struct days){ .last = today, .restored = p->restored_day })) != 0)
		return r;
	set_days(v, p->id, today, p->restored_day);
	c->mutating = true;
	return 0;
}

int members_vouched(struct vault *v, struct vault_call *c, const struct principal *p)
{
	uint32_t today = (uint32_t)c->today + 1;
	int r;

	if (!mark(v, p->id))
		return CV_ERR_LIMIT;
	if ((r = put_row(v, p->id, &(struct days){ .last = p->last_day, .restored = today })) != 0)
		return r;
	set_days(v, p->id, p->last_day, today);
	c->mutating = true;
	return 0;
}

int members_note_suspended(struct vault *v, const struct vault_call *c, const struct principal *p)
{
	return put_row(v, p->id, &(struct days){ .last = p->last_day, .restored = p->restored_day, .suspended_ms = c->now_ms });
}
