# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures of the VM tests: `vm` runs guests, `seal` makes sealed images,
`kfl` is the direct kexec_file_load caller."""

import functools
import re
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1]))  # for servers.*

import sealing
from faults import FaultTable
from vmbed import helpers
from vmbed.bed import Bed


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
    parser.addoption("--long", action="store_true", dest="long",
                     help="run the tests marked 'long', too")


def pytest_configure(config):
    config.addinivalue_line("markers", "long: part of the long matrix; runs only with --long")


def pytest_collection_modifyitems(config, items):
    if config.getoption("long"):
        return
    config.hook.pytest_deselected(items=[i for i in items if i.get_closest_marker("long")])
    items[:] = [i for i in items if not i.get_closest_marker("long")]


_faults = FaultTable()


@pytest.fixture(scope="session")
def faults():
    """The fault table of this session, see faults.py."""
    return _faults


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):  # one of several processes (-n)
        session.config.workeroutput["faults"] = _faults.rows


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    _faults.rows += getattr(node, "workeroutput", {}).get("faults", [])


def pytest_terminal_summary(terminalreporter):
    if _faults.rows:
        _faults.publish()
        terminalreporter.write_line(_faults.text())


@pytest.fixture
def vm(request):
    yield from _bed(request, request.node.name)


@pytest.fixture
def seal(vm):
    """seal(name, ...): builds a sealed image with a probe in it; see sealing.seal()."""
    return functools.partial(sealing.seal, vm)


@pytest.fixture(scope="session")
def kfl():
    """The path of tests/helpers/kfl, built if needed."""
    return helpers.program("kfl")
