// SPDX-License-Identifier: GPL-2.0-or-later
/* Which boot loader this is: see bootloader.h. */
#include "crashkernel/bootloader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/efivarfs.h"

/* Variables of the Boot Loader Interface; systemd's efi-loader-features.h. */
#define LOADER_GUID	    "-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
#define STUB_CMDLINE_ADDONS (UINT64_C(1) << 5)

static const char *const esps[] = {"/efi", "/boot", "/boot/efi"};

/* A UTF-16 text; what is not ASCII becomes '?'. */
static void read_variable(const struct root *root, const char *name, char *ret, size_t size)
{
	_buffer_ struct buffer b = {0};
	struct ukd_error ignored;
	size_t n = 0;

	ret[0] = 0;
	if (efivarfs_read(root, name, 4096, &b, &ignored) < 0)
		return;
	for (size_t i = 0; i + 1 < b.len && n + 1 < size; i += 2) {
		uint16_t c = load_le16(b.data + i);

		if (!c)
			break;
		ret[n++] = c >= 0x20 && c < 0x7f ? (char)c : '?';
	}
	ret[n] = 0;
}

static bool has_stub_addons(const struct root *root)
{
	_buffer_ struct buffer b = {0};
	struct ukd_error ignored;

	return efivarfs_read(root, "StubFeatures" LOADER_GUID, 64, &b, &ignored) >= 0 &&
	       b.len == 8 && (load_le64(b.data) & STUB_CMDLINE_ADDONS);
}

/* ret is empty before, and stays so if there is none. */
static void find_program(const struct root *root, const char *name, char ret[BOOT_PROGRAM_MAX])
{
	static const char *const dirs[] = {"/usr/sbin", "/usr/bin", "/sbin", "/bin"};

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		char path[BOOT_PROGRAM_MAX];

		(void)snprintf(path, sizeof(path), "%s/%s", dirs[i], name);
		if (!root_exists(root, path))
			continue;
		memcpy(ret, path, sizeof(path));
		return;
	}
}

/* The patch of Debian's and Ubuntu's GRUB; upstream reads /etc/default/grub only. */
static bool reads_dropins(const struct root *root, const char *grub_mkconfig)
{
	_buffer_ struct buffer text = {0};
	struct ukd_error ignored;

	return *grub_mkconfig && root_read(root, grub_mkconfig, MIB(1), &text, &ignored) >= 0 &&
	       strstr((char *)text.data, "/default/grub.d");
}

static bool has_entries(const struct root *root)
{
	for (size_t i = 0; i < ARRAY_SIZE(esps); i++) {
		_closedir_ DIR *dir = NULL;
		struct dirent *d;
		char path[64];

		(void)snprintf(path, sizeof(path), "%s/loader/entries", esps[i]);
		dir = root_opendir(root, path);
		while (dir && (d = readdir(dir)))
			if (strstr(d->d_name, ".conf"))
				return true;
	}
	return false;
}

void boot_facts_read(const struct root *root, struct boot_facts *ret)
{
	struct boot_facts f = {0};

	read_variable(root, "LoaderInfo" LOADER_GUID, f.loader, sizeof(f.loader));
	read_variable(root, "StubInfo" LOADER_GUID, f.stub, sizeof(f.stub));
	read_variable(root, "StubImageIdentifier" LOADER_GUID, f.uki, sizeof(f.uki));
	for (char *s = f.uki; *s; s++)
		if (*s == '\\')
			*s = '/';
	f.stub_addons = has_stub_addons(root);
	find_program(root, "grubby", f.grubby);
	find_program(root, "update-grub", f.update_grub);
	find_program(root, "grub-mkconfig", f.grub_mkconfig);
	if (!f.grub_mkconfig[0])
		find_program(root, "grub2-mkconfig", f.grub_mkconfig);
	find_program(root, "kernel-install", f.kernel_install);
	f.grub_dropins = reads_dropins(root, f.grub_mkconfig);
	f.grub_cfg = root_exists(root, "/boot/grub/grub.cfg");
	f.entries = has_entries(root);
	*ret = f;
}

static bool is_systemd_boot(const struct boot_facts *f)
{
	return !strncmp(f->loader, "systemd-boot", strlen("systemd-boot"));
}

enum boot_method boot_choose(const struct boot_facts *f, const char **ret_why)
{
	if (f->stub[0] && !f->stub_addons) {
		*ret_why = "the UKI that runs has its command line inside, and its systemd-stub is "
			   "too old for addons (254 has them): the UKI has to be built anew";
		return BOOT_NONE;
	}
	if (f->stub[0]) {
		*ret_why = "systemd-stub has started the kernel from a UKI";
		return BOOT_ADDON;
	}
	if (f->grubby[0]) {
		*ret_why = "grubby is installed";
		return BOOT_GRUBBY;
	}
	if (!is_systemd_boot(f) && f->grub_cfg && f->grub_dropins) {
		*ret_why = "GRUB is configured in /etc/default/grub.d";
		return BOOT_GRUB;
	}
	if (is_systemd_boot(f) || f->entries) {
		*ret_why = f->kernel_install[0] ? "kernel-install makes the boot loader's entries" :
						  "the boot loader's entries were not made by "
						  "kernel-install: it is not installed";
		return f->kernel_install[0] ? BOOT_KERNEL_INSTALL : BOOT_NONE;
	}
	*ret_why =
		f->grub_mkconfig[0] ?
			"this GRUB reads no /etc/default/grub.d: crashkernel= is set by hand, in "
			"GRUB_CMDLINE_LINUX_DEFAULT of /etc/default/grub, in place of any that is there; "
			"then run grub-mkconfig -o /boot/grub/grub.cfg (SUSE: grub2-mkconfig -o "
			"/boot/grub2/grub.cfg)" :
			"no boot loader was found that keeps its command line where we know";
	return BOOT_NONE;
}

const char *boot_method_name(enum boot_method m)
{
	static const char *const names[] = {
		[BOOT_NONE] = "none",	[BOOT_GRUBBY] = "grubby",
		[BOOT_GRUB] = "grub",	[BOOT_KERNEL_INSTALL] = "kernel-install",
		[BOOT_ADDON] = "addon",
	};

	return names[m];
}

int boot_addon_directory(const struct root *root, const struct boot_facts *f, char *ret,
			 size_t size, struct ukd_error *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(esps); i++) {
		char path[1024];

		(void)snprintf(path, sizeof(path), "%s%s", esps[i], f->uki[0] ? f->uki : "/EFI");
		if (!root_exists(root, path))
			continue;
		(void)snprintf(ret, size, "%s/loader/addons", esps[i]);
		return 0;
	}
	return ukd_refuse(e, "reserve.esp",
			  "%s is in none of /efi, /boot and /boot/efi: mount the file system that "
			  "it is on, or name the UKI with --uki",
			  f->uki[0] ? f->uki : "EFI");
}
