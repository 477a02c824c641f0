// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Plain UKIs: what is taken from them and the addons beside them, byte for byte as the kernel gets
 * it; what refuses them; what is kept of them.
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

#include "auth/sidecar.h"
#include "fixture_checks.h"
#include "fixture_machine.h"
#include "fixture_pe.h"
#include "fixture_seal.h"
#include "loader/armed.h"
#include "loader/check.h"
#include "loader/cpio.h"
#include "loader/lastgood.h"
#include "loader/load.h"
#include "util/cleanup.h"
#include "util/sys.h"

#define RELEASE "6.99.1-test" /* the fixture's kernel */

/* ---- images ---- */

#define MAX_SECTIONS 24

struct part {
	const char *name;
	const char *text;
};

/* Its length is no multiple of the file alignment: what is behind it in the file is not it. */
static void kernel_make(struct buffer *ret)
{
	fixture_kernel_make(ret);
	ret->len -= 16;
}

#define CODE                                 \
	{                                    \
		".text", "\xf4\xeb\xfd code" \
	}
#define SBAT                                                                \
	{                                                                   \
		".sbat", "sbat,1,SBAT Version,sbat,1,https://example.org\n" \
	}
#define OSREL                         \
	{                             \
		".osrel", "ID=test\n" \
	}

/* A PE with these sections and, if with_kernel, the fixture's kernel as .linux; signed by someone
 * or by nobody. */
static void pe_make(const struct tree *t, const char *path, const struct part *parts,
		    unsigned int n, bool with_kernel, const char *by)
{
	struct fixture_section s[MAX_SECTIONS];
	_buffer_ struct buffer k = {0}, image = {0}, der = {0};
	unsigned int at = 0;

	kernel_make(&k);
	assert_true(n < MAX_SECTIONS);
	for (unsigned int i = 0; i < n; i++) {
		const struct part *p = &parts[i];

		/* the kernel belongs to the base, before the first profile */
		if (with_kernel && !strcmp(p->name, ".profile")) {
			s[at++] = (struct fixture_section){".linux", k.data, (uint32_t)k.len, 0};
			with_kernel = false;
		}
		s[at++] = (struct fixture_section){
			p->name, p->text, (uint32_t)strlen(p->text),
			strcmp(p->name, ".text") ? 0 : PE_SCN_CODE | PE_SCN_EXECUTE | PE_SCN_READ};
	}
	if (with_kernel)
		s[at++] = (struct fixture_section){".linux", k.data, (uint32_t)k.len, 0};
	fixture_pe_make(s, at, &image);
	if (by) {
		signature_make(&image, by, &der);
		fixture_attach(&image, buffer_bytes(&der));
	}
	tree_write_bytes(t, path, buffer_bytes(&image));
}

#define UKI(t, path, by, ...)                                                       \
	pe_make((t), (path), (const struct part[]){CODE, SBAT, OSREL, __VA_ARGS__}, \
		ARRAY_SIZE(((const struct part[]){CODE, SBAT, OSREL, __VA_ARGS__})), true, (by))
#define ADDON(t, path, by, ...)                                              \
	pe_make((t), (path), (const struct part[]){CODE, SBAT, __VA_ARGS__}, \
		ARRAY_SIZE(((const struct part[]){CODE, SBAT, __VA_ARGS__})), false, (by))

static void make_simple(const struct tree *t, const char *path)
{
	UKI(t, path, "signer", {".initrd", "initrd"}, {".cmdline", "quiet panic=1"});
}

static void sealed_make(const struct tree *t, const char *path)
{
	_buffer_ struct buffer image = {0}, der = {0};
	struct ukd_error e = {0};

	fixture_sealed_make(&image);
	signature_make(&image, "signer", &der);
	assert_int_equal(image_attach(&image, buffer_bytes(&der), &e), 0);
	tree_write_bytes(t, path, buffer_bytes(&image));
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

	kernel_make(&k);
	assert_true(bytes_equal(buffer_bytes(&kernel.call[call].image), buffer_bytes(&k)));
	assert_int_equal(kernel.call[call].flags, UKD_KEXEC_FILE_ON_CRASH);
}

static void expect_armed(const struct tree *t, const char *line)
{
	_free_ char *armed = tree_text(t, ARMED_FILE);

	if (!strstr(armed, line))
		fail_msg("'%s' is not in\n%s", line, armed);
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
	    {".pcrsig", "{}"}, {".cmdline", "quiet panic=1"}, {".uname", RELEASE});
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
	    {".uname", RELEASE});
	ADDON(&t, "/a.efi.extra.d/B.ADDON.EFI", "signer", {".initrd", "initrd-B"},
	      {".cmdline", "B"}, {".ucode", "uB"});
	ADDON(&t, "/a.efi.extra.d/a.addon.efi", "signer", {".initrd", "ia"}, {".cmdline", "a=1 a"},
	      {".ucode", "ua"}, {".uname", RELEASE "\n"});
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
	r = check_plan(&m, p, answer, e);
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
	struct ukd_error e = {0};

	machine_with_uki(&t);
	tree_write(&t, "/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
	assert_int_equal(load(&t, "/a.efi", &e), -EBADMSG);
	assert_int_equal(strncmp(e.check, "kernel.", 7), 0);
	assert_non_null(strstr(e.text, ".linux"));
	assert_int_equal(kernel.n, 0);
}

/* ---- the last good image ---- */

static void fail_next(bool again)
{
	kernel.drops = true;
	kernel.answers[kernel.n] = -ENOKEY;
	kernel.answers[kernel.n + 1] = again ? -ENOKEY : 0;
}

static void machine_with_last_good(struct tree *t)
{
	struct ukd_error e = {0};

	machine_make(t);
	trust_signer(t);
	UKI(t, "/a.efi", "signer", {".initrd", "base"}, {".cmdline", "base"}, {".uname", RELEASE},
	    {".profile", "ID=main\n"}, {".profile", "ID=kdump\n"}, {".cmdline", "crash"});
	ADDON(t, "/a.efi.extra.d/zz.addon.efi", "signer", {".cmdline", "z"});
	ADDON(t, "/a.efi.extra.d/aa.addon.efi", "signer", {".cmdline", "a"});
	ADDON(t, "/a.efi.extra.d/no.addon.efi", "signer", {".cmdline", "n"}, {".uname", "6.1"});
	UKI(t, "/b.efi", "signer", {".initrd", "other"}, {".cmdline", "other"});
	assert_int_equal(load_profile(t, "/a.efi", "kdump", &e), 0);
	assert_string_equal(kernel.call[0].cmdline, "crash a z");
}

static void expect_same_call(unsigned int a, unsigned int b)
{
	assert_true(bytes_equal(buffer_bytes(&kernel.call[a].image),
				buffer_bytes(&kernel.call[b].image)));
	assert_true(bytes_equal(buffer_bytes(&kernel.call[a].initrd),
				buffer_bytes(&kernel.call[b].initrd)));
	assert_string_equal(kernel.call[a].cmdline, kernel.call[b].cmdline);
}

static void test_last_good_brings_back_the_same(void **state _unused_)
{
	_tree_ struct tree t;
	struct ukd_error e = {0};
	struct stat image, good;

	machine_with_last_good(&t);
	assert_int_equal(stat(tree_path(&t, "/a.efi.extra.d/aa.addon.efi"), &image), 0);
	assert_int_equal(
		stat(tree_path(&t, "/var/lib/ukdump/last-good.extra.d/00.addon.efi"), &good), 0);
	assert_int_equal(image.st_ino, good.st_ino); /* a hard link */
	assert_int_equal(tree_count(&t, "/var/lib/ukdump/last-good.extra.d"), 2);
	fail_next(false);
	assert_int_equal(load(&t, "/b.efi", &e), -ENOKEY);
	assert_non_null(strstr(e.text, "the last good image is armed again"));
	assert_int_equal(kernel.n, 3);
	expect_same_call(0, 2);
	expect_armed(&t, "\nprofile=1\naddons=2\n");
	/* loaded by its own name, it is kept again */
	assert_int_equal(load_profile(&t, LAST_GOOD, "kdump", &e), 0);
	expect_same_call(0, 3);
	fail_next(false);
	assert_int_equal(load(&t, "/b.efi", &e), -ENOKEY);
	expect_same_call(0, 5);
}

static void test_last_good_of_another_image_leaves_nothing_behind(void **state _unused_)
{
	_tree_ struct tree t;
	struct ukd_error e = {0};

	machine_with_last_good(&t);
	expect_loaded(&t, "/b.efi");
	assert_false(tree_has(&t, "/var/lib/ukdump/last-good.extra.d"));
	fail_next(false);
	assert_int_equal(load_profile(&t, "/a.efi", "kdump", &e), -ENOKEY);
	expect_same_call(1, 3);
	sealed_make(&t, "/s.efi");
	expect_loaded(&t, "/s.efi");
	assert_int_equal(tree_count(&t, "/var/lib/ukdump"), 1);
	fail_next(false);
	assert_int_equal(load(&t, "/b.efi", &e), -ENOKEY);
	assert_null(kernel.call[6].cmdline);
	assert_true(bytes_equal(buffer_bytes(&kernel.call[6].image),
				buffer_bytes(&kernel.call[4].image)));
}

/* Whatever was interrupted, or put there by somebody: not loaded. */
static void test_last_good_that_does_not_belong_together(void **state _unused_)
{
	for (unsigned int i = 0; i < 5; i++) {
		_tree_ struct tree t;
		struct ukd_error e = {0};

#define KEPT "/var/lib/ukdump/last-good"
		machine_with_last_good(&t);
		if (i == 0) /* the record is not there yet */
			assert_int_equal(unlink(tree_path(&t, KEPT ".profile")), 0);
		if (i == 1) /* an addon less */
			assert_int_equal(unlink(tree_path(&t, KEPT ".extra.d/01.addon.efi")), 0);
		if (i == 2) /* one more, signed as it should be */
			ADDON(&t, KEPT ".extra.d/02.addon.efi", "signer", {".cmdline", "x"});
		if (i == 3) { /* one that is not */
			assert_int_equal(unlink(tree_path(&t, KEPT ".extra.d/00.addon.efi")), 0);
			ADDON(&t, KEPT ".extra.d/00.addon.efi", "foreign", {".cmdline", "x"});
		}
		if (i == 4) { /* another image, well signed */
			assert_int_equal(unlink(tree_path(&t, KEPT)), 0);
			make_simple(&t, KEPT);
		}
		fail_next(true);
		assert_int_equal(load(&t, "/b.efi", &e), -ENOKEY);
		if (kernel.n != 2 || !strstr(e.text, "NOT ARMED, there is no last good image"))
			fail_msg("case %u: %u calls, %s", i, kernel.n, e.text);
#undef KEPT
	}
}

static void test_record_is_refused_by_name(void **state _unused_)
{
	_tree_ struct tree t;
	struct machine m = {.root = &t.root};
	struct plan *p = calloc(1, sizeof(*p));
	struct ukd_error e = {0};

	machine_with_last_good(&t);
	assert_int_equal(auth_policy_of_host(&t.root, &m.policy, &e), 0);
	assert_int_equal(last_good_plan(&m, p, &e), 1);
	plan_free(p);
	*p = (struct plan)PLAN_NONE;
	tree_write(&t, "/var/lib/ukdump/last-good.profile", "profile=1\n");
	expect_refused(last_good_plan(&m, p, &e), &e, "plan.last-good", "record");
	free(p);
	machine_free(&m);
}

/* ---- beside the image ---- */

static void test_sidecar_names(void **state _unused_)
{
	static const struct {
		const char *image, *dir;
	} cases[] = {
		{"/a.efi", "/a.efi.extra.d"},	    {"/a+3.efi", "/a.efi.extra.d"},
		{"/a+3-0.efi", "/a.efi.extra.d"},   {"/a+12-34.EFI", "/a.EFI.extra.d"},
		{"/a+b+3.efi", "/a+b.efi.extra.d"}, {"/a+.efi", "/a+.efi.extra.d"},
		{"/a+3-.efi", "/a+3-.efi.extra.d"}, {"/a+x.efi", "/a+x.efi.extra.d"},
		{"/a+3x.efi", "/a+3x.efi.extra.d"}, {"/a+3.bin", "/a+3.bin.extra.d"},
		{"/a+3", "/a+3.extra.d"},	    {"/b+3.efi/a", "/b+3.efi/a.extra.d"},
		{"/a.d/a", "/a.d/a.extra.d"},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		_sidecars_ struct sidecars s = {0};
		_tree_ struct tree t;
		struct ukd_error e = {0};
		char path[64], expected[128];

		tree_make(&t);
		(void)snprintf(path, sizeof(path), "%s/x.addon.efi", cases[i].dir);
		tree_write(&t, path, "");
		assert_int_equal(sidecars_find(AT_FDCWD, tree_path(&t, cases[i].image), &s, &e), 0);
		if (s.n != 1)
			fail_msg("%s: not found in %s", cases[i].image, cases[i].dir);
		(void)snprintf(expected, sizeof(expected), "%s", tree_path(&t, path));
		assert_string_equal(s.path[0], expected);
	}
}

static void test_sidecar_lists(void **state _unused_)
{
	_tree_ struct tree t;
	struct sidecars s;
	struct ukd_error e = {0};
	char path[64];

	tree_make(&t);
	assert_int_equal(sidecars_find(t.root.fd, "a.efi", &s, &e), 0);
	assert_true(s.n == 0 && s.n_ignored == 0); /* no directory */
	tree_write(&t, "/a.efi.extra.d/b.addon.efi", "");
	tree_write(&t, "/a.efi.extra.d/a.addon.efi", "");
	tree_write(&t, "/a.efi.extra.d/x.raw", "");
	tree_write(&t, "/a.efi.extra.d/.x.raw", "");
	tree_write(&t, "/a.efi.extra.d/efi", "");
	tree_link(&t, "/a.efi.extra.d/c.addon.efi", "b.addon.efi");
	assert_int_equal(sidecars_find(t.root.fd, "a.efi", &s, &e), 0);
	assert_int_equal(s.n, 3);
	assert_string_equal(s.path[0], "a.efi.extra.d/a.addon.efi");
	assert_string_equal(s.path[1], "a.efi.extra.d/b.addon.efi");
	assert_string_equal(s.path[2], "a.efi.extra.d/c.addon.efi");
	assert_int_equal(s.n_ignored, 2);
	assert_string_equal(s.ignored[1], "a.efi.extra.d/x.raw");
	sidecars_free(&s);
	for (unsigned int i = 0; i < SIDECAR_MAX + 9; i++) {
		(void)snprintf(path, sizeof(path), "/a.efi.extra.d/%u.cred", i);
		tree_write(&t, path, "");
	}
	assert_int_equal(sidecars_find(t.root.fd, "a.efi", &s, &e), 0);
	assert_int_equal(s.n_ignored, SIDECAR_MAX);
	sidecars_free(&s);
	for (unsigned int i = 0; i < SIDECAR_MAX - 2; i++) {
		(void)snprintf(path, sizeof(path), "/a.efi.extra.d/%u.addon.efi", i);
		tree_write(&t, path, "");
	}
	expect_refused(sidecars_find(t.root.fd, "a.efi", &s, &e), &e, "addon.count", "65");
	tree_write(&t, "/b.efi.extra.d", "not a directory");
	assert_int_equal(sidecars_find(t.root.fd, "b.efi", &s, &e), -ENOTDIR);
}

static void test_every_check_was_seen(void **state _unused_)
{
	expect_all_checks_seen("src/loader/plan.c", "plan.");
	expect_all_checks_seen("src/loader/plan.c", "sealed.");
	expect_all_checks_seen("src/loader/parts.c", "parts.");
	expect_all_checks_seen("src/loader/check.c", "kernel.");
	expect_all_checks_seen("src/loader/lastgood.c", "plan.");
	expect_all_checks_seen("src/auth/sidecar.c", "addon.");
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
		cmocka_unit_test(test_last_good_brings_back_the_same),
		cmocka_unit_test(test_last_good_of_another_image_leaves_nothing_behind),
		cmocka_unit_test(test_last_good_that_does_not_belong_together),
		cmocka_unit_test(test_record_is_refused_by_name),
		cmocka_unit_test(test_sidecar_names),
		cmocka_unit_test(test_sidecar_lists),
		cmocka_unit_test(test_every_check_was_seen),
	};

	return cmocka_run_group_tests(tests, machine_pki_begin, machine_pki_end);
}
