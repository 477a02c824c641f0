/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A capture environment in a directory: a fake /proc/vmcore, fake tools in PATH, dumps to copy. */
#pragma once

#include <stdint.h>

#include "capture/capture.h"
#include "util/root.h"

#define CORE_LOAD  (64 * 1024) /* bytes of memory in the fake core */
#define CRASH_TIME 1795286302  /* 2026-11-21T18:38:22Z */

struct tree {
	char path[512];
	struct root root;
	char *old_path; /* $PATH before */
};

/*
 * Makes the tree beside the test program (a disk, not a tmpfs) with /proc/vmcore, /proc/meminfo,
 * /crash, /bin first in PATH, and /good, a complete kdump-compressed dump.
 */
void tree_make(struct tree *t);
void tree_remove(struct tree *t);

/* The absolute path of name in the tree, in a static buffer that four calls share. */
const char *tree_path(const struct tree *t, const char *name);
void tree_write(const struct tree *t, const char *name, const char *text);

/* An executable script /bin/name. "@" in body becomes the tree's path. */
void tree_tool(const struct tree *t, const char *name, const char *body);

/*
 * A makedumpfile 1.7.6 with zstd whose way to dump is body: $out is the name of the dump, @/good a
 * good one. --dump-dmesg writes "log by makedumpfile".
 */
void tree_makedumpfile(const struct tree *t, const char *body);

/* An ELF core with VMCOREINFO; load bytes of memory. Heap, length in *len. */
uint8_t *make_core(const char *vmcoreinfo, uint64_t load, size_t *len);

/* A complete kdump-compressed dump of 8 pages. Heap, length in *len. */
#define KDUMP_BLOCK	  4096
#define KDUMP_PAGES	  8
#define KDUMP_DESCRIPTORS (4 * KDUMP_BLOCK) /* header, sub header, two bitmaps before */
#define KDUMP_DATA	  (KDUMP_DESCRIPTORS + KDUMP_PAGES * 24)
uint8_t *make_kdump(size_t *len);

/* A capture in such a tree. */
struct run {
	struct tree tree;
	struct capture c;
	const char *dir; /* of the dump, in the tree */
};

/* Settings by default, machine 0123abc, image "test"; the teardown of a test is run_remove(). */
struct run *run_make(void);
int run_remove(void **state);

/* Adds settings: lines of ukdump.conf. */
void run_set(struct run *r, const char *fmt, ...) _printf_(2, 3);

/* A value of a JSON text by path, such as "stages.0.program"; valid until the next call. */
const char *json_value(const char *text, const char *path);
