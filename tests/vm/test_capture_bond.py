# SPDX-License-Identifier: GPL-2.0-or-later
"""A VLAN on a bond of two NICs, set up in the Debian 13 guest, where the image is built."""

import pytest

from capturing import Crash
from servers.server import GUEST_VIEW
from servers.sshd import Sshd
from servers.switch import MAC, Switch
from test_capture_net import Monitor, assert_complete, when_dumping
from test_capture_storage import storage_tree

BOND = """
    nic() {
        basename $(dirname $(grep -l "$1" /sys/class/net/*/address))
    }
    udevadm settle
    first=$(nic %s) second=$(nic %s)
    modprobe 8021q
    modprobe bonding
    ip link add bond0 type bond mode active-backup miimon 100
    ip link set $first master bond0
    ip link set $second master bond0
    echo $first > /sys/class/net/bond0/bonding/primary
    ip link add link bond0 name bond0.5 type vlan id 5
    ip link set bond0 up
    ip link set bond0.5 up
    ip address add 10.0.2.15/24 dev bond0.5
    ip route add default via 10.0.2.2
""" % (MAC.format(0), MAC.format(1))


@pytest.mark.long
def test_vlan_on_a_bond(vm):
    """The cable of one NIC is pulled in mid-dump: it goes on by the other one."""
    monitor = Monitor(vm)
    with Sshd(vm.logs / "sshd") as server, Switch(vm.logs, vlan=5) as switch:
        tree = storage_tree(vm, f"[Dump]\nTarget={server.url(server.files, GUEST_VIEW)}\n")
        tree.add("/etc/ukdump/known_hosts", server.known_hosts(GUEST_VIEW).encode())
        tree.add("/etc/ukdump/keys/ssh", server.key)
        when_dumping(server, monitor.pull_cable)
        result = vm.run_system(
            vm.root_disk(tree), secure_boot=False, append="crashkernel=256M", timeout=580,
            memory=1536, qemu_options=switch.qemu_options() + monitor.options,
            script=BOND + """
                attempt build ukdumpctl build
                attempt start ukdumpctl start
                attempt status ukdumpctl status
                crash
            """)
        assert result.get("build.status") == "0", result.get("build")
        assert "bond0.5" in result.get("build")
        assert result.get("start.status") == "0", result.get("start")
        assert f"{server.files}, ok" in result.get("status"), result.get("status")
        assert server.acted
    assert_complete(Crash(None, "", server.files), {"vmcore.flat", "dmesg.txt", "manifest.json"})
    assert all(n > 1000 for n in switch.frames), switch.frames
