#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Compares our verdict about mutants of signed images with everybody else's.

Prints the table and writes it to build/reports/differential.txt; fails if anything is accepted
by us and refused by another, or refused by us for a reason that is not explained.
"""

import argparse
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "gen")]

import hostrun  # noqa: E402
import seeds  # noqa: E402
from plan import Plan  # noqa: E402
from table import Table  # noqa: E402


def say(text: str) -> None:
    print(text, flush=True)


def progress(start: float, wanted: int):
    """A line about every ten seconds."""
    last = [start]

    def tell(done: int) -> None:
        now = time.monotonic()
        if now - last[0] >= 10:
            last[0] = now
            say(f"  {done} of {wanted} [{now - start:.0f} s]")
    return tell


def host_table(title, plan, wanted, batch):
    table, start = Table(title), time.monotonic()
    outcomes = []
    for outcome in hostrun.run(plan, wanted, batch, progress=progress(start, wanted)):
        table.add(outcome)
        outcomes.append(outcome)
    say(f"{title}: {wanted} mutants in {time.monotonic() - start:.0f} s")
    return table, outcomes


def guest_table(plan, outcomes, wanted):
    """A share of the small mutants once more, with the kernel's verdict."""
    import guest  # pylint: disable=import-outside-toplevel
    from vmbed.bed import Bed  # pylint: disable=import-outside-toplevel
    table, start = Table("small images, host and kexec_file_load"), time.monotonic()
    bed, passed = Bed("differential"), False
    try:
        mutants = guest.choose(plan, outcomes, wanted)
        for outcome in guest.add_verdicts(outcomes, guest.judge(bed, mutants, say)):
            table.add(outcome)
        passed = not table.problems
    finally:
        bed.close(passed)
    say(f"{table.title}: {table.total} mutants in {bed.runs} guests, "
        f"{time.monotonic() - start:.0f} s")
    return table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", type=int, default=20000, help="mutants of small images")
    parser.add_argument("--real", type=int, default=200, help="mutants of real images")
    parser.add_argument("--guest", type=int, default=500,
                        help="of the small ones, how many go to kexec_file_load in a guest")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path,
                        default=seeds.REPO / "build/reports/differential.txt")
    parser.add_argument("--write", nargs=2, metavar=("N", "FILE"),
                        help="only write the small mutant of this number")
    args = parser.parse_args()
    tables = []
    with hostrun.scratch() as d:
        work = Path(d)
        plan = hostrun.small_plan(work, args.seed)
        if args.write:
            Path(args.write[1]).write_bytes(plan.mutant(int(args.write[0])).data)
            return 0
        table, outcomes = host_table("small images, host", plan, args.small, 100)
        tables.append(table)
        if args.guest:
            tables.append(guest_table(plan, outcomes, args.guest))
        if args.real:
            for i, seed in enumerate(seeds.real_seeds(work, plan.signer)):
                count = args.real // 2 + (args.real % 2 if i else 0)
                real = hostrun.make_plan([seed], work, args.seed)
                tables.append(host_table(f"{seed.name}, host", real, count, 4)[0])
    text = f"seed {args.seed}\n\n" + "\n".join(t.text() for t in tables)
    problems = sum(len(t.problems) for t in tables)
    text += f"\n{problems} problems\n"
    args.report.parent.mkdir(parents=True, exist_ok=True)
    args.report.write_text(text)
    say("\n" + text)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
