/* A small policy for the tests of model: no profile, no file. */
#ifndef CV_TEST_MODEL_H
#define CV_TEST_MODEL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "model/source.h"

#define TODAY clock_days(2026, 11, 24)

#define LABEL { "标", "label" }

enum { PATIENT = 0x10, PATIENT_MASKED = 0x4010, PATIENT_BASIC = 0x4011, CARE = 0x20, SECRET = 0x30 };
enum { ROLE_DOCTOR = 1, ROLE_DESK, ROLE_NURSE, ROLE_AUDITOR, ROLE_GUEST };
enum { PURPOSE_TREAT = 0, PURPOSE_BILL = 1 };
enum { FIELD_NAME = 0, FIELD_ID, FIELD_BORN, FIELD_SEX, FIELD_NOTE, FIELD_VISITS, FIELD_CARER, FIELD_COUNT };

/*
 * The arrays of a policy that a test may bend before it encodes. Views and classes come in the order of their
 * positions.
 */
struct fixture {
	struct policy_department department[2];
	struct policy_purpose purpose[2];
	struct policy_class class[5];	/* care, patient ... ascending by id */
	struct policy_field field[FIELD_COUNT];
	struct policy_index index[2];
	struct policy_role role[5];
	struct policy_code sex[3];
	struct policy_member carer[2];
	struct policy_shape visit;
	struct policy_source s;
};

static inline void fixture_field(
    struct policy_field *f, uint16_t id, const char *name, uint16_t class, struct policy_shape shape)
{
	memset(f, 0, sizeof(*f));
	f->id = id;
	f->name = name;
	f->label = (struct policy_label)LABEL;
	f->about = f->fold_code = f->fold_as = "";
	f->class = class;
	f->owner = 1;
	f->purposes = 1;
	f->shape = shape;
}

static inline void fixture_fields(struct fixture *x)
{
	struct policy_field *f = x->field;

	x->sex[0] = (struct policy_code){ "1", LABEL, "" };
	x->sex[1] = (struct policy_code){ "2", LABEL, "" };
	x->sex[2] = (struct policy_code){ "9", LABEL, "" };
	x->visit = (struct policy_shape){ .type = VALUE_DATE, .max_length = 10 };
	x->carer[0] =
	    (struct policy_member){"name", LABEL, {.type = VALUE_TEXT, .max_length = 200, .validator = VALID_V1_NAME}};
	x->carer[1] =
	    (struct policy_member){"phone", LABEL, {.type = VALUE_TEXT, .max_length = 13, .validator = VALID_V9_PHONE}};
	fixture_field(&f[FIELD_NAME], 1, "full_name", PATIENT,
	    (struct policy_shape){ .type = VALUE_TEXT, .max_length = 200, .validator = VALID_V1_NAME });
	f[FIELD_NAME].views = 2;
	f[FIELD_NAME].view[0] = (struct policy_view){ PATIENT_MASKED, VIEW_M1_NAME };
	f[FIELD_NAME].view[1] = (struct policy_view){ PATIENT_BASIC, VIEW_PLAIN };
	fixture_field(&f[FIELD_ID], 2, "document", PATIENT,
	    (struct policy_shape){ .type = VALUE_TEXT, .max_length = 18, .validator = VALID_V3_ID_NO });
	f[FIELD_ID].views = 1;
	f[FIELD_ID].view[0] = (struct policy_view){ PATIENT_MASKED, VIEW_M2_ID };
	fixture_field(&f[FIELD_BORN], 3, "born", PATIENT,
	    (struct policy_shape){ .type = VALUE_DATE, .max_length = 10, .validator = VALID_V5_BIRTH_DATE });
	f[FIELD_BORN].views = 1;
	f[FIELD_BORN].view[0] = (struct policy_view){ PATIENT_MASKED, VIEW_M5B_BIRTH_QUARTER };
	fixture_field(&f[FIELD_SEX], 4, "sex", PATIENT, (struct policy_shape){ .type = VALUE_CODE, .max_length = 1,
	    .validator = VALID_V4_SEX, .code_count = 3, .codes = x->sex });
	fixture_field(
	    &f[FIELD_NOTE], 0x20, "note", CARE, (struct policy_shape){.type = VALUE_TEXT, .max_length = 3000});
	f[FIELD_NOTE].purposes = 1;
	fixture_field(&f[FIELD_VISITS], 0x21, "visits", CARE,
	    (struct policy_shape){ .type = VALUE_LIST, .max_length = 300, .item = &x->visit });
	fixture_field(&f[FIELD_CARER], 0x22, "carer", CARE,
	    (struct policy_shape){ .type = VALUE_GROUP, .max_length = 300, .member_count = 2, .members = x->carer });
	f[FIELD_CARER].purposes = 2;
}

static inline void fixture_role(struct policy_role *r, uint16_t id, const char *name, uint8_t kind, uint64_t purposes)
{
	memset(r, 0, sizeof(*r));
	r->id = id;
	r->name = name;
	r->label = (struct policy_label)LABEL;
	r->department = 1;
	r->kind = kind;
	r->purposes = purposes;
}

/* Positions of classes: 0 patient, 1 care, 2 secret, 3 patient.masked, 4 patient.basic. */
static inline void fixture_init(struct fixture *x)
{
	memset(x, 0, sizeof(*x));
	x->department[0] = (struct policy_department){ 1, "WARD", LABEL };
	x->department[1] = (struct policy_department){ 7, "desk", LABEL };
	x->purpose[0] = (struct policy_purpose){ 1, "treat", LABEL, false };
	x->purpose[1] = (struct policy_purpose){ 5, "bill", LABEL, true };
	x->class[0] = (struct policy_class){.id = PATIENT, .name = "patient", .label = LABEL, .legal = "", .level = 3};
	x->class[1] = (struct policy_class){ .id = CARE, .name = "care", .label = LABEL, .legal = "", .level = 4 };
	x->class[2] = (struct policy_class){
	    .id = SECRET, .name = "secret", .label = LABEL, .legal = "a law", .level = 5, .hidden = true};
	x->class[3] = (struct policy_class){
	    .id = PATIENT_MASKED, .name = "patient.masked", .label = LABEL, .legal = "", .level = 2};
	x->class[4] = (struct policy_class){
	    .id = PATIENT_BASIC, .name = "patient.basic", .label = LABEL, .legal = "", .level = 2};
	fixture_fields(x);
	fixture_role(&x->role[0], ROLE_DOCTOR, "doctor", 1, 3);
	memcpy(x->role[0].rights,
	    (uint8_t[]){RIGHT_READ | RIGHT_REVEAL | RIGHT_WRITE, RIGHT_READ | RIGHT_WRITE, 0, RIGHT_READ, RIGHT_READ},
	    5);
	fixture_role(&x->role[1], ROLE_DESK, "desk", 2, 1);
	memcpy(x->role[1].rights, (uint8_t[]){ RIGHT_WRITE_ONLY, RIGHT_WRITE_ONLY, 0, 0, 0 }, 5);
	fixture_role(&x->role[2], ROLE_NURSE, "nurse", 1, 1);
	memcpy(x->role[2].rights, (uint8_t[]){ 0, RIGHT_READ, 0, RIGHT_READ, 0 }, 5);
	fixture_role(&x->role[3], ROLE_AUDITOR, "auditor", 6, 0);
	x->role[3].audit = true;
	fixture_role(&x->role[4], ROLE_GUEST, "guest", 1, 2);
	memcpy(x->role[4].rights, (uint8_t[]){ 0, 0, 0, 0, RIGHT_READ }, 5);
	x->index[0] = (struct policy_index){ .id = 1, .name = "document", .label = LABEL, .form = INDEX_EXACT, .unique = true,
		.fields = 1, .field = { 2 } };
	x->index[1] = (struct policy_index){ .id = 3, .name = "name_born", .label = LABEL, .form = INDEX_BUCKET, .bits = 16,
		.fields = 2, .field = { 1, 3 } };
	x->role[0].searches = 3;
	x->role[1].acts = ACT_DEDUPE;
	x->s = (struct policy_source){ "patients", 3, 2, 2, 5, FIELD_COUNT, 2, 5, x->department, x->purpose, x->class, x->field, x->index,
		x->role, { 0 } };
}

/* Encode x; the test fails if that is impossible. */
static inline void fixture_encode(const struct fixture *x, struct buf *ret)
{
	buf_init(ret, POLICY_DOCUMENT_MAX);
	assert_int_equal(policy_encode(&x->s, ret), 0);
}

static inline struct policy *fixture_policy(void)
{
	struct policy *p = NULL;
	struct fixture x;
	struct buf doc;

	fixture_init(&x);
	fixture_encode(&x, &doc);
	assert_int_equal(policy_decode(doc.p, doc.n, &p), 0);
	buf_free(&doc);
	return p;
}

static inline struct value text_value(const char *s)
{
	struct value v = { VALUE_TEXT, (const uint8_t *)s, strlen(s) };

	return v;
}

#endif
