/* Unseal slots, keyring row and the log writer's note of META, FORMAT.md 5.3 and 5.4. */
#include "crypto/merkle.h"
#include "format/keyring.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t again[MERKLE_NOTE_MAX], root[32];
	struct merkle_frontier f;
	struct slot_row slot;
	const uint8_t *sealed;
	uint32_t epoch;
	struct buf b;

	buf_init(&b, 1 << 16);
	if (slot_row_decode(data, size, &slot) == 0) {
		MUST(slot_row_encode(&slot, &b) == 0);
		must_be(&b, data, size);
	}
	if (keyring_row_decode(data, size, &epoch, &sealed) == 0) {
		MUST(keyring_row_encode(epoch, sealed, &b) == 0);
		must_be(&b, data, size);
	}
	if (merkle_note_decode(data, size, &f) == 0) {
		MUST(merkle_note_encode(&f, again) == size && memcmp(again, data, size) == 0);
		merkle_root(&f, root);
	}
	buf_free(&b);
	return 0;
}
