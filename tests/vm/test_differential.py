# SPDX-License-Identifier: GPL-2.0-or-later
"""A share of `make differential` before kexec_file_load: what we accept the kernel takes."""

import sys

from vmbed.paths import REPO

sys.path[:0] = [str(REPO / "tests" / "differential"), str(REPO / "tests" / "gen")]

import guest  # noqa: E402
import hostrun  # noqa: E402
import tools  # noqa: E402
from table import Table  # noqa: E402

MUTANTS, LOADED = 600, 60


def test_the_kernel_takes_what_we_accept(vm):
    """One boot: without those that are known to kill 6.12, which the whole run has."""
    plan = hostrun.small_plan(vm.logs, 2)
    outcomes = list(hostrun.run(plan, MUTANTS))
    verdicts = guest.judge(vm, guest.choose(plan, outcomes, LOADED, deadly=0))
    table = Table("small images, host and kexec_file_load")
    for outcome in guest.add_verdicts(outcomes, verdicts):
        table.add(outcome)
    print(table.text())
    assert not table.problems, table.text()
    assert table.total == LOADED
    assert table.pairs[tools.ACCEPT, "kernel", tools.ACCEPT] >= 20
    assert table.pairs[tools.REFUSE, "kernel", tools.REFUSE] >= 5
