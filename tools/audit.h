/*
 * The commands of `childvault-audit`, which work on copies of a log folder, offline. Each is called as those of
 * `childvault` are (cli.h): argv[0] is its name, and it returns one of the EXIT_ codes.
 */
#ifndef CV_TOOLS_AUDIT_H
#define CV_TOOLS_AUDIT_H

/* The table of commands stands in childvault-audit.c. */
int audit_cosign(int argc, char **argv);
int audit_pack(int argc, char **argv);
int audit_receipt_verify(int argc, char **argv);
int audit_report(int argc, char **argv);
int audit_review(int argc, char **argv);
int audit_verify_folder(int argc, char **argv);
int audit_who(int argc, char **argv);

#endif
