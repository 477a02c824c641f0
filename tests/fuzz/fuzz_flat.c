// SPDX-License-Identifier: GPL-2.0-or-later
/* Flattened dumps: what is put in order never takes much more room than the file itself. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "dump/flat.h"
#include "dump/header.h"
#include "util/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_dump_header_ struct dump_header h = {0};
	_close_ int from = memfd_create("fuzz", MFD_CLOEXEC);
	_close_ int to = memfd_create("fuzz", MFD_CLOEXEC);
	struct ukd_error e = {0};
	struct stat st;
	bool cut;

	if (from < 0 || to < 0 || fd_write_full(from, data, size) < 0)
		abort();
	if (!flat_is((struct bytes){data, size}) || flat_unpack(from, size, to, NULL, &cut, &e) < 0)
		return 0;
	if (fstat(to, &st) < 0 || (uint64_t)st.st_blocks * 512 > 3 * size + MIB(64))
		abort();
	(void)!dump_header_read(to, (uint64_t)st.st_size, &h, &e);
	return 0;
}
