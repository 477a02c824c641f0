# SPDX-License-Identifier: GPL-2.0-or-later
"""`ukdumpctl reserve` with real boot loaders: what is written has the kernel reserve that much.

Each guest boots, reserves, and boots again from the same disks.
"""

import shutil

import pytest

from vmbed import initramfs, packages
from vmbed.bed import CMDLINE, micro_esp
from vmbed.paths import BUILD, run

MIB = 1 << 20
FACTS = """
        report_from cmdline </proc/cmdline
        report_from size </sys/kernel/kexec_crash_size
        mkdir -p /efi
        modprobe vfat
"""
MACHINE_ID = "0123456789abcdef0123456789abcdef"


def words(result):
    return [w for w in result.get("cmdline").split() if w.startswith("crashkernel=")]


def assert_reserved(result, *expected, size):
    assert words(result) == [*expected]
    assert int(result.get("size")) == size


@pytest.mark.long
def test_addon(vm):
    """Under Secure Boot, where nothing else can change the command line of the UKI."""
    image = vm.logs / "esp.img"
    shutil.copyfile(micro_esp(vm.kernel("6.12")), image)
    files = {name: vm.keys() / name for name in ("db.key", "db.crt", "foreign.key", "foreign.crt")}

    def boot(script):
        return vm.run_esp(image, programs=[BUILD / "ukdumpctl"], files=files, check=True,
                          script=FACTS + """
        modprobe nls_cp437
        modprobe nls_ascii
        mount -t vfat "$(disk esp)" /efi
        for k in db foreign; do cp /payload/$k.key /tmp/$k.key; chmod 600 /tmp/$k.key; done
        """ + script + """
        umount /efi
        """)

    first = boot("""
        attempt foreign ukdumpctl reserve --size 160M --key /tmp/foreign.key \\
            --cert /payload/foreign.crt
        attempt nothing find /efi -name '*.addon.efi*'
        attempt reserve ukdumpctl reserve --size 160M --key /tmp/db.key --cert /payload/db.crt
        attempt there find /efi -name '*.addon.efi*'
    """)
    assert_reserved(first, size=0)
    assert first.get("foreign.status") == "1" and "[reserve.key]" in first.get("foreign")
    assert first.get("nothing") in (None, "")
    assert first.get("reserve.status") == "0", first.get("reserve")
    assert "please reboot" in first.get("reserve")
    assert first.get("there") == "/efi/loader/addons/ukdump-crashkernel.addon.efi"

    second = boot("""
        attempt again ukdumpctl reserve --size 160M --key /tmp/db.key --cert /payload/db.crt
        attempt shrink ukdumpctl reserve --shrink --size 128M
        report_from shrunk </sys/kernel/kexec_crash_size
        attempt undo ukdumpctl reserve --undo
    """)
    assert_reserved(second, "crashkernel=160M", size=160 * MIB)
    assert "unchanged" in second.get("again") and "in force" in second.get("again")
    assert second.get("shrink.status") == "0", second.get("shrink")
    assert int(second.get("shrunk")) == 128 * MIB
    assert second.get("undo.status") == "0", second.get("undo")
    assert_reserved(boot(""), size=0)


def fat(image, source):
    """A FAT image with the files below source."""
    size = sum(f.stat().st_size for f in source.rglob("*") if f.is_file()) // MIB
    run("truncate", "-s", f"{2 * size + 40}M", image)  # kernel-install writes before it removes
    run("mkfs.vfat", "-F", "32", "-n", "ESP", image)
    run("mcopy", "-s", "-i", image, *sorted(source.iterdir()), "::")
    return image


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, str):
        path.write_text(content)
    else:
        shutil.copyfile(content, path)


LINE = f"{CMDLINE} bed.root=root systemd.show_status=0"


def installed_tree(vm):
    """The system guest with ukdump, its kernel and the initrd that hands over to the disk."""
    tree = vm.system_tree()
    tree.install()
    kernel = tree.kernel
    put(tree.root / f"boot/initrd.img-{kernel.version}", initramfs.micro(kernel))
    return tree, kernel


def boot_system(vm, image, root, script):
    return vm.run_esp(image, secure_boot=False, disks=[root], timeout=240, check=True,
                      script=FACTS + "mount /dev/disk/by-id/virtio-esp /efi\n" + script +
                      "\numount /efi\n")


@pytest.mark.long
def test_systemd_boot(vm):
    """Debian 13's systemd-boot; its kernel-install makes the entry anew."""
    tree, kernel = installed_tree(vm)
    etc, esp = tree.root / "etc/kernel", vm.logs / "esp"
    put(etc / "cmdline", f"{LINE} crashkernel=64M quiet\n")
    put(etc / "install.conf", "layout=bls\nBOOT_ROOT=/efi\ninitrd_generator=none\n")
    # what is slow in a guest and has nothing to do with the entry
    for plugin in ("50-depmod", "50-dracut", "51-dracut-rescue"):
        (etc / "install.d").mkdir(exist_ok=True)
        (etc / f"install.d/{plugin}.install").symlink_to("/dev/null")
    put(esp / "EFI/BOOT/BOOTX64.EFI",
        tree.root / "usr/lib/systemd/boot/efi/systemd-bootx64.efi")
    put(esp / "loader/loader.conf", "timeout 0\n")
    folder = f"{MACHINE_ID}/{kernel.version}"
    put(esp / folder / "linux", kernel.image)
    put(esp / folder / f"initrd.img-{kernel.version}", initramfs.micro(kernel))
    put(esp / f"loader/entries/{MACHINE_ID}-{kernel.version}.conf",
        f"title Debian\nversion {kernel.version}\noptions {LINE} quiet crashkernel=64M\n"
        f"linux /{folder}/linux\ninitrd /{folder}/initrd.img-{kernel.version}\n")
    image, root = fat(vm.logs / "esp.img", esp), vm.root_disk(tree)

    first = boot_system(vm, image, root, """
        attempt reserve ukdumpctl reserve --size 160M
    """)
    assert_reserved(first, "crashkernel=64M", size=64 * MIB)
    assert first.get("reserve.status") == "0", first.get("reserve")
    assert f"ran        /usr/bin/kernel-install add {kernel.version}" in first.get("reserve")
    assert "replaced: crashkernel=64M" in first.get("reserve")
    second = boot_system(vm, image, root, """
        attempt again ukdumpctl reserve --size 160M
        attempt undo ukdumpctl reserve --undo
    """)
    assert_reserved(second, "crashkernel=160M", size=160 * MIB)
    assert "quiet" in second.get("cmdline").split()
    assert "in force" in second.get("again")
    assert second.get("undo.status") == "0", second.get("undo")
    assert_reserved(boot_system(vm, image, root, ""), "crashkernel=64M", size=64 * MIB)


@pytest.mark.long
def test_grub(vm):
    """Debian 13's GRUB and grub-mkconfig, with kdump-tools' drop-in beside ours."""
    tree, kernel = installed_tree(vm)
    grub = packages.Suite("trixie").unpack(
        "grub", ["grub-efi-amd64-bin", "grub2-common", "grub-common"], with_depends=True)
    run("cp", "-a", f"{grub}/etc/grub.d", tree.root / "etc")
    # not over what the tree has: libraries of another day
    run("cp", "-an", f"{grub}/usr/.", tree.root / "usr")
    etc, esp = tree.root / "etc/default", vm.logs / "esp"
    put(etc / "grub", 'GRUB_DEFAULT=0\nGRUB_TIMEOUT=0\nGRUB_DISABLE_OS_PROBER=true\n'
                      f'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\nGRUB_CMDLINE_LINUX="{LINE}"\n')
    put(etc / "grub.d/kdump-tools.cfg",
        'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT crashkernel=64M"\n')
    put(tree.root / "boot/grub/grub.cfg",
        f"linux /boot/vmlinuz-{kernel.version} {LINE} quiet crashkernel=64M\n"
        f"initrd /boot/initrd.img-{kernel.version}\nboot\n")
    put(esp / "EFI/BOOT/BOOTX64.EFI",
        grub / "usr/lib/grub/x86_64-efi/monolithic/grubx64.efi")
    put(esp / "EFI/debian/grub.cfg",
        "search --label --set=root root\nset prefix=($root)/boot/grub\n"
        "configfile $prefix/grub.cfg\n")
    image, root = fat(vm.logs / "esp.img", esp), vm.root_disk(tree)
    root.bootindex = 2

    first = boot_system(vm, image, root, """
        attempt reserve ukdumpctl reserve --size 160M
        report_from cfg </boot/grub/grub.cfg
    """)
    assert_reserved(first, "crashkernel=64M", size=64 * MIB)
    assert first.get("reserve.status") == "0", first.get("reserve")
    assert "crashkernel=64M of /etc/default/grub.d/kdump-tools.cfg" in first.get("reserve")
    second = boot_system(vm, image, root, """
        attempt again ukdumpctl reserve --size 160M
        attempt undo ukdumpctl reserve --undo
    """)
    assert_reserved(second, "crashkernel=160M", size=160 * MIB)
    assert "in force" in second.get("again")
    assert second.get("undo.status") == "0", second.get("undo")
    assert_reserved(boot_system(vm, image, root, ""), "crashkernel=64M", size=64 * MIB)
