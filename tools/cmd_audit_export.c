/*
 * childvault audit export: a copy of the log of a vault whose daemon may be at work.
 *
 * The checkpoint is read first, and it alone decides what is copied: the seals, entries and tiles that a tree of its size
 * has, their subject tags and the policy documents. Whatever the log grows by meanwhile is left out, the tail too. Full
 * bundles and tiles stay for ever; a partial one goes away when a longer or the full one stands and a newer checkpoint is
 * signed, and then its beginning is cut out of that one. The checkpoint is written last, so a copy that was cut short has
 * none; then the copy is verified.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"
#include "childvault_audit.h"
#include "cli.h"
#include "format/note.h"
#include "format/people.h"
#include "format/tile.h"
#include "store/files.h"

#define ATTEMPTS 5u		/* a checkpoint moves on once a second at most, and one attempt is mostly faster */
#define LOOKS 4u		/* after a partial tile that was replaced while it was looked for */
#define FILE_MAX (1u << 30)	/* the column of subject tags of 50 million leaves, and more than any other file */
#define TAGS_ENTRY 20u		/* docs/FORMAT.md section 10 */
#define TEXT_MAX 8192u
#define FAULTS_SHOWN 10u
#define PATH_ROOM 4096

struct export {
	const char *to, *key;	/* key: the auditor's file, or NULL */
	uint64_t key_fd;
	struct buf people;	/* sealed to that auditor */
	int from_fd, to_fd;
	struct buf note;	/* the checkpoint */
	uint64_t size;		/* of its tree */
	struct buf file;	/* the one in hand */
	unsigned faults;
	struct buf text;	/* of the first faults, a line each */
};

/* ---- files ---------------------------------------------------------------------------------------------------------------- */

static int cannot_write(const struct export *x, const char *name)
{
	return cli_fail(EXIT_FAILED, "cannot write %s/%s: %s", "无法写入 %s/%s：%s", x->to, name, strerror(errno));
}

/* Make the folders on the way to name. 0 or -1 with errno. */
static int make_parents(int dirfd, const char *name)
{
	char path[TILE_PATH_MAX];

	for (const char *p = strchr(name, '/'); p != NULL; p = strchr(p + 1, '/')) {
		snprintf(path, sizeof path, "%.*s", (int)(p - name), name);
		if (mkdirat(dirfd, path, 0755) != 0 && errno != EEXIST)
			return -1;
	}
	return 0;
}

static int put_file(struct export *x, const char *name, const struct buf *b)
{
	size_t done = 0;
	ssize_t n = 0;
	int fd, r;

	if (make_parents(x->to_fd, name) != 0 ||
	    (fd = openat(x->to_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644)) < 0)
		return cannot_write(x, name);
	while (done < b->n && ((n = write(fd, b->p + done, b->n - done)) >= 0 || errno == EINTR))
		done += n > 0 ? (size_t)n : 0;
	r = done < b->n ? cannot_write(x, name) : 0;
	if (close(fd) != 0 && r == 0)
		r = cannot_write(x, name);
	return r;
}

/* Read a file of the log into x->file. 0, CV_ERR_NOTFOUND, or an exit code after a message. */
static int take_file(struct export *x, const char *name)
{
	int r;

	buf_reset(&x->file);
	if ((r = files_read(x->from_fd, name, &x->file)) == 0 || r == CV_ERR_NOTFOUND)
		return r;
	return cli_fail(EXIT_FAILED, "cannot read %s: %s", "无法读取 %s：%s", name, cv_strerror(r));
}

/* Copy a file; one that is not there is left to the verifier, who knows whether it ought to be. */
static int copy_file(struct export *x, const char *name)
{
	int code = take_file(x, name);

	if (code == CV_ERR_NOTFOUND)
		return 0;
	return code != 0 ? code : put_file(x, name, &x->file);
}

/* ---- seals ------------------------------------------------------------------------------------------------------------------ */

/* The size that a checkpoint signs. 0 or CV_ERR_FORMAT. */
static int note_size(const struct buf *b, uint64_t *ret)
{
	struct checkpoint c;
	struct note note;
	int r;

	if ((r = note_decode((const char *)b->p, b->n, &note)) != 0 || (r = checkpoint_decode(&note, &c)) != 0)
		return r;
	*ret = c.size;
	return 0;
}

/* What was signed or cosigned after the checkpoint was read covers more than the copy has. */
static int copy_signed(struct export *x, const char *path)
{
	uint64_t size = 0;
	int code;

	if ((code = take_file(x, path)) != 0)
		return code == CV_ERR_NOTFOUND ? 0 : code;
	if (note_size(&x->file, &size) == 0 && size > x->size)
		return 0;
	return put_file(x, path, &x->file);
}

static int copy_seal(void *cookie, const char *name)
{
	char path[TILE_PATH_MAX];

	if (strlen(name) != 6 || strspn(name, "0123456789") != 6)
		return 0;	/* one that is being written */
	snprintf(path, sizeof path, "seals/%s", name);
	return copy_signed(cookie, path);
}

static int copy_seals(struct export *x)
{
	if (faccessat(x->from_fd, "seals", F_OK, 0) != 0)
		return 0;	/* of the first day there is none */
	return files_list(x->from_fd, "seals", copy_seal, x);
}

/* ---- tiles and entries -------------------------------------------------------------------------------------------------------- */

static unsigned partial_width(const struct export *x, unsigned level)
{
	return (unsigned)(x->size >> (8 * (level == TILE_ENTRIES ? 0 : level))) & (TILE_WIDTH - 1);
}

static uint64_t full_tiles(const struct export *x, unsigned level)
{
	unsigned bits = 8 * (level == TILE_ENTRIES ? 1 : level + 1);

	return bits < 64 ? x->size >> bits : 0;
}

/* Cut x->file to its first width hashes or entries; a shorter one stays as it is. */
static void cut(struct export *x, unsigned level, unsigned width)
{
	size_t at = 0, n = x->file.n;

	for (unsigned i = 0; i < width; i++) {
		size_t step = level != TILE_ENTRIES ? 32 : n - at >= 2 ? 2u + be16_get(x->file.p + at) : n;

		if (step > n - at)
			return;
		at += step;
	}
	buf_cut(&x->file, at);
}

struct widest {
	unsigned width;
};

static int look_at_width(void *cookie, const char *name)
{
	struct widest *w = cookie;
	char *end;
	unsigned long width = strtoul(name, &end, 10);

	if (name[0] >= '1' && name[0] <= '9' && *end == 0 && width < TILE_WIDTH && width > w->width)
		w->width = (unsigned)width;
	return 0;
}

/* Read the partial tile that the tree of x->size ends with, out of whatever holds its beginning now. As take_file. */
static int take_partial(struct export *x, unsigned level, uint64_t n, unsigned width)
{
	char path[TILE_PATH_MAX];
	int code = CV_ERR_NOTFOUND;

	for (unsigned i = 0; i < LOOKS && code == CV_ERR_NOTFOUND; i++) {
		struct widest w = { width };

		(void)tile_path(level, n, width, path);
		if ((code = take_file(x, path)) != CV_ERR_NOTFOUND)
			break;
		*strrchr(path, '/') = 0;
		if (faccessat(x->from_fd, path, F_OK, 0) == 0)
			(void)files_list(x->from_fd, path, look_at_width, &w);	/* gone meanwhile: the full one stands */
		(void)tile_path(level, n, w.width > width ? w.width : 0, path);
		code = take_file(x, path);
	}
	if (code == 0)
		cut(x, level, width);
	return code;
}

static int copy_partial(struct export *x, unsigned level)
{
	unsigned width = partial_width(x, level);
	char path[TILE_PATH_MAX];
	int code;

	if (width == 0)
		return 0;
	if ((code = take_partial(x, level, full_tiles(x, level), width)) != 0)
		return code == CV_ERR_NOTFOUND ? 0 : code;	/* as for copy_file */
	(void)tile_path(level, full_tiles(x, level), width, path);
	return put_file(x, path, &x->file);
}

static int copy_full(struct export *x, unsigned level)
{
	char path[TILE_PATH_MAX];
	int code = 0;

	for (uint64_t n = 0; code == 0 && n < full_tiles(x, level); n++) {
		(void)tile_path(level, n, 0, path);
		code = copy_file(x, path);
	}
	return code;
}

/* What goes away soonest comes first. */
static int copy_tiles(struct export *x)
{
	int code = copy_partial(x, TILE_ENTRIES);

	for (unsigned level = 0; code == 0 && level < TILE_LEVELS; level++)
		code = copy_partial(x, level);
	if (code == 0)
		code = copy_full(x, TILE_ENTRIES);
	for (unsigned level = 0; code == 0 && level < TILE_LEVELS; level++)
		code = copy_full(x, level);
	return code;
}

/* Partial tiles of a checkpoint that is not to be the copy's. */
static void remove_partials(const struct export *x)
{
	static const unsigned levels[] = { TILE_ENTRIES, 0, 1, 2, 3, 4, 5, 6, 7 };
	char path[TILE_PATH_MAX];

	for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
		if (partial_width(x, levels[i]) == 0)
			continue;
		(void)tile_path(levels[i], full_tiles(x, levels[i]), partial_width(x, levels[i]), path);
		(void)unlinkat(x->to_fd, path, 0);	/* what stays is looked at by nobody */
		*strrchr(path, '/') = 0;
		(void)unlinkat(x->to_fd, path, AT_REMOVEDIR);	/* the same */
	}
}

/* ---- what helps to read it ---------------------------------------------------------------------------------------------------- */

/* The subject tags of the leaves that are copied; a column that lacks some is left to the verifier. */
static int copy_tags(struct export *x)
{
	int code = take_file(x, "tags");

	if (code != 0)
		return code == CV_ERR_NOTFOUND ? 0 : code;
	if (x->size * TAGS_ENTRY < x->file.n)
		buf_cut(&x->file, (size_t)x->size * TAGS_ENTRY);
	return put_file(x, "tags", &x->file);
}

static int copy_policy(void *cookie, const char *name)
{
	char path[64];

	if (strlen(name) != 32 || strspn(name, "0123456789abcdef") != 32)
		return 0;	/* one that is being written */
	snprintf(path, sizeof path, "policy/%s", name);
	return copy_file(cookie, path);
}

static int copy_aids(struct export *x)
{
	int code = copy_tags(x);

	if (code == 0 && faccessat(x->from_fd, "policy", F_OK, 0) == 0)
		code = files_list(x->from_fd, "policy", copy_policy, x);
	return code == 0 && x->key != NULL ? put_file(x, "people", &x->people) : code;
}

/* ---- all of it ------------------------------------------------------------------------------------------------------------------ */

static int copy_all(struct export *x)
{
	int code;

	if ((code = take_file(x, "checkpoint")) != 0)
		return code != CV_ERR_NOTFOUND ? code : cli_fail(EXIT_FAILED, "there is no checkpoint yet", "尚无检查点");
	buf_reset(&x->note);
	buf_put(&x->note, x->file.p, x->file.n);
	if (!buf_ok(&x->note) || note_size(&x->note, &x->size) != 0)
		return cli_fail(EXIT_VERIFY, "the log was changed: its checkpoint is none", "日志被改动：检查点格式不符");
	if ((code = copy_file(x, "log.vkey")) != 0 || (code = copy_file(x, "epochs")) != 0 || (code = copy_seals(x)) != 0 ||
	    (code = copy_signed(x, "cosigned")) != 0 || (code = copy_tiles(x)) != 0 || (code = copy_aids(x)) != 0)
		return code;
	if (syncfs(x->to_fd) != 0)
		return cannot_write(x, "");
	code = put_file(x, "checkpoint", &x->note);
	return code == 0 && syncfs(x->to_fd) != 0 ? cannot_write(x, "checkpoint") : code;
}

static void keep_finding(void *cookie, const struct childvault_audit_finding *f)
{
	struct export *x = cookie;
	char text[512];

	if (!f->fault || x->faults++ >= FAULTS_SHOWN)
		return;
	childvault_audit_describe(f, tr("en", "zh"), text, sizeof text);
	buf_printf(&x->text, "  %s: %s\n", childvault_audit_name(f->kind), text);
}

/* Whether the copy holds what its checkpoint signs. 0, EXIT_VERIFY (not said yet), EXIT_FAILED after a message. */
static int verify_copy(struct export *x)
{
	struct childvault_audit_options o = { .dir = x->to, .found = keep_finding, .cookie = x };
	struct childvault_audit_summary s;
	int r;

	memset(&s, 0, sizeof s);
	x->faults = 0;
	buf_reset(&x->text);
	r = childvault_audit_verify(&o, &s);
	if (r < 0)
		return cli_fail(EXIT_FAILED, "the copy cannot be verified: %s", "无法核对副本：%s", cv_strerror(r));
	return r == 0 ? 0 : EXIT_VERIFY;
}

/* Whether another checkpoint stands in the log than the one that was copied. */
static bool moved_on(struct export *x)
{
	buf_reset(&x->file);
	return files_read(x->from_fd, "checkpoint", &x->file) == 0 &&
	    (x->file.n != x->note.n || memcmp(x->file.p, x->note.p, x->note.n) != 0);
}

static int export_log(struct export *x)
{
	int code;

	for (unsigned i = 1; (code = copy_all(x)) == 0 && (code = verify_copy(x)) == EXIT_VERIFY && i < ATTEMPTS && moved_on(x); i++) {
		remove_partials(x);
		(void)unlinkat(x->to_fd, "checkpoint", 0);	/* written anew at the end */
	}
	if (code == EXIT_VERIFY && x->faults != 0) {
		(void)cli_fail(code, "the copy in %s does not verify, and is as the log is:", "%s 中的副本未通过核对，与日志现状一致：", x->to);
		fwrite(x->text.p, 1, x->text.n, stderr);
	}
	return code;
}

/* Open the log of the vault in dir, and make the new folder x->to. */
static int open_folders(struct export *x, const char *dir)
{
	char log[PATH_ROOM];

	if (snprintf(log, sizeof log, "%s/log", dir) >= (int)sizeof log)
		return cli_fail(EXIT_FAILED, "the path is too long: %s", "路径过长：%s", dir);
	if ((x->from_fd = open(log, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return cli_fail(EXIT_FAILED, "cannot read %s: %s", "无法读取 %s：%s", log, strerror(errno));
	if (mkdir(x->to, 0755) != 0 || (x->to_fd = open(x->to, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return cli_fail(EXIT_FAILED, "cannot make %s: %s", "无法创建 %s：%s", x->to, strerror(errno));
	return 0;
}

int audit_export(int argc, char **argv)
{
	static const struct cli_help help = { "audit export DIR --to OUT [--key FILE]",
		"Copies the audit log of the vault in DIR, up to its present checkpoint, to the new folder OUT, as C2SP tools and\n"
		"`audit verify` read it, and verifies the copy. The daemon may be at work meanwhile.\n"
		"With an auditor's key file it asks the daemon for the people behind the entries, sealed to that auditor, so that\n"
		"childvault-audit names them offline.",
		"把档案库 DIR 的审计日志（截至当前检查点）复制到新目录 OUT 并核对副本，供 C2SP 工具和 audit verify 使用；服务可照常运行。\n"
		"给出审计员密钥文件时，另向服务取得密封给该审计员的人员名单，供 childvault-audit 离线显示姓名。" };
	struct export x = { .from_fd = -1, .to_fd = -1, .key_fd = UINT64_MAX };
	const struct cli_option options[] = { { "to", OPTION_TEXT, &x.to, "OUT", "a folder that does not exist yet", "尚不存在的目录" },
		{ "key", OPTION_TEXT, &x.key, "FILE", "an auditor's key file", "审计员密钥文件" },
		{ "passphrase-fd", OPTION_NUMBER, &x.key_fd, "N", "read its passphrase from descriptor N", "从描述符 N 读口令" } };
	char socket[PATH_ROOM];
	struct cli_args a;
	int code = 0;

	if (!cli_parse(argc, argv, &help, options, sizeof options / sizeof options[0], 1, 1, &a))
		return a.exit;
	if (x.to == NULL)
		return cli_usage("audit export", "--to OUT is missing", "缺少 --to 目录");
	buf_init(&x.note, NOTE_MAX);
	buf_init(&x.file, FILE_MAX);
	buf_init(&x.text, TEXT_MAX);
	buf_init(&x.people, PEOPLE_MAX);
	if (cli.socket == NULL && snprintf(socket, sizeof socket, "%s/api.sock", a.argv[0]) < (int)sizeof socket)
		cli.socket = socket;
	if (x.key != NULL)
		code = audit_people(x.key, x.key_fd, &x.people);
	if (code == 0 && (code = open_folders(&x, a.argv[0])) == 0)
		code = export_log(&x);
	if (x.from_fd >= 0)
		(void)close(x.from_fd);	/* folders */
	if (x.to_fd >= 0)
		(void)close(x.to_fd);
	buf_free(&x.note);
	buf_free(&x.file);
	buf_free(&x.text);
	buf_free(&x.people);
	return code;
}
