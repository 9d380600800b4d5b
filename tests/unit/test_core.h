/* Core without its loop: fronts are the other ends of socket pairs, the vault behind it is a real one. */
#ifndef CV_TEST_CORE_H
#define CV_TEST_CORE_H

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "core/core_internal.h"
#include "test_vault.h"

#define UID 1000u

struct rig {
	struct fixture *f;
	struct core *c;
	uint8_t worker[32];
};

static inline int rig_setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));
	void *f = NULL;

	assert_non_null(r);
	fixture_turn_end = 0;
	assert_int_equal(fixture_setup(&f), 0);
	r->f = f;
	r->c = calloc(1, sizeof(*r->c));
	assert_non_null(r->c);
	r->c->vault = r->f->v;
	r->c->api_fd = r->c->admin_fd = r->c->control_fd = r->c->timer_fd = r->c->signal_fd = r->c->applied_fd = -1;
	r->c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	for (unsigned i = 0; i < FRONT_LINKS; i++)
		r->c->front[i].fd = -1;
	for (unsigned i = 0; i < ADMINS; i++)
		r->c->admin[i].fd = -1;
	buf_init(&r->c->out, OUT_MAX);
	r->c->receive = calloc(RECEIVE, MESSAGE_MAX);
	assert_non_null(r->c->receive);
	assert_int_equal(login(r->f, P_WORKER, r->worker), 0);
	*state = r;
	return 0;
}

static inline int rig_teardown(void **state)
{
	struct rig *r = *state;
	void *f = r->f;

	log_init("test", 0);
	for (unsigned i = 0; i < FRONT_LINKS; i++)
		fronts_drop(r->c, i, "the test is over");
	log_init("test", LOG_LEVEL_ERROR);
	assert_int_equal(r->c->connections, 0);
	for (unsigned i = 0; i < FRONT_LINKS; i++)
		assert_int_equal(r->c->front[i].partials, 0);
	close(r->c->epoll_fd);
	buf_free(&r->c->out);
	free(r->c->receive);
	free(r->c);
	free(r);
	return fixture_teardown(&f);
}

/* The last packet that a front got, and what of it was not looked at yet. */
#define FRONT_ENDS 64
static struct packet {
	size_t at, n;
	uint8_t p[MESSAGE_MAX];
} packets[FRONT_ENDS];

/* Another front; the result is its end. */
static inline int front_new(struct rig *r)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
	assert_int_equal(fronts_add(r->c, pair[0]), 0);
	assert_in_range(pair[1], 0, FRONT_ENDS - 1);
	packets[pair[1]].at = packets[pair[1]].n = 0;
	return pair[1];
}

/* Another connection, of front number i. */
static inline uint64_t connection_new(struct rig *r, unsigned i)
{
	struct connection *x = &r->c->connection[r->c->connections];

	x->id = ++r->c->next_sequence * CONNECTIONS + r->c->connections++;
	x->front = i;
	x->who = (struct vault_caller){ UID, 1 };
	r->c->front[i].connections++;
	return x->id;
}

static inline void send_bytes(int fd, const void *p, size_t n)
{
	assert_int_equal(send(fd, p, n, MSG_NOSIGNAL), n);
}

static inline void send_message(int fd, uint8_t type, uint16_t flags, uint64_t connection, uint64_t request, const void *body, size_t n)
{
	static uint8_t bytes[MESSAGE_MAX];
	struct message m = { type, flags, (uint32_t)n, connection, request };

	message_encode(&m, bytes);
	if (n > 0)
		memcpy(bytes + MESSAGE_HEADER, body, n);
	send_bytes(fd, bytes, MESSAGE_HEADER + n);
}

/* One round of core's loop, as far as fronts go. */
static inline void round_once(struct rig *r)
{
	turns_run(r->c);
	assert_int_equal(r->c->requests, 0);
	assert_false(r->c->open);
}

/* The next whole answer to a front: its problem, body in ret (NULL: not wanted). -1: none is there, -2: core closed the pair. */
static inline int answer_of(int fd, struct message *ret_m, struct buf *ret)
{
	struct packet *in = &packets[fd];
	struct message m;
	int problem = -1;

	do {
		const uint8_t *body;

		if (in->at == in->n) {
			ssize_t n = recv(fd, in->p, sizeof(in->p), MSG_DONTWAIT);

			if (n == 0 || (n < 0 && errno == ECONNRESET))
				return -2;
			if (n < 0)
				return -1;
			in->at = 0;
			in->n = (size_t)n;
		}
		assert_int_equal(message_decode(in->p + in->at, in->n - in->at, &m), 0);
		body = in->p + in->at + MESSAGE_HEADER;
		in->at += MESSAGE_HEADER + m.body_n;
		if (problem < 0)
			problem = m.type == MSG_ANSWER ? be16_get(body) : 1000 + m.type;
		if (ret != NULL)
			buf_put(ret, body, m.body_n);
	} while ((m.flags & MESSAGE_MORE) != 0);
	if (ret_m != NULL)
		*ret_m = m;
	return problem;
}

/* A CREATE with one note. */
static inline void create_body(struct rig *r, const char *note, struct buf *ret)
{
	struct wire_create m = { .envelope = envelope(r->f, r->worker, "visit", ""), .key = wire_text("", 0) };
	size_t at;

	buf_init(ret, MESSAGE_TO_CORE_MAX);
	wire_create_head(ret, &m);
	at = wire_count_begin(ret);
	wire_field_put(ret, "note", 4, VALUE_TEXT, note, strlen(note));
	wire_count_end(ret, at, 1);
}

#endif
