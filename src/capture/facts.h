/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Facts about the machine that were only known when the image was built: /etc/ukdump/build.conf,
 * lines of key=value (ukdump-capture(8)). Every key is optional; unknown keys are ignored, so that
 *an older program takes a newer file.
 *
 *	machine_id=HEX		/etc/machine-id of the host
 *	image=TEXT		names the image in the manifest
 *	target.N=PLACE		what the N-th Target= (from 0) was resolved to
 *	layer.N=LINK NAME	a layer below it, which LINK leads to once it is up; from the bottom
 *	luks.N=UUID		it is on this encrypted device, whose key the image holds
 *	environment=full	systemd and udev are in the image; anything else: they are not
 */
#pragma once

#include "capture/record.h"
#include "store/machine.h"
#include "util/root.h"

#define FACTS_LAYERS 32

/* One layer below a target, from the bottom up, that user space has to bring up. */
struct facts_layer {
	unsigned int target;
	char link[384]; /* where udev shows it, once it is up */
	char name[256]; /* for people */
};

struct facts {
	char machine[MACHINE_MAX]; /* never empty */
	char image[128];
	char target[RECORD_TARGETS][512];
	struct facts_layer layer[FACTS_LAYERS];
	unsigned int n_layers;
	char luks[RECORD_TARGETS][40]; /* UUID of the encrypted device below a target, or empty */
	bool full;		       /* the environment */
};

/*
 * Reads the file if it is there. Without a machine_id the firmware's product UUID stands in, else
 * "unknown". ret is usable even after an error.
 */
int facts_read(const struct root *root, struct facts *ret, struct ukd_error *e) _must_check_;

/* Number of the target that was resolved to place; RECORD_TARGETS if none was. */
unsigned int facts_target(const struct facts *f, const char *place);

/* Is the target made of something by user space, such as LVM? Then it is none of the disks. */
bool facts_stacked(const struct facts *f, unsigned int target);

/* The lowest layer of the target that is not there, NULL if all are. */
const struct facts_layer *facts_missing_layer(const struct facts *f, const struct root *root,
					      unsigned int target);

/* Does the image hold a key of an encrypted device? */
bool facts_have_key(const struct facts *f);
