/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Settings as build takes them. */
#pragma once

#include "conf/settings.h"

/* settings_load(); for the running system a relative path is the process's own. */
int settings_for_build(const struct root *root, const char *path, struct settings *ret,
		       struct ukd_error *e) _must_check_;
