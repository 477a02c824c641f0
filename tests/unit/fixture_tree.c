// SPDX-License-Identifier: GPL-2.0-or-later
/* Directories for tests: see fixture_tree.h. */
#include "fixture_tree.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	abort();
}

void tree_make(struct tree *t)
{
	struct ukd_error e;

	(void)snprintf(t->dir, sizeof(t->dir), "/tmp/ukdump-test.XXXXXX");
	must(mkdtemp(t->dir) != NULL, "mkdtemp");
	must(root_open(t->dir, &t->root, &e) == 0, t->dir);
}

static int remove_one(const char *path, const struct stat *st _unused_, int type _unused_,
		      struct FTW *ftw _unused_)
{
	return remove(path);
}

void tree_remove(struct tree *t)
{
	root_close(&t->root);
	(void)nftw(t->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *tree_path(const struct tree *t, const char *path)
{
	static char full[4][4096];
	static unsigned int turn;
	char *ret = full[turn++ % 4];

	(void)snprintf(ret, sizeof(full[0]), "%s%s", t->dir, path);
	return ret;
}

static const char *make_way(const struct tree *t, const char *path)
{
	const char *full = tree_path(t, path);
	struct ukd_error e;
	char dir[4096];

	(void)snprintf(dir, sizeof(dir), "%s", full);
	*strrchr(dir, '/') = 0;
	must(make_directories(AT_FDCWD, dir, 0755, &e) == 0, dir);
	return full;
}

void tree_write_bytes(const struct tree *t, const char *path, struct bytes data)
{
	const char *full = make_way(t, path);
	_close_ int fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	must(fd >= 0 && fd_write_full(fd, data.p, data.len) == 0, full);
}

void tree_write(const struct tree *t, const char *path, const char *text)
{
	tree_write_bytes(t, path, (struct bytes){(const uint8_t *)text, strlen(text)});
}

void tree_link(const struct tree *t, const char *path, const char *to)
{
	const char *full = make_way(t, path);

	must(symlink(to, full) == 0, full);
}

char *tree_text(const struct tree *t, const char *path)
{
	struct buffer b = {0};
	struct ukd_error e;

	must(file_read(AT_FDCWD, tree_path(t, path), MIB(64), &b, &e) == 0, path);
	return (char *)b.data;
}

bool tree_has(const struct tree *t, const char *path)
{
	struct stat st;

	return lstat(tree_path(t, path), &st) == 0;
}

unsigned int tree_count(const struct tree *t, const char *path)
{
	_closedir_ DIR *dir = opendir(tree_path(t, path));
	unsigned int n = 0;
	struct dirent *d;

	must(dir != NULL, path);
	while ((d = readdir(dir)))
		n += strcmp(d->d_name, ".") && strcmp(d->d_name, "..");
	return n;
}
