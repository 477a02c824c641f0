# SPDX-License-Identifier: GPL-2.0-or-later
"""`status` and `check` on terminals of several widths, with and without colours, and in a pipe."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

import pytest

import refresh_machine

ESCAPE = re.compile(r"\033\[[0-9;]*m")


@pytest.fixture
def m(tmp_path, signers):
    return refresh_machine.make(tmp_path, signers)


def on_terminal(m, columns, *words, **environment):
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = {"TERM": "xterm", **m.options()["env"], **environment}
    p = subprocess.Popen(m.argv(m.dir / "bin/ukdumpctl", *words), stdin=subprocess.DEVNULL,
                         stdout=its, stderr=subprocess.DEVNULL, env=env)
    os.close(its)
    out = b""
    while True:
        try:
            data = os.read(ours, 4096)
        except OSError:  # its side is closed
            break
        out += data
    os.close(ours)
    p.wait(20)
    return out.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("columns", [80, 200])
@pytest.mark.parametrize("verb", ["status", "check"])
def test_width(m, verb, columns):
    m.put("etc/ukdump/ukdump.conf", "[Dump]\nTarget=exec:/no/program\n")
    text = on_terminal(m, columns, verb, NO_COLOR="1")
    assert "\033" not in text
    assert max(map(len, text.splitlines())) <= columns
    assert re.search(r"^failed   target\.1 +exec:/no/program: /no/program: No such", text, re.M)
    assert re.search(r"^ {36}needed  reachable, writable", text, re.M)
    assert re.search(r"^ {36}do      mend it, or change", text, re.M)


def test_colours(m):
    m.refresh()
    plain = on_terminal(m, 120, "check", NO_COLOR="1")
    colour = on_terminal(m, 120, "check", NO_COLOR="")
    assert "\033[32mok\033[0m" in colour and ESCAPE.sub("", colour) == plain
    assert "\033" not in on_terminal(m, 120, "check", TERM="dumb")
    assert "\033[32marmed\033[0m" in on_terminal(m, 120, "status")


def test_pipe(m):
    """A line each, that begins with verdict and name; whatever TERM says."""
    m.put("etc/ukdump/ukdump.conf", "[Dump]\nTarget=exec:/no/program\n")
    lines = m.ctl("check", code=1).out.splitlines()
    assert lines[-2] == "" and re.fullmatch(r"\d+ ok, \d+ warning, \d+ failed, \d+ unknown", lines[-1])
    for line in lines[:-2]:
        assert re.match(r"(ok|warning|failed|unknown) +[a-z]+(\.[a-z0-9-]+)? +\S", line), line
    target, = (line for line in lines if " target.1 " in line)
    assert target.endswith("; needed: reachable, writable, room for a dump; "
                           "do: mend it, or change Target= in ukdump.conf")
    for line in m.ctl("status", code=3).out.splitlines():
        assert re.match(r"[a-z ]{9} \S", line), line
