# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine to install packages on: a tree, without a kernel of its own."""

import re
import subprocess

from vmbed.system import Tree

from conftest import BUILD

LOG = "run/systemctl.log"
FAKE = """\
#!/bin/sh
echo "$*" >> /{log}
case "$*" in *preset*) exec systemctl.real "$@" ;; esac  # deb-systemd-helper's, only makes links
exit {status}
"""


ENABLED = {"ukdump.service", "ukdump-refresh.path", "ukdump-refresh.timer", "ukdump-report.service"}


class Machine:
    """A Debian 13 tree in which packages are installed. systemd "runs" there as a program that writes
    down how it is called."""

    def __init__(self):
        self.tree = Tree.copy(BUILD / "packages" / "tree")
        self.root = self.tree.root
        (self.root / "usr/bin/systemctl").rename(self.root / "usr/bin/systemctl.real")

    def systemctl(self, status=0):
        path = self.root / "usr/bin/systemctl"
        path.write_text(FAKE.format(log=LOG, status=status))
        path.chmod(0o755)

    def run(self, *arguments):
        """Runs a program of the host; returns what systemctl was called with, and keeps what was said."""
        (self.root / LOG).unlink(missing_ok=True)
        done = subprocess.run(arguments, text=True, check=False, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
        self.said = done.stdout
        assert done.returncode == 0, done.stdout
        return (self.root / LOG).read_text().splitlines() if (self.root / LOG).exists() else []

    def chroot(self, *arguments):
        """The same, inside."""
        return self.run("chroot", self.root, "/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin", "HOME=/root",
                        "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8", *arguments)

    def put(self, path, text=""):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def there(self, path):
        return (self.root / path).exists()

    def enabled(self):
        wants = (self.root / "etc/systemd/system").glob("*.wants/ukdump*")
        return {p.name for p in wants} - {"ukdump-test.service"}  # the test bed's own


def starts(calls):
    return {unit for call in calls if re.search(r"\bstart\b", call)
            for unit in re.findall(r"ukdump\S+", call)}
