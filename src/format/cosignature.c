#include "format/cosignature.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"

int cosignature_message(uint64_t time_s, const char *text, size_t n, struct buf *ret)
{
	buf_printf(ret, "cosignature/v1\ntime %llu\n", (unsigned long long)time_s);
	buf_put(ret, text, n);
	return buf_ok(ret) ? 0 : CV_ERR_NOMEM;
}

void cosignature_encode(const char *name, const uint8_t key_id[4], uint64_t time_s, const uint8_t sig[64], struct buf *ret)
{
	struct note_sig s = { .name = name, .name_n = strlen(name), .sig_n = COSIGNATURE_BYTES };

	assert(time_s > 0);
	memcpy(s.key_id, key_id, 4);
	be64_put(s.sig, time_s);
	memcpy(s.sig + 8, sig, 64);
	note_sig_copy(&s, ret);
}

int cosignature_decode(const struct note_sig *s, uint64_t *ret_time_s, uint8_t ret_sig[64])
{
	uint64_t time_s;

	if (s->sig_n != COSIGNATURE_BYTES)
		return CV_ERR_FORMAT;
	time_s = be64_get(s->sig);
	if (time_s == 0 || time_s >> 63 != 0)
		return CV_ERR_FORMAT;
	*ret_time_s = time_s;
	memcpy(ret_sig, s->sig + 8, 64);
	return 0;
}
