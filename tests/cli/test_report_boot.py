# SPDX-License-Identifier: GPL-2.0-or-later
"""ukdumpctl report --boot on fixture trees: dumps of this machine, what only looks like them, who is
told, and what goes wrong."""

import os
import shutil
import subprocess

import pytest

import cli
from reporting import CRASH, EVIL, FAILED, IDS, MACHINE, PANIC, TRIAGE, Tree, gen


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


def test_a_good_dump(tree):
    folder = tree.crash()
    (crash,) = tree.boot()
    assert crash == {"crash": CRASH, "state": "complete", "verified": "yes", "panic": PANIC,
                     "dump": f"/var/crash/{CRASH}", "kernel": gen.RELEASE, "reason": None, **TRIAGE}
    (entry,) = tree.entries()
    assert entry == {
        "MESSAGE": f"crash {CRASH}: complete, verified, /var/crash/{CRASH}; {PANIC}",
        "MESSAGE_ID": IDS["JOURNAL_CRASH"], "PRIORITY": "4", "SYSLOG_IDENTIFIER": "ukdump",
        "UKDUMP_CRASH": CRASH, "UKDUMP_STATE": "complete", "UKDUMP_DUMP": f"/var/crash/{CRASH}",
        "UKDUMP_KERNEL": gen.RELEASE, "UKDUMP_PANIC": PANIC, "UKDUMP_VERIFIED": "yes",
        "UKDUMP_KIND": "sysrq", "UKDUMP_SIGNATURE": TRIAGE["signature"]}
    assert tree.last()["state"] == "complete"
    assert tree.state.stat().st_mode & 0o777 == 0o600
    assert sorted(os.listdir(tree.state.parent)) == ["report"]
    # A second run, and one without the dump: nothing new.
    before = tree.state.read_bytes()
    assert tree.boot() == [] and "no new crash" in tree.report("--boot").out
    shutil.rmtree(folder)
    assert tree.boot() == []
    assert not tree.entries() and tree.state.read_bytes() == before


def test_nothing_there(tree):
    assert tree.boot() == []
    assert not tree.state.exists() and not tree.entries()


@pytest.mark.parametrize("damage,reason", [
    (lambda f: (f / "vmcore").write_bytes((f / "vmcore").read_bytes()[:-100]), "truncated"),
    (lambda f: (f / "vmcore").write_bytes(gen.GARBAGE), "vmcore"),
    (lambda f: ((f / "vmcore").unlink(), (f / "vmcore").write_bytes(gen.elf(gen.Machine()))),
     "SHA-256"),
], ids=["cut", "garbage", "another"])
def test_a_dump_that_is_damaged(tree, damage, reason):
    damage(tree.crash())
    (crash,) = tree.boot()
    assert (crash["state"], crash["verified"]) == ("complete", "no")
    assert reason in crash["reason"]
    (entry,) = tree.entries()
    assert entry["PRIORITY"] == "3" and "complete, damaged" in entry["MESSAGE"]


def test_no_checksum(tree):
    tree.crash(sha256=None)
    (crash,) = tree.boot()
    assert (crash["verified"], crash["reason"]) == ("unknown", "no checksum was recorded")


def no_manifest(folder):
    (folder / "manifest.json").unlink()


@pytest.mark.parametrize("options,change,state,reason", [
    ({"dump": False, "state": "log-only",
      "targets": [{"uri": "file:/var/crash", "reason": "no room"}]}, None, "log-only", "no room"),
    ({"dump": False, "state": "failed"}, None, "failed", None),
    ({"dump": False, "state": "complete"}, None, "log-only", "there is none [dump.missing]"),
    ({"state": "complete"}, lambda f: (f / "vmcore").write_bytes(b""), "log-only",
     "the file is empty [dump.empty]"),
    ({"file": "vmcore-incomplete", "state": "partial"}, None, "partial", None),
    ({"file": "vmcore-incomplete", "state": "complete"}, None, "partial", None),
    ({"file": "vmcore-incomplete"}, no_manifest, "unfinished", "the capture was cut off"),
])
def test_no_complete_dump(tree, options, change, state, reason):
    folder = tree.crash(**options)
    if change:
        change(folder)
    (crash,) = tree.boot()
    assert (crash["state"], crash["verified"]) == (state, None)
    assert crash["reason"] is reason is None or crash["reason"].endswith(reason)
    assert tree.entries()[0]["PRIORITY"] == "3"


def test_one_entry_for_a_crash_that_has_several_directories(tree):
    tree.put("etc/ukdump/ukdump.conf", "[Dump]\nTarget=file:/first file:/second nfs://h/x\n")
    tree.crash(where="first", dump=False, state="log-only")
    tree.crash(where="second", name=CRASH + "-1", file="vmcore-incomplete", state="partial")
    tree.crash(where="second", name=CRASH + "-2")
    tree.crash(where="second", name=CRASH)
    (crash,) = tree.boot()
    assert crash["crash"] == CRASH and crash["dump"] == f"/second/{CRASH}"
    assert len(tree.entries()) == 1


def test_whose_crashes(tree):
    """By all names of this machine; of no other, and not what others than root have put there."""
    tree.put("sys/class/dmi/id/product_uuid", "ABCDEF00-1111-2222-3333-444455556666\n")
    ours = ["20261101T000000Z-" + MACHINE, "20261102T000000Z-abcdef00-1111-2222-3333-444455556666",
            "20261103T000000Z-unknown"]
    for name in reversed(ours):
        tree.crash(name=name)
    tree.crash(name="20261104T000000Z-fedcba")
    tree.crash(name="20261105T000000Z-" + MACHINE + "-x")
    foreign = tree.crash(name="20261106T000000Z-" + MACHINE)
    link = tree.path / "var/crash" / ("20261107T000000Z-" + MACHINE)
    link.symlink_to(tree.path / "var/crash" / ours[0])
    if os.geteuid() == 0:
        os.chown(foreign, 65534, 65534)
    else:
        shutil.rmtree(foreign)
    assert [c["crash"] for c in tree.boot()] == ours
    assert tree.last()["crash"] == ours[-1]


def test_at_most_sixteen_at_once(tree):
    names = [f"20261101T0000{n:02}Z-{MACHINE}" for n in range(20)]
    for name in names:
        tree.crash(name=name, dump=False, state="log-only")
    assert [c["crash"] for c in tree.boot()] == names[4:]
    assert tree.boot() == []
    tree.crash()
    assert [c["crash"] for c in tree.boot()] == [CRASH]


@pytest.mark.parametrize("conf", ["[Dump]\nTraget=x\n", "nonsense"])
def test_settings_that_cannot_be_read(tree, conf):
    tree.put("etc/ukdump/ukdump.conf", conf)
    tree.crash()
    done = tree.report("--boot")
    assert CRASH in done.out and "warning" in done.err


# Texts of hostile files end up in the journal, in the state file, in the environment of programs.


def test_hostile_texts(tree):
    tree.crash(dump=False, state="log-only", kernel=EVIL, log="Kernel panic - not syncing: \x1b[2J",
               targets=[{"reason": EVIL}, {"reason": 5}, 7, None])
    tree.put("etc/ukdump/notify.d/show", '#!/bin/sh\nenv > ${0%/*}/../env\n', 0o755)
    (crash,) = tree.boot()
    (entry,) = tree.entries()
    assert entry["PRIORITY"] == "3" and entry["UKDUMP_STATE"] == "log-only"
    assert entry["UKDUMP_KERNEL"] == crash["kernel"] == entry["UKDUMP_REASON"]
    assert entry["UKDUMP_KERNEL"].startswith("x?PRIORITY=0?MESSAGE=forged??[2J??")
    assert "\x1b" not in entry["UKDUMP_PANIC"]
    assert "PRIORITY" not in tree.last() and tree.last()["seen"] == CRASH
    environment = (tree.path / "etc/ukdump/env").read_text("ascii").splitlines()
    assert [x for x in environment if x.startswith(("PRIORITY", "MESSAGE"))] == []
    assert f"UKDUMP_KERNEL={crash['kernel']}" in environment


@pytest.mark.parametrize("manifest", [
    b"", b"[]", b"{", b"{" * 5000, b'"x"', b"\xff" * 100, b'{"state": {"a": 1}, "targets": {}}',
    b'{"state": "' + b"A" * 100000 + b'", "targets": [[[]]], "sha256": [], "kernel": 5}',
    b"x" * (2 << 20),
], ids=range(9))
def test_hostile_manifests(tree, manifest):
    folder = tree.crash()
    (folder / "manifest.json").write_bytes(manifest)
    (crash,) = tree.boot()
    assert (crash["state"], crash["verified"]) == ("complete", "unknown")
    (folder / "vmcore").unlink()
    tree.state.unlink()
    (crash,) = tree.boot()
    assert (crash["state"], crash["verified"]) == ("log-only", None)


def test_a_dump_that_is_no_file(tree):
    folder = tree.crash()
    (folder / "vmcore").unlink()
    os.mkfifo(folder / "vmcore")
    (crash,) = tree.boot()
    assert crash["state"] == "log-only" and tree.boot() == []


# Programs, and what goes wrong

def test_notify(tree):
    say = '#!/bin/sh\necho "${0##*/} $UKDUMP_CRASH $UKDUMP_STATE $UKDUMP_VERIFIED $UKDUMP_DUMP" >> '\
          '"${0%/*}/../said"\necho on the console\n'
    tree.put("etc/ukdump/notify.d/b", say, 0o755)
    tree.put("etc/ukdump/notify.d/a", say + "exit 3\n", 0o755)
    tree.put("etc/ukdump/notify.d/c", say, 0o775)
    tree.put("etc/ukdump/notify.d/README", "not executable")
    tree.crash()
    done = tree.report("--boot")
    said = f"{CRASH} complete yes /var/crash/{CRASH}\n"
    assert (tree.path / "etc/ukdump/said").read_text() == f"a {said}b {said}"
    assert "on the console" in done.err and "on the console" not in done.out
    crash, a, c = tree.entries()
    assert crash["MESSAGE_ID"] == IDS["JOURNAL_CRASH"]
    for entry, program in (a, "a"), (c, "c"):
        assert entry["MESSAGE_ID"] == IDS["JOURNAL_NOTIFY_FAILED"] and entry["PRIORITY"] == "4"
        assert entry["UKDUMP_PROGRAM"] == f"/etc/ukdump/notify.d/{program}"
        assert entry["UKDUMP_CRASH"] == CRASH
    assert "exit status 3" in a["UKDUMP_REASON"] and "may write to it" in c["UKDUMP_REASON"]
    tree.report("--boot")
    assert not tree.entries()


def test_journal_that_fails(tree):
    """Told on stderr, and remembered all the same: the next boot would tell nothing new."""
    tree.logger("exit 1")
    tree.crash()
    done = tree.report("--boot", code=1)
    assert "warning: journal: logger" in done.err and CRASH in done.out
    assert tree.boot() == []


def test_power_cut(tree):
    """Killed in the middle of three: the one that was being told is told again, no other."""
    names = [f"2026110{n}T000000Z-{MACHINE}" for n in (1, 2, 3)]
    for name in names:
        tree.crash(name=name, dump=False, state="log-only")
    stop = tree.put("etc/ukdump/notify.d/stop", '#!/bin/sh\ncase $UKDUMP_CRASH in 20261102*) '
                    'kill -9 $PPID;; esac\n', 0o755)
    done = subprocess.run([cli.CTL, "report", "--boot", "--root", tree.path], env=tree.environment(), timeout=60,
                          capture_output=True, check=False)
    assert done.returncode == -9
    assert [e["UKDUMP_CRASH"] for e in tree.entries()] == names[:2]
    stop.unlink()
    tree.boot()
    assert [e["UKDUMP_CRASH"] for e in tree.entries()] == names[1:]


def test_state_behind_a_link(tree):
    """Nothing is written outside the tree, and the variable stays until it is remembered."""
    variable = tree.left(FAILED)
    outside = tree.path.parent / "outside"
    outside.mkdir()
    (tree.path / "var/lib").mkdir(parents=True)
    (tree.path / "var/lib/ukdump").symlink_to(outside)
    assert "[root.link]" in tree.report("--boot", code=1).err
    assert variable.exists() and not list(outside.iterdir())


@pytest.mark.parametrize("content", [b"", b"\xff\0\xff", b"seen\nseen=\nstate\n", b"state=" + b"x" * 9999])
def test_state_of_somebody_else(tree, content):
    tree.put("var/lib/ukdump/report", content)
    tree.crash()
    assert len(tree.boot()) == 1
    assert tree.last()["crash"] == CRASH


def test_clear(tree):
    assert tree.report("--clear").out == ""
    tree.left(FAILED)
    tree.boot()
    assert "cleared" not in tree.last()
    tree.report("--clear")
    assert tree.last()["cleared"] == "yes" and tree.last()["seen"] == CRASH
    tree.crash(name=f"20261122T000000Z-{MACHINE}", dump=False, state="failed")
    tree.boot()
    assert "cleared" not in tree.last()


@pytest.mark.parametrize("options", [("--boot", "--keep"), ("--boot", "--clear"), ("--clear", "--keep")])
def test_one_at_a_time(tree, options):
    tree.report(*options, code=2)


# The catalog explains every id, and each is in the manual.

def test_catalog():
    catalog = (cli.REPO / "systemd/ukdump.catalog").read_text()
    manual = (cli.REPO / "man/ukdumpctl-report.8.scd").read_text()
    ids = [line[3:] for line in catalog.splitlines() if line.startswith("-- ")]
    assert sorted(ids) == sorted(IDS.values())
    for one in ids:
        assert one in manual
