/* The checksum CRC-32C (Castagnoli), RFC 3720: against torn and rotten bytes, not against an attacker. */
#ifndef CV_BASE_CRC32C_H
#define CV_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32C of n bytes; 0 for none, 0xE3069283 for "123456789". Pure; any thread. */
uint32_t crc32c(const void *p, size_t n);
/* The same without the processor's instruction for it. */
uint32_t crc32c_portable(const void *p, size_t n);

#endif
