/* Key files, public files, month keys and lent months, FORMAT.md section 12. */
#include "format/keyfile.h"
#include "format/months.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct keyfile k;
	struct pubfile p;
	struct months_file m;
	struct months_lent lent;
	struct buf b;

	buf_init(&b, 8192);
	if (keyfile_decode((const char *)data, size, &k) == 0) {
		MUST(keyfile_encode(&k, &b) == 0);
		must_be(&b, data, size);
	}
	if (pubfile_decode((const char *)data, size, &p) == 0) {
		MUST(pubfile_encode(&p, &b) == 0);
		must_be(&b, data, size);
	}
	if (months_file_decode((const char *)data, size, &m) == 0) {
		MUST(months_file_encode(&m, &b) == 0);
		must_be(&b, data, size);
	}
	if (months_lent_decode((const char *)data, size, &lent) == 0) {
		MUST(months_lent_encode(&lent, &b) == 0);
		must_be(&b, data, size);
	}
	buf_free(&b);
	return 0;
}
