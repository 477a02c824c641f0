// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Plain UKIs: what is taken from them and the addons beside them, byte for byte as the kernel gets
 * it; what refuses them.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture_checks.h"
#include "fixture_pe.h"
#include "fixture_plain.h"
#include "fixture_seal.h"
#include "loader/armed.h"
#include "loader/check.h"
#include "loader/load.h"
#include "util/cleanup.h"
#include "util/sys.h"

static void make_simple(const struct tree *t, const char *path)
{
	UKI(t, path, "signer", {".initrd", "initrd"}, {".cmdline", "quiet panic=1"});
}

static void machine_with_uki(struct tree *t)
{
	machine_make(t);
	trust_signer(t);
	make_simple(t, "/a.efi");
}

static int load_profile(const struct tree *t, const char *path, const char *profile,
			struct ukd_error *e)
{
	return load_image(&t->root, tree_path(t, path), profile, e);
}

/* The cpio that is to come, written in another way than the one under test. */
static void entry(FILE *out, unsigned int inode, unsigned int mode, const char *name,
		  const char *content)
{
	size_t at = 110 + strlen(name) + 1, len = strlen(content);

	fprintf(out, "070701%08x%08x0000000000000000%08x00000000%08zx", inode, mode, 1, len);
	fprintf(out, "00000000000000000000000000000000%08zx00000000%s", strlen(name) + 1, name);
	for (fputc(0, out); at % 4; at++)
		fputc(0, out);
	fputs(content, out);
	for (; len % 4; len++)
		fputc(0, out);
}

static void extra(FILE *out, const char *name, const char *content)
{
	char path[64];

	sprintf(path, ".extra/%s", name);
	entry(out, 1, 040555, ".extra", "");
	entry(out, 2, 0100444, path, content);
	entry(out, 0, 0, "TRAILER!!!", "");
}

static void expect_initrd(unsigned int call, const char *expected, size_t len)
{
	const struct buffer *initrd = &kernel.call[call].initrd;

	if (initrd->len != len)
		fail_msg("initrd of %zu bytes, expected %zu", initrd->len, len);
	assert_memory_equal(initrd->data, expected, len);
}

static void expect_kernel(unsigned int call)
{
	_buffer_ struct buffer k = {0};

	plain_kernel_make(&k);
	assert_true(bytes_equal(buffer_bytes(&kernel.call[call].image), buffer_bytes(&k)));
	assert_int_equal(kernel.call[call].flags, UKD_KEXEC_FILE_ON_CRASH);
}

/* ---- what the kernel gets ---- */

static void test_parts_of_a_plain_uki(void **state _unused_)
{
	_tree_ struct tree t;
	char *initrd;
	size_t len;
	FILE *out = open_memstream(&initrd, &len);

	machine_make(&t);
	trust_signer(&t);
	UKI(&t, "/a.efi", "signer", {".initrd", "initrd"}, {".ucode", "early"}, {".pcrpkey", "PEM"},
	    {".pcrsig", "{}"}, {".cmdline", "quiet panic=1"}, {".uname", FIXTURE_RELEASE});
	expect_loaded(&t, "/a.efi");
	fwrite("early\0\0\0initrd\0\0", 1, 16, out);
	extra(out, "tpm2-pcr-signature.json", "{}");
	extra(out, "tpm2-pcr-public-key.pem", "PEM");
	extra(out, "os-release", "ID=test\n");
	fclose(out);
	assert_int_equal(kernel.n, 1);
	expect_kernel(0);
	expect_initrd(0, initrd, len);
	assert_string_equal(kernel.call[0].cmdline, "quiet panic=1");
	expect_armed(&t, "\nkind=plain\nprofile=0\naddons=0\n");
	expect_armed(&t, "\nkernel=" FIXTURE_VERSION "\n");
	free(initrd);
}

static void test_profiles(void **state _unused_)
{
	_tree_ struct tree t;
	struct ukd_error e = {0};
	char *initrd;
	size_t len;
	FILE *out = open_memstream(&initrd, &len);

	machine_make(&t);
	trust_signer(&t);
	UKI(&t, "/a.efi", "signer", {".initrd", "base"}, {".cmdline", "base"},
	    {".profile", "ID=main\n"}, {".profile", "ID=kdump\nTITLE=x\n"}, {".cmdline", "crash"},
	    {".initrd", "kdump"}, {".profile", "ID=third\n"});
	expect_loaded(&t, "/a.efi");
	assert_int_equal(load_profile(&t, "/a.efi", "kdump", &e), 0);
	expect_armed(&t, "\nprofile=1\n");
	assert_int_equal(load_profile(&t, "/a.efi", "1", &e), 0);
	assert_int_equal(load_profile(&t, "/a.efi", "2", &e), 0);
	fwrite("kdump\0\0\0", 1, 8, out);
	extra(out, "os-release", "ID=test\n");
	extra(out, "profile", "ID=kdump\nTITLE=x\n");
	fclose(out);
	assert_string_equal(kernel.call[0].cmdline, "base");
	assert_memory_equal(kernel.call[0].initrd.data, "base", 4);
	for (unsigned int i = 1; i < 3; i++) {
		assert_string_equal(kernel.call[i].cmdline, "crash");
		expect_initrd(i, initrd, len);
		expect_kernel(i);
	}
	assert_string_equal(kernel.call[3].cmdline, "base");
	expect_refused(load_profile(&t, "/a.efi", "3", &e), &e, "uki.profile", "no such number");
	expect_refused(load_profile(&t, "/a.efi", "dump", &e), &e, "uki.profile", "no such ID");
	expect_refused(load_profile(&t, "/a.efi", "", &e), &e, "uki.profile", "empty");
	assert_int_equal(kernel.n, 4);
	expect_armed(&t, "\nprofile=2\n");
	free(initrd);
}

static void test_sealed_images_have_no_profiles(void **state _unused_)
{
	_tree_ struct tree t;
	struct ukd_error e = {0};

	machine_make(&t);
	trust_signer(&t);
	sealed_make(&t, "/s.efi");
	/* nor addons: what is in the file is all */
	ADDON(&t, "/s.efi.extra.d/x.addon.efi", "foreign", {".cmdline", "init=/evil"});
	expect_refused(load_profile(&t, "/s.efi", "0", &e), &e, "uki.profile", "sealed");
	expect_loaded(&t, "/s.efi");
	expect_armed(&t, "\nkind=sealed\nneeded=");
	assert_null(kernel.call[0].cmdline);
	assert_null(kernel.call[0].initrd.data);
}

static void test_addons(void **state _unused_)
{
	_tree_ struct tree t;
	char *initrd;
	size_t len;
	FILE *out = open_memstream(&initrd, &len);

	machine_make(&t);
	trust_signer(&t);
	UKI(&t, "/a.efi", "signer", {".initrd", "main"}, {".ucode", "ucode"}, {".cmdline", "quiet"},
	    {".uname", FIXTURE_RELEASE});
	ADDON(&t, "/a.efi.extra.d/B.ADDON.EFI", "signer", {".initrd", "initrd-B"},
	      {".cmdline", "B"}, {".ucode", "uB"});
	ADDON(&t, "/a.efi.extra.d/a.addon.efi", "signer", {".initrd", "ia"}, {".cmdline", "a=1 a"},
	      {".ucode", "ua"}, {".uname", FIXTURE_RELEASE "\n"});
	/* for another kernel: left out */
	ADDON(&t, "/a.efi.extra.d/c.addon.efi", "signer", {".cmdline", "c"}, {".uname", "6.1"});
	ADDON(&t, "/a.efi.extra.d/d.addon.efi", "signer", {".initrd", "id"});
	/* no addons */
	tree_write(&t, "/a.efi.extra.d/.hidden.addon.efi", "x");
	tree_write(&t, "/a.efi.extra.d/x.cred", "x");
	tree_write(&t, "/a.efi.extra.d/addon.efi", "x");
	expect_loaded(&t, "/a.efi");
	fwrite("ua\0\0uB\0\0ucode\0\0\0main", 1, 20, out);
	extra(out, "os-release", "ID=test\n");
	fwrite("initrd-Bia\0\0id\0\0", 1, 16, out);
	fclose(out);
	assert_string_equal(kernel.call[0].cmdline, "quiet B a=1 a");
	expect_initrd(0, initrd, len);
	expect_kernel(0);
	expect_armed(&t, "\naddons=3\n");
	free(initrd);
}

static void test_addon_alone_may_bring_the_command_line(void **state _unused_)
{
	_tree_ struct tree t;
	struct ukd_error e = {0};

	machine_make(&t);
	trust_signer(&t);
	UKI(&t, "/a+3-0.efi", "signer", {".initrd", "main"});
	expect_refused(load(&t, "/a+3-0.efi", &e), &e, "sealed.cmdline", "empty");
	assert_non_null(strstr(e.text, "the command line is empty"));
	/* the boot counter is not part of the directory's name */
	ADDON(&t, "/a.efi.extra.d/x.addon.efi", "signer", {".cmdline", "panic=1"});
	expect_loaded(&t, "/a+3-0.efi");
	assert_string_equal(kernel.call[0].cmdline, "panic=1");
}

/* ---- what refuses ---- */

/* The refusal comes before the call, and what is armed stays. */
static void expect_plain_refused(const struct tree *t, const char *path, const char *check,
				 const char *says)
{
	struct ukd_error e = {0};
	unsigned int calls = kernel.n;

	tree_write(t, ARMED_FILE, "image=old\n");
	expect_refused(load(t, path, &e), &e, check, says);
	if (!strstr(e.text, says))
		fail_msg("'%s' does not say '%s'", e.text, says);
	assert_int_equal(kernel.n, calls);
	expect_armed(t, "image=old\n");
}

static void test_addons_that_refuse_the_load(void **state _unused_)
{
	_tree_ struct tree t;
	struct ukd_error e = {0};

#define X "/a.efi.extra.d/x.addon.efi"
	machine_with_uki(&t);
	ADDON(&t, X, "foreign", {".cmdline", "evil"});
	expect_plain_refused(&t, "/a.efi", "auth.trust", "x.addon.efi");
	ADDON(&t, X, NULL, {".cmdline", "evil"});
	expect_plain_refused(&t, "/a.efi", "auth.unsigned", "unsigned");
	/* for another kernel: that, too, has to be said by someone we trust */
	ADDON(&t, X, "foreign", {".cmdline", "evil"}, {".uname", "6.1"});
	expect_plain_refused(&t, "/a.efi", "auth.trust", "x.addon.efi");
	tree_write(&t, X, "garbage");
	expect_plain_refused(&t, "/a.efi", "pe.mz", "x.addon.efi");
	make_simple(&t, X);
	expect_plain_refused(&t, "/a.efi", "plan.addon", "not an addon");
	ADDON(&t, X, "signer", {".dtb", "tree"});
	expect_plain_refused(&t, "/a.efi", "parts.section", "'.dtb'");
	ADDON(&t, X, "signer", {".dtbauto", "tree"}, {".cmdline", "a"});
	expect_plain_refused(&t, "/a.efi", "parts.section", "'.dtbauto'");
	ADDON(&t, X, "signer", {".cmdline", "elfcorehdr=0x1000"});
	expect_plain_refused(&t, "/a.efi", "sealed.cmdline", "elfcorehdr=");
	assert_int_equal(unlink(tree_path(&t, X)), 0);
	assert_int_equal(mkfifo(tree_path(&t, X), 0600), 0);
	expect_plain_refused(&t, "/a.efi", "file.type", "not a regular file");
	assert_int_equal(unlink(tree_path(&t, X)), 0);
	tree_link(&t, X, "/nowhere");
	assert_int_equal(load(&t, "/a.efi", &e), -ENOENT);
	assert_int_equal(kernel.n, 0);
	assert_int_equal(unlink(tree_path(&t, X)), 0);
	expect_loaded(&t, "/a.efi");
#undef X
}

static void test_sections_that_kexec_cannot_hand_over(void **state _unused_)
{
	static const char *const names[] = {".dtb", ".dtbauto", ".efifw"};

	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		_tree_ struct tree t;

		machine_make(&t);
		trust_signer(&t);
		UKI(&t, "/a.efi", "signer", {".cmdline", "a"}, {".profile", "ID=one\n"},
		    {".profile", "ID=two\n"}, {names[i], "x"});
		expect_loaded(&t, "/a.efi"); /* another profile's does not matter */
		UKI(&t, "/a.efi", "signer", {".cmdline", "a"}, {names[i], "x"});
		expect_plain_refused(&t, "/a.efi", "parts.section", names[i]);
	}
}

static void test_command_lines(void **state _unused_)
{
	char line[FIXTURE_CMDLINE_MAX + 1] = "";
	_tree_ struct tree t;

	machine_make(&t);
	trust_signer(&t);
	UKI(&t, "/a.efi", "signer", {".cmdline", "a dmcryptkeys=0x1000"});
	expect_plain_refused(&t, "/a.efi", "sealed.cmdline", "dmcryptkeys=");
	/* 30 bytes for elfcorehdr=, one for the NUL; 31 for dmcryptkeys= where there may be some */
	memset(line, 'x', FIXTURE_CMDLINE_MAX - 31);
	UKI(&t, "/a.efi", "signer", {".cmdline", line});
	expect_loaded(&t, "/a.efi");
	tree_write(&t, "/sys/kernel/config/crash_dm_crypt_keys/count", "0\n");
	expect_plain_refused(&t, "/a.efi", "sealed.cmdline", "this kernel takes 1985");
	assert_int_equal(unlink(tree_path(&t, "/sys/kernel/config/crash_dm_crypt_keys/count")), 0);
	assert_int_equal(rmdir(tree_path(&t, "/sys/kernel/config/crash_dm_crypt_keys")), 0);
	ADDON(&t, "/a.efi.extra.d/x.addon.efi", "signer", {".cmdline", "y"});
	expect_plain_refused(&t, "/a.efi", "sealed.cmdline", "this kernel takes 2016");
}

static void test_sealed_may_be_required(void **state _unused_)
{
	_tree_ struct tree t;
	_buffer_ struct buffer plain = {0}, der = {0};

	machine_with_uki(&t);
	tree_write(&t, "/etc/ukdump/ukdump.conf", "[Arm]\nRequireSealed=yes\n");
	expect_plain_refused(&t, "/a.efi", "sealed.required", "RequireSealed=yes");
	/* Nobody knows: it may have said so. */
	tree_write(&t, "/etc/ukdump/ukdump.conf", "[Arm]\nRequireSaeled=no\n");
	expect_plain_refused(&t, "/a.efi", "sealed.required", "");
	tree_write(&t, "/etc/ukdump/ukdump.conf", "[Arm]\nRequireSealed=no\n");
	expect_loaded(&t, "/a.efi");
	tree_write(&t, "/etc/ukdump/ukdump.conf", "[Arm]\nRequireSealed=yes\n");
	sealed_make(&t, "/s.efi");
	expect_loaded(&t, "/s.efi");
	tree_write(&t, "/etc/ukdump/ukdump.conf", "");
	/* an addon by itself, a kernel that is none */
	ADDON(&t, "/x.efi", "signer", {".cmdline", "a"});
	expect_plain_refused(&t, "/x.efi", "plan.addon", ".extra.d");
	fixture_uki_make(&plain);
	signature_make(&plain, "signer", &der);
	fixture_attach(&plain, buffer_bytes(&der));
	tree_write_bytes(&t, "/b.efi", buffer_bytes(&plain));
	expect_plain_refused(&t, "/b.efi", "plan.kernel", "too short for a setup header");
}

static void test_memory_of_an_initrd_beside_the_kernel(void **state _unused_)
{
	struct image_need n = image_need(0x2fff001, 0x200000, 3300000, 3300000);
	_tree_ struct tree t;

	assert_int_equal(n.minimum, 0x3000000 + 0x200000 + KIB(128) + align_up(3300000, 4096));
	machine_with_uki(&t);
	/* 1 MiB of init_size, 2 for the alignment, 128 KiB, one page of initrd */
	tree_write(&t, "/proc/iomem", "  01000000-01320fff : Crash kernel\n");
	expect_loaded(&t, "/a.efi");
	tree_write(&t, "/proc/iomem", "  01000000-0131ffff : Crash kernel\n");
	expect_plain_refused(&t, "/a.efi", "host.memory", "in one piece");
}

/* ---- the signature of .linux ---- */

/* A plan as plan_make() leaves it, with this verdict about the inner kernel. */
static int check_inner_verdict(const struct tree *t, bool enforced, enum auth_verdict verdict,
			       struct kernel_answer *answer, struct ukd_error *e)
{
	struct machine m = {.root = &t->root,
			    .host = {.memory = {.total = MIB(256)}, .enforced = enforced}};
	struct plan *p = calloc(1, sizeof(*p));
	int r;

	assert_non_null(p);
	p->image.j.uki.kind = UKI_PLAIN;
	p->image.j.uki.name = "a.efi";
	p->image.j.inner = (struct auth_result){.verdict = verdict,
						.check = "auth.x",
						.reason = "some reason",
						.digest_name = "SHA256",
						.key_name = "RSA-2048",
						.n_embedded = 1};
	p->image.j.inner.embedded[0] =
		(struct auth_cert_id){.subject = "CN = db", .skid = {1, 2, 3}, .skid_len = 3};
	r = check_plan(&m, p, e);
	*answer = p->answer;
	free(p);
	return r;
}

static void test_inner_signature(void **state _unused_)
{
	static const enum auth_verdict bad[] = {AUTH_MALFORMED, AUTH_DIGEST, AUTH_BAD_SIGNATURE,
						AUTH_WRONG_USE, AUTH_REVOKED};
	struct kernel_answer a;
	struct ukd_error e = {0};
	_tree_ struct tree t;

	machine_make(&t);
	expect_refused(check_inner_verdict(&t, true, AUTH_UNSIGNED, &a, &e), &e, "kernel.unsigned",
		       "unsigned");
	assert_non_null(strstr(e.text, "ukdumpctl seal"));
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		expect_refused(check_inner_verdict(&t, true, bad[i], &a, &e), &e, "auth.x", "bad");
		assert_non_null(strstr(e.text, "a.efi: .linux"));
		assert_int_equal(check_inner_verdict(&t, false, bad[i], &a, &e), 0);
	}
	/* /proc/keys cannot be read: only a warning */
	assert_int_equal(check_inner_verdict(&t, true, AUTH_TRUSTED, &a, &e), 0);
	assert_int_equal(a.opinion, KERNEL_UNKNOWN);
	tree_write(&t, "/proc/keys", "\n");
	expect_refused(check_inner_verdict(&t, true, AUTH_TRUSTED, &a, &e), &e, "host.keyring",
		       "no key");
	expect_refused(check_inner_verdict(&t, true, AUTH_UNTRUSTED, &a, &e), &e, "host.keyring",
		       "no key");
	assert_non_null(strstr(e.text, ".linux: "));
	assert_int_equal(check_inner_verdict(&t, false, AUTH_UNSIGNED, &a, &e), 0);
	/* the kernel decides by its own keys: our anchors need not have the inner signer */
	tree_write(&t, "/proc/keys",
		   "120ee50e I------     1 perm 1f010000     0     0 asymmetri db: 010203: "
		   "X509.rsa 00010203 []\n");
	assert_int_equal(check_inner_verdict(&t, true, AUTH_UNTRUSTED, &a, &e), 0);
	assert_int_equal(a.opinion, KERNEL_TRUSTS);
}

static void test_unsigned_kernel_in_a_signed_uki(void **state _unused_)
{
	_tree_ struct tree t;

	machine_with_uki(&t);
	tree_write(&t, "/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
	expect_plain_refused(&t, "/a.efi", "kernel.unsigned",
			     "the UKI is signed, but its .linux is not");
}

static void test_every_check_was_seen(void **state _unused_)
{
	expect_all_checks_seen("src/loader/plan.c", "plan.");
	expect_all_checks_seen("src/loader/plan.c", "sealed.");
	expect_all_checks_seen("src/loader/parts.c", "parts.");
	expect_all_checks_seen("src/loader/check.c", "kernel.");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts_of_a_plain_uki),
		cmocka_unit_test(test_profiles),
		cmocka_unit_test(test_sealed_images_have_no_profiles),
		cmocka_unit_test(test_addons),
		cmocka_unit_test(test_addon_alone_may_bring_the_command_line),
		cmocka_unit_test(test_addons_that_refuse_the_load),
		cmocka_unit_test(test_sections_that_kexec_cannot_hand_over),
		cmocka_unit_test(test_command_lines),
		cmocka_unit_test(test_sealed_may_be_required),
		cmocka_unit_test(test_memory_of_an_initrd_beside_the_kernel),
		cmocka_unit_test(test_inner_signature),
		cmocka_unit_test(test_unsigned_kernel_in_a_signed_uki),
		cmocka_unit_test(test_every_check_was_seen),
	};

	return cmocka_run_group_tests(tests, machine_pki_begin, machine_pki_end);
}
