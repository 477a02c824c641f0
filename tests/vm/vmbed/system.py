# SPDX-License-Identifier: GPL-2.0-or-later
"""The system guest: Debian 13 with systemd, as a tree to install into and as a disk to boot.

The pristine tree is built once by mmdebstrap; what is installed goes into a copy of it.
"""

import hashlib
import os
import select
import shutil
import subprocess
import time
from pathlib import Path

from . import initramfs, packages
from .paths import CACHE, REPO, BedError, filling_cache, remove, replacing, run, say

PACKAGES = [
    "linux-image-amd64", "systemd", "systemd-sysv", "udev", "dbus", "kmod", "dracut", "cpio",
    "zstd", "xz-utils", "systemd-boot-efi", "kexec-tools", "makedumpfile", "e2fsprogs",
    "xfsprogs", "btrfs-progs", "openssl", "libjson-c5", "libkdumpfile10", "libblkid1", "libmd0",
    "libssl3t64", "binutils", "procps", "mokutil",
    # What a capture image for other than plain local disks is made of.
    "dracut-network", "systemd-cryptsetup", "cryptsetup-bin", "lvm2", "mdadm", "multipath-tools",
    "open-iscsi", "openssh-client", "age", "libcurl4t64", "ca-certificates", "iproute2",
]

# What a guest without network, users and screens need not start.
MASKED = [
    "systemd-timesyncd.service", "systemd-networkd.service", "systemd-resolved.service",
    "systemd-logind.service", "systemd-hwdb-update.service", "systemd-update-utmp.service",
    "systemd-random-seed.service", "systemd-journal-flush.service", "getty.target",
    "getty-static.service", "serial-getty@ttyS0.service", "apt-daily.timer",
    "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer",
    "e2scrub_reap.service", "fstrim.timer", "kdump-tools.service", "kexec.service",
    "kexec-load.service", "systemd-binfmt.service", "systemd-pcrmachine.service",
    "systemd-pcrphase.service", "systemd-pcrphase-sysinit.service", "modprobe@drm.service",
    "dev-hugepages.mount", "dev-mqueue.mount", "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount", "dbus.service", "dbus.socket", "motd-news.timer",
    "multipathd.service", "multipathd.socket", "modprobe@dm_multipath.service",
    "lvm2-monitor.service", "open-iscsi.service", "iscsid.service", "iscsid.socket",
    "mdmonitor.service",
]

# Hardware that udev would load a driver for under emulation, a second or more each.
BLACKLISTED = [
    "bochs", "ahci", "kvm", "kvm_amd", "kvm_intel", "iTCO_wdt", "i2c_i801", "lpc_ich", "psmouse",
    "pcspkr", "joydev", "evdev", "serio_raw", "sg", "button", "efi_pstore", "qemu_fw_cfg", "drm",
    "ghash_clmulni_intel", "aesni_intel", "sha512_ssse3", "sha256_ssse3", "sha1_ssse3",
    "crct10dif_pclmul", "polyval_clmulni", "intel_agp",
]

UNIT = """\
# Runs the script of the payload disk and powers off; part of ukdump's test bed.
[Unit]
Description=Test script of the payload disk
After=multi-user.target

[Service]
Type=oneshot
ExecStartPre=/bin/mkdir -p /payload
ExecStartPre=/bin/udevadm wait --timeout=90 /dev/disk/by-id/virtio-payload
ExecStartPre=/bin/mount -o ro /dev/disk/by-id/virtio-payload /payload
ExecStart=/payload/run-script
StandardOutput=journal+console
StandardError=inherit
TimeoutStartSec=infinity

[Install]
WantedBy=multi-user.target
"""


class Tree:
    """A guest tree to install into and to run commands in."""

    def __init__(self, root):
        self.root = Path(root)

    @classmethod
    def copy(cls, target):
        """A working copy of the pristine tree, in a second or two."""
        remove(Path(target))
        run("cp", "-a", pristine(), target)
        return cls(target)

    @property
    def kernel(self):
        """The guest's own kernel; vmbed builds a UKI around it to boot the disk."""
        return packages.Kernel("system", self.root)

    def install(self, *make_arguments):
        """`make install` of this checkout into the tree."""
        run("make", "install", f"DESTDIR={self.root}", "PREFIX=/usr", *make_arguments,
            cwd=REPO)

    def chroot(self, *argv, timeout=300, **environment):
        """Runs a command inside; there is no /proc, which dracut and ours can do without."""
        return run("chroot", self.root, "/usr/bin/env", "-i",
                   "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", "HOME=/root",
                   "LC_ALL=C.UTF-8", *(f"{k}={v}" for k, v in environment.items()), *argv,
                   timeout=timeout)

    def add(self, guest, source):
        """Puts a host file (or bytes) at a guest path, replacing what is there."""
        remove(self.root / str(guest).lstrip("/"))
        initramfs.add_file(self.root, guest, source)


@filling_cache
def pristine():
    """Builds the pristine tree if it is not there; progress is printed while it is built."""
    recipe = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    tree = CACHE / "guest" / f"trixie-{recipe}"
    if tree.is_dir():
        return tree
    remove(tree.parent)  # those of older recipes
    say("system guest: building Debian 13 with mmdebstrap, half a minute or more")
    with replacing(tree) as partial:
        _watch(["mmdebstrap", "--verbose", "--mode=root", "--variant=minbase", "--skip=check/qemu",
                f"--include={','.join(PACKAGES)}",
                "--aptopt=APT::Install-Recommends \"false\"",
                "--aptopt=Acquire::Languages \"none\"",
                "--dpkgopt=path-exclude=/usr/share/man/*",
                "--dpkgopt=path-exclude=/usr/share/doc/*",
                "--dpkgopt=path-exclude=/usr/share/locale/*",
                "trixie", partial, packages.Suite("trixie").sources()],
               # Debian's dracut hook: no generic initrd at kernel installation, 14 s less.
               env=dict(os.environ, INITRD="No", DEBIAN_FRONTEND="noninteractive"))
        _customize(partial)
    return tree


def _customize(root):
    say("system guest: trimming")
    (root / "etc/hostname").write_text("ukdump-guest\n")
    (root / "etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n")
    (root / "etc/fstab").write_text("")
    (root / "etc/modprobe.d/ukdump-test.conf").write_text(
        "".join(f"blacklist {m}\n" for m in BLACKLISTED))
    for unit in MASKED:
        target = root / "etc/systemd/system" / unit
        remove(target)
        target.symlink_to("/dev/null")
    (root / "etc/systemd/system/ukdump-test.service").write_text(UNIT)
    wants = root / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(exist_ok=True)
    (wants / "ukdump-test.service").symlink_to("/etc/systemd/system/ukdump-test.service")
    default = root / "etc/systemd/system/default.target"
    remove(default)
    default.symlink_to("/usr/lib/systemd/system/multi-user.target")
    # journald: nothing to flush to the disk, which is thrown away after a run.
    journald = root / "etc/systemd/journald.conf.d"
    journald.mkdir(parents=True, exist_ok=True)
    (journald / "ukdump-test.conf").write_text("[Journal]\nStorage=volatile\n")
    shutil.rmtree(root / "var/cache/apt", ignore_errors=True)
    for lists in (root / "var/lib/apt/lists").glob("*"):
        remove(lists)


def _watch(argv, env, interval=3.0):
    """Runs a long program; every few seconds prints the last line that it wrote."""
    argv = [str(a) for a in argv]
    process = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    output, due = b"", time.monotonic() + interval
    while True:
        ready, _, _ = select.select([process.stdout], [], [], interval)
        if ready:
            data = os.read(process.stdout.fileno(), 65536)
            if not data:
                break
            output += data
        if time.monotonic() >= due:
            say(f"  {_last_line(output)}")
            due = time.monotonic() + interval
    if process.wait():
        raise BedError(f"{argv[0]}: exit {process.returncode}\n{output[-4000:].decode()}")


def _last_line(output):
    lines = output[-1000:].decode(errors="replace").replace("\r", "\n").split("\n")
    return next((line.strip()[:90] for line in reversed(lines) if line.strip()), "...")
