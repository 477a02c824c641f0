/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kfl: one direct kexec_file_load(2), without any of the checks that a product makes before it.
 *
 * Prints "errno=N NAME" and exits 0 if the call was made, whatever the kernel answered.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/kexec.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char usage[] =
	"usage: kfl [--normal] [--initrd FILE] [--no-initramfs] [--cmdline TEXT] [--memfd]\n"
	"           [--exec] IMAGE\n"
	"       kfl [--normal] --unload\n"
	"\n"
	"Loads IMAGE for a crash, or for a normal kexec with --normal. --no-initramfs sets\n"
	"KEXEC_FILE_NO_INITRAMFS; with --initrd too, the descriptor is passed all the same.\n"
	"--memfd passes a sealed copy instead of the file. --exec starts a normal image at once.\n";

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "kfl: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fail(path);
	return fd;
}

/* A copy that nobody can change any more. */
static int sealed_copy(int source)
{
	const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	int copy = memfd_create("kfl", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	struct stat st;
	ssize_t n;

	if (copy < 0 || fstat(source, &st) < 0)
		fail("memfd");
	for (off_t left = st.st_size; left > 0; left -= n) {
		n = sendfile(copy, source, NULL, (size_t)left);
		if (n <= 0)
			fail("copy to memfd");
	}
	if (fcntl(copy, F_ADD_SEALS, seals) < 0)
		fail("F_ADD_SEALS");
	return copy;
}

/* Written at once: after --exec or a crash nothing that is still buffered would get out. */
static void print_result(long result)
{
	int error = result < 0 ? errno : 0;
	const char *name = error ? strerrorname_np(error) : "OK";

	printf("errno=%d %s\n", error, name ? name : "?");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	enum {
		CRASH,
		NORMAL,
		INITRD,
		NO_INITRAMFS,
		CMDLINE,
		MEMFD,
		EXEC,
		UNLOAD,
		HELP
	};
	static const struct option options[] = {
		{"crash", no_argument, NULL, CRASH},
		{"normal", no_argument, NULL, NORMAL},
		{"initrd", required_argument, NULL, INITRD},
		{"no-initramfs", no_argument, NULL, NO_INITRAMFS},
		{"cmdline", required_argument, NULL, CMDLINE},
		{"memfd", no_argument, NULL, MEMFD},
		{"exec", no_argument, NULL, EXEC},
		{"unload", no_argument, NULL, UNLOAD},
		{"help", no_argument, NULL, HELP},
		{NULL, 0, NULL, 0},
	};
	unsigned long flags = KEXEC_FILE_ON_CRASH;
	const char *initrd = NULL, *cmdline = "";
	int memfd = 0, exec = 0, kernel_fd = -1, initrd_fd = -1, option;
	long result;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case CRASH:
			flags |= KEXEC_FILE_ON_CRASH;
			break;
		case NORMAL:
			flags &= ~(unsigned long)KEXEC_FILE_ON_CRASH;
			break;
		case INITRD:
			initrd = optarg;
			break;
		case NO_INITRAMFS:
			flags |= KEXEC_FILE_NO_INITRAMFS;
			break;
		case CMDLINE:
			cmdline = optarg;
			break;
		case MEMFD:
			memfd = 1;
			break;
		case EXEC:
			exec = 1;
			break;
		case UNLOAD:
			flags |= KEXEC_FILE_UNLOAD;
			break;
		case HELP:
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (argc - optind != (flags & KEXEC_FILE_UNLOAD ? 0 : 1)) {
		fputs(usage, stderr);
		return 2;
	}
	if (!(flags & KEXEC_FILE_UNLOAD))
		kernel_fd = open_file(argv[optind]);
	if (initrd)
		initrd_fd = open_file(initrd);
	else
		flags |= KEXEC_FILE_NO_INITRAMFS;
	if (memfd && kernel_fd >= 0)
		kernel_fd = sealed_copy(kernel_fd);

	result = syscall(SYS_kexec_file_load, kernel_fd, initrd_fd, strlen(cmdline) + 1, cmdline,
			 flags);
	print_result(result);

	if (result == 0 && exec) {
		sync();
		reboot(RB_KEXEC);
		fail("reboot");
	}
	return 0;
}
