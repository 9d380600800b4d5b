/*
 * childvault member add, member sign, custody give: a person joins a running vault. Two administrators sign with their own keys what they
 * see here, two custodians open their shares with theirs. docs/MEMBERS.md, docs/FORMAT.md 5.5.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "chain.h"
#include "client/client.h"
#include "client/key.h"
#include "format/context.h"
#include "pages.h"
#include "vault/operation.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])
#define SHARE_ROW (2u + 4 + 1 + DIR_WRAP)	/* u16 role, u32 epoch, u8 index, PKSEAL */
#define SHARES_MAX (CUSTODY_ROLES * SHARE_ROW)

/* A session that one of the keys opened, and the request it is about. */
struct signing {
	struct childvault *cv;
	struct client_key key;
	char id[33];
	json_t *request;			/* as it was answered */
	uint8_t document[OPERATION_DOCUMENT_MAX];
	struct operation_reading reading;	/* points into document */
};

static int open_session(struct signing *s, const char *command, const char *key_path, uint64_t fd)
{
	int code;

	if (key_path == NULL)
		return cli_usage(command, "--key KEY is missing", "缺少 --key 密钥文件");
	if ((code = cli_open(&s->cv)) != 0)
		return code;
	return cli_login_key(s->cv, key_path, NULL, fd, &s->key);
}

static void close_session(struct signing *s)
{
	client_key_clear(&s->key);
	wipe(s->document, sizeof(s->document));
	json_decref(s->request);
	cli_close(s->cv, true);
}

static int take_id(struct signing *s, const char *command, const char *id)
{
	if (!cli_is_id(id, strlen(id)))
		return cli_usage(command, "a request's id has 32 hexadecimal digits", "请求编号是 32 位十六进制数");
	memcpy(s->id, id, 33);
	return 0;
}

/* Bytes of a base64 member. False: it is not there, or no base64. */
static bool member_bytes(const json_t *j, const char *name, uint8_t *ret, size_t max, size_t *ret_n)
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
	int code = 0;

	s->request = cli_body(s->cv);
	if (!member_bytes(s->request, "document", s->document, sizeof(s->document), &n) || operation_read(s->document, n, &s->reading) != 0)
		code = cli_fail(EXIT_VERIFY, "the request holds nothing that could be signed: it is of another kind, decided, or changed",
		    "该请求无可签署内容：类型不同、已决定或被改动");
	else if (memcmp(s->key.vault, none, 16) != 0 && memcmp(s->key.vault, s->reading.op.head.vault, 16) != 0)
		code = cli_fail(EXIT_VERIFY, "the request is another vault's than the key's", "该请求不属于此密钥所属的库");
	return code;
}

/* Nothing leaves the key before the signed directory says that its signers are administrators, and that this is its next change. */
static int check_chain(const struct signing *s, const char *key_path, unsigned signatures)
{
	const struct chain_wish wish = { .key_path = key_path, .key = &s->key, .reading = &s->reading, .request = s->request,
		.signatures = signatures };

	return cli_check_chain(s->cv, &wish, NULL);
}

/* ---- showing --------------------------------------------------------------------------------------------------------------- */

static void row2(struct table *t, const char *what, const char *value)
{
	table_row(t, (const char *const[]){ what, value });
}

static void row_text(struct table *t, const char *what, const struct dir_text *x)
{
	char text[256];

	snprintf(text, sizeof text, "%.*s", (int)x->n, x->p);
	row2(t, what, text);
}

/* A time; a day for days, the last one where ms is the end of it. */
static void row_time(struct table *t, const char *what, uint64_t ms, bool day)
{
	char text[25] = "";

	if (ms != 0)
		clock_rfc3339(ms, text);
	if (day)
		text[10] = 0;
	row2(t, what, text);
}

/* The roles as numbers are what is signed; the daemon gives their names. */
static void row_roles(struct table *t, const struct signing *s)
{
	const json_t *names = json_object_get(s->request, "roles");
	char text[1024] = "";
	size_t n = 0;

	for (unsigned i = 0; i < s->reading.role_count && n < sizeof text; i++) {
		const char *name = json_string_value(json_array_get(names, i));

		n += (size_t)snprintf(text + n, sizeof text - n, "%s%s (%u)", i > 0 ? ", " : "", name != NULL ? name : "?",
		    s->reading.roles[i].role);
	}
	row2(t, "roles", text);
}

static int print_operation(const struct signing *s)
{
	static const char *const kinds[] = { "", "person", "app", "job", "administrator", "custodian", "auditor" };
	const struct operation_reading *r = &s->reading;
	struct table *t = table_new(2, (const char *const[]){ tr("what", "项目"), tr("value", "内容") });
	char code[CLIENT_KEY_CODE], number[16];

	if (t == NULL)
		return cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	row2(t, "as", kinds[r->principal.kind % COUNT(kinds)]);
	row_text(t, "login", &r->texts.text[DIR_PERSON_LOGIN]);
	row_text(t, "name", &r->texts.text[DIR_PERSON_NAME]);
	row_text(t, "department", &r->texts.text[DIR_PERSON_DEPARTMENT]);
	row_text(t, "post", &r->texts.text[DIR_PERSON_POST]);
	row_text(t, "area", &r->texts.text[DIR_PERSON_AREA]);
	row_roles(t, s);
	row_time(t, "vetted", r->texts.vetting_ms, true);
	row_time(t, "ends", r->principal.not_after_ms != 0 ? r->principal.not_after_ms - 1 : 0, true);
	client_key_code(r->principal.id, r->principal.box_pk, r->principal.sign_pk, code);
	row2(t, "key-code", code);
	snprintf(number, sizeof number, "%u", r->change.sequence);
	row2(t, "change", number);
	row_time(t, "sign-until", r->op.head.expires_ms, false);
	row2(t, "code", r->code);
	return table_print(t);
}

/* ---- signing ----------------------------------------------------------------------------------------------------------------- */

/* Do an action with one base64 member. */
static int act_with(struct signing *s, const char *action, const char *name, const uint8_t *p, size_t n)
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
	return act_with(s, action, "signature", signature, sizeof signature);
}

/* ---- member add ---------------------------------------------------------------------------------------------------------------- */

struct adding {
	const char *key, *name, *department, *post, *area, *vetted, *person, *ends, *reason;
	struct cli_list roles;
	bool app;
	uint64_t fd;
};

static bool set_text(json_t *j, const char *name, const char *text)
{
	return text == NULL || json_object_set_new(j, name, json_string(text)) == 0;
}

/* Each --role may name several. */
static json_t *role_names(const struct cli_list *roles)
{
	json_t *list = json_array();

	for (size_t i = 0; list != NULL && i < roles->n; i++)
		for (const char *p = roles->item[i]; *p != 0; p += *p == ',') {
			size_t n = strcspn(p, ",");

			if (n > 0)	/* a role that is missing for want of memory is seen before it is signed */
				(void)json_array_append_new(list, json_stringn(p, n));
			p += n;
		}
	return list;
}

static char *proposal(const struct adding *a, const char *public_text)
{
	json_t *j = json_pack("{s:s,s:s,s:o}", "kind", "members", "public", public_text, "roles", role_names(&a->roles));
	char *text = NULL;

	if (j != NULL && set_text(j, "name", a->name) && set_text(j, "department", a->department) &&
	    set_text(j, "post", a->post) && set_text(j, "area", a->area) && set_text(j, "vetted", a->vetted) &&
	    set_text(j, "person", a->person) && set_text(j, "ends", a->ends) && set_text(j, "reason", a->reason) &&
	    set_text(j, "as", a->app ? "app" : NULL))
		text = json_dumps(j, JSON_COMPACT);
	json_decref(j);
	return text;
}

/* What came back is about the keys in the file: the daemon cannot put its own in their place. */
static int check_keys(const struct signing *s, const char *path, const struct buf *text)
{
	const struct principal *p = &s->reading.principal;
	struct pubfile f;

	if (pubfile_decode((const char *)text->p, text->n, &f) != 0 || client_key_public_check(&f) != 0 ||
	    memcmp(f.principal, p->id, 16) != 0 || memcmp(f.box_pk, p->box_pk, 32) != 0 || memcmp(f.sign_pk, p->sign_pk, 32) != 0)
		return cli_fail(EXIT_VERIFY, "what is to be signed has other keys than %s", "待签内容的密钥与 %s 不符", path);
	return 0;
}

static int propose(struct signing *s, const struct adding *a, const char *path)
{
	char *body = NULL;
	struct buf text;
	int code, r;

	buf_init(&text, 1u << 17);
	if ((code = cli_read_file(path, &text)) != 0)
		goto out;
	buf_u8(&text, 0);
	if (!buf_ok(&text) || strlen((const char *)text.p) + 1 != text.n || (body = proposal(a, (const char *)text.p)) == NULL) {
		code = cli_fail(EXIT_FAILED, "%s is not a public file, or an option is not UTF-8",
		    "%s 不是公开文件，或某选项不是 UTF-8", path);
		goto out;
	}
	buf_cut(&text, text.n - 1);
	if ((r = childvault_make(s->cv, NULL, "requests", body)) != CHILDVAULT_OK) {
		code = cli_answer_fail(s->cv, r);
		goto out;
	}
	snprintf(s->id, sizeof s->id, "%s", childvault_id(s->cv));
	if ((code = take_document(s)) == 0)
		code = check_keys(s, path, &text);
out:
	if (body != NULL)
		json_text_free(body);
	buf_free(&text);
	return code;
}

int member_add(int argc, char **argv)
{
	static const struct cli_help help = { "member add FILE.pub --role R[,R] --key KEY [options]",
		"Proposes that the owner of a public file join with these roles, and signs it as an administrator. Another administrator\n"
		"compares the code by telephone and signs (member sign), then two custodians give the role keys (custody give).",
		"提请公开文件的持有人以所列角色加入，并以管理员身份签名。另一名管理员电话核对校验码后签名（member sign），\n"
		"再由两名保管员交出角色密钥（custody give）。" };
	struct adding a = { .fd = UINT64_MAX };
	const struct cli_option options[] = {
		{ "role", OPTION_LIST, &a.roles, "R[,R]", "a role of the profile; may be repeated", "配置中的角色，可重复" },
		{ "key", OPTION_TEXT, &a.key, "KEY", "the administrator's key file", "管理员的密钥文件" },
		{ "name", OPTION_TEXT, &a.name, "TEXT", "the person's name", "姓名" },
		{ "department", OPTION_TEXT, &a.department, "TEXT", "department (default: the role's)", "部门（默认为角色所属部门）" },
		{ "post", OPTION_TEXT, &a.post, "TEXT", "post", "职务" },
		{ "area", OPTION_TEXT, &a.area, "DIGITS", "division code; none is the whole vault", "区划代码；不填为全库" },
		{ "vetted", OPTION_TEXT, &a.vetted, "DATE", "day of the last vetting", "最近审查日期" },
		{ "ends", OPTION_TEXT, &a.ends, "DATE", "last day in the vault", "最后有效日" },
		{ "person", OPTION_TEXT, &a.person, "LOGIN", "the same natural person as this member", "与该成员为同一自然人" },
		{ "app", OPTION_FLAG, &a.app, NULL, "an application, no person", "应用程序而非人员" },
		{ "reason", OPTION_TEXT, &a.reason, "TEXT", "why: it stands in the log", "理由（记入日志）" },
		{ "passphrase-fd", OPTION_NUMBER, &a.fd, "N", "read the passphrase from descriptor N", "从描述符 N 读口令" },
	};
	struct signing s = { .cv = NULL };
	struct cli_args args;
	int code;

	if (!cli_parse(argc, argv, &help, options, COUNT(options), 1, 1, &args))
		return args.exit;
	if (a.roles.n == 0)
		return cli_usage("member add", "--role R is missing", "缺少 --role 角色");
	if ((code = open_session(&s, "member add", a.key, a.fd)) != 0 || (code = propose(&s, &a, args.argv[0])) != 0 ||
	    (code = check_chain(&s, a.key, 0)) != 0)
		goto out;
	if (!cli.json && (code = print_operation(&s)) != 0)
		goto out;
	if ((code = sign_and_send(&s, "sign")) != 0)
		goto out;
	if (cli.json)
		code = cli_print_body(s.cv);
	else
		printf(tr("another administrator signs: childvault member sign %s --key KEY --code \"%s\"\n",
		    "待另一名管理员签名：childvault member sign %s --key 密钥文件 --code \"%s\"\n"), s.id, s.reading.code);
out:
	close_session(&s);
	return code;
}

/*
 * What whoever signs or gives does first: open a session with the key, fetch the request, judge its document and its signatures so far,
 * which must be so many at least, and show it.
 */
static int look_at(struct signing *s, const char *command, const char *id, const char *key, uint64_t fd, unsigned signatures)
{
	int code, r;

	if ((code = take_id(s, command, id)) != 0 || (code = open_session(s, command, key, fd)) != 0)
		return code;
	if ((r = childvault_object(s->cv, "requests", s->id)) != CHILDVAULT_OK)
		return cli_answer_fail(s->cv, r);
	if ((code = take_document(s)) != 0 || (code = check_chain(s, key, signatures)) != 0 || cli.json)
		return code;
	return print_operation(s);
}

/* ---- member sign ----------------------------------------------------------------------------------------------------------------- */

int member_sign(int argc, char **argv)
{
	static const struct cli_help help = { "member sign REQUEST --key KEY [--code CODE]",
		"Shows who is to join with which roles, and signs it as the second administrator. CODE is what the first one reads out.",
		"显示拟加入者及其角色，并以第二名管理员身份签名。CODE 为第一名管理员读出的校验码。" };
	const char *key = NULL, *typed = NULL;
	uint64_t fd = UINT64_MAX;
	const struct cli_option options[] = {
		{ "key", OPTION_TEXT, &key, "KEY", "the administrator's key file", "管理员的密钥文件" },
		{ "code", OPTION_TEXT, &typed, "CODE", "eight digits, compared by telephone", "电话核对过的八位校验码" },
		{ "passphrase-fd", OPTION_NUMBER, &fd, "N", "read the passphrase from descriptor N", "从描述符 N 读口令" },
	};
	struct signing s = { .cv = NULL };
	struct cli_args a;
	int code;

	if (!cli_parse(argc, argv, &help, options, COUNT(options), 1, 1, &a))
		return a.exit;
	if ((code = look_at(&s, "member sign", a.argv[0], key, fd, 1)) != 0)
		goto out;
	if (typed != NULL && !cli_is_code(typed, s.reading.code)) {
		code = cli_fail(EXIT_VERIFY, "the code of this request is %s: what the other looks at is another one",
		    "此请求的校验码为 %s：与对方所见不同", s.reading.code);
		goto out;
	}
	if ((code = sign_and_send(&s, "approve")) != 0)
		goto out;
	if (cli.json)
		code = cli_print_body(s.cv);
	else
		printf(tr("two custodians give the role keys: childvault custody give %s --key KEY\n",
		    "待两名保管员交出角色密钥：childvault custody give %s --key 密钥文件\n"), s.id);
out:
	close_session(&s);
	return code;
}

/* ---- custody give ------------------------------------------------------------------------------------------------------------------ */

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

	if (strlen(hex) == 64 && hex_decode(hex, 64, pk, 32) == 0 && member_bytes(j, "shares", rows, sizeof rows, &n) &&
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
	return act_with(s, "give", "shares", sealed, n);
}

static void say_given(const struct signing *s)
{
	json_t *j = cli_body(s->cv);

	if (strcmp(json_text(j, "state"), "approved") == 0)
		printf(tr("%s is a member now and can log in\n", "%s 已成为成员，可以登录\n"), s->reading.principal.login);
	else
		printf(tr("%zu of %llu custodians have given; another one: childvault custody give %s --key KEY\n",
		    "已有 %zu 名保管员交出，共须 %llu 名；下一名：childvault custody give %s --key 密钥文件\n"),
		    json_array_size(json_object_get(j, "given")), json_number(j, "needed"), s->id);
	json_decref(j);
}

static int custody_give(int argc, char **argv)
{
	static const struct cli_help help = { "custody give REQUEST --key KEY",
		"Shows who is to join with which roles, opens the custodian's own shares of these role keys here, and gives them sealed\n"
		"to the key of this one ceremony. The vault combines the shares of two custodians, and forgets them after a quarter of\n"
		"an hour.",
		"显示拟加入者及其角色，在本机打开保管员自己的角色密钥份额，加密交给本次仪式的密钥。库合并两名保管员的份额；一刻钟后作废。" };
	const char *key = NULL;
	uint64_t fd = UINT64_MAX;
	const struct cli_option options[] = {
		{ "key", OPTION_TEXT, &key, "KEY", "the custodian's key file", "保管员的密钥文件" },
		{ "passphrase-fd", OPTION_NUMBER, &fd, "N", "read the passphrase from descriptor N", "从描述符 N 读口令" },
	};
	struct signing s = { .cv = NULL };
	struct cli_args a;
	int code;

	if (!cli_parse(argc, argv, &help, options, COUNT(options), 1, 1, &a))
		return a.exit;
	if ((code = look_at(&s, "custody give", a.argv[0], key, fd, 2)) != 0 || (code = give_shares(&s)) != 0)
		goto out;
	if (cli.json)
		code = cli_print_body(s.cv);
	else
		say_given(&s);
out:
	close_session(&s);
	return code;
}

int cmd_custody(int argc, char **argv)
{
	static const struct cli_help help = { "custody give REQUEST --key KEY", "Custodians give role keys to new members, two together.",
		"两名保管员共同为新成员交出角色密钥。" };
	static char name[] = "custody give";
	struct cli_args a;

	if (argc > 1 && strcmp(argv[1], "give") == 0) {
		argv[1] = name;
		return custody_give(argc - 1, argv + 1);
	}
	if (!cli_parse(argc, argv, &help, NULL, 0, 0, 0, &a))
		return a.exit;
	return cli_usage("custody", "give?", "give？");
}
