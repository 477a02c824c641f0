#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Small crash dumps of an x86-64 kernel, good ones and hostile ones, for who needs any of them.

    python3 tests/gen/dump.py DIR FLAT  writes good.kdump, good.elf and every hostile one into DIR;
                                        the flattened ones into FLAT
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
# This file is loaded by its path, too.
import kallsyms  # noqa: E402
from crashed import CRASH_TIME, MARKER, RELEASE, SECRET, Machine  # noqa: E402
from dump_formats import elf, flattened, kdump  # noqa: E402
from malformed_dump import (  # noqa: E402
    ANY, GARBAGE, HOSTILE, INCOMPLETE, elf_segments_in_others, elf_sparse, garbled_page,
    kdump_sparse)

__all__ = ["ANY", "CRASH_TIME", "GARBAGE", "HOSTILE", "INCOMPLETE", "MARKER", "RELEASE", "SECRET",
           "Machine", "elf", "elf_segments_in_others", "elf_sparse", "flattened", "garbled_page",
           "kallsyms", "kdump", "kdump_sparse"]


def main():
    out, flat = sys.argv[1:]
    os.makedirs(out, exist_ok=True)
    os.makedirs(flat, exist_ok=True)
    files = {"good.kdump": kdump(Machine()), "good.elf": elf(Machine())}
    files |= {f"hostile-{name}": make() for name, (make, _) in HOSTILE.items()}
    files |= {"flat-good": flattened(files["good.kdump"])}
    for name, data in files.items():
        with open(os.path.join(flat if "flat-" in name else out, name), "wb") as f:
            f.write(data)


if __name__ == "__main__":
    main()
