# SPDX-License-Identifier: GPL-2.0-or-later
"""UEFI firmware, the throw-away Secure Boot keys, and what is signed with them."""

import os
import shutil
import struct
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

from . import packages
from .paths import CACHE, REPO, filling_cache, replacing, run, say

sys.path.insert(0, str(REPO / "tests" / "gen"))
import pki  # noqa: E402  (lives beside the other input generators)

KEYS = CACHE / "keys"
OWNER = "3c4a7f4e-5d1e-4f0b-9a53-8a6f5b1f2d10"  # GUID that owns our keys in the variable store


@filling_cache
def keys():
    """The directory with PK, KEK, db and foreign (.key, .crt, .der), made on first use."""
    pki.secure_boot_set(KEYS)
    return KEYS


class Firmware:
    """OVMF with Secure Boot and SMM: code (read-only) and pristine variables.

    That of Debian 13 is taken, also on Debian 12: it starts two seconds faster.
    """

    def __init__(self):
        folder = packages.Suite("trixie").unpack("ovmf", ["ovmf"]) / "usr/share/OVMF"
        self.code = folder / "OVMF_CODE_4M.secboot.fd"
        self.blank = folder / "OVMF_VARS_4M.fd"

    @filling_cache
    def variables(self, secure_boot=True):
        """A variable store to copy for a run; with secure_boot our keys are enrolled in it."""
        if not secure_boot:
            return self.blank
        store = CACHE / "firmware" / "enrolled.fd"
        newest_key = max(f.stat().st_mtime for f in keys().glob("*.crt"))
        if not store.exists() or store.stat().st_mtime < newest_key:
            say("firmware: enrolling PK, KEK and db")
            with replacing(store) as partial:
                enroll(self.blank, partial)
        return store


def enroll(blank, output, extra=()):
    """Writes a variable store with our PK, KEK and db and Secure Boot on.

    extra are more arguments for virt-fw-vars, for example ["--set-dbx", file].
    """
    tree = packages.Suite("trixie").unpack(
        "virt-firmware", ["python3-virt-firmware", "python3-importlib-resources"])
    modules = tree / "usr/lib/python3/dist-packages"
    certificate = keys()
    run("/usr/bin/python3", "-m", "virt.firmware.vars", "--input", blank, "--output", output,
        "--set-pk", OWNER, certificate / "PK.crt",
        "--add-kek", OWNER, certificate / "KEK.crt",
        "--add-db", OWNER, certificate / "db.crt",
        "--secure-boot", *extra,
        env=dict(os.environ, PYTHONPATH=str(modules)))


def signature_list(kind, data):
    """An EFI_SIGNATURE_LIST with one entry of ours; kind: the GUID of its type."""
    entry = uuid.UUID(OWNER).bytes_le + data
    return uuid.UUID(kind).bytes_le + struct.pack("<III", 28 + len(entry), 0, len(entry)) + entry


def revoking(output, lists, more_db=()):
    """Writes a variable store as enroll() does, with these signature lists as dbx.

    more_db: further certificates for db. virt-fw-vars takes dbx as a signed update and looks at
    the place of its signature only: EFI_TIME, then an empty WIN_CERTIFICATE_UEFI_GUID.
    """
    pkcs7 = uuid.UUID("4aafd29d-68df-49ee-8aa9-347d375665a7").bytes_le
    update = Path(output).with_suffix(".auth")
    update.write_bytes(bytes(16) + struct.pack("<IHH", 24, 0x200, 0xef1) + pkcs7 + b"".join(lists))
    extra = [argument for path in more_db for argument in ("--add-db", OWNER, path)]
    enroll(Firmware().blank, output, [*extra, "--set-dbx", update])
    return Path(output)


def sign(source, output, name="db"):
    """Signs a PE file with one of keys(); a signature it already has is taken off first.

    The kernel looks only at the first signature of a file.
    """
    source, output = Path(source), Path(output)
    with tempfile.TemporaryDirectory(dir=output.parent) as scratch:
        bare = Path(scratch) / "bare"
        shutil.copyfile(source, bare)
        if b"No signature table" not in _signatures(bare):
            run("sbattach", "--remove", bare)
        run("sbsign", "--key", keys() / f"{name}.key", "--cert", keys() / f"{name}.crt",
            "--output", output, bare)
    return output


def unsigned(source, output):
    """Copies a PE file without its signature."""
    shutil.copyfile(source, output)
    if b"No signature table" not in _signatures(output):
        run("sbattach", "--remove", output)
    return Path(output)


def _signatures(path):
    return subprocess.run(["sbverify", "--list", path], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False).stdout


def uki(output, linux, initrd, cmdline, stub_suite="trixie", key="db", options=()):
    """A plain UKI (ukify and systemd-stub of a suite), signed unless key is None."""
    output = Path(output)
    with tempfile.TemporaryDirectory(dir=output.parent) as scratch:
        osrel = Path(scratch) / "os-release"
        osrel.write_text('ID=ukdump-test\nNAME="ukdump test guest"\nVERSION_ID=1\n')
        bare = Path(scratch) / "bare.efi"
        run(*packages.ukify(), "build", "--linux", linux, "--initrd", initrd,
            "--cmdline", cmdline, "--stub", packages.uefi_stub(stub_suite),
            "--os-release", f"@{osrel}", *options, "--output", bare)
        if key:
            sign(bare, output, key)
        else:
            bare.rename(output)
    return output


def uki_part(output, *options, key="db"):
    """What ukify makes on the addon stub: an addon, or (key None) a profile to join."""
    bare = Path(output).with_suffix(".bare")
    stub = packages.uefi_stub().with_name("addonx64.efi.stub")
    run(*packages.ukify(), "build", "--stub", stub, *options, "--output", bare)
    if key:
        sign(bare, output, key)
        bare.unlink()
    else:
        bare.rename(output)
    return Path(output)


def esp(output, loader, sidecars=()):
    """A FAT image whose /EFI/BOOT/BOOTX64.EFI is loader; sidecars lie in BOOTX64.EFI.extra.d."""
    size = sum(Path(f).stat().st_size for f in (loader, *sidecars))
    mebibytes = size // (1 << 20) + 36  # FAT32 needs 33 MiB at least
    Path(output).unlink(missing_ok=True)
    run("truncate", "-s", f"{mebibytes}M", output)
    run("mkfs.vfat", "-F", "32", "-n", "ESP", output)
    run("mmd", "-i", output, "::/EFI", "::/EFI/BOOT")
    run("mcopy", "-i", output, loader, "::/EFI/BOOT/BOOTX64.EFI")
    if sidecars:
        run("mmd", "-i", output, "::/EFI/BOOT/BOOTX64.EFI.extra.d")
        run("mcopy", "-i", output, *sidecars, "::/EFI/BOOT/BOOTX64.EFI.extra.d")
    return Path(output)
