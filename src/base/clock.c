#include "base/clock.h"

#include <assert.h>
#include <time.h>

#define MS_PER_DAY 86400000u
#define LAST_MS 253402300799999u	/* 9999-12-31T23:59:59.999Z */
#define DAYS_PER_ERA 146097		/* 400 Gregorian years */
#define DAYS_TO_1970 719468		/* from 0000-03-01, where an era begins, to 1970-01-01 */

static uint64_t now_us(clockid_t id)
{
	struct timespec ts;
	int r = clock_gettime(id, &ts);

	assert(r == 0);
	(void)r;	/* read by the assert alone */
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t clock_wall_ms(void)
{
	return now_us(CLOCK_REALTIME) / 1000;
}

uint64_t clock_mono_ms(void)
{
	return now_us(CLOCK_MONOTONIC) / 1000;
}

uint64_t clock_mono_us(void)
{
	return now_us(CLOCK_MONOTONIC);
}

/*
 * Both directions count years from 1 March, so that the leap day is the last day of its year and the months before it
 * have lengths that (153 * m + 2) / 5 sums up.
 */
int32_t clock_days(int year, unsigned month, unsigned day)
{
	int y = month <= 2 ? year - 1 : year;
	int era = (y >= 0 ? y : y - 399) / 400;
	int of_era = y - era * 400;
	int of_year = (153 * ((int)month + (month > 2 ? -3 : 9)) + 2) / 5 + (int)day - 1;

	assert(month >= 1 && month <= 12 && day >= 1 && day <= 31);
	return era * DAYS_PER_ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year - DAYS_TO_1970;
}

void clock_date(int32_t days, int *ret_year, unsigned *ret_month, unsigned *ret_day)
{
	int64_t z = (int64_t)days + DAYS_TO_1970;
	int64_t era = (z >= 0 ? z : z - (DAYS_PER_ERA - 1)) / DAYS_PER_ERA;
	unsigned d = (unsigned)(z - era * DAYS_PER_ERA);				/* day of the era */
	unsigned y = (d - d / 1460 + d / 36524 - d / (DAYS_PER_ERA - 1)) / 365;	/* year of the era */
	unsigned of_year = d - (365 * y + y / 4 - y / 100);
	unsigned m = (5 * of_year + 2) / 153;						/* 0 is March */

	*ret_year = (int)(era * 400) + (int)y + (m >= 10 ? 1 : 0);
	*ret_month = m < 10 ? m + 3 : m - 9;
	*ret_day = of_year - (153 * m + 2) / 5 + 1;
}

/* Write v as n decimal digits with leading zeros, and return the address behind them. */
static char *digits(char *p, unsigned v, int n)
{
	for (int i = n - 1; i >= 0; i--, v /= 10)
		p[i] = (char)('0' + v % 10);
	return p + n;
}

void clock_rfc3339(uint64_t wall_ms, char ret[25])
{
	unsigned ms, month, day;
	int year;
	char *p = ret;

	if (wall_ms > LAST_MS)
		wall_ms = LAST_MS;
	ms = (unsigned)(wall_ms % MS_PER_DAY);
	clock_date((int32_t)(wall_ms / MS_PER_DAY), &year, &month, &day);
	p = digits(p, (unsigned)year, 4);
	*p++ = '-';
	p = digits(p, month, 2);
	*p++ = '-';
	p = digits(p, day, 2);
	*p++ = 'T';
	p = digits(p, ms / 3600000, 2);
	*p++ = ':';
	p = digits(p, ms / 60000 % 60, 2);
	*p++ = ':';
	p = digits(p, ms / 1000 % 60, 2);
	*p++ = '.';
	p = digits(p, ms % 1000, 3);
	*p++ = 'Z';
	*p = '\0';
}

/* The digits of shape's 'd' are digits and the rest is as it stands. */
static bool is_shaped(const char *p, const char *shape, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (shape[i] == 'd' ? p[i] < '0' || p[i] > '9' : p[i] != shape[i])
			return false;
	return true;
}

static unsigned number(const char *p, unsigned n)
{
	unsigned v = 0;

	for (unsigned i = 0; i < n; i++)
		v = v * 10 + (unsigned)(p[i] - '0');
	return v;
}

bool clock_parse(const char *p, size_t n, bool end, uint64_t *ret_ms)
{
	unsigned y, m, d, month, day, seconds = 0, ms = 0;
	int32_t days;
	int year;

	if (n != 10 && n != 20 && n != 24)
		return false;
	if (!is_shaped(p, "dddd-dd-dd", 10) || (n > 10 && !is_shaped(p + 10, n == 20 ? "Tdd:dd:ddZ" : "Tdd:dd:dd.dddZ", n - 10)))
		return false;
	y = number(p, 4);
	m = number(p + 5, 2);
	d = number(p + 8, 2);
	if (y < 1970 || m < 1 || m > 12 || d < 1 || d > 31)
		return false;
	days = clock_days((int)y, m, d);
	clock_date(days, &year, &month, &day);
	if (month != m || day != d)
		return false;	/* the 30th of February */
	if (n > 10) {
		if (number(p + 11, 2) > 23 || number(p + 14, 2) > 59 || number(p + 17, 2) > 59)
			return false;
		seconds = number(p + 11, 2) * 3600 + number(p + 14, 2) * 60 + number(p + 17, 2);
		ms = n == 24 ? number(p + 20, 3) : 0;
	}
	*ret_ms = ((uint64_t)days + (end && n == 10)) * MS_PER_DAY + seconds * 1000u + ms;
	return true;
}

uint32_t clock_month(uint64_t wall_ms)
{
	unsigned month, day;
	int year;

	clock_date((int32_t)(wall_ms / 86400000u), &year, &month, &day);
	return (uint32_t)year * 100 + month;
}

uint32_t clock_month_next(uint32_t month) { return month % 100 == 12 ? month + 89 : month + 1; }

uint64_t clock_month_ms(uint32_t month)
{
	return (uint64_t)clock_days((int)(month / 100), month % 100, 1) * 86400000u;
}
