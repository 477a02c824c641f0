// SPDX-License-Identifier: GPL-2.0-or-later
/* Layers below a block device: see storage.h. /sys and /run/udev are the running system's. */
#include "build/storage.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "build/device.h"
#include "util/cleanup.h"

#define LVM_ID_LEN 32 /* of a volume group; the volume's own, as long, follows */

struct walk {
	const struct root *root;
	struct storage *found;
	unsigned int depth;
};

static int visit(struct walk *w, const char *device, struct ukd_error *e);

/* The first line of an attribute. */
static int read_line(const struct root *root, const char *dir, const char *name, char *ret,
		     size_t size, struct ukd_error *e)
{
	_buffer_ struct buffer text = {0};
	char path[DEVICE_PATH_MAX + 64];
	int r;

	(void)snprintf(path, sizeof(path), "/%s/%s", dir, name);
	r = root_read(root, path, KIB(4), &text, e);
	if (r < 0)
		return r;
	text.data[strcspn((char *)text.data, "\n")] = 0;
	if (strlen((char *)text.data) >= size)
		return ukd_refuse(e, "target", "%s: too long", path);
	(void)snprintf(ret, size, "%s", (char *)text.data);
	return 0;
}

static int refuse_layer(const char *node, const char *what, struct ukd_error *e)
{
	return ukd_refuse(e, "target",
			  "lies on %s (%s), which a capture environment cannot bring up; set "
			  "another Target= in ukdump.conf",
			  node, what);
}

/* They become parameters and lines of files: what the tools themselves would not make is refused. */
static int check_name(const char *node, const char *name, const char *more, struct ukd_error *e)
{
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr(more, *c))
			return ukd_refuse(e, "target", "%s has a name with a character 0x%02x",
					  node, (unsigned char)*c);
	return *name ? 0 : ukd_refuse(e, "target", "%s has an empty name", node);
}

static const struct layer *find_layer(const struct storage *s, const char *device)
{
	for (unsigned int i = 0; i < s->n; i++)
		if (!strcmp(s->layers[i].device, device))
			return &s->layers[i];
	return NULL;
}

/* Looks at everything that the device is made of. below: the name of the last one, if wanted. */
static int visit_slaves(struct walk *w, const char *path, char *below, size_t size,
			struct ukd_error *e)
{
	char dir[DEVICE_PATH_MAX + 16];
	_closedir_ DIR *list = NULL;
	unsigned int n = 0;
	struct dirent *d;
	int r = 0;

	(void)snprintf(dir, sizeof(dir), "%s/slaves", path);
	list = root_opendir(w->root, dir);
	if (!list)
		return ukd_fail_errno(e, -errno, "/%s", dir);
	while (r >= 0 && (d = readdir(list))) {
		char device[32], name[300];

		if (d->d_name[0] == '.')
			continue;
		n++;
		(void)snprintf(name, sizeof(name), "%s/dev", d->d_name);
		r = read_line(w->root, dir, name, device, sizeof(device), e);
		if (r >= 0 && below)
			(void)snprintf(below, size, "%.63s", d->d_name);
		if (r >= 0)
			r = visit(w, device, e);
	}
	if (r >= 0 && !n)
		return ukd_refuse(e, "target", "%s is made of nothing", strrchr(path, '/') + 1);
	return r;
}

/* "vg-lv", a dash within a name doubled, becomes "vg/lv". */
static int split_lvm_name(struct layer *l, struct ukd_error *e)
{
	char *to = l->name;
	bool split = false;

	for (const char *c = l->name; *c; c++) {
		if (c[0] == '-' && c[1] == '-') {
			*to++ = *c++;
		} else if (c[0] == '-' && !split) {
			split = true;
			*to++ = '/';
		} else {
			*to++ = *c;
		}
	}
	*to = 0;
	if (!split || l->name[0] == '/' || to[-1] == '/' || l->name[0] == '-')
		return ukd_refuse(e, "target", "%s: '%s' is not the name of a logical volume",
				  l->node, l->name);
	return 0;
}

/*
 * "LVM-", the group's identity, the volume's. Behind them: "-real", "-cow", "-tpool" and the like
 * of what no user sees. Halves of mirrors have no such end, but names that users cannot give.
 */
static bool is_lvm_part(const struct layer *l)
{
	return strlen(l->uuid) != strlen("LVM-") + 2 * LVM_ID_LEN || strstr(l->name, "_rimage_") ||
	       strstr(l->name, "_rmeta_") || strstr(l->name, "_mimage_");
}

static int name_map(struct layer *l, struct ukd_error *e)
{
	static const char luks1[] = "CRYPT-LUKS1-", luks2[] = "CRYPT-LUKS2-";
	int r = check_name(l->node, l->name, "+_.-:", e);

	if (r >= 0)
		r = check_name(l->node, l->uuid, "+_.-:", e);
	if (r < 0)
		return r;
	if (!strncmp(l->uuid, "LVM-", 4)) {
		l->kind = is_lvm_part(l) ? LAYER_LVM_PART : LAYER_LVM;
		return l->kind == LAYER_LVM ? split_lvm_name(l, e) : 0;
	}
	if (!strncmp(l->uuid, "mpath-", 6))
		l->kind = LAYER_MULTIPATH;
	else if (!strncmp(l->uuid, luks1, sizeof(luks1) - 1) ||
		 !strncmp(l->uuid, luks2, sizeof(luks2) - 1))
		l->kind = LAYER_LUKS;
	else
		return refuse_layer(l->node, l->uuid, e);
	return 0;
}

static int read_map(const struct walk *w, const char *path, struct layer *l, struct ukd_error *e)
{
	int r = read_line(w->root, path, "dm/name", l->name, sizeof(l->name), e);

	if (r >= 0)
		r = read_line(w->root, path, "dm/uuid", l->uuid, sizeof(l->uuid), e);
	if (r >= 0 && !l->uuid[0])
		return refuse_layer(l->node, "a map of device-mapper that no tool owns", e);
	return r;
}

/* "part1-mpath-...": kpartx's partitions; the multipath rules make them again. */
static bool is_map_partition(const struct layer *l)
{
	return !strncmp(l->uuid, "part", 4) && isdigit((unsigned char)l->uuid[4]);
}

/* mdadm's rules put its UUID into udev's database; sysfs does not have it in its form. */
static int read_array_uuid(const struct walk *w, struct layer *l, struct ukd_error *e)
{
	static const char key[] = "\nE:MD_UUID=";
	_buffer_ struct buffer db = {0};
	const char *at;
	char path[64];
	int r;

	(void)snprintf(path, sizeof(path), "/run/udev/data/b%s", l->device);
	r = root_read(w->root, path, KIB(64), &db, e);
	if (r < 0)
		return r;
	at = strstr((char *)db.data, key);
	if (!at)
		return ukd_refuse(e, "target", "%s: udev does not know the array's UUID (%s)",
				  l->node, path);
	at += sizeof(key) - 1;
	(void)snprintf(l->uuid, sizeof(l->uuid), "%.*s", (int)strcspn(at, "\n"), at);
	return check_name(l->node, l->uuid, ":", e);
}

static int read_array(const struct walk *w, const char *path, struct layer *l, struct ukd_error *e)
{
	char metadata[64];
	int r = read_line(w->root, path, "md/metadata_version", metadata, sizeof(metadata), e);

	if (r >= 0 && !strncmp(metadata, "external:", 9))
		return refuse_layer(l->node, "RAID of the firmware (IMSM, DDF)", e);
	if (r >= 0)
		r = read_line(w->root, path, "md/level", l->level, sizeof(l->level), e);
	if (r >= 0)
		r = check_name(l->node, l->level, "", e);
	return r < 0 ? r : read_array_uuid(w, l, e);
}

/* ".../host2/session1/target2:0:0/...": the session's name, or empty. */
static void session_name(const char *path, char *ret, size_t size)
{
	const char *at = strstr(path, "/session");

	(void)snprintf(ret, size, "%.*s", at ? (int)strcspn(at + 1, "/") : 0, at ? at + 1 : "");
}

static int read_disk(const char *path, struct layer *l, struct ukd_error *e)
{
	static const struct {
		const char *prefix, *what;
	} others[] = {
		{"loop", "a file as disk"}, {"nbd", "a network disk"},	  {"drbd", "DRBD"},
		{"bcache", "bcache"},	    {"zram", "a disk in memory"},
	};

	session_name(path, l->name, sizeof(l->name));
	l->kind = l->name[0] ? LAYER_ISCSI : LAYER_DISK;
	if (l->kind == LAYER_ISCSI && strstr(path, "/pci"))
		return refuse_layer(l->node, "iSCSI by an adapter of its own", e);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (!strncmp(l->node, others[i].prefix, strlen(others[i].prefix)))
			return refuse_layer(l->node, others[i].what, e);
	if (strstr(path, "/virtual/block/"))
		return refuse_layer(l->node, "a virtual disk", e);
	return 0;
}

static int add_layer(struct walk *w, const struct layer *l, struct ukd_error *e)
{
	if (w->found->n == STORAGE_LAYERS)
		return ukd_refuse(e, "target", "lies on more than %u devices", STORAGE_LAYERS);
	w->found->layers[w->found->n++] = *l;
	return 0;
}

/* A partition is the disk's; its parent directory is the disk. */
static int visit_whole(struct walk *w, char *path, struct ukd_error *e)
{
	char device[32];
	int r;

	*strrchr(path, '/') = 0;
	r = read_line(w->root, path, "dev", device, sizeof(device), e);
	return r < 0 ? r : visit(w, device, e);
}

static int visit_map(struct walk *w, const char *path, struct layer *l, struct ukd_error *e)
{
	int r = read_map(w, path, l, e);

	if (r >= 0 && is_map_partition(l))
		return visit_slaves(w, path, NULL, 0, e);
	if (r >= 0)
		r = name_map(l, e);
	if (r >= 0)
		r = visit_slaves(w, path, l->below, sizeof(l->below), e);
	return r < 0 ? r : add_layer(w, l, e);
}

static int visit_array(struct walk *w, const char *path, struct layer *l, struct ukd_error *e)
{
	int r = read_array(w, path, l, e);

	l->kind = LAYER_RAID;
	if (r >= 0)
		r = visit_slaves(w, path, NULL, 0, e);
	return r < 0 ? r : add_layer(w, l, e);
}

static bool has(const struct walk *w, const char *path, const char *name)
{
	char full[DEVICE_PATH_MAX + 32];

	(void)snprintf(full, sizeof(full), "/%s/%s", path, name);
	return root_exists(w->root, full);
}

static int visit_one(struct walk *w, const char *device, struct ukd_error *e)
{
	char path[DEVICE_PATH_MAX];
	struct layer l = {0};
	int r = device_path(w->root, device, path, e);

	if (r < 0)
		return r;
	(void)snprintf(l.device, sizeof(l.device), "%s", device);
	(void)snprintf(l.node, sizeof(l.node), "%.63s", strrchr(path, '/') + 1);
	/* Disks keep the partition: the drivers are the same. */
	if (has(w, path, "partition") && strstr(path, "/virtual/block/"))
		return visit_whole(w, path, e);
	if (has(w, path, "dm"))
		return visit_map(w, path, &l, e);
	if (has(w, path, "md"))
		return visit_array(w, path, &l, e);
	r = read_disk(path, &l, e);
	return r < 0 ? r : add_layer(w, &l, e);
}

static int visit(struct walk *w, const char *device, struct ukd_error *e)
{
	int r;

	if (find_layer(w->found, device))
		return 0;
	if (++w->depth > STORAGE_DEPTH)
		return ukd_refuse(e, "target", "lies on more than %u layers", STORAGE_DEPTH);
	r = visit_one(w, device, e);
	w->depth--;
	return r;
}

int storage_walk(const struct root *root, const char *device, struct storage *ret,
		 struct ukd_error *e)
{
	struct walk w = {.root = root, .found = ret};

	*ret = (struct storage){0};
	return visit(&w, device, e);
}

int storage_luks(const struct storage *s, const struct layer **ret, struct ukd_error *e)
{
	const struct layer *found = NULL;

	for (unsigned int i = 0; i < s->n; i++) {
		if (s->layers[i].kind != LAYER_LUKS)
			continue;
		if (found)
			return ukd_refuse(e, "target",
					  "lies on two encrypted devices (%s and %s); one is "
					  "supported: set another Target= in ukdump.conf",
					  found->name, s->layers[i].name);
		found = &s->layers[i];
	}
	*ret = found;
	return 0;
}

int layer_luks_uuid(const struct layer *l, char ret[LUKS_UUID_MAX], struct ukd_error *e)
{
	const char *hex = l->uuid + strlen("CRYPT-LUKS2-");
	size_t n = 0;

	if (strspn(hex, "0123456789abcdefABCDEF") != 32 || hex[32] != '-')
		return ukd_refuse(e, "target", "%s: '%s' has no UUID of LUKS", l->node, l->uuid);
	for (size_t i = 0; i < 32; i++) {
		if (i == 8 || i == 12 || i == 16 || i == 20)
			ret[n++] = '-';
		ret[n++] = (char)tolower((unsigned char)hex[i]);
	}
	ret[n] = 0;
	return 0;
}
