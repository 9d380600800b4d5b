/* Callbacks by which store and audit reach the vault's keys. */
#ifndef CV_VAULT_HOOKS_H
#define CV_VAULT_HOOKS_H

#include "audit/audit.h"
#include "store/store.h"

struct vault;

/* Both hold v as their cookie and use v->keys and v->audit as they stand when called. */
struct store_hooks vault_store_hooks(struct vault *v);
struct audit_hooks vault_audit_hooks(struct vault *v);

#endif
