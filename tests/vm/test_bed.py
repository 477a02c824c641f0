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
        # The script's own limit is the same, but counts from the end of the boot.
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
