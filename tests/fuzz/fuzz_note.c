/* Signed notes, checkpoints, verifier keys, names of tiles: FORMAT.md section 10. */
#include "format/note.h"
#include "format/tile.h"
#include "fuzz.h"

/* A note without cosignatures, written again line by line. */
static void note(const char *p, size_t n)
{
	char name[NOTE_NAME_MAX + 1];
	struct checkpoint c;
	struct note x;
	struct buf b;

	if (note_decode(p, n, &x) != 0)
		return;
	MUST(x.sigs >= 1 && x.sigs <= NOTE_SIGS_MAX && x.text == p && x.text_n < n);
	buf_init(&b, NOTE_MAX);
	if (checkpoint_decode(&x, &c) == 0) {
		MUST(c.origin_n <= NOTE_NAME_MAX);
		memcpy(name, c.origin, c.origin_n);
		name[c.origin_n] = '\0';
		MUST(checkpoint_encode(name, c.size, c.root, &b) == 0);
		must_be(&b, x.text, x.text_n);
	}
	buf_put(&b, x.text, x.text_n);
	note_text_end(&b);
	for (unsigned i = 0; i < x.sigs; i++) {
		MUST(x.sig[i].name_n <= NOTE_NAME_MAX && note_name_valid(x.sig[i].name, x.sig[i].name_n));
		if (x.sig[i].sig_n != 64) {
			buf_free(&b);
			return;
		}
		memcpy(name, x.sig[i].name, x.sig[i].name_n);
		name[x.sig[i].name_n] = '\0';
		note_sig_encode(name, x.sig[i].key_id, x.sig[i].sig, &b);
	}
	must_be(&b, p, n);
}

static void vkey(const char *p, size_t n)
{
	struct vkey k;
	struct buf b;

	if (vkey_decode(p, n, NOTE_ED25519, &k) != 0)
		return;
	buf_init(&b, NOTE_MAX);
	vkey_encode(&k, &b);
	MUST(buf_ok(&b) && b.n >= n && b.n - n <= 1 && memcmp(b.p, p, n) == 0);
	buf_free(&b);
}

static void tile(const char *p, size_t n)
{
	char again[TILE_PATH_MAX];
	unsigned level, width;
	uint64_t number;
	size_t again_n, skip;

	if (tile_path_decode(p, n, &level, &number, &width) != 0)
		return;
	again_n = tile_path(level, number, width, again);
	skip = again_n > n ? 5 : 0;	/* "tile/" */
	MUST(again_n == n + skip && memcmp(again + skip, p, n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	note((const char *)data, size);
	vkey((const char *)data, size);
	tile((const char *)data, size);
	return 0;
}
