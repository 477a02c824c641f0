# SPDX-License-Identifier: GPL-2.0-or-later
"""What python3-pefile makes of each file named: a list in JSON."""

import json
import sys
from pathlib import Path

import pefile


def verdict(file: str) -> dict:
    try:
        pefile.PE(data=Path(file).read_bytes()).close()
        return {"file": file, "outcome": "accept", "detail": ""}
    except pefile.PEFormatError as e:
        return {"file": file, "outcome": "refuse", "detail": str(e)}
    except Exception as e:  # pylint: disable=broad-except
        return {"file": file, "outcome": "crash", "detail": f"{type(e).__name__}: {e}"}


json.dump([verdict(file) for file in sys.argv[1:]], sys.stdout)
