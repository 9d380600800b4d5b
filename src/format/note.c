#include "format/note.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"

#define DASH "\xe2\x80\x94 "	/* em dash and space: how a signature line starts */
#define DASH_N 4u
#define SIG_MAX 4096u		/* bytes of a signature, whatever its kind */

/* White space of Unicode, as C2SP forbids it in key names. */
static bool is_space(uint32_t cp)
{
	return cp <= 0x20 || (cp >= 0x7F && cp <= 0xA0) || cp == 0x1680 || (cp >= 0x2000 && cp <= 0x200A) || cp == 0x2028 ||
	    cp == 0x2029 || cp == 0x202F || cp == 0x205F || cp == 0x3000;
}

bool note_name_valid(const char *p, size_t n)
{
	size_t step;
	uint32_t cp;

	if (n == 0 || n > NOTE_NAME_MAX)
		return false;
	for (size_t i = 0; i < n; i += step) {
		step = utf8_next(p + i, n - i, &cp);
		if (step == 0 || is_space(cp) || cp == '+')
			return false;
	}
	return true;
}

/* Well-formed UTF-8 and no control character but the newline. */
static bool text_valid(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (((unsigned char)p[i] < 0x20 && p[i] != '\n') || p[i] == 0x7F)
			return false;
	return utf8_valid(p, n);
}

/* The last blank line ends the text. Returns the text's length with its newline, 0 if there is none. */
static size_t text_length(const char *p, size_t n)
{
	for (size_t i = n; i >= 2; i--)
		if (p[i - 1] == '\n' && p[i - 2] == '\n')
			return i - 1;
	return 0;
}

/* One signature line without its newline. */
static int sig_decode(const char *p, size_t n, struct note_sig *ret)
{
	uint8_t raw[SIG_MAX + 4];
	const char *space;
	size_t raw_n;

	if (n <= DASH_N || memcmp(p, DASH, DASH_N) != 0)
		return CV_ERR_FORMAT;
	p += DASH_N;
	n -= DASH_N;
	space = memchr(p, ' ', n);
	if (space == NULL || !note_name_valid(p, (size_t)(space - p)))
		return CV_ERR_FORMAT;
	ret->name = p;
	ret->name_n = (size_t)(space - p);
	if (b64_decode(B64_STD, space + 1, n - ret->name_n - 1, raw, sizeof(raw), &raw_n) != 0)
		return CV_ERR_FORMAT;
	if (raw_n <= 4)
		return CV_ERR_FORMAT;
	memcpy(ret->key_id, raw, 4);
	ret->sig_n = raw_n - 4;
	memset(ret->sig, 0, sizeof(ret->sig));
	if (ret->sig_n == 64 || ret->sig_n == 72)
		memcpy(ret->sig, raw + 4, ret->sig_n);
	return 0;
}

int note_decode(const char *p, size_t n, struct note *ret)
{
	const char *end = p + n, *line, *nl;
	struct note note = { 0 };
	int r;

	if (n == 0 || n > NOTE_MAX || p[n - 1] != '\n' || !text_valid(p, n))
		return CV_ERR_FORMAT;
	note.text = p;
	note.text_n = text_length(p, n);
	if (note.text_n == 0)
		return CV_ERR_FORMAT;
	for (line = p + note.text_n + 1; line < end; line = nl + 1) {
		nl = memchr(line, '\n', (size_t)(end - line));	/* never NULL: the note ends with one */
		if (note.sigs == NOTE_SIGS_MAX)
			return CV_ERR_FORMAT;
		if ((r = sig_decode(line, (size_t)(nl - line), &note.sig[note.sigs++])) != 0)
			return r;
	}
	if (note.sigs == 0)
		return CV_ERR_FORMAT;
	*ret = note;
	return 0;
}

/* A decimal number without leading zeros. */
static int size_decode(const char *p, size_t n, uint64_t *ret)
{
	uint64_t v = 0;

	if (n == 0 || n > 20 || (n > 1 && p[0] == '0'))
		return CV_ERR_FORMAT;
	for (size_t i = 0; i < n; i++) {
		unsigned digit = (unsigned)(p[i] - '0');

		if (digit > 9 || v > (UINT64_MAX - digit) / 10)
			return CV_ERR_FORMAT;
		v = v * 10 + digit;
	}
	*ret = v;
	return 0;
}

int checkpoint_decode(const struct note *note, struct checkpoint *ret)
{
	const char *line[3], *p = note->text, *end = p + note->text_n, *nl;
	size_t len[3], root_n;
	struct checkpoint c;

	for (unsigned i = 0; i < 3; i++) {
		nl = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;
		if (nl == NULL)
			return CV_ERR_FORMAT;
		line[i] = p;
		len[i] = (size_t)(nl - p);
		p = nl + 1;
	}
	if (p != end || !note_name_valid(line[0], len[0]) || size_decode(line[1], len[1], &c.size) != 0)
		return CV_ERR_FORMAT;
	if (b64_decode(B64_STD, line[2], len[2], c.root, sizeof(c.root), &root_n) != 0 || root_n != sizeof(c.root))
		return CV_ERR_FORMAT;
	c.origin = line[0];
	c.origin_n = len[0];
	*ret = c;
	return 0;
}

int checkpoint_encode(const char *origin, uint64_t size, const uint8_t root[32], struct buf *ret)
{
	char b64[48];

	b64_encode(B64_STD, root, 32, b64);
	buf_printf(ret, "%s\n%llu\n%s\n", origin, (unsigned long long)size, b64);
	return buf_ok(ret) ? 0 : CV_ERR_NOMEM;
}

void note_text_end(struct buf *ret)
{
	buf_u8(ret, '\n');
}

bool note_sig_by(const struct note_sig *s, const char *name, const uint8_t key_id[4])
{
	return s->name_n == strlen(name) && memcmp(s->name, name, s->name_n) == 0 && memcmp(s->key_id, key_id, 4) == 0;
}

void note_sig_copy(const struct note_sig *s, struct buf *ret)
{
	uint8_t raw[4 + sizeof(s->sig)];
	char b64[112];

	assert(s->sig_n == 64 || s->sig_n == 72);
	memcpy(raw, s->key_id, 4);
	memcpy(raw + 4, s->sig, s->sig_n);
	b64_encode(B64_STD, raw, 4 + s->sig_n, b64);
	buf_printf(ret, DASH "%.*s %s\n", (int)s->name_n, s->name, b64);
}

void note_sig_encode(const char *name, const uint8_t key_id[4], const uint8_t sig[64], struct buf *ret)
{
	struct note_sig s = { .name = name, .name_n = strlen(name), .sig_n = 64 };

	memcpy(s.key_id, key_id, 4);
	memcpy(s.sig, sig, 64);
	note_sig_copy(&s, ret);
}

int vkey_decode(const char *p, size_t n, uint8_t type, struct vkey *ret)
{
	const char *id, *key;
	struct vkey k = { 0 };
	uint8_t raw[33];
	size_t raw_n;

	if (n > 0 && p[n - 1] == '\n')
		n--;
	id = memchr(p, '+', n);
	if (id == NULL || !note_name_valid(p, (size_t)(id - p)))
		return CV_ERR_FORMAT;
	memcpy(k.name, p, (size_t)(id - p));
	id++;
	key = memchr(id, '+', n - (size_t)(id - p));
	if (key == NULL || hex_decode(id, (size_t)(key - id), k.key_id, sizeof(k.key_id)) != 0)
		return CV_ERR_FORMAT;
	key++;
	if (b64_decode(B64_STD, key, n - (size_t)(key - p), raw, sizeof(raw), &raw_n) != 0)
		return CV_ERR_FORMAT;
	if (raw_n != sizeof(raw) || raw[0] != type)
		return CV_ERR_FORMAT;
	k.type = type;
	memcpy(k.pk, raw + 1, 32);
	*ret = k;
	return 0;
}

void vkey_encode(const struct vkey *k, struct buf *ret)
{
	char id[9], b64[48];
	uint8_t raw[33];

	raw[0] = k->type;
	memcpy(raw + 1, k->pk, 32);
	hex_encode(k->key_id, sizeof(k->key_id), id);
	b64_encode(B64_STD, raw, sizeof(raw), b64);
	buf_printf(ret, "%s+%s+%s\n", k->name, id, b64);
}
