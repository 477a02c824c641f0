# SPDX-License-Identifier: GPL-2.0-or-later
"""The packages that `make deb` and `make rpm` build, once per run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
sys.path.append(str(REPO / "tests" / "vm"))  # vmbed

BUILD = (REPO / (os.environ.get("BUILD") or "build")).resolve()


def make(target, tool):
    if not shutil.which(tool):
        pytest.skip(f"no {tool}")
    done = subprocess.run(["make", "--no-print-directory", target], cwd=REPO, text=True, check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout[-4000:]
    return [Path(line) for line in done.stdout.splitlines()
            if line.startswith(f"{BUILD}/packages/") and line.endswith(f".{target}")]




@pytest.fixture(scope="session")
def debs():
    """name -> .deb"""
    return {path.name.split("_")[0]: path for path in make("deb", "dh")}


@pytest.fixture(scope="session")
def rpms():
    """name -> .rpm"""
    return {path.name.rsplit("-", 2)[0]: path for path in make("rpm", "rpmbuild")}


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="run the tests marked 'long', too")


def pytest_configure(config):
    config.addinivalue_line("markers", "long: part of the long matrix; runs only with --long")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("long"):
        config.hook.pytest_deselected(items=[i for i in items if i.get_closest_marker("long")])
        items[:] = [i for i in items if not i.get_closest_marker("long")]
