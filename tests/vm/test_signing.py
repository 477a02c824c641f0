# SPDX-License-Identifier: GPL-2.0-or-later
"""A key that never leaves its token: SoftHSM 2 by OpenSSL's pkcs11 provider, which Debian 12 lacks.

Nothing is booted: the programs run in a Debian 13 tree, and what they made is verified outside.
"""

import os
import shutil
import subprocess
import sys

import pytest

from vmbed.packages import Suite
from vmbed.paths import BUILD, REPO, run
from vmbed.system import Tree

for place in ("cli", "gen"):
    sys.path.insert(0, str(REPO / "tests" / place))

import bzimage  # noqa: E402
import pki  # noqa: E402
from terminal import Terminal  # noqa: E402

PIN = "80211342"
KEY = "pkcs11:token=ukdump;object=signer;type=private"
MODULE = "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"
PACKAGES = ["pkcs11-provider", "softhsm2", "libsofthsm2", "softhsm2-common", "libsqlite3-0"]


class Token:
    """A tree with a token that holds the signer's key, whose file is gone."""

    def __init__(self, tree):
        self.tree, self.work = tree, tree.root / "token"
        run("cp", "-a", f"{Suite('trixie').unpack('pkcs11', PACKAGES)}/.", tree.root)
        tree.install()
        (tree.root / "tokens").mkdir()
        tree.add("/etc/softhsm2.conf", b"directories.tokendir = /tokens\nlog.level = ERROR\n")
        self.work.mkdir()
        pki.make(self.work, "signer", "ukdump test token", code_signing=True)
        pki.make(self.work, "other", "ukdump test other", code_signing=True)
        self.util("--init-token", "--free", "--label", "ukdump", "--so-pin", "12345678")
        self.util("--import", "/token/signer.key", "--token", "ukdump", "--label", "signer",
                  "--id", "01")
        (self.work / "signer.key").unlink()
        (self.work / "pin").write_text(PIN)
        (self.work / "pin").chmod(0o600)
        (self.work / "kernel").write_bytes(bzimage.minimal())
        (self.work / "initrd").write_bytes(b"070701 no cpio " * 1000)
        self.build("unsigned.efi", "--no-sign")

    def argv(self, *argv):
        return ["/usr/sbin/chroot", self.tree.root, "/usr/bin/env", "-i", "LC_ALL=C.UTF-8",
                "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                "SOFTHSM2_CONF=/etc/softhsm2.conf", f"PKCS11_PROVIDER_MODULE={MODULE}", *argv]

    def util(self, *options):
        run(*self.argv("softhsm2-util", *options, "--pin", PIN))

    def call(self, *argv):
        return subprocess.run([str(a) for a in self.argv(*argv)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=60, check=False)

    def build(self, out, *options):
        done = self.call("ukdumpctl", "build", "--kernel", "/token/kernel", "--initrd",
                         "/token/initrd", "--cmdline", "panic=1", "--no-uefi", "-o", f"/token/{out}",
                         *options)
        assert done.returncode == 0, done.stdout
        return self.work / out

    def sign(self, key, cert="signer"):
        shutil.copy(self.work / "unsigned.efi", self.work / "image.efi")
        return self.call("ukdumpctl", "sign", "--key", key, "--cert", f"/token/{cert}.crt",
                         "/token/image.efi")

    def sign_at_terminal(self, answer):
        shutil.copy(self.work / "unsigned.efi", self.work / "image.efi")
        terminal = Terminal(*self.argv("ukdumpctl", "sign", "--key", KEY, "--cert",
                                       "/token/signer.crt", "/token/image.efi"))
        terminal.wait_for("PKCS#11 Token")
        terminal.type(answer + "\n")
        output = terminal.end()
        return os.waitstatus_to_exitcode(terminal.status), output


# One tree with a token for all.
pytestmark = pytest.mark.xdist_group("token")


@pytest.fixture(scope="module")
def token(tmp_path_factory):
    tree = Tree.copy(tmp_path_factory.mktemp("signing") / "tree")
    yield Token(tree)
    shutil.rmtree(tree.root)


def verify(image, cert):
    run(BUILD / "ukdumpctl", "verify", "--trust", cert, image)
    run("sbverify", "--cert", cert, image)


def untouched(token):
    return (token.work / "image.efi").read_bytes() == (token.work / "unsigned.efi").read_bytes()


def test_build_by_token(token):
    image = token.build("built.efi", "--key", f"{KEY}?pin-source=file:/token/pin", "--cert",
                        "/token/signer.crt")
    verify(image, token.work / "signer.crt")


def test_sign_by_token(token):
    done = token.sign(f"{KEY}?pin-source=file:/token/pin")
    assert done.returncode == 0, done.stdout
    verify(token.work / "image.efi", token.work / "signer.crt")


def test_settings_name_the_token(token):
    token.tree.add("/etc/ukdump/ukdump.conf.d/key.conf", (
        f"[Image]\nKey={KEY}?pin-source=/token/pin\nCertificate=/token/signer.crt\n").encode())
    try:
        verify(token.build("conf.efi"), token.work / "signer.crt")
        listing = token.call("ukdumpctl", "sign", "--list-keys")
    finally:
        (token.tree.root / "etc/ukdump/ukdump.conf.d/key.conf").unlink()
    assert "ukdump.conf: usable" in listing.stdout, listing.stdout
    assert "pin-source" not in listing.stdout


def test_pin_at_the_terminal(token):
    code, output = token.sign_at_terminal(PIN)
    assert code == 0 and PIN not in output, output
    verify(token.work / "image.efi", token.work / "signer.crt")


def test_wrong_pin(token):
    """Asked once: tokens lock themselves after a few wrong ones."""
    code, output = token.sign_at_terminal("1111")
    assert code == 1 and "PIN right" in output, output
    assert output.count("PKCS#11 Token") == 1, output
    assert untouched(token)


def test_no_terminal(token):
    done = token.sign(KEY)
    assert done.returncode == 1 and "pin-source" in done.stdout, done.stdout
    assert len(done.stdout.splitlines()) == 1 and untouched(token)


def test_key_of_another_certificate(token):
    done = token.sign(f"{KEY}?pin-source=file:/token/pin", cert="other")
    assert done.returncode == 1 and "[key.pair]" in done.stdout, done.stdout
    assert untouched(token) and "pin-source" not in done.stdout


@pytest.mark.parametrize("key", [
    "pkcs11:token=ukdump;object=nope;type=private", "pkcs11:token=nope;object=signer;type=private",
])
def test_no_such_key(token, key):
    done = token.sign(f"{key}?pin-source=file:/token/pin")
    assert done.returncode == 1 and f"no private key at {key}" in done.stdout, done.stdout
    assert untouched(token)


def test_without_the_module(token):
    """The provider is there, what drives the token is not."""
    shutil.copy(token.work / "unsigned.efi", token.work / "image.efi")
    done = token.call("env", "-u", "PKCS11_PROVIDER_MODULE", "ukdumpctl", "sign", "--key", KEY,
                      "--cert", "/token/signer.crt", "/token/image.efi")
    assert done.returncode == 1 and len(done.stdout.splitlines()) == 1, done.stdout
    assert untouched(token)
