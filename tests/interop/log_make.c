/*
 * Write a log folder of a few thousand leaves for other people's verifiers: log_make DIR [DAYS [LEAVES A DAY]]. DIR must not
 * exist; the log is then DIR/log, all signed, and DIR/log/old/checkpoint is a copy of an earlier checkpoint.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define FIX_CHECK(x) ((x) ? (void)0 : (fprintf(stderr, "log_make: %s\n", #x), exit(1)))
#include "unit/test_audit.h"

#define CHUNK 10000u

static void copy_checkpoint(const struct fix *f)
{
	char from[FIX_PATH], to[FIX_PATH], part[4096];
	FILE *in, *out;
	size_t n;

	fix_path(f, "old", to);
	FIX_CHECK(mkdir(to, 0700) == 0);
	fix_path(f, "checkpoint", from);
	fix_path(f, "old/checkpoint", to);
	in = fopen(from, "r");
	out = fopen(to, "w");
	FIX_CHECK(in != NULL && out != NULL);
	n = fread(part, 1, sizeof(part), in);
	FIX_CHECK(n > 0 && fwrite(part, 1, n, out) == n);
	FIX_CHECK(fclose(in) == 0 && fclose(out) == 0);
}

int main(int argc, char **argv)
{
	unsigned days = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 3;
	unsigned leaves = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 1200;
	struct fix f;

	if (argc < 2) {
		fprintf(stderr, "usage: log_make DIR [DAYS [LEAVES]]\n");
		return 2;
	}
	fix_make(&f, argv[1], FIX_EPOCHS_MAX);
	fix_genesis(&f);
	for (unsigned d = 0; d < days; d++) {
		for (unsigned done = 0; done < leaves; done += CHUNK) {
			fix_reads(&f, leaves - done < CHUNK ? leaves - done : CHUNK, 64);
			fix_checkpoint(&f);	/* lets the journal's files be used again */
		}
		if (d == 0)
			copy_checkpoint(&f);
		f.now_ms += FIX_DAY_MS;
	}
	fix_close(&f, true);
	free(f.epoch_pk);
	return 0;
}
