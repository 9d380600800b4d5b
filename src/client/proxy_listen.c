/* The proxy's socket in the file system. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "client/proxy_internal.h"

/* Whether somebody accepts connections there. A full queue of them is somebody's too. */
static bool answers(const struct sockaddr_un *a)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool yes;

	if (fd < 0)
		return true;	/* not known: what stands there is left alone */
	yes = connect(fd, (const struct sockaddr *)a, sizeof *a) == 0 || errno == EAGAIN || errno == EACCES;
	close(fd);
	return yes;
}

/* Take away a socket whose process is gone, and nothing else. */
static int make_room(const struct sockaddr_un *a)
{
	struct stat st;

	if (lstat(a->sun_path, &st) != 0)
		return errno == ENOENT ? 0 : CV_ERR_SYSTEM;
	if (!S_ISSOCK(st.st_mode))
		return CV_ERR_EXISTS;
	if (answers(a))
		return CV_ERR_BUSY;
	return unlink(a->sun_path) == 0 ? 0 : CV_ERR_SYSTEM;
}

/* The mode is right from the socket's first moment on: before another process could connect. */
static int bind_private(int fd, const struct sockaddr_un *a)
{
	mode_t before = umask(0177);
	int r = bind(fd, (const struct sockaddr *)a, sizeof *a), why = errno;

	umask(before);
	errno = why;
	return r;
}

int proxy_listen(struct proxy *p)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct stat st;
	int r;

	memcpy(a.sun_path, p->path, strlen(p->path));
	if ((r = make_room(&a)) != 0)
		return r;
	if ((p->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) < 0)
		return CV_ERR_SYSTEM;
	if (bind_private(p->listener, &a) != 0)
		goto fail;
	if (lstat(p->path, &st) != 0)
		goto fail;
	p->dev = st.st_dev;
	p->ino = st.st_ino;
	if (listen(p->listener, SOMAXCONN) == 0)
		return 0;
	proxy_unlisten(p);
	return CV_ERR_SYSTEM;
fail:
	r = errno;
	close(p->listener);
	p->listener = -1;
	errno = r;
	return CV_ERR_SYSTEM;
}

void proxy_unlisten(struct proxy *p)
{
	struct stat st;

	if (p->listener < 0)
		return;
	if (lstat(p->path, &st) == 0 && st.st_dev == p->dev && st.st_ino == p->ino)
		(void)unlink(p->path);	/* what is left is replaced by the next proxy */
	close(p->listener);
	p->listener = -1;
}
