#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every malformation of docs/UKI.md that makes a file of its own, by number, with the check it fires.

Each file differs from a good one in exactly what its name says; the generator reads its own result
again (Layout, with nothing of pe.py) and asserts so. Wherever it can be, the file is then properly
signed over its malformed self: nothing but the named check stands between it and acceptance.

    files = Maker(signer, foreign, sealed)     # keys of pki.py, an unsigned sealed image
    for case in CASES:
        data = case.make(files)                # verify must refuse it by case.check

    malformed.py DIR    writes those that need no sealed image into DIR, with keys of their own
"""

import sys
from pathlib import Path

import pki
import malformed_pe  # noqa: F401  (these add their cases)
import malformed_cert  # noqa: F401
import malformed_kernel  # noqa: F401
from malforming import CASES, Maker

# Numbers without a case here, and where their tests are.
ELSEWHERE = {
    15: "tests/cli/test_bad_input.py: test_oversized, test_size_that_changes",
    51: "tests/unit/test_revoked.c; certificates of another use: tests/unit/test_auth.c test_eku",
    54: "tests/unit/test_keyring.c, tests/unit/test_algorithm.c",
}


def main(argv):
    if len(argv) != 2 or argv[1].startswith("-"):
        sys.exit(__doc__)
    out = Path(argv[1])
    keys = [pki.make(out, name, name) for name in ("signer", "foreign")]
    files = Maker(*keys)
    for case in CASES:
        if case.base != "sealed":
            name = f"{case.number:02}-{case.base}-{case.name.replace(' ', '-').replace('/', '_')}"
            (out / f"{name}.efi").write_bytes(case.make(files))


if __name__ == "__main__":
    main(sys.argv)
