# SPDX-License-Identifier: GPL-2.0-or-later
"""From the package, under Secure Boot: installed, reserved, rebooted, armed, upgraded, crashed, reported, removed.
Nothing is done by hand but to install it, to name a key that the firmware knows, and to reserve."""

import sys

import pytest

from capturing import Crash
from vmbed import suites
from vmbed.bed import micro_esp
from vmbed.paths import REPO, run

sys.path.append(str(REPO / "tests" / "packages"))
import builder

MIB = 1 << 20
SETTINGS = b"""\
[Image]
Key=/root/db.key
Certificate=/root/db.crt
CommandLineAppend=console=ttyS0
"""
# Runs at each boot: the first has no crash memory, the third finds the dump of the second.
SCRIPT = """
    mkdir -p /efi
    mount /dev/disk/by-id/virtio-esp /efi
    if ! grep -q crashkernel= /proc/cmdline; then
        attempt install dpkg --install /root/ukdump.deb
        mv /root/site.conf /etc/ukdump/ukdump.conf.d/site.conf
        attempt early systemctl is-active ukdump.service
        attempt reserve ukdumpctl reserve
        umount /efi
        sync
        systemctl reboot --force --force
        sleep 60
    fi
    if ! ls -d /var/crash/*Z-*; then
        report_from size </sys/kernel/kexec_crash_size
        attempt service systemctl start ukdump.service   # until it is done: nothing at boot waits for it
        attempt loaded cat /sys/kernel/kexec_crash_loaded
        attempt record cat /run/ukdump/armed
        attempt first ukdumpctl status
        attempt upgrade dpkg --install /root/ukdump.deb
        attempt upgrade.loaded cat /sys/kernel/kexec_crash_loaded
        attempt refresh systemctl start ukdump-refresh.service
        attempt refresh.record cat /run/ukdump/armed
        attempt images sh -c 'ls /var/lib/ukdump/images/*.efi'
        umount /efi
        [ $(cat /sys/kernel/kexec_crash_loaded) = 0 ] || crash
    fi
    attempt again systemctl start ukdump.service
    attempt again.loaded cat /sys/kernel/kexec_crash_loaded
    while systemctl --quiet is-active ukdump-report.service; do sleep 1; done
    attempt journal journalctl --quiet -o cat MESSAGE_ID=fa156e79aa2c4255b833133a682e19a3
    attempt status ukdumpctl status
    attempt remove dpkg --remove ukdump
    attempt remove.loaded cat /sys/kernel/kexec_crash_loaded
    attempt remove.addon find /efi -name '*.addon.efi*'
    attempt remove.left find / -xdev -name '*ukdump*' -not -path '/root/*' -not -path '/var/lib/dpkg/*' \\
        -not -path '/var/lib/systemd/deb-systemd-helper-*' -not -path '/etc/*' -not -name 'ukdump-test.*'
    umount /efi
"""


@pytest.mark.long
@pytest.mark.parametrize("suite", ["trixie", "bookworm", "testing"])
def test_from_installation_to_removal(vm, suite):
    deb = vm.logs / "ukdump.deb"
    with builder.built(suite, "nocheck") as (folder, _):
        run("cp", next(folder.glob("ukdump_*.deb")), deb)
    tree = suites.tree(suite, deb, vm.logs / "tree")
    tree.add("/root/ukdump.deb", deb)
    tree.add("/root/site.conf", SETTINGS)
    for name in ("db.key", "db.crt"):
        tree.add(f"/root/{name}", vm.keys() / name)
    (tree.root / "root/db.key").chmod(0o600)
    root, esp = vm.root_disk(tree), vm.logs / "esp.img"
    run("cp", micro_esp(tree.kernel), esp)
    result = vm.run_esp(esp, append="bed.root=root systemd.show_status=0", disks=[root], memory=1536,
                        timeout=1200, reboots=True, script=SCRIPT)
    print(result.table())
    assert result.get("install.status") == "0", result.get("install")
    assert result.get("early") == "inactive"
    assert result.get("reserve.status") == "0", result.get("reserve")

    assert int(result.get("size")) == 192 * MIB  # as estimated: never below Debian's own default
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

    assert result.get("remove.status") == "0", result.get("remove")
    assert result.get("remove.loaded") == "0"
    assert result.get("remove.addon") == ""
    assert result.get("remove.left") == ""
