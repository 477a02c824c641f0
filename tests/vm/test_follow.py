# SPDX-License-Identifier: GPL-2.0-or-later
"""`ukdumpctl refresh` on Debian 13 under Secure Boot, with its own dracut: a new kernel while armed, builds
that fail, power cuts. What it decides is tested in tests/cli/test_refresh.py."""

import json
import shutil

import pytest

from capturing import Crash
from faults import VolatileDisk

CONF = """\
[Image]
Key=/root/db.key
Certificate=/root/db.crt
CommandLineAppend=console=ttyS0
[Dump]
Target=LABEL=ukdump:/
"""


def machine(vm):
    """The system tree with ukdump in it, nothing built."""
    tree = vm.system_tree()
    tree.install()
    tree.add("/etc/ukdump/ukdump.conf.d/test.conf", CONF.encode())
    for name in ("db.key", "db.crt"):
        tree.add(f"/root/{name}", vm.keys() / name)
    (tree.root / "root/db.key").chmod(0o600)
    return tree


def ok(result, name):
    assert result.get(f"{name}.status") == "0", result.get(name)
    text = result.get(name)
    return json.loads(text[text.index("{\n"):text.rindex("}") + 1])


@pytest.mark.long
def test_kernel_that_is_installed_while_armed(vm):
    """Watched every 20 ms: armed from the first image on, whatever happens. 7.2 waits outside of the
    system's directories until it is "installed"."""
    tree, new = machine(vm), vm.kernel("7.2")
    shutil.copytree(new.modules, tree.root / "opt/new", symlinks=True)
    shutil.copy(new.image, tree.root / "opt/new/vmlinuz")
    disk = vm.disk("dump", label="ukdump", size=1024)
    result = vm.run_system(vm.root_disk(tree), append="crashkernel=160M", disks=[disk],
                           memory=1536, timeout=1200, script=f"""
        new={new.version} old=$(uname -r)
        attempt first ukdumpctl refresh --json
        attempt fresh ukdumpctl refresh --json
        report before "$(cat /run/ukdump/armed)"
        (while sleep 0.02; do cat /sys/kernel/kexec_crash_loaded /sys/kernel/kexec/crash_loaded; done \\
            > /run/watched 2> /dev/null) &
        mv /opt/new /usr/lib/modules/$new
        attempt installed ukdumpctl refresh --json
        report after "$(cat /run/ukdump/armed)"
        attempt status ukdumpctl status --json
        echo 'exit 1' > /usr/lib/dracut/dracut-init.sh
        attempt broken ukdumpctl refresh --json
        attempt broken-status ukdumpctl status
        attempt removed /usr/lib/kernel/install.d/90-ukdump.install remove $new
        report images "$(ls /var/lib/ukdump/images)"
        report last "$(cat /run/ukdump/armed)"
        report watched "$(sort /run/watched | uniq -c)"
        report left "$(ls -A /var/tmp)"
        crash
    """)
    first = ok(result, "first")
    assert len(first["built"]) == 1 and first["image"] == first["built"][0]
    assert ok(result, "fresh")["built"] == []
    installed = ok(result, "installed")
    assert len(installed["built"]) == 1 and new.version in installed["built"][0]
    assert installed["image"] == first["image"] and ok(result, "status")["stale"] == []
    assert result.get("broken.status") == "1", result.get("broken")
    assert result.get("broken-status.status") == "4"
    assert "stale     /usr/lib/dracut/dracut-init.sh" in result.get("broken-status")
    assert "the last refresh" in result.get("broken-status")
    assert result.get("before") == result.get("after") == result.get("last")
    assert new.version not in result.get("images")
    print(result.get("watched"))
    assert set(line.split()[1] for line in result.get("watched").splitlines()) == {"1"}
    assert "ukdump-build" not in result.get("left")
    assert Crash(disk, "/", vm.logs / "dump").manifest["state"] == "complete"


@pytest.mark.long
def test_power_cuts_while_it_builds_and_publishes(vm):
    root = vm.root_disk(machine(vm))
    kept = VolatileDisk(root)
    kept.kernel = root.kernel
    disk = vm.disk("dump", label="ukdump", size=1024)
    for line, delay in (("making the capture initrd", 10), ("verifying and publishing", 0)):
        cut = vm.run_system(kept, append="crashkernel=160M", disks=[disk], timeout=600,
                            script="ukdumpctl refresh", power_cut=(line, delay))
        assert cut.cut_at < cut.duration, "the line never came"
    result = vm.run_system(kept, append="crashkernel=160M", disks=[disk], timeout=600, script="""
        report before "$(ls -A /var/tmp /var/lib/ukdump /var/lib/ukdump/images)"
        attempt refresh ukdumpctl refresh --json
        report after "$(ls -A /var/tmp /var/lib/ukdump /var/lib/ukdump/images)"
        attempt status ukdumpctl status --json
    """)
    print(result.get("before"), result.get("after"), sep="\n")
    assert ok(result, "refresh")["armed"]
    status = ok(result, "status")
    assert status["armed"] and status["stale"] == [] and status["problems"] == []
    assert "ukdump-build" not in result.get("after") and ".tmp." not in result.get("after")
