# SPDX-License-Identifier: GPL-2.0-or-later
"""From the package: Debian 13 with Secure Boot, nothing done by hand but to install it and to name a key that
the firmware knows."""

import subprocess

import pytest

from capturing import Crash
from vmbed.paths import BUILD, REPO

SETTINGS = b"""\
[Image]
Key=/root/db.key
Certificate=/root/db.crt
CommandLineAppend=console=ttyS0
"""
# The script runs at each boot; the second one finds the dump.
SCRIPT = """
    if ls -d /var/crash/*Z-*; then
        attempt again systemctl start ukdump.service
        attempt again.loaded cat /sys/kernel/kexec_crash_loaded
        while systemctl --quiet is-active ukdump-report.service; do sleep 1; done
        attempt journal journalctl --quiet -o cat MESSAGE_ID=fa156e79aa2c4255b833133a682e19a3
        attempt status ukdumpctl status
        exit 0
    fi
    attempt service systemctl start ukdump.service   # until it is done: nothing at boot waits for it
    attempt loaded cat /sys/kernel/kexec_crash_loaded
    attempt record cat /run/ukdump/armed
    attempt first ukdumpctl status
    attempt upgrade dpkg --install /root/ukdump.deb
    attempt upgrade.loaded cat /sys/kernel/kexec_crash_loaded
    attempt refresh systemctl start ukdump-refresh.service
    attempt refresh.record cat /run/ukdump/armed
    attempt images sh -c 'ls /var/lib/ukdump/images/*.efi'
    [ $(cat /sys/kernel/kexec_crash_loaded) = 0 ] || crash
"""


def package():
    """The .deb of this checkout, built by this machine."""
    made = subprocess.run(["make", "--no-print-directory", "deb"], cwd=REPO, text=True, check=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT).stdout
    (deb,) = (line for line in made.splitlines() if line.startswith(f"{BUILD}/packages/ukdump_"))
    return deb


@pytest.mark.long
def test_debian_13_from_installation_to_report(vm):
    tree = vm.system_tree()
    tree.add("/root/ukdump.deb", package())
    tree.chroot("dpkg", "--install", "/root/ukdump.deb")
    tree.add("/etc/ukdump/ukdump.conf.d/site.conf", SETTINGS)
    for name in ("db.key", "db.crt"):
        tree.add(f"/root/{name}", vm.keys() / name)
    (tree.root / "root/db.key").chmod(0o600)
    root = vm.root_disk(tree)
    result = vm.run_system(root, append="crashkernel=160M", memory=1536, timeout=1200,
                           reboots=True, script=SCRIPT)
    assert result.get("service.status") == "0", result.get("service")
    assert result.get("loaded") == "1", result.get("first")
    assert result.get("first.status") == "0", result.get("first")

    # An upgrade while armed: never disarmed, and the same image.
    assert result.get("upgrade.status") == "0", result.get("upgrade")
    assert result.get("upgrade.loaded") == "1"
    assert result.get("refresh.status") == "0", result.get("refresh")
    assert result.get("refresh.record") == result.get("record")
    assert len(result.get("images").splitlines()) == 1, result.get("images")

    assert result.get("again.loaded") == "1", result.get("again")
    assert "crash" in result.get("journal")
    crash = Crash(root, "/var/crash", vm.logs / "dump")
    assert crash.manifest["state"] == "complete"
    assert crash.folder.name in result.get("status") or crash.folder.name in result.get("journal")
    assert crash.info("--full").returncode == 0
