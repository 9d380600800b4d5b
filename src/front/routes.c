#include <string.h>

#include "base/text.h"
#include "format/wire_gov.h"
#include "front/exchange.h"

#define RECORD_PARAMS (PARAM_FIELDS | PARAM_VIEW)
#define LIST_PARAMS (PARAM_AREA | PARAM_DUE | PARAM_STATE | PARAM_LIMIT | PARAM_CURSOR)
#define ACCESS_PARAMS (PARAM_FOR | PARAM_COSIGNED | PARAM_FROM | PARAM_TO | PARAM_LIMIT | PARAM_CURSOR)
#define EVENTS_PARAMS (PARAM_FROM | PARAM_LIMIT | PARAM_KEYS | PARAM_PRINCIPAL | PARAM_RECORD | PARAM_KIND | PARAM_PURPOSE | \
    PARAM_SINCE | PARAM_UNTIL | PARAM_CURSOR)
#define GOV_PARAMS (PARAM_STATE | PARAM_PRINCIPAL | PARAM_RECORD | PARAM_WAITING | PARAM_LIMIT | PARAM_CURSOR)

/* The calls of docs/PROTOCOL.md section 2. The order is of use only: the most frequent first. */
static const struct route routes[] = {
	{ METHOD_GET, "/v1/records/*", MSG_READ, RECORD_PARAMS | PARAM_PROVENANCE, MEDIA_NONE, MEDIA_JSON, ROUTE_EXPORTS, build_read,
	    render_read },
	{ METHOD_PATCH, "/v1/records/*", MSG_PATCH, 0, MEDIA_MERGE_PATCH, MEDIA_NONE, ROUTE_MATCHES, build_patch, render_patch },
	{ METHOD_POST, "/v1/records", MSG_CREATE, 0, MEDIA_JSON, MEDIA_JSON, ROUTE_CREATES, build_create, render_create },
	{ METHOD_POST, "/v1/records:import", MSG_CREATE, PARAM_FROM, MEDIA_LINES, MEDIA_LINES, ROUTE_CREATES | ROUTE_STREAMS, build_create,
	    render_nothing },
	{ METHOD_POST, "/v1/records:search", MSG_SEARCH, 0, MEDIA_JSON, MEDIA_JSON, 0, build_search, render_search },
	{ METHOD_POST, "/v1/records:export", MSG_GOV_GET, 0, MEDIA_JSON, MEDIA_LINES, ROUTE_EXPORT, build_export, render_nothing },
	{ METHOD_GET, "/v1/records", MSG_LIST, LIST_PARAMS, MEDIA_NONE, MEDIA_JSON, ROUTE_EXPORTS, build_list, render_list },
	{ METHOD_GET, "/v1/records/*/history", MSG_HISTORY, RECORD_PARAMS | PARAM_LIMIT | PARAM_BEFORE, MEDIA_NONE, MEDIA_JSON, 0,
	    build_history, render_history },
	{ METHOD_GET, "/v1/records/*/accesses", MSG_ACCESSES, ACCESS_PARAMS, MEDIA_NONE, MEDIA_JSON, 0, build_accesses, render_accesses },
	{ METHOD_GET, "/v1/@/*", MSG_GOV_GET, 0, MEDIA_NONE, MEDIA_JSON, 0, build_gov_get, render_gov_object },
	{ METHOD_GET, "/v1/@", MSG_GOV_LIST, GOV_PARAMS, MEDIA_NONE, MEDIA_JSON, 0, build_gov_list, render_gov_list },
	{ METHOD_POST, "/v1/@", MSG_GOV_CREATE, 0, MEDIA_JSON, MEDIA_JSON, 0, build_gov_create, render_gov_create },
	{ METHOD_POST, "/v1/@/*:!", MSG_GOV_ACT, 0, MEDIA_JSON, MEDIA_JSON, ROUTE_BODY_OPTIONAL, build_gov_act, render_gov_object },
	{ METHOD_POST, "/v1/sessions", MSG_HELLO, 0, MEDIA_JSON, MEDIA_JSON, 0, build_hello, render_hello },
	{ METHOD_PUT, "/v1/sessions/*", MSG_ACTIVATE, 0, MEDIA_JSON, MEDIA_JSON, 0, build_activate, render_activate },
	{ METHOD_DELETE, "/v1/sessions/current", MSG_LOGOUT, 0, MEDIA_NONE, MEDIA_NONE, 0, build_envelope, render_nothing },
	{ METHOD_GET, "/v1/audit/events", MSG_EVENTS, EVENTS_PARAMS, MEDIA_NONE, MEDIA_JSON, 0,
	    build_events, render_events },
	{ METHOD_GET, "/v1/audit/checkpoint", MSG_CHECKPOINT, 0, MEDIA_NONE, MEDIA_TEXT, 0, build_envelope, render_bytes },
	{ METHOD_GET, "/v1/audit/proof", MSG_PROOF, PARAM_FROM | PARAM_TO | PARAM_INDEX, MEDIA_NONE, MEDIA_TEXT, 0, build_proof,
	    render_bytes },
	{ METHOD_POST, "/v1/audit/cosignatures", MSG_COSIGN, 0, MEDIA_TEXT, MEDIA_JSON, 0, build_cosign, render_cosign },
	{ METHOD_GET, "/v1/audit/cosigned", MSG_COSIGNED, 0, MEDIA_NONE, MEDIA_TEXT, 0, build_envelope, render_bytes },
	{ METHOD_GET, "/v1/audit/vkey", MSG_VKEY, 0, MEDIA_NONE, MEDIA_TEXT, 0, build_envelope, render_bytes },
	{ METHOD_GET, "/v1/audit/tile/>", MSG_TILE, 0, MEDIA_NONE, MEDIA_OCTETS, 0, build_tile, render_bytes },
	{ METHOD_GET, "/v1/sys/policy", MSG_POLICY, 0, MEDIA_NONE, MEDIA_OCTETS, 0, build_envelope, render_bytes },
	{ METHOD_GET, "/v1/sys/directory", MSG_DIRECTORY, 0, MEDIA_NONE, MEDIA_OCTETS, 0, build_envelope, render_bytes },
	{ METHOD_GET, "/v1/sys/health", MSG_HEALTH, PARAM_SEALED_OK, MEDIA_NONE, MEDIA_JSON, 0, build_nothing, render_health },
	{ METHOD_GET, "/v1/sys/metrics", MSG_METRICS, 0, MEDIA_NONE, MEDIA_METRICS, 0, build_nothing, render_bytes },
	{ METHOD_GET, "/v1/sys/version", 0, 0, MEDIA_NONE, MEDIA_JSON, 0, NULL, render_version },
	{ METHOD_GET, "/v1/sys/limits", 0, 0, MEDIA_NONE, MEDIA_JSON, 0, NULL, render_limits },
	{ METHOD_GET, "/v1/openapi.json", 0, 0, MEDIA_NONE, MEDIA_JSON, 0, NULL, render_openapi },
};

/* Collections of governance objects, docs/POLICY.md section 5. Grants come of requests only, members and keys of the directory. */
static const struct {
	const char *name;
	bool made;
} collections[] = {
	{ "requests", true }, { "assignments", true }, { "grants", false }, { "delegations", true }, { "jobs", true }, { "members", false },
	{ "keys", false }, { "reviews", true }, { "monthkeys", true }, { "intakes", false },
};

/* What a path names. */
struct named {
	uint8_t id[16];
	const char *collection;
	bool made;		/* the collection's objects are made by POST */
	size_t action_at, action_n, tail_at;
};

/* The collection that path begins with, up to its end or the next '/'. Answers its bytes, 0: none. */
static size_t take_collection(const char *path, size_t n, struct named *ret)
{
	for (size_t i = 0; i < sizeof(collections) / sizeof(collections[0]); i++) {
		size_t len = strlen(collections[i].name);

		if (n < len || memcmp(path, collections[i].name, len) != 0 || (n > len && path[len] != '/'))
			continue;
		ret->collection = collections[i].name;
		ret->made = collections[i].made;
		return len;
	}
	return 0;
}

/* Bytes of an action's name, which is of [a-z]+, at the start of path. */
static size_t take_action(const char *path, size_t n)
{
	size_t i = 0;

	while (i < n && path[i] >= 'a' && path[i] <= 'z')
		i++;
	return i <= WIRE_COLLECTION_MAX ? i : 0;
}

/* Read what a letter of a pattern stands for from path at i. Answers its bytes, 0: it is not there. */
static size_t take_part(char part, const char *path, size_t n, size_t i, struct named *ret)
{
	if (part == '*')
		return n - i >= 32 && hex_decode(path + i, 32, ret->id, 16) == 0 ? 32 : 0;
	if (part == '@')
		return take_collection(path + i, n - i, ret);
	if (part == '!') {
		ret->action_at = i;
		ret->action_n = take_action(path + i, n - i);
		return ret->action_n;
	}
	return i < n && path[i] == part ? 1 : 0;
}

/* Whether the n bytes at path are of pattern. */
static bool fits(const char *pattern, const char *path, size_t n, struct named *ret)
{
	size_t i = 0, step;

	for (; *pattern != '\0'; pattern++) {
		if (*pattern == '>') {
			ret->tail_at = i;
			return true;
		}
		if ((step = take_part(*pattern, path, n, i, ret)) == 0)
			return false;
		i += step;
	}
	return i == n;
}

void route_find(struct exchange *x, uint8_t method, const char *path, size_t n, size_t path_at)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		struct named named = { .tail_at = n };

		if (!fits(routes[i].path, path, n, &named) || (routes[i].message == MSG_GOV_CREATE && !named.made))
			continue;
		x->allow |= routes[i].method;
		if (routes[i].method != method)
			continue;
		x->route = &routes[i];
		memcpy(x->id, named.id, sizeof(x->id));
		x->collection = named.collection;
		x->action = (struct span){ (uint32_t)(path_at + named.action_at), (uint32_t)named.action_n };
		x->tail = (struct span){ (uint32_t)(path_at + named.tail_at), (uint32_t)(n - named.tail_at) };
		return;
	}
}
