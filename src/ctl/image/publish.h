/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes an image, verifies what was written with the code that will verify it later, publishes. */
#pragma once

#include <json-c/json.h>

#include "auth/judge.h"
#include "ctl/key/find_key.h"
#include "util/file.h"

#define PUBLISH_PATH_MAX 8192

#define IMAGE_DIR  "/var/lib/ukdump/images"
#define IMAGE_EXT  ".efi"
#define INPUTS_EXT ".inputs"

/* The path of an image's record of inputs, beside it. False: it can have none, or ret is too small.
 */
bool record_path(const char *image, char *ret, size_t size) _must_check_;

struct publish_spec {
	const struct root *root; /* where IMAGE_DIR is */
	const char *out;  /* the user's path, see output_check(); NULL: IMAGE_DIR/<kver>-<12 hex of
			     image id>.efi */
	const char *kver; /* only if out is NULL */
	bool keep_mode;	  /* if out exists, the new file has its mode and owner; else 0600 */
	const char *cert; /* the signer's certificate file as given; NULL: unsigned image */
	const struct root *cert_root; /* NULL: a path of the process itself */
	/* The record of inputs, which lies beside the image in IMAGE_DIR; NULL or empty: none. */
	const struct buffer *inputs;
};

/*
 * Refuses (check "file.type") a path at which something else than a regular file is: publishing
 * puts a new file into its place, and /dev/null or a link would be gone. path NULL: fine.
 */
int output_check(const char *path, struct ukd_error *e) _must_check_;

/*
 * Publishes atomically, mode 0600 unless keep_mode. Fails, with nothing published, if the written
 * file is not an image that verifies by the certificate (or, unsigned, a sound one). ret_path has
 * room for PUBLISH_PATH_MAX bytes.
 */
int image_publish(const struct publish_spec *spec, struct bytes image, char *ret_path,
		  struct auth_result *ret, struct ukd_error *e) _must_check_;

/*
 * Signs image with key, or leaves it unsigned if key->key is NULL, and publishes it as spec says;
 * the certificate by which it is verified is the key's.
 */
int image_sign_publish(struct publish_spec *spec, const struct signing_key *key,
		       struct buffer *image, char *ret_path, struct auth_result *ret,
		       struct ukd_error *e) _must_check_;

/* Puts an image into a memory file: what judges and digests images reads descriptors. */
int image_memory_file(struct bytes image, int *ret_fd, struct ukd_error *e) _must_check_;

/* What was published: one line on stdout, ... */
void publish_print(const char *path, uint64_t size, const struct auth_result *a);

/* ... or a JSON object, to which the verb may add. */
struct json_object *publish_json(const char *path, uint64_t size, const struct auth_result *a);
