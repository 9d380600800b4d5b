/* docs/openapi.json, built into the program. */
#ifndef CV_FRONT_OPENAPI_H
#define CV_FRONT_OPENAPI_H

#include <stdint.h>

/* The document's bytes, from openapi_json up to but without openapi_json_end. */
extern const uint8_t openapi_json[], openapi_json_end[];

#endif
