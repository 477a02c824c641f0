# SPDX-License-Identifier: GPL-2.0-or-later
"""The payload disk: a test's script, files and programs as a read-only ext4 image, in 0.02 s."""

import tempfile
from pathlib import Path

from . import initramfs
from .disks import make_ext4
from .paths import GUEST


def image(output, script, files, programs, sysroot, limit):
    """Writes the payload image.

    files: {path below /payload: host path or bytes}; programs: host paths that land in PATH with
    their shared libraries.
    """
    with tempfile.TemporaryDirectory(dir=output.parent) as scratch:
        root = Path(scratch)
        (root / "run.sh").write_text(script)
        for name in ("report.sh", "run-script"):
            initramfs.add_file(root, name, GUEST / name)
        (root / "limit").write_text(f"{limit}\n")
        for guest, source in files.items():
            initramfs.add_file(root, guest, source)
        if programs:
            initramfs.add_programs(root / "bin", root / "lib", programs, sysroot)
        make_ext4(output, root, label="payload", journal=False)
    return output
