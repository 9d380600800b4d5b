/* The loop's own structures; private to front.c, lanes.c, channel.c, connection.c and what streams. */
#ifndef CV_FRONT_FRONT_INTERNAL_H
#define CV_FRONT_FRONT_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/buf.h"
#include "front/exchange.h"
#include "front/front.h"
#include "front/http.h"

#define CHANNEL_BATCH 16u		/* messages received or sent by one call */
#define CHANNEL_FULL (8u << 20)		/* bytes waiting for core beyond which requests are answered 503 */
#define CHANNEL_HIGH (1u << 20)		/* bytes waiting beyond which they are sent before more is read */
#define HASH_SLOTS 4096u		/* power of two */
#define PEERS 256u			/* numbers that core gives to uids, at most */
#define PEER_WORDS (PEERS / 64)
#define LANES 64u
#define LANE_REFUSED 0u			/* core's last answer was that there is no such session */
#define LANE_NEW 1u			/* no request with a token was answered yet */
#define FLIGHTS 1024u			/* requests at core that can be remembered; power of two */

enum connection_state {
	CONNECTION_FREE,	/* not in use */
	CONNECTION_IDLE,	/* between requests, no byte of the next one seen */
	CONNECTION_READING,	/* within a request */
	CONNECTION_ASKED,	/* core has the request; nothing is read from the client */
	CONNECTION_STREAMING,	/* lines are read, asked and answered */
	CONNECTION_WRITING,	/* the answer waits for the client */
	CONNECTION_LINGER	/* answered for the last time; what still comes is thrown away */
};

/*
 * Invariants: 1. At most one request of a connection is at core, in ASKED; in STREAMING those of its stream's window. 2. out is empty but
 * in WRITING and STREAMING. 3. In IDLE, http and x are as http_init and zeros left them. 4. queued tells whether it is in the ready list or
 * in a lane, also while FREE. 5. stream is NULL but in STREAMING,
 * and in ASKED for an export that has not begun.
 */
struct connection {
	enum connection_state state;
	int fd;
	uint64_t id;			/* core's number */
	uint64_t request;		/* number of the request at core */
	uint64_t deadline_ms;		/* monotonic; UINT64_MAX none */
	bool readable;			/* the kernel may hold bytes or the end: not read empty since the last edge */
	bool half_closed;		/* the client sends no more */
	bool begun;			/* exchange_begin was called for this request */
	bool queued;
	struct http http;
	struct exchange x;
	struct buf in;			/* from the client: this request, then what was pipelined behind it */
	struct buf out;			/* to the client, from out_at on */
	size_t out_at;
	struct buf answer;		/* parts of an answer that came in several messages */
	struct stream *stream;		/* of stream.c */
	size_t held;			/* what its buffers count in front's buffered */
	size_t reading;			/* what its buffer for requests counts in front's and its peer's reading */
	size_t taken;			/* bytes that the client took since its deadline was last put off */
	uint8_t peer, lane;		/* where it waits when it has something to ask */
	uint8_t quantum;		/* requests that it may ask though others wait */
	bool large;			/* its last request was */
	struct connection *next_ready, *next_hash, *next_free;
};

/* The pair with core. */
struct channel {
	int fd;
	bool blocked;			/* core does not take more: nothing is read from clients */
	bool more;			/* some of what core sent may still wait; no event would tell */
	bool finished;			/* core was told that nothing more comes; it may end before the last clients have their answers */
	struct buf tx;			/* whole messages; those before tx_at are sent */
	size_t tx_at;
	uint8_t *rx;			/* CHANNEL_BATCH messages */
	struct mmsghdr headers[CHANNEL_BATCH];
	struct iovec parts[CHANNEL_BATCH];
	struct {
		_Alignas(size_t) char bytes[CMSG_SPACE(sizeof(int))];
	} control[CHANNEL_BATCH];
};

/* Connections of one uid that wait to ask core, in order, and how many of their requests core has. */
struct lane {
	struct connection *first, *last;	/* last: of no meaning while first is NULL */
	unsigned at_core;		/* requests, large ones counted as several */
	unsigned users;			/* connections whose lane it is */
	uint32_t name;			/* of the session, while it has users */
	uint64_t rests_until_us;	/* monotonic */
};
struct peer {
	struct lane lane[LANES];
	uint64_t waiting;		/* bit i: somebody waits in lane i */
	unsigned next;			/* lane that is looked at first */
	unsigned at_core;		/* of all lanes */
	size_t reading;			/* bytes of buffers for requests */
};
/* A request at core, by its number: its connection may be gone before the answer comes. */
struct flight {
	uint64_t request;		/* 0: free */
	uint8_t peer, lane, weight;
};

struct front {
	struct front_limits limits;
	int epoll;
	struct channel channel;
	struct reply reply;		/* one answer at a time is written */
	struct buf scratch;		/* the body of one message for core */
	struct connection *all;		/* limits.connections of them */
	unsigned fresh;			/* those from here on were never used */
	struct connection *unused, *dead;	/* dead: closed in this round, events may still name them */
	struct connection *ready, **ready_end;
	struct connection *hash[HASH_SLOTS];
	unsigned active;
	uint64_t now_ms, wall_ms;	/* of this round */
	uint64_t now_us;		/* the same as now_ms */
	uint64_t date_s;		/* that reply's Date header tells */
	uint64_t requests;		/* numbers given out */
	size_t buffered;		/* bytes of all connections' buffers */
	size_t reading;			/* of those for requests alone */
	struct peer peer[PEERS];
	uint64_t waiting[PEER_WORDS];	/* bit i: somebody waits in a lane of peer i */
	unsigned next_peer;		/* the one that is looked at first */
	struct flight flight[FLIGHTS];	/* by request number */
	unsigned at_core;		/* weights of all of them */
	unsigned fronts;		/* processes that do the same */
	bool resting;			/* a lane waits for nothing but the time: to be looked at again soon */
	uint64_t lane_seed;
	const struct lane *last_lane;	/* that asked, and its peer */
	const struct peer *last_peer;
	uint64_t lanes_shared_ms, peers_shared_ms;	/* until then more than one asks */
	uint8_t id_base[10];		/* random part of request ids */
	uint64_t id_count;
	bool busy;			/* the last round left work */
	bool stopping;
	uint64_t stop_ms;
};

/* ---- channel.c -------------------------------------------------------------------------------------------------- */

/* Take fd. 0 or CV_ERR_NOMEM. */
int channel_init(struct channel *ch, int fd);
void channel_free(struct channel *ch);
/*
 * Queue a message with the n bytes of body, in parts if need be. 0, or CV_ERR_BUSY: no room, nothing was queued. After
 * channel_finish nothing is.
 */
int channel_queue(struct channel *ch, uint8_t type, uint64_t connection, uint64_t request, const uint8_t *body, size_t n);
/* Bytes that wait. */
static inline size_t channel_waiting(const struct channel *ch) { return ch->tx.n - ch->tx_at; }
/* Send what waits; sets blocked. 0, or CV_ERR_STATE: core is gone. */
int channel_flush(struct channel *ch);
/*
 * Take what core sent, some batches at most, and hand each message to front_message; sets more. 0, CV_ERR_STATE (core is gone),
 * CV_ERR_FORMAT.
 */
int channel_drain(struct front *f);
/* Stopping, and all that core was asked is answered: close front's half of the pair and expect nothing more. */
void channel_finish(struct front *f);

/* ---- front.c ---------------------------------------------------------------------------------------------------- */

struct message;
/* Act on one message; fd is a descriptor that came with it, or -1, and belongs to the callee. 0 or CV_ERR_FORMAT. */
int front_message(struct front *f, const struct message *m, const uint8_t *body, int fd);
/* A message has come without its descriptor, for which this process had no number left. 0 or CV_ERR_FORMAT. */
int front_lost(struct front *f, const struct message *m);
/* Put c where the next round of work finds it: what has something to ask into its lane. */
void front_ready(struct front *f, struct connection *c);
/* Write the next request id: a UUIDv7 of this round's time. */
void front_request_id(struct front *f, uint8_t ret[16]);

/* ---- lanes.c ---------------------------------------------------------------------------------------------------- */

/* Whether one more request of c may go to core now. */
bool lanes_room(struct front *f, const struct connection *c);
/* Let c wait in its lane until there is room for its next request. */
void lanes_wait(struct front *f, struct connection *c);
/* Take the next connection that may ask, out of its lane; NULL: none. */
struct connection *lanes_next(struct front *f);
/* c's request of this number, with a body of so many bytes, has gone to core. */
void lanes_asked(struct front *f, struct connection *c, uint64_t request, size_t body_n);
/* Core has answered it, whether the connection is there still or not. */
void lanes_answered(struct front *f, uint64_t request);
/* Front has read so many bytes from c, or has answered it with so many, without core. */
void lanes_read(struct front *f, const struct connection *c, size_t n);
void lanes_served(struct front *f, const struct connection *c, size_t n);
/* c is new in the lane, or gone. */
void lanes_enter(struct front *f, struct connection *c, uint8_t lane);
void lanes_leave(struct front *f, struct connection *c);
/* Choose c's lane anew: core has answered problem to its request, which is still in x. */
void lanes_judge(struct front *f, struct connection *c, uint16_t problem);

/* ---- connection.c ----------------------------------------------------------------------------------------------- */

/*
 * Parts that stream.c needs: count c's buffers anew; name the events that wake it (0 or an errno); set its state, and its deadline
 * timeout_ms from now (UINT32_MAX: none).
 */
void connection_account(struct front *f, struct connection *c);
int connection_watch(struct front *f, struct connection *c, int how, uint32_t more);
void connection_enter(struct front *f, struct connection *c, enum connection_state state, uint32_t timeout_ms);
/* Make room and read. Answers whether bytes came; if not, c may be FREE. */
bool connection_fill(struct front *f, struct connection *c);
/* Bytes of answers that clients have not taken yet are too many: close those that have taken nothing for longest. c may be FREE then. */
void connection_relieve(struct front *f);
/* Send what of out the client takes. 0: nothing waits; CV_ERR_BUSY: it takes no more now; CV_ERR_SYSTEM: it is gone, and c closed. */
int connection_send(struct front *f, struct connection *c);
/* The request is answered but for what waits in out: write that, then go on with the next request, or close. */
void connection_end(struct front *f, struct connection *c);

/* Make c, which is FREE, the connection id over fd, of core's peer. */
void connection_open(struct front *f, struct connection *c, uint64_t id, uint8_t peer, int fd);
/* Close and wipe, tell core; c becomes dead. FREE: nothing. */
void connection_close(struct front *f, struct connection *c);
/* Do what can be done without waiting. */
void connection_run(struct front *f, struct connection *c);
/* A part of the answer to its request; more: others follow. 0 or CV_ERR_FORMAT. */
int connection_answer(struct front *f, struct connection *c, const uint8_t *p, size_t n, bool more);
/* Its deadline has passed. */
void connection_timeout(struct front *f, struct connection *c);
/* No further requests; an answer that is owed is still given. */
void connection_stop(struct front *f, struct connection *c);

/* ---- stream.c --------------------------------------------------------------------------------------------------- */

/* Begin to answer c's request line by line; c enters STREAMING. 0 or CV_ERR_NOMEM. */
int stream_open(struct front *f, struct connection *c);
/* Read, ask and answer what can be without waiting. c may be FREE or in another state afterwards. */
void stream_run(struct front *f, struct connection *c);
/* A part of core's answer to a line's request; more: others follow. 0 or CV_ERR_FORMAT. */
int stream_answer(struct front *f, struct connection *c, uint64_t request, const uint8_t *p, size_t n, bool more);
/* Take no further lines; those that core has are answered, then the connection is closed in the middle of the answer. */
void stream_stop(struct connection *c);
void stream_free(struct connection *c);

/* ---- export.c --------------------------------------------------------------------------------------------------- */

/* Keep what c's request, which is an export and judged, says, before its bytes go. 0 or CV_ERR_*; c->stream is then to be freed. */
int export_prepare(struct connection *c);
/*
 * Core's whole answer about the approved request that the export names: begin, or, if it was refused, give up c->stream and leave the
 * answer to the caller. 0 or CV_ERR_*.
 */
int export_begin(struct front *f, struct connection *c, const uint8_t *p, size_t n);

#endif
