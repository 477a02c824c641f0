# SPDX-License-Identifier: GPL-2.0-or-later
"""Dumps to other machines, from the full environment: real servers on the host, which a guest
reaches as 10.0.2.2 in QEMU's user network."""

import hashlib
import re

import pytest

from capturing import Crash, build_image, crash_micro
from servers.nfs import Ganesha
from servers.server import GUEST_VIEW
from servers.sshd import Sshd, make_key

MAC = "52:54:00:12:34:56"
STATIC = f"[Network]\nInterface={MAC}\nAddress=10.0.2.15/24\nGateway=10.0.2.2\n"


def nic(options=""):
    return ["-netdev", f"user,id=n0{options}",
            "-device", f"virtio-net-pci,netdev=n0,mac={MAC},romfile="]


def build_ssh(vm, server, network=STATIC, host=GUEST_VIEW, known_hosts=None, target=None):
    known = vm.logs / "known_hosts"
    known.write_text(known_hosts or server.known_hosts(host))
    target = target or server.url(f"{server.files}/crashes", f"[{host}]" if ":" in host else host)
    _, image = build_image(vm, f"[Dump]\nTarget={target}\n{network}", overlay={
        "/etc/ukdump/known_hosts": known, "/etc/ukdump/keys/ssh": server.key})
    return image


def assert_complete(crash, names=frozenset({"vmcore", "dmesg.txt", "manifest.json"})):
    manifest = crash.manifest
    assert manifest["state"] == "complete", manifest
    assert manifest["checked"] == "full"
    assert crash.names == set(names)
    stored = (crash.folder / manifest["file"]).read_bytes()
    assert len(stored) == manifest["bytes"]
    assert hashlib.sha256(stored).hexdigest() == manifest["sha256"]
    assert crash.info("--full").returncode == 0
    assert "sysrq" in crash.dmesg


def test_ssh_with_a_static_address(vm):
    with Sshd(vm.logs / "sshd") as server:
        image = build_ssh(vm, server)
        crash_micro(vm, image, append="crashkernel=256M", qemu_options=nic())
    crash = Crash(None, "", server.files)
    assert_complete(crash, {"vmcore.flat", "dmesg.txt", "manifest.json"})
    assert crash.manifest["targets"][0]["device"] == f"root@{GUEST_VIEW}"


def test_nfs_by_dhcp(vm):
    """A part of the path is made; the server does not let root be root."""
    with Ganesha(vm.logs / "nfs", squash="Root_Squash") as server:
        _, image = build_image(vm, f"[Dump]\nTarget={server.url('/deep/crashes', GUEST_VIEW)}\n")
        crash_micro(vm, image, append="crashkernel=256M", qemu_options=nic())
    assert_complete(Crash(None, "", server.files))
