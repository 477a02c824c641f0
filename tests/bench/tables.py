# SPDX-License-Identifier: GPL-2.0-or-later
"""Tables in documents, between the markers <!-- NAME: begin --> and <!-- NAME: end -->."""
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]


def _split(document, name):
    text = (ROOT / document).read_text()
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
    before, _, rest = text.partition(begin)
    old, _, after = rest.partition(end)
    return before + begin, old.splitlines(), end + after


def table_rows(document, name):
    """The rows that are there, by their first cell."""
    _, lines, _ = _split(document, name)
    return {line.split("|")[1].strip(): line for line in lines[2:]}


def replace_table(document, name, lines):
    before, _, after = _split(document, name)
    (ROOT / document).write_text(before + "\n".join(lines) + "\n" + after)
    print("\n".join(lines))
