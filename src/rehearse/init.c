// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Init of the guest of `ukdumpctl rehearse`: arms /image by the very call that ukdump-load makes,
 * writes the mark into the kernel log, and crashes the guest. It is all of the guest's user space,
 * without libc, so that it needs nothing of the machine it was made on. What it says on the console
 * is read by ctl/rehearse/rehearse_guest.c.
 */
#include <asm/unistd.h>
#include <stddef.h>
#include <stdint.h>

#include "util/sys.h"

#define O_RDONLY 0
#define O_WRONLY 1
#define O_RDWR	 2

/* Arguments of reboot(2), include/uapi/linux/reboot.h */
#define REBOOT_MAGIC1	 0xfee1dead
#define REBOOT_MAGIC2	 672274793
#define REBOOT_POWER_OFF 0x4321fedc

void _start(void);

static int console = 2;

static long call(long number, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return ret;
}

static size_t length(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

static long open(const char *path, int flags)
{
	return call(__NR_open, (long)path, flags, 0, 0, 0);
}

static void say(const char *text)
{
	(void)call(__NR_write, console, (long)text, (long)length(text), 0, 0);
}

static void say_error(const char *what, long r)
{
	char digits[24];
	size_t at = sizeof(digits) - 1;

	digits[at] = 0;
	for (unsigned long n = (unsigned long)-r; at && (n || !digits[at]); n /= 10)
		digits[--at] = (char)('0' + n % 10);
	say("ukdump-rehearse: cannot ");
	say(what);
	say(": errno ");
	say(digits + at);
	say("\n");
}

static void attach(const char *type, const char *path)
{
	(void)call(__NR_mkdir, (long)path, 0755, 0, 0, 0);
	(void)call(__NR_mount, (long)type, (long)path, (long)type, 0, 0);
}

/* Into the kernel log, so that the dump can be told from any other. */
static void write_mark(void)
{
	char mark[256];
	long from = open("/mark", O_RDONLY), to = open("/dev/kmsg", O_WRONLY);
	long n = call(__NR_read, from, (long)mark, sizeof(mark), 0, 0);

	if (n > 0)
		(void)call(__NR_write, to, (long)mark, n, 0, 0);
}

static long arm(void)
{
	long image = open("/image", O_RDONLY);

	if (image < 0)
		return image;
	return call(__NR_kexec_file_load, image, -1, 0, 0,
		    UKD_KEXEC_FILE_ON_CRASH | UKD_KEXEC_FILE_NO_INITRAMFS);
}

/* Returns only if there was no crash. */
static void run(void)
{
	long r, trigger;

	say("ukdump-rehearse: loading\n");
	r = arm();
	if (r < 0) {
		say_error("arm", r);
		return;
	}
	write_mark();
	say("ukdump-rehearse: armed\n");
	trigger = open("/proc/sysrq-trigger", O_WRONLY);
	r = call(__NR_write, trigger, (long)"c", 1, 0, 0);
	say_error("crash", r);
}

void _start(void)
{
	long fd;

	attach("proc", "/proc");
	attach("devtmpfs", "/dev");
	fd = open("/dev/console", O_RDWR);
	if (fd >= 0)
		console = (int)fd;
	run();
	(void)call(__NR_reboot, (long)REBOOT_MAGIC1, REBOOT_MAGIC2, REBOOT_POWER_OFF, 0, 0);
	for (;;)
		(void)call(__NR_pause, 0, 0, 0, 0, 0);
}
