// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Resolves targets: see target.h. /proc and /sys are the running kernel's, trusted; names of
 * mount points are foreign text.
 */
#include "build/target.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "build/device.h"
#include "build/mounts.h"
#include "util/cleanup.h"

#define FLEET_LABEL "LABEL=ukdump"
#define BY_DISK	    "/dev/disk"
#define BY_UUID	    BY_DISK "/by-uuid"

const char *const place_file_systems[PLACE_FILE_SYSTEMS] = {"ext4", "xfs", "btrfs"};

/* One directory of links to block devices, such as /dev/disk/by-uuid. */
static int open_links(const struct root *root, const char *path, DIR **ret, struct ukd_error *e)
{
	*ret = root_opendir(root, path);
	return *ret ? 0 : ukd_fail_errno(e, -errno, "%s", path);
}

/* True, and the number, if the name in dir leads to a block device. */
static bool is_disk(int dirfd, const char *name, dev_t *ret)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, 0) < 0 || !S_ISBLK(st.st_mode))
		return false;
	*ret = st.st_rdev;
	return true;
}

/* The name below /dev/disk/by-uuid that leads to the block device. */
static int find_uuid(const struct root *root, dev_t device, char *ret, size_t size,
		     struct ukd_error *e)
{
	_closedir_ DIR *dir = NULL;
	struct dirent *d;
	dev_t found;
	int r = open_links(root, BY_UUID, &dir, e);

	if (r < 0)
		return r;
	while ((d = readdir(dir))) {
		if (is_disk(dirfd(dir), d->d_name, &found) && found == device) {
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

static int set_where(struct place *p, struct ukd_error *e, const char *fmt, ...) _printf_(3, 4);

static int set_where(struct place *p, struct ukd_error *e, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(p->where, sizeof(p->where), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(p->where))
		return ukd_refuse(e, "target", "path is too long");
	return 0;
}

static void set_device(struct place *p, dev_t device)
{
	(void)snprintf(p->device, sizeof(p->device), "%u:%u", major(device), minor(device));
}

/* Opens the part of the path that exists; *rest is what does not. */
static int open_existing(const struct root *root, const char *path, const char **rest,
			 struct ukd_error *e)
{
	char existing[PATH_MAX];

	for (size_t cut = strlen(path);;) {
		_close_ int link = -1;
		int fd;

		(void)snprintf(existing, sizeof(existing), "%.*s", (int)cut, path);
		*rest = path + cut;
		fd = root_openat(root, existing, O_PATH);
		if (fd >= 0)
			return fd;
		if (fd != -ENOENT || !cut)
			return ukd_fail_errno(e, fd, "%s", existing);
		link = root_openat(root, existing, O_PATH | O_NOFOLLOW);
		if (link >= 0)
			return ukd_refuse(e, "target", "%s is a symbolic link to nowhere",
					  existing);
		while (cut && path[--cut] != '/')
			;
	}
}

static int path_of(int fd, char ret[PATH_MAX], struct ukd_error *e)
{
	char link[64];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, ret, PATH_MAX - 1);
	if (n < 0)
		return ukd_fail_errno(e, -errno, "%s", link);
	ret[n == 1 ? 0 : n] = 0; /* "/" is "", so that "/x" can follow */
	return 0;
}

/*
 * The path without symbolic links, as seen inside the root. What does not exist yet stays as it is
 * written; a link that leads nowhere could later lead to another disk.
 */
static int canonical_path(const struct root *root, const char *path, char ret[PATH_MAX],
			  struct ukd_error *e)
{
	char real[PATH_MAX], top[PATH_MAX];
	const char *rest;
	_close_ int fd = open_existing(root, path, &rest, e);
	int n, r = fd < 0 ? fd : path_of(fd, real, e);

	if (r >= 0)
		r = path_of(root->fd, top, e);
	if (r < 0)
		return r;
	if (!path_is_below(real, top) && top[0])
		return ukd_refuse(e, "target", "%s leads out of %s", path, root->path);
	if (strstr(rest, "/.."))
		return ukd_refuse(e, "target", "%s: '..' in what does not exist yet", path);
	while (rest[0] == '/' && !rest[1])
		rest++;
	n = snprintf(ret, PATH_MAX, "%s%s", real + strlen(top), rest);
	if (n >= PATH_MAX)
		return ukd_refuse(e, "target", "path is too long");
	if (!n)
		strcpy(ret, "/");
	return 0;
}

static int resolve_path(const struct root *root, const char *path, char *mounts, struct place *ret,
			struct ukd_error *e)
{
	char uuid[256], real[PATH_MAX];
	struct mount m = {0};
	const char *rest;
	dev_t device;
	int r = canonical_path(root, path, real, e);

	if (r < 0)
		return r;
	if (!mount_find(mounts, real, &m))
		return ukd_refuse(e, "target", "%s: no mount point found", path);
	r = mount_device(root, &m, &device, e);
	if (r < 0)
		return r;
	set_device(ret, device);
	(void)snprintf(ret->fs, sizeof(ret->fs), "%s", m.fs);
	r = find_uuid(root, device, uuid, sizeof(uuid), e);
	if (r < 0)
		return r;
	rest = real + (strlen(m.point) > 1 ? strlen(m.point) : 0);
	return set_where(ret, e, "UUID=%s:%s%s", uuid, strlen(m.fs_root) > 1 ? m.fs_root : "",
			 *rest ? rest : "/");
}

/* udev writes everything but these as \xNN. */
static void encode_name(const char *name, char *ret, size_t size)
{
	static const char plain[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "#+-.:=@_";

	for (; *name && size > 5; name++) {
		bool keep = (unsigned char)*name >= 0x80 || strchr(plain, *name);
		int n = snprintf(ret, size, keep ? "%c" : "\\x%02x", (unsigned char)*name);

		ret += n;
		size -= (size_t)n;
	}
	*ret = 0;
}

/* The device of "UUID=..." and its like; udev's directory of such names is by. */
static int find_by_name(const struct root *root, const char *by, const char *name, dev_t *ret,
			struct ukd_error *e)
{
	char encoded[4 * PLACE_MAX + 8], path[64];
	bool exact = strstr(by, "label");
	_closedir_ DIR *dir = NULL;
	struct dirent *d;
	int r;

	encode_name(name, encoded, sizeof(encoded));
	(void)snprintf(path, sizeof(path), BY_DISK "/%s", by);
	r = open_links(root, path, &dir, e);
	while (r >= 0 && (d = readdir(dir)))
		if (!(exact ? strcmp : strcasecmp)(d->d_name, encoded) &&
		    is_disk(dirfd(dir), d->d_name, ret))
			return 0;
	return ukd_refuse(e, "target",
			  "there is no such disk here (%s); attach it, set another Target=, or "
			  "build for another machine with --root",
			  path);
}

static int find_node(const struct root *root, const char *name, dev_t *ret, struct ukd_error *e)
{
	_close_ int fd = root_openat(root, name, O_PATH);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISBLK(st.st_mode))
		return ukd_refuse(e, "target",
				  "%s is no disk here; attach it, or set another Target=", name);
	*ret = st.st_rdev;
	return 0;
}

/* The file system of a device that is mounted somewhere; unknown otherwise. */
static void set_file_system(const struct root *root, char *mounts, dev_t device, struct place *p)
{
	struct ukd_error ignored;
	char *save = NULL;
	struct mount m;
	dev_t d;

	for (char *line = strtok_r(mounts, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (mount_parse(line, &m) && mount_device(root, &m, &d, &ignored) >= 0 &&
		    d == device)
			(void)snprintf(p->fs, sizeof(p->fs), "%s", m.fs);
}

/* Names of disks may be others in the capture kernel, which has other drivers: UUID is better. */
static int resolve_node(const struct root *root, const char *name, const char *path, dev_t *device,
			struct place *ret, struct ukd_error *e)
{
	char uuid[256];
	struct ukd_error ignored;
	int r = find_node(root, name, device, e);

	if (r < 0)
		return r;
	if (find_uuid(root, *device, uuid, sizeof(uuid), &ignored) >= 0)
		return set_where(ret, e, "UUID=%s%s", uuid, path);
	return set_where(ret, e, "%s%s", name, path);
}

static int resolve_disk(const struct root *root, const char *target, char *mounts,
			struct place *ret, struct ukd_error *e)
{
	static const struct {
		const char *prefix, *by;
	} kinds[] = {{"UUID=", "by-uuid"},
		     {"LABEL=", "by-label"},
		     {"PARTUUID=", "by-partuuid"},
		     {"PARTLABEL=", "by-partlabel"}};
	const char *path = strstr(target, ":/");
	char name[PLACE_MAX];
	dev_t device = 0;
	int r = set_where(ret, e, "%s", target);

	if (r < 0)
		return r;
	(void)snprintf(name, sizeof(name), "%.*s",
		       (int)(path ? (size_t)(path - target) : strlen(target)), target);
	if (!strncmp(name, "/dev/", 5))
		r = resolve_node(root, name, path ? path : "", &device, ret, e);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(kinds); i++)
		if (!strncmp(name, kinds[i].prefix, strlen(kinds[i].prefix)))
			r = find_by_name(root, kinds[i].by, name + strlen(kinds[i].prefix), &device,
					 e);
	if (r < 0 || !device) /* PARTTYPE=: udev has no directory of these */
		return r;
	set_device(ret, device);
	set_file_system(root, mounts, device, ret);
	return 0;
}

static int check_file_system(const struct root *root, const struct place *p, struct ukd_error *e)
{
	if (!p->fs[0])
		return 0;
	for (size_t i = 0; i < PLACE_FILE_SYSTEMS; i++)
		if (!strcmp(p->fs, place_file_systems[i]))
			return strcmp(p->fs, "btrfs") ? 0 : device_check_btrfs(root, p->device, e);
	return ukd_refuse(e, "target",
			  "lies on %s; only ext4, xfs and btrfs are supported yet: set another "
			  "Target= in ukdump.conf",
			  p->fs);
}

static int resolve_here(const struct root *root, const char *target, struct place *ret,
			struct ukd_error *e)
{
	_buffer_ struct buffer mounts = {0};
	int r = root_read(root, MOUNTS_FILE, MIB(4), &mounts, e);

	if (r < 0)
		return r;
	if (!strncmp(target, "file:", 5))
		r = resolve_path(root, target + 5, (char *)mounts.data, ret, e);
	else if (root_exists(root, BY_DISK))
		r = resolve_disk(root, target, (char *)mounts.data, ret, e);
	else
		r = set_where(ret, e, "%s", target);
	return r < 0 ? r : check_file_system(root, ret, e);
}

int place_resolve(const struct root *root, const char *target, bool fleet, struct place *ret,
		  struct ukd_error *e)
{
	bool path = !strncmp(target, "file:", 5);
	struct place p = {0};
	int r;

	if (path && target[5] != '/')
		return ukd_refuse(e, "target", "'%s': need an absolute path", target);
	/* A bare chroot shows no running system either. */
	if (fleet || !root_exists(root, MOUNTS_FILE))
		r = set_where(&p, e, "%s", path ? FLEET_LABEL ":/" : target);
	else
		r = resolve_here(root, target, &p, e);
	if (r < 0)
		return ukd_prefix(e, "Target=%s", target);
	*ret = p;
	return 0;
}

/* The first mount of the device that shows path (NULL: any mount), and where path is in it. */
static int find_mounted(const struct root *root, const char *device, const char *path,
			char ret[PATH_MAX], struct ukd_error *e)
{
	_buffer_ struct buffer mounts = {0};
	char *save = NULL, found[32];
	struct ukd_error ignored;
	int r = root_read(root, MOUNTS_FILE, MIB(1), &mounts, e);
	struct mount m;
	dev_t d;

	ret[0] = 0;
	for (char *line = r < 0 ? NULL : strtok_r((char *)mounts.data, "\n", &save);
	     line && !ret[0]; line = strtok_r(NULL, "\n", &save)) {
		if (!mount_parse(line, &m) || mount_device(root, &m, &d, &ignored) < 0 ||
		    (path && !path_is_below(path, m.fs_root)))
			continue;
		(void)snprintf(found, sizeof(found), "%u:%u", major(d), minor(d));
		if (!strcmp(found, device))
			(void)snprintf(ret, PATH_MAX, "%s%s", path && !m.point[1] ? "" : m.point,
				       path ? path + (m.fs_root[1] ? strlen(m.fs_root) : 0) : "");
	}
	return r;
}

int place_mounted(const struct root *root, const char *device, char ret[PATH_MAX],
		  struct ukd_error *e)
{
	return find_mounted(root, device, NULL, ret, e);
}

int place_directory(const struct root *root, const char *target, char ret[PATH_MAX],
		    struct ukd_error *e)
{
	const char *path = strstr(target, ":/");
	struct place p;
	int r;

	ret[0] = 0;
	if (!strncmp(target, "file:", 5)) {
		(void)snprintf(ret, PATH_MAX, "%s", target + 5);
		return 0;
	}
	r = place_resolve(root, target, false, &p, e);
	if (r >= 0 && p.device[0])
		r = find_mounted(root, p.device, path ? path + 1 : "/", ret, e);
	for (size_t n = strlen(ret); n > 1 && ret[n - 1] == '/'; n--)
		ret[n - 1] = 0;
	return r;
}

bool place_is_disk(const char *target)
{
	static const char *const prefixes[] = {
		"file:", "/dev/", "UUID=", "LABEL=", "PARTUUID=", "PARTLABEL=", "PARTTYPE="};

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (!strncmp(target, prefixes[i], strlen(prefixes[i])))
			return true;
	return false;
}
