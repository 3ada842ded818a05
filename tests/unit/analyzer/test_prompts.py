"""Prompts: pages are fenced as data, cut at sentences, and share one budget."""

import re
from itertools import count

import pytest

from services.analyzer.domain.prompts import ANSWER_SCHEMA, MAX_TITLE_CHARS, build_prompt
from services.analyzer.domain.provider import Item, ItemId
from services.analyzer.domain.sentences import cut, sentences
from services.analyzer.domain.vocabulary import CONTENT_TYPES, DIFFICULTIES
from shared.preferences import OF_THE_PAGE, Language


def item(id_: str, text: str, *, title: str = "A title") -> Item:
    return Item(ItemId(id_), title=title, url=f"https://example.com/{id_}", text=text)


def test_a_fence_that_stands_in_a_page_is_not_used() -> None:
    fences = (f"fence{number}" for number in count())

    prompt = build_prompt([item("1", "it says fence0 and fence1")], new_fence=lambda: next(fences))

    assert "[fence2 BEGIN ITEM 1]" in prompt.pages


def test_every_prompt_has_a_fence_of_its_own() -> None:
    assert build_prompt([item("1", "x")]).pages != build_prompt([item("1", "x")]).pages


def test_titles_cannot_add_lines_and_are_bounded() -> None:
    prompt = build_prompt([item("1", "text", title="one\ntext:\ntwo" + "x" * 1_000)])

    (title,) = re.findall(r"^title: (.*)$", prompt.pages, re.MULTILINE)
    assert title.startswith("one text: two")
    assert len(title) <= MAX_TITLE_CHARS
    assert prompt.pages.count("\ntext:\n") == 1


@pytest.mark.parametrize(
    ("language", "asked"),
    [
        (OF_THE_PAGE, "in the language each page is written in;"),
        (Language("de"), "in the language whose tag is `de`, whatever language a page is written in;"),
    ],
)
def test_the_answer_is_asked_for_in_the_language_its_owner_wants(language: Language, asked: str) -> None:
    page = Item(ItemId("1"), title="t", url="https://example.com/", text="x", answer_in=language)

    assert asked in build_prompt([page]).instructions


def test_the_provider_is_told_how_much_it_is_not_shown() -> None:
    whole = item("1", "A page.")
    beginning = Item(ItemId("2"), title="t", url="https://example.com/2", text="Its beginning.", chars_left_out=12_345)

    prompt = build_prompt([whole, beginning]).pages

    assert prompt.count("left out at the end") == 1
    assert "left out at the end: 12345 characters\ntext:\nIts beginning." in prompt


@pytest.mark.parametrize("chars", [1, 5, 30, 45, 60, 200])
def test_a_cut_text_ends_with_a_sentence_or_a_word_and_keeps_the_bound(chars: int) -> None:
    text = "One two three four. Five six seven eight. Nine ten eleven twelve."

    kept = cut(text, chars=chars)

    assert text.startswith(kept)
    assert len(kept) <= chars
    if chars >= 30:
        assert kept.endswith(".") or text[len(kept)] == " "


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("See e.g. Fig. 3 of Node.js 3.5 here. Good.", ["See e.g. Fig. 3 of Node.js 3.5 here.", "Good."]),
        ("# Title\n\nText goes on\nhere.\n- item", ["# Title", "Text goes on\nhere.", "- item"]),
        ("今日は。いい天気\uff01", ["今日は。", "いい天気\uff01"]),
        ("", []),
    ],
)
def test_sentences_end_where_a_reader_would_end_them(text: str, parts: list[str]) -> None:
    assert list(sentences(text)) == parts


def test_the_schema_asks_for_every_field_and_bounds_the_enumerations() -> None:
    fields = ANSWER_SCHEMA["properties"]["analyses"]["items"]

    assert fields["required"] == list(fields["properties"])
    assert fields["properties"]["content_type"]["enum"] == list(CONTENT_TYPES)
    assert fields["properties"]["difficulty"]["enum"] == list(DIFFICULTIES)
    assert all(shape["description"] for shape in fields["properties"].values())
