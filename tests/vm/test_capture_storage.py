# SPDX-License-Identifier: GPL-2.0-or-later
"""Targets on stacked storage: LVM, LUKS, software RAID, multipath, iSCSI. In most of the long tests the
stack is made in the Debian 13 guest, and the image is built there, where it can be looked up; then the
guest crashes."""

import json
import os
import stat
import uuid

import pytest

from capturing import Crash, build_image, crash_micro
from servers.server import GUEST_VIEW
from servers.tgt import Tgt
from vmbed.paths import run

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


def make_volume(disk, group, volume, size):
    """A volume group with one volume on a disk image; LVM needs no device-mapper for that. Returns the
    UUID of the ext4 file system on it, which begins at 1 MiB."""
    loop = run("losetup", "--find", "--show", disk.path).strip()
    options = ["--driverloaded", "n", "--config",
               f'devices {{ use_devicesfile=0 filter=["a|^{loop}$|","r|.*|"] }} '
               "backup { backup=0 archive=0 }"]
    try:
        run("lvm", "pvcreate", *options, loop)
        run("lvm", "vgcreate", *options, group, loop)
        run("lvm", "lvcreate", *options, "-an", "-Zn", "-Wn", "-n", volume, "-L", f"{size}M", group)
    finally:
        run("losetup", "--detach", loop)
    name = str(uuid.uuid4())
    run("mke2fs", "-q", "-F", "-t", "ext4", "-O", "^metadata_csum", "-U", name, "-E",
        f"offset={MIB}", disk.path, f"{size}M")
    return name


def show_volume(tree, name, group, volume):
    """What build looks at, as if the tree ran with /var/crash on a volume on a virtio disk."""
    bus = "/sys/devices/pci0000:00/virtio1"
    files = {
        "/proc/self/mountinfo": "22 1 253:0 / / rw - ext4 /dev/dm-0 rw\n",
        f"{bus}/block/vda/dev": "254:0\n",
        "/sys/module/virtio_blk/initstate": "live\n",
        "/sys/devices/virtual/block/dm-0/dev": "253:0\n",
        "/sys/devices/virtual/block/dm-0/dm/name":
            f"{group.replace('-', '--')}-{volume.replace('-', '--')}\n",
        "/sys/devices/virtual/block/dm-0/dm/uuid": f"LVM-{'a' * 64}\n",
        "/sys/devices/virtual/block/dm-0/slaves/vda/dev": "254:0\n",
    }
    links = {
        "/sys/dev/block/253:0": "../../devices/virtual/block/dm-0",
        "/sys/dev/block/254:0": f"../../{bus[5:]}/block/vda",
        f"{bus}/driver": "../../../bus/virtio/drivers/virtio_blk",
        "/sys/bus/virtio/drivers/virtio_blk/module": "../../../../module/virtio_blk",
        f"/dev/disk/by-uuid/{name}": "../../dm-0",
    }
    for path, text in files.items():
        tree.add(path, text.encode())
    for path, to in links.items():
        (tree.root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        (tree.root / path[1:]).symlink_to(to)
    os.mknod(tree.root / "dev/dm-0", stat.S_IFBLK | 0o600, os.makedev(253, 0))


def test_lvm(vm):
    """A logical volume whose names have dashes."""
    disk = vm.disk("dump", fs=None, size=1100)
    name = make_volume(disk, "crash-vg", "the-dumps", 1000)
    _, image = build_image(
        vm, f"[Dump]\nTarget=UUID={name}:/crash\n[Image]\nModules=virtio_pci\n",
        prepare=lambda tree: show_volume(tree, name, "crash-vg", "the-dumps"))
    crash_micro(vm, image, disk, append="crashkernel=256M", timeout=300)
    crash = Crash(disk.part(1, 1000), "/crash", vm.logs / "dump")
    show(crash)
    assert crash.manifest["state"] == "complete"
    assert crash.manifest["targets"][0]["device"].startswith("/dev/dm-")
    assert crash.info("--full").returncode == 0


@pytest.mark.long
def test_volume_that_is_not_there(vm):
    """The disk has another group: the record of the next target says what is missing."""
    disk, gone = vm.disk("dump", label="spare", size=1100), str(uuid.uuid4())
    _, image = build_image(
        vm, f"[Dump]\nTarget=UUID={gone}:/crash LABEL=spare:/\nTimeoutSec=2min\n"
            "[Image]\nModules=virtio_pci\n",
        prepare=lambda tree: (show_volume(tree, gone, "crash-vg", "the-dumps"),
                              (tree.root / "dev/disk/by-label").mkdir(),
                              (tree.root / "dev/disk/by-label/spare").symlink_to("../../vda"),
                              os.mknod(tree.root / "dev/vda", stat.S_IFBLK | 0o600,
                                       os.makedev(254, 0))))
    crash_micro(vm, image, disk, append="crashkernel=256M", timeout=200)
    crash = Crash(disk, "/", vm.logs / "dump")
    show(crash)
    assert crash.manifest["state"] == "complete"
    assert "LVM volume crash-vg/the-dumps is not there" in crash.manifest["targets"][0]["reason"]


@pytest.mark.long
def test_lvm_built_on_the_machine(vm):
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


@pytest.mark.long
def test_luks_on_lvm(vm):
    """An encrypted volume that also holds the image: enrolled, crashed, read back after the reboot;
    another build takes the key from the image."""
    tree = storage_tree(vm, "[Dump]\nTarget=file:/var/lib/ukdump/crash\n")
    disk = vm.disk("dump", fs=None, size=1300)
    result = vm.run_system(vm.root_disk(tree), secure_boot=False, append="crashkernel=256M",
                           disks=[disk], timeout=560, memory=1536, reboots=True, script="""
        opened() {
            modprobe dm_crypt
            vgchange -q -ay vault
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
        udevadm trigger --settle $(readlink -f /dev/md/crash)
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
        multipathd
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


def show_session(tree, name, server, **secrets):
    """What build looks at, as if /var/crash were on unit 1 of the server's target."""
    session = "/sys/devices/platform/host2/session1"
    unit = f"{session}/target2:0:0/2:0:0:1"
    values = {"initiatorname": "iqn.2026-01.org.example:guest", "targetname": server.name,
              "tpgt": "1", "username": "(null)", "password": "(null)", "username_in": "(null)",
              "password_in": "(null)"} | secrets
    files = {
        "/proc/self/mountinfo": "22 1 8:0 / / rw - ext4 /dev/sda rw\n",
        f"{unit}/block/sda/dev": "8:0\n",
        "/sys/module/sd_mod/initstate": "live\n",
        "/sys/class/iscsi_connection/connection1:0/persistent_address": f"{GUEST_VIEW}\n",
        "/sys/class/iscsi_connection/connection1:0/persistent_port": f"{server.port}\n",
    } | {f"/sys/class/iscsi_session/session1/{key}": f"{value}\n" for key, value in values.items()}
    links = {
        "/sys/dev/block/8:0": f"../../{unit[5:]}/block/sda",
        f"{unit}/driver": "../../../../../../bus/scsi/drivers/sd",
        "/sys/bus/scsi/drivers/sd/module": "../../../../module/sd_mod",
        f"/dev/disk/by-uuid/{name}": "../../sda",
    }
    for path, text in files.items():
        tree.add(path, text.encode())
    for path, to in links.items():
        (tree.root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        (tree.root / path[1:]).symlink_to(to)
    os.mknod(tree.root / "dev/sda", stat.S_IFBLK | 0o600, os.makedev(8, 0))


@pytest.mark.long
def test_iscsi(vm):
    """A disk on a server that wants CHAP and proves itself, too; the secrets are on no console."""
    disk = vm.disk("dump", label="remote", size=1000)
    name = run("blkid", "-o", "value", "-s", "UUID", disk.path).strip()
    secrets = {"username": "machine", "password": "a long $ecret",
               "username_in": "server", "password_in": "another one's"}
    with Tgt(vm.logs / "tgt", disk.path, "machine", "a long $ecret", "server",
             "another one's") as server:
        _, image = build_image(
            vm, f"[Dump]\nTarget=UUID={name}:/crash\n",
            prepare=lambda tree: show_session(tree, name, server, **secrets))
        result = crash_micro(vm, image, append="crashkernel=256M", timeout=200, qemu_options=[
            "-netdev", "user,id=n0", "-device", "virtio-net-pci,netdev=n0,romfile="])
    crash = Crash(disk, "/crash", vm.logs / "dump")
    show(crash)
    assert crash.manifest["state"] == "complete"
    assert crash.manifest["targets"][0]["device"].startswith("/dev/sd")
    assert crash.info("--full").returncode == 0
    serial = result.serial_path.read_text(errors="replace")
    assert not any(secrets[key] in serial for key in ("password", "password_in"))
