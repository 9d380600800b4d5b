/* Requests for operations as callers see them: what it is about, and how far it is. POLICY.md section 5, "Operations". */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "format/value.h"
#include "vault/gov_ops.h"
#include "vault/gov_show.h"
#include "vault/operation.h"

/* ---- lists of names ----------------------------------------------------------------------------------------------------------- */

static struct buf *begin_list(struct gov_showing *x, size_t *ret_at)
{
	*ret_at = value_begin(&x->v->gov->list);
	return &x->v->gov->list;
}

static void put_name(struct buf *list, const char *name)
{
	value_item_put(list, VALUE_TEXT, name, strlen(name));
}

/* Login names; of somebody whom the directory does not know there is none. */
static void show_people(struct gov_showing *x, const char *name, const uint8_t (*ids)[16], unsigned n)
{
	size_t at, count = 0;
	struct buf *list = begin_list(x, &at);

	for (unsigned i = 0; i < n; i++) {
		const struct principal *p = directory_principal(x->v->keys, ids[i]);

		if (p == NULL)
			continue;
		put_name(list, p->login);
		count++;
	}
	gov_show_list(x, name, at, count);
}

/* A role that the policy does not have is named by its number. */
static void put_role(struct gov_showing *x, struct buf *list, uint16_t id)
{
	const struct policy_role *role = policy_role_by_id(x->v->policy, id);
	char text[8];

	(void)snprintf(text, sizeof(text), "%u", id);
	put_name(list, role != NULL ? role->name : text);
}

static void show_roles(struct gov_showing *x, const struct operation_reading *r)
{
	size_t at;
	struct buf *list = begin_list(x, &at);

	if (r->op.head.operation == OPERATION_CLASSES) {
		put_role(x, list, r->receiver.role);
		gov_show_list(x, "roles", at, 1);
		return;
	}
	for (unsigned i = 0; i < r->role_count; i++)
		put_role(x, list, r->roles[i].role);
	gov_show_list(x, "roles", at, r->role_count);
}

/* Classes by name; one that the policy does not have yet as 0xNNNN. */
static void show_classes(struct gov_showing *x, const struct operation_reading *r)
{
	size_t at;
	struct buf *list = begin_list(x, &at);

	for (unsigned i = 0; i < r->class_count; i++) {
		uint16_t id = (uint16_t)(operation_class_at(r, i).class_key >> 16);
		int position = policy_class_position(x->v->policy, id);
		char text[8];

		(void)snprintf(text, sizeof(text), "0x%04x", id);
		put_name(list, position >= 0 ? policy_class(x->v->policy, (unsigned)position)->name : text);
	}
	gov_show_list(x, "classes", at, r->class_count);
}

static void show_split(struct gov_showing *x, const struct operation_split *s)
{
	size_t at;
	struct buf *list = begin_list(x, &at);

	for (unsigned i = 0; i < s->n; i++)
		value_item_put(list, VALUE_TEXT, s->holder[i].p, s->holder[i].n);
	gov_show_list(x, "holders", at, s->n);
	gov_show_number(x, "threshold", s->k);
}

/* ---- one operation ------------------------------------------------------------------------------------------------------------ */

/* What the document does, in words. Who it is about stands in the object's principal, but for somebody who is not there yet. */
static void show_about(struct gov_showing *x, const struct operation_reading *r)
{
	static const char *const kinds[] = { "", "person", "app", "job", "administrator", "custodian", "auditor" };
	uint8_t yes = 1;

	switch (r->op.head.operation) {
	case OPERATION_ADD_MEMBER:
		gov_show_text(x, "login", r->principal.login);
		gov_show_text(x, "as", kinds[r->principal.kind % (sizeof(kinds) / sizeof(kinds[0]))]);
		show_roles(x, r);
		break;
	case OPERATION_REKEY:
		show_roles(x, r);
		show_classes(x, r);
		show_people(x, "without", r->principals, r->principal_count);
		if ((r->flags & OPERATION_REMOVED) != 0)
			gov_show_value(x, "removed", VALUE_BOOL, &yes, 1);
		break;
	case OPERATION_ROLES:
		show_roles(x, r);
		break;
	case OPERATION_CLASSES:
	case OPERATION_REWRAP:
		show_roles(x, r);
		show_classes(x, r);
		break;
	case OPERATION_POLICY:
		gov_show_number(x, "policy_version", r->policy_version);
		gov_show_hex(x, "policy_digest", r->policy_digest, 32);
		break;
	case OPERATION_SPLIT:
		show_split(x, &r->split);
		break;
	default:
		break;
	}
}

/* How far a ceremony is; its key and the caller's own rows where they are opened. */
static void show_ceremony(struct gov_showing *x, const struct gov_ceremony *ceremony)
{
	uint8_t givers[DIR_SHARES_MAX][16];
	const uint8_t *giver;
	unsigned n = 0;

	while (n < DIR_SHARES_MAX && (giver = custody_giver(ceremony->custody, n)) != NULL)
		memcpy(givers[n++], giver, 16);
	show_people(x, "given", (const uint8_t (*)[16])givers, n);
	gov_show_number(x, "needed", custody_needed(ceremony->custody));
	if (ceremony->bad > 0)
		show_people(x, "bad_shares", ceremony->bad_by, ceremony->bad);
	if (x->v->gov->shares.n == 0)
		return;
	gov_show_hex(x, "ceremony", custody_public(ceremony->custody), 32);
	gov_show_base64(x, "shares", &(struct gov_bytes){ x->v->gov->shares.p, x->v->gov->shares.n });
}

/*
 * The signatures so far, for whoever signs or gives next: they hold them against the signed directory themselves. Whose each is the
 * signature tells; the name is for people.
 */
static void show_signatures(struct gov_showing *x, const struct gov_object *o)
{
	const uint8_t *const by[] = { o->by, o->decided_by };
	char text[(OPERATION_SIGNATURE + 2) / 3 * 4 + 1];
	size_t at, count = o->signatures.n / OPERATION_SIGNATURE;
	struct buf *list = begin_list(x, &at);

	for (size_t i = 0; i < count; i++) {
		const struct principal *p = directory_principal(x->v->keys, by[i]);
		const char *login = p != NULL ? p->login : "";
		size_t item = value_nest_begin(list, NULL, 0, VALUE_GROUP), group = value_begin(list);

		b64_encode(B64_STD, o->signatures.p + i * OPERATION_SIGNATURE, OPERATION_SIGNATURE, text);
		value_member_put(list, "by", 2, VALUE_TEXT, login, strlen(login));
		value_member_put(list, "signature", 9, VALUE_TEXT, text, strlen(text));
		value_end(list, group, 2);
		value_nest_end(list, item);
	}
	gov_show_list(x, "signatures", at, count);
}

void gov_show_operation(struct gov_showing *x, const struct gov_object *o, bool whole)
{
	static const char *const steps[] = { "first-signature", "second-signature", "custodians" };
	const struct gov_ceremony *ceremony = gov_ceremony_of(x->v, o->id);
	struct operation_reading r;

	gov_show_hex(x, "digest", o->digest, 32);
	if (gov_operation_read(o, &r) != 0)
		return;
	gov_show_text(x, "code", r.code);
	gov_show_time(x, "expires_at", r.op.head.expires_ms);
	show_about(x, &r);
	if (o->prefix.state == GOV_PENDING && gov_operation_superseded(x->v, &r))
		gov_show_text(x, "waits_for", "superseded");
	else if (gov_operation_gathers(x->v, o))
		gov_show_text(x, "waits_for", steps[o->signatures.n / OPERATION_SIGNATURE]);
	if (ceremony != NULL)
		show_ceremony(x, ceremony);
	if (!whole)
		return;
	show_signatures(x, o);
	gov_show_base64(x, "document", &o->document);
}
