// SPDX-License-Identifier: GPL-2.0-or-later
/* The record of an image's inputs: see inputs.h. It is root's own file; a damaged one is refused. */
#include "build/inputs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/cleanup.h"
#include "util/parse.h"

#define NOTHING "-"
#define NO_STAT "- -"
#define CHUNK	KIB(64)

void inputs_free(struct inputs *l)
{
	for (unsigned int i = 0; i < l->n; i++)
		free(l->v[i].name);
	free(l->v);
	*l = (struct inputs){0};
}

/* Takes in over. */
static int add(struct inputs *l, struct input *in, struct ukd_error *e)
{
	struct input *v = in->name ? reallocarray(l->v, l->n + 1, sizeof(*v)) : NULL;

	if (!v) {
		free(in->name);
		return ukd_oom(e);
	}
	l->v = v;
	v[l->n++] = *in;
	return 0;
}

static void finish_digest(SHA2_CTX *ctx, char ret[65])
{
	uint8_t digest[SHA256_DIGEST_LENGTH];

	SHA256Final(digest, ctx);
	format_hex((struct bytes){digest, sizeof(digest)}, ret);
}

int inputs_add_text(struct inputs *l, const char *name, struct bytes text, struct ukd_error *e)
{
	struct input in = {.name = strdup(name), .stat = NO_STAT};
	SHA2_CTX ctx;

	SHA256Init(&ctx);
	SHA256Update(&ctx, text.p, text.len);
	finish_digest(&ctx, in.digest);
	return add(l, &in, e);
}

static int hash_file(const struct root *root, const char *path, char ret[65], struct ukd_error *e)
{
	_close_ int fd = root_openat(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	_free_ uint8_t *chunk = malloc(CHUNK);
	SHA2_CTX ctx;
	ssize_t n = 0;

	if (fd < 0)
		return ukd_fail_errno(e, fd, "%s%s", root->path, path);
	if (!chunk)
		return ukd_oom(e);
	SHA256Init(&ctx);
	while ((n = read(fd, chunk, CHUNK)) > 0 || (n < 0 && errno == EINTR))
		SHA256Update(&ctx, chunk, n > 0 ? (size_t)n : 0);
	if (n < 0)
		return ukd_fail_errno(e, -errno, "%s%s", root->path, path);
	finish_digest(&ctx, ret);
	return 0;
}

/* False: there is no such file. */
static bool stat_file(const struct root *root, const char *path, struct stat *ret)
{
	_close_ int fd = root_openat(root, path, O_PATH);

	return fd >= 0 && fstat(fd, ret) == 0 && S_ISREG(ret->st_mode);
}

static void format_stat(const struct stat *st, char ret[48])
{
	(void)snprintf(ret, 48, "%" PRIu64 " %" PRId64, (uint64_t)st->st_size,
		       (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec);
}

static bool is_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

static int add_file(struct inputs *l, const struct root *root, const char *path,
		    const struct timespec *begin, struct ukd_error *e)
{
	struct input in = {.digest = NOTHING, .stat = NO_STAT};
	struct stat st;
	int r;

	if (strpbrk(path, "\r\n"))
		return 0; /* no line of a record, and no package has such files */
	if (stat_file(root, path, &st)) {
		format_stat(&st, in.stat);
		if (!is_before(&st.st_ctim, begin)) {
			strcpy(in.stat, "0 0");
		} else if (st.st_mode & S_IROTH) {
			r = hash_file(root, path, in.digest, e);
			if (r < 0)
				return r;
		}
	}
	in.name = strdup(path);
	return add(l, &in, e);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int inputs_add_files(struct inputs *l, const struct root *root, struct strings *paths,
		     const struct timespec *begin, struct ukd_error *e)
{
	int r = 0;

	if (paths->n)
		qsort(paths->v, paths->n, sizeof(*paths->v), by_name);
	for (unsigned int i = 0; r >= 0 && i < paths->n; i++)
		if (!i || strcmp(paths->v[i], paths->v[i - 1]) != 0)
			r = add_file(l, root, paths->v[i], begin, e);
	return r;
}

int inputs_format(const struct inputs *l, struct buffer *ret, struct ukd_error *e)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return ukd_oom(e);
	for (unsigned int i = 0; i < l->n; i++)
		(void)fprintf(out, "%s %s %s\n", l->v[i].digest, l->v[i].stat, l->v[i].name);
	if (fclose(out) != 0) {
		free(text);
		return ukd_oom(e);
	}
	*ret = (struct buffer){(uint8_t *)text, len};
	return 0;
}

/* "DIGEST SIZE MTIME NAME"; changes line. */
static bool parse_line(char *line, struct input *ret)
{
	const char *digest = strsep(&line, " "), *size = strsep(&line, " "),
		   *time = strsep(&line, " ");
	uint8_t bytes[SHA256_DIGEST_LENGTH];

	if (!line || !*line || strlen(size) + strlen(time) + 2 > sizeof(ret->stat) ||
	    (strcmp(digest, NOTHING) != 0 && !parse_hex(digest, bytes, sizeof(bytes))))
		return false;
	strcpy(ret->digest, digest);
	(void)snprintf(ret->stat, sizeof(ret->stat), "%s %s", size, time);
	ret->name = strdup(line);
	return true;
}

int inputs_parse(struct bytes text, struct inputs *ret, struct ukd_error *e)
{
	_free_ char *copy = strndup((const char *)text.p, text.len);
	_inputs_ struct inputs l = {0};
	char *rest = copy, *line;

	if (!copy)
		return ukd_oom(e);
	if (!text.len || strlen(copy) != text.len || copy[text.len - 1] != '\n')
		return ukd_refuse(e, "inputs.syntax", "the record is cut off");
	copy[text.len - 1] = 0;
	while ((line = strsep(&rest, "\n"))) {
		struct input in = {0};
		int r;

		if (!parse_line(line, &in))
			return ukd_refuse(e, "inputs.syntax", "line %u of the record", l.n + 1);
		r = add(&l, &in, e);
		if (r < 0)
			return r;
	}
	*ret = l;
	l = (struct inputs){0};
	return 0;
}

static bool file_changed(const struct input *in, const struct root *root)
{
	char now[65], now_stat[48] = NO_STAT;
	struct ukd_error ignored;
	struct stat st;
	bool there = stat_file(root, in->name, &st);

	if (there)
		format_stat(&st, now_stat);
	if (!strcmp(now_stat, in->stat))
		return false;
	return !there || !strcmp(in->digest, NOTHING) ||
	       hash_file(root, in->name, now, &ignored) < 0 || strcmp(now, in->digest) != 0;
}

static bool text_changed(const struct input *in, const struct inputs *now)
{
	for (unsigned int i = 0; i < now->n; i++)
		if (!strcmp(now->v[i].name, in->name))
			return strcmp(now->v[i].digest, in->digest) != 0;
	return false;
}

int inputs_changed(const struct inputs *recorded, const struct root *root, const struct inputs *now,
		   struct strings *ret, struct ukd_error *e)
{
	for (unsigned int i = 0; i < recorded->n; i++) {
		const struct input *in = &recorded->v[i];

		if ((in->name[0] == '/' ? file_changed(in, root) : text_changed(in, now)) &&
		    strings_add(ret, in->name) < 0)
			return ukd_oom(e);
	}
	return 0;
}
