# SPDX-License-Identifier: GPL-2.0-or-later
"""A share of `make differential`: mutants of signed images, our verdict beside others'."""

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from cli import REPO

DIFFERENTIAL = REPO / "tests" / "differential"
sys.path.insert(0, str(DIFFERENTIAL))

import hostrun  # noqa: E402
import tools  # noqa: E402
from table import Table  # noqa: E402

MUTANTS = 600


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    return hostrun.small_plan(tmp_path_factory.mktemp("work"), 1)


@pytest.fixture(scope="module")
def table(plan):
    result = Table("small images")
    for outcome in hostrun.run(plan, MUTANTS):
        result.add(outcome)
    return result


@pytest.mark.not_ours
def test_no_unexplained_difference(table):
    """Nothing that we accept is refused by another; what only we refuse has a named reason."""
    print(table.text())
    assert not table.problems, table.text()


def test_no_mutant_breaks_us(plan, tmp_path):
    """By itself, for the build with sanitizers, which leaves out the comparison."""
    files = []
    for mutant in filter(None, map(plan.mutant, range(MUTANTS))):
        files.append(tmp_path / f"{mutant.number}.efi")
        files[-1].write_bytes(mutant.data)
    verdicts = tools.ours(files, hostrun.CERT)
    assert len(verdicts) > 0.9 * MUTANTS
    assert [v for v in verdicts if v.outcome not in (tools.ACCEPT, tools.REFUSE)] == []


# What the run found accepted here and refused elsewhere; made again by name.
FOUND = {
    "with a stranger 16:30 tag^20": "auth.pkcs7",  # kernel: its decoder
    "with a stranger 9:31 empty": "auth.certificates",
    "with a stranger 10:30 deleted": "auth.certificates",
    "with a stranger 31:04 empty": "auth.certificates",  # an extension
    "with a stranger 29:06 cut": "auth.chain",  # a changed one: the self-signature fails
    "with a stranger 25:03 cut": "auth.certificates",  # the key
    "with a stranger 23:06 first^01": "auth.certificates",  # its algorithm: ENOPKG for all
    # The signature says that its last bit is unused: where that bit is set, it isn't even DER.
    "with a stranger 41:03 first^01": ("auth.certificates", "auth.pkcs7"),
    "signing time 20270101000000Z, generalized": "auth.signing-time",
    "signing time 2701010000Z": "auth.signing-time",
    "content 4:03 deleted": "auth.content",  # osslsigncode: no flags
    "content 5:a0 deleted": "auth.content",  # osslsigncode: no file
    "73:31 tag^20": "auth.pkcs7",  # kernel: the signer's issuer, byte for byte
    "76:0c first^20": "auth.signer",
}


@pytest.mark.parametrize("name", FOUND)
def test_found(plan, name, tmp_path):
    orders = [o for o in plan.single if o.seed == 0 and name in (
        [m.name for m in o.after] + [o.recipe.name if o.recipe else None])]
    assert len(orders) == 1
    image = tmp_path / "mutant.efi"
    image.write_bytes(plan.make(orders[0])[0])
    expected = FOUND[name] if isinstance(FOUND[name], tuple) else (FOUND[name],)
    assert tools.ours([image], hostrun.CERT)[0].detail in expected


@pytest.mark.not_ours
def test_the_run_proves_something(table):
    """Many mutants come as far as the signature, for every tool, and every kind is there."""
    assert table.total == MUTANTS
    assert table.resigned >= 0.45 * MUTANTS
    assert len(table.kinds) == 8, table.kinds
    for tool in ("ours", "sbverify", "osslsigncode"):
        beyond = table.reach[tool, tools.BEYOND] + table.reach[tool, tools.ACCEPT]
        assert beyond >= 0.08 * MUTANTS, f"{tool}: {beyond}"
    assert table.pairs[tools.ACCEPT, "sbverify", tools.ACCEPT] >= 30


@pytest.mark.not_ours
def test_pefile_says_what_it_finds(plan, tmp_path):
    """Of each file by itself, on any thread: pytest-xdist does not promise the main one."""
    files = [tmp_path / name for name in ("whole.efi", "text.efi", "absent.efi")]
    files[0].write_bytes(plan.seeds[0].data)
    files[1].write_text("no PE file")
    with ThreadPoolExecutor(1) as other:
        verdicts = other.submit(tools.pe_module, files).result()
    assert [v.outcome for v in verdicts] == [tools.ACCEPT, tools.REFUSE, tools.CRASH]
    assert "FileNotFoundError" in verdicts[2].detail


@pytest.mark.not_ours
def test_a_wrong_verdict_is_noticed():
    """The table itself: each kind of problem is one."""
    def problems(ours, other):
        one = Table("one")
        one.add(hostrun.Outcome(1, "kind", "name", False, b"", {"ours": ours, "sbverify": other}))
        return len(one.problems)

    accept, refuse = tools.Verdict(tools.ACCEPT), tools.Verdict(tools.REFUSE, detail="pe.mz")
    assert problems(accept, accept) == problems(refuse, refuse) == problems(refuse, accept) == 0
    assert problems(accept, refuse) == 1
    assert problems(accept, tools.Verdict(tools.CRASH)) == 1
    assert problems(tools.Verdict(tools.CRASH), refuse) == 1
    assert problems(tools.Verdict(tools.REFUSE, detail="no.such-check"), accept) == 1
