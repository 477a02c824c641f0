// SPDX-License-Identifier: GPL-2.0-or-later
/* Kernel parameters while armed: see sysctl.h. The settings are the administrator's, trusted. */
#include "loader/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"

#define NAME_MAX_LEN 256
#define RECORD_MAX   KIB(16)

/* One remembered parameter; the strings lie in the record's text. */
struct kept {
	const char *path, *old, *set;
};

struct record {
	struct buffer text;
	struct kept *v;
	unsigned int n;
};

static void record_free(struct record *r)
{
	buffer_free(&r->text);
	free(r->v);
}

/* "kernel.panic=10": its file below /proc/sys in path, its value returned; NULL if malformed. */
static const char *parse_setting(const char *setting, char path[NAME_MAX_LEN])
{
	const char *equals = strchr(setting, '=');
	int n;

	if (!equals || equals == setting)
		return NULL;
	n = snprintf(path, NAME_MAX_LEN, "/proc/sys/%.*s", (int)(equals - setting), setting);
	if (n < 0 || n >= NAME_MAX_LEN)
		return NULL;
	for (char *c = path + strlen("/proc/sys/"); *c; c++)
		if (*c == '.')
			*c = '/';
	return equals + 1;
}

/* The first line, its tabs as blanks, which the kernel takes as well between numbers. */
static int read_value(const struct root *root, const char *path, struct buffer *ret,
		      struct ukd_error *e)
{
	int r = root_read(root, path, KIB(4), ret, e);

	if (r < 0)
		return r;
	char *text = (char *)ret->data;
	text[strcspn(text, "\n")] = 0;
	for (char *c = text; *c; c++)
		if (*c == '\t')
			*c = ' ';
	return 0;
}

int sysctl_write(const struct root *root, const char *path, const char *value, struct ukd_error *e)
{
	_close_ int fd = root_openat(root, path, O_WRONLY | O_TRUNC);
	int r = fd < 0 ? fd : fd_write_full(fd, value, strlen(value));

	return r < 0 ? ukd_fail_errno(e, r, "cannot write '%s' to %s", value, path) : 0;
}

static int record_read(const struct root *root, struct record *ret, struct ukd_error *e)
{
	_cleanup_(record_free) struct record rec = {0};
	int r = root_read(root, SYSCTL_FILE, RECORD_MAX, &rec.text, e);
	char *rest, *line;

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	rec.v = calloc(rec.text.len + 1, sizeof(*rec.v));
	if (!rec.v)
		return ukd_oom(e);
	rest = (char *)rec.text.data;
	while ((line = strsep(&rest, "\n"))) {
		struct kept k = {.path = strsep(&line, "\t"), .old = strsep(&line, "\t")};

		k.set = line;
		if (k.set)
			rec.v[rec.n++] = k;
	}
	*ret = rec;
	rec = (struct record){0};
	return 0;
}

static const struct kept *record_find(const struct record *rec, const char *path)
{
	for (unsigned int i = 0; i < rec->n; i++)
		if (!strcmp(rec->v[i].path, path))
			return &rec->v[i];
	return NULL;
}

static int put_back(const struct root *root, const struct kept *k, struct ukd_error *e)
{
	_buffer_ struct buffer now = {0};
	int r = read_value(root, k->path, &now, e);

	if (r < 0 || strcmp((char *)now.data, k->set) != 0)
		return r;
	return sysctl_write(root, k->path, k->old, e);
}

/* Sets one and adds its line to out. What we have set ourselves before is not what was before. */
static int set_one(const struct root *root, const char *setting, const struct record *before,
		   FILE *out, struct ukd_error *e)
{
	_buffer_ struct buffer old = {0}, set = {0};
	char path[NAME_MAX_LEN];
	const char *value = parse_setting(setting, path);
	const struct kept *k = value ? record_find(before, path) : NULL;
	int r = value ? read_value(root, path, &old, e) : 0;

	if (!value || r < 0)
		return r;
	r = sysctl_write(root, path, value, e);
	if (r >= 0)
		r = read_value(root, path, &set, e);
	if (r < 0)
		return r;
	(void)fprintf(out, "%s\t%s\t%s\n", path,
		      k && !strcmp((char *)old.data, k->set) ? k->old : (char *)old.data,
		      (char *)set.data);
	return 0;
}

static bool is_wanted(const struct strings *wanted, const char *path)
{
	char other[NAME_MAX_LEN];

	for (unsigned int i = 0; i < wanted->n; i++)
		if (parse_setting(wanted->v[i], other) && !strcmp(other, path))
			return true;
	return false;
}

static int record_write(const struct root *root, const char *text, size_t len, struct ukd_error *e)
{
	int r = make_directories(root->fd, "run/ukdump", 0755, e);

	return r < 0 ? r :
		       file_replace(root->fd, &SYSCTL_FILE[1], 0644,
				    (struct bytes){(const uint8_t *)text, len}, e);
}

/* Of several steps that are all made: keeps the first failure. */
static int first_of(int ret, int r, const struct ukd_error *failed, struct ukd_error *e)
{
	if (r >= 0 || ret < 0)
		return ret;
	*e = *failed;
	return r;
}

int sysctl_apply(const struct root *root, const struct strings *wanted, struct ukd_error *e)
{
	_cleanup_(record_free) struct record before = {0};
	_free_ char *text = NULL;
	struct ukd_error failed;
	size_t len = 0;
	FILE *out;
	int ret = record_read(root, &before, e);

	if (ret < 0)
		return ret;
	out = open_memstream(&text, &len);
	if (!out)
		return ukd_oom(e);
	for (unsigned int i = 0; i < wanted->n; i++)
		ret = first_of(ret, set_one(root, wanted->v[i], &before, out, &failed), &failed, e);
	for (unsigned int i = 0; i < before.n; i++)
		if (!is_wanted(wanted, before.v[i].path))
			ret = first_of(ret, put_back(root, &before.v[i], &failed), &failed, e);
	if (fclose(out) != 0)
		return ukd_oom(e);
	return first_of(ret, record_write(root, text, len, &failed), &failed, e);
}

int sysctl_restore(const struct root *root, struct ukd_error *e)
{
	_cleanup_(record_free) struct record before = {0};
	struct ukd_error failed;
	int ret = record_read(root, &before, e);

	for (unsigned int i = 0; i < before.n; i++)
		ret = first_of(ret, put_back(root, &before.v[i], &failed), &failed, e);
	if (unlinkat(root->fd, &SYSCTL_FILE[1], 0) < 0 && errno != ENOENT && ret >= 0)
		ret = ukd_fail_errno(e, -errno, SYSCTL_FILE);
	return ret;
}
