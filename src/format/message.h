/*
 * Numbers of docs/PROTOCOL.md: message types, problem kinds, and the message header.
 */
#ifndef CV_FORMAT_MESSAGE_H
#define CV_FORMAT_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#define MESSAGE_MAX 65536u			/* one packet of the pair: a message with its header, or several */
#define MESSAGE_PACKED 16u			/* messages of a packet at most */
#define MESSAGE_HEADER 24u
#define MESSAGE_BODY_MAX (MESSAGE_MAX - MESSAGE_HEADER)
#define MESSAGE_TO_CORE_MAX ((1u << 20) + 65536u)	/* a whole body towards core */
#define MESSAGE_TO_FRONT_MAX (16u << 20)		/* a whole body towards front */
#define MESSAGE_NO_LEAF UINT64_MAX
#define MESSAGE_MORE 1u				/* flag: more chunks of this body follow */

enum message_to_front { MSG_OPEN = 1, MSG_ANSWER = 2, MSG_STOP = 3 };
enum message_to_core {
	MSG_CLOSED = 1, MSG_HELLO = 2, MSG_ACTIVATE = 3, MSG_LOGOUT = 4, MSG_REFUSED = 5, MSG_CREATE = 16, MSG_READ = 17,
	MSG_PATCH = 18, MSG_HISTORY = 19, MSG_EVENTS = 32, MSG_CHECKPOINT = 33, MSG_TILE = 34, MSG_HEALTH = 48,
	MSG_METRICS = 49, MSG_LIST = 20, MSG_ACCESSES = 21, MSG_SEARCH = 22, MSG_POLICY = 35, MSG_DIRECTORY = 36, MSG_PROOF = 38,
	MSG_COSIGN = 39, MSG_COSIGNED = 40, MSG_VKEY = 41, MSG_GOV_CREATE = 64, MSG_GOV_GET = 65, MSG_GOV_LIST = 66, MSG_GOV_ACT = 67
};

enum problem {
	PROBLEM_NONE = 0, PROBLEM_MALFORMED_JSON = 1, PROBLEM_DUPLICATE_MEMBER = 2, PROBLEM_INVALID_UTF8 = 3,
	PROBLEM_UNKNOWN_MEMBER = 4, PROBLEM_BAD_CURSOR = 5, PROBLEM_BAD_REQUEST = 6, PROBLEM_FIELDS_REQUIRED = 7,
	PROBLEM_UNAUTHENTICATED = 8, PROBLEM_NOT_PERMITTED = 9, PROBLEM_PURPOSE_REQUIRED = 10, PROBLEM_REASON_REQUIRED = 11,
	PROBLEM_ORIGIN_REFUSED = 12, PROBLEM_NOT_FOUND = 13, PROBLEM_METHOD_NOT_ALLOWED = 14, PROBLEM_NOT_ACCEPTABLE = 15,
	PROBLEM_REQUEST_TIMEOUT = 16, PROBLEM_CONFLICT = 17, PROBLEM_ERASED = 18, PROBLEM_PAYLOAD_TOO_LARGE = 19,
	PROBLEM_UNSUPPORTED_MEDIA_TYPE = 20, PROBLEM_PRECONDITION_FAILED = 21, PROBLEM_PRECONDITION_REQUIRED = 22,
	PROBLEM_UNKNOWN_FIELD = 23, PROBLEM_WRONG_TYPE = 24, PROBLEM_VALIDATION = 25, PROBLEM_IDEMPOTENCY_MISMATCH = 26,
	PROBLEM_RATE_LIMITED = 27, PROBLEM_INTERNAL = 28, PROBLEM_INTEGRITY = 29, PROBLEM_NOT_IMPLEMENTED = 30,
	PROBLEM_SEALED = 31, PROBLEM_AUDIT_UNAVAILABLE = 32, PROBLEM_OVERLOADED = 33, PROBLEM_INDEX_REBUILDING = 34,
	PROBLEM_STORAGE_FULL = 35, PROBLEM_NEEDS_MERGE = 36, PROBLEM_EXPECTATION_FAILED = 37,
	PROBLEM_HEADERS_TOO_LARGE = 38, PROBLEM_VERSION_NOT_SUPPORTED = 39, PROBLEM_PROHIBITED_PURPOSE = 40,
	PROBLEM_NOT_OWNER = 41, PROBLEM_APPROVAL_REQUIRED = 42, PROBLEM_BUDGET_EXCEEDED = 43, PROBLEM_COSIGNATURE_REQUIRED = 44,
	PROBLEM_COUNT = 45
};

/* The kind's name as in docs/PROTOCOL.md, "internal" for an unknown number. Static text. */
const char *problem_kind(unsigned problem);
/* A short English title without any value. Static text. */
const char *problem_title(unsigned problem);
/*
 * The outcome of a leaf: "done", a problem's kind, or from OUTCOME_REASON on the name of a reason code of docs/POLICY.md section 1
 * ("no-approval"); "unknown" otherwise. Static text.
 */
#define OUTCOME_REASON 256u
#define OUTCOME_COUNT 294u
const char *outcome_name(unsigned outcome);
/* The HTTP status, 500 for an unknown number. */
int problem_status(unsigned problem);

struct message {
	uint8_t type;
	uint16_t flags;
	uint32_t body_n;	/* bytes of body in this message, at most MESSAGE_BODY_MAX */
	uint64_t connection;
	uint64_t request;
};
/* Write the 24-byte header. */
void message_encode(const struct message *m, uint8_t ret[MESSAGE_HEADER]);
/*
 * Read the header of the first message of n received bytes; the next one begins behind its body. 0, or CV_ERR_FORMAT: wrong version,
 * unknown flag, a body that is not all there, or n above MESSAGE_MAX. The type is not judged.
 */
int message_decode(const void *p, size_t n, struct message *ret);
/*
 * Header of the part of a body of total bytes that starts at offset (<= total): type, connection and request as in *m,
 * body_n and MESSAGE_MORE by what is left. Returns the bytes of body in this part; the sender is done once offset plus
 * that is total. An empty body is one part of 0 bytes.
 */
size_t message_part(const struct message *m, size_t total, size_t offset, struct message *ret);

#endif
