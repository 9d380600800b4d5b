/* A page of a receipt to JSON: what it says for programs, and the page itself, which proves it. */
#include <string.h>

#include "base/error.h"
#include "format/receipt.h"
#include "front/exchange.h"
#include "front/json_out.h"

#define PUT(b, s) buf_put(b, s, sizeof(s) - 1)

/* Append the name of an id by the words of the page, null if it has none. */
static void put_name(struct buf *b, const struct wire_text *page, uint8_t part, uint16_t id)
{
	struct receipt_reading r;
	struct receipt_item item;

	receipt_read(&r, page->p, page->n);
	while (receipt_next(&r, &item) == 1 && item.kind <= RECEIPT_WORD)
		if (item.kind == RECEIPT_WORD && item.word.part == part && item.word.id == id) {
			json_text(b, item.word.name.p, item.word.name.n);
			return;
		}
	PUT(b, "null");
}

static void put_named(struct buf *b, const char *member, const struct wire_text *page, uint8_t part, uint16_t id)
{
	buf_text(b, member);
	put_name(b, page, part, id);
}

static void put_access(struct buf *b, const struct wire_text *page, const struct receipt_access *a)
{
	static const uint8_t zeros[16];
	const struct leaf_detail *d = &a->told;

	PUT(b, "{\"index\":");
	json_u64(b, a->index);
	PUT(b, ",\"time\":");
	json_time(b, a->time_ms);
	buf_printf(b, ",\"kind\":\"%s\"", leaf_kind_name(a->kind));
	put_named(b, ",\"role\":", page, RECEIPT_ROLE, d->role);
	put_named(b, ",\"department\":", page, RECEIPT_DEPARTMENT, d->department);
	put_named(b, ",\"purpose\":", page, RECEIPT_PURPOSE, d->purpose);
	buf_printf(b, ",\"view\":%s", d->view == WIRE_VIEW_CLEAR ? "\"clear\"" : d->view == WIRE_VIEW_MASKED ? "\"masked\"" : "null");
	PUT(b, ",\"classes\":[");
	for (unsigned i = 0; i < d->classes; i++)
		put_named(b, i > 0 ? "," : "", page, RECEIPT_CLASS, d->class[i]);
	PUT(b, "],\"approval\":");
	if (memcmp(d->approval, zeros, sizeof(zeros)) == 0)
		PUT(b, "null");
	else
		json_hex(b, d->approval, 16);
	buf_printf(b, ",\"outcome\":\"%s\"}", outcome_name(d->outcome));
}

static void put_page(struct buf *b, const struct receipt_page *p)
{
	PUT(b, "{\"record\":");
	json_hex(b, p->record, 16);
	buf_printf(b, ",\"for\":\"%s\",\"leaves\":{\"from\":", receipt_reader_name(p->reader));
	json_u64(b, p->from);
	PUT(b, ",\"end\":");
	json_u64(b, p->end);
	PUT(b, "},\"accesses\":[");
}

int render_accesses(const struct exchange *x, const uint8_t *p, size_t n, struct reply *ret)
{
	struct wire_accesses_answer a;
	struct receipt_reading r;
	struct receipt_item item;
	struct buf *b = &ret->body;
	unsigned count = 0;
	int more;

	(void)x;
	if (wire_accesses_answer_decode(p, n, &a) != 0)
		return CV_ERR_FORMAT;
	receipt_read(&r, a.page.p, a.page.n);
	/* One page: that another follows is the cursor's to say here. */
	while ((more = receipt_next(&r, &item)) == 1) {
		if (item.kind == RECEIPT_PAGE)
			put_page(b, &item.page);
		if (item.kind == RECEIPT_ACCESS) {
			if (count++ > 0)
				PUT(b, ",");
			put_access(b, &a.page, &item.access);
		}
		if (item.kind == RECEIPT_SIGNATURE)
			break;
	}
	if (more != 1)
		return CV_ERR_FORMAT;
	PUT(b, "],\"receipt\":");
	json_text(b, a.page.p, a.page.n);
	PUT(b, ",\"cursor\":");
	if (a.cursor.n > 0)
		json_text(b, a.cursor.p, a.cursor.n);
	else
		PUT(b, "null");
	PUT(b, "}");
	return 0;
}
