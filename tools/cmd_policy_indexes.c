/* childvault policy indexes: what each blind index would tell a thief of the files, at a given number of records. docs/FORMAT.md 4.7. */
#include <inttypes.h>
#include <stdio.h>

#include "cli.h"
#include "model/model.h"
#include "policy.h"

/* What a bucket leaves open at r records: C = r / 2^bits of them share a token. */
static void print_bucket(const struct policy_index *x, uint64_t records)
{
	double buckets = (double)(UINT64_C(1) << x->bits), shared = (double)records / buckets;

	(void)printf(tr("  %.0f buckets (%u bits), about %.1f files in each\n",
	    "  %.0f 个桶（%u 位），每桶约 %.1f 份档案\n"), buckets, x->bits, shared);
	(void)puts(tr("  without the vault's keys: which files share a bucket: perhaps one name and date, perhaps not",
	    "  没有档案库密钥者可知：哪些档案同在一桶；是否同名同日出生不能断定"));
	(void)puts(tr("  with them: that a name and date is in one of those files or in none; not in which",
	    "  掌握密钥者可知：某姓名和出生日期可能在桶内某份档案中，或都不在；不知是哪一份"));
	if (shared < 2)
		(void)printf(tr("  ! fewer than 2 files in a bucket: it tells almost as much as an exact index of %" PRIu64 " files\n",
		    "  ! 每桶不足 2 份：与 %" PRIu64 " 份档案的精确索引几乎一样\n"), records);
	else if (shared * shared >= (double)records)
		(void)puts(tr("  ! so many files in a bucket that a search opens more than the square root of all",
		    "  ! 每桶过多：一次查找须打开的档案超过总数的平方根"));
}

static void print_exact(const struct policy_index *x, uint64_t records)
{
	(void)printf(tr("  %" PRIu64 " tokens of 128 bits, each of one value\n", "  %" PRIu64 " 个 128 位标记，一值一个\n"), records);
	(void)puts(x->unique ? tr("  without the vault's keys: nothing, since no two files have the same value",
		"  没有档案库密钥者可知：无，因为没有两份档案同值") :
	    tr("  without the vault's keys: which files have the same value", "  没有档案库密钥者可知：哪些档案同值"));
	(void)puts(tr("  with them (a running vault, or its root key and its disk): who tries all numbers finds the file of each",
	    "  掌握密钥者（运行中的系统，或根密钥连同磁盘）：逐一试遍现有号码即可找到每份档案"));
}

int policy_print_indexes(const struct policy *p, uint64_t records)
{
	(void)printf(tr("%u indexes at %" PRIu64 " files\n", "%u 个索引，%" PRIu64 " 份档案\n"), policy_indexes(p), records);
	for (unsigned i = 0; i < policy_indexes(p); i++) {
		const struct policy_index *x = policy_index(p, i);
		const char *between = "";

		(void)printf(tr("\n%s (%s), of ", "\n%s（%s），字段："), x->name, tr(x->label.en, x->label.zh));
		for (unsigned f = 0; f < x->fields; f++, between = tr(" and ", "、"))
			(void)printf("%s%s", between, policy_field_by_id(p, x->field[f])->name);
		(void)putchar('\n');
		if (x->form == INDEX_BUCKET)
			print_bucket(x, records);
		else
			print_exact(x, records);
		between = "";
		(void)fputs(tr("  asked by:", "  可查找的角色："), stdout);
		for (unsigned r = 0; r < policy_roles(p); r++)
			if ((policy_role(p, r)->searches >> i & 1) != 0) {
				(void)printf("%s %s", between, policy_role(p, r)->name);
				between = ",";
			}
		(void)putchar('\n');
	}
	return ferror(stdout) ? EXIT_FAILED : EXIT_DONE;
}
