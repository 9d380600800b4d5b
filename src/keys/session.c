/* Sessions: finding, ending, and what they hold. */
#include "keys/failures.h"
#include "keys/session_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"

int sessions_get(struct keys *k, struct sessions **ret)
{
	struct sessions *x = k->sessions;
	uint8_t seed[32], sk[SIGN_SECRET];

	if (x == NULL) {
		if ((x = calloc(1, sizeof(*x))) == NULL)
			return CV_ERR_NOMEM;
		k->sessions = x;
		x->hello_sk = secret_new(HELLO_TABLE * CRYPTO_KEY);
		if (x->hello_sk == NULL || failures_new(&x->failures) != 0) {
			sessions_free(k);
			return CV_ERR_NOMEM;
		}
		crypto_random(seed, sizeof(seed));
		crypto_sign_pair(seed, x->nobody_pk, sk);
		wipe(seed, sizeof(seed));
		wipe(sk, sizeof(sk));
	}
	*ret = x;
	return 0;
}

void sessions_free(struct keys *k)
{
	struct sessions *x = k->sessions;

	if (x == NULL)
		return;
	for (unsigned i = 0; i < SESSION_MAX; i++) {
		if (x->session[i] != NULL)
			session_close(k, x->session[i]);
	}
	slab_free(x);
	secret_free(x->hello_sk);
	failures_free(x->failures);
	wipe(x, sizeof(*x));
	free(x);
	k->sessions = NULL;
}

static int secret_cmp(const void *a, const void *b)
{
	const struct class_secret *x = a, *y = b;

	if (x->class_key != y->class_key)
		return x->class_key < y->class_key ? -1 : 1;
	return x->epoch < y->epoch ? -1 : x->epoch > y->epoch;
}

void session_enter(struct keys *k, struct session *s, const uint8_t token[32])
{
	struct sessions *x = k->sessions;
	uint16_t *bucket, index = 0;

	while (x->session[index] != NULL)
		index++;
	qsort(s->secrets, s->secrets_n, sizeof(s->secrets[0]), secret_cmp);
	crypto_hash("cv1.token", NULL, 0, &(struct part){ token, 32 }, 1, s->token_hash, sizeof(s->token_hash));
	bucket = &x->token[be32_get(s->token_hash) & (TOKEN_BUCKETS - 1)];
	s->index = index;
	s->number = ++x->numbers;
	s->next = *bucket;
	*bucket = (uint16_t)(index + 1);
	x->session[index] = s;
	x->count++;
}

void session_release(struct session *s)
{
	for (unsigned i = 0; i < s->secrets_n; i++)
		slab_release(s->secrets[i].held);
	for (unsigned i = 0; i < s->personal_n; i++)
		slab_release(s->personal[i]);
	free(s->secrets);
	wipe(s, sizeof(*s));
	free(s);
}

static bool session_live(const struct keys *k, const struct session *s, uint64_t now_ms, uint64_t mono_ms)
{
	return mono_ms - s->used_mono_ms < SESSION_IDLE_MS && mono_ms < s->end_mono_ms &&
	    directory_enabled(directory_principal(k, s->principal), now_ms);
}

struct session *session_find(struct keys *k, const uint8_t token[32], uint32_t uid, uint64_t now_ms, uint64_t mono_ms)
{
	struct sessions *x = k->sessions;
	struct session *s = NULL;
	uint8_t h[32];

	if (x == NULL)
		return NULL;
	crypto_hash("cv1.token", NULL, 0, &(struct part){ token, 32 }, 1, h, sizeof(h));
	for (uint16_t i = x->token[be32_get(h) & (TOKEN_BUCKETS - 1)]; i != 0; i = x->session[i - 1]->next) {
		if (crypto_equal(x->session[i - 1]->token_hash, h, sizeof(h))) {
			s = x->session[i - 1];
			break;
		}
	}
	/* A token from another uid was carried off: it gets nothing, and its owner keeps the session. */
	if (s == NULL || s->uid != uid || !session_live(k, s, now_ms, mono_ms))
		return NULL;
	s->used_mono_ms = mono_ms;
	return s;
}

void session_close(struct keys *k, struct session *s)
{
	struct sessions *x = k->sessions;
	uint16_t *at = &x->token[be32_get(s->token_hash) & (TOKEN_BUCKETS - 1)];

	while (*at != s->index + 1)
		at = &x->session[*at - 1]->next;
	*at = s->next;
	x->session[s->index] = NULL;
	x->count--;
	session_release(s);
}

void session_close_all(struct keys *k, const uint8_t principal[16], session_ended *ended, void *cookie)
{
	struct sessions *x = k->sessions;

	for (unsigned i = 0; x != NULL && i < SESSION_MAX; i++) {
		if (x->session[i] == NULL || memcmp(x->session[i]->principal, principal, 16) != 0)
			continue;
		if (ended != NULL)
			ended(cookie, x->session[i]);
		session_close(k, x->session[i]);
	}
}

void session_sweep(struct keys *k, uint64_t now_ms, uint64_t mono_ms, session_ended *ended, void *cookie)
{
	struct sessions *x = k->sessions;

	if (x == NULL)
		return;
	hellos_expire(x, now_ms, mono_ms);
	for (unsigned i = 0; i < SESSION_MAX; i++) {
		if (x->session[i] == NULL || session_live(k, x->session[i], now_ms, mono_ms))
			continue;
		if (ended != NULL)
			ended(cookie, x->session[i]);
		session_close(k, x->session[i]);
	}
}

/* Whether the session was opened with the newest epochs of its roles and has those of its classes. */
static bool up_to_date(const struct keys *k, const struct session *s)
{
	for (unsigned i = 0; i < s->roles_n; i++)
		if (s->role_epochs[i] != directory_role_newest(k, s->roles[i]))
			return false;
	for (unsigned i = 0; i < s->personal_n; i++)
		if (s->personal[i]->of.epoch != directory_role_newest(k, s->personal[i]->of.role))
			return false;
	for (unsigned i = 0; i < s->secrets_n; i++) {
		const struct class_secret *c = &s->secrets[i];
		uint8_t pk[32];
		uint32_t newest;

		/* Only the last of a class's epochs says which one the session writes under. */
		if ((i + 1 == s->secrets_n || s->secrets[i + 1].class_key != c->class_key) &&
		    directory_class(k, c->class_key, &newest, pk) == 0 && newest != c->epoch)
			return false;
	}
	return true;
}

void sessions_outdated(struct keys *k, session_ended *ended, void *cookie)
{
	struct sessions *x = k->sessions;

	for (unsigned i = 0; x != NULL && i < SESSION_MAX; i++) {
		if (x->session[i] == NULL || up_to_date(k, x->session[i]))
			continue;
		if (ended != NULL)
			ended(cookie, x->session[i]);
		session_close(k, x->session[i]);
	}
}

unsigned session_count(const struct keys *k)
{
	return k->sessions != NULL ? k->sessions->count : 0;
}

const uint8_t *session_id(const struct session *s)
{
	return s->id;
}

const struct principal *session_principal(const struct keys *k, const struct session *s)
{
	return directory_principal(k, s->principal);
}

const uint16_t *session_roles(const struct session *s, unsigned *ret_n)
{
	*ret_n = s->roles_n;
	return s->roles;
}

uint64_t session_expires_ms(const struct session *s)
{
	return s->expires_ms;
}

/* The number of secrets of class keys and epochs before (class_key, epoch). */
static unsigned secrets_below(const struct session *s, uint32_t class_key, uint32_t epoch)
{
	unsigned low = 0, high = s->secrets_n;

	while (low < high) {
		unsigned mid = (low + high) / 2;
		const struct class_secret *c = &s->secrets[mid];

		if (c->class_key < class_key || (c->class_key == class_key && c->epoch < epoch))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

void sessions_forget_epoch(struct keys *k, uint32_t class_key, uint32_t epoch)
{
	struct sessions *x = k->sessions;

	for (unsigned i = 0; x != NULL && i < SESSION_MAX; i++) {
		struct session *s = x->session[i];
		unsigned at = s != NULL ? secrets_below(s, class_key, epoch) : 0;

		if (s == NULL || at == s->secrets_n || s->secrets[at].class_key != class_key || s->secrets[at].epoch != epoch)
			continue;
		slab_release(s->secrets[at].held);
		s->secrets_n--;
		memmove(&s->secrets[at], &s->secrets[at + 1], (s->secrets_n - at) * sizeof(s->secrets[0]));
	}
}

bool session_has_class(const struct session *s, uint32_t class_key)
{
	return session_class_epoch(s, class_key) != 0;
}

uint32_t session_class_epoch(const struct session *s, uint32_t class_key)
{
	unsigned above = secrets_below(s, class_key, UINT32_MAX);	/* epochs stay far below */

	return above > 0 && s->secrets[above - 1].class_key == class_key ? s->secrets[above - 1].epoch : 0;
}

bool session_has_epoch(const struct session *s, uint32_t class_key, uint32_t epoch)
{
	struct class_keys keys;

	return session_class_keys(s, class_key, epoch, &keys);
}

bool session_class_keys(const struct session *s, uint32_t class_key, uint32_t epoch, struct class_keys *ret)
{
	unsigned at = secrets_below(s, class_key, epoch);
	const struct class_secret *c = at < s->secrets_n ? &s->secrets[at] : NULL;

	if (c == NULL || c->class_key != class_key || c->epoch != epoch)
		return false;
	*ret = (struct class_keys){ c->held->bytes, c->held->bytes + CRYPTO_KEY, c->held->pk };
	return true;
}

const uint8_t *session_personal_key(const struct session *s, uint16_t role, uint32_t epoch)
{
	for (unsigned i = 0; i < s->personal_n; i++) {
		if (s->personal[i]->of.role == role && s->personal[i]->of.epoch == epoch)
			return s->personal[i]->bytes;
	}
	return NULL;
}
