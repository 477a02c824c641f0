// SPDX-License-Identifier: GPL-2.0-or-later
/* Plans of the boot loaders' writers, carried out, and the record for --undo: see bootloader.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crashkernel/bootloader.h"
#include "util/cleanup.h"
#include "util/process.h"
#include "util/self.h"

/* kernel-install makes initrds, grub-mkconfig may look at every disk. */
#define COMMAND_TIMEOUT_S 600
#define RECORD		  "/var/lib/ukdump/reserve"

void boot_plan_free(struct boot_plan *p)
{
	for (unsigned int i = 0; i < p->n_commands; i++)
		for (unsigned int a = 0; a < BOOT_ARGS_MAX; a++)
			free(p->command[i].argv[a]);
	free(p->path);
	free(p->before);
	free(p->after);
	free(p->replaced);
	*p = (struct boot_plan){0};
}

int boot_plan_command(struct boot_plan *p, struct ukd_error *e, const char *const *argv)
{
	struct boot_command *c = &p->command[p->n_commands];

	if (p->n_commands == BOOT_COMMANDS_MAX)
		return ukd_fail(e, -E2BIG, "more than %d kernels are installed", BOOT_COMMANDS_MAX);
	p->n_commands++;
	for (unsigned int i = 0; i + 1 < BOOT_ARGS_MAX && argv[i]; i++) {
		c->argv[i] = strdup(argv[i]);
		if (!c->argv[i])
			return ukd_oom(e);
	}
	return 0;
}

void boot_plan_note(struct boot_plan *p, const char *fmt, ...)
{
	va_list ap;

	if (p->n_notes == BOOT_NOTES_MAX)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(p->note[p->n_notes], sizeof(p->note[0]), fmt, ap);
	va_end(ap);
	text_printable(p->note[p->n_notes++]);
}

int boot_read_text(const struct root *root, const char *path, char **ret, struct ukd_error *e)
{
	_buffer_ struct buffer text = {0};
	int r = root_read(root, path, MIB(1), &text, e);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	if (memchr(text.data, 0, text.len))
		return ukd_refuse(e, "file.type", "%s%s: is no text", root->path, path);
	*ret = (char *)text.data;
	text = (struct buffer){0};
	return 0;
}

/* Writes text to the path, or removes it if text is NULL. */
static int put_file(const struct root *root, const char *path, const char *text, mode_t mode,
		    struct ukd_error *e)
{
	_free_ char *dir = strdup(path);
	char *slash = dir ? strrchr(dir, '/') : NULL;
	int r;

	if (!slash)
		return ukd_oom(e);
	*slash = 0;
	r = root_check_plain(root, dir, e);
	if (r < 0)
		return r;
	if (!text)
		return unlinkat(root->fd, path + 1, 0) < 0 && errno != ENOENT ?
			       ukd_fail_errno(e, -errno, "%s%s", root->path, path) :
			       0;
	r = make_directories(root->fd, dir + 1, 0755, e);
	if (r >= 0)
		r = file_replace(root->fd, path + 1, mode,
				 (struct bytes){(const uint8_t *)text, strlen(text)}, e);
	return r;
}

static int run_command(const struct root *root, const struct boot_command *c, struct ukd_error *e)
{
	const struct process p = {
		.argv = (const char *const *)c->argv,
		.chroot_dir = root->path[0] ? root->path : NULL,
		.stdin_fd = -1,
		.stdout_fd = STDERR_FILENO,
		.stderr_fd = -1,
		.timeout_s = COMMAND_TIMEOUT_S,
	};

	return process_run_ok(&p, e);
}

int boot_apply(const struct root *root, const struct boot_plan *p, struct ukd_error *e)
{
	/* between file and program the machine would boot with neither the old nor the new */
	_stops_held_ sigset_t before;
	struct ukd_error ignored;
	int r = 0;

	stops_hold(&before);
	if (p->path)
		r = put_file(root, p->path, p->after, p->mode, e);
	if (r < 0)
		return r;
	for (unsigned int i = 0; r >= 0 && i < p->n_commands; i++)
		r = run_command(root, &p->command[i], e);
	if (r < 0 && p->path) {
		(void)put_file(root, p->path, p->before, p->mode, &ignored);
		return ukd_prefix(e, "%s is as it was before", p->path);
	}
	return r;
}

static enum boot_method method_by_name(const char *name)
{
	for (int m = BOOT_GRUBBY; m <= BOOT_ADDON; m++)
		if (!strcmp(name, boot_method_name((enum boot_method)m)))
			return (enum boot_method)m;
	return BOOT_NONE;
}

int boot_record_read(const struct root *root, struct boot_record *ret, struct ukd_error *e)
{
	struct boot_record record = {0};
	_free_ char *text = NULL;
	char *save = NULL;
	int r = boot_read_text(root, RECORD, &text, e);

	if (r < 0)
		return r;
	for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save)) {
		if (!strncmp(line, "method=", 7))
			record.method = method_by_name(line + 7);
		else if (!strncmp(line, "before=", 7))
			(void)snprintf(record.before, sizeof(record.before), "%s", line + 7);
		else if (!strcmp(line, "pending=1"))
			record.pending = true;
	}
	*ret = record;
	return 0;
}

int boot_record_write(const struct root *root, const struct boot_record *record,
		      struct ukd_error *e)
{
	char text[sizeof(record->before) + 64];

	(void)snprintf(text, sizeof(text), "method=%s\nbefore=%s\npending=%d\n",
		       boot_method_name(record->method), record->before, record->pending);
	return put_file(root, RECORD, text, 0644, e);
}

int boot_record_remove(const struct root *root, struct ukd_error *e)
{
	return put_file(root, RECORD, NULL, 0, e);
}
