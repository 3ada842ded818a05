"""What kind of page it is, by votes of what its address, title and text show."""

from collections import Counter

from services.analyzer.domain.heuristic import tables
from services.analyzer.domain.heuristic.reading import Reading
from services.analyzer.domain.vocabulary import CONTENT_TYPES

_LEAST_WORDS_OF_AN_ARTICLE = 120
_ENOUGH = 2
_LEAST_LINES_OF_A_LIST, _MOSTLY, _VOTES_OF_A_LIST = 15, 0.75, 5

_TEXT_CHARS = 4_000


def content_type_of(reading: Reading) -> str:
    """One of `CONTENT_TYPES`: the one with the most votes; `other` for what says too little."""
    votes: Counter[str] = Counter()
    places = {
        "address": reading.address,
        "title": reading.title.lower(),
        "text": reading.text[:_TEXT_CHARS].lower(),
    }
    for place, kind, number, patterns in tables.content_types():
        if any(pattern.search(places[place]) for pattern in patterns):
            votes[kind] += number
    votes["listing"] += _votes_of_a_list(reading)
    best = max(CONTENT_TYPES, key=lambda kind: votes[kind])  # of equals the one that is named first
    if votes[best] > _ENOUGH:
        return best
    return "article" if reading.words >= _LEAST_WORDS_OF_AN_ARTICLE else "other"


def _votes_of_a_list(reading: Reading) -> int:
    long_enough = len(reading.prose.splitlines()) >= _LEAST_LINES_OF_A_LIST
    return _VOTES_OF_A_LIST if long_enough and reading.list_share > _MOSTLY else 0
