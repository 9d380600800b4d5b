/* The engine of src/store: the conformance suite, then what is its own, the journal above all. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <lmdb.h>

#include "base/bytes.h"
#include "base/error.h"
#include "store/store.h"
#include "store/store_internal.h"
#include "unit/store_conformance.h"

#define FILES 3u
#define FILE_BYTES (64u << 10)
#define MAP_BYTES (64u << 20)
#define NEVER_MS 3600000u

/* A folder with a store, and what its hooks have seen. */
struct place {
	char dir[64];
	uint8_t key;			/* of the MAC */
	bool quiet;			/* apply only on flush and when the ring asks */
	uint64_t map_bytes;
	char copy_to[64];		/* not empty: the next hook copies the folder there, before its commit */
	int fail;			/* answer of the leaves hook */
	bool forget;			/* do not compare leaves with those seen before */
	pthread_mutex_t lock;		/* of what follows: the hook runs on the apply thread */
	unsigned long long *hash;	/* hash[i] covers leaves 0 to i */
	size_t leaves;
	size_t cap;
	uint64_t repeats;		/* leaves that came again */
	uint8_t note[8];
};

/* ---- hooks ---------------------------------------------------------------------------------------------------- */

/* Not a MAC, but it depends on every byte, on prev and on the key: all that the store can see of one. */
static void mac(void *cookie, const uint8_t prev[STORE_MAC], const uint8_t *block, size_t n, uint8_t ret[STORE_MAC])
{
	const struct place *p = cookie;
	uint64_t a = p->key, b;

	a = store_leaf_hash(a, prev, STORE_MAC);
	a = store_leaf_hash(a, block, n);
	b = store_leaf_hash(a, block, n);
	be64_put(ret, a);
	be64_put(ret + 8, b);
}

static void copy_dir(const char *from, const char *to);

static int apply_leaves(void *cookie, uint64_t first, const struct store_leaf *leaf, size_t n, const uint8_t **ret_note,
    size_t *ret_note_n)
{
	struct place *p = cookie;

	if (p->fail != 0)
		return p->fail;
	(void)pthread_mutex_lock(&p->lock);
	assert_true(p->forget || first <= p->leaves);
	for (size_t i = 0; i < n && !p->forget; i++) {
		uint64_t at = first + i;
		unsigned long long h = store_leaf_hash(at > 0 ? p->hash[at - 1] : 0, leaf[i].p, leaf[i].n);

		if (at < p->leaves) {
			assert_true(p->hash[at] == h);
			p->repeats++;
			continue;
		}
		if (p->leaves == p->cap) {
			p->cap = p->cap == 0 ? 1024 : p->cap * 2;
			p->hash = realloc(p->hash, p->cap * sizeof(*p->hash));
			assert_non_null(p->hash);
		}
		p->hash[p->leaves++] = h;
	}
	be64_put(p->note, first + n);
	*ret_note = p->note;
	*ret_note_n = sizeof(p->note);
	if (p->copy_to[0] != '\0')
		copy_dir(p->dir, p->copy_to);
	p->copy_to[0] = '\0';
	(void)pthread_mutex_unlock(&p->lock);
	return 0;
}

static struct store_options options(struct place *p)
{
	struct store_options o = {
		.dir = p->dir, .map_bytes = p->map_bytes, .journal_files = FILES, .journal_file_bytes = FILE_BYTES,
		.apply_ms = p->quiet ? NEVER_MS : 3, .rows_ms = p->quiet ? NEVER_MS : 3, .apply_bytes = p->quiet ? UINT32_MAX : 20000,
		.hooks = { .cookie = p, .mac = mac, .apply_leaves = apply_leaves }
	};

	return o;
}

/* ---- folders -------------------------------------------------------------------------------------------------- */

static void new_dir(char ret[64])
{
	const char *tmp = getenv("TMPDIR");

	(void)snprintf(ret, 64, "%.40s/cv-store-XXXXXX", tmp != NULL ? tmp : "/tmp");
	assert_non_null(mkdtemp(ret));
}

static void remove_dir(const char *dir)
{
	static const char *const names[] = { "journal/lock", "journal/0000.j", "journal/0001.j", "journal/0002.j",
	    "store/data.mdb", "store/lock.mdb" };
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void)unlink(path);
	}
	(void)snprintf(path, sizeof(path), "%s/journal", dir);
	(void)rmdir(path);
	(void)snprintf(path, sizeof(path), "%s/store", dir);
	(void)rmdir(path);
	assert_int_equal(rmdir(dir), 0);
}

static void copy_file(const char *from, const char *to, const char *name)
{
	static _Thread_local uint8_t bytes[FILE_BYTES];
	char a[128], b[128];
	int in, out;
	ssize_t n;

	(void)snprintf(a, sizeof(a), "%s/%s", from, name);
	(void)snprintf(b, sizeof(b), "%s/%s", to, name);
	in = open(a, O_RDONLY | O_CLOEXEC);
	out = open(b, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(in >= 0 && out >= 0);
	while ((n = read(in, bytes, sizeof(bytes))) > 0)
		assert_int_equal(write(out, bytes, (size_t)n), n);
	assert_int_equal(n, 0);
	(void)close(in);
	(void)close(out);
}

static void copy_journal(const char *from, const char *to)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/journal", to);
	assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
	copy_file(from, to, "journal/0000.j");
	copy_file(from, to, "journal/0001.j");
	copy_file(from, to, "journal/0002.j");
}

static void copy_tables(const char *from, const char *to)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/store", to);
	assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
	copy_file(from, to, "store/data.mdb");
}

/* Byte for byte: only while the apply thread does not commit. */
static void copy_dir(const char *from, const char *to)
{
	copy_tables(from, to);
	copy_journal(from, to);
}

/* The tables as of one commit, while others may follow. In a process of its own: LMDB's locks ask for that. */
static void snapshot_tables(const char *from, const char *to)
{
	char a[128], b[128];
	int status;
	pid_t pid;

	(void)snprintf(a, sizeof(a), "%s/store", from);
	(void)snprintf(b, sizeof(b), "%s/store", to);
	assert_true(mkdir(b, 0700) == 0 || errno == EEXIST);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		MDB_env *env;

		if (mdb_env_create(&env) != 0 || mdb_env_set_mapsize(env, MAP_BYTES) != 0 ||
		    mdb_env_open(env, a, MDB_RDONLY, 0600) != 0 || mdb_env_copy(env, b) != 0)
			_exit(1);
		/* Its heap is a copy of ours, full of what only we can free: no leak check should look at it. */
		(void)kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

/* ---- the engine ----------------------------------------------------------------------------------------------- */

static struct place *place_new(bool quiet)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->key = 1;
	p->quiet = quiet;
	p->map_bytes = MAP_BYTES;
	(void)pthread_mutex_init(&p->lock, NULL);
	new_dir(p->dir);
	return p;
}

static void *engine_place(void)
{
	return place_new(false);
}

static void engine_dispose(void *place)
{
	struct place *p = place;

	remove_dir(p->dir);
	free(p->hash);
	(void)pthread_mutex_destroy(&p->lock);
	free(p);
}

static int try_open(struct place *p, struct store **ret, struct store_replay_report *rep)
{
	struct store_options o = options(p);
	int r = store_open(&o, ret);

	if (r != 0)
		return r;
	r = store_replay(*ret, rep);
	if (r == 0)
		store_checkpointed(*ret, store_durable_leaves(*ret));
	return r;
}

static void *engine_open_report(struct place *p, struct store_replay_report *rep)
{
	struct store_options o = options(p);
	struct store *s = NULL;
	int r = store_create(&o);

	assert_true(r == 0 || r == CV_ERR_EXISTS);
	assert_int_equal(try_open(p, &s, rep), 0);
	return s;
}

static struct store *engine_open(void *place)
{
	struct store_replay_report rep;

	return engine_open_report(place, &rep);
}

static void engine_kill(void *place, struct store *s)
{
	struct place *p = place;
	char dir[64];

	new_dir(dir);
	snapshot_tables(p->dir, dir);
	copy_journal(p->dir, dir);
	assert_int_equal(store_close(s, true), 0);
	remove_dir(p->dir);
	memcpy(p->dir, dir, sizeof(dir));
}

static void engine_log(void *place, unsigned long long *ret_leaves, unsigned long long *ret_hash)
{
	struct place *p = place;

	(void)pthread_mutex_lock(&p->lock);
	*ret_leaves = p->leaves;
	*ret_hash = p->leaves > 0 ? p->hash[p->leaves - 1] : 0;
	(void)pthread_mutex_unlock(&p->lock);
}

static const struct store_engine engine = {
	.name = "store conformance: journal and LMDB", .place = engine_place, .dispose = engine_dispose,
	.open = engine_open, .kill = engine_kill, .log = engine_log
};

/* ---- helpers of the journal's tests --------------------------------------------------------------------------- */

/* A turn that puts key "kN" = "vN" and one leaf. */
static int turn_n(struct store *s, unsigned n)
{
	char k[16], v[16];

	assert_int_equal(store_turn_begin(s), 0);
	(void)snprintf(k, sizeof(k), "k%u", n);
	(void)snprintf(v, sizeof(v), "v%u", n);
	assert_int_equal(store_put(s, STORE_REC, k, strlen(k), v, strlen(v)), 0);
	assert_int_equal(store_leaf(s, v, strlen(v)), 0);
	store_commit(s);
	return store_turn_end(s);
}

static bool has_n(struct store *s, unsigned n)
{
	struct store_value got;
	char k[16], v[16];

	(void)snprintf(k, sizeof(k), "k%u", n);
	(void)snprintf(v, sizeof(v), "v%u", n);
	if (store_get(s, STORE_REC, k, strlen(k), &got) != 0)
		return false;
	assert_int_equal(got.n, strlen(v));
	assert_memory_equal(got.p, v, got.n);
	return true;
}

/* A journal file of p in memory, written through to the file. */
static uint8_t *map_journal(const struct place *p, unsigned file)
{
	char path[128];
	uint8_t *m;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/journal/%04u.j", p->dir, file);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	m = mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(m != MAP_FAILED);
	(void)close(fd);
	return m;
}

/* Offset of the block with sequence seq in a mapped file, its length in *ret_n. */
static size_t find_block(const uint8_t *m, uint64_t seq, size_t *ret_n)
{
	for (size_t at = 4096; at + 64 <= FILE_BYTES; at += 8) {
		if (memcmp(m + at, "CVJB", 4) == 0 && be64_get(m + at + 8) == seq) {
			*ret_n = be32_get(m + at + 32);
			return at;
		}
	}
	fail_msg("no block %u", (unsigned)seq);
	return 0;
}

/* A folder whose journal holds blocks 1 to n (turn_n 1 to n), none of them in LMDB. */
static struct place *crashed(unsigned n)
{
	struct place *p = place_new(true);
	struct store *s = engine_open(p);
	char dir[64];

	for (unsigned i = 1; i <= n; i++)
		assert_int_equal(turn_n(s, i), 0);
	new_dir(dir);
	copy_dir(p->dir, dir);
	assert_int_equal(store_close(s, false), 0);
	remove_dir(p->dir);
	memcpy(p->dir, dir, sizeof(dir));
	return p;
}

/* Open, compare the result, and the state if it opens: blocks 1 to whole are there, no later one. */
static void expect_open(struct place *p, int want, unsigned whole, struct store_replay_report *rep)
{
	struct store *s = NULL;
	int r = try_open(p, &s, rep);

	assert_int_equal(r, want);
	if (want == 0) {
		for (unsigned i = 1; i <= whole; i++)
			assert_true(has_n(s, i));
		assert_false(has_n(s, whole + 1));
		assert_int_equal(store_durable_leaves(s), whole);
	}
	assert_int_equal(store_close(s, false), 0);
}

/* Put the tables and journal of p back as saved in dir. */
static void restore(struct place *p, const char *dir)
{
	copy_dir(dir, p->dir);
}

/* ---- open and create ------------------------------------------------------------------------------------------ */

static void open_wants_a_whole_store(void **state)
{
	struct place *p = place_new(true);
	struct store_options o = options(p);
	struct store *s = NULL, *second = NULL;
	uint8_t *m;

	(void)state;
	assert_int_equal(store_open(&o, &s), CV_ERR_NOTFOUND);
	assert_int_equal(store_create(&o), 0);
	assert_int_equal(store_create(&o), CV_ERR_EXISTS);
	assert_int_equal(store_open(&o, &s), 0);
	assert_int_equal(store_open(&o, &second), CV_ERR_BUSY);
	assert_null(second);
	assert_int_equal(store_close(s, true), 0);
	m = map_journal(p, 1);
	for (size_t i = 0; i < 32; i++) {
		m[i] ^= 0x10;
		assert_int_equal(store_open(&o, &s), CV_ERR_FORMAT);
		m[i] ^= 0x10;
	}
	(void)munmap(m, FILE_BYTES);
	assert_int_equal(store_open(&o, &s), 0);
	assert_int_equal(store_close(s, true), 0);
	engine_dispose(p);
}

static void create_refuses_bad_sizes(void **state)
{
	struct place *p = place_new(true);
	struct store_options o = options(p);

	(void)state;
	o.journal_files = 1;
	assert_int_equal(store_create(&o), CV_ERR_ARG);
	o.journal_files = 65;
	assert_int_equal(store_create(&o), CV_ERR_ARG);
	o.journal_files = 2;
	o.journal_file_bytes = 65528;
	assert_int_equal(store_create(&o), CV_ERR_ARG);
	o.journal_file_bytes = 65540;
	assert_int_equal(store_create(&o), CV_ERR_ARG);
	engine_dispose(p);
}

static void sealed_store_only_reads_tables(void **state)
{
	struct place *p = place_new(true);
	struct store *s = engine_open(p);
	struct store_options o;
	char dir[64];

	(void)state;
	assert_int_equal(turn_n(s, 1), 0);
	assert_int_equal(store_flush(s), 0);
	assert_int_equal(turn_n(s, 2), 0);
	new_dir(dir);
	copy_dir(p->dir, dir);
	assert_int_equal(store_close(s, false), 0);
	restore(p, dir);
	remove_dir(dir);
	o = options(p);
	assert_int_equal(store_open(&o, &s), 0);
	assert_true(has_n(s, 1));
	assert_false(has_n(s, 2));
	assert_int_equal(store_durable_leaves(s), 1);
	assert_int_equal(store_turn_begin(s), CV_ERR_STATE);
	assert_int_equal(store_flush(s), 0);
	assert_int_equal(store_close(s, true), 0);
	/* Closing it wrote nothing: the second turn still is in the journal. */
	s = engine_open(p);
	assert_true(has_n(s, 2));
	assert_int_equal(store_close(s, true), 0);
	engine_dispose(p);
}

static void journal_files_are_written_in_full(void **state)
{
	struct place *p = place_new(true);
	struct store *s = engine_open(p);
	char path[128];
	struct stat st;

	(void)state;
	for (unsigned i = 0; i < FILES; i++) {
		(void)snprintf(path, sizeof(path), "%s/journal/%04u.j", p->dir, i);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_size, FILE_BYTES);
		assert_true(st.st_blocks * 512 >= FILE_BYTES);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
	assert_int_equal(store_close(s, true), 0);
	engine_dispose(p);
}

/* CRC-32C bit by bit. */
static uint32_t crc_slow(const uint8_t *p, size_t n)
{
	uint32_t c = 0xffffffffu;

	for (size_t i = 0; i < n; i++) {
		c ^= p[i];
		for (int k = 0; k < 8; k++)
			c = (c >> 1) ^ ((c & 1) != 0 ? 0x82f63b78u : 0);
	}
	return ~c;
}

static void block_has_the_documented_bytes(void **state)
{
	static const uint8_t zeros[64];
	static const uint8_t head[40] = {
		'C', 'V', 'J', 'B', 1, 0, 0, 0, /* seq */ 0, 0, 0, 0, 0, 0, 0, 1, /* first leaf */ 0, 0, 0, 0, 0, 0, 0, 0,
		/* leaves */ 0, 0, 0, 2, /* puts */ 0, 0, 0, 2, /* length */ 0, 0, 0, 96, 0, 0, 0, 0
	};
	static const uint8_t items[] = {
		1, STORE_REC, 2, 0, 0, 0, 3, 'k', 'y', 'v', 'a', 'l', 3, 0, 4, 'l', 'e', 'a', 'f', 2, STORE_IDX, 3, 'd',
		'e', 'l', 3, 0, 1, 'x', /* padding */ 0, 0, 0, 0, 0, 0, 0
	};
	struct place *p = place_new(true);
	struct store *s = engine_open(p);
	uint8_t *m, want[STORE_MAC];

	(void)state;
	assert_int_equal(crc_slow((const uint8_t *)"123456789", 9), 0xe3069283u);
	assert_int_equal(store_turn_begin(s), 0);
	assert_int_equal(store_put(s, STORE_REC, "ky", 2, "val", 3), 0);
	assert_int_equal(store_leaf(s, "leaf", 4), 0);
	store_commit(s);
	assert_int_equal(store_put(s, STORE_REC, "never", 5, "val", 3), 0);
	store_rollback(s);
	assert_int_equal(store_del(s, STORE_IDX, "del", 3), 0);
	assert_int_equal(store_leaf(s, "x", 1), 0);
	store_commit(s);
	assert_int_equal(store_turn_end(s), 0);
	m = map_journal(p, 0);
	assert_memory_equal(m, "CVJN\1\0\0\0" "\0\0\0\0" "\0\0\0\3" "\0\0\0\0\0\1\0\0" "\0\0\0\0", 28);
	assert_int_equal(be32_get(m + 28), crc_slow(m, 28));
	assert_memory_equal(m + 4096, head, sizeof(head));
	assert_memory_equal(m + 4096 + 40, items, sizeof(items));
	mac(p, zeros, m + 4096, 76, want);
	assert_memory_equal(m + 4096 + 76, want, STORE_MAC);
	assert_int_equal(be32_get(m + 4096 + 92), crc_slow(m + 4096, 92));
	assert_memory_equal(m + 4096 + 96, zeros, sizeof(zeros));
	(void)munmap(m, FILE_BYTES);
	assert_int_equal(store_close(s, true), 0);
	engine_dispose(p);
}

/* ---- replay --------------------------------------------------------------------------------------------------- */

static void replay_reports_what_it_did(void **state)
{
	struct place *p = crashed(5);
	struct store_replay_report rep;
	struct store *s;

	(void)state;
	s = engine_open_report(p, &rep);
	assert_int_equal(rep.blocks, 5);
	assert_int_equal(rep.leaves, 5);
	assert_int_equal(rep.cut_bytes, 0);
	assert_false(rep.clean);
	assert_int_equal(store_close(s, true), 0);
	s = engine_open_report(p, &rep);
	assert_int_equal(rep.leaves, 0);
	assert_true(rep.clean);
	assert_int_equal(store_replay(s, &rep), CV_ERR_STATE);
	assert_int_equal(store_close(s, true), 0);
	engine_dispose(p);
}

static void torn_last_block_is_cut_at_every_byte(void **state)
{
	static const uint8_t fills[] = { 0x00, 0xa5 };
	struct place *p = crashed(3);
	struct store_replay_report rep;
	char dir[64];
	size_t n;

	(void)state;
	new_dir(dir);
	copy_dir(p->dir, dir);
	for (size_t f = 0; f < sizeof(fills); f++) {
		n = 1;
		for (size_t cut = 0; cut < n; cut++) {
			uint8_t *m;
			size_t at;

			restore(p, dir);
			m = map_journal(p, 0);
			at = find_block(m, 3, &n);
			/* The last byte may be the fill by chance. */
			memset(m + at + cut, fills[f], n - cut);
			if (cut == n - 1)
				m[at + cut] = (uint8_t)~m[at + cut];
			(void)munmap(m, FILE_BYTES);
			expect_open(p, 0, 2, &rep);
			assert_int_equal(rep.blocks, 2);
			/* All zeros is a block that never began. */
			assert_true((rep.cut_bytes > 0) == (cut > 0 || fills[f] != 0));
			/* Said once more if nothing was written since, and the state stays. */
			expect_open(p, 0, 2, &rep);
		}
	}
	remove_dir(dir);
	engine_dispose(p);
}

static void turns_go_on_behind_a_cut(void **state)
{
	struct place *p = crashed(3);
	struct store_replay_report rep;
	struct store *s;
	uint8_t *m;
	size_t at, n;

	(void)state;
	m = map_journal(p, 0);
	at = find_block(m, 3, &n);
	m[at + n - 1] ^= 1;
	(void)munmap(m, FILE_BYTES);
	p->forget = true;
	s = engine_open_report(p, &rep);
	assert_int_equal(rep.cut_bytes, n);
	assert_int_equal(store_next_leaf(s), 2);
	assert_int_equal(turn_n(s, 4), 0);
	assert_int_equal(store_close(s, true), 0);
	s = engine_open_report(p, &rep);
	assert_int_equal(rep.cut_bytes, 0);
	assert_true(rep.clean);
	assert_true(has_n(s, 2) && !has_n(s, 3) && has_n(s, 4));
	assert_int_equal(store_close(s, true), 0);
	engine_dispose(p);
}

/* One put of n bytes under key. */
static void turn_big(struct store *s, const char *key, size_t n)
{
	static const uint8_t bytes[FILE_BYTES];

	assert_int_equal(store_turn_begin(s), 0);
	assert_int_equal(store_put(s, STORE_REC, key, strlen(key), bytes, n), 0);
	store_commit(s);
	assert_int_equal(store_turn_end(s), 0);
}

/* The torn block began a file, since it did not fit the one before; what follows does fit there. */
static void block_cut_at_a_files_start_is_reported_once(void **state)
{
	(void)state;
	for (int with_turn = 0; with_turn < 2; with_turn++) {
		struct place *p = place_new(true);
		struct store *s = engine_open(p);
		struct store_replay_report rep;
		struct store_value v;
		char dir[64];
		uint8_t *m;
		size_t n;

		turn_big(s, "fits", 40000);
		new_dir(dir);
		copy_tables(p->dir, dir);	/* before the second block: both together are more than this ring lets wait */
		turn_big(s, "torn", 30000);
		copy_journal(p->dir, dir);
		assert_int_equal(store_close(s, false), 0);
		restore(p, dir);
		remove_dir(dir);
		m = map_journal(p, 1);
		assert_int_equal(find_block(m, 2, &n), 4096);
		m[4096 + 20000] ^= 1;
		s = engine_open_report(p, &rep);
		assert_int_equal(rep.cut_bytes, n);
		assert_int_equal(rep.blocks, 1);
		assert_int_equal(store_get(s, STORE_REC, "fits", 4, &v), 0);
		assert_int_equal(store_get(s, STORE_REC, "torn", 4, &v), CV_ERR_NOTFOUND);
		assert_memory_equal(m + 4096, "CVJB", 4);
		if (with_turn) {
			assert_int_equal(turn_n(s, 1), 0);
			assert_memory_equal(m + 4096, "\0\0\0\0", 4);
		}
		assert_int_equal(store_close(s, true), 0);
		assert_memory_equal(m + 4096, "\0\0\0\0", 4);
		s = engine_open_report(p, &rep);
		assert_int_equal(rep.cut_bytes, 0);
		assert_true(rep.clean);
		assert_true(has_n(s, 1) == (with_turn != 0));
		assert_int_equal(store_close(s, true), 0);
		(void)munmap(m, FILE_BYTES);
		engine_dispose(p);
	}
}

static void flipped_bits(unsigned block, int want, unsigned whole)
{
	struct place *p = crashed(3);
	struct store_replay_report rep;
	char dir[64];
	size_t n = 1;

	new_dir(dir);
	copy_dir(p->dir, dir);
	for (size_t bit = 0; bit < n * 8; bit++) {
		uint8_t *m;
		size_t at;

		if (want == 0 || bit == 0)
			restore(p, dir);
		m = map_journal(p, 0);
		at = find_block(m, block, &n);
		m[at + bit / 8] ^= (uint8_t)(1u << bit % 8);
		expect_open(p, want, whole, &rep);
		if (want == 0)
			assert_true(rep.cut_bytes > 0);
		m[at + bit / 8] ^= (uint8_t)(1u << bit % 8);
		(void)munmap(m, FILE_BYTES);
	}
	remove_dir(dir);
	engine_dispose(p);
}

static void flipped_bit_in_a_middle_block_refuses_start(void **state)
{
	(void)state;
	flipped_bits(2, CV_ERR_REPLAY, 0);
}

static void flipped_bit_in_the_last_block_cuts_it(void **state)
{
	(void)state;
	flipped_bits(3, 0, 2);
}

static void missing_middle_block_refuses_start(void **state)
{
	struct place *p = crashed(4);
	struct store_replay_report rep;
	uint8_t *m = map_journal(p, 0);
	size_t n, at = find_block(m, 2, &n);

	(void)state;
	memset(m + at, 0, n);
	(void)munmap(m, FILE_BYTES);
	expect_open(p, CV_ERR_REPLAY, 0, &rep);
	engine_dispose(p);
}

static void changed_applied_block_refuses_start(void **state)
{
	struct place *p = place_new(true);
	struct store *s = engine_open(p);
	struct store_replay_report rep;
	uint8_t *m;
	size_t at, n = 1;

	(void)state;
	assert_int_equal(turn_n(s, 1), 0);
	assert_int_equal(store_close(s, false), 0);
	m = map_journal(p, 0);
	at = find_block(m, 1, &n);
	for (size_t i = 0; i < n; i++) {
		m[at + i] ^= 0x40;
		expect_open(p, CV_ERR_REPLAY, 0, &rep);
		m[at + i] ^= 0x40;
	}
	(void)munmap(m, FILE_BYTES);
	expect_open(p, 0, 1, &rep);
	engine_dispose(p);
}

/* Give the block at m a MAC and checksum that fit. */
static void forge(struct place *p, uint8_t *m, size_t n, const uint8_t prev[STORE_MAC])
{
	mac(p, prev, m, n - 20, m + n - 20);
	be32_put(m + n - 4, crc_slow(m, n - 4));
}

static void whole_block_that_does_not_continue_is_refused(void **state)
{
	static const uint8_t offsets[] = { 23 /* leaf index */, 27 /* leaves */, 31 /* puts */, 5 /* flags */, 40 /* op */ };
	struct place *p = crashed(2);
	struct store_replay_report rep;
	uint8_t *m = map_journal(p, 0), before[STORE_MAC];
	size_t n, at = find_block(m, 1, &n);

	(void)state;
	memcpy(before, m + at + n - 20, STORE_MAC);
	at = find_block(m, 2, &n);
	for (size_t i = 0; i < sizeof(offsets); i++) {
		m[at + offsets[i]] ^= 8;
		forge(p, m + at, n, before);
		expect_open(p, CV_ERR_REPLAY, 0, &rep);
		m[at + offsets[i]] ^= 8;
		forge(p, m + at, n, before);
	}
	expect_open(p, 0, 2, &rep);
	/* Now the second block is the last applied one: another one with a MAC that fits is not it. */
	m[at + 50] ^= 8;
	forge(p, m + at, n, before);
	expect_open(p, CV_ERR_REPLAY, 0, &rep);
	(void)munmap(m, FILE_BYTES);
	engine_dispose(p);
}

static void wrong_key_is_refused(void **state)
{
	struct place *p = crashed(2);
	struct store_replay_report rep;
	struct store *s;
	struct store_options o;

	(void)state;
	p->key = 2;
	expect_open(p, CV_ERR_AUTH, 0, &rep);
	/* The store that refused it still takes the right one. */
	o = options(p);
	assert_int_equal(store_open(&o, &s), 0);
	assert_int_equal(store_replay(s, &rep), CV_ERR_AUTH);
	assert_false(has_n(s, 1));
	p->key = 1;
	assert_int_equal(store_replay(s, &rep), 0);
	assert_true(has_n(s, 2));
	assert_int_equal(store_close(s, false), 0);
	/* Also when nothing is left to replay. */
	p->key = 2;
	expect_open(p, CV_ERR_AUTH, 0, &rep);
	p->key = 1;
	expect_open(p, 0, 2, &rep);
	engine_dispose(p);
}

static void anything_bad_behind_a_clean_stop_refuses_start(void **state)
{
	struct place *p = place_new(true);
	struct store *s = engine_open(p);
	struct store_replay_report rep;
	uint8_t *m;
	size_t at, n;

	(void)state;
	assert_int_equal(turn_n(s, 1), 0);
	assert_int_equal(store_close(s, true), 0);
	m = map_journal(p, 0);
	at = find_block(m, 2, &n);
	assert_int_equal(n, 64);
	assert_int_equal(m[at + 5], 1);
	m[at + n + 9] = 1;
	expect_open(p, CV_ERR_REPLAY, 0, &rep);
	m[at + n + 9] = 0;
	expect_open(p, 0, 1, &rep);
	assert_true(rep.clean);
	/* Opened since: now it may be a first turn that was torn. */
	m[at + n + 9] = 1;
	expect_open(p, 0, 1, &rep);
	assert_true(rep.cut_bytes > 0);
	assert_false(rep.clean);
	(void)munmap(m, FILE_BYTES);
	engine_dispose(p);
}

static void tables_put_back_refuse_start(void **state)
{
	struct place *p = place_new(true);
	struct store *s = engine_open(p);
	struct store_replay_report rep;
	char dir[64];
	unsigned n = 1;

	(void)state;
	assert_int_equal(turn_n(s, n++), 0);
	assert_int_equal(store_flush(s), 0);
	new_dir(dir);
	copy_dir(p->dir, dir);
	/* Twice round the ring: the blocks that the old tables would need are overwritten. */
	while (n < 6000) {
		assert_int_equal(turn_n(s, n++), 0);
		store_checkpointed(s, store_durable_leaves(s));
	}
	assert_int_equal(store_close(s, true), 0);
	copy_tables(dir, p->dir);
	expect_open(p, CV_ERR_REPLAY, 0, &rep);
	remove_dir(dir);
	engine_dispose(p);
}

static void journal_put_back_refuses_start(void **state)
{
	struct place *p = place_new(true);
	struct store *s = engine_open(p);
	struct store_replay_report rep;
	char dir[64];

	(void)state;
	assert_int_equal(turn_n(s, 1), 0);
	new_dir(dir);
	copy_dir(p->dir, dir);
	assert_int_equal(turn_n(s, 2), 0);
	assert_int_equal(store_close(s, true), 0);
	copy_journal(dir, p->dir);
	expect_open(p, CV_ERR_REPLAY, 0, &rep);
	remove_dir(dir);
	engine_dispose(p);
}

static void leaves_come_again_after_a_crash_before_the_commit(void **state)
{
	struct place *p = place_new(true);
	struct store *s = engine_open(p);
	struct store_replay_report rep;
	struct store_value v;
	char dir[64];

	(void)state;
	for (unsigned i = 1; i <= 4; i++)
		assert_int_equal(turn_n(s, i), 0);
	new_dir(dir);
	memcpy(p->copy_to, dir, sizeof(dir));
	assert_int_equal(store_flush(s), 0);
	assert_int_equal(store_get(s, STORE_META, "log", 3, &v), 0);
	assert_int_equal(v.n, 8);
	assert_int_equal(be64_get(v.p), 4);
	assert_int_equal(store_close(s, false), 0);
	restore(p, dir);
	assert_int_equal(p->repeats, 0);
	expect_open(p, 0, 4, &rep);
	assert_int_equal(rep.blocks, 4);
	assert_int_equal(p->repeats, 4);
	assert_int_equal(p->leaves, 4);
	remove_dir(dir);
	engine_dispose(p);
}

/* ---- the ring ------------------------------------------------------------------------------------------------- */

static void ring_wraps_many_times(void **state)
{
	struct place *p = place_new(false);
	struct store *s = engine_open(p);
	uint8_t *big = malloc(20000);
	struct store_replay_report rep;
	struct store_value v;
	unsigned n = 0;

	(void)state;
	assert_non_null(big);
	for (unsigned lap = 0; lap < 60; lap++) {
		for (unsigned i = 0; i < 7; i++) {
			size_t len = 1000 + (lap * 7919u + i * 3571u) % 19000u;

			memset(big, (int)n, len);
			assert_int_equal(store_turn_begin(s), 0);
			assert_int_equal(store_put(s, STORE_MAP, &n, sizeof(n), big, len), 0);
			assert_int_equal(store_leaf(s, &n, sizeof(n)), 0);
			store_commit(s);
			assert_int_equal(store_turn_end(s), 0);
			store_checkpointed(s, store_durable_leaves(s));
			n++;
		}
		if (lap % 10 == 9) {
			engine_kill(p, s);
			s = engine_open_report(p, &rep);
			assert_int_equal(rep.cut_bytes, 0);
		}
	}
	assert_int_equal(store_durable_leaves(s), n);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(store_get(s, STORE_MAP, &i, sizeof(i), &v), 0);
		assert_int_equal(v.p[0], (uint8_t)i);
	}
	free(big);
	assert_int_equal(store_close(s, true), 0);
	engine_dispose(p);
}

/* A turn's end may find its place in a file whose rows have just gone to LMDB: what is read before the next turn is not what it wrote. */
static void reads_between_turns_survive_the_reuse_of_a_file(void **state)
{
	struct place *p = place_new(true);
	struct store *s = engine_open(p);
	char k[16];

	(void)state;
	for (unsigned n = 1; n <= 30; n++) {
		assert_int_equal(turn_n(s, n), 0);
		(void)snprintf(k, sizeof(k), "big%u", n);
		turn_big(s, k, 20000);
		store_checkpointed(s, store_durable_leaves(s));
		for (unsigned i = 1; i <= n; i++)
			assert_true(has_n(s, i));
	}
	assert_int_equal(store_close(s, true), 0);
	engine_dispose(p);
}

static void file_is_taken_again_only_when_free(void **state)
{
	struct journal j = { .files = 2, .file = 0, .off = 60000, .file_bytes = FILE_BYTES };

	(void)state;
	assert_int_equal(journal_place(&j, 5536, 0, 0), PLACE_HERE);
	assert_int_equal(journal_place(&j, 5544, 0, 0), PLACE_NEXT);
	j.f[1].last_seq = 7;
	j.f[1].leaves_end = 20;
	assert_int_equal(journal_place(&j, 5536, 0, 0), PLACE_HERE);
	assert_int_equal(journal_place(&j, 5544, 6, 20), PLACE_UNAPPLIED);
	/* The last applied block is needed by replay. */
	assert_int_equal(journal_place(&j, 5544, 7, 20), PLACE_UNAPPLIED);
	assert_int_equal(journal_place(&j, 5544, 8, 20), PLACE_NEXT);
	assert_int_equal(journal_place(&j, 5544, 8, 19), PLACE_UNSIGNED);
}

static void journal_is_full_without_checkpoints(void **state)
{
	struct place *p = place_new(false);
	struct store *s = engine_open(p);
	struct store_replay_report rep;
	unsigned n = 1, room = 0;
	int r;

	(void)state;
	while ((r = turn_n(s, n)) == 0) {
		/* Room ends before leaves do: those of refusals still fit. */
		assert_int_equal(store_turn_begin(s), 0);
		if (store_room(s, 100) == CV_ERR_FULL && room == 0)
			room = n;
		assert_int_equal(store_turn_end(s), 0);
		n++;
	}
	assert_int_equal(r, CV_ERR_FULL);
	assert_true(room > 0 && room + 10 < n);
	assert_true(store_healthy(s));
	assert_false(has_n(s, n));
	assert_true(has_n(s, n - 1));
	assert_int_equal(store_durable_leaves(s), n - 1);
	assert_int_equal(store_next_leaf(s), n - 1);
	store_checkpointed(s, n / 2);
	assert_int_equal(turn_n(s, n), 0);
	assert_int_equal(store_turn_begin(s), 0);
	assert_int_equal(store_room(s, 100), 0);
	assert_int_equal(store_turn_end(s), 0);
	engine_kill(p, s);
	expect_open(p, 0, n, &rep);
	engine_dispose(p);
}

static void room_ends_before_the_block_does(void **state)
{
	struct place *p = place_new(false);
	struct store *s = engine_open(p);
	uint8_t *big = calloc(1, FILE_BYTES);
	int r;

	(void)state;
	assert_non_null(big);
	assert_int_equal(store_turn_begin(s), 0);
	assert_int_equal(store_room(s, 30000), 0);
	assert_int_equal(store_room(s, FILE_BYTES), CV_ERR_FULL);
	assert_int_equal(store_room(s, SIZE_MAX), CV_ERR_FULL);
	assert_int_equal(store_put(s, STORE_REC, "a", 1, big, 50000), 0);
	assert_int_equal(store_room(s, 4000), CV_ERR_FULL);
	assert_int_equal(store_put(s, STORE_REC, "b", 1, big, 4000), CV_ERR_FULL);
	store_rollback(s);
	assert_int_equal(store_put(s, STORE_REC, "a", 1, big, 50000), 0);
	/* The reserve is for leaves. */
	assert_int_equal(store_leaf(s, big, 4000), 0);
	store_commit(s);
	while ((r = store_leaf(s, big, 1000)) == 0)
		store_commit(s);
	assert_int_equal(r, CV_ERR_FULL);
	store_rollback(s);
	assert_int_equal(store_turn_end(s), 0);
	free(big);
	assert_int_equal(store_close(s, true), 0);
	engine_dispose(p);
}

/* ---- failures ------------------------------------------------------------------------------------------------- */

static void failed_write_ends_turns_for_good(void **state)
{
	struct place *p = place_new(true);
	struct store *s = engine_open(p);
	struct store_replay_report rep;
	struct rlimit was, none;

	(void)state;
	assert_int_equal(turn_n(s, 1), 0);
	/* A write beyond the limit fails like one that the disk refuses. */
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	none = was;
	none.rlim_cur = 1024;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_int_equal(turn_n(s, 2), CV_ERR_IO);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_false(store_healthy(s));
	assert_true(has_n(s, 1));
	assert_false(has_n(s, 2));
	assert_int_equal(store_turn_begin(s), CV_ERR_IO);
	assert_int_equal(store_flush(s), CV_ERR_IO);
	assert_int_equal(store_close(s, true), CV_ERR_IO);
	expect_open(p, 0, 1, &rep);
	engine_dispose(p);
}

static int list_row(void *cookie, const uint8_t *key, size_t key_n, const uint8_t *val, size_t val_n)
{
	char *list = cookie;
	size_t n = strlen(list);

	return snprintf(list + n, 64 - n, "%.*s%.*s ", (int)key_n, (const char *)key, (int)val_n, (const char *)val) > 0 ? 0 : -1;
}

static void put_turn(struct store *s, const char *key, const char *val)
{
	assert_int_equal(store_turn_begin(s), 0);
	if (val != NULL)
		assert_int_equal(store_put(s, STORE_IDX, key, strlen(key), val, strlen(val)), 0);
	else
		assert_int_equal(store_del(s, STORE_IDX, key, strlen(key)), 0);
	assert_int_equal(store_leaf(s, "x", 1), 0);
	store_commit(s);
	assert_int_equal(store_turn_end(s), 0);
}

static void check_rows(struct store *s, const char *up, const char *down, const char *up_from)
{
	char list[3][64] = { "", "", "" };
	struct store_value v;

	assert_int_equal(store_scan(s, STORE_IDX, NULL, 0, NULL, 0, false, 0, list_row, list[0]), 0);
	assert_int_equal(store_scan(s, STORE_IDX, NULL, 0, NULL, 0, true, 0, list_row, list[1]), 0);
	assert_int_equal(store_scan(s, STORE_IDX, NULL, 0, "bb", 2, false, 0, list_row, list[2]), 0);
	assert_string_equal(list[0], up);
	assert_string_equal(list[1], down);
	assert_string_equal(list[2], up_from);
	assert_int_equal(store_get(s, STORE_IDX, "a", 1, &v), 0);
	assert_memory_equal(v.p, "1", 1);
	assert_int_equal(store_get(s, STORE_IDX, "d", 1, &v), CV_ERR_NOTFOUND);
}

/* Turns that change nothing, until the overlay's halves are that far. */
static void empty_turns_until(struct store *s, const uint64_t *what, uint64_t least)
{
	for (int i = 0; *what < least; i++) {
		assert_true(i < 10000);
		assert_int_equal(store_turn_begin(s), 0);
		store_turn_abort(s);
		(void)usleep(1000);
	}
}

static void rows_of_a_batch_and_of_what_comes_meanwhile_are_one_table(void **state)
{
	struct place *p = place_new(false);
	struct store *s = engine_open(p);
	uint64_t last;

	(void)state;
	/* The hook waits for this lock, and with it the batch. */
	(void)pthread_mutex_lock(&p->lock);
	put_turn(s, "b", "1");
	put_turn(s, "a", "1");
	put_turn(s, "d", "1");
	put_turn(s, "a key of 17 bytesB", "1");
	empty_turns_until(s, &s->old_seq, 1);
	last = s->old_seq;
	put_turn(s, "b", "2");
	put_turn(s, "c", "2");
	put_turn(s, "d", NULL);
	put_turn(s, "a key of 17 bytesA", "2");
	assert_int_equal(store_turn_begin(s), 0);
	assert_int_equal(store_put(s, STORE_IDX, "a", 1, "9", 1), 0);
	assert_int_equal(store_put(s, STORE_IDX, "e", 1, "9", 1), 0);
	assert_int_equal(store_del(s, STORE_IDX, "b", 1), 0);
	store_rollback(s);
	store_turn_abort(s);
	for (int i = 0; i < 3; i++) {
		check_rows(s, "a1 a key of 17 bytesA2 a key of 17 bytesB1 b2 c2 ",
		    "c2 b2 a key of 17 bytesB1 a key of 17 bytesA2 a1 ", "c2 ");
		if (i == 0) {
			(void)pthread_mutex_unlock(&p->lock);
			empty_turns_until(s, &s->gone_seq, last);
		} else if (i == 1) {
			assert_int_equal(store_flush(s), 0);
		}
	}
	assert_int_equal(store_close(s, true), 0);
	engine_dispose(p);
}

static uint64_t transactions(struct store *s)
{
	MDB_envinfo info;

	assert_int_equal(mdb_env_info(s->t.env, &info), 0);
	return info.me_last_txnid;
}

/* Tables 1 to 3 are what a sealed vault reads: they change with the row that tells of the last block, and with nothing before it. */
static void many_rows_go_to_the_tables_in_several_transactions(void **state)
{
	struct place *p = place_new(true);
	struct store *s = engine_open(p);
	struct store_replay_report rep;
	uint8_t row[400] = { 1 };
	struct store_value v;
	uint64_t before = transactions(s);

	(void)state;
	assert_int_equal(store_turn_begin(s), 0);
	for (uint32_t n = 0; n < 100; n++)
		assert_int_equal(store_put(s, n % 2 == 0 ? STORE_REC : STORE_GOV, &n, sizeof(n), row, sizeof(row)), 0);
	store_commit(s);
	assert_int_equal(store_turn_end(s), 0);
	assert_int_equal(store_flush(s), 0);
	assert_in_range(transactions(s), before + 5, before + 20);
	before = transactions(s);
	for (uint32_t n = 0; n < 100; n++) {
		assert_int_equal(store_get(s, n % 2 == 0 ? STORE_REC : STORE_GOV, &n, sizeof(n), &v), 0);
		assert_int_equal(v.n, sizeof(row));
	}
	/* A few, or none of a record, take one. */
	assert_int_equal(turn_n(s, 1), 0);
	assert_int_equal(store_flush(s), 0);
	assert_int_equal(transactions(s), before + 1);
	assert_int_equal(store_turn_begin(s), 0);
	for (uint32_t n = 0; n < 100; n++)
		assert_int_equal(store_put(s, STORE_DIR, &n, sizeof(n), row, sizeof(row)), 0);
	store_commit(s);
	assert_int_equal(store_turn_end(s), 0);
	assert_int_equal(store_flush(s), 0);
	assert_int_equal(transactions(s), before + 2);
	engine_kill(p, s);
	expect_open(p, 0, 1, &rep);
	engine_dispose(p);
}

/* An overwritten value never gets to the tables, and the leaves do not wait for them. */
static void leaves_are_in_the_log_long_before_rows_are_in_the_tables(void **state)
{
	struct place *p = place_new(true);
	struct store *s = engine_open(p);
	uint64_t before = transactions(s);
	struct store_replay_report rep;

	(void)state;
	for (unsigned n = 1; n <= 5; n++)
		assert_int_equal(turn_n(s, n), 0);
	assert_int_equal(store_applied_leaves(s), 0);
	assert_int_equal(store_flush_leaves(s), 0);
	assert_int_equal(store_applied_leaves(s), 5);
	assert_int_equal(p->leaves, 5);
	assert_int_equal(transactions(s), before);
	assert_int_equal(store_flush_leaves(s), 0);
	engine_kill(p, s);
	/* They come again, and are the same. */
	expect_open(p, 0, 5, &rep);
	assert_int_equal(rep.blocks, 5);
	assert_int_equal(p->leaves, 5);
	engine_dispose(p);
}

static void failed_hook_ends_turns_for_good(void **state)
{
	struct place *p = place_new(true);
	struct store *s = engine_open(p);
	struct store_replay_report rep;

	(void)state;
	assert_int_equal(turn_n(s, 1), 0);
	p->fail = CV_ERR_IO;
	assert_int_equal(store_flush(s), CV_ERR_IO);
	assert_false(store_healthy(s));
	assert_true(has_n(s, 1));
	assert_int_equal(store_turn_begin(s), CV_ERR_IO);
	assert_int_equal(store_close(s, true), CV_ERR_IO);
	p->fail = 0;
	expect_open(p, 0, 1, &rep);
	assert_int_equal(rep.blocks, 1);
	engine_dispose(p);
}

static void full_map_stops_writes_and_loses_nothing(void **state)
{
	struct place *p = place_new(false);
	struct store *s;
	struct store_replay_report rep;
	uint8_t big[6000];
	struct store_value v;
	unsigned n = 0;
	int r = 0;

	(void)state;
	memset(big, 7, sizeof(big));
	p->map_bytes = 256u << 10;
	s = engine_open(p);
	while (r == 0 && n < 10000) {
		assert_int_equal(store_turn_begin(s), 0);
		r = store_room(s, sizeof(big) + 8);
		if (r == 0) {
			assert_int_equal(store_put(s, STORE_MAP, &n, sizeof(n), big, sizeof(big)), 0);
			assert_int_equal(store_leaf(s, &n, sizeof(n)), 0);
			store_commit(s);
		}
		if (r == 0)
			r = store_turn_end(s);
		else
			assert_int_equal(store_turn_end(s), 0);
		n += r == 0;
		store_checkpointed(s, store_durable_leaves(s));
	}
	assert_int_equal(r, CV_ERR_FULL);
	assert_true(store_healthy(s));
	assert_int_equal(store_flush(s), CV_ERR_FULL);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(store_get(s, STORE_MAP, &i, sizeof(i), &v), 0);
	assert_int_equal(p->repeats, 0);
	assert_int_equal(store_close(s, true), 0);
	/* A larger map takes what waits. */
	p->map_bytes = MAP_BYTES;
	s = engine_open_report(p, &rep);
	assert_true(rep.blocks > 0);
	assert_int_equal(store_flush(s), 0);
	assert_int_equal(store_applied_leaves(s), n);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(store_get(s, STORE_MAP, &i, sizeof(i), &v), 0);
		assert_int_equal(v.n, sizeof(big));
	}
	assert_int_equal(store_close(s, true), 0);
	engine_dispose(p);
}

static void applied_fd_tells(void **state)
{
	struct place *p = place_new(true);
	struct store *s = engine_open(p);
	uint64_t count;

	(void)state;
	assert_int_equal(read(store_applied_fd(s), &count, sizeof(count)), -1);
	assert_int_equal(turn_n(s, 1), 0);
	assert_int_equal(store_applied_leaves(s), 0);
	assert_int_equal(store_flush(s), 0);
	/* The thread signals after it let the waiting one go. */
	while (read(store_applied_fd(s), &count, sizeof(count)) < 0)
		(void)usleep(1000);
	assert_int_equal(store_applied_leaves(s), 1);
	assert_int_equal(store_close(s, true), 0);
	engine_dispose(p);
}

/* ---- killed for real ------------------------------------------------------------------------------------------ */

/* Turns without end, each number told to fd once it is durable. */
static void work_until_killed(struct place *p, int fd)
{
	struct store_replay_report rep;
	struct store *s = NULL;
	unsigned n;

	if (try_open(p, &s, &rep) != 0)
		_exit(1);
	for (n = (unsigned)store_durable_leaves(s) + 1;; n++) {
		if (turn_n(s, n) != 0 || write(fd, &n, sizeof(n)) != (ssize_t)sizeof(n))
			_exit(2);
		store_checkpointed(s, store_applied_leaves(s));
	}
}

static void killed_process_loses_nothing_acknowledged(void **state)
{
	struct place *p = place_new(false);
	struct store_replay_report rep;
	struct store *s = engine_open(p);
	unsigned acked = 0;

	(void)state;
	assert_int_equal(store_close(s, true), 0);
	p->forget = true;	/* leaves are seen by the children too, which do not live to tell */
	for (unsigned round = 0; round < 25; round++) {
		unsigned n, durable;
		int fd[2], status;
		pid_t pid;

		assert_int_equal(pipe(fd), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			(void)close(fd[0]);
			work_until_killed(p, fd[1]);
		}
		(void)close(fd[1]);
		(void)usleep(5000 + (round * 7919u) % 40000u);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		while (read(fd[0], &n, sizeof(n)) == (ssize_t)sizeof(n))
			acked = n;
		(void)close(fd[0]);
		assert_int_equal(try_open(p, &s, &rep), 0);
		durable = (unsigned)store_durable_leaves(s);
		assert_true(durable >= acked && durable <= acked + 1);
		for (n = durable > 50 ? durable - 50 : 1; n <= durable; n++)
			assert_true(has_n(s, n));
		assert_false(has_n(s, durable + 1));
		acked = durable;
		assert_int_equal(store_close(s, round % 2 == 0), 0);
	}
	assert_true(acked > 100);
	engine_dispose(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(open_wants_a_whole_store),
		cmocka_unit_test(create_refuses_bad_sizes),
		cmocka_unit_test(sealed_store_only_reads_tables),
		cmocka_unit_test(journal_files_are_written_in_full),
		cmocka_unit_test(block_has_the_documented_bytes),
		cmocka_unit_test(replay_reports_what_it_did),
		cmocka_unit_test(torn_last_block_is_cut_at_every_byte),
		cmocka_unit_test(turns_go_on_behind_a_cut),
		cmocka_unit_test(block_cut_at_a_files_start_is_reported_once),
		cmocka_unit_test(flipped_bit_in_a_middle_block_refuses_start),
		cmocka_unit_test(flipped_bit_in_the_last_block_cuts_it),
		cmocka_unit_test(missing_middle_block_refuses_start),
		cmocka_unit_test(changed_applied_block_refuses_start),
		cmocka_unit_test(whole_block_that_does_not_continue_is_refused),
		cmocka_unit_test(wrong_key_is_refused),
		cmocka_unit_test(anything_bad_behind_a_clean_stop_refuses_start),
		cmocka_unit_test(tables_put_back_refuse_start),
		cmocka_unit_test(journal_put_back_refuses_start),
		cmocka_unit_test(leaves_come_again_after_a_crash_before_the_commit),
		cmocka_unit_test(ring_wraps_many_times),
		cmocka_unit_test(reads_between_turns_survive_the_reuse_of_a_file),
		cmocka_unit_test(file_is_taken_again_only_when_free),
		cmocka_unit_test(journal_is_full_without_checkpoints),
		cmocka_unit_test(room_ends_before_the_block_does),
		cmocka_unit_test(failed_write_ends_turns_for_good),
		cmocka_unit_test(rows_of_a_batch_and_of_what_comes_meanwhile_are_one_table),
		cmocka_unit_test(many_rows_go_to_the_tables_in_several_transactions),
		cmocka_unit_test(leaves_are_in_the_log_long_before_rows_are_in_the_tables),
		cmocka_unit_test(failed_hook_ends_turns_for_good),
		cmocka_unit_test(full_map_stops_writes_and_loses_nothing),
		cmocka_unit_test(applied_fd_tells),
		cmocka_unit_test(killed_process_loses_nothing_acknowledged),
	};
	int failed = store_conformance_run(&engine);

	return failed + cmocka_run_group_tests_name("store journal", tests, NULL, NULL);
}
