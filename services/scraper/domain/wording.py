"""Patterns of words, searched for by RE2, many in one pass: no looking ahead, and words and their ends are ASCII's."""

import re2


def wordings(*alternatives: str) -> re2._Regexp:
    """One pattern of several, whatever the case; `^` and `$` are a line's ends."""
    return re2.compile("(?im)" + "|".join(f"(?:{each})" for each in alternatives))


def encodable(text: str) -> str:
    """The text without halves of characters, which JSON in a page can bring in and RE2 cannot read."""
    return text.encode(errors="replace").decode()
