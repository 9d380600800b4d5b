/* The document of an operation on the directory: FORMAT.md 5.5. */
#include "base/bytes.h"
#include "format/operation.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct operation o;
	struct buf b;

	if (operation_decode(data, size, &o) != 0)
		return 0;
	buf_init(&b, OPERATION_DOCUMENT_MAX);
	operation_head_encode(&o.head, &b);
	operation_arguments_encode(&o, &b);
	must_be(&b, data, size);
	buf_free(&b);
	return 0;
}
