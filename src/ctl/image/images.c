// SPDX-License-Identifier: GPL-2.0-or-later
/* See images.h. Whether an image is any good is judged when it is loaded. */
#include "ctl/image/images.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/cleanup.h"

#define IMAGES_MAX 1024
#define HEX_DIGITS "0123456789abcdef"

void images_free(struct images *l)
{
	free(l->v);
	*l = (struct images){0};
}

/* "<release>-<12 hex digits>.efi", as build names them. */
static bool split_name(const char *name, char kver[KVER_MAX])
{
	size_t n = strlen(name), end = strlen("-0123456789ab" IMAGE_EXT);
	const char *dash = n > end ? name + n - end : NULL;

	if (!dash || *dash != '-' || strspn(dash + 1, HEX_DIGITS) != 12 ||
	    strcmp(dash + 13, IMAGE_EXT) != 0 || n - end >= KVER_MAX)
		return false;
	(void)snprintf(kver, KVER_MAX, "%.*s", (int)(n - end), name);
	return true;
}

/* .uname of a fleet image, whose name may be any. */
static void read_kver(int fd, const struct uki *u, char kver[KVER_MAX])
{
	const struct pe_section *s = pe_find(&u->pe, UKI_UNAME);
	size_t n = s ? pe_section_len(s) : 0;

	kver[0] = 0;
	if (!n || n >= KVER_MAX || fd_pread_full(fd, kver, n, s->raw) < 0)
		n = 0;
	kver[n] = 0;
}

static bool has_record(int dirfd, const char *name)
{
	char path[300];

	return record_path(name, path, sizeof(path)) && faccessat(dirfd, path, F_OK, 0) == 0;
}

bool image_waits(const struct root *root, const char *path)
{
	_close_ int fd = root_openat(root, path, O_RDONLY | O_NONBLOCK);
	_uki_ struct uki u = {0};
	struct ukd_error ignored;
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       uki_open(fd, path, (uint64_t)st.st_size, &u, &ignored) == 0 && !u.certs.n;
}

static bool read_image(int dirfd, const char *dir, const char *name, struct image *ret)
{
	struct image i = {.fleet = !strcmp(dir, FLEET_DIR)};
	const char *ext = strrchr(name, '.');
	_uki_ struct uki u = {0};
	struct ukd_error ignored;
	_close_ int fd = -1;
	struct stat st;
	uint64_t size;

	if (i.fleet ? !ext || strcmp(ext, IMAGE_EXT) != 0 : !split_name(name, i.kver))
		return false;
	if ((size_t)snprintf(i.path, sizeof(i.path), "%s/%s", dir, name) >= sizeof(i.path) ||
	    file_open_regular(dirfd, name, &fd, &size, &ignored) < 0 || fstat(fd, &st) < 0 ||
	    uki_open(fd, name, size, &u, &ignored) < 0)
		return false;
	i.time = st.st_mtim;
	i.inode = st.st_ino;
	i.device = st.st_dev;
	i.sealed = u.kind == UKI_SEALED;
	i.waits = !u.certs.n;
	i.recorded = !i.fleet && has_record(dirfd, name);
	if (i.fleet)
		read_kver(fd, &u, i.kver);
	*ret = i;
	return true;
}

static int newest_first(const void *a, const void *b)
{
	const struct timespec *x = &((const struct image *)a)->time;
	const struct timespec *y = &((const struct image *)b)->time;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? 1 : -1;
	return x->tv_nsec < y->tv_nsec ? 1 : x->tv_nsec > y->tv_nsec ? -1 : 0;
}

static int read_directory(const struct root *root, const char *path, struct images *l,
			  struct ukd_error *e)
{
	_closedir_ DIR *dir = root_opendir(root, path);
	struct dirent *d;

	if (!dir)
		return errno == ENOENT ? 0 : ukd_fail_errno(e, -errno, "%s%s", root->path, path);
	while (l->n < IMAGES_MAX && (d = readdir(dir))) {
		struct image *v = reallocarray(l->v, l->n + 1, sizeof(*v));

		if (!v)
			return ukd_oom(e);
		l->v = v;
		l->n += read_image(dirfd(dir), path, d->d_name, &v[l->n]);
	}
	return 0;
}

int images_read(const struct root *root, struct images *ret, struct ukd_error *e)
{
	_images_ struct images l = {0};
	int r = read_directory(root, IMAGE_DIR, &l, e);

	if (r >= 0)
		r = read_directory(root, FLEET_DIR, &l, e);
	if (r < 0)
		return r;
	if (l.n)
		qsort(l.v, l.n, sizeof(*l.v), newest_first);
	*ret = l;
	l = (struct images){0};
	return 0;
}

const struct image *images_newest(const struct images *l, const char *kver)
{
	for (unsigned int i = 0; i < l->n; i++)
		if (!l->v[i].fleet && !strcmp(l->v[i].kver, kver))
			return &l->v[i];
	return NULL;
}

const struct image *images_choose(const struct images *l, const char *kver)
{
	const struct image *own = NULL, *sealed = NULL;

	for (unsigned int i = 0; i < l->n; i++) {
		const struct image *image = &l->v[i];
		bool fits = !strcmp(image->kver, kver);

		if (image->waits)
			continue;
		if (image->fleet && fits)
			return image;
		if (image->fleet && image->sealed && !sealed)
			sealed = image;
		if (!image->fleet && fits && !own)
			own = image;
	}
	return sealed ? sealed : own;
}
