"""Technologies a page deals with, found by name in a lexicon; words of everyday language need evidence."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice

from services.analyzer.domain.heuristic import tables
from services.analyzer.domain.heuristic.reading import WORD, Reading
from services.analyzer.domain.vocabulary import MAX_TECHNOLOGIES

_TITLE, _TAG, _HEADING, _BODY = 5, 5, 2, 1
_PASSING = 0.06  # of the most frequent one's weight: less is a mention in passing
_PROMINENT = 5  # where one stands out so, a single mention of another is in passing
_LEAST_OF_A_MEDIUM, _PASSING_OF_A_MEDIUM = 3, 0.25
_SHORT_PAGE_WORDS = 200
_NEAR = 2
_LONGEST_COMPARISON = 3

_POSSESSIVE = re.compile(r"['\u2019]s\b")

_Phrases = Mapping[str, Sequence[tuple[tuple[str, ...], str]]]


@cache
def _phrases() -> _Phrases:
    """Every way to write every technology by its first word, longest first."""
    table: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for name, ways in tables.technologies().items():
        for way in ways:
            words = tuple(WORD.findall(way))
            table.setdefault(words[0], []).append((words, name))
    return {first: sorted(phrases, key=lambda phrase: -len(phrase[0])) for first, phrases in table.items()}


@cache
def _first_words() -> frozenset[str]:
    """Words a technology's name may begin with."""
    return frozenset(_phrases()) | {word.lower() for word in tables.everyday_words()}


@dataclass(frozen=True, slots=True)
class _Place:
    """The words of one place in the page, as they are written and in lower case, and how much it counts."""

    words: Sequence[str]
    lower: Sequence[str]
    weight: int

    @classmethod
    def of(cls, text: str, weight: int) -> "_Place":
        words = WORD.findall(_POSSESSIVE.sub("", text))
        return cls(words, list(map(str.lower, words)), weight)


def technologies_of(reading: Reading) -> tuple[str, ...]:
    """The technologies the page deals with, most prominent first; those it mentions in passing are left out."""
    tags = [tag.strip().lower() for tag in reading.tags]
    places = [
        _Place.of(reading.title, _TITLE),
        _Place.of("\n".join(reading.headings), _HEADING),
        _Place.of(f"{reading.description}\n{reading.text}", _BODY),
    ]
    vocabulary = frozenset(tags).union(*(place.lower for place in places))
    weights: Counter[str] = Counter()
    for place in places:
        for name in _mentions(place, vocabulary, tags):
            weights[name] += place.weight
    for name in _mentions(_Place.of(reading.site, _HEADING), vocabulary, tags):
        if name not in tables.names("mediums.txt"):  # GitHub says so on every page
            weights[name] += _HEADING
    for name in filter(None, map(_tagged, tags)):
        weights[name] += _TAG
    for name in [name for name in weights if not vocabulary.isdisjoint(tables.elsewhere().get(name, ()))]:
        del weights[name]
    return _prominent(weights, short=reading.words < _SHORT_PAGE_WORDS)


def _prominent(weights: Counter[str], *, short: bool) -> tuple[str, ...]:
    if not weights:
        return ()
    most = max(weights.values())
    least = max(1 if short and most < _PROMINENT else 2, _PASSING * most)
    of_a_medium = max(_LEAST_OF_A_MEDIUM, _PASSING_OF_A_MEDIUM * most)
    mediums = tables.names("mediums.txt")
    ordered = sorted(weights, key=lambda name: (-weights[name], name))
    found = (name for name in ordered if weights[name] >= (of_a_medium if name in mediums else least))
    return tuple(islice(found, MAX_TECHNOLOGIES))


def _mentions(place: _Place, vocabulary: frozenset[str], tags: Sequence[str]) -> Iterator[str]:
    """The technology of each mention; where several names begin, the longest is meant.

    Those the text merely compares with or leaves behind (`unlike MySQL, Oracle or SQL Server`) are no mentions.
    """
    first_words, free_from, compared_to = _first_words(), 0, -_NEAR
    for position, word in enumerate(place.lower):
        if word not in first_words or position < free_from:
            continue
        name, length = _named(place, position) or (_everyday(place, position, vocabulary, tags), 1)
        if not name:
            continue
        free_from = position + length
        if place.weight == _BODY and (position - compared_to < _NEAR or _is_compared(place.lower, position)):
            compared_to = free_from
        else:
            yield name


def _is_compared(words: Sequence[str], position: int) -> bool:
    """Whether what stands before this place sets something off against what is named here."""
    cues, _ = tables.phrases("comparing.txt")
    before = words[max(0, position - _LONGEST_COMPARISON) : position]
    return any(tuple(before[start:]) in cues for start in range(len(before)))


def _named(place: _Place, position: int) -> tuple[str, int] | None:
    """The technology whose name begins here, and the words it takes."""
    if place.words[position] in tables.words("capitalised.txt"):
        return None
    for phrase, name in _phrases().get(place.lower[position], ()):
        if tuple(place.lower[position : position + len(phrase)]) == phrase:
            return name, len(phrase)
    return None


def _everyday(place: _Place, position: int, vocabulary: frozenset[str], tags: Sequence[str]) -> str | None:
    """The technology an everyday word is here: the page proves it, a tag says so, or code is spoken of beside it."""
    word = place.words[position]
    if word not in tables.everyday_words():
        return None
    name, evidence = tables.everyday_words()[word]
    if word.lower() in tags or len(evidence & vocabulary) >= (2 if len(word) == 1 else 1):
        return name
    near = (
        *place.lower[max(0, position - _NEAR) : position],
        *place.lower[position + 1 : position + 1 + _NEAR],
    )
    return None if tables.words("speaking_of_code.txt").isdisjoint(near) else name


def _tagged(tag: str) -> str | None:
    """A tag is a name already: an everyday word as a tag of its own is the technology."""
    for word, (name, _) in tables.everyday_words().items():
        if tag in {word.lower(), f"{word.lower()}lang"}:
            return name
    words = tuple(WORD.findall(tag))
    return next((name for phrase, name in _phrases().get(words[0], ()) if phrase == words), None) if words else None
