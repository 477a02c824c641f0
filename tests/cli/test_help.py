# SPDX-License-Identifier: GPL-2.0-or-later
"""Help and usage errors of every program and verb."""

import re

import pytest

from cli import CAPTURE, CTL, LOAD, ctl, run

VERBS = ["status", "check", "build", "seal", "addon", "sign", "attach", "verify", "inspect",
         "start", "stop", "reload", "restart", "rebuild", "refresh", "info", "list", "dmesg",
         "verify-dump", "clean", "report", "luks",
         "rehearse", "test",
         "reserve", "reset-crashkernel",
         "estimate", "showmem", "get-default-crashkernel", "import-config",
         "propagate"]
PROGRAMS = [[CTL], [LOAD], [CAPTURE]] + [[CTL, verb] for verb in VERBS]


def name(argv):
    return "-".join(getattr(a, "name", a) for a in argv)


@pytest.mark.parametrize("argv", PROGRAMS, ids=name)
def test_help(argv):
    long, short = run(*argv, "--help", code=0), run(*argv, "-h", code=0)
    assert long.out == short.out
    assert long.err == short.err == ""
    assert re.match(r"usage: ", long.out, re.I)
    assert long.out.endswith("\n")
    for line in long.out.splitlines():
        assert len(line) <= 80, line
        assert line == line.rstrip()
        assert line.isascii()


@pytest.mark.parametrize("argv", PROGRAMS, ids=name)
def test_help_tells_the_exit_codes(argv):
    assert re.search(r"\bexit\b", run(*argv, "--help", code=0).out, re.I)


@pytest.mark.parametrize("argv", PROGRAMS, ids=name)
def test_unknown_option(argv):
    done = run(*argv, "--no-such-option", code=2)
    assert done.out == ""
    lines = done.err.splitlines()
    assert lines[0].startswith(argv[0].name) or lines[0].startswith(str(argv[0])), done
    assert "no-such-option" in done.err
    assert re.fullmatch(r"Try '[a-z- ]+ --help'\.", lines[-1]), done
    assert len(lines) <= 3


@pytest.mark.parametrize("argv", PROGRAMS, ids=name)
def test_hint_is_a_command_that_works(argv):
    hint = run(*argv, "--no-such-option", code=2).err.splitlines()[-1]
    words = hint[len("Try '"):-len("'.")].split()
    assert run(argv[0].with_name(words[0]), *words[1:], code=0).out


def test_help_lists_every_verb():
    text = ctl("--help", code=0).out
    listed = re.findall(r"^  ([a-z-]+) +[a-z]", text, re.M)
    assert sorted(listed) == sorted(VERBS)


@pytest.mark.parametrize("argv", [
    [CTL], [CTL, "no-such-verb"], [CTL, ""], [CTL, "Verify"], [LOAD], [LOAD, "arm"],
    [LOAD, "load"], [LOAD, "load", "a", "b"], [LOAD, "load", "--profile", "a"],
    [LOAD, "load", "a", "--profile"], [LOAD, "unload", "--profile", "1"],
    [LOAD, "status", "--profile=1"], [LOAD, "unload", "a"], [LOAD, "status", "a"],
    [CTL, "refresh", "now"], [CTL, "refresh", "--remove", "1", "--force"],
    [CTL, "refresh", "--remove", "1", "--kver", "2"], [CTL, "refresh", "--kver"],
    [CTL, "verify"], [CTL, "inspect"], [CTL, "inspect", "a", "b"], [CTL, "sign"],
    [CTL, "sign", "--cert", "c", "a"], [CTL, "sign", "--key", "k", "a"], [CTL, "attach", "a"],
    [CTL, "attach", "--signature", "s"], [CTL, "build", "operand"], [CTL, "start", "a", "b"],
    [CTL, "start", "a", "--profile"], [CTL, "start", "--profile=", "a"],
    [CTL, "reload", "--profile=1"], [CTL, "stop", "--profile=1"],
    [CTL, "stop", "a"], [CTL, "reload", "a"], [CTL, "status", "a"], [CTL, "status", "--json", "--metrics"],
    [CTL, "status", "--metrics", "a", "b"], [CTL, "check", "a"], [CTL, "info"],
    [CTL, "seal"], [CTL, "seal", "a", "b"], [CTL, "addon"], [CTL, "addon", "a"],
    [CTL, "report", "a"], [CTL, "verify", "--trust"], [CTL, "build", "-o"], [CAPTURE, "operand"],
], ids=name)
def test_usage_errors(argv):
    done = run(*argv, code=2)
    assert done.out == ""
    assert re.search(r"^Try '", done.err, re.M), done


def test_version():
    assert re.fullmatch(r"ukdumpctl \d+\.\d+\.\d+\n", ctl("--version", code=0).out)


@pytest.mark.parametrize("argv", [[CTL, "--help"], [CTL, "verify", "--help"]], ids=name)
def test_full_disk_behind_stdout_is_told(argv):
    import subprocess
    with open("/dev/full", "wb") as full:
        done = subprocess.run([str(a) for a in argv], stdout=full, stderr=subprocess.PIPE,
                              check=False, timeout=60)
    assert done.returncode == 1
    assert b"stdout" in done.stderr
