// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Module dependencies: see modules.h. The indexes are depmod's; a line that is not as
 * depmod writes it is skipped. Every line already lists all that a module needs, so no recursion.
 */
#include "build/modules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

struct module_tree {
	char dir[256];	       /* /usr/lib/modules/KVER */
	struct buffer dep;     /* "kernel/a/b.ko.xz: kernel/c.ko.xz ...", one module per line */
	struct buffer builtin; /* "kernel/a/b.ko", one per line */
};

void module_tree_free(struct module_tree *t)
{
	if (!t)
		return;
	buffer_free(&t->dep);
	buffer_free(&t->builtin);
	free(t);
}

static int read_index(const struct root *root, struct module_tree *t, const char *name,
		      struct buffer *ret, struct ukd_error *e)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", t->dir, name);
	return root_read(root, path, MIB(16), ret, e);
}

int module_tree_load(const struct root *root, const char *kver, struct module_tree **ret,
		     struct ukd_error *e)
{
	_module_tree_ struct module_tree *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return ukd_oom(e);
	(void)snprintf(t->dir, sizeof(t->dir), "/usr/lib/modules/%s", kver);
	r = read_index(root, t, "modules.dep", &t->dep, e);
	if (r == -ENOENT)
		return ukd_fail(e, r, "%s%s/modules.dep is missing; run 'depmod %s'", root->path,
				t->dir, kver);
	if (r < 0)
		return r;
	r = read_index(root, t, "modules.builtin", &t->builtin, e);
	if (r < 0 && r != -ENOENT)
		return r;
	*ret = take_ptr(&t);
	return 0;
}

/* True if path is that of the module: ".../virtio_blk.ko.xz" is "virtio-blk" and "virtio_blk". */
static bool path_is_module(const char *path, size_t len, const char *name)
{
	const char *base = memrchr(path, '/', len);
	size_t n = strlen(name);

	base = base ? base + 1 : path;
	if ((size_t)(path + len - base) < n + 3 || strncmp(base + n, ".ko", 3) != 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if ((base[i] == '-' ? '_' : base[i]) != (name[i] == '-' ? '_' : name[i]))
			return false;
	return true;
}

/* The line of index whose path (up to ':' or the end) is the module's; NULL if there is none. */
static const char *find_line(const struct buffer *index, const char *name)
{
	const char *line = (const char *)index->data;

	while (line && *line) {
		size_t len = strcspn(line, ":\n");

		if (path_is_module(line, len, name))
			return line;
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return NULL;
}

static bool list_has(const struct buffer *list, const char *path)
{
	const char *at = list->data ? strstr((const char *)list->data, path) : NULL;

	return at && at[strlen(path)] == '\n';
}

/* Adds one path, relative to the tree, as an absolute one. */
static int list_append(const struct module_tree *t, const char *path, size_t len,
		       struct buffer *list)
{
	char line[1024];
	int n = snprintf(line, sizeof(line), "%s/%.*s", t->dir, (int)len, path);
	uint8_t *data;

	if (n < 0 || (size_t)n + 1 >= sizeof(line))
		return -ENAMETOOLONG;
	if (list_has(list, line))
		return 0;
	data = realloc(list->data, list->len + (size_t)n + 2);
	if (!data)
		return -ENOMEM;
	memcpy(data + list->len, line, (size_t)n);
	data[list->len + (size_t)n] = '\n';
	data[list->len + (size_t)n + 1] = 0;
	*list = (struct buffer){data, list->len + (size_t)n + 1};
	return 0;
}

/*
 * modules.dep lists what a module needs directly and indirectly, so that loading from the last to
 * the first works (depmod(8)); the module itself comes after them.
 */
static int append_line(const struct module_tree *t, const char *line, struct buffer *list)
{
	size_t own = strcspn(line, ":\n"), end = strcspn(line, "\n");

	while (end > own) {
		size_t begin = end;

		while (begin > own && line[begin - 1] != ' ' && line[begin - 1] != ':')
			begin--;
		if (begin < end) {
			int r = list_append(t, line + begin, end - begin, list);

			if (r < 0)
				return r;
		}
		end = begin > own ? begin - 1 : own;
	}
	return list_append(t, line, own, list);
}

int module_add(const struct module_tree *t, const char *name, struct buffer *list,
	       struct ukd_error *e)
{
	const char *line = find_line(&t->dep, name);
	int r;

	if (!line)
		return find_line(&t->builtin, name) ? 1 : 0;
	r = append_line(t, line, list);
	if (r < 0)
		return ukd_fail_errno(e, r, "module '%s'", name);
	return 1;
}
