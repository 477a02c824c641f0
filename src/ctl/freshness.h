/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is an image still what a build would make now? */
#pragma once

#include "conf/settings.h"
#include "ctl/images.h"

/*
 * The names of what has changed since the image was made (build/inputs.h), none if it is fresh.
 * image: path inside the root. -ENOENT if it has no record: nobody knows.
 */
int image_changes(const struct root *root, const struct settings *s, const char *image,
		  struct strings *ret, struct ukd_error *e) _must_check_;

/*
 * How the last `refresh` ended: key=value. Each boot has one, and there it can be told that a disk
 * is full.
 */
#define OUTCOME_FILE	  "/run/ukdump/refresh"
#define OUTCOME_DONE	  "done"
#define OUTCOME_WAITS	  "waits"     /* for a signature */
#define OUTCOME_NEXT_BOOT "next-boot" /* the kernel takes no other image before */
#define OUTCOME_FAILED	  "failed"

struct outcome {
	char time[32];
	char result[16];
	char reason[512];	    /* if it failed */
	char image[IMAGE_PATH_MAX]; /* that is armed, or that waits; may be empty */
};

/* False: there was none, or it cannot be read. */
bool outcome_read(const struct root *root, struct outcome *ret);

/* Sets the time itself. */
int outcome_write(const struct root *root, struct outcome *o, struct ukd_error *e) _must_check_;
