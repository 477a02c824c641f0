/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The result in the EFI variable (result.h) as a crash. */
#pragma once

#include "ctl/report/crash.h"
#include "ctl/dumps/result.h"

struct left_result {
	bool there;
	char sha256[65]; /* of its content, in hexadecimal */
	struct crash crash;
};

/*
 * Reads it; what is no result of a capture is a failed crash at an unknown time. Fails only where
 * it cannot be told whether there is one.
 */
int left_result_read(const struct root *root, struct left_result *ret,
		     struct ukd_error *e) _must_check_;

/* Adds what it tells to a crash of which there is a directory. */
void left_result_merge(struct crash *crash, const struct crash *left);
