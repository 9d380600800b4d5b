/*
 * A fake daemon for the client's tests: a thread that accepts connections on a Unix socket in a folder of its own, and one for
 * each of them that reads whole requests and sends what a callback answers, which is called by one thread at a time.
 */
#ifndef CV_SUPPORT_FAKE_DAEMON_H
#define CV_SUPPORT_FAKE_DAEMON_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct fake;
/* Answer request (n bytes, NUL after them) by appending to answer. Returns whether the connection stays open. */
typedef bool (*fake_handler)(void *cookie, const char *request, size_t n, struct buf *answer);

struct fake *fake_start(fake_handler handler, void *cookie);
const char *fake_path(const struct fake *f);
/* Connections accepted so far. */
unsigned fake_connections(const struct fake *f);
/* Connections the fake has closed so far. */
unsigned fake_closed(const struct fake *f);
/* Stop, join, remove the folder. */
void fake_stop(struct fake *f);
/* Append a 200 answer with a JSON body. */
void fake_json(struct buf *answer, const char *status, const char *headers, const char *body);

#endif
