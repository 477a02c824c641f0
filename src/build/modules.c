// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Module dependencies: see modules.h. The indexes are depmod's; a line that is not as
 * depmod writes it is skipped. Loops among soft dependencies end at a depth limit.
 */
#include "build/modules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

#define NAME_LEN  128
#define DEPTH_MAX 8 /* of soft dependencies and aliases; hard ones are listed flat */

struct module_tree {
	char dir[256];	       /* /usr/lib/modules/KVER */
	struct buffer dep;     /* "kernel/a/b.ko.xz: kernel/c.ko.xz ...", one module per line */
	struct buffer builtin; /* "kernel/a/b.ko", one per line */
	struct buffer softdep; /* "softdep NAME pre: NAME...", may be empty */
	struct buffer alias;   /* "alias ALIAS NAME", may be empty */
};

void module_tree_free(struct module_tree *t)
{
	if (!t)
		return;
	buffer_free(&t->dep);
	buffer_free(&t->builtin);
	buffer_free(&t->softdep);
	buffer_free(&t->alias);
	free(t);
}

static int read_index(const struct root *root, struct module_tree *t, const char *name,
		      struct buffer *ret, struct ukd_error *e)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", t->dir, name);
	return root_read(root, path, MIB(16), ret, e);
}

static int read_optional_index(const struct root *root, struct module_tree *t, const char *name,
			       struct buffer *ret, struct ukd_error *e)
{
	int r = read_index(root, t, name, ret, e);

	return r == -ENOENT ? 0 : r;
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
	r = read_optional_index(root, t, "modules.builtin", &t->builtin, e);
	if (r >= 0)
		r = read_optional_index(root, t, "modules.softdep", &t->softdep, e);
	if (r >= 0)
		r = read_optional_index(root, t, "modules.alias", &t->alias, e);
	if (r < 0)
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

/*
 * On the host this comes from systemd's modprobe.d. Without it bonding makes a bond0 in its default
 * mode, and systemd-networkd leaves what is there as it is (systemd issue 7025).
 */
static const char *module_parameters(const char *name)
{
	return !strcmp(name, "bonding") ? " max_bonds=0" : "";
}

/* Adds one path, relative to the tree, as an absolute one. */
static int list_append(const struct module_tree *t, const char *path, size_t len, const char *name,
		       struct buffer *list)
{
	char line[1024];
	int n = snprintf(line, sizeof(line), "%s/%.*s%s", t->dir, (int)len, path,
			 module_parameters(name));
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

static int add_by_name(const struct module_tree *t, const char *name, unsigned int depth,
		       struct buffer *list);

/* "alias crypto-crc32c crc32c_intel": every module that goes by this name. */
static int add_by_alias(const struct module_tree *t, const char *alias, unsigned int depth,
			struct buffer *list)
{
	size_t n = strlen(alias);
	int found = 0;

	for (const char *line = (const char *)t->alias.data; line && *line;) {
		const char *rest = line + strlen("alias ");

		if (!strncmp(line, "alias ", 6) && !strncmp(rest, alias, n) && rest[n] == ' ') {
			char name[NAME_LEN];
			int r;

			(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(rest + n + 1, "\n"),
				       rest + n + 1);
			r = add_by_name(t, name, depth, list);
			if (r < 0)
				return r;
			found |= r;
		}
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return found;
}

/*
 * "softdep ext4 pre: crypto-crc32c": what modprobe loads before, and what the kernel would ask
 * modprobe for; the capture environment has none, so ext4 could not find its checksum.
 */
static int add_soft_dependencies(const struct module_tree *t, const char *module,
				 unsigned int depth, struct buffer *list)
{
	char text[NAME_LEN * 4], *save = NULL;
	size_t n = strlen(module);
	bool pre = false;

	for (const char *line = (const char *)t->softdep.data; line && *line;) {
		const char *rest = line + strlen("softdep ");

		if (!strncmp(line, "softdep ", 8) && !strncmp(rest, module, n) && rest[n] == ' ') {
			(void)snprintf(text, sizeof(text), "%.*s", (int)strcspn(rest + n, "\n"),
				       rest + n);
			for (char *word = strtok_r(text, " ", &save); word;
			     word = strtok_r(NULL, " ", &save)) {
				int r = 0;

				if (strchr(word, ':'))
					pre = !strcmp(word, "pre:");
				else if (pre)
					r = add_by_name(t, word, depth, list);
				if (r < 0)
					return r;
			}
		}
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return 0;
}

/* One module by its path: its soft dependencies, then itself. */
static int add_path(const struct module_tree *t, const char *path, size_t len, unsigned int depth,
		    struct buffer *list)
{
	const char *base = memrchr(path, '/', len);
	char name[NAME_LEN];
	int r;

	base = base ? base + 1 : path;
	(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(base, "."), base);
	for (char *c = name; *c; c++)
		if (*c == '-')
			*c = '_';
	r = depth < DEPTH_MAX ? add_soft_dependencies(t, name, depth + 1, list) : 0;
	return r < 0 ? r : list_append(t, path, len, name, list);
}

/*
 * modules.dep lists what a module needs directly and indirectly, so that loading from the last to
 * the first works (depmod(8)); the module itself comes after them.
 */
static int add_line(const struct module_tree *t, const char *line, unsigned int depth,
		    struct buffer *list)
{
	size_t own = strcspn(line, ":\n"), end = strcspn(line, "\n");

	while (end > own) {
		size_t begin = end;

		while (begin > own && line[begin - 1] != ' ' && line[begin - 1] != ':')
			begin--;
		if (begin < end) {
			int r = add_path(t, line + begin, end - begin, depth, list);

			if (r < 0)
				return r;
		}
		end = begin > own ? begin - 1 : own;
	}
	return add_path(t, line, own, depth, list);
}

static int add_by_name(const struct module_tree *t, const char *name, unsigned int depth,
		       struct buffer *list)
{
	const char *line = find_line(&t->dep, name);
	int r;

	if (line) {
		r = add_line(t, line, depth, list);
		return r < 0 ? r : 1;
	}
	if (find_line(&t->builtin, name))
		return 1;
	return depth < DEPTH_MAX ? add_by_alias(t, name, depth + 1, list) : 0;
}

int module_add(const struct module_tree *t, const char *name, struct buffer *list,
	       struct ukd_error *e)
{
	int r = add_by_name(t, name, 0, list);

	return r < 0 ? ukd_fail_errno(e, r, "module '%s'", name) : r;
}

static bool same_module(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((a[i] == '-' ? '_' : a[i]) != (b[i] == '-' ? '_' : b[i]))
			return false;
	return !b[n];
}

int module_aliases(const struct module_tree *t, const char *name,
		   int (*fn)(void *ctx, const char *alias, struct ukd_error *e), void *ctx,
		   struct ukd_error *e)
{
	const char *line = (const char *)t->alias.data;
	char alias[NAME_LEN * 2];

	for (; line && *line; line = strchrnul(line, '\n'), line += *line == '\n') {
		size_t end = strcspn(line, "\n"), blank;
		const char *space;
		int r;

		if (strncmp(line, "alias ", 6) != 0)
			continue;
		space = memrchr(line, ' ', end);
		blank = (size_t)(space - line);
		if (blank <= 6 || !same_module(space + 1, name, end - blank - 1))
			continue;
		(void)snprintf(alias, sizeof(alias), "%.*s", (int)(blank - 6), line + 6);
		r = fn(ctx, alias, e);
		if (r < 0)
			return r;
	}
	return 0;
}
