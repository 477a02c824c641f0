# SPDX-License-Identifier: GPL-2.0-or-later
"""Plain UKIs as ukify makes them: verified whole, loaded in parts by a real kernel."""

import re

import pytest

from sealing import init_size
from test_load import HELPERS, KIB, MIB, assert_refused, facts, keyring_with, pages
from vmbed.paths import BUILD

PROGRAMS = [BUILD / "ukdump-load", BUILD / "ukdumpctl"]
CMDLINE = "console=ttyS0 panic=1 nokaslr reset_devices nr_cpus=1"


def make_uki(vm, name, linux, kernel):
    """A UKI with two profiles, the second with a command line of its own."""
    profile = vm.uki_part(vm.logs / f"{name}.profile", "--profile", "TITLE=Crash\nID=kdump",
                          "--cmdline", f"{CMDLINE} from=profile", key=None)
    return vm.uki(vm.logs / f"{name}.efi", linux, vm.probe_initrd(name, kernel=kernel),
                  f"{CMDLINE} from=main",
                  options=["--profile", "ID=main", "--join-profile", profile])


@pytest.mark.parametrize("kernel", ["6.12", pytest.param("6.1", marks=pytest.mark.long),
                                    pytest.param("7.2", marks=pytest.mark.long)])
def test_loaded_in_parts_on_a_locked_down_machine(vm, kernel):
    """The signed kernel inside is what the kernel verifies; the crash runs profile and addon.

    Where the kernel refuses the next image although our checks passed (because /proc/keys lies), it
    has dropped this one: what is loaded again is the same profile with the same addon.
    """
    stock = vm.kernel(kernel)
    signed = vm.sign(stock.image, vm.logs / "vmlinuz.signed")
    bare = vm.unsigned(stock.image, vm.logs / "vmlinuz.unsigned")
    strange = vm.sign(stock.image, vm.logs / "vmlinuz.foreign", "foreign")
    addon = vm.uki_part(vm.logs / "x.addon.efi", "--cmdline", "from=addon",
                        "--uname", stock.version)
    other = vm.uki_part(vm.logs / "y.addon.efi", "--cmdline", "from=other", "--uname", "1.2.3")
    foreign = vm.uki_part(vm.logs / "z.addon.efi", "--cmdline", "from=foreign", key="foreign")
    result = vm.run_micro(kernel, append="crashkernel=192M", programs=PROGRAMS, timeout=300, files={
        "good.efi": make_uki(vm, "good", signed, kernel),
        "good.efi.extra.d/x.addon.efi": addon,
        "good.efi.extra.d/y.addon.efi": other,
        "good.efi.extra.d/secret.cred": b"not applied",
        "unsigned.efi": make_uki(vm, "unsigned", bare, kernel),
        "z.addon.efi": foreign,
        "strange.efi": make_uki(vm, "strange", strange, kernel),
    }, script=HELPERS + f"""
        mkdir -p /etc/ukdump
        echo "[Arm]" >/etc/ukdump/ukdump.conf
        echo "RequireSealed=yes" >>/etc/ukdump/ukdump.conf
        attempt sealed ukdumpctl start /payload/good.efi
        rm /etc/ukdump/ukdump.conf
        report before "$(loaded)"

        attempt good ukdumpctl start --profile kdump /payload/good.efi
        armed good
        attempt status ukdumpctl status

        attempt unsigned ukdumpctl start /payload/unsigned.efi
        attempt profile ukdumpctl start --profile dump /payload/good.efi
        cp /payload/good.efi /tmp/moved.efi
        mkdir /tmp/moved.efi.extra.d
        cp /payload/z.addon.efi /tmp/moved.efi.extra.d
        attempt foreign ukdumpctl start /tmp/moved.efi
        attempt strange ukdumpctl start /payload/strange.efi
        armed after
        {keyring_with(vm.keys() / "foreign.crt", vm.keys() / "db.crt")}
        attempt failing ukdumpctl start /payload/strange.efi
        armed again
        crash
    """)
    print(result.table())
    assert_refused(result, "sealed", "sealed.required", "RequireSealed=yes", "ukdumpctl seal")
    assert result.get("before") == "0"

    assert result.get("good.status") == "0", result.get("good")
    text = result.get("good")
    assert ("loaded in parts: the kernel verified only .linux, by key 'ukdump test db' in .platform;"
            " initrd, command line, 1 addon were verified by ukdump alone") in text
    assert "y.addon.efi: for another kernel ('1.2.3'), not applied" in text
    assert "not applied by kexec (credentials, extensions): " in text and "secret.cred" in text
    record = facts(result.get("good.record"))
    assert record["kind"] == "plain" and record["profile"] == "1" and record["addons"] == "1"
    assert record["kernel"].startswith(f"{stock.version} ")
    assert re.search(r"^kind +plain, profile 1, addons 1: ", result.get("status"), re.M)

    assert_refused(result, "unsigned", "kernel.unsigned",
                   "the UKI is signed, but its .linux is not: this kernel verifies only .linux; "
                   "run 'ukdumpctl seal' and sign, which needs no inner signature")
    assert_refused(result, "profile", "uki.profile", "'dump'")
    assert_refused(result, "foreign", "auth.trust", "z.addon.efi")
    assert_refused(result, "strange", "host.keyring", ".linux: no key of the running kernel")
    for key in ("loaded", "tells", "record", "last-good"):
        assert result.get(f"after.{key}") == result.get(f"good.{key}")

    assert result.get("failing.status") == "1"
    assert "errno 126: no key of the kernel's vouches for the signer" in result.get("failing")
    assert "the last good image is armed again" in result.get("failing")
    again = facts(result.get("again.record"))
    assert again["path"] == "/var/lib/ukdump/last-good"
    for key in ("image", "kind", "profile", "addons"):
        assert again[key] == record[key]

    assert result.get("probe.id") == "good"
    assert re.fullmatch(rf"elfcorehdr=0x[0-9a-f]+ {CMDLINE} from=profile from=addon",
                        result.get("probe.cmdline")), result.get("probe.cmdline")
    assert result.get("probe.vmcore") == "yes"
    extra = result.get("probe.extra")
    assert "dr-xr-xr-x 0:0 .\n" in extra
    assert re.findall(r"^-r--r--r-- 0:0 \./(.*)$", extra, re.M) == ["os-release", "profile"]
    assert "ID=ukdump-test" in extra and "TITLE=Crash\nID=kdump" in extra


def test_smallest_memory_for_parts(vm):
    """Without Secure Boot: what we call the minimum is enough for the kernel, and not by much."""
    image = vm.uki(vm.logs / "a.efi", vm.kernel("6.12").image, vm.probe_initrd("tight"), CMDLINE)
    result = vm.run_micro(secure_boot=False, append="crashkernel=160M", programs=PROGRAMS,
                          files={"a.efi": image, "db.crt": vm.keys() / "db.crt"},
                          script=HELPERS + """
        trust db.crt
        attempt first ukdump-load load /payload/a.efi
        needed=$(sed -n 's/^needed=//p' /run/ukdump/armed)
        attempt unload ukdump-load unload
        reserve "$needed"
        attempt tight ukdump-load load /payload/a.efi
        armed tight
        attempt unload2 ukdump-load unload
        reserve $((needed - 4096))
        attempt small ukdump-load load /payload/a.efi
    """)
    print(result.table())
    assert result.exit_status == 0, result.get("output")
    assert result.get("first.status") == "0", result.get("first")
    assert "Secure Boot and lockdown are off: the kernel verified nothing" in result.get("first")
    needed = int(facts(result.get("tight.record"))["needed"])
    initrd = vm.probe_initrd("tight").stat().st_size
    kernel = pages(init_size(vm.kernel("6.12").image)) + 2 * MIB + 128 * KIB
    assert kernel + initrd < needed < kernel + initrd + 16 * KIB
    assert result.get("tight.status") == "0", result.get("tight")
    assert_refused(result, "small", "host.memory", "raise crashkernel=")


@pytest.mark.long
def test_parts_are_those_of_systemd_stub(vm):
    """The same UKI booted by firmware and loaded in parts: the same files, the same command line."""
    keys = vm.keys()
    probe = vm.probe_initrd("same")
    image = vm.uki(vm.logs / "a.efi", vm.sign(vm.kernel("6.12").image, vm.logs / "vmlinuz"), probe,
                   CMDLINE, options=["--profile", "ID=main", "--pcrpkey", keys / "db.crt",
                                     "--section", ".pcrsig:{}"])
    addon = vm.uki_part(vm.logs / "x.addon.efi", "--cmdline", "from=addon")
    firmware = vm.run_uki(image, sidecars=[addon])
    result = vm.run_micro(append="crashkernel=192M", programs=PROGRAMS, files={
        "a.efi": image, "a.efi.extra.d/x.addon.efi": addon,
    }, script=HELPERS + """
        attempt load ukdumpctl start /payload/a.efi
        crash
    """)
    print(result.table())
    assert result.get("load.status") == "0", result.get("load")
    assert result.get("probe.extra") == firmware.get("probe.extra")
    assert result.get("probe.extra").count("-r--r--r-- 0:0 ") == 4
    assert result.get("probe.files") == firmware.get("probe.files")
    assert result.get("probe.cmdline").partition(" ")[2] == firmware.get("probe.cmdline")
