#include "fake_daemon.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define REQUEST_MAX (4u << 20)
#define SERVED_MAX 512u

/* A connection, served by a thread of its own. */
struct served {
	struct fake *fake;
	int fd;
	pthread_t thread;
};
struct fake {
	char dir[64], path[96];
	int listener;
	pthread_t thread;
	fake_handler handler;
	void *cookie;
	atomic_uint connections, closed;
	pthread_mutex_t lock;		/* the handler is called by one thread at a time */
	struct served served[SERVED_MAX];
};

/* Bytes of the first whole request in b, 0 if more must come. */
static size_t whole_request(const struct buf *b)
{
	const char *end = b->n != 0 ? memmem(b->p, b->n, "\r\n\r\n", 4) : NULL, *length, *last;
	size_t head, body = 0;

	if (end == NULL)
		return 0;
	head = (size_t)(end - (const char *)b->p) + 4;
	if (memmem(b->p, head, "Transfer-Encoding: chunked", 26) != NULL) {
		last = memmem(end + 2, b->n - head + 2, "\r\n0\r\n\r\n", 7);
		return last != NULL ? (size_t)(last - (const char *)b->p) + 7 : 0;
	}
	if ((length = memmem(b->p, head, "Content-Length: ", 16)) != NULL)
		body = strtoul(length + 16, NULL, 10);
	return b->n >= head + body ? head + body : 0;
}

static bool answer_one(struct fake *f, int fd, struct buf *in)
{
	struct buf answer;
	size_t n, done = 0;
	bool keep;

	while ((n = whole_request(in)) == 0) {
		size_t before = in->n;
		ssize_t got;

		assert(buf_add(in, 65536) != NULL);
		got = recv(fd, in->p + before, 65536, 0);
		buf_cut(in, before + (got > 0 ? (size_t)got : 0));
		if (got <= 0)
			return false;
	}
	buf_u8(in, 0);
	in->n--;
	buf_init(&answer, REQUEST_MAX);
	pthread_mutex_lock(&f->lock);
	keep = f->handler(f->cookie, (const char *)in->p, n, &answer);
	pthread_mutex_unlock(&f->lock);
	while (done < answer.n) {
		ssize_t sent = send(fd, answer.p + done, answer.n - done, MSG_NOSIGNAL);

		if (sent <= 0)
			break;
		done += (size_t)sent;
	}
	buf_free(&answer);
	buf_reset(in);
	return keep;
}

static void *serve_one(void *arg)
{
	struct served *x = arg;
	struct buf in;

	buf_init(&in, REQUEST_MAX);
	while (answer_one(x->fake, x->fd, &in))
		;
	(void)shutdown(x->fd, SHUT_RDWR);	/* closed when the fake stops: until then its number is nobody else's */
	x->fake->closed++;
	buf_free(&in);
	return NULL;
}

static void *serve(void *arg)
{
	struct fake *f = arg;
	int fd;

	while ((fd = accept(f->listener, NULL, NULL)) >= 0) {
		struct served *x = &f->served[f->connections++];

		assert(f->connections < SERVED_MAX);
		*x = (struct served){ .fake = f, .fd = fd };
		assert(pthread_create(&x->thread, NULL, serve_one, x) == 0);
	}
	return NULL;
}

struct fake *fake_start(fake_handler handler, void *cookie)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct fake *f = calloc(1, sizeof *f);

	assert(f != NULL);
	strcpy(f->dir, "/tmp/cv-fake-XXXXXX");
	assert(mkdtemp(f->dir) != NULL);
	snprintf(f->path, sizeof f->path, "%s/api.sock", f->dir);
	strcpy(at.sun_path, f->path);
	pthread_mutex_init(&f->lock, NULL);
	f->handler = handler;
	f->cookie = cookie;
	f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert(f->listener >= 0 && bind(f->listener, (const struct sockaddr *)&at, sizeof at) == 0 && listen(f->listener, 256) == 0);
	assert(pthread_create(&f->thread, NULL, serve, f) == 0);
	return f;
}

const char *fake_path(const struct fake *f) { return f->path; }
unsigned fake_connections(const struct fake *f) { return f->connections; }
unsigned fake_closed(const struct fake *f) { return f->closed; }

void fake_stop(struct fake *f)
{
	shutdown(f->listener, SHUT_RDWR);
	pthread_join(f->thread, NULL);
	for (unsigned i = 0; i < f->connections; i++) {
		shutdown(f->served[i].fd, SHUT_RDWR);
		pthread_join(f->served[i].thread, NULL);
		close(f->served[i].fd);
	}
	pthread_mutex_destroy(&f->lock);
	close(f->listener);
	unlink(f->path);
	rmdir(f->dir);
	free(f);
}

void fake_json(struct buf *answer, const char *status, const char *headers, const char *body)
{
	buf_printf(answer, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n", status, strlen(body), headers);
	buf_text(answer, body);
}
