#include "base/error.h"

#include <stddef.h>

/* Indexed by -code. */
static const char *const texts[] = {
	"success",
	"out of memory or lockable memory",
	"malformed data",
	"size limit exceeded",
	"authentication failed",
	"key not held",
	"not found",
	"already exists",
	"conflict with an earlier change",
	"no space left",
	"input or output failed",
	"vault is sealed",
	"not possible in the present state",
	"argument out of range",
	"denied by policy",
	"value is not valid",
	"cryptographic operation refused",
	"system call failed",
	"older than the recorded state",
	"busy"
};

const char *cv_strerror(int code)
{
	/* Compared before negating, since INT_MIN has no positive counterpart. */
	if (code > 0 || code <= -(int)(sizeof(texts) / sizeof(texts[0])))
		return "unknown error";
	return texts[-code];
}
