# SPDX-License-Identifier: GPL-2.0-or-later
"""What the CLI tests share: running a program, and what no program may ever print."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
BUILD = (REPO / (os.environ.get("BUILD") or "build")).resolve()
CTL, LOAD, CAPTURE = BUILD / "ukdumpctl", BUILD / "ukdump-load", BUILD / "ukdump-capture"
GEN = REPO / "tests" / "gen"
if str(GEN) not in sys.path:
    sys.path.insert(0, str(GEN))

_NEVER = re.compile(r"Sanitizer|runtime error|Traceback|Segmentation|Aborted|core dumped")


def generator(name):
    """tests/gen/NAME.py by its path: a name such as "dump" is too common for sys.path."""
    spec = importlib.util.spec_from_file_location(f"gen_{name}", GEN / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Result:
    def __init__(self, argv, done):
        self.argv = [str(a) for a in argv]
        self.code = done.returncode
        self.out = done.stdout.decode("utf-8")
        self.err = done.stderr.decode("utf-8")

    def __repr__(self):
        return f"{' '.join(self.argv)}: exit {self.code}\n{self.out}{self.err}"


def run(*argv, code=None, limit=60, **options):
    """Runs a program; an exit code other than `code` (None: any) fails the test."""
    done = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, timeout=limit,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, **options)
    result = Result(argv, done)
    assert not _NEVER.search(result.out + result.err), result
    assert done.returncode >= 0, result
    assert code is None or result.code == code, result
    return result


def ctl(*args, **options):
    return run(CTL, *args, **options)


def load(*args, **options):
    return run(LOAD, *args, **options)
