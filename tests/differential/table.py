# SPDX-License-Identifier: GPL-2.0-or-later
"""The result: who accepts what, how far refusals came, and what is not explained."""

from collections import Counter, defaultdict
from typing import Dict, List

from hostrun import Outcome
from reasons import REASONS
from tools import ACCEPT, BEYOND, CRASH, DIGEST, HANG, NOT_ASKED, REFUSE, STRUCTURE

OUTCOMES = [ACCEPT, REFUSE, CRASH, HANG, NOT_ASKED]
STAGES = [STRUCTURE, DIGEST, BEYOND]
SHOWN = 10  # examples of what is wrong


class Table:
    """Counts of one kind of images."""

    def __init__(self, title: str):
        self.title = title
        self.total = self.resigned = 0
        self.kinds: Counter = Counter()
        self.pairs: Counter = Counter()  # (ours, tool, theirs)
        self.reach: Counter = Counter()  # (tool, stage or outcome)
        self.alone: Dict[str, Counter] = defaultdict(Counter)  # check -> who accepts
        self.problems: List[str] = []

    def add(self, outcome: Outcome) -> None:
        ours = outcome.verdicts["ours"]
        self.total += 1
        self.resigned += outcome.resigned
        self.kinds[outcome.kind] += 1
        self._count_reach(outcome)
        if ours.outcome in (CRASH, HANG):
            self.problems.append(f"ukdumpctl: {ours.outcome}: {outcome.name}: {ours.detail}")
        judges = {n: v for n, v in outcome.verdicts.items() if n not in ("ours", "pefile")}
        for name, verdict in judges.items():
            if ours.outcome == ACCEPT and verdict.outcome not in (ACCEPT, NOT_ASKED):
                self.problems.append(f"accepted by us, {verdict.outcome} by {name}: #"
                                     f"{outcome.number} {outcome.name}: {verdict.detail}")
        if ours.outcome == REFUSE:
            self._count_alone(ours.detail, judges)

    def _count_reach(self, outcome: Outcome) -> None:
        for name, verdict in outcome.verdicts.items():
            self.pairs[outcome.verdicts["ours"].outcome, name, verdict.outcome] += 1
            how = verdict.stage if verdict.outcome == REFUSE else verdict.outcome
            self.reach[name, how] += 1

    def _count_alone(self, check: str, judges) -> None:
        asked = [v for v in judges.values() if v.outcome != NOT_ASKED]
        accepting = [name for name, v in judges.items() if v.outcome == ACCEPT]
        if not accepting:
            return
        self.alone[check].update(accepting)
        self.alone[check]["all"] += len(accepting) == len(asked)
        if check not in REASONS and not self.alone[check]["told"]:
            self.alone[check]["told"] = 1
            self.problems.append(f"no reason is given for {check} (tests/differential/reasons.py)")

    @property
    def tools(self) -> List[str]:
        names = {name for _, name, _ in self.pairs} - {"ours"}
        return sorted(names, key=["sbverify", "osslsigncode", "kernel", "pefile"].index)

    def text(self) -> str:
        judges = [t for t in self.tools if t != "pefile"]
        out = [f"== {self.title}: {self.total} distinct mutants, {self.resigned} signed again "
               f"({100 * self.resigned // max(self.total, 1)} %)", ""]
        out += [f"  {kind:20} {count:6}" for kind, count in sorted(self.kinds.items())]
        out += ["", f"  {'we':8}{'it':>14}" + "".join(f" {o:>9}" for o in OUTCOMES)]
        for tool in self.tools:
            for ours in (ACCEPT, REFUSE, CRASH, HANG):
                counts = [self.pairs[ours, tool, o] for o in OUTCOMES]
                if any(counts):
                    note = "  (structure only)" if tool == "pefile" else ""
                    out.append(f"  {ours:8}" + f"{tool:>14}"
                               + "".join(f" {c:9}" for c in counts) + note)
        out += ["", "  how far they came: a refusal for structure, a digest mismatch, a refusal "
                "behind that", f"  {'':14}" + "".join(f" {s:>10}" for s in [*STAGES, ACCEPT, CRASH])]
        for tool in ["ours", *judges]:
            out.append(f"  {tool:14}" + "".join(
                f" {self.reach[tool, s]:10}" for s in [*STAGES, ACCEPT, CRASH]))
        out += ["", "  refused by us, accepted by (all: by everyone who was asked)",
                f"  {'check':25}" + "".join(f" {t:>12}" for t in [*judges, "all"]) + "  reason"]
        for check, counts in sorted(self.alone.items()):
            out.append(f"  {check:25}" + "".join(f" {counts[t]:12}" for t in [*judges, "all"])
                       + f"  {REASONS.get(check, '???')}")
        out += [f"  {'in all':25}" + "".join(
            f" {sum(c[t] for c in self.alone.values()):12}" for t in [*judges, "all"])]
        if self.problems:
            out += ["", f"  {len(self.problems)} PROBLEMS:",
                    *(f"  {p}" for p in self.problems[:SHOWN])]
        return "\n".join(line.rstrip() for line in out) + "\n"
