/* PATCH: a merge-patch on the fields of one record. */
#include <string.h>

#include "vault/gov.h"
#include "vault/write.h"

/* Readers must say which version they changed; who can read nothing of it has no version to name. readable: classes of head. */
static unsigned check_version(struct vault *v, struct vault_call *c, const struct write_set *w, const struct wire_patch *m,
    const struct record *rec, uint64_t readable)
{
	bool reads = false;

	for (unsigned i = 0; i < w->changes; i++)
		reads = reads || (!w->change[i].write_only && record_can_read(v, c, w->change[i].field->class));
	if (!reads)
		return m->has_etag ? call_refuse(c, PROBLEM_BAD_REQUEST, "write-only roles name no version in If-Match") : 0;
	record_etag_of(v, &rec->head, readable, c->etag);
	if (!m->has_etag)
		return call_refuse(c, PROBLEM_PRECONDITION_REQUIRED, "If-Match is required of those who can read");
	if (crypto_equal(m->etag, c->etag, 16))
		return 0;
	c->has_etag = true;
	return call_refuse(c, PROBLEM_PRECONDITION_FAILED, "the record has changed since that version");
}

unsigned vault_patch_record(struct vault *v, struct vault_call *c, const struct wire_patch *m)
{
	__attribute__((uninitialized)) struct record rec;	/* 7 KiB; record_load writes what is read */
	struct write_set *w;
	uint8_t etag[16];
	uint64_t readable;
	bool aside;
	unsigned problem, classes;
	int r;

	if ((problem = call_purpose(v, c, false)) != 0)
		return problem;
	w = write_begin();
	if ((problem = write_accept(v, c, w, m->fields, m->as_of_day, false)) != 0)
		goto out;
	memcpy(c->detail.record, m->record, 16);
	if ((r = record_load(v, m->record, false, &rec)) != 0) {
		problem = call_failed(c, r);
		goto out;
	}
	call_child(c, &rec);
	readable = record_readable(v, c, &rec.head);
	classes = rec.head.classes;
	if ((problem = write_admit(v, c, w, &rec)) != 0 || (problem = check_version(v, c, w, m, &rec, readable)) != 0)
		goto out_record;
	/* The store's bytes move with the first put: the keys row is kept in a buffer that grows. */
	if ((r = record_keep_keys(v, &rec, &v->keys_row)) == 0 && (r = store_room(v->store, write_room(w) + rec.keys_row_n)) == 0 &&
	    (r = write_targets(v, c, w, &rec)) == 0 && (r = record_put_head(v, &rec)) == 0)
		r = gov_intake(v, c, &rec, &aside);
	if (r != 0) {
		problem = c->problem != 0 ? c->problem : call_failed(c, r == CV_ERR_NOTFOUND ? CV_ERR_AUTH : r);
		goto out_record;
	}
	record_etag_of(v, &rec.head, rec.head.classes == classes ? readable : record_readable(v, c, &rec.head), etag);
	buf_put(c->out, etag, 16);
	c->kind = LEAF_PATCH;
out_record:
	wipe(rec.head.log_key, sizeof(rec.head.log_key));
out:
	write_end(w);
	return problem;
}
