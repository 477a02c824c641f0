/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is an image still what a build would make now? */
#pragma once

#include "conf/settings.h"
#include "util/root.h"

/*
 * The names of what has changed since the image was made (build/inputs.h), none if it is fresh.
 * image: path inside the root. -ENOENT if it has no record: nobody knows.
 */
int image_changes(const struct root *root, const struct settings *s, const char *image,
		  struct strings *ret, struct ukd_error *e) _must_check_;
