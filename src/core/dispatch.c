/*
 * The one table: message, whether a sealed vault answers it, whether a session is needed, its operation. It is read before
 * any operation runs; whether the operation leaves a leaf is vault_call_end's rule: always where a session exists, but for
 * the calls marked quiet in vault (health, checkpoint, hash tiles, proofs, hello).
 */
#include <string.h>

#include "core/core_internal.h"
#include "format/wire.h"
#include "vault/directory_doc.h"
#include "vault/gov.h"
#include "vault/list.h"

union decoded {
	struct wire_envelope envelope;	/* first in all below but hello and activate */
	struct wire_refused refused;
	struct wire_create create;
	struct wire_read read;
	struct wire_patch patch;
	struct wire_history history;
	struct wire_accesses accesses;
	struct wire_search search;
	struct wire_events events;
	struct wire_tile tile;
	struct wire_proof proof;
	struct wire_cosign cosign;
	struct wire_records records;
	struct wire_gov_create gov_create;
	struct wire_gov_get gov_get;
	struct wire_gov_list gov_list;
	struct wire_gov_act gov_act;
	struct wire_hello hello;
	struct wire_activate activate;
};

static int decode_envelope(const void *p, size_t n, union decoded *d) { return wire_envelope_decode(p, n, &d->envelope); }
static int decode_refused(const void *p, size_t n, union decoded *d) { return wire_refused_decode(p, n, &d->refused); }
static int decode_create(const void *p, size_t n, union decoded *d) { return wire_create_decode(p, n, &d->create); }
static int decode_read(const void *p, size_t n, union decoded *d) { return wire_read_decode(p, n, &d->read); }
static int decode_patch(const void *p, size_t n, union decoded *d) { return wire_patch_decode(p, n, &d->patch); }
static int decode_history(const void *p, size_t n, union decoded *d) { return wire_history_decode(p, n, &d->history); }
static int decode_search(const void *p, size_t n, union decoded *d) { return wire_search_decode(p, n, &d->search); }
static int decode_accesses(const void *p, size_t n, union decoded *d) { return wire_accesses_decode(p, n, &d->accesses); }
static int decode_events(const void *p, size_t n, union decoded *d) { return wire_events_decode(p, n, &d->events); }
static int decode_tile(const void *p, size_t n, union decoded *d) { return wire_tile_decode(p, n, &d->tile); }
static int decode_proof(const void *p, size_t n, union decoded *d) { return wire_proof_decode(p, n, &d->proof); }
static int decode_cosign(const void *p, size_t n, union decoded *d) { return wire_cosign_decode(p, n, &d->cosign); }
static int decode_records(const void *p, size_t n, union decoded *d) { return wire_records_decode(p, n, &d->records); }
static int decode_gov_create(const void *p, size_t n, union decoded *d) { return wire_gov_create_decode(p, n, &d->gov_create); }
static int decode_gov_get(const void *p, size_t n, union decoded *d) { return wire_gov_get_decode(p, n, &d->gov_get); }
static int decode_gov_list(const void *p, size_t n, union decoded *d) { return wire_gov_list_decode(p, n, &d->gov_list); }
static int decode_gov_act(const void *p, size_t n, union decoded *d) { return wire_gov_act_decode(p, n, &d->gov_act); }
static int decode_hello(const void *p, size_t n, union decoded *d) { return wire_hello_decode(p, n, &d->hello); }
static int decode_activate(const void *p, size_t n, union decoded *d) { return wire_activate_decode(p, n, &d->activate); }

static unsigned run_hello(struct vault *v, struct vault_call *c, const union decoded *d) { return vault_hello(v, c, &d->hello); }
static unsigned run_activate(struct vault *v, struct vault_call *c, const union decoded *d) { return vault_activate(v, c, &d->activate); }
static unsigned run_logout(struct vault *v, struct vault_call *c, const union decoded *d) { (void)d; return vault_logout(v, c); }
static unsigned run_refused(struct vault *v, struct vault_call *c, const union decoded *d)
{
	return vault_refused(v, c, d->refused.problem);
}
static unsigned run_create(struct vault *v, struct vault_call *c, const union decoded *d) { return vault_create_record(v, c, &d->create); }
static unsigned run_read(struct vault *v, struct vault_call *c, const union decoded *d) { return vault_read_record(v, c, &d->read); }
static unsigned run_patch(struct vault *v, struct vault_call *c, const union decoded *d) { return vault_patch_record(v, c, &d->patch); }
static unsigned run_history(struct vault *v, struct vault_call *c, const union decoded *d) { return vault_history(v, c, &d->history); }
static unsigned run_search(struct vault *v, struct vault_call *c, const union decoded *d) { return vault_search(v, c, &d->search); }
static unsigned run_accesses(struct vault *v, struct vault_call *c, const union decoded *d) { return vault_accesses(v, c, &d->accesses); }
static unsigned run_events(struct vault *v, struct vault_call *c, const union decoded *d) { return vault_events(v, c, &d->events); }
static unsigned run_checkpoint(struct vault *v, struct vault_call *c, const union decoded *d) { (void)d; return vault_checkpoint(v, c); }
static unsigned run_tile(struct vault *v, struct vault_call *c, const union decoded *d) { return vault_tile(v, c, &d->tile); }
static unsigned run_proof(struct vault *v, struct vault_call *c, const union decoded *d) { return vault_proof(v, c, &d->proof); }
static unsigned run_cosign(struct vault *v, struct vault_call *c, const union decoded *d) { return vault_cosign(v, c, &d->cosign); }
static unsigned run_cosigned(struct vault *v, struct vault_call *c, const union decoded *d) { (void)d; return vault_cosigned(v, c); }
static unsigned run_vkey(struct vault *v, struct vault_call *c, const union decoded *d) { (void)d; return vault_vkey(v, c); }
static unsigned run_records(struct vault *v, struct vault_call *c, const union decoded *d) { return vault_list(v, c, &d->records); }
static unsigned run_policy(struct vault *v, struct vault_call *c, const union decoded *d) { (void)d; return vault_policy_document(v, c); }
static unsigned run_directory(struct vault *v, struct vault_call *c, const union decoded *d) { (void)d; return vault_directory(v, c); }
static unsigned run_gov_create(struct vault *v, struct vault_call *c, const union decoded *d)
{
	return vault_gov_create(v, c, &d->gov_create);
}
static unsigned run_gov_get(struct vault *v, struct vault_call *c, const union decoded *d) { return vault_gov_get(v, c, &d->gov_get); }
static unsigned run_gov_list(struct vault *v, struct vault_call *c, const union decoded *d) { return vault_gov_list(v, c, &d->gov_list); }
static unsigned run_gov_act(struct vault *v, struct vault_call *c, const union decoded *d) { return vault_gov_act(v, c, &d->gov_act); }

struct verb {
	uint8_t type;
	bool envelope;		/* the body begins with one */
	bool session;		/* refused without a live session */
	bool sees_all;		/* apply and sign before the turn */
	int (*decode)(const void *p, size_t n, union decoded *d);
	unsigned (*run)(struct vault *v, struct vault_call *c, const union decoded *d);
};
static const struct verb verbs[] = {
	{ MSG_HELLO,		false,	false,	false,	decode_hello,		run_hello },
	{ MSG_ACTIVATE,		false,	false,	false,	decode_activate,	run_activate },
	{ MSG_LOGOUT,		true,	true,	false,	decode_envelope,	run_logout },
	{ MSG_REFUSED,		true,	true,	false,	decode_refused,		run_refused },
	{ MSG_CREATE,		true,	true,	false,	decode_create,		run_create },
	{ MSG_READ,		true,	true,	false,	decode_read,		run_read },
	{ MSG_PATCH,		true,	true,	false,	decode_patch,		run_patch },
	{ MSG_HISTORY,		true,	true,	false,	decode_history,		run_history },
	{ MSG_LIST,		true,	true,	false,	decode_records,		run_records },
	{ MSG_POLICY,		true,	true,	false,	decode_envelope,	run_policy },
	{ MSG_DIRECTORY,	true,	true,	false,	decode_envelope,	run_directory },
	{ MSG_GOV_CREATE,	true,	true,	false,	decode_gov_create,	run_gov_create },
	{ MSG_GOV_GET,		true,	true,	false,	decode_gov_get,		run_gov_get },
	{ MSG_GOV_LIST,		true,	true,	false,	decode_gov_list,	run_gov_list },
	{ MSG_GOV_ACT,		true,	true,	false,	decode_gov_act,		run_gov_act },
	{ MSG_SEARCH,		true,	true,	false,	decode_search,		run_search },
	{ MSG_ACCESSES,		true,	true,	true,	decode_accesses,	run_accesses },
	{ MSG_EVENTS,		true,	true,	true,	decode_events,		run_events },
	{ MSG_CHECKPOINT,	true,	true,	true,	decode_envelope,	run_checkpoint },
	{ MSG_TILE,		true,	true,	true,	decode_tile,		run_tile },
	{ MSG_PROOF,		true,	true,	false,	decode_proof,		run_proof },
	{ MSG_COSIGN,		true,	true,	false,	decode_cosign,		run_cosign },
	{ MSG_COSIGNED,		true,	true,	false,	decode_envelope,	run_cosigned },
	{ MSG_VKEY,		true,	true,	false,	decode_envelope,	run_vkey },
};

static const struct verb *verb_find(uint8_t type)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (verbs[i].type == type)
			return &verbs[i];
	return NULL;
}

bool dispatch_wants_checkpoint(struct core *c, const struct turn_request *q)
{
	const struct verb *verb = verb_find(q->type);
	union decoded d;

	/* Only for those who may see it: applying costs more than a turn. */
	return verb != NULL && verb->sees_all && verb->decode(q->body, q->n, &d) == 0 &&
	    vault_reads_log(c->vault, &q->who, &d.envelope);
}

/* HEALTH and METRICS need no turn and answer in every state. */
static bool answer_state(struct core *c, const struct turn_request *q)
{
	if (q->type != MSG_HEALTH && q->type != MSG_METRICS)
		return false;
	wire_answer_head(&c->out, 0, MESSAGE_NO_LEAF);
	if (q->type == MSG_HEALTH)
		buf_u8(&c->out, (uint8_t)vault_health(c->vault));
	else
		vault_metrics(c->vault, &c->out);
	return true;
}

enum dispatched dispatch_request(struct core *c, struct turn_request *q, int turn_error)
{
	const struct verb *verb = verb_find(q->type);
	struct wire_envelope none = { .request_id = NULL };
	struct vault_call *call;
	union decoded d;

	if (answer_state(c, q))
		return q->n == 0 ? DISPATCH_DONE : DISPATCH_FAULT;
	if (verb == NULL || verb->decode(q->body, q->n, &d) != 0)
		return DISPATCH_FAULT;
	if (turn_error != 0) {
		/* A sealed vault, or one that cannot make leaves durable, answers no data verb. */
		vault_turn_refused(c->vault, turn_error, &c->out);
		return DISPATCH_DONE;
	}
	/* A directory that the turn has changed is not the one in memory: the next turn has it. */
	if (vault_turn_closed(c->vault))
		return DISPATCH_LATER;
	if (!verb->envelope)
		none.request_id = verb->type == MSG_HELLO ? d.hello.request_id : d.activate.request_id;
	call = vault_call_begin(c->vault, &q->who, verb->envelope ? &d.envelope : &none, q->body, q->n, verb->session, &c->out);
	if (vault_call_problem(call) == 0)
		(void)verb->run(c->vault, call, &d);	/* the call itself carries the problem */
	if (!vault_call_end(c->vault, call))
		return DISPATCH_LATER;
	q->in_turn = true;
	return DISPATCH_DONE;
}
