"""How much text one request carries."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from services.analyzer.domain.budget import fitted, tokens_of


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("a", 1), ("four", 1), ("fives", 2), ("Жара", 2), ("数据库保存", 4), ("\ud800", 1)]
)
def test_tokens_are_counted_by_what_a_text_takes_in_any_script(text: str, tokens: int) -> None:
    assert tokens_of(text) == tokens


def test_a_text_is_cut_at_a_sentence_in_any_script() -> None:
    assert fitted("One two three. Four five six seven eight.", tokens=6) == "One two three."
    assert fitted("今日は。いい天気。明日は雨。", tokens=8) == "今日は。いい天気。"


@given(text=some.text(), tokens=some.integers(min_value=1, max_value=40))
def test_what_is_kept_is_a_beginning_within_the_budget(text: str, tokens: int) -> None:
    kept = fitted(text, tokens=tokens)

    assert text.startswith(kept)
    assert tokens_of(kept) <= tokens
