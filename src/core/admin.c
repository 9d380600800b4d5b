/* admin.sock: one small request and one answer a connection, for the operator alone. PROTOCOL.md section 3. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "core/core_internal.h"

enum operation { OP_STATUS = 1, OP_SLOT = 2, OP_UNSEAL = 3, OP_SEAL = 4, OP_STOP = 5, OP_REKEY = 8, OP_RENEW = 11, OP_DATE = 12 };
#define HEAD 8u

void admin_close(struct admin_conn *a)
{
	close(a->fd);
	wipe(a->in, sizeof(a->in));
	a->fd = -1;
}

void admin_accept(struct core *c)
{
	struct epoll_event e = { .events = EPOLLIN };
	struct ucred peer;
	socklen_t n = sizeof(peer);
	int fd = accept4(c->admin_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	unsigned i = 0;

	if (fd < 0)
		return;
	while (i < ADMINS && c->admin[i].fd >= 0)
		i++;
	e.data.u64 = EVENT(EVENT_ADMIN_CONN, i);
	if (i == ADMINS || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) != 0 || (peer.uid != 0 && peer.uid != geteuid()) ||
	    epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &e) != 0) {
		close(fd);
		return;
	}
	c->admin[i].fd = fd;
	c->admin[i].n = 0;
	c->admin[i].since_ms = clock_mono_ms();
}

unsigned admin_problem(int r)
{
	switch (r) {
	case 0: return PROBLEM_NONE;
	case CV_ERR_AUTH: return PROBLEM_UNAUTHENTICATED;
	case CV_ERR_NOTFOUND: return PROBLEM_NOT_FOUND;
	case CV_ERR_STATE: return PROBLEM_CONFLICT;
	case CV_ERR_DENIED: return PROBLEM_APPROVAL_REQUIRED;	/* a pending vault: its genesis is not signed */
	case CV_ERR_REPLAY:
	case CV_ERR_FORMAT: return PROBLEM_INTEGRITY;
	case CV_ERR_IO: return PROBLEM_AUDIT_UNAVAILABLE;
	case CV_ERR_FULL: return PROBLEM_STORAGE_FULL;
	default: return PROBLEM_INTERNAL;
	}
}

static unsigned slot_answer(struct core *c, unsigned number, struct buf *out)
{
	struct slot_info info;
	int r = vault_slot(c->vault, number, &info);

	if (r != 0)
		return admin_problem(r);
	buf_u8(out, (uint8_t)info.type);
	buf_u8(out, info.k);
	buf_u8(out, info.n);
	buf_u32(out, info.argon_kib);
	buf_u32(out, info.argon_passes);
	buf_put(out, info.salt, sizeof(info.salt));
	return 0;
}

static unsigned unseal(struct core *c, uint8_t slot, const uint8_t kek[32])
{
	unsigned problem = admin_problem(vault_unseal(c->vault, slot, kek));

	if (problem == PROBLEM_NONE)
		ceremony_reset(c);
	return problem;
}

static unsigned seal(struct core *c)
{
	ceremony_reset(c);
	return admin_problem(vault_seal(c->vault));
}

/* Further daily keys for the log. */
static unsigned renew(struct core *c, struct buf *out)
{
	uint32_t last = 0;
	int r = vault_renew_epochs(c->vault, &last);

	if (r == 0)
		buf_u32(out, last);
	return admin_problem(r);
}

/* The operator says which day it is. */
static unsigned confirm_date(struct core *c, uint32_t day)
{
	int r = vault_confirm_date(c->vault, day);

	return r == CV_ERR_ARG ? PROBLEM_VALIDATION : admin_problem(r);
}

/* Operations without a body. */
static unsigned run_bare(struct core *c, uint8_t op, uint8_t slot, struct buf *out)
{
	switch (op) {
	case OP_STATUS:
		vault_status(c->vault, out);
		ceremony_status(c, out);
		return 0;
	case OP_SLOT:
		return slot_answer(c, slot, out);
	case OP_SEAL:
		return seal(c);
	case OP_RENEW:
		return renew(c, out);
	case OP_STOP:
		c->stopping = true;
		return 0;
	default:
		return PROBLEM_BAD_REQUEST;
	}
}

/* Run the operation; what it answers beyond the result is appended to out. */
static unsigned run(struct core *c, uint8_t op, uint8_t slot, const uint8_t *p, size_t n, struct buf *out)
{
	switch (op) {
	case OP_UNSEAL:
		return n == 32 ? unseal(c, slot, p) : PROBLEM_BAD_REQUEST;
	case OP_DATE:
		return n == 4 ? confirm_date(c, be32_get(p)) : PROBLEM_BAD_REQUEST;
	case OP_REKEY:
		return ceremony_rekey(c, slot, p, n, clock_mono_ms(), out);
	case SHARE_UNSEAL:
	case SHARE_DRILL:
	case SHARE_CONFIRM:
	case SHARE_ALLOW:
		return ceremony_share(c, (enum share_operation)op, p, n, clock_mono_ms(), out);
	default:
		return n == 0 ? run_bare(c, op, slot, out) : PROBLEM_BAD_REQUEST;
	}
}

static void admin_answer(struct core *c, struct admin_conn *a)
{
	uint8_t head[12] = "CVA1";
	struct buf out, body;
	unsigned problem;

	buf_init(&body, 4096);
	buf_init(&out, 8192);
	problem = run(c, a->in[4], a->in[5], a->in + HEAD, a->n - HEAD, &body);
	core_watch_store(c);
	be16_put(head + 4, (uint16_t)problem);
	head[6] = (uint8_t)vault_health(c->vault);
	be16_put(head + 8, (uint16_t)body.n);
	buf_put(&out, head, 10);
	buf_put(&out, body.p, body.n);
	/* It fits the socket's buffer; a peer that went away needs no answer. */
	(void)send(a->fd, out.p, out.n, MSG_DONTWAIT | MSG_NOSIGNAL);
	buf_free(&out);
	buf_free(&body);
	admin_close(a);
}

void admin_read(struct core *c, unsigned i)
{
	struct admin_conn *a = &c->admin[i];
	ssize_t got;
	size_t whole;

	if (a->fd < 0)
		return;
	got = recv(a->fd, a->in + a->n, sizeof(a->in) - a->n, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		admin_close(a);
		return;
	}
	a->n += (size_t)got;
	if (a->n < HEAD)
		return;
	whole = HEAD + be16_get(a->in + 6);
	if (memcmp(a->in, "CVA1", 4) != 0 || whole > sizeof(a->in) || a->n > whole)
		admin_close(a);
	else if (a->n == whole)
		admin_answer(c, a);
}

void admin_sweep(struct core *c)
{
	ceremony_sweep(c, clock_mono_ms());
	for (unsigned i = 0; i < ADMINS; i++)
		if (c->admin[i].fd >= 0 && clock_mono_ms() - c->admin[i].since_ms > ADMIN_MS)
			admin_close(&c->admin[i]);
}
