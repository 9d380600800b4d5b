/* childvault import: many files from NDJSON or CSV, with progress, and to be gone on with after whatever ended it. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli.h"
#include "crypto/crypto.h"
#include "csv.h"
#include "values.h"

#define KEY_MAX 50u		/* as the API */
#define MAP_MAX (1u << 20)
#define SHOWN_MAX 20u		/* refused lines told on standard error; --errors has them all */
#define STATE_MS 1000u		/* between two writings of where it stands */
#define BAR_MS 200u
#define PLAIN_MS 5000u
#define OLD_MS (23ull * 3600 * 1000)	/* the vault knows keys for 24 hours */
#define COUNT(a) (sizeof (a) / sizeof (a)[0])

/* A line that was sent and not yet answered: lines of the file are counted apart from records, of which CSV may have fewer. */
struct sent {
	uint64_t record, line;
};
struct import {
	const char *path, *map_path, *errors_path;
	struct childvault_with with;
	bool dry, csv;
	uint64_t from;			/* first line of the file to take */
	/* the file */
	struct source source;
	uint64_t size;			/* of the file; 0: not known */
	struct policy *policy;		/* for CSV and dry runs */
	const struct policy_field **column;	/* of CSV: NULL where a column is left out */
	unsigned columns;
	struct buf record, json, scratch;
	int32_t today;
	uint64_t records;		/* seen so far, whether sent or not */
	/* answers */
	struct sent *queue;		/* ring of room places */
	size_t first, queued, room;
	uint64_t stored, repeated, refused, denied, shown;
	uint64_t acked, acked_line;	/* the last record that was answered, and its line */
	bool again;			/* refused lines are tried again */
	int stop;			/* status for which it stops, 0 none */
	char stop_kind[48];
	uint64_t stop_line;
	FILE *errors;
	/* where it stands */
	char state_path[4096];
	char key[KEY_MAX + 1];
	uint64_t begun_ms, told_ms, saved_ms;
	bool failed;			/* reading the file */
};

/* ---- faults --------------------------------------------------------------------------------------------------------- */

/* One fault of one line: never a value. */
static void tell_fault(struct import *m, uint64_t line, const char *field, const char *kind, const char *expected)
{
	if (m->errors != NULL)
		fprintf(m->errors, "%llu\t%s\t%s\t%s\n", (unsigned long long)line, field, kind, expected != NULL ? expected : "");
	if (m->errors != NULL || ++m->shown > SHOWN_MAX)
		return;
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);	/* the bar */
	fprintf(stderr, tr("line %llu: %s%s%s%s%s\n", "第 %llu 行：%s%s%s%s%s\n"), (unsigned long long)line, field, field[0] != 0 ?
	    ": " : "", cli_kind(kind),
	    expected != NULL ? ", " : "", expected != NULL ? expected : "");
	if (m->shown == SHOWN_MAX)
		fputs(tr("further faults are not shown; --errors FILE has all of them\n",
		    "其余错误不再显示；用 --errors 文件 可得全部\n"), stderr);
}

struct line_faults {
	struct import *m;
	uint64_t line;
};

static void local_fault(void *cookie, const char *field, const char *kind, const char *expected)
{
	const struct line_faults *l = cookie;

	tell_fault(l->m, l->line, field, kind, expected);
}

/* A line that is not sent: counted as refused, and a blank one takes its place, so that the vault counts as this file does. */
static void refuse_here(struct import *m, const char *field, const char *kind, const char *expected)
{
	tell_fault(m, m->source.line, field, kind, expected);
	m->refused++;
}

/* ---- progress --------------------------------------------------------------------------------------------------------- */

/* Length of time in words: "1:02:03", "4:05". */
static void span_text(uint64_t s, char ret[32])
{
	if (s >= 3600)
		snprintf(ret, 32, "%llu:%02u:%02u", (unsigned long long)(s / 3600), (unsigned)(s / 60 % 60), (unsigned)(s % 60));
	else
		snprintf(ret, 32, "%u:%02u", (unsigned)(s / 60), (unsigned)(s % 60));
}

static void tell_progress(struct import *m, bool last)
{
	bool terminal = isatty(STDERR_FILENO);
	uint64_t now = clock_mono_ms(), all = m->stored + m->repeated + m->refused, ms = now - m->begun_ms;
	uint64_t done = m->source.bytes > m->source.held.n ? m->source.bytes - m->source.held.n + m->source.at : 0;
	unsigned percent = m->size > 0 ? (unsigned)(done * 100 / m->size) : 0, bars = percent / 5;
	char left[32] = "";

	if (!last && now - m->told_ms < (terminal ? BAR_MS : PLAIN_MS))
		return;
	m->told_ms = now;
	if (m->size > 0 && done > 0 && done <= m->size)
		span_text((m->size - done) * ms / done / 1000, left);
	if (terminal && m->size > 0)
		fprintf(stderr, tr("\r\033[K[%.*s%.*s] %u%%  %llu files  %llu/s  %s left",
		    "\r\033[K[%.*s%.*s] %u%%  %llu 份  %llu/秒  剩余 %s"), (int)bars,
		    "####################", (int)(20 - bars), "                    ", percent, (unsigned long long)all,
		    (unsigned long long)(ms > 0 ? all * 1000 / ms : 0), left);
	else if (terminal || !last)
		fprintf(stderr, tr("%s%llu files, %llu/s%s", "%s%llu 份，%llu/秒%s"), terminal ? "\r\033[K" : "", (unsigned long long)all,
		    (unsigned long long)(ms > 0 ? all * 1000 / ms : 0), terminal ? "" : "\n");
	if (terminal && last)
		fputc('\n', stderr);
}

/* ---- where it stands ---------------------------------------------------------------------------------------------------- */

/* The state file: key, size of the file, last record answered and its line. Written beside and put in its place. */
static int save_state(struct import *m)
{
	char text[256];
	int n = snprintf(text, sizeof text, "key %s\nsize %llu\nrecord %llu\nline %llu\n", m->key, (unsigned long long)m->size,
	    (unsigned long long)m->acked, (unsigned long long)m->acked_line);

	m->saved_ms = clock_mono_ms();
	return m->state_path[0] == 0 ? 0 : cli_write_file(m->state_path, text, (size_t)n, 0600, true);
}

/* The word behind "NAME " on the state's next line; p goes on behind it. NULL: another line stands there. */
static const char *state_word(char **p, const char *name)
{
	char *word = *p + strlen(name) + 1, *end;

	if (strncmp(*p, name, strlen(name)) != 0 || (*p)[strlen(name)] != ' ' || (end = strchr(word, '\n')) == NULL)
		return NULL;
	*end = 0;
	*p = end + 1;
	return word;
}

static bool state_number(char **p, const char *name, uint64_t *ret)
{
	const char *word = state_word(p, name);
	char *end;

	if (word == NULL || word[0] < '0' || word[0] > '9')
		return false;
	*ret = strtoull(word, &end, 10);
	return *end == 0;
}

static bool parse_state(struct import *m, char *p, uint64_t *ret_size)
{
	const char *key = state_word(&p, "key");

	if (key == NULL || key[0] == 0 || strlen(key) > KEY_MAX)
		return false;
	snprintf(m->key, sizeof m->key, "%s", key);
	return state_number(&p, "size", ret_size) && state_number(&p, "record", &m->acked) && state_number(&p, "line", &m->acked_line);
}

/* The state of an import of which lines were refused: all go out again, under the same keys. 0 or an exit code. */
static int load_corrected(struct import *m, uint64_t ended_ms)
{
	if (ended_ms + OLD_MS < clock_wall_ms())
		return cli_fail(EXIT_FAILED, "%s was stored a day ago but for some lines; take %s away to store all of it once more",
		    "%s 一天前已导入，仅部分行被拒；删除 %s 后将全部重新存入", m->path, m->state_path);
	m->again = true;
	fputs(tr("lines that were stored before are not stored again\n", "先前已存入的行不会重复存入\n"), stderr);
	return 0;
}

/* Take up a state file, if there is one. 0 or an exit code. */
static int load_state(struct import *m)
{
	uint64_t size = 0;
	struct buf text;
	struct stat st;
	int code;

	if (m->state_path[0] == 0 || m->dry || stat(m->state_path, &st) != 0)
		return 0;
	buf_init(&text, 256u << 10);
	if ((code = cli_read_file(m->state_path, &text)) != 0)
		goto out;
	buf_u8(&text, 0);
	if (!buf_ok(&text) || !parse_state(m, (char *)text.p, &size)) {
		code = cli_fail(EXIT_FAILED, "%s is not a state of an import; take it away to begin anew", "%s 不是导入进度文件；删除后可重新开始",
		    m->state_path);
	} else if (size == 0 && m->acked == 0) {
		code = load_corrected(m, (uint64_t)st.st_mtime * 1000);
	} else if (size != m->size) {
		code = cli_fail(EXIT_FAILED, "%s has changed since the import began; take %s away to begin anew",
		    "%s 在导入开始后有改动；删除 %s 后可重新开始", m->path, m->state_path);
	} else {
		fprintf(stderr, tr("going on behind line %llu\n", "从第 %llu 行之后继续\n"), (unsigned long long)m->acked_line);
		if ((uint64_t)st.st_mtime * 1000 + OLD_MS < clock_wall_ms())
			fputs(tr("this is a day old: the last lines before it may be stored twice\n", "进度已超过一天：断点前的最后几行可能重复存入\n"), stderr);
	}
out:
	buf_free(&text);
	return code;
}

/* ---- lines to send ------------------------------------------------------------------------------------------------------- */

static int append(const char *p, size_t n, void *cookie)
{
	buf_put(cookie, p, n);
	return buf_ok(cookie) ? 0 : -1;
}

static bool blank(const char *p, size_t n)
{
	return strspn(p, " \t") >= n || n == 0;
}

/* Make {"fields":{...}} of the record's cells in m->json. False: it was refused here. */
static bool record_json(struct import *m, unsigned cells)
{
	const char *cell = (const char *)m->record.p, *expected;
	json_t *fields = json_object(), *v;
	bool good = true;

	if (cells != m->columns) {
		refuse_here(m, "", "validation", "as many cells as the first line has");
		good = false;
	}
	for (unsigned i = 0; good && i < cells; i++, cell += strlen(cell) + 1) {
		if (m->column[i] == NULL || cell[0] == 0)
			continue;
		if ((v = values_of_cell(m->column[i], cell, &expected)) == NULL) {
			refuse_here(m, m->column[i]->name, "wrong-type", expected);
			good = false;
		} else {
			(void)json_object_set_new(fields, m->column[i]->name, v);	/* no memory: the vault misses the field's value */
		}
	}
	buf_reset(&m->json);
	buf_text(&m->json, "{\"fields\":");
	if (good && json_dump_callback(fields, append, &m->json, JSON_COMPACT) != 0)
		good = false;
	buf_text(&m->json, "}");
	json_decref(fields);
	return good && buf_ok(&m->json);
}

/* The next record of the file as a line of JSON: 1; a blank line in its place: 1 with *ret_n 0; 0 at the end, -1 on failure. */
static int next_record(struct import *m, const char **ret, size_t *ret_n)
{
	unsigned cells = 0;
	enum source_got got = m->csv ? source_record(&m->source, &m->record, &cells) : source_line(&m->source, ret, ret_n);

	if (got == SOURCE_FAILED)
		m->failed = true;
	if (got == SOURCE_END || got == SOURCE_FAILED)
		return got == SOURCE_END ? 0 : -1;
	m->records++;
	if (m->records <= m->acked || m->source.line < m->from) {
		*ret_n = 0;	/* done before */
		return 1;
	}
	if (got == SOURCE_HERE && m->csv && !(cells == 1 && m->record.p[0] == 0)) {
		bool good = record_json(m, cells);

		*ret = (const char *)m->json.p;
		*ret_n = good ? m->json.n : 0;
	} else if (got != SOURCE_HERE || m->csv) {
		if (got != SOURCE_HERE)
			refuse_here(m, "", got == SOURCE_TOO_LONG ? "payload-too-large" : "validation", got == SOURCE_BROKEN ?
			    "quotes as in RFC 4180" : NULL);
		*ret_n = 0;
	}
	return 1;
}

static int push_sent(struct import *m)
{
	if (m->queued == m->room) {
		size_t room = m->room > 0 ? 2 * m->room : 1024;
		struct sent *more = calloc(room, sizeof *more);

		if (more == NULL)
			return -1;
		for (size_t i = 0; i < m->queued; i++)
			more[i] = m->queue[(m->first + i) % m->room];
		free(m->queue);
		m->queue = more;
		m->first = 0;
		m->room = room;
	}
	m->queue[(m->first + m->queued++) % m->room] = (struct sent){ m->records, m->source.line };
	return 0;
}

/* childvault_import_next */
static int next_line(void *cookie, const char **ret, size_t *ret_n)
{
	struct import *m = cookie;
	int r;

	if (m->stop != 0)
		return -1;
	do
		r = next_record(m, ret, ret_n);
	while (r == 1 && m->records <= m->acked);
	if (r != 1)
		return r;
	tell_progress(m, false);
	if (*ret_n == 0 || blank(*ret, *ret_n)) {
		*ret = "";
		*ret_n = 0;
		return 1;
	}
	return push_sent(m) == 0 ? 1 : -1;
}

/* ---- answers --------------------------------------------------------------------------------------------------------------- */

static void take_refusal(struct import *m, uint64_t line, int status, const char *text, size_t n)
{
	json_t *j = json_loadb(text, n, 0, NULL), *errors = json_object_get(j, "errors");
	const char *kind = json_string_value(json_object_get(j, "kind"));

	kind = kind != NULL ? kind : "internal";
	if (status == 401 || status == 429 || status >= 500) {
		/* Every line after it would be refused alike; none of them is done. */
		m->stop = status;
		m->stop_line = line;
		snprintf(m->stop_kind, sizeof m->stop_kind, "%s", kind);
		json_decref(j);
		return;
	}
	m->refused++;
	m->denied += status == 403;
	for (size_t i = 0; i < json_array_size(errors); i++) {
		const json_t *e = json_array_get(errors, i);
		const char *field = json_string_value(json_object_get(e, "field"));
		const char *what = json_string_value(json_object_get(e, "kind"));

		tell_fault(m, line, field != NULL ? field : "", what != NULL ? what : kind, json_string_value(json_object_get(e,
		    "expected")));
	}
	if (json_array_size(errors) == 0)
		tell_fault(m, line, "", kind, json_string_value(json_object_get(j, "expected")));
	json_decref(j);
}

/* childvault_import_done */
static int line_done(void *cookie, unsigned long long record, int status, const char *id, const char *text, size_t n)
{
	struct import *m = cookie;
	uint64_t line = record;

	while (m->queued > 0 && m->queue[m->first].record <= record) {
		line = m->queue[m->first].line;
		m->first = (m->first + 1) % m->room;
		m->queued--;
	}
	if (cli.json)
		printf("%.*s\n", (int)n, text);
	if (status != 201)
		take_refusal(m, line, status, text, n);
	else if (strstr(text, "\"replayed\":true") != NULL)
		m->repeated++;
	else
		m->stored++;
	(void)id;
	if (m->stop != 0)
		return 1;
	m->acked = record;
	m->acked_line = line;
	tell_progress(m, false);
	if (clock_mono_ms() - m->saved_ms >= STATE_MS && save_state(m) != 0)
		return 1;
	return 0;
}

/* ---- columns --------------------------------------------------------------------------------------------------------------- */

/* The field that the map gives a column: lines "column=field" or "column: field", '#' begins a comment, no field leaves the column out. */
static bool mapped(const struct buf *map, const char *column, char ret[256])
{
	const char *p = map->n > 0 ? (const char *)map->p : "";
	size_t n = strlen(column);

	while (*p != 0) {
		size_t line = strcspn(p, "\r\n"), at = n;

		if (*p != '#' && line > n && memcmp(p, column, n) == 0) {
			while (at < line && p[at] == ' ')
				at++;
			if (at < line && (p[at] == '=' || p[at] == ':')) {
				for (at++; at < line && p[at] == ' '; at++)
					;
				while (line > at && p[line - 1] == ' ')
					line--;
				snprintf(ret, 256, "%.*s", (int)(line - at), p + at);
				return true;
			}
		}
		p += strcspn(p, "\r\n");
		p += strspn(p, "\r\n");
	}
	return false;
}

/* Read the header record and find each column's field. 0 or an exit code. */
static int take_header(struct import *m)
{
	struct buf map;
	const char *cell;
	unsigned cells = 0;
	int code = 0;

	buf_init(&map, MAP_MAX);
	if (m->map_path != NULL && (code = cli_read_file(m->map_path, &map)) != 0)
		goto out;
	buf_u8(&map, 0);
	if (!buf_ok(&map) || source_record(&m->source, &m->record, &cells) != SOURCE_HERE) {
		code = cli_fail(EXIT_FAILED, "%s has no line of column names", "%s 没有列名行", m->path);
		goto out;
	}
	m->columns = cells;
	if ((m->column = calloc(cells, sizeof *m->column)) == NULL) {
		code = cli_fail(EXIT_FAILED, "out of memory", "内存不足");
		goto out;
	}
	cell = (const char *)m->record.p;
	for (unsigned i = 0; i < cells; i++, cell += strlen(cell) + 1) {
		char field[256];

		if (!mapped(&map, cell, field))
			snprintf(field, sizeof field, "%s", cell);
		if (field[0] == 0)
			continue;
		if ((m->column[i] = policy_field_named(m->policy, field, strlen(field))) == NULL && code == 0)
			code = cli_fail(EXIT_FAILED, "column %u (%s) is no field of the profile; --map says which field it is, or none",
			    "第 %u 列（%s）不是规则文件中的字段；请用 --map 指明字段，或留空以略去", i + 1, field);
		for (unsigned k = 0; code == 0 && k < i; k++)
			if (m->column[k] == m->column[i])
				code = cli_fail(EXIT_FAILED, "columns %u and %u are both %s", "第 %u 列和第 %u 列都是 %s", k + 1, i + 1, field);
	}
out:
	buf_free(&map);
	return code;
}

static int take_policy(struct import *m, struct childvault *cv)
{
	size_t n;
	const char *doc;
	int r;

	if ((r = childvault_policy(cv)) != CHILDVAULT_OK)
		return cli_answer_fail(cv, r);
	doc = childvault_body(cv, &n);
	if (policy_decode((const uint8_t *)doc, n, &m->policy) != 0)
		return cli_fail(EXIT_FAILED, "the vault's policy is of another version than this program", "档案库的规则与本程序版本不符");
	return 0;
}

/* ---- runs -------------------------------------------------------------------------------------------------------------------- */

static int check_all(struct import *m)
{
	const char *line;
	size_t n;
	int r;

	while ((r = next_record(m, &line, &n)) == 1) {
		struct line_faults l = { m, m->source.line };
		json_t *j, *fields;

		if (n == 0 || blank(line, n))
			continue;
		j = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL);
		fields = json_object_get(j, "fields");
		if (j == NULL)
			refuse_here(m, "", "malformed-json", NULL);
		else if (!json_is_object(fields))
			refuse_here(m, "", "bad-request", "{\"fields\": {...}}");
		else if (values_check(m->policy, fields, m->today, &m->scratch, local_fault, &l) != 0)
			m->refused++;
		else
			m->stored++;
		json_decref(j);
		tell_progress(m, false);
	}
	tell_progress(m, true);
	return r == 0 ? 0 : cli_fail(EXIT_FAILED, "cannot read %s: %s", "无法读取 %s：%s", m->path, strerror(errno));
}

/* What came of it, and the exit code: every line stored or not. */
static int sum_up(struct import *m)
{
	if (!cli.json && m->dry)
		printf(tr("%llu lines are well, %llu are not; nothing was stored\n", "%llu 行合格，%llu 行不合格；未存入任何数据\n"),
		    (unsigned long long)m->stored, (unsigned long long)m->refused);
	else if (!cli.json)
		printf(tr("stored %llu, stored before %llu, refused %llu\n", "新存入 %llu，先前已存 %llu，被拒 %llu\n"),
		    (unsigned long long)m->stored,
		    (unsigned long long)m->repeated, (unsigned long long)m->refused);
	if (m->denied > 0 && m->stored + m->repeated == 0)
		return EXIT_DENIED;
	return m->refused > 0 ? EXIT_FAILED : EXIT_DONE;
}

static int stopped(struct import *m)
{
	int code = m->stop == 401 ? EXIT_DENIED : strcmp(m->stop_kind, "sealed") == 0 ? EXIT_SEALED : EXIT_FAILED;

	return cli_fail(code, "stopped at line %llu (%s); the same command goes on from there",
	    "停在第 %llu 行（%s）；再次运行同一命令可继续",
	    (unsigned long long)m->stop_line, m->stop_kind);
}

/* Some lines were refused: once they are corrected where they stand, the same command stores them, and no other one twice. */
static int keep_corrected(struct import *m)
{
	m->acked = m->acked_line = m->size = 0;
	if (save_state(m) != 0)
		return EXIT_FAILED;
	if (m->state_path[0] != 0)
		fputs(tr("correct them where they stand and run the same command within a day: no other line is stored twice\n",
		    "请在原行更正，并于一天内再次运行同一命令：其他行不会重复存入\n"), stderr);
	return sum_up(m);
}

static int send_all(struct import *m, struct childvault *cv)
{
	const char *line;
	size_t n;
	int r, code;

	m->with.idempotency_key = m->key;
	if ((code = save_state(m)) != 0)
		return code;
	/* What was answered before is passed over here, so that the first line that goes out has its own number. */
	if (m->acked == 0 && m->from > 0) {
		while (m->source.next < m->from && (r = next_record(m, &line, &n)) == 1)
			;
		m->acked = m->records;
	}
	r = childvault_import(cv, &m->with, m->acked + 1, next_line, line_done, m);
	tell_progress(m, true);
	if (save_state(m) != 0)
		return EXIT_FAILED;
	if (m->failed)
		return cli_fail(EXIT_FAILED, "cannot read %s: %s", "无法读取 %s：%s", m->path, strerror(errno));
	if (m->stop != 0)
		return stopped(m);
	if (r != CHILDVAULT_OK) {
		code = cli_answer_fail(cv, r);
		if (r == CHILDVAULT_UNREACHABLE)
			fputs(tr("the same command goes on where it stopped\n", "再次运行同一命令可从断点继续\n"), stderr);
		return code;
	}
	if (m->refused > 0 && (m->again || m->stored + m->repeated > 0))
		return keep_corrected(m);
	if (m->state_path[0] != 0)
		(void)unlink(m->state_path);	/* a state that is left is taken up with nothing to do */
	return sum_up(m);
}

static int open_file(struct import *m, int *ret_fd)
{
	bool standard = strcmp(m->path, "-") == 0;
	struct stat st;

	*ret_fd = standard ? STDIN_FILENO : open(m->path, O_RDONLY | O_CLOEXEC);
	if (*ret_fd < 0 || fstat(*ret_fd, &st) != 0)
		return cli_fail(EXIT_FAILED, "cannot read %s: %s", "无法读取 %s：%s", m->path, strerror(errno));
	m->size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	/* What cannot be read again cannot be gone on with. */
	if (!standard && S_ISREG(st.st_mode) &&
	    snprintf(m->state_path, sizeof m->state_path, "%s.childvault-import", m->path) >= (int)sizeof m->state_path)
		return cli_fail(EXIT_USAGE, "the path is too long: %s", "路径过长：%s", m->path);
	source_init(&m->source, *ret_fd);
	m->csv = m->csv || m->map_path != NULL || source_peek(&m->source) != '{';
	return 0;
}

static int take_key(struct import *m, const char *key)
{
	uint8_t random[16];

	if (key != NULL && (strlen(key) == 0 || strlen(key) > KEY_MAX))
		return cli_usage("import", "--key has 1 to %u characters", "--key 须有 1 至 %u 个字符", KEY_MAX);
	if (key != NULL) {
		snprintf(m->key, sizeof m->key, "%s", key);
	} else if (m->key[0] == 0) {
		crypto_random(random, sizeof random);	/* a key for this file that no other import has */
		hex_encode(random, sizeof random, m->key);
	}
	return 0;
}

static int run(struct import *m, const char *key)
{
	struct childvault *cv = NULL;
	bool own = false;
	int fd = -1, code;

	if ((code = open_file(m, &fd)) != 0 || (code = cli_session(&cv, &own)) != 0)
		goto out;
	if ((m->csv || m->dry) && (code = take_policy(m, cv)) != 0)
		goto out;
	if (m->csv && (code = take_header(m)) != 0)
		goto out;
	if ((code = load_state(m)) != 0 || (code = take_key(m, key)) != 0)
		goto out;
	if (m->errors_path != NULL && (m->errors = fopen(m->errors_path, "we")) == NULL) {
		code = cli_fail(EXIT_FAILED, "cannot make %s: %s", "无法创建 %s：%s", m->errors_path, strerror(errno));
		goto out;
	}
	m->begun_ms = m->told_ms = m->saved_ms = clock_mono_ms();
	m->today = (int32_t)(clock_wall_ms() / 86400000);
	if (!m->dry)
		code = send_all(m, cv);
	else if ((code = check_all(m)) == 0)
		code = sum_up(m);
out:
	if (m->errors != NULL && fclose(m->errors) != 0 && code == 0)
		code = cli_fail(EXIT_FAILED, "cannot write %s: %s", "无法写入 %s：%s", m->errors_path, strerror(errno));
	cli_close(cv, own);
	if (fd > STDIN_FILENO)
		(void)close(fd);	/* read only */
	return code;
}

int cmd_import(int argc, char **argv)
{
	static const struct cli_help help = { "import FILE|- [--csv] [--map MAP] [--purpose P] [--dry-run] [--from LINE] [--key BASE] "
	    "[--errors FILE]",
		"Stores many files: one JSON object {\"fields\": {...}} a line, or CSV with field names in its first line.\n"
		"Run again after it was stopped, it goes on where it was (FILE.childvault-import knows where).",
		"批量导入档案：每行一个 JSON 对象 {\"fields\": {...}}，或首行为字段名的 CSV。\n中断后再次运行同一命令即可继续（进度记在 "
		    "FILE.childvault-import）。" };
	struct import m = { .with = { .purpose = "intake" } };
	const char *key = NULL;
	const struct cli_option options[] = {
		{ "csv", OPTION_FLAG, &m.csv, NULL, "the file is CSV, whatever it begins with", "文件为 CSV" },
		{ "map", OPTION_TEXT, &m.map_path, "MAP", "lines column=field for CSV; no field leaves a column out",
		    "CSV 的列名与字段对照，每行 列名=字段；留空则略去该列" },
		{ "purpose", OPTION_TEXT, &m.with.purpose, "P", "why: a purpose of the profile (intake)",
		    "目的：规则文件中的目的代码（默认 intake）" },
		{ "case", OPTION_TEXT, &m.with.case_text, "TEXT", "the case it belongs to", "所属个案" },
		{ "dry-run", OPTION_FLAG, &m.dry, NULL, "check every line here and store nothing", "只在本机检查各行，不存入" },
		{ "from", OPTION_NUMBER, &m.from, "LINE", "begin with this line of the file", "从文件的这一行开始" },
		{ "key", OPTION_TEXT, &key, "BASE", "the same key and line twice are stored once", "同一键同一行重复提交只存一次" },
		{ "errors", OPTION_TEXT, &m.errors_path, "FILE", "write faults there: line, field, kind, what is expected",
		    "错误写入此文件：行、字段、种类、应为" } };
	struct cli_args a;
	int code;

	if (!cli_parse(argc, argv, &help, options, COUNT(options), 1, 1, &a))
		return a.exit;
	m.path = a.argv[0];
	buf_init(&m.record, 2 * SOURCE_LINE_MAX);
	buf_init(&m.json, 4 * SOURCE_LINE_MAX);
	buf_init(&m.scratch, 1u << 20);
	code = run(&m, key);
	source_free(&m.source);
	buf_free(&m.record);
	buf_free(&m.json);
	buf_free(&m.scratch);
	policy_free(m.policy);
	free(m.column);
	free(m.queue);
	return code;
}
