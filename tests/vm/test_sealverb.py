# SPDX-License-Identifier: GPL-2.0-or-later
"""`ukdumpctl seal` and `addon` against the stock kernel, systemd-stub and firmware."""

import subprocess

import pytest

import sealing
from sealing import CMDLINE, assert_captured
from vmbed import packages
from vmbed.paths import BUILD, run

OK, ENOEXEC = "errno=0 OK", "errno=8 ENOEXEC"
CTL = BUILD / "ukdumpctl"


def ukify(*options):
    run(*packages.ukify(), "build", *options)


def assert_ukify_reads(image, *sections):
    done = subprocess.run([*packages.ukify(), "inspect", image], check=True, timeout=60,
                          stdout=subprocess.PIPE, text=True)
    assert [line[:-1] for line in done.stdout.splitlines() if line.startswith(".")] == [*sections]


def vendors_uki(vm, suite="trixie"):
    """A UKI made by Debian 13's ukify, signed by db: one profile boots, the other captures."""
    profile, bare, uki = vm.logs / "profile.efi", vm.logs / "bare.efi", vm.logs / "vendor.efi"
    stub = vm.uefi_stub(suite)
    (vm.logs / "os-release").write_text(sealing.OS_RELEASE)
    # ukify puts a profile together with the stub of addons
    ukify("--profile", "ID=kdump", "--cmdline", CMDLINE, "--initrd", vm.probe_initrd("kdump"),
          "--stub", stub.with_name("addonx64.efi.stub"), "--sbat", "", "--output", profile)
    ukify("--profile", "ID=main", "--linux", vm.kernel("6.12").image,
          "--initrd", vm.probe_initrd("main"), "--cmdline", "console=ttyS0 main",
          "--os-release", f"@{vm.logs}/os-release", "--stub", stub, "--join-profile", profile,
          "--output", bare)
    return vm.sign(bare, uki)


def old_uki(vm):
    """One as it was made before ukify: objcopy and systemd-stub 252, without its COFF symbols."""
    bare, cmdline, address, options = vm.logs / "bare.efi", vm.logs / "cmdline", 0x100000, []
    (vm.logs / "os-release").write_text(sealing.OS_RELEASE)
    cmdline.write_text(CMDLINE)
    for name, file in ((".osrel", vm.logs / "os-release"), (".cmdline", cmdline),
                       (".linux", vm.kernel("6.12").image), (".initrd", vm.probe_initrd("kdump"))):
        options += ["--add-section", f"{name}={file}",
                    "--change-section-vma", f"{name}={address:#x}"]
        address += -(-file.stat().st_size // 4096) * 4096
    run("objcopy", "--strip-all", *options, vm.uefi_stub("bookworm"), bare)
    return vm.sign(bare, vm.logs / "vendor.efi")


def seal_and_sign(vm, uki, *options):
    image, keys = vm.logs / "sealed.efi", vm.keys()
    run(CTL, "seal", "--trust", keys / "db.crt", *options, uki, "-o", image)
    assert sealing.verify(image, keys / "db.crt") == (False, "auth.unsigned")
    run(CTL, "sign", "--key", keys / "db.key", "--cert", keys / "db.crt", image)
    return image


def test_a_vendors_uki_loads_whole(vm, kfl):
    """What the kernel did not take as it was, it takes sealed, and captures with that profile."""
    sealed = seal_and_sign(vm, vendors_uki(vm), "--profile", "kdump")
    assert_ukify_reads(sealed, ".sbat", ".osrel", ".uname", ".cmdline", ".initrd", ".linux")
    result = vm.run_micro(append="crashkernel=160M", programs=[kfl, BUILD / "ukdump-load"],
                          files={"vendor.efi": vm.logs / "vendor.efi", "sealed.efi": sealed},
                          script="""
        attempt vendor kfl --no-initramfs /payload/vendor.efi
        attempt direct kfl --no-initramfs /payload/sealed.efi
        attempt load ukdump-load load /payload/sealed.efi
        crash
    """)
    assert result.get("vendor") == ENOEXEC
    assert result.get("direct") == OK
    assert result.get("load.status") == "0", result.get("load")
    assert_captured(result, "kdump")


@pytest.mark.long
@pytest.mark.parametrize("suite", ["bookworm", "trixie", "sid"])
def test_firmware_boots_a_sealed_vendors_uki(vm, suite):
    """Its own systemd-stub (252, 257, 262) starts it, and finds the sections that it looks for."""
    if suite == "bookworm":
        sealed = seal_and_sign(vm, old_uki(vm))
    else:
        sealed = seal_and_sign(vm, vendors_uki(vm, suite), "--profile", "kdump")
    result = vm.run_uki(sealed)
    assert not result.refused
    assert result.get("probe.id") == "kdump"
    assert result.get("probe.cmdline") == CMDLINE
    assert "[integrity]" in result.get("probe.lockdown")


def test_systemd_stub_applies_our_addons(vm):
    """Three addons beside a UKI: one signed by db, one by a stranger, one by nobody."""
    keys, addons = vm.keys(), []
    for name, how in (("db", ["db"]), ("foreign", ["foreign"]), ("none", [])):
        addon = vm.logs / f"{name}.addon.efi"
        signing = [o for k in how for o in ("--key", keys / f"{k}.key", "--cert", keys / f"{k}.crt")]
        run(CTL, "addon", "--cmdline", f"crashkernel=160M addon.by={name}",
            *(signing or ["--no-sign"]), "-o", addon)
        assert_ukify_reads(addon, ".sbat", ".cmdline")
        addons.append(addon)
    uki = vm.uki(vm.logs / "uki.efi", vm.kernel("6.12").image, vm.probe_initrd("probe"),
                 "console=ttyS0 panic=1 nokaslr")
    result = vm.run_uki(uki, sidecars=addons)
    assert not result.refused
    assert result.get("probe.id") == "probe"
    assert result.get("probe.cmdline").split() == [
        "console=ttyS0", "panic=1", "nokaslr", "crashkernel=160M", "addon.by=db"]
