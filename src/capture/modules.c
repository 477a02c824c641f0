// SPDX-License-Identifier: GPL-2.0-or-later
/* Kernel modules: see modules.h. The list and the modules are part of the signed image: trusted. */
#include "capture/modules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "capture/guard.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/sys.h"

struct loading {
	const struct root *root;
	module_load_fn load;
	const char *path;
	const char *params;
};

static void note_failure(struct modules_result *r, const char *why)
{
	if (!r->failed++)
		(void)snprintf(r->first, sizeof(r->first), "%.240s", why);
}

/* Child side: a driver's init function may hang on its device. */
static int load_one(void *ctx)
{
	const struct loading *l = ctx;
	_close_ int fd = root_openat(l->root, l->path, O_RDONLY);
	const char *dot = strrchr(l->path, '.');
	int r;

	if (fd < 0)
		return fd;
	r = l->load(fd, l->params, dot && strcmp(dot, ".ko") ? UKD_MODULE_COMPRESSED : 0);
	/* ENODEV: a driver of hardware that this machine does not have, as in a fleet image */
	return r == -EEXIST || r == -ENODEV ? 0 : r;
}

/* Cuts a line of the list into path and parameters. False: nothing in it. */
static bool parse_line(char *line, struct loading *l)
{
	char *params;

	line[strcspn(line, "#")] = 0;
	line += strspn(line, " \t");
	if (!*line)
		return false;
	params = line + strcspn(line, " \t");
	if (*params)
		*params++ = 0;
	l->path = line;
	l->params = params;
	return true;
}

/* In the kernel already: /sys/module has every module that is loaded. */
static bool is_loaded(const struct root *root, const char *file)
{
	char path[160];

	(void)snprintf(path, sizeof(path), "/sys/module/%.*s", (int)strcspn(file, "."), file);
	for (char *c = path; *c; c++)
		if (*c == '-')
			*c = '_';
	return root_exists(root, path);
}

/* What the kernel has copied need not lie in the initramfs, too, which is memory. */
static void forget_file(const struct root *root, const char *path)
{
	if (!root->path[0])
		(void)unlink(path);
}

static unsigned int seconds_until(uint64_t end_ms)
{
	uint64_t now = clock_ms();

	return now < end_ms ? (unsigned int)((end_ms - now + 999) / 1000) : 0;
}

int modules_load(const struct root *root, const char *path, module_load_fn load,
		 const struct modules_limit *limit, struct modules_result *ret, struct ukd_error *e)
{
	_buffer_ struct buffer list = {0};
	struct loading l = {.root = root, .load = load};
	uint64_t end = clock_ms() + (uint64_t)limit->all_s * 1000;
	char *line, *save;
	int r = root_read(root, path, KIB(256), &list, e);

	if (r < 0)
		return r;
	*ret = (struct modules_result){0};
	save = (char *)list.data;
	while ((line = strsep(&save, "\n"))) {
		unsigned int left = seconds_until(end);
		struct ukd_error why;
		const char *name;

		if (!parse_line(line, &l))
			continue;
		name = strrchr(l.path, '/') ? strrchr(l.path, '/') + 1 : l.path;
		if (is_loaded(root, name)) {
			ret->loaded++;
		} else if (!left) {
			note_failure(ret, "no time left for all of them");
		} else if (guard_call(load_one, &l, left < limit->one_s ? left : limit->one_s, name,
				      &why) < 0) {
			note_failure(ret, why.text);
		} else {
			ret->loaded++;
			forget_file(root, l.path);
		}
	}
	return 0;
}
