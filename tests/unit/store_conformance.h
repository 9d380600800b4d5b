/*
 * What every engine behind store/store.h has to do. An engine's own test gives four functions and runs the suite.
 */
#ifndef CV_TESTS_STORE_CONFORMANCE_H
#define CV_TESTS_STORE_CONFORMANCE_H

#include <stdbool.h>

struct store;

struct store_engine {
	const char *name;
	/* A fresh, empty place for a store; dispose removes it and what is in it. */
	void *(*place)(void);
	void (*dispose)(void *place);
	/* Open and replay the store of a place, made at the first call; must not fail. */
	struct store *(*open)(void *place);
	/* End the store as a killed process would: nothing is flushed or closed properly. */
	void (*kill)(void *place, struct store *s);
	/* Leaves that reached the log of the place so far, and the hash of all of them in order. */
	void (*log)(void *place, unsigned long long *ret_leaves, unsigned long long *ret_hash);
};

/* FNV-1a over a leaf's length and bytes, going on from hash (0 at the start): what log answers for its leaves. */
unsigned long long store_leaf_hash(unsigned long long hash, const void *p, unsigned long n);

/* Run all tests against e; the number of failed ones. */
int store_conformance_run(const struct store_engine *e);

#endif
