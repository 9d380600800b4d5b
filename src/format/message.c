#include "format/message.h"

#include <assert.h>

#include "base/bytes.h"
#include "base/error.h"

#define VERSION 1

/* docs/PROTOCOL.md, "Problem kinds". Titles say what happened to the request, never anything about a value. */
static const struct {
	const char *kind;
	const char *title;
	int status;
} problems[PROBLEM_COUNT] = {
	[PROBLEM_NONE] = { "none", "No problem", 200 },
	[PROBLEM_MALFORMED_JSON] = { "malformed-json", "The body is not JSON", 400 },
	[PROBLEM_DUPLICATE_MEMBER] = { "duplicate-member", "An object names a member twice", 400 },
	[PROBLEM_INVALID_UTF8] = { "invalid-utf8", "The request holds text that is not UTF-8", 400 },
	[PROBLEM_UNKNOWN_MEMBER] = { "unknown-member", "The body holds a member that this call does not know", 400 },
	[PROBLEM_BAD_CURSOR] = { "bad-cursor", "The cursor is not one of this vault for this caller", 400 },
	[PROBLEM_BAD_REQUEST] = { "bad-request", "The request does not follow the interface", 400 },
	[PROBLEM_FIELDS_REQUIRED] = { "fields-required", "The fields to read must be named", 400 },
	[PROBLEM_UNAUTHENTICATED] = { "unauthenticated", "No session", 401 },
	[PROBLEM_NOT_PERMITTED] = { "not-permitted", "Not permitted", 403 },
	[PROBLEM_PURPOSE_REQUIRED] = { "purpose-required",
	    "A purpose must be named in CV-Purpose, with its case in CV-Case if it wants one", 403 },
	[PROBLEM_REASON_REQUIRED] = { "reason-required", "A reason must be given in CV-Reason", 403 },
	[PROBLEM_ORIGIN_REFUSED] = { "origin-refused", "Requests from web pages are refused", 403 },
	[PROBLEM_NOT_FOUND] = { "not-found", "Not found", 404 },
	[PROBLEM_METHOD_NOT_ALLOWED] = { "method-not-allowed", "The method is not one of this resource", 405 },
	[PROBLEM_NOT_ACCEPTABLE] = { "not-acceptable", "None of the accepted media types can be had", 406 },
	[PROBLEM_REQUEST_TIMEOUT] = { "request-timeout", "The request took too long to arrive", 408 },
	[PROBLEM_CONFLICT] = { "conflict", "Another change came first", 409 },
	[PROBLEM_ERASED] = { "erased", "The record was erased", 410 },
	[PROBLEM_PAYLOAD_TOO_LARGE] = { "payload-too-large", "The body is too large", 413 },
	[PROBLEM_UNSUPPORTED_MEDIA_TYPE] = { "unsupported-media-type", "The body's media type is not one of this call", 415 },
	[PROBLEM_PRECONDITION_FAILED] = { "precondition-failed", "The record has changed", 412 },
	[PROBLEM_PRECONDITION_REQUIRED] = { "precondition-required", "The version to change must be named in If-Match", 428 },
	[PROBLEM_UNKNOWN_FIELD] = { "unknown-field", "The record has no such field", 422 },
	[PROBLEM_WRONG_TYPE] = { "wrong-type", "A value has the wrong type", 422 },
	[PROBLEM_VALIDATION] = { "validation", "A value fails its check", 422 },
	[PROBLEM_IDEMPOTENCY_MISMATCH] = { "idempotency-mismatch", "The idempotency key was used for another request", 422 },
	[PROBLEM_RATE_LIMITED] = { "rate-limited", "Too many requests", 429 },
	[PROBLEM_INTERNAL] = { "internal", "Internal error", 500 },
	[PROBLEM_INTEGRITY] = { "integrity", "Stored data failed its integrity check", 500 },
	[PROBLEM_NOT_IMPLEMENTED] = { "not-implemented", "Not implemented", 501 },
	[PROBLEM_SEALED] = { "sealed", "The vault is sealed", 503 },
	[PROBLEM_AUDIT_UNAVAILABLE] = { "audit-unavailable", "The audit log cannot be written", 503 },
	[PROBLEM_OVERLOADED] = { "overloaded", "Too much work is waiting", 503 },
	[PROBLEM_INDEX_REBUILDING] = { "index-rebuilding", "An index is being rebuilt", 503 },
	[PROBLEM_STORAGE_FULL] = { "storage-full", "The storage is full", 507 },
	[PROBLEM_NEEDS_MERGE] = { "needs-merge", "Changes must be merged by a reader of the class first", 409 },
	[PROBLEM_EXPECTATION_FAILED] = { "expectation-failed", "The expectation cannot be met", 417 },
	[PROBLEM_HEADERS_TOO_LARGE] = { "headers-too-large", "The request's head is too large", 431 },
	[PROBLEM_VERSION_NOT_SUPPORTED] = { "version-not-supported", "Only HTTP/1.1 is spoken here", 505 },
	[PROBLEM_PROHIBITED_PURPOSE] = { "prohibited-purpose", "The law forbids this purpose", 403 },
	[PROBLEM_NOT_OWNER] = { "not-owner", "Another department is the source of this field", 403 },
	[PROBLEM_APPROVAL_REQUIRED] = { "approval-required", "An assignment or a grant is needed beforehand", 403 },
	[PROBLEM_BUDGET_EXCEEDED] = { "budget-exceeded", "Too many records in this time: a bulk approval is needed", 429 },
	[PROBLEM_COSIGNATURE_REQUIRED] = { "cosignature-required", "Witnesses have to cosign the log first", 403 },
};

static unsigned known(unsigned problem)
{
	return problem < PROBLEM_COUNT ? problem : PROBLEM_INTERNAL;
}

const char *problem_kind(unsigned problem)
{
	return problems[known(problem)].kind;
}

const char *problem_title(unsigned problem)
{
	return problems[known(problem)].title;
}

const char *outcome_name(unsigned outcome)
{
	/* In the order of the codes, from 1. */
	static const char *const reasons[OUTCOME_COUNT - OUTCOME_REASON] = {
		NULL, "prohibited-purpose", "purpose-unknown", "purpose-not-of-role", "case-missing", "reason-missing",
		"purpose-not-of-field", "not-owner", "no-right", "field-excepted", "no-reveal", "out-of-area", "no-approval",
		"approval-purpose", "approval-level", "approval-field", "approval-expired", "approval-used-up", "generation-gone",
		"budget", "no-key", "not-approver", "self-approval", "mutual-approval", "delegation-expired", "delegation-scope",
		"grantee-unknown", "already-decided", "other-vault", "operation-expired", "log-differs", "change-order", "signature",
		"separation", "share", "guardian-standing", "not-witnessed", "duplicate"
	};

	if (outcome == PROBLEM_NONE)
		return "done";
	if (outcome < PROBLEM_COUNT)
		return problem_kind(outcome);
	if (outcome <= OUTCOME_REASON || outcome >= OUTCOME_COUNT)
		return "unknown";
	return reasons[outcome - OUTCOME_REASON];
}

int problem_status(unsigned problem)
{
	return problems[known(problem)].status;
}

void message_encode(const struct message *m, uint8_t ret[MESSAGE_HEADER])
{
	assert(m->body_n <= MESSAGE_BODY_MAX);
	ret[0] = VERSION;
	ret[1] = m->type;
	be16_put(ret + 2, m->flags);
	be32_put(ret + 4, m->body_n);
	be64_put(ret + 8, m->connection);
	be64_put(ret + 16, m->request);
}

int message_decode(const void *p, size_t n, struct message *ret)
{
	struct rd r = rd_over(p, n);
	struct message m;
	uint8_t version = rd_u8(&r);

	m.type = rd_u8(&r);
	m.flags = rd_u16(&r);
	m.body_n = rd_u32(&r);
	m.connection = rd_u64(&r);
	m.request = rd_u64(&r);
	if (!rd_ok(&r) || n > MESSAGE_MAX || version != VERSION || (m.flags & ~MESSAGE_MORE) != 0 || m.body_n > rd_left(&r))
		return CV_ERR_FORMAT;
	*ret = m;
	return 0;
}

size_t message_part(const struct message *m, size_t total, size_t offset, struct message *ret)
{
	size_t n = total - offset;

	assert(offset <= total);
	*ret = *m;
	ret->flags = 0;
	if (n > MESSAGE_BODY_MAX) {
		n = MESSAGE_BODY_MAX;
		ret->flags = MESSAGE_MORE;
	}
	ret->body_n = (uint32_t)n;
	return n;
}
