// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Files of systemd-networkd for an interface and what it is stacked on: see network.h. NICs are
 * matched by the address they were made with: names come from the host's udev rules, or another
 * order of drivers.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build/device.h"
#include "build/network.h"
#include "util/cleanup.h"
#include "util/process.h"

#define UNITS	     "/etc/systemd/network/10-ukdump-"
#define FIRMWARE     "/usr/lib/firmware/"
#define FIRMWARE_MAX MIB(32)
#define DEPTH_MAX    4 /* VLAN on bridge on bond on NIC */

/* One interface with its files under way. */
struct stack {
	struct needs *needs;
	char *names; /* of drivers, for the note */
	size_t names_size;
	const char *mac; /* that the NIC shall take over, or NULL */
	unsigned int depth;
};

static int write_interface(struct stack *s, const char *device, const char *config,
			   struct ukd_error *e);

/* The first word of an attribute of an interface; empty if it is not there. */
static void read_word(const struct root *root, const char *device, const char *attribute, char *ret,
		      size_t size)
{
	_buffer_ struct buffer text = {0};
	struct ukd_error ignored;
	char path[256];

	(void)snprintf(path, sizeof(path), "/sys/class/net/%s/%s", device, attribute);
	ret[0] = 0;
	if (root_read(root, path, KIB(4), &text, &ignored) == 0)
		(void)snprintf(ret, size, "%.*s", (int)strcspn((char *)text.data, " \n"),
			       (char *)text.data);
}

static bool has_attribute(const struct root *root, const char *device, const char *attribute)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "/sys/class/net/%s/%s", device, attribute);
	return root_exists(root, path);
}

static bool is_vlan(const struct root *root, const char *device)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/net/vlan/%s", device);
	return root_exists(root, path);
}

/* /etc/systemd/network/10-ukdump-NAME.TYPE */
static int add_unit(struct needs *n, const char *name, const char *type, const char *text,
		    struct ukd_error *e)
{
	char path[128];

	(void)snprintf(path, sizeof(path), UNITS "%s.%s", name, type);
	for (unsigned int i = 0; i < n->n_files; i++)
		if (!strcmp(n->files[i].path, path) &&
		    strcmp((const char *)n->files[i].content.data, text) != 0)
			return ukd_refuse(e, "target",
					  "%s is needed for two ways to targets, which are not "
					  "supported together",
					  name);
	return need_file(n, path, (struct bytes){(const uint8_t *)text, strlen(text)}, 0644, e);
}

/* A .network file: whom it is for, then what config says. */
static int add_network(struct needs *n, const char *name, const char *match, const char *mac,
		       const char *config, struct ukd_error *e)
{
	_free_ char *text = NULL;

	if (asprintf(&text, "[Match]\n%s\n[Link]\nRequiredForOnline=no\n%s%s%s\n[Network]\n%s",
		     match, mac ? "MACAddress=" : "", mac ? mac : "", mac ? "\n" : "", config) < 0)
		return ukd_oom(e);
	return add_unit(n, name, "network", text, e);
}

static int add_firmware_file(struct needs *n, const char *name, struct ukd_error *e)
{
	static const char *const suffixes[] = {"", ".xz", ".zst"};
	char path[512];
	int r = 0;

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(suffixes); i++) {
		(void)snprintf(path, sizeof(path), FIRMWARE "%s%s", name, suffixes[i]);
		if (root_exists(n->root, path))
			r = need_copy(n, "firmware", path, path, 0644, FIRMWARE_MAX, e);
	}
	return r;
}

/* What the driver may ask for and this machine has. Most NICs of servers need none. */
static int add_firmware(struct needs *n, const char *module, struct ukd_error *e)
{
	const char *const argv[] = {"modinfo", "-k", n->kver, "-F", "firmware", module, NULL};
	_buffer_ struct buffer out = {0};
	_close_ int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct process p = {PROCESS_DEFAULTS, .argv = argv, .output = &out, .output_max = KIB(256)};
	struct ukd_error ignored;
	char *save = NULL;
	int r = 0;

	p.stderr_fd = null;
	if (process_run(&p, &ignored) != 0 || !out.data)
		return 0;
	for (char *name = strtok_r((char *)out.data, "\n", &save); r >= 0 && name;
	     name = strtok_r(NULL, "\n", &save))
		if (!strstr(name, ".."))
			r = add_firmware_file(n, name, e);
	return r;
}

/* A driver on the way to a NIC; as for disks, what is built in here may not be listed. */
static int add_bound(void *ctx, const char *name, bool loadable, struct ukd_error *e)
{
	struct stack *s = ctx;
	size_t used = strlen(s->names);
	int r = need_driver(s->needs, name, e);

	if (r == 0 && loadable)
		return ukd_refuse(e, "target",
				  "kernel %s has no driver '%s', which the network needs; build "
				  "for another kernel, or set another Target=",
				  s->needs->kver, name);
	if (r > 0 && !strstr(s->names, name))
		(void)snprintf(s->names + used, s->names_size - used, "%s%s", used ? " " : "",
			       name);
	return r <= 0 ? r : add_firmware(s->needs, name, e);
}

static int write_nic(struct stack *s, const char *device, const char *config, struct ukd_error *e)
{
	char mac[18], match[64];
	int r = device_network_drivers(s->needs->root, device, add_bound, s, e);

	if (r >= 0)
		r = network_mac(device, mac, e);
	if (r < 0)
		return r;
	(void)snprintf(match, sizeof(match), "PermanentMACAddress=%s\nType=ether\n", mac);
	return add_network(s->needs, device, match, s->mac, config, e);
}

/* "Device: eth0" and "VID: 5" of /proc/net/vlan/eth0.5. */
static int write_vlan(struct stack *s, const char *device, const char *config, struct ukd_error *e)
{
	_buffer_ struct buffer text = {0};
	char path[64], lower[16] = "", below[64], netdev[128], match[32];
	const char *vid, *on;
	unsigned int id = 0;
	int r;

	(void)snprintf(path, sizeof(path), "/proc/net/vlan/%s", device);
	r = root_read(s->needs->root, path, KIB(16), &text, e);
	if (r < 0)
		return r;
	vid = strstr((char *)text.data, "VID: ");
	on = strstr((char *)text.data, "\nDevice: ");
	if (!vid || !on || sscanf(vid, "VID: %u", &id) != 1 ||
	    sscanf(on, "\nDevice: %15s", lower) != 1)
		return ukd_fail(e, -EINVAL, "%s is not as expected", path);
	(void)snprintf(netdev, sizeof(netdev), "[NetDev]\nName=%s\nKind=vlan\n\n[VLAN]\nId=%u\n",
		       device, id);
	(void)snprintf(match, sizeof(match), "Name=%s\n", device);
	(void)snprintf(below, sizeof(below), "LinkLocalAddressing=no\nVLAN=%s\n", device);
	r = need_driver_strictly(s->needs, "8021q", e);
	if (r >= 0)
		r = add_unit(s->needs, device, "netdev", netdev, e);
	if (r >= 0)
		r = add_network(s->needs, device, match, NULL, config, e);
	return r < 0 ? r : write_interface(s, lower, below, e);
}

/* What the other end of the cables must find as it was; the rest is default. */
static int add_bond_netdev(struct needs *n, const char *device, struct ukd_error *e)
{
	const struct root *root = n->root;
	char mode[32], policy[32], rate[16], mac[18], interval[16], text[512], extra[128] = "";

	read_word(root, device, "bonding/mode", mode, sizeof(mode));
	read_word(root, device, "bonding/xmit_hash_policy", policy, sizeof(policy));
	read_word(root, device, "bonding/lacp_rate", rate, sizeof(rate));
	read_word(root, device, "bonding/miimon", interval, sizeof(interval));
	read_word(root, device, "address", mac, sizeof(mac));
	if (!strcmp(mode, "802.3ad"))
		(void)snprintf(extra, sizeof(extra), "TransmitHashPolicy=%s\nLACPTransmitRate=%s\n",
			       policy, rate);
	else if (!strcmp(mode, "balance-xor"))
		(void)snprintf(extra, sizeof(extra), "TransmitHashPolicy=%s\n", policy);
	(void)snprintf(text, sizeof(text),
		       "[NetDev]\nName=%s\nKind=bond\nMACAddress=%s\n\n[Bond]\nMode=%s\n"
		       "MIIMonitorSec=%sms\n%s",
		       device, mac, mode,
		       interval[0] && strcmp(interval, "0") != 0 ? interval : "100", extra);
	return add_unit(n, device, "netdev", text, e);
}

static int write_bond(struct stack *s, const char *device, const char *config, struct ukd_error *e)
{
	const struct root *root = s->needs->root;
	_buffer_ struct buffer slaves = {0};
	char path[64], primary[16], match[32], below[64], *save = NULL;
	int r;

	(void)snprintf(path, sizeof(path), "/sys/class/net/%s/bonding/slaves", device);
	read_word(root, device, "bonding/primary", primary, sizeof(primary));
	r = root_read(root, path, KIB(4), &slaves, e);
	if (r >= 0)
		r = need_driver_strictly(s->needs, "bonding", e);
	if (r >= 0)
		r = add_bond_netdev(s->needs, device, e);
	(void)snprintf(match, sizeof(match), "Name=%s\n", device);
	if (r >= 0)
		r = add_network(s->needs, device, match, s->mac, config, e);
	s->mac = NULL;
	if (r < 0)
		return r;
	for (char *slave = strtok_r((char *)slaves.data, " \n", &save); r >= 0 && slave;
	     slave = strtok_r(NULL, " \n", &save)) {
		(void)snprintf(below, sizeof(below), "Bond=%s\n%s", device,
			       !strcmp(slave, primary) ? "PrimarySlave=yes\n" : "");
		r = write_interface(s, slave, below, e);
	}
	return r;
}

/* The first port that is not a guest's: a NIC, or a stack of NICs. */
static bool find_port(const struct root *root, const char *bridge, char ret[16])
{
	_closedir_ DIR *dir = NULL;
	struct dirent *d;
	char path[64];

	(void)snprintf(path, sizeof(path), "/sys/class/net/%s/brif", bridge);
	dir = root_opendir(root, path);
	ret[0] = 0;
	while (dir && (d = readdir(dir))) {
		bool real = d->d_name[0] != '.' && strlen(d->d_name) < 16 &&
			    (has_attribute(root, d->d_name, "device") ||
			     has_attribute(root, d->d_name, "bonding") || is_vlan(root, d->d_name));

		if (real && (!ret[0] || strcmp(d->d_name, ret) < 0))
			(void)snprintf(ret, 16, "%s", d->d_name);
	}
	return ret[0];
}

/* No guest runs in the capture environment: the bridge's port does without the bridge. */
static int write_bridge(struct stack *s, const char *device, const char *config,
			struct ukd_error *e)
{
	char port[16], mac[18];
	int r;

	if (!find_port(s->needs->root, device, port))
		return ukd_refuse(e, "target", "the bridge %s has no NIC", device);
	read_word(s->needs->root, device, "address", mac, sizeof(mac));
	s->mac = mac;
	r = write_interface(s, port, config, e);
	s->mac = NULL;
	return r;
}

static int write_interface(struct stack *s, const char *device, const char *config,
			   struct ukd_error *e)
{
	const struct root *root = s->needs->root;

	if (s->depth++ > DEPTH_MAX * 4)
		return ukd_refuse(e, "target", "%s: too many interfaces", device);
	if (is_vlan(root, device))
		return write_vlan(s, device, config, e);
	if (has_attribute(root, device, "bonding"))
		return write_bond(s, device, config, e);
	if (has_attribute(root, device, "bridge"))
		return write_bridge(s, device, config, e);
	if (has_attribute(root, device, "device"))
		return write_nic(s, device, config, e);
	return ukd_refuse(e, "target",
			  "the network interface %s is neither a NIC nor a VLAN, bond or bridge; "
			  "set Interface= in [Network]",
			  device);
}

/* [Network] of an interface with addresses, and what comes behind it. */
static char *addresses_text(const struct network_link *l)
{
	bool six = l->router;
	size_t len = 0;
	char *text = NULL;
	FILE *out;

	for (unsigned int i = 0; i < l->addresses.n; i++)
		six |= network_is_ipv6(l->addresses.v[i]);
	out = open_memstream(&text, &len);
	if (!out)
		return NULL;
	(void)fprintf(out, "DHCP=%s\nLinkLocalAddressing=%s\nIPv6AcceptRA=%s\n",
		      l->dhcp ? "ipv4" : "no", six ? "ipv6" : "no", l->router ? "yes" : "no");
	for (unsigned int i = 0; i < l->addresses.n; i++)
		(void)fprintf(out, "Address=%s\n", l->addresses.v[i]);
	if (l->dhcp)
		(void)fprintf(out, "\n[DHCPv4]\nClientIdentifier=mac\n");
	for (unsigned int i = 0; i < l->routes.n; i++) {
		const char *gateway = strchr(l->routes.v[i], ' ') + 1;

		(void)fprintf(out, "\n[Route]\n");
		if (strncmp(l->routes.v[i], "default ", 8) != 0)
			(void)fprintf(out, "Destination=%.*s\n",
				      (int)(gateway - 1 - l->routes.v[i]), l->routes.v[i]);
		(void)fprintf(out, "Gateway=%s\nGatewayOnLink=yes\n", gateway);
	}
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

int network_write(struct needs *n, const struct network_link *l, char *names, size_t size,
		  struct ukd_error *e)
{
	struct stack s = {.needs = n, .names = names, .names_size = size};
	_free_ char *text = addresses_text(l);

	if (!text)
		return ukd_oom(e);
	if (l->device[0])
		return write_interface(&s, l->device, text, e);
	return add_network(n, "any", l->match, NULL, text, e);
}
