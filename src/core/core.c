/* Core's loop. */
#include "core/core.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/traces.h"
#include "core/core_internal.h"

#define STOP_GRACE_MS 3000u	/* for fronts to have their last requests answered */
#define STOP_TICK_MS 100
#define SLICE_US 2000u		/* of the vault's own work between turns while nobody asks anything */
#define SLICE_BUSY_US 150u	/* and while they do: about a third of a turn */
#define WORKS_MS 1		/* sleep while that work waits for its other thread, or for requests to have had their share */
#define RECEIVE_BYTES ((size_t)RECEIVE * MESSAGE_MAX)

static int watch(struct core *c, int fd, enum event_kind kind)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u64 = EVENT(kind, 0) };

	return epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &e) == 0 ? 0 : CV_ERR_SYSTEM;
}

/* A closed descriptor leaves the epoll set by itself, and its number may come back for another vault state. */
static int watch_store(struct core *c, int fd, enum event_kind kind)
{
	if (fd >= 0 && watch(c, fd, kind) != 0 && errno != EEXIST)
		log_error("cannot watch the store's threads");
	return fd;
}

void core_watch_store(struct core *c)
{
	c->applied_fd = watch_store(c, vault_applied_fd(c->vault), EVENT_APPLIED);
}

static int open_signals(struct core *c)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	c->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return c->signal_fd >= 0 ? watch(c, c->signal_fd, EVENT_SIGNAL) : CV_ERR_SYSTEM;
}

static int open_timer(struct core *c)
{
	struct itimerspec every = { .it_interval = { .tv_sec = 1 }, .it_value = { .tv_sec = 1 } };

	c->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (c->timer_fd < 0 || timerfd_settime(c->timer_fd, 0, &every, NULL) != 0)
		return CV_ERR_SYSTEM;
	return watch(c, c->timer_fd, EVENT_TIMER);
}

/* Message bodies hold plaintext: locked if the limit allows, never in a core file. */
static uint8_t *receive_buffer(void)
{
	void *p = mmap(NULL, RECEIVE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	(void)madvise(p, RECEIVE_BYTES, MADV_DONTDUMP);
	(void)mlock(p, RECEIVE_BYTES);	/* a bonus: key memory is the part that must be locked */
	return p;
}

static int core_open(struct core *c, const struct core_options *o)
{
	int r;

	c->api_fd = o->api_fd;
	c->admin_fd = o->admin_fd;
	c->control_fd = o->control_fd;
	c->applied_fd = -1;
	c->epoll_fd = c->timer_fd = c->signal_fd = -1;
	for (unsigned i = 0; i < FRONT_LINKS; i++)
		c->front[i].fd = -1;
	for (unsigned i = 0; i < ADMINS; i++)
		c->admin[i].fd = -1;
	buf_init(&c->out, OUT_MAX);
	(void)mlock(c->admin, sizeof(c->admin));	/* passphrases' keys and shares pass here; wiped with each request */
	c->receive = receive_buffer();
	c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (c->receive == NULL || c->epoll_fd < 0)
		return c->receive == NULL ? CV_ERR_NOMEM : CV_ERR_SYSTEM;
	if ((r = open_signals(c)) != 0 || (r = open_timer(c)) != 0 || (r = watch(c, c->api_fd, EVENT_API)) != 0 ||
	    (r = watch(c, c->admin_fd, EVENT_ADMIN)) != 0 || (r = watch(c, c->control_fd, EVENT_CONTROL)) != 0)
		return r;
	for (unsigned i = 0; r == 0 && i < o->fronts; i++)
		r = fronts_add(c, o->front_fd[i]);
	return r;
}

/* The supervisor sends the end of a new front's pair; its own end closing means that the supervisor is gone. */
static void control_read(struct core *c)
{
	union { char space[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } control;
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof(control.space) };
	ssize_t n = recvmsg(c->control_fd, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *cm;
	int fd;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		log_warn("the supervisor is gone; stopping");
		c->stopping = true;
		return;
	}
	cm = CMSG_FIRSTHDR(&h);
	if (cm == NULL || cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS)
		return;
	memcpy(&fd, CMSG_DATA(cm), sizeof(fd));
	if (fronts_add(c, fd) != 0)
		close(fd);
}

static void drain(int fd)
{
	uint8_t sink[256];

	while (read(fd, sink, sizeof(sink)) > 0)
		;
}

static void handle(struct core *c, const struct epoll_event *e)
{
	unsigned i = (unsigned)e->data.u64;

	switch ((enum event_kind)(e->data.u64 >> 32)) {
	case EVENT_API:
		connections_accept(c);
		break;
	case EVENT_ADMIN:
		admin_accept(c);
		break;
	case EVENT_ADMIN_CONN:
		admin_read(c, i);
		break;
	case EVENT_CONTROL:
		control_read(c);
		break;
	case EVENT_SIGNAL:
		drain(c->signal_fd);
		c->stopping = true;
		break;
	case EVENT_TIMER:
		drain(c->timer_fd);
		vault_tick(c->vault);
		admin_sweep(c);
		break;
	case EVENT_APPLIED:
		if (c->applied_fd >= 0) {
			drain(c->applied_fd);
			vault_applied(c->vault);
		}
		break;
	case EVENT_FRONT:
		if ((e->events & EPOLLOUT) != 0 && c->front[i].fd >= 0)
			fronts_flush(c, i);
		break;	/* what it sent is received for all fronts together, as one turn */
	}
}

static enum core_end loop(struct core *c)
{
	struct epoll_event events[64];

	while (!c->stopping) {
		bool fronts = false, busy = vault_busy(c->vault), works = vault_works(c->vault);
		int n = epoll_wait(c->epoll_fd, events, 64, busy ? 0 : works ? WORKS_MS : TRACES_MS);

		if (n == 0 && !busy && !works) {
			/* Nothing comes: what the last turn left in registers and on the stack goes before a longer sleep. */
			traces_wipe();
			n = epoll_wait(c->epoll_fd, events, 64, -1);
		}
		for (int i = 0; i < n; i++) {
			handle(c, &events[i]);
			fronts = fronts || events[i].data.u64 >> 32 == EVENT_FRONT;
		}
		/* Then the other events again: what is left waits in the sockets and wakes us at once. */
		if (fronts)
			turns_run(c);
		if (busy || works)
			vault_work(c->vault, fronts ? SLICE_BUSY_US : SLICE_US);
	}
	return vault_health(c->vault) == WIRE_AUDIT_UNAVAILABLE ? CORE_FAILED : CORE_STOPPED;
}

static bool fronts_are_there(const struct core *c)
{
	bool any = false;

	for (unsigned i = 0; i < FRONT_LINKS; i++)
		any = any || c->front[i].fd >= 0;
	return any;
}

/*
 * What was taken is finished: fronts are told to take nothing more, and what they have asked is answered until each of them has closed
 * its half of the pair.
 */
static void finish(struct core *c)
{
	uint64_t until = clock_mono_ms() + STOP_GRACE_MS;
	struct epoll_event events[64];

	close(c->api_fd);
	c->api_fd = -1;
	fronts_stop(c);
	while (fronts_are_there(c) && clock_mono_ms() < until) {
		int n = epoll_wait(c->epoll_fd, events, 64, STOP_TICK_MS);

		for (int i = 0; i < n; i++)
			handle(c, &events[i]);
		turns_run(c);
	}
}

static void core_close(struct core *c)
{
	const int fds[] = { c->api_fd, c->admin_fd, c->control_fd, c->timer_fd, c->signal_fd, c->epoll_fd };

	for (unsigned i = 0; i < FRONT_LINKS; i++) {
		struct front_link *f = &c->front[i];

		if (f->fd < 0)
			continue;
		close(f->fd);
		buf_free(&f->queue);
		for (unsigned k = 0; k < PARTIALS && f->partials > 0; k++)
			if (f->partial[k].used)
				fronts_release(c, i, &f->partial[k]);
	}
	for (unsigned i = 0; i < ADMINS; i++)
		if (c->admin[i].fd >= 0)
			admin_close(&c->admin[i]);
	for (unsigned i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	ceremony_free(c);
	if (c->receive != NULL)
		munmap(c->receive, RECEIVE_BYTES);	/* wiped after each turn */
	buf_free(&c->out);
	wipe(c, sizeof(*c));
	free(c);
}

enum core_end core_run(const struct core_options *o)
{
	struct core *c = calloc(1, sizeof(*c));
	enum core_end end = CORE_NO_VAULT;
	int r = CV_ERR_NOMEM;

	if (c == NULL || (r = core_open(c, o)) != 0 || (r = vault_open(o->dir, &c->vault)) != 0) {
		log_error("cannot open the vault: %s", cv_strerror(r));
		goto out;
	}
	if (o->production && !vault_is_production(c->vault)) {
		log_error("this is no production vault: it was not made with `childvault init --production`");
		goto out;
	}
	/* Why is logged there. One that waits for its operator to confirm the date stays sealed; any other one is broken. */
	if (vault_is_demo(c->vault) && (r = vault_unseal_demo(c->vault)) != 0 && r != CV_ERR_STATE)
		goto out;
	core_watch_store(c);
	log_info("%s", vault_state(c->vault) == VAULT_READY ? "ready" : "sealed, waiting for an operator");
	end = loop(c);
	finish(c);
out:
	if (c != NULL) {
		/* Somebody who stops it has to know that it was no clean stop: a sync of the last writes may have failed. */
		if (vault_close(c->vault) != 0 && end == CORE_STOPPED)
			end = CORE_FAILED;
		core_close(c);
	}
	return end;
}
