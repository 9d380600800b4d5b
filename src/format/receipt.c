#include "format/receipt.h"

#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"

#define VIEW_MAX 2u
#define NO_ID "-"

static const char *const readers[] = { "", "child", "guardian", "auditor" };
static const char *const parts[] = { "", "role", "department", "purpose", "class" };
#define READERS (sizeof(readers) / sizeof(readers[0]))
#define PARTS (sizeof(parts) / sizeof(parts[0]))

const char *receipt_reader_name(unsigned reader)
{
	return reader < READERS ? readers[reader] : "";
}

uint8_t receipt_reader_named(const char *name, size_t n)
{
	for (uint8_t i = 1; i < READERS; i++)
		if (strlen(readers[i]) == n && memcmp(readers[i], name, n) == 0)
			return i;
	return 0;
}

bool receipt_kept(uint8_t kind, const struct leaf_detail *d)
{
	uint8_t any = 0;

	for (unsigned i = 0; i < d->bitmap_n; i++)
		any |= d->bitmap[i];
	return any == 0 ? kind == LEAF_REFUSED : d->classes == 0;
}

/* ---- writing ----------------------------------------------------------------------------------------------------------- */

/* Append n bytes in base64. */
static void base64(const void *p, size_t n, struct buf *ret)
{
	uint8_t *room = buf_add(ret, b64_size(B64_STD, n));

	if (room == NULL)
		return;
	b64_encode(B64_STD, p, n, (char *)room);
	buf_cut(ret, ret->n - 1);	/* the NUL */
}

static void line64(const char *word, const void *p, size_t n, struct buf *ret)
{
	buf_text(ret, word);
	base64(p, n, ret);
	buf_u8(ret, '\n');
}

static void hex_line(const char *word, const uint8_t id[16], struct buf *ret)
{
	char hex[33];

	hex_encode(id, 16, hex);
	buf_printf(ret, "%s%s\n", word, hex);
}

void receipt_page_put(const struct receipt_page *p, const void *checkpoint, size_t n, struct buf *ret)
{
	buf_printf(ret, RECEIPT_FIRST "\norigin %.*s\n", (int)p->origin.n, p->origin.p);
	hex_line("vault ", p->vault, ret);
	hex_line("record ", p->record, ret);
	buf_printf(ret, "for %s\nmade %llu\nperiod %llu ", receipt_reader_name(p->reader), (unsigned long long)p->made_ms,
	    (unsigned long long)p->from_ms);
	if (p->to_ms == UINT64_MAX)
		buf_text(ret, "-\n");
	else
		buf_printf(ret, "%llu\n", (unsigned long long)p->to_ms);
	buf_printf(ret, "leaves %llu %llu\nmore %s\n", (unsigned long long)p->from, (unsigned long long)p->end, p->more ? "yes" : "no");
	line64("checkpoint ", checkpoint, n, ret);
}

static void word_line(const char *word, const struct receipt_text *t, struct buf *ret)
{
	buf_printf(ret, "%s %.*s\n", word, t->n > 0 ? (int)t->n : 1, t->n > 0 ? t->p : "-");
}

void receipt_word_put(const struct receipt_word *w, struct buf *ret)
{
	buf_printf(ret, "%s %u %.*s\n", parts[w->part], w->id, (int)w->name.n, w->name.p);
	word_line("zh", &w->zh, ret);
	word_line("en", &w->en, ret);
}

void receipt_day_put(const struct receipt_day *d, struct buf *ret)
{
	buf_printf(ret, "day %lu ", (unsigned long)d->epoch);
	line64("", d->key, sizeof(d->key), ret);
}

void receipt_access_put(const struct receipt_access *a, const void *leaf, size_t leaf_n, const void *proof, size_t proof_n, struct buf *ret)
{
	static const uint8_t none[16];
	const struct leaf_detail *d = &a->told;
	char approval[33] = NO_ID;
	uint8_t keys[64];

	if (memcmp(d->approval, none, 16) != 0)
		hex_encode(d->approval, 16, approval);
	buf_printf(ret, "access %llu %llu %u %u %u %u %u %u %s ", (unsigned long long)a->index, (unsigned long long)a->time_ms, a->kind,
	    d->role, d->department, d->purpose, d->view, d->outcome, approval);
	for (unsigned i = 0; i < d->classes; i++)
		buf_printf(ret, "%s%u", i > 0 ? "," : "", d->class[i]);
	buf_text(ret, d->classes == 0 ? "-\n" : "\n");
	line64("leaf ", leaf, leaf_n, ret);
	memcpy(keys, a->key, 32);
	memcpy(keys + 32, a->rest_hash, 32);
	line64("key ", keys, sizeof(keys), ret);
	if (a->has_rest)
		line64("rest ", a->rest, sizeof(a->rest), ret);
	line64("proof ", proof, proof_n, ret);
	wipe(keys, sizeof(keys));
}

void receipt_note_put(const char *origin, const uint8_t digest[32], struct buf *ret)
{
	buf_printf(ret, "%s" RECEIPT_SUFFIX "\n", origin);
	line64("", digest, 32, ret);
}

/* ---- reading ------------------------------------------------------------------------------------------------------------ */

void receipt_read(struct receipt_reading *r, const char *p, size_t n)
{
	*r = (struct receipt_reading){ .p = p, .end = p + n, .page = p, .line = 1 };
}

/* One line's words, behind the keyword. */
struct words {
	const char *p, *end;
};

/* Whether the next line begins with word; does not take it. */
static bool at(const struct receipt_reading *r, const char *word)
{
	size_t n = strlen(word);

	return (size_t)(r->end - r->p) > n && memcmp(r->p, word, n) == 0;
}

/* Take the next line, which begins with word. */
static bool take(struct receipt_reading *r, const char *word, struct words *ret)
{
	const char *nl;

	if (!at(r, word) || (nl = memchr(r->p, '\n', (size_t)(r->end - r->p))) == NULL)
		return false;
	*ret = (struct words){ r->p + strlen(word), nl };
	r->p = nl + 1;
	r->line++;
	return true;
}

/* The next word, up to a space or the line's end. Not empty. */
static bool word(struct words *w, struct receipt_text *ret)
{
	const char *space = memchr(w->p, ' ', (size_t)(w->end - w->p)), *stop = space != NULL ? space : w->end;

	*ret = (struct receipt_text){ w->p, (size_t)(stop - w->p) };
	w->p = space != NULL ? space + 1 : w->end;
	return ret->n > 0 && (space == NULL || w->p < w->end);
}

static bool number(struct words *w, uint64_t max, uint64_t *ret)
{
	struct receipt_text t;
	uint64_t v = 0;

	if (!word(w, &t) || t.n > 20 || (t.n > 1 && t.p[0] == '0'))
		return false;
	for (size_t i = 0; i < t.n; i++) {
		unsigned digit = (unsigned)(t.p[i] - '0');

		if (digit > 9 || v > (UINT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*ret = v;
	return v <= max;
}

static bool small(struct words *w, uint16_t max, uint16_t *ret)
{
	uint64_t v;

	if (!number(w, max, &v))
		return false;
	*ret = (uint16_t)v;
	return true;
}

static bool done(const struct words *w)
{
	return w->p == w->end;
}

static bool id(struct words *w, uint8_t ret[16])
{
	struct receipt_text t;

	return word(w, &t) && t.n == 32 && hex_decode(t.p, 32, ret, 16) == 0;
}

/* n bytes in base64, to the end of the line. */
static bool bytes(struct words *w, uint8_t *ret, size_t n)
{
	size_t got;

	return b64_decode(B64_STD, w->p, (size_t)(w->end - w->p), ret, n, &got) == 0 && got == n;
}

/* The rest of a line: text for people, one spelling of nothing. */
static bool label(struct receipt_reading *r, const char *keyword, struct receipt_text *ret)
{
	struct words w;

	if (!take(r, keyword, &w) || done(&w))
		return false;
	*ret = (struct receipt_text){ w.p, (size_t)(w.end - w.p) };
	for (const char *p = w.p; p < w.end; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7F)
			return false;
	return utf8_valid(w.p, (size_t)(w.end - w.p));
}

static bool yes_or_no(struct words *w, bool *ret)
{
	struct receipt_text t;

	if (!word(w, &t) || !done(w))
		return false;
	*ret = t.n == 3 && memcmp(t.p, "yes", 3) == 0;
	return *ret || (t.n == 2 && memcmp(t.p, "no", 2) == 0);
}

static bool period(struct receipt_reading *r, struct receipt_page *p)
{
	struct words w;

	if (!take(r, "period ", &w) || !number(&w, UINT64_MAX, &p->from_ms))
		return false;
	if (w.end - w.p == 1 && w.p[0] == '-') {
		p->to_ms = UINT64_MAX;
		return true;
	}
	return number(&w, UINT64_MAX - 1, &p->to_ms) && done(&w);
}

static bool long_line(struct receipt_reading *r, const char *keyword, struct receipt_text *ret)
{
	struct words w;

	if (!take(r, keyword, &w) || done(&w))
		return false;
	*ret = (struct receipt_text){ w.p, (size_t)(w.end - w.p) };
	return true;
}

static bool page(struct receipt_reading *r, struct receipt_page *p)
{
	struct receipt_text t;
	struct words w;

	r->page = r->p;
	if (!take(r, RECEIPT_FIRST, &w) || !done(&w) || !take(r, "origin ", &w) || !word(&w, &p->origin) || !done(&w) ||
	    p->origin.n > NOTE_NAME_MAX || !note_name_valid(p->origin.p, p->origin.n))
		return false;
	if (!take(r, "vault ", &w) || !id(&w, p->vault) || !done(&w) || !take(r, "record ", &w) || !id(&w, p->record) || !done(&w))
		return false;
	if (!take(r, "for ", &w) || !word(&w, &t) || !done(&w) || (p->reader = receipt_reader_named(t.p, t.n)) == 0)
		return false;
	if (!take(r, "made ", &w) || !number(&w, UINT64_MAX, &p->made_ms) || !done(&w) || !period(r, p))
		return false;
	if (!take(r, "leaves ", &w) || !number(&w, UINT64_MAX, &p->from) || !number(&w, UINT64_MAX, &p->end) || !done(&w))
		return false;
	if (!take(r, "more ", &w) || !yes_or_no(&w, &p->more))
		return false;
	r->more = p->more;
	return p->from <= p->end && long_line(r, "checkpoint ", &p->checkpoint);
}

static bool legend(struct receipt_reading *r, uint8_t part, struct receipt_word *ret)
{
	struct words w;

	ret->part = part;
	return take(r, parts[part], &w) && w.p < w.end && *w.p++ == ' ' && small(&w, UINT16_MAX, &ret->id) &&
	    word(&w, &ret->name) && done(&w) && note_name_valid(ret->name.p, ret->name.n) &&
	    label(r, "zh ", &ret->zh) && label(r, "en ", &ret->en);
}

static bool day(struct receipt_reading *r, struct receipt_day *ret)
{
	struct words w;
	uint64_t epoch;

	if (!take(r, "day ", &w) || !number(&w, UINT32_MAX, &epoch) || !bytes(&w, ret->key, sizeof(ret->key)))
		return false;
	ret->epoch = (uint32_t)epoch;
	return true;
}

/* Numbers with commas between, ascending, or "-". */
static bool classes(struct words *w, struct leaf_detail *d)
{
	struct words one;

	d->classes = 0;
	if (w->end - w->p == 1 && w->p[0] == '-')
		return true;
	while (w->p < w->end) {
		const char *comma = memchr(w->p, ',', (size_t)(w->end - w->p));

		one = (struct words){ w->p, comma != NULL ? comma : w->end };
		w->p = comma != NULL ? comma + 1 : w->end;
		if (d->classes == LEAF_CLASSES_MAX || (comma != NULL && w->p == w->end) ||
		    !small(&one, UINT16_MAX, &d->class[d->classes]) || !done(&one) ||
		    (d->classes > 0 && d->class[d->classes - 1] >= d->class[d->classes]))
			return false;
		d->classes++;
	}
	return d->classes > 0;
}

static bool approval(struct words *w, uint8_t ret[16])
{
	if (w->end - w->p > 2 && w->p[0] == '-' && w->p[1] == ' ') {
		memset(ret, 0, 16);
		w->p += 2;
		return true;
	}
	return id(w, ret);
}

static bool told(struct words *w, struct receipt_access *a)
{
	struct leaf_detail *d = &a->told;
	uint16_t kind, view;

	memset(d, 0, sizeof(*d));
	if (!number(w, UINT64_MAX, &a->index) || !number(w, UINT64_MAX, &a->time_ms) || !small(w, UINT8_MAX, &kind) ||
	    !small(w, UINT16_MAX, &d->role) || !small(w, UINT16_MAX, &d->department) || !small(w, UINT16_MAX, &d->purpose) ||
	    !small(w, VIEW_MAX, &view) || !small(w, UINT16_MAX, &d->outcome))
		return false;
	a->kind = (uint8_t)kind;
	d->view = (uint8_t)view;
	return approval(w, d->approval) && classes(w, d);
}

static bool access_lines(struct receipt_reading *r, struct receipt_access *a)
{
	uint8_t keys[64];
	struct words w;

	if (!take(r, "access ", &w) || !told(&w, a) || (r->any && a->index <= r->index))
		return false;
	r->any = true;
	r->index = a->index;
	if (!long_line(r, "leaf ", &a->leaf) || !take(r, "key ", &w) || !bytes(&w, keys, sizeof(keys)))
		return false;
	memcpy(a->key, keys, 32);
	memcpy(a->rest_hash, keys + 32, 32);
	a->has_rest = at(r, "rest ");
	memset(a->rest, 0, sizeof(a->rest));
	if (a->has_rest && (!take(r, "rest ", &w) || !bytes(&w, a->rest, sizeof(a->rest))))
		return false;
	return long_line(r, "proof ", &a->proof);
}

/* The blank line, the two lines of the note's text, a blank line and one signature line. */
static bool signature(struct receipt_reading *r, struct receipt_signature *ret)
{
	struct words w;

	ret->page = (struct receipt_text){ r->page, (size_t)(r->p - r->page) };
	if (!take(r, "", &w) || !done(&w))
		return false;
	ret->note.p = r->p;
	if (!take(r, "", &w) || done(&w) || !take(r, "", &w) || !bytes(&w, ret->digest, sizeof(ret->digest)) || !take(r, "", &w) ||
	    !done(&w) || !take(r, "\xE2\x80\x94 ", &w))
		return false;
	ret->note.n = (size_t)(r->p - ret->note.p);
	return ret->note.n <= RECEIPT_NOTE_MAX;
}

/* What the next line begins, behind an item of kind last: kinds follow in their order. */
static bool next_kind(const struct receipt_reading *r, enum receipt_kind *ret, uint8_t *ret_part)
{
	for (uint8_t i = 1; i < PARTS; i++)
		if (at(r, parts[i])) {
			*ret = RECEIPT_WORD;
			*ret_part = i;
			return r->last <= RECEIPT_WORD;
		}
	*ret = at(r, "day ") ? RECEIPT_DAY : at(r, "access ") ? RECEIPT_ACCESS : RECEIPT_SIGNATURE;
	return r->last <= *ret;
}

int receipt_next(struct receipt_reading *r, struct receipt_item *ret)
{
	uint8_t part = 0;
	bool good;

	if (!r->begun || r->last == RECEIPT_SIGNATURE) {
		if (r->begun && !r->more)
			return r->p == r->end ? 0 : CV_ERR_FORMAT;
		r->begun = true;
		r->any = false;
		ret->kind = RECEIPT_PAGE;
		good = page(r, &ret->page);
	} else if (!next_kind(r, &ret->kind, &part)) {
		good = false;
	} else if (ret->kind == RECEIPT_WORD) {
		good = legend(r, part, &ret->word);
	} else if (ret->kind == RECEIPT_DAY) {
		good = day(r, &ret->day);
	} else if (ret->kind == RECEIPT_ACCESS) {
		good = access_lines(r, &ret->access);
	} else {
		good = signature(r, &ret->signature);
	}
	r->last = ret->kind;
	return good ? 1 : CV_ERR_FORMAT;
}
