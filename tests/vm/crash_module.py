# SPDX-License-Identifier: GPL-2.0-or-later
"""The module that crashes its own kernel (guest/ukcrash), built for the guests' kernel 6.12."""

import shutil
from pathlib import Path

from vmbed import packages, system
from vmbed.paths import GUEST, run

# gcc-14 is what Debian built that kernel with; its options are in the headers.
COMPILER = ["gcc-14", "gcc-14-x86-64-linux-gnu", "cpp-14", "cpp-14-x86-64-linux-gnu",
            "libgcc-14-dev", "libcc1-0", "binutils", "binutils-x86-64-linux-gnu", "libbinutils",
            "libctf0", "libctf-nobfd0", "libsframe1", "libgprofng0", "libjansson4", "libisl23",
            "libmpc3", "libmpfr6", "libgmp10", "make"]


def build(folder: Path) -> Path:
    """The module, built by make in a copy of the Debian 13 tree below folder."""
    version = packages.kernel("6.12").version
    base = version.rsplit("-", 1)[0]
    tools = packages.Suite("trixie").unpack(f"module-{version}", [
        f"linux-headers-{version}", f"linux-headers-{base}-common", f"linux-kbuild-{base}",
        *COMPILER])
    tree = system.Tree.copy(folder / "module-tree")
    run("cp", "-a", f"{tools}/.", tree.root)
    shutil.copytree(GUEST / "ukcrash", tree.root / "ukcrash")
    tree.chroot("make", "-C", f"/usr/src/linux-headers-{version}", "M=/ukcrash", "modules",
                "CONFIG_DEBUG_INFO_BTF_MODULES=")  # needs vmlinux
    return tree.root / "ukcrash/ukcrash.ko"
