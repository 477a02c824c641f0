# SPDX-License-Identifier: GPL-2.0-or-later
"""`ukdumpctl estimate`, `showmem`, `get-default-crashkernel` on trees of machines."""

import json
import os
import re

import pytest

import bzimage
import conftest
from cli import ctl
from reserve_tree import MACHINE_ID, MIB, Parts, manifest


def test_showmem(tree):
    assert tree.ctl("showmem", code=0).out == "Reserved 256MB memory for crash kernel\n"
    assert tree.json("showmem") == {"schema": 1, "reserved_bytes": 256 * MIB,
                                    "usable_bytes": 256 * MIB, "cma_bytes": 0}
    tree.put("sys/kernel/kexec_crash_size", f"{512 * MIB}\n")
    tree.put("sys/kernel/kexec_crash_cma_ranges", "10000000-17ffffff\n")
    assert tree.ctl("showmem", code=0).out.splitlines() == [
        "Reserved 512MB memory for crash kernel", "in one piece, for the image: 256.0 MiB",
        "and in CMA, for its programs: 128.0 MiB"]


@pytest.mark.parametrize("os_release, default", [
    ("ID=debian", "512M-:192M"),
    ("ID=ubuntu\nID_LIKE=debian", "2G-4G:320M,4G-32G:512M,32G-64G:1G,64G-128G:2G,128G-:4G"),
    ('ID="almalinux"\nID_LIKE="rhel centos fedora"', "2G-64G:256M,64G-:512M"),
])
def test_default(tree, os_release, default):
    tree.put("etc/os-release", os_release + "\n")
    assert tree.ctl("get-default-crashkernel", code=0).out == default + "\n"
    assert tree.json("get-default-crashkernel") == {"schema": 1, "default": default}


def test_estimate_as_text(tree):
    assert tree.ctl("estimate", code=0).out == """\
Reserved crashkernel:    256M
Recommended crashkernel: 192M

for        no image yet: a typical initrd and kernel
kernel      64.0 MiB  the capture kernel (its init_size)
initrd       6.0 MiB  the capture initrd as it is loaded
unpacked    24.0 MiB  the initrd when it is unpacked
programs    10.0 MiB  that run
bitmaps    256.0 KiB  64 KiB per GiB of memory
CPUs         2.0 KiB  1 KiB for the registers of each
margin      52.1 MiB  half as much again: nothing was measured here
sum        156.3 MiB
default    192.0 MiB  of the distribution (512M-:192M)

Decisive: the default, since nothing was measured on this machine yet
"""


def test_estimate_warns_of_too_little(tree):
    tree.put("sys/kernel/kexec_crash_size", f"{128 * MIB}\n")
    assert tree.ctl("estimate", code=0).out.endswith(
        "\nWARNING: less is reserved than recommended; see 'ukdumpctl reserve'.\n")


def test_terms_make_the_sum(tree):
    facts = tree.json("estimate")
    assert facts["reserved_bytes"] == 256 * MIB and facts["memory_bytes"] == 4096 * MIB
    assert facts["cpus"] == 2
    assert facts["basis"] == "default" and facts["default_bytes"] == 192 * MIB
    assert facts["recommended_bytes"] == 192 * MIB
    assert facts["image"] is None and facts["measured_bytes"] == 0
    tree.put("etc/os-release", "ID=debian\n")
    tree.put("proc/iomem", "00100000-0fffffff : System RAM\n")  # 256 MiB: no default
    facts = tree.json("estimate")
    total = sum(t["bytes"] for t in facts["terms"])
    assert facts["basis"] == "terms" and facts["default_bytes"] == 0
    assert facts["recommended_bytes"] == -(-total // (16 * MIB)) * 16 * MIB


def terms(facts):
    return {t["name"]: t["bytes"] for t in facts["terms"]}


def test_settings_count(tree):
    tree.put("etc/ukdump/ukdump.conf", "[Dump]\nTarget=ssh://root@host/crash\nThreads=4\n")
    got = terms(tree.json("estimate"))
    assert got["programs"] == 16 * MIB and got["threads"] == 5 * MIB
    assert got["initrd"] == 20 * MIB  # of an image with a network
    tree.put("etc/ukdump/ukdump.conf", "[Dump]\nThreads=many\n")
    assert "ukdump.conf:2" in tree.ctl("estimate", code=1).err


def test_the_largest_image_counts(tree, parts, signers, tmp_path):
    images = tree.path / "var/lib/ukdump/images"
    images.mkdir(parents=True)
    (tmp_path / "kernel").write_bytes(bzimage.minimal(init_size=50 * MIB))
    for name, size in (("a", 1), ("b", 3), ("c", 2)):
        (tmp_path / "initrd").write_bytes(b"070701 no cpio--" * (size * MIB // 16))
        conftest.build(Parts(tmp_path, parts), images / f"6.1-{name}.efi",
                       "--no-sign", code=0)
    (images / "6.1-x.efi").write_text("broken")
    facts = tree.json("estimate")
    assert facts["image"] == "6.1-b.efi"
    assert terms(facts)["kernel"] == 50 * MIB
    assert terms(facts)["initrd"] == 3 * MIB
    assert terms(facts)["unpacked"] == 12 * MIB
    assert facts["image_bytes"] >= 50 * MIB


def test_the_image_of_a_fleet_counts(tree, parts, tmp_path):
    """It is armed before all others; its captures go by firmware's name of the machine."""
    images = tree.path / "usr/lib/ukdump/images"
    images.mkdir(parents=True)
    (tmp_path / "kernel").write_bytes(bzimage.minimal(init_size=50 * MIB))
    (tmp_path / "initrd").write_bytes(b"070701 no cpio--" * (3 * MIB // 16))
    conftest.build(Parts(tmp_path, parts), images / "fleet.efi", "--no-sign", code=0)
    facts = tree.json("estimate")
    assert facts["image"] == "fleet.efi" and terms(facts)["initrd"] == 3 * MIB
    uuid = "abcdef00-1111-2222-3333-444455556666"
    tree.put("sys/class/dmi/id/product_uuid", uuid.upper() + "\n")
    manifest(tree, f"20261121T183822Z-{uuid}", machine=uuid)
    assert tree.json("estimate")["measured_bytes"] == 40 * MIB


def test_measured(tree):
    manifest(tree, f"20261121T183822Z-{MACHINE_ID}")
    manifest(tree, f"20261122T183822Z-{MACHINE_ID}",
             memory={"total": 150 * MIB, "peak": 60 * MIB})
    facts = tree.json("estimate")
    assert facts["measured_bytes"] == 60 * MIB
    assert terms(facts)["measured"] == 60 * MIB
    assert "unpacked" not in terms(facts)
    # 64 + 6 + 60 and a quarter: less than the default, which does not count any more
    assert facts["basis"] == "terms" and facts["recommended_bytes"] == 176 * MIB


@pytest.mark.parametrize("changes", [
    {"machine": "f" * 32}, {"state": "partial"}, {"memory": {"total": 1}}, {"memory": "x"},
    {"memory": {"peak": -5}}, {"state": 1}, {"machine": None},
], ids=str)
def test_what_is_not_measured_here(tree, changes):
    manifest(tree, f"20261121T183822Z-{MACHINE_ID}", **changes)
    assert tree.json("estimate")["measured_bytes"] == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_others_have_put_there_is_no_measurement(tree):
    """Everybody may make directories in /var/crash of Ubuntu, and may know the machine's id."""
    foreign = f"20261121T183822Z-{MACHINE_ID}"
    manifest(tree, foreign, memory={"peak": 1 << 50})
    os.chown(tree.path / "var/crash" / foreign, 65534, 65534)
    manifest(tree, f"20261122T183822Z-{MACHINE_ID}")
    file = tree.path / f"var/crash/20261123T183822Z-{MACHINE_ID}/manifest.json"
    file.parent.mkdir()
    file.symlink_to(tree.path / "var/crash" / foreign / "manifest.json")
    assert tree.json("estimate")["measured_bytes"] == 40 * MIB


def test_no_capture_without_network_tells_about_one_with(tree):
    tree.put("etc/ukdump/ukdump.conf", "[Dump]\nTarget=ssh://root@host/crash file:/srv/crash\n")
    manifest(tree, "a")
    assert tree.json("estimate")["measured_bytes"] == 0
    manifest(tree, "b", where="srv/crash", targets=[
        {"uri": "ssh://root@host/crash"}, {"uri": "file:/srv/crash"}])
    assert tree.json("estimate")["measured_bytes"] == 40 * MIB


def test_odd_manifests(tree):
    for name, text in (("a", ""), ("b", "[]"), ("c", "{"), ("d", '{"memory": []}'),
                       ("e", '{"targets": [1, {}]}')):
        tree.put(f"var/crash/{name}/manifest.json", text)
    (tree.path / "var/crash/link").symlink_to("/etc")
    assert tree.json("estimate")["measured_bytes"] == 0


def test_usage(tree):
    for verb in ("estimate", "showmem", "get-default-crashkernel"):
        assert re.search("'x' is one argument too many", tree.ctl(verb, "x", code=2).err)
        assert "no such" in ctl(verb, "--root", tree.path / "none", code=1).err.lower()
