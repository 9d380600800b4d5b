/* Entries of the log in a table for people, as `childvault audit events` and `audit who` print them. */
#ifndef CV_TOOLS_EVENTS_TABLE_H
#define CV_TOOLS_EVENTS_TABLE_H

#include <stdbool.h>

#include "client/events.h"

struct events_table;

/* NULL on lack of memory, which events_table_end then says. */
struct events_table *events_table_new(void);
/* Add the entries of an answer; with a purpose's name only those whose body A opens and names it. */
void events_table_add(struct events_table *t, const struct client_events *e, const char *purpose);
/* Print if asked, say how many entries the key did not open, and free. 0 or an exit code after a message. */
int events_table_end(struct events_table *t, bool print);

#endif
