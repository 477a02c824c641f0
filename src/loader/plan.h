/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What will be loaded, complete and verified before the kernel is asked: a sealed image as it is,
 * or a plain UKI in parts, with a profile and the addons beside it.
 */
#pragma once

#include "auth/keyring.h"
#include "auth/sidecar.h"
#include "conf/settings.h"
#include "crashkernel/size.h"
#include "loader/host.h"
#include "loader/parts.h"

/* Where a plan is carried out. */
struct machine {
	const struct root *root;
	struct host host;
	struct settings settings;
	struct ukd_error unread; /* why the settings are the defaults; code 0: they are not */
	struct auth_policy policy;
};

void machine_free(struct machine *m);

struct plan {
	struct snapshot image;
	struct sidecars beside;	 /* holds the names of the addons */
	struct snapshot *addons; /* those that apply, in order */
	unsigned int n_addons;
	unsigned int profile;
	struct parts parts;		     /* of a plain UKI */
	struct setup_header setup;	     /* the one that the running kernel will look at */
	char kernel[SEALED_VERSION_MAX + 1]; /* version of the inner kernel; empty: unknown */
	struct image_need need;
	/*
	 * What the kernel says to the signature that it will look at, since check_plan();
	 * KERNEL_UNKNOWN, without a reason, where it does not enforce signatures.
	 */
	struct kernel_answer answer;
};

#define PLAN_NONE                                           \
	{                                                   \
		.image = SNAPSHOT_NONE, .parts = PARTS_NONE \
	}
void plan_free(struct plan *p);
#define _plan_ _cleanup_(plan_free)

/* True if the image is loaded whole, and so is verified by the kernel. */
static inline bool plan_is_sealed(const struct plan *p)
{
	return p->image.j.uki.kind == UKI_SEALED;
}

/*
 * path: relative to dirfd, borrowed as long as the plan is used; profile: a number, an ID, or NULL
 * for 0. Refuses what is not trusted, what no machine could load and what the settings forbid; what
 * is beside the image and does not apply is told in the log.
 */
int plan_make(const struct machine *m, int dirfd, const char *path, const char *profile,
	      struct plan *ret, struct ukd_error *e) _must_check_;
