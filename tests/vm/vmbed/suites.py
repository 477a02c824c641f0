# SPDX-License-Identifier: GPL-2.0-or-later
"""The system guest of any Debian suite, with no more in it than a package asks for: with Debian's own
initrd tool, for example, where the Debian 13 tree of system.py has dracut."""

import hashlib
import inspect
import re
from pathlib import Path

from . import packages, system
from .paths import CACHE, filling_cache, remove, replacing, run, say

BASE = ["linux-image-amd64", "systemd", "systemd-sysv", "udev", "dbus", "kmod", "e2fsprogs", "procps",
        "openssl"]


def wanted_by(deb):
    """Names of the packages that one depends on or recommends; of alternatives the first."""
    relations = run("dpkg-deb", "--show", "--showformat=${Depends}, ${Recommends}", deb).split(",")
    return sorted({re.match(r"[\w.+-]+", relation.strip())[0] for relation in relations if relation.strip()})


def tree(suite, deb, target, more=()):
    """A working copy of a suite's tree, in which a package can be installed by dpkg alone; more: further
    packages."""
    remove(Path(target))
    run("cp", "-a", _pristine(suite, sorted({*BASE, *wanted_by(deb), *more}), more), target)
    return system.Tree(target)


@filling_cache
def _pristine(suite, wanted, more):
    inputs = repr((wanted, system.MASKED, system.BLACKLISTED, system.UNIT, inspect.getsource(system._customize)))
    recipe = hashlib.sha256(inputs.encode()).hexdigest()[:12]
    suite_of = f"{suite}+{len(more)}" if more else suite  # one with more is kept beside the other
    path = CACHE / "suites" / f"{suite_of}-{recipe}"
    if path.is_dir():
        return path
    for old in path.parent.glob(f"{suite_of}-*"):
        remove(old)
    say(f"system guest: building {suite} with mmdebstrap, a minute or more")
    with replacing(path) as partial:
        packages.Suite(suite).bootstrap(
            partial, wanted, without=[f"/usr/share/{name}/*" for name in ("man", "doc", "locale")])
        system._customize(partial)
    return path
