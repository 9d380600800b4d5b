/*
 * Keys built by hand for the tests of src/keys/record*.c: two vaults that differ in their id alone, a table of shred keys, a
 * session and a directory, standing in for shred.c, session.c and directory.c. Include once, after <cmocka.h>.
 */
#ifndef CV_TEST_RECORD_FAKES_H
#define CV_TEST_RECORD_FAKES_H

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "keys/record_internal.h"
#include "record_samples.h"

#define HELD 80

/* One class of the fake directory; a session holds those it has marked. */
struct fake_class {
	uint32_t class_key, epoch;
	uint8_t sk[32], kek[32], pk[32];
};
struct session {
	bool holds[HELD];
};

static struct fake_class fake[HELD];	/* of one class, the newest epoch last */
static unsigned fakes;
static uint8_t shred[2][32];		/* of SLOT and SLOT + 1 */
static bool shred_gone;
static struct keys vault, other_vault;
static struct ring ring;
static struct session reader;	/* holds every class of the beginning */
static uint8_t record[16], other_record[16];

const uint8_t *shred_key(const struct keys *k, uint32_t slot)
{
	(void)k;
	return !shred_gone && (slot == SLOT || slot == SLOT + 1) ? shred[slot - SLOT] : NULL;
}

bool session_class_keys(const struct session *s, uint32_t class_key, uint32_t epoch, struct class_keys *ret)
{
	for (unsigned i = 0; i < fakes; i++) {
		if (s->holds[i] && fake[i].class_key == class_key && fake[i].epoch == epoch) {
			*ret = (struct class_keys){ fake[i].sk, fake[i].kek, fake[i].pk };
			return true;
		}
	}
	return false;
}

uint32_t session_class_epoch(const struct session *s, uint32_t class_key)
{
	uint32_t epoch = 0;

	for (unsigned i = 0; i < fakes; i++)
		if (s->holds[i] && fake[i].class_key == class_key)
			epoch = fake[i].epoch;
	return epoch;
}

int directory_class(const struct keys *k, uint32_t class_key, uint32_t *ret_epoch, uint8_t ret_pk[32])
{
	int r = CV_ERR_NOTFOUND;

	(void)k;
	for (unsigned i = 0; i < fakes; i++) {
		if (fake[i].class_key == class_key) {
			*ret_epoch = fake[i].epoch;
			memcpy(ret_pk, fake[i].pk, 32);
			r = 0;
		}
	}
	return r;
}

static inline void fake_add(uint32_t class_key, uint32_t epoch, uint8_t first)
{
	struct fake_class *c = &fake[fakes];

	assert_true(fakes < HELD);
	c->class_key = class_key;
	c->epoch = epoch;
	run(c->sk, first, 32);
	crypto_box_public(c->sk, c->pk);
	crypto_hash("cv1.classkek", c->sk, 32, NULL, 0, c->kek, 32);
	fakes++;
}

static int fakes_setup(void **state)
{
	(void)state;
	if (crypto_start() != 0)
		return -1;
	crypto_allow_unlocked(true);
	run(record, 0x11, 16);
	run(other_record, 0x12, 16);
	run(ring.key[RING_HEAD], 0x31, 32);
	run(shred[0], 0x51, 32);
	run(shred[1], 0x52, 32);
	run(vault.vault_id, 0x01, 16);
	vault.epoch = 1;
	vault.ring = &ring;
	other_vault = vault;
	other_vault.vault_id[15]++;
	fake_add(HEALTH, EPOCH - 1, 0x0A);
	fake_add(HEALTH, EPOCH, 0xA0);
	fake_add(IDENTITY, 1, 0x77);
	fake_add(NOTES, 2, 0x78);
	for (unsigned i = 0; i < fakes; i++)
		reader.holds[i] = true;
	return 0;
}

static int fakes_teardown(void **state)
{
	(void)state;
	secret_free(vault.turn);
	secret_free(other_vault.turn);
	return 0;
}

#endif
