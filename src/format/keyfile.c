#include "format/keyfile.h"

#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"

#define KEYFILE_LINE "childvault-key-1\n"
#define PUBFILE_LINE "childvault-public-1\n"
#define KEYFILE_HEAD (3u + 16 + 16 + 4 + 4 + 16)
#define KEYFILE_BYTES_MAX (KEYFILE_HEAD + KEYFILE_SEALED)
#define PUBFILE_BYTES_MAX (2u + 16 + 32 + 32 + 1 + PUBFILE_NAME_MAX + 64)

static int buf_error(const struct buf *b)
{
	if (buf_ok(b))
		return 0;
	return b->n >= b->max ? CV_ERR_LIMIT : CV_ERR_NOMEM;
}

int keyfile_text_put(struct buf *ret, const char *line, const struct buf *bytes)
{
	size_t room = b64_size(B64_STD, bytes->n);
	char *at;

	buf_text(ret, line);
	if ((at = (char *)buf_add(ret, room)) != NULL) {
		b64_encode(B64_STD, bytes->p, bytes->n, at);
		at[room - 1] = '\n';	/* where the encoder left its NUL */
	}
	return buf_error(ret);
}

int keyfile_text_get(const char *text, size_t n, const char *line, uint8_t *ret, size_t max, size_t *ret_n)
{
	size_t head = strlen(line);

	if (n < head + 1 || memcmp(text, line, head) != 0 || text[n - 1] != '\n')
		return CV_ERR_FORMAT;
	return b64_decode(B64_STD, text + head, n - head - 1, ret, max, ret_n) == 0 ? 0 : CV_ERR_FORMAT;
}

static size_t body_size(uint8_t protection)
{
	return protection == KEYFILE_PASSPHRASE ? KEYFILE_SEALED : KEYFILE_SECRETS;
}

int keyfile_encode(const struct keyfile *k, struct buf *ret)
{
	struct buf b;
	int r;

	if (k->protection > KEYFILE_PASSPHRASE || k->body_n != body_size(k->protection))
		return CV_ERR_ARG;
	buf_init(&b, KEYFILE_BYTES_MAX);
	buf_u8(&b, 1);
	buf_u8(&b, 1);
	buf_u8(&b, k->protection);
	buf_put(&b, k->principal, 16);
	buf_put(&b, k->vault, 16);
	buf_u32(&b, k->argon_kib);
	buf_u32(&b, k->argon_passes);
	buf_put(&b, k->salt, 16);
	buf_put(&b, k->body, k->body_n);
	r = buf_ok(&b) ? keyfile_text_put(ret, KEYFILE_LINE, &b) : CV_ERR_NOMEM;
	buf_free(&b);
	return r;
}

/* Without a passphrase its parameters are zeros, so that a file has one spelling. */
static int parameters_fit(const struct keyfile *k)
{
	static const uint8_t zeros[16];

	if (k->protection == KEYFILE_PASSPHRASE)
		return k->argon_kib != 0 && k->argon_passes != 0;
	return k->argon_kib == 0 && k->argon_passes == 0 && memcmp(k->salt, zeros, 16) == 0;
}

int keyfile_decode(const char *text, size_t n, struct keyfile *ret)
{
	uint8_t bytes[KEYFILE_BYTES_MAX];
	struct keyfile k = { 0 };
	struct rd in;
	size_t bytes_n;
	int r;

	if ((r = keyfile_text_get(text, n, KEYFILE_LINE, bytes, sizeof bytes, &bytes_n)) != 0)
		goto out;
	r = CV_ERR_FORMAT;
	in = rd_over(bytes, bytes_n);
	if (rd_u8(&in) != 1 || rd_u8(&in) != 1)
		goto out;
	k.protection = rd_u8(&in);
	if (k.protection > KEYFILE_PASSPHRASE)
		goto out;
	rd_copy(&in, k.principal, 16);
	rd_copy(&in, k.vault, 16);
	k.argon_kib = rd_u32(&in);
	k.argon_passes = rd_u32(&in);
	rd_copy(&in, k.salt, 16);
	k.body_n = body_size(k.protection);
	rd_copy(&in, k.body, k.body_n);
	if (!rd_done(&in) || !parameters_fit(&k))
		goto out;
	*ret = k;
	r = 0;
out:
	wipe(bytes, sizeof bytes);
	wipe(&k, sizeof k);
	return r;
}

/* The bytes before the signature. */
static void pubfile_bytes(const struct pubfile *p, struct buf *ret)
{
	buf_u8(ret, 1);
	buf_u8(ret, 1);
	buf_put(ret, p->principal, 16);
	buf_put(ret, p->box_pk, 32);
	buf_put(ret, p->sign_pk, 32);
	buf_u8(ret, p->name_n);
	buf_put(ret, p->name, p->name_n);
}

int pubfile_signed(const struct pubfile *p, struct buf *ret)
{
	static const char label[16] = "cv1.proof";

	buf_put(ret, label, sizeof label);
	pubfile_bytes(p, ret);
	return buf_error(ret);
}

int pubfile_encode(const struct pubfile *p, struct buf *ret)
{
	struct buf b;
	int r;

	buf_init(&b, PUBFILE_BYTES_MAX);
	pubfile_bytes(p, &b);
	buf_put(&b, p->signature, 64);
	r = buf_ok(&b) ? keyfile_text_put(ret, PUBFILE_LINE, &b) : CV_ERR_NOMEM;
	buf_free(&b);
	return r;
}

int pubfile_decode(const char *text, size_t n, struct pubfile *ret)
{
	uint8_t bytes[PUBFILE_BYTES_MAX];
	struct pubfile p = { 0 };
	struct rd in;
	size_t bytes_n;

	if (keyfile_text_get(text, n, PUBFILE_LINE, bytes, sizeof bytes, &bytes_n) != 0)
		return CV_ERR_FORMAT;
	in = rd_over(bytes, bytes_n);
	if (rd_u8(&in) != 1 || rd_u8(&in) != 1)
		return CV_ERR_FORMAT;
	rd_copy(&in, p.principal, 16);
	rd_copy(&in, p.box_pk, 32);
	rd_copy(&in, p.sign_pk, 32);
	p.name_n = rd_u8(&in);
	rd_copy(&in, p.name, p.name_n);
	rd_copy(&in, p.signature, 64);
	if (!rd_done(&in) || !utf8_valid(p.name, p.name_n) || memchr(p.name, 0, p.name_n) != NULL)
		return CV_ERR_FORMAT;
	*ret = p;
	return 0;
}
