/* childvault genesis: what a pending vault is, in words, and an administrator's signature of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "chain.h"
#include "client/key.h"
#include "init.h"
#include "vault/genesis_request.h"

#define PATH_ROOM 4096
#define SMALL_FILE (1u << 17)	/* room that cli_read_file wants for any */

/* A request that was read, and where it lies. */
struct opened {
	char folder[PATH_ROOM];		/* signatures lie beside the request */
	struct buf bytes;
	struct genesis_reading reading;
};

static void opened_free(struct opened *o)
{
	genesis_reading_free(&o->reading);
	buf_free(&o->bytes);
}

/* The request in a folder, or the file itself. 0 or exit code; opened_free in any case. */
static int open_request(const char *where, struct opened *ret)
{
	char path[PATH_ROOM + 32];
	const char *slash = strrchr(where, '/');
	struct stat st = { .st_mode = 0 };
	int code;

	memset(ret, 0, sizeof(*ret));
	buf_init(&ret->bytes, GENESIS_REQUEST_MAX);
	if (strlen(where) >= sizeof(ret->folder))
		return cli_fail(EXIT_USAGE, "the path is too long: %s", "路径过长：%s", where);
	if (stat(where, &st) == 0 && S_ISDIR(st.st_mode)) {
		snprintf(ret->folder, sizeof(ret->folder), "%s", where);
		snprintf(path, sizeof(path), "%s/%s", where, GENESIS_REQUEST_FILE);
	} else {
		snprintf(ret->folder, sizeof(ret->folder), "%.*s", slash != NULL ? (int)(slash - where) + 1 : 1,
		    slash != NULL ? where : ".");
		snprintf(path, sizeof(path), "%s", where);
	}
	if (access(path, F_OK) != 0 && S_ISDIR(st.st_mode))
		return cli_fail(EXIT_FAILED, "%s: nothing waits there to be signed: a vault that works, or none",
		    "%s：没有待签署的内容：该库已启用，或并无保管库", where);
	if ((code = cli_read_file(path, &ret->bytes)) != 0)
		return code;
	if (genesis_reading_new(ret->bytes.p, ret->bytes.n, &ret->reading) != 0)
		return cli_fail(EXIT_VERIFY, "%s does not fit together: it is damaged, or was changed", "%s 前后不符：已损坏或被改动", path);
	return 0;
}

static void signature_path(const char *folder, const uint8_t id[16], char ret[PATH_ROOM + 64])
{
	char hex[33];

	hex_encode(id, 16, hex);
	snprintf(ret, PATH_ROOM + 64, "%s/%s%s", folder, GENESIS_SIGNATURE_FILE, hex);
}

/* ---- show ------------------------------------------------------------------------------------------------------------------ */

/* What lies in the folder of an administrator's signature, in words. */
static const char *signature_state(const struct opened *o, const uint8_t id[16], struct genesis_signature *ret, bool *ret_good)
{
	char path[PATH_ROOM + 64];
	struct buf text;
	struct stat st;
	int r;

	*ret_good = false;
	signature_path(o->folder, id, path);
	if (stat(path, &st) != 0)
		return "";
	buf_init(&text, SMALL_FILE);
	r = cli_read_file(path, &text) == 0 ? genesis_signature_decode((const char *)text.p, text.n, ret) : CV_ERR_IO;
	buf_free(&text);
	if (r == 0)
		r = memcmp(ret->principal, id, 16) == 0 ? genesis_signature_check(&o->reading.signing, ret) : CV_ERR_AUTH;
	*ret_good = r == 0;
	return r == 0 ? tr("signed", "已签名") : r == CV_ERR_CONFLICT ? tr("signature is another vault's", "签名属于另一保管库") :
	    tr("signature does not fit", "签名不符");
}

static void row2(struct table *t, const char *what, const char *value)
{
	table_row(t, (const char *const[]){ what, value });
}

static void print_facts(const struct genesis_reading *r)
{
	const struct genesis_body *b = &r->signing.body;
	struct table *t = table_new(2, (const char *const[]){ tr("what", "项目"), tr("value", "值") });
	char text[256], hex[65];

	if (t == NULL)
		return;
	hex_encode(b->vault, 16, hex);
	row2(t, "vault", hex);
	row2(t, "origin", b->origin);
	row2(t, "kind", (b->flags & GENESIS_PRODUCTION) != 0 ? "production" : (b->flags & GENESIS_DEMO) != 0 ? "demo" : "standard");
	clock_rfc3339(b->created_ms, text);
	row2(t, "created", text);
	snprintf(text, sizeof(text), "%s %u", policy_name(r->policy), policy_version(r->policy));
	row2(t, "policy", text);
	hex_encode(b->policy, 32, hex);
	row2(t, "policy-digest", hex);
	row2(t, "code", r->code);
	(void)table_print(t);	/* the output's state is asked for once, at the end */
}

static const char *kind_word(const struct principal *p)
{
	static const char *const kinds[][2] = { { "", "" }, { "person", "人员" }, { "app", "程序" }, { "job", "作业" },
		{ "administrator", "管理员" }, { "custodian", "保管员" }, { "auditor", "审计员" } };
	static const char *const areas[][2] = { { "administrator", "管理员" }, { "system administrator", "系统管理员" },
		{ "security administrator", "安全管理员" }, { "audit administrator", "审计管理员" } };

	return p->kind == PRINCIPAL_ADMINISTRATOR ? tr(areas[p->admin_area & 3][0], areas[p->admin_area & 3][1]) :
	    tr(kinds[p->kind % 7][0], kinds[p->kind % 7][1]);
}

static const char *text_of(const struct genesis_member *m, enum dir_person_text which, char ret[256])
{
	snprintf(ret, 256, "%.*s", (int)m->texts.text[which].n, m->texts.text[which].p);
	return ret;
}

/* Persons are told apart by a number, which two keys of one person share. */
static unsigned person_number(const struct genesis_reading *r, unsigned who)
{
	unsigned number = 1, first = who;

	for (unsigned i = 0; i < who && first == who; i++)
		if (memcmp(r->member[i].principal.person, r->member[who].principal.person, 16) == 0)
			first = i;
	for (unsigned i = 0; i < first; i++) {
		unsigned j = 0;

		while (j < i && memcmp(r->member[i].principal.person, r->member[j].principal.person, 16) != 0)
			j++;
		number += j == i;
	}
	return number;
}

static void roles_text(const struct genesis_reading *r, const struct genesis_member *m, char ret[1024])
{
	size_t n = 0;

	ret[0] = '\0';
	for (unsigned i = 0; i < m->role_count; i++) {
		const struct policy_role *role = policy_role_by_id(r->policy, m->roles[i]);

		n += (size_t)snprintf(ret + n, 1024 - n, "%s%s", i > 0 ? "," : "", role != NULL ? role->name : "?");
	}
}

static void vetted_text(uint64_t ms, char ret[25])
{
	ret[0] = '\0';
	if (ms != 0) {
		clock_rfc3339(ms, ret);
		ret[10] = '\0';
	}
}

/* Those who sign first, then those who hold keys, look, and work; by login name. */
static int member_cmp(const void *x, const void *y)
{
	static const int order[] = { [PRINCIPAL_ADMINISTRATOR] = 1, [PRINCIPAL_CUSTODIAN] = 2, [PRINCIPAL_AUDITOR] = 3,
		[PRINCIPAL_PERSON] = 4, [PRINCIPAL_APP] = 5, [PRINCIPAL_JOB] = 6 };
	const struct principal *a = &(*(const struct genesis_member *const *)x)->principal;
	const struct principal *b = &(*(const struct genesis_member *const *)y)->principal;

	return a->kind != b->kind ? order[a->kind] - order[b->kind] : strcmp(a->login, b->login);
}

static void print_member(const struct opened *o, struct table *t, const struct genesis_member *m)
{
	const struct genesis_reading *r = &o->reading;
	const struct principal *p = &m->principal;
	char name[256], department[256], post[256], roles[1024], vetted[25], person[16], code[CLIENT_KEY_CODE];
	struct genesis_signature s;
	bool good;

	roles_text(r, m, roles);
	vetted_text(m->texts.vetting_ms, vetted);
	snprintf(person, sizeof(person), "%u", person_number(r, (unsigned)(m - r->member)));
	client_key_code(p->id, p->box_pk, p->sign_pk, code);
	table_row(t, (const char *const[]){ kind_word(p), p->login, text_of(m, DIR_PERSON_NAME, name),
	    text_of(m, DIR_PERSON_DEPARTMENT, department), text_of(m, DIR_PERSON_POST, post), p->area, roles, vetted, person, code,
	    p->kind == PRINCIPAL_ADMINISTRATOR ? signature_state(o, p->id, &s, &good) : "" });
}

static void print_people(const struct opened *o)
{
	const struct genesis_reading *r = &o->reading;
	const struct genesis_member **sorted = calloc((size_t)r->members + 1, sizeof(sorted[0]));
	struct table *t = table_new(11, (const char *const[]){ tr("as", "身份"), tr("login", "登录名"), tr("name", "姓名"),
	    tr("department", "部门"), tr("post", "职务"), tr("area", "辖区"), tr("roles", "角色"), tr("vetted", "审查日期"),
	    tr("person", "自然人"), tr("key code", "密钥校验码"), tr("signature", "签名") });

	for (unsigned i = 0; sorted != NULL && i < r->members; i++)
		sorted[i] = &r->member[i];
	if (sorted != NULL)
		qsort(sorted, r->members, sizeof(sorted[0]), member_cmp);
	for (unsigned i = 0; sorted != NULL && t != NULL && i < r->members; i++)
		print_member(o, t, sorted[i]);
	if (t != NULL)
		(void)table_print(t);	/* as above */
	free(sorted);
}

/* How many persons signed, in a sentence of its own on standard error. */
static void say_signed(const struct opened *o)
{
	const struct genesis_body *b = &o->reading.signing.body;
	struct genesis_signature list[GENESIS_ADMINS_MAX];
	unsigned n = 0, persons;
	bool good;

	for (unsigned i = 0; i < b->admins; i++) {
		(void)signature_state(o, b->admin[i].id, &list[n], &good);
		n += good;
	}
	persons = genesis_persons(&o->reading.signing, list, n);
	fprintf(stderr, persons >= 2 ? tr("two persons have signed: the vault can be unsealed\n", "已有两人签名：可以解封\n") :
	    persons == 1 ? tr("one person has signed, one more has to\n", "已有一人签名，还须一人\n") :
	    tr("nobody has signed yet, two persons have to\n", "尚无人签名，须两人签名\n"));
}

/* Rules of production that the request breaks are said before anything is shown, and by sign refused. */
static int check_rules(const struct opened *o)
{
	const struct genesis_reading *r = &o->reading;
	struct separation fault;
	int e = genesis_reading_check(r, &fault);

	if (e == CV_ERR_DENIED)
		return separation_say(&fault, fault.a < r->members ? r->member[fault.a].principal.login : "",
		    fault.b < r->members ? r->member[fault.b].principal.login : "");
	return e == 0 ? 0 : cli_fail(EXIT_FAILED, "out of memory", "内存不足");
}

static int genesis_show(int argc, char **argv)
{
	static const struct cli_help help = { "genesis show DIR|FILE",
		"Shows what two administrators are to sign: the vault, its policy and its people, after holding all of it against itself.\n"
		"The key codes are those that `childvault keygen` has told their owners; the code of the whole, eight digits, is compared\n"
		"by telephone by those who sign. A number under `person` is one natural person, whatever keys they have.",
		"显示待两名管理员签署的内容：保管库、规则与人员，并先核对其前后一致。密钥校验码即 keygen 告知其本人者；整体校验码八位，\n"
		"由签名人电话核对。“自然人”一栏编号相同者为同一人。" };
	struct cli_args a;
	struct opened o;
	int code;

	if (!cli_parse(argc, argv, &help, NULL, 0, 1, 1, &a))
		return a.exit;
	if ((code = open_request(a.argv[0], &o)) == 0) {
		code = check_rules(&o);
		print_facts(&o.reading);
		print_people(&o);
		say_signed(&o);
	}
	opened_free(&o);
	return code != 0 ? code : fflush(stdout) == 0 && !ferror(stdout) ? EXIT_DONE : EXIT_FAILED;
}

/* ---- sign ------------------------------------------------------------------------------------------------------------------ */

static int open_key(const char *path, uint64_t fd, struct client_key *ret)
{
	struct client_pass pass;
	struct keyfile f;
	struct buf text, words;
	int code, r;

	buf_init(&text, SMALL_FILE);
	buf_init(&words, 2048);
	memset(&pass, 0, sizeof(pass));
	if ((code = cli_read_file(path, &text)) != 0)
		goto out;
	if (keyfile_decode((const char *)text.p, text.n, &f) != 0) {
		code = cli_fail(EXIT_FAILED, "%s is not a key file", "%s 不是密钥文件", path);
		goto out;
	}
	if (f.protection == KEYFILE_PASSPHRASE && ((code = cli_passphrase(fd, tr("Passphrase:", "口令："), false, &words)) != 0))
		goto out;
	r = f.protection == KEYFILE_PASSPHRASE ? client_pass_of(&f, (const char *)words.p, words.n, &pass) : 0;
	if (r == 0)
		r = client_key_open(&f, f.protection == KEYFILE_PASSPHRASE ? &pass : NULL, NULL, ret);
	if (r != 0)
		code = r == CV_ERR_AUTH ? cli_fail(EXIT_DENIED, "the key file does not open", "密钥文件无法打开") :
		    cli_fail(EXIT_FAILED, "%s: %s", "%s：%s", path, cv_strerror(r));
out:
	wipe(&pass, sizeof(pass));
	wipe(&f, sizeof(f));
	buf_free(&text);
	buf_free(&words);
	return code;
}

static void sign_with(void *cookie, const void *p, size_t n, uint8_t ret[64])
{
	const struct client_key *k = cookie;

	crypto_sign(k->sign_sk, p, n, ret);
}

static int write_signature(const struct opened *o, const struct client_key *key, const char *out)
{
	struct genesis_signature s;
	char path[PATH_ROOM + 64];
	struct buf text;
	int code;

	if (genesis_sign(&o->reading.signing, key->principal, key->sign_pk, sign_with, (void *)key, &s) != 0)
		return cli_fail(EXIT_DENIED, "this key is none of the vault's administrators", "此密钥不属于该库的管理员");
	signature_path(o->folder, key->principal, path);
	buf_init(&text, GENESIS_SIGNATURE_TEXT_MAX);
	genesis_signature_encode(&s, &text);
	code = buf_ok(&text) ? cli_write_file(out != NULL ? out : path, text.p, text.n, 0644, true) :
	    cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	if (code == 0)
		printf("%s\n", out != NULL ? out : path);
	buf_free(&text);
	return code;
}

static int genesis_sign_command(int argc, char **argv)
{
	static const struct cli_help help = { "genesis sign DIR|FILE --key KEY --code CODE [--out FILE] [--passphrase-fd N]",
		"Signs what `genesis show` shows, with an administrator's key. CODE is the code of the whole as the other administrators\n"
		"read it from theirs. The signature is written beside the request, where the vault looks for it; FILE can be carried\n"
		"there.",
		"用管理员密钥签署 genesis show 所显示的内容。CODE 为其他管理员读出的整体校验码。签名写在请求文件旁，供库读取；亦可用 --out 另存后携往。" };
	const char *key_path = NULL, *out = NULL, *typed = NULL;
	uint64_t fd = UINT64_MAX;
	const struct cli_option options[] = {
		{ "key", OPTION_TEXT, &key_path, "KEY", "the administrator's key file", "管理员的密钥文件" },
		{ "code", OPTION_TEXT, &typed, "CODE", "eight digits, compared by telephone", "电话核对过的八位校验码" },
		{ "out", OPTION_TEXT, &out, "FILE", "write the signature there", "签名写入此文件" },
		{ "passphrase-fd", OPTION_NUMBER, &fd, "N", "read the passphrase from descriptor N", "从描述符 N 读口令" },
	};
	struct client_key key;
	struct cli_args a;
	struct opened o;
	int code;

	if (!cli_parse(argc, argv, &help, options, sizeof(options) / sizeof(options[0]), 1, 1, &a))
		return a.exit;
	if (key_path == NULL || typed == NULL)
		return cli_usage("genesis sign", "--key and --code are needed; the code stands in `childvault genesis show`",
		    "须给出 --key 与 --code；校验码见 childvault genesis show");
	if ((code = open_request(a.argv[0], &o)) != 0 || (code = check_rules(&o)) != 0)
		goto out;
	if (!cli_is_code(typed, o.reading.code)) {
		code = cli_fail(EXIT_VERIFY, "the code of this genesis is %s: what the others look at is another one",
		    "此内容的校验码为 %s：与他人所见不同", o.reading.code);
		goto out;
	}
	if ((code = open_key(key_path, fd, &key)) != 0)
		goto out;
	if ((code = write_signature(&o, &key, out)) == 0 && out == NULL)
		say_signed(&o);
	if (code == 0)
		code = chain_remember(key_path, o.reading.signing.leaf_hash, o.reading.signing.digest);
	client_key_clear(&key);
out:
	opened_free(&o);
	return code;
}

int cmd_genesis(int argc, char **argv)
{
	static const struct cli_sub subs[] = {
		{ "show", genesis_show, "show what a new vault is", "查看新库的内容" },
		{ "sign", genesis_sign_command, "sign it as one of its administrators", "以管理员身份签署" },
	};

	return cli_group(argc, argv, subs, sizeof subs / sizeof subs[0]);
}
