/* What the files of core share: fronts, connections, the requests of a turn. */
#ifndef CV_CORE_INTERNAL_H
#define CV_CORE_INTERNAL_H

#include <stdint.h>

#include "base/buf.h"
#include "core/core.h"
#include "format/message.h"
#include "vault/vault.h"

#define CONNECTIONS 4096u		/* slots; a connection's number is sequence * CONNECTIONS + slot */
#define CONNECTIONS_UID 1024u		/* of one uid, and never more than places are free */
#define PEERS 256u			/* uids that have connections at a time */
#define RECEIVE 64			/* packets taken in one call, and requests of a turn at most */
#define REQUESTS (RECEIVE * MESSAGE_PACKED)
#define TURN_OUT (32u << 20)		/* bytes of answers at which a turn ends early */
#define OUT_MAX (TURN_OUT + MESSAGE_TO_FRONT_MAX + (2u << 20))	/* with room to find out that the last is too large */
#define OUT_KEEP (4u << 20)		/* bytes of the answers' buffer that the next turn finds again */
#define FRONT_LINKS (2 * CORE_FRONTS)	/* a dead front's place is not yet free when its successor comes */
#define PARTIALS 64			/* chunked bodies under way, a front */
#define FRONT_QUEUE_MAX (32u << 20)	/* bytes a front may leave unread before it is dropped */
#define ADMINS 8			/* admin connections at a time */
#define ADMIN_MS 5000u
#define ADMIN_BODY 1280u		/* bytes of a request's body at most: a new split with 16 names */

/* Why an epoll event came: its kind in the high bits, an index in the low ones. */
enum event_kind {
	EVENT_API = 1, EVENT_ADMIN, EVENT_CONTROL, EVENT_SIGNAL, EVENT_TIMER, EVENT_APPLIED, EVENT_FRONT, EVENT_ADMIN_CONN
};
#define EVENT(kind, i) ((uint64_t)(kind) << 32 | (uint32_t)(i))

/* A body that arrives in chunks. */
struct partial {
	bool used;
	bool whole;			/* its last chunk came: a request of this turn points to body */
	uint8_t type;
	uint64_t connection, request;
	struct buf body;
};
struct front_link {
	int fd;				/* -1: free place */
	unsigned connections;
	bool writable;			/* no answer waits */
	struct buf queue;		/* messages not yet taken: u32 length || message, from queue_at on */
	size_t queue_at;
	unsigned partials;		/* of these in use */
	struct partial partial[PARTIALS];
};
struct connection {
	uint64_t id;			/* 0: free slot */
	unsigned front;
	unsigned peer;			/* its uid's place in peer */
	struct vault_caller who;
};
/* A uid that has connections; its place is the number by which fronts know it. */
struct peer {
	unsigned connections;		/* 0: free place */
	uint32_t uid;
};
struct turn_request {
	unsigned front;
	struct vault_caller who;
	uint64_t connection, request;
	uint8_t type;
	const uint8_t *body;		/* in the receive buffer, or in a partial */
	size_t n;
	struct partial *partial;	/* to be released after the turn */
	size_t out_at, out_n;		/* its answer in core's out */
	bool in_turn;			/* its answer depends on the turn's sync */
};
struct admin_conn {
	int fd;				/* -1: free */
	uint64_t since_ms;
	size_t n;
	uint8_t in[8 + ADMIN_BODY];
};
struct ceremony;
struct core {
	struct vault *vault;
	struct ceremony *ceremony;	/* NULL until somebody enters a share; freed by ceremony_free */
	int epoll_fd, api_fd, admin_fd, control_fd, timer_fd, signal_fd, applied_fd;
	bool stopping;
	uint64_t next_sequence;
	struct front_link front[FRONT_LINKS];
	unsigned next_front;		/* the one that is asked first */
	struct connection connection[CONNECTIONS];
	unsigned connections;
	struct peer peer[PEERS];
	struct admin_conn admin[ADMINS];
	struct turn_request request[REQUESTS];
	unsigned requests;
	unsigned decided;		/* of them, the first: their answers are in out and wait for the open turn */
	unsigned covered;		/* of them, the first: they came before the last checkpoint */
	unsigned lone;			/* turns of one request each so far, in a row */
	bool open;			/* a turn is */
	int begun;			/* else why none could begin */
	struct buf out;
	uint8_t *receive;		/* RECEIVE * MESSAGE_MAX */
	uint32_t received[RECEIVE];	/* bytes of each packet in it, to be wiped after the turn */
	unsigned received_n;
};

/* fronts.c */
int fronts_add(struct core *c, int fd);
/* End the pair and forget its connections. why: logged; NULL: that is how it is on a stop. */
void fronts_drop(struct core *c, unsigned i, const char *why);
/*
 * Take what the fronts have sent, at most RECEIVE packets together with those of the turn under way; whoever was last begins
 * the next time.
 */
void fronts_receive(struct core *c);
/*
 * Send one answer as one or more messages; what the front does not take is queued. The messages may wait until fronts_push, so
 * body stays where it is until then. Answers for one front belong together.
 */
void fronts_send(struct core *c, unsigned i, const struct message *m, const uint8_t *body, size_t n);
void fronts_push(struct core *c);
void fronts_flush(struct core *c, unsigned i);
void fronts_stop(struct core *c);
/* A chunked body is done with. */
void fronts_release(struct core *c, unsigned i, struct partial *p);
/* connections.c */
void connections_accept(struct core *c);
struct connection *connections_find(struct core *c, uint64_t id);
void connections_close(struct core *c, struct connection *x);
/* turns.c: take what the fronts have sent, decide it, and let the answers go once they are durable. */
void turns_run(struct core *c);
enum dispatched {
	DISPATCH_DONE,
	DISPATCH_FAULT,			/* its bytes are a fault of the front */
	DISPATCH_LATER			/* the turn is full: it belongs into the next */
};
/* dispatch.c: one request to its operation. turn_error: why no turn is open, else 0. */
enum dispatched dispatch_request(struct core *c, struct turn_request *q, int turn_error);
/* Whether the request will be answered from what is applied and signed, which must then be all first. */
bool dispatch_wants_checkpoint(struct core *c, const struct turn_request *q);
/* admin.c */
void admin_accept(struct core *c);
void admin_read(struct core *c, unsigned i);
void admin_sweep(struct core *c);
void admin_close(struct admin_conn *a);
/* ceremony.c: operations of admin.sock on shares. Each returns a problem number and appends its answer to out, also beside a problem. */
enum share_operation { SHARE_UNSEAL = 6, SHARE_DRILL = 7, SHARE_CONFIRM = 9, SHARE_ALLOW = 10 };
unsigned ceremony_share(struct core *c, enum share_operation op, const uint8_t *p, size_t n, uint64_t now_ms, struct buf *out);
unsigned ceremony_rekey(struct core *c, uint8_t slot, const uint8_t *p, size_t n, uint64_t now_ms, struct buf *out);
/* Append the lines of status about shares that are in and splits that are being confirmed. */
void ceremony_status(const struct core *c, struct buf *out);
/* Forget what is under way: the vault was sealed, or unsealed in another way. */
void ceremony_reset(struct core *c);
/* The same, for what has taken too long. now_ms is monotonic here as above. */
void ceremony_sweep(struct core *c, uint64_t now_ms);
void ceremony_free(struct core *c);
unsigned admin_problem(int r);
/* core.c: follow the store's descriptors through sealing and unsealing. */
void core_watch_store(struct core *c);

#endif
