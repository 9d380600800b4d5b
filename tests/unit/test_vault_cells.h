/*
 * The shipped profile on a real vault: one member of each role, people who assign and grant, and for each area and each kind of approval a
 * record of its own, with every field written that has a value of its own.
 */
#ifndef CV_TEST_VAULT_CELLS_H
#define CV_TEST_VAULT_CELLS_H

#include "profile/profile.h"
#include "test_vault_rules.h"

#define CELL_PROFILE "profiles/child-welfare.yaml"
#define CELL_DAYS 30	/* for which every approval is made */

enum { IN_AREA, OUT_OF_AREA, WITHOUT_AREA, AREAS };
/* What each role's member has of a record: assignments for all purposes of the role or for one, grants of all fields or of one. */
enum { NOTHING, LEVEL_3, LEVEL_4, FIRST_PURPOSE, LAST_PURPOSE, GRANT_OF_ALL, GRANT_OF_FIRST, GRANT_OF_LAST, STANDINGS };

/* An approval as it was made: what the oracle knows of it. */
struct cell_approval {
	uint8_t id[16];
	bool grant;
	unsigned level;
	uint64_t purposes;		/* by position */
	bool field[POLICY_FIELDS];	/* by position */
	struct cell_approval *next;
};
struct cell_person {
	struct test_person self;
	const struct policy_role *role;
	const char *area;
	uint8_t token[32];
	struct cell_approval *approvals[AREAS][STANDINGS];
};
struct cell_value {
	uint8_t type;	/* as stored; 0: none was written */
	size_t n;
	uint8_t p[512];
};
struct cells {
	struct fixture f;
	struct policy *policy;			/* the test's own copy */
	unsigned roles, fields, purposes;
	struct cell_person *member, *approver;	/* by position of the role; of those that may not approve nobody logs in */
	uint8_t record[AREAS][STANDINGS][16];
	struct cell_value value[POLICY_FIELDS];
	unsigned in_turn;			/* requests of the open turn */
};

static const char *const cell_areas[AREAS] = { "430422001002", "520102001003", "" };

/* Requests come some at a time: each turn ends with one sync. What was written is applied at once, or the journal would fill. */
static inline void cells_turn(struct cells *x)
{
	if (++x->in_turn < 256)
		return;
	assert_int_equal(vault_turn_end(x->f.v), 0);
	assert_int_equal(vault_checkpoint_now(x->f.v), 0);
	assert_int_equal(vault_turn_begin(x->f.v), 0);
	x->in_turn = 0;
}

static inline void cells_turns_end(struct cells *x)
{
	assert_int_equal(vault_turn_end(x->f.v), 0);
	fixture_turn_open = false;
}

static inline void cells_turns_begin(struct cells *x)
{
	/* A test that failed left its turn open. */
	if (fixture_turn_open)
		cells_turns_end(x);
	assert_int_equal(vault_turn_begin(x->f.v), 0);
	fixture_turn_open = true;
	x->in_turn = 0;
}

/* ---- people ---------------------------------------------------------------------------------------------------------------- */

static inline void cells_person(struct cell_person *p, const struct policy_role *role, const char *area, const char *prefix)
{
	static char logins[2 * POLICY_ROLES][80];
	static unsigned n;
	char *login = logins[n++ % (2 * POLICY_ROLES)];

	snprintf(login, sizeof(logins[0]), "%s%s", prefix, role->name);
	fixture_person(&p->self, (enum principal_kind)role->kind, 0, role->id, login);
	p->self.g.area = p->area = area;
	p->role = role;
}

static inline bool cells_approves(const struct cells *x, const struct policy_role *role)
{
	for (unsigned i = 0; i < policy_classes(x->policy); i++)
		if ((role->rights[i] & RIGHT_GRANT) != 0)
			return true;
	return (role->acts & ACT_ASSIGN) != 0;
}

static inline void cells_genesis(struct cells *x)
{
	struct fixture *f = &x->f;
	struct vault_genesis_slot slot = { .number = 3, .info = { .type = SLOT_DEMO } };
	struct genesis_person *people = calloc(2 + 2 * x->roles, sizeof(*people));
	struct genesis_signer signers[2];
	struct vault_genesis g = { .demo = true, .dir = f->dir, .policy = f->policy.p, .policy_n = f->policy.n, .people = people,
		.people_count = 2, .signers = signers, .signer_count = 2, .slots = &slot, .slot_count = 1,
		.journal_file_bytes = fixture_journal_bytes, .journal_files = 2 };

	assert_non_null(people);
	fixture_person(&f->person[P_ADMIN_A], PRINCIPAL_ADMINISTRATOR, 1, 0, "admin-a");
	fixture_person(&f->person[P_ADMIN_B], PRINCIPAL_ADMINISTRATOR, 2, 0, "admin-b");
	for (unsigned i = 0; i < 2; i++) {
		people[i] = f->person[i].g;
		memcpy(signers[i].id, people[i].principal.id, 16);
		signers[i].sign = sign_cb;
		signers[i].cookie = &f->person[i];
	}
	for (unsigned i = 0; i < x->roles; i++) {
		cells_person(&x->member[i], policy_role(x->policy, i), "430422001", "");
		people[g.people_count++] = x->member[i].self.g;
		if (!cells_approves(x, policy_role(x->policy, i)))
			continue;
		cells_person(&x->approver[i], policy_role(x->policy, i), "", "second-");
		people[g.people_count++] = x->approver[i].self.g;
	}
	crypto_random(f->kek, 32);
	crypto_random(f->vault_id, 16);
	memcpy(slot.kek, f->kek, 32);
	memcpy(g.vault_id, f->vault_id, 16);
	assert_int_equal(vault_genesis(&g), 0);
	free(people);
}

static inline void cells_login(struct cells *x, struct cell_person *p)
{
	x->f.person[P_WORKER] = p->self;
	assert_int_equal(login(&x->f, P_WORKER, p->token), 0);
}

/* ---- values ---------------------------------------------------------------------------------------------------------------- */

static inline char cells_id_check(const char *digits)
{
	static const int weights[17] = { 7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2 };
	int sum = 0;

	for (unsigned i = 0; i < 17; i++)
		sum += (digits[i] - '0') * weights[i];
	return "10X98765432"[sum % 11];
}

/* Words that fit a shape; what several fields say of one person agrees. */
static inline const char *cells_words(const struct policy_shape *s)
{
	static char id[19] = "11990120100101123", other[24];

	id[17] = cells_id_check(id);
	if (s->code_count > 0)
		return s->codes[0].code;
	switch (s->validator) {
	case VALID_V1_NAME: return "张小明";
	case VALID_V3_ID_NO: return id;
	case VALID_V5_BIRTH_DATE: return "2010-01-01";
	case VALID_V6_ETHNICITY: return "01";
	case VALID_V7_BIRTH_CERT: return "A123456789";
	case VALID_V8_DIVISION: return cell_areas[IN_AREA];
	case VALID_V9_PHONE: return "15400001234";
	case VALID_V11_DISABILITY_CERT: snprintf(other, sizeof(other), "%s11", id); return other;
	case VALID_V14_STUDENT_NO: snprintf(other, sizeof(other), "G%s", id); return other;
	case VALID_V15_ACCOUNT: return "0000000000000000000";
	case VALID_V16_ORGANISATION: return "000000000000000000";
	default: return s->type == VALUE_DATE ? "2024-01-01" : "某事";
	}
}

static inline uint8_t cells_travels_as(const struct policy_shape *s)
{
	return s->type == VALUE_DATE || s->type == VALUE_CODE ? VALUE_TEXT : s->type;
}

/* Append a value of the shape as it travels: a list has one item, a group all members. */
static inline void cells_put_value(struct buf *b, const struct policy_shape *s)
{
	unsigned n = s->type == VALUE_LIST ? 1 : s->member_count;
	size_t at;

	if (s->type == VALUE_BOOL) {
		buf_u8(b, 1);
	} else if (s->type == VALUE_INTEGER) {
		buf_u64(b, 12345);
	} else if (s->type != VALUE_LIST && s->type != VALUE_GROUP) {
		buf_put(b, cells_words(s), strlen(cells_words(s)));
	} else {
		at = value_begin(b);
		for (unsigned i = 0; i < n; i++) {
			const struct policy_shape *in = s->type == VALUE_LIST ? s->item : &s->members[i].shape;
			const char *name = s->type == VALUE_LIST ? NULL : s->members[i].name;
			size_t nest = value_nest_begin(b, name, name != NULL ? strlen(name) : 0, cells_travels_as(in));

			cells_put_value(b, in);
			value_nest_end(b, nest);
		}
		value_end(b, at, n);
	}
}

/* Append a field to a request, and give what is stored of it. */
static inline void cells_put_field(const struct policy_field *f, struct rules_fields *to, struct cell_value *kept)
{
	const char *expected = NULL;
	struct value v, stored;
	struct buf b;

	buf_init(&b, sizeof(kept->p));
	cells_put_value(&b, &f->shape);
	v = (struct value){ cells_travels_as(&f->shape), b.p, b.n };
	if (!buf_ok(&b) || field_accept(f, &v, 20000, NULL, &stored, &expected) != 0)
		fail_msg("%s wants a %s", f->name, expected);
	wire_field_put(&to->b, f->name, strlen(f->name), v.type, v.p, v.n);
	to->count++;
	kept->type = stored.type;
	kept->n = stored.n;
	memcpy(kept->p, stored.p, stored.n);
	buf_free(&b);
}

/* The policy under which one member writes everything: who wrote a value is another test's matter. */
static inline struct policy *cells_open_policy(const struct cells *x, const struct policy_role *writer)
{
	struct policy *p;
	struct policy_role *role;

	assert_int_equal(policy_decode(x->f.policy.p, x->f.policy.n, &p), 0);
	role = (struct policy_role *)policy_role_by_id(p, writer->id);
	role->purposes = UINT64_MAX;
	role->excepts = 0;
	for (unsigned i = 0; i < policy_classes(p); i++)
		role->rights[i] = RIGHT_WRITE_ONLY;
	for (unsigned i = 0; i < policy_fields(p); i++) {
		struct policy_field *f = (struct policy_field *)policy_field(p, i);

		f->purposes = UINT64_MAX;
		f->owner = role->department;
	}
	return p;
}

/* Whether a record has a value of the field; the area's own stands apart. One kind of record has none of what is hidden. */
static inline bool cells_writes(const struct cells *x, const struct policy_field *f, unsigned standing)
{
	bool hidden = policy_class(x->policy, (unsigned)policy_class_position(x->policy, f->class))->hidden;

	return !f->is_area && !f->is_area_from && f->predicate.rule == PREDICATE_NONE && (!hidden || standing != FIRST_PURPOSE);
}

static inline void cells_make_records(struct cells *x, struct cell_person *writer)
{
	struct policy *open = cells_open_policy(x, writer->role), *own = x->f.v->policy;

	x->f.v->policy = open;
	for (unsigned area = 0; area < AREAS; area++)
		for (unsigned standing = 0; standing < STANDINGS; standing++) {
			struct rules_fields fields;

			rules_begin(&fields);
			for (unsigned i = 0; i < x->fields; i++) {
				const struct policy_field *f = policy_field(x->policy, i);

				if (f->is_area && area != WITHOUT_AREA)
					rules_text(&fields, f->name, cell_areas[area]);
				else if (cells_writes(x, f, standing))
					cells_put_field(f, &fields, &x->value[i]);
			}
			assert_int_equal(rules_create(&x->f, writer->token, "intake", &fields, 0, x->record[area][standing]), 0);
		}
	x->f.v->policy = own;
	policy_free(open);
}

/* ---- approvals ------------------------------------------------------------------------------------------------------------- */

static inline struct cell_approval *cells_approval(struct cell_person *p, unsigned area, unsigned standing, bool grant, uint64_t purposes)
{
	struct cell_approval *a = calloc(1, sizeof(*a));

	assert_non_null(a);
	a->grant = grant;
	a->purposes = purposes;
	a->next = p->approvals[area][standing];
	p->approvals[area][standing] = a;
	return a;
}

static inline void cells_put_purposes(const struct cells *x, struct rules_fields *to, uint64_t purposes)
{
	char names[1024] = "";

	for (unsigned i = 0; i < x->purposes; i++)
		if ((purposes >> i & 1) != 0)
			snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", names[0] != '\0' ? "," : "",
			    policy_purpose(x->policy, i)->name);
	rules_texts(to, "purposes", names);
}

static inline void cells_assign(struct cells *x, struct cell_person *p, const struct cell_person *by, unsigned area, unsigned standing,
    uint64_t purposes, unsigned level)
{
	struct cell_approval *a = cells_approval(p, area, standing, false, purposes);
	struct rules_fields fields;
	char id[33], until[16];

	a->level = level;
	rules_hex(x->record[area][standing], id);
	rules_until(until, CELL_DAYS);
	rules_begin(&fields);
	rules_number(&fields, "level", level);
	rules_text(&fields, "principal", p->self.g.login);
	cells_put_purposes(x, &fields, purposes);
	rules_texts(&fields, "records", id);
	rules_text(&fields, "until", until);
	rules_make(&x->f, by->token, "assignments", &fields, a->id);
	cells_turn(x);
}

/* The member asks for a grant of the fields that a says, and it is approved. */
static inline void cells_grant(struct cells *x, const struct cell_person *p, const struct cell_person *by, const uint8_t record[16],
    unsigned purpose, struct cell_approval *a)
{
	static char names[16384];
	struct rules_fields fields;
	char id[33], until[16];

	names[0] = '\0';
	for (unsigned i = 0; i < x->fields; i++)
		if (a->field[i])
			snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", names[0] != '\0' ? "," : "",
			    policy_field(x->policy, i)->name);
	rules_hex(record, id);
	rules_until(until, CELL_DAYS);
	rules_begin(&fields);
	rules_texts(&fields, "fields", names);
	rules_text(&fields, "kind", "grant");
	rules_text(&fields, "purpose", policy_purpose(x->policy, purpose)->name);
	rules_text(&fields, "reason", "because");
	rules_text(&fields, "record", id);
	rules_text(&fields, "until", until);
	rules_make(&x->f, p->token, "requests", &fields, a->id);
	rules_approve(&x->f, by->token, a->id);
	cells_turn(x);
}

/* Grants by one approver for each purpose that both act for: of all fields that may be granted, of the first or of the last. */
static inline void cells_grants(struct cells *x, struct cell_person *p, const struct cell_person *by, unsigned area, unsigned standing)
{
	for (unsigned purpose = 0; purpose < x->purposes; purpose++) {
		struct cell_approval *a;
		int first = -1, last = -1;

		if ((p->role->purposes & by->role->purposes & (uint64_t)1 << purpose) == 0)
			continue;
		a = cells_approval(p, area, standing, true, (uint64_t)1 << purpose);
		for (unsigned i = 0; i < x->fields; i++) {
			int at = policy_class_position(x->policy, policy_field(x->policy, i)->class);

			if ((by->role->rights[at] & RIGHT_GRANT) == 0)
				continue;
			a->field[i] = standing == GRANT_OF_ALL;
			first = first < 0 ? (int)i : first;
			last = (int)i;
		}
		assert_true(first >= 0);
		a->field[standing == GRANT_OF_LAST ? last : first] = true;
		cells_grant(x, p, by, x->record[area][standing], purpose, a);
	}
}

/* Whether its members may be given something of a child at all. */
static inline bool cells_is_given(const struct policy_role *role)
{
	return role->kind == PRINCIPAL_PERSON || role->kind == PRINCIPAL_APP;
}

static inline void cells_approve(struct cells *x, struct cell_person *p, const struct cell_person *by, unsigned area)
{
	uint64_t all = p->role->purposes, first = all & -all, last = all;

	while ((last & (last - 1)) != 0)
		last &= last - 1;
	if ((by->role->acts & ACT_ASSIGN) != 0) {
		cells_assign(x, p, by, area, LEVEL_3, all, 3);
		cells_assign(x, p, by, area, LEVEL_4, all, 4);
		cells_assign(x, p, by, area, FIRST_PURPOSE, first, 4);
		cells_assign(x, p, by, area, LAST_PURPOSE, last, 4);
	}
	for (unsigned i = 0; i < policy_classes(x->policy); i++)
		if ((by->role->rights[i] & RIGHT_GRANT) != 0) {
			for (unsigned standing = GRANT_OF_ALL; standing <= GRANT_OF_LAST; standing++)
				cells_grants(x, p, by, area, standing);
			break;
		}
}

/* ---- the world ---------------------------------------------------------------------------------------------------------------- */

/* No budget: it is another test's matter, and would be used up. */
static inline void cells_lift_budgets(struct policy *p)
{
	for (unsigned i = 0; i < policy_roles(p); i++)
		((struct policy_role *)policy_role(p, i))->bulk_records = 0;
}

static inline void cells_sessions(struct cells *x)
{
	for (unsigned i = 0; i < x->roles; i++) {
		cells_login(x, &x->member[i]);
		if (x->approver[i].role != NULL)
			cells_login(x, &x->approver[i]);
	}
}

static inline int cells_setup(void **state)
{
	struct cells *x = calloc(1, sizeof(*x));
	struct profile_error error;

	assert_non_null(x);
	*state = x;
	crypto_allow_unlocked(true);
	assert_int_equal(crypto_start(), 0);
	log_init("test", LOG_LEVEL_ERROR);
	strcpy(x->f.dir, access("/dev/shm", W_OK) == 0 ? "/dev/shm/cv-vault-XXXXXX" : "/tmp/cv-vault-XXXXXX");
	assert_non_null(mkdtemp(x->f.dir));
	buf_init(&x->f.policy, POLICY_DOCUMENT_MAX);
	if (profile_compile(CELL_PROFILE, &x->f.policy, &error) != 0)
		fail_msg("%s:%u: %s", CELL_PROFILE, error.line, error.text);
	assert_int_equal(policy_decode(x->f.policy.p, x->f.policy.n, &x->policy), 0);
	x->roles = policy_roles(x->policy);
	x->fields = policy_fields(x->policy);
	x->purposes = policy_purposes(x->policy);
	x->member = calloc(x->roles, sizeof(*x->member));
	x->approver = calloc(x->roles, sizeof(*x->approver));
	assert_true(x->member != NULL && x->approver != NULL);
	cells_genesis(x);
	buf_init(&x->f.out, 16u << 20);
	fixture_open(&x->f);
	cells_lift_budgets(x->f.v->policy);
	cells_sessions(x);
	for (unsigned i = 0; i < x->roles; i++)
		if (strcmp(x->member[i].role->name, "intake") == 0)
			cells_make_records(x, &x->member[i]);
	cells_turns_begin(x);
	for (unsigned i = 0; i < x->roles; i++)
		for (unsigned j = 0; j < x->roles; j++)
			for (unsigned area = 0; area < AREAS; area++)
				if (x->approver[j].role != NULL && cells_is_given(x->member[i].role))
					cells_approve(x, &x->member[i], &x->approver[j], area);
	cells_turns_end(x);
	return 0;
}

static inline void cells_forget(struct cell_person *p)
{
	for (unsigned i = 0; i < AREAS * STANDINGS; i++)
		while (p->approvals[i / STANDINGS][i % STANDINGS] != NULL) {
			struct cell_approval *a = p->approvals[i / STANDINGS][i % STANDINGS];

			p->approvals[i / STANDINGS][i % STANDINGS] = a->next;
			free(a);
		}
}

static inline int cells_teardown(void **state)
{
	struct cells *x = *state;
	char cmd[128];

	if (fixture_turn_open)
		cells_turns_end(x);
	vault_close(x->f.v);
	for (unsigned i = 0; i < x->roles; i++)
		cells_forget(&x->member[i]);
	free(x->member);
	free(x->approver);
	policy_free(x->policy);
	buf_free(&x->f.out);
	buf_free(&x->f.policy);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", x->f.dir);
	assert_int_equal(system(cmd), 0);
	free(x);
	return 0;
}

#endif
