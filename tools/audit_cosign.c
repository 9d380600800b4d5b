/*
 * childvault-audit cosign: a witness on another machine or a USB stick. What it has cosigned is kept in a state file; the lock beside
 * it makes two runs take turns, and the state is on the disk before a signature leaves.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit.h"
#include "audit/trust.h"
#include "audit/witness.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "cli.h"
#include "store/files.h"

#define PATH_ROOM 4096u
#define FILE_MAX (1u << 20)	/* what cli_read_file may need for any of these files */

struct cosign {
	const char *dir, *key_path, *state_path, *vkey_path, *note_path, *to;
	struct witness_key key;
	bool has_vkey;
	struct vkey vkey;
	int lock_fd, dir_fd;
	struct witness_state *state;
	struct buf note, out;
};

/* ---- keygen -------------------------------------------------------------------------------------------------------------- */

/* FILE for the witness alone, FILE.vkey for all the others. */
static int keygen(const char *name, const char *path)
{
	char public_path[PATH_ROOM];
	struct witness_key k = { 0 };
	struct buf secret, line;
	int code;

	buf_init(&secret, NOTE_KEY_MAX);
	buf_init(&line, NOTE_KEY_MAX);
	if (snprintf(public_path, sizeof public_path, "%s.vkey", path) >= (int)sizeof public_path)
		code = cli_fail(EXIT_FAILED, "the path is too long: %s", "路径过长：%s", path);
	else if (witness_key_new(name, &k) != 0)
		code = cli_usage("cosign", "%s cannot be a key's name: it has a space or a plus sign, or is too long",
		    "%s 不能作为密钥名：含有空格或加号，或过长", name);
	else {
		vkey_encode(&k.key, &line);
		if (witness_key_encode(&k, &secret) != 0 || !buf_ok(&line))
			code = cli_fail(EXIT_FAILED, "out of memory", "内存不足");
		else if ((code = cli_write_file(path, secret.p, secret.n, 0600, false)) == 0 &&
		    (code = cli_write_file(public_path, line.p, line.n, 0644, false)) == 0)
			fwrite(line.p, 1, line.n, stdout);
	}
	wipe(&k, sizeof k);
	buf_free(&secret);
	buf_free(&line);
	return code;
}

/* ---- what is read -------------------------------------------------------------------------------------------------------- */

static int read_key(struct cosign *x)
{
	struct buf b;
	int code;

	buf_init(&b, FILE_MAX);
	code = cli_read_file(x->key_path, &b);
	if (code == 0 && witness_key_decode((const char *)b.p, b.n, &x->key) != 0)
		code = cli_fail(EXIT_FAILED, "%s is no witness's key (childvault-audit cosign --keygen makes one)",
		    "%s 不是见证人密钥（用 childvault-audit cosign --keygen 生成）", x->key_path);
	buf_free(&b);
	return code;
}

static int read_vkey(struct cosign *x)
{
	struct buf b;
	int code;

	if (x->vkey_path == NULL)
		return 0;
	buf_init(&b, FILE_MAX);
	code = cli_read_file(x->vkey_path, &b);
	if (code == 0 && (vkey_decode((const char *)b.p, b.n, NOTE_ED25519, &x->vkey) != 0 || !trust_key_ok(&x->vkey)))
		code = cli_fail(EXIT_FAILED, "%s is no verifier key of a log", "%s 不是日志的验证公钥", x->vkey_path);
	x->has_vkey = code == 0;
	buf_free(&b);
	return code;
}

/* Wait for the other run, if there is one: what it cosigns counts for this one. */
static int lock(struct cosign *x)
{
	char path[PATH_ROOM];

	if (snprintf(path, sizeof path, "%s.lock", x->state_path) >= (int)sizeof path)
		return cli_fail(EXIT_FAILED, "the path is too long: %s", "路径过长：%s", x->state_path);
	x->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	while (x->lock_fd >= 0 && flock(x->lock_fd, LOCK_EX) != 0)
		if (errno != EINTR)
			return cli_fail(EXIT_FAILED, "%s cannot be locked: %s", "无法锁定 %s：%s", path, strerror(errno));
	return x->lock_fd >= 0 ? 0 : cli_fail(EXIT_FAILED, "%s cannot be opened: %s", "无法打开 %s：%s", path, strerror(errno));
}

/*
 * A witness that lost its memory would cosign anything once more: only a state that was never there begins empty. The lock file
 * remembers that there was one.
 */
static int read_state(struct cosign *x)
{
	struct stat st;
	struct buf b;
	int code = 0;

	buf_init(&b, FILE_MAX);
	if (access(x->state_path, F_OK) != 0 && errno == ENOENT) {
		if (fstat(x->lock_fd, &st) != 0 || st.st_size != 0)
			code = cli_fail(EXIT_VERIFY, "state-lost: %s is gone: put it back, or introduce a new witness with a new key",
			    "state-lost：%s 曾经存在而今缺失：请放回原文件，或以新密钥设立新的见证人", x->state_path);
		else if (!x->has_vkey)
			code = cli_fail(EXIT_FAILED, "%s is not there: a first run names the log with --vkey, and makes it",
			    "没有 %s：首次运行须用 --vkey 指明日志，随后生成此文件", x->state_path);
	} else if ((code = cli_read_file(x->state_path, &b)) == 0 &&
	    (b.n == 0 || witness_state_decode((const char *)b.p, b.n, x->state) != 0)) {
		code = cli_fail(EXIT_VERIFY, "state-bad: %s is not what this program wrote", "state-bad：%s 不是本程序所写",
		    x->state_path);
	}
	buf_free(&b);
	return code;
}

static int read_note(struct cosign *x)
{
	int r;

	if (x->note_path != NULL)
		return cli_read_file(x->note_path, &x->note);
	r = files_read(x->dir_fd, "checkpoint", &x->note);
	if (r == CV_ERR_NOTFOUND)
		return cli_fail(EXIT_VERIFY, "%s: %s", "%s：%s", witness_fault_name(WITNESS_CHECKPOINT_MISSING),
		    witness_fault_text(WITNESS_CHECKPOINT_MISSING, cli.chinese));
	return r == 0 ? 0 : cli_fail(EXIT_FAILED, "%s/checkpoint: %s", "%s/checkpoint：%s", x->dir, cv_strerror(r));
}

/* ---- what is written ----------------------------------------------------------------------------------------------------- */

/* Durably: written beside, synced, put in its place, and the folder synced. */
static int write_state(struct cosign *x)
{
	char folder[PATH_ROOM], *name;
	struct buf b;
	int fd, r;

	if (snprintf(folder, sizeof folder, "%s%s", strchr(x->state_path, '/') == NULL ? "./" : "", x->state_path) >= (int)sizeof folder)
		return cli_fail(EXIT_FAILED, "the path is too long: %s", "路径过长：%s", x->state_path);
	name = strrchr(folder, '/');
	*name++ = 0;
	buf_init(&b, WITNESS_STATE_MAX);
	fd = open(folder[0] != 0 ? folder : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = fd < 0 ? CV_ERR_IO : witness_state_encode(x->state, &b);
	if (r == 0 && (pwrite(x->lock_fd, "1", 1, 0) != 1 || fdatasync(x->lock_fd) != 0))
		r = CV_ERR_IO;
	if (r == 0)
		r = files_replace(fd, name, b.p, b.n);
	if (fd >= 0)
		(void)close(fd);	/* only a folder */
	buf_free(&b);
	return r == 0 ? 0 : cli_fail(EXIT_FAILED, "%s was not written (%s): nothing is cosigned", "未能写入 %s（%s）：未作见证", x->state_path,
	    cv_strerror(r));
}

static int write_note(const struct cosign *x)
{
	if (x->to != NULL)
		return cli_write_file(x->to, x->out.p, x->out.n, 0644, true);
	return fwrite(x->out.p, 1, x->out.n, stdout) == x->out.n && fflush(stdout) == 0 ? 0 :
	    cli_fail(EXIT_FAILED, "the output was not written", "输出失败");
}

/* ---- all of it ----------------------------------------------------------------------------------------------------------- */

static void say(const struct witness_log *l, uint64_t before)
{
	char root[48], time[25];

	b64_encode(B64_STD, l->root, 32, root);
	clock_rfc3339(l->time_s * 1000, time);
	if (before == l->size)
		(void)cli_fail(0, "%s: cosigned again, %llu entries, root %s, %s", "%s：再次见证，%llu 条，根 %s，%s", l->key.name,
		    (unsigned long long)l->size, root, time);
	else
		(void)cli_fail(0, "%s: cosigned, %llu entries (%llu before), root %s, %s", "%s：已见证，%llu 条（此前 %llu 条），根 %s，%s",
		    l->key.name, (unsigned long long)l->size, (unsigned long long)before, root, time);
}

/* How far the log of this note was cosigned before. */
static uint64_t size_before(const struct witness_state *s, const struct buf *note)
{
	for (unsigned i = 0; i < s->logs; i++) {
		const char *name = s->log[i].key.name;

		if (note->n > strlen(name) && memcmp(note->p, name, strlen(name)) == 0 && note->p[strlen(name)] == '\n')
			return s->log[i].size;
	}
	return 0;
}

static int cosign(struct cosign *x)
{
	const struct witness_log *log;
	enum witness_fault fault;
	uint64_t now_s = clock_wall_ms() / 1000, before;
	int code, r;

	if ((code = read_key(x)) != 0 || (code = read_vkey(x)) != 0)
		return code;
	x->dir_fd = open(x->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (x->dir_fd < 0)
		return cli_fail(EXIT_FAILED, "%s: %s", "%s：%s", x->dir, strerror(errno));
	if ((code = lock(x)) != 0 || (code = read_state(x)) != 0 || (code = read_note(x)) != 0)
		return code;
	before = size_before(x->state, &x->note);
	r = witness_check(x->dir_fd, (const char *)x->note.p, x->note.n, x->has_vkey ? &x->vkey : NULL, now_s, x->state, &log, &fault);
	if (r == CV_ERR_AUTH)
		return cli_fail(EXIT_VERIFY, "%s: %s. Nothing is cosigned", "%s：%s。未作见证", witness_fault_name(fault),
		    witness_fault_text(fault, cli.chinese));
	if (r != 0 || (r = witness_sign(&x->key, (const char *)x->note.p, x->note.n, now_s, &x->out)) != 0)
		return cli_fail(EXIT_FAILED, "%s: %s", "%s：%s", x->dir, cv_strerror(r));
	if ((code = write_state(x)) != 0 || (code = write_note(x)) != 0)
		return code;
	say(log, before);
	return 0;
}

int audit_cosign(int argc, char **argv)
{
	static const struct cli_help help = { "cosign DIR --key FILE --state FILE [--vkey FILE] [--note FILE] [--to FILE]\n"
		"       childvault-audit cosign --keygen NAME FILE",
		"Cosigns the checkpoint of a log folder, if the log has only grown since the last time. Run it where the vault's\n"
		"administrators do not rule: a machine of another department, an auditor's, a USB stick.",
		"若日志自上次以来只增不减，则对其检查点作见证签名。请在档案库管理员管不到的地方运行：其他部门的机器、审计员的机器或U盘。" };
	struct cosign x = { .lock_fd = -1, .dir_fd = -1 };
	const char *name = NULL;
	const struct cli_option options[] = {
		{ "key", OPTION_TEXT, &x.key_path, "FILE", "the witness's key", "见证人密钥文件" },
		{ "state", OPTION_TEXT, &x.state_path, "FILE", "what was cosigned so far; made by the first run", "已见证的状态，首次运行时生成" },
		{ "vkey", OPTION_TEXT, &x.vkey_path, "FILE", "the key of a log that is met for the first time", "首次遇到的日志的公钥" },
		{ "note", OPTION_TEXT, &x.note_path, "FILE", "this checkpoint instead of DIR/checkpoint, such as another witness's output",
		    "以此检查点代替文件夹中的，例如另一见证人的输出" },
		{ "to", OPTION_TEXT, &x.to, "FILE", "write there instead of standard output", "写入该文件，而非标准输出" },
		{ "keygen", OPTION_TEXT, &name, "NAME", "make a key named NAME, such as audit.example.gov/w1, in FILE and FILE.vkey",
		    "生成名为 NAME 的密钥，写入 FILE 和 FILE.vkey" } };
	struct cli_args a;
	int code;

	if (!cli_parse(argc, argv, &help, options, sizeof options / sizeof options[0], 1, 1, &a))
		return a.exit;
	if (name != NULL)
		return keygen(name, a.argv[0]);
	if (x.key_path == NULL || x.state_path == NULL)
		return cli_usage("cosign", "--key and --state are needed", "需要 --key 和 --state");
	if (x.to != NULL && (cli_same_file(x.to, x.key_path) || cli_same_file(x.to, x.state_path) || cli_same_file(x.to, x.vkey_path)))
		return cli_usage("cosign", "--to would overwrite the key or the state, without which there is no witness any more",
		    "--to 会覆盖密钥或状态文件，见证人将无法再作见证");
	x.dir = a.argv[0];
	buf_init(&x.note, FILE_MAX);
	buf_init(&x.out, NOTE_MAX + 512);
	if ((x.state = calloc(1, sizeof *x.state)) == NULL)
		code = cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	else
		code = cosign(&x);
	if (x.dir_fd >= 0)
		(void)close(x.dir_fd);	/* only a folder */
	if (x.lock_fd >= 0)
		(void)close(x.lock_fd);	/* ends the lock */
	buf_free(&x.note);
	buf_free(&x.out);
	wipe(&x.key, sizeof x.key);
	free(x.state);
	return code;
}
