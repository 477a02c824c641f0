# SPDX-License-Identifier: GPL-2.0-or-later
"""OpenSSH's server: root logs in with `key`; `known_hosts()` says who it is."""

import os
import subprocess
from pathlib import Path

from .server import HOST_VIEW, Server

CONF = """\
ListenAddress {address}:{port}
ListenAddress [::1]:{port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/authorized_keys .ssh/authorized_keys
PidFile none
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
SetEnv PATH={path}
"""


def make_key(path, kind="ed25519", passphrase=""):
    Path(path).unlink(missing_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "test", "-f", path],
                   check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return Path(path)


class Sshd(Server):
    def __init__(self, folder, address=HOST_VIEW, path=None):
        """path: $PATH of those who log in; None: the usual one."""
        super().__init__(folder, address)
        self.path = path or "/usr/bin:/bin:/usr/sbin:/sbin"
        self.files = self.folder / "files"
        self.files.mkdir(exist_ok=True)
        self.key = make_key(self.folder / "key")
        make_key(self.folder / "host")
        (self.folder / "authorized_keys").write_text(self.key.with_suffix(".pub").read_text())

    def known_hosts(self, *hosts):
        """Lines of known_hosts for this server under these names."""
        key = (self.folder / "host.pub").read_text()
        return "".join(f"{h if self.port == 22 else f'[{h}]:{self.port}'} {key}" for h in hosts)

    def url(self, path="/", host=HOST_VIEW):
        return f"ssh://root@{host}:{self.port}{path}"

    def prepare(self):
        os.makedirs("/run/sshd", exist_ok=True)  # where it separates its privileges
        (self.folder / "sshd_config").write_text(
            CONF.format(address=self.address, port=self.port, folder=self.folder, path=self.path))

    def command(self):
        # -e would leave its children's words in the log, too; -D: no daemon.
        return ["/usr/sbin/sshd", "-D", "-e", "-f", self.folder / "sshd_config"]
