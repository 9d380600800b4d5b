/* The section witnesses of a profile: who vouches for the log, and for which acts their word must be fresh. */
#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"
#include "format/note.h"
#include "profile/profile_internal.h"

#define FRESH_MIN 5u	/* minutes */

static int by_name(const void *a, const void *b)
{
	const struct policy_witness *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* NAME+hash+key, as `childvault-audit cosign --keygen` prints it. */
static void compile_witness(struct compiler *c, const struct node *e, struct policy_witness *w)
{
	const char *s = get_text(c, e, NOTE_KEY_MAX);
	struct vkey k;
	uint8_t id[4];
	char *name;

	if (c->r != 0)
		return;
	if (vkey_decode(s, strlen(s), NOTE_COSIGNATURE, &k) != 0) {
		fail_at(c, e, "this is no verifier key of a witness");
		return;
	}
	crypto_note_key_id(k.name, k.type, k.pk, id);
	if (memcmp(id, k.key_id, sizeof(id)) != 0) {
		fail_at(c, e, "the verifier key was not copied as it is: name, hash and key do not fit together");
		return;
	}
	if ((name = make(c, strlen(k.name) + 1, 1)) == NULL)
		return;
	memcpy(name, k.name, strlen(k.name) + 1);
	w->name = name;
	memcpy(w->pk, k.pk, 32);
}

static void compile_fresh(struct compiler *c, struct node *n, struct policy_witnesses *w)
{
	if (n == NULL || (n = get_map(c, n, WITNESSED_ACTS)) == NULL)
		return;
	for (unsigned i = 0; i < WITNESSED_ACTS; i++) {
		struct node *e = get(c, n, witnessed_act_name((enum witnessed_act)i));

		if (e != NULL)
			w->minutes[i] = get_number(c, e, FRESH_MIN, POLICY_FRESH_MINUTES);
	}
	get_end(c, n);
}

void compile_witnesses(struct compiler *c, struct node *n)
{
	struct policy_witnesses *w = &c->s.witnesses;
	struct node *keys;

	if (n == NULL || (n = get_map(c, n, ENTRIES_MAX)) == NULL)
		return;
	keys = get_list(c, get_needed(c, n, "keys"), POLICY_WITNESSES);
	if (keys == NULL)
		return;
	if (keys->count == 0)
		fail_at(c, keys, "without witnesses the section is left out");
	for (struct node *e = keys->first; e != NULL && c->r == 0; e = e->next)
		compile_witness(c, e, &w->witness[w->n++]);
	w->quorum = get_number(c, get_needed(c, n, "quorum"), 1, POLICY_WITNESSES);
	compile_fresh(c, get(c, n, "fresh"), w);
	get_end(c, n);
	if (c->r == 0)
		qsort(w->witness, w->n, sizeof(w->witness[0]), by_name);
}
