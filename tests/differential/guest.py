# SPDX-License-Identifier: GPL-2.0-or-later
"""Mutants before kexec_file_load of a locked-down guest: hundreds in one boot.

A mutant that kills the kernel is a result; the guest is started anew behind it.
"""

import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import Dict, Iterable, List, Sequence

from hostrun import Outcome
from plan import Mutant, Plan
from seeds import REPO
from signer import Unreadable, header_fields
from tools import ACCEPT, BEYOND, CRASH, DIGEST, HANG, REFUSE, STRUCTURE, Verdict

sys.path.insert(0, str(REPO / "tests" / "vm"))

from vmbed import helpers, qemu  # noqa: E402

SCRIPT = """
    cd /payload/m
    kfl --batch *.efi | while read -r name verdict; do
        printf '{"key": "m%s", "value": "%s"}\\n' "${name%.efi}" "$verdict" >&9
    done
"""
DEADLY = 8  # mutants of those that are known to kill 6.12: each costs a boot


# Which ------------------------------------------------------------------------------------------

def is_deadly(data: bytes) -> bool:
    """6.12 writes through a zero-size allocation if there are no sections, and reads behind its
    buffer if one ends there (verify_pefile.c: pefile_digest_pe_contents())."""
    try:
        fields = header_fields(data)
    except Unreadable:
        return False
    return not fields.sections or any(size and raw + size > len(data)
                                      for _, _, _, size, raw in fields.sections)


def _group(outcome: Outcome):
    """Mutants of a group are much the same for all verifiers of the host."""
    return (outcome.kind, outcome.resigned,
            *(v.detail if name == "ours" else (v.outcome, v.stage)
              for name, v in sorted(outcome.verdicts.items())))


def _reaches(outcome: Outcome) -> bool:
    return any(v.stage == BEYOND for v in outcome.verdicts.values())


def _in_turn(outcomes: Iterable[Outcome]) -> Iterable[Outcome]:
    """One of each group, then another of each, ...; those that come far first."""
    groups = defaultdict(list)
    for outcome in outcomes:
        groups[_group(outcome)].append(outcome)
    waiting = sorted(groups.values(), key=lambda g: not _reaches(g[0]))
    while waiting:
        for group in waiting:
            yield group.pop(0)
        waiting = [g for g in waiting if g]


def choose(plan: Plan, outcomes: Sequence[Outcome], wanted: int, deadly: int = DEADLY
           ) -> List[Mutant]:
    """Half of what we accept, where a different answer would matter most; of the rest some of
    every kind, mostly such as other verifiers looked at closely."""
    accepted = _in_turn(o for o in outcomes if o.verdicts["ours"].outcome == ACCEPT)
    refused = _in_turn(o for o in outcomes if o.verdicts["ours"].outcome != ACCEPT)
    chosen: List[Mutant] = []
    for source, limit in ((accepted, wanted // 2), (refused, wanted)):
        for outcome in source:
            if len(chosen) == limit:
                break
            mutant = plan.mutant(outcome.number)
            if is_deadly(mutant.data):
                if deadly == 0:
                    continue
                deadly -= 1
            chosen.append(mutant)
    return sorted(chosen, key=lambda m: m.number)


# Running ----------------------------------------------------------------------------------------

def _verdict(text: str) -> Verdict:
    """A line of kfl --batch."""
    match = re.match(r"(errno|signal)=(\d+) (\S+): ?(.*)", text)
    what, number, name, message = match.groups()
    if what == "signal":
        return Verdict(CRASH, detail=message)
    if number == "0":
        return Verdict(ACCEPT, BEYOND)
    stage = STRUCTURE
    if "igest mismatch" in message:
        stage = DIGEST
    elif name in ("EKEYREJECTED", "ENOKEY"):
        stage = BEYOND
    return Verdict(REFUSE, stage, f"{name}: {message}")


def _boot(bed, mutants: Sequence[Mutant]) -> Dict[int, Verdict]:
    """One guest: the verdicts it had reported when it ended, in whatever way."""
    folder = bed.logs / f"mutants{bed.runs + 1}"
    folder.mkdir()
    for m in mutants:
        (folder / f"{m.number:08}.efi").write_bytes(m.data)
    outcome = HANG
    try:
        result = bed.run_micro(append="crashkernel=128M", timeout=180 + len(mutants),
                               programs=[helpers.program("kfl")], files={"m": folder},
                               script=SCRIPT)
        outcome = CRASH
    except qemu.GuestError as late:
        if late.result is None:
            raise
        result = late.result
    verdicts = {int(r.key[1:]): _verdict(r.value) for r in result.reports
                if re.fullmatch(r"m\d+", r.key)}
    if result.exit_status is None:
        # The guest is gone: the mutant whose result did not come is the one that did it.
        left = [m for m in mutants if m.number not in verdicts]
        assert result.get("boot") and left, qemu.explain(result)
        verdicts[left[0].number] = Verdict(outcome, detail="the guest did not go on")
    elif result.exit_status or not verdicts:
        raise qemu.GuestError(f"no results\n{qemu.explain(result)}")
    return verdicts


def judge(bed, mutants: Sequence[Mutant], say=print) -> Dict[int, Verdict]:
    """What the kernel says of each mutant, by number."""
    verdicts: Dict[int, Verdict] = {}
    while left := [m for m in mutants if m.number not in verdicts]:
        verdicts.update(_boot(bed, left))
        say(f"  {len(verdicts)} of {len(mutants)} in guest {bed.runs}")
    return verdicts


def add_verdicts(outcomes: Iterable[Outcome], verdicts: Dict[int, Verdict]) -> List[Outcome]:
    """The outcomes of those that were loaded, with the kernel's verdict."""
    chosen = [o for o in outcomes if o.number in verdicts]
    for outcome in chosen:
        outcome.verdicts = {**outcome.verdicts, "kernel": verdicts[outcome.number]}
    return chosen
