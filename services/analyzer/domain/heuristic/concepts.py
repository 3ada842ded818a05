"""Key concepts: the words and phrases a page keeps coming back to, weighed by where they stand.

Phrases are runs of one to three words without a small word or punctuation between them (as in RAKE); each place
counts by its weight (title, tags, headings, beginning), and longer phrases absorb the words they are made of.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, compress, islice, pairwise

from services.analyzer.domain.heuristic.reading import TOGETHER, Reading
from services.analyzer.domain.vocabulary import MAX_NAME_CHARS

WANTED = 8

_TITLE, _TAG, _HEADING, _OPENING, _BODY = 6.0, 5.0, 3.0, 1.5, 1.0
_OPENING_CHARS = 1_200
_LEAST_TIMES_OF_A_PHRASE = 2
_MORE_PER_WORD = 0.7
_SHORTEST_WORD = 3
_LONG_RUN = 6
_SHORT_TERMS = frozenset(
    ["ai", "ml", "ui", "ux", "go", "js", "ts", "c#", "c++", "f#", "os", "db", "ci", "cd", "vm", "io", "r"]
)
_TOKEN = re.compile(
    rf"[^\W_{TOGETHER}](?:[^\W{TOGETHER}]|[+#]|[.'\u2019\-](?=\w))*"  # a word, with the hyphens and dots inside it
    rf"|[^\w\s'\u2019+#.\-/]|\.(?=\s|$)|[-\u2013\u2014](?=\s)|\n|[{TOGETHER}](?![{TOGETHER}])"  # what ends a phrase
)
_IDEOGRAPHS = re.compile(r"[\u4e00-\u9fff]{2,}|[\u30a1-\u30fa\u30fc]{2,}|[\uac00-\ud7a3]{2,}")
_ADDRESS = re.compile(r"https?://\S+")

Phrase = tuple[str, ...]


class _Bases(dict[str, str]):
    """Each token's base form, worked out once; empty for what carries no topic."""

    def __init__(self, small: frozenset[str]) -> None:
        super().__init__()
        self._small = small

    def __missing__(self, token: str) -> str:
        base = self[token] = _base_of(token, self._small)
        return base


class _Count:
    """What is counted of every phrase, by its words' base forms."""

    def __init__(self, small: frozenset[str]) -> None:
        self.weights: defaultdict[Phrase, float] = defaultdict(float)
        self.times: Counter[Phrase] = Counter()
        self._tokens: Counter[str] = Counter()
        self._meant: set[str] = set()  # written so within a sentence, or before another capital
        self._bases = _Bases(small)

    def read(self, text: str, weight: float) -> None:
        """Count every phrase of a text that stands in a place of this weight."""
        tokens = _TOKEN.findall(text)
        phrases: list[Phrase] = []
        run: list[str] = []
        for base in map(self._bases.__getitem__, tokens):
            if base:
                run.append(base)
            elif run:
                phrases += _within(run)
                run = []
        phrases += _within(run)
        if not text.isascii():
            words = list(_ideographs(text))
            self._bases.update(zip(words, words, strict=True))
            tokens += words
            phrases += zip(words)
        self._tokens.update(tokens)
        self._meant.update(
            compress(tokens[1:], map(str.isalnum, tokens)), compress(tokens, map(str.istitle, tokens[1:]))
        )
        for phrase, times in Counter(phrases).items():
            self.times[phrase] += times
            self.weights[phrase] += times * weight

    def forms(self) -> Mapping[str, Counter[str]]:
        """How often each base form was written in which way; a capital that only begins sentences says nothing."""
        forms: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for token, times in self._tokens.items():
            means_it = token in self._meant or token[1:] != token[1:].lower()
            forms[self._bases[token]][token if means_it else token.lower()] += times
        return forms


def _within(run: Sequence[str]) -> Iterator[Phrase]:
    """Every phrase of one to three words in a run of words."""
    return chain(zip(run), pairwise(run), zip(run, run[1:], run[2:]))  # noqa: B905 - they end with the shortest


def _ideographs(text: str) -> Iterator[str]:
    """Words of writing without spaces: short runs of one script whole, long ones in pairs."""
    for run in _IDEOGRAPHS.findall(text):
        yield from [run] if len(run) <= _LONG_RUN else (run[start : start + 2] for start in range(len(run) - 1))


def key_concepts(reading: Reading) -> tuple[str, ...]:
    """The page's key concepts, most important first; at most `WANTED`."""
    count = _Count(reading.stopwords)
    for text, weight in _places(reading):
        count.read(text, weight)
    scores = {
        phrase: weight * (1 + _MORE_PER_WORD * (len(phrase) - 1))
        for phrase, weight in count.weights.items()
        if len(phrase) == 1 or count.times[phrase] >= _LEAST_TIMES_OF_A_PHRASE or weight >= _HEADING
    }
    forms = count.forms()
    best = islice(_without_parts(scores, count.times), WANTED)
    return tuple(_written(phrase, forms)[:MAX_NAME_CHARS] for phrase in best)


def _places(reading: Reading) -> Iterator[tuple[str, float]]:
    prose = _ADDRESS.sub(" ", reading.prose)
    yield reading.title, _TITLE
    yield "\n".join(reading.tags).replace("-", " "), _TAG
    yield "\n".join(reading.headings), _HEADING
    yield reading.description, _OPENING
    yield prose[:_OPENING_CHARS], _OPENING
    yield prose[_OPENING_CHARS:], _BODY


def _base_of(token: str, small: frozenset[str]) -> str:
    """A word's base form, so that singular and plural count as one; empty for what carries no topic."""
    lower = token.lower()
    if lower in small or not lower[0].isalpha() or len(lower) > MAX_NAME_CHARS // 2:
        return ""
    if len(lower) < _SHORTEST_WORD:
        return lower if lower in _SHORT_TERMS else ""
    lower = lower.removesuffix("'s").removesuffix("\u2019s")
    if len(lower) > _SHORTEST_WORD + 1 and lower.endswith("ies"):
        return lower[:-3] + "y"
    if len(lower) > _SHORTEST_WORD and lower.endswith("s") and not lower.endswith(("ss", "us", "is", "js", "os")):
        return lower[:-1]
    return lower


def _without_parts(scores: dict[Phrase, float], times: Counter[Phrase]) -> Iterator[Phrase]:
    """Phrases best first, without those that mostly occur as part of a better one, or only add a word to one."""
    taken: list[tuple[set[str], Phrase]] = []
    for phrase in sorted(scores, key=lambda phrase: (-scores[phrase], phrase)):
        words = set(phrase)
        if any(words <= better and times[phrase] <= 2 * times[name] for better, name in taken):
            continue
        if any(better < words and len(better) > 1 for better, _ in taken):
            continue
        taken.append((words, phrase))
        yield phrase


def _written(phrase: Phrase, forms: Mapping[str, Counter[str]]) -> str:
    """The phrase as it is mostly written; words before its last in the singular, where they were seen so."""
    *before, last = phrase
    singular = [Counter({form: n for form, n in forms[word].items() if form.lower() == word}) for word in before]
    chosen = [seen or forms[word] for seen, word in zip(singular, before, strict=True)]
    return " ".join(map(_best_form, [*chosen, forms[last]]))


def _best_form(forms: Counter[str]) -> str:
    """The way the word is written most often; small unless its capitals mean something."""
    form = max(forms, key=lambda form: (forms[form], form))
    small = form.lower()
    return small if forms[small] >= forms[form] else form
