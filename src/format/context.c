#include "format/context.h"

#include <string.h>

#include "base/bytes.h"

void context_encode(const struct context *c, uint8_t ret[CONTEXT_BYTES])
{
	memset(ret, 0, CONTEXT_BYTES);
	memcpy(ret, "CVX1", 4);
	ret[4] = (uint8_t)c->kind;
	ret[5] = 1;
	be16_put(ret + 6, 1);
	memcpy(ret + 8, c->vault, 16);
	if (c->entity != NULL)
		memcpy(ret + 24, c->entity, 16);
	be32_put(ret + 40, c->class_key);
	be32_put(ret + 44, c->epoch);
	be32_put(ret + 48, c->generation);
	be32_put(ret + 52, c->field);
	be64_put(ret + 56, c->version);
	if (c->writer != NULL)
		memcpy(ret + 64, c->writer, 16);
	be64_put(ret + 80, c->length);
}
