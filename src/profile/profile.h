/*
 * Profiles: the strict YAML that administrators write, compiled to the policy document. docs/PROFILE.md is the
 * language, docs/FORMAT.md section 11 the document. For tools only; core reads documents, never YAML.
 */
#ifndef CV_PROFILE_PROFILE_H
#define CV_PROFILE_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct policy;
struct profile;

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

/*
 * As profile_compile, keeping the profile with the places of its parts; free with profile_free (NULL is allowed).
 */
int profile_open(const char *path, struct profile **ret_profile, struct profile_error *ret_error);
int profile_open_text(const char *yaml, size_t n, struct profile **ret_profile, struct profile_error *ret_error);
void profile_free(struct profile *p);
/* The document and the decoded policy, valid as long as p. */
const struct buf *profile_document(const struct profile *p);
const struct policy *profile_policy(const struct profile *p);

struct profile_question {
	const char *role, *field, *purpose;	/* names */
	bool clear;		/* view=clear */
	bool write;		/* a write, not a read */
	bool creating;		/* of a write: while the file is opened */
};
/*
 * Append to ret whether the role may do it, in which view, by which lines of the profile, and what is asked besides; for no, the reason of
 * docs/POLICY.md section 1 and the line where what is missing would stand. path is what lines are told of. *ret_yes is the answer. 0;
 * CV_ERR_NOTFOUND: there is no such role or field (*ret_unknown is its name); CV_ERR_NOMEM: ret is full.
 */
int profile_explain(const struct profile *p, const struct profile_question *q, const char *path, bool chinese, struct buf *ret,
    bool *ret_yes, const char **ret_unknown);

#endif
