/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rehearsal's scratch disk: a file that carries the target's UUID or label. */
#pragma once

#include "ctl/ctl.h"
#include "ctl/rehearse/rehearse_target.h"

/* What the capture environment has left there. */
struct rehearse_dump {
	struct json_object *manifest;
	bool has_mark;	 /* its log is that of this very crash */
	bool encrypted;	 /* so the two others cannot be told */
	bool verified;	 /* every page is read, and the checksum is right */
	char fault[512]; /* why not verified */
	/* From the manifest; what is not there is empty or 0. */
	char state[16];
	char reason[512]; /* of its last target */
	uint64_t bytes, memory_total, memory_peak;
};

void rehearse_dump_free(struct rehearse_dump *d);

/*
 * Makes a sparse file of size bytes with the target's file system. -ENOENT if this machine has no
 * mkfs for it.
 */
int rehearse_disk_make(const struct rehearse_target *t, const char *path, uint64_t size,
		       struct ukd_error *e) _must_check_;

/*
 * Mounts it at the directory mountpoint, in a mount namespace that the calling process gets for
 * itself, reads what is there within limit_s seconds, and unmounts it. The kernel reads a file
 * system that the image has written, as it does when the real target is mounted after a crash.
 */
int rehearse_disk_read(const struct rehearse_target *t, const char *path, const char *mountpoint,
		       const char *mark, unsigned int limit_s, struct rehearse_dump *ret,
		       struct ukd_error *e) _must_check_;
