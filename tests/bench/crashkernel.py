#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The smallest crashkernel= with which a kind of target gets a complete dump, and the peak memory.

A Debian 13 guest (kernel 6.12, 1 GiB) crashes with reservations in steps of 8 MiB; the image of a
kind is built once. Bisected: at most five crashes a kind. The table goes to docs/SIZING.md, where
the rows of kinds that were not measured in this run stay.

    tests/bench/crashkernel.py [KIND]...      default: all
"""
import contextlib
import copy
import json
import math
import pathlib
import re
import shutil
import sys
import traceback

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(ROOT / "tests/vm"))
sys.path.insert(0, str(ROOT / "tests/bench"))
import capturing  # noqa: E402
from tables import replace_table, table_rows  # noqa: E402
from servers.nfs import Ganesha  # noqa: E402
from servers.nginx import Nginx  # noqa: E402
from servers.radosgw import RadosGateway  # noqa: E402
from servers.server import GUEST_VIEW, Authority  # noqa: E402
from servers.sshd import Sshd  # noqa: E402
from servers.virtiofsd import Virtiofsd  # noqa: E402
from test_capture_storage import storage_tree  # noqa: E402
from test_capture_upload import NETWORK, NIC, fetch  # noqa: E402
from vmbed.bed import Bed  # noqa: E402
from vmbed.helpers import program  # noqa: E402
from vmbed.paths import remove, run, say  # noqa: E402

STEP, MEMORY = 8, 1024
HEADER = ("| target | environment | image | smallest `crashkernel=` | peak memory at that "
          "| total in the environment |")


def manifest_in(folder):
    """The only manifest below a folder; its crash is removed."""
    (path,) = folder.rglob("manifest.json")
    manifest = json.loads(path.read_text())
    shutil.rmtree(path.parent)
    return manifest


class Kind:
    """One kind of target: how its image is made, what the guest needs, where the manifest is."""

    environment = "lean"
    sizes = range(64, 304, STEP)
    conf = "[Dump]\nTarget=LABEL=ukdump:/\n"
    disk_options = {"label": "ukdump", "size": 1200}

    def __init__(self, on_exit):
        self.on_exit = on_exit

    def build(self, vm):
        return capturing.build_image(vm, self.conf)[1]

    @contextlib.contextmanager
    def target(self, vm):
        """What receives the dump: yields disks, options of the run, and what reads the manifest."""
        disk = vm.disk("dump", **self.disk_options)
        yield [disk], {}, lambda: manifest_in(disk.extract("/", vm.logs / "dump"))


class Local(Kind):
    sizes = range(56, 120, STEP)


class LocalXfs(Local):
    disk_options = {"label": "ukdump", "size": 1200, "fs": "xfs"}


class Encrypted(Kind):
    sizes = range(64, 192, STEP)

    def build(self, vm):
        identity = vm.logs / "identity"
        run("age-keygen", "-o", identity)
        recipient = run("age-keygen", "-y", identity).strip()
        return capturing.build_image(vm, self.conf + f"EncryptTo={recipient}\n")[1]


class Exec(Local):
    """The program keeps what it gets on a disk."""

    conf = ("[Image]\nModules=virtio_pci virtio_blk ext4\n"
            "[Dump]\nTarget=exec:/usr/local/bin/keep\n")

    def build(self, vm):
        overlay = {"/usr/local/bin/keep": program("keep")}
        return capturing.build_image(vm, self.conf, overlay=overlay)[1]


class Virtiofs(Kind):
    sizes = range(56, 120, STEP)
    conf = "[Dump]\nTarget=virtiofs://crashes/\n"

    @contextlib.contextmanager
    def target(self, vm):
        with Virtiofsd(vm.logs / "shared", vm.logs) as share:
            yield ([], {"qemu_options": share.qemu_options(MEMORY)},
                   lambda: manifest_in(vm.logs / "shared"))


class Lvm(Kind):
    """The image is built where the volume can be looked up, in the Debian 13 guest."""

    environment = "full"
    sizes = range(96, 224, STEP)
    conf = "[Dump]\nTarget=file:/var/crash\n"
    offset = 1  # of the volume on its disk, in MiB
    files = {}
    script = """
        vgcreate -q crash $(disk dump)
        lvcreate -q -y -n dumps -L 1000M crash
        mke2fs -q -t ext4 -O ^metadata_csum /dev/crash/dumps
        mkdir -p /var/crash; mount /dev/crash/dumps /var/crash
        ukdumpctl build --key /root/db.key --cert /root/db.crt
        umount /var/crash
    """

    def build(self, vm):
        tree = storage_tree(vm, self.conf)
        for name in ("db.key", "db.crt"):
            tree.add(f"/root/{name}", vm.keys() / name)
        (tree.root / "root/db.key").chmod(0o600)
        for path, content in self.files.items():
            tree.add(path, content)
        self.template, root = vm.disk("template", fs=None, size=1100), vm.root_disk(tree)
        self.template.serial = "dump"
        vm.run_system(root, secure_boot=False, disks=[self.template], timeout=500, memory=1536,
                      script=self.script, check=True)
        folder = root.extract("/var/lib/ukdump/images", vm.logs / "images")
        (image,) = folder.rglob("*.efi")
        return image

    @contextlib.contextmanager
    def target(self, vm):
        remove(vm.logs / "dump")
        disk = copy.copy(self.template)
        disk.path = vm.logs / "dump.img"
        run("cp", "--sparse=always", self.template.path, disk.path)
        yield [disk], {}, lambda: manifest_in(self.volume(disk).extract("/", vm.logs / "dump"))

    def volume(self, disk):
        return disk.part(self.offset, 1000)


class Luks(Lvm):
    """The image lies on the volume, from which it is copied; the key of the volume is known here."""

    conf = ("[Image]\nKey=/root/db.key\nCertificate=/root/db.crt\n"
            "[Dump]\nTarget=file:/var/lib/ukdump/crash\n")
    offset = 16
    volume_key = bytes(range(64))
    files = {"/root/volume.key": volume_key, "/root/pass": b"pass"}
    script = """
        modprobe dm_crypt
        cryptsetup -q luksFormat --pbkdf pbkdf2 --pbkdf-force-iterations 1000 \\
            --cipher aes-xts-plain64 --key-size 512 --volume-key-file /root/volume.key \\
            --sector-size 4096 --offset 32768 $(disk dump) /root/pass
        cryptsetup open --key-file /root/pass $(disk dump) crash
        mke2fs -q -t ext4 -O ^metadata_csum /dev/mapper/crash 1000M
        mkdir -p /var/lib/ukdump; mount /dev/mapper/crash /var/lib/ukdump
        mkdir /var/lib/ukdump/crash
        ukdumpctl luks enroll --key-file /root/pass
        cp -r /var/lib/ukdump/images /root
        umount /var/lib/ukdump
        cryptsetup close crash
        mv /root/images /var/lib/ukdump
    """

    def volume(self, disk):
        """Decrypted; what was never written stays empty."""
        found = super().volume(disk)
        with found.path.open("r+b") as f:
            for sector in range(0, found.path.stat().st_size // 512, 8):
                f.seek(sector * 512)
                data = f.read(4096)
                if any(data):
                    tweak = modes.XTS(sector.to_bytes(16, "little"))
                    f.seek(sector * 512)
                    f.write(Cipher(algorithms.AES(self.volume_key), tweak).decryptor().update(data))
        return found


class Https(Kind):
    """A server that runs until all sizes are measured."""

    environment = "full"
    sizes = range(112, 240, STEP)

    def build(self, vm):
        authority = Authority(vm.logs / "authority")
        self.server = self.on_exit.enter_context(Nginx(vm.logs / "nginx", authority.issue()))
        conf = f"[Dump]\nTarget={self.server.url('', GUEST_VIEW)}\n{NETWORK}"
        return capturing.build_image(vm, conf,
                                     overlay={"/etc/ukdump/server-ca.pem": authority.ca})[1]

    @contextlib.contextmanager
    def target(self, vm):
        yield [], {"qemu_options": NIC}, lambda: manifest_in(self.server.files)


class Ssh(Https):
    """A server that runs until all sizes are measured, too."""

    def build(self, vm):
        self.server = self.on_exit.enter_context(Sshd(vm.logs / "sshd"))
        known_hosts = vm.logs / "known_hosts"
        known_hosts.write_text(self.server.known_hosts(GUEST_VIEW))
        conf = f"[Dump]\nTarget={self.server.url(f'{self.server.files}', GUEST_VIEW)}\n{NETWORK}"
        return capturing.build_image(vm, conf, overlay={
            "/etc/ukdump/known_hosts": known_hosts, "/etc/ukdump/keys/ssh": self.server.key})[1]


class Nfs(Https):
    def build(self, vm):
        self.server = self.on_exit.enter_context(Ganesha(vm.logs / "nfs"))
        conf = f"[Dump]\nTarget={self.server.url('', GUEST_VIEW)}\n{NETWORK}"
        return capturing.build_image(vm, conf)[1]


class S3(Https):
    """The store is a new one each time."""

    def build(self, vm):
        self.authority = Authority(vm.logs / "authority")
        self.server = RadosGateway(vm.logs / "s3", self.authority.issue())
        conf = (f"[Dump]\nTarget={self.server.url('crash/dumps', GUEST_VIEW)}\n{NETWORK}"
                "S3Credentials=/etc/ukdump/s3\n")
        return capturing.build_image(vm, conf, overlay={
            "/etc/ukdump/server-ca.pem": self.authority.ca,
            "/etc/ukdump/s3": self.server.credentials()})[1]

    @contextlib.contextmanager
    def target(self, vm):
        for folder in (self.server.folder, vm.logs / "fetched"):
            remove(folder)
            folder.mkdir()
        with self.server as server:
            server.make_bucket("crash")
            yield ([], {"qemu_options": NIC},
                   lambda: fetch(server, self.authority, vm.logs / "fetched")
                   or manifest_in(vm.logs / "fetched"))


KINDS = {
    "local disk, ext4": Local,
    "local disk, xfs": LocalXfs,
    "local disk, ext4, encrypted": Encrypted,
    "virtiofs": Virtiofs,
    "exec": Exec,
    "LVM, ext4": Lvm,
    "LUKS2, ext4": Luks,
    "https": Https,
    "s3": S3,
    "ssh": Ssh,
    "nfs": Nfs,
}


def crash(vm, kind, image, size):
    """The manifest of a complete dump with this reservation, or None."""
    try:
        with kind.target(vm) as (disks, options, read_manifest):
            capturing.crash_micro(vm, image, *disks, append=f"crashkernel={size}M", timeout=150,
                                  memory=MEMORY, **options)
            manifest = read_manifest()
    except (AssertionError, ValueError, OSError):  # no end, no manifest, or half of one
        manifest = None
    done = manifest is not None and manifest["state"] == "complete"
    say(f"crashkernel={size}M: {manifest['memory'] if done else 'no complete dump'}")
    return manifest if done else None


def measure(name):
    """The row of a kind."""
    with contextlib.ExitStack() as on_exit:
        return bisect(name, KINDS[name](on_exit))


def bisect(name, kind):
    vm = Bed(f"crashkernel-{re.sub('[^a-z0-9]+', '-', name.lower())}")
    say(f"{name}: building its image")
    image = kind.build(vm)
    sizes, best = list(kind.sizes), None
    low, high = 0, len(sizes)  # sizes[high:] work, sizes[:low] do not
    while low < high:
        middle = (low + high) // 2
        manifest = crash(vm, kind, image, sizes[middle])
        if manifest:
            high, best = middle, manifest
        else:
            low = middle + 1
    mib = image.stat().st_size / (1 << 20)
    vm.close(passed=True)
    if not best:
        return row(name, kind, f"{mib:.1f} MiB", f"more than {sizes[-1]}M", "", "")
    limit = "" if high else " or less"
    return row(name, kind, f"{mib:.1f} MiB", f"{sizes[high]}M{limit}",
               *(f"{math.ceil(best['memory'][k] / (1 << 20))} MiB" for k in ("peak", "total")))


def row(name, kind, *cells):
    return " | ".join([f"| {name}", kind.environment, *cells]) + " |"


def write(rows):
    """Puts rows into the document's table; those of other kinds stay."""
    kept = table_rows("docs/SIZING.md", "crashkernel")
    table = [rows.get(k) or kept.get(k) or row(k, KINDS[k], "not measured", "", "", "")
             for k in KINDS]
    replace_table("docs/SIZING.md", "crashkernel",
                  [HEADER, "|" + " --- |" * (HEADER.count("|") - 1), *table])


def main():
    rows = {}
    for name in sys.argv[1:] or KINDS:
        try:
            rows[name] = measure(name)
        except Exception:  # a kind that cannot be built must not cost the others their result
            traceback.print_exc()
    write(rows)
    return 0 if len(rows) == len(sys.argv[1:] or KINDS) else 1


if __name__ == "__main__":
    sys.exit(main())
