# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine of files with crashes of its own, a result in the EFI variable, and a journal, which is a
program that keeps what it is told."""

import hashlib
import json
import os

import cli
from test_report import NAME as VARIABLE

gen = cli.generator("dump")

MACHINE = "0123456789abcdef0123456789abcdef"
CRASH = f"20261121T183822Z-{MACHINE}"
PANIC = "Kernel panic - not syncing: sysrq triggered crash"
TRIAGE = {"kind": "sysrq", "signature": "30c57b677104309f"}  # the same for each sysrq
IDS = {line.split()[1]: line.split('"')[1]
       for line in (cli.REPO / "src/ctl/report/journal.h").read_text().splitlines()
       if line.startswith("#define JOURNAL_")}


# What a capture leaves in the variable.
FAILED = {"schema": 1, "state": "failed", "machine": MACHINE, "kernel": "6.12.1",
          "crash_time": "2026-11-21T18:38:22Z", "panic": "BUG: x",
          "targets": [{"uri": "file:/a", "reason": "first"}, {"uri": "file:/b", "reason": "last"}]}

# A text of a hostile file.
EVIL = "x\nPRIORITY=0\nMESSAGE=forged\r\x1b[2J\x7f\u00e4\u202e=\n\nseen=y"


class Tree:
    """A system with a machine id, crashes, and a journal."""

    def __init__(self, path):
        self.path, self.journal = path / "tree", path / "journal"
        self.state = self.path / "var/lib/ukdump/report"
        self.programs = path / "bin"
        self.programs.mkdir()
        self.put("etc/machine-id", MACHINE + "\n")
        self.logger()

    def put(self, name, content, mode=0o644):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        return path

    def logger(self, script="(cat; echo) >> $JOURNAL"):
        path = self.programs / "logger"
        path.write_text(f'#!/bin/sh\n[ "$*" = --journald ] || exit 9\n{script}\n')
        path.chmod(0o755)

    def crash(self, name=CRASH, where="var/crash", dump=True, file="vmcore", log=PANIC, **fields):
        folder = self.path / where / name
        folder.mkdir(parents=True)
        manifest = {"schema": 1, "state": "complete", "kernel": gen.RELEASE, "targets": []}
        if dump:
            data = gen.kdump(gen.Machine())
            (folder / file).write_bytes(data)
            manifest["sha256"] = hashlib.sha256(data).hexdigest()
        (folder / "dmesg.txt").write_text(f"[    1.000000] {log}\n")
        (folder / "manifest.json").write_text(json.dumps(manifest | fields))
        return folder

    def left(self, content):
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
        return self.put(VARIABLE, b"\7\0\0\0" + content)

    def environment(self):
        return os.environ | {"PATH": f"{self.programs}:{os.environ['PATH']}",
                             "JOURNAL": str(self.journal)}

    def report(self, *options, code=0):
        return cli.ctl("report", "--root", self.path, *options, code=code, env=self.environment())

    def boot(self, code=0):
        return json.loads(self.report("--boot", "--json", code=code).out)["crashes"]

    def entries(self):
        """What the journal was told since the last call."""
        if not self.journal.exists():
            return []
        text = self.journal.read_text("ascii")
        self.journal.unlink()
        return [dict(line.split("=", 1) for line in entry.splitlines())
                for entry in text.split("\n\n") if entry]

    def last(self):
        return dict(line.split("=", 1) for line in self.state.read_text().splitlines())
