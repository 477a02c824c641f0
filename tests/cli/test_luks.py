# SPDX-License-Identifier: GPL-2.0-or-later
"""ukdumpctl luks: usage, and what is said where no target is on an encrypted device. Slots and keys
are tested in tests/unit/test_luks.c, enrolling and a capture in tests/vm/test_capture_storage.py."""

import pytest

from cli import ctl


@pytest.mark.parametrize("words", [(), ("enroll", "twice"), ("open",), ("status", "--nothing")])
def test_misuse(words):
    result = ctl("luks", *words, code=2)
    assert result.out == "" and "--help" in result.err


@pytest.mark.parametrize("action", ["enroll", "remove", "status"])
def test_no_encrypted_target(action, tmp_path):
    """A network target is never on one; nothing is asked for and nothing is run."""
    conf = tmp_path / "ukdump.conf"
    conf.write_text("[Dump]\nTarget=nfs://server/export/x\n")
    result = ctl("luks", action, "--config", conf, code=1)
    assert result.err == "ukdumpctl: no Target= is on a LUKS device of this machine\n"
    assert result.out == ""
