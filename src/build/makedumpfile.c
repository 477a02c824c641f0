// SPDX-License-Identifier: GPL-2.0-or-later
/* makedumpfile and kernels: see makedumpfile.h. */
#include "build/makedumpfile.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/process.h"

#define VERSION(a, b, c) ((a) << 16 | (b) << 8 | (c))

/* Up to this level no page is left out but those of zeroes: struct page is not looked at. */
#define LEVEL_ZEROES 1

/* The first line that fits counts. */
static const struct {
	unsigned int kernel_from, tool_to;
	const char *problem;
} bad_pairs[] = {
	/* It says so and goes on, with the kernel's description of struct page as far as it reads
	   it. */
	{VERSION(7, 1, 0), VERSION(1, 7, 9),
	 "makedumpfile up to 1.7.9 does not know kernel 7.1 and later: which pages it leaves out is a "
	 "guess; DumpLevel=1 leaves out none but zeroes"},
	{VERSION(6, 12, 0), VERSION(1, 7, 6),
	 "makedumpfile up to 1.7.6 does not find the free pages of kernel 6.12 and later: dumps are "
	 "larger than needed; 1.7.7 is better"},
};

/* "6.12.107+deb13", "1.7.6": 0 if it does not begin like that. */
static unsigned int parse_version(const char *s)
{
	unsigned int v[3] = {0};

	if (sscanf(s, "%3u.%3u.%3u", &v[0], &v[1], &v[2]) < 2)
		return 0;
	for (unsigned int i = 0; i < 3; i++)
		v[i] = v[i] > 255 ? 255 : v[i]; /* 6.1.300: as in the kernel's own macro */
	return VERSION(v[0], v[1], v[2]);
}

const char *makedumpfile_problem(const char *printed, const char *kver, unsigned int level)
{
	const char *at = strstr(printed, "version ");
	unsigned int tool = at ? parse_version(at + strlen("version ")) : 0;
	unsigned int kernel = parse_version(kver);

	if (!tool || level <= LEVEL_ZEROES)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(bad_pairs); i++)
		if (kernel >= bad_pairs[i].kernel_from && tool <= bad_pairs[i].tool_to)
			return bad_pairs[i].problem;
	return NULL;
}

const char *makedumpfile_check(const struct root *root, const char *kver, unsigned int level)
{
	static const char *const argv[] = {"makedumpfile", "-v", NULL};
	_buffer_ struct buffer out = {0};
	struct ukd_error ignored;
	struct process p = {
		PROCESS_DEFAULTS,
		.argv = argv,
		.chroot_dir = root->path[0] ? root->path : NULL,
		.output = &out,
		.output_max = 4096,
	};

	p.stderr_fd = STDOUT_FILENO; /* the pipe that stdout has become */
	/* If it is not there, dracut's module says so. */
	if (process_run(&p, &ignored) < 0 || !out.data)
		return NULL;
	return makedumpfile_problem((char *)out.data, kver, level);
}
