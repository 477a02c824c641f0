/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drivers for a machine that was not known when the image was built. The image has many, each with
 * what it depends on in a list of its own; loaded are those that a device asks for by its modalias,
 * because all of them together take more than 10 MiB of a reservation of 100.
 */
#pragma once

#include <stdbool.h>

#include "capture/modules.h"

/* Lines "ALIAS NAME": the list modules-NAME.list is for devices like ALIAS (modules.alias(5)). */
#define HARDWARE_ALIASES "/etc/ukdump/hardware.alias"

/*
 * Loads the lists of all devices that are there, and of those that appear because of that (a bus
 * behind a controller). Adds to *ret. Returns 0, -ENOENT if the image has no such drivers, or
 * another negative errno if the file cannot be read.
 */
int hardware_load(const struct root *root, module_load_fn load, const struct modules_limit *limit,
		  struct modules_result *ret, struct ukd_error *e) _must_check_;
