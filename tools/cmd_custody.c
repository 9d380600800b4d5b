/* childvault custody: custodians open their shares of role keys for a signed operation; roles are shared anew. docs/FORMAT.md 5.5. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"
#include "format/context.h"
#include "pages.h"
#include "signing.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])
#define SHARE_ROW (2u + 4 + 1 + DIR_WRAP)	/* u16 role, u32 epoch, u8 index, PKSEAL */
#define SHARES_MAX (CUSTODY_ROLES * SHARE_ROW)

/* ---- custody give ------------------------------------------------------------------------------------------------------ */

/* Open one of the custodian's shares and seal it to the ceremony. */
static int reseal(const struct signing *s, struct rd *rows, const uint8_t pk[32], uint8_t ret[DIR_WRAP])
{
	const uint8_t *vault = s->reading.op.head.vault;
	uint16_t role = rd_u16(rows);
	uint32_t epoch = rd_u32(rows);
	uint8_t index = rd_u8(rows), share[32], request[16], ctx[CONTEXT_BYTES];
	const uint8_t *sealed = rd_take(rows, DIR_WRAP);
	int r = CV_ERR_FORMAT;

	if (sealed == NULL || hex_decode(s->id, 32, request, 16) != 0)
		goto out;
	context_encode(&(struct context){ .kind = CONTEXT_SHARE, .vault = vault, .entity = s->key.principal, .epoch = epoch, .field = role,
	    .version = index, .length = sizeof share }, ctx);
	if ((r = crypto_pkopen(s->key.box_sk, ctx, sealed, DIR_WRAP, share)) != 0)
		goto out;
	context_encode(&(struct context){ .kind = CONTEXT_CEREMONY, .vault = vault, .entity = request, .epoch = epoch, .field = role,
	    .version = index, .writer = s->key.principal, .length = sizeof share }, ctx);
	r = crypto_pkseal(pk, ctx, share, sizeof share, ret);
out:
	wipe(share, sizeof share);
	return r;
}

/* From the answer to :open, the shares of exactly the roles that were signed. */
static int make_shares(struct signing *s, uint8_t *ret, size_t *ret_n)
{
	uint8_t rows[SHARES_MAX], pk[32];
	json_t *j = cli_body(s->cv);
	const char *hex = json_text(j, "ceremony");
	size_t n = 0;
	int r = CV_ERR_FORMAT;

	if (strlen(hex) == 64 && hex_decode(hex, 64, pk, 32) == 0 && signing_bytes(j, "shares", rows, sizeof rows, &n) &&
	    n == s->reading.role_count * (size_t)SHARE_ROW) {
		struct rd rd = rd_over(rows, n);

		r = 0;
		for (unsigned i = 0; r == 0 && i < s->reading.role_count; i++) {
			/* Nobody gets a custodian to open the share of a role that the administrators did not sign. */
			if (be16_get(rd.p) != s->reading.roles[i].role || be32_get(rd.p + 2) != s->reading.roles[i].epoch)
				r = CV_ERR_FORMAT;
			else
				r = reseal(s, &rd, pk, ret + (size_t)i * DIR_WRAP);
		}
	}
	*ret_n = s->reading.role_count * (size_t)DIR_WRAP;
	json_decref(j);
	return r == 0 ? 0 : cli_fail(EXIT_FAILED, "the shares do not open with this key: %s", "份额无法用此密钥打开：%s", cv_strerror(r));
}

static int give_shares(struct signing *s)
{
	uint8_t sealed[CUSTODY_ROLES * DIR_WRAP];
	size_t n = 0;
	int code, r;

	if ((r = childvault_act(s->cv, NULL, "requests", s->id, "open", NULL)) != CHILDVAULT_OK)
		return cli_answer_fail(s->cv, r);
	if ((code = make_shares(s, sealed, &n)) != 0)
		return code;
	return signing_act(s, "give", "shares", sealed, n);
}

static int custody_give(int argc, char **argv)
{
	static const struct cli_help help = { "custody give REQUEST --key KEY",
		"Shows what two administrators have signed, opens the custodian's own shares of the role keys it needs here, and\n"
		"gives them sealed to the key of this one ceremony. The vault combines the shares of two custodians, and forgets them\n"
		"after a quarter of an hour.",
		"显示两名管理员签署的操作，在本机打开保管员自己的角色密钥份额，加密交给本次仪式的密钥。库合并两名保管员的份额；一刻钟后作废。" };
	const char *key = NULL;
	uint64_t fd = UINT64_MAX;
	const struct cli_option options[] = {
		{ "key", OPTION_TEXT, &key, "KEY", "the custodian's key file", "保管员的密钥文件" },
		{ "passphrase-fd", OPTION_NUMBER, &fd, "N", "read the passphrase from descriptor N", "从描述符 N 读口令" },
	};
	static struct signing s;
	struct cli_args a;
	int code;

	if (!cli_parse(argc, argv, &help, options, COUNT(options), 1, 1, &a))
		return a.exit;
	if ((code = signing_open(&s, "custody give", key, fd)) == 0 && (code = signing_look(&s, "custody give", a.argv[0], 2)) == 0 &&
	    (code = give_shares(&s)) == 0)
		code = signing_answer(&s);
	signing_close(&s);
	return code;
}

int cmd_custody(int argc, char **argv)
{
	static const struct cli_sub subs[] = {
		{ "give", custody_give, "give a custodian's shares for a signed operation", "保管员为已签署的操作交出份额" },
		{ "reshare", custody_reshare, "share the keys of roles anew among the custodians of today", "在现任保管员之间重新分存角色密钥" },
	};

	return cli_group(argc, argv, subs, COUNT(subs));
}
