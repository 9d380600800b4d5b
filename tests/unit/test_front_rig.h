/* Front as a process: it runs in a child, the test is both core and the clients. Shared by test_front.c and test_front_stream.c. */
#ifndef CV_TEST_FRONT_RIG_H
#define CV_TEST_FRONT_RIG_H

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "test_front.h"

#define READ_REQUEST "GET /v1/records/" HEX_ID "?fields=a HTTP/1.1\r\n" HOST BEARER "\r\n"
#define VERSION_REQUEST "GET /v1/sys/version HTTP/1.1\r\n" HOST "\r\n"
#define WAIT_MS 5000

struct rig {
	pid_t pid;
	int core;
	uint64_t opened;	/* connections so far */
	uint8_t message[MESSAGE_MAX];	/* the last packet to core, and what of it is not taken yet */
	size_t at, n;
	struct buf body;	/* of the last request, whole */
	char text[1u << 17];	/* the last answer a client read */
	size_t text_n;
};

/* Start front with at most that many descriptors (0: as many as the test has). */
static inline void rig_start_with(struct rig *g, struct front_limits limits, rlim_t descriptors)
{
	const struct rlimit few = { descriptors, descriptors };

	struct front_options o = { .demo = true, .limits = limits, .version = "test" };
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	g->opened = 0;
	g->at = g->n = 0;
	buf_init(&g->body, MESSAGE_TO_CORE_MAX);
	g->core = pair[0];
	if ((g->pid = fork()) == 0) {
		close(pair[0]);
		o.core_fd = pair[1];
		if (descriptors != 0 && setrlimit(RLIMIT_NOFILE, &few) != 0)
			_exit(4);
		_exit(front_run(&o) == 0 ? 0 : 3);
	}
	close(pair[1]);
	assert_true(g->pid > 0);
}

static inline void rig_start(struct rig *g, struct front_limits limits)
{
	rig_start_with(g, limits, 0);
}

/* Wait for front's end; its exit status. */
static inline int rig_wait(struct rig *g)
{
	int status = 0;

	assert_int_equal(waitpid(g->pid, &status, 0), g->pid);
	buf_free(&g->body);
	if (g->core >= 0)
		close(g->core);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static inline void rig_end(struct rig *g)
{
	close(g->core);
	g->core = -1;
	assert_int_equal(rig_wait(g), 0);
}

static inline void core_send(struct rig *g, uint8_t type, uint64_t connection, uint64_t request, const void *body, size_t n, int fd)
{
	struct message m = { .type = type, .connection = connection, .request = request }, part;
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		size_t align;
	} control = { { 0 } };
	uint8_t head[MESSAGE_HEADER];
	size_t offset = 0;

	do {
		size_t step = message_part(&m, n, offset, &part);
		struct iovec parts[2] = { { head, sizeof(head) }, { (uint8_t *)(uintptr_t)body + offset, step } };
		struct msghdr h = { .msg_iov = parts, .msg_iovlen = step > 0 ? 2 : 1 };

		message_encode(&part, head);
		if (fd >= 0) {
			struct cmsghdr *c;

			h.msg_control = control.bytes;
			h.msg_controllen = sizeof(control.bytes);
			c = CMSG_FIRSTHDR(&h);
			c->cmsg_level = SOL_SOCKET;
			c->cmsg_type = SCM_RIGHTS;
			c->cmsg_len = CMSG_LEN(sizeof(fd));
			memcpy(CMSG_DATA(c), &fd, sizeof(fd));
		}
		assert_int_equal(sendmsg(g->core, &h, MSG_NOSIGNAL), (ssize_t)(sizeof(head) + step));
		offset += step;
	} while (offset < n);
}

/* A client's end of a new connection, whose number is g->opened. */
static inline int client(struct rig *g)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	core_send(g, MSG_OPEN, ++g->opened, 0, NULL, 0, pair[1]);
	close(pair[1]);
	return pair[0];
}

static inline bool wait_for(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

/* Whether something from front waits, or comes within so many milliseconds. */
static inline bool core_waits(const struct rig *g, int ms)
{
	return g->at < g->n || wait_for(g->core, ms);
}

/* The next whole message from front; its body in g->body. */
static inline struct message core_take(struct rig *g)
{
	struct message m;
	ssize_t n;

	buf_reset(&g->body);
	do {
		if (!core_waits(g, WAIT_MS))
			fail_msg("front sends nothing to core");
		if (g->at == g->n) {
			n = recv(g->core, g->message, sizeof(g->message), 0);
			assert_true(n > 0);
			g->at = 0;
			g->n = (size_t)n;
		}
		assert_int_equal(message_decode(g->message + g->at, g->n - g->at, &m), 0);
		buf_put(&g->body, g->message + g->at + MESSAGE_HEADER, m.body_n);
		g->at += MESSAGE_HEADER + m.body_n;
	} while ((m.flags & MESSAGE_MORE) != 0);
	return m;
}

static inline struct message core_takes(struct rig *g, uint8_t type)
{
	struct message m = core_take(g);

	assert_int_equal(m.type, type);
	return m;
}

static inline void core_quiet(struct rig *g)
{
	assert_false(core_waits(g, 50));
}

/* Answer a READ with a text of n bytes. */
static inline void core_reads(struct rig *g, const struct message *m, size_t n)
{
	static const uint8_t zeros[16];
	struct buf b;
	size_t at;
	char *text = malloc(n + 1);

	assert_non_null(text);
	memset(text, 'x', n);
	buf_init(&b, MESSAGE_TO_FRONT_MAX);
	wire_answer_head(&b, 0, 5);
	wire_record_put(&b, zeros, zeros, WIRE_VIEW_MASKED);
	at = wire_count_begin(&b);
	wire_field_put(&b, "a", 1, VALUE_TEXT, text, n);
	wire_count_end(&b, at, 1);
	buf_zero(&b, 8);	/* nothing redacted, omitted, stale or with provenance */
	core_send(g, MSG_ANSWER, m->connection, m->request, b.p, b.n, -1);
	buf_free(&b);
	free(text);
}

static inline void core_refuses(struct rig *g, const struct message *m, uint16_t problem)
{
	struct buf b;

	buf_init(&b, 1024);
	wire_refusal_put(&b, problem, 6, NULL, 0);
	core_send(g, MSG_ANSWER, m->connection, m->request, b.p, b.n, -1);
	buf_free(&b);
}

static inline void say_bytes(int fd, const void *p, size_t n)
{
	assert_int_equal(send(fd, p, n, MSG_NOSIGNAL), (ssize_t)n);
}

static inline void say(int fd, const char *text)
{
	say_bytes(fd, text, strlen(text));
}

/* Read until text holds n bytes from its start; false at the end of the stream. */
static inline bool read_until(struct rig *g, int fd, size_t n)
{
	while (g->text_n < n) {
		ssize_t got;

		if (!wait_for(fd, WAIT_MS))
			fail_msg("no answer");
		got = recv(fd, g->text + g->text_n, n - g->text_n, 0);
		if (got <= 0)
			return false;
		g->text_n += (size_t)got;
	}
	return true;
}

/* Read one answer, byte by byte up to the end of its head; returns its status, 0 at the end of the stream. */
static inline int hear(struct rig *g, int fd)
{
	const char *length;
	int status;

	g->text_n = 0;
	do {
		if (!read_until(g, fd, g->text_n + 1))
			return 0;
		g->text[g->text_n] = '\0';
	} while (strstr(g->text, "\r\n\r\n") == NULL);
	assert_memory_equal(g->text, "HTTP/1.1 ", 9);
	status = atoi(g->text + 9);
	if ((length = strstr(g->text, "Content-Length: ")) != NULL)
		assert_true(read_until(g, fd, g->text_n + (size_t)atol(length + 16)));
	g->text[g->text_n] = '\0';
	return status;
}

static inline bool holds(const struct rig *g, const char *what)
{
	return strstr(g->text, what) != NULL;
}

#endif
