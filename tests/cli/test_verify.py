# SPDX-License-Identifier: GPL-2.0-or-later
"""What `ukdumpctl verify` prints of each kind of file, and what the running kernel is said to do.

The running kernel is one in a mount namespace, where /proc/keys, lockdown and EFI variables are
files of the test. Keyrings by their members: tests/unit/test_keyring.c, tests/vm/test_verify.py.
"""

import json
import os
import re
import struct
import subprocess
import uuid

import pytest

from cli import CTL, ctl, run

import bzimage
import pe
import pki

LINE = re.compile(r"  (.{9}) (.{4})  (.*)")
UNAME = bzimage.VERSION.split()[0]


def verify(path, *options, code, around=()):
    """Both forms of one judgement: lines as [(what, state, text)], facts."""
    argv = [*around, CTL, "verify", *options]
    first, *lines = run(*argv, path, code=code).out.splitlines()
    facts, = json.loads(run(*argv, "--json", path, code=code).out)
    assert first == f"{path}: {'accepted' if facts['accepted'] else 'refused'}"
    return [tuple(g.strip() for g in LINE.fullmatch(l).groups()) for l in lines], facts


def one(lines, what):
    """State and text of the only line about this."""
    (state, text), = [l[1:] for l in lines if l[0] == what]
    return state, text


def none(lines, what):
    assert not [l for l in lines if l[0] == what]


@pytest.fixture
def trust(signers):
    return ["--trust", signers / "signer.crt"]


@pytest.fixture
def sign(signers):
    def sign_as(path, who="signer"):
        ctl("sign", "--key", signers / f"{who}.key", "--cert", signers / f"{who}.crt", path, code=0)
        return path
    return sign_as


@pytest.fixture
def plain(tmp_path, signers, sign):
    """plain(inner=..., more): a signed plain UKI, its kernel signed by somebody or nobody (None)."""
    def make(inner="signer", more=(), name="a.efi", **contents):
        kernel = tmp_path / "kernel"
        kernel.write_bytes(bzimage.minimal())
        if inner:
            run("sbsign", "--key", signers / f"{inner}.key", "--cert", signers / f"{inner}.crt",
                "--output", kernel, kernel, code=0)
        image = pe.uki(linux=kernel.read_bytes(), uname=UNAME.encode(), **contents)
        image.sections += [pe.Section(n, data) for n, data in more]
        image.write(tmp_path / name)
        return sign(tmp_path / name)
    return make


@pytest.fixture
def beside(plain, tmp_path, sign):
    """beside(name, ...): an addon in the .extra.d directory of a.efi."""
    (tmp_path / "a.efi.extra.d").mkdir()

    def make(name, who="signer", uname=None, **contents):
        sections = {"text": b"\xf4", "sbat": b"sbat,1,SBAT Version,sbat,1,https://example.org\n",
                    "cmdline": b"debug", **contents}
        if uname:
            sections["uname"] = uname
        path = tmp_path / "a.efi.extra.d" / name
        pe.Image([pe.Section("." + n, d, pe.CODE if n == "text" else pe.DATA)
                  for n, d in sections.items()]).write(path)
        return sign(path, who) if who else path
    return make


def test_sealed(sealed, trust):
    lines, facts = verify(sealed["signer"], *trust, code=0)
    assert [l[:2] for l in lines] == [("structure", "ok"), ("sealed", "ok"), ("signature", "ok"),
                                      ("trust", "ok"), ("revoked", "ok"), ("image id", "")]
    assert one(lines, "signature")[1] == "RSA-2048, SHA256, by 'CN = ukdump test signer'"
    assert facts["kind"] == "sealed UKI" and facts["sealed"] is True
    assert facts["verdict"] == "trusted" and facts["revoked"] is False
    assert facts["inner"] is None and facts["profiles"] == [] and facts["beside"] == []
    assert not [k for k in facts if k.startswith("host")]


def test_what_is_not_trusted(sealed, trust):
    lines, facts = verify(sealed["foreign"], *trust, code=1)
    assert one(lines, "signature")[0] == "ok" and one(lines, "revoked")[0] == "ok"
    assert one(lines, "trust")[0] == "FAIL" and "[auth.trust]" in one(lines, "trust")[1]
    assert facts["verdict"] == "untrusted" and facts["revoked"] is False

    lines, facts = verify(sealed["none"], *trust, code=1)
    assert one(lines, "signature") == ("FAIL", "the image carries no signature [auth.unsigned]")
    none(lines, "trust")
    none(lines, "revoked")
    assert facts["verdict"] == "unsigned" and facts["revoked"] is None


@pytest.mark.parametrize("inner, state, verdict, says", [
    ("signer", "ok", "trusted", "RSA-2048, SHA256, by 'CN = ukdump test signer'"),
    ("foreign", "ok", "untrusted", "the kernel's keyrings decide"),
    (None, "no", "unsigned", "'ukdumpctl seal' it needs none"),
])
def test_plain(plain, trust, inner, state, verdict, says):
    """What is wrong with the kernel inside does not make the file a bad one."""
    lines, facts = verify(plain(inner), *trust, code=0)
    assert one(lines, "sealed")[0] == "no"
    got, text = one(lines, "kernel")
    assert got == state and text.startswith(".linux") and says in text
    assert facts["kind"] == "plain UKI" and facts["sealed"] is False
    assert facts["inner"]["verdict"] == verdict
    assert facts["inner"]["signer"] == (inner and f"CN = ukdump test {inner}")
    assert bool(facts["inner"]["check"]) == (verdict != "trusted")


def test_plain_with_a_kernel_that_is_none(tmp_path, sign, trust):
    pe.uki().write(tmp_path / "a.efi")
    lines, facts = verify(sign(tmp_path / "a.efi"), *trust, code=0)
    assert one(lines, "kernel")[0] == "no" and "[kernel.pe]" in one(lines, "kernel")[1]
    assert facts["inner"]["verdict"] == "malformed" and facts["inner"]["check"] == "kernel.pe"


def test_profiles(plain, trust):
    more = [(".profile", b"ID=main\n"), (".profile", b"ID=debug\nTITLE=Deb\xc3\xa9\n"),
            (".cmdline", b"debug")]
    lines, facts = verify(plain(more=more), *trust, code=0)
    assert [l[1:] for l in lines if l[0] == "profile"] == [("0", "main"), ("1", "debug: Deb??")]
    assert facts["profiles"] == [{"number": 0, "id": "main", "title": None},
                                 {"number": 1, "id": "debug", "title": "Deb??"}]


def test_addon(beside, trust):
    lines, facts = verify(beside("x.addon.efi"), *trust, "--for-host", code=0)
    assert [l[:2] for l in lines] == [("structure", "ok"), ("addon", "ok"), ("signature", "ok"),
                                      ("trust", "ok"), ("revoked", "ok"), ("host", ""),
                                      ("image id", "")]
    assert one(lines, "host")[1].startswith("loaded only with a plain UKI")
    assert facts["kind"] == "addon" and facts["inner"] is None
    assert facts["host"] == "unknown" and facts["host_refuses"] is False


def test_beside(plain, beside, trust, tmp_path):
    image = plain()
    beside("1.addon.efi")
    beside("2.addon.efi", uname=b"6.1.0-other")
    (tmp_path / "a.efi.extra.d" / "e\x1b[2J.cred").write_text("secret")
    lines, facts = verify(image, *trust, code=0)
    directory = f"{image}.extra.d/"
    assert [(l[1], l[2]) for l in lines if l[0] == "beside"] == [
        ("ok", directory + "1.addon.efi: applied by 'start'"),
        ("no", directory + "2.addon.efi: for another kernel, not applied"),
        ("no", directory + "e?[2J.cred: not applied by kexec")]
    assert facts["beside"][2]["file"] == directory + "e?[2J.cred"
    assert [(b["applied"], b["check"], b["reason"]) for b in facts["beside"]] == [
        (True, None, None), (False, None, "for another kernel"),
        (False, None, "not applied by kexec")]


@pytest.mark.parametrize("who, check", [("foreign", "auth.trust"), (None, "auth.unsigned")])
def test_addon_that_start_refuses(plain, beside, trust, who, check):
    image = plain()
    beside("1.addon.efi", who)
    lines, facts = verify(image, *trust, code=1)
    assert facts["accepted"] is True and facts["beside"][0]["check"] == check
    state, text = one(lines, "beside")
    assert state == "FAIL" and f"[{check}]; 'start' refuses the image with it" in text


def test_garbage_beside(plain, beside, trust, tmp_path):
    image = plain()
    (tmp_path / "a.efi.extra.d" / "1.addon.efi").write_bytes(b"garbage")
    assert verify(image, *trust, code=1)[1]["beside"][0]["check"].startswith("pe.")
    (tmp_path / "a.efi.extra.d" / "1.addon.efi").write_bytes(image.read_bytes())
    assert verify(image, *trust, code=1)[1]["beside"][0]["check"] == "plan.addon"


def test_beside_a_sealed_image(sealed, trust, tmp_path):
    image = tmp_path / "s.efi"
    image.write_bytes(sealed["signer"].read_bytes())
    (tmp_path / "s.efi.extra.d").mkdir()
    (tmp_path / "s.efi.extra.d" / "x.addon.efi").write_bytes(b"not even read")
    lines, facts = verify(image, *trust, code=0)
    assert one(lines, "beside")[0] == "no" and "one piece" in one(lines, "beside")[1]
    assert facts["beside"][0]["applied"] is False


# ---- the running kernel ----

def key_id(certificate):
    return next(e.value.digest for e in pki.load_certificate(certificate).extensions
                if e.oid.dotted_string == "2.5.29.14").hex()


@pytest.fixture
def host(tmp_path, signers):
    """host(keys=..., lockdown=..., dbx=...): argv that puts a command into such a machine."""
    if os.geteuid() or subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        pytest.skip("needs mount namespaces")

    def make(keys=(), lockdown="none [integrity] confidentiality", dbx=b"", builtin=True):
        text = ""
        if builtin:
            text += "00000776 I------ 1 perm 1f0b0000 0 0 keyring   .builtin_trusted_keys: 1\n"
        for who in keys:
            text += (f"00000777 I------ 1 perm 1f030000 0 0 asymmetri Test: {who}: "
                     f"{key_id(signers / (who + '.crt'))}: X509.rsa 00000000 []\n")
        (tmp_path / "keys").write_text(text)
        (tmp_path / "lockdown").write_text(lockdown + "\n")
        (tmp_path / "dbx").write_bytes(b"\x27\0\0\0" + dbx)
        script = f"""
            cd {tmp_path}; mount --bind keys /proc/keys
            mount -t tmpfs none /sys/kernel/security; cp lockdown /sys/kernel/security
            mount -t tmpfs none /sys/firmware; mkdir -p /sys/firmware/efi/efivars
            cp dbx /sys/firmware/efi/efivars/dbx-d719b2cb-3d3a-4596-a3bc-dad00e67656f
            exec "$@"
        """
        return ["unshare", "-m", "sh", "-euc", script, "sh"]
    return make


OPEN = "[none] integrity confidentiality"


@pytest.mark.parametrize("keys, lockdown, code, state, word, says", [
    (["signer"], None, 0, "ok", "trusted", "takes it by key 'Test: signer' in a keyring that"),
    ([], None, 1, "FAIL", "untrusted", "vouches for 'CN = ukdump test signer' [host.keyring]"),
    (["foreign"], None, 1, "FAIL", "untrusted", "[host.keyring]"),
    (["signer"], OPEN, 0, "ok", "trusted", "takes it unverified; otherwise would take it by key"),
    ([], OPEN, 0, "no", "untrusted", "takes it unverified; otherwise would refuse it: no key"),
])
def test_sealed_for_host(host, sealed, trust, keys, lockdown, code, state, word, says):
    around = host(keys, **({"lockdown": lockdown} if lockdown else {}))
    lines, facts = verify(sealed["signer"], *trust, "--for-host", code=code, around=around)
    assert one(lines, "host")[0] == state and says in one(lines, "host")[1]
    assert facts["accepted"] is True and facts["host"] == word
    assert facts["host_enforced"] is (lockdown is None)
    assert facts["host_refuses"] is (code == 1)
    assert facts["host_keyring"] is None
    assert facts["host_key"] == ("Test: signer" if word == "trusted" else None)
    assert facts["host_check"] == (None if word == "trusted" else "host.keyring")


def test_host_without_root(host, sealed, trust):
    lines, facts = verify(sealed["signer"], *trust, "--for-host", code=0,
                          around=host(builtin=False))
    assert one(lines, "host")[0] == "?" and "run as root" in one(lines, "host")[1]
    assert facts["host"] == "unknown" and "run as root" in facts["host_reason"]


def test_host_of_what_is_not_signed_well(host, sealed, trust, tmp_path):
    lines, facts = verify(sealed["none"], *trust, "--for-host", code=1, around=host(["signer"]))
    assert one(lines, "host")[0] == "FAIL"
    assert facts["host_check"] == "auth.unsigned" and facts["host_refuses"] is True
    data = bytearray(sealed["signer"].read_bytes())
    data[data.index(b"070701 no cpio")] ^= 1
    (tmp_path / "flipped.efi").write_bytes(data)
    lines, facts = verify(tmp_path / "flipped.efi", *trust, "--for-host", code=1,
                          around=host(["signer"]))
    assert one(lines, "host")[0] == "FAIL" and facts["host_check"] == "auth.digest"


def test_host_may_trust_whom_we_do_not(host, sealed, trust):
    lines, facts = verify(sealed["foreign"], *trust, "--for-host", code=1,
                          around=host(["foreign"]))
    assert one(lines, "host")[0] == "ok" and facts["host"] == "trusted"
    assert facts["accepted"] is False


@pytest.mark.parametrize("inner, keys, code, state, says, check", [
    ("signer", ["signer"], 0, "ok", "verifies only .linux, by key 'Test: signer' in", None),
    ("foreign", ["foreign"], 0, "ok", "all else are verified by ukdump alone", None),
    ("foreign", ["signer"], 1, "FAIL", "only .linux, and refuses it: no key", "host.keyring"),
    (None, ["signer"], 1, "FAIL", "and refuses it: ", "kernel.unsigned"),
])
def test_plain_for_host(host, plain, trust, inner, keys, code, state, says, check):
    """The kernel inside counts, not the file's own signer."""
    lines, facts = verify(plain(inner), *trust, "--for-host", code=code, around=host(keys))
    assert one(lines, "host")[0] == state and says in one(lines, "host")[1]
    assert facts["host_check"] == check and facts["host_refuses"] is (code == 1)


def test_plain_for_an_open_host(host, plain, trust):
    lines, _ = verify(plain(None), *trust, "--for-host", code=0, around=host(lockdown=OPEN))
    state, text = one(lines, "host")
    assert state == "no"
    assert "takes it unverified, initrd, command line and all else are verified by ukdump" in text
    assert "otherwise would refuse it: " in text


def test_revoked(host, sealed, trust):
    facts, = json.loads(ctl("verify", "--json", *trust, sealed["signer"], code=0).out)
    entry = uuid.UUID(int=0).bytes + bytes.fromhex(facts["image"])
    sha256 = uuid.UUID("c1c41626-504c-4092-aca9-41f936934328").bytes_le
    dbx = sha256 + struct.pack("<III", 28 + len(entry), 0, len(entry)) + entry
    lines, facts = verify(sealed["signer"], *trust, "--for-host", code=1,
                          around=host(["signer"], dbx=dbx))
    assert one(lines, "signature")[0] == "ok" and one(lines, "revoked")[0] == "FAIL"
    none(lines, "trust")
    assert facts["verdict"] == "revoked" and facts["revoked"] is True
    assert facts["revocation_lists"].startswith("dbx 1")
    assert facts["host"] == "trusted"  # the kernel's kexec does not look at dbx image hashes
    other = dbx.replace(bytes.fromhex(facts["image"]), bytes(32))
    lines, _ = verify(sealed["signer"], *trust, code=0, around=host(dbx=other))
    assert one(lines, "revoked") == ("ok", "not on the lists: " + facts["revocation_lists"])
