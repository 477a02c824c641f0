// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What need_network() makes of a machine's network: the files for systemd-networkd and the
 * resolver, on fixture trees with an ip(8) that says what it was told to.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "build/needs.h"
#include "fixture_checks.h"
#include "fixture_tree.h"

#define KVER  "6.12.0-test"
#define UNITS "/etc/systemd/network/10-ukdump-"

static const char modules_dep[] =
	"kernel/virtio_pci.ko:\nkernel/virtio_net.ko: kernel/failover.ko\n"
	"kernel/failover.ko:\nkernel/e1000e.ko:\nkernel/8021q.ko:\n"
	"kernel/bonding.ko:\n";

struct machine {
	struct tree t;
	struct settings settings;
	struct needs n;
	char notes[2048];
	char *path; /* $PATH before */
};

static void note(void *ctx, const char *text)
{
	struct machine *m = ctx;
	size_t used = strlen(m->notes);

	(void)snprintf(m->notes + used, sizeof(m->notes) - used, "%s\n", text);
}

/* answers: patterns of a shell's case for ip's arguments. */
static void set_ip(struct machine *m, const char *answers)
{
	char text[4096], path[4200];

	(void)snprintf(text, sizeof(text),
		       "#!/bin/sh\ncase \"$*\" in\n%s\n"
		       "'-o link show dev eth0') echo '2: eth0: <UP> mtu 1500\\ link/ether "
		       "52:54:00:00:00:01 brd ff:ff:ff:ff:ff:ff' ;;\n"
		       "'-o link show dev eth1') echo '3: eth1: <UP> mtu 1500\\ link/ether "
		       "52:54:00:00:00:01 brd ff:ff:ff:ff:ff:ff permaddr 52:54:00:00:00:02 x' ;;\n"
		       "*' default '*) ;;\n"
		       "*) echo 'RTNETLINK answers: Network is unreachable'; exit 2 ;;\nesac\n",
		       answers);
	tree_write(&m->t, "/bin/ip", text);
	assert_int_equal(chmod(tree_path(&m->t, "/bin/ip"), 0755), 0);
	(void)snprintf(path, sizeof(path), "%s:%s", tree_path(&m->t, "/bin"), m->path);
	assert_int_equal(setenv("PATH", path, 1), 0);
}

static void add_nic(struct machine *m, const char *name, const char *pci, const char *driver)
{
	char path[256], to[256];

	(void)snprintf(path, sizeof(path), "/sys/devices/pci0000:00/%s/net/%s/address", pci, name);
	tree_write(&m->t, path, "52:54:00:00:00:01\n");
	(void)snprintf(path, sizeof(path), "/sys/devices/pci0000:00/%s/net/%s/device", pci, name);
	tree_link(&m->t, path, "../..");
	(void)snprintf(to, sizeof(to), "../../devices/pci0000:00/%s/net/%s", pci, name);
	(void)snprintf(path, sizeof(path), "/sys/class/net/%s", name);
	tree_link(&m->t, path, to);
	(void)snprintf(path, sizeof(path), "/sys/devices/pci0000:00/%s/driver", pci);
	(void)snprintf(to, sizeof(to), "../../../bus/pci/drivers/%s", driver);
	tree_link(&m->t, path, to);
	(void)snprintf(path, sizeof(path), "/sys/bus/pci/drivers/%s/module", driver);
	(void)snprintf(to, sizeof(to), "../../../../module/%s", driver);
	tree_link(&m->t, path, to);
	(void)snprintf(path, sizeof(path), "/sys/module/%s/initstate", driver);
	tree_write(&m->t, path, "live\n");
}

static int setup(void **state)
{
	struct machine *m = calloc(1, sizeof(*m));
	struct ukd_error e;

	tree_make(&m->t);
	m->path = strdup(getenv("PATH"));
	tree_write(&m->t, "/usr/lib/modules/" KVER "/modules.dep", modules_dep);
	assert_int_equal(settings_init(&m->settings, &e), 0);
	m->n = (struct needs){.root = &m->t.root,
			      .settings = &m->settings,
			      .kver = KVER,
			      .note = note,
			      .note_ctx = m};
	assert_int_equal(module_tree_load(&m->t.root, KVER, &m->n.tree, &e), 0);
	add_nic(m, "eth0", "0000:00:03.0", "virtio_net");
	tree_write(&m->t, "/etc/resolv.conf", "nameserver 192.0.2.53\nsearch example.org\n");
	tree_write(&m->t, "/usr/lib/systemd/systemd-networkd", "");
	tree_write(&m->t, "/etc/hosts", "127.0.0.1 localhost\n192.0.2.9\tother nas # nas2\n");
	*state = m;
	return 0;
}

static int teardown(void **state)
{
	struct machine *m = *state;

	(void)setenv("PATH", m->path, 1);
	needs_free(&m->n);
	settings_free(&m->settings);
	tree_remove(&m->t);
	free(m->path);
	free(m);
	return 0;
}

static int collect(struct machine *m, const char *host, struct ukd_error *e)
{
	int r = need_network(&m->n, host, e);

	return r < 0 ? r : need_network_setup(&m->n, e);
}

static void must_collect(struct machine *m, const char *host)
{
	struct ukd_error e = {0};

	if (collect(m, host, &e) < 0)
		fail_msg("%s", e.text);
}

/* The text of a file that is to go into the image; NULL: none. */
static const char *file(const struct machine *m, const char *path)
{
	for (unsigned int i = 0; i < m->n.n_files; i++)
		if (!strcmp(m->n.files[i].path, path))
			return (const char *)m->n.files[i].content.data;
	return NULL;
}

static void assert_file(const struct machine *m, const char *path, const char *text)
{
	const char *found = file(m, path);

	if (!found)
		fail_msg("no %s", path);
	assert_string_equal(found, text);
}

static bool has_driver(const struct machine *m, const char *name)
{
	return m->n.drivers.data && strstr((char *)m->n.drivers.data, name);
}

#define ETH0_ROUTE "'-o route get 192.0.2.9') echo '192.0.2.9 dev eth0 src 192.0.2.7 uid 0' ;;\n"
#define ETH0_STATIC                                                                        \
	"'-o address show dev eth0 scope global') echo '2: eth0    inet 192.0.2.7/24 brd " \
	"192.0.2.255 scope global eth0\\       valid_lft forever preferred_lft forever' ;;\n"
#define ETH0_DEFAULT \
	"'-o -4 route show default dev eth0') echo 'default via 192.0.2.1 proto static' ;;\n"

static void test_static_address(void **state)
{
	struct machine *m = *state;

	set_ip(m, ETH0_ROUTE ETH0_STATIC ETH0_DEFAULT);
	must_collect(m, "192.0.2.9");
	assert_file(m, UNITS "eth0.network",
		    "[Match]\nPermanentMACAddress=52:54:00:00:00:01\nType=ether\n\n"
		    "[Link]\nRequiredForOnline=no\n\n"
		    "[Network]\nDHCP=no\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n"
		    "Address=192.0.2.7/24\n\n[Route]\nGateway=192.0.2.1\nGatewayOnLink=yes\n");
	assert_file(m, "/etc/resolv.conf", "search example.org\nnameserver 192.0.2.53\n");
	assert_file(m, "/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n");
	assert_non_null(file(m, "/etc/nsswitch.conf"));
	assert_true(has_driver(m, "/failover.ko\n"));
	assert_true(has_driver(m, "/virtio_net.ko\n"));
	assert_false(has_driver(m, "e1000e"));
	assert_int_equal(m->n.dracut.n, 1);
	assert_string_equal(m->n.dracut.v[0], "systemd-networkd");
	assert_string_equal(m->notes,
			    "network: eth0 (virtio_net), 192.0.2.7/24, gateway 192.0.2.1\n");
}

static void test_dhcp_and_a_route_of_its_own(void **state)
{
	struct machine *m = *state;

	set_ip(m,
	       "'-o route get 198.51.100.9') echo '198.51.100.9 via 192.0.2.2 dev eth0 src x' ;;\n"
	       "'-o route get 192.0.2.53') echo '192.0.2.53 via 192.0.2.1 dev eth0 src x' ;;\n"
	       "'-o -4 route show default dev eth0') echo 'default via 192.0.2.1 proto dhcp' ;;\n"
	       "'-o address show dev eth0 scope global') echo '2: eth0    inet 192.0.2.7/24 "
	       "scope global dynamic eth0\\ valid_lft 300sec' ;;\n");
	must_collect(m, "198.51.100.9");
	assert_file(m, UNITS "eth0.network",
		    "[Match]\nPermanentMACAddress=52:54:00:00:00:01\nType=ether\n\n"
		    "[Link]\nRequiredForOnline=no\n\n"
		    "[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n\n"
		    "[DHCPv4]\nClientIdentifier=mac\n\n"
		    "[Route]\nDestination=198.51.100.9\nGateway=192.0.2.2\nGatewayOnLink=yes\n");
}

static void test_ipv6_by_router_and_static(void **state)
{
	struct machine *m = *state;
	const char *text;

	set_ip(m,
	       "'-o route get 2001:db8::9') echo '2001:db8::9 from :: via fe80::1 dev eth0' ;;\n"
	       "'-o -6 route show default dev eth0') echo 'default via fe80::1 proto ra' ;;\n"
	       "'-o address show dev eth0 scope global')\n"
	       "echo '2: eth0    inet6 2001:db8::7/64 scope global \\ valid_lft forever'\n"
	       "echo '2: eth0    inet6 2001:db8::f1/64 scope global temporary dynamic \\ v'\n"
	       "echo '2: eth0    inet6 2001:db8::a1/64 scope global dynamic mngtmpaddr \\ v' ;;\n");
	must_collect(m, "2001:db8::9");
	text = file(m, UNITS "eth0.network");
	assert_non_null(text);
	assert_non_null(strstr(text, "[Network]\nDHCP=no\nLinkLocalAddressing=ipv6\n"
				     "IPv6AcceptRA=yes\nAddress=2001:db8::7/64\n"));
	assert_null(strstr(text, "f1"));
	assert_null(strstr(text, "[Route]"));
}

static void test_vlan_on_a_bond(void **state)
{
	struct machine *m = *state;

	add_nic(m, "eth1", "0000:00:04.0", "e1000e");
	tree_write(&m->t, "/sys/class/net/bond0/bonding/mode", "802.3ad 4\n");
	tree_write(&m->t, "/sys/class/net/bond0/bonding/xmit_hash_policy", "layer3+4 1\n");
	tree_write(&m->t, "/sys/class/net/bond0/bonding/lacp_rate", "fast 1\n");
	tree_write(&m->t, "/sys/class/net/bond0/bonding/miimon", "50\n");
	tree_write(&m->t, "/sys/class/net/bond0/bonding/slaves", "eth0 eth1\n");
	tree_write(&m->t, "/sys/class/net/bond0/address", "52:54:00:00:00:01\n");
	tree_write(&m->t, "/proc/net/vlan/bond0.5",
		   "bond0.5  VID: 5\t REORDER_HDR: 1  dev->priv_flags: 1021\n"
		   "         total frames received            0\nDevice: bond0\n");
	set_ip(m, "'-o route get 192.0.2.9') echo '192.0.2.9 dev bond0.5 src 192.0.2.7' ;;\n"
		  "'-o address show dev bond0.5 scope global') echo '5: bond0.5    inet "
		  "192.0.2.7/24 scope global bond0.5\\ v' ;;\n");
	must_collect(m, "192.0.2.9");
	assert_file(m, UNITS "bond0.5.netdev",
		    "[NetDev]\nName=bond0.5\nKind=vlan\n\n[VLAN]\nId=5\n");
	assert_non_null(strstr(file(m, UNITS "bond0.5.network"), "Address=192.0.2.7/24\n"));
	assert_file(m, UNITS "bond0.netdev",
		    "[NetDev]\nName=bond0\nKind=bond\nMACAddress=52:54:00:00:00:01\n\n"
		    "[Bond]\nMode=802.3ad\nMIIMonitorSec=50ms\nTransmitHashPolicy=layer3+4\n"
		    "LACPTransmitRate=fast\n");
	assert_file(m, UNITS "bond0.network",
		    "[Match]\nName=bond0\n\n[Link]\nRequiredForOnline=no\n\n"
		    "[Network]\nLinkLocalAddressing=no\nVLAN=bond0.5\n");
	/* The second NIC of a bond goes by the first one's address now. */
	assert_file(m, UNITS "eth1.network",
		    "[Match]\nPermanentMACAddress=52:54:00:00:00:02\nType=ether\n\n"
		    "[Link]\nRequiredForOnline=no\n\n[Network]\nBond=bond0\n");
	assert_non_null(strstr(file(m, UNITS "eth0.network"), "00:01"));
	assert_true(has_driver(m, "/8021q.ko\n") && has_driver(m, "/bonding.ko max_bonds=0\n") &&
		    has_driver(m, "/e1000e.ko\n") && has_driver(m, "/virtio_net.ko\n"));
}

static void test_bridge_is_left_out(void **state)
{
	struct machine *m = *state;

	tree_write(&m->t, "/sys/class/net/br0/bridge/.keep", "");
	tree_write(&m->t, "/sys/class/net/br0/address", "52:54:00:00:00:99\n");
	tree_write(&m->t, "/sys/class/net/br0/brif/eth0/.keep", "");
	tree_write(&m->t, "/sys/class/net/br0/brif/atap/.keep", "");
	set_ip(m, "'-o route get 192.0.2.9') echo '192.0.2.9 dev br0 src 192.0.2.7' ;;\n"
		  "'-o address show dev br0 scope global') echo '5: br0    inet 192.0.2.7/24 scope "
		  "global br0\\ v' ;;\n");
	must_collect(m, "192.0.2.9");
	assert_null(file(m, UNITS "br0.network"));
	assert_non_null(
		strstr(file(m, UNITS "eth0.network"), "PermanentMACAddress=52:54:00:00:00:01\n"));
	assert_non_null(strstr(file(m, UNITS "eth0.network"), "\nMACAddress=52:54:00:00:00:99\n"));
	assert_non_null(strstr(file(m, UNITS "eth0.network"), "Address=192.0.2.7/24\n"));
}

static void test_stub_resolver_and_hosts_file(void **state)
{
	struct machine *m = *state;
	struct ukd_error e = {0};

	tree_write(&m->t, "/etc/resolv.conf", "nameserver 127.0.0.53\n");
	tree_write(&m->t, "/run/systemd/resolve/resolv.conf",
		   "# text\nnameserver 192.0.2.54\nnameserver 127.0.0.1\n");
	set_ip(m, "'-o route get'*) echo '192.0.2.9 dev eth0 src 192.0.2.7' ;;\n" ETH0_STATIC);
	assert_int_equal(need_network(&m->n, "NAS", &e), 0);
	(void)!need_network_setup(&m->n, &e); /* the name is known to the fixture only */
	assert_file(m, "/etc/resolv.conf", "nameserver 192.0.2.54\n");
	assert_file(m, "/etc/hosts",
		    "127.0.0.1 localhost\n::1 localhost\n192.0.2.9\tother nas # nas2\n");
	assert_non_null(strstr(m->notes, "127.0.0.1 is this machine itself"));
}

static void configure(struct machine *m, const char *text)
{
	struct ukd_error e;

	if (settings_parse(&m->settings, (struct bytes){(const uint8_t *)text, strlen(text)}, "t",
			   &e) < 0)
		fail_msg("%s", e.text);
}

static void test_settings_override(void **state)
{
	struct machine *m = *state;
	const char *text;

	configure(m, "[Network]\nInterface=52:54:00:00:00:01\nAddress=192.0.2.8/25 2001:db8::8/64\n"
		     "Gateway=192.0.2.2\nNameserver=192.0.2.55\n");
	set_ip(m, "'-o route get 192.0.2.9 oif eth0') echo '192.0.2.9 via 192.0.2.3 dev eth0' ;;\n"
		  "'-o route get 192.0.2.55 oif eth0') echo '192.0.2.55 dev eth0' ;;\n");
	must_collect(m, "192.0.2.9");
	text = file(m, UNITS "eth0.network");
	assert_non_null(text);
	assert_non_null(strstr(text, "DHCP=no\nLinkLocalAddressing=ipv6\nIPv6AcceptRA=no\n"
				     "Address=192.0.2.8/25\nAddress=2001:db8::8/64\n\n"
				     "[Route]\nGateway=192.0.2.2\nGatewayOnLink=yes\n"));
	assert_null(strstr(text, "192.0.2.3"));
	assert_file(m, "/etc/resolv.conf", "nameserver 192.0.2.55\n");
}

static void test_fleet_looks_nothing_up(void **state)
{
	struct machine *m = *state;

	m->n.fleet = true;
	set_ip(m, "*) exit 1 ;;\n");
	must_collect(m, "nas.example.org");
	assert_file(m, UNITS "any.network",
		    "[Match]\nType=ether\n\n[Link]\nRequiredForOnline=no\n\n"
		    "[Network]\nDHCP=ipv4\nLinkLocalAddressing=ipv6\nIPv6AcceptRA=yes\n\n"
		    "[DHCPv4]\nClientIdentifier=mac\n");
	assert_file(m, "/etc/resolv.conf", "");
	assert_true(has_driver(m, "/e1000e.ko\n"));
}

static void test_fleet_with_an_address(void **state)
{
	struct machine *m = *state;
	struct ukd_error e = {0};

	m->n.fleet = true;
	configure(m, "[Network]\nAddress=192.0.2.8/24\n");
	expect_refused(collect(m, "192.0.2.9", &e), &e, "build.settings", "no interface");
	configure(m, "[Network]\nInterface=52:54:00:00:00:05\n");
	must_collect(m, "192.0.2.9");
	assert_non_null(strstr(file(m, UNITS "any.network"),
			       "PermanentMACAddress=52:54:00:00:00:05\nType=ether\n"));
	assert_non_null(strstr(file(m, UNITS "any.network"), "DHCP=no\n"));
}

static void test_refusals(void **state)
{
	static const struct {
		const char *host, *answers, *text;
	} cases[] = {
		{"192.0.2.9", "", "Network is unreachable"},
		{"192.0.2.9", "'-o route get'*) echo 'local 192.0.2.9 dev lo src x' ;;\n",
		 "this machine itself"},
		{"192.0.2.9",
		 "'-o route get'*) echo '192.0.2.9 dev wg0 src x' ;;\n'-o address'*) ;;\n",
		 "wg0 is neither a NIC"},
		{"192.0.2.9 x", "", "no name or address"},
		{"fe80:nonsense", "", "no name or address"},
		{"no-such-host.invalid", "", "cannot be resolved"},
	};
	struct machine *m = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ukd_error e = {0};

		strings_free(&m->n.hosts);
		m->n.hosts = (struct strings){0};
		set_ip(m, cases[i].answers);
		expect_refused(collect(m, cases[i].host, &e), &e, "target", cases[i].text);
		if (!strstr(e.text, cases[i].text))
			fail_msg("'%s' instead of '%s'", e.text, cases[i].text);
	}
}

static void test_networkd_is_missing(void **state)
{
	struct machine *m = *state;
	struct ukd_error e = {0};

	assert_int_equal(unlink(tree_path(&m->t, "/usr/lib/systemd/systemd-networkd")), 0);
	set_ip(m, "'-o route get'*) echo '192.0.2.9 dev eth0 src x' ;;\n'-o address'*) ;;\n");
	assert_int_equal(collect(m, "192.0.2.9", &e), -ENOENT);
	assert_non_null(strstr(e.text, "install its package"));
	assert_int_equal(m->n.dracut.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
		TEST(test_static_address),
		TEST(test_dhcp_and_a_route_of_its_own),
		TEST(test_ipv6_by_router_and_static),
		TEST(test_vlan_on_a_bond),
		TEST(test_bridge_is_left_out),
		TEST(test_stub_resolver_and_hosts_file),
		TEST(test_settings_override),
		TEST(test_fleet_looks_nothing_up),
		TEST(test_fleet_with_an_address),
		TEST(test_refusals),
		TEST(test_networkd_is_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
