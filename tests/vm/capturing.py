# SPDX-License-Identifier: GPL-2.0-or-later
"""Capture images made as on the guest itself, and what they leave on a disk."""

import json
import shutil
import subprocess
from pathlib import Path

from vmbed.paths import BUILD


def build_image(vm, conf: str, overlay: dict | None = None, append="console=ttyS0",
                kver: str | None = None, prepare=None) -> tuple[object, Path]:
    """Installs ukdump into a copy of the Debian 13 tree; dracut and ukdumpctl build run inside.

    conf: a drop-in for ukdump.conf; overlay: guest path -> host file, put there before the build;
    append: to the command line; kver: of another kernel than the tree's, which prepare(tree) has
    put there.
    Returns the tree and the image.
    """
    tree = vm.system_tree()
    tree.install()
    tree.add("/etc/ukdump/ukdump.conf.d/test.conf", conf.encode())
    for name in ("db.key", "db.crt"):
        tree.add(f"/root/{name}", vm.keys() / name)
    (tree.root / "root/db.key").chmod(0o600)
    for guest, source in (overlay or {}).items():
        tree.add(guest, source)
    if prepare:
        prepare(tree)
    tree.chroot("ukdumpctl", "build", "--kver", kver or tree.kernel.version, "--key",
                "/root/db.key", "--cert", "/root/db.crt", "--cmdline-append", append)
    (image,) = (tree.root / "var/lib/ukdump/images").glob("*.efi")
    return tree, image


def put_kernel(tree, kernel):
    """Another kernel for build_image()."""
    if kernel.version == tree.kernel.version:
        return
    shutil.copytree(kernel.modules, tree.root / "usr/lib/modules" / kernel.version, symlinks=True)
    shutil.copy(kernel.image, tree.root / f"boot/vmlinuz-{kernel.version}")


def report_at_boot(tree):
    """Mounts the disk with the label ukdump at /var/crash, and enables what looks there at each boot."""
    tree.add("/etc/fstab", b"LABEL=ukdump /var/crash ext4 defaults,nofail 0 0\n")
    (tree.root / "var/crash").mkdir(exist_ok=True)
    wants = tree.root / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(parents=True, exist_ok=True)
    (wants / "ukdump-report.service").symlink_to("/usr/lib/systemd/system/ukdump-report.service")


def crash_micro(vm, image, *disks, script="", programs=(), append="crashkernel=160M", timeout=240,
                kernel="6.12", more_files=None, **options):
    """Arms the image in the micro guest without firmware and crashes it (unless script does); the
    serial log and the time are in the result. more_files: below /payload."""
    result = vm.run_micro(kernel=kernel, secure_boot=False, append=append,
                          files={"image.efi": image, "db.crt": vm.keys() / "db.crt",
                                 **(more_files or {})},
                          programs=[BUILD / "ukdump-load", *programs], disks=disks,
                          timeout=timeout, script=f"""
                              mkdir -p /etc/ukdump/trust.d
                              cp /payload/db.crt /etc/ukdump/trust.d
                              attempt load ukdump-load load /payload/image.efi
                              {script}
                              crash
                          """, **options)
    assert result.get("load.status") == "0", result.get("load")
    return result


class Crash:
    """One crash's directory, read back from the guest's disk (None: target is filled already).

    number: which of several, 0 is the oldest; None: there must be one.
    """

    def __init__(self, disk, directory: str, target: Path, number: int | None = None):
        if disk:
            disk.extract(directory, target)
        folders = sorted(p for p in target.rglob("*Z-*") if p.is_dir())
        assert number is not None or len(folders) == 1, folders
        self.folder = folders[number or 0]
        manifest = self.folder / "manifest.json"
        self.manifest = json.loads(manifest.read_text()) if manifest.exists() else None
        self.names = {p.name for p in self.folder.iterdir()}
        self.dmesg = ((self.folder / "dmesg.txt").read_text(errors="replace")
                      if "dmesg.txt" in self.names else "")

    def info(self, *options: str) -> subprocess.CompletedProcess:
        return subprocess.run([BUILD / "ukdumpctl", "info", *options, self.folder], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)

    def stage(self, name: str) -> dict:
        return next(s for s in self.manifest["stages"] if s["name"] == name)
