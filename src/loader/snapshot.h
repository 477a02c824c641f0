/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An image or an addon as it will be loaded: one private, sealed, verified copy. */
#pragma once

#include "auth/judge.h"

struct snapshot {
	int fd;	   /* the file itself, for a hard link to it; -1: none */
	int memfd; /* the sealed copy that was verified and will be loaded */
	uint64_t size;
	struct judgement j;
};

#define SNAPSHOT_NONE                 \
	{                             \
		.fd = -1, .memfd = -1 \
	}
void snapshot_free(struct snapshot *s);
#define _snapshot_ _cleanup_(snapshot_free)

/*
 * Opens path (relative to dirfd; borrowed, for messages), copies it into a sealed memory file and
 * judges that copy by the policy. Refuses all but what is trusted, whatever its kind.
 */
int snapshot_take(const struct auth_policy *policy, int dirfd, const char *path,
		  struct snapshot *ret, struct ukd_error *e) _must_check_;
