/* Receipts, FORMAT.md section 14: what is read, written again, is the same text; the verifier takes no other. */
#include "audit/receipt.h"
#include "base/text.h"
#include "fuzz.h"

/* The bytes of base64 that was not looked into, in place; false if it is none. */
static bool raw(const struct receipt_text *t, struct buf *ret)
{
	uint8_t *room = buf_add(ret, t->n + 1);
	size_t n;

	MUST(room != NULL);
	if (b64_decode(B64_STD, t->p, t->n, room, t->n, &n) != 0)
		return false;
	buf_cut(ret, n);
	return true;
}

static bool access_again(const struct receipt_access *a, struct buf *ret)
{
	struct buf leaf, proof;
	bool good;

	buf_init(&leaf, 1 << 20);
	buf_init(&proof, 1 << 20);
	if ((good = raw(&a->leaf, &leaf) && raw(&a->proof, &proof)))
		receipt_access_put(a, leaf.p, leaf.n, proof.p, proof.n, ret);
	buf_free(&leaf);
	buf_free(&proof);
	return good;
}

static bool page_again(const struct receipt_page *p, struct buf *ret)
{
	struct buf note;
	bool good;

	buf_init(&note, 1 << 20);
	if ((good = raw(&p->checkpoint, &note)))
		receipt_page_put(p, note.p, note.n, ret);
	buf_free(&note);
	return good;
}

/* False: it holds base64 that only the verifier judges. */
static bool again(const struct receipt_item *item, struct buf *ret)
{
	switch (item->kind) {
	case RECEIPT_PAGE:
		return page_again(&item->page, ret);
	case RECEIPT_WORD:
		receipt_word_put(&item->word, ret);
		return true;
	case RECEIPT_DAY:
		receipt_day_put(&item->day, ret);
		return true;
	case RECEIPT_ACCESS:
		return access_again(&item->access, ret);
	default:
		MUST(item->signature.page.p + item->signature.page.n + 1 == item->signature.note.p);
		buf_u8(ret, '\n');
		buf_put(ret, item->signature.note.p, item->signature.note.n);
		return true;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tlog_policy trust;
	const struct vkey key = { .type = NOTE_ED25519, .name = "childvault.local/0123456789abcdef" };
	struct receipt_result result;
	struct receipt_reading r;
	struct receipt_item item;
	struct buf b;
	bool whole = true;
	int more;

	buf_init(&b, 1 << 22);
	receipt_read(&r, (const char *)data, size);
	while ((more = receipt_next(&r, &item)) == 1)
		whole = again(&item, &b) && whole;
	if (more == 0 && whole)
		must_be(&b, data, size);
	else
		buf_free(&b);
	receipt_trust_key(&key, &trust);
	/* Signed by nobody's key. */
	MUST(receipt_verify((const char *)data, size, &trust, NULL, NULL, &result) != 0);
	return 0;
}
