"""Counting words, also where they are not spaced."""

import re

_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


def count_words(text: str) -> int:
    """Words of a text; in scripts without spaces two characters count as one."""
    unspaced = len(_CJK.findall(text))
    return len(_CJK.sub(" ", text).split()) + unspaced // 2 if unspaced else len(text.split())
