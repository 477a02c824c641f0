// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * GRUB of Debian and Ubuntu: a drop-in that grub-mkconfig sources behind all others. What the
 * others set is taken out in there, not in their files, so that removing ours undoes it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crashkernel/bootloader.h"
#include "util/cleanup.h"

#define DIRECTORY "/etc/default/grub.d"
#define NAME	  "zz-ukdump.cfg"
#define DROPIN	  DIRECTORY "/" NAME

/* Recovery entries, which have no GRUB_CMDLINE_LINUX_DEFAULT, boot without crash memory. */
static const char dropin[] =
	"# Written by 'ukdumpctl reserve'; 'ukdumpctl reserve --undo' removes it.\n"
	"# A crashkernel= of other files is left out: the kernel would take the last plain one.\n"
	"GRUB_CMDLINE_LINUX=$(printf '%%s\\n' \"$GRUB_CMDLINE_LINUX\" |\n"
	"\tsed -E 's/(^|[ \\t])crashkernel=[^ \\t]*//g')\n"
	"GRUB_CMDLINE_LINUX_DEFAULT=$(printf '%%s\\n' \"$GRUB_CMDLINE_LINUX_DEFAULT\" |\n"
	"\tsed -E 's/(^|[ \\t])crashkernel=[^ \\t]*//g')\n"
	"GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT %s\"\n";

/* Notes every line of another file that sets crashkernel=; comments do not count. */
static void note_others(const struct root *root, const char *path, struct boot_plan *p)
{
	_free_ char *text = NULL;
	struct ukd_error ignored;
	char *save = NULL;

	if (boot_read_text(root, path, &text, &ignored) < 0 || !text)
		return;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		const char *value = strstr(line, "crashkernel=");

		if (value && line[strspn(line, " \t")] != '#')
			boot_plan_note(p, "%.*s of %s does not count any more",
				       (int)strcspn(value, " \t\"'"), value, path);
	}
}

static int is_other_dropin(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 4 && !strcmp(d->d_name + n - 4, ".cfg") && strcmp(d->d_name, NAME) != 0;
}

static void note_all_others(const struct root *root, struct boot_plan *p)
{
	_close_ int fd = root_openat(root, DIRECTORY, O_RDONLY | O_DIRECTORY);
	struct dirent **list = NULL;
	int n = fd < 0 ? 0 : scandirat(fd, ".", &list, is_other_dropin, alphasort);

	note_others(root, "/etc/default/grub", p);
	for (int i = 0; i < n; i++) {
		char path[512];

		(void)snprintf(path, sizeof(path), DIRECTORY "/%s", list[i]->d_name);
		note_others(root, path, p);
		free(list[i]);
	}
	free(list);
}

static int add_command(const struct boot_facts *f, struct boot_plan *p, struct ukd_error *e)
{
	const char *const update[] = {f->update_grub, NULL};
	const char *const mkconfig[] = {f->grub_mkconfig, "-o", "/boot/grub/grub.cfg", NULL};

	return boot_plan_command(p, e, f->update_grub[0] ? update : mkconfig);
}

int boot_plan_grub(const struct root *root, const struct boot_facts *f, const char *words,
		   struct boot_plan *ret, struct ukd_error *e)
{
	int r = boot_read_text(root, DROPIN, &ret->before, e);

	if (r < 0)
		return r;
	ret->method = BOOT_GRUB;
	ret->path = strdup(DROPIN);
	ret->mode = 0644;
	if (!ret->path || (*words && asprintf(&ret->after, dropin, words) < 0))
		return ukd_oom(e);
	if (ret->before && ret->after)
		ret->changes |= strcmp(ret->before, ret->after) != 0;
	else
		ret->changes |= ret->before || ret->after;
	if (*words)
		note_all_others(root, ret);
	return ret->changes ? add_command(f, ret, e) : 0;
}
