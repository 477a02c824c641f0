# SPDX-License-Identifier: GPL-2.0-or-later
"""`ukdumpctl seal`: what becomes of a plain UKI's sections, and which UKIs are not sealed.

The files are read back with pefile, a reader that shares nothing with ours.
"""

import json
import subprocess
import time

import pefile
import pytest

from cli import CTL, ctl, run

import bzimage
import corpus
import pe
import pki
from pe import CODE, DATA, Section

WRITABLE = 0xc0000040
UNAME = bzimage.VERSION.split()[0].encode()
SBAT = b"sbat,1,SBAT Version,sbat,1,https://example.org/\nvendor.uki,3,Vendor,uki,7,https://v/\n"
COMPONENT = b"ukdump,1,ukdump,ukdump,"

# The EFI program of the vendor's stub, with a section that nobody knows, and one behind the kernel.
PROGRAM = {".text": b"\xb8\1\2\3\xc3", ".rodata": b"strings\0" * 99, ".data": b"\1\2\3\4",
           ".sdmagic": b"#### LoaderInfo: stub ####", ".reloc": b"\0\x10\0\0\x0c\0\0\0\0\xa0\x08\xa0",
           ".vendor": b"something of the vendor's " * 40}
KEPT = {".osrel": b"ID=vendor\nVERSION_ID=7\n", ".uname": UNAME, ".cmdline": b"panic=1 vendor",
        ".splash": b"BM splash", ".hwids": b"\0\1hwids", ".pcrpkey": b"-----BEGIN PUBLIC KEY-----\n",
        ".sbom": b"{}", ".initrd": b"070701 vendor's " * 500, ".linux": bytes(bzimage.minimal())}


def flags(name):
    return {".text": CODE, ".data": WRITABLE}.get(name, DATA)


def vendor(without=(), behind=(), **replaced):
    """A vendor's UKI as a pe.Image; keywords replace or add sections, behind are those at the end."""
    contents = {**{n: d for n, d in PROGRAM.items() if n != ".vendor"}, ".sbat": SBAT, **KEPT,
                ".vendor": PROGRAM[".vendor"], **{f".{k}": v for k, v in replaced.items()}}
    sections = [Section(n, d, flags(n)) for n, d in contents.items() if n not in without]
    image = pe.Image(sections + [Section(n, d) for n, d in behind])
    image.layout()
    image.directories[5] = (image.section(".reloc").virtual_address, 12)
    image.entry = image.section(".text").virtual_address + 2
    return image


def profile(text, **sections):
    """The sections of a profile, for vendor(behind=)."""
    return [(".profile", text)] + [(f".{k}", v) for k, v in sections.items()]


@pytest.fixture
def write(tmp_path, signers):
    """write(image, signer=...) writes vendor.efi, signed by sbsign unless signer is None."""
    def write(image=None, signer="foreign"):
        path = tmp_path / "vendor.efi"
        path.write_bytes((image or vendor()).bytes())
        if signer:
            subprocess.run(["sbsign", "--key", signers / f"{signer}.key", "--cert",
                            signers / f"{signer}.crt", "--output", path, path], check=True,
                           capture_output=True)
        return path
    return write


@pytest.fixture
def trust(signers):
    return ["--trust", signers / "foreign.crt"]


@pytest.fixture
def key(signers):
    return ["--key", signers / "signer.key", "--cert", signers / "signer.crt"]


def sections(path):
    """Name -> (content by VirtualSize, RVA, flags)."""
    with pefile.PE(path, fast_load=True) as image:
        assert len({s.Name for s in image.sections}) == len(image.sections)
        return {s.Name.rstrip(b"\0").decode(): (
            image.__data__[s.PointerToRawData:s.PointerToRawData + s.Misc_VirtualSize],
            s.VirtualAddress, s.Characteristics) for s in image.sections}


def content(path, name):
    return sections(path)[name][0]


def refused(done, path, check, *left):
    """One line that names the file and the check, and nothing written beside the files `left`."""
    assert done.code == 1 and done.out == "", done
    assert len(done.err.splitlines()) == 1, done
    assert str(path) in done.err and f"[{check}]" in done.err, done
    assert sorted(p.name for p in path.parent.iterdir()) == sorted([path.name, *left])


# ---- what is kept ----

def test_sections_byte_for_byte(write, trust, tmp_path):
    source = write()
    out = tmp_path / "out.efi"
    done = ctl("seal", *trust, source, "-o", out, code=0)
    before, after = sections(source), sections(out)
    assert set(after) == set(before) | {".kexec"}
    for name in set(before) - {".sbat"}:
        assert after[name][0] == before[name][0], name
    for name in PROGRAM:
        assert after[name][1:] == before[name][1:], name
    sbat = after[".sbat"][0]
    assert sbat.startswith(SBAT + COMPONENT) and sbat.count(b"\n") == SBAT.count(b"\n") + 1
    assert f"{source}: the old signature is dropped" in done.err


def test_program_starts_where_it_did(write, trust, tmp_path):
    source = write()
    ctl("seal", *trust, source, "-o", tmp_path / "out.efi", code=0)
    with pefile.PE(source) as before, pefile.PE(tmp_path / "out.efi") as after:
        assert after.get_warnings() == []
        assert after.OPTIONAL_HEADER.AddressOfEntryPoint == before.OPTIONAL_HEADER.AddressOfEntryPoint
        relocations = after.OPTIONAL_HEADER.DATA_DIRECTORY[5]
        assert (relocations.VirtualAddress, relocations.Size) == (
            before.OPTIONAL_HEADER.DATA_DIRECTORY[5].VirtualAddress, 12)
        assert after.OPTIONAL_HEADER.SizeOfImage % 0x1000 == 0


def test_objdump_lists_it(write, trust, tmp_path):
    ctl("seal", *trust, write(), "-o", tmp_path / "out.efi", code=0)
    listing = subprocess.run(["objdump", "-h", tmp_path / "out.efi"], check=True,
                             capture_output=True, text=True).stdout
    for name in (*PROGRAM, *KEPT, ".kexec"):
        assert f" {name} " in listing


@pytest.mark.parametrize("ucode", [b"early cpio", b"early cpio.."], ids=["odd", "even"])
def test_microcode_goes_in_front_of_the_initrd(write, trust, tmp_path, ucode):
    done = ctl("seal", *trust, write(vendor(ucode=ucode)), "-o", tmp_path / "out.efi", code=0)
    assert content(tmp_path / "out.efi", ".initrd") == ucode.ljust(12, b"\0") + KEPT[".initrd"]
    assert ".ucode" not in sections(tmp_path / "out.efi")
    assert "'.ucode' goes in front of '.initrd'" in done.err


def test_missing_uname_is_added(write, trust, tmp_path):
    done = ctl("seal", *trust, write(vendor(without=[".uname"])), "-o", tmp_path / "out.efi", code=0)
    assert content(tmp_path / "out.efi", ".uname") == UNAME
    assert "'.uname' is added" in done.err


def test_signed_pcr_policy_is_kept_with_a_warning(write, trust, tmp_path):
    done = ctl("seal", *trust, write(vendor(pcrsig=b'{"sha256":[]}')), "-o", tmp_path / "out.efi",
               code=0)
    assert content(tmp_path / "out.efi", ".pcrsig") == b'{"sha256":[]}'
    assert "warning: " in done.err and ".pcrsig" in done.err
    assert "warning" not in ctl("seal", *trust, write(), "-o", tmp_path / "out.efi", code=0).err


def test_options_reach_the_image(write, trust, tmp_path):
    ctl("seal", *trust, "--normal-kexec", "--keep-dmcryptkeys", write(), "-o", tmp_path / "out.efi",
        code=0)
    facts = json.loads(ctl("inspect", "--json", tmp_path / "out.efi", code=0).out)
    assert facts["for_normal_kexec"] and facts["keeps_dmcryptkeys"]
    ctl("seal", *trust, tmp_path / "vendor.efi", "-o", tmp_path / "out.efi", code=0)
    facts = json.loads(ctl("inspect", "--json", tmp_path / "out.efi", code=0).out)
    assert not facts["for_normal_kexec"] and not facts["keeps_dmcryptkeys"]


# ---- profiles ----

PROFILES = [
    *profile(b"ID=main\nTITLE=Usual\n"),
    *profile(b"ID=kdump\nTITLE=Crash\n", cmdline=b"panic=1 crash", initrd=b"070701 crash " * 77),
    *profile(b"ID=arm\n", dtb=b"\xd0\x0d\xfe\xed", cmdline=b"panic=1 arm"),
]


@pytest.mark.parametrize("options, cmdline", [
    ([], KEPT[".cmdline"]), (["--profile", "0"], KEPT[".cmdline"]),
    (["--profile", "main"], KEPT[".cmdline"]), (["--profile", "1"], b"panic=1 crash"),
    (["--profile", "kdump"], b"panic=1 crash"),
], ids=lambda v: "-".join(v) if isinstance(v, list) else "")
def test_profile(write, trust, tmp_path, options, cmdline):
    done = ctl("seal", *trust, *options, write(vendor(behind=PROFILES)), "-o", tmp_path / "out.efi",
               code=0)
    after = sections(tmp_path / "out.efi")
    assert after[".cmdline"][0] == cmdline
    assert after[".initrd"][0] == (b"070701 crash " * 77 if b"crash" in cmdline
                                   else KEPT[".initrd"])
    assert after[".osrel"][0] == KEPT[".osrel"] and after[".linux"][0] == KEPT[".linux"]
    assert ".profile" not in after and ".dtb" not in after
    chosen = "profile 1, ID kdump of 3" if b"crash" in cmdline else "profile 0, ID main of 3"
    assert f"{chosen}; '.profile' is dropped" in done.err


@pytest.mark.parametrize("name, check", [("3", "uki.profile"), ("none", "uki.profile"),
                                         ("", "uki.profile"), ("arm", "sealed.sections")])
def test_profile_that_cannot_be_sealed(write, trust, tmp_path, name, check):
    path = write(vendor(behind=PROFILES))
    refused(ctl("seal", *trust, "--profile", name, path, "-o", tmp_path / "out.efi"), path, check)


# ---- signed or not ----

def test_unsigned_result_names_the_next_command(write, trust, key, signers, tmp_path):
    out = tmp_path / "out.efi"
    done = ctl("seal", *trust, write(), "-o", out, code=0)
    assert done.out == f"{out}: 34.0 KiB, unsigned\n"
    assert done.err.splitlines()[-1].endswith(
        f"next: ukdumpctl sign --key KEY --cert CERT {out}")
    ctl("sign", *key, out, code=0)
    ctl("verify", "--trust", signers / "signer.crt", out, code=0)
    assert ctl("seal", "--no-sign", *trust, tmp_path / "vendor.efi", "-o", out, code=0).out


def test_signed_at_once(write, trust, key, signers, tmp_path):
    out = tmp_path / "out.efi"
    done = ctl("seal", *trust, *key, write(), "-o", out, code=0)
    assert "ukdump test signer" in done.out and "next:" not in done.err
    ctl("verify", "--trust", signers / "signer.crt", out, code=0)
    ctl("verify", "--trust", signers / "foreign.crt", out, code=1)
    subprocess.run(["sbverify", "--cert", signers / "signer.crt", out], check=True,
                   capture_output=True)


def test_signing_later_or_at_once_is_the_same(write, trust, key, tmp_path):
    source = write()
    ctl("seal", *trust, *key, source, "-o", tmp_path / "a.efi", code=0)
    ctl("seal", *trust, source, "-o", tmp_path / "b.efi", code=0)
    ctl("sign", *key, tmp_path / "b.efi", code=0)
    assert (tmp_path / "a.efi").read_bytes() == (tmp_path / "b.efi").read_bytes()


def test_json(write, trust, tmp_path):
    facts = json.loads(ctl("seal", "--json", *trust, "--profile", "kdump",
                           write(vendor(behind=PROFILES)), "-o", tmp_path / "out.efi", code=0).out)
    assert facts["schema"] == 1 and facts["file"] == str(tmp_path / "out.efi")
    assert facts["bytes"] == (tmp_path / "out.efi").stat().st_size
    assert facts["profile"] == 1 and facts["cmdline"] == "panic=1 crash"
    assert facts["signer"] is None
    digest = ctl("sign", "--print-digest", tmp_path / "out.efi", code=0).out
    assert digest == facts["image"] + "\n"


# ---- who signed the UKI ----

def test_uki_must_be_trusted(write, signers, tmp_path):
    path, out = write(), tmp_path / "out.efi"
    done = ctl("seal", path, "-o", out)
    refused(done, path, "auth.trust")
    assert "--trust" in done.err
    refused(ctl("seal", "--trust", signers / "signer.crt", path, "-o", out), path, "auth.trust")
    ctl("seal", "--no-verify", path, "-o", out, code=0)


def test_certificate_past_its_date_is_told(write, tmp_path, tmp_path_factory):
    d = pki.make(tmp_path_factory.mktemp("old"), "old", "old", code_signing=True,
                 days=(-20, -10)).parent
    path = tmp_path / "vendor.efi"
    subprocess.run(["osslsigncode", "sign", "-h", "sha256", "-certs", d / "old.crt", "-key",
                    d / "old.key", "-time", str(int(time.time()) - 15 * 86400), "-in",
                    write(signer=None).rename(d / "unsigned"), "-out", path], check=True,
                   capture_output=True)
    done = ctl("seal", "--trust", d / "old.crt", path, "-o", tmp_path / "out.efi", code=0)
    assert f"{path}: warning: " in done.err and "expired" in done.err


def test_unsigned_uki(write, trust, tmp_path):
    path, out = write(signer=None), tmp_path / "out.efi"
    done = ctl("seal", *trust, path, "-o", out)
    refused(done, path, "auth.unsigned")
    assert "--no-verify" in done.err
    done = ctl("seal", "--no-verify", path, "-o", out, code=0)
    assert "old signature" not in done.err


def test_changed_uki(write, trust, tmp_path):
    path = write()
    data = bytearray(path.read_bytes())
    data[data.index(b"070701 vendor's") + 8] ^= 1
    path.write_bytes(data)
    done = ctl("seal", *trust, path, "-o", tmp_path / "out.efi")
    refused(done, path, "auth.digest")
    assert "--" not in done.err


def test_revoked_uki(write, trust, tmp_path):
    """This machine's dbx, which a mount namespace puts where firmware's would be."""
    usable = ["unshare", "--map-root-user", "--mount"]
    if subprocess.run([*usable, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no user namespaces here")
    path, dbx = write(), tmp_path / "dbx"
    digest = bytes.fromhex(ctl("sign", "--print-digest", path, code=0).out)
    dbx.write_bytes(bytes(4) + corpus.signature_list(corpus.EFI_CERT_SHA256, digest))
    done = run(*usable, "sh", "-ec", """
        mount -t tmpfs none /sys/firmware
        mkdir -p /sys/firmware/efi/efivars
        cp "$1" /sys/firmware/efi/efivars/dbx-d719b2cb-3d3a-4596-a3bc-dad00e67656f
        shift
        exec "$@" """, "sh", dbx, CTL, "seal", *trust, path, "-o", tmp_path / "out.efi")
    refused(done, path, "revoked.image", "dbx")


# ---- what is not sealed ----

REFUSED = {
    "dtb": (dict(dtb=b"\xd0\x0d\xfe\xed"), "sealed.sections"),
    "dtbauto": (dict(dtbauto=b"\xd0\x0d\xfe\xed"), "sealed.sections"),
    "efifw": (dict(efifw=b"firmware"), "sealed.sections"),
    "no-cmdline": (dict(without=[".cmdline"]), "sealed.sections"),
    "no-initrd": (dict(without=[".initrd"]), "sealed.sections"),
    "no-initrd-but-ucode": (dict(without=[".initrd"], ucode=b"early"), "sealed.sections"),
    "elfcorehdr": (dict(cmdline=b"quiet elfcorehdr=0x1000"), "sealed.cmdline"),
    "dmcryptkeys": (dict(cmdline=b"dmcryptkeys=0x1000"), "sealed.cmdline"),
    "long-cmdline": (dict(cmdline=b"x" * 2030), "sealed.cmdline"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_uki_that_cannot_be_sealed(write, trust, tmp_path, what):
    sections_, check = REFUSED[what]
    path = write(vendor(**sections_))
    for how in (trust, ["--no-verify"]):
        refused(ctl("seal", *how, path, "-o", tmp_path / "out.efi"), path, check)


@pytest.mark.parametrize("number", [45, 55, 56, 70])  # the writer has room for 55
def test_program_with_too_many_sections(write, trust, tmp_path, number):
    image = vendor()
    image.sections[-1:-1] = [Section(f".v{i}", b"v") for i in range(number - len(PROGRAM))]
    for s in image.sections:
        s.virtual_address = s.raw = s.raw_size = None
    path = write(image)
    refused(ctl("seal", *trust, path, "-o", tmp_path / "out.efi"), path, "sealed.stub")


def test_kernel_that_is_none(write, tmp_path):
    path = write(vendor(linux=b"no kernel at all", without=[".uname"]), signer=None)
    done = ctl("seal", "--no-verify", path, "-o", tmp_path / "out.efi", code=1)
    assert str(path) in done.err and len(done.err.splitlines()) == 1
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_coff_symbols_are_refused(write, tmp_path):
    image = vendor()
    image.symbol_table, image.symbol_count = 0x1000, 1
    path = write(image, signer=None)
    refused(ctl("seal", "--no-verify", path, "-o", tmp_path / "out.efi"), path, "pe.symbols")


def test_sealed_image_is_refused(sealed, signers, tmp_path):
    done = ctl("seal", "--trust", signers / "signer.crt", sealed["signer"], "-o",
               tmp_path / "out.efi", code=1)
    assert "sealed image already [seal.kind]" in done.err and str(sealed["signer"]) in done.err
    assert not list(tmp_path.iterdir())


def test_addon_is_refused(tmp_path):
    addon = tmp_path / "a.addon.efi"
    ctl("addon", "--cmdline", "quiet", "--no-sign", "-o", addon, code=0)
    refused(ctl("seal", "--no-verify", addon, "-o", tmp_path / "out.efi"), addon, "seal.kind")


@pytest.mark.parametrize("data", [b"", b"MZ", b"garbage" * 1000], ids=["empty", "short", "garbage"])
def test_file_that_is_no_uki(tmp_path, data):
    path = tmp_path / "vendor.efi"
    path.write_bytes(data)
    done = ctl("seal", "--no-verify", path, "-o", tmp_path / "out.efi", code=1)
    assert str(path) in done.err and "[pe." in done.err
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_missing_file_and_directory(tmp_path):
    for path in (tmp_path / "missing.efi", tmp_path):
        done = ctl("seal", "--no-verify", path, "-o", tmp_path / "out.efi", code=1)
        assert str(path) in done.err and len(done.err.splitlines()) == 1


# ---- where it goes ----

def test_default_output(write, trust, tmp_path):
    source, here = write(), tmp_path / "here"
    here.mkdir()
    assert ctl("seal", *trust, source, cwd=here, code=0).out.startswith("vendor.sealed.efi: ")
    assert [p.name for p in here.iterdir()] == ["vendor.sealed.efi"]
    renamed = source.rename(tmp_path / "uki")
    ctl("seal", *trust, renamed, cwd=here, code=0)
    assert (here / "uki.sealed.efi").exists()


def test_the_uki_is_not_overwritten(write, trust, tmp_path):
    source = write()
    before = source.read_bytes()
    (tmp_path / "link.efi").symlink_to(source)
    for out in (source, tmp_path / "link.efi", f"{tmp_path}/./vendor.efi"):
        done = ctl("seal", *trust, source, "-o", out, code=1)
        assert "[seal.output]" in done.err and "-o" in done.err
        assert source.read_bytes() == before


def test_output_that_cannot_be_written(write, trust, tmp_path):
    done = ctl("seal", *trust, write(), "-o", tmp_path / "no" / "out.efi", code=1)
    assert f"{tmp_path}/no/out.efi" in done.err and done.out == ""
    assert [p.name for p in tmp_path.iterdir()] == ["vendor.efi"]


def test_failure_keeps_the_old_output(write, trust, tmp_path):
    out = tmp_path / "out.efi"
    out.write_text("old")
    ctl("seal", write(), "-o", out, code=1)
    ctl("seal", *trust, "--key", "missing", "--cert", "missing", tmp_path / "vendor.efi", "-o", out,
        code=1)
    assert out.read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.efi", "vendor.efi"]


@pytest.mark.parametrize("options", [
    [], ["a", "b"], ["--key", "k", "a"], ["--cert", "c", "a"],
    ["--no-sign", "--key", "k", "--cert", "c", "a"], ["--no-verify", "--trust", "t", "a"],
    ["--profile"],
], ids=" ".join)
def test_bad_options(tmp_path, options):
    done = ctl("seal", *options, cwd=tmp_path, code=2)
    assert "Try 'ukdumpctl seal --help'." in done.err and done.out == ""
