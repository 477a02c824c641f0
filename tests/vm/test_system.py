# SPDX-License-Identifier: GPL-2.0-or-later
"""The whole promise on Debian 13 with systemd, Secure Boot and lockdown: build in the guest's tree,
arm, panic, dump in the lean environment with 112M, reboot."""

import secrets
import stat

import pytest

from capturing import Crash, build_image

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
