# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory and a processor are added after arming, then a panic: is the added memory in the dump?

Since Linux 6.6 the kernel brings the list in the armed image up to date itself; before, the image has to
be armed anew, which udev asks for."""

import json
import secrets

import pytest

from capturing import Crash, build_image, crash_micro
from vmbed import helpers
from vmbed.qmp import Monitor

CONF = "[Dump]\nTarget=LABEL=ukdump:/\nDumpLevel=23\n"
MIB, GIB = 1 << 20, 1 << 30
ADDED = 512 * MIB

PLUG_MEMORY = [
    ("object-add", {"qom-type": "memory-backend-ram", "id": "more", "size": ADDED}),
    ("device_add", {"driver": "pc-dimm", "id": "dimm", "memdev": "more"}),
]
PLUG_CPU = ("device_add", {"driver": "max-x86_64-cpu", "id": "cpu1", "socket-id": 1, "core-id": 0,
                           "thread-id": 0})

# Both are there, and in use: what Debian's udev rules do for processors, and admins for memory.
WAIT_FOR_BOTH = f"""
    attempt crash_hotplug cat /sys/devices/system/memory/crash_hotplug /sys/devices/system/cpu/crash_hotplug
    before=$(awk '/^MemTotal:/ {{ print $2 }}' /proc/meminfo)
    echo plug in now >/dev/ttyS0
    i=0
    while [ $i -lt 40 ]; do
        for block in /sys/devices/system/memory/memory*/state; do
            [ "$(cat $block)" = online ] || echo online >$block
        done
        [ ! -e /sys/devices/system/cpu/cpu1/online ] || echo 1 >/sys/devices/system/cpu/cpu1/online
        now=$(awk '/^MemTotal:/ {{ print $2 }}' /proc/meminfo)
        [ $((now - before)) -lt {(ADDED - 16 * MIB) >> 10} ] || [ "$(nproc)" != 2 ] || break
        sleep 0.5; i=$((i + 1))
    done
    report added "$((now - before)) $(nproc)"
"""


@pytest.mark.long
@pytest.mark.parametrize("kernel, rearm, covered", [("6.12", False, True), ("6.1", True, True),
                                                    ("6.1", False, False)])
def test_added_memory_is_dumped(vm, kernel, rearm, covered):
    pattern = secrets.token_hex(16)
    _, image = build_image(vm, CONF)
    disk = vm.disk()
    # Where no hypervisor that it knows is found, as under emulation, newer kernels know no CPU that is
    # not there at boot ("x86/acpi/boot: Correct acpi_is_processor_usable() check again"): one that was
    # left alone is brought up then, which is the same to kexec.
    plugged = kernel == "6.1"
    with Monitor(vm.logs, "plug in now", [*PLUG_MEMORY, *[PLUG_CPU] * plugged]) as monitor:
        result = crash_micro(
            vm, image, disk, kernel=kernel, memory="1024,slots=2,maxmem=4G",
            smp="1,sockets=2,maxcpus=2" if plugged else "2",
            append="crashkernel=160M" + " maxcpus=1" * (not plugged), timeout=500, qemu_options=monitor.options, programs=[helpers.program("hold")],
            script=WAIT_FOR_BOTH + f"""
                {'attempt rearm ukdump-load load /payload/image.efi' if rearm else ''}
                hold {pattern} >/tmp/held &
                while ! grep -q held /tmp/held; do sleep 0.2; done
            """)
    print(result.table())
    assert result.get("crash_hotplug.status") == ("1" if kernel == "6.1" else "0")
    added, processors = map(int, result.get("added").split())
    assert added << 10 >= ADDED - 16 * MIB and processors == 2
    assert not rearm or result.get("rearm.status") == "0"

    crash = Crash(disk, "/", vm.logs / "dump")
    assert crash.manifest["state"] == "complete"
    # Nothing of it was taken by the capture kernel for its own use.
    assert crash.manifest["memory"]["total"] < 160 * MIB
    told = crash.info("--json", "--find", pattern).stdout
    found = json.loads(told[told.index("{"):])["find"]  # before it, an error where nothing is found
    print(found, crash.info().stdout)
    assert (found["pages"] > 0) == covered
    # The guest has less than 4 GiB, so what lies above was added.
    assert not covered or found["first"] >= 4 * GIB
