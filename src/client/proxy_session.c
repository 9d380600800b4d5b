#include "client/proxy_session.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/traces.h"
#include "client/client.h"
#include "client/client_internal.h"
#include "client/key.h"
#include "client/proxy.h"
#include "crypto/crypto.h"
#include "format/message.h"

#define IDLE_MS (8u * 60 * 1000)	/* the daemon ends a session after ten minutes without a request */
#define MARGIN_MS (5u * 60 * 1000)	/* before the session's absolute end, or an eighth of its life if that is less */
#define FRESH_MS (60u * 1000)		/* age up to which a session is good for a request that streams */
#define HEAD_MAX (1u << 17)
#define RETRY_MS 300u			/* between logins that find no vault */
#define DENIED_RETRY_S 90u		/* between logins that are refused: ten in ten minutes would lock the principal out */
#define ROLE_TEXT 64u

struct session {
	struct session *next;		/* in the list of those that are to be ended */
	struct secret *token;		/* CLIENT_TOKEN_MAX characters and a NUL */
	bool dead;			/* the daemon does not know it */
	unsigned users;			/* requests, and the keeper while it is the present one */
	uint64_t opened_ms, used_ms, renew_ms;	/* clock_mono_ms */
};

/* Invariants: 1. what stands below lock is touched with it held only. 2. the thread alone calls the daemon. */
struct session_keeper {
	struct secret *key;		/* struct client_key: one key opens what each hello brings, the other proves */
	char daemon[108];
	bool remembers;
	struct buf head;		/* of the log as the last login saw it; the thread's */
	char role[PROXY_ROLES][ROLE_TEXT];
	const char *roles[PROXY_ROLES];
	size_t role_count;
	int event_fd;
	bool started;
	pthread_t thread;
	/* the loop's */
	struct session *present;	/* NULL: none that is good */
	bool asked;			/* a login is under way */
	uint64_t retry_ms;		/* not before */
	void (*told)(void *cookie, unsigned problem);
	void *cookie;
	unsigned said;			/* what it was told last */
	struct session_refusal refusal;	/* of the last login, if it failed */
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool wanted, stop, answered;
	struct session *opened;		/* what a login gave; NULL: refused says why not */
	struct session_refusal refused;
	struct session *old;		/* to be ended */
};

/* ---- sessions -------------------------------------------------------------------------------------------------------- */

static unsigned number(const char *p, unsigned digits)
{
	unsigned v = 0;

	for (unsigned i = 0; i < digits; i++)
		v = v * 10 + (unsigned)(p[i] - '0');
	return v;
}

/* Wall-clock milliseconds of "2026-11-25T08:00:00.000Z"; 0: it is no such text. */
static uint64_t wall_of(const char *s)
{
	static const char shape[] = "dddd-dd-ddTdd:dd:dd";

	for (unsigned i = 0; i < sizeof shape - 1; i++)
		if (shape[i] == 'd' ? s[i] < '0' || s[i] > '9' : s[i] != shape[i])
			return 0;
	return ((uint64_t)clock_days((int)number(s, 4), number(s + 5, 2), number(s + 8, 2)) * 86400 + number(s + 11, 2) * 3600 +
	    number(s + 14, 2) * 60 + number(s + 17, 2)) * 1000;
}

static void session_free(struct session *s)
{
	if (s == NULL)
		return;
	secret_free(s->token);
	free(s);
}

static struct session *session_new(const char *token, const char *expires)
{
	uint64_t now = clock_mono_ms(), wall = clock_wall_ms(), end = wall_of(expires), life = end > wall ? end - wall : 0;
	struct session *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	if ((s->token = secret_new(CLIENT_TOKEN_MAX + 1)) == NULL || strlen(token) > CLIENT_TOKEN_MAX) {
		session_free(s);
		return NULL;
	}
	memcpy(s->token->bytes, token, strlen(token));
	s->opened_ms = s->used_ms = now;
	s->renew_ms = now + life - (life / 8 < MARGIN_MS ? life / 8 : MARGIN_MS);
	return s;
}

const char *session_token(const struct session *s) { return (const char *)s->token->bytes; }

/* ---- the thread ------------------------------------------------------------------------------------------------------ */

/* What a client is told of a login that failed. */
static struct session_refusal refusal_of(const struct childvault *cv, int code)
{
	struct session_refusal x = { PROBLEM_OVERLOADED, 1 };
	const char *kind = childvault_problem(cv);

	if (code == CHILDVAULT_KEY)
		x.problem = PROBLEM_UNAUTHENTICATED;
	else if (code == CHILDVAULT_VERIFY)
		x.problem = PROBLEM_INTEGRITY;
	else if (code == CHILDVAULT_PROBLEM)
		for (uint16_t i = 1; i < PROBLEM_COUNT; i++)
			if (strcmp(problem_kind(i), kind) == 0)
				x.problem = i;
	if (problem_status(x.problem) < 500)
		x.retry_after_s = DENIED_RETRY_S;
	return x;
}

/* The vault's log has to go on from here the next time. */
static void keep_head(struct session_keeper *k, const struct childvault *cv)
{
	const char *head = childvault_head(cv);

	if (head == NULL || strlen(head) > k->head.max)
		return;
	buf_reset(&k->head);
	buf_text(&k->head, head);
}

static struct session *log_in(struct session_keeper *k, struct session_refusal *ret)
{
	struct session *s = NULL;
	struct childvault *cv = NULL;
	int code;

	*ret = (struct session_refusal){ PROBLEM_OVERLOADED, 1 };
	if (childvault_open(k->daemon, &cv) != CHILDVAULT_OK)
		return NULL;
	code = k->remembers ? childvault_remember(cv, (const char *)k->head.p, k->head.n) : CHILDVAULT_OK;
	if (code == CHILDVAULT_OK)
		code = client_login_again(cv, (const struct client_key *)(const void *)k->key->bytes, k->roles, k->role_count);
	if (code == CHILDVAULT_OK)
		keep_head(k, cv);
	if (code != CHILDVAULT_OK)
		*ret = refusal_of(cv, code);
	else if ((s = session_new(childvault_token(cv), childvault_expires(cv))) == NULL)
		(void)childvault_logout(cv);	/* no memory: nobody will use it */
	childvault_free(cv);
	return s;
}

static void log_out(const struct session_keeper *k, struct session *s)
{
	struct childvault *cv = NULL;

	if (childvault_open(k->daemon, &cv) == CHILDVAULT_OK && childvault_with_token(cv, session_token(s)) == CHILDVAULT_OK)
		(void)childvault_logout(cv);	/* one that cannot be ended ends by itself */
	childvault_free(cv);
	session_free(s);
}

/* Do what is asked, with the lock given back meanwhile. False: nothing was. */
static bool work(struct session_keeper *k)
{
	struct session *s = k->old;
	struct session_refusal refused;
	uint64_t one = 1;

	if (s != NULL) {
		k->old = s->next;
		pthread_mutex_unlock(&k->lock);
		log_out(k, s);
		pthread_mutex_lock(&k->lock);
		return true;
	}
	if (!k->wanted || k->stop)
		return false;
	k->wanted = false;
	pthread_mutex_unlock(&k->lock);
	s = log_in(k, &refused);
	traces_wipe();
	pthread_mutex_lock(&k->lock);
	k->opened = s;
	k->refused = refused;
	k->answered = true;
	(void)!write(k->event_fd, &one, sizeof one);	/* a counter that is full is readable already */
	return true;
}

static void *keep(void *arg)
{
	struct session_keeper *k = arg;

	pthread_mutex_lock(&k->lock);
	while (work(k) || !k->stop)
		if (!k->stop && k->old == NULL && !k->wanted)
			pthread_cond_wait(&k->cond, &k->lock);
	pthread_mutex_unlock(&k->lock);
	return NULL;
}

/* Signals are for the loop's thread. */
static int start(struct session_keeper *k)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&k->thread, NULL, keep, k);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	k->started = r == 0;
	return r == 0 ? 0 : CV_ERR_SYSTEM;
}

/* ---- for the loop ---------------------------------------------------------------------------------------------------- */

static int copy_options(struct session_keeper *k, const struct proxy_options *o)
{
	if (o->role_count > PROXY_ROLES || strlen(o->daemon) >= sizeof k->daemon)
		return CV_ERR_ARG;
	memcpy(k->daemon, o->daemon, strlen(o->daemon));
	for (size_t i = 0; i < o->role_count; i++) {
		if (strlen(o->roles[i]) >= ROLE_TEXT)
			return CV_ERR_ARG;
		memcpy(k->role[i], o->roles[i], strlen(o->roles[i]));
		k->roles[i] = k->role[i];
	}
	k->role_count = o->role_count;
	if (o->head != NULL)
		buf_text(&k->head, o->head);
	if (!buf_ok(&k->head))
		return CV_ERR_NOMEM;
	k->remembers = o->head != NULL;
	k->told = o->told;
	k->cookie = o->cookie;
	if ((k->key = secret_new(sizeof *o->key)) == NULL)
		return CV_ERR_NOMEM;
	memcpy(k->key->bytes, o->key, sizeof *o->key);
	if (o->token == NULL)
		return 0;
	if ((k->present = session_new(o->token, o->expires)) == NULL)
		return CV_ERR_NOMEM;
	k->present->users = 1;
	return 0;
}

int session_keeper_new(const struct proxy_options *o, struct session_keeper **ret)
{
	struct session_keeper *k = calloc(1, sizeof *k);
	int r;

	if (k == NULL)
		return CV_ERR_NOMEM;
	pthread_mutex_init(&k->lock, NULL);
	pthread_cond_init(&k->cond, NULL);
	buf_init(&k->head, HEAD_MAX);
	k->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = k->event_fd >= 0 ? copy_options(k, o) : CV_ERR_SYSTEM;
	if (r == 0)
		r = start(k);
	if (r != 0) {
		session_free(k->present);	/* the caller's still */
		k->present = NULL;
		session_keeper_free(k);
		return r;
	}
	*ret = k;
	return 0;
}

int session_keeper_fd(const struct session_keeper *k) { return k->event_fd; }

/* Have the thread end it. */
static void retire(struct session_keeper *k, struct session *s)
{
	if (s->dead) {
		session_free(s);
		return;
	}
	pthread_mutex_lock(&k->lock);
	s->next = k->old;
	k->old = s;
	pthread_cond_signal(&k->cond);
	pthread_mutex_unlock(&k->lock);
}

void session_return(struct session_keeper *k, struct session *s)
{
	if (s != NULL && --s->users == 0)
		retire(k, s);
}

void session_spent(struct session_keeper *k, struct session *s)
{
	s->dead = true;
	if (k->present != s)
		return;
	k->present = NULL;
	session_return(k, s);
}

void session_doubt(struct session_keeper *k)
{
	if (k->present != NULL)
		k->present->opened_ms = 0;
}

static void tell(struct session_keeper *k, unsigned problem)
{
	if (k->told != NULL && problem != k->said)
		k->told(k->cookie, problem);
	k->said = problem;
}

/* The login's outcome, once. A failed one leaves the present session as it is. */
static void take_outcome(struct session_keeper *k, struct session *opened)
{
	struct session *before = k->present;

	k->asked = false;
	tell(k, opened != NULL ? PROBLEM_NONE : k->refusal.problem);
	if (opened == NULL) {
		k->retry_ms = clock_mono_ms() + (problem_status(k->refusal.problem) < 500 ? DENIED_RETRY_S * 1000 : RETRY_MS);
		return;
	}
	opened->users = 1;
	k->present = opened;
	session_return(k, before);
}

void session_keeper_take(struct session_keeper *k)
{
	struct session *opened;
	uint64_t count;
	bool answered;

	(void)!read(k->event_fd, &count, sizeof count);		/* what it counts is told by answered */
	pthread_mutex_lock(&k->lock);
	answered = k->answered;
	opened = k->opened;
	k->answered = false;
	k->opened = NULL;
	k->refusal = k->refused;
	pthread_mutex_unlock(&k->lock);
	if (answered)
		take_outcome(k, opened);
}

static bool good(const struct session *s, uint64_t now, bool streams)
{
	return s != NULL && now < s->renew_ms && now - s->used_ms < IDLE_MS && (!streams || now - s->opened_ms < FRESH_MS);
}

enum session_answer session_take(struct session_keeper *k, bool streams, struct session **ret, struct session_refusal *ret_refusal)
{
	uint64_t now = clock_mono_ms();

	if (good(k->present, now, streams)) {
		k->present->used_ms = now;
		k->present->users++;
		*ret = k->present;
		return SESSION_READY;
	}
	if (k->asked)
		return SESSION_WAIT;
	if (now < k->retry_ms) {
		*ret_refusal = k->refusal;
		return SESSION_REFUSED;
	}
	k->asked = true;
	pthread_mutex_lock(&k->lock);
	k->wanted = true;
	pthread_cond_signal(&k->cond);
	pthread_mutex_unlock(&k->lock);
	return SESSION_WAIT;
}

void session_keeper_free(struct session_keeper *k)
{
	if (k == NULL)
		return;
	session_return(k, k->present);
	k->present = NULL;
	if (k->started) {
		pthread_mutex_lock(&k->lock);
		k->stop = true;
		pthread_cond_signal(&k->cond);
		pthread_mutex_unlock(&k->lock);
		pthread_join(k->thread, NULL);
	}
	if (k->opened != NULL)
		log_out(k, k->opened);
	if (k->event_fd >= 0)
		close(k->event_fd);
	buf_free(&k->head);
	secret_free(k->key);
	pthread_cond_destroy(&k->cond);
	pthread_mutex_destroy(&k->lock);
	free(k);
}
