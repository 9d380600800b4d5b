/* Operations as people carry them through: asked for, signed by two administrators, shares given by custodians. */
#ifndef CV_TEST_VAULT_OPERATIONS_H
#define CV_TEST_VAULT_OPERATIONS_H

#include "format/keyfile.h"
#include "keys/custody.h"
#include "test_vault_gov.h"
#include "vault/operation.h"

/* Tokens of those who take part, and one who is to join. */
struct parts {
	uint8_t a[32], b[32], a2[32], auditor[32], worker[32], c1[32], c2[32], c3[32], c4[32];
	struct test_person new;
};

static inline int operations_setup(void **state)
{
	fixture_custodians = true;
	return gov_setup(state);
}

static inline void parts(struct fixture *f, struct parts *x)
{
	static const unsigned who[] = { P_ADMIN_A, P_ADMIN_B, P_ADMIN_A2, P_AUDITOR, P_WORKER, P_CUSTODIAN_1, P_CUSTODIAN_2, P_CUSTODIAN_3,
		P_CUSTODIAN_4 };
	uint8_t *const to[] = { x->a, x->b, x->a2, x->auditor, x->worker, x->c1, x->c2, x->c3, x->c4 };

	for (size_t i = 0; i < sizeof(who) / sizeof(who[0]); i++)
		assert_int_equal(login(f, who[i], to[i]), 0);
}

/* The text of a public file of p. */
static inline void public_text(const struct test_person *p, struct buf *ret)
{
	struct pubfile pub = { .name_n = (uint8_t)strlen(p->g.login) };
	struct buf covered;

	memcpy(pub.principal, p->g.principal.id, 16);
	memcpy(pub.box_pk, p->g.principal.box_pk, 32);
	memcpy(pub.sign_pk, p->g.principal.sign_pk, 32);
	memcpy(pub.name, p->g.login, pub.name_n);
	buf_init(&covered, 4096);
	assert_int_equal(pubfile_signed(&pub, &covered), 0);
	crypto_sign(p->sign_sk, covered.p, covered.n, pub.signature);
	assert_int_equal(pubfile_encode(&pub, ret), 0);
	buf_u8(ret, 0);
	buf_free(&covered);
}

/* The body of a request that p joins. */
static inline void body_member(struct body *x, const struct test_person *p)
{
	struct buf text;

	buf_init(&text, 4096);
	public_text(p, &text);
	body_begin(x);
	body_text(x, "kind", "members");
	body_text(x, "public", (const char *)text.p);
	buf_free(&text);
}

static inline unsigned propose_as(struct fixture *f, const uint8_t token[32], const struct test_person *p, const char *roles,
    const char *more, const char *value, uint8_t ret[16])
{
	struct body x;

	body_member(&x, p);
	body_texts(&x, "roles", roles);
	if (more != NULL)
		body_text(&x, more, value);
	return gov_post(f, token, "requests", &x, ret);
}

static inline void newcomer(struct test_person *p, const char *login_name)
{
	fixture_person(p, PRINCIPAL_PERSON, 0, ROLE_WORKER, login_name);
}

static inline const struct gov_object *object_of(struct fixture *f, const uint8_t id[16])
{
	return &gov_find(f->v, GOV_REQUEST, id)->held->o;
}

static inline void reading_of(struct fixture *f, const uint8_t id[16], struct operation_reading *ret)
{
	assert_int_equal(operation_read(object_of(f, id)->document.p, object_of(f, id)->document.n, ret), 0);
}

static inline unsigned send_signature(struct fixture *f, const uint8_t token[32], const uint8_t id[16], const char *action,
    const uint8_t signature[OPERATION_SIGNATURE])
{
	char text[200];
	struct body x;

	b64_encode(B64_STD, signature, OPERATION_SIGNATURE, text);
	body_begin(&x);
	body_text(&x, "signature", text);
	return gov_act_with(f, token, "requests", id, action, &x);
}

/* Sign what the request holds with a person's key and send it with a token. */
static inline unsigned sign_with(struct fixture *f, const uint8_t token[32], unsigned who, const uint8_t id[16], const char *action)
{
	uint8_t signature[OPERATION_SIGNATURE];
	struct operation_reading r;

	reading_of(f, id, &r);
	operation_sign(&r, f->person[who].sign_sk, signature);
	return send_signature(f, token, id, action, signature);
}

/* Who has this session. */
static inline unsigned owner_of(struct fixture *f, const uint8_t token[32])
{
	const struct session *s = session_find(f->v->keys, token, 1000, clock_wall_ms(), clock_mono_ms());
	unsigned i = 0;

	assert_non_null(s);
	while (i < PEOPLE && memcmp(f->person[i].g.principal.id, session_principal(f->v->keys, s)->id, 16) != 0)
		i++;
	assert_true(i < PEOPLE);
	return i;
}

/* The same with the session owner's own key. */
static inline unsigned sign_as(struct fixture *f, const uint8_t token[32], const uint8_t id[16], const char *action)
{
	return sign_with(f, token, owner_of(f, token), id, action);
}

/* Bytes that the answer to given shares has room for, 0: enough; what makes their turn, NULL: as others. */
static size_t give_room;
static unsigned (*give_turn)(struct fixture *f, const struct wire_envelope *env, bool session, test_run run, void *m);

/* Open the shares as a custodian and seal them to the ceremony, as if it were that of request `as`; bad: of another value. */
static inline unsigned give_as(struct fixture *f, const uint8_t token[32], unsigned who, const uint8_t id[16],
    const uint8_t as[16], bool bad)
{
	uint8_t pk[32], rows[8 * 119], sealed[8 * 112], share[32], ctx[CONTEXT_BYTES];
	char text[1300];
	struct gov_ceremony *ceremony;
	struct body x;
	struct buf b;
	unsigned problem;
	size_t n;

	if ((problem = gov_do(f, token, "requests", id, "open")) != 0)
		return problem;
	/* The answer holds the key and the rows; the key is also in memory. */
	ceremony = gov_ceremony_of(f->v, id);
	assert_non_null(ceremony);
	memcpy(pk, custody_public(ceremony->custody), 32);
	buf_init(&b, 4096);
	assert_int_equal(custody_rows(ceremony->custody, f->v->store, f->person[who].g.principal.id, &b), 0);
	n = b.n / 119;
	assert_true(n >= 1 && b.n == n * 119 && b.n <= sizeof(rows));
	memcpy(rows, b.p, b.n);
	buf_free(&b);
	for (size_t i = 0; i < n; i++) {
		const uint8_t *row = rows + i * 119;
		struct context at = { .kind = CONTEXT_SHARE, .vault = f->vault_id, .entity = f->person[who].g.principal.id,
			.epoch = be32_get(row + 2), .field = be16_get(row), .version = row[6], .length = 32 };
		struct context to = at;

		context_encode(&at, ctx);
		assert_int_equal(crypto_pkopen(f->person[who].box_sk, ctx, row + 7, 112, share), 0);
		share[0] ^= bad;
		to.kind = CONTEXT_CEREMONY;
		to.entity = as;
		to.writer = f->person[who].g.principal.id;
		context_encode(&to, ctx);
		assert_int_equal(crypto_pkseal(pk, ctx, share, 32, sealed + i * 112), 0);
	}
	b64_encode(B64_STD, sealed, n * 112, text);
	body_begin(&x);
	body_text(&x, "shares", text);
	n = f->out.max;
	if (give_room != 0) {
		buf_free(&f->out);	/* what it has room for already is taken without a question */
		f->out.max = give_room;
	}
	fixture_turn = give_turn;
	problem = gov_act_with(f, token, "requests", id, "give", &x);
	fixture_turn = NULL;
	f->out.max = n;
	return problem;
}

static inline unsigned give(struct fixture *f, const uint8_t token[32], unsigned who, const uint8_t id[16], bool bad)
{
	return give_as(f, token, who, id, id, bad);
}

/* A request to restore somebody, which its asker has signed. */
static inline unsigned ask_restore(struct fixture *f, const uint8_t token[32], const char *who, uint8_t ret[16])
{
	struct body x;
	unsigned problem;

	body_begin(&x);
	body_text(&x, "kind", "restore");
	body_text(&x, "principal", who);
	body_text(&x, "reason", "new key seen");
	problem = gov_post(f, token, "requests", &x, ret);
	return problem != 0 ? problem : sign_as(f, token, ret, "sign");
}

#endif
