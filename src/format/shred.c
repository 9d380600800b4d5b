#include "format/shred.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"

#define FORMAT 1u
#define SUITE 1u
#define CHECK_BYTES 16u

static void header(const char *magic, uint16_t number, uint64_t sequence, uint8_t ret[SHRED_HEADER])
{
	memcpy(ret, magic, 4);
	ret[4] = FORMAT;
	ret[5] = SUITE;
	be16_put(ret + 6, number);
	be64_put(ret + 8, sequence);
}

void shred_header_encode(bool top, uint16_t shard, uint64_t sequence, uint8_t ret[SHRED_HEADER])
{
	header(top ? "CVTP" : "CVSH", shard, sequence, ret);
}

int shred_file_decode(const uint8_t *p, size_t n, bool top, uint16_t shard, uint64_t sequence, const uint8_t **ret_sealed)
{
	uint8_t want[SHRED_HEADER];

	/* Every byte of the header is known beforehand, so it is compared whole. */
	shred_header_encode(top, shard, sequence, want);
	if (n != SHRED_FILE || memcmp(p, want, sizeof(want)) != 0)
		return CV_ERR_FORMAT;
	*ret_sealed = p + SHRED_HEADER;
	return 0;
}

void shred_shard_name(uint16_t shard, uint64_t sequence, char ret[SHRED_NAME])
{
	(void)snprintf(ret, SHRED_NAME, "shard-%04x-%016" PRIx64, (unsigned)shard, sequence);	/* 27 characters */
}

void shred_top_name(uint64_t sequence, char ret[SHRED_NAME])
{
	(void)snprintf(ret, SHRED_NAME, "top-%016" PRIx64, sequence);	/* 20 characters */
}

/* Exactly n lower-case hexadecimal digits. */
static bool hex_number(const char *s, size_t n, uint64_t *ret)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++) {
		if (s[i] >= '0' && s[i] <= '9')
			v = v << 4 | (uint64_t)(s[i] - '0');
		else if (s[i] >= 'a' && s[i] <= 'f')
			v = v << 4 | (uint64_t)(s[i] - 'a' + 10);
		else
			return false;
	}
	*ret = v;
	return true;
}

bool shred_shard_name_decode(const char *name, uint16_t *ret_shard, uint64_t *ret_sequence)
{
	uint64_t shard, sequence;

	if (strlen(name) != 27 || memcmp(name, "shard-", 6) != 0 || name[10] != '-' || !hex_number(name + 6, 4, &shard) ||
	    !hex_number(name + 11, 16, &sequence) || shard >= SHRED_SHARDS)
		return false;
	*ret_shard = (uint16_t)shard;
	*ret_sequence = sequence;
	return true;
}

void root_slot_encode(const struct root_slot *s, uint8_t ret[ROOT_SLOT_FILE])
{
	memset(ret, 0, ROOT_SLOT_FILE);
	header("CVSL", 0, s->sequence, ret);
	be64_put(ret + 16, s->erase_serial);
	be64_put(ret + 24, s->closed_size);
	memcpy(ret + 32, s->closed_root, 32);
}

int root_slot_decode(const uint8_t *p, size_t n, struct root_slot *ret)
{
	uint8_t want[SHRED_HEADER], behind = 0;
	struct root_slot s;

	if (n != ROOT_SLOT_FILE)
		return CV_ERR_FORMAT;
	s.sequence = be64_get(p + 8);
	s.erase_serial = be64_get(p + 16);
	s.closed_size = be64_get(p + 24);
	memcpy(s.closed_root, p + 32, 32);
	header("CVSL", 0, s.sequence, want);
	for (size_t i = ROOT_SLOT_CHECK_AT + CHECK_BYTES; i < n; i++)
		behind |= p[i];
	if (memcmp(p, want, sizeof(want)) != 0 || behind != 0)
		return CV_ERR_FORMAT;
	*ret = s;
	return 0;
}

void root_slot_plain_encode(const struct root_slot_plain *s, uint8_t ret[ROOT_SLOT_PLAIN])
{
	memcpy(ret, s->top_key, 32);
	memcpy(ret + 32, s->fs, 32);
	be32_put(ret + 64, s->epoch);
	be64_put(ret + 68, s->top_sequence);
}

void root_slot_plain_decode(const uint8_t p[ROOT_SLOT_PLAIN], struct root_slot_plain *ret)
{
	memcpy(ret->top_key, p, 32);
	memcpy(ret->fs, p + 32, 32);
	ret->epoch = be32_get(p + 64);
	ret->top_sequence = be64_get(p + 68);
}
