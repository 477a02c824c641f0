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

struct request {
	unsigned long flags;
	const char *image, *initrd, *cmdline;
	int memfd, exec;
};

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

static _Noreturn void show_usage(int status)
{
	fputs(usage, status ? stderr : stdout);
	exit(status);
}

static void take_option(struct request *r, int option)
{
	switch (option) {
	case CRASH:
		r->flags |= KEXEC_FILE_ON_CRASH;
		break;
	case NORMAL:
		r->flags &= ~(unsigned long)KEXEC_FILE_ON_CRASH;
		break;
	case INITRD:
		r->initrd = optarg;
		break;
	case NO_INITRAMFS:
		r->flags |= KEXEC_FILE_NO_INITRAMFS;
		break;
	case CMDLINE:
		r->cmdline = optarg;
		break;
	case MEMFD:
		r->memfd = 1;
		break;
	case EXEC:
		r->exec = 1;
		break;
	case UNLOAD:
		r->flags |= KEXEC_FILE_UNLOAD;
		break;
	default:
		show_usage(option == HELP ? 0 : 2);
	}
}

static long load(const struct request *r)
{
	int kernel_fd = r->image ? open_file(r->image) : -1;
	int initrd_fd = r->initrd ? open_file(r->initrd) : -1;
	unsigned long flags = r->flags | (r->initrd ? 0 : KEXEC_FILE_NO_INITRAMFS);

	if (r->memfd && kernel_fd >= 0)
		kernel_fd = sealed_copy(kernel_fd);
	return syscall(SYS_kexec_file_load, kernel_fd, initrd_fd, strlen(r->cmdline) + 1,
		       r->cmdline, flags);
}

int main(int argc, char **argv)
{
	struct request r = {.flags = KEXEC_FILE_ON_CRASH, .cmdline = ""};
	long result;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		take_option(&r, option);
	if (argc - optind != (r.flags & KEXEC_FILE_UNLOAD ? 0 : 1))
		show_usage(2);
	r.image = argv[optind];
	result = load(&r);
	print_result(result);
	if (result == 0 && r.exec) {
		sync();
		reboot(RB_KEXEC);
		fail("reboot");
	}
	return 0;
}
