// SPDX-License-Identifier: GPL-2.0-or-later
/* src/build/need_watchdog.c and need_ends.c: drivers of the watchdog, hooks and shell in an image. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "build/needs.h"
#include "fixture_checks.h"
#include "fixture_tree.h"

#define DIR "/usr/lib/modules/6.1/"
#define TCO "/sys/devices/pci0000:00/0000:00:1f.4"

struct build {
	struct tree tree;
	struct settings settings;
	struct needs needs;
	char note[256];
};

static void note(void *ctx, const char *text)
{
	struct build *b = ctx;

	(void)snprintf(b->note, sizeof(b->note), "%s", text);
}

static int setup(void **state)
{
	struct build *b = calloc(1, sizeof(*b));
	struct ukd_error e;

	tree_make(&b->tree);
	tree_write(&b->tree, DIR "modules.dep",
		   "k/iTCO_wdt.ko: k/iTCO_vendor_support.ko\nk/iTCO_vendor_support.ko:\n"
		   "k/i2c-i801.ko:\nk/efivarfs.ko:\nk/i6300esb.ko:\n");
	tree_write(&b->tree, DIR "modules.alias",
		   "alias pci:v00008086d000025AB* i6300esb\nalias platform:iTCO_wdt iTCO_wdt\n");
	assert_int_equal(settings_init(&b->settings, &e), 0);
	b->needs = (struct needs){
		.root = &b->tree.root,
		.settings = &b->settings,
		.kver = "6.1",
		.note = note,
		.note_ctx = b,
	};
	assert_int_equal(module_tree_load(&b->tree.root, "6.1", &b->needs.tree, &e), 0);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct build *b = *state;

	needs_free(&b->needs);
	settings_free(&b->settings);
	tree_remove(&b->tree);
	free(b);
	return 0;
}

static void set(struct build *b, const char *conf)
{
	struct ukd_error e;

	assert_int_equal(settings_parse(&b->settings,
					(struct bytes){(const uint8_t *)conf, strlen(conf)}, "t",
					&e),
			 0);
}

static const char *drivers(const struct build *b)
{
	return b->needs.drivers.data ? (const char *)b->needs.drivers.data : "";
}

static const char *programs(const struct build *b)
{
	static char all[1024];

	all[0] = 0;
	for (unsigned int i = 0; i < b->needs.programs.n; i++)
		(void)snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", i ? "|" : "",
			       b->needs.programs.v[i]);
	return all;
}

/* iTCO_wdt's device is made by i2c_i801, whose PCI device it hangs below. */
static void tco(struct tree *t)
{
	tree_link(t, "/sys/class/watchdog/watchdog0",
		  "../../devices/pci0000:00/0000:00:1f.4/iTCO_wdt/watchdog/watchdog0");
	tree_write(t, TCO "/iTCO_wdt/watchdog/watchdog0/state", "inactive\n");
	tree_write(t, "/sys/bus/pci/drivers/i801_smbus/x", "");
	tree_write(t, "/sys/bus/platform/drivers/iTCO_wdt/x", "");
	tree_link(t, TCO "/driver", "../../../bus/pci/drivers/i801_smbus");
	tree_link(t, TCO "/iTCO_wdt/driver", "../../../../bus/platform/drivers/iTCO_wdt");
	tree_link(t, "/sys/bus/pci/drivers/i801_smbus/module", "../../../../module/i2c_i801");
	tree_link(t, "/sys/bus/platform/drivers/iTCO_wdt/module", "../../../../module/iTCO_wdt");
	tree_write(t, "/sys/module/iTCO_wdt/initstate", "live\n");
}

static void test_watchdog_of_this_machine(void **state)
{
	struct build *b = *state;
	struct ukd_error e;

	tco(&b->tree);
	/* softdog, a second one: no device, no driver */
	tree_link(&b->tree, "/sys/class/watchdog/watchdog1",
		  "../../devices/virtual/watchdog/watchdog1");
	assert_int_equal(need_watchdog(&b->needs, &e), 0);
	assert_string_equal(drivers(b), DIR "k/i2c-i801.ko\n" DIR "k/iTCO_vendor_support.ko\n" DIR
					    "k/iTCO_wdt.ko\n");
	assert_string_equal(b->note, "hardware watchdog: drivers i2c_i801 iTCO_wdt");
}

static void test_no_watchdog(void **state)
{
	struct build *b = *state;
	struct ukd_error e;

	assert_int_equal(need_watchdog(&b->needs, &e), 0);
	assert_string_equal(drivers(b), "");
	assert_string_equal(b->note, "");
}

/* No reason to refuse an image. */
static void test_kernel_without_the_driver(void **state)
{
	struct build *b = *state;
	struct ukd_error e;

	tree_write(&b->tree, DIR "modules.dep", "k/i2c-i801.ko:\n");
	module_tree_free(b->needs.tree);
	assert_int_equal(module_tree_load(&b->tree.root, "6.1", &b->needs.tree, &e), 0);
	tco(&b->tree);
	assert_int_equal(need_watchdog(&b->needs, &e), 0);
	assert_string_equal(drivers(b), DIR "k/i2c-i801.ko\n");
}

static void test_watchdogs_of_a_fleet(void **state)
{
	struct build *b = *state;
	struct ukd_error e;

	tco(&b->tree); /* of the machine that builds */
	b->needs.fleet = true;
	assert_int_equal(need_watchdog(&b->needs, &e), 0);
	assert_int_equal(b->needs.hardware.n, 2);
	assert_string_equal(b->needs.hardware.v[0], "pci:v00008086d000025AB* i6300esb");
	assert_string_equal(b->needs.hardware.v[1], "platform:iTCO_wdt iTCO_wdt");
	/* The list of what has no alias here. */
	assert_string_equal(drivers(b), DIR "k/i2c-i801.ko\n");
}

static void test_hooks_and_efivarfs(void **state)
{
	struct build *b = *state;
	struct ukd_error e;

	tree_write(&b->tree, "/opt/one", "");
	tree_write(&b->tree, "/opt/two", "");
	set(b, "[Action]\nPre=/opt/one\nPost=/opt/two\nFailure=/opt/one\n");
	assert_int_equal(need_ends(&b->needs, &e), 0);
	assert_string_equal(programs(b), "/opt/one|/opt/two");
	assert_string_equal(drivers(b), DIR "k/efivarfs.ko\n");
}

static void test_hooks_that_cannot_be_run(void **state)
{
	static const char *const bad[][2] = {
		{"[Action]\nPre=/opt/none\n", "Pre=/opt/none"},
		{"[Action]\nPre=\nPost=/opt/none\n", "Post=/opt/none"},
		{"[Action]\nPost=\nFailure=/opt/with blank\n", "blanks"},
	};
	struct build *b = *state;
	struct ukd_error e;

	tree_write(&b->tree, "/opt/with blank", "");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		set(b, bad[i][0]);
		expect_refused(need_ends(&b->needs, &e), &e, "build.settings", bad[i][1]);
		assert_non_null(strstr(e.text, bad[i][1]));
	}
}

static void test_shell(void **state)
{
	struct build *b = *state;
	struct ukd_error e;

	set(b, "[Image]\nAllowShell=yes\n");
	expect_refused(need_ends(&b->needs, &e), &e, "build.settings", "AllowShell");
	tree_write(&b->tree, "/usr/bin/busybox", "");
	tree_write(&b->tree, "/usr/bin/dash", "");
	tree_write(&b->tree, "/usr/bin/ls", "");
	assert_int_equal(need_ends(&b->needs, &e), 0);
	assert_string_equal(programs(b), "/usr/bin/dash /usr/bin/dash|/usr/bin/ls /usr/bin/ls");
}

/* The watchdog comes before the disk: a driver of a disk may hang. */
static void test_all_of_an_image(void **state)
{
	struct build *b = *state;
	_needs_ struct needs n = b->needs;
	struct ukd_error e;

	n.tree = NULL;
	n.fleet = true;
	set(b, "[Dump]\nTarget=LABEL=ukdump:/\n[Image]\nModules=i6300esb\n");
	if (needs_collect(&n, &e) < 0)
		fail_msg("%s", e.text);
	assert_string_equal(n.hardware.v[0], "pci:v00008086d000025AB* i6300esb");
	assert_string_equal((char *)n.drivers.data,
			    DIR "k/i2c-i801.ko\n" DIR "k/i6300esb.ko\n" DIR "k/efivarfs.ko\n");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_watchdog_of_this_machine),
		TEST(test_no_watchdog),
		TEST(test_kernel_without_the_driver),
		TEST(test_watchdogs_of_a_fleet),
		TEST(test_hooks_and_efivarfs),
		TEST(test_hooks_that_cannot_be_run),
		TEST(test_shell),
		TEST(test_all_of_an_image),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
