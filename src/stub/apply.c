// SPDX-License-Identifier: GPL-2.0-or-later
/* Starts the inner kernel as the plan says: see stub.h. Everything was checked; nothing can fail. */
#include "stub/stub.h"

static void *at(uint64_t address)
{
	return (void *)(uintptr_t)address;
}

/* What the running kernel decided and the inner header must not undo. */
static const struct {
	uint16_t off;
	uint8_t len;
} kept_fields[] = {
	{BP_VID_MODE, 2},	 {BP_ROOT_DEV, 2},	   {BP_TYPE_OF_LOADER, 1},
	{BP_LOADFLAGS, 1},	 {BP_HEAP_END_PTR, 2},	   {BP_EXT_LOADER_VER, 1},
	{BP_EXT_LOADER_TYPE, 1}, {BP_HARDWARE_SUBARCH, 4}, {BP_HARDWARE_SUBARCH_DATA, 8},
	{BP_SETUP_DATA, 8},
};

/* The signed end is the image's end: what was behind it, signatures or foreign bytes, goes. */
static void clear_behind_image(const struct stub_plan *p)
{
	const struct sealed_layout *l = &p->layout;

	__builtin_memset(at(p->base + p->parts.end), 0, l->stack_low - p->parts.end);
	__builtin_memset(at(p->base + l->stack_high), 0, l->dest - l->stack_high);
}

static void place_kernel(const struct stub_plan *p)
{
	const uint8_t *kernel = at(p->base + p->parts.kernel.off);
	uint64_t len = p->parts.kernel.len - p->inner.pm_offset;
	uint8_t *dest = at(p->base + p->layout.dest);

	__builtin_memcpy(dest, kernel + p->inner.pm_offset, len);
	__builtin_memset(dest + len, 0, p->inner.init_size - len);
}

static void replace_header(const struct stub_plan *p)
{
	const uint8_t *kernel = at(p->base + p->parts.kernel.off);
	uint8_t old[BP_HDR_END_MAX];

	__builtin_memcpy(old, p->boot_params, sizeof(old));
	__builtin_memset(p->boot_params + BP_HDR, 0, BP_HDR_END_MAX - BP_HDR);
	__builtin_memcpy(p->boot_params + BP_HDR, kernel + BP_HDR, p->inner.end - BP_HDR);
	for (unsigned int i = 0; i < ARRAY_SIZE(kept_fields); i++)
		__builtin_memcpy(p->boot_params + kept_fields[i].off, old + kept_fields[i].off,
				 kept_fields[i].len);
}

static void store_split(const struct stub_plan *p, uint64_t v, uint32_t lo, uint32_t hi)
{
	store_le32(p->boot_params + lo, (uint32_t)v);
	store_le32(p->boot_params + hi, (uint32_t)(v >> 32));
}

static void place_initrd(const struct stub_plan *p)
{
	store_split(p, p->base + p->parts.initrd.off, BP_RAMDISK_IMAGE, BP_EXT_RAMDISK_IMAGE);
	store_split(p, p->parts.initrd.len, BP_RAMDISK_SIZE, BP_EXT_RAMDISK_SIZE);
}

static char *append_token(char *to, const char *token)
{
	if (!token[0])
		return to;
	while (*token)
		*to++ = *token++;
	*to++ = ' ';
	return to;
}

static void place_cmdline(const struct stub_plan *p)
{
	uint64_t address = p->base + p->layout.cmdline;
	char *to = at(address);

	to = append_token(to, p->elfcorehdr);
	to = append_token(to, p->dmcryptkeys);
	__builtin_memcpy(to, at(p->base + p->parts.cmdline.off), p->parts.cmdline.len);
	to[p->parts.cmdline.len] = 0;
	store_split(p, address, BP_CMD_LINE_PTR, BP_EXT_CMD_LINE_PTR);
}

/*
 * EFI runtime map, confidential computing blob, IMA buffer, random seed: what the running kernel
 * itself passes on. Others (E820_EXT, DTB, PCI, ...) could change what the inner kernel does.
 */
static bool setup_data_kept(uint32_t type)
{
	return type == 4 || type == 7 || type == 8 || type == 9;
}

static void filter_setup_data(const struct stub_plan *p)
{
	uint8_t *link = p->boot_params + BP_SETUP_DATA; /* where the pointer to the node is */
	uint64_t node = load_le64(link);

	while (node) {
		uint8_t *n = at(node);
		uint64_t next = load_le64(n);

		if (setup_data_kept(load_le32(n + 8)))
			link = n;
		else
			store_le64(link, next);
		node = next;
	}
}

void stub_apply(const struct stub_plan *p)
{
	clear_behind_image(p);
	place_kernel(p);
	replace_header(p);
	place_initrd(p);
	place_cmdline(p);
	filter_setup_data(p);
}
