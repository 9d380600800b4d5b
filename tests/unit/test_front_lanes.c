/* Who is served when more comes than there is room for: sessions and uids take turns, slow readers leave first. */
#include "test_front_rig.h"

#define SHARED 12	/* requests at core of a session, and of a uid, that is not alone */
#define FLOOD 30
#define READ_AS(token) "GET /v1/records/" HEX_ID "?fields=a HTTP/1.1\r\n" HOST "Authorization: Bearer " token "\r\n\r\n"
#define ONE READ_AS("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
#define TWO READ_AS("BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA")
#define THREE READ_AS("CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCA")

/* A client of the uid that core calls peer. */
static int client_of(struct rig *g, uint64_t peer)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	core_send(g, MSG_OPEN, ++g->opened, peer, NULL, 0, pair[1]);
	close(pair[1]);
	return pair[0];
}

/* One request, answered: front then knows that the session is one, or that it is none. */
static void known(struct rig *g, int fd, const char *request, uint16_t problem)
{
	struct message m;

	say(fd, request);
	m = core_takes(g, MSG_READ);
	if (problem == PROBLEM_NONE)
		core_reads(g, &m, 1);
	else
		core_refuses(g, &m, problem);
	assert_int_equal(hear(g, fd), problem == PROBLEM_NONE ? 200 : problem_status(problem));
}

/*
 * FLOOD connections ask at once, then another one. It has to come to core after at most SHARED of theirs, and none of theirs is lost.
 * first, second: what the flood asks by turns.
 */
static void flood_and_one(struct rig *g, const int fd[FLOOD], const char *first, const char *second, int other, uint64_t other_id)
{
	struct message m[FLOOD + 1];
	unsigned before = 0;

	known(g, other, THREE, PROBLEM_NONE);
	for (unsigned i = 0; i < FLOOD; i++)
		say(fd[i], i % 2 == 0 ? first : second);
	say(other, THREE);
	while ((m[before] = core_takes(g, MSG_READ)).connection != other_id)
		assert_true(++before <= SHARED);
	for (unsigned i = 0; i <= before; i++)
		core_reads(g, &m[i], 1);
	assert_int_equal(hear(g, other), 200);
	for (unsigned i = before; i < FLOOD; i++) {
		m[0] = core_takes(g, MSG_READ);
		core_reads(g, &m[0], 1);
	}
	for (unsigned i = 0; i < FLOOD; i++)
		assert_int_equal(hear(g, fd[i]), 200);
}

static void flood(uint64_t other_peer, const char *second, uint16_t problem)
{
	static struct rig g;
	int fd[FLOOD], other;

	rig_start(&g, (struct front_limits){ 0 });
	for (unsigned i = 0; i < FLOOD; i++) {
		fd[i] = client_of(&g, 3);
		known(&g, fd[i], i % 2 == 0 ? ONE : second, problem);
	}
	other = client_of(&g, other_peer);
	flood_and_one(&g, fd, ONE, second, other, g.opened);
	for (unsigned i = 0; i < FLOOD; i++)
		close(fd[i]);
	close(other);
	rig_end(&g);
}

static void a_session_with_many_connections_leaves_room_for_another(void **state)
{
	(void)state;
	flood(3, ONE, PROBLEM_NONE);
}

static void a_uid_with_many_sessions_leaves_room_for_another(void **state)
{
	(void)state;
	flood(4, TWO, PROBLEM_NONE);
}

static void bad_tokens_share_one_place(void **state)
{
	(void)state;
	flood(3, TWO, PROBLEM_UNAUTHENTICATED);
}

/* What is gone before its answer counts until core has answered it. */
static void requests_of_closed_connections_are_counted(void **state)
{
	static struct rig g;
	struct message m[128];
	int fd;

	(void)state;
	rig_start(&g, (struct front_limits){ 0 });
	for (unsigned i = 0; i < 128; i++) {
		fd = client(&g);
		say(fd, ONE);
		m[i] = core_takes(&g, MSG_READ);
		close(fd);
		/* A client that closed both directions is seen to be gone. */
		assert_int_equal(core_takes(&g, MSG_CLOSED).connection, m[i].connection);
	}
	fd = client(&g);
	say(fd, ONE);
	core_quiet(&g);
	core_reads(&g, &m[0], 1);
	m[0] = core_takes(&g, MSG_READ);
	core_reads(&g, &m[0], 1);
	assert_int_equal(hear(&g, fd), 200);
	close(fd);
	rig_end(&g);
}

/* Answers that nobody takes are held to the limit: who has taken nothing for longest is closed, in the middle of its answer. */
static void slow_readers_leave_when_much_is_unread(void **state)
{
	static struct rig g;
	struct message m;
	char bytes[4096];
	int fd[16], other, cut = 0;

	(void)state;
	rig_start(&g, (struct front_limits){ .buffered_bytes = 1u << 20 });
	for (unsigned i = 0; i < 16; i++) {
		fd[i] = client(&g);
		say(fd[i], ONE);
		while ((m = core_take(&g)).type == MSG_CLOSED)
			cut++;
		assert_int_equal(m.type, MSG_READ);
		core_reads(&g, &m, 500000);
	}
	while (core_waits(&g, 100)) {
		assert_int_equal(core_take(&g).type, MSG_CLOSED);
		cut++;
	}
	assert_in_range(cut, 10, 15);
	other = client(&g);
	say(other, ONE);
	m = core_takes(&g, MSG_READ);
	core_reads(&g, &m, 100);
	assert_int_equal(hear(&g, other), 200);
	/* The first to come was the first to leave. */
	while (recv(fd[0], bytes, sizeof(bytes), 0) > 0)
		continue;
	for (unsigned i = 0; i < 16; i++)
		close(fd[i]);
	close(other);
	rig_end(&g);
}

/* After STOP core may end as soon as it has answered all; a client that still reads has the whole of its answer nevertheless. */
static void a_slow_reader_outlasts_core(void **state)
{
	static struct rig g;
	struct message m;
	int fd;

	(void)state;
	rig_start(&g, (struct front_limits){ 0 });
	fd = client(&g);
	say(fd, ONE);
	m = core_takes(&g, MSG_READ);
	core_send(&g, MSG_STOP, 0, 0, NULL, 0, -1);
	core_quiet(&g);
	core_reads(&g, &m, 500000);
	/* Front closes its half: it asks nothing more. */
	assert_true(core_waits(&g, WAIT_MS));
	assert_int_equal(recv(g.core, g.message, sizeof(g.message), 0), 0);
	close(g.core);
	g.core = -1;
	usleep(50000);
	{
		char *all = malloc(600000);
		size_t n = 0;
		ssize_t k;

		assert_non_null(all);
		while ((k = recv(fd, all + n, 600000 - n, 0)) > 0)
			n += (size_t)k;
		assert_true(n > 500000);
		assert_memory_equal(all + n - 2, "}}", 2);
		free(all);
	}
	close(fd);
	assert_int_equal(rig_wait(&g), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_with_many_connections_leaves_room_for_another),
		cmocka_unit_test(a_uid_with_many_sessions_leaves_room_for_another),
		cmocka_unit_test(bad_tokens_share_one_place),
		cmocka_unit_test(requests_of_closed_connections_are_counted),
		cmocka_unit_test(slow_readers_leave_when_much_is_unread),
		cmocka_unit_test(a_slow_reader_outlasts_core),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
