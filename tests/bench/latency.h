/* Latencies of a load generator, and the clock they are taken from: buckets of a 64th of an octave, so within 1.6 %. */
#ifndef CV_BENCH_LATENCY_H
#define CV_BENCH_LATENCY_H

#include <stdint.h>
#include <time.h>

#define LATENCY_PER_OCTAVE 64u

struct latency {
	uint64_t bucket[64 * LATENCY_PER_OCTAVE];
	uint64_t count;		/* the sum of all buckets */
	uint64_t max_ns;
};

/* Nanoseconds of the monotonic clock. */
static inline uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Count one latency of ns nanoseconds. */
static inline void latency_add(struct latency *l, uint64_t ns)
{
	unsigned octave = ns < LATENCY_PER_OCTAVE ? 0 : 63u - (unsigned)__builtin_clzll(ns) - 5u;

	l->bucket[octave * LATENCY_PER_OCTAVE + (ns >> octave)]++;
	l->count++;
	if (ns > l->max_ns)
		l->max_ns = ns;
}

/* The latency in microseconds that the given share (0 to 1) of those counted stays below. */
static inline double latency_us(const struct latency *l, double quantile)
{
	uint64_t want = (uint64_t)(quantile * (double)l->count), seen = 0;

	for (unsigned i = 0; i < 64 * LATENCY_PER_OCTAVE; i++) {
		seen += l->bucket[i];
		if (seen > want) {
			unsigned octave = i / LATENCY_PER_OCTAVE;

			return ((double)(i % LATENCY_PER_OCTAVE) + 0.5) * (double)(1ull << octave) / 1e3;
		}
	}
	return (double)l->max_ns / 1e3;
}

#endif
