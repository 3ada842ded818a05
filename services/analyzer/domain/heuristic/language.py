"""Which language a text is in, told by its small words, and which of its words carry no topic."""

import re
from functools import cache

from services.analyzer.domain.heuristic import tables

_SMALL_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_LOOKED_AT = 600


@cache
def stopwords(language: str) -> frozenset[str]:
    """The words to leave out of a text in this language; English ones always, for its terms are everywhere."""
    small = tables.stopwords()
    return small["en"] | small.get(language, frozenset()) | tables.words("structure.txt")


def language_of(text: str, *, hint: str | None) -> str:
    """The language whose small words are most frequent in the text; the hint, else English, when none is."""
    words = _SMALL_WORD.findall(text.lower())[:_LOOKED_AT]
    hits = {language: sum(map(small.__contains__, words)) for language, small in tables.stopwords().items()}
    best = max(hits, key=lambda language: (hits[language], language == "en"))
    if hits[best] * 10 >= max(len(words), 1):  # a tenth: less is chance
        return best
    return (hint or "en")[:2].lower()
