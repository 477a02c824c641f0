// SPDX-License-Identifier: GPL-2.0-or-later
/* Settings: every key, every default, every error, drop-ins, and that what is printed reads back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "conf/settings.h"
#include "fixture_tree.h"
#include "util/cleanup.h"

static struct bytes text_of(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static struct settings parsed(const char *text)
{
	struct ukd_error e = {0};
	struct settings s;

	assert_int_equal(settings_init(&s, &e), 0);
	if (settings_parse(&s, text_of(text), "t.conf", &e) < 0)
		fail_msg("%s", e.text);
	return s;
}

static void assert_list(const struct strings *list, const char *joined)
{
	char all[1024] = "";

	for (unsigned int i = 0; i < list->n; i++) {
		strcat(all, i ? "|" : "");
		strcat(all, list->v[i]);
	}
	assert_string_equal(all, joined);
	if (list->n)
		assert_null(list->v[list->n]);
}

static void assert_defaults(const struct settings *s)
{
	assert_null(s->image.kernel);
	assert_null(s->image.key);
	assert_null(s->image.certificate);
	assert_null(s->image.command_line);
	assert_null(s->image.command_line_append);
	assert_int_equal(s->image.modules.n, 0);
	assert_false(s->image.allow_shell);
	assert_list(&s->dump.target, "file:/var/crash");
	assert_int_equal(s->dump.dump_level, 31);
	assert_string_equal(s->dump.compress, "auto");
	assert_int_equal(s->image.sign, SIGN_AUTO);
	assert_int_equal(s->dump.threads, 0);
	assert_int_equal(s->dump.encrypt_to.n, 0);
	assert_int_equal(s->dump.timeout_s, 0);
	assert_int_equal(s->action.on_success, ACTION_REBOOT);
	assert_int_equal(s->action.on_failure, ACTION_REBOOT);
	assert_int_equal(s->action.pre.n, 0);
	assert_int_equal(s->action.post.n, 0);
	assert_false(s->arm.require_sealed);
	assert_int_equal(s->arm.lock_after_arm, LOCK_NO);
	assert_list(&s->arm.sysctl, "kernel.panic_on_oops=1");
	assert_int_equal(s->reserve.size, 0);
	assert_int_equal(s->reserve.high, 0);
	assert_int_equal(s->reserve.low, 0);
	assert_int_equal(s->reserve.cma, MODE_AUTO);
	assert_int_equal(s->store.keep, 5);
	assert_int_equal(s->store.max_use, 0);
	assert_int_equal(s->store.keep_free, MIB(64));
}

static void test_defaults(void **state _unused_)
{
	_settings_ struct settings s = parsed("");

	assert_defaults(&s);
}

/* The shipped file says what the defaults are: with its comments removed nothing changes. */
static void test_shipped_file(void **state _unused_)
{
	_settings_ struct settings commented, active;
	_buffer_ struct buffer b = {0};
	struct ukd_error e = {0};

	assert_int_equal(file_read(AT_FDCWD, "config/ukdump.conf", CONF_FILE_MAX, &b, &e), 0);
	commented = parsed((char *)b.data);
	assert_defaults(&commented);
	for (char *p = (char *)b.data; (p = strstr(p, "\n#"));) {
		p++;
		if (p[1] >= 'A' && p[1] <= 'Z') /* "#Key=value"; prose has "# " */
			*p = ' ';
	}
	active = parsed((char *)b.data);
	assert_defaults(&active);
}

static const char every_key[] = "# comment\n"
				"; another\n"
				"\n"
				"[Image]\n"
				"Kernel=6.12.107+deb13-amd64\n"
				"Key=pkcs11:token=ukdump;object=capture\n"
				"Certificate = /etc/ukdump/keys/site.crt \n"
				"CommandLine=reset_devices  panic=1 # not a comment\n"
				"CommandLineAppend=console=ttyS0,115200\n"
				"Modules=virtio_blk  nvme\n"
				"Modules=ext4\n"
				"  AllowShell\t=\tyes\n"
				"[Dump]\n"
				"Target=LABEL=ukdump file:/var/crash\n"
				"DumpLevel=0x10\n"
				"Compress=zstd\n"
				"Threads=4\n"
				"EncryptTo=age1abc age1def\n"
				"TimeoutSec=1h 30min\n"
				"[Action]\n"
				"OnSuccess=poweroff\n"
				"OnFailure=shell\n"
				"Pre=/usr/lib/site/pre dump\n"
				"Pre=/usr/lib/site/pre2\n"
				"Post=/usr/lib/site/post\n"
				"[Arm]\n"
				"RequireSealed=on\n"
				"LockAfterArm=panic-limit\n"
				"Sysctl=kernel.panic_on_oops=1 kernel.panic=10\n"
				"[Reserve]\n"
				"Size=256M\n"
				"High=1G\n"
				"Low=auto\n"
				"Cma=no\n"
				"[Store]\n"
				"Keep=all\n"
				"MaxUse=10G\n"
				"KeepFree=0\n"
				"[Image]\n"
				"Kernel=/boot/vmlinuz"; /* again, and no newline at the end */

static void assert_every_key(const struct settings *s)
{
	assert_string_equal(s->image.kernel, "/boot/vmlinuz");
	assert_string_equal(s->image.key, "pkcs11:token=ukdump;object=capture");
	assert_string_equal(s->image.certificate, "/etc/ukdump/keys/site.crt");
	assert_string_equal(s->image.command_line, "reset_devices  panic=1 # not a comment");
	assert_string_equal(s->image.command_line_append, "console=ttyS0,115200");
	assert_list(&s->image.modules, "virtio_blk|nvme|ext4");
	assert_true(s->image.allow_shell);
	assert_list(&s->dump.target, "LABEL=ukdump|file:/var/crash");
	assert_int_equal(s->dump.dump_level, 16);
	assert_string_equal(s->dump.compress, "zstd");
	assert_int_equal(s->dump.threads, 4);
	assert_list(&s->dump.encrypt_to, "age1abc|age1def");
	assert_int_equal(s->dump.timeout_s, 5400);
	assert_int_equal(s->action.on_success, ACTION_POWEROFF);
	assert_int_equal(s->action.on_failure, ACTION_SHELL);
	assert_list(&s->action.pre, "/usr/lib/site/pre dump|/usr/lib/site/pre2");
	assert_list(&s->action.post, "/usr/lib/site/post");
	assert_true(s->arm.require_sealed);
	assert_int_equal(s->arm.lock_after_arm, LOCK_PANIC_LIMIT);
	assert_list(&s->arm.sysctl, "kernel.panic_on_oops=1|kernel.panic=10");
	assert_int_equal(s->reserve.size, MIB(256));
	assert_int_equal(s->reserve.high, MIB(1024));
	assert_int_equal(s->reserve.low, 0);
	assert_int_equal(s->reserve.cma, MODE_NO);
	assert_int_equal(s->store.keep, 0);
	assert_int_equal(s->store.max_use, MIB(10240));
	assert_int_equal(s->store.keep_free, 0);
}

static void test_every_key(void **state _unused_)
{
	_settings_ struct settings s = parsed(every_key);

	assert_every_key(&s);
}

static void test_print_reads_back(void **state _unused_)
{
	_settings_ struct settings s = parsed(every_key), again, part;
	_free_ char *text = NULL, *dump = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	settings_print(&s, NULL, out);
	fclose(out);
	again = parsed(text);
	assert_every_key(&again);

	out = open_memstream(&dump, &n);
	settings_print(&s, "Dump", out);
	fclose(out);
	assert_null(strstr(dump, "[Image]"));
	part = parsed(dump);
	assert_list(&part.dump.target, "LABEL=ukdump|file:/var/crash");
	assert_int_equal(part.store.keep, 5);
}

static void test_empty_values(void **state _unused_)
{
	_settings_ struct settings s = parsed("[Image]\nKernel=x\nKernel=\nModules=a b\nModules=\n"
					      "[Dump]\nCompress=lzo\nCompress=\nTarget=\n"
					      "Target=LABEL=a\n");

	assert_null(s.image.kernel);
	assert_int_equal(s.image.modules.n, 0);
	assert_string_equal(s.dump.compress, "auto");
	assert_list(&s.dump.target, "LABEL=a");
}

static void test_times(void **state _unused_)
{
	static const struct {
		const char *text;
		uint64_t seconds;
	} good[] = {{"600", 600}, {"10min", 600}, {"10 min", 600}, {"1h", 3600},
		    {"90s", 90},  {"2d", 172800}, {"1h30m", 5400}, {"1h 30min 5sec", 5405}};
	static const char *const bad[] = {"",	      "-1",	 "1.5h",  "10 minutes",
					  "infinity", "h",	 "1h 30", "99999999999999999999s",
					  "1 hmin",   "0x10min", " 5s"};
	uint64_t n;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_true(conf_parse_time(good[i].text, &n));
		assert_int_equal(n, good[i].seconds);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (conf_parse_time(bad[i], &n))
			fail_msg("'%s' was taken", bad[i]);
}

struct error_case {
	const char *text, *check, *message;
};

static const struct error_case errors[] = {
	{"[Dump\n", "conf.syntax", "t.conf:1: '[Dump' is no section header; write [Section]"},
	{"[Dump] # x\n", "conf.syntax", "t.conf:1: '[Dump] # x' is no section header"},
	{"\n\n[dump]\n", "conf.section", "t.conf:3: unknown section [dump]; did you mean [Dump]?"},
	{"[Net]\n", "conf.section",
	 "unknown section [Net]; there are [Image] [Dump] [Action] [Network] [Arm] [Reserve] "
	 "[Store]"},
	{"[]\n", "conf.section", "unknown section []"},
	{"Target=x\n", "conf.syntax", "t.conf:1: 'Target=' stands before the first [Section]"},
	{"[Dump]\nTarget\n", "conf.syntax",
	 "t.conf:2: 'Target' is neither [Section] nor Key=value"},
	{"[Dump]\nDumplevel=1\n", "conf.key",
	 "t.conf:2: unknown key 'Dumplevel' in [Dump]; did you mean DumpLevel=?"},
	{"[Dump]\nPath=/x\n", "conf.key", "t.conf:2: unknown key 'Path' in [Dump]"},
	{"[Dump]\nKeep=3\n", "conf.key", "Keep= belongs into section [Store], not [Dump]"},
	{"[Dump]\n=3\n", "conf.key", "unknown key ''"},
	{"[Dump]\nTarget=/a\\\n", "conf.syntax", "cannot be continued with '\\'"},
	{"[Dump]\nEncryptTo=a\\ b\n", "conf.value", "words that do not end in '\\'"},
	{"[Dump]\r\n", "conf.syntax", "t.conf:1: the line ends in CR LF"},
	{"[Dump]\nTarget=\001\n", "conf.syntax", "control character 0x01"},
	{"[Image]\nModules=a;b\n", "conf.value", "Modules: 'a;b' is not allowed; allowed: names"},
	{"[Image]\nAllowShell=maybe\n", "conf.value",
	 "AllowShell: 'maybe' is not allowed; allowed: yes, no, true, false, on, off, 1, 0"},
	{"[Image]\nAllowShell=\n", "conf.value", "AllowShell: ''"},
	{"[Image]\nCommandLine=a elfcorehdr=0x1\n", "conf.value", "without elfcorehdr="},
	{"[Image]\nCommandLineAppend=dmcryptkeys=0x1\n", "conf.value", "and dmcryptkeys="},
	{"[Dump]\nTarget=file:/a /b\n", "conf.value",
	 "Target: '/b' is not allowed; allowed: file:/DIR"},
	{"[Dump]\nTarget=LABEL=\n", "conf.value", "Target: 'LABEL=' is not allowed"},
	{"[Dump]\nDumpLevel=32\n", "conf.value",
	 "DumpLevel: '32' is not allowed; allowed: a number from 0 to 31"},
	{"[Dump]\nDumpLevel=31 # all\n", "conf.value", "DumpLevel: '31 # all'"},
	{"[Dump]\nDumpLevel=\n", "conf.value", "DumpLevel: ''"},
	{"[Dump]\nCompress=gzip\n", "conf.value", "allowed: auto, zstd, lzo, zlib, snappy, none"},
	{"[Dump]\nThreads=257\n", "conf.value", "allowed: auto or a number from 0 to 256"},
	{"[Dump]\nTimeoutSec=0\n", "conf.value", "10min or 1h 30min, in seconds from 10 to 604800"},
	{"[Dump]\nTimeoutSec=infinity\n", "conf.value", "TimeoutSec: 'infinity'"},
	{"[Action]\nOnSuccess=Reboot\n", "conf.value", "allowed: reboot, poweroff, halt, shell"},
	{"[Action]\nOnFailure=x\n", "conf.value", "OnFailure: 'x'"},
	{"[Action]\nPre=true\n", "conf.value", "Pre: 'true' is not allowed; allowed: the absolute"},
	{"[Action]\nPost=/\n", "conf.value", "Post: '/'"},
	{"[Network]\nAddress=192.0.2.1\n", "conf.value", "auto, dhcp, or addresses"},
	{"[Network]\nAddress=192.0.2.1/33\n", "conf.value", "Address: '192.0.2.1/33'"},
	{"[Network]\nGateway=here\n", "conf.value", "IPv4 or IPv6"},
	{"[Network]\nSshKey=key\n", "conf.value", "the absolute path of a file"},
	{"[Network]\nProxy=proxy:3128\n", "conf.value", "http://HOST:PORT"},
	{"[Arm]\nRequireSealed=2\n", "conf.value", "RequireSealed: '2'"},
	{"[Arm]\nLockAfterArm=yes\n", "conf.value", "allowed: no, panic-limit, all"},
	{"[Arm]\nSysctl=kernel.panic\n", "conf.value", "allowed: name=value"},
	{"[Arm]\nSysctl=../../x=1\n", "conf.value", "Sysctl: '../../x=1'"},
	{"[Reserve]\nSize=1Q\n", "conf.value", "auto or a size such as 4096, 64M or 2G"},
	{"[Reserve]\nHigh=-1\n", "conf.value", "High: '-1'"},
	{"[Reserve]\nLow=99999999999T\n", "conf.value", "Low: '99999999999T'"},
	{"[Reserve]\nCma=1\n", "conf.value", "allowed: auto, yes, no"},
	{"[Store]\nKeep=-1\n", "conf.value", "allowed: all or a number from 0 to 100000"},
	{"[Store]\nMaxUse=half\n", "conf.value", "unlimited or a size"},
	{"[Store]\nKeepFree=5%\n", "conf.value", "KeepFree: '5%'"},
};

static void assert_refused(struct bytes text, const char *check, const char *message)
{
	_settings_ struct settings s = {0};
	struct ukd_error e = {0};

	assert_int_equal(settings_init(&s, &e), 0);
	assert_int_equal(settings_parse(&s, text, "t.conf", &e), -EBADMSG);
	assert_string_equal(e.check, check);
	if (!strstr(e.text, message))
		fail_msg("'%s' does not say '%s'", e.text, message);
}

static void test_errors(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		assert_refused(text_of(errors[i].text), errors[i].check, errors[i].message);
}

static void test_nul_byte(void **state _unused_)
{
	static const uint8_t text[] = "[Dump]\nTarget=file:/\0x\n";

	assert_refused((struct bytes){text, sizeof(text) - 1}, "conf.syntax",
		       "t.conf:2: the line contains a NUL byte");
}

static void test_long_lines(void **state _unused_)
{
	_free_ char *text = malloc(CONF_LINE_MAX + 64);
	const char head[] = "[Image]\nCommandLine=";
	size_t key = strlen("CommandLine="), n = strlen(head) + CONF_LINE_MAX - key;

	memset(text, 'x', CONF_LINE_MAX + 64);
	memcpy(text, head, strlen(head));
	strcpy(text + n, "\n"); /* the longest line that is taken */
	_settings_ struct settings s = parsed(text);
	assert_int_equal(strlen(s.image.command_line), CONF_LINE_MAX - key);
	strcpy(text + n, "x\n");
	assert_refused(text_of(text), "conf.syntax", "t.conf:2: the line is longer than 65536");
}

/* A value that is refused leaves what was there. */
static void test_bad_value_changes_nothing(void **state _unused_)
{
	_settings_ struct settings s = parsed("[Dump]\nTarget=LABEL=a\nDumpLevel=1\n");
	struct ukd_error e = {0};

	assert_int_equal(settings_parse(&s, text_of("[Dump]\nTarget=file:/x bad\n"), "t", &e),
			 -EBADMSG);
	assert_int_equal(settings_parse(&s, text_of("[Dump]\nDumpLevel=99\n"), "t", &e), -EBADMSG);
	assert_list(&s.dump.target, "LABEL=a");
	assert_int_equal(s.dump.dump_level, 1);
}

static int tree_setup(void **state)
{
	*state = calloc(1, sizeof(struct tree));
	assert_non_null(*state);
	tree_make(*state);
	return 0;
}

static int tree_teardown(void **state)
{
	tree_remove(*state);
	free(*state);
	return 0;
}

static void test_load_nothing(void **state)
{
	struct tree *t = *state;
	_settings_ struct settings s = {0};
	struct ukd_error e = {0};

	assert_int_equal(settings_load(&t->root, NULL, &s, &e), 0);
	assert_defaults(&s);
	settings_free(&s);
	assert_int_equal(settings_load(&t->root, "/etc/missing.conf", &s, &e), -ENOENT);
	assert_non_null(strstr(e.text, "/etc/missing.conf"));
}

static void test_load_drop_ins(void **state)
{
	struct tree *t = *state;
	_settings_ struct settings s = {0};
	struct ukd_error e = {0};

	tree_write(t, "/etc/ukdump/ukdump.conf",
		   "[Dump]\nDumpLevel=1\nTarget=LABEL=a\nTarget=LABEL=b\n");
	tree_write(t, "/etc/ukdump/ukdump.conf.d/20-b.conf", "[Dump]\nDumpLevel=3\n");
	tree_write(t, "/etc/ukdump/ukdump.conf.d/10-a.conf",
		   "[Dump]\nDumpLevel=2\nTarget=LABEL=c\nTarget=LABEL=d\n[Store]\nKeep=9\n");
	tree_write(t, "/etc/ukdump/ukdump.conf.d/.30.conf", "nonsense");
	tree_write(t, "/etc/ukdump/ukdump.conf.d/40.conf.bak", "nonsense");
	tree_write(t, "/etc/ukdump/ukdump.conf.d/README", "nonsense");
	assert_int_equal(settings_load(&t->root, NULL, &s, &e), 0);
	assert_int_equal(s.dump.dump_level, 3);
	assert_int_equal(s.store.keep, 9);
	assert_list(&s.dump.target, "LABEL=c|LABEL=d");
}

static void test_load_error_in_drop_in(void **state)
{
	struct tree *t = *state;
	struct settings s;
	struct ukd_error e = {0};
	char expected[256];

	tree_write(t, "/etc/ukdump/ukdump.conf.d/20-b.conf", "[Dump]\n\nDumpLevel=x\n");
	assert_int_equal(settings_load(&t->root, NULL, &s, &e), -EBADMSG);
	snprintf(expected, sizeof(expected),
		 "%s/etc/ukdump/ukdump.conf.d/20-b.conf:3: DumpLevel: 'x' is not allowed", t->dir);
	assert_int_equal(strncmp(e.text, expected, strlen(expected)), 0);
}

static void test_load_checks(void **state)
{
	static const struct error_case cases[] = {
		{"[Action]\nOnFailure=shell\n", "conf.value", "needs AllowShell=yes"},
		{"[Image]\nSign=external\nKey=/k\nCertificate=/c\n", "conf.value",
		 "no Key= and no Certificate="},
		{"[Dump]\nTarget=\n", "conf.value", "Target= is empty"},
		{"[Image]\nKey=/x\n", "conf.value", "both or neither"},
	};
	struct tree *t = *state;
	struct settings s;
	struct ukd_error e = {0};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		tree_write(t, "/etc/ukdump/ukdump.conf", cases[i].text);
		assert_int_equal(settings_load(&t->root, NULL, &s, &e), -EBADMSG);
		assert_string_equal(e.check, cases[i].check);
		assert_non_null(strstr(e.text, cases[i].message));
	}
}

/* For the running system a relative path is the process's own, not one below "/". */
static void test_relative_path_of_build(void **state)
{
	struct root system = ROOT_NONE;
	struct tree *t = *state;
	_settings_ struct settings s = {0}, inside = {0};
	struct ukd_error e = {0};
	char here[4096];

	tree_write(t, "/etc/ukdump/my.conf", "[Dump]\nDumpLevel=7\n");
	assert_non_null(getcwd(here, sizeof(here)));
	assert_int_equal(root_open(NULL, &system, &e), 0);
	assert_int_equal(chdir(t->dir), 0);
	assert_int_equal(settings_load_option(&system, "etc/ukdump/my.conf", &s, &e), 0);
	assert_int_equal(chdir(here), 0);
	root_close(&system);
	assert_int_equal(s.dump.dump_level, 7);
	assert_int_equal(settings_load_option(&t->root, "etc/ukdump/my.conf", &inside, &e), 0);
	assert_int_equal(inside.dump.dump_level, 7);
}

#define TREE_TEST(f) cmocka_unit_test_setup_teardown(f, tree_setup, tree_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_shipped_file),
		cmocka_unit_test(test_every_key),
		cmocka_unit_test(test_print_reads_back),
		cmocka_unit_test(test_empty_values),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_nul_byte),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_bad_value_changes_nothing),
		TREE_TEST(test_load_nothing),
		TREE_TEST(test_load_drop_ins),
		TREE_TEST(test_load_error_in_drop_in),
		TREE_TEST(test_load_checks),
		TREE_TEST(test_relative_path_of_build),
	};

	return cmocka_run_group_tests_name("conf", tests, NULL, NULL);
}
