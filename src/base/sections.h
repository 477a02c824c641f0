/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one table of UKI section names: UAPI.5 (Unified Kernel Image) plus those that only
 * systemd-stub and ukify document (.profile, .sbom), plus our own .kexec. Shared by the kexec
 * stub, the validators and the builder.
 */
#pragma once

#include "base/bytes.h"

#define PE_SECTION_NAME_LEN 8

/* Archives of an initrd begin at multiples of this (systemd-stub; the kernel skips the zeros). */
#define INITRD_ALIGN 4

enum uki_section {
	UKI_LINUX,
	UKI_OSREL,
	UKI_CMDLINE,
	UKI_INITRD,
	UKI_UCODE,
	UKI_SPLASH,
	UKI_DTB,
	UKI_DTBAUTO,
	UKI_HWIDS,
	UKI_UNAME,
	UKI_SBAT,
	UKI_PCRSIG,
	UKI_PCRPKEY,
	UKI_PROFILE,
	UKI_EFIFW,
	UKI_SBOM,
	UKI_KEXEC,
	UKI_SECTION_MAX,
	UKI_OTHER = UKI_SECTION_MAX, /* .text, .data and whatever else belongs to the EFI program */
};

enum {
	UKI_REPEATS = 1,    /* may occur several times within one profile */
	UKI_NOT_SEALED = 2, /* refused in a sealed image (docs/UKI.md) */
	UKI_TEXT = 4,	    /* small and textual: its content is kept for checks and display */
	UKI_HARDWARE = 8,   /* for firmware or a devicetree: kexec cannot hand it to a kernel */
};

struct uki_section_info {
	_nonstring_ char name[PE_SECTION_NAME_LEN]; /* NUL-padded; a name of 8 bytes has no NUL */
	uint8_t flags;
};

extern const struct uki_section_info uki_sections[UKI_SECTION_MAX];

/* The section that a PE section header's 8 name bytes stand for. */
enum uki_section uki_section_by_name(const uint8_t name[PE_SECTION_NAME_LEN]);
