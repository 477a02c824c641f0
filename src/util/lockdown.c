// SPDX-License-Identifier: GPL-2.0-or-later
/* Does the running kernel insist on signatures: see lockdown.h. */
#include "util/lockdown.h"

#include <stdio.h>
#include <string.h>

#define SECURE_BOOT_VARIABLE \
	"/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"

/* efivarfs: four attribute bytes, then the value. */
bool secure_boot_is_on(const struct root *root)
{
	_buffer_ struct buffer b = {0};
	struct ukd_error ignored;

	return root_read(root, SECURE_BOOT_VARIABLE, 64, &b, &ignored) == 0 && b.len == 5 &&
	       b.data[4] == 1;
}

/* "none [integrity] confidentiality": the bracketed word. */
static void read_mode(const struct root *root, struct lockdown *l)
{
	_buffer_ struct buffer b = {0};
	struct ukd_error ignored;
	const char *open;

	(void)snprintf(l->mode, sizeof(l->mode), "unknown");
	if (root_read(root, "/sys/kernel/security/lockdown", 256, &b, &ignored) < 0)
		return;
	open = strchr((char *)b.data, '[');
	if (open)
		(void)snprintf(l->mode, sizeof(l->mode), "%.*s", (int)strcspn(open + 1, "]"),
			       open + 1);
}

void lockdown_read(const struct root *root, const struct kconfig *k, struct lockdown *ret)
{
	struct lockdown l = {.secure_boot = secure_boot_is_on(root)};

	read_mode(root, &l);
	l.enforced = l.secure_boot || !strcmp(l.mode, "integrity") ||
		     !strcmp(l.mode, "confidentiality") ||
		     kconfig_get(k, "KEXEC_SIG_FORCE") == KCONFIG_YES;
	*ret = l;
}
