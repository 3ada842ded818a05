"""Lines within a content that are none of it: marks of advertisements, rights, pointers to other pages, the title."""

import re
from collections.abc import Iterable

_ASIDE = re.compile(
    r"(?:advertise?ments?(?:\W{1,5}continue reading below)?"
    r"|advertising|(?:story|article)? ?continues? (?:reading )?below.{0,40}|loading[ .…]*"
    r"|(?:©|copyright\b|\(c\) ).{0,160}|.{0,160}\ball rights reserved\b.{0,40}"
    r"|(?:related|read (?:more|next|also)|see (?:also|more)|also read|more (?:from|on)|recommended"
    r"|you (?:may|might) (?:also )?(?:like|enjoy)|don.t miss|trending|most (?:read|popular)"
    r"|sign up (?:for|to)|subscribe (?:to|for)|follow us|click here to)\b.{0,100})",
    re.IGNORECASE,
)
_MARKS = "#->*| "
_WORD = re.compile(r"\w+")
_SAME = 0.75


def without_asides(blocks: Iterable[str], *, title: str) -> list[str]:
    """The blocks without those that are such a line; `title` is the document's, which often has the site's name too."""
    words = set(_WORD.findall(title.lower()))
    return [block for block in blocks if "\n" in block or not (_is_aside(block) or _repeats(block, words))]


def _is_aside(line: str) -> bool:
    return _ASIDE.fullmatch(line.strip(_MARKS)) is not None


def _repeats(line: str, title: set[str]) -> bool:
    """Whether it is a heading of the title's words."""
    if not line.startswith(("# ", "## ")):
        return False
    words = _WORD.findall(line.lower())
    return bool(words) and sum(word in title for word in words) > _SAME * len(words)
