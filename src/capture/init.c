// SPDX-License-Identifier: GPL-2.0-or-later
/* Being pid 1: see init.h. */
#include "capture/init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "util/file.h"

#define CONSOLE_DEFAULT	   7 /* CONFIG_CONSOLE_LOGLEVEL_DEFAULT everywhere */
#define CONSOLE_ERRORS	   4 /* KERN_ERR and worse */
#define KLOG_CONSOLE_LEVEL 8 /* SYSLOG_ACTION_CONSOLE_LEVEL */

static const struct {
	const char *type;
	const char *target;
	unsigned long flags;
	const char *options;
} mounts[] = {
	{"proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, ""},
	{"sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, ""},
	{"devtmpfs", "/dev", MS_NOSUID | MS_NOEXEC, "mode=0755"},
	{"tmpfs", "/run", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755"},
};

void init_never_block(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	struct termios t;

	if (flags < 0)
		return;
	(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	if (tcgetattr(fd, &t) < 0)
		return;
	t.c_iflag &= ~(tcflag_t)(IXON | IXOFF);
	(void)tcsetattr(fd, TCSANOW, &t);
}

bool init_after_crash(const struct root *root)
{
	_buffer_ struct buffer b = {0};
	char *word, *save;
	struct ukd_error e;

	if (root_read(root, "/proc/cmdline", KIB(64), &b, &e) < 0)
		return true;
	save = (char *)b.data;
	while ((word = strsep(&save, " \n")))
		if (!strncmp(word, "elfcorehdr=", strlen("elfcorehdr=")))
			return true;
	return false;
}

void init_console(void)
{
	int fd = open("/dev/console", O_RDWR | O_NOCTTY | O_NONBLOCK);

	for (int i = STDIN_FILENO; fd >= 0 && i <= STDERR_FILENO; i++)
		(void)dup2(fd, i);
	if (fd > STDERR_FILENO)
		(void)close(fd);
	/* Even where it was opened by the kernel. */
	for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++)
		init_never_block(i);
}

int init_environment(struct ukd_error *e)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		(void)mkdir(mounts[i].target, 0755);
		/* EBUSY: somebody has mounted it already. */
		if (mount(mounts[i].type, mounts[i].target, mounts[i].type, mounts[i].flags,
			  mounts[i].options) < 0 &&
		    errno != EBUSY && !r)
			r = ukd_fail_errno(e, -errno, "cannot mount %s", mounts[i].target);
	}
	/* makedumpfile puts a bitmap there if it does not work in cycles. */
	(void)mkdir("/tmp", 0700);
	init_console();
	(void)setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	return r;
}

void init_quiet_kernel(void)
{
	_buffer_ struct buffer b = {0};
	struct ukd_error e;

	if (file_read(AT_FDCWD, "/proc/sys/kernel/printk", 64, &b, &e) < 0)
		return;
	if (strtol((char *)b.data, NULL, 10) == CONSOLE_DEFAULT)
		(void)klogctl(KLOG_CONSOLE_LEVEL, NULL, CONSOLE_ERRORS);
}

void machine_end(enum setting_action action)
{
	switch (action) {
	case ACTION_POWEROFF:
		(void)reboot(RB_POWER_OFF);
		break;
	case ACTION_HALT:
		(void)reboot((int)RB_HALT_SYSTEM);
		break;
	case ACTION_REBOOT:
	case ACTION_SHELL:
		(void)reboot(RB_AUTOBOOT);
		break;
	}
}

void machine_emergency(void)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!fd_write_full(fd, "b", 1);
	(void)close(fd);
}

void init_wait(void)
{
	for (;;)
		if (waitpid(-1, NULL, 0) < 0 && errno == ECHILD)
			(void)pause();
}
