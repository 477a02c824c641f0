// SPDX-License-Identifier: GPL-2.0-or-later
/* Raw system calls: see sys.h. */
#include "util/sys.h"

#include <errno.h>
#include <linux/keyctl.h>
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

int sys_ioprio_idle(void)
{
	/* IOPRIO_WHO_PROCESS, IOPRIO_CLASS_IDLE << IOPRIO_CLASS_SHIFT: linux/ioprio.h */
	return syscall(SYS_ioprio_set, 1, 0, 3 << 13) < 0 ? -errno : 0;
}

long sys_keyctl_read(int keyring, int32_t *ret, size_t max)
{
	long r = syscall(SYS_keyctl, KEYCTL_READ, keyring, ret, max * sizeof(*ret), 0);

	return r < 0 ? -errno : r / (long)sizeof(*ret);
}
