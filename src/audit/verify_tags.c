/*
 * What stands beside the leaves and helps to read them: the column of subject tags, which has to say what the leaves say, and the
 * policy documents, which have to be the ones whose digests leaves hold. A folder may lack both: other tools know nothing of them.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "audit/audit_internal.h"
#include "audit/verify.h"
#include "base/error.h"
#include "base/text.h"
#include "store/files.h"

#define NONE CHILDVAULT_AUDIT_NONE
#define DOCUMENT_MAX (1u << 20)

/* ---- tags -------------------------------------------------------------------------------------------------------------- */

void verify_tags_begin(struct verify *v)
{
	uint64_t bytes;
	int r = files_size(v->dirfd, TAGS_FILE, &bytes);

	v->tags_there = r == 0 ? bytes / TAGS_ENTRY : 0;
	if (r == CV_ERR_IO)
		v->error = r;
	if (r == 0 && v->tags_there < v->size)
		found(v, CHILDVAULT_AUDIT_TAGS_CHANGED, true, TAGS_FILE, v->tags_there, v->size - 1, NONE, NONE);
}

void verify_tags(struct verify *v, const struct bundle *b, unsigned count, const uint8_t (*believed)[32])
{
	const uint64_t first = b->n * TILE_WIDTH;
	uint8_t there[TILE_WIDTH * TAGS_ENTRY], want[TAGS_ENTRY];
	uint64_t from = NONE;
	unsigned n = count;

	if (v->tags_there <= first || believed == NULL)
		return;
	if (v->tags_there - first < n)
		n = (unsigned)(v->tags_there - first);
	if (files_read_at(v->dirfd, TAGS_FILE, first * TAGS_ENTRY, there, (size_t)n * TAGS_ENTRY) != 0) {
		v->error = CV_ERR_IO;
		return;
	}
	for (unsigned i = 0; i <= n; i++) {
		bool differs = false;

		/* A leaf that was changed itself is no witness. */
		if (i < n && i < b->leaves && memcmp(b->hash[i], believed[i], 32) == 0) {
			tags_entry(b->bytes.p + b->at[i] + 2, b->at[i + 1] - b->at[i] - 2u, want);
			differs = memcmp(want, there + (size_t)i * TAGS_ENTRY, TAGS_ENTRY) != 0;
		}
		if (differs && from == NONE)
			from = first + i;
		if (!differs && from != NONE) {
			found(v, CHILDVAULT_AUDIT_TAGS_CHANGED, true, TAGS_FILE, from, first + i - 1, NONE, NONE);
			from = NONE;
		}
	}
}

/* ---- policy documents ----------------------------------------------------------------------------------------------------- */

/* files_list's callback. */
static int check_document(void *cookie, const char *name)
{
	struct verify *v = cookie;
	uint8_t id[16], digest[32];
	char path[48];
	struct part part;
	struct buf doc;
	int r;

	if (strlen(name) != 32 || hex_decode(name, 32, id, sizeof(id)) != 0)
		return 0;	/* one that is being written */
	(void)snprintf(path, sizeof(path), POLICY_FOLDER "/%s", name);
	buf_init(&doc, DOCUMENT_MAX);
	r = files_read(v->dirfd, path, &doc);
	part = (struct part){ doc.p, doc.n };
	crypto_hash("cv1.policy", NULL, 0, &part, 1, digest, sizeof(digest));
	if (r == CV_ERR_IO)
		v->error = r;
	else if (r != 0 || memcmp(digest, id, sizeof(id)) != 0)
		found(v, CHILDVAULT_AUDIT_DOCUMENT_CHANGED, true, path, NONE, NONE, NONE, NONE);
	buf_free(&doc);
	return 0;
}

void verify_documents(struct verify *v)
{
	if (faccessat(v->dirfd, POLICY_FOLDER, F_OK, 0) == 0 && files_list(v->dirfd, POLICY_FOLDER, check_document, v) != 0)
		v->error = CV_ERR_IO;
}
