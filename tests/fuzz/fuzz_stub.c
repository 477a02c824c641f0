// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the kexec stub reads. Input: a page of boot_params, one of command line, one with what the
 * core header's address points to, then the image from its offset 0. Tokens, setup header, section
 * table and layout, each by the stub's own code.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "stub/stub.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t *low; /* pages at a fixed address: boot_params, command line, core header */

static void must(bool ok)
{
	if (!ok)
		abort();
}

void stub_say(struct bytes signed_cmdline, const char *text)
{
	(void)signed_cmdline;
	(void)text;
}

static void make_pages(void)
{
	low = mmap((void *)0x10000000, 0x3000, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	must(low == (void *)0x10000000);
}

/* Whatever is taken is exactly one token of the form the kernel prints, at an aligned address. */
static void check_token(const char *token, const char *name)
{
	size_t n = strlen(name), len = strlen(token);

	if (!len)
		return;
	must(len > n && len <= n + 16 && !memcmp(token, name, n) && token[n] != '0');
	must(strspn(token + n, "0123456789abcdef") == len - n);
	must(strtoull(token + n, NULL, 16) % SEALED_PAGE == 0);
}

static void fuzz_tokens(const uint8_t *data, bool want_keys)
{
	struct stub_plan plan = {.base = 0x10400000, .outer.init_size = 0x200000};

	memcpy(low, data, 0x3000);
	/* Only the core header's own page may be named: others are not mapped. */
	if (!memcmp(low + 0x1000, "elfcorehdr=0x", 13))
		memcpy(low + 0x1000 + 13, "10002000", 8);
	store_le32(low + BP_CMD_LINE_PTR, 0x10001000);
	store_le32(low + BP_EXT_CMD_LINE_PTR, 0);
	if (stub_crash_tokens(low, 2047, want_keys, &plan))
		return;
	check_token(plan.elfcorehdr, "elfcorehdr=0x");
	must(plan.elfcorehdr[0]);
	check_token(plan.dmcryptkeys, "dmcryptkeys=0x");
}

static void fuzz_image(struct bytes image)
{
	struct setup_header inner;
	struct sealed_layout l;
	struct sealed_parts p;
	struct bytes kernel;

	if (sealed_walk(image, &p))
		return;
	must(bytes_has(image, p.kernel.off, p.kernel.len));
	must(bytes_has(image, p.initrd.off, p.initrd.len));
	must(bytes_has(image, p.cmdline.off, p.cmdline.len));
	must(p.end <= image.len);
	must(bytes_sub(image, p.kernel.off, p.kernel.len, &kernel));
	if (sealed_check_kernel(kernel, kernel.len, &inner))
		return;
	must(kernel.len - inner.pm_offset <= inner.init_size);
	if (sealed_layout(p.end, &inner, &l))
		return;
	must(l.scratch >= p.end && l.stack_low > l.scratch && l.cmdline >= l.stack_high);
	must(l.cmdline_len > inner.cmdline_size && l.cmdline + l.cmdline_len <= l.dest);
	must(l.dest % inner.kernel_alignment == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct setup_header h;

	if (!low)
		make_pages();
	if (size >= 0x3000) {
		fuzz_tokens(data, false);
		fuzz_tokens(data, true);
		data += 0x3000;
		size -= 0x3000;
	}
	(void)!setup_header_parse((struct bytes){data, size}, &h);
	fuzz_image((struct bytes){data, size});
	return 0;
}
