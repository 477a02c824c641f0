# SPDX-License-Identifier: GPL-2.0-or-later
"""tgtd, an iSCSI target in user space: one disk image as unit 1. Needs root, for its socket."""

import subprocess

from .server import HOST_VIEW, Server, ServerError


class Tgt(Server):
    """user, password: CHAP; with user_in, password_in the target proves itself, too."""

    name = "iqn.2026-01.org.example:dump"

    def __init__(self, folder, image, user=None, password=None, user_in=None, password_in=None,
                 address=HOST_VIEW):
        super().__init__(folder, address)
        self.image = image
        self.control = self.port % 32768  # the number of tgtd's socket for tgtadm
        self.accounts = [(user, password, ()), (user_in, password_in, ("--outgoing",))]

    def command(self):
        return ["/usr/sbin/tgtd", "-f", "-C", self.control, "--iscsi",
                f"portal={self.address}:{self.port}"]

    def admin(self, mode, op, *arguments):
        done = subprocess.run(["/usr/sbin/tgtadm", "-C", str(self.control), "--lld", "iscsi",
                               "--mode", mode, "--op", op, *map(str, arguments)],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            raise ServerError(done.stdout.decode(errors="replace"))
        return done.stdout.decode()

    def start(self):
        super().start()
        self.admin("target", "new", "--tid", 1, "-T", self.name)
        self.admin("logicalunit", "new", "--tid", 1, "--lun", 1, "-b", self.image)
        for user, password, direction in self.accounts:
            if user:
                self.admin("account", "new", "--user", user, "--password", password)
                self.admin("account", "bind", "--tid", 1, "--user", user, *direction)
        self.admin("target", "bind", "--tid", 1, "-I", "ALL")
        return self

    def stop(self):
        """By force: with sessions, tgtd ignores SIGTERM."""
        if self._process:
            self._process.kill()
        super().stop()
