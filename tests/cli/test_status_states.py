# SPDX-License-Identifier: GPL-2.0-or-later
"""`status --json` in each state that a machine may be in, held against docs/schema/status.json; and what
`check` says then."""

import copy
import json
import os
import re
import tempfile
from pathlib import Path

import jsonschema
import pytest

import cli
import refresh_machine
import status_schema
from cli import REPO
from refresh_machine import CONF

EFIVARS = "/sys/firmware/efi/efivars"
RESULT = "UkdumpResult-e9d25dcc-4518-42a5-b202-398be852ebb0"
FAILED_CRASH = """reported=2026-11-22T08:00:00Z
crash=20261121T183822Z-0123
state=failed
kernel=6.12.0
panic=sysrq triggered crash
reason=no target took the dump
"""


@pytest.fixture
def m(tmp_path, signers):
    return refresh_machine.make(tmp_path, signers)


def status(m, code):
    got = m.status(code)
    return got, status_schema.check(got, code)


def failed(findings, verdict="failed"):
    return {name for name, f in findings.items() if f["verdict"] == verdict}


def check(m, code):
    """`check` says what status says."""
    got = json.loads(m.ctl("check", "--json", code=code).out)
    assert set(got) == {"schema", "ok", "findings"} and got["ok"] is (code == 0)
    assert {f["name"]: f["verdict"] for f in got["findings"]} == {
        name: f["verdict"] for name, f in status(m, m.ctl("status").code)[1].items()}


def full_disk(m):
    """A target on the disk that the test's directory is on; its device is made up from the mount table."""
    major, minor = os.major(m.dir.stat().st_dev), os.minor(m.dir.stat().st_dev)
    if not major:
        pytest.skip("not on a disk")
    dev = m.dir / "dev"
    dev.mkdir()
    m.mounts = [f"mount -t tmpfs tmpfs {dev}", f"mkdir -p {dev}/disk/by-uuid",
                f"mknod {dev}/null c 1 3", f"mknod {dev}/disk/by-uuid/0815 b {major} {minor}",
                f"mount --bind {dev} /dev"]


def test_not_armed(m):
    got, findings = status(m, 3)
    assert not got["armed"] and {"armed", "image.file"} <= failed(findings)
    assert findings["armed"]["mend"] == "ukdumpctl refresh"
    check(m, 1)


def test_names_are_in_the_man_page(m):
    page = (REPO / "man/ukdumpctl-status.8.scd").read_text()
    listed = set(re.findall(r"\*([a-z]+(?:\.[a-z0-9-]+)?)\*", page[page.index("# PRECOND"):page.index("# METRICS")]))
    for text in ("", "loaded=1\nproblem=x\nimage=0123456789ab\npath=/x\n"):
        m.put("run/armed", text or "loaded=0\n")
        names = {f["name"] for f in json.loads(m.ctl("check", "--json").out)["findings"]}
        assert names <= listed


def test_armed(m):
    m.refresh()
    got, findings = status(m, 0)
    assert got["armed"] and not failed(findings)
    if findings["image.keyring"]["verdict"] == "warning":  # no kernel has the tests' key
        assert findings["image.keyring"]["mend"].startswith(
            "openssl x509 -in /etc/ukdump/trust.d/local.crt -outform der")
    assert findings["image.signature"]["verdict"] == findings["image.fresh"]["verdict"] == "ok"
    assert findings["memory.reserved"] == {
        "name": "memory.reserved", "verdict": "ok", "seen": "256.0 MiB reserved",
        "needed": "128.0 MiB for the armed image", "mend": None}
    check(m, 0)


def test_stale(m):
    m.refresh()
    m.put("usr/lib/libfake.so.1", "libfake 2\n")
    got, findings = status(m, 4)
    assert got["stale"] == ["/usr/lib/libfake.so.1"]
    assert failed(findings) == set() and findings["image.fresh"]["verdict"] == "warning"
    assert findings["image.fresh"]["mend"] == "ukdumpctl refresh"
    check(m, 0)


@pytest.mark.parametrize("line, devices, needed", [
    ("CommandLine=quiet", [], "nr_cpus= reset_devices rootfstype=ramfs"),
    ("CommandLine=x_nr_cpus=1 reset_devicesx rootfstype=ramfs\nCommandLineAppend=maxcpus=1",
     ["PNP0C80:00"], "reset_devices acpi_no_memhotplug"),
    ("CommandLine=nr_cpus=1 reset_devices rootfstype=ramfs", ["PNP0C09:00"], None),
    ("CommandLineAppend=quiet", ["PNP0C80:00"], None)])
def test_command_line_of_the_site(m, line, devices, needed):
    """What it lacks; memory as a device of ACPI is what most machines do not have."""
    m.put("etc/ukdump/ukdump.conf", CONF + f"[Image]\n{line}\n")
    m.mounts = ["mount -t tmpfs tmpfs /sys/bus", "mkdir -p /sys/bus/acpi/devices",
                *(f"mkdir /sys/bus/acpi/devices/{name}" for name in devices)]
    found = status(m, 3)[1]["image.command-line"]
    assert (found["verdict"], found["needed"]) == ("warning" if needed else "ok", needed)
    assert all(f"without {word} " in found["seen"] for word in (needed or "").split())


def test_target_full(m):
    m.refresh()
    full_disk(m)
    if "mknod" in m.ctl("status").err:
        pytest.skip("no device nodes here")
    m.put("etc/ukdump/ukdump.conf", "[Dump]\nTarget=file:/var/crash\n"
          "[Store]\nKeepFree=1000T\n")
    got, findings = status(m, 4)  # stale, too
    assert [t["ok"] for t in got["targets"]] == [False]
    assert re.search("free, KeepFree= wants 1000.0 TiB to stay free", findings["target.1"]["seen"])
    assert failed(findings) == {"target.1"}
    check(m, 1)


def test_wrong_key(m, signers):
    """Armed, and the next boot would not arm it."""
    m.refresh()
    m.put("etc/ukdump/trust.d/local.crt", (signers / "foreign.crt").read_bytes())
    got, findings = status(m, 4)
    assert "image.signature" in failed(findings)
    assert "would be refused by 'start'" in got["problems"][0]
    check(m, 1)
    m.reboot()
    got, findings = status(m, 3)
    assert {"armed", "image.signature"} <= failed(findings)
    m.put("etc/ukdump/trust.d/local.crt", (signers / "signer.crt").read_bytes())
    assert "image.signature" not in failed(status(m, 3)[1])


def test_image_that_was_changed(m):
    m.refresh()
    image = next(m.images.glob("*.efi"))
    data = bytearray(image.read_bytes())
    data[len(data) // 2] ^= 1
    image.write_bytes(data)
    assert "image.signature" in failed(status(m, 4)[1])
    image.unlink()
    assert failed(status(m, 4)[1]) == {"image.file"}


def test_reservation_too_small(m):
    m.refresh()
    m.put("etc/crash-memory", "67108864\n")
    got, findings = status(m, 4)
    assert failed(findings) == {"memory.reserved"}
    assert findings["memory.reserved"]["seen"] == "64.0 MiB reserved"
    assert findings["memory.reserved"]["mend"] == "ukdumpctl reserve, then reboot"
    m.put("etc/crash-memory", "0\n")
    got, findings = status(m, 4)
    assert failed(findings) == {"memory.reserved"} and got["reserved_bytes"] == 0
    check(m, 1)


def test_last_capture_failed_everywhere(m):
    m.refresh()
    m.put("var/lib/ukdump/report", FAILED_CRASH)
    m.put("result", b"\x07\0\0\0" + b'{"state": "failed"}')
    m.mounts = ["mount -t tmpfs tmpfs /sys/firmware", f"mkdir -p {EFIVARS}",
                f"cp {m.dir}/result {EFIVARS}/{RESULT}"]
    got, findings = status(m, 4)
    assert got["unread_result"] and got["last_crash"]["state"] == "failed"
    assert failed(findings) == {"crash.last", "crash.result"}
    assert len(got["problems"]) == 2
    check(m, 1)


@pytest.mark.parametrize("same", [True, False])
def test_last_test_failed(m, same):
    """With another image it is no problem of the one that is armed."""
    m.refresh()
    image = m.status()["image"] if same else "0" * 64
    line = {"type": "test", "id": "0" * 16, "time": "2026-11-21T18:38:22Z", "image": image,
            "result": "failed", "reason": "no dump has the mark", "dump": None}
    m.put("var/lib/ukdump/history", json.dumps({**line, "result": "ok", "reason": None}) + "\n"
          + json.dumps(line) + "\n" + json.dumps({"type": "rehearsal"}) + "\n")
    got, findings = status(m, 4 if same else 0)
    assert got["test"] == {"time": line["time"], "image": image, "result": "failed",
                           "reason": "no dump has the mark"}
    assert failed(findings) == ({"proof.test"} if same else set())
    assert findings["proof.test"]["seen"].startswith("2026-11-21T18:38:22Z: no dump has the mark")
    check(m, 1 if same else 0)


def test_last_rehearsal_failed(m):
    m.refresh()
    m.put("var/lib/ukdump/rehearsal", f"time=2026-11-21T18:38:22Z\nimage={m.status()['image']}\n"
          "result=failed\nreason=the capture environment ended: no file system driver\n")
    got, findings = status(m, 4)
    assert got["rehearsal"]["result"] == "failed" and failed(findings) == {"proof.rehearsal"}


def test_proved(m):
    """Both went well: told with their times."""
    m.refresh()
    image = status(m, 0)[0]["image"]
    m.put("var/lib/ukdump/history", json.dumps({"type": "test", "time": "T", "result": "ok",
                                                "image": image, "capture_seconds": 15}) + "\n")
    m.put("var/lib/ukdump/rehearsal",
          f"time=T\nimage={image}\nresult=ok\nseconds=11.6\npeak=43000000\n")
    _, findings = status(m, 0)
    assert {"proof.test", "proof.rehearsal"} <= failed(findings, "ok")
    text = m.ctl("status").out
    assert "proof     T rehearsed: restarted after 11.6 s, 41.0 MiB of memory at the most\n" in text
    assert "proof     T crash test: a dump within 15 s\n" in text


def test_a_rehearsal_with_more_memory_proves_nothing(m):
    m.refresh()
    got = m.status(0)
    for megabytes, verdict in ((0, "ok"), (1, "unknown")):
        m.put("var/lib/ukdump/rehearsal",
              f"time=T\nimage={got['image']}\nresult=ok\nseconds=11.6\npeak=43000000\n"
              f"reserved={got['reserved_bytes'] + (megabytes << 20)}\n")
        findings = status(m, 0)[1]
        assert "proof.rehearsal" in failed(findings, verdict)
    assert "of crash memory" in findings["proof.rehearsal"]["seen"]


def test_refresh_that_failed(m):
    m.refresh()
    m.put("usr/lib/libfake.so.1", "libfake 2\n")
    m.put("etc/dracut-fails", "")
    m.refresh(code=1)
    assert "refresh.last" in failed(status(m, 4)[1])


def test_key_that_is_gone(m):
    m.refresh()
    m.put("etc/ukdump/ukdump.conf", CONF + "[Image]\nKey=/etc/no.key\nCertificate=/etc/no.crt\n")
    got, findings = status(m, 4)
    assert failed(findings) == {"key"} and "/etc/no." in findings["key"]["seen"]


@pytest.fixture
def open_m(signers):
    """In a place that others may enter."""
    with tempfile.TemporaryDirectory() as d:
        Path(d).chmod(0o755)
        m = refresh_machine.make(Path(d), signers)
        yield m


def test_of_another_user(open_m):
    """What is for root alone is unknown, not gone, and no problem."""
    m = open_m
    m.refresh()
    for path in ("etc", "run", "var", "var/lib", "bin"):
        (m.dir / path).chmod(0o755)
    (m.dir / "run/armed").chmod(0o644)
    got = {}
    for words in (["status", "--json"], ["check"], ["status"]):
        argv = m.argv("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                      m.dir / "bin/ukdumpctl", *words)
        got[words[-1]] = cli.run(*argv, code=0, **m.options()).out
    status = json.loads(got["--json"])
    findings = status_schema.check(status, 0)
    assert status["problems"] == [] and not failed(findings)
    for_root = {name for name, f in findings.items() if f["mend"] == "run it as root"}
    assert for_root == failed(findings, "unknown") - {"kernel.config"} - {
        name for name in findings if name.startswith("unit.")}
    assert {"image.file", "image.fresh", "image.signature", "key", "refresh.last"} <= for_root
    assert f"note      {len(for_root)} things cannot be told to this user; run it as root\n" in got["status"]


@pytest.mark.parametrize("content", [b"", bytes(range(256)) * 4, b"\xff\x1b[2J\n=\n" * 50, b"{" * 99999,
                                     b"time=\x1b\nresult=odd\nreason=%s%n\xff\nstate=x\nverified=\x1b\n",
                                     None], ids=["empty", "bytes", "control", "nested", "lines", "dir"])
def test_garbage(m, content):
    """In each file that is read: valid JSON, text without control bytes, and no crash."""
    m.refresh()
    image = next(m.images.glob("*.efi"))
    for path in ["etc/ukdump/ukdump.conf", "var/lib/ukdump/report", "run/ukdump/refresh",
                 "var/lib/ukdump/rehearsal", "var/lib/ukdump/history",
                 image.with_suffix(".inputs").relative_to(m.dir), "etc/ukdump/trust.d/local.crt",
                 "etc/ukdump/keys/local.key", "etc/ukdump/keys/local.crt", image.relative_to(m.dir)]:
        path = m.dir / path
        old = path.read_bytes() if path.exists() else b""
        path.unlink(missing_ok=True)
        path.mkdir() if content is None else path.write_bytes(content)
        done = m.ctl("status", "--json")
        status_schema.check(json.loads(done.out), done.code)
        if path.suffix != ".efi":
            assert not re.search("[\0-\x09\x0b-\x1f]", m.ctl("check").out), path
        if content is None:
            path.rmdir()
        path.write_bytes(old)
        path.chmod(0o600)
    status(m, 0)


def test_schema_can_fail(m):
    """Each field that is there is required and of one type, and no other is allowed."""
    good = m.status(3)
    status_schema.check(good)
    for key in good:
        bad = copy.deepcopy(good)
        del bad[key]
        with pytest.raises(jsonschema.ValidationError):
            status_schema.check(bad)
        bad[key] = {"a": 1.5}
        with pytest.raises(jsonschema.ValidationError):
            status_schema.check(bad)
    for place in ([], ["findings", 0], ["targets", 0], ["sysctl"]):
        bad = copy.deepcopy(good)
        o = bad
        for step in place:
            o = o[step]
        o["Further"] = 1
        with pytest.raises(jsonschema.ValidationError):
            status_schema.check(bad)
