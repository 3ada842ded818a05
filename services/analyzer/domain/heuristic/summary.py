"""An extractive summary: the page's own sentences that say most of what it is about, in their order."""

import re
from collections.abc import Mapping
from itertools import islice

from services.analyzer.domain.answers import plain
from services.analyzer.domain.heuristic.reading import Reading
from services.analyzer.domain.sentences import cut, sentences
from services.analyzer.domain.vocabulary import MAX_SUMMARY_CHARS

_SENTENCES = 3
_CHARS = 700
_NOTHING = "There is no text to quote."
_LOOKED_AT = 80
_SHORTEST, _LONGEST = 40, 400
_NOT_PROSE = re.compile(r"^\s*(?:#|>|\||[*+\-]\s|\d+[.)]\s|```|https?://)|[{}<>|=;]{2,}|^\W")
_SMALL_TALK = (
    "cookie", "subscribe", "sign up", "log in", "newsletter", "click here", "all rights reserved", "privacy policy",
    "share this",
)  # fmt: skip


def summarise(reading: Reading, concepts: tuple[str, ...]) -> str:
    """Up to three of the page's sentences; its description, else its title, when it has none to quote."""
    candidates = [
        sentence
        for sentence in islice(sentences(reading.prose), _LOOKED_AT)
        if _SHORTEST <= len(sentence) <= _LONGEST and not _NOT_PROSE.search(sentence)
    ]
    if not candidates:
        quoted = (reading.description, reading.prose[: 2 * _CHARS], reading.title, reading.url)
        return cut(next(filter(None, map(plain, quoted)), _NOTHING), chars=_CHARS)
    weights = {concept.lower(): 1 / (rank + 1.5) for rank, concept in enumerate(concepts)}
    scores = {place: _score(sentence, place, weights) for place, sentence in enumerate(candidates)}
    best = sorted(sorted(scores, key=lambda place: (-scores[place], place))[:_SENTENCES])
    text = " ".join(plain(candidates[place]) for place in best)
    return cut(text, chars=min(_CHARS, MAX_SUMMARY_CHARS))


def _score(sentence: str, place: int, weights: Mapping[str, float]) -> float:
    lower = sentence.lower()
    about = sum(weight for concept, weight in weights.items() if concept in lower)
    early = 1.2 / (1 + place / 4)
    chatty = 1.5 if sentence.endswith(("?", ":")) or any(phrase in lower for phrase in _SMALL_TALK) else 0
    return about + early - chatty
