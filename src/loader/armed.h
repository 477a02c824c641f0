/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The record of what is armed: /run/ukdump/armed. */
#pragma once

#include "loader/plan.h"

#define ARMED_FILE "/run/ukdump/armed"

struct armed {
	const struct plan *plan;
	const char *path;    /* of the image */
	uint64_t call_ms;    /* how long the kernel may have held no image; ukdump-load(8) */
	const char *problem; /* what arming left; may be empty */
};

/*
 * Writes ARMED_FILE as key=value lines: image, path, signer, time, kernel, kind (sealed, plain), of
 * a plain one profile and addons (their number), needed, comfort, call_ms; keyring (empty if it
 * could not be read) and key, if the kernel was found to trust one; and, if it is not empty, the
 * problem that arming left.
 */
int armed_write(const struct root *root, const struct armed *a, struct ukd_error *e) _must_check_;

/* Removes ARMED_FILE. It is no error if there is none. */
int armed_remove(const struct root *root, struct ukd_error *e) _must_check_;

/* Copies ARMED_FILE to stdout if it is there. */
int armed_print(const struct root *root, struct ukd_error *e) _must_check_;
