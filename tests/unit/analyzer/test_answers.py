"""Answers: what is stored is clean, bounded and of the items that were asked about; the rest is dropped."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from services.analyzer.domain.answers import MAX_ANSWER_CHARS, plain, read_answer
from services.analyzer.domain.provider import ItemId
from services.analyzer.domain.vocabulary import MAX_CONCEPTS, MAX_NAME_CHARS, MAX_SENTENCES_CHARS, MAX_SUMMARY_CHARS
from shared.errors import AnswerUnusable

ONE, TWO = ItemId("1"), ItemId("2")


def entry(id_: object = "1", **changes: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "key_concepts": ["queues"],
        "content_type": "article",
        "difficulty": "beginner",
        "technologies": ["Python"],
        "learning_path": "Start here.",
        "project_applicability": "Anywhere.",
        "skill_development": "Reading.",
        "summary": "About queues.",
    } | changes


def answer(*entries: object) -> str:
    return json.dumps({"analyses": entries})


def test_findings_come_by_id_whatever_their_order() -> None:
    found = read_answer(answer(entry("2", summary="Two."), entry("1", summary="One.")), asked={ONE, TWO})

    assert {id_: findings.summary for id_, findings in found.items()} == {"1": "One.", "2": "Two."}


def test_a_fenced_or_bare_list_is_read_all_the_same() -> None:
    assert read_answer(f"```json\n{answer(entry())}\n```", asked={ONE})
    assert read_answer(json.dumps([entry()]), asked={ONE})


def test_items_nobody_asked_about_and_fields_nobody_asked_for_are_dropped() -> None:
    found = read_answer(answer(entry("1", admin=True, __class__="x"), entry("99")), asked={ONE})

    assert set(found) == {"1"}
    assert not hasattr(found[ONE], "admin")


def test_an_item_that_is_answered_twice_counts_as_missing() -> None:
    found = read_answer(answer(entry("1"), entry("1", summary="Another."), entry("2")), asked={ONE, TWO})

    assert set(found) == {"2"}


@pytest.mark.parametrize(
    "broken",
    [
        entry(difficulty="expert"),
        entry(difficulty=None),
        entry(summary=""),
        entry(summary="<br>"),
        entry(summary=7),
        entry(key_concepts=[]),
        entry(key_concepts="queues"),
        entry(key_concepts=[{"name": "queues"}]),
        entry(id_=1),
        {name: value for name, value in entry().items() if name != "learning_path"},
        "text",
        None,
        [],
    ],
)
def test_a_broken_item_is_missing_and_the_others_stand(broken: object) -> None:
    assert set(read_answer(answer(broken, entry("2")), asked={ONE, TWO})) == {"2"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Sorry, I cannot do that.",
        "<html><body>Sign in</body></html>",
        answer(entry())[:-20],
        "null",
        "7",
        '"text"',
        "{}",
        '{"analyses": "none"}',
        "[" * 10_000,
        "x" * (MAX_ANSWER_CHARS + 1),
        '{"analyses": [], "padding": "' + "x" * 10_000_000 + '"}',
    ],
    ids=range(12),
)
def test_what_is_not_the_json_that_was_asked_for_is_unusable(text: str) -> None:
    with pytest.raises(AnswerUnusable):
        read_answer(text, asked={ONE})


def test_an_unknown_kind_of_page_is_another_kind() -> None:
    (found,) = read_answer(answer(entry(content_type="Poem")), asked={ONE}).values()
    assert found.content_type == "other"

    (found,) = read_answer(answer(entry(content_type=" Tutorial ")), asked={ONE}).values()
    assert found.content_type == "tutorial"


def test_texts_and_lists_are_bounded() -> None:
    long = entry(
        summary="Word. " * 5_000,
        learning_path="word " * 5_000,
        key_concepts=[f"concept {number} {'x' * 500}" for number in range(100)],
    )

    (found,) = read_answer(answer(long), asked={ONE}).values()

    assert len(found.summary) <= MAX_SUMMARY_CHARS
    assert found.summary.endswith(".")
    assert len(found.learning_path) <= MAX_SENTENCES_CHARS
    assert len(found.key_concepts) == MAX_CONCEPTS
    assert all(len(name) <= MAX_NAME_CHARS for name in found.key_concepts)


def test_names_that_differ_in_case_alone_are_one() -> None:
    (found,) = read_answer(answer(entry(technologies=["Python", "python", " ", "Go"])), asked={ONE}).values()

    assert found.technologies == ("Python", "Go")


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("<script>alert(1)</script>Hello", "alert(1) Hello"),
        ("<img src=x onerror=alert(1)>Hello", "Hello"),
        ("<x onclick=alert(1)>Hello", "Hello"),
        ("<scr<script>ipt>Hello", "< scr ipt>Hello"),
        ("Hello <img src=x onerror=alert(1)", "Hello"),
        ("**Bold** and `code` and [a link](https://evil.example 'x')", "Bold and code and a link"),
        ("![pixel](https://evil.example/p.png)Hello", "pixelHello"),
        ("# Title\n\n- one\n- two", "Title one two"),
        ("a\x00b\x1b[2Jc\u202ed", "a b [2Jc d"),
        ("2**3 and __init__ and a < b", "2**3 and __init__ and a < b"),
        ("List<String> of things", "List< String> of things"),
        ("می‌خواهم", "می‌خواهم"),
    ],
)
def test_markup_and_invisible_characters_are_taken_out(dirty: str, clean: str) -> None:
    assert plain(dirty) == clean


@given(some.text(alphabet="<>/!-=\"' abscript[]()*`#\n\x00", max_size=300))
def test_no_text_comes_out_that_a_browser_would_take_for_a_tag(text: str) -> None:
    clean = plain(text)

    assert not any(f"<{letter}" in clean for letter in "abcdefghijklmnopqrstuvwxyz/!?")
    assert "\n" not in clean
    assert "\x00" not in clean


@pytest.mark.parametrize("piece", ["`", "*", "[", "](", "<", "<!--", "<a ", "~~", "#", ".", "\n- "])
def test_text_made_to_be_slow_is_not(piece: str) -> None:
    began = time.process_time()

    plain((piece * 5_000)[:5_000])

    assert time.process_time() - began < 1
