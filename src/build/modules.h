/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel modules in load order, worked out from modules.dep and modules.builtin. */
#pragma once

#include "util/root.h"

struct module_tree;

/*
 * Reads the indexes of /usr/lib/modules/KVER. Fails if modules.dep is not there (next step:
 * depmod). The caller frees.
 */
int module_tree_load(const struct root *root, const char *kver, struct module_tree **ret,
		     struct ukd_error *e) _must_check_;
void module_tree_free(struct module_tree *t);
static inline void module_tree_freep(struct module_tree **t)
{
	module_tree_free(*t);
}
#define _module_tree_ _cleanup_(module_tree_freep)

/*
 * Appends the absolute path of the module, with parameters that it cannot do without, and before it
 * those of what it depends on to list, one per line, each once. Built-in modules add nothing.
 * Returns 1 if it is there or built in, 0 if this kernel has no such module, or a negative errno.
 */
int module_add(const struct module_tree *t, const char *name, struct buffer *list,
	       struct ukd_error *e) _must_check_;

/*
 * Calls fn for every alias of the module, such as "pci:v00001AF4d*sv*sd*bc*sc*i*". Returns 0 or
 * fn's negative result.
 */
int module_aliases(const struct module_tree *t, const char *name,
		   int (*fn)(void *ctx, const char *alias, struct ukd_error *e), void *ctx,
		   struct ukd_error *e) _must_check_;
