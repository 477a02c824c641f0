# SPDX-License-Identifier: GPL-2.0-or-later
"""virtiofsd of QEMU: shares a directory of the host with one run of one guest, as root."""

import subprocess
import time
from pathlib import Path

PROGRAM = "/usr/lib/qemu/virtiofsd"


class Virtiofsd:
    """with Virtiofsd(directory, logs) as share: ... qemu_options=share.qemu_options(1024)"""

    def __init__(self, directory, logs, tag="crashes"):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.logs = Path(logs)
        self.tag = tag
        self.socket = self.logs / "virtiofs.sock"
        self.process = None

    def __enter__(self):
        with open(self.logs / "virtiofsd.log", "wb") as log:
            # Another name space could not be made in a container; chroot confines as well.
            self.process = subprocess.Popen(
                [PROGRAM, f"--socket-path={self.socket}", "-o", f"source={self.directory}",
                 "-o", "sandbox=chroot", "-f"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + 60
        while not self.socket.exists():
            if self.process.poll() is not None or time.monotonic() > end:
                self.__exit__()
                raise RuntimeError((self.logs / "virtiofsd.log").read_text(errors="replace"))
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        self.process.kill()  # it ends by itself when QEMU has gone
        self.process.wait()
        self.socket.unlink(missing_ok=True)

    def qemu_options(self, memory):
        """For a guest with this much memory (MiB), which the daemon has to share."""
        return ["-object", f"memory-backend-memfd,id=shared,size={memory}M,share=on",
                "-numa", "node,memdev=shared",
                "-chardev", f"socket,id=virtiofs,path={self.socket}",
                "-device", f"vhost-user-fs-pci,chardev=virtiofs,tag={self.tag}"]
