/*
 * An export: front asks for the approved request, then page by page for the work list, and reads each record under the request's id. Core
 * decides on each of them as on any read; the answer is a line with the request's mark, then one for each record.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "format/row.h"
#include "format/wire_gov.h"
#include "front/json_out.h"
#include "front/stream_internal.h"

#define EXPORT_WINDOW 16u		/* reads at core at once: an export is not in a hurry, and its answers are long */
#define RECORD_MAX (4u << 20)		/* bytes of one record's line */
#define PAGE 100u
#define PUT(b, text) buf_put((b), (text), sizeof(text) - 1)

struct export {
	struct json_export body;
	struct buf text;			/* purpose, case, reason: the request's own bytes are gone */
	struct span purpose, case_text, reason;
	struct buf names;			/* of fields, as messages have them */
	struct buf ids;				/* of the page, those before at are asked for */
	size_t at;
	struct buf cursor;
	bool last;				/* there is no further page */
	uint64_t list;				/* number of the work list's request under way, 0 none */
};

void export_free(struct export *e)
{
	if (e == NULL)
		return;
	buf_free(&e->text);
	buf_free(&e->names);
	buf_free(&e->ids);
	buf_free(&e->cursor);
	wipe(e, sizeof(*e));
	free(e);
}

/* ---- begin ------------------------------------------------------------------------------------------------------ */

static struct span keep(struct buf *to, const struct buf *in, const struct span *s)
{
	struct span kept = { (uint32_t)to->n, s->n };

	buf_put(to, in->p + s->at, s->n);
	return kept;
}

int export_prepare(struct connection *c)
{
	struct export *e = calloc(1, sizeof(*e));
	struct json_fault fault;

	if (e == NULL || stream_new(c, EXPORT_WINDOW, RECORD_MAX) != 0) {
		free(e);
		return CV_ERR_NOMEM;
	}
	c->stream->export = e;
	buf_init(&e->text, HTTP_HEAD_MAX);
	buf_init(&e->names, NAMES_MAX * (JSON_NAME_MAX + 1) + 2);
	buf_init(&e->ids, (size_t)WIRE_LIST_MAX * WIRE_ID);
	buf_init(&e->cursor, WIRE_CURSOR_MAX);
	e->purpose = keep(&e->text, &c->in, &c->x.purpose);
	e->case_text = keep(&e->text, &c->in, &c->x.case_text);
	e->reason = keep(&e->text, &c->in, &c->x.reason);
	if (json_export(c->in.p + c->http.body_at, c->http.body_n, &e->body, &e->names, &fault) != 0)
		return CV_ERR_FORMAT;
	return buf_ok(&e->text) && buf_ok(&e->names) ? 0 : CV_ERR_NOMEM;
}

static void put_mark(struct buf *b, const struct export *e, const struct wire_gov_object *o)
{
	struct wire_list l = o->fields;
	struct wire_field f;
	struct wire_text mark = { "", 0 };

	while (wire_fields_next(&l, &f))
		if (f.name.n == 4 && memcmp(f.name.p, "mark", 4) == 0 && f.value.type == VALUE_TEXT)
			mark = wire_text((const char *)f.value.p, f.value.n);
	PUT(b, "{\"export\":");
	json_hex(b, e->body.request, sizeof(e->body.request));
	PUT(b, ",\"mark\":");
	json_text(b, mark.p, mark.n);
	PUT(b, "}\n");
}

int export_begin(struct front *f, struct connection *c, const uint8_t *p, size_t n)
{
	struct rd rd = rd_over(p, n);
	struct wire_gov_object o;
	uint16_t problem;
	uint64_t leaf;
	struct slot *slot;

	if (wire_answer_get(&rd, &problem, &leaf) != 0)
		return CV_ERR_FORMAT;
	if (problem != PROBLEM_NONE) {
		stream_free(c);		/* refused as a whole */
		return 0;
	}
	if (wire_gov_object_decode(rd.p, rd_left(&rd), &o) != 0)
		return CV_ERR_FORMAT;
	slot = slot_at(c->stream, c->stream->n++);
	put_mark(&slot->text, c->stream->export, &o);
	slot->done = true;
	buf_reset(&c->answer);
	(void)stream_head(f, c);	/* no memory: stream_run finds it out */
	if (f->stopping)
		stream_stop(c);
	front_ready(f, c);
	return 0;
}

/* ---- messages --------------------------------------------------------------------------------------------------- */

static struct wire_text text_of(const struct export *e, const struct span *s)
{
	return wire_text((const char *)e->text.p + s->at, s->n);
}

static struct wire_envelope envelope_of(const struct connection *c, const uint8_t request_id[16])
{
	const struct export *e = c->stream->export;
	struct wire_envelope envelope = {
		.has_token = c->x.has_token,
		.token = c->x.token,
		.request_id = request_id,
		.purpose = text_of(e, &e->purpose),
		.case_text = text_of(e, &e->case_text),
		.reason = text_of(e, &e->reason),
	};

	return envelope;
}

/* Queue the message in f->scratch. Answers its request's number, 0: there is no room for it. */
static uint64_t queue(struct front *f, struct connection *c, uint8_t type)
{
	uint64_t number = 0;

	if (buf_ok(&f->scratch) && channel_queue(&f->channel, type, c->id, f->requests + 1, f->scratch.p, f->scratch.n) == 0)
		lanes_asked(f, c, number = ++f->requests, 0);
	buf_reset(&f->scratch);
	return number;
}

static void ask_page(struct front *f, struct connection *c)
{
	struct export *e = c->stream->export;
	uint8_t id[16];
	struct wire_records m = {
		.area = wire_text(e->body.area, strlen(e->body.area)),
		.state = wire_text(e->body.state, strlen(e->body.state)),
		.due = wire_text("", 0),
		.limit = PAGE,
		.cursor = wire_text((const char *)e->cursor.p, e->cursor.n),
		.export = e->body.request,
	};

	front_request_id(f, id);
	m.envelope = envelope_of(c, id);
	wire_records_put(&f->scratch, &m);
	if ((e->list = queue(f, c, MSG_LIST)) == 0)
		stream_stop(c);
}

static void ask_record(struct front *f, struct connection *c)
{
	struct export *e = c->stream->export;
	struct slot *slot = slot_at(c->stream, c->stream->n);
	uint8_t id[16];
	struct wire_read m = {
		.record = e->ids.p + e->at,
		.view = e->body.clear ? WIRE_VIEW_CLEAR : WIRE_VIEW_DEFAULT,
		.export = e->body.request,
	};

	front_request_id(f, id);
	m.envelope = envelope_of(c, id);
	wire_read_head(&f->scratch, &m);
	buf_put(&f->scratch, e->names.p, e->names.n);
	if ((slot->request = queue(f, c, MSG_READ)) == 0) {
		stream_stop(c);
		return;
	}
	slot->done = false;
	c->stream->n++;
	e->at += WIRE_ID;
}

void export_more(struct front *f, struct connection *c)
{
	struct stream *s = c->stream;
	struct export *e = s->export;

	while (stream_room(f, c) && e->at < e->ids.n)
		ask_record(f, c);
	if (e->at < e->ids.n || e->list != 0)
		return;
	if (e->last)
		s->over = true;
	else if (stream_room(f, c))
		ask_page(f, c);
}

/* ---- answers ---------------------------------------------------------------------------------------------------- */

bool export_waits(const struct export *e)
{
	return e->list != 0;
}

bool export_lists(const struct export *e, uint64_t request)
{
	return e->list != 0 && e->list == request;
}

/*
 * A line that says why a record, or a page of them, is not there; not which, since an export names no record by its id (POLICY.md 4).
 * What would refuse all that follow ends the export.
 */
static void put_refusal(struct stream *s, struct buf *b, bool page, uint16_t problem)
{
	int status = problem_status(problem);

	PUT(b, "{\"status\":");
	json_u64(b, (uint64_t)status);
	PUT(b, ",\"kind\":\"");
	buf_text(b, problem_kind(problem));
	PUT(b, "\"}\n");
	s->over = s->over || page || status == 401 || status == 429 || status >= 500;
}

int export_page(struct connection *c, const uint8_t *p, size_t n)
{
	struct stream *s = c->stream;
	struct export *e = s->export;
	struct rd rd = rd_over(p, n);
	struct wire_records_answer a;
	struct wire_listed r;
	uint16_t problem;
	uint64_t leaf;

	e->list = 0;
	if (wire_answer_get(&rd, &problem, &leaf) != 0)
		return CV_ERR_FORMAT;
	if (problem != PROBLEM_NONE) {
		struct slot *slot = slot_at(s, s->n++);	/* a page is asked for only while a slot is free */

		slot->request = 0;
		put_refusal(s, &slot->text, true, problem);
		slot->done = true;
		return 0;
	}
	if (wire_records_answer_decode(rd.p, rd_left(&rd), &a) != 0)
		return CV_ERR_FORMAT;
	buf_reset(&e->ids);
	e->at = 0;
	while (wire_listed_next(&a.records, &r))
		buf_put(&e->ids, r.record, WIRE_ID);
	buf_reset(&e->cursor);
	buf_put(&e->cursor, a.cursor.p, a.cursor.n);
	e->last = a.cursor.n == 0;
	return buf_ok(&e->ids) && buf_ok(&e->cursor) ? 0 : CV_ERR_FORMAT;
}

int export_record(struct front *f, struct connection *c, struct slot *slot, const uint8_t *p, size_t n)
{
	struct rd rd = rd_over(p, n);
	struct reply *reply = &f->reply;
	uint16_t problem;
	uint64_t leaf;
	int r = 0;

	if (wire_answer_get(&rd, &problem, &leaf) != 0)
		return CV_ERR_FORMAT;
	if (problem != PROBLEM_NONE) {
		put_refusal(c->stream, &slot->text, false, problem);
		return 0;
	}
	if ((r = render_read(&c->x, rd.p, rd_left(&rd), reply)) == 0) {
		PUT(&reply->body, "\n");
		buf_put(&slot->text, reply->body.p, reply->body.n);
		if (!buf_ok(&reply->body) || !buf_ok(&slot->text)) {
			buf_free(&slot->text);
			put_refusal(c->stream, &slot->text, false, PROBLEM_INTERNAL);
		}
	}
	reply_reset(reply);
	return r;
}
