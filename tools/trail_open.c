/* What stands beside the leaves: the checkpoint's size, policy documents, people; and the key that opens all of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"
#include "cli.h"
#include "client/months.h"
#include "format/note.h"
#include "format/people.h"
#include "store/files.h"
#include "trail_internal.h"

#define PASSPHRASE_ROOM 2048u
#define POLICY_PATH 40u

int trail_checkpoint(struct trail *t)
{
	struct checkpoint c;
	struct note note;
	struct buf b;
	int r;

	buf_init(&b, NOTE_MAX);
	if ((r = files_read(t->dirfd, "checkpoint", &b)) == CV_ERR_LIMIT)
		r = CV_ERR_FORMAT;
	if (r == 0 && (r = note_decode((const char *)b.p, b.n, &note)) == 0 && (r = checkpoint_decode(&note, &c)) == 0)
		t->size = c.size;
	if (r == 0 && t->size == 0)
		r = CV_ERR_FORMAT;	/* a vault's log has leaf 0 */
	buf_free(&b);
	return r;
}

/* ---- policies ------------------------------------------------------------------------------------------------------------- */

struct policy_load {
	struct trail *t;
	int error;
};

/* A document that does not follow the rules of this version names nothing; one whose digest is another's is no policy of this log. */
static int take_policy(struct trail *t, const uint8_t id[16], const struct buf *doc)
{
	const struct part part = { doc->p, doc->n };
	struct trail_policy *more;
	struct policy *p = NULL;
	uint8_t digest[32];

	crypto_hash("cv1.policy", NULL, 0, &part, 1, digest, sizeof digest);
	if (memcmp(digest, id, 16) != 0)
		return CV_ERR_FORMAT;
	if (policy_decode(doc->p, doc->n, &p) != 0)
		return 0;
	if ((more = realloc(t->policy, (t->policies + 1) * sizeof *more)) == NULL) {
		policy_free(p);
		return CV_ERR_NOMEM;
	}
	t->policy = more;
	memcpy(more[t->policies].id, id, 16);
	more[t->policies++].policy = p;
	return 0;
}

/* files_list's callback. */
static int load_policy(void *cookie, const char *name)
{
	struct policy_load *x = cookie;
	char path[POLICY_PATH];
	uint8_t id[16];
	struct buf doc;

	if (strlen(name) != 32 || hex_decode(name, 32, id, 16) != 0)
		return 0;	/* one that is being written */
	snprintf(path, sizeof path, "policy/%s", name);
	buf_init(&doc, POLICY_DOCUMENT_MAX);
	if ((x->error = files_read(x->t->dirfd, path, &doc)) == CV_ERR_LIMIT)
		x->error = CV_ERR_FORMAT;
	if (x->error == 0)
		x->error = take_policy(x->t, id, &doc);
	buf_free(&doc);
	return x->error;
}

static int load_policies(struct trail *t)
{
	struct policy_load x = { t, 0 };
	int r = 0;

	if (faccessat(t->dirfd, "policy", F_OK, 0) == 0)
		r = files_list(t->dirfd, "policy", load_policy, &x);
	return x.error != 0 ? x.error : r;
}

const struct policy *trail_policy_of(const struct trail *t, const uint8_t id[16])
{
	/* The newest were loaded in no order; there are a few in the life of a vault. */
	for (size_t i = 0; i < t->policies; i++)
		if (memcmp(t->policy[i].id, id, 16) == 0)
			return t->policy[i].policy;
	return NULL;
}

/* ---- people --------------------------------------------------------------------------------------------------------------- */

static int read_people(struct trail *t, const struct buf *file)
{
	struct people_item item;
	struct people p;
	int r;

	if ((r = people_read(file->p, file->n, &p)) != 0)
		return r;
	if (memcmp(p.vault, t->genesis.vault, 16) != 0)
		return CV_ERR_FORMAT;
	if (memcmp(p.auditor, t->key.principal, 16) != 0)
		return CV_ERR_AUTH;
	if (t->key.lent)
		return 0;	/* people are sealed to the auditor's own key: they are their ids here */
	if (p.n != 0 && (t->person = calloc(p.n, sizeof *t->person)) == NULL)
		return CV_ERR_NOMEM;
	while ((r = people_next(&p, &item)) == 1) {
		r = auditor_person_open(&t->key, t->genesis.vault, item.principal, item.sealed, item.sealed_n, &t->person[t->people]);
		if (r != 0)
			return r;
		t->people++;
	}
	return r;
}

/* The file people, which an export for an auditor has; without it people are their ids. */
static int load_people(struct trail *t)
{
	struct buf b;
	int r;

	buf_init(&b, PEOPLE_MAX);
	if ((r = files_read(t->dirfd, "people", &b)) == 0)
		r = read_people(t, &b);
	else if (r == CV_ERR_NOTFOUND)
		r = 0;
	buf_free(&b);
	return r == CV_ERR_LIMIT ? CV_ERR_FORMAT : r;
}

static int by_principal(const void *key, const void *person)
{
	return memcmp(key, ((const struct client_person *)person)->principal, 16);
}

const struct client_person *trail_person(const struct trail *t, const uint8_t principal[16])
{
	return t->people != 0 ? bsearch(principal, t->person, t->people, sizeof *t->person, by_principal) : NULL;
}

const struct client_person *trail_person_named(const struct trail *t, const char *name)
{
	for (size_t i = 0; i < t->people; i++)
		if (strcmp(t->person[i].login, name) == 0)
			return &t->person[i];
	for (size_t i = 0; i < t->people; i++)
		if (strcmp(t->person[i].name, name) == 0)
			return &t->person[i];
	return NULL;
}

const struct client_person *trail_people(const struct trail *t, size_t *ret_n)
{
	*ret_n = t->people;
	return t->person;
}

/* ---- all of it ------------------------------------------------------------------------------------------------------------ */

int trail_load(struct trail *t)
{
	int r = load_policies(t);

	return r != 0 ? r : load_people(t);
}

void trail_unload(struct trail *t)
{
	for (size_t i = 0; i < t->policies; i++)
		policy_free(t->policy[i].policy);
	if (t->person != NULL)
		wipe(t->person, t->people * sizeof *t->person);
	free(t->policy);
	free(t->person);
}

/* ---- names ---------------------------------------------------------------------------------------------------------------- */

const char *trail_role(const struct trail_entry *e)
{
	const struct policy_role *role = e->opened && e->policy != NULL ? policy_role_by_id(e->policy, e->actor.role) : NULL;

	return role != NULL ? role->name : "";
}

const char *trail_department(const struct trail_entry *e)
{
	return e->opened && e->policy != NULL && e->actor.department != 0 ? policy_department_name(e->policy, e->actor.department) : "";
}

const char *trail_purpose(const struct trail_entry *e)
{
	for (unsigned i = 0; e->opened && e->policy != NULL && i < policy_purposes(e->policy); i++)
		if (policy_purpose(e->policy, i)->id == e->actor.purpose)
			return policy_purpose(e->policy, i)->name;
	return "";
}

/* ---- the key ---------------------------------------------------------------------------------------------------------------- */

static int open_sealed(const struct keyfile *f, uint64_t fd, struct client_key *ret)
{
	static const uint8_t unbound[16];
	struct client_pass pass = { 0 };
	struct buf text;
	int code, r;

	if (memcmp(f->vault, unbound, 16) != 0)
		return cli_fail(EXIT_FAILED,
		    "this key file opens with its vault's help alone; `childvault audit key` makes one for offline use",
		    "该密钥文件须由其档案库协助才能打开；请用 childvault audit key 另制一份供离线使用");
	buf_init(&text, PASSPHRASE_ROOM);
	if ((code = cli_passphrase(fd, tr("Passphrase:", "口令："), false, &text)) == 0) {
		if ((r = client_pass_of(f, (const char *)text.p, text.n, &pass)) == 0)
			r = client_key_open(f, &pass, NULL, ret);
		if (r != 0)
			code = r == CV_ERR_AUTH ? cli_fail(EXIT_DENIED, "wrong passphrase", "口令不正确") :
			    cli_fail(EXIT_FAILED, "the key file does not open: %s", "无法打开密钥文件：%s", cv_strerror(r));
	}
	wipe(&pass, sizeof pass);
	buf_free(&text);
	return code;
}

int trail_key(const char *path, uint64_t passphrase_fd, struct client_key *ret)
{
	struct keyfile f = { 0 };
	struct buf text;
	int code;

	buf_init(&text, 65536 * 2);
	if ((code = cli_read_file(path, &text)) == 0) {
		if (client_months_are_lent((const char *)text.p, text.n)) {
			if (client_months_borrow((const char *)text.p, text.n, ret) != 0)
				code = cli_fail(EXIT_FAILED, "%s is no key file", "%s 不是密钥文件", path);
		} else if (keyfile_decode((const char *)text.p, text.n, &f) != 0)
			code = cli_fail(EXIT_FAILED, "%s is no key file", "%s 不是密钥文件", path);
		else if (f.protection != KEYFILE_PLAIN)
			code = open_sealed(&f, passphrase_fd, ret);
		else if (client_key_open(&f, NULL, NULL, ret) != 0)
			code = cli_fail(EXIT_FAILED, "%s is no key file", "%s 不是密钥文件", path);
	}
	wipe(&f, sizeof f);
	buf_free(&text);
	return code != 0 || ret->lent ? code : trail_months(path, ret, NULL);
}
