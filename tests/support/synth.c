#include "synth.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define COUNT(a) (sizeof (a) / sizeof (a)[0])

/* ---- words ------------------------------------------------------------------------------------------------------------ */

/* Runs of three-byte characters, of which one is drawn. */
static const char surnames[] = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎";
static const char given[] = "梓涵浩宇欣怡子轩雨桐诗琪俊杰思远嘉怡晨曦明轩佳慧志强晓芳文博雅静天佑可馨宇航若溪建国秀英海燕春兰";
static const char *const places[] = { "和平", "新华", "光明", "建设", "胜利", "东风", "向阳", "红星", "团结", "长春", "清河", "青山",
	"龙泉", "石桥", "柳林", "枫树", "梅花", "白云" };
static const char *const provinces[] = { "11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37",
	"41", "42", "43", "44", "45", "46", "50", "51", "52", "53", "54", "61", "62", "63", "64", "65" };
static const char *const schools[] = { "中心小学", "实验小学", "第二中学", "希望小学", "民族中学" };
static const char *const health[] = { "近半年体检未见异常，疫苗接种齐全。", "有轻度贫血，已转介至社区卫生服务中心复查。",
	"右下肢活动受限，配有助行器，每周康复训练两次。", "哮喘，随身携带吸入剂，避免剧烈运动。", "先天性心脏病术后第二年，每三个月复诊一次。",
	"听力下降，佩戴助听器，座位安排在前排。", "情绪低落，夜间睡眠差，已联系学校心理教师。", "营养状况偏差，建议申请营养补助。" };
static const char *const wishes[] = { "申请基本生活补贴，材料齐全，已当面核对原件。", "父母双方均在外省务工，由祖辈照料。",
	"父亲去世，母亲失联，监护由祖父承担。", "母亲患重病，家庭主要收入来自低保。", "监护人年迈体弱，照护能力不足，需每周探访。",
	"家庭住房为危房改造后新建，居住条件尚可。", "家庭关系稳定，但经济困难，请求教育资助。" };

/* ---- numbers ---------------------------------------------------------------------------------------------------------- */

struct rnd {
	uint64_t s;
};

/* splitmix64: every seed gives a sequence of its own, the same on every machine. */
static uint64_t next(struct rnd *r)
{
	uint64_t z = r->s += 0x9E3779B97F4A7C15u;

	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
	return z ^ (z >> 31);
}

static unsigned below(struct rnd *r, unsigned n) { return (unsigned)(next(r) % n); }

#define PICK(r, list) ((list)[below((r), COUNT(list))])

/* Civil date of a day number since 1970-01-01, years 1970 to 2099: no century exception in between. */
static void date_of(unsigned days, unsigned *ret_year, unsigned *ret_month, unsigned *ret_day)
{
	static const unsigned lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	unsigned year = 1970, month = 0, n;

	while (days >= (n = year % 4 == 0 ? 366 : 365)) {
		days -= n;
		year++;
	}
	while (days >= (n = lengths[month] + (month == 1 && year % 4 == 0))) {
		days -= n;
		month++;
	}
	*ret_year = year;
	*ret_month = month + 1;
	*ret_day = days + 1;
}

/* GB 11643: ISO 7064 MOD 11-2 over 17 digits. */
static char check_character(const char *digits)
{
	static const unsigned weights[17] = { 7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2 };
	unsigned sum = 0;

	for (unsigned i = 0; i < 17; i++)
		sum += (unsigned)(digits[i] - '0') * weights[i];
	return "10X98765432"[sum % 11];
}

static void id_number(const char *province, unsigned county, unsigned days, unsigned sequence, char ret[19])
{
	char digits[32];
	unsigned y, m, d;

	date_of(days, &y, &m, &d);
	snprintf(digits, sizeof digits, "%s99%02u%04u%02u%02u%03u", province, county % 100, y % 10000, m, d, sequence % 1000);
	memcpy(ret, digits, 17);
	ret[17] = check_character(digits);
	ret[18] = 0;
}

/* 18 digits and the Luhn digit. */
static void account_number(struct rnd *r, char ret[20])
{
	unsigned sum = 0;

	snprintf(ret, 20, "000000%012llu", (unsigned long long)(next(r) % 1000000000000u));
	for (unsigned i = 0; i < 18; i++) {
		unsigned d = (unsigned)(ret[17 - i] - '0');

		if (i % 2 == 0)
			d = d < 5 ? d * 2 : d * 2 - 9;
		sum += d;
	}
	ret[18] = (char)('0' + (10 - sum % 10) % 10);
	ret[19] = 0;
}

/* ---- text -------------------------------------------------------------------------------------------------------------- */

struct out {
	char *p;
	size_t n;
};

static void put(struct out *o, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct out *o, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(o->p + o->n, SYNTH_MAX - o->n, format, args);
	va_end(args);
	assert(n >= 0 && o->n + (size_t)n < SYNTH_MAX);
	o->n += (size_t)n;
}

static void put_character(struct out *o, struct rnd *r, const char *run, size_t run_n)
{
	put(o, "%.3s", run + 3 * below(r, (unsigned)(run_n / 3)));
}

static void put_name(struct out *o, struct rnd *r, unsigned surname)
{
	put(o, "%.3s", surnames + 3 * surname);
	for (unsigned i = 0, n = 1 + (below(r, 3) != 0); i < n; i++)
		put_character(o, r, given, sizeof given - 1);
}

/* Township and village stand in the text, so that a mask can cut behind them. */
static void put_address(struct out *o, struct rnd *r)
{
	put(o, "%s%s县%s镇%s%s村%u组%u号", PICK(r, places), PICK(r, places), PICK(r, places), PICK(r, places), PICK(r, places),
	    1 + below(r, 20), 1 + below(r, 200));
}

/* n different sentences of a list of size. */
static void put_sentences(struct out *o, struct rnd *r, const char *const *list, unsigned size, unsigned n)
{
	unsigned first = below(r, size);

	for (unsigned i = 0; i < n; i++)
		put(o, "%s", list[(first + i) % size]);
}

static void put_phone(struct out *o, struct rnd *r) { put(o, "1540000%04u", below(r, 10000)); }

/* ---- one file ----------------------------------------------------------------------------------------------------------- */

#define FIRST_BIRTH 14245u	/* 2009-01-01 */
#define BIRTH_DAYS 5400u
#define FIRST_GUARDIAN 1000u
#define GUARDIAN_DAYS 10000u

static const char *const names[SYNTH_FIELDS] = { "name", "id_type", "id_no", "sex", "birth_date", "ethnicity", "hukou_division",
	"live_division", "address", "phone", "guardian_name", "guardian_id_no", "guardian_relation", "guardian_phone", "health_summary",
	"insurance_status", "school_name", "education_stage", "category_set", "allowance_amount", "bank_account", "attendance",
	"application", "consent_basis", "next_due" };

const char *const *synth_names(void) { return names; }

/* The child's own: k chooses day, sequence and division, one to one, so that numbers are distinct. */
struct child {
	unsigned day, sequence, province, county, surname;
};

static struct child child_of(uint64_t seed, uint64_t k, struct rnd *r)
{
	const uint64_t all = (uint64_t)BIRTH_DAYS * 999 * COUNT(provinces) * 100;
	uint64_t u = (k * 1000000007u + seed * 7919u) % all;
	struct child c;

	c.day = FIRST_BIRTH + (unsigned)(u % BIRTH_DAYS);
	u /= BIRTH_DAYS;
	c.sequence = 1 + (unsigned)(u % 999);
	u /= 999;
	c.province = (unsigned)(u % COUNT(provinces));
	c.county = (unsigned)(u / COUNT(provinces));
	c.surname = below(r, (sizeof surnames - 1) / 3);
	return c;
}

static void put_identity(struct out *o, struct rnd *r, const struct child *c)
{
	unsigned y, m, d;
	char id[19];

	id_number(provinces[c->province], c->county, c->day, c->sequence, id);
	date_of(c->day, &y, &m, &d);
	put(o, "{\"name\":\"");
	put_name(o, r, c->surname);
	put(o, "\",\"id_type\":\"resident_id\",\"id_no\":\"%s\",\"sex\":\"%c\",\"birth_date\":\"%04u-%02u-%02u\",\"ethnicity\":\"%02u\"",
	    id, c->sequence % 2 != 0 ? '1' : '2', y, m, d, below(r, 4) != 0 ? 1 : 1 + below(r, 56));
}

static void put_contact(struct out *o, struct rnd *r, const struct child *c)
{
	put(o, ",\"hukou_division\":\"%s99%02u%03u\"", provinces[c->province], c->county, 100 + below(r, 100));
	put(o, ",\"live_division\":\"%s99%02u%03u\",\"address\":\"", provinces[c->province], c->county, 100 + below(r, 100));
	put_address(o, r);
	put(o, "\",\"phone\":\"");
	put_phone(o, r);
	put(o, "\"");
}

static void put_guardian(struct out *o, struct rnd *r, const struct child *c)
{
	static const char *const relations[] = { "51", "52", "61", "62", "63", "64", "97" };
	char id[19];

	id_number(PICK(r, provinces), below(r, 100), FIRST_GUARDIAN + below(r, GUARDIAN_DAYS), 1 + below(r, 999), id);
	put(o, ",\"guardian_name\":\"");
	put_name(o, r, below(r, 5) < 3 ? c->surname : below(r, (sizeof surnames - 1) / 3));
	put(o, "\",\"guardian_id_no\":\"%s\",\"guardian_relation\":\"%s\",\"guardian_phone\":\"", id, PICK(r, relations));
	put_phone(o, r);
	put(o, "\"");
}

/* By the school year that began in 2026. */
static const char *stage_of(const struct child *c, struct rnd *r)
{
	unsigned y, m, d;

	date_of(c->day, &y, &m, &d);
	if (2026 - y < 6)
		return "学前";
	if (2026 - y < 12)
		return "小学";
	if (2026 - y < 15)
		return "初中";
	return below(r, 2) != 0 ? "高中" : "中职";
}

static void put_care(struct out *o, struct rnd *r, const struct child *c)
{
	static const char *const insurance[] = { "insured", "subsidised", "none" };

	put(o, ",\"health_summary\":\"");
	put_sentences(o, r, health, COUNT(health), 4 + below(r, 3));
	put(o, "\",\"insurance_status\":\"%s\",\"school_name\":\"%s%s%s\",\"education_stage\":\"%s\"", PICK(r, insurance), PICK(r, places),
	    PICK(r, places), PICK(r, schools), stage_of(c, r));
}

static void put_assistance(struct out *o, struct rnd *r)
{
	static const char *const categories[] = { "ORPHAN", "DFU", "SEVILL", "SEVDIS", "POOR", "NOCARE", "LEFT", "MOBILE" };
	char account[20];
	unsigned first = below(r, COUNT(categories));

	account_number(r, account);
	put(o, ",\"category_set\":[\"%s\"", categories[first]);
	if (below(r, 3) == 0)
		put(o, ",\"%s\"", categories[(first + 1) % COUNT(categories)]);
	put(o, "],\"allowance_amount\":%u,\"bank_account\":\"%s\"", 20000 + 500 * below(r, 360), account);
}

static void put_application(struct out *o, struct rnd *r, const struct child *c)
{
	static const char *const bases[] = { "consent", "statutory_duty" };

	put(o, ",\"attendance\":\"%s\",\"application\":\"", strcmp(stage_of(c, r), "学前") == 0 ? "not_of_age" : "enrolled");
	put_sentences(o, r, wishes, COUNT(wishes), 5 + below(r, 3));
	put(o, "\",\"consent_basis\":\"%s\",\"next_due\":\"%u-%02u-%02u\"}", PICK(r, bases), 2027 + below(r, 2), 1 + below(r, 12),
	    1 + below(r, 28));
}

size_t synth_file(uint64_t seed, uint64_t k, char ret[SYNTH_MAX])
{
	struct rnd r = { (seed << 40) ^ k };
	struct out o = { ret, 0 };
	struct child c = child_of(seed, k, &r);

	put_identity(&o, &r, &c);
	put_contact(&o, &r, &c);
	put_guardian(&o, &r, &c);
	put_care(&o, &r, &c);
	put_assistance(&o, &r);
	put_application(&o, &r, &c);
	return o.n;
}
