/*
 * What the machine gives without a vault: the limits that `make bench` divides by.
 *
 *     bench_bare a SOCKET LOG            server A: answers every request with the same 1,500 bytes, after a log line of 200
 *                                        bytes is durable; all requests read in one round share one fdatasync
 *     bench_bare w SOCKET LOG LMDB       server W: A, and for each request one LMDB get of 1,800 bytes, 26 AEAD opens and
 *                                        one keyed hash: the work that no field-encrypted vault can leave out
 *     bench_bare s SOCKET                server S: A without the log
 *     bench_bare group LOG WRITERS SECONDS    group commit: WRITERS threads, one entry of 200 bytes under way each;
 *                                        prints entries per second
 *     bench_bare fill LMDB COUNT         make the environment of W
 *
 * One thread. The log is a file of 64 MiB written beforehand and gone through in a ring, which is the cheapest durable
 * write there is. A server says "ready" on standard output and runs until it is killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <sodium.h>
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

#define ANSWER_BODY 1500
#define LOG_LINE 200u
#define LOG_BYTES (64 << 20)
#define ROUND_MAX 256
#define VALUE_BYTES 1800
#define FIELD_BYTES 48
#define FIELDS 25
#define MAP_BYTES ((size_t)4 << 30)

struct conn {
	int fd;
	unsigned owed;		/* answers to send after this round's sync */
	size_t n;
	char in[16384];
};

static struct {
	int fd;
	off_t at;
	uint8_t bytes[LOG_LINE * 4096];
} logfile = { .fd = -1 };
static struct {
	MDB_env *env;
	MDB_dbi dbi;
	MDB_txn *txn;
	size_t count;
	uint8_t key[32], nonce[24];
	uint8_t wrapped[32 + 16], field[FIELDS][FIELD_BYTES + 16], chain[32];
} work;
static char answer[ANSWER_BODY + 200];
static size_t answer_n;

static void fail(const char *what)
{
	fprintf(stderr, "bench_bare: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void check(int lmdb_result)
{
	if (lmdb_result != 0) {
		fprintf(stderr, "bench_bare: lmdb: %s\n", mdb_strerror(lmdb_result));
		exit(2);
	}
}

/* ---- the log -------------------------------------------------------------------------------------------------------- */

static void log_open(const char *path)
{
	logfile.fd = open(path, O_CREAT | O_RDWR | O_TRUNC | O_CLOEXEC, 0600);
	if (logfile.fd < 0)
		fail(path);
	for (off_t at = 0; at < LOG_BYTES;) {
		size_t n = LOG_BYTES - at < (off_t)sizeof(logfile.bytes) ? (size_t)(LOG_BYTES - at) : sizeof(logfile.bytes);
		ssize_t k = pwrite(logfile.fd, logfile.bytes, n, at);

		if (k <= 0)
			fail(path);
		at += k;
	}
	if (fsync(logfile.fd) != 0)
		fail(path);
}

static void log_write(size_t lines)
{
	while (lines > 0) {
		size_t n = lines * LOG_LINE < sizeof(logfile.bytes) ? lines * LOG_LINE : sizeof(logfile.bytes);

		if (logfile.at + (off_t)n > LOG_BYTES)
			logfile.at = 0;
		memset(logfile.bytes, 'a' + (int)(logfile.at % 26), LOG_LINE);
		if (pwrite(logfile.fd, logfile.bytes, n, logfile.at) != (ssize_t)n)
			fail("log");
		logfile.at += (off_t)n;
		lines -= n / LOG_LINE;
	}
	if (fdatasync(logfile.fd) != 0)
		fail("log");
}

/* ---- the work of W -------------------------------------------------------------------------------------------------- */

static void number_key(uint8_t out[8], uint64_t n)
{
	for (int i = 7; i >= 0; i--, n >>= 8)
		out[i] = (uint8_t)n;
}

static void work_env(const char *dir, unsigned flags)
{
	MDB_txn *txn;
	MDB_stat stat;

	check(mdb_env_create(&work.env));
	check(mdb_env_set_mapsize(work.env, MAP_BYTES));
	check(mdb_env_open(work.env, dir, flags, 0600));
	check(mdb_txn_begin(work.env, NULL, flags & MDB_RDONLY, &txn));
	check(mdb_dbi_open(txn, NULL, 0, &work.dbi));
	check(mdb_stat(txn, work.dbi, &stat));
	work.count = stat.ms_entries;
	check(mdb_txn_commit(txn));
}

static void work_fill(const char *dir, size_t count)
{
	static uint8_t value[VALUE_BYTES];
	MDB_txn *txn = NULL;

	work_env(dir, 0);
	check(mdb_txn_begin(work.env, NULL, 0, &txn));
	for (size_t i = 0; i < count; i++) {
		uint8_t key[8];
		MDB_val k = { sizeof(key), key }, v = { sizeof(value), value };

		number_key(key, i);
		randombytes_buf(value, sizeof(value));
		check(mdb_put(txn, work.dbi, &k, &v, MDB_APPEND));
	}
	check(mdb_txn_commit(txn));
	mdb_env_close(work.env);
}

static void work_open(const char *dir)
{
	uint8_t plain[FIELD_BYTES] = { 0 };
	unsigned long long n;

	work_env(dir, MDB_RDONLY | MDB_NOTLS);
	check(mdb_txn_begin(work.env, NULL, MDB_RDONLY, &work.txn));
	mdb_txn_reset(work.txn);
	crypto_aead_xchacha20poly1305_ietf_encrypt(work.wrapped, &n, plain, 32, NULL, 0, NULL, work.nonce, work.key);
	for (int i = 0; i < FIELDS; i++)
		crypto_aead_xchacha20poly1305_ietf_encrypt(work.field[i], &n, plain, FIELD_BYTES, NULL, 0, NULL, work.nonce, work.key);
}

static void work_once(void)
{
	uint8_t key[8], out[FIELD_BYTES], entry[32 + LOG_LINE] = { 0 };
	unsigned long long n;
	MDB_val k = { sizeof(key), key }, v;

	number_key(key, randombytes_uniform((uint32_t)work.count));
	check(mdb_get(work.txn, work.dbi, &k, &v));
	entry[32] = *(const uint8_t *)v.mv_data;
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(out, &n, NULL, work.wrapped, sizeof(work.wrapped), NULL, 0, work.nonce,
	    work.key) != 0)
		abort();
	for (int i = 0; i < FIELDS; i++)
		if (crypto_aead_xchacha20poly1305_ietf_decrypt(out, &n, NULL, work.field[i], sizeof(work.field[i]), NULL, 0,
		    work.nonce, work.key) != 0)
			abort();
	memcpy(entry, work.chain, 32);
	crypto_generichash(work.chain, 32, entry, sizeof(entry), work.key, 32);
}

/* ---- the server ------------------------------------------------------------------------------------------------------- */

/* Requests without a body or with a Content-Length; returns how many are whole and drops them. */
static unsigned take_requests(struct conn *c)
{
	size_t at = 0;
	unsigned taken = 0;

	for (;;) {
		char *head = c->in + at, *end = memmem(head, c->n - at, "\r\n\r\n", 4), *length;
		size_t whole;

		if (end == NULL)
			break;
		whole = (size_t)(end - head) + 4;
		length = memmem(head, whole, "Content-Length: ", 16);
		if (length != NULL)
			whole += strtoul(length + 16, NULL, 10);
		if (c->n - at < whole)
			break;
		at += whole;
		taken++;
	}
	memmove(c->in, c->in + at, c->n - at);
	c->n -= at;
	return taken;
}

static void conn_close(struct conn *c)
{
	close(c->fd);
	free(c);
}

static void accept_one(int listener, int epoll)
{
	struct epoll_event e = { .events = EPOLLIN };
	struct conn *c;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		fail("memory");
	c->fd = fd;
	e.data.ptr = c;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) != 0)
		fail("epoll");
}

/* Read a connection; false if it ended. */
static bool conn_read(struct conn *c)
{
	ssize_t n = recv(c->fd, c->in + c->n, sizeof(c->in) - c->n, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return false;
	c->n += (size_t)n;
	c->owed = take_requests(c);
	if (work.env != NULL)
		for (unsigned i = 0; i < c->owed; i++)
			work_once();
	return true;
}

static void send_answers(struct conn *c)
{
	for (; c->owed > 0; c->owed--)
		for (size_t at = 0; at < answer_n;) {
			ssize_t n = send(c->fd, answer + at, answer_n - at, MSG_NOSIGNAL);

			if (n < 0 && errno != EINTR)
				return;
			if (n > 0)
				at += (size_t)n;
		}
}

static void one_round(int listener, int epoll)
{
	struct epoll_event ready[ROUND_MAX];
	struct conn *owing[ROUND_MAX];
	int n = epoll_wait(epoll, ready, ROUND_MAX, -1), owing_n = 0;
	size_t lines = 0;

	if (work.txn != NULL)
		check(mdb_txn_renew(work.txn));
	for (int i = 0; i < n; i++) {
		struct conn *c = ready[i].data.ptr;

		if (c == NULL) {
			accept_one(listener, epoll);
		} else if (!conn_read(c)) {
			conn_close(c);
		} else if (c->owed > 0) {
			lines += c->owed;
			owing[owing_n++] = c;
		}
	}
	if (work.txn != NULL)
		mdb_txn_reset(work.txn);
	if (logfile.fd >= 0 && lines > 0)
		log_write(lines);
	for (int i = 0; i < owing_n; i++)
		send_answers(owing[i]);
}

static void serve(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = NULL };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), epoll = epoll_create1(EPOLL_CLOEXEC);

	if (listener < 0 || epoll < 0 || strlen(path) >= sizeof(a.sun_path))
		fail(path);
	memcpy(a.sun_path, path, strlen(path) + 1);
	(void)unlink(path);	/* usually not there */
	if (bind(listener, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(listener, 1024) != 0)
		fail(path);
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e) != 0)
		fail("epoll");
	answer_n = (size_t)snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	    "Content-Length: %d\r\n\r\n", ANSWER_BODY);
	memset(answer + answer_n, 'b', ANSWER_BODY);
	answer_n += ANSWER_BODY;
	puts("ready");
	fflush(stdout);
	for (;;)
		one_round(listener, epoll);
}

/* ---- group commit without a server ------------------------------------------------------------------------------------- */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t work, done;
	uint64_t handed, durable;	/* entries handed in, entries on disk */
	bool stop;
} group = { .lock = PTHREAD_MUTEX_INITIALIZER, .work = PTHREAD_COND_INITIALIZER, .done = PTHREAD_COND_INITIALIZER };

static void *group_writer(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&group.lock);
	while (!group.stop) {
		uint64_t mine = ++group.handed;

		pthread_cond_signal(&group.work);
		while (group.durable < mine && !group.stop)
			pthread_cond_wait(&group.done, &group.lock);
	}
	pthread_mutex_unlock(&group.lock);
	return NULL;
}

static void *group_committer(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&group.lock);
	for (;;) {
		uint64_t upto;

		while (group.handed == group.durable && !group.stop)
			pthread_cond_wait(&group.work, &group.lock);
		if (group.stop)
			break;
		upto = group.handed;
		pthread_mutex_unlock(&group.lock);
		log_write(upto - group.durable);	/* durable is this thread's alone to change */
		pthread_mutex_lock(&group.lock);
		group.durable = upto;
		pthread_cond_broadcast(&group.done);
	}
	pthread_mutex_unlock(&group.lock);
	return NULL;
}

static void group_commit(unsigned writers, double seconds)
{
	pthread_t thread[65];
	struct timespec pause = { .tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9) };
	struct timespec from, to;
	double took;

	if (writers < 1 || writers > 64)
		fail("writers");
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (unsigned i = 0; i <= writers; i++)
		if (pthread_create(&thread[i], NULL, i < writers ? group_writer : group_committer, NULL) != 0)
			fail("thread");
	nanosleep(&pause, NULL);
	pthread_mutex_lock(&group.lock);
	group.stop = true;
	pthread_cond_broadcast(&group.work);
	pthread_cond_broadcast(&group.done);
	pthread_mutex_unlock(&group.lock);
	for (unsigned i = 0; i <= writers; i++)
		pthread_join(thread[i], NULL);
	clock_gettime(CLOCK_MONOTONIC, &to);
	took = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
	printf("{\"writers\":%u,\"per_second\":%.1f}\n", writers, (double)group.durable / took);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";

	if (sodium_init() < 0)
		return 2;
	if (strcmp(mode, "fill") == 0 && argc == 4) {
		work_fill(argv[2], strtoul(argv[3], NULL, 10));
	} else if (strcmp(mode, "group") == 0 && argc == 5) {
		log_open(argv[2]);
		group_commit((unsigned)strtoul(argv[3], NULL, 10), strtod(argv[4], NULL));
	} else if (strcmp(mode, "s") == 0 && argc == 3) {
		serve(argv[2]);
	} else if ((strcmp(mode, "a") == 0 && argc == 4) || (strcmp(mode, "w") == 0 && argc == 5)) {
		if (argc == 5)
			work_open(argv[4]);
		log_open(argv[3]);
		serve(argv[2]);
	} else {
		fputs("usage: bench_bare (a SOCKET LOG | w SOCKET LOG LMDB | s SOCKET | group LOG WRITERS SECONDS |\n"
		    "       fill LMDB COUNT)\n", stderr);
		return 2;
	}
	return 0;
}
