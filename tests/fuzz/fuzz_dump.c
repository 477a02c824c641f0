// SPDX-License-Identifier: GPL-2.0-or-later
/* The headers of a dump file: whatever is taken has its ranges inside the file. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "dump/header.h"
#include "util/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_be_inside(struct dump_range r, size_t size)
{
	if (r.off > size || r.len > size - r.off)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_dump_header_ struct dump_header h = {0};
	_close_ int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct ukd_error e = {0};

	if (fd < 0 || fd_write_full(fd, data, size) < 0)
		abort();
	if (dump_header_read(fd, size, &h, &e) < 0)
		return 0;
	must_be_inside(h.present_bitmap, size);
	must_be_inside(h.descriptors, size);
	for (unsigned int i = 0; i < h.n_segments; i++)
		must_be_inside((struct dump_range){h.segments[i].off, h.segments[i].filesz}, size);
	return 0;
}
