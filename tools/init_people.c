/* childvault init for a vault of people: public files, a table of names, roles, and how the vault will be unsealed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "client/key.h"
#include "csv.h"
#include "format/keyfile.h"
#include "init.h"
#include "keys/quorum.h"
#include "model/validate.h"
#include "shares.h"
#include "vault/genesis.h"

#define PEOPLE_MAX (5u * CLI_LIST_MAX)
#define SMALL_FILE (1u << 17)	/* room that cli_read_file wants for any */
#define DAY_MS (24ull * 3600 * 1000)
#define SLOT_OF_QUORUM 1u
#define SLOT_OF_PASSPHRASE 2u

/* The columns of a table. */
enum column { LOGIN, NAME, DEPARTMENT, POST, AREA, VETTED, PERSON, UID, COLUMNS };
static const char *const column_name[COLUMNS] = { "login", "name", "department", "post", "area", "vetted", "person", "uid" };

/* What is kept of one of the people besides what genesis takes. */
struct extra {
	char text[UID][256];		/* by column; VETTED is not used */
	uint16_t roles[ROLE_WRAPS];
	bool in_table;
};
struct office {
	const struct init_people *x;
	struct buf document;
	struct policy *policy;
	unsigned n, admins;
	struct genesis_person person[PEOPLE_MAX];
	struct extra extra[PEOPLE_MAX];
	struct genesis_signer signer[GENESIS_ADMINS_MAX];
	struct vault_genesis_slot slot[2];
	unsigned slots;
	const char *holder[SLOT_HOLDERS];
	unsigned holders;
	uint8_t share[SLOT_HOLDERS * SHARE_BYTES];
	uint8_t vault_id[16];
};

/* ---- public files ------------------------------------------------------------------------------------------------------ */

static int read_public(const char *path, struct pubfile *ret)
{
	struct buf text;
	int code;

	buf_init(&text, SMALL_FILE);
	if ((code = cli_read_file(path, &text)) != 0)
		goto out;
	if (pubfile_decode((const char *)text.p, text.n, ret) != 0)
		code = cli_fail(EXIT_FAILED, "%s is not a public file", "%s 不是公开文件", path);
	else if (client_key_public_check(ret) != 0)
		code = cli_fail(EXIT_FAILED, "%s does not prove that its owner has the keys: it was changed, or made by somebody else",
		    "%s 未能证明其持有人拥有密钥：文件被改动或系他人制作", path);
	else if (ret->name_n >= sizeof(((struct principal *)0)->login) || !text_clean_line(ret->name, ret->name_n))
		code = cli_fail(EXIT_FAILED, "%s: a login name has at most 63 bytes, on one line", "%s：登录名至多 63 字节，单行", path);
out:
	buf_free(&text);
	return code;
}

/* One more of the people, without roles. */
static int add_person(struct office *o, const char *path, enum principal_kind kind, struct genesis_person **ret)
{
	struct genesis_person *g = &o->person[o->n];
	struct extra *e = &o->extra[o->n];
	struct pubfile f;
	int code;

	if ((code = read_public(path, &f)) != 0)
		return code;
	for (unsigned i = 0; i < o->n; i++)
		if (strcmp(o->extra[i].text[LOGIN], f.name) == 0)
			return cli_fail(EXIT_FAILED, "two public files have the name %s", "两个公开文件同名：%s", f.name);
	memcpy(g->principal.id, f.principal, 16);
	memcpy(g->principal.box_pk, f.box_pk, 32);
	memcpy(g->principal.sign_pk, f.sign_pk, 32);
	g->principal.kind = kind;
	g->principal.uid = UID_ANY;
	snprintf(e->text[LOGIN], sizeof(e->text[LOGIN]), "%s", f.name);
	snprintf(e->text[NAME], sizeof(e->text[NAME]), "%s", f.name);
	snprintf(e->text[PERSON], sizeof(e->text[PERSON]), "%s", f.name);
	g->login = e->text[LOGIN];
	g->name = e->text[NAME];
	g->department = e->text[DEPARTMENT];
	g->post = e->text[POST];
	g->area = e->text[AREA];
	g->roles = e->roles;
	o->n++;
	*ret = g;
	return 0;
}

/* ---- the options ---------------------------------------------------------------------------------------------------------- */

/* "FILE" and what follows the last separator; NULL if there is none. The file's name goes to ret_path. */
static const char *split(const char *spec, const char *separator, char ret_path[4096])
{
	const char *at = NULL;

	for (const char *s = strstr(spec, separator); s != NULL; s = strstr(s + 1, separator))
		at = s;
	snprintf(ret_path, 4096, "%.*s", (int)(at != NULL ? (size_t)(at - spec) : strlen(spec)), spec);
	return at != NULL ? at + strlen(separator) : NULL;
}

static int add_admin(struct office *o, const char *spec)
{
	static const char *const areas[] = { "", "system", "security", "audit" };
	char path[4096];
	const char *area = split(spec, ",area=", path);
	struct genesis_person *g;
	uint8_t number = 0;
	int code;

	while (area != NULL && ++number < 4 && strcmp(areas[number], area) != 0)
		;
	if (number == 4)
		return cli_usage("init", "an administrator's area is system, security or audit, not %s",
		    "管理员的领域为 system、security 或 audit，不是 %s", area);
	if (o->admins == GENESIS_ADMINS_MAX)
		return cli_usage("init", "at most %u administrators", "管理员至多 %u 名", GENESIS_ADMINS_MAX);
	if ((code = add_person(o, path, PRINCIPAL_ADMINISTRATOR, &g)) != 0)
		return code;
	g->principal.admin_area = number;
	memcpy(o->signer[o->admins++].id, g->principal.id, 16);
	return 0;
}

/* One role of the profile joins those of g, whose kind it must be made for. */
static int add_role(struct office *o, struct genesis_person *g, const char *name, size_t n)
{
	const struct policy_role *role = policy_role_named(o->policy, name, n);
	struct extra *e = &o->extra[g - o->person];

	if (role == NULL)
		return cli_fail(EXIT_FAILED, "%s: the profile has no role %.*s", "%s：配置中没有角色 %.*s", g->login, (int)n, name);
	if (g->role_count == ROLE_WRAPS - 1)
		return cli_fail(EXIT_FAILED, "%s: at most %u roles", "%s：角色至多 %u 个", g->login, ROLE_WRAPS - 1);
	if (g->principal.kind == PRINCIPAL_APP && role->kind == PRINCIPAL_JOB)
		g->principal.kind = PRINCIPAL_JOB;
	if (g->role_count == 0) {
		g->principal.department = role->department;
		snprintf(e->text[DEPARTMENT], sizeof(e->text[DEPARTMENT]), "%s", policy_department_name(o->policy, role->department));
	}
	e->roles[g->role_count++] = role->id;
	return 0;
}

static int add_roles(struct office *o, struct genesis_person *g, const char *names)
{
	int code = 0;

	while (code == 0 && names != NULL) {
		const char *comma = strchr(names, ',');

		code = add_role(o, g, names, comma != NULL ? (size_t)(comma - names) : strlen(names));
		names = comma != NULL ? comma + 1 : NULL;
	}
	return code;
}

static int add_member(struct office *o, const char *spec, enum principal_kind kind)
{
	char path[4096];
	const char *roles = split(spec, "=", path);
	struct genesis_person *g;
	int code;

	if (roles == NULL)
		return cli_usage("init", "which role? %s wants =ROLE behind the file", "%s 之后须有 =角色", spec);
	return (code = add_person(o, path, kind, &g)) != 0 ? code : add_roles(o, g, roles);
}

/* An auditor has the named role, or the profile's first one of their kind. */
static int add_auditor(struct office *o, const char *spec)
{
	char path[4096];
	const char *roles = split(spec, "=", path);
	struct genesis_person *g;
	int code;

	if ((code = add_person(o, path, PRINCIPAL_AUDITOR, &g)) != 0)
		return code;
	for (unsigned i = 0; roles == NULL && i < policy_roles(o->policy); i++)
		if (policy_role(o->policy, i)->kind == PRINCIPAL_AUDITOR)
			roles = policy_role(o->policy, i)->name;
	if (roles == NULL)
		return cli_fail(EXIT_FAILED, "the profile has no role for auditors", "配置中没有审计员角色");
	return add_roles(o, g, roles);
}

static int add_people(struct office *o)
{
	const struct init_people *x = o->x;
	struct genesis_person *g;
	int code = 0;

	for (size_t i = 0; code == 0 && i < x->admins.n; i++)
		code = add_admin(o, x->admins.item[i]);
	for (size_t i = 0; code == 0 && i < x->custodians.n; i++)
		code = add_person(o, x->custodians.item[i], PRINCIPAL_CUSTODIAN, &g);
	for (size_t i = 0; code == 0 && i < x->auditors.n; i++)
		code = add_auditor(o, x->auditors.item[i]);
	for (size_t i = 0; code == 0 && i < x->members.n; i++)
		code = add_member(o, x->members.item[i], PRINCIPAL_PERSON);
	for (size_t i = 0; code == 0 && i < x->apps.n; i++)
		code = add_member(o, x->apps.item[i], PRINCIPAL_APP);
	return code;
}

/* ---- the table ------------------------------------------------------------------------------------------------------------ */

/* The columns that a header names. 0 or exit code. */
static int table_header(const char *path, const char *cells, unsigned n, int8_t *ret_column)
{
	bool seen[COLUMNS] = { false };

	for (unsigned i = 0; i < n; i++, cells += strlen(cells) + 1) {
		int8_t c = 0;

		while (c < COLUMNS && strcmp(column_name[c], cells) != 0)
			c++;
		if (c == COLUMNS || seen[c])
			return cli_fail(EXIT_FAILED, "%s: '%s' is not a column here, or stands twice", "%s：列名“%s”未知或重复", path, cells);
		seen[c] = true;
		ret_column[i] = c;
	}
	return seen[LOGIN] ? 0 : cli_fail(EXIT_FAILED, "%s: the column login is missing", "%s：缺少 login 列", path);
}

/* One cell that is not empty, of one of the people. False: it does not fit. */
static bool take_cell(struct office *o, unsigned who, enum column c, const char *cell)
{
	struct genesis_person *g = &o->person[who];
	int32_t days;
	char *end;

	if (c == VETTED) {
		if (!date_parse(cell, strlen(cell), &days) || days < 0)
			return false;
		g->vetted_ms = (uint32_t)days * DAY_MS;
		return true;
	}
	if (c == UID) {
		unsigned long uid = strtoul(cell, &end, 10);

		if (cell[0] < '0' || cell[0] > '9' || *end != '\0' || uid >= UID_ANY)
			return false;
		g->principal.uid = (uint32_t)uid;
		return true;
	}
	if (strlen(cell) > 255 || !text_clean_line(cell, strlen(cell)))
		return false;
	if (c == AREA && (strlen(cell) > AREA_MAX || strspn(cell, "0123456789") != strlen(cell)))
		return false;
	snprintf(o->extra[who].text[c], sizeof(o->extra[who].text[c]), "%s", cell);
	return true;
}

static int table_row_of(struct office *o, const char *path, uint64_t line, const char *cells, unsigned n, const int8_t *column)
{
	const char *cell = cells, *login = "";
	unsigned who = 0;

	for (unsigned i = 0; i < n; i++, cell += strlen(cell) + 1)
		if (column[i] == LOGIN)
			login = cell;
	while (who < o->n && strcmp(o->person[who].login, login) != 0)
		who++;
	if (who == o->n)
		return cli_fail(EXIT_FAILED, "%s, line %llu: no public file was given for '%s'", "%s 第 %llu 行：没有“%s”的公开文件", path,
		    (unsigned long long)line, login);
	if (o->extra[who].in_table)
		return cli_fail(EXIT_FAILED, "%s, line %llu: '%s' stands there twice", "%s 第 %llu 行：“%s”重复", path,
		    (unsigned long long)line, login);
	o->extra[who].in_table = true;
	cell = cells;
	for (unsigned i = 0; i < n; i++, cell += strlen(cell) + 1)
		if (cell[0] != '\0' && column[i] != LOGIN && !take_cell(o, who, (enum column)column[i], cell))
			return cli_fail(EXIT_FAILED, "%s, line %llu: '%s' cannot be a %s", "%s 第 %llu 行：“%s”不能作 %s", path,
			    (unsigned long long)line, cell, column_name[column[i]]);
	return 0;
}

static int read_table(struct office *o, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), code = 0;
	int8_t column[COLUMNS];
	unsigned columns = 0, n;
	enum source_got got;
	struct source s;
	struct buf cells;

	if (fd < 0)
		return cli_fail(EXIT_FAILED, "%s: %s", "%s：%s", path, strerror(errno));
	source_init(&s, fd);
	buf_init(&cells, 2 * SOURCE_LINE_MAX);
	while (code == 0 && (got = source_record(&s, &cells, &n)) != SOURCE_END) {
		const char *text = (const char *)cells.p;

		if (got == SOURCE_HERE && n == 1 && text[0] == '\0')
			continue;	/* an empty line */
		if (got != SOURCE_HERE || (columns == 0 ? n > COLUMNS : n != columns))
			code = cli_fail(EXIT_FAILED, "%s, line %llu: not a row of the table", "%s 第 %llu 行：不是表格的一行", path,
			    (unsigned long long)s.line);
		else if (columns == 0 && (code = table_header(path, text, n, column)) == 0)
			columns = n;
		else if (code == 0)
			code = table_row_of(o, path, s.line, text, n, column);
	}
	source_free(&s);
	buf_free(&cells);
	(void)close(fd);	/* it was read only */
	return code;
}

/* Who has one text in the column person is one natural person. The ids are random: leaf 0 shows some of them to everybody. */
static void draw_persons(struct office *o)
{
	for (unsigned i = 0; i < o->n; i++) {
		unsigned j = 0;

		while (j < i && strcmp(o->extra[j].text[PERSON], o->extra[i].text[PERSON]) != 0)
			j++;
		if (j < i)
			memcpy(o->person[i].principal.person, o->person[j].principal.person, 16);
		else
			crypto_random(o->person[i].principal.person, 16);
	}
}

/* ---- rules ------------------------------------------------------------------------------------------------------------------ */

int separation_say(const struct separation *fault, const char *a, const char *b)
{
	static const char *const words[][2] = {
		[SEPARATION_KEY_TWICE] = { "%s and %s have the same key", "%s 与 %s 的密钥相同" },
		[SEPARATION_ROLE_KIND] = { "%s%.0s: the role is made for another kind of principal", "%s%.0s：该角色不适用于此类主体" },
		[SEPARATION_ADMINISTRATORS] = { "%.0s%.0sa production vault has at least two administrators who are different persons",
		    "%.0s%.0s正式库至少有两名管理员，且为不同自然人" },
		[SEPARATION_CUSTODIANS] = { "%.0s%.0sa production vault has at least two custodians who are different persons",
		    "%.0s%.0s正式库至少有两名保管员，且为不同自然人" },
		[SEPARATION_AUDITORS] = { "%.0s%.0sa production vault has an auditor: nobody else could ever read its log",
		    "%.0s%.0s正式库须有审计员，否则无人能读日志" },
		[SEPARATION_NO_AREA] = { "%s%.0s: an administrator of a production vault has an area (,area=system, security or audit)",
		    "%s%.0s：正式库的管理员须有领域（,area=system、security 或 audit）" },
		[SEPARATION_TWO_AREAS] = { "%s and %s are one person, who cannot be two administrators", "%s 与 %s 为同一自然人，不能兼任两个管理员" },
		[SEPARATION_CUSTODIAN_TWICE] = { "%s and %s are one person, who cannot be two custodians", "%s 与 %s 为同一自然人，不能兼任两个保管员" },
		[SEPARATION_ADMINISTRATOR_READS] = { "%s is an administrator and, as %s, has a role with a class",
		    "%s 是管理员，又以 %s 持有可接触档案的角色" },
		[SEPARATION_CUSTODIAN_READS] = { "%s is a custodian and, as %s, has a role with a class", "%s 是保管员，又以 %s 持有可接触档案的角色" },
		[SEPARATION_AUDITOR_READS] = { "%s is an auditor and, as %s, has a role with a class", "%s 是审计员，又以 %s 持有可接触档案的角色" },
		[SEPARATION_CUSTODIAN_ELSE] = { "%s is a custodian and, as %s, administrator or auditor", "%s 是保管员，又以 %s 担任管理员或审计员" },
		[SEPARATION_AUDITOR_ELSE] = { "%s is an auditor and, as %s, the system or security administrator",
		    "%s 是审计员，又以 %s 担任系统或安全管理员" },
	};
	char sentence[512];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(sentence, sizeof(sentence), tr(words[fault->rule][0], words[fault->rule][1]), a, b);
#pragma GCC diagnostic pop
	return cli_fail(EXIT_FAILED, "%s", "%s", sentence);
}

static int check_rules(struct office *o)
{
	struct separation_member m[PEOPLE_MAX];
	struct separation fault;

	for (unsigned i = 0; i < o->n; i++)
		m[i] = (struct separation_member){ &o->person[i].principal, o->person[i].roles, o->person[i].role_count, false };
	if (!separation_check(o->policy, m, o->n, o->x->production, &fault))
		return separation_say(&fault, fault.a < o->n ? o->person[fault.a].login : "",
		    fault.b < o->n ? o->person[fault.b].login : "");
	for (unsigned i = 0; i < o->admins; i++)
		if (memcmp(o->person[i].principal.person, o->person[0].principal.person, 16) != 0)
			return 0;
	return cli_fail(EXIT_FAILED, "at least two administrators who are different persons have to sign", "至少须有两名为不同自然人的管理员签名");
}

/* ---- unsealing ------------------------------------------------------------------------------------------------------------ */

static int passphrase_slot(struct office *o)
{
	struct vault_genesis_slot *s = &o->slot[o->slots++];
	struct argon argon = { .mem_kib = CLIENT_KEY_ARGON_KIB, .passes = CLIENT_KEY_ARGON_PASSES };
	struct buf pass;
	int code;

	crypto_random(argon.salt, sizeof(argon.salt));
	s->number = SLOT_OF_PASSPHRASE;
	s->info = (struct slot_info){ .type = SLOT_PASSPHRASE, .argon_kib = argon.mem_kib, .argon_passes = argon.passes };
	memcpy(s->info.salt, argon.salt, sizeof(argon.salt));
	buf_init(&pass, 2048);
	if ((code = cli_passphrase(o->x->passphrase_fd, tr("Operator's passphrase:", "操作员口令："), true, &pass)) == 0 &&
	    crypto_passphrase(&argon, (const char *)pass.p, pass.n, s->kek) != 0)
		code = cli_fail(EXIT_FAILED, "the passphrase's key cannot be derived", "无法由口令派生密钥");
	buf_free(&pass);
	return code;
}

/* Those named, or the custodians. */
static int name_holders(struct office *o)
{
	const struct cli_list *named = &o->x->holders;

	if (named->n > SLOT_HOLDERS)
		return cli_usage("init", "at most %u holders", "持有人至多 %u 名", SLOT_HOLDERS);
	for (size_t i = 0; i < named->n; i++)
		o->holder[o->holders++] = named->item[i];
	for (unsigned i = 0; named->n == 0 && i < o->n && o->holders < SLOT_HOLDERS; i++)
		if (o->person[i].principal.kind == PRINCIPAL_CUSTODIAN)
			o->holder[o->holders++] = o->person[i].login;
	for (unsigned i = 0; i < o->holders; i++)
		if (o->holder[i][0] == '\0' || strlen(o->holder[i]) > 63)
			return cli_usage("init", "a holder's name has 1 to 63 bytes", "持有人名称为 1 至 63 字节");
	if (o->x->quorum < 2 || o->x->quorum > o->holders)
		return cli_usage("init", "--quorum is at least 2 and at most the number of holders", "--quorum 至少为 2，至多为持有人数");
	return 0;
}

static int quorum_slot(struct office *o)
{
	struct vault_genesis_slot *s = &o->slot[o->slots++];
	int code;

	if ((code = name_holders(o)) != 0)
		return code;
	s->number = SLOT_OF_QUORUM;
	s->info = (struct slot_info){ .type = SLOT_QUORUM, .k = (uint8_t)o->x->quorum, .n = (uint8_t)o->holders };
	for (unsigned i = 0; i < o->holders; i++)
		snprintf(s->info.holder[i], sizeof(s->info.holder[i]), "%s", o->holder[i]);
	if (quorum_split(o->vault_id, s->number, &s->info, s->kek, o->share) != 0)
		return cli_fail(EXIT_FAILED, "the key cannot be split so", "密钥无法如此分割");
	return 0;
}

static int write_shares(const struct office *o)
{
	char path[4096];
	struct buf text;
	int code = 0;

	buf_init(&text, 4096);
	for (unsigned i = 0; code == 0 && i < o->holders; i++) {
		buf_reset(&text);
		share_text(o->share + i * SHARE_BYTES, o->holder[i], &text);
		if (snprintf(path, sizeof(path), "%s/share-%u.txt", o->x->shares, i + 1) >= (int)sizeof(path))
			code = cli_fail(EXIT_USAGE, "the path is too long: %s", "路径过长：%s", o->x->shares);
		else if ((code = cli_write_file(path, text.p, text.n, 0600, false)) == 0)
			printf("%s\t%s\n", path, o->holder[i]);
	}
	buf_free(&text);
	return code;
}

static int make_slots(struct office *o)
{
	const struct init_people *x = o->x;
	int code;

	if (x->quorum == 0 && (x->no_passphrase || x->holders.n > 0 || x->shares != NULL))
		return cli_usage("init", "--holder, --shares and --no-passphrase go with --quorum",
		    "--holder、--shares、--no-passphrase 须与 --quorum 合用");
	if (x->quorum != 0 && x->shares == NULL)
		return cli_usage("init", "--quorum wants --shares DIR, where the shares' files go", "--quorum 须与 --shares 目录合用");
	if (x->quorum != 0 && (code = quorum_slot(o)) != 0)
		return code;
	return x->no_passphrase ? 0 : passphrase_slot(o);
}

/* ---- the vault ------------------------------------------------------------------------------------------------------------ */

static int make_vault(struct office *o)
{
	struct vault_genesis g = { .dir = o->x->dir, .origin = o->x->origin, .pending = true, .production = o->x->production,
		.policy = o->document.p, .policy_n = o->document.n, .people = o->person, .people_count = o->n, .signers = o->signer,
		.signer_count = o->admins, .slots = o->slot, .slot_count = o->slots, .journal_file_bytes = o->x->journal_mib << 20 };
	int dirfd, code, r;

	memcpy(g.vault_id, o->vault_id, 16);
	if ((code = init_folder(o->x->dir, false, &dirfd)) != 0)
		return code;
	(void)close(dirfd);	/* it was only to be there */
	/* Shares first: a vault whose shares could not be written would be lost to its holders. */
	if ((code = write_shares(o)) != 0)
		return code;
	if ((r = vault_genesis(&g)) != 0)
		return cli_fail(EXIT_FAILED, "the vault was not made: %s", "未能建立保管库：%s", cv_strerror(r));
	return 0;
}

static void say_next(const char *dir)
{
	printf(tr("%s is pending. Two administrators, on machines of their own if they like, look at it and sign:\n"
	    "    childvault genesis show %s\n"
	    "    childvault genesis sign %s --key NAME.key --code CODE\n"
	    "then start childvaultd and unseal.\n",
	    "%s 处于待定状态。由两名管理员查看并签名，可在各自的计算机上进行：\n"
	    "    childvault genesis show %s\n"
	    "    childvault genesis sign %s --key NAME.key --code 校验码\n"
	    "然后启动 childvaultd 并解封。\n"), dir, dir, dir);
}

int init_people(const struct init_people *x)
{
	struct office *o = calloc(1, sizeof(*o));
	int code;

	if (o == NULL)
		return cli_fail(EXIT_FAILED, "no memory", "内存不足");
	o->x = x;
	buf_init(&o->document, POLICY_DOCUMENT_MAX);
	if ((code = init_profile(x->profile, &o->document)) != 0)
		goto out;
	if (policy_decode(o->document.p, o->document.n, &o->policy) != 0) {
		code = cli_fail(EXIT_FAILED, "no memory", "内存不足");
		goto out;
	}
	crypto_random(o->vault_id, 16);
	if ((code = add_people(o)) != 0 || (x->table != NULL && (code = read_table(o, x->table)) != 0))
		goto out;
	draw_persons(o);
	if ((code = check_rules(o)) == 0 && (code = make_slots(o)) == 0 && (code = make_vault(o)) == 0)
		say_next(x->dir);
out:
	policy_free(o->policy);
	buf_free(&o->document);
	wipe(o, sizeof(*o));
	free(o);
	return code;
}
