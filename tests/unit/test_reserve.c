// SPDX-License-Identifier: GPL-2.0-or-later
/* How much crash memory is needed, and crashkernel= on a command line. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "crashkernel/bootloader.h"
#include "crashkernel/cmdline.h"
#include "crashkernel/estimate.h"
#include "crashkernel/machine.h"
#include "crashkernel/size.h"
#include "fixture_tree.h"
#include "util/efivarfs.h"

#define G(n) MIB(1024 * (uint64_t)(n))

static void expect_edit(const char *from, const char *words, const char *to)
{
	char *got = crashkernel_edit(from, words);

	assert_non_null(got);
	assert_string_equal(got, to);
	free(got);
	got = crashkernel_edit(to, words); /* done twice it is as done once */
	assert_string_equal(got, to);
	free(got);
}

static void test_edit(void **state)
{
	(void)state;
	expect_edit("", "crashkernel=1M", "crashkernel=1M");
	expect_edit("\n", "crashkernel=1M", "crashkernel=1M\n");
	expect_edit("root=/dev/sda1 ro\n", "crashkernel=1M", "root=/dev/sda1 ro crashkernel=1M\n");
	expect_edit("a crashkernel=2M b", "crashkernel=1M", "a b crashkernel=1M");
	expect_edit("crashkernel=2M a", "crashkernel=1M", "a crashkernel=1M");
	expect_edit("crashkernel=2M", "crashkernel=1M", "crashkernel=1M");
	expect_edit("  crashkernel=2M  a \n", "crashkernel=1M", "a crashkernel=1M \n");
	expect_edit("a  crashkernel=2M,high\tcrashkernel=3M,low crashkernel=4M,cma",
		    "crashkernel=1M", "a crashkernel=1M");
	expect_edit("a crashkernel=1G-2G:1M,2G-:2M@16M b",
		    "crashkernel=1G,high crashkernel=256M,low",
		    "a b crashkernel=1G,high crashkernel=256M,low");
}

static void test_edit_keeps_all_else(void **state)
{
	(void)state;
	/* one that is there already stays where it is */
	expect_edit("a  crashkernel=1M\t b \n", "crashkernel=1M", "a  crashkernel=1M\t b \n");
	/* names that only look like it */
	expect_edit("xcrashkernel=2M crashkernel crash=1 foo.x=1,crashkernel=2M", "crashkernel=1M",
		    "xcrashkernel=2M crashkernel crash=1 foo.x=1,crashkernel=2M crashkernel=1M");
	/* quotes */
	expect_edit("dyndbg=\"file a +p; crashkernel=9M x\" b", "crashkernel=1M",
		    "dyndbg=\"file a +p; crashkernel=9M x\" b crashkernel=1M");
	expect_edit("\"crashkernel=2M\" b", "crashkernel=1M", "b crashkernel=1M");
	expect_edit("a \"b", "crashkernel=1M", "a \"b crashkernel=1M");
	/* what init gets */
	expect_edit("a -- single x", "crashkernel=1M", "a crashkernel=1M -- single x");
	expect_edit("-- x\n", "crashkernel=1M", "crashkernel=1M -- x\n");
	expect_edit("a crashkernel=2M --x b -- c", "crashkernel=1M", "a --x b crashkernel=1M -- c");
	/* taken out */
	expect_edit("a crashkernel=2M  b\n", "", "a  b\n");
	expect_edit("crashkernel=2M", "", "");
	expect_edit("crashkernel=2M -- x", "", "-- x");
}

static void test_words(void **state)
{
	char *words = crashkernel_words("crashkernel=1M a \"crashkernel=2M,low\" crashkernel= b");

	(void)state;
	assert_string_equal(words, "crashkernel=1M \"crashkernel=2M,low\" crashkernel=");
	free(words);
}

static void expect_found(const char *cmdline, const char *plain, const char *high, const char *low,
			 const char *cma)
{
	struct crashkernel c;

	crashkernel_find(cmdline, &c);
	assert_string_equal(c.value[CRASHKERNEL_PLAIN], plain);
	assert_string_equal(c.value[CRASHKERNEL_HIGH], high);
	assert_string_equal(c.value[CRASHKERNEL_LOW], low);
	assert_string_equal(c.value[CRASHKERNEL_CMA], cma);
}

static void test_which_count(void **state)
{
	struct crashkernel a, b;
	char line[CRASHKERNEL_MAX + 32] = "crashkernel=";

	(void)state;
	expect_found("a b", "", "", "", "");
	expect_found("crashkernel=1M crashkernel=2M", "2M", "", "", "");
	expect_found("crashkernel=1M,high crashkernel=2M,low crashkernel=3M,high", "", "3M,high",
		     "2M,low", "");
	expect_found("crashkernel=1M crashkernel=2M,high crashkernel=3M,cma", "1M", "", "",
		     "3M,cma");
	expect_found("\"crashkernel=1M\"", "1M", "", "", "");
	memset(line + strlen(line), '1', CRASHKERNEL_MAX);
	expect_found(line, "", "", "", "");

	crashkernel_find("crashkernel=1M crashkernel=2M", &a);
	crashkernel_find("quiet crashkernel=2M", &b);
	assert_true(crashkernel_equal(&a, &b));
	crashkernel_find("crashkernel=2M crashkernel=8M,cma", &b);
	assert_false(crashkernel_equal(&a, &b));
}

static void expect_size(const char *value, uint64_t ram, uint64_t size)
{
	uint64_t got = 1;

	assert_true(crashkernel_size(value, ram, &got));
	assert_int_equal(got, size);
}

static void test_value(void **state)
{
	static const char *const bad[] = {"",	       "M",	   "x1M",   "1M,",
					  "1M x",      "1M@",	   "1-:",   "1G-2G",
					  "2G-1G:1M",  "1G-1G:1M", "1G:1M", "1G-:1M,x",
					  "1G-:1M,2G", "-1G:1M",   "auto",  "1M,high"};
	uint64_t size = 7;

	(void)state;
	expect_size("256M", G(1), MIB(256));
	expect_size("0x100M", G(1), MIB(256));
	expect_size("64K@16M", G(1), KIB(64));
	expect_size("1T", G(1), G(1024));
	expect_size("512M-:192M", MIB(512), MIB(192));
	expect_size("512M-:192M", MIB(511), 0);
	expect_size("2G-64G:256M,64G-:512M", G(64) - 1, MIB(256));
	expect_size("2G-64G:256M,64G-:512M", G(64), MIB(512));
	expect_size("1G-2G:1M,2G-3G:2M@16M", G(4), 0);
	expect_size("1G-:1M,2G-:2M", G(4), MIB(1));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(crashkernel_size(bad[i], G(1), &size));
	assert_int_equal(size, 7);
}

/* A small guest, as the table of docs/SIZING.md has it. */
static struct reserve_facts lean(void)
{
	return (struct reserve_facts){.init_size = MIB(56),
				      .initrd_len = MIB(6),
				      .comfort = MIB(109),
				      .memory = G(1),
				      .default_size = MIB(192),
				      .cpus = 1,
				      .threads = 1};
}

static const struct reserve_term *term(const struct reserve_estimate *e, const char *name)
{
	for (unsigned int i = 0; i < e->n; i++)
		if (!strcmp(e->term[i].name, name))
			return &e->term[i];
	fail_msg("no term %s", name);
	return NULL;
}

static void test_terms(void **state)
{
	struct reserve_facts f = lean();
	struct reserve_estimate e, with;

	(void)state;
	f.default_size = 0;
	reserve_estimate(&f, &e);
	assert_int_equal(term(&e, "kernel")->bytes, MIB(56));
	assert_int_equal(term(&e, "initrd")->bytes, MIB(6));
	assert_int_equal(term(&e, "unpacked")->bytes, MIB(24));
	assert_int_equal(term(&e, "bitmaps")->bytes, KIB(64));
	assert_int_equal(e.fixed, MIB(64));
	/* 88M is the smallest that works in a guest */
	assert_true(e.sum - term(&e, "margin")->bytes >= MIB(88));
	assert_int_equal(term(&e, "margin")->bytes, e.sum / 3);
	assert_int_equal(e.size, MIB(160));
	assert_int_equal(e.basis, RESERVE_TERMS);

	f.network = true;
	reserve_estimate(&f, &with);
	assert_int_equal(term(&with, "programs")->bytes, MIB(16));
	f.threads = 4;
	f.cpus = 64;
	f.memory = G(256);
	reserve_estimate(&f, &with);
	assert_int_equal(term(&with, "threads")->bytes, MIB(5));
	assert_int_equal(term(&with, "CPUs")->bytes, KIB(64));
	assert_int_equal(term(&with, "bitmaps")->bytes, MIB(16));
	assert_true(with.sum > e.sum);
}

static void test_never_below_the_default_unless_measured(void **state)
{
	struct reserve_facts f = lean();
	struct reserve_estimate e;

	(void)state;
	reserve_estimate(&f, &e);
	assert_int_equal(e.basis, RESERVE_DEFAULT);
	assert_int_equal(e.size, MIB(192));
	f.peak = MIB(34);
	reserve_estimate(&f, &e);
	assert_int_equal(term(&e, "measured")->bytes, MIB(34));
	assert_int_equal(term(&e, "margin")->bytes, MIB(24));
	assert_int_equal(e.basis, RESERVE_TERMS);
	assert_int_equal(e.size, MIB(128));
	/* an image that has grown since */
	f.initrd_len = MIB(20);
	f.comfort = MIB(200);
	reserve_estimate(&f, &e);
	assert_int_equal(term(&e, "unpacked")->bytes, MIB(80));
	assert_int_equal(e.basis, RESERVE_IMAGE);
	assert_int_equal(e.size, MIB(208));
}

static void test_machine(void **state)
{
	_tree_ struct tree t;

	(void)state;
	tree_make(&t);
	assert_int_equal(machine_memory(&t.root), 0);
	assert_int_equal(machine_cpus(&t.root), 1);
	tree_write(&t, "/proc/meminfo", "MemTotal:        1000000 kB\nMemFree: 1 kB\n");
	assert_int_equal(machine_memory(&t.root), G(1));
	tree_write(&t, "/proc/iomem",
		   "00001000-0009ffff : System RAM\n"
		   "00100000-3fffffff : System RAM\n"
		   "  01000000-01ffffff : Kernel code\n"
		   "  30000000-3fffffff : Crash kernel\n"
		   "fec00000-fec003ff : IOAPIC 0\n"
		   "100000000-13fffffff : System RAM\n"
		   "140000000-17fffffff : Persistent Memory\n"
		   "  140000000-17fffffff : System RAM (kmem)\n");
	assert_int_equal(machine_memory(&t.root), G(2));
	/* as without root */
	tree_write(&t, "/proc/iomem", "00000000-00000000 : System RAM\n");
	assert_int_equal(machine_memory(&t.root), G(1));
	tree_write(&t, "/sys/devices/system/cpu/present", "0-3,8\n");
	assert_int_equal(machine_cpus(&t.root), 5);
}

static void expect_default(const char *os_release, const char *value)
{
	_tree_ struct tree t;

	tree_make(&t);
	tree_write(&t, "/usr/lib/os-release", os_release);
	assert_string_equal(distribution_crashkernel(&t.root), value);
}

static void test_distribution(void **state)
{
	static const char fedora[] = "2G-64G:256M,64G-:512M";

	(void)state;
	expect_default("ID=debian\nID_LIKE=x\n", "512M-:192M");
	expect_default("NAME=\"Linux Mint\"\nID=linuxmint\nID_LIKE=\"ubuntu debian\"\n",
		       "2G-4G:320M,4G-32G:512M,32G-64G:1G,64G-128G:2G,128G-:4G");
	expect_default("VARIANT_ID=debian\nID=fedora\n", fedora);
	expect_default("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", fedora);
	expect_default("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n"
		       "PLATFORM_ID=\"platform:el9\"\n",
		       "1G-2G:192M,2G-64G:256M,64G-:512M");
	expect_default("ID=\"rhel\"\nID_LIKE=\"centos fedora\"\n"
		       "PLATFORM_ID=\"platform:el10\"\n",
		       fedora);
	expect_default("ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"\n", "192M");
	expect_default("", fedora);
}

static void test_cma(void **state)
{
	_tree_ struct tree t;
	struct crash_memory m;
	struct ukd_error e;

	(void)state;
	tree_make(&t);
	tree_write(&t, "/sys/kernel/kexec_crash_size", "268435456\n");
	assert_false(crash_memory_has_cma(&t.root));
	tree_write(&t, "/sys/kernel/kexec_crash_cma_ranges",
		   "10000000-1fffffff\n40000000-40ffffff\n");
	assert_true(crash_memory_has_cma(&t.root));
	assert_int_equal(crash_memory_read(&t.root, &m, &e), 0);
	assert_int_equal(m.total, MIB(256));
	assert_int_equal(m.cma, MIB(272));
	tree_write(&t, "/sys/kernel/kexec/crash_cma_ranges", "");
	assert_int_equal(crash_memory_read(&t.root, &m, &e), 0);
	assert_int_equal(m.cma, 0);
}

static void expect_method(const struct boot_facts *f, enum boot_method method)
{
	const char *why = NULL;

	assert_int_equal(boot_choose(f, &why), method);
	assert_non_null(why);
}

/* What is on real machines, one fact more or less at a time. */
static void test_which_boot_loader(void **state)
{
	struct boot_facts none = {0}, debian, fedora, sdboot, uki;

	(void)state;
	expect_method(&none, BOOT_NONE);
	/* kernel-install is part of systemd and says nothing by itself */
	debian = (struct boot_facts){.update_grub = "/usr/sbin/update-grub",
				     .grub_mkconfig = "/usr/sbin/grub-mkconfig",
				     .kernel_install = "/usr/bin/kernel-install",
				     .grub_dropins = true,
				     .grub_cfg = true};
	expect_method(&debian, BOOT_GRUB);
	(void)strcpy(debian.loader, "GRUB 2.12-9");
	expect_method(&debian, BOOT_GRUB);
	/* GRUB is still installed, but another one has booted */
	(void)strcpy(debian.loader, "systemd-boot 257.8-1~deb13u1");
	expect_method(&debian, BOOT_KERNEL_INSTALL);
	debian.loader[0] = 0;
	debian.entries = true;
	expect_method(&debian, BOOT_GRUB);
	debian.grub_dropins = false;
	expect_method(&debian, BOOT_KERNEL_INSTALL);
	debian.entries = false;
	expect_method(&debian, BOOT_NONE);

	fedora = (struct boot_facts){.grubby = "/usr/sbin/grubby",
				     .grub_mkconfig = "/usr/sbin/grub2-mkconfig",
				     .kernel_install = "/usr/bin/kernel-install",
				     .entries = true};
	expect_method(&fedora, BOOT_GRUBBY);
	fedora.grubby[0] = 0;
	expect_method(&fedora, BOOT_KERNEL_INSTALL);

	sdboot = (struct boot_facts){.loader = "systemd-boot 252.38", .entries = true};
	expect_method(&sdboot, BOOT_NONE);
	(void)strcpy(sdboot.kernel_install, "/usr/bin/kernel-install");
	expect_method(&sdboot, BOOT_KERNEL_INSTALL);

	uki = fedora;
	(void)strcpy(uki.grubby, "/usr/sbin/grubby");
	(void)strcpy(uki.stub, "systemd-stub 257.3");
	expect_method(&uki, BOOT_NONE);
	uki.stub_addons = true;
	expect_method(&uki, BOOT_ADDON);
}

static void test_facts(void **state)
{
	static const char loader[] = "\6\0\0\0G\0R\0\n\0\0\0x";
	_tree_ struct tree t;
	struct boot_facts f;

	(void)state;
	tree_make(&t);
	boot_facts_read(&t.root, &f);
	assert_memory_equal(&f, &(struct boot_facts){0}, sizeof(f));
	tree_write_bytes(&t, EFIVARFS_DIR "/LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f",
			 (struct bytes){(const uint8_t *)loader, sizeof(loader)});
	tree_write(&t, "/boot/efi/loader/entries/x.conf", "");
	tree_write(&t, "/usr/bin/grub2-mkconfig", ". /etc/default/grub\n");
	boot_facts_read(&t.root, &f);
	assert_string_equal(f.loader, "GR?");
	assert_true(f.entries);
	assert_string_equal(f.grub_mkconfig, "/usr/bin/grub2-mkconfig");
	assert_false(f.grub_dropins);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edit),
		cmocka_unit_test(test_edit_keeps_all_else),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_which_count),
		cmocka_unit_test(test_value),
		cmocka_unit_test(test_terms),
		cmocka_unit_test(test_never_below_the_default_unless_measured),
		cmocka_unit_test(test_machine),
		cmocka_unit_test(test_distribution),
		cmocka_unit_test(test_cma),
		cmocka_unit_test(test_which_boot_loader),
		cmocka_unit_test(test_facts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
