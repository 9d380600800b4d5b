/*
 * Policy files: whose signatures make a checkpoint trusted, docs/FORMAT.md section 10 (C2SP tlog-policy). Pure: the key ids
 * are as written, audit/trust.h compares them with the keys.
 */
#ifndef CV_FORMAT_TLOG_POLICY_H
#define CV_FORMAT_TLOG_POLICY_H

#include <stddef.h>
#include <stdint.h>

#include "format/note.h"

#define TLOG_POLICY_MAX 65536u		/* bytes of a file */
#define TLOG_LOGS_MAX 32u
#define TLOG_WITNESSES_MAX 32u
#define TLOG_GROUPS_MAX 32u
#define TLOG_MEMBERS_MAX (TLOG_WITNESSES_MAX + TLOG_GROUPS_MAX)
#define TLOG_NONE UINT64_MAX		/* in place of a time: no witness is asked for */

/* The name of a witness or group, as bytes of the file. */
struct tlog_name {
	const char *p;
	size_t n;
};
struct tlog_witness {
	struct tlog_name name;
	struct vkey key;
};
/* At least k of n members; a member is a witness (its number) or a group before this one (TLOG_WITNESSES_MAX + its number). */
struct tlog_group {
	struct tlog_name name;
	unsigned k, n;
	uint8_t member[TLOG_MEMBERS_MAX];
};
/* About 30 KB: not for the stack of core. Names point into the file's text, which must outlive it. */
struct tlog_policy {
	unsigned logs, witnesses, groups;
	struct vkey log[TLOG_LOGS_MAX];
	struct tlog_witness witness[TLOG_WITNESSES_MAX];
	struct tlog_group group[TLOG_GROUPS_MAX];
	unsigned quorum;	/* as a member; TLOG_MEMBERS_MAX: none */
};

/*
 * Read a file of n bytes. 0 or CV_ERR_FORMAT with the number of the line (from 1) in *ret_line: an octet that may not stand
 * there, a line of no known form, a key of another type, a key, a name or a member twice, a name that is not defined before,
 * more than the limits above, no quorum or a second one (then the line behind the last).
 */
int tlog_policy_decode(const char *p, size_t n, struct tlog_policy *ret, unsigned *ret_line);
/*
 * The time since which the quorum vouches: the latest time such that those who cosigned then or later are a quorum. time_s has
 * the time of each witness's cosignature in seconds since 1970, 0 where there is none. 0: no quorum; TLOG_NONE: none is asked for.
 */
uint64_t tlog_policy_time(const struct tlog_policy *p, const uint64_t time_s[TLOG_WITNESSES_MAX]);
/* Append the file for one log (NULL: none) and k of the n witnesses (k 0: quorum none), whose names are those of their keys. */
void tlog_policy_encode(const struct vkey *log, const struct vkey *witness, unsigned n, unsigned k, struct buf *ret);

#endif
