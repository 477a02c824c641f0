#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The smallest crashkernel= with which a kind of target gets a complete dump, and the peak memory.

A Debian 13 guest (kernel 6.12, 1 GiB) crashes with reservations in steps of 8 MiB; the image of a
kind is built once. Bisected: at most five crashes a kind. The table goes to docs/SIZING.md, where
the rows of kinds that were not measured in this run stay.

    tests/bench/crashkernel.py [KIND]...      default: all
"""
import math
import pathlib
import re
import subprocess
import sys
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/vm"))
sys.path.insert(0, str(ROOT / "tests/bench"))
import capturing  # noqa: E402
from tables import replace_table, table_rows  # noqa: E402
from vmbed import qemu  # noqa: E402
from vmbed.bed import Bed  # noqa: E402
from vmbed.paths import BUILD, say  # noqa: E402

STEP, MEMORY = 8, 1024
HEADER = ("| target | environment | image | smallest `crashkernel=` | peak memory at that "
          "| total in the environment |")


class Kind:
    """One kind of target: how its image is made, what the guest needs, where the manifest is."""

    environment = "lean"
    sizes = range(64, 304, STEP)
    conf = "[Dump]\nTarget=LABEL=ukdump:/\n"
    directory = "/"
    disk_options = {"label": "ukdump", "size": 1200}

    def build(self, vm):
        return capturing.build_image(vm, self.conf)[1]

    def disk(self, vm):
        return vm.disk("dump", **self.disk_options)

    def manifest(self, vm, disk):
        """What the crash left, or raises if it left nothing."""
        return capturing.Crash(disk, self.directory, vm.logs / "dump").manifest


class Local(Kind):
    sizes = range(56, 120, STEP)


class LocalXfs(Local):
    disk_options = {"label": "ukdump", "size": 1200, "fs": "xfs"}


KINDS = {"local disk, ext4": Local, "local disk, xfs": LocalXfs}


def crash(vm, kind, image, size):
    """The manifest of a complete dump with this reservation, or None."""
    disk = kind.disk(vm)
    try:
        vm.run_micro(kernel="6.12", secure_boot=False, append=f"crashkernel={size}M", timeout=150,
                     memory=MEMORY, programs=[BUILD / "ukdump-load"], disks=[disk],
                     files={"image.efi": image, "db.crt": vm.keys() / "db.crt"}, script="""
                         mkdir -p /etc/ukdump/trust.d
                         cp /payload/db.crt /etc/ukdump/trust.d
                         attempt load ukdump-load load /payload/image.efi
                         crash
                     """)
        subprocess.run(["rm", "-rf", vm.logs / "dump"], check=True)
        manifest = kind.manifest(vm, disk)
    except (qemu.GuestError, ValueError, OSError):
        manifest = None
    done = manifest is not None and manifest["state"] == "complete"
    say(f"crashkernel={size}M: {manifest['memory'] if done else 'no complete dump'}")
    return manifest if done else None


def measure(name):
    """The row of a kind."""
    kind, vm = KINDS[name](), Bed(f"crashkernel-{re.sub('[^a-z0-9]+', '-', name)}")
    say(f"{name}: building its image")
    image = kind.build(vm)
    sizes, best = list(kind.sizes), None
    low, high = 0, len(sizes)  # sizes[high:] work, sizes[:low] do not
    while low < high:
        middle = (low + high) // 2
        manifest = crash(vm, kind, image, sizes[middle])
        if manifest:
            high, best = middle, manifest
        else:
            low = middle + 1
    mib = image.stat().st_size / (1 << 20)
    vm.close(passed=True)
    if not best:
        return row(name, kind, f"{mib:.1f} MiB", f"more than {sizes[-1]}M", "", "")
    limit = "" if high else " or less"
    return row(name, kind, f"{mib:.1f} MiB", f"{sizes[high]}M{limit}",
               *(f"{math.ceil(best['memory'][k] / (1 << 20))} MiB" for k in ("peak", "total")))


def row(name, kind, *cells):
    return " | ".join([f"| {name}", kind.environment, *cells]) + " |"


def write(rows):
    """Puts rows into the document's table; those of other kinds stay."""
    kept = table_rows("docs/SIZING.md", "crashkernel")
    table = [rows.get(k) or kept.get(k) or row(k, KINDS[k], "not measured", "", "", "")
             for k in KINDS]
    replace_table("docs/SIZING.md", "crashkernel",
                  [HEADER, "|" + " --- |" * (HEADER.count("|") - 1), *table])


def main():
    rows = {}
    for name in sys.argv[1:] or KINDS:
        try:
            rows[name] = measure(name)
        except Exception:  # a kind that cannot be built must not cost the others their result
            traceback.print_exc()
    write(rows)
    return 0 if len(rows) == len(sys.argv[1:] or KINDS) else 1


if __name__ == "__main__":
    sys.exit(main())
