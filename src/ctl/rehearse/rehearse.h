/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A rehearsal of a capture image in a guest: what it works with, and what it came to. */
#pragma once

#include "ctl/report/proof.h"
#include "ctl/rehearse/rehearse_disk.h"
#include "ctl/rehearse/rehearse_guest.h"
#include "ctl/rehearse/rehearse_image.h"
#include "ctl/rehearse/rehearse_target.h"

struct rehearse {
	/* Given. */
	const struct root *root;
	const char *path;	/* of the image; NULL: the one that is armed */
	unsigned int timeout_s; /* of the guest */
	guest_progress_fn *progress;
	void *progress_ctx;
	/* Found out. */
	struct rehearse_image image;
	struct rehearse_target target;
	struct guest_result guest;
	struct rehearse_dump dump;
	struct rehearsal record;
};

#define REHEARSE_NONE                        \
	{                                    \
		.image = REHEARSE_IMAGE_NONE \
	}

/*
 * Rehearses, and keeps the result as proof. Returns 0 with r->record, whatever its result is;
 * negative if there is no image to rehearse, it was stopped (-EINTR), or the result cannot be kept:
 * only then r->record has one.
 */
int rehearse_run(struct rehearse *r, struct ukd_error *e) _must_check_;
void rehearse_free(struct rehearse *r);

/* Sets the record's result from guest, dump and checks; the guest has run. */
void rehearse_judge(struct rehearse *r);
