# SPDX-License-Identifier: GPL-2.0-or-later
"""How captures end: the site's programs, a kernel that hangs, no target at all, programs that are
stopped or killed, a shell on the console."""

import json
import socket
import threading

import pytest

from capturing import Crash, build_image, crash_micro
from vmbed import qemu
from vmbed.paths import BUILD

I6300 = ["-device", "i6300esb", "-action", "watchdog=reset"]


def script(vm, name, *lines):
    path = vm.logs / name
    path.write_text("\n".join(["#!/bin/bash", *lines, ""]))
    path.chmod(0o755)
    return path


def seconds_until_end(result):
    """From the crash to the end of the machine."""
    return result.duration - next(s for name, s in result.phases if name == "panic")


def serial(result):
    return result.serial_path.read_text(errors="replace")


@pytest.mark.long
def test_hooks_run(vm):
    """Programs of the site before and after the dump; one that fails changes nothing."""
    show = script(vm, "show", 'echo "$UKDUMP_STATE $UKDUMP_TARGET" in ${UKDUMP_DIR##*/}: '
                              '$(cd "$UKDUMP_DIR" && echo *)')
    _, image = build_image(vm, "[Dump]\nTarget=LABEL=ukdump:/\n[Action]\nPre=/opt/show\n"
                               "Pre=/opt/fail\nPost=/opt/show\nFailure=/opt/fail\n",
                           overlay={"/opt/show": show,
                                    "/opt/fail": script(vm, "fail", "echo no; exit 3")})
    disk = vm.disk("dump", label="ukdump", size=1200)
    crash_micro(vm, image, disk)
    crash = Crash(disk, "/", vm.logs / "dump")
    assert crash.manifest["state"] == "complete"
    pre, fail, post = [s for s in crash.manifest["stages"] if "program" in s]
    name = crash.folder.name
    assert (pre["name"], pre["result"]) == ("pre", "ok")
    assert pre["output"] == f"log-only LABEL=ukdump:/ in {name}: dmesg.txt"
    assert (fail["result"], fail["output"]) == ("failed", "no")
    assert "exit status 3" in fail["reason"]
    assert post["name"] == "post"
    assert post["output"] == f"complete LABEL=ukdump:/ in {name}: dmesg.txt manifest.json vmcore"


def test_hardware_watchdog_resets_a_kernel_that_hangs(vm, faults):
    """The capture kernel panics and stays there (panic=0): only the hardware is left."""
    hang = script(vm, "hang", "echo c > /proc/sysrq-trigger")
    _, image = build_image(vm, "[Image]\nModules=i6300esb\n[Dump]\nTarget=LABEL=ukdump:/\n"
                               "[Action]\nPre=/opt/hang\n",
                           overlay={"/opt/hang": hang}, append="console=ttyS0 panic=0")
    disk = vm.disk("dump", label="ukdump", size=1200)
    result = crash_micro(vm, image, disk, qemu_options=I6300)
    assert "hardware watchdog /dev/watchdog (i6300ESB timer): 30 s" in serial(result)
    assert "end Kernel panic" in serial(result)
    assert 28 < seconds_until_end(result) < 60
    disk.extract("/", vm.logs / "dump")
    (folder,) = (vm.logs / "dump").glob("*Z-*")
    assert "sysrq" in (folder / "dmesg.txt").read_text(errors="replace")
    assert {p.name for p in folder.iterdir()} == {"dmesg.txt"}
    faults.row("capture kernel hangs (hardware watchdog)", result, None, ["dmesg.txt"], 60)


def left_for_the_next_boot(vm, faults, fault, image, *disks, reserved=160, memory=1024):
    """Crashes with EFI variables, and boots once more; returns what `ukdumpctl report` tells."""
    result = vm.run_micro(
        kernel="6.12", secure_boot=True, append=f"crashkernel={reserved}M", reboots=True,
        timeout=300, disks=disks, memory=memory,
        files={"image.efi": image, "db.crt": vm.keys() / "db.crt"},
        programs=[BUILD / "ukdump-load", BUILD / "ukdumpctl"], script="""
            if ls /sys/firmware/efi/efivars/UkdumpResult-*; then
                attempt first ukdumpctl report --keep --json
                mkdir -p /tmp/bin  # no journal here
                printf '#!/bin/sh\\ncat >&2\\n' > /tmp/bin/logger
                chmod +x /tmp/bin/logger
                PATH=/tmp/bin:$PATH
                attempt boot ukdumpctl report --boot
                attempt again ukdumpctl report --boot
                attempt second ukdumpctl report
                exit 0
            fi
            mkdir -p /etc/ukdump/trust.d
            cp /payload/db.crt /etc/ukdump/trust.d
            attempt load ukdump-load load /payload/image.efi
            crash
        """)
    assert result.get("load.status") == "0", result.get("load")
    assert result.get("second") == "no capture has left a result"
    left = json.loads(result.get("first"))["result"]
    for disk in disks:
        disk.extract("/", vm.logs / "dump")
    saved = {p.name for p in (vm.logs / "dump").glob("*Z-*/*")}
    assert not disks or "dmesg.txt" in saved
    faults.row(f"{fault} (EFI variable)", None, left, saved, 0)
    return left


def test_result_for_the_next_boot(vm, faults):
    """No target at all: the next boot reads the reason from an EFI variable, once."""
    _, image = build_image(vm, "[Dump]\nTarget=LABEL=nowhere:/\nTimeoutSec=20\n")
    left = left_for_the_next_boot(vm, faults, "no target at all", image)
    assert "Kernel panic - not syncing: sysrq triggered crash" in left["panic"]
    assert left["state"] == "failed" and left["kernel"].startswith("6.12")
    assert left["targets"][0]["uri"] == "LABEL=nowhere:/"
    assert "no device LABEL=nowhere" in left["targets"][0]["reason"]


@pytest.mark.long
def test_process_1_crashes(vm, faults):
    """The kernel does not get to panic: the watchdog stores the result and reboots."""
    _, image = build_image(vm, "[Dump]\nTarget=LABEL=ukdump:/\n[Action]\nPre=/opt/kill\n",
                           overlay={"/opt/kill": script(vm, "kill", "kill -SEGV 1", "sleep 600")})
    disk = vm.disk("dump", label="ukdump", size=1200)
    left = left_for_the_next_boot(vm, faults, "process 1 crashes", image, disk)
    assert left["reason"] == "the capture did not come to its end"
    assert left["kernel"].startswith("6.12")


STOP_ALL = ("for p in /proc/[0-9]*; do [ ${p##*/} = $$ ] || kill -STOP ${p##*/}; done",
            "kill -STOP $$")


@pytest.mark.long
def test_everything_but_process_1_is_stopped(vm, faults):
    """Watchdogs too: process 1 gives the attempt up, and reboots within its time."""
    _, image = build_image(vm, "[Dump]\nTarget=LABEL=ukdump:/\nTimeoutSec=30\n"
                               "[Action]\nPre=/opt/stop\n",
                           overlay={"/opt/stop": script(vm, "stop", *STOP_ALL)})
    disk = vm.disk("dump", label="ukdump", size=1200)
    result = crash_micro(vm, image, disk)
    assert seconds_until_end(result) < 45
    assert "attempt: not done after" in serial(result)
    disk.extract("/", vm.logs / "dump")
    (folder,) = (vm.logs / "dump").glob("*Z-*")
    assert (folder / "dmesg.txt").exists()
    faults.row("all processes but the first stopped", result, None,
               [p.name for p in folder.iterdir()], 45)


@pytest.mark.long
def test_shell_on_the_console(vm):
    """AllowShell=: somebody works at the console, for longer than the watchdogs would let him."""
    _, image = build_image(vm, "[Image]\nAllowShell=yes\nModules=i6300esb\n[Dump]\n"
                               "Target=LABEL=nowhere:/\nTimeoutSec=15\n"
                               "[Action]\nOnFailure=shell\n")
    console = vm.logs / "console"
    seen = bytearray()

    def operator():
        with socket.socket(socket.AF_UNIX) as s:
            while s.connect_ex(str(console)):
                threading.Event().wait(0.2)
            while b"reboots" not in seen and (data := s.recv(4096)):
                seen.extend(data)
            threading.Event().wait(50)
            s.sendall(b"ls /etc/ukdump; echo pid $$ of $(cat /proc/$$/comm)\n"
                      b"cat /sys/class/watchdog/watchdog0/state\nexit\n")
            while data := s.recv(4096):
                seen.extend(data)

    threading.Thread(target=operator, daemon=True).start()
    # In front of the test bed's own, so the guest's first one.
    crash_micro(vm, image, vm.disk("other", label="other", size=64), timeout=300,
                qemu_options=[*I6300, "-chardev",
                              f"socket,id=con,path={console},server=on,wait=off",
                              "-serial", "chardev:con"])
    assert b"capture.conf" in seen and b"of bash" in seen
    assert b"job control" not in seen  # it has the terminal, so that ^C works
    assert b"i6300ESB timer" in seen and b"\ninactive" in seen
    assert b"reboot: Restarting system" in seen  # and was not reset


# A second target that needs the network brings the full environment; nobody goes there.
TARGETS = """[Dump]
Target=LABEL=ukdump:/ nfs://10.0.2.2/x
[Network]
Interface=52:54:00:12:34:56
Address=10.0.2.15/24
[Action]
"""


def to_the_program(signal):
    """Lines of a script that sends a signal to the capture program and its children."""
    return ("for p in /proc/[0-9]*; do", '[ "$(cat $p/comm 2>/dev/null)" != ukdump-capture ] || '
            f"kill -{signal} ${{p##*/}}; done", "sleep 600")


def crash_full(vm, disk, action="", overlay=None):
    _, image = build_image(vm, TARGETS + action, overlay=overlay)
    return crash_micro(vm, image, disk, append="crashkernel=256M", memory=1200)


@pytest.mark.long
def test_full_environment_saves_a_dump(vm):
    """Pid 1 starts the guards and becomes systemd, whose unit goes on with them."""
    show = script(vm, "show", "cat /proc/1/comm /run/ukdump/deadline",
                  "for p in $(cat /run/ukdump/watchdogs); do cat /proc/$p/comm; done")
    disk = vm.disk("dump", label="ukdump", size=1200)
    crash_full(vm, disk, "Pre=/opt/show\n", {"/opt/show": show})
    crash = Crash(disk, "/", vm.logs / "dump")
    assert crash.manifest["state"] == "complete"
    words = crash.stage("pre")["output"].split(";")
    assert words[0] == "systemd"
    assert int(words[1]) > 600000
    assert words[2:] == ["ukdump-watchdog", "ukdump-watchdog", "ukdump-keeper"]


@pytest.mark.long
def test_full_environment_ends_when_the_program_is_killed(vm, faults):
    disk = vm.disk("dump", label="ukdump", size=1200)
    result = crash_full(vm, disk, "Pre=/opt/kill\n", {"/opt/kill": script(vm, "kill", *to_the_program(9))})
    assert seconds_until_end(result) < 50
    disk.extract("/", vm.logs / "dump")
    (folder,) = (vm.logs / "dump").glob("*Z-*")
    assert {p.name for p in folder.iterdir()} == {"dmesg.txt"}
    faults.row("capture program killed, full environment", result, None, ["dmesg.txt"], 50)


@pytest.mark.long
def test_a_killed_program_leaves_its_result(vm, faults):
    """The unit stores it."""
    _, image = build_image(vm, TARGETS + "Pre=/opt/kill\n",
                           overlay={"/opt/kill": script(vm, "kill", *to_the_program(9))})
    disk = vm.disk("dump", label="ukdump", size=1200)
    left = left_for_the_next_boot(vm, faults, "capture program killed", image, disk,
                                  reserved=256, memory=1200)
    assert left["reason"] == "the capture did not come to its end"
    assert left["kernel"].startswith("6.12")


@pytest.mark.long
def test_full_environment_ends_in_time_when_the_program_is_stopped(vm, faults):
    """Who ends it then was started by process 1, before systemd."""
    disk = vm.disk("dump", label="ukdump", size=1200)
    result = crash_full(vm, disk, "Pre=/opt/stop\n[Dump]\nTimeoutSec=30\n",
                        {"/opt/stop": script(vm, "stop", *to_the_program("STOP"))})
    assert "TimeoutSec= is over: ending now" in serial(result)
    assert 28 < seconds_until_end(result) < 50
    disk.extract("/", vm.logs / "dump")
    saved = {p.name for p in (vm.logs / "dump").glob("*Z-*/*")}
    assert "dmesg.txt" in saved
    faults.row("capture program stopped, full environment", result, None, saved, 50)


@pytest.mark.long
def test_full_environment_ends_when_all_is_stopped(vm, faults):
    """The program, systemd's helpers, the watchdogs: systemd itself cannot be, and its unit waits
    for ever. Only the hardware is left."""
    _, image = build_image(vm, TARGETS.replace("[Dump]", "[Image]\nModules=i6300esb\n[Dump]")
                           + "Pre=/opt/stop\n",
                           overlay={"/opt/stop": script(vm, "stop", *STOP_ALL)})
    disk = vm.disk("dump", label="ukdump", size=1200)
    result = crash_micro(vm, image, disk, append="crashkernel=256M", memory=1200,
                         qemu_options=I6300)
    assert 28 < seconds_until_end(result) < 90
    disk.extract("/", vm.logs / "dump")
    saved = {p.name for p in (vm.logs / "dump").glob("*Z-*/*")}
    assert "dmesg.txt" in saved
    faults.row("all processes stopped (hardware watchdog)", result, None, saved, 90)


@pytest.mark.long
def test_full_environment_without_systemd(vm, faults):
    """systemd cannot be executed: process 1 goes on alone."""
    broken = vm.logs / "systemd"
    broken.write_bytes(b"\x7fELF, but no more")
    broken.chmod(0o755)
    disk = vm.disk("dump", label="ukdump", size=1200)
    result = crash_full(vm, disk, overlay={"/usr/lib/systemd/systemd": broken})
    assert "going on without systemd" in serial(result)
    crash = Crash(disk, "/", vm.logs / "dump")
    assert crash.manifest["state"] == "complete"
    faults.row("systemd cannot be executed", result, crash.manifest, crash.names, 90)
