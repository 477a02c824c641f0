/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does a server answer? */
#pragma once

#include <netdb.h>

/*
 * Connects to one address by TCP and closes the connection again. Waits at most ms milliseconds.
 * Returns 0 or -errno (-ETIMEDOUT, -ECONNREFUSED, ...).
 */
int connect_within(const struct addrinfo *a, int ms);
