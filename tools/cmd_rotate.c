/* childvault rotate: keys renewed, or listed with what is overdue. */
#include <string.h>

#include "cli.h"

int cmd_rotate(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--status") == 0)
			return rotate_status(argc, argv);
	return rotate_roles(argc, argv);
}
