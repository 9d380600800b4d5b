/*
 * Who looked at one child, over a log of many leaves: bench_who DIR LEAVES. Makes DIR with a log of thirty days in which every
 * thousandth leaf is about one child and by one person, searches it as core does, in bounded calls, and prints one line of JSON. It
 * leaves DIR/log, DIR/auditor.key and DIR/receipt (the child's day keys) for childvault-audit who; person 77…, record 55….
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define FIX_CHECK(x) ((x) ? (void)0 : (fprintf(stderr, "bench_who: %s\n", #x), exit(1)))
#include "base/clock.h"
#include "base/text.h"
#include "format/keyfile.h"
#include "format/receipt.h"
#include "unit/test_audit.h"

#define DAYS 30u
#define OURS 1000u	/* of so many leaves one is about the child */
#define OTHERS 512u	/* other children */
#define FOUND_MAX 256u

static uint8_t key[OTHERS][32], ours[32] = { 0x5a };

static void write_leaves(struct fix *f, uint64_t from, uint64_t to)
{
	struct audit_entry e = fix_entry(ours);

	for (uint64_t i = from, turn = 1; i < to; turn++) {
		FIX_CHECK(fix_turn_begin(f) == 0);
		for (unsigned k = 0; k < 64 && i < to; k++, i++) {
			e.log_key = i % OURS == 0 ? ours : key[i % OTHERS];
			memset(e.actor.principal, i % OURS == 0 ? 0x77 : 1 + (int)(i % 97), 16);
			(void)fix_leaf(f, &e);
		}
		FIX_CHECK(fix_turn_end(f) == 0);
		f->now_ms += 20;
		if (turn % 128 == 0)
			fix_checkpoint(f);	/* lets the journal's files be used again */
	}
	fix_checkpoint(f);
}

static void save(const struct fix *f, const char *name, const struct buf *b)
{
	char path[FIX_PATH];
	FILE *out;

	(void)snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	FIX_CHECK(buf_ok(b) && (out = fopen(path, "we")) != NULL);
	FIX_CHECK(fwrite(b->p, 1, b->n, out) == b->n && fclose(out) == 0);
}

static void save_key(const struct fix *f)
{
	struct keyfile k = { .protection = KEYFILE_PLAIN, .body_n = KEYFILE_SECRETS };
	struct buf b;

	buf_init(&b, KEYFILE_TEXT_MAX);
	memset(k.principal, 0xA0, 16);
	memcpy(k.body, f->auditor_sk[0], 32);
	FIX_CHECK(keyfile_encode(&k, &b) == 0);
	save(f, "auditor.key", &b);
	buf_free(&b);
}

/* What an auditor's receipt has besides accesses. */
static void save_receipt(struct fix *f)
{
	struct receipt_page p = { .origin = { f->origin, strlen(f->origin) }, .reader = RECEIPT_AUDITOR, .made_ms = 1,
		.to_ms = UINT64_MAX, .end = 1 };
	const struct part part = { f->vault, 16 };
	static const uint8_t signature[64];
	char name[300];
	uint8_t id[4], digest[32];
	struct buf b, note;

	buf_init(&b, 1u << 20);
	buf_init(&note, NOTE_MAX);
	FIX_CHECK(audit_read_checkpoint(f->a, &note) == 0);
	memcpy(p.vault, f->vault, 16);
	memset(p.record, 0x55, 16);
	receipt_page_put(&p, note.p, note.n, &b);
	for (uint32_t epoch = 0; epoch <= f->epoch; epoch++) {
		struct receipt_day d = { .epoch = epoch };

		audit_day_key(ours, epoch, d.key);
		receipt_day_put(&d, &b);
	}
	crypto_sha256(&part, 1, digest);
	(void)snprintf(name, sizeof(name), "%s", f->origin);
	memset(id, 0, sizeof(id));
	buf_text(&b, "\n");
	receipt_note_put(f->origin, digest, &b);
	note_text_end(&b);
	note_sig_encode(name, id, signature, &b);
	save(f, "receipt", &b);
	buf_free(&b);
	buf_free(&note);
}

int main(int argc, char **argv)
{
	uint64_t leaves = argc > 2 ? strtoull(argv[2], NULL, 10) : 0, size, at = 0, total = 0, began, took, worst = 0, call;
	uint64_t found[FOUND_MAX];
	unsigned n, calls = 0;
	struct fix f;

	if (leaves < DAYS) {
		fprintf(stderr, "usage: bench_who DIR LEAVES\n");
		return 2;
	}
	fix_make(&f, argv[1], FIX_EPOCHS_MAX);
	for (unsigned i = 0; i < OTHERS; i++)
		crypto_random(key[i], 32);
	fix_genesis(&f);
	for (unsigned d = 0; d < DAYS; d++) {
		write_leaves(&f, leaves * d / DAYS, leaves * (d + 1) / DAYS);
		f.now_ms += FIX_DAY_MS - f.now_ms % FIX_DAY_MS;
	}
	size = audit_leaves(f.a);
	for (began = clock_mono_us(); at < size; calls++) {
		call = clock_mono_us();
		FIX_CHECK(audit_find_subject(f.a, ours, &at, size, found, FOUND_MAX, &n) == 0);
		total += n;
		call = clock_mono_us() - call;
		worst = call > worst ? call : worst;
	}
	took = clock_mono_us() - began;
	FIX_CHECK(total == (leaves + OURS - 1) / OURS);
	save_key(&f);
	save_receipt(&f);
	printf("{\"leaves\": %llu, \"found\": %llu, \"find_s\": %.6f, \"calls\": %u, \"longest_call_s\": %.6f}\n", (unsigned long long)size,
	    (unsigned long long)total, (double)took / 1e6, calls, (double)worst / 1e6);
	fix_close(&f, true);
	free(f.epoch_pk);
	return 0;
}
