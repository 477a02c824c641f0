# SPDX-License-Identifier: GPL-2.0-or-later
"""`ukdumpctl reserve` and `reset-crashkernel` on trees with each boot loader.

Programs of a tree run in it (chroot), so the shell in there is busybox. What they do is as little as
the real ones do with crashkernel=; the real ones are in tests/vm/test_reserve.py.
"""

import os
import shutil
import struct

import pefile
import pytest

from cli import ctl
from reserve_tree import MIB

GUID = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
DROPIN = "etc/default/grub.d/zz-ukdump.cfg"
RECORD = "var/lib/ukdump/reserve"
in_tree = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("busybox"),
                             reason="needs root and busybox")


def efi_variable(tree, name, data, guid=GUID):
    file = tree.path / f"sys/firmware/efi/efivars/{name}-{guid}"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(struct.pack("<I", 6) + data)


def efi_text(tree, name, text):
    efi_variable(tree, name, (text + "\0").encode("utf-16-le"))


def shell(tree):
    (tree.path / "usr/bin").mkdir(parents=True, exist_ok=True)
    shutil.copy(shutil.which("busybox"), tree.path / "usr/bin/busybox")
    for name in ("sh", "sed", "cat", "grep"):
        (tree.path / "usr/bin" / name).symlink_to("busybox")
    for name in ("bin", "sbin"):
        (tree.path / name).symlink_to("usr/bin")


def program(tree, path, script):
    tree.put(path, "#!/usr/bin/sh -e\n" + script)
    (tree.path / path).chmod(0o755)


GRUB_MKCONFIG = """\
. /etc/default/grub
for x in ${sysconfdir}/etc/default/grub.d/*.cfg ; do
  if [ -e "${x}" ]; then
    . "${x}"
  fi
done
[ ! -e /broken ] || exit 3
echo "linux /boot/vmlinuz ro ${GRUB_CMDLINE_LINUX} ${GRUB_CMDLINE_LINUX_DEFAULT}" >"$2"
"""


@pytest.fixture
def grub(tree):
    """Debian 13 with GRUB and kdump-tools."""
    shell(tree)
    tree.put("etc/default/grub", 'GRUB_DEFAULT=0\nGRUB_CMDLINE_LINUX_DEFAULT="quiet"\n'
                                 '#GRUB_CMDLINE_LINUX="crashkernel=1M"\n'
                                 'GRUB_CMDLINE_LINUX="dyndbg=\\"file a.c +p\\" crashkernel=64M x"\n')
    tree.put("etc/default/grub.d/kdump-tools.cfg",
             'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT crashkernel=512M-:192M"\n')
    tree.put("boot/grub/grub.cfg", "")
    program(tree, "usr/sbin/grub-mkconfig", GRUB_MKCONFIG)
    program(tree, "usr/sbin/update-grub",
            "exec /usr/sbin/grub-mkconfig -o /boot/grub/grub.cfg\n")
    return tree


def words(line):
    return [w for w in line.split() if w.startswith("crashkernel=")]


@in_tree
def test_grub(grub):
    done = grub.ctl("reserve", "--size", "200M", code=0)
    assert grub.text("boot/grub/grub.cfg") == \
        'linux /boot/vmlinuz ro dyndbg="file a.c +p" x quiet crashkernel=200M\n'
    assert (grub.path / DROPIN).stat().st_mode & 0o777 == 0o644
    assert done.out == f"""\
reserve    crashkernel=200M
by         grub: GRUB is configured in /etc/default/grub.d
--- /dev/null
+++ /{DROPIN}
""" + "".join(f"+{line}\n" for line in grub.text(DROPIN).splitlines()) + """\
ran        /usr/sbin/update-grub
note       crashkernel=64M of /etc/default/grub does not count any more
note       crashkernel=512M-:192M of /etc/default/grub.d/kdump-tools.cfg does not count any more
effect     please reboot the system for the change to take effect
"""
    before = (grub.path / DROPIN).stat().st_mtime_ns
    assert "unchanged  it is there already\n" in grub.ctl("reserve", "--size", "200M", code=0).out
    assert (grub.path / DROPIN).stat().st_mtime_ns == before
    grub.ctl("reserve", "--size", "1G", code=0)
    assert words(grub.text("boot/grub/grub.cfg")) == ["crashkernel=1G"]


@in_tree
def test_grub_is_undone(grub):
    grub.ctl("reserve", code=0)
    assert words(grub.text("boot/grub/grub.cfg")) == ["crashkernel=192M"]
    done = grub.ctl("reserve", "--undo", code=0)
    assert f"--- /{DROPIN}\n+++ /dev/null\n-" in done.out and "ran        " in done.out
    assert not (grub.path / DROPIN).exists()
    assert words(grub.text("boot/grub/grub.cfg")) == ["crashkernel=64M", "crashkernel=512M-:192M"]
    assert "unchanged" in grub.ctl("reserve", "--undo", code=0).out
    assert not (grub.path / RECORD).exists()


@in_tree
def test_grub_that_fails_leaves_all_as_it_was(grub):
    grub.put("broken", "")
    done = grub.ctl("reserve", code=1)
    assert "zz-ukdump.cfg is as it was before" in done.err and "update-grub" in done.err
    assert not (grub.path / DROPIN).exists()
    (grub.path / "broken").unlink()
    grub.ctl("reserve", "--size", "192M", code=0)
    old = grub.text(DROPIN)
    grub.put("broken", "")
    grub.ctl("reserve", "--size", "208M", code=1)
    assert grub.text(DROPIN) == old
    assert sorted(os.listdir(grub.path / "etc/default/grub.d")) == ["kdump-tools.cfg",
                                                                    "zz-ukdump.cfg"]


@in_tree
def test_what_was_cut_off_is_done_again(grub):
    """The file is there, but nobody knows whether GRUB was told."""
    grub.ctl("reserve", code=0)
    grub.put("boot/grub/grub.cfg", "old\n")
    assert "unchanged" in grub.ctl("reserve", code=0).out
    grub.put("broken", "")
    grub.ctl("reserve", "--size", "208M", code=1)
    (grub.path / "broken").unlink()
    assert grub.text("boot/grub/grub.cfg") == "old\n"
    assert "ran        /usr/sbin/update-grub" in grub.ctl("reserve", code=0).out
    assert words(grub.text("boot/grub/grub.cfg")) == ["crashkernel=192M"]
    assert "unchanged" in grub.ctl("reserve", code=0).out


def test_dry_run_changes_nothing(grub):
    done = grub.ctl("reserve", "--dry-run", code=0)
    assert "+GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT crashkernel=192M\"" in done.out
    assert "would run  /usr/sbin/update-grub\n" in done.out
    assert "effect     after a reboot\n" in done.out
    assert "size       the default, since nothing was measured" in done.out
    assert not (grub.path / DROPIN).exists() and not (grub.path / RECORD).exists()
    facts = grub.json("reserve", "--dry-run")
    assert facts["commands"] == [["/usr/sbin/update-grub"]]
    assert facts["crashkernel"] == "crashkernel=192M" and facts["method"] == "grub"
    assert facts["dry_run"] and facts["changed"] and facts["reboot_needed"]
    assert facts["file"] == "/" + DROPIN and facts["before"] is None
    assert facts["reserved_bytes"] == 256 * MIB and len(facts["notes"]) == 2
    (grub.path / "usr/sbin/update-grub").unlink()
    assert grub.json("reserve", "--dry-run")["commands"] == [
        ["/usr/sbin/grub-mkconfig", "-o", "/boot/grub/grub.cfg"]]


@pytest.mark.parametrize("running, effect", [
    ("ro crashkernel=192M", "in force"),
    ("ro crashkernel=1M quiet crashkernel=192M", "in force"),
    ("ro", "after a reboot"),
    ("ro crashkernel=192M crashkernel=8M,cma", "after a reboot"),
])
def test_effect(grub, running, effect):
    grub.put("proc/cmdline", running + "\n")
    assert grub.ctl("reserve", "--dry-run", code=0).out.endswith(f"effect     {effect}\n")


def test_reserved_nothing(grub):
    grub.put("proc/cmdline", "crashkernel=192M\n")
    grub.put("sys/kernel/kexec_crash_size", "0\n")
    assert "the kernel reserved nothing" in grub.ctl("reserve", "--dry-run", code=0).out


def reserved(tree, *options, conf="", **keywords):
    tree.put("etc/ukdump/ukdump.conf", "[Reserve]\n" + conf)
    return tree.json("reserve", "--dry-run", *options, **keywords)["crashkernel"]


def test_sizes(grub):
    assert reserved(grub, "--size", "auto", conf="Size=512M\n") == "crashkernel=192M"
    assert reserved(grub, conf="Size=512M\n") == "crashkernel=512M"
    assert reserved(grub, "--size", "1536M", conf="Size=512M\n") == "crashkernel=1536M"
    assert reserved(grub, "--size", "2G") == "crashkernel=2G"
    assert reserved(grub, "--high") == "crashkernel=192M,high"
    assert reserved(grub, conf="High=1G\nLow=128M\n") == \
        "crashkernel=1G,high crashkernel=128M,low"
    assert reserved(grub, "--size", "300M", conf="High=1G\nLow=128M\n") == \
        "crashkernel=300M,high crashkernel=128M,low"
    assert reserved(grub, "--low", conf="High=1G\nLow=128M\n") == "crashkernel=192M"
    done = grub.ctl("reserve", "--dry-run", "--size", "100M", code=0)
    assert "warning: 100.0 MiB are less than the estimated 192.0 MiB" in done.err
    assert "[reserve.size]" in grub.ctl("reserve", "--dry-run", "--size", "3G", code=1).err


def test_too_small_for_the_image(grub, parts):
    images = grub.path / "var/lib/ukdump/images"
    images.mkdir(parents=True)
    ctl("build", "--kernel", parts / "kernel", "--initrd", parts / "initrd", "--osrel",
        parts / "osrel", "--cmdline", "panic=1", "--no-uefi", "--no-sign", "-o",
        images / "6.1-x.efi", code=0)
    assert "[reserve.size]" in grub.ctl("reserve", "--dry-run", "--size", "1M", code=1).err
    assert "[reserve.size]" in grub.ctl("reserve", "--shrink", "--size", "1M", code=1).err


def test_cma(grub):
    assert "Linux 6.17" in grub.ctl("reserve", "--cma", code=1).err
    assert "[reserve.cma]" in grub.ctl("reserve", "--cma", code=1).err
    grub.put("sys/kernel/kexec_crash_cma_ranges", "")
    assert reserved(grub, "--cma") == "crashkernel=80M crashkernel=112M,cma"
    assert reserved(grub, "--high", conf="Cma=yes\n") == \
        "crashkernel=80M,high crashkernel=112M,cma"
    assert reserved(grub, conf="Cma=auto\n") == "crashkernel=192M"
    assert "nothing is left" in grub.ctl("reserve", "--cma", "--size", "90M", code=1).err
    grub.put("etc/ukdump/ukdump.conf", "[Dump]\nDumpLevel=1\n")
    assert "DumpLevel=1" in grub.ctl("reserve", "--dry-run", "--cma", code=0).err


def test_reset(grub):
    assert "crashkernel=512M-:192M\"" in grub.ctl("reset-crashkernel", "--kernel", "ALL",
                                                  "--dry-run", code=0).out
    assert "takes ALL only" in grub.ctl("reset-crashkernel", "--kernel", "/boot/x", code=2).err


@pytest.fixture
def entries(tree):
    """Debian 13 with systemd-boot and two kernels, and modules of one that is gone."""
    shell(tree)
    efi_text(tree, "LoaderInfo", "systemd-boot 257.8-1~deb13u1")
    tree.put("usr/lib/modules/6.12.9/vmlinuz", "")
    tree.put("usr/lib/modules/6.1.0/modules.dep", "")
    tree.put("usr/lib/modules/6.12.43+deb13-amd64/modules.dep", "")
    tree.put("boot/vmlinuz-6.12.43+deb13-amd64", "")
    tree.put("boot/initrd.img-6.12.43+deb13-amd64", "")
    tree.put("etc/kernel/cmdline", "root=UUID=1234 ro  crashkernel=128M quiet\n")
    (tree.path / "etc/kernel/cmdline").chmod(0o640)
    program(tree, "usr/bin/kernel-install",
            'echo "$2: $(cat /etc/kernel/cmdline)" >>/log\n[ ! -e /broken ]\n')
    return tree


@in_tree
def test_kernel_install(entries):
    done = entries.ctl("reserve", code=0)
    line = "root=UUID=1234 ro quiet crashkernel=192M"
    assert done.out == f"""\
reserve    crashkernel=192M
size       the default, since nothing was measured on this machine yet
by         kernel-install: kernel-install makes the boot loader's entries
--- /etc/kernel/cmdline
+++ /etc/kernel/cmdline
-root=UUID=1234 ro  crashkernel=128M quiet
+{line}
ran        /usr/bin/kernel-install add 6.12.9 /usr/lib/modules/6.12.9/vmlinuz
ran        /usr/bin/kernel-install add 6.12.43+deb13-amd64 /boot/vmlinuz-6.12.43+deb13-amd64 \
/boot/initrd.img-6.12.43+deb13-amd64
note       replaced: crashkernel=128M
effect     please reboot the system for the change to take effect
"""
    assert entries.text("etc/kernel/cmdline") == line + "\n"
    assert (entries.path / "etc/kernel/cmdline").stat().st_mode & 0o777 == 0o640
    assert entries.text("log") == f"6.12.9: {line}\n6.12.43+deb13-amd64: {line}\n"
    assert "unchanged" in entries.ctl("reserve", code=0).out

    # the record has what was there before the first time
    entries.ctl("reserve", "--size", "1G", code=0)
    entries.put("etc/kernel/cmdline", "root=UUID=1234 splash crashkernel=1G\n")
    entries.ctl("reserve", "--undo", code=0)
    assert entries.text("etc/kernel/cmdline") == "root=UUID=1234 splash crashkernel=128M\n"
    assert not (entries.path / RECORD).exists()
    assert "[reserve.undo]" in entries.ctl("reserve", "--undo", code=1).err


@in_tree
def test_kernel_install_that_fails(entries):
    old = entries.text("etc/kernel/cmdline")
    entries.put("broken", "")
    assert "is as it was before" in entries.ctl("reserve", code=1).err
    assert entries.text("etc/kernel/cmdline") == old
    assert "etc/kernel/cmdline.tmp" not in " ".join(os.listdir(entries.path / "etc/kernel"))


@in_tree
def test_no_cmdline_yet(entries):
    (entries.path / "etc/kernel/cmdline").unlink()
    entries.put("proc/cmdline", "initrd=\\EFI\\x BOOT_IMAGE=/x root=/dev/vda1  crashkernel=64M ro\n")
    out = entries.ctl("reserve", code=0).out
    assert "/etc/kernel/cmdline was not there: it has the line of the running kernel now" in out
    assert entries.text("etc/kernel/cmdline") == "root=/dev/vda1 ro crashkernel=192M\n"
    entries.ctl("reserve", "--undo", code=0)
    assert entries.text("etc/kernel/cmdline") == "root=/dev/vda1 ro crashkernel=64M\n"
    (entries.path / "etc/kernel/cmdline").unlink()
    entries.put("usr/lib/kernel/cmdline", "root=/dev/x\n")
    assert entries.json("reserve", "--dry-run")["after"] == "root=/dev/x crashkernel=192M\n"
    (entries.path / "usr/lib/kernel/cmdline").unlink()
    (entries.path / "proc/cmdline").unlink()
    assert "[reserve.cmdline]" in entries.ctl("reserve", code=1).err


def test_no_kernel(entries):
    (entries.path / "boot/vmlinuz-6.12.43+deb13-amd64").unlink()
    (entries.path / "usr/lib/modules/6.12.9/vmlinuz").unlink()
    assert "[reserve.kernel]" in entries.ctl("reserve", code=1).err
    assert "crashkernel=128M" in entries.text("etc/kernel/cmdline")


GRUBBY = r"""
cd /boot/loader/entries
echo "$*" >>/log
for f in *.conf; do
	case $1 in
	--info=ALL)
		echo "index=0"
		sed -n 's/^options \(.*\)/args="\1"/p' "$f" ;;
	*)
		case $2 in
		--remove-args=*) sed -i -E "/^options/s/ ${2#*=}=[^ ]*//g" "$f" ;;
		--args=*) sed -i "/^options/s/\$/ ${2#*=}/" "$f" ;;
		esac ;;
	esac
done
"""


@pytest.fixture
def fedora(tree):
    shell(tree)
    tree.put("etc/os-release", 'ID=fedora\n')
    for version in ("6.16", "6.17"):
        tree.put(f"boot/loader/entries/x-{version}.conf",
                 f"version {version}\noptions root=UUID=1 ro crashkernel=2G-64G:256M rhgb\n")
    program(tree, "usr/sbin/grubby", GRUBBY)
    tree.put("boot/grub2/grub.cfg", "")
    return tree


def options_of(tree):
    entries = tree.path / "boot/loader/entries"
    return {line for f in entries.iterdir() for line in f.read_text().splitlines()
            if line.startswith("options")}


@in_tree
def test_grubby(fedora):
    done = fedora.ctl("reserve", "--size", "300M", code=0)
    assert done.out == """\
reserve    crashkernel=300M
by         grubby: grubby is installed
ran        /usr/sbin/grubby --update-kernel=ALL --remove-args=crashkernel
ran        /usr/sbin/grubby --update-kernel=ALL --args=crashkernel=300M
note       replaced: crashkernel=2G-64G:256M
effect     please reboot the system for the change to take effect
"""
    assert options_of(fedora) == {"options root=UUID=1 ro rhgb crashkernel=300M"}
    calls = fedora.text("log")
    assert "unchanged" in fedora.ctl("reserve", "--size", "300M", code=0).out
    assert fedora.text("log") == calls + "--info=ALL\n"
    # one kernel that lacks it is enough to do it again
    fedora.put("boot/loader/entries/x-6.18.conf", "options root=UUID=1 ro rhgb\n")
    fedora.ctl("reserve", "--size", "300M", code=0)
    assert options_of(fedora) == {"options root=UUID=1 ro rhgb crashkernel=300M"}
    fedora.ctl("reserve", "--undo", code=0)
    assert options_of(fedora) == {"options root=UUID=1 ro rhgb crashkernel=2G-64G:256M"}
    assert "[reserve.undo]" in fedora.ctl("reserve", "--undo", code=1).err


@in_tree
def test_grubby_keeps_one_word(fedora):
    fedora.put("etc/ukdump/ukdump.conf", "[Reserve]\nHigh=1G\nLow=128M\n")
    assert "[reserve.grubby]" in fedora.ctl("reserve", code=1).err
    assert len(options_of(fedora)) == 1
    fedora.ctl("reset-crashkernel", code=0)
    assert options_of(fedora) == {"options root=UUID=1 ro rhgb crashkernel=2G-64G:256M,64G-:512M"}


@pytest.fixture
def uki(tree, signers):
    """A machine that booted a UKI from its ESP on /efi; ukdump has a key of the site."""
    efi_text(tree, "LoaderInfo", "systemd-boot 257.8-1~deb13u1")
    efi_text(tree, "StubInfo", "systemd-stub 257.8-1~deb13u1")
    efi_variable(tree, "StubFeatures", struct.pack("<Q", 0xff))
    efi_text(tree, "StubImageIdentifier", "\\EFI\\Linux\\debian.efi")
    tree.put("efi/EFI/Linux/debian.efi", "")
    tree.put("boot/EFI/other.efi", "")
    for name in ("key", "crt"):
        tree.put(f"etc/ukdump/keys/local.{name}", (signers / f"signer.{name}").read_text())
        (tree.path / f"etc/ukdump/keys/local.{name}").chmod(0o600)
    return tree


ADDON = "efi/loader/addons/ukdump-crashkernel.addon.efi"


def command_line(path):
    with pefile.PE(path, fast_load=True) as image:
        (section,) = [s for s in image.sections if s.Name.rstrip(b"\0") == b".cmdline"]
        return image.__data__[section.PointerToRawData:][:section.Misc_VirtualSize].decode()


def test_addon(uki, signers):
    done = uki.ctl("reserve", code=0)
    assert done.out == f"""\
reserve    crashkernel=192M
size       the default, since nothing was measured on this machine yet
by         addon: systemd-stub has started the kernel from a UKI
--- /dev/null
+++ /{ADDON}
+crashkernel=192M
effect     please reboot the system for the change to take effect
"""
    assert command_line(uki.path / ADDON) == "crashkernel=192M"
    verdict = ctl("verify", "--trust", signers / "signer.crt", uki.path / ADDON, code=0)
    assert "addon" in verdict.out
    before = (uki.path / ADDON).stat().st_mtime_ns
    assert "unchanged" in uki.ctl("reserve", code=0).out
    assert (uki.path / ADDON).stat().st_mtime_ns == before
    out = uki.ctl("reserve", "--size", "1G", "--high", code=0).out
    assert f"--- /{ADDON}\n+++ /{ADDON}\n-crashkernel=192M\n+crashkernel=1G,high\n" in out
    assert command_line(uki.path / ADDON) == "crashkernel=1G,high"
    assert os.listdir((uki.path / ADDON).parent) == ["ukdump-crashkernel.addon.efi"]
    uki.ctl("reserve", "--undo", code=0)
    assert not (uki.path / ADDON).exists()
    assert "unchanged" in uki.ctl("reserve", "--undo", code=0).out


def test_addon_for_one_uki(uki):
    uki.ctl("reserve", "--uki", "/boot/EFI/other.efi", code=0)
    addon = uki.path / "boot/EFI/other.efi.extra.d/ukdump-crashkernel.addon.efi"
    assert command_line(addon) == "crashkernel=192M"
    assert not (uki.path / ADDON).exists()
    assert "[reserve.uki]" in uki.ctl("reserve", "--uki", "/boot/EFI/none.efi", code=1).err
    assert "[reserve.uki]" in uki.ctl("reserve", "--uki", "other.efi", code=1).err
    uki.ctl("reserve", "--uki", "/boot/EFI/other.efi", "--undo", code=0)
    assert not addon.exists()


def test_addon_that_firmware_would_not_take(uki, signers):
    """Under Secure Boot: refused, and the old one stays."""
    uki.ctl("reserve", code=0)
    old = (uki.path / ADDON).read_bytes()
    efi_variable(uki, "SecureBoot", b"\1", "8be4df61-93ca-11d2-aa0d-00e098032b8c")
    done = uki.ctl("reserve", "--size", "1G", code=1)
    assert "[reserve.key]" in done.err and "mokutil" in done.err
    assert (uki.path / ADDON).read_bytes() == old
    assert os.listdir((uki.path / ADDON).parent) == ["ukdump-crashkernel.addon.efi"]
    x509 = bytes.fromhex("a159c0a5e494a74a87b5ab155c2bf072")
    der = (signers / "signer.der").read_bytes()
    efi_variable(uki, "db", x509 + struct.pack("<III", 28 + 16 + len(der), 0, 16 + len(der)) +
                 bytes(16) + der, "d719b2cb-3d3a-4596-a3bc-dad00e67656f")
    uki.ctl("reserve", "--size", "1G", code=0)
    assert command_line(uki.path / ADDON) == "crashkernel=1G"


def test_damaged_addon_is_replaced(uki):
    uki.put(ADDON, "no PE")
    assert "note       " in uki.ctl("reserve", code=0).out
    assert command_line(uki.path / ADDON) == "crashkernel=192M"
    uki.put(ADDON, "no PE")
    uki.ctl("reserve", "--undo", code=0)
    assert not (uki.path / ADDON).exists()


def test_esp_that_is_not_mounted(uki):
    (uki.path / "efi/EFI/Linux/debian.efi").unlink()
    done = uki.ctl("reserve", code=1)
    assert "[reserve.esp]" in done.err and "/EFI/Linux/debian.efi" in done.err


def test_nobody_to_tell(tree, uki):
    efi_variable(uki, "StubFeatures", struct.pack("<Q", 0x1f))  # as systemd-stub 252 has it
    done = uki.ctl("reserve", code=1)
    assert done.out == "crashkernel=192M\n"
    assert "nothing was written" in done.err and "too old for addons" in done.err
    assert uki.ctl("reserve", "--dry-run", code=0).out == "crashkernel=192M\n"
    assert uki.json("reserve", "--dry-run")["method"] == "none"
    assert "[reserve.undo]" in uki.ctl("reserve", "--undo", code=1).err


def test_linked_directory_of_a_tree(grub, tmp_path):
    shutil.rmtree(grub.path / "etc/default/grub.d")
    (tmp_path / "outside").mkdir()
    (grub.path / "etc/default/grub.d").symlink_to(tmp_path / "outside")
    assert "[root.link]" in grub.ctl("reserve", code=1).err
    assert not os.listdir(tmp_path / "outside")


def test_shrink(tree):
    out = tree.ctl("reserve", "--shrink", code=0).out
    assert out == "Reserved 192MB memory for crash kernel, before 256MB\n"
    assert tree.text("sys/kernel/kexec_crash_size") == f"{192 * MIB}\n"
    assert tree.json("reserve", "--shrink", "--size", "1G") == {
        "schema": 1, "before_bytes": 192 * MIB, "reserved_bytes": 192 * MIB}
    tree.put("sys/kernel/kexec_crash_loaded", "1\n")
    done = tree.ctl("reserve", "--shrink", "--size", "160M", code=1)
    assert "[reserve.armed]" in done.err and "ukdumpctl stop" in done.err
    assert tree.text("sys/kernel/kexec_crash_size") == f"{192 * MIB}\n"


@pytest.mark.parametrize("options", [
    ["--size", "x"], ["--size", "0"], ["--size", "-1"], ["--high", "--low"], ["--key", "x"],
    ["--undo", "--size", "1M"], ["--undo", "--cma"], ["--shrink", "--dry-run"], ["x"],
], ids=" ".join)
def test_usage(tree, options):
    tree.ctl("reserve", *options, code=2)
    assert not (tree.path / RECORD).exists()
