/* Proposing and signing operations with a person's own key: sessions, documents, signatures. */
#include "signing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "chain.h"
#include "client/client.h"
#include "pages.h"

int signing_open(struct signing *s, const char *command, const char *key_path, uint64_t passphrase_fd)
{
	int code;

	if (key_path == NULL)
		return cli_usage(command, "--key KEY is missing", "缺少 --key 密钥文件");
	s->key_path = key_path;
	if ((code = cli_open(&s->cv)) != 0)
		return code;
	return cli_login_key(s->cv, key_path, NULL, passphrase_fd, &s->key);
}

void signing_close(struct signing *s)
{
	client_key_clear(&s->key);
	wipe(s->document, sizeof(s->document));
	json_decref(s->request);
	s->request = NULL;
	cli_close(s->cv, true);
	s->cv = NULL;
}

/* ---- what is signed ---------------------------------------------------------------------------------------------------- */

bool signing_bytes(const json_t *j, const char *name, uint8_t *ret, size_t max, size_t *ret_n)
{
	const char *text = json_text(j, name);

	return text[0] != 0 && b64_decode(B64_STD, text, strlen(text), ret, max, ret_n) == 0;
}

/*
 * What is signed, from the last answer: the document, held against itself and against the vault that the key is for. A daemon that shows
 * one thing and has another signed would have to break a hash.
 */
static int take_document(struct signing *s)
{
	static const uint8_t none[16];
	size_t n = 0;

	s->request = cli_body(s->cv);
	if (!signing_bytes(s->request, "document", s->document, sizeof(s->document), &n) ||
	    operation_read(s->document, n, &s->reading) != 0)
		return cli_fail(EXIT_VERIFY, "the request holds nothing that could be signed: it is of another kind, decided, or changed",
		    "该请求无可签署内容：类型不同、已决定或被改动");
	if (memcmp(s->key.vault, none, 16) != 0 && memcmp(s->key.vault, s->reading.op.head.vault, 16) != 0)
		return cli_fail(EXIT_VERIFY, "the request is another vault's than the key's", "该请求不属于此密钥所属的库");
	return 0;
}

/* Nothing leaves the key before the signed directory says that its signers are administrators, and that this is its next change. */
static int check_chain(const struct signing *s, unsigned signatures)
{
	const struct chain_wish wish = { .key_path = s->key_path, .key = &s->key, .reading = &s->reading, .request = s->request,
		.signatures = signatures };

	return cli_check_chain(s->cv, &wish, NULL);
}

int signing_look(struct signing *s, const char *command, const char *id, unsigned signatures)
{
	int code, r;

	if (!cli_is_id(id, strlen(id)))
		return cli_usage(command, "a request's id has 32 hexadecimal digits", "请求编号是 32 位十六进制数");
	memcpy(s->id, id, sizeof(s->id));
	if ((r = childvault_object(s->cv, "requests", s->id)) != CHILDVAULT_OK)
		return cli_answer_fail(s->cv, r);
	if ((code = take_document(s)) != 0)
		return code;
	if ((code = check_chain(s, signatures)) != 0)
		return code;
	return cli.json ? 0 : signing_print(s);
}

/* ---- acts -------------------------------------------------------------------------------------------------------------- */

int signing_act(struct signing *s, const char *action, const char *name, const uint8_t *p, size_t n)
{
	char *base64 = malloc(b64_size(B64_STD, n)), *text = NULL;
	json_t *j = NULL;
	int code = 0, r;

	if (base64 != NULL) {
		b64_encode(B64_STD, p, n, base64);
		j = json_pack("{s:s}", name, base64);
	}
	if (j == NULL || (text = json_dumps(j, JSON_COMPACT)) == NULL)
		code = cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	else if ((r = childvault_act(s->cv, NULL, "requests", s->id, action, text)) != CHILDVAULT_OK)
		code = cli_answer_fail(s->cv, r);
	free(base64);
	json_decref(j);
	if (text != NULL)
		json_text_free(text);
	return code;
}

static int sign_and_send(struct signing *s, const char *action)
{
	uint8_t signature[OPERATION_SIGNATURE];

	operation_sign(&s->reading, s->key.sign_sk, signature);
	return signing_act(s, action, "signature", signature, sizeof signature);
}

int signing_propose(struct signing *s, const json_t *asked)
{
	char *body = asked != NULL ? json_dumps(asked, JSON_COMPACT) : NULL;
	int code, r;

	if (body == NULL)
		return cli_fail(EXIT_FAILED, "an option is not UTF-8, or memory is short", "某选项不是 UTF-8，或内存不足");
	r = childvault_make(s->cv, NULL, "requests", body);
	json_text_free(body);
	if (r != CHILDVAULT_OK)
		return cli_answer_fail(s->cv, r);
	snprintf(s->id, sizeof s->id, "%s", childvault_id(s->cv));
	if ((code = take_document(s)) != 0 || (code = check_chain(s, 0)) != 0)
		return code;
	return signing_match(s, asked);
}

/* ---- what comes next --------------------------------------------------------------------------------------------------- */

static void say_second(const struct signing *s)
{
	printf(tr("another administrator signs: childvault %s sign %s --key KEY --code \"%s\"\n",
	    "待另一名管理员签名：childvault %s sign %s --key 密钥文件 --code \"%s\"\n"),
	    s->reading.op.head.operation == OPERATION_POLICY ? "policy" : "request", s->id, s->reading.code);
}

static void say_done(const struct signing *s)
{
	const struct operation_reading *r = &s->reading;
	const char *who = json_text(s->request, "principal");

	switch (r->op.head.operation) {
	case OPERATION_ADD_MEMBER:
		printf(tr("%s is a member now and can log in\n", "%s 已成为成员，可以登录\n"), r->principal.login);
		break;
	case OPERATION_ROLES:
		printf(tr("%s has the roles from the next login on\n", "%s 下次登录起具有所列角色\n"), who);
		break;
	case OPERATION_REKEY:
		printf("%s", r->flags & OPERATION_NEW_CLASSES ?
		    tr("the new keys are in force; who works with these classes logs in again\n", "新密钥已启用；使用相关类别的人员须重新登录\n") :
		    tr("the roles have new keys and shares; their members log in again\n", "各角色已启用新密钥和新份额；其成员须重新登录\n"));
		break;
	case OPERATION_CLASSES:
		printf("%s", tr("the role holds the classes from the next login on; what it may do with them is the policy's\n",
		    "该角色下次登录起持有所列类别的密钥；其权限由规则决定\n"));
		break;
	case OPERATION_REWRAP:
		printf(tr("the re-wrap runs: childvault rewrap status %s\n", "重新包裹已开始：childvault rewrap status %s\n"), s->id);
		break;
	case OPERATION_REMOVE:
		printf(tr("%s is removed for good\n", "%s 已永久移除\n"), who);
		break;
	case OPERATION_RESTORE:
		printf(tr("%s can log in again\n", "%s 可以重新登录\n"), who);
		break;
	case OPERATION_POLICY:
		printf(tr("version %u of the policy is in force\n", "规则第 %u 版已生效\n"), r->policy_version);
		break;
	default:
		printf("%s", tr("one new split is allowed: childvault shares rekey with this threshold and these holders\n",
		    "可按此门限和持有人重新拆分一次：childvault shares rekey\n"));
	}
}

/* What follows the second signature, or the last share, from the last answer. */
static void say_next(const struct signing *s)
{
	json_t *j = cli_body(s->cv);

	if (strcmp(json_text(j, "waits_for"), "second-signature") == 0)
		say_second(s);
	else if (strcmp(json_text(j, "waits_for"), "custodians") != 0)
		say_done(s);
	else if (json_object_get(j, "given") == NULL)
		printf(tr("two custodians give their shares: childvault custody give %s --key KEY\n",
		    "待两名保管员交出份额：childvault custody give %s --key 密钥文件\n"), s->id);
	else
		printf(tr("%zu of %llu custodians have given; another one: childvault custody give %s --key KEY\n",
		    "已有 %zu 名保管员交出，共须 %llu 名；下一名：childvault custody give %s --key 密钥文件\n"),
		    json_array_size(json_object_get(j, "given")), json_number(j, "needed"), s->id);
	json_decref(j);
}

int signing_first(struct signing *s)
{
	int code;

	if (!cli.json && (code = signing_print(s)) != 0)
		return code;
	if ((code = sign_and_send(s, "sign")) != 0)
		return code;
	if (cli.json)
		return cli_print_body(s->cv);
	say_second(s);
	return 0;
}

int signing_run(struct signing *s, const char *command, const char *key_path, uint64_t passphrase_fd, json_t *body)
{
	int code;

	if ((code = signing_open(s, command, key_path, passphrase_fd)) == 0 && (code = signing_propose(s, body)) == 0)
		code = signing_first(s);
	json_decref(body);
	signing_close(s);
	return code;
}

int signing_second(struct signing *s, const char *typed)
{
	int code;

	if (typed != NULL && !cli_is_code(typed, s->reading.code))
		return cli_fail(EXIT_VERIFY, "the code of this request is %s: what the other looks at is another one",
		    "此请求的校验码为 %s：与对方所见不同", s->reading.code);
	if ((code = sign_and_send(s, "approve")) != 0)
		return code;
	return signing_answer(s);
}

int signing_answer(const struct signing *s)
{
	if (cli.json)
		return cli_print_body(s->cv);
	say_next(s);
	return 0;
}

/* ---- bodies ------------------------------------------------------------------------------------------------------------ */

json_t *signing_body(const char *kind)
{
	return json_pack("{s:s}", "kind", kind);
}

bool signing_set(json_t *j, const char *name, const char *text)
{
	return text == NULL || json_object_set_new(j, name, json_string(text)) == 0;
}

bool signing_set_list(json_t *j, const char *name, const struct cli_list *names)
{
	json_t *list = json_array();

	for (size_t i = 0; list != NULL && i < names->n; i++)
		for (const char *p = names->item[i]; *p != 0; p += *p == ',') {
			size_t n = strcspn(p, ",");

			if (n > 0 && json_array_append_new(list, json_stringn(p, n)) != 0) {
				json_decref(list);
				return false;
			}
			p += n;
		}
	return json_object_set_new(j, name, list) == 0;
}
