/*
 * Proof files: that one leaf stands in a signed tree, docs/FORMAT.md section 10 (C2SP tlog-proof). Pure; audit/trust.h
 * verifies them.
 */
#ifndef CV_FORMAT_TLOG_PROOF_H
#define CV_FORMAT_TLOG_PROOF_H

#include <stddef.h>
#include <stdint.h>

#include "format/note.h"

#define TLOG_PROOF_HASHES 63u		/* in a tree of fewer than 2^63 leaves */
#define TLOG_PROOF_EXTRA_MAX 65536u	/* bytes of extra data */
#define TLOG_PROOF_MAX (NOTE_MAX + TLOG_PROOF_EXTRA_MAX * 4 / 3 + 64 + TLOG_PROOF_HASHES * 45)	/* bytes of a file */

struct tlog_proof {
	const char *extra;	/* base64 of the extra data, into the file; NULL: there is none. Not authenticated by anything */
	size_t extra_n;
	uint64_t index;
	unsigned n;		/* hashes, from the leaf's sibling up */
	uint8_t hash[TLOG_PROOF_HASHES][32];
	const char *checkpoint;	/* the signed note, into the file; it is not taken apart */
	size_t checkpoint_n;
};

/* Take a file apart. 0 or CV_ERR_FORMAT: anything but the lines of the specification, in its one spelling. */
int tlog_proof_decode(const char *p, size_t n, struct tlog_proof *ret);
/*
 * Append a file: extra_n bytes of extra data (NULL: none), the n hashes (at most TLOG_PROOF_HASHES), the signed note of
 * checkpoint_n bytes. 0, CV_ERR_ARG (too much extra data), CV_ERR_NOMEM.
 */
int tlog_proof_encode(const void *extra, size_t extra_n, uint64_t index, const uint8_t (*hash)[32], unsigned n,
    const void *checkpoint, size_t checkpoint_n, struct buf *ret);

#endif
