/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Scope-bound release of memory, descriptors and streams.
 *
 *	_free_ char *s = strdup("x");		freed when the scope ends
 *	_close_ int fd = -1;			closed when the scope ends, if >= 0
 *	return take_ptr(&s);			hands ownership to the caller
 */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/macro.h"

static inline void cleanup_freep(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_closep(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd);
	errno = saved;
}

static inline void cleanup_fclosep(FILE **f)
{
	if (*f)
		(void)fclose(*f);
}

static inline void cleanup_closedirp(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

#define _free_	   _cleanup_(cleanup_freep)
#define _close_	   _cleanup_(cleanup_closep)
#define _fclose_   _cleanup_(cleanup_fclosep)
#define _closedir_ _cleanup_(cleanup_closedirp)

/* Moves the value out of *p and leaves NULL (or -1) behind, so that no cleanup releases it. */
#define take_ptr(p)                         \
	({                                  \
		__typeof__(*(p)) _t = *(p); \
		*(p) = NULL;                \
		_t;                         \
	})

static inline int take_fd(int *fd)
{
	int t = *fd;

	*fd = -1;
	return t;
}
