"""How much of the wanted text came out, and how little else: the measure of the pages' own scorer.

Runs of four successive words are compared as multisets; each page weighs the same, however long it is; what is neither
wanted nor unwanted ("optional") is left out of account.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import mean
from typing import Any

_WORD = re.compile(r"\w+")
_RUN = 4


@dataclass(frozen=True)
class Score:
    """Shares of a page's runs: in both texts, only in what came out, only in what was wanted."""

    both: float
    only_out: float
    only_wanted: float


def score(truth: Mapping[str, Any], out: str) -> Score:
    wanted, came = _runs(truth["text"]), _runs(out)
    both = (wanted & came).total()
    missing = (wanted - came).total()
    extra = (came - wanted - _runs(truth.get("optional"))).total()
    total = both + missing + extra or 1
    return Score(both / total, extra / total, missing / total)


def f1(scores: Iterable[Score]) -> float:
    scores = list(scores)
    precision = mean(each.both / (each.both + each.only_out) for each in scores if each.both + each.only_out)
    recall = mean(each.both / (each.both + each.only_wanted) for each in scores if each.both + each.only_wanted)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _runs(text: str | None) -> Counter[tuple[str, ...]]:
    words = _WORD.findall(text or "")
    if not words:
        return Counter()
    if len(words) < _RUN:
        return Counter([tuple(words)])
    return Counter(zip(*(words[start:] for start in range(_RUN)), strict=False))
