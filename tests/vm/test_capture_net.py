# SPDX-License-Identifier: GPL-2.0-or-later
"""Dumps to other machines, from the full environment: real servers on the host, which a guest
reaches as 10.0.2.2 in QEMU's user network."""

import hashlib
import os
import signal
import socket
import subprocess
import threading
import time

import pytest

from capturing import Crash, build_image, crash_micro
from servers import hostile
from servers.nfs import Ganesha
from servers.nginx import Nginx
from servers.server import GUEST_VIEW, Authority
from servers.sshd import Sshd, make_key

MAC = "52:54:00:12:34:56"
STATIC = f"[Network]\nInterface={MAC}\nAddress=10.0.2.15/24\nGateway=10.0.2.2\n"


def nic(options=""):
    return ["-netdev", f"user,id=n0{options}",
            "-device", f"virtio-net-pci,netdev=n0,mac={MAC},romfile="]


def build_ssh(vm, server, network=STATIC, host=GUEST_VIEW):
    target = server.url(f"{server.files}/crashes", f"[{host}]" if ":" in host else host)
    _, image = build_image(vm, f"[Dump]\nTarget={target}\n{network}", overlay={
        "/etc/ukdump/known_hosts": server.known_hosts(host).encode(),
        "/etc/ukdump/keys/ssh": server.key})
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


# Faults: the last target, a local disk, gets the dump and the reasons -----------------------------

LAST = "LABEL=ukdump:/"
TIMEOUT = 180
LIMIT = TIMEOUT + 30  # panic to reboot: the kernel has to start before TimeoutSec= counts


def dump_section(*targets):
    return f"[Dump]\nTarget={' '.join(targets)} {LAST}\nTimeoutSec={TIMEOUT}\n"


def crash_with_last(vm, image, faults, names, options=()):
    """One row of the table for each of the targets before the last; returns these."""
    disk = vm.disk("dump", label="ukdump", size=700)
    result = crash_micro(vm, image, disk, append="crashkernel=256M", memory=640, timeout=280,
                         qemu_options=options)
    crash = Crash(disk, "/", vm.logs / "dump")
    *failed, last = crash.manifest["targets"]
    assert last["result"] == "complete"
    assert crash.names == {"vmcore", "dmesg.txt", "manifest.json"}
    for fault, target in zip(names, failed, strict=True):
        faults.row(fault, result, {**crash.manifest, "targets": [target, last]}, crash.names, LIMIT)
        assert target["result"] != "complete"
    return failed


@pytest.mark.long
def test_no_network(vm, faults):
    _, image = build_image(vm, dump_section(f"nfs://{GUEST_VIEW}/export"))
    (first,) = crash_with_last(vm, image, faults, ["no network interface"])
    assert "no network interface" in first["reason"]


def refuse(server, *statuses):
    """An S3 server that answers every request with a status, the buckets being called by it."""
    for status in statuses:
        server.push(hostile.status(status, hostile.s3_error("SlowDown" if status == 503 else
                                                            "AccessDenied")),
                    pattern=f"^/b{status}", times=-1)


@pytest.mark.long
def test_servers_that_refuse(vm, faults):
    """Nothing listens, another host key, another authority, 403, 503: one after the other."""
    authority, foreign = Authority(vm.logs / "ca"), Authority(vm.logs / "foreign", "foreign")
    other = make_key(vm.logs / "other").with_suffix(".pub").read_text()
    with Sshd(vm.logs / "sshd") as sshd, \
            Nginx(vm.logs / "nginx", foreign.issue(), make_directories=True) as web, \
            hostile.HostileServer(authority.issue()) as s3:
        refuse(s3, 403, 503)
        credentials = vm.logs / "s3.credentials"
        credentials.touch(0o600)
        credentials.write_text(f"[default]\naws_access_key_id={hostile.KEY_ID}\n"
                               f"aws_secret_access_key={hostile.SECRET}\n")
        files = {"known_hosts": f"[{GUEST_VIEW}]:{sshd.port} {other}", "ca.pem": authority.ca,
                 "keys/ssh": sshd.key, "s3.credentials": credentials}
        _, image = build_image(
            vm, dump_section(
                f"nfs://{GUEST_VIEW}:9/export", sshd.url(f"{sshd.files}/crashes", GUEST_VIEW),
                web.url("crashes", GUEST_VIEW),
                *(f"s3://b{n}/x?endpoint={s3.endpoint(GUEST_VIEW)}" for n in (403, 503)))
            + f"{STATIC}CaFile=/etc/ukdump/ca.pem\nS3Credentials=/etc/ukdump/s3.credentials\n",
            overlay={f"/etc/ukdump/{name}": content.encode() if isinstance(content, str) else content
                     for name, content in files.items()})
        failed = crash_with_last(vm, image, faults, [
            "server is down", "wrong host key", "TLS: another authority", "S3: 403", "S3: 503"],
            nic())
        assert not list(sshd.files.iterdir()) and not list(web.files.iterdir())
    for target, reason in zip(failed, ["refused", "another host key", "certificate", "403", "503"]):
        assert reason in target["reason"], target


class Monitor:
    """QEMU's, for a cable that is pulled."""

    def __init__(self, vm):
        self.path = vm.logs / "monitor"
        self.options = ["-monitor", f"unix:{self.path},server=on,wait=off"]

    def pull_cable(self):
        with socket.socket(socket.AF_UNIX) as s:
            while s.connect_ex(str(self.path)):
                time.sleep(0.1)
            s.sendall(b"set_link n0 off\n")
            time.sleep(0.5)


def when_dumping(server, act):
    """Calls act once a dump is on its way to the server."""
    def watch():
        while not any(p.stat().st_size > 4 << 20
                      for p in server.files.rglob("vmcore-incomplete")):
            time.sleep(0.2)
        act()
        server.acted = True
    server.acted = False
    threading.Thread(target=watch, daemon=True).start()


@pytest.mark.long
def test_cable_is_out(vm, faults):
    monitor = Monitor(vm)
    _, image = build_image(vm, dump_section(f"nfs://{GUEST_VIEW}/export"))
    threading.Thread(target=monitor.pull_cable, daemon=True).start()
    (first,) = crash_with_last(vm, image, faults, ["network gone before the dump"],
                               nic() + monitor.options)
    assert "no link" in first["reason"]


def stop(server, stopped):
    """Stops the server and its children, without closing anything."""
    pids = [server._process.pid]
    for pid in pids:
        listing = subprocess.run(["pgrep", "-P", str(pid)], stdout=subprocess.PIPE, text=True,
                                 check=False).stdout
        pids += map(int, listing.split())
        os.kill(pid, signal.SIGSTOP)
        stopped.append(pid)


def let_go(stopped):
    for pid in stopped:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


@pytest.mark.long
@pytest.mark.parametrize("fault", ["server stalls", "network gone"])
@pytest.mark.parametrize("kind", ["ssh", "nfs"])
def test_in_mid_dump(vm, faults, kind, fault):
    monitor, stopped = Monitor(vm), []
    with (Sshd if kind == "ssh" else Ganesha)(vm.logs / kind) as server:
        if kind == "ssh":
            path = f"{server.files}/crashes"
            files = {"/etc/ukdump/keys/ssh": server.key,
                     "/etc/ukdump/known_hosts": server.known_hosts(GUEST_VIEW).encode()}
        else:
            path, files = "/crashes", {}
        _, image = build_image(vm, dump_section(server.url(path, GUEST_VIEW)) + STATIC,
                               overlay=files)
        when_dumping(server, monitor.pull_cable if fault == "network gone" else
                     lambda: stop(server, stopped))
        try:
            (first,) = crash_with_last(vm, image, faults, [f"{kind}: {fault} in mid-dump"],
                                       nic() + monitor.options)
        finally:
            let_go(stopped)
        assert server.acted
    assert first["reason"]
    assert not [p for p in server.files.rglob("*") if p.name in ("vmcore", "vmcore.flat")]
