// SPDX-License-Identifier: GPL-2.0-or-later
/* EFI variables: see efivar.h. */
#include "auth/efivar.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define EFI_VAR_MAX   MIB(4)
#define EFI_VAR_ATTRS 4 /* efivarfs puts the variable's attributes first */

/* -ENOENT, -EACCES and -ENOMEM are the caller's to judge; all else is a variable beyond reading. */
static int read_file(const struct root *root, const char *path, const char *name,
		     struct buffer *ret, struct ukd_error *e)
{
	int r = root_read(root, path, EFI_VAR_MAX, ret, e);
	char text[sizeof(e->text)];

	if (r >= 0 || r == -ENOENT || r == -EACCES || r == -ENOMEM)
		return r;
	memcpy(text, e->text, sizeof(text));
	return ukd_refuse(e, "efi.variable", "%s: %.400s", name, text);
}

int efivar_read(const struct root *root, const char *path, const char *name, struct buffer *ret,
		struct ukd_error *e)
{
	_buffer_ struct buffer b = {0};
	int r = read_file(root, path, name, &b, e);

	if (r == -EACCES)
		return ukd_refuse(e, "efi.variable", "%s: %s cannot be read: %s", name, path,
				  strerror(EACCES));
	if (r < 0)
		return r;
	if (b.len < EFI_VAR_ATTRS)
		return ukd_refuse(e, "efi.variable", "%s: has %zu bytes, needed are at least %d",
				  name, b.len, EFI_VAR_ATTRS);
	b.len -= EFI_VAR_ATTRS;
	memmove(b.data, b.data + EFI_VAR_ATTRS, b.len + 1);
	*ret = b;
	b = (struct buffer){0};
	return 0;
}

int efivar_read_shim(const struct root *root, const char *name, const char *path,
		     struct buffer *ret, struct ukd_error *e)
{
	char table[128];
	bool closed;
	int r;

	(void)snprintf(table, sizeof(table), "/sys/firmware/efi/mok-variables/%s", name);
	r = read_file(root, table, name, ret, e);
	if (r != -ENOENT && r != -EACCES)
		return r;
	closed = r == -EACCES;
	r = efivar_read(root, path, name, ret, e);
	if (r == -ENOENT && closed)
		return ukd_refuse(e, "efi.variable", "%s is for root only", table);
	return r;
}
