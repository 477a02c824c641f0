# SPDX-License-Identifier: GPL-2.0-or-later
"""Sealed images for VM tests: a stock kernel, a probe that reports, a known command line."""

import json
import re
import subprocess
from pathlib import Path

from vmbed.paths import BUILD, run

# What the inner kernel must see, and nothing else but its own elfcorehdr= in front of it. The
# kexec stub says on the serial console why it refuses.
CMDLINE = "console=ttyS0 panic=1 nokaslr reset_devices nr_cpus=1 ukdump.stubcon=0x3f8"
OS_RELEASE = 'ID=ukdump-test\nNAME="ukdump test image"\nVERSION_ID=42\n'

# Bytes of memory that the running kernel must find in one piece: a field of the boot header.
INIT_SIZE = 0x260


def seal(vm, name="sealed", *options, kernel="6.12", stub="trixie", key="db", marker=None,
         files=None) -> Path:
    """ukdumpctl build: NAME.efi in the test's folder, with a probe whose probe.id is marker.

    options: further ones of ukdumpctl build; stub: suite of the systemd-stub, None for no UEFI;
    files: what else is in the probe's initrd.
    """
    image, release, keys = vm.logs / f"{name}.efi", vm.logs / "os-release", vm.keys()
    release.write_text(OS_RELEASE)
    how = ["--no-uefi"] if stub is None else ["--stub", vm.uefi_stub(stub)]
    run(BUILD / "ukdumpctl", "build", "--kernel", vm.kernel(kernel).image,
        "--initrd", vm.probe_initrd(marker or name, kernel=kernel, files=files),
        "--osrel", release, "--cmdline", CMDLINE, *how, *options,
        "--key", keys / f"{key}.key", "--cert", keys / f"{key}.crt", "-o", image)
    return image


def verify(image, certificate):
    """ukdumpctl verify against one certificate: (accepted, name of the failed check or None)."""
    done = subprocess.run([BUILD / "ukdumpctl", "verify", "--json", "--trust", certificate, image],
                          stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=60,
                          check=False)
    (verdict,) = json.loads(done.stdout)
    assert done.returncode == (0 if verdict["accepted"] else 1)
    return verdict["accepted"], verdict["check"]


def init_size(image) -> int:
    """The memory that an image claims in its boot header."""
    with open(image, "rb") as file:
        file.seek(INIT_SIZE)
        return int.from_bytes(file.read(4), "little")


def assert_captured(result, marker) -> None:
    """The capture kernel ran from the signed initrd with the signed command line, unchanged."""
    assert result.get("probe.id") == marker, result.table()
    token, _, line = result.get("probe.cmdline").partition(" ")
    address = re.fullmatch("elfcorehdr=0x([0-9a-f]+)", token)
    assert address and int(address[1], 16) >= 1 << 20, token  # the kernel's own, no caller's
    assert line == CMDLINE
    assert result.get("probe.vmcore") == "yes"
