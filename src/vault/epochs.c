/* Daily keys of the log: further ones before they run out, and days that an operator has to confirm. FORMAT.md 5.4 `epochs`, 9 and 10. */
#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"
#include "vault/vault_internal.h"

#define DAY_MS (24u * 3600 * 1000)
#define RENEW_LEFT 30u	/* with fewer days left the vault renews by itself, rather than stand still after the last */

int epochs_load(struct vault *v)
{
	struct buf row;
	int r;

	buf_init(&row, 64);
	r = vault_meta_get(v, "epochs", &row);
	v->epochs = EPOCHS;
	if (r == 0 && row.n == 4)
		v->epochs = be32_get(row.p);
	if (r == 0 && (row.n != 4 || v->epochs % EPOCHS != 0 || v->epochs == 0 || v->epochs > EPOCHS_MAX))
		r = CV_ERR_FORMAT;
	buf_free(&row);
	if (r != 0 && r != CV_ERR_NOTFOUND)
		return r;
	shred_epochs(v->keys, v->epochs);
	return 0;
}

/* The turn that commits to them. It begins without audit_turn_begin: a log that has used up its days cannot close one. */
static int renew_turn(struct vault *v, const struct buf *keys)
{
	uint8_t body[AUDIT_RENEW_BODY], row[4];
	int r, end;

	audit_renew_body(v->epochs, keys->p, keys->n, body);
	be32_put(row, v->epochs + EPOCHS);
	if ((r = store_turn_begin(v->store)) != 0)
		return r;
	if ((r = vault_system_leaf(v, LEAF_FS_RENEW, body, sizeof(body), false, clock_wall_ms())) == 0)
		r = vault_meta_put(v, "epochs", row, sizeof(row));
	if (r == 0)
		store_commit(v->store);
	else
		store_rollback(v->store);
	end = store_turn_end(v->store);
	audit_turn_end(v->audit, end);
	return r != 0 ? r : end;
}

static uint32_t left(const struct vault *v)
{
	return v->epochs - 1 - keys_fs_epoch(v->keys);
}

/* The keys stand in the file before the leaf that commits to them: a crash in between leaves some that nobody may sign with yet. */
static int renew(struct vault *v)
{
	struct buf keys;
	int r;

	if (v->epochs + EPOCHS > EPOCHS_MAX)
		return CV_ERR_LIMIT;
	buf_init(&keys, EPOCHS * 32);
	if ((r = shred_epoch_keys(v->keys, v->epochs, EPOCHS, &keys)) != 0)
		goto out;
	if ((r = audit_add_epochs(v->audit, v->epochs, keys.p, keys.n)) != 0 || (r = renew_turn(v, &keys)) != 0)
		goto out;
	v->epochs += EPOCHS;
	shred_epochs(v->keys, v->epochs);
	log_info("the log has daily keys for %u days more", left(v));
	r = vault_checkpoint_now(v);
out:
	buf_free(&keys);
	return r;
}

int vault_renew_epochs(struct vault *v, uint32_t *ret_last_day)
{
	int r;

	if (v->state != VAULT_READY || left(v) > EPOCHS)
		return CV_ERR_STATE;
	if ((r = renew(v)) == 0)
		*ret_last_day = (uint32_t)(v->created_ms / DAY_MS) + v->epochs - 1;
	return r;
}

int epochs_renew_due(struct vault *v)
{
	uint32_t missed = audit_missed_days(v->audit, clock_wall_ms());

	return left(v) < RENEW_LEFT || (missed <= AUDIT_START_DAYS && left(v) < missed) ? renew(v) : 0;
}

/* Whether the operator named today, wherever on earth they read the date. */
static bool is_today(uint32_t day)
{
	uint64_t today = clock_wall_ms() / DAY_MS;

	return day + 1u >= today && day <= today + 1u;
}

int vault_confirm_date(struct vault *v, uint32_t day)
{
	uint32_t missed;
	int r;

	if (!is_today(day))
		return CV_ERR_ARG;
	if (v->state == VAULT_SEALED) {
		v->confirmed_day = day;
		return 0;
	}
	if (v->state != VAULT_READY || (missed = audit_missed_days(v->audit, clock_wall_ms())) <= AUDIT_RUNNING_DAYS)
		return CV_ERR_STATE;
	if ((r = audit_confirm_days(v->audit, v->store, clock_wall_ms())) == 0)
		log_info("%u days were closed after the operator confirmed the date", missed);
	return r;
}

/* What a renewal left in the list that a crash kept from being committed to. */
static int drop_surplus(struct vault *v)
{
	return audit_add_epochs(v->audit, v->epochs, NULL, 0);
}

int epochs_start(struct vault *v)
{
	uint64_t now_ms = clock_wall_ms();
	uint32_t missed = audit_missed_days(v->audit, now_ms);
	bool confirmed = v->confirmed_day != 0 && is_today(v->confirmed_day);
	int r;

	v->confirmed_day = 0;
	if ((r = drop_surplus(v)) != 0 || (r = epochs_renew_due(v)) != 0)
		return r;
	if (confirmed && missed > AUDIT_START_DAYS)
		r = audit_confirm_days(v->audit, v->store, now_ms);
	else
		r = audit_catch_up(v->audit, v->store, now_ms);
	if (r == CV_ERR_STATE)
		log_error("%u days lie between the log's last one and this machine's clock: set the clock right, or confirm the date with "
		    "childvault audit date", missed);
	return r;
}
