#include "daemon/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "core/core.h"
#include "crypto/crypto.h"
#include "daemon/sandbox.h"
#include "daemon/sockets.h"
#include "front/front.h"

#define RESTARTS_MAX 5		/* of core in RESTARTS_MS, then it is given up */
#define RESTARTS_MS 60000u
#define STOP_GRACE_MS 6000u
#define FRONT_RESTARTS_MAX 20	/* of fronts in the same time; later ones wait a second each */

struct supervisor {
	const struct supervisor_options *o;
	int api_fd, admin_fd;
	int control[2];			/* [0] supervisor, [1] core */
	pid_t core;
	pid_t front[CORE_FRONTS];
	uint64_t window_ms;		/* start of the time in which restarts are counted */
	unsigned core_restarts, front_restarts;
	sigset_t awaited;		/* blocked, so that none is lost between two waits */
	bool stop_asked;
};

/* What core and fronts have in common. TERM, INT and CHLD are blocked still. */
static void child_signals(void)
{
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);	/* the end with the parent */
}

/* fds: core's ends of the n pairs made before; nobody but core may speak through them. */
static void front_child(struct supervisor *s, int fd, const int *fds, unsigned n)
{
	struct front_options o = { .core_fd = fd, .fronts = s->o->fronts, .demo = s->o->demo, .version = CV_VERSION };
	int r;

	child_signals();
	signal(SIGINT, SIG_IGN);	/* a terminal's interrupt reaches the whole group; core's STOP ends fronts */
	signal(SIGTERM, SIG_IGN);
	sigprocmask(SIG_UNBLOCK, &s->awaited, NULL);
	close(s->api_fd);
	close(s->admin_fd);
	close(s->control[0]);
	if (s->control[1] >= 0)
		close(s->control[1]);
	for (unsigned i = 0; i < n; i++)
		close(fds[i]);
	log_init("front", LOG_LEVEL_INFO);
	if ((r = sandbox_drop_user()) != 0 || (r = sandbox_common()) != 0 || (r = sandbox_front()) != 0) {
		log_error("sandbox: %s", cv_strerror(r));
		_exit(1);
	}
	_exit(front_run(&o) == 0 ? 0 : 1);
}

/* Fork front i; its pair's other end is core's. fds, n as in front_child. 0 or CV_ERR_SYSTEM. */
static int start_front(struct supervisor *s, unsigned i, const int *fds, unsigned n, int *ret_core_fd)
{
	int pair[2];
	pid_t pid;

	if (sockets_pair(pair) != 0)
		return CV_ERR_SYSTEM;
	if ((pid = fork()) < 0) {
		close(pair[0]);
		close(pair[1]);
		return CV_ERR_SYSTEM;
	}
	if (pid == 0) {
		close(pair[0]);
		front_child(s, pair[1], fds, n);
	}
	close(pair[1]);
	s->front[i] = pid;
	*ret_core_fd = pair[0];
	return 0;
}

static void core_child(struct supervisor *s, const int *fds)
{
	struct core_options o = { .dir = s->o->dir, .api_fd = s->api_fd, .admin_fd = s->admin_fd, .control_fd = s->control[1],
		.fronts = s->o->fronts, .production = s->o->production };
	int r;

	child_signals();	/* core reads TERM and INT from a descriptor: they stay blocked */
	close(s->control[0]);
	log_init("core", LOG_LEVEL_INFO);
	memcpy(o.front_fd, fds, sizeof(int) * s->o->fronts);
	sandbox_memlock();
	crypto_allow_unlocked(s->o->demo);
	if ((r = crypto_start()) != 0 || (r = sandbox_common()) != 0 || (r = sandbox_core()) != 0) {
		log_error("sandbox: %s", cv_strerror(r));
		_exit(CORE_NO_VAULT);
	}
	_exit((int)core_run(&o));
}

/* After a clean stop fronts end by themselves once their clients have taken the last answers; grace_ms is their time for it. */
static void stop_fronts(struct supervisor *s, uint64_t grace_ms)
{
	uint64_t until = clock_mono_ms() + grace_ms;

	for (unsigned i = 0; i < s->o->fronts; i++) {
		while (s->front[i] > 0 && clock_mono_ms() < until) {
			if (waitpid(s->front[i], NULL, WNOHANG) == s->front[i])
				s->front[i] = 0;
			else
				usleep(5000);
		}
		if (s->front[i] > 0) {
			kill(s->front[i], SIGKILL);
			waitpid(s->front[i], NULL, 0);
			s->front[i] = 0;
		}
	}
}

/* Fork fronts first, so that none of them ever shares memory with a core that held keys; then core. */
static int start_all(struct supervisor *s)
{
	int fds[CORE_FRONTS], r = 0;
	unsigned n = 0;

	if (sockets_pair(s->control) != 0)
		return CV_ERR_SYSTEM;
	while (r == 0 && n < s->o->fronts)
		if ((r = start_front(s, n, fds, n, &fds[n])) == 0)
			n++;
	if (r == 0 && (s->core = fork()) == 0)
		core_child(s, fds);
	for (unsigned i = 0; i < n; i++)
		close(fds[i]);
	close(s->control[1]);
	s->control[1] = -1;	/* its number may come back as a front's */
	if (r != 0 || s->core < 0) {
		stop_fronts(s, 0);
		close(s->control[0]);
		return CV_ERR_SYSTEM;
	}
	return 0;
}

static int send_fd(int sock, int fd)
{
	union { char space[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } control;
	char byte = 1;
	struct iovec iov = { &byte, 1 };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof(control.space) };
	struct cmsghdr *cm;

	memset(&control, 0, sizeof(control));
	cm = CMSG_FIRSTHDR(&h);
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cm), &fd, sizeof(int));
	return sendmsg(sock, &h, MSG_NOSIGNAL) == 1 ? 0 : CV_ERR_SYSTEM;
}

/* Whether one more restart is allowed in the present minute. */
static bool may_restart(struct supervisor *s, unsigned *count, unsigned most)
{
	if (clock_mono_ms() - s->window_ms > RESTARTS_MS) {
		s->window_ms = clock_mono_ms();
		s->core_restarts = s->front_restarts = 0;
	}
	return ++*count <= most;
}

static void replace_front(struct supervisor *s, unsigned i)
{
	int fd;

	s->front[i] = 0;
	if (!may_restart(s, &s->front_restarts, FRONT_RESTARTS_MAX)) {
		/* Whoever can end fronts must not be able to end the service. */
		log_error("fronts keep ending");
		sleep(1);
	}
	if (start_front(s, i, NULL, 0, &fd) != 0) {
		log_error("front %u could not be replaced", i);
		return;
	}
	if (send_fd(s->control[0], fd) != 0)
		log_error("front %u could not be handed to core", i);
	close(fd);
}

/* Take the ends of fronts that have ended and replace them, unless all are about to end. Whether one could not be replaced yet. */
static bool reap_fronts(struct supervisor *s)
{
	bool missing = false;

	for (unsigned i = 0; i < s->o->fronts; i++) {
		if (s->front[i] > 0 && waitpid(s->front[i], NULL, WNOHANG) == s->front[i])
			s->front[i] = 0;
		/* On a stop fronts end first, and core follows. */
		if (s->front[i] == 0 && !s->stop_asked)
			replace_front(s, i);
		missing = missing || s->front[i] == 0;
	}
	return missing && !s->stop_asked;
}

/* Watch until core ends; its wait status. Fronts that end meanwhile are replaced. */
static int watch_children(struct supervisor *s)
{
	const struct timespec later = { .tv_sec = 1 };
	int status;

	for (;;) {
		int number;

		/* Core first: fronts end because it did, then. */
		if (waitpid(s->core, &status, WNOHANG) == s->core)
			return status;
		number = reap_fronts(s) ? sigtimedwait(&s->awaited, NULL, &later) : sigwaitinfo(&s->awaited, NULL);
		if ((number == SIGTERM || number == SIGINT) && !s->stop_asked) {
			s->stop_asked = true;
			kill(s->core, SIGTERM);
		}
	}
}

static int run(struct supervisor *s)
{
	for (;;) {
		int status;

		if (start_all(s) != 0) {
			log_error("cannot start core and fronts");
			return 1;
		}
		status = watch_children(s);
		stop_fronts(s, WIFEXITED(status) && WEXITSTATUS(status) == CORE_STOPPED ? STOP_GRACE_MS : 0);
		close(s->control[0]);
		if (WIFEXITED(status) && WEXITSTATUS(status) == CORE_STOPPED)
			return 0;
		/* Core that was asked to stop, by whomever, does not come back. */
		if (s->stop_asked || (WIFEXITED(status) && (WEXITSTATUS(status) == CORE_NO_VAULT || WEXITSTATUS(status) == CORE_FAILED)))
			return 1;
		log_error("core ended unexpectedly (%s %d); starting again, sealed", WIFSIGNALED(status) ? "signal" : "code",
		    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
		if (!may_restart(s, &s->core_restarts, RESTARTS_MAX)) {
			log_error("core keeps ending; giving up");
			return 1;
		}
	}
}

/* Listen, or say why not. */
static int listen_on(const char *path, mode_t mode, int *ret_fd)
{
	int r = sockets_listen(path, mode, ret_fd);

	if (r == CV_ERR_BUSY)
		log_error("%s: another daemon answers on this socket", path);
	else if (r == CV_ERR_EXISTS)
		log_error("%s: something stands there that is no socket", path);
	else if (r != 0)
		log_error("%s: %s", path, r == CV_ERR_SYSTEM ? strerror(errno) : cv_strerror(r));
	return r;
}

int supervisor_run(const struct supervisor_options *o)
{
	struct supervisor s = { .o = o, .api_fd = -1, .admin_fd = -1, .window_ms = clock_mono_ms() };
	int r, code;

	sigemptyset(&s.awaited);
	sigaddset(&s.awaited, SIGTERM);
	sigaddset(&s.awaited, SIGINT);
	sigaddset(&s.awaited, SIGCHLD);
	sigprocmask(SIG_BLOCK, &s.awaited, NULL);
	signal(SIGCHLD, SIG_DFL);	/* ignored, as some parents leave it, ended children would be gone before they are seen */
	if ((r = listen_on(o->admin_path, 0600, &s.admin_fd)) != 0 || (r = listen_on(o->api_path, 0660, &s.api_fd)) != 0)
		return 1;
	code = run(&s);
	unlink(o->api_path);
	unlink(o->admin_path);
	return code;
}
