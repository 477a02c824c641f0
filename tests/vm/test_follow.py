# SPDX-License-Identifier: GPL-2.0-or-later
"""The package on Debian 13 under Secure Boot, with its own dracut: a kernel that is installed while armed, updates
that fail, power cuts, LockAfterArm=. What `refresh` decides is tested in tests/cli/test_refresh.py."""

import re
import shutil

import pytest

from capturing import Crash
from faults import VolatileDisk
from installing import install, kernel_package, last_json
from test_rearm import facts
from vmbed import helpers
from vmbed.paths import say

TARGET = "[Dump]\nTarget=LABEL=ukdump:/\n"
HELPERS = """
    export SYSTEMD_COLORS=0
    loaded=/sys/kernel/kexec_crash_loaded
    [ -e $loaded ] || loaded=/sys/kernel/kexec/crash_loaded
    # What hooks have started: until it is done.
    followed() {
        i=0
        while sleep 1; systemctl is-active ukdump-refresh.service | grep -q activating && [ $i -lt 600 ]; do i=$((i + 1)); done
    }
    journal() { journalctl --quiet --output cat MESSAGE_ID=8c451c86ce34459d83d88bdb897401a8; }
"""


def passed(result, name):
    assert result.get(f"{name}.status") == "0", result.get(name)
    return result.get(name)


def tell_watch(result, calls):
    """The longest that the watcher saw nothing armed, beside what ukdump-load measured."""
    seen = facts(result.get("watch"))
    say(f"reads {seen['reads']}, zeros {seen['zeros']}, longest {seen['longest_ms']} ms; call_ms {calls}")
    return seen


@pytest.mark.long
def test_kernel_that_is_installed_while_armed(vm):
    """dpkg, its hooks, the service: then a boot of the new kernel, the old one's removal, and a crash."""
    tree, new = install(vm, "Kernel=newest\n" + TARGET), vm.kernel("7.2")
    old = tree.kernel
    shutil.copytree(new.modules, tree.root / f"usr/lib/modules/{new.version}", symlinks=True,
                    ignore=shutil.ignore_patterns("vmlinuz"))
    tree.add("/root/kernel.deb", kernel_package(vm.logs / "kernel.deb", new.version, new.image))
    root, disk = vm.root_disk(tree), vm.disk("dump", label="ukdump", size=2048)
    common = {"append": "crashkernel=192M", "disks": [disk], "memory": 1280, "timeout": 900}

    result = vm.run_system(root, programs=[helpers.program("watch_armed")], **common, script=HELPERS + """
        systemctl start ukdump.service
        report before "$(cat /run/ukdump/armed)"
        attempt fresh ukdumpctl refresh --json
        watch_armed $loaded 1000 2000 >/run/watch & watcher=$!
        attempt install dpkg --install /root/kernel.deb
        followed
        report after "$(cat /run/ukdump/armed)"
        report service "$(journalctl -b -o cat -u ukdump-refresh.service)"
        attempt status ukdumpctl status --json
        kill $watcher; wait $watcher
        report_from watch </run/watch
    """)
    print(result.table(), result.get("service"), sep="\n")
    assert last_json(passed(result, "fresh"))["built"] == []
    passed(result, "install")
    before, after = facts(result.get("before")), facts(result.get("after"))
    assert before["kernel"].startswith(old.version) and after["kernel"].startswith(new.version)
    status = last_json(result.get("status"))
    assert status["armed"] and status["stale"] == [] and status["refresh"]["result"] == "done"
    seen = tell_watch(result, after["call_ms"])
    assert int(seen["reads"]) > 1000 and float(seen["longest_ms"]) <= int(after["call_ms"]) + 50

    root.kernel = new
    result = vm.run_system(root, **common, script=HELPERS + f"""
        systemctl start ukdump.service
        report armed "$(cat /run/ukdump/armed)"
        report service "$(journalctl -b -o cat -u ukdump.service)"
        attempt remove dpkg --purge linux-image-amd64 linux-image-{old.version}
        report images "$(ls /var/lib/ukdump/images)"
        attempt status ukdumpctl status
        crash
    """)
    print(result.table(), result.get("service"), result.get("status"), sep="\n")
    armed = facts(result.get("armed"))
    assert armed["image"] == after["image"], "built before the boot, and taken as it is"
    assert "build" not in result.get("service")
    passed(result, "remove")
    assert [name.rsplit("-", 1)[0] for name in result.get("images").split()] == [new.version] * 2
    crash = Crash(disk, "/", vm.logs / "dump")
    print(crash.manifest["state"], sorted(crash.names))
    assert crash.manifest["state"] == "complete" and new.version in crash.dmesg


# Each of them leaves the settings and the disk as it found them. What is armed was made stale before.
FAULTS = {
    "dracut": ("mv /usr/lib/dracut/dracut-init.sh /root/; echo 'echo no luck; exit 1' >/usr/lib/dracut/dracut-init.sh",
               "mv /root/dracut-init.sh /usr/lib/dracut/", "dracut"),
    "key": ("mv /root/db.key /root/away", "mv /root/away /root/db.key", "/root/db.key"),
    "disk": ("fallocate -l $(df --output=avail -B1 / | tail -n 1) /root/filler || true; df / | tail -n 1",
             "rm /root/filler", "o space left"),
}


@pytest.mark.long
def test_updates_that_fail(vm):
    """What is armed stays, status says why, and so does the journal; and the next boot arms it."""
    tree = install(vm, TARGET)
    for name in ("foreign.key", "foreign.crt"):
        tree.add(f"/root/{name}", vm.keys() / name)
    (tree.root / "root/foreign.key").chmod(0o600)
    root, disk = vm.root_disk(tree), vm.disk("dump", label="ukdump", size=1024)
    common = {"append": "crashkernel=160M", "disks": [disk], "memory": 1280, "timeout": 900}
    faults = "".join(f"""
        {{ {begin}; }} 2>&1
        attempt {name} ukdumpctl refresh --json
        attempt {name}.state ukdumpctl status --json
        report {name}.armed "$(cat $loaded /run/ukdump/armed)"
        report {name}.journal "$(journal | tail -n 1)"
        report {name}.images "$(ls /var/lib/ukdump/images)"
        {end}
    """ for name, (begin, end, _) in FAULTS.items())
    result = vm.run_system(root, programs=[helpers.program("watch_armed")], **common, script=HELPERS + f"""
        systemctl start ukdump.service
        report before "$(cat $loaded /run/ukdump/armed)"
        report images "$(ls /var/lib/ukdump/images)"
        watch_armed $loaded 1000 2000 >/run/watch & watcher=$!
        echo '# changed' >>/usr/lib/dracut/dracut-functions.sh
        {faults}
        # A key that this machine trusts, and its kernel does not.
        cp /root/foreign.crt /etc/ukdump/trust.d/
        printf '[Image]\nKey=/root/foreign.key\nCertificate=/root/foreign.crt\n' >/etc/ukdump/ukdump.conf.d/z.conf
        attempt foreign ukdumpctl refresh --json
        attempt foreign.state ukdumpctl status --json
        report foreign.armed "$(cat $loaded /run/ukdump/armed)"
        report foreign.journal "$(journal | tail -n 1)"
        kill $watcher; wait $watcher
        report_from watch </run/watch
        report left "$(ls -A /var/tmp /var/lib/ukdump/images)"
    """)
    print(result.table())
    for name, reason in [*((n, f[2]) for n, f in FAULTS.items()), ("foreign", "enroll its certificate")]:
        assert result.get(f"{name}.status") == "1", result.get(name)
        state = last_json(result.get(f"{name}.state"))
        say(f"{name}: {state['refresh']['reason']}")
        assert result.get(f"{name}.state.status") == "4" and reason in state["refresh"]["reason"]
        assert any(reason in p for p in state["problems"])
        assert reason in result.get(f"{name}.journal")
        assert result.get(f"{name}.armed") == result.get("before")
        if name != "foreign":
            assert result.get(f"{name}.images") == result.get("images")
    assert tell_watch(result, "-")["zeros"] == "0"
    assert "ukdump-build" not in result.get("left") and ".tmp." not in result.get("left")

    # The newest image is the one that the kernel refuses.
    result = vm.run_system(root, **common, script=HELPERS + """
        attempt boot systemctl start ukdump.service
        report armed "$(cat /run/ukdump/armed)"
        attempt state ukdumpctl status --json
        # And settings that nobody can read, with nothing armed.
        ukdumpctl stop
        echo '[Dunp]' >/etc/ukdump/ukdump.conf.d/z.conf
        attempt typo ukdumpctl refresh --json
        report typo.armed "$(cat $loaded /run/ukdump/armed)"
        attempt typo.state ukdumpctl status --json
    """)
    print(result.table(), result.get("typo"), result.get("typo.armed"), sep="\n")
    before = facts(result.get("armed"))
    assert before["path"] == "/var/lib/ukdump/last-good"
    assert result.get("state.status") == "4"
    assert "enroll its certificate" in last_json(result.get("state"))["refresh"]["reason"]
    assert result.get("typo.status") == "1" and "z.conf:1" in last_json(result.get("typo"))["reason"]
    typo = facts(result.get("typo.armed"))
    assert result.get("typo.armed").startswith("1\n") and typo["image"] == before["image"]
    assert "z.conf:1" in typo["problem"] and result.get("typo.state.status") == "4"


@pytest.mark.long
def test_power_cuts_while_it_builds_and_publishes(vm):
    """Of the first build, which the service makes early in the boot; each time it begins anew."""
    tree = install(vm, TARGET, image=False)
    tree.add("/etc/systemd/system/ukdump.service.d/console.conf",
             b"[Service]\nStandardOutput=journal+console\nStandardError=journal+console\n")
    root = vm.root_disk(tree)
    kept = VolatileDisk(root)
    kept.kernel = root.kernel
    disk = vm.disk("dump", label="ukdump", size=1024)
    common = {"append": "crashkernel=160M", "disks": [disk], "memory": 1280, "timeout": 900}
    for line, delay in (("making the capture initrd", 10), ("verifying and publishing", 0),
                        ("verifying and publishing", 1)):
        cut = vm.run_system(kept, **common, script="sleep 600", power_cut=(line, delay))
        say(f"cut at {cut.cut_at:.0f} s: {delay} s after '{line}'")
        assert cut.cut_at < cut.duration + 1, "the line never came"
    result = vm.run_system(kept, **common, script=HELPERS + """
        attempt service systemctl start ukdump.service
        report log "$(journalctl -b -o cat -u ukdump.service)"
        report late "$(find /var/tmp /var/lib/ukdump)"
        report armed "$(cat $loaded)"
        attempt status ukdumpctl status --json
    """)
    print(result.table(), result.get("log"), result.get("late"), sep="\n")
    passed(result, "service")
    assert result.get("armed") == "1"
    status = last_json(passed(result, "status"))
    assert status["stale"] == [] and status["problems"] == []
    assert "ukdump-build" not in result.get("late") and ".tmp." not in result.get("late")


@pytest.mark.long
def test_locked_after_arming(vm, kfl):
    """Nobody replaces or removes the image, not even we: the new one waits for the next boot."""
    root = vm.root_disk(install(vm, TARGET + "[Arm]\nLockAfterArm=panic-limit\n"))
    disk = vm.disk("dump", label="ukdump", size=1024)
    common = {"append": "crashkernel=160M", "disks": [disk], "memory": 1280, "timeout": 900, "programs": [kfl]}
    limits = """
        limits() { report $1.limits "$(cd /proc/sys/kernel; cat kexec_load_limit_panic kexec_load_disabled | tr '\\n' ' ')"; }
    """
    result = vm.run_system(root, **common, script=HELPERS + limits + """
        systemctl start ukdump.service
        report before "$(cat /run/ukdump/armed)"
        limits first
        attempt unload kfl --unload
        attempt load kfl --no-initramfs $(sed -n 's/^path=//p' /run/ukdump/armed)
        attempt reload ukdumpctl reload
        attempt stop ukdumpctl stop
        attempt state ukdumpctl status --json
        printf '[Dump]\nDumpLevel=30\n[Arm]\nLockAfterArm=all\n' >/etc/ukdump/ukdump.conf.d/z.conf
        followed
        attempt refresh ukdumpctl refresh --json
        attempt waiting ukdumpctl status --json
        report unit "$(systemctl show -P Result ukdump-refresh.service)"
        report after "$(cat $loaded /run/ukdump/armed)"
    """)
    print(result.table())
    assert result.get("first.limits") == "0 0 "
    assert "EPERM" in result.get("unload") and "EPERM" in result.get("load")
    assert result.get("reload.status") == "1" and "host.locked" in result.get("reload")
    assert result.get("stop.status") == "1"
    before = last_json(passed(result, "state"))
    assert before["locked"] and before["problems"] == []
    refresh, waiting = last_json(passed(result, "refresh")), last_json(passed(result, "waiting"))
    new = refresh["next_boot"]
    assert new and new != refresh["image"] and waiting["refresh"]["result"] == "next-boot"
    assert waiting["problems"] == [] and waiting["stale"] == ["settings [Dump]"]
    assert result.get("unit") == "success"
    assert result.get("after") == "1\n" + result.get("before")

    result = vm.run_system(root, **common, script=HELPERS + limits + """
        systemctl start ukdump.service
        report armed "$(cat /run/ukdump/armed)"
        limits second
        attempt load kfl --no-initramfs $(sed -n 's/^path=//p' /run/ukdump/armed)
        crash
    """)
    print(result.table())
    assert facts(result.get("armed"))["path"] == new
    assert re.fullmatch(r"-?\d+ 1 ", result.get("second.limits"))
    assert "EPERM" in result.get("load")
    assert Crash(disk, "/", vm.logs / "dump").manifest["state"] == "complete"
