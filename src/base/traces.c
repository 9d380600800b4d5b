#include "base/traces.h"

#include <stdint.h>

#include "base/buf.h"

#define DEPTH 65536

#if defined(__x86_64__)
/* Registers 16 to 31 exist with AVX-512 only; vzeroall clears the whole of 0 to 15. */
__attribute__((target("avx512f"))) static void wipe_high_registers(void)
{
	__asm__ volatile(
	    "vpxorq %%zmm16,%%zmm16,%%zmm16\n\tvpxorq %%zmm17,%%zmm17,%%zmm17\n\tvpxorq %%zmm18,%%zmm18,%%zmm18\n\t"
	    "vpxorq %%zmm19,%%zmm19,%%zmm19\n\tvpxorq %%zmm20,%%zmm20,%%zmm20\n\tvpxorq %%zmm21,%%zmm21,%%zmm21\n\t"
	    "vpxorq %%zmm22,%%zmm22,%%zmm22\n\tvpxorq %%zmm23,%%zmm23,%%zmm23\n\tvpxorq %%zmm24,%%zmm24,%%zmm24\n\t"
	    "vpxorq %%zmm25,%%zmm25,%%zmm25\n\tvpxorq %%zmm26,%%zmm26,%%zmm26\n\tvpxorq %%zmm27,%%zmm27,%%zmm27\n\t"
	    "vpxorq %%zmm28,%%zmm28,%%zmm28\n\tvpxorq %%zmm29,%%zmm29,%%zmm29\n\tvpxorq %%zmm30,%%zmm30,%%zmm30\n\t"
	    "vpxorq %%zmm31,%%zmm31,%%zmm31"
	    ::: "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27",
	    "xmm28", "xmm29", "xmm30", "xmm31");
}

__attribute__((target("avx"))) static void wipe_low_registers(void)
{
	__asm__ volatile("vzeroall" ::: "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
	    "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

static void wipe_registers(void)
{
	if (__builtin_cpu_supports("avx512f"))
		wipe_high_registers();
	if (__builtin_cpu_supports("avx"))
		wipe_low_registers();
}
#else
static void wipe_registers(void) { }
#endif

__attribute__((noinline)) static void wipe_stack(void)
{
	uint8_t dead[DEPTH];

	wipe(dead, sizeof(dead));
}

void traces_wipe(void)
{
	wipe_stack();
	wipe_registers();
}
