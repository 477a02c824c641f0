# SPDX-License-Identifier: GPL-2.0-or-later
"""`ukdumpctl test` in Debian 13: it crashes, dumps and restarts, and the next boot finds the dump of
that very test."""

import json

import pytest

from capturing import build_image, report_at_boot


@pytest.mark.long
def test_the_next_boot_settles_the_test(vm):
    def prepare(tree):
        tree.add("/etc/ukdump/trust.d/db.crt", vm.keys() / "db.crt")
        report_at_boot(tree)

    tree, _ = build_image(vm, "[Dump]\nTarget=LABEL=ukdump:/\n", prepare=prepare)
    disk = vm.disk("dump", label="ukdump", size=1024)
    result = vm.run_system(vm.root_disk(tree), append="crashkernel=128M", disks=[disk], timeout=300,
                           secure_boot=False, reboots=True, script="""
        if ! ls /var/crash/2*; then
            attempt start ukdumpctl start
            attempt rehearse ukdumpctl rehearse
            attempt silent sh -c 'sysctl -w kernel.printk_devkmsg=off; ukdumpctl test --yes'
            sysctl -w kernel.printk_devkmsg=on
            ukdumpctl test --yes
        fi
        for _ in $(seq 60); do
            [ ! -e /var/lib/ukdump/test ] && break
            sleep 1
        done
        attempt history ukdumpctl test --history --json
        ukdumpctl start
        attempt status ukdumpctl status --json
    """)
    assert result.get("start.status") == "0", result.get("start")
    assert "QEMU is not installed" in result.get("rehearse")
    assert "printk_devkmsg" in result.get("silent")
    history = json.loads(result.get("history"))["history"]
    assert [(h["type"], h["result"]) for h in history] == [("rehearsal", "not-rehearsed"),
                                                           ("test", "ok")], history
    test = history[-1]
    print("capture", test["capture_seconds"], "boot", test["boot_seconds"])
    assert 0 < test["capture_seconds"] <= test["boot_seconds"] < 120
    assert test["dump"].startswith("/var/crash/2")
    findings = {f["name"]: f for f in json.loads(result.get("status"))["findings"]}
    assert findings["proof.test"]["verdict"] == "ok"
