# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs mutants through the tools of the host, by two processes, on files in memory."""

import itertools
import multiprocessing
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

from plan import Mutant, Plan
from seeds import KEYS, Seed, more_certificates, signers, small_seeds, strangers
from tools import ACCEPT, NOT_ASKED, Verdict, ask_all

CERT = KEYS / "db.crt"
MEMORY = Path("/dev/shm")


@dataclass
class Outcome:
    """A mutant without its bytes, and what was said of it."""
    number: int
    kind: str
    name: str
    resigned: bool
    hash: bytes
    verdicts: Dict[str, Verdict]


def scratch():
    return tempfile.TemporaryDirectory(prefix="ukdump-differential-",
                                       dir=MEMORY if MEMORY.is_dir() else None)


def judge(mutants: List[Mutant]) -> List[Outcome]:
    with scratch() as d:
        files = []
        for m in mutants:
            files.append(Path(d) / f"{m.number}.efi")
            files[-1].write_bytes(m.data)
        return [Outcome(m.number, m.kind, m.name, m.resigned, m.hash, verdicts)
                for m, verdicts in zip(mutants, ask_all(files, CERT))]


def assert_seeds_accepted(seeds) -> None:
    """Before anything is mutated everybody takes it: else a refusal would mean nothing."""
    whole = [Mutant(i, seed, (), seed.name, seed.data, False) for i, seed in enumerate(seeds)]
    for outcome in judge(whole):
        for name, verdict in outcome.verdicts.items():
            assert verdict.outcome in (ACCEPT, NOT_ASKED), f"{outcome.name}: {name}: {verdict}"


def make_plan(images: List[Seed], work: Path, number: int) -> Plan:
    """A plan for images that everybody accepts as they are."""
    assert_seeds_accepted(images)
    who = signers()
    return Plan(images, who["db"], strangers(images, who), more_certificates(work), number)


def small_plan(work: Path, number: int) -> Plan:
    return make_plan(small_seeds(work, signers()), work, number)


_plan = None  # inherited by the processes of the pool


def _batch(numbers: range) -> List[Outcome]:
    mutants = [m for m in map(_plan.mutant, numbers) if m is not None]
    return judge(mutants) if mutants else []


def run(plan: Plan, wanted: int, batch: int = 100, processes: int = 2,
        progress=lambda done: None) -> Iterator[Outcome]:
    """Outcomes of the first `wanted` distinct mutants of a plan, in the plan's order."""
    global _plan  # pylint: disable=global-statement
    _plan = plan
    seen = set()
    ranges: Iterator[range] = (range(i, i + batch) for i in range(0, 20 * wanted, batch))
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        for outcomes in _ahead(pool, ranges, 2 * processes):
            for outcome in outcomes:
                if outcome.hash in seen:
                    continue
                seen.add(outcome.hash)
                yield outcome
                if len(seen) == wanted:
                    return
            progress(len(seen))
    raise RuntimeError(f"only {len(seen)} distinct mutants of {wanted}")


def _ahead(pool, ranges: Iterator[range], depth: int) -> Iterator[List[Outcome]]:
    """The batches in order, with a few under way: Pool.imap would start all at once."""
    def start(count):
        return [pool.apply_async(_batch, (r,)) for r in itertools.islice(ranges, count)]

    waiting = start(depth)
    while waiting:
        outcomes = waiting.pop(0).get()
        waiting += start(1)
        yield outcomes
