/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The image that is rehearsed: verified, in memory, and what its initrd says about its dumps. */
#pragma once

#include <limits.h>

#include "build/gather.h"
#include "conf/settings.h"
#include "ctl/loader.h"
#include "util/root.h"

struct rehearse_image {
	char path[PATH_MAX];
	char id[IMAGE_ID_HEX];
	char kernel[KVER_MAX]; /* .uname; empty: it does not say */
	int fd;		       /* sealed memory file: the very bytes that were verified */
	struct bytes file;     /* the same, mapped */
	struct bytes inner;    /* .linux */
	uint64_t comfort;      /* bytes of crash memory that are known to suffice */
	/* From the initrd, unpacked. Without them, unreadable says why. */
	struct buffer archive;
	struct settings settings;
	struct bytes facts; /* build.conf; points into archive, may be empty */
	struct ukd_error unreadable;
};

/*
 * path NULL: what /run/ukdump/armed names, by its id; where that file is gone or another one now,
 * the last good image, if it is that. Refuses what `start` would (trust, structure), and a UKI that
 * is not sealed (check "rehearse.plain"): it is loaded in parts, with what lies beside it.
 */
int rehearse_image_open(const struct root *root, const char *path, struct rehearse_image *ret,
			struct ukd_error *e) _must_check_;
void rehearse_image_close(struct rehearse_image *i);

#define REHEARSE_IMAGE_NONE \
	{                   \
		.fd = -1    \
	}

/* The value of a line "key=value" of build.conf. False: there is none. */
bool rehearse_image_fact(const struct rehearse_image *i, const char *key, char *ret, size_t size);

/* Will the capture environment load this kernel module? */
enum module_presence {
	MODULE_UNKNOWN, /* not in the image; whether the kernel has it built in is not known here */
	MODULE_MISSING,
	MODULE_BUILT_IN,
	MODULE_IN_IMAGE,
};
enum module_presence rehearse_image_module(const struct root *root, const struct rehearse_image *i,
					   const char *name);
