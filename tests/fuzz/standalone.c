/* Replay inputs through a fuzz target without libFuzzer: the arguments are files, or folders whose files are taken. */
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#include "fuzz.h"

static unsigned inputs;

/* 0, or -1 with errno. */
static int replay_file(const char *path, size_t size)
{
	FILE *f = fopen(path, "rb");
	uint8_t *p = malloc(size > 0 ? size : 1);	/* of this length exactly, so that sanitizers see a read behind it */
	int r = -1;

	if (f != NULL && p != NULL && fread(p, 1, size, f) == size) {
		(void)LLVMFuzzerTestOneInput(p, size);
		inputs++;
		r = 0;
	}
	free(p);
	if (f != NULL)
		fclose(f);
	return r;
}

static int replay(const char *path)
{
	char name[4096];
	struct dirent *e;
	struct stat st;
	DIR *d;
	int r = 0;

	if (stat(path, &st) != 0)
		return -1;
	if (!S_ISDIR(st.st_mode))
		return replay_file(path, (size_t)st.st_size);
	if ((d = opendir(path)) == NULL)
		return -1;
	while (r == 0 && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		if ((size_t)snprintf(name, sizeof(name), "%s/%s", path, e->d_name) >= sizeof(name))
			r = -1;
		else
			r = replay(name);
	}
	closedir(d);
	return r;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (replay(argv[i]) != 0) {
			perror(argv[i]);
			return 1;
		}
	}
	printf("%u inputs\n", inputs);
	return 0;
}
