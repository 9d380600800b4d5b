/* Names of tiles: one for each tile, and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "format/tile.h"

static const struct {
	unsigned level;
	uint64_t n;
	unsigned width;
	const char *path;
} cases[] = {
	{ 0, 0, 0, "tile/0/000" }, { 0, 7, 0, "tile/0/007" }, { 1, 999, 0, "tile/1/999" }, { 0, 1000, 0, "tile/0/x001/000" },
	{ 0, 1234067, 0, "tile/0/x001/x234/067" }, { 3, 1234, 5, "tile/3/x001/234.p/5" }, { 7, 0, 255, "tile/7/000.p/255" },
	{ TILE_ENTRIES, 0, 0, "tile/entries/000" }, { TILE_ENTRIES, 1001, 12, "tile/entries/x001/001.p/12" },
	{ 0, UINT64_MAX, 255, "tile/0/x018/x446/x744/x073/x709/x551/615.p/255" },
	{ TILE_ENTRIES, UINT64_MAX, 255, "tile/entries/x018/x446/x744/x073/x709/x551/615.p/255" }
};

static void every_tile_has_its_name(void **state)
{
	char path[TILE_PATH_MAX];
	unsigned level, width;
	uint64_t n;

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(tile_path(cases[i].level, cases[i].n, cases[i].width, path), strlen(cases[i].path));
		assert_string_equal(path, cases[i].path);
		for (unsigned skip = 0; skip <= 5; skip += 5) {
			assert_int_equal(tile_path_decode(path + skip, strlen(path) - skip, &level, &n, &width), 0);
			assert_true(level == cases[i].level && n == cases[i].n && width == cases[i].width);
		}
		for (size_t cut = 0; cut < strlen(path); cut++)
			if (tile_path_decode(path, cut, &level, &n, &width) == 0)
				assert_true(n != cases[i].n || width != cases[i].width || level != cases[i].level);
	}
}

static void other_spellings_are_refused(void **state)
{
	static const char *const bad[] = {
		"", "tile", "tile/", "tile/0", "tile/0/", "tile/0/0", "tile/0/00", "tile/0/0000", "tile/0/x000/000", "tile/0/x001",
		"tile/0/001/000", "tile/0/x001/x000", "tile/8/000", "tile/00/000", "tile/-1/000", "tile/255/000", "tile/0/000.p/",
		"tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p", "tile/0/000/", "/tile/0/000", "tile/tile/0/000",
		"tile/entries", "tile/entries/", "entries/00", "tile/entries/000.p/1/", "tile/0/..",
		"tile/0/x018/x446/x744/x073/x709/x551/616",
		"tile/0/x999/x999/x999/x999/x999/x999/x999/x999/000", "tile/0/\357\274\22000", "tile/0/ 00", "tile/0/+00"
	};
	unsigned level, width;
	uint64_t n;

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(tile_path_decode(bad[i], strlen(bad[i]), &level, &n, &width), CV_ERR_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_tile_has_its_name),
		cmocka_unit_test(other_spellings_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
