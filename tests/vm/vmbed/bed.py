# SPDX-License-Identifier: GPL-2.0-or-later
"""The test bed as a test sees it (fixture `vm`): run_micro(), run_uki(), disk(), ..."""

import hashlib
import shutil

from . import firmware, initramfs, packages, payload, qemu, system
from .disks import DataDisk
from .paths import CACHE, LOGS, filling_cache, remove, replacing, say

# The signed command line of the guests. Debian's kernel says "Linux version" on ttyS0 only from
# the moment the console is up; earlyprintk would show more but costs half a second.
CMDLINE = "console=ttyS0 panic=1 nokaslr"

# Seconds of a run's time limit that are left for the boot: the script's own limit is shorter, so
# that a script that hangs is killed inside, and what it printed is reported.
BOOT = 25


class Bed:
    """Runs guests for one test; their files lie in build/vm-logs/NAME until close(passed=True)."""

    def __init__(self, name):
        self.logs = LOGS / name
        remove(self.logs)
        self.logs.mkdir(parents=True)
        self.runs = 0

    # Things to put into guests ---------------------------------------------------------------

    @staticmethod
    def keys():
        """Directory of PK, KEK, db, foreign (.key .crt .der)."""
        return firmware.keys()

    def revoking(self, lists, more_db=()):
        """A variable store with these EFI_SIGNATURE_LISTs as dbx; see firmware.revoking()."""
        return firmware.revoking(self.logs / "revoking.fd", lists, more_db)

    signature_list = staticmethod(firmware.signature_list)
    sign = staticmethod(firmware.sign)
    unsigned = staticmethod(firmware.unsigned)
    uki = staticmethod(firmware.uki)
    uki_part = staticmethod(firmware.uki_part)
    kernel = staticmethod(packages.kernel)
    uefi_stub = staticmethod(packages.uefi_stub)
    program = staticmethod(packages.program)
    tools = staticmethod(packages.tools)

    @staticmethod
    def probe_initrd(marker, kernel="6.12", **options):
        """A capture initrd that reports what it sees and powers off."""
        return initramfs.probe(packages.kernel(kernel), marker, **options)

    def initramfs(self, name, kernel="6.12", **options):
        """Any other small initramfs, see initramfs.build()."""
        return initramfs.build(self.logs / name, packages.kernel(kernel), **options)

    def disk(self, serial="dump", **options):
        """A file system on a disk of its own that can be read back after the run."""
        return DataDisk(self.logs / f"{serial}.img", serial, **options)

    # Runs ------------------------------------------------------------------------------------

    def run_micro(self, kernel="6.12", secure_boot=True, variables=None, kaslr=False, **options):
        """Boots the micro guest and runs `script` in it; see README.md for all options.

        With secure_boot a signed UKI is booted by UEFI with our keys enrolled, which makes the
        kernel lock itself down; without, QEMU starts the kernel directly (faster). variables:
        another variable store for UEFI. kaslr: other addresses in each run, only without secure_boot.
        """
        debian = packages.kernel(kernel)
        if secure_boot:
            return self._run(self._uefi(micro_esp(debian), True, variables), **options)
        return self._run_direct(debian, kaslr=kaslr, **options)

    def run_uki(self, uki, secure_boot=True, sidecars=(), variables=None, **options):
        """Lets UEFI boot a PE file; a probe or micro initramfs in it reports.

        sidecars: files that systemd-stub finds beside it, such as addons. Result.refused tells that
        Secure Boot did not let it start.
        """
        image = firmware.esp(self.logs / "esp.img", uki, sidecars)
        return self._run(self._uefi(image, secure_boot, variables), **options)

    def run_esp(self, image, secure_boot=True, variables=None, **options):
        """Lets UEFI boot what is on an ESP that the guest may write to: what it writes stays."""
        return self._run(self._uefi(image, secure_boot, variables, readonly=False), **options)

    def system_tree(self, name="tree"):
        """A working copy of the Debian 13 tree, to install into; see system.Tree."""
        return system.Tree.copy(self.logs / name)

    def root_disk(self, tree, name="root"):
        """A root disk made of a system tree; what guests write to it stays and can be read back."""
        disk = DataDisk(self.logs / f"{name}.img", "root", label="root", size=3072, tree=tree.root)
        disk.kernel = tree.kernel
        return disk

    def run_system(self, root=None, secure_boot=True, append="", disks=(), timeout=300, smp=1,
                   **options):
        """Boots the system guest from a root_disk(), by default one of the pristine tree.

        Its kernel comes in a signed UKI with the micro guest's initramfs, which hands over to
        systemd on the disk. One processor: under emulation with two threads Debian's kernel now
        and then meets its own int3 while it patches code ("Oops: int3" in sched_clock_cpu).
        """
        root = root or self.root_disk(system.Tree(system.pristine()))
        return self._run(self._uefi(micro_esp(root.kernel), secure_boot),
                         append=f"bed.root=root systemd.show_status=0 {append}", timeout=timeout,
                         smp=smp, disks=[root, *disks], **options)

    def _uefi(self, esp, secure_boot, variables=None, readonly=True):
        def start(cmdline):
            ovmf = firmware.Firmware()
            copy = self._run_folder() / "vars.fd"
            shutil.copyfile(variables or ovmf.variables(secure_boot), copy)
            esp_disk = qemu.Disk(esp, "esp", readonly=readonly, bootindex=1)
            return (qemu.uefi_arguments(ovmf.code, copy) + esp_disk.arguments()
                    + qemu.smbios_cmdline(cmdline))
        return start

    def _run_direct(self, debian, accel=None, kaslr=False, **options):
        base = CMDLINE.replace(" nokaslr", "") if kaslr else CMDLINE

        def start(cmdline):
            return qemu.direct_arguments(debian.image, initramfs.micro(debian),
                                         f"{base} {cmdline}")
        return self._run(start, accel=accel, **options)

    def _run(self, start, script=None, files=None, programs=(), sysroot="/", append="",
             disks=(), timeout=180, memory=1024, smp=1, reboots=False, qemu_options=(),
             check=False, accel=None, power_cut=None):
        qemu.require()
        accel = accel or qemu.accelerator(self.boots_with)
        self.runs += 1
        folder = self._run_folder()
        folder.mkdir()
        disks = list(disks)
        if script is not None:
            image = payload.image(folder / "payload.img", script, files or {}, programs, sysroot,
                                  limit=max(5, timeout - BOOT))
            disks.append(qemu.Disk(image, "payload", readonly=True))
        argv = qemu.base_arguments(accel, memory, smp) + start(append)
        for disk in disks:
            argv += disk.arguments()
        result = qemu.execute(argv + list(qemu_options), folder, timeout, accel, reboots,
                              power_cut)
        if check and result.exit_status != 0:
            raise qemu.GuestError(f"script: exit {result.exit_status}\n{qemu.explain(result)}")
        return result

    def _run_folder(self):
        return self.logs / f"run{self.runs}"

    def boots_with(self, accel):
        """Whether a guest boots with this accelerator; see qemu.accelerator()."""
        try:
            result = self._run_direct(packages.kernel("6.12"), script="true", accel=accel,
                                      timeout=30)
        except qemu.GuestError:
            return False
        return result.exit_status == 0

    def close(self, passed):
        """Removes the run folders of a test that passed, or tells where they are."""
        if passed:
            remove(self.logs)
        else:
            print(f"serial logs and images: {self.logs}")


@filling_cache
def micro_esp(debian):
    """The signed UKI of the micro guest on an ESP, cached for its initramfs and our keys."""
    initrd = initramfs.micro(debian)
    certificate = (firmware.keys() / "db.der").read_bytes()
    inputs = repr((initrd.name, CMDLINE)).encode() + certificate
    image = CACHE / "micro" / debian.version / f"esp-{hashlib.sha256(inputs).hexdigest()[:12]}.img"
    if not image.exists():
        say(f"micro guest: building and signing the UKI for {debian.version}")
        remove(image.parent)  # those of older scripts or keys
        with replacing(image) as partial:
            loader = firmware.uki(partial.with_suffix(".efi"), debian.image, initrd, CMDLINE)
            firmware.esp(partial, loader)
            loader.unlink()
    return image
