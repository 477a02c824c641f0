# SPDX-License-Identifier: GPL-2.0-or-later
"""Targets on stacked storage: LVM, LUKS, software RAID, multipath. The stack is made in the Debian 13
guest, and the image is built there, where it can be looked up; then the guest crashes."""

import json

import pytest

from capturing import Crash

MIB = 1 << 20
PAYLOAD = r"dev-disk-by\x2did-virtio\x2dpayload.device"
WAIT = f"[Unit]\nRequires={PAYLOAD}\nAfter={PAYLOAD}\n"


def storage_tree(vm, conf: str):
    """A Debian 13 tree with ukdump, its settings and keys."""
    tree = vm.system_tree()
    tree.install()
    tree.add("/etc/ukdump/ukdump.conf.d/test.conf", conf.encode())
    # udev has more to do here than in other guests, and the script's disk may come late.
    tree.add("/etc/systemd/system/ukdump-test.service.d/wait.conf", WAIT.encode())
    return tree


def show(crash):
    manifest = crash.manifest
    print(f"\npeak {manifest['memory']['peak'] / MIB:.1f} MiB of "
          f"{manifest['memory']['total'] / MIB:.1f} MiB, stages: "
          + ", ".join(f"{s['name']} {s['seconds']:.1f} s" for s in manifest["stages"]))


def test_lvm(vm):
    """A logical volume, mounted at the place of the dumps; names with dashes."""
    tree = storage_tree(vm, "[Dump]\nTarget=file:/var/crash\n")
    disk = vm.disk("dump", fs=None, size=1100)
    result = vm.run_system(vm.root_disk(tree), secure_boot=False, append="crashkernel=256M",
                           disks=[disk], timeout=500, memory=1536, script="""
        vgcreate -q crash-vg $(disk dump)
        lvcreate -q -y -n the-dumps -L 1000M crash-vg
        mke2fs -q -t ext4 -O ^metadata_csum /dev/crash-vg/the-dumps
        mkdir -p /var/crash; mount /dev/crash-vg/the-dumps /var/crash
        attempt build ukdumpctl build
        attempt start ukdumpctl start
        sync
        crash
    """)
    assert result.get("build.status") == "0", result.get("build")
    assert result.get("start.status") == "0", result.get("start")
    crash = Crash(disk.part(1, 1000), "/", vm.logs / "dump")
    show(crash)
    assert crash.manifest["state"] == "complete"
    assert crash.manifest["targets"][0]["device"].startswith("/dev/dm-")
    assert crash.info("--full").returncode == 0


def test_luks_on_lvm(vm):
    """An encrypted volume that also holds the image: enrolled, crashed, read back after the reboot;
    another build takes the key from the image."""
    tree = storage_tree(vm, "[Dump]\nTarget=file:/var/lib/ukdump/crash\n")
    disk = vm.disk("dump", fs=None, size=1300)
    result = vm.run_system(vm.root_disk(tree), secure_boot=False, append="crashkernel=256M",
                           disks=[disk], timeout=560, memory=1536, reboots=True, script="""
        opened() {
            modprobe dm_crypt
            cryptsetup open --key-file /root/pass /dev/vault/crash crash
        }
        if [ -e /root/pass ]; then
            opened
            mount /dev/mapper/crash /var/lib/ukdump
            cd /var/lib/ukdump/crash/*Z-*
            report_from manifest < manifest.json
            attempt info ukdumpctl info --full .
            attempt remove ukdumpctl luks remove
            attempt none ukdumpctl luks status
            exit 0
        fi
        printf pass > /root/pass
        vgcreate -q vault $(disk dump)
        lvcreate -q -y -n crash -L 1200M vault
        cryptsetup -q luksFormat --pbkdf pbkdf2 --pbkdf-force-iterations 1000 /dev/vault/crash /root/pass
        opened
        mke2fs -q -t ext4 /dev/mapper/crash
        mkdir -p /var/lib/ukdump
        attempt elsewhere ukdumpctl luks enroll --key-file /root/pass
        mount /dev/mapper/crash /var/lib/ukdump
        mkdir -p /var/lib/ukdump/crash
        attempt early ukdumpctl build
        attempt enroll ukdumpctl luks enroll --key-file /root/pass
        attempt status ukdumpctl luks status --json
        attempt start ukdumpctl start
        attempt second ukdumpctl luks enroll --key-file /root/pass
        sync
        crash
    """)
    assert "no Target= is on" in result.get("elsewhere"), result.get("elsewhere")
    assert result.get("early.status") == "1" and "luks enroll" in result.get("early")
    assert result.get("enroll.status") == "0", result.get("enroll")
    assert json.loads(result.get("status"))["key"] is True
    assert result.get("start.status") == "0", result.get("start")
    assert result.get("second.status") == "1" and "already" in result.get("second")
    manifest = json.loads(result.get("manifest"))
    print(f"\npeak {manifest['memory']['peak'] / MIB:.1f} MiB")
    assert manifest["state"] == "complete"
    assert manifest["targets"][0]["device"].startswith("/dev/dm-")
    assert result.get("info.status") == "0", result.get("info")
    assert result.get("remove.status") == "0", result.get("remove")
    assert "none" in result.get("none")


@pytest.mark.long
def test_raid1(vm):
    """A mirror of two disks with its superblock at the end: each half looks like the file system."""
    tree = storage_tree(vm, "[Dump]\nTarget=LABEL=mirrored:/crash\n")
    disks = [vm.disk(name, fs=None, size=1000) for name in ("one", "two")]
    result = vm.run_system(vm.root_disk(tree), secure_boot=False, append="crashkernel=256M",
                           disks=disks, timeout=500, memory=1536, script="""
        mdadm -q --create /dev/md/crash --run --level=1 --metadata=1.0 --raid-devices=2 \\
            --assume-clean $(disk one) $(disk two)
        mke2fs -q -t ext4 -O ^metadata_csum -L mirrored /dev/md/crash
        udevadm settle
        attempt build ukdumpctl build
        attempt start ukdumpctl start
        sync
        crash
    """)
    assert result.get("build.status") == "0", result.get("build")
    assert result.get("start.status") == "0", result.get("start")
    for number, disk in enumerate(disks):
        disk.fs = "ext4"
        crash = Crash(disk, "/crash", vm.logs / f"dump{number}")
        assert crash.manifest["state"] == "complete"
        assert crash.manifest["targets"][0]["device"].startswith("/dev/md")
        assert crash.info("--full").returncode == 0
    show(crash)


@pytest.mark.long
def test_multipath(vm):
    """Two SCSI disks with one identity on one image; the dump goes through their map."""
    tree = storage_tree(vm, "[Dump]\nTarget=LABEL=shared:/crash\n")
    disk = vm.disk("shared", label="shared", size=1000)
    options = ["-device", "virtio-scsi-pci,id=scsi"]
    for path in ("a", "b"):
        options += ["-drive", f"if=none,id=path{path},format=raw,cache=unsafe,file={disk.path},"
                              "file.locking=off",
                    "-device", f"scsi-hd,bus=scsi.0,drive=path{path},serial=shared,"
                               "wwn=0x5000c50015ea71aa,share-rw=on"]
    result = vm.run_system(vm.root_disk(tree), secure_boot=False, append="crashkernel=256M",
                           qemu_options=options, timeout=500, memory=1536, script="""
        modprobe sd_mod
        modprobe dm_multipath
        udevadm settle
        printf 'defaults {\\n\\tfind_multipaths yes\\n}\\n' > /etc/multipath.conf
        systemctl restart multipathd
        multipath -v1 || :
        udevadm settle
        attempt maps multipath -ll
        attempt build ukdumpctl build
        attempt start ukdumpctl start
        sync
        crash
    """)
    assert result.get("build.status") == "0", (result.get("maps"), result.get("build"))
    assert result.get("start.status") == "0", result.get("start")
    crash = Crash(disk, "/crash", vm.logs / "dump")
    show(crash)
    assert crash.manifest["state"] == "complete"
    assert crash.manifest["targets"][0]["device"].startswith("/dev/dm-")
