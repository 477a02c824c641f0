// SPDX-License-Identifier: GPL-2.0-or-later
/* Block devices in sysfs: see device.h. /sys is the running kernel's, trusted. */
#include "build/device.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"

#define NVME_SUBSYSTEM "/virtual/nvme-subsystem/"
#define BTRFS_DIR      "/sys/fs/btrfs"

/* Walks from the bus down to a device and reports the drivers. */
struct walk {
	const struct root *root;
	device_driver_fn *add;
	void *ctx;
	unsigned int found;
};

static int read_link(const struct root *root, const char *path, char ret[DEVICE_PATH_MAX])
{
	ssize_t n = readlinkat(root->fd, path, ret, DEVICE_PATH_MAX - 1);

	if (n < 0)
		return -errno;
	ret[n] = 0;
	return 0;
}

/* "sys/devices/pci0000:00/.../block/sda/sda1", without the slash in front. */
static int link_path(const struct root *root, const char *link, char ret[DEVICE_PATH_MAX],
		     struct ukd_error *e)
{
	const char *devices;
	char to[DEVICE_PATH_MAX];
	int n, r;

	r = read_link(root, link, to);
	if (r < 0)
		return ukd_fail_errno(e, r, "/%s", link);
	devices = strstr(to, "devices/");
	n = devices ? snprintf(ret, DEVICE_PATH_MAX, "sys/%s", devices) : -1;
	if (n < 0 || n >= DEVICE_PATH_MAX)
		return ukd_refuse(e, "target", "/%s leads to no device", link);
	return 0;
}

int device_path(const struct root *root, const char *device, char ret[DEVICE_PATH_MAX],
		struct ukd_error *e)
{
	char link[64];

	(void)snprintf(link, sizeof(link), "sys/dev/block/%s", device);
	return link_path(root, link, ret, e);
}

static int refuse_device(const char *name, const char *kind, struct ukd_error *e)
{
	return ukd_refuse(e, "target",
			  "lies on %.*s (%s), which is not supported: set another Target= in "
			  "ukdump.conf",
			  (int)strcspn(name, "/"), name, kind);
}

/* Nobody connects to it in the capture environment. */
static int check_local(const char *path, struct ukd_error *e)
{
	if (strstr(path, "/virtual/") && !strstr(path, NVME_SUBSYSTEM))
		return refuse_device(strrchr(path, '/') + 1, "NVMe over a network", e);
	return 0;
}

/* A built-in driver may have no module link; it is a driver all the same. */
static int visit(struct walk *w, const char *dir, struct ukd_error *e)
{
	char link[DEVICE_PATH_MAX + 32], to[DEVICE_PATH_MAX], state[DEVICE_PATH_MAX + 32];
	const char *module;

	(void)snprintf(link, sizeof(link), "%s/driver", dir);
	if (read_link(w->root, link, to) < 0)
		return 0;
	w->found++;
	(void)snprintf(link, sizeof(link), "%s/driver/module", dir);
	if (read_link(w->root, link, to) < 0)
		return 0;
	module = strrchr(to, '/') ? strrchr(to, '/') + 1 : to;
	/* The kernel has this file for loadable modules only. */
	(void)snprintf(state, sizeof(state), "/sys/module/%s/initstate", module);
	return w->add(w->ctx, module, root_exists(w->root, state), e);
}

/* Every directory on the way to the disk may have a driver. path is as it was afterwards. */
static int walk_down(struct walk *w, char *path, struct ukd_error *e)
{
	int r = 0;

	for (char *slash = strchr(path + strlen("sys/devices/"), '/'); r >= 0 && slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = 0;
		r = visit(w, path, e);
		*slash = '/';
	}
	return r;
}

/*
 * NVMe native multipath: the disk hangs below a virtual subsystem that has no driver; links in it
 * lead to the controllers. Those on PCI can be reached, those on a network cannot.
 */
static int walk_controllers(struct walk *w, const char *path, struct ukd_error *e)
{
	const char *name = strstr(path, NVME_SUBSYSTEM) + strlen(NVME_SUBSYSTEM);
	int r = 0, dir_len = (int)(name - path) + (int)strcspn(name, "/");
	char subsystem[DEVICE_PATH_MAX];
	_closedir_ DIR *dir = NULL;
	struct dirent *d;

	(void)snprintf(subsystem, sizeof(subsystem), "%.*s", dir_len, path);
	dir = root_opendir(w->root, subsystem);
	if (!dir)
		return ukd_fail_errno(e, -errno, "/%s", subsystem);
	while (r >= 0 && (d = readdir(dir))) {
		char link[DEVICE_PATH_MAX + 300], to[DEVICE_PATH_MAX], full[2 * DEVICE_PATH_MAX];

		(void)snprintf(link, sizeof(link), "%s/%s", subsystem, d->d_name);
		if (strncmp(d->d_name, "nvme", 4) != 0 || read_link(w->root, link, to) < 0 ||
		    !strstr(to, "/pci"))
			continue;
		(void)snprintf(full, sizeof(full), "%s/%s", subsystem, to);
		r = walk_down(w, full, e);
	}
	if (r >= 0 && !w->found)
		return refuse_device(strrchr(path, '/') + 1, "NVMe over a network", e);
	return r;
}

int device_drivers(const struct root *root, const char *device, device_driver_fn *add, void *ctx,
		   struct ukd_error *e)
{
	struct walk w = {.root = root, .add = add, .ctx = ctx};
	char path[DEVICE_PATH_MAX];
	int r = device_path(root, device, path, e);

	if (r >= 0)
		r = check_local(path, e);
	if (r >= 0)
		r = strstr(path, NVME_SUBSYSTEM) ? walk_controllers(&w, path, e) :
						   walk_down(&w, path, e);
	if (r >= 0 && !w.found)
		return refuse_device(strrchr(path, '/') + 1, "no driver is known", e);
	return r;
}

int device_class_drivers(const struct root *root, const char *name, device_driver_fn *add,
			 void *ctx, struct ukd_error *e)
{
	struct walk w = {.root = root, .add = add, .ctx = ctx};
	char link[DEVICE_PATH_MAX], path[DEVICE_PATH_MAX];
	int r;

	(void)snprintf(link, sizeof(link), "sys/class/%s", name);
	r = link_path(root, link, path, e);
	if (r >= 0)
		r = walk_down(&w, path, e);
	return r < 0 ? r : (int)w.found;
}

int device_network_drivers(const struct root *root, const char *name, device_driver_fn *add,
			   void *ctx, struct ukd_error *e)
{
	struct walk w = {.root = root, .add = add, .ctx = ctx};
	char device[NAME_MAX + 8], link[DEVICE_PATH_MAX];
	int r;

	(void)snprintf(device, sizeof(device), "net/%s", name);
	r = device_class_drivers(root, device, add, ctx, e);
	/* The driver of its transceiver, which the NIC's driver would ask modprobe for. */
	(void)snprintf(link, sizeof(link), "sys/class/%s/phydev", device);
	return r < 0 ? r : visit(&w, link, e);
}

/* Counts the devices of one file system; *member: the device is among them. */
static unsigned int count_devices(const struct root *root, const char *uuid, const char *device,
				  bool *member)
{
	char path[DEVICE_PATH_MAX];
	_closedir_ DIR *dir = NULL;
	unsigned int n = 0;
	struct dirent *d;

	(void)snprintf(path, sizeof(path), BTRFS_DIR "/%s/devices", uuid);
	dir = root_opendir(root, path);
	while (dir && (d = readdir(dir))) {
		_buffer_ struct buffer number = {0};
		struct ukd_error ignored;

		if (d->d_name[0] == '.')
			continue;
		n++;
		(void)snprintf(path, sizeof(path), BTRFS_DIR "/%s/devices/%s/dev", uuid, d->d_name);
		if (root_read(root, path, 64, &number, &ignored) == 0)
			*member |= !strncmp((char *)number.data, device, strlen(device)) &&
				   number.data[strlen(device)] == '\n';
	}
	return n;
}

int device_check_btrfs(const struct root *root, const char *device, struct ukd_error *e)
{
	_closedir_ DIR *dir = root_opendir(root, BTRFS_DIR);
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		bool member = false;
		unsigned int n;

		if (d->d_name[0] == '.')
			continue;
		n = count_devices(root, d->d_name, device, &member);
		if (member && n > 1)
			return ukd_refuse(e, "target",
					  "lies on a btrfs of %u devices; one is supported: set "
					  "another Target= in ukdump.conf",
					  n);
	}
	return 0;
}
