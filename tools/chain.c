#include "chain.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "client/key.h"
#include "keys/chain.h"
#include "keys/directory.h"
#include "pages.h"
#include "vault/operation.h"

#define PATH_ROOM 4096u
#define MEMORY_ROOM (1u << 17)		/* what cli_read_file wants for any file */
#define MEMORY_TEXT 160u		/* three lines and a NUL, FORMAT.md section 12 */

/* ---- what is remembered beside the key file ------------------------------------------------------------------------------ */

static int memory_path(const char *key_path, char ret[PATH_ROOM])
{
	if (snprintf(ret, PATH_ROOM, "%s.vault", key_path) >= (int)PATH_ROOM)
		return cli_fail(EXIT_FAILED, "the path is too long: %s", "路径过长：%s", key_path);
	return 0;
}

/* What a key file's owner met: the vault, and how far its directory had come. */
struct memory {
	uint8_t leaf_hash[32];
	uint32_t sequence;
	uint8_t digest[32];		/* of that change set */
};

#define TITLE "childvault-vault-1\n"
#define LEAF_AT (sizeof(TITLE) - 1)	/* 64 digits and a newline */
#define NUMBER_AT (LEAF_AT + 65)	/* digits, a space, 64 digits and a newline */

static size_t memory_encode(const struct memory *m, char ret[MEMORY_TEXT])
{
	char leaf[65], digest[65];

	hex_encode(m->leaf_hash, 32, leaf);
	hex_encode(m->digest, 32, digest);
	return (size_t)snprintf(ret, MEMORY_TEXT, TITLE "%s\n%u %s\n", leaf, m->sequence, digest);
}

/* False: it is not a text that memory_encode makes. */
static bool memory_decode(const struct buf *b, struct memory *ret)
{
	const char *p = (const char *)b->p;
	struct memory m = { .sequence = 0 };
	char again[MEMORY_TEXT];
	size_t at = NUMBER_AT;

	for (; at < b->n && at < NUMBER_AT + 10 && p[at] >= '0' && p[at] <= '9'; at++)
		m.sequence = m.sequence * 10 + (uint32_t)(p[at] - '0');
	if (b->n != at + 1 + 64 + 1 || hex_decode(p + LEAF_AT, 64, m.leaf_hash, 32) != 0 || hex_decode(p + at + 1, 64, m.digest, 32) != 0)
		return false;
	/* One spelling alone: what is written again has to be the same bytes. */
	if (memory_encode(&m, again) != b->n || memcmp(again, p, b->n) != 0)
		return false;
	*ret = m;
	return true;
}

static int remember(const char *path, const struct memory *m)
{
	char text[MEMORY_TEXT];

	return cli_write_file(path, text, memory_encode(m, text), 0600, true);
}

int chain_remember(const char *key_path, const uint8_t leaf_hash[32], const uint8_t first_set[32])
{
	struct memory m = { .sequence = 1 };
	char path[PATH_ROOM];
	int code;

	memcpy(m.leaf_hash, leaf_hash, 32);
	memcpy(m.digest, first_set, 32);
	return (code = memory_path(key_path, path)) != 0 ? code : remember(path, &m);
}

/* The vault is the one that was met before, and its directory not an earlier or another one than it was then. */
static int compare(const char *path, const struct memory *was, const struct directory_checked *d)
{
	char vault[DIRECTORY_CODE];

	directory_code(d->leaf_hash, vault);
	if (memcmp(was->leaf_hash, d->leaf_hash, 32) != 0)
		return cli_fail(EXIT_VERIFY, "this is not the vault that %s remembers: its leaf 0 is another one (vault code %s)",
		    "这不是 %s 所记的库：创世记录不同（库校验码 %s）", path, vault);
	if (was->sequence == 0 || was->sequence > chain_sets(d->chain) ||
	    memcmp(was->digest, chain_digest(d->chain, was->sequence), 32) != 0)
		return cli_fail(EXIT_VERIFY, "the directory is an earlier or another one than %s remembers: change set %u is not in it",
		    "目录早于或不同于 %s 所记：其中没有变更集 %u", path, was->sequence);
	return 0;
}

/* What was met before is in it; the first time is said, so that it can be compared with others'. What is new is remembered. */
static int check_memory(const char *key_path, const struct directory_checked *d)
{
	struct memory was = { .sequence = 0 }, now = { .sequence = chain_sets(d->chain) };
	char path[PATH_ROOM], vault[DIRECTORY_CODE];
	bool first;
	struct buf b;
	int code;

	memcpy(now.leaf_hash, d->leaf_hash, 32);
	memcpy(now.digest, chain_digest(d->chain, now.sequence), 32);
	directory_code(d->leaf_hash, vault);
	buf_init(&b, MEMORY_ROOM);
	if ((code = memory_path(key_path, path)) != 0)
		goto out;
	first = access(path, F_OK) != 0;
	if (!first && (code = cli_read_file(path, &b)) != 0)
		goto out;
	if (!first && !memory_decode(&b, &was))
		code = cli_fail(EXIT_VERIFY, "%s is not what was written there: remove it once the vault code was compared",
		    "%s 内容有误：核对库校验码后删除", path);
	else if (!first)
		code = compare(path, &was, d);
	if (code == 0 && was.sequence != now.sequence)
		code = remember(path, &now);
	if (code == 0 && first)
		(void)cli_fail(0, "this key meets its vault for the first time: vault code %s, to be compared with what others see "
		    "(childvault member verify)", "此密钥首次连接本库：库校验码 %s，请与他人所见核对（childvault member verify）", vault);
out:
	buf_free(&b);
	return code;
}

/* ---- the directory --------------------------------------------------------------------------------------------------------- */

static const char *part_words(enum directory_part part)
{
	switch (part) {
	case DIRECTORY_GENESIS: return tr("leaf 0 is none", "创世记录无效");
	case DIRECTORY_LOG: return tr("leaf 0 is not in a log that its key signed", "创世记录不在其密钥签名的日志中");
	case DIRECTORY_SETS: return tr("its change sets do not follow one another", "变更集不连续");
	case DIRECTORY_FACTS: return tr("it has a fact that nobody signed", "含有无人签署的条目");
	case DIRECTORY_SIGNATURES: return tr("a change set is not signed by two of its administrators, or not all of it is there",
	    "某变更集未经两名管理员签名，或内容不全");
	case DIRECTORY_FORM: break;
	}
	return tr("it is no directory", "不是目录");
}

static int fetch(struct childvault *cv, struct directory_checked *ret)
{
	enum directory_part part;
	const char *body;
	size_t n;
	int r;

	if ((r = childvault_directory(cv)) != CHILDVAULT_OK)
		return cli_answer_fail(cv, r);
	body = childvault_body(cv, &n);
	if ((r = directory_doc_check((const uint8_t *)body, n, ret, &part)) == 0)
		return 0;
	if (r == CV_ERR_NOMEM)
		return cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	return cli_fail(EXIT_VERIFY, "the daemon's directory is not the signed one: %s. Nothing was signed or given",
	    "服务给出的目录并非经签名的目录：%s。未签名，未交出", part_words(part));
}

/* The directory is the key's vault's, and has this very key for its owner: else somebody else's stands in their place. */
static int check_own(const struct client_key *key, const struct directory_checked *d)
{
	static const uint8_t none[16];
	const struct chain_principal *p = chain_principal(d->chain, key->principal);

	if (memcmp(key->vault, none, 16) != 0 && memcmp(key->vault, d->genesis.vault, 16) != 0)
		return cli_fail(EXIT_VERIFY, "the directory is another vault's than the key's", "该目录不属于此密钥所属的库");
	if (p == NULL || memcmp(p->box_pk, key->box_pk, 32) != 0 || memcmp(p->sign_pk, key->sign_pk, 32) != 0)
		return cli_fail(EXIT_VERIFY, "the signed directory has another key for the owner of this one", "经签名的目录中，此人的密钥不同");
	return 0;
}

/* ---- the request ------------------------------------------------------------------------------------------------------------- */

static bool signs_now(const struct chain_principal *p)
{
	return p->kind == PRINCIPAL_ADMINISTRATOR && directory_in_dates(p->not_before_ms, p->not_after_ms, clock_wall_ms());
}

/* The administrator whose both signatures these are; who the daemon says it was does not matter. NULL: nobody's. */
static const struct chain_principal *signer_of(const struct chain *c, const struct operation_reading *r, const json_t *item)
{
	const char *text = json_text(item, "signature");
	uint8_t signature[OPERATION_SIGNATURE];
	const struct chain_principal *p;
	size_t n;

	if (b64_decode(B64_STD, text, strlen(text), signature, sizeof(signature), &n) != 0 || n != sizeof(signature))
		return NULL;
	for (size_t i = 0; (p = chain_principal_at(c, i)) != NULL; i++)
		if (signs_now(p) && operation_signed(r, p->sign_pk, signature))
			return p;
	return NULL;
}

static int check_signers(const struct chain *c, const struct chain_wish *w)
{
	const json_t *list = json_object_get(w->request, "signatures");
	const struct chain_principal *by[2];
	size_t n = json_array_size(list);

	if (n < w->signatures)
		return cli_fail(EXIT_FAILED, "%zu of the %u administrators who have to sign before have signed",
		    "须先有 %2$u 名管理员签名，现有 %1$zu 名", n, w->signatures);
	if (n > 2)
		return cli_fail(EXIT_VERIFY, "the request has %zu signatures", "该请求有 %zu 个签名", n);
	for (size_t i = 0; i < n; i++)
		if ((by[i] = signer_of(c, w->reading, json_array_get(list, i))) == NULL)
			return cli_fail(EXIT_VERIFY, "a signature of the request is none of an administrator of the signed directory",
			    "该请求的某个签名不属于经签名目录中的管理员");
	if (n == 2 && memcmp(by[0]->person, by[1]->person, 16) == 0)
		return cli_fail(EXIT_VERIFY, "both signatures of the request are one person's", "该请求的两个签名出自同一人");
	return 0;
}

/* What is to be signed is about this vault, and changes the directory as it stands. */
static int check_change(const struct directory_checked *d, const struct operation_reading *r)
{
	uint32_t newest = chain_sets(d->chain);

	if (memcmp(r->op.head.vault, d->genesis.vault, 16) != 0)
		return cli_fail(EXIT_VERIFY, "the request is another vault's than the directory", "该请求与目录不属于同一个库");
	if (r->op.change_n == 0)
		return 0;
	if (r->change.sequence <= newest)
		return cli_fail(EXIT_FAILED, "another change of the directory came first: the request has to be proposed anew",
		    "目录已先有另一变更：须重新提请");
	if (r->change.sequence != newest + 1 || memcmp(r->change.previous, chain_digest(d->chain, newest), 32) != 0)
		return cli_fail(EXIT_VERIFY, "the request is not the next change of the signed directory", "该请求并非经签名目录的下一次变更");
	return 0;
}

int cli_check_chain(struct childvault *cv, const struct chain_wish *w, struct directory_checked *ret)
{
	struct directory_checked d = { .chain = NULL };
	int code;

	if ((code = fetch(cv, &d)) != 0 || (code = check_own(w->key, &d)) != 0)
		goto out;
	if (w->reading != NULL && ((code = check_change(&d, w->reading)) != 0 || (code = check_signers(d.chain, w)) != 0))
		goto out;
	/* Last: a vault that does not verify is not remembered. */
	if ((code = check_memory(w->key_path, &d)) != 0)
		goto out;
	if (ret != NULL) {
		*ret = d;
		d.chain = NULL;	/* transferred */
	}
out:
	chain_free(d.chain);
	return code;
}
