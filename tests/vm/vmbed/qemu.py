# SPDX-License-Identifier: GPL-2.0-or-later
"""Starts one QEMU with a hard time limit and collects what the guest reports.

The result channel is a virtio-serial port: one JSON object {"key", "value"} per line. The serial
console is only kept for people to read, and to time the phases of a run.
"""

import json
import math
import os
import re
import selectors
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from .paths import CACHE, BedError, filling_cache, say

QEMU = "qemu-system-x86_64"

# What a line of the serial console tells about how far a run has come.
PHASES = [
    (re.compile(rb"BdsDxe: starting "), "firmware"),
    (re.compile(rb"BdsDxe: No bootable option"), "refused"),
    (re.compile(rb"Linux version "), "kernel"),
    (re.compile(rb"sysrq: Trigger a crash|Kernel panic"), "panic"),
]


class GuestError(AssertionError):
    """A run did not end as it should; the message has the end of the serial log and its path."""

    result = None  # what the guest had reported by then, if it exceeded its time


@dataclass
class Report:
    key: str
    value: str
    time: float  # seconds since QEMU was started


@dataclass
class Result:
    """What came out of one run."""

    reports: list = field(default_factory=list)
    phases: list = field(default_factory=list)  # (name, seconds), in order, repeated per kernel
    duration: float = 0.0
    serial_path: Path = None
    accel: str = ""
    cut_pattern: re.Pattern = None
    cut_delay: float = 0.0
    cut_at: float = math.inf  # seconds since the start

    def get(self, key, default=None):
        """The last value reported under key."""
        return next((r.value for r in reversed(self.reports) if r.key == key), default)

    def all(self, key):
        return [r.value for r in self.reports if r.key == key]

    def time(self, key):
        """When key was reported first, in seconds since the start; None if it never was."""
        return next((r.time for r in self.reports if r.key == key), None)

    @property
    def refused(self):
        """UEFI found nothing that it is allowed to start."""
        return any(name == "refused" for name, _ in self.phases)

    @property
    def exit_status(self):
        """Exit status of the guest's script; None if it never ended (crash, kexec)."""
        status = self.get("exit")
        return None if status is None else int(status)

    def table(self):
        """Phases and reports in the order in which they came, one line each."""
        rows = [(seconds, f"-- {name}") for name, seconds in self.phases]
        rows += [(r.time, f"{r.key} = {r.value.splitlines()[0] if r.value else ''}")
                 for r in self.reports]
        rows.append((self.duration, "-- end"))
        return "\n".join(f"{seconds:7.2f}s {text}" for seconds, text in sorted(rows))


@dataclass
class Disk:
    """A raw image handed to the guest as a virtio disk with a serial name."""

    path: Path
    serial: str
    readonly: bool = False
    snapshot: bool = False  # writes are thrown away
    options: str = "format=raw,cache=unsafe"
    bootindex: int | None = None  # OVMF looks at no other disk than those that have one

    def arguments(self):
        options = f"if=none,id={self.serial},file={self.path},{self.options}"
        if self.readonly:
            options += ",readonly=on"
        if self.snapshot:
            options += ",snapshot=on"
        device = f"virtio-blk-pci,drive={self.serial},serial={self.serial}"
        if self.bootindex is not None:
            device += f",bootindex={self.bootindex}"
        return ["-drive", options, "-device", device]


def base_arguments(accel, memory, smp):
    """A machine without anything that a guest would spend time on to probe."""
    cpu = "host" if accel.startswith("kvm") else "max"
    return [QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-vga", "none",
            "-monitor", "none", "-nic", "none", "-accel", accel, "-cpu", cpu,
            "-smp", str(smp), "-m", str(memory)]


def uefi_arguments(code, variables):
    return ["-machine", "q35,smm=on,sata=off,usb=off",
            "-global", "driver=cfi.pflash01,property=secure,value=on",
            "-global", "ICH9-LPC.disable_s3=1",
            "-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={code}",
            "-drive", f"if=pflash,format=raw,unit=1,file={variables}"]


def direct_arguments(kernel, initrd, cmdline):
    """Starts the kernel without UEFI."""
    return ["-machine", "q35,sata=off,usb=off",
            "-kernel", str(kernel), "-initrd", str(initrd), "-append", cmdline]


def smbios_cmdline(text):
    """systemd-stub appends this to the signed command line, also under Secure Boot."""
    value = f"io.systemd.stub.kernel-cmdline-extra={text}".replace(",", ",,")
    return ["-smbios", f"type=11,value={value}"]


def execute(argv, logs, timeout, accel, reboots=False, power_cut=None):
    """Runs QEMU until the guest powers off; kills it after timeout seconds and raises then.

    power_cut: (regular expression, seconds): QEMU is killed so long after the serial console's first
    line that matches, and nothing is raised.
    """
    logs.mkdir(parents=True, exist_ok=True)
    serial_read, serial_write = os.pipe()
    report_read, report_write = os.pipe()
    # A pipe per channel: every line gets its time stamp here, on the host's clock.
    argv = [*map(str, argv), *([] if reboots else ["-no-reboot"]),
            "-chardev", f"file,id=serial,path=/dev/fd/{serial_write}", "-serial", "chardev:serial",
            "-device", "virtio-serial-pci",
            "-chardev", f"file,id=report,path=/dev/fd/{report_write}",
            "-device", "virtserialport,chardev=report,name=ukdump.report"]
    (logs / "command").write_text(" ".join(argv) + "\n")
    result = Result(serial_path=logs / "serial.log", accel=accel)
    if power_cut:
        result.cut_pattern, result.cut_delay = re.compile(power_cut[0].encode()), power_cut[1]
    start = time.monotonic()
    with open(logs / "qemu.log", "wb") as messages:
        qemu = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=messages, stderr=messages,
                                pass_fds=(serial_write, report_write))
    os.close(serial_write)
    os.close(report_write)
    try:
        timed_out = not _collect(result, serial_read, report_read, start, timeout)
    finally:
        qemu.kill()
        status = qemu.wait()
        os.close(serial_read)
        os.close(report_read)
    result.duration = time.monotonic() - start
    if timed_out:
        late = GuestError(f"no end after {timeout} s\n{explain(result)}")
        late.result = result
        raise late
    if status not in (0, -9):
        raise GuestError(f"QEMU: {(logs / 'qemu.log').read_text()[-2000:]}")
    return result


def _collect(result, serial, report, start, timeout):
    """Reads both channels until QEMU has closed them; False if the time limit came first.

    Firmware that refused to boot would wait for a key for ever, so that ends the run as well.
    """
    watched = selectors.DefaultSelector()
    watched.register(serial, selectors.EVENT_READ, _SerialLog(result))
    watched.register(report, selectors.EVENT_READ, _ReportChannel(result))
    try:
        while watched.get_map() and not result.refused:
            left = start + timeout - time.monotonic()
            if left <= 0:
                return False
            before_cut = start + result.cut_at - time.monotonic()
            if before_cut <= 0:
                return True
            for key, _ in watched.select(min(left, before_cut)):
                data = os.read(key.fd, 65536)
                key.data.feed(data, time.monotonic() - start)
                if not data:
                    watched.unregister(key.fd)
        return True
    finally:
        watched.close()


class _Lines:
    """Cuts a byte stream into lines."""

    def __init__(self, result):
        self.result = result
        self.rest = b""

    def feed(self, data, seconds):
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            self.line(line, seconds)


class _ReportChannel(_Lines):
    def line(self, line, seconds):
        text = line.decode("utf-8", "backslashreplace")
        try:
            entry = json.loads(text)
            self.result.reports.append(Report(entry["key"], entry["value"], seconds))
        except (ValueError, KeyError, TypeError):
            self.result.reports.append(Report("malformed", text, seconds))


class _SerialLog(_Lines):
    def __init__(self, result):
        super().__init__(result)
        self.file = open(result.serial_path, "wb")

    def feed(self, data, seconds):
        super().feed(data, seconds)
        if not data:
            self.file.close()

    def line(self, line, seconds):
        self.file.write(b"%8.2f " % seconds + line.rstrip(b"\r") + b"\n")
        self.file.flush()
        if self.result.cut_pattern and self.result.cut_pattern.search(line):
            self.result.cut_at = min(self.result.cut_at, seconds + self.result.cut_delay)
        for pattern, phase in PHASES:
            last = self.result.phases[-1][0] if self.result.phases else None
            if pattern.search(line) and phase != last:
                self.result.phases.append((phase, seconds))


def explain(result):
    """All that helps to see why a run went wrong."""
    tail = result.serial_path.read_bytes()[-3000:].decode("utf-8", "backslashreplace")
    return f"{result.table()}\nend of {result.serial_path}:\n{tail}"


def accelerator(probe):
    """"kvm" if a guest really boots with it on this host, else software emulation.

    A present /dev/kvm proves nothing. probe(accel) boots a guest and returns whether it reported;
    the answer is kept until the host is booted anew. UKDUMP_TEST_ACCEL= overrides.
    """
    global _accelerator
    if _accelerator is None:
        _accelerator = os.environ.get("UKDUMP_TEST_ACCEL") or _remembered_accelerator(probe)
        say(f"guests run with {_accelerator}")
    return _accelerator


_accelerator = None


@filling_cache
def _remembered_accelerator(probe):
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    answer = CACHE / "accel" / boot_id
    if not answer.exists():
        works = os.access("/dev/kvm", os.R_OK | os.W_OK) and probe("kvm")
        shutil.rmtree(answer.parent, ignore_errors=True)
        answer.parent.mkdir(parents=True)
        answer.write_text("kvm" if works else "tcg,thread=multi")
    return answer.read_text()


def require():
    if not shutil.which(QEMU):
        raise BedError(f"no {QEMU}: run scripts/install-deps")
