# SPDX-License-Identifier: GPL-2.0-or-later
"""Real dumps by the lean capture environment: file systems, contents, what happens when the
collector fails. The micro guest without firmware crashes; the image is made in a Debian 13 tree."""

import json
import secrets
import uuid

import pytest

from capturing import Crash, build_image, crash_micro
from vmbed.paths import REPO, run


@pytest.fixture
def hold(vm):
    """The path of a program that holds a page in its memory."""
    program = vm.logs / "hold"
    run("cc", "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Werror", "-static",
        REPO / "tests/helpers/hold.c", "-o", program)
    return program


def test_dump_holds_the_log_and_a_page_of_a_process(vm, hold):
    """Level 1 on ext4 by LABEL: a line of the log and a user page are found in the dump."""
    marker, page = f"marker {secrets.token_hex(8)}", secrets.token_hex(32)
    _, image = build_image(vm, "[Dump]\nTarget=LABEL=ukdump:/crashes\nDumpLevel=1\n")
    disk = vm.disk("dump", label="ukdump", size=1200)
    crash_micro(vm, image, disk, programs=[hold], memory=768, script=f"""
        hold {page} > /tmp/held &
        while ! grep -q held /tmp/held; do sleep 0.1; done
        echo "{marker}" > /dev/kmsg
    """)
    crash = Crash(disk, "/crashes", vm.logs / "dump")
    assert crash.manifest["state"] == "complete"
    assert crash.manifest["checked"] == "full"
    assert crash.names == {"vmcore", "dmesg.txt", "manifest.json"}
    assert marker in crash.dmesg
    log = crash.info("--full", "--lines", "all")
    assert log.returncode == 0, log.stdout
    assert marker in log.stdout and "sysrq triggered crash" in log.stdout
    assert crash.info("--find", page).returncode == 0
    assert crash.info("--find", secrets.token_hex(32)).returncode == 1


@pytest.mark.parametrize("fs", ["xfs", pytest.param("btrfs", marks=pytest.mark.long)])
def test_other_file_systems_by_uuid(vm, fs):
    disk = vm.disk("dump", fs=fs, label="elsewhere", size=1024)
    wanted = run("blkid", "-p", "-s", "UUID", "-o", "value", disk.path).strip()
    assert uuid.UUID(wanted)
    _, image = build_image(vm, f"[Dump]\nTarget=UUID={wanted}:/var/crash\n")
    crash_micro(vm, image, disk)
    crash = Crash(disk, "/var/crash", vm.logs / "dump")
    assert crash.manifest["state"] == "complete"
    assert crash.info("--full").returncode == 0


def test_collector_failure_falls_back_to_a_plain_copy(vm):
    """makedumpfile always fails: memory is copied as it is, the log was saved before."""
    false = {"/usr/bin/makedumpfile": "/bin/false"}
    _, image = build_image(vm, "[Dump]\nTarget=LABEL=ukdump:/\n", overlay=false)
    disk = vm.disk("dump", label="ukdump", size=1200)
    crash_micro(vm, image, disk, memory=640)
    crash = Crash(disk, "/", vm.logs / "dump")
    assert crash.manifest["state"] == "complete"
    assert crash.manifest["collector"]["attempts"] == 2
    assert "sysrq" in crash.dmesg
    facts = crash.info("--full")
    assert facts.returncode == 0, facts.stdout
    assert json.loads(crash.info("--json").stdout)["format"] == "elf"
