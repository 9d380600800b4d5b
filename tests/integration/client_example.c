/*
 * The C client as an outside program uses it: log in with a key file, create, read, patch, history.
 *
 *     client_example SOCKET KEYFILE PURPOSE NAME PHONE NEWPHONE
 *
 * Prints what it read, one line a step; exit 1 with libchildvault's sentence if a call fails.
 */
#include <childvault.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failed(const struct childvault *cv, const char *what)
{
	fprintf(stderr, "%s: %s (%s %s)\n", what, childvault_message(cv), childvault_problem(cv), childvault_explain(cv));
	return 1;
}

static size_t read_file(const char *path, char *to, size_t room)
{
	FILE *f = fopen(path, "r");
	size_t n = 0;

	if (f != NULL) {
		n = fread(to, 1, room, f);
		fclose(f);
	}
	return n;
}

static int story(struct childvault *cv, char **argv, const char *key, size_t key_n)
{
	struct childvault_with how = { .purpose = argv[3], .idempotency_key = "c-client" };
	char fields[512], id[33], etag[64];
	uint64_t leaf = 0;

	if (childvault_health(cv) != CHILDVAULT_OK)
		return failed(cv, "health");
	if (childvault_login(cv, key, key_n, NULL, 0, NULL, 0) != CHILDVAULT_OK)
		return failed(cv, "login");
	printf("roles %s\n", childvault_roles(cv));
	snprintf(fields, sizeof(fields), "{\"name\":\"%s\",\"phone\":\"%s\"}", argv[4], argv[5]);
	if (childvault_create(cv, &how, fields) != CHILDVAULT_OK)
		return failed(cv, "create");
	snprintf(id, sizeof(id), "%s", childvault_id(cv));
	printf("created %s\n", id);
	how.idempotency_key = NULL;
	if (childvault_get(cv, &how, id, "name,phone", 0) != CHILDVAULT_OK)
		return failed(cv, "get");
	printf("view %s %s\n", childvault_view(cv), childvault_body(cv, NULL));
	how.reason = "家访";
	if (childvault_get(cv, &how, id, "name,phone", 1) != CHILDVAULT_OK)
		return failed(cv, "get clear");
	printf("view %s %s\n", childvault_view(cv), childvault_body(cv, NULL));
	snprintf(etag, sizeof(etag), "%s", childvault_etag(cv));
	snprintf(fields, sizeof(fields), "{\"phone\":\"%s\"}", argv[6]);
	if (childvault_patch(cv, &how, id, etag, fields) != CHILDVAULT_OK)
		return failed(cv, "patch");
	if (childvault_leaf(cv, &leaf) != 1)
		return failed(cv, "a change without its leaf");
	if (childvault_patch(cv, &how, id, etag, fields) != CHILDVAULT_PROBLEM ||
	    strcmp(childvault_problem(cv), "precondition-failed") != 0)
		return failed(cv, "an old version was taken");
	if (childvault_history(cv, &how, id, "phone", 1, 0, 0) != CHILDVAULT_OK)
		return failed(cv, "history");
	printf("history %s\n", childvault_body(cv, NULL));
	if (childvault_logout(cv) != CHILDVAULT_OK)
		return failed(cv, "logout");
	if (childvault_get(cv, &how, id, "name", 0) == CHILDVAULT_OK)
		return failed(cv, "a closed session still reads");
	return 0;
}

int main(int argc, char **argv)
{
	struct childvault *cv = NULL;
	static char key[4096];
	size_t key_n;
	int code = 1;

	if (argc != 7 || (key_n = read_file(argv[2], key, sizeof(key))) == 0)
		return 2;
	if (childvault_open(argv[1], &cv) == CHILDVAULT_OK)
		code = story(cv, argv, key, key_n);
	childvault_free(cv);
	return code;
}
