/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What [Arm] of ukdump.conf(5) asks for while an image is armed. */
#pragma once

#include "conf/settings.h"

/* Does LockAfterArm=, then sets every Sysctl=. e: the first failure; the image stays armed. */
int after_arm(const struct root *root, const struct settings *s, struct ukd_error *e) _must_check_;
