/*
 * One table of error codes for the whole project.
 *
 * Every function that can fail returns an int: 0, or one of the negative codes below. A predicate returns bool.
 * Inside the project the codes tell causes apart; towards a client they are folded into the closed problem kinds
 * of docs/PROTOCOL.md, so that a probing caller learns no more than "it did not open".
 */
#ifndef CV_BASE_ERROR_H
#define CV_BASE_ERROR_H

enum cv_err {
	CV_OK = 0,
	CV_ERR_NOMEM = -1,	/* memory, or a locked page, could not be had */
	CV_ERR_FORMAT = -2,	/* bytes do not follow docs/FORMAT.md or docs/PROTOCOL.md */
	CV_ERR_LIMIT = -3,	/* a named maximum would be exceeded */
	CV_ERR_AUTH = -4,	/* a tag, commitment, MAC or signature does not fit: wrong key or changed bytes */
	CV_ERR_NOKEY = -5,	/* the key that would open this is not held here */
	CV_ERR_NOTFOUND = -6,	/* no such row, record, field, principal, file */
	CV_ERR_EXISTS = -7,	/* it is there already */
	CV_ERR_CONFLICT = -8,	/* another change came first; the caller may try again on new state */
	CV_ERR_FULL = -9,	/* map, journal or disk has no room; nothing was changed */
	CV_ERR_IO = -10,	/* read, write or sync failed; see docs/FORMAT.md "Journal" for what follows */
	CV_ERR_SEALED = -11,	/* the vault is sealed: no keyring */
	CV_ERR_STATE = -12,	/* the call does not fit the present state */
	CV_ERR_ARG = -13,	/* an argument is outside its range */
	CV_ERR_DENIED = -14,	/* policy says no */
	CV_ERR_INVALID = -15,	/* a value fails its validator */
	CV_ERR_CRYPTO = -16,	/* the library refused, such as an all-zero shared secret */
	CV_ERR_SYSTEM = -17,	/* another system call failed; errno tells */
	CV_ERR_REPLAY = -18,	/* older than what head or log names: a row put back, a log cut */
	CV_ERR_BUSY = -19	/* bounded queue or table is full; try later */
};

/*
 * Return a short English text for code, such as "authentication failed". code is 0 or a CV_ERR_*; any other value
 * gives "unknown error". The text is static and never NULL. Any thread.
 */
const char *cv_strerror(int code);

#endif
