# SPDX-License-Identifier: GPL-2.0-or-later
"""Dumps to a web server and to S3, from the full environment of a guest."""

import hashlib
import subprocess

import pytest

from capturing import Crash, build_image, crash_micro
from servers.nginx import Nginx
from servers.radosgw import RadosGateway
from servers.server import GUEST_VIEW, Authority
from vmbed.paths import BUILD

FILES = {"vmcore.flat", "dmesg.txt", "manifest.json"}
MAC = "52:54:00:12:34:56"
NIC = ["-netdev", "user,id=n0", "-device", f"virtio-net-pci,netdev=n0,mac={MAC},romfile="]
NETWORK = (f"[Network]\nInterface={MAC}\nAddress=10.0.2.15/24\nGateway=10.0.2.2\n"
           "CaFile=/etc/ukdump/server-ca.pem\n")


def build(vm, target, settings, authority, overlay):
    _, image = build_image(vm, f"[Dump]\nTarget={target}\n{NETWORK}{settings}\n",
                           overlay={"/etc/ukdump/server-ca.pem": authority.ca, **overlay})
    return image


def check(crash):
    manifest = crash.manifest
    assert manifest["state"] == "complete", manifest
    assert crash.names == FILES
    stored = (crash.folder / manifest["file"]).read_bytes()
    assert manifest["file"] == "vmcore.flat" and len(stored) == manifest["bytes"]
    assert hashlib.sha256(stored).hexdigest() == manifest["sha256"]
    assert crash.info("--full").returncode == 0
    assert "sysrq" in crash.dmesg


def test_dump_to_a_web_server(vm):
    authority = Authority(vm.logs / "authority")
    with Nginx(vm.logs / "nginx", authority.issue(), password="geheim") as server:
        netrc = vm.logs / "netrc"
        netrc.write_text(f"machine {GUEST_VIEW} login crash password geheim\n")
        netrc.chmod(0o600)
        image = build(vm, server.url("", GUEST_VIEW), "Netrc=/etc/ukdump/netrc", authority,
                      {"/etc/ukdump/netrc": netrc})
        crash_micro(vm, image, append="crashkernel=256M", qemu_options=NIC)
    check(Crash(None, "", server.files))


def fetch(server, authority, folder):
    """All objects of the bucket, as files."""
    upload = [BUILD / "ukdump-upload", "--s3-credentials", server.credentials(), "--ca-file",
              authority.ca]
    listing = subprocess.run([*upload, "ls", server.url("crash")], check=True,
                             stdout=subprocess.PIPE, text=True).stdout
    for line in listing.splitlines():
        size, key = line.split("\t")
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        if int(size) >= 8 << 20:
            path.write_bytes(server.stored("crash", key))
        else:
            with path.open("wb") as out:
                subprocess.run([*upload, "get", server.url(f"crash/{key}")], check=True, stdout=out)


@pytest.mark.long  # the same way into the guest as above; the protocol is tested in tests/cli
def test_dump_to_s3(vm):
    authority = Authority(vm.logs / "authority")
    with RadosGateway(vm.logs / "radosgw", authority.issue()) as server:
        server.make_bucket("crash")
        image = build(vm, server.url("crash/dumps", GUEST_VIEW),
                      "S3Credentials=/etc/ukdump/s3", authority,
                      {"/etc/ukdump/s3": server.credentials()})
        crash_micro(vm, image, append="crashkernel=256M", qemu_options=NIC)
        fetch(server, authority, vm.logs / "fetched")
    check(Crash(None, "", vm.logs / "fetched"))
