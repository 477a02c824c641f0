# SPDX-License-Identifier: GPL-2.0-or-later
"""`ukdumpctl addon`: what systemd-stub finds in the file, and which addons are not made.

The files are read back with pefile, a reader that shares nothing with ours. That systemd-stub
applies one: tests/vm/test_sealverb.py.
"""

import json
import stat
import subprocess

import pefile
import pytest

from cli import ctl


def sections(path):
    """Name -> content, by VirtualSize."""
    with pefile.PE(path, fast_load=True) as image:
        return {s.Name.rstrip(b"\0").decode(): image.__data__[
            s.PointerToRawData:s.PointerToRawData + s.Misc_VirtualSize] for s in image.sections}


@pytest.fixture
def key(signers):
    return ["--key", signers / "signer.key", "--cert", signers / "signer.crt"]


@pytest.fixture
def out(tmp_path):
    return tmp_path / "crash.addon.efi"


@pytest.fixture
def file(tmp_path_factory):
    """file(content) makes a file outside the test's own directory."""
    def make(content):
        path = tmp_path_factory.mktemp("file") / "f"
        path.write_bytes(content)
        return path
    return make


def test_command_line(out, key):
    ctl("addon", "--cmdline", "crashkernel=256M", *key, "-o", out, code=0)
    got = sections(out)
    assert list(got) == [".text", ".sbat", ".cmdline"]
    assert got[".cmdline"] == b"crashkernel=256M"
    assert got[".sbat"].startswith(b"sbat,1,SBAT Version,") and got[".sbat"].endswith(b"\n")
    (component,) = got[".sbat"].decode().splitlines()[1:]
    assert component.startswith("ukdump-addon,1,ukdump,ukdump-addon,")
    assert component.count(",") == 5


def test_everything_an_addon_can_have(out, key, file):
    contents = {".initrd": b"070701 initrd" * 99, ".ucode": b"070701 ucode", ".dtb": b"\xd0\x0d",
                ".cmdline": b"quiet"}
    options = [o for name, data in contents.items() for o in ("--section", f"{name}={file(data)}")]
    sbat = b"sbat,1,SBAT Version,sbat,1,https://example.org/\nsite,4,Site,site,1,https://s/\n"
    ctl("addon", *options, "--uname", "6.1.0", "--sbat", file(sbat), *key, "-o", out, code=0)
    got = sections(out)
    assert got.pop(".text")
    assert got == {**contents, ".uname": b"6.1.0", ".sbat": sbat}


def test_headers_are_sound_for_another_reader(out, key):
    ctl("addon", "--cmdline", "quiet", *key, "-o", out, code=0)
    with pefile.PE(out) as image:
        # that a small file is mostly padding is no matter
        assert [w for w in image.get_warnings() if not w.startswith("Byte 0x00 makes up")] == []
        assert image.FILE_HEADER.Machine == 0x8664
        assert not image.FILE_HEADER.Characteristics & 1  # firmware may load it anywhere
        assert image.OPTIONAL_HEADER.Subsystem == 10
        assert image.OPTIONAL_HEADER.DllCharacteristics & 0x100
        text = image.sections[0]
        assert image.OPTIONAL_HEADER.AddressOfEntryPoint == text.VirtualAddress
        end = image.OPTIONAL_HEADER.SizeOfHeaders
        for s in image.sections:
            assert s.PointerToRawData == end and s.VirtualAddress % 0x1000 == 0
            end += s.SizeOfRawData
        certificates = image.OPTIONAL_HEADER.DATA_DIRECTORY[4]
        assert certificates.VirtualAddress == end
        assert end + certificates.Size == out.stat().st_size
    listing = subprocess.run(["objdump", "-h", out], check=True, capture_output=True, text=True)
    assert " .cmdline " in listing.stdout


def test_signed(out, key, signers):
    done = ctl("addon", "--cmdline", "quiet", *key, "-o", out, code=0)
    assert done.out.startswith(f"{out}: ") and "signed by 'CN = ukdump test signer'" in done.out
    assert done.err == ""
    subprocess.run(["sbverify", "--cert", signers / "signer.crt", out], check=True,
                   capture_output=True)
    ctl("verify", "--trust", signers / "signer.crt", out, code=0)
    ctl("verify", "--trust", signers / "foreign.crt", out, code=1)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_unsigned_and_signed_later(out, key, tmp_path):
    done = ctl("addon", "--cmdline", "quiet", "--no-sign", "-o", out, code=0)
    assert done.out.endswith(", unsigned\n")
    later = tmp_path / "later.addon.efi"
    out.rename(later)
    ctl("sign", *key, later, code=0)
    ctl("addon", "--cmdline", "quiet", *key, "-o", out, code=0)
    assert out.read_bytes() == later.read_bytes()


def test_json(out):
    facts = json.loads(ctl("addon", "--cmdline", "quiet", "--no-sign", "--json", "-o", out,
                           code=0).out)
    assert facts["schema"] == 1 and facts["file"] == str(out) and facts["signer"] is None
    assert facts["bytes"] == out.stat().st_size
    assert facts["image"] + "\n" == ctl("sign", "--print-digest", out, code=0).out


def refused(done, tmp_path, says):
    assert done.out == "" and len(done.err.splitlines()) == 1, done
    assert says in done.err, done
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("options, says", [
    (["--cmdline", ""], "addon.content"),
    (["--section", ".initrd=EMPTY"], "addon.content"),
    (["--section", ".initrd=/nonexistent"], "/nonexistent"),
    (["--cmdline", "a\tb"], "uki.cmdline"),
    (["--cmdline", "a", "--section", ".cmdline=TEXT"], "uki.duplicate"),
    (["--cmdline", "a", "--uname", "a\nb"], "uki.uname"),
    (["--cmdline", "a", "--sbat", "TEXT"], "uki.sbat"),
    (["--cmdline", "a", "--sbat", "EMPTY"], "addon.content"),
    (["--cmdline", "a", "--sbat", "/nonexistent"], "/nonexistent"),
], ids=lambda v: " ".join(v) if isinstance(v, list) else v)
def test_contents_that_are_refused(out, tmp_path, file, options, says):
    options = [o.replace("EMPTY", str(file(b""))).replace("TEXT", str(file(b"text")))
               for o in options]
    refused(ctl("addon", *options, "--no-sign", "-o", out, code=1), tmp_path, says)


def test_key_that_is_missing(out, tmp_path):
    refused(ctl("addon", "--cmdline", "a", "--key", "/nonexistent.key", "--cert", "/nonexistent.crt",
                "-o", out, code=1), tmp_path, "/nonexistent")


def test_output_that_cannot_be_written(out, tmp_path):
    path = tmp_path / "no" / "a.addon.efi"
    refused(ctl("addon", "--cmdline", "a", "--no-sign", "-o", path, code=1), tmp_path, str(path))


@pytest.mark.parametrize("options", [[], ["--key", "auto"]], ids=["default", "auto"])
def test_key_of_this_machine(out, tmp_path, options):
    """As for `sign`: on a machine that has none, the refusal names the next command."""
    refused(ctl("addon", "--cmdline", "a", *options, "-o", out, code=1), tmp_path, "--list-keys")


GOOD = ["--cmdline", "a", "--no-sign"]


@pytest.mark.parametrize("options, says", [
    ([*GOOD], "need -o"),
    ([*GOOD, "-o", "a.efi"], ".addon.efi: systemd-stub"),
    ([*GOOD, "-o", ".addon.efi"], ".addon.efi: systemd-stub"),
    ([*GOOD, "-o", "a.addon.efi", "operand"], "operand"),
    (["--no-sign", "-o", "a.addon.efi"], "--cmdline"),
    ([*GOOD, "--uname", "", "-o", "a.addon.efi"], "--uname"),
    (["--cmdline", "a", "--key", "k", "-o", "a.addon.efi"], "go together"),
    ([*GOOD, "--key", "k", "--cert", "c", "-o", "a.addon.efi"], "contradicts"),
    ([*GOOD, "--section", ".linux=f", "-o", "a.addon.efi"], ".initrd"),
    ([*GOOD, "--section", ".profile=f", "-o", "a.addon.efi"], ".initrd"),
    ([*GOOD, "--section", ".initrd", "-o", "a.addon.efi"], ".initrd"),
    ([*GOOD * 5, "-o", "a.addon.efi"], "too many"),
], ids=lambda v: " ".join(v) if isinstance(v, list) else "")
def test_bad_options(tmp_path, options, says):
    done = ctl("addon", *options, cwd=tmp_path, code=2)
    assert says in done.err.splitlines()[0], done
    assert "Try 'ukdumpctl addon --help'." in done.err and done.out == ""
    assert not list(tmp_path.iterdir())
