# SPDX-License-Identifier: GPL-2.0-or-later
"""The RPM's life: installed, upgraded, removed by rpm. The tree is Debian's, which has what the scripts run."""

import shutil

import pytest

from conftest import REPO
from machine import ENABLED, LOG, Machine, starts


@pytest.fixture
def machine(rpms):
    made = Machine()
    made.systemctl()
    (made.root / "run/systemd/system").mkdir(parents=True)
    yield made
    shutil.rmtree(made.root)


def rpm(machine, *arguments):
    """Debian's packages are none that rpm knows."""
    return machine.run("rpm", "--root", machine.root, "--dbpath", "/var/lib/rpm", "--nodeps", *arguments)


def test_life(machine, rpms):
    calls = rpm(machine, "--install", rpms["ukdump"], rpms["ukdump-kdumpctl"])
    assert starts(calls) == {"ukdump.service", "ukdump-refresh.path", "ukdump-refresh.service"}, calls
    assert all("--no-block" in call for call in calls if " start " in f" {call} "), calls
    assert machine.enabled() == ENABLED
    assert "warning" not in machine.said, machine.said
    assert rpm(machine, "--verify", "ukdump", "ukdump-kdumpctl") == [] and machine.said == ""
    assert (machine.root / "usr/bin/kdumpctl").resolve().name == "ukdumpctl"

    machine.put("etc/ukdump/ukdump.conf", "[Store]\nKeep=3\n")
    machine.put("var/lib/ukdump/images/6.12-0123.efi")
    calls = rpm(machine, "--upgrade", "--force", rpms["ukdump"])
    assert starts(calls) == {"ukdump-refresh.service"}, calls
    assert not [c for c in calls if "stop" in c or "disable" in c], calls
    assert machine.there("var/lib/ukdump/images/6.12-0123.efi")

    machine.put("var/crash/20261121T183822Z-x/vmcore")
    machine.put("etc/ukdump/keys/local.crt")
    calls = rpm(machine, "--erase", "ukdump", "ukdump-kdumpctl")
    (stop,) = [c for c in calls if c.startswith("stop ")]
    units = {p.name for p in (REPO / "systemd").glob("ukdump*") if p.suffix != ".catalog"}
    assert set(stop.split()[1:]) >= units, calls
    (disable,) = [c for c in calls if "disable" in c]
    assert set(disable.split()[2:]) == ENABLED
    for path in ("var/lib/ukdump", "run/ukdump", "usr/sbin/ukdumpctl", "usr/lib/ukdump", "usr/bin/kdumpctl"):
        assert not machine.there(path), path
    assert machine.there("etc/ukdump/keys/local.crt")
    assert machine.there("var/crash/20261121T183822Z-x/vmcore")
    assert "Keep=3" in (machine.root / "etc/ukdump/ukdump.conf.rpmsave").read_text()


def test_a_broken_systemd_fails_no_installation(machine, rpms):
    machine.systemctl(status=1)
    rpm(machine, "--install", rpms["ukdump"])
    rpm(machine, "--erase", "ukdump")


def test_what_armed_is_disarmed_even_without_units(machine, rpms):
    """Removed before the scripts' program is."""
    rpm(machine, "--install", rpms["ukdump"])
    machine.put("usr/sbin/ukdumpctl", f"#!/bin/sh\necho ukdumpctl \"$@\" >> /{LOG}\n")
    machine.put("run/ukdump/armed", "image=x\n")
    calls = rpm(machine, "--erase", "ukdump")
    assert {"ukdumpctl stop", "ukdumpctl reserve --undo"} <= set(calls), calls
