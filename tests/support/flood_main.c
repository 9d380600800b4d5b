/*
 * Clients that nobody wants, for tests/integration/75-overload: many connections to one socket that misbehave in one of these ways.
 *
 *     flood KIND SOCKET CONNECTIONS SECONDS [TOKEN [PATH]]
 *
 *     idle            connect and say nothing
 *     slow-senders    send a request byte by byte, ten a second
 *     slow-readers    ask for PATH again and again, read nothing
 *     dribblers       the same, but read 100 bytes ten times a second
 *     pipelined       ask for PATH without ever waiting for an answer
 *     asking          ask for PATH, one request at a time
 *     bad-tokens      the same, each time with another token that core does not know
 *     half-open       send a request, or half of one, and close one or both directions; connect anew a second later
 *     connecting      connect and close, two thousand times a second
 *     bodies          one request after the other with a body of 1 MiB, which is too much for one field
 *
 * Who is closed connects anew after a tenth of a second. At the end one JSON object: answers by status, how many 429 and 503 had no
 * Retry-After, how often a connection was closed by the other side, and how many stood at once at most.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 4096
#define REQUEST_MAX ((1u << 20) + 4096)
#define HEAD_MAX 4096
#define TICK_MS 100
#define RECORD "/v1/records/00000000000000000000000000000000?fields=name"

enum kind { IDLE, SLOW_SENDERS, SLOW_READERS, DRIBBLERS, PIPELINED, ASKING, BAD_TOKENS, HALF_OPEN, CONNECTING, BODIES, KINDS };
static const char *const names[KINDS] = { "idle", "slow-senders", "slow-readers", "dribblers", "pipelined", "asking", "bad-tokens",
    "half-open", "connecting", "bodies" };

struct conn {
	int fd;			/* -1: closed until the next tick */
	bool waiting;		/* a whole request was sent */
	size_t sent;		/* bytes of the request that is being sent */
	char head[HEAD_MAX];	/* of the answer being read */
	size_t head_n;
	size_t body_left;
	char token[44];
};

static struct {
	enum kind kind;
	const char *token, *path;
	struct sockaddr_un address;
	struct conn conn[CONNECTIONS_MAX];
	int connections, epoll, open, most;
	uint64_t status[600], no_retry, closed, serial;
	char request[REQUEST_MAX];
	size_t request_n;
} flood;

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- what is sent ------------------------------------------------------------------------------------------------------- */

static void next_token(char token[44])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint64_t x = ++flood.serial * UINT64_C(0x9e3779b97f4a7c15);

	for (int i = 0; i < 42; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		token[i] = digits[x % 64];
	}
	token[42] = 'A';	/* its last bits have to be zeros */
	token[43] = '\0';
}

/* The request of connection c, in flood.request. Only the token differs between two of them. */
static void build(struct conn *c)
{
	static const char body[] = "{\"fields\":{\"name\":\"";
	char *to = flood.request;
	const char *token = flood.token;
	char line[1024];
	int n;

	if (flood.kind == BAD_TOKENS && c->sent == 0)
		next_token(c->token);
	if (flood.kind == BAD_TOKENS)
		token = c->token;
	if (flood.kind == BODIES && flood.request_n != 0)
		return;		/* once made it is the same */
	if (flood.kind == BODIES)
		snprintf(line, sizeof(line), "POST /v1/records");
	else
		snprintf(line, sizeof(line), "GET %s", flood.path);
	n = snprintf(to, REQUEST_MAX, "%s HTTP/1.1\r\nHost: x\r\nCV-Purpose: intake\r\n", line);
	if (*token != '\0')
		n += snprintf(to + n, REQUEST_MAX - (size_t)n, "Authorization: Bearer %s\r\n", token);
	if (flood.kind == BODIES) {
		n += snprintf(to + n, REQUEST_MAX - (size_t)n, "Content-Type: application/json\r\nContent-Length: %u\r\n\r\n%s", 1u << 20,
		    body);
		memset(to + n, 'x', (1u << 20) - sizeof(body) + 1);
		n += (int)((1u << 20) - sizeof(body) + 1);
		memcpy(to + n - 3, "\"}}", 3);
	} else {
		n += snprintf(to + n, REQUEST_MAX - (size_t)n, "\r\n");
	}
	flood.request_n = (size_t)n;
}

static void end(struct conn *c)
{
	close(c->fd);
	c->fd = -1;
	flood.open--;
}

/* Send at most n more bytes of the request. False: the other side takes no more now, or is gone. */
static bool send_some(struct conn *c, size_t n)
{
	ssize_t k;

	build(c);
	if (n > flood.request_n - c->sent)
		n = flood.request_n - c->sent;
	k = send(c->fd, flood.request + c->sent, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (k < 0)
		return false;
	c->sent += (size_t)k;
	if (c->sent == flood.request_n) {
		c->sent = 0;
		c->waiting = true;
	}
	return true;
}

/* What the kind does with a connection that is open, whenever it may. */
static void act(struct conn *c)
{
	switch (flood.kind) {
	case SLOW_READERS:
	case DRIBBLERS:
	case PIPELINED:
		for (int i = 0; i < 64 && send_some(c, REQUEST_MAX); i++)
			continue;
		break;
	case ASKING:
	case BAD_TOKENS:
	case BODIES:
		while (!c->waiting && send_some(c, REQUEST_MAX))
			continue;
		break;
	case HALF_OPEN:
		if (c->waiting)
			break;
		(void)send_some(c, ++flood.serial % 2 == 0 ? REQUEST_MAX : 40);
		(void)shutdown(c->fd, flood.serial % 4 < 2 ? SHUT_WR : SHUT_RDWR);
		c->waiting = true;
		break;
	case CONNECTING:
		end(c);
		break;
	case IDLE:
	case SLOW_SENDERS:
	case KINDS:
		break;
	}
}

/* ---- what is read ------------------------------------------------------------------------------------------------------- */

static void count(const char *head)
{
	unsigned long status = strtoul(head + 9, NULL, 10);

	if (status < 600)
		flood.status[status]++;
	if ((status == 429 || status == 503) && strstr(head, "\r\nRetry-After: ") == NULL)
		flood.no_retry++;
}

/* Take bytes of answers, one after the other. */
static void take(struct conn *c, const char *p, size_t n)
{
	while (n > 0) {
		size_t k = c->body_left < n ? c->body_left : n;
		const char *length;

		c->body_left -= k;
		p += k;
		n -= k;
		for (; n > 0 && c->head_n < HEAD_MAX - 1; n--) {
			c->head[c->head_n++] = *p++;
			if (c->head_n >= 4 && memcmp(c->head + c->head_n - 4, "\r\n\r\n", 4) == 0) {
				n--;
				break;
			}
		}
		c->head[c->head_n] = '\0';
		if (c->head_n < 4 || memcmp(c->head + c->head_n - 4, "\r\n\r\n", 4) != 0)
			continue;
		count(c->head);
		length = strstr(c->head, "\r\nContent-Length: ");
		c->body_left = length != NULL ? strtoul(length + 18, NULL, 10) : 0;
		c->head_n = 0;
		c->waiting = false;
	}
}

/* Read at most most bytes. False: the other side has closed. */
static bool read_some(struct conn *c, size_t most)
{
	static char bytes[1 << 16];
	ssize_t n = recv(c->fd, bytes, most < sizeof(bytes) ? most : sizeof(bytes), MSG_DONTWAIT);

	if (n > 0)
		take(c, bytes, (size_t)n);
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* ---- the run ------------------------------------------------------------------------------------------------------------ */

static void open_one(struct conn *c)
{
	const bool reads = flood.kind != SLOW_READERS && flood.kind != DRIBBLERS;
	struct epoll_event e = { .events = EPOLLRDHUP | (reads ? EPOLLIN : 0), .data.ptr = c };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return;
	if (flood.kind == PIPELINED)
		e.events |= EPOLLOUT | EPOLLET;
	if (connect(fd, (const struct sockaddr *)&flood.address, sizeof(flood.address)) != 0 ||
	    epoll_ctl(flood.epoll, EPOLL_CTL_ADD, fd, &e) != 0) {
		close(fd);
		return;
	}
	*c = (struct conn){ .fd = fd };
	if (++flood.open > flood.most)
		flood.most = flood.open;
	act(c);
}

static void ready(struct conn *c, uint32_t events)
{
	bool alive = true;

	if (c->fd < 0)
		return;
	if (flood.kind == SLOW_READERS || flood.kind == DRIBBLERS)
		alive = (events & (EPOLLHUP | EPOLLERR)) == 0;
	else if (flood.kind == PIPELINED)
		for (int i = 0; i < 16 && alive; i++)
			alive = read_some(c, SIZE_MAX);
	else
		alive = read_some(c, SIZE_MAX);
	if (!alive || (flood.kind == HALF_OPEN && !c->waiting)) {
		flood.closed += !alive;
		end(c);
		return;
	}
	act(c);
}

static void tick(void)
{
	static int number;
	const int tenth = number++ % 10;

	for (int i = 0; i < 200 && flood.kind == CONNECTING; i++)
		open_one(&flood.conn[0]);
	for (int i = 0; i < flood.connections; i++) {
		struct conn *c = &flood.conn[i];

		if (c->fd < 0 && (flood.kind != HALF_OPEN || number <= 1 || i % 10 == tenth))
			open_one(c);
		else if (flood.kind == SLOW_SENDERS)
			(void)send_some(c, 1);
		else if (flood.kind == DRIBBLERS)
			(void)read_some(c, 100);
		if (c->fd >= 0 && flood.kind != HALF_OPEN)
			act(c);
	}
}

static void run(double seconds)
{
	uint64_t until = now_ms() + (uint64_t)(seconds * 1000), next = 0, now;
	struct epoll_event events[256];

	while ((now = now_ms()) < until) {
		int n;

		if (now >= next) {
			tick();
			next = now + TICK_MS;
		}
		n = epoll_wait(flood.epoll, events, 256, 10);
		for (int i = 0; i < n; i++)
			ready(events[i].data.ptr, events[i].events);
	}
}

static void report(void)
{
	const char *separator = "";

	printf("{\"most\":%d,\"closed\":%llu,\"without_retry_after\":%llu,\"status\":{", flood.most, (unsigned long long)flood.closed,
	    (unsigned long long)flood.no_retry);
	for (int i = 0; i < 600; i++) {
		if (flood.status[i] == 0)
			continue;
		printf("%s\"%d\":%llu", separator, i, (unsigned long long)flood.status[i]);
		separator = ",";
	}
	printf("}}\n");
}

int main(int argc, char **argv)
{
	double seconds;

	while (argc >= 5 && flood.kind < KINDS && strcmp(argv[1], names[flood.kind]) != 0)
		flood.kind++;
	if (argc < 5 || argc > 7 || flood.kind == KINDS || strlen(argv[2]) >= sizeof(flood.address.sun_path)) {
		fprintf(stderr, "usage: flood KIND SOCKET CONNECTIONS SECONDS [TOKEN [PATH]]\n");
		return 2;
	}
	flood.address.sun_family = AF_UNIX;
	memcpy(flood.address.sun_path, argv[2], strlen(argv[2]));
	flood.connections = atoi(argv[3]);
	seconds = atof(argv[4]);
	flood.token = argc > 5 ? argv[5] : "";
	flood.path = argc > 6 ? argv[6] : RECORD;
	if (flood.connections < 1 || flood.connections > CONNECTIONS_MAX || (flood.epoll = epoll_create1(EPOLL_CLOEXEC)) < 0)
		return 2;
	for (int i = 0; i < flood.connections; i++)
		flood.conn[i].fd = -1;
	puts("flooding");
	fflush(stdout);
	run(seconds);
	report();
	return 0;
}
