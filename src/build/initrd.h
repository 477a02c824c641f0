/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Builds the capture initrd: a stage directory for the dracut modules, then dracut. */
#pragma once

#include "util/file.h"
#include "util/root.h"

/* What goes into the initrd beside programs. Strings are borrowed, NULL-terminated lists. */
struct initrd_spec {
	const char *kver;
	const char *capture_conf;   /* settings for the capture environment, as text */
	const char *const *targets; /* Target= settings, in order */
	const char *const *modules; /* Modules= */
	bool fleet;		    /* for another machine: nothing of this one inside */
	/* Told what goes in, such as the drivers for a target: lines for people. NULL: nobody. */
	void (*note)(void *ctx, const char *text);
	void *note_ctx;
};

/*
 * Runs dracut in the root directory (chroot, if that is not the running system's) and reads what it
 * made. The administrator's dracut.conf is not read. tick is called about once a second with the
 * seconds passed. On failure e has the last line that dracut printed.
 */
int initrd_build(const struct root *root, const struct initrd_spec *spec,
		 bool (*tick)(void *ctx, unsigned int seconds), void *tick_ctx, struct buffer *ret,
		 struct ukd_error *e) _must_check_;

/* Refuses (check "initrd.magic") what does not begin as an initrd that a kernel reads. */
int initrd_check_magic(struct bytes initrd, struct ukd_error *e) _must_check_;
