// SPDX-License-Identifier: GPL-2.0-or-later
/* What src/build/gather.c and initrd.c make of texts. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "build/gather.h"
#include "build/initrd.h"
#include "fixture_checks.h"
#include "fixture_tree.h"

static void test_command_line(void **state _unused_)
{
	static const struct {
		struct command_line_spec spec;
		const char *line;
	} cases[] = {
		{{.line = "a"}, "a"},
		{{.line = "a", .append = "b"}, "a b"},
		{{.line = "a", .need_panic = true}, "a panic=1"},
		{{.line = "a panic_on_warn=1 kernel.panic=3", .need_panic = true},
		 "a panic_on_warn=1 kernel.panic=3 panic=1"},
		{{.line = "panic=0", .need_panic = true}, "panic=0"},
		{{.line = "a", .append = "panic=30", .need_panic = true}, "a panic=30"},
	};
	_tree_ struct tree t;

	tree_make(&t);
	tree_write(&t, "/proc/cmdline", "quiet console=ttyS3\n");
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ukd_error e = {0};
		char *line;

		assert_int_equal(make_command_line(&t.root, &cases[i].spec, &line, &e), 0);
		assert_string_equal(line, cases[i].line);
		free(line);
	}
}

/* Threads= need processors, and the one that firmware booted must not be started again. */
static void test_threads_need_processors(void **state _unused_)
{
	struct command_line_spec spec = {.threads = 4};
	struct ukd_error e = {0};
	_tree_ struct tree t;
	char *line;

	tree_make(&t);
	tree_write(&t, "/proc/cpuinfo",
		   "processor\t: 0\napicid\t\t: 5\ninitial apicid\t: 6\n\n"
		   "processor\t: 1\ninitial apicid\t: 8\n");
	assert_int_equal(make_command_line(&t.root, &spec, &line, &e), 0);
	assert_non_null(strstr(line, "reset_devices nr_cpus=4 disable_cpu_apicid=6 irqpoll"));
	free(line);
	spec.fleet = true;
	assert_int_equal(make_command_line(&t.root, &spec, &line, &e), 0);
	assert_non_null(strstr(line, " nr_cpus=4 disable_cpu_apicid=0 "));
	free(line);
	spec.line = "a";
	assert_int_equal(make_command_line(&t.root, &spec, &line, &e), 0);
	assert_string_equal(line, "a");
	free(line);
}

static void test_consoles_are_those_of_the_machine_itself(void **state _unused_)
{
	struct command_line_spec spec = {.need_panic = true};
	struct ukd_error e = {0};
	_tree_ struct tree t;
	char *line;

	tree_make(&t);
	tree_write(&t, "/proc/cmdline", "quiet console=ttyS3\n");
	assert_int_equal(make_command_line(&t.root, &spec, &line, &e), 0);
	assert_non_null(strstr(line, " console=ttyS3"));
	free(line);
	spec.fleet = true;
	assert_int_equal(make_command_line(&t.root, &spec, &line, &e), 0);
	assert_null(strstr(line, "console="));
	assert_non_null(strstr(line, " panic=1 "));
	assert_non_null(strstr(line, "reset_devices nr_cpus=1 irqpoll"));
	free(line);
}

static void test_version_of_a_kernel_file(void **state _unused_)
{
	static const struct {
		const char *text, *version;
	} cases[] = {{"6.1.0-9-amd64 (x@y) #1", "6.1.0-9-amd64"},
		     {"6.1", "6.1"},
		     {"", ""},
		     {"../x y", ""},
		     {"a/b", ""}};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t kernel[4096] = {[0x202] = 'H', 'd', 'r', 'S', [0x20f] = 0x04};
		char version[KVER_MAX];

		strcpy((char *)kernel + 0x600, cases[i].text); /* 0x200 + 0x400 */
		kernel_own_version((struct bytes){kernel, sizeof(kernel)}, version);
		assert_string_equal(version, cases[i].version);
	}
}

static void test_beginnings_of_an_initrd(void **state _unused_)
{
	static const struct bytes good[] = {{(const uint8_t *)"070701000", 9},
					    {(const uint8_t *)"070702", 6},
					    {(const uint8_t *)"\x1f\x8b\x08", 3},
					    {(const uint8_t *)"\x28\xb5\x2f\xfd", 4},
					    {(const uint8_t *)"\xfd"
							      "7zXZ\0",
					     6},
					    {(const uint8_t *)"\x02\x21\x4c\x18", 4},
					    {(const uint8_t *)"\x89LZO\0", 5}};
	static const struct bytes bad[] = {{(const uint8_t *)"MZ\x90\0", 4},
					   {(const uint8_t *)"07070", 5},
					   {(const uint8_t *)"070707", 6},
					   {(const uint8_t *)"", 0}};

	for (unsigned int i = 0; i < ARRAY_SIZE(good); i++) {
		struct ukd_error e = {0};

		assert_int_equal(initrd_check_magic(good[i], &e), 0);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		struct ukd_error e = {0};

		expect_refused(initrd_check_magic(bad[i], &e), &e, "initrd.magic", "bad");
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_command_line),
		cmocka_unit_test(test_threads_need_processors),
		cmocka_unit_test(test_consoles_are_those_of_the_machine_itself),
		cmocka_unit_test(test_version_of_a_kernel_file),
		cmocka_unit_test(test_beginnings_of_an_initrd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
