// SPDX-License-Identifier: GPL-2.0-or-later
/* Raw system calls: see sys.h. */
#include "util/sys.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int sys_kexec_file_load(int kernel_fd, int initrd_fd, const char *cmdline, unsigned long flags)
{
	size_t len = cmdline ? strlen(cmdline) + 1 : 0;
	long r = syscall(SYS_kexec_file_load, kernel_fd, initrd_fd, len, cmdline, flags);

	return r < 0 ? -errno : 0;
}

int sys_finit_module(int fd, const char *params, int flags)
{
	return syscall(SYS_finit_module, fd, params, flags) < 0 ? -errno : 0;
}
