// SPDX-License-Identifier: GPL-2.0-or-later
/* The record of what is armed: see armed.h. */
#include "loader/armed.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util/cleanup.h"
#include "util/parse.h"

static void print_record(FILE *out, const struct judgement *j, const char *path,
			 const struct image_need *need, const char *problem)
{
	char id[2 * AUTH_SHA256_LEN + 1], when[32];
	time_t now = time(NULL);
	struct tm tm;

	format_hex((struct bytes){j->auth.image_id, AUTH_SHA256_LEN}, id);
	(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	(void)fprintf(out, "image=%s\npath=%s\nsigner=%s\ntime=%s\nkernel=%s\n", id, path,
		      j->auth.n_chain ? j->auth.chain[0].subject : "", when, j->facts.version);
	(void)fprintf(out, "needed=%" PRIu64 "\ncomfort=%" PRIu64 "\n", need->minimum,
		      need->comfort);
	if (*problem)
		(void)fprintf(out, "problem=%s\n", problem);
}

int armed_write(const struct root *root, const struct judgement *j, const char *path,
		const struct image_need *need, const char *problem, struct ukd_error *e)
{
	_free_ char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int r;

	if (!out)
		return ukd_oom(e);
	print_record(out, j, path, need, problem);
	if (fclose(out) != 0)
		return ukd_oom(e);
	r = make_directories(root->fd, "run/ukdump", 0755, e);
	if (r < 0)
		return r;
	return file_replace(root->fd, &ARMED_FILE[1], 0644, (struct bytes){(uint8_t *)text, len},
			    e);
}

int armed_remove(const struct root *root, struct ukd_error *e)
{
	if (unlinkat(root->fd, &ARMED_FILE[1], 0) < 0 && errno != ENOENT)
		return ukd_fail_errno(e, -errno, ARMED_FILE);
	return 0;
}

int armed_print(const struct root *root, struct ukd_error *e)
{
	_buffer_ struct buffer b = {0};
	int r = root_read(root, ARMED_FILE, KIB(16), &b, e);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	printf("%s", (char *)b.data);
	return 0;
}

static int copy_image(const struct root *root, int memfd, uint64_t size, struct ukd_error *e)
{
	_discard_ struct new_file f = NEW_FILE_NONE;
	_free_ uint8_t *chunk = malloc(MIB(1));
	int r = chunk ? file_create(root->fd, &LAST_GOOD[1], 0600, &f, e) : ukd_oom(e);

	for (uint64_t off = 0; r >= 0 && off < size; off += MIB(1)) {
		size_t n = size - off < MIB(1) ? (size_t)(size - off) : MIB(1);

		r = fd_pread_full(memfd, chunk, n, off);
		if (r >= 0)
			r = fd_write_full(f.fd, chunk, n);
		if (r < 0)
			(void)ukd_fail_errno(e, r, LAST_GOOD);
	}
	return r < 0 ? r : file_publish(&f, e);
}

int last_good_set(const struct root *root, int fd, int memfd, uint64_t size, struct ukd_error *e)
{
	static const char temp[] = "var/lib/ukdump/last-good.new";
	int r = make_directories(root->fd, "var/lib/ukdump", 0700, e);

	if (r < 0)
		return r;
	(void)unlinkat(root->fd, temp, 0);
	if (linkat(fd, "", root->fd, temp, AT_EMPTY_PATH) == 0) {
		if (renameat(root->fd, temp, root->fd, &LAST_GOOD[1]) < 0)
			return ukd_fail_errno(e, -errno, LAST_GOOD);
		/* rename(2) of two names of one file does nothing and leaves both. */
		(void)unlinkat(root->fd, temp, 0);
		return 0;
	}
	return copy_image(root, memfd, size, e);
}
