# SPDX-License-Identifier: GPL-2.0-or-later
"""ukdump-capture --store-result: what the unit runs once the program was killed."""

import pytest

import cli

VARIABLE = "sys/firmware/efi/efivars/UkdumpResult-e9d25dcc-4518-42a5-b202-398be852ebb0"
RESULT = '{"schema":1,"reason":"the capture did not come to its end"}'


@pytest.fixture
def root(tmp_path):
    (tmp_path / "run/ukdump").mkdir(parents=True)
    return tmp_path


def store(root, code):
    return cli.run(cli.CAPTURE, "--root", root, "--store-result", code=code)


def test_what_was_left_is_stored(root):
    (root / VARIABLE).parent.mkdir(parents=True)
    (root / "run/ukdump/result").write_text(RESULT)
    store(root, 0)
    assert (root / VARIABLE).read_bytes()[4:] == RESULT.encode()


def test_nothing_was_left(root):
    (root / VARIABLE).parent.mkdir(parents=True)
    store(root, 0)
    assert not (root / VARIABLE).exists()


def test_no_efi(root):
    (root / "run/ukdump/result").write_text(RESULT)
    assert "no EFI variables" in store(root, 1).err
