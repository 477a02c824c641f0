# SPDX-License-Identifier: GPL-2.0-or-later
"""What `info` finds in memory, by the symbols in the dump, where the kernel log does not tell."""

import json
import re
import subprocess

import pytest

import crash_module
from capturing import Crash, build_image, crash_micro, put_kernel
from vmbed.paths import BUILD

FRAME = re.compile(r"\[[ .0-9]*\]  ((?:\? )?)([\w.]+\+0x[0-9a-f]+/0x[0-9a-f]+)( \[\w+\])?")


def stack(dump):
    done = subprocess.run([BUILD / "ukdumpctl", "info", "--json", "--lines=0", dump], check=True,
                          stdout=subprocess.PIPE)
    facts = json.loads(done.stdout)
    print(json.dumps([facts["triage"], facts["stack"]], indent=1))
    return facts


def without_log(dump):
    """The same dump, but nobody finds the log in it: headers are not compressed."""
    data = dump.read_bytes()
    assert b"SYMBOL(prb)=" in data[:1 << 20]
    dump.write_bytes(data.replace(b"SYMBOL(prb)=", b"SYMBOL(p_b)="))
    return dump


def trace_in(log):
    """The functions that the kernel itself names in its trace of panic(), from panic's caller on."""
    frames = [m for m in map(FRAME.match, log.split("Kernel panic", 1)[1].splitlines()) if m]
    (at,) = [i for i, m in enumerate(frames) if m[2].startswith("panic+") and not m[1]]
    return [m[2] for m in frames[at + 1:] if not m[1] and not m[3]]


@pytest.mark.long
@pytest.mark.parametrize("series", ["6.1", "6.12", "7.2"])
def test_same_names_as_the_kernel(vm, series):
    """Three forms of the tables. Each name, offset and size that the kernel printed, and with KASLR."""
    kernel = vm.kernel(series)
    _, image = build_image(vm, "[Dump]\nTarget=LABEL=ukdump:/\n", kver=kernel.version,
                           prepare=lambda tree: put_kernel(tree, kernel))
    disk = vm.disk("dump", label="ukdump", size=1200)
    crash_micro(vm, image, disk, kernel=series, memory=640, timeout=300, kaslr=True)
    crash = Crash(disk, "/", vm.logs / "dump")
    assert stack(crash.folder / "vmcore")["stack"] is None
    expected = trace_in(crash.dmesg)
    print(expected)
    facts = stack(without_log(crash.folder / "vmcore"))
    found = facts["stack"]
    assert facts["triage"] is None and found["source"] == "memory" and found["error"] is None
    assert found["rip"].startswith("__crash_kexec+")
    assert len(expected) > 5 and [f for f in found["frames"] if f in expected] == expected
    pid = re.search(r"CPU: (\d+) (?:UID: \d+ )?PID: (\d+)", crash.dmesg)
    assert [found["cpu"], found["pid"]] == [int(pid[1]), int(pid[2])]


@pytest.mark.long
def test_log_without_trace(vm, tmp_path):
    """A panic whose lines have left the ring buffer: memory names the way there."""
    module = crash_module.build(tmp_path)
    _, image = build_image(vm, "[Dump]\nTarget=LABEL=ukdump:/\n")
    disk = vm.disk("dump", label="ukdump", size=1200)
    crash_micro(vm, image, disk, memory=768, timeout=300, kaslr=True,
                append="crashkernel=160M crash_kexec_post_notifiers", more_files={"ukcrash.ko": module},
                script="insmod /payload/ukcrash.ko; echo 0 > /proc/sys/kernel/printk; "
                       "echo 'flood process' > /sys/module/ukcrash/parameters/now")
    crash = Crash(disk, "/", vm.logs / "dump")
    assert "ukcrash: 7999" in crash.dmesg and "panic" not in crash.dmesg
    facts = stack(crash.folder)
    assert facts["triage"]["kind"] == "unknown" and facts["triage"]["signature"] is None
    names = [f.split("+")[0] for f in facts["stack"]["frames"]]
    assert facts["stack"]["rip"].startswith("__crash_kexec+")
    way = [n for n in names if n in ("panic", "param_attr_store", "vfs_write", "do_syscall_64")]
    assert way[:4] == ["panic", "param_attr_store", "vfs_write", "do_syscall_64"]
    assert any(f.endswith(" in a module") for f in facts["stack"]["frames"])
    text = crash.info("--lines=0").stdout
    print(text)
    assert "stack       ? " in text and "not unwound" in text
