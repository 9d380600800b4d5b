/* The work list, governance objects and the policy. */
#include <string.h>

#include "base/error.h"
#include "client/client_internal.h"

#define TARGET_MAX 8192u
#define JSON_MAX (3u << 19)	/* more than the daemon takes, so that it is the daemon who refuses */

/* ---- targets ------------------------------------------------------------------------------------------------------- */

static void put_param(struct buf *target, bool *first, const char *name, const char *value)
{
	if (value == NULL)
		return;
	buf_text(target, *first ? "?" : "&");
	*first = false;
	buf_text(target, name);
	buf_u8(target, '=');
	client_http_encode(target, value);
}

static void put_filter(struct buf *target, const struct childvault_filter *f)
{
	bool first = true;

	if (f == NULL)
		return;
	put_param(target, &first, "area", f->area);
	put_param(target, &first, "due", f->due);
	put_param(target, &first, "state", f->state);
	put_param(target, &first, "principal", f->principal);
	put_param(target, &first, "record", f->record);
	put_param(target, &first, "waiting", f->waiting);
	if (f->limit != 0) {
		buf_printf(target, "%slimit=%u", first ? "?" : "&", f->limit);
		first = false;
	}
	put_param(target, &first, "cursor", f->cursor);
}

/* A name that stands in a path: nothing in it can lead elsewhere. */
static bool is_word(const char *s)
{
	return s != NULL && s[0] != 0 && strlen(s) <= 32 && strspn(s, "abcdefghijklmnopqrstuvwxyz") == strlen(s);
}

static void put_object(struct buf *target, const char *collection, const char *id)
{
	buf_text(target, "/v1/");
	buf_text(target, collection);
	if (id != NULL) {
		buf_u8(target, '/');
		buf_text(target, id);
	}
}

static int send_json(struct childvault *cv, const char *json)
{
	struct buf body;
	int r;

	if (json == NULL)
		return client_finish(cv, NULL, NULL, false);
	buf_init(&body, JSON_MAX);
	buf_text(&body, json);
	r = buf_ok(&body) ? client_finish(cv, "application/json", &body, false) : client_fail_local(cv, CV_ERR_ARG);
	buf_free(&body);
	return r;
}

/* ---- calls ---------------------------------------------------------------------------------------------------------- */

int childvault_list(struct childvault *cv, const struct childvault_with *with, const struct childvault_filter *filter)
{
	struct buf target;
	int r;

	buf_init(&target, TARGET_MAX);
	buf_text(&target, "/v1/records");
	put_filter(&target, filter);
	r = client_get_target(cv, &target, with);
	buf_free(&target);
	return r;
}

int childvault_make(struct childvault *cv, const struct childvault_with *with, const char *collection, const char *json)
{
	struct buf target;
	int r;

	if (!is_word(collection) || json == NULL)
		return client_fail_local(cv, CV_ERR_ARG);
	buf_init(&target, TARGET_MAX);
	put_object(&target, collection, NULL);
	if ((r = client_begin_target(cv, "POST", &target, with)) == CHILDVAULT_OK && (r = send_json(cv, json)) == CHILDVAULT_OK)
		r = client_take_location(cv, collection);
	buf_free(&target);
	return r;
}

int childvault_object(struct childvault *cv, const char *collection, const char *id)
{
	struct buf target;
	int r;

	if (!is_word(collection) || id == NULL || !client_is_id(id))
		return client_fail_local(cv, CV_ERR_ARG);
	buf_init(&target, TARGET_MAX);
	put_object(&target, collection, id);
	r = client_get_target(cv, &target, NULL);
	buf_free(&target);
	return r;
}

int childvault_objects(struct childvault *cv, const char *collection, const struct childvault_filter *filter)
{
	struct buf target;
	int r;

	if (!is_word(collection))
		return client_fail_local(cv, CV_ERR_ARG);
	buf_init(&target, TARGET_MAX);
	put_object(&target, collection, NULL);
	put_filter(&target, filter);
	r = client_get_target(cv, &target, NULL);
	buf_free(&target);
	return r;
}

int childvault_act(struct childvault *cv, const struct childvault_with *with, const char *collection, const char *id, const char *action,
    const char *json)
{
	struct buf target;
	int r;

	if (!is_word(collection) || id == NULL || !client_is_id(id) || !is_word(action))
		return client_fail_local(cv, CV_ERR_ARG);
	buf_init(&target, TARGET_MAX);
	put_object(&target, collection, id);
	buf_u8(&target, ':');
	buf_text(&target, action);
	if ((r = client_begin_target(cv, "POST", &target, with)) == CHILDVAULT_OK)
		r = send_json(cv, json);
	buf_free(&target);
	return r;
}

int childvault_directory(struct childvault *cv) { return client_get_simple(cv, "/v1/sys/directory"); }
int childvault_policy(struct childvault *cv) { return client_get_simple(cv, "/v1/sys/policy"); }
