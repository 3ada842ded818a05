"""Splits text into sentences, and cuts it so that what stays reads whole."""

import re
from collections.abc import Iterator

# Possessive and behind a lookbehind, so that a run of a million dots is looked at once.
_ENDS = re.compile(
    r"(?<![.!?\u2026])[.!?\u2026]++[\"'\u201d\u2019)\]]*+\s++(?=[^a-z])"
    r"|[\u3002\uff01\uff1f]++[\u300d\u300f\u201d\uff09]*+|\n\n++|\n(?=[#\-*>|])"
)
_ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|cf|Dr|Mr|Mrs|Ms|St|No|Fig|approx|bzw|z\.B|d\.h)|\b[A-Z])\.$")


def sentences(text: str) -> Iterator[str]:
    """The text's sentences in order, each without the space around it; a heading or list line is one."""
    start = 0
    for end in _ENDS.finditer(text):
        piece = text[start : end.end()].strip()
        if _ABBREVIATION.search(piece[-8:]):
            continue
        if piece:
            yield piece
        start = end.end()
    if rest := text[start:].strip():
        yield rest


def cut(text: str, *, chars: int) -> str:
    """The text's beginning of at most `chars` characters, ending with a sentence where one ends in its second half."""
    if len(text) <= chars:
        return text
    head = text[:chars]
    ends = [end.end() for end in _ENDS.finditer(head, chars // 2)]
    if ends:
        return head[: ends[-1]].rstrip()
    space = head.rfind(" ", chars // 2)
    return head[:space].rstrip() if space > 0 else head
