// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Resolves targets: see target.h. /proc and /sys are the running kernel's, trusted; names of
 * mount points are foreign text.
 */
#include "build/target.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "util/cleanup.h"

#define FLEET_LABEL "LABEL=ukdump"
#define BY_UUID	    "/dev/disk/by-uuid"

/* One line of /proc/self/mountinfo, split in place (proc(5)). */
struct mount {
	char *device;  /* major:minor */
	char *fs_root; /* which directory of the file system is mounted */
	char *point;
	char *fs;
	char *source;
};

/* Mount points have blanks and backslashes as \040 and the like. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] && s[3]) {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = 0;
}

static bool parse_mount(char *line, struct mount *m)
{
	char *save = NULL, *field[32];
	unsigned int n = 0, dash = 0;

	for (char *f = strtok_r(line, " ", &save); f && n < ARRAY_SIZE(field);
	     f = strtok_r(NULL, " ", &save)) {
		if (!strcmp(f, "-"))
			dash = n;
		field[n++] = f;
	}
	if (dash < 6 || n < dash + 3)
		return false;
	*m = (struct mount){field[2], field[3], field[4], field[dash + 1], field[dash + 2]};
	unescape(m->fs_root);
	unescape(m->point);
	unescape(m->source);
	return true;
}

/* True if path lies on or below the directory dir. */
static bool is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	if (n == 1)
		return true;
	return !strncmp(path, dir, n) && (!path[n] || path[n] == '/');
}

/* The mount that path lies on: the last one with the longest mount point. text is taken apart. */
static bool find_mount(char *text, const char *path, struct mount *ret)
{
	char *save = NULL;
	size_t best = 0;
	struct mount m;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (!parse_mount(line, &m) || !is_below(path, m.point) || strlen(m.point) < best)
			continue;
		best = strlen(m.point);
		*ret = m;
	}
	return best > 0;
}

/* The name below /dev/disk/by-uuid that leads to the block device. */
static int find_uuid(const struct root *root, dev_t device, char *ret, size_t size,
		     struct ukd_error *e)
{
	_close_ int fd = root_openat(root, BY_UUID, O_RDONLY | O_DIRECTORY);
	_closedir_ DIR *dir = NULL;
	struct dirent *d;
	struct stat st;

	if (fd < 0)
		return ukd_fail_errno(e, fd, BY_UUID);
	dir = fdopendir(fd);
	if (!dir)
		return ukd_fail_errno(e, -errno, BY_UUID);
	(void)take_fd(&fd);
	while ((d = readdir(dir))) {
		if (fstatat(dirfd(dir), d->d_name, &st, 0) == 0 && S_ISBLK(st.st_mode) &&
		    st.st_rdev == device) {
			(void)snprintf(ret, size, "%s", d->d_name);
			return 0;
		}
	}
	return ukd_fail(e, -ENOENT, "no UUID for device %u:%u below " BY_UUID, major(device),
			minor(device));
}

/*
 * The number that the mount table shows; the source may be no path (/dev/root, where there was no
 * initrd). btrfs shows anonymous numbers, of major 0: there the source is the device.
 */
static int mount_device(const struct root *root, const struct mount *m, dev_t *ret,
			struct ukd_error *e)
{
	_close_ int fd = -1;
	unsigned int maj, min;
	struct stat st;

	if (sscanf(m->device, "%u:%u", &maj, &min) == 2 && maj) {
		*ret = makedev(maj, min);
		return 0;
	}
	fd = m->source[0] == '/' ? root_openat(root, m->source, O_PATH) : -1;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISBLK(st.st_mode))
		return ukd_refuse(e, "target", "%s is a %s on '%s', not on a disk", m->point, m->fs,
				  m->source);
	*ret = st.st_rdev;
	return 0;
}

static int resolve_path(const struct root *root, const char *path, struct place *ret,
			struct ukd_error *e)
{
	_buffer_ struct buffer table = {0};
	char uuid[256];
	struct mount m = {0};
	const char *rest;
	dev_t device;
	int n, r = root_read(root, "/proc/self/mountinfo", MIB(4), &table, e);

	if (r < 0)
		return r;
	if (!find_mount((char *)table.data, path, &m))
		return ukd_refuse(e, "target", "%s: no mount point found", path);
	r = mount_device(root, &m, &device, e);
	if (r >= 0)
		r = find_uuid(root, device, uuid, sizeof(uuid), e);
	if (r < 0)
		return r;
	rest = path + (strlen(m.point) > 1 ? strlen(m.point) : 0);
	n = snprintf(ret->where, sizeof(ret->where), "UUID=%s:%s%s", uuid,
		     strlen(m.fs_root) > 1 ? m.fs_root : "", *rest ? rest : "/");
	if (n < 0 || (size_t)n >= sizeof(ret->where))
		return ukd_refuse(e, "target", "%s: path is too long", path);
	(void)snprintf(ret->fs, sizeof(ret->fs), "%s", m.fs);
	(void)snprintf(ret->device, sizeof(ret->device), "%u:%u", major(device), minor(device));
	return 0;
}

int place_resolve(const struct root *root, const char *target, struct place *ret,
		  struct ukd_error *e)
{
	struct place p = {0};
	int r = 0;

	if (strncmp(target, "file:", 5) != 0)
		(void)snprintf(p.where, sizeof(p.where), "%s", target);
	else if (target[5] != '/')
		return ukd_refuse(e, "target", "'%s': need an absolute path", target);
	else if (root->path[0] && !root_exists(root, "/proc/self/mountinfo"))
		(void)snprintf(p.where, sizeof(p.where), FLEET_LABEL ":/");
	else
		r = resolve_path(root, target + 5, &p, e);
	if (r < 0)
		return ukd_prefix(e, "Target=%s", target);
	*ret = p;
	return 0;
}

/* The module of the driver that is bound to the device directory, if there is one. */
static int add_driver(const struct root *root, const char *dir,
		      int (*add)(void *, const char *, struct ukd_error *), void *ctx,
		      struct ukd_error *e)
{
	char link[4200], to[4096];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "%s/driver/module", dir + (dir[0] == '/'));
	n = readlinkat(root->fd, link, to, sizeof(to) - 1);
	if (n < 0)
		return 0;
	to[n] = 0;
	return add(ctx, strrchr(to, '/') ? strrchr(to, '/') + 1 : to, e);
}

int place_drivers(const struct root *root, const struct place *p,
		  int (*add)(void *ctx, const char *module, struct ukd_error *e), void *ctx,
		  struct ukd_error *e)
{
	char link[64], dir[4096] = "/sys/dev/block/";
	ssize_t n;

	if (!p->device[0])
		return 0;
	(void)snprintf(link, sizeof(link), "sys/dev/block/%s", p->device);
	n = readlinkat(root->fd, link, dir + strlen(dir), sizeof(dir) - strlen(dir) - 1);
	if (n < 0)
		return ukd_fail_errno(e, -errno, "/%s", link);
	dir[strlen("/sys/dev/block/") + (size_t)n] = 0;
	/* From the bus down: every directory on the way to the disk may have a driver. */
	for (char *slash = strchr(dir + strlen("/sys/dev/block/../../devices"), '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		int r;

		*slash = 0;
		r = add_driver(root, dir, add, ctx, e);
		*slash = '/';
		if (r < 0)
			return r;
	}
	return 0;
}
