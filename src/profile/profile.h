/*
 * Profiles: the strict YAML that administrators write, compiled to the policy document. docs/PROFILE.md is the
 * language, docs/FORMAT.md section 11 the document. For tools only; core reads documents, never YAML.
 */
#ifndef CV_PROFILE_PROFILE_H
#define CV_PROFILE_PROFILE_H

#include <stddef.h>

struct buf;

#define PROFILE_MAX (1024u * 1024)	/* bytes of YAML */

struct profile_error {
	unsigned line, column;	/* from 1; 0: the file as a whole */
	char text[256];		/* one English line, cut if longer */
};

/*
 * Compile n bytes of YAML and append the document to ret_doc, which is not touched on failure. Equal profiles give
 * equal bytes, whatever the order of their entries. 0; CV_ERR_INVALID (the first thing that is wrong stands in
 * *ret_error), CV_ERR_LIMIT (more than PROFILE_MAX bytes, or a document that would be too long; *ret_error says so),
 * CV_ERR_NOMEM (likewise).
 */
int profile_compile_text(const char *yaml, size_t n, struct buf *ret_doc, struct profile_error *ret_error);
/* The same for a file. Also CV_ERR_IO: it cannot be read, with the system's reason in *ret_error. */
int profile_compile(const char *path, struct buf *ret_doc, struct profile_error *ret_error);

#endif
