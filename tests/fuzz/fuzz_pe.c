// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A whole image as a file: headers, certificate table, UKI rules, sealed layout. What is accepted
 * keeps the promises of pe.h: everything inside the file, in order, without gaps.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "pe/sealed.h"
#include "util/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void check_promises(const struct pe_image *pe, size_t size)
{
	uint64_t raw = pe->header_size, rva = 0;

	for (unsigned int i = 0; i < pe->n_sections; i++) {
		const struct pe_section *s = &pe->section[i];

		must(!s->raw_size || s->raw == raw);
		must(s->vaddr >= rva);
		raw += s->raw_size;
		rva = (uint64_t)s->vaddr + s->vsize;
	}
	must(rva <= pe->image_size && raw == pe->data_end);
	must(raw + pe->cert_size == size);
}

/* The stub must accept what the validator accepts. */
static void check_walk(struct bytes file, const struct sealed_facts *f)
{
	struct bytes image = {file.p + SEALED_PM_OFFSET, (uint64_t)f->outer.syssize * 16};
	struct setup_header inner;
	struct sealed_layout layout;
	struct sealed_parts parts;

	must(image.len <= file.len - SEALED_PM_OFFSET);
	must(sealed_walk(image, &parts) == NULL);
	must(parts.kernel.len == f->kernel_len && parts.initrd.len == f->initrd_len);
	must(sealed_check_kernel((struct bytes){image.p + parts.kernel.off, parts.kernel.len},
				 parts.kernel.len, &inner) == NULL);
	must(sealed_layout(parts.end, &inner, &layout) == NULL);
	must(layout.dest + inner.init_size <= f->outer.init_size);
}

static int nothing(void *ctx, struct bytes piece)
{
	(void)ctx;
	(void)piece;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct uki_sink sink = {nothing, NULL};
	_close_ int fd = memfd_create("fuzz", MFD_CLOEXEC);
	_uki_ struct uki u = {0};
	struct sealed_facts f;
	struct ukd_error e = {0};

	if (fd < 0 || fd_write_full(fd, data, size) < 0)
		abort();
	if (uki_open(fd, "fuzz", size, &u, &e) < 0)
		return 0;
	check_promises(&u.pe, size);
	if (uki_read(&u, &sink, 1, NULL, &e) < 0 || u.kind != UKI_SEALED)
		return 0;
	if (sealed_validate(&u, &f, &e) == 0)
		check_walk((struct bytes){data, size}, &f);
	return 0;
}
