# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults of disks and of makedumpfile: each ends in a record, with the log saved wherever any target
works, and in a reboot within the limit. See faults.py for the table and for adding rows."""

import re
import shutil

import pytest

from capturing import Crash, build_image, crash_micro
from faults import VolatileDisk, failing_writes, full_tree, read_only
from vmbed import helpers

TIMEOUT, TIMEOUT_COPY = 60, 90  # a copy after two plans that stall, each for a quarter of it
BOOT = 30  # more from panic to reboot: the kernel has to start before TimeoutSec= counts
CONF = f"[Dump]\nTarget=LABEL=first:/ LABEL=second:/\nTimeoutSec={TIMEOUT}\n[Store]\nKeepFree=0\n"
# MiB: of a dump by a guest with 512 MiB; of a disk, and what its file system takes of it.
DUMP, FULL_DISK, FULL_DISK_OWN = 66, 300, 33
COMPLETE = {"vmcore", "dmesg.txt", "manifest.json"}


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """images(vm, bad=False): an image for all these tests; bad: makedumpfile fails, one target."""
    folder = tmp_path_factory.mktemp("images")

    def get(vm, bad=False):
        image = folder / f"{bad}.efi"
        if not image.exists():
            overlay = {"/usr/bin/makedumpfile": helpers.program("badmdf")} if bad else None
            conf = CONF
            if bad:
                conf = conf.replace(" LABEL=second:/", "").replace(str(TIMEOUT), str(TIMEOUT_COPY))
            shutil.copy(build_image(vm, conf, overlay)[1], image)
        return image
    return get


def disk(vm, label, size=700, **options):
    return vm.disk(label, label=label, size=size, **options)


def dump_of(vm, where, number=None):
    """What is there, which is the log at least."""
    crash = Crash(where, "/", vm.logs / f"dump-{where.serial}", number)
    assert "sysrq triggered crash" in crash.dmesg
    return crash


def first(crash):
    """Result and reason of the first target."""
    return crash.manifest["targets"][0]["result"], crash.manifest["targets"][0]["reason"] or ""


def test_first_target_missing(vm, images, faults):
    second = disk(vm, "second")
    result = crash_micro(vm, images(vm), second, memory=512)
    crash = dump_of(vm, second)
    assert crash.manifest["state"] == "complete" and crash.names == COMPLETE
    assert first(crash)[0] == "failed" and "no device LABEL=first" in first(crash)[1]
    assert [t["result"] for t in crash.manifest["targets"]] == ["failed", "complete"]
    assert crash.info("--full").returncode == 0
    faults.row("first target missing", result, crash.manifest, crash.names, TIMEOUT + BOOT)


@pytest.mark.long
def test_first_target_read_only(vm, images, faults):
    second = disk(vm, "second")
    result = crash_micro(vm, images(vm), read_only(disk(vm, "first")), second, memory=512)
    crash = dump_of(vm, second)
    assert crash.manifest["state"] == "complete" and crash.names == COMPLETE
    assert first(crash)[0] == "failed" and "mount" in first(crash)[1]
    faults.row("first target read-only", result, crash.manifest, crash.names, TIMEOUT + BOOT)


@pytest.mark.parametrize("percent, state", [
    pytest.param(0, "log-only", marks=pytest.mark.long),
    (50, "partial"),
    pytest.param(99, "partial", marks=pytest.mark.long),
])
def test_disk_gets_full(vm, images, faults, percent, state):
    """What there is room for is kept, and called what it is; the second target gets all of it."""
    full = disk(vm, "first", size=FULL_DISK, tree=full_tree(
        vm.logs / "full", FULL_DISK - FULL_DISK_OWN - DUMP * percent / 100 - 0.5))
    second = disk(vm, "second")
    result = crash_micro(vm, images(vm), full, second, memory=512)
    part, crash = dump_of(vm, full), dump_of(vm, second)
    assert part.manifest["state"] == state
    assert part.names == {"dmesg.txt", "manifest.json",
                          *(["vmcore-incomplete"] if state == "partial" else [])}
    assert state != "partial" or part.info().returncode == 0
    assert crash.manifest["state"] == "complete" and crash.names == COMPLETE
    assert first(crash)[0] == state
    faults.row(f"first disk full at {percent} %", result, crash.manifest, part.names | crash.names,
               TIMEOUT + BOOT)


@pytest.mark.long
def test_io_errors(vm, images, faults):
    second = disk(vm, "second")
    broken = failing_writes(disk(vm, "first"), after_flushes=6)
    result = crash_micro(vm, images(vm), broken, second, memory=512)
    crash = dump_of(vm, second)
    assert crash.manifest["state"] == "complete" and crash.names == COMPLETE
    assert first(crash)[0] != "complete"
    faults.row("first disk: I/O errors from mid-capture on", result, crash.manifest, crash.names,
               TIMEOUT + BOOT)


@pytest.mark.parametrize("fault, reason", [
    pytest.param("kill", "signal 9", marks=pytest.mark.long),
    pytest.param("hang", "made no progress"),
    pytest.param("hog", "signal 9", marks=pytest.mark.long),  # until the kernel runs out of memory
])
def test_makedumpfile_fails(vm, images, faults, fault, reason):
    """The plain copy of memory stands in."""
    tree = vm.logs / "content"
    tree.mkdir()
    (tree / "fault").write_text(fault)
    only = disk(vm, "first", tree=tree)
    # With little memory, since all of it is copied, and hashed under emulation; with less the kernel
    # would not load the image, whose segments may take half of it.
    result = crash_micro(vm, images(vm, bad=True), only, memory=400)
    crash = dump_of(vm, only)
    assert crash.manifest["state"] == "complete" and crash.names == COMPLETE
    failed = [s for s in crash.manifest["stages"] if s["result"] == "failed"]
    assert reason in failed[0]["reason"]
    assert crash.manifest["collector"]["argv"][0] == "copy"
    what = {"kill": "is killed", "hang": "hangs", "hog": "takes all memory (OOM killer)"}[fault]
    faults.row(f"makedumpfile {what}", result, crash.manifest, crash.names, TIMEOUT_COPY + BOOT)


@pytest.mark.parametrize("line, delay, fs", [
    pytest.param("space: ok", 1.5, "ext4", id="ext4-mid-dump"),
    pytest.param("space: ok", 1.5, "xfs", marks=pytest.mark.long, id="xfs-mid-dump"),
    pytest.param("space: ok", 1.5, "btrfs", marks=pytest.mark.long, id="btrfs-mid-dump"),
    pytest.param("dump: ok", 0, "ext4", marks=pytest.mark.long, id="ext4-check"),
    pytest.param("check: ok", 0, "ext4", marks=pytest.mark.long, id="ext4-publish"),
    pytest.param("check: ok", 0.02, "xfs", marks=pytest.mark.long, id="xfs-publish"),
    pytest.param("publish: ok", 0, "ext4", marks=pytest.mark.long, id="ext4-published"),
    pytest.param("publish: ok", 0, "btrfs", marks=pytest.mark.long, id="btrfs-published"),
])
def test_power_cut(vm, images, faults, line, delay, fs):
    """No half dump under a final name at the next boot, and the next capture works there."""
    kept = VolatileDisk(disk(vm, "first", fs=fs))
    cut = crash_micro(vm, images(vm), kept, memory=512, power_cut=(line, delay))
    assert cut.cut_at < cut.duration, "the line never came"
    result = crash_micro(vm, images(vm), kept, memory=512, script=f"""
        modprobe {fs}
        mkdir -p /tmp/disk
        mount -t {fs} $(disk first) /tmp/disk
        report names "$(cd /tmp/disk; find . -type f)"
        umount /tmp/disk
    """)
    names = re.findall(r"\./(\S+)/(\S+)", result.get("names"))
    left = {name for _, name in names}
    old, crash = dump_of(vm, kept, 0), dump_of(vm, kept, 1)
    assert old.names == left
    if "vmcore" in left:
        assert line != "space: ok"
        assert old.info("--full").returncode == 0
    if line == "publish: ok":
        assert "vmcore" in left
    assert crash.manifest["state"] == "complete" and crash.names == COMPLETE
    faults.row(f"power cut on {fs}, {delay} s after '{line}'", None, old.manifest, left,
               TIMEOUT + BOOT)
