# SPDX-License-Identifier: GPL-2.0-or-later
"""The .deb's life in a Debian 13 tree: installed, triggered, upgraded, removed, purged. systemd "runs"
there as a program that writes down how it is called."""

import re
import shutil
import subprocess

import pytest
from vmbed.system import Tree

from conftest import BUILD, REPO

LOG = "run/systemctl.log"
FAKE = """\
#!/bin/sh
echo "$*" >> /{log}
case "$*" in *preset*) exec systemctl.real "$@" ;; esac  # deb-systemd-helper's, only makes links
exit {status}
"""


ENABLED = {"ukdump.service", "ukdump-refresh.path", "ukdump-refresh.timer", "ukdump-report.service"}


class Machine:
    """A tree in which a package is installed by dpkg."""

    def __init__(self, deb):
        self.tree = Tree.copy(BUILD / "packages" / "tree")
        self.root = self.tree.root
        self.deb = deb
        (self.root / "usr/bin/systemctl").rename(self.root / "usr/bin/systemctl.real")
        shutil.copy(deb, self.root / "root/ukdump.deb")

    def systemctl(self, status=0):
        path = self.root / "usr/bin/systemctl"
        path.write_text(FAKE.format(log=LOG, status=status))
        path.chmod(0o755)

    def dpkg(self, *arguments):
        """Runs dpkg; returns what systemctl was called with, and keeps what dpkg said."""
        (self.root / LOG).unlink(missing_ok=True)
        done = subprocess.run(
            ["chroot", self.root, "/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin", "HOME=/root",
             "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8", *arguments], text=True, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
        self.said = done.stdout
        assert done.returncode == 0, done.stdout
        return (self.root / LOG).read_text().splitlines() if (self.root / LOG).exists() else []

    def install(self):
        return self.dpkg("dpkg", "--install", "/root/ukdump.deb")

    def put(self, path, text=""):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def there(self, path):
        return (self.root / path).exists()

    def enabled(self):
        wants = (self.root / "etc/systemd/system").glob("*.wants/ukdump*")
        return {p.name for p in wants} - {"ukdump-test.service"}  # the test bed's own


@pytest.fixture(scope="module")
def tree(debs):
    made = Machine(debs["ukdump"])
    yield made
    shutil.rmtree(made.root)


@pytest.fixture
def machine(tree):
    tree.systemctl()
    (tree.root / "run/systemd/system").mkdir(parents=True, exist_ok=True)
    tree.dpkg("dpkg", "--purge", "ukdump")
    return tree


def starts(calls):
    return {unit for call in calls if re.search(r"\bstart\b", call)
            for unit in re.findall(r"ukdump\S+", call)}


def test_life(machine):
    calls = machine.install()
    assert starts(calls) == {"ukdump.service", "ukdump-refresh.path"}, calls
    assert all("--no-block" in call for call in calls if " start " in f" {call} "), calls
    assert machine.enabled() == ENABLED
    assert machine.there("usr/sbin/ukdumpctl")
    assert "ukdumpctl 0." in machine.tree.chroot("ukdumpctl", "--version")

    # What an image is made of changes: another package puts a file into dracut's directory.
    calls = machine.dpkg("sh", "-c", "dpkg-trigger --by-package=dracut-core /usr/lib/dracut &&"
                         " dpkg --triggers-only --pending")
    assert starts(calls) == {"ukdump-refresh.service"}, calls

    # An upgrade never disarms.
    machine.put("etc/ukdump/ukdump.conf.d/site.conf", "[Store]\nKeep=3\n")
    machine.put("var/lib/ukdump/images/6.12-0123.efi")
    calls = machine.install()
    assert starts(calls) == {"ukdump-refresh.service"}, calls
    assert not [c for c in calls if re.search(r"\b(stop|restart)\b.*ukdump\.service", c)], calls
    assert machine.there("var/lib/ukdump/images/6.12-0123.efi")

    # Removal: nothing but dumps and settings.
    machine.put("var/crash/20261121T183822Z-x/vmcore")
    machine.put("etc/ukdump/keys/local.crt")
    machine.put("run/ukdump/lock")
    calls = machine.dpkg("dpkg", "--remove", "ukdump")
    stopped = " ".join(c for c in calls if c.startswith("stop "))
    units = {p.name for p in (REPO / "systemd").glob("ukdump*") if p.suffix != ".catalog"}
    assert set(stopped.split()) >= units, calls
    assert not machine.there("var/lib/ukdump") and not machine.there("run/ukdump")
    assert machine.there("etc/ukdump/keys/local.crt")
    assert machine.there("etc/ukdump/ukdump.conf.d/site.conf")

    machine.dpkg("dpkg", "--purge", "ukdump")
    assert not machine.there("etc/ukdump")
    assert "mokutil --delete" in machine.said
    assert not machine.enabled()
    assert machine.there("var/crash/20261121T183822Z-x/vmcore")
    left = [p for p in machine.root.rglob("*ukdump*")
            if "proc" not in p.parts and not re.search(r"ukdump(-test|\.deb|-guest)", p.name)]
    assert not left


def test_a_broken_systemd_fails_no_installation(machine):
    machine.systemctl(status=1)
    machine.install()
    machine.dpkg("dpkg", "--remove", "ukdump")


def test_without_systemd_running(machine):
    """As when an image of a system is put together: enabled, not started."""
    (machine.root / "run/systemd/system").rmdir()
    assert starts(machine.install()) == set()
    assert machine.enabled() == ENABLED
    machine.dpkg("dpkg", "--purge", "ukdump")


def test_what_armed_is_disarmed_even_without_units(machine):
    machine.install()
    machine.put("usr/sbin/ukdumpctl", f"#!/bin/sh\necho ukdumpctl \"$@\" >> /{LOG}\n")
    (machine.root / "usr/sbin/ukdumpctl").chmod(0o755)
    assert "ukdumpctl stop" not in machine.dpkg("/var/lib/dpkg/info/ukdump.prerm", "remove")
    machine.put("run/ukdump/armed", "image=x\n")
    assert "ukdumpctl stop" not in machine.dpkg("/var/lib/dpkg/info/ukdump.prerm", "upgrade")
    calls = machine.dpkg("/var/lib/dpkg/info/ukdump.prerm", "remove")
    assert {"ukdumpctl stop", "ukdumpctl reserve --undo"} <= set(calls)
