// SPDX-License-Identifier: GPL-2.0-or-later
/* See scratch.h. */
#include "util/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/self.h"

#define PARENT "/var/tmp"

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void scratch_remove(struct scratch *s)
{
	if (s->path[0])
		(void)nftw(s->path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	s->path[0] = 0;
}

int scratch_make(const struct root *root, const char *prefix, struct scratch *ret,
		 struct ukd_error *e)
{
	char template[sizeof(ret->path)];

	(void)snprintf(template, sizeof(template), "%s" PARENT "/%s%d.XXXXXX", root->path, prefix,
		       (int)getpid());
	if (!mkdtemp(template))
		return ukd_fail_errno(e, -errno, "%s", template);
	memcpy(ret->path, template, sizeof(template));
	return 0;
}

const char *scratch_inside(const struct root *root, const struct scratch *s)
{
	return s->path + strlen(root->path);
}

/* Anyone may put things into PARENT: only what mkdtemp(3) made for us is ours to remove. */
static bool is_our_leftover(int dirfd, const char *name, const char *prefix)
{
	struct stat st;

	return !strncmp(name, prefix, strlen(prefix)) &&
	       fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) &&
	       st.st_uid == geteuid() && !(st.st_mode & 077) &&
	       !process_is_like_us(atoi(name + strlen(prefix)));
}

int scratch_remove_leftovers(const struct root *root, const char *prefix, struct ukd_error *e)
{
	char parent[3900];
	struct scratch s;
	struct dirent *d;

	(void)snprintf(parent, sizeof(parent), "%s" PARENT, root->path);
	_closedir_ DIR *dir = opendir(parent);
	if (!dir)
		return errno == ENOENT ? 0 : ukd_fail_errno(e, -errno, "%s", parent);
	while ((d = readdir(dir))) {
		if (!is_our_leftover(dirfd(dir), d->d_name, prefix))
			continue;
		(void)snprintf(s.path, sizeof(s.path), "%s/%s", parent, d->d_name);
		scratch_remove(&s);
	}
	return 0;
}
