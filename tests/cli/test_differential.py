# SPDX-License-Identifier: GPL-2.0-or-later
"""A share of `make differential`: mutants of signed images, our verdict beside others'."""

import sys

import pytest

from cli import REPO

DIFFERENTIAL = REPO / "tests" / "differential"
sys.path.insert(0, str(DIFFERENTIAL))

import hostrun  # noqa: E402
import tools  # noqa: E402
from table import Table  # noqa: E402

MUTANTS = 600


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    result = Table("small images")
    plan = hostrun.small_plan(tmp_path_factory.mktemp("work"), 1)
    for outcome in hostrun.run(plan, MUTANTS):
        result.add(outcome)
    return result


def test_no_unexplained_difference(table):
    """Nothing that we accept is refused by another; what only we refuse has a named reason."""
    print(table.text())
    assert not table.problems, table.text()


def test_the_run_proves_something(table):
    """Many mutants come as far as the signature, for every tool, and every kind is there."""
    assert table.total == MUTANTS
    assert table.resigned >= 0.45 * MUTANTS
    assert len(table.kinds) == 8, table.kinds
    for tool in ("ours", "sbverify", "osslsigncode"):
        beyond = table.reach[tool, tools.BEYOND] + table.reach[tool, tools.ACCEPT]
        assert beyond >= 0.08 * MUTANTS, f"{tool}: {beyond}"
    assert table.pairs[tools.ACCEPT, "sbverify", tools.ACCEPT] >= 30


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
