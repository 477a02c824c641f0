# SPDX-License-Identifier: GPL-2.0-or-later
"""Dumps to other machines, from the full environment: real servers on the host, which a guest
reaches as 10.0.2.2 in QEMU's user network."""

import hashlib
import os
import signal
import subprocess
import threading
import time

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


@pytest.mark.long
def test_ssh_over_ipv6(vm):
    """QEMU's fec0::2 is the host's ::1."""
    network = f"[Network]\nInterface={MAC}\nAddress=fec0::15/64\n"
    with Sshd(vm.logs / "sshd") as server:
        image = build_ssh(vm, server, network, "fec0::2")
        crash_micro(vm, image, append="crashkernel=256M", qemu_options=nic())
    crash = Crash(None, "", server.files)
    assert_complete(crash, {"vmcore.flat", "dmesg.txt", "manifest.json"})
    assert crash.manifest["targets"][0]["device"] == "root@fec0::2"


# Faults: the second target, a local disk, gets the dump and the reason ---------------------------

SECOND = "LABEL=ukdump:/"
LIMIT = 150


def crash_with_second(vm, image, faults, fault, options):
    disk = vm.disk("dump", label="ukdump", size=700)
    result = crash_micro(vm, image, disk, append="crashkernel=256M", memory=640, timeout=240,
                         qemu_options=options)
    crash = Crash(disk, "/", vm.logs / "dump")
    assert [t["result"] for t in crash.manifest["targets"]][1] == "complete"
    assert crash.names == {"vmcore", "dmesg.txt", "manifest.json"}
    faults.row(fault, result, crash.manifest, crash.names, LIMIT)
    return crash.manifest["targets"][0]


@pytest.mark.long
def test_no_network(vm, faults):
    _, image = build_image(vm, f"[Dump]\nTarget=nfs://{GUEST_VIEW}/export {SECOND}\n"
                           f"TimeoutSec={LIMIT}\n")
    first = crash_with_second(vm, image, faults, "no network interface", ())
    assert first["result"] == "failed" and "no network interface" in first["reason"]


@pytest.mark.long
def test_nothing_listens(vm, faults):
    _, image = build_image(vm, f"[Dump]\nTarget=nfs://{GUEST_VIEW}:9/export {SECOND}\n"
                           f"TimeoutSec={LIMIT}\n")
    first = crash_with_second(vm, image, faults, "server is down", nic())
    assert first["result"] == "failed" and "refused" in first["reason"]


@pytest.mark.long
def test_wrong_host_key(vm, faults):
    with Sshd(vm.logs / "sshd") as server:
        other = make_key(vm.logs / "other").with_suffix(".pub").read_text()
        target = f"{server.url(f'{server.files}/crashes', GUEST_VIEW)} {SECOND}"
        image = build_ssh(vm, server, target=target,
                          known_hosts=f"[{GUEST_VIEW}]:{server.port} {other}")
        first = crash_with_second(vm, image, faults, "wrong host key", nic())
        assert not list(server.files.iterdir())
    assert "another host key" in first["reason"]


def stop_when_dumping(server):
    """Stops the server and its children, without closing anything, once a dump is on its way."""
    def watch():
        while not any(p.stat().st_size > 4 << 20
                      for p in server.files.rglob("vmcore-incomplete")):
            time.sleep(0.2)
        pids = [server._process.pid]
        for pid in pids:
            listing = subprocess.run(["pgrep", "-P", str(pid)], stdout=subprocess.PIPE, text=True,
                                     check=False).stdout
            pids += map(int, listing.split())
            os.kill(pid, signal.SIGSTOP)
        server.stopped = pids
    server.stopped = []
    threading.Thread(target=watch, daemon=True).start()


def let_go(server):
    for pid in server.stopped:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


@pytest.mark.long
@pytest.mark.parametrize("kind", ["ssh", "nfs"])
def test_server_stalls_in_mid_dump(vm, faults, kind):
    server = (Sshd if kind == "ssh" else Ganesha)(vm.logs / kind)
    with server:
        path = f"{server.files}/crashes" if kind == "ssh" else "/crashes"
        target = f"{server.url(path, GUEST_VIEW)} {SECOND}"
        if kind == "ssh":
            image = build_ssh(vm, server, target=target)
        else:
            image = build_image(vm, f"[Dump]\nTarget={target}\n{STATIC}")[1]
        stop_when_dumping(server)
        first = crash_with_second(vm, image, faults, f"{kind} server stalls in mid-dump", nic())
        let_go(server)
    assert server.stopped
    assert first["result"] != "complete" and first["reason"]
    assert not [p for p in server.files.rglob("*") if p.name in ("vmcore", "vmcore.flat")]
