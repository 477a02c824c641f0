# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/GETTING-STARTED.md, to the letter: its blocks marked "sh debian N" are run in a Debian 13 guest under Secure
Boot, N at its N-th boot, and leave it armed and rehearsed. What the test adds is what a reader has: the package, a key
that the firmware knows, packages of the distribution without a network, and a machine that reboots."""

import re
import sys

import pytest

from vmbed import suites
from vmbed.bed import micro_esp
from vmbed.paths import REPO, run

sys.path.append(str(REPO / "tests" / "packages"))
import builder

GUIDE = REPO / "docs" / "GETTING-STARTED.md"
APT = b'APT::Get::Assume-Yes "true";\nAPT::Install-Recommends "false";\nAcquire::Languages "none";\n'
SCRIPT = """
    mkdir -p /efi
    mount /dev/disk/by-id/virtio-esp /efi
    cd /root
    export DEBIAN_FRONTEND=noninteractive
    if ! grep -q crashkernel= /proc/cmdline; then
        [ ! -e /root/boot1.done ] || exit 1
        touch /root/boot1.done
        attempt boot1 sh -exc ". /root/boot1.sh"
        umount /efi
        sync
        systemctl reboot --force --force
        sleep 60
    fi
    # The emulated processor has AMD's virtualisation: KVM works there, and takes a tenth of the time.
    modprobe kvm_amd || modprobe kvm_intel || :
    attempt kvm test -w /dev/kvm
    attempt boot2 sh -exc ". /root/boot2.sh"
    attempt loaded cat /sys/kernel/kexec_crash_loaded
    attempt status ukdumpctl status
    attempt check ukdumpctl check
    attempt rehearsal cat /var/lib/ukdump/rehearsal
    umount /efi
"""


def steps(boot):
    """The blocks of one boot, one after the other. A line "reboot" is for the guest's script."""
    blocks = re.findall(rf"^```sh debian {boot}\n(.*?)^```$", GUIDE.read_text(), re.M | re.S)
    assert blocks, f"no steps for boot {boot}"
    return "".join(line + "\n" for block in blocks for line in block.splitlines()
                   if line.strip() != "reboot")


def test_the_guide_has_steps():
    """Without a guest, so that a guide that loses its marks is noticed."""
    assert "reserve" in steps(1) and "apt install" in steps(1)
    assert "rehearse" in steps(2) and "status" in steps(2)
    marks = re.findall(r"^```(.*)$", GUIDE.read_text(), re.M)
    assert set(marks) == {"", "sh debian 1", "sh debian 2"}
    assert re.search(r"^reboot$", GUIDE.read_text(), re.M)


@pytest.mark.long
def test_from_the_guide_to_a_rehearsed_machine(vm):
    deb = vm.logs / "ukdump_0_amd64.deb"
    with builder.built("trixie", "nocheck") as (folder, _):
        run("cp", next(folder.glob("ukdump_*.deb")), deb)
    tree = suites.tree("trixie", deb, vm.logs / "tree", more=("qemu-system-x86",))
    tree.add("/root/ukdump_0_amd64.deb", deb)
    tree.add("/etc/apt/apt.conf.d/99test", APT)
    for name in ("db.key", "db.crt"):
        tree.add(f"/root/{name}", vm.keys() / name)
    (tree.root / "root/db.key").chmod(0o600)
    for boot in (1, 2):
        tree.add(f"/root/boot{boot}.sh", steps(boot).encode())
    root, esp = vm.root_disk(tree), vm.logs / "esp.img"
    run("cp", micro_esp(tree.kernel), esp)
    # Without KVM in it, a guest in an emulated guest takes a quarter of an hour to rehearse.
    result = vm.run_esp(esp, append="bed.root=root systemd.show_status=0", disks=[root], memory=3072,
                        timeout=1800, reboots=True, script=SCRIPT)
    print(result.table())
    assert result.get("boot1.status") == "0", result.get("boot1")
    assert result.get("boot2.status") == "0", result.get("boot2")
    assert result.get("loaded") == "1"
    assert result.get("status.status") == "0", result.get("status")
    assert result.get("check.status") == "0", result.get("check")
    rehearsal = result.get("rehearsal").splitlines()
    assert "result=ok" in rehearsal
    assert f"accelerator={'kvm' if result.get('kvm.status') == '0' else 'tcg'}" in rehearsal
