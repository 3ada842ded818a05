"""Key concepts: the words and phrases a page keeps coming back to, weighed by where they stand.

Phrases are runs of one to three words without a small word or punctuation between them (as in RAKE); each place
counts by its weight (title, tags, headings, beginning), and longer phrases absorb the words they are made of.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import islice

from services.analyzer.domain.heuristic.reading import WORD, Reading
from services.analyzer.domain.vocabulary import MAX_NAME_CHARS

WANTED = 8

_LONGEST = 3
_TITLE, _TAG, _HEADING, _OPENING, _BODY = 6.0, 5.0, 3.0, 1.5, 1.0
_OPENING_CHARS = 1_200
_LEAST_TIMES_OF_A_PHRASE = 2
_BREAK = re.compile(r"[^\w\s'\u2019+#.\-/]+|[.](?:\s|$)|\s[-\u2013\u2014]\s|\n")
_IDEOGRAPHS = re.compile(r"[\u4e00-\u9fff]{2,}|[\u30a1-\u30fa\u30fc]{2,}|[\uac00-\ud7a3]{2,}")
_LONG_RUN = 6
_SHORTEST_WORD = 3
_ADDRESS = re.compile(r"\(?https?://\S+|\bwww\.\S+")


def key_concepts(reading: Reading) -> tuple[str, ...]:
    """The page's key concepts, most important first; at most `WANTED`."""
    weights: defaultdict[tuple[str, ...], float] = defaultdict(float)
    times: Counter[tuple[str, ...]] = Counter()
    forms: defaultdict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for text, weight in _places(reading):
        for phrase, form in _phrases(text, reading.stopwords):
            weights[phrase] += weight
            times[phrase] += 1
            forms[phrase][form] += 1
    prominent = {phrase for phrase in weights if weights[phrase] > times[phrase] * _OPENING}
    kept = {
        phrase: _score(phrase, weight)
        for phrase, weight in weights.items()
        if len(phrase) == 1 or times[phrase] >= _LEAST_TIMES_OF_A_PHRASE or phrase in prominent
    }
    return tuple(_best_form(forms[phrase]) for phrase in islice(_without_parts(kept, times), WANTED))


def _places(reading: Reading) -> Iterator[tuple[str, float]]:
    prose = _ADDRESS.sub(" ", reading.prose)
    yield reading.title, _TITLE
    yield "\n".join(reading.tags), _TAG
    yield "\n".join(reading.headings), _HEADING
    yield reading.description, _OPENING
    yield prose[:_OPENING_CHARS], _OPENING
    yield prose[_OPENING_CHARS:], _BODY


def _phrases(text: str, small: frozenset[str]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every phrase of the text as (its words in their base form, as it is written)."""
    for part in _BREAK.split(text):
        if not part or part.isspace():
            continue
        run: list[tuple[str, str]] = []
        for word in WORD.findall(part):
            lower = word.lower()
            if _carries_topic(lower, small):
                run.append((_base(lower), word))
            elif run:
                yield from _within(run)
                run = []
        if run:
            yield from _within(run)
    for found in _IDEOGRAPHS.findall(text):
        yield from _ideographs(found)


def _within(run: list[tuple[str, str]]) -> Iterator[tuple[tuple[str, ...], str]]:
    for start in range(len(run)):
        for end in range(start + 1, min(start + _LONGEST, len(run)) + 1):
            words = run[start:end]
            yield tuple(base for base, _ in words), " ".join(form for _, form in words)


def _ideographs(run: str) -> Iterator[tuple[tuple[str, ...], str]]:
    if len(run) <= _LONG_RUN:
        yield (run,), run
        return
    for start in range(len(run) - 1):
        yield (run[start : start + 2],), run[start : start + 2]


def _carries_topic(lower: str, small: frozenset[str]) -> bool:
    if lower in small or lower.isdigit() or len(lower) > MAX_NAME_CHARS // 2:
        return False
    return (
        (len(lower) >= _SHORTEST_WORD or lower in _SHORT_TERMS) and not _IDEOGRAPHS.match(lower) and lower[0].isalpha()
    )


_SHORT_TERMS = frozenset(
    ["ai", "ml", "ui", "ux", "go", "js", "ts", "c#", "c++", "f#", "os", "db", "ci", "cd", "vm", "io"]
)


def _base(lower: str) -> str:
    """A plural's singular, so that both count as one; good enough for English, harmless elsewhere."""
    lower = lower.removesuffix("'s").removesuffix("\u2019s")
    if len(lower) > _SHORTEST_WORD + 1 and lower.endswith("ies"):
        return lower[:-3] + "y"
    if len(lower) > _SHORTEST_WORD and lower.endswith("s") and not lower.endswith(("ss", "us", "is", "js", "os")):
        return lower[:-1]
    return lower


def _score(phrase: tuple[str, ...], weight: float) -> float:
    return weight * (1 + 0.7 * (len(phrase) - 1))


def _without_parts(scores: dict[tuple[str, ...], float], times: Counter[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """Phrases best first, without those that mostly occur as part of a better one or repeat its words."""
    taken: list[tuple[str, ...]] = []
    for phrase in sorted(scores, key=lambda phrase: (-scores[phrase], phrase)):
        words = set(phrase)
        if any(words <= set(better) and times[phrase] <= 2 * times[better] for better in taken):
            continue
        if any(set(better) < words for better in taken[:3]) and len(phrase) == _LONGEST:
            continue
        taken.append(phrase)
        yield phrase


def _best_form(forms: Counter[str]) -> str:
    """The way the phrase is written most often; all lower case unless its capitals mean something."""
    form = max(forms, key=lambda form: (forms[form], form.islower(), form))
    lowered = form.lower()
    return lowered if lowered in forms and forms[lowered] * 3 >= forms[form] else form
