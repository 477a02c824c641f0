# SPDX-License-Identifier: GPL-2.0-or-later
"""Trees of machines with a reservation and a boot loader."""

import json
import os
import shutil
import struct

import pytest

from cli import ctl

MIB = 1 << 20
MACHINE_ID = "0123456789abcdef0123456789abcdef"
GUID = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
DROPIN = "etc/default/grub.d/zz-ukdump.cfg"
RECORD = "var/lib/ukdump/reserve"
# Programs of a tree run in it (chroot), so the shell in there is busybox. What they do is as little as
# the real ones do with crashkernel=; the real ones are in tests/vm/test_reserve.py.
in_tree = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("busybox"),
                             reason="needs root and busybox")


class Tree:
    def __init__(self, path):
        self.path = path

    def put(self, path, content):
        file = self.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)

    def text(self, path):
        return (self.path / path).read_text()

    def ctl(self, *args, **options):
        return ctl(args[0], "--root", self.path, *args[1:], **options)

    def json(self, *args, **options):
        return json.loads(self.ctl(*args, "--json", **options).out)


class Parts:
    """Kernel and initrd of one directory, the rest of another."""

    def __init__(self, own, others):
        self.own, self.others = own, others

    def __truediv__(self, name):
        return (self.others if name == "osrel" else self.own) / name


def manifest(tree, name, where="var/crash", **changes):
    content = {"schema": 1, "state": "complete", "machine": MACHINE_ID,
               "targets": [{"uri": "file:/var/crash", "result": "complete"}],
               "memory": {"total": 150 * MIB, "peak": 40 * MIB}, **changes}
    tree.put(f"{where}/{name}/manifest.json", json.dumps(content))


def debian(path):
    """A Debian machine with 4 GiB, two CPUs and 256 MiB reserved."""
    t = Tree(path)
    t.put("etc/os-release", "ID=debian\n")
    t.put("etc/machine-id", f"{MACHINE_ID}\n")
    t.put("proc/meminfo", "MemTotal: 4000000 kB\n")
    t.put("proc/iomem", "00100000-bfffffff : System RAM\n"
                        "  a0000000-afffffff : Crash kernel\n"
                        "100000000-13fffffff : System RAM\n")
    t.put("proc/cmdline", "root=/dev/vda1 ro crashkernel=256M\n")
    t.put("sys/kernel/kexec_crash_size", f"{256 * MIB}\n")
    t.put("sys/devices/system/cpu/present", "0-1\n")
    return t


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


def with_grub(tree):
    """Makes it one with GRUB and kdump-tools."""
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
