/* Reading flat vector files, for the tests of crypto alone. Tests run in the folder of the Makefile. */
#ifndef CV_TEST_CRYPTO_H
#define CV_TEST_CRYPTO_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define FIELDS_MAX 32

struct bytes {
	uint8_t p[2048];
	size_t n;
};

/* Decode a hexadecimal word, "-" for none. */
static inline void unhex(const char *word, struct bytes *ret)
{
	ret->n = strcmp(word, "-") == 0 ? 0 : strlen(word) / 2;
	assert_true(ret->n <= sizeof(ret->p));
	if (ret->n > 0)
		assert_int_equal(hex_decode(word, strlen(word), ret->p, ret->n), 0);
}

/* Call each with the words of every line of the file that is no comment; returns the number of lines. */
static inline unsigned each_line(const char *path, void (*each)(char **words, size_t n))
{
	FILE *f = fopen(path, "r");
	char *words[FIELDS_MAX], *line = NULL, *rest;
	size_t room = 0, n;
	unsigned lines = 0;

	assert_non_null(f);
	while (getline(&line, &room, f) > 0) {
		if (line[0] == '#')
			continue;
		rest = line;
		for (n = 0; n < FIELDS_MAX && (words[n] = strsep(&rest, " \n")) != NULL && words[n][0] != '\0';)
			n++;
		each(words, n);
		lines++;
	}
	free(line);
	fclose(f);
	return lines;
}

#endif
