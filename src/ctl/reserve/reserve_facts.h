/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this machine tells about the crash memory that it needs. */
#pragma once

#include "conf/settings.h"
#include "crashkernel/estimate.h"
#include "crashkernel/size.h"

struct reserve_state {
	struct crash_memory now;
	struct reserve_facts facts;
	struct reserve_estimate estimate;
	const char *distribution; /* its default crashkernel=, a literal */
	/* The kernel and initrd that were counted; "" where there is no image: typical sizes. */
	char image[256];
	char kernel[128]; /* whose init_size that is, where there is no image; may be empty */
};

/*
 * Of the images of images.h the one that needs most counts, since each may be armed. Where there is
 * none: the running kernel and an initrd as `build` makes them for such targets.
 */
int reserve_state_read(const struct root *root, const struct settings *s, struct reserve_state *ret,
		       struct ukd_error *e) _must_check_;
