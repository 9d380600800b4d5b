#include "client/events.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"

#define FIELDS_TEXT_MAX 65536u
#define BODY_MAX 65535u

struct client_events {
	json_t *json;			/* texts of details point into it */
	uint64_t size, next;
	unsigned count;
	struct client_event *event;
	uint8_t **leaf;			/* bytes of each entry */
	char **fields;			/* joined names of each entry, or NULL */
	size_t segments, people;
	struct auditor_segment *segment;
	struct client_person *person;
	uint8_t *policy;
	size_t policy_n;
};

void client_events_free(struct client_events *e)
{
	if (e == NULL)
		return;
	for (unsigned i = 0; i < e->count; i++) {
		if (e->leaf != NULL)
			free(e->leaf[i]);
		if (e->fields != NULL)
			free(e->fields[i]);
	}
	if (e->segment != NULL)
		wipe(e->segment, e->segments * sizeof *e->segment);
	if (e->person != NULL)
		wipe(e->person, e->people * sizeof *e->person);
	if (e->event != NULL)
		wipe(e->event, e->count * sizeof *e->event);
	json_decref(e->json);
	free(e->leaf);
	free(e->fields);
	free(e->event);
	free(e->segment);
	free(e->person);
	free(e->policy);
	free(e);
}

/* ---- pieces of JSON ----------------------------------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *name)
{
	const char *s = json_string_value(json_object_get(object, name));

	return s != NULL ? s : "";
}

static int number_of(const json_t *object, const char *name, uint64_t *ret)
{
	const json_t *v = json_object_get(object, name);

	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return CV_ERR_FORMAT;
	*ret = (uint64_t)json_integer_value(v);
	return 0;
}

/* Decode a base64 member into memory of its own. */
static int bytes_of(const json_t *v, size_t max, uint8_t **ret, size_t *ret_n)
{
	size_t n = json_string_length(v), got = 0;
	uint8_t *p;

	if (!json_is_string(v) || n / 4 * 3 > max + 2)
		return CV_ERR_FORMAT;
	if ((p = malloc(n / 4 * 3 + 1)) == NULL)
		return CV_ERR_NOMEM;
	if (b64_decode(B64_STD, json_string_value(v), n, p, n / 4 * 3 + 1, &got) != 0) {
		free(p);
		return CV_ERR_FORMAT;
	}
	*ret = p;
	*ret_n = got;
	return 0;
}

static int id_of(const json_t *object, const char *name, uint8_t ret[16])
{
	const json_t *v = json_object_get(object, name);

	return json_is_string(v) ? hex_decode(json_string_value(v), json_string_length(v), ret, 16) : CV_ERR_FORMAT;
}

/* Names joined by commas. */
static int join(const json_t *names, char **ret)
{
	struct buf b;
	int r = CV_ERR_NOMEM;

	buf_init(&b, FIELDS_TEXT_MAX);
	for (size_t i = 0; i < json_array_size(names); i++) {
		const char *s = json_string_value(json_array_get(names, i));

		if (i != 0)
			buf_u8(&b, ',');
		buf_text(&b, s != NULL ? s : "?");
	}
	buf_u8(&b, 0);
	if (buf_ok(&b) && (*ret = strdup((const char *)b.p)) != NULL)
		r = 0;
	buf_free(&b);
	return r;
}

/* ---- segments and people -------------------------------------------------------------------------------------------- */

static int open_segment(const json_t *v, const uint8_t vault[16], const struct client_key *key, struct auditor_segment *ret)
{
	const char *month_text = text_of(v, "month");
	uint8_t id[16], *sealed = NULL;
	uint32_t month = 0;
	size_t n = 0;
	int r;

	if (month_text[0] != 0 && (r = months_parse(month_text, strlen(month_text), &month)) != 0)
		return r;
	if ((r = id_of(v, "segment", id)) != 0 || (r = bytes_of(json_object_get(v, "sealed"), AUDITOR_SEALED_KEY, &sealed, &n)) != 0)
		return r;
	r = n == AUDITOR_SEALED_KEY ? auditor_segment_open(key, vault, id, month, sealed, ret) : CV_ERR_FORMAT;
	free(sealed);
	return r;
}

static int open_segments(struct client_events *e, const uint8_t vault[16], const struct client_key *key)
{
	const json_t *list = json_object_get(e->json, "segments");
	size_t n = json_array_size(list);
	int r = 0;

	if (n != 0 && (e->segment = calloc(n, sizeof *e->segment)) == NULL)
		return CV_ERR_NOMEM;
	/* One of a month that the key does not hold is left out: its entries stay closed. */
	for (size_t i = 0; i < n && (r == 0 || r == CV_ERR_NOKEY); i++)
		if ((r = open_segment(json_array_get(list, i), vault, key, &e->segment[e->segments])) == 0)
			e->segments++;
	return r == CV_ERR_NOKEY ? 0 : r;
}

static int open_person(const json_t *v, const uint8_t vault[16], const struct client_key *key, struct client_person *ret)
{
	uint8_t principal[16], *sealed = NULL;
	size_t n = 0;
	int r;

	if ((r = id_of(v, "principal", principal)) != 0 ||
	    (r = bytes_of(json_object_get(v, "sealed"), AUDITOR_PERSON_MAX, &sealed, &n)) != 0)
		return r;
	r = auditor_person_open(key, vault, principal, sealed, n, ret);
	free(sealed);
	return r;
}

static int open_people(struct client_events *e, const uint8_t vault[16], const struct client_key *key)
{
	const json_t *list = json_object_get(e->json, "people");
	size_t n = json_array_size(list);
	int r = 0;

	if (n != 0 && (e->person = calloc(n, sizeof *e->person)) == NULL)
		return CV_ERR_NOMEM;
	for (; e->people < n && r == 0; e->people++)
		r = open_person(json_array_get(list, e->people), vault, key, &e->person[e->people]);
	return r;
}

/* ---- entries ----------------------------------------------------------------------------------------------------------- */

/* Body A, sealed under the turn's key. An entry in clear, or of a segment not given, stays closed. */
static int open_body(struct client_events *e, struct client_event *v)
{
	const struct leaf *l = &v->leaf;
	int r;

	if ((l->flags & LEAF_CLEAR) != 0)
		return 0;
	for (size_t i = 0; i < e->segments; i++) {
		if (memcmp(e->segment[i].id, l->segment, 16) != 0)
			continue;
		r = auditor_body_open(auditor_segment_key(&e->segment[i], l->turn), l, &v->actor, &v->has_ids, &v->ids);
		v->opened = r == 0;
		return r;
	}
	return 0;
}

static int take_detail(struct client_events *e, unsigned i, const json_t *d)
{
	struct client_detail *t = &e->event[i].detail;
	int r;

	if (!json_is_object(d))
		return 0;
	if ((r = join(json_object_get(d, "fields"), &e->fields[i])) != 0)
		return r;
	*t = (struct client_detail){ .record = text_of(d, "record"), .view = text_of(d, "view"), .role = text_of(d, "role"),
		.department = text_of(d, "department"), .purpose = text_of(d, "purpose"), .outcome = text_of(d, "outcome"),
		.case_text = text_of(d, "case"), .reason = text_of(d, "reason"), .fields = e->fields[i] };
	(void)number_of(d, "count", &t->count);	/* absent: none */
	e->event[i].has_detail = true;
	return 0;
}

static int take_event(struct client_events *e, unsigned i, const json_t *v)
{
	size_t n = 0;
	int r;

	if ((r = bytes_of(json_object_get(v, "leaf"), BODY_MAX, &e->leaf[i], &n)) != 0 ||
	    (r = leaf_decode(e->leaf[i], n, &e->event[i].leaf)) != 0 || (r = open_body(e, &e->event[i])) != 0)
		return r;
	return take_detail(e, i, json_object_get(v, "detail"));
}

static int take_events(struct client_events *e)
{
	const json_t *list = json_object_get(e->json, "events");
	size_t n = json_array_size(list);
	int r = 0;

	if (!json_is_array(list) || n > 1000)
		return CV_ERR_FORMAT;
	if (n == 0)
		return 0;
	e->event = calloc(n, sizeof *e->event);
	e->leaf = calloc(n, sizeof *e->leaf);
	e->fields = calloc(n, sizeof *e->fields);
	if (e->event == NULL || e->leaf == NULL || e->fields == NULL)
		return CV_ERR_NOMEM;
	e->count = (unsigned)n;
	for (unsigned i = 0; i < e->count && r == 0; i++)
		r = take_event(e, i, json_array_get(list, i));
	return r;
}

int client_events_open(const char *json, size_t n, const uint8_t vault[16], const struct client_key *key,
    struct client_events **ret)
{
	struct client_events *e = calloc(1, sizeof *e);
	const json_t *policy;
	int r = CV_ERR_FORMAT;

	if (e == NULL)
		return CV_ERR_NOMEM;
	if ((e->json = json_loadb(json, n, JSON_REJECT_DUPLICATES, NULL)) == NULL ||
	    number_of(e->json, "size", &e->size) != 0 || number_of(e->json, "next", &e->next) != 0)
		goto out;
	if ((r = open_segments(e, vault, key)) != 0 || (r = open_people(e, vault, key)) != 0 || (r = take_events(e)) != 0)
		goto out;
	if ((policy = json_object_get(e->json, "policy")) != NULL &&
	    (r = bytes_of(policy, (size_t)1 << 20, &e->policy, &e->policy_n)) != 0)
		goto out;
	*ret = e;
	e = NULL;	/* transferred */
out:
	client_events_free(e);
	return r;
}

unsigned client_events_count(const struct client_events *e) { return e->count; }
const struct client_event *client_events_at(const struct client_events *e, unsigned i) { return &e->event[i]; }
uint64_t client_events_size(const struct client_events *e) { return e->size; }
uint64_t client_events_next(const struct client_events *e) { return e->next; }
const char *client_events_cursor(const struct client_events *e) { return text_of(e->json, "cursor"); }

const struct client_person *client_events_person(const struct client_events *e, const uint8_t principal[16])
{
	for (size_t i = 0; i < e->people; i++)
		if (memcmp(e->person[i].principal, principal, 16) == 0)
			return &e->person[i];
	return NULL;
}

const uint8_t *client_events_policy(const struct client_events *e, size_t *ret_n)
{
	*ret_n = e->policy_n;
	return e->policy;
}
