/* childvault request sign, member sign: the second administrator's signature of an operation. docs/POLICY.md section 5, "Operations". */
#include <string.h>

#include "signing.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])

int sign_second(int argc, char **argv, const char *command, const struct cli_help *help)
{
	const char *key = NULL, *typed = NULL;
	uint64_t fd = UINT64_MAX;
	const struct cli_option options[] = {
		{ "key", OPTION_TEXT, &key, "KEY", "the administrator's key file", "管理员的密钥文件" },
		{ "code", OPTION_TEXT, &typed, "CODE", "eight digits, compared by telephone", "电话核对过的八位校验码" },
		{ "passphrase-fd", OPTION_NUMBER, &fd, "N", "read the passphrase from descriptor N", "从描述符 N 读口令" },
	};
	static struct signing s;
	struct cli_args a;
	int code;

	if (!cli_parse(argc, argv, help, options, COUNT(options), 1, 1, &a))
		return a.exit;
	if ((code = signing_open(&s, command, key, fd)) == 0 && (code = signing_look(&s, command, a.argv[0], 1)) == 0)
		code = signing_second(&s, typed);
	signing_close(&s);
	return code;
}

int member_sign(int argc, char **argv)
{
	static const struct cli_help help = { "member sign REQUEST --key KEY [--code CODE]",
		"Shows who is to join with which roles, or what else is proposed about members, and signs it as the second\n"
		"administrator. CODE is what the first one reads out.",
		"显示拟加入者及其角色或其他成员变更，并以第二名管理员身份签名。CODE 为第一名管理员读出的校验码。" };

	return sign_second(argc, argv, "member sign", &help);
}

int request_sign(int argc, char **argv)
{
	static const struct cli_help help = { "request sign REQUEST --key KEY [--code CODE]",
		"Shows the operation that another administrator proposed and signs it as the second one. CODE is what the first one\n"
		"reads out.",
		"显示另一名管理员提请的操作，并以第二名管理员身份签名。CODE 为第一名管理员读出的校验码。" };

	return sign_second(argc, argv, "request sign", &help);
}
