"""Technologies a page deals with, found by name in a lexicon; words of everyday language need evidence."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from services.analyzer.domain.heuristic import tables
from services.analyzer.domain.heuristic.reading import WORD, Reading
from services.analyzer.domain.vocabulary import MAX_TECHNOLOGIES

_TITLE, _TAG, _HEADING, _BODY = 5, 5, 2, 1
_PASSING = 0.06  # of the most frequent one's weight: less is a mention in passing
_SHORT_PAGE_WORDS = 200
_NEAR = 2

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


def technologies_of(reading: Reading) -> tuple[str, ...]:
    """The technologies the page deals with, most prominent first; those it mentions in passing are left out."""
    places = [
        (WORD.findall(reading.title), _TITLE),
        (WORD.findall("\n".join(reading.headings)), _HEADING),
        (WORD.findall(reading.description), _BODY),
        (WORD.findall(reading.text), _BODY),
    ]
    tags = [tag.strip().lower() for tag in reading.tags]
    vocabulary = {word.lower() for words, _ in places for word in words}.union(*(WORD.findall(tag) for tag in tags))
    weights: Counter[str] = Counter()
    for words, weight in places:
        for name in _mentions(words, vocabulary, tags):
            weights[name] += weight
    for tag in tags:
        for name in _tagged(tag):
            weights[name] += _TAG
    return _prominent(weights, short=reading.words < _SHORT_PAGE_WORDS)


def _prominent(weights: Counter[str], *, short: bool) -> tuple[str, ...]:
    if not weights:
        return ()
    least = max(1 if short else 2, _PASSING * max(weights.values()))
    ordered = sorted(weights, key=lambda name: (-weights[name], name))
    return tuple(name for name in ordered if weights[name] >= least)[:MAX_TECHNOLOGIES]


def _mentions(words: Sequence[str], vocabulary: set[str], tags: Sequence[str]) -> Iterator[str]:
    """The technology of each mention, the longest name first where several begin."""
    lower = [word.lower() for word in words]
    phrases, everyday = _phrases(), tables.everyday_words()
    position = 0
    while position < len(words):
        found = None
        for phrase, name in phrases.get(lower[position], ()):
            if tuple(lower[position : position + len(phrase)]) == phrase and _written_as_a_name(words[position]):
                found = name
                position += len(phrase)
                break
        if found is None:
            if words[position] in everyday:
                name, evidence = everyday[words[position]]
                if _is_meant(lower, position, evidence, vocabulary, tags):
                    found = name
            position += 1
        if found is not None:
            yield found


def _written_as_a_name(word: str) -> bool:
    return word not in tables.words("capitalised.txt")


def _is_meant(
    lower: Sequence[str], position: int, evidence: frozenset[str], vocabulary: set[str], tags: Sequence[str]
) -> bool:
    """Whether an everyday word is the technology here: the page proves it, a tag says so, or code is spoken of."""
    word = lower[position]
    needed = 2 if len(word) == 1 else 1
    if word in tags or len(evidence & vocabulary) >= needed:
        return True
    near = (*lower[max(0, position - _NEAR) : position], *lower[position + 1 : position + 1 + _NEAR])
    return not tables.words("speaking_of_code.txt").isdisjoint(near)


def _tagged(tag: str) -> Iterator[str]:
    """A tag is a name already: an everyday word as a tag of its own is the technology."""
    for word, (name, _) in tables.everyday_words().items():
        if tag in {word.lower(), f"{word.lower()}lang"}:
            yield name
            return
    words = tuple(WORD.findall(tag))
    for phrase, name in _phrases().get(words[0], ()) if words else ():
        if phrase == words:
            yield name
            return
