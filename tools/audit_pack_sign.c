/* The signature of a yearly pack, by the auditor's own key: a signed note, docs/FORMAT.md section 12. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit_pack.h"
#include "base/error.h"
#include "base/text.h"
#include "client/key.h"
#include "format/keyfile.h"
#include "format/note.h"

#define FIRST_LINE "childvault-pack-1\n"
#define INDENT 1

/* The name under which an auditor signs: the log's, and who. */
static void key_name(const char *origin, const uint8_t principal[16], char ret[NOTE_NAME_MAX + 64])
{
	char hex[33];

	hex_encode(principal, 16, hex);
	snprintf(ret, NOTE_NAME_MAX + 64, "%s/auditor/%s", origin, hex);
}

int pack_sign(const struct gathered *g, const json_t *j, struct buf *ret)
{
	char name[NOTE_NAME_MAX + 64], *text = json_dumps(j, JSON_INDENT(INDENT));
	uint8_t id[4], sig[SIGN_BYTES];
	int r = CV_ERR_NOMEM;

	if (text == NULL)
		return r;
	buf_text(ret, FIRST_LINE);
	buf_text(ret, text);
	buf_text(ret, "\n");
	if (!buf_ok(ret) || ret->n > NOTE_MAX - 1024) {
		r = buf_ok(ret) ? CV_ERR_LIMIT : CV_ERR_NOMEM;
		goto out;
	}
	key_name(g->summary.origin, g->key.principal, name);
	crypto_note_key_id(name, NOTE_ED25519, g->key.sign_pk, id);
	crypto_sign(g->key.sign_sk, ret->p, ret->n, sig);
	note_text_end(ret);
	note_sig_encode(name, id, sig, ret);
	r = buf_ok(ret) ? 0 : CV_ERR_NOMEM;
out:
	free(text);
	return r;
}

/* ---- verifying ------------------------------------------------------------------------------------------------------------ */

static int read_public(const char *path, struct pubfile *ret)
{
	struct buf b;
	int code;

	buf_init(&b, 4 * NOTE_MAX);
	if ((code = cli_read_file(path, &b)) == 0 &&
	    (pubfile_decode((const char *)b.p, b.n, ret) != 0 || client_key_public_check(ret) != 0))
		code = cli_fail(EXIT_FAILED, "%s is no public file", "%s 不是公开文件", path);
	buf_free(&b);
	return code;
}

/* Whether the note says that it is a pack, and the JSON's log is the one in the name of the signer. */
static bool is_signed_by(const struct note *n, const struct pubfile *p, const char *origin)
{
	char name[NOTE_NAME_MAX + 64];
	uint8_t id[4];

	key_name(origin, p->principal, name);
	crypto_note_key_id(name, NOTE_ED25519, p->sign_pk, id);
	for (unsigned i = 0; i < n->sigs; i++)
		if (note_sig_by(&n->sig[i], name, id))
			return n->sig[i].sig_n == SIGN_BYTES && crypto_verify(p->sign_pk, n->text, n->text_n, n->sig[i].sig) == 0;
	return false;
}

static int judge(const struct buf *b, const char *path, const struct pubfile *p)
{
	struct note n;
	json_t *j;
	int code;

	if (note_decode((const char *)b->p, b->n, &n) != 0 || n.text_n < strlen(FIRST_LINE) ||
	    memcmp(n.text, FIRST_LINE, strlen(FIRST_LINE)) != 0 ||
	    (j = json_loadb(n.text + strlen(FIRST_LINE), n.text_n - strlen(FIRST_LINE), JSON_REJECT_DUPLICATES, NULL)) == NULL)
		return cli_fail(EXIT_VERIFY, "%s is no pack", "%s 不是年度审计包", path);
	if (json_string_value(json_object_get(j, "log")) == NULL || !is_signed_by(&n, p, json_string_value(json_object_get(j, "log")))) {
		code = cli_fail(EXIT_VERIFY, "%s is not signed by %s", "%s 不是由 %s 签署", path, p->name);
	} else {
		printf(tr("pack of %lld for %s, signed by %s\n", "%2$s 的 %1$lld 年度审计包，由 %3$s 签署\n"),
		    (long long)json_integer_value(json_object_get(j, "year")), json_string_value(json_object_get(j, "log")), p->name);
		code = EXIT_DONE;
	}
	json_decref(j);
	return code;
}

int pack_verify(const char *path, const char *public_path)
{
	struct pubfile p;
	struct buf b;
	int code;

	buf_init(&b, 4 * NOTE_MAX);	/* a file is read in large pieces */
	if ((code = read_public(public_path, &p)) == 0 && (code = cli_read_file(path, &b)) == 0)
		code = judge(&b, path, &p);
	buf_free(&b);
	return code;
}
