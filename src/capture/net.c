// SPDX-License-Identifier: GPL-2.0-or-later
/* Is a server there, and if not, why: see net.h. */
#include "capture/net.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "capture/guard.h"
#include "util/cleanup.h"
#include "util/connect.h"

#define WAIT_S	     90 /* link negotiation, spanning tree and DHCP take their time */
#define REFUSED_S    15 /* a server that is there and refuses may be starting */
#define TRY_S	     20 /* for resolving and connecting once */
#define CONNECT_MS   5000
#define PAUSE_NSEC   200000000
#define RESOLV_CONF  "/etc/resolv.conf"
#define NETIF_STATE  "/run/systemd/netif/state"
#define RESOLV_LIMIT KIB(64)

/* One try, in a child: name servers that do not answer hold up libc's resolver for long. */
struct probe {
	const char *host;
	char port[8];
	char address[NET_ADDRESS_MAX];
	char why[256];
	bool refused;
};

static int try_once(void *ctx)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
	struct probe *t = ctx;
	int r = getaddrinfo(t->host, t->port, &hints, &list);

	if (r) {
		(void)snprintf(t->why, sizeof(t->why), "its name does not resolve: %s",
			       r == EAI_SYSTEM ? strerror(errno) : gai_strerror(r));
		return -EHOSTUNREACH;
	}
	r = -EHOSTUNREACH;
	for (const struct addrinfo *a = list; a && r < 0; a = a->ai_next) {
		char address[NET_ADDRESS_MAX] = "?";

		(void)getnameinfo(a->ai_addr, a->ai_addrlen, address, sizeof(address), NULL, 0,
				  NI_NUMERICHOST);
		r = connect_within(a, CONNECT_MS);
		t->refused = r == -ECONNREFUSED;
		if (r == 0)
			(void)snprintf(t->address, sizeof(t->address), "%s", address);
		else
			(void)snprintf(t->why, sizeof(t->why), "%s port %s: %s", address, t->port,
				       r == -ETIMEDOUT ? "no answer" : strerror(-r));
	}
	freeaddrinfo(list);
	return r;
}

/* DHCP's name servers where the image has none: no service hands them to libc here. */
static void take_nameservers(const struct root *root)
{
	_buffer_ struct buffer conf = {0}, state = {0};
	struct ukd_error ignored;
	char *servers, *save = NULL, path[4200];
	_fclose_ FILE *out = NULL;

	if (root_read(root, RESOLV_CONF, RESOLV_LIMIT, &conf, &ignored) == 0 &&
	    strstr((char *)conf.data, "nameserver"))
		return;
	if (root_read(root, NETIF_STATE, RESOLV_LIMIT, &state, &ignored) < 0)
		return;
	servers = strstr((char *)state.data, "\nDNS=");
	if (!servers)
		return;
	servers[strcspn(servers + 1, "\n") + 1] = 0;
	(void)snprintf(path, sizeof(path), "%s" RESOLV_CONF, root->path);
	out = fopen(path, "we");
	for (char *s = strtok_r(servers + strlen("\nDNS="), " ", &save); out && s;
	     s = strtok_r(NULL, " ", &save))
		(void)fprintf(out, "nameserver %s\n", s);
}

/* Is the address more than one that an interface gives itself? */
static bool is_global(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)a;

		return ntohl(in->sin_addr.s_addr) >> 16 != 0xa9fe; /* 169.254.0.0/16 */
	}
	return a->sa_family == AF_INET6 &&
	       !IN6_IS_ADDR_LINKLOCAL(&((const struct sockaddr_in6 *)a)->sin6_addr);
}

/* What this machine lacks itself; NULL: nothing. */
static const char *own_fault(void)
{
	bool interface = false, link = false, address = false;
	struct ifaddrs *list = NULL;

	if (getifaddrs(&list) < 0)
		return NULL;
	for (const struct ifaddrs *i = list; i; i = i->ifa_next) {
		if (i->ifa_flags & IFF_LOOPBACK)
			continue;
		interface = true;
		link |= i->ifa_flags & IFF_RUNNING;
		address |= i->ifa_addr && is_global(i->ifa_addr);
	}
	freeifaddrs(list);
	if (!interface)
		return "there is no network interface: no NIC, or no driver for it in the image";
	if (!address)
		return link ? "no address: DHCP, or the router, does not answer" :
			      "no link: no network interface is up and has a carrier";
	return link ? NULL : "no link: no network interface has a carrier";
}

static int explain(const struct probe *t, unsigned int seconds, struct ukd_error *e)
{
	const char *own = own_fault();

	return ukd_fail(e, -EHOSTUNREACH, "%s is not reached in %u s: %s", t->host, seconds,
			own ? own : t->why);
}

int net_wait(const struct capture *c, const char *host, unsigned int port,
	     char ret_address[NET_ADDRESS_MAX], struct ukd_error *e)
{
	const unsigned int limit = budget_work_s(&c->budget, budget_share_s(&c->budget, 4, WAIT_S));
	uint64_t begin = clock_ms(), end = begin + (uint64_t)limit * 1000;
	bool refused = false;
	const struct timespec pause = {.tv_nsec = PAUSE_NSEC};
	struct probe *t = guard_share(sizeof(*t));
	int r;

	if (!t)
		return ukd_oom(e);
	t->host = host;
	(void)snprintf(t->port, sizeof(t->port), "%u", port);
	do {
		uint64_t now = clock_ms();
		unsigned int left = now < end ? (unsigned int)((end - now + 999) / 1000) : 1;

		take_nameservers(c->root);
		(void)snprintf(t->why, sizeof(t->why), "no answer");
		r = guard_call(try_once, t, left < TRY_S ? left : TRY_S, host, e);
		if (r < 0 && t->refused && !refused && end > clock_ms() + REFUSED_S * 1000)
			end = clock_ms() + REFUSED_S * 1000;
		refused |= t->refused;
		if (r < 0)
			(void)nanosleep(&pause, NULL);
	} while (r < 0 && clock_ms() < end);
	if (r == 0)
		(void)snprintf(ret_address, NET_ADDRESS_MAX, "%s", t->address);
	else
		r = explain(t, (unsigned int)((clock_ms() - begin) / 1000), e);
	guard_unshare(t, sizeof(*t));
	return r;
}
