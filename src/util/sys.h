/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Raw system calls that libc has no wrapper for. The one place to wrap in tests. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Flags of kexec_file_load(2), include/uapi/linux/kexec.h */
#define UKD_KEXEC_FILE_UNLOAD	    0x1ul
#define UKD_KEXEC_FILE_ON_CRASH	    0x2ul
#define UKD_KEXEC_FILE_NO_INITRAMFS 0x4ul

/*
 * kexec_file_load(2). cmdline may be NULL (length 0), else NUL-terminated text whose length is
 * passed with its NUL. Returns 0 or -errno (524 is the kernel's internal ENOTSUPP).
 */
int sys_kexec_file_load(int kernel_fd, int initrd_fd, const char *cmdline, unsigned long flags);

/* Flag of finit_module(2), include/uapi/linux/module.h, Linux 5.17: the kernel decompresses. */
#define UKD_MODULE_COMPRESSED 4

/* finit_module(2). params is text such as "a=1 b=2", "" for none. Returns 0 or -errno. */
int sys_finit_module(int fd, const char *params, int flags);

/* ioprio_set(2): the calling process reads and writes when nobody else does. 0 or -errno. */
int sys_ioprio_idle(void);

/*
 * keyctl(KEYCTL_READ) of a keyring: writes up to max serials of the keys that it links into ret.
 * Returns how many it has, which may be more, or -errno.
 */
long sys_keyctl_read(int keyring, int32_t *ret, size_t max);
