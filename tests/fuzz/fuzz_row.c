/* Class rows: parts and index, FORMAT.md 4.3. The input is taken as a stored row and as an index plaintext. */
#include "format/row.h"
#include "fuzz.h"

/* The length of the stored row that would fit an index, or 0. */
static size_t row_length(const uint8_t *p, size_t n)
{
	size_t total = ROW_PREFIX + n + 16, entries = n >= 4 ? be16_get(p) : 0;

	if (n < 4 || 4 + entries * 8 > n)
		return 0;
	for (size_t i = 0; i < entries; i++)
		total += be16_get(p + 4 + i * 8 + 6) + 16u;
	return total;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct row_index x;
	uint8_t prefix[ROW_PREFIX];
	struct row_parts parts;
	size_t stored_n = row_length(data, size);
	struct buf b;

	if (row_split(data, size, &parts) == 0) {
		MUST(parts.index + parts.index_n <= data + size);
		row_prefix_encode(parts.index_n, parts.nonce, parts.commit, prefix);
		MUST(memcmp(prefix, data, ROW_PREFIX) == 0);
	}
	MUST(row_index_decode(data, size, size + 16, stored_n + 1, &x) != 0);
	if (row_index_decode(data, size, size + 16, stored_n, &x) != 0)
		return 0;
	for (unsigned i = 0; i < x.entries; i++) {
		MUST(x.entry[i].offset + x.entry[i].padded + 16 <= stored_n && x.entry[i].length <= x.entry[i].padded);
		MUST(x.entry[i].provenance < x.provenances);
		MUST(row_index_find(&x, x.entry[i].field) == &x.entry[i]);
	}
	buf_init(&b, ROW_INDEX_MAX);
	MUST(row_index_encode(&x, &b) == 0);
	must_be(&b, data, size);
	return 0;
}
