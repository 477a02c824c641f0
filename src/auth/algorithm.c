// SPDX-License-Identifier: GPL-2.0-or-later
/* The running kernel's algorithms: see algorithm.h. */
#include "auth/algorithm.h"

#include <stdio.h>
#include <string.h>

#include "util/kconfig.h"

struct algorithm {
	const char *ours;   /* auth_result.key_name or digest_name */
	const char *kernel; /* in /proc/crypto, and "crypto-..." as alias of a module */
	const char *option;
	unsigned int since[2]; /* the first version whose certificate parser knows it */
};

static const struct algorithm algorithms[] = {
	{"EC prime256v1", "ecdsa-nist-p256", "CRYPTO_ECDSA", {5, 13}},
	{"EC secp384r1", "ecdsa-nist-p384", "CRYPTO_ECDSA", {5, 13}},
	{"EC secp521r1", "ecdsa-nist-p521", "CRYPTO_ECDSA", {6, 10}},
	{"SHA384", "sha384", "CRYPTO_SHA512", {3, 7}},
	{"SHA512", "sha512", "CRYPTO_SHA512", {3, 7}},
};

/* Is this text in the file, which may be unreadable (*ret_known false)? */
static bool file_says(const struct root *root, const char *path, const char *line, bool *ret_known)
{
	_buffer_ struct buffer b = {0};
	struct ukd_error ignored;

	*ret_known = root_read(root, path, MIB(16), &b, &ignored) == 0;
	return *ret_known && strstr((char *)b.data, line);
}

/* /proc/crypto: "name         : sha384"; drivers have longer names. */
static bool is_registered(const struct root *root, const struct algorithm *a)
{
	char line[64];
	bool known;

	(void)snprintf(line, sizeof(line), ": %s\n", a->kernel);
	return file_says(root, "/proc/crypto", line, &known);
}

static bool is_too_old(const char *release, const struct algorithm *a)
{
	unsigned int major, minor;

	if (sscanf(release, "%u.%u", &major, &minor) != 2)
		return false;
	return major < a->since[0] || (major == a->since[0] && minor < a->since[1]);
}

/* The kernel asks for a module by this alias (crypto/api.c). */
static bool has_no_module(const struct root *root, const char *release, const struct algorithm *a)
{
	char path[256], line[64];
	bool known;

	(void)snprintf(path, sizeof(path), "/usr/lib/modules/%s/modules.alias", release);
	(void)snprintf(line, sizeof(line), "alias crypto-%s ", a->kernel);
	return !file_says(root, path, line, &known) && known;
}

static bool lacks(const struct root *root, const struct algorithm *a)
{
	_kconfig_ struct kconfig k = {0};
	struct ukd_error ignored;
	char release[128];

	if (is_registered(root, a) ||
	    root_kernel_release(root, release, sizeof(release), &ignored) < 0)
		return false;
	if (is_too_old(release, a))
		return true;
	kconfig_read(root, &k);
	switch (kconfig_get(&k, a->option)) {
	case KCONFIG_NO:
		return true;
	case KCONFIG_MODULE:
		return has_no_module(root, release, a);
	default:
		return false;
	}
}

const char *kernel_lacks(const struct root *root, const struct auth_result *auth)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(algorithms); i++) {
		const struct algorithm *a = &algorithms[i];

		if (strcmp(a->ours, auth->key_name) && strcmp(a->ours, auth->digest_name))
			continue;
		if (lacks(root, a))
			return a->kernel;
	}
	return NULL;
}
