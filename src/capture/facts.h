/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Facts about the machine that were only known when the image was built: /etc/ukdump/build.conf,
 * lines of key=value (ukdump-capture(8)). Every key is optional; unknown keys are ignored, so that
 *an older program takes a newer file.
 *
 *	machine_id=HEX		/etc/machine-id of the host
 *	image=TEXT		names the image in the manifest
 *	target.N=PLACE		what the N-th Target= (from 0) was resolved to
 *	environment=full	systemd and udev are in the image; anything else: they are not
 */
#pragma once

#include "capture/record.h"
#include "util/root.h"

#define MACHINE_UNKNOWN "unknown"

struct facts {
	char machine[72]; /* only [0-9A-Za-z-], never empty */
	char image[128];
	char target[RECORD_TARGETS][512];
	bool full; /* the environment */
};

/*
 * Reads the file if it is there. Without a machine_id the firmware's product UUID stands in, else
 * "unknown". ret is usable even after an error.
 */
int facts_read(const struct root *root, struct facts *ret, struct ukd_error *e) _must_check_;
