/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the last `refresh` ended: key=value in /run, so that each boot has its own, and that a disk
 * is full can be told, too.
 */
#pragma once

#include "ctl/image/images.h"
#include "ctl/text_record.h"

#define OUTCOME_FILE	  "/run/ukdump/refresh"
#define OUTCOME_DONE	  "done"
#define OUTCOME_WAITS	  "waits"     /* for a signature */
#define OUTCOME_NEXT_BOOT "next-boot" /* the kernel takes no other image before */
#define OUTCOME_FAILED	  "failed"

struct outcome {
	char time[TIME_TEXT_MAX];
	char result[16];
	char reason[512];	    /* if it failed */
	char image[IMAGE_PATH_MAX]; /* that is armed, or that waits; may be empty */
};

/* False: there was none, or it cannot be read. */
bool outcome_read(const struct root *root, struct outcome *ret);

/* Sets the time itself. */
int outcome_write(const struct root *root, struct outcome *o, struct ukd_error *e) _must_check_;
