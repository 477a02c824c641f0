# SPDX-License-Identifier: GPL-2.0-or-later
"""Signatures between ukdumpctl and the tools that others use: sbsign, sbverify, osslsigncode.

What they sign we verify, what we sign they verify; what is wrong nobody takes.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("BUILD") or REPO / "build").resolve()
sys.path.insert(0, str(REPO / "tests" / "gen"))

import authenticode  # noqa: E402
import bzimage  # noqa: E402
import pe  # noqa: E402
import pki  # noqa: E402

KINDS = ["rsa2048", "rsa3072", "p256", "p384"]


def run(*argv):
    """Exit status and output of a program."""
    done = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
                          timeout=60, check=False)
    return done.returncode, done.stdout


def must(*argv):
    status, output = run(*argv)
    assert status == 0, f"{argv}: exit {status}\n{output}"
    return output


def verify(image, *trust):
    options = [o for cert in trust for o in ("--trust", cert)]
    return run(BUILD / "ukdumpctl", "verify", *options, image)


def accepted(image, *trust):
    status, output = verify(image, *trust)
    assert status == 0, output


def refused(image, check, *trust):
    status, output = verify(image, *trust)
    assert status == 1, output
    assert f"[{check}]" in output, output


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    """A self-signed signer of each kind, a root with an intermediate and a leaf, a foreign one."""
    d = tmp_path_factory.mktemp("keys")
    for kind in KINDS:
        pki.make(d, kind, f"signer {kind}", kind=kind, code_signing=True)
    pki.make(d, "root", "root", authority=True)
    pki.make(d, "middle", "middle", issuer="root", authority=True)
    pki.make(d, "leaf", "leaf", issuer="middle", code_signing=True)
    pki.make(d, "foreign", "foreign", code_signing=True)
    (d / "chain.crt").write_text((d / "leaf.crt").read_text() + (d / "middle.crt").read_text())
    return d


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "unsigned.efi"
    pe.uki(initrd=os.urandom(100000)).write(path)
    return path


def by_sbsign(image, keys, name, *more):
    out = image.with_name(f"{image.stem}+{name}-sbsign.efi")
    must("sbsign", "--key", keys / f"{name}.key", "--cert", keys / f"{name}.crt", *more,
         "--output", out, image)
    return out


def by_osslsigncode(image, keys, name, digest="sha256", certs=None):
    out = image.with_name(f"{image.stem}+{name}-osslsigncode.efi")
    must("osslsigncode", "sign", "-h", digest, "-certs", keys / (certs or f"{name}.crt"),
         "-key", keys / f"{name}.key", "-in", image, "-out", out)
    return out


def by_us(image, keys, name, certs=None):
    out = image.with_name(f"{image.stem}+{name}-us.efi")
    must(BUILD / "ukdumpctl", "sign", "--key", keys / f"{name}.key", "--cert",
         keys / (certs or f"{name}.crt"), image, "-o", out)
    return out


@pytest.mark.parametrize("kind", KINDS)
def test_sbsign(image, keys, kind):
    signed = by_sbsign(image, keys, kind)
    accepted(signed, keys / f"{kind}.crt")
    accepted(signed, keys / "foreign.der", keys / f"{kind}.der")
    refused(signed, "auth.trust", keys / "foreign.crt")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
def test_osslsigncode(image, keys, kind, digest):
    signed = by_osslsigncode(image, keys, kind, digest)
    accepted(signed, keys / f"{kind}.crt")
    refused(signed, "auth.trust", keys / "foreign.crt")


def test_osslsigncode_sha1(image, keys):
    signed = by_osslsigncode(image, keys, "rsa2048", "sha1")
    refused(signed, "auth.digest-algorithm", keys / "rsa2048.crt")


def must_pass_osslsigncode(signed, cert):
    """Debian 12's osslsigncode 2.5 calls a signature invalid, sbsign's, too, unless dwLength is a
    multiple of 8, as in those that it makes itself. The length is exact (PE format), only the
    table is padded; 2.9 reads that. So the old one has no say about other lengths."""
    verdict, output = run("osslsigncode", "verify", "-CAfile", cert, "-in", signed)
    version = run("osslsigncode", "--version")[1].split()[1].rstrip(",")
    old = [int(n) for n in version.split(".")] < [2, 9]
    length = len(pe.certificates(signed.read_bytes())[0]) + 8
    assert verdict == 0 or (old and length % 8), output


@pytest.mark.parametrize("kind", KINDS)
def test_ours(image, keys, kind):
    signed = by_us(image, keys, kind)
    cert = keys / f"{kind}.crt"
    accepted(signed, cert)
    must_pass_osslsigncode(signed, cert)
    must("sbverify", "--cert", cert, signed)
    status, _ = run("sbverify", "--cert", keys / "foreign.crt", signed)
    assert status != 0


def test_chains(image, keys):
    certs = ["root.crt", "middle.crt", "leaf.crt"]
    images = [
        by_us(image, keys, "leaf", "chain.crt"),
        by_osslsigncode(image, keys, "leaf", certs="chain.crt"),
        by_sbsign(image, keys, "leaf", "--addcert", keys / "middle.crt"),
    ]
    for signed in images:
        for cert in certs:
            accepted(signed, keys / cert)
        must("sbverify", "--cert", keys / "root.crt", signed)
    ours = by_us(image, keys, "leaf", "chain.crt")
    must_pass_osslsigncode(ours, keys / "root.crt")


def test_without_intermediate(image, keys):
    signed = by_us(image, keys, "leaf")
    refused(signed, "auth.trust", keys / "root.crt")
    accepted(signed, keys / "middle.crt")


def test_signed_twice(image, keys):
    """The kernel reads only the first; sbsign adds behind it."""
    twice = by_sbsign(by_us(image, keys, "rsa2048"), keys, "p256")
    assert len(pe.certificates(twice.read_bytes())) == 2
    accepted(twice, keys / "rsa2048.crt")
    refused(twice, "auth.trust", keys / "p256.crt")
    must("sbverify", "--cert", keys / "rsa2048.crt", twice)
    must("sbverify", "--cert", keys / "p256.crt", twice)


def test_our_signature_replaces_others(image, keys):
    """A new signature behind an old one would be one that the kernel never reads."""
    anew = by_us(by_sbsign(image, keys, "rsa2048"), keys, "p256")
    assert len(pe.certificates(anew.read_bytes())) == 1
    accepted(anew, keys / "p256.crt")
    refused(anew, "auth.trust", keys / "rsa2048.crt")


def test_unsigned(image, keys):
    refused(image, "auth.unsigned", keys / "rsa2048.crt")


@pytest.mark.parametrize("where", [".text", ".cmdline", ".initrd", ".linux"])
def test_changed(image, keys, where):
    signed = by_us(image, keys, "rsa2048")
    data = bytearray(signed.read_bytes())
    section = pe.uki(initrd=bytes(100000))
    section.layout()
    data[section.section(where).raw] ^= 1
    signed.write_bytes(data)
    refused(signed, "auth.digest", keys / "rsa2048.crt")
    status, _ = run("sbverify", "--cert", keys / "rsa2048.crt", signed)
    assert status != 0


def test_transplanted(image, keys):
    blob = pe.certificates(by_us(image, keys, "rsa2048").read_bytes())[0]
    other = image.with_name("other.efi")
    other.write_bytes(pe.attach(pe.uki(cmdline=b"init=/bin/sh").bytes(), blob))
    refused(other, "auth.digest", keys / "rsa2048.crt")


def test_same_digest(image, keys):
    """Our Authenticode digest is the one that others compute."""
    signed = by_us(image, keys, "rsa2048")
    output = must("osslsigncode", "verify", "-CAfile", keys / "rsa2048.crt", "-in", signed)
    theirs = next(line.split(":")[1].strip().lower() for line in output.splitlines()
                  if line.startswith("Calculated message digest"))
    assert must(BUILD / "ukdumpctl", "sign", "--print-digest", image).strip().endswith(theirs)


# ---- the remote signer: it sees a digest and gives back a file ----

def digest_of(image):
    return bytes.fromhex(must(BUILD / "ukdumpctl", "sign", "--print-digest", image).strip())


def attach(signature, cert, image, *more):
    return run(BUILD / "ukdumpctl", "attach", "--signature", signature, "--cert", cert, image,
               *more)


@pytest.fixture
def sealed_unsigned(tmp_path):
    """`build --no-sign`."""
    (tmp_path / "kernel").write_bytes(bzimage.minimal())
    (tmp_path / "initrd").write_bytes(os.urandom(5000))
    (tmp_path / "osrel").write_text("ID=test\n")
    out = tmp_path / "sealed.efi"
    must(BUILD / "ukdumpctl", "build", "--kernel", tmp_path / "kernel", "--initrd",
         tmp_path / "initrd", "--osrel", tmp_path / "osrel", "--cmdline", "panic=1", "--no-uefi",
         "--no-sign", "-o", out)
    return out


def test_remote_signer(sealed_unsigned, keys, tmp_path):
    image, p7 = sealed_unsigned, tmp_path / "image.p7"
    digest = digest_of(image)
    p7.write_bytes(authenticode.sign(digest, keys, "rsa3072"))
    assert attach(p7, keys / "rsa3072.crt", image)[0] == 0
    accepted(image, keys / "rsa3072.crt")
    must("sbverify", "--cert", keys / "rsa3072.crt", image)
    must_pass_osslsigncode(image, keys / "rsa3072.crt")
    assert digest_of(image) == digest  # a signature is no part of it
    p7.write_bytes(authenticode.sign(digest, keys, "rsa2048"))
    assert attach(p7, keys / "rsa2048.crt", image)[0] == 0
    assert len(pe.certificates(image.read_bytes())) == 1
    accepted(image, keys / "rsa2048.crt")


def test_remote_signer_sbsign(sealed_unsigned, keys, tmp_path):
    """sbsign wants the file, and makes a detached signature of it."""
    p7 = tmp_path / "image.p7"
    must("sbsign", "--detached", "--key", keys / "rsa2048.key", "--cert", keys / "rsa2048.crt",
         "--output", p7, sealed_unsigned)
    assert attach(p7, keys / "rsa2048.crt", sealed_unsigned)[0] == 0
    accepted(sealed_unsigned, keys / "rsa2048.crt")


def test_remote_signer_pem(sealed_unsigned, keys, tmp_path):
    """PEM is refused with the command that helps, and that command helps."""
    image, p7, pem = sealed_unsigned, tmp_path / "image.p7", tmp_path / "image.pem"
    p7.write_bytes(authenticode.sign(digest_of(image), keys, "rsa2048"))
    must("openssl", "pkcs7", "-inform", "DER", "-in", p7, "-out", pem)
    before = image.read_bytes()
    status, output = attach(pem, keys / "rsa2048.crt", image)
    assert status == 1 and "[attach.form]" in output, output
    assert image.read_bytes() == before
    command = output.split("'")[1].split()
    assert command[0] == "openssl"
    der = tmp_path / "again.p7"
    must(*command[:-1], der)
    assert attach(der, keys / "rsa2048.crt", image)[0] == 0


def test_remote_signer_sha384(sealed_unsigned, keys, tmp_path):
    """SHA-384 throughout is a good signature, the SHA-256 digest in SHA-384's name is none."""
    image, p7 = sealed_unsigned, tmp_path / "image.p7"
    p7.write_bytes(authenticode.sign(digest_of(image), keys, "rsa2048", "sha384"))
    before = image.read_bytes()
    status, output = attach(p7, keys / "rsa2048.crt", image)
    assert status == 1 and "[auth.content]" in output and "SHA-256" in output, output
    assert image.read_bytes() == before
    other = by_osslsigncode(image, keys, "rsa2048", "sha384")
    p7.write_bytes(pe.certificates(other.read_bytes())[0])
    assert attach(p7, keys / "rsa2048.crt", image)[0] == 0
    accepted(image, keys / "rsa2048.crt")


@pytest.mark.parametrize("name, check", [
    ("other-digest", "[auth.digest]"), ("other-key", "[auth.trust]"),
    ("forged", "[auth.signature]"), ("truncated", "["), ("garbage", "["), ("empty", ""),
    ("with-tail", "["), ("missing", ""), ("certificate", "["),
])
def test_remote_signer_refused(sealed_unsigned, keys, tmp_path, name, check):
    """The image stays as it was, and no other file is left."""
    image, p7 = sealed_unsigned, tmp_path / "image.p7"
    digest = digest_of(image)
    good = authenticode.sign(digest, keys, "rsa2048")
    made = {
        "other-digest": lambda: authenticode.sign(bytes(32), keys, "rsa2048"),
        "other-key": lambda: authenticode.sign(digest, keys, "foreign"),
        "forged": lambda: good[:-1] + bytes([good[-1] ^ 1]),
        "truncated": lambda: good[:-100],
        "garbage": lambda: os.urandom(1500),
        "empty": lambda: b"",
        "with-tail": lambda: good + b"tail",
        "certificate": lambda: (keys / "rsa2048.der").read_bytes(),
    }
    if name != "missing":
        p7.write_bytes(made[name]())
    before, files = image.read_bytes(), sorted(tmp_path.iterdir())
    status, output = attach(p7, keys / "rsa2048.crt", image)
    assert status == 1 and check in output and len(output.splitlines()) == 1, output
    assert image.read_bytes() == before
    assert sorted(tmp_path.iterdir()) == files
