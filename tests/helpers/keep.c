// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The program of an exec: target, as a site could write it: keeps what it reads as NAME in a
 * directory per crash on the first ext4 disk that can be mounted. Static; needs nothing else.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLACE "/run/keep"

static void mount_disk(void)
{
	char device[] = "/dev/vda";

	if (mkdir(PLACE, 0700) < 0 && errno != EEXIST)
		err(1, "%s", PLACE);
	for (; device[7] <= 'f'; device[7]++)
		if (mount(device, PLACE, "ext4", 0, NULL) == 0)
			return;
	errx(1, "no disk can be mounted");
}

static void keep(int fd)
{
	static char chunk[1 << 16];
	ssize_t n;

	while ((n = read(STDIN_FILENO, chunk, sizeof(chunk))) > 0)
		if (write(fd, chunk, (size_t)n) != n)
			err(1, "write");
	if (n < 0 || fsync(fd) < 0)
		err(1, "read or fsync");
}

int main(int argc, char **argv)
{
	const char *crash = getenv("UKDUMP_CRASH");
	char path[512];
	int fd;

	if (argc != 2 || !crash)
		errx(1, "usage: UKDUMP_CRASH=... keep NAME");
	mount_disk();
	snprintf(path, sizeof(path), PLACE "/%s", crash);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		err(1, "%s", path);
	snprintf(path, sizeof(path), PLACE "/%s/%s", crash, argv[1]);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0)
		err(1, "%s", path);
	keep(fd);
	close(fd);
	if (umount(PLACE) < 0)
		err(1, "umount");
	return 0;
}
