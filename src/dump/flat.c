// SPDX-License-Identifier: GPL-2.0-or-later
/* Flattened dumps: see flat.h (makedumpfile: IMPLEMENTATION, makedumpfile_data_header). */
#include "dump/flat.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/file.h"

#define SIGNATURE  "makedumpfile"
#define HEADER_LEN 4096u
#define RECORD_LEN 16u
#define END_MARKER UINT64_MAX

/*
 * makedumpfile collects 64 KiB and more in a record; only headers are shorter. A record may dirty
 * two blocks more than its data fills, so all of them together are limited.
 */
#define SCATTER	     KIB(8)
#define SCATTER_FREE MIB(64)

bool flat_is(struct bytes head)
{
	return bytes_start_with(head, SIGNATURE);
}

#define CHUNK MIB(1)

struct unpack {
	uint8_t *chunk; /* CHUNK bytes */
	int from, to;
	uint64_t at, size; /* in from */
	uint64_t scatter;  /* bytes that the records may have dirtied besides their data */
};

static int check_header(const struct unpack *u, struct ukd_error *e)
{
	uint8_t head[32];
	int r = u->size < HEADER_LEN ? -ENODATA : fd_pread_full(u->from, head, sizeof(head), 0);

	if (r == -ENODATA)
		return ukd_refuse(e, "dump.truncated", "truncated within the header");
	if (r < 0)
		return ukd_fail_errno(e, r, "cannot read");
	if (load_be64(head + 16) != 1 || load_be64(head + 24) != 1)
		return ukd_refuse(e, "dump.flattened",
				  "a flattened dump of type %" PRIu64 ", version %" PRIu64
				  "; known are 1, 1",
				  load_be64(head + 16), load_be64(head + 24));
	return 0;
}

static int check_record(struct unpack *u, uint64_t off, uint64_t len, struct ukd_error *e)
{
	uint64_t end;

	/* An empty one is never written, and a hole in a file is full of them. */
	if (!len || add_overflows(off, len, &end) || end > INT64_MAX)
		return ukd_refuse(e, "dump.flattened",
				  "impossible record at %" PRIu64 ": %" PRIu64
				  " bytes for %" PRIu64,
				  u->at, len, off);
	u->scatter += SCATTER;
	if (u->scatter > SCATTER_FREE + u->size)
		return ukd_refuse(e, "dump.flattened", "scattered in too many small records");
	return 0;
}

static int copy(const struct unpack *u, uint64_t off, uint64_t len)
{
	int r = lseek(u->to, (off_t)off, SEEK_SET) < 0 ? -errno : 0;

	for (uint64_t done = 0; r >= 0 && done < len; done += CHUNK) {
		size_t n = len - done < CHUNK ? (size_t)(len - done) : CHUNK;

		r = fd_pread_full(u->from, u->chunk, n, u->at + done);
		if (r >= 0)
			r = fd_write_full(u->to, u->chunk, n);
	}
	return r;
}

/* Returns 1 if more may follow, 0 at the end marker, -ENODATA where the file is cut. */
static int unpack_record(struct unpack *u, struct ukd_error *e)
{
	uint64_t off, len, left;
	uint8_t raw[RECORD_LEN];
	int r = u->size - u->at < RECORD_LEN ? -ENODATA :
					       fd_pread_full(u->from, raw, RECORD_LEN, u->at);

	if (r < 0)
		return r == -ENODATA ? r : ukd_fail_errno(e, r, "cannot read");
	off = load_be64(raw);
	len = load_be64(raw + 8);
	if (off == END_MARKER && len == END_MARKER)
		return 0;
	r = check_record(u, off, len, e);
	if (r < 0)
		return r;
	u->at += RECORD_LEN;
	left = u->size - u->at;
	r = copy(u, off, len < left ? len : left);
	if (r < 0)
		return r == -ENODATA ? r : ukd_fail_errno(e, r, "cannot put it in order");
	u->at += len < left ? len : left;
	return len <= left ? 1 : -ENODATA;
}

int flat_unpack(int from, uint64_t size, int to, void (*progress)(unsigned int percent),
		bool *ret_cut, struct ukd_error *e)
{
	_free_ uint8_t *chunk = malloc(CHUNK);
	struct unpack u = {chunk, from, to, HEADER_LEN, size, 0};
	int r = chunk ? check_header(&u, e) : ukd_oom(e);

	if (r < 0)
		return r;
	do {
		r = unpack_record(&u, e);
		if (progress)
			progress((unsigned int)(u.at / (size / 100 + 1)));
	} while (r > 0);
	if (r < 0 && r != -ENODATA)
		return r;
	*ret_cut = r == -ENODATA;
	return 0;
}
