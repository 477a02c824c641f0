# SPDX-License-Identifier: GPL-2.0-or-later
"""`ukdumpctl info` on the directory of a crash: dump, log and manifest, and what may lack of them."""

import subprocess

import pytest

from cli import CTL
from reading import PANIC, crash_directory, gen, info, info_json, manifest, rows, write


@pytest.fixture
def crash(tmp_path):
    return crash_directory(tmp_path)


def test_directory(crash):
    r = rows(info(crash)[0])
    assert r["dump"] == f"{crash}/vmcore"
    assert r["state"] == "complete" and r["checked"] == "full"
    assert r["sha256"].endswith(" (not checked)")
    assert rows(info("--full", crash)[0])["sha256"].endswith(" (matches)")
    j = info_json("--full", crash)
    assert j["manifest"]["state"] == "complete"
    assert j["full"]["sha256_matches"] is True


def test_directory_wrong_hash(crash):
    manifest(crash, sha256="00" * 32)
    assert "(not checked)" in info(crash)[0]
    out, err = info("--full", crash, code=1)
    assert "(does not match)" in out
    assert "the manifest says 0000" in err
    assert info_json("--full", crash, code=1)["full"]["sha256_matches"] is False


def test_checksum_alone(crash):
    """Compares the file, reads no page."""
    assert rows(info("--checksum", crash)[0])["sha256"].endswith(" (matches)")
    j = info_json("--checksum", crash)
    assert j["checksum"]["sha256_matches"] is True and "full" not in j
    assert "checksum" not in info_json(crash)
    manifest(crash, sha256="00" * 32, targets=[{"reason": "a\n"}, {"reason": None}])
    _, err = info("--checksum", crash, code=1)
    assert "the manifest says 0000" in err
    j = info_json("--checksum", crash, code=1)
    assert j["checksum"]["sha256_matches"] is False and j["manifest"]["reason"] == "a?"
    (crash / "manifest.json").unlink()
    assert "sha256_matches" not in info_json("--checksum", crash)["checksum"]


def test_directory_log_only(crash):
    (crash / "vmcore").unlink()
    manifest(crash, state="log-only")
    r = rows(info(crash)[0])
    assert r["dump"] == "none, only the kernel log was saved"
    assert r["state"] == "log-only"
    assert r["kernel"] == gen.RELEASE
    assert "1 lines in dmesg.txt" in r["kernel log"]
    j = info_json(crash)
    assert j["dump"] is None and j["log"]["source"] == "dmesg.txt"


@pytest.mark.parametrize("state", ["complete", "partial"])
def test_directory_dump_is_gone(crash, state):
    (crash / "vmcore").unlink()
    manifest(crash, state=state)
    for check in ("--checksum", "--full", "--lines=1"):
        out, err = info(check, crash, code=1)
        assert err == f"ukdumpctl: {crash}: the manifest tells of a vmcore, but there is none " \
                      "[dump.missing]\n"
        assert rows(out)["state"] == state and "1 lines in dmesg.txt" in rows(out)["kernel log"]


def test_directory_log_with_holes(crash):
    """A power cut leaves NULs where data was not written yet; the text behind them counts."""
    manifest(crash, state="log-only")
    (crash / "vmcore").unlink()
    write(crash / "dmesg.txt", b"[    1.000000] a\n" + bytes(4096) + f"[    2.0] {PANIC}\n".encode())
    out = info(crash)[0]
    assert "2 lines in" in rows(out)["kernel log"] and f"  [    2.0] {PANIC}\n" in out
    done = subprocess.run([CTL, "dmesg", crash], capture_output=True, text=True, check=True)
    assert done.stdout == f"[    1.000000] a\n[    2.0] {PANIC}\n"
    write(crash / "dmesg.txt", bytes(4096))
    done = subprocess.run([CTL, "dmesg", crash], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"ukdumpctl: {crash}: no kernel log\n"


def test_directory_part_put_aside(crash):
    """A capture that was cut off while a second plan wrote: the part that can be read is shown."""
    (crash / "vmcore").rename(crash / "vmcore-part")
    write(crash / "vmcore-incomplete", b"\x7fELF")
    assert rows(info(crash)[0])["dump"].endswith("/vmcore-part")


@pytest.mark.parametrize("state,code", [("log-only", 0), ("failed", 0), ("complete", 1)])
@pytest.mark.parametrize("data", [b"", b"\x7fELF", gen.GARBAGE])
def test_directory_unreadable_dump(crash, state, code, data):
    """What is left of a dump that could not be saved hides neither the state nor the log."""
    (crash / "vmcore").unlink()
    write(crash / "vmcore-incomplete", data)
    write(crash / "dmesg.txt", f"[    1.000000] {PANIC}\n".encode())
    manifest(crash, state=state)
    out, err = info(crash, code=code)
    r = rows(out)
    assert r["dump"].startswith(f"not readable: {crash}/vmcore-incomplete: ")
    assert r["state"] == state and r["panic"] == PANIC
    assert "1 lines in dmesg.txt" in r["kernel log"]
    assert bool(err) == bool(code) and err.count("\n") == code
    j = info_json(crash, code=code)
    assert j["dump"] is None and j["dump_error"] and j["panic"] == PANIC


def test_directory_unreadable_dump_alone(tmp_path):
    write(tmp_path / "vmcore", gen.GARBAGE)
    out, err = info(tmp_path, code=1)
    assert out == "" and err.endswith(" [dump.format]\n")


@pytest.mark.parametrize("name", ["vmcore", "dmesg.txt", "manifest.json"])
def test_directory_links_are_not_followed(crash, tmp_path, name):
    m = gen.Machine()
    m.vmcoreinfo["SYMBOL(prb)"] = None     # the log would be dmesg.txt's
    write(crash / "vmcore", gen.kdump(m))
    (crash / name).rename(tmp_path / "secret")
    (crash / name).symlink_to(tmp_path / "secret")
    out, err = info(crash, code=name == "vmcore")
    r = rows(out)
    assert ("from dmesg.txt" in out) == (name != "dmesg.txt")
    assert r["state"].startswith("unknown") == (name == "manifest.json")
    assert r["dump"].startswith("not readable") == (name == "vmcore")
    if name == "vmcore":
        assert err == f"ukdumpctl: {crash}: vmcore: is a symbolic link [file.type]\n"


def test_directory_log_from_dmesg_txt(crash):
    m = gen.Machine()
    m.vmcoreinfo["SYMBOL(prb)"] = None
    write(crash / "vmcore", gen.kdump(m))
    out, _ = info(crash)
    assert "not read from the dump: vmcoreinfo does not say where it is" in out
    assert "from dmesg.txt" in out


def test_directory_empty(tmp_path):
    _, err = info(tmp_path, code=1)
    assert f"{tmp_path}: no vmcore in this directory" in err


@pytest.mark.parametrize("cut", [5000, 40000])
def test_directory_partial(crash, cut):
    """Half a copy of /proc/vmcore, as it is left when space or time ran out."""
    (crash / "vmcore").unlink()
    write(crash / "vmcore-incomplete", gen.elf(gen.Machine())[:-cut])
    manifest(crash, state="partial")
    r = rows(info(crash)[0])
    assert r["dump"].endswith("/vmcore-incomplete")
    assert r["state"] == "partial" and r["incomplete"].startswith("truncated")
    assert r["kernel"].startswith(gen.RELEASE)
    j = info_json(crash)
    assert 0 < j["pages"]["present"] < j["pages"]["total"]


@pytest.mark.parametrize("text", ["", "[1]", "{", "null", '"x"', "[" * 100000,
                                  '{"state": {"a": 1}}'])
def test_directory_bad_manifest(crash, text):
    (crash / "manifest.json").write_text(text)
    r = rows(info(crash)[0])
    assert r["state"].startswith("unknown")
    assert r["panic"] == PANIC


def test_names_drive_no_terminal(crash):
    hostile = crash.rename(crash.with_name("\x1b[31m\nname"))
    for verb in ("info", "verify-dump"):
        p = subprocess.run([CTL, verb, hostile], capture_output=True, text=True, timeout=60, check=True)
        assert "\x1b" not in p.stdout and "?[31m" in p.stdout


def test_manifest_drives_no_terminal(crash):
    manifest(crash, state="\x1b[31m\u00e9", checked="a\nb")
    r = rows(info(crash)[0])
    assert r["state"] == "?[31m??" and r["checked"] == "a?b"
    assert info_json(crash)["manifest"]["state"] == "?[31m??"
