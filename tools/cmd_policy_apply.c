/* childvault policy apply and sign: two administrators put a document in force. docs/POLICY.md section 5. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "client/client.h"
#include "client/key.h"
#include "crypto/crypto.h"
#include "model/model.h"
#include "policy.h"

/* ---- the policy in force ---------------------------------------------------------------------------------------- */

static int fetch_policy(struct childvault *cv, struct policy **ret)
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
		code = fetch_policy(cv, ret);
	cli_close(cv, own);
	return code;
}

/* ---- signatures ------------------------------------------------------------------------------------------------- */

/* "cv1.policy" padded to 16 ‖ the document's digest, signed. */
static void sign_document(const struct client_key *key, const void *document, size_t n, uint8_t ret[SIGN_BYTES])
{
	uint8_t message[16 + 32] = "cv1.policy";
	struct part part = { document, n };

	crypto_hash("cv1.policy", NULL, 0, &part, 1, message + 16, 32);
	crypto_sign(key->sign_sk, message, sizeof(message), ret);
}

/* A member with bytes in base64. False without memory. */
static bool set_bytes(json_t *j, const char *name, const void *p, size_t n)
{
	char *text = malloc(b64_size(B64_STD, n));
	bool done;

	if (text == NULL)
		return false;
	b64_encode(B64_STD, p, n, text);
	done = json_object_set_new(j, name, json_string(text)) == 0;
	free(text);
	return done;
}

/* Send j as a new request, or as the approval of one (id). Exit code. */
static int post(struct childvault *cv, const char *id, const json_t *j)
{
	char *text = json_dumps(j, JSON_COMPACT);
	json_malloc_t m;
	json_free_t f;
	int r;

	json_get_alloc_funcs(&m, &f);	/* tools keep JSON in memory of their own */
	if (text == NULL)
		return cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	r = id == NULL ? childvault_make(cv, NULL, "requests", text) : childvault_act(cv, NULL, "requests", id, "approve", text);
	f(text);
	return r == CHILDVAULT_OK ? EXIT_DONE : cli_answer_fail(cv, r);
}

/* ---- apply ------------------------------------------------------------------------------------------------------ */

/* The request's id, for the second administrator. */
static int print_request(const struct childvault *cv)
{
	size_t n;
	const char *body = childvault_body(cv, &n);
	json_t *j;
	const char *id;

	if (cli.json)
		return cli_print_body(cv);
	j = json_loadb(body, n, 0, NULL);
	if ((id = json_string_value(json_object_get(j, "id"))) != NULL)
		(void)printf(tr("request %s waits for the second administrator: childvault policy sign %s --key FILE\n",
		    "请求 %s 待第二名管理员签署：childvault policy sign %s --key 密钥文件\n"), id, id);
	json_decref(j);
	return ferror(stdout) ? EXIT_FAILED : EXIT_DONE;
}

static int send_request(struct childvault *cv, const struct client_key *key, const struct buf *doc)
{
	uint8_t signature[SIGN_BYTES];
	json_t *j = json_pack("{s:s}", "kind", "policy");
	int code;

	sign_document(key, doc->p, doc->n, signature);
	if (j == NULL || !set_bytes(j, "document", doc->p, doc->n) || !set_bytes(j, "signature", signature, sizeof(signature)))
		code = cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	else
		code = post(cv, NULL, j);
	json_decref(j);
	return code == EXIT_DONE ? print_request(cv) : code;
}

int policy_apply(const char *path, const struct policy_args *a)
{
	struct policy *old = NULL, *new = NULL;
	struct client_key key = { .vault = { 0 } };
	struct childvault *cv = NULL;
	struct buf doc;
	int code;

	buf_init(&doc, POLICY_DOCUMENT_MAX);
	if ((code = policy_load(path, &doc, &new)) != EXIT_DONE || (code = cli_open(&cv)) != EXIT_DONE)
		goto out;
	if ((code = cli_login_key(cv, a->key, NULL, a->passphrase_fd, &key)) != EXIT_DONE)
		goto out;
	if ((code = fetch_policy(cv, &old)) != EXIT_DONE)
		goto out;
	if (!cli.json && (code = policy_print_plan(old, new)) != EXIT_DONE)
		goto out;
	/* The vault says what stands in the way: it knows which class keys custodians have handed out. */
	code = send_request(cv, &key, &doc);
out:
	client_key_clear(&key);
	cli_close(cv, true);
	policy_free(old);
	policy_free(new);
	buf_free(&doc);
	return code;
}

/* ---- sign ------------------------------------------------------------------------------------------------------- */

/* The document of a request, decoded too: what is signed is what was shown. */
static int fetch_document(struct childvault *cv, const char *id, struct buf *doc, struct policy **ret)
{
	const char *body, *text;
	json_t *j = NULL;
	size_t n, length;
	uint8_t *to;
	int r, code = EXIT_DONE;

	if ((r = childvault_object(cv, "requests", id)) != CHILDVAULT_OK)
		return cli_answer_fail(cv, r);
	body = childvault_body(cv, &n);
	j = json_loadb(body, n, JSON_REJECT_DUPLICATES, NULL);
	text = json_string_value(json_object_get(j, "document"));
	length = text == NULL ? 0 : strlen(text);
	if (length == 0 || (to = buf_add(doc, length)) == NULL || b64_decode(B64_STD, text, length, to, doc->n, &n) != 0) {
		code = cli_fail(EXIT_FAILED, "request %s holds no policy document: it is of another kind, or decided",
		    "请求 %s 不含规则文档：类型不同或已决定", id);
		goto out;
	}
	buf_cut(doc, n);
	if (policy_decode(doc->p, doc->n, ret) != 0)
		code = cli_fail(EXIT_FAILED, "request %s holds a document that this program does not know", "请求 %s 的规则文档不被识别", id);
out:
	json_decref(j);
	return code;
}

static int send_signature(struct childvault *cv, const char *id, const struct client_key *key, const struct buf *doc)
{
	uint8_t signature[SIGN_BYTES];
	json_t *j = json_object();
	int code;

	sign_document(key, doc->p, doc->n, signature);
	if (j == NULL || !set_bytes(j, "signature", signature, sizeof(signature)))
		code = cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	else
		code = post(cv, id, j);
	json_decref(j);
	return code;
}

int policy_sign(const char *id, const struct policy_args *a)
{
	struct policy *old = NULL, *new = NULL;
	struct client_key key = { .vault = { 0 } };
	struct childvault *cv = NULL;
	struct buf doc;
	int code;

	buf_init(&doc, 2 * POLICY_DOCUMENT_MAX);
	if (!cli_is_id(id, strlen(id))) {
		code = cli_usage("policy", "a request's id has 32 hexadecimal digits", "请求编号是 32 位十六进制数");
		goto out;
	}
	if ((code = cli_open(&cv)) != EXIT_DONE || (code = cli_login_key(cv, a->key, NULL, a->passphrase_fd, &key)) != EXIT_DONE)
		goto out;
	if ((code = fetch_document(cv, id, &doc, &new)) != EXIT_DONE || (code = fetch_policy(cv, &old)) != EXIT_DONE)
		goto out;
	if (!cli.json && (code = policy_print_plan(old, new)) != EXIT_DONE)
		goto out;
	if ((code = send_signature(cv, id, &key, &doc)) != EXIT_DONE)
		goto out;
	if (cli.json)
		code = cli_print_body(cv);
	else
		(void)printf(tr("%s version %u is in force\n", "%s 第 %u 版已生效\n"), policy_name(new), policy_version(new));
out:
	client_key_clear(&key);
	cli_close(cv, true);
	policy_free(old);
	policy_free(new);
	buf_free(&doc);
	return code;
}
