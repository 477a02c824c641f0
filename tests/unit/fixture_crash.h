/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole captures into /crash of a fixture tree, and what they leave there. */
#pragma once

#include "fixture_capture.h"

#define NAME "/crash/20261121T183822Z-0123abc"

/* A run of a minute that keeps no space free; its first dump is NAME. */
int crash_setup(void **state);
#define TEST(f) cmocka_unit_test_setup_teardown(f, crash_setup, run_remove)

/* A capture to /crash unless Target= is set. */
enum dump_state run(struct run *r);

/* The path of a file of the dump, as tree_path(). */
const char *in_dump(const struct run *r, const char *name);
bool has(const struct run *r, const char *name);

/* A value of the manifest by path, such as "collector.exit" or "targets.0.reason". */
const char *manifest(const struct run *r, const char *path);

/* "name=result" of all stages. */
const char *stages(const struct run *r);
