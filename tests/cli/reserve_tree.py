# SPDX-License-Identifier: GPL-2.0-or-later
"""Trees of machines with a reservation and a boot loader."""

import json

from cli import ctl

MIB = 1 << 20
MACHINE_ID = "0123456789abcdef0123456789abcdef"


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
