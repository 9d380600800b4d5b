/*
 * Data keys of class rows, and when a class gets another one. FORMAT.md 4.2.
 *
 * A row keeps its data key until the class has a newer epoch than the one that the key was born under. Then whoever held the old epoch may
 * know that key, so what is written next is under a fresh one, of the next generation; the old one's entry stays for history.
 */
#include "vault/write.h"

int write_first_key(struct vault *v, const struct vault_call *c, const struct record *rec, const struct head_class *hc,
    struct fresh_keys *x, struct row_key *ret)
{
	ret->generation = hc->generation;
	return record_fresh_key(v->keys, c->session, rec->head.record, x, hc->class_key, ret->generation, &ret->dk, &ret->birth);
}

int write_row_key(struct vault *v, const struct vault_call *c, const struct record *rec, const struct head_class *hc,
    struct fresh_keys *x, struct row_key *key)
{
	if (key->birth >= session_class_epoch(c->session, hc->class_key))
		return 0;
	key->generation = hc->generation + 1;
	return record_fresh_key(v->keys, c->session, rec->head.record, x, hc->class_key, key->generation, &key->dk, &key->birth);
}

/* The keys row grew, and may have moved: what was taken apart is no more. */
static int keys_row_grew(struct vault *v, struct record *rec)
{
	if (!buf_ok(&v->keys_row))
		return CV_ERR_LIMIT;	/* more than a keys row may hold */
	rec->keys_row = v->keys_row.p;
	rec->keys_row_n = v->keys_row.n;
	rec->keys = NULL;
	rec->keys_changed = true;
	return 0;
}

/* What is put down in classes that the session does not hold: one group that only their readers open. */
static int wrap_public(struct vault *v, struct write_set *w, struct record *rec)
{
	struct wrap_request req[POLICY_CLASSES];
	unsigned n = 0, at[POLICY_CLASSES];
	int r;

	for (unsigned i = 0; i < w->targets; i++) {
		struct target *t = &w->target[i];
		uint32_t class_key = (uint32_t)t->class << 16;

		if (!t->sealed_to_public)
			continue;
		t->key.generation = t->fresh ? head_class_find(&rec->head, class_key)->generation : 0;
		req[n] = (struct wrap_request){ .class_key = class_key, .generation = t->key.generation,
			.drop_version = t->fresh ? 0 : t->version, .key = &t->key.dk };
		at[n++] = i;
	}
	if (n == 0)
		return 0;
	if ((r = record_wrap3(v->keys, rec->head.record, req, n, &v->keys_row)) != 0)
		return r;
	wraps_group_added(&v->keys_row, 0);
	for (unsigned i = 0; i < n; i++)
		w->target[at[i]].key.birth = req[i].birth_epoch;
	return keys_row_grew(v, rec);
}

int write_target_keys(struct vault *v, const struct vault_call *c, struct write_set *w, struct record *rec)
{
	int r = wrap_public(v, w, rec);

	for (unsigned i = 0; r == 0 && i < w->targets; i++) {
		struct target *t = &w->target[i];

		if (t->fresh && !t->sealed_to_public)
			r = write_first_key(v, c, rec, head_class_find(&rec->head, (uint32_t)t->class << 16), &w->fresh, &t->key);
	}
	return r;
}

int write_put_keys(struct vault *v, struct record *rec, struct fresh_keys *x)
{
	if (x->n == 0)
		return 0;
	record_fresh_put(x, &v->keys_row, 0);
	return keys_row_grew(v, rec);
}
