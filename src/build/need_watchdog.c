// SPDX-License-Identifier: GPL-2.0-or-later
/* The hardware watchdog: the one that this machine has, or the usual ones. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "build/device.h"
#include "build/needs.h"

#define WATCHDOGS 4

/*
 * With i2c_i801 and lpc_ich, one of which makes iTCO_wdt's device. ipmi_watchdog is not among them:
 * it brings the whole of IPMI and has no device to ask for it; Modules= can name it.
 */
static const char *const fleet_drivers[] = {
	"i6300esb", "sp5100_tco", "hpwdt", "wdat_wdt", "i2c_i801", "lpc_ich", "iTCO_wdt",
};

struct found {
	struct needs *needs;
	char names[256]; /* for the note */
};

static int add_bound(void *ctx, const char *name, bool loadable, struct ukd_error *e)
{
	struct found *f = ctx;
	size_t used = strlen(f->names);
	int r = need_driver(f->needs, name, e);

	if (r == 0 && loadable)
		needs_note(f->needs, "hardware watchdog: kernel %s has no driver '%s'",
			   f->needs->kver, name);
	if (r > 0)
		(void)snprintf(f->names + used, sizeof(f->names) - used, " %s", name);
	return r < 0 ? r : 0;
}

static int need_usual(struct needs *n, struct ukd_error *e)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(fleet_drivers); i++)
		r = need_driver_by_hardware(n, fleet_drivers[i], false, e);
	return r < 0 ? r : 0;
}

int need_watchdog(struct needs *n, struct ukd_error *e)
{
	struct found f = {.needs = n};

	if (n->fleet)
		return need_usual(n, e);
	for (unsigned int i = 0; i < WATCHDOGS; i++) {
		char name[32];
		int r;

		(void)snprintf(name, sizeof(name), "watchdog/watchdog%u", i);
		/* softdog has no device, so no driver is found: a timer in the kernel that hangs. */
		r = device_class_drivers(n->root, name, add_bound, &f, e);
		if (r < 0 && r != -ENOENT)
			return ukd_prefix(e, "hardware watchdog");
	}
	if (f.names[0])
		needs_note(n, "hardware watchdog: drivers%s", f.names);
	return 0;
}
