/* Shares as people type them, FORMAT.md section 12, and core's verdicts on them. */
#include "client/admin.h"
#include "format/share.h"
#include "fuzz.h"

/* What was read is a share, whose text is read again. */
static void must_come_back(const uint8_t p[SHARE_BYTES])
{
	char text[SHARE_LINES * SHARE_LINE], qr[SHARE_QR];
	uint8_t again[SHARE_BYTES];
	struct share s;
	unsigned line;

	MUST(share_decode(p, &s) == 0);
	share_encode(&s, again);
	MUST(memcmp(again, p, SHARE_BYTES) == 0);
	for (unsigned i = 0; i < SHARE_LINES; i++) {
		share_line(p, i, text + i * SHARE_LINE);
		text[(i + 1) * SHARE_LINE - 1] = '\n';
	}
	memset(again, 0, sizeof(again));
	MUST(share_from_text(text, sizeof(text), again, &line) == 0 && memcmp(again, p, SHARE_BYTES) == 0);
	share_qr_text(p, qr);
	memset(again, 0, sizeof(again));
	MUST(share_from_text(qr, strlen(qr), again, &line) == 0 && memcmp(again, p, SHARE_BYTES) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t bytes[SHARE_BYTES];
	struct admin_share verdict;
	struct share s;
	unsigned line = 0;
	int r = share_from_text((const char *)data, size, bytes, &line);

	MUST(r == 0 || r == CV_ERR_LIMIT || r == CV_ERR_FORMAT || r == CV_ERR_AUTH || r == CV_ERR_INVALID);
	MUST((r == CV_ERR_FORMAT) == (line >= 1 && line <= SHARE_LINES));
	MUST((r == CV_ERR_LIMIT) == (share_symbols((const char *)data, size) != SHARE_SYMBOLS));
	if (r == 0)
		must_come_back(bytes);
	/* The same input as the bytes themselves, which any text can be made of. */
	if (size == SHARE_BYTES && share_decode(data, &s) == 0)
		must_come_back(data);
	if (admin_share_decode(data, size, &verdict) == 0)
		MUST(memchr(verdict.holder, 0, sizeof(verdict.holder)) != NULL);
	return 0;
}
