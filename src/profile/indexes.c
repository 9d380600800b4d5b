/* Indexes of a profile: which values can be looked for, and how much of a token is kept. */
#include <stdlib.h>
#include <string.h>

#include "profile/profile_internal.h"

#define PLANNED_MIN 1000u
#define PLANNED_MAX 100000000u
#define BUCKET_BITS 3u		/* a bucket holds 8 to 16 of the planned records */

/* So many bits that each token stands for 8 to 16 of n records. */
static uint8_t bucket_bits(unsigned n)
{
	uint8_t bits = 0;

	while (n >> (bits + 1) != 0)
		bits++;
	return (uint8_t)(bits - BUCKET_BITS);
}

static void compile_of(struct compiler *c, struct node *n, struct policy_index *x)
{
	const struct policy_field *f;

	if ((n = get_list(c, n, POLICY_INDEX_FIELDS)) == NULL)
		return;
	if (n->count == 0)
		fail_at(c, n, "no field is no entry");
	for (struct node *e = n->first; e != NULL && c->r == 0; e = e->next)
		if ((f = find_field(c, e, get_text(c, e, UINT8_MAX))) != NULL)
			x->field[x->fields++] = f->id;
}

static void compile_index(struct compiler *c, struct node *map, struct policy_index *x)
{
	const struct node *form, *planned;
	const char *name;

	x->name = get_name(c, get_needed(c, map, "name"), false, false);
	x->label = get_label(c, map);
	compile_of(c, get_needed(c, map, "of"), x);
	form = get_needed(c, map, "form");
	name = get_text(c, form, UINT8_MAX);
	if (strcmp(name, "bucket") == 0)
		x->form = INDEX_BUCKET;
	else if (strcmp(name, "exact") == 0)
		x->form = INDEX_EXACT;
	else
		fail_at(c, form, "an index is exact or bucket");
	x->unique = get_bool(c, get(c, map, "unique"));
	planned = x->form == INDEX_BUCKET ? get_needed(c, map, "planned") : NULL;
	if (planned != NULL)
		x->bits = bucket_bits(get_number(c, planned, PLANNED_MIN, PLANNED_MAX));
	get_end(c, map);
}

void compile_indexes(struct compiler *c, struct node *n)
{
	struct policy_index *x;
	struct node *e, *map;
	unsigned i = 0;

	if (n == NULL || (n = get_list(c, n, POLICY_INDEXES)) == NULL || (x = make(c, n->count, sizeof(*x))) == NULL)
		return;
	for (e = n->first; e != NULL && c->r == 0; e = e->next, i++) {
		if ((map = open_object(c, e, PART_INDEX, &x[i].id)) == NULL)
			return;
		compile_index(c, map, &x[i]);
	}
	qsort(x, n->count, sizeof(*x), by_id);
	c->s.index = x;
	c->s.indexes = n->count;
}
