// SPDX-License-Identifier: GPL-2.0-or-later
/* Crash memory: see size.h. /proc and /sys are the running kernel's, trusted. */
#include "crashkernel/size.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

/*
 * What lies beside the image: the ELF core header at the beginning of the reservation, which moves
 * the image up by one alignment (the reservation is aligned to 16 MiB), purgatory, boot_params and
 * command line at its end (6.12: 28 KiB).
 */
#define TAIL_SEGMENTS KIB(128)

/*
 * A line above all that docs/SIZING.md has (Debian 13, 6.12), rounded up to 1 MiB. Compressed
 * initrd, smallest reservation that works, the line: virtiofs 2.3 MiB, 80M, 86M; local disk
 * 5.2 MiB, 88M, 104M; LUKS2 13.6 MiB, 136M, 159M; https and s3 19.6 MiB, 144M, 198M.
 */
#define COMFORT_BASE   MIB(70)
#define COMFORT_FACTOR 13 /* in halves of the compressed initrd's size */

/* Linux 6.19 and later; 6.17 and later, to go after 2028 as the others there. */
static const char *const cma_files[] = {"/sys/kernel/kexec/crash_cma_ranges",
					"/sys/kernel/kexec_crash_cma_ranges"};

uint64_t range_size(const char *line)
{
	char *end;
	uint64_t from = strtoull(line, &end, 16);
	uint64_t to = *end == '-' ? strtoull(end + 1, NULL, 16) : 0;

	return to > from ? to - from + 1 : 0;
}

/*
 * Of the lines "  65000000-6cffffff : Crash kernel" the one with the highest address: kexec loads
 * into crashk_res only, and crashk_low_res has the same name. Addresses read 0 without root.
 */
static uint64_t usable_range(char *text)
{
	uint64_t usable = 0;
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		uint64_t size = strstr(line, " : Crash kernel") ? range_size(line) : 0;

		usable = size ? size : usable; /* ascending, as the kernel prints them */
	}
	return usable;
}

bool crash_memory_has_cma(const struct root *root)
{
	return root_exists(root, cma_files[0]) || root_exists(root, cma_files[1]);
}

static uint64_t cma_sum(char *text)
{
	uint64_t sum = 0;
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		sum += range_size(line);
	return sum;
}

static uint64_t cma_read(const struct root *root)
{
	struct ukd_error ignored;

	for (size_t i = 0; i < ARRAY_SIZE(cma_files); i++) {
		_buffer_ struct buffer text = {0};

		if (root_read(root, cma_files[i], KIB(64), &text, &ignored) >= 0)
			return cma_sum((char *)text.data);
	}
	return 0;
}

/* The files of /sys/kernel are there or not with the kernel's options. */
static int no_crash_kernel(int r, struct ukd_error *e)
{
	if (r != -ENOENT)
		return r;
	return ukd_fail(e, -EOPNOTSUPP,
			"this kernel cannot capture crashes: it was built without "
			"CONFIG_KEXEC_FILE and CONFIG_CRASH_DUMP; boot one that was");
}

int crash_memory_read(const struct root *root, struct crash_memory *ret, struct ukd_error *e)
{
	_cleanup_(buffer_free) struct buffer iomem = {0};
	struct crash_memory m = {0};
	int r = root_read_u64(root, "/sys/kernel/kexec/crash_size", &m.total, e);

	if (r == -ENOENT)
		r = root_read_u64(root, "/sys/kernel/kexec_crash_size", &m.total, e);
	if (r < 0)
		return no_crash_kernel(r, e);
	if (root_read(root, "/proc/iomem", MIB(4), &iomem, e) == 0)
		m.usable = usable_range((char *)iomem.data);
	m.cma = cma_read(root);
	*ret = m;
	return 0;
}

int crash_image_loaded(const struct root *root, bool *ret, struct ukd_error *e)
{
	uint64_t v;
	int r = root_read_u64(root, "/sys/kernel/kexec/crash_loaded", &v, e);

	if (r == -ENOENT) /* before 6.19 */
		r = root_read_u64(root, "/sys/kernel/kexec_crash_loaded", &v, e);
	if (r < 0)
		return no_crash_kernel(r, e);
	*ret = v != 0;
	return 0;
}

int crash_memory_shrink(const struct root *root, uint64_t bytes, struct ukd_error *e)
{
	char text[24];
	_close_ int fd = -1;
	bool armed;
	int r;

	if (crash_image_loaded(root, &armed, e) == 0 && armed)
		return ukd_refuse(
			e, "reserve.armed",
			"the kernel gives crash memory back only while nothing is loaded; "
			"run 'ukdumpctl stop', this, and 'ukdumpctl start'");
	fd = root_openat(root, "/sys/kernel/kexec/crash_size", O_WRONLY | O_TRUNC);
	if (fd == -ENOENT)
		fd = root_openat(root, "/sys/kernel/kexec_crash_size", O_WRONLY | O_TRUNC);
	if (fd < 0)
		return ukd_fail_errno(e, fd, "%s/sys/kernel/kexec_crash_size", root->path);
	(void)snprintf(text, sizeof(text), "%llu\n", (unsigned long long)bytes);
	r = fd_write_full(fd, text, strlen(text));
	return r < 0 ? ukd_fail_errno(e, r, "the kernel does not shrink the crash memory") : 0;
}

struct image_need image_need(uint64_t init_size, uint64_t alignment, uint64_t initrd_len,
			     uint64_t beside)
{
	struct image_need n;

	n.minimum = align_up(init_size, 4096) + alignment + align_up(beside, 4096) + TAIL_SEGMENTS;
	n.comfort = align_up(COMFORT_BASE + initrd_len * COMFORT_FACTOR / 2, MIB(1));
	if (n.comfort < n.minimum)
		n.comfort = align_up(n.minimum, MIB(1));
	return n;
}
