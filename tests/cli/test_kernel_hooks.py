# SPDX-License-Identifier: GPL-2.0-or-later
"""The hooks of kernel packages: what they start, and that they never fail an installation. systemctl and
ukdumpctl are stand-ins that write down how they were called."""

import os
import subprocess

import pytest

import cli

CONFIG = cli.REPO / "config"
PLUGIN = CONFIG / "kernel-install/90-ukdump.install"
POSTINST = CONFIG / "kernel/postinst.d/zz-ukdump"
POSTRM = CONFIG / "kernel/postrm.d/zz-ukdump"
START = "systemctl start --no-block ukdump-refresh.service"
V = "99.9-hooks"


class Host:
    def __init__(self, d):
        self.dir = d
        for name in ("bin", "run/systemd/system", "boot"):
            (d / name).mkdir(parents=True)
        for name in ("systemctl", "ukdumpctl"):
            self.program(name, 0)

    def program(self, name, code):
        path = self.dir / "bin" / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >> {self.dir}/log\necho told >&2\nexit {code}\n')
        path.chmod(0o755)

    def run(self, hook, *words):
        """What was called; the hook did well and was quiet."""
        (self.dir / "log").write_text("")
        script = (f"mount --bind {self.dir}/run /run && mount --bind {self.dir}/boot /boot && "
                  f"PATH={self.dir}/bin:/usr/bin:/bin exec \"$@\"")
        p = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", hook, *words],
                           capture_output=True, text=True, timeout=60, check=False)
        if "unshare:" in p.stderr or "mount:" in p.stderr:
            pytest.skip("no mounts here")
        assert p.returncode == 0 and p.stdout == ""
        return (self.dir / "log").read_text().splitlines()


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


CALLS = [
    (PLUGIN, ["add", V, f"/boot/{V}", "/vmlinuz"], [START]),
    (PLUGIN, ["remove", V, f"/boot/{V}"], [f"ukdumpctl refresh --remove {V}"]),
    (PLUGIN, ["remove"], []),
    (PLUGIN, ["inspect", V], []),
    (POSTINST, [V, f"/boot/vmlinuz-{V}"], [START]),
    (POSTRM, [V, f"/boot/vmlinuz-{V}"], [f"ukdumpctl refresh --remove {V}"]),
    (POSTRM, [], []),
]
NAMES = [f"{c[0].parent.name}-{'-'.join(c[1][:1])}" for c in CALLS]


@pytest.mark.parametrize("hook,words,expected", CALLS, ids=NAMES)
def test_what_is_called(host, hook, words, expected):
    assert host.run(hook, *words) == expected


@pytest.mark.parametrize("hook,words,expected", CALLS, ids=NAMES)
def test_failures_are_not_the_packages(host, hook, words, expected):
    host.program("systemctl", 5)
    host.program("ukdumpctl", 1)
    assert host.run(hook, *words) == expected


@pytest.mark.parametrize("hook,words,expected", CALLS, ids=NAMES)
def test_without_systemd(host, hook, words, expected):
    """A chroot, an image that is being made."""
    (host.dir / "run/systemd/system").rmdir()
    assert host.run(hook, *words) == []


@pytest.mark.parametrize("hook,words", [(PLUGIN, ["remove", V]), (POSTRM, [V])],
                         ids=["plugin", "postrm"])
def test_files_that_outlive_the_package(host, hook, words):
    (host.dir / "bin/ukdumpctl").unlink()
    assert host.run(hook, *words) == []


def test_kernel_that_was_replaced(host):
    """postrm runs, and the version is there."""
    (host.dir / f"boot/vmlinuz-{V}").write_text("")
    assert host.run(POSTRM, V) == [START]


def test_they_can_be_run():
    for hook in (PLUGIN, POSTINST, POSTRM):
        assert os.access(hook, os.X_OK)
