/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pages of a kdump-compressed dump, by libkdumpfile in a process of its own.
 *
 * libkdumpfile 0.5.1 reads and writes outside its buffers on some damaged dumps, and `info` is run
 * by root on dumps that other machines have written. So the library lives in a child that may
 * read the dump, allocate memory and answer, and nothing else (seccomp). What it answers is as
 * untrusted as the dump. A child that dies or hangs is a refusal, "dump.library".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dump/dump.h"
#include "util/error.h"

#define PAGER_BATCH 64 /* pages per question */

struct pager;

/* Starts the child on the dump that is open as fd; the caller keeps fd. The child's memory and time
 * are limited by what of the file is on disk. */
int pager_open(int fd, const struct dump_facts *f, struct pager **ret,
	       struct ukd_error *e) _must_check_;
void pager_close(struct pager *p);

/*
 * Reads n <= PAGER_BATCH whole pages at the physical addresses into pages, one behind the other.
 * ok[i] tells which could be read; why, if one could not, has room for PAGER_WHY_MAX bytes. Fails
 * (e filled) only if the child is lost.
 */
#define PAGER_WHY_MAX 128
int pager_read(struct pager *p, const uint64_t *paddr, unsigned int n, uint8_t *pages, bool *ok,
	       char *why, struct ukd_error *e) _must_check_;
