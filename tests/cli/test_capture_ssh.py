# SPDX-License-Identifier: GPL-2.0-or-later
"""ukdump-capture --root against a real sshd: what arrives, and what is said when it does not."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest

import cli
import dump

sys.path[:0] = [str(cli.REPO / "tests")]
from servers.sshd import Sshd, make_key  # noqa: E402

NEEDED = "/usr/bin/bash", "/usr/bin/sh", "/usr/bin/cat", "/usr/bin/mkdir", "/usr/bin/mv", \
    "/usr/bin/df", "/usr/bin/tail"
CONFIG = """\
IdentityFile {root}/etc/ukdump/ssh/key
IdentitiesOnly yes
IdentityAgent none
UserKnownHostsFile {root}/etc/ukdump/ssh/known_hosts
GlobalKnownHostsFile /dev/null
StrictHostKeyChecking yes
BatchMode yes
LogLevel INFO
"""


class Environment:
    """A capture environment in a directory, whose target is a server of this machine."""

    def __init__(self, root, server):
        self.root = root
        self.server = server
        for folder in ("proc", "etc/ukdump/ssh", "run", "bin", "dev", "sys"):
            (root / folder).mkdir(parents=True)
        self.core = dump.elf(dump.Machine())
        (root / "proc/vmcore").write_bytes(self.core)
        (root / "proc/meminfo").write_text("MemTotal: 100000 kB\nMemAvailable: 40000 kB\n")
        self.add_key(server.key)
        (root / "etc/ukdump/ssh/known_hosts").write_text(server.known_hosts("127.0.0.1"))
        (root / "etc/ukdump/ssh/config").write_text(CONFIG.format(root=root))
        self.tool("vmcore-dmesg", "echo '[    1.0] a log'")
        self.tool("makedumpfile", "exit 1")
        self.configure(server.url(f"{server.files}/deep/crashes"))

    def add_key(self, source):
        key = self.root / "etc/ukdump/ssh/key"
        key.write_text(source.read_text())
        key.chmod(0o600)

    def configure(self, *targets, timeout=120):
        (self.root / "etc/ukdump/capture.conf").write_text(
            f"[Dump]\nTarget={' '.join(targets)}\nTimeoutSec={timeout}\n")

    def tool(self, name, body):
        path = self.root / "bin" / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)

    def start(self):
        return subprocess.Popen([cli.CAPTURE, "--root", self.root], text=True,
                                env=dict(os.environ, PATH=f"{self.root}/bin:/usr/bin:/bin"),
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT)

    def run(self, code):
        process = self.start()
        out, _ = process.communicate(timeout=180)
        assert process.returncode == code, out
        return out

    def crash(self):
        """The one directory that the server has, and its manifest."""
        (folder,) = (self.server.files / "deep/crashes").iterdir()
        return folder, json.loads((folder / "manifest.json").read_text())


@pytest.fixture
def server(tmp_path):
    with Sshd(tmp_path / "sshd") as s:
        yield s


@pytest.fixture
def env(tmp_path, server):
    return Environment(tmp_path / "root", server)


def test_dump_arrives_and_is_compared(env):
    out = env.run(0)
    folder, manifest = env.crash()
    assert {p.name for p in folder.iterdir()} == {"vmcore", "dmesg.txt", "manifest.json"}
    assert (folder / "vmcore").read_bytes() == env.core
    assert (folder / "dmesg.txt").read_text() == "[    1.0] a log\n"
    assert manifest["state"] == "complete" and manifest["checked"] == "full"
    assert manifest["sha256"] == hashlib.sha256(env.core).hexdigest()
    assert manifest["targets"][0]["device"] == "root@127.0.0.1"
    # "publish" sends this, and has not ended.
    assert "publish" not in [s["name"] for s in manifest["stages"]]
    assert folder.stat().st_mode & 0o777 == 0o700
    assert all(p.stat().st_mode & 0o777 == 0o600 for p in folder.iterdir())
    assert "free" in out  # room over there, as a remark


def test_second_crash_of_the_same_second_has_a_name_of_its_own(env):
    env.run(0)
    env.run(0)
    names = sorted(p.name for p in (env.server.files / "deep/crashes").iterdir())
    assert len(names) == 2 and names[1] == f"{names[0]}-1"


def test_server_without_sha256sum(tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in NEEDED:
        (tools / os.path.basename(tool)).symlink_to(tool)
    with Sshd(tmp_path / "sshd", path=str(tools)) as server:
        env = Environment(tmp_path / "root", server)
        out = env.run(0)
        _, manifest = env.crash()
    assert manifest["state"] == "complete" and manifest["checked"] == "header", out
    assert "not compared" in out


def test_no_time_to_compare(tmp_path):
    """A slow sha256sum over there costs the comparison, neither dump nor manifest."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in NEEDED:
        (tools / os.path.basename(tool)).symlink_to(tool)
    (tools / "sha256sum").write_text("#!/bin/sh\nexec /usr/bin/sleep 120\n")
    (tools / "sha256sum").chmod(0o755)
    with Sshd(tmp_path / "sshd", path=str(tools)) as server:
        env = Environment(tmp_path / "root", server)
        env.configure(env.server.url(f"{env.server.files}/deep/crashes"), timeout=60)
        out = env.run(0)
        folder, manifest = env.crash()
    assert (folder / "vmcore").read_bytes() == env.core
    assert manifest["state"] == "complete" and manifest["checked"] == "header", out
    assert manifest["sha256"] == hashlib.sha256(env.core).hexdigest()
    assert "no time left to compare" in out


def test_wrong_host_key(env, tmp_path):
    """Nothing goes to a server that is not the one that was pinned."""
    other = make_key(tmp_path / "other").with_suffix(".pub").read_text()
    (env.root / "etc/ukdump/ssh/known_hosts").write_text(
        f"[127.0.0.1]:{env.server.port} {other}")
    out = env.run(1)
    assert "another host key than the one in the image" in out
    assert not list(env.server.files.iterdir())


def test_unknown_host_is_not_trusted(env):
    (env.root / "etc/ukdump/ssh/known_hosts").write_text("")
    assert "Host key verification failed" in env.run(1)
    assert not list(env.server.files.iterdir())


def test_key_that_the_server_does_not_accept(env, tmp_path):
    env.add_key(make_key(tmp_path / "other"))
    assert "the server does not accept the key in the image" in env.run(1)


def test_first_server_is_away(env):
    """The reason of the first target is in the manifest on the second."""
    env.configure("ssh://root@127.0.0.1:1/x", env.server.url(f"{env.server.files}/deep/crashes"),
                  timeout=60)
    env.run(0)
    _, manifest = env.crash()
    first, second = manifest["targets"]
    assert first["result"] == "failed" and "Connection refused" in first["reason"]
    assert second["result"] == "complete"


def test_name_that_does_not_resolve(env):
    env.configure("ssh://root@no-such-host.invalid/x", timeout=60)
    assert "its name does not resolve" in env.run(1)


def test_disk_of_the_server_is_full(env, tmp_path):
    """What fits is there under the unfinished name, and said to be no dump."""
    small = tmp_path / "small"
    small.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small], check=False)
    if done.returncode:
        pytest.skip("cannot mount a tmpfs here")
    try:
        (env.root / "proc/vmcore").write_bytes(env.core + bytes(4 << 20))
        env.configure(env.server.url(str(small)))
        out = env.run(1)
        (folder,) = small.iterdir()
        assert not (folder / "vmcore").exists()
        assert (folder / "dmesg.txt").read_text() == "[    1.0] a log\n"
    finally:
        subprocess.run(["umount", "-l", small], check=True)
    assert "No space left on device" in out


def test_connection_cut_in_mid_dump(env):
    """All of the server's processes die; the next target gets the dump."""
    env.tool("makedumpfile", "case $* in -v) ;; *--dump-dmesg*) exit 1 ;; "
             "*) head -c 3000000 /dev/zero; sleep 90 ;; esac")
    env.configure(env.server.url(f"{env.server.files}/deep/crashes"), timeout=120)
    process = env.start()
    end = time.monotonic() + 60
    while not list(env.server.files.rglob("vmcore-incomplete")):
        assert time.monotonic() < end and process.poll() is None
        time.sleep(0.1)
    time.sleep(0.5)
    listener = env.server._process.pid
    children = subprocess.run(["pgrep", "-P", str(listener)], stdout=subprocess.PIPE, text=True,
                              check=True).stdout.split()
    env.server.stop()
    for pid in children:
        os.kill(int(pid), signal.SIGKILL)
    out, _ = process.communicate(timeout=180)
    assert process.returncode == 1
    assert not list(env.server.files.rglob("vmcore"))
    assert "ssh" in out
