/* The operator's side of admin.sock, docs/PROTOCOL.md section 3: one request and one answer a connection. Blocking. */
#ifndef CV_CLIENT_ADMIN_H
#define CV_CLIENT_ADMIN_H

#include <stddef.h>
#include <stdint.h>

struct buf;

enum admin_operation {
	ADMIN_STATUS = 1, ADMIN_SLOT = 2, ADMIN_UNSEAL = 3, ADMIN_SEAL = 4, ADMIN_STOP = 5, ADMIN_SHARE = 6, ADMIN_DRILL = 7,
	ADMIN_REKEY = 8, ADMIN_CONFIRM = 9, ADMIN_ALLOW = 10, ADMIN_RENEW = 11, ADMIN_DATE = 12
};

#define ADMIN_BODY_MAX 65535u

struct admin_answer {
	uint16_t result;	/* 0, or a problem number */
	uint8_t state;		/* enum wire_health */
};
/*
 * Ask core at the socket path. body (n bytes, NULL if 0) goes with the request; the answer's bytes are appended to ret_body.
 * 0; CV_ERR_ARG (path too long, n above ADMIN_BODY_MAX); CV_ERR_SYSTEM (unreachable, errno tells; a peer that may not ask is
 * closed without an answer and gets ECONNRESET); CV_ERR_FORMAT; CV_ERR_NOMEM.
 */
int admin_call(const char *path, enum admin_operation operation, uint8_t slot, const uint8_t *body, size_t n,
    struct admin_answer *ret, struct buf *ret_body);

struct admin_slot {
	uint8_t type, k, n;	/* enum slot_type of FORMAT.md 5.4 */
	uint32_t argon_kib, argon_passes;
	uint8_t salt[16];
};
/* Decode the answer of ADMIN_SLOT. 0 or CV_ERR_FORMAT. */
int admin_slot_decode(const uint8_t *p, size_t n, struct admin_slot *ret);

/* What core says of a share, in the answers of ADMIN_SHARE, ADMIN_DRILL, ADMIN_CONFIRM and ADMIN_ALLOW. */
enum admin_verdict { ADMIN_GOOD = 0, ADMIN_AGAIN = 1, ADMIN_BAD = 2, ADMIN_OTHER_VAULT = 3, ADMIN_OTHER_SPLIT = 4 };
struct admin_share {
	uint8_t verdict;	/* enum admin_verdict */
	uint8_t slot, index;
	uint8_t k, n;		/* of the slot */
	uint16_t in;		/* those that are in or confirmed: bit i for share i + 1 */
	uint8_t done;		/* unsealed; allowed; the new split is the slot's; of a drill: it is in the log */
	char holder[64];	/* who holds it, if core knows: text without control characters */
};
/* Decode it. 0 or CV_ERR_FORMAT; an answer without it (n 0) is CV_ERR_FORMAT too. */
int admin_share_decode(const uint8_t *p, size_t n, struct admin_share *ret);

#endif
