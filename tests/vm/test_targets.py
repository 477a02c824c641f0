# SPDX-License-Identifier: GPL-2.0-or-later
"""Every kind of target, each with a plain, a compressed and an encrypted dump: it arrives, the
checksum is the manifest's, and it opens. The session keeps the table in build/target-table.md."""

import contextlib
import hashlib
import shutil

import pytest

from capturing import Crash, build_image, crash_micro
from servers.nfs import Ganesha
from servers.nginx import Nginx
from servers.radosgw import RadosGateway
from servers.server import GUEST_VIEW, Authority
from servers.sshd import Sshd
from servers.virtiofsd import Virtiofsd
from test_capture_upload import fetch
from vmbed.helpers import program
from vmbed.paths import BUILD, run

# One process, one table.
pytestmark = [pytest.mark.long, pytest.mark.xdist_group("targets")]

FORMS = {"plain": "Compress=none\n", "zstd": "Compress=zstd\n", "encrypted": ""}
RESERVED = {"lean": 192, "full": 256}
NIC = {"qemu_options": ["-netdev", "user,id=n0", "-device", "virtio-net-pci,netdev=n0,romfile="]}


class Place:
    """Where the dumps of one kind go: settings, files for the image, what the guest needs."""

    def __init__(self, target, conf="", overlay=None, disks=(), options=None, environment="lean",
                 fetch=None):
        self.conf = f"{conf}[Dump]\nTarget={target}\n"
        self.overlay = overlay or {}
        self.disks = disks
        self.options = options or {}
        self.environment = environment
        self.fetch = fetch  # puts the crash's directory into a folder


@contextlib.contextmanager
def local(vm):
    disk = vm.disk("dump", label="ukdump", size=1200)
    yield Place("LABEL=ukdump:/crashes", disks=[disk],
                fetch=lambda folder: disk.extract("/crashes", folder))


@contextlib.contextmanager
def virtiofs(vm):
    shared = vm.logs / "shared"
    with Virtiofsd(shared, vm.logs) as share:
        yield Place("virtiofs://crashes/", options={"qemu_options": share.qemu_options(1024)},
                    fetch=lambda folder: shutil.copytree(shared, folder))


@contextlib.contextmanager
def exec_(vm):
    disk = vm.disk("dump", label="any", size=1200)
    yield Place("exec:/usr/local/bin/keep", conf="[Image]\nModules=virtio_pci virtio_blk ext4\n",
                overlay={"/usr/local/bin/keep": program("keep")}, disks=[disk],
                fetch=lambda folder: disk.extract("/", folder))


@contextlib.contextmanager
def ssh(vm):
    with Sshd(vm.logs / "sshd") as server:
        yield Place(server.url(server.files, GUEST_VIEW), environment="full",
                    options=NIC,
                    overlay={"/etc/ukdump/keys/ssh": server.key,
                             "/etc/ukdump/known_hosts": server.known_hosts(GUEST_VIEW).encode()},
                    fetch=lambda folder: shutil.copytree(server.files, folder))


@contextlib.contextmanager
def nfs(vm):
    with Ganesha(vm.logs / "nfs") as server:
        yield Place(server.url("/crashes", GUEST_VIEW), environment="full",
                    options=NIC,
                    fetch=lambda folder: shutil.copytree(server.files, folder))


@contextlib.contextmanager
def https(vm):
    authority = Authority(vm.logs / "ca")
    with Nginx(vm.logs / "nginx", authority.issue(), make_directories=True) as server:
        yield Place(server.url("crashes", GUEST_VIEW), environment="full",
                    conf="[Network]\nCaFile=/etc/ukdump/ca.pem\n", options=NIC,
                    overlay={"/etc/ukdump/ca.pem": authority.ca},
                    fetch=lambda folder: shutil.copytree(server.files, folder))


@contextlib.contextmanager
def s3(vm):
    authority = Authority(vm.logs / "ca")
    with RadosGateway(vm.logs / "s3", authority.issue()) as server:
        server.make_bucket("crash")
        yield Place(server.url("crash/site", GUEST_VIEW), environment="full",
                    conf="[Network]\nCaFile=/etc/ukdump/ca.pem\n"
                         "S3Credentials=/etc/ukdump/s3.credentials\n",
                    overlay={"/etc/ukdump/ca.pem": authority.ca,
                             "/etc/ukdump/s3.credentials": server.credentials()},
                    options=NIC,
                    fetch=lambda folder: fetch(server, authority, folder))


KINDS = {"ext4": local, "virtiofs": virtiofs, "exec": exec_, "ssh": ssh, "nfs": nfs,
         "https": https, "s3": s3}


@pytest.fixture(scope="module")
def table():
    rows = []
    yield rows
    head = ["target", "form", "file", "MiB", "checked", "panic to reboot", "opens"]
    lines = [head, ["---"] * len(head), *rows]
    text = "".join(f"| {' | '.join(map(str, cells))} |\n" for cells in lines)
    (BUILD / "target-table.md").write_text(text)
    print(f"\n{text}")


def open_with_library(crash, identity):
    options = ["--identity", identity] if identity else []
    facts = crash.info("--full", *options)
    assert facts.returncode == 0, facts.stdout
    return "yes"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", KINDS)
def test_dump_arrives(vm, table, kind, form):
    identity = None
    setting = FORMS[form]
    if form == "encrypted":
        identity = vm.logs / "identity"
        run("age-keygen", "-o", identity)
        setting = f"EncryptTo={run('age-keygen', '-y', identity).strip()}\n"
    with KINDS[kind](vm) as place:
        _, image = build_image(vm, place.conf + setting, overlay=place.overlay)
        result = crash_micro(vm, image, *place.disks, timeout=300,
                             append=f"crashkernel={RESERVED[place.environment]}M",
                             **place.options)
        place.fetch(vm.logs / "fetched")
    crash = Crash(None, "", vm.logs / "fetched")
    manifest = crash.manifest
    assert manifest["state"] == "complete", manifest
    vmcore = crash.folder / manifest["file"]
    assert vmcore.stat().st_size == manifest["bytes"]
    assert hashlib.sha256(vmcore.read_bytes()).hexdigest() == manifest["sha256"]
    assert (".age" in manifest["file"]) == (form == "encrypted")
    panic = [t for name, t in result.phases if name == "panic"][-1]
    table.append([kind, form, manifest["file"], f"{manifest['bytes'] / 2**20:.0f}",
                  manifest["checked"], f"{result.duration - panic:.0f} s",
                  open_with_library(crash, identity)])
