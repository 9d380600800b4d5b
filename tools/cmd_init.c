/*
 * childvault init: a new vault. Of people who bring their own public files (init_people.c), or a demo: every key in one folder, said
 * so in leaf 0 for ever.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "cli.h"
#include "crypto/crypto.h"
#include "format/keyfile.h"
#include "init.h"
#include "keys/quorum.h"
#include "model/model.h"
#include "profile/profile.h"
#include "shares.h"
#include "store/files.h"
#include "vault/genesis.h"

/*
 * The people of a demo vault: names are pinned, scripts rely on them. A role is given by its name in the profile. The first
 * eleven see the whole vault and read under a standing approval; the others are there to try areas and approvals with: a
 * county, two townships of it, a village of the first.
 */
#define COUNTY "119901"	/* a province, so that the code is one, with a prefecture that is none: as in synthetic files */
#define EAST COUNTY "101"
#define WEST COUNTY "102"
#define EAST_VILLAGE EAST "001"
struct demo_person {
	const char *login, *role, *name, *post, *area;
	enum principal_kind kind;
	uint8_t admin_area;
	bool standing;		/* if the role wants approvals */
};
static const struct demo_person demo_people[] = {
	{ "admin-a", "", "演示管理员甲", "system administrator", "", PRINCIPAL_ADMINISTRATOR, 1, false },
	{ "admin-b", "", "演示管理员乙", "security administrator", "", PRINCIPAL_ADMINISTRATOR, 2, false },
	{ "custodian-a", "", "演示保管员甲", "key custodian", "", PRINCIPAL_CUSTODIAN, 0, false },
	{ "custodian-b", "", "演示保管员乙", "key custodian", "", PRINCIPAL_CUSTODIAN, 0, false },
	{ "auditor", "auditor", "演示审计员", "auditor", "", PRINCIPAL_AUDITOR, 0, false },
	{ "manager", "manager", "演示主管", "head of section", "", PRINCIPAL_PERSON, 0, true },
	{ "caseworker", "caseworker", "演示县级社工", "county caseworker", "", PRINCIPAL_PERSON, 0, true },
	{ "township-worker", "township-worker", "演示儿童督导员", "township supervisor", "", PRINCIPAL_PERSON, 0, true },
	{ "village-worker", "village-worker", "演示儿童主任", "village children's director", "", PRINCIPAL_PERSON, 0, true },
	{ "school", "school", "演示学校", "school office", "", PRINCIPAL_PERSON, 0, true },
	{ "intake", "intake", "演示受理程序", "intake application", "", PRINCIPAL_APP, 0, false },
	{ "clerk", "caseworker", "演示民政经办员", "county caseworker", COUNTY, PRINCIPAL_PERSON, 0, false },
	{ "worker-east", "township-worker", "演示东镇督导员", "township supervisor", EAST, PRINCIPAL_PERSON, 0, false },
	{ "worker-west", "township-worker", "演示西镇督导员", "township supervisor", WEST, PRINCIPAL_PERSON, 0, false },
	{ "village-east", "village-worker", "演示东镇儿童主任", "village children's director", EAST_VILLAGE, PRINCIPAL_PERSON, 0, false },
	{ "manager-b", "manager", "演示副主管", "deputy head of section", COUNTY, PRINCIPAL_PERSON, 0, false },
	{ "health-office", "health-office", "演示卫健经办员", "health office", COUNTY, PRINCIPAL_PERSON, 0, false },
	{ "protection-officer", "protection-officer", "演示未保专员", "protection officer", COUNTY, PRINCIPAL_PERSON, 0, false },
};
#define DEMO_PEOPLE (sizeof(demo_people) / sizeof(demo_people[0]))
#define ADMINISTRATORS 2u	/* the first ones */

/* Who holds shares, if the demo shall have a quorum. */
static const char *const demo_holders[] = { "custodian-a", "custodian-b", "admin-a", "admin-b", "manager" };
#define DEMO_HOLDERS ((unsigned)(sizeof(demo_holders) / sizeof(demo_holders[0])))

/* A role of the profile that none of these has gets one more person, so that every role can be tried. */
#define PEOPLE_MAX (DEMO_PEOPLE + POLICY_ROLES)

struct demo_keys {
	uint8_t seed[32], sign_sk[SIGN_SECRET], box_sk[32];
};
struct demo {
	int dirfd;
	unsigned n;
	struct genesis_person person[PEOPLE_MAX];
	uint16_t role[PEOPLE_MAX];
	struct demo_keys keys[PEOPLE_MAX];
	unsigned standing_n;
	uint8_t standing[DEMO_PEOPLE][16];
	uint8_t vault_id[16];
	struct buf policy;
};

/* Where the profile that ships lies: installed, or in the source tree beside the build folder. */
static bool find_profile(char ret[PATH_MAX])
{
	static const char *const places[] = { "../profiles", "../../profiles", "../share/childvault/profiles" };
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		return false;
	self[n] = '\0';
	(void)dirname(self);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (snprintf(ret, PATH_MAX, "%s/%s/child-welfare.yaml", self, places[i]) < PATH_MAX && access(ret, R_OK) == 0)
			return true;
	return false;
}

int init_profile(const char *path, struct buf *ret)
{
	struct profile_error e = { 0, 0, "" };
	char found[PATH_MAX];

	if (path == NULL && !find_profile(found))
		return cli_fail(EXIT_FAILED, "the profile child-welfare.yaml is not where it was installed; name one with --profile",
		    "找不到随附的 child-welfare.yaml，请用 --profile 指定");
	if (path == NULL)
		path = found;
	if (profile_compile(path, ret, &e) == 0)
		return 0;
	return cli_fail(EXIT_FAILED, "%s:%u:%u: %s", "%s:%u:%u: %s", path, e.line, e.column, e.text);
}

int init_folder(const char *dir, bool keys, int *ret_dirfd)
{
	int fd;

	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return cli_fail(EXIT_FAILED, "%s: %s", "%s：%s", dir, strerror(errno));
	if ((fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return cli_fail(EXIT_FAILED, "%s: %s", "%s：%s", dir, strerror(errno));
	if (rmdir(dir) == 0 && mkdir(dir, 0700) == 0) {
		/* It was empty: rmdir would not have taken anything else. */
		close(fd);
		fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	} else {
		close(fd);
		return cli_fail(EXIT_FAILED, "%s is not empty", "%s 不是空文件夹", dir);
	}
	if (fd < 0 || (keys && mkdirat(fd, "keys", 0700) != 0)) {
		if (fd >= 0)
			close(fd);
		return cli_fail(EXIT_FAILED, "%s: %s", "%s：%s", dir, strerror(errno));
	}
	*ret_dirfd = fd;
	return 0;
}

static void add_person(struct demo *d, const struct demo_person *p, const struct policy_role *role)
{
	struct genesis_person *g = &d->person[d->n];
	struct demo_keys *k = &d->keys[d->n];

	memset(g, 0, sizeof(*g));
	crypto_random(g->principal.id, 16);
	crypto_random(g->principal.person, 16);
	crypto_random(k->box_sk, 32);
	crypto_random(k->seed, 32);
	crypto_box_public(k->box_sk, g->principal.box_pk);
	crypto_sign_pair(k->seed, g->principal.sign_pk, k->sign_sk);
	g->principal.kind = role != NULL && role->kind != 0 ? (enum principal_kind)role->kind : p->kind;
	g->principal.admin_area = p->admin_area;
	g->principal.uid = UID_ANY;
	g->principal.department = role != NULL ? role->department : 0;
	g->login = p->login;
	g->name = p->name;
	g->post = p->post;
	g->area = p->area;
	g->department = "";
	if (role != NULL) {
		d->role[d->n] = role->id;
		g->roles = &d->role[d->n];
		g->role_count = 1;
	}
	if (p->standing && role != NULL && role->approval)
		memcpy(d->standing[d->standing_n++], g->principal.id, 16);
	d->n++;
}

static bool has_member(const struct demo *d, uint16_t role)
{
	for (unsigned i = 0; i < d->n; i++)
		if (d->person[i].role_count > 0 && d->role[i] == role)
			return true;
	return false;
}

/* The role of one of demo_people in this profile; NULL also if their login is another role's name, whose person has it then. */
static const struct policy_role *role_of(const struct policy *p, const struct demo_person *x)
{
	if (strcmp(x->login, x->role) != 0 && policy_role_named(p, x->login, strlen(x->login)) != NULL)
		return NULL;
	return policy_role_named(p, x->role, strlen(x->role));
}

static void people(struct demo *d, const struct policy *p)
{
	d->n = 0;
	for (size_t i = 0; i < DEMO_PEOPLE; i++) {
		const struct policy_role *role = role_of(p, &demo_people[i]);
		bool needs_role = demo_people[i].kind == PRINCIPAL_PERSON || demo_people[i].kind == PRINCIPAL_APP;

		if (role != NULL || !needs_role)
			add_person(d, &demo_people[i], role);
	}
	for (unsigned i = 0; i < policy_roles(p); i++) {
		const struct policy_role *role = policy_role(p, i);
		struct demo_person other = { role->name, role->name, role->label.zh, role->name, "", PRINCIPAL_PERSON, 0, false };

		if (!has_member(d, role->id))
			add_person(d, &other, role);
	}
	for (unsigned i = 0; i < d->n; i++)
		if (d->person[i].principal.department != 0)
			d->person[i].department = policy_department_name(p, d->person[i].principal.department);
}

static int write_key_files(struct demo *d)
{
	struct keyfile k;
	struct buf text;
	char path[PATH_MAX];
	int r = 0;

	buf_init(&text, KEYFILE_TEXT_MAX);
	for (unsigned i = 0; r == 0 && i < d->n; i++) {
		memset(&k, 0, sizeof(k));
		memcpy(k.principal, d->person[i].principal.id, 16);
		memcpy(k.vault, d->vault_id, 16);
		k.body_n = KEYFILE_SECRETS;
		memcpy(k.body, d->keys[i].box_sk, 32);
		memcpy(k.body + 32, d->keys[i].seed, 32);
		buf_reset(&text);
		snprintf(path, sizeof(path), "keys/%s.key", d->person[i].login);
		if ((r = keyfile_encode(&k, &text)) == 0)
			r = files_create(d->dirfd, path, text.p, text.n);
		wipe(&k, sizeof(k));
	}
	buf_free(&text);
	return r;
}

static void sign_with(void *cookie, const void *p, size_t n, uint8_t ret[64])
{
	const struct demo_keys *k = cookie;

	crypto_sign(k->sign_sk, p, n, ret);
}

/* A second way to unseal, for trying it: any k of the five. Their files lie where all keys of a demo lie. */
static int make_quorum(struct demo *d, uint64_t k, struct vault_genesis_slot *ret)
{
	uint8_t shares[DEMO_HOLDERS * SHARE_BYTES];
	struct buf text;
	char path[32];
	int r;

	*ret = (struct vault_genesis_slot){ .number = 1, .info = { .k = (uint8_t)k, .n = DEMO_HOLDERS } };
	for (unsigned i = 0; i < DEMO_HOLDERS; i++)
		memcpy(ret->info.holder[i], demo_holders[i], strlen(demo_holders[i]));
	buf_init(&text, 4096);
	r = quorum_split(d->vault_id, ret->number, &ret->info, ret->kek, shares);
	for (unsigned i = 0; r == 0 && i < DEMO_HOLDERS; i++) {
		buf_reset(&text);
		share_text(shares + i * SHARE_BYTES, demo_holders[i], &text);
		snprintf(path, sizeof(path), "keys/share-%u.txt", i + 1);
		r = files_create(d->dirfd, path, text.p, text.n);
	}
	wipe(shares, sizeof(shares));
	buf_free(&text);
	return r;
}

static int make_vault(struct demo *d, const struct init_people *x)
{
	struct vault_genesis_slot slots[2] = { { .number = 3, .info = { .type = SLOT_DEMO } } };
	struct genesis_signer signers[ADMINISTRATORS];
	struct vault_genesis g = { .dir = x->dir, .origin = x->origin, .demo = true, .policy = d->policy.p, .policy_n = d->policy.n,
		.people = d->person, .people_count = d->n, .signers = signers, .signer_count = ADMINISTRATORS, .slots = slots,
		.slot_count = 1, .standing = (const uint8_t (*)[16])d->standing, .standing_count = d->standing_n,
		.journal_file_bytes = x->journal_mib << 20 };
	int r;

	memcpy(g.vault_id, d->vault_id, 16);
	crypto_random(slots[0].kek, 32);
	for (unsigned i = 0; i < ADMINISTRATORS; i++) {
		memcpy(signers[i].id, d->person[i].principal.id, 16);
		signers[i].sign = sign_with;
		signers[i].cookie = &d->keys[i];
	}
	if ((r = write_key_files(d)) != 0 || (r = files_create(d->dirfd, "keys/root.key", slots[0].kek, 32)) != 0 ||
	    (x->quorum != 0 && (r = make_quorum(d, x->quorum, &slots[g.slot_count++])) != 0))
		goto out;
	r = vault_genesis(&g);
out:
	wipe(slots, sizeof(slots));
	return r;
}

static int init_demo(const struct init_people *x)
{
	struct demo *d = calloc(1, sizeof(*d));
	struct policy *p = NULL;
	int code, r;

	if (d == NULL)
		return cli_fail(EXIT_FAILED, "no memory", "内存不足");
	d->dirfd = -1;
	buf_init(&d->policy, POLICY_DOCUMENT_MAX);
	if ((code = init_profile(x->profile, &d->policy)) != 0 || (code = init_folder(x->dir, true, &d->dirfd)) != 0)
		goto out;
	crypto_allow_unlocked(true);
	crypto_random(d->vault_id, 16);
	if ((r = policy_decode(d->policy.p, d->policy.n, &p)) == 0) {
		people(d, p);
		r = make_vault(d, x);
	}
	if (r != 0)
		code = cli_fail(EXIT_FAILED, "the vault was not made: %s", "未能建立保管库：%s", cv_strerror(r));
out:
	policy_free(p);
	if (d->dirfd >= 0)
		close(d->dirfd);
	buf_free(&d->policy);
	wipe(d, sizeof(*d));
	free(d);
	return code;
}

/* What is wrong with the options together; 0 or exit code. */
static int check_options(bool demo, const struct init_people *x)
{
	bool people = x->admins.n + x->custodians.n + x->auditors.n + x->members.n + x->apps.n > 0;

	if (demo && (people || x->production || x->table != NULL || x->holders.n > 0 || x->shares != NULL || x->no_passphrase))
		return cli_usage("init",
		    "a demo vault has its own people: --demo goes with --profile, --origin, --journal-mib and --quorum alone",
		    "演示库自带人员：--demo 只能与 --profile、--origin、--journal-mib、--quorum 合用");
	if (demo && x->quorum != 0 && (x->quorum < 2 || x->quorum > DEMO_HOLDERS))
		return cli_usage("init", "a demo's --quorum is 2 to %u", "演示库的 --quorum 应为 2 至 %u", DEMO_HOLDERS);
	if (!demo && !people)
		return cli_usage("init", "who are its people? give --admin, --custodian, --auditor and --member, or make a --demo vault",
		    "请用 --admin、--custodian、--auditor、--member 指定人员，或用 --demo 建立演示库");
	if (x->journal_mib != 0 && (x->journal_mib < 9 || x->journal_mib > 1024))
		return cli_usage("init", "--journal-mib takes a number from 9 to 1024", "--journal-mib 应为 9 至 1024 的数");
	if (x->origin != NULL && (strlen(x->origin) > 200 || strpbrk(x->origin, " +\t\n") != NULL || x->origin[0] == '\0'))
		return cli_usage("init", "--origin is at most 200 characters without space or +", "--origin 至多 200 个字符，不含空格与 +");
	return 0;
}

int cmd_init(int argc, char **argv)
{
	static const struct cli_help help = {
		"init DIR --admin FILE[,area=AREA]... --custodian FILE... --auditor FILE... --member FILE=ROLES...\n"
		"       childvault init --demo DIR",
		"Make a new vault of the people whose public files (`childvault keygen`) are given. It stays pending until two\n"
		"administrators have signed what it is: see `childvault genesis --help`. AREA is system, security or audit; ROLES are\n"
		"names of the profile with commas between. TABLE is CSV with a header of login (the name in the public file), name,\n"
		"department, post, area, vetted (YYYY-MM-DD), person (who has several keys has one text here) and uid, all but login\n"
		"optional. A demo vault keeps all keys in DIR/keys, unseals itself at start and says so in its first leaf for ever: for\n"
		"trying things out with synthetic files only.",
		"用各人的公开文件（childvault keygen 生成）建立新的保管库。两名管理员签名之前，库处于待定状态：见 childvault genesis --help。\n"
		"AREA 为 system、security、audit 之一；ROLES 为配置中的角色名，以逗号分隔。TABLE 为 CSV，表头为 login（公开文件中的名称）、name、\n"
		"department、post、area、vetted（YYYY-MM-DD）、person（同一自然人的多个密钥填同一文本）、uid，除 login 外均可省略。\n"
		"演示库把全部密钥放在 DIR/keys 中，启动时自行解封，并永久记入第一条日志：只可用于合成数据的试用。" };
	struct init_people x = { .passphrase_fd = UINT64_MAX };
	bool demo = false;
	const struct cli_option options[] = {
		{ "demo", OPTION_FLAG, &demo, NULL, "make a demo vault", "建立演示库" },
		{ "admin", OPTION_LIST, &x.admins, "FILE[,area=A]", "an administrator; at least two", "管理员，至少两名" },
		{ "custodian", OPTION_LIST, &x.custodians, "FILE", "a custodian: two together can grant roles", "密钥保管员：两人一起可授予角色" },
		{ "auditor", OPTION_LIST, &x.auditors, "FILE[=ROLE]", "an auditor", "审计员" },
		{ "member", OPTION_LIST, &x.members, "FILE=ROLES", "a person who works with files", "办理档案的人员" },
		{ "app", OPTION_LIST, &x.apps, "FILE=ROLE", "an application", "应用程序" },
		{ "people", OPTION_TEXT, &x.table, "TABLE", "names, posts and areas of all these (CSV)", "上述人员的姓名、职务、辖区（CSV）" },
		{ "production", OPTION_FLAG, &x.production, NULL, "administrators, custodians, auditors and readers are different persons",
		    "正式库：管理员、保管员、审计员与查阅者互相分离，并永久记入第一条日志" },
		{ "quorum", OPTION_NUMBER, &x.quorum, "K", "let any K of the holders unseal as well (demo: of five, files in DIR/keys)",
		    "任意 K 名持有人也可解封（演示库：五份，存于 DIR/keys）" },
		{ "holder", OPTION_LIST, &x.holders, "NAME", "who holds a share (default: the custodians)", "份额持有人（默认为保管员）" },
		{ "shares", OPTION_TEXT, &x.shares, "DIR", "folder for the shares' files", "存放份额文件的目录" },
		{ "no-passphrase", OPTION_FLAG, &x.no_passphrase, NULL, "the quorum alone unseals", "只能由持有人解封" },
		{ "passphrase-fd", OPTION_NUMBER, &x.passphrase_fd, "N", "read the operator's passphrase from descriptor N",
		    "从描述符 N 读操作员口令" },
		{ "profile", OPTION_TEXT, &x.profile, "FILE", "the profile to use (default child-welfare)", "采用的配置（默认 child-welfare）" },
		{ "origin", OPTION_TEXT, &x.origin, "NAME", "name of the audit log", "审计日志的名称" },
		{ "journal-mib", OPTION_NUMBER, &x.journal_mib, "N", "size of a journal file, 9 to 1,024 (default 16)",
		    "日志文件大小（MiB），9 至 1024，默认 16" },
	};
	struct cli_args args;
	int code;

	if (!cli_parse(argc, argv, &help, options, sizeof(options) / sizeof(options[0]), 1, 1, &args))
		return args.exit;
	if ((code = check_options(demo, &x)) != 0)
		return code;
	if (crypto_start() != 0)
		return cli_fail(EXIT_FAILED, "the cryptographic library does not start", "密码库无法启动");
	x.dir = args.argv[0];
	return demo ? init_demo(&x) : init_people(&x);
}
