/* Policy files, proof files, a witness's state and key, cosignature lines, a client's head: FORMAT.md sections 10 and 12. */
#include "audit/trust.h"
#include "audit/witness.h"
#include "base/text.h"
#include "childvault.h"
#include "crypto/crypto.h"
#include "format/cosignature.h"
#include "format/tlog_policy.h"
#include "format/tlog_proof.h"
#include "fuzz.h"

static struct tlog_policy policy;
static struct tlog_proof proof;
static struct witness_state state;

/* No quorum without witnesses' word; all of them together are one, unless none is asked for. */
static void take_policy(const char *p, size_t n)
{
	uint64_t none[TLOG_WITNESSES_MAX] = { 0 }, all[TLOG_WITNESSES_MAX];
	unsigned line = 0;

	if (tlog_policy_decode(p, n, &policy, &line) != 0) {
		MUST(line >= 1);
		return;
	}
	MUST(policy.logs <= TLOG_LOGS_MAX && policy.witnesses <= TLOG_WITNESSES_MAX && policy.groups <= TLOG_GROUPS_MAX);
	for (unsigned i = 0; i < TLOG_WITNESSES_MAX; i++)
		all[i] = 5 + i;
	if (policy.quorum == TLOG_MEMBERS_MAX) {
		MUST(tlog_policy_time(&policy, none) == TLOG_NONE);
		return;
	}
	MUST(tlog_policy_time(&policy, none) == 0);
	MUST(tlog_policy_time(&policy, all) >= 5 && tlog_policy_time(&policy, all) < 5 + TLOG_WITNESSES_MAX);
}

static void take_proof(const char *p, size_t n)
{
	static uint8_t extra[TLOG_PROOF_EXTRA_MAX];
	size_t extra_n = 0;
	struct trust trust;
	struct buf b;

	if (tlog_proof_decode(p, n, &proof) != 0)
		return;
	MUST(proof.checkpoint + proof.checkpoint_n == p + n && proof.n <= TLOG_PROOF_HASHES);
	if (proof.extra != NULL)
		MUST(b64_decode(B64_STD, proof.extra, proof.extra_n, extra, sizeof(extra), &extra_n) == 0);
	buf_init(&b, TLOG_PROOF_MAX);
	MUST(tlog_proof_encode(proof.extra != NULL ? extra : NULL, extra_n, proof.index, (const uint8_t (*)[32])proof.hash, proof.n,
	    proof.checkpoint, proof.checkpoint_n, &b) == 0);
	must_be(&b, p, n);
	memset(&policy, 0, sizeof(policy));
	MUST(trust_proof(&policy, &proof, p, n, &trust) != 0);	/* nobody is trusted */
}

static void take_state(const char *p, size_t n)
{
	struct buf b;

	if (witness_state_decode(p, n, &state) != 0 || n == 0)
		return;
	buf_init(&b, WITNESS_STATE_MAX);
	MUST(witness_state_encode(&state, &b) == 0);
	must_be(&b, p, n);
}

static void take_key(const char *p, size_t n)
{
	struct witness_key k;
	struct buf b;

	if (witness_key_decode(p, n, &k) != 0)
		return;
	buf_init(&b, NOTE_KEY_MAX);
	MUST(witness_key_encode(&k, &b) == 0 && b.n >= n && b.n - n <= 1 && memcmp(b.p, p, n) == 0);
	buf_free(&b);
}

/* What a witness adds is found again, and takes the place of its own earlier line. */
static void cosign(const char *p, size_t n)
{
	struct witness_key k = { .key = { .name = "fuzz.example/w", .type = NOTE_COSIGNATURE } };
	struct note note;
	uint64_t t = 0;
	struct buf b;
	int r;

	buf_init(&b, NOTE_MAX + 512);
	crypto_note_key_id(k.key.name, k.key.type, k.key.pk, k.key.key_id);
	r = witness_sign(&k, p, n, 7, &b);
	if (r == 0 && note_decode((const char *)b.p, b.n, &note) == 0) {
		uint8_t sk[SIGN_SECRET];

		crypto_sign_pair(k.seed, k.key.pk, sk);
		MUST(trust_cosignature(&note, &k.key, &t) == 0 && t == 7);
	}
	buf_free(&b);
}

/* What a client remembers comes back as it was stored. */
static void head(const char *p, size_t n)
{
	struct childvault *cv = NULL;
	const char *again;

	if (childvault_open("/nonexistent", &cv) != CHILDVAULT_OK)
		return;
	if (n > 0 && childvault_remember(cv, p, n) == CHILDVAULT_OK) {
		again = childvault_head(cv);
		MUST(again != NULL && strlen(again) == n && memcmp(again, p, n) == 0);
	}
	childvault_free(cv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data;

	if (crypto_start() != 0)
		return 0;
	take_policy(p, size);
	take_proof(p, size);
	take_state(p, size);
	take_key(p, size);
	cosign(p, size);
	head(p, size);
	return 0;
}
