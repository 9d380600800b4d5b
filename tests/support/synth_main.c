/* Print synthetic files, one JSON object a line: synth_main COUNT [SEED [FIRST]]. */
#include <stdio.h>
#include <stdlib.h>

#include "synth.h"

int main(int argc, char **argv)
{
	unsigned long long count = argc > 1 ? strtoull(argv[1], NULL, 10) : 10;
	unsigned long long seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 7, first = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
	char line[SYNTH_MAX];

	for (unsigned long long k = first; k < first + count; k++) {
		(void)synth_file(seed, k, line);
		if (puts(line) == EOF)
			return 1;
	}
	return 0;
}
