#include "front/openapi.h"

/*
 * The assembler takes the document in as it stands, relative to the folder make runs in, so that what is served and what is
 * published cannot differ. The Makefile names the file as a prerequisite of this object.
 */
__asm__(".pushsection .rodata\n"
	".global openapi_json, openapi_json_end\n"
	"openapi_json:\n"
	".incbin \"docs/openapi.json\"\n"
	"openapi_json_end:\n"
	".byte 0\n"
	".popsection\n");
