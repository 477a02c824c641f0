/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * LD_PRELOAD: a file that changes while a program reads it, at a chosen moment and not by luck.
 * Before the CHANGE_AT-th read of the program, the file CHANGE_FILE gets CHANGE_SIZE bytes, or, if
 * CHANGE_BYTE is set, the byte at that offset is flipped.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

static ssize_t (*real_pread)(int fd, void *buf, size_t n, off64_t off);

static void change_file(void)
{
	const char *byte = getenv("CHANGE_BYTE");
	int fd = open(getenv("CHANGE_FILE"), O_RDWR | O_CLOEXEC);
	off64_t at = byte ? atoll(byte) : 0;
	char c;

	if (fd < 0)
		abort();
	if (!byte && ftruncate64(fd, atoll(getenv("CHANGE_SIZE"))) < 0)
		abort();
	if (byte && (real_pread(fd, &c, 1, at) != 1 || (c ^= 1, pwrite64(fd, &c, 1, at)) != 1))
		abort();
	(void)close(fd);
}

ssize_t pread64(int fd, void *buf, size_t n, off64_t off)
{
	static int calls;

	if (!real_pread)
		*(void **)&real_pread = dlsym(RTLD_NEXT, "pread64");
	if (getenv("CHANGE_AT") && ++calls == atoi(getenv("CHANGE_AT")))
		change_file();
	return real_pread(fd, buf, n, off);
}

ssize_t __pread64_chk(int fd, void *buf, size_t n, off64_t off, size_t len)
{
	if (n > len)
		abort();
	return pread64(fd, buf, n, off);
}
