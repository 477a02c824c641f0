# SPDX-License-Identifier: GPL-2.0-or-later
"""Every malformation of docs/UKI.md is refused by its own check, and the good files are accepted."""

import json
import re

import pytest

from cli import REPO, ctl

from conftest import build

import malformed
from malformed import CASES, ELSEWHERE, Maker

TABLE = REPO / "docs" / "UKI.md"
BASES = ("plain", "addon", "profiles", "sealed")


@pytest.fixture(scope="session")
def maker(parts, signers, tmp_path_factory):
    image = tmp_path_factory.mktemp("malformed") / "sealed.efi"
    build(parts, image, "--no-sign", "--cmdline-append", "console=ttyS0 quiet", code=0)
    return Maker(signers / "signer", signers / "foreign", image.read_bytes())


def judge(files, signers):
    """What verify says about each of the files, one process for all."""
    done = ctl("verify", "--json", "--trust", signers / "signer.crt", *files, limit=60)
    return {facts["file"]: facts for facts in json.loads(done.out)}


@pytest.fixture(scope="session")
def made(maker):
    """The file of each case, or why its generator could not prove that it made it."""
    def make(case):
        try:
            return case.make(maker)
        except Exception as e:  # pylint: disable=broad-except
            return e
    return [make(case) for case in CASES]


@pytest.fixture(scope="session")
def verdicts(made, signers, tmp_path_factory):
    """What verify says about each case's file."""
    d = tmp_path_factory.mktemp("cases")
    paths = [d / f"{i}.efi" for i in range(len(CASES))]
    for path, data in zip(paths, made):
        path.write_bytes(data if isinstance(data, bytes) else b"")
    facts = judge(paths, signers)
    return [facts[str(path)] for path in paths]


@pytest.mark.parametrize("base", BASES)
def test_good(maker, signers, tmp_path, base):
    path = tmp_path / "good.efi"
    path.write_bytes(maker.sign(maker.base(base)))
    facts = judge([path], signers)[str(path)]
    assert facts["accepted"], facts
    assert facts["sealed"] == (base == "sealed")
    assert base in ("addon", "sealed") or facts["inner"]["verdict"] == "trusted"


@pytest.mark.parametrize("index", range(len(CASES)), ids=[
    f"{c.number}-{c.base}-{c.name}".replace(" ", "-") for c in CASES])
def test_case(made, verdicts, index):
    if isinstance(made[index], Exception):
        raise made[index]
    case, facts = CASES[index], verdicts[index]
    if case.inner:  # firmware boots such a UKI; the running kernel takes none such
        assert facts["accepted"], facts
        facts = dict(facts["inner"], accepted=facts["inner"]["verdict"] == "trusted")
    assert not facts["accepted"] and facts["check"] == case.check, facts
    assert "\n" not in facts["reason"] and len(facts["reason"]) < 500


def test_cases_differ(made):
    """No two names for one file, but for a rule that is another's limit."""
    assert len(set(made)) == len(CASES) - 1
    twice = {case.name for case, data in zip(CASES, made) if made.count(data) > 1}
    assert twice == {"264 sections", "257 profiles"}


def test_every_number_has_a_test():
    have = {case.number for case in CASES} - {0}
    assert have | set(ELSEWHERE) == set(range(1, 55)), "a number without a test"
    assert not have & set(ELSEWHERE)
    for where in ELSEWHERE.values():
        named = re.findall(r"tests/[\w/]+\.\w+|test_\w+", where)
        paths = [REPO / name for name in named if "/" in name]
        text = "".join(path.read_text() for path in paths)
        assert paths and all(name in text for name in named if "/" not in name), where


CHECK = r"(?:pe|cert|uki|addon|kernel|sealed|auth|revoked|efi|file|host|parts|plan|seal)" \
    r"\.[a-z][a-z0-9-]+"


def rows():
    """Lines of the table in docs/UKI.md: numbers, checks."""
    section = TABLE.read_text().split("## What an image is judged by\n")[1].split("\n## ")[0]
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and re.match(r"[\d–]", cells[0]):
            yield numbers_of(cells[0]), set(re.findall(CHECK, cells[3]))


def numbers_of(text):
    found = set()
    for first, last in re.findall(r"(\d+)(?:–(\d+))?", text):
        found |= set(range(int(first), int(last or first) + 1))
    return found


def checks_in(*components):
    sources = [f for c in components for f in (REPO / "src" / c).rglob("*.[ch]")]
    return {check for f in sources for check in re.findall(f'"({CHECK})"', f.read_text())}


def test_table_names_every_check_and_no_other():
    named = set().union(*(checks for _, checks in rows()))
    assert len(named) > 80
    assert not named - checks_in("pe", "auth", "loader", "build", "ctl")
    assert not checks_in("pe", "auth") - named - {"file.type"}


def test_table_names_the_number_of_every_case():
    listed = {}
    for numbers, checks in rows():
        for check in checks:
            listed.setdefault(check, set()).update(numbers)
    wrong = [(c.number, c.name, c.check) for c in CASES
             if c.number and c.number not in listed.get(c.check, ())]
    assert not wrong
    assert set().union(*listed.values()) == set(range(1, 55))


@pytest.mark.not_ours
def test_generator_by_itself(tmp_path):
    malformed.main(["malformed.py", str(tmp_path)])
    assert len(list(tmp_path.glob("*.efi"))) == len([c for c in CASES if c.base != "sealed"])
