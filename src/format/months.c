#include "format/months.h"

#include <stdbool.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "format/keyfile.h"

#define FILE_LINE "childvault-months-1\n"
#define FILE_BYTES (2u + 16 + 16 + MONTHS_SEALED)
#define LENT_BYTES_MAX (2u + 16 + 16 + 1 + MONTHS_MAX * 36u)

static bool is_month(uint32_t m) { return m % 100 >= 1 && m % 100 <= 12 && m / 100 >= 1970 && m / 100 <= 9999; }

int months_signed(const struct months_list *m, struct buf *ret)
{
	static const char label[16] = "cv1.months";

	if (m->n == 0 || m->n > MONTHS_MAX || !is_month(m->first))
		return CV_ERR_ARG;
	buf_put(ret, label, sizeof(label));
	buf_put(ret, m->vault, 16);
	buf_put(ret, m->auditor, 16);
	buf_u48(ret, m->made_ms);
	buf_u32(ret, m->first);
	buf_u8(ret, (uint8_t)m->n);
	buf_put(ret, m->keys, 32 * m->n);
	return buf_ok(ret) ? 0 : CV_ERR_NOMEM;
}

int months_parse(const char *p, size_t n, uint32_t *ret)
{
	uint32_t month = 0;

	if (n != 7 || p[4] != '-')
		return CV_ERR_FORMAT;
	for (size_t i = 0; i < 7; i++) {
		if (i == 4)
			continue;
		if (p[i] < '0' || p[i] > '9')
			return CV_ERR_FORMAT;
		month = month * 10 + (uint32_t)(p[i] - '0');
	}
	if (!is_month(month))
		return CV_ERR_FORMAT;
	*ret = month;
	return 0;
}

void months_text(uint32_t month, char ret[MONTHS_TEXT])
{
	(void)snprintf(ret, MONTHS_TEXT, "%04u-%02u", month / 100, month % 100);
}

uint32_t months_between(uint32_t from, uint32_t to)
{
	return (to / 100 - from / 100) * 12 + to % 100 - from % 100;
}

/* ---- files --------------------------------------------------------------------------------------------------------------- */

static void head_put(struct buf *b, const uint8_t principal[16], const uint8_t vault[16])
{
	buf_u8(b, 1);
	buf_u8(b, 1);
	buf_put(b, principal, 16);
	buf_put(b, vault, 16);
}

static bool head_get(struct rd *in, uint8_t ret_principal[16], uint8_t ret_vault[16])
{
	if (rd_u8(in) != 1 || rd_u8(in) != 1)
		return false;
	rd_copy(in, ret_principal, 16);
	rd_copy(in, ret_vault, 16);
	return true;
}

int months_file_encode(const struct months_file *f, struct buf *ret)
{
	struct buf b;
	int r;

	buf_init(&b, FILE_BYTES);
	head_put(&b, f->principal, f->vault);
	buf_put(&b, f->sealed, sizeof(f->sealed));
	r = buf_ok(&b) ? keyfile_text_put(ret, FILE_LINE, &b) : CV_ERR_NOMEM;
	buf_free(&b);
	return r;
}

int months_file_decode(const char *text, size_t n, struct months_file *ret)
{
	uint8_t bytes[FILE_BYTES];
	struct months_file f;
	struct rd in;
	size_t bytes_n;
	int r;

	if ((r = keyfile_text_get(text, n, FILE_LINE, bytes, sizeof(bytes), &bytes_n)) != 0)
		return r;
	in = rd_over(bytes, bytes_n);
	if (!head_get(&in, f.principal, f.vault))
		return CV_ERR_FORMAT;
	rd_copy(&in, f.sealed, sizeof(f.sealed));
	if (!rd_done(&in))
		return CV_ERR_FORMAT;
	*ret = f;
	return 0;
}

static bool lent_fits(const struct months_lent *l)
{
	if (l->n == 0 || l->n > MONTHS_MAX)
		return false;
	for (unsigned i = 0; i < l->n; i++)
		if (!is_month(l->month[i]) || (i > 0 && l->month[i] <= l->month[i - 1]))
			return false;
	return true;
}

int months_lent_encode(const struct months_lent *l, struct buf *ret)
{
	struct buf b;
	int r;

	if (!lent_fits(l))
		return CV_ERR_ARG;
	buf_init(&b, LENT_BYTES_MAX);
	head_put(&b, l->principal, l->vault);
	buf_u8(&b, (uint8_t)l->n);
	for (unsigned i = 0; i < l->n; i++) {
		buf_u32(&b, l->month[i]);
		buf_put(&b, l->sk[i], 32);
	}
	r = buf_ok(&b) ? keyfile_text_put(ret, MONTHS_LENT_LINE, &b) : CV_ERR_NOMEM;
	buf_free(&b);
	return r;
}

int months_lent_decode(const char *text, size_t n, struct months_lent *ret)
{
	uint8_t bytes[LENT_BYTES_MAX];
	struct months_lent l = { .n = 0 };
	struct rd in;
	size_t bytes_n;
	int r;

	if ((r = keyfile_text_get(text, n, MONTHS_LENT_LINE, bytes, sizeof(bytes), &bytes_n)) != 0)
		goto out;
	r = CV_ERR_FORMAT;
	in = rd_over(bytes, bytes_n);
	if (!head_get(&in, l.principal, l.vault) || (l.n = rd_u8(&in)) > MONTHS_MAX)
		goto out;
	for (unsigned i = 0; i < l.n; i++) {
		l.month[i] = rd_u32(&in);
		rd_copy(&in, l.sk[i], 32);
	}
	if (!rd_done(&in) || !lent_fits(&l))
		goto out;
	*ret = l;
	r = 0;
out:
	wipe(bytes, sizeof(bytes));
	wipe(&l, sizeof(l));
	return r;
}
