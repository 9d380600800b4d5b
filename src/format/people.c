#include "format/people.h"

#include <string.h>

#include "base/buf.h"
#include "base/error.h"

#define FORMAT 1u
#define SUITE 1u
#define ITEM_MIN (16u + 2u)

static const char magic[] = "CVPP";

void people_head_put(const uint8_t vault[16], const uint8_t auditor[16], uint32_t n, struct buf *ret)
{
	buf_text(ret, magic);
	buf_u8(ret, FORMAT);
	buf_u8(ret, SUITE);
	buf_put(ret, vault, 16);
	buf_put(ret, auditor, 16);
	buf_u32(ret, n);
}

void people_item_put(const struct people_item *p, struct buf *ret)
{
	buf_put(ret, p->principal, 16);
	buf_u16(ret, p->sealed_n);
	buf_put(ret, p->sealed, p->sealed_n);
}

int people_read(const uint8_t *p, size_t n, struct people *ret)
{
	struct people x = { .rd = rd_over(p, n) };
	const uint8_t *head = rd_take(&x.rd, 6);

	x.vault = rd_take(&x.rd, 16);
	x.auditor = rd_take(&x.rd, 16);
	x.n = rd_u32(&x.rd);
	if (!rd_ok(&x.rd) || memcmp(head, magic, 4) != 0 || head[4] != FORMAT || head[5] != SUITE || x.n > rd_left(&x.rd) / ITEM_MIN)
		return CV_ERR_FORMAT;
	*ret = x;
	return 0;
}

int people_next(struct people *p, struct people_item *ret)
{
	struct people_item item;

	if (p->n == 0)
		return rd_done(&p->rd) ? 0 : CV_ERR_FORMAT;
	item.principal = rd_take(&p->rd, 16);
	item.sealed_n = rd_u16(&p->rd);
	item.sealed = rd_take(&p->rd, item.sealed_n);
	if (!rd_ok(&p->rd) || item.sealed_n > PEOPLE_SEALED_MAX || (p->last != NULL && memcmp(item.principal, p->last, 16) <= 0))
		return CV_ERR_FORMAT;
	p->last = item.principal;
	p->n--;
	*ret = item;
	return 1;
}
