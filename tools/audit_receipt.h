/* What the files of `childvault-audit receipt` share. */
#ifndef CV_TOOLS_AUDIT_RECEIPT_H
#define CV_TOOLS_AUDIT_RECEIPT_H

#include "audit/receipt.h"
#include "base/buf.h"

/* A receipt that was found good. Texts point into its file. */
struct receipt_file {
	struct buf text;
	struct receipt_result result;
	size_t pages, words, days, accesses;
	struct receipt_page *page;
	struct receipt_word *word;	/* no id of a part twice */
	struct receipt_day *day;
	struct receipt_access *access;	/* ascending */
	bool poor;			/* out of memory while it was kept */
};
/* A leaf about the child that the list does not have. */
struct receipt_unlisted {
	uint64_t index, time_ms;
	uint8_t kind;
	bool allowed;			/* an auditor's list says that it is kept from the child's people */
};
/* The list held against a copy of the log. */
struct receipt_log {
	bool differs;			/* the copy has another leaf at a place that the list names */
	uint64_t differs_at;
	size_t n, allowed;
	struct receipt_unlisted *unlisted;
};

/* What an access is called in the language of people, or by its number: part of the words of the file. ret has room for 96 bytes. */
const char *receipt_name(const struct receipt_file *f, uint8_t part, uint16_t id, char ret[96]);
/* Print the list for people, as JSON, or into a page; log: NULL if there was none to hold it against. Exit code. */
int receipt_show_text(const struct receipt_file *f, const struct receipt_log *log);
int receipt_show_json(const struct receipt_file *f, const struct receipt_log *log);
int receipt_show_html(const struct receipt_file *f, const struct receipt_log *log, const char *to);
/*
 * Find in the copy of the log folder at dir every leaf about the child that f covers and does not list; full: an auditor's list of the
 * same record, or NULL. 0 with *ret, whose unlisted is to be freed; else an exit code after a message.
 */
int receipt_hold_against(const struct receipt_file *f, const struct receipt_file *full, const char *dir, struct receipt_log *ret);

#endif
