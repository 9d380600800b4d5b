/* The directory in memory, as directory_load.c fills it and directory.c reads it. */
#ifndef CV_KEYS_DIRECTORY_INTERNAL_H
#define CV_KEYS_DIRECTORY_INTERNAL_H

#include "keys/keys_internal.h"
#include "keys/vec.h"

struct chain;

/* Arrays in the order of the rows' keys; items are never moved once loading is over. */
struct directory_state {
	struct vec principals;		/* struct principal */
	struct vec roles;		/* struct role_entry */
	struct vec classes;		/* struct class_entry */
	struct vec members;		/* struct member_entry */
	struct vec grants;		/* struct grant_entry */
	struct chain *chain;		/* verified */
};

#endif
