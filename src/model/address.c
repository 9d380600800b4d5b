/*
 * Addresses in words, cut behind the township (m4) or the village (m4v).
 *
 * An address is read from its left as provinces, prefectures, counties, then a township, then a village, each a name
 * of Han characters and a marker. Markers also occur inside names (新乡市, 镇平县, 小区) and inside streets and
 * estates, so a cut is made only where everything to its left was understood: no digit, letter or blank, and no word
 * of a street or building. Otherwise nothing shows. A marker that was missed can only make the cut fail or come
 * earlier.
 */
#include "model/model_internal.h"

#include <string.h>

#include "base/text.h"
#include "model/validate.h"

#define POINTS_MAX 64		/* code points looked at; villages stand well before */
#define ADMIN_STEPS 4		/* province, prefecture, county, and a zone with a county's rank */
#define NAME_POINTS 12		/* of one name, without its marker */

/* The Han characters at the start of an address. */
struct place {
	uint32_t cp[POINTS_MAX];
	size_t end[POINTS_MAX];	/* byte offset behind cp[i] */
	size_t n;
};

static void read_place(const char *s, size_t n, struct place *p)
{
	uint32_t cp;
	size_t len;

	p->n = 0;
	for (size_t i = 0; i < n && p->n < POINTS_MAX; i += len) {
		if ((len = utf8_next(s + i, n - i, &cp)) == 0 || !is_han(cp))
			return;
		p->cp[p->n] = cp;
		p->end[p->n++] = i + len;
	}
}

/* Code points of a short text of Han characters. */
static size_t points(const char *word, uint32_t ret[8])
{
	size_t n = strlen(word), i = 0, count = 0;

	while (i < n && count < 8)
		i += utf8_next(word + i, n - i, &ret[count++]);
	return count;
}

/* Whether word stands at code point at. */
static bool stands(const struct place *p, size_t at, const char *word)
{
	uint32_t w[8];
	size_t n = points(word, w);

	return p->n - at >= n && memcmp(p->cp + at, w, n * sizeof(w[0])) == 0;
}

/* Code points of the first of a list of words that stands at at; 0 if none does. */
static size_t any_stands(const struct place *p, size_t at, const char *const *words)
{
	uint32_t w[8];

	for (; at < p->n && *words != NULL; words++)
		if (stands(p, at, *words))
			return points(*words, w);
	return 0;
}

static const char *const admin_markers[] = { "自治区", "自治州", "自治县", "自治旗", "特别行政区", "地区", "省", "市", "县", "区", "旗", "盟",
	NULL };
static const char *const town_markers[] = { "街道", "镇", "乡", "苏木", NULL };
static const char *const village_markers[] = { "村", "社区", "居委会", NULL };
/* Counties whose names hold a township's marker with something else behind it. */
static const char *const odd_counties[] = { "西乡塘区", "东乡族自治县", NULL };
/* What no name of a township or village holds: roads, buildings, groups. */
static const char *const street_words[] = { "路", "巷", "弄", "号", "栋", "幢", "座", "室", "层", "单元", "组", "队", "户", "小区",
	"花园", "公寓", "大厦", "大道", "胡同", "附近", "对面", "旁", NULL };

/* First code point after the marker at at, with markers that follow directly: 沙市区, 津市市, 古镇镇, 新街道. */
static size_t behind_markers(const struct place *p, size_t at, const char *const *markers)
{
	size_t n;

	while ((n = any_stands(p, at, markers)) > 0)
		at += n;
	return at;
}

/*
 * Position behind the county, prefecture or province that begins at from; from if a township comes first or there is
 * none.
 */
static size_t admin_step(const struct place *p, size_t from)
{
	size_t n = any_stands(p, from, odd_counties), after;

	if (n > 0)
		return from + n;
	for (size_t i = from + 1; i < p->n && i - from <= NAME_POINTS; i++) {
		if (any_stands(p, i, admin_markers) > 0)
			return behind_markers(p, i, admin_markers);
		if (any_stands(p, i, town_markers) == 0)
			continue;
		/* 新乡市, 宁乡市, 景德镇市: the marker belongs to the name. */
		after = behind_markers(p, i, town_markers);
		if (any_stands(p, after, admin_markers) == 0)
			return from;
	}
	return from;
}

/*
 * Whether a word of a street stands in the name from..to. A road gives its name to a 街道: there the last character
 * may be one.
 */
static bool holds_street(const struct place *p, size_t from, size_t to, bool of_street_office)
{
	for (size_t i = from; i < to; i++)
		if (any_stands(p, i, street_words) > 0 && !(of_street_office && i + 1 == to && stands(p, i, "路")))
			return true;
	return false;
}

/*
 * Position behind the first name from from on that ends with one of markers; 0 if there is none, or a street comes
 * first.
 */
static size_t named_step(const struct place *p, size_t from, const char *const *markers)
{
	for (size_t i = from + 1; i < p->n && i - from <= NAME_POINTS; i++) {
		if (any_stands(p, i, markers) == 0)
			continue;
		if (holds_street(p, from, i, stands(p, i, "街道")))
			return 0;
		return behind_markers(p, i, markers);
	}
	return 0;
}

/* Code points up to the township; 0: not understood. */
static size_t township(const struct place *p)
{
	size_t at = 0, next;

	for (unsigned step = 0; step < ADMIN_STEPS; step++) {
		if ((next = admin_step(p, at)) == at)
			break;
		if (holds_street(p, at, next, false))
			return 0;
		at = next;
	}
	return named_step(p, at, town_markers);
}

size_t address_township(const char *s, size_t n)
{
	struct place p;
	size_t town;

	read_place(s, n, &p);
	town = township(&p);
	return town == 0 ? 0 : p.end[town - 1];
}

size_t address_village(const char *s, size_t n)
{
	struct place p;
	size_t town, village;

	read_place(s, n, &p);
	if ((town = township(&p)) == 0 || (village = named_step(&p, town, village_markers)) == 0)
		return 0;
	/* 新村 is an estate in towns and a village elsewhere. */
	if (village - town >= 2 && stands(&p, village - 2, "新村"))
		return 0;
	return p.end[village - 1];
}
