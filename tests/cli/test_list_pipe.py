# SPDX-License-Identifier: GPL-2.0-or-later
"""What `ukdumpctl list` takes from ukdump-upload: a stand-in that says anything else."""

import shutil

import pytest

import cli

NAME = "20261101T183800Z-m"
KEY = f"p/{NAME}/manifest.json"


@pytest.fixture
def listed(tmp_path):
    """A function that lists where ls prints one crash, and get-many runs what is given."""
    shutil.copy(cli.CTL, tmp_path / "ukdumpctl")
    (tmp_path / "root").mkdir()

    def call(get_many, ls=f"printf '10\\t{KEY}\\n'", code=1):
        upload = tmp_path / "ukdump-upload"
        upload.write_text(f"#!/bin/sh\ncase $* in *get-many*) {get_many} ;; *) {ls} ;; esac\n")
        upload.chmod(0o755)
        return cli.run(tmp_path / "ukdumpctl", "list", "--records", "--root", tmp_path / "root",
                       "s3://bucket/p", code=code)
    return call


def test_good(listed):
    assert '"kernel":"k"' in listed(f"printf '14\\t{KEY}\\n{{\"kernel\":\"k\"}}'", code=0).out


@pytest.mark.parametrize("get_many, why", [
    (":", "not all manifests came"),
    ("exit 1", "without a word"),
    ("echo 'ukdump-upload: warning: a' >&2; echo 'ukdump-upload: error: b' >&2; exit 1", "ukdumpctl: b\n"),
    ("kill -9 $$", "signal 9"),
    (f"printf '14\\t{KEY}\\n{{'", "cut off"),
    ("printf '2\\tp/20261101T183800Z-x/manifest.json\\n{}'", "another manifest came"),
    ("echo 2", "another manifest came"),
    (f"printf '262145\\t{KEY}\\n'; cat /dev/zero", "a manifest of 262145 bytes"),
    (f"printf '99999999999999999999\\t{KEY}\\n'", "a manifest of 99999999999999999999 bytes"),
    (f"printf 'x\\t{KEY}\\n'", "a manifest of x bytes"),
    ("tr '\\0' x </dev/zero", "a line of more than 1200 bytes"),
], ids=lambda v: None if " " in v else v)
def test_another_answer_is_an_error(listed, get_many, why):
    done = listed(get_many)
    assert done.out == "" and why in done.err


def test_list_that_breaks_off(listed):
    done = listed(":", ls=f"printf '10\\t{KEY}\\n'; exit 1")
    assert done.out == "" and "without a word" in done.err


def test_end_that_is_a_failure(listed):
    """After the last record, too."""
    done = listed(f"printf '2\\t{KEY}\\n{{}}'; echo 'ukdump-upload: error: late' >&2; exit 1")
    assert NAME in done.out and done.err == "ukdumpctl: late\n"


@pytest.mark.parametrize("line", ["", "10", f"x\\t{KEY}", "10\\tp/", "10\\tp", "10\\tp//manifest.json",
                                  f"10\\tq/{NAME}/manifest.json", f"10\\tp/{NAME}", f"10\\tp/{NAME}/a/b",
                                  f"10\\tp/{NAME}{'x' * 128}/manifest.json"])
def test_lines_that_are_no_crash(listed, line):
    assert listed(":", ls=f"printf '{line}\\n'", code=0).out == ""
