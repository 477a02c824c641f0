# SPDX-License-Identifier: GPL-2.0-or-later
"""What `ukdumpctl status` and `start` say about the rest of the machine: kernel parameters, rivals, the lock,
the time of the call. ukdump-load is a stand-in; /etc, /run, /var/lib and /proc/sys/kernel are the test's
own, in a mount namespace."""

import json
import os
import shutil
import subprocess

import pytest

from cli import CTL

FACTS = """loaded=1 enforced=1 load_disabled=0 crash_memory=268435456 comfort=134217728
image=0123456789ab path=/etc/ukdump/image.efi signer=test kind=sealed time=now call_ms=17""".split()
NAMES = ["panic", "panic_on_oops", "hung_task_panic", "softlockup_panic", "unknown_nmi_panic", "sysrq"]


class Host:
    def __init__(self, tmp_path):
        self.bin, self.etc, self.values = tmp_path / "bin", tmp_path / "etc", tmp_path / "values"
        self.empty = tmp_path / "empty"
        for d in (self.bin, self.etc / "ukdump", self.values, self.empty):
            d.mkdir(parents=True)
        (self.etc / "ukdump/ukdump.conf").write_text("[Dump]\nTarget=virtiofs://tag/\n")
        shutil.copy(CTL, self.bin)
        self.program("makedumpfile", "echo 'makedumpfile: version 9.9.9'")
        self.loader(f"printf '%s\\n' {' '.join(FACTS)}")

    def program(self, name, script):
        (self.bin / name).write_text("#!/bin/sh\n" + script + "\n")
        (self.bin / name).chmod(0o755)

    def loader(self, script):
        self.program("ukdump-load", script)

    def parameter(self, name, value):
        (self.values / name).write_text(value)

    def wants(self, target, unit, to="/usr/lib/systemd/system/x"):
        d = self.etc / "systemd/system" / target
        d.mkdir(parents=True, exist_ok=True)
        (d / unit).symlink_to(to)

    def __call__(self, *argv):
        p = subprocess.run(
            ["unshare", "-m", "sh", "-ec",
             'mount --bind "$0" /etc; mount --bind "$1" /proc/sys/kernel; mount --bind "$2" /var/lib; '
             'mount -t tmpfs tmpfs /run; shift 2; exec "$@"',
             self.etc, self.values, self.empty, self.bin / "ukdumpctl", *argv], capture_output=True, text=True,
            timeout=60, env={"PATH": f"{self.bin}:{os.environ['PATH']}"})
        if "unshare:" in p.stderr or "mount:" in p.stderr:
            pytest.skip("no mounts here")
        return p

    def status(self, code):
        p = self("status", "--json")
        assert p.returncode == code, p.stdout + p.stderr
        return json.loads(p.stdout)


@pytest.fixture
def host(tmp_path, sealed, signers):
    host = Host(tmp_path)
    (host.etc / "ukdump/trust.d").mkdir()
    shutil.copy(sealed["signer"], host.etc / "ukdump/image.efi")
    shutil.copy(signers / "signer.crt", host.etc / "ukdump/trust.d")
    return host


def test_parameters_as_they_are(host):
    host.parameter("panic", "-1\n")
    host.parameter("panic_on_oops", "1\n")
    host.parameter("sysrq", "rubbish\n")
    j = host.status(0)
    assert list(j["sysctl"]) == NAMES
    assert list(j["sysctl"].values()) == [-1, 1, None, None, None, None]
    assert "\nsysctl    panic=-1 panic_on_oops=1\n" in host("status").stdout


def test_time_of_the_call(host):
    assert host.status(0)["call_ms"] == 17
    assert "since     now, the call took 17 ms\n" in host("status").stdout
    p = host("start", "/image.efi")
    assert p.stdout == "armed: /image.efi, signed by 'test', in 17 ms\n"
    assert json.loads(host("start", "--json", "/image.efi").stdout)["call_ms"] == 17


def test_lock_is_shown(host):
    assert host.status(0)["locked"] is False
    assert "locked" not in host("status").stdout
    host.loader(f"printf '%s\\n' {' '.join(FACTS).replace('load_disabled=0', 'load_disabled=1')}")
    assert host.status(0)["locked"] is True
    assert "\nlocked    until the next boot" in host("status").stdout


@pytest.mark.parametrize("unit", ["kdump.service", "kdump-tools.service"])
def test_rival_that_is_enabled(host, unit):
    host.wants("multi-user.target.wants", "ssh.service")
    host.wants("multi-user.target.requires", unit)
    assert host.status(0)["problems"] == []
    host.wants("multi-user.target.wants", unit)
    problem, = host.status(4)["problems"]
    assert problem.startswith(f"{unit} is enabled, too") and f"systemctl disable --now {unit}" in problem
    (host.etc / "systemd/system" / unit).symlink_to("/dev/nullx")
    assert host.status(4)["problems"] == [problem]
    (host.etc / "systemd/system" / unit).unlink()
    (host.etc / "systemd/system" / unit).symlink_to("/dev/null")  # masked
    assert host.status(0)["problems"] == []


def test_messages_of_the_loader_are_passed_on(host):
    """In their order and once, and a refusal is one."""
    host.loader("echo 'ukdump-load: warning: first' >&2; echo 'ukdump-load: error: second' >&2; exit 1")
    p = host("start", "/image.efi")
    assert p.returncode == 1 and p.stdout == ""
    assert p.stderr == "ukdump-load: warning: first\nukdump-load: error: second\n"
    host.loader("exit 1")
    assert host("stop").returncode == 1
