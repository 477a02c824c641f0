// SPDX-License-Identifier: GPL-2.0-or-later
/* See leftovers.h. */
#include "ctl/image/leftovers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "build/initrd.h"
#include "ctl/image/publish.h"
#include "util/cleanup.h"
#include "util/self.h"

/* Images are published under the lock, behind their records. */
static bool is_orphan(int dirfd, const char *name)
{
	size_t n = strlen(name), ext = strlen(INPUTS_EXT);
	char image[300];

	if (n <= ext || strcmp(name + n - ext, INPUTS_EXT) != 0)
		return false;
	(void)snprintf(image, sizeof(image), "%.*s" IMAGE_EXT, (int)(n - ext), name);
	return faccessat(dirfd, image, F_OK, 0) < 0 && errno == ENOENT;
}

static bool is_leftover(int dirfd, const char *name)
{
	pid_t owner;

	return is_orphan(dirfd, name) ||
	       (file_is_temporary(name, &owner) && !process_is_like_us(owner));
}

static int clean(const struct root *root, const char *path, struct ukd_error *e)
{
	_closedir_ DIR *dir = root_opendir(root, path);
	struct dirent *d;

	if (!dir)
		return errno == ENOENT ? 0 : ukd_fail_errno(e, -errno, "%s%s", root->path, path);
	while ((d = readdir(dir)))
		if (is_leftover(dirfd(dir), d->d_name) && unlinkat(dirfd(dir), d->d_name, 0) < 0)
			return ukd_fail_errno(e, -errno, "%s%s/%s", root->path, path, d->d_name);
	return 0;
}

int leftovers_remove(const struct root *root, struct ukd_error *e)
{
	int r = clean(root, IMAGE_DIR, e);

	if (r >= 0)
		r = clean(root, "/var/lib/ukdump", e);
	return r < 0 ? r : initrd_remove_leftovers(root, e);
}
