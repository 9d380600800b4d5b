/* model: view operators, by example. test_model_views_property.c has what holds of all values. */
#include "test_model.h"

#include "format/value.h"

static const struct policy_shape no_shape;	/* for operators that take nothing from it */

struct view_case {
	enum view_op op;
	uint8_t type;
	const char *in;
	const char *out;	/* NULL: suppressed */
};

static const struct view_case views[] = {
	{ VIEW_M1_NAME, VALUE_TEXT, "张三", "张**" },
	{ VIEW_M1_NAME, VALUE_TEXT, "张", "张**" },
	{ VIEW_M1_NAME, VALUE_TEXT, "张三丰", "张**" },
	{ VIEW_M1_NAME, VALUE_TEXT, "欧阳小明", "欧阳**" },
	{ VIEW_M1_NAME, VALUE_TEXT, "欧阳明", "欧阳**" },
	{ VIEW_M1_NAME, VALUE_TEXT, "欧阳", "欧**" },
	{ VIEW_M1_NAME, VALUE_TEXT, "欧文", "欧**" },
	{ VIEW_M1_NAME, VALUE_TEXT, "𠮷野家", "𠮷**" },
	{ VIEW_M1_NAME, VALUE_TEXT, "张\U000E0100三", "张**" },
	{ VIEW_M1_NAME, VALUE_TEXT, "阿卜杜拉·买买提", "阿**" },
	{ VIEW_M1_NAME, VALUE_TEXT, "欧阳·买买提", "欧**" },
	{ VIEW_M1_NAME, VALUE_TEXT, "Jose\u0301 Mario", "J**" },
	{ VIEW_M1_NAME, VALUE_TEXT, "赵钱孙李周吴郑王冯陈褚卫蒋沈韩", "赵**" },
	{ VIEW_M1_NAME, VALUE_TEXT, "张3", NULL },
	{ VIEW_M1_NAME, VALUE_TEXT, "\u0301张", NULL },
	{ VIEW_M1_NAME, VALUE_TEXT, "", NULL },
	{ VIEW_M1_NAME, VALUE_DATE, "2015-01-01", NULL },
	{ VIEW_M1O_CALL_NAME, VALUE_TEXT, "小明", "小明" },
	{ VIEW_M1O_CALL_NAME, VALUE_TEXT, "阿卜杜拉·买买提", NULL },
	{ VIEW_M1O_CALL_NAME, VALUE_TEXT, "一二三四五六七八九", NULL },
	{ VIEW_M2_ID, VALUE_TEXT, "33010620150101123X", "330106***********X" },
	{ VIEW_M2_ID, VALUE_TEXT, "G33010620150101123X", "G330106***********X" },
	{ VIEW_M2_ID, VALUE_TEXT, "L330106201501011234", NULL },
	{ VIEW_M2_ID, VALUE_TEXT, "330106150101123", NULL },
	{ VIEW_M2_ID, VALUE_TEXT, "33010620150101123x", NULL },
	{ VIEW_M2_ID, VALUE_TEXT, "3301062015010112 X", NULL },
	{ VIEW_M3_PHONE, VALUE_TEXT, "13812345678", "138****5678" },
	{ VIEW_M3_PHONE, VALUE_TEXT, "0371-65912345", "0371****45" },
	{ VIEW_M3_PHONE, VALUE_TEXT, "01065912345", "010****45" },
	{ VIEW_M3_PHONE, VALUE_TEXT, "13812345678转2", NULL },
	{ VIEW_M3_PHONE, VALUE_TEXT, "12345", NULL },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "浙江省杭州市西湖区古荡街道嘉绿苑12幢3单元", "浙江省杭州市西湖区古荡街道" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "河南省周口市鹿邑县城关镇李庄村3组", "河南省周口市鹿邑县城关镇" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "河南省新乡市卫辉市上乐村镇上乐村", "河南省新乡市卫辉市上乐村镇" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "河南省南阳市镇平县石佛寺镇", "河南省南阳市镇平县石佛寺镇" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "江西省景德镇市昌江区吕蒙街道某路5号", "江西省景德镇市昌江区吕蒙街道" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "湖南省长沙市宁乡市玉潭街道", "湖南省长沙市宁乡市玉潭街道" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "广西壮族自治区南宁市西乡塘区北湖街道友爱路", "广西壮族自治区南宁市西乡塘区北湖街道" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "甘肃省临夏回族自治州东乡族自治县锁南镇", "甘肃省临夏回族自治州东乡族自治县锁南镇" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "上海市黄浦区南京东路街道100号", "上海市黄浦区南京东路街道" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "北京市海淀区中关村街道", "北京市海淀区中关村街道" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "湖北省荆州市沙市区朝阳街道", "湖北省荆州市沙市区朝阳街道" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "广东省中山市古镇镇海洲村", "广东省中山市古镇镇" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "内蒙古自治区锡林郭勒盟东乌珠穆沁旗萨麦苏木", "内蒙古自治区锡林郭勒盟东乌珠穆沁旗萨麦苏木" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "古荡街道嘉绿苑", "古荡街道" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "李四外婆家古荡街道", NULL },
	/* A county's marker inside a township's name. */
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "河南省周口市鹿邑县红旗镇李庄村3组", "河南省周口市鹿邑县红旗镇" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "湖北省黄冈市英山县县城镇东街5号", "湖北省黄冈市英山县县城镇" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "河南省新乡市红旗区红旗街道", "河南省新乡市红旗区红旗街道" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "广东省广州市番禺区市桥街道", "广东省广州市番禺区市桥街道" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "浙江省湖州市德清县新市镇西安社区", "浙江省湖州市德清县新市镇" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "山西省朔州市怀仁市毛家皂镇", "山西省朔州市怀仁市毛家皂镇" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "湖北省十堰市郧西县旗山镇", "湖北省十堰市郧西县旗山镇" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "云南省昭通市镇雄县乌峰街道", "云南省昭通市镇雄县乌峰街道" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "贵州省安顺市镇宁布依族苗族自治县白马湖街道", "贵州省安顺市镇宁布依族苗族自治县白马湖街道" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "山西省临汾市乡宁县昌宁镇", "山西省临汾市乡宁县昌宁镇" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "江西省抚州市东乡区孝岗镇", "江西省抚州市东乡区孝岗镇" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "甘肃省临夏回族自治州积石山保安族东乡族撒拉族自治县吹麻滩镇",
	    "甘肃省临夏回族自治州积石山保安族东乡族撒拉族自治县吹麻滩镇" },
	/* Peoples and steppes. */
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "贵州省毕节市大方县凤山彝族蒙古族乡银川村", "贵州省毕节市大方县凤山彝族蒙古族乡" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "辽宁省沈阳市于洪区大兴朝鲜族乡", "辽宁省沈阳市于洪区大兴朝鲜族乡" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "湖南省郴州市桂阳县华泉民族乡石桥村", "湖南省郴州市桂阳县华泉民族乡" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "湖南省郴州市中村瑶族乡", "湖南省郴州市中村瑶族乡" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "甘肃省临夏州和政县梁家寺东乡族乡", "甘肃省临夏州和政县梁家寺东乡族乡" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "重庆市忠县忠州镇", "重庆市忠县忠州镇" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "杭州西湖区古荡街道", "杭州西湖区古荡街道" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "甘肃省和政县梁家寺东乡族乡大马村", "甘肃省和政县梁家寺东乡族乡" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "内蒙古自治区阿拉善盟额济纳旗巴彦陶来苏木", "内蒙古自治区阿拉善盟额济纳旗巴彦陶来苏木" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "内蒙古乌兰察布市察哈尔右翼前旗土贵乌拉镇", "内蒙古乌兰察布市察哈尔右翼前旗土贵乌拉镇" },
	{ VIEW_M4V_VILLAGE, VALUE_TEXT, "内蒙古自治区阿拉善盟额济纳旗巴彦陶来苏木乌苏荣贵嘎查3号", "内蒙古自治区阿拉善盟额济纳旗巴彦陶来苏木乌苏荣贵嘎查" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "新疆维吾尔自治区喀什地区塔什库尔干塔吉克自治县塔合曼乡", "新疆维吾尔自治区喀什地区塔什库尔干塔吉克自治县塔合曼乡" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "黑龙江省齐齐哈尔市梅里斯达斡尔族区雅尔塞镇", "黑龙江省齐齐哈尔市梅里斯达斡尔族区雅尔塞镇" },
	/* Names that hold a road or a number. */
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "浙江省台州市路桥区路桥街道", "浙江省台州市路桥区路桥街道" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "陕西省西安市户县草堂镇", "陕西省西安市户县草堂镇" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "内蒙古自治区鄂尔多斯市准格尔旗大路镇", "内蒙古自治区鄂尔多斯市准格尔旗大路镇" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "浙江省湖州市吴兴区花园镇", "浙江省湖州市吴兴区花园镇" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "辽宁省沈阳市铁西区东大街街道", "辽宁省沈阳市铁西区东大街街道" },
	/* Development zones, and the corps. */
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "浙江省杭州经济技术开发区下沙街道", "浙江省杭州经济技术开发区下沙街道" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "浙江省杭州市杭州经济技术开发区下沙街道6号大街", "浙江省杭州市杭州经济技术开发区下沙街道" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "河南省郑州市高新技术产业开发区枫杨街道", "河南省郑州市高新技术产业开发区枫杨街道" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "新疆生产建设兵团第八师121团5连", "新疆生产建设兵团第八师121团" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "新疆维吾尔自治区新疆生产建设兵团第一师阿拉尔市十团一连", "新疆维吾尔自治区新疆生产建设兵团第一师阿拉尔市十团" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "新疆生产建设兵团第六师五家渠市梧桐镇", "新疆生产建设兵团第六师五家渠市梧桐镇" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "新疆石河子市121团5连", NULL },
	/* Elsewhere there are no townships, or they are written otherwise. */
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "香港九龙深水埗钦州街100号5楼A室", NULL },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "香港新界元朗区厦村乡新围村12号", NULL },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "澳门花地玛堂区黑沙环街100号", NULL },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "台湾省南投县鱼池乡中山路1号", "台湾省南投县鱼池乡" },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "臺灣省南投縣魚池鄉中山路1號", NULL },
	/* What stands before the province would come along. */
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "张三家河南省周口市鹿邑县城关镇", NULL },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "张三家周口市鹿邑县城关镇", NULL },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "十二号河南省周口市鹿邑县城关镇", NULL },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "12号楼3单元河南省周口市鹿邑县城关镇", NULL },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "477200河南省周口市鹿邑县城关镇", NULL },
	/* Estates, villages and communities that hold a township's marker. */
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "杭州市西湖区嘉绿社区古镇旁", NULL },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "杭州市西湖区解放街古镇酒店", NULL },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "河南省鹿邑县李庄村古镇旁", NULL },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "杭州市西湖区嘉绿苑三期古镇", NULL },
	{ VIEW_M4V_VILLAGE, VALUE_TEXT, "浙江省杭州市西湖区古荡街道嘉绿苑社区5幢", "浙江省杭州市西湖区古荡街道嘉绿苑社区" },
	{ VIEW_M4V_VILLAGE, VALUE_TEXT, "浙江省杭州市西湖区古荡街道5号村", NULL },
	/* A township's marker behind a road or a number is none. */
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "杭州市西湖区文三路123号古镇小区5幢", NULL },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "杭州市西湖区文三路古镇花园", NULL },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "杭州市西湖区文三路", NULL },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "杭州市西湖区 古荡街道", NULL },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "5号古荡街道", NULL },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "镇", NULL },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "", NULL },
	{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "No. 5, West Lake", NULL },
	{ VIEW_M4_TOWNSHIP, VALUE_CODE, "410122100201", "410122100" },
	{ VIEW_M4_TOWNSHIP, VALUE_CODE, "410122100", "410122100" },
	{ VIEW_M4_TOWNSHIP, VALUE_CODE, "410122", "410122000" },
	{ VIEW_M4_TOWNSHIP, VALUE_CODE, "41012", NULL },
	{ VIEW_M4V_VILLAGE, VALUE_TEXT, "河南省周口市鹿邑县城关镇李庄村3组12号", "河南省周口市鹿邑县城关镇李庄村" },
	{ VIEW_M4V_VILLAGE, VALUE_TEXT, "杭州市西湖区古荡街道嘉绿社区5幢", "杭州市西湖区古荡街道嘉绿社区" },
	{ VIEW_M4V_VILLAGE, VALUE_TEXT, "杭州市西湖区古荡街道文三路5号村", NULL },
	{ VIEW_M4V_VILLAGE, VALUE_TEXT, "杭州市西湖区古荡街道嘉绿新村12幢", NULL },
	{ VIEW_M4V_VILLAGE, VALUE_TEXT, "杭州市西湖区古荡街道嘉绿苑", NULL },
	{ VIEW_M4V_VILLAGE, VALUE_CODE, "410122100", "410122100000" },
	{ VIEW_M5_YEAR, VALUE_DATE, "2015-03-02", "2015" },
	{ VIEW_M5_YEAR, VALUE_DATE, "2015-02-30", NULL },
	{ VIEW_M5_YEAR, VALUE_TEXT, "2015-03-02", NULL },
	{ VIEW_M5B_BIRTH_QUARTER, VALUE_DATE, "2015-03-31", "2015Q1" },
	{ VIEW_M5B_BIRTH_QUARTER, VALUE_DATE, "2015-04-01", "2015Q2" },
	{ VIEW_M5B_BIRTH_QUARTER, VALUE_DATE, "2015-12-31", "2015Q4" },
	{ VIEW_M13_QUARTER, VALUE_DATE, "2026-09-30", "2026Q3" },
	{ VIEW_M6_ACCOUNT, VALUE_TEXT, "6222021234567890128", "****0128" },
	{ VIEW_M6_ACCOUNT, VALUE_TEXT, "农行6222021234567890128", NULL },
	{ VIEW_M6_ACCOUNT, VALUE_TEXT, "1234567", NULL },
	{ VIEW_M7_DISABILITY, VALUE_TEXT, "11010519491231002X42", "110105***********X**" },
	{ VIEW_M7_DISABILITY, VALUE_TEXT, "11010519491231002X42B1", "110105***********X**" },
	{ VIEW_M7_DISABILITY, VALUE_TEXT, "11010519491231002X", NULL },
	{ VIEW_M10_STAGE, VALUE_TEXT, "某县实验小学", "小学" },
	{ VIEW_M10_STAGE, VALUE_TEXT, "第一初级中学", "初中" },
	{ VIEW_M10_STAGE, VALUE_TEXT, "某市职业高级中学", "中职" },
	{ VIEW_M10_STAGE, VALUE_TEXT, "育才幼儿园", "学前" },
	{ VIEW_M10_STAGE, VALUE_TEXT, "第二中学", NULL },
	{ VIEW_M10_STAGE, VALUE_TEXT, "某小学附属幼儿园", NULL },
	{ VIEW_M10_STAGE, VALUE_CODE, "初中", "初中" },
	{ VIEW_M11_TAIL, VALUE_TEXT, "Q330123456", "****3456" },
	{ VIEW_M11_TAIL, VALUE_TEXT, "1234567", "****67" },
	{ VIEW_M11_TAIL, VALUE_TEXT, "1234", NULL },
	{ VIEW_M11_TAIL, VALUE_TEXT, "低保字第5号", NULL }
};

static struct value project(enum view_op op, uint8_t type, const char *s, size_t n, struct buf *scratch)
{
	struct value v = { type, (const uint8_t *)s, n }, ret = { 99, NULL, 99 };

	buf_reset(scratch);
	view_project(op, &no_shape, &v, scratch, &ret);
	return ret;
}

static void views_show_what_the_table_says(void **state)
{
	struct buf scratch;
	struct value v;

	(void)state;
	buf_init(&scratch, 4096);
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
		v = project(views[i].op, views[i].type, views[i].in, strlen(views[i].in), &scratch);
		if (views[i].out == NULL) {
			if (v.type != VALUE_SUPPRESSED || v.n != 0)
				fail_msg("%s shows %.*s", views[i].in, (int)v.n, (const char *)v.p);
			continue;
		}
		if (v.type != VALUE_TEXT || v.n != strlen(views[i].out) || memcmp(v.p, views[i].out, v.n) != 0)
			fail_msg("%s shows %.*s (type %u)", views[i].in, (int)v.n, (const char *)v.p, v.type);
	}
	buf_free(&scratch);
}

static struct value integer_value(int64_t i, uint8_t bytes[8])
{
	for (int k = 0; k < 8; k++)
		bytes[k] = (uint8_t)((uint64_t)i >> (56 - 8 * k));
	return (struct value){ VALUE_INTEGER, bytes, 8 };
}

static void money_shows_its_band_by_the_standard(void **state)
{
	static const uint64_t max = POLICY_STANDARD_MAX;
	static const struct {
		uint64_t standard;
		int64_t fen;
		const char *band;
	} cases[] = { { 1000, 0, "0" }, { 1000, 1, "<0.5x" }, { 1000, 499, "<0.5x" }, { 1000, 500, "0.5x-1x" }, { 1000, 999, "0.5x-1x" },
		{ 1000, 1000, "1x-2x" }, { 1000, 1999, "1x-2x" }, { 1000, 2000, ">=2x" }, { 1000, INT64_MAX - 1, ">=2x" },
		{ 1000, -1, NULL }, { 1000, INT64_MIN, NULL }, { 1000, INT64_MAX, NULL },
		/* An odd standard has no half that is an amount. */
		{ 1001, 500, "<0.5x" }, { 1001, 501, "0.5x-1x" }, { 1, 0, "0" }, { 1, 1, "1x-2x" }, { 1, 2, ">=2x" },
		{ max, 4999999999999, "<0.5x" }, { max, 5000000000000, "0.5x-1x" }, { max, 10000000000000, "1x-2x" },
		{ max, 20000000000000, ">=2x" }, { max + 1, 1, NULL }, { UINT64_MAX, 1, NULL },
		/* Without a standard nothing shows, not even that nothing is there. */
		{ 0, 0, NULL }, { 0, 1, NULL }, { 0, INT64_MAX - 1, NULL } };
	struct policy_shape shape = { .type = VALUE_INTEGER, .max_length = 8 };
	struct buf scratch;
	struct value v, got;
	uint8_t bytes[8];

	(void)state;
	buf_init(&scratch, 100);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		v = integer_value(cases[i].fen, bytes);
		buf_reset(&scratch);
		shape.standard = cases[i].standard;
		view_project(VIEW_M9_MONEY_BAND, &shape, &v, &scratch, &got);
		if (cases[i].band == NULL) {
			assert_int_equal(got.type, VALUE_SUPPRESSED);
			continue;
		}
		assert_int_equal(got.type, VALUE_TEXT);
		assert_int_equal(got.n, strlen(cases[i].band));
		assert_memory_equal(got.p, cases[i].band, got.n);
	}
	buf_free(&scratch);
}

static void presence_and_copies_and_nothing(void **state)
{
	struct value v = text_value("张三"), null = { VALUE_NULL, NULL, 0 }, hidden = { VALUE_SUPPRESSED, NULL, 0 }, got;
	struct value empty = { VALUE_LIST, (const uint8_t *)"\0\0", 2 };
	struct buf scratch, none;

	(void)state;
	buf_init(&scratch, 100);
	buf_init(&none, 1);
	view_project(VIEW_PRESENT, &no_shape, &v, &scratch, &got);
	assert_int_equal(got.type, VALUE_BOOL);
	assert_int_equal(got.n, 1);
	assert_int_equal(got.p[0], 1);
	view_project(VIEW_PRESENT, &no_shape, &empty, &scratch, &got);
	assert_int_equal(got.type, VALUE_NULL);
	view_project(VIEW_PLAIN, &no_shape, &v, &scratch, &got);
	assert_int_equal(got.type, VALUE_TEXT);
	assert_memory_equal(got.p, "张三", 6);
	for (unsigned op = 1; op < VIEW_OPS; op++) {
		view_project((enum view_op)op, &no_shape, &null, &scratch, &got);
		assert_int_equal(got.type, VALUE_NULL);
		view_project((enum view_op)op, &no_shape, &hidden, &scratch, &got);
		assert_int_equal(got.type, VALUE_SUPPRESSED);
	}
	/* An unknown operator and a scratch without room show nothing. */
	view_project((enum view_op)VIEW_OPS, &no_shape, &v, &scratch, &got);
	assert_int_equal(got.type, VALUE_SUPPRESSED);
	view_project(VIEW_M1_NAME, &no_shape, &v, &none, &got);
	assert_int_equal(got.type, VALUE_SUPPRESSED);
	buf_free(&scratch);
	buf_free(&none);
}

static void every_result_fits_its_padding(void **state)
{
	struct policy *p = fixture_policy();
	struct buf scratch;
	struct value v;

	(void)state;
	buf_init(&scratch, 4096);
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
		v = project(views[i].op, views[i].type, views[i].in, strlen(views[i].in), &scratch);
		assert_true(v.n <= view_padded(policy_field(p, FIELD_NAME), views[i].op, v.n));
		assert_int_equal(view_padded(policy_field(p, FIELD_NAME), views[i].op, v.n),
		    view_padded(policy_field(p, FIELD_NAME), views[i].op, 0));
	}
	assert_int_equal(view_padded(policy_field(p, FIELD_NAME), VIEW_PLAIN, 20), 32);
	buf_free(&scratch);
	policy_free(p);
}

/* ---- at read --------------------------------------------------------------------------------------------------- */

static void birth_quarters_become_bands_at_read(void **state)
{
	static const struct {
		const char *quarter;
		int year;
		unsigned month, day;
		const char *band;
	} cases[] = {{"2026Q4", 2026, 11, 24, "0-2"}, {"2012Q4", 2026, 12, 30, "12-13"},
	    {"2012Q4", 2026, 12, 31, "14-15"}, {"2012Q1", 2026, 3, 30, "12-13"}, {"2012Q1", 2026, 3, 31, "14-15"},
	    {"2023Q2", 2026, 6, 29, "0-2"}, {"2023Q2", 2026, 6, 30, "3-5"}, {"2020Q3", 2026, 9, 30, "6-11"},
	    {"2014Q3", 2026, 9, 30, "12-13"}, {"2010Q3", 2026, 9, 30, "16-17"}, {"2008Q3", 2026, 9, 29, "16-17"},
	    {"2008Q3", 2026, 9, 30, "18+"}, {"1900Q1", 2026, 9, 30, "18+"}, {"2030Q1", 2026, 9, 30, "0-2"},
	    {"2008Q5", 2026, 9, 30, NULL}, {"2008q3", 2026, 9, 30, NULL}, {"2008-09-30", 2026, 9, 30, NULL}};
	struct value v, got;
	struct buf scratch;

	(void)state;
	buf_init(&scratch, 100);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		v = text_value(cases[i].quarter);
		buf_reset(&scratch);
		view_present(VIEW_M5B_BIRTH_QUARTER, &v, clock_days(cases[i].year, cases[i].month, cases[i].day),
		    &scratch, &got);
		if (cases[i].band == NULL) {
			assert_int_equal(got.type, VALUE_SUPPRESSED);
			continue;
		}
		assert_int_equal(got.n, strlen(cases[i].band));
		assert_memory_equal(got.p, cases[i].band, got.n);
	}
	v = text_value("2015");
	view_present(VIEW_M5_YEAR, &v, TODAY, &scratch, &got);
	assert_ptr_equal(got.p, v.p);
	buf_free(&scratch);
}

/* A policy that shows less does so at once: what an older one stored in the view's place is not shown, nor is another mask. */
static void what_another_operator_stored_is_suppressed(void **state)
{
	static const struct {
		enum view_op op;
		uint8_t type;
		const char *stored;
	} cases[] = {
		{ VIEW_M1_NAME, VALUE_TEXT, "张三丰" }, { VIEW_M1_NAME, VALUE_TEXT, "欧阳小**" }, { VIEW_M1_NAME, VALUE_TEXT, "**" },
		{ VIEW_M2_ID, VALUE_TEXT, "33010620150101123X" }, { VIEW_M2_ID, VALUE_TEXT, "****123X" },
		{ VIEW_M2_ID, VALUE_TEXT, "330106********123X" }, { VIEW_M3_PHONE, VALUE_TEXT, "13812345678" },
		{ VIEW_M3_PHONE, VALUE_TEXT, "0371-65912345" }, { VIEW_M4_TOWNSHIP, VALUE_TEXT, "河南省周口市鹿邑县城关镇李庄村" },
		{ VIEW_M4_TOWNSHIP, VALUE_TEXT, "410122104002" }, { VIEW_COUNTY, VALUE_CODE, "410122" },
		{ VIEW_COUNTY, VALUE_TEXT, "410122104" },
		{ VIEW_M5_YEAR, VALUE_DATE, "2015-12-04" }, { VIEW_M5_YEAR, VALUE_TEXT, "2015Q4" },
		{ VIEW_M5B_BIRTH_QUARTER, VALUE_TEXT, "2015" },
		{ VIEW_M13_QUARTER, VALUE_DATE, "2015-12-04" }, { VIEW_M6_ACCOUNT, VALUE_TEXT, "6222020200112230128" },
		{ VIEW_M7_DISABILITY, VALUE_TEXT, "33010620150101123X42" }, { VIEW_M7_DISABILITY, VALUE_TEXT, "330106***********X42" },
		{ VIEW_M10_STAGE, VALUE_TEXT, "青石镇中心小学" }, { VIEW_M11_TAIL, VALUE_TEXT, "A123456789" },
		{ VIEW_M9_MONEY_BAND, VALUE_INTEGER, "\0\0\0\0\0\0\1\0" }, { VIEW_M9_MONEY_BAND, VALUE_TEXT, "500-999" },
		{ VIEW_M9_MONEY_BAND, VALUE_TEXT, "0.5x" }, { VIEW_M9_MONEY_BAND, VALUE_TEXT, "1x" },
		{ VIEW_M9_MONEY_BAND, VALUE_TEXT, "" },
		{ VIEW_M9_MONEY_BAND, VALUE_TEXT, "50000" }, { VIEW_GENERAL, VALUE_CODE, "restrained" },
		{ VIEW_PRESENT, VALUE_TEXT, "张三" }, { VIEW_COUNT, VALUE_LIST, "\0\0" },
	};
	struct buf scratch;
	struct value v, got;

	(void)state;
	buf_init(&scratch, 100);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		v = (struct value){ cases[i].type, (const uint8_t *)cases[i].stored,
			cases[i].type == VALUE_INTEGER ? 8 : cases[i].type == VALUE_LIST ? 2 : strlen(cases[i].stored) };
		view_present(cases[i].op, &v, TODAY, &scratch, &got);
		if (got.type != VALUE_SUPPRESSED || got.n != 0)
			fail_msg("%s shows %.*s", view_op_name(cases[i].op), (int)got.n, (const char *)got.p);
	}
	buf_free(&scratch);
}

/* A copy of a contact: with a phone, with a name alone; and what the mask leaves. */
static void a_contact_is_masked_or_suppressed(void **state)
{
	static const struct {
		const char *name, *phone, *relation;
		bool shown;
	} cases[] = { { "张三", "13812345678", "51", false }, { "张三", NULL, "51", false }, { NULL, "13812345678", NULL, false },
		{ "张**", "138****5678", "51", true }, { "张**", NULL, "叔叔", true }, { NULL, NULL, "51", true } };
	struct buf scratch, group;
	struct value v, got;

	(void)state;
	buf_init(&scratch, 100);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *const texts[] = { cases[i].name, cases[i].phone, cases[i].relation }, *const names[] = { "name", "phone",
		    "relation" };
		size_t at, n = 0;

		buf_init(&group, 200);
		at = value_begin(&group);
		for (size_t k = 0; k < 3; k++)
			if (texts[k] != NULL) {
				value_member_put(&group, names[k], strlen(names[k]), VALUE_TEXT, texts[k], strlen(texts[k]));
				n++;
			}
		value_end(&group, at, n);
		v = (struct value){ VALUE_GROUP, group.p, group.n };
		view_present(VIEW_CONTACT, &v, TODAY, &scratch, &got);
		assert_int_equal(got.type, cases[i].shown ? VALUE_GROUP : VALUE_SUPPRESSED);
		buf_free(&group);
	}
	buf_free(&scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(views_show_what_the_table_says),
		cmocka_unit_test(money_shows_its_band_by_the_standard),
		cmocka_unit_test(presence_and_copies_and_nothing),
		cmocka_unit_test(every_result_fits_its_padding),
		cmocka_unit_test(birth_quarters_become_bands_at_read),
		cmocka_unit_test(what_another_operator_stored_is_suppressed),
		cmocka_unit_test(a_contact_is_masked_or_suppressed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
