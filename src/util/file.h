/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files: whole reads with a size limit, sealed snapshots, atomic publishing.
 * All functions return 0 (or a length) or a negative errno and fill e with a text that names path.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "util/error.h"

/* Heap memory with its length; data is followed by one NUL that len does not count. */
struct buffer {
	uint8_t *data;
	size_t len;
};

void buffer_free(struct buffer *b);
#define _buffer_ _cleanup_(buffer_free)

static inline struct bytes buffer_bytes(const struct buffer *b)
{
	return (struct bytes){b->data, b->len};
}

/*
 * Opens a regular file for reading: never blocks on a FIFO, refuses directories and devices
 * (check "file.type"). dirfd and path as for openat(2). Size of the file in *ret_size.
 */
int file_open_regular(int dirfd, const char *path, int *ret_fd, uint64_t *ret_size,
		      struct ukd_error *e) _must_check_;

/*
 * Reads a whole file of at most max bytes. Works for /proc, /sys and efivarfs too, whose sizes
 * stat does not tell. -EFBIG if there is more.
 */
int file_read(int dirfd, const char *path, size_t max, struct buffer *ret,
	      struct ukd_error *e) _must_check_;

/* The same from an open descriptor, from its current position; name is for messages. */
int file_read_fd(int fd, const char *name, size_t max, struct buffer *ret,
		 struct ukd_error *e) _must_check_;

/* Reads or writes exactly len bytes, whatever signals do. Return 0, -errno, or -ENODATA at EOF. */
int fd_read_full(int fd, void *buf, size_t len) _must_check_;
int fd_pread_full(int fd, void *buf, size_t len, uint64_t off) _must_check_;
int fd_write_full(int fd, const void *buf, size_t len) _must_check_;

/* Appends exactly [off, off + len) of from to to. Returns 0, -errno, or -ENODATA at from's end. */
int fd_copy(int from, uint64_t off, uint64_t len, int to) _must_check_;

/* A new, empty memory file; memfd_seal() seals it against every change. name is for messages. */
int memfd_open(int *ret, struct ukd_error *e) _must_check_;
int memfd_seal(int fd, const char *name, struct ukd_error *e) _must_check_;

/*
 * Copies exactly size bytes of fd into a new memfd and seals it against every change, so that what
 * is verified is what is loaded. Refuses (check "file.changed") if the file has another length.
 */
int file_snapshot(int fd, const char *name, uint64_t size, int *ret_memfd,
		  struct ukd_error *e) _must_check_;

/*
 * Atomic publishing: a temporary file in path's own directory, written through fd, then
 * fsync, rename over path, fsync of the directory. Until file_publish() nothing is visible
 * under path; file_discard() (also by _discard_) removes the temporary file. mode is the file's
 * mode whatever the umask.
 */
struct new_file {
	int dirfd; /* borrowed */
	int fd;	   /* open for reading and writing */
	char path[4096];
	char temp[4096];
};

int file_create(int dirfd, const char *path, mode_t mode, struct new_file *ret,
		struct ukd_error *e) _must_check_;
int file_publish(struct new_file *f, struct ukd_error *e) _must_check_;
void file_discard(struct new_file *f);
#define _discard_ _cleanup_(file_discard)
#define NEW_FILE_NONE    \
	{                \
		.fd = -1 \
	}

/* Is this the name of such a temporary file? Then *ret_owner is the process that made it. */
bool file_is_temporary(const char *name, pid_t *ret_owner);

/*
 * Refuses (check "file.private") a place for a file with secrets whose file system keeps no owners
 * and modes: FAT, as on an ESP, which besides is never encrypted. Where there is no such
 * directory, nothing is said.
 */
int file_check_private(const char *path, struct ukd_error *e) _must_check_;

/*
 * Before the file at to gets what is in from: *ret_private tells whether group and others have no
 * access to from, and then should have none to the copy. Refuses (check "file.private") to put such
 * a one on FAT, unless from lies on FAT, too.
 */
int file_check_copy(const char *from, const char *to, bool *ret_private,
		    struct ukd_error *e) _must_check_;

/* Creates, writes and publishes data in one step. */
int file_replace(int dirfd, const char *path, mode_t mode, struct bytes data,
		 struct ukd_error *e) _must_check_;

/* Creates path and the directories above it where missing, with mode whatever the umask. */
int make_directories(int dirfd, const char *path, mode_t mode, struct ukd_error *e) _must_check_;
