"""The heuristic analyser's tables as text files, read when first asked for; `#` begins a line that explains."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files


def _lines(name: str) -> Iterator[str]:
    for line in files(__package__).joinpath(name).read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            yield line.strip()


@cache
def words(name: str) -> frozenset[str]:
    """A table of words."""
    return frozenset(word for line in _lines(name) for word in line.split())


@cache
def names(name: str) -> frozenset[str]:
    """A table of names, one a line."""
    return frozenset(_lines(name))


@cache
def phrases(name: str) -> tuple[frozenset[tuple[str, ...]], frozenset[str]]:
    """A table of phrases, one a line, as their words; and the words any of them begins with."""
    table = frozenset(tuple(line.split()) for line in _lines(name))
    return table, frozenset(phrase[0] for phrase in table)


@cache
def stopwords() -> Mapping[str, frozenset[str]]:
    """The small words of each language, by its two letters."""
    folder = files(__package__).joinpath("stopwords")
    return {file.name[:2]: words(f"stopwords/{file.name}") for file in sorted(folder.iterdir(), key=lambda f: f.name)}


@cache
def everyday_words() -> Mapping[str, tuple[str, frozenset[str]]]:
    """Each everyday word, as it must be written, with its technology and the words that prove it."""
    table: dict[str, tuple[str, frozenset[str]]] = {}
    for line in _lines("everyday_words.txt"):
        name, word, evidence = (part.strip() for part in line.split("|"))
        table[word] = (name, frozenset(evidence.split()) | {f"{word.lower()}lang"})
    return table


@cache
def elsewhere() -> Mapping[str, frozenset[str]]:
    """Technologies whose name means something else where one of some words stands on the page."""
    rules = (line.split(" | ") for line in _lines("elsewhere.txt"))
    return {name: frozenset(words.split()) for name, words in rules}


@cache
def content_types() -> tuple[tuple[str, str, int, tuple[re.Pattern[str], ...]], ...]:
    """What speaks for which kind of page: where to look, the kind, its votes, and what is looked for in lower case."""
    rules = (line.split(" | ", 3) for line in _lines("content_types.txt"))
    return tuple(
        (place, kind, int(votes), tuple(re.compile(pattern, re.MULTILINE) for pattern in patterns.split(" || ")))
        for place, kind, votes, patterns in rules
    )


@cache
def technologies() -> Mapping[str, tuple[str, ...]]:
    """Each technology with every way it is written, lower case, but for everyday words."""
    everyday = {(name, word) for word, (name, _) in everyday_words().items()}
    table: dict[str, tuple[str, ...]] = {}
    for line in _lines("technologies.txt"):
        name, _, aliases = line.partition(":")
        written = [name, *(alias.strip() for alias in aliases.split(","))]
        table[name] = tuple(way.lower() for way in written if way and (name, way) not in everyday)
    return table
