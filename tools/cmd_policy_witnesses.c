/* childvault policy witnesses: the witnesses of a profile as a C2SP tlog-policy file, for whoever verifies the log or a receipt. */
#include <stdio.h>
#include <string.h>

#include "audit/trust.h"
#include "cli.h"
#include "crypto/crypto.h"
#include "model/model.h"
#include "policy.h"

#define FILE_ROOM (1u << 17)	/* what cli_read_file wants for any file */

static struct vkey key_of(const struct policy_witness *w)
{
	struct vkey k = { .type = NOTE_COSIGNATURE };

	memcpy(k.name, w->name, strlen(w->name));	/* a name of a policy is a key's name: at most 255 bytes */
	memcpy(k.pk, w->pk, 32);
	crypto_note_key_id(k.name, k.type, k.pk, k.key_id);
	return k;
}

static int read_log_key(const char *path, struct vkey *ret)
{
	struct buf b;
	int code;

	buf_init(&b, FILE_ROOM);
	if ((code = cli_read_file(path, &b)) == 0 &&
	    (vkey_decode((const char *)b.p, b.n, NOTE_ED25519, ret) != 0 || !trust_key_ok(ret)))
		code = cli_fail(EXIT_FAILED, "%s is no verifier key of a log", "%s 不是日志的验证公钥", path);
	buf_free(&b);
	return code;
}

int policy_print_witnesses(const struct policy *p, const char *vkey_path)
{
	const struct policy_witnesses *w = policy_witnesses(p);
	struct vkey keys[POLICY_WITNESSES], log;
	struct buf text;
	int code;

	if (vkey_path != NULL && (code = read_log_key(vkey_path, &log)) != 0)
		return code;
	for (unsigned i = 0; i < w->n; i++)
		keys[i] = key_of(&w->witness[i]);
	buf_init(&text, TLOG_POLICY_MAX);
	tlog_policy_encode(vkey_path != NULL ? &log : NULL, keys, w->n, w->quorum, &text);
	code = buf_ok(&text) && fwrite(text.p, 1, text.n, stdout) == text.n ? EXIT_DONE : EXIT_FAILED;
	buf_free(&text);
	return code;
}

void policy_show_witnesses(const struct policy *p)
{
	const struct policy_witnesses *w = policy_witnesses(p);

	if (w->n == 0)
		return;
	(void)printf(tr("\nwitnesses of the log: %u of %u\n", "\n日志见证人：%2$u 名中须有 %1$u 名\n"), w->quorum, w->n);
	for (unsigned i = 0; i < w->n; i++)
		(void)printf("  %s\n", w->witness[i].name);
	for (unsigned i = 0; i < WITNESSED_ACTS; i++)
		if (w->minutes[i] != 0)
			(void)printf(tr("  %s: not without a word of theirs of the last %u minutes\n", "  %s：须在最近 %u 分钟内经见证\n"),
			    witnessed_act_name((enum witnessed_act)i), w->minutes[i]);
}
