/*
 * The operational log: standard error, one line a call, with systemd's <N> priority prefix when INVOCATION_ID is set.
 *
 * A line takes a fixed format, codes and identifiers; never a field value, key, token, body or header. It is best
 * effort and rate-limited (20 lines a second, then one line that counts the rest). The audit log is another thing.
 */
#ifndef CV_BASE_LOG_H
#define CV_BASE_LOG_H

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARN = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

/* Name this process in every line ("core", "front", ...) and set the least urgent level that is written. */
void log_init(const char *name, enum log_level most);
void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)

#endif
