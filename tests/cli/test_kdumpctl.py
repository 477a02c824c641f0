# SPDX-License-Identifier: GPL-2.0-or-later
"""Called as kdumpctl: that program's verbs, and no return code but its own."""

import re

import pytest

import cli
import refresh_machine
import reserve_tree
from refresh_machine import CONF, RUNNING

# The table of docs/MIGRATING.md: verb -> return codes.
CODES = {
    "start": {0, 1}, "stop": {0, 1}, "status": {0, 1, 3}, "condrestart": {0}, "restart": {0, 1}, "reload": {0, 1},
    "rebuild": {0, 1}, "estimate": {0, 1}, "showmem": {0, 1}, "propagate": {0, 1},
    "test": {0, 1}, "reset-crashkernel": {0, 1}, "get-default-crashkernel": {0, 1},
}


class Kdumpctl:
    def __init__(self, machine):
        self.m = machine
        (machine.dir / "bin/kdumpctl").symlink_to("ukdumpctl")

    def __call__(self, *words, code):
        got = cli.run(*self.m.argv(self.m.dir / "bin/kdumpctl", *words), code=code, limit=60,
                      **self.m.options())
        if words and words[0] in CODES:
            assert got.code in CODES[words[0]]
        return got


@pytest.fixture
def m(tmp_path, signers):
    return refresh_machine.make(tmp_path, signers)


@pytest.fixture
def kdumpctl(m):
    return Kdumpctl(m)


def test_life_of_a_service(m, kdumpctl):
    assert "Kdump is not operational" in kdumpctl("status", code=3).err
    kdumpctl("start", code=0)
    first = m.armed()
    assert first and m.names() == [RUNNING]
    got = kdumpctl("status", code=0)
    assert got.err == "kdump: Kdump is operational\n"
    assert "already running" in kdumpctl("start", code=0).err
    assert len(m.lines("run/loads")) == 1
    kdumpctl("stop", code=0)
    assert m.armed() is None
    kdumpctl("stop", code=0)
    kdumpctl("status", code=3)
    kdumpctl("reload", code=0)  # builds nothing
    assert m.armed() == first and len(m.lines("run/dracut-log")) == 1


def test_restart_follows_what_changed_and_always_arms(m, kdumpctl):
    kdumpctl("start", code=0)
    old = m.armed()
    kdumpctl("restart", code=0)
    assert m.armed() == old and len(m.lines("run/loads")) == 2
    assert len(m.lines("run/dracut-log")) == 1
    m.put("etc/ukdump/ukdump.conf", CONF + "[Image]\nCommandLineAppend=debug\n")
    kdumpctl("restart", code=0)
    assert m.armed() != old and len(m.lines("run/dracut-log")) == 2


def test_restart_that_fails_stays_armed(m, kdumpctl):
    kdumpctl("start", code=0)
    old = m.armed()
    m.put("etc/ukdump/ukdump.conf", "[Dump]\nTarget=nowhere\n")
    kdumpctl("restart", code=1)
    assert m.armed() == old
    kdumpctl("status", code=0)  # with a problem, for which kdumpctl has no code


def test_rebuild_arms_nothing(m, kdumpctl):
    kdumpctl("rebuild", code=0)
    assert m.armed() is None and m.names() == [RUNNING]
    kdumpctl("rebuild", code=0)
    assert len(m.lines("run/dracut-log")) == 2
    m.put("etc/dracut-fails", "")
    kdumpctl("rebuild", code=1)


def test_start_that_fails(m, kdumpctl):
    m.put("etc/dracut-fails", "")
    kdumpctl("start", code=1)
    assert m.armed() is None
    (m.dir / "etc/dracut-fails").unlink()
    m.put("etc/loader-refuses", "")
    kdumpctl("start", code=1)
    kdumpctl("status", code=3)


def test_reload_without_an_image(kdumpctl):
    kdumpctl("reload", code=1)


def test_status_of_a_kernel_that_cannot_capture(m, kdumpctl):
    m.put("bin/ukdump-load", "#!/bin/sh\necho 'no such file' >&2\nexit 1\n", 0o755)
    got = kdumpctl("status", code=3)
    assert "no such file\n" in got.err and got.err.endswith("Kdump is not operational\n")


def test_condrestart_does_nothing(m, kdumpctl):
    got = kdumpctl("condrestart", code=0)
    assert got.out == got.err == "" and m.armed() is None and m.names() == []


def test_numbers(kdumpctl, tmp_path):
    tree = reserve_tree.debian(tmp_path / "tree")
    root = ["--root", tree.path]
    assert "Recommended crashkernel:" in kdumpctl("estimate", *root, code=0).out
    words = kdumpctl("get-default-crashkernel", *root, code=0).out
    assert words == "512M-:192M\n"
    assert kdumpctl("get-default-crashkernel", "kdump", *root, code=0).out == words
    assert "fadump" in kdumpctl("get-default-crashkernel", "fadump", code=1).err
    # no boot loader there that anybody could write to
    assert "crashkernel=512M-:192M" in kdumpctl("reset-crashkernel", *root, code=1).out


def test_showmem_has_one_number(m, kdumpctl):
    """As there: one line, on standard error; what else ukdumpctl tells would be taken for the size."""
    m.mounts = ["mount -t tmpfs tmpfs /sys/kernel",
                f"echo {(192 << 20) + 4096} > /sys/kernel/kexec_crash_size"]
    got = kdumpctl("showmem", code=0)
    assert (got.out, got.err) == ("", "kdump: Reserved 192MB memory for crash kernel\n")
    m.mounts = m.mounts[:1]
    assert "Reserved" not in kdumpctl("showmem", code=1).err


def test_crash_test_needs_something_armed(kdumpctl, tmp_path):
    """In a tree, so that nothing that is armed here is ever set off."""
    tree = reserve_tree.debian(tmp_path / "tree")
    tree.put("sys/kernel/kexec_crash_loaded", "0\n")
    for words in ([], ["--force"]):
        done = kdumpctl("test", "--root", tree.path, *words, code=1)
        assert "armed" in done.err and "--help" not in done.err


@pytest.mark.parametrize("words", [
    [], ["no-such-verb"], [""], ["build"], ["import-config"], ["setup-crypttab"],
    ["start", "--no-such-option"], ["stop", "x"], ["status", "--no-such-option"],
    ["status", "--metrics"],
    ["restart", "x"], ["reload", "x"], ["rebuild", "x"], ["estimate", "x"], ["showmem", "x"],
    ["propagate", "--no-such-option"], ["test", "--no-such-option"],
    ["reset-crashkernel", "--fadump=on"], ["reset-crashkernel", "--kernel=/boot/vmlinuz"],
    ["get-default-crashkernel", "--no-such-option"],
], ids=" ".join)
def test_misuse_is_1(kdumpctl, words):
    got = kdumpctl(*words, code=1)
    assert got.out == "" and got.err


def test_an_unknown_verb_is_named(kdumpctl):
    assert kdumpctl("setup-crypttab", code=1).err.startswith("kdumpctl: no verb 'setup-crypttab'\n")


def test_help_names_every_verb(kdumpctl):
    got = kdumpctl("--help", code=0).out
    assert set(re.findall(r"^  ([a-z-]+) +[a-z]", got, re.M)) == set(CODES)
    assert max(map(len, got.splitlines())) <= 80


def test_the_table_of_the_docs():
    text = (cli.REPO / "docs/MIGRATING.md").read_text()
    rows = re.findall(r"^\| `([a-z-]+)[^`]*` \| ([^|]+) \| ([\d, ]+) \|$", text, re.M)
    assert {verb: {int(c) for c in codes.split(",")} for verb, _, codes in rows} == CODES
