"""How hard a page is to follow, by what it says of itself, its words and its sentences."""

from collections.abc import Sequence

from services.analyzer.domain.heuristic import tables
from services.analyzer.domain.heuristic.reading import WORD, Reading

_TITLE_WEIGHT = 4
_CHARS = 6_000
_MARKS_OF_ADVANCED, _MARKS_OF_BEGINNER = 1.2, 0.7  # per hundred words
_LEAST_WORDS = 50
_LONG_WORD = 10
_USUAL_SHARE_OF_LONG_WORDS, _USUAL_SENTENCE = 0.14, 18
_LONGEST_MARK = 3


def difficulty_of(reading: Reading) -> str:
    """One of `DIFFICULTIES`; `intermediate` when nothing speaks for another."""
    sample = reading.prose[:_CHARS].lower()
    words, title = WORD.findall(sample), WORD.findall(reading.title.lower())
    advanced = _marks("advanced.txt", words) + _TITLE_WEIGHT * _marks("advanced.txt", title)
    beginner = _marks("beginner.txt", words) + _TITLE_WEIGHT * _marks("beginner.txt", title)
    balance = (advanced - beginner) * 100 / max(_LEAST_WORDS, len(words)) + _heaviness(sample, words)
    if balance > _MARKS_OF_ADVANCED:
        return "advanced"
    return "beginner" if balance < -_MARKS_OF_BEGINNER else "intermediate"


def _marks(table: str, words: Sequence[str]) -> int:
    """How many of the table's words and phrases the text has."""
    marks, firsts = tables.phrases(table)
    found = 0
    for place, word in enumerate(words):
        if word in firsts:
            found += any(tuple(words[place : place + length]) in marks for length in range(1, _LONGEST_MARK + 1))
    return found


def _heaviness(sample: str, words: Sequence[str]) -> float:
    """How heavy the words and sentences are, -0.5 to 0.5; 0 for a page like most."""
    if len(words) < _LEAST_WORDS:  # too few to tell
        return 0.0
    long_words = sum(map(_LONG_WORD.__le__, map(len, words))) / len(words) - _USUAL_SHARE_OF_LONG_WORDS
    stops = max(1, sample.count(". ") + sample.count(".\n") + sample.count("? ") + sample.count("! "))
    return max(-0.5, min(0.5, long_words * 3 + (len(words) / stops - _USUAL_SENTENCE) / 60))
