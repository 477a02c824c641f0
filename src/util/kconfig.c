// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel's config file: see kconfig.h. Trusted, but read with care: it is a text file. */
#include "util/kconfig.h"

#include <stdio.h>
#include <string.h>

#define CONFIG_MAX MIB(4)

static void read_one(const struct root *root, const char *path, struct buffer *ret)
{
	struct ukd_error ignored;

	if (!ret->data)
		(void)!root_read(root, path, CONFIG_MAX, ret, &ignored);
}

void kconfig_read_version(const struct root *root, const char *kver, struct kconfig *ret)
{
	char path[256];

	*ret = (struct kconfig){0};
	(void)snprintf(path, sizeof(path), "/boot/config-%s", kver);
	read_one(root, path, &ret->text);
	(void)snprintf(path, sizeof(path), "/usr/lib/modules/%s/config", kver);
	read_one(root, path, &ret->text);
}

void kconfig_read(const struct root *root, struct kconfig *ret)
{
	struct ukd_error ignored;
	char release[128];

	*ret = (struct kconfig){0};
	if (root_kernel_release(root, release, sizeof(release), &ignored) >= 0)
		kconfig_read_version(root, release, ret);
}

void kconfig_free(struct kconfig *k)
{
	buffer_free(&k->text);
}

enum kconfig_value kconfig_get(const struct kconfig *k, const char *option)
{
	char key[96];
	size_t len = (size_t)snprintf(key, sizeof(key), "CONFIG_%s=", option);
	const char *line = (const char *)k->text.data;

	if (!line)
		return KCONFIG_UNKNOWN;
	while (strncmp(line, key, len) != 0) {
		line = strchr(line, '\n');
		if (!line)
			return KCONFIG_NO;
		line++;
	}
	if (!strncmp(line + len, "y\n", 2))
		return KCONFIG_YES;
	return strncmp(line + len, "m\n", 2) ? KCONFIG_NO : KCONFIG_MODULE;
}
