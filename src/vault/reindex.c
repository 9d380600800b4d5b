/*
 * The job `reindex`: an index made anew under its next epoch, beside the one that answers. FORMAT.md 4.7, POLICY.md section 5. Its first
 * pass posts what each record holds under the new epoch too, as every write does meanwhile; then the new epoch answers, and the second
 * pass takes away what is left of others. Both can be killed anywhere: each record is done as a whole, and the job's row says where it is.
 */
#include <string.h>

#include "vault/index.h"
#include "vault/jobs_internal.h"
#include "vault/write.h"

bool reindex_has(const struct job *j, const struct policy_index *x)
{
	unsigned found = 0;

	for (unsigned f = 0; f < x->fields; f++)
		for (unsigned i = 0; i < j->fields; i++)
			found += j->field[i] == x->field[f];
	return found == x->fields;
}

static struct index_state *add_state(struct vault *v, uint16_t id)
{
	unsigned at = v->indexes++;

	while (at > 0 && v->index[at - 1].id > id) {
		v->index[at] = v->index[at - 1];
		at--;
	}
	v->index[at] = (struct index_state){ .id = id };
	return &v->index[at];
}

int reindex_begin(struct vault *v, const struct job *j)
{
	unsigned n = 0;

	for (unsigned i = 0; i < policy_indexes(v->policy); i++) {
		const struct policy_index *x = policy_index(v->policy, i);
		struct index_state *s;

		if (!reindex_has(j, x))
			continue;
		if ((s = index_state_of(v, x->id)) == NULL)
			s = add_state(v, x->id);
		if (s->making != 0)
			return CV_ERR_BUSY;
		s->making = ++s->last;
		n++;
	}
	return n == 0 ? CV_ERR_NOTFOUND : index_store(v);
}

int reindex_cancel(struct vault *v, const struct job *j)
{
	for (unsigned i = 0; i < policy_indexes(v->policy); i++) {
		struct index_state *s = index_state_of(v, policy_index(v->policy, i)->id);

		if (s != NULL && reindex_has(j, policy_index(v->policy, i)))
			s->making = 0;
	}
	return index_store(v);
}

int reindex_switch(struct vault *v, const struct job *j)
{
	for (unsigned i = 0; i < policy_indexes(v->policy); i++) {
		struct index_state *s = index_state_of(v, policy_index(v->policy, i)->id);

		if (s == NULL || s->making == 0 || !reindex_has(j, policy_index(v->policy, i)))
			continue;
		s->epoch = s->making;
		s->making = 0;
	}
	return index_store(v);
}

/* Post what the record's classes hold for the job's indexes. */
static int post(struct vault *v, const struct vault_call *c, const struct job *j, struct record *rec, uint64_t *skipped)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < policy_indexes(v->policy); i++) {
		const struct policy_index *x = policy_index(v->policy, i);
		const uint16_t class_id = policy_field_by_id(v->policy, x->field[0])->class;
		struct head_class *hc = head_class_find(&rec->head, (uint32_t)class_id << 16);

		if (hc == NULL || !reindex_has(j, x))
			continue;
		if ((r = record_load_content(v, c, rec, hc, &v->content, NULL)) == CV_ERR_NOKEY) {
			(*skipped)++;
			r = 0;
			continue;
		}
		if (r == 0)
			r = index_note(v, rec, class_id, &v->content, false);
	}
	content_clear(&v->content);
	return r;
}

int reindex_record(struct vault *v, const struct vault_call *c, const struct job *j, struct record *rec, bool *ret_changed,
    uint64_t *skipped)
{
	struct head_token before[HEAD_TOKENS];
	const unsigned n = rec->head.tokens;
	int r;

	memcpy(before, rec->head.token, n * sizeof(before[0]));
	r = j->pass == 1 ? post(v, c, j, rec, skipped) : index_clean(v, rec);
	*ret_changed = r == 0 && (rec->head.tokens != n || memcmp(before, rec->head.token, n * sizeof(before[0])) != 0);
	return *ret_changed ? record_put_head(v, rec) : r;
}
