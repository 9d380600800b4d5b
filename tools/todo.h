/* What todo says of a request that two administrators sign. docs/POLICY.md section 5, "Operations". */
#ifndef CV_TOOLS_TODO_H
#define CV_TOOLS_TODO_H

#include <jansson.h>
#include <stdbool.h>

#define TODO_TEXT 1024u

/* Text of limited room that grows at its end; what does not fit is cut. */
void todo_add(char to[TODO_TEXT], const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Whether the request is for an operation. */
bool todo_is_operation(const json_t *request);
/* What it will do, who proposed it, its code and until when it may be signed and given for. */
void todo_tell_operation(const json_t *request, char to[TODO_TEXT]);
/* What comes next; if mine, this person does it, and with which command. */
void todo_tell_step(const json_t *request, bool mine, char to[TODO_TEXT]);

#endif
