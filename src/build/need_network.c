// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What targets on other machines need below them: the way to their hosts as this machine has it,
 * for systemd-networkd, and name resolution without any service. [Network] of ukdump.conf(5)
 * overrides each part.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "build/network.h"
#include "util/cleanup.h"

#define LINKS_MAX     8
#define ADDRESSES_MAX 8 /* of one host */
#define STUB_RESOLVED "/run/systemd/resolve/resolv.conf"
#define ADDRESS_LEN   INET6_ADDRSTRLEN
#define NETWORKD      "/usr/lib/systemd/systemd-networkd"

/* NICs of servers and virtual machines, for an image that will run elsewhere. */
static const char *const fleet_drivers[] = {
	"virtio_pci", "virtio_net", "e1000",	    "e1000e", "igb",	 "ixgbe",
	"i40e",	      "ice",	    "bnxt_en",	    "tg3",    "mlx4_en", "mlx5_core",
	"vmxnet3",    "hv_netvsc",  "xen_netfront", "ena",    "gve",	 "r8169",
};

struct setup {
	struct needs *needs;
	struct network_link links[LINKS_MAX];
	unsigned int n_links;
	struct strings nameservers;
	char names[512]; /* of drivers */
};

static void setup_free(struct setup *s)
{
	for (unsigned int i = 0; i < s->n_links; i++)
		network_link_free(&s->links[i]);
	strings_free(&s->nameservers);
}

static int add(struct strings *list, const char *text, struct ukd_error *e)
{
	return strings_add(list, text) < 0 ? ukd_oom(e) : 0;
}

static bool has(const struct strings *list, const char *text)
{
	for (unsigned int i = 0; i < list->n; i++)
		if (!strcmp(list->v[i], text))
			return true;
	return false;
}

static bool is_address(const char *host)
{
	uint8_t binary[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, binary) == 1 || inet_pton(AF_INET6, host, binary) == 1;
}

static bool is_loopback(const char *address)
{
	return !strncmp(address, "127.", 4) || !strcmp(address, "::1");
}

int need_network(struct needs *n, const char *host, struct ukd_error *e)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789.-_:";

	if (!host[0] || strlen(host) > 255 || host[strspn(host, plain)] ||
	    (strchr(host, ':') && !is_address(host)))
		return ukd_refuse(e, "target", "'%.80s' is no name or address of a host", host);
	return has(&n->hosts, host) ? 0 : add(&n->hosts, host, e);
}

/* A bare chroot shows no running network either. */
static bool can_look_up(const struct needs *n)
{
	return !n->fleet && root_exists(n->root, "/sys/class/net");
}

/* Interface= is a name, or a MAC address, which names one here. */
static bool is_mac(const char *name)
{
	return strlen(name) == 17 && strspn(name, "0123456789abcdefABCDEF:") == 17;
}

static int find_by_mac(const struct root *root, const char *mac, char ret[16], struct ukd_error *e)
{
	_closedir_ DIR *dir = root_opendir(root, "/sys/class/net");
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		struct ukd_error ignored;
		char found[18];

		if (d->d_name[0] != '.' && strcmp(d->d_name, "lo") != 0 && strlen(d->d_name) < 16 &&
		    network_mac(d->d_name, found, &ignored) >= 0 && !strcasecmp(found, mac)) {
			(void)snprintf(ret, 16, "%s", d->d_name);
			return 0;
		}
	}
	return ukd_refuse(e, "target", "Interface=%s: no network interface has this address", mac);
}

/* The link with this device, a new one if there is none. NULL: too many. */
static struct network_link *get_link(struct setup *s, const char *device)
{
	for (unsigned int i = 0; i < s->n_links; i++)
		if (!strcmp(s->links[i].device, device))
			return &s->links[i];
	if (s->n_links == LINKS_MAX)
		return NULL;
	(void)snprintf(s->links[s->n_links].device, sizeof(s->links[0].device), "%s", device);
	return &s->links[s->n_links++];
}

/* Address= and Gateway= replace what was looked up, word by word. */
static int apply_settings(struct setup *s, struct network_link *l, struct ukd_error *e)
{
	const struct settings *set = s->needs->settings;
	const struct strings *wanted = &set->network.address;
	bool looked_up = can_look_up(s->needs), automatic = !wanted->n || has(wanted, "auto");
	char route[80];
	int r = 0;

	if (automatic && looked_up)
		r = network_look_up(l, e);
	if ((automatic && !looked_up) || has(wanted, "dhcp")) {
		l->dhcp = true;
		l->router |= !looked_up;
	}
	for (unsigned int i = 0; r >= 0 && i < wanted->n; i++)
		if (strchr(wanted->v[i], '/'))
			r = add(&l->addresses, wanted->v[i], e);
	if (r >= 0 && set->network.gateway.n)
		strings_free(&l->routes);
	for (unsigned int i = 0; r >= 0 && i < set->network.gateway.n; i++) {
		(void)snprintf(route, sizeof(route), "default %s", set->network.gateway.v[i]);
		r = add(&l->routes, route, e);
	}
	return r;
}

/* A route of its own for what the default route does not lead to. */
static int add_route(struct setup *s, struct network_link *l, const char *address,
		     const struct network_route *way, struct ukd_error *e)
{
	char route[160];

	if (!way->gateway[0] || has(&l->gateways, way->gateway) ||
	    s->needs->settings->network.gateway.n)
		return 0;
	(void)snprintf(route, sizeof(route), "%s %s", address, way->gateway);
	return has(&l->routes, route) ? 0 : add(&l->routes, route, e);
}

/* Takes the way to an address into the setup. */
static int reach(struct setup *s, const char *address, struct ukd_error *e)
{
	const char *wanted = s->needs->settings->network.interface;
	struct network_route way = {0};
	unsigned int before = s->n_links;
	struct network_link *l;
	char device[16] = "";
	int r = 0;

	if (wanted && is_mac(wanted))
		r = find_by_mac(s->needs->root, wanted, device, e);
	else if (wanted)
		(void)snprintf(device, sizeof(device), "%s", wanted);
	if (r >= 0)
		r = network_route(address, wanted ? device : NULL, &way, e);
	if (r < 0)
		return r;
	if (!strcmp(way.device, "lo"))
		return ukd_refuse(e, "target", "%s is this machine itself", address);
	l = get_link(s, way.device);
	if (!l)
		return ukd_refuse(e, "target", "more than %d network interfaces", LINKS_MAX);
	if (s->n_links > before)
		r = apply_settings(s, l, e);
	return r < 0 ? r : add_route(s, l, address, &way, e);
}

/* The addresses of a name, as text. */
static int resolve(const char *host, char ret[ADDRESSES_MAX][ADDRESS_LEN], unsigned int *n,
		   struct ukd_error *e)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
	int r = getaddrinfo(host, NULL, &hints, &list);

	*n = 0;
	if (r)
		return ukd_refuse(e, "target", "the name '%s' cannot be resolved here: %s", host,
				  gai_strerror(r));
	for (const struct addrinfo *a = list; a && *n < ADDRESSES_MAX; a = a->ai_next)
		if (!getnameinfo(a->ai_addr, a->ai_addrlen, ret[*n], ADDRESS_LEN, NULL, 0,
				 NI_NUMERICHOST))
			++*n;
	freeaddrinfo(list);
	return 0;
}

/* One of a host's addresses must be in reach; servers often have one that is not, of IPv6. */
static int reach_host(struct setup *s, const char *host, struct ukd_error *e)
{
	char addresses[ADDRESSES_MAX][ADDRESS_LEN];
	unsigned int n, good = 0;
	struct ukd_error why = {0};
	int r = resolve(host, addresses, &n, e);

	if (r < 0)
		return r;
	for (unsigned int i = 0; i < n; i++) {
		r = reach(s, addresses[i], &why);
		if (r == -EBADMSG || r == -ENOENT)
			break;
		good += r >= 0;
	}
	if (good && r != -EBADMSG)
		return 0;
	*e = why;
	return ukd_refuse(e, "target", "no way to %s: %.300s", host, why.text);
}

/* A host's network is not known: Ethernet by DHCP, or what the settings say. */
static int set_fleet(struct setup *s, struct ukd_error *e)
{
	const struct settings *set = s->needs->settings;
	const char *wanted = set->network.interface;
	struct network_link *l = get_link(s, "");
	int r = 0;

	if (!wanted && set->network.address.n && !has(&set->network.address, "dhcp") &&
	    !has(&set->network.address, "auto"))
		return ukd_refuse(
			e, "build.settings",
			"Address= for an interface that is not known here: set Interface= "
			"to its MAC address");
	if (wanted)
		(void)snprintf(l->match, sizeof(l->match), "%s=%s\nType=ether\n",
			       is_mac(wanted) ? "PermanentMACAddress" : "Name", wanted);
	else
		(void)snprintf(l->match, sizeof(l->match), "Type=ether\n");
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(fleet_drivers); i++)
		r = need_driver_by_hardware(s->needs, fleet_drivers[i], false, e);
	return r < 0 ? r : apply_settings(s, l, e);
}

/* systemd-resolved's stub is not there in the capture environment; the servers behind it are. */
static const char *resolv_conf(const struct root *root, struct buffer *ret)
{
	static const char *const paths[] = {"/etc/resolv.conf", STUB_RESOLVED};
	struct ukd_error ignored;

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		buffer_free(ret);
		*ret = (struct buffer){0};
		if (root_read(root, paths[i], KIB(64), ret, &ignored) == 0 &&
		    !strstr((char *)ret->data, "nameserver 127.0.0.5"))
			return paths[i];
	}
	return NULL;
}

/* Copies what a resolver needs, without servers of this machine itself. */
static int take_resolv_conf(struct setup *s, char *text, FILE *out, struct ukd_error *e)
{
	char *save = NULL, server[64];
	int r = 0;

	for (char *line = strtok_r(text, "\n", &save); r >= 0 && line;
	     line = strtok_r(NULL, "\n", &save)) {
		if (!strncmp(line, "search ", 7) || !strncmp(line, "domain ", 7) ||
		    !strncmp(line, "options ", 8))
			(void)fprintf(out, "%s\n", line);
		if (sscanf(line, "nameserver %63s", server) != 1)
			continue;
		if (is_loopback(server))
			needs_note(s->needs,
				   "network: the name server %s is this machine itself and is left "
				   "out; set Nameserver=",
				   server);
		else
			r = add(&s->nameservers, server, e);
	}
	return r;
}

static int need_resolver(struct setup *s, struct ukd_error *e)
{
	const struct strings *wanted = &s->needs->settings->network.nameserver;
	_buffer_ struct buffer conf = {0};
	_free_ char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int r = 0;

	if (!out)
		return ukd_oom(e);
	for (unsigned int i = 0; r >= 0 && i < wanted->n; i++)
		r = add(&s->nameservers, wanted->v[i], e);
	if (r >= 0 && !wanted->n && can_look_up(s->needs) && resolv_conf(s->needs->root, &conf))
		r = take_resolv_conf(s, (char *)conf.data, out, e);
	for (unsigned int i = 0; i < s->nameservers.n; i++)
		(void)fprintf(out, "nameserver %s\n", s->nameservers.v[i]);
	if (fclose(out) != 0)
		return ukd_oom(e);
	return r < 0 ? r :
		       need_file(s->needs, "/etc/resolv.conf", (struct bytes){(uint8_t *)text, len},
				 0644, e);
}

/* True if one of a line's names is a host of ours. */
static bool names_host(const char *line, const struct strings *hosts)
{
	char copy[1024], *save = NULL;

	(void)snprintf(copy, sizeof(copy), "%.*s", (int)strcspn(line, "#"), line);
	(void)strtok_r(copy, " \t", &save);
	for (const char *name; (name = strtok_r(NULL, " \t", &save));)
		for (unsigned int i = 0; i < hosts->n; i++)
			if (!strcasecmp(hosts->v[i], name))
				return true;
	return false;
}

/* The lines of /etc/hosts that name our hosts; nobody else is asked for by name. */
static int need_hosts(struct setup *s, struct ukd_error *e)
{
	_buffer_ struct buffer hosts = {0};
	struct ukd_error ignored;
	_free_ char *text = NULL;
	char *save = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return ukd_oom(e);
	(void)fputs("127.0.0.1 localhost\n::1 localhost\n", out);
	if (!s->needs->fleet &&
	    root_read(s->needs->root, "/etc/hosts", MIB(1), &hosts, &ignored) == 0)
		for (char *line = strtok_r((char *)hosts.data, "\n", &save); line;
		     line = strtok_r(NULL, "\n", &save))
			if (names_host(line, &s->needs->hosts))
				(void)fprintf(out, "%s\n", line);
	if (fclose(out) != 0)
		return ukd_oom(e);
	return need_file(s->needs, "/etc/hosts", (struct bytes){(uint8_t *)text, len}, 0644, e);
}

/* "network: eth0 (virtio_net), 192.0.2.7/24, gateway 192.0.2.1" */
static void note_link(const struct setup *s, const struct network_link *l)
{
	char text[512] = "";
	size_t used = 0;

	for (unsigned int i = 0; i < l->addresses.n && used < sizeof(text); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, ", %s",
					 l->addresses.v[i]);
	for (unsigned int i = 0; i < l->routes.n && used < sizeof(text); i++) {
		const char *gateway = strchr(l->routes.v[i], ' ') + 1;

		used += (size_t)snprintf(text + used, sizeof(text) - used, ", gateway %s", gateway);
	}
	needs_note(s->needs, "network: %s%s%s%s%s%s%.300s",
		   l->device[0] ? l->device : "every Ethernet interface that fits",
		   s->names[0] ? " (" : "", s->names, s->names[0] ? ")" : "",
		   l->dhcp ? ", DHCP" : "", l->router ? ", router advertisements" : "", text);
}

static int look_up_all(struct setup *s, struct ukd_error *e)
{
	const struct strings *hosts = &s->needs->hosts;
	struct ukd_error ignored;
	int r = 0;

	for (unsigned int i = 0; r >= 0 && i < hosts->n; i++)
		r = reach_host(s, hosts->v[i], e);
	/* A name server that is out of reach here is no reason to refuse. */
	for (unsigned int i = 0; r >= 0 && i < s->nameservers.n; i++)
		(void)!reach(s, s->nameservers.v[i], &ignored);
	return r;
}

/* dracut would only say that its module cannot be installed. RHEL and SUSE do without it. */
static int need_networkd(struct needs *n, struct ukd_error *e)
{
	if (!root_exists(n->root, NETWORKD))
		return ukd_fail(
			e, -ENOENT,
			"systemd-networkd, which brings up the network after a crash, is not "
			"installed%s%s; install its package (RHEL: systemd-networkd, of EPEL)",
			n->root->path[0] ? " in " : "", n->root->path);
	return need_dracut(n, "systemd-networkd", e);
}

int need_network_setup(struct needs *n, struct ukd_error *e)
{
	static const char nsswitch[] = "passwd: files\ngroup: files\nhosts: files dns\n";
	_cleanup_(setup_free) struct setup s = {.needs = n};
	int r = need_networkd(n, e);

	if (r >= 0)
		r = need_driver(n, "af_packet", e); /* DHCP */
	if (r >= 0)
		r = need_resolver(&s, e);
	if (r >= 0)
		r = need_hosts(&s, e);
	if (r >= 0)
		r = need_file(n, "/etc/nsswitch.conf",
			      (struct bytes){(const uint8_t *)nsswitch, strlen(nsswitch)}, 0644, e);
	if (r >= 0)
		r = can_look_up(n) ? look_up_all(&s, e) : set_fleet(&s, e);
	for (unsigned int i = 0; r >= 0 && i < s.n_links; i++) {
		s.names[0] = 0;
		r = network_write(n, &s.links[i], s.names, sizeof(s.names), e);
		if (r >= 0)
			note_link(&s, &s.links[i]);
	}
	return r;
}
