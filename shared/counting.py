"""Counting words, also where they are not spaced."""

import re

_OF_TWO = re.compile(
    "[\u3001-\u3007\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\uff01-\uff9f\U00020000-\U0003ffff]"
)
_OF_FOUR = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
"""Thai, Lao, Burmese and Khmer: their vowels and tones are characters, too."""


def count_words(text: str) -> int:
    """Words of a text; where they are not spaced, two characters of Chinese, Japanese or Korean count as one."""
    if text.isascii():
        return len(text.split())
    spaced, twos = _OF_TWO.subn(" ", text)
    spaced, fours = _OF_FOUR.subn(" ", spaced)
    return len(spaced.split()) + twos // 2 + fours // 4
