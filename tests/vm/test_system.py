# SPDX-License-Identifier: GPL-2.0-or-later
"""The whole promise on Debian 13 with systemd, Secure Boot and lockdown: build in the guest's tree,
arm, panic, dump in the lean environment with 112M, reboot."""

import json
import secrets
import stat

import pytest

from capturing import Crash, build_image, report_at_boot
from vmbed.paths import REPO

CRASHKERNEL = 112 << 20


def test_system_guest_dumps_with_112m(vm):
    marker = f"marker {secrets.token_hex(8)}"
    tree, _ = build_image(vm, "[Dump]\nTarget=LABEL=ukdump:/\n")
    disk = vm.disk("dump", label="ukdump", size=1024)
    result = vm.run_system(vm.root_disk(tree), append="crashkernel=112M", disks=[disk],
                           timeout=240, script=f"""
        attempt start ukdumpctl start
        attempt status ukdumpctl status
        attempt json ukdumpctl status --json
        echo "{marker}" > /dev/kmsg
        crash
    """)
    assert result.get("start.status") == "0", result.get("start")
    assert result.get("status.status") == "0", result.get("status")
    assert "integrity" in result.get("status")

    crash = Crash(disk, "/", vm.logs / "dump")
    manifest = crash.manifest
    print(f"\npeak {manifest['memory']['peak'] / 2**20:.1f} MiB of "
          f"{manifest['memory']['total'] / 2**20:.1f} MiB, stages: "
          + ", ".join(f"{s['name']} {s['seconds']:.1f} s" for s in manifest["stages"]))
    assert manifest["schema"] == 1
    assert manifest["state"] == "complete"
    assert 0 < manifest["memory"]["peak"] < manifest["memory"]["total"] < CRASHKERNEL
    assert marker in crash.info("--lines", "all").stdout
    full = crash.info("--full")
    assert full.returncode == 0, full.stdout
    for path in crash.folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE(crash.folder.stat().st_mode) == 0o700


@pytest.mark.long
def test_build_on_the_guest_itself_with_defaults(vm):
    """No settings, no key: a host key is made, file:/var/crash is found to lie on the root disk."""
    tree = vm.system_tree()
    tree.install()
    root = vm.root_disk(tree)
    result = vm.run_system(root, secure_boot=False, append="crashkernel=128M", timeout=400,
                           memory=1536, script="""
        attempt build ukdumpctl build --cmdline-append console=ttyS0
        attempt start ukdumpctl start
        attempt status ukdumpctl status
        crash
    """)
    assert result.get("build.status") == "0", result.get("build")
    assert "host key" in result.get("build")
    assert result.get("start.status") == "0", result.get("start")
    # 4: armed, and status says that nothing enforces the signature without Secure Boot
    assert result.get("status.status") == "4", result.get("status")
    assert "does not enforce" in result.get("status")
    crash = Crash(root, "/var/crash", vm.logs / "dump")
    assert crash.manifest["state"] == "complete"
    assert crash.manifest["targets"][0]["device"].startswith("/dev/vd")
    assert crash.info("--full").returncode == 0


NOTIFY = b"""#!/bin/sh
echo "$UKDUMP_CRASH $UKDUMP_STATE $UKDUMP_VERIFIED $UKDUMP_DUMP" > /var/lib/notified
ls "$UKDUMP_DUMP" >> /var/lib/notified
"""

VARIABLE = "/sys/firmware/efi/efivars/UkdumpResult-e9d25dcc-4518-42a5-b202-398be852ebb0"


@pytest.mark.long
def test_next_boot_reports_the_dump(vm):
    """The unit as it is installed, with the real journal: a dump, and then a variable, which only
    this unit may remove from what is read-only for it."""
    catalog = (REPO / "systemd/ukdump.catalog").read_text()
    ids = [line[3:] for line in catalog.splitlines() if line.startswith("-- ")]

    def prepare(tree):
        tree.add("/etc/ukdump/notify.d/note", NOTIFY)
        (tree.root / "etc/ukdump/notify.d/note").chmod(0o755)
        report_at_boot(tree)

    tree, _ = build_image(vm, "[Dump]\nTarget=LABEL=ukdump:/\n", prepare=prepare)
    disk = vm.disk("dump", label="ukdump", size=1024)
    result = vm.run_system(vm.root_disk(tree), append="crashkernel=128M", disks=[disk], timeout=700,
                           reboots=True, script=f"""
        wait_for() {{ for _ in $(seq 60); do "$@" && return; sleep 1; done; }}
        if ! ls /var/crash/2*; then
            attempt start ukdumpctl start
            crash
        fi
        wait_for test -e /var/lib/ukdump/report
        wait_for sh -c '! systemctl -q is-active ukdump-report.service'
        attempt unit systemctl show -p Result -p ExecMainStatus ukdump-report.service
        attempt notified cat /var/lib/notified
        attempt status ukdumpctl status --json
        printf '\\7\\0\\0\\0{{"state": "failed", "panic": "BUG: x"}}' > {VARIABLE}
        attempt immutable rm {VARIABLE}
        attempt again systemctl start ukdump-report.service
        wait_for sh -c '! systemctl -q is-active ukdump-report.service'
        attempt gone ls {VARIABLE}
        attempt problem ukdumpctl status
        journalctl --update-catalog
        attempt journal journalctl -o json --output-fields=MESSAGE_ID,PRIORITY,UKDUMP_STATE,\
UKDUMP_VERIFIED,UKDUMP_PANIC,UKDUMP_REASON SYSLOG_IDENTIFIER=ukdump
        attempt explained journalctl -x --no-pager SYSLOG_IDENTIFIER=ukdump
        attempt complaints journalctl -u ukdump-report.service --no-pager -o cat
    """)
    assert result.get("start.status") == "0", result.get("start")
    assert set(result.get("unit").split()) == {"ExecMainStatus=0", "Result=success"}, result.get("complaints")
    first, *files = result.get("notified").splitlines()
    name, state, verified, dump = first.split()
    assert (state, verified, dump) == ("complete", "yes", f"/var/crash/{name}")
    assert "vmcore" in files
    last = json.loads(result.get("status"))["last_crash"]
    assert (last["crash"], last["verified"]) == (name, "yes")
    assert result.get("immutable.status") != "0"
    assert result.get("gone.status") != "0", result.get("complaints")
    assert "left no complete dump (failed)" in result.get("problem")
    good, failed, program = [json.loads(line) for line in result.get("journal").splitlines()]
    assert good["MESSAGE_ID"] == failed["MESSAGE_ID"] in ids
    assert (good["PRIORITY"], good["UKDUMP_VERIFIED"]) == ("4", "yes")
    assert "sysrq triggered crash" in good["UKDUMP_PANIC"]
    assert (failed["PRIORITY"], failed["UKDUMP_PANIC"]) == ("3", "BUG: x")
    assert program["MESSAGE_ID"] in ids  # no directory to list: the program failed
    assert "This machine has crashed; what was saved: complete" in result.get("explained")
