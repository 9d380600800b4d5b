/*
 * Data keys of class rows, and when a class gets another one. FORMAT.md 4.2.
 *
 * A row keeps its data key until the class has a newer epoch than the one that the key was born under. Then whoever held the old epoch may
 * know that key, so what is written next is under a fresh one, of the next generation; the old one's wrap stays for history.
 */
#include "vault/write.h"

/* A fresh data key for a class of the session's, which joins what is to be wrapped. 0 or an error. */
static int fresh_key(struct new_keys *x, uint32_t class_key, uint32_t generation, uint32_t birth, struct row_key *ret)
{
	if (x->n == WRITE_KEYS)
		return CV_ERR_LIMIT;
	record_datakey_random(&ret->dk);
	ret->generation = generation;
	ret->birth = birth;
	x->key[x->n] = ret->dk;
	x->req[x->n] = (struct wrap_request){ .class_key = class_key, .generation = generation, .birth_epoch = birth,
		.key = &x->key[x->n] };
	x->n++;
	return 0;
}

int write_first_key(const struct vault_call *c, const struct head_class *hc, struct new_keys *x, struct row_key *ret)
{
	uint32_t epoch = session_class_epoch(c->session, hc->class_key);

	return epoch == 0 ? CV_ERR_NOKEY : fresh_key(x, hc->class_key, hc->generation, epoch, ret);
}

int write_row_key(struct vault *v, const struct vault_call *c, const struct record *rec, const struct head_class *hc,
    struct new_keys *x, struct row_key *ret)
{
	uint32_t newest = session_class_epoch(c->session, hc->class_key);
	uint8_t type;
	int r;

	ret->generation = hc->generation;
	if ((r = record_class_key(v, c, rec, hc->class_key, hc->generation, 0, &ret->dk, &ret->birth, &type)) != 0)
		return r;
	return ret->birth < newest ? fresh_key(x, hc->class_key, hc->generation + 1, newest, ret) : 0;
}

/* What is put down in classes that the session does not hold: one group that only their readers open. */
static int wrap_public(struct vault *v, struct write_set *w, struct record *rec)
{
	struct wrap_request req[POLICY_CLASSES];
	uint32_t birth[POLICY_CLASSES];
	unsigned n = 0, at[POLICY_CLASSES];
	int r;

	for (unsigned i = 0; i < w->targets; i++) {
		struct target *t = &w->target[i];
		uint32_t class_key = (uint32_t)t->class << 16;

		if (!t->sealed_to_public)
			continue;
		record_datakey_random(&t->key.dk);
		t->key.generation = t->fresh ? head_class_find(&rec->head, class_key)->generation : 0;
		req[n] = (struct wrap_request){ .class_key = class_key, .generation = t->key.generation,
			.drop_version = t->fresh ? 0 : t->version, .key = &t->key.dk };
		at[n++] = i;
	}
	if (n == 0)
		return 0;
	if ((r = record_wrap3(v->keys, rec->head.record, req, n, &v->keys_row, birth)) != 0)
		return r;
	wraps_group_added(&v->keys_row, 0);
	for (unsigned i = 0; i < n; i++)
		w->target[at[i]].key.birth = birth[i];
	return 0;
}

/* The keys row grew, and may have moved. */
static int keys_row_grew(struct vault *v, struct record *rec)
{
	if (!buf_ok(&v->keys_row))
		return CV_ERR_LIMIT;	/* more wraps than a keys row may hold */
	rec->keys_row = v->keys_row.p;
	rec->keys_row_n = v->keys_row.n;
	return 0;
}

int write_target_keys(struct vault *v, const struct vault_call *c, struct write_set *w, struct record *rec)
{
	int r = wrap_public(v, w, rec);

	for (unsigned i = 0; r == 0 && i < w->targets; i++) {
		struct target *t = &w->target[i];

		if (t->fresh && !t->sealed_to_public)
			r = write_first_key(c, head_class_find(&rec->head, (uint32_t)t->class << 16), &w->fresh, &t->key);
	}
	return r != 0 ? r : keys_row_grew(v, rec);
}

int write_wrap_keys(struct vault *v, const struct session *s, struct record *rec, struct new_keys *x)
{
	int r = 0;

	if (x->n > 0 && (r = record_wrap2(v->keys, s, rec->head.record, x->req, x->n, &v->keys_row, NULL)) == 0) {
		wraps_group_added(&v->keys_row, 0);
		r = keys_row_grew(v, rec);
	}
	write_forget_keys(x);
	return r;
}

void write_forget_keys(struct new_keys *x)
{
	wipe(x->key, x->n * sizeof(x->key[0]));
	x->n = 0;
}
