# SPDX-License-Identifier: GPL-2.0-or-later
"""Which mutants are made: decided by seed and number alone, so that every process agrees."""

import hashlib
import random
import struct
from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

from mutate_cert import CRAFTED, recipes, pkcs7_mutations, set_first, table_mutations, first_blob
from mutate_pe import Mutation, all_mutations
from seeds import Seed
from signer import MODELS, Recipe, Signer, Unreadable, image_digest

COMPOSED = "composed of two"
MODEL_WEIGHTS = {"kernel": 3, "linear": 1}


@dataclass
class Mutant:
    number: int
    seed: Seed
    kinds: Tuple[str, ...]  # classes of what was done
    name: str
    data: bytes
    resigned: bool

    @property
    def kind(self) -> str:
        return self.kinds[0] if len(self.kinds) == 1 else COMPOSED

    @property
    def hash(self) -> bytes:
        return hashlib.sha256(self.data).digest()


@dataclass
class Order:
    """How to make a mutant: header mutations, a signature over the result, then its damage."""
    seed: int
    before: Tuple[Mutation, ...] = ()
    model: Optional[str] = None  # None: not signed again
    recipe: Optional[Recipe] = None
    after: Tuple[Mutation, ...] = ()

    @property
    def is_single(self) -> bool:
        return len(self.before) + len(self.after) + (self.recipe is not None) == 1


class Plan:
    """An endless, deterministic list of orders: first every single mutation, then compositions."""

    def __init__(self, seeds: Sequence[Seed], signer: Signer, strangers: Dict[str, bytes],
                 certificates: Dict[str, bytes], number: int):
        self.seeds, self.signer, self.number = seeds, signer, number
        self.before = [all_mutations(s.data, s.layout) for s in seeds]
        self.after = [table_mutations(s.data, s.layout, strangers)
                      + pkcs7_mutations(s.data, s.layout) for s in seeds]
        self.recipes = recipes(strangers, certificates, first_blob(seeds[0].data, seeds[0].layout))
        self.single = self._single_orders()

    def _single_orders(self) -> List[Order]:
        """Every mutation of the first seed, those of headers with the old signature and a new one;
        behind them the header mutations of the others."""
        first = [Order(0, before=(m,), model=model)
                 for m in self.before[0] for model in ("kernel", None)]
        first += [Order(0, after=(m,)) for m in self.after[0]]
        first += [Order(0, model="kernel", recipe=r) for r in self.recipes]
        others = [Order(i, before=(m,), model="kernel")
                  for i in range(1, len(self.seeds)) for m in self.before[i]]
        for part in (first, others):
            random.Random(self.number).shuffle(part)
        return first + others

    def _composed(self, n: int) -> Order:
        rng = random.Random(f"{self.number} {n}")
        i = rng.randrange(len(self.seeds))
        before, after, recipe = [], [], None
        for _ in range(2):
            where = rng.choices(["before", "after", "recipe"], [5, 4, 1])[0]
            if where == "before":
                before.append(_pick(rng, self.before[i]))
            elif where == "after":
                after.append(_pick(rng, self.after[i]))
            else:
                recipe = rng.choice(self.recipes)
        model = None
        if recipe or (before and rng.random() < 0.75):
            model = rng.choices(list(MODEL_WEIGHTS), list(MODEL_WEIGHTS.values()))[0]
        return Order(i, tuple(before), model, recipe, tuple(after))

    def order(self, n: int, share: float = 0.85) -> Order:
        """The n-th order; share of the single mutations while there are any left."""
        done = int(n * share)
        if int((n + 1) * share) > done and done < len(self.single):
            return self.single[done]
        return self._composed(n)

    def mutant(self, n: int) -> Optional[Mutant]:
        """The n-th mutant, or None if what was ordered changes nothing or cannot be done."""
        order = self.order(n)
        seed = self.seeds[order.seed]
        made = self.make(order)
        if made is None or made[0] == seed.data:
            return None
        data, resigned = made
        kinds = [m.kind for m in order.before] + [m.kind for m in order.after]
        names = [m.name for m in order.before] + [m.name for m in order.after]
        if order.recipe:
            kinds, names = [CRAFTED, *kinds], [order.recipe.name, *names]
        how = f", signed ({order.model})" if resigned else ""
        return Mutant(n, seed, tuple(kinds), f"{seed.name}: {' + '.join(names)}{how}", data,
                      resigned)

    def make(self, order: Order) -> Optional[Tuple[bytes, bool]]:
        """The bytes, and whether they were signed again; None if that cannot be done."""
        seed = self.seeds[order.seed]
        data, resigned = bytearray(seed.data), False
        try:
            for m in order.before:
                data = m.apply(data)
            if order.model:
                resigned = self._sign(data, seed, order.model, order.recipe or Recipe())
                if not resigned and order.recipe:
                    return None
            for m in order.after:
                data = m.apply(data)
        except (IndexError, AssertionError, AttributeError, ValueError, struct.error):
            if order.is_single:
                raise
            return None  # the second does not fit what the first left
        return bytes(data), resigned

    def _sign(self, data: bytearray, seed: Seed, model: str, recipe: Recipe) -> bool:
        """A good signature over the mutated bytes; False if its digest cannot be computed."""
        for name in [model, *MODELS]:
            try:
                digest = image_digest(bytes(data), name, recipe.image_alg)
                break
            except Unreadable:
                continue
        else:
            return False
        set_first(data, seed.layout, self.signer.pkcs7(digest, recipe))
        return True


def _pick(rng: random.Random, mutations: List[Mutation]) -> Mutation:
    """A class first, then one of it: else headers' thousands would hide the rest."""
    kind = rng.choice(sorted({m.kind for m in mutations}))
    return rng.choice([m for m in mutations if m.kind == kind])
