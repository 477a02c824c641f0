/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Settings that this version cannot carry out. */
#pragma once

#include "conf/settings.h"

/*
 * Refuses (check "build.settings") what the capture program cannot carry out yet: it would notice
 * on the worst day; here somebody reads the message.
 */
int settings_check_supported(const struct settings *s, struct ukd_error *e) _must_check_;

/*
 * settings_load(); for the running system a relative path is the process's own. One line on stderr
 * for each setting that was changed and that nothing reads yet.
 */
int settings_for_build(const struct root *root, const char *path, struct settings *ret,
		       struct ukd_error *e) _must_check_;
