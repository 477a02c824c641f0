# SPDX-License-Identifier: GPL-2.0-or-later
"""The sealed image against the stock kernel and firmware.

Nobody takes a changed image, nobody changes what a taken image does, and everybody who should
take it does.
"""

import re

import pytest

import sealing
import tamper
from sealing import CMDLINE, assert_captured
from vmbed.paths import BUILD

OK = "errno=0 OK"
ELIBBAD = "errno=80 ELIBBAD"
ENODATA, ENOKEY, EKEYREJECTED = "errno=61 ENODATA", "errno=126 ENOKEY", "errno=129 EKEYREJECTED"

GOOD = "good"
GOOD_FIRST = "foreign signature second"
ENLARGED = "certificate table enlarged"

# Title of the row: what `ukdumpctl verify` names, what kexec_file_load answers.
TAMPER_TABLE = {
    GOOD: (None, OK),
    GOOD_FIRST: (None, OK),
    "boot header": ("sealed.head", EKEYREJECTED),
    "64-bit entry": ("sealed.head", EKEYREJECTED),
    "section table": ("uki.padding", EKEYREJECTED),
    **{section: ("auth.digest", EKEYREJECTED) for section in tamper.SECTIONS},
    "last byte missing": ("pe.cert-end", ELIBBAD),
    "second half missing": ("pe.truncated", ELIBBAD),
    "one byte behind the end": ("pe.cert-end", EKEYREJECTED),
    "4 KiB behind the end": ("pe.cert-end", EKEYREJECTED),
    "unsigned": ("auth.unsigned", ENODATA),
    "foreign signature": ("auth.trust", ENOKEY),
    "foreign signature first": ("auth.trust", ENOKEY),
    # The one row where the kernel's rule is not ours; what it changes is tested below: nothing.
    ENLARGED: ("pe.cert-size", OK),
}

# What a caller would like to hand to the inner kernel.
FORGED = "elfcorehdr=0x1000 dmcryptkeys=0x2000 init=/evil rd.break"


def slug(title):
    """A row's title as a file name and report key."""
    return re.sub(r"[^\w.]+", "-", title)


# Tampering --------------------------------------------------------------------------------------

def tampered_images(vm, good):
    """{row title: path} of every image of the table."""
    image = tamper.Image(good.read_bytes())
    foreign = tamper.Image(vm.sign(good, vm.logs / "foreign.efi", "foreign").read_bytes())
    made = {GOOD: image.data, GOOD_FIRST: tamper.signed_by(image, image, foreign),
            **tamper.all_corruptions(image, foreign),
            ENLARGED: tamper.certificates_enlarged(image)}
    paths = {}
    for title, data in made.items():
        paths[title] = vm.logs / f"row-{slug(title)}.efi"
        paths[title].write_bytes(data)
    return paths


def tamper_script(titles):
    """Each image twice: to ukdump-load while the good one is armed, then to the kernel itself."""
    refused = " ".join(slug(t) for t in titles if TAMPER_TABLE[t][0])
    every = " ".join(slug(t) for t in titles)
    return f"""
        loaded() {{ cat /sys/kernel/kexec_crash_loaded; }}
        attempt arm ukdump-load load /payload/{slug(GOOD)}.efi
        record=$(md5sum </run/ukdump/armed)
        for row in {refused}; do
            attempt "load.$row" ukdump-load load "/payload/$row.efi"
            [ "$record" = "$(md5sum </run/ukdump/armed)" ] && same=yes || same=no
            report "armed.$row" "$(loaded) $same"
        done
        for row in {every}; do
            attempt "kernel.$row" kfl "/payload/$row.efi"
            report "loaded.$row" "$(loaded)"
        done
        attempt forged kfl --initrd /payload/evil --cmdline "{FORGED}" /payload/{slug(GOOD)}.efi
        crash
    """


def print_table(rows):
    """Prints the table and keeps it in build/reports/tamper.txt."""
    lines = [("changed", "ukdumpctl verify", "kexec_file_load", "armed image after ukdump-load")]
    for title, check, errno, after in rows:
        lines.append((title, check or "accepted", errno, after or ""))
    text = "\n".join("{:27} {:17} {:23} {}".format(*line).rstrip() for line in lines) + "\n"
    print("\n" + text)
    report = BUILD / "reports" / "tamper.txt"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(text)


def test_tampered_images_are_refused(vm, kfl, seal):
    """The table; and at its end what a caller adds to the system call beside the good image."""
    images = tampered_images(vm, seal())
    verdicts = {title: sealing.verify(path, vm.keys() / "db.crt") for title, path in images.items()}
    result = vm.run_micro(
        append="crashkernel=160M", timeout=300, programs=[kfl, BUILD / "ukdump-load"],
        files={**{f"{slug(t)}.efi": path for t, path in images.items()},
               "evil": vm.probe_initrd("evil")},
        script=tamper_script(images))
    kept = {"1 yes": "still armed", None: None}
    rows = [(title, check, result.get(f"kernel.{slug(title)}"),
             kept.get(result.get(f"armed.{slug(title)}"), "LOST"))
            for title, (_, check) in verdicts.items()]
    print_table(rows)

    assert result.get("arm.status") == "0", result.get("arm")
    assert {title: (check, errno) for title, check, errno, _ in rows} == TAMPER_TABLE
    for title, check, errno, after in rows:
        assert verdicts[title][0] == (check is None)
        assert result.get(f"loaded.{slug(title)}") == ("1" if errno == OK else "0")
        if check:
            assert after == "still armed", title
            assert result.get(f"load.{slug(title)}.status") == "1"
            assert f"[{check}]" in result.get(f"load.{slug(title)}")
    assert result.get("forged") == OK
    assert_captured(result, "sealed")


def test_bytes_behind_the_certificates_change_nothing(vm, kfl, seal):
    """The kernel loads them unverified, behind the image in memory, where nobody runs them."""
    image = tamper.Image(seal().read_bytes())
    enlarged = tamper.certificates_enlarged(image, 4 << 20)
    result = vm.run_micro(append="crashkernel=160M", programs=[kfl], files={"enlarged": enlarged},
                          script=f"""
        attempt load kfl --cmdline "{FORGED}" /payload/enlarged
        crash
    """)
    assert result.get("load") == OK
    assert_captured(result, "sealed")


# Callers ----------------------------------------------------------------------------------------

# Addresses at which an elfcorehdr= of a crash could be. $core: the ELF core header of the image
# that is armed; $reserved: a page of the firmware's, with RAM right behind it.
PLAUSIBLE_ADDRESSES = r"""
    core=$(sed -n 's/^ *\([0-9a-f]*\)-.*Crash kernel/\1/p' /proc/iomem)
    grep -v '^ ' /proc/iomem >/tmp/iomem
    reserved= end=0 name=
    while read -r range colon this; do
        if [ "$this" = "System RAM" ] && [ "$name" != "System RAM" ] &&
                [ $((0x${range%-*})) -gt 1048576 ] && [ $((0x$end + 1)) = $((0x${range%-*})) ]; then
            reserved=$(printf %x $((0x${range%-*} - 4096)))
        fi
        end=${range#*-} name=$this
    done </tmp/iomem
"""

# The command line of a normal kexec, what the kexec stub says to it, and whether the guest must
# have come up by UEFI for it.
NOT_A_CRASH = {
    "no token": ("init=/evil", "does not begin with elfcorehdr=", False),
    "keys": ("dmcryptkeys=0x2000 init=/evil", "does not begin with elfcorehdr=", False),
    "impossible": ("elfcorehdr=0x1000 init=/evil", "impossible address", False),
    "armed": ("elfcorehdr=0x$core init=/evil", "not where a crash load puts it", False),
    "reserved": ("elfcorehdr=0x$reserved init=/evil", "not where a crash load puts it", True),
}


def started_by_normal_kexec(vm, kfl, image, line, **options):
    return vm.run_micro(append="crashkernel=160M", programs=[kfl], files={"sealed.efi": image},
                        script=f"""
        attempt armed kfl /payload/sealed.efi
        {PLAUSIBLE_ADDRESSES}
        report addresses "core=$core reserved=$reserved"
        attempt start kfl --normal --exec --cmdline "{line}" /payload/sealed.efi
    """, **options)


@pytest.mark.parametrize("case", [
    pytest.param("no token", marks=pytest.mark.long), "keys",
    pytest.param("impossible", marks=pytest.mark.long), "armed", "reserved"])
def test_crash_image_resets_when_started_otherwise(vm, kfl, seal, case):
    """The caller of a normal kexec can write any text as elfcorehdr=; the stub tells them apart."""
    line, sentence, uefi = NOT_A_CRASH[case]
    result = started_by_normal_kexec(vm, kfl, seal(), line, secure_boot=uefi)
    print(result.table())
    serial = result.serial_path.read_text(errors="replace")
    assert result.get("armed") == OK
    assert result.exit_status is None and result.get("start") is None, "kexec did not take place"
    assert [name for name, _ in result.phases].count("kernel") == 1
    assert result.get("probe.id") is None
    assert re.search(f"ukdump: capture image refuses to start: .*{sentence}", serial)


def test_image_for_normal_kexec_sees_only_its_own_command_line(vm, kfl, seal):
    image = seal("normal", "--normal-kexec")
    result = started_by_normal_kexec(vm, kfl, image, FORGED, secure_boot=False)
    assert result.get("probe.id") == "normal"
    assert result.get("probe.cmdline") == CMDLINE
    assert result.get("probe.vmcore") == "no"


def test_stock_kexec_tools_arm_the_image(vm, seal):
    """kexec -s -p IMAGE; and a forged dmcryptkeys= does not pass even where real ones would."""
    image = seal("keys", "--keep-dmcryptkeys")
    result = vm.run_micro(append="crashkernel=160M", programs=[vm.program("kexec")],
                          sysroot=vm.tools(), files={"sealed.efi": image}, script="""
        attempt load kexec -s -p --command-line="dmcryptkeys=0x2000 init=/evil" /payload/sealed.efi
        crash
    """)
    assert result.get("load.status") == "0", result.get("load")
    assert_captured(result, "keys")


# Everybody who should take it --------------------------------------------------------------------

@pytest.mark.parametrize("stub", [
    pytest.param("bookworm", marks=pytest.mark.long), "trixie",
    pytest.param("sid", marks=pytest.mark.long)])
def test_firmware_boots_the_image_as_uki(vm, seal, stub):
    """systemd-stub 252, 257, 262."""
    result = vm.run_uki(seal(stub=stub))
    assert not result.refused
    assert result.get("probe.id") == "sealed"
    assert result.get("probe.cmdline") == CMDLINE
    assert "[integrity]" in result.get("probe.lockdown")


def test_firmware_does_not_boot_an_image_without_uefi(vm, seal):
    """EFI_UNSUPPORTED: the boot manager goes on, and finds nothing else to start."""
    result = vm.run_uki(seal(stub=None))
    assert result.refused
    assert result.get("probe.id") is None


# Other memory maps for the stub to recognise a crash by.
CRASH_MEMORY = {
    "above 4 GiB": ("6.12", 5120, "crashkernel=192M,high"),
    "movable": ("7.2", 1024, "crashkernel=192M crashkernel=64M,cma"),
}


@pytest.mark.long
@pytest.mark.parametrize("case", CRASH_MEMORY)
def test_unusual_crash_memory(vm, seal, case):
    kernel, memory, reservation = CRASH_MEMORY[case]
    result = vm.run_micro(kernel, append=reservation, memory=memory, files={"sealed.efi": seal()},
                          programs=[BUILD / "ukdump-load"], script="""
        attempt load ukdump-load load /payload/sealed.efi
        report iomem "$(grep Crash /proc/iomem)"
        report cma "$(grep CmaTotal /proc/meminfo)"
        crash
    """)
    print(result.table())
    if case == "movable":
        assert result.get("cma").split()[1] == "65536"
    else:
        assert re.search("^ *1[0-9a-f]{8}-", result.get("iomem"), re.MULTILINE)
    assert_captured(result, "sealed")


# The running kernel, the kernel inside.
PAIRS = [("6.1", "6.12"), *(pytest.param(*pair, marks=pytest.mark.long) for pair in [
    ("6.12", "6.1"), ("6.12", "7.2"), ("7.2", "6.12"), ("6.1", "7.2"), ("7.2", "6.1")])]


@pytest.mark.parametrize("running, inside", PAIRS)
def test_every_kernel_takes_the_image(vm, seal, running, inside):
    """Debian's stock kernels, locked down (7.2 in 7.2: test_load.py; 6.12 in 6.12: above)."""
    result = vm.run_micro(running, append="crashkernel=192M", programs=[BUILD / "ukdump-load"],
                          files={"sealed.efi": seal(kernel=inside)}, script="""
        attempt load ukdump-load load /payload/sealed.efi
        crash
    """)
    assert result.get("load.status") == "0", result.get("load")
    assert_captured(result, "sealed")
    assert result.get("probe.kernel") == vm.kernel(inside).version
