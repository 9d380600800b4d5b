#include <string.h>

#include "base/text.h"
#include "front/exchange.h"

#define RECORD_PARAMS (PARAM_FIELDS | PARAM_VIEW)

/* The calls of docs/PROTOCOL.md section 2. The order is of use only: the most frequent first. */
static const struct route routes[] = {
	{ METHOD_GET, "/v1/records/*", MSG_READ, RECORD_PARAMS, MEDIA_NONE, MEDIA_JSON, false, false, build_read, render_read },
	{ METHOD_PATCH, "/v1/records/*", MSG_PATCH, 0, MEDIA_MERGE_PATCH, MEDIA_NONE, false, true, build_patch, render_patch },
	{ METHOD_POST, "/v1/records", MSG_CREATE, 0, MEDIA_JSON, MEDIA_JSON, true, false, build_create, render_create },
	{ METHOD_GET, "/v1/records/*/history", MSG_HISTORY, RECORD_PARAMS | PARAM_LIMIT | PARAM_BEFORE, MEDIA_NONE, MEDIA_JSON, false,
	    false, build_history, render_history },
	{ METHOD_POST, "/v1/sessions", MSG_HELLO, 0, MEDIA_JSON, MEDIA_JSON, false, false, build_hello, render_hello },
	{ METHOD_PUT, "/v1/sessions/*", MSG_ACTIVATE, 0, MEDIA_JSON, MEDIA_JSON, false, false, build_activate, render_activate },
	{ METHOD_DELETE, "/v1/sessions/current", MSG_LOGOUT, 0, MEDIA_NONE, MEDIA_NONE, false, false, build_envelope,
	    render_nothing },
	{ METHOD_GET, "/v1/audit/events", MSG_EVENTS, PARAM_FROM | PARAM_LIMIT | PARAM_KEYS, MEDIA_NONE, MEDIA_JSON, false, false,
	    build_events, render_events },
	{ METHOD_GET, "/v1/audit/checkpoint", MSG_CHECKPOINT, 0, MEDIA_NONE, MEDIA_TEXT, false, false, build_envelope,
	    render_bytes },
	{ METHOD_GET, "/v1/audit/tile/>", MSG_TILE, 0, MEDIA_NONE, MEDIA_OCTETS, false, false, build_tile, render_bytes },
	{ METHOD_GET, "/v1/sys/health", MSG_HEALTH, PARAM_SEALED_OK, MEDIA_NONE, MEDIA_JSON, false, false, build_nothing,
	    render_health },
	{ METHOD_GET, "/v1/sys/metrics", MSG_METRICS, 0, MEDIA_NONE, MEDIA_METRICS, false, false, build_nothing, render_bytes },
	{ METHOD_GET, "/v1/sys/version", 0, 0, MEDIA_NONE, MEDIA_JSON, false, false, NULL, render_version },
	{ METHOD_GET, "/v1/sys/limits", 0, 0, MEDIA_NONE, MEDIA_JSON, false, false, NULL, render_limits },
	{ METHOD_GET, "/v1/openapi.json", 0, 0, MEDIA_NONE, MEDIA_JSON, false, false, NULL, render_openapi },
};

/* Whether the n bytes at path are of pattern; *ret_id and *ret_tail (bytes left for '>') are written on the way. */
static bool fits(const char *pattern, const char *path, size_t n, uint8_t ret_id[16], size_t *ret_tail)
{
	size_t i = 0;

	for (; *pattern != '\0'; pattern++) {
		if (*pattern == '>') {
			*ret_tail = n - i;
			return true;
		}
		if (*pattern == '*') {
			if (n - i < 32 || hex_decode(path + i, 32, ret_id, 16) != 0)
				return false;
			i += 32;
		} else if (i == n || path[i++] != *pattern) {
			return false;
		}
	}
	return i == n;
}

void route_find(struct exchange *x, uint8_t method, const char *path, size_t n, size_t path_at)
{
	size_t tail = 0;

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (!fits(routes[i].path, path, n, x->id, &tail))
			continue;
		x->allow |= routes[i].method;
		if (routes[i].method != method)
			continue;
		x->route = &routes[i];
		x->tail = (struct span){ (uint32_t)(path_at + n - tail), (uint32_t)tail };
		return;
	}
}
