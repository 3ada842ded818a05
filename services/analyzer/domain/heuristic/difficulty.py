"""How hard a page is to follow, by what it says of itself, its words, its sentences and its code."""

import re

from services.analyzer.domain.heuristic.reading import WORD, Reading

_BEGINNER = re.compile(
    r"\b(?:beginners?|introduction|introductory|intro to|getting started|basics?|fundamentals|first steps|from scratch|"
    r"hello,? world|for dummies|101|what is|what are|no prior|never (?:used|programmed)|easy|simple|learn (?:to|how)|"
    r"newcomers?|step by step|grundlagen|einf\u00fchrung|d\u00e9butants?|principiantes|introducci\u00f3n)\b",
    re.IGNORECASE,
)
_ADVANCED = re.compile(
    r"\b(?:advanced|internals?|deep dive|under the hood|in depth|expert|theorem|lemma|proofs?|formal|asymptotic|"
    r"optimi[sz](?:e|ed|ing|ation)s?|benchmarks?|latency|throughput|concurren(?:t|cy)|lock-free|wait-free|memory model|"
    r"consensus|linearizab\w+|distributed systems?|kernel|syscalls?|garbage collect(?:or|ion)|compilers?|semantics|"
    r"invariants?|monads?|type theory|cryptograph\w+|gradients?|stochastic|eigen\w+|bayesian|complexity|architecture|"
    r"vectori[sz]\w+|simd|cache lines?|scheduler|isolation levels?|serializab\w+|abstract|et al)\b",
    re.IGNORECASE,
)
_TITLE_WEIGHT = 4.0
_CHARS = 15_000
_MARKS_OF_ADVANCED, _MARKS_OF_BEGINNER = 1.2, 0.7  # per hundred words
_LEAST_WORDS = 50
_LONG_WORD = 10


def difficulty_of(reading: Reading) -> str:
    """One of `DIFFICULTIES`; `intermediate` when nothing speaks for another."""
    sample = reading.prose[:_CHARS]
    words = max(_LEAST_WORDS, len(WORD.findall(sample)))
    beginner = len(_BEGINNER.findall(sample)) + _TITLE_WEIGHT * len(_BEGINNER.findall(reading.title))
    advanced = len(_ADVANCED.findall(sample)) + _TITLE_WEIGHT * len(_ADVANCED.findall(reading.title))
    balance = (advanced - beginner) * 100 / words + _heaviness(sample)
    if balance > _MARKS_OF_ADVANCED:
        return "advanced"
    return "beginner" if balance < -_MARKS_OF_BEGINNER else "intermediate"


def _heaviness(sample: str) -> float:
    """How heavy the words and sentences are, -0.5 to 0.5; 0 for a page like most."""
    words = [word for word in sample.split() if word[0].isalpha()]
    if len(words) < _LEAST_WORDS:  # too few to tell
        return 0.0
    long_words = sum(len(word) >= _LONG_WORD for word in words) / len(words)
    stops = max(1, sum(sample.count(stop) for stop in ".!?"))
    return max(-0.5, min(0.5, (long_words - 0.14) * 3 + (len(words) / stops - 18) / 60))
