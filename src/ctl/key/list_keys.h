/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `ukdumpctl sign --list-keys`. */
#pragma once

#include "ctl/key/find_key.h"

/* Prints what was found, for people or as JSON. */
void list_keys(const struct found_keys *keys, bool json);
