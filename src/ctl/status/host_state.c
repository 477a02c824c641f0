// SPDX-License-Identifier: GPL-2.0-or-later
/* Panic parameters and rivals: see host_state.h. */
#include "ctl/status/host_state.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

#define UNIT_DIR "/etc/systemd/system"

/* Fedora and SUSE; Debian. */
static const char *const rivals[] = {"kdump.service", "kdump-tools.service"};

static bool read_number(const struct root *root, const char *path, int64_t *ret)
{
	_buffer_ struct buffer text = {0};
	struct ukd_error ignored;
	char *end;

	if (root_read(root, path, 64, &text, &ignored) < 0)
		return false;
	*ret = strtoll((char *)text.data, &end, 10);
	return end != (char *)text.data && (*end == '\n' || !*end);
}

void panic_parameters_read(const struct root *root, struct panic_parameter ret[PANIC_PARAMETERS])
{
	static const char *const names[PANIC_PARAMETERS] = {
		"panic",
		"panic_on_oops",
		"hung_task_panic",
		"softlockup_panic",
		"unknown_nmi_panic",
		"sysrq",
	};

	for (size_t i = 0; i < PANIC_PARAMETERS; i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "/proc/sys/kernel/%s", names[i]);
		ret[i] = (struct panic_parameter){.name = names[i]};
		ret[i].known = read_number(root, path, &ret[i].value);
	}
}

static bool is_masked(const struct root *root, const char *unit)
{
	char path[PATH_MAX], to[16];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%s/%s", &UNIT_DIR[1], unit);
	n = readlinkat(root->fd, path, to, sizeof(to));
	return n == (ssize_t)strlen("/dev/null") && !memcmp(to, "/dev/null", (size_t)n);
}

/* Does TARGET.wants have it? The links lead to units elsewhere and are not followed. */
static bool is_wanted_by(const struct root *root, const char *target, const char *unit)
{
	const char *dot = strrchr(target, '.');
	_close_ int dir = -1;
	char path[PATH_MAX];

	if (!dot || strcmp(dot, ".wants") != 0)
		return false;
	(void)snprintf(path, sizeof(path), UNIT_DIR "/%s", target);
	dir = root_openat(root, path, O_RDONLY | O_DIRECTORY);
	return dir >= 0 && faccessat(dir, unit, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool is_enabled(const struct root *root, DIR *units, const char *unit)
{
	const struct dirent *d;

	rewinddir(units);
	while ((d = readdir(units)))
		if (is_wanted_by(root, d->d_name, unit))
			return !is_masked(root, unit);
	return false;
}

bool unit_is_enabled(const struct root *root, const char *unit, bool *ret_known)
{
	_closedir_ DIR *units = root_opendir(root, UNIT_DIR);

	*ret_known = units != NULL;
	return units && is_enabled(root, units, unit);
}

const char *enabled_rival(const struct root *root)
{
	_closedir_ DIR *units = root_opendir(root, UNIT_DIR);

	for (size_t i = 0; units && i < ARRAY_SIZE(rivals); i++)
		if (is_enabled(root, units, rivals[i]))
			return rivals[i];
	return NULL;
}
