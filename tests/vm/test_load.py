# SPDX-License-Identifier: GPL-2.0-or-later
"""ukdump-load in a real kernel: what it refuses, what it warns of, what it leaves behind."""

import os
import re

import pytest

import pki
from sealing import assert_captured, init_size
from vmbed.paths import BUILD

LOADER = BUILD / "ukdump-load"
KIB, MIB = 1 << 10, 1 << 20

# What is asked first; 6.19 brought the new name.
CRASH_LOADED = {"6.12": "/sys/kernel/kexec_crash_loaded", "7.2": "/sys/kernel/kexec/crash_loaded"}

# Shell functions of the scripts below. armed KEY: all that can be seen of what is armed.
HELPERS = """
    # Since 6.19 /sys/kernel/kexec/crash_*, before it /sys/kernel/kexec_crash_*.
    crash_file() { ls /sys/kernel/kexec/crash_$1 /sys/kernel/kexec_crash_$1 2>&- | head -n 1; }
    loaded() { cat "$(crash_file loaded)"; }
    reserve() { echo "$1" >"$(crash_file size)"; }
    armed() {
        report "$1.loaded" "$(loaded)"
        attempt "$1.tells" ukdump-load status
        report "$1.record" "$(cat /run/ukdump/armed 2>&1)"
        report "$1.last-good" "$(md5sum </var/lib/ukdump/last-good 2>&1)"
    }
    trust() { mkdir -p /etc/ukdump/trust.d; cp "/payload/$1" /etc/ukdump/trust.d; }
"""


def facts(text):
    """key=value lines as a dictionary; warnings of the program are no such lines."""
    return dict(re.findall(r"^(\w+)=(.*)$", text or "", re.MULTILINE))


def image_id(result, key):
    """Which image is armed, by its record and by the loader's word for it."""
    record, status = facts(result.get(f"{key}.record")), facts(result.get(f"{key}.tells"))
    assert status.items() >= record.items() and status["loaded"] == "1"
    return record["image"]


def assert_armed(result, key, path, signer="CN = ukdump test db"):
    assert result.get(f"{key}.loaded") == "1"
    assert result.get(f"{key}.tells.status") == "0"
    record = facts(result.get(f"{key}.record"))
    assert record["path"] == path
    assert record["signer"] == signer
    assert re.fullmatch(r"[0-9a-f]{64}", record["image"])
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", record["time"])


def assert_not_armed(result, key):
    assert result.get(f"{key}.loaded") == "0"
    assert result.get(f"{key}.tells.status") == "3"
    assert facts(result.get(f"{key}.tells"))["loaded"] == "0"
    assert "No such file" in result.get(f"{key}.record")


def assert_refused(result, key, check, *sentences):
    """One line that names the check and says what to do."""
    text = result.get(key)
    assert result.get(f"{key}.status") == "1", text
    assert text.rstrip().endswith(f"[{check}]"), text
    for sentence in sentences:
        assert sentence in text


def pages(size):
    return -(-size // 4096) * 4096


def test_memory(vm, seal):
    """Without Secure Boot: from plenty of crash memory down to none, in one boot.

    The kernel places the image on the next multiple of its alignment behind the ELF core header;
    our minimum counts that in: with exactly so much the kernel takes the image, and a larger one
    is refused before the kernel is asked, which keeps what is armed.
    """
    small = seal("small", stub=None)
    large = seal("large", stub=None, files={"/ballast": os.urandom(6 * MIB)})
    minimum = pages(init_size(small)) + 2 * MIB + 128 * KIB
    result = vm.run_micro(secure_boot=False, append="crashkernel=160M", programs=[LOADER],
                          files={"small.efi": small, "large.efi": large,
                                 "db.crt": vm.keys() / "db.crt"}, script=HELPERS + f"""
        attempt untrusted ukdump-load load /payload/small.efi
        trust db.crt
        mkdir -p /var/lib/ukdump/images
        cp /payload/small.efi /var/lib/ukdump/images/
        attempt good ukdump-load load /var/lib/ukdump/images/small.efi
        armed good
        report links "$(stat -c %h /var/lib/ukdump/images/small.efi)"
        attempt unload ukdump-load unload
        armed unload

        reserve {minimum}
        attempt tight ukdump-load load /payload/small.efi
        armed tight
        attempt failing ukdump-load load /payload/large.efi
        armed failing
        attempt unload2 ukdump-load unload

        reserve {64 * MIB}
        attempt small ukdump-load load /payload/small.efi
        armed small
        reserve 0
        attempt none ukdump-load load /payload/small.efi
        armed none

        echo nobody:x:65534:65534::/:/bin/sh >/etc/passwd
        attempt nobody su nobody -c "/payload/bin/ukdump-load load /payload/small.efi"
    """)
    print(result.table())
    assert result.exit_status == 0, result.get("output")
    assert_refused(result, "untrusted", "auth.trust", "/etc/ukdump/trust.d")

    off = "Secure Boot and lockdown are off: the kernel does not enforce the image's signature"
    assert result.get("good.status") == "0"
    assert off in result.get("good")
    assert "known to suffice" not in result.get("good")
    assert_armed(result, "good", "/var/lib/ukdump/images/small.efi")
    assert result.get("links") == "2", "last-good is a hard link"
    assert_not_armed(result, "unload")

    assert result.get("tight.status") == "0"
    assert "are known to suffice; the dump may run out of memory" in result.get("tight")
    assert_armed(result, "tight", "/payload/small.efi")

    assert_refused(result, "failing", "host.memory", "raise crashkernel=")
    assert_armed(result, "failing", "/payload/small.efi")
    assert image_id(result, "failing") == image_id(result, "tight")
    assert result.get("failing.last-good") == result.get("tight.last-good")

    need = facts(result.get("good.record"))["needed"]
    assert int(need) == minimum
    assert_refused(result, "small", "host.memory", "64.0 MiB of crash memory are reserved",
                   f"the image needs at least {int(need) * 10 // MIB / 10} MiB", "raise crashkernel=")
    assert_not_armed(result, "small")
    assert_refused(result, "none", "host.memory", "no crash memory is reserved (crashkernel=)",
                   "run 'ukdumpctl reserve' and reboot")
    assert result.get("nobody.status") == "1"
    assert "only root may arm or disarm" in result.get("nobody")


def key_id(certificate):
    return next(e.value.digest for e in pki.load_certificate(certificate).extensions
                if e.oid.dotted_string == "2.5.29.14").hex()


def keyring_with(certificate, instead_of):
    """Shell: lets /proc/keys say that a key of the kernel's is this certificate's."""
    return f"""
        sed 's/{key_id(instead_of)}/{key_id(certificate)}/' /proc/keys >/tmp/keys
        mount -o bind /tmp/keys /proc/keys
    """


@pytest.mark.parametrize("kernel", [pytest.param("6.12", marks=pytest.mark.long), "7.2"])
def test_foreign_signer_on_a_locked_down_machine(vm, seal, kernel):
    """An administrator who trusts a signer that the kernel does not, in trust.d and nowhere else.

    The loader finds that out before the call. Where it cannot (here: because /proc/keys lies),
    the kernel drops the armed image before it refuses the new one, and the last good one is
    loaded again. The crash at the end runs it. The kernel inside is the running one's own.
    """
    good = seal("good", kernel=kernel)
    foreign = seal("other", kernel=kernel, key="foreign")
    crt = vm.keys() / "foreign.crt"
    result = vm.run_micro(kernel, append="crashkernel=192M", programs=[LOADER], timeout=300,
                          files={"good.efi": good, "foreign.efi": foreign, "foreign.crt": crt},
                          script=HELPERS + f"""
        report sysfs "$(crash_file loaded)"
        attempt early ukdump-load status
        attempt good ukdump-load load /payload/good.efi
        armed good
        attempt unknown ukdump-load load /payload/foreign.efi
        trust foreign.crt
        attempt foreign ukdump-load load /payload/foreign.efi
        armed foreign
        {keyring_with(crt, vm.keys() / "db.crt")}
        attempt failing ukdump-load load /payload/foreign.efi
        armed failing
        attempt twice ukdump-load load /payload/foreign.efi
        armed twice
        crash
    """)
    print(result.table())
    assert result.get("sysfs") == CRASH_LOADED[kernel]
    assert result.get("early.status") == "3"
    locked = {"secure_boot": "1", "lockdown": "integrity", "enforced": "1"}
    assert facts(result.get("early")).items() >= locked.items()

    assert result.get("good.status") == "0"
    assert "WARNING" not in result.get("good").upper()
    assert_armed(result, "good", "/payload/good.efi")

    assert_refused(result, "unknown", "auth.trust", "/etc/ukdump/trust.d")
    assert_refused(result, "foreign", "host.keyring", "no key of the running kernel vouches for "
                   "'CN = ukdump test foreign'",
                   "-in /etc/ukdump/trust.d/foreign.crt -outform der", "mokutil --import", "reboot")
    assert_armed(result, "foreign", "/payload/good.efi")
    for key in ("failing", "twice"):
        assert result.get(f"{key}.status") == "1"
        assert "errno 126: no key of the kernel's vouches for the signer" in result.get(key)
        assert re.search(r"the last good image is armed again, after \d+ ms", result.get(key))
        assert_armed(result, key, "/var/lib/ukdump/last-good")
        assert image_id(result, key) == image_id(result, "good")
        assert result.get(f"{key}.last-good") == result.get("good.last-good")
    assert_captured(result, "good")


@pytest.mark.long
@pytest.mark.parametrize("reserved, kernel", [("", "6.1"), ("crashkernel=64M", "7.2")])
def test_reservation_on_the_command_line(vm, seal, reserved, kernel):
    """The same sentences when the kernel itself reserved too little or nothing."""
    image = seal(stub=None)
    result = vm.run_micro(kernel, secure_boot=False, append=reserved, programs=[LOADER],
                          files={"image": image, "db.crt": vm.keys() / "db.crt"},
                          script=HELPERS + """
        trust db.crt
        attempt load ukdump-load load /payload/image
        armed load
    """)
    assert_refused(result, "load", "host.memory",
                   "64.0 MiB of crash" if reserved else "no crash memory is reserved")
    assert_not_armed(result, "load")
