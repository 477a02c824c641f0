# SPDX-License-Identifier: GPL-2.0-or-later
"""`ukdumpctl build`, `sign`, `attach`, `inspect` and `ukdump-load status` without a virtual machine.

The files are read back with pefile, a reader that shares nothing with ours.
"""

import hashlib
import json
import os
import re
import stat
import subprocess

import pefile
import pytest

from cli import CTL, ctl, load

import bzimage
import pe
from conftest import build

STUB = "/usr/lib/systemd/boot/efi/linuxx64.efi.stub"


def sections(path):
    """Name -> content, by VirtualSize."""
    with pefile.PE(path, fast_load=True) as image:
        return {s.Name.rstrip(b"\0").decode(): image.__data__[
            s.PointerToRawData:s.PointerToRawData + s.Misc_VirtualSize] for s in image.sections}


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def key(signers):
    return ["--key", signers / "signer.key", "--cert", signers / "signer.crt"]


# ---- what is in the image ----

def test_sections_byte_for_byte(parts, sealed):
    got = sections(sealed["signer"])
    assert list(got) == [".text", ".sbat", ".osrel", ".uname", ".cmdline", ".initrd", ".linux",
                         ".kexec"]
    assert got[".linux"] == (parts / "kernel").read_bytes()
    assert got[".initrd"] == (parts / "initrd").read_bytes()
    assert got[".osrel"] == (parts / "osrel").read_bytes()
    assert got[".cmdline"] == b"panic=1"
    assert got[".uname"] == bzimage.VERSION.split()[0].encode()
    assert got[".sbat"].startswith(b"sbat,1,") and b"\nukdump,1," in got[".sbat"]
    assert got[".kexec"][8:16] == b"ukdstub1"


def test_headers_are_sound_for_another_reader(sealed):
    with pefile.PE(sealed["signer"]) as image:
        assert image.get_warnings() == []
        assert image.FILE_HEADER.Machine == 0x8664
        assert image.OPTIONAL_HEADER.Subsystem == 10
        end = image.OPTIONAL_HEADER.SizeOfHeaders
        for s in image.sections:
            assert s.PointerToRawData == end
            end += s.SizeOfRawData
            assert not (s.Characteristics & 0x80000000 and s.Characteristics & 0x20000000)
        certificates = image.OPTIONAL_HEADER.DATA_DIRECTORY[4]
        assert certificates.VirtualAddress == end
        assert end + certificates.Size == sealed["signer"].stat().st_size


def test_objdump_lists_it(sealed):
    listing = subprocess.run(["objdump", "-h", sealed["signer"]], check=True, capture_output=True,
                             text=True).stdout
    assert re.findall(r"^ +\d+ (\.\w+)", listing, re.M) == list(sections(sealed["signer"]))


@pytest.mark.skipif(not os.path.exists(STUB), reason="no systemd-stub installed")
def test_systemd_stub(parts, signers, key, tmp_path):
    out = tmp_path / "uki.efi"
    ctl("build", "--kernel", parts / "kernel", "--initrd", parts / "initrd", "--osrel",
        parts / "osrel", "--cmdline", "panic=1", "--stub", STUB, *key, "-o", out, code=0)
    ours, theirs = sections(out), sections(STUB)
    for name in (".text", ".data", ".reloc"):
        if name in theirs:
            assert ours[name] == theirs[name]
    assert b"systemd" in ours[".sbat"] and b"\nukdump,1," in ours[".sbat"]
    ctl("verify", "--trust", signers / "signer.crt", out, code=0)


def test_options_reach_the_image(parts, key, tmp_path):
    (tmp_path / "logo").write_bytes(b"BM logo")
    out = tmp_path / "a.efi"
    build(parts, out, *key, "--cmdline-append", "debug", "--uname", "1.2.3", "--section",
          f".splash={tmp_path}/logo", "--normal-kexec", "--keep-dmcryptkeys", code=0)
    got = sections(out)
    assert got[".cmdline"] == b"panic=1 debug"
    assert got[".uname"] == b"1.2.3"
    assert got[".splash"] == b"BM logo"
    facts = json.loads(ctl("inspect", "--json", out, code=0).out)
    assert facts["for_normal_kexec"] and facts["keeps_dmcryptkeys"]


def test_default_command_line_cannot_hang(parts, tmp_path):
    out = tmp_path / "a.efi"
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    ctl("build", "--root", root, "--kernel", parts / "kernel", "--initrd", parts / "initrd",
        "--osrel", parts / "osrel", "--no-sign", "-o", out, code=0)
    words = sections(out)[".cmdline"].decode().split()
    for word in ("panic=1", "reset_devices", "nr_cpus=1", "rootfstype=ramfs", "acpi_no_memhotplug", "rd.shell=0", "rd.emergency=reboot"):
        assert word in words


# ---- reproducible, atomic, private ----

def test_reproducible(parts, key, tmp_path):
    build(parts, tmp_path / "a.efi", *key, code=0)
    build(parts, tmp_path / "b.efi", *key, code=0, env=dict(os.environ, TZ="UTC-9", LC_ALL="C"))
    assert (tmp_path / "a.efi").read_bytes() == (tmp_path / "b.efi").read_bytes()


def test_mode_is_private(parts, tmp_path):
    os.umask(0)
    try:
        build(parts, tmp_path / "a.efi", "--no-sign", code=0)
    finally:
        os.umask(0o022)
    assert mode(tmp_path / "a.efi") == 0o600


def test_existing_image_is_replaced_at_once(parts, key, tmp_path):
    out = tmp_path / "a.efi"
    build(parts, out, "--no-sign", code=0)
    keep = os.open(out, os.O_RDONLY)
    old = os.pread(keep, 1 << 20, 0)
    build(parts, out, *key, code=0)
    assert os.pread(keep, 1 << 20, 0) == old  # whoever has it open keeps the old one
    os.close(keep)
    assert out.read_bytes() != old
    assert [p.name for p in tmp_path.iterdir()] == ["a.efi"]


BAD_PARTS = {
    "kernel-garbage": (["--kernel", "bad"], b"garbage" * 1000, "HdrS"),
    "kernel-empty": (["--kernel", "bad"], b"", "too short"),
    "kernel-missing": (["--kernel", "missing"], b"", "No such file"),
    "initrd-empty": (["--initrd", "bad"], b"", "empty"),
    "initrd-missing": (["--initrd", "missing"], b"", "No such file"),
    "osrel-empty": (["--osrel", "bad"], b"", "empty"),
    "osrel-with-nul": (["--osrel", "bad"], b"ID=x\0", "NUL"),
    "cmdline-token": (["--cmdline", "elfcorehdr=0x1000"], b"", "elfcorehdr="),
    "cmdline-empty": (["--cmdline", ""], b"", "empty"),
    "cmdline-long": (["--cmdline", "x" * 3000], b"", "command line of 3000 bytes"),
    "cmdline-control": (["--cmdline", "a\tb"], b"", "0x09"),
    "second-initrd": (["--section", ".initrd=bad"], b"x", "occurs twice"),
    "microcode": (["--section", ".ucode=bad"], b"x", "must not have a '.ucode'"),
    "key-missing": (["--key", "missing", "--cert", "missing"], b"", "missing"),
}


@pytest.mark.parametrize("what", BAD_PARTS)
def test_failure_leaves_nothing(parts, tmp_path, what):
    options, content, says = BAD_PARTS[what]
    (tmp_path / "bad").write_bytes(content)
    options = [o.replace("bad", str(tmp_path / "bad")).replace("missing", str(tmp_path / "missing"))
               for o in options]
    signing = [] if "--key" in options else ["--no-sign"]
    done = build(parts, tmp_path / "a.efi", *signing, *options, code=1)
    complaints = [line for line in done.err.splitlines()
                  if not line.startswith("ukdumpctl: build: [")]
    assert len(complaints) == 1 and says in complaints[0], done
    assert done.out == ""
    assert [p.name for p in tmp_path.iterdir()] == ["bad"]


def test_output_directory_that_is_not_there(parts, tmp_path):
    done = build(parts, tmp_path / "no" / "a.efi", "--no-sign", code=1)
    assert f"{tmp_path}/no/a.efi" in done.err


def test_failed_build_keeps_the_old_image(parts, tmp_path):
    out = tmp_path / "a.efi"
    out.write_text("old")
    build(parts, out, "--no-sign", "--section", f".initrd={parts}/osrel", code=1)
    assert out.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.efi"]


@pytest.mark.parametrize("options", [
    ["--key", "k"], ["--cert", "c"], ["--no-sign", "--key", "k", "--cert", "c"],
    ["--section", "splash=f"], ["--section", ".toolongname=f"], ["--section", ".x"],
    ["--section", "=f"], ["--section", ".=f"], ["operand"],
], ids=" ".join)
def test_bad_options(parts, tmp_path, options):
    done = build(parts, tmp_path / "a.efi", *options, code=2)
    assert "Try 'ukdumpctl build --help'." in done.err
    assert not list(tmp_path.iterdir())


# ---- the host key ----

@pytest.fixture
def root(tmp_path):
    d = tmp_path / "root"
    (d / "etc").mkdir(parents=True)
    (d / "etc" / "os-release").write_text("ID=rooted\n")
    return d


def build_in(root, parts, *options, **keywords):
    return ctl("build", "--root", root, "--kernel", parts / "kernel", "--initrd", parts / "initrd",
               *options, **keywords)


def test_host_key_is_made_and_used_again(parts, root):
    done = build_in(root, parts, code=0)
    key, cert = root / "etc/ukdump/keys/local.key", root / "etc/ukdump/keys/local.crt"
    trusted = root / "etc/ukdump/trust.d/local.crt"
    assert mode(key) == 0o600 and mode(key.parent) == 0o700
    assert mode(trusted) == 0o644 and mode(trusted.parent) == 0o755
    assert mode(root / "etc/ukdump") == 0o755
    assert trusted.read_bytes() == cert.read_bytes()
    images = list((root / "var/lib/ukdump/images").iterdir())
    assert len(images) == 1 and mode(images[0]) == 0o600
    assert mode(images[0].parent) == 0o700
    assert re.fullmatch(r"kernel-[0-9a-f]{12}\.efi", images[0].name)
    assert str(images[0]) in done.out
    ctl("verify", "--trust", cert, images[0], code=0)
    before = key.read_bytes()
    build_in(root, parts, "--cmdline", "another", code=0)
    assert key.read_bytes() == before
    assert len(list(images[0].parent.iterdir())) == 2


def test_name_is_the_image_id(parts, root):
    build_in(root, parts, code=0)
    image = next((root / "var/lib/ukdump/images").iterdir())
    facts = json.loads(ctl("inspect", "--json", image, code=0).out)
    assert image.name == f"kernel-{facts['image'][:12]}.efi"
    assert sections(image)[".osrel"] == b"ID=rooted\n"


def test_no_key_is_made_where_none_is_wanted(parts, root, key):
    build_in(root, parts, "--no-sign", code=0)
    build_in(root, parts, *key, code=0)
    assert not (root / "etc/ukdump").exists()


@pytest.mark.parametrize("options, conf", [
    (["--kernel", "/none"], ""), (["--kver", "6.99"], ""), ([], "Kernel=/boot/none"),
    ([], "Kernel=6.99"), ([], "")], ids=str)
def test_no_key_is_made_for_a_kernel_that_is_not_there(parts, root, options, conf):
    if conf:
        (root / "etc/ukdump").mkdir()
        (root / "etc/ukdump/ukdump.conf").write_text(f"[Image]\n{conf}\n")
    done = ctl("build", "--root", root, "--initrd", parts / "initrd", *options, code=1)
    assert done.err.count("\n") == 1
    assert not (root / "etc/ukdump/keys").exists() and not (root / "etc/ukdump/trust.d").exists()


def test_newest_kernel_of_the_tree(parts, root):
    for version in ("6.1.0-9", "6.1.0-10", "5.99"):
        d = root / "usr/lib/modules" / version
        d.mkdir(parents=True)
        (d / "vmlinuz").write_bytes(bzimage.minimal(version=f"{version} x"))
    ctl("build", "--root", root, "--initrd", parts / "initrd", "--no-sign", code=0)
    image = next((root / "var/lib/ukdump/images").iterdir())
    assert image.name.startswith("6.1.0-10-")
    assert sections(image)[".uname"] == b"6.1.0-10"


def test_kernel_below_boot(parts, root):
    (root / "boot").mkdir()
    (root / "boot/vmlinuz-6.2").write_bytes(bzimage.minimal())
    ctl("build", "--root", root, "--kver", "6.2", "--initrd", parts / "initrd", "--no-sign", code=0)
    done = ctl("build", "--root", root, "--kver", "6.3", "--initrd", parts / "initrd", "--no-sign",
               code=1)
    assert "6.3" in done.err and "/boot/vmlinuz-6.3" in done.err
    done = ctl("build", "--root", root, "--kver", "../x", "--initrd", parts / "initrd",
               "--no-sign", code=1)
    assert "not a kernel version" in done.err


# ---- signed elsewhere ----

@pytest.fixture
def unsigned(parts, tmp_path):
    out = tmp_path / "unsigned.efi"
    build(parts, out, "--no-sign", code=0)
    return out


def digest_by_hand(path):
    """The Authenticode digest of an unsigned file without a tail."""
    data = bytearray(path.read_bytes())
    optional = pe.get32(data, 0x3c) + 24
    checksum, certdir = optional + 64, optional + 112 + 32
    return hashlib.sha256(data[:checksum] + data[checksum + 4:certdir] +
                          data[certdir + 8:]).hexdigest()


def remote_signature(image, signers, name, tmp_path):
    """What a remote signer returns: signs a copy with osslsigncode, extracts the signature."""
    copy, blob = tmp_path / "copy.efi", tmp_path / f"{name}.p7"
    subprocess.run(["osslsigncode", "sign", "-h", "sha256", "-certs", signers / f"{name}.crt",
                    "-key", signers / f"{name}.key", "-in", image, "-out", copy], check=True,
                   capture_output=True)
    blob.write_bytes(pe.certificates(copy.read_bytes())[0])
    copy.unlink()
    return blob


def test_print_digest(unsigned, key, tmp_path):
    printed = ctl("sign", "--print-digest", unsigned, code=0).out
    assert printed == digest_by_hand(unsigned) + "\n"
    ctl("sign", *key, unsigned, "-o", tmp_path / "signed.efi", code=0)
    assert ctl("sign", "--print-digest", tmp_path / "signed.efi", code=0).out == printed


def test_attach(unsigned, signers, tmp_path):
    blob = remote_signature(unsigned, signers, "signer", tmp_path)
    before = unsigned.read_bytes()
    ctl("attach", "--signature", blob, "--cert", signers / "signer.crt", unsigned, "-o",
        tmp_path / "signed.efi", code=0)
    assert unsigned.read_bytes() == before
    ctl("verify", "--trust", signers / "signer.crt", tmp_path / "signed.efi", code=0)
    subprocess.run(["sbverify", "--cert", signers / "signer.crt", tmp_path / "signed.efi"],
                   check=True, capture_output=True)
    ctl("attach", "--signature", blob, "--cert", signers / "signer.crt", unsigned, code=0)
    assert unsigned.read_bytes() == (tmp_path / "signed.efi").read_bytes()  # in place
    assert mode(unsigned) == 0o600


def test_attach_refuses_what_does_not_verify(unsigned, signers, parts, tmp_path):
    foreign = remote_signature(unsigned, signers, "foreign", tmp_path)
    build(parts, tmp_path / "other.efi", "--no-sign", "--cmdline-append", "x", code=0)
    other = remote_signature(tmp_path / "other.efi", signers, "signer", tmp_path)
    before = unsigned.read_bytes()
    for blob, check in ((foreign, "auth.trust"), (other, "auth.digest")):
        done = ctl("attach", "--signature", blob, "--cert", signers / "signer.crt", unsigned,
                   code=1)
        assert f"[{check}]" in done.err and str(unsigned) in done.err
        assert len(done.err.splitlines()) == 1
        assert unsigned.read_bytes() == before
    assert not [p for p in tmp_path.iterdir() if ".tmp." in p.name]


def test_sign_with_a_key_of_another_certificate(unsigned, signers, tmp_path):
    done = ctl("sign", "--key", signers / "foreign.key", "--cert", signers / "signer.crt",
               unsigned, "-o", tmp_path / "out.efi", code=1)
    assert len(done.err.splitlines()) == 1
    assert not (tmp_path / "out.efi").exists()


# ---- JSON ----

def test_json_of_build(parts, key, tmp_path):
    done = build(parts, tmp_path / "a.efi", *key, "--json", code=0)
    facts = json.loads(done.out)
    assert facts["schema"] == 1
    assert facts["file"] == str(tmp_path / "a.efi")


def test_json_of_verify_is_an_array(sealed, signers, tmp_path):
    (tmp_path / "garbage").write_bytes(b"garbage")
    done = ctl("verify", "--json", "--trust", signers / "signer.crt", sealed["signer"],
               sealed["foreign"], tmp_path / "garbage", tmp_path / "missing", code=1)
    good, foreign, garbage, missing = json.loads(done.out)
    assert all(o["schema"] == 1 for o in (good, foreign, garbage, missing))
    assert good["accepted"] and good["check"] is None and good["sealed"]
    assert (foreign["accepted"], foreign["check"]) == (False, "auth.trust")
    assert (garbage["accepted"], garbage["check"]) == (False, "pe.mz")
    assert (missing["accepted"], missing["check"]) == (False, "file.read")
    assert json.loads(ctl("verify", "--json", "--trust", signers / "signer.crt",
                          sealed["signer"], code=0).out)[0] == good


def test_json_of_inspect(sealed):
    facts = json.loads(ctl("inspect", "--json", sealed["signer"], code=0).out)
    assert facts["schema"] == 1 and facts["sealed"]
    assert facts["cmdline"] == "panic=1"
    assert facts["kernel"] == bzimage.VERSION
    assert facts["signatures"] == 1
    got = sections(sealed["signer"])
    assert {s["name"]: s["bytes"] for s in facts["sections"]} == \
        {name: len(data) for name, data in got.items()}


def test_json_of_digest_and_attach(unsigned, signers, tmp_path):
    facts = json.loads(ctl("sign", "--print-digest", "--json", unsigned, code=0).out)
    assert facts["schema"] == 1
    assert digest_by_hand(unsigned) in facts.values()
    blob = remote_signature(unsigned, signers, "signer", tmp_path)
    facts = json.loads(ctl("attach", "--json", "--signature", blob, "--cert",
                           signers / "signer.crt", unsigned, code=0).out)
    assert facts["schema"] == 1


# ---- ukdump-load status ----

def test_status_not_armed(machine):
    done = load("--root", machine, "status", code=3)
    facts = dict(line.split("=", 1) for line in done.out.splitlines())
    assert facts["loaded"] == "0"
    assert facts["crash_memory"] == "268435456"
    assert facts["crash_memory_usable"] == "268435456"
    assert facts["enforced"] == facts["secure_boot"] == "0"
    assert facts["config_known"] == "0"
    assert "image" not in facts


def test_status_armed(machine):
    (machine / "sys/kernel/kexec_crash_loaded").write_text("1\n")
    (machine / "run/ukdump").mkdir(parents=True)
    (machine / "run/ukdump/armed").write_text("image=abc\npath=/x.efi\n")
    facts = dict(line.split("=", 1)
                 for line in load("--root", machine, "status", code=0).out.splitlines())
    assert facts["loaded"] == "1" and facts["image"] == "abc"


def test_status_does_not_show_what_is_no_longer_armed(machine):
    (machine / "run/ukdump").mkdir(parents=True)
    (machine / "run/ukdump/armed").write_text("image=abc\n")
    assert "image=" not in load("--root", machine, "status", code=3).out


def test_status_of_a_kernel_without_crash_support(machine):
    (machine / "sys/kernel/kexec_crash_size").unlink()
    done = load("--root", machine, "status", code=1)
    assert "CONFIG_KEXEC_FILE" in done.err and done.out == ""


def test_no_reserved_memory(machine, sealed):
    if os.geteuid():
        pytest.skip("ukdump-load wants root")
    (machine / "sys/kernel/kexec_crash_size").write_text("0\n")
    done = load("--root", machine, "load", sealed["foreign"], code=1)
    assert "ukdumpctl reserve" in done.err and "[host.memory]" in done.err


def test_start_asks_for_a_build(tmp_path):
    """No image for the running kernel: says what to run. The path is the system's own."""
    if os.path.exists("/var/lib/ukdump/images"):
        pytest.skip("this machine has images")
    done = ctl("start", code=1)
    assert "ukdumpctl build" in done.err
    assert done.argv[0] == str(CTL)
