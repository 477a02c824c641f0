// SPDX-License-Identifier: GPL-2.0-or-later
/* What the image must have inside for Pre=, Post=, Failure=, AllowShell= and the stored result. */
#include <errno.h>
#include <string.h>

#include "build/needs.h"

static int need_hooks(struct needs *n, const char *setting, const struct strings *programs,
		      struct ukd_error *e)
{
	int r = 0;

	for (unsigned int i = 0; r >= 0 && i < programs->n; i++) {
		/* dracut's lists have words. */
		if (strpbrk(programs->v[i], " \t"))
			return ukd_refuse(e, "build.settings", "%s=%s: no blanks in its path",
					  setting, programs->v[i]);
		r = need_program(n, programs->v[i], e);
		if (r < 0)
			return ukd_refuse(e, "build.settings", "%s=%s: the program is not there",
					  setting, programs->v[i]);
	}
	return r;
}

/* A shell alone is of little use; the tools are those that look at what is there. */
static int need_shell(struct needs *n, struct ukd_error *e)
{
	static const char *const shells[] = {"bash", "dash", "busybox"};
	static const char *const tools[] = {"cat", "cp", "dmesg", "ls", "mount", "umount"};
	int r = -ENOENT;

	for (size_t i = 0; r == -ENOENT && i < ARRAY_SIZE(shells); i++)
		r = need_program(n, shells[i], e);
	if (r == -ENOENT)
		return ukd_refuse(e, "build.settings",
				  "AllowShell=yes: neither bash, dash nor busybox is installed");
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(tools); i++) {
		r = need_program(n, tools[i], e);
		if (r == -ENOENT)
			r = 0;
	}
	return r;
}

int need_ends(struct needs *n, struct ukd_error *e)
{
	const struct settings *s = n->settings;
	int r = need_hooks(n, "Pre", &s->action.pre, e);

	if (r >= 0)
		r = need_hooks(n, "Post", &s->action.post, e);
	if (r >= 0)
		r = need_hooks(n, "Failure", &s->action.failure, e);
	if (r >= 0 && s->image.allow_shell)
		r = need_shell(n, e);
	/* For the result where no target took one. Kernels without it have no EFI variables. */
	if (r >= 0)
		r = need_driver(n, "efivarfs", e);
	return r < 0 ? r : 0;
}
