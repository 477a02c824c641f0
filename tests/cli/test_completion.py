# SPDX-License-Identifier: GPL-2.0-or-later
"""Completion offers every verb and every long option, in each shell that is installed."""

import os
import re
import shutil
import subprocess
import tempfile

import pytest

from cli import BUILD, REPO, ctl

FILES = REPO / "config" / "completion"
HIDDEN = {"--luks-key"}  # from `luks enroll` to `build`, not for people
# Each prints one candidate per line for the words in $@, of which the last is being typed.
SHELLS = {
    "bash": ["bash", "-c", """
        . "$0"
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _ukdumpctl "$1"
        printf '%s\\n' "${COMPREPLY[@]}"
     """, FILES / "bash" / "ukdumpctl"],
    "zsh": ["zsh", "-fc", """
        _describe() { local -a w=(${(P)argv[-1]}); print -rl -- ${(M)w:#$words[CURRENT]*} }
        _files() { }
        words=("$@") CURRENT=$#
        . $ZSH_FILE
     """, "zsh"],
    "fish": ["fish", "--no-config", "-c", """
        source $FISH_FILE
        complete -C (string join ' ' -- $argv)
     """],
}


def offered(shell, *words):
    argv = [*SHELLS[shell], "ukdumpctl", *words]
    env = {**os.environ, "PATH": f"{BUILD}:{os.environ['PATH']}",
           "ZSH_FILE": str(FILES / "zsh" / "_ukdumpctl"),
           "FISH_FILE": str(FILES / "fish" / "ukdumpctl.fish")}
    with tempfile.TemporaryDirectory() as home:  # fish makes directories there
        done = subprocess.run([str(a) for a in argv], env={**env, "HOME": home}, text=True,
                              timeout=60, check=False, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.stderr == "", done
    return {re.split("[:\t]", line)[0] for line in done.stdout.splitlines() if line}


def verbs():
    return set(re.findall(r"^  ([a-z][a-z-]*)  ", ctl("--help", code=0).out, re.M))


def options(verb):
    """Of the lines that explain options, what stands in front of the explanation."""
    lines = re.findall(r"^ {2}(?: {4})?(-.*?)(?:  .*)?$", ctl(verb, "--help", code=0).out, re.M)
    return set(re.findall(r"--[a-z][a-z-]*", "\n".join(lines)))


@pytest.fixture(params=sorted(SHELLS))
def shell(request):
    if not shutil.which(request.param):
        pytest.skip(f"no {request.param}")
    return request.param


def test_every_verb(shell):
    assert verbs() <= offered(shell, "")


def test_a_verb_begun(shell):
    assert offered(shell, "sta") == {v for v in verbs() if v.startswith("sta")}


def test_every_option_of_every_verb(shell):
    found = set()
    for verb in verbs():
        words = offered(shell, verb, "--")
        assert words == options(verb), verb
        found |= words
    sources = "".join(p.read_text() for p in (REPO / "src" / "ctl").rglob("*.c"))
    tables = set(re.findall(r'\{"([a-z-]+)", (?:no|required|optional)_argument', sources))
    assert len(tables) > 20
    assert {f"--{name}" for name in tables} - found == HIDDEN


def test_words_behind_a_verb(shell):
    assert offered(shell, "luks", "") >= {"enroll", "remove", "status"}
    assert offered(shell, "luks", "enroll", "--key-f") == {"--key-file"}


def test_nothing_for_an_unknown_verb(shell):
    assert offered(shell, "nix", "--") == set()
