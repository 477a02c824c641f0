# SPDX-License-Identifier: GPL-2.0-or-later
"""`ukdumpctl reserve` where a UKI was booted: an addon on its ESP."""

import os
import struct

import pefile
import pytest

from cli import ctl
from reserve_tree import efi_text, efi_variable


@pytest.fixture
def uki(tree, signers):
    """A machine that booted a UKI from its ESP on /efi; ukdump has a key of the site."""
    efi_text(tree, "LoaderInfo", "systemd-boot 257.8-1~deb13u1")
    efi_text(tree, "StubInfo", "systemd-stub 257.8-1~deb13u1")
    efi_variable(tree, "StubFeatures", struct.pack("<Q", 0xff))
    efi_text(tree, "StubImageIdentifier", "\\EFI\\Linux\\debian.efi")
    tree.put("efi/EFI/Linux/debian.efi", "")
    tree.put("boot/EFI/other.efi", "")
    for name in ("key", "crt"):
        tree.put(f"etc/ukdump/keys/local.{name}", (signers / f"signer.{name}").read_text())
        (tree.path / f"etc/ukdump/keys/local.{name}").chmod(0o600)
    return tree


ADDON = "efi/loader/addons/ukdump-crashkernel.addon.efi"


def command_line(path):
    with pefile.PE(path, fast_load=True) as image:
        (section,) = [s for s in image.sections if s.Name.rstrip(b"\0") == b".cmdline"]
        return image.__data__[section.PointerToRawData:][:section.Misc_VirtualSize].decode()


def test_addon(uki, signers):
    done = uki.ctl("reserve", code=0)
    assert done.out == f"""\
reserve    crashkernel=192M
size       the default, since nothing was measured on this machine yet
by         addon: systemd-stub has started the kernel from a UKI
--- /dev/null
+++ /{ADDON}
+crashkernel=192M
effect     please reboot the system for the change to take effect
"""
    assert command_line(uki.path / ADDON) == "crashkernel=192M"
    verdict = ctl("verify", "--trust", signers / "signer.crt", uki.path / ADDON, code=0)
    assert "addon" in verdict.out
    before = (uki.path / ADDON).stat().st_mtime_ns
    assert "unchanged" in uki.ctl("reserve", code=0).out
    assert (uki.path / ADDON).stat().st_mtime_ns == before
    out = uki.ctl("reserve", "--size", "1G", "--high", code=0).out
    assert f"--- /{ADDON}\n+++ /{ADDON}\n-crashkernel=192M\n+crashkernel=1G,high\n" in out
    assert command_line(uki.path / ADDON) == "crashkernel=1G,high"
    assert os.listdir((uki.path / ADDON).parent) == ["ukdump-crashkernel.addon.efi"]
    uki.ctl("reserve", "--undo", code=0)
    assert not (uki.path / ADDON).exists()
    assert "unchanged" in uki.ctl("reserve", "--undo", code=0).out


def test_addon_for_one_uki(uki):
    uki.ctl("reserve", "--uki", "/boot/EFI/other.efi", code=0)
    addon = uki.path / "boot/EFI/other.efi.extra.d/ukdump-crashkernel.addon.efi"
    assert command_line(addon) == "crashkernel=192M"
    assert not (uki.path / ADDON).exists()
    assert "[reserve.uki]" in uki.ctl("reserve", "--uki", "/boot/EFI/none.efi", code=1).err
    assert "[reserve.uki]" in uki.ctl("reserve", "--uki", "other.efi", code=1).err
    uki.ctl("reserve", "--uki", "/boot/EFI/other.efi", "--undo", code=0)
    assert not addon.exists()


def test_addon_that_firmware_would_not_take(uki, signers):
    """Under Secure Boot: refused, and the old one stays."""
    uki.ctl("reserve", code=0)
    old = (uki.path / ADDON).read_bytes()
    efi_variable(uki, "SecureBoot", b"\1", "8be4df61-93ca-11d2-aa0d-00e098032b8c")
    done = uki.ctl("reserve", "--size", "1G", code=1)
    assert "[reserve.key]" in done.err and "mokutil" in done.err
    assert (uki.path / ADDON).read_bytes() == old
    assert os.listdir((uki.path / ADDON).parent) == ["ukdump-crashkernel.addon.efi"]
    x509 = bytes.fromhex("a159c0a5e494a74a87b5ab155c2bf072")
    der = (signers / "signer.der").read_bytes()
    efi_variable(uki, "db", x509 + struct.pack("<III", 28 + 16 + len(der), 0, 16 + len(der)) +
                 bytes(16) + der, "d719b2cb-3d3a-4596-a3bc-dad00e67656f")
    uki.ctl("reserve", "--size", "1G", code=0)
    assert command_line(uki.path / ADDON) == "crashkernel=1G"


def test_damaged_addon_is_replaced(uki):
    uki.put(ADDON, "no PE")
    assert "note       " in uki.ctl("reserve", code=0).out
    assert command_line(uki.path / ADDON) == "crashkernel=192M"
    uki.put(ADDON, "no PE")
    uki.ctl("reserve", "--undo", code=0)
    assert not (uki.path / ADDON).exists()


def test_esp_that_is_not_mounted(uki):
    (uki.path / "efi/EFI/Linux/debian.efi").unlink()
    done = uki.ctl("reserve", code=1)
    assert "[reserve.esp]" in done.err and "/EFI/Linux/debian.efi" in done.err


def test_nobody_to_tell(tree, uki):
    efi_variable(uki, "StubFeatures", struct.pack("<Q", 0x1f))  # as systemd-stub 252 has it
    done = uki.ctl("reserve", code=1)
    assert done.out == "crashkernel=192M\n"
    assert "nothing was written" in done.err and "too old for addons" in done.err
    assert uki.ctl("reserve", "--dry-run", code=0).out == "crashkernel=192M\n"
    assert uki.json("reserve", "--dry-run")["method"] == "none"
    assert "[reserve.undo]" in uki.ctl("reserve", "--undo", code=1).err
