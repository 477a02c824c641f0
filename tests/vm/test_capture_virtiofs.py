# SPDX-License-Identifier: GPL-2.0-or-later
"""A dump to a directory that the hypervisor shares (virtiofs), from the lean environment."""

from capturing import Crash, build_image, crash_micro
from servers.virtiofsd import Virtiofsd


def test_dump_to_a_shared_directory(vm):
    """An older dump of this machine goes (Keep=1), another machine's stays."""
    tree, image = build_image(vm, "[Dump]\nTarget=virtiofs://crashes/var/dumps\n[Store]\nKeep=1\n")
    machine = (tree.root / "etc/machine-id").read_text().strip()
    shared = vm.logs / "shared"
    mine = shared / f"var/dumps/20201121T000000Z-{machine}"
    other = shared / "var/dumps/20201121T000000Z-other"
    for old in (mine, other):
        old.mkdir(parents=True)
        (old / "vmcore").write_bytes(b"an old dump")
    with Virtiofsd(shared, vm.logs) as share:
        crash_micro(vm, image, qemu_options=share.qemu_options(1024))
    assert not mine.exists()
    other.rename(vm.logs / "other")
    crash = Crash(None, "", shared)
    assert crash.manifest["state"] == "complete"
    assert crash.manifest["checked"] == "full"
    assert crash.manifest["targets"][0]["uri"] == "virtiofs://crashes/var/dumps"
    assert crash.names == {"vmcore", "dmesg.txt", "manifest.json"}
    assert crash.stage("retention")["reason"].endswith(mine.name)
    assert crash.info("--full").returncode == 0
