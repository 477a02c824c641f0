# SPDX-License-Identifier: GPL-2.0-or-later
"""ukdumpctl report: the result that a capture without a target has left, and what only looks so."""

import json

import pytest

import cli

NAME = "sys/firmware/efi/efivars/UkdumpResult-e9d25dcc-4518-42a5-b202-398be852ebb0"
RESULT = {
    "schema": 1, "state": "failed", "machine": "0123abc", "kernel": "6.12.107",
    "crash_time": "2026-11-21T18:38:22Z", "last_stage": {"name": "target", "result": "failed"},
    "targets": [{"uri": "file:/var/crash", "result": "failed", "reason": "target: no device"}],
}


@pytest.fixture
def left(tmp_path):
    def put(content):
        path = tmp_path / NAME
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\7\0\0\0" + content)
        return path
    return put


def report(root, *options, **keywords):
    return cli.ctl("report", "--root", root, *options, **keywords)


def test_nothing_left(tmp_path):
    assert "no capture has left a result" in report(tmp_path, code=0).out
    assert json.loads(report(tmp_path, "--json", code=0).out) == {"schema": 1, "result": None}


def test_printed_and_removed(tmp_path, left):
    variable = left(json.dumps(RESULT).encode())
    text = report(tmp_path, "--keep", code=0).out
    assert variable.exists()
    assert "target    file:/var/crash: failed, target: no device\n" in text
    assert "stage     target: failed\n" in text
    assert "crash     2026-11-21T18:38:22Z\n" in text
    assert json.loads(report(tmp_path, "--json", code=0).out)["result"] == RESULT
    assert not variable.exists()


@pytest.mark.parametrize("content", [
    b"", b"x", b"[]", b"{", b'{"a":1} trailing', b"{" * 2000, b'"text"', b"null",
    b'{"reason":"' + b"x" * 2100 + b'"}', b'{"reason":"\xff\xfe"}', b'{"a":[[[[[[]]]]]]}',
], ids=lambda c: repr(c[:12]))
def test_what_is_no_result(tmp_path, left, content):
    variable = left(content)
    failed = report(tmp_path, code=1)
    assert "[report.json]" in failed.err and not failed.out
    assert not variable.exists()


def test_no_attributes(tmp_path, left):
    variable = left(b"")
    variable.write_bytes(b"\7")
    report(tmp_path, code=1)
    assert not variable.exists()


@pytest.mark.parametrize("content", [
    {"targets": "x", "last_stage": [1]}, {"targets": [1, None, [], {"uri": 5}]},
    {"kernel": {"a": 1}}, {},
], ids=str)
def test_other_types_are_harmless(tmp_path, left, content):
    left(json.dumps(content).encode())
    report(tmp_path, code=0)


def test_drives_no_terminal(tmp_path, left):
    left(json.dumps({"reason": "\x1b[2J\u009b31m\u202e"}).encode())
    assert "\x1b" not in report(tmp_path, code=0).out
