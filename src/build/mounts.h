/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of mounts (proc(5)). */
#pragma once

#include <stdbool.h>

#define MOUNTS_FILE "/proc/self/mountinfo"

/* One line of it, split in place. */
struct mount {
	char *device;  /* major:minor */
	char *fs_root; /* which directory of the file system is mounted */
	char *point;
	char *fs;
	char *source;
};

/* Takes a line apart; false if it is none. */
bool mount_parse(char *line, struct mount *ret);

/* The mount that path lies on: the last one with the longest mount point. text is taken apart. */
bool mount_find(char *text, const char *path, struct mount *ret);

/* True if path lies on or below the directory dir. */
bool path_is_below(const char *path, const char *dir);
