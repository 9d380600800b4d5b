/*
 * The audit log as an auditor reads it: the answer of GET /v1/audit/events?keys=true, whose sealed parts open with the
 * auditor's own key here and nowhere else. docs/FORMAT.md section 9, docs/PROTOCOL.md section 2.
 *
 * Core adds the details about children (body B) in clear, since only it holds their keys; body A (who, from where) opens with
 * a segment key that is sealed to each auditor. Not shared between threads.
 */
#ifndef CV_CLIENT_EVENTS_H
#define CV_CLIENT_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/auditor.h"
#include "client/key.h"
#include "format/leaf.h"

struct client_events;

/* Core's words about a child's entry; texts are "" where there is nothing to say, and live as long as the events. */
struct client_detail {
	const char *record;	/* 32 hexadecimal digits */
	const char *view;	/* "", "masked", "clear" */
	const char *role, *department, *purpose, *outcome, *case_text, *reason;
	const char *fields;	/* names joined by commas */
	uint64_t count;
};
struct client_event {
	struct leaf leaf;		/* points into the events */
	bool opened;			/* actor stands */
	struct leaf_actor actor;
	bool has_ids;			/* body A ends with a detail: ids of the policy document */
	struct leaf_detail ids;
	bool has_detail;		/* core gave body B in words */
	struct client_detail detail;
};

/*
 * Parse an answer and open what key opens; an entry whose segment key is not there stays closed. vault is the vault's id. 0,
 * CV_ERR_FORMAT, CV_ERR_NOMEM, CV_ERR_AUTH (a sealed part is damaged). client_events_free(NULL) is allowed.
 */
int client_events_open(const char *json, size_t n, const uint8_t vault[16], const struct client_key *key,
    struct client_events **ret);
void client_events_free(struct client_events *e);
unsigned client_events_count(const struct client_events *e);
const struct client_event *client_events_at(const struct client_events *e, unsigned i);
/* Size of the log, and the index to go on from. */
uint64_t client_events_size(const struct client_events *e);
uint64_t client_events_next(const struct client_events *e);
/* Where a search goes on; "" if all was looked at, or nothing was searched. Valid as the events. */
const char *client_events_cursor(const struct client_events *e);
/* The person behind a principal id, or NULL. */
const struct client_person *client_events_person(const struct client_events *e, const uint8_t principal[16]);
/* The policy document, or NULL. */
const uint8_t *client_events_policy(const struct client_events *e, size_t *ret_n);

#endif
