# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian trees with what the package needs to be built, and lintian; made once per suite."""

import hashlib
import re
import subprocess
from contextlib import contextmanager

from vmbed.packages import Suite
from vmbed.paths import BUILD, CACHE, REPO, cache_lock, filling_cache, remove, replacing, run, say

# mmdebstrap leaves out what is only recommended; dpkg-buildpackage and lintian are not build dependencies.
TOOLS = ["build-essential", "fakeroot", "lintian"]
# A package that is configured or tested may look at all three.
INSIDE = """
mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && mount --rbind /sys "$0/sys" &&
exec chroot "$0" /usr/bin/env -i PATH=/usr/sbin:/usr/bin HOME=/root LC_ALL=C.UTF-8 "$@"
"""


def build_dependencies():
    text = re.search(r"^Build-Depends:\n((?: .*\n)+)", (REPO / "debian/control").read_text(), re.M)[1]
    names = re.findall(r"^ ([\w.+-]+)", text, re.M)
    return ["debhelper" if name == "debhelper-compat" else name for name in names]


@filling_cache
def tree(suite):
    wanted = sorted(TOOLS + build_dependencies())
    recipe = hashlib.sha256(" ".join(wanted).encode()).hexdigest()[:12]
    path = CACHE / "builder" / f"{suite}-{recipe}"
    if path.is_dir():
        return path
    for old in path.parent.glob(f"{suite}-*"):
        remove(old)
    say(f"builder: {suite} with mmdebstrap, two minutes or more")
    with replacing(path) as partial:
        Suite(suite).bootstrap(partial, wanted, without=["/usr/share/locale/*"])
    return path


def inside(root, *argv, timeout=1200):
    """Runs a program there, with the host's /dev and /sys in a mount namespace of its own."""
    return subprocess.run(["unshare", "--mount", "sh", "-c", INSIDE, root, *argv], text=True,
                          check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=timeout)


@contextmanager
def built(suite, options="", then="true"):
    """The packages of this checkout, built there: yields the folder with them and what was said.

    options: of DEB_BUILD_OPTIONS; then: a command that is run there at the end.
    """
    with cache_lock():
        run("make", "--no-print-directory", "dist", cwd=REPO)
        (tarball,) = (BUILD / "packages").glob("ukdump-*.tar.gz")
        root = tree(suite)
        work = root / "build"
        remove(work)
        work.mkdir()
        try:
            run("tar", "-xf", tarball, "-C", work)
            (source,) = work.iterdir()
            done = inside(root, "sh", "-ec", f"cd /build/{source.name}\n"
                          f"DEB_BUILD_OPTIONS='parallel=2 {options}' dpkg-buildpackage --no-sign --build=binary\n"
                          f"cd ..\n{then}")
            assert done.returncode == 0, done.stdout[-6000:]
            yield work, done.stdout
        finally:
            remove(work)
