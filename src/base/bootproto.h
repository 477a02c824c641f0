/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Linux/x86 boot protocol (Documentation/arch/x86/boot.rst), as far as a sealed image needs
 * it: the setup header that lies at 0x1f1 both of a bzImage and of boot_params. Compiles
 * freestanding: one reading of the header for the kexec stub, the builder and the validators.
 */
#pragma once

#include "base/bytes.h"

/* Offsets in a bzImage file and, where they are below 0x290, equally in boot_params. */
enum {
	BP_EXT_RAMDISK_IMAGE = 0x0c0,
	BP_EXT_RAMDISK_SIZE = 0x0c4,
	BP_EXT_CMD_LINE_PTR = 0x0c8,
	BP_E820_ENTRIES = 0x1e8,
	BP_HDR = 0x1f1,
	BP_SETUP_SECTS = 0x1f1,
	BP_SYSSIZE = 0x1f4,
	BP_VID_MODE = 0x1fa,
	BP_ROOT_DEV = 0x1fc,
	BP_BOOT_FLAG = 0x1fe,
	BP_JUMP_LEN = 0x201, /* the header ends at 0x202 + this byte */
	BP_MAGIC = 0x202,
	BP_VERSION = 0x206,
	BP_KERNEL_VERSION = 0x20e,
	BP_TYPE_OF_LOADER = 0x210,
	BP_LOADFLAGS = 0x211,
	BP_CODE32_START = 0x214,
	BP_RAMDISK_IMAGE = 0x218,
	BP_RAMDISK_SIZE = 0x21c,
	BP_HEAP_END_PTR = 0x224,
	BP_EXT_LOADER_VER = 0x226,
	BP_EXT_LOADER_TYPE = 0x227,
	BP_CMD_LINE_PTR = 0x228,
	BP_KERNEL_ALIGNMENT = 0x230,
	BP_XLOADFLAGS = 0x236,
	BP_CMDLINE_SIZE = 0x238,
	BP_HARDWARE_SUBARCH = 0x23c,
	BP_HARDWARE_SUBARCH_DATA = 0x240,
	BP_PAYLOAD_OFFSET = 0x248,
	BP_PAYLOAD_LENGTH = 0x24c,
	BP_SETUP_DATA = 0x250,
	BP_PREF_ADDRESS = 0x258,
	BP_INIT_SIZE = 0x260,
	BP_HANDOVER_OFFSET = 0x264,
	BP_KERNEL_INFO_OFFSET = 0x268,
	BP_HDR_END_MAX = 0x290, /* EDD data begins there in boot_params */
	BP_E820_TABLE = 0x2d0,
	BOOT_PARAMS_LEN = 0x1000,
};

#define BP_LOADED_HIGH	    0x01 /* loadflags */
#define XLF_KERNEL_64	    0x0001u
#define XLF_ABOVE_4G	    0x0002u
#define XLF_EFI_HANDOVER_32 0x0004u
#define XLF_EFI_HANDOVER_64 0x0008u
#define XLF_5LEVEL	    0x0020u

#define BP_ENTRY_64 0x200 /* 64-bit entry, from the beginning of the protected-mode part */

#define E820_ENTRY_LEN	 20
#define E820_MAX_ENTRIES 128
#define E820_RAM	 1

struct setup_header {
	uint32_t pm_offset; /* (setup_sects + 1) * 512: where the protected-mode part begins */
	uint32_t end;	    /* file offset behind the header */
	uint32_t syssize;   /* in units of 16 bytes */
	uint32_t kernel_alignment;
	uint32_t cmdline_size; /* without the NUL */
	uint32_t payload_offset;
	uint32_t init_size;
	uint32_t handover_offset;
	uint32_t kernel_info_offset;
	uint64_t pref_address;
	uint16_t version;
	uint16_t kernel_version;
	uint16_t xloadflags;
};

/*
 * Reads the header of a bzImage of which head holds at least the first 0x290 bytes, and applies
 * every test of the kernel's bzImage64_probe() (arch/x86/kernel/kexec-bzimage64.c, 3.17 to 7.2)
 * but the one for 5-level paging. Returns NULL, or what is wrong.
 */
const char *setup_header_parse(struct bytes head, struct setup_header *ret) _must_check_;

/*
 * The same for the copy of a header in boot_params: there the kernel has set loadflags to 0
 * (bzImage64_load()).
 */
const char *setup_header_parse_loaded(struct bytes head, struct setup_header *ret) _must_check_;
