/*
 * Addresses in words, cut behind the township (m4) or the village (m4v).
 *
 * An address is read from its left as province, prefecture, county, then a township, then a village, each a name of Han
 * characters and a marker. Markers also occur inside names (新乡市, 镇平县, 红旗镇, 小区) and inside streets and estates,
 * so a cut is made only where everything to its left was understood: no letter, no blank, no number, no word of a street,
 * building or community, no name longer than such names are. Otherwise nothing shows. A marker that was missed can only
 * make the cut fail or come earlier.
 *
 * There is no table of divisions here, so a name is believed by its form. Hong Kong and Macau have no townships: nothing
 * shows of addresses there.
 */
#include "model/model_internal.h"

#include <string.h>

#include "base/text.h"
#include "model/validate.h"

#define POINTS_MAX 64		/* code points looked at; villages stand well before */
#define ADMIN_STEPS 4		/* prefecture, county, a zone with a county's rank, and a marker inside a township's name */
#define NAME_POINTS 8		/* of a township or village, without its marker */
#define ETHNIC_POINTS 16	/* of a township whose name lists its peoples */
#define BARE_POINTS 4		/* of a township with nothing before it, where a person's name might stand instead */

/* The Han characters and ASCII digits at the start of an address. */
struct place {
	uint32_t cp[POINTS_MAX];
	size_t end[POINTS_MAX];	/* byte offset behind cp[i] */
	size_t n;
	const char *text;
};

static bool is_ascii_digit(uint32_t cp)
{
	return cp >= '0' && cp <= '9';
}

/*
 * Code points of word, which is of Han characters, if it stands at code point at, else 0. Nearly all words do not, and an address asks for
 * hundreds: the first character, of three bytes, decides before anything is called.
 */
static inline size_t stands(const struct place *p, size_t at, const char *word)
{
	const char *here;
	size_t from, n;

	if (at >= p->n)
		return 0;
	from = at == 0 ? 0 : p->end[at - 1];
	here = p->text + from;
	if (here[0] != word[0] || here[1] != word[1] || here[2] != word[2])
		return 0;
	n = strlen(word);
	return p->end[p->n - 1] - from < n || memcmp(here, word, n) != 0 ? 0 : n / 3;
}

/* ---- words ----------------------------------------------------------------------------------------------------- */

static const char *const provinces[] = { "河北", "山西", "辽宁", "吉林", "黑龙江", "江苏", "浙江", "安徽", "福建", "江西", "山东",
	"河南", "湖北", "湖南", "广东", "海南", "四川", "贵州", "云南", "陕西", "甘肃", "青海", "台湾", "内蒙古", "广西", "西藏", "宁夏",
	"新疆", NULL };
static const char *const province_tails[] = { "省", "自治区", "壮族自治区", "回族自治区", "维吾尔自治区", NULL };
static const char *const no_townships[] = { "香港", "澳门", "澳門", NULL };

/* Markers of prefectures and counties with the longest name that stands before each, the longer marker first. */
static const struct admin {
	const char *word;
	size_t longest;
} admins[] = {
	{ "自治州", 12 }, { "自治县", 12 }, { "自治旗", 12 }, { "开发区", 12 }, { "示范区", 12 }, { "地区", 6 }, { "族区", 8 },
	{ "市", 4 }, { "县", 4 }, { "区", 5 }, { "旗", 8 }, { "盟", 4 }, { "州", 4 }
};
static const char *const town_markers[] = { "街道", "镇", "乡", "苏木", NULL };
static const char *const village_markers[] = { "村", "社区", "居委会", "嘎查", NULL };
/* Counties whose names hold or begin with a township's marker and are not told by what follows it. */
static const char *const odd_counties[] = { "西乡塘区", "镇江市", "镇海区", "镇平县", "镇原县", "镇巴县", "镇安县", "镇坪县", "镇远县",
	"镇宁", "镇雄县", "镇康县", "镇沅", "镇赉县", "乡宁县", NULL };
/* Roads and estates. A 街道 or a community may be called after one. */
static const char *const roads[] = { "路", "街", "巷", "弄", "大道", "胡同", "小区", "花园", "苑", "广场", NULL };
/* Buildings, their parts, groups, and places that are told by what is near. */
static const char *const houses[] = { "号", "栋", "幢", "座", "室", "层", "单元", "组", "队", "户", "号楼", "公寓", "大厦", "宿舍",
	"医院", "学校", "小学", "中学", "酒店", "宾馆", "市场", "社区", "居委会", "村委会", "校区", "厂区", "院区", "家属区", "住宅区",
	"生活区", "附近", "对面", "旁", NULL };
static const char *const numerals[] = { "一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "百", "〇", "零", NULL };

static const char *const corps_names[] = { "新疆生产建设兵团", "生产建设兵团", "兵团", NULL };

/* Low bytes of the first characters of all words above: most characters of an address begin none of them. */
static uint8_t begins[256];
static bool begins_known;

static void know_words(const char *const *words)
{
	uint32_t cp;

	for (; *words != NULL; words++)
		if (utf8_next(*words, strlen(*words), &cp) > 0)
			begins[cp & 255] = 1;
}

static void know_begins(void)
{
	know_words(provinces);
	know_words(province_tails);
	know_words(no_townships);
	know_words(town_markers);
	know_words(village_markers);
	know_words(odd_counties);
	know_words(roads);
	know_words(houses);
	know_words(numerals);
	know_words(corps_names);
	for (size_t i = 0; i < sizeof(admins) / sizeof(admins[0]); i++)
		know_words((const char *const[]){ admins[i].word, NULL });
	begins_known = true;
}

static void read_place(const char *s, size_t n, struct place *p)
{
	uint32_t cp;
	size_t len;

	if (!begins_known)
		know_begins();
	p->n = 0;
	p->text = s;
	for (size_t i = 0; i < n && p->n < POINTS_MAX; i += len) {
		if ((len = utf8_next(s + i, n - i, &cp)) == 0 || (!is_han(cp) && !is_ascii_digit(cp)))
			return;
		p->cp[p->n] = cp;
		p->end[p->n++] = i + len;
	}
}

/* Whether one of the words above may stand at at. */
static inline bool may_stand(const struct place *p, size_t at)
{
	return at < p->n && begins[p->cp[at] & 255] != 0;
}

/* Code points of the first of a list of words, one of those above, that stands at at; 0 if none does. */
static size_t any_stands(const struct place *p, size_t at, const char *const *words)
{
	size_t n = 0;

	if (!may_stand(p, at))
		return 0;
	for (; n == 0 && *words != NULL; words++)
		n = stands(p, at, *words);
	return n;
}

/* A township's marker; the 乡 of the people 东乡族 is none. */
static size_t town_marker(const struct place *p, size_t at)
{
	return stands(p, at, "乡族") ? 0 : any_stands(p, at, town_markers);
}

static const struct admin *admin_marker(const struct place *p, size_t at)
{
	for (size_t i = 0; may_stand(p, at) && i < sizeof(admins) / sizeof(admins[0]); i++)
		if (stands(p, at, admins[i].word))
			return &admins[i];
	return NULL;
}

/* First code point after the markers that stand at at, one behind the other: 沙市区, 津市市. */
static size_t behind_admins(const struct place *p, size_t at)
{
	const struct admin *a;

	while ((a = admin_marker(p, at)) != NULL)
		at += stands(p, at, a->word);
	return at;
}

/* The same of townships, 古镇镇, 新乡镇, or of villages. */
static size_t behind_markers(const struct place *p, size_t at, const char *const *markers)
{
	size_t n;

	while ((n = any_stands(p, at, markers)) > 0)
		at += n;
	return at;
}

/* ---- streets --------------------------------------------------------------------------------------------------- */

/*
 * Whether the name from..to, with a marker behind it, holds a word of a street or building, or a number. A name does not
 * begin with a street's marker (路桥区, 花园镇) and is no street if all it has before the marker is one character
 * (大路镇, 头号镇); with after_road it may end with a road (南京东路街道, 嘉绿苑社区).
 */
static bool holds_street(const struct place *p, size_t from, size_t to, bool after_road)
{
	size_t n;

	for (size_t i = from; i < to; i++) {
		if (is_ascii_digit(p->cp[i]))
			return true;
		if (i == from || to - from == 2)
			continue;
		if (any_stands(p, i, houses) > 0)
			return true;
		if ((n = any_stands(p, i, roads)) > 0 && !(after_road && i + n == to))
			return true;
	}
	return false;
}

/* A village inside what would be a township's name: 李庄村古镇. In 上乐村镇 and 中村瑶族乡 it is a part of the name. */
static bool holds_village(const struct place *p, size_t from, size_t to)
{
	for (size_t i = from + 1; i + 1 < to; i++)
		if (stands(p, i, "村") && !stands(p, to - 1, "族"))
			return true;
	return false;
}

/* ---- steps ----------------------------------------------------------------------------------------------------- */

/*
 * Step over the county or prefecture that begins at *at; *at stays if a township comes first or there is none. false:
 * what stands there is not understood.
 */
static bool admin_step(const struct place *p, size_t *at)
{
	size_t from = *at, n = any_stands(p, from, odd_counties), after;
	const struct admin *a;

	/* 镇宁 and 镇沅 go on to the marker of an autonomous county. */
	for (size_t i = from + (n > 0 ? n - 1 : 1); i < p->n && i - from <= ETHNIC_POINTS; i++) {
		/* A province stands first, where it was stepped over: something else stands before this one. */
		if (any_stands(p, i, province_tails) > 0)
			return false;
		if ((a = admin_marker(p, i)) != NULL) {
			after = behind_admins(p, i);
			/* 红旗镇, 新市镇: the marker belongs to a township's name; but 南阳市镇平县. */
			if (town_marker(p, after) > 0 && any_stands(p, after, odd_counties) == 0)
				return true;
			if (i - from > a->longest || holds_street(p, from, i, false))
				return false;
			*at = after;
			return true;
		}
		if (town_marker(p, i) == 0)
			continue;
		/* 新乡市, 宁乡市, 景德镇市: the marker belongs to the name. */
		if (admin_marker(p, behind_markers(p, i, town_markers)) == NULL)
			return true;
	}
	return true;
}

/* Position behind the township whose name begins at from; 0 if there is none, or a street or village comes first. */
static size_t town_step(const struct place *p, size_t from)
{
	bool ethnic;

	for (size_t i = from + 1; i < p->n && i - from <= ETHNIC_POINTS; i++) {
		if (town_marker(p, i) == 0)
			continue;
		ethnic = stands(p, i - 1, "族") > 0;
		if (i - from > (from == 0 ? BARE_POINTS : ethnic ? ETHNIC_POINTS : NAME_POINTS) ||
		    holds_street(p, from, i, stands(p, i, "街道") > 0) || holds_village(p, from, i))
			return 0;
		return behind_markers(p, i, town_markers);
	}
	return 0;
}

static size_t skip_number(const struct place *p, size_t at)
{
	while (at < p->n && (is_ascii_digit(p->cp[at]) || any_stands(p, at, numerals) > 0))
		at++;
	return at;
}

/* A number that counts something: behind 第12师 or 121团; at if it does not stand there. */
static size_t counted(const struct place *p, size_t at, const char *what)
{
	size_t first = at + stands(p, at, "第"), behind = skip_number(p, first);

	return behind > first && behind - first <= 4 && stands(p, behind, what) ? behind + stands(p, behind, what) : at;
}

/*
 * The production corps has divisions and regiments, some with a city or a town. A regiment has a township's rank. Step
 * behind the division; *at stays outside the corps.
 */
static bool corps_step(const struct place *p, size_t *at)
{
	size_t n = any_stands(p, *at, corps_names);

	if (n == 0)
		return false;
	*at = counted(p, *at + n, "师");
	return true;
}

static size_t province_step(const struct place *p)
{
	size_t n = any_stands(p, 0, provinces);

	return n > 0 ? n + any_stands(p, n, province_tails) : 0;
}

/* Code points up to the township; 0: not understood. */
static size_t township(const struct place *p)
{
	size_t at = province_step(p), before, regiment;
	bool corps;

	if (any_stands(p, 0, no_townships) > 0)
		return 0;
	corps = corps_step(p, &at);
	for (unsigned step = 0; step < ADMIN_STEPS; step++) {
		if (corps && (regiment = counted(p, at, "团")) > at)
			return regiment;
		before = at;
		if (!admin_step(p, &at))
			return 0;
		if (at == before)
			break;
	}
	return town_step(p, at);
}

size_t address_township(const char *s, size_t n)
{
	__attribute__((uninitialized)) struct place p;	/* read_place writes what is read */
	size_t town;

	read_place(s, n, &p);
	town = township(&p);
	return town == 0 ? 0 : p.end[town - 1];
}

/* Position behind the village whose name begins at from; 0 if there is none, or a street or building comes first. */
static size_t village_step(const struct place *p, size_t from)
{
	bool community;

	for (size_t i = from + 1; i < p->n && i - from <= NAME_POINTS; i++) {
		if (any_stands(p, i, village_markers) == 0)
			continue;
		community = stands(p, i, "社区") > 0 || stands(p, i, "居委会") > 0;
		return holds_street(p, from, i, community) ? 0 : behind_markers(p, i, village_markers);
	}
	return 0;
}

size_t address_village(const char *s, size_t n)
{
	__attribute__((uninitialized)) struct place p;	/* read_place writes what is read */
	size_t town, village;

	read_place(s, n, &p);
	if ((town = township(&p)) == 0 || (village = village_step(&p, town)) == 0)
		return 0;
	/* 新村 is an estate in towns and a village elsewhere. */
	if (village - town >= 2 && stands(&p, village - 2, "新村"))
		return 0;
	return p.end[village - 1];
}
