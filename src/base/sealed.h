/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The layout of a sealed UKI (docs/UKI.md), shared by the kexec stub, which walks it in memory,
 * the builder, which writes it, and the validators.
 *
 * Two kinds of offsets: file offsets, and image offsets, which count from the end of the
 * "real-mode" part (setup_sects = 1) and so are file offsets less 0x400. The running kernel loads
 * the file from 0x400 on at a base address; image offset 0 is found there.
 */
#pragma once

#include "base/bootproto.h"
#include "base/bytes.h"

#define SEALED_PM_OFFSET     0x400 /* file offset of image offset 0 */
#define SEALED_HALT_32	     0x400 /* 32-bit entry: halts */
#define SEALED_ENTRY	     0x600 /* 64-bit entry: jmp to the kexec stub */
#define SEALED_KERNEL_INFO   0x630
#define SEALED_PE_HEADER     0x640 /* e_lfanew; a setup header can never reach this far */
#define SEALED_VERSION	     0x310 /* version string, at most SEALED_VERSION_MAX and a NUL */
#define SEALED_VERSION_MAX   0xef
#define SEALED_MAX_SECTIONS  96
#define SEALED_HEADERS_MAX   0x1000
#define SEALED_CMDLINE_EXTRA 30 /* "elfcorehdr=0x<16 digits> ", what the kernel puts in front */
#define SEALED_CMDLINE_KEYS  31 /* "dmcryptkeys=0x<16 digits> " */

/*
 * Room behind the sections for what the stub needs at run time: an unused page, the stack, and
 * the new command line.
 */
#define SEALED_SCRATCH	 0x20000
#define SEALED_PAGE	 0x1000
#define SEALED_STACK_END 0x5000 /* from the first page boundary behind the sections */

/*
 * The stub begins with a header that the builder fills in; the linker script puts it there.
 * The entry code cannot find its own load address otherwise: it has no stack to be called with.
 */
enum {
	STUB_CODE = 0,	  /* a jump over this header */
	STUB_MAGIC = 8,	  /* "ukdstub1" */
	STUB_OFFSET = 16, /* u32: image offset of the .kexec section */
	STUB_END = 20,	  /* u32: image offset behind the last section */
	STUB_FLAGS = 24,  /* u32: SEALED_* below */
	STUB_RESERVED = 28,
	STUB_HEADER_LEN = 32,
};

#define STUB_MAGIC_TEXT "ukdstub1"

/* For a normal kexec: the caller's whole command line is dropped. */
#define SEALED_FOR_NORMAL_KEXEC 1u
/* For a crash with dm-crypt keys: "dmcryptkeys=" is kept if it is where the kernel puts it. */
#define SEALED_KEEP_DMCRYPTKEYS 2u
#define SEALED_FLAGS_ALL	(SEALED_FOR_NORMAL_KEXEC | SEALED_KEEP_DMCRYPTKEYS)

struct image_range {
	uint32_t off; /* image offset */
	uint32_t len; /* min(VirtualSize, SizeOfRawData) */
};

struct sealed_parts {
	struct image_range kernel;
	struct image_range initrd;
	struct image_range cmdline;
	uint32_t end; /* behind the last section */
};

/*
 * Walks the section table of the image that begins at image.p (image offset 0). Every range lies
 * inside image, .linux, .initrd and .cmdline occur exactly once. Returns NULL, or what is wrong.
 */
const char *sealed_walk(struct bytes image, struct sealed_parts *ret) _must_check_;

/*
 * The inner kernel's own rules: its header, and that its protected-mode part fits into its
 * init_size. kernel: the beginning of .linux (at least 0x290 bytes); len: length of .linux.
 */
const char *sealed_check_kernel(struct bytes kernel, uint64_t len,
				struct setup_header *ret) _must_check_;

/* Where the parts of a sealed image lie at run time, all as image offsets. */
struct sealed_layout {
	uint64_t scratch; /* S: first page boundary behind the sections */
	uint64_t stack_low;
	uint64_t stack_high;
	uint64_t cmdline;
	uint64_t cmdline_len; /* room for the new command line and its NUL */
	uint64_t dest;	      /* where the inner kernel's protected-mode part goes */
};

/*
 * end: image offset behind the last section; inner: the inner kernel's header. Returns NULL, or
 * what is wrong (the command line does not fit into the scratch room).
 */
const char *sealed_layout(uint32_t end, const struct setup_header *inner,
			  struct sealed_layout *ret) _must_check_;
