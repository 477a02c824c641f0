/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The capture images of this machine: its own below IMAGE_DIR, and those that packages bring. */
#pragma once

#include <time.h>

#include "build/gather.h"
#include "ctl/image/publish.h"

/* Built and signed elsewhere; taken as they are, and before those of our own. */
#define FLEET_DIR "/usr/lib/ukdump/images"

#define IMAGE_PATH_MAX 384

struct image {
	char path[IMAGE_PATH_MAX]; /* inside the root */
	char kver[KVER_MAX];	   /* of the kernel in it; empty: it does not say */
	struct timespec time;
	uint64_t inode, device;
	bool fleet, sealed;
	bool waits;    /* unsigned: made with --no-sign, or for another's signature */
	bool recorded; /* has a record of its inputs: `refresh` could make it again */
};

struct images {
	struct image *v; /* newest first */
	unsigned int n;
};

void images_free(struct images *l);
#define _images_ _cleanup_(images_free)

/* What is no image is left out; a directory that is not there is empty. */
int images_read(const struct root *root, struct images *ret, struct ukd_error *e) _must_check_;

/* Is it there and unsigned? path: inside the root. */
bool image_waits(const struct root *root, const char *path);

/* The newest of our own for a kernel, with its signature or waiting for one; or NULL. */
const struct image *images_newest(const struct images *l, const char *kver);

/*
 * The image to arm while the kernel kver runs: of the fleet's the newest with that kernel, else its
 * newest sealed one, else the newest of our own for that kernel; or NULL. None that waits.
 */
const struct image *images_choose(const struct images *l, const char *kver);
