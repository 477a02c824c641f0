#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`ukdumpctl list --records` of a shared directory with 10,000 dumps: fails above 2 seconds."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
CTL = ROOT / os.environ.get("BUILD", "build") / "ukdumpctl"
DUMPS, RUNS, LIMIT = 10_000, 3, 2.0


def record(i: int) -> dict:
    """As large as a real one, with its stages and a trace."""
    stages = [{"name": name, "result": "ok", "seconds": 0.25} for name in
              ("modules", "target", "log", "space", "dump", "fsync", "check", "publish", "retention")]
    trace = [f"some_function_{n}+0x1a/0x60 [module_{n}]" for n in range(12)]
    return {"schema": 1, "state": "complete", "image": "6.12.107+deb13-amd64", "machine": f"m{i}",
            "kernel": "6.12.107+deb13-amd64", "crash_time": "2026-11-21T18:38:22Z", "stages": stages,
            "targets": [{"uri": "nfs://server/crash", "result": "complete", "reason": None,
                         "device": None}],
            "collector": {"argv": ["makedumpfile", "-l", "-d", "31"], "exit": 0, "attempts": 1},
            "bytes": 123456789, "sha256": "0" * 64, "checked": "full",
            "memory": {"total": 1 << 27, "peak": 1 << 26}, "encrypted_to": [], "warnings": [],
            "triage": {"version": 1, "kind": "oops", "panic": "BUG: x", "signature": f"{i % 97:016x}",
                       "cpu": 1, "comm": "sh", "pid": 77, "taint": "GOE", "trace": trace,
                       "rip": {"symbol": "f", "offset": 1, "module": "m"}, "modules": ["m(OE)"],
                       "uptime": 12.5}}


def seconds(argv: list) -> float:
    start = time.perf_counter()
    out = subprocess.run(argv, check=True, stdout=subprocess.PIPE).stdout
    assert out.count(b"\n") == DUMPS
    return time.perf_counter() - start


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        for i in range(DUMPS):
            folder = pathlib.Path(name, f"20261121T{i // 3600:02}{i // 60 % 60:02}{i % 60:02}Z-m{i}")
            folder.mkdir()
            (folder / "manifest.json").write_text(json.dumps(record(i), indent=2))
            (folder / "vmcore").touch()
        best = min(seconds([CTL, "list", "--records", name]) for _ in range(RUNS))
    print(f"list --records, {DUMPS} dumps: {best:.2f} s (limit {LIMIT})")
    return best > LIMIT


if __name__ == "__main__":
    sys.exit(main())
