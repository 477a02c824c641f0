# SPDX-License-Identifier: GPL-2.0-or-later
"""`ukdumpctl reserve`: how much, what is in force, shrinking, options; `reset-crashkernel`."""

import pytest

from cli import ctl
from reserve_tree import DROPIN, MIB, RECORD, with_grub


@pytest.fixture
def grub(tree):
    return with_grub(tree)


def test_dry_run_changes_nothing(grub):
    done = grub.ctl("reserve", "--dry-run", code=0)
    assert "+GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT crashkernel=192M\"" in done.out
    assert "would run  /usr/sbin/update-grub\n" in done.out
    assert "effect     after a reboot\n" in done.out
    assert "size       the default, since nothing was measured" in done.out
    assert not (grub.path / DROPIN).exists() and not (grub.path / RECORD).exists()
    facts = grub.json("reserve", "--dry-run")
    assert facts["commands"] == [["/usr/sbin/update-grub"]]
    assert facts["crashkernel"] == "crashkernel=192M" and facts["method"] == "grub"
    assert facts["dry_run"] and facts["changed"] and facts["reboot_needed"]
    assert facts["file"] == "/" + DROPIN and facts["before"] is None
    assert facts["reserved_bytes"] == 256 * MIB and len(facts["notes"]) == 2
    (grub.path / "usr/sbin/update-grub").unlink()
    assert grub.json("reserve", "--dry-run")["commands"] == [
        ["/usr/sbin/grub-mkconfig", "-o", "/boot/grub/grub.cfg"]]


@pytest.mark.parametrize("running, effect", [
    ("ro crashkernel=192M", "in force"),
    ("ro crashkernel=1M quiet crashkernel=192M", "in force"),
    ("ro", "after a reboot"),
    ("ro crashkernel=192M crashkernel=8M,cma", "after a reboot"),
])
def test_effect(grub, running, effect):
    grub.put("proc/cmdline", running + "\n")
    assert grub.ctl("reserve", "--dry-run", code=0).out.endswith(f"effect     {effect}\n")


def test_reserved_nothing(grub):
    grub.put("proc/cmdline", "crashkernel=192M\n")
    grub.put("sys/kernel/kexec_crash_size", "0\n")
    assert "the kernel reserved nothing" in grub.ctl("reserve", "--dry-run", code=0).out


def reserved(tree, *options, conf="", **keywords):
    tree.put("etc/ukdump/ukdump.conf", "[Reserve]\n" + conf)
    return tree.json("reserve", "--dry-run", *options, **keywords)["crashkernel"]


def test_sizes(grub):
    assert reserved(grub, "--size", "auto", conf="Size=512M\n") == "crashkernel=192M"
    assert reserved(grub, conf="Size=512M\n") == "crashkernel=512M"
    assert reserved(grub, "--size", "1536M", conf="Size=512M\n") == "crashkernel=1536M"
    assert reserved(grub, "--size", "2G") == "crashkernel=2G"
    assert reserved(grub, "--high") == "crashkernel=192M,high"
    assert reserved(grub, conf="High=1G\nLow=128M\n") == \
        "crashkernel=1G,high crashkernel=128M,low"
    assert reserved(grub, "--size", "300M", conf="High=1G\nLow=128M\n") == \
        "crashkernel=300M,high crashkernel=128M,low"
    assert reserved(grub, "--low", conf="High=1G\nLow=128M\n") == "crashkernel=192M"
    done = grub.ctl("reserve", "--dry-run", "--size", "100M", code=0)
    assert "warning: 100.0 MiB are less than the estimated 192.0 MiB" in done.err
    assert "[reserve.size]" in grub.ctl("reserve", "--dry-run", "--size", "3G", code=1).err


def test_too_small_for_the_image(grub, parts):
    images = grub.path / "var/lib/ukdump/images"
    images.mkdir(parents=True)
    ctl("build", "--kernel", parts / "kernel", "--initrd", parts / "initrd", "--osrel",
        parts / "osrel", "--cmdline", "panic=1", "--no-uefi", "--no-sign", "-o",
        images / "6.1-x.efi", code=0)
    assert "[reserve.size]" in grub.ctl("reserve", "--dry-run", "--size", "1M", code=1).err
    assert "[reserve.size]" in grub.ctl("reserve", "--shrink", "--size", "1M", code=1).err


def test_cma(grub):
    assert "Linux 6.17" in grub.ctl("reserve", "--cma", code=1).err
    assert "[reserve.cma]" in grub.ctl("reserve", "--cma", code=1).err
    grub.put("sys/kernel/kexec_crash_cma_ranges", "")
    assert reserved(grub, "--cma") == "crashkernel=80M crashkernel=112M,cma"
    assert reserved(grub, "--high", conf="Cma=yes\n") == \
        "crashkernel=80M,high crashkernel=112M,cma"
    assert reserved(grub, conf="Cma=auto\n") == "crashkernel=192M"
    assert "nothing is left" in grub.ctl("reserve", "--cma", "--size", "90M", code=1).err
    grub.put("etc/ukdump/ukdump.conf", "[Dump]\nDumpLevel=1\n")
    assert "DumpLevel=1" in grub.ctl("reserve", "--dry-run", "--cma", code=0).err


def test_reset(grub):
    assert "crashkernel=512M-:192M\"" in grub.ctl("reset-crashkernel", "--kernel", "ALL",
                                                  "--dry-run", code=0).out
    assert "takes ALL only" in grub.ctl("reset-crashkernel", "--kernel", "/boot/x", code=2).err


def test_shrink(tree):
    out = tree.ctl("reserve", "--shrink", code=0).out
    assert out == "Reserved 192MB memory for crash kernel, before 256MB\n"
    assert tree.text("sys/kernel/kexec_crash_size") == f"{192 * MIB}\n"
    assert tree.json("reserve", "--shrink", "--size", "1G") == {
        "schema": 1, "before_bytes": 192 * MIB, "reserved_bytes": 192 * MIB}
    tree.put("sys/kernel/kexec_crash_loaded", "1\n")
    done = tree.ctl("reserve", "--shrink", "--size", "160M", code=1)
    assert "[reserve.armed]" in done.err and "ukdumpctl stop" in done.err
    assert tree.text("sys/kernel/kexec_crash_size") == f"{192 * MIB}\n"


@pytest.mark.parametrize("options", [
    ["--size", "x"], ["--size", "0"], ["--size", "-1"], ["--high", "--low"], ["--key", "x"],
    ["--undo", "--size", "1M"], ["--undo", "--cma"], ["--shrink", "--dry-run"], ["x"],
], ids=" ".join)
def test_usage(tree, options):
    tree.ctl("reserve", *options, code=2)
    assert not (tree.path / RECORD).exists()
