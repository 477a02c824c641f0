// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * grubby of Fedora and RHEL: changes the entries that are there and what later kernels get. It
 * keeps one word of a name only, so that a second crashkernel= would replace the first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crashkernel/bootloader.h"
#include "crashkernel/cmdline.h"
#include "util/cleanup.h"
#include "util/process.h"

#define ALL "--update-kernel=ALL"

static int ask(const struct root *root, const struct boot_facts *f, struct buffer *ret,
	       struct ukd_error *e)
{
	const char *const argv[] = {f->grubby, "--info=ALL", NULL};
	const struct process p = {
		.argv = argv,
		.chroot_dir = root->path[0] ? root->path : NULL,
		.stdin_fd = -1,
		.stdout_fd = -1,
		.stderr_fd = -1,
		.timeout_s = 60,
		.output = ret,
		.output_max = MIB(1),
	};

	return process_run_ok(&p, e);
}

/* The command line of a line args="...", in place; NULL: it is another line. */
static char *args_of(char *line)
{
	char *end = line + strlen(line);

	if (strncmp(line, "args=\"", 6) != 0)
		return NULL;
	if (end > line + 6 && end[-1] == '"')
		end[-1] = 0;
	return line + 6;
}

/* Does every entry have exactly these words? *ret_first: those of the first one, a heap string. */
static bool all_have(char *info, const char *words, char **ret_first)
{
	bool all = true;
	char *save = NULL;

	for (char *line = strtok_r(info, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		const char *args = args_of(line);
		_free_ char *have = args ? crashkernel_words(args) : NULL;

		if (!have)
			continue;
		all &= !strcmp(have, words);
		if (!*ret_first)
			*ret_first = take_ptr(&have);
	}
	return all && *ret_first;
}

static int add_commands(const struct boot_facts *f, const char *words, struct boot_plan *p,
			struct ukd_error *e)
{
	_free_ char *args = NULL;
	const char *const remove[] = {f->grubby, ALL, "--remove-args=crashkernel", NULL};
	int r = boot_plan_command(p, e, remove);

	if (r < 0 || !*words)
		return r;
	if (asprintf(&args, "--args=%s", words) < 0)
		return ukd_oom(e);
	return boot_plan_command(p, e, (const char *const[]){f->grubby, ALL, args, NULL});
}

int boot_plan_grubby(const struct root *root, const struct boot_facts *f, const char *words,
		     struct boot_plan *ret, struct ukd_error *e)
{
	_buffer_ struct buffer info = {0};
	int r;

	if (strchr(words, ' '))
		return ukd_refuse(e, "reserve.grubby",
				  "grubby keeps one crashkernel= only, and '%s' are several: leave "
				  "Low= and Cma= out",
				  words);
	r = ask(root, f, &info, e);
	if (r < 0)
		return r;
	ret->method = BOOT_GRUBBY;
	ret->changes |= !all_have((char *)info.data, words, &ret->replaced);
	return ret->changes ? add_commands(f, words, ret, e) : 0;
}
