// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * systemd-boot, and GRUB with entries of the Boot Loader Specification: /etc/kernel/cmdline, of
 * which kernel-install makes the entries of all kernels, those to come included.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crashkernel/bootloader.h"
#include "crashkernel/cmdline.h"
#include "util/cleanup.h"

#define CMDLINE "/etc/kernel/cmdline"
#define MODULES "/usr/lib/modules"

static bool comes_from_boot_loader(const char *word)
{
	return !strncmp(word, "BOOT_IMAGE=", 11) || !strncmp(word, "initrd=", 7);
}

/* The running kernel's line without what the boot loader has put in front, as kernel-install does. */
static int running_line(const struct root *root, char **ret, struct ukd_error *e)
{
	_free_ char *line = NULL, *out = NULL;
	char *save = NULL;
	int r = boot_read_text(root, "/proc/cmdline", &line, e);

	if (r < 0)
		return r;
	if (!line)
		return ukd_refuse(e, "reserve.cmdline",
				  "%s" CMDLINE ": is not there, nor the command line of a running "
				  "kernel; write one first",
				  root->path);
	out = calloc(1, strlen(line) + 2);
	if (!out)
		return ukd_oom(e);
	for (char *w = strtok_r(line, " \t\n", &save); w; w = strtok_r(NULL, " \t\n", &save)) {
		if (comes_from_boot_loader(w))
			continue;
		if (*out)
			strcat(out, " ");
		strcat(out, w);
	}
	strcat(out, "\n");
	*ret = take_ptr(&out);
	return 0;
}

/* What kernel-install would take: ours, the distribution's, the running kernel's. */
static int base_line(const struct root *root, const struct boot_plan *p, char **ret,
		     struct ukd_error *e)
{
	int r;

	if (p->before) {
		*ret = strdup(p->before);
		return *ret ? 0 : ukd_oom(e);
	}
	r = boot_read_text(root, "/usr/lib/kernel/cmdline", ret, e);
	return r < 0 || *ret ? r : running_line(root, ret, e);
}

static int add_kernel(const struct root *root, const struct boot_facts *f, const char *kver,
		      struct boot_plan *p, struct ukd_error *e)
{
	char image[512], initrd[512];
	const char *argv[] = {f->kernel_install, "add", kver, image, initrd, NULL};

	(void)snprintf(image, sizeof(image), MODULES "/%s/vmlinuz", kver);
	if (!root_exists(root, image))
		(void)snprintf(image, sizeof(image), "/boot/vmlinuz-%s", kver);
	if (!root_exists(root, image))
		return 0; /* modules of a kernel that is gone */
	/* Debian's initrd; elsewhere a plugin of kernel-install makes or finds it. */
	(void)snprintf(initrd, sizeof(initrd), "/boot/initrd.img-%s", kver);
	if (!root_exists(root, initrd))
		argv[4] = NULL;
	return boot_plan_command(p, e, argv);
}

static int is_visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static int add_kernels(const struct root *root, const struct boot_facts *f, struct boot_plan *p,
		       struct ukd_error *e)
{
	_close_ int fd = root_openat(root, MODULES, O_RDONLY | O_DIRECTORY);
	struct dirent **list = NULL;
	int n = fd < 0 ? 0 : scandirat(fd, ".", &list, is_visible, versionsort), r = 0;

	for (int i = 0; i < n; i++) {
		if (r >= 0)
			r = add_kernel(root, f, list[i]->d_name, p, e);
		free(list[i]);
	}
	free(list);
	if (r >= 0 && !p->n_commands)
		r = ukd_refuse(e, "reserve.kernel", "%s" MODULES ": no installed kernel found",
			       root->path);
	return r;
}

int boot_plan_kernel_install(const struct root *root, const struct boot_facts *f, const char *words,
			     struct boot_plan *ret, struct ukd_error *e)
{
	_free_ char *base = NULL;
	struct stat st;
	int r = boot_read_text(root, CMDLINE, &ret->before, e);

	if (r >= 0)
		r = base_line(root, ret, &base, e);
	if (r < 0)
		return r;
	ret->method = BOOT_KERNEL_INSTALL;
	ret->path = strdup(CMDLINE);
	ret->replaced = crashkernel_words(base);
	ret->after = crashkernel_edit(base, words);
	if (!ret->path || !ret->replaced || !ret->after)
		return ukd_oom(e);
	ret->mode = fstatat(root->fd, &CMDLINE[1], &st, 0) == 0 ? st.st_mode & 0777 : 0644;
	ret->changes |= !ret->before || strcmp(ret->before, ret->after) != 0;
	if (!ret->before)
		boot_plan_note(ret, CMDLINE " was not there: it has the line of %s now",
			       root_exists(root, "/usr/lib/kernel/cmdline") ?
				       "/usr/lib/kernel/cmdline" :
				       "the running kernel");
	return ret->changes ? add_kernels(root, f, ret, e) : 0;
}
