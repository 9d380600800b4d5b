/* childvault policy apply and sign: two administrators put a document in force. docs/POLICY.md section 5. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "client/client.h"
#include "client/key.h"
#include "model/model.h"
#include "pages.h"
#include "policy.h"
#include "signing.h"

/* ---- the policy in force ---------------------------------------------------------------------------------------- */

int policy_fetch(struct childvault *cv, struct policy **ret)
{
	const char *body;
	size_t n;
	int r;

	if ((r = childvault_policy(cv)) != CHILDVAULT_OK)
		return cli_answer_fail(cv, r);
	body = childvault_body(cv, &n);
	if (policy_decode((const uint8_t *)body, n, ret) != 0)
		return cli_fail(EXIT_FAILED, "the policy in force is none that this program knows", "现行规则不是本程序认识的规则文档");
	return EXIT_DONE;
}

int policy_of_vault(struct policy **ret)
{
	struct childvault *cv = NULL;
	bool own = false;
	int code;

	if ((code = cli_session(&cv, &own)) == EXIT_DONE)
		code = policy_fetch(cv, ret);
	cli_close(cv, own);
	return code;
}

/* ---- apply ------------------------------------------------------------------------------------------------------ */

/* {"kind": "policy", "document": base64}, or NULL without memory. */
static json_t *request_body(const struct buf *doc)
{
	char *base64 = malloc(b64_size(B64_STD, doc->n));
	json_t *j = signing_body("policy");

	if (base64 != NULL)
		b64_encode(B64_STD, doc->p, doc->n, base64);
	if (j != NULL && (base64 == NULL || !signing_set(j, "document", base64))) {
		json_decref(j);
		j = NULL;
	}
	free(base64);
	return j;
}

int policy_apply(const char *path, const struct policy_args *a)
{
	struct policy *old = NULL, *new = NULL;
	static struct signing s;
	json_t *body = NULL;
	struct buf doc;
	int code;

	buf_init(&doc, POLICY_DOCUMENT_MAX);
	if ((code = policy_load(path, &doc, &new)) != EXIT_DONE ||
	    (code = signing_open(&s, "policy", a->key, a->passphrase_fd)) != EXIT_DONE ||
	    (code = policy_fetch(s.cv, &old)) != EXIT_DONE)
		goto out;
	if (!cli.json && (code = policy_print_plan(old, new)) != EXIT_DONE)
		goto out;
	/* The vault says what stands in the way: it knows which class keys custodians have handed out. */
	body = request_body(&doc);
	if ((code = signing_propose(&s, body)) != EXIT_DONE)
		goto out;
	if (s.reading.policy_n != doc.n || memcmp(s.reading.policy, doc.p, doc.n) != 0)
		code = cli_fail(EXIT_VERIFY, "what is to be signed is another document than %s", "待签内容与 %s 不符", path);
	else
		code = signing_first(&s);
out:
	json_decref(body);
	signing_close(&s);
	policy_free(old);
	policy_free(new);
	buf_free(&doc);
	return code;
}

/* ---- sign ------------------------------------------------------------------------------------------------------- */

/* What the document that is signed changes. */
static int print_change(struct signing *s)
{
	struct policy *old = NULL, *new = NULL;
	int code;

	if (s->reading.op.head.operation != OPERATION_POLICY)
		return cli_fail(EXIT_FAILED, "request %s holds no policy document: childvault request sign",
		    "请求 %s 不含规则文档：请用 childvault request sign", s->id);
	if (policy_decode(s->reading.policy, s->reading.policy_n, &new) != 0)
		return cli_fail(EXIT_FAILED, "request %s holds a document that this program does not know", "请求 %s 的规则文档不被识别", s->id);
	if ((code = policy_fetch(s->cv, &old)) == EXIT_DONE && !cli.json)
		code = policy_print_plan(old, new);
	policy_free(old);
	policy_free(new);
	return code;
}

int policy_sign(const char *id, const struct policy_args *a)
{
	static struct signing s;
	int code;

	if ((code = signing_open(&s, "policy", a->key, a->passphrase_fd)) != EXIT_DONE ||
	    (code = signing_look(&s, "policy", id, 1)) != EXIT_DONE || (code = print_change(&s)) != EXIT_DONE)
		goto out;
	code = signing_second(&s, a->code);
out:
	signing_close(&s);
	return code;
}
