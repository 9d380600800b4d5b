/* Changes on their way into rows, for create.c and patch.c. */
#ifndef CV_VAULT_WRITE_H
#define CV_VAULT_WRITE_H

#include "vault/vault_internal.h"

/* One accepted change of one field. */
struct change {
	const struct policy_field *field;
	uint8_t type;			/* stored type, VALUE_NULL takes the field away */
	size_t at, n;			/* bytes in write_set.values */
	bool write_only;		/* also a fold's target: nobody reads what stands there */
	uint16_t role;			/* that allows it */
	struct provenance provenance;
};
/* A class that the changes touch: a source class, or a view class of one. */
struct target {
	uint16_t class;
	bool sealed_to_public;		/* the session has no key for it: type 3 entry, row or drop */
	bool is_view;
	bool fresh;			/* gets its first row now */
	struct row_key key;		/* of the row or the drop */
	uint32_t version;		/* new class version */
};
struct write_set {
	unsigned changes, targets;
	struct change change[POLICY_FIELDS];
	struct target target[POLICY_CLASSES];	/* ascending class: a creation's rows are digested in this order, FORMAT.md 4.1 */
	struct fresh_keys fresh;
	struct buf values;
	uint32_t as_of_day;		/* of all values; never 0 */
	const struct policy_field *foreign;	/* the first field whose owner is another department, or NULL */
};

/* The set of this process's one request at a time, emptied. */
struct write_set *write_begin(void);
/* Wipe it. */
void write_end(struct write_set *w);
/*
 * Resolve, decide and check all fields, as of a day (0: today), fold what is to be folded, find the targets. Nulls are dropped if
 * creating. 0 or a problem, every field's error named. Nothing is stored, nothing stored is looked at.
 */
unsigned write_accept(struct vault *v, struct vault_call *c, struct write_set *w, struct wire_list fields, uint32_t as_of_day,
    bool creating);
/* The checks that the record itself decides: each writing role's area, and the assignment of who reads under one. 0 or a problem. */
unsigned write_admit(struct vault *v, struct vault_call *c, const struct write_set *w, const struct record *rec);
/*
 * Write all targets of rec: rewrite what the session can open, drop into the rest; v->keys_row holds the record's keys row
 * and grows by the new keys; rec->head is brought up to date but not stored. 0 or an error.
 */
int write_targets(struct vault *v, struct vault_call *c, struct write_set *w, struct record *rec);
/*
 * Move the drops of hc to the change under way; they are sealed anew under key, with which the class's next row will be sealed, so that
 * their own entries can go. 0 or an error: CV_ERR_AUTH if they are not what head says was written. The row that is replaced stays where it
 * is.
 */
int write_history(struct vault *v, const struct vault_call *c, struct record *rec, struct head_class *hc, const struct row_key *key);
/* Make sure that the change under way, which begins with this, takes a row or drop. 0 or an error. */
int write_change_room(struct vault *v, struct record *rec);
/* Store the change under way, or what head says of a creation's rows, and bring rec->head up to date. 0 or an error. */
int write_change_end(struct vault *v, struct record *rec);
/* Whether an entry is of a drop that is not there any more. */
bool write_wrap_spent(struct head *h, const struct wrap *w);
/* Take such entries out of v->keys_row, rec's keys row. 0 or an error. */
int write_prune_wraps(struct vault *v, struct record *rec);
/* The quarter of a date YYYY-MM-DD (10 characters at p) as head counts it: year * 4 + quarter - 1. */
uint16_t write_quarter(const char *p);
/* Keep in head whether a guardian's standing, the n bytes at p, gives reason for doubt (none: no). Returns whether that changed. */
bool write_doubt(struct head *h, const char *p, size_t n);
/*
 * Seal v->content as the row of hc at version under key and the change's N, which is another one if the change wrote this row before; store
 * it and bring hc up to date, generation and N included. 0 or an error.
 */
int write_row(struct vault *v, struct record *rec, struct head_class *hc, const struct row_key *key, uint32_t version);
/* Bytes that the set may take in the journal. */
size_t write_room(const struct write_set *w);

/* ---- write_keys.c: data keys of rows ---------------------------------------------------------------------------------- */

/*
 * The data key under which the row of hc, which is there, is rewritten: the one that it has, which is in *key; or, if the session holds a
 * newer epoch of the class than that one's birth epoch, a fresh one of the next generation, which joins x. 0 or an error.
 */
int write_row_key(struct vault *v, const struct vault_call *c, const struct record *rec, const struct head_class *hc,
    struct fresh_keys *x, struct row_key *key);
/* A fresh data key for the first row of hc, which joins x. 0, CV_ERR_NOKEY, CV_ERR_LIMIT. */
int write_first_key(struct vault *v, const struct vault_call *c, const struct record *rec, const struct head_class *hc,
    struct fresh_keys *x, struct row_key *ret);
/*
 * Data keys of every target that gets its first row or a drop; those of classes that the session does not hold are put into v->keys_row at
 * once, the others join w->fresh. 0 or an error.
 */
int write_target_keys(struct vault *v, const struct vault_call *c, struct write_set *w, struct record *rec);
/* Append the keys of x to v->keys_row, rec's keys row; x is empty after it. 0 or an error. */
int write_put_keys(struct vault *v, struct record *rec, struct fresh_keys *x);

#endif
