/* childvault proxy: plain HTTP for applications, with the session that this process keeps. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "cli.h"
#include "client/client.h"
#include "client/key.h"
#include "client/proxy.h"
#include "format/message.h"

#define FILES (2 * PROXY_CLIENTS + 64)	/* descriptors: two a connection */
#define WAIT_MS 500

struct proxy_command {
	const char *key, *listen;
	struct cli_list roles;
	uint64_t fd;		/* of the passphrase; UINT64_MAX: the terminal */
	bool wait;
};

static const struct cli_help help = {
	"proxy --key FILE --listen SOCK [--role R]... [--passphrase-fd N] [--wait]",
	"Serves applications of this user that speak plain HTTP, in any language: it logs in, adds the session to each request, and\n"
	"renews it. They connect to SOCK, which only this user may, and need no key, no token and no library:\n"
	"  curl --unix-socket SOCK -H 'CV-Purpose: intake' http://localhost/v1/records/ID?fields=name\n"
	"The session is told to nobody and ended with SIGTERM, once what is under way is done.",
	"供本用户的应用程序以普通 HTTP 访问档案库（任何编程语言）：由它登录，在每个请求中加上会话，并按时续期。\n"
	"应用程序连接 SOCK（仅本用户可连接），不需要密钥、令牌或程序库：\n"
	"  curl --unix-socket SOCK -H 'CV-Purpose: intake' http://localhost/v1/records/ID?fields=name\n"
	"会话不会交给任何人；收到 SIGTERM 后，完成正在处理的请求，再结束会话。" };

/* ---- the process ------------------------------------------------------------------------------------------------------- */

/* No core file, no other process of the user that looks into this one's memory. 0 or exit code. */
static int harden(void)
{
	struct rlimit none = { 0, 0 }, files;

	if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return cli_fail(EXIT_FAILED, "this process cannot be protected: %s", "无法保护本进程：%s", strerror(errno));
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < FILES) {
		files.rlim_cur = files.rlim_max < FILES ? files.rlim_max : FILES;
		(void)setrlimit(RLIMIT_NOFILE, &files);	/* with fewer, some connections wait */
	}
	return 0;
}

/* From here on they are read. 0 or exit code. */
static int take_signals(int *ret_fd)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 || (*ret_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0)
		return cli_fail(EXIT_FAILED, "no signals: %s", "无法接收信号：%s", strerror(errno));
	return 0;
}

/* Tell systemd, if it asked (Type=notify), that applications may connect. */
static void say_ready(void)
{
	static const char ready[] = "READY=1";
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd;

	if (path == NULL || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof a.sun_path)
		return;
	memcpy(a.sun_path, path, strlen(path));
	a.sun_path[0] = path[0] == '@' ? '\0' : '/';
	if ((fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) < 0)
		return;
	(void)sendto(fd, ready, sizeof ready - 1, MSG_NOSIGNAL, (const struct sockaddr *)&a,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));	/* unheard, systemd says so in its log */
	close(fd);
}

/* ---- the session --------------------------------------------------------------------------------------------------------- */

/* Until the vault is there and unsealed. 0 or exit code. */
static int wait_for_vault(struct childvault *cv)
{
	static const struct timespec pause = { WAIT_MS / 1000, WAIT_MS % 1000 * 1000000L };
	bool said = false;
	int r;

	while ((r = childvault_health(cv)) != CHILDVAULT_OK) {
		if (r != CHILDVAULT_UNREACHABLE && r != CHILDVAULT_PROBLEM)
			return cli_answer_fail(cv, r);
		if (!said && r == CHILDVAULT_UNREACHABLE)
			(void)cli_fail(0, "waiting for the vault: no daemon answers at %s", "等待档案库：%s 处没有服务应答", cli.socket);
		else if (!said)
			(void)cli_fail(0, "waiting for the vault: %s", "等待档案库：%s", cli_kind(childvault_problem(cv)));
		said = true;
		(void)nanosleep(&pause, NULL);	/* a signal ends the process, or makes the wait shorter */
	}
	return 0;
}

static int log_in(const struct proxy_command *p, struct childvault *cv, struct client_key *ret_key)
{
	int code;

	do {
		if (p->wait && (code = wait_for_vault(cv)) != 0)
			return code;
		code = cli_login_key(cv, p->key, &p->roles, p->fd, ret_key);
	} while (code == EXIT_SEALED && p->wait && p->fd == UINT64_MAX);	/* sealed in between; a descriptor is read once */
	return code;
}

/* Said in the log, once for each change: a proxy that cannot log in answers for itself, but nobody may be asking. */
static void told(void *cookie, unsigned problem)
{
	bool *forked = cookie;

	if (problem == PROBLEM_INTEGRITY) {
		*forked = true;
		(void)cli_fail(0, "the vault's log is not the one that it was: it went back, was forked, or is another one. Ending",
		    "档案库的日志不是先前的那一份：它倒退了、被分叉了，或是另一份。代理终止");
		(void)kill(getpid(), SIGTERM);	/* as if an operator had ended it: what is under way ends first */
	} else if (problem == PROBLEM_NONE)
		(void)cli_fail(0, "logged in again", "已重新登录");
	else
		(void)cli_fail(0, "cannot log in: %s", "无法登录：%s", cli_kind(problem_kind(problem)));
}

/* ---- the command ---------------------------------------------------------------------------------------------------------- */

static int fail_listen(const struct proxy_command *p, int r)
{
	switch (r) {
	case CV_ERR_EXISTS:
		return cli_fail(EXIT_USAGE, "%s is there and is no socket", "%s 已存在，且不是套接字", p->listen);
	case CV_ERR_BUSY:
		return cli_fail(EXIT_FAILED, "another process answers on %s", "另一个进程正在使用 %s", p->listen);
	case CV_ERR_ARG:
		return cli_fail(EXIT_USAGE, "a path or a role is too long, or there are too many roles", "路径或角色名过长，或角色过多");
	case CV_ERR_NOMEM:
		return cli_fail(EXIT_FAILED, "no memory, or none that can be locked (ulimit -l)", "内存不足，或无法锁定内存（ulimit -l）");
	default:
		return cli_fail(EXIT_FAILED, "cannot listen on %s: %s", "无法监听 %s：%s", p->listen, strerror(errno));
	}
}

/* With a session open on cv, which it frees: hand it to the proxy, and serve. */
static int serve(const struct proxy_command *c, struct childvault *cv, const struct client_key *key)
{
	bool forked = false;
	const struct proxy_options o = { .listen = c->listen, .daemon = cli.socket, .key = key, .roles = c->roles.item,
		.role_count = c->roles.n, .told = told, .cookie = &forked, .head = childvault_head(cv),
		.token = childvault_token(cv), .expires = childvault_expires(cv) };
	struct proxy *p = NULL;
	int fd = -1, code, r;

	if ((code = take_signals(&fd)) != 0)
		return code;
	if ((r = proxy_new(&o, &p)) != 0) {
		code = fail_listen(c, r);
		(void)childvault_logout(cv);	/* ends by itself, if the vault is gone */
		goto out;
	}
	childvault_free(cv);	/* with its copy of the token */
	cv = NULL;
	say_ready();
	if (proxy_run(p, fd) != 0)
		code = cli_fail(EXIT_FAILED, "cannot wait for connections: %s", "无法等待连接：%s", strerror(errno));
	else if (forked)
		code = EXIT_VERIFY;
out:
	proxy_free(p);
	childvault_free(cv);
	close(fd);
	return code;
}

int cmd_proxy(int argc, char **argv)
{
	struct proxy_command p = { .key = getenv("CHILDVAULT_KEY"), .fd = UINT64_MAX };
	const struct cli_option options[] = {
		{ "key", OPTION_TEXT, &p.key, "FILE", "key file, also a credential of systemd (CHILDVAULT_KEY)",
		    "密钥文件，可为 systemd 凭据（CHILDVAULT_KEY）" },
		{ "listen", OPTION_TEXT, &p.listen, "SOCK", "the socket that applications connect to", "供应用程序连接的套接字" },
		{ "role", OPTION_LIST, &p.roles, "R", "a role of the session; all if left out", "会话的角色；不指明则为全部" },
		{ "passphrase-fd", OPTION_NUMBER, &p.fd, "N", "read the passphrase from descriptor N", "从描述符 N 读取口令" },
		{ "wait", OPTION_FLAG, &p.wait, NULL, "wait until the vault is there and unsealed", "等待档案库启动并解封" } };
	struct childvault *cv = NULL;
	struct secret *key = NULL;
	struct cli_args a;
	int code;

	if (!cli_parse(argc, argv, &help, options, sizeof options / sizeof options[0], 0, 0, &a))
		return a.exit;
	if (p.key == NULL || p.key[0] == 0)
		return cli_usage("proxy", "--key FILE is missing", "缺少 --key 文件");
	if (p.listen == NULL || p.listen[0] == 0)
		return cli_usage("proxy", "--listen SOCK is missing", "缺少 --listen 套接字");
	if ((code = harden()) != 0 || (code = cli_open(&cv)) != 0)
		return code;
	if ((key = secret_new(sizeof(struct client_key))) == NULL)
		code = fail_listen(&p, CV_ERR_NOMEM);
	if (code == 0)
		code = log_in(&p, cv, (struct client_key *)(void *)key->bytes);
	if (code == 0) {
		code = serve(&p, cv, (const struct client_key *)(const void *)key->bytes);
		cv = NULL;	/* transferred */
	}
	secret_free(key);
	childvault_free(cv);
	return code;
}
