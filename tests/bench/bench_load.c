/*
 * Closed-loop HTTP/1.1 load over a Unix socket: each connection sends its next request when the answer to the last one came.
 *
 *     bench_load --socket S --connections C --seconds T [--warmup W] [--header H]... --requests FILE
 *     bench_load --socket S --connections C --seconds T [--warmup W] [--header H]... --records FILE --bodies FILE
 *
 * A line of the requests' file is METHOD PATH [TAB BODY [TAB HEADER]...]; the lines are sent in an order that a fixed seed
 * shuffles, round and round. With --records each connection changes records of its own: a line is ID TAB ETAG, every
 * request is a PATCH of the next one with the next line of --bodies, If-Match carries the ETag of the record's last answer,
 * and the ETags are written back to the file at the end, so that the next round goes on from there.
 *
 * What was answered between the warm-up and the end counts; a latency runs from the first byte sent to the last received.
 * Requests under way at the end are awaited. One JSON object on standard output; exit 1 if any answer was not 2xx.
 */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench/latency.h"

#define CONNECTIONS_MAX 1024
#define HEADERS_MAX 16
#define INPUT_MAX (1u << 20)
#define ETAG_MAX 64
#define SILENT_MAX 10	/* seconds without any answer; waits are counted, since a machine may stand still */

struct text {
	char *p;
	size_t n;
};
struct texts {
	struct text *at;
	size_t count;
};
struct record {
	char id[33];
	char etag[ETAG_MAX];
};
struct conn {
	int fd;
	bool waiting;		/* a request is under way */
	uint64_t sent_ns;
	size_t turn;		/* requests this connection has begun */
	struct record *record;	/* the one being changed, or NULL */
	char *out;		/* the request, of which out_at bytes are sent */
	size_t out_n, out_at;
	char *in;		/* the answer so far */
	size_t in_n;
};

static struct {
	const char *socket, *records_file;
	const char *header[HEADERS_MAX];
	int headers;
	int connections;
	double seconds, warmup;
	struct texts requests, bodies;
	struct record *record;
	size_t records;
	int epoll;
	uint64_t measure_ns, end_ns;
	uint64_t answered, bytes, status[6], other_status;
	struct latency latency;
	char example[200];	/* the first answer that was not 2xx */
} load = { .connections = 1, .seconds = 5, .warmup = 0.5 };

static void fail(const char *what)
{
	fprintf(stderr, "bench_load: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void *need(void *p)
{
	if (p == NULL)
		fail("memory");
	return p;
}

/* ---- input files ------------------------------------------------------------------------------------------------------ */

static struct texts read_lines(const char *path)
{
	struct texts lines = { NULL, 0 };
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	FILE *f = fopen(path, "r");

	if (f == NULL)
		fail(path);
	while ((n = getline(&line, &cap, f)) > 0) {
		if (line[n - 1] == '\n')
			line[--n] = '\0';
		if (n == 0)
			continue;
		if ((lines.count & (lines.count - 1)) == 0)
			lines.at = need(realloc(lines.at, (lines.count > 0 ? lines.count * 2 : 1) * sizeof(*lines.at)));
		lines.at[lines.count].p = need(strdup(line));
		lines.at[lines.count++].n = (size_t)n;
	}
	free(line);
	fclose(f);
	if (lines.count == 0) {
		fprintf(stderr, "bench_load: %s holds nothing\n", path);
		exit(2);
	}
	return lines;
}

static void shuffle(struct texts *lines)
{
	uint64_t x = 88172645463325252u;

	for (size_t i = lines->count - 1; i > 0; i--) {
		struct text t = lines->at[i];
		size_t j;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		j = x % (i + 1);
		lines->at[i] = lines->at[j];
		lines->at[j] = t;
	}
}

static char *request_text(const char *method, const char *path, const char *body, const char *content_type,
    char **extra, size_t *ret_n)
{
	char *p = NULL;
	size_t n = 0;
	FILE *f = need(open_memstream(&p, &n));

	fprintf(f, "%s %s HTTP/1.1\r\nHost: localhost\r\n", method, path);
	for (int i = 0; i < load.headers; i++)
		fprintf(f, "%s\r\n", load.header[i]);
	for (; extra != NULL && *extra != NULL; extra++)
		fprintf(f, "%s\r\n", *extra);
	if (*body != '\0')
		fprintf(f, "Content-Type: %s\r\nContent-Length: %zu\r\n", content_type, strlen(body));
	fprintf(f, "\r\n%s", body);
	if (fclose(f) != 0)
		fail("memory");
	*ret_n = n;
	return p;
}

/* Turn each line of the requests' file into the bytes that go over the socket. */
static void build_requests(struct texts *lines)
{
	for (size_t i = 0; i < lines->count; i++) {
		char *save = NULL, *line = lines->at[i].p, *extra[HEADERS_MAX + 1] = { NULL };
		char *head = strtok_r(line, "\t", &save), *body = strtok_r(NULL, "\t", &save);
		char *path = head != NULL ? strchr(head, ' ') : NULL;

		if (path == NULL) {
			fprintf(stderr, "bench_load: line %zu is not METHOD PATH\n", i + 1);
			exit(2);
		}
		*path++ = '\0';
		for (int k = 0; k < HEADERS_MAX && (extra[k] = strtok_r(NULL, "\t", &save)) != NULL; k++)
			continue;
		lines->at[i].p = request_text(head, path, body != NULL ? body : "", "application/json", extra, &lines->at[i].n);
		free(line);
	}
}

static void read_records(const char *path)
{
	struct texts lines = read_lines(path);

	load.record = need(calloc(lines.count, sizeof(*load.record)));
	load.records = lines.count;
	for (size_t i = 0; i < lines.count; i++) {
		char *tab = strchr(lines.at[i].p, '\t');

		if (tab == NULL || tab - lines.at[i].p != 32 || strlen(tab + 1) >= ETAG_MAX) {
			fprintf(stderr, "bench_load: line %zu is not ID TAB ETAG\n", i + 1);
			exit(2);
		}
		memcpy(load.record[i].id, lines.at[i].p, 32);
		memcpy(load.record[i].etag, tab + 1, strlen(tab + 1) + 1);
		free(lines.at[i].p);
	}
	free(lines.at);
}

static void write_records(const char *path)
{
	FILE *f = fopen(path, "w");

	if (f == NULL)
		fail(path);
	for (size_t i = 0; i < load.records; i++)
		fprintf(f, "%s\t%s\n", load.record[i].id, load.record[i].etag);
	if (fclose(f) != 0)
		fail(path);
}

/* ---- one connection ---------------------------------------------------------------------------------------------------- */

static void conn_open(struct conn *c)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };

	if (strlen(load.socket) >= sizeof(a.sun_path)) {
		errno = ENAMETOOLONG;
		fail(load.socket);
	}
	memcpy(a.sun_path, load.socket, strlen(load.socket) + 1);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		fail(load.socket);
	if (epoll_ctl(load.epoll, EPOLL_CTL_ADD, c->fd, &e) != 0)
		fail("epoll");
	c->in = need(malloc(INPUT_MAX));
}

static void conn_send(struct conn *c)
{
	c->waiting = true;
	c->sent_ns = now_ns();
	/* The socket blocks: a request is far smaller than its buffer, and the answer to the last one was read whole. */
	while (c->out_at < c->out_n) {
		ssize_t n = send(c->fd, c->out + c->out_at, c->out_n - c->out_at, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			fail("send");
		if (n > 0)
			c->out_at += (size_t)n;
	}
}

static void next_patch(struct conn *c, size_t number)
{
	size_t own = (load.records - number + (size_t)load.connections - 1) / (size_t)load.connections;
	struct text *body = &load.bodies.at[c->turn % load.bodies.count];
	char path[64], match[ETAG_MAX + 16], *extra[2] = { match, NULL };

	c->record = &load.record[number + (c->turn % own) * (size_t)load.connections];
	snprintf(path, sizeof(path), "/v1/records/%s", c->record->id);
	snprintf(match, sizeof(match), "If-Match: %s", c->record->etag);
	free(c->out);
	c->out = request_text("PATCH", path, body->p, "application/merge-patch+json", extra, &c->out_n);
}

static void conn_next(struct conn *c, size_t number)
{
	static size_t sent;

	if (load.records > 0) {
		next_patch(c, number);
	} else {
		struct text *t = &load.requests.at[sent++ % load.requests.count];

		c->out = t->p;
		c->out_n = t->n;
	}
	c->out_at = 0;
	c->in_n = 0;
	c->turn++;
	conn_send(c);
}

/* The value of a header in the n bytes of an answer's head, or NULL. */
static const char *header_value(const char *head, size_t n, const char *name)
{
	size_t k = strlen(name);

	for (const char *p = head, *end = head + n; p < end;) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));

		if (eol == NULL)
			return NULL;
		if ((size_t)(eol - p) > k + 1 && strncasecmp(p, name, k) == 0 && p[k] == ':') {
			for (p += k + 1; *p == ' '; p++)
				continue;
			return p;
		}
		p = eol + 1;
	}
	return NULL;
}

/* The length of the whole answer in c->in, or 0 if more has to come. */
static size_t answer_length(const struct conn *c, size_t *ret_head)
{
	const char *end = memmem(c->in, c->in_n, "\r\n\r\n", 4), *length;
	size_t head, body = 0;

	if (end == NULL)
		return 0;
	head = (size_t)(end - c->in) + 4;
	length = header_value(c->in, head, "Content-Length");
	if (length != NULL)
		body = strtoul(length, NULL, 10);
	*ret_head = head;
	return c->in_n >= head + body ? head + body : 0;
}

static void take_etag(struct conn *c, size_t head)
{
	const char *etag = header_value(c->in, head, "ETag");
	size_t n = etag != NULL ? strcspn(etag, "\r\n") : 0;

	if (n > 0 && n < ETAG_MAX) {
		memcpy(c->record->etag, etag, n);
		c->record->etag[n] = '\0';
	}
}

static void count_answer(struct conn *c, size_t whole)
{
	unsigned status = (unsigned)strtoul(c->in + 9, NULL, 10);
	uint64_t t = now_ns();

	if (status / 100 != 2 && load.example[0] == '\0') {
		size_t n = whole < sizeof(load.example) - 1 ? whole : sizeof(load.example) - 1;

		memcpy(load.example, c->in, n);
		load.example[strcspn(load.example, "\r\n")] = '\0';
	}
	if (status / 100 != 2)
		load.other_status++;
	if (t < load.measure_ns || t > load.end_ns)
		return;
	load.answered++;
	load.bytes += whole;
	load.status[status / 100 < 6 ? status / 100 : 0]++;
	latency_add(&load.latency, t - c->sent_ns);
}

/* Read what came; true if the answer under way is whole. */
static bool conn_receive(struct conn *c)
{
	size_t head, whole;
	ssize_t n = recv(c->fd, c->in + c->in_n, INPUT_MAX - c->in_n, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		if (n == 0)
			errno = ECONNRESET;
		fail("receive");
	}
	c->in_n += (size_t)n;
	whole = answer_length(c, &head);
	if (whole == 0)
		return false;
	c->waiting = false;
	count_answer(c, whole);
	if (c->record != NULL)
		take_etag(c, head);
	return true;
}

/* ---- the run ------------------------------------------------------------------------------------------------------------ */

static void run(struct conn *conns)
{
	struct epoll_event ready[64];
	size_t waiting = (size_t)load.connections;
	unsigned silent = 0;
	uint64_t begin = now_ns();

	load.measure_ns = begin + (uint64_t)(load.warmup * 1e9);
	load.end_ns = load.measure_ns + (uint64_t)(load.seconds * 1e9);
	for (int i = 0; i < load.connections; i++)
		conn_next(&conns[i], (size_t)i);
	while (waiting > 0) {
		int n = epoll_wait(load.epoll, ready, 64, 1000);

		if (n < 0 && errno != EINTR)
			fail("epoll");
		silent = n == 0 ? silent + 1 : 0;
		if (silent > SILENT_MAX) {
			errno = ETIMEDOUT;
			fail("answers under way");
		}
		for (int i = 0; i < n; i++) {
			struct conn *c = ready[i].data.ptr;

			if (!conn_receive(c))
				continue;
			if (now_ns() < load.end_ns)
				conn_next(c, (size_t)(c - conns));
			else
				waiting--;
		}
	}
}

static void report(void)
{
	printf("{\"connections\":%d,\"seconds\":%.3f,\"answered\":%llu,\"per_second\":%.1f,\"p50_us\":%.1f,\"p99_us\":%.1f,"
	    "\"p999_us\":%.1f,\"max_us\":%.1f,\"bytes\":%llu,\"not_2xx\":%llu}\n",
	    load.connections, load.seconds, (unsigned long long)load.answered, (double)load.answered / load.seconds,
	    latency_us(&load.latency, 0.5), latency_us(&load.latency, 0.99), latency_us(&load.latency, 0.999),
	    (double)load.latency.max_ns / 1e3, (unsigned long long)load.bytes, (unsigned long long)load.other_status);
	if (load.example[0] != '\0')
		fprintf(stderr, "bench_load: first answer that was not 2xx: %s\n", load.example);
}

static void usage(void)
{
	fputs("usage: bench_load --socket S [--connections C] [--seconds T] [--warmup W] [--header H]...\n"
	    "       (--requests FILE | --records FILE --bodies FILE)\n", stderr);
	exit(2);
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' }, { "connections", required_argument, NULL, 'c' },
		{ "seconds", required_argument, NULL, 't' }, { "warmup", required_argument, NULL, 'w' },
		{ "header", required_argument, NULL, 'H' }, { "requests", required_argument, NULL, 'r' },
		{ "records", required_argument, NULL, 'R' }, { "bodies", required_argument, NULL, 'b' },
		{ NULL, 0, NULL, 0 },
	};
	int o;

	while ((o = getopt_long(argc, argv, "s:c:t:w:H:r:R:b:", options, NULL)) != -1) {
		switch (o) {
		case 's': load.socket = optarg; break;
		case 'c': load.connections = (int)strtol(optarg, NULL, 10); break;
		case 't': load.seconds = strtod(optarg, NULL); break;
		case 'w': load.warmup = strtod(optarg, NULL); break;
		case 'H':
			if (load.headers == HEADERS_MAX)
				usage();
			load.header[load.headers++] = optarg;
			break;
		case 'r': load.requests = read_lines(optarg); break;
		case 'R': load.records_file = optarg; break;
		case 'b': load.bodies = read_lines(optarg); break;
		default: usage();
		}
	}
	if (load.socket == NULL || load.connections < 1 || load.connections > CONNECTIONS_MAX || load.seconds <= 0)
		usage();
	if ((load.records_file == NULL) != (load.bodies.count == 0) || (load.records_file == NULL) == (load.requests.count == 0))
		usage();
}

int main(int argc, char **argv)
{
	static struct conn conns[CONNECTIONS_MAX];

	parse(argc, argv);
	if (load.records_file != NULL) {
		read_records(load.records_file);
		if (load.records < (size_t)load.connections)
			usage();
	} else {
		build_requests(&load.requests);
		shuffle(&load.requests);
	}
	load.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (load.epoll < 0)
		fail("epoll");
	for (int i = 0; i < load.connections; i++)
		conn_open(&conns[i]);
	run(conns);
	if (load.records_file != NULL)
		write_records(load.records_file);
	report();
	return load.other_status > 0 || load.answered == 0 ? 1 : 0;
}
