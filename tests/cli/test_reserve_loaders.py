# SPDX-License-Identifier: GPL-2.0-or-later
"""`ukdumpctl reserve` with GRUB, kernel-install and grubby: what is written, run and undone."""

import os
import shutil

import pytest

from reserve_tree import DROPIN, RECORD, efi_text, in_tree, program, shell, with_grub


@pytest.fixture
def grub(tree):
    return with_grub(tree)


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


def test_linked_directory_of_a_tree(grub, tmp_path):
    shutil.rmtree(grub.path / "etc/default/grub.d")
    (tmp_path / "outside").mkdir()
    (grub.path / "etc/default/grub.d").symlink_to(tmp_path / "outside")
    assert "[root.link]" in grub.ctl("reserve", code=1).err
    assert not os.listdir(tmp_path / "outside")
