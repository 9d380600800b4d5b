/*
 * childvault demo: the whole story on one terminal, on a vault of its own in a temporary folder. Every step is a command that
 * anybody can type, shown and run as such; a step that does not end as it should makes the demo fail.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli.h"
#include "synth.h"

#define PATH_ROOM 4096
#define DIR_ROOM 80		/* the socket's path has to fit into sun_path */
#define START_MS 30000u
#define SEED 7u
#define ARGUMENTS 12

struct demo {
	char base[DIR_ROOM];		/* everything of this demo */
	char vault[DIR_ROOM + 8], socket[DIR_ROOM + 24], log_copy[DIR_ROOM + 16], tampered[DIR_ROOM + 16];
	char self[PATH_ROOM];		/* folder of this program */
	bool own_dir;			/* base is removed at the end */
	pid_t daemon;			/* 0: not running */
	unsigned steps, failures;
	char record[33], intake_record[33];
	uint64_t files;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

/* ---- telling --------------------------------------------------------------------------------------------------------- */

static void step(struct demo *d, const char *en, const char *zh)
{
	bool terminal = isatty(STDOUT_FILENO);

	printf("\n%s%u. %s%s\n", terminal ? "\033[1m" : "", ++d->steps, tr(en, zh), terminal ? "\033[0m" : "");
	fflush(stdout);
}

static void tell(const char *en, const char *zh) { printf("   %s\n", tr(en, zh)); }

/* What was expected did not happen. */
static void expect(struct demo *d, bool holds, const char *en, const char *zh)
{
	if (holds)
		return;
	d->failures++;
	fflush(stdout);
	(void)cli_fail(EXIT_FAILED, "the demo went wrong: %s", "演示出错：%s", tr(en, zh));
}

/* Run a command, shown first, and hold its exit code to what it should be. args end with NULL. */
static bool run(struct demo *d, int wanted, const char *const *args)
{
	char *argv[ARGUMENTS + 1];
	int argc = 0, code, errors;

	printf("   $ childvault");
	for (; args[argc] != NULL && argc < ARGUMENTS; argc++) {
		bool plain = strpbrk(args[argc], " '\"") == NULL;

		printf(plain ? " %s" : " '%s'", args[argc]);
		argv[argc] = (char *)(uintptr_t)args[argc];	/* getopt moves pointers, never bytes */
	}
	argv[argc] = NULL;
	putchar('\n');
	fflush(stdout);
	/* A refusal is part of the story and belongs into it, not beside it. */
	errors = dup(STDERR_FILENO);
	(void)dup2(STDOUT_FILENO, STDERR_FILENO);
	code = cli_run(argc, argv);
	fflush(stdout);
	if (errors >= 0) {
		(void)dup2(errors, STDERR_FILENO);
		(void)close(errors);	/* a copy */
	}
	expect(d, code == wanted, "a command ended with another status than it should", "命令的退出状态与预期不符");
	return code == wanted;
}

#define RUN(d, wanted, ...) run((d), (wanted), (const char *const[]){ __VA_ARGS__, NULL })

/* ---- the vault and its daemon ------------------------------------------------------------------------------------------- */

static bool join(char ret[PATH_ROOM], const char *dir, const char *name)
{
	return snprintf(ret, PATH_ROOM, "%s/%s", dir, name) < PATH_ROOM;
}

static int make_folder(struct demo *d, const char *dir)
{
	const char *temporary = getenv("TMPDIR");

	if (dir != NULL) {
		if (strlen(dir) >= DIR_ROOM)
			return cli_usage("demo", "--dir is too long for a socket's path", "--dir 过长，套接字路径放不下");
		memcpy(d->base, dir, strlen(dir) + 1);
		if (mkdir(d->base, 0700) != 0)
			return cli_fail(EXIT_FAILED, "cannot make %s: %s", "无法创建 %s：%s", dir, strerror(errno));
	} else {
		if (temporary == NULL || temporary[0] != '/' || strlen(temporary) > DIR_ROOM - 32)
			temporary = "/tmp";
		snprintf(d->base, sizeof d->base, "%s/childvault-demo-XXXXXX", temporary);
		if (mkdtemp(d->base) == NULL)
			return cli_fail(EXIT_FAILED, "cannot make a folder in %s: %s", "无法在 %s 中创建目录：%s", temporary, strerror(errno));
		d->own_dir = true;
	}
	snprintf(d->vault, sizeof d->vault, "%s/vault", d->base);
	snprintf(d->socket, sizeof d->socket, "%s/api.sock", d->vault);
	snprintf(d->log_copy, sizeof d->log_copy, "%s/log", d->base);
	snprintf(d->tampered, sizeof d->tampered, "%s/log-tampered", d->base);
	cli.socket = d->socket;
	return 0;
}

/* childvaultd beside this program, or where `make install` puts it, or in PATH. Does not return. */
static void exec_daemon(const struct demo *d)
{
	static const char *const places[] = { "childvaultd", "../sbin/childvaultd" };
	char path[PATH_ROOM], log[PATH_ROOM];
	int fd;

	(void)setpgid(0, 0);	/* Ctrl-C is the demo's to answer, by a clean stop */
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);	/* without it a killed demo would leave its daemon behind: only a nuisance */
	if (join(log, d->base, "daemon.log") && (fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) >= 0)
		(void)dup2(fd, STDERR_FILENO);	/* else its lines come to the terminal */
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		if (join(path, d->self, places[i]))
			(void)execl(path, "childvaultd", "--vault", d->vault, (char *)NULL);	/* tries the next place if this fails */
	(void)execlp("childvaultd", "childvaultd", "--vault", d->vault, (char *)NULL);
	_exit(127);
}

/* Ask until the daemon answers as wanted ("" for ready), it ends, or patience does. */
static bool wait_for(struct demo *d, const char *kind)
{
	const struct timespec pause = { .tv_nsec = 5000000 };
	uint64_t end = clock_mono_ms() + START_MS;
	struct childvault *cv = NULL;
	bool there = false;

	if (cli_open(&cv) != 0)
		return false;
	while (!there && !interrupted && clock_mono_ms() < end) {
		int r = childvault_health(cv);

		there = kind[0] == 0 ? r == CHILDVAULT_OK : r == CHILDVAULT_PROBLEM && strcmp(childvault_problem(cv), kind) == 0;
		if (there)
			break;
		if (waitpid(d->daemon, NULL, WNOHANG) == d->daemon) {
			d->daemon = 0;
			break;
		}
		(void)nanosleep(&pause, NULL);
	}
	childvault_free(cv);
	return there;
}

static void tell_daemon_log(const struct demo *d)
{
	char path[PATH_ROOM];
	struct buf text;

	buf_init(&text, 1 << 20);
	if (join(path, d->base, "daemon.log") && cli_read_file(path, &text) == 0)
		fprintf(stderr, "%.*s", (int)text.n, (const char *)text.p);
	buf_free(&text);
}

static int start(struct demo *d)
{
	ssize_t n = readlink("/proc/self/exe", d->self, sizeof d->self - 1);

	if (n > 0)
		d->self[n] = 0;
	*(strrchr(d->self, '/') != NULL ? strrchr(d->self, '/') : d->self) = 0;
	fflush(stdout);
	if ((d->daemon = fork()) < 0)
		return cli_fail(EXIT_FAILED, "cannot start another process: %s", "无法启动进程：%s", strerror(errno));
	if (d->daemon == 0)
		exec_daemon(d);
	if (wait_for(d, ""))
		return 0;
	(void)cli_fail(EXIT_FAILED, "childvaultd did not come up; it said:", "childvaultd 未能启动，其输出：");
	tell_daemon_log(d);
	return EXIT_FAILED;
}

static void stop_daemon(struct demo *d)
{
	int status = 0;

	if (d->daemon == 0)
		return;
	(void)kill(d->daemon, SIGTERM);	/* ours: it is there until it was waited for */
	while (waitpid(d->daemon, &status, 0) < 0 && errno == EINTR)
		;
	d->daemon = 0;
	expect(d, WIFEXITED(status) && WEXITSTATUS(status) == 0, "the daemon did not stop cleanly", "服务未能正常停止");
}

static void remove_tree(const char *path)
{
	char inner[PATH_ROOM];
	DIR *dir = opendir(path);
	struct dirent *x;

	while (dir != NULL && (x = readdir(dir)) != NULL) {
		if (strcmp(x->d_name, ".") == 0 || strcmp(x->d_name, "..") == 0 || !join(inner, path, x->d_name))
			continue;
		if (unlink(inner) != 0)
			remove_tree(inner);
	}
	if (dir != NULL)
		(void)closedir(dir);	/* read only */
	(void)rmdir(path);	/* what could not be removed stays for its owner to see */
}

/* ---- sessions ------------------------------------------------------------------------------------------------------------- */

static void key_path(const struct demo *d, const char *name, char ret[PATH_ROOM])
{
	(void)snprintf(ret, PATH_ROOM, "%s/keys/%s.key", d->vault, name);
}

/* Log in as one of the demo's people; the commands that follow take the session from the environment. */
static struct childvault *become(struct demo *d, const char *name)
{
	char path[PATH_ROOM];
	struct childvault *cv = NULL;

	key_path(d, name, path);
	printf("   $ export CHILDVAULT_TOKEN=$(childvault login --key %s)\n", path);
	if (cli_open(&cv) != 0 || cli_login(cv, path, NULL, UINT64_MAX) != 0) {
		expect(d, false, "a demo key opened no session", "演示密钥未能登录");
		childvault_free(cv);
		return NULL;
	}
	(void)setenv("CHILDVAULT_TOKEN", childvault_token(cv), 1);	/* only for the commands that run in this process */
	return cv;
}

/* ---- the story -------------------------------------------------------------------------------------------------------------- */

static void show_seal(struct demo *d)
{
	step(d, "A vault is sealed until it gets its root key.", "档案库在得到根密钥之前是封存的。");
	RUN(d, EXIT_DONE, "status");
	RUN(d, EXIT_DONE, "seal");
	expect(d, wait_for(d, "sealed"), "the vault is not sealed", "档案库未封存");
	tell("Sealed: nothing can be read, whoever asks. Now the root key again:", "已封存：任何人都读不到。现在重新解封：");
	RUN(d, EXIT_DONE, "unseal");
	expect(d, wait_for(d, ""), "the vault does not unseal", "档案库未解封");
}

static void load(struct demo *d)
{
	const struct childvault_with with = { .purpose = "intake" };
	struct childvault *cv;
	char json[SYNTH_MAX];
	uint64_t done = 0, begin;

	step(d, "A caseworker loads synthetic files; each has 25 fields and is durable, with its audit entry, when it is answered.",
	    "社工录入合成档案：每份 25 个字段，应答之前档案与审计条目已落盘。");
	if ((cv = become(d, "caseworker")) == NULL)
		return;
	begin = clock_mono_ms();
	for (; done < d->files && !interrupted; done++) {
		(void)synth_file(SEED, done, json);
		if (childvault_create(cv, &with, json) != CHILDVAULT_OK) {
			(void)cli_answer_fail(cv, CHILDVAULT_PROBLEM);
			break;
		}
		snprintf(d->record, sizeof d->record, "%s", childvault_id(cv));
	}
	begin = clock_mono_ms() - begin;
	printf(tr("   %llu files in %.2f s: %.0f a second over one connection.\n", "   %llu 份，%.2f 秒：单连接每秒 %.0f 份。\n"),
	    (unsigned long long)done, (double)begin / 1000, begin != 0 ? (double)done * 1000 / (double)begin : 0);
	expect(d, done == d->files, "not every file was stored", "未能全部录入");
	childvault_free(cv);
}

static void write_as_intake(struct demo *d)
{
	const struct childvault_with with = { .purpose = "intake" };
	struct childvault *cv;
	char json[SYNTH_MAX];

	step(d, "The intake application writes a file. It holds no key that reads, not even its own file.",
	    "受理程序写入一份档案。它没有任何读取密钥，连自己写的也读不到。");
	if ((cv = become(d, "intake")) == NULL)
		return;
	(void)synth_file(SEED, d->files, json);
	printf("   $ childvault create file.json --purpose intake\n");
	if (childvault_create(cv, &with, json) != CHILDVAULT_OK) {
		(void)cli_answer_fail(cv, CHILDVAULT_PROBLEM);
		expect(d, false, "the file was not stored", "档案未存入");
	} else {
		snprintf(d->intake_record, sizeof d->intake_record, "%s", childvault_id(cv));
		printf("   %s\n", d->intake_record);
		RUN(d, EXIT_DENIED, "get", d->intake_record, "--fields", "name", "--purpose", "intake");
	}
	childvault_free(cv);
}

#define SHOWN "name,id_no,birth_date,phone,address,guardian_name"

static void read_as_caseworker(struct demo *d)
{
	struct childvault *cv;

	step(d, "The caseworker reads that file. Masked is the default; the masks were made when it was written.",
	    "社工读取该档案。默认脱敏；脱敏值在写入时已经算好。");
	if ((cv = become(d, "caseworker")) == NULL)
		return;
	RUN(d, EXIT_DONE, "get", d->intake_record, "--fields", SHOWN, "--purpose", "intake");
	tell("In clear it takes the right, a reason, and an audit entry of its own kind:", "明文需要权限、理由，并单独记入审计：");
	RUN(d, EXIT_DONE, "get", d->intake_record, "--fields", SHOWN, "--purpose", "intake", "--view", "clear", "--reason",
	    "home visit prepared");
	childvault_free(cv);
}

static void refuse_school(struct demo *d)
{
	struct childvault *cv;

	step(d, "The school is refused what is not its business, and told by which rule (demo vaults only).",
	    "学校无权查看与其无关的内容；演示库会说明依据的规则。");
	if ((cv = become(d, "school")) == NULL)
		return;
	RUN(d, EXIT_DENIED, "get", d->intake_record, "--fields", "health_summary", "--purpose", "update");
	childvault_free(cv);
}

/* The last day of an approval that is given today, as YYYY-MM-DD. */
static void some_days_ahead(char ret[11])
{
	unsigned month, day;
	int year;

	clock_date((int32_t)(clock_wall_ms() / 86400000) + 30, &year, &month, &day);
	snprintf(ret, 11, "%04u-%02u-%02u", (unsigned)year % 10000, month % 100, day % 100);
}

/* Ask as the school for one field of one file; false: nothing was asked. */
static bool ask_as_school(struct demo *d, char ret_id[33])
{
	struct childvault *cv = become(d, "school");
	char until[11], json[512];
	bool asked = false;

	if (cv == NULL)
		return false;
	some_days_ahead(until);
	printf("   $ childvault request grant %s --fields health_summary --purpose edu_aid --reason 'school nurse' --until %s --reads 1\n",
	    d->intake_record, until);
	snprintf(json, sizeof json, "{\"kind\":\"grant\",\"record\":\"%s\",\"fields\":[\"health_summary\"],\"purpose\":\"edu_aid\","
	    "\"reason\":\"school nurse\",\"until\":\"%s\",\"reads\":1}", d->intake_record, until);
	if (childvault_make(cv, NULL, "requests", json) == CHILDVAULT_OK) {
		snprintf(ret_id, 33, "%s", childvault_id(cv));
		asked = true;
	} else {
		(void)cli_answer_fail(cv, CHILDVAULT_PROBLEM);
		expect(d, false, "the request was not taken", "申请未被受理");
	}
	childvault_free(cv);
	return asked;
}

static void approve_school(struct demo *d)
{
	struct childvault *cv;
	char id[33];

	step(d, "The school asks for one field of this child; the manager, whose key opens it, seals that key to the school's officer.",
	    "学校就该儿童的一个字段提出申请；持有密钥的负责人批准，并把密钥封给学校经办人。");
	if (!ask_as_school(d, id) || (cv = become(d, "manager")) == NULL)
		return;
	RUN(d, EXIT_DONE, "todo");
	RUN(d, EXIT_DONE, "request", "approve", id);
	childvault_free(cv);
	if ((cv = become(d, "school")) == NULL)
		return;
	RUN(d, EXIT_DONE, "get", d->intake_record, "--fields", "health_summary", "--purpose", "edu_aid", "--view", "clear", "--reason",
	    "school nurse");
	tell("One read was granted, and no second:", "只批准读取一次，第二次被拒：");
	RUN(d, EXIT_DENIED, "get", d->intake_record, "--fields", "health_summary", "--purpose", "edu_aid", "--view", "clear", "--reason",
	    "school nurse");
	childvault_free(cv);
}

static void show_audit(struct demo *d)
{
	char path[PATH_ROOM];

	step(d, "The auditor sees who did what. Names and fields open with the auditor's own key only.",
	    "审计员可见谁做了什么。姓名和字段只能用审计员自己的密钥解开。");
	(void)unsetenv("CHILDVAULT_TOKEN");
	key_path(d, "auditor", path);
	RUN(d, EXIT_DONE, "audit", "events", "--key", path, "--last", "--limit", "24");
}

/* Size that the checkpoint file covers, 0 if there is none. */
static uint64_t checkpoint_size(const struct demo *d)
{
	char path[PATH_ROOM], line[512];
	unsigned long long size = 0;
	FILE *f;

	if (!join(path, d->vault, "log/checkpoint") || (f = fopen(path, "re")) == NULL)
		return 0;
	if (fgets(line, sizeof line, f) != NULL && fgets(line, sizeof line, f) != NULL)
		size = strtoull(line, NULL, 10);
	(void)fclose(f);	/* read only */
	return size;
}

/* Checkpoints are signed behind the answers: wait for one that covers every file that was loaded. */
static void wait_for_checkpoint(struct demo *d)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	uint64_t end = clock_mono_ms() + START_MS;

	while (checkpoint_size(d) < d->files && !interrupted && clock_mono_ms() < end)
		(void)nanosleep(&pause, NULL);
	expect(d, checkpoint_size(d) >= d->files, "no checkpoint covers the files", "检查点未覆盖所录档案");
}

/* The first bundle of leaves in a copy: full, or the partial one of a short log. */
static bool first_bundle(const char *copy, char ret[PATH_ROOM])
{
	char folder[PATH_ROOM], name[PATH_ROOM] = "";
	struct dirent *x;
	DIR *dir;

	if (!join(ret, copy, "tile/entries/000") || access(ret, R_OK) == 0)
		return ret[0] != 0;
	if (!join(folder, copy, "tile/entries/000.p") || (dir = opendir(folder)) == NULL)
		return false;
	while ((x = readdir(dir)) != NULL)
		if (x->d_name[0] != '.' && !join(name, folder, x->d_name))
			name[0] = 0;
	(void)closedir(dir);	/* read only */
	memcpy(ret, name, sizeof name);
	return name[0] != 0;
}

static bool flip_byte(const char *path, long offset)
{
	FILE *f = fopen(path, "r+e");
	int c;
	bool done;

	if (f == NULL)
		return false;
	done = fseek(f, offset, SEEK_SET) == 0 && (c = fgetc(f)) != EOF && fseek(f, offset, SEEK_SET) == 0 && fputc(c ^ 1, f) != EOF;
	return fclose(f) == 0 && done;
}

static void prove_log(struct demo *d)
{
	char bundle[PATH_ROOM];
	struct stat st;

	step(d, "The log proves itself to outsiders: copy it, check it offline.", "日志可向外部自证：复制一份，离线核对。");
	wait_for_checkpoint(d);
	RUN(d, EXIT_DONE, "audit", "export", d->vault, "--to", d->log_copy);
	RUN(d, EXIT_DONE, "audit", "verify", d->log_copy);
	step(d, "Now one bit of another copy is changed. The verifier names the place and ends with status 3.",
	    "现在改动另一份副本中的一个比特。核对程序指出位置并以状态 3 结束。");
	RUN(d, EXIT_DONE, "audit", "export", d->vault, "--to", d->tampered);
	if (!first_bundle(d->tampered, bundle) || stat(bundle, &st) != 0 || !flip_byte(bundle, (long)st.st_size / 2)) {
		expect(d, false, "no byte could be changed", "无法改动字节");
		return;
	}
	printf(tr("   (byte %ld of %s changed)\n", "   （已改动 %2$s 的第 %1$ld 字节）\n"), (long)st.st_size / 2, bundle);
	RUN(d, EXIT_VERIFY, "audit", "verify", d->tampered);
}

static void show_curl(const struct demo *d)
{
	printf("\n%s\n", tr("Any HTTP client speaks to the socket. These lines work while `childvault demo --stay` runs:",
	    "任何 HTTP 客户端都可访问该套接字。在 childvault demo --stay 运行期间，以下命令可用："));
	printf("%s %s\n", tr("socket:", "套接字："), d->socket);
	printf("  curl --unix-socket %s http://localhost/v1/sys/health\n", d->socket);
	printf("  curl --unix-socket %s -H \"Authorization: Bearer $(%s/childvault --socket %s login --key %s/keys/caseworker.key)\" "
	    "-H 'CV-Purpose: intake' 'http://localhost/v1/records/%s?fields=name,id_no,phone'\n", d->socket, d->self, d->socket, d->vault,
	    d->record);
	printf("  curl --unix-socket %s -H \"Authorization: Bearer $(%s/childvault --socket %s login --key %s/keys/intake.key)\" "
	    "-H 'CV-Purpose: intake' -H 'Content-Type: application/json' -d '{\"fields\":{\"name\":\"演示\"}}' "
	    "http://localhost/v1/records\n", d->socket, d->self, d->socket, d->vault);
}

static void stay(const struct demo *d)
{
	sigset_t wanted;
	int number;

	printf("\n%s\n", tr("The demo's vault stays until Ctrl-C.", "演示库将保持运行，按 Ctrl-C 结束。"));
	fflush(stdout);
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGINT);
	sigaddset(&wanted, SIGTERM);
	(void)d;
	(void)sigprocmask(SIG_BLOCK, &wanted, NULL);	/* fails for no valid set */
	while (!interrupted && sigwait(&wanted, &number) != 0)
		;
	(void)sigprocmask(SIG_UNBLOCK, &wanted, NULL);
}

static void story(struct demo *d)
{
	void (*const steps[])(struct demo *) = { show_seal, load, write_as_intake, read_as_caseworker, refuse_school, approve_school,
		show_audit, prove_log };

	for (size_t i = 0; i < sizeof steps / sizeof steps[0] && !interrupted; i++)
		steps[i](d);
	expect(d, !interrupted, "it was interrupted", "被中断");
}

/* Everything that can be said of the end, in one place. */
static int finish(struct demo *d)
{
	stop_daemon(d);
	if (d->own_dir)
		remove_tree(d->base);
	if (d->failures != 0)
		return cli_fail(EXIT_FAILED, "%u things were not as they should be", "有 %u 处与预期不符", d->failures);
	printf("\n%s\n", d->own_dir ? tr("The daemon has stopped and the demo's folder is gone.", "服务已停止，演示目录已删除。") :
	    tr("The daemon has stopped; the folder stays.", "服务已停止，目录保留。"));
	return EXIT_DONE;
}

int cmd_demo(int argc, char **argv)
{
	static const struct cli_help help = { "demo [--stay] [--dir DIR] [--files N]",
		"Makes a demo vault with synthetic files, tells the story of this program on the terminal and ends.",
		"建立含合成档案的演示库，在终端上演示全过程后结束。" };
	struct demo d = { .files = 1000 };
	bool stays = false;
	const char *dir = NULL;
	const struct cli_option options[] = { { "stay", OPTION_FLAG, &stays, NULL, "keep the vault running until Ctrl-C", "演示后保持运行" },
		{ "dir", OPTION_TEXT, &dir, "DIR", "a new folder, kept afterwards", "新目录，结束后保留" },
		{ "files", OPTION_NUMBER, &d.files, "N", "files to load; 1000 by default", "录入份数，默认 1000" } };
	struct sigaction action = { .sa_handler = on_signal };
	struct cli_args a;
	int code;

	if (!cli_parse(argc, argv, &help, options, 3, 0, 0, &a))
		return a.exit;
	if (d.files == 0 || d.files > 10000000)
		return cli_usage("demo", "--files is 1 to 10000000", "--files 为 1 至 10000000");
	cli.json = false;
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	action.sa_handler = SIG_IGN;	/* a reader that goes away must not keep the demo from cleaning up */
	(void)sigaction(SIGPIPE, &action, NULL);
	if ((code = make_folder(&d, dir)) != 0)
		return code;
	step(&d, "A demo vault: every key in one folder, and its log says so for ever.", "建立演示库：全部密钥在一个目录中，日志永久注明。");
	if (!RUN(&d, EXIT_DONE, "init", "--demo", d.vault)) {
		code = EXIT_FAILED;
	} else if ((code = start(&d)) == 0) {
		story(&d);
		show_curl(&d);
		if (stays && d.failures == 0)
			stay(&d);
	} else {
		d.failures++;
	}
	return finish(&d);
}
