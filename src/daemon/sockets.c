#include "daemon/sockets.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"

#define BACKLOG SOMAXCONN
#define PAIR_BYTES (4 << 20)

/* Whether somebody accepts connections there. A full queue of them is somebody's too. */
static int answers(const struct sockaddr_un *a)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes;

	if (fd < 0)
		return 0;
	yes = connect(fd, (const struct sockaddr *)a, sizeof(*a)) == 0 || errno == EAGAIN;
	close(fd);
	return yes;
}

int sockets_listen(const char *path, mode_t mode, int *ret_fd)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct stat st;
	int fd;

	if (strlen(path) >= sizeof(a.sun_path))
		return CV_ERR_LIMIT;
	memcpy(a.sun_path, path, strlen(path));
	if (lstat(path, &st) == 0) {
		if (!S_ISSOCK(st.st_mode))
			return CV_ERR_EXISTS;
		if (answers(&a))
			return CV_ERR_BUSY;
		if (unlink(path) != 0)
			return CV_ERR_SYSTEM;
	}
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) < 0)
		return CV_ERR_SYSTEM;
	if (bind(fd, (const struct sockaddr *)&a, sizeof(a)) != 0 || chmod(path, mode) != 0 || listen(fd, BACKLOG) != 0) {
		close(fd);
		return CV_ERR_SYSTEM;
	}
	*ret_fd = fd;
	return 0;
}

int sockets_pair(int ret_fd[2])
{
	int bytes = PAIR_BYTES;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_fd) != 0)
		return CV_ERR_SYSTEM;
	for (int i = 0; i < 2; i++)
		if (setsockopt(ret_fd[i], SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) != 0)
			(void)setsockopt(ret_fd[i], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));	/* the system's most will do */
	return 0;
}
