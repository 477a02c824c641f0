/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of `ukdumpctl reserve`. */
#pragma once

#include "crashkernel/bootloader.h"
#include "crashkernel/cmdline.h"
#include "ctl/reserve/reserve_facts.h"

#define ADDON_NAME "ukdump-crashkernel.addon.efi"

/* When what was written counts. */
enum reserve_effect {
	EFFECT_NOW,	/* the running kernel was booted with the same */
	EFFECT_REBOOT,	/* it was booted with something else */
	EFFECT_UNKNOWN, /* the tree has no running kernel */
};

struct reserve_result {
	const struct boot_plan *plan;
	const struct reserve_state *state; /* NULL: what to reserve was not worked out */
	const char *why;		   /* of the method */
	const char *words;		   /* what is to be on the command line, or "" */
	bool dry_run, undo;
	enum reserve_effect effect;
	uint64_t reserved; /* by the running kernel, bytes */
};

void reserve_print(const struct reserve_result *r);
void reserve_print_json(const struct reserve_result *r);

struct reserve_addon {
	const char *uki;	/* of --uki: a path in the root, or NULL: for all UKIs */
	const char *key, *cert; /* of the command line, or NULL */
};

/* As the writers of bootloader.h. The "file" in the plan is the addon's command line. */
int reserve_addon_plan(const struct root *root, const struct boot_facts *f,
		       const struct reserve_addon *a, const char *words, struct boot_plan *ret,
		       struct ukd_error *e) _must_check_;

/*
 * Makes and signs the addon, or removes it. Under Secure Boot one whose signer firmware does not
 * know is refused (check "reserve.key"): it would be there and do nothing.
 */
int reserve_addon_apply(const struct root *root, const struct reserve_addon *a,
			const struct boot_plan *p, struct ukd_error *e) _must_check_;
