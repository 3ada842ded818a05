"""Text as it can be kept."""

from hypothesis import given
from hypothesis import strategies as st

from services.scraper.domain.cleaning import clean_line, clean_text


def test_controls_halves_of_characters_and_direction_marks_are_taken_out() -> None:
    assert clean_text("a\x00b\x07c\ud800d\u202ee\ufefff", chars=100) == "abcdef"


def test_lines_end_in_one_way_and_gaps_are_small() -> None:
    assert clean_text("\n one\r\ntwo\rthree\u2028four\n\n\n\n\nfive\t \n", chars=100) == "one\ntwo\nthree\nfour\n\nfive"


def test_a_text_is_cut_at_its_limit() -> None:
    assert clean_text("x" * 1_000, chars=10) == "x" * 10
    assert clean_line("y" * 1_000, chars=10) == "y" * 10


def test_a_line_is_one_line() -> None:
    assert clean_line(" a\n b\t\x00c  d ") == "a b c d"
    assert clean_line(None) == ""


@given(st.text(st.characters(codec=None)), st.integers(1, 50))
def test_whatever_comes_in_can_be_stored(text: str, chars: int) -> None:
    for kept in (clean_text(text, chars=chars), clean_line(text, chars=chars)):
        assert len(kept) <= chars
        assert "\x00" not in kept
        kept.encode()
