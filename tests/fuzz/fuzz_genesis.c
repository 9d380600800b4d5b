/* Leaf 0's body, the request that administrators sign, a file of signatures: FORMAT.md sections 9 and 12. */
#include "base/bytes.h"
#include "format/genesis.h"
#include "fuzz.h"

static void request(const uint8_t *p, size_t n)
{
	struct genesis_request q;
	struct genesis_texts texts;
	struct genesis_fact fact;
	struct buf b;
	struct rd r;

	if (genesis_request_decode(p, n, &q) != 0)
		return;
	buf_init(&b, 1 << 20);
	genesis_request_head(q.leaf, q.leaf_n, q.change, q.change_n, q.policy, q.policy_n, &b);
	buf_u16(&b, q.facts);
	r = rd_over(q.fact_list, q.fact_list_n);
	for (unsigned i = 0; i < q.facts; i++) {
		genesis_fact_next(&r, &fact);
		genesis_fact_encode(&fact, &b);
	}
	MUST(rd_done(&r));
	buf_u16(&b, q.people);
	r = rd_over(q.people_list, q.people_list_n);
	for (unsigned i = 0; i < q.people; i++) {
		genesis_texts_next(&r, &texts);
		genesis_texts_encode(&texts, &b);
	}
	MUST(rd_done(&r));
	must_be(&b, p, n);
	buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct genesis_signature s;
	struct genesis_body body;
	struct buf b;

	request(data, size);
	buf_init(&b, 8192);
	if (genesis_body_decode(data, size, &body) == 0) {
		genesis_body_encode(&body, &b);
		must_be(&b, data, size);
	}
	buf_reset(&b);
	if (genesis_signature_decode((const char *)data, size, &s) == 0) {
		genesis_signature_encode(&s, &b);
		must_be(&b, data, size);
	}
	buf_free(&b);
	return 0;
}
