# SPDX-License-Identifier: GPL-2.0-or-later
"""The .deb's life in a Debian 13 tree: installed, triggered, upgraded, removed, purged."""

import re
import shutil

import pytest

from conftest import REPO
from machine import ENABLED, LOG, Machine, starts


@pytest.fixture(scope="module")
def tree(debs):
    made = Machine()
    shutil.copy(debs["ukdump"], made.root / "root/ukdump.deb")
    yield made
    shutil.rmtree(made.root)


@pytest.fixture
def machine(tree):
    tree.systemctl()
    (tree.root / "run/systemd/system").mkdir(parents=True, exist_ok=True)
    tree.chroot("dpkg", "--purge", "ukdump")
    return tree


def install(machine):
    return machine.chroot("dpkg", "--install", "/root/ukdump.deb")


def test_life(machine):
    calls = install(machine)
    assert starts(calls) == {"ukdump.service", "ukdump-refresh.path"}, calls
    assert all("--no-block" in call for call in calls if " start " in f" {call} "), calls
    assert machine.enabled() == ENABLED
    assert machine.there("usr/sbin/ukdumpctl")
    assert "ukdumpctl 0." in machine.tree.chroot("ukdumpctl", "--version")

    # What an image is made of changes: another package puts a file into dracut's directory.
    calls = machine.chroot("sh", "-c", "dpkg-trigger --by-package=dracut-core /usr/lib/dracut &&"
                           " dpkg --triggers-only --pending")
    assert starts(calls) == {"ukdump-refresh.service"}, calls

    # An upgrade never disarms.
    machine.put("etc/ukdump/ukdump.conf.d/site.conf", "[Store]\nKeep=3\n")
    machine.put("var/lib/ukdump/images/6.12-0123.efi")
    calls = install(machine)
    assert starts(calls) == {"ukdump-refresh.service"}, calls
    assert not [c for c in calls if re.search(r"\b(stop|restart)\b.*ukdump\.service", c)], calls
    assert machine.there("var/lib/ukdump/images/6.12-0123.efi")

    # Removal: nothing but dumps and settings.
    machine.put("var/crash/20261121T183822Z-x/vmcore")
    machine.put("etc/ukdump/keys/local.crt")
    machine.put("run/ukdump/lock")
    calls = machine.chroot("dpkg", "--remove", "ukdump")
    stopped = " ".join(c for c in calls if c.startswith("stop "))
    units = {p.name for p in (REPO / "systemd").glob("ukdump*") if p.suffix != ".catalog"}
    assert set(stopped.split()) >= units, calls
    assert not machine.there("var/lib/ukdump") and not machine.there("run/ukdump")
    assert machine.there("etc/ukdump/keys/local.crt")
    assert machine.there("etc/ukdump/ukdump.conf.d/site.conf")

    machine.chroot("dpkg", "--purge", "ukdump")
    assert not machine.there("etc/ukdump")
    assert "mokutil --delete" in machine.said
    assert not machine.enabled()
    assert machine.there("var/crash/20261121T183822Z-x/vmcore")
    left = [p for p in machine.root.rglob("*ukdump*")
            if "proc" not in p.parts and not re.search(r"ukdump(-test|\.deb|-guest)", p.name)]
    assert not left


def test_a_broken_systemd_fails_no_installation(machine):
    machine.systemctl(status=1)
    install(machine)
    machine.chroot("dpkg", "--remove", "ukdump")


def test_without_systemd_running(machine):
    """As when an image of a system is put together: enabled, not started."""
    (machine.root / "run/systemd/system").rmdir()
    assert starts(install(machine)) == set()
    assert machine.enabled() == ENABLED
    machine.chroot("dpkg", "--purge", "ukdump")


def test_what_armed_is_disarmed_even_without_units(machine):
    install(machine)
    machine.put("usr/sbin/ukdumpctl", f"#!/bin/sh\necho ukdumpctl \"$@\" >> /{LOG}\n")
    (machine.root / "usr/sbin/ukdumpctl").chmod(0o755)
    assert "ukdumpctl stop" not in machine.chroot("/var/lib/dpkg/info/ukdump.prerm", "remove")
    machine.put("run/ukdump/armed", "image=x\n")
    assert "ukdumpctl stop" not in machine.chroot("/var/lib/dpkg/info/ukdump.prerm", "upgrade")
    calls = machine.chroot("/var/lib/dpkg/info/ukdump.prerm", "remove")
    assert {"ukdumpctl stop", "ukdumpctl reserve --undo"} <= set(calls)
