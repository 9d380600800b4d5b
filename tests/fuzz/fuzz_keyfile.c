/* Key files and public files, FORMAT.md section 12. */
#include "format/keyfile.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct keyfile k;
	struct pubfile p;
	struct buf b;

	buf_init(&b, 4096);
	if (keyfile_decode((const char *)data, size, &k) == 0) {
		MUST(keyfile_encode(&k, &b) == 0);
		must_be(&b, data, size);
	}
	if (pubfile_decode((const char *)data, size, &p) == 0) {
		MUST(pubfile_encode(&p, &b) == 0);
		must_be(&b, data, size);
	}
	buf_free(&b);
	return 0;
}
