# SPDX-License-Identifier: GPL-2.0-or-later
"""`ukdumpctl propagate` with a real sshd. /etc and /root are the test's own, in mount namespaces of
client and server."""

import os
import subprocess
import sys

import pytest

import cli
from terminal import Terminal
from terminal import Terminal

sys.path.insert(0, str(cli.REPO / "tests"))
from servers.sshd import Sshd, make_key  # noqa: E402 pylint: disable=wrong-import-position

LIMIT = 60
MOUNT = 'mount --bind "$0/root" /root && mount --bind "$0/etc" /etc && exec "$@"'


class HomeSshd(Sshd):
    """root's home is a directory of its own there."""

    def __init__(self, folder):
        super().__init__(folder)
        self.home = self.folder / "home"
        self.home.mkdir(mode=0o700)

    def command(self):
        return ["unshare", "-m", "sh", "-c", 'mount --bind "$0" /root && exec "$@"', self.home,
                *super().command()]

    def keys(self):
        file = self.home / ".ssh/authorized_keys"
        return file.read_text().split("\n") if file.exists() else []


class Client:
    def __init__(self, folder, server):
        self.folder, self.server = folder, server
        self.target = server.files / "dumps"
        for name in ("root/.ssh", "etc/ukdump/keys"):
            (folder / name).mkdir(parents=True, mode=0o700)
        (folder / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
        self.conf(f"[Dump]\nTarget=file:/var/crash {server.url(self.target)}\n")

    def conf(self, text):
        (self.folder / "etc/ukdump/ukdump.conf").write_text(text)

    def may_log_in(self):
        """root of this machine has a key of its own on the server."""
        own = self.folder / "root/.ssh/id_ed25519"
        own.write_bytes(self.server.key.read_bytes())
        own.chmod(0o600)

    def argv(self, *words):
        return ["/usr/bin/unshare", "-m", "sh", "-c", MOUNT, str(self.folder), str(cli.CTL),
                "propagate", *map(str, words)]

    def run(self, *words, code=0):
        env = {k: v for k, v in os.environ.items() if not k.startswith("SSH_")}
        return cli.run(*self.argv(*words), code=code, limit=LIMIT, env=env)

    def known(self):
        file = self.folder / "etc/ukdump/known_hosts"
        return file.read_text() if file.exists() else ""

    def key(self):
        return self.folder / "etc/ukdump/keys/ssh"


@pytest.fixture
def server(tmp_path):
    probe = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip("no mounts here")
    with HomeSshd(tmp_path / "server") as running:
        yield running


@pytest.fixture
def client(tmp_path, server):
    return Client(tmp_path / "client", server)


def test_from_nothing_to_a_dump_directory(client, server):
    client.may_log_in()
    done = client.run("--yes")
    assert client.key().stat().st_mode & 0o777 == 0o600
    public = client.key().with_suffix(".pub").read_text().split()[:2]
    assert public[0] == "ssh-ed25519"
    (line,) = [k for k in server.keys() if k]
    assert line.split()[:3] == ["restrict", *public]
    assert (server.home / ".ssh").stat().st_mode & 0o777 == 0o700
    assert client.target.is_dir() and not list(client.target.iterdir())
    host = (server.folder / "host.pub").read_text().split()[1]
    assert host in client.known() and f"[127.0.0.1]:{server.port} " in client.known()
    assert "SHA256:" in done.out and "made" in done.out and "works" in done.out

    # and again: nothing changes
    before = (server.keys(), client.known(), client.key().read_bytes())
    again = client.run()
    assert "is known" in again.out and "made" not in again.out
    assert before == (server.keys(), client.known(), client.key().read_bytes())


def test_host_key_from_a_file(client, server):
    client.may_log_in()
    client.run("--host-key", server.folder / "host.pub")
    assert client.known().startswith(f"[127.0.0.1]:{server.port} ssh-ed25519 ")
    lines = client.folder / "lines"
    lines.write_text("# here\n" + client.known())
    (client.folder / "etc/ukdump/known_hosts").unlink()
    client.run("--host-key", lines)
    assert client.known().count("\n") == 1


def test_wrong_host_key(client, server, tmp_path):
    client.may_log_in()
    other = make_key(tmp_path / "other").with_suffix(".pub")
    done = client.run("--host-key", other, code=1)
    assert "shows none of these host keys" in done.err
    assert server.keys() == [] and client.known() == ""
    assert "etc/none" in client.run("--host-key", client.folder / "etc/none", code=1).err


@pytest.mark.parametrize("content", ["", "# nothing\n"])
def test_file_without_a_host_key(client, content):
    file = client.folder / "empty"
    file.write_text(content)
    assert f"{file}: no host key in it" in client.run("--host-key", file, code=1).err
    assert client.known() == ""


@pytest.mark.parametrize("answer,code", [("yes", 0), ("no", 1), ("y", 1), ("", 1)])
def test_the_question(client, server, answer, code):
    client.may_log_in()
    env = dict(os.environ)
    done = subprocess.run(client.argv(), input=answer + "\n" if answer else "", text=True,
                          capture_output=True, timeout=LIMIT, env=env, check=False)
    assert done.returncode == code, done
    assert "fingerprints? (yes/no)" in done.stderr and "SHA256:" in done.stdout
    assert bool(client.known()) == (code == 0) == bool(server.keys())
    if code:
        assert "nothing is trusted" in done.stderr


def test_existing_lines_stay(client, server):
    client.may_log_in()
    (client.folder / "etc/ukdump/known_hosts").write_text("elsewhere ssh-ed25519 AAAA")
    (server.home / ".ssh").mkdir(mode=0o700)
    (server.home / ".ssh/authorized_keys").write_text("ssh-ed25519 BBBB no newline")
    client.run("--yes")
    assert client.known().startswith("elsewhere ssh-ed25519 AAAA\n[")
    assert server.keys()[0] == "ssh-ed25519 BBBB no newline"
    assert any(k.startswith("restrict ssh-ed25519 ") for k in server.keys())


def test_key_and_file_of_the_settings(client, server):
    key = make_key(client.folder / "etc/site")
    (server.folder / "authorized_keys").write_text(key.with_suffix(".pub").read_text())
    client.conf(f"[Dump]\nTarget={server.url(client.target)}\n"
                "[Network]\nSshKey=/etc/site\nKnownHosts=/etc/known\n")
    client.run("--yes")
    assert (client.folder / "etc/known").exists() and client.known() == ""
    assert server.keys() == [] and not client.key().exists()
    client.run()


def test_host_known_to_root(client, server):
    client.may_log_in()
    (client.folder / "root/.ssh/known_hosts").write_text(server.known_hosts("127.0.0.1"))
    assert "is known" in client.run().out and client.known() == ""


def test_nobody_lets_us_in(client, server):
    done = client.run("--yes", code=1)
    assert "authorized_keys" in done.err and "restrict ssh-ed25519 " in done.err
    assert server.keys() == []


def test_ssh_may_ask_at_the_terminal(client, server):
    """A program in a process group of its own would be stopped when it reads there."""
    client.may_log_in()
    own = client.folder / "root/.ssh/id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "open it", "-f", own], check=True,
                   stdout=subprocess.DEVNULL)
    terminal = Terminal(*client.argv("--yes"))
    terminal.wait_for("passphrase for key")
    terminal.type("open it\n")
    assert "works" in terminal.end()
    assert terminal.status == 0
    assert any(server.keys())


def test_directory_that_nobody_may_write_to(client, server):
    client.may_log_in()
    client.conf(f"[Dump]\nTarget={server.url('/proc/dumps')}\n")
    assert "may not write to /proc/dumps" in client.run("--yes", code=1).err


def test_key_with_a_passphrase(client):
    client.may_log_in()
    make_key(client.key(), passphrase="secret")
    assert "without a passphrase" in client.run("--yes", code=1).err


def test_server_that_is_not_there(client, server):
    server.stop()
    assert "no host key" in client.run("--yes", code=1).err


def test_no_such_target(client):
    client.conf("")
    assert "no ssh:// target" in client.run(code=1).err
    assert not client.key().exists()


@pytest.mark.parametrize("words", [["x"], ["--yes", "--host-key", "f"], ["--no-such-option"]])
def test_usage(words):
    assert cli.ctl("propagate", *words, code=2).out == ""
