#include "client/admin.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"

#define ADMIN_HEAD 8u		/* "CVA1" ‖ operation ‖ slot ‖ u16 n */
#define ADMIN_ANSWER 10u	/* "CVA1" ‖ u16 result ‖ state ‖ 0 ‖ u16 n */
#define ADMIN_TIMEOUT_S 120	/* unsealing replays the journal */

static const uint8_t magic[4] = { 'C', 'V', 'A', '1' };

static int connect_to(const char *path, int *ret_fd)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct timeval limit = { .tv_sec = ADMIN_TIMEOUT_S };
	size_t n = strlen(path);
	int fd;

	if (n == 0 || n >= sizeof at.sun_path)
		return CV_ERR_ARG;
	memcpy(at.sun_path, path, n);
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0)
		return CV_ERR_SYSTEM;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
	    connect(fd, (const struct sockaddr *)&at, sizeof at) != 0) {
		int why = errno;

		(void)close(fd);	/* never carried anything */
		errno = why;
		return CV_ERR_SYSTEM;
	}
	*ret_fd = fd;
	return 0;
}

static int send_all(int fd, const uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t done = send(fd, p, n, MSG_NOSIGNAL);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return CV_ERR_SYSTEM;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

static int read_exactly(int fd, uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t got = recv(fd, p, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			errno = got == 0 ? ECONNRESET : errno;
			return CV_ERR_SYSTEM;
		}
		p += got;
		n -= (size_t)got;
	}
	return 0;
}

static int read_answer(int fd, struct admin_answer *ret, struct buf *ret_body)
{
	uint8_t head[ADMIN_ANSWER], *body;
	size_t n;
	int r;

	if ((r = read_exactly(fd, head, sizeof head)) != 0)
		return r;
	if (memcmp(head, magic, sizeof magic) != 0 || head[7] != 0)
		return CV_ERR_FORMAT;
	n = be16_get(head + 8);
	if ((body = buf_add(ret_body, n)) == NULL && n != 0)
		return CV_ERR_NOMEM;
	if (n != 0 && (r = read_exactly(fd, body, n)) != 0)
		return r;
	ret->result = be16_get(head + 4);
	ret->state = head[6];
	return 0;
}

int admin_call(const char *path, enum admin_operation operation, uint8_t slot, const uint8_t *body, size_t n,
    struct admin_answer *ret, struct buf *ret_body)
{
	struct buf request;
	int fd = -1, r = CV_ERR_ARG;

	buf_init(&request, ADMIN_HEAD + ADMIN_BODY_MAX);
	if (n > ADMIN_BODY_MAX)
		goto out;
	buf_put(&request, magic, sizeof magic);
	buf_u8(&request, (uint8_t)operation);
	buf_u8(&request, slot);
	buf_u16(&request, (uint16_t)n);
	buf_put(&request, body, n);
	r = CV_ERR_NOMEM;
	if (!buf_ok(&request) || (r = connect_to(path, &fd)) != 0)
		goto out;
	if ((r = send_all(fd, request.p, request.n)) == 0)
		r = read_answer(fd, ret, ret_body);
out:
	if (fd >= 0) {
		int why = errno;

		(void)close(fd);	/* the answer is here or never comes */
		errno = why;
	}
	buf_free(&request);
	return r;
}

int admin_slot_decode(const uint8_t *p, size_t n, struct admin_slot *ret)
{
	struct rd in = rd_over(p, n);
	struct admin_slot s;

	s.type = rd_u8(&in);
	s.k = rd_u8(&in);
	s.n = rd_u8(&in);
	s.argon_kib = rd_u32(&in);
	s.argon_passes = rd_u32(&in);
	rd_copy(&in, s.salt, sizeof s.salt);
	if (!rd_done(&in))
		return CV_ERR_FORMAT;
	*ret = s;
	return 0;
}

int admin_share_decode(const uint8_t *p, size_t n, struct admin_share *ret)
{
	struct rd in = rd_over(p, n);
	struct admin_share s = { .verdict = rd_u8(&in) };
	const uint8_t *holder;
	size_t length;

	s.slot = rd_u8(&in);
	s.index = rd_u8(&in);
	s.k = rd_u8(&in);
	s.n = rd_u8(&in);
	s.in = rd_u16(&in);
	s.done = rd_u8(&in);
	length = rd_u8(&in);
	holder = rd_take(&in, length);
	if (!rd_done(&in) || s.verdict > ADMIN_OTHER_SPLIT || s.done > 1 || length >= sizeof s.holder)
		return CV_ERR_FORMAT;
	memcpy(s.holder, holder, length);
	*ret = s;
	return 0;
}
