// SPDX-License-Identifier: GPL-2.0-or-later
/* Kernel modules: see modules.h. The list and the modules are part of the signed image: trusted. */
#include "capture/modules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "capture/guard.h"
#include "util/cleanup.h"
#include "util/sys.h"

/* Shared with the child that loads, so that a hang tells how far it came. */
struct progress {
	unsigned int line; /* the next to load */
	struct modules_result result;
};

struct loading {
	const struct root *root;
	module_load_fn load;
	char *list; /* the child's own copy after fork */
	struct progress *progress;
};

static void note_failure(struct modules_result *r, const char *module, const char *why)
{
	const char *slash = strrchr(module, '/');

	if (!r->failed++)
		(void)snprintf(r->first, sizeof(r->first), "%.128s: %s", slash ? slash + 1 : module,
			       why);
}

static int load_one(const struct loading *l, const char *path, const char *params)
{
	_close_ int fd = root_openat(l->root, path, O_RDONLY);
	const char *dot = strrchr(path, '.');
	int r;

	if (fd < 0)
		return fd;
	r = l->load(fd, params, dot && strcmp(dot, ".ko") ? UKD_MODULE_COMPRESSED : 0);
	return r == -EEXIST ? 0 : r;
}

static void load_line(const struct loading *l, char *line)
{
	struct modules_result *result = &l->progress->result;
	char *params;
	int r;

	line[strcspn(line, "#")] = 0;
	line += strspn(line, " \t");
	if (!*line)
		return;
	params = line + strcspn(line, " \t");
	if (*params)
		*params++ = 0;
	r = load_one(l, line, params);
	if (r < 0)
		note_failure(result, line, strerror(-r));
	else
		result->loaded++;
}

/* Child side: everything from line progress->line on. */
static int load_rest(void *ctx)
{
	struct loading *l = ctx;
	char *line, *save = l->list;

	for (unsigned int i = 0; (line = strsep(&save, "\n")); i++) {
		if (i < l->progress->line)
			continue;
		load_line(l, line);
		l->progress->line = i + 1;
	}
	return 0;
}

/* The text of line n, for a message. */
static void line_text(const char *list, unsigned int n, char *ret, size_t size)
{
	while (n-- && list)
		list = (list = strchr(list, '\n')) ? list + 1 : NULL;
	(void)snprintf(ret, size, "%.*s", list ? (int)strcspn(list, " \t\n") : 0, list ? list : "");
}

int modules_load(const struct root *root, const char *path, module_load_fn load,
		 unsigned int limit_s, struct modules_result *ret, struct ukd_error *e)
{
	_buffer_ struct buffer list = {0};
	struct loading l = {.root = root, .load = load};
	int r = root_read(root, path, KIB(256), &list, e);

	if (r < 0)
		return r;
	l.progress = guard_share(sizeof(*l.progress));
	if (!l.progress)
		return ukd_oom(e);
	l.list = (char *)list.data;
	/* A driver's init function may hang on its device; a fresh child goes on behind it. */
	while ((r = guard_call(load_rest, &l, limit_s, "module", e)) == -ETIMEDOUT ||
	       r == -ECHILD) {
		char module[256];

		line_text(l.list, l.progress->line++, module, sizeof(module));
		note_failure(&l.progress->result, module, "did not finish loading");
	}
	*ret = l.progress->result;
	guard_unshare(l.progress, sizeof(*l.progress));
	return r;
}
