# SPDX-License-Identifier: GPL-2.0-or-later
"""`ukdumpctl rehearse` with the real QEMU, on the host that runs the tests, of images as the demo
guest builds them: a good one, and ones from which something was taken that a dump needs."""

import json
import os
import shutil
import stat
import subprocess

import pytest

from capturing import build_image
from vmbed.bed import Bed
from vmbed.paths import BUILD, run

CONF = "[Dump]\nTarget=LABEL=ukdump:/crashes\nTimeoutSec=40\n"

# One image for all.
pytestmark = pytest.mark.xdist_group("rehearse")


class Rehearsal:
    """A machine with 192 MiB reserved that trusts the test key, and an image for it."""

    def __init__(self, bed):
        self.bed = bed
        self.tree, self.image = build_image(bed, CONF)
        self.machine = bed.logs / "machine"
        self.put("sys/kernel/kexec_crash_size", f"{192 << 20}\n")
        self.put("proc/iomem", "  25000000-30ffffff : Crash kernel\n")
        self.put("etc/ukdump/trust.d/db.crt", (bed.keys() / "db.crt").read_text())

    def put(self, name, text):
        path = self.machine / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run(self, image, timeout=180):
        """Exit code and facts."""
        done = subprocess.run([BUILD / "ukdumpctl", "rehearse", "--json", "--root", self.machine,
                               "--timeout", str(timeout), image], text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert done.stdout, done.stderr
        print(done.stderr)
        return done.returncode, json.loads(done.stdout)

    def without(self, module, cmdline=("", "")):
        """The same image without one module and its entry in the lists, and with a part of its
        command line replaced."""
        work = self.bed.logs / f"without-{module}"
        work.mkdir()
        for section in ("linux", "initrd", "cmdline", "osrel", "uname"):
            run("objcopy", "-O", "binary", f"--only-section=.{section}", self.image,
                work / section)
        tree = work / "tree"
        tree.mkdir()
        archive = subprocess.run(["zstd", "-dc", work / "initrd"], check=True,
                                 stdout=subprocess.PIPE).stdout
        subprocess.run(["cpio", "-idm", "--quiet"], cwd=tree, input=archive, check=True)
        (found,) = tree.rglob(f"{module}.ko*")
        found.unlink()
        for modules in (tree / "etc/ukdump").glob("modules*.list"):
            kept = [line for line in modules.read_text().splitlines() if f"/{module}.ko" not in line]
            modules.write_text("".join(f"{line}\n" for line in kept))
        names = subprocess.run(["find", "."], cwd=tree, check=True, stdout=subprocess.PIPE).stdout
        packed = subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], cwd=tree, input=names,
                                check=True, stdout=subprocess.PIPE).stdout
        (work / "initrd").write_bytes(packed)
        shutil.rmtree(tree)
        image = work / "image.efi"
        text = {name: (work / name).read_text().rstrip("\0") for name in ("cmdline", "uname")}
        run(BUILD / "ukdumpctl", "build", "--kernel", work / "linux", "--initrd", work / "initrd",
            "--cmdline", text["cmdline"].replace(*cmdline), "--uname", text["uname"], "--osrel", work / "osrel",
            "--no-uefi", "--key", self.bed.keys() / "db.key", "--cert",
            self.bed.keys() / "db.crt", "-o", image)
        return image


@pytest.fixture(scope="module")
def rehearsal():
    bed = Bed("rehearse")
    yield Rehearsal(bed)
    bed.close(True)


def test_good_image(rehearsal):
    """Verdict, phases, peak memory."""
    code, facts = rehearsal.run(rehearsal.image)
    assert (code, facts["result"]) == (0, "ok"), facts
    seconds = {p["name"]: p["seconds"] for p in facts["phases"]}
    assert list(seconds)[:3] == ["boot", "arm", "start"]
    assert {"modules", "target", "log", "dump", "check"} <= set(seconds)
    assert 20 << 20 < facts["peak"] < facts["total"] < 192 << 20
    assert facts["dump"]["verified"] is True
    assert facts["dump"]["manifest"]["checked"] == "full"
    assert facts["kernel"] == rehearsal.tree.kernel.version
    assert (rehearsal.machine / "var/lib/ukdump/rehearsal").exists()


@pytest.mark.long
@pytest.mark.parametrize("fs", ["xfs", "btrfs"])
def test_other_file_systems(rehearsal, fs):
    """The scratch disk has the file system that the target has on this machine."""
    node = rehearsal.machine / "dev/disk/by-label/ukdump"
    node.parent.mkdir(parents=True, exist_ok=True)
    os.mknod(node, 0o600 | stat.S_IFBLK, os.makedev(259, 1))
    rehearsal.put("proc/self/mountinfo", f"30 1 259:1 / /crash rw - {fs} /dev/nvme0n1 rw\n")
    try:
        code, facts = rehearsal.run(rehearsal.image)
    finally:
        node.unlink()
        rehearsal.put("proc/self/mountinfo", "")
    assert (code, facts["result"]) == (0, "ok"), facts
    assert facts["file_system"] == fs
    assert facts["dump"]["verified"] is True


@pytest.mark.parametrize("module, cmdline, reason", [
    ("virtio_blk", ("", ""), "no device LABEL=ukdump within"),
    # Its console is one that nobody sees; the reason is found in the guest's memory.
    ("ext4", ("console=ttyS0", "console=tty0"), "ext4"),
])
def test_broken_image(rehearsal, module, cmdline, reason):
    """What the capture environment says is the reason; the missing driver is named."""
    code, facts = rehearsal.run(rehearsal.without(module, cmdline))
    assert (code, facts["result"]) == (1, "failed"), facts
    print(facts["reason"])
    assert facts["reason"].startswith("target LABEL=ukdump:/crashes: failed, target: ")
    assert reason in facts["reason"]
    assert any(c["text"].startswith(f"{module} is not in the image") for c in facts["checks"])
    assert facts["dump"] is None
