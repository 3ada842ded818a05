"""Reads a provider's answer: what is asked for is kept clean and bounded, everything else is dropped."""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable
from functools import partial
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, JsonValue, TypeAdapter, ValidationError

from services.analyzer.domain.provider import Findings, ItemId
from services.analyzer.domain.sentences import cut
from services.analyzer.domain.vocabulary import (
    CONTENT_TYPES,
    DIFFICULTIES,
    MAX_CONCEPTS,
    MAX_NAME_CHARS,
    MAX_SENTENCES_CHARS,
    MAX_SUMMARY_CHARS,
    MAX_TECHNOLOGIES,
)
from shared.errors import AnswerUnusable

T = TypeVar("T")

MAX_ANSWER_CHARS = 200_000

_FENCE = re.compile(r"\A\s*```(?:json)?\s*(.*?)\s*```\s*\Z", re.DOTALL)
_TAG = re.compile(
    r"</?(?:[a-z][a-z0-9-]*\s[^<>]*=[^<>]*|(?:a|b|i|u|p|s|q|em|hr|br|li|ul|ol|dl|dt|dd|td|th|tr|h[1-6]|div|img|pre|svg|sub|sup|"
    r"body|code|font|form|head|html|link|math|meta|span|base|table|tbody|thead|embed|input|style|title|video|audio|"
    r"button|iframe|object|script|strong|textarea|template|blockquote)\b[^<>]*)>?|<!--.*?(?:-->|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_OPENING = re.compile(r"<(?=[A-Za-z/!?])")
_LINK = re.compile(r"!?\[([^\]\[]*)\]\([^)\s]*(?:\s[^)]*)?(?:\)|\Z)")
_EMPHASIS = re.compile(r"`+|(?<!\w)(?:\*\*|~~)(?=\S)|(?<=\S)(?:\*\*|~~)(?!\w)")
_LINE_MARK = re.compile(r"^\s{0,3}(?:#{1,6}\s+|>\s?|[-*+]\s+)", re.MULTILINE)
_JOINERS = "\u200c\u200d"  # invisible, and yet part of words in Persian and Hindi, and of emoji


def plain(text: str) -> str:
    """The text as one line without markup, control characters or invisible ones."""
    for markup, kept in ((_TAG, " "), (_LINK, r"\1"), (_LINE_MARK, ""), (_EMPHASIS, ""), (_OPENING, "< ")):
        text = markup.sub(kept, text)
    return " ".join("".join(map(_visible, text)).split())


def _visible(character: str) -> str:
    hidden = unicodedata.category(character) in {"Cc", "Cf", "Co", "Cs"} and character not in _JOINERS
    return " " if hidden else character


def _names(names: tuple[str, ...], *, most: int) -> tuple[str, ...]:
    cleaned = (plain(name[: MAX_NAME_CHARS * 4])[:MAX_NAME_CHARS].strip() for name in names)
    unique: dict[str, str] = {}
    for name in filter(None, cleaned):
        unique.setdefault(name.casefold(), name)
    return tuple(unique.values())[:most]


def _words(text: str, *, chars: int) -> str:
    return cut(plain(text[: chars * 4]), chars=chars)


def _content_type(word: str) -> str:
    word = word.strip().lower()
    return word if word in CONTENT_TYPES else "other"


def _difficulty(word: str) -> str:
    word = word.strip().lower()
    if word not in DIFFICULTIES:
        raise ValueError("no such difficulty")
    return word


def _some(value: T) -> T:
    if not value:
        raise ValueError("nothing left of it")
    return value


_Concepts = Annotated[tuple[str, ...], AfterValidator(partial(_names, most=MAX_CONCEPTS)), AfterValidator(_some)]
_Technologies = Annotated[tuple[str, ...], AfterValidator(partial(_names, most=MAX_TECHNOLOGIES))]
_Sentences = Annotated[str, AfterValidator(partial(_words, chars=MAX_SENTENCES_CHARS))]
_Summary = Annotated[str, AfterValidator(partial(_words, chars=MAX_SUMMARY_CHARS)), AfterValidator(_some)]


class _AnsweredItem(BaseModel):
    """One item of an answer, as `prompts.ANSWER_SCHEMA` asks for it."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    id: ItemId
    key_concepts: _Concepts
    content_type: Annotated[str, AfterValidator(_content_type)]
    difficulty: Annotated[str, AfterValidator(_difficulty)]
    technologies: _Technologies
    learning_path: _Sentences
    project_applicability: _Sentences
    skill_development: _Sentences
    summary: _Summary

    def findings(self) -> Findings:
        """The item without its id."""
        return Findings(**self.model_dump(exclude={"id"}))


_JSON: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)


def read_answer(text: str, *, asked: Collection[ItemId]) -> dict[ItemId, Findings]:
    """What an answer's text says of the items that were asked about, by their ids.

    Items it misses, says twice, or describes in an unusable way are left out; what was not asked is dropped.

    Raises:
        AnswerUnusable: the text is not the JSON that was asked for.
    """
    entries = _entries(text)
    items = [item for entry in entries if (item := _item(entry)) is not None and item.id in asked]
    times = Counter(item.id for item in items)
    return {item.id: item.findings() for item in items if times[item.id] == 1}


def _entries(text: str) -> Iterable[JsonValue]:
    if len(text) > MAX_ANSWER_CHARS:
        raise AnswerUnusable("The provider's answer is far longer than what was asked for.")
    fenced = _FENCE.match(text)
    try:
        answer = _JSON.validate_json(fenced[1] if fenced else text)
    except ValidationError:
        raise AnswerUnusable("The provider's answer is not JSON, or was cut.") from None
    entries = answer.get("analyses") if isinstance(answer, dict) else answer
    if not isinstance(entries, list):
        raise AnswerUnusable("The provider's answer holds no analyses.")
    return entries


def _item(entry: JsonValue) -> _AnsweredItem | None:
    try:
        return _AnsweredItem.model_validate(entry)
    except ValidationError:
        return None
