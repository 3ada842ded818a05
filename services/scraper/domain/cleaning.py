"""Text as it can be kept: no characters a database or a reader chokes on, and no more of them than allowed."""

import re

# Controls but tab and line feed, halves of surrogate pairs, and characters that turn the reading direction around.
_UNKEEPABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufeff]")
_LINE_ENDS = re.compile("\r\n?|\x85|\u2028|\u2029|\x0b|\x0c")
_GAPS = re.compile(r"\n{3,}")
_BLANKS = re.compile(r"\s+")


def clean_text(text: str, *, chars: int) -> str:
    """A text of lines without controls, without large gaps, of at most `chars` characters."""
    # What is cut off need not be cleaned; the cleaning only shortens.
    lines = _LINE_ENDS.sub("\n", text[: 2 * chars])
    return _GAPS.sub("\n\n", _UNKEEPABLE.sub("", lines)).strip()[:chars].rstrip()


def clean_line(text: str | None, *, chars: int = 1_000) -> str:
    """One line without controls, of at most `chars` characters; empty for nothing."""
    return _BLANKS.sub(" ", _UNKEEPABLE.sub("", _BLANKS.sub(" ", text or ""))).strip()[:chars].rstrip()
