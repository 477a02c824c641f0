# SPDX-License-Identifier: GPL-2.0-or-later
"""The verbs about stored dumps: list, dmesg, verify-dump, clean; on fabricated stores."""

import hashlib
import json
import os
import shutil
import subprocess
import time

import pytest

from cli import REPO, ctl, generator

gen = generator("dump")

MACHINE = "0123456789abcdef0123456789abcdef"
LOG = "[    9.000000] sysrq: Trigger a crash\n" \
      "[    9.000001] Kernel panic - not syncing: sysrq triggered crash\n"
TRIAGE = {"version": 1, "kind": "oops", "panic": "BUG: x", "signature": "00112233aabbccdd"}


def crash(store, day, machine=MACHINE, core=b"", triage=TRIAGE, manifest=True, **fields):
    """One crash's directory."""
    folder = store / f"202611{day:02}T183822Z-{machine}"
    folder.mkdir(parents=True)
    (folder / "dmesg.txt").write_text(LOG)
    record = {"schema": 1, "state": "complete", "machine": machine, "kernel": gen.RELEASE,
              "crash_time": f"2026-11-{day:02}T18:38:22Z", "bytes": len(core),
              "sha256": hashlib.sha256(core).hexdigest(), "triage": triage}
    if core:
        (folder / "vmcore").write_bytes(core)
    if manifest:
        (folder / "manifest.json").write_text(json.dumps(record | fields))
    return folder


@pytest.fixture(scope="module")
def core():
    return gen.kdump(gen.Machine())


@pytest.fixture
def tree(tmp_path):
    """A machine whose target is /var/crash."""
    for path, text in {"/etc/machine-id": MACHINE + "\n", "/etc/ukdump/ukdump.conf": "",
                       "/proc/self/mountinfo": ""}.items():
        (tmp_path / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path[1:]).write_text(text)
    (tmp_path / "var/crash").mkdir(parents=True)
    return tmp_path


def listed(*args):
    return json.loads(ctl("list", "--json", *args, code=0).out)["dumps"]


def records(*args):
    return [json.loads(line) for line in ctl("list", "--records", *args, code=0).out.splitlines()]


def test_many_machines(tmp_path, core):
    crash(tmp_path, 3, "b", core)
    crash(tmp_path, 1, "a-1", triage=None, state="log-only")
    crash(tmp_path, 2, "c", manifest=False)
    (tmp_path / "lost+found").mkdir()
    (tmp_path / "20261101T000000Z-link").symlink_to(tmp_path)
    rows = listed(tmp_path)
    assert [(r["machine"], r["state"], r["kind"]) for r in rows] == [
        ("a-1", "log-only", "sysrq"), ("c", "unfinished", "sysrq"), ("b", "complete", "oops")]
    assert rows[2] == {
        "crash": "20261103T183822Z-b", "time": "2026-11-03T18:38:22Z", "state": "complete",
        "size": rows[2]["size"], "machine": "b", "kernel": gen.RELEASE, "kind": "oops",
        "panic": "BUG: x", "signature": TRIAGE["signature"],
        "where": str(tmp_path / "20261103T183822Z-b")}
    assert rows[2]["size"] >= len(core)
    full = records(tmp_path)
    assert full[2]["sha256"] == hashlib.sha256(core).hexdigest()
    assert full[2]["path"] == rows[2]["where"] and full[2]["triage"] == TRIAGE
    # What no manifest tells comes from the name and the log.
    assert full[1]["crash_time"] == "2026-11-02T18:38:22Z"
    assert full[0]["triage"]["panic"] == "Kernel panic - not syncing: sysrq triggered crash"
    lines = ctl("list", tmp_path, code=0).out.splitlines()
    assert len(lines) == 4 and lines[0].startswith("time (UTC)")
    assert lines[3].split()[:4] == ["2026-11-03", "18:38:22", "complete", lines[3].split()[3]]
    assert lines[3].endswith(f"oops            {TRIAGE['signature']}  {rows[2]['where']}  BUG: x")


@pytest.mark.parametrize("manifest", ["", "[]", "null", "{", '{"triage": 7, "kernel": []}',
                                      '{"kernel": "\\u001b[31m", "triage": {"panic": {}}}',
                                      pytest.param("x" * 300000, id="long")])
def test_hostile_manifest(tmp_path, manifest):
    folder = crash(tmp_path, 1)
    (folder / "manifest.json").write_text(manifest)
    assert len(listed(tmp_path)) == len(records(tmp_path)) == 1
    assert "\33" not in ctl("list", tmp_path, code=0).out


def test_manifest_that_is_a_link(tmp_path):
    folder = crash(tmp_path, 1)
    (folder / "manifest.json").rename(tmp_path / "secret")
    (folder / "manifest.json").symlink_to(tmp_path / "secret")
    assert records(tmp_path)[0]["state"] == "unfinished"


@pytest.mark.parametrize("manifest", [
    b'{"bytes": NaN}', b'{"bytes": -Infinity}', b'{"bytes": -.5}', b'{"bytes": 1.}',
    b'{"a": 1} {"a": 2}', pytest.param(b"[" * 100000, id="lists"),
    pytest.param(b'{"a":' * 40 + b"1" + b"}" * 40, id="objects")])
def test_records_are_json(tmp_path, manifest):
    """One machine's record must not break the lines of all."""
    (crash(tmp_path, 1) / "manifest.json").write_bytes(manifest)

    def none(constant):
        raise ValueError(constant)
    row = json.loads(ctl("list", "--records", tmp_path, code=0).out, parse_constant=none)
    assert row["machine"] == MACHINE and not {"a", "bytes"} & set(row)


def test_what_a_record_says_of_itself(tmp_path):
    (crash(tmp_path, 1) / "manifest.json").write_bytes(
        b'{"uri": "s3://elsewhere/x", "path": "/elsewhere", "kernel": "\xff\xc2\x9b2J\x7f", '
        b'"triage": {"kind": "\xc3\xa9%s"}, "bytes": 1.5e3}' % (b"x" * 5000))
    folder = str(tmp_path / f"20261101T183822Z-{MACHINE}")
    out = ctl("list", "--records", tmp_path, code=0).out
    row = json.loads(out)
    assert row["path"] == folder and "uri" not in row and row["bytes"] == 1500
    assert row["kernel"] == "?\x9b2J\x7f" and "\\u009b2J\\u007f" in out
    facts = ctl("list", "--json", tmp_path, code=0).out
    assert json.loads(facts)["dumps"][0]["where"] == folder
    assert "\x9b" not in out + facts and "\x7f" not in out + facts
    assert len(json.loads(facts)["dumps"][0]["kind"].encode()) == 1000
    line = ctl("list", tmp_path, code=0).out.splitlines()[1]
    assert folder in line and len(line) < 1300


@pytest.mark.parametrize("name", ["manifest.json", "dmesg.txt"])
def test_files_that_are_none(tmp_path, name):
    """Nothing is waited for or followed, whatever lies there."""
    for day, make in enumerate((os.mkfifo, os.mkdir, lambda p: p.symlink_to("/dev/zero"),
                                lambda p: os.mknod(p, 0o20600, os.makedev(1, 5)),
                                lambda p: (p.touch(), os.truncate(p, 1 << 40))), 1):
        folder = crash(tmp_path, day, triage=None)
        (folder / name).unlink()
        try:
            make(folder / name)
        except PermissionError:
            pass  # a device, and we are not root
    rows = records(tmp_path)
    assert len(rows) == 5
    assert all(("bytes" in r) == (name != "manifest.json") for r in rows)
    assert all((r.get("triage") is None) == (name == "dmesg.txt") for r in rows)


def test_names_that_are_none(tmp_path):
    for name in ("20261101T183822Z-", "20261101T183822Z-a\x1b[2J", "20261101T183822Z-a b",
                 "2026110aT183822Z-a", "20261101T183822Z-" + "m" * 120, "x"):
        (tmp_path / name).mkdir()
    for name in ("19700101T000000Z-a", "21060207T062815Z-a", "99999999T999999Z-a"):
        (tmp_path / name).mkdir()
    assert [r["crash"][:8] for r in listed(tmp_path)] == ["19700101", "21060207", "99999999"]


def test_jq(tmp_path):
    """The line of docs/FLEET.md, also where a record is odd."""
    for day, triage, kernel in [(1, TRIAGE, "6.1"), (2, TRIAGE, "6.1"), (3, 7, "6.1"),
                                (4, {"signature": None}, "6.1"), (5, TRIAGE, [])]:
        crash(tmp_path / "store", day, triage=triage, kernel=kernel)
    line, = [line.strip() for line in (REPO / "docs/FLEET.md").read_text().splitlines()
             if line.strip().startswith("jq ")]
    (tmp_path / "records.jsonl").write_text(ctl("list", "--records", tmp_path / "store",
                                                code=0).out)
    done = subprocess.run(line, shell=True, cwd=tmp_path, check=True, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert [row.split() for row in done.stdout.splitlines()] == [
        ["2", TRIAGE["signature"], "6.1"], ["1", TRIAGE["signature"], "[]"]] and not done.stderr


def test_own_targets(tree, core):
    assert listed("--root", tree) == []
    crash(tree / "var/crash", 1, core=core)
    assert [r["state"] for r in listed("--root", tree)] == ["complete"]
    (tree / "var/crash").rename(tree / "elsewhere")
    assert listed("--root", tree) == []


def test_places_that_are_none(tmp_path):
    assert "No such file" in ctl("list", tmp_path / "none", code=1).err
    assert "a web server tells no list" in ctl("list", "https://host/x", code=1).err


def test_dmesg(tmp_path, core):
    folder = crash(tmp_path, 1, core=core)
    assert gen.MARKER in ctl("dmesg", folder, code=0).out
    assert ctl("dmesg", crash(tmp_path, 2), code=0).out == LOG
    assert ctl("info", "--json", folder, code=0).out == ctl(
        "info", "--json", f"{folder}/", code=0).out.replace(f"{folder}//", f"{folder}/")
    without = crash(tmp_path, 3)
    (without / "dmesg.txt").unlink()
    assert "no vmcore" in ctl("dmesg", without, code=1).err
    assert "ukdumpctl list" in ctl("dmesg", "20261109T183822Z-x", code=1).err


def test_verify_dump(tmp_path, core):
    good = crash(tmp_path, 1, core=core)
    cut = crash(tmp_path, 2, core=core)
    (cut / "vmcore").write_bytes(core[:-1])
    other = crash(tmp_path, 3, core=core, sha256="0" * 64)
    nothing = crash(tmp_path, 4, core=core, sha256=None)
    log = crash(tmp_path, 5, state="log-only")
    bare = crash(tmp_path, 6, core=core, manifest=False)
    gone = crash(tmp_path, 7, core=core)
    (gone / "vmcore").unlink()
    bare_cut = crash(tmp_path, 8, core=core[:-1], manifest=False)
    assert ctl("verify-dump", good, code=0).out == f"{good}: good\n"
    assert ctl("verify-dump", "--full", good, code=0).out == f"{good}: good\n"
    done = json.loads(ctl("verify-dump", "--json", good, cut, other, nothing, log, bare,
                          tmp_path / "none", gone, bare_cut, code=1).out)["dumps"]
    assert [d["verdict"] for d in done] == ["good", "bad", "bad", "unknown", "bad", "unknown",
                                            "bad", "bad", "bad"]
    assert "there is none [dump.missing]" in done[7]["reason"]
    assert "truncated" in done[8]["reason"]
    assert "bytes, the manifest says" in done[1]["reason"] or "truncated" in done[1]["reason"]
    assert "SHA-256" in done[2]["reason"] and "log-only" in done[4]["reason"]


def conf(tree, text):
    (tree / "etc/ukdump/ukdump.conf").write_text(f"[Store]\n{text}\n")


def test_clean(tree, core):
    store = tree / "var/crash"
    for day in range(1, 6):
        crash(store, day, core=core if day < 4 else b"")
    crash(store, 1, "other", core)
    conf(tree, "Keep=2\nKeepFree=0")
    would = ctl("clean", "--dry-run", "--root", tree, code=0).out
    assert would.startswith("would remove ") and would.count("\n") == 1 and "20261101" in would
    assert len(os.listdir(store)) == 6
    gone = json.loads(ctl("clean", "--json", "--root", tree, code=0).out)
    assert [r["path"] for r in gone["removed"]] == [f"{store}/20261101T183822Z-{MACHINE}"]
    assert ctl("clean", "--root", tree, code=0).out == ""
    # The newest complete one stays, whatever the limits are; so does what is another machine's.
    conf(tree, "MaxUse=1\nKeepFree=0")
    ctl("clean", "--root", tree, code=0)
    assert sorted(os.listdir(store)) == ["20261101T183822Z-other", f"20261103T183822Z-{MACHINE}"]


def test_clean_for_room(tree, core):
    store = tree / "var/crash"
    for day in range(1, 4):
        crash(store, day, core=core)
    conf(tree, "KeepFree=1000000T")
    ctl("clean", "--root", tree, code=0)
    assert sorted(os.listdir(store)) == [f"20261103T183822Z-{MACHINE}"]


def test_a_link_leads_out_of_no_root(tree, tmp_path_factory, core):
    """What another system calls /srv/crash is not ours to clean."""
    outside = tmp_path_factory.mktemp("outside")
    for day in (1, 2):
        crash(outside, day, core=core)
    (tree / "var/crash").rmdir()
    (tree / "var/crash").symlink_to(outside)
    conf(tree, "Keep=1\nKeepFree=0")
    for verb in ("clean", "list"):
        assert "[root.link]" in ctl(verb, "--root", tree, code=1).err
    assert len(os.listdir(outside)) == 2


def test_foreign_files_stay(tree, core):
    store = tree / "var/crash"
    (crash(store, 1, core=core) / "notes").write_text("mine")
    crash(store, 2, core=core)
    conf(tree, "Keep=1\nKeepFree=0")
    ctl("clean", "--root", tree, code=0)
    assert os.listdir(store / f"20261101T183822Z-{MACHINE}") == ["notes"]


def test_a_log_of_lines_alone(tmp_path):
    """As large as one may be, and reading its 67 million lines would take a minute."""
    crash(tmp_path, 1, triage=None)
    with open(crash(tmp_path, 2, triage=None) / "dmesg.txt", "wb") as f:
        for _ in range(64):
            f.write(b"\n" * (1 << 20))
    crash(tmp_path, 3, triage=None)
    assert [d["kind"] for d in listed(tmp_path)] == ["sysrq", None, "sysrq"]


def test_ten_thousand(tmp_path):
    """The timing is in tests/bench/list.py; here, that all of them come."""
    first = crash(tmp_path, 1, "m")
    (first / "dmesg.txt").unlink()
    for i in range(1, 10000):
        folder = tmp_path / f"20261101T{i // 3600:02}{i // 60 % 60:02}{i % 60:02}Z-x"
        folder.mkdir()
        os.link(first / "manifest.json", folder / "manifest.json")
    begin = time.monotonic()
    assert len(ctl("list", "--records", tmp_path, code=0).out.splitlines()) == 10000
    print(f"{time.monotonic() - begin:.2f} s")
    shutil.rmtree(tmp_path)


def test_what_only_root_may_read_says_so(tmp_path):
    place = tmp_path / "crash"
    place.mkdir(mode=0o000)
    other = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    try:
        done = ctl("list", place, code=1, **other)
    except PermissionError:
        pytest.skip("the program itself is for root only")
    assert "Permission denied; try 'sudo'" in done.err
