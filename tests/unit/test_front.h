/* What the tests of front share: a request taken through front in memory, whole or in pieces. */
#ifndef CV_TEST_FRONT_H
#define CV_TEST_FRONT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"
#include "format/row.h"
#include "format/wire.h"
#include "front/arena.h"
#include "front/exchange.h"

#define HEX_ID "000102030405060708090a0b0c0d0e0f"
#define TOKEN_TEXT "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"	/* 0 to 31 */
#define HOST "Host: v\r\n"
#define BEARER "Authorization: Bearer " TOKEN_TEXT "\r\n"
#define JSON_TYPE "Content-Type: application/json\r\n"
#define BODY_MAX_TEST 4096u

/* One request, as far as front takes it without sockets. */
struct taken {
	struct http http;
	struct exchange x;
	struct buf in, body;	/* body: of the message for core */
	uint8_t type;
	bool done;		/* read to its end, or refused for good */
	bool asks;		/* there is a message */
};

static inline void taken_free(struct taken *t)
{
	buf_free(&t->in);
	buf_free(&t->body);
}

/* Go on with what is in t->in, as connection.c does. */
static inline void taken_step(struct taken *t, bool *begun)
{
	http_execute(&t->http, &t->in);
	if (!*begun && (t->http.state != READ_HEAD || t->http.fatal)) {
		memset(t->x.request_id, 0xee, 16);
		exchange_begin(&t->x, &t->http, &t->in);
		*begun = true;
	}
	if (t->http.fatal)
		(void)exchange_refuse(&t->x, t->http.problem);
	if (t->http.problem == PROBLEM_NONE)
		t->http.problem = t->x.fault.problem;
	t->done = t->http.fatal || t->http.state == READ_DONE;
}

/* Feed n bytes in pieces of step (0: at once); returns the bytes that were fed when it was done. */
static inline size_t take(struct taken *t, const void *p, size_t n, size_t step)
{
	bool begun = false;
	size_t at = 0;

	memset(t, 0, sizeof(*t));
	(void)arena_start();
	buf_init(&t->in, 4u << 20);
	buf_init(&t->body, MESSAGE_TO_CORE_MAX);
	http_init(&t->http, BODY_MAX_TEST);
	while (at < n && !t->done) {
		size_t some = step == 0 || step > n - at ? n - at : step;

		buf_put(&t->in, (const uint8_t *)p + at, some);
		at += some;
		taken_step(t, &begun);
	}
	if (t->done)
		t->asks = exchange_message(&t->x, &t->http, &t->in, &t->body, &t->type);
	return at;
}

/* The problem front finds in a request of text; 0 none; -1 if it waits for more. */
static inline int problem_in_bytes(const void *p, size_t n, size_t step)
{
	struct taken t;
	int problem;

	(void)take(&t, p, n, step);
	problem = t.done ? t.x.fault.problem : -1;
	taken_free(&t);
	return problem;
}

static inline int problem_in(const char *text)
{
	return problem_in_bytes(text, strlen(text), 0);
}

#endif
