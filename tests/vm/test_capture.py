# SPDX-License-Identifier: GPL-2.0-or-later
"""Real dumps by the lean capture environment: file systems, contents, what happens when the
collector fails. The micro guest without firmware crashes; the image is made in a Debian 13 tree."""

import hashlib
import json
import secrets
import shutil
import subprocess
import uuid

import pytest

from capturing import Crash, build_image, crash_micro, put_kernel
from vmbed.helpers import program
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
    assert crash.manifest["collector"]["attempts"] == 3  # level 1 before the copy
    assert "sysrq" in crash.dmesg
    facts = crash.info("--full")
    assert facts.returncode == 0, facts.stdout
    assert json.loads(crash.info("--json").stdout)["format"] == "elf"


def sha256(path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def decrypt(identity, source, target):
    """Decrypts with age itself."""
    run("age", "-d", "-i", identity, "-o", target, source)
    return target


def test_encrypted_dump(vm):
    """To an age and an ssh recipient: only ciphertext is on the disk; each key opens it."""
    age_key, ssh_key = vm.logs / "age.key", vm.logs / "ssh.key"
    run("age-keygen", "-o", age_key)
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", ssh_key)
    recipients = [run("age-keygen", "-y", age_key).strip(),
                  ssh_key.with_suffix(".key.pub").read_text().strip()]
    _, image = build_image(vm, "[Dump]\nTarget=LABEL=ukdump:/crashes\n"
                               f"EncryptTo={' '.join(recipients)}\n")
    disk = vm.disk("dump", label="ukdump", size=600)
    crash_micro(vm, image, disk, append="crashkernel=192M")
    crash = Crash(disk, "/crashes", vm.logs / "dump")
    assert crash.names == {"vmcore.flat.age", "dmesg.txt.age", "manifest.json"}
    manifest = crash.manifest
    print("memory", manifest["memory"], crash.stage("dump"))
    assert (manifest["state"], manifest["checked"]) == ("complete", "full")
    assert (manifest["file"], manifest["format"]) == ("vmcore.flat.age", "flattened")
    assert manifest["encrypted_to"] == recipients
    assert manifest["sha256"] == sha256(crash.folder / "vmcore.flat.age")
    for name in crash.names - {"manifest.json"}:
        content = (crash.folder / name).read_bytes()
        assert content.startswith(b"age-encryption.org/v1\n")
        assert b"Linux version" not in content and b"OSRELEASE" not in content
    log = decrypt(ssh_key, crash.folder / "dmesg.txt.age", vm.logs / "dmesg.txt")
    assert "sysrq triggered crash" in log.read_text(errors="replace")
    flat = decrypt(age_key, crash.folder / "vmcore.flat.age", vm.logs / "vmcore.flat")
    vmcore = vm.logs / "vmcore"
    with flat.open("rb") as source:
        subprocess.run(["makedumpfile", "-R", vmcore], stdin=source, check=True,
                       stdout=subprocess.DEVNULL)
    opened = run(REPO / "build/ukdumpctl", "info", "--full", vmcore)
    assert "sysrq" in opened


@pytest.mark.long
def test_program_as_target(vm):
    """exec: the image has the program; log, dump and last the manifest are handed to it."""
    _, image = build_image(vm, "[Image]\nModules=virtio_pci virtio_blk ext4\n"
                               "[Dump]\nTarget=exec:/usr/local/bin/keep\n",
                           overlay={"/usr/local/bin/keep": program("keep")})
    disk = vm.disk("dump", label="any", size=600)
    crash_micro(vm, image, disk)
    crash = Crash(disk, "/", vm.logs / "dump")
    assert crash.names == {"vmcore.flat", "dmesg.txt", "manifest.json"}
    assert (crash.manifest["state"], crash.manifest["checked"]) == ("complete", "header")
    assert crash.manifest["sha256"] == sha256(crash.folder / "vmcore.flat")
    assert "sysrq" in crash.dmesg
    assert crash.info("--full").returncode == 0


@pytest.mark.long
def test_kernel_that_makedumpfile_does_not_know(vm):
    """Kernel 7.2 with makedumpfile 1.7.6: whatever that does, the dump is complete and opens."""
    kernel = vm.kernel("7.2")

    _, image = build_image(vm, "[Dump]\nTarget=LABEL=ukdump:/\n", kver=kernel.version,
                           prepare=lambda tree: put_kernel(tree, kernel))
    disk = vm.disk("dump", label="ukdump", size=1200)
    crash_micro(vm, image, disk, kernel="7.2", memory=640)
    crash = Crash(disk, "/", vm.logs / "dump")
    print(json.dumps([crash.manifest["stages"], crash.manifest["collector"]], indent=1))
    assert (crash.manifest["state"], crash.manifest["checked"]) == ("complete", "full")
    assert "sysrq" in crash.dmesg
    facts = crash.info("--full")
    assert facts.returncode == 0, facts.stdout
