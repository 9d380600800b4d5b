/* The daemon's listening sockets and its socket pairs. */
#ifndef CV_DAEMON_SOCKETS_H
#define CV_DAEMON_SOCKETS_H

#include <sys/types.h>

/*
 * Listen on path with file mode. A socket file that nobody answers on is replaced; one that answers is CV_ERR_BUSY. *ret_fd is
 * non-blocking, close-on-exec. 0, CV_ERR_BUSY, CV_ERR_EXISTS (something
 * that is no socket), CV_ERR_LIMIT (path too long), CV_ERR_SYSTEM.
 */
int sockets_listen(const char *path, mode_t mode, int *ret_fd);
/* A SOCK_SEQPACKET pair with room for many messages. 0 or CV_ERR_SYSTEM. */
int sockets_pair(int ret_fd[2]);

#endif
