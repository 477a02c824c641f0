/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waiting for a server. systemd-networkd brings the interfaces up meanwhile; nothing else is waited
 * for, since a server that answers is the only proof that counts.
 */
#pragma once

#include "capture/capture.h"

/*
 * Waits at most a quarter of TimeoutSec= (90 seconds, if that is less) until a TCP connection to
 * host and port can be made, over IPv4 or IPv6. *ret_address is the address that answered. On
 * failure e says what is missing: an interface, a link, an address, a route, the name, the server.
 */
#define NET_ADDRESS_MAX 64
int net_wait(const struct capture *c, const char *host, unsigned int port,
	     char ret_address[NET_ADDRESS_MAX], struct ukd_error *e) _must_check_;
