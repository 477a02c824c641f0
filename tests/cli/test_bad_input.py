# SPDX-License-Identifier: GPL-2.0-or-later
"""Files that are no good: every command refuses them with one line, quickly, and changes nothing.

The kernel is never asked: what could be loaded is not given to ukdump-load here.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from cli import BUILD, CTL, REPO, ctl, load, run

import bzimage
import pe

ROOT = os.geteuid() == 0


def image(**fields):
    uki = pe.uki()
    for key, value in fields.items():
        setattr(uki, key, value)
    return bytes(uki.bytes())


def kernelless(**contents):
    """A PE with these sections, .text and, unless it is None, .sbat."""
    contents = {"text": b"x", "sbat": b"sbat,1,x\n", **contents}
    return bytes(pe.Image([pe.Section("." + name, data, pe.CODE if name == "text" else pe.DATA)
                           for name, data in contents.items() if data is not None]).bytes())


def cut(data, length):
    return data[:length]


# name -> (bytes, check)
CONTENTS = {
    "empty": (b"", "pe.size"),
    "one-byte": (b"M", "pe.mz"),
    "garbage": (bytes(range(1, 256)) * 40, "pe.mz"),
    "text": (b"#!/bin/sh\n", "pe.mz"),
    "elf": (b"\x7fELF" + bytes(1000), "pe.mz"),
    "zeros": (bytes(100000), "pe.mz"),
    "dos-header-only": (b"MZ" + bytes(40), "pe.truncated"),
    "headers-cut": (cut(image(), 0x100), "pe.truncated"),
    "section-cut": (cut(image(), 0x1900), "pe.truncated"),
    "last-byte-cut": (image()[:-1], "pe.truncated"),
    "extended": (image(tail=b"x"), "pe.trailing"),
    "bare-kernel": (bytes(bzimage.minimal()), "pe.symbols"),
    "32-bit": (image(machine=0x14c, magic=0x10b), "pe.machine"),
    "32-bit-header": (image(magic=0x10b), "pe.magic"),
    "arm64": (image(machine=0xaa64), "pe.machine"),
    "driver": (image(subsystem=11), "pe.subsystem"),
    "no-sections": (image(section_count=0), "pe.sections"),
    "certificates-claimed": (image(directories={4: (0x1c00, 8)}), "pe.cert-end"),
    "no-kernel": (kernelless(), "uki.required"),
    "no-addon": (kernelless(cmdline=b"x", osrel=b"ID=x\n"), "addon.sections"),
    "addon-without-sbat": (kernelless(cmdline=b"x", sbat=None), "addon.required"),
}


@pytest.fixture(params=["verify", "inspect", "sign", "print-digest", "attach", "load"])
def command(request, signers, machine, tmp_path):
    """Runs a command on a file. What it complains about is one line, on stderr but for verify."""
    def call(path, **options):
        signature = tmp_path / "signature"
        signature.write_bytes(b"\x30\x06abcdef")
        key = ["--key", signers / "signer.key", "--cert", signers / "signer.crt"]
        trust = ["--trust", signers / "signer.crt"]
        out = tmp_path / "out.efi"
        if request.param == "load":
            if not ROOT:
                pytest.skip("ukdump-load wants root")
            done = load("--root", machine, "load", path, **options)
            assert not (machine / "run/ukdump/armed").exists()
            assert not (machine / "var/lib/ukdump/last-good").exists()
        else:
            done = ctl(*{
                "verify": ["verify", *trust, path],
                "inspect": ["inspect", path],
                "sign": ["sign", *key, path, "-o", out],
                "print-digest": ["sign", "--print-digest", path],
                "attach": ["attach", "--signature", signature, *key[2:], path, "-o", out],
            }[request.param], **options)
        assert done.code != 0 or request.param in ("inspect", "print-digest")
        assert done.code == 0 or not out.exists()
        assert not [p for p in tmp_path.iterdir() if ".tmp." in p.name]
        return done
    call.name = request.param
    return call


def complaint(command, done):
    """The one line that says why."""
    assert done.code == 1, done
    if command.name == "verify":
        assert done.err == "", done
        lines = [line for line in done.out.splitlines() if "FAIL" in line]
        assert re.search(r": refused$", done.out.splitlines()[0])
    else:
        assert done.out == "", done
        lines = [line for line in done.err.splitlines() if "warning: " not in line]
    assert len(lines) == 1, done
    return lines[0]


def refused(command, path, check, **options):
    begin = time.monotonic()
    line = complaint(command, command(path, **options))
    assert time.monotonic() - begin < 30
    assert str(path) in line, line
    assert line.endswith(f"[{check}]"), line
    return line


@pytest.mark.parametrize("what", CONTENTS)
def test_contents(command, tmp_path, what):
    data, check = CONTENTS[what]
    path = tmp_path / f"{what}.efi"
    path.write_bytes(data)
    refused(command, path, check)
    assert path.read_bytes() == data


def test_every_truncation_of_a_signed_image(sealed, signers, tmp_path):
    data = sealed["signer"].read_bytes()
    path = tmp_path / "cut.efi"
    for length in sorted({*range(0, 0x900, 97), *range(0x900, len(data), 2111), len(data) - 1}):
        path.write_bytes(data[:length])
        done = ctl("verify", "--trust", signers / "signer.crt", path, code=1)
        assert re.search(r"\[pe\.[a-z-]+\]", done.out), (length, done)


def test_oversized(command, tmp_path):
    path = tmp_path / "sparse.efi"
    path.write_bytes(image())
    os.truncate(path, 3 << 30)
    refused(command, path, "pe.size")


def test_just_below_the_limit(command, tmp_path):
    path = tmp_path / "sparse.efi"
    path.write_bytes(image())
    os.truncate(path, (2 << 30) - 1)
    refused(command, path, "pe.trailing")


def test_directory(command, tmp_path):
    refused(command, tmp_path, "file.type")


def test_fifo_does_not_block(command, tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    refused(command, path, "file.type")


@pytest.mark.parametrize("device", ["/dev/null", "/dev/zero", "/dev/full"])
def test_device(command, device):
    refused(command, device, "file.type")


def test_missing(command, tmp_path):
    line = complaint(command, command(tmp_path / "missing.efi"))
    assert f"{tmp_path}/missing.efi: No such file or directory" in line


def test_dangling_link(command, tmp_path):
    (tmp_path / "link.efi").symlink_to("nowhere")
    line = complaint(command, command(tmp_path / "link.efi"))
    assert "link.efi: No such file or directory" in line


@pytest.mark.parametrize("verb", [["verify"], ["inspect"], ["sign", "--print-digest"]],
                         ids=lambda v: v[0])
def test_unreadable(verb, sealed):
    """By a user who may reach the program and the file (the checkout may lie below /root)."""
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        program = shutil.copy(CTL, place)
        path = Path(shutil.copy(sealed["signer"], place)).rename(f"{place}/unreadable.efi")
        path.chmod(0)
        done = run(program, *verb, path, code=1, cwd=place, **({"user": 65534} if ROOT else {}))
    assert "unreadable.efi: Permission denied" in done.out + done.err


def test_name_does_not_drive_the_terminal(command, tmp_path):
    path = tmp_path / "a\033[2Jb.efi"
    path.write_bytes(b"garbage")
    done = command(path)
    assert done.code == 1
    if command.name != "verify":
        assert "\033" not in done.err


def test_long_name(command, tmp_path):
    path = tmp_path
    for _ in range(8):
        path = path / ("d" * 200)
    path.mkdir(parents=True)
    (path / "f.efi").write_bytes(b"garbage")
    line = complaint(command, command(path / "f.efi"))
    assert line.endswith("[pe.mz]")


@pytest.mark.parametrize("who,check", [("none", "auth.unsigned"), ("foreign", "auth.trust")])
def test_not_trusted(sealed, signers, machine, who, check):
    done = ctl("verify", "--trust", signers / "signer.crt", sealed[who], code=1)
    assert f"[{check}]" in done.out
    ctl("inspect", sealed[who], code=0)  # describes, judges nothing
    if ROOT:
        done = load("--root", machine, "load", sealed[who], code=1)
        assert f"[{check}]" in done.err and str(sealed[who]) in done.err
        assert done.out == ""


def section(data, name):
    """File offset and length of a section's content."""
    headers = pe.get32(data, 0x3c)
    table = headers + 24 + pe.get16(data, headers + 20)
    for i in range(pe.get16(data, headers + 6)):
        at = table + 40 * i
        if data[at:at + 8].rstrip(b"\0") == name.encode():
            return pe.get32(data, at + 20), pe.get32(data, at + 8)
    raise KeyError(name)


@pytest.mark.parametrize("where", [".text", ".sbat", ".osrel", ".uname", ".cmdline", ".initrd",
                                   ".linux", ".kexec"])
def test_tampered(sealed, signers, machine, tmp_path, where):
    data = bytearray(sealed["signer"].read_bytes())
    offset, length = section(data, where)
    data[offset + length - 2] ^= 1  # not the line feed that ends a text
    path = tmp_path / "tampered.efi"
    path.write_bytes(data)
    done = ctl("verify", "--trust", signers / "signer.crt", path, code=1)
    assert "[auth.digest]" in done.out
    if ROOT:
        assert "[auth.digest]" in load("--root", machine, "load", path, code=1).err


def test_foreign_bytes_behind_an_enlarged_certificate_directory(sealed, signers, tmp_path):
    """The kernel takes this (measured on 6.12); we do not."""
    data = bytearray(sealed["signer"].read_bytes())
    certdir = pe.get32(data, 0x3c) + 24 + 112 + 8 * 4
    pe.put32(data, certdir + 4, pe.get32(data, certdir + 4) + 4096)
    data += os.urandom(4096)
    path = tmp_path / "enlarged.efi"
    path.write_bytes(data)
    done = ctl("verify", "--trust", signers / "signer.crt", path, code=1)
    assert re.search(r"\[cert\.[a-z]+\]", done.out)


# ---- files that change while they are read ----

@pytest.fixture(scope="session")
def changer(tmp_path_factory):
    library = tmp_path_factory.mktemp("changer") / "change.so"
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", library,
                    REPO / "tests/helpers/change.c", "-ldl"], check=True)
    return library


def changing(changer, path, at, **change):
    """The environment in which path changes before the at-th read."""
    env = dict(os.environ, LD_PRELOAD=str(changer), CHANGE_FILE=str(path), CHANGE_AT=str(at),
               ASAN_OPTIONS="verify_asan_link_order=0")
    env.update({key: str(value) for key, value in change.items()})
    return {"env": env}


@pytest.mark.parametrize("at", range(1, 5))
@pytest.mark.parametrize("size", ["shorter", "longer"])
def test_size_that_changes(command, sealed, changer, tmp_path, size, at):
    path = tmp_path / "changes.efi"
    shutil.copy(sealed["foreign"], path)  # so that it is refused even if the change is missed
    length = path.stat().st_size + (-4096 if size == "shorter" else 1)
    before = os.stat(path).st_size
    done = command(path, **changing(changer, path, at, CHANGE_SIZE=length))
    if os.stat(path).st_size == before:
        pytest.skip(f"reads fewer than {at} times")
    if done.code == 0:  # these two judge no signature: by the fourth read, every byte was read
        assert command.name in ("inspect", "print-digest") and at == 4
        return
    line = complaint(command, done)
    assert re.search(r"\[(file\.changed|auth\.trust|cert\.length|pe\.[a-z-]+|auth\.digest)\]$",
                     line), line


def test_growing_file_is_noticed(sealed, signers, changer, tmp_path):
    path = tmp_path / "grows.efi"
    shutil.copy(sealed["signer"], path)
    done = ctl("verify", "--trust", signers / "signer.crt", path, code=1,
               **changing(changer, path, 3, CHANGE_SIZE=path.stat().st_size + 1))
    assert "became longer while it was read [file.changed]" in done.out


def test_shrinking_file_is_noticed(sealed, signers, changer, tmp_path):
    path = tmp_path / "shrinks.efi"
    shutil.copy(sealed["signer"], path)
    done = ctl("verify", "--trust", signers / "signer.crt", path, code=1,
               **changing(changer, path, 3, CHANGE_SIZE=path.stat().st_size - 8192))
    assert "became shorter while it was read [file.changed]" in done.out


def test_byte_that_changes_is_part_of_the_digest_or_not_used(sealed, signers, changer, tmp_path):
    """What is judged is what was read: a change before reading is seen, one after is not used."""
    offset, _ = section(bytearray(sealed["signer"].read_bytes()), ".initrd")
    codes = []
    for at in range(1, 6):
        path = tmp_path / f"byte{at}.efi"
        shutil.copy(sealed["signer"], path)
        done = ctl("verify", "--trust", signers / "signer.crt", path,
                   **changing(changer, path, at, CHANGE_BYTE=offset + 100))
        assert done.code == 0 or "[auth.digest]" in done.out, done
        codes.append(done.code)
    assert codes[0] == 1 and codes[-1] == 0


# ---- bad keys, certificates, signatures ----

@pytest.mark.parametrize("content", [b"", b"garbage", b"-----BEGIN CERTIFICATE-----\nAAAA\n"],
                         ids=["empty", "garbage", "no-end"])
def test_bad_trust_file(sealed, tmp_path, content):
    bad = tmp_path / "bad.crt"
    bad.write_bytes(content)
    done = ctl("verify", "--trust", bad, sealed["signer"], code=1)
    assert str(bad) in done.err and len(done.err.splitlines()) == 1


def test_bad_certificate_in_trust_d(machine, sealed):
    if not ROOT:
        pytest.skip("ukdump-load wants root")
    (machine / "etc/ukdump/trust.d/bad.pem").write_text("garbage")
    done = load("--root", machine, "load", sealed["foreign"], code=1)
    assert "bad.pem" in done.err


@pytest.mark.parametrize("content", [b"", b"garbage" * 10, b"\x30\x82\xff\xff" + bytes(70000)],
                         ids=["empty", "garbage", "too-long"])
def test_bad_signature_file(sealed, signers, tmp_path, content):
    signature, out = tmp_path / "signature", tmp_path / "out.efi"
    signature.write_bytes(content)
    done = ctl("attach", "--signature", signature, "--cert", signers / "signer.crt",
               sealed["none"], "-o", out, code=1)
    assert len(done.err.splitlines()) == 1
    assert str(out) in done.err or str(signature) in done.err
    assert [p.name for p in tmp_path.iterdir()] == ["signature"]


def test_ordinary_user_may_not_arm(machine, sealed):
    if not ROOT:
        pytest.skip("needs root to become nobody")
    done = run("/usr/bin/setpriv", "--reuid=65534", "--clear-groups", "--", BUILD / "ukdump-load",
               "load", "/dev/null", code=1)
    assert "only root" in done.err and "sudo" in done.err


# ---- where the output goes ----

def unsigned(parts, out, code):
    return ctl("build", "--kernel", parts / "kernel", "--initrd", parts / "initrd", "--osrel",
               parts / "osrel", "--no-uefi", "--no-sign", "-o", out, code=code)


def test_output_that_is_no_regular_file(parts, sealed, tmp_path):
    """A new file would take its place: /dev/null has been lost that way."""
    fifo, link, directory = (tmp_path / name for name in ("fifo", "link", "directory"))
    os.mkfifo(fifo)
    link.symlink_to(sealed["none"])
    directory.mkdir()
    for out in (fifo, link, directory):
        before = os.lstat(out).st_ino
        for done in (unsigned(parts, out, 1),
                     ctl("addon", "--cmdline", "a", "--no-sign", "-o",
                         out.rename(f"{out}.addon.efi"), code=1)):
            assert "[file.type]" in done.err and done.out == "", done
            assert len([line for line in done.err.splitlines() if "[file" in line]) == 1, done
        assert os.lstat(f"{out}.addon.efi").st_ino == before
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        f"{name}.addon.efi" for name in ("directory", "fifo", "link")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stopped_while_it_publishes(parts, tmp_path, number):
    """Nothing is left behind, whenever it is stopped; on a busy machine it may have ended before.

    env: what starts the tests in the background may have had them ignore SIGINT or SIGHUP.
    """
    big = tmp_path / "big"
    big.write_bytes(b"070701 " * (16 << 20))
    out = tmp_path / "out"
    out.mkdir()
    status, tries = 0, 0
    while status == 0 and tries < 20:
        (out / "image.efi").unlink(missing_ok=True)
        stopped = subprocess.Popen(["env", "--default-signal", CTL, "build", "--kernel",
                                    parts / "kernel", "--initrd", big, "--osrel", parts / "osrel",
                                    "--no-uefi", "--no-sign", "-o", out / "image.efi"],
                                   stderr=subprocess.DEVNULL)
        end = time.monotonic() + 60
        while not list(out.iterdir()) and time.monotonic() < end:
            time.sleep(0.001)
        stopped.send_signal(number)
        status, tries = stopped.wait(60), tries + 1
        assert [p.name for p in out.iterdir()] in ([], ["image.efi"])
    assert status == -number


def test_name_that_drives_a_terminal(sealed, tmp_path):
    path = tmp_path / "a\nb\x1b[31m.efi"
    shutil.copy(sealed["signer"], path)
    for verb in ("verify", "inspect"):
        done = ctl(verb, path)
        assert "a?b?[31m.efi" in done.out and "\x1b" not in done.out + done.err, done


# bytes of a name, and how JSON shows them: what is UTF-8 stays
NAMES = [(b"\xc3\xa9", "\u00e9"), (b"\xf0\x9f\x98\x80", "\U0001f600"), (b"\xff", "?"),
         (b"\xc3", "?"), (b"\xc0\xaf", "??"), (b"\xed\xa0\x80", "???"),
         (b"\xe0\x80\xaf", "???"), (b"\xf4\x90\x80\x80", "????"),
         (b"\xf0\x80\x80\xaf", "????"), (b"\xf5\x80\x80\x80", "????"),
         (b"\xe2\x82", "??"), (b"\xe2\x82\xac", "\u20ac")]


@pytest.mark.parametrize("name, shown", NAMES, ids=lambda v: repr(v) if v is bytes else None)
def test_json_is_utf8(sealed, tmp_path, name, shown):
    path = os.fsencode(tmp_path) + b"/" + name
    Path(os.fsdecode(path)).write_bytes(sealed["none"].read_bytes())
    for argv in (["inspect", "--json"], ["verify", "--json"]):
        done = subprocess.run([CTL, *argv, path], stdout=subprocess.PIPE, check=False)
        facts = json.loads(done.stdout.decode("utf-8"))
        facts = facts[0] if isinstance(facts, list) else facts
        assert facts["file"] == f"{tmp_path}/{shown}"


def test_image_whose_name_begins_with_a_dash(tmp_path):
    (tmp_path / "--bogus").write_bytes(b"no image")
    done = ctl("start", "--", "--bogus", code=1, cwd=tmp_path)
    assert "option" not in done.err, done


@pytest.mark.parametrize("options", [
    ["--print-digest", "--list-keys"], ["--print-digest", "--key", "k", "--cert", "c", "i"],
    ["--print-digest", "-o", "o", "i"], ["--list-keys", "-o", "o"],
], ids=" ".join)
def test_sign_options_that_exclude_each_other(options):
    done = ctl("sign", *options, code=2)
    assert "sign nothing" in done.err and "Try 'ukdumpctl sign --help'" in done.err, done


def test_too_many_certificates():
    done = ctl("verify", *["--trust", "c"] * 33, "i", code=2)
    assert "at most 32" in done.err, done


def test_empty_parts_are_named(parts, sealed, signers, tmp_path):
    empty = tmp_path / "empty"
    empty.touch()
    done = ctl("attach", "--signature", empty, "--cert", signers / "signer.crt", sealed["none"],
               code=1)
    assert f"{empty}: the file is empty [attach.form]" in done.err, done
    done = ctl("build", "--kernel", parts / "kernel", "--initrd", parts / "initrd", "--osrel",
               parts / "osrel", "--stub", empty, "--no-sign", "-o", tmp_path / "o", code=1)
    assert f"{empty}: the file is empty [pe.size]" in done.err, done
