/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes a capture image, from gathering its parts to publishing it: what `ukdumpctl build` and
 * `refresh` do. Tells on stderr what it is doing.
 */
#pragma once

#include "build/build.h"
#include "build/gather.h"
#include "ctl/image/publish.h"

#define BUILD_LOCK	   "run/ukdump/build.lock"
#define BUILD_LOCK_LIMIT_S 600

/* As on the command line; NULL where nothing was said. All borrowed. */
struct build_options {
	const char *kver, *kernel, *initrd, *cmdline, *cmdline_append, *osrel, *uname, *stub;
	const char *key, *cert, *root, *config, *out;
	struct extra_section extra[BUILD_MAX_EXTRA];
	const char *extra_file[BUILD_MAX_EXTRA];
	unsigned int n_extra;
	uint32_t flags;
	bool no_sign, no_uefi;
	const char *luks_key; /* number of a descriptor: `luks enroll` hands over a new key */
	bool locked;	      /* the caller holds BUILD_LOCK */
};

/* What was made. */
struct built {
	char path[PUBLISH_PATH_MAX];
	char kver[KVER_MAX]; /* empty: not known */
	char *cmdline;
	uint64_t bytes, initrd_bytes;
	struct auth_result auth;
};

void built_free(struct built *b);
#define _built_ _cleanup_(built_free)

/*
 * Builds, signs, verifies, publishes. Waits for BUILD_LOCK unless the image is for another place
 * than IMAGE_DIR of the running system. An image that nothing but the settings decided about gets
 * a record of its inputs (build/inputs.h).
 */
int build_image(const struct build_options *opt, struct built *ret,
		struct ukd_error *e) _must_check_;

/* The capture command line that the settings and the running system make. The caller frees. */
int build_command_line(const struct root *root, const struct settings *s,
		       const struct build_options *opt, char **ret,
		       struct ukd_error *e) _must_check_;
