# SPDX-License-Identifier: GPL-2.0-or-later
"""ukdumpctl test on a machine of files, which does not crash, and what the next boot makes of it."""

import json
import os
import re
import signal
import socket
import subprocess
import time

import pytest

import cli
from reporting import MACHINE, Tree
from terminal import Terminal

BEGUN = "2026-11-21T18:38:20Z"
CRASH = f"20261121T183822Z-{MACHINE}"
BTIME = 1795286302 + 28  # half a minute after BEGUN
ID = "0123456789abcdef"


class Host(Tree):
    """Armed; /proc/sysrq-trigger is what the test makes it."""

    def __init__(self, path):
        super().__init__(path)
        self.put("sys/kernel/kexec_crash_loaded", "1\n")
        self.put("run/ukdump/armed", "path=/var/lib/ukdump/images/x.efi\nimage=abc\nkernel=6.12\n")
        self.put("proc/sys/kernel/random/boot_id", "boot-1\n")
        self.put("proc/stat", f"cpu 1\nbtime {BTIME}\n")
        self.put("dev/kmsg", "")
        self.put("proc/sysrq-trigger", "")
        (self.path / "var/crash").mkdir(parents=True)

    def test(self, *options, code=1):
        return cli.ctl("test", "--root", self.path, *options, code=code)

    def waits(self, boot="boot-0"):
        """A test was begun in the boot before."""
        self.put("var/lib/ukdump/test", f"id={ID}\ntime={BEGUN}\nimage=abc\nboot={boot}\n")

    @property
    def pending(self):
        return (self.path / "var/lib/ukdump/test").exists()

    def settled(self, code=0):
        return json.loads(self.report("--boot", "--json", code=code).out)["test"]

    def history(self):
        return json.loads(self.test("--history", "--json", code=0).out)["history"]


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


def test_refused_where_a_crash_would_be_lost(host):
    host.put("sys/kernel/kexec_crash_loaded", "0\n")
    assert "nothing is armed" in host.test("--yes").err
    host.put("sys/kernel/kexec_crash_loaded", "1\n")
    (host.path / "run/ukdump/armed").unlink()
    assert "not armed by ukdump" in host.test("--yes").err
    assert not host.pending


def test_refused_without_the_trigger(host):
    (host.path / "proc/sysrq-trigger").unlink()
    assert "CONFIG_MAGIC_SYSRQ" in host.test("--yes").err


def test_nobody_confirms(host):
    """It has told what would happen, and does nothing without a terminal."""
    done = host.test()
    assert "--yes" in done.err
    assert "image     /var/lib/ukdump/images/x.efi" in done.out
    assert "target    file:/var/crash" in done.out
    assert (host.path / "proc/sysrq-trigger").read_text() == ""
    assert not host.pending and (host.path / "dev/kmsg").read_text() == ""


def test_a_kernel_that_does_not_crash(host):
    """The mark is logged, the key is pressed; who comes back says so and waits for nothing."""
    done = host.test("--yes")
    assert "the kernel did not crash" in done.err
    assert (host.path / "proc/sysrq-trigger").read_text() == "c"
    mark = (host.path / "dev/kmsg").read_text()
    identity = re.search(r"^id +([0-9a-f]{16})$", done.out, re.M)[1]
    assert mark == f"<4>ukdump-test {identity}\n"
    assert not host.pending


@pytest.fixture
def dead_server(tmp_path, monkeypatch):
    """A sync that does not come to its end."""
    program = tmp_path / "programs/sync"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nkill -9 $$\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


def test_disks_that_cannot_be_synced(host, dead_server):
    """Refused before anything was written down; somebody may say that it is to crash all the same."""
    terminal = Terminal(cli.CTL, "test", "--root", host.path)
    terminal.type(socket.gethostname() + "\n")
    assert "say --yes [test.sync]" in terminal.end()
    assert (host.path / "proc/sysrq-trigger").read_text() == ""
    assert not host.pending and (host.path / "dev/kmsg").read_text() == ""
    assert "crashing all the same: sync: ended by signal 9" in host.test("--yes").err
    assert (host.path / "proc/sysrq-trigger").read_text() == "c"


def test_the_crash_is_expected_before_it_happens(host):
    """What is written down when the key is pressed: here it takes for ever."""
    trigger = host.path / "proc/sysrq-trigger"
    trigger.unlink()
    os.mkfifo(trigger)
    program = subprocess.Popen([cli.CTL, "test", "--root", host.path, "--yes", "--json"],
                               stdout=subprocess.PIPE)
    end = time.monotonic() + 60
    while not host.pending and time.monotonic() < end:
        time.sleep(0.05)
    program.send_signal(signal.SIGKILL)
    facts = json.loads(program.communicate()[0])
    record = dict(line.split("=", 1) for line in
                  (host.path / "var/lib/ukdump/test").read_text().splitlines())
    assert record["id"] == facts["id"]
    assert (record["image"], record["boot"]) == ("abc", "boot-1")
    assert record["time"] == facts["time"]
    assert facts["targets"][0]["uri"] == "file:/var/crash"


def test_a_kernel_that_logs_nothing(host):
    """As with printk.devkmsg=off: without the mark nobody would know the dump."""
    (host.path / "dev/kmsg").unlink()
    (host.path / "dev/kmsg").symlink_to("/dev/null")
    os.mknod(host.path / "dev/null", 0o666 | 0o020000, os.makedev(1, 3))
    assert "printk_devkmsg" in host.test("--yes").err
    assert not host.pending


def test_a_good_dump(host):
    """Found by its mark; the times are from the test to the manifest, and to the next kernel."""
    host.waits()
    folder = host.crash(CRASH, log=f"ukdump-test {ID}")
    manifest = folder / "manifest.json"
    os.utime(manifest, (BTIME - 15, BTIME - 15))
    result = host.settled()
    assert (result["type"], result["result"], result["id"]) == ("test", "ok", ID)
    assert (result["capture_seconds"], result["boot_seconds"]) == (15, 30)
    assert result["dump"] == f"/var/crash/{CRASH}"
    assert not host.pending
    assert host.history() == [result]
    assert host.settled() is None


def test_the_boot_that_it_was_begun_in(host):
    """A report in between settles nothing."""
    host.waits("boot-1")
    host.crash(CRASH, log=f"ukdump-test {ID}")
    assert host.settled() is None
    assert host.pending


def test_the_dump_of_another_crash(host):
    host.waits()
    host.crash(CRASH, log="ukdump-test fedcba9876543210")
    result = host.settled()
    assert (result["result"], result["dump"]) == ("failed", None)
    assert result["reason"] == "nothing was saved: no dump has its mark"
    assert result["capture_seconds"] is None


def test_what_cannot_be_kept_silences_no_crash(host):
    """The history cannot be written: the crash is told all the same, and the test still waits."""
    host.waits()
    host.crash(CRASH, log=f"ukdump-test {ID}")
    (host.path / "var/lib/ukdump/history").mkdir()
    done = host.report("--boot", "--json", code=1)
    assert [crash["crash"] for crash in json.loads(done.out)["crashes"]] == [CRASH]
    assert "history" in done.err and host.pending
    assert "no new crash" in host.report("--boot", code=1).out


def test_a_dump_that_is_not_complete(host):
    host.waits()
    host.crash(CRASH, dump=False, log=f"ukdump-test {ID}", state="log-only",
               reason="space: full")
    result = host.settled()
    assert result["result"] == "failed"
    assert result["reason"].startswith("log-only")
    assert result["dump"] == f"/var/crash/{CRASH}"


def test_a_capture_that_reached_no_target(host):
    host.waits()
    host.left({"schema": 1, "state": "failed", "reason": "no device", "machine": MACHINE})
    result = host.settled()
    assert (result["result"], result["dump"]) == ("failed", None)
    assert result["reason"].startswith("failed")


def test_encrypted_dumps_are_known_by_their_time(host):
    host.waits()
    folder = host.crash(CRASH, file="vmcore.flat.age")
    (folder / "dmesg.txt").rename(folder / "dmesg.txt.age")
    assert host.settled()["dump"] == f"/var/crash/{CRASH}"


def test_targets_elsewhere(host):
    """What cannot be seen from here is not called lost."""
    host.put("etc/ukdump/ukdump.conf", "[Dump]\nTarget=nfs://host/dumps\n")
    host.waits()
    result = host.settled()
    assert result["result"] == "unknown"
    assert f"ukdump-test {ID}" in result["reason"] and "nfs://host/dumps" in result["reason"]


def test_history_for_people(host):
    assert "no test" in host.test("--history", code=0).out
    host.waits()
    host.settled()
    (line,) = host.test("--history", code=0).out.splitlines()
    assert line == f"{BEGUN} test      {ID} failed: nothing was saved: no dump has its mark"


@pytest.mark.parametrize("options", [["x"], ["--yes", "--history"]])
def test_usage(options):
    cli.ctl("test", *options, code=2)
