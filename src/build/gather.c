// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds the parts of an image: see gather.h. The root directory is the administrator's, trusted. */
#include "build/gather.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pe/kernel.h"
#include "util/cleanup.h"

#define MODULES_DIR "/usr/lib/modules"

/*
 * What a line must have whatever else it says is told by ctl/status/check_cmdline.c.
 * rootfstype=ramfs: a tmpfs as the initramfs' root holds half of the memory, and then is full.
 * acpi_no_memhotplug (Linux 3.16): without it the capture kernel takes DIMMs that are ACPI devices,
 * as those plugged in are, for memory of its own, and writes over what it is to save.
 */
static const char default_cmdline[] =
	"reset_devices %s irqpoll panic=1 cgroup_disable=memory nokaslr rootfstype=ramfs "
	"acpi_no_memhotplug rd.shell=0 rd.emergency=reboot";

bool find_kernel(const struct root *root, const char *kver, char ret[KERNEL_PATH_MAX])
{
	(void)snprintf(ret, KERNEL_PATH_MAX, MODULES_DIR "/%s/vmlinuz", kver);
	if (root_exists(root, ret))
		return true;
	(void)snprintf(ret, KERNEL_PATH_MAX, "/boot/vmlinuz-%s", kver);
	return root_exists(root, ret);
}

/* A directory of modules can outlive its kernel: DKMS leaves some behind. */
static bool is_installed(const struct root *root, const char *name)
{
	char path[KERNEL_PATH_MAX];

	return name[0] != '.' && strlen(name) < KVER_MAX && find_kernel(root, name, path);
}

/* Newest by version order, as sort -V has it. */
static int newest_kernel(const struct root *root, char ret[KVER_MAX], struct ukd_error *e)
{
	_closedir_ DIR *dir = root_opendir(root, MODULES_DIR);
	struct dirent *d;

	if (!dir && errno != ENOENT)
		return ukd_fail_errno(e, -errno, "%s%s", root->path, MODULES_DIR);
	ret[0] = 0;
	while (dir && (d = readdir(dir)))
		if (is_installed(root, d->d_name) && (!ret[0] || strverscmp(d->d_name, ret) > 0))
			strcpy(ret, d->d_name);
	if (!ret[0])
		return ukd_fail(e, -ENOENT,
				"%s%s: no kernel is installed there; install one, or name another "
				"--root or --kernel",
				root->path, MODULES_DIR);
	return 0;
}

int find_kernel_version(const struct root *root, const char *wanted, char ret[KVER_MAX],
			struct ukd_error *e)
{
	if (wanted && !strcmp(wanted, KERNEL_NEWEST))
		return newest_kernel(root, ret, e);
	if (!wanted || !strcmp(wanted, KERNEL_RUNNING))
		return root->path[0] ? newest_kernel(root, ret, e) :
				       root_kernel_release(root, ret, KVER_MAX, e);
	if (!*wanted || strlen(wanted) >= KVER_MAX || strchr(wanted, '/') || wanted[0] == '.')
		return ukd_fail(e, -EINVAL, "'%s' is not a kernel version", wanted);
	strcpy(ret, wanted);
	return 0;
}

void kernel_own_version(struct bytes kernel, char ret[KVER_MAX])
{
	char text[SEALED_VERSION_MAX + 1];
	size_t n;

	kernel_version_string(kernel, text);
	n = strcspn(text, " ");
	if (n >= KVER_MAX || text[0] == '.' || memchr(text, '/', n))
		n = 0;
	(void)snprintf(ret, KVER_MAX, "%.*s", (int)n, text);
}

int need_kernel(const struct root *root, const char *kver, char ret[KERNEL_PATH_MAX],
		struct ukd_error *e)
{
	if (find_kernel(root, kver, ret))
		return 0;
	return ukd_fail(e, -ENOENT,
			"no kernel '%s': neither %s" MODULES_DIR "/%s/vmlinuz nor %s/boot/vmlinuz-"
			"%s is there; name another one with --kver or --kernel",
			kver, root->path, kver, root->path, kver);
}

int read_kernel(const struct root *root, const char *kver, struct buffer *ret, struct ukd_error *e)
{
	char path[KERNEL_PATH_MAX];
	int r = need_kernel(root, kver, path, e);

	return r < 0 ? r : root_read(root, path, PART_MAX, ret, e);
}

int read_os_release(const struct root *root, struct buffer *ret, struct ukd_error *e)
{
	int r = root_read(root, "/etc/os-release", KIB(64), ret, e);

	if (r == -ENOENT)
		r = root_read(root, "/usr/lib/os-release", KIB(64), ret, e);
	return r;
}

int read_efi_stub(const struct root *root, struct buffer *ret, struct ukd_error *e)
{
	int r = root_read(root, EFI_STUB_PATH, MIB(16), ret, e);

	return r == -ENOENT ? 0 : r;
}

/* Appends " word" (or "word" to an empty line) on the heap. */
static int append_word(char **line, const char *word)
{
	char *longer;

	if (!*word)
		return 0;
	if (asprintf(&longer, "%s%s%s", *line, **line ? " " : "", word) < 0)
		return -ENOMEM;
	free(*line);
	*line = longer;
	return 0;
}

/* The consoles that the running kernel writes to; a bare chroot does not tell them. */
static int append_consoles(const struct root *root, char **line, struct ukd_error *e)
{
	_buffer_ struct buffer running = {0};
	char *save = NULL;
	int r = root_read(root, "/proc/cmdline", KIB(64), &running, e);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	for (char *word = strtok_r((char *)running.data, " \n", &save); word;
	     word = strtok_r(NULL, " \n", &save))
		if (!strncmp(word, "console=", 8) && append_word(line, word) < 0)
			return ukd_oom(e);
	return 0;
}

bool command_line_has(const char *line, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = line; (at = strstr(at, word)); at++)
		if ((at == line || at[-1] == ' ') && (word[n - 1] == '=' || !at[n] || at[n] == ' '))
			return true;
	return false;
}

/* The first processor's, as firmware numbers it; 0 almost everywhere. */
static unsigned int boot_apicid(const struct root *root)
{
	_buffer_ struct buffer info = {0};
	unsigned int id = 0;
	struct ukd_error ignored;
	const char *at = NULL;

	if (root_read(root, "/proc/cpuinfo", MIB(4), &info, &ignored) == 0)
		at = strstr((char *)info.data, "initial apicid");
	if (!at || sscanf(at, "initial apicid : %u", &id) != 1)
		return 0;
	return id;
}

/*
 * One processor. With more, the one that the firmware booted must not be started by another, which
 * resets the machine: kernels before 6.9 (5c5682b9f87a) do not see to that themselves.
 */
static char *default_line(const struct root *root, const struct command_line_spec *spec)
{
	char cpus[64] = "nr_cpus=1", *line;

	if (spec->threads > 1)
		(void)snprintf(cpus, sizeof(cpus), "nr_cpus=%u disable_cpu_apicid=%u",
			       spec->threads, spec->fleet ? 0 : boot_apicid(root));
	return asprintf(&line, default_cmdline, cpus) < 0 ? NULL : line;
}

int make_command_line(const struct root *root, const struct command_line_spec *spec, char **ret,
		      struct ukd_error *e)
{
	_free_ char *text = spec->line ? strdup(spec->line) : default_line(root, spec);

	if (!text)
		return ukd_oom(e);
	if (!spec->line && !spec->fleet) {
		int r = append_consoles(root, &text, e);

		if (r < 0)
			return r;
	}
	if (spec->append && append_word(&text, spec->append) < 0)
		return ukd_oom(e);
	/* A capture kernel that panics and stays there leaves the machine down. */
	if (spec->need_panic && !command_line_has(text, "panic=") &&
	    append_word(&text, "panic=1") < 0)
		return ukd_oom(e);
	*ret = take_ptr(&text);
	return 0;
}
