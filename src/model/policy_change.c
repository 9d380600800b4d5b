/* What keeps a policy from taking another one's place by two signatures, docs/POLICY.md section 5. */
#include "model/model_internal.h"

#include <string.h>

#include "base/error.h"

struct faults {
	const struct policy_keys *keys;
	struct policy_fault *ret;
	unsigned room, n;
};

static void note(
    struct faults *x, enum policy_part part, uint16_t id, const char *key, const char *text, const char *other)
{
	if (x->n < x->room) {
		(void)policy_fault_set(&x->ret[x->n], part, id, text, other);	/* the count tells */
		(void)policy_fault_place(&x->ret[x->n], key, other);
	}
	x->n++;
}

static void change_document(struct faults *x, const struct policy *old, const struct policy *new)
{
	if (strcmp(old->s.name, new->s.name) != 0)
		note(x, PART_DOCUMENT, 0, "", "this is another profile's policy", old->s.name);
	if (new->s.version <= old->s.version)
		note(x, PART_DOCUMENT, 0, "", "the version is not above the one in force", "");
}

/* A class key is made and handed out by custodians; a class that records may hold stays known. */
static void change_classes(struct faults *x, const struct policy *old, const struct policy *new)
{
	const struct policy_class *c;

	for (unsigned i = 0; i < new->s.classes; i++)
		if (policy_class_position(old, new->s.class[i].id) < 0 &&
		    (x->keys == NULL || !x->keys->has_class(x->keys->cookie, new->s.class[i].id)))
			note(x, PART_CLASS, new->s.class[i].id, "", "a new class needs a key, which custodians make",
			    new->s.class[i].name);
	for (unsigned i = 0; i < old->s.classes; i++) {
		c = policy_class_of(&new->s, old->s.class[i].id);
		if (c == NULL)
			note(x, PART_CLASS, old->s.class[i].id, "", "a class that records may hold is gone",
			    old->s.class[i].name);
		else if (c->hidden != old->s.class[i].hidden)
			note(x, PART_CLASS, c->id, "hidden", "a class does not become hidden or open", c->name);
	}
}

/* Stored cells have their field's id, stand in its class, and have its type. */
static void change_fields(struct faults *x, const struct policy *old, const struct policy *new)
{
	const struct policy_field *f, *was;

	for (unsigned i = 0; i < new->s.fields; i++) {
		f = &new->s.field[i];
		if ((was = policy_field_by_id(old, f->id)) == NULL)
			continue;
		if (was->class != f->class)
			note(x, PART_FIELD, f->id, "class", "stored values do not move to another class", f->name);
		if (was->type != f->type)
			note(x, PART_FIELD, f->id, "type", "stored values do not change their type", f->name);
	}
}

/* Tokens that are stored were made of these values and kept at this length. */
static void change_indexes(struct faults *x, const struct policy *old, const struct policy *new)
{
	for (unsigned i = 0; i < new->s.indexes; i++) {
		const struct policy_index *is = &new->s.index[i], *was;
		int at = policy_find_id(old->s.index, old->s.indexes, sizeof(*old->s.index), is->id);

		if (at < 0)
			continue;
		was = &old->s.index[at];
		if (was->form != is->form || was->bits != is->bits || was->fields != is->fields ||
		    memcmp(was->field, is->field, sizeof(is->field)) != 0)
			note(x, PART_INDEX, is->id, "of", "an index keeps its fields, form and length: another one takes its place",
			    is->name);
	}
}

/* Whether the role has the class key already: by the policy in force, or as custodians gave it since. */
static bool holds_key(const struct faults *x, const struct policy *old, uint16_t role, uint16_t class_id)
{
	const struct policy_role *was = policy_role_by_id(old, role);
	int at = policy_class_position(old, class_id);

	if (was != NULL && at >= 0 && rights_hold_key(was->rights[at]))
		return true;
	return x->keys != NULL && x->keys->role_holds(x->keys->cookie, role, class_id);
}

static void change_roles(struct faults *x, const struct policy *old, const struct policy *new)
{
	for (unsigned i = 0; i < new->s.roles; i++) {
		const struct policy_role *role = &new->s.role[i];

		for (unsigned c = 0; c < new->s.classes; c++) {
			uint16_t id = new->s.class[c].id;
			/* A new class that has no key is named once, by change_classes. */
			bool known = policy_class_position(old, id) >= 0 || (x->keys != NULL && x->keys->has_class(x->keys->cookie, id));

			if (known && rights_hold_key(role->rights[c]) && !holds_key(x, old, role->id, id))
				note(x, PART_ROLE, role->id, "rights", "the role gains a class key, which custodians hand out",
				    new->s.class[c].name);
		}
	}
}

unsigned policy_hindrances(const struct policy *old, const struct policy *new, const struct policy_keys *keys,
    struct policy_fault *ret_faults, unsigned room)
{
	struct faults x = { keys, ret_faults, room, 0 };

	change_document(&x, old, new);
	change_classes(&x, old, new);
	change_fields(&x, old, new);
	change_indexes(&x, old, new);
	change_roles(&x, old, new);
	return x.n;
}
