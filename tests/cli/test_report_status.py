# SPDX-License-Identifier: GPL-2.0-or-later
"""What `ukdumpctl status` says of the last crash that was reported."""

import json
import shutil
import subprocess

import pytest

import cli
from reporting import CRASH, FAILED, MACHINE, PANIC, TRIAGE, Tree, gen


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


LOADER = """#!/bin/sh
echo loaded=1; echo enforced=1; echo crash_memory=268435456; echo comfort=134217728
echo image=0123456789ab; echo path=/etc/passwd; echo signer=CN=test; echo kind=sealed
"""


@pytest.fixture
def status(tree, tmp_path):
    """Runs status in a mount namespace in which /var/lib is the tree's, and /run empty."""
    shutil.copy(cli.CTL, tree.programs)
    (tree.programs / "ukdump-load").write_text(LOADER)
    (tree.programs / "ukdump-load").chmod(0o755)
    (tree.path / "var/lib").mkdir(parents=True)

    def run(*options):
        done = subprocess.run(["unshare", "-m", "sh", "-c", 'mount --bind "$0" /var/lib && '
                               'mount -t tmpfs tmpfs /run && exec "$@"',
                               tree.path / "var/lib", tree.programs / "ukdumpctl", "status", *options],
                              capture_output=True, text=True, timeout=60, check=False)
        if "unshare:" in done.stderr or "mount:" in done.stderr:
            pytest.skip("no mounts here")
        problems = [line for line in done.stdout.splitlines() if "report --clear" in line]
        assert not problems or done.returncode == 4
        return done.stdout, problems
    return run


def test_status_of_a_good_dump(tree, status):
    assert json.loads(status("--json")[0])["last_crash"] is None
    assert "last " not in status()[0]
    tree.crash()
    tree.boot()
    text, problems = status()
    assert f"last      crash {CRASH}: complete, verified, /var/crash/{CRASH}; {PANIC}\n" in text
    assert not problems
    last = json.loads(status("--json")[0])["last_crash"]
    assert last.pop("reported").endswith("Z")
    assert last == {"crash": CRASH, "state": "complete", "verified": "yes", "panic": PANIC,
                    "dump": f"/var/crash/{CRASH}", "kernel": gen.RELEASE, "reason": None,
                    "cleared": False, **TRIAGE}


def test_status_until_the_next_good_dump(tree, status):
    tree.left(FAILED)
    tree.boot()
    text, problems = status()
    assert f"last      crash {CRASH}: failed; BUG: x; last\n" in text
    assert f"the last crash {CRASH} left no complete dump (failed): last" in problems[0]
    tree.report("--clear")
    assert not status()[1] and json.loads(status("--json")[0])["last_crash"]["cleared"] is True
    tree.left(FAILED | {"crash_time": "2026-11-23T00:00:00Z"})
    tree.boot()
    assert status()[1]
    tree.crash(name=f"20261124T000000Z-{MACHINE}")
    tree.boot()
    assert not status()[1]


@pytest.mark.parametrize("options,problem", [
    ({"sha256": None}, False), ({"sha256": "0" * 64}, True), ({"file": "vmcore-incomplete"}, True),
    ({"dump": False, "state": "log-only"}, True),
])
def test_status_of_other_dumps(tree, status, options, problem):
    tree.crash(**options)
    tree.boot()
    assert bool(status()[1]) == problem
