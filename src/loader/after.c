// SPDX-License-Identifier: GPL-2.0-or-later
/* Kernel parameters after arming: see after.h. The settings are the administrator's, trusted. */
#include "loader/after.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/file.h"

#define SYSCTL_MAX 256

/* "kernel.panic=10": its file below /proc/sys in path, its value returned; NULL if malformed. */
static const char *parse_sysctl(const char *setting, char path[SYSCTL_MAX])
{
	const char *equals = strchr(setting, '=');
	int n;

	if (!equals || equals == setting || strstr(setting, ".."))
		return NULL;
	n = snprintf(path, SYSCTL_MAX, "/proc/sys/%.*s", (int)(equals - setting), setting);
	if (n < 0 || n >= SYSCTL_MAX)
		return NULL;
	for (char *c = path + strlen("/proc/sys/"); *c; c++)
		if (*c == '.')
			*c = '/';
	return equals + 1;
}

static int write_sysctl(const struct root *root, const char *path, const char *value,
			struct ukd_error *e)
{
	_close_ int fd = root_openat(root, path, O_WRONLY);
	int r = fd < 0 ? fd : fd_write_full(fd, value, strlen(value));

	return r < 0 ? ukd_fail_errno(e, r, "cannot write '%s' to %s", value, path) : 0;
}

int after_check(const struct root *root, const struct settings *s, struct ukd_error *e)
{
	for (unsigned int i = 0; i < s->arm.sysctl.n; i++) {
		char path[SYSCTL_MAX];

		if (!parse_sysctl(s->arm.sysctl.v[i], path))
			return ukd_refuse(e, "arm.sysctl", "Sysctl=%s: need NAME=VALUE",
					  s->arm.sysctl.v[i]);
		if (!root_exists(root, path))
			return ukd_refuse(e, "arm.sysctl", "Sysctl=%s: this kernel has no %s",
					  s->arm.sysctl.v[i], path);
	}
	return 0;
}

static int lock_door(const struct root *root, enum setting_lock lock, struct ukd_error *e)
{
	if (lock == LOCK_PANIC_LIMIT)
		return write_sysctl(root, "/proc/sys/kernel/kexec_load_limit_panic", "0", e);
	if (lock == LOCK_ALL)
		return write_sysctl(root, "/proc/sys/kernel/kexec_load_disabled", "1", e);
	return 0;
}

int after_arm(const struct root *root, const struct settings *s, struct ukd_error *e)
{
	/* The lock first, and whatever becomes of the rest: an open door is the worse failure. */
	int ret = lock_door(root, s->arm.lock_after_arm, e);

	for (unsigned int i = 0; i < s->arm.sysctl.n; i++) {
		char path[SYSCTL_MAX];
		const char *value = parse_sysctl(s->arm.sysctl.v[i], path);
		struct ukd_error failed;
		int r = value ? write_sysctl(root, path, value, &failed) : 0;

		if (r < 0 && ret == 0) {
			*e = failed;
			ret = r;
		}
	}
	return ret;
}
