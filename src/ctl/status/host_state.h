/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What else on this machine decides about crashes: when the kernel panics, and who else arms. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/root.h"

/* A file below /proc/sys/kernel with a number. */
struct panic_parameter {
	const char *name;
	bool known; /* false: this kernel has no such file */
	int64_t value;
};

#define PANIC_PARAMETERS 6

/*
 * Which events are a panic (kernel.panic_on_oops and the like), what follows one without a capture
 * image (kernel.panic), and whether the keyboard can cause one (kernel.sysrq).
 */
void panic_parameters_read(const struct root *root, struct panic_parameter ret[PANIC_PARAMETERS]);

/*
 * Another service that loads capture images: the name of its unit if it is enabled, by what lies
 * in the .wants directories of /etc/systemd/system, and not masked; else NULL. Whether it runs
 * only the manager could tell; that it cannot run beside ours, our unit's Conflicts= sees to.
 */
const char *enabled_rival(const struct root *root);

/*
 * Is a unit enabled, by the same rule? *ret_known is false where there is no /etc/systemd/system
 * to look into.
 */
bool unit_is_enabled(const struct root *root, const char *unit, bool *ret_known);
