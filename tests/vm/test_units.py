# SPDX-License-Identifier: GPL-2.0-or-later
"""The units on Debian 13 with systemd: armed at boot, built, armed anew and disarmed inside their confinement."""

import re

import pytest

from test_rearm import facts
from vmbed.qmp import Monitor

CONF = """[Image]
Key=/root/db.key
Certificate=/root/db.crt
CommandLineAppend=console=ttyS0
[Dump]
Target=LABEL=ukdump:/
[Arm]
Sysctl=kernel.panic_on_oops=1 kernel.hung_task_panic=1
"""
UNITS = ["ukdump.service", "ukdump-refresh.path", "ukdump-refresh.timer"]
HELPERS = """
    export SYSTEMD_COLORS=0
    # settled UNIT: waits until it does nothing any more, two minutes at most
    settled() {
        sleep 1; i=0
        while systemctl is-active "$1" | grep -q activating && [ $i -lt 120 ]; do sleep 1; i=$((i + 1)); done
        report "$2" "$(systemctl show -p Result,ExecMainStatus,ActiveState,ExecMainStartTimestampMonotonic "$1")"
        report "$2.log" "$(journalctl -b -o cat -u "$1" | tail -n 40)"
    }
    sysctls() { report "$1" "$(cat /proc/sys/kernel/panic_on_oops /proc/sys/kernel/hung_task_panic | tr '\\n' ' ')"; }
"""


def plug(number):
    return [("object-add", {"qom-type": "memory-backend-ram", "id": f"more{number}",
                             "size": 512 << 20}),
            ("device_add", {"driver": "pc-dimm", "id": f"dimm{number}", "memdev": f"more{number}"})]


def tree_with_units(vm):
    tree = vm.system_tree()
    tree.install()
    tree.add("/etc/ukdump/ukdump.conf.d/test.conf", CONF.encode())
    for name in ("db.key", "db.crt"):
        tree.add(f"/root/{name}", vm.keys() / name)
    (tree.root / "root/db.key").chmod(0o600)
    tree.add("/etc/ukdump/trust.d/db.crt", vm.keys() / "db.crt")
    tree.chroot("systemctl", "enable", *UNITS)
    tree.chroot("ukdumpctl", "build", "--kver", tree.kernel.version)
    return tree


@pytest.mark.long
def test_units(vm):
    tree = tree_with_units(vm)
    first = Monitor(vm.logs, "plug in the first", plug(1))
    second = Monitor(vm.logs, "plug in the second", plug(2))
    disk = vm.disk()
    with first, second:
        result = vm.run_system(
            vm.root_disk(tree), append="crashkernel=160M", timeout=560, disks=[disk],
            memory="1536,slots=2,maxmem=4G", qemu_options=first.options + second.options,
            script=HELPERS + f"""
        settled ukdump.service boot
        report armed "$(cat /run/ukdump/armed)"
        attempt status ukdumpctl status
        sysctls armed.sysctl

        # The kernel brings the list up to date itself: nothing is to be done.
        echo plug in the first >/dev/ttyS0
        sleep 15
        report first "$(systemctl show -p ActiveEnterTimestampMonotonic ukdump-rearm.timer)"
        report first.armed "$(cat /run/ukdump/armed)"

        # One that does not.
        echo 0 >/run/no
        mount --bind /run/no /sys/devices/system/memory/crash_hotplug
        udevadm trigger --subsystem-match=memory --action=add --settle
        report trigger "$(systemctl show -p ActiveEnterTimestampMonotonic ukdump-rearm.timer)"
        echo plug in the second >/dev/ttyS0
        i=0
        while [ "$(systemctl show -P ExecMainStartTimestampMonotonic ukdump-rearm.service)" = 0 ] && [ $i -lt 40 ]; do
            sleep 1; i=$((i + 1))
        done
        sleep 8
        settled ukdump-rearm.service second
        report second.armed "$(cat /run/ukdump/armed)"
        report second.runs "$(journalctl -b -o cat -u ukdump-rearm.service | grep -c '^Finished')"
        report memory "$(awk '/^MemTotal:/ {{ print $2 }}' /proc/meminfo)"

        # A change of the settings builds, confined.
        report images "$(ls /var/lib/ukdump/images)"
        printf '[Dump]\\nDumpLevel=30\\n' >/etc/ukdump/ukdump.conf.d/z.conf
        i=0
        while [ "$(systemctl show -P ExecMainStartTimestampMonotonic ukdump-refresh.service)" = 0 ] && [ $i -lt 20 ]; do
            sleep 1; i=$((i + 1))
        done
        i=0
        while systemctl is-active ukdump-refresh.service | grep -q activating && [ $i -lt 300 ]; do
            sleep 1; i=$((i + 1))
        done
        settled ukdump-refresh.service change
        report images2 "$(ls /var/lib/ukdump/images)"
        report change.armed "$(cat /run/ukdump/armed)"

        # What hooks start does nothing where the administrator has disabled it.
        systemctl disable ukdump.service 2>&1
        systemctl start ukdump-refresh.service
        settled ukdump-refresh.service disabled
        systemctl stop ukdump.service
        report stopped "$(cat /sys/kernel/kexec_crash_loaded)"
        sysctls stopped.sysctl
    """)
    print(result.table())
    for key in ("boot", "boot.log", "second", "second.log", "change", "change.log", "disabled", "status", "output"):
        print(f"--- {key}\n{result.get(key)}")
    assert result.exit_status == 0
    boot = facts(result.get("boot"))
    assert boot["ActiveState"] == "active" and boot["Result"] == "success"
    assert result.get("status.status") == "0", result.get("status")
    armed = facts(result.get("armed"))
    assert re.fullmatch(r"\d+", armed["call_ms"])
    assert result.get("armed.sysctl") == "1 1 "

    assert facts(result.get("first"))["ActiveEnterTimestampMonotonic"] == "0"
    assert facts(result.get("first.armed")) == armed
    assert facts(result.get("trigger"))["ActiveEnterTimestampMonotonic"] == "0"
    second = facts(result.get("second"))
    assert second["Result"] == "success" and second["ExecMainStatus"] == "0"
    again = facts(result.get("second.armed"))
    assert again["image"] == armed["image"] and again["time"] > armed["time"]
    # Eight events, in one batch or two: emulated, they take as long as a batch waits.
    assert int(result.get("second.runs")) in (1, 2)

    change = facts(result.get("change"))
    assert change["Result"] == "success" and change["ExecMainStatus"] == "0"
    assert facts(result.get("change.armed"))["image"] != armed["image"]
    assert facts(result.get("disabled"))["Result"] == "exec-condition"
    assert result.get("stopped") == "0"
    assert result.get("stopped.sysctl") == "0 0 "
