// SPDX-License-Identifier: GPL-2.0-or-later
/* Files: see file.h. A file's type, size and content are untrusted; a change while read is found. */
#include "util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "util/cleanup.h"

#define COPY_CHUNK MIB(1)
#define TEMP_TRIES 100

void buffer_free(struct buffer *b)
{
	free(b->data);
	*b = (struct buffer){0};
}

int file_open_regular(int dirfd, const char *path, int *ret_fd, uint64_t *ret_size,
		      struct ukd_error *e)
{
	/* O_NONBLOCK: opening a FIFO without a writer must not wait for one. */
	_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return ukd_fail_errno(e, -errno, "%s", path);
	if (fstat(fd, &st) < 0)
		return ukd_fail_errno(e, -errno, "%s", path);
	if (S_ISDIR(st.st_mode))
		return ukd_refuse(e, "file.type", "%s: is a directory", path);
	if (!S_ISREG(st.st_mode))
		return ukd_refuse(e, "file.type", "%s: not a regular file", path);
	*ret_size = (uint64_t)st.st_size;
	*ret_fd = take_fd(&fd);
	return 0;
}

/* Makes room for at least one more chunk, plus the NUL behind the data. */
static int buffer_grow(struct buffer *b, size_t *capacity, size_t max)
{
	size_t want = *capacity ? *capacity * 2 : 4096;
	uint8_t *data;

	if (want > max + 1)
		want = max + 1;
	data = realloc(b->data, want + 1);
	if (!data)
		return -ENOMEM;
	b->data = data;
	*capacity = want;
	return 0;
}

int file_read_fd(int fd, const char *name, size_t max, struct buffer *ret, struct ukd_error *e)
{
	_buffer_ struct buffer b = {0};
	size_t capacity = 0;

	for (;;) {
		ssize_t n;

		if (b.len == capacity && buffer_grow(&b, &capacity, max) < 0)
			return ukd_oom(e);
		n = read(fd, b.data + b.len, capacity - b.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ukd_fail_errno(e, -errno, "%s", name);
		if (n == 0)
			break;
		b.len += (size_t)n;
		if (b.len > max)
			return ukd_fail(e, -EFBIG, "%s: larger than the limit of %zu bytes", name,
					max);
	}
	b.data[b.len] = 0;
	*ret = b;
	b = (struct buffer){0};
	return 0;
}

int file_read(int dirfd, const char *path, size_t max, struct buffer *ret, struct ukd_error *e)
{
	_close_ int fd = -1;
	uint64_t size;
	int r = file_open_regular(dirfd, path, &fd, &size, e);

	if (r < 0)
		return r;
	return file_read_fd(fd, path, max, ret, e);
}

int fd_read_full(int fd, void *buf, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = read(fd, (char *)buf + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ENODATA;
		done += (size_t)n;
	}
	return 0;
}

int fd_pread_full(int fd, void *buf, size_t len, uint64_t off)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = pread(fd, (char *)buf + done, len - done, (off_t)(off + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ENODATA;
		done += (size_t)n;
	}
	return 0;
}

int fd_write_full(int fd, const void *buf, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = write(fd, (const char *)buf + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

int fd_copy(int from, uint64_t off, uint64_t len, int to)
{
	_free_ uint8_t *chunk = malloc(COPY_CHUNK);
	int r = chunk ? 0 : -ENOMEM;

	for (uint64_t done = 0; r >= 0 && done < len;) {
		size_t n = len - done < COPY_CHUNK ? (size_t)(len - done) : COPY_CHUNK;

		r = fd_pread_full(from, chunk, n, off + done);
		if (r >= 0)
			r = fd_write_full(to, chunk, n);
		done += n;
	}
	return r;
}

int memfd_open(int *ret, struct ukd_error *e)
{
	int fd = memfd_create("ukdump", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return ukd_fail_errno(e, -errno, "cannot create a memory file");
	*ret = fd;
	return 0;
}

int memfd_seal(int fd, const char *name, struct ukd_error *e)
{
	const int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

	if (fcntl(fd, F_ADD_SEALS, seals) < 0)
		return ukd_fail_errno(e, -errno, "%s: cannot seal the snapshot", name);
	return 0;
}

static int copy_exactly(int from, const char *name, int to, uint64_t size, struct ukd_error *e)
{
	uint8_t extra;
	int r = fd_copy(from, 0, size, to);

	if (r == -ENODATA)
		return ukd_refuse(e, "file.changed", "%s: became shorter while it was read", name);
	if (r < 0)
		return ukd_fail_errno(e, r, "%s: cannot copy to memory", name);
	if (fd_pread_full(from, &extra, 1, size) != -ENODATA)
		return ukd_refuse(e, "file.changed", "%s: became longer while it was read", name);
	return 0;
}

int file_snapshot(int fd, const char *name, uint64_t size, int *ret_memfd, struct ukd_error *e)
{
	_close_ int memfd = -1;
	int r = memfd_open(&memfd, e);

	if (r >= 0)
		r = copy_exactly(fd, name, memfd, size, e);
	if (r >= 0)
		r = memfd_seal(memfd, name, e);
	if (r < 0)
		return r;
	*ret_memfd = take_fd(&memfd);
	return 0;
}

/* fsync of the directory that holds path, so that the new name survives a power cut. */
static int sync_parent(int dirfd, const char *path)
{
	char dir[4096];
	char *slash;

	(void)snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (!slash)
		(void)snprintf(dir, sizeof(dir), ".");
	else
		slash[slash == dir] = 0;

	_close_ int fd = openat(dirfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

int file_create(int dirfd, const char *path, mode_t mode, struct new_file *ret, struct ukd_error *e)
{
	static unsigned int serial;
	_close_ int fd = -1;
	int n;

	/* A power cut leaves temporary files, and process ids repeat early in every boot. */
	for (unsigned int tries = 0; fd < 0 && tries < TEMP_TRIES; tries++) {
		n = snprintf(ret->temp, sizeof(ret->temp), "%s.tmp.%d.%u", path, (int)getpid(),
			     serial++);
		if (n < 0 || (size_t)n >= sizeof(ret->temp))
			return ukd_fail(e, -ENAMETOOLONG, "%s: path is too long", path);
		fd = openat(dirfd, ret->temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
			    mode);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	/* mode is what is meant, whatever the umask; it is never wider for a moment. */
	if (fd < 0 || fchmod(fd, mode) < 0)
		return ukd_fail_errno(e, -errno, "%s: cannot create", path);
	(void)snprintf(ret->path, sizeof(ret->path), "%s", path);
	ret->dirfd = dirfd;
	ret->fd = take_fd(&fd);
	return 0;
}

bool file_is_temporary(const char *name, pid_t *ret_owner)
{
	const char *last = NULL;
	unsigned int serial;
	int owner, end = 0;

	for (const char *at = name; (at = strstr(at, ".tmp.")); at++)
		last = at;
	if (!last || sscanf(last, ".tmp.%d.%u%n", &owner, &serial, &end) != 2 || last[end])
		return false;
	*ret_owner = owner;
	return true;
}

int file_publish(struct new_file *f, struct ukd_error *e)
{
	int r;

	if (fsync(f->fd) < 0)
		return ukd_fail_errno(e, -errno, "%s: cannot write to disk", f->temp);
	if (renameat(f->dirfd, f->temp, f->dirfd, f->path) < 0)
		return ukd_fail_errno(e, -errno, "%s: cannot publish", f->path);
	r = close(take_fd(&f->fd));
	if (r < 0)
		return ukd_fail_errno(e, -errno, "%s", f->path);
	r = sync_parent(f->dirfd, f->path);
	if (r < 0)
		return ukd_fail_errno(e, r, "%s: cannot sync its directory", f->path);
	return 0;
}

void file_discard(struct new_file *f)
{
	if (f->fd < 0)
		return;
	(void)close(take_fd(&f->fd));
	(void)unlinkat(f->dirfd, f->temp, 0);
}

/* Is the file's directory on a file system without modes? The file itself may not be there yet. */
static bool is_on_fat(const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX] = ".";
	struct statfs fs;

	if (slash)
		(void)snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path) + 1, path);
	return statfs(dir, &fs) == 0 &&
	       (fs.f_type == MSDOS_SUPER_MAGIC || fs.f_type == EXFAT_SUPER_MAGIC);
}

int file_check_private(const char *path, struct ukd_error *e)
{
	if (!is_on_fat(path))
		return 0;
	return ukd_refuse(e, "file.private",
			  "%s: the file has keys or passwords in it, and this is a FAT file "
			  "system, which keeps nobody from reading them; name another place",
			  path);
}

int file_check_copy(const char *from, const char *to, bool *ret_private, struct ukd_error *e)
{
	struct stat st;

	if (stat(from, &st) < 0)
		return ukd_fail_errno(e, -errno, "%s", from);
	*ret_private = !(st.st_mode & (S_IRWXG | S_IRWXO));
	if (!*ret_private || is_on_fat(from) || !is_on_fat(to))
		return 0;
	return ukd_refuse(e, "file.private",
			  "%s: a FAT file system keeps nobody from reading it, and %s (mode %04o) "
			  "may have keys in it; if it has none: chmod go+r %s",
			  to, from, (unsigned int)(st.st_mode & 07777), from);
}

int file_replace(int dirfd, const char *path, mode_t mode, struct bytes data, struct ukd_error *e)
{
	_discard_ struct new_file f = NEW_FILE_NONE;
	int r = file_create(dirfd, path, mode, &f, e);

	if (r < 0)
		return r;
	r = fd_write_full(f.fd, data.p, data.len);
	if (r < 0)
		return ukd_fail_errno(e, r, "%s: cannot write", f.temp);
	return file_publish(&f, e);
}

int make_directories(int dirfd, const char *path, mode_t mode, struct ukd_error *e)
{
	char part[4096];
	int n = snprintf(part, sizeof(part), "%s", path);

	if (n < 0 || (size_t)n >= sizeof(part))
		return ukd_fail(e, -ENAMETOOLONG, "%s: path is too long", path);
	for (char *s = part + 1;; s++) {
		char c = *s;

		if (c && c != '/')
			continue;
		*s = 0;
		if (mkdirat(dirfd, part, mode) == 0 ? fchmodat(dirfd, part, mode, 0) < 0 :
						      errno != EEXIST)
			return ukd_fail_errno(e, -errno, "%s: cannot create directory", part);
		*s = c;
		if (!c)
			return 0;
	}
}
