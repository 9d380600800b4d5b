/* What stream.c and export.c share: answers in lines, of which many are under way. Private to them. */
#ifndef CV_FRONT_STREAM_INTERNAL_H
#define CV_FRONT_STREAM_INTERNAL_H

#include "front/front_internal.h"
#include "front/lines.h"

#define WINDOW 128u	/* lines at core at once: what one turn takes, and what waits for the next while it syncs */

/* A line that was taken. Those of the ring are in the order of lines. */
struct slot {
	uint64_t request;
	uint64_t number;		/* of an import */
	bool done;			/* text is whole */
	struct json_fault fault;	/* what front found itself */
	struct buf text;
};
struct export;
struct stream {
	struct line_reader lines;
	unsigned window;		/* slots that may be in use, at most WINDOW */
	unsigned first, n;		/* of the ring: place of the oldest slot, slots in use */
	struct slot slot[WINDOW];
	uint64_t partial;		/* request whose answer comes in parts; 0 none */
	struct buf gathered;		/* lines of answer on their way into one chunk */
	bool over;			/* no further line is taken */
	bool cut;			/* ... though some may be there: the answer ends without its last chunk */
	bool blocked;			/* the client does not take more now: its socket wakes us */
	struct export *export;		/* NULL: an import */
};
static inline struct slot *slot_at(struct stream *s, unsigned i) { return &s->slot[(s->first + i) % WINDOW]; }

/* ---- stream.c --------------------------------------------------------------------------------------------------- */

/* Make c->stream, with room for answers of answer_max bytes each. 0 or CV_ERR_NOMEM. */
int stream_new(struct connection *c, unsigned window, size_t answer_max);
/* Write the answer's head to c->out; c enters STREAMING. 0 or CV_ERR_NOMEM. */
int stream_head(struct front *f, struct connection *c);
/* Whether another line may be asked for now. */
bool stream_room(struct front *f, const struct connection *c);

/* ---- export.c --------------------------------------------------------------------------------------------------- */

void export_free(struct export *e);
/* Whether core has yet to answer for a page. */
bool export_waits(const struct export *e);
/* Whether request is its work list's. */
bool export_lists(const struct export *e, uint64_t request);
/* Take a page of the work list. 0 or CV_ERR_FORMAT. */
int export_page(struct connection *c, const uint8_t *p, size_t n);
/* Write the line of one record, or why it is not there, to slot. 0 or CV_ERR_FORMAT. */
int export_record(struct front *f, struct connection *c, struct slot *slot, const uint8_t *p, size_t n);
/* Ask for what comes next, as far as there is room. */
void export_more(struct front *f, struct connection *c);

#endif
