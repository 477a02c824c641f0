/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The EFI program that an image carries for firmware: systemd-stub, or a built-in refusal. */
#pragma once

#include "pe/pe.h"
#include "util/file.h"

struct efi_stub {
	struct buffer image; /* a private copy, made canonical */
	struct pe_image pe;  /* of that copy */
};

void efi_stub_free(struct efi_stub *s);

/*
 * Takes a systemd-stub and makes it canonical: old ones (252) carry COFF symbols and a string
 * table behind the last section, which are dropped. Empty: the built-in entry, a few bytes that
 * return EFI_UNSUPPORTED. Refuses what is no EFI program, is signed, or is a whole UKI.
 */
int efi_stub_load(struct bytes file, struct efi_stub *ret, struct ukd_error *e) _must_check_;
