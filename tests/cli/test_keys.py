# SPDX-License-Identifier: GPL-2.0-or-later
"""Private keys: passphrases, tokens, who else could read them, and where they are found."""

import json
import os
import resource
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from cli import CTL, ctl

import pe
import pki
from conftest import build
from terminal import Terminal

PASSPHRASE = "correct horse"
NOBODY = 65534


def as_nobody():
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


@pytest.fixture(scope="session")
def locked(signers, tmp_path_factory):
    """The signer's key with a passphrase, in both kinds of PEM."""
    d = tmp_path_factory.mktemp("locked")
    key = pki.load_key(signers / "signer.key")
    for name, form in (("pkcs8", serialization.PrivateFormat.PKCS8),
                       ("traditional", serialization.PrivateFormat.TraditionalOpenSSL)):
        (d / name).write_bytes(key.private_bytes(
            serialization.Encoding.PEM, form,
            serialization.BestAvailableEncryption(PASSPHRASE.encode())))
        (d / name).chmod(0o600)
    return d


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "image.efi"
    pe.uki().write(path)
    return path


def sign_at_terminal(key, signers, image, answer):
    terminal = Terminal(CTL, "sign", "--key", key, "--cert", signers / "signer.crt", image)
    terminal.wait_for(f"Passphrase for {key}: ")
    terminal.type(answer)
    output = terminal.end()
    return os.waitstatus_to_exitcode(terminal.status), output


# ---- passphrases ----

@pytest.mark.parametrize("form", ["pkcs8", "traditional"])
def test_passphrase(locked, signers, image, form):
    code, output = sign_at_terminal(locked / form, signers, image, PASSPHRASE + "\n")
    assert code == 0 and PASSPHRASE not in output, output
    ctl("verify", "--trust", signers / "signer.crt", image, code=0)


@pytest.mark.parametrize("answer, says", [
    ("wrong\n", "wrong passphrase"), ("\n", "passphrase"), ("\x03\n", "none was given"),
    ("\x04", "passphrase"), ("x" * 2000 + "\n", "passphrase"),
], ids=["wrong", "empty", "interrupt", "end", "long"])
@pytest.mark.parametrize("form", ["pkcs8", "traditional"])
def test_wrong_passphrase(locked, signers, image, form, answer, says):
    before = image.read_bytes()
    code, output = sign_at_terminal(locked / form, signers, image, answer)
    assert code == 1 and output.count("Passphrase for") == 1, output
    assert says in output and str(locked / form) in output, output
    assert len(answer) < 2 or answer.strip() not in output.replace("wrong passphrase", ""), output
    assert image.read_bytes() == before


def test_no_terminal(locked, signers, image):
    began = time.monotonic()
    done = ctl("sign", "--key", locked / "pkcs8", "--cert", signers / "signer.crt", image, code=1)
    assert "stdin is not a terminal" in done.err and time.monotonic() - began < 5, done


# ---- what others could read ----

@pytest.fixture
def work():
    """A directory that nobody can reach; pytest's own are root's alone."""
    with tempfile.TemporaryDirectory() as d:
        os.chown(d, NOBODY, NOBODY)
        yield Path(d)


def test_secrets_stay_in_the_process(locked, signers, work):
    """Waiting for the passphrase: no core dump, no look into its memory, not even by its user."""
    shutil.copy(locked / "pkcs8", work)
    shutil.copy(signers / "signer.crt", work)
    pe.uki().write(work / "image.efi")
    for path in work.iterdir():
        os.chown(path, NOBODY, NOBODY)
    program = work / "ukdumpctl"
    shutil.copy(CTL, program)

    def prepare():
        os.chdir(work)
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2)
        as_nobody()

    def readable(pid):
        return subprocess.run(["head", "-c1", f"/proc/{pid}/environ"], preexec_fn=as_nobody,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              check=False).returncode == 0

    ordinary = Terminal("/bin/sh", "-c", "stty -echo; printf ready; read x", prepare=prepare)
    ordinary.wait_for("ready")
    assert readable(ordinary.pid)  # so that the next assertion can fail
    os.kill(ordinary.pid, signal.SIGKILL)
    ordinary.end()

    terminal = Terminal(program, "sign", "--key", "pkcs8", "--cert", "signer.crt", "image.efi",
                        prepare=prepare)
    terminal.wait_for("Passphrase for pkcs8: ")
    assert not readable(terminal.pid)
    with open(f"/proc/{terminal.pid}/limits", encoding="ascii") as limits:
        core = next(line for line in limits if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"], core
    os.kill(terminal.pid, signal.SIGSEGV)
    terminal.type(PASSPHRASE + "\n")
    terminal.end()
    assert not (os.WIFSIGNALED(terminal.status) and os.WCOREDUMP(terminal.status))
    assert not list(work.glob("core*"))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644, 0o601])
def test_key_that_others_have_access_to(signers, image, tmp_path, mode):
    shutil.copy(signers / "signer.key", tmp_path / "k.pem")
    (tmp_path / "k.pem").chmod(mode)
    done = ctl("sign", "--key", tmp_path / "k.pem", "--cert", signers / "signer.crt", image, code=1)
    assert "[key.mode]" in done.err and "0600" in done.err, done


@pytest.mark.parametrize("mode, ok", [(0o777, False), (0o773, False), (0o1777, True), (0o755, True)])
def test_directory_that_others_may_write_to(signers, image, tmp_path, mode, ok):
    inner = tmp_path / "outer" / "inner"
    inner.mkdir(parents=True)
    shutil.copy(signers / "signer.key", inner / "k.pem")
    (tmp_path / "link").symlink_to(inner)
    (tmp_path / "outer").chmod(mode)
    for key in (inner / "k.pem", tmp_path / "link" / "k.pem"):
        done = ctl("sign", "--key", key, "--cert", signers / "signer.crt", image, code=not ok)
        assert ok or "[key.directory]" in done.err, done
    done = ctl("sign", "--key", "k.pem", "--cert", signers / "signer.crt", image, code=not ok,
               cwd=inner)
    assert ok or "[key.directory]" in done.err, done


def test_sign_keeps_mode_and_owner(signers, image):
    os.chown(image, 1234, 4321)
    image.chmod(0o640)
    ctl("sign", "--key", signers / "signer.key", "--cert", signers / "signer.crt", image, code=0)
    now = image.stat()
    assert (now.st_uid, now.st_gid, stat.S_IMODE(now.st_mode)) == (1234, 4321, 0o640)
    out = image.with_name("new.efi")
    ctl("sign", "--key", signers / "signer.key", "--cert", signers / "signer.crt", image, "-o", out,
        code=0)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_private_image_stays_private(signers, image):
    """As build makes it: it may hold keys, and a file that is there already may be for all to read."""
    out, key = image.with_name("public.efi"), ["--key", signers / "signer.key"]
    for mode, then in ((0o600, 0o600), (0o644, 0o664)):
        image.chmod(mode)
        out.unlink(missing_ok=True)
        out.touch()
        out.chmod(0o664)
        ctl("sign", *key, "--cert", signers / "signer.crt", image, "-o", out, code=0)
        assert stat.S_IMODE(out.stat().st_mode) == then


# ---- tokens ----

SECRET = "73551608"


@pytest.mark.parametrize("uri", [
    f"pkcs11:token=t;object=o?pin-value={SECRET}", f"pkcs11:token=t;pin-value={SECRET};object=o",
    f"pkcs11:token=t?module-name=m&pin-value={SECRET}", f"PKCS11:token=t?PIN-VALUE={SECRET}",
    f"pkcs11:token=t?pin%2dvalue={SECRET}", f"pkcs11:token=t?%70%69n-valu%65={SECRET}",
    f"pkcs11:?pin-value={SECRET}", f"pkcs11:token=t?pin-source=/x&pin-value={SECRET}",
])
def test_pin_in_the_uri(signers, image, machine, parts, tmp_path, uri):
    done = ctl("sign", "--key", uri, "--cert", signers / "signer.crt", image, code=1)
    assert "[key.pin]" in done.err and SECRET not in done.err + done.out, done
    (machine / "etc/ukdump/ukdump.conf").write_text(
        f"[Image]\nKey={uri}\nCertificate=/etc/ukdump/trust.d/signer.crt\n")
    done = build(parts, tmp_path / "a.efi", "--root", machine, code=1)
    assert "[key.pin]" in done.err and SECRET not in done.err + done.out, done
    for options in ([], ["--json"]):
        done = ctl("sign", "--list-keys", "--root", machine, *options, code=0)
        assert "key.pin" in done.out and SECRET not in done.err + done.out, done


def test_pin_file_that_others_can_read(signers, image, tmp_path):
    pin = tmp_path / "pin"
    pin.write_text("1234")
    uri = f"pkcs11:token=t?pin-source=file:{pin}"
    done = ctl("sign", "--key", uri, "--cert", signers / "signer.crt", image, code=1)
    assert "[key.mode]" in done.err and str(pin) in done.err, done
    pin.unlink()
    done = ctl("sign", "--key", uri, "--cert", signers / "signer.crt", image, code=1)
    assert f"pin-source {pin}: No such file" in done.err, done


PROVIDER = "/usr/lib/x86_64-linux-gnu/ossl-modules/pkcs11.so"


@pytest.mark.skipif(os.path.exists(PROVIDER), reason="the pkcs11 provider is installed")
def test_no_provider(signers, image):
    done = ctl("sign", "--key", "pkcs11:token=t;object=o?pin-source=/dev/null", "--cert",
               signers / "signer.crt", image, code=1)
    assert "[key.mode]" in done.err
    done = ctl("sign", "--key", "pkcs11:token=t;object=o", "--cert", signers / "signer.crt", image,
               code=1)
    for word in ("[key.provider]", "pkcs11-provider", "--print-digest", "attach"):
        assert word in done.err, done


# ---- where keys are found ----

PLACES = {
    "sbctl": ("var/lib/sbctl/keys/db/db.key", "var/lib/sbctl/keys/db/db.pem"),
    "old sbctl": ("usr/share/secureboot/keys/db/db.key", "usr/share/secureboot/keys/db/db.pem"),
    "DKMS": ("var/lib/dkms/mok.key", "var/lib/dkms/mok.pub"),
    "shim-signed": ("var/lib/shim-signed/mok/MOK.priv", "var/lib/shim-signed/mok/MOK.der"),
    "uki.conf": ("etc/kernel/key.pem", "etc/kernel/cert.pem"),
}
UKI_CONF = ("# ukify\n[PCRSignature:a]\nPCRPrivateKey=x\nSigningEngine=wrong\n[UKI]\n"
            "Splash = /a # b\nSecureBootPrivateKey = /etc/kernel/key.pem # key\n"
            "SecureBootCertificate=/etc/kernel/cert.pem\n")


@pytest.fixture(scope="session")
def makers(tmp_path_factory):
    """A key for each place, and one whose certificate is for kernel modules."""
    d = tmp_path_factory.mktemp("makers")
    for name in PLACES:
        pki.make(d, name, f"key of {name}", code_signing=name != "DKMS")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj",
                    "/CN=module key", "-days", "9", "-keyout", d / "modules.key", "-out",
                    d / "modules.der", "-outform", "DER", "-addext",
                    "extendedKeyUsage=codeSigning,1.3.6.1.4.1.2312.16.1.2"],
                   check=True, capture_output=True)
    return d


def put(machine, makers, place, key=None):
    for path, ending in zip(PLACES[place], ("key", "der" if place in ("DKMS", "shim-signed")
                                            else "crt")):
        (machine / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(makers / f"{key or place}.{ending}", machine / path)
    (machine / PLACES[place][0]).chmod(0o600)
    if place == "uki.conf":
        (machine / "etc/kernel/uki.conf").write_text(UKI_CONF)


def kernel_trusts(machine, cert):
    """/proc/keys with this certificate in the kernel's .platform keyring."""
    certificate = pki.load_certificate(cert)
    skid = certificate.extensions.get_extension_for_class(
        pki.x509.SubjectKeyIdentifier).value.digest.hex()
    name = certificate.subject.rfc4514_string().split("=")[1]
    (machine / "proc/keys").write_text(
        "0a000001 I------     1 perm 1f030000     0     0 keyring   .platform: 1\n"
        f"0a000002 I------     1 perm 1f010000     0     0 asymmetri {name}: {skid}: "
        f"X509.rsa {skid[-8:]} []\n")


def listed(machine):
    done = ctl("sign", "--list-keys", "--json", "--root", machine, code=0)
    return json.loads(done.out)["keys"]


def sign_in(machine, image, *options, **keywords):
    return ctl("sign", "--root", machine, *options, image, **keywords)


def test_list_keys(machine, makers):
    assert not listed(machine)
    for place in PLACES:
        put(machine, makers, place)
    put(machine, makers, "shim-signed", "modules")
    kernel_trusts(machine, makers / "sbctl.crt")
    keys = listed(machine)
    assert [k["place"] for k in keys] == ["uki.conf", "sbctl", "sbctl", "DKMS", "shim-signed"]
    assert [k["usable"] for k in keys] == [True, True, True, True, False]
    assert [k["kernel"] for k in keys] == ["untrusted", "trusted", "untrusted", "untrusted", None]
    assert keys[0]["subject"] == "CN = key of uki.conf"
    assert keys[4]["check"] == "auth.eku" and "modules" in keys[4]["reason"]
    text = ctl("sign", "--list-keys", "--root", machine, code=0).out
    assert "sbctl: usable" in text and "shim-signed: not usable" in text and "[auth.eku]" in text
    assert "trusts it" in text


def test_one_half_is_no_candidate(machine, makers):
    put(machine, makers, "sbctl")
    (machine / PLACES["sbctl"][1]).unlink()
    assert not listed(machine)


@pytest.mark.parametrize("fault, check", [
    ("mode", "key.mode"), ("pair", "key.pair"), ("garbage", None), ("locked", None),
])
def test_candidates_are_judged(machine, makers, locked, fault, check):
    put(machine, makers, "sbctl")
    put(machine, makers, "DKMS")
    key = machine / PLACES["sbctl"][0]
    if fault == "mode":
        key.chmod(0o644)
    elif fault == "pair":
        shutil.copy(makers / "DKMS.key", key)
    elif fault == "garbage":
        key.write_text("garbage")
    else:
        shutil.copy(locked / "pkcs8", key)
    first = listed(machine)[0]
    assert first["check"] == check and first["usable"] == first["asks"] == (fault == "locked")


@pytest.mark.parametrize("setting, says", [
    ("SigningEngine=pkcs11", "SigningEngine="), ("SigningProvider=tpm2", "SigningProvider="),
    ("CertificateProvider=pkcs11", "CertificateProvider="),
    ("SecureBootSigningTool=pesign", "pesign"), ("SecureBootCertificate=", "not both"),
    ("SigningProvider=pkcs11", None), ("SecureBootSigningTool=sbsign", None),
])
def test_uki_conf(machine, makers, setting, says):
    put(machine, makers, "uki.conf")
    with open(machine / "etc/kernel/uki.conf", "a", encoding="ascii") as conf:
        conf.write(setting + "\n")
    key, = listed(machine)
    assert key["usable"] == (says is None)
    assert says is None or (says in key["reason"] and key["check"] == "key.unsupported"), key


def test_uki_conf_search_path(machine, makers):
    """As kernel-install: the first of these files, and no other."""
    put(machine, makers, "uki.conf")
    (machine / "etc/kernel/uki.conf").unlink()
    for place in ("run/kernel", "usr/local/lib/kernel", "usr/lib/kernel"):
        (machine / place).mkdir(parents=True)
        (machine / place / "uki.conf").write_text(UKI_CONF)
        assert [k["place"] for k in listed(machine)] == ["uki.conf"]
        (machine / place / "uki.conf").write_text("[UKI]\n")
        assert not listed(machine)
        (machine / place / "uki.conf").unlink()


def test_auto(machine, makers, image):
    done = sign_in(machine, image, "--key", "auto", code=1)
    assert "[key.auto]" in done.err and "--list-keys" in done.err
    put(machine, makers, "DKMS")
    put(machine, makers, "sbctl")
    (machine / PLACES["sbctl"][0]).chmod(0o640)
    done = sign_in(machine, image, "--key", "auto", code=0)
    assert "/var/lib/dkms/mok.key (DKMS)" in done.err and "key of DKMS" in done.out
    ctl("verify", "--trust", makers / "DKMS.crt", image, code=0)


def test_sign_without_key(machine, makers, parts, signers, image, tmp_path):
    """Key= of ukdump.conf, else the host key, else the first usable one."""
    put(machine, makers, "sbctl")
    assert "(sbctl)" in sign_in(machine, image, code=0).err
    build(parts, tmp_path / "a.efi", "--root", machine, code=0)
    assert "local.key (host key)" in sign_in(machine, image, code=0).err
    assert "(sbctl)" in sign_in(machine, image, "--key", "auto", code=0).err
    shutil.copy(signers / "signer.key", machine / "etc/ukdump/k.pem")
    conf = machine / "etc/ukdump/ukdump.conf"
    conf.write_text("[Image]\nKey=/etc/ukdump/k.pem\n"
                    "Certificate=/etc/ukdump/trust.d/signer.crt\n")
    assert "k.pem (ukdump.conf)" in sign_in(machine, image, code=0).err
    ctl("verify", "--trust", signers / "signer.crt", image, code=0)
    conf.write_text("[Image]\nKey=auto\n")
    assert "(sbctl)" in sign_in(machine, image, code=0).err
    assert "(sbctl)" in build(parts, tmp_path / "b.efi", "--root", machine, code=0).err
    conf.write_text("[Image]\nKey=auto\nCertificate=/x\n")
    assert "Key=auto without" in sign_in(machine, image, code=1).err


def test_build_makes_a_host_key_and_says_what_else_there_is(machine, makers, parts, tmp_path):
    put(machine, makers, "uki.conf")
    put(machine, makers, "sbctl")
    kernel_trusts(machine, makers / "sbctl.crt")
    done = build(parts, tmp_path / "a.efi", "--root", machine, code=0)
    key, cert = PLACES["sbctl"]
    assert "made the host key" in done.err
    assert f"Key=/{key} and Certificate=/{cert}" in done.err, done
    done = build(parts, tmp_path / "b.efi", "--root", machine, code=0)
    assert "made the host key" not in done.err and f"Key=/{key}" not in done.err


@pytest.mark.parametrize("options", [
    ["--key", "k"], ["--cert", "c"], ["--key", "auto", "--cert", "c"],
], ids=" ".join)
def test_misuse(image, options):
    for verb in (["sign", image], ["build"]):
        done = ctl(*verb, *options, code=2)
        assert "go together" in done.err, done
    ctl("sign", "--list-keys", image, code=2)
    ctl("sign", code=2)
