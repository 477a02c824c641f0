# SPDX-License-Identifier: GPL-2.0-or-later
"""ukdumpctl report --boot: results of captures that no target took, in the EFI variable."""

import subprocess

import pytest

import cli
from reporting import CRASH, EVIL, FAILED, PANIC, Tree


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


def test_variable(tree):
    variable = tree.left(FAILED)
    (crash,) = tree.boot()
    assert crash == {"crash": CRASH, "state": "failed", "verified": None, "dump": None,
                     "kernel": "6.12.1", "panic": "BUG: x", "kind": None, "signature": None, "reason": "last"}
    (entry,) = tree.entries()
    assert entry["PRIORITY"] == "3" and "UKDUMP_DUMP" not in entry
    assert not variable.exists() and "variable" not in tree.last()
    assert tree.boot() == []
    # The same once more is another crash: it was removed in between.
    tree.left(FAILED)
    assert len(tree.boot()) == 1 and len(tree.entries()) == 1


def test_variable_and_directory_are_one_crash(tree):
    folder = tree.crash(dump=False)
    (folder / "manifest.json").unlink()
    tree.left(FAILED | {"state": "log-only", "reason": "stopped by the watchdog"})
    (crash,) = tree.boot()
    assert crash["state"] == "log-only" and crash["reason"] == "stopped by the watchdog"
    assert crash["panic"] == PANIC and crash["dump"] == f"/var/crash/{CRASH}"
    assert len(tree.entries()) == 1


def test_variable_of_an_older_crash(tree):
    tree.crash()
    tree.left(FAILED | {"crash_time": "2026-11-20T00:00:00Z"})
    assert [c["state"] for c in tree.boot()] == ["failed", "complete"]
    assert tree.last()["state"] == "complete"


def test_variable_at_an_unknown_time(tree):
    """It may be the last crash: nothing good hides it."""
    tree.crash()
    tree.left({"state": "failed"})
    assert [c["state"] for c in tree.boot()] == ["complete", "failed"]
    assert tree.last()["state"] == "failed" and "crash" not in tree.last()


def test_variable_against_a_complete_dump(tree):
    tree.crash()
    tree.left(FAILED)
    (crash,) = tree.boot()
    assert (crash["state"], crash["verified"], crash["panic"]) == ("complete", "yes", PANIC)
    assert crash["reason"] is None and tree.boot() == []


@pytest.mark.parametrize("content", [
    b"", b"x", b"[]", b"{" * 2000, b'{"a":1} trailing', b'{"state":"' + b"x" * 2100 + b'"}',
    b'{"reason":"\xff\xfe"}',
], ids=range(7))
def test_variable_that_is_no_result(tree, content):
    variable = tree.left(content)
    (crash,) = tree.boot()
    assert crash["state"] == "failed" and "is no result of a capture" in crash["reason"]
    assert crash["crash"] is None and not variable.exists()
    assert tree.boot() == []


@pytest.mark.parametrize("change", [
    {"crash_time": "2026-11-21T18:38:22"}, {"crash_time": "../../../../../tm/xZ"}, {"crash_time": "2026x11-21T18:38:22Z"}, {"machine": "a/b"},
    {"machine": "x" * 80}, {"crash_time": 5}, {"state": "splendid"}, {"targets": [[], 5, {"reason": 1}]},
    {"kernel": EVIL, "panic": EVIL, "reason": EVIL}, {"targets": "x"},
], ids=range(10))
def test_variable_with_hostile_members(tree, change):
    tree.left(FAILED | change)
    (crash,) = tree.boot()
    assert crash["state"] == "failed" and crash["dump"] is None
    assert crash["crash"] == (None if {"crash_time", "machine"} & set(change) else CRASH)
    (entry,) = tree.entries()
    assert entry["PRIORITY"] == "3"


def test_variable_that_cannot_be_removed(tree):
    """Reported once, however often it is found."""
    variable = tree.left(FAILED)
    # What is a mount point cannot be removed, in any file system.
    done = subprocess.run(["unshare", "-m", "sh", "-c", 'mount --bind "$1" "$1" && "$0" report --boot '
                           '--root "$2"; echo $?; "$0" report --boot --root "$2"', cli.CTL, variable,
                           tree.path], env=tree.environment(), capture_output=True, text=True, timeout=60, check=False)
    if "unshare:" in done.stderr or "mount:" in done.stderr:
        pytest.skip("no mounts here")
    assert done.returncode == 1 and done.stderr.count("cannot remove the EFI variable") == 2
    assert done.stdout == f"crash {CRASH}: failed; BUG: x; last\n1\nno new crash\n"
    assert len(tree.entries()) == 1 and tree.last()["variable"]
    assert tree.boot() == [] and not variable.exists() and "variable" not in tree.last()
    tree.left(FAILED)
    assert len(tree.boot()) == 1
