# SPDX-License-Identifier: GPL-2.0-or-later
"""`ukdumpctl inspect`: what it says of UKIs and addons, PCR 11 and signed policies.

PCR values and policies are computed here by the rules of systemd-stub(7) and the TPM 2.0 Library,
in another language than in the program; tests/vm/test_measure.py asks systemd itself.
"""

import base64
import hashlib
import json
import struct

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from cli import ctl

import bzimage
import pe

ORDER = ["linux", "osrel", "cmdline", "initrd", "ucode", "splash", "dtb", "uname", "sbat",
         "pcrpkey", "profile", "hwids"]
PHASES = ["enter-initrd", "leave-initrd", "sysinit", "ready"]
TPM_ALGORITHMS = {"sha1": 4, "sha256": 11, "sha384": 12, "sha512": 13}
SBAT = b"sbat,1,SBAT Version,sbat,1,https://example.org\nvendor,3,Vendor,v,1,https://example.org\n"


def pcr11(bank, sections, words=()):
    """PCR 11 after the stub has measured these sections and userspace those phases."""
    def digest(data):
        return hashlib.new(bank, data).digest()

    value = bytes(hashlib.new(bank).digest_size)
    events = [e for name in ORDER if name in sections
              for e in (f".{name}\0".encode(), sections[name])]
    for event in events + [w.encode() for w in words]:
        value = digest(value + digest(event))
    return value


def policy(bank, value, pcr=11):
    """The digest of a policy session after PolicyPCR."""
    selection = struct.pack(">IHB3s", 1, TPM_ALGORITHMS[bank], 3,
                            (1 << pcr).to_bytes(3, "little"))
    return hashlib.sha256(bytes(32) + struct.pack(">I", 0x17f) + selection +
                          hashlib.sha256(value).digest()).digest()


class Key:
    def __init__(self):
        self.key = rsa.generate_private_key(65537, 2048)
        public = self.key.public_key()
        self.pem = public.public_bytes(serialization.Encoding.PEM,
                                       serialization.PublicFormat.SubjectPublicKeyInfo)
        self.fingerprint = hashlib.sha256(public.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.PKCS1)).hexdigest()

    def entry(self, pol, digest=hashes.SHA256, ref=None, **changes):
        """What systemd-measure writes for one policy; changes replace fields, None removes one."""
        data = pol + (hashlib.sha256(ref.encode()).digest() if ref else b"")
        fields = {"pcrs": [11], "pkfp": self.fingerprint, "pol": pol.hex(),
                  "sig": base64.b64encode(self.key.sign(data, padding.PKCS1v15(),
                                                        digest())).decode()}
        if ref:
            fields["ref"] = ref
        fields.update(changes)
        return {k: v for k, v in fields.items() if v is not None}


@pytest.fixture(scope="module")
def key():
    return Key()


@pytest.fixture(scope="module")
def other_key():
    return Key()


def plain(path, *more, **contents):
    """A plain UKI with these sections, and more (name, data) behind them; what is in it."""
    image = pe.uki(sbat=SBAT, **contents)
    image.sections += [pe.Section("." + name, data) for name, data in more]
    image.write(path)
    return {s.name[1:]: s.data for s in image.sections[:len(image.sections) - len(more)]}


def inspect(path, *options):
    """Facts of both forms: JSON, text."""
    facts = json.loads(ctl("inspect", "--json", *options, path, code=0).out)
    return facts, ctl("inspect", *options, path, code=0).out


def reported(report):
    return {(v["bank"], v["phase"]): v["value"] for v in report["values"]}


def expected(sections):
    return {(bank, ":".join(PHASES[:n]) or None): pcr11(bank, sections, PHASES[:n]).hex()
            for bank in TPM_ALGORITHMS for n in range(len(PHASES) + 1)}


def test_values(tmp_path):
    sections = plain(tmp_path / "a.efi", uname=b"6.12", splash=b"BM", ucode=b"0707",
                     hwids=b"x" * 100, pcrsig=b"{}", efifw=b"fw", initrd=b"i" * 3000000)
    facts, text = inspect(tmp_path / "a.efi", "--pcr")
    assert [r["profile"] for r in facts["pcr"]] == [0]
    assert reported(facts["pcr"][0]) == expected(sections)
    assert all(v in text for v in expected(sections).values())
    assert any("not predicted" in n for n in facts["pcr_notes"])
    assert any("no systemd-stub" in n for n in facts["pcr_notes"])


def test_only_when_asked(tmp_path):
    plain(tmp_path / "a.efi")
    facts, text = inspect(tmp_path / "a.efi")
    assert "pcr" not in facts and "PCR" not in text


def test_values_of_sealed(sealed):
    """The stub does not know .kexec, so the rules are the same."""
    data = sealed["signer"].read_bytes()
    facts, _ = inspect(sealed["signer"], "--pcr")
    sections = {s["name"][1:]: data[s["offset"]:s["offset"] + s["bytes"]]
                for s in facts["sections"]}
    assert facts["kind"] == "sealed UKI" and "kexec" in sections
    assert reported(facts["pcr"][0]) == expected(sections)


@pytest.mark.parametrize("magic, note", [
    (b"#### LoaderInfo: systemd-stub 257.13-1~deb13u1 ####\0", None),
    (b"#### LoaderInfo: systemd-stub 252.39-1 ####\0", "measures fewer sections"),
    (b"#### LoaderInfo: systemd-stub", "no systemd-stub"),
    (b"#### LoaderInfo: else 300 ####\0", "no systemd-stub"),
    (b"\x1b[2J" * 100, "no systemd-stub"),
    (b"LoaderInfo: systemd-stub 257" + b"\x1b" * 200, None),
])
def test_stub(tmp_path, magic, note):
    plain(tmp_path / "a.efi", sdmagic=magic)
    facts, text = inspect(tmp_path / "a.efi", "--pcr")
    assert "\x1b" not in text
    assert [n for n in facts["pcr_notes"] if note and note in n] or not facts["pcr_notes"]
    assert bool(facts["pcr_notes"]) == bool(note)


def test_profiles(tmp_path, key):
    own = {"profile": b"ID=debug\nTITLE='Debug \xc3\xa9'\n", "cmdline": b"debug",
           "splash": b"BM"}
    base = plain(tmp_path / "a.efi", ("profile", b"ID=main\n"), *own.items(),
                 ("profile", b"ID=x\n"), pcrpkey=key.pem)
    facts, text = inspect(tmp_path / "a.efi", "--pcr")
    assert facts["profiles"] == 3
    assert facts["profile_list"] == [
        {"number": 0, "id": "main", "title": None, "sections": []},
        {"number": 1, "id": "debug", "title": "Debug ??", "sections": [
            {"name": ".cmdline", "replaces": True}, {"name": ".splash", "replaces": False}]},
        {"number": 2, "id": "x", "title": None, "sections": []}]
    assert "@1          ID=debug 'Debug ??'; replaces .cmdline; adds .splash\n" in text
    assert [reported(r) for r in facts["pcr"]] == [
        expected({**base, "profile": b"ID=main\n"}), expected({**base, **own}),
        expected({**base, "profile": b"ID=x\n"})]


def test_policies(tmp_path, key, other_key):
    sections = plain(tmp_path / "a.efi", pcrpkey=key.pem)
    pol = {bank: policy(bank, pcr11(bank, sections, PHASES[:2])) for bank in TPM_ALGORITHMS}
    stub = policy("sha256", pcr11("sha256", sections))
    strange = hashlib.sha256(b"another").digest()
    entries = {
        "sha256": [key.entry(pol["sha256"]), key.entry(stub), key.entry(strange),
                   other_key.entry(pol["sha256"]), key.entry(pol["sha256"], ref="initrd"),
                   key.entry(pol["sha256"], ref="initrd", sig=key.entry(pol["sha256"])["sig"]),
                   key.entry(pol["sha256"], sig=None, pkfp=None, further={"x": [1]}),
                   key.entry(pol["sha256"], pcrs=[7, 11])],
        "sha384": [key.entry(pol["sha384"], digest=hashes.SHA384)],
        "sha1": [key.entry(pol["sha1"]), key.entry(pol["sha256"])],
        "sm3_256": "unknown banks are ignored",
    }
    plain(tmp_path / "a.efi", pcrpkey=key.pem, pcrsig=json.dumps(entries).encode())
    facts, text = inspect(tmp_path / "a.efi", "--pcr")
    report = facts["pcr"][0]
    two = "enter-initrd:leave-initrd"
    got = [(p["bank"], p["matches"], p["phase"], p["signature"], p["key_is_pcrpkey"],
            p["reference"], p["pcrs"]) for p in report["policies"]]
    assert got == [
        ("sha256", True, two, "good", True, None, [11]),
        ("sha256", True, None, "good", True, None, [11]),
        ("sha256", False, None, "good", True, None, [11]),
        ("sha256", True, two, "bad", False, None, [11]),
        ("sha256", True, two, "good", True, "initrd", [11]),
        ("sha256", True, two, "bad", True, "initrd", [11]),
        ("sha256", True, two, "none", False, None, [11]),
        ("sha256", False, None, "good", True, None, [7, 11]),
        ("sha1", True, two, "good", True, None, [11]),
        ("sha1", False, None, "good", True, None, [11]),
        ("sha384", True, two, "bank-digest", True, None, [11]),
    ]
    assert report["policy_error"] is None and report["key_error"] is None
    for line in (f"sha256  {two}: signature good\n", "sha256  after the stub: signature good\n",
                 "sha256  MATCHES NO VALUE ABOVE: signature good\n",
                 f"sha256  {two}: SIGNATURE BAD, 'pkfp' names another key than .pcrpkey\n",
                 f"sha256  {two}: signature good, policy reference 'initrd'\n",
                 f"sha256  {two}: unsigned\n", "sha256  other PCRs, not predicted: signature good",
                 f"sha384  {two}: signed with this digest: of no use, systemd verifies SHA-256\n"):
        assert line in text


def test_policies_of_profiles(tmp_path, key):
    """Profiles share the base's .pcrsig unless they have one of their own."""
    first, second, third = (b"ID=%d\n" % n for n in range(3))
    base = plain(tmp_path / "a.efi", pcrpkey=key.pem)
    shared = json.dumps({"sha256": [
        key.entry(policy("sha256", pcr11("sha256", {**base, "profile": second}))),
        key.entry(policy("sha256", pcr11("sha256", {**base, "profile": first})))]}).encode()
    own = json.dumps({"sha256": [key.entry(bytes(32), sig=None)]}).encode()
    plain(tmp_path / "a.efi", ("profile", first), ("profile", second),
          ("profile", third), ("pcrsig", own), ("profile", b"ID=3\n"),
          pcrpkey=key.pem, pcrsig=shared)
    facts, _ = inspect(tmp_path / "a.efi", "--pcr")
    assert [[(p["matches"], p["signature"]) for p in r["policies"]] for r in facts["pcr"]] == [
        [(False, "good"), (True, "good")], [(True, "good"), (False, "good")], [(False, "none")],
        [(False, "good"), (False, "good")]]


def test_policy_without_key(tmp_path, key):
    sections = plain(tmp_path / "a.efi")
    entry = key.entry(policy("sha256", pcr11("sha256", sections)))
    plain(tmp_path / "a.efi", pcrsig=json.dumps({"sha256": [entry]}).encode())
    facts, _ = inspect(tmp_path / "a.efi", "--pcr")
    (p,) = facts["pcr"][0]["policies"]
    assert (p["matches"], p["signature"], p["key"]) == (True, "unknown", key.fingerprint)


@pytest.mark.parametrize("pem", [b"no key", b"-----BEGIN PUBLIC KEY-----\n" + b"A" * 1000])
def test_bad_key(tmp_path, pem):
    plain(tmp_path / "a.efi", pcrpkey=pem)
    facts, text = inspect(tmp_path / "a.efi", "--pcr")
    assert facts["pcr"][0]["key_error"] == ".pcrpkey: not a PEM public key"
    assert ".pcrpkey: not a PEM public key\n" in text


ZERO = "00" * 32
GOOD = {"pcrs": [11], "pol": ZERO}


def bank(*entries):
    return json.dumps({"sha256": list(entries)}).encode()


@pytest.mark.parametrize("content, sentence", [
    (b"{", "not JSON"), (b"[]", "not a JSON object"), (b"17", "not a JSON object"),
    (b"{} x", "not JSON"), (b"{}{}", "not JSON"), (b"\xff\xfe", "not JSON"),
    (b"null", "not a JSON object"), (b'{"sha256":', "not JSON"),
    (b'{"sha256":' + b"[" * 60000, "not JSON"), (b'{"a":' * 10000, "not JSON"),
    (b'{"sha256":{}}', "'sha256' is not a list"), (b'{"sha1":null}', "'sha1' is not a list"),
    (bank(1), "sha256[0]: not an object"), (bank(GOOD, None), "sha256[1]: not an object"),
    (bank({"pol": ZERO}), "'pcrs'"), (bank({**GOOD, "pcrs": 11}), "'pcrs'"),
    (bank({**GOOD, "pcrs": [24]}), "'pcrs'"), (bank({**GOOD, "pcrs": [-1]}), "'pcrs'"),
    (bank({**GOOD, "pcrs": [10 ** 30]}), "'pcrs'"), (bank({**GOOD, "pcrs": [-10 ** 30]}), "'pcrs'"),
    (bank({**GOOD, "pcrs": [11.0]}), "'pcrs'"), (bank({**GOOD, "pcrs": ["11"]}), "'pcrs'"),
    (bank({"pcrs": [11]}), "'pol'"), (bank({**GOOD, "pol": 1}), "'pol'"),
    (bank({**GOOD, "pol": ZERO + "00"}), "'pol'"), (bank({**GOOD, "pol": "0g" * 32}), "'pol'"),
    (bank({**GOOD, "pol": ZERO + "\0"}), "'pol'"), (bank({**GOOD, "pol": ""}), "'pol'"),
    (bank({**GOOD, "pkfp": "00"}), "'pkfp'"), (bank({**GOOD, "pkfp": []}), "'pkfp'"),
    (bank({**GOOD, "sig": 1}), "'sig'"), (bank({**GOOD, "sig": "\0"}), "'sig'"),
    (bank({**GOOD, "ref": {}}), "'ref'"), (bank({**GOOD, "ref": "a\0b"}), "'ref'"),
])
def test_hostile_policies(tmp_path, key, content, sentence):
    sections = plain(tmp_path / "a.efi", pcrpkey=key.pem, pcrsig=content)
    facts, text = inspect(tmp_path / "a.efi", "--pcr")
    report = facts["pcr"][0]
    assert reported(report) == expected(sections)  # whatever .pcrsig says
    assert report["policy_error"].startswith(".pcrsig: ") and sentence in report["policy_error"]
    assert report["policy_error"] in text


def test_odd_policies_are_described(tmp_path, key):
    """Nothing here is an error: signatures that are none, references that would drive a terminal,
    as many entries as fit."""
    odd = [{**GOOD, "sig": s} for s in ("", "A", "AAAA", "=" * 8, "A" * 4000, "\u00e9" * 4)]
    odd += [{**GOOD, "ref": "\x1b[2J\u00e9" + "x" * 1000}, {**GOOD, "pcrs": []}] + [GOOD] * 500
    plain(tmp_path / "a.efi", pcrpkey=key.pem, pcrsig=bank(*odd))
    facts, text = inspect(tmp_path / "a.efi", "--pcr")
    policies = facts["pcr"][0]["policies"]
    assert len(policies) == len(odd) and "\x1b" not in text
    assert [p["signature"] for p in policies[:7]] == ["bad"] * 6 + ["none"]
    assert policies[6]["reference"].startswith("?[2J??xxx")


def addon(path, **contents):
    pe.Image([pe.Section(".text", b"x", pe.CODE), pe.Section(".sbat", SBAT)] +
             [pe.Section("." + n, d) for n, d in contents.items()]).write(path)
    return path


def test_addon(tmp_path):
    facts, text = inspect(addon(tmp_path / "a.efi", cmdline=b"debug", uname=b"6.12"), "--pcr")
    assert facts["kind"] == "addon" and not facts["sealed"] and facts["kernel"] is None
    assert (facts["cmdline"], facts["uname"]) == ("debug", "6.12")
    assert facts["pcr"] == [] and facts["profile_list"] == []
    assert facts["pcr_notes"] == ["systemd-stub measures addons into PCR 12"]
    assert "kind          addon\n" in text and "note: systemd-stub measures addons" in text


def test_inner_kernel(tmp_path):
    kernel = bzimage.minimal()
    kernel[0x40:0x42] = b"NE"
    plain(tmp_path / "a.efi", linux=bytes(kernel))
    facts, text = inspect(tmp_path / "a.efi")
    assert facts["kind"] == "plain UKI" and facts["kernel"] == bzimage.VERSION
    assert facts["inner"]["fault"].startswith("not a PE file") and not facts["inner"]["signatures"]
    assert f"inner kernel  cannot be verified by itself: {facts['inner']['fault']}\n" in text


def test_sbat(tmp_path):
    plain(tmp_path / "a.efi")
    facts, text = inspect(tmp_path / "a.efi")
    assert facts["sbat"] == [{"component": "sbat", "generation": 1},
                             {"component": "vendor", "generation": 3}]
    assert "sbat          sbat 1, vendor 3\n" in text


def test_long_sbat(tmp_path):
    name = b"y" * 1000
    pe.uki(sbat=b"sbat,1,a,b,c,d\n" + name + b",65535,a,b,c,d\0").write(tmp_path / "a.efi")
    facts, _ = inspect(tmp_path / "a.efi")
    assert facts["sbat"][1] == {"component": "y" * 127, "generation": 65535}


def test_usage():
    ctl("inspect", code=2)
    ctl("inspect", "--pcr", code=2)
    ctl("inspect", "--prc", "a", code=2)
    ctl("inspect", "a", "b", code=2)
