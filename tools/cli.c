#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define PASSPHRASE_MAX 1024u
#define OPTIONS_MAX 32
#define PATH_ROOM 4096

struct cli cli;

const char *tr(const char *en, const char *zh) { return cli.chinese ? zh : en; }

static const char *own_name(void) { return cli.offline ? "childvault-audit" : "childvault"; }

static void say(const char *format, va_list args)
{
	fflush(stdout);
	fprintf(stderr, "%s: ", own_name());
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

int cli_fail(int code, const char *en, const char *zh, ...)
{
	va_list args;

	va_start(args, zh);
	say(tr(en, zh), args);
	va_end(args);
	return code;
}

int cli_usage(const char *command, const char *en, const char *zh, ...)
{
	va_list args;

	va_start(args, zh);
	say(tr(en, zh), args);
	va_end(args);
	fprintf(stderr, tr("Try: %s %s --help\n", "请看：%s %s --help\n"), own_name(), command);
	return EXIT_USAGE;
}

bool cli_language(const char *s)
{
	if (strcmp(s, "zh") != 0 && strcmp(s, "en") != 0)
		return false;
	cli.chinese = s[0] == 'z';
	return true;
}

/* ---- options ------------------------------------------------------------------------------------------------------ */

static bool no_flag;	/* --help is answered before it matters */
static const struct cli_option common[] = {
	{ "json", OPTION_FLAG, &cli.json, NULL, "print JSON (of the daemon: its answer, unchanged)", "输出 JSON（服务的应答原样输出）" },
	{ "lang", OPTION_TEXT, NULL, "zh|en", "language of messages", "提示语言" },
	{ "help", OPTION_FLAG, &no_flag, NULL, "this text", "显示本说明" },
	{ "socket", OPTION_TEXT, &cli.socket, "PATH", "the vault's api.sock (CHILDVAULT_SOCKET)", "api.sock 的路径（CHILDVAULT_SOCKET）" },
};
enum { COMMON_LANG = 1, COMMON_HELP = 2, COMMON_OFFLINE = 3, COMMON = 4 };

/* How many of them this program has: a socket is of use to childvault alone. */
static size_t common_count(void) { return cli.offline ? COMMON_OFFLINE : COMMON; }

static void print_options(const struct cli_option *o, size_t n)
{
	char left[64];

	for (size_t i = 0; i < n; i++) {
		snprintf(left, sizeof left, "--%s%s%s", o[i].name, o[i].argument != NULL ? " " : "",
		    o[i].argument != NULL ? o[i].argument : "");
		printf("  %-24s %s\n", left, tr(o[i].en, o[i].zh));
	}
}

static void print_command_help(const struct cli_help *h, const struct cli_option *o, size_t n)
{
	printf("%s %s %s\n\n%s\n\n", tr("usage:", "用法："), own_name(), h->usage, tr(h->en, h->zh));
	print_options(o, n);
	print_options(common, common_count());
}

static bool parse_number(const char *s, uint64_t *ret)
{
	char *end;

	if (s[0] < '0' || s[0] > '9')
		return false;
	errno = 0;
	*ret = strtoull(s, &end, 10);
	return *end == 0 && errno == 0;
}

static bool set_option(const struct cli_option *o, const char *argument)
{
	struct cli_list *list = o->target;

	switch (o->kind) {
	case OPTION_FLAG:
		*(bool *)o->target = true;
		return true;
	case OPTION_TEXT:
		if (o == &common[COMMON_LANG])
			return cli_language(argument);
		*(const char **)o->target = argument;
		return true;
	case OPTION_NUMBER:
		return parse_number(argument, o->target);
	case OPTION_LIST:
		if (list->n == CLI_LIST_MAX)
			return false;
		list->item[list->n++] = argument;
		return true;
	}
	return false;
}

/* The option getopt's index stands for: the command's own first, then those of every command. */
static const struct cli_option *option_at(const struct cli_option *options, size_t n, int i)
{
	return (size_t)i < n ? &options[i] : &common[(size_t)i - n];
}

bool cli_parse(int argc, char **argv, const struct cli_help *help, const struct cli_option *options, size_t n, int min, int max,
    struct cli_args *ret)
{
	struct option table[OPTIONS_MAX + 1] = { { NULL, 0, NULL, 0 } };
	int c, at = -1;

	for (size_t i = 0; i < n + common_count() && i < OPTIONS_MAX; i++) {
		const struct cli_option *o = option_at(options, n, (int)i);

		table[i] = (struct option){ o->name, o->kind == OPTION_FLAG ? no_argument : required_argument, NULL, 0 };
	}
	ret->exit = EXIT_USAGE;
	opterr = 0;
	optind = 0;	/* glibc: begin anew, main has parsed before */
	while ((c = getopt_long(argc, argv, ":", table, &at)) != -1) {
		if (c == 0 && option_at(options, n, at) == &common[COMMON_HELP]) {
			print_command_help(help, options, n);
			ret->exit = EXIT_DONE;
			return false;
		}
		if (c == 0 && set_option(option_at(options, n, at), optarg))
			continue;
		if (c == 0)
			(void)cli_usage(argv[0], "--%s does not take '%s'", "--%s 不能是“%s”", table[at].name, optarg);
		else if (c == ':')
			(void)cli_usage(argv[0], "%s wants an argument", "%s 需要一个参数", argv[optind - 1]);
		else
			(void)cli_usage(argv[0], "unknown option %s", "未知选项 %s", argv[optind - 1]);
		return false;
	}
	ret->argc = argc - optind;
	ret->argv = argv + optind;
	if (ret->argc < min || ret->argc > max) {
		(void)cli_usage(argv[0], ret->argc < min ? "an argument is missing: %s" : "too many arguments: %s",
		    ret->argc < min ? "缺少参数：%s" : "参数过多：%s", help->usage);
		return false;
	}
	return true;
}

/* ---- files ---------------------------------------------------------------------------------------------------------- */

static int read_descriptor(int fd, struct buf *ret)
{
	for (;;) {
		size_t before = ret->n;
		uint8_t *at = buf_add(ret, 65536);
		ssize_t n;

		if (at == NULL) {
			errno = EFBIG;
			return -1;
		}
		do
			n = read(fd, at, 65536);
		while (n < 0 && errno == EINTR);
		buf_cut(ret, before + (n > 0 ? (size_t)n : 0));
		if (n <= 0)
			return (int)n;
	}
}

int cli_read_file(const char *path, struct buf *ret)
{
	bool standard = path == NULL || strcmp(path, "-") == 0;
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC), code = 0;

	if (fd < 0 || read_descriptor(fd, ret) != 0)
		code = cli_fail(EXIT_FAILED, "cannot read %s: %s", "无法读取 %s：%s", standard ? "standard input" : path, strerror(errno));
	if (fd > STDIN_FILENO)
		(void)close(fd);	/* read only */
	return code;
}

static int write_all(int fd, const uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		p += done;
		n -= (size_t)done;
	}
	return fsync(fd);
}

/* Make a rename in path's folder last through a power cut. 0 or -1. */
static int sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_ROOM] = ".";
	int fd, r;

	if (slash != NULL)
		snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
	if ((fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return -1;
	r = fsync(fd);
	(void)close(fd);	/* read only */
	return r;
}

int cli_put_in_place(const char *fresh, const char *path)
{
	int why;

	if (rename(fresh, path) == 0 && sync_folder(path) == 0)
		return 0;
	why = errno;
	(void)unlink(fresh);	/* not there any more if only the sync failed */
	return cli_fail(EXIT_FAILED, "cannot write %s: %s", "无法写入 %s：%s", path, strerror(why));
}

bool cli_same_file(const char *a, const char *b)
{
	struct stat s, t;

	return b != NULL && (strcmp(a, b) == 0 || (stat(a, &s) == 0 && stat(b, &t) == 0 && s.st_dev == t.st_dev && s.st_ino == t.st_ino));
}

int cli_write_file(const char *path, const void *p, size_t n, unsigned mode, bool replace)
{
	char temporary[PATH_ROOM];
	const char *target = path;
	struct stat st;
	int fd;

	if (replace) {
		if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
			return cli_fail(EXIT_FAILED, "%s is no file to write to", "%s 不是可写入的普通文件", path);
		if (snprintf(temporary, sizeof temporary, "%s.new", path) >= (int)sizeof temporary)
			return cli_fail(EXIT_FAILED, "the path is too long: %s", "路径过长：%s", path);
		(void)unlink(temporary);	/* left over from a run that was cut short, if it is there at all */
		target = temporary;
	}
	if ((fd = open(target, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)) < 0)
		return cli_fail(EXIT_FAILED, "cannot make %s: %s", "无法创建 %s：%s", target, strerror(errno));
	if (write_all(fd, p, n) != 0 || close(fd) != 0) {
		int why = errno;

		(void)unlink(target);	/* half a file is of no use */
		return cli_fail(EXIT_FAILED, "cannot write %s: %s", "无法写入 %s：%s", path, strerror(why));
	}
	return replace ? cli_put_in_place(target, path) : 0;
}

/* ---- passphrases ------------------------------------------------------------------------------------------------------ */

/* Read one line without its newline. 0 or -1. */
static int read_line(int fd, struct buf *ret)
{
	size_t start = ret->n;
	uint8_t c;

	for (;;) {
		ssize_t n = read(fd, &c, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || ret->n - start > PASSPHRASE_MAX)
			return -1;
		if (n == 0 || c == '\n')
			break;
		buf_u8(ret, c);
	}
	wipe(&c, 1);
	return buf_ok(ret) && ret->n > start ? 0 : -1;
}

static int ask(int tty, const char *question, struct buf *ret)
{
	struct termios old, quiet;
	int r;

	if (tcgetattr(tty, &old) != 0)
		return -1;
	quiet = old;
	quiet.c_lflag = (quiet.c_lflag & ~(tcflag_t)ECHO) | ECHONL;
	if (tcsetattr(tty, TCSAFLUSH, &quiet) != 0)
		return -1;
	dprintf(tty, "%s ", question);
	r = read_line(tty, ret);
	(void)tcsetattr(tty, TCSAFLUSH, &old);	/* nothing better could be done */
	return r;
}

static int ask_on_terminal(const char *question, bool again, struct buf *ret)
{
	struct buf second;
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY), code = 0;

	if (tty < 0)
		return cli_fail(EXIT_USAGE, "there is no terminal to ask for the passphrase; use --passphrase-fd",
		    "没有终端可输入口令，请用 --passphrase-fd");
	buf_init(&second, PASSPHRASE_MAX + 1);
	if (ask(tty, question, ret) != 0)
		code = cli_fail(EXIT_FAILED, "no passphrase was given", "没有输入口令");
	else if (again && (ask(tty, tr("Again:", "再输一次："), &second) != 0 || second.n != ret->n ||
	    memcmp(second.p, ret->p, ret->n) != 0))
		code = cli_fail(EXIT_FAILED, "the passphrases differ", "两次口令不一致");
	buf_free(&second);
	(void)close(tty);	/* nothing was left unwritten */
	return code;
}

int cli_passphrase(uint64_t fd, const char *question, bool again, struct buf *ret)
{
	if (fd == UINT64_MAX)
		return ask_on_terminal(question, again, ret);
	if (fd > 1u << 20 || read_line((int)fd, ret) != 0)
		return cli_fail(EXIT_USAGE, "descriptor %llu gives no passphrase", "描述符 %llu 没有给出口令", (unsigned long long)fd);
	return 0;
}

/* ---- groups of commands ------------------------------------------------------------------------------------------- */

bool cli_sub(int argc, char **argv, const struct cli_sub *subs, size_t n, int *ret_code)
{
	static char name[64];	/* argv[0] of the sub-command, which may look at it until the end */

	for (size_t i = 0; argc > 1 && i < n; i++) {
		if (strcmp(argv[1], subs[i].name) != 0)
			continue;
		snprintf(name, sizeof name, "%s %s", argv[0], argv[1]);
		argv[1] = name;
		*ret_code = subs[i].run(argc - 1, argv + 1);
		return true;
	}
	return false;
}

int cli_group(int argc, char **argv, const struct cli_sub *subs, size_t n)
{
	int code;

	if (cli_sub(argc, argv, subs, n, &code))
		return code;
	for (size_t i = 0; i < n; i++)
		printf("  childvault %s %-9s %s\n", argv[0], subs[i].name, tr(subs[i].en, subs[i].zh));
	if (argc > 1 && strcmp(argv[1], "--help") == 0)
		return EXIT_DONE;
	return cli_fail(EXIT_USAGE, "which of these?", "请选择其中之一");
}

bool cli_is_id(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((p[i] < '0' || p[i] > '9') && (p[i] < 'a' || p[i] > 'f'))
			return false;
	return n == CLI_ID;
}

bool cli_is_code(const char *typed, const char *code)
{
	while (*code != '\0' || *typed != '\0') {
		if (*code == ' ')
			code++;
		else if (*typed == ' ' || *typed == '-')
			typed++;
		else if (*code++ != *typed++)
			return false;
	}
	return true;
}
