/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kfl: one direct kexec_file_load(2), without any of the checks that a product makes before it.
 *
 * Prints "errno=N NAME" and exits 0 if the call was made, whatever the kernel answered. With
 * --batch one line "FILE errno=N NAME: MESSAGE" for each image, where MESSAGE is the kernel's last;
 * the kernel's death during a call is "FILE signal=N NAME: MESSAGE" and the last line, since
 * nothing can be loaded from then on.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/kexec.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char usage[] =
	"usage: kfl [--normal] [--initrd FILE] [--no-initramfs] [--cmdline TEXT] [--memfd]\n"
	"           [--exec] IMAGE\n"
	"       kfl [--normal] --unload\n"
	"       kfl [--normal] --batch IMAGE...\n"
	"\n"
	"Loads IMAGE for a crash, or for a normal kexec with --normal. --no-initramfs sets\n"
	"KEXEC_FILE_NO_INITRAMFS; with --initrd too, the descriptor is passed all the same.\n"
	"--memfd passes a sealed copy instead of the file. --exec starts a normal image at once.\n"
	"--batch loads and unloads each image in a process of its own and prints what the kernel\n"
	"said of it; it ends when the kernel died of one.\n";

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
	int memfd, exec, batch;
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
	BATCH,
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
	{"batch", no_argument, NULL, BATCH},
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
	case BATCH:
		r->batch = 1;
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

/* A record's text without what would not fit into a line of a report. */
static void copy_message(const char *record, char *ret, size_t size)
{
	const char *text = strchr(record, ';');
	size_t n = 0;

	for (text = text ? text + 1 : record; *text && *text != '\n' && n + 1 < size; text++)
		ret[n++] = (char)(*text < ' ' || strchr("\"\\\177", *text) ? '?' : *text);
	ret[n] = 0;
}

/* What the kernel has logged since the last time: its first record, or the first about a bug. */
static void read_kernel_log(int kmsg, char *ret, size_t size)
{
	bool bug = false;
	char record[8192];
	ssize_t n;

	ret[0] = 0;
	while ((n = read(kmsg, record, sizeof(record) - 1)) > 0 || (n < 0 && errno == EPIPE)) {
		if (n < 0 || bug)
			continue;
		record[n] = 0;
		bug = strstr(record, "BUG:") || strstr(record, "Oops:");
		if (bug || !ret[0])
			copy_message(record, ret, size);
	}
}

/* In a process of its own: an oops in the call ends it. Returns its status, the errno in *ret. */
static int load_and_unload(const struct request *r, volatile int *ret)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		fail("fork");
	if (!child) {
		*ret = load(r) < 0 ? errno : 0;
		if (!*ret)
			(void)!syscall(SYS_kexec_file_load, -1, -1, 0, NULL,
				       r->flags | KEXEC_FILE_UNLOAD);
		_exit(0);
	}
	if (waitpid(child, &status, 0) < 0)
		fail("waitpid");
	return status;
}

static void load_batch(struct request *r, char **images)
{
	int kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC), status = 0;
	volatile int *error = mmap(NULL, sizeof(*error), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char message[160];

	if (kmsg < 0 || lseek(kmsg, 0, SEEK_END) < 0 || error == MAP_FAILED)
		fail("/dev/kmsg");
	for (; *images && !WIFSIGNALED(status); images++) {
		r->image = *images;
		status = load_and_unload(r, error);
		read_kernel_log(kmsg, message, sizeof(message));
		if (WIFSIGNALED(status))
			printf("%s signal=%d %s: %s\n", *images, WTERMSIG(status),
			       sigabbrev_np(WTERMSIG(status)), message);
		else
			printf("%s errno=%d %s: %s\n", *images, *error,
			       *error ? strerrorname_np(*error) ?: "?" : "OK", message);
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	struct request r = {.flags = KEXEC_FILE_ON_CRASH, .cmdline = ""};
	long result;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		take_option(&r, option);
	if (r.batch) {
		load_batch(&r, argv + optind);
		return 0;
	}
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
