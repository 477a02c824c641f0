/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of the root's files go into an image, and what else decides about its content. */
#pragma once

#include "build/inputs.h"
#include "build/needs.h"

/*
 * Adds to n->sources, behind what was copied while collecting: programs, kernel modules, our own
 * programs and dracut with all its modules.
 */
int needs_sources(struct needs *n, struct ukd_error *e) _must_check_;

/*
 * Adds to n->sources the root's files that are in dracut's tree (a path of the process) under the
 * same name: libraries above all. Those in /etc and /var only if the content is the same: dracut
 * makes some itself (passwd, ld.so.cache), and the system's own change for other reasons.
 */
int needs_sources_of_tree(struct needs *n, const char *tree, struct ukd_error *e) _must_check_;

/*
 * What is no file: the settings that reach an image, section by section, its command line, and what
 * the targets on disks of this machine are. A target that cannot be resolved now is left out.
 */
int inputs_add_statements(struct inputs *l, const struct root *root, const struct settings *s,
			  const char *cmdline, struct ukd_error *e) _must_check_;
