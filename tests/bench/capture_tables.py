#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Which dumps arrive, and what a capture comes to when something goes wrong: writes docs/FAULTS.md.

Runs the guests of both tables (pytest, about 45 minutes) and puts what they have written into the document.

    tests/bench/capture_tables.py [target-table] [fault-table]      default: both
"""
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from tables import ROOT, replace_table  # noqa: E402

BUILD = pathlib.Path(os.environ.get("BUILD") or ROOT / "build")
TESTS = {"target-table": ["test_targets.py"],
         "fault-table": ["test_faults.py", "test_ends.py", "test_capture_net.py"]}


def main():
    failed = []
    for name in sys.argv[1:] or TESTS:
        files = [ROOT / "tests/vm" / test for test in TESTS[name]]
        done = subprocess.run([sys.executable, "-m", "pytest", "-q", "--long", *files],
                              cwd=ROOT, check=False)
        failed += [name] if done.returncode else []
        replace_table("docs/FAULTS.md", name, (BUILD / f"{name}.md").read_text().splitlines())
    for name in failed:
        print(f"{name}: tests have failed, see above")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
