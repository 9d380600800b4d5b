/* The proxy's loop: accepting, events, time, the end. What a connection does stands in proxy_link.c. */
#include "client/proxy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/traces.h"
#include "client/proxy_internal.h"

#define EVENTS 64
#define TICK_MS 1000
#define HURRY_MS 10

/* What an event without a link is about. */
static struct link_end at_listener, at_keeper, at_stop;

/* ---- life ------------------------------------------------------------------------------------------------------------- */

static int watch(const struct proxy *p, int fd, struct link_end *what)
{
	struct epoll_event e = { .events = EPOLLIN, .data = { .ptr = what } };

	return epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &e) == 0 ? 0 : CV_ERR_SYSTEM;
}

int proxy_new(const struct proxy_options *o, struct proxy **ret)
{
	struct proxy *p = calloc(1, sizeof *p);
	int r = CV_ERR_ARG;

	if (p == NULL)
		return CV_ERR_NOMEM;
	p->epoll = p->listener = -1;
	if (o->listen[0] == 0 || strlen(o->listen) >= sizeof p->path || strlen(o->daemon) >= sizeof p->daemon)
		goto out;
	memcpy(p->path, o->listen, strlen(o->listen));
	memcpy(p->daemon, o->daemon, strlen(o->daemon));
	r = CV_ERR_SYSTEM;
	if ((p->epoll = epoll_create1(EPOLL_CLOEXEC)) < 0)
		goto out;
	if ((r = proxy_listen(p)) != 0 || (r = session_keeper_new(o, &p->keeper)) != 0 ||
	    (r = watch(p, p->listener, &at_listener)) != 0 || (r = watch(p, session_keeper_fd(p->keeper), &at_keeper)) != 0)
		goto out;
	*ret = p;
	p = NULL;	/* transferred */
out:
	proxy_free(p);
	return r;
}

static void bury(struct proxy *p)
{
	struct link *k;

	while ((k = p->dead) != NULL) {
		p->dead = k->next;
		free(k);
	}
}

void proxy_free(struct proxy *p)
{
	int why = errno;

	if (p == NULL)
		return;
	while (p->links != NULL)
		link_close(p, p->links);
	bury(p);
	proxy_unlisten(p);
	session_keeper_free(p->keeper);
	if (p->epoll >= 0)
		close(p->epoll);
	free(p);
	errno = why;
}

/* ---- accepting ---------------------------------------------------------------------------------------------------------- */

static void pause_accepting(struct proxy *p)
{
	(void)epoll_ctl(p->epoll, EPOLL_CTL_DEL, p->listener, NULL);
	p->full = true;
}

/* A process of another user gets no word: who may use this session is told by the socket's mode, and by the kernel here. */
static bool is_own(int fd)
{
	struct ucred peer;
	socklen_t n = sizeof peer;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 && peer.uid == geteuid();
}

static void accept_one(struct proxy *p)
{
	int fd = accept4(p->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct link *k;

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			pause_accepting(p);	/* until the next tick */
		return;
	}
	if (!is_own(fd) || (k = calloc(1, sizeof *k)) == NULL) {
		close(fd);
		return;
	}
	link_open(p, k, fd);
	if (p->count >= PROXY_CLIENTS)
		pause_accepting(p);
}

/* ---- the loop ------------------------------------------------------------------------------------------------------------ */

static void for_all(struct proxy *p, void (*what)(struct proxy *, struct link *))
{
	struct link *next;

	for (struct link *k = p->links; k != NULL; k = next) {
		next = k->next;
		what(p, k);
	}
}

static void tick(struct proxy *p)
{
	p->hurry = false;
	for_all(p, link_tick);
	if (p->full && !p->stopping && p->count < PROXY_CLIENTS && watch(p, p->listener, &at_listener) == 0)
		p->full = false;
}

/* The first word ends accepting, the second one everything. */
static void stop(struct proxy *p, int stop_fd)
{
	uint8_t word[512];

	(void)!read(stop_fd, word, sizeof word);	/* what it says does not matter */
	if (p->stopping) {
		while (p->links != NULL)
			link_close(p, p->links);
		return;
	}
	p->stopping = true;
	proxy_unlisten(p);
	for_all(p, link_run);
}

static void dispatch(struct proxy *p, const struct epoll_event *e, int stop_fd)
{
	struct link_end *what = e->data.ptr;

	if (what == &at_stop) {
		stop(p, stop_fd);
	} else if (what == &at_keeper) {
		session_keeper_take(p->keeper);
		for_all(p, link_run);
	} else if (what == &at_listener) {
		if (p->listener >= 0 && !p->full)
			accept_one(p);
	} else {
		link_event(p, what, e->events);
	}
}

/* Before a longer sleep nothing of what passed is left on the stack. */
static int wait_events(const struct proxy *p, struct epoll_event *e, int timeout_ms)
{
	int n = epoll_wait(p->epoll, e, EVENTS, TRACES_MS);

	if (n != 0)
		return n;
	traces_wipe();
	return epoll_wait(p->epoll, e, EVENTS, timeout_ms);
}

int proxy_run(struct proxy *p, int stop_fd)
{
	struct epoll_event e[EVENTS];
	uint64_t ticked = 0;

	if (watch(p, stop_fd, &at_stop) != 0)
		return CV_ERR_SYSTEM;
	p->now_ms = clock_mono_ms();
	while (!p->stopping || p->links != NULL) {
		int n = wait_events(p, e, p->hurry ? HURRY_MS : TICK_MS);

		if (n < 0 && errno != EINTR)
			return CV_ERR_SYSTEM;
		p->now_ms = clock_mono_ms();
		for (int i = 0; i < n; i++)
			dispatch(p, &e[i], stop_fd);
		if (p->hurry || p->now_ms - ticked >= TICK_MS) {
			tick(p);
			ticked = p->now_ms;
		}
		bury(p);
	}
	return 0;
}
