// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Opens what `ukdumpctl info` was given: a dump, or the directory of one crash in any of its forms.
 * The directory's files are looked at by content; their names only tell which one is the dump.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/dumps/decrypt.h"
#include "ctl/dumps/info.h"
#include "store/store.h"
#include "util/cleanup.h"

#define MANIFEST_MAX MIB(1)
#define DMESG_MAX    MIB(64)

static void show_pages(unsigned int percent)
{
	show_progress("reading the dump: %u %%", percent);
}

static void show_decrypting(unsigned int percent)
{
	show_progress("decrypting: %u %%", percent);
}

static void read_manifest(struct info *i, int dirfd)
{
	_buffer_ struct buffer b = {0};
	struct ukd_error *e = &i->manifest_error;

	if (store_read_file(dirfd, "manifest.json", MANIFEST_MAX, &b, e) < 0)
		return;
	i->manifest = json_parse_object(&b);
	if (!i->manifest)
		(void)ukd_refuse(e, "manifest", "manifest.json: not a JSON object");
}

/* A log from a file, without the NULs that a power cut leaves: they would be its end. */
static void set_log(struct info *i, const char *source)
{
	size_t n = 0;

	for (size_t k = 0; k < i->log.len; k++)
		if (i->log.data[k])
			i->log.data[n++] = i->log.data[k];
	i->log.data[n] = 0;
	i->log.len = n;
	i->log_source = source;
}

/* The log beside the dump. */
static int read_dmesg(struct info *i, int dirfd, struct ukd_error *e)
{
	int r = store_read_file(dirfd, "dmesg.txt", DMESG_MAX, &i->log, e);

	if (r >= 0)
		set_log(i, "dmesg.txt");
	return r;
}

static int read_encrypted_dmesg(struct info *i, int dirfd, const char *identity,
				struct ukd_error *e)
{
	_close_ int fd = -1, plain = -1;
	struct stat st;
	int r = store_open_file(dirfd, "dmesg.txt.age", &fd, e);

	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0 || st.st_size > (off_t)DMESG_MAX)
		return ukd_fail(e, -EFBIG, "dmesg.txt.age: too large");
	r = decrypt_file(fd, (uint64_t)st.st_size, identity, show_decrypting, &plain, e);
	if (r >= 0 && lseek(plain, 0, SEEK_SET) < 0)
		r = -errno;
	if (r >= 0)
		r = file_read_fd(plain, "dmesg.txt.age", DMESG_MAX, &i->log, e);
	if (r >= 0)
		set_log(i, "dmesg.txt.age");
	return r;
}

/* The log of the dump itself; where that fails, what the capture environment saved before. */
static void read_log(struct info *i, int dirfd, const char *identity)
{
	struct ukd_error ignored;

	if (i->dump && dump_read_log(i->dump, &i->log, &i->log_lost, &i->log_error) >= 0)
		i->log_source = "dump";
	else if (dirfd >= 0 && read_dmesg(i, dirfd, &ignored) < 0 && identity)
		(void)read_encrypted_dmesg(i, dirfd, identity, &ignored);
	triage_log(buffer_bytes(&i->log), &i->triage);
	info_read_stack(i);
}

/* Size of the file, how much of it is on disk, whether it is encrypted. */
static int look_at_file(struct info *i, struct ukd_error *e)
{
	uint8_t head[32] = {0};
	struct stat st;
	int r;

	if (fstat(i->fd, &st) < 0)
		return ukd_fail_errno(e, -errno, "cannot read");
	i->file_size = (uint64_t)st.st_size;
	i->file_stored = (uint64_t)st.st_blocks * 512;
	r = fd_pread_full(i->fd, head, sizeof(head), 0);
	if (r < 0 && r != -ENODATA)
		return ukd_fail_errno(e, r, "cannot read");
	i->encrypted = is_encrypted((struct bytes){head, sizeof(head)});
	return 0;
}

/* Opens the dump in i->fd; an encrypted one stays closed unless there is an identity. */
static int open_file(struct info *i, const char *identity, struct ukd_error *e)
{
	_close_ int content = -1;
	int r = look_at_file(i, e);

	if (r >= 0 && i->encrypted && !identity)
		return 0;
	if (r >= 0 && i->encrypted)
		r = decrypt_file(i->fd, i->file_size, identity, show_decrypting, &content, e);
	if (r < 0)
		return ukd_prefix(e, "%s", i->path);
	if (content < 0)
		content = fcntl(i->fd, F_DUPFD_CLOEXEC, 0);
	if (content < 0)
		return ukd_fail_errno(e, -errno, "%s", i->path);
	return dump_open(take_fd(&content), i->path, show_pages, &i->dump, e);
}

/*
 * The dump in a crash's directory, by any of its names; the last two until it is complete. A part
 * that can be read was put aside while another plan wrote: it comes before what that has left.
 */
static int open_in_directory(struct info *i, int dirfd, const struct info_options *o,
			     struct ukd_error *e)
{
	static const char *const names[] = {"vmcore",	       "vmcore.flat", "vmcore.age",
					    "vmcore.flat.age", "vmcore-part", "vmcore-incomplete"};
	int r = -ENOENT;

	for (size_t k = 0; r == -ENOENT && k < ARRAY_SIZE(names); k++) {
		int n = snprintf(i->path, sizeof(i->path), "%s/%s", o->path, names[k]);

		if (n < 0 || (size_t)n >= sizeof(i->path))
			return ukd_fail(e, -ENAMETOOLONG, "%s: path is too long", o->path);
		r = store_open_file(dirfd, names[k], &i->fd, e);
		if (r >= 0)
			return open_file(i, o->identity, e);
		(void)ukd_prefix(e, "%s", o->path);
	}
	return r == -ENOENT ?
		       ukd_fail(
			       e, r,
			       "%s: no vmcore in this directory; name the dump's file, if it has another name",
			       o->path) :
		       r;
}

/* Does the manifest tell of a dump? Then that there is none is worth a complaint. */
static bool is_missed(const struct info *i)
{
	_free_ char *state = info_manifest_text(i, "state");

	return state && (!strcmp(state, "complete") || !strcmp(state, "partial"));
}

/* A crash of which only the log could be saved is still a crash to tell about. */
static int open_directory(struct info *i, int dirfd, const struct info_options *o,
			  struct ukd_error *e)
{
	int r;

	read_manifest(i, dirfd);
	r = open_in_directory(i, dirfd, o, e);
	if (r < 0 && r != -ENOENT && r != -EBADMSG)
		return r;
	read_log(i, dirfd, o->identity);
	if (r < 0 && !i->log_source && (r == -ENOENT || !i->manifest))
		return r;
	if (r == -ENOENT && is_missed(i))
		r = ukd_refuse(e, "dump.missing",
			       "%s: the manifest tells of a vmcore, but there is none", o->path);
	if (r == -EBADMSG)
		i->dump_error = *e;
	return 0;
}

void info_free(struct info *i)
{
	json_object_put(i->manifest);
	dump_close(i->dump);
	buffer_free(&i->log);
	if (i->fd >= 0)
		(void)close(i->fd);
}

int info_open(struct info *i, const struct info_options *o, struct ukd_error *e)
{
	_close_ int dirfd = open(o->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t size;
	int r;

	i->is_directory = dirfd >= 0;
	if (i->is_directory)
		return open_directory(i, dirfd, o, e);
	if (errno != ENOTDIR)
		return ukd_fail_errno(e, -errno, "%s", o->path);
	(void)snprintf(i->path, sizeof(i->path), "%s", o->path);
	r = file_open_regular(AT_FDCWD, o->path, &i->fd, &size, e);
	if (r >= 0)
		r = open_file(i, o->identity, e);
	if (r < 0)
		return r;
	read_log(i, -1, NULL);
	return 0;
}
