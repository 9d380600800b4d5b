/*
 * Write a log folder of many leaves for other people's verifiers: log_make DIR [DAYS [LEAVES A DAY [LEAVES IN ALL]]]. DIR must not
 * exist; the log is then DIR/log, all signed, and in DIR/log are besides
 *
 *	old/checkpoint		a copy of an earlier checkpoint
 *	proof/leaf-N		our tlog-proof of leaf N
 *	proof/from-N		our consistency proof from N leaves to all, as the body of C2SP tlog-witness add-checkpoint
 *	cosigned		the checkpoint with the cosignature of a witness, whose key is witness.vkey
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define FIX_CHECK(x) ((x) ? (void)0 : (fprintf(stderr, "log_make: %s\n", #x), exit(1)))
#include "audit/witness.h"
#include "base/text.h"
#include "format/tlog_proof.h"
#include "unit/test_audit.h"

#define CHUNK 10000u
#define PROOFS 40u
#define COSIGNED_S 1795000000u

static void put_file(const struct fix *f, const char *name, const void *p, size_t n)
{
	char path[FIX_PATH];
	FILE *out;

	fix_path(f, name, path);
	out = fopen(path, "w");
	FIX_CHECK(out != NULL && fwrite(p, 1, n, out) == n && fclose(out) == 0);
}

static void make_folder(const struct fix *f, const char *name)
{
	char path[FIX_PATH];

	fix_path(f, name, path);
	FIX_CHECK(mkdir(path, 0700) == 0);
}

static void copy_checkpoint(const struct fix *f)
{
	struct buf note;

	buf_init(&note, 1u << 16);
	make_folder(f, "old");
	FIX_CHECK(audit_read_checkpoint(f->a, &note) == 0);
	put_file(f, "old/checkpoint", note.p, note.n);
	buf_free(&note);
}

/* One leaf that opens no segment: so many as are wanted, exactly. */
static void add_leaf(struct fix *f)
{
	static const uint8_t body[5] = { 1 };
	struct audit_entry e = { .kind = LEAF_MERGE, .clear = body, .clear_n = sizeof(body) };

	FIX_CHECK(fix_turn_begin(f) == 0);
	(void)fix_leaf(f, &e);
	FIX_CHECK(fix_turn_end(f) == 0);
}

static void prove_leaf(const struct fix *f, uint64_t index)
{
	uint8_t hash[MERKLE_PROOF_MAX][32];
	struct buf note, file;
	char name[64];
	unsigned n;

	buf_init(&note, 1u << 16);
	buf_init(&file, TLOG_PROOF_MAX);
	FIX_CHECK(audit_read_inclusion(f->a, index, &note, hash, &n) == 0);
	FIX_CHECK(tlog_proof_encode("more", 4, index, (const uint8_t (*)[32])hash, n, note.p, note.n, &file) == 0);
	(void)snprintf(name, sizeof(name), "proof/leaf-%llu", (unsigned long long)index);
	put_file(f, name, file.p, file.n);
	buf_free(&note);
	buf_free(&file);
}

static void prove_growth(const struct fix *f, uint64_t from, uint64_t to)
{
	uint8_t hash[MERKLE_PROOF_MAX][32], root[32];
	char name[64], b64[48];
	struct buf file;
	unsigned n;

	buf_init(&file, 1u << 16);
	FIX_CHECK(audit_read_consistency(f->a, from, to, hash, &n) == 0 && audit_root_at(f->a, from, root) == 0);
	buf_printf(&file, "old %llu\n", (unsigned long long)from);
	for (unsigned i = 0; i < n; i++) {
		b64_encode(B64_STD, hash[i], 32, b64);
		buf_printf(&file, "%s\n", b64);
	}
	buf_u8(&file, '\n');
	FIX_CHECK(audit_read_checkpoint(f->a, &file) == 0);
	(void)snprintf(name, sizeof(name), "proof/from-%llu", (unsigned long long)from);
	put_file(f, name, file.p, file.n);
	buf_free(&file);
}

static void cosign(const struct fix *f)
{
	struct buf note, line, all;
	struct witness_key k;

	buf_init(&note, 1u << 16);
	buf_init(&line, 1024);
	buf_init(&all, 1u << 16);
	FIX_CHECK(witness_key_new("audit.example.gov/w1", &k) == 0 && audit_read_checkpoint(f->a, &note) == 0);
	FIX_CHECK(witness_sign(&k, (const char *)note.p, note.n, COSIGNED_S, &all) == 0);
	vkey_encode(&k.key, &line);
	put_file(f, "witness.vkey", line.p, line.n);
	put_file(f, "cosigned", all.p, all.n);
	buf_free(&note);
	buf_free(&line);
	buf_free(&all);
}

static void proofs(const struct fix *f)
{
	uint8_t root[32];
	uint64_t size;

	make_folder(f, "proof");
	FIX_CHECK(audit_signed(f->a, &size, root));
	for (uint64_t i = 0; i < size; i += 1 + size / PROOFS) {
		prove_leaf(f, i);
		prove_growth(f, i + 1, size);
	}
	prove_leaf(f, size - 1);
	prove_growth(f, size, size);
	cosign(f);
}

int main(int argc, char **argv)
{
	unsigned days = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 3;
	unsigned leaves = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 1200;
	uint64_t all = argc > 4 ? strtoull(argv[4], NULL, 10) : 0;
	struct fix f;

	if (argc < 2) {
		fprintf(stderr, "usage: log_make DIR [DAYS [LEAVES A DAY [LEAVES IN ALL]]]\n");
		return 2;
	}
	fix_make(&f, argv[1], FIX_EPOCHS_MAX);
	fix_genesis(&f);
	for (unsigned d = 0; d < days; d++) {
		for (unsigned done = 0; done < leaves; done += CHUNK) {
			fix_reads(&f, leaves - done < CHUNK ? leaves - done : CHUNK, 64);
			fix_checkpoint(&f);	/* lets the journal's files be used again */
		}
		if (d == 0)
			copy_checkpoint(&f);
		f.now_ms += FIX_DAY_MS;
	}
	while (store_next_leaf(f.s) < all)
		add_leaf(&f);
	fix_checkpoint(&f);
	FIX_CHECK(all == 0 || store_next_leaf(f.s) == all);
	proofs(&f);
	fix_close(&f, true);
	free(f.epoch_pk);
	return 0;
}
