# SPDX-License-Identifier: GPL-2.0-or-later
"""Crashes of every kind, by a module of our own in a guest without lockdown: kind and signature of each,
from the kernel log on the console and from real dumps. Addresses differ from run to run (KASLR)."""

import json
import re
import subprocess

import pytest

import crash_module
from capturing import Crash, build_image, crash_micro
from vmbed.paths import BUILD

WATCHDOGS = {"soft": "echo 2 > /proc/sys/kernel/watchdog_thresh; "
                     "echo 1 > /proc/sys/kernel/softlockup_panic",
             "hang": "echo 2 > /proc/sys/kernel/hung_task_timeout_secs; "
                     "echo 1 > /proc/sys/kernel/hung_task_panic"}

# what, where: kind, and the function that is to blame
MATRIX = {("panic", "process"): ("panic", "crash_panic"), ("panic", "softirq"): ("panic", "crash_panic"),
          ("panic", "timer"): ("panic", "crash_panic"),
          ("bug", "process"): ("bug", "crash_bug"), ("bug", "softirq"): ("bug", "crash_bug"),
          ("bug", "timer"): ("bug", "crash_bug"),
          ("null", "process"): ("oops", "crash_null"), ("null", "softirq"): ("oops", "crash_null"),
          ("null", "timer"): ("oops", "crash_null"),
          ("soft", "process"): ("soft-lockup", "crash_soft"),
          ("soft", "softirq"): ("soft-lockup", "crash_soft"),
          ("soft", "timer"): ("soft-lockup", "crash_soft"),
          ("overflow", "process"): ("stack-overflow", "crash_overflow"),
          ("overflow", "softirq"): ("stack-overflow", "crash_overflow"),
          ("overflow", "timer"): ("stack-overflow", "crash_overflow"),
          ("hang", "process"): ("hung-task", "crash_hang"),
          ("sysrq", "process"): ("sysrq", None)}


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    return crash_module.build(tmp_path_factory.mktemp("module"))


def trigger(what, where):
    if what == "sysrq":
        return "echo c > /proc/sysrq-trigger"
    return (f"{WATCHDOGS.get(what, ':')}; insmod /payload/ukcrash.ko; "
            f"echo '{what} {where}' > /sys/module/ukcrash/parameters/now")


def console_log(vm, module, what, where, name):
    """The kernel log of one crash without a capture image, off the console."""
    result = vm.run_micro(kernel="6.12", secure_boot=False, memory=512, timeout=300, kaslr=True,
                          append="panic=1 oops=panic ignore_loglevel", files={"ukcrash.ko": module},
                          script=trigger(what, where))
    folder = vm.logs / name
    folder.mkdir()
    (folder / "dmesg.txt").write_text("".join(
        line[9:] + "\n" for line in result.serial_path.read_text(errors="replace").splitlines()))
    return folder


def triage(folder):
    done = subprocess.run([BUILD / "ukdumpctl", "info", "--json", "--lines=0", folder], check=False,
                          capture_output=True, text=True)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)["triage"]


def rip(facts):
    return facts["rip"]["symbol"] if facts["rip"] else ""


def kernel_offset(folder):
    return re.search(r"Kernel Offset: (0x\w+)", (folder / "dmesg.txt").read_text())[1]


@pytest.mark.long
@pytest.mark.parametrize("what,where", MATRIX, ids=["-".join(key) for key in MATRIX])
def test_crash(vm, module, what, where):
    """Kind and culprit are right; the same crash with other addresses has the same signature."""
    kind, culprit = MATRIX[what, where]
    first = console_log(vm, module, what, where, "first")
    facts = triage(first)
    print(what, where, json.dumps(facts))
    assert facts["kind"] == kind, facts
    assert facts["uptime"] > 0 and re.fullmatch("[0-9a-f]{16}", facts["signature"])
    if culprit:
        assert culprit in [re.split("[.+]", t)[0] for t in [rip(facts)] + facts["trace"]]
        assert "O" in facts["taint"]
    if what in ("null", "bug", "soft", "overflow"):  # panic() and khungtaskd print no registers, no list
        assert rip(facts).split(".")[0] == culprit and facts["rip"]["module"] == "ukcrash"
        assert facts["modules"] == ["ukcrash(OE)"]
    second = console_log(vm, module, what, where, "second")
    assert triage(second)["signature"] == facts["signature"]
    assert kernel_offset(first) != kernel_offset(second)


@pytest.mark.long
@pytest.mark.parametrize("what,kind", [("null", "oops"), ("hang", "hung-task")])
def test_dump(vm, module, what, kind):
    """A real dump: manifest, `info` of the directory and of the vmcore alone say the same."""
    _, image = build_image(vm, "[Dump]\nTarget=LABEL=ukdump:/crashes\n")
    disk = vm.disk("dump", label="ukdump", size=1200)
    crash_micro(vm, image, disk, memory=768, timeout=300, script=trigger(what, "process"), kaslr=True,
                append="crashkernel=160M oops=panic", more_files={"ukcrash.ko": module})
    crash = Crash(disk, "/crashes", vm.logs / "dump")
    assert crash.manifest["state"] == "complete"
    recorded = crash.manifest["triage"]
    assert recorded["kind"] == kind
    of_directory = triage(crash.folder)
    assert of_directory == recorded | {"trace": of_directory["trace"]}
    assert triage(crash.folder / "vmcore")["signature"] == recorded["signature"]
