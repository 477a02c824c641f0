/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A temporary directory with files in it, as root directory for tests. Failures abort the test. */
#pragma once

#include "util/file.h"
#include "util/root.h"

struct tree {
	char dir[64];
	struct root root;
};

/* Makes an empty tree below /tmp and opens it as a root. */
void tree_make(struct tree *t);
void tree_remove(struct tree *t);
#define _tree_ _cleanup_(tree_remove)

/* Writes a file; path as seen inside ("/proc/cmdline"). Directories above it are made. */
void tree_write(const struct tree *t, const char *path, const char *text);
void tree_write_bytes(const struct tree *t, const char *path, struct bytes data);
void tree_link(const struct tree *t, const char *path, const char *to);

/* The path as this process sees it; valid until the next but three calls. */
const char *tree_path(const struct tree *t, const char *path);

/* The file's content, to be freed. */
char *tree_text(const struct tree *t, const char *path);
bool tree_has(const struct tree *t, const char *path);

/* Number of directory entries but "." and "..". */
unsigned int tree_count(const struct tree *t, const char *path);
