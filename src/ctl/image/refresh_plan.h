/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `refresh` is to do, decided from facts alone. */
#pragma once

#include "ctl/image/images.h"

/* About an image that images_read() found. */
struct image_use {
	bool armed;	/* the kernel holds it */
	bool last_good; /* it is the last good image */
	bool installed; /* its kernel is installed, or is the one that captures */
};

/*
 * Is an image for the kernel kver to be built? fresh: that of images_newest() has a record, and
 * nothing in it has changed. Where the fleet's image fits there is nothing to build, even if forced.
 */
bool refresh_builds(const struct images *l, const char *kver, bool fresh, bool force);

/*
 * The image that is to be armed, or NULL: that of images_choose() for the kernel that captures.
 * Where nothing is armed and there is none, the newest sealed one of any kernel: it brings its own
 * along, and is better than none.
 */
const struct image *refresh_arms(const struct images *l, const char *kver, bool anything_armed);

/*
 * Is the image in the way? Kept are those that are armed or the last good one, and of every
 * installed kernel the newest, and the newest signed one while that waits; and all that `refresh`
 * could not make again.
 */
bool refresh_drops(const struct images *l, const struct image *image, const struct image_use *use);
