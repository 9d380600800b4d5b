#include "audit/receipt.h"

#include <stdlib.h>
#include <string.h>

#include "audit/body.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"
#include "crypto/crypto.h"

const char *receipt_fault_name(enum receipt_fault fault)
{
	static const char *const names[RECEIPT_FAULTS] = { "good", "format", "log-unknown", "signature", "pages", "leaf", "tag", "detail",
		"proof", "cosignatures" };

	return fault < RECEIPT_FAULTS ? names[fault] : "unknown";
}

void receipt_trust_key(const struct vkey *key, struct tlog_policy *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->logs = 1;
	ret->log[0] = *key;
	ret->quorum = TLOG_MEMBERS_MAX;
}

/* A file on its way through. */
struct checking {
	const struct tlog_policy *trust;
	const struct vkey *key;		/* of the log of this page */
	struct receipt_result *ret;
	struct receipt_day day[16];	/* the days of the page that were used last */
	unsigned days;
	const char *text;		/* of the page, where its days stand */
	size_t text_n;
	struct buf leaf, proof;		/* decoded */
	bool any;			/* a page was read */
	bool judged;			/* a checkpoint was */
};

static int fault(struct checking *x, enum receipt_fault why)
{
	x->ret->fault = why;
	return CV_ERR_AUTH;
}

static bool same(const struct receipt_text *a, const struct receipt_text *b)
{
	return a->n == b->n && memcmp(a->p, b->p, a->n) == 0;
}

/* ---- pages ---------------------------------------------------------------------------------------------------------------- */

static int decode64(const struct receipt_text *t, struct buf *ret)
{
	uint8_t *room;
	size_t n;

	buf_reset(ret);
	if ((room = buf_add(ret, t->n / 4 * 3 + 3)) == NULL)
		return CV_ERR_NOMEM;
	if (b64_decode(B64_STD, t->p, t->n, room, ret->n, &n) != 0)
		return CV_ERR_FORMAT;
	buf_cut(ret, n);
	return 0;
}

/* What the policy says of a checkpoint: too few witnesses, or how many at least. */
static int check_trust(struct checking *x, const struct trust *t)
{
	if (t->quorum_s == 0)
		return fault(x, RECEIPT_COSIGNATURES);
	if (!x->judged || t->cosigned < x->ret->cosigned)
		x->ret->cosigned = t->cosigned;
	if (t->quorum_s < x->ret->quorum_s)
		x->ret->quorum_s = t->quorum_s;
	x->judged = true;
	return 0;
}

/* The tree that holds the page's leaves. */
static int check_tree(struct checking *x, const struct receipt_page *p)
{
	struct trust trust;
	int r;

	if ((r = decode64(&p->checkpoint, &x->proof)) == 0)
		r = trust_checkpoint(x->trust, (const char *)x->proof.p, x->proof.n, &trust);
	if (r == CV_ERR_NOMEM)
		return r;
	if (r != 0 || trust.checkpoint.size < p->end || &x->trust->log[trust.log] != x->key)
		return fault(x, RECEIPT_PROOF);
	return check_trust(x, &trust);
}

/* A page goes on where the one before ended, about the same. */
static int check_page(struct checking *x, const struct receipt_page *p)
{
	const struct receipt_page *before = &x->ret->page;

	x->key = NULL;
	for (unsigned i = 0; i < x->trust->logs; i++)
		if (strlen(x->trust->log[i].name) == p->origin.n && memcmp(x->trust->log[i].name, p->origin.p, p->origin.n) == 0)
			x->key = &x->trust->log[i];
	if (x->key == NULL)
		return fault(x, RECEIPT_LOG_UNKNOWN);
	if (x->any && (p->from != before->end || !same(&p->origin, &before->origin) || memcmp(p->vault, before->vault, 16) != 0 ||
	    memcmp(p->record, before->record, 16) != 0 || p->reader != before->reader || p->from_ms != before->from_ms ||
	    p->to_ms != before->to_ms))
		return fault(x, RECEIPT_PAGES);
	if (!x->any)
		x->ret->first = p->from;
	x->any = true;
	x->ret->page = *p;
	x->ret->pages++;
	x->days = 0;
	return check_tree(x, p);
}

static int check_signature(struct checking *x, const struct receipt_signature *s)
{
	const struct part page = { s->page.p, s->page.n };
	uint8_t digest[32];
	struct note note;
	struct buf text;
	int r;

	crypto_sha256(&page, 1, digest);
	if (memcmp(digest, s->digest, sizeof(digest)) != 0 || note_decode(s->note.p, s->note.n, &note) != 0)
		return fault(x, RECEIPT_UNSIGNED);
	buf_init(&text, RECEIPT_NOTE_MAX);
	receipt_note_put(x->key->name, digest, &text);
	r = buf_ok(&text) ? 0 : CV_ERR_NOMEM;
	if (r == 0 && (note.sigs != 1 || text.n != note.text_n || memcmp(text.p, note.text, text.n) != 0 ||
	    trust_log_signature(&note, x->key) != 0))
		r = fault(x, RECEIPT_UNSIGNED);
	buf_free(&text);
	return r;
}

/* ---- accesses --------------------------------------------------------------------------------------------------------------- */

static int check_day(struct checking *x, const struct receipt_day *d)
{
	/* Days ascend, and one key stands for a day. */
	if (x->days > 0 && x->day[(x->days - 1) % 16].epoch >= d->epoch)
		return fault(x, RECEIPT_FORMAT);
	x->day[x->days++ % 16] = *d;
	return 0;
}

/* The day's key of the page, or NULL: looked for among its lines if it is not one of the last. */
static const uint8_t *day_key(const struct checking *x, uint32_t epoch, struct receipt_item *scratch)
{
	struct receipt_reading r;

	for (unsigned i = 0; i < 16 && i < x->days; i++)
		if (x->day[i].epoch == epoch)
			return x->day[i].key;
	receipt_read(&r, x->text, x->text_n);
	while (receipt_next(&r, scratch) == 1 && scratch->kind <= RECEIPT_DAY)
		if (scratch->kind == RECEIPT_DAY && scratch->day.epoch == epoch)
			return scratch->day.key;
	return NULL;
}

static bool told_same(const struct leaf_detail *a, const struct leaf_detail *b)
{
	return a->view == b->view && a->role == b->role && a->department == b->department && a->purpose == b->purpose &&
	    a->outcome == b->outcome && memcmp(a->approval, b->approval, 16) == 0 && a->classes == b->classes &&
	    memcmp(a->class, b->class, a->classes * sizeof(a->class[0])) == 0;
}

/* What the keys open is what the line says, and with both keys also that the record is the page's. */
static int check_detail(struct checking *x, const struct leaf *l, const struct receipt_access *a)
{
	struct leaf_detail d = { .view = 0 };
	uint8_t told_hash[32];

	if (body_open_told(l, a->key, a->rest_hash, &d) != 0 || !told_same(&d, &a->told))
		return fault(x, RECEIPT_DETAIL);
	if (a->has_rest != (x->ret->page.reader == RECEIPT_AUDITOR))
		return fault(x, RECEIPT_DETAIL);
	if (!a->has_rest)
		return 0;
	body_key_hash(l, a->key, told_hash);
	if (body_open_rest(l, a->rest, told_hash, &d) != 0 || memcmp(d.record, x->ret->page.record, 16) != 0)
		return fault(x, RECEIPT_DETAIL);
	return 0;
}

static int check_proof(struct checking *x, const struct receipt_access *a)
{
	struct tlog_proof proof;
	struct trust trust;
	int r;

	if ((r = decode64(&a->proof, &x->proof)) == CV_ERR_NOMEM)
		return r;
	if (r != 0 || tlog_proof_decode((const char *)x->proof.p, x->proof.n, &proof) != 0 || proof.extra != NULL ||
	    proof.index != a->index)
		return fault(x, RECEIPT_PROOF);
	if ((r = trust_proof(x->trust, &proof, x->leaf.p, x->leaf.n, &trust)) == CV_ERR_NOMEM)
		return r;
	if (r != 0 || &x->trust->log[trust.log] != x->key)
		return fault(x, RECEIPT_PROOF);
	return check_trust(x, &trust);
}

static int check_access(struct checking *x, const struct receipt_access *a)
{
	const struct receipt_page *p = &x->ret->page;
	struct receipt_item scratch;
	const uint8_t *key;
	uint8_t tag[16];
	struct leaf l;
	int r;

	x->ret->index = a->index;
	x->ret->accesses++;
	if ((r = decode64(&a->leaf, &x->leaf)) == CV_ERR_NOMEM)
		return r;
	if (r != 0 || leaf_decode(x->leaf.p, x->leaf.n, &l) != 0 || (l.flags & LEAF_CHILD) == 0 || l.index != a->index ||
	    l.time_ms != a->time_ms || l.kind != a->kind)
		return fault(x, RECEIPT_LEAF);
	if (a->index < p->from || a->index >= p->end || a->time_ms < p->from_ms || a->time_ms >= p->to_ms)
		return fault(x, RECEIPT_LEAF);
	if ((key = day_key(x, l.epoch, &scratch)) == NULL)
		return fault(x, RECEIPT_NOT_CHILDS);
	body_tag(key, l.index, tag);
	if (!crypto_equal(tag, l.subject_tag, sizeof(tag)))
		return fault(x, RECEIPT_NOT_CHILDS);
	if ((r = check_detail(x, &l, a)) == 0)
		r = check_proof(x, a);
	x->ret->index = r == 0 ? UINT64_MAX : a->index;
	return r;
}

/* ---- the file --------------------------------------------------------------------------------------------------------------- */

static int check_item(struct checking *x, const struct receipt_item *item)
{
	switch (item->kind) {
	case RECEIPT_PAGE:
		return check_page(x, &item->page);
	case RECEIPT_DAY:
		return check_day(x, &item->day);
	case RECEIPT_ACCESS:
		return check_access(x, &item->access);
	case RECEIPT_SIGNATURE:
		return check_signature(x, &item->signature);
	default:
		return 0;
	}
}

int receipt_verify(const char *p, size_t n, const struct tlog_policy *trust, void (*each)(void *cookie, const struct receipt_item *item),
    void *cookie, struct receipt_result *ret)
{
	struct checking x = { .trust = trust, .ret = ret };
	struct receipt_reading reading;
	struct receipt_item item;
	int r, more;

	memset(ret, 0, sizeof(*ret));
	ret->index = UINT64_MAX;
	ret->quorum_s = TLOG_NONE;
	buf_init(&x.leaf, 1u << 17);
	buf_init(&x.proof, 1u << 18);
	receipt_read(&reading, p, n);
	r = n > RECEIPT_MAX ? fault(&x, RECEIPT_FORMAT) : 0;
	while (r == 0 && (more = receipt_next(&reading, &item)) != 0) {
		if (more == 1 && item.kind == RECEIPT_PAGE) {
			x.text = reading.page;
			x.text_n = n - (size_t)(reading.page - p);
		}
		r = more == 1 ? check_item(&x, &item) : fault(&x, RECEIPT_FORMAT);
	}
	ret->line = reading.line;
	if (r == 0 && each != NULL) {
		receipt_read(&reading, p, n);
		while (receipt_next(&reading, &item) == 1)
			each(cookie, &item);
	}
	buf_free(&x.leaf);
	buf_free(&x.proof);
	return r;
}
