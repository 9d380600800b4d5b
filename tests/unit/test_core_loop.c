/* Core as a whole, in a thread: connections, operators, new fronts, the end. */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "test_core.h"

#define WAIT_MS 5000

struct running {
	void *fixture;
	struct fixture *f;
	char api[108], admin[108];
	int front, control;		/* the other ends */
	struct core_options o;
	pthread_t thread;
	enum core_end end;
};

static int listener(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	strcpy(a.sun_path, path);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 2000), 0);
	return fd;
}

static int dial(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(a.sun_path, path);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void *run(void *p)
{
	struct running *r = p;

	r->end = core_run(&r->o);
	return NULL;
}

static int start(void **state)
{
	struct running *r = calloc(1, sizeof(*r));
	int pair[2], control[2];
	char path[108];
	FILE *key;

	assert_non_null(r);
	assert_int_equal(fixture_setup(&r->fixture), 0);
	r->f = r->fixture;
	vault_close(r->f->v);
	r->f->v = NULL;
	snprintf(path, sizeof(path), "%s/keys", r->f->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/keys/root.key", r->f->dir);
	assert_non_null(key = fopen(path, "w"));
	assert_int_equal(fwrite(r->f->kek, 1, 32, key), 32);
	assert_int_equal(fclose(key), 0);
	snprintf(r->api, sizeof(r->api), "%s/api.sock", r->f->dir);
	snprintf(r->admin, sizeof(r->admin), "%s/admin.sock", r->f->dir);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control), 0);
	r->front = pair[1];
	assert_in_range(r->front, 0, FRONT_ENDS - 1);
	packets[r->front].at = packets[r->front].n = 0;
	r->control = control[1];
	r->o = (struct core_options){ .dir = r->f->dir, .api_fd = listener(r->api), .admin_fd = listener(r->admin),
		.control_fd = control[0], .front_fd = { pair[0] }, .fronts = 1 };
	assert_int_equal(pthread_create(&r->thread, NULL, run, r), 0);
	*state = r;
	return 0;
}

static int finish(void **state)
{
	struct running *r = *state;

	close(r->front);
	if (r->control >= 0)
		close(r->control);
	log_init("test", LOG_LEVEL_ERROR);
	fixture_teardown(&r->fixture);
	free(r);
	return 0;
}

/* The next message to a front, with the descriptor that came along (-1: none). The type, 0 at the end of the pair. */
static int message_to(int front, struct message *ret_m, uint8_t body[4096], int *ret_fd)
{
	union { char space[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } control;
	struct packet *in = &packets[front];
	struct iovec iov = { in->p, sizeof(in->p) };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof(control.space) };
	struct pollfd wait = { front, POLLIN, 0 };
	bool fresh = in->at == in->n;
	struct cmsghdr *cm;
	ssize_t n;

	*ret_fd = -1;
	if (fresh) {
		assert_int_equal(poll(&wait, 1, WAIT_MS), 1);
		if ((n = recvmsg(front, &h, MSG_CMSG_CLOEXEC)) <= 0)
			return 0;
		in->at = 0;
		in->n = (size_t)n;
	}
	assert_int_equal(message_decode(in->p + in->at, in->n - in->at, ret_m), 0);
	assert_true(ret_m->body_n <= 4096);
	memcpy(body, in->p + in->at + MESSAGE_HEADER, ret_m->body_n);
	in->at += MESSAGE_HEADER + ret_m->body_n;
	if (fresh && (cm = CMSG_FIRSTHDR(&h)) != NULL)
		memcpy(ret_fd, CMSG_DATA(cm), sizeof(int));
	return ret_m->type;
}

/* One request to the operator's socket. The result, or -1 if core closed without an answer; state and body come along. */
static int operate(struct running *r, const void *request, size_t n, unsigned *ret_state, uint8_t body[4096], size_t *ret_n)
{
	uint8_t answer[4096 + 10];
	size_t got = 0;
	ssize_t k;
	int fd = dial(r->admin);

	assert_int_equal(send(fd, request, n, MSG_NOSIGNAL), n);
	while ((k = read(fd, answer + got, sizeof(answer) - got)) > 0)
		got += (size_t)k;
	close(fd);
	if (got == 0)
		return -1;
	assert_true(got >= 10);
	assert_memory_equal(answer, "CVA1", 4);
	assert_int_equal(answer[7], 0);
	assert_int_equal(be16_get(answer + 8), got - 10);
	*ret_state = answer[6];
	*ret_n = got - 10;
	memcpy(body, answer + 10, got - 10);
	return be16_get(answer + 4);
}

static void stop_by_operator(struct running *r, enum core_end expected)
{
	uint8_t body[4096];
	unsigned state;
	size_t n;

	assert_int_equal(operate(r, "CVA1\5\0\0\0", 8, &state, body, &n), 0);
	(void)shutdown(r->front, SHUT_WR);	/* as a front does that waits for nothing more; another of the test's may have its place */
	assert_int_equal(pthread_join(r->thread, NULL), 0);
	assert_int_equal(r->end, expected);
}

static void operators_see_seal_unseal_and_stop(void **state)
{
	struct running *r = *state;
	uint8_t request[8 + 32] = "CVA1\3\3\0\40", body[4096];
	struct message m;
	unsigned health;
	size_t n;
	int fd;

	assert_int_equal(operate(r, "CVA1\1\0\0\0", 8, &health, body, &n), 0);
	assert_int_equal(health, WIRE_READY);
	assert_non_null(memmem(body, n, "state ready\n", 12));
	assert_int_equal(operate(r, "CVA1\2\3\0\0", 8, &health, body, &n), 0);
	assert_int_equal(n, 1 + 1 + 1 + 4 + 4 + 16);
	assert_int_equal(body[0], SLOT_DEMO);
	assert_int_equal(operate(r, "CVA1\2\1\0\0", 8, &health, body, &n), PROBLEM_NOT_FOUND);
	assert_int_equal(operate(r, "CVA1\2\77\0\0", 8, &health, body, &n), PROBLEM_NOT_FOUND);
	/* Twice, so that descriptors of the store come and go. */
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(operate(r, "CVA1\4\0\0\0", 8, &health, body, &n), 0);
		assert_int_equal(health, WIRE_SEALED);
		assert_int_equal(operate(r, "CVA1\4\0\0\0", 8, &health, body, &n), PROBLEM_CONFLICT);
		memset(request + 8, 7, 32);
		assert_int_equal(operate(r, request, sizeof(request), &health, body, &n), PROBLEM_UNAUTHENTICATED);
		assert_int_equal(health, WIRE_SEALED);
		memcpy(request + 8, r->f->kek, 32);
		assert_int_equal(operate(r, request, sizeof(request), &health, body, &n), 0);
		assert_int_equal(health, WIRE_READY);
		assert_int_equal(operate(r, request, sizeof(request), &health, body, &n), PROBLEM_CONFLICT);
	}
	assert_int_equal(operate(r, "CVA1\11\0\0\0", 8, &health, body, &n), PROBLEM_BAD_REQUEST);
	assert_int_equal(operate(r, "CVA1\1\0\0\1x", 9, &health, body, &n), PROBLEM_BAD_REQUEST);
	assert_int_equal(operate(r, request, 8 + 31 + 1, &health, body, &n), PROBLEM_CONFLICT);
	assert_int_equal(operate(r, "CVA2\1\0\0\0", 8, &health, body, &n), -1);
	assert_int_equal(operate(r, "CVA1\1\0\0\0x", 9, &health, body, &n), -1);
	assert_int_equal(operate(r, "CVA1\1\0\77\77", 8, &health, body, &n), -1);
	stop_by_operator(r, CORE_STOPPED);
	assert_int_equal(message_to(r->front, &m, body, &fd), MSG_STOP);
	assert_int_equal(message_to(r->front, &m, body, &fd), 0);
	fixture_open(r->f);
}

static void connections_reach_fronts_and_are_counted(void **state)
{
	struct running *r = *state;
	uint8_t body[4096];
	uint64_t id[CONNECTIONS_UID];
	struct message m;
	char byte, refusal[1024];
	ssize_t n;
	int fd, client;

	/* A client whose connection core takes is a front's from then on. */
	client = dial(r->api);
	assert_int_equal(message_to(r->front, &m, body, &fd), MSG_OPEN);
	assert_true(fd >= 0 && m.connection != 0);
	assert_int_equal(write(fd, "!", 1), 1);
	assert_int_equal(read(client, &byte, 1), 1);
	send_message(r->front, MSG_HEALTH, 0, m.connection, 1, NULL, 0);
	id[0] = m.connection;
	close(fd);
	close(client);
	assert_int_equal(message_to(r->front, &m, body, &fd), MSG_ANSWER);
	assert_int_equal(m.connection, id[0]);
	assert_int_equal(m.request, 1);
	assert_int_equal(body[10], WIRE_READY);
	/* One user has so many and no more, whether clients are gone or not, until the front says so. */
	for (unsigned i = 1; i < CONNECTIONS_UID; i++) {
		close(dial(r->api));
		assert_int_equal(message_to(r->front, &m, body, &fd), MSG_OPEN);
		close(fd);
		id[i] = m.connection;
		assert_true(id[i] > id[i - 1]);
	}
	client = dial(r->api);
	n = read(client, refusal, sizeof(refusal) - 1);
	assert_true(n > 0);
	refusal[n] = '\0';
	assert_non_null(strstr(refusal, "HTTP/1.1 503 Service Unavailable\r\n"));
	assert_non_null(strstr(refusal, "\r\nRetry-After: 1\r\n"));
	assert_non_null(strstr(refusal, "\"kind\":\"overloaded\"}"));
	assert_int_equal(strlen(strstr(refusal, "\r\n\r\n") + 4), strtoul(strstr(refusal, "Content-Length: ") + 16, NULL, 10));
	assert_int_equal(read(client, refusal, 1), 0);
	close(client);
	send_message(r->front, MSG_CLOSED, 0, id[500], 0, NULL, 0);
	send_message(r->front, MSG_HEALTH, 0, id[501], 1, NULL, 0);
	assert_int_equal(message_to(r->front, &m, body, &fd), MSG_ANSWER);
	client = dial(r->api);
	assert_int_equal(message_to(r->front, &m, body, &fd), MSG_OPEN);
	assert_true(m.connection > id[CONNECTIONS_UID - 1]);
	close(fd);
	close(client);
	stop_by_operator(r, CORE_STOPPED);
	fixture_open(r->f);
}

static void pass_front(struct running *r, int fd)
{
	union { char space[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } control = { { 0 } };
	struct iovec iov = { (char[]){ 1 }, 1 };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof(control.space) };
	struct cmsghdr *cm = CMSG_FIRSTHDR(&h);

	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cm), &fd, sizeof(int));
	assert_int_equal(sendmsg(r->control, &h, MSG_NOSIGNAL), 1);
}

static void a_new_front_takes_the_place_of_a_dead_one(void **state)
{
	struct running *r = *state;
	uint8_t body[4096];
	struct message m;
	unsigned health;
	size_t n;
	int pair[2], fd, client;

	log_init("test", 0);
	for (unsigned i = 0; i < 2 * FRONT_LINKS; i++) {
		client = dial(r->api);
		assert_int_equal(message_to(r->front, &m, body, &fd), MSG_OPEN);
		close(fd);
		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
		close(r->front);
		r->front = pair[1];
		pass_front(r, pair[0]);
		close(pair[0]);
		close(client);
		/* Once core has answered anything, it knows the new one; and finds out by itself that the old one is gone. */
		assert_int_equal(operate(r, "CVA1\1\0\0\0", 8, &health, body, &n), 0);
		client = dial(r->api);
		assert_int_equal(message_to(r->front, &m, body, &fd), MSG_OPEN);
		close(fd);
		send_message(r->front, MSG_HEALTH, 0, m.connection, 1, NULL, 0);
		assert_int_equal(message_to(r->front, &m, body, &fd), MSG_ANSWER);
		send_message(r->front, MSG_CLOSED, 0, m.connection, 0, NULL, 0);
		close(client);
	}
	stop_by_operator(r, CORE_STOPPED);
	fixture_open(r->f);
}

static void core_ends_with_its_supervisor(void **state)
{
	struct running *r = *state;
	uint8_t body[4096];
	struct message m;
	int fd;

	log_init("test", 0);
	close(r->control);
	r->control = -1;
	assert_int_equal(message_to(r->front, &m, body, &fd), MSG_STOP);
	assert_int_equal(pthread_join(r->thread, NULL), 0);
	assert_int_equal(r->end, CORE_STOPPED);
	fixture_open(r->f);
}

static void core_ends_on_a_signal_and_finishes_what_it_took(void **state)
{
	struct running *r = *state;
	uint8_t body[4096];
	struct message m;
	uint64_t id;
	int fd, client = dial(r->api);

	assert_int_equal(message_to(r->front, &m, body, &fd), MSG_OPEN);
	close(fd);
	id = m.connection;
	/* Both wait when core wakes: the request is answered before the end. */
	send_message(r->front, MSG_HEALTH, 0, m.connection, 7, NULL, 0);
	assert_int_equal(pthread_kill(r->thread, SIGTERM), 0);
	for (unsigned stops = 0, answers = 0; stops + answers < 2;) {
		int type = message_to(r->front, &m, body, &fd);

		stops += type == MSG_STOP;
		answers += type == MSG_ANSWER && m.request == 7;
		assert_true(type != 0 && stops < 2 && answers < 2);
	}
	/* What the front had taken before it was told is answered as well, until it closes its half. */
	for (uint64_t i = 0; i < 200; i++)
		send_message(r->front, MSG_HEALTH, 0, id, 8 + i, NULL, 0);
	for (uint64_t i = 0; i < 200; i++) {
		assert_int_equal(message_to(r->front, &m, body, &fd), MSG_ANSWER);
		assert_int_equal(m.request, 8 + i);
	}
	assert_int_equal(shutdown(r->front, SHUT_WR), 0);
	assert_int_equal(message_to(r->front, &m, body, &fd), 0);
	assert_int_equal(pthread_join(r->thread, NULL), 0);
	assert_int_equal(r->end, CORE_STOPPED);
	close(client);
	fixture_open(r->f);
}

static void no_vault_is_said_at_once(void **state)
{
	struct core_options o = { .dir = "/nonexistent", .api_fd = -1, .admin_fd = -1, .control_fd = -1 };
	int pair[2];

	(void)state;
	log_init("test", 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	o.control_fd = pair[0];
	o.api_fd = dup(pair[0]);
	o.admin_fd = dup(pair[0]);
	assert_int_equal(core_run(&o), CORE_NO_VAULT);
	/* It took its descriptors over, and closed them. */
	assert_int_equal(fcntl(pair[0], F_GETFD), -1);
	close(pair[1]);
	log_init("test", LOG_LEVEL_ERROR);
}

#define ON(name) cmocka_unit_test_setup_teardown(name, start, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON(operators_see_seal_unseal_and_stop),
		ON(connections_reach_fronts_and_are_counted),
		ON(a_new_front_takes_the_place_of_a_dead_one),
		ON(core_ends_with_its_supervisor),
		ON(core_ends_on_a_signal_and_finishes_what_it_took),
		cmocka_unit_test(no_vault_is_said_at_once),
	};

	return cmocka_run_group_tests_name("core's loop", tests, NULL, NULL);
}
