/*
 * Closed-loop load on a peer over its Unix socket, as bench_load is for the daemon: one thread, each connection asks again
 * when its last answer came.
 *
 *     peers_load postgres CONNINFO --statement FILE --lines FILE --secret FILE --connections C --seconds T [--warmup W]
 *     peers_load slapd URI --bind DN --lines FILE --secret FILE --connections C --seconds T [--warmup W]
 *
 * PostgreSQL: the statement is prepared once a connection; a line holds its parameters, separated by tabs, and the secret is
 * the last one. It has to be about one row. slapd: a line is a DN, whose entry is read whole, or DN [TAB ATTRIBUTE=VALUE]...,
 * whose attributes are replaced; the secret is the password that each connection binds with once. Connection n of C
 * takes the lines n, n + C, n + 2C, ..., round and round.
 *
 * What was answered between the warm-up and the end counts. One JSON object on standard output; exit 1 if anything failed.
 */
#include <errno.h>
#include <getopt.h>
#include <ldap.h>
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "bench/latency.h"

#define CONNECTIONS_MAX 1024
#define PARTS_MAX 16
#define SILENT_MAX 10	/* seconds without any answer; waits are counted, since a machine may stand still */

struct line {
	char *part[PARTS_MAX];
	int parts;
};
struct conn {
	PGconn *pg;
	LDAP *ldap;
	int message;		/* LDAP: the operation under way */
	int entries;		/* LDAP: entries that it brought so far */
	uint64_t sent_ns;
	size_t turn;		/* requests this connection has begun */
};
struct peer {
	/* Connect, log in, prepare; the file descriptor to wait on. */
	int (*open)(struct conn *c);
	/* Send what a line asks for. */
	void (*send)(struct conn *c, const struct line *line);
	/* Take what came; 0 if more has to come, 1 if the answer is whole and right, -1 if it is whole and wrong. */
	int (*receive)(struct conn *c);
};

static struct {
	const char *target, *bind;
	char *statement, *secret;
	struct line *line;
	size_t lines;
	size_t connections;
	double seconds, warmup;
	uint64_t measure_ns, end_ns;
	uint64_t failed, all;	/* over the whole run, warm-up included */
	struct latency latency;
} load = { .connections = 1, .seconds = 5, .warmup = 0.5 };

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "peers_load: %s: %s\n", what, why);
	exit(2);
}

static void *need(void *p)
{
	if (p == NULL)
		fail("memory", strerror(errno));
	return p;
}

/* The whole text of a file, without the newline at its end. */
static char *read_text(const char *path)
{
	char *text = NULL;
	size_t cap = 0;
	ssize_t n;
	FILE *f = fopen(path, "r");

	if (f == NULL)
		fail(path, strerror(errno));
	n = getdelim(&text, &cap, '\0', f);
	if (n < 0)
		fail(path, "empty or not readable");
	fclose(f);
	if (n > 0 && text[n - 1] == '\n')
		text[n - 1] = '\0';
	return text;
}

static void read_lines(const char *path)
{
	char *text = read_text(path), *save = NULL;

	for (char *p = strtok_r(text, "\n", &save); p != NULL; p = strtok_r(NULL, "\n", &save)) {
		struct line *l;
		char *inner = NULL;

		if ((load.lines & (load.lines - 1)) == 0)
			load.line = need(realloc(load.line, (load.lines > 0 ? load.lines * 2 : 1) * sizeof(*load.line)));
		l = &load.line[load.lines++];
		l->parts = 0;
		for (char *q = strtok_r(p, "\t", &inner); q != NULL && l->parts < PARTS_MAX - 1; q = strtok_r(NULL, "\t", &inner))
			l->part[l->parts++] = q;
	}
}

/* ---- PostgreSQL ------------------------------------------------------------------------------------------------------ */

static int postgres_open(struct conn *c)
{
	PGresult *r;

	c->pg = PQconnectdb(load.target);
	if (PQstatus(c->pg) != CONNECTION_OK)
		fail("connect", PQerrorMessage(c->pg));
	r = PQprepare(c->pg, "work", load.statement, 0, NULL);
	if (PQresultStatus(r) != PGRES_COMMAND_OK)
		fail("prepare", PQerrorMessage(c->pg));
	PQclear(r);
	return PQsocket(c->pg);
}

static void postgres_send(struct conn *c, const struct line *line)
{
	const char *value[PARTS_MAX];

	memcpy(value, line->part, sizeof(line->part[0]) * (size_t)line->parts);
	value[line->parts] = load.secret;
	if (PQsendQueryPrepared(c->pg, "work", line->parts + 1, value, NULL, NULL, 0) != 1)
		fail("send", PQerrorMessage(c->pg));
}

static int postgres_receive(struct conn *c)
{
	PGresult *r;
	int result = -1;

	if (PQconsumeInput(c->pg) != 1)
		fail("receive", PQerrorMessage(c->pg));
	if (PQisBusy(c->pg) != 0)
		return 0;
	while ((r = PQgetResult(c->pg)) != NULL) {
		if (strcmp(PQcmdTuples(r), "1") == 0)
			result = 1;
		else if (load.failed == 0)
			fprintf(stderr, "peers_load: %s\n", PQerrorMessage(c->pg));
		PQclear(r);
	}
	return result;
}

/* ---- slapd --------------------------------------------------------------------------------------------------------------- */

static int slapd_open(struct conn *c)
{
	struct berval password = { strlen(load.secret), load.secret };
	int version = LDAP_VERSION3, fd = -1, r;

	if ((r = ldap_initialize(&c->ldap, load.target)) != LDAP_SUCCESS)
		fail("connect", ldap_err2string(r));
	ldap_set_option(c->ldap, LDAP_OPT_PROTOCOL_VERSION, &version);
	if ((r = ldap_sasl_bind_s(c->ldap, load.bind, LDAP_SASL_SIMPLE, &password, NULL, NULL, NULL)) != LDAP_SUCCESS)
		fail("bind", ldap_err2string(r));
	if (ldap_get_option(c->ldap, LDAP_OPT_DESC, &fd) != LDAP_OPT_SUCCESS)
		fail("connect", "no descriptor");
	return fd;
}

static int slapd_modify(struct conn *c, const struct line *line)
{
	LDAPMod mod[PARTS_MAX], *mods[PARTS_MAX] = { NULL };
	char name[PARTS_MAX][64], *value[PARTS_MAX][2];

	for (int i = 0; i < line->parts - 1; i++) {
		size_t n = strcspn(line->part[i + 1], "=");

		if (n >= sizeof(name[i]) || line->part[i + 1][n] == '\0')
			fail(line->part[i + 1], "not ATTRIBUTE=VALUE");
		memcpy(name[i], line->part[i + 1], n);
		name[i][n] = '\0';
		value[i][0] = line->part[i + 1] + n + 1;
		value[i][1] = NULL;
		mod[i] = (LDAPMod){ .mod_op = LDAP_MOD_REPLACE, .mod_type = name[i], .mod_values = value[i] };
		mods[i] = &mod[i];
	}
	return ldap_modify_ext(c->ldap, line->part[0], mods, NULL, NULL, &c->message);
}

static void slapd_send(struct conn *c, const struct line *line)
{
	int r;

	/* A change is answered by no entry, a search by one. */
	c->entries = line->parts > 1 ? 1 : 0;
	if (line->parts > 1)
		r = slapd_modify(c, line);
	else
		r = ldap_search_ext(c->ldap, line->part[0], LDAP_SCOPE_BASE, "(objectClass=*)", NULL, 0, NULL, NULL, NULL, 1, &c->message);
	if (r != LDAP_SUCCESS)
		fail("send", ldap_err2string(r));
}

/* Is anything left in the library's own buffer, of which the descriptor no longer tells? */
static bool slapd_buffered(struct conn *c)
{
	Sockbuf *sb = NULL;

	return ldap_get_option(c->ldap, LDAP_OPT_SOCKBUF, &sb) == LDAP_OPT_SUCCESS &&
	    ber_sockbuf_ctrl(sb, LBER_SB_OPT_DATA_READY, NULL) > 0;
}

static int slapd_receive(struct conn *c)
{
	LDAPMessage *m;
	int type, code = LDAP_OTHER;

	do {
		struct timeval at_once = { 0, 0 };

		m = NULL;
		type = ldap_result(c->ldap, c->message, LDAP_MSG_ONE, &at_once, &m);
		if (type < 0)
			fail("receive", "the connection broke");
		if (type == LDAP_RES_SEARCH_ENTRY)
			c->entries++;
		if (type == LDAP_RES_SEARCH_RESULT || type == LDAP_RES_MODIFY) {
			if (ldap_parse_result(c->ldap, m, &code, NULL, NULL, NULL, NULL, 1) != LDAP_SUCCESS)
				code = LDAP_OTHER;
			if (code != LDAP_SUCCESS && load.failed == 0)
				fprintf(stderr, "peers_load: %s\n", ldap_err2string(code));
			return code == LDAP_SUCCESS && c->entries == 1 ? 1 : -1;
		}
		if (m != NULL)
			ldap_msgfree(m);
	} while (type > 0 || slapd_buffered(c));
	return 0;
}

/* ---- the run ------------------------------------------------------------------------------------------------------------- */

static void conn_next(const struct peer *peer, struct conn *c, size_t number)
{
	size_t own = (load.lines - number + load.connections - 1) / load.connections;

	c->sent_ns = now_ns();
	peer->send(c, &load.line[number + (c->turn++ % own) * load.connections]);
}

static void count(const struct conn *c, int answer)
{
	uint64_t t = now_ns();

	load.all++;
	if (answer < 0)
		load.failed++;
	else if (t >= load.measure_ns && t <= load.end_ns)
		latency_add(&load.latency, t - c->sent_ns);
}

static void run(const struct peer *peer, struct conn *conns, int epoll)
{
	struct epoll_event ready[64];
	size_t waiting = load.connections;
	unsigned silent = 0;

	load.measure_ns = now_ns() + (uint64_t)(load.warmup * 1e9);
	load.end_ns = load.measure_ns + (uint64_t)(load.seconds * 1e9);
	for (size_t i = 0; i < load.connections; i++)
		conn_next(peer, &conns[i], i);
	while (waiting > 0) {
		int n = epoll_wait(epoll, ready, 64, 1000);

		if (n < 0 && errno != EINTR)
			fail("epoll", strerror(errno));
		silent = n == 0 ? silent + 1 : 0;
		if (silent > SILENT_MAX)
			fail("answers under way", strerror(ETIMEDOUT));
		for (int i = 0; i < n; i++) {
			struct conn *c = ready[i].data.ptr;
			int answer = peer->receive(c);

			if (answer == 0)
				continue;
			count(c, answer);
			if (now_ns() < load.end_ns)
				conn_next(peer, c, (size_t)(c - conns));
			else
				waiting--;
		}
	}
}

static void usage(void)
{
	fputs("usage: peers_load postgres CONNINFO --statement FILE | slapd URI --bind DN\n"
	    "       --lines FILE --secret FILE [--connections C] [--seconds T] [--warmup W]\n", stderr);
	exit(2);
}

static const struct peer *parse(int argc, char **argv)
{
	static const struct peer postgres = { postgres_open, postgres_send, postgres_receive };
	static const struct peer slapd = { slapd_open, slapd_send, slapd_receive };
	static const struct option options[] = {
		{ "statement", required_argument, NULL, 'q' }, { "bind", required_argument, NULL, 'b' },
		{ "lines", required_argument, NULL, 'l' }, { "secret", required_argument, NULL, 'k' },
		{ "connections", required_argument, NULL, 'c' }, { "seconds", required_argument, NULL, 't' },
		{ "warmup", required_argument, NULL, 'w' }, { NULL, 0, NULL, 0 },
	};
	const struct peer *peer = NULL;
	int o;

	while ((o = getopt_long(argc, argv, "q:b:l:k:c:t:w:", options, NULL)) != -1) {
		switch (o) {
		case 'q': load.statement = read_text(optarg); break;
		case 'b': load.bind = optarg; break;
		case 'l': read_lines(optarg); break;
		case 'k': load.secret = read_text(optarg); break;
		case 'c': load.connections = (size_t)strtoul(optarg, NULL, 10); break;
		case 't': load.seconds = strtod(optarg, NULL); break;
		case 'w': load.warmup = strtod(optarg, NULL); break;
		default: usage();
		}
	}
	if (argc - optind != 2 || load.secret == NULL || load.connections < 1 || load.connections > CONNECTIONS_MAX || load.seconds <= 0)
		usage();
	if (strcmp(argv[optind], "postgres") == 0 && load.statement != NULL)
		peer = &postgres;
	else if (strcmp(argv[optind], "slapd") == 0 && load.bind != NULL)
		peer = &slapd;
	if (peer == NULL || load.lines < load.connections)
		usage();
	load.target = argv[optind + 1];
	return peer;
}

int main(int argc, char **argv)
{
	static struct conn conns[CONNECTIONS_MAX];
	const struct peer *peer = parse(argc, argv);
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	for (size_t i = 0; i < load.connections; i++) {
		struct epoll_event e = { .events = EPOLLIN, .data.ptr = &conns[i] };

		if (epoll_ctl(epoll, EPOLL_CTL_ADD, peer->open(&conns[i]), &e) != 0)
			fail("epoll", strerror(errno));
	}
	run(peer, conns, epoll);
	printf("{\"connections\":%zu,\"seconds\":%.3f,\"answered\":%llu,\"per_second\":%.1f,\"p50_us\":%.1f,\"p99_us\":%.1f,"
	    "\"p999_us\":%.1f,\"max_us\":%.1f,\"all\":%llu,\"failed\":%llu}\n",
	    load.connections, load.seconds, (unsigned long long)load.latency.count, (double)load.latency.count / load.seconds,
	    latency_us(&load.latency, 0.5), latency_us(&load.latency, 0.99), latency_us(&load.latency, 0.999),
	    (double)load.latency.max_ns / 1e3, (unsigned long long)load.all, (unsigned long long)load.failed);
	return load.failed > 0 || load.latency.count == 0 ? 1 : 0;
}
