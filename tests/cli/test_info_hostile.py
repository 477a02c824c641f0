# SPDX-License-Identifier: GPL-2.0-or-later
"""`ukdumpctl info` on hostile dumps, sparse ones, and what is no file."""

import hashlib
import os
import subprocess

import pytest

from cli import CTL
from reading import crash_directory, gen, info, info_json, rows, write


@pytest.mark.parametrize("name", gen.HOSTILE)
def test_hostile(tmp_path, name):
    make, check = gen.HOSTILE[name]
    dump = write(tmp_path / name, make())
    if check == gen.ANY:
        p = subprocess.run([CTL, "info", "--full", dump], capture_output=True, timeout=60)
        assert p.returncode in (0, 1)
        assert p.returncode == 0 or p.stderr.startswith(b"ukdumpctl: ")
        return
    if check == gen.INCOMPLETE:
        out, err = info("--full", dump, code=1)
        assert rows(out)["incomplete"] in err
        assert info_json(dump, code=1)["incomplete"]
        return
    if check:
        out, err = info(dump, code=1)
        assert out == ""
        assert err.startswith(f"ukdumpctl: {dump}: ") and err.endswith(f" [{check}]\n")
        assert err.count("\n") == 1
        return
    info(dump)
    j = info_json(dump)
    assert j["schema"] == 1
    p = subprocess.run([CTL, "info", "--full", dump], capture_output=True, timeout=60)
    assert p.returncode in (0, 1)


def test_hostile_page_is_counted(tmp_path):
    dump = write(tmp_path / "vmcore", gen.garbled_page())
    out, err = info("--full", dump, code=1)
    assert rows(out)["pages read"].endswith(", 1 errors")
    assert "1 pages cannot be read, first: page at 0x" in err


@pytest.mark.parametrize("name,reason", [("missing", "No such file"), ("fifo", "regular file"),
                                         ("loop", "Too many levels")])
def test_not_a_file(tmp_path, name, reason):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to("loop")
    _, err = info(tmp_path / name, code=1, limit=20)
    assert reason in err and err.count("\n") == 1


def test_elf_segments_in_others(tmp_path):
    """/proc/vmcore of some kernels has the kernel's text twice."""
    j = info_json("--find", gen.SECRET.hex(), write(tmp_path / "vmcore", gen.elf_segments_in_others()))
    assert j["log"]["lost"] == 0 and j["log"]["lines"] == 49 and j["find"]["pages"] >= 4


# Sparse files: a few KiB on disk say they are terabytes.

def sparse(path, data, size):
    write(path, data)
    os.truncate(path, size)
    if path.stat().st_blocks * 512 > size // 2:
        pytest.skip("no sparse files here")
    return path


def test_sparse_bitmap_is_refused(tmp_path):
    dump = sparse(tmp_path / "vmcore", gen.kdump_sparse(1 << 28), 3 << 40)
    _, err = info("--full", dump, code=1, limit=20)
    assert err.endswith(" [dump.sparse]\n")


def test_sparse_bitmap_is_not_walked(tmp_path):
    """The largest that is taken."""
    dump = sparse(tmp_path / "vmcore", gen.kdump_sparse(1 << 14), 1 << 40)
    assert info_json(dump, code=1)["pages"]["present"] == 0
    _, err = info("--full", dump, code=1, limit=20)
    assert err.endswith(" [dump.sparse]\n")


def test_sparse_elf(tmp_path):
    dump = sparse(tmp_path / "vmcore", gen.elf_sparse(1 << 40), (1 << 40) + (1 << 20))
    j = info_json("--find", gen.SECRET.hex(), dump)
    assert j["find"]["pages"] == 4 and j["pages"]["present"] > 1 << 28
    assert "not hashed" in info("--full", dump, code=1, limit=20)[1]


def test_sparse_elf_is_read_whole(tmp_path):
    dump = sparse(tmp_path / "vmcore", gen.elf_sparse(1 << 26), (1 << 26) + (1 << 20))
    j = info_json("--full", dump)
    assert j["full"]["pages_read"] == j["pages"]["present"] and j["full"]["errors"] == 0
    assert j["full"]["sha256"] == hashlib.sha256(dump.read_bytes()).hexdigest()


def test_half_a_million_recipients(tmp_path):
    """As many as a manifest can name; their list is made once."""
    crash = crash_directory(tmp_path)
    write(crash / "vmcore", b"age-encryption.org/v1\n" + bytes(100))
    write(crash / "manifest.json",
          b'{"state": "complete", "encrypted_to": [' + b"1," * 500000 + b"1]}")
    out, _ = info(crash, limit=30)
    assert rows(out)["encrypted"].startswith("to 1, 1, 1, ")
