/* SPDX-License-Identifier: GPL-2.0-or-later */
/* By what name a machine's crashes are told from others' in a store. */
#pragma once

#include "util/root.h"

#define MACHINE_MAX	72	  /* bytes of such a name, with the NUL; [0-9A-Za-z-] */
#define MACHINE_UNKNOWN "unknown" /* where there is neither /etc/machine-id nor firmware's */

/* Takes a name, which becomes part of a directory's. False if it is none; ret stays then. */
bool machine_set(char ret[MACHINE_MAX], const char *name);

/* The host's own, /etc/machine-id; false if there is none. */
bool machine_from_host(const struct root *root, char ret[MACHINE_MAX]);

/* Firmware's product UUID in small letters; false if there is none, or one that machines share. */
bool machine_from_firmware(const struct root *root, char ret[MACHINE_MAX]);

/*
 * All names by which captures of this machine go: the host's, firmware's (images of a fleet, in
 * which there is no host's), MACHINE_UNKNOWN. Returns how many.
 */
#define MACHINE_NAMES 3
unsigned int machine_names(const struct root *root, char ret[MACHINE_NAMES][MACHINE_MAX]);
