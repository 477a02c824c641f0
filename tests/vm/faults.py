# SPDX-License-Identifier: GPL-2.0-or-later
"""The fault table: what a capture came to when something went wrong, one row per test.

A test that adds a row ends with

    faults.row("server stalls", result, crash.manifest, crash.names, limit=60)

(fixture `faults`). The session prints the rows and keeps them in build/fault-table.md.
"""

import re
import subprocess
from pathlib import Path

from vmbed.paths import BUILD, run
from vmbed.qemu import Disk

HEAD = ["fault", "recorded result", "saved", "panic to reboot"]


class FaultTable:
    def __init__(self):
        self.rows = []

    def row(self, fault, result, manifest, saved, limit):
        """Adds a row, and fails if the machine was not restarted within limit seconds.

        result: of the run, None for a power cut; manifest: None where none was written; saved:
        names of files, of whatever target.
        """
        seconds = "-" if result is None else f"{panic_to_reboot(result):.0f} s"
        self.rows.append([fault, outcome(manifest), " ".join(sorted(saved)) or "nothing", seconds])
        assert result is None or panic_to_reboot(result) < limit

    def text(self):
        lines = [HEAD, ["---"] * len(HEAD), *self.rows]
        return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)

    def publish(self):
        (BUILD / "fault-table.md").write_text(self.text())


def panic_to_reboot(result):
    """Seconds from the last panic to the end of the run."""
    return result.duration - [t for name, t in result.phases if name == "panic"][-1]


def outcome(manifest):
    """"state; first: failed (why); second: complete"; of a manifest, or of a result that an EFI
    variable kept, which has less in it."""
    if not manifest:
        return "no record"
    targets = manifest.get("targets", [])
    parts = [manifest["state"], *filter(None, [manifest.get("reason")])]
    for target in targets:
        reason = f" ({target['reason']})" if target.get("reason") else ""
        parts.append(f"{target['uri']}: {target['result']}{reason}")
    failed = [f"{s['name']}: {s.get('reason')}" for s in manifest.get("stages", [])
              if s["result"] == "failed" and len(targets) == 1]
    # Folders of the servers are this run's own.
    return re.sub(r"/[^ ;:)]*/vm-logs/", "/", "; ".join(parts + failed).replace("|", "/"))


# Disks with a fault -----------------------------------------------------------------------------

def read_only(disk):
    disk.readonly = True
    return disk


def failing_writes(disk, after_flushes):
    """The disk takes no write any more after so many flushes: QEMU's blkdebug."""
    rules = "".join(f'[set-state]\nevent = "flush_to_disk"\nstate = "{n}"\nnew_state = "{n + 1}"\n\n'
                    for n in range(1, after_flushes + 1))
    config = disk.path.with_suffix(".blkdebug")
    config.write_text(f'{rules}[inject-error]\nevent = "write_aio"\nerrno = "5"\n'
                      f'state = "{after_flushes + 1}"\nonce = "off"\nimmediately = "off"\n')
    faulty = Disk(f"blkdebug:{config}:{disk.path}", disk.serial)
    faulty.options = "format=raw,cache=writeback"
    return faulty


class VolatileDisk(Disk):
    """A disk that loses what was not flushed when QEMU is killed, as by a power cut.

    A qcow2 image over the disk: the table that says where a new cluster lies stays in QEMU's memory
    until the guest flushes.
    """

    def __init__(self, base):
        super().__init__(base.path.with_suffix(".qcow2"), base.serial)
        self.base = base
        self.options = "format=qcow2,cache=writeback,l2-cache-size=8M,cache-clean-interval=0"
        run("qemu-img", "create", "-q", "-f", "qcow2", "-b", base.path, "-F", "raw", self.path)

    def extract(self, directory, target):
        """As DataDisk.extract(): what the next boot finds."""
        run("qemu-img", "commit", "-q", self.path)
        return self.base.extract(directory, target)


def full_tree(folder, mebibytes):
    """Content for a disk: a file that takes so much of it, and nothing that could be removed."""
    folder = Path(folder)
    folder.mkdir()
    with open(folder / "filler", "wb") as filler:
        subprocess.run(["head", "-c", f"{int(mebibytes * 1024)}K", "/dev/urandom"], stdout=filler,
                       check=True)
    return folder
