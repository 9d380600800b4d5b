/*
 * The record of tests/vectors/format/make.py, for the tests of format and keys: its inputs, and a reader of format.txt. Tests
 * run in the folder of the Makefile. Include after <cmocka.h>.
 */
#ifndef CV_TEST_RECORD_SAMPLES_H
#define CV_TEST_RECORD_SAMPLES_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "format/head.h"
#include "format/row.h"

#define IDENTITY (0x10u << 16)
#define HEALTH (0x50u << 16)
#define NOTES (0xB0u << 16)
#define SLOT 1234u
#define BIRTH 3u
#define EPOCH 4u
#define GENERATION 2u
#define ROW_VERSION 7u
#define DROP_VERSION 8u
#define FAR 300u	/* a generation of two groups of bits */
#define SAMPLE_MAX 8192

/* Bytes first, first + 1, ... */
static inline void run(uint8_t *p, uint8_t first, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(first + i);
}

/* The bytes of a line of format.txt into ret (room SAMPLE_MAX); returns how many. */
static inline size_t sample(const char *name, uint8_t *ret)
{
	FILE *f = fopen("tests/vectors/format/format.txt", "r");
	char *line = NULL, *hex = NULL;
	size_t room = 0, n = 0;

	assert_non_null(f);
	while (hex == NULL && getline(&line, &room, f) > 0)
		if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ' ')
			hex = line + strlen(name) + 1;
	assert_non_null(hex);
	n = strcspn(hex, "\n") / 2;
	assert_true(n > 0 && n <= SAMPLE_MAX);
	assert_int_equal(hex_decode(hex, 2 * n, ret, n), 0);
	free(line);
	fclose(f);
	return n;
}

static inline void sample_head(struct head *ret)
{
	struct head_class *c;

	memset(ret, 0, sizeof(*ret));
	run(ret->record, 0x11, 16);
	ret->shred_slot = SLOT;
	ret->state = STATE_ACTIVE;
	ret->flags = HEAD_NO_NOTICE;
	ret->area_n = 6;
	memcpy(ret->area, "330106", 6);
	ret->due_quarter = 2026 * 4 + 3;
	ret->created_ms = 1790000000123;
	ret->updated_ms = 1790000999456;
	run(ret->log_key, 0x91, 32);
	ret->tokens = 2;
	ret->token[0].index = 1;
	ret->token[1].index = 2;
	ret->token[0].epoch = ret->token[1].epoch = 1;
	run(ret->token[0].token, 0x60, 16);
	run(ret->token[1].token, 0x40, 16);
	ret->classes = 3;
	c = ret->class;
	c[0] = (struct head_class){ .class_key = IDENTITY, .flags = HEAD_CLASS_ROW, .generation = 1, .row_version = 1,
		.class_version = 1 };
	c[1] = (struct head_class){ .class_key = HEALTH, .flags = HEAD_CLASS_ROW, .drops = 1, .generation = GENERATION,
		.row_version = ROW_VERSION, .class_version = DROP_VERSION, .change = 6 };
	c[2] = (struct head_class){ .class_key = NOTES, .drops = 2, .generation = 1, .class_version = 2 };
	ret->changes = 6;
	run(ret->digest, 0x80, 16);
	run(ret->hist_digest, 0xA0, 16);
	run(ret->nonce, 0x65, ROW_NONCE);
	run(c[1].digest, 0x90, 16);
	run(c[2].digest, 0xB0, 16);
	run(c[0].nonce, 0x65, ROW_NONCE);
	run(c[1].nonce, 0x55, ROW_NONCE);
}

/* The head with everything that the other has not. */
static inline void sample_head_planned(struct head *ret)
{
	struct head_class *c;

	memset(ret, 0, sizeof(*ret));
	run(ret->record, 0x11, 16);
	ret->shred_slot = SLOT;
	ret->state = STATE_APPLIED;
	ret->flags = HEAD_PLANNED;
	ret->created_ms = ret->updated_ms = 1790000000123;
	run(ret->log_key, 0x91, 32);
	ret->planned_n = 12;
	memcpy(ret->planned, "330107000000", 12);
	ret->planned_day = 20790;
	ret->classes = 5;
	c = ret->class;
	c[0] = (struct head_class){ .class_key = IDENTITY, .flags = 1, .generation = 1, .row_version = 3, .class_version = 3,
		.change = 200 };
	c[1] = (struct head_class){ .class_key = HEALTH, .flags = 1, .drops = 64, .generation = FAR, .row_version = 70000,
		.class_version = 70200, .change = UINT32_MAX };
	c[2] = (struct head_class){ .class_key = NOTES, .flags = 1, .generation = 2, .row_version = 3, .class_version = 4,
		.change = 200 };
	c[3] = (struct head_class){ .class_key = 0xD0u << 16, .flags = 1, .generation = UINT32_MAX, .row_version = UINT32_MAX,
		.class_version = UINT32_MAX, .change = 7 };
	c[4] = (struct head_class){ .class_key = 0x40D1u << 16, .generation = 1, .class_version = 5 };
	ret->changes = UINT32_MAX;
	run(ret->nonce, 0x85, ROW_NONCE);
	run(ret->hist_digest, 0xA1, 16);
	run(c[1].digest, 0x90, 16);
	run(c[0].nonce, 0x65, ROW_NONCE);
	run(c[1].nonce, 0x55, ROW_NONCE);
	run(c[2].nonce, 0x65, ROW_NONCE);
	run(c[3].nonce, 0x75, ROW_NONCE);
}

static inline void sample_provenances(struct provenance ret[2])
{
	ret[0] = (struct provenance){ .source = 0x0101, .written_ms = 1790000999456, .as_of_day = 20780 };
	ret[1] = (struct provenance){ .source = 0x0202, .written_ms = 1790000111222, .due_day = 21000 };
	run(ret[0].writer, 0x21, 16);
	run(ret[1].writer, 0x61, 16);
}

#endif
