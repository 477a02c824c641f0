# SPDX-License-Identifier: GPL-2.0-or-later
"""Keys, images and machines that several CLI tests need."""

import pytest

import cli

import bzimage
import pki
import reserve_tree


# Modules in the order in which they are begun: what takes longest comes first.
FIRST = ("test_upload", "test_differential", "test_capture_ssh")
# Its tests mostly wait, and share nothing that is dear to make: any process takes any of them.
LOOSE = "test_capture_ssh"
# Both unpack the same server if it is not there yet.
SAME_SERVER = ("test_upload", "test_capture_upload")


def pytest_configure(config):
    config.addinivalue_line("markers", "xdist_group(name): one process runs all of the group")
    config.addinivalue_line("markers", "not_ours: runs hardly anything that we have compiled")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """For `-n N --dist loadgroup`: each module is run by one process."""
    def begun(item):
        name = item.path.stem
        return FIRST.index(name) if name in FIRST else len(FIRST)

    for item in items:
        name = item.path.stem
        if name != LOOSE:
            item.add_marker(pytest.mark.xdist_group("server" if name in SAME_SERVER else name))
    items.sort(key=begun)


@pytest.fixture(scope="session")
def signers(tmp_path_factory):
    """signer.{key,crt,der} and foreign.*"""
    d = tmp_path_factory.mktemp("signers")
    for name in ("signer", "foreign"):
        pki.make(d, name, f"ukdump test {name}", code_signing=True)
    return d


@pytest.fixture(scope="session")
def parts(tmp_path_factory):
    """What an image is made of: kernel, initrd, osrel."""
    d = tmp_path_factory.mktemp("parts")
    (d / "kernel").write_bytes(bzimage.minimal())
    (d / "initrd").write_bytes(b"070701 no cpio " * 1000)
    (d / "osrel").write_text("ID=test\nVERSION_ID=1\n")
    return d


def build(parts, out, *options, **keywords):
    """`ukdumpctl build` of these parts, without what the machine has installed."""
    return cli.ctl("build", "--kernel", parts / "kernel", "--initrd", parts / "initrd", "--osrel",
                   parts / "osrel", "--cmdline", "panic=1", "--no-uefi", "-o", out, *options,
                   **keywords)


@pytest.fixture(scope="session")
def sealed(parts, signers, tmp_path_factory):
    """Sealed images by who signed them: none, signer, foreign."""
    d = tmp_path_factory.mktemp("sealed")
    images = {"none": d / "none.efi"}
    build(parts, images["none"], "--no-sign", code=0)
    for name in ("signer", "foreign"):
        images[name] = d / f"{name}.efi"
        build(parts, images[name], "--key", signers / f"{name}.key", "--cert",
              signers / f"{name}.crt", code=0)
    return images


@pytest.fixture
def machine(tmp_path, signers):
    """A root directory with the facts of a machine that could be armed; trusts signer."""
    d = tmp_path / "machine"

    def put(path, text):
        (d / path).parent.mkdir(parents=True, exist_ok=True)
        (d / path).write_text(text)

    put("sys/kernel/kexec_crash_size", "268435456\n")
    put("sys/kernel/kexec_crash_loaded", "0\n")
    put("proc/iomem", "  25000000-34ffffff : Crash kernel\n")
    put("proc/sys/kernel/osrelease", "6.12.0-test\n")
    put("proc/sys/kernel/panic_on_oops", "0\n")
    put("proc/cmdline", "quiet\n")
    put("etc/ukdump/trust.d/signer.crt", (signers / "signer.crt").read_text())
    return d


@pytest.fixture
def tree(tmp_path):
    """A Debian machine with a reservation, see reserve_tree.py."""
    return reserve_tree.debian(tmp_path / "tree")
