/* childvault reproject: start or go on with a job that computes views or predicates anew, and watch it. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "pages.h"

#define BAR 30u			/* characters */
#define POLL_FIRST_MS 100u	/* doubled up to POLL_MS: each look has its leaf in the log */
#define POLL_MS 1000u
#define COUNT(a) (sizeof (a) / sizeof (a)[0])

struct watch {
	char id[40], state[16], kind[16];
	unsigned long long done, total, changed, skipped;
	uint64_t start_ms;		/* monotonic */
	unsigned long long start_done;
	bool bar;			/* standard error is a terminal */
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int sig)
{
	(void)sig;
	interrupted = 1;
}

/* ---- what the daemon says ------------------------------------------------------------------------------------------- */

static void take_job(struct watch *w, const json_t *j)
{
	snprintf(w->id, sizeof w->id, "%s", json_text(j, "id"));
	snprintf(w->state, sizeof w->state, "%s", json_text(j, "state"));
	snprintf(w->kind, sizeof w->kind, "%s", json_text(j, "kind"));
	w->done = json_number(j, "done");
	w->total = json_number(j, "total");
	w->changed = json_number(j, "changed");
	w->skipped = json_number(j, "skipped");
}

/* Take what a call answered, which gave r. 0 or exit code. */
static int took(struct childvault *cv, struct watch *w, int r)
{
	json_t *j;

	if (r != CHILDVAULT_OK)
		return cli_answer_fail(cv, r);
	j = cli_body(cv);
	take_job(w, j);
	json_decref(j);
	return w->id[0] != 0 ? 0 : cli_fail(EXIT_FAILED, "the daemon's answer does not follow the protocol", "服务的应答不符合协议");
}

static int resume(struct childvault *cv, struct watch *w, const char *id)
{
	int r = childvault_act(cv, NULL, "jobs", id, "resume", NULL);

	return r == CHILDVAULT_USAGE ? cli_usage("reproject", "'%s' is not a job's id", "“%s”不是任务编号", id) : took(cv, w, r);
}

struct waiting {
	const char *kind;
	char id[40];		/* the newest that waits for keys */
};

static void take_waiting(void *cookie, const json_t *j)
{
	struct waiting *x = cookie;

	if (x->id[0] == 0 && strcmp(json_text(j, "kind"), x->kind) == 0)
		snprintf(x->id, sizeof x->id, "%s", json_text(j, "id"));
}

/* {"kind":..., "fields":[...]} */
static char *new_job(const char *kind, const char *fields)
{
	json_t *j = json_pack("{s:s}", "kind", kind), *list = fields != NULL ? json_array() : NULL;
	char *text;

	while (list != NULL && *fields != 0) {
		size_t n = strcspn(fields, ",");

		json_array_append_new(list, json_stringn(fields, n));
		fields += n + (fields[n] == ',');
	}
	if (list != NULL)
		json_object_set_new(j, "fields", list);
	text = json_dumps(j, JSON_COMPACT);
	json_decref(j);
	return text;
}

/* Go on with what waits for keys, else start anew; fields that were named always start anew. */
static int begin(struct childvault *cv, struct watch *w, const char *kind, const char *fields)
{
	struct waiting x = { .kind = kind };
	struct pages p = { .collection = "jobs", .filter.waiting = "me", .row = take_waiting, .cookie = &x };
	bool more;
	char *body;
	int code, r;

	if (fields == NULL) {
		if ((r = pages_get(cv, &p, &more)) != CHILDVAULT_OK)
			return cli_answer_fail(cv, r);
		if (x.id[0] != 0) {
			fprintf(stderr, tr("going on with job %s\n", "继续任务 %s\n"), x.id);
			return resume(cv, w, x.id);
		}
	}
	if ((body = new_job(kind, fields)) == NULL)
		return cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	code = took(cv, w, childvault_make(cv, NULL, "jobs", body));
	json_text_free(body);
	return code;
}

/* ---- watching ------------------------------------------------------------------------------------------------------- */

static void draw(const struct watch *w)
{
	double s = (double)(clock_mono_ms() - w->start_ms) / 1000, rate = s > 0 ? (double)(w->done - w->start_done) / s : 0;
	double left = rate > 0 ? (double)(w->total - w->done) / rate : 0;
	unsigned full = w->total > 0 ? (unsigned)(w->done * BAR / w->total) : BAR;
	char bar[BAR + 1], rest[32];

	if (!w->bar)
		return;
	memset(bar, '.', BAR);
	memset(bar, '#', full);
	bar[BAR] = 0;
	if (rate > 0 && left < 360000)
		snprintf(rest, sizeof rest, "%02u:%02u:%02u", (unsigned)left / 3600, (unsigned)left / 60 % 60, (unsigned)left % 60);
	else
		snprintf(rest, sizeof rest, "--:--:--");
	fprintf(stderr, tr("\r[%s] %3u%%  %llu/%llu  %.0f/s  %s left  %llu changed\033[K",
	    "\r[%s] %3u%%  %llu/%llu  每秒 %.0f  剩余 %s  已改 %llu\033[K"),
	    bar, w->total > 0 ? (unsigned)(w->done * 100 / w->total) : 100, w->done, w->total, rate, rest, w->changed);
	fflush(stderr);
}

static void pause_ms(unsigned ms)
{
	struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };

	(void)nanosleep(&t, NULL);	/* a signal ends it sooner, as it should */
}

/* Look until the job runs no more or the user has seen enough. 0 or exit code. */
static int watch(struct childvault *cv, struct watch *w)
{
	const struct sigaction act = { .sa_handler = on_interrupt };
	struct sigaction old;
	unsigned wait_ms = POLL_FIRST_MS;
	int code = 0;

	sigaction(SIGINT, &act, &old);
	w->bar = isatty(STDERR_FILENO);
	w->start_ms = clock_mono_ms();
	w->start_done = w->done;
	while (code == 0 && strcmp(w->state, "running") == 0 && !interrupted) {
		draw(w);
		pause_ms(wait_ms);
		if (!interrupted)
			code = took(cv, w, childvault_object(cv, "jobs", w->id));
		wait_ms = wait_ms * 2 < POLL_MS ? wait_ms * 2 : POLL_MS;
	}
	draw(w);
	if (w->bar)
		fputc('\n', stderr);
	sigaction(SIGINT, &old, NULL);
	return code;
}

/* ---- the end --------------------------------------------------------------------------------------------------------- */

static const char *state_word(const char *state)
{
	static const struct {
		const char *state, *en, *zh;
	} words[] = { { "running", "running", "进行中" }, { "needs-keys", "needs keys", "待密钥" }, { "done", "done", "完成" },
		{ "failed", "failed", "失败" }, { "cancelled", "cancelled", "已取消" } };

	for (size_t i = 0; isatty(STDOUT_FILENO) && i < COUNT(words); i++)
		if (strcmp(words[i].state, state) == 0)
			return tr(words[i].en, words[i].zh);
	return state;
}

static const char *kind_word(const char *kind)
{
	if (!isatty(STDOUT_FILENO))
		return kind;
	if (strcmp(kind, "reindex") == 0)
		return tr("indexes", "索引");
	return strcmp(kind, "predicates") == 0 ? tr("predicates", "判定字段") : tr("views", "脱敏视图");
}

static int print_job(const struct watch *w)
{
	const char *names[] = { tr("job", "任务"), tr("kind", "种类"), tr("state", "状态"), tr("done", "已处理"), tr("total", "总数"),
		tr("changed", "已改"), tr("not opened", "未能打开") }, *cells[7] = { w->id, kind_word(w->kind), state_word(w->state) };
	const unsigned long long numbers[4] = { w->done, w->total, w->changed, w->skipped };
	struct table *t = table_new(COUNT(names), names);
	char text[4][24];

	for (unsigned i = 0; i < 4; i++) {
		snprintf(text[i], sizeof text[i], "%llu", numbers[i]);
		cells[3 + i] = text[i];
	}
	if (t != NULL)
		table_row(t, cells);
	return table_print(t);
}

static int finish(const struct childvault *cv, const struct watch *w, bool waited)
{
	int code = cli.json ? cli_print_body(cv) : print_job(w);

	if (code != EXIT_DONE)
		return code;
	if (strcmp(w->state, "needs-keys") == 0)
		return cli_fail(EXIT_DENIED, "the session has ended: 'childvault reproject' with one that holds the classes goes on",
		    "会话已结束：以持有相应类别密钥的会话运行 childvault reproject 可继续");
	if (strcmp(w->state, "failed") == 0 || strcmp(w->state, "cancelled") == 0)
		return EXIT_FAILED;
	if (waited && strcmp(w->state, "running") == 0)
		return cli_fail(EXIT_FAILED, "the job goes on while its session lives", "任务在会话有效期间继续进行");
	return EXIT_DONE;
}

int cmd_reproject(int argc, char **argv)
{
	static const struct cli_help help = { "reproject [--fields NAMES] [--predicates|--indexes] [--resume JOB] [--wait]",
		"Computes the masked views of all files anew, after the rules changed, or with --predicates the computed fields, or with\n"
		"--indexes what files are found by, under new keys, while the old index answers. Goes on "
		"with a job that waits for keys, if there is one. The job uses this session's keys and waits when it ends.",
		"规则变更后重新计算全部档案的脱敏视图；加 --predicates 则重新计算判定字段；加 --indexes 则以新密钥重建查找索引，期间旧索引照常使用。有待密钥的任务时先继续该任务。任务使用本会话的密钥，会话结束即暂停。" };
	const char *fields = NULL, *id = NULL;
	bool predicates = false, indexes = false, wait = false, own = false;
	const struct cli_option options[] = {
		{ "fields", OPTION_TEXT, &fields, "NAMES", "only these fields, joined by commas; starts a new job", "只处理这些字段，逗号分隔；总是新建任务" },
		{ "predicates", OPTION_FLAG, &predicates, NULL, "compute the predicates instead of the views", "计算判定字段而不是视图" },
		{ "indexes", OPTION_FLAG, &indexes, NULL, "make the indexes anew instead of the views", "重建查找索引而不是脱敏视图" },
		{ "resume", OPTION_TEXT, &id, "JOB", "go on with this job", "继续此任务" },
		{ "wait", OPTION_FLAG, &wait, NULL, "show the progress until it is done", "显示进度直到完成" } };
	struct childvault *cv = NULL;
	struct watch w = { .total = 0 };
	struct cli_args a;
	int code;

	if (!cli_parse(argc, argv, &help, options, COUNT(options), 0, 0, &a))
		return a.exit;
	if (predicates && indexes)
		return cli_usage("reproject", "--predicates and --indexes are two jobs", "--predicates 与 --indexes 是两项任务");
	if (id != NULL && (fields != NULL || predicates || indexes))
		return cli_usage("reproject", "--resume names all there is to say", "--resume 不与其他选择并用");
	if ((code = cli_session(&cv, &own)) != 0)
		return code;
	code = id != NULL ? resume(cv, &w, id) : begin(cv, &w, predicates ? "predicates" : indexes ? "reindex" : "reproject", fields);
	/* A session of this command's own would take its keys away with its end. */
	wait = wait || own;
	if (code == 0 && wait)
		code = watch(cv, &w);
	if (code == 0)
		code = finish(cv, &w, wait);
	cli_close(cv, own && !interrupted);
	return code;
}
