/*
 * The loop. System calls of a running front: epoll_create1 and getrandom once at its start; then epoll_wait, epoll_ctl,
 * recvfrom, recvmmsg, sendto, sendmsg, sendmmsg, shutdown, close, clock_gettime, write (log), and what malloc needs (brk,
 * mmap, munmap, madvise, mremap).
 */
#include "front/front.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/traces.h"
#include "front/arena.h"
#include "front/front_internal.h"

#define EVENTS 128
#define TICK_MAX_MS 1000
#define ROUND_MAX 32u		/* connections that are worked on before events are looked for again */

/* ---- small parts ------------------------------------------------------------------------------------------------ */

void front_ready(struct front *f, struct connection *c)
{
	if (c->state == CONNECTION_IDLE || c->state == CONNECTION_READING) {
		lanes_wait(f, c);
		return;
	}
	if (c->queued)
		return;
	c->queued = true;
	c->next_ready = NULL;
	*f->ready_end = c;
	f->ready_end = &c->next_ready;
}

/*
 * RFC 9562, 5.7 and method 2 of 6.2: milliseconds, then 74 bits that start random in each process and rise by one with each
 * request.
 */
void front_request_id(struct front *f, uint8_t ret[16])
{
	uint64_t low = be64_get(f->id_base + 2) + ++f->id_count;
	uint16_t high = (uint16_t)(be16_get(f->id_base) + (low < f->id_count));

	be48_put(ret, f->wall_ms);
	ret[6] = (uint8_t)(0x70 | (high >> 8 & 0x0f));
	ret[7] = (uint8_t)high;
	be64_put(ret + 8, low);
	ret[8] = (uint8_t)(0x80 | (ret[8] & 0x3f));
}

static struct connection *find(struct front *f, uint64_t id)
{
	struct connection *c = f->hash[id & (HASH_SLOTS - 1)];

	while (c != NULL && c->id != id)
		c = c->next_hash;
	return c;
}

/* Memory is touched as far only as connections were ever there at once. */
static struct connection *unused(struct front *f)
{
	struct connection *c = f->unused;

	if (c != NULL)
		f->unused = c->next_free;
	else if (f->fresh < f->limits.connections)
		c = &f->all[f->fresh++];
	return c;
}

static void open_connection(struct front *f, uint64_t id, uint64_t peer, int fd)
{
	struct connection *c = f->stopping ? NULL : unused(f);

	if (c == NULL) {
		close(fd);
		(void)channel_queue(&f->channel, MSG_CLOSED, id, 0, NULL, 0);	/* no room: core learns of it when front ends */
		return;
	}
	connection_open(f, c, id, (uint8_t)(peer % PEERS), fd);
}

static void stop(struct front *f)
{
	if (f->stopping)
		return;
	f->stopping = true;
	f->stop_ms = f->now_ms + f->limits.stop_ms;
	for (unsigned i = 0; i < f->fresh; i++)
		connection_stop(f, &f->all[i]);
}

int front_lost(struct front *f, const struct message *m)
{
	if (m->type != MSG_OPEN || find(f, m->connection) != NULL)
		return CV_ERR_FORMAT;
	/* Whoever opens many connections is closed one; all others are served on. */
	log_warn("no descriptor is left for a connection; it is closed");
	(void)channel_queue(&f->channel, MSG_CLOSED, m->connection, 0, NULL, 0);	/* as above */
	return 0;
}

int front_message(struct front *f, const struct message *m, const uint8_t *body, int fd)
{
	struct connection *c = find(f, m->connection);
	int r = 0;

	if (m->type == MSG_ANSWER && (m->flags & MESSAGE_MORE) == 0)
		lanes_answered(f, m->request);
	if (m->type == MSG_OPEN && fd >= 0 && c == NULL && m->body_n == 0) {
		open_connection(f, m->connection, m->request, fd);
		return 0;	/* fd transferred */
	}
	if (fd >= 0)
		close(fd);
	if (fd >= 0 || m->type == MSG_OPEN)
		r = CV_ERR_FORMAT;
	else if (m->type == MSG_STOP)
		stop(f);
	else if (m->type != MSG_ANSWER)
		r = CV_ERR_FORMAT;
	else if (c == NULL)
		r = 0;		/* the client has left; what it asked for is of no use to anybody */
	else if (c->state == CONNECTION_STREAMING)
		r = stream_answer(f, c, m->request, body, m->body_n, (m->flags & MESSAGE_MORE) != 0);
	else if (c->state != CONNECTION_ASKED || c->request != m->request)
		r = CV_ERR_FORMAT;
	else
		r = connection_answer(f, c, body, m->body_n, (m->flags & MESSAGE_MORE) != 0);
	return r;
}

/* ---- loop ------------------------------------------------------------------------------------------------------- */

/* Send what waits for core, and ask to be woken when it takes more, if it did not take all. */
static int flush(struct front *f)
{
	struct channel *ch = &f->channel;
	bool was = ch->blocked;
	int r = channel_flush(ch);
	struct epoll_event e = { .events = EPOLLIN | EPOLLET | (ch->blocked ? EPOLLOUT : 0u), .data = { .ptr = NULL } };

	if (r == 0 && was != ch->blocked && epoll_ctl(f->epoll, EPOLL_CTL_MOD, ch->fd, &e) != 0)
		r = CV_ERR_SYSTEM;
	return r;
}

/* A connection that has work: first those that ask for nothing, then the next whose turn it is to ask. */
static struct connection *next_ready(struct front *f)
{
	struct connection *c;

	while ((c = f->ready) != NULL) {
		if ((f->ready = c->next_ready) == NULL)
			f->ready_end = &f->ready;
		c->queued = false;
		if (c->state != CONNECTION_IDLE && c->state != CONNECTION_READING)
			return c;
		lanes_wait(f, c);	/* it was answered since */
	}
	return lanes_next(f);
}

/* Work on the connections that have some, as long as core takes what they ask. */
static int run_ready(struct front *f)
{
	struct connection *c;
	int r;

	f->resting = false;
	for (unsigned i = 0; i < ROUND_MAX && !f->channel.blocked; i++) {
		if ((c = next_ready(f)) == NULL) {
			f->busy = false;
			return 0;
		}
		connection_run(f, c);
		if (channel_waiting(&f->channel) > CHANNEL_HIGH && (r = flush(f)) != 0)
			return r;
	}
	f->busy = true;
	return 0;
}

static void timeouts(struct front *f)
{
	for (unsigned i = 0; i < f->fresh; i++)
		if (f->all[i].state != CONNECTION_FREE && f->all[i].deadline_ms <= f->now_ms)
			connection_timeout(f, &f->all[i]);
}

/* Connections closed in this round can be used again from now on. */
static void reap(struct front *f)
{
	struct connection *c;

	while ((c = f->dead) != NULL) {
		f->dead = c->next_free;
		c->next_free = f->unused;
		f->unused = c;
	}
}

static void event(struct front *f, struct connection *c, uint32_t events)
{
	if (c->state == CONNECTION_FREE)
		return;
	/* Both directions are gone: nobody is there to take an answer. A client that only stopped sending still wants its own. */
	if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
		connection_close(f, c);
		return;
	}
	if ((events & (EPOLLIN | EPOLLRDHUP)) != 0)
		c->readable = true;
	if ((events & EPOLLRDHUP) != 0)
		c->half_closed = true;
	front_ready(f, c);
}

/* Milliseconds between looks at the deadlines: a quarter of the shortest, within bounds. */
static uint32_t tick_of(const struct front_limits *l)
{
	const uint32_t all[] = { l->header_ms, l->body_ms, l->idle_ms, l->write_ms, l->linger_ms, l->stop_ms };
	uint32_t least = 4 * TICK_MAX_MS;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i] < least)
			least = all[i];
	return least < 40 ? 10 : least / 4;
}

/* Take the time of this round; answers tell it, so it is taken after the sleep and before the first of them. */
static void tell_time(struct front *f)
{
	f->now_us = clock_mono_us();
	f->now_ms = f->now_us / 1000;
	f->wall_ms = clock_wall_ms();
	if (f->wall_ms / 1000 != f->date_s) {
		f->date_s = f->wall_ms / 1000;
		reply_date(&f->reply, f->wall_ms);
	}
}

static int round_once(struct front *f, int timeout_ms)
{
	struct epoll_event events[EVENTS];
	int brief = timeout_ms < 0 || timeout_ms > TRACES_MS ? TRACES_MS : timeout_ms, r = 0;
	int n = epoll_wait(f->epoll, events, EVENTS, brief);
	bool core = f->channel.more;

	if (n == 0 && timeout_ms != brief) {
		/* Nothing comes: what the last round left in registers and on the stack goes before a longer sleep. */
		traces_wipe();
		n = epoll_wait(f->epoll, events, EVENTS, timeout_ms);
	}
	tell_time(f);
	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr == NULL)
			core = true;
		else
			event(f, events[i].data.ptr, events[i].events);
	}
	if (core && (!f->channel.blocked || (r = flush(f)) == 0))
		r = channel_drain(f);
	if (r == 0)
		r = run_ready(f);
	if (r == 0)
		r = flush(f);
	if (r == 0 && f->stopping && f->at_core == 0 && !f->channel.blocked)
		channel_finish(f);
	reap(f);
	return r;
}

static int loop(struct front *f)
{
	const uint32_t tick = tick_of(&f->limits);
	uint64_t next_ms = clock_mono_ms() + tick;
	int r = 0;

	while (r == 0 && !(f->stopping && (f->active == 0 || f->now_ms >= f->stop_ms))) {
		bool busy = (f->busy || f->ready != NULL || f->channel.more) && !f->channel.blocked;

		r = round_once(f, busy ? 0 : f->resting ? 1 : f->active > 0 ? (int)tick : -1);
		/* While core does not take more, clients wait for us and not the other way round. */
		if (r == 0 && f->now_ms >= next_ms && !f->channel.blocked) {
			timeouts(f);
			next_ms = f->now_ms + tick;
			r = flush(f);
		}
	}
	if (r == 0)
		r = channel_flush(&f->channel);
	return r == CV_ERR_STATE ? 0 : r;	/* core closing its end is the usual end */
}

/* ---- start and end ---------------------------------------------------------------------------------------------- */

static struct front_limits limits_of(const struct front_limits *given)
{
	struct front_limits l = *given;

	l.connections = l.connections != 0 ? l.connections : 4096;
	l.body_bytes = l.body_bytes != 0 && l.body_bytes < (1u << 20) ? l.body_bytes : 1u << 20;
	l.buffered_bytes = l.buffered_bytes != 0 ? l.buffered_bytes : 64u << 20;
	l.header_ms = l.header_ms != 0 ? l.header_ms : 10000;
	l.body_ms = l.body_ms != 0 ? l.body_ms : 30000;
	l.idle_ms = l.idle_ms != 0 ? l.idle_ms : 60000;
	l.write_ms = l.write_ms != 0 ? l.write_ms : 30000;
	l.linger_ms = l.linger_ms != 0 ? l.linger_ms : 1000;
	l.stop_ms = l.stop_ms != 0 ? l.stop_ms : 5000;
	return l;
}

static int start(struct front *f, const struct front_options *o)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLET, .data = { .ptr = NULL } };
	size_t seed = 0;
	int r;

	f->limits = limits_of(&o->limits);
	f->epoll = -1;
	f->ready_end = &f->ready;
	f->fronts = o->fronts > 0 ? o->fronts : 1;
	buf_init(&f->scratch, MESSAGE_TO_CORE_MAX);
	if ((r = channel_init(&f->channel, o->core_fd)) != 0 || (r = reply_init(&f->reply, o, &f->limits)) != 0)
		return r;
	if ((r = arena_start()) != 0)
		return r;
	if ((f->all = calloc(f->limits.connections, sizeof(*f->all))) == NULL)
		return CV_ERR_NOMEM;
	if (getrandom(f->id_base, sizeof(f->id_base), 0) != (ssize_t)sizeof(f->id_base))
		return CV_ERR_SYSTEM;
	if (getrandom(&f->lane_seed, sizeof(f->lane_seed), 0) != (ssize_t)sizeof(f->lane_seed))
		return CV_ERR_SYSTEM;
	/* Given here, because jansson would open a file for it; it keeps clients from choosing names that collide. */
	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		return CV_ERR_SYSTEM;
	json_object_seed(seed | 1);
	if ((f->epoll = epoll_create1(EPOLL_CLOEXEC)) < 0 || epoll_ctl(f->epoll, EPOLL_CTL_ADD, o->core_fd, &e) != 0)
		return CV_ERR_SYSTEM;
	return 0;
}

static void end(struct front *f)
{
	for (unsigned i = 0; f->all != NULL && i < f->fresh; i++)
		connection_close(f, &f->all[i]);
	if (f->epoll >= 0)
		close(f->epoll);
	channel_free(&f->channel);
	reply_free(&f->reply);
	buf_free(&f->scratch);
	arena_stop();
	free(f->all);
	free(f);
}

int front_run(const struct front_options *o)
{
	struct front *f = calloc(1, sizeof(*f));
	int r;

	if (f == NULL)
		return CV_ERR_NOMEM;
	if ((r = start(f, o)) == 0)
		r = loop(f);
	if (r != 0)
		log_error("front ends: %s", cv_strerror(r));
	end(f);
	return r;
}
