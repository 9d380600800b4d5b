/* childvault keygen: a person's key file and public file, FORMAT.md section 12. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cli.h"
#include "client/key.h"

struct keygen {
	const char *name, *out;
	bool no_passphrase;
	uint64_t fd;
};

static const struct cli_help help = { "keygen NAME --out DIR [--passphrase-fd N | --no-passphrase]",
	"Makes DIR/NAME.key, which stays with its person, and DIR/NAME.pub, which they bring to `childvault init` or to an\n"
	"administrator. Without further options the passphrase is asked for on the terminal.",
	"生成 DIR/NAME.key（由本人保管）和 DIR/NAME.pub（交给 childvault init 或管理员）。默认在终端上输入口令。" };

/* The name is a file's name too. */
static bool name_fits(const char *s)
{
	return s[0] != 0 && s[0] != '.' && s[0] != '-' && strlen(s) <= 200 && strchr(s, '/') == NULL;
}

static int seal_key(const struct keygen *k, const struct client_key *key, struct buf *ret)
{
	struct client_pass pass;
	struct buf text;
	int code;

	if (k->no_passphrase)
		return client_key_save(key, ret) == 0 ? 0 : cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	buf_init(&text, 2048);
	if ((code = cli_passphrase(k->fd, tr("New passphrase:", "新口令："), true, &text)) == 0 &&
	    (client_pass_new((const char *)text.p, text.n, &pass) != 0 || client_key_save_sealed(key, &pass, NULL, ret) != 0))
		code = cli_fail(EXIT_FAILED, "out of memory", "内存不足");
	wipe(&pass, sizeof pass);
	buf_free(&text);
	return code;
}

static int write_files(const struct keygen *k, const struct buf *key_text, const struct buf *pub_text)
{
	char key_path[4096], pub_path[4096];
	int code;

	if (snprintf(key_path, sizeof key_path, "%s/%s.key", k->out, k->name) >= (int)sizeof key_path ||
	    snprintf(pub_path, sizeof pub_path, "%s/%s.pub", k->out, k->name) >= (int)sizeof pub_path)
		return cli_fail(EXIT_FAILED, "the path is too long: %s", "路径过长：%s", k->out);
	if ((code = cli_write_file(key_path, key_text->p, key_text->n, 0600, false)) != 0)
		return code;
	if ((code = cli_write_file(pub_path, pub_text->p, pub_text->n, 0644, false)) != 0) {
		(void)unlink(key_path);	/* a key without its public file is of no use */
		return code;
	}
	printf("%s\n%s\n", key_path, pub_path);
	return EXIT_DONE;
}

/* What the key's owner compares when administrators read it to them from the genesis that they sign. */
static void say_code(const struct client_key *key)
{
	char code[CLIENT_KEY_CODE];

	client_key_code(key->principal, key->box_pk, key->sign_pk, code);
	fprintf(stderr, tr("key code: %s\n", "密钥校验码：%s\n"), code);
}

int cmd_keygen(int argc, char **argv)
{
	struct keygen k = { .fd = UINT64_MAX };
	const struct cli_option options[] = {
		{ "out", OPTION_TEXT, &k.out, "DIR", "folder for the two files", "存放两个文件的目录" },
		{ "passphrase-fd", OPTION_NUMBER, &k.fd, "N", "read the passphrase from descriptor N", "从描述符 N 读口令" },
		{ "no-passphrase", OPTION_FLAG, &k.no_passphrase, NULL, "for apps: the file alone opens sessions", "供程序使用：无口令" },
	};
	struct client_key key;
	struct buf key_text, pub_text;
	struct cli_args a;
	int code;

	if (!cli_parse(argc, argv, &help, options, sizeof options / sizeof options[0], 1, 1, &a))
		return a.exit;
	k.name = a.argv[0];
	if (k.out == NULL)
		return cli_usage("keygen", "--out DIR is missing", "缺少 --out 目录");
	if (!name_fits(k.name))
		return cli_usage("keygen", "'%s' cannot be a file's name", "“%s”不能作文件名", k.name);
	buf_init(&key_text, KEYFILE_TEXT_MAX);
	buf_init(&pub_text, PUBFILE_TEXT_MAX);
	client_key_new(&key);
	if (client_key_public(&key, k.name, &pub_text) != 0)
		code = cli_usage("keygen", "the name must be UTF-8 text", "名称必须是 UTF-8 文本");
	else if ((code = seal_key(&k, &key, &key_text)) == 0 && (code = write_files(&k, &key_text, &pub_text)) == 0)
		say_code(&key);
	client_key_clear(&key);
	buf_free(&key_text);
	buf_free(&pub_text);
	return code;
}
