/* Comma-separated values, RFC 4180, from a descriptor: quoted cells may hold commas, quotes and ends of lines. */
#ifndef CV_TOOLS_CSV_H
#define CV_TOOLS_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define SOURCE_LINE_MAX (1u << 20)	/* bytes of one line or record: no request may have more */
#define CSV_CELLS_MAX 1024u

/* A file read in pieces: whole lines of it, or records of cells. A byte order mark at its start is passed over. */
struct source {
	int fd;
	uint64_t line;		/* number of the line at which the last record began, from 1 */
	uint64_t bytes;		/* read so far */
	uint64_t next;		/* line that begins next */
	struct buf held;	/* bytes read and not yet taken, from at on */
	size_t at;
	bool ended;
};
enum source_got {
	SOURCE_END, SOURCE_HERE, SOURCE_TOO_LONG,
	SOURCE_BROKEN,		/* a quote is not closed, or stands where none may */
	SOURCE_FAILED		/* errno tells */
};

/* Read from fd, which stays the caller's. */
void source_init(struct source *s, int fd);
void source_free(struct source *s);
/* The first byte that is no blank, without taking it; 0 at the end. */
char source_peek(struct source *s);
/* The next line without its LF or CR LF: *ret_n bytes at *ret, valid until the next call. SOURCE_FAILED: errno tells. */
enum source_got source_line(struct source *s, const char **ret, size_t *ret_n);
/* The next record: its cells one after the other in ret, each with a NUL behind it. A record that is broken is passed over whole. */
enum source_got source_record(struct source *s, struct buf *ret, unsigned *ret_cells);

#endif
