#include "front/lines.h"

#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "format/wire.h"
#include "front/json_out.h"

#define PUT(b, text) buf_put((b), (text), sizeof(text) - 1)

/* ---- lines of the body ------------------------------------------------------------------------------------------ */

static bool is_blank(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != ' ' && p[i] != '\t' && p[i] != '\r')
			return false;
	return true;
}

/* Go past the rest of a line that was too long. Answers the bytes that were of it. */
static size_t skip(struct line_reader *r, const uint8_t *p, size_t n, bool end)
{
	const uint8_t *lf = n == 0 ? NULL : memchr(p, '\n', n);

	if (lf != NULL || end) {
		r->skipping = false;
		r->next++;
	}
	return lf == NULL ? n : (size_t)(lf - p) + 1;
}

enum line_found line_next(struct line_reader *r, const uint8_t *p, size_t n, bool end, size_t max, struct line *ret)
{
	const uint8_t *lf;

	ret->used = r->skipping ? skip(r, p, n, end) : 0;
	if (n == 0 || ret->used > 0)
		return LINE_MORE;
	lf = memchr(p + r->scanned, '\n', n - r->scanned);
	/* One byte more than max may be the CR. */
	if (lf == NULL && !end && n <= max + 1) {
		r->scanned = n;
		return LINE_MORE;
	}
	r->scanned = 0;
	ret->number = r->next;
	ret->n = lf == NULL ? n : (size_t)(lf - p);
	ret->used = lf == NULL ? n : ret->n + 1;
	if (lf == NULL && !end) {
		r->skipping = true;
		return LINE_TOO_LONG;
	}
	r->next++;
	if (ret->n > 0 && p[ret->n - 1] == '\r')
		ret->n--;
	if (ret->n > max)
		return LINE_TOO_LONG;
	return is_blank(p, ret->n) ? LINE_BLANK : LINE_HERE;
}

/* ---- lines of the answer ---------------------------------------------------------------------------------------- */

static void open_line(struct buf *b, uint64_t number, int status)
{
	PUT(b, "{\"line\":");
	json_u64(b, number);
	PUT(b, ",\"status\":");
	json_u64(b, (uint64_t)status);
}

static void put_problem(struct buf *b, uint64_t number, uint16_t problem)
{
	open_line(b, number, problem_status(problem));
	PUT(b, ",\"kind\":\"");
	buf_text(b, problem_kind(problem));
	PUT(b, "\"");
}

static void put_error(struct buf *b, bool first, const struct wire_field_error *e)
{
	buf_text(b, first ? ",\"errors\":[{\"field\":" : ",{\"field\":");
	json_text(b, e->field.p, e->field.n);
	PUT(b, ",\"kind\":");
	json_text(b, e->problem.p, e->problem.n);
	if (e->expected.n > 0) {
		PUT(b, ",\"expected\":");
		json_text(b, e->expected.p, e->expected.n);
	}
	PUT(b, "}");
}

static struct wire_text text_of(const char *s)
{
	return wire_text(s, s == NULL ? 0 : strlen(s));
}

/* What front found itself, about one field or none. */
static void put_own(struct buf *b, const struct json_fault *own)
{
	struct wire_field_error e = {
		.field = wire_text(own->field, own->field_n),
		.problem = text_of(problem_kind(own->problem)),
		.expected = text_of(own->expected),
	};

	if (own->field_n > 0) {
		put_error(b, true, &e);
		PUT(b, "]");
	} else if (e.expected.n > 0) {
		PUT(b, ",\"expected\":");
		json_text(b, e.expected.p, e.expected.n);
	}
}

void line_refused(struct buf *b, uint64_t number, const struct json_fault *own)
{
	put_problem(b, number, own->problem);
	put_own(b, own);
	PUT(b, "}\n");
}

static int created(struct buf *b, uint64_t number, const uint8_t *p, size_t n)
{
	struct wire_create_answer a;

	if (wire_create_answer_decode(p, n, &a) != 0)
		return CV_ERR_FORMAT;
	open_line(b, number, a.aside ? 202 : 201);
	PUT(b, ",\"id\":");
	json_hex(b, a.record, 16);
	buf_text(b, a.replayed ? ",\"replayed\":true}\n" : "}\n");
	return 0;
}

int line_answer(struct buf *b, uint64_t number, const struct json_fault *own, const uint8_t *p, size_t n)
{
	struct rd rd = rd_over(p, n);
	struct wire_problem m;
	struct wire_field_error e;
	uint16_t problem;
	uint64_t leaf;
	bool first = true;

	if (wire_answer_get(&rd, &problem, &leaf) != 0)
		return CV_ERR_FORMAT;
	if (problem == PROBLEM_NONE)
		return own->problem == PROBLEM_NONE ? created(b, number, rd.p, rd_left(&rd)) : CV_ERR_FORMAT;
	if (wire_problem_decode(rd.p, rd_left(&rd), &m) != 0)
		return CV_ERR_FORMAT;
	put_problem(b, number, problem);
	for (; wire_errors_next(&m.errors, &e); first = false)
		put_error(b, first, &e);
	if (!first)
		PUT(b, "]");
	else if (problem == own->problem)	/* core confirms what front found and knows no more of it */
		put_own(b, own);
	PUT(b, "}\n");
	return 0;
}
