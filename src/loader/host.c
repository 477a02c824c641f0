// SPDX-License-Identifier: GPL-2.0-or-later
/* Facts about the running kernel: see host.h. Its /proc, /sys and config file are trusted. */
#include "loader/host.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/lockdown.h"

static uint64_t read_or(const struct root *root, const char *path, uint64_t fallback)
{
	struct ukd_error ignored;
	uint64_t v;

	return root_read_u64(root, path, &v, &ignored) == 0 ? v : fallback;
}

/*
 * kexec_load_limit_panic (6.3) counts down to 0 and is -1 without a limit, which root_read_u64()
 * does not read as a number.
 */
static void read_limits(const struct root *root, struct host *h)
{
	h->loads_left = read_or(root, "/proc/sys/kernel/kexec_load_limit_panic", UINT64_MAX);
	h->load_disabled = read_or(root, "/proc/sys/kernel/kexec_load_disabled", 0) == 1 ||
			   !h->loads_left;
	h->has_keys = root_exists(root, "/sys/kernel/config/crash_dm_crypt_keys");
}

/* Without a config file nothing is known, and nothing is held against the kernel. */
static void read_kernel(const struct root *root, struct host *h)
{
	_kconfig_ struct kconfig k = {0};
	struct lockdown l;

	kconfig_read(root, &k);
	lockdown_read(root, &k, &l);
	h->secure_boot = l.secure_boot;
	h->enforced = l.enforced;
	memcpy(h->lockdown, l.mode, sizeof(h->lockdown));
	h->config_known = k.text.data != NULL;
	if (kconfig_get(&k, "KEXEC_FILE") == KCONFIG_NO)
		(void)snprintf(h->missing, sizeof(h->missing), "CONFIG_KEXEC_FILE");
	/* A kernel that demands signatures and cannot check any: nothing loads. */
	else if (h->enforced && kconfig_get(&k, "KEXEC_BZIMAGE_VERIFY_SIG") == KCONFIG_NO)
		(void)snprintf(h->missing, sizeof(h->missing), "CONFIG_KEXEC_BZIMAGE_VERIFY_SIG");
}

static bool read_five_level(const struct root *root)
{
	_buffer_ struct buffer cpu = {0}, line = {0};
	struct ukd_error ignored;

	if (root_read(root, "/proc/cpuinfo", MIB(16), &cpu, &ignored) < 0 ||
	    !strstr((char *)cpu.data, " la57"))
		return false;
	return root_read(root, "/proc/cmdline", KIB(64), &line, &ignored) < 0 ||
	       !strstr((char *)line.data, "no5lvl");
}

int host_read(const struct root *root, struct host *ret, struct ukd_error *e)
{
	struct host h = {0};
	int r = crash_memory_read(root, &h.memory, e);

	if (r >= 0)
		r = crash_image_loaded(root, &h.loaded, e);
	if (r < 0)
		return r;
	h.five_level = read_five_level(root);
	read_limits(root, &h);
	read_kernel(root, &h);
	*ret = h;
	return 0;
}
