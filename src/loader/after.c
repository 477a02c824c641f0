// SPDX-License-Identifier: GPL-2.0-or-later
/* What [Arm] asks for: see after.h. */
#include "loader/after.h"

#include <fcntl.h>

#include "loader/sysctl.h"

static int lock_door(const struct root *root, enum setting_lock lock, struct ukd_error *e)
{
	if (lock == LOCK_PANIC_LIMIT)
		return sysctl_write(root, "/proc/sys/kernel/kexec_load_limit_panic", "0", e);
	if (lock == LOCK_ALL)
		return sysctl_write(root, "/proc/sys/kernel/kexec_load_disabled", "1", e);
	return 0;
}

int after_arm(const struct root *root, const struct settings *s, struct ukd_error *e)
{
	struct ukd_error ignored;
	/* The lock first, and whatever becomes of the rest: an open door is the worse failure. */
	int r = lock_door(root, s->arm.lock_after_arm, e);

	if (r < 0) {
		(void)!sysctl_apply(root, &s->arm.sysctl, &ignored);
		return r;
	}
	return sysctl_apply(root, &s->arm.sysctl, e);
}
