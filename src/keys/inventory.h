/* What the directory says of the keys of roles and classes, for the inventory: numbers and times, neither keys nor persons. */
#ifndef CV_KEYS_INVENTORY_H
#define CV_KEYS_INVENTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct keys;
struct store;

/* An ordinary role in its newest epoch. */
struct inventory_role {
	uint16_t role;
	uint32_t epoch;
	uint64_t made_ms;		/* when its change set was */
	unsigned needed;		/* custodians whose shares give its key; 0: nobody's do */
};
/* The next one from place *at (0: the first) on, which moves behind it; false behind the last. Ascending roles. */
bool inventory_role(const struct keys *k, size_t *at, struct inventory_role *ret);
/* How many members the role epoch has who may act. */
unsigned inventory_members(const struct keys *k, uint16_t role, uint32_t epoch, uint64_t now_ms);
/* How many personal roles there are, each in its newest epoch. */
unsigned inventory_personal(const struct keys *k);
/* When the oldest of them was made, ms; 0: there is none. */
uint64_t inventory_personal_ms(const struct keys *k);

struct inventory_class {
	uint32_t class_key;
	uint32_t epoch;
	uint64_t made_ms;
	bool newest;			/* else one that newer ones followed: records may still be under it */
	unsigned roles;			/* that hold it in their newest epochs */
};
/* The next class epoch, as inventory_role. Ascending classes, then epochs. */
bool inventory_class(const struct keys *k, size_t *at, struct inventory_class *ret);

/* Who has shares of a role epoch's key. */
struct inventory_custody {
	unsigned holding;		/* custodians who may act and have one */
	unsigned without;		/* custodians who may act and have none */
	unsigned left;			/* shares of who is removed or past their dates */
};
/* Count them. 0 or CV_ERR_IO. */
int inventory_custody(const struct keys *k, struct store *s, uint16_t role, uint32_t epoch, uint64_t now_ms,
    struct inventory_custody *ret);

#endif
