/*
 * What the commands of `childvault` and `childvault-audit` share: options, messages in two languages, files, passphrases, tables, sessions.
 *
 * A command is `int cmd_x(int argc, char **argv)` with argv[0] its own name; it returns one of the EXIT_ codes below. One
 * process runs one command (demo calls init's); nothing here is for threads.
 */
#ifndef CV_TOOLS_CLI_H
#define CV_TOOLS_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "childvault.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_VERIFY = 3, EXIT_DENIED = 4, EXIT_SEALED = 5 };

struct cli {
	bool json;		/* --json: API bodies unchanged */
	bool chinese;		/* --lang zh, or LC_ALL, LC_MESSAGES, LANG beginning with zh */
	const char *socket;	/* --socket, else CHILDVAULT_SOCKET, else NULL */
	const char *program;	/* argv[0] of the process: childvaultd stands beside it */
	bool offline;		/* this is childvault-audit: no daemon is asked, and messages begin with that name */
};
extern struct cli cli;

/* The text in the language of people: en or zh, both given. */
const char *tr(const char *en, const char *zh);
/* A sentence that the library, the profile compiler or the daemon made, in the language of people: text itself, or ret (room bytes). */
const char *in_words(const char *text, char *ret, size_t room);
/* Say on standard error "childvault: ..." (printf format, the same arguments in both languages) and return code. */
int cli_fail(int code, const char *en, const char *zh, ...) __attribute__((format(printf, 2, 4)));
/* A usage error: the same, then how to see the command's help; returns EXIT_USAGE. */
int cli_usage(const char *command, const char *en, const char *zh, ...) __attribute__((format(printf, 2, 4)));

/* ---- options ------------------------------------------------------------------------------------------------------ */

#define CLI_LIST_MAX 512

struct cli_list {
	const char *item[CLI_LIST_MAX];
	size_t n;
};
enum cli_kind {
	OPTION_FLAG,	/* bool */
	OPTION_TEXT,	/* const char *; a second one replaces the first */
	OPTION_NUMBER,	/* uint64_t, decimal */
	OPTION_LIST	/* struct cli_list */
};
struct cli_option {
	const char *name;		/* without the dashes */
	enum cli_kind kind;
	void *target;			/* by kind; holds the default */
	const char *argument;		/* "FILE"; NULL for flags */
	const char *en, *zh;		/* one line of help */
};
struct cli_help {
	const char *usage;		/* "get ID --fields NAMES --purpose P [options]" */
	const char *en, *zh;		/* what the command does, for people */
};
struct cli_args {
	int argc;		/* arguments that are no options */
	char **argv;
	int exit;		/* if cli_parse said false: what the command returns */
};
/*
 * Parse a command's options (getopt_long, any order) besides --json, --lang, --socket and --help, which each command has. False
 * if --help was answered, or after a message about what is wrong: an option unknown or incomplete, fewer than min or more than
 * max arguments.
 */
bool cli_parse(int argc, char **argv, const struct cli_help *help, const struct cli_option *options, size_t n, int min, int max,
    struct cli_args *ret);
/* Remember --lang's argument. False if it is neither zh nor en. */
bool cli_language(const char *s);

/* ---- files and passphrases ------------------------------------------------------------------------------------------ */

/* Append a file, or standard input for "-" or NULL, to ret. 0, or an exit code after a message. */
int cli_read_file(const char *path, struct buf *ret);
/* Whether a and b (NULL: no) are names of one file: written alike, or both there already. */
bool cli_same_file(const char *a, const char *b);
/*
 * Write a new file with mode; it must not exist unless replace, which puts the new one in its place at once, but never in that of a
 * device, a pipe or a folder. 0 or exit code.
 */
int cli_write_file(const char *path, const void *p, size_t n, unsigned mode, bool replace);
/* Put the file fresh at path, over what stands there, and sync the folder; fresh is gone in any case. 0 or exit code. */
int cli_put_in_place(const char *fresh, const char *path);
/*
 * Append a passphrase: the next line of descriptor fd, or, with fd UINT64_MAX, asked for on the controlling terminal without
 * echo, twice if again. Never from arguments or environment. 0 or exit code.
 */
int cli_passphrase(uint64_t fd, const char *question, bool again, struct buf *ret);

/* ---- tables --------------------------------------------------------------------------------------------------------- */

struct table;
/* Columns are named in the language of people, printed only on a terminal. NULL on lack of memory. */
struct table *table_new(unsigned columns, const char *const *names);
/* Add one row of texts (NULL is empty); they are copied. */
void table_row(struct table *t, const char *const *cells);
/*
 * Print to standard output and free: aligned with names on a terminal, where control characters become '?'; else one line a row,
 * tabs between, with \t, \n, \r and \\ written as escapes. Returns EXIT_DONE, or EXIT_FAILED if memory or the output failed.
 */
int table_print(struct table *t);
/* Free without printing; NULL is allowed. */
void table_drop(struct table *t);
/* Print one text to standard output as a table on a terminal does: what could steer the terminal becomes '?'. */
void table_text(const char *s);

/* ---- the daemon ------------------------------------------------------------------------------------------------------- */

/* Open a client for the socket that was named. 0 or exit code after a message. */
int cli_open(struct childvault **ret);
/* Log in with a key file (its passphrase is asked for if it wants one) and store the file anew if it was bound. 0 or exit code. */
int cli_login(struct childvault *cv, const char *key_path, const struct cli_list *roles, uint64_t passphrase_fd);
/* The same, handing over the opened key as client_login does; ret_key may be NULL. */
struct client_key;
int cli_login_key(struct childvault *cv, const char *key_path, const struct cli_list *roles, uint64_t passphrase_fd,
    struct client_key *ret_key);
/*
 * A client with a session: CHILDVAULT_TOKEN's, else one opened with the key file of CHILDVAULT_KEY, which *ret_own then says.
 * 0 or exit code.
 */
int cli_session(struct childvault **ret, bool *ret_own);
/* End an own session and free; NULL is allowed. */
void cli_close(struct childvault *cv, bool own);
/* Say why a call failed and return the exit code that stands for it. */
int cli_answer_fail(const struct childvault *cv, int code);
/* A problem's kind in the language of people: itself, or a Chinese title. */
const char *cli_kind(const char *kind);
/* Print the last body unchanged, with a newline. */
int cli_print_body(const struct childvault *cv);
/* Path of admin.sock: in vault if given, else beside the api socket. 0 or exit code. */
int cli_admin_path(const char *vault, char *ret, size_t room);

/* ---- commands ----------------------------------------------------------------------------------------------------------- */

/* Run the command that argv[0] names, as from the shell; EXIT_USAGE after a message if there is none. */
int cli_run(int argc, char **argv);
int audit_cosign(int argc, char **argv);
int audit_date(int argc, char **argv);	/* sub-commands of audit */
int audit_export(int argc, char **argv);
int audit_key(int argc, char **argv);
int audit_keys(int argc, char **argv);
/*
 * Log in with an auditor's key file and append the file people of their exports (docs/FORMAT.md section 10) to ret. passphrase_fd as
 * for cli_login. 0 or an exit code after a message.
 */
int audit_people(const char *key_path, uint64_t passphrase_fd, struct buf *ret);
int audit_receipt(int argc, char **argv);
int audit_renew(int argc, char **argv);
int audit_reviews(int argc, char **argv);
int audit_sign_off(int argc, char **argv);
int audit_verify(int argc, char **argv);
int cmd_assign(int argc, char **argv);
/* A command that is a group of others. en and zh say what a sub-command does, for the list that cli_group prints. */
struct cli_sub {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *en, *zh;
};
/* Run the sub-command that argv[1] names, which then calls itself "COMMAND SUB"; *ret_code is its exit code. False: none is named. */
bool cli_sub(int argc, char **argv, const struct cli_sub *subs, size_t n, int *ret_code);
/* The same, and without one the list of them: EXIT_DONE for --help, else EXIT_USAGE. */
int cli_group(int argc, char **argv, const struct cli_sub *subs, size_t n);

#define CLI_ID 32u	/* digits of an id */
/* Whether the n bytes are the id of a record or an object: hexadecimal digits only, so that it may stand in a path. */
bool cli_is_id(const char *p, size_t n);
/* Whether somebody typed this code of digits in groups, with a space, a hyphen or nothing between them. */
bool cli_is_code(const char *typed, const char *code);

/* The commands: argv[0] is the name. Exit codes of DESIGN section 8. */
int cmd_audit(int argc, char **argv);
int cmd_compact(int argc, char **argv);
int cmd_create(int argc, char **argv);
int cmd_custody(int argc, char **argv);
int custody_reshare(int argc, char **argv);	/* a sub-command of custody */
int cmd_delegate(int argc, char **argv);
int cmd_demo(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_genesis(int argc, char **argv);
int cmd_get(int argc, char **argv);
int cmd_grant(int argc, char **argv);
int cmd_history(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_init(int argc, char **argv);
int cmd_keygen(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_search(int argc, char **argv);
/* The value of a search as JSON, from a file or (NULL, -) standard input: an object as it is, else a line of text. Exit code. */
int search_read(const char *path, struct buf *ret);
int cmd_login(int argc, char **argv);
int cmd_logout(int argc, char **argv);
int cmd_member(int argc, char **argv);
int member_add(int argc, char **argv);	/* sub-commands of member */
int member_remove(int argc, char **argv);
int member_restore(int argc, char **argv);
int member_role(int argc, char **argv);
int member_sign(int argc, char **argv);
int member_verify(int argc, char **argv);
int cmd_policy(int argc, char **argv);
int cmd_proxy(int argc, char **argv);
int cmd_put(int argc, char **argv);
int cmd_reproject(int argc, char **argv);
int cmd_request(int argc, char **argv);
int request_sign(int argc, char **argv);	/* a sub-command of request */
int cmd_rewrap(int argc, char **argv);
int cmd_role(int argc, char **argv);
int cmd_rotate(int argc, char **argv);
int rotate_roles(int argc, char **argv);	/* rotate without --status */
int rotate_status(int argc, char **argv);	/* rotate --status */
int cmd_seal(int argc, char **argv);
int cmd_shares(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_todo(int argc, char **argv);
int cmd_unseal(int argc, char **argv);

#endif
