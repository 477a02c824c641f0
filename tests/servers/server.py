# SPDX-License-Identifier: GPL-2.0-or-later
"""What servers share: a process with its log, a free port, a certificate."""

import random
import socket
import subprocess
import time
from pathlib import Path

# What guests call the host (QEMU's user network), and what tests on the host do.
GUEST_VIEW, HOST_VIEW = "10.0.2.2", "127.0.0.1"


class ServerError(Exception):
    """A server did not start; the message has the end of its log."""


def free_port():
    """Below those that the kernel gives to whoever asks for any (ip_local_port_range), so that
    nobody else gets it until the server listens."""
    for port in random.sample(range(20000, 32768), 100):
        with socket.socket() as s:
            try:
                s.bind(("0.0.0.0", port))
                return port
            except OSError:
                continue
    raise ServerError("no free port")


def openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], stdout=subprocess.PIPE, check=False,
                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise ServerError(done.stdout.decode(errors="replace"))


class Authority:
    """A certificate authority: `ca` is its certificate; cert and key of servers are made by it."""

    def __init__(self, folder, name="ukdump test servers"):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ca, self._key = self.folder / "ca.crt", self.folder / "ca.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                "-nodes", "-days", "3650", "-subj", f"/CN={name}", "-keyout", self._key,
                "-out", self.ca, "-addext", "basicConstraints=critical,CA:TRUE",
                "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def issue(self, name="server", addresses=(HOST_VIEW, GUEST_VIEW), names=("localhost",)):
        """Certificate and key of a server that is called by these names."""
        crt, key = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        alternatives = [f"IP:{a}" for a in addresses] + [f"DNS:{n}" for n in names]
        extensions.write_text(f"subjectAltName={','.join(alternatives)}\n"
                              "extendedKeyUsage=serverAuth\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self._key,
                "-CAcreateserial", "-days", "3650", "-extfile", extensions, "-out", crt)
        return crt, key

    def machine(self, folder, key_id, secret):
        """A tree whose settings trust this authority, with a key of an S3 server; returns it."""
        etc = Path(folder) / "etc"
        (etc / "ukdump").mkdir(parents=True)
        (etc / "ukdump/ukdump.conf").write_text(
            "[Network]\nCaFile=/etc/ca.crt\nS3Credentials=/etc/s3.key\n")
        (etc / "ca.crt").write_bytes(self.ca.read_bytes())
        (etc / "s3.key").write_text(f"[default]\naws_access_key_id={key_id}\n"
                                    f"aws_secret_access_key={secret}\n")
        return folder


class Server:
    """A program that listens; subclasses give command() and write its configuration in prepare()."""

    start_limit = 60

    def __init__(self, folder, address=HOST_VIEW):
        self.folder = Path(folder).resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.address = address
        self.port = free_port()
        self.log = self.folder / "log"
        self._process = None

    def prepare(self):
        pass

    def command(self):
        raise NotImplementedError

    def ready(self):
        try:
            socket.create_connection((HOST_VIEW, self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def start(self):
        self.prepare()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen([str(a) for a in self.command()], stdout=log,
                                             stderr=log, stdin=subprocess.DEVNULL,
                                             cwd=self.folder)
        end = time.monotonic() + self.start_limit
        while not self.ready():
            if self._process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise ServerError(f"{type(self).__name__} did not start:\n"
                                  f"{self.log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.05)
        return self

    def stop(self):
        if self._process:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
