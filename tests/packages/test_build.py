# SPDX-License-Identifier: GPL-2.0-or-later
"""The package on each Debian: built there with its unit tests, and judged by that Debian's lintian."""

import shutil
import subprocess

import pytest

import builder
from conftest import BUILD, REPO


@pytest.mark.long
@pytest.mark.parametrize("suite", ["bookworm", "trixie", "testing"])
def test_builds_without_lintian_errors(suite):
    subprocess.run(["make", "--no-print-directory", "dist"], cwd=REPO, check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    (tarball,) = (BUILD / "packages").glob("ukdump-*.tar.gz")
    root = builder.tree(suite)
    work = root / "build"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    try:
        subprocess.run(["tar", "-xf", tarball, "-C", work], check=True)
        (source,) = work.iterdir()
        done = builder.inside(root, "sh", "-ec", f"cd /build/{source.name}\n"
                              "DEB_BUILD_OPTIONS=parallel=2 dpkg-buildpackage --no-sign --build=binary\n"
                              "cd ..\nlintian --fail-on error *.changes")
        assert done.returncode == 0, done.stdout[-6000:]
        assert "\nE: " not in done.stdout
        assert "[  PASSED  ]" in done.stdout  # the unit tests ran
        names = {deb.name.split("_")[0] for deb in work.glob("*.deb")}
        assert names == {"ukdump", "ukdump-kdumpctl", "ukdump-dbgsym"}
    finally:
        shutil.rmtree(work)
