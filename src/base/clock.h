/* Time. Wall-clock milliseconds for what is stored, monotonic milliseconds for deadlines. Any thread. */
#ifndef CV_BASE_CLOCK_H
#define CV_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Milliseconds since 1970-01-01T00:00:00Z. */
uint64_t clock_wall_ms(void);
/* Milliseconds that never step back, from an arbitrary start. */
uint64_t clock_mono_ms(void);
/* The same clock in microseconds, for slices of work. */
uint64_t clock_mono_us(void);
/* Write "2026-11-24T23:17:13.123Z" and a NUL (25 bytes) for wall_ms; times after 9999 are written as its end. */
void clock_rfc3339(uint64_t wall_ms, char ret[25]);
/*
 * Read a moment of UTC in n bytes: a day, "2026-11-24", or a time with seconds and perhaps their thousandths,
 * "2026-11-24T23:17:13.123Z"; nothing before 1970. A day stands for its beginning or, with end, for that of the next day. False: it is
 * none of these.
 */
bool clock_parse(const char *p, size_t n, bool end, uint64_t *ret_ms);
/* Days since 1970-01-01 of the proleptic Gregorian date; month 1..12, day 1..31, both already checked. */
int32_t clock_days(int year, unsigned month, unsigned day);
/* The date of a day number. */
void clock_date(int32_t days, int *ret_year, unsigned *ret_month, unsigned *ret_day);
/* The month of UTC that holds wall_ms, as 202611; the month behind one; when a month begins, ms. */
uint32_t clock_month(uint64_t wall_ms);
uint32_t clock_month_next(uint32_t month);
uint64_t clock_month_ms(uint32_t month);

#endif
