/*
 * The trail: a copy of the log as an auditor reads it offline, with their key file and the folder alone. Leaves one after the
 * other, with body A opened (who, what kind of act, role, purpose, view, outcome, how many fields), the people by name and the
 * policy document that ruled. Which child, which fields, case and reason stay sealed in body B: docs/FORMAT.md sections 9 and 10.
 *
 * The folder is what `childvault audit export --key` wrote (then with the file people), or DIR/log of a vault. A trail does not
 * verify: childvault_audit_verify does, and who shows figures to people calls it first. One thread a trail.
 */
#ifndef CV_TOOLS_TRAIL_H
#define CV_TOOLS_TRAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/auditor.h"
#include "format/genesis.h"
#include "format/leaf.h"
#include "model/model.h"

struct trail;

/* One leaf. Pointers are valid until the next call on the trail; policy and person as long as the trail. */
struct trail_entry {
	const uint8_t *bytes;		/* the leaf as it is stored */
	size_t n;
	struct leaf leaf;		/* its header: kind, index, time, epoch ... */
	bool opened;			/* actor stands; else clear (LEAF_CLEAR) or of a segment that this auditor was not given */
	struct leaf_actor actor;
	bool has_detail;		/* body A ends with a detail, which stands: only where no child is concerned */
	struct leaf_detail detail;
	const struct policy *policy;	/* that the leaf names; NULL: log/policy does not hold it */
	const struct client_person *person;	/* of actor.principal; NULL: the vault itself, or not in people */
};

/*
 * Open the log folder dir with an auditor's opened key. key is copied. 0 and a trail before leaf 0, which trail_close frees (NULL is
 * allowed), or CV_ERR_NOTFOUND (no log there), CV_ERR_FORMAT (leaf 0, people or a policy does not follow the format), CV_ERR_AUTH
 * (people are sealed to somebody else), CV_ERR_NOMEM, CV_ERR_IO.
 */
int trail_open(const char *dir, const struct client_key *key, struct trail **ret);
void trail_close(struct trail *t);
/* Leaf 0's body, and how many leaves the checkpoint covers: beyond it none is shown. Valid as the trail. */
const struct genesis_body *trail_genesis(const struct trail *t);
uint64_t trail_size(const struct trail *t);
/* Show leaves from index from on and below end (at most trail_size). 0; CV_ERR_FORMAT, CV_ERR_IO, CV_ERR_NOMEM. */
int trail_range(struct trail *t, uint64_t from, uint64_t end);
/*
 * Show leaves whose time is from_ms or later and before to_ms (UINT64_MAX: to the end), found by their days: as audit_find_days
 * (audit/audit.h) has it. As trail_range.
 */
int trail_between(struct trail *t, uint64_t from_ms, uint64_t to_ms);
/*
 * The next leaf that is to be shown. 1 and *ret; 0: there is none any more; CV_ERR_FORMAT (a leaf that is none), CV_ERR_NOTFOUND (a bundle
 * is missing), CV_ERR_AUTH (a body does not open with its segment's key), CV_ERR_NOMEM, CV_ERR_IO.
 */
int trail_next(struct trail *t, struct trail_entry *ret);

/* A child's day key, as a receipt hands it out. */
struct trail_day {
	uint32_t epoch;
	uint8_t key[16];
};
/*
 * Call found with the index of each leaf of the epochs of these n keys that is about their child, ascending, by the column of subject
 * tags, until it answers other than 0. 0; what found answered; CV_ERR_NOTFOUND or CV_ERR_FORMAT: the copy has no column, or one that
 * is too short; CV_ERR_NOMEM, CV_ERR_IO.
 */
int trail_find(struct trail *t, const struct trail_day *day, size_t n, int (*found)(void *cookie, uint64_t index), void *cookie);

/* ---- names ---------------------------------------------------------------------------------------------------------- */

/* The person with this principal id, or NULL; the one with this login name or this name, or NULL. Valid as the trail. */
const struct client_person *trail_person(const struct trail *t, const uint8_t principal[16]);
const struct client_person *trail_person_named(const struct trail *t, const char *name);
/* All people, *ret_n of them. */
const struct client_person *trail_people(const struct trail *t, size_t *ret_n);
/* Names by the policy that the leaf names, "" where there is none; never NULL. */
const char *trail_role(const struct trail_entry *e);
const char *trail_department(const struct trail_entry *e);
const char *trail_purpose(const struct trail_entry *e);

/* ---- the key --------------------------------------------------------------------------------------------------------- */

/*
 * Open a key file for offline use, and the month keys with it: one without protection, or one that stands on its passphrase alone, which is
 * then asked for, or read from descriptor passphrase_fd (UINT64_MAX: asked for); or a file with lent months. 0 or an exit code after a
 * message; client_key_clear wipes it.
 */
int trail_key(const char *path, uint64_t passphrase_fd, struct client_key *ret);

/*
 * The month keys that go with an opened key file: read from CHILDVAULT_MONTHS, else from the file beside it, KEY.months; without one the
 * key has none. ret_vault (16 bytes, NULL allowed) is the vault that they are for, zeros without any. trail_key has done it already. 0 or
 * an exit code after a message.
 */
int trail_months(const char *key_path, struct client_key *key, uint8_t *ret_vault);
/* Where that file lies. False: the path is too long. ret has room for PATH_MAX bytes. */
bool trail_months_path(const char *key_path, char *ret);

#endif
