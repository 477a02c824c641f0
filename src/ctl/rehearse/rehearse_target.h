/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the rehearsed image would put its dump, and what of this machine a guest cannot show. */
#pragma once

#include "ctl/rehearse/rehearse_image.h"

#define REHEARSE_CHECKS 12

/* What can be told without a guest. */
struct rehearse_check {
	char name[24];
	bool bad;
	char text[256];
};

struct rehearse_target {
	char uri[512];	/* as configured; empty: no target can be rehearsed */
	char uuid[64];	/* the scratch disk's; */
	char label[64]; /* one of both is empty */
	char path[384]; /* on the file system, from its top */
	char fs[32];
	/* What is not proved: drivers of the target's disk here that are not the guest's, blanks
	 * between; "?" if it is not known which these are. */
	char unproved[256];
	struct strings left_out; /* "URI: why not": the other targets */
	struct rehearse_check checks[REHEARSE_CHECKS];
	unsigned int n_checks;
};

/*
 * Takes the first target that a scratch disk can stand for: a file system on plain disks, by UUID
 * or label. Looks into the image for the drivers that this machine's disk needs.
 */
int rehearse_target_choose(const struct root *root, const struct rehearse_image *i,
			   struct rehearse_target *ret, struct ukd_error *e) _must_check_;
void rehearse_target_free(struct rehearse_target *t);

/*
 * Adds a check; bad: the rehearsal has failed, whatever the guest does. What does not fit is left
 * out.
 */
void rehearse_target_check(struct rehearse_target *t, bool bad, const char *name, const char *fmt,
			   ...) _printf_(4, 5);
