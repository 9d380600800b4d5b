#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define LINE_MAX_BYTES 512	/* a longer line is cut */
#define LINES_A_SECOND 20
#define NAME_MAX_BYTES 24

static struct {
	pthread_mutex_t lock;
	char name[NAME_MAX_BYTES];
	enum log_level most;
	int prefix;		/* write <N> for systemd */
	uint64_t since_ms;	/* start of the present second */
	unsigned lines;		/* written in it */
	unsigned dropped;	/* lines left out since the last line that counted them */
} state = { .lock = PTHREAD_MUTEX_INITIALIZER, .name = "childvault", .most = LOG_LEVEL_INFO };

void log_init(const char *name, enum log_level most)
{
	const char *id = getenv("INVOCATION_ID");

	pthread_mutex_lock(&state.lock);
	snprintf(state.name, sizeof(state.name), "%s", name);
	state.most = most;
	state.prefix = id != NULL && id[0] != '\0';
	pthread_mutex_unlock(&state.lock);
}

/* One write a line, so that lines of several processes do not mix. Best effort: nobody can be told of a failure. */
static void emit(enum log_level level, const char *text)
{
	char line[LINE_MAX_BYTES];
	char mark[8] = "";
	ssize_t done;
	int n;

	if (state.prefix)
		snprintf(mark, sizeof(mark), "<%u>", (unsigned)level % 8);
	n = snprintf(line, sizeof(line), "%s%s: %s\n", mark, state.name, text);
	if (n < 0)
		return;
	if ((size_t)n >= sizeof(line)) {
		n = (int)sizeof(line) - 1;
		line[n - 1] = '\n';
	}
	/* Identifiers are made by us, but a path in a message may hold anything: it must not forge a second line. */
	for (int i = 0; i < n - 1; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	done = write(STDERR_FILENO, line, (size_t)n);
	(void)done;
}

/* Whether one more line may be written now. Called with the lock held. */
static int admit(void)
{
	char text[64];
	uint64_t now_ms = clock_mono_ms();

	if (now_ms - state.since_ms >= 1000) {
		state.since_ms = now_ms;
		state.lines = 0;
		if (state.dropped > 0) {
			snprintf(text, sizeof(text), "%u lines left out", state.dropped);
			emit(LOG_LEVEL_WARN, text);
			state.dropped = 0;
		}
	}
	if (state.lines < LINES_A_SECOND) {
		state.lines++;
		return 1;
	}
	state.dropped++;
	return 0;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char text[LINE_MAX_BYTES];
	int saved = errno;
	va_list ap;

	pthread_mutex_lock(&state.lock);
	if (level <= state.most && admit()) {
		va_start(ap, fmt);
		vsnprintf(text, sizeof(text), fmt, ap);
		va_end(ap);
		emit(level, text);
	}
	pthread_mutex_unlock(&state.lock);
	errno = saved;
}
