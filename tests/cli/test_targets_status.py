# SPDX-License-Identifier: GPL-2.0-or-later
"""What `ukdumpctl status` and `start` say about targets. ukdump-load is a stand-in that says that all is
well; /etc, /run and /var/lib are the test's own, in a mount namespace."""

import json
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
CTL = REPO / os.environ.get("BUILD", "build") / "ukdumpctl"

LOADER = """#!/bin/sh
echo loaded=1 enforced=1 | tr ' ' '\\n'
echo crash_memory=268435456 comfort=134217728 | tr ' ' '\\n'
echo "image=0123456789ab"; echo "path=/etc/ukdump/image.efi"; echo "signer=CN=test"; echo kind=sealed
"""


@pytest.fixture
def ctl(tmp_path, sealed, signers):
    """Runs ukdumpctl with these settings."""
    programs, etc, empty = tmp_path / "bin", tmp_path / "etc", tmp_path / "empty"
    programs.mkdir()
    empty.mkdir()
    (etc / "ukdump/trust.d").mkdir(parents=True)
    shutil.copy(sealed["signer"], etc / "ukdump/image.efi")
    shutil.copy(signers / "signer.crt", etc / "ukdump/trust.d")
    shutil.copy(CTL, programs)
    (programs / "ukdump-load").write_text(LOADER)
    (programs / "ukdump-load").chmod(0o755)
    (programs / "makedumpfile").write_text("#!/bin/sh\necho 'makedumpfile: version 9.9.9'\n")
    (programs / "makedumpfile").chmod(0o755)

    def run(conf, *argv, release=os.uname().release):
        (etc / "ukdump/ukdump.conf").write_text(conf)
        (tmp_path / "osrelease").write_text(release + "\n")
        p = subprocess.run(["unshare", "-m", "sh", "-c", 'mount --bind "$0" /etc && '
                            'mount --bind "$1" /proc/sys/kernel/osrelease && mount --bind "$2" /var/lib && '
                            'mount -t tmpfs tmpfs /run && shift 2 && exec "$@"', etc,
                            tmp_path / "osrelease", empty, programs / "ukdumpctl", *argv],
                           capture_output=True, text=True, timeout=60,
                           env={"PATH": f"{programs}:{os.environ['PATH']}"})
        if "unshare:" in p.stderr or "mount:" in p.stderr:
            pytest.skip("no mounts here")
        return p
    run.makedumpfile = programs / "makedumpfile"
    return run


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_status_names_the_target_that_does_not_answer(ctl, port):
    conf = f"[Dump]\nTarget=nfs://127.0.0.1:{port}/a exec:/no/such/program\n"
    p = ctl(conf, "status", "--json")
    j = json.loads(p.stdout)
    assert p.returncode == 4 and j["armed"] is True
    assert j["targets"][0] == {"uri": f"nfs://127.0.0.1:{port}/a", "ok": True, "problem": None}
    assert j["targets"][1]["ok"] is False
    assert j["targets"][1]["problem"].startswith("/no/such/program: No such file")
    assert j["problems"] == [f"target exec:/no/such/program: {j['targets'][1]['problem']}"]
    text = ctl(conf, "status").stdout
    assert f"target    nfs://127.0.0.1:{port}/a, ok\n" in text
    assert "target    exec:/no/such/program, with a problem\n" in text


def test_status_without_a_problem(ctl, port):
    p = ctl(f"[Dump]\nTarget=nfs://127.0.0.1:{port}/a\n", "status", "--json")
    assert p.returncode == 0 and json.loads(p.stdout)["problems"] == []


def test_status_of_settings_that_cannot_be_read(ctl):
    p = ctl("[Dump]\nTraget=x\n", "status", "--json")
    j = json.loads(p.stdout)
    assert p.returncode == 4 and j["targets"] == []
    assert "Traget" in j["problems"][0]


def test_start_arms_with_a_warning(ctl):
    p = ctl("[Dump]\nTarget=exec:/no/such/program\n", "start", "/image.efi")
    assert p.returncode == 0 and p.stdout.startswith("armed: ")
    assert p.stderr.startswith("ukdumpctl: warning: target exec:/no/such/program: /no/such/program: ")


def test_recipients(ctl):
    if not shutil.which("age"):
        pytest.skip("no age")
    conf = "[Dump]\nTarget=virtiofs://tag/\nEncryptTo="
    j = json.loads(ctl(conf + "age1nonsense\n", "status", "--json").stdout)
    assert len(j["problems"]) == 1 and j["problems"][0].startswith("EncryptTo=age1nonsense: ")
    made = subprocess.run("age-keygen | age-keygen -y", shell=True, capture_output=True, text=True)
    p = ctl(conf + made.stdout.strip() + "\n", "status", "--json")
    assert p.returncode == 0 and json.loads(p.stdout)["problems"] == []


@pytest.mark.parametrize("release, version, level, told", [
    ("6.12.1", "1.7.6", 31, "note      makedumpfile up to 1.7.6"), ("6.12.1", "1.7.99", 31, None),
    ("7.2.0", "1.7.9", 31, "note      makedumpfile up to 1.7.9"), ("7.2.0", "1.7.9", 1, None)])
def test_makedumpfile_that_could_be_better(ctl, port, release, version, level, told):
    """A dump comes out all the same: a note, and no exit code that nothing would end."""
    ctl.makedumpfile.write_text(f"#!/bin/sh\necho 'makedumpfile: version {version}'\n")
    p = ctl(f"[Dump]\nTarget=nfs://127.0.0.1:{port}/a\nDumpLevel={level}\n", "status",
            release=release)
    assert p.returncode == 0
    assert told in p.stdout if told else "makedumpfile" not in p.stdout
