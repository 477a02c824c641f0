// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads and checks everything before the first write: see stub.h. The image was verified by the
 * running kernel; boot_params and its command line are what that kernel and its caller made of it.
 */
#include "stub/stub.h"

#include "base/sealed_asm.h"

_Static_assert(ASM_STUB_OFFSET == STUB_OFFSET && ASM_STUB_END == STUB_END &&
		       ASM_PAGE == SEALED_PAGE && ASM_STACK_END == SEALED_STACK_END,
	       "sealed_asm.h disagrees with sealed.h");

static bool overlaps(uint64_t a, uint64_t a_len, uint64_t b, uint64_t b_len)
{
	return a < b + b_len && b < a + a_len;
}

/* Where the running kernel put the image, against what its header asked for. */
static const char *check_placement(const struct stub_plan *p)
{
	if (p->base % p->outer.kernel_alignment || p->base < p->outer.pref_address)
		return "the image was loaded at an address that its header excludes";
	if ((uint64_t)p->outer.syssize * 16 > p->outer.init_size)
		return "the outer header's syssize exceeds its init_size";
	if (overlaps((uintptr_t)p->boot_params, BOOT_PARAMS_LEN, p->base, p->outer.init_size))
		return "boot_params overlaps the image";
	return NULL;
}

static const char *check_image(const uint8_t *header, struct stub_plan *p)
{
	struct bytes image = {(const uint8_t *)(uintptr_t)p->base, (uint64_t)p->outer.syssize * 16};
	const char *wrong = sealed_walk(image, &p->parts);
	struct image_range *kernel = &p->parts.kernel;

	if (wrong)
		return wrong;
	if (p->parts.end != load_le32(header + STUB_END))
		return "the sections do not end where the stub's header says";
	wrong = sealed_check_kernel((struct bytes){image.p + kernel->off, kernel->len}, kernel->len,
				    &p->inner);
	if (wrong)
		return wrong;
	if (p->inner.kernel_alignment != p->outer.kernel_alignment ||
	    p->inner.cmdline_size != p->outer.cmdline_size)
		return "outer and inner setup header disagree";
	wrong = sealed_layout(p->parts.end, &p->inner, &p->layout);
	if (wrong)
		return wrong;
	if (p->layout.dest + p->inner.init_size > p->outer.init_size)
		return "the inner kernel does not fit into the outer init_size";
	return NULL;
}

/* The chain is walked again when it is filtered; here only its length and place are checked. */
static const char *check_setup_data(const struct stub_plan *p)
{
	uint64_t node = load_le64(p->boot_params + BP_SETUP_DATA);

	for (unsigned int n = 0; node; n++) {
		if (n == STUB_MAX_SETUP_DATA)
			return "more than 32 setup_data nodes";
		if (overlaps(node, 16, p->base, p->outer.init_size))
			return "a setup_data node overlaps the image";
		node = load_le64((const uint8_t *)(uintptr_t)node);
	}
	return NULL;
}

static const char *check_cmdline(uint32_t flags, struct stub_plan *p)
{
	uint64_t extra = SEALED_CMDLINE_EXTRA;

	if (flags & SEALED_KEEP_DMCRYPTKEYS)
		extra += SEALED_CMDLINE_KEYS;
	if (p->parts.cmdline.len + extra + 1 > p->inner.cmdline_size)
		return "the signed command line is too long";
	p->elfcorehdr[0] = p->dmcryptkeys[0] = 0;
	if (flags & SEALED_FOR_NORMAL_KEXEC)
		return NULL;
	return stub_crash_tokens(p->boot_params, p->outer.cmdline_size,
				 flags & SEALED_KEEP_DMCRYPTKEYS, p);
}

const char *stub_plan(uint64_t base, uint64_t boot_params, const uint8_t *header,
		      struct stub_plan *ret)
{
	uint32_t flags = load_le32(header + STUB_FLAGS);
	const char *wrong;

	ret->base = base;
	ret->boot_params = (uint8_t *)(uintptr_t)boot_params;
	ret->parts = (struct sealed_parts){0};
	if (flags & ~SEALED_FLAGS_ALL)
		return "the stub's header has unknown flags";
	wrong = setup_header_parse_loaded((struct bytes){ret->boot_params, BOOT_PARAMS_LEN},
					  &ret->outer);
	if (!wrong)
		wrong = check_placement(ret);
	if (!wrong)
		wrong = check_image(header, ret);
	if (!wrong)
		wrong = check_setup_data(ret);
	if (!wrong)
		wrong = check_cmdline(flags, ret);
	return wrong;
}
