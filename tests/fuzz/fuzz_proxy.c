/* What the proxy reads of an application's request: its head, and the framing of bodies that pass. */
#include "client/proxy_message.h"
#include "fuzz.h"

/* A body passes alike in one piece and byte by byte. */
static void pass(const uint8_t *p, size_t n, enum proxy_framing framing, uint64_t length)
{
	struct proxy_body whole, parts;
	size_t got = 0, sum = 0, one;
	int r, s = 0;

	proxy_body_begin(&whole, framing, length);
	parts = whole;
	r = proxy_body_pass(&whole, p, n, &got);
	MUST(r != 0 || got <= n);
	MUST(r != 0 || whole.done || got == n);
	while (s == 0 && sum < n && !parts.done) {
		one = 0;
		s = proxy_body_pass(&parts, p + sum, 1, &one);
		MUST(s != 0 || one == 1);
		sum += one;
	}
	MUST(r == s && (r != 0 || (sum == got && whole.state == parts.state && whole.left == parts.left && whole.done == parts.done)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy_request x, y;
	int r = proxy_request_parse((const char *)data, size, &x);

	if (r > 0) {
		MUST((size_t)r <= size && (size_t)r <= PROXY_HEAD_MAX && x.line_n >= 14 && x.line_n < (size_t)r);
		MUST(x.framing == FRAMING_LENGTH || x.length == 0);
		MUST(proxy_request_parse((const char *)data, (size_t)r - 1, &y) == 0);
		pass(data + r, size - (size_t)r, x.framing, x.length);
	}
	pass(data, size, FRAMING_CHUNKED, 0);
	return 0;
}
