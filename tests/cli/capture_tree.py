# SPDX-License-Identifier: GPL-2.0-or-later
"""A capture environment in a directory, for `ukdump-capture --root`: a core, tools, settings.

makedumpfile makes a flattened dump, or none at all when one is asked for that is not.
"""

import os

import cli
import dump


class CaptureTree:
    def __init__(self, root):
        self.root = root
        for folder in ("proc", "etc/ukdump", "run", "bin", "dev", "sys"):
            (root / folder).mkdir(parents=True)
        self.core = dump.elf(dump.Machine())
        (root / "proc/vmcore").write_bytes(self.core)
        (root / "proc/meminfo").write_text("MemTotal: 100000 kB\nMemAvailable: 40000 kB\n")
        (root / "etc/ukdump/build.conf").write_text("machine_id=0123abc\n")
        self.tool("vmcore-dmesg", "echo '[    1.0] a log'")
        self.dump = dump.flattened(dump.kdump(dump.Machine()))
        (root / "dump").write_bytes(self.dump)
        self.tool("makedumpfile", 'case "$*" in\n'
                  "-v) echo 'makedumpfile: version 1.7.6 (released on 23 Oct 2024)' ;;\n"
                  f"*-F*) cat {root}/dump ;;\n*) exit 1 ;;\nesac")

    def tool(self, name, body):
        path = self.root / "bin" / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)

    def file(self, name, text):
        """Below /etc/ukdump."""
        (self.root / "etc/ukdump" / name).write_text(text)

    def run(self, settings, code):
        self.file("capture.conf", settings)
        path = f"{self.root}/bin:{cli.BUILD}:/usr/bin:/bin"
        result = cli.run(cli.CAPTURE, "--root", self.root, limit=90,
                         env=dict(os.environ, PATH=path))
        assert result.code == code, result
        return result.out + result.err
