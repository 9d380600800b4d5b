/* A list of accesses held against a copy of the log: the leaves that the child's day keys find, and those that the list has. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "audit/body.h"
#include "audit/folder.h"
#include "audit_receipt.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"
#include "cli.h"

#define TAG_ENTRY 20u		/* of the column: u32 epoch ‖ 16 subject tag, FORMAT.md section 10 */
#define TAGS_READ 8192u		/* entries at a time */

struct search {
	const struct receipt_file *f, *full;
	struct folder folder;
	int tags_fd;
	size_t at;		/* the next access of the list */
	size_t full_at;
	struct receipt_log *ret;
	struct buf leaf;	/* decoded from the list */
};

static const uint8_t *day_key(const struct receipt_file *f, uint32_t epoch)
{
	size_t lo = 0, hi = f->days;

	/* Epochs ascend; the last of a page and the first of the next may be one. */
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (f->day[mid].epoch < epoch)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < f->days && f->day[lo].epoch == epoch ? f->day[lo].key : NULL;
}

static int decode64(struct search *s, const struct receipt_text *t)
{
	uint8_t *room;
	size_t n;

	buf_reset(&s->leaf);
	if ((room = buf_add(&s->leaf, t->n)) == NULL || b64_decode(B64_STD, t->p, t->n, room, t->n, &n) != 0)
		return CV_ERR_NOMEM;	/* it was decoded before */
	buf_cut(&s->leaf, n);
	return 0;
}

/* Whether an auditor's access is one that is kept from the child's people. */
static bool is_kept(struct search *s, const struct receipt_access *a)
{
	struct leaf_detail d = { .view = 0 };
	uint8_t told_hash[32];
	struct leaf l;

	if (decode64(s, &a->leaf) != 0 || leaf_decode(s->leaf.p, s->leaf.n, &l) != 0)
		return false;
	body_key_hash(&l, a->key, told_hash);
	d.classes = a->told.classes;
	return body_open_rest(&l, a->rest, told_hash, &d) == 0 && receipt_kept(l.kind, &d);
}

/* A leaf about the child that the list does not have. */
static int unlisted(struct search *s, uint64_t index, const struct leaf *l)
{
	struct receipt_log *r = s->ret;
	struct receipt_unlisted u = { index, l->time_ms, l->kind, false };
	void *p;

	while (s->full != NULL && s->full_at < s->full->accesses && s->full->access[s->full_at].index < index)
		s->full_at++;
	if (s->full != NULL && s->full_at < s->full->accesses && s->full->access[s->full_at].index == index)
		u.allowed = is_kept(s, &s->full->access[s->full_at]);
	if ((p = realloc(r->unlisted, (r->n + 1) * sizeof *r->unlisted)) == NULL)
		return CV_ERR_NOMEM;
	r->unlisted = p;
	r->unlisted[r->n++] = u;
	r->allowed += u.allowed;
	return 0;
}

/* A leaf whose tag is the child's. */
static int found(struct search *s, uint64_t index)
{
	const struct receipt_page *page = &s->f->page[0];
	const uint8_t *p;
	struct leaf l;
	size_t n;
	int r;

	if ((r = folder_leaf(&s->folder, index, &p, &n)) != 0 || (r = leaf_decode(p, n, &l)) != 0)
		return r;
	while (s->at < s->f->accesses && s->f->access[s->at].index < index)
		s->at++;
	if (s->at == s->f->accesses || s->f->access[s->at].index != index)
		return l.time_ms >= page->from_ms && l.time_ms < page->to_ms ? unlisted(s, index, &l) : 0;
	if ((r = decode64(s, &s->f->access[s->at].leaf)) != 0)
		return r;
	if (!s->ret->differs && (n != s->leaf.n || memcmp(p, s->leaf.p, n) != 0)) {
		s->ret->differs = true;
		s->ret->differs_at = index;
	}
	return 0;
}

/* The entries of the column for the leaves of one page. */
static int search_page(struct search *s, const struct receipt_page *page)
{
	uint8_t piece[TAGS_READ * TAG_ENTRY], tag[16];
	const uint8_t *key = NULL;
	uint32_t epoch = 0;
	int r;

	for (uint64_t at = page->from; at < page->end;) {
		const size_t want = page->end - at < TAGS_READ ? (size_t)(page->end - at) : TAGS_READ;

		if (pread(s->tags_fd, piece, want * TAG_ENTRY, (off_t)(at * TAG_ENTRY)) != (ssize_t)(want * TAG_ENTRY))
			return CV_ERR_NOTFOUND;
		for (size_t i = 0; i < want; i++, at++) {
			const uint8_t *entry = piece + i * TAG_ENTRY;

			if (key == NULL || be32_get(entry) != epoch) {
				epoch = be32_get(entry);
				if ((key = day_key(s->f, epoch)) == NULL)
					return CV_ERR_FORMAT;
			}
			body_tag(key, at, tag);
			if (memcmp(tag, entry + 4, sizeof(tag)) == 0 && (r = found(s, at)) != 0)
				return r;
		}
	}
	return 0;
}

/* Every leaf that the list names is where the copy has it, too: a column that was changed does not hide that. */
static int search_listed(struct search *s)
{
	for (size_t i = 0; i < s->f->accesses && !s->ret->differs; i++) {
		const uint8_t *p;
		size_t n;
		int r;

		if ((r = folder_leaf(&s->folder, s->f->access[i].index, &p, &n)) != 0 ||
		    (r = decode64(s, &s->f->access[i].leaf)) != 0)
			return r;
		s->ret->differs = n != s->leaf.n || memcmp(p, s->leaf.p, n) != 0;
		s->ret->differs_at = s->f->access[i].index;
	}
	return 0;
}

/* The size of the copy's tree. */
static int read_size(int dirfd, uint64_t *ret)
{
	char text[NOTE_MAX + 1];
	struct checkpoint c;
	struct note note;
	int fd = openat(dirfd, "checkpoint", O_RDONLY | O_CLOEXEC), r = CV_ERR_NOTFOUND;
	ssize_t n;

	if (fd >= 0 && (n = read(fd, text, sizeof text)) > 0 && (r = note_decode(text, (size_t)n, &note)) == 0 &&
	    (r = checkpoint_decode(&note, &c)) == 0)
		*ret = c.size;
	if (fd >= 0)
		(void)close(fd);	/* only read */
	return r;
}

static int search(struct search *s, const char *dir, int dirfd)
{
	uint64_t size;
	int r;

	if ((r = read_size(dirfd, &size)) != 0)
		return cli_fail(EXIT_FAILED, "%s: no checkpoint of a log", "%s：没有日志检查点", dir);
	if (size < s->f->result.page.end)
		return cli_fail(EXIT_VERIFY, "%s: log-shorter: the copy ends before the list does", "%s：log-shorter：日志副本比清单短", dir);
	if ((s->tags_fd = openat(dirfd, "tags", O_RDONLY | O_CLOEXEC)) < 0)
		return cli_fail(EXIT_FAILED, "%s/tags: %s", "%s/tags：%s", dir, strerror(errno));
	folder_init(&s->folder, dirfd, size);
	for (size_t i = 0; r == 0 && i < s->f->pages; i++)
		r = search_page(s, &s->f->page[i]);
	if (r == 0)
		r = search_listed(s);
	folder_clear(&s->folder);
	(void)close(s->tags_fd);	/* only read */
	return r == 0 ? 0 : cli_fail(EXIT_FAILED, "%s: the copy is not whole: %s", "%s：副本不完整：%s", dir, cv_strerror(r));
}

int receipt_hold_against(const struct receipt_file *f, const struct receipt_file *full, const char *dir, struct receipt_log *ret)
{
	struct search s = { .f = f, .full = full, .tags_fd = -1, .ret = ret };
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), code;

	if (fd < 0)
		return cli_fail(EXIT_FAILED, "%s: %s", "%s：%s", dir, strerror(errno));
	buf_init(&s.leaf, 1u << 18);
	code = search(&s, dir, fd);
	buf_free(&s.leaf);
	(void)close(fd);	/* only a folder */
	return code;
}
