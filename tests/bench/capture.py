#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""From panic to the finished dump, and to the reboot: ours against the classic way, in one run.

The same guest (Debian 13's kernel 6.12), the same reservation, the same virtio disk with ext4, the same
makedumpfile with the same compression and level. Classic is the kernel and a dracut initrd with systemd, loaded by
kexec-tools, that mounts the disk as its root and runs makedumpfile from a unit: once as stock dracut makes
it, once with what a hostonly image would have. Ours is a fleet image. Finished is the dump when all of it is on the
disk; ours reads it back and hashes it after that. The best of the runs counts. Fails if ours takes more than half
the time of the faster classic one. Writes docs/BENCH.md.
"""
import pathlib
import re
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/vm"))
sys.path.insert(0, str(ROOT / "tests/bench"))
import capturing  # noqa: E402
from tables import replace_table  # noqa: E402
from vmbed.bed import Bed  # noqa: E402
from vmbed.paths import BUILD, say  # noqa: E402

RUNS, LIMIT, MEMORY, RESERVED = 2, 0.5, 1280, 384
OPTIONS = ["-z", "-d", "31"]  # what ours uses by default with this makedumpfile

# Lines on the serial console behind the panic.
PHASES = (("userspace", r"Run /init as init"),
          ("done", r"dump: ok|classic: dump is finished"),
          ("reboot", r"reboot: Restarting"))

UNIT = f"""\
[Unit]
Description=Save the dump the classic way
DefaultDependencies=no
After=sysroot.mount dracut-initqueue.service dracut-pre-mount.service dracut-mount.service
After=initrd-parse-etc.service dracut-pre-pivot.service
Before=initrd-cleanup.service

[Service]
Type=oneshot
ExecStart=/bin/sh -c 'set -e; mount -o remount,rw /sysroot; mkdir -p /sysroot/classic; \\
cd /sysroot/classic; vmcore-dmesg /proc/vmcore > dmesg.txt; \\
makedumpfile {" ".join(OPTIONS)} /proc/vmcore vmcore-incomplete >/dev/null; \\
mv vmcore-incomplete vmcore; sync; echo classic: dump is finished >/dev/console; \\
cd /; mount -o remount,ro /sysroot; reboot -f'
StandardOutput=journal+console
StandardError=journal+console
"""

# What a hostonly image for a virtio disk with ext4 has; stock dracut adds all drivers there are.
SLIM = ["--modules", "systemd systemd-initrd dracut-systemd base fs-lib rootfs-block udev-rules "
        "kernel-modules shutdown", "--drivers", "virtio_blk virtio_pci ext4 crc32c_generic"]


def classic_initrd(vm, name, options):
    """The classic initrd, made by dracut in the Debian 13 tree."""
    tree = vm.system_tree(f"classic-{name}")
    unit = "/root/classic/usr/lib/systemd/system/classic.service"
    tree.add(unit, UNIT.encode())
    wants = tree.root / "root/classic/usr/lib/systemd/system/initrd.target.wants"
    wants.mkdir()
    (wants / "classic.service").symlink_to("../classic.service")
    tree.chroot("dracut", "--force", "--zstd", "--no-hostonly", "--no-hostonly-cmdline",
                "--no-early-microcode", "--kver", tree.kernel.version, "--include",
                "/root/classic", "/", "--install",
                "makedumpfile vmcore-dmesg mkdir mv sync sh mount reboot", *options,
                f"/root/{name}.img")
    return tree.root / f"root/{name}.img", tree.kernel


def seconds(result):
    """From the panic to each phase."""
    text = result.serial_path.read_text(errors="replace")
    panic = next(s for name, s in result.phases if name == "panic")
    times = {}
    for key, pattern in PHASES:
        found = [float(m[1]) for m in re.finditer(rf"^ *([\d.]+) .*(?:{pattern})", text, re.M)]
        late = [t for t in found if t > panic]
        if not late:
            raise SystemExit(f"no '{pattern}' after the panic: {result.serial_path}")
        times[key] = late[0] - panic
    return times


def crash(vm, files, programs, script, sysroot="/"):
    disk = vm.disk("dump", label="ukdump", size=1500)
    result = vm.run_micro(kernel="6.12", secure_boot=False, append=f"crashkernel={RESERVED}M",
                          memory=MEMORY, timeout=200, disks=[disk], files=files,
                          programs=programs, sysroot=sysroot, script=script + "\ncrash\n")
    return disk, seconds(result)


def run_classic(vm, name, initrd, kernel):
    disk, times = crash(vm, {"kernel": kernel.image, "initrd": initrd}, [vm.program("kexec")],
                        "attempt load kexec -p /payload/kernel --initrd=/payload/initrd --append='"
                        "reset_devices nr_cpus=1 irqpoll panic=1 cgroup_disable=memory nokaslr "
                        "console=ttyS0 root=LABEL=ukdump rd.shell=0 rd.emergency=reboot'",
                        sysroot=vm.tools())
    target = disk.extract("/classic", vm.logs / f"dump-{name}")
    if not (target / "classic/vmcore").stat().st_size:
        raise SystemExit("the classic dump is empty")
    shutil.rmtree(target)
    return times


def run_ours(vm, image):
    disk, times = crash(vm, {"image.efi": image, "db.crt": vm.keys() / "db.crt"},
                        [BUILD / "ukdump-load"], """
                            mkdir -p /etc/ukdump/trust.d
                            cp /payload/db.crt /etc/ukdump/trust.d
                            attempt load ukdump-load load /payload/image.efi
                        """)
    folder = vm.logs / "dump-ours"
    manifest = capturing.Crash(disk, "/", folder).manifest
    shutil.rmtree(folder)
    argv = manifest["collector"]["argv"]
    if manifest["state"] != "complete" or not set(OPTIONS) <= set(argv):
        raise SystemExit(f"not the same: {manifest}")
    return times


def best(functions):
    """The best of some runs of each; they alternate, so that all see the same load."""
    runs = {name: [] for name in functions}
    for _ in range(RUNS):
        for name, function in functions.items():
            runs[name].append(function())
            say(f"{name}: {runs[name][-1]}")
    return {name: min(of, key=lambda times: times["done"]) for name, of in runs.items()}


def table(rows):
    """rows: name -> (image, times), ours first."""
    lines = ["| capture environment | file | panic to first process | to finished dump | to reboot "
             "| ours takes |", "| --- | --- | --- | --- | --- | --- |"]
    ours, *_ = rows
    for name, (path, times) in rows.items():
        size = path.stat().st_size / (1 << 20)
        share = "" if name == ours else f"{rows[ours][1]['done'] / times['done']:.2f} of it"
        lines.append(f"| {name} | {size:.1f} MiB | {times['userspace']:.1f} s "
                     f"| {times['done']:.1f} s | {times['reboot']:.1f} s | {share} |")
    return lines


def main():
    vm = Bed("bench-capture")
    _, image = capturing.build_image(vm, "[Dump]\nTarget=LABEL=ukdump:/\n")
    stock, kernel = classic_initrd(vm, "stock", [])
    slim, _ = classic_initrd(vm, "slim", SLIM)
    times = best({"ours": lambda: run_ours(vm, image),
                  "slim": lambda: run_classic(vm, "slim", slim, kernel),
                  "stock": lambda: run_classic(vm, "stock", stock, kernel)})
    replace_table("docs/BENCH.md", "capture", table({
        "ukdump (reads the dump back before it reboots)": (image, times["ours"]),
        "dracut with systemd, slim": (slim, times["slim"]),
        "dracut with systemd, stock": (stock, times["stock"])}))
    ratio = times["ours"]["done"] / min(times[name]["done"] for name in ("slim", "stock"))
    print(f"ratio {ratio:.2f} (limit {LIMIT})")
    vm.close(passed=ratio <= LIMIT)
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
