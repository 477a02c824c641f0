// SPDX-License-Identifier: GPL-2.0-or-later
/* Names of machines: see machine.h. */
#include "store/machine.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"

bool machine_set(char ret[MACHINE_MAX], const char *name)
{
	size_t n = strlen(name);

	if (!n || n >= MACHINE_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '-')
			return false;
	(void)snprintf(ret, MACHINE_MAX, "%s", name);
	return true;
}

/* One line of a file; false if there is none. */
static bool read_line(const struct root *root, const char *path, struct buffer *ret)
{
	struct ukd_error ignored;

	if (root_read(root, path, 256, ret, &ignored) < 0)
		return false;
	ret->data[strcspn((char *)ret->data, "\n")] = 0;
	return true;
}

bool machine_from_host(const struct root *root, char ret[MACHINE_MAX])
{
	_buffer_ struct buffer b = {0};

	return read_line(root, "/etc/machine-id", &b) && machine_set(ret, (char *)b.data);
}

/*
 * What firmware has where nobody has set it. Machines that share it would remove each other's dumps
 * from a shared store.
 */
static bool is_shared_uuid(const char *s)
{
	/* AMI's and Supermicro's default */
	if (!strcmp(s, "03000200-0400-0500-0006-000700080009"))
		return true;
	for (const char *p = s; *p; p++)
		if (*p != '-' && *p != s[0])
			return false;
	return true;
}

bool machine_from_firmware(const struct root *root, char ret[MACHINE_MAX])
{
	_buffer_ struct buffer b = {0};

	if (!read_line(root, "/sys/class/dmi/id/product_uuid", &b))
		return false;
	for (char *s = (char *)b.data; *s; s++)
		*s = (char)tolower((unsigned char)*s);
	return !is_shared_uuid((char *)b.data) && machine_set(ret, (char *)b.data);
}

unsigned int machine_names(const struct root *root, char ret[MACHINE_NAMES][MACHINE_MAX])
{
	unsigned int n = 0;

	n += machine_from_host(root, ret[n]);
	n += machine_from_firmware(root, ret[n]);
	n += machine_set(ret[n], MACHINE_UNKNOWN);
	return n;
}
