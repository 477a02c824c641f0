/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes an image, verifies what was written with the code that will verify it later, publishes. */
#pragma once

#include "auth/judge.h"
#include "util/file.h"

#define PUBLISH_PATH_MAX 8192

#define IMAGE_DIR "/var/lib/ukdump/images"

struct publish_spec {
	const struct root *root; /* where IMAGE_DIR is */
	const char *out;  /* the user's path; NULL: IMAGE_DIR/<kver>-<12 hex of image id>.efi */
	const char *kver; /* only if out is NULL */
	const char *cert; /* the signer's certificate file as given; NULL: unsigned image */
	const struct root *cert_root; /* NULL: a path of the process itself */
};

/*
 * Publishes atomically, mode 0600. Fails, with nothing published, if the written file is not an
 * image that verifies by the certificate (or, unsigned, a sound one). ret_path has room for
 * PUBLISH_PATH_MAX bytes.
 */
int image_publish(const struct publish_spec *spec, struct bytes image, char *ret_path,
		  struct auth_result *ret, struct ukd_error *e) _must_check_;
