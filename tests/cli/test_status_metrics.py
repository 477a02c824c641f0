# SPDX-License-Identifier: GPL-2.0-or-later
"""`status --metrics`: the format, names and values; that its file is always whole."""

import calendar
import json
import os
import re
import time

import pytest

import exposition
import refresh_machine
from cli import REPO
from exposition import value


REHEARSAL = "time=2026-11-20T00:00:00Z\nimage=00\nresult=ok\nseconds=7\npeak=1\n"
TEST = json.dumps({"type": "test", "time": "2026-11-21T00:00:00Z", "result": "failed", "reason": "x"}) + "\n"


@pytest.fixture
def m(tmp_path, signers):
    return refresh_machine.make(tmp_path, signers)


def metrics(m):
    return exposition.parse(m.ctl("status", "--metrics", code=0).out)


def test_not_armed(m):
    got = metrics(m)
    assert value(got, "ukdump_state_known") == 1 and value(got, "ukdump_armed") == 0
    assert value(got, "ukdump_reserved_bytes") == 268435456
    assert value(got, "ukdump_finding", name="armed", verdict="failed") == 1
    assert value(got, "ukdump_finding", name="armed", verdict="ok") == 0
    assert not [name for name, _ in got if name.startswith("ukdump_image")]
    assert value(got, "ukdump_last_refresh_ok") is value(got, "ukdump_last_crash_dump_ok") is None


def test_armed_stale_crashed(m):
    m.refresh()
    got = metrics(m)
    assert value(got, "ukdump_armed") == 1 and value(got, "ukdump_image_stale") == 0
    assert value(got, "ukdump_last_refresh_ok") == 1 and value(got, "ukdump_problems") == 0
    assert abs(value(got, "ukdump_last_refresh_time_seconds") - time.time()) < 600
    m.put("usr/lib/libfake.so.1", "libfake 2\n")
    m.put("etc/dracut-fails", "")
    m.refresh(code=1)
    m.put("var/lib/ukdump/report", "crash=20261121T183822Z-0123\nstate=partial\n")
    got = metrics(m)
    assert value(got, "ukdump_image_stale") == 1 and value(got, "ukdump_last_refresh_ok") == 0
    assert value(got, "ukdump_last_crash_dump_ok") == 0
    assert value(got, "ukdump_last_crash_time_seconds") == calendar.timegm((2026, 11, 21, 18, 38, 22))
    assert value(got, "ukdump_problems") == len(m.status(4)["problems"]) == 3


def test_proofs(m):
    m.put("var/lib/ukdump/rehearsal", REHEARSAL)
    m.put("var/lib/ukdump/history", TEST)
    got = metrics(m)
    assert value(got, "ukdump_last_rehearsal_ok") == 1 and value(got, "ukdump_last_test_ok") == 0
    assert value(got, "ukdump_last_rehearsal_time_seconds") == calendar.timegm((2026, 11, 20, 0, 0, 0))
    assert value(got, "ukdump_last_test_time_seconds") == calendar.timegm((2026, 11, 21, 0, 0, 0))


def test_findings_are_those_of_check(m):
    got = metrics(m)
    findings = json.loads(m.ctl("check", "--json").out)["findings"]
    assert {dict(labels)["name"]: dict(labels)["verdict"] for (name, labels), v in got.items()
            if name == "ukdump_finding" and v} == {f["name"]: f["verdict"] for f in findings}
    assert sum(name == "ukdump_finding" for name, _ in got) == 4 * len(findings)


def test_names_are_in_the_man_page(m):
    page = (REPO / "man/ukdumpctl-status.8.scd").read_text()
    listed = set(re.findall(r"^(ukdump_\w+)", page, re.M))
    m.refresh()
    m.put("var/lib/ukdump/report", "crash=20261121T183822Z-0123\nstate=partial\n")
    m.put("var/lib/ukdump/rehearsal", REHEARSAL)
    m.put("var/lib/ukdump/history", TEST)
    m.put("run/armed", (m.dir / "run/armed").read_text() + "time=2026-11-21T18:38:22Z\n")
    assert {name for name, _ in metrics(m)} == listed


def test_labels_of_any_bytes(m):
    """Two equal targets, quotes, backslashes, and what is no UTF-8; the armed image's signer, too."""
    m.put("etc/ukdump/ukdump.conf",
          b'[Dump]\nTarget=exec:/a"b\\c exec:/a"b\\c exec:/\xff\xc3\xa4{}\n')
    m.put("run/armed", 'loaded=1\nimage=0123456789ab\npath=/x\nsigner=CN="a\\n\nkernel=1,2\n')
    got = metrics(m)
    assert value(got, "ukdump_target_ok", index="1", target='exec:/a"b\\c') == 0
    assert value(got, "ukdump_target_ok", index="2", target='exec:/a"b\\c') == 0
    assert value(got, "ukdump_target_ok", index="3", target="exec:/?\u00e4{}") == 0
    assert value(got, "ukdump_image_info", image="0123456789ab", path="/x", signer='CN="a\\n',
                 kernel="1,2", kind="") == 1


def test_file(m):
    """Replaced as a whole, readable by the collector, and left alone if that fails."""
    path = m.dir / "var/ukdump.prom"
    path.write_text("old")
    old = os.stat(path).st_ino
    done = m.ctl("status", "--metrics", "/var/ukdump.prom", code=0)
    assert done.out == "" and exposition.parse(path.read_text())
    assert path.stat().st_ino != old and path.stat().st_mode & 0o777 == 0o644
    assert [p.name for p in path.parent.glob("ukdump.prom*")] == [path.name]
    done = m.ctl("status", "--metrics", "/var/none/ukdump.prom", code=1)
    assert "/var/none/ukdump.prom" in done.err


def test_state_that_cannot_be_told(m):
    """The file is written all the same: a metric that is missing would look like a machine that is gone."""
    m.put("bin/ukdump-load", "#!/bin/sh\necho 'ukdump-load: error: no kexec here' >&2\nexit 1\n", 0o755)
    got = metrics(m)
    assert value(got, "ukdump_state_known") == 0 and value(got, "ukdump_armed") is None
    assert value(got, "ukdump_finding", name="kernel.kexec", verdict="failed") == 1
    assert m.ctl("status", code=1).out == ""
    assert "no kexec here" in m.ctl("check", code=1).out
