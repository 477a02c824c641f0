/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The record of what is armed: /run/ukdump/armed, and the last image that loaded. */
#pragma once

#include "auth/judge.h"
#include "crashkernel/size.h"

#define LAST_GOOD  "/var/lib/ukdump/last-good"
#define ARMED_FILE "/run/ukdump/armed"

/*
 * Writes ARMED_FILE as key=value lines: image, path, signer, time, kernel, needed, comfort, and,
 * if it is not empty, the problem that arming left.
 */
int armed_write(const struct root *root, const struct judgement *j, const char *path,
		const struct image_need *need, const char *problem,
		struct ukd_error *e) _must_check_;

/* Removes ARMED_FILE. It is no error if there is none. */
int armed_remove(const struct root *root, struct ukd_error *e) _must_check_;

/* Copies ARMED_FILE to stdout if it is there. */
int armed_print(const struct root *root, struct ukd_error *e) _must_check_;

/*
 * Makes LAST_GOOD a hard link to the file that fd has open, or, across file systems, a copy of
 * memfd's size bytes.
 */
int last_good_set(const struct root *root, int fd, int memfd, uint64_t size,
		  struct ukd_error *e) _must_check_;
