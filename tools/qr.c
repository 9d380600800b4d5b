#include "qr.h"

#include <assert.h>
#include <qrencode.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"

#define QUIET 4u		/* modules of white around the code, as its standard wants */
#define SCALE 8u		/* pixels of a module in PNG, millimetres are the printer's matter */

int qr_make(const char *text, struct qr *ret)
{
	QRcode *code = QRcode_encodeString(text, 0, QR_ECLEVEL_M, QR_MODE_8, 1);
	size_t n;

	if (code == NULL)
		return CV_ERR_NOMEM;
	n = (size_t)code->width * (size_t)code->width;
	assert(code->width > 0 && (unsigned)code->width <= QR_SIDE_MAX);
	ret->side = (unsigned)code->width;
	for (size_t i = 0; i < n; i++)
		ret->dark[i] = code->data[i] & 1;
	wipe(code->data, n);	/* the library's own working memory is not wiped; the process ends soon */
	QRcode_free(code);
	return 0;
}

/* Whether the module is dark; x and y count from the corner of the quiet zone. */
static bool dark(const struct qr *q, unsigned x, unsigned y)
{
	x -= QUIET;
	y -= QUIET;
	return x < q->side && y < q->side && q->dark[y * q->side + x] != 0;
}

/* Light modules are drawn, as on most terminals the ground is dark. */
void qr_blocks(const struct qr *q, int colours, struct buf *ret)
{
	static const char *const blocks[] = { "█", "▀", "▄", " " };	/* dark: neither, lower, upper, both */
	unsigned side = q->side + 2 * QUIET;

	for (unsigned y = 0; y < side; y += 2) {
		if (colours)
			buf_text(ret, "\033[40;97m");
		for (unsigned x = 0; x < side; x++)
			buf_text(ret, blocks[(dark(q, x, y) ? 2 : 0) + (y + 1 >= side || dark(q, x, y + 1) ? 1 : 0)]);
		buf_text(ret, colours ? "\033[0m\n" : "\n");
	}
}

void qr_svg(const struct qr *q, struct buf *ret)
{
	unsigned side = q->side + 2 * QUIET;

	buf_printf(ret, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %u %u\" width=\"%u\" height=\"%u\"", side, side,
	    side * SCALE, side * SCALE);
	buf_text(ret, " shape-rendering=\"crispEdges\">\n");
	buf_printf(ret, "<path fill=\"#fff\" d=\"M0 0h%uv%uH0z\"/>\n<path d=\"", side, side);
	for (unsigned y = 0; y < side; y++)
		for (unsigned x = 0; x < side; x++)
			if (dark(q, x, y))
				buf_printf(ret, "M%u %uh1v1h-1z", x, y);
	buf_printf(ret, "\"/>\n</svg>\n");
}

/* ---- PNG: one bit a pixel, in a zlib stream of a single stored block ------------------------------------------------------------ */

/* The checksum of PNG's chunks, ISO 3309. */
static uint32_t crc32_of(const uint8_t *p, size_t n)
{
	uint32_t crc = 0xFFFFFFFF;

	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (0xEDB88320 & (0u - (crc & 1)));
	}
	return crc ^ 0xFFFFFFFF;
}

/* That of zlib, RFC 1950. */
static uint32_t adler32_of(const uint8_t *p, size_t n)
{
	uint32_t a = 1, b = 0;

	for (size_t i = 0; i < n; i++) {
		a = (a + p[i]) % 65521;
		b = (b + a) % 65521;
	}
	return b << 16 | a;
}

static void chunk(struct buf *ret, const char type[4], const struct buf *body)
{
	size_t begin;

	buf_u32(ret, (uint32_t)body->n);
	begin = ret->n;
	buf_put(ret, type, 4);
	buf_put(ret, body->p, body->n);
	if (buf_ok(ret))
		buf_u32(ret, crc32_of(ret->p + begin, ret->n - begin));
}

/* Rows of pixels, each behind its filter type 0. */
static void pixels(const struct qr *q, struct buf *ret)
{
	unsigned side = (q->side + 2 * QUIET) * SCALE;

	for (unsigned y = 0; y < side; y++) {
		buf_u8(ret, 0);
		for (unsigned x = 0; x < side; x += 8)
			buf_u8(ret, dark(q, x / SCALE, y / SCALE) ? 0x00 : 0xFF);
	}
}

void qr_png(const struct qr *q, struct buf *ret)
{
	unsigned side = (q->side + 2 * QUIET) * SCALE;
	struct buf rows, body;

	_Static_assert(SCALE == 8, "a byte is a module's row");
	_Static_assert((QR_SIDE_MAX + 2 * QUIET) * SCALE * (QR_SIDE_MAX + 2 * QUIET + 1) < 65536, "they fit one stored block");
	buf_init(&rows, 65536);
	buf_init(&body, 65536 + 64);
	buf_put(ret, "\x89PNG\r\n\x1a\n", 8);
	buf_u32(&body, side);
	buf_u32(&body, side);
	buf_put(&body, "\1\0\0\0\0", 5);	/* one bit, grey, deflate, no filters, not interlaced */
	chunk(ret, "IHDR", &body);
	buf_reset(&body);
	pixels(q, &rows);
	buf_put(&body, "\x78\1\1", 3);	/* zlib's head; the last block, stored */
	buf_u8(&body, (uint8_t)rows.n);
	buf_u8(&body, (uint8_t)(rows.n >> 8));
	buf_u8(&body, (uint8_t)~rows.n);
	buf_u8(&body, (uint8_t)(~rows.n >> 8));
	buf_put(&body, rows.p, rows.n);
	buf_u32(&body, adler32_of(rows.p, rows.n));
	chunk(ret, "IDAT", &body);
	buf_reset(&body);
	chunk(ret, "IEND", &body);
	ret->bad = ret->bad || rows.bad || body.bad;
	buf_free(&rows);
	buf_free(&body);
}
