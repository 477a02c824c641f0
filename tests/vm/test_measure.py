# SPDX-License-Identifier: GPL-2.0-or-later
"""`ukdumpctl inspect --pcr` against Debian 13's systemd-measure: PCR 11 in every bank after every
phase, and the policies that ukify has it sign. No machine boots: the program runs from the guest's
tree, with its libraries."""

import json
import subprocess

import pefile
import pytest

import pki
from sealing import OS_RELEASE
from vmbed import packages, system
from vmbed.paths import BUILD, run

PHASES = ["enter-initrd", "leave-initrd", "sysinit", "ready"]
POINTS = [None] + [":".join(PHASES[:n + 1]) for n in range(len(PHASES))]
BANKS = ["sha1", "sha256", "sha384", "sha512"]
MEASURED = ["linux", "osrel", "cmdline", "initrd", "ucode", "uname", "sbat", "pcrpkey", "profile"]

# For `sign`; the guest has no need of them.
TSS = ["libtss2-mu-4.0.1-0t64", "libtss2-esys-3.0.2-0t64", "libtss2-sys1t64", "libtss2-rc0t64"]


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    """A folder with systemd-measure, for ukify --tools."""
    tree = system.pristine()
    libraries = [packages.Suite("trixie").unpack("tss2", TSS), tree]
    paths = ":".join(f"{t}/usr/lib/x86_64-linux-gnu{d}" for t in libraries for d in ("", "/systemd"))
    script = tmp_path_factory.mktemp("tools") / "systemd-measure"
    script.write_text(f"#!/bin/sh\nexec {tree}/lib64/ld-linux-x86-64.so.2 --library-path {paths} "
                      f"{tree}/usr/lib/systemd/systemd-measure \"$@\"\n")
    script.chmod(0o755)
    return script.parent


@pytest.fixture(scope="module")
def pcr_key(tmp_path_factory):
    """pcr.key and pcr.pub"""
    folder = tmp_path_factory.mktemp("pcr")
    pki.make(folder, "pcr", "PCR policies")
    run("openssl", "pkey", "-in", folder / "pcr.key", "-pubout", "-out", folder / "pcr.pub")
    return folder


def profiles(path):
    """The sections of each profile, cut out by pefile."""
    base, found = {}, []
    for section in pefile.PE(str(path), fast_load=True).sections:
        name = section.Name.rstrip(b"\0").decode()[1:]
        if name == "profile":
            found.append(dict(base))
        (found[-1] if found else base)[name] = section.get_data()[:section.Misc_VirtualSize]
    return found or [base]


def calculated(tools, folder, sections):
    """What systemd-measure says: {(bank, phase): value}."""
    options = []
    for name in MEASURED:
        if name in sections:
            (folder / name).write_bytes(sections[name])
            options.append(f"--{name}={folder / name}")
    out = subprocess.check_output([tools / "systemd-measure", "calculate", "--json=short", *options,
                                   *(f"--phase={p or ':'}" for p in POINTS)])
    return {(bank, v.get("phase")): v["hash"] for bank, values in json.loads(out).items()
            for v in values}


def inspect(path):
    done = subprocess.run([BUILD / "ukdumpctl", "inspect", "--pcr", "--json", path], check=True,
                          stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def assert_as_calculated(facts, tools, folder, path):
    cut = profiles(path)
    assert len(facts["pcr"]) == len(cut)
    for report, sections in zip(facts["pcr"], cut):
        values = calculated(tools, folder, sections)
        assert set(values) == {(b, p) for b in BANKS for p in POINTS}
        assert {(v["bank"], v["phase"]): v["value"] for v in report["values"]} == values
    assert facts["pcr_notes"] == []


def test_ukify_with_two_profiles(vm, tools, pcr_key):
    kernel, folder = vm.kernel("6.12"), vm.logs
    (folder / "os-release").write_text(OS_RELEASE)
    (folder / "microcode").write_bytes(b"070701 not really microcode")
    (folder / "data").write_bytes(bytes(range(256)) * 40000)
    stub = vm.uefi_stub("trixie")
    run(*packages.ukify(), "build", "--stub", stub.with_name("addonx64.efi.stub"),
        "--profile", "ID=debug\nTITLE=Talkative", "--cmdline", "debug",
        "--output", folder / "debug.efi")
    image = folder / "two.efi"
    run(*packages.ukify(), "build", "--tools", tools, "--stub", stub, "--linux", kernel.image,
        "--initrd", folder / "data", "--microcode", folder / "microcode",
        "--cmdline", "quiet", "--os-release", f"@{folder / 'os-release'}",
        "--uname", kernel.version, "--profile", "ID=main", "--join-profile", folder / "debug.efi",
        "--pcr-private-key", pcr_key / "pcr.key", "--pcr-public-key", pcr_key / "pcr.pub",
        "--output", image)

    facts = inspect(image)
    assert [p["id"] for p in facts["profile_list"]] == ["main", "debug"]
    assert facts["efi_stub"].startswith("systemd-stub 257")
    assert facts["kernel"].startswith(kernel.version + " ")
    assert "Debian" in facts["inner"]["signer"] and facts["inner"]["fault"] is None
    assert_as_calculated(facts, tools, folder, image)
    for report in facts["pcr"]:
        assert report["policy_error"] is None and report["key_error"] is None
        # 257 signs a policy with its bank's digest, which systemd then does not accept
        assert {(p["bank"], p["phase"], p["signature"]) for p in report["policies"]} == \
            {(b, p, "good" if b == "sha256" else "bank-digest") for b in BANKS for p in POINTS[1:]}
        assert all(p["matches"] and p["key_is_pcrpkey"] for p in report["policies"])
    # a policy of one profile is none of the other
    pol = [{p["policy"] for p in report["policies"]} for report in facts["pcr"]]
    assert not pol[0] & pol[1]

    linux = next(s for s in facts["sections"] if s["name"] == ".linux")
    with open(image, "r+b") as file:
        file.seek(linux["offset"] + linux["bytes"] // 2)
        byte = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte[0] ^ 1]))
    changed = inspect(image)
    assert "digest" in changed["inner"]["fault"]
    assert {p["matches"] for r in changed["pcr"] for p in r["policies"]} == {False}


def test_sealed(seal, vm, tools):
    image = seal()
    facts = inspect(image)
    assert facts["kind"] == "sealed UKI"
    assert_as_calculated(facts, tools, vm.logs, image)


def test_sealed_with_an_older_stub(seal):
    """Debian 12's stub measures neither .uname nor .sbat: no prediction without a word."""
    (note,) = inspect(seal(stub="bookworm"))["pcr_notes"]
    assert "systemd-stub 252" in note and "257" in note
