// SPDX-License-Identifier: GPL-2.0-or-later
/* What an image is made of: see sources.h. The root directory is the administrator's. */
#include "build/sources.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/file.h"

#define COMPARE_MAX MIB(4)

static int add(struct needs *n, const char *path, size_t len, struct ukd_error *e)
{
	_free_ char *copy = strndup(path, len);

	return !copy || strings_add(&n->sources, copy) < 0 ? ukd_oom(e) : 0;
}

/* The first word of each line of a list of modules or programs. */
static int add_first_words(struct needs *n, const char *lines, struct ukd_error *e)
{
	int r = 0;

	for (const char *line = lines; r >= 0 && line && *line;) {
		const char *end = strchr(line, '\n');

		r = add(n, line, strcspn(line, " \n"), e);
		line = end ? end + 1 : NULL;
	}
	return r;
}

static int add_drivers(struct needs *n, struct ukd_error *e)
{
	int r = add_first_words(n, (const char *)n->drivers.data, e);

	if (r >= 0)
		r = add_first_words(n, (const char *)n->disk_drivers.data, e);
	for (unsigned int i = 0; r >= 0 && i < n->n_lists; i++)
		r = add_first_words(n, (const char *)n->lists[i].drivers.data, e);
	return r;
}

/*
 * Calls fn with the path of every regular file below dir, without the leading prefix bytes. Returns
 * 0, -errno, or fn's negative result.
 */
static int walk(const char *dir, size_t prefix,
		int (*fn)(struct needs *n, const char *full, const char *path, struct ukd_error *e),
		struct needs *n, struct ukd_error *e)
{
	char *paths[] = {(char *)dir, NULL};
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *f;
	int r = 0;

	if (!fts)
		return ukd_fail_errno(e, -errno, "%s", dir);
	while (r >= 0 && (f = fts_read(fts))) {
		if (f->fts_info == FTS_ERR || f->fts_info == FTS_DNR || f->fts_info == FTS_NS)
			r = ukd_fail_errno(e, -f->fts_errno, "%s", f->fts_path);
		else if (f->fts_info == FTS_F)
			r = fn(n, f->fts_path, f->fts_path + prefix, e);
	}
	(void)fts_close(fts);
	return r;
}

static int add_path(struct needs *n, const char *full, const char *path, struct ukd_error *e)
{
	(void)full;
	return add(n, path, strlen(path), e);
}

/* dracut's own module directories are not told apart: an update changes them all together. */
static int add_dracut(struct needs *n, struct ukd_error *e)
{
	char dir[4200];

	(void)snprintf(dir, sizeof(dir), "%s/usr/lib/dracut", n->root->path);
	if (access(dir, F_OK) < 0)
		return 0;
	return walk(dir, strlen(n->root->path), add_path, n, e);
}

/* The one that runs now, and the one that the dracut module takes. */
static int add_own(struct needs *n, struct ukd_error *e)
{
	static const char *const captures[] = {"/usr/lib/ukdump/ukdump-capture",
					       "/usr/local/lib/ukdump/ukdump-capture",
					       "/usr/sbin/ukdump-capture",
					       "/usr/bin/ukdump-capture"};
	char self[4096];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self));
	int r = len > 0 && !n->root->path[0] ? add(n, self, (size_t)len, e) : 0;

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(captures); i++)
		if (root_exists(n->root, captures[i]))
			return add(n, captures[i], strlen(captures[i]), e);
	return r;
}

int needs_sources(struct needs *n, struct ukd_error *e)
{
	static const char id[] = "/etc/machine-id", dracut[] = "/usr/bin/dracut";
	int r = add_drivers(n, e);

	for (unsigned int i = 0; r >= 0 && i < n->programs.n; i++)
		r = add_first_words(n, n->programs.v[i], e);
	if (r >= 0)
		r = add_own(n, e);
	if (r >= 0)
		r = add(n, id, strlen(id), e);
	if (r >= 0)
		r = add(n, dracut, strlen(dracut), e);
	return r < 0 ? r : add_dracut(n, e);
}

static bool same_content(const struct root *root, const char *path, const char *other)
{
	_buffer_ struct buffer a = {0}, b = {0};
	struct ukd_error ignored;

	return root_read(root, path, COMPARE_MAX, &a, &ignored) >= 0 &&
	       file_read(AT_FDCWD, other, COMPARE_MAX, &b, &ignored) >= 0 &&
	       bytes_equal(buffer_bytes(&a), buffer_bytes(&b));
}

static int add_if_of_root(struct needs *n, const char *full, const char *path, struct ukd_error *e)
{
	bool made = !strncmp(path, "/etc/", 5) || !strncmp(path, "/var/", 5);

	/* Empty or not there while a machine boots, when a rebuild would only make things worse. */
	if (!strcmp(path, "/etc/resolv.conf"))
		return 0;
	if (!root_exists(n->root, path) || (made && !same_content(n->root, path, full)))
		return 0;
	return add(n, path, strlen(path), e);
}

int needs_sources_of_tree(struct needs *n, const char *tree, struct ukd_error *e)
{
	return walk(tree, strlen(tree), add_if_of_root, n, e);
}

/* Which images are made and who signs them is not what is in them. */
static bool is_of_image(const char *line)
{
	return strncmp(line, "Kernel=", 7) != 0 && strncmp(line, "Sign=", 5) != 0;
}

static int add_section(struct inputs *l, const struct settings *s, const char *section,
		       struct ukd_error *e)
{
	_free_ char *text = NULL;
	char name[64], *rest, *line, *to;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return ukd_oom(e);
	settings_print(s, section, out);
	if (fclose(out) != 0)
		return ukd_oom(e);
	rest = to = text;
	while ((line = strsep(&rest, "\n"))) {
		len = strlen(line);
		if (!is_of_image(line))
			continue;
		memmove(to, line, len);
		to[len] = '\n';
		to += len + 1;
	}
	(void)snprintf(name, sizeof(name), "settings [%s]", section);
	return inputs_add_text(l, name, (struct bytes){(uint8_t *)text, (size_t)(to - text)}, e);
}

static int add_text(struct inputs *l, const char *name, const char *text, struct ukd_error *e)
{
	return inputs_add_text(l, name, (struct bytes){(const uint8_t *)text, strlen(text)}, e);
}

static int add_target(struct inputs *l, const struct root *root, const char *target,
		      struct ukd_error *e)
{
	char name[PLACE_MAX + 16], text[PLACE_MAX + 64];
	struct ukd_error ignored;
	struct place place = {0};

	if (!place_is_disk(target) || place_resolve(root, target, false, &place, &ignored) < 0)
		return 0;
	(void)snprintf(name, sizeof(name), "target %.512s", target);
	(void)snprintf(text, sizeof(text), "%s %s", place.where, place.fs);
	return add_text(l, name, text, e);
}

int inputs_add_statements(struct inputs *l, const struct root *root, const struct settings *s,
			  const char *cmdline, struct ukd_error *e)
{
	/* [Arm] and [Reserve] never reach an image. */
	static const char *const sections[] = {"Image", "Dump", "Action", "Network", "Store"};
	/* That of a version is an input as a file, whichever version it is. */
	const char *kernel = s->image.kernel && s->image.kernel[0] == '/' ? s->image.kernel : "";
	int r = add_text(l, "command line", cmdline, e);

	if (r >= 0)
		r = add_text(l, "kernel file", kernel, e);

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(sections); i++)
		r = add_section(l, s, sections[i], e);
	for (unsigned int i = 0; r >= 0 && i < s->dump.target.n; i++)
		r = add_target(l, root, s->dump.target.v[i], e);
	return r;
}
