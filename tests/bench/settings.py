#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""makedumpfile's settings against each other, at native speed, on the memory of a guest of 8 GiB.

QEMU writes the memory of a guest that has filled some of it to a file (dump-guest-memory), which looks like
/proc/vmcore then; makedumpfile of Debian 13 reads it from the page cache. The best of the runs counts. Writes
docs/BENCH.md.

    tests/bench/settings.py [VMCORE]      with a vmcore that is there already
"""
import json
import lzma
import os
import pathlib
import socket
import struct
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/vm"))
sys.path.insert(0, str(ROOT / "tests/bench"))
from tables import replace_table  # noqa: E402
from vmbed import packages  # noqa: E402
from vmbed.bed import Bed  # noqa: E402
from vmbed.paths import CACHE, say  # noqa: E402

MEMORY, RUNS = 8192, 2
SETTINGS = [f"{c} -d 31" for c in ("-l", "-z", "-c", "-l --num-threads 1", "-l --num-threads 2",
                                   "-z --num-threads 2")]
SETTINGS += ["-l -d 17", "-l -d 1", "-z -d 1", "-F -z -d 31"]
READY = "ukdump-bench: memory is filled"

# Page cache, and memory of the kernel's own; half text, half noise.
FILL = f"""
    insmod /payload/qemu_fw_cfg.ko
    mkdir -p /mnt
    mount -t tmpfs -o size=6g none /mnt
    head -c 64m /dev/urandom > /mnt/noise
    yes "a line of a log file, as there are many of in memory" | head -c 64m > /mnt/text
    for i in 1 2 3 4 5 6 7 8 9 10; do cat /mnt/noise /mnt/text > /mnt/file$i; done
    i=0; while [ $i -lt 20000 ]; do mkdir -p /mnt/d/$i; i=$((i + 1)); done
    echo "{READY}" > /dev/kmsg
    sleep 600
"""


def qmp(path, *commands):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(path))
        stream = s.makefile("rw")
        stream.readline()  # the greeting
        for name, arguments in (("qmp_capabilities", {}), *commands):
            stream.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
            stream.flush()
            while True:
                answer = json.loads(stream.readline() or '{"error": "QEMU has gone"}')
                if "error" in answer:
                    raise RuntimeError(answer)
                if "return" in answer:
                    break


def like_proc_vmcore(path):
    """QEMU puts section headers before the program headers; makedumpfile wants these at once."""
    with open(path, "r+b") as f:
        header = bytearray(f.read(64))
        phoff, = struct.unpack_from("<Q", header, 32)
        count, = struct.unpack_from("<H", header, 56)
        f.seek(phoff)
        table = f.read(56 * count)
        struct.pack_into("<QQ", header, 32, 64, 0)       # e_phoff, e_shoff
        struct.pack_into("<H", header, 52, 64)           # e_ehsize
        struct.pack_into("<HHH", header, 58, 0, 0, 0)    # e_shentsize, e_shnum, e_shstrndx
        f.seek(0)
        f.write(header + table)


def make_vmcore(path):
    vm = Bed("bench-settings")
    control = vm.logs / "qmp"

    def write():
        serial = vm.logs / "run1/serial.log"
        while not serial.exists() or READY not in serial.read_text(errors="replace"):
            time.sleep(1)
        say("writing the guest's memory")
        qmp(control, ("dump-guest-memory", {"paging": False, "protocol": f"file:{path}"}),
            ("quit", {}))

    # With it the kernel tells QEMU where its VMCOREINFO is.
    (driver,) = vm.kernel("6.12").modules.glob("kernel/drivers/firmware/qemu_fw_cfg.ko*")
    module = vm.logs / "qemu_fw_cfg.ko"
    module.write_bytes(lzma.decompress(driver.read_bytes()))
    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    vm.run_micro(kernel="6.12", secure_boot=False, memory=MEMORY, timeout=500, script=FILL,
                 files={"qemu_fw_cfg.ko": module},
                 qemu_options=["-device", "vmcoreinfo", "-qmp",
                               f"unix:{control},server=on,wait=off"])
    writer.join(timeout=10)
    if writer.is_alive() or not path.exists():
        raise SystemExit(f"the guest did not get ready: {vm.logs}/run1/serial.log")
    like_proc_vmcore(path)
    vm.close(passed=True)


def makedumpfile():
    """Debian 13's, with its own libraries and loader."""
    tree = packages.tools("trixie")
    loader = next(tree.glob("usr/lib*/ld-linux-x86-64.so.2"), None) or \
        next(tree.glob("usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"))
    libraries = ":".join(map(str, (tree / "usr/lib/x86_64-linux-gnu", tree / "lib/x86_64-linux-gnu")))
    return [loader, "--library-path", libraries, packages.program("makedumpfile")]


def measure(tool, setting, vmcore, output):
    """Seconds and MB written, or None if it failed."""
    output.unlink(missing_ok=True)
    words, start = setting.split(), time.monotonic()
    with open(output if "-F" in words else os.devnull, "wb") as out:
        done = subprocess.run([*tool, *words, vmcore, *([] if "-F" in words else [output])],
                              stdout=out, stderr=subprocess.DEVNULL, check=False)
    if done.returncode:
        return None
    return time.monotonic() - start, output.stat().st_size / 1e6


def main():
    vmcore = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else CACHE / "bench/vmcore"
    vmcore.parent.mkdir(parents=True, exist_ok=True)
    if len(sys.argv) == 1:
        make_vmcore(vmcore)
    tool, output = makedumpfile(), vmcore.with_name("dump")
    subprocess.run(["cat", vmcore], stdout=subprocess.DEVNULL, check=True)  # into the page cache
    lines = ["| makedumpfile | seconds | MB |", "| --- | --- | --- |"]
    for setting in SETTINGS:
        runs = [measure(tool, setting, vmcore, output) for _ in range(RUNS)]
        say(f"{setting}: {runs}")
        if None in runs:
            lines.append(f"| `{setting}` | fails | |")
            continue
        seconds, size = min(runs)
        lines.append(f"| `{setting}` | {seconds:.2f} | {size:.0f} |")
    output.unlink()
    if len(sys.argv) == 1:
        vmcore.unlink()
    replace_table("docs/BENCH.md", "settings", lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
