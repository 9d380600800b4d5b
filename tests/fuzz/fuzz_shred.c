/* Files of the shred tree and their names, FORMAT.md section 6. Short inputs are taken as the start of a root slot. */
#include "format/shred.h"
#include "fuzz.h"

static void files(const uint8_t *p, size_t n)
{
	uint8_t header[SHRED_HEADER];
	const uint8_t *sealed;
	uint16_t shard;
	uint64_t sequence;

	if (n < SHRED_HEADER)
		return;
	shard = be16_get(p + 6);
	sequence = be64_get(p + 8);
	for (int top = 0; top < 2; top++) {
		if (shred_file_decode(p, n, top == 1, top == 1 ? 0 : shard, sequence, &sealed) != 0)
			continue;
		MUST(sealed == p + SHRED_HEADER && n == SHRED_FILE);
		shred_header_encode(top == 1, top == 1 ? 0 : shard, sequence, header);
		MUST(memcmp(header, p, SHRED_HEADER) == 0);
	}
}

static void slots(const uint8_t *p, size_t n)
{
	static uint8_t file[ROOT_SLOT_FILE], again[ROOT_SLOT_FILE];
	struct root_slot s;

	memset(file, 0, sizeof(file));
	memcpy(file, p, n < sizeof(file) ? n : sizeof(file));
	if (n > sizeof(file))
		MUST(root_slot_decode(p, n, &s) != 0);
	if (root_slot_decode(file, sizeof(file), &s) != 0)
		return;
	root_slot_encode(&s, again);
	MUST(memcmp(again, file, ROOT_SLOT_SEAL_AT) == 0);
}

static void names(const uint8_t *p, size_t n)
{
	char name[2 * SHRED_NAME], again[SHRED_NAME];
	uint16_t shard;
	uint64_t sequence;

	n = n < sizeof(name) - 1 ? n : sizeof(name) - 1;
	memcpy(name, p, n);
	name[n] = '\0';
	if (!shred_shard_name_decode(name, &shard, &sequence))
		return;
	shred_shard_name(shard, sequence, again);
	MUST(strcmp(name, again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	files(data, size);
	slots(data, size);
	names(data, size);
	return 0;
}
