# SPDX-License-Identifier: GPL-2.0-or-later
"""Running `ukdumpctl info`, what it says as rows or as JSON, and the directory of one crash."""

import hashlib
import json
import subprocess

from cli import CTL, generator

gen = generator("dump")

PANIC = "Kernel panic - not syncing: sysrq triggered crash"


def info(*args, code=0, limit=60):
    p = subprocess.run([CTL, "info", *args], capture_output=True, timeout=limit)
    out, err = p.stdout.decode("ascii"), p.stderr.decode("ascii")
    assert p.returncode == code, f"exit {p.returncode}: {err}"
    return out, err


def info_json(*args, code=0):
    return json.loads(info("--json", *args, code=code)[0])


def write(path, data):
    path.write_bytes(data)
    return path


def rows(text):
    """The aligned rows as a dictionary; log lines are indented."""
    return {line[:12].strip(): line[12:] for line in text.splitlines() if line[0] != " "}


def manifest(d, **fields):
    record = {"schema": 1, "state": "complete", "checked": "full", "kernel": gen.RELEASE,
              "crash_time": "2026-11-21T18:38:22Z"}
    (d / "manifest.json").write_text(json.dumps(record | fields))


def crash_directory(tmp_path):
    """One crash: a dump, a log, a manifest that knows the dump's checksum."""
    d = tmp_path / "20261121T183822Z-0123456789abcdef0123456789abcdef"
    d.mkdir()
    data = gen.kdump(gen.Machine())
    write(d / "vmcore", data)
    write(d / "dmesg.txt", b"[    1.000000] from dmesg.txt\n")
    manifest(d, sha256=hashlib.sha256(data).hexdigest())
    return d
