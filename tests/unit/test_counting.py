"""Words, counted the same wherever they are counted."""

import pytest

from shared.bookmarks import Content
from shared.counting import count_words
from shared.values import Strategy


@pytest.mark.parametrize(
    ("text", "words"),
    [
        *(("", 0), ("one two  three", 3), ("na\u00efve caf\u00e9s", 2), ("\u2013 so \u2013", 3)),
        *(("日本語の文章です", 4), ("한국어 문장", 2), ("Python で書く", 2), ("今天天气很好。我们去公园散步。", 7)),
        *(("สวัสดีชาวโลก นี่คือหน้าเว็บ", 6), ("ﾊﾝｶｸｶﾅ", 3)),
    ],
)
def test_words_are_counted_also_where_they_are_not_spaced(text: str, words: int) -> None:
    assert count_words(text) == words


def test_a_content_has_as_many_words_as_its_text() -> None:
    text = "港は二百年のあいだ手で浚渫されていた。" * 100

    assert Content(Strategy.STATIC, "ok", "", "", text).words == count_words(text) == 950
