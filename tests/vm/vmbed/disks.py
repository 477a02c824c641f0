# SPDX-License-Identifier: GPL-2.0-or-later
"""File system images for guests, made and read back on the host."""

import os
import subprocess
import tempfile
from pathlib import Path

from .paths import BedError, run
from .qemu import Disk

MIB = 1 << 20


def make_ext4(output, tree, label, size=None, journal=True):
    """An ext4 image with the content of tree, without a mount; size in MiB, default: just fits."""
    if size is None:
        size = _tree_mebibytes(tree) * 11 // 10 + 4
    # Without checksums: debugfs of other versions reads and repairs the image as well.
    features = "^metadata_csum" if journal else "^has_journal,^metadata_csum"
    Path(output).unlink(missing_ok=True)
    run("mke2fs", "-q", "-F", "-t", "ext4", "-L", label, "-m", "0", "-E", "root_owner=0:0",
        "-O", features, "-d", tree, output, f"{size}M")
    return output


def _tree_mebibytes(tree):
    blocks = sum(os.lstat(os.path.join(folder, name)).st_size // 4096 + 2
                 for folder, folders, names in os.walk(tree) for name in folders + names)
    return blocks * 4096 // MIB + 1


class DataDisk(Disk):
    """A disk with an empty (or given) file system, for example the target of a dump."""

    def __init__(self, path, serial, fs="ext4", label="ukdump", size=1024, tree=None):
        super().__init__(Path(path), serial)
        self.fs = fs
        make = {"ext4": self._make_ext4, "xfs": self._make_xfs, "btrfs": self._make_btrfs,
                None: self._make_blank}
        make[fs](label, size, tree)

    def extract(self, directory, target):
        """Copies a directory of the disk to target on the host."""
        target = Path(target)
        target.mkdir(parents=True, exist_ok=True)
        if self.fs == "ext4":
            # Replays the journal: the guest may have been reset right after a sync.
            subprocess.run(["e2fsck", "-p", self.path], stdout=subprocess.DEVNULL, check=False)
            run("debugfs", "-R", f"rdump {directory} {target}", self.path)
        else:
            self._extract_mounted(directory, target)
        return target

    def part(self, first, size):
        """The ext4 file system that begins at MiB `first` of the disk, as a disk of its own."""
        copy = self.path.with_suffix(f".{first}")
        run("dd", f"if={self.path}", f"of={copy}", "bs=1M", f"skip={first}", f"count={size}",
            "conv=sparse", "status=none")
        found = DataDisk.__new__(DataDisk)
        Disk.__init__(found, copy, self.serial)
        found.fs = "ext4"
        return found

    def names(self, directory="/"):
        """Names in a directory of the disk."""
        with tempfile.TemporaryDirectory(dir=self.path.parent) as scratch:
            self.extract(directory, scratch)
            top = Path(scratch) / Path(directory).name
            return sorted(p.name for p in top.iterdir())

    def _extract_mounted(self, directory, target):
        with tempfile.TemporaryDirectory(dir=self.path.parent) as mountpoint:
            run("mount", "-t", self.fs, "-o", "loop", self.path, mountpoint)
            try:
                run("cp", "-a", f"{mountpoint}/{directory}", target)
            finally:
                run("umount", mountpoint)

    def _make_ext4(self, label, size, tree):
        with tempfile.TemporaryDirectory() as empty:
            make_ext4(self.path, tree or empty, label, size)

    def _make_xfs(self, label, size, tree):
        self._make_blank(label, size, tree)
        run("mkfs.xfs", "-q", "-f", "-L", label, self.path)

    def _make_btrfs(self, label, size, tree):
        self._make_blank(label, size, tree)
        run("mkfs.btrfs", "-q", "-f", "-L", label, self.path)

    def _make_blank(self, _label, size, tree):
        if tree:
            raise BedError("only ext4 disks can be made with content")
        self.path.unlink(missing_ok=True)
        with open(self.path, "wb") as image:
            image.truncate(size * MIB)
