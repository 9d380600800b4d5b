/* Rekeys and re-wraps as people carry them through: asked for, signed by two administrators, shares given by two custodians. */
#include "crash.h"

#include "crash_record.h"
#include "unit/test_vault_operations.h"

/* Tokens of those whom it takes. */
struct hands {
	uint8_t a[32], b[32], c1[32], c2[32];
};

/* Ask for it and sign it; the shares that begin it are still to be given. */
static void ask(struct fixture *f, const char *kind, const char *roles, struct hands *h, uint8_t ret_id[16])
{
	struct fact *x = fact_begin(FACT_TURN, 0, 0);
	struct body b;

	assert_int_equal(login(f, P_ADMIN_A, h->a), 0);
	assert_int_equal(login(f, P_ADMIN_B, h->b), 0);
	assert_int_equal(login(f, P_CUSTODIAN_1, h->c1), 0);
	assert_int_equal(login(f, P_CUSTODIAN_2, h->c2), 0);
	body_begin(&b);
	body_text(&b, "kind", kind);
	if (roles != NULL)
		body_texts(&b, "roles", roles);
	assert_int_equal(gov_post(f, h->a, "requests", &b, ret_id), 0);
	assert_int_equal(sign_as(f, h->a, ret_id, "sign"), 0);
	assert_int_equal(sign_as(f, h->b, ret_id, "approve"), 0);
	assert_int_equal(give(f, h->c1, P_CUSTODIAN_1, ret_id, false), 0);
	fact_told(f, x);
}

void keys_rekey(struct fixture *f)
{
	struct hands h;
	struct fact *x;
	uint32_t epoch;
	uint8_t id[16], pk[32];

	ask(f, "rekey", "worker clerk manager", &h, id);
	x = fact_begin(FACT_REKEY, 0, 0);
	assert_int_equal(give(f, h.c2, P_CUSTODIAN_2, id, false), 0);
	assert_int_equal(directory_class(f->v->keys, (uint32_t)CLASS_ID << 16, &epoch, pk), 0);
	x->value = epoch;
	fact_told(f, x);
}

void keys_rewrap(struct fixture *f)
{
	struct hands h;
	struct fact *x;

	ask(f, "rewrap", NULL, &h, story->rewrap);
	x = fact_begin(FACT_REWRAP, 0, 0);
	assert_int_equal(give(f, h.c2, P_CUSTODIAN_2, story->rewrap, false), 0);
	fact_told(f, x);
}

void keys_again(struct fixture *f)
{
	struct fact *x = fact_begin(FACT_TURN, 0, 0);
	struct hands h;

	assert_int_equal(login(f, P_CUSTODIAN_1, h.c1), 0);
	assert_int_equal(login(f, P_CUSTODIAN_2, h.c2), 0);
	assert_int_equal(give(f, h.c1, P_CUSTODIAN_1, story->rewrap, false), 0);
	assert_int_equal(give(f, h.c2, P_CUSTODIAN_2, story->rewrap, false), 0);
	fact_told(f, x);
}
