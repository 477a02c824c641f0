# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures of the VM tests: `vm` runs guests, `kfl` is the direct kexec_file_load caller."""

import re

import pytest

from vmbed.bed import Bed
from vmbed.paths import BUILD, REPO, replacing, run


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Leaves the outcome of the test where its fixtures find it."""
    outcome = yield
    if call.when == "call":
        item.passed = outcome.get_result().passed


def _bed(request, name):
    bed = Bed(re.sub(r"[^\w.-]+", "_", name))
    yield bed
    bed.close(getattr(request.node, "passed", False) and not request.config.getoption("keep_vm"))


def pytest_addoption(parser):
    parser.addoption("--keep-vm", action="store_true", dest="keep_vm",
                     help="keep serial logs and images of passed tests too")


@pytest.fixture
def vm(request):
    yield from _bed(request, request.node.name)


@pytest.fixture(scope="session")
def kfl():
    """The path of tests/helpers/kfl, built if needed."""
    source = REPO / "tests/helpers/kfl.c"
    program = BUILD / "tests/kfl"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        with replacing(program) as partial:
            run("cc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-static", source,
                "-o", partial)
    return program
