/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How this machine reaches a host, and how the capture environment is told: files of
 * systemd-networkd. Used by need_network.c only, which knows the settings.
 *
 * What the running system has set up is asked of ip(8) from iproute2, whose one-line output (-o) is
 * stable; what an interface is made of is read from /sys and /proc.
 */
#pragma once

#include "build/needs.h"

/* One interface that has addresses, whatever is stacked below it. */
struct network_link {
	char device[16];	  /* its name on this machine; empty: not looked up */
	char match[128];	  /* not looked up: lines of a [Match] section */
	struct strings addresses; /* static ones, ADDRESS/PREFIX */
	struct strings routes;	  /* "DESTINATION GATEWAY"; the default route's is "default" */
	struct strings gateways;  /* of default routes, also of those that DHCP will bring */
	bool dhcp;		  /* IPv4 */
	bool router;		  /* IPv6 addresses and routes by router advertisements */
};
void network_link_free(struct network_link *l);
#define _network_link_ _cleanup_(network_link_free)

/* The way to one address. */
struct network_route {
	char device[16];
	char gateway[64]; /* empty: on the link itself */
};

/*
 * Asks the kernel for its route to an address, by one interface if device is not NULL. Fails with
 * what ip(8) says, such as "Network is unreachable".
 */
int network_route(const char *address, const char *device, struct network_route *ret,
		  struct ukd_error *e) _must_check_;

/*
 * Adds what l->device has: static addresses, whether others came by DHCP or from a router, static
 * default routes.
 */
int network_look_up(struct network_link *l, struct ukd_error *e) _must_check_;

/* The MAC address that the NIC was made with. Refuses (check "target") what is not Ethernet. */
int network_mac(const char *device, char ret[18], struct ukd_error *e) _must_check_;

/* A bare address, without prefix length: of which family? */
static inline bool network_is_ipv6(const char *address)
{
	return strchr(address, ':');
}

/*
 * Adds the files for one interface and for all that it is stacked on (VLAN, bond, NICs), and the
 * drivers of these with their firmware. A bridge is left out: its first NIC takes its place and its
 * MAC address. names gets the drivers, for a note. Refuses (check "target") other kinds.
 */
int network_write(struct needs *n, const struct network_link *l, char *names, size_t size,
		  struct ukd_error *e) _must_check_;
