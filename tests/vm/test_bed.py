# SPDX-License-Identifier: GPL-2.0-or-later
"""The test bed tests itself: what every other VM test takes for granted."""

import re

import pytest

from vmbed import qemu
from vmbed.qemu import GuestError

# The kernel's answers to kexec_file_load.
OK, ENODATA, ENOKEY = "errno=0 OK", "errno=61 ENODATA", "errno=126 ENOKEY"


def test_channel_carries_any_text(vm):
    result = vm.run_micro(secure_boot=False, check=True, script=r"""
        report quoting 'a "b" \c	tab'
        printf 'x\ny\\\001' | report_from lines
        report empty ''
        attempt failing sh -c 'echo out; echo err >&2; exit 3'
    """)
    assert result.get("quoting") == 'a "b" \\c\ttab'
    assert result.get("lines") == "x\ny\\\x01"
    assert result.get("empty") == ""
    assert result.get("failing") == "out\nerr"
    assert result.get("failing.status") == "3"
    assert result.exit_status == 0


def test_script_failure_is_reported(vm):
    result = vm.run_micro(secure_boot=False, script="echo why; false; report never here")
    assert result.exit_status == 1
    assert "why" in result.get("output")
    assert result.get("never") is None


def test_time_limit_ends_a_hanging_guest(vm):
    with pytest.raises(GuestError, match="no end after 8 s"):
        vm.run_micro(secure_boot=False, timeout=8, script="sleep 1000")


def test_micro_guest_is_locked_down_by_secure_boot(vm, kfl):
    debian = vm.kernel("6.12").image
    images = {
        "vmlinuz": debian,
        "unsigned": vm.unsigned(debian, vm.logs / "unsigned"),
        "ours": vm.sign(debian, vm.logs / "ours"),
        "foreign": vm.sign(debian, vm.logs / "foreign", "foreign"),
    }
    result = vm.run_micro(check=True, programs=[kfl], files=images, append="crashkernel=128M",
                          script="""
        report lockdown "$(cat /sys/kernel/security/lockdown)"
        report secureboot "$(od -An -tx1 /sys/firmware/efi/efivars/SecureBoot-*)"
        attempt db-efivar od -An -tx1 -N 8 /sys/firmware/efi/efivars/db-*
        report keys "$(cat /proc/keys)"
        report iomem "$(grep Crash /proc/iomem)"
        report sysfs "$(cd /sys/kernel; grep -r . kexec* 2>&1)"
        for image in vmlinuz unsigned foreign ours; do
            attempt $image kfl /payload/$image
        done
        report loaded "$(cat /sys/kernel/kexec_crash_loaded)"
    """)
    print(result.table())
    assert "[integrity]" in result.get("lockdown")
    assert result.get("secureboot").split() == ["06", "00", "00", "00", "01"]
    assert "Crash kernel" in result.get("iomem")
    assert re.search(r"asymmetri ukdump test db: [0-9a-f]{40}: X509\.rsa", result.get("keys"))
    answers = {name: result.get(name) for name in images}
    assert answers == {"vmlinuz": ENOKEY, "unsigned": ENODATA, "foreign": ENOKEY, "ours": OK}
    assert result.get("loaded") == "1"


@pytest.mark.parametrize("key, refused", [("db", False), ("foreign", True), (None, True)])
def test_firmware_starts_only_what_our_key_signed(vm, key, refused):
    image = vm.uki(vm.logs / "probe.efi", vm.kernel("6.12").image, vm.probe_initrd("by UEFI"),
                   "console=ttyS0 panic=1", key=key)
    result = vm.run_uki(image)
    assert result.refused == refused
    assert result.get("probe.id") == (None if refused else "by UEFI")


@pytest.mark.parametrize("kernel", ["6.1", "6.12", "7.2"])
def test_crash_starts_the_probe(vm, kfl, kernel):
    """Every stock kernel: load kernel and probe, crash, and hear from the capture kernel."""
    files = {"linux": vm.sign(vm.kernel(kernel).image, vm.logs / "linux"),
             "probe": vm.probe_initrd("the probe", kernel=kernel)}
    result = vm.run_micro(kernel=kernel, programs=[kfl], files=files, append="crashkernel=160M",
                          script="""
        report sysfs "$(cd /sys/kernel; grep -r . kexec* 2>&1)"
        report iomem "$(grep Crash /proc/iomem)"
        attempt load kfl --initrd /payload/probe \
            --cmdline "console=ttyS0 panic=1 nr_cpus=1 reset_devices" /payload/linux
        crash
    """)
    print(result.table())
    assert result.get("load") == OK
    assert result.get("probe.id") == "the probe"
    assert result.get("probe.vmcore") == "yes"
    assert re.match(r"elfcorehdr=0x[0-9a-f]+ console=ttyS0 panic=1", result.get("probe.cmdline"))
    assert "[integrity]" in result.get("probe.lockdown")
    assert result.exit_status is None


@pytest.mark.parametrize("fs", ["ext4", "xfs", "btrfs"])
def test_data_disk_is_read_back(vm, fs):
    dump = vm.disk("dump", fs=fs, size=320)
    result = vm.run_micro(secure_boot=False, disks=[dump], script=f"""
        modprobe {fs}
        mkdir /tmp/d
        mount -t {fs} "$(disk dump)" /tmp/d
        mkdir /tmp/d/one
        echo content >/tmp/d/one/file
        sync
        reboot -f
    """)
    assert result.exit_status is None, qemu.explain(result)
    dump.extract("/one", vm.logs / "out")
    assert (vm.logs / "out/one/file").read_text() == "content\n"


def test_stock_tools_of_debian_13_run(vm):
    programs = [vm.program("kexec"), vm.program("makedumpfile")]
    result = vm.run_micro(secure_boot=False, check=True, programs=programs, sysroot=vm.tools(),
                          script="""
        attempt kexec kexec --version
        attempt makedumpfile makedumpfile -v
    """)
    assert result.get("kexec").startswith("kexec-tools 2.0.29")
    assert "zstd\tenabled" in result.get("makedumpfile")


def test_system_guest_is_debian_with_systemd(vm, kfl):
    tree = vm.system_tree()
    tree.add("/usr/local/bin/from-tree", b"#!/bin/sh\necho in the tree\n")
    tree.chroot("chmod", "755", "/usr/local/bin/from-tree")
    root = vm.root_disk(tree)
    result = vm.run_system(root, check=True, programs=[kfl], append="crashkernel=128M", script="""
        report tree "$(from-tree)"
        report lockdown "$(cat /sys/kernel/security/lockdown)"
        report failed "$(systemctl --failed --plain --no-legend)"
        attempt load kfl "/boot/vmlinuz-$(uname -r)"
        mkdir -p /var/crash/one
        echo kept >/var/crash/one/file
    """)
    print(result.table())
    assert result.get("tree") == "in the tree"
    assert "[integrity]" in result.get("lockdown")
    assert result.get("failed") == ""
    assert result.get("load") == ENOKEY
    root.extract("/var/crash", vm.logs)
    assert (vm.logs / "crash/one/file").read_text() == "kept\n"


def test_system_guest_crashes_into_the_probe(vm, kfl):
    files = {"linux": vm.sign(vm.kernel("6.12").image, vm.logs / "linux"),
             "probe": vm.probe_initrd("from systemd")}
    result = vm.run_system(programs=[kfl], files=files, append="crashkernel=128M", script="""
        attempt load kfl --initrd /payload/probe --cmdline "console=ttyS0 panic=1 nr_cpus=1" \
            /payload/linux
        crash
    """)
    print(result.table())
    assert result.get("load") == OK
    assert result.get("probe.id") == "from systemd"
    assert result.get("probe.vmcore") == "yes"
