/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of `ukdumpctl refresh` that cmd_refresh.c puts in order. */
#pragma once

#include "conf/settings.h"
#include "ctl/image/images.h"

struct refresh {
	/* Given. */
	const char *kver;   /* --kver: an image of this kernel, too */
	const char *remove; /* --remove: this kernel is going away */
	bool force;
	bool rearm; /* arm even what the kernel holds already, once */

	struct root root;
	int lock;
	struct settings settings;
	/* Whose image is to be armed, and whose is made for the time after a reboot; or empty. */
	char capture[KVER_MAX], advance[KVER_MAX];
	struct images images;
	bool armed;		    /* the kernel holds something */
	bool half_armed;	    /* something of [Arm] was not carried out */
	bool tried;		    /* we have armed something, or tried to */
	bool locked;		    /* the kernel takes no other image until the next boot */
	char *armed_id;		    /* image id, or NULL: not loaded by us */
	char image[IMAGE_PATH_MAX]; /* where it came from; empty: nobody knows */

	/* Results. */
	struct ukd_error failure; /* the first */
	struct strings built, dropped;
	char waiting[IMAGE_PATH_MAX];	/* for a signature; empty: none */
	char next_boot[IMAGE_PATH_MAX]; /* to be armed, which locked forbids; empty: none */
};

/* Keeps the first failure, prints every one. */
void refresh_failed(struct refresh *r, const struct ukd_error *e);

/* Reads what there is and what is armed: images, armed to image. */
int refresh_look(struct refresh *r, struct ukd_error *e) _must_check_;

/* capture and advance, from Kernel= and what is installed. */
int refresh_find_kernels(struct refresh *r, struct ukd_error *e) _must_check_;

/*
 * Builds the image of a kernel if it is missing or stale, and has it signed if it waits. Returns 1
 * if one was built, 0 if there was nothing to build.
 */
int refresh_build(struct refresh *r, const char *kver, struct ukd_error *e) _must_check_;

/*
 * Arms what refresh_arms() says, if the kernel does not hold it already; or, if that fails and
 * nothing is armed, the last good image.
 */
int refresh_arm(struct refresh *r, struct ukd_error *e) _must_check_;

/* Removes what refresh_drops() says. */
int refresh_drop(struct refresh *r, struct ukd_error *e) _must_check_;
