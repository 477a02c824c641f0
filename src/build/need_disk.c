// SPDX-License-Identifier: GPL-2.0-or-later
/* What a target on a disk of this machine needs: what it is made of, its file system's driver. */
#include <stdio.h>
#include <string.h>

#include "build/device.h"
#include "build/needs.h"

/* Disks that servers and virtual machines boot from, for an image that will run elsewhere. */
static const struct {
	const char *name;
	bool scsi;
} fleet_drivers[] = {
	{"virtio_pci", false}, {"virtio_blk", false},	{"virtio_scsi", true},
	{"ahci", true},	       {"nvme", false},		{"megaraid_sas", true},
	{"mpt3sas", true},     {"vmw_pvscsi", true},	{"hv_vmbus", false},
	{"hv_storvsc", true},  {"xen_blkfront", false},
};

/*
 * What `ukdumpctl rehearse` gives the image instead of this machine's disk. Costs no memory
 * elsewhere: loaded only where such a device is.
 */
static const char *const rehearsal_drivers[] = {"virtio_pci", "virtio_blk"};

/* The drivers of one target, as they are found. */
struct drivers {
	struct needs *needs;
	char names[256]; /* for the note */
};

static int add_driver(struct drivers *d, const char *name, struct ukd_error *e)
{
	int r = need_disk_driver(d->needs, name, e);
	size_t used = strlen(d->names);

	if (r > 0)
		(void)snprintf(d->names + used, sizeof(d->names) - used, " %s", name);
	return r;
}

/*
 * A driver that is bound to the disk. One that is built into the running kernel may be missing
 * from the lists of the other: they do not name everything that is built in.
 */
static int add_bound(void *ctx, const char *name, bool loadable, struct ukd_error *e)
{
	struct drivers *d = ctx;
	int r = add_driver(d, name, e);

	if (r == 0 && loadable)
		return ukd_refuse(e, "target",
				  "kernel %s has no driver '%s', which the disk needs; build for "
				  "another kernel, or set another Target=",
				  d->needs->kver, name);
	return r < 0 ? r : 0;
}

/*
 * The target's file system is not known here: a list for each, of which the capture environment
 * loads the one that it finds. All of them at once would cost memory.
 */
static int need_file_systems(struct needs *n, struct ukd_error *e)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < PLACE_FILE_SYSTEMS; i++)
		r = need_driver_in_list(n, place_file_systems[i], place_file_systems[i], e);
	return r < 0 ? r : 0;
}

/* Every disk that the target is made of. */
static int add_disks(struct drivers *d, const struct storage *s, struct ukd_error *e)
{
	int r = 0;

	for (unsigned int i = 0; r >= 0 && i < s->n; i++)
		if (s->layers[i].kind == LAYER_DISK || s->layers[i].kind == LAYER_ISCSI)
			r = device_drivers(d->needs->root, s->layers[i].device, add_bound, d, e);
	return r;
}

/* Where the disk is not known, the usual ones: those that the machine turns out to have. */
static int add_drivers(struct drivers *d, const struct place *place, unsigned int index,
		       struct ukd_error *e)
{
	struct storage storage;
	int r = 0;

	if (!place->device[0]) {
		for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(fleet_drivers); i++)
			r = need_driver_by_hardware(d->needs, fleet_drivers[i].name,
						    fleet_drivers[i].scsi, e);
		return r < 0 ? r : 0;
	}
	r = storage_walk(d->needs->root, place->device, &storage, e);
	if (r >= 0)
		r = add_disks(d, &storage, e);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(rehearsal_drivers); i++)
		if (!strstr(d->names, rehearsal_drivers[i]))
			r = need_driver_by_hardware(d->needs, rehearsal_drivers[i], false, e);
	return r < 0 ? r : need_storage(d->needs, &storage, index, e);
}

static void note_target(const struct drivers *d, const struct place *place)
{
	const char *names = !place->device[0] ? " of the usual disks (it is not looked up here)" :
			    d->names[0]	      ? d->names :
						" are built in";

	needs_note(d->needs, "target %s%s%s%s: drivers%s", place->where, place->fs[0] ? " (" : "",
		   place->fs, place->fs[0] ? ")" : "", names);
}

int need_disk(struct needs *n, const char *target, unsigned int index, struct ukd_error *e)
{
	struct drivers d = {.needs = n};
	struct place place = {0};
	int r = place_resolve(n->root, target, n->fleet, &place, e);

	if (r < 0)
		return r;
	r = need_fact(n, e, "target.%u=%s", index, place.where);
	if (r >= 0)
		r = add_drivers(&d, &place, index, e);
	if (r < 0)
		return ukd_prefix(e, "Target=%s", target);
	note_target(&d, &place);
	return place.fs[0] ? need_driver_strictly(n, place.fs, e) : need_file_systems(n, e);
}
