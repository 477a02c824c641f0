/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all verbs that arm or disarm share. */
#pragma once

#include "ctl/image/images.h"

/*
 * Arms the image in path (profile: of a plain UKI, NULL for 0), or with path NULL disarms. It is
 * ukdump-load that does it and what [Arm] of ukdump.conf(5) asks for besides: Sysctl=, set while an
 * image is armed and put back when none is any more, and LockAfterArm=. So that is the same
 * for all verbs, and serialised by its lock.
 *
 * Its facts (key=value, loader.h) in *ret. Its messages are on our stderr when this returns.
 * -EREMOTEIO if it refused or failed, with the last of them as e's text, for records and JSON: it
 * need not be printed again. What was armed before is armed then, or the text says otherwise.
 */
int arming_change(const char *path, const char *profile, struct buffer *ret,
		  struct ukd_error *e) _must_check_;

/*
 * images_choose() for the kernel release: the image's path in ret. A newer one that waits for its
 * signature is named on stderr. -ENOENT if there is none.
 */
int arming_newest_image(const struct root *root, const char *release, char ret[IMAGE_PATH_MAX],
			struct ukd_error *e) _must_check_;

/* What status would call problems of the targets, as warnings on stderr: no reason not to arm. */
void arming_warn_about_targets(void);
