/* The proxy between raw sockets and a fake daemon that opens sessions by itself and knows one token at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "client/key.h"
#include "client/proxy.h"
#include "client/proxy_message.h"
#include "fake_daemon.h"
#include "format/context.h"
#include "format/message.h"

#define ROLE 3u
#define TEXT_MAX (3u << 20)

/* What the daemon knows and counts. Read and changed while the proxy waits for nothing of it. */
struct core {
	struct client_key key;
	uint8_t vault[16], session[16], ephemeral_sk[32], ephemeral_pk[32], role_sk[32];
	char token[44];			/* the one that is good */
	unsigned life_s;		/* of the sessions it opens */
	const char *refusal;		/* problem of a hello, or NULL */
	bool deaf;			/* it answers 401 to everything */
	atomic_uint hellos, logins, logouts, requests, refused;
	char last[4096];		/* the last request, as much as fits */
};
struct rig {
	struct core core;
	struct fake *fake;
	struct proxy *proxy;
	char path[128];
	int stop;
	int result;
	pthread_t thread;
	unsigned told[8], tellings;
};

/* ---- the daemon ---------------------------------------------------------------------------------------------------------- */

static void new_token(struct core *c)
{
	uint8_t random[32];

	crypto_random(random, sizeof random);
	b64_encode(B64_URL, random, sizeof random, c->token);
}

static void put_b64(struct buf *b, const char *name, const void *p, size_t n)
{
	char text[160];

	b64_encode(B64_STD, p, n, text);
	buf_printf(b, ",\"%s\":\"%s\"", name, text);
}

static void hello(struct core *c, struct buf *body)
{
	const struct context x = { .kind = CONTEXT_KEY_WRAP, .vault = c->vault, .entity = c->key.principal, .epoch = 5, .field = ROLE,
		.version = 1, .length = 32 };
	uint8_t ctx[CONTEXT_BYTES], wrap[112], answer[32] = { 0 };
	char session[33], vault[33];

	crypto_random(c->session, sizeof c->session);
	crypto_random(c->ephemeral_sk, 32);
	crypto_box_public(c->ephemeral_sk, c->ephemeral_pk);
	context_encode(&x, ctx);
	assert_int_equal(crypto_pkseal(c->key.box_pk, ctx, c->role_sk, 32, wrap), 0);
	hex_encode(c->session, 16, session);
	hex_encode(c->vault, 16, vault);
	buf_printf(body, "{\"session\":\"%s\",\"vault\":\"%s\"", session, vault);
	put_b64(body, "ephemeral_key", c->ephemeral_pk, 32);
	put_b64(body, "answer", answer, 32);
	buf_printf(body, ",\"wraps\":[{\"role\":%u,\"epoch\":5", ROLE);
	put_b64(body, "wrap", wrap, sizeof wrap);
	buf_text(body, "}]}");
}

static void activate(struct core *c, struct buf *body)
{
	char expires[25];

	clock_rfc3339(clock_wall_ms() + c->life_s * 1000, expires);
	new_token(c);
	c->logins++;
	buf_printf(body, "{\"token\":\"%s\",\"expires_at\":\"%s\",\"roles\":[\"school\"]}", c->token, expires);
}

static void problem(struct buf *answer, const char *status, const char *kind)
{
	char body[128];

	snprintf(body, sizeof body, "{\"status\":%.3s,\"kind\":\"%s\",\"title\":\"t\"}", status, kind);
	fake_json(answer, status, "", body);
}

static bool open_session(struct core *c, const char *request, struct buf *answer)
{
	struct buf body;

	if (c->refusal != NULL) {
		c->hellos++;
		problem(answer, strcmp(c->refusal, "unauthenticated") == 0 ? "401 Unauthorized" : "503 Service Unavailable", c->refusal);
		return true;
	}
	buf_init(&body, 4096);
	if (strncmp(request, "POST", 4) == 0) {
		c->hellos++;
		hello(c, &body);
	} else {
		activate(c, &body);
	}
	buf_u8(&body, 0);
	fake_json(answer, "200 OK", "", (const char *)body.p);
	buf_free(&body);
	return true;
}

static bool has_token(const struct core *c, const char *request)
{
	const char *at = strstr(request, "\r\nAuthorization: Bearer ");

	return !c->deaf && at != NULL && strncmp(at + 24, c->token, 43) == 0;
}

static bool serve(void *cookie, const char *request, size_t n, struct buf *answer)
{
	struct core *c = cookie;
	const char *body = strstr(request, "\r\n\r\n") + 4;
	size_t body_n = n - (size_t)(body - request);

	if (strstr(request, " /v1/sessions HTTP") != NULL || strncmp(request, "PUT ", 4) == 0)
		return open_session(c, request, answer);
	if (strstr(request, "/v1/sys/health") != NULL) {
		fake_json(answer, "200 OK", strstr(request, "Authorization") != NULL ? "Seen: token\r\n" : "", "{}");
		return true;
	}
	if (!has_token(c, request)) {
		c->refused++;
		problem(answer, "401 Unauthorized", "unauthenticated");
		return true;
	}
	if (strncmp(request, "DELETE ", 7) == 0) {
		c->logouts++;
		buf_text(answer, "HTTP/1.1 204 No Content\r\n\r\n");
		return true;
	}
	c->requests++;
	snprintf(c->last, sizeof c->last, "%s", request);
	if (strstr(request, "/break") != NULL)
		return false;
	if (strstr(request, "/half") != NULL) {
		buf_text(answer, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab");
		return false;
	}
	if (strstr(request, "/chunks") != NULL) {
		buf_text(answer, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n");
		return true;
	}
	buf_printf(answer, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nSeen: once\r\n\r\n", body_n);
	buf_put(answer, body, body_n);
	return true;
}

/* ---- the rig --------------------------------------------------------------------------------------------------------------- */

static void told(void *cookie, unsigned number)
{
	struct rig *r = cookie;

	r->told[r->tellings++ % 8] = number;
}

static void *run(void *arg)
{
	struct rig *r = arg;

	r->result = proxy_run(r->proxy, r->stop);
	return NULL;
}

/* A proxy without a session yet. */
static struct rig *rig_new(void)
{
	struct rig *r = calloc(1, sizeof *r);
	struct proxy_options o;

	assert_non_null(r);
	assert_int_equal(crypto_start(), 0);
	crypto_allow_unlocked(true);
	client_key_new(&r->core.key);
	crypto_random(r->core.vault, 16);
	crypto_random(r->core.role_sk, 32);
	r->core.life_s = 3600;
	new_token(&r->core);
	r->fake = fake_start(serve, &r->core);
	snprintf(r->path, sizeof r->path, "%s.proxy", fake_path(r->fake));
	r->stop = eventfd(0, EFD_CLOEXEC);
	o = (struct proxy_options){ .listen = r->path, .daemon = fake_path(r->fake), .key = &r->core.key, .told = told, .cookie = r };
	assert_int_equal(proxy_new(&o, &r->proxy), 0);
	assert_int_equal(pthread_create(&r->thread, NULL, run, r), 0);
	return r;
}

static void rig_stop(struct rig *r)
{
	uint64_t one = 1;

	assert_int_equal(write(r->stop, &one, sizeof one), sizeof one);
	pthread_join(r->thread, NULL);
	assert_int_equal(r->result, 0);
	assert_int_equal(access(r->path, F_OK), -1);
	proxy_free(r->proxy);
	close(r->stop);
	fake_stop(r->fake);
}

static int dial(const struct rig *r)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct timeval limit = { .tv_sec = 20 };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(a.sun_path, r->path, strlen(r->path) + 1);
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

static void say(int fd, const void *p, size_t n)
{
	for (size_t at = 0; at < n;) {
		ssize_t sent = send(fd, (const char *)p + at, n - at, MSG_NOSIGNAL);

		assert_true(sent > 0);
		at += (size_t)sent;
	}
}

/* Read one answer whose body has a length, or up to the end; NUL-terminated in ret. */
static size_t hear(int fd, char *ret)
{
	size_t n = 0;

	for (;;) {
		char *end = n != 0 ? strstr(ret, "\r\n\r\n") : NULL, *length = end != NULL ? strstr(ret, "Content-Length: ") : NULL;
		ssize_t got;

		if (length != NULL && length < end && n >= (size_t)(end + 4 - ret) + strtoul(length + 16, NULL, 10))
			return n;
		got = recv(fd, ret + n, TEXT_MAX - 1 - n, 0);
		assert_true(got >= 0 || errno == ECONNRESET);
		if (got <= 0)
			return n;
		n += (size_t)got;
		ret[n] = 0;
	}
}

static char text[TEXT_MAX];

/* The status of a request on a connection of its own, the answer left in text. */
static int ask(const struct rig *r, const char *request)
{
	int fd = dial(r);

	text[0] = 0;
	say(fd, request, strlen(request));
	(void)hear(fd, text);
	close(fd);
	return text[0] != 0 ? atoi(text + 9) : 0;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"
#define POST(path, body) "POST " path " HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n" body

/* ---- passing --------------------------------------------------------------------------------------------------------------- */

static void token_is_added_and_all_else_is_as_it_was(void **state)
{
	static const char request[] = "POST /v1/records?x=%41 HTTP/1.1\r\nhost:  x\r\nCV-Purpose: visit \r\nX-Other:\r\n"
	    "Content-Length: 5\r\n\r\nh\0llo";
	struct rig *r = rig_new();
	char want[512];
	int fd = dial(r);

	(void)state;
	say(fd, request, sizeof request - 1);
	assert_true(hear(fd, text) > 0);
	snprintf(want, sizeof want, "POST /v1/records?x=%%41 HTTP/1.1\r\nAuthorization: Bearer %s\r\nhost:  x\r\n"
	    "CV-Purpose: visit \r\nX-Other:\r\nContent-Length: 5\r\n\r\nh", r->core.token);
	assert_string_equal(r->core.last, want);
	assert_memory_equal(text, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nSeen: once\r\n\r\nh\0llo", 57);
	/* The same connection, one byte at a time, and two requests at once. */
	for (const char *p = GET("/a"); *p != 0; p++)
		say(fd, p, 1);
	assert_true(hear(fd, text) > 0);
	say(fd, GET("/b") POST("/c", "12345"), strlen(GET("/b") POST("/c", "12345")));
	assert_true(hear(fd, text) > 0);
	if (strstr(text, "12345") == NULL)
		assert_true(hear(fd, text) > 0);
	assert_non_null(strstr(text, "12345"));
	assert_int_equal(r->core.requests, 4);
	assert_int_equal(r->core.logins, 1);
	close(fd);
	rig_stop(r);
	assert_int_equal(r->core.logouts, 1);
	free(r);
}

static void chunks_pass_both_ways(void **state)
{
	struct rig *r = rig_new();

	(void)state;
	assert_int_equal(ask(r, "POST /v1/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"), 200);
	assert_non_null(strstr(text, "\r\n\r\n3\r\nabc\r\n0\r\n\r\n"));
	assert_int_equal(ask(r, "GET /v1/chunks HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), 200);
	assert_non_null(strstr(text, "\r\n\r\n2\r\n{}\r\n0\r\n\r\n"));
	/* An answer that breaks off ends without its last chunk. */
	assert_int_equal(ask(r, GET("/v1/half")), 200);
	assert_non_null(strstr(text, "\r\n\r\n5\r\nab"));
	rig_stop(r);
	free(r);
}

static void what_two_readers_could_split_differently_is_refused(void **state)
{
	static const char *const bad[] = {
		"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
		"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
		"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
		"POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\nx",
		"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", "GET / HTTP/1.1\nHost: x\n\n",
		"GET / HTTP/1.1\r\nHost : x\r\n\r\n", "GET  / HTTP/1.1\r\n\r\n",
		"GET / HTTP/2.0\r\n\r\n", "GET /\r\n\r\n", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\n\r\n",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nAuthorization: x\r\n\r\n",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n" };
	struct rig *r = rig_new();

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(ask(r, bad[i]), 400);
		assert_non_null(strstr(text, "application/problem+json"));
		assert_non_null(strstr(text, "\"kind\":\"bad-request\""));
	}
	assert_int_equal(ask(r, "GET / HTTP/1.1\r\nHost: x\r\naUTHORIZATION: Bearer x\r\n\r\n"), 400);
	assert_non_null(strstr(text, "send none"));
	memset(text, 'a', PROXY_HEAD_MAX + 10);
	memcpy(text, "GET /", 5);
	text[PROXY_HEAD_MAX + 10] = 0;
	assert_int_equal(ask(r, strdupa(text)), 431);
	assert_int_equal(r->core.requests, 0);
	rig_stop(r);
	free(r);
}

static void bodies_end_where_their_framing_says(void **state)
{
	static const char chunked[] = "a\r\n0123456789\r\n0F\r\n0123456789abcde\r\n00\r\n\r\nGET";
	const size_t whole = sizeof chunked - 1 - 3;
	struct proxy_body b;
	size_t n;

	(void)state;
	for (size_t cut = 0; cut <= sizeof chunked - 1; cut++) {
		proxy_body_begin(&b, FRAMING_CHUNKED, 0);
		assert_int_equal(proxy_body_pass(&b, (const uint8_t *)chunked, cut, &n), 0);
		assert_int_equal(n, cut < whole ? cut : whole);
		assert_int_equal(b.done, cut >= whole);
		assert_int_equal(proxy_body_pass(&b, (const uint8_t *)chunked + n, sizeof chunked - 1 - n, &n), 0);
		assert_true(b.done);
	}
	proxy_body_begin(&b, FRAMING_LENGTH, 4);
	assert_int_equal(proxy_body_pass(&b, (const uint8_t *)chunked, 3, &n), 0);
	assert_false(b.done);
	assert_int_equal(proxy_body_pass(&b, (const uint8_t *)chunked, 3, &n), 0);
	assert_int_equal(n, 1);
	proxy_body_begin(&b, FRAMING_NONE, 0);
	assert_true(b.done);
	proxy_body_begin(&b, FRAMING_CHUNKED, 0);
	assert_int_equal(proxy_body_pass(&b, (const uint8_t *)"1000000000000000\r\n", 18, &n), CV_ERR_FORMAT);
}

/* ---- sessions -------------------------------------------------------------------------------------------------------------- */

static void session_that_ended_is_renewed_and_the_request_sent_again(void **state)
{
	struct rig *r = rig_new();

	(void)state;
	assert_int_equal(ask(r, GET("/v1/x")), 200);
	new_token(&r->core);
	assert_int_equal(ask(r, POST("/v1/x", "12345")), 200);
	assert_non_null(strstr(text, "\r\n\r\n12345"));
	assert_int_equal(r->core.refused, 1);
	assert_int_equal(r->core.requests, 2);
	assert_int_equal(r->core.logins, 2);
	rig_stop(r);
	assert_int_equal(r->core.logouts, 1);	/* the one that the daemon did not know is not ended again */
	free(r);
}

static void request_is_sent_again_once_only(void **state)
{
	struct rig *r = rig_new();

	(void)state;
	r->core.deaf = true;
	assert_int_equal(ask(r, POST("/v1/x", "12345")), 401);
	assert_int_equal(r->core.refused, 2);
	assert_int_equal(r->core.logins, 2);
	r->core.deaf = false;
	rig_stop(r);
	free(r);
}

static void long_request_is_not_kept_to_be_sent_again(void **state)
{
	static char body[1 << 20];
	struct rig *r = rig_new();
	char head[128];
	int fd;

	(void)state;
	assert_int_equal(ask(r, GET("/v1/x")), 200);
	new_token(&r->core);
	memset(body, 'b', sizeof body);
	snprintf(head, sizeof head, "POST /v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", sizeof body);
	for (int i = 0; i < 2; i++) {
		fd = dial(r);
		say(fd, head, strlen(head));
		say(fd, body, sizeof body);
		assert_true(hear(fd, text) > 0);
		assert_int_equal(atoi(text + 9), i == 0 ? 401 : 200);
		close(fd);
		if (i == 0)
			assert_int_equal(ask(r, GET("/v1/x")), 200);
	}
	assert_true(memcmp(strstr(text, "\r\n\r\n") + 4, body, sizeof body) == 0);
	rig_stop(r);
	free(r);
}

static void session_is_renewed_before_its_end(void **state)
{
	const struct timespec pause = { .tv_nsec = 950000000 };
	struct rig *r = rig_new();

	(void)state;
	r->core.life_s = 1;
	assert_int_equal(ask(r, GET("/v1/x")), 200);
	nanosleep(&pause, NULL);
	r->core.life_s = 3600;
	assert_int_equal(ask(r, GET("/v1/x")), 200);
	assert_int_equal(r->core.logins, 2);
	assert_int_equal(ask(r, GET("/v1/x")), 200);
	assert_int_equal(r->core.logins, 2);
	rig_stop(r);
	free(r);
}

static void stream_gets_a_new_session_after_a_connection_broke(void **state)
{
	struct rig *r = rig_new();

	(void)state;
	assert_int_equal(ask(r, POST("/v1/records:import", "12345")), 200);
	assert_int_equal(ask(r, POST("/v1/records:import?from=1", "12345")), 200);
	assert_int_equal(r->core.logins, 1);
	assert_int_equal(ask(r, POST("/v1/break", "12345")), 500);
	assert_int_equal(ask(r, GET("/v1/x")), 200);
	assert_int_equal(r->core.logins, 1);
	assert_int_equal(ask(r, POST("/v1/records:import", "12345")), 200);
	assert_int_equal(r->core.logins, 2);
	rig_stop(r);
	free(r);
}

static void what_may_have_been_done_is_not_sent_again(void **state)
{
	struct rig *r = rig_new();

	(void)state;
	assert_int_equal(ask(r, POST("/v1/break", "12345")), 500);
	assert_non_null(strstr(text, "\"kind\":\"internal\""));
	assert_int_equal(r->core.requests, 1);
	assert_int_equal(ask(r, GET("/v1/break")), 503);
	assert_non_null(strstr(text, "\"kind\":\"overloaded\""));
	assert_non_null(strstr(text, "Retry-After: 1\r\n"));
	assert_int_equal(r->core.requests, 3);
	rig_stop(r);
	free(r);
}

static void login_that_fails_is_told_in_the_api_s_form(void **state)
{
	const struct timespec pause = { .tv_nsec = 350000000 };
	struct rig *r = rig_new();

	(void)state;
	r->core.refusal = "sealed";
	assert_int_equal(ask(r, GET("/v1/x")), 503);
	assert_non_null(strstr(text, "\"kind\":\"sealed\""));
	assert_non_null(strstr(text, "\"type\":\"urn:childvault:problem:sealed\""));
	assert_int_equal(ask(r, GET("/v1/sys/health?sealed_ok=true")), 200);
	assert_null(strstr(text, "Seen: token"));
	r->core.refusal = NULL;
	nanosleep(&pause, NULL);
	assert_int_equal(ask(r, GET("/v1/x")), 200);
	assert_int_equal(r->tellings, 2);
	assert_int_equal(r->told[0], PROBLEM_SEALED);
	assert_int_equal(r->told[1], 0);
	/* A principal that may not is not asked for again at once: ten times would lock it out. */
	new_token(&r->core);
	r->core.refusal = "unauthenticated";
	assert_int_equal(ask(r, GET("/v1/x")), 401);
	r->core.hellos = 0;
	nanosleep(&pause, NULL);
	assert_int_equal(ask(r, GET("/v1/x")), 401);
	assert_int_equal(r->core.hellos, 0);
	rig_stop(r);
	free(r);
}

static void login_of_a_client_s_own_is_not_the_proxy_s(void **state)
{
	struct rig *r = rig_new();

	(void)state;
	r->core.refusal = "unauthenticated";
	assert_int_equal(ask(r, POST("/v1/sessions", "12345")), 401);
	assert_int_equal(r->core.hellos, 1);
	rig_stop(r);
	free(r);
}

/* ---- the socket ------------------------------------------------------------------------------------------------------------- */

static void socket_is_private_and_replaces_none_that_is_in_use(void **state)
{
	struct rig *r = rig_new();
	struct proxy_options o = { .listen = r->path, .daemon = fake_path(r->fake), .key = &r->core.key };
	struct proxy *p = NULL;
	struct stat st;
	char other[160];
	FILE *f;

	(void)state;
	assert_int_equal(stat(r->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(proxy_new(&o, &p), CV_ERR_BUSY);
	snprintf(other, sizeof other, "%s.file", r->path);
	assert_non_null(f = fopen(other, "w"));
	fclose(f);
	o.listen = other;
	assert_int_equal(proxy_new(&o, &p), CV_ERR_EXISTS);
	assert_int_equal(stat(other, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	unlink(other);
	o.listen = "";
	assert_int_equal(proxy_new(&o, &p), CV_ERR_ARG);
	assert_null(p);
	rig_stop(r);
	free(r);
}

static void socket_of_a_dead_proxy_is_replaced(void **state)
{
	struct rig *r = rig_new();
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct proxy_options o;
	struct proxy *p = NULL;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	snprintf(a.sun_path, sizeof a.sun_path, "%.80s.dead", r->path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof a), 0);
	close(fd);
	o = (struct proxy_options){ .listen = a.sun_path, .daemon = fake_path(r->fake), .key = &r->core.key };
	assert_int_equal(proxy_new(&o, &p), 0);
	/* What stands in its place by then is left alone. */
	assert_int_equal(unlink(a.sun_path), 0);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof a), 0);
	proxy_free(p);
	assert_int_equal(access(a.sun_path, F_OK), 0);
	close(fd);
	unlink(a.sun_path);
	rig_stop(r);
	free(r);
}

static void second_word_ends_what_is_under_way(void **state)
{
	static const char half[] = "POST /v1/x HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf";
	struct rig *r = rig_new();
	uint64_t one = 1;
	int fd = dial(r);

	(void)state;
	say(fd, half, strlen(half));
	while (r->core.logins == 0)
		usleep(1000);
	assert_int_equal(write(r->stop, &one, sizeof one), sizeof one);
	while (access(r->path, F_OK) == 0)
		usleep(1000);
	rig_stop(r);
	assert_true(recv(fd, text, 1, 0) <= 0);
	close(fd);
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(token_is_added_and_all_else_is_as_it_was),
		cmocka_unit_test(chunks_pass_both_ways),
		cmocka_unit_test(what_two_readers_could_split_differently_is_refused),
		cmocka_unit_test(bodies_end_where_their_framing_says),
		cmocka_unit_test(session_that_ended_is_renewed_and_the_request_sent_again),
		cmocka_unit_test(request_is_sent_again_once_only),
		cmocka_unit_test(long_request_is_not_kept_to_be_sent_again),
		cmocka_unit_test(session_is_renewed_before_its_end),
		cmocka_unit_test(stream_gets_a_new_session_after_a_connection_broke),
		cmocka_unit_test(what_may_have_been_done_is_not_sent_again),
		cmocka_unit_test(login_that_fails_is_told_in_the_api_s_form),
		cmocka_unit_test(login_of_a_client_s_own_is_not_the_proxy_s),
		cmocka_unit_test(socket_is_private_and_replaces_none_that_is_in_use),
		cmocka_unit_test(socket_of_a_dead_proxy_is_replaced),
		cmocka_unit_test(second_word_ends_what_is_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
