/*
 * ACCESSES: who accessed one child's file, a page of a receipt at a time (docs/POLICY.md section 6, FORMAT.md section 14). A page covers
 * a stretch of the log: what is found there by the child's own day keys is listed, each line with what proves it, and the log's key
 * signs the page. The call is a leaf about the child itself.
 */
#include <string.h>

#include "audit/body.h"
#include "audit/cosigned.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "crypto/merkle.h"
#include "format/receipt.h"
#include "format/tlog_proof.h"
#include "vault/gov.h"
#include "vault/vault_internal.h"
#include "vault/witness.h"

#define PAGE_LINES 100u		/* when the request names no number */
#define PAGE_LINES_MAX 500u
#define PAGE_US 25000u		/* a page ends where it took so long: other requests wait meanwhile */
#define PAGE_BYTES (4u << 20)
#define CURSOR_KIND 3u		/* first byte of the plaintext: 2 are lists */
#define CURSOR_PLAIN (2u + 16u + 16u + 2u + 4u * 8u)

/* What one receipt is about, kept by its cursor from page to page. */
struct asked {
	uint8_t reader;			/* enum receipt_reader */
	uint16_t purpose;		/* its id, 0 without one */
	uint64_t from_ms, to_ms;
	uint64_t at, end;		/* leaves that are left */
};
struct accesses {
	struct vault *v;
	struct vault_call *c;
	const struct head *head;
	struct asked *asked;
	unsigned limit, count;		/* lines */
	struct buf lines;		/* the accesses */
	struct buf leaf, proof, note;	/* scratch */
	struct leaf_detail detail;	/* of the leaf in hand */
	/* Whose names the page needs: ids of roles, departments, purposes and classes that its lines have. */
	uint64_t roles[POLICY_ROLES / 64], departments, purposes, classes;
	uint32_t first_epoch, last_epoch;
};

/* ---- who may ask ------------------------------------------------------------------------------------------------------- */

/* The role by which the caller asks, or NULL after a refusal. Auditors read the log for no purpose of the file's. */
static const struct policy_role *asking_role(struct vault *v, struct vault_call *c, const struct wire_accesses *m)
{
	const struct policy_role *role = call_auditor(v, c);

	if (role != NULL && m->reader != 0) {
		(void)call_refuse(c, PROBLEM_BAD_REQUEST, "an auditor's list is for the auditor");
		return NULL;
	}
	if (role == NULL) {
		if (call_purpose(v, c, false) != 0)
			return NULL;
		if ((role = policy_role_by_id(v->policy, policy_decide_act(v->policy, &c->subject, ACT_RECEIPT))) == NULL) {
			(void)call_decline(c, DECIDE_NO_RIGHT, "%s", "no active role lists accesses for this purpose");
			return NULL;
		}
	}
	c->detail.role = role->id;
	c->detail.department = role->department;
	return role;
}

/*
 * What is asked of the record. The guardian's standing comes behind everything that a record without doubts is refused for: who may ask
 * gets the answer for a record that does not exist, byte for byte.
 */
static unsigned admit(struct vault *v, struct vault_call *c, const struct policy_role *role, const struct record *rec, uint8_t reader)
{
	static const uint8_t no_export[16];
	enum decision_reason why = DECIDE_YES;
	int r;

	if (!record_in_area(v, c, rec, role))
		return call_decline(c, DECIDE_OUT_OF_AREA, "%s", "");
	if (role->approval && !gov_assigned(v, c, rec->head.record))
		return call_decline(c, DECIDE_NO_APPROVAL, "%s", "");
	if (reader == RECEIPT_GUARDIAN && (rec->head.flags & HEAD_DOUBT) != 0) {
		(void)call_failed(c, CV_ERR_NOTFOUND);
		c->rule = DECIDE_STANDING;
		return c->problem;
	}
	if (reader == RECEIPT_AUDITOR)
		return 0;
	if ((r = gov_budget(v, c, role, rec->serial, no_export, &why)) != 0)
		return call_failed(c, r);
	return why == DECIDE_YES ? 0 : call_decline(c, why, "%s", "");
}

/* ---- the cursor ---------------------------------------------------------------------------------------------------------- */

static void cursor_plain(const struct vault_call *c, const uint8_t record[16], const struct asked *q, uint8_t ret[CURSOR_PLAIN])
{
	ret[0] = CURSOR_KIND;
	ret[1] = q->reader;
	memcpy(ret + 2, c->principal->id, 16);
	memcpy(ret + 18, record, 16);
	be16_put(ret + 34, q->purpose);
	be64_put(ret + 36, q->from_ms);
	be64_put(ret + 44, q->to_ms);
	be64_put(ret + 52, q->at);
	be64_put(ret + 60, q->end);
}

/* Go on where the cursor says, if it is this caller's for this question. */
static unsigned take_cursor(struct vault *v, struct vault_call *c, const struct wire_accesses *m, struct asked *q)
{
	uint8_t given[CURSOR_PLAIN], plain[CURSOR_PLAIN];
	bool good = cursor_take(v, &m->cursor, given, sizeof(given));

	if (good) {
		q->at = be64_get(given + 52);
		q->end = be64_get(given + 60);
		cursor_plain(c, m->record, q, plain);
		good = memcmp(plain, given, sizeof(plain)) == 0;
	}
	return good ? 0 : call_refuse(c, PROBLEM_BAD_CURSOR, "the cursor is of another caller, question or vault");
}

/*
 * The stretch of the log that is asked for: what the newest checkpoint, or the newest that is cosigned, covers of the period, from the day
 * on which the file was opened.
 */
static int begin(struct vault *v, const struct head *h, bool cosigned, struct asked *q)
{
	const uint64_t from = q->from_ms > h->created_ms ? q->from_ms : h->created_ms;
	uint8_t root[32];
	uint64_t size = 0;
	int r;

	if ((r = audit_find_days(v->audit, from, q->to_ms, &q->at, &q->end)) != 0)
		return r;
	(void)audit_signed(v->audit, &size, root);	/* nothing is signed: nothing is listed */
	if (cosigned)
		size = v->cosigned != NULL ? cosigned_size(v->cosigned) : 0;
	if (q->end > size)
		q->end = size;
	if (q->at > q->end)
		q->at = q->end;
	return 0;
}

/* ---- lines ----------------------------------------------------------------------------------------------------------------- */

static void note_names(struct accesses *x, const struct leaf_detail *d)
{
	const struct policy *p = x->v->policy;
	int at;

	for (unsigned i = 0; i < policy_roles(p); i++)
		if (policy_role(p, i)->id == d->role)
			x->roles[i / 64] |= (uint64_t)1 << i % 64;
	if ((at = policy_department_position(p, d->department)) >= 0)
		x->departments |= (uint64_t)1 << at;
	for (unsigned i = 0; i < policy_purposes(p); i++)
		if (policy_purpose(p, i)->id == d->purpose)
			x->purposes |= (uint64_t)1 << i;
	for (unsigned i = 0; i < d->classes; i++)
		if ((at = policy_class_position(p, d->class[i])) >= 0)
			x->classes |= (uint64_t)1 << at;
}

/* The proof file of leaf index, against what witnesses have cosigned, if that covers it. */
static int make_proof(struct accesses *x, uint64_t index)
{
	uint8_t hash[MERKLE_PROOF_MAX][32];
	unsigned n;
	int r;

	buf_reset(&x->note);
	buf_reset(&x->proof);
	if ((r = witness_prove(x->v, index, &x->note, hash, &n)) != 0)
		return r;
	return tlog_proof_encode(NULL, 0, index, (const uint8_t (*)[32])hash, n, x->note.p, x->note.n, &x->proof);
}

/* Append the line of leaf l, whose bytes are x->leaf, if it is one to be listed. */
static int add_line(struct accesses *x, const struct leaf *l)
{
	struct receipt_access a = { .index = l->index, .time_ms = l->time_ms, .kind = l->kind };
	struct body_keys k;
	int r;

	if (l->time_ms < x->asked->from_ms || l->time_ms >= x->asked->to_ms)
		return 0;
	if ((r = audit_open_detail(l, x->head->log_key, &x->detail)) != 0)
		return r;
	if (x->asked->reader != RECEIPT_AUDITOR && receipt_kept(l->kind, &x->detail))
		return 0;
	if ((r = make_proof(x, l->index)) != 0)
		return r;
	body_keys(l, x->head->log_key, &k);
	a.told = x->detail;
	memcpy(a.key, k.told, 32);
	memcpy(a.rest_hash, k.rest_hash, 32);
	a.has_rest = x->asked->reader == RECEIPT_AUDITOR;
	memcpy(a.rest, k.rest, 32);
	receipt_access_put(&a, x->leaf.p, x->leaf.n, x->proof.p, x->proof.n, &x->lines);
	note_names(x, &x->detail);
	x->count++;
	wipe(&k, sizeof(k));
	wipe(&a, sizeof(a));
	return buf_ok(&x->lines) ? 0 : CV_ERR_NOMEM;
}

static int read_leaf(struct accesses *x, uint64_t index, struct leaf *ret)
{
	int r;

	buf_reset(&x->leaf);
	if ((r = audit_read_leaf(x->v->audit, index, &x->leaf)) == 0)
		r = leaf_decode(x->leaf.p, x->leaf.n, ret);
	return r;
}

/* Find and list; x->asked->at is then the first leaf that the page does not cover. */
static int add_lines(struct accesses *x)
{
	const uint64_t until = clock_mono_us() + PAGE_US, from = x->asked->at;
	uint64_t found[PAGE_LINES_MAX];
	unsigned n = 0;
	struct leaf l;
	int r;

	if ((r = audit_find_subject(x->v->audit, x->head->log_key, &x->asked->at, x->asked->end, found, x->limit, &n)) != 0)
		return r;
	for (unsigned i = 0; i < n; i++) {
		if ((r = read_leaf(x, found[i], &l)) != 0 || (r = add_line(x, &l)) != 0)
			return r;
		if (i + 1 < n && (clock_mono_us() >= until || x->lines.n >= PAGE_BYTES)) {
			x->asked->at = found[i] + 1;
			break;
		}
	}
	if (from == x->asked->at)
		return 0;
	if ((r = read_leaf(x, from, &l)) != 0)
		return r;
	x->first_epoch = l.epoch;
	if ((r = read_leaf(x, x->asked->at - 1, &l)) == 0)
		x->last_epoch = l.epoch;
	return r;
}

/* ---- the page --------------------------------------------------------------------------------------------------------------- */

static struct receipt_text text(const char *s)
{
	return (struct receipt_text){ s, strlen(s) };
}

static void put_word(struct buf *out, uint8_t part, uint16_t id, const char *name, const struct policy_label *label)
{
	const struct receipt_word w = { part, id, text(name), text(label->zh), text(label->en) };

	receipt_word_put(&w, out);
}

static void put_words(const struct accesses *x, struct buf *out)
{
	const struct policy *p = x->v->policy;

	for (unsigned i = 0; i < policy_roles(p); i++)
		if ((x->roles[i / 64] >> i % 64 & 1) != 0)
			put_word(out, RECEIPT_ROLE, policy_role(p, i)->id, policy_role(p, i)->name, &policy_role(p, i)->label);
	for (unsigned i = 0; i < policy_departments(p); i++)
		if ((x->departments >> i & 1) != 0)
			put_word(out, RECEIPT_DEPARTMENT, policy_department(p, i)->id, policy_department(p, i)->name,
			    &policy_department(p, i)->label);
	for (unsigned i = 0; i < policy_purposes(p); i++)
		if ((x->purposes >> i & 1) != 0)
			put_word(out, RECEIPT_PURPOSE, policy_purpose(p, i)->id, policy_purpose(p, i)->name, &policy_purpose(p, i)->label);
	for (unsigned i = 0; i < policy_classes(p); i++)
		if ((x->classes >> i & 1) != 0)
			put_word(out, RECEIPT_CLASS, policy_class(p, i)->id, policy_class(p, i)->name, &policy_class(p, i)->label);
}

/* Append the signed note over the page, which is the n bytes at p, behind a blank line. */
static void sign_page(struct accesses *x, const uint8_t *p, size_t n, struct buf *out)
{
	const struct part page = { p, n };
	uint8_t digest[32], pk[32], id[4], sig[64];

	crypto_sha256(&page, 1, digest);
	keys_log_public(x->v->keys, pk);
	crypto_note_key_id(x->v->origin, NOTE_ED25519, pk, id);
	buf_reset(&x->note);
	receipt_note_put(x->v->origin, digest, &x->note);
	keys_log_sign(x->v->keys, x->note.p, x->note.n, sig);
	buf_u8(out, '\n');
	buf_put(out, x->note.p, x->note.n);
	note_text_end(out);
	note_sig_encode(x->v->origin, id, sig, out);
}

/* The checkpoint of the page, in x->note: the cosigned one, if it covers all that is asked for. */
static int read_tree(struct accesses *x)
{
	uint8_t hash[MERKLE_PROOF_MAX][32];
	unsigned n;

	buf_reset(&x->note);
	if (x->asked->end == 0)
		return audit_read_checkpoint(x->v->audit, &x->note);
	return witness_prove(x->v, x->asked->end - 1, &x->note, hash, &n);
}

/* Append the page, whose lines are there and whose checkpoint is in x->note; it covers the leaves from from on. */
static void put_page(struct accesses *x, const uint8_t record[16], uint64_t from, struct buf *out)
{
	const struct asked *q = x->asked;
	struct receipt_page page = { .origin = text(x->v->origin), .reader = q->reader, .made_ms = x->c->now_ms, .from_ms = q->from_ms,
		.to_ms = q->to_ms, .from = from, .end = q->at, .more = q->at < q->end };
	struct receipt_day day;
	const size_t at = out->n;

	memcpy(page.vault, x->v->id, 16);
	memcpy(page.record, record, 16);
	receipt_page_put(&page, x->note.p, x->note.n, out);
	put_words(x, out);
	for (uint64_t epoch = x->first_epoch; from < q->at && epoch <= x->last_epoch; epoch++) {
		day.epoch = (uint32_t)epoch;
		audit_day_key(x->head->log_key, day.epoch, day.key);
		receipt_day_put(&day, out);
	}
	wipe(&day, sizeof(day));
	buf_put(out, x->lines.p, x->lines.n);
	if (buf_ok(out))
		sign_page(x, out->p + at, out->n - at, out);
}

static int answer(struct accesses *x, const uint8_t record[16])
{
	struct asked *q = x->asked;
	uint8_t plain[CURSOR_PLAIN];
	const uint64_t from = q->at;
	struct buf *out = x->c->out;
	size_t at;
	int r;

	if ((r = add_lines(x)) != 0 || (r = read_tree(x)) != 0)
		return r;
	if (q->at < q->end) {
		cursor_plain(x->c, record, q, plain);
		if ((r = cursor_put(x->v, plain, sizeof(plain), out)) != 0)
			return r;
	} else {
		wire_text16_put(out, "", 0);
	}
	at = out->n;
	buf_u32(out, 0);
	put_page(x, record, from, out);
	if (buf_ok(out))
		be32_put(out->p + at, (uint32_t)(out->n - at - 4));
	return 0;	/* an answer that did not fit is refused as such */
}

static unsigned list(struct accesses *x, const uint8_t record[16])
{
	int r;

	buf_init(&x->lines, 2 * PAGE_BYTES);
	buf_init(&x->leaf, 1u << 17);
	buf_init(&x->proof, TLOG_PROOF_MAX);
	buf_init(&x->note, NOTE_MAX);
	r = answer(x, record);
	buf_free(&x->lines);
	buf_free(&x->leaf);
	buf_free(&x->proof);
	buf_free(&x->note);
	wipe(&x->detail, sizeof(x->detail));
	if (r != 0)
		return call_failed(x->c, r == CV_ERR_NOTFOUND ? CV_ERR_IO : r);
	x->c->kind = LEAF_RECEIPT;
	x->c->detail.count = x->count;
	return 0;
}

unsigned vault_accesses(struct vault *v, struct vault_call *c, const struct wire_accesses *m)
{
	__attribute__((uninitialized)) struct record rec;	/* 7 KiB; record_load writes what is read */
	struct asked q = { .from_ms = m->from_ms, .to_ms = m->to_ms };
	struct accesses x = { .v = v, .c = c, .head = &rec.head, .asked = &q };
	const struct policy_role *role;
	int r;

	if ((role = asking_role(v, c, m)) == NULL)
		return c->problem;
	memset(rec.head.log_key, 0, sizeof(rec.head.log_key));
	memcpy(c->detail.record, m->record, 16);
	q.reader = role->audit ? RECEIPT_AUDITOR : m->reader != 0 ? m->reader : RECEIPT_CHILD;
	q.purpose = c->detail.purpose;
	x.limit = m->limit == 0 ? PAGE_LINES : m->limit > PAGE_LINES_MAX ? PAGE_LINES_MAX : m->limit;
	if ((r = record_load(v, m->record, false, &rec)) != 0) {
		(void)call_failed(c, r);
		goto out;
	}
	call_child(c, &rec);
	if (admit(v, c, role, &rec, q.reader) != 0)
		goto out;
	if (m->cursor.n > 0)
		(void)take_cursor(v, c, m, &q);
	else if ((r = begin(v, &rec.head, m->cosigned, &q)) != 0)
		(void)call_failed(c, r == CV_ERR_NOTFOUND ? CV_ERR_IO : r);
	if (c->problem == 0)
		(void)list(&x, m->record);
out:
	wipe(rec.head.log_key, sizeof(rec.head.log_key));
	return c->problem;
}
